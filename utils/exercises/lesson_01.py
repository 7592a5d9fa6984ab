"""Judge the exercises of lesson 01, dense and convolutional networks on MNIST."""

import itertools
from collections.abc import Callable

import numpy as np

from utils.exercises import Judge, named_mistake, short


def loss_of_one(cross_entropy: Callable[[np.ndarray, int], float | None]) -> bool | str | None:
    """Judge a function that returns the cross-entropy, −ln p of the true class.

    Args:
        cross_entropy: The student's function of ten probabilities and a label.
    """
    p = np.array([0.02, 0.03, 0.05, 0.6, 0.01, 0.09, 0.04, 0.06, 0.07, 0.03])
    answers = [cross_entropy(p.copy(), label) for label in range(10)]
    if any(answer is None for answer in answers):
        return None
    sizes = {np.size(answer) for answer in answers}
    if sizes == {10}:
        return "that is one number for every class; return only the true one's, a single number."
    if sizes != {1}:
        return f"a single number was expected; for one picture it returns {short(answers[0])}."
    given = np.array([float(np.asarray(answer).item()) for answer in answers])
    known = {
        "the sign is wrong: a loss is never negative.": np.log(p),
        "that is the logarithm to the base 10; ln is np.log.": -np.log10(p),
        "that is the logarithm to the base 2; ln is np.log.": -np.log2(p),
        "that is the squared error.": (1 - p) ** 2,
        "only the true class counts; do not sum over all.": np.full(10, -np.log(p).sum()),
        "that is the entropy of all ten; only the true class counts.": -(p * np.log(p)).sum(),
        "that is p · ln p, the entropy's formula; here the true class counts whole.": -p
        * np.log(p),
        "you took the largest probability, not the true class's.": np.full(10, -np.log(p.max())),
        "that is −ln (1 − p), the loss of what is false.": -np.log(1 - p),
    }
    if words := named_mistake(given, known.items()):
        return words
    expected = -np.log(p)
    wrong = np.flatnonzero(~np.isclose(given, expected, rtol=1e-5))
    if not len(wrong):
        return True
    first = wrong[0]
    return f"for p = {p[first]} it gives {given[first]:.3f}, expected {expected[first]:.3f}."


def pooled(max_pool: Callable[[np.ndarray], np.ndarray | None]) -> bool | str | None:
    """Judge max pooling over squares of 2 × 2 that do not overlap.

    Args:
        max_pool: The student's function of values (rows, columns).
    """
    values = np.random.default_rng(0).permutation(48).reshape(6, 8) - 20.0
    try:
        given = max_pool(values.copy())
    except (ValueError, IndexError):
        if np.shape(max_pool(np.ones((26, 26)))) != (13, 13):
            raise
        return "it fits maps of 26 × 26 only; take the sizes from values.shape (here 6 × 8)."
    if given is None:
        return None
    given = np.asarray(given)
    if given.shape == (5, 7):
        return "the squares overlap: they should move by two, not by one."
    if given.shape != (3, 4):
        return f"the shape is {given.shape}, expected (3, 4) for a map of 6 × 8."
    expected = values.reshape(3, 2, 4, 2).max(axis=(1, 3))
    if words := named_mistake(given, _other_pools(values)):
        return words
    if np.allclose(given, expected):
        return True
    i, j = np.argwhere(~np.isclose(given, expected))[0]
    square = values[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].astype(int).tolist()
    return f"of the square {square} you give {given[i, j]:g}, its largest is {expected[i, j]:g}."


def _other_pools(values):
    """Yield the usual mistakes, in words and as maps."""
    squares = values.reshape(3, 2, 4, 2)
    yield "that is the mean, so it is average pooling.", squares.mean(axis=(1, 3))
    yield "that is the smallest value.", squares.min(axis=(1, 3))
    yield "that is always the value at the top left.", values[::2, ::2]
    relu = np.maximum(squares.max(axis=(1, 3)), 0)
    yield "negative values should not become 0; that is ReLU's job.", relu
    sliding = np.lib.stride_tricks.sliding_window_view(values, (2, 2)).max(axis=(2, 3))
    overlap = "the squares overlap: the one of row i, column j begins at (2 · i, 2 · j)."
    yield overlap, sliding[:3, :4]
    mixed = "those four are no square; the axes are (rows / 2, 2, columns / 2, 2)."
    yield mixed, values.reshape(3, 4, 2, 2).max(axis=(2, 3))
    corners = [values[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    for first, second in itertools.combinations(corners, 2):
        yield "that looks at two of the four values.", np.maximum(first, second)


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
        rest, old = moved[:, :, pixels:], moved[:, :, :pixels]
        if np.array_equal(rest, expected[:, :, pixels:]):
            if np.array_equal(old, images[:, :, :pixels]):
                return "the old ink is still there on the left; put paper (0) in its place."
            if old.any():
                return "on the left, paper (0) should come in."
        if not np.array_equal(moved, expected):
            return f"moved by {pixels} pixels, some of them are not where they should be."
    return True


def _other_moves(images, pixels):
    """Yield the usual mistakes, in words and as images."""
    yield "what leaves on the right comes back on the left.", np.roll(images, pixels, axis=2)
    yield "without an axis, np.roll runs through all values in one row.", np.roll(images, pixels)
    left, down, up = (np.zeros_like(images) for _ in range(3))
    left[:, :, :-pixels] = images[:, :, pixels:]
    down[:, pixels:] = images[:, :-pixels]
    up[:, :-pixels] = images[:, pixels:]
    yield "that is to the left.", left
    yield "that is down: axis 1 are the rows, axis 2 the columns.", down
    yield "that is up: axis 1 are the rows, axis 2 the columns.", up
    turned = "that is down, and comes back at the top: axis 1 are the rows, axis 2 the columns."
    yield turned, np.roll(images, pixels, axis=1)
    empty = "only paper is left: axis 2 are the columns (axis 0 the images, axis 3 the channels)."
    yield empty, np.zeros_like(images)


def parameters(count: float) -> bool | str:
    """Judge the number of parameters of two convolutions, 48 and then 96 filters of 3 × 3."""
    known = {
        9 * 48 + 9 * 48 * 96: "the biases are missing.",
        10 * 48 + 10 * 96: "a filter of the second layer looks at all 48 maps.",
        (9 * 48 + 1) * 96: "that is the second layer alone.",
        9 * 48 * 96: "that is the second layer alone, and its biases are missing.",
        10 * 48: "that is the first layer alone.",
        10 * 48 + (9 * 96 + 1) * 48: "in the second layer there are 96 filters over 48 maps, not "
        "48 over 96.",
    }
    return known.get(float(count), float(count) == 10 * 48 + (9 * 48 + 1) * 96)


def survivor(answer: str) -> bool | str:
    """Judge which kind of network learns shuffled pixels about as well as before."""
    known = {
        "cnn": "its filters look at neighbours; what are neighbours worth now?",
        "both": "both learn something, but one of them now does clearly worse than before.",
        "none": "the permutation is fixed: every pixel still means the same in every picture.",
    }
    if not isinstance(answer, str):
        return f"you have {short(answer)}; a word in quotation marks was expected."
    word = answer.strip().casefold()
    return known.get(word, word == "dense")


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
    if len(moves) <= 40:
        return "right and down should be drawn independently for every image."
    edge = np.zeros((40, 28, 28, 1), dtype=np.uint8)
    edge[:, 12:16, 25:] = 200  # moved to the left it stays whole, to the right it leaves
    moved = np.asarray(randomly_moved(edge, np.random.default_rng(0)))
    if moved[:, :, :14].any():
        return "what leaves on the right comes back on the left."
    return True


JUDGES = {
    "1": Judge(
        loss_of_one,
        "Pick the probability of the true class; then the formula is one call.",
        is_function=True,
    ),
    "2": Judge(
        pooled, "values[0::2, 0::2] is the top left value of every square.", is_function=True
    ),
    "3": Judge(
        moved_right,
        "Start from zeros, and copy the part of the pictures that stays in.",
        is_function=True,
    ),
    "4": Judge(
        parameters,
        "A filter has height · width · (channels of its input) weights, and a bias.",
        numbers=1,
    ),
    "5": Judge(
        survivor, "Which of the two knows, before it is trained, which pixels are neighbours?"
    ),
    "6": Judge(random_moves, "random.integers(-4, 5) gives one of −4 … 4.", is_function=True),
}
