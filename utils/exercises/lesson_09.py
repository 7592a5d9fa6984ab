"""Judge the exercises of lesson 09, WaveNet."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

from utils.exercises import Judge, named_mistake, short

SILENCE = 128  # the class of the sample 0
LOGITS = np.array([1.0, 3.0, 2.0, -1.0, 0.5])


def field(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from dilations, and a width of the kernel, to the receptive field."""
    answer = function([1, 2, 4, 8])
    if answer is None:
        return None
    mistakes = [
        ("the sample itself is seen, too.", 15),
        ("a kernel of width 2 has one tap besides the one at its own time.", 31),
        ("that is the last layer alone; all layers add up.", 9),
        ("that is the number of layers, and one; how far back does each reach?", 5),
    ]
    if np.shape(answer) != () or answer != 16:
        return named_mistake(answer, mistakes) or f"for 1, 2, 4, 8 it returns {short(answer)}."
    if (long := function([1, 2, 4, 8, 1, 2, 4, 8])) != 31:
        return f"for twice 1, 2, 4, 8 it returns {short(long)}. Not every stack doubles."
    if (wide := function([1, 3, 9], kernel_size=3)) == 14:
        return "with a kernel of width 3 it returns the same as with 2. Is kernel_size used?"
    return wide == 27 or f"for 1, 3, 9 and a kernel of width 3 it returns {short(wide)}."


def shifted(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a function from the targets, (n, time), to the input of the net."""
    codes = np.array([[11, 12, 13, 14], [21, 22, 23, 24]])
    answer = function(given := codes.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if not np.array_equal(given, codes):
        return "it changes the targets themselves: input and target are then one array."
    if answer.shape != codes.shape:
        return f"the shape is {answer.shape}, expected {codes.shape}: as many steps as targets."
    later = np.roll(codes, -1, axis=1)
    mistakes = [
        ("so the layer at time t is told sample t, which it has to predict.", codes),
        ("that is shifted into the future.", later),
        ("that is shifted into the future.", np.append(codes[:, 1:], [[SILENCE]] * 2, axis=1)),
        ("what comes first is the end of the same sound.", np.roll(codes, 1, axis=1)),
        ("that is shifted by two.", np.insert(codes, [0, 0], SILENCE, axis=1)[:, :4]),
        ("shift along time, not from sound to sound.", np.roll(codes, 1, axis=0)),
        ("the first input is no sound, but the class 0 is loud.", _after(codes, 0)),
    ]
    if np.array_equal(answer, _after(codes, SILENCE)):
        return True
    return named_mistake(answer, mistakes) or f"for {short(codes)} it returns {short(answer)}."


def _after(codes, first):
    return np.insert(codes, 0, first, axis=1)[:, :-1]


def softmax(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from logits, temperature and top_k to probabilities."""
    p, cooled = scipy.special.softmax(LOGITS), scipy.special.softmax(LOGITS / 0.5)
    largest, coolest = (np.where(LOGITS >= 2, q, 0) for q in (p, cooled))
    divided = "dividing probabilities cancels, once they sum to 1 again; divide what comes before."
    temperature = [
        ("the temperature multiplies; it must divide.", scipy.special.softmax(0.5 * LOGITS)),
        (divided, p),
        ("divide the logits by the temperature, before exp.", p / 0.5),
    ]
    top_k = [
        ("with top_k they must sum to 1 again.", largest),
        ("top_k is not used.", p),
        ("those are the smallest logits.", _part(p, LOGITS <= 0.5)),
        (
            "a logit of 0 is not a probability of 0.",
            scipy.special.softmax(np.where(LOGITS >= 2, LOGITS, 0)),
        ),
    ]
    both = [("with top_k the temperature is not used.", _part(p, LOGITS >= 2))]
    tests = [
        ({}, p, [("they are in proportion, but do not sum to 1.", np.exp(LOGITS))]),
        ({"temperature": 0.5}, cooled, temperature),
        ({"top_k": 2}, largest / largest.sum(), top_k),
        ({"temperature": 0.5, "top_k": 2}, coolest / coolest.sum(), both),
    ]
    for how, right, mistakes in tests:
        answer = function(given := LOGITS.copy(), **how)
        if answer is None:
            return None
        if not np.array_equal(given, LOGITS):
            return "it changes the logits themselves, which are needed again. Work on a copy."
        answer = np.asarray(answer, dtype=float)
        if answer.shape != LOGITS.shape:
            return f"with {how} the shape is {answer.shape}, expected {LOGITS.shape}."
        if np.allclose(answer, right):
            continue
        if said := named_mistake(answer, mistakes):
            return said
        if (count := np.count_nonzero(answer)) != how.get("top_k", 5):
            return f"with {how} {count} classes remain."
        return f"with {how} it returns {short(answer)}."
    return True


def _part(p, kept):
    return np.where(kept, p, 0) / p[kept].sum()


def field_of_width_3(answer: int) -> bool | str:
    """Judge how many samples a stack of width 3 and dilations 1, 3, 9, 27 sees."""
    wrong = {
        80: "something that is seen is not counted.",
        41: "that is a stack of width 2.",
        121: "a kernel of width 3 does not reach back by three times its dilation.",
        40: "how many dilations far does each layer look, and is the sample itself seen?",
        54: "that is the last layer alone, without the sample itself.",
        55: "that is the last layer alone.",
        243: "that is once more than there are layers.",
    }
    return answer == 81 or wrong.get(answer, False)


JUDGES = {
    "1": Judge(
        field,
        "Follow the drawing down: what does each layer add, and what is there at first?",
        is_function=True,
    ),
    "2": Judge(
        shifted,
        "What may be known when sample t is predicted? The class of silence is 128.",
        is_function=True,
    ),
    "3": Judge(
        softmax,
        "exp, divided by its sum. What must happen before, and what in between?",
        is_function=True,
    ),
    "4": Judge(
        field_of_width_3,
        "Follow one output down: how far does each layer look back?",
        numbers=1,
    ),
}
