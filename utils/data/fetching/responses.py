"""How a server's answer is judged, and how long to wait before asking again.

`urllib3.Retry` would repeat a request, but not continue a body that broke off, and it lets a
server make a student wait indefinitely. So the loop is our own, and only its parsing is used.
"""

import contextlib
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
import urllib3
from requests import exceptions as http_problems

from utils.data.fetching.errors import SourceFailedError, TryAgainError

BACKOFF_SECONDS = 1.0  # the wait after the first failure; it doubles after each further one
LONGEST_WAIT_SECONDS = 30.0  # no server can make us wait longer than this
BROKEN = "the connection broke"  # a short reason
BUSY_STATUSES = {408, 425, 429}  # besides these, every 5xx is worth another attempt


@contextlib.contextmanager
def request_problems(timeout: tuple[float, float]) -> Iterator[None]:
    """Turn what `requests` and `urllib3` raise into `TryAgainError` or `SourceFailedError`.

    Args:
        timeout: That of the request, for the message: seconds for a connection, for the next bytes.
    """
    try:
        yield
    except http_problems.SSLError as problem:
        short = "no secure connection"
        raise SourceFailedError(f"{short} ({problem})", short) from problem
    except (http_problems.Timeout, urllib3.exceptions.TimeoutError) as problem:
        text = "no data for {:g} s (connecting) or {:g} s".format(*timeout)
        raise TryAgainError(text, "no answer") from problem
    except urllib3.exceptions.DecodeError as problem:
        text = f"what it sends cannot be decompressed ({problem.args[0]})"
        raise SourceFailedError(text, "wrong content") from problem
    except (http_problems.ConnectionError, urllib3.exceptions.HTTPError) as problem:
        # requests wraps what happened in one or two layers that only repeat the address.
        cause = getattr(problem.args[0], "reason", problem) if problem.args else problem
        raise TryAgainError(f"{BROKEN} ({cause})", BROKEN) from problem
    except http_problems.RequestException as problem:
        short = "the request failed"
        raise SourceFailedError(f"{short} ({problem})", short) from problem


def check_status(response: requests.Response) -> None:
    """Raise `TryAgainError` for a status that means the server is busy or has a problem."""
    status = response.status_code
    if status in BUSY_STATUSES or status >= 500:
        short = f"HTTP {status}"
        try:
            wait = urllib3.Retry().get_retry_after(response)
        except urllib3.exceptions.InvalidHeader:
            wait = None
        raise TryAgainError(f"{short} ({response.reason})", short, status, wait)


def is_packed(response: requests.Response) -> bool:
    """Return whether the body was compressed for the transfer, though nobody asked for that.

    A stored `.gz` file, which some servers declare to be a compressed transfer, is not.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    is_stored = urlsplit(response.url).path.lower().endswith((".gz", ".tgz"))
    return encoding not in ("", "identity") and not is_stored and response.status_code in (200, 206)


def cut_short(response: requests.Response) -> bool:
    """Return whether less of a body has arrived than was announced."""
    length = response.headers.get("Content-Length", "")
    return length.isdecimal() and response.raw.tell() < int(length)


def wait_to_retry(problem: TryAgainError, failed: int, label: str, url: str) -> None:
    """Sleep before the next attempt; say so if it takes long.

    Args:
        problem: Why the last attempt failed, and how long the server asks to wait.
        failed: The number of attempts in a row that have failed.
        label: The file's name, for the message.
        url: Where it comes from.
    """
    seconds = BACKOFF_SECONDS * 2 ** (failed - 1) if problem.wait is None else problem.wait
    seconds = min(seconds, LONGEST_WAIT_SECONDS)
    if seconds > 2:
        host = urlsplit(url).hostname
        print(f"{label}: {host} says {problem}; trying again in {seconds:.0f} s.")
    time.sleep(seconds)
