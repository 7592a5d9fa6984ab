"""Training, validation and test parts: streams in order of time, images with classes in proportion.

    train, validation, test = split_in_time(stream)
    train, validation, test = stratified_split(labels)  # indices

Lecture items L3.14 and L4.16.
"""

from __future__ import annotations

import numbers

import numpy as np
from numpy.typing import ArrayLike

from utils.common.arguments import as_array, as_integer, as_stream

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def split_in_time(
    stream: ArrayLike, validation: float = 0.15, test: float = 0.15, gap: int = 0
) -> Parts:
    """Split a stream into training, validation and test parts, in that order in time.

    Split first, cut windows afterwards. Windows that overlap share samples: if they were cut first
    and dealt out at random, nearly every test window would lie among training windows, with its
    target inside one of them, and the test would measure memory, not prediction (leakage). For the
    same reason, compute the mean and standard deviation for normalising from the training part.

    For cross-validation in time order, see `sklearn.model_selection.TimeSeriesSplit`.

    Args:
        stream: Array of shape (samples,) or (samples, streams), in time order.
        validation: Fraction of the samples, 0 or more and less than 1. A fraction of 0 makes the
            part empty.
        test: The same for the test part; the two sum to less than 1.
        gap: Samples to leave out between two parts, for streams whose neighbouring samples
            are nearly the same. The fractions refer to the samples that remain.

    Returns:
        (train, validation, test): views of the stream, nothing is copied.

    Raises:
        TypeError: The stream is not an array, a fraction not a number, or the gap not an integer.
        ValueError: The fractions do not fit, the gap is negative, or a part would be empty
            although its fraction is not 0.

    Example:
        >>> train, validation, test = split_in_time(np.arange(10), 0.2, 0.2)
        >>> train.tolist(), validation.tolist(), test.tolist()
        ([0, 1, 2, 3, 4, 5], [6, 7], [8, 9])

    Source: lecture item L3.14.
    """
    stream = as_array("The stream", stream)
    as_stream(stream)  # for its checks; one axis stays one axis here
    gap = as_integer("gap", gap, minimum=0)
    gap_validation, gap_test = gap * bool(validation), gap * bool(test)
    remaining = len(stream) - gap_validation - gap_test
    if remaining < 1:
        raise ValueError(
            f"gap={gap} leaves nothing of a stream of {len(stream)} samples. Use a smaller gap."
        )
    n_train, n_validation, n_test = _part_sizes(remaining, validation, test, "samples")
    start_validation = n_train + gap_validation
    return (
        stream[:n_train],
        stream[start_validation : start_validation + n_validation],
        stream[len(stream) - n_test :],
    )


def stratified_split(
    labels: ArrayLike, validation: float = 0.15, test: float = 0.15, seed: int = 0
) -> Parts:
    """Deal out images to training, validation and test part, with all classes in proportion.

    For images and other samples that do not depend on each other. For a stream, use
    `split_in_time`.

    Args:
        labels: One class per image, as numbers or names, of shape (n,) or (n, 1).
        validation: Fraction of the images, as for `split_in_time`.
        test: The same for the test part.
        seed: Decides which of the possible splits. The same seed gives the same split.

    Returns:
        (train, validation, test): arrays of indices in random order, each index in exactly one
        of them. Use as `images[train]`.

    Raises:
        TypeError: The labels are not an array, a fraction not a number, or the seed not an
            integer.
        ValueError: The fractions do not fit, the labels are one-hot or some are missing (None,
            NaN), or a class has too few images to be in every part.

    Example:
        >>> labels = ["cat"] * 600 + ["dog"] * 600
        >>> train, validation, test = stratified_split(labels, 1 / 6, 1 / 6)
        >>> len(train), len(validation), len(test)
        (800, 200, 200)
        >>> sum(labels[i] == "cat" for i in test)
        100

    Source: lecture item L4.16.
    """
    from sklearn.model_selection import train_test_split  # slow to import, rarely needed

    labels = _as_labels(labels)
    seed = as_integer("seed", seed, minimum=0)
    sizes = _part_sizes(len(labels), validation, test, "images")
    classes, class_numbers = np.unique(labels, return_inverse=True)
    too_few = _too_few(classes, class_numbers, sizes)
    rest = np.random.default_rng(seed).permutation(len(labels))
    parts = []
    for size in (sizes[2], sizes[1]):
        part = rest[:0]
        if size:
            counts = np.bincount(class_numbers[rest], minlength=len(classes))
            if counts.min() < 2 or min(size, len(rest) - size) < len(classes):
                raise too_few
            rest, part = train_test_split(
                rest,
                test_size=size,
                stratify=class_numbers[rest],
                random_state=seed % 2**32,  # it takes no larger ones
            )
        parts.append(part)
    test_part, validation_part = parts
    for part in (rest, validation_part, test_part):
        if len(part) and len(np.unique(class_numbers[part])) < len(classes):
            raise too_few
    return rest, validation_part, test_part


def _part_sizes(n, validation, test, unit):
    for name, fraction in (("validation", validation), ("test", test)):
        if isinstance(fraction, (bool, np.bool_)) or not isinstance(fraction, numbers.Real):
            raise TypeError(f"{name} must be a fraction such as 0.15, but is {fraction!r}.")
        if not 0 <= fraction < 1:
            raise ValueError(
                f"{name} must be a fraction, 0 or more and less than 1, but is {fraction!r}. "
                f"For 100 of 600, write {name}=100 / 600."
            )
    if validation + test >= 1:
        raise ValueError(
            f"validation={validation} and test={test} leave nothing to train with. Their sum "
            f"must be less than 1."
        )
    n_validation, n_test = round(n * validation), round(n * test)
    sizes = n - n_validation - n_test, n_validation, n_test
    fractions = 1 - (validation + test), validation, test
    names = ("training", "validation", "test")
    for name, fraction, size in zip(names, fractions, sizes, strict=True):
        if size < 1 and fraction > 0:
            raise ValueError(
                f"The {name} part would be empty: the fraction {fraction:.3g} of {n} {unit} "
                f"is less than one. Use other fractions or more {unit}."
            )
    return sizes


def _too_few(classes, class_numbers, sizes):
    counts = np.bincount(class_numbers)
    rarest = np.argmin(counts)
    return ValueError(
        f"Not all of the {len(classes)} classes can be in each part (training {sizes[0]}, "
        f"validation {sizes[1]}, test {sizes[2]}): class {classes.tolist()[rarest]!r} has only "
        f"{counts[rarest]} of the {len(class_numbers)} images. Add images of it, leave the class "
        "out, or use larger fractions."
    )


def _as_labels(labels):
    """(n,) or (n, 1) -> (n,)."""
    labels = as_array("What was given as labels", labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        hint = " If they are one-hot, use labels.argmax(axis=1)." * (labels.ndim == 2)
        raise ValueError(
            f"labels must be one class each, of shape (n,), but have shape {labels.shape}.{hint}"
        )
    if labels.size == 0:
        raise ValueError("There are no labels (shape (0,)). Check where they were loaded.")
    if labels.dtype.kind in "fcmMO":
        import pandas as pd  # slow to import, rarely needed

        missing = np.count_nonzero(pd.isna(labels))
        if missing:
            raise ValueError(
                f"{missing} of the {len(labels)} labels are missing (None or NaN). Leave those "
                f"images out, or make a class of them."
            )
    return labels
