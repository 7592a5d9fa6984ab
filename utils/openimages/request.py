"""What a set is made of: the arguments of `openimages.download`, checked and completed."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from utils.common.arguments import as_integer
from utils.openimages.labels import Category

SPLITS = ("train", "validation", "test")
DEFAULT_PER_CLASS = 600
NOT_IN_FILE_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')  # on Windows


@dataclass(frozen=True)
class Request:
    """What a set is made of.

    Attributes:
        classes: Names or labels, as requested.
        split: Photos of each class for training, validation and test.
        seed: Decides which photos, and which split.
        longest_side: Larger photos are scaled down to this many pixels; None: they are not.
        categories: What `classes` means, once that has been looked up; class k has label k.
    """

    classes: tuple[str, ...]
    split: tuple[int, int, int]
    seed: int
    longest_side: int | None = None
    categories: tuple[Category, ...] = ()

    @property
    def per_class(self) -> int:
        """Photos of each class, in all splits together."""
        return sum(self.split)

    @property
    def folder_names(self) -> list[str]:
        """The classes' names as folder names that are valid on every system."""
        names = [_folder_name(category.name) for category in self.categories]
        counts = Counter(name.lower() for name in names)
        return [
            # Windows and macOS take "Rose" and "rose" for the same folder.
            name if counts[name.lower()] == 1 else f"{name} ({_folder_name(category.label[1:])})"
            for name, category in zip(names, self.categories, strict=True)
        ]

    @property
    def set_name(self) -> str:
        """The name of the set's folder in the cache; no other request has the same name."""
        words = "-".join([*self.classes, str(self.per_class), f"seed{self.seed}"]).lower()
        key = json.dumps([self.classes, self.split, self.seed, self.longest_side])
        digest = hashlib.sha256(key.encode()).hexdigest()[:8]
        return f"{re.sub('[^a-z0-9]+', '-', words).strip('-')[:60]}-{digest}"

    def as_dict(self) -> dict:
        """Return what the set is made of, in a form that JSON can hold."""
        return {
            "classes": [category.name for category in self.categories],
            "label_ids": [category.label for category in self.categories],
            "folder_names": self.folder_names,
            "split": list(self.split),
            "seed": self.seed,
            "longest_side": self.longest_side,
        }


def _folder_name(name: str) -> str:
    # Windows drops dots and spaces at the end of a name.
    return re.sub(r"\s+", " ", NOT_IN_FILE_NAMES.sub("_", name)).strip(" .") or "_"


def make_request(
    classes: Iterable[str],
    per_class: int | None,
    split: Iterable[int] | None,
    seed: int,
    longest_side: int | None,
) -> Request:
    """Check the arguments of `openimages.download`. Raises ValueError or TypeError."""
    as_integer("seed", seed, minimum=0)
    if longest_side is not None:
        as_integer("longest_side", longest_side, minimum=32)
    return Request(_checked_classes(classes), make_split(per_class, split), seed, longest_side)


def _checked_classes(classes: Iterable[str]) -> tuple[str, ...]:
    example = 'For instance: classes=("Cat", "Dog").'
    if isinstance(classes, str):
        raise ValueError(
            f"classes must be a tuple of names, but is the text {classes!r}. {example}"
        )
    classes = tuple(classes)
    for name in classes:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"Each class must be a name such as 'Rose', but one is {name!r}.")
    names = tuple(name.strip() for name in classes)
    if len(names) < 2:
        raise ValueError(f"Two or more classes are needed, but classes is {classes!r}. {example}")
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{name!r} is among the classes {count} times. Name each class once.")
    return names


def make_split(per_class: int | None, split: Iterable[int] | None) -> tuple[int, int, int]:
    """Return the photos of each class for training, validation and test; by default 4 : 1 : 1.

    Raises:
        ValueError, TypeError: The two arguments are wrong, or do not fit together.
    """
    if split is None:
        per_class = as_integer("per_class", DEFAULT_PER_CLASS if per_class is None else per_class)
        if per_class < 3:
            raise ValueError(
                f"per_class is {per_class}, but each class needs a photo for training, one for "
                "validation and one for the test. Use per_class=3 or more."
            )
        part = max(1, round(per_class / 6))
        return (per_class - 2 * part, part, part)
    split = tuple(split) if isinstance(split, Iterable) else (split,)
    if len(split) != 3 or any(isinstance(count, (float, str)) for count in split):
        raise ValueError(
            "split must be three numbers of photos per class, for training, validation and test, "
            f"such as split=(400, 100, 100), but is {split!r}."
        )
    split = tuple(
        as_integer(f"the {name} part of split", count, minimum)
        for name, count, minimum in zip(SPLITS, split, (1, 0, 0), strict=True)
    )
    if per_class is not None and as_integer("per_class", per_class) != sum(split):
        raise ValueError(
            f"per_class is {per_class}, but split={split} makes {sum(split)} photos per class. "
            f"Use per_class={sum(split)}, or leave one of the two out."
        )
    return split
