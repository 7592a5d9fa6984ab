"""Fetch one file over HTTP so that it is either right or not there.

A file gets its final name only after its sha256 was checked. Until then the bytes lie in
`NAME.part` beside it, which a later call continues. We wrote this with `requests` instead of
taking `pooch`, because resuming, retrying in the middle of a body, locking and noticing that
there is no network are most of the work here, and pooch has none of them.

Nothing in here knows about datasets; `utils.data.fetching.sources` does.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from filelock import FileLock, Timeout
from requests import exceptions as http_problems
from tqdm import tqdm

from utils.common.files import format_bytes
from utils.data.fetching import network

CHUNK_BYTES = 64 * 1024
BACKOFF_SECONDS = 1.0  # the wait after the first failure; it doubles after each further one
LONGEST_WAIT_SECONDS = 30.0  # no server can make us wait longer than this
SECONDS_BETWEEN_UPDATES = 2.0  # of the progress bar, where each update may stay in the output
BROKEN = "the connection broke"  # a short reason, see `Failure`
BUSY_STATUSES = {408, 425, 429}  # besides these, every 5xx is worth another attempt
DISK_FULL_ERRORS = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
NO_LOCKS_ERRORS = {
    getattr(errno, name, errno.ENOSYS) for name in ("ENOSYS", "ENOLCK", "ENOTSUP", "EOPNOTSUPP")
}


@dataclass(frozen=True)
class Failure:
    """Why one source did not deliver: with details, in one clause, and by HTTP status if any."""

    url: str
    reason: str
    short: str
    status: int | None = None

    @property
    def unreachable(self) -> bool:
        """Whether no connection to the host was possible at all."""
        return self.short in network.OBSTACLES

    @property
    def address(self) -> str:
        """The URL as it may be shown, without a password."""
        return network.without_password(self.url)


class DownloadError(RuntimeError):
    """No source delivered the file; `failures` holds one `Failure` for each source tried.

    `short` is the reason in one clause where it is not a source's fault, as with a full disk.
    """

    def __init__(self, message: str, failures: Iterable[Failure] = (), short: str = ""):
        super().__init__(message)
        self.failures = tuple(failures)
        self.short = short


class SourceFailedError(Exception):
    """This source cannot deliver the file: go on to the next one."""

    def __init__(self, reason: str, short: str, status: int | None = None):
        super().__init__(reason)
        self.short = short
        self.status = status


class TryAgainError(Exception):
    """This source may deliver the file yet: wait (None: the usual back-off), then retry."""

    def __init__(
        self, reason: str, short: str, wait: float | None = None, status: int | None = None
    ):
        super().__init__(reason)
        self.short = short
        self.wait = wait
        self.status = status


@dataclass(frozen=True)
class _Task:
    """What one call of `download` wants."""

    part: Path
    sha256: str
    size: int | None
    largest: int | None
    digest: Callable[[Path], str]
    label: str
    timeout: tuple[float, float]
    attempts: int


@dataclass
class _Attempt:
    """One request: the byte of the part at which its body begins, once that is known."""

    start: int | None = None


def download(
    urls: str | Iterable[str],
    target: str | os.PathLike,
    sha256: str,
    size: int | None = None,
    *,
    largest: int | None = None,
    digest: Callable[[Path], str] | None = None,
    label: str | None = None,
    timeout: tuple[float, float] = (5, 20),
    attempts: int = 4,
) -> str:
    """Download a file to `target` and return the URL that delivered it.

    Args:
        urls: one URL or several, tried in turn.
        target: the path of the file; its folder is made.
        sha256: the expected digest, in hexadecimal.
        size: the expected size in bytes, if known.
        largest: where the size is not known, more bytes than this are refused.
        digest: what returns the digest of a file; by default `sha256_of`.
        label: the name that messages use; by default the file's name.
        timeout: seconds to wait for a connection, and for the next bytes.
        attempts: how many attempts in a row may fail without bringing any new bytes.

    A target that is right already (another process may have fetched it while this one waited)
    is left alone, and its `file:` address is returned.

    Raises:
        DownloadError: every source failed (the message lists them all), the disk is full, or
            the folder cannot be written.
    """
    target = Path(target)
    task = _Task(
        part=target.with_name(target.name + ".part"),
        sha256=sha256.lower(),
        size=size,
        largest=largest,
        digest=digest or sha256_of,
        label=label or target.name,
        timeout=timeout,
        attempts=attempts,
    )
    failures = []
    with locked(target, task.label):
        if target.is_file() and task.digest(target) == task.sha256:
            return target.resolve().as_uri()
        for url in [urls] if isinstance(urls, str) else urls:
            try:
                _download_from(url, task)
                _rename(task.part, target)
                return url
            except SourceFailedError as problem:
                failures.append(Failure(url, str(problem), problem.short, problem.status))
        kept = _size_of(task.part)
    lines = [f"{task.label} could not be downloaded."]
    lines += [f"  {failure.address}: {failure.reason}" for failure in failures]
    lines += [] if failures else ["  There was no source to try."]
    if kept:
        lines += [f"The {format_bytes(kept)} that arrived are kept; the next call continues there."]
    raise DownloadError("\n".join(lines), failures)


def install(
    source: str | os.PathLike,
    target: str | os.PathLike,
    sha256: str,
    digest: Callable[[Path], str] | None = None,
    label: str | None = None,
) -> None:
    """Copy a local file to `target`, with the same guarantees as `download`.

    `label` is what messages call the source; by default its path.

    Raises:
        DownloadError: the copy's sha256 is not the expected one, the source cannot be read, or
            the target cannot be written.
    """
    source, target = Path(source), Path(target)
    part = target.with_name(target.name + ".part")
    label = label or str(source)
    with locked(target, target.name):
        try:
            part.unlink(missing_ok=True)
            shutil.copyfile(source, part)
        except OSError as problem:
            if problem.errno not in DISK_FULL_ERRORS:
                _check_readable(source, label)
            raise local_problem(problem, part, _size_of(source)) from problem
        found = (digest or sha256_of)(part)
        if found != sha256:
            part.unlink()
            raise DownloadError(
                f"{label} has the wrong content: {_hashes(found, sha256)}.", short="checksum wrong"
            )
        _rename(part, target)


def _check_readable(path: Path, label: str) -> None:
    """Raise DownloadError if a file cannot be read to its end."""
    try:
        sha256_of(path)
    except OSError as problem:
        raise DownloadError(
            f"{label} cannot be read ({problem.strerror or problem}).", short="cannot be read"
        ) from problem


def remove_if_wrong(
    path: str | os.PathLike, sha256: str, digest: Callable[[Path], str] | None = None
) -> None:
    """Delete `path` unless its sha256 (what `digest` returns) is the expected one.

    The check happens under the file's lock, because another process may just have replaced it.
    Raises OSError or DownloadError where the folder cannot be written.
    """
    path = Path(path)
    with locked(path, path.name):
        if path.is_file() and (digest or sha256_of)(path) != sha256:
            path.unlink()


def sha256_of(path: str | os.PathLike) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- One source ------------------------------------------------------------------------------


def _download_from(url: str, task: _Task) -> None:
    """Bring `task.part` to its full, checked content from one URL."""
    obstacle = network.obstacle(url)
    if obstacle:
        raise SourceFailedError(obstacle.text, obstacle.short)
    size = furthest = _size_of(task.part)
    failed = begun_anew = 0
    continued = restarted = False
    while True:
        before, attempt = size, _Attempt()
        try:
            continued |= _transfer(url, task, attempt)
        except TryAgainError as problem:
            # A slow line that breaks often still gets there, so only attempts that bring
            # nothing new are counted. What is added after the server made us begin anew is new,
            # too; but not for ever, if that happens again and again.
            size = _size_of(task.part)
            added = size > before == attempt.start
            failed = 1 if size > furthest or added else failed + 1
            begun_anew = 0 if size > furthest else begun_anew + (size < before)
            furthest = max(furthest, size)
            failed = max(failed, begun_anew)
            if failed >= task.attempts:
                tried = "once" if failed == 1 else f"{failed} times in a row"
                raise SourceFailedError(
                    f"{problem} (tried {tried})", problem.short, problem.status
                ) from problem
            wait_to_retry(problem, failed, task.label, url)
            continue
        found = task.digest(task.part)
        if found == task.sha256:
            return
        _remove(task.part)
        size = furthest = 0
        if restarted or not continued:
            raise SourceFailedError(
                f"the content is not the expected one: {_hashes(found, task.sha256)}",
                "checksum wrong",
            )
        # Perhaps only the beginning, from an earlier call, was wrong: once more from the start.
        restarted, continued = True, False


def _transfer(url: str, task: _Task, attempt: _Attempt) -> bool:
    """Make one request and append to the part; tell whether it continued an earlier part."""
    position = _size_of(task.part)
    if task.size is not None and position > task.size:
        _remove(task.part)
        position = 0
    if position and position == task.size:
        return True  # complete; a process died between the last byte and the check
    # "identity", because ranges of a compressed transfer are not ranges of the file.
    headers = {"Accept-Encoding": "identity"}
    if position:
        headers["Range"] = f"bytes={position}-"
    with (
        request_problems(task.timeout),
        requests.get(url, headers=headers, stream=True, timeout=task.timeout) as response,
    ):
        if response.status_code == 416 and task.digest(task.part) == task.sha256:
            return True
        packed = is_packed(response)
        start, total = _accept(response, position, task, packed)
        attempt.start = start
        _receive(response, start, total, task, packed)
        return start > 0


@contextlib.contextmanager
def request_problems(timeout: tuple[float, float]) -> Iterator[None]:
    """Turn what `requests` and `urllib3` raise into `TryAgainError` or `SourceFailedError`.

    `timeout` is the one of the request, for the message.
    """
    try:
        yield
    except http_problems.SSLError as problem:
        raise SourceFailedError(
            f"no secure connection ({problem})", "no secure connection"
        ) from problem
    except (http_problems.Timeout, urllib3.exceptions.TimeoutError) as problem:
        raise TryAgainError(f"no data for {_seconds(timeout)}", "no answer") from problem
    except urllib3.exceptions.DecodeError as problem:
        raise SourceFailedError(
            f"what it sends cannot be decompressed ({problem.args[0]})", "wrong content"
        ) from problem
    except (http_problems.ConnectionError, urllib3.exceptions.HTTPError) as problem:
        # requests wraps what happened in one or two layers that only repeat the address.
        cause = getattr(problem.args[0], "reason", problem) if problem.args else problem
        raise TryAgainError(f"the connection broke ({cause})", BROKEN) from problem
    except http_problems.RequestException as problem:
        raise SourceFailedError(
            f"the request failed ({problem})", "the request failed"
        ) from problem


def check_status(response: requests.Response) -> None:
    """Raise `TryAgainError` for a status that says the server is busy or has a problem."""
    status = response.status_code
    if status in BUSY_STATUSES or status >= 500:
        short = f"HTTP {status}"
        described = f"{short} ({response.reason})"
        raise TryAgainError(described, short, retry_after(response), status)


def is_packed(response: requests.Response) -> bool:
    """Tell whether the body was compressed for the way only, although nobody asked for that.

    Not so a stored `.gz` file, which some servers declare to be a compressed transfer.

    Raises:
        SourceFailedError: it is compressed in a way that cannot be undone here.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    stored = urlsplit(response.url).path.lower().endswith((".gz", ".tgz"))
    if encoding in ("", "identity") or stored or response.status_code not in (200, 206):
        return False
    if any(part.strip() not in response.raw.CONTENT_DECODERS for part in encoding.split(",")):
        raise SourceFailedError(f"sends the file compressed ({encoding})", "wrong content")
    return True


def cut_short(response: requests.Response) -> bool:
    """Tell whether less of a body has come than was announced."""
    length = response.headers.get("Content-Length", "")
    return length.isdecimal() and response.raw.tell() < int(length)


def _accept(
    response: requests.Response, position: int, task: _Task, packed: bool
) -> tuple[int, int | None]:
    """Judge status and headers; return where the body starts and the file's total size.

    Args:
        response: the answer, body not yet read.
        position: the byte that was asked for as the first one.
        task: what is wanted.
        packed: as of `is_packed`; then neither sizes nor ranges are those of the file.
    """
    status = response.status_code
    short = f"HTTP {status}"
    described = f"{short} ({response.reason})"
    check_status(response)
    if status == 416:
        _remove(task.part)
        raise TryAgainError(described, short, wait=0)
    if status == 200:  # the whole file, whether or not a range was asked for
        start, total = 0, "" if packed else response.headers.get("Content-Length", "")
    elif status == 206:
        content_range = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range.strip())
        if packed or not match or int(match[1]) != position:
            _remove(task.part)  # then the next request has no range
            what = f"wrong Content-Range {content_range!r}" + ", compressed" * packed
            raise TryAgainError(what, "wrong answer", wait=0)
        start, total = position, match[2]
    else:
        raise SourceFailedError(described, short, status)
    total = int(total) if total.isdecimal() else None
    if None not in (total, task.size) and total != task.size:
        raise SourceFailedError(
            f"offers {total} bytes where {task.size} were expected", "size wrong"
        )
    if None not in (total, task.largest) and total > task.largest:
        raise SourceFailedError(
            f"offers {total} bytes where {task.largest} are the most", "size wrong"
        )
    return start, total


def _receive(
    response: requests.Response, start: int, total: int | None, task: _Task, packed: bool
) -> None:
    """Write the body to the part from byte `start` on and check its length."""
    expected = total if task.size is None else task.size
    if expected is not None:
        check_free_space(task.part, expected - start)
    try:
        part = open(task.part, "ab" if start else "wb", buffering=0)  # noqa: SIM115
    except OSError as problem:
        raise local_problem(problem, task.part, expected) from problem
    with part, progress_bar(task.label, start, expected) as bar:
        position = start
        for chunk in response.raw.stream(CHUNK_BYTES, decode_content=packed):
            try:
                _write_all(part, chunk)
            except OSError as problem:
                missing = None if expected is None else expected - position
                raise local_problem(problem, task.part, missing) from problem
            position += len(chunk)
            bar.update(len(chunk))
            if expected is not None and position > expected:
                _remove(task.part)
                raise SourceFailedError(
                    f"sends more than the expected {expected} bytes", "size wrong"
                )
            if task.largest is not None and position > task.largest:
                _remove(task.part)
                raise SourceFailedError(f"sends more than {task.largest} bytes", "size wrong")
    if (expected is not None and position < expected) or cut_short(response):
        of = "" if expected is None else f" of {expected}"
        raise TryAgainError(f"the connection broke after {position}{of} bytes", BROKEN)


def _write_all(file, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:  # an unbuffered file may take less than it is given
        rest = rest[file.write(rest) :]


def progress_bar(
    label: str, start: int, total: int | None, unit: str = "B", shown: bool = True
) -> tqdm:
    """Return a bar of plain text that shows up after a second and leaves nothing behind."""
    return tqdm(
        desc=label,
        initial=start,
        total=total,
        unit=unit,
        unit_scale=unit == "B",
        disable=not shown,
        file=sys.stdout,
        delay=1,
        ncols=80,
        ascii=True,
        leave=False,
        # A notebook's kernel claims to be a terminal, but stores every update as an output.
        mininterval=0.2
        if sys.stdout.isatty() and "ipykernel" not in sys.modules
        else SECONDS_BETWEEN_UPDATES,
    )


def wait_to_retry(problem: TryAgainError, failed: int, label: str, url: str) -> None:
    """Sleep before the next attempt; say so when it takes long."""
    seconds = BACKOFF_SECONDS * 2 ** (failed - 1) if problem.wait is None else problem.wait
    seconds = min(seconds, LONGEST_WAIT_SECONDS)
    if seconds > 2:
        host = urlsplit(url).hostname
        print(f"{label}: {host} says {problem}; trying again in {seconds:.0f} s.")
    time.sleep(seconds)


def retry_after(response: requests.Response) -> float | None:
    """Return the wait in seconds that the server asks for, or None."""
    wish = response.headers.get("Retry-After")
    if wish is None:
        return None
    try:
        return max(0.0, urllib3.Retry().parse_retry_after(wish))
    except urllib3.exceptions.InvalidHeader:
        return None


def _seconds(timeout: tuple[float, float]) -> str:
    connect, read = timeout
    return f"{connect:g} s" if connect == read else f"{connect:g} s (connecting) or {read:g} s"


def _hashes(found: str, expected: str) -> str:
    return f"its sha256 is {found}, expected {expected}"


# --- Files -----------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(target: Path, label: str) -> Iterator[None]:
    """Hold the lock of `target`, so that only one process at a time writes it.

    Raises DownloadError where the folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.with_name(f".{target.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"Another process is fetching {label}; waiting for it.", flush=True)
            lock.acquire(poll_interval=0.1)
    except NotImplementedError:
        lock = None  # a file system without locks, see below
    except OSError as problem:
        if problem.errno not in NO_LOCKS_ERRORS:
            raise local_problem(problem, target, None) from problem
        lock = None  # some network file systems have no locks: the checked rename must do
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _size_of(path: Path) -> int:
    """Return the size in bytes, 0 for a file that does not exist."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _rename(part: Path, target: Path) -> None:
    try:
        os.replace(part, target)
    except OSError as problem:  # on Windows: another program has the old file open
        raise DownloadError(
            f"{part} could not be renamed to {target.name} ({problem}). "
            "Close what uses that file and try again.",
            short="the file is in use",
        ) from problem


def check_free_space(path: Path, needed: int) -> None:
    """Raise DownloadError if the folder of `path` has less than `needed` bytes free."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return  # some network folders do not tell; then writing shows it
    if free < needed:
        raise _disk_full(path, needed)


def local_problem(problem: OSError, path: Path, needed: int | None) -> DownloadError:
    """Turn an error of this machine's disk into a sentence; a full disk keeps no part."""
    if problem.errno in DISK_FULL_ERRORS:
        return _disk_full(path, needed)
    return DownloadError(
        f"{path} could not be written ({problem.strerror or problem}). "
        "Set COURSE_DATA_DIR to a folder that can be written.",
        short="the disk cannot be written",
    )


def _disk_full(path: Path, needed: int | None) -> DownloadError:
    if path.suffix == ".part":
        _remove(path)
    wanted = "more room is" if needed is None else f"{format_bytes(needed)} are"
    try:
        free = format_bytes(shutil.disk_usage(path.parent).free)
    except OSError:
        free = "an unknown amount"
    return DownloadError(
        f"The disk is full: {wanted} needed in {path.parent}, where {free} is free. "
        "Free space, or set COURSE_DATA_DIR to a folder on another disk.",
        short="disk full",
    )
