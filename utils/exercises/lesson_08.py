"""Judge the exercises of lesson 08, residual networks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, short


def deepest(answer: int, learns_to_depth: Callable[[], int]) -> bool | str:
    """Judge a depth by training: `learns_to_depth` returns the largest one that learns XOR."""
    if answer not in (10, 20, 40, 80):
        return "one of the depths 10, 20, 40 and 80 was asked for."
    return answer == learns_to_depth()


def add_before(body: Callable[[Any, list], Any]) -> bool | str | None:
    """Judge a residual body tanh(W x + b + x) of x, (nets, batch, 10), and [kernel, bias]."""
    from keras import ops

    random = np.random.default_rng(0)
    shapes = (1, 4, 10), (1, 10, 10), (1, 1, 10)
    x, kernel, bias = (random.normal(0, 0.3, shape).astype("float32") for shape in shapes)
    answer = body(ops.convert_to_tensor(x), [ops.convert_to_tensor(w) for w in (kernel, bias)])
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    if answer.shape != x.shape:
        return f"the shape is {answer.shape}, expected {x.shape}."
    if np.allclose(answer, np.tanh(x @ kernel + bias + x), atol=1e-3):
        return True
    if np.allclose(answer, np.tanh(x @ kernel + bias) + x, atol=1e-3):
        return "this adds after the activation, as the slide does."
    return f"it returns {short(answer)}."


JUDGES = {
    "1": Judge(
        deepest,
        "Look at the printed medians; the table above has 10, 30 and 100 layers.",
        numbers=1,
    ),
    "2": Judge(
        add_before,
        "plain() above has everything; only the place of one bracket changes.",
        is_function=True,
    ),
    "3": Judge(0, "50 × 2 dense layers, and additions have no weights."),
}
