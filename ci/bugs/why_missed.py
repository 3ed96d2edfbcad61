# SPDX-License-Identifier: BSD-3-Clause
"""Why trials of a race did not find a bug: the inputs that they kept are played on the devices with
the bug and on those without, and looked at for what they did to the lines of the patch.
  not reached                the lines were never run: the mutator does not get there
  reached; not triggered     they were, and the devices did the same: the values were not right
  triggered; not seen        the devices did something else, and no oracle said so"""
import os
import re

import known
from script import PIPE, Problem, need, run, side_by_side

DIGEST = "build/cov/tests/bugs/digest"


def lines_run(lcov):
    """File and number of each."""
    for line in lcov.splitlines():
        if line.startswith("SF:"):
            file = re.sub(".*/devices/", "devices/", line[3:])
        elif found := re.match(r"DA:(\d+),[1-9]", line):
            yield file, int(found[1])


def digest(program, corpora, profile):
    return run(program, *corpora, stdout=PIPE, env={**os.environ, "LLVM_PROFILE_FILE": profile}).output


def read(*command):
    done = run(*command, stdout=PIPE)
    if done.status:
        raise Problem(f"{command[0]} {command[1]}: status {done.status}")
    return done.output


def reason(bug, corpora):
    with known.tree(bug, DIGEST) as tree:
        if digest(DIGEST, corpora, "/dev/null") != digest(tree / DIGEST, corpora, f"{tree}/%p.profraw"):
            return "triggered; not seen"
        read("llvm-profdata", "merge", *tree.glob("*.profraw"), "-o", tree / "profdata")
        lcov = read("llvm-cov", "export", tree / DIGEST, f"-instr-profile={tree}/profdata", "-format=lcov")
    return "not reached" if set(bug.lines()).isdisjoint(lines_run(lcov)) else "reached; not triggered"


def reasons(bugs, race):
    """A line for each: the bug, the race, and why."""
    def line(bug):
        return f"{bug.id},{race},{reason(bug, sorted(bug.folder.glob(f'race/{race}/*/corpus')))}\n"

    need("llvm-profdata", "llvm-cov")
    if bugs and run("make", "-s", f"-j{os.cpu_count()}", DIGEST, stderr=None).status:
        raise Problem(f"{DIGEST}: cannot be built")
    return side_by_side(line, bugs)
