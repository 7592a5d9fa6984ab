"""Draw points that carry names, each name where it covers no other."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike

# Where a name may stand, seen from its point: horizontally, vertically, in points.
_PLACES = [(6, 0), (-6, 0), (5, 7), (-5, 7), (5, -7), (-5, -7), (0, 9), (0, -9)]
_PLACES += [(2 * x, 2 * y) for x, y in _PLACES[2:]]


def name_points(
    axis: plt.Axes, x: ArrayLike, y: ArrayLike, names: Sequence[str], *, size: float = 8.5
) -> None:
    """Write a name beside each point, where it covers the fewest points and other names.

    Call it last, when the limits and scales of the axis are as they will be.

    Args:
        axis: Where the points are drawn already.
        x: (points,) horizontal positions.
        y: (points,) vertical positions.
        names: One for each point; an empty name is not written, and its point is kept free.
        size: Size of the letters, in points.
    """
    figure = axis.figure
    figure.canvas.draw()  # places the axes, so that positions can be measured
    pixels = figure.dpi / 72
    points = axis.transData.transform(np.column_stack([x, y]))
    taken = [Bbox.from_bounds(px - 4, py - 4, 8, 8) for px, py in points]
    for point, px, py, name in zip(np.column_stack([x, y]), *points.T, names, strict=True):
        if not name:
            continue
        width, height = 0.56 * size * len(name) * pixels, 1.1 * size * pixels
        boxes = [
            Bbox.from_bounds(
                px + dx * pixels - width * (dx < 0) - width / 2 * (dx == 0),
                py + dy * pixels - height / 2,
                width,
                height,
            )
            for dx, dy in _PLACES
        ]
        covered = [_covered(box, taken, axis.bbox) for box in boxes]
        best = int(np.argmin(covered))
        taken.append(boxes[best])
        across = {1: "left", -1: "right", 0: "center"}[int(np.sign(_PLACES[best][0]))]
        axis.annotate(
            name,
            point,
            xytext=_PLACES[best],
            textcoords="offset points",
            ha=across,
            va="center",
            fontsize=size,
        )


def _covered(box: Bbox, taken: list[Bbox], frame: Bbox) -> float:
    """Return the area of a box that is taken already, or lies outside the frame."""
    overlaps = [Bbox.intersection(box, other) for other in taken]
    area = sum(overlap.width * overlap.height for overlap in overlaps if overlap)
    inside = Bbox.intersection(box, frame)
    outside = box.width * box.height - (inside.width * inside.height if inside else 0)
    return area + 10 * outside
