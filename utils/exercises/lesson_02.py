"""Judge the exercises of lesson 02, convolution arithmetic."""

from collections.abc import Callable, Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

from utils.exercises import Judge, short

# What a student has who made one particular mistake, and which.
_FIRST_NUMBERS = {
    7: "that is y[0, 0] (and y[1, 0]); the row is 0, the column 1.",
    8: "the filter was turned round; nobody does that here.",
    19: "the weight in the middle is −1.",
}


def first_number(answer: float) -> bool | str:
    """Judge the number that the filter gives one step to the right of the corner."""
    return answer == 11 or _FIRST_NUMBERS.get(answer, False)


def sizes(answer: tuple[float, float, float]) -> bool | str:
    """Judge three sizes of outputs: a stride, a dilation, and both layers."""
    a, b, c = answer
    if a != int(a):
        return "a size is a whole number: round down."
    if (a, b, c) == (32, 56, 24):
        return True
    if a == 33:
        return "(a) is rounded up."
    if b == 62:
        return "(b) forgets the dilation."
    if (a, b) == (32, 56):
        return "(a) and (b) are right; (c) has the output of (a) as its input."
    return False


def one_place(place: Callable[..., np.ndarray | None]) -> bool | str | None:
    """Judge what all filters of a layer answer at one place.

    Args:
        place: The student's function of x (height, width, channels), the kernel (k, k, channels,
            filters), i, j, stride and dilation; it returns (filters,).
    """
    random = np.random.default_rng(0)
    x = random.integers(-9, 10, (11, 12, 2)).astype("float64")
    kernel = random.integers(-3, 4, (3, 3, 2, 4)).astype("float64")

    def right(i, j, stride=1, dilation=1):
        span = np.arange(3) * dilation
        window = x[i * stride + span][:, j * stride + span]
        return np.tensordot(window, kernel, axes=3)

    def fits(i, j, stride, dilation, *expected):
        return np.allclose(place(x, kernel, i, j, stride, dilation), right(*expected))

    answer = place(x, kernel, 1, 2, 1, 1)
    if answer is None:
        return None
    if np.shape(answer) != (4,):
        return f"the shape is {np.shape(answer)}, expected (4,): one number for each filter."
    wrong = [
        (fits(1, 2, 1, 1, 0, 0), "the window does not move; it lies at (i, j)."),
        (fits(1, 2, 1, 1, 2, 1), "rows and columns are exchanged: i counts rows."),
        (not fits(1, 2, 1, 1, 1, 2), f"at (1, 2) it returns {short(answer)}."),
        (fits(1, 2, 2, 1, 1, 2), "the stride has no effect yet."),
        (not fits(1, 2, 2, 1, 1, 2, 2), "with stride 2 it is not what the layer computes."),
        (not fits(1, 2, 1, 2, 1, 2, 1, 2), "with dilation 2 it is not what the layer computes."),
    ]
    return next((sentence for is_so, sentence in wrong if is_so), True)


def move_right(answer: ArrayLike) -> bool | str:
    """Judge nine weights that move a picture by one pixel to the right."""
    weights = np.asarray(answer, dtype=float)
    if weights.shape != (3, 3):
        return f"the shape is {weights.shape}, expected (3, 3)."
    ones = np.argwhere(weights != 0).tolist()
    if len(ones) != 1 or weights.sum() != 1:
        return "a copy of one pixel needs a single 1 and eight zeros."
    directions = {
        (1, 0): True,
        (1, 2): "that is one pixel to the left.",
        (0, 1): "that is one pixel down.",
        (2, 1): "that is one pixel up.",
        (1, 1): "that moves nothing.",
    }
    return directions.get(tuple(ones[0]), "that moves it along a diagonal.")


def receptive_field(
    field_of: Callable[[Sequence[tuple[int, int, int]]], int | None],
) -> bool | str | None:
    """Judge a function of [(kernel_size, stride, dilation), …] by the fields of four stacks."""
    answer = field_of([(3, 1, 1)])
    if answer is None:
        return None
    if np.ndim(answer):
        return f"one number was expected; it returns {short(answer)}."
    cases = [
        ([(3, 1, 1)], 3, {2: "it begins with 0; a pixel sees itself."}),
        ([(3, 1, 1)] * 2, 5, {6: "the fields of neighbours overlap.", 9: "they do not multiply."}),
        ([(3, 1, 1), (3, 1, 4)], 11, {5: "the dilation has no effect yet."}),
        (
            [(3, 2, 1), (3, 1, 1)],
            7,
            {
                5: "the stride has no effect yet.",
                9: "a stride counts for the layers above it only.",
            },
        ),
        ([(5, 2, 1), (3, 2, 2), (3, 1, 1)], 21, {}),
    ]
    for layers, expected, mistakes in cases:
        answer = field_of(layers)
        if answer != expected:
            return mistakes.get(answer, f"for {layers} it returns {short(answer)}.")
    return True


def layer_to_43(answer: tuple[int, int, int, int]) -> bool | str:
    """Judge (kernel_size, stride, padding, dilation) of a layer from 128 to 43 numbers a side."""
    for name, value in zip(("kernel size", "stride", "padding", "dilation"), answer, strict=True):
        least = 0 if name == "padding" else 1
        if not isinstance(value, Integral) or value < least:
            return f"{name} is {value}; it must be a whole number, at least {least}."
    kernel_size, stride, padding, dilation = answer
    if stride > 1 and dilation > 1:
        return "Conv2D refuses a stride and a dilation above 1 together."
    covered = dilation * (kernel_size - 1) + 1
    if covered > 128 + 2 * padding:
        return f"the filter covers {covered} cells, more than there are."
    size = (128 + 2 * padding - covered) // stride + 1
    return (
        size == 43 and kernel_size >= 3
    ) or f"kernel size {kernel_size}, output {size} × {size}."


def field_without_holes(
    answer: tuple[int, int, int], what_it_sees: Callable[[list, int], np.ndarray]
) -> bool | str:
    """Judge three dilations by the pixels that one unit sees, measured by the gradient.

    Args:
        answer: The dilations of three layers of 3 × 3 filters.
        what_it_sees: The lesson's function of [(kernel_size, stride, dilation), …] and a side in
            pixels; it returns how strongly each pixel is seen, (side, side).
    """
    dilations = np.asarray(answer)
    if dilations.dtype.kind != "i" or dilations.ndim != 1 or np.min(dilations, initial=1) < 1:
        return "three whole numbers from 1 on were expected."
    seen = what_it_sees([(3, 1, dilation) for dilation in dilations.tolist()], 41) > 0.5
    side = max((np.ptp(places) + 1 for places in np.nonzero(seen) if len(places)), default=0)
    if len(dilations) != 3 or side != 27:
        return f"{len(dilations)} layers see {side} × {side} pixels."
    share = seen.sum() / side**2
    return bool(share == 1) or f"of the 27 × 27 pixels it is blind to {1 - share:.0%}."


JUDGES = {
    "1": Judge(first_number, "Write down all nine products, zeros too.", numbers=1),
    "2": Judge(
        sizes,
        "First: how many cells does the filter cover, d · (k − 1) + 1? Then round down, add 1.",
        numbers=3,
    ),
    "3": Judge(
        one_place,
        "The window begins at (i · stride, j · stride) and takes every dilation-th pixel; with one "
        "axis more, window[..., None], it can be multiplied by all filters at once.",
    ),
    "4": Judge(move_right, "Which neighbour does an output pixel have to copy?"),
    "5": Judge(receptive_field, "Count in the drawing: which pixels does a layer add, and why?"),
    "6": Judge(layer_to_43, "128 / 43 is nearly 3: begin with the stride.", numbers=4),
    "7": Judge(field_without_holes, "Each layer may be dilated by what the layers before it see."),
}
