# SPDX-License-Identifier: BSD-3-Clause
"""What the scripts here have in common: their complaints, their progress, and programs that end when
they do."""
import collections
import concurrent.futures
import contextlib
import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIPE, STDOUT, NOTHING = subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL

Done = collections.namedtuple("Done", "status output seconds")


class Problem(Exception):
    """What a person is told in one line."""


def progress(words=""):
    """On a terminal, one line that the next one replaces."""
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Problem(f"no {program}; make {'bugs builds' if '/' in program else 'deps installs'} it")


# ---- programs ----

lock = threading.Lock()
running = set()
stopped = False


def stop():
    """Ends all that runs, with what that has started. A thread that waited for it ends, too."""
    global stopped
    with lock:
        stopped = True
        for process in list(running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


def stop_on_signals():
    """By a thread that reads of them: a handler would wait for the main thread, which may have begun to
    wait for something else just then."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for stops in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        if signal.getsignal(stops) != signal.SIG_IGN:  # as nohup has it
            signal.signal(stops, lambda *_: None)
    threading.Thread(target=lambda: os.read(reader, 1) and stop(), daemon=True).start()


def run(*command, stdout=NOTHING, stderr=NOTHING, until=None, **options):
    """A program, until it ends, or is ended because it wrote a line to a pipe that matches `until`: its
    status, what it wrote, and its processor time."""
    with lock:
        if stopped:
            sys.exit(130)
        process = subprocess.Popen([str(word) for word in command], stdin=NOTHING, stdout=stdout, stderr=stderr,
                                   start_new_session=True, **options)
        running.add(process)
    with process:
        output = ""
        for line in process.stdout or ():
            output += line.decode(errors="replace")
            if until and re.match(until, line.decode(errors="replace")):
                os.killpg(process.pid, signal.SIGTERM)
                until = None
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        running.remove(process)
    if stopped:
        sys.exit(130)
    return Done(process.returncode, output, usage.ru_utime + usage.ru_stime)


def side_by_side(job, things, jobs=None):
    """What the job makes of each, so many at a time: as there are processors, if nobody says."""
    with concurrent.futures.ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(job, things))


# ---- the script itself ----

def main(work, doc):
    """Its arguments, -h, its complaints, and signals that end it."""
    program = os.path.relpath(sys.argv[0], ROOT)
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(doc)
        sys.exit(0)
    os.chdir(ROOT)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    stop_on_signals()
    try:
        try:
            inspect.signature(work).bind(*sys.argv[1:])
        except TypeError:
            raise Problem("it takes other arguments; --help has them") from None
        status = work(*sys.argv[1:])
        sys.exit(130 if stopped else status)
    except Problem as problem:
        why = problem
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
    progress()
    print(f"{program}: {why}", file=sys.stderr)
    sys.exit(2)
