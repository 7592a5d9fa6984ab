"""What is known already: one file a submission, so that a run can stop and go on at any time.

A record is valid for exactly what it was made from: the submission's files, the assignment, the
limits, the grader itself with the course's helpers, the libraries, and the data that lay ready.
Records are written in one step; a run that is killed leaves either
the old record or the new one. Two runs on the same results share the work: each submission is
claimed by one of them while it is being graded.
"""

import contextlib
import dataclasses
import errno
import functools
import hashlib
import importlib.metadata
import json
import math
import os
import time
from pathlib import Path

import filelock

from utils.common.files import write_atomically

FORMAT = 1
ROOT = Path(__file__).resolve().parents[1]
# Modules that only find, show, or distribute; a change there changes no record. (`safe_html` does:
# the notebook's page is a part of it.)
FRONT = {
    "grading/__main__.py",
    "grading/intake/loose.py",
    "grading/intake/reader.py",
    "grading/intake/shown.py",
    "grading/intake/submissions.py",
    "grading/intake/whose.py",
    "grading/reports/pages.py",
    "grading/reports/report.py",
    "grading/reports/summary.py",
    "grading/result_store.py",
    "grading/run.py",
    "grading/sandbox/isolation.py",
    "grading/workers/cluster.py",
    "grading/workers/pool.py",
}
LIBRARIES = ("keras", "numpy", "tensorflow", "jax", "torch")
SETTINGS = ("COURSE_PROFILE", "KERAS_BACKEND")


@functools.cache
def engine_version():
    """Changes whenever code changes that a result could depend on: the grader's, the course's."""
    return version_of(ROOT)


def version_of(root):
    """`engine_version` of a checkout.

    Submissions and hidden tests call the course's helpers in `utils`, so they count, too.
    """
    digest = hashlib.sha256()
    paths = [*(root / "grading").rglob("*.py"), *(root / "utils").rglob("*.py")]
    paths += [root / "data" / "registry.toml"]
    for path in sorted(paths):
        name = path.relative_to(root).as_posix()
        if name not in FRONT:
            digest.update(f"{name} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def environment():
    """What else a result depends on, of the machine that grades: libraries and settings."""
    found = {name: os.environ.get(name, "").strip().lower() for name in SETTINGS}
    for name in LIBRARIES:  # without importing them, which takes long
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def data_files():
    """Which of the course's data files submissions find, as a sorted list.

    A file is in the cache or in a mirror that is a folder, or it is not there: then a sample stands
    in for it. What else lies in these folders makes no difference.
    """
    from grading.sandbox.view import data_folder
    from utils.data.fetching import places, registry

    folders = [data_folder("COURSE_DATA_DIR") or places.DEFAULT_CACHE]
    folders += filter(None, [data_folder("COURSE_DATA_MIRROR")])
    return sorted(
        name for name in registry.registry_files() if any(Path(p, name).is_file() for p in folders)
    )


def key(handed, assignment, limits, is_isolated):
    """Names everything that a result depends on.

    Args:
        handed: A `grading.intake.reading.Handed`.
        assignment: The `Assignment`.
        limits: The `Limits`.
        is_isolated: Whether the sandbox was in use.
    """
    parts = [
        FORMAT,
        handed.digest,
        handed.name,
        assignment.version,
        dataclasses.asdict(limits),
        is_isolated,
        engine_version(),
        environment(),
        data_files(),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def reserve(folder, homework):
    """Makes the results' folder, for one homework only: another's reports would be overwritten.

    Args:
        folder: The results' folder.
        homework: The assignment's name.

    Raises:
        ValueError: It holds another homework's results.
        OSError: It cannot be made, or not be written.
    """
    path = Path(folder) / "records" / ".homework"
    path.parent.mkdir(parents=True, exist_ok=True)
    for there in _homework_in(Path(folder)):
        if there != homework:
            raise ValueError(f"it holds the results of {there}; name a folder of {homework}'s own")
    write_whole(path, homework + "\n")


def _homework_in(folder):
    """The names of the homework whose results a folder holds, as far as it says so."""
    with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
        there = (folder / "records" / ".homework").read_text(encoding="utf-8").strip()
        if there.isprintable() and there:
            yield there
            return
    # It is not there, or damaged: then the rest says it.
    for path in (folder / "summary.json", *sorted((folder / "records").glob("*.json"))):
        there = _json(path)
        name = there.get("homework") if isinstance(there, dict) else None
        if name and isinstance(name, str):
            yield name


def _json(path):
    """What a file of JSON holds; None if it is not there, or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


class Store:
    """The records below the results' folder."""

    def __init__(self, folder):
        self.folder = Path(folder) / "records"
        (self.folder / ".locks").mkdir(parents=True, exist_ok=True)
        self.homework = next(_homework_in(Path(folder)), "")

    def read(self, slug):
        """A submission's record, or None if there is none or it is damaged."""
        record = _json(self._path(slug))
        return record if _is_record(record) else None

    def write(self, slug, key, result):
        """Stores a result."""
        record = {"format": FORMAT, "homework": self.homework, "key": key}
        record |= {"finished": time.time(), "result": result}
        write_whole(self._path(slug), json.dumps(record, ensure_ascii=False))

    def claim(self, slug):
        """Takes a submission for this run.

        Returns:
            A lock to be released when its record is written; None if another run has it.
        """
        lock = filelock.FileLock(self.folder / ".locks" / slug, thread_local=False)
        try:
            with _told_of_locks():
                return lock.acquire(timeout=0).lock
        except filelock.Timeout:
            return None

    def _path(self, slug):
        return self.folder / f"{slug}.json"


@contextlib.contextmanager
def locked(folder):
    """Only one run at a time writes the reports."""
    lock = filelock.FileLock(Path(folder) / "records" / ".locks" / ".reports")
    with _told_of_locks():
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _told_of_locks():
    try:
        yield
    except NotImplementedError:  # some network drives
        reason = "its file system has no locks; name a folder on a disk of this machine"
        raise OSError(errno.ENOLCK, reason) from None


_NUMBER, _TEXT, _TEXTS = "a number", "a text", "texts"
_RESULT = {"seconds": _NUMBER, "page": _TEXT, "notes": _TEXTS, "events": _TEXTS, "look": _TEXTS}
_TASK = {"grade_id": _TEXT, "title": _TEXT, "verdict": _TEXT, "message": _TEXT}
_TASK |= {"points": _NUMBER, "max_points": _NUMBER}


def _is_record(record):
    """Whether all is there that reports need, and of its kind: files can be damaged."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return False
    result = record.get("result")
    if not isinstance(record.get("key"), str) or not isinstance(result, dict):
        return False
    if not all(_is_a(kind, result[name]) for name, kind in _RESULT.items() if name in result):
        return False
    if not isinstance(result.get("problem"), str | None):
        return False
    tasks = result.get("tasks")
    return isinstance(tasks, list) and all(
        isinstance(task, dict) and all(_is_a(kind, task.get(name)) for name, kind in _TASK.items())
        for task in tasks
    )


def _is_a(kind, value):
    if kind == _NUMBER:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value)
    if kind == _TEXTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(value, str)


def write_whole(path, text):
    """Writes a file in one step: whoever reads it sees the old content or the new one."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    write_atomically(Path(path), data)
