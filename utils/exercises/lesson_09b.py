"""Judge the exercises of lesson 09b, fast WaveNet."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, short


def step_of_a_layer(function: Callable[..., Any]) -> bool | str | None:
    """Judge one step of a dilated layer: a function of its queue (a list), x and two matrices."""
    random = np.random.default_rng(0)
    inputs, past_tap, now_tap = random.normal(size=(9, 3)), *random.normal(size=(2, 3, 2))
    for dilation in (1, 2, 4):
        queue = [np.zeros(3) for _ in range(dilation)]
        first, answers = list(queue), []
        for x in inputs:
            try:
                answers.append(function(queue, x.copy(), past_tap, now_tap))
            except IndexError:
                return f"with dilation {dilation} the queue runs empty."
            if answers[-1] is None:
                return None
            if np.shape(answers[-1]) != (2,):
                return f"it returns {short(answers[-1])}; an array of shape (2,) was expected."
        if len(queue) == dilation and all(map(operator.is_, queue, first)):
            return "the list that was handed over is as it was; an assignment makes another list."
        if len(queue) > dilation:
            return f"with dilation {dilation} the queue grows: {len(queue)} entries at the end."
        past, one_back = (_delayed(inputs, d) for d in (dilation, 1))
        answers = np.array(answers, dtype=float)
        mistakes = [
            ("the two matrices are swapped.", past @ now_tap + inputs @ past_tap),
            ("nothing of the past comes in.", inputs @ now_tap),
            ("the new input is missing.", past @ past_tap),
            ("the past is the new input itself.", inputs @ (past_tap + now_tap)),
            ("it still looks back by one step.", one_back @ past_tap + inputs @ now_tap),
        ]
        if np.allclose(answers, past @ past_tap + inputs @ now_tap):
            continue
        said = next((said for said, wrong in mistakes if np.allclose(answers, wrong)), None)
        return f"with dilation {dilation}: {said or 'the numbers are wrong.'}"
    return True


def _delayed(inputs, steps):
    return np.concatenate([np.zeros((steps, inputs.shape[1])), inputs])[: len(inputs)]


def vote(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from what was asked for and heard to the share understood, by voice."""
    asked = np.array([1, 2, 3, 4, 1, 2])
    heard = np.array([1, 2, 9, 9, 1, 2])
    voices = np.array(["a", "a", "a", "a", "b", "b"])
    answer = function(asked, heard, voices)
    if answer is None:
        return None
    if not isinstance(answer, dict) or set(map(str, answer)) != {"a", "b"}:
        return f"it returns {short(answer)}; a dictionary of the voices was expected."
    right = {str(name): float(share) for name, share in answer.items()}
    if right == {"a": 2.0, "b": 2.0}:
        return "those are numbers of digits; the share was asked for."
    if np.allclose([right["a"], right["b"]], [0.5, 0]):
        return "that is the share that was *not* understood."
    if np.allclose([right["a"], right["b"]], [2 / 6, 2 / 6]):
        return "divide by the digits of this voice, not by all."
    return np.allclose([right["a"], right["b"]], [0.5, 1]) or f"it returns {short(answer)}."


JUDGES = {
    "1": Judge(
        step_of_a_layer,
        "In the drawing: what goes out, what comes in, and what meets which matrix?",
        is_function=True,
    ),
    "2": Judge(
        vote,
        "Look at one voice first: which entries are its own, and how many of them are right?",
        is_function=True,
    ),
}
