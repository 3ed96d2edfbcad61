# SPDX-License-Identifier: BSD-3-Clause
"""The bugs of tests/bugs: what their patches say, and the sources with one of them put back."""
import contextlib
import functools
import hashlib
import os
import re
import shutil
from pathlib import Path

from script import STDOUT, Problem, run

ANVIL = "build/asan/anvil"
FIELDS = "Bug Project Component Cause Signal Target Source".split(" ")


class Bug:
    """A patch. Its head has fields, as bug["Target"]."""

    def __init__(self, patch):
        self.patch = Path(patch)
        self.name = self.patch.stem
        self.id = self.name.split("-")[0]
        self.folder = Path("build/bugs", self.id)
        head, _, self.change = self.patch.read_text(encoding="utf-8", errors="replace").partition("\n---")
        self.head = dict(re.findall(r"^(\w+): *(.+)$", head, re.M))

    def __getitem__(self, field):
        if field not in self.head:
            raise Problem(f"{self.patch}: its head has no {field}")
        return self.head[field]

    def lines(self):
        """File and number of each line that it adds, or of the one behind what it takes away."""
        before = ""
        for line in self.change.splitlines():
            if line.startswith("+++ b/"):
                file = line[6:]
            elif found := re.match(r"@@ -\S+ \+(\d+)", line):
                number = int(found[1])
            elif line[:1] in ("+", " "):
                if line[0] == "+" or before == "-":
                    yield file, number
                number += 1
            before = line[:1]


def chosen(ids):
    """The bugs with these IDs; all, if there is none."""
    patches = sorted(Path("tests/bugs").glob("*.patch"))
    found = {}
    for start in [f"{id}-" for id in ids] or [""]:
        bugs = {patch: Bug(patch) for patch in patches if patch.name.startswith(start)}
        if not bugs:
            raise Problem(f"tests/bugs/{start}*.patch: no such bug")
        found.update(bugs)
    return list(found.values())


@functools.cache
def sources():
    folders = map(Path, ["devices", "harness", "tests/bugs/without"])
    files = [Path("Makefile"), Path("ci/flavour.mk"), Path("harness/base/work.syms")]
    files += sorted(path for folder in folders for path in folder.rglob("*.[ch]"))
    return b"".join(path.read_bytes() for path in files)


def key(*files):
    """It changes with these and with the sources."""
    return hashlib.sha256(b"".join([sources(), *(path.read_bytes() for path in files)])).hexdigest()


def holds(path, words):
    return path.exists() and path.read_text(encoding="utf-8") == words


# ---- the sources with a bug ----

def make_tree(bug, *goals, **variables):
    """These goals in build/bugs/ID/tree. What the patch does not touch is not compiled again."""
    tree, log = bug.folder / "tree", bug.folder / "log"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "build").mkdir(parents=True)
    # what patches change is copied, the rest is linked to; of objects there are hard links, as compilers put
    # new ones in their place
    if run("cp", "-a", "devices", tree).status:
        raise Problem(f"{tree}: cannot copy the sources")
    for name in "Makefile", "harness", "tests", "ci", "dictionaries":
        (tree / name).symlink_to(Path(name).resolve())
    for goal in goals:
        parts = goal.removeprefix("build/").split("/")
        flavour = Path("build", *parts[:2 if parts[0] == "afl" else 1])
        if not (tree / flavour).exists():
            (tree / flavour).mkdir(parents=True)
            if run("cp", "-al", flavour / "obj", tree / flavour).status:
                raise Problem(f"{flavour}/obj: make {goal} first")
    if Path("build/agent").exists():
        run("cp", "-al", "build/agent", tree / "build")
    with open(log, "wb") as said:
        for step, *command in (
                ("apply", "patch", "-s", "-p1", "-F0", "--no-backup-if-mismatch", "-d", tree, "-i", bug.patch.resolve()),
                ("build", "make", "-s", "-C", tree, "--no-print-directory", *goals)):
            if run(*command, stdout=said, stderr=STDOUT, env={**os.environ, **variables}).status:
                raise Problem(f"{bug.patch}: does not {step}, see {log}")
    return tree


@contextlib.contextmanager
def tree(bug, *goals, **variables):
    """The same, for a while."""
    try:
        yield make_tree(bug, *goals, **variables)
    finally:
        shutil.rmtree(bug.folder / "tree", ignore_errors=True)
