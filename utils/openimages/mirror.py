"""A mirror of a set, for a lab without internet: its photos, and the tables' lines about them.

The folder is laid out like the official hosts, and like the mirror that `python -m utils.data
mirror` makes, which may be the same folder. Sets can be added to it one by one.
"""

import hashlib
from pathlib import Path

from utils.common.files import write_atomically
from utils.data.fetching import disk, places
from utils.data.fetching.errors import DownloadError
from utils.openimages import labels, tables
from utils.openimages.dataset import Photos
from utils.openimages.hosts import BLOCK_BYTES, PHOTOS


def write_mirror(photos: Photos, folder: str | Path, progress: bool = True) -> Path:
    """Write a set's photos and tables into a folder and return it.

    Anybody who downloads from there gets the same set for the same seed, since no other photos are
    listed; another seed splits the same photos differently.

    Raises:
        NoSourceError: The tables are no longer available.
        DownloadError: The folder cannot be written.
    """
    folder = places.expanded(folder)
    table = photos.table
    try:
        for row in table.itertuples():
            target = folder / PHOTOS / row.subset / f"{row.image_id}.jpg"
            if not target.is_file() or target.stat().st_size != row.bytes:
                write_atomically(target, (photos.folder / row.path).read_bytes())
        _add_lines(folder, labels.DESCRIPTIONS, tables.every_line, "all", progress)
        for part in labels.PARTS:
            ids = sorted(table["image_id"][table["subset"] == part])
            if part == "train" and not ids:
                continue  # it is asked for only where the other two are not enough
            keep = tables.lines_that_begin_with(ids)
            digest = hashlib.sha256("".join(ids).encode()).hexdigest()
            # All lines about a photo, so that it remains a photo of whatever else it shows.
            for path in (labels.labels_path(part), labels.photos_path(part)):
                _add_lines(folder, path, keep, ["mirror", digest], progress)
    except OSError as problem:
        raise disk.local_problem(problem, folder / "mirror", None) from problem
    return folder


def _add_lines(
    folder: Path, path: str, keep: tables.Keep, selection: object, progress: bool
) -> None:
    """Append the lines that a table in the mirror does not have yet."""
    content = tables.read_lines(path, (), keep, selection, progress)
    target = folder / path
    if not target.is_file():
        write_atomically(target, content)
        return
    header, *wanted = tables.lines(iter([content]))
    with open(target, "r+b") as file:
        if file.readline().strip() != header:
            raise DownloadError(f"{target} is a different table, so nothing was added to it.")
        present = set(keep(iter(lambda: file.read(BLOCK_BYTES), b"")))
        file.seek(-1, 2)
        is_ended = file.read(1) == b"\n"
        new = [line for line in wanted if line not in present]
        if new:
            file.write(b"\n" * (not is_ended) + b"\n".join(new) + b"\n")
