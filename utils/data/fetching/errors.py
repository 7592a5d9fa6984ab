"""Why a file could not be fetched."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """Why a source did not have a file: in a clause, in full, and the HTTP status, if any."""

    short: str
    text: str
    status: int | None = None


class _RequestError(Exception):
    def __init__(self, text: str, short: str, status: int | None = None, wait: float | None = None):
        super().__init__(text)
        self.short = short
        self.status = status
        self.wait = wait


class SourceFailedError(_RequestError):
    """This source cannot deliver the file: go on to the next one."""


class TryAgainError(_RequestError):
    """This source may yet deliver the file: wait (None: the usual back-off), then retry."""


class DownloadError(RuntimeError):
    """No source delivered the file, or this machine could not store it.

    Attributes:
        failures: One reason for each source that was tried.
        short: The reason in one clause where no source is to blame, as with a full disk.
    """

    def __init__(self, message: str, failures: Iterable[Reason] = (), short: str = ""):
        super().__init__(message)
        self.failures = tuple(failures)
        self.short = short
