"""Draw how streams are cut into windows, with one colour for each sample."""

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike

MAPS = ("viridis_r", "Blues", "Oranges", "Greens", "Purples")  # one stream; then X, Y, Z …


def draw_windows(
    stream: ArrayLike, timesteps: int, hop: int = 1, *, title: str | None = None
) -> None:
    """Draw a stream and the windows cut from it; a sample keeps its colour wherever it stands.

    With one stream the time runs to the right, with several downwards, and each has its own hue.

    Args:
        stream: Array of shape (samples,), or (samples, streams) with up to four streams.
        timesteps: Length of a window, in samples.
        hop: Distance between the starts of two windows, in samples.
        title: What the picture shows.

    Raises:
        ValueError: The window is longer than the stream, or there are too many streams.
    """
    stream = np.asarray(stream)
    starts = range(0, len(stream) - timesteps + 1, hop)
    if not starts:
        raise ValueError(f"The stream has {len(stream)} samples, a window {timesteps}.")
    if stream.ndim > 1 and stream.shape[1] >= len(MAPS):
        raise ValueError(f"There are {stream.shape[1]} streams; up to {len(MAPS) - 1} are drawn.")
    (_draw_one if stream.ndim == 1 else _draw_several)(stream, timesteps, starts)
    if title:
        plt.gcf().suptitle(title)


def _draw_one(stream, timesteps, starts):
    """Draw a stream in a row, its windows below it in their places, and beside it the batch."""
    samples, height = len(stream), len(starts) + 2.0
    _, (left, right) = plt.subplots(
        1,
        2,
        width_ratios=[samples, timesteps + 2.4],
        figsize=(0.55 * (samples + timesteps + 2.4), 0.42 * height + 0.8),
    )
    colors = _colors(MAPS[0], samples)
    used = np.zeros(samples, bool)
    for row, start in enumerate(starts):
        place = slice(start, start + timesteps)
        used[place] = True
        for axis, across in ((left, start), (right, 2.2)):
            _cells(axis, stream[None, place], colors[None, place], across, row + 1.8)
        right.text(2, row + 2.3, f"row {row}", ha="right", va="center", size=9)
    _cells(left, stream[None], colors[None], 0, 0)
    for sample in np.flatnonzero(~used):
        left.plot([sample, sample + 1], [0, 1], color="black", lw=1.2)
    _stage(left, samples, height, "the stream, and where each window lies")
    _stage(right, timesteps + 2.4, height, f"the batch: ({len(starts)}, {timesteps})")


def _draw_several(stream, timesteps, starts):
    """Draw streams as columns, and the windows as tables beside them."""
    samples, streams = stream.shape
    step = streams + 1.2
    widths = [streams + 1.4, step * len(starts)]
    _, (left, right) = plt.subplots(
        1, 2, width_ratios=widths, figsize=(0.55 * sum(widths), 0.34 * samples + 0.9)
    )
    colors = np.stack([_colors(name, samples) for name in MAPS[1 : streams + 1]], axis=1)
    _cells(left, stream, colors, 1.3, 0)
    for sample in range(samples):
        left.text(1.1, sample + 0.5, f"t = {sample}", ha="right", va="center", size=8)
    for window, start in enumerate(starts):
        place = slice(start, start + timesteps)
        _cells(right, stream[place], colors[place], window * step, 1.2)
        middle = window * step + streams / 2
        right.text(middle, 0.7, f"window {window}", ha="center", va="center", size=9)
        words = f"t = {start} … {start + timesteps - 1}"
        right.text(middle, timesteps + 1.7, words, ha="center", va="center", size=8)
    _stage(left, widths[0], samples, f"the streams: ({samples}, {streams})")
    _stage(right, widths[1], samples, f"the batch: ({len(starts)}, {timesteps}, {streams})")


def _colors(name, count):
    """Return one colour per sample, pale to strong, (count, 4)."""
    return plt.get_cmap(name)(np.linspace(0.08, 0.62, count))


def _cells(axis, numbers, colors, left, top):
    for (i, j), number in np.ndenumerate(numbers):
        box = plt.Rectangle((left + j, top + i), 1, 1, fc=colors[i][j], ec="white", lw=1.5)
        axis.add_patch(box)
        text = f"{number:.4g}".replace("-", "−")
        axis.text(left + j + 0.5, top + i + 0.5, text, ha="center", va="center", size=8)


def _stage(axis, width, height, title):
    axis.set(xlim=(-0.1, width + 0.1), ylim=(height + 0.1, -0.1))
    axis.set_title(title, fontsize=10)
    axis.axis("off")
