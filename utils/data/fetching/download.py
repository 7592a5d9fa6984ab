"""Fetch one file over HTTP so that it is either right or not there.

A file gets its final name only once its sha256 has been checked. Until then the bytes are in
`NAME.part` beside it, which a later call continues. `pooch` also renames, checks the hash and
repeats whole downloads, but it cannot resume, lock, or notice that there is no network.
"""

import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import requests
from tqdm import tqdm

from utils.common.files import format_bytes
from utils.data.fetching import disk, network
from utils.data.fetching.disk import local_problem, locked, size_of
from utils.data.fetching.errors import DownloadError, Reason, SourceFailedError, TryAgainError
from utils.data.fetching.registry import RegistryFile
from utils.data.fetching.responses import (
    BROKEN,
    check_status,
    cut_short,
    is_packed,
    request_problems,
    wait_to_retry,
)

CHUNK_BYTES = 64 * 1024
TIMEOUT = (5, 20)  # seconds to wait for a connection, and for the next bytes
ATTEMPTS = 4  # in a row that bring no new bytes
SECONDS_BETWEEN_UPDATES = 2.0  # of the progress bar, where each update may stay in the output


def download(entry: RegistryFile, urls: Iterable[str], target: Path) -> str:
    """Download a file and return the URL that delivered it.

    The URLs are tried in turn. If the target is already right (another process may have fetched it
    while this one waited), its `file:` address is returned.

    Raises:
        DownloadError: Every source failed, or the target cannot be written.
    """
    part = part_of(target)
    failures = []
    with locked(target, entry.name):
        if target.is_file() and entry.matches(target):
            return target.resolve().as_uri()
        for url in urls:
            try:
                _Transfer(entry, url, part).run()
                disk.rename(part, target)
                return url
            except SourceFailedError as problem:
                failures.append(_reason(url, problem))
        kept = size_of(part)
    lines = [f"{entry.name} could not be downloaded."]
    lines += [f"  {failure.text}" for failure in failures]
    if kept:
        lines += [f"The {format_bytes(kept)} that arrived are kept; the next call continues there."]
    raise DownloadError("\n".join(lines), failures)


def install(entry: RegistryFile, source: Path, target: Path, label: str) -> None:
    """Copy a local file to `target`, with the same guarantees as `download`.

    Messages call the source `label`.

    Raises:
        DownloadError: The source is wrong or cannot be read, or the target cannot be written.
    """
    part = part_of(target)
    with locked(target, target.name):
        try:
            part.unlink(missing_ok=True)
            shutil.copyfile(source, part)
        except OSError as problem:
            if problem.errno not in disk.DISK_FULL_ERRORS and not disk.is_readable(source):
                short = "cannot be read"
                text = f"{label} {short} ({problem.strerror or problem})."
                raise DownloadError(text, short=short) from problem
            raise local_problem(problem, part, size_of(source)) from problem
        digest = entry.digest(part)
        if digest != entry.sha256:
            part.unlink()
            text = (
                f"{label} has the wrong content: its sha256 is {digest}, expected {entry.sha256}."
            )
            raise DownloadError(text, short="checksum wrong")
        disk.rename(part, target)


def remove_if_wrong(entry: RegistryFile, path: Path) -> None:
    """Delete a file unless its content is right. Raise OSError or DownloadError."""
    # Under the lock, because another process may just have replaced it.
    with locked(path, path.name):
        if path.is_file() and not entry.matches(path):
            path.unlink()


def part_of(target: Path) -> Path:
    """Return where the bytes of a file are kept until it is complete."""
    return target.with_name(target.name + ".part")


def progress_bar(
    label: str, start: int, total: int | None, unit: str = "B", shown: bool = True
) -> tqdm:
    """Return a plain-text bar that appears after a second and leaves nothing behind."""
    # A notebook's kernel claims to be a terminal, but stores every update as an output.
    is_terminal = sys.stdout.isatty() and "ipykernel" not in sys.modules
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
        mininterval=0.2 if is_terminal else SECONDS_BETWEEN_UPDATES,
    )


def _reason(url: str, problem: SourceFailedError) -> Reason:
    text = str(problem)
    if problem.short not in network.OBSTACLES:  # such a text names the host already
        text = f"{network.without_password(url)}: {text}"
    return Reason(problem.short, text, problem.status)


class _Transfer:
    """Brings a file from one URL into its part, in as many requests as it takes."""

    def __init__(self, entry: RegistryFile, url: str, part: Path):
        self.entry = entry
        self.url = url
        self.part = part
        self.restarts = 0  # how often the server made us start again

    def run(self) -> None:
        """Bring the part to its full, checked content. Raise SourceFailedError."""
        if obstacle := network.obstacle(self.url):
            raise SourceFailedError(obstacle.text, obstacle.short)
        failed, checked = 0, False
        while True:
            size, restarts = size_of(self.part), self.restarts
            try:
                continued = self._request()
            except TryAgainError as problem:
                # A slow line that often breaks still gets there, so only attempts that bring
                # nothing new are counted, and those in which the server made us start again.
                brought = size_of(self.part) > size and self.restarts == restarts
                failed = 1 if brought else failed + 1
                tries = max(failed, self.restarts)
                if tries >= ATTEMPTS:
                    raise SourceFailedError(
                        f"{problem} (tried {tries} times)", problem.short, problem.status
                    ) from problem
                wait_to_retry(problem, failed, self.entry.name, self.url)
                continue
            digest = self.entry.digest(self.part)
            if digest == self.entry.sha256:
                return
            self.part.unlink()
            if checked or not continued:
                text = f"its sha256 is {digest}, expected {self.entry.sha256}"
                raise SourceFailedError(f"the content is wrong: {text}", "checksum wrong")
            # Perhaps only the beginning, from an earlier call, was wrong: try again from the start.
            checked = True

    def _request(self) -> bool:
        """Make one request and append to the part; return whether it continued an earlier part."""
        position = size_of(self.part)
        size = self.entry.exact_size
        if size is not None and position > size:
            self.part.unlink()
            position = 0
        if position and position == size:
            return True  # complete; a process died between the last byte and the check
        # "identity", because ranges of a compressed transfer are not ranges of the file.
        headers = {"Accept-Encoding": "identity"}
        if position:
            headers["Range"] = f"bytes={position}-"
        with (
            request_problems(TIMEOUT),
            requests.get(self.url, headers=headers, stream=True, timeout=TIMEOUT) as response,
        ):
            if response.status_code == 416 and position and self.entry.matches(self.part):
                return True
            packed = is_packed(response)
            start, total = self._accept(response, position, packed)
            self._receive(response, start, total, packed)
            return start > 0

    def _accept(
        self, response: requests.Response, position: int, packed: bool
    ) -> tuple[int, int | None]:
        """Check status and headers; return where the body starts and the file's size, if known."""
        status = response.status_code
        short = f"HTTP {status}"
        text = f"{short} ({response.reason})"
        check_status(response)
        if status == 416:
            raise self._begin_again(text, short)
        if status == 206:
            content_range = response.headers.get("Content-Range", "")
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range.strip())
            if packed or not match or int(match[1]) != position:
                compressed = ", compressed" if packed else ""
                text = f"wrong Content-Range {content_range!r}{compressed}"
                raise self._begin_again(text, "wrong answer")
            start, length = position, match[2]
        elif status == 200:  # the whole file, whether or not a range was asked for
            self.restarts += position > 0
            start, length = 0, "" if packed else response.headers.get("Content-Length", "")
        else:
            raise SourceFailedError(text, short, status)
        total = int(length) if length.isdecimal() else None
        size, largest = self.entry.exact_size, self.entry.largest
        if total is not None and (total > largest or size not in (None, total)):
            expected = f"at most {largest}" if size is None else size
            raise SourceFailedError(f"offers {total} bytes, expected {expected}", "size wrong")
        return start, total

    def _begin_again(self, text: str, short: str) -> TryAgainError:
        self.restarts += 1
        self.part.unlink(missing_ok=True)  # then the next request has no range
        return TryAgainError(text, short, wait=0)

    def _receive(
        self, response: requests.Response, start: int, total: int | None, packed: bool
    ) -> None:
        """Write the body to the part from byte `start` on and check its length."""
        expected = self.entry.exact_size or total
        if expected is not None:
            disk.check_free_space(self.part, expected - start)
        position, limit = start, expected or self.entry.largest
        try:
            with (
                open(self.part, "ab" if start else "wb") as part,
                progress_bar(self.entry.name, start, expected) as bar,
            ):
                for chunk in response.raw.stream(CHUNK_BYTES, decode_content=packed):
                    part.write(chunk)
                    position += len(chunk)
                    bar.update(len(chunk))
                    if position > limit:
                        break
        except OSError as problem:  # of the disk; urllib3 wraps those of the network
            missing = None if expected is None else expected - position
            raise local_problem(problem, self.part, missing) from problem
        if position > limit:
            self.part.unlink()
            raise SourceFailedError(f"sends more than {limit} bytes", "size wrong")
        if (expected is not None and position < expected) or cut_short(response):
            of = "" if expected is None else f" of {expected}"
            raise TryAgainError(f"the connection broke after {position}{of} bytes", BROKEN)
