"""Fetch a photo, and keep it only if it can be decoded to the last pixel.

The photos go into a pool in the cache, one file for each photo and every file whole. Sets are
made of them (`utils.openimages.dataset_folder`), so that another set fetches only what is new.
"""

import contextlib
import hashlib
import io
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PIL import Image

from utils.common.files import write_atomically
from utils.data.fetching import responses, sources
from utils.data.fetching.download import SourceFailedError, TryAgainError
from utils.data.fetching.network import Reason
from utils.openimages import hosts
from utils.openimages.hosts import PHOTOS, NotThereError, Source
from utils.openimages.labels import Candidate

LARGEST_BYTES = 50_000_000  # no photo of Open Images has more than a few million
ATTEMPTS = 5
ATTEMPTS_IF_BROKEN = 2  # a photo that is broken twice is broken at its source
QUALITY = 90  # of the JPEGs that are written when photos are scaled down
THUMBNAIL_SIDE = 32  # of the thumbnails that are compared to find the same picture twice
SCALED_WITH = Image.Resampling.LANCZOS

Kind = Literal["cached", "downloaded", "missing", "broken", "undelivered"]


class BrokenPhotoError(Exception):
    """The content is no JPEG, or cannot be decoded to its end."""


@dataclass(frozen=True)
class Photo:
    """A photo in the pool; photos with the same `look` show the same picture."""

    path: Path
    width: int
    height: int
    bytes: int
    sha256: str
    look: tuple


@dataclass
class Outcome:
    """What came of one candidate; `failures` counts the attempts that failed, by reason."""

    candidate: Candidate
    kind: Kind
    photo: Photo | None = None
    source: Source | None = None
    received: int = 0
    failures: Counter = field(default_factory=Counter)
    reason: str = ""


# --- One photo -------------------------------------------------------------------------------


def inspect(content: bytes, path: Path) -> Photo:
    """Decode a JPEG completely. Raises BrokenPhotoError where that is not possible."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            image.load()
            width, height = image.size
            # The file's bytes would not do: the same picture can come with other metadata.
            small = image.reduce(max(1, min(width, height) // THUMBNAIL_SIDE))
            look = (width, height, image.mode, hashlib.sha256(small.tobytes()).digest())
    except Exception as problem:  # Pillow raises almost anything for a broken file
        what = "it is no JPEG" if not content.startswith(b"\xff\xd8") else str(problem)
        raise BrokenPhotoError(what) from problem
    sha256 = hashlib.sha256(content).hexdigest()
    return Photo(path, width, height, len(content), sha256, look)


def scaled(content: bytes, longest_side: int) -> bytes:
    """Return a JPEG whose longest side has at most so many pixels; a smaller one stays as it is."""
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        if max(image.size) <= longest_side:
            return content
        if image.mode not in ("RGB", "L"):
            image = image.convert("RGB")
        image.thumbnail((longest_side, longest_side), SCALED_WITH, reducing_gap=3)
        result = io.BytesIO()
        image.save(result, "JPEG", quality=QUALITY)
        return result.getvalue()


class Pool:
    """Gets photos from the pool's folder or from the sources; one call for each candidate.

    Any number of threads may call `get` at the same time. Each has its own connections.
    """

    def __init__(self, folder: Path, longest_side: int | None = None):
        self.folder = folder
        self.longest_side = longest_side
        self.sources: list[Source] = []
        self.problems: list[Reason] = []
        self.stopped = threading.Event()
        self._pace = _Pace(self.stopped)
        self._threads = threading.local()
        self._verdicts = _Verdicts(folder / "not-usable.json")
        for source in hosts.all_sources():
            problem = source.obstacle(f"{PHOTOS}/test/0.jpg")
            if problem:
                self.problems.append(problem)
            else:
                self.sources.append(source)

    def path_of(self, candidate: Candidate) -> Path:
        """Return where the pool has a photo, or would have it."""
        return self.folder / candidate.part / f"{candidate.image_id}.jpg"

    def get(self, candidate: Candidate) -> Outcome:
        """Return what came of a candidate. Raises OSError where the pool cannot be written."""
        path = self.path_of(candidate)
        outcome = Outcome(candidate, "missing")
        if path.is_file():
            try:
                outcome.photo = inspect(path.read_bytes(), path)
                outcome.kind = "cached"
                return outcome
            except BrokenPhotoError:
                path.unlink()
                outcome.failures["damaged in the cache"] += 1
        kinds = []
        for source in self.sources:
            kind = self._verdicts.get(source, candidate)
            if kind is None:
                kind = self._get_from(source, candidate, outcome)
                if kind in ("missing", "broken"):
                    self._verdicts.add(source, candidate, kind)
            if kind == "downloaded":
                outcome.kind, outcome.source = kind, source
                return outcome
            kinds.append(kind)
        outcome.kind = next(
            (kind for kind in ("undelivered", "broken", "missing") if kind in kinds), "undelivered"
        )
        if not kinds:
            outcome.reason = sources.all_reasons(self.problems)
            outcome.failures[sources.short_reasons(self.problems)] += 1
        return outcome

    def save_verdicts(self) -> None:
        """Remember which photos are missing or broken at the official host.

        Only to be called when most photos were there: behind a proxy that forbids everything,
        everything seems to be missing.
        """
        with contextlib.suppress(OSError):  # it works without: they are asked for again
            self._verdicts.save()

    def _get_from(self, source: Source, candidate: Candidate, outcome: Outcome) -> Kind:
        """Ask one source until it is known what it has; a usable photo goes to the pool."""
        path = f"{PHOTOS}/{candidate.part}/{candidate.image_id}.jpg"
        session = self._session(source)
        broken = 0
        for attempt in range(1, ATTEMPTS + 1):
            wait = None
            self._pace.wait()
            if self.stopped.is_set():
                outcome.reason = "interrupted"
                return "undelivered"
            try:
                content = hosts.read_small(
                    session, source, path, LARGEST_BYTES, self.stopped.is_set
                )
                outcome.received += len(content)
                outcome.photo = self._keep(content, candidate)
                return "downloaded"
            except NotThereError:
                return "missing"
            except BrokenPhotoError as problem:
                outcome.reason = f"{source.shown(path)}: {problem}"
                broken += 1
                if broken == ATTEMPTS_IF_BROKEN or source.is_folder:
                    return "broken"
                outcome.failures["not a whole JPEG"] += 1
            except SourceFailedError as problem:
                outcome.reason = f"{source.shown(path)}: {problem}"
                outcome.failures[problem.short] += 1
                return "undelivered"
            except TryAgainError as problem:
                outcome.reason = f"{source.shown(path)}: {problem}"
                outcome.failures[problem.short] += 1
                wait = problem.wait
            if attempt < ATTEMPTS:
                self._pace.after_failure(attempt, wait)
        return "undelivered"

    def _session(self, source: Source):
        if not hasattr(self._threads, "sessions"):
            self._threads.sessions = {}
        if source not in self._threads.sessions:
            self._threads.sessions[source] = hosts.session_for(source)
        return self._threads.sessions[source]

    def _keep(self, content: bytes, candidate: Candidate) -> Photo:
        path = self.path_of(candidate)
        photo = inspect(content, path)
        if self.longest_side and max(photo.width, photo.height) > self.longest_side:
            content = scaled(content, self.longest_side)
            photo = inspect(content, path)
        write_atomically(path, content)
        return photo


class _Pace:
    """Waits between attempts: each thread for itself, all of them where the server says so."""

    def __init__(self, stopped: threading.Event):
        self._stopped = stopped
        self._not_before = 0.0

    def wait(self) -> None:
        """Wait until the server may be asked again."""
        while not self._stopped.is_set():
            seconds = self._not_before - time.monotonic()
            if seconds <= 0:
                return
            self._stopped.wait(seconds)

    def after_failure(self, failed: int, asked: float | None) -> None:
        """Wait before the next attempt; `asked` is what the server asked for, for everybody."""
        longest = responses.LONGEST_WAIT_SECONDS
        if asked is not None:
            self._not_before = max(self._not_before, time.monotonic() + min(asked, longest))
        else:
            # Not all at the same moment: up to half as long again.
            seconds = responses.BACKOFF_SECONDS * 2 ** (failed - 1) * random.uniform(1, 1.5)
            self._stopped.wait(min(seconds, longest))


class _Verdicts:
    """Which photos the official host does not have, or has only broken, from earlier calls.

    A mirror is asked again every time: it may have been mended.
    """

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError):
            self._known = dict(json.loads(path.read_text(encoding="utf-8")))

    def get(self, source: Source, candidate: Candidate) -> Kind | None:
        return self._known.get(candidate.image_id) if source.kind == "official" else None

    def add(self, source: Source, candidate: Candidate, kind: Kind) -> None:
        if source.kind == "official":
            with self._lock:
                self._known[candidate.image_id] = kind

    def save(self) -> None:
        with self._lock:
            if self._known:
                content = json.dumps(self._known, indent=0, sort_keys=True)
                write_atomically(self._path, content.encode())
