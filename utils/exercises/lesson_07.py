"""Judge the exercises of lesson 07, text with an LSTM."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short


def bits(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a function from the probabilities of what came, (n,), to bits per character."""
    p = np.array([0.5, 0.25, 0.05, 0.8, 0.1])
    answer = function(p.copy())
    if answer is None:
        return None
    if np.shape(answer) == p.shape:
        return "those are the bits of each character; one number was asked for, their mean."
    if np.shape(answer) != ():
        return f"the shape is {np.shape(answer)}, expected one number."
    mistakes = [
        ("it is negative. The logarithm of a probability is below zero.", np.mean(np.log2(p))),
        ("those are nats, from the natural logarithm.", -np.mean(np.log(p))),
        ("that is the logarithm to base 10.", -np.mean(np.log10(p))),
        ("that is the sum; bits *per character* are the mean.", -np.sum(np.log2(p))),
        ("the logarithm comes first, then the mean.", -np.log2(np.mean(p))),
        ("that is the entropy of these numbers; weigh all alike.", -np.sum(p * np.log2(p))),
        ("that is the perplexity, 2 to the power of the bits.", 2 ** -np.mean(np.log2(p))),
    ]
    if np.isclose(answer, -np.mean(np.log2(p)), rtol=1e-4):
        return True
    return named_mistake(answer, mistakes, rtol=1e-4) or f"it returns {short(answer)}."


def temperature(function: Callable[[np.ndarray, float], Any]) -> bool | str | None:
    """Judge a function from logits, (classes,), and a temperature to probabilities."""
    logits, heat = np.array([2.0, 1.0, -1.0, 0.5]), 0.5
    answer = function(logits.copy(), heat)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != logits.shape:
        return f"the shape is {answer.shape}, expected {logits.shape}."
    softmax = lambda z: np.exp(z) / np.exp(z).sum()  # noqa: E731
    below = np.exp(logits / heat) / np.exp(logits).sum()
    mistakes = [
        ("that is the ordinary softmax. Where is the temperature?", softmax(logits)),
        ("the logits were multiplied by the temperature.", softmax(logits * heat)),
        ("these are no probabilities yet: they do not sum to 1.", np.exp(logits / heat)),
        ("divide the logits before the softmax, not after it.", softmax(logits) / heat),
        ("those are the logits, divided. The softmax is missing.", logits / heat),
        ("that is 1 for the likeliest and 0 for the others.", np.eye(4)[0]),
        ("below the line, too, the logits must be divided.", below),
        (
            "divide by the sum, not by the largest.",
            np.exp(logits / heat) / np.exp(logits[0] / heat),
        ),
    ]
    if np.allclose(answer, softmax(logits / heat), rtol=1e-4):
        hot = np.asarray(function(logits.copy(), 2.0))
        return np.allclose(hot, softmax(logits / 2), rtol=1e-4) or "with T = 2 it is wrong."
    return named_mistake(answer, mistakes, rtol=1e-4) or f"it returns {short(answer)}."


def carried(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function that writes with the state carried along.

    Args:
        function: The student's function of step, pick, character, h, c and length; it returns
            the characters that were written.
    """

    def step(character, h, c):  # no network, but one whose state matters
        c = (2 * c + character + 1) % 17
        return (c + h) % 11, (h + c) % 13, c

    def pick(logits):
        return int(logits) % 7

    def expected(reset=(), same=False, swapped=False):
        h, c, character, text = 1, 2, 3, []
        for _ in range(8):
            logits, new_h, new_c = step(character, h, c)
            h, c = (1 if "h" in reset else new_h), (2 if "c" in reset else new_c)
            h, c = (c, h) if swapped else (h, c)
            drawn = pick(logits)
            character = 3 if same else drawn
            text.append(drawn)
        return text

    answer = function(step, pick, 3, 1, 2, 8)
    if answer is None:
        return None
    if np.ndim(answer) == 0:
        return "one character was returned; a list of all that were drawn was expected."
    answer = [int(character) for character in answer]
    right = expected()
    if answer == right:
        return True
    if answer == [3, *right] or answer == [3, *right[:-1]]:
        return "the first character was given; what is returned is what was written after it."
    mistakes = [
        ("the state is not carried: every step starts with the same h and c.", expected("hc")),
        ("h is carried, c is not.", expected("c")),
        ("c is carried, h is not.", expected("h")),
        ("it reads the same character at every step, not the one just drawn.", expected("", True)),
        ("h and c are swapped on the way: step returns logits, h, c.", expected("", False, True)),
    ]
    if len(answer) != len(right):
        return f"it returns {len(answer)} characters, expected 8."
    return named_mistake(answer, mistakes) or f"it writes {short(answer)}."


def parameters(answer: int) -> bool | str:
    """Judge the number of weights of an LSTM with 128 units on 65 inputs."""
    right = 4 * 128 * (65 + 128 + 1)
    if answer == right:
        return True
    mistakes = [
        ("the biases are missing.", 4 * 128 * (65 + 128)),
        ("Keras's LSTM has one bias for each unit and map, not two.", right + 4 * 128),
        ("that is one gate; there are four maps of this size.", 128 * (65 + 128 + 1)),
        ("that is three maps; besides the three gates there is the candidate.", right * 3 // 4),
        ("the way from h to the gates is missing.", 4 * 128 * (65 + 1)),
        ("the weights are the same at all timesteps; do not multiply by 20.", right * 20),
        ("the dense layer has weights of its own; only the LSTM was asked.", right + 129 * 65),
    ]
    return named_mistake(answer, mistakes, rtol=0, atol=0.1) or f"you have {short(answer)}."


def nucleus(function: Callable[[np.ndarray, float], np.ndarray | None]) -> bool | str | None:
    """Judge a function that cuts probabilities, (classes,), to the nucleus of probability p."""
    probabilities = np.array([0.1, 0.5, 0.15, 0.25])
    answer = function(probabilities.copy(), 0.6)
    if answer is None:
        return None
    if np.shape(answer) != (4,):
        return f"the shape is {np.shape(answer)}, expected (4,)."
    if not np.isclose(np.sum(answer), 1):
        return f"it sums to {np.sum(answer):.3f}, not to 1."
    if np.allclose(answer, [0, 1, 0, 0]):
        return "with p = 0.6, one character of probability 0.5 is not enough."
    if np.allclose(answer, [2 / 3, 1 / 3, 0, 0]):
        return "those are in the order of their size; each must stand in its own place again."
    if not np.allclose(answer, [0, 2 / 3, 0, 1 / 3]):
        return f"it returns {short(answer)} for {probabilities.tolist()} and p = 0.6."
    wide = function(probabilities.copy(), 0.95)
    return np.allclose(wide, probabilities) or f"with p = 0.95 nothing is cut, but it is {wide}."


JUDGES = {
    "1": Judge(bits, "np.log2, np.mean, and a sign.", is_function=True),
    "2": Judge(temperature, "Divide, np.exp, and divide by the sum.", is_function=True),
    "3": Judge(carried, "What step returns goes into the next step.", is_function=True),
    "4": Judge(parameters, "Four maps, each from the input and from h to 128 units.", numbers=1),
    "5": Judge(
        nucleus,
        "np.argsort(-probabilities) is the order. Keep a character if the sum before is below p.",
        is_function=True,
    ),
}
