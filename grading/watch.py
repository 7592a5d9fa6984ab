"""The watch over all processes of a submission together."""

import contextlib
import os
import threading

import psutil

MEGABYTE = 2**20
MEMORY_TO_SHARE = 500 * MEGABYTE
SECONDS_BETWEEN_LOOKS = 0.25
# All processes of a submission together, and its files, may take so much more than one process.
TOGETHER = 1.25
# By so much this process may grow while a kernel runs: what a submission sends waits here.
MOST_WAITING_HERE = 500 * MEGABYTE


class Watch:
    """Looks at the processes of a submission, and ends them when they take too much.

    Limits of a single process are the system's business; this is for all of them together, and
    for what they pile up in the grader.

    Args:
        started: the processes; has the methods of `sandbox.Started`.
        limits: for them.
        folders: where they can write, if that is memory.
    """

    def __init__(self, started, limits, folders=()):
        self.started = started
        self.limits = limits
        self.folders = folders
        self.reason = None
        self._usual = memory([psutil.Process()])
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        """Looks no more."""
        self._is_over.set()
        self._thread.join()

    def _run(self):
        most = TOGETHER * self.limits.memory_mb * MEGABYTE
        while not self._is_over.wait(SECONDS_BETWEEN_LOOKS):
            family = self.started.family()
            if len(family) > self.limits.processes:
                self.reason = "processes"
            elif memory(family) + files_in_memory(family, self.folders) > most:
                self.reason = "memory"
            elif memory([psutil.Process()]) > self._usual + MOST_WAITING_HERE:
                self.reason = "output"
            if self.reason:
                self.started.kill()
                return


def files_in_memory(family, folders):
    """Bytes of the files that processes have written to folders which lie in memory."""
    used = {}  # by file system: processes see the same ones, or some of their own
    for process in family:
        for folder in folders:
            place = f"/proc/{process.pid}/root{folder}"
            with contextlib.suppress(OSError):
                system = os.statvfs(place)
                used[os.stat(place).st_dev] = (system.f_blocks - system.f_bfree) * system.f_frsize
    return sum(used.values())


def memory(family):
    """Bytes of memory that processes have taken for themselves; pages of files do not count."""
    total = sum(_kilobytes(each, "status", ("RssAnon", "RssShmem")) for each in family)
    if total * 1024 > MEMORY_TO_SHARE:
        # What a process and its copies share was counted for each; this takes longer, and is exact.
        shares = [_kilobytes(each, "smaps_rollup", ("Pss_Anon", "Pss_Shmem")) for each in family]
        total = min(total, sum(shares)) if all(shares) else total
    return total * 1024


def _kilobytes(process, name, wanted):
    try:
        with open(f"/proc/{process.pid}/{name}", encoding="utf-8", errors="replace") as lines:
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
        return sum(int(fields[each].split()[0]) for each in wanted)
    except (OSError, KeyError, ValueError):
        return 0
