"""Pictures of convolutions: the cells that are marked are those that the layer reads."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from utils import plotting
from utils.plotting import convolutions


def cells(axis, wanted):
    """The cells (row, column) of an axis whose rectangle has this colour as its edge."""
    return {
        (round(patch.get_y()), round(patch.get_x()))
        for patch in axis.patches
        if plt.matplotlib.colors.same_color(patch.get_edgecolor(), wanted)
    }


def test_numbers_and_marks_stand_in_their_cells():
    plotting.draw_numbers({"a": [[1, -2]], "b": [[0.25, np.nan]]}, {"a": [(0, 1)]}, title="two")
    first, second = plt.gcf().axes
    assert [text.get_text() for text in (*first.texts, *second.texts)] == ["1", "−2", "0.25", ""]
    tinted = [patch.get_xy() for patch in first.patches if patch.get_facecolor()[0] < 0.9]
    assert tinted == [(1, 0)] and plt.gcf().get_suptitle() == "two"


def test_a_convolution_is_followed_back_to_its_pixels():
    plotting.draw_convolution(7, stride=(1, 2, 3), outputs=[(0, 1)])
    axes = plt.gcf().axes
    assert [axis.get_title() for axis in axes[3:]] == [
        "5 × 5 output",
        "3 × 3 output",
        "2 × 2 output",
    ]
    for step, axis in enumerate(axes[:3], start=1):
        expected = {(i, j) for i in range(3) for j in range(step, step + 3)}
        assert cells(axis, convolutions.FRAMES[0]) == expected
    unread = {patch.get_xy() for patch in axes[2].patches if patch.get_hatch()}
    assert unread == {(j, i) for i in range(7) for j in range(7) if 6 in (i, j)}


def test_dilation_spreads_and_padding_surrounds():
    plotting.draw_convolution(5, padding=1, dilation=2, outputs=[(0, 0), (2, 2)])
    above, below = plt.gcf().axes
    assert cells(above, convolutions.FRAMES[0]) == {(i, j) for i in (0, 2, 4) for j in (0, 2, 4)}
    assert cells(below, convolutions.FRAMES[1]) == {(2, 2)}
    assert len([text for text in above.texts if text.get_text() == "0"]) == 7 * 7 - 5 * 5


def test_a_filter_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="covers 9 cells and the input, with its padding, has 8"):
        plotting.draw_convolution(8, dilation=4)


def test_names_stand_beside_their_points_and_apart():
    _, axis = plt.subplots()
    x, y = np.array([1.0, 1.02, 3.0]), np.array([1.0, 1.0, 2.0])
    axis.scatter(x, y)
    plotting.name_points(axis, x, y, ["left", "right", ""])
    assert [text.get_text() for text in axis.texts] == ["left", "right"]
    plt.gcf().canvas.draw()
    first, second = (text.get_window_extent() for text in axis.texts)
    assert not first.overlaps(second)
