"""Fetch a photo, and keep it only if it can be decoded to the last pixel.

The photos go into a pool in the cache, one file for each photo. Sets are made from them (see
`utils.openimages.dataset_folder`), so that another set fetches only what is new.
"""

import contextlib
import hashlib
import io
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import requests
from PIL import Image

from utils.common.files import write_atomically
from utils.data.fetching import responses, sources
from utils.data.fetching.errors import Reason, SourceFailedError, TryAgainError
from utils.openimages import hosts
from utils.openimages.hosts import PHOTOS, NotThereError, Source
from utils.openimages.labels import Candidate

ATTEMPTS = 5
ATTEMPTS_IF_BROKEN = 2  # a photo that arrives broken twice is broken at its source
QUALITY = 90  # of the JPEGs that are written when photos are scaled down
THUMBNAIL_SIDE = 32  # of the thumbnails that are compared to find the same picture twice

Kind = Literal["cached", "downloaded", "missing", "broken", "undelivered"]


class BrokenPhotoError(TryAgainError):
    """The content is not a JPEG, or cannot be decoded to its end."""

    def __init__(self, reason: str):
        super().__init__(reason, "not a whole JPEG", wait=0)


@dataclass(frozen=True)
class Photo:
    """A photo in the pool; photos with the same `image_hash` show the same picture."""

    path: Path
    width: int
    height: int
    bytes: int
    sha256: str
    image_hash: str


@dataclass
class Outcome:
    """The outcome for one candidate; `failures` counts the failed attempts by reason."""

    candidate: Candidate
    kind: Kind = "undelivered"
    photo: Photo | None = None
    source: Source | None = None
    received: int = 0
    failures: Counter = field(default_factory=Counter)
    reason: str = ""


def inspect(content: bytes, path: Path) -> Photo:
    """Decode a JPEG completely. Raises BrokenPhotoError if that is not possible."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            image.load()
            width, height = image.size
            # The file's bytes would not do: the same picture can come with different metadata.
            small = image.reduce(max(1, min(width, height) // THUMBNAIL_SIDE))
            pixels = f"{width} {height} {image.mode} ".encode() + small.tobytes()
    except Exception as problem:  # Pillow raises almost anything for a broken file
        raise BrokenPhotoError(str(problem)) from problem
    sha256, image_hash = (hashlib.sha256(data).hexdigest() for data in (content, pixels))
    return Photo(path, width, height, len(content), sha256, image_hash)


def scaled(content: bytes, longest_side: int) -> bytes:
    """Return a JPEG scaled down, so that its longest side has `longest_side` pixels."""
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        if image.mode not in ("RGB", "L"):
            image = image.convert("RGB")
        image.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS, reducing_gap=3)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=QUALITY)
        return file.getvalue()


class Pool:
    """Gets photos from the pool's folder or from the sources; one call for each candidate.

    Any number of threads may call `get` at the same time. Each has its own connections. Once
    `stopped` is set, no further request is made.
    """

    def __init__(self, folder: Path, longest_side: int | None = None):
        self.folder = folder
        self.longest_side = longest_side
        self.sources: list[Source] = []
        self.problems: list[Reason] = []
        self.stopped = threading.Event()
        self._threads = threading.local()
        for source in hosts.all_sources():
            problem = source.obstacle(f"{PHOTOS}/test/0.jpg")
            if problem:
                self.problems.append(problem)
            else:
                self.sources.append(source)

    def get(self, candidate: Candidate) -> Outcome:
        """Return what came of a candidate. Raises OSError if the pool cannot be written."""
        path = self.folder / candidate.part / f"{candidate.image_id}.jpg"
        outcome = Outcome(candidate)
        if path.is_file():
            try:
                outcome.photo, outcome.kind = inspect(path.read_bytes(), path), "cached"
                return outcome
            except BrokenPhotoError:
                path.unlink()
                outcome.failures["damaged in the cache"] += 1
        kinds = []
        for source in self.sources:
            kinds.append(self._get_from(source, path, outcome))
            if outcome.photo:
                outcome.kind, outcome.source = "downloaded", source
                return outcome
        if not kinds:
            outcome.reason = sources.all_reasons(self.problems)
            outcome.failures[sources.short_reasons(self.problems)] += 1
        elif "undelivered" not in kinds:
            outcome.kind = "broken" if "broken" in kinds else "missing"
        return outcome

    def _get_from(self, source: Source, path: Path, outcome: Outcome) -> Kind:
        """Ask one source until its answer is clear; a usable photo goes to the pool."""
        candidate, broken = outcome.candidate, 0
        remote = f"{PHOTOS}/{candidate.part}/{candidate.image_id}.jpg"
        for attempt in range(ATTEMPTS):
            if self.stopped.is_set():
                break
            try:
                content = hosts.read_photo(self._session(), source, remote)
                outcome.received += len(content)
                outcome.photo = self._store(content, path)
                return "downloaded"
            except NotThereError:
                return "missing"
            except (SourceFailedError, TryAgainError) as problem:
                outcome.reason = f"{source.shown(remote)}: {problem}"
                outcome.failures[problem.short] += 1
                if isinstance(problem, SourceFailedError):
                    break
                broken += isinstance(problem, BrokenPhotoError)
                if broken == ATTEMPTS_IF_BROKEN or (broken and source.is_folder):
                    return "broken"
                wait = problem.wait
            if wait is None:  # up to half as long again, so that not all threads ask at once
                wait = responses.BACKOFF_SECONDS * 2**attempt * random.uniform(1, 1.5)
            if attempt < ATTEMPTS - 1:
                self.stopped.wait(min(wait, responses.LONGEST_WAIT_SECONDS))
        return "undelivered"

    def _session(self) -> requests.Session:
        if not hasattr(self._threads, "session"):
            self._threads.session = requests.Session()
        return self._threads.session

    def _store(self, content: bytes, path: Path) -> Photo:
        photo = inspect(content, path)
        if self.longest_side and max(photo.width, photo.height) > self.longest_side:
            content = scaled(content, self.longest_side)
            photo = inspect(content, path)
        write_atomically(path, content)
        return photo

    def remove_temporary_files(self) -> None:
        """Delete what a killed call left behind; only to be called under the lock."""
        for path in self.folder.glob("*/.*.jpg-*"):
            with contextlib.suppress(OSError):
                path.unlink()
