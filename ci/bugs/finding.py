# SPDX-License-Identifier: BSD-3-Clause
"""Fuzzing devices with a mistake until it is found, and whether what was found is that mistake's."""
import math
import re
from pathlib import Path

from known import ANVIL
from script import PIPE, STDOUT, run


def dictionary(target):
    return next(Path("dictionaries").glob(f"{target}.dict"), None)


# How libFuzzer is run: parts of the time, one after another with the same corpus, and its options. Turns are as
# anvil fuzz takes them (harness/cli/cmd_fuzz_schedule.c); short ones have scripts of 24 operations at most.
EDGES, SHORT = "-use_counters=0", "-max_len=600"
PLANS = {
    "turns": [(0.5, [EDGES]), (0.5, [])],
    "counters": [(1, [])],
    "edges": [(1, [EDGES])],
    "short": [(1, [SHORT])],
    "short_edges": [(1, [EDGES, SHORT])],
    "short_turns": [(0.25, [EDGES, SHORT]), (0.25, [EDGES]), (0.25, [SHORT]), (0.25, [])],
}


def hunt(program, target, work, number, limit, seeds, plan="turns"):
    """By libFuzzer, with this number for a seed, for so many seconds of processor time at most: the file
    that shows something, or None, and the seconds. `work` has the folders corpus and found."""
    spent = share = 0
    words = dictionary(target)
    for part, options in PLANS[plan]:
        share += part
        # it reads its own corpus again each second if one lets it: that would be by the clock
        command = [program, "-max_len=4096", *options, "-timeout=1", "-rss_limit_mb=2048", f"-seed={number}", "-reload=0",
                   f"-max_total_time={4 * limit}", f"-artifact_prefix={work / 'found'}/",
                   *([f"-dict={words}"] if words else []), work / "corpus", *seeds]
        shows, spent = hunt_by(command, work, spent, math.ceil(limit * share))
        if shows:
            return shows, spent
    return None, spent


def hunt_by(command, work, spent, limit):
    """A hang shows itself in a second; wall time is a backstop alone."""
    while limit - spent >= 1:
        with open(work / "log", "wb") as log:
            spent += run("prlimit", f"--cpu={int(limit - spent)}:", *command, stdout=log, stderr=STDOUT).seconds
        shows = next((path for path in (work / "found").iterdir() if not path.name.startswith("slow-unit-")), None)
        if not shows or not shows.name.startswith("timeout-"):
            return shows, spent
        # did it take a second of a busy machine, but of no processor? Then on with what is left
        if run("prlimit", "--cpu=1:", command[0], "-timeout=100", shows).status:
            return shows, spent
        shows.unlink()
    return None, spent


def confirm(program, anvil, found):
    """What shows the finding; nothing if the devices as they are do not pass it."""
    said = run(anvil, "play", "--hang", "2", found, stdout=PIPE).output
    verdict = re.search("^verdict: (.*)$", said, re.M)
    what = verdict[1] if verdict else "ok"
    if what in ("ok", "rejected"):
        # memory lies otherwise there, or it is another guest: one that does not race
        what = alone(run(program, found, stdout=PIPE, stderr=STDOUT).output)
    return "" if run(ANVIL, "play", "--quiet", found).status else what


def alone(said):
    """What a target says of itself, when it is played without the tool."""
    found = re.search(r"^(?:SUMMARY: [A-Za-z]*Sanitizer: (?P<crash>[^ \n]*)|anvil: (?P<rule>(?:violation|wedged)[^ \n]*) |"
                      r"SUMMARY: libFuzzer: deadly signal)", said, re.M)
    if not found:
        return ""
    return (found["rule"] or ("crash" if found["crash"] is None else f"crash:{found['crash']}")) + " in the engine alone"
