"""Judge the exercises of lesson 22, scaling out."""

import weakref
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
    given = [part.copy() for part in parts]  # else one that works in place changes the lesson's
    answer = function(given, [96, 32])
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
        ratio = np.linalg.norm(answer) / np.linalg.norm(whole)
        if np.allclose(answer, ratio * whole, rtol=1e-4, atol=1e-6):
            return f"it is {ratio:.3g} times as long as it should be: divide by all the samples."
        return "it is not the gradient of the batch."
    if not all(np.array_equal(part, own) for part, own in zip(given, parts, strict=True)):
        return "it is right, but it changes the gradients that it was given."
    three = np.asarray(function([np.ones(2), 2 * np.ones(2), 4 * np.ones(2)], [1, 1, 2]))
    if np.allclose(three, 2.75):
        return True
    return "with three devices and other counts it is wrong: use `counts`, whatever they are."


def accumulated(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from (gradient_of, x, y, piece) to the mean gradient of all samples."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(10, 3)), random.normal(size=10)
    each = np.column_stack([x * y[:, None], y])  # (10, 4): longer than an image, on purpose
    sizes, made, held = [], [], []

    def gradient_of(part_x, part_y):
        if len(part_x) != len(part_y) or len(part_x) == 0:
            raise ValueError(f"a piece of {len(part_x)} images with {len(part_y)} labels")
        sizes.append(len(part_x))
        held.append(sum(reference() is not None for reference in made))
        gradient = np.mean(np.column_stack([part_x * part_y[:, None], part_y]), axis=0)  # (4,)
        made.append(weakref.ref(gradient))
        return gradient

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
    if not np.allclose(answer, np.mean(each, axis=0)):
        return _wrong_sum(answer, *parts) or f"it returns {short(answer)}."
    if used == [1] * 10:
        return "right, but one image at a time: pieces of `piece` images were wanted."
    again = function(gradient_of, x[:3], y[:3], 4)
    if function(gradient_of, x.copy(), y.copy(), 1) is not None and held[-1] > 3:
        return "right, but it keeps the gradients of all pieces; one running sum was wanted."
    fits = again is not None and np.allclose(again, np.mean(each[:3], axis=0))
    return bool(fits) or "with fewer images than a piece has, it is something else."


def _wrong_sum(answer, first, second, last):
    """Name the mistake in a mean of pieces of 4, 4 and 2 images, or return an empty text."""
    total, sums = first + second + last, 4 * first + 4 * second + 2 * last
    mistakes = [
        ("the last piece has 2 images, not 4, and counts as much.", total / 3),
        ("the last piece has 2 images, not 4, and counts as much.", 0.4 * total),
        ("it is a sum; a mean was wanted.", sums),
        ("the pieces are added up, but not averaged.", total),
        ("means were added up, and divided by the number of images.", total / 10),
        ("the last, smaller piece is missing.", (first + second) / 2),
        ("the last, smaller piece is missing.", 0.4 * (first + second)),
        ("only the first piece is there; does it return inside the loop?", 0.4 * first),
        ("only the first piece is there; does it return inside the loop?", first),
        ("only the last piece is left; add them up.", last),
        ("only the last piece is left; add them up.", 0.2 * last),
        ("it divides by the number of pieces, not of images.", sums / 3),
        ("10 images make three pieces; 10 // 4 is 2.", total / 2),
        ("halving after each piece lets the last count most.", first / 8 + second / 4 + last / 2),
    ]
    return named_mistake(answer, mistakes)


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
        ("k is missing.", 0.1 + 0 * step),
        ("it ends at small + k; k times the small rate was wanted.", 0.1 + 8 * share),
        (
            "it arrives too soon: it has to climb by (k − 1) · small.",
            np.minimum(0.1 + 0.08 * step, 0.8),
        ),
        (
            "it climbs by `small` at every step, however long the warm-up.",
            np.minimum(0.1 + 0.1 * step, 0.8),
        ),
        ("the line starts from 0, not from the small rate.", np.maximum(0.1, 0.8 * share)),
        ("it rises along a curve; a straight line was wanted.", 0.1 * 8.0**share),
        ("after the warm-up it falls back.", np.where(step < 10, 0.1 + 0.07 * step, 0.1)),
        ("max takes the larger of the two.", 0.1 + 0.7 * np.maximum(step / 10, 1)),
        ("the rule is linear: k times the rate, not its root.", 0.1 + (8**0.5 - 1) * 0.1 * share),
    ]
    if np.allclose(answer, 0.1 + 0.7 * share):
        return bool(np.isclose(function(3, 0.02, 4, 6), 0.05)) or "with other numbers it is wrong."
    if np.isnan(answer).any():
        return f"at step {steps[np.isnan(answer).argmax()]} it returns nothing (warm_up is 10)."
    known = named_mistake(answer, mistakes)
    rounded = short(answer.round(4).tolist())
    return known or f"for steps {steps}, small 0.1, k 8 and warm_up 10 it returns {rounded}."


def model_size(answer: tuple[float, float]) -> bool | str:
    """Judge (billions of parameters in 16 GB, bytes a parameter with Adam's averages divided)."""
    billions, bytes_each = answer
    if abs(billions - 1e9) < 1e7:
        return "the first number is wanted in billions."
    if abs(billions - 4) < 0.01:
        return "4 bytes are for the weight alone; training needs more."
    if abs(billions - 16 / 12) < 0.01:
        return "that is 12 bytes a parameter; one of the four numbers is missing."
    if abs(bytes_each - 16) < 0.01:
        return "that is one device alone; an eighth of Adam's averages is on each of the 8."
    if abs(bytes_each - 2) < 0.01:
        return "only Adam's averages are divided; weights and gradients are whole."
    if abs(bytes_each - 8.5) < 0.01:
        return "Adam keeps two averages for each parameter."
    return abs(billions - 1) < 0.01 and abs(bytes_each - 9) < 0.01


def limit(answer: float) -> bool | str:
    """Judge how many times as fast as one device any number of devices can be."""
    mistakes = [
        ("without end, not with 64 devices.", (10.4,)),
        ("that is a time; how many times as fast was asked.", (8.192, 0.008192)),
        ("each device sends nearly two gradients.", (0.1 / (25.6e6 * 4 / 25e9),)),
        ("a parameter has four bytes.", (0.1 / (2 * 25.6e6 / 25e9), 0.1 / (25.6e6 / 25e9))),
    ]
    for words, values in mistakes:
        if any(abs(answer - value) < 0.006 * value for value in values):
            return words
    return abs(answer - 0.1 / (2 * 25.6e6 * 4 / 25e9)) < 0.06


def loaders(answer: tuple[float, int]) -> bool | str:
    """Judge (times as fast with one prefetching thread, threads that keep the device busy)."""
    times_as_fast, threads = answer
    if abs(times_as_fast - 80 / 20) < 0.04:
        return "with one thread, the device still waits for each batch."
    if abs(times_as_fast - 60 / 20) < 0.04:
        return "compare what a batch costs before and after, not loading with computing."
    if abs(times_as_fast - 80 / 60) < 0.04 and threads > 3:
        return "fewer threads keep it busy, too."
    if abs(times_as_fast - 80 / 60) < 0.04 and threads < 3:
        return f"with threads = {threads:g} a batch comes every {60 / max(threads, 1):.0f} ms."
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
    "5": Judge(limit, "C/n goes to 0 and (n − 1)/n to 1. What is left of T?", numbers=1),
    "8": Judge(
        loaders,
        "Without prefetching a batch costs the sum, with it the larger of the two.",
        numbers=2,
    ),
}
