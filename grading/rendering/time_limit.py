"""A time limit for the grader's own work, which a stranger's input may prolong."""

import contextlib
import signal
import threading
from collections.abc import Iterator


class TooLong(BaseException):
    """It takes too long. Not an Exception, which libraries catch."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End what takes too long with TooLong, on the main thread and where there are timers."""
    is_main = threading.current_thread() is threading.main_thread()
    if not hasattr(signal, "setitimer") or not is_main:
        yield
        return
    is_over = False

    def stop(number, frame):
        if not is_over:
            raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    # Repeated, because an exception is lost where Python cannot let it out.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        try:
            yield
        finally:
            is_over = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
