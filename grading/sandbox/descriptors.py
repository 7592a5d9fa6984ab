"""How many files and connections may be open: here, and in each process of a submission.

Every connection that a submission opens to the grader takes a descriptor here, and the messaging
library ends a process that has none left. So there must be more than a submission can use up.
"""

import contextlib
import os

with contextlib.suppress(ImportError):  # Windows does not have it
    import resource

FOR_GRADER = 512
WANTED, LEAST = 1024, 256  # for each process of a submission; libraries need some
MOST_CONNECTIONS = 1000  # of one submission at a time; an honest one has three
MANY = 2**30  # instead of "no limit"


def raise_limit(processes: int) -> None:
    """Let this process open as many as a submission's processes could want, if allowed."""
    wanted = processes * WANTED + FOR_GRADER
    soft, hard = _limits()
    if soft >= wanted:
        return
    # Root may have more than is initially allowed; others get what there is.
    for most in (max(wanted, hard), hard):
        with contextlib.suppress(ValueError, OSError):
            return resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), most))


def for_submission(processes: int) -> int:
    """Return how many each process of a submission may open."""
    return max(LEAST, min(WANTED, (_limits()[0] - FOR_GRADER) // processes))


def in_use() -> int:
    """Return roughly how many this process has open: the next one gets the lowest free number."""
    try:
        number = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # there is none left
        return _limits()[0]
    os.close(number)
    return number


def _limits():
    pair = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [MANY if limit == resource.RLIM_INFINITY else limit for limit in pair]
