# SPDX-License-Identifier: BSD-3-Clause
"""What ci/dut-campaign makes of the words of engines, and how it keeps records."""
import importlib.machinery
import importlib.util
import signal
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.dont_write_bytecode = True
PROGRAM = Path(__file__).resolve().parent.parent / "ci/dut-campaign"
loader = importlib.machinery.SourceFileLoader("dut_campaign", str(PROGRAM))
campaign = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(campaign)


class Rows(unittest.TestCase):
    def test_table(self):
        self.assertEqual(list(campaign.table([(0.5, 100, 7, 3, 0), (2.5, 500, 8, 4, 1), (2.5, 500, 8, 4, 1), (3, 400, 8, 4, 1)])),
                         [campaign.COLUMNS, "0.500\t100\t200\t7\t3\t0", "2.500\t500\t200\t8\t4\t1", "2.500\t500\t0\t8\t4\t1",
                          "3.000\t400\t0\t8\t4\t1"])

    def test_not_too_many(self):
        for many in 0, 1, 2, 255, 256, 257, 511, 100000:
            thin = campaign.thin_out(list(range(many)))
            self.assertLessEqual(len(thin), campaign.ROWS)
            self.assertGreaterEqual(len(thin), min(many, campaign.ROWS // 2))
            self.assertEqual((thin[:1], thin[-1:]), (list(range(many))[:1], list(range(many))[-1:]))

    def test_not_too_soon(self):
        engine = campaign.Engine()
        for second in 1, 1.4, 1.5, 1.9, 3:
            engine.add(second, 10)
        engine.add(3.1, 11, last=True)
        self.assertEqual(engine.rows, [(1, 10, 0), (1.5, 10, 0), (3, 10, 0), (3.1, 11, 0)])
        engine.add(3, 12, last=True)
        self.assertEqual(engine.rows, [(1, 10, 0), (1.5, 10, 0), (3, 12, 0)])


class Words(unittest.TestCase):
    def test_libfuzzer(self):
        engine = campaign.LibFuzzer("")
        for line in [b"#2\tpulse  cov: 5 ft: 5 corp: 1/1b exec/s: 1 rss: 50Mb", b"anvil: finding 1: wedged",
                     b"anvil: 2 findings, 0 of them known:", b"# 7\tINITED", b"a device's: #9\tINITED"]:
            engine.hear(line)
        self.assertEqual(engine.rows, [])
        engine.hear(b"#668\tINITED cov: 302 ft: 2106 corp: 394/182Kb exec/s: 0 rss: 64Mb")
        self.assertEqual([row[1:] for row in engine.rows], [(668, 302, 394, 1)])
        engine.hear(b"#700\tNEW    cov: 303 ft: 2107 corp: 395/183Kb lim: 4096 exec/s: 4170 rss: 64Mb L: 408/1560 MS: 1 Custom-")
        self.assertEqual(len(engine.rows), 1, "too soon")
        self.assertFalse(engine.ended(1))
        self.assertEqual(engine.rows[-1][1:], (700, 303, 395, 1), "what it said last")
        engine.hear(b"#20000\tDONE   cov: 303 ft: 2109 corp: 397/184Kb lim: 4096 exec/s: 4008 rss: 64Mb")
        self.assertTrue(engine.ended(1))
        self.assertEqual(engine.rows[-1][1:], (20000, 303, 397, 1))

    def test_afl(self):
        with tempfile.TemporaryDirectory() as folder:
            engine = campaign.Afl(folder)
            self.addCleanup(engine.socket.close)
            said = "fuzzing.edges_found:{}|g\nfuzzing.corpus_count:{}|g\nfuzzing.execs_done:{}|g\n"
            engine.take("main", said.format(20, 5, 1000))
            engine.take("other", said.format(22, 4, 300))
            engine.take("other", "fuzzing.cycle_done:1|g\n")
            engine.add_up(1.5)
            self.assertEqual(engine.rows, [(1.5, 1300, 22, 5, 0)])
            for name, execs in ("main", 1200), ("other", 400):
                path = Path(folder, "afl-out", name, "fuzzer_stats")
                path.parent.mkdir(parents=True)
                path.write_text(f"execs_done        : {execs}\ncorpus_count      : 6\nedges_found       : 23\n")
            engine.hear(b"anvil: finding 1: wedged")
            engine.began -= 60
            self.assertTrue(engine.ended(1))
            self.assertEqual(engine.rows[-1][1:], (1600, 23, 6, 1))
            engine.began += 120
            engine.rows = []
            engine.ended(2)
            self.assertEqual(engine.rows, [], "numbers of an earlier campaign")


class Records(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_it(self, script, engine="libfuzzer"):
        return subprocess.run([PROGRAM, self.folder, "fuzz_mine", engine, "sh", "-c", script], capture_output=True)

    def test_words_and_status_pass_through(self):
        done = self.run_it("printf 'to \\0 stdout'; printf '#1\\tINITED cov: 2 corp: 3/4b\\n\\377 no end' >&2; exit 7")
        self.assertEqual((done.stdout, done.stderr, done.returncode),
                         (b"to \0 stdout", b"#1\tINITED cov: 2 corp: 3/4b\n\xff no end", 7))
        head, rows = self.folder.joinpath("campaigns/1/libfuzzer-fuzz_mine.tsv").read_text().split(campaign.COLUMNS + "\n")
        self.assertRegex(head, "^# engine\tlibfuzzer\n# target\tfuzz_mine\n# started\t[0-9-]{10}T[0-9:]{8}Z\n# state\tfailed\n$")
        self.assertRegex(rows, "^[0-9.]+\t1\t[0-9]+\t2\t3\t0\n$")

    def test_how_it_ended(self):
        for script, status, state in [("printf '#1\\tDONE cov: 2\\n' >&2; exit 1", 1, "done"), ("exit 72", 72, "stopped"),
                                      ("kill -TERM $PPID; exec sleep 60", 143, "stopped"), ("kill -SEGV $$", 139, "failed")]:
            self.assertEqual(self.run_it(script).returncode, status)
            newest = max(self.folder.glob("campaigns/*/*.tsv"), key=lambda path: int(path.parent.name))
            self.assertIn(f"# state\t{state}\n", newest.read_text())

    def test_ended_as_it_starts(self):
        starts = campaign.subprocess.Popen.__init__
        before = {number: signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

        def start_and_end(*arguments, **options):
            starts(*arguments, **options)
            signal.raise_signal(signal.SIGTERM)

        with unittest.mock.patch.object(campaign.subprocess.Popen, "__init__", start_and_end):
            self.assertEqual(campaign.main(self.folder, "fuzz_mine", "libfuzzer", "sleep", "60"), 143)
        for number, handler in before.items():
            signal.signal(number, handler)

    def test_the_newest_are_kept(self):
        for number in 1, 2, 30, *range(40, 60):
            self.folder.joinpath(f"campaigns/{number}").mkdir(parents=True)
        self.folder.joinpath("campaigns/notes").mkdir()
        campaign.Record(self.folder, "afl", "fuzz_mine")
        left = {path.name for path in self.folder.joinpath("campaigns").iterdir()}
        self.assertEqual(left, {"notes", *map(str, range(41, 61))})

    def test_what_is_wrong_is_named(self):
        for arguments in [], ["folder", "fuzz_mine", "libfuzzer"], ["folder", "fuzz_mine", "other", "true"]:
            done = subprocess.run([PROGRAM, *arguments], capture_output=True)
            self.assertEqual((done.returncode, done.stderr.count(b"\n")), (2, 1))
        done = subprocess.run([PROGRAM, self.folder, "fuzz_mine", "afl", "/nowhere/at-all"], capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (2, b"ci/dut-campaign: /nowhere/at-all: No such file or directory\n"))


if __name__ == "__main__":
    unittest.main()
