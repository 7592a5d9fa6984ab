"""Judge the exercises of lesson 05, windows over time series."""

import re
from collections.abc import Callable

import numpy as np

from utils.exercises import Judge

LEAKS, CHOICES = set("ABE"), set("ABCDE")
NO_FUNCTION = "a function was expected: its name, without brackets."


def leaks(answer: str) -> bool | str:
    """Judge which of the five features, as letters, know the future."""
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
    if not callable(function):
        return NO_FUNCTION
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


def turned_features(
    function: Callable[[np.ndarray], np.ndarray | None],
    windows: np.ndarray,
    turned: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    features: Callable[[np.ndarray], np.ndarray],
    accuracy_of: Callable[[Callable], float],
) -> bool | str | None:
    """Judge features that do not change when the phone is turned and are better than the old ones.

    Args:
        function: The student's features of windows (n, 200, 3), (n, any number).
        windows: Windows of the lesson, (n, 200, 3).
        turned: The lesson's function that turns windows at random.
        features: The lesson's features.
        accuracy_of: The lesson's accuracy of a simple model on features.
    """
    if not callable(function):
        return NO_FUNCTION
    few = windows[:50]
    plain = function(few)
    if plain is None:
        return None
    apart = np.abs(function(turned(few, np.random.default_rng(1))) - plain).max()
    if apart > 1e-3:
        return f"turning the phone changes them by up to {apart:.2g}."
    gain = accuracy_of(function) - accuracy_of(features)
    return bool(gain > 0) or f"they do not change, but the accuracy changes by {gain:+.1%}."


JUDGES = {
    "1": Judge((90, 89, 256), "(n − m) // s + 1; a target takes its horizon off n first."),
    "2": Judge((250, 125, 912), "⌊(n + 2z − K) / s⌋ + 1. A filter has weights for 8 streams."),
    "3": Judge(leaks, "What of the test years is known before they happen?"),
    "4": Judge(three_ahead, "Which index has the last sample of window i? Then add 3."),
    "5": Judge(turned_features, "np.linalg.norm(x, axis=2) is the length at every moment."),
}
