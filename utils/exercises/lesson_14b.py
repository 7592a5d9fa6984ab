"""Judge the exercises of lesson 14b, the cycle loss and diffusion."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from utils.exercises import Judge, named_mistake, short


def cycle_loss(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function of two batches and two translators that returns the cycle loss."""
    random = np.random.default_rng(0)
    x, y = (random.normal(size=(3, 4, 2)).astype("float32") for _ in range(2))
    answer = function(*map(keras.ops.convert_to_tensor, (x, y)), _there, _back)
    if answer is None:
        return None
    answer = np.asarray(keras.ops.convert_to_numpy(answer))
    if answer.shape:
        return f"its shape is {answer.shape}; one number was expected. Take the mean."
    right, mistakes = _cycle_losses(x, y)
    if not np.allclose(answer, right, rtol=1e-4):
        return named_mistake(answer, mistakes, rtol=1e-4) or f"it returns {short(float(answer))}."
    try:
        function(keras.KerasTensor(x.shape), keras.KerasTensor(y.shape), _there, _back)
    except (TypeError, ValueError):
        return "right for arrays; the training differentiates it, so compute with keras.ops only."
    return True


def _there(p):
    return 2 * p + 1


def _back(p):
    return p**2 - p


def _cycle_losses(x, y):
    """Return the right cycle loss of these translators, and the wrong ones with their names."""
    trip_x, trip_y = _back(_there(x)) - x, _there(_back(y)) - y
    right = abs(trip_x).mean() + abs(trip_y).mean()
    return right, [
        ("that is only the way from x; y goes back, and there again.", abs(trip_x).mean()),
        ("that is only the way from y; x goes there and back, too.", abs(trip_y).mean()),
        ("that is half of it: add the two means.", right / 2),
        (
            "those are squares; the absolute difference was asked for.",
            (trip_x**2).mean() + (trip_y**2).mean(),
        ),
        ("add the values up and divide by their number: ops.mean, not ops.sum.", right * x.size),
        (
            "ops.abs is missing: what is too large and too small cancels.",
            trip_x.mean() + trip_y.mean(),
        ),
        (
            "the ways are mixed up: x is in the first pile, so it goes there first, then back.",
            abs(_there(_back(x)) - x).mean() + abs(_back(_there(y)) - y).mean(),
        ),
        (
            "that is where it arrives; how far is that from where it began?",
            abs(_back(_there(x))).mean() + abs(_there(_back(y))).mean(),
        ),
        (
            "that compares x with y; nobody knows which y belongs to x.",
            abs(_there(x) - y).mean() + abs(_back(y) - x).mean(),
        ),
        (
            "that is one way only; compare when it has come back.",
            abs(_there(x) - x).mean() + abs(_back(y) - y).mean(),
        ),
    ]


def add_noise(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function of clean points, noise and the share that is kept."""
    random = np.random.default_rng(1)
    clean, noise = random.normal(size=(2, 5, 3))
    k = random.uniform(0.1, 0.9, size=(5, 1))
    answer = function(clean.copy(), noise.copy(), k.copy())
    if answer is None:
        return None
    problem = _wrong_shape(answer, clean)
    if problem:
        return problem
    mistakes = [
        ("the roots are missing: k is a share of the variance.", k * clean + (1 - k) * noise),
        ("clean and noise have changed places.", np.sqrt(k) * noise + np.sqrt(1 - k) * clean),
        ("the noise is added.", np.sqrt(k) * clean - np.sqrt(1 - k) * noise),
        ("k is not squared.", np.sqrt(k) * clean + np.sqrt(1 - k**2) * noise),
        ("the second root is missing.", np.sqrt(k) * clean + (1 - k) * noise),
        ("the first root is missing.", k * clean + np.sqrt(1 - k) * noise),
        ("the clean part must become smaller, too.", clean + np.sqrt(1 - k) * noise),
        ("the noise must become smaller, too.", np.sqrt(k) * clean + noise),
        ("it is 1 minus k, and then the root.", np.sqrt(k) * clean + (1 - np.sqrt(k)) * noise),
    ]
    if not np.allclose(answer, np.sqrt(k) * clean + np.sqrt(1 - k) * noise):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    given = clean.copy(), noise.copy()
    function(*given, 0.5)
    if (given[0] != clean).any() or (given[1] != noise).any():
        return "right, but it changes the arrays that it was given; make a new one."
    one = function(clean, noise, 0.36)
    return bool(np.allclose(one, 0.6 * clean + 0.8 * noise)) or (
        "right for a column of shares; k may be a single number, too."
    )


def step_back(function: Callable[..., Any]) -> bool | str | None:
    """Judge one step back: a function of noisy points, their noise, and two shares."""
    random = np.random.default_rng(2)
    clean, noise = random.normal(size=(2, 5, 3))
    k, then = 0.36, 0.64
    noisy = 0.6 * clean + 0.8 * noise
    answer = function(noisy.copy(), noise.copy(), k, then)
    if answer is None:
        return None
    problem = _wrong_shape(answer, clean)
    if problem:
        return problem
    mistakes = [
        ("that is the clean point; add the noise again that belongs to the earlier time.", clean),
        ("that is the noisy point as it was.", noisy),
        ("the noise of the earlier time is missing.", 0.8 * clean),
        ("at the earlier time the clean part is larger, too.", 0.6 * clean + 0.6 * noise),
        (
            "the noise was taken off and not divided by the root of k.",
            0.8 * 0.6 * clean + 0.6 * noise,
        ),
        ("that is taken off, but not solved for the clean point.", 0.6 * clean),
        ("the roots are missing.", then * (noisy - (1 - k) * noise) / k + (1 - then) * noise),
        ("the two times have changed places.", 0.6 * (noisy - 0.6 * noise) / 0.8 + 0.8 * noise),
        ("at the earlier time there must be less noise than before.", 0.8 * clean + 0.8 * noise),
        ("divide by the root of k, not by k.", 0.8 * 0.6 * clean / k + 0.6 * noise),
    ]
    if not np.allclose(answer, 0.8 * clean + 0.6 * noise):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    home = function(noisy, noise, k, 1.0)
    return bool(np.allclose(home, clean)) or "right for these times; k_then may be 1, the end."


def floor_of(function: Callable[..., Any]) -> bool | str | None:
    """Judge the least error of a guess of the noise for one Gaussian, a function of two numbers."""
    places = [(0.36, 1.0), (0.64, 4.0), (0.5, 0.01)]
    answer = [function(k, v) for k, v in places]
    if any(part is None for part in answer):
        return None
    if np.shape(answer) != (3,):
        return f"one number was expected; it returns {short(answer[0])}."
    k, v = np.array(places).T
    variance = k * v + 1 - k
    right = k * v / variance
    mistakes = [
        ("that is the factor of the guess; its error was asked for.", np.sqrt(1 - k) / variance),
        ("so much of the noise can be guessed; what is left was asked for.", (1 - k) / variance),
        ("the covariance is squared.", 1 - np.sqrt(1 - k) / variance),
        ("that is the root of it.", np.sqrt(right)),
        ("divide by the variance of the noisy point.", k * v),
        ("that holds for v = 1.", k),
        ("the data's variance counts with the share that is kept.", v / (v + 1 - k)),
        ("that is the clean point's error, not the noise's.", v * (1 - k) / variance),
        ("what was to be guessed is the noise, with variance 1.", v - (1 - k) / variance),
    ]
    return bool(np.allclose(answer, right)) or (
        named_mistake(answer, mistakes) or f"for k = 0.36, v = 1 it returns {short(answer[0])}."
    )


def noise_error(function: Callable[..., Any]) -> bool | str | None:
    """Judge the noise's error that follows from the clean point's, a function of two numbers."""
    places = [(0.5, 0.36), (2.0, 0.9), (0.1, 0.04)]
    answer = [function(error, k) for error, k in places]
    if any(part is None for part in answer):
        return None
    if np.shape(answer) != (3,):
        return f"one number was expected; it returns {short(answer[0])}."
    error, k = np.array(places).T
    mistakes = [
        ("that is the way from the noise to the clean point.", error * (1 - k) / k),
        ("errors go with the root of that; their squares do not.", error * np.sqrt(k / (1 - k))),
        ("the error is squared already; its factor must be, too.", error**2 * k / (1 - k)),
        ("then what is left is divided by the noise's own factor.", error * k),
        ("the clean point is in there with a factor.", error / (1 - k)),
        ("the two guesses are not off by the same amount.", error),
        ("the noise's factor is the root of 1 - k.", error * k / (1 - k) ** 2),
    ]
    return bool(np.allclose(answer, error * k / (1 - k))) or (
        named_mistake(answer, mistakes) or f"for 0.5, k = 0.36 it returns {short(answer[0])}."
    )


def ways(answer: float) -> bool | str:
    """Judge the number of ways to send three clusters to three."""
    if answer == 27:
        return "then two clusters may go to the same place, and there is no way back."
    if answer in (3, 9):
        return "count whole translators: where does the first go, and then the second?"
    if answer == 1:
        return "is the swap of two clusters no way? It has a way back."
    if answer == 5:
        return "the one that is right has a cycle loss of 0, too."
    return answer == math.factorial(3)


def _wrong_shape(answer: ArrayLike, like: np.ndarray) -> str:
    """Return what is wrong with the answer's kind or shape, or an empty text."""
    if keras.ops.is_tensor(answer):
        return "a NumPy array was expected; here it is np.sqrt, not ops.sqrt."
    shape = np.shape(answer)
    return "" if shape == like.shape else f"the shape is {shape}, expected {like.shape}."


JUDGES = {
    "1": Judge(cycle_loss, "Who has gone there and back: where was he before?", is_function=True),
    "2": Judge(add_noise, "Which two factors stand in the formula above?", is_function=True),
    "3": Judge(
        step_back,
        "First solve the formula for the clean points, then use it once more.",
        is_function=True,
    ),
    "4": Judge(
        floor_of,
        "Write the noisy point as a sum, and take the covariance with its second part.",
        is_function=True,
    ),
    "5": Judge(
        noise_error,
        "Solve the formula for the noise: what does it become if the clean point is off by d?",
        is_function=True,
    ),
    "6": Judge(ways, "Where may the first cluster go, and then the second?", numbers=1),
}
