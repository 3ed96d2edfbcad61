# SPDX-License-Identifier: BSD-3-Clause
"""What ci/bugs/races.py reads of races, and computes, with answers known from elsewhere."""
import math
import statistics
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "ci/bugs"))
import races

NAMES = "bug,target,engine,seeds,without,plan,trial,limit,seconds,found,what\n"
NEVER = races.NEVER


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "race.csv")

    def race(self, without, limit, **bugs):
        """A race in which each bug was found after these seconds, or not (None)."""
        lines = [f"{bug},fuzz_net,afl,none,{without},turns,{trial},{limit},{limit + 0.01 if t is None else t},"
                 f"{int(t is not None)},{'' if t is None else 'violation:9'}\n"
                 for bug, times in bugs.items() for trial, t in enumerate(times, 1)]
        self.path.write_text(NAMES + "".join(lines))
        return races.Race(self.path)


class Reading(Folder):
    def test_a_race(self):
        race = self.race("oracle", 60, B2=[3, None, 1.5], A1=[None, None])
        self.assertEqual(race.name, "afl-none-oracle")
        self.assertEqual(race.limit, "60")
        self.assertEqual(list(race.times.items()), [("B2", [3, NEVER, 1.5]), ("A1", [NEVER, NEVER])])
        self.assertEqual((race.found["B2"], race.found["A1"]), (2, 0))
        self.assertEqual(race.shown_by, {"B2": "violation:9"})

    def test_a_quote_is_text(self):
        self.path.write_text(NAMES + 'A1,fuzz_blk,afl,none,full,turns,1,60,2,1,"x\nA2,fuzz_blk,afl,none,full,turns,1,60,3,1,"y\n')
        self.assertEqual(races.Race(self.path).shown_by, {"A1": '"x', "A2": '"y'})

    def test_what_is_no_race_is_named(self):
        good = "A1,fuzz_blk,afl,none,full,turns,1,60,2,1,x\n"
        for text, line in [("", 1), ("bug,target\n", 1), (NAMES + "A1,fuzz_blk\n", 2),
                           (NAMES + good + good.replace("2,1", "soon,1"), 3), (NAMES + good.replace("2,1", "2,yes"), 2), (NAMES + good.replace(",x", ",x,y"), 2)]:
            self.path.write_text(text)
            with self.assertRaisesRegex(races.Problem, rf"race\.csv:{line}: not "):
                races.Race(self.path)
        self.path.write_text(NAMES)
        with self.assertRaisesRegex(races.Problem, r"race\.csv: no trials"):
            races.Race(self.path)

    def test_reasons(self):
        self.assertEqual(races.reasons(self.path), {})
        self.path.write_text("A1,afl-none-full,not reached\nA2,afl-none-full,triggered; not seen\n")
        self.assertEqual(races.reasons(self.path), {"A1": "not reached", "A2": "triggered; not seen"})


class Medians(Folder):
    def test_odd_even_and_not_found(self):
        medians = self.race("full", 60, odd=[9, 1, 2], even=[4, 1, 3, 2], most=[1, None, 2, 3, None],
                            few=[1, None, None], half=[1, None]).medians()
        self.assertEqual(medians["odd"], 2)
        self.assertEqual(medians["even"], 2.5)
        self.assertEqual(medians["most"], 3)
        self.assertEqual(medians["few"], NEVER)
        self.assertGreater(medians["half"], NEVER / 10)


class MannWhitney(unittest.TestCase):
    def test_exact_u(self):
        # by counting pairs: how often one of the first is the larger, ties half
        for one, two in [([1, 4, 6], [2, 3, 5, 7]), ([1, 1, 2], [1, 2, 2]), ([5], [5, 5, 5, 9])]:
            u = sum((a > b) + (a == b) / 2 for a in one for b in two)
            self.assertAlmostEqual(races.mann_whitney(one, two)[1], 1 - u / len(one) / len(two))

    def test_p_without_ties(self):
        # U is 0, mean 12.5, spread sqrt(25 / 12 * 11); by tables of the normal distribution z = 2.5067 is 0.01219
        p, share = races.mann_whitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
        z = 12 / (25 / 12 * 11) ** 0.5
        self.assertAlmostEqual(p, 2 * (1 - statistics.NormalDist().cdf(z)), 12)
        self.assertAlmostEqual(p, 0.01219, 5)
        self.assertEqual(share, 1)

    def test_p_with_ties(self):
        p, _ = races.mann_whitney([1, 2, 3, 4, 5], [6, 7, 8, NEVER, NEVER])
        z = 12 / (25 / 12 * (11 - 6 / 90)) ** 0.5
        self.assertAlmostEqual(p, 2 * (1 - statistics.NormalDist().cdf(z)), 12)

    def test_sides(self):
        one, two = [1, 2, 3, 3, 9], [2, 4, 5, 8]
        (p, share), (q, other) = races.mann_whitney(one, two), races.mann_whitney(two, one)
        self.assertAlmostEqual(p, q)
        self.assertAlmostEqual(share, 1 - other)

    def test_all_alike(self):
        self.assertEqual(races.mann_whitney([2, 2], [2, 2, 2]), (1, 0.5))
        self.assertEqual(races.mann_whitney([1], [1]), (1, 0.5))

    def test_far_apart(self):
        # the asymptotic series of erfc, where an approximation to seven places is off by a tenth
        p, _ = races.mann_whitney(range(400), range(400, 800))
        x = (400 * 400 / 2 - 0.5) / (400 * 400 / 12 * 801) ** 0.5 / 2 ** 0.5
        series = 1 - 1 / (2 * x**2) + 3 / (2 * x**2) ** 2 - 15 / (2 * x**2) ** 3
        self.assertAlmostEqual(p / (math.exp(-x * x) / x / math.pi ** 0.5 * series), 1, 6)
        self.assertEqual(f"{p:.2g}", "2.4e-132")


class Comparing(Folder):
    def test_bugs_of_both_alone(self):
        one = self.race("full", 60, A=[1, 2, 3, 4, 5], B=[1])
        two = self.race("mutator", 60, A=[6, 7, 8, None, None], C=[1])
        self.assertEqual(races.compare(one, two), (1, "0.012", "1.000", 1, 0))
        self.assertEqual(races.compare(two, one), (1, "0.012", "0.000", 0, 1))
        self.assertIsNone(races.compare(one, self.race("races", 60, D=[1])))

    def test_longer_trials_gain_nothing(self):
        one = self.race("full", 60, A=[1, 2, 3, 40, 50])
        two = self.race("oracle", 10, A=[1, 2, 3, None, None])
        self.assertEqual(races.compare(one, two), (1, "1", "0.500", 0, 0))
        self.assertEqual(races.compare(two, one), (1, "1", "0.500", 0, 0))


if __name__ == "__main__":
    unittest.main()
