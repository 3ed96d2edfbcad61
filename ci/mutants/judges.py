# SPDX-License-Identifier: BSD-3-Clause
"""What may notice a mutant, the cheapest first: the seeds, the unit tests, and fuzzing from the seeds."""
import os
import re
from pathlib import Path

import finding
from script import PIPE, STDOUT, run

ANVIL = "build/asan/anvil"
MEMORY = "build/msan/anvil"
THREADS = "build/tsan/tests/test_host_threads"
AROUND = re.compile("/test_(host_|boot$)")  # tests of threads around devices, and of a whole machine
TEST_SECONDS = 120  # a unit test that runs longer waits for ever
# The target that reaches a source, by its name; the first match counts. No script reaches back ends for a
# host and what is around them: the disk and the network card of the harness are its own. They have targets
# that play no scripts.
TARGETS = [
    (r"virtio_.*_state|virtqueue_state|state_bytes", ["fuzz_restore"]),
    (r"virtio_net.*", ["fuzz_net"]),
    (r"virtio_blk.*|zoned_disk.*", ["fuzz_blk"]),
    (r"disk_.*|nic_.*|host_.*", []),
    (r".*", ["fuzz_virtqueue", "fuzz_mmio", "fuzz_blk"]),
]


class Outside:
    """A target whose inputs are no scripts."""

    def __init__(self, name, sources, program, max_len):
        self.name, self.sources, self.program, self.max_len = name, sources, program, max_len
        self.seeds = f"harness/{name}/seeds"

    def reaches(self, path):
        return re.fullmatch(self.sources, Path(path).stem) is not None

    def says(self, variant, *arguments):
        """What it notices in these inputs, and what it makes of them; "" if nothing."""
        done = run(variant.program(self.program), f"-artifact_prefix={variant.folder}/", f"-max_len={self.max_len}",
                   "-timeout=10", *arguments, stdout=PIPE, stderr=STDOUT)
        if done.status == 0:
            return ""
        said = re.search(rf"^(anvil: {self.name}: .*|.*SUMMARY: .*)", done.output, re.M)
        return (said[1] if said else f"{Path(self.program).name}: status {done.status}")[:100]

    def plays(self, variant):
        return self.says(variant, *sorted(map(str, Path(self.seeds).iterdir())))

    def fuzzes(self, variant, seconds, seed):
        corpus = variant.folder / "fuzzing" / self.name
        corpus.mkdir(parents=True)
        return self.says(variant, f"-seed={seed}", f"-max_total_time={seconds}", "-reload=0", corpus, self.seeds)


OUTSIDE = [
    Outside("backend", r"disk_.*|zoned_disk.*|nic_.*", "build/fuzz/backend/fuzz_backend", 456),
    Outside("files", r"host_(device|disk|nic_parse|words)|disk_(image|format|file)|nic_pcap", "build/files/fuzz_files", 8192),
]


def outside(path):
    return [target for target in OUTSIDE if target.reaches(path)]


def first(answers):
    """The first that says something; "" if nobody does, None if nobody is asked."""
    said = None
    for answer in answers:
        said = said if answer is None else answer
        if said:
            break
    return said


def targets(path):
    return next(names for pattern, names in TARGETS if re.fullmatch(pattern, Path(path).stem))


class Judge:
    """What it says of a variant: what it noticed; "" if that was nothing; None if it has no use for the source."""

    def __init__(self, seconds, hang, seed):
        self.seconds, self.hang, self.seed = seconds, hang, seed

    def key(self):
        """Of its answers: they may differ with these."""
        return self.name


class Seeds(Judge):
    name = "seeds"

    def key(self):
        return f"seeds {self.hang}"

    def ask(self, variant, _rule):
        return first(ask(variant) for ask in [self.play, *(target.plays for target in outside(variant.path)), self.play_in_memory])

    def play_in_memory(self, variant):
        """With MemorySanitizer."""
        return self.play(variant, MEMORY)

    def play(self, variant, program=ANVIL):
        own = targets(variant.path)
        if not own:
            return None
        folders = sorted(map(str, [*Path("corpora").iterdir(), *Path("crashes").iterdir()]),
                         key=lambda folder: (os.path.basename(folder) not in own, folder))
        done = run(variant.program(program), "play", "--quiet", "--hang", self.hang, *folders, stdout=PIPE, stderr=STDOUT,
                   until=r"\S+: (crash|leak|hang|wedged|violation)")
        if done.status == 0:
            return ""
        return next(filter(None, done.output.splitlines()), f"status {done.status}")[:100]


def likeness(test, path):
    """How much of the name of a source that of a test begins with."""
    return len(os.path.commonprefix([Path(test).name.removeprefix("test_"), Path(path).stem]))


class Tests(Judge):
    """Those of devices/; those of threads around them for these and for what they bring along."""
    name = "tests"

    def ask(self, variant, rule):
        programs = [program for program in variant.commands.linked(variant.path)
                    if "/tests/" in program and program != THREADS and
                    (not AROUND.search(program) or not targets(variant.path))]
        programs.sort(key=lambda test: (-likeness(test, variant.path), len(variant.commands[test]), test))
        if rule == "order":
            programs.insert(0, THREADS)
        for program in programs:
            if what := self.failed(variant.program(program)):
                # what fails without a mistake, too, says nothing of it
                if not self.failed(program):
                    return f"{Path(program).name}: {what}"
            os.unlink(variant.program(program))
        return "" if programs else None

    @staticmethod
    def failed(program):
        done = run("timeout", "-k", "5", TEST_SECONDS, program, stdout=PIPE, stderr=STDOUT)
        if done.status == 0:
            return ""
        named = re.search(r"^\[  FAILED  \] ([a-z]\w+)", done.output, re.M)
        return named[1] if named else "still running" if done.status == 124 else f"status {done.status}"


class Fuzzing(Judge):
    name = "fuzzing"

    def key(self):
        return f"fuzzing {self.seconds} {self.seed}"

    def ask(self, variant, _rule):
        names = targets(variant.path)
        for target in names:
            work = variant.folder / "fuzzing" / target
            for folder in "corpus", "found":
                (work / folder).mkdir(parents=True)
            program = variant.program(f"build/fuzz/{target}")
            found, seconds = finding.hunt(program, target, work, self.seed, self.seconds, [f"corpora/{target}"])
            if found and (what := finding.confirm(program, variant.program(ANVIL), found)):
                return f"{target} after {seconds:.1f} s: {what}"
        said = first(target.fuzzes(variant, self.seconds, self.seed) for target in outside(variant.path))
        return "" if said is None and names else said


ALL = [Seeds, Tests, Fuzzing]
