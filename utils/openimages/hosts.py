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

from utils.common.errors import DataError
from utils.data.fetching import download as downloads
from utils.data.fetching import network, sources
from utils.data.fetching.download import SourceFailedError, TryAgainError
from utils.data.fetching.network import Reason, without_password

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
        return self.kind == "mirror" and not sources.is_web(self.base)

    def address(self, path: str) -> str:
        """Return the address or the file name of a file."""
        if self.is_folder:
            return str(Path(self.base) / path)
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
        return f"the {sources.mirror_in_words()}"

    def shown(self, path: str) -> str:
        """The address of a file as it may be published, with no path and no password in it."""
        return f"the mirror's {path}" if self.is_folder else without_password(self.address(path))

    def obstacle(self, path: str) -> Reason | None:
        """Return why nothing can be had from here right now, or None."""
        if self.is_folder:
            return None if os.path.isdir(self.base) else sources.no_such_mirror()
        reason = network.obstacle(self.address(path))
        return sources.of_mirror(reason) if reason and self.kind == "mirror" else reason


def all_sources() -> list[Source]:
    """Return the sources in the order in which they are asked: the mirror, if any, comes first."""
    try:
        mirror = sources.mirror()
        mirrors = [Source("mirror", mirror)] if mirror else []
    except DataError:
        mirrors = [Source("mirror")]  # there is none; `obstacle` says why
    return [*mirrors, Source("official")]


# --- A large table, block by block -----------------------------------------------------------


@dataclass
class Progress:
    """How far a table has been read; `total` is its size in bytes, where that is known.

    `ranges` is whether the source may be asked for the rest alone.
    """

    read: int = 0
    total: int | None = None
    ranges: bool = True
    tell: Callable[[int], None] = field(default=lambda count: None, repr=False)


def blocks(source: Source, path: str, progress: Progress) -> Iterator[bytes]:
    """Yield a file's bytes in blocks; a broken connection is resumed where it broke.

    Raises:
        NotThereError: the source does not have the file.
        SourceFailedError: the source cannot deliver it, even after several attempts.
    """
    if source.is_folder:
        yield from _blocks_of_file(source, path, progress)
    else:
        yield from _blocks_of_url(source.address(path), path.rpartition("/")[2], progress)


def _blocks_of_file(source: Source, path: str, progress: Progress) -> Iterator[bytes]:
    with _file_problems(source, path), open(source.address(path), "rb") as file:
        progress.total = os.fstat(file.fileno()).st_size
        while block := file.read(BLOCK_BYTES):
            progress.read += len(block)
            progress.tell(len(block))
            yield block


@contextlib.contextmanager
def _file_problems(source: Source, path: str) -> Iterator[None]:
    """Turn what reading a file of a mirror raises into NotThereError or SourceFailedError."""
    try:
        yield
    except FileNotFoundError as problem:
        raise NotThereError(f"{source.shown(path)} does not exist") from problem
    except OSError as problem:
        raise SourceFailedError(
            f"{source.shown(path)} cannot be read ({problem.strerror or problem})", "cannot be read"
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
                        f"{without_password(url)}: {problem} (tried {failed} times in a row)",
                        problem.short,
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
    if progress.read and progress.ranges:
        headers["Range"] = f"bytes={progress.read}-"
    with (
        downloads.request_problems(TIMEOUT),
        session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response,
    ):
        packed = downloads.is_packed(response)
        skip = _accept(response, without_password(url), progress, version, packed)
        for block in response.raw.stream(BLOCK_BYTES, decode_content=packed):
            block, skip = block[skip:], max(0, skip - len(block))
            if block:
                progress.read += len(block)
                progress.tell(len(block))
                yield block
        if downloads.cut_short(response):
            raise TryAgainError(f"the connection broke at {progress.read} bytes", downloads.BROKEN)


def _accept(
    response: requests.Response, shown: str, progress: Progress, version: list[str], packed: bool
) -> int:
    """Judge status and headers; return the bytes of the body to skip."""
    status = response.status_code
    if status in (403, 404, 410):
        raise NotThereError(f"{shown}: HTTP {status} ({response.reason})")
    downloads.check_status(response)
    found = "".join(response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    if version and version[0] != found:
        raise SourceFailedError(f"{shown}: the file changed while it was read", "the file changed")
    version[:] = [found]
    if packed:  # its ranges and its length are not those of the file
        progress.ranges = False
        if status == 206:
            raise TryAgainError(f"HTTP {status}, compressed", "wrong answer", wait=0)
    if status == 200:  # the whole file, whether or not a range was asked for
        length = response.headers.get("Content-Length", "")
        progress.total = int(length) if length.isdecimal() and not packed else None
        return progress.read
    content_range = response.headers.get("Content-Range", "").strip()
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range)
    if status == 206 and match and int(match[1]) == progress.read:
        return 0
    if status == 416 and progress.total == progress.read:
        return 0
    raise SourceFailedError(f"{shown}: HTTP {status} ({response.reason})", f"HTTP {status}")


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
        with _file_problems(source, path):
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
    packed = downloads.is_packed(response)
    started = time.monotonic()
    parts, received = [], 0
    for part in response.raw.stream(downloads.CHUNK_BYTES, decode_content=packed):
        parts.append(part)
        received += len(part)
        if received > most:
            raise SourceFailedError(f"more than {most} bytes", "too large")
        if stopped() or time.monotonic() - started > 10 * TIMEOUT[1]:
            raise TryAgainError("it took too long", "no answer")
    if downloads.cut_short(response):
        raise TryAgainError(f"the connection broke after {received} bytes", downloads.BROKEN)
    return b"".join(parts)
