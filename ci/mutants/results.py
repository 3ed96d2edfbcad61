# SPDX-License-Identifier: BSD-3-Clause
"""What is known of mutants: answers of earlier runs, what a person said of survivors, and the report."""
import functools
import hashlib
import json
import re
import shutil
from pathlib import Path

from build import FOLDER
from script import Problem

CLASSIFIED = Path("tests/mutants/classified")
REPORT, SURVIVORS, RESULTS = FOLDER / "report.txt", FOLDER / "survivors", FOLDER / "results"


# ---- answers of earlier runs ----

@functools.cache
def judges():
    """It changes with all that judges, and with what is judged."""
    files = [Path("Makefile"), Path("ci/flavour.mk")]
    for folder in "devices", "harness", "tests", "corpora", "crashes", "dictionaries", "ci/mutants", "ci/bugs":
        files += sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.suffix not in (".md", ".pyc"))
    seen = hashlib.sha256()
    for path in files:
        if path != CLASSIFIED:
            seen.update(f"{path}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return seen.hexdigest()


class Answers:
    """To questions about a mutant, by their names; kept as soon as they are there."""

    def __init__(self, mutant):
        self.path = RESULTS / f"{mutant.hash}.json"
        self.known = {}
        if self.path.exists():
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            self.known = kept["answers"] if kept["judges"] == judges() else {}

    def get(self, name, ask):
        if name not in self.known:
            self.known[name] = ask()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps({"judges": judges(), "answers": self.known}), encoding="utf-8")
            new.replace(self.path)
        return self.known[name]


# ---- what a person said ----

class Classified:
    """Survivors that a person has looked at: `invisible` (nothing outside can see the difference) or `hole`."""

    def __init__(self, path=CLASSIFIED):
        self.path, self.word, self.reason, self.line = path, {}, {}, {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for number, line in enumerate(lines, 1):
            if not line or line.startswith("#"):
                continue
            parsed = re.fullmatch(r"([0-9a-f]{12}) (invisible|hole) (\S.*)", line)
            if not parsed:
                raise Problem(f"{path}:{number}: give a mutant's hash, invisible or hole, and a reason")
            if parsed[1] in self.word:
                raise Problem(f"{path}:{number}: {parsed[1]} is in line {self.line[parsed[1]]}, too")
            self.word[parsed[1]], self.reason[parsed[1]], self.line[parsed[1]] = parsed[2], parsed[3], number

    def stale(self, hashes):
        """Lines about mutants that there are no more."""
        return [f"{self.path}:{number}: {hash}: no such mutant any more" for hash, number in self.line.items()
                if hash not in hashes]


# ---- the report ----

class Report:
    """Of mutants, with the answers of each: by the name of the judge, what it noticed, "", or None."""

    def __init__(self, asked, rules, judges, classified, drawn):
        self.asked, self.rules, self.judges, self.classified, self.drawn = asked, rules, judges, classified, drawn
        survivors = [mutant for mutant, answers in asked if not any(answers.values())]
        self.survivors = sorted(survivors, key=lambda mutant: (mutant.hash in classified.word, mutant.source.path,
                                                               mutant.line))
        self.new = [mutant for mutant in survivors if mutant.hash not in classified.word]
        self.invisible = [mutant for mutant in survivors if classified.word.get(mutant.hash) == "invisible"]

    def counts(self, rule=None):
        """Mutants, by each judge, survivors, and those that nothing can see."""
        mine = [(mutant, answers) for mutant, answers in self.asked if rule in (None, mutant.rule)]
        survived = [mutant for mutant, answers in mine if not any(answers.values())]
        noticed = [sum(bool(answers.get(judge)) for _, answers in mine) for judge in self.judges]
        return [len(mine), *noticed, len(survived), sum(mutant in self.invisible for mutant in survived)]

    def table(self):
        names = ["mutants", *self.judges, "survived", "invisible"]
        yield "%-10s" % "rule" + "".join("%10s" % name for name in names)
        for rule in self.rules:
            yield "%-10s" % rule + "".join("%10d" % count for count in self.counts(rule))
        yield "%-10s" % "all" + "".join("%10d" % count for count in self.counts())

    def share(self, killed):
        visible = len(self.asked) - len(self.invisible)
        return f"{killed} of {visible} ({100 * killed // visible if visible else 100} %)"

    def summary(self):
        noticed = sum(any(answers.values()) for _, answers in self.asked)
        alone = sum(bool(answers.get("seeds") or answers.get("fuzzing")) for _, answers in self.asked)
        unasked = sum("fuzzing" not in answers and not answers.get("seeds") for _, answers in self.asked)
        unreached = sum(answers.get("fuzzing", "") is None for _, answers in self.asked)
        yield f"killed: {self.share(noticed)}"
        yield f"killed by seeds or fuzzing alone: {self.share(alone)}" + (
            f"; {unasked} that tests killed were not fuzzed, --all asks" if unasked else "")
        if unreached:
            yield f"not fuzzed: {unreached} in files that no target reaches"
        yield f"drawn again: {self.drawn['error']} do not compile, {self.drawn['same']} are the same code"

    def listed(self):
        for mutant in self.survivors:
            word = self.classified.word.get(mutant.hash, "new")
            yield f"{word:10s} {mutant.source.path}:{mutant.line}: {mutant.rule}, {mutant.hash}" + (
                f": {self.classified.reason[mutant.hash]}" if word != "new" else "")

    def write(self):
        """report.txt, and a diff of each survivor."""
        shutil.rmtree(SURVIVORS, ignore_errors=True)
        SURVIVORS.mkdir(parents=True)
        for mutant in self.survivors:
            (SURVIVORS / f"{mutant.name}.diff").write_text(mutant.diff(), encoding="utf-8")
        told = []
        for mutant, line in zip(self.survivors, self.listed()):
            told += [line, *mutant.diff().splitlines(), ""]
        killed = [f"{mutant.name}: {judge}: {answer}" for mutant, answers in self.asked
                  for judge, answer in answers.items() if answer]
        lines = [*told, *sorted(killed), "", *self.table(), *self.summary()]
        REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")
