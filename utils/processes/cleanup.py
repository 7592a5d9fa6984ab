"""Find and end everything that the execution of a notebook started.

Kernels live in sessions of their own, so it is not enough to signal a process group; and the
processes of a worker that died are nobody's descendants any more. So they are also found by a
variable in their environment.
"""

import contextlib
import os
import time
from collections.abc import Collection, Iterable

import psutil

MARKER = "COURSE_RUN_ID"
SECONDS_TO_END = 3


def end(pids: Collection[int], markers: Collection[str]) -> list[psutil.Process]:
    """End these processes, their descendants, and all those that carry one of the markers.

    Args:
        pids: Processes of ours that are still running.
        markers: Values of the environment variable MARKER.

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


def find(pids: Collection[int], markers: Collection[str]) -> list[psutil.Process]:
    """Return the living processes among these, their descendants, and those with a marker."""
    roots = [p for p in psutil.process_iter() if p.pid in pids or _has_marker(p, markers)]
    family = set(roots)
    for process in roots:
        with contextlib.suppress(psutil.Error):
            family.update(process.children(recursive=True))
    return [process for process in family if process.pid != os.getpid() and is_alive(process)]


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process is running, rather than ended and still listed."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _has_marker(process, markers):
    try:
        return process.environ().get(MARKER) in markers
    except (psutil.Error, OSError):
        return False  # it belongs to somebody else, or has just ended


def wait(
    processes: Iterable[psutil.Process], seconds: float = SECONDS_TO_END
) -> list[psutil.Process]:
    """Wait until the processes have ended; return those that have not."""
    deadline = time.monotonic() + seconds
    alive = [process for process in processes if is_alive(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.02)
        alive = [process for process in alive if is_alive(process)]
    return alive
