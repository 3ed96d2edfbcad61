# SPDX-License-Identifier: BSD-3-Clause
"""What the scripts of ci/bugs read of patches, outputs and options, and how they end."""
import importlib.machinery
import importlib.util
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPTS = Path(__file__).resolve().parent.parent / "ci/bugs"
sys.path.insert(0, str(SCRIPTS))
import finding
import known
import script
import why_missed

loader = importlib.machinery.SourceFileLoader("bugs_race", str(SCRIPTS / "race"))
race = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(race)

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


class Outputs(unittest.TestCase):
    def test_lines_that_ran(self):
        lcov = ("SF:/some/where/devices/a.c\nFN:3,f\nDA:3,0\nDA:4,1\nDA:40,25\nend_of_record\n"
                "SF:devices/b.h\nDA:4,10\nend_of_record\n")
        self.assertEqual(list(why_missed.lines_run(lcov)), [("devices/a.c", 4), ("devices/a.c", 40), ("devices/b.h", 4)])

    def test_a_target_by_itself(self):
        for said, what in [
                ("x\nSUMMARY: AddressSanitizer: heap-use-after-free a.c:1 in f\n", "crash:heap-use-after-free"),
                ("anvil: violation:9 at operation 2: why\nSUMMARY: libFuzzer: deadly signal\n", "violation:9"),
                ("anvil: wedged at operation 2\n", "wedged"), ("SUMMARY: libFuzzer: deadly signal\n", "crash")]:
            self.assertEqual(finding.alone(said), what + " in the engine alone")
        self.assertEqual(finding.alone("anvil: ok\n the SUMMARY: libFuzzer: deadly signal\n"), "")


class Options(unittest.TestCase):
    def measured(self, *arguments):
        one = race.race_from(arguments)
        return [one.trials, one.seconds, one.name, one.folder, *(bug.id for bug in one.bugs)]

    def setUp(self):
        chosen = known.chosen
        self.addCleanup(setattr, known, "chosen", chosen)
        known.chosen = lambda ids: [self.bug(id) for id in ids]

    class bug:
        def __init__(self, id):
            self.id = id

    def test_what_is_measured(self):
        self.assertEqual(self.measured(), [5, 60, "libfuzzer-none-full", "build/fuzz"])
        self.assertEqual(self.measured("--trials", "2", "--without", "none", "A01", "F05"),
                         [2, 60, "libfuzzer-none-full", "build/fuzz", "A01", "F05"])
        self.assertEqual(self.measured("--without", "mutator", "--seeds", "corpora", "--time", "10"),
                         [5, 10, "libfuzzer-corpora-mutator", "build/fuzz/without/mutator"])

    def test_afl_loads_the_mutator(self):
        for without, folder in [("none", ""), ("mutator", ""), ("oracle", "/without/oracle"), ("model", "/without/model"), ("races", "/without/races")]:
            self.assertEqual(self.measured("--engine", "afl", "--without", without)[3], f"build/afl/asan{folder}")

    def test_mistakes(self):
        for arguments, words in [
                (["--trials"], "--trials : give a number"), (["--time", "07"], "--time 07: give a number"),
                (["--engine", "x"], "--engine x: libfuzzer or afl"), (["--quiet"], "--quiet: no such option; --help has them"),
                (["--without", "luck"], "--without luck: none, mutator, oracle, model or races")]:
            with self.assertRaises(script.Problem) as caught:
                race.race_from(arguments)
            self.assertEqual(str(caught.exception), words)


class Ending(unittest.TestCase):
    def setUp(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:  # whatever runs the tests ignores
            self.addCleanup(signal.signal, number, signal.signal(number, signal.SIG_DFL))

    def start(self, work):
        program = f"import sys; sys.path.insert(0, '{SCRIPTS}'); import script; from script import *; main({work}, '')"
        process = subprocess.Popen([sys.executable, "-B", "-c", program], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        return process

    def test_a_signal_ends_all_that_runs(self):
        # whoever holds the pipe runs; communicate() returns when nobody does, or else complains
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            process = self.start("lambda: side_by_side(lambda n: run('sh', '-c', 'echo; sleep 60 & wait', stdout=None), "
                                 "range(99))")
            process.stdout.readline()
            process.send_signal(number)
            self.assertEqual(process.communicate(timeout=30)[1], "")
            self.assertEqual(process.returncode, 130)

    def test_nothing_is_made_of_what_was_ended(self):
        process = self.start("lambda: print(run('sh', '-c', 'kill -TERM $PPID; exec sleep 60').status)")
        self.assertEqual(process.communicate(timeout=30), ("", ""))
        self.assertEqual(process.returncode, 130)

    def test_a_signal_while_nothing_runs(self):
        process = self.start("lambda: signal.raise_signal(signal.SIGTERM) or all(iter(lambda: not script.stopped, False))")
        self.assertEqual(process.communicate(timeout=30), ("", ""))
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
        process = self.start("lambda: print(run('sh', '-c', 'echo a; echo bc; sleep 60; echo d', stdout=PIPE, until='b')[:2])")
        self.assertEqual(process.communicate(timeout=30)[0], "(-15, 'a\\nbc\\n')\n")
        busy = "i=0; while [ $i -lt 99999 ]; do i=$((i + 1)); done"
        process = self.start(f"lambda: print(run('sh', '-c', '{busy}').seconds > run('true').seconds)")
        self.assertEqual(process.communicate()[0], "True\n")


if __name__ == "__main__":
    unittest.main()
