"""Judge the exercises of lesson 05, windows over time series and convolutions over time."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short

LEAKS, CHOICES = set("ABE"), set("ABCDE")


def cut(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function of a stream, a length and a hop that returns the windows as rows."""
    for samples, timesteps, hop in ((14, 4, 3), (14, 4, 2)):
        stream = np.arange(samples) + 0.5
        try:
            answer = function(stream.copy(), timesteps, hop)
            if answer is None:
                return None
            answer = np.asarray(answer, float)
        except (TypeError, ValueError) as error:
            if "inhomogeneous" in str(error) or "same shape" in str(error):
                return "the last rows are shorter: a window has to end inside the stream."
            raise
        right = np.lib.stride_tricks.sliding_window_view(stream, timesteps)[::hop]
        if answer.shape == right.shape and np.allclose(answer, right):
            continue
        if answer.shape == right.T.shape and np.allclose(answer, right.T):
            return "rows and columns are swapped: each window is a row."
        if answer.ndim == 2 and answer.shape[1] != timesteps:
            return f"a window has {answer.shape[1]} samples instead of {timesteps}."
        everywhere = np.lib.stride_tricks.sliding_window_view(stream, timesteps)
        if answer.shape == everywhere.shape and np.allclose(answer, everywhere):
            return "a window starts at every sample; the hop is left out."
        if answer.ndim == 2 and len(answer) == len(right):
            every = everywhere[: len(right)]
            words = "row i starts at sample i; the hop is left out."
            known = named_mistake(answer, [(words, every)])
            return known or f"row 1 begins with sample {answer[1, 0] - 0.5:g}, not {hop}."
        if answer.ndim != 2 or len(answer) > len(right):
            return f"the shape is {answer.shape}, expected {right.shape}."
        return f"{len(answer)} windows, where {len(right)} fit."
    return True


def peak(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a target: after how many steps the largest of the future values comes."""
    future = np.random.default_rng(0).permuted(np.arange(84.0).reshape(7, 6, 2), axis=1)
    answer = function(future.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != (7, 2):
        return f"the shape is {answer.shape}, expected (7, 2): reduce over axis 1 only."
    largest = np.argmax(future, axis=1)
    mistakes = [
        ("the first sample after the window comes in one step, not in none.", largest),
        ("that is the highest value; asked is when it comes.", future.max(axis=1)),
        ("that is when the lowest value comes.", np.argmin(future, axis=1) + 1),
        ("that counts one step too many.", largest + 2),
    ]
    if np.array_equal(answer, largest + 1):
        return True
    return named_mistake(answer, mistakes) or f"it returns {short(answer)}."


def one_moment(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function that computes all filters of a 1D convolution at one place, (filters,)."""
    random = np.random.default_rng(0)
    x, kernel, bias = random.normal(size=(20, 3)), random.normal(size=(5, 3, 4)), np.arange(1.0, 5)
    i, stride = 3, 2
    answer = function(x.copy(), kernel.copy(), bias.copy(), i, stride)
    if answer is None:
        return None
    answer = np.asarray(answer)
    place = lambda start, weights: np.tensordot(x[start : start + 5], weights, axes=2)  # noqa: E731
    right = place(i * stride, kernel)
    if answer.shape == ():
        return "it is one number; each of the filters gives one, so leave the last axis."
    window = x[i * stride : i * stride + 5, :, None]
    if answer.shape != right.shape:
        return f"the shape is {answer.shape}, expected (filters,), here {right.shape}."
    mistakes = [
        ("the bias is missing.", right),
        ("the stride is left out: place i starts at i * stride.", place(i, kernel) + bias),
        ("the filter lies the wrong way round.", place(i * stride, kernel[::-1]) + bias),
        ("the bias is added at every place of the filter; it comes once.", right + 15 * bias),
        ("the bias is added at every place of the filter; it comes once.", right + 5 * bias),
        ("the products are added up; this is their mean.", right / 15 + bias),
        ("the filters are added up, too.", np.sum(window * kernel) + bias),
    ]
    if np.allclose(answer, right + bias):
        return True
    return named_mistake(answer, mistakes) or f"it returns {short(answer)}."


def leaks(answer: str) -> bool | str:
    """Judge which of the five plans, as letters, know the future."""
    text = str(answer).strip().upper()
    chosen = set(text) if set(text) <= CHOICES else set(re.findall(r"\b[A-E]\b", text))
    missed, wrong = LEAKS - chosen, chosen - LEAKS
    if missed and wrong:
        return f"{len(missed)} missing, {len(wrong)} too many."
    if missed:
        return f"{len(missed)} missing."
    known = "what is known on the day of the forecast is no leak."
    return not wrong or f"{len(wrong)} too many: {known}"


def three_ahead(
    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray] | None],
) -> bool | str | None:
    """Judge a function that cuts a stream into windows of 12 and targets three samples later."""
    answer = function(np.arange(100.0))
    if answer is None:
        return None
    if len(answer) != 2:
        return "a pair was expected, of windows and targets."
    x, y = (np.asarray(part) for part in answer)
    if len(x) != len(y):
        return f"{len(x)} windows and {len(y)} targets."
    if x.shape[1:] != (12,) or y.ndim != 1 or not np.all(np.diff(x) == 1):
        return "each window should have 12 samples in a row, and one target."
    if not np.array_equal(y, x[:, -1] + 3):
        return f"the first window ends with {x[0, -1]:g}, its target is {y[0]:g}."
    return len(x) == 86 or f"{len(x)} rows; there could be 86."


def knocked(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a target: whether the acceleration ever exceeds 16 m/s² in the future."""
    random = np.random.default_rng(3)
    future = random.normal(size=(400, 8, 3)) * random.uniform(3, 25, (400, 1, 1))
    answer = function(future.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape not in ((400,), (400, 1)):
        return f"the shape is {answer.shape}, expected (400,): one answer for each window."
    answer = answer.reshape(400).astype(float)
    length = np.linalg.norm(future, axis=2)
    mistakes = [
        ("that is the largest length; asked is whether it exceeds 16.", length.max(axis=1)),
        ("one moment above 16 is enough.", np.all(length > 16, axis=1)),
        ("one moment above 16 is enough; this asks their mean.", length.mean(axis=1) > 16),
        ("that asks each axis by itself.", np.any(np.abs(future) > 16, axis=(1, 2))),
        ("that asks each axis by itself, and only upwards.", np.any(future > 16, axis=(1, 2))),
        ("that adds up the moments, too.", np.linalg.norm(future, axis=(1, 2)) > 16),
        ("the square root is missing.", np.any(np.sum(future**2, axis=2) > 16, axis=1)),
    ]
    if np.array_equal(answer, np.any(length > 16, axis=1)):
        return True
    return named_mistake(answer, mistakes) or "some windows get the wrong answer."


def whole_numbers(
    right: Sequence[int], mistakes: Mapping[tuple[int, int], str]
) -> Callable[[Sequence[float]], bool | str]:
    """Return a judge of several numbers that names what is wrong with the first wrong one.

    Args:
        right: The numbers.
        mistakes: What is said of a wrong number, by its place and the number.
    """

    def judge(answer: Sequence[float]) -> bool | str:
        for place, (given, wanted) in enumerate(zip(answer, right, strict=True)):
            if given != wanted:
                words = mistakes.get((place, given), f"you have {short(given)}.")
                return f"number {place + 1}: {words}"
        return True

    return judge


JUDGES = {
    "1": Judge(
        cut, "Row i holds the samples i * hop, …, i * hop + timesteps - 1.", is_function=True
    ),
    "2": Judge(
        peak, "Which axis is time? And from which number does NumPy count?", is_function=True
    ),
    "3": Judge(
        lambda answer: {
            -3: True,
            3: "the sign: the last sample is taken off the first.",
            1: "that is place 0; move the filter one step on.",
            -2: "that is place 2.",
        }.get(answer, f"you have {short(answer)}."),
        "Which three samples lie below the filter at place 1?",
        numbers=1,
    ),
    "4": Judge(
        one_moment,
        "window[:, :, None] * kernel has the axes place, stream, filter.",
        is_function=True,
    ),
    "5": Judge(
        whole_numbers(
            (196, 12, 192),
            {
                (0, 195): "how many places are there for a filter of length 2 on 3 samples?",
                (0, 200): "there are no zeros at the ends.",
                (1, 3): "each filter gives one stream.",
                (1, 36): "each filter gives one stream.",
                (2, 180): "the biases are missing.",
                (2, 72): "a filter has weights for every stream.",
                (2, 60): "a filter has weights for every stream; and the biases are missing.",
                (2, 216): "a filter has one bias, not one for every stream.",
            },
        ),
        "How many places has a filter to lie on? What does it multiply, and what does it add?",
        numbers=3,
    ),
    "6": Judge(
        whole_numbers(
            (90, 89, 256),
            {
                (0, 89): "the first window counts, too.",
                (0, 93): "the last ones would reach beyond the end.",
                (1, 90): "the horizon is not taken off.",
                (1, 88): "the first window counts, too.",
                (2, 257): "that leaves a sample out.",
                (2, 255): "that overlaps by one sample.",
            },
        ),
        "Where may the last window start, and where if it needs a future?",
        numbers=3,
    ),
    "7": Judge(
        whole_numbers(
            (250, 125, 912),
            {
                (0, 249): "first the floor, and then + 1.",
                (0, 500): "the stride is left out.",
                (0, 247): "the zeros at the ends are left out.",
                (1, 124): "250 samples make 125 pairs.",
                (1, 250): "pooling with s:2 halves the time.",
                (2, 896): "the biases are missing.",
                (2, 128): "a filter has weights for every stream.",
                (2, 112): "a filter has weights for every stream; and the biases are missing.",
            },
        ),
        "How many places has the filter among 500 samples and the zeros? What does it multiply?",
        numbers=3,
    ),
    "8": Judge(
        lambda answer: {
            14: True,
            13: "the bias is missing.",
            11: "the filter of a stream is turned round; it lies as it is written.",
            10: "that is the second stream alone.",
            9: "that is the second stream alone.",
            5: "that is the first stream alone.",
            4: "that is the first stream alone.",
            -4: "the second stream is taken off; it is added.",
            -5: "the second stream is taken off; it is added.",
            12: "that is place 0; move the filter one step on.",
        }.get(answer, f"you have {short(answer)}."),
        "Six products, one sum, one bias.",
        numbers=1,
    ),
    "9": Judge(leaks, "What of the test years is known before they happen?"),
    "10": Judge(
        three_ahead, "Which index has the last sample of window i? Then add 3.", is_function=True
    ),
    "11": Judge(
        knocked,
        "First the length at every moment; then: is one of them above the limit?",
        is_function=True,
    ),
}
