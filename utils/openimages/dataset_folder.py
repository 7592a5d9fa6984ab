"""A set of photos in a folder: one subfolder for each split, and in it one for each class.

    photos.json                       what the set is made of
    photos.csv                        one row for each photo: file, class, author, licence …
    train/Rose/0a1b2c3d4e5f6071.jpg

The photos are hard links to those in the pool where the disk supports that, else copies.
"""

import contextlib
import csv
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from utils.common.files import format_bytes, write_atomically
from utils.data.fetching import disk
from utils.openimages.labels import in_order
from utils.openimages.photo_pool import Outcome
from utils.openimages.request import SPLITS, Request

ABOUT = "photos.json"
TABLE = "photos.csv"
VERSION = 2  # 1 had a folder "training"; such a set is made again, from the photos in the cache
NUMBERS = {"label": "int32", "width": "int", "height": "int", "bytes": "int", "rotation": "float"}
COLUMNS = (
    *("image_id", "class_name", "label", "split", "path", "width", "height", "bytes", "sha256"),
    *("author", "license", "landing_url", "original_url", "title", "author_url", "rotation"),
    *("label_id", "subset"),
)
OFFICIAL_COLUMNS = {
    "author": "Author",
    "license": "License",
    "landing_url": "OriginalLandingURL",
    "original_url": "OriginalURL",
    "title": "Title",
    "author_url": "AuthorProfileURL",
    "rotation": "Rotation",
}


@dataclass
class Summary:
    """What happened while a set was made, in numbers.

    Attributes:
        photos: In the set.
        listed: Photos whose labels fit, for each class.
        both_labels: Photos that show more than one of the classes; not used.
        disputed: Photos verified both to show the class and not to show it; not used.
        without_licence: Photos of the set whose author and licence are not known.
        downloaded, already_there: Photos that came from a source, and from the cache.
        missing, broken, duplicates: Candidates that were replaced by the next ones.
        undelivered: Candidates replaced because their source kept failing.
        failed_attempts: Attempts that failed, by reason; most were repeated with success.
        bytes, seconds: Of the downloads.
    """

    photos: int
    listed: dict[str, int] = field(default_factory=dict)
    both_labels: int = 0
    disputed: int = 0
    without_licence: int = 0
    downloaded: int = 0
    already_there: int = 0
    missing: int = 0
    broken: int = 0
    duplicates: int = 0
    undelivered: int = 0
    failed_attempts: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        listed = ", ".join(f"{count:,} {name}" for name, count in self.listed.items())
        lines = [
            f"{self.photos:,} photos; listed: {listed}",
            f"  downloaded {self.downloaded:,} ({format_bytes(self.bytes)}, "
            f"{self.seconds:,.1f} s), already there {self.already_there:,}",
            f"  left out: {self.both_labels} with more than one of the classes, "
            f"{self.disputed} with labels that contradict each other",
            f"  replaced by others: {self.missing} missing, {self.broken} broken, "
            f"{self.duplicates} duplicates, {self.undelivered} not delivered",
        ]
        if self.without_licence:
            lines.append(f"  author and licence are not known of {self.without_licence} photos")
        if self.failed_attempts:
            reasons = ", ".join(f"{name}: {count}" for name, count in self.failed_attempts.items())
            lines.append(f"  attempts that failed: {reasons}")
        return "\n".join(lines)


# --- An earlier set --------------------------------------------------------------------------


def read_about(folder: Path) -> dict | None:
    """Return what `photos.json` says, if all photos of the set are there with the right size."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        rows = _read_rows(folder)
        is_complete = (
            about["version"] == VERSION
            and about["complete"]
            and len(rows) == about["summary"]["photos"]
            and all(_has_size(folder / row["path"], int(row["bytes"])) for row in rows)
        )
    except (OSError, ValueError, KeyError, TypeError):  # there is no set, or it is damaged
        return None
    return about if is_complete else None


def read_table(folder: Path) -> pd.DataFrame:
    """Return a set's table."""
    types = dict.fromkeys(COLUMNS, "str") | NUMBERS
    return pd.read_csv(
        folder / TABLE, dtype=types, keep_default_na=False, na_values={"rotation": [""]}
    )


def _read_rows(folder: Path) -> list[dict[str, str]]:
    try:
        with open(folder / TABLE, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


# --- A new set -------------------------------------------------------------------------------


def make_rows(request: Request, chosen: list[list[Outcome]]) -> list[tuple[dict, Path]]:
    """Deal out the photos of each class to the splits; return the table's rows and the files.

    Within a split, the classes are mixed.
    """
    splits = [
        split for split, count in zip(SPLITS, request.split, strict=True) for _ in range(count)
    ]
    rows = []
    for label, outcomes in enumerate(chosen):
        outcomes = sorted(outcomes, key=lambda outcome: _order(request, "split", outcome))
        rows += [
            (split, _order(request, "order", outcome), label, outcome)
            for split, outcome in zip(splits, outcomes, strict=True)
        ]
    rows.sort(key=lambda row: (SPLITS.index(row[0]), row[1]))
    return [
        (_row(request, split, label, outcome), outcome.photo.path)
        for split, _, label, outcome in rows
    ]


def _order(request: Request, purpose: str, outcome: Outcome) -> bytes:
    return in_order(request.seed, purpose, outcome.candidate.image_id)


def _row(request: Request, split: str, label: int, outcome: Outcome) -> dict:
    photo, candidate, category = outcome.photo, outcome.candidate, request.categories[label]
    return {
        "image_id": candidate.image_id,
        "class_name": category.name,
        "label": label,
        "split": split,
        "path": f"{split}/{request.folder_names[label]}/{candidate.image_id}.jpg",
        "width": photo.width,
        "height": photo.height,
        "bytes": photo.bytes,
        "sha256": photo.sha256,
        "label_id": category.label,
        "subset": candidate.part,
        **{ours: candidate.about.get(theirs, "") for ours, theirs in OFFICIAL_COLUMNS.items()},
    }


def write_set(
    folder: Path, request: Request, rows: list[tuple[dict, Path | bytes]], summary: Summary
) -> None:
    """Put the photos (files or contents) and the table into a folder.

    An interrupted call leaves a set that is marked as incomplete.

    Raises:
        DownloadError: The folder cannot be written.
    """
    about = {
        "made_by": "openimages",
        "version": VERSION,
        "complete": False,
        "recipe": request.as_dict(),
        "summary": asdict(summary),
    }
    table = pd.DataFrame([row for row, _ in rows], columns=COLUMNS)
    # Photos that a damaged or unfinished version of this set had and this one does not.
    stale = {row.get("path") for row in _read_rows(folder)} - {None, "", *table["path"]}
    try:
        _write_json(folder / ABOUT, about)
        for path in stale:
            (folder / path).unlink(missing_ok=True)
        content = table.to_csv(index=False, lineterminator="\n")
        write_atomically(folder / TABLE, content.encode())
        for row, photo in rows:
            _place(photo, folder / row["path"], row["bytes"])
        _write_json(folder / ABOUT, about | {"complete": True})
    except OSError as problem:
        raise disk.local_problem(problem, folder / ABOUT, None) from problem


def _place(photo: Path | bytes, target: Path, size: int) -> None:
    if _has_size(target, size):
        return
    if isinstance(photo, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another disk, or one without links
            os.link(photo, target)
            return
        photo = photo.read_bytes()
    write_atomically(target, photo)


def _write_json(path: Path, content: dict) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode())
