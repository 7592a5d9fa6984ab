"""A set of photos in a folder: one subfolder for each split, and in it one for each class.

    photos.json                       what the set is made of; a folder without it is not ours
    photos.csv                        one row for each photo: file, class, author, licence …
    training/Rose/0a1b2c3d4e5f6071.jpg

The photos are hard links to those in the pool where the disk can do that, else copies.
"""

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from utils.common.files import format_bytes, write_atomically
from utils.data.fetching import download as downloads
from utils.openimages.collect import shuffled
from utils.openimages.photo_pool import Outcome
from utils.openimages.request import SPLITS, Recipe

ABOUT = "photos.json"
TABLE = "photos.csv"
VERSION = 1
TEXT_COLUMNS = (
    "image_id",
    "class_name",
    "split",
    "path",
    "sha256",
    "author",
    "author_url",
    "license",
    "landing_url",
    "original_url",
    "title",
    "label_id",
    "subset",
)
COLUMNS = (
    "image_id",
    "class_name",
    "label",
    "split",
    "path",
    "width",
    "height",
    "bytes",
    "sha256",
    "author",
    "license",
    "landing_url",
    "original_url",
    "title",
    "author_url",
    "rotation",
    "label_id",
    "subset",
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
        photos: in the set.
        listed: photos whose labels fit, for each class.
        both_labels: photos that show more than one of the classes; not used.
        disputed: photos verified both to show the class and not to; not used.
        without_licence: photos of the set whose author and licence are not known.
        downloaded, already_there: photos that came from a source, and from the cache.
        missing, broken, duplicates: candidates that were replaced by the next ones.
        undelivered: candidates replaced because their source kept failing.
        failed_attempts: attempts that failed, by reason; most of them were repeated with success.
        bytes, seconds: of the downloads.
    """

    photos: int = 0
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

    @property
    def retries(self) -> int:
        """Attempts that failed."""
        return sum(self.failed_attempts.values())

    def __str__(self) -> str:
        listed = ", ".join(f"{count:,} {name}" for name, count in self.listed.items())
        rate = f", {self.downloaded / self.seconds:,.0f} photos/s" if self.seconds > 1 else ""
        lines = [
            f"{self.photos:,} photos; listed: {listed}",
            f"  downloaded {self.downloaded:,} ({format_bytes(self.bytes)}, "
            f"{self.seconds:,.1f} s{rate}), already there {self.already_there:,}",
            f"  left out before: {self.both_labels} with more than one of the classes, "
            f"{self.disputed} with labels that contradict each other",
            f"  replaced by others: {self.missing} missing, {self.broken} broken, "
            f"{self.duplicates} duplicates, {self.undelivered} not delivered",
        ]
        if self.without_licence:
            lines.append(f"  of {self.without_licence} photos, author and licence are not known")
        if self.failed_attempts:
            reasons = ", ".join(f"{name}: {count}" for name, count in self.failed_attempts.items())
            lines.append(f"  attempts that failed: {reasons}")
        return "\n".join(lines)


class NotOursError(ValueError):
    """The folder holds something else; nothing in it was touched."""


# --- An earlier set --------------------------------------------------------------------------


def read_about(folder: Path) -> dict | None:
    """Return what `photos.json` says, or None where the folder is empty or not there.

    Raises NotOursError where the folder holds anything else.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if about["made_by"] == "openimages":
            return about
    except (OSError, ValueError, KeyError, TypeError):
        pass
    # A lock beside or in it, or what systems leave in folders, is nobody's work.
    if folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise NotOursError(
            f"{folder} holds other files, and no set of photos. Nothing in it was touched. "
            "Name a new or an empty folder."
        )
    return None


def same_recipe(about: dict, recipe: Recipe) -> bool:
    """Tell whether a folder's set was made by this recipe."""
    return about.get("recipe") == recipe.as_dict() and about.get("version") == VERSION


def other_recipe(folder: Path, about: dict, recipe: Recipe) -> NotOursError:
    """Return the error for a folder that holds another set."""
    old, new = about.get("recipe", {}), recipe.as_dict()
    differences = [
        f"{name} is {old.get(name)} there and {new[name]} here"
        for name in new
        if name != "label_ids" and old.get(name) != new[name]
    ]
    return NotOursError(
        f"{folder} holds another set of photos: {'; '.join(differences) or 'of another version'}. "
        "Nothing in it was touched. Name another folder."
    )


def read_rows(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a set's table; empty if there is none, or if it is damaged."""
    try:
        text = (folder / TABLE).read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (OSError, ValueError, csv.Error):
        return []
    return (
        rows
        if all(row.get("path") and (row.get("bytes") or "").isdecimal() for row in rows)
        else []
    )


def is_complete(folder: Path, about: dict) -> bool:
    """Tell whether every photo of a set is there, with the right size."""
    rows = read_rows(folder)
    return (
        about.get("complete") is True
        and about.get("version") == VERSION
        and len(rows) == about["summary"]["photos"]
        and all(_has_size(folder / row["path"], int(row["bytes"])) for row in rows)
    )


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


# --- A new set -------------------------------------------------------------------------------


def make_rows(recipe: Recipe, chosen: list[list[Outcome]]) -> list[tuple[dict, Path]]:
    """Deal out the photos of each class to the splits; return the table's rows and the files.

    Within a split, the classes are mixed.
    """
    parts: dict[str, list[tuple[int, Outcome]]] = {name: [] for name in SPLITS}
    for label, outcomes in enumerate(chosen):
        outcomes = shuffled(outcomes, recipe.seed, "split")
        for name, count in zip(SPLITS, recipe.split, strict=True):
            parts[name] += [(label, outcome) for outcome in outcomes[:count]]
            outcomes = outcomes[count:]
    rows = []
    for split, members in parts.items():
        labels = {outcome.candidate.image_id: label for label, outcome in members}
        for outcome in shuffled([outcome for _, outcome in members], recipe.seed, "order"):
            label = labels[outcome.candidate.image_id]
            rows.append((_row(recipe, split, label, outcome), outcome.photo.path))
    return rows


def _row(recipe: Recipe, split: str, label: int, outcome: Outcome) -> dict:
    photo, candidate = outcome.photo, outcome.candidate
    name = f"{candidate.image_id}.jpg"
    return {
        "image_id": candidate.image_id,
        "class_name": recipe.categories[label].name,
        "label": label,
        "split": split,
        "path": f"{split}/{recipe.folder_names[label]}/{name}",
        "width": photo.width,
        "height": photo.height,
        "bytes": photo.bytes,
        "sha256": photo.sha256,
        "label_id": recipe.categories[label].label,
        "subset": candidate.part,
        **{ours: candidate.about.get(theirs, "") for ours, theirs in OFFICIAL_COLUMNS.items()},
    }


def write_set(
    folder: Path,
    recipe: Recipe,
    rows: list[tuple[dict, Path | bytes]],
    summary: Summary,
    asked: Iterable[str],
) -> None:
    """Put the photos (files or contents) and the table into a folder.

    Raises DownloadError where that fails.

    An interrupted call leaves a set that says of itself that it is not complete.
    """
    about = {
        "made_by": "openimages",
        "version": VERSION,
        "complete": False,
        "recipe": recipe.as_dict(),
        "folder_names": list(recipe.folder_names),
        "asked": [name.strip() for name in asked],
        "summary": asdict(summary),
    }
    # Photos that an earlier, damaged or unfinished version of this set had and this one has not.
    stale = {row["path"] for row in read_rows(folder)} - {row["path"] for row, _ in rows}
    try:
        _write_json(folder / ABOUT, about)
        for path in stale:
            (folder / path).unlink(missing_ok=True)
        _write_table(folder / TABLE, [row for row, _ in rows])
        for row, photo in rows:
            _place(photo, folder / row["path"], row["bytes"])
        _write_json(folder / ABOUT, about | {"complete": True})
    except OSError as problem:
        raise downloads.local_problem(problem, folder / ABOUT, None) from problem


def _place(photo: Path | bytes, target: Path, size: int) -> None:
    if _has_size(target, size):
        return
    if isinstance(photo, bytes):
        write_atomically(target, photo)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(photo, target)
    except OSError:  # another disk, or one that has no links
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(photo, part)
        os.replace(part, target)


def _write_json(path: Path, content: dict) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode())


def _write_table(path: Path, rows: list[dict]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def read_table(folder: Path):
    """Return a set's table as a pandas DataFrame."""
    import pandas

    table = pandas.read_csv(
        folder / TABLE,
        dtype=dict.fromkeys(TEXT_COLUMNS, str),
        keep_default_na=False,
        na_values={"rotation": [""]},
    )
    return table.astype({"label": "int32", "rotation": "float64"})


def remove_temporary_files(folder: Path) -> None:
    """Delete what a call that was killed left in the pool; to be called under its lock."""
    for path in folder.glob("*/.*.jpg-*"):
        with contextlib.suppress(OSError):
            path.unlink()
