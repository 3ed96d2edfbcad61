# SPDX-License-Identifier: BSD-3-Clause
"""Programs with a mistake in them: what make would run for them, with the source, its object and the program in
a folder of their own. All other objects are those that make has made, and nothing of these is changed."""
import functools
import os
import re
import shlex
import shutil
from pathlib import Path

from script import PIPE, STDOUT, Problem, run

FOLDER = Path("build/mutants")
JUDGES = "mutant-judges"  # the goal that makes what judges, and the objects by which mutants are told from the original


def sources():
    """Of the devices, and of the threads around them."""
    return sorted(map(str, [*Path("devices").glob("*.c"), *Path("harness/kvm").glob("host_*.c")]))


class Commands:
    """A line of the shell for each file that make would make if these sources were new."""

    def __init__(self, files):
        done = run("make", "-n", "--no-print-directory", *(f"-W{file}" for file in files), JUDGES, stdout=PIPE)
        if done.status:
            raise Problem(f"make -n {JUDGES}: status {done.status}")
        self.lines = {}
        for line in done.output.splitlines():
            if found := re.search(r" -o (build/\S+)", line):
                self.lines[found[1]] = line

    def __getitem__(self, made):
        if made not in self.lines:
            raise Problem(f"{made}: make {JUDGES} does not make it")
        return self.lines[made]

    def linked(self, source):
        """The programs that this source is part of."""
        ends = f"/obj/{source[:-2]}.o"
        return [made for made, line in self.lines.items()
                if not made.endswith(".o") and any(word.endswith(ends) for word in words(line))]


@functools.cache
def words(line):
    return shlex.split(line)


def shell(line, log):
    with open(log, "ab") as said:
        return run("sh", "-c", line, stdout=said, stderr=STDOUT).status


def replaced(line, *pairs):
    for old, new in pairs:
        line = re.sub(rf"(?<=\s){re.escape(old)}(?=\s|$)", lambda _, new=new: str(new), line)
    return line


class Variant:
    """The source with a change, in a folder of its own while it is looked at."""

    def __init__(self, commands, path, text, name):
        self.commands, self.path, self.folder = commands, path, FOLDER / "work" / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.source = self.folder / path
        self.source.parent.mkdir(parents=True)
        self.source.write_text(text, encoding="utf-8")
        self.log = self.folder / "log"
        # headers beside the source are found, and its name is what it was
        self.found = f"-iquote {os.path.dirname(path)} -ffile-prefix-map={self.folder}/="

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def object_of(self, flavour):
        return f"build/{flavour}/obj/{self.path[:-2]}.o"

    def compile(self, flavour):
        """The object."""
        made = self.folder / self.object_of(flavour)
        if not made.exists():
            made.parent.mkdir(parents=True, exist_ok=True)
            line = replaced(self.commands[self.object_of(flavour)], ("-MMD", ""), ("-MP", ""),
                            (self.object_of(flavour), made), (self.path, f"{self.source} {self.found}"))
            if shell(line, self.log):
                raise Problem(f"{self.path}: a mutant does not compile: {self.log.read_text(errors='replace')}")
        return made

    def program(self, goal):
        """The program that make calls so."""
        made = self.folder / goal
        if not made.exists():
            made.parent.mkdir(parents=True, exist_ok=True)
            line, ends = self.commands[goal], f"/obj/{self.path[:-2]}.o"
            part = next(word for word in words(line) if word.endswith(ends))
            line = replaced(line, (part, self.compile(part.split("/")[1])), (goal, made))
            if shell(f"{line} -fuse-ld=lld", self.log):  # the faster one
                raise Problem(f"{goal}: cannot be linked with a mutant: {self.log.read_text(errors='replace')}")
        return made

    # ---- whether it is a mutant ----

    def code(self):
        """What gcc makes of it, without what debuggers read: its bytes, or None if it is an error."""
        made = self.folder / "code.o"
        line = replaced(self.commands[self.object_of("gcc")], ("-MMD", ""), ("-MP", ""), ("-g", ""),
                        (self.object_of("gcc"), made), (self.path, f"-x c - {self.found} <{self.source}"))
        return None if shell(line, self.log) else made.read_bytes()

    def is_correct(self):
        """Whether clang has no complaint either."""
        compiles, *_ = self.commands[self.object_of("asan")].split(" && ")
        line = replaced(compiles, ("-MMD", ""), ("-MP", ""), ("-o", ""),
                        ("-c", "-fsyntax-only"), (self.object_of("asan"), ""), (self.path, f"{self.source} {self.found}"))
        return shell(line, self.log) == 0
