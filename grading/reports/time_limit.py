"""A limit of time for work of the grader's own that a stranger's input may make long."""

import contextlib
import signal
import threading


class TooLong(BaseException):
    """It takes too long. Not an Exception, which libraries catch."""


@contextlib.contextmanager
def at_most(seconds):
    """Ends what takes longer with TooLong, where that is possible."""
    if not hasattr(signal, "setitimer") or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    over = []

    def stop(number, frame):
        if not over:
            raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    # Again and again, because where Python cannot let an exception out, it is lost.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        try:
            yield
        finally:
            over.append(True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
