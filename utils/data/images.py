"""Labelled images: MNIST and CIFAR-10."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.data import samples
from utils.data.fetching import sources
from utils.data.fetching.places import folders_to_write
from utils.data.fetching.registry import entry_of
from utils.data.fetching.sources import Origin
from utils.data.formats import read_cifar10_archive, read_idx

MNIST_FILES = {
    "x_train": "mnist/train-images-idx3-ubyte.gz",
    "y_train": "mnist/train-labels-idx1-ubyte.gz",
    "x_test": "mnist/t10k-images-idx3-ubyte.gz",
    "y_test": "mnist/t10k-labels-idx1-ubyte.gz",
}
MNIST_CLASSES = tuple("0123456789")
CIFAR10_WHOLE = "cifar10/cifar-10-python.tar.gz"
CIFAR10_SUBSET = "cifar10/cifar10_subset.npz"
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


@dataclass(frozen=True, eq=False, repr=False)
class ImageDataset:
    """Labelled images, split into training and test images.

    Attributes:
        name: The name in the registry, for instance `mnist`.
        x_train: uint8, 0 to 255; shape (samples, 28, 28) for MNIST, (samples, 32, 32, 3) in RGB
            for CIFAR-10.
        y_train: int32, shape (samples,): an index into `class_names`.
        x_test: Like `x_train`.
        y_test: Like `y_train`.
        class_names: One name for each class.
        origin: Where the data came from.
        files: The files behind the arrays: official name -> path. MNIST always has its four files
            here, even for a sample; other datasets may have none.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    origin: Origin
    files: dict[str, Path]

    def __repr__(self) -> str:
        shape = "x".join(str(length) for length in self.x_train.shape[1:])
        return (
            f"ImageDataset({self.name}: {len(self.x_train):,} training and {len(self.x_test):,} "
            f"test images, {shape} {self.x_train.dtype}, {len(self.class_names)} classes, "
            f"from: {self.origin.kind})"
        )


def load_mnist() -> ImageDataset:
    """Load MNIST: 70,000 handwritten digits (LeCun et al. 1998), 28x28 pixels, ten classes.

    If no source has it, scikit-learn's digits stand in (1,437 training and 360 test images);
    `origin.is_sample` says so.

    Returns:
        Images of shape (samples, 28, 28), uint8; labels of shape (samples,), int32; in `files`
        the four IDX files under their official names.
    """
    failures, files = [], {}
    for part, name in MNIST_FILES.items():
        files[part] = sources.find([name], failures)
        if files[part] is None:
            return _mnist_sample(failures)
    arrays = {part: read_idx(file.path) for part, file in files.items()}
    # The files may come from different places; the one to name is the farthest.
    places = ("cache", "mirror", "official")
    farthest = max(files.values(), key=lambda file: places.index(file.kind))
    origin = farthest.announce(_counts(arrays))
    paths = {file.path.name: file.path for file in files.values()}
    return _dataset("mnist", arrays, MNIST_CLASSES, origin, paths)


def _mnist_sample(failures: list[sources.Reason]) -> ImageDataset:
    arrays = samples.mnist_sample()
    title = entry_of(MNIST_FILES["x_train"]).title
    origin = sources.announce_sample(title, samples.MNIST_SAMPLE, _counts(arrays), failures)
    # As files too, so that the lesson can open them by hand; elsewhere if the disk is full.
    files = {Path(name).name: arrays[part] for part, name in MNIST_FILES.items()}
    folders = [folder / "sample-mnist" for folder in folders_to_write()]
    paths = samples.write_idx_files(files, folders)
    return _dataset("mnist", arrays, MNIST_CLASSES, origin, paths)


def load_cifar10() -> ImageDataset:
    """Load CIFAR-10: 60,000 colour photos (Krizhevsky 2009), 32x32 pixels, ten classes.

    The whole dataset and a subset of it are looked for, first in the cache, then in the mirror;
    then the whole is downloaded (170 MB). If no source has it, patches of two photos that come
    with scikit-learn stand in (two classes); `origin.is_sample` says so.

    Returns:
        Images of shape (samples, 32, 32, 3), uint8, RGB; labels of shape (samples,), int32.
    """
    failures = []
    found = sources.find([CIFAR10_WHOLE, CIFAR10_SUBSET], failures)
    if found is None:
        arrays = samples.cifar10_sample()
        title = entry_of(CIFAR10_WHOLE).title
        origin = sources.announce_sample(title, samples.CIFAR10_SAMPLE, _counts(arrays), failures)
        return _dataset("cifar10", arrays, samples.CIFAR10_SAMPLE_CLASSES, origin, {})
    if found.entry.name == CIFAR10_WHOLE:
        arrays = read_cifar10_archive(found.path, found.entry.sha256)
        origin = found.announce(_counts(arrays))
    else:
        with np.load(found.path, allow_pickle=False) as content:
            arrays = {part: content[part] for part in MNIST_FILES}
        origin = found.announce(f"a subset of {_counts(arrays)}")
    return _dataset("cifar10", arrays, CIFAR10_CLASSES, origin, {found.path.name: found.path})


def _dataset(
    name: str,
    arrays: dict[str, np.ndarray],
    class_names: tuple[str, ...],
    origin: Origin,
    files: dict[str, Path],
) -> ImageDataset:
    # int32, because JAX has no integers of 64 bits unless told otherwise.
    labels = {part: arrays[part].ravel().astype(np.int32) for part in ("y_train", "y_test")}
    return ImageDataset(
        name, **arrays | labels, class_names=class_names, origin=origin, files=files
    )


def _counts(arrays: dict[str, np.ndarray]) -> str:
    return f"{len(arrays['x_train']):,} + {len(arrays['x_test']):,} images"
