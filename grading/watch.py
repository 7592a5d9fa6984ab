"""The watch over all processes of a submission together."""

import threading

MEGABYTE = 2**20
MEMORY_TO_SHARE = 500 * MEGABYTE
SECONDS_BETWEEN_LOOKS = 0.25


class Watch:
    """Looks at the processes of a submission, and ends them when they take too much.

    Limits of a single process are the system's business; this is for all of them together.
    """

    def __init__(self, started, limits):
        self.started = started
        self.limits = limits
        self.reason = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        """Looks no more."""
        self._is_over.set()
        self._thread.join()

    def _run(self):
        while not self._is_over.wait(SECONDS_BETWEEN_LOOKS):
            family = self.started.family()
            if len(family) > self.limits.processes:
                self.reason = "processes"
            elif memory(family) > 1.25 * self.limits.memory_mb * MEGABYTE:
                self.reason = "memory"
            if self.reason:
                self.started.kill()
                return


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
