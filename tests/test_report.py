# SPDX-License-Identifier: BSD-3-Clause
"""What ci/report/make reads of tables and records, and how ci/report/page.py writes numbers and text."""
import importlib.machinery
import importlib.util
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.dont_write_bytecode = True
REPORT = Path(__file__).resolve().parent.parent / "ci/report"
sys.path.insert(0, str(REPORT))
import page

loader = importlib.machinery.SourceFileLoader("report_make", str(REPORT / "make"))
make = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(make)

HEAD = "# engine\tafl\n# target\tfuzz_net\n# started\t2026-01-31T08:30:00Z\n# state\tdone\n"


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, words):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words)
        return path


class Tables(Folder):
    def rows(self, words):
        return list(make.table(self.write("t.tsv", words), "name\tone\ttwo", 2, "wrong"))

    def test_rows(self):
        self.assertEqual(self.rows("# a comment\nname\tone\ttwo\nx y\t1\t2.5\n# more\nz\t-\t0\n"),
                         [(3, ["x y", "1", "2.5"]), (5, ["z", "-", "0"])])
        self.assertEqual(self.rows("name\tone\ttwo\n"), [])
        self.assertEqual(self.rows("# a comment alone\n"), [])

    def test_what_is_wrong_is_named(self):
        for words, place in [("", ""), ("name\tone\n", ":1"), ("name\tone\ttwo\nx\t1\n", ":2"), ("name\tone\ttwo\nx\t1\t2\t3\n", ":2"),
                             ("name\tone\ttwo\nx\t1\ttwo\n", ":2"), ("name\tone\ttwo\nx\t1\t2.\n", ":2"), ("name\tone\ttwo\n\n", ":2")]:
            with self.assertRaisesRegex(make.Problem, rf"t\.tsv{place}: wrong$"):
                self.rows(words)


class Campaigns(Folder):
    def record(self, number, engine, target, *rows):
        head = HEAD.replace("afl", engine).replace("fuzz_net", target) + make.RECORD
        self.write(f"campaigns/{number}/{engine}-{target}.tsv", "\n".join([head, *rows, ""]))

    def test_the_newest_of_each(self):
        self.record(2, "afl", "fuzz_net", "0.5\t10\t20\t30\t4\t0", "2\t100\t50\t35\t5\t1")
        self.record(10, "afl", "fuzz_net", "4\t100\t25\t33\t5\t0")
        self.record(2, "libfuzzer", "fuzz_net", "1\t7\t7\t31\t4\t0")
        self.record(3, "libfuzzer", "fuzz_blk", "1\t7\t7\t31\t4\t0")
        self.record(11, "afl", "fuzz_blk")  # ran too short
        self.record("notes", "afl", "fuzz_mmio", "1\t7\t7\t31\t4\t0")
        records, newest = make.read_campaigns(self.folder)
        self.assertEqual([(r.number, r.engine) for r in records], [(2, "afl"), (2, "libfuzzer"), (3, "libfuzzer"), (10, "afl")])
        self.assertEqual([(r.target, r.number) for r in newest], [("fuzz_blk", 3), ("fuzz_net", 2), ("fuzz_net", 10)])
        self.assertEqual((records[0].seconds, records[0].executed, records[0].speed, records[0].found), (2, 100, 50, 1))
        self.assertEqual(records[0].started, "2026-01-31T08:30:00Z")

    def test_nothing_there(self):
        with self.assertRaisesRegex(make.Problem, "make fuzz first"):
            make.read_campaigns(self.folder)

    def test_speed_over_a_fortieth(self):
        rows = [[second, second * 100, 0, 0, 0, 0] for second in range(1, 401)]
        points = make.speed_curve(rows, 1)
        self.assertEqual(points[:3], [(1, 100), (11, 100), (21, 100)])
        self.assertEqual(make.speed_curve([[1, 30, 0, 0, 0, 0]], 60), [(0, 30), (1 / 60, 30)])
        self.assertEqual(make.speed_curve([], 1), [])


class Device(Folder):
    """The target of a device of somebody else, as a script that says what such ones say."""

    def play(self, *said):
        script = [f"echo '{words}' >&2" for words in said]
        target = self.write("target", "\n".join(["#!/bin/sh", 'echo "$*" >"$0.given"', *script, ""]))
        target.chmod(0o755)
        with tempfile.TemporaryDirectory() as tmp:
            return make.play_on_device(target, self.folder, ["corpora/fuzz_blk"], "profile", tmp)

    def test_name_and_end(self):
        self.assertEqual(self.play("device: a (b) c (blk)", "#668\tDONE   cov: 1"), ("a (b) c", True))
        self.assertEqual(self.play("device: a (net)", "anvil: the device has not recovered"), ("a", False))
        self.assertRegex(self.folder.joinpath("target.given").read_text(), "^-runs=0 .*/new corpora/fuzz_blk\n$")
        self.folder.joinpath("corpus").mkdir()
        self.play("device: a (net)")
        self.assertIn("/corpus corpora/fuzz_blk\n", self.folder.joinpath("target.given").read_text())

    def test_words_for_anvil(self):
        with unittest.mock.patch.dict(make.os.environ, clear=True):
            self.assertEqual((make.on(""), make.on("a.so")), ([], ["--device", "a.so"]))
            make.os.environ["ANVIL_KNOWN"] = "a list"
            self.assertEqual((make.on(""), make.on("a.so")), ([], ["--device", "a.so", "--known", "a list"]))

    def test_what_is_wrong_is_told(self):
        for said, problem in [(["one", "two"], "^two$"), ([], "target: does not say what it is; run it$")]:
            with self.assertRaisesRegex(make.Problem, problem):
                self.play(*said)

    def test_coverage_that_is_not_all(self):
        files = [{"file": name, "lines": 1, "all_lines": 2, "branches": 1, "all_branches": 2, "page": None}
                 for name in ("vmm/<i>.c", "vmm/io/<b>.h", "total")]
        for played in True, False:
            words = page.coverage(files, "<u>", played)
            self.assertIn("Branch coverage of &lt;u&gt;", words)
            self.assertIn("<th scope='row' class='file name'>io/&lt;b&gt;.h</th>", words)
            self.assertEqual("ended before it had played all" in words, not played)

    def test_the_folder_of_all(self):
        for paths, folder in [(["a/b.c", "a/b/c.h"], "a/"), (["ab.c", "ac.c"], ""), (["/a/b.c", "a/b.c"], ""), (["a/b.c"], "a/"),
                              ([], "")]:
            self.assertEqual(page.common_folder(paths), folder)


class Words(unittest.TestCase):
    def test_numbers_for_people(self):
        for function, cases in [
                (page.grouped, {0: "0", 999.5: "1,000", 1234567: "1,234,567"}),
                (page.hundredths, {99.996: "99.99", 100: "100.00", 0.05: "0.05"}),
                (page.short, {9999: "9,999", 10000: "10.0k", 999999: "999.9k", 1234567: "1.2 M", 5e9: "5.0 G"}),
                (page.duration, {0.42: "0.4 s", 9.99: "10.0 s", 10.4: "10 s", 119.4: "119 s", 120: "2 min 0 s", 7200: "2 h 0 min"})]:
            for number, words in cases.items():
                self.assertEqual(function(number), words)
        self.assertEqual((page.percent(1, 3), page.percent(0, 0)), ("33.33 %", "-"))

    def test_text_is_never_markup(self):
        self.assertEqual(page.element("p", "n", "<b a='\"'>&\x01"), "<p class='n'>&lt;b a=&apos;&quot;&apos;&gt;&amp;\ufffd</p>")
        self.assertEqual(page.markup("%s", page.element("i", "", "&")), "<i class=''>&amp;</i>")
        self.assertEqual(page.link("a'b<c> d/ä"), "a'b%3Cc%3E%20d/%C3%A4")

    def test_a_word_for_a_shell(self):
        self.assertEqual(page.shell("build/a-b_1.txt"), "build/a-b_1.txt")
        self.assertEqual(page.shell("it's a"), "'it'\\''s a'")


if __name__ == "__main__":
    unittest.main()
