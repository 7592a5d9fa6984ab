"""Finds and ends everything that the execution of a notebook started.

Kernels live in sessions of their own, so that it is not enough to signal a process group; and the
processes of a worker that died are nobody's descendants any more. They are found by a variable in
their environment, too.
"""

import contextlib
import os
import time

import psutil

MARKER = "COURSE_RUN_ID"
SECONDS_TO_END = 3


def end(pids, markers):
    """Ends these processes, their descendants, and all that carry one of the markers.

    Args:
        pids: of processes of ours that are still running.
        markers: values of the environment variable MARKER.

    Returns:
        The processes that survived; normally none.
    """
    # What is started while the others are being ended is found in the next round.
    for _ in range(3):
        family = find(pids, markers)
        if not family:
            return []
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        for process in wait(family):
            with contextlib.suppress(psutil.Error):
                process.kill()
        wait(family)
        pids = []  # they have ended, and their numbers may be given to others
    return find(pids, markers)


def find(pids, markers):
    """The living processes among these, their descendants, and those that carry a marker."""
    roots = [each for each in psutil.process_iter() if each.pid in pids or _has(each, markers)]
    family = set(roots)
    for process in roots:
        with contextlib.suppress(psutil.Error):
            family.update(process.children(recursive=True))
    return [each for each in family if each.pid != os.getpid() and is_alive(each)]


def is_alive(process):
    """Whether a process runs; one that ended and is only still listed (a zombie) does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _has(process, markers):
    try:
        return process.environ().get(MARKER) in markers
    except (psutil.Error, OSError):
        return False  # it belongs to somebody else, or has just ended


def wait(processes, seconds=SECONDS_TO_END):
    """Waits until the processes have ended; returns those that have not."""
    deadline = time.monotonic() + seconds
    while (processes := [each for each in processes if is_alive(each)]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.02)
    return processes
