"""Judge the exercises of lesson 02, convolution arithmetic."""

from collections.abc import Callable
from numbers import Integral

import numpy as np

from utils.exercises import Judge


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
    "1": Judge(
        (32, 56, 24),
        "First: how many cells does the filter cover, d · (k − 1) + 1? Then round down, add 1.",
    ),
    "2": Judge(layer_to_43, "128 / 43 is nearly 3: begin with the stride.", numbers=4),
    "3": Judge(
        (5 * 5 * 3 * 16 + 16, 3 * 3 * 16 + 16 * 32 + 32),
        "The depth of a filter is that of its input. Depthwise: one filter per channel, no mixing.",
    ),
    "4": Judge(field_without_holes, "Each layer may be dilated by what the layers before it see."),
}
