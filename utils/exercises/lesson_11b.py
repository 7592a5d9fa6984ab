"""Judge the exercises of lesson 11b, real sentences: a dictionary, a beam, BLEU."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short


def dice(function: Callable[..., Any]) -> bool | str | None:
    """Judge Dice's coefficient, a function of counts: (E, H), (E,) and (H,)."""
    together = np.array([[8.0, 1.0, 0.0], [3.0, 5.0, 6.0]])
    first, second = np.array([10.0, 30.0]), np.array([12.0, 6.0, 7.0])
    answer = function(together.copy(), first.copy(), second.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != together.shape:
        return f"the shape is {answer.shape}; a score for each pair of words is (E, H)."
    either = first[:, None] + second
    mistakes = [
        ("these are the counts; frequent words would win everywhere.", together),
        ("twice the pairs that have both: the 2 is missing.", together / either),
        ("the Hungarian word may occur without the English one, too.", together / first[:, None]),
        ("the English word may occur without the Hungarian one, too.", together / second),
        (
            "the pairs with both are counted once only; Dice's sum counts them twice.",
            together / (either - together),
        ),
        (
            "put the sum below the line in brackets.",
            2 * together / first[:, None] + second,
        ),
        (
            "add the two numbers of pairs, do not multiply them.",
            2 * together / (first[:, None] * second),
        ),
    ]
    return np.allclose(answer, 2 * together / either) or (
        named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    )


def beam_step(function: Callable[..., Any]) -> bool | str | None:
    """Judge a step of the beam, a function of totals and logarithms of probabilities."""
    totals = np.array([-1.0, -1.5, -6.0])
    log_p = np.array([[-3.0, -0.5, -2.5, -4.0], [-0.2, -3.1, -1.6, -5.0], [-0.1, -4.0, -3.0, -2.0]])
    answer = function(totals.copy(), log_p.copy())
    if answer is None:
        return None
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return "three arrays were expected: from which beginning, with which piece, the new total."
    origins, chosen, new = map(np.asarray, answer)
    if not origins.shape == chosen.shape == new.shape == (3,):
        shapes = f"{origins.shape}, {chosen.shape} and {new.shape}"
        return f"the shapes are {shapes}; expected (3,) each."
    if {origins.dtype.kind, chosen.dtype.kind} - {"i", "u"}:
        return "rows and columns are used as indices: make them integers."
    right = np.array([[0, 1, 1], [1, 0, 2], [-1.5, -1.7, -3.1]])
    given = np.stack([origins, chosen, new]).astype(float)
    if np.allclose(given, right):
        return _in_other_sizes(function)
    ways = [
        ("right, but the best comes first.", right[:, ::-1]),
        ("which beginning and which piece have changed places.", right[[1, 0, 2]]),
        ("the totals so far are not added.", _best(log_p, 0 * totals)),
        (
            "that is the best piece of each; one may go on twice, another not at all.",
            np.array([[0, 1, 2], [1, 0, 0], [-1.5, -1.7, -6.1]]),
        ),
        (
            "a row of log_p has as many places as there are pieces: divide by that number.",
            np.array([[0, 1, 2], [1, 1, 0], [-1.5, -1.7, -3.1]]),
        ),
        (
            "these are the worst; the logarithms are below 0, and the largest is the best.",
            -_best(-log_p, -totals) * [[-1], [-1], [1]],
        ),
        ("logarithms are added, not multiplied.", _product(log_p, totals)),
    ]
    for message, wrong in ways:
        if np.allclose(given, wrong):
            return message
    if np.allclose(given[:2], right[:2]):
        return f"the right ones are kept, but their totals are {short(new)}."
    return f"from {short(origins)} with {short(chosen)}."


def _best(log_p: np.ndarray, totals: np.ndarray) -> np.ndarray:
    return _places(totals[:, None] + log_p, len(totals))


def _product(log_p: np.ndarray, totals: np.ndarray) -> np.ndarray:
    return _places(totals[:, None] * log_p, len(totals))


def _places(sums: np.ndarray, width: int) -> np.ndarray:
    best = np.argsort(-sums, axis=None, kind="stable")[:width]
    return np.stack([*np.unravel_index(best, sums.shape), sums.ravel()[best]]).astype(float)


def _in_other_sizes(function: Callable[..., Any]) -> bool | str:
    """Judge a larger step, and the first one, where only one beginning exists: the others -inf."""
    random = np.random.default_rng(0)
    totals, log_p = -random.exponential(size=8), -random.exponential(size=(8, 50))
    origins, chosen, _ = function(totals.copy(), log_p.copy())
    if np.shape(origins) != (8,) or not np.array_equal([origins, chosen], _best(log_p, totals)[:2]):
        return (
            "right, but not with 8 beginnings and 50 pieces: no size is fixed, the best is first."
        )
    totals[1:] = -np.inf
    origins, chosen, _ = function(totals.copy(), log_p.copy())
    first = np.array_equal([origins, chosen], _best(log_p, totals)[:2])
    return first or "right, but not where a total is minus infinity: such a beginning must die out."


def clipped_precision(function: Callable[..., Any]) -> bool | str | None:
    """Judge the share of written words that are in a reference, each as often as there."""
    written = ["a", "kutya", "a", "ház", "a", "kertben", "van"]
    reference = ["a", "kutya", "a", "kertben"]
    answer = function(list(written), list(reference))
    if answer is None:
        return None
    mistakes = [
        ("a word counts only as often as it is in the reference: clip.", 5 / 7),
        ("divide by the words written, not by those of the reference.", 4 / 4),
        ("an *a* that occurs twice in the reference may count twice.", 3 / 7),
        ("divide by all words written, also those that repeat.", 4 / 5),
        ("a share was asked for, not a number of words.", 4.0),
    ]
    if not np.isclose(answer, 4 / 7):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    written, reference = ["egy", "ház", "van"], ["egy", "egy", "kutya", "volt"]
    answer = function(list(written), list(reference))
    mistakes = [
        ("a word written once counts once, however often the reference has it.", 2 / 3),
        ("that compares lengths; which words are they?", 1.0),
        ("that compares lengths; which words are they?", 4 / 3),
    ]
    return bool(np.isclose(answer, 1 / 3)) or (
        "right for one pair of sentences, but not for egy ház van, with egy egy kutya volt: "
        + (named_mistake(answer, mistakes) or f"it returns {short(answer)}.")
    )


def what_a_beam_saves(answer: Any) -> bool | str:
    """Judge how many sentences there are, and how many totals a beam computes."""
    if np.shape(answer) != (2,):
        return "two numbers were expected: (all sentences, totals of the beam)."
    every, totals = (int(number) for number in answer)
    if every == 5 * 2000:
        return "each of the 2,000 pieces can be followed by each of the 2,000."
    if every == 5**2000:
        return "five places, and 2,000 possibilities for each: which is the base?"
    if every != 2000**5:
        return "at each of five places stands one of 2,000 pieces; that is another number."
    if totals == 40_000:
        return "at the first step there is only one beginning."
    if totals == 32_000:
        return "the first step computes totals, too."
    if totals == 10_000:
        return "that is greedy; a beam tries every piece for each of its four beginnings."
    return totals == 34_000 or f"a beam of 4 does not compute {totals} totals."


JUDGES = {
    "1": Judge(dice, "Let of_english be a column: broadcasting gives (E, H).", is_function=True),
    "2": Judge(
        beam_step,
        "In one long row (.ravel()) all can be sorted; a place leads back to row and column.",
        is_function=True,
    ),
    "3": Judge(
        clipped_precision, "Cross out a word of the reference when it is used up.", is_function=True
    ),
    "4": Judge(
        what_a_beam_saves, "Count step by step: how many beginnings, how many pieces for each?"
    ),
}
