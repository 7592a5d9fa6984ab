"""What is known already: one record per submission, so that a run can stop and resume at any time.

A record is valid for exactly what it was made from: the submission's files, the assignment, the
limits, the grader with the course's helpers, the libraries, and the data that were available.
Files are written in one step, so a run that is killed leaves the old record or the new one. Two
runs on the same results share the work: while a submission is being graded, one run claims it.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock

from grading.assignments.assignment import Assignment
from grading.intake.content import SubmissionContent
from grading.limits import Limits
from utils.common.files import write_atomically

FORMAT = 1
ROOT = Path(__file__).resolve().parents[1]
# What only finds, shows or distributes: changing it alters no record. Every other module counts.
FRONT = (
    "grading/__main__.py",
    "grading/intake/display.py",
    "grading/intake/loose_files.py",
    "grading/intake/reader.py",
    "grading/intake/submissions.py",
    "grading/reports/",
    "grading/result_store.py",
    "grading/run.py",
    "grading/sandbox/isolation.py",
    "grading/workers/cluster.py",
    "grading/workers/pool.py",
)
LIBRARIES = ("keras", "numpy", "tensorflow", "jax", "torch")
SETTINGS = ("COURSE_PROFILE", "KERAS_BACKEND")


@functools.cache
def engine_version(root: Path = ROOT) -> str:
    """Return a hash of all code that a result could depend on: the grader's and the course's.

    Submissions and hidden tests call the course's helpers in `utils`, so these count too.
    """
    digest = hashlib.sha256()
    paths = [*(root / "grading").rglob("*.py"), *(root / "utils").rglob("*.py")]
    for path in sorted([*paths, root / "data" / "registry.toml"]):
        name = path.relative_to(root).as_posix()
        if not name.startswith(FRONT):
            digest.update(f"{name} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def environment() -> dict[str, str]:
    """Return what else on this machine a result depends on: settings and library versions."""
    facts = {name: os.environ.get(name, "").strip().lower() for name in SETTINGS}
    for name in LIBRARIES:  # without importing them, which takes long
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            facts[name] = importlib.metadata.version(name)
    return facts


def data_files() -> list[str]:
    """Return the names of the course's data files that submissions find in the cache or mirror.

    A sample stands in for a file that is missing. Whatever else is there makes no difference.
    """
    from grading.sandbox.view import data_folder
    from utils.data.fetching import places, registry

    folders = [data_folder("COURSE_DATA_DIR") or places.DEFAULT_CACHE]
    folders += filter(None, [data_folder("COURSE_DATA_MIRROR")])
    names = registry.registry_files()
    return sorted(name for name in names if any(Path(f, name).is_file() for f in folders))


def key(
    content: SubmissionContent, assignment: Assignment, limits: Limits, is_isolated: bool
) -> str:
    """Return a hash of everything that a submission's result depends on."""
    parts = [FORMAT, content.digest, content.name, assignment.version, dataclasses.asdict(limits)]
    parts += [is_isolated, engine_version(), environment(), data_files()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def reserve(folder: Path, homework: str) -> None:
    """Make the results folder, and keep it for one homework, whose reports nobody overwrites.

    Args:
        folder: The results folder.
        homework: The assignment's name.

    Raises:
        ValueError: It holds another homework's results.
        OSError: It cannot be made or written.
    """
    mark = Path(folder) / "records" / ".homework"
    mark.parent.mkdir(parents=True, exist_ok=True)
    owner = _homework_of(Path(folder))
    if owner not in ("", homework):
        raise ValueError(f"it holds the results of {owner}; name a folder of {homework}'s own")
    write_whole(mark, homework + "\n")


def _homework_of(folder: Path) -> str:
    """Return the name of the homework whose results a folder holds; "" if nothing says so."""
    with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
        name = (folder / "records" / ".homework").read_text(encoding="utf-8").strip()
        if name and name.isprintable():
            return name
    # The mark is missing or damaged, but the reports and the records say it, too.
    for path in (folder / "summary.json", *sorted((folder / "records").glob("*.json"))):
        content = _read_json(path)
        name = content.get("homework") if isinstance(content, dict) else None
        if name and isinstance(name, str):
            return name
    return ""


def _read_json(path: Path) -> Any:
    """Return what a JSON file holds; None if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


class Store:
    """The records in a results folder."""

    def __init__(self, folder: Path):
        self.folder = Path(folder) / "records"
        (self.folder / ".locks").mkdir(parents=True, exist_ok=True)
        self.homework = _homework_of(Path(folder))

    def read(self, slug: str) -> dict | None:
        """Return a submission's record; None if there is none or it is damaged."""
        record = _read_json(self.folder / f"{slug}.json")
        return record if _is_valid(record) else None

    def write(self, slug: str, key: str, result: dict) -> None:
        """Store a result."""
        record = {"format": FORMAT, "homework": self.homework, "key": key}
        record |= {"finished": time.time(), "result": result}
        write_whole(self.folder / f"{slug}.json", json.dumps(record, ensure_ascii=False))

    def claim(self, slug: str) -> filelock.BaseFileLock | None:
        """Claim a submission for this run.

        Returns:
            A lock, to be released once the record is written; None if another run has it.
        """
        lock = filelock.FileLock(self.folder / ".locks" / slug, thread_local=False)
        try:
            _acquire(lock, timeout=0)
        except filelock.Timeout:
            return None
        return lock


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs from writing the reports at the same time."""
    lock = filelock.FileLock(Path(folder) / "records" / ".locks" / ".reports")
    _acquire(lock)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: filelock.BaseFileLock, timeout: float = -1) -> None:
    try:
        lock.acquire(timeout=timeout)
    except NotImplementedError:  # some network drives
        reason = "its file system has no locks; name a folder on a disk of this machine"
        raise OSError(errno.ENOLCK, reason) from None


def _is_number(value):
    return type(value) in (int, float) and math.isfinite(value)


def _is_text(value):
    return isinstance(value, str)


def _are_texts(value):
    return isinstance(value, list) and all(map(_is_text, value))


_OF_RESULT = {"seconds": _is_number, "page": _is_text}
_OF_RESULT |= dict.fromkeys(("notes", "events", "look"), _are_texts)
_OF_TASK = dict.fromkeys(("grade_id", "title", "verdict", "message"), _is_text)
_OF_TASK |= dict.fromkeys(("points", "max_points"), _is_number)


def _is_valid(record: Any) -> bool:
    """Return whether a record has everything that the reports need: files can be damaged."""
    try:
        result, tasks = record["result"], record["result"]["tasks"]
        return (
            record["format"] == FORMAT
            and isinstance(record["key"], str)
            and isinstance(result.get("problem"), str | None)
            and all(check(result[name]) for name, check in _OF_RESULT.items() if name in result)
            and isinstance(tasks, list)
            and all(check(task[name]) for task in tasks for name, check in _OF_TASK.items())
        )
    except (AttributeError, KeyError, IndexError, OverflowError, TypeError):
        return False


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one step: a reader sees the old content or the new one."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    write_atomically(Path(path), data)
