"""Where the files of Open Images come from: a mirror, or the official hosts.

A file has the same path everywhere, such as `openimages/v7/oidv7-class-descriptions.csv` or
`open-images-dataset/validation/0001eeaf4aed83f9.jpg`. In a mirror it is the path below the
mirror's folder or address; for the official hosts see `Source.address`.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import requests

from utils.common.errors import DataError
from utils.data.fetching import network, places, responses
from utils.data.fetching.errors import Reason, SourceFailedError, TryAgainError
from utils.data.fetching.network import without_password

GOOGLE = "https://storage.googleapis.com"  # the tables, below openimages/
AMAZON = "https://open-images-dataset.s3.amazonaws.com"  # the photos
PHOTOS = "open-images-dataset"  # the photos' folder in a mirror
BLOCK_BYTES = 1 << 20
ATTEMPTS = 5  # in a row that bring nothing new
TIMEOUT = (5, 20)  # seconds: for a connection, for the next bytes


class NotThereError(Exception):
    """The source works, but does not have this file."""


@dataclass(frozen=True)
class Source:
    """A place that has files; `base` is a mirror's folder or address, empty if official."""

    kind: Literal["mirror", "official"]
    base: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether files are read from a folder rather than asked for over HTTP."""
        return self.kind == "mirror" and not places.is_web(self.base)

    @property
    def where(self) -> str:
        """The source in words, without a password."""
        if self.kind == "official":
            return f"{urlsplit(GOOGLE).hostname} and {urlsplit(AMAZON).hostname}"
        return f"the {places.mirror_in_words()}"

    def address(self, path: str) -> str:
        """Return the address or the file name of a file."""
        if self.is_folder:
            return str(Path(self.base) / path)
        if self.base:
            return f"{self.base.rstrip('/')}/{quote(path)}"
        if path.startswith(f"{PHOTOS}/"):
            return f"{AMAZON}/{quote(path.removeprefix(f'{PHOTOS}/'))}"
        return f"{GOOGLE}/{quote(path)}"

    def shown(self, path: str) -> str:
        """Return the address of a file in a form for publication: no folder, no password."""
        return f"the mirror's {path}" if self.is_folder else without_password(self.address(path))

    def obstacle(self, path: str) -> Reason | None:
        """Return why nothing can be had from here right now, or None."""
        if self.is_folder:
            return None if os.path.isdir(self.base) else places.no_such_mirror()
        reason = network.obstacle(self.address(path))
        return places.of_mirror(reason) if reason and self.kind == "mirror" else reason


def all_sources() -> list[Source]:
    """Return the sources in the order in which to ask them: the mirror, if any, comes first."""
    try:
        mirror = places.mirror()
        mirrors = [Source("mirror", mirror)] if mirror else []
    except DataError:
        mirrors = [Source("mirror")]  # it cannot exist; `obstacle` says why
    return [*mirrors, Source("official")]


def read_photo(session: requests.Session, source: Source, path: str) -> bytes:
    """Return the content of a small file, in one attempt.

    Raises:
        NotThereError: the source does not have the file (HTTP 403, 404 or 410).
        TryAgainError: this attempt failed.
        SourceFailedError: further attempts would be useless.
    """
    if source.is_folder:
        with _file_problems(source, path):
            return Path(source.address(path)).read_bytes()
    with _request(session, source, path) as response:
        return response.raw.read(decode_content=True)


# --- A large table, block by block -----------------------------------------------------------


@dataclass
class Progress:
    """How far a file has been read: bytes read, and its size if it is known.

    `version` is the file's ETag and date, so that the beginning of one file is never joined with
    the end of another; `compressed` says that the server compresses what it sends.
    """

    read: int = 0
    total: int | None = None
    version: str | None = None
    compressed: bool = False


def blocks(source: Source, path: str, progress: Progress) -> Iterator[bytes]:
    """Yield a file's bytes in blocks; a broken connection is resumed where it broke.

    Raises:
        NotThereError: the source does not have the file.
        SourceFailedError: the source cannot deliver it, even after several attempts.
    """
    if source.is_folder:
        with _file_problems(source, path), open(source.address(path), "rb") as file:
            progress.total = os.fstat(file.fileno()).st_size
            while block := file.read(BLOCK_BYTES):
                progress.read += len(block)
                yield block
        return
    failed = 0
    with requests.Session() as session:
        while True:
            before = progress.read
            try:
                yield from _rest(session, source, path, progress)
                return
            except TryAgainError as problem:
                failed = 1 if progress.read > before else failed + 1
                if failed == ATTEMPTS:
                    raise SourceFailedError(
                        f"{source.shown(path)}: {problem} (tried {failed} times in a row)",
                        problem.short,
                    ) from problem
                name = path.rpartition("/")[2]
                responses.wait_to_retry(problem, failed, name, source.address(path))


def _rest(
    session: requests.Session, source: Source, path: str, progress: Progress
) -> Iterator[bytes]:
    """Make one request and yield what is still missing of the file."""
    start = 0 if progress.compressed else progress.read
    with _request(session, source, path, start) as response:
        headers = response.headers
        version = headers.get("ETag", "") + headers.get("Last-Modified", "")
        if progress.version not in (None, version):
            raise SourceFailedError(
                f"{source.shown(path)}: the file changed while it was read", "the file changed"
            )
        progress.version = version
        progress.compressed = "Content-Encoding" in headers
        if response.status_code == 206:
            is_rest = headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if progress.compressed or not is_rest:
                raise SourceFailedError(f"{source.shown(path)}: wrong range", "wrong answer")
            skip = 0
        else:  # the whole file, whether or not a range was asked for
            skip = progress.read
            length = headers.get("Content-Length", "")
            progress.total = int(length) if length.isdecimal() and not progress.compressed else None
        for block in response.raw.stream(BLOCK_BYTES, decode_content=True):
            block, skip = block[skip:], max(0, skip - len(block))
            progress.read += len(block)
            yield block


@contextlib.contextmanager
def _request(
    session: requests.Session, source: Source, path: str, start: int = 0
) -> Iterator[requests.Response]:
    """Ask for a file from a byte on; leaving the block normally means all of it was read."""
    # "identity", because ranges of a compressed transfer are not ranges of the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with (
        responses.request_problems(TIMEOUT),
        session.get(
            source.address(path), headers=headers, stream=True, timeout=TIMEOUT
        ) as response,
    ):
        status = response.status_code
        described = f"{source.shown(path)}: HTTP {status} ({response.reason})"
        if status in (403, 404, 410):
            raise NotThereError(described)
        responses.check_status(response)
        if status not in (200, 206):
            raise SourceFailedError(described, f"HTTP {status}")
        yield response
        if responses.cut_short(response):
            raise TryAgainError("the connection broke", responses.BROKEN)


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
