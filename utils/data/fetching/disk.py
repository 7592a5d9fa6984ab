"""Files on this machine: digests, locks, free space, and problems with its disk."""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from utils.common.files import format_bytes
from utils.data.fetching.errors import DownloadError

DISK_FULL_ERRORS = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
NO_LOCKS_ERRORS = {
    getattr(errno, name, errno.ENOSYS) for name in ("ENOSYS", "ENOLCK", "ENOTSUP", "EOPNOTSUPP")
}


def sha256_of(path: str | os.PathLike) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_readable(path: Path) -> bool:
    """Return whether a file can be read to its end."""
    try:
        return bool(sha256_of(path))
    except OSError:
        return False


def size_of(path: Path) -> int:
    """Return the size in bytes, 0 for a file that does not exist."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextlib.contextmanager
def locked(target: Path, label: str) -> Iterator[None]:
    """Hold the lock of `target`, so that only one process writes it at a time.

    Raises:
        DownloadError: The folder cannot be written.
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


def rename(part: Path, target: Path) -> None:
    """Give a finished file its name. Raise DownloadError if that is impossible."""
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
    """Return the error for a file that could not be written; a full disk keeps no part."""
    if problem.errno in DISK_FULL_ERRORS:
        return _disk_full(path, needed)
    return DownloadError(
        f"{path} could not be written ({problem.strerror or problem}). "
        "Set COURSE_DATA_DIR to a folder that can be written.",
        short="the disk cannot be written",
    )


def _disk_full(path: Path, needed: int | None) -> DownloadError:
    if path.suffix == ".part":
        path.unlink(missing_ok=True)
    wanted = "more room is" if needed is None else f"{format_bytes(needed)} are"
    try:
        free = format_bytes(shutil.disk_usage(path.parent).free)
    except OSError:
        free = "an unknown amount"
    return DownloadError(
        f"The disk is full: {wanted} needed in {path.parent}, where {free} is free. "
        "Free some space, or set COURSE_DATA_DIR to a folder on another disk.",
        short="disk full",
    )
