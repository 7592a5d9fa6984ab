"""How many files and connections may be open: here, and in each process of a submission.

Every connection that a submission opens to the grader takes a descriptor here, and the messaging
library ends the process that has none left. So there have to be more than a submission can use up.
"""

import contextlib
import os

with contextlib.suppress(ImportError):  # Windows does not have it
    import resource

FOR_GRADER = 512
WANTED, LEAST = 1024, 256  # for each process of a submission; libraries need some
MOST_CONNECTIONS = 1000  # of one submission at a time; an honest one has three


def raise_limit(processes):
    """Lets this process open as many as so many processes could want of it, if the system allows.

    Args:
        processes: of a submission.
    """
    wanted = processes * WANTED + FOR_GRADER
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_enough(soft, wanted):
        return
    # Root may have more than is allowed at first; others get what there is.
    for most in (max(wanted, _known(hard)), _known(hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), most))
            return
        except (ValueError, OSError):
            continue


def for_submission(processes):
    """How many each process of a submission may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    fitting = (_known(soft) - FOR_GRADER) // processes
    return max(LEAST, min(WANTED, fitting))


def in_use():
    """About how many this process has open: the next one gets the lowest number that is free."""
    try:
        number = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # there is none left
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.close(number)
    return number


def _is_enough(limit, wanted):
    return limit == resource.RLIM_INFINITY or limit >= wanted


def _known(limit):
    return 2**30 if limit == resource.RLIM_INFINITY else limit
