"""Training, validation and test parts, and one-hot labels.

    train, validation, test = split_in_time(stream)                   # streams
    train, validation, test = stratified_split(labels)                # images, by index
    (x_train, y_train), (x_validation, y_validation), (x_test, y_test) = split_images(x, y)

Lecture items L3.14 and L4.16.
"""

from __future__ import annotations

import numbers

import numpy as np

from utils.common.arguments import as_array, as_integer, as_stream


def split_in_time(
    stream, validation: float = 0.15, test: float = 0.15, gap: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split a stream into training, validation and test part, in this order of time.

    Split first, cut windows afterwards. Windows that overlap share samples, so that if they
    were cut first and then dealt out at random, nearly every test window would lie among the
    training windows, with its target inside one of them: the test result would measure memory,
    not prediction. That is leakage. Windows that are cut from the parts never straddle two of
    them. Whatever else is learnt from data, such as a mean and a standard deviation to
    normalise with, comes from the training part alone for the same reason.

    Later parts are test parts, since a forecast is used on a future that the training has not
    seen. For cross-validation in time order, with a training part that grows, see
    `sklearn.model_selection.TimeSeriesSplit`.

    Args:
        stream: array of shape (samples,) or (samples, streams), in time order.
        validation, test: fractions of the samples, each 0 or more and less than 1, less than
            1 in sum. A fraction of 0 makes that part empty.
        gap: samples to leave out between two parts, for streams whose neighbouring samples
            are nearly the same. The fractions refer to the samples that remain.

    Returns:
        (train, validation, test): views of the stream, nothing is copied.

    Raises:
        TypeError: the stream is no array, a fraction no number, or the gap no integer.
        ValueError: fractions that do not fit, a negative gap, or a part that would be empty
            though its fraction is not 0.

    Example:
        >>> train, validation, test = split_in_time(np.arange(10), 0.2, 0.2)
        >>> train.tolist(), validation.tolist(), test.tolist()
        ([0, 1, 2, 3, 4, 5], [6, 7], [8, 9])

    Source: lecture item L3.14.
    """
    stream = as_array("The stream", stream)
    as_stream(stream)  # for its checks; one axis stays one axis here
    gap = as_integer("gap", gap, minimum=0)
    _check_fractions(validation, test)
    gap_validation = gap if validation else 0
    gap_test = gap if test else 0
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
    labels, validation: float = 0.15, test: float = 0.15, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Deal out images to training, validation and test part, with all classes in proportion.

    For images and other samples that do not depend on each other. For a stream, use
    `split_in_time`.

    Args:
        labels: one class per image, as numbers or names, of shape (n,) or (n, 1).
        validation, test: fractions of the images, each 0 or more and less than 1, less than
            1 in sum. A fraction of 0 makes that part empty.
        seed: which of the possible splits. The same seed gives the same split.

    Returns:
        (train, validation, test): arrays of indices in random order, which have no index in
        common and together hold every index once. Use as `images[train]`.

    Raises:
        TypeError: the labels are no array, a fraction no number, or the seed no integer.
        ValueError: fractions that do not fit, one-hot labels, labels that are missing (None,
            NaN), or a class with too few images to be in every part.

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
    _check_fractions(validation, test)
    n_train, n_validation, n_test = _part_sizes(len(labels), validation, test, "images")
    classes, class_numbers = np.unique(labels, return_inverse=True)
    rest = np.random.default_rng(seed).permutation(len(labels))
    parts = []
    for size in (n_test, n_validation):
        part = rest[:0]
        if size:
            counts = np.bincount(class_numbers[rest], minlength=len(classes))
            if counts.min() < 2 or min(size, len(rest) - size) < len(classes):
                raise _too_few(labels, n_train, n_validation, n_test)
            rest, part = train_test_split(
                rest,
                test_size=size,
                stratify=class_numbers[rest],
                random_state=seed % 2**32,  # it takes no larger ones
            )
        parts.append(part)
    for part in (rest, *parts):
        if len(part) and len(np.unique(class_numbers[part])) < len(classes):
            raise _too_few(labels, n_train, n_validation, n_test)
    test_part, validation_part = parts
    return rest, validation_part, test_part


def split_images(images, labels, validation: float = 0.15, test: float = 0.15, seed: int = 0):
    """Split images and their labels with `stratified_split`.

    The parts are copies, so that images and parts are in memory at the same time. Where that
    is too much, take the indices of `stratified_split` and read the images part by part.

    Args:
        images: array of shape (n, …), or a list, for instance of file names.
        labels: one class per image, as for `stratified_split`.
        validation, test, seed: as for `stratified_split`.

    Returns:
        (x_train, y_train), (x_validation, y_validation), (x_test, y_test).

    Raises:
        TypeError, ValueError: as `stratified_split`, and if there are not as many images as
            labels.

    Source: lecture item L4.16.
    """
    images = as_array("What was given as images", images)
    labels = as_array("What was given as labels", labels)
    n_images, n_labels = (len(a) if a.ndim else 0 for a in (images, labels))
    if n_images != n_labels:
        raise ValueError(
            f"images and labels must be of the same length, but there are {n_images} images "
            f"(shape {images.shape}) and {n_labels} labels (shape {labels.shape}). Check that "
            f"both come from the same part of the data."
        )
    parts = stratified_split(labels, validation, test, seed)
    return tuple((images[part], labels[part]) for part in parts)


def _part_sizes(n, validation, test, what):
    n_validation, n_test = round(n * validation), round(n * test)
    n_train = n - n_validation - n_test
    for name, fraction, size in (
        ("training", 1 - validation - test, n_train),
        ("validation", validation, n_validation),
        ("test", test, n_test),
    ):
        if size < 1 and (fraction > 0 or name == "training"):
            raise ValueError(
                f"The {name} part would be empty: the fraction {fraction:.3g} of {n} {what} "
                f"is less than one. Use other fractions or more {what}."
            )
    return n_train, n_validation, n_test


def _check_fractions(validation, test):
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


def _too_few(labels, n_train, n_validation, n_test):
    classes, counts = np.unique(labels, return_counts=True)
    rarest = np.argmin(counts)
    return ValueError(
        f"Not every one of the {len(classes)} classes can be in each part (training "
        f"{n_train}, validation {n_validation}, test {n_test}): class "
        f"{classes.tolist()[rarest]!r} has only {counts[rarest]} of the {len(labels)} images. "
        f"Add images of it, leave the class out, or use larger fractions."
    )


def one_hot(labels, classes: int | None = None) -> np.ndarray:
    """Turn class numbers into one-hot rows.

    Args:
        labels: integers 0 … classes − 1 (or booleans), of shape (n,) or (n, 1).
        classes: number of classes. By default the largest label + 1, which is too few if the
            last class happens not to occur: give it for the parts of a split.

    Returns:
        float32 array of shape (n, classes), with a single 1 in every row.

    Raises:
        TypeError: labels that are no integers.
        ValueError: a label below 0 or not below `classes`, or labels of another shape.

    Example:
        >>> one_hot([2, 0], classes=3).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    labels = _as_labels(labels)
    if labels.dtype.kind not in "biu":
        raise TypeError(
            f"labels must be integers, but are {labels.dtype}. Use labels.astype(int) if they "
            f"are whole numbers, or np.unique(labels, return_inverse=True) if they are names."
        )
    labels = labels.astype(np.intp)
    classes = int(labels.max()) + 1 if classes is None else as_integer("classes", classes)
    for position in np.flatnonzero((labels < 0) | (labels >= classes))[:1]:
        raise ValueError(
            f"labels must be 0 to {classes - 1} for {classes} classes, but labels[{position}] is "
            f"{labels[position]}. Count the classes from 0, or give another number of classes."
        )
    rows = np.zeros((len(labels), classes), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def _as_labels(labels) -> np.ndarray:
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
