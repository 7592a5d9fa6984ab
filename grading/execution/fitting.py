"""Leave out files that do not fit into a submission's working folder."""

import os
import pathlib

PAGE = 4096  # a file takes whole pages
# Of the working folder; the rest is for what the notebook writes.
MOST_OF_FOLDER = 0.9


def leave_out(folder: pathlib.Path, disk_mb: int) -> list[str]:
    """Remove the largest files from a folder until the others fit into a working folder.

    Args:
        folder: The folder with the files, which is changed.
        disk_mb: Megabytes that the working folder holds.

    Returns:
        Sentences that say what was left out.

    Raises:
        OSError: The folder cannot be read or changed.
    """
    files = sorted((path.lstat().st_size, path) for path in _files(folder))
    left = MOST_OF_FOLDER * disk_mb * 2**20
    taken = sum(_in_pages(size) for size, _ in files)
    notes = []
    while taken > left:
        size, path = files.pop()
        taken -= _in_pages(size)
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


def _in_pages(size):
    return -(-size // PAGE) * PAGE
