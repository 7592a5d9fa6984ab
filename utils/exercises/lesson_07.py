"""Judge the exercises of lesson 07, text with an LSTM."""

import itertools
from collections.abc import Callable
from numbers import Integral

import numpy as np

from utils.exercises import Judge, short


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
    if not np.allclose(answer, [0, 2 / 3, 0, 1 / 3]):
        return f"it returns {short(answer)} for {probabilities.tolist()} and p = 0.6."
    wide = function(probabilities.copy(), 0.95)
    return np.allclose(wide, probabilities) or f"with p = 0.95 nothing is cut, but it is {wide}."


def beam_search(
    search: Callable[..., tuple[int, ...] | None],
    log_probabilities: Callable[[tuple[int, ...]], np.ndarray],
) -> bool | str | None:
    """Judge a beam search by a toy world of three symbols.

    Args:
        search: The student's function of log_probabilities, length and width.
        log_probabilities: From a tuple of symbols to log-probabilities of the next one, (3,).
    """

    def total(sequence):
        return sum(log_probabilities(sequence[:i])[symbol] for i, symbol in enumerate(sequence))

    answer = search(log_probabilities, 2, 2)
    if answer is None:
        return None
    if not all(isinstance(symbol, Integral) for symbol in answer):
        return f"it returns {short(answer)}; a tuple only of symbols was expected."
    if len(answer) != 2:
        return f"it has {len(answer)} symbols, expected 2."
    greedy = tuple(int(symbol) for symbol in search(log_probabilities, 2, 1))
    if greedy != (0, 0):
        return f"with width 1 it should be greedy, (0, 0), but is {greedy}."
    best = max(itertools.product(range(3), repeat=5), key=total)
    wide = tuple(int(symbol) for symbol in search(log_probabilities, 5, 81))
    if not np.isclose(total(wide), total(best)):
        return f"with width 81 nothing is cut, so of length 5 it should find {best}, not {wide}."
    return tuple(answer) == (1, 0) or f"of length 2, with width 2, it finds {short(answer)}."


JUDGES = {
    "1": Judge((3, 8), "bits = -log2(p); perplexity = 2 to the power of the bits."),
    "2": Judge(
        nucleus,
        "np.argsort(-probabilities) is the order. Keep a character if the sum before is below p.",
    ),
    "3": Judge(
        beam_search,
        "Keep a list of pairs (log-probability, sequence), and start with [(0.0, ())].",
    ),
}
