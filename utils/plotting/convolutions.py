"""Draw how a convolution works: numbers in cells, and which pixels feed which output."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike

LIGHT_BLUE = "#A6D8F2"
FRAMES = ("#0072B2", "#D55E00")  # of the outputs that are followed back to the input


def draw_numbers(
    matrices: Mapping[str, ArrayLike],
    marked: Mapping[str, Iterable[tuple[int, int]]] | None = None,
    *,
    title: str | None = None,
) -> None:
    """Draw matrices side by side as cells with numbers in them.

    Args:
        matrices: Caption to matrix, (rows, columns); NaN is drawn as an empty cell.
        marked: Caption to the cells, as (row, column), that are tinted blue.
        title: What the picture shows.
    """
    matrices = {name: np.asarray(matrix) for name, matrix in matrices.items()}
    widths = [matrix.shape[1] for matrix in matrices.values()]
    highest = max(matrix.shape[0] for matrix in matrices.values())
    figure, axes = plt.subplots(
        1,
        len(matrices),
        squeeze=False,
        width_ratios=widths,
        figsize=(0.62 * sum(widths) + 0.9 * len(widths), 0.62 * highest + 0.9),
    )
    for axis, (name, matrix) in zip(axes.flat, matrices.items(), strict=True):
        tinted = set((marked or {}).get(name, ()))
        for (i, j), number in np.ndenumerate(matrix):
            color = LIGHT_BLUE if (i, j) in tinted else "white"
            axis.add_patch(plt.Rectangle((j, i), 1, 1, fc=color, ec="#888888"))
            text = "" if np.isnan(number) else f"{number:.3g}".replace("-", "−")
            axis.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=12)
        _frame(axis, *matrix.shape)
        axis.set_title(name, loc="center", fontsize=10)
    if title:
        figure.suptitle(title)


def draw_convolution(
    size: int,
    kernel_size: int = 3,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    outputs: Sequence[tuple[int, int]] = ((0, 0),),
    title: str | None = None,
) -> None:
    """Draw which cells of an input (above) feed which cells of the output (below).

    Padding is grey, cells that no place of the filter reaches are crossed out, and up to two
    cells of the output are followed back to the input, in blue and in orange.

    Args:
        size: Rows and columns of the input.
        kernel_size: Rows and columns of the filter.
        stride: Step from one place of the filter to the next. Of stride, padding and dilation one
            may be several values, for as many convolutions side by side.
        padding: Rows and columns of zeros on each side.
        dilation: Distance between neighbouring cells of the filter.
        outputs: The cells (row, column) of the output to follow back.
        title: What the picture shows.

    Raises:
        ValueError: The filter covers more cells than there are.
    """
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    several = [name for name, value in settings.items() if np.ndim(value)]
    count = max(np.size(value) for value in settings.values())
    columns = [
        {name: int(np.broadcast_to(value, count)[i]) for name, value in settings.items()}
        for i in range(count)
    ]
    sides = [size + 2 * column["padding"] for column in columns]
    starts = [_starts(side, kernel_size, c) for side, c in zip(sides, columns, strict=True)]
    high, low = max(sides), max(map(len, starts))
    figure, axes = plt.subplots(
        2,
        count,
        squeeze=False,
        height_ratios=[high, low],
        figsize=(0.36 * high * count + 0.5, 0.34 * (high + low) + 1.1),
    )
    for (above, below), places, column in zip(axes.T, starts, columns, strict=True):
        reach = column["dilation"] * np.arange(kernel_size)
        _paint_input(above, size, column["padding"], places, reach)
        _paint_cells(below, range(len(places)))
        for (i, j), color in zip(outputs, FRAMES, strict=False):
            if max(i, j) < len(places):
                _mark(above, [(a, b) for a in places[i] + reach for b in places[j] + reach], color)
                _mark(below, [(i, j)], color)
        for axis, side in ((above, size + 2 * column["padding"]), (below, len(places))):
            _frame(axis, side, side, width=high if axis is above else max(high, low))
        words = ", ".join(f"{name} {column[name]}" for name in several)
        above.set_title(f"{words}\n{size} × {size} input".strip(), loc="center", fontsize=10)
        below.set_title(f"{len(places)} × {len(places)} output", loc="center", fontsize=10)
    if title:
        figure.suptitle(title)


def _starts(side: int, kernel_size: int, settings: Mapping[str, Any]) -> list[int]:
    """Return the first cell of every place of the filter, in one direction."""
    covered = settings["dilation"] * (kernel_size - 1) + 1
    if covered > side:
        raise ValueError(
            f"The filter covers {covered} cells and the input, with its padding, has {side}. Take "
            "a smaller filter or dilation, or more padding."
        )
    return list(range(0, side - covered + 1, settings["stride"]))


def _paint_input(axis, size, padding, places, reach):
    """Paint the cells of an input: zeros around it, and crosses where no filter looks."""
    reached = {place + step for place in places for step in reach}
    inside = range(padding, padding + size)
    for i, j in np.ndindex(size + 2 * padding, size + 2 * padding):
        is_input = i in inside and j in inside
        hatch = None if {i, j} <= reached else "xxx"
        color = "white" if is_input else "#DDDDDD"
        axis.add_patch(plt.Rectangle((j, i), 1, 1, fc=color, ec="#AAAAAA", lw=0.8, hatch=hatch))
        if not is_input:
            axis.text(j + 0.5, i + 0.5, "0", ha="center", va="center", color="#777777", size=8)


def _paint_cells(axis, side):
    for i in side:
        for j in side:
            axis.add_patch(plt.Rectangle((j, i), 1, 1, fc="white", ec="#AAAAAA", lw=0.8))


def _mark(axis, cells, color):
    """Frame and tint cells, so that cells marked twice show both colours."""
    for i, j in cells:
        place, side = (j + 0.1, i + 0.1), 0.8
        axis.add_patch(plt.Rectangle(place, side, side, fc=color, alpha=0.35, lw=0))
        axis.add_patch(plt.Rectangle(place, side, side, fc="none", ec=color, lw=2))


def _frame(axis, rows, columns, width=None):
    """Show all cells at the top of an axis, in the middle of `width` cells."""
    left = (columns - (width or columns)) / 2
    axis.set(xlim=(left - 0.1, columns - left + 0.1), ylim=(rows + 0.1, -0.1), aspect="equal")
    axis.set_anchor("N")
    axis.axis("off")
