"""A set of photos for a lesson: its table, and its photos as arrays."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from utils import runtime
from utils.common.arguments import as_integer
from utils.common.errors import DataError
from utils.data.fetching.registry import unknown
from utils.data.fetching.sources import Origin
from utils.openimages.dataset_folder import Summary, read_table
from utils.openimages.request import SPLITS

if TYPE_CHECKING:
    import keras

RESIZED_WITH = Image.Resampling.BICUBIC
EARLIER_NAMES = {"training": "train"}  # notebooks of the first edition ask for them


class Photos:
    """Photos of a few classes in a folder, as `openimages.download` returns them.

    Attributes:
        classes: The names; class number k is label k.
        folder: Holds `train/Rose/ID.jpg`, `validation/…`, `test/…` and `photos.csv`.
        folder_names: The names of the classes' folders, in the order of the labels, as
            `keras.utils.image_dataset_from_directory(..., class_names=photos.folder_names)`
            wants it. They differ from `classes` only where a name cannot be that of a folder.
        summary: What happened while the photos were downloaded; `print(photos.summary)`.
        origin: Where they came from: `origin.text`, `origin.is_sample`.
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
    def table(self) -> pd.DataFrame:
        """One row for each photo, the same as `photos.csv`; in each split the classes are mixed.

        `path` is relative to `folder`; `rotation` is in degrees, anticlockwise, and empty
        where nobody has looked.
        """
        return read_table(self.folder)

    def load(
        self, split: str, size: tuple[int, int] = (160, 160), crop: str | None = "center"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Decode all photos of a split into one array.

        Args:
            split: "train", "validation" or "test".
            size: Height and width in pixels.
            crop: "center" cuts out the largest central piece with the shape of `size`; None
                squeezes the whole photo into it.

        Returns:
            x: The photos, (n, height, width, 3), uint8, RGB, in the order of the table, reduced
                with antialiasing. `rotation` is not applied, as in Keras's loaders.
            y: The labels, (n,), int32.

        Raises:
            DataError: A photo cannot be read.
        """
        paths, y = self._files(split, size, crop)
        return decode(paths, size, crop), y

    def batches(
        self,
        split: str,
        size: tuple[int, int] = (160, 160),
        batch_size: int = 32,
        shuffle_seed: int | None = None,
        crop: str | None = "center",
    ) -> keras.utils.PyDataset:
        """Return a dataset that decodes the photos batch by batch, to train on more than memory.

        Args:
            split: As for `load`.
            size: As for `load`.
            batch_size: Photos in a batch; the last one may have fewer.
            shuffle_seed: Draw the photos in a new random order every epoch, with the same
                orders for the same seed. None keeps the order of the table. (`fit` shuffles the
                order of the batches all the same, unless told `shuffle=False`.)
            crop: As for `load`.

        Returns:
            A dataset of (x, y): x (batch, height, width, 3), uint8; y (batch,), int32.
        """
        paths, y = self._files(split, size, crop)
        batch_size = as_integer("batch_size", batch_size)
        if shuffle_seed is not None:
            as_integer("shuffle_seed", shuffle_seed, minimum=0)
        return _photo_batches_class()(paths, y, size, crop, batch_size, shuffle_seed)

    def _files(
        self, split: str, size: tuple[int, int], crop: str | None
    ) -> tuple[list[Path], np.ndarray]:
        """Check the arguments; return the paths and the labels of a split."""
        split = EARLIER_NAMES.get(split, split)
        if split not in SPLITS:
            raise ValueError(unknown("split", split, SPLITS))
        if not isinstance(size, (tuple, list)) or len(size) != 2:
            raise ValueError(f"size must be height and width, such as (160, 160), but is {size!r}.")
        for part in size:
            as_integer("each part of size", part)
        if crop not in ("center", None):
            raise ValueError(f'crop must be "center" or None, but is {crop!r}.')
        rows = self.table[self.table["split"] == split]
        return [self.folder / path for path in rows["path"]], rows["label"].to_numpy(np.int32)


# --- Decoding --------------------------------------------------------------------------------


def decode(
    paths: Sequence[str | Path], size: tuple[int, int], crop: str | None = "center"
) -> np.ndarray:
    """Decode photos in parallel: (n, height, width, 3), uint8. Raises DataError for a bad one."""
    x = np.empty((len(paths), *size, 3), np.uint8)

    def fill(position: int) -> None:
        x[position] = decode_one(paths[position], size, crop)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # about strange metadata
        for _ in _decoders().map(fill, range(len(paths))):
            pass
    return x


def decode_one(file: str | Path | BinaryIO, size: tuple[int, int], crop: str | None) -> np.ndarray:
    """Decode a photo: (height, width, 3), uint8, whatever colours the file has."""
    height, width = size
    try:
        with Image.open(file) as image:
            # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, which is much faster. At
            # twice the desired size, nothing is lost.
            shrink = min(image.width / width, image.height / height) / 2
            if shrink > 1:
                image.draft(image.mode, tuple(math.ceil(side / shrink) for side in image.size))
            resize = ImageOps.fit if crop == "center" else Image.Image.resize
            return np.asarray(resize(image.convert("RGB"), (width, height), RESIZED_WITH))
    except OSError as problem:
        raise DataError(
            f"{file} cannot be read ({problem}). Call openimages.download again: it fetches what "
            "is missing."
        ) from problem


@functools.cache
def _decoders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(2, runtime.cores()), thread_name_prefix="decode")


@functools.cache
def _photo_batches_class() -> type[keras.utils.PyDataset]:
    # Within a function, since importing Keras takes seconds and has to come after the choice of
    # the backend.
    import keras

    class PhotoBatches(keras.utils.PyDataset):
        """Batches of photos; see `Photos.batches`."""

        def __init__(self, paths, labels, size, crop, batch_size, shuffle_seed):
            super().__init__()
            self.epoch = -1
            self.batch_size = batch_size
            self._paths, self._labels = paths, labels
            self._size, self._crop, self._seed = size, crop, shuffle_seed
            self.on_epoch_end()

        def __len__(self):
            return -(-len(self._paths) // self.batch_size)

        def __getitem__(self, index):
            if not 0 <= index < len(self):  # this also ends a loop over the batches
                raise IndexError(f"batch {index} of a dataset of {len(self)} batches")
            chosen = self._order[index * self.batch_size :][: self.batch_size]
            x = decode([self._paths[i] for i in chosen], self._size, self._crop)
            return x, self._labels[chosen]

        def on_epoch_end(self):
            self.epoch += 1
            self._order = np.arange(len(self._paths))
            if self._seed is not None:
                np.random.default_rng((self._seed, self.epoch)).shuffle(self._order)

    return PhotoBatches
