"""Judge the exercises of lesson 03b, turn it round."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short


def step_up(function: Callable[..., Any]) -> bool | str | None:
    """Judge a step of ascent on a batch of pictures, of the length eta in the root mean square.

    Args:
        function: The student's function of the pictures, the gradient and eta.
    """
    random = np.random.default_rng(0)
    x = random.uniform(60, 200, (4, 5, 6, 3))  # not 3 pictures: there are 3 colours
    gradient = random.normal(size=x.shape) * np.array([1e-4, 1, 50, 7])[:, None, None, None]
    given = x.copy()
    try:
        answer = function(given, gradient.copy(), 4.0)
    except ValueError as error:
        if "broadcast" in str(error):
            return "each picture has its own size; keepdims=True keeps their axes."
        raise
    if not np.array_equal(given, x):
        return "x itself was changed; return new pictures."
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != x.shape:
        return f"the shape is {answer.shape}, expected {x.shape}."
    axes = {"axis": (1, 2, 3), "keepdims": True}
    size = np.sqrt(np.mean(gradient**2, **axes))
    # Wrong steps that have a name, and the right one.
    steps = {
        "": 4 * gradient / size,
        "that goes down; we want to climb.": -4 * gradient / size,
        "the gradient still has its own size.": 4 * gradient,
        "eta is missing.": gradient / size,
        "that is one size for the whole batch; each picture needs its own (axis=(1, 2, 3)).": (
            4 * gradient / np.sqrt(np.mean(gradient**2))
        ),
        "each picture has one size for its three colours together.": (
            4 * gradient / np.sqrt(np.mean(gradient**2, axis=(1, 2), keepdims=True))
        ),
        "that is divided by the mean of the squares; its root is missing.": 4 * gradient / size**2,
        "that is the root of the sum; the mean of the squares was asked for.": (
            4 * gradient / np.sqrt(np.sum(gradient**2, **axes))
        ),
        "that is the mean of the absolute values.": (
            4 * gradient / np.mean(np.abs(gradient), **axes)
        ),
        "that keeps only the sign of the gradient.": 4 * np.sign(gradient),
    }
    if np.allclose(answer, np.clip(x + steps[""], 0, 1), atol=1e-3):
        return "the values of a picture go from 0 to 255."
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
    """Judge an objective that is the smaller of two classes' scores, one number a picture.

    Args:
        function: The student's function of maps, (n, rows, columns, 1000), and two classes.
    """
    from keras import ops

    maps = np.random.default_rng(0).normal(size=(6, 3, 4, 1000)).astype("float32")
    answer = function(ops.convert_to_tensor(maps), 13, 207)
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    if answer.shape != (6,):
        return f"it returns the shape {answer.shape}, expected (6,): one number per picture."
    both = maps.mean(axis=(1, 2))[:, [13, 207]]
    smallest = maps[..., [13, 207]].min(axis=(1, 2, 3))
    wrong = {
        "that is the larger of the two.": both.max(axis=1),
        "that is their mean; the smaller of the two was asked for.": both.mean(axis=1),
        "that is their sum; the smaller of the two was asked for.": both.sum(axis=1),
        "that is one of the two classes alone.": both[:, 0],
        "that is one of the two classes alone, the second.": both[:, 1],
        "a score is the mean of a map over its places; this is the sum.": 12 * both.min(axis=1),
        "a score is the mean of a map over its places; this is the smallest value.": smallest,
    }
    if np.allclose(answer, both.min(axis=1), atol=1e-5):
        return _is_differentiable(lambda x: function(x, 13, 207), maps)
    return named_mistake(answer, wrong.items(), atol=1e-5) or f"it returns {short(answer)}."


def strength(function: Callable[..., Any]) -> bool | str | None:
    """Judge the objective of DeepDream, the mean of the squared activations.

    Args:
        function: The student's function of maps, (n, rows, columns, channels), to one number.
    """
    from keras import ops

    maps = np.random.default_rng(0).normal(1, 1, size=(2, 3, 4, 5)).astype("float32")
    answer = function(ops.convert_to_tensor(maps))
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    if answer.size != 1:
        return f"it returns the shape {answer.shape}; one number is needed."
    wrong = {
        "that is the sum; the mean was asked for.": np.sum(maps**2),
        "that is the mean; each activation is squared first.": np.mean(maps),
        "that is the square of the mean; each activation is squared first.": np.mean(maps) ** 2,
        "that is the root of it.": np.sqrt(np.mean(maps**2)),
    }
    if np.allclose(answer, np.mean(maps**2), rtol=1e-4):
        return _is_differentiable(function, maps)
    return named_mistake(answer, wrong.items(), rtol=1e-4) or f"it returns {short(answer)}."


def _is_differentiable(objective, maps):
    from utils import gradients

    try:
        slope = gradients.gradient_function(objective)(maps)
    except Exception:  # each backend says in its own way that NumPy cannot be traced
        slope = np.zeros(1)
    if not slope.any():
        return "the value is right, but it has no gradient: use keras.ops, not NumPy."
    return True


JUDGES = {
    "1": Judge(
        step_up,
        "x plus eta times the gradient, divided by its root mean square; then np.clip.",
        is_function=True,
    ),
    "2": Judge(
        two_at_once,
        "A score is the mean of a map over its rows and columns, axes 1 and 2.",
        is_function=True,
    ),
    "3": Judge(strength, "Square the maps, then take the mean of everything.", is_function=True),
}
