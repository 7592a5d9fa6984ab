"""Judge the exercises of lesson 03b, turn it round."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, short


def step_up(function: Callable[..., Any]) -> bool | str | None:
    """Judge a step of ascent on a batch of pictures, of the length eta in the root mean square.

    Args:
        function: The student's function of the pictures, the gradient and eta.
    """
    random = np.random.default_rng(0)
    x = random.uniform(60, 200, (3, 5, 6, 3))
    gradient = random.normal(size=x.shape) * np.array([1e-4, 1, 50])[:, None, None, None]
    answer = function(x.copy(), gradient.copy(), 4.0)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != x.shape:
        return f"the shape is {answer.shape}, expected {x.shape}."
    size = np.sqrt(np.mean(gradient**2, axis=(1, 2, 3), keepdims=True))
    # Wrong steps that have a name, and the right one.
    steps = {
        "": 4 * gradient / size,
        "that goes down; we want to climb.": -4 * gradient / size,
        "the gradient still has its own size.": 4 * gradient,
        "that is one size for the whole batch; each picture needs its own (axis=(1, 2, 3)).": (
            4 * gradient / np.sqrt(np.mean(gradient**2))
        ),
        "that is divided by the mean of the squares; its root is missing.": 4 * gradient / size**2,
    }
    for words, step in steps.items():
        if np.allclose(answer, np.clip(x + step, 0, 255), rtol=1e-4, atol=1e-3):
            return words or _is_clipped(function, x, gradient)
    return f"it returns {short(answer)}."


def _is_clipped(function, x, gradient):
    far = np.asarray(function(x, gradient, 900.0))
    if far.min() < 0 or far.max() > 255:
        return "with large steps the values leave 0 to 255."
    return True


def two_at_once(function: Callable[..., Any]) -> bool | str | None:
    """Judge an objective that is the mean of two classes' scores, one number a picture.

    Args:
        function: The student's function of maps, (n, rows, columns, 1000), and two classes.
    """
    from keras import ops

    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 1000)).astype("float32")
    answer = function(ops.convert_to_tensor(maps), 13, 207)
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    if answer.shape != (2,):
        return f"it returns the shape {answer.shape}, expected (2,): one number per picture."
    scores = maps.mean(axis=(1, 2))[:, [13, 207]]
    if np.allclose(answer, scores.mean(axis=1), atol=1e-5):
        return True
    if np.allclose(answer, scores.sum(axis=1), atol=1e-5):
        return "the mean was asked for; this is the sum."
    return f"it returns {short(answer)}."


JUDGES = {
    "1": Judge(
        step_up, "x plus eta times the gradient, divided by its root mean square; then np.clip."
    ),
    "2": Judge(
        two_at_once, "A score is the mean of a map over its rows and columns, axes 1 and 2."
    ),
}
