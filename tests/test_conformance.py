# SPDX-License-Identifier: BSD-3-Clause
"""What tests/conformance/run reads of tests' output and of its two tables, and what it makes of them."""
import contextlib
import importlib.machinery
import importlib.util
import io
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("conformance_run", str(Path(__file__).parent / "conformance/run"))
run = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(run)

CLAUSES = ["1.1\tdevice\tMUST MAY\tThe \\field{status} field\tBasics", "1.2\tlegacy\tMUST MUST\tOld\tBasics"]
STATEMENTS = ["reason pci   about PCI", "1.1/1 MUST      test  is zero", "1.1/2 MAY  may  be more", "1.2/* - n/a:pci all of it"]


def log(*lines, tests):
    return "\n".join([f"[==========] group: Running {tests} test(s).", *lines, ""])


class Logs(unittest.TestCase):
    def results(self, text, status=0):
        return [result[:3] for result in run.results_of("program", status, text)]

    def test_a_test_of_two_statements(self):
        text = log("[ RUN      ] 1.1/1 1.1/2 one", "[       OK ] 1.1/1 1.1/2 one", tests=1)
        self.assertEqual(self.results(text), [("1.1/1", "pass", "one"), ("1.1/2", "pass", "one")])

    def test_what_did_not_end_well_has_failed(self):
        for after in (["[  FAILED  ] 1.1/1 one"], ["[  SKIPPED ] 1.1/1 one"], []):
            text = log("[ RUN      ] 1.1/1 one", *after, tests=1)
            self.assertEqual(self.results(text, 1), [("1.1/1", "FAIL", "one")])

    def test_a_program_that_does_not_get_to_all(self):
        one = ["[ RUN      ] 1.1/1 one", "[       OK ] 1.1/1 one"]
        self.assertIn(("-", "FAIL", "status_0_after_1_of_2_tests"), self.results(log(*one, tests=2)))
        self.assertIn(("-", "FAIL", "status_3_after_1_of_1_tests"), self.results(log(*one, tests=1), 3))
        self.assertEqual(self.results("", 127), [("-", "FAIL", "status_127_after_0_of_0_tests")])
        self.assertEqual(self.results(""), [("-", "FAIL", "status_0_after_0_of_0_tests")])


class Verdicts(unittest.TestCase):
    def told(self, results=(("1.1/1", "pass", "blk_one", "p"),), clauses=CLAUSES, statements=STATEMENTS, quiet=False):
        """Whether all is well, and what is said."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            conformance = run.Conformance()
            conformance.read_clauses(clauses)
            conformance.read_statements(statements)
            conformance.read_results(results)
            well = conformance.conclude(quiet)
        return well, out.getvalue()

    def test_all_is_well(self):
        self.assertEqual(self.told([("1.1/1", "pass", "blk_one", "p"), ("1.1/1", "pass", "net_one", "p")]), (True, (
            "1.1            pass     The status field\n"
            "  1.1/1          MUST        pass     is zero [one]\n"
            "  1.1/2          MAY         may      be more\n"
            "1.2            n/a      Old\n"
            "  1.2/*          -           n/a      all of it: about PCI\n"
            "conformance: 2 clauses: 1 pass, 0 fail, 0 miss something, 1 not applicable\n"
            "conformance: 4 statements: 1 pass, 0 fail, 0 missing, 1 permissions, 2 not applicable; 2 tests\n")))

    def test_a_failure_outweighs(self):
        well, said = self.told([("1.1/1", "pass", "one", "p"), ("1.1/1", "FAIL", "two", "p")], quiet=True)
        self.assertFalse(well)
        self.assertTrue(said.startswith("  1.1/1          MUST        FAIL     is zero [one two]\n"), said)

    def test_what_nothing_tests_is_missing(self):
        well, said = self.told([], quiet=True)
        self.assertFalse(well)
        self.assertTrue(said.startswith("  1.1/1          MUST        MISSING  is zero\n"), said)

    def test_complaints(self):
        good = ("1.1/1", "pass", "one", "p")
        for said, changed in [
                ("p: status_1_after_0_of_2_tests", {"results": [good, ("-", "FAIL", "status_1_after_0_of_2_tests", "p")]}),
                ("two in p is about 9.9/1, which there is not", {"results": [good, ("9.9/1", "pass", "two", "p")]}),
                ("1.2/* is n/a:pci, and there is a test of it", {"results": [good, ("1.2/*", "pass", "two", "p")]}),
                ("1.1/1 is there twice", {"statements": [*STATEMENTS, STATEMENTS[1]]}),
                ("1.1/3: not in order", {"statements": [*STATEMENTS[:2], "1.1/3 MAY may x", STATEMENTS[3]]}),
                ("1.1/2: unknown state soon", {"statements": [*STATEMENTS[:2], "1.1/2 MAY soon x", STATEMENTS[3]]}),
                ("1.2/*: unknown reason pci", {"statements": STATEMENTS[1:]}),
                ("1.1/2: what a device may do is not tested", {"statements": [*STATEMENTS[:2], "1.1/2 MAY test x", STATEMENTS[3]]}),
                ("3/1: no such clause", {"statements": [*STATEMENTS, "3/1 MUST may x"]}),
                ("1.1: keywords are MUST MAY, not MUST", {"statements": [*STATEMENTS[:2], STATEMENTS[3]]}),
                ("1.2 Old: no statements", {"statements": STATEMENTS[:3]})]:
            well, text = self.told(**{"results": [good], **changed})
            self.assertFalse(well)
            self.assertIn(f"error: {said}\n", text)


if __name__ == "__main__":
    unittest.main()
