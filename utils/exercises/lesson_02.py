"""Judge the exercises of lesson 02, convolution arithmetic."""

import re
from collections.abc import Callable, Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from utils.exercises import Judge, short

# What a student has who made one particular mistake, and which.
_FIRST_NUMBERS = {
    7: "that is y[0, 0] (and y[1, 0]); the row is 0, the column 1.",
    8: "the filter was turned round; nobody does that here.",
    19: "the weight in the middle is −1.",
    15: "one product is missing: the weight in the middle is −1, not 0.",
    2: "that is y[0, 2]; move the filter by one pixel only.",
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
    mistakes = [
        (a == 33, "(a) is rounded up."),
        (a == 29, "(a) forgets the padding."),
        ((a, b) == (31, 55) or b == 55, "the first place counts, too: add 1."),
        (a == 31, "(a) is padded on both sides."),
        (b == 62, "(b) forgets the dilation."),
        (b == 53, "(b): a dilated filter covers d · (k − 1) + 1 cells, not d · k."),
        ((a, b) == (32, 56), "(a) and (b) are right; (c) has the output of (a) as its input."),
    ]
    return next((sentence for is_so, sentence in mistakes if is_so), False)


def one_place(place: Callable[..., np.ndarray | None]) -> bool | str | None:
    """Judge what all filters of a layer answer at one place.

    Args:
        place: The student's function of x (height, width, channels), the kernel (k, k, channels,
            filters), i, j, stride and dilation; it returns (filters,).
    """
    try:
        return _one_place(place)
    except ValueError as error:
        if "broadcast" not in str(error):
            raise
        if re.search(r"\((\d+),\1,2\) \(\1,\1,2,4\)", str(error)):
            return "the window needs one axis more before it can be multiplied by all filters."
        return f"the window is not as large as the kernel, or lies elsewhere ({error})."


def _one_place(place):
    random = np.random.default_rng(0)
    x = random.integers(-9, 10, (11, 12, 2)).astype("float64")
    kernel = random.integers(-3, 4, (3, 3, 2, 4)).astype("float64")
    larger = random.integers(-3, 4, (5, 5, 2, 4)).astype("float64")

    def right(i, j, stride=1, dilation=1, kernel=kernel):
        span = np.arange(len(kernel)) * dilation
        window = x[i * stride + span][:, j * stride + span]
        return np.tensordot(window, kernel, axes=3)

    def fits(i, j, stride, dilation, *expected):
        return np.allclose(place(x, kernel, i, j, stride, dilation), right(*expected))

    answer = place(x, kernel, 1, 2, 1, 1)
    if answer is None or answer is ...:
        return None
    if np.shape(answer) != (4,):
        return f"the shape is {np.shape(answer)}, expected (4,): one number for each filter."
    flipped = right(1, 2, kernel=kernel[::-1, ::-1])
    wrong = [
        (fits(1, 2, 1, 1, 0, 0), "the window does not move; it lies at (i, j)."),
        (fits(1, 2, 1, 1, 2, 1), "rows and columns are exchanged: i counts rows."),
        (np.allclose(answer, flipped), "the filters are turned round; nobody does that here."),
        (not fits(1, 2, 1, 1, 1, 2), f"at (1, 2) it returns {short(answer)}."),
        (fits(1, 2, 2, 1, 1, 2), "the stride has no effect yet."),
        (not fits(1, 2, 2, 1, 1, 2, 2), "with stride 2 it is not what the layer computes."),
        (not fits(1, 2, 1, 2, 1, 2, 1, 2), "with dilation 2 it is not what the layer computes."),
    ]
    if sentence := next((sentence for is_so, sentence in wrong if is_so), ""):
        return sentence
    try:
        of_five = place(x, larger, 1, 2, 1, 1)
    except ValueError:
        of_five = np.nan
    return bool(np.allclose(of_five, right(1, 2, kernel=larger))) or (
        "it is right for filters of 3 × 3 only."
    )


def move_right(answer: ArrayLike) -> bool | str | None:
    """Judge nine weights that move a picture by one pixel to the right."""
    if any(value is None or value is ... for value in np.asarray(answer, dtype=object).flat):
        return None
    weights = np.asarray(answer, dtype=float)
    if weights.shape != (3, 3):
        return f"the shape is {weights.shape}, expected (3, 3)."
    ones = np.argwhere(weights != 0).tolist()
    if len(ones) == 1 and weights.sum() != 1:
        return f"that also makes the picture {weights.sum():g} times as bright."
    if len(ones) != 1:
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
    if answer is None or answer is ...:
        return None
    if np.ndim(answer):
        return f"one number was expected; it returns {short(answer)}."
    if [_number(field_of([layer])) for layer in ((3, 4, 1), (3, 1, 4))] == [9, 3]:
        return "stride and dilation are exchanged: (kernel_size, stride, dilation)."
    one = {2: "it begins with 0; a pixel sees itself."}
    one[4] = "a filter of k cells reaches k − 1 cells further."
    two = {6: "the fields of neighbours overlap.", 9: "they do not multiply."}
    two[3] = "it returns after the first layer; return stands after the loop."
    strided = {5: "the stride has no effect yet."}
    strided[9] = "a stride counts for the layers above it only."
    last = {17: "every stride multiplies the jump; it does not replace it."}
    cases = [
        ([(3, 1, 1)], 3, one),
        ([(3, 1, 1)] * 2, 5, two),
        ([(3, 1, 1), (3, 1, 4)], 11, {5: "the dilation has no effect yet."}),
        ([(3, 2, 1), (3, 1, 1)], 7, strided),
        ([(5, 2, 1), (3, 2, 2), (3, 1, 1)], 21, last),
    ]
    for layers, expected, mistakes in cases:
        answer = _number(field_of(layers))
        if answer != expected:
            return mistakes.get(answer, f"for {layers} it returns {short(answer)}.")
    return True


def _number(value):
    """Return a number of NumPy or of a backend as one of Python."""
    return value if value is None else np.asarray(value).item()


def layer_to_43(answer: tuple[int, int, int, int]) -> bool | str:
    """Judge (kernel_size, stride, padding, dilation) of a layer from 128 to 43 numbers a side."""
    if isinstance(answer, tuple | list) and "same" in answer:
        return 'padding "same" can do it, but here the padding is asked for as a number.'
    if np.asarray(answer).dtype.kind == "U":
        return "numbers were expected, without quotation marks."
    if np.shape(answer) != (4,):
        return f"4 numbers were expected; you have {short(answer)}."
    for name, value in zip(("kernel size", "stride", "padding", "dilation"), answer, strict=True):
        least = 0 if name == "padding" else 1
        if not isinstance(value, Real) or value != int(value) or value < least:
            return f"{name} is {value}; it must be a whole number, at least {least}."
    kernel_size, stride, padding, dilation = map(int, answer)
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
    whole = dilations.dtype.kind in "if" and np.all(dilations == np.round(dilations))
    if not whole or dilations.ndim != 1 or np.min(dilations, initial=1) < 1:
        return "three whole numbers from 1 on were expected."
    side = int(1 + 2 * dilations.sum())
    if len(dilations) != 3 or side != 27:
        return f"{len(dilations)} layers see {side} × {side} pixels."
    seen = what_it_sees([(3, 1, int(dilation)) for dilation in dilations], 41) > 0.5
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
        is_function=True,
    ),
    "4": Judge(move_right, "Which neighbour does an output pixel have to copy?"),
    "5": Judge(
        receptive_field,
        "Count in the drawing: which pixels does a layer add, and why?",
        is_function=True,
    ),
    "6": Judge(layer_to_43, "128 / 43 is nearly 3: begin with the stride."),
    "7": Judge(field_without_holes, "Each layer may be dilated by what the layers before it see."),
}
