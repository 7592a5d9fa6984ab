"""Leaves out files that do not fit into a submission's working folder."""

import os
import pathlib

PAGE = 4096  # a file takes whole pages
# Of the working folder; the rest is for what the notebook writes.
MOST_OF_FOLDER = 0.9


def leave_out(folder, disk_mb):
    """Removes the largest files from a folder until the others fit into a working folder.

    Args:
        folder: with the files; it is changed.
        disk_mb: megabytes that the working folder holds.

    Returns:
        Sentences that say what was left out.

    Raises:
        OSError: the folder cannot be read, or not be changed.
    """
    files = sorted((path.lstat().st_size, path) for path in _files(folder))
    left = MOST_OF_FOLDER * disk_mb * 2**20
    taken = sum(_pages(size) for size, _ in files)
    notes = []
    while taken > left:
        size, path = files.pop()
        taken -= _pages(size)
        path.unlink()
        notes.append(
            f"{path.relative_to(folder).as_posix()} ({size / 1e6:.0f} MB) was left out: all files "
            f"together are too large for the working folder, which holds {disk_mb} MB."
        )
    return notes


def _files(folder):
    for here, _, names in os.walk(folder, onerror=_fail):
        yield from (pathlib.Path(here, name) for name in names)


def _fail(error):
    raise error


def _pages(size):
    return -(-size // PAGE) * PAGE
