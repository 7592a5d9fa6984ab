"""The watch over all processes of a submission together."""

import threading
import time

import psutil

from grading.execution import descriptors
from grading.sandbox import memory_use

MEGABYTE = 2**20
SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_BETWEEN_GLANCES = 0.05  # at what is quickly seen
# All processes of a submission together, and its files, may take so much more than one process.
TOGETHER = 1.25
# By so much this process may grow while a kernel runs: what a submission sends waits here.
MOST_WAITING_HERE = 500 * MEGABYTE


class Watch:
    """Looks at the processes of a submission, and ends them when they take too much.

    Limits of a single process are the system's business; this is for all of them together, and
    for what they pile up in the grader.

    Args:
        started: the processes; has the methods of `sandbox.Started`, and perhaps a `group`: the
            `memory_group.MemoryGroup` that they are in, or None.
        limits: for them.
        folders: where they can write, if that is memory.
    """

    def __init__(self, started, limits, folders=()):
        self.started = started
        self.limits = limits
        self.folders = folders
        self.reason = None
        self.group = getattr(started, "group", None)
        self._kills = self.group.kills() if self.group else 0
        self._most = TOGETHER * limits.memory_mb * MEGABYTE
        self._shared = memory_use.shared()
        self._usual = memory_use.memory([psutil.Process()])
        self._usual_descriptors = descriptors.in_use()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        """Looks no more."""
        self._is_over.set()
        self._thread.join()

    def end(self, reason):
        """Ends the submission, unless there already was a reason to."""
        self.reason = self.reason or reason
        self.started.kill()

    def look(self):
        """Looks once; returns why the submission has to be ended, or None."""
        family = self.started.family()
        if len(family) > self.limits.processes:
            self.reason = self.reason or "processes"
        elif self._takes_too_much_memory(family):
            self.reason = self.reason or "memory"
        elif memory_use.memory([psutil.Process()]) > self._usual + MOST_WAITING_HERE:
            self.reason = self.reason or "output"
        return self.reason

    def _takes_too_much_memory(self, family):
        if self.group is not None:
            return self.group.kills() > self._kills or self.group.usage() > self._most
        return memory_use.exceed(family, self.folders, self._most, self._shared)

    def _glance(self):
        """Whether the submission has opened very many connections to this process."""
        return descriptors.in_use() > self._usual_descriptors + descriptors.MOST_CONNECTIONS

    def _run(self):
        next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
        while not self._is_over.wait(SECONDS_BETWEEN_GLANCES):
            if self._glance():
                self.reason = self.reason or "connections"
            elif time.monotonic() >= next_look:
                self.look()
                next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
            if self.reason:
                self.started.kill()
                return
