"""Judge the exercises of lesson 05b, forecasts of CO₂ and activities from a phone."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from utils import phones
from utils.exercises import Judge, named_mistake, short


def last_year_and_growth(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a rule from windows (n, 36) to the next 12 months: last year's, plus its growth."""
    x = np.random.default_rng(0).normal(350, 3, (5, 36)) + np.arange(36)
    answer = function(x.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != (5, 12):
        return f"the shape is {answer.shape}, expected (5, 12): a year for each window."
    year, before = x[:, -12:], x[:, -24:-12]
    growth = (year.mean(axis=1) - before.mean(axis=1))[:, None]
    mistakes = [
        ("the growth is missing.", year),
        ("the growth has the wrong sign.", year - growth),
        ("the growth is added to the last value, not to the same month.", x[:, -1:] + growth),
        ("each month has its own growth there; take that of the mean.", 2 * year - before),
        ("that is the growth of two years.", year + (year - x[:, :12]).mean(axis=1)[:, None]),
        ("the growth is that of all windows together.", year + growth.mean()),
        ("that is the year before the last.", before + growth),
        ("that is the growth of the last month alone.", year + x[:, -1:] - x[:, -13:-12]),
        ("the growth is added to all months alike.", year + growth * np.arange(1, 13) / 12),
    ]
    if np.allclose(answer, year + growth):
        return True
    return named_mistake(answer, mistakes, rtol=1e-6) or f"it returns {short(answer)}."


def linear_weights(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from x (n, 36) and y (n, 12) to the weights of least squares, (36, 12)."""
    random = np.random.default_rng(0)
    x = random.normal(1, 1, (90, 36))
    y = x @ random.normal(size=(36, 12)) + random.normal(2, 1, (90, 12))
    answer = function(x.copy(), y.copy())
    if answer is None:
        return None
    if isinstance(answer, tuple):
        return "lstsq returns four things; the weights are the first of them."
    answer = np.asarray(answer)
    if answer.shape == (12, 36):
        return "the shape is (12, 36); with x @ weights it has to be the other way round."
    if answer.shape != (36, 12):
        return f"the shape is {answer.shape}, expected (36, 12)."
    with_ones = np.hstack([x, np.ones((90, 1))])
    mistakes = [
        ("a bias was fitted, too, and then left out.", np.linalg.lstsq(with_ones, y)[0][:-1]),
        ("those are the sums of products, not yet the weights.", x.T @ y),
    ]
    if np.allclose(answer, np.linalg.lstsq(x, y)[0], rtol=1e-3, atol=1e-3):
        return True
    known = named_mistake(answer, mistakes, rtol=1e-3, atol=1e-3)
    return known or "other weights come closer to y."


def with_other_growth(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function that adds a growth to windows and targets, both relative to the last value.

    Args:
        function: The student's function of x (n, 36), y (n, 12) and the growth in ppm a year, (n,).
    """
    random = np.random.default_rng(0)
    x, y, rise = random.normal(size=(4, 36)), random.normal(size=(4, 12)), np.arange(1.0, 5)
    answer = function(x.copy(), y.copy(), rise.copy())
    if answer is None:
        return None
    if len(answer) != 2:
        return "a pair was expected, of windows and targets."
    new_x, new_y = (np.asarray(part) for part in answer)
    if new_x.shape != x.shape or new_y.shape != y.shape:
        return f"the shapes are {new_x.shape} and {new_y.shape}, expected (4, 36) and (4, 12)."
    past, future = np.arange(-35, 1) / 12, np.arange(1, 13) / 12
    grown = lambda months: rise[:, None] * months  # noqa: E731
    added = np.hstack([new_x - x, new_y - y])
    if not np.allclose(added[:, 35], 0) and np.allclose(added[:, 36:], grown(future)):
        return "the targets are right, but the last value of a window has to stay 0."
    pairs = [
        ("the targets do not grow.", (past, 0 * future)),
        ("the windows do not grow.", (0 * past, future)),
        ("the growth is per year; a step is a month.", (12 * past, 12 * future)),
        ("the first target is one month after the window's last.", (past, future - 1 / 12)),
        ("the last value of a window has to stay 0.", (past + 35 / 12, future + 35 / 12)),
        ("the last value of a window has to stay 0.", (past + 3, future + 3)),
        ("the last value of a window has to stay 0.", (past - 1 / 12, future - 1 / 12)),
        ("the targets start again at the beginning of the window.", (past, future - 3)),
        ("the window should rise towards its end, as the target does.", (-past, future)),
    ]
    if np.allclose(added, np.hstack([grown(past), grown(future)])):
        return True
    mistakes = [(words, np.hstack([grown(a), grown(b)])) for words, (a, b) in pairs]
    return named_mistake(added, mistakes) or f"to the first target it adds {added[0, 36]:.3g}."


def by_heart(answer: str, errors: Mapping[str, Mapping[str, float]]) -> bool | str:
    """Judge the name of the model that learned by heart: validation far above training error.

    Args:
        answer: The student's word.
        errors: By name, the errors "training" and "validation".
    """
    if not isinstance(answer, str):
        return "a name was expected, in quotation marks."
    names = {name.casefold(): name for name in errors}
    if answer.strip().casefold() not in names:
        return f"the names are {', '.join(errors)}."
    given = names[answer.strip().casefold()]
    ratio = {name: error["validation"] / error["training"] for name, error in errors.items()}
    worst = max(ratio, key=ratio.get)
    words = f"its validation error is {ratio[given]:.2f} times that of training; another has more."
    return given == worst or words


def parts_by_person(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a function from the person of each window, (n,), to three masks, (n,) each."""
    who = np.repeat(np.arange(26), 4)
    answer = function(who.copy())
    if answer is None:
        return None
    if len(answer) != 3:
        return "three masks were expected: training, validation and test."
    masks = [np.asarray(part) for part in answer]
    if any(mask.shape != who.shape or mask.dtype != bool for mask in masks):
        return "each mask has true or false for every window, such as who < 12."
    people = [set(who[mask].tolist()) for mask in masks]
    if people == [set(range(12)), set(range(12, 16)), set(range(16, 26))]:
        return True
    both = sorted((people[0] & people[1]) | (people[0] & people[2]) | (people[1] & people[2]))
    if both:
        return f"person {both[0]} is in two parts."
    nobody = sorted(set(range(26)) - people[0] - people[1] - people[2])
    if nobody:
        return f"person {nobody[0]} is in none of the parts."
    return f"there are {[len(part) for part in people]} people in them."


def pocket_free(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a function from windows (n, 200, 3) to mean and deviation of the length, (n, 2)."""
    x = phones.recordings(people=1, seconds=4, seed=0)[0]  # a window of each activity
    answer = function(x.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != (5, 2):
        words = f"the shape is {answer.shape}, expected (n, 2), here (5, 2)"
        return f"{words}: two numbers for each window."
    apart = np.abs(np.asarray(function(phones.turn(x, seed=1))) - answer).max()
    if apart > 1e-3:
        return f"turning the phone changes them by up to {apart:.2g}."
    if np.ptp(answer, axis=0).max() < 1e-3:
        return "they do not change, but they are the same for every activity."
    if not np.allclose(np.asarray(function(x[::-1].copy()))[::-1], answer, rtol=1e-3):
        return "they depend on which row of the array a window is."
    length = np.linalg.norm(x, axis=2)
    squared = length**2
    right = np.stack([length.mean(axis=1), length.std(axis=1)], axis=1)
    mistakes = [
        ("the square root is missing.", np.stack([squared.mean(1), squared.std(1)], axis=1)),
        ("that is the variance; its square root is the deviation.", right ** [1, 2]),
        ("those are the smallest and the largest length.", np.sort(length, axis=1)[:, [0, -1]]),
    ]
    if np.allclose(np.sort(answer, axis=1), np.sort(right, axis=1), rtol=1e-2):
        return True
    for order in (1, -1):
        if words := named_mistake(answer[:, ::order], mistakes, rtol=1e-3, atol=1e-3):
            return words
    return "no pocket changes them, but mean and standard deviation of the length are others."


JUDGES = {
    "1": Judge(
        last_year_and_growth,
        "x[:, -12:] is the last year; growth[:, None] fits to it.",
        is_function=True,
    ),
    "2": Judge(
        linear_weights,
        "np.linalg.lstsq(x, y) solves least squares; read what it returns.",
        is_function=True,
    ),
    "3": Judge(
        with_other_growth, "The window's months are −35 … 0, the target's 1 … 12.", is_function=True
    ),
    "4": Judge(by_heart, "Compare the two errors of each model."),
    "5": Judge(
        parts_by_person, "A comparison of `who` makes a mask; & joins two.", is_function=True
    ),
    "6": Judge(
        pocket_free, "First the length at every moment. Then which axis is time?", is_function=True
    ),
}
