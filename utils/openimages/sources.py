"""Where the files of Open Images come from: a mirror, or the official hosts.

A file has the same path everywhere, for instance `openimages/v7/oidv7-class-descriptions.csv`
or `open-images-dataset/validation/0001eeaf4aed83f9.jpg`. In a mirror that is its path below the
mirror's folder or address; at the official hosts `Source.address` says.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import requests

from utils import download as downloads
from utils import network
from utils.download import SourceFailedError, TryAgainError

GOOGLE = "https://storage.googleapis.com"  # the tables, below openimages/
AMAZON = "https://open-images-dataset.s3.amazonaws.com"  # the photos
PHOTOS = "open-images-dataset"  # the photos' folder in a mirror
BLOCK_BYTES = 1 << 20
ATTEMPTS = 5  # in a row that bring nothing
TIMEOUT = (5, 20)  # seconds: for a connection, for the next bytes


class NotThereError(Exception):
    """The source is fine, but does not have this file."""


@dataclass(frozen=True)
class Source:
    """One place that has files; `base` is a mirror's folder or address, empty if official."""

    kind: Literal["mirror", "official"]
    base: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether files are read from a folder rather than asked for over HTTP."""
        return bool(self.base) and not is_web(self.base)

    def address(self, path: str) -> str:
        """Return the address or the file name of a file."""
        if self.is_folder:
            return str(Path(self.base).expanduser() / path)
        if self.base:
            return f"{self.base.rstrip('/')}/{quote(path)}"
        if path.startswith(f"{PHOTOS}/"):
            return f"{AMAZON}/{quote(path.removeprefix(f'{PHOTOS}/'))}"
        return f"{GOOGLE}/{quote(path)}"

    @property
    def where(self) -> str:
        """The source in words, with no password in it."""
        if self.kind == "official":
            return f"{urlsplit(GOOGLE).hostname} and {urlsplit(AMAZON).hostname}"
        if self.is_folder:
            return f"the mirror {self.base}"
        return f"the mirror {urlsplit(self.base).netloc.rpartition('@')[2]}"

    def problem(self, path: str) -> str:
        """Return why nothing can be had from here right now, or an empty string."""
        if not self.is_folder:
            return network.unreachable_because(self.address(path))
        if not Path(self.base).expanduser().is_dir():
            return f"COURSE_DATA_MIRROR is {self.base}, which is neither a folder nor http(s)"
        return ""


def is_web(base: str) -> bool:
    """Tell an http(s) address from a folder."""
    return base.lower().startswith(("http://", "https://"))


def all_sources() -> list[Source]:
    """Return the sources in the order in which they are asked: the mirror, if any, comes first."""
    mirror = os.environ.get("COURSE_DATA_MIRROR", "").strip()
    return [Source("mirror", mirror)] * bool(mirror) + [Source("official")]


# --- A large table, block by block -----------------------------------------------------------


@dataclass
class Progress:
    """How far a table has been read; `total` is its size in bytes, where that is known."""

    read: int = 0
    total: int | None = None
    tell: Callable[[int], None] = field(default=lambda count: None, repr=False)


def blocks(source: Source, path: str, progress: Progress) -> Iterator[bytes]:
    """Yield a file's bytes in blocks; a broken connection is resumed where it broke.

    Raises:
        NotThereError: the source does not have the file.
        SourceFailedError: the source cannot deliver it, even after several attempts.
    """
    if source.is_folder:
        yield from _blocks_of_file(Path(source.address(path)), progress)
    else:
        yield from _blocks_of_url(source.address(path), path.rpartition("/")[2], progress)


def _blocks_of_file(path: Path, progress: Progress) -> Iterator[bytes]:
    with _file_problems(path, "the mirror cannot be read"), open(path, "rb") as file:
        progress.total = os.fstat(file.fileno()).st_size
        while block := file.read(BLOCK_BYTES):
            progress.read += len(block)
            progress.tell(len(block))
            yield block


@contextlib.contextmanager
def _file_problems(path: str | Path, short: str) -> Iterator[None]:
    """Turn what reading a file of a mirror raises into NotThereError or SourceFailedError."""
    try:
        yield
    except FileNotFoundError as problem:
        raise NotThereError(f"{path} does not exist") from problem
    except OSError as problem:
        raise SourceFailedError(
            f"{path} cannot be read ({problem.strerror or problem})", short
        ) from problem


def _blocks_of_url(url: str, label: str, progress: Progress) -> Iterator[bytes]:
    failed, version = 0, []
    with requests.Session() as session:
        while True:
            before = progress.read
            try:
                yield from _rest_of_url(session, url, progress, version)
                return
            except TryAgainError as problem:
                failed = 1 if progress.read > before else failed + 1
                if failed >= ATTEMPTS:
                    raise SourceFailedError(
                        f"{url}: {problem} (tried {failed} times in a row)", problem.short
                    ) from problem
                downloads.wait_to_retry(problem, failed, label, url)


def _rest_of_url(
    session: requests.Session, url: str, progress: Progress, version: list[str]
) -> Iterator[bytes]:
    """Make one request and yield what is still missing of the file.

    `version` remembers the file's ETag and date from one request to the next, so that the
    beginning of one file is never joined with the end of another.
    """
    # "identity", because ranges of a compressed transfer are not ranges of the file.
    headers = {"Accept-Encoding": "identity"}
    if progress.read:
        headers["Range"] = f"bytes={progress.read}-"
    with (
        downloads.request_problems(TIMEOUT),
        session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response,
    ):
        skip, length = _accept(response, url, progress, version)
        received = 0
        for block in response.raw.stream(BLOCK_BYTES, decode_content=False):
            received += len(block)
            block, skip = block[skip:], max(0, skip - len(block))
            if block:
                progress.read += len(block)
                progress.tell(len(block))
                yield block
        if length is not None and received < length:
            raise TryAgainError(f"the connection broke at {progress.read} bytes", downloads.BROKEN)


def _accept(
    response: requests.Response, url: str, progress: Progress, version: list[str]
) -> tuple[int, int | None]:
    """Judge status and headers; return the bytes of the body to skip, and its length."""
    status = response.status_code
    if status in (403, 404, 410):
        raise NotThereError(f"{url}: HTTP {status} ({response.reason})")
    downloads.check_status(response)
    length = response.headers.get("Content-Length", "")
    length = int(length) if length.isdecimal() else None
    found = "".join(response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    if version and version[0] != found:
        raise SourceFailedError(f"{url}: the file changed while it was read", "the file changed")
    version[:] = [found]
    if status == 200:  # the whole file, whether or not a range was asked for
        progress.total = length
        return progress.read, length
    content_range = response.headers.get("Content-Range", "").strip()
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range)
    if status == 206 and match and int(match[1]) == progress.read:
        return 0, length
    if status == 416 and progress.total == progress.read:
        return 0, None
    raise SourceFailedError(f"{url}: HTTP {status} ({response.reason})", f"HTTP {status}")


# --- A photo, in one go ----------------------------------------------------------------------


def session_for(source: Source) -> requests.Session:
    """Return a session that keeps its connection; proxies and certificates are looked up once."""
    session = requests.Session()
    if not source.is_folder:
        url = source.address(f"{PHOTOS}/test/0.jpg")
        settings = session.merge_environment_settings(url, {}, None, None, None)
        session.proxies, session.verify = settings["proxies"], settings["verify"]
        session.cert, session.trust_env = settings["cert"], False
    return session


def read_small(
    session: requests.Session, source: Source, path: str, most: int, stopped: Callable[[], bool]
) -> bytes:
    """Return the content of a small file, in one attempt.

    Args:
        session: of `session_for(source)`.
        source: where to ask.
        path: of the file.
        most: bytes; a larger file is refused.
        stopped: asked between two parts of the body; after a yes, nothing more is read.

    Raises:
        NotThereError: the source does not have the file (HTTP 403, 404 or 410).
        TryAgainError: this attempt failed.
        SourceFailedError: further attempts would be useless.
    """
    address = source.address(path)
    if source.is_folder:
        with _file_problems(address, "cannot be read"):
            return Path(address).read_bytes()
    with (
        downloads.request_problems(TIMEOUT),
        session.get(
            address, headers={"Accept-Encoding": "identity"}, stream=True, timeout=TIMEOUT
        ) as response,
    ):
        if response.status_code in (403, 404, 410):
            response.raw.drain_conn()  # so that the connection can be used again
            raise NotThereError(f"HTTP {response.status_code} ({response.reason})")
        downloads.check_status(response)
        if response.status_code != 200:
            short = f"HTTP {response.status_code}"
            raise SourceFailedError(f"{short} ({response.reason})", short)
        return _body(response, most, stopped)


def _body(response: requests.Response, most: int, stopped: Callable[[], bool]) -> bytes:
    length = response.headers.get("Content-Length", "")
    expected = int(length) if length.isdecimal() else None
    started = time.monotonic()
    parts, received = [], 0
    for part in response.raw.stream(downloads.CHUNK_BYTES, decode_content=False):
        parts.append(part)
        received += len(part)
        if received > most:
            raise SourceFailedError(f"more than {most} bytes", "too large")
        if stopped() or time.monotonic() - started > 10 * TIMEOUT[1]:
            raise TryAgainError("it took too long", "no answer")
    if expected is not None and received < expected:
        raise TryAgainError(
            f"the connection broke after {received} of {expected} bytes", downloads.BROKEN
        )
    return b"".join(parts)
