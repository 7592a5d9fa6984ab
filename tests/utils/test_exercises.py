"""The checks of exercises: friendly, never in the way of a run, and not fooled."""

import numpy as np
import pytest

from utils import exercises, homework


@pytest.mark.parametrize(
    ("answer", "expected"), [(None, 5), (..., 5), (lambda: None, lambda function: function())]
)
def test_an_open_exercise_says_so(answer, expected, capsys):
    assert exercises.compare(answer, expected, "hint") is None
    assert "Not answered yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (308_310, 308_310),
        (0.1 + 0.2, 0.3),
        ("Dense ", "dense"),
        ([1, 2], np.array([1, 2])),
        (4, lambda answer: answer % 2 == 0),
    ],
)
def test_right(answer, expected, capsys):
    assert exercises.compare(answer, expected, "hint") is True
    assert "Right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (7, 5, "you have 7. the hint"),
        ("5", 5, "without quotation marks"),
        ([1, 2, 3], [1, 2], r"the shape is (3,), expected (2,)"),
        (3, lambda answer: "3 is odd.", "3 is odd. the hint"),
        ("x", lambda answer: answer / 2 == 1, "TypeError"),
        (5, "dense", "you have 5"),
    ],
)
def test_wrong_says_what_and_hints(answer, expected, words, capsys):
    assert exercises.compare(answer, expected, "the hint") is False
    said = capsys.readouterr().out
    assert words in said and "Right" not in said


def test_an_exercise_is_judged_by_its_number(capsys):
    assert exercises.check("02.2", None) is None
    assert exercises.check("02.2", (32, 56, 24)) is True
    assert exercises.check("02.6", (3, 2, 0, 2)) is False
    assert "stride and a dilation" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no exercise"):
        exercises.check("02.99", 1)
    # What a judge needs of the notebook is given to it.
    black = lambda layers, side: np.zeros((side, side))  # noqa: E731
    assert exercises.check("02.7", (1, 3, 9), what_it_sees=black) is False


def test_homework_of_the_first_edition_is_checked_by_its_own_arguments():
    assert exercises.check([1, 2], [1, 2], "hint") is True
    assert exercises.check(0.1, 0.2, "hint", tolerance=0.01) is False
    assert exercises.check(None, lambda answer: True, "hint") is None
    assert homework.blinded is homework.with_zero_weights


def test_a_judge_can_be_asked_in_silence(capsys):
    assert exercises.is_right("10.5", lambda x, y: (x.mean() - y.mean()) / np.r_[x, y].std(ddof=1))
    assert not exercises.is_right("10.5", lambda x, y: None)
    assert not exercises.is_right("10.5", lambda x, y: 1 / 0)
    assert not exercises.is_right("10.5", None)
    assert capsys.readouterr().out == ""
