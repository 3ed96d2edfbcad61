# SPDX-License-Identifier: BSD-3-Clause
"""What races measured (build/bugs/race/*.csv, of ci/bugs/race): reading it, medians, and comparing.
By itself it compares: the first CSV given is held against each of the others, over the bugs that
both have, by Mann-Whitney U of all trials, and the same bug by bug. Prints, with tabs between: name,
bugs, p, share (how likely a trial of the first is the earlier one), bugs where the first is earlier
with p < 0.05, bugs where the other is. Usage: python3 ci/bugs/races.py CSV CSV..."""
import collections
import csv
import math
import statistics
from pathlib import Path

import script
from script import Problem

FIELDS = "bug target engine seeds without plan trial limit seconds found what".split(" ")
FOLDER = Path("build/bugs/race")
PLAN = "turns"  # how campaigns are run; the others are in finding.py
NEVER = 1e9  # seconds of a trial that found nothing: it comes after all others


def name(engine, seeds, without, plan):
    return f"{engine}-{seeds}-{without}" + (f"-{plan}" if plan != PLAN else "")


class Race:
    """The trials of one configuration."""

    def __init__(self, path):
        self.path = Path(path)
        self.engine = self.seeds = self.without = self.plan = ""
        self.limit = "0"  # seconds, as it is written
        self.times = {}   # bug: seconds of each of its trials, or NEVER; in the order of the file
        self.found = collections.Counter()
        self.target = {}
        self.shown_by = {}
        for row in rows(path):
            self.engine, self.seeds, self.without = row["engine"], row["seeds"], row["without"]
            self.limit, self.plan = row["limit"], row["plan"]
            self.add(row["bug"], row)
        if not self.times:
            raise Problem(f"{path}: no trials in it; make bugs-race makes it anew")

    def add(self, bug, row):
        hit = row["found"] != "0"
        self.times.setdefault(bug, []).append(float(row["seconds"]) if hit else NEVER)
        self.target.setdefault(bug, row["target"])
        self.found[bug] += hit
        if hit:
            self.shown_by.setdefault(bug, row["what"])

    @property
    def name(self):
        return name(self.engine, self.seeds, self.without, self.plan)

    def medians(self):
        return {bug: statistics.median(times) for bug, times in self.times.items()}


def rows(path):
    """The lines of a race's CSV, as dictionaries; no field has a comma or a quote."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, quoting=csv.QUOTE_NONE)
        if reader.fieldnames != FIELDS:
            raise Problem(f"{path}:1: not the names that a race writes; make bugs-race makes it anew")
        for row in reader:
            try:
                float(row["seconds"]), float(row["limit"]), int(row["found"])
                right = None not in row and row["what"] is not None
            except (TypeError, ValueError):
                right = False
            if not right:
                raise Problem(f"{path}:{reader.line_num}: not a trial; make bugs-race makes it anew")
            yield row


def measured():
    """All races so far; the one that others are held against comes first."""
    paths = sorted(FOLDER.glob("*.csv"), key=lambda path: (path.stem != "libfuzzer-none-full", path))
    if not paths:
        raise Problem(f"{FOLDER}: nothing measured; make bugs-race does that")
    return [Race(path) for path in paths]


def reasons(path):
    """Of each bug that trials missed, why they did: see ci/bugs/why_missed.py."""
    if not path.exists():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        return {bug: reason for bug, _, reason in csv.reader(file, quoting=csv.QUOTE_NONE)}


def mann_whitney(one, two):
    """How likely chance alone makes the difference (two sides, normal approximation, ties accounted
    for), and how likely one of the first is the smaller."""
    ours = collections.Counter(one)
    ranks = ties = below = 0
    for value, same in sorted(collections.Counter([*one, *two]).items()):
        ranks += ours[value] * (2 * below + same + 1) / 2
        ties += same**3 - same
        below += same
    pairs = len(one) * len(two)
    u = ranks - len(one) * (len(one) + 1) / 2
    spread = math.sqrt(pairs / 12 * (below + 1 - ties / (below * (below - 1))))
    gap = max(abs(u - pairs / 2) - 0.5, 0)
    p = math.erfc(gap / spread / math.sqrt(2)) if spread > 0 else 1
    return p, 1 - u / pairs


def compare(first, other):
    """Of the bugs that both races have: how many, p, share, where the first is earlier, and where the
    other is. What one found later than the other could have is not decided."""
    end = min(float(first.limit), float(other.limit))

    def within(times):
        return [seconds if seconds <= end else NEVER for seconds in times]

    both = [(within(first.times[bug]), within(other.times[bug]))
            for bug in first.times if bug in other.times]
    if not both:
        return None
    earlier = later = 0
    for one, two in both:
        p, share = mann_whitney(one, two)
        earlier += p < 0.05 and share > 0.5
        later += p < 0.05 and share < 0.5
    p, share = mann_whitney(sum((one for one, _ in both), []), sum((two for _, two in both), []))
    return len(both), f"{p:.2g}", f"{share:.3f}", earlier, later


def main(first, other, *others):
    first = Race(first)
    for other in map(Race, [other, *others]):
        if found := compare(first, other):
            print(other.name, *found, sep="\t")


if __name__ == "__main__":
    script.main(main, __doc__)
