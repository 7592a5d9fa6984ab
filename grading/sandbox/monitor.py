"""The monitor of all processes of a submission together."""

import threading
import time
from collections.abc import Iterable

import psutil

from grading.limits import TOGETHER, Limits
from grading.sandbox import descriptors, memory_use

MEGABYTE = 2**20
SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_BETWEEN_GLANCES = 0.05  # at what is quickly seen
# How much this process may grow while a kernel runs: what a submission sends waits here.
MOST_WAITING_HERE = 500 * MEGABYTE


class Monitor:
    """Watches the processes of a submission, and ends them when they take too much.

    The system enforces the limits of a single process; this is for all of them together, and for
    what they pile up in the grader.

    Args:
        started: The processes: a `bubblewrap.Started` or a `prefork.Forked`.
        limits: For them.
        folders: Where they can write, if that is memory.
    """

    def __init__(self, started, limits: Limits, folders: Iterable[str] = ()):
        self.reason = None
        self._started = started
        self._limits = limits
        self._folders = tuple(folders)
        self._group = started.group
        self._kills_before = self._group.kills() if self._group else 0
        self._most = TOGETHER * limits.memory_mb * MEGABYTE
        self._shared_before = memory_use.shared()
        self._own_before = memory_use.memory([psutil.Process()])
        self._open_before = descriptors.in_use()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._is_over.set()
        self._thread.join()

    def end(self, reason: str) -> None:
        """End the submission; an earlier reason stays."""
        self.reason = self.reason or reason
        self._started.kill()

    def look(self) -> str | None:
        """Look once; return why the submission has to be ended, or None."""
        family = self._started.family()
        if len(family) > self._limits.processes:
            self.reason = self.reason or "processes"
        elif self._takes_too_much_memory(family):
            self.reason = self.reason or "memory"
        elif memory_use.memory([psutil.Process()]) > self._own_before + MOST_WAITING_HERE:
            self.reason = self.reason or "output"
        return self.reason

    def _takes_too_much_memory(self, family):
        if self._group is not None:
            has_kills = self._group.kills() > self._kills_before
            return has_kills or self._group.usage() > self._most
        return memory_use.exceed(family, self._folders, self._most, self._shared_before)

    def _run(self):
        next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
        while not self._is_over.wait(SECONDS_BETWEEN_GLANCES):
            if descriptors.in_use() > self._open_before + descriptors.MOST_CONNECTIONS:
                self.reason = self.reason or "connections"
            elif time.monotonic() >= next_look:
                self.look()
                next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
            if self.reason:
                self._started.kill()
                return
