"""What a set is made of: the arguments of `openimages.download`, checked and completed."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from utils.common.arguments import as_integer
from utils.common.errors import DataError
from utils.data.fetching import places
from utils.openimages.labels import Category

SPLITS = ("training", "validation", "test")
DEFAULT_PER_CLASS = 600
MOST_CONNECTIONS = 128
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')  # in the file names of Windows
RESERVED = {"con", "prn", "aux", "nul"} | {
    f"{name}{number}" for name in ("com", "lpt") for number in "123456789"
}


@dataclass(frozen=True)
class Wish:
    """What was asked for: like a recipe, but the classes may be names or labels."""

    classes: tuple[str, ...]
    split: tuple[int, int, int]
    seed: int
    longest_side: int | None

    def asks_for(self, about: dict) -> bool:
        """Tell whether the set that `photos.json` describes is what is asked for.

        It was asked for with the same words then, or they are labels: what another spelling
        means, only the list of all classes tells.
        """
        recipe = about.get("recipe", {})
        asked = [name.strip() for name in self.classes]
        return (
            asked in (about.get("asked"), recipe.get("label_ids"))
            and recipe.get("split") == list(self.split)
            and recipe.get("seed") == self.seed
            and recipe.get("longest_side") == self.longest_side
        )


@dataclass(frozen=True)
class Recipe:
    """A set's classes (label 0, 1, …), photos per class in each split, seed and size."""

    categories: tuple[Category, ...]
    split: tuple[int, int, int]
    seed: int
    longest_side: int | None

    @property
    def per_class(self) -> int:
        """Photos of each class, in all splits together."""
        return sum(self.split)

    @property
    def folder_names(self) -> tuple[str, ...]:
        """The classes' names as names of folders, which are good on every system."""
        names = [_folder_name(category.name) for category in self.categories]
        counts = Counter(name.lower() for name in names)
        return tuple(
            # Windows and macOS take "Rose" and "rose" for the same folder.
            name if counts[name.lower()] == 1 else f"{name} ({_folder_name(category.label[1:])})"
            for name, category in zip(names, self.categories, strict=True)
        )

    @property
    def set_name(self) -> str:
        """The name of the set's folder in the cache."""
        slugs = [
            re.sub(r"[^a-z0-9]+", "-", category.name.lower()).strip("-")
            for category in self.categories
        ]
        parts = [*slugs, str(self.per_class), f"seed{self.seed}"]
        if self.split != _usual_split(self.per_class):
            parts.append("split" + "-".join(map(str, self.split)))
        if self.longest_side:
            parts.append(f"max{self.longest_side}")
        faithful = all(
            slug == category.name.lower().replace(" ", "-")
            for slug, category in zip(slugs, self.categories, strict=True)
        )
        name = "-".join(part for part in parts if part)
        if not faithful or len(name) > 80:
            name = f"{name[:60]}-{self.digest}"
        return name

    @property
    def digest(self) -> str:
        """Eight letters that no other recipe has."""
        return hashlib.sha256(json.dumps(self.as_dict()).encode()).hexdigest()[:8]

    def as_dict(self) -> dict:
        """Return the recipe in a form that JSON can hold."""
        return {
            "classes": [category.name for category in self.categories],
            "label_ids": [category.label for category in self.categories],
            "split": list(self.split),
            "seed": self.seed,
            "longest_side": self.longest_side,
        }


def _folder_name(name: str) -> str:
    # Windows drops dots and spaces at the end of a name, and NUL.txt is a device there too.
    clean = re.sub(r"\s+", " ", FORBIDDEN.sub("_", name)).strip(" .") or "_"
    return f"_{clean}" if clean.partition(".")[0].lower() in RESERVED else clean


# --- Arguments -------------------------------------------------------------------------------


def check_classes(classes: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the classes, at least two."""
    if isinstance(classes, str):
        names = [name.strip() for name in classes.split(",") if name.strip()] or [classes]
        asked = ", ".join(f'"{name}"' for name in (*names, "Sunflower")[: max(2, len(names))])
        raise ValueError(
            f"classes must be a tuple of two or more names, but is the text {classes!r}. "
            f"For instance: classes=({asked})."
        )
    classes = tuple(classes)
    for name in classes:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"Each class must be a name such as 'Rose', but one is {name!r}.")
    if len(classes) < 2:
        raise ValueError(
            f"Telling classes apart takes two or more of them, but classes is {classes!r}. "
            'For instance: classes=("Rose", "Sunflower").'
        )
    for name, count in Counter(name.strip() for name in classes).items():
        if count > 1:
            raise ValueError(
                f"{name!r} is among the classes {count} times. Each class must be another one."
            )
    return classes


def check_split(per_class: int | None, split: Iterable[int] | None) -> tuple[int, int, int]:
    """Return the photos per class for training, validation and test."""
    if split is None:
        per_class = as_integer("per_class", DEFAULT_PER_CLASS if per_class is None else per_class)
        if per_class < 3:
            raise ValueError(
                f"per_class is {per_class}, but each class needs a photo for training, one for "
                "validation and one for the test. Use per_class=3 or more."
            )
        return _usual_split(per_class)
    example = "split=(400, 100, 100)"
    split = tuple(split) if isinstance(split, Iterable) and not isinstance(split, str) else (split,)
    if len(split) != 3:
        raise ValueError(
            "split must be three numbers, the photos per class for training, validation and "
            f"test, for instance {example}, but is {split!r}."
        )
    if any(isinstance(count, float) for count in split):
        raise ValueError(f"split must be numbers of photos, such as {example}, but is {split!r}.")
    least = (1, 0, 0)
    split = tuple(
        as_integer(f"the {name} part of split", count, minimum)
        for name, count, minimum in zip(SPLITS, split, least, strict=True)
    )
    if per_class is not None and as_integer("per_class", per_class) != sum(split):
        raise ValueError(
            f"per_class is {per_class}, but split={split} makes {sum(split)} photos per class. "
            f"Say per_class={sum(split)}, or leave one of the two out: the split is then "
            f"{_usual_split(max(3, per_class))}."
        )
    return split


def _usual_split(per_class: int) -> tuple[int, int, int]:
    """4 : 1 : 1."""
    part = max(1, round(per_class / 6))
    return (per_class - 2 * part, part, part)


def check_numbers(seed: int, longest_side: int | None, connections: int) -> None:
    """Check the other numbers."""
    as_integer("seed", seed, minimum=0)
    if longest_side is not None:
        as_integer("longest_side", longest_side, minimum=32)
    if as_integer("connections", connections) > MOST_CONNECTIONS:
        raise ValueError(
            f"connections is {connections}, but more than {MOST_CONNECTIONS} at once are not "
            "polite to the host and not faster. 32 are plenty."
        )


def check_folder(folder) -> Path | None:
    """Return the folder as a path."""
    if folder is None:
        return None
    try:
        folder = places.expanded(folder)
    except DataError as problem:
        raise ValueError(str(problem)) from None
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, so no photos can be put into it. Name a folder.")
    return folder
