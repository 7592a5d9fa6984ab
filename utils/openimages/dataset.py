"""A set of photos for a lesson: its table, and its photos as arrays."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from utils import runtime
from utils.common.arguments import as_integer
from utils.common.errors import DataError
from utils.data.fetching.registry import unknown
from utils.data.fetching.sources import Origin
from utils.openimages import dataset_folder
from utils.openimages.dataset_folder import Summary
from utils.openimages.request import SPLITS

CROPS = ("center", None)
RESIZED_WITH = Image.Resampling.BICUBIC


class Photos:
    """Photos of a few classes in a folder, as `openimages.download` returns them.

    Attributes:
        classes: the names; class number k is label k.
        folder: holds `training/Rose/ID.jpg`, `validation/…`, `test/…` and `photos.csv`.
        folder_names: the names of the classes' folders; they differ from `classes` only where a
            name cannot be that of a folder. In the order of the labels, as
            `keras.utils.image_dataset_from_directory(..., class_names=photos.folder_names)`
            wants it.
        summary: what happened while the photos were downloaded; `print(photos.summary)`.
        origin: where they came from: `origin.text`, `origin.is_sample`.
    """

    def __init__(
        self,
        folder: Path,
        classes: Iterable[str],
        folder_names: Iterable[str],
        summary: Summary,
        origin: Origin,
    ):
        self.folder = folder
        self.classes = tuple(classes)
        self.folder_names = list(folder_names)
        self.summary = summary
        self.origin = origin

    def __repr__(self) -> str:
        counts = self.table["split"].value_counts()
        listed = ", ".join(f"{counts.get(split, 0):,} {split}" for split in SPLITS)
        return f"Photos({' / '.join(self.classes)}: {listed}; from: {self.origin.kind})"

    def __len__(self) -> int:
        return len(self.table)

    @functools.cached_property
    def table(self):
        """A pandas DataFrame with one row for each photo, the same as `photos.csv`.

        `path` is relative to `folder`; `rotation` is in degrees, counterclockwise, and empty
        where nobody has looked. In each split the classes are mixed.
        """
        return dataset_folder.read_table(self.folder)

    def _rows(self, split: str):
        """Return the rows of the table that belong to a split, with their paths made whole."""
        if split not in SPLITS:
            raise ValueError(unknown("split", split, SPLITS))
        rows = self.table[self.table["split"] == split].reset_index(drop=True)
        return rows.assign(path=[str(self.folder / path) for path in rows["path"]])

    def load(
        self, split: str, size: tuple[int, int] = (160, 160), crop: str | None = "center"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Decode all photos of a split into one array.

        Args:
            split: "training", "validation" or "test".
            size: height and width in pixels.
            crop: "center" cuts the largest middle piece that has the shape of `size`; None
                squeezes the whole photo into it.

        Returns:
            x: the photos, (n, height, width, 3), uint8, RGB, in the order of the table. They are
                reduced with antialiasing. `rotation` is not applied: where it is known at all
                it is mostly 0, and Keras's loaders see the same pixels then.
            y: the labels, (n,), int32.

        Raises:
            DataError: a photo cannot be read.
        """
        size, crop = _check_size(size), _check_crop(crop)
        rows = self._rows(split)
        return decode(rows["path"], size, crop), rows["label"].to_numpy(np.int32)

    def batches(
        self,
        split: str,
        size: tuple[int, int] = (160, 160),
        batch_size: int = 32,
        shuffle_seed: int | None = None,
        crop: str | None = "center",
    ):
        """Return a `keras.utils.PyDataset` that decodes the photos batch by batch.

        A set that does not fit into memory trains this way; for a smaller one `load` is faster,
        since it decodes every photo only once.

        Args:
            split, size, crop: as for `load`.
            batch_size: photos in a batch; the last one may have fewer.
            shuffle_seed: draw the photos in a new random order every epoch, always the same
                orders for the same seed. None keeps the order of the table. (`fit` shuffles the
                order of the batches all the same, unless told `shuffle=False`.)

        Returns:
            A dataset of (x, y): x (batch, height, width, 3), uint8; y (batch,), int32.
        """
        size, crop = _check_size(size), _check_crop(crop)
        batch_size = as_integer("batch_size", batch_size)
        if shuffle_seed is not None:
            shuffle_seed = as_integer("shuffle_seed", shuffle_seed, minimum=0)
        rows = self._rows(split)
        labels = rows["label"].to_numpy(np.int32)
        return _photo_batches_class()(
            list(rows["path"]), labels, size, crop, batch_size, shuffle_seed
        )


# --- Decoding --------------------------------------------------------------------------------


def decode(
    paths: Iterable[str | Path], size: tuple[int, int], crop: str | None = "center"
) -> np.ndarray:
    """Decode photos in parallel: (n, height, width, 3), uint8. Raises DataError for a bad one."""
    paths = list(paths)
    x = np.empty((len(paths), *size, 3), np.uint8)

    def fill(position: int) -> None:
        x[position] = decode_one(paths[position], size, crop)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # about strange metadata
        for _ in _decoders().map(fill, range(len(paths))):
            pass
    return x


def decode_one(path: str | Path, size: tuple[int, int], crop: str | None) -> np.ndarray:
    """Decode a photo: (height, width, 3), uint8, whatever colours the file has."""
    height, width = size
    try:
        with Image.open(path) as image:
            whole = np.array(image.size)
            box = _middle(*whole, width / height) if crop == "center" else (0, 0, *whole)
            # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, which is much faster. At
            # twice the size that is wanted nothing is lost.
            shrink = min((box[2] - box[0]) / width, (box[3] - box[1]) / height) / 2
            if shrink > 1:
                image.draft(image.mode, tuple(np.ceil(whole / shrink).astype(int).tolist()))
            ratio = np.tile(np.array(image.size) / whole, 2)
            rgb = image if image.mode == "RGB" else image.convert("RGB")
            return np.asarray(rgb.resize((width, height), RESIZED_WITH, box=tuple(box * ratio)))
    except OSError as problem:
        raise DataError(
            f"{path} cannot be read ({problem}). Call openimages.download again: it fetches what "
            "is missing."
        ) from problem


def _middle(width: int, height: int, aspect: float) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the largest middle piece with an aspect ratio."""
    cut_width, cut_height = min(width, height * aspect), min(height, width / aspect)
    left, top = (width - cut_width) / 2, (height - cut_height) / 2
    return left, top, left + cut_width, top + cut_height


@functools.cache
def _decoders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(2, runtime.cores()), thread_name_prefix="decode")


def _check_size(size) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"size must be height and width, such as (160, 160), but is {size!r}.")
    return tuple(as_integer("each part of size", part) for part in size)


def _check_crop(crop) -> str | None:
    if crop not in CROPS:
        raise ValueError(f'crop must be "center" or None, but is {crop!r}.')
    return crop


@functools.cache
def _photo_batches_class():
    # Within a function, since importing Keras takes seconds and has to come after the choice of
    # the backend.
    import keras

    class PhotoBatches(keras.utils.PyDataset):
        """Batches of photos; see `Photos.batches`."""

        def __init__(self, paths, labels, size, crop, batch_size, shuffle_seed):
            super().__init__()
            self.epoch = 0
            self.batch_size = batch_size
            self._paths, self._labels = paths, labels
            self._size, self._crop, self._seed = size, crop, shuffle_seed
            self._set_order()

        def __len__(self):
            return -(-len(self._paths) // self.batch_size)

        def __getitem__(self, index):
            index = operator.index(index)
            if not -len(self) <= index < len(self):
                raise IndexError(f"batch {index} of a dataset of {len(self)} batches")
            start = index % len(self) * self.batch_size
            chosen = self._order[start : start + self.batch_size]
            x = decode([self._paths[i] for i in chosen], self._size, self._crop)
            return x, self._labels[chosen]

        def on_epoch_end(self):
            self.epoch += 1
            self._set_order()

        def _set_order(self):
            self._order = np.arange(len(self._paths))
            if self._seed is not None:
                self._order = np.random.default_rng((self._seed, self.epoch)).permutation(
                    self._order
                )

    return PhotoBatches
