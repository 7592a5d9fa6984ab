"""Judge the exercises of lesson 01, dense and convolutional networks on MNIST."""

from collections.abc import Callable

import numpy as np

from utils.exercises import Judge


def random_moves(
    randomly_moved: Callable[[np.ndarray, np.random.Generator], np.ndarray | None],
) -> bool | str | None:
    """Judge a function that moves each image by −4 to 4 pixels, right and down, independently.

    Args:
        randomly_moved: The student's function of images (samples, 28, 28), uint8, and a generator.
    """
    block = np.zeros((28, 28), dtype=np.uint8)
    block[10:18, 11:15] = 200  # far from every edge
    block[10, 11] = 255  # its corner, to see how far it was moved
    probes = np.repeat(block[None], 400, axis=0)  # Shape: (400, 28, 28)
    moved = randomly_moved(probes, np.random.default_rng(0))
    if moved is None:
        return None
    moved = np.asarray(moved)
    if moved.shape != probes.shape or moved.dtype != probes.dtype:
        return f"it is {moved.shape} {moved.dtype}, expected {probes.shape} uint8."
    moves = set()
    for image in moved:
        row, column = np.unravel_index(image.argmax(), image.shape)
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
        5 * 5 * 1 * 32 + 3 * 3 * 32 * 64,
        "A filter has height · width · (channels of its input) weights; then count the filters.",
    ),
    "2": Judge(
        "dense", "Which of the two knows, before it is trained, which pixels are neighbours?"
    ),
    "3": Judge(random_moves, "random.integers(-4, 5) gives one of −4 … 4."),
}
