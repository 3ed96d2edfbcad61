# SPDX-License-Identifier: BSD-3-Clause
"""What the scripts of ci/bugs read of patches, and how they end."""
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPTS = Path(__file__).resolve().parent.parent / "ci/bugs"
sys.path.insert(0, str(SCRIPTS))
import known
import script

PATCH = """Bug: CVE-1
Cause: The first line,
  and: the second.
Signal: crash:SEGV

---
diff --git a/devices/a.c b/devices/a.c
--- a/devices/a.c
+++ b/devices/a.c
@@ -10,6 +10,6 @@ int f(void)
 kept 10
-gone
+new 11
+new 12
 kept 13
-gone
-gone
 kept 14, behind them
 kept 15
@@ -50,3 +50,2 @@ Signal: none
 kept 50
-gone
--- gone, too
--- a/devices/b.c
+++ b/devices/b.c
@@ -0,0 +1 @@
+new 1
"""


class Patches(unittest.TestCase):
    def bug(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "Z01a-some-words.patch")
            path.write_text(text)
            return known.Bug(path)

    def test_names(self):
        bug = self.bug(PATCH)
        self.assertEqual((bug.id, bug.name, bug.folder), ("Z01a", "Z01a-some-words", Path("build/bugs/Z01a")))

    def test_the_head(self):
        bug = self.bug(PATCH)
        self.assertEqual((bug["Bug"], bug["Cause"], bug["Signal"]), ("CVE-1", "The first line,", "crash:SEGV"))
        for text in PATCH, PATCH.replace("Bug:", "Source:\nBug:"):
            with self.assertRaisesRegex(script.Problem, r"Z01a-some-words\.patch: its head has no Source"):
                self.bug(text)["Source"]

    def test_lines(self):
        self.assertEqual(list(self.bug(PATCH).lines()), [
            ("devices/a.c", 11), ("devices/a.c", 12), ("devices/a.c", 14), ("devices/b.c", 1)])


class Ending(unittest.TestCase):
    def setUp(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:  # whatever runs the tests ignores
            self.addCleanup(signal.signal, number, signal.signal(number, signal.SIG_DFL))

    def start(self, work):
        program = f"import sys; sys.path.insert(0, '{SCRIPTS}'); import script; from script import *; main({work}, 'doc')"
        process = subprocess.Popen([sys.executable, "-B", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        return process

    def test_a_signal_ends_all_that_runs(self):
        # whoever holds the pipe runs; communicate() returns when nobody does
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            process = self.start("lambda: side_by_side(lambda n: run('sh', '-c', 'echo; sleep 1000 & wait', stdout=None), range(99))")
            process.stdout.readline()
            process.send_signal(number)
            self.assertEqual(process.communicate()[1], "")
            self.assertEqual(process.returncode, 130)

    def test_nohup(self):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        process = self.start("lambda: run('sh', '-c', 'kill -HUP $PPID; echo done', stdout=None).status")
        self.assertEqual(process.communicate(), ("done\n", ""))
        self.assertEqual(process.returncode, 0)

    def test_complaints(self):
        for work, words in [("lambda: need('no-such-program')", "no no-such-program; make deps installs it"),
                            ("lambda: need('build/none')", "no build/none; make bugs builds it"),
                            ("lambda one: 0", "it takes other arguments; --help has them"),
                            ("lambda: open('/no/file')", "/no/file: No such file or directory")]:
            process = self.start(work)
            out, err = process.communicate()
            self.assertEqual((out, err.partition(": ")[2], process.returncode), ("", words + "\n", 2))

    def test_what_a_program_did(self):
        process = self.start("lambda: print(run('sh', '-c', 'echo a; echo b >&2; exit 3', stdout=PIPE, stderr=STDOUT)[:2])")
        self.assertEqual(process.communicate()[0], "(3, 'a\\nb\\n')\n")
        process = self.start("lambda: print(run('sh', '-c', 'kill -9 $$', stdout=PIPE)[:2])")
        self.assertEqual(process.communicate()[0], "(-9, '')\n")
        busy = "i=0; while [ $i -lt 99999 ]; do i=$((i + 1)); done"
        process = self.start(f"lambda: print(run('sh', '-c', '{busy}').seconds > run('true').seconds)")
        self.assertEqual(process.communicate()[0], "True\n")


if __name__ == "__main__":
    unittest.main()
