"""Judge the exercises of lesson 22, scaling out."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short


def averaged(
    function: Callable[[list[np.ndarray], list[int]], np.ndarray | None],
    parts: list[np.ndarray],
    whole: np.ndarray,
    rounding: float,
) -> bool | str | None:
    """Judge a function that averages the gradients of devices by their numbers of samples.

    Args:
        function: The student's function of gradients, a vector for each device, and counts.
        parts: The lesson's gradients of the first 96 and the last 32 samples, vectors.
        whole: The gradient of all 128 samples, a vector.
        rounding: The largest relative difference that rounding explains.
    """
    answer = function(parts, [96, 32])
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != whole.shape:
        return f"the shape is {answer.shape}, expected {whole.shape}."
    off = np.linalg.norm(answer - whole) / np.linalg.norm(whole)
    if off >= rounding:
        if np.allclose(answer, np.mean(parts, axis=0)):
            return "this is the plain mean, in which 32 samples count as much as 96."
        if np.allclose(answer, np.average(parts, axis=0, weights=[32, 96])):
            return "the weights are swapped: the part with fewer samples counts more."
        return "it is not the gradient of the batch."
    three = np.asarray(function([np.ones(2), 2 * np.ones(2), 4 * np.ones(2)], [1, 1, 2]))
    return bool(np.allclose(three, 2.75)) or "with three devices, it is something else."


def accumulated(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from (gradient_of, x, y, piece) to the mean gradient of all samples."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(10, 3)), random.normal(size=10)
    each = np.column_stack([x * y[:, None], y])  # (10, 4): longer than an image, on purpose
    sizes = []

    def gradient_of(part_x, part_y):
        if len(part_x) != len(part_y) or len(part_x) == 0:
            raise ValueError(f"a piece of {len(part_x)} images with {len(part_y)} labels")
        sizes.append(len(part_x))
        return np.mean(np.column_stack([part_x * part_y[:, None], part_y]), axis=0)  # (4,)

    answer = function(gradient_of, x.copy(), y.copy(), 4)
    if answer is None:
        return None
    answer, used = np.asarray(answer), list(sizes)
    if answer.shape != (4,):
        return f"it returns {short(answer)}; a vector like those of gradient_of was expected."
    if not used:
        return "it never asks for a gradient."
    if max(used) > 4:
        return f"it asked for the gradient of {max(used)} images at once; a piece has 4."
    parts = [np.mean(each[i : i + 4], axis=0) for i in (0, 4, 8)]
    mistakes = [
        ("the last piece has 2 images, not 4, and counts as much.", np.mean(parts, axis=0)),
        ("it is a sum; a mean was wanted.", np.sum(each, axis=0)),
        ("the pieces are added up, but not averaged.", np.sum(parts, axis=0)),
        ("the last, smaller piece is missing.", (parts[0] + parts[1]) / 2),
        ("the last, smaller piece is missing.", 0.4 * (parts[0] + parts[1])),
        ("only the last piece is left; add them up.", parts[2]),
        ("it divides by the number of pieces, not of images.", np.sum(each, axis=0) / 3),
    ]
    if not np.allclose(answer, np.mean(each, axis=0)):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    if used == [1] * 10:
        return "right, but one image at a time: pieces of `piece` images were wanted."
    again = function(gradient_of, x[:3], y[:3], 4)
    fits = again is not None and np.allclose(again, np.mean(each[:3], axis=0))
    return bool(fits) or "with fewer images than a piece has, it is something else."


def rule(function: Callable[..., Any]) -> bool | str | None:
    """Judge a learning rate as a function of (step, small, k, warm_up)."""
    steps = (0, 5, 10, 11, 40)
    first = function(0, 0.1, 8, 10)
    if first is None:
        return None
    answer = np.array([function(step, 0.1, 8, 10) for step in steps], "float64")
    if answer.shape != (5,):
        return f"for step 0 it returns {short(first)}; one number was expected."
    step = np.array(steps)
    share = np.minimum(step / 10, 1)
    mistakes = [
        ("that is the rule without warm-up.", 0.8 + 0 * step),
        ("it goes on rising after the warm-up.", 0.1 + 0.7 * step / 10),
        ("it starts from 0, not from the small rate.", 0.8 * share),
        ("it should end at k times the small rate.", 0.1 + 0.8 * share),
        ("it falls; it should rise.", 0.8 - 0.7 * share),
        ("it jumps; it should rise in a line.", np.where(step < 10, 0.1, 0.8)),
        ("k is missing.", 0.1 * share),
        ("the rule is linear: k times the rate, not its root.", 0.1 + (8**0.5 - 1) * 0.1 * share),
    ]
    if np.allclose(answer, 0.1 + 0.7 * share):
        return bool(np.isclose(function(3, 0.02, 4, 6), 0.05)) or "with other numbers it is wrong."
    known = named_mistake(answer, mistakes)
    return known or f"for steps {steps}, 0.1, 8 and 10 it returns {short(answer.tolist())}."


def model_size(answer: tuple[float, float]) -> bool | str:
    """Judge (billions of parameters in 16 GB, bytes a parameter with Adam's averages divided)."""
    billions, bytes_each = answer
    if abs(billions - 1e9) < 1e7:
        return "the first number is wanted in billions."
    if abs(billions - 4) < 0.01:
        return "4 bytes are for the weight alone; training needs more."
    if abs(bytes_each - 2) < 0.01:
        return "only Adam's averages are divided; weights and gradients are whole."
    if abs(bytes_each - 8.5) < 0.01:
        return "Adam keeps two averages for each parameter."
    return abs(billions - 1) < 0.01 and abs(bytes_each - 9) < 0.01


def loaders(answer: tuple[float, int]) -> bool | str:
    """Judge (times as fast with one prefetching thread, threads that keep the device busy)."""
    times_as_fast, threads = answer
    if abs(times_as_fast - 80 / 20) < 0.04:
        return "with one thread, the device still waits for each batch."
    return abs(times_as_fast - 80 / 60) < 0.04 and threads == 3


JUDGES = {
    "1": Judge(
        averaged,
        "Each gradient counts by its share of all samples. np.average has a parameter for weights.",
        is_function=True,
    ),
    "2": Judge(
        accumulated,
        "A mean times its number of images is a sum, and sums can be added.",
        is_function=True,
    ),
    "3": Judge(rule, "Which share of the warm-up is over? At most all of it.", is_function=True),
    "4": Judge(model_size, "What are the sixteen bytes, one by one?", numbers=2),
    "5": Judge(
        0.1 / (2 * 25.6e6 * 4 / 25e9), "C/n goes to 0 and (n − 1)/n to 1. What is left of T?", 0.01
    ),
    "8": Judge(
        loaders,
        "Without prefetching a batch costs the sum, with it the larger of the two.",
        numbers=2,
    ),
}
