"""Judge the exercises of lesson 01, dense and convolutional networks on MNIST."""

from collections.abc import Callable

import numpy as np

from utils.exercises import Judge, short


def loss_of_one(cross_entropy: Callable[[np.ndarray, int], float | None]) -> bool | str | None:
    """Judge a function that returns the cross-entropy, −ln p of the true class.

    Args:
        cross_entropy: The student's function of ten probabilities and a label.
    """
    p = np.array([0.02, 0.03, 0.05, 0.6, 0.01, 0.09, 0.04, 0.06, 0.07, 0.03])
    answers = [cross_entropy(p.copy(), label) for label in range(10)]
    if any(answer is None for answer in answers):
        return None
    given = np.array([float(answer) for answer in answers])
    known = {
        "the sign is wrong: a loss is never negative.": np.log(p),
        "that is the logarithm to the base 10; ln is np.log.": -np.log10(p),
        "that is the logarithm to the base 2; ln is np.log.": -np.log2(p),
        "that is the squared error.": (1 - p) ** 2,
        "only the true class counts; do not sum over all.": np.full(10, -np.log(p).sum()),
        "that is p · ln p, the entropy's formula; here the true class counts whole.": -p
        * np.log(p),
    }
    for words, values in known.items():
        if np.allclose(given, values):
            return words
    expected = -np.log(p)
    if np.allclose(given, expected):
        return True
    return f"for p = 0.6 it gives {short(float(given[3]))}, expected {expected[3]:.3f}."


def pooled(max_pool: Callable[[np.ndarray], np.ndarray | None]) -> bool | str | None:
    """Judge max pooling over squares of 2 × 2 that do not overlap.

    Args:
        max_pool: The student's function of values (rows, columns).
    """
    values = np.random.default_rng(0).permutation(48).reshape(6, 8) - 20.0
    given = max_pool(values.copy())
    if given is None:
        return None
    given = np.asarray(given)
    if given.shape == (5, 7):
        return "the squares overlap: they should move by two, not by one."
    if given.shape != (3, 4):
        return f"the shape is {given.shape}, expected (3, 4) for a map of 6 × 8."
    squares = values.reshape(3, 2, 4, 2)
    known = {
        "that is the mean, so it is average pooling.": squares.mean(axis=(1, 3)),
        "that is the smallest value.": squares.min(axis=(1, 3)),
        "that is always the value at the top left.": values[::2, ::2],
        "negative values should not become 0; that is ReLU's job.": np.maximum(
            squares.max(axis=(1, 3)), 0
        ),
    }
    for words, wrong in known.items():
        if np.allclose(given, wrong):
            return words
    return bool(np.allclose(given, squares.max(axis=(1, 3))))


def moved_right(shift_right: Callable[[np.ndarray, int], np.ndarray | None]) -> bool | str | None:
    """Judge a function that moves images to the right and fills up with 0.

    Args:
        shift_right: The student's function of images (samples, 28, 28, 1) and a number of pixels.
    """
    images = np.random.default_rng(0).integers(1, 256, (2, 28, 28, 1)).astype(np.uint8)
    original = images.copy()
    for pixels in (3, 1):
        moved = shift_right(images, pixels)
        if moved is None:
            return None
        moved = np.asarray(moved)
        if moved.shape != images.shape:
            return f"the shape is {moved.shape}, expected {images.shape}."
        if not np.array_equal(images, original):
            return "your function changes the images that it is given; make a new array."
        if np.array_equal(moved, images):
            return "nothing has moved."
        expected = np.zeros_like(images)
        expected[:, :, pixels:] = images[:, :, :-pixels]
        for words, wrong in _other_moves(images, pixels):
            if np.array_equal(moved, wrong):
                return words
        if not np.array_equal(moved, expected):
            return f"moved by {pixels} pixels, some of them are not where they should be."
    return True


def _other_moves(images, pixels):
    """Yield the usual mistakes, in words and as images."""
    yield "what leaves on the right comes back on the left.", np.roll(images, pixels, axis=2)
    left, down = np.zeros_like(images), np.zeros_like(images)
    left[:, :, :-pixels] = images[:, :, pixels:]
    down[:, pixels:] = images[:, :-pixels]
    yield "that is to the left.", left
    yield "that is down: axis 1 are the rows, axis 2 the columns.", down


def parameters(count: float) -> bool | str:
    """Judge the number of parameters of two convolutions, 48 and then 96 filters of 3 × 3."""
    known = {
        9 * 48 + 9 * 48 * 96: "the biases are missing.",
        10 * 48 + 10 * 96: "a filter of the second layer looks at all 48 maps.",
        (9 * 48 + 1) * 96: "that is the second layer alone.",
    }
    return known.get(int(count), count == 10 * 48 + (9 * 48 + 1) * 96)


def random_moves(
    randomly_moved: Callable[[np.ndarray, np.random.Generator], np.ndarray | None],
) -> bool | str | None:
    """Judge a function that moves each image by −4 to 4 pixels, right and down, independently.

    Args:
        randomly_moved: The student's function of images (samples, 28, 28, 1), uint8, and a
            generator.
    """
    block = np.zeros((28, 28, 1), dtype=np.uint8)
    block[10:18, 11:15] = 200  # far from every edge
    block[10, 11] = 255  # its corner, to see how far it was moved
    probes = np.repeat(block[None], 400, axis=0)  # Shape: (400, 28, 28, 1)
    moved = randomly_moved(probes, np.random.default_rng(0))
    if moved is None:
        return None
    moved = np.asarray(moved)
    if moved.shape != probes.shape or moved.dtype != probes.dtype:
        return f"it is {moved.shape} {moved.dtype}, expected {probes.shape} uint8."
    moves = set()
    for image in moved:
        row, column, _ = np.unravel_index(image.argmax(), image.shape)
        right, down = int(column) - 11, int(row) - 10
        if not np.array_equal(image, np.roll(block, (down, right), axis=(0, 1))):
            return "an image is not just a moved copy."
        moves.add((right, down))
    if len(moves) == 1:
        return "every image is moved by the same step."
    if {right for right, _ in moves} != set(range(-4, 5)):
        return "to the right and left, shifts from −4 to 4 were expected."
    if {down for _, down in moves} != set(range(-4, 5)):
        return "up and down, shifts from −4 to 4 were expected."
    return len(moves) > 40 or "right and down should be drawn independently for every image."


JUDGES = {
    "1": Judge(
        loss_of_one, "Pick the probability of the true class; then the formula is one call."
    ),
    "2": Judge(pooled, "values[0::2, 0::2] is the top left value of every square."),
    "3": Judge(moved_right, "Start from zeros, and copy the part of the pictures that stays in."),
    "4": Judge(
        parameters,
        "A filter has height · width · (channels of its input) weights, and a bias.",
        numbers=1,
    ),
    "5": Judge(
        "dense", "Which of the two knows, before it is trained, which pixels are neighbours?"
    ),
    "6": Judge(random_moves, "random.integers(-4, 5) gives one of −4 … 4."),
}
