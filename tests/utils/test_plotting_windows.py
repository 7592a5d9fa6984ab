"""Pictures of windows: a sample keeps its colour, and unused ones are crossed out."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from utils import plotting


def cells(axis):
    """Return {place: (number, colour)} of an axis; each number stands in the middle of its cell."""
    colors = {patch.get_xy(): patch.get_facecolor() for patch in axis.patches}
    numbers = {}
    for text in axis.texts:
        left, top = (value - 0.5 for value in text.get_position())
        place = next((p for p in colors if np.allclose(p, (left, top))), None)
        if place:
            numbers[place] = text.get_text(), colors[place]
    return numbers


def test_one_stream_keeps_its_colours():
    plotting.draw_windows(np.arange(8), timesteps=3, hop=2, title="cut")
    left, right = plt.gcf().axes
    stream = {number: color for (_, top), (number, color) in cells(left).items() if top == 0}
    assert list(stream) and plt.gcf().get_suptitle() == "cut"
    batch = cells(right)
    assert len(batch) == 3 * 3
    assert all(color == stream[number] for number, color in batch.values())
    assert len(left.lines) == 1  # sample 7 is in no window


def test_several_streams_stand_side_by_side():
    stream = np.arange(30).reshape(10, 3)
    plotting.draw_windows(stream, timesteps=4, hop=3)
    left, right = plt.gcf().axes
    known = dict(cells(left).values())
    assert len(known) == 30 and len(cells(right)) == 3 * 4 * 3
    assert all(color == known[number] for number, color in cells(right).values())
    assert right.get_title(loc="left") == "the batch: (3, 4, 3)" or right.get_title()


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="a window 4"):
        plotting.draw_windows(np.arange(3), timesteps=4)
    with pytest.raises(ValueError, match="up to 4 are drawn"):
        plotting.draw_windows(np.zeros((9, 5)), timesteps=4)
