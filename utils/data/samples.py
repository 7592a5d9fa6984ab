"""Small samples that stand in where the real datasets are not available.

They are made from what comes with scikit-learn, so they need no network and are the same on every
machine.
"""

import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from utils.common.files import write_atomically
from utils.data.formats import idx_bytes

MNIST_SAMPLE = "scikit-learn's 8x8 digits scaled to 28x28"
CIFAR10_SAMPLE = "32x32 patches of scikit-learn's photos of a building and a flower"
CIFAR10_SAMPLE_CLASSES = ("building", "flower")

# The rows and columns of the two photos, of shape (427, 640, 3), that show their subjects.
PHOTO_REGIONS = ((slice(32, 368), slice(70, 358)), (slice(76, 364), slice(164, 452)))
BLOCK_SIDE = 96  # pixels of a photo; a block belongs to the training or the test part
PATCH_SIDES = (48, 64, 96)
PATCH_STEP = 8
PATCH_SEED = 234  # an order that starts with clear pictures; number 12 is the flower's heart
LEAST_CONTRAST = 25  # standard deviation of a patch's brightness


# --- Digits instead of MNIST -----------------------------------------------------------------


def mnist_sample() -> dict[str, np.ndarray]:
    """Make the stand-in for MNIST: 1,437 training and 360 test images, stratified by class.

    Returns:
        `x_train` and `x_test` of shape (samples, 28, 28), uint8; `y_train` and `y_test` of
        shape (samples,), int32.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        np.stack([_like_mnist(image) for image in digits.images]),
        digits.target.astype(np.int32),
        test_size=0.2,
        stratify=digits.target,
        random_state=0,
    )
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _like_mnist(image: np.ndarray) -> np.ndarray:
    """Turn a digit of 8x8 values from 0 to 16 into 28x28 values from 0 to 255.

    As in MNIST, the digit fills 20x20 pixels and its centre of mass is in the middle.
    """
    from scipy.ndimage import center_of_mass, zoom

    large = zoom(image, 20 / 8, order=3, mode="grid-constant", grid_mode=True)  # Shape: (20, 20)
    large = np.clip(large * (255 / 16), 0, 255)
    # The middle of 28 pixels is 13.5. Between 0 and 8 the digit stays within the frame.
    top, left = (int(np.clip(round(13.5 - at), 0, 8)) for at in center_of_mass(large))
    framed = np.zeros((28, 28), dtype=np.uint8)
    framed[top : top + 20, left : left + 20] = np.round(large)
    return framed


def write_idx_files(arrays: dict[str, np.ndarray], folders: Iterable[Path]) -> dict[str, Path]:
    """Write arrays as gzip-compressed IDX files into the first folder that can be written.

    Files that already have the right content are left alone.

    Args:
        arrays: Name of a file -> its values, from 0 to 255.
        folders: The folders to try, in this order; a missing one is made.

    Returns:
        Name of a file -> its path. Empty, with a message, if no folder can be written.
    """
    contents = {
        name: gzip.compress(idx_bytes(array), compresslevel=6, mtime=0)
        for name, array in arrays.items()
    }
    problems = []
    for folder in folders:
        try:
            paths = {name: folder / name for name in contents}
            for name, path in paths.items():
                if not path.is_file() or path.read_bytes() != contents[name]:
                    write_atomically(path, contents[name])
            return paths
        except OSError as problem:
            problems.append(f"{folder} ({problem.strerror or problem})")
    print(f"The sample's files could not be written: {'; '.join(problems)}.")
    return {}


# --- Patches of photos instead of CIFAR-10 ---------------------------------------------------


def cifar10_sample() -> dict[str, np.ndarray]:
    """Make the stand-in for CIFAR-10: patches of two photos, equally many of each.

    Training and test patches have no pixel of a photo in common, yet show the same kinds of things,
    because their blocks alternate all over the photos.

    Returns:
        `x_train` and `x_test` of shape (samples, 32, 32, 3), uint8, RGB, in a fixed random
        order; `y_train` and `y_test` of shape (samples,), int32: an index into
        `CIFAR10_SAMPLE_CLASSES`.
    """
    from sklearn.datasets import load_sample_images

    photos = load_sample_images().images  # the building, the flower
    regions = [photo[where] for photo, where in zip(photos, PHOTO_REGIONS, strict=True)]
    patches = [_patches(region) for region in regions]
    random = np.random.default_rng(PATCH_SEED)
    x_train, y_train = _shuffled([train for train, _ in patches], random)
    x_test, y_test = _shuffled([test for _, test in patches], random)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _patches(region: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Cut the training and the test patches of a photo: images of shape (32, 32, 3)."""
    from PIL import Image

    is_test = _test_pixels(*region.shape[:2])
    train, test = [], []
    for side in PATCH_SIDES:
        for top in range(0, len(region) - side + 1, PATCH_STEP):
            for left in range(0, region.shape[1] - side + 1, PATCH_STEP):
                window = np.s_[top : top + side, left : left + side]
                in_test = is_test[window]
                if in_test.any() and not in_test.all():
                    continue  # it would lie in both parts
                patch = region[window]
                if patch.mean(axis=2).std() < LEAST_CONTRAST:
                    continue  # plain sky or background shows neither class
                small = Image.fromarray(patch).resize((32, 32), Image.Resampling.BOX)
                (test if in_test.all() else train).append(np.asarray(small))
    return train, test


def _test_pixels(height: int, width: int) -> np.ndarray:
    """Return which pixels are for testing: one block in four, shifted from row to row."""
    row = np.arange(height)[:, np.newaxis] // BLOCK_SIDE
    column = np.arange(width)[np.newaxis, :] // BLOCK_SIDE
    return (row + 2 * column) % 4 == 1


def _shuffled(
    classes: list[list[np.ndarray]], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels in random order, equally many of each class."""
    count = min(len(images) for images in classes)
    chosen = [images[i] for images in classes for i in random.permutation(len(images))[:count]]
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), count)
    order = random.permutation(len(labels))
    return np.stack(chosen)[order], labels[order]
