"""Judge the exercises of lesson 11, encoder and decoder, and attention."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

from utils.exercises import Judge, named_mistake, short


def moved_by_one(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a function from targets to what the decoder reads under teacher forcing."""
    target = np.array([[5, 9, 7, 1, 0], [8, 4, 6, 3, 1]])
    given = target.copy()
    answer = function(given)
    if answer is None:
        return None
    if not isinstance(answer, np.ndarray):
        return f"it returns a {type(answer).__name__}; the network reads a NumPy array."
    if answer.shape != target.shape:
        wider = answer.ndim == 2 and answer.shape[1] > target.shape[1]
        why = "the last column falls out" if wider else "START comes in, one column falls out"
        return f"the shape is {answer.shape}, expected {target.shape}: {why}."
    start, rolled = np.full_like(target[:, :1], 2), np.roll(target, 1, axis=1)
    mistakes = [
        ("that is the target itself; the network would only have to copy it.", target),
        ("that is the word after; the decoder would read the future.", np.roll(target, -1, 1)),
        (
            "that is the word after; the decoder would read the future.",
            np.concatenate([target[:, 1:], 0 * start], axis=1),
        ),
        ("at the first step it must read START; here it reads what was last.", rolled),
        (
            "at the first step it must read START, which is 2, not padding.",
            np.concatenate([0 * start, target[:, :-1]], axis=1),
        ),
        (
            "at the first step it must read START, which is 2; 1 is the end.",
            np.concatenate([0 * start + 1, target[:, :-1]], axis=1),
        ),
        ("each sentence moves on its own, along axis 1.", np.roll(target, 1, axis=0)),
        ("each sentence moves on its own, along axis 1.", np.roll(target, 1)),
        (
            "START must not replace the first word; all words move by one.",
            np.concatenate([start, target[:, 1:]], axis=1),
        ),
    ]
    if not np.array_equal(answer, np.concatenate([start, target[:, :-1]], axis=1)):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    if not np.array_equal(given, target):
        return "it changes the target itself; make a new array."
    taller = np.array([[5, 9, 1], [8, 1, 0], [6, 7, 1]])
    if not np.array_equal(function(taller.copy())[:, 1:], taller[:, :-1]):
        return "right for 2 rows of 5 words; it must do for other sizes, too."
    return True


def attend(function: Callable[..., Any]) -> bool | str | None:
    """Judge attention by the dot product, a function of queries, keys and values."""
    random = np.random.default_rng(0)
    q, k, v = random.normal(size=(2, 3)), random.normal(size=(4, 3)), random.normal(size=(4, 3))
    answer = function(q.copy(), k.copy(), v.copy())
    if answer is None or any(part is None for part in answer):
        return None
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return "two arrays were expected: the context, and the shares."
    context, shares = map(np.asarray, answer)
    if context.shape == (2, 4) and shares.shape == (2, 3):
        return "the context comes first, then the shares."
    if shares.shape != (2, 4):
        return f"the shares have the shape {shares.shape}; one for each query and key, (2, 4)."
    scores = q @ k.T
    expected = scipy.special.softmax(scores, 1)
    if not np.allclose(shares, expected):
        return named_mistake(shares, _wrong_shares(q, k, v)) or f"the shares are {short(shares)}."
    if context.shape != (2, 3):
        return f"the context has the shape {context.shape}, expected (2, 3)."
    mistakes = [
        ("the keys were mixed; the values are what one gets.", expected @ k),
        ("the shares are right, but the scores were used to mix.", scores @ v),
    ]
    if not np.allclose(context, expected @ v):
        return named_mistake(context, mistakes) or f"the context is {short(context)}."
    wide = np.asarray(function(q, k, np.hstack([v, v]))[0])
    if wide.shape != (2, 6) or not np.allclose(wide, expected @ np.hstack([v, v])):
        return "right for values of the size of a key; they may have another size."
    large = np.asarray(function(np.stack([1000 * k[0], 1000 * k[0]]), k, v)[0])
    return bool(np.isfinite(large).all()) or (
        "right for small scores; for large ones np.exp overflows. Subtract the largest first."
    )


def _wrong_shares(q, k, v):
    """Return what is often taken for the shares, each with the words that name it."""
    scores = q @ k.T
    return [
        ("these are the scores; the softmax is missing.", scores),
        (
            "each query's shares must add up to 1: softmax along the keys.",
            scipy.special.softmax(scores, 0),
        ),
        ("softmax along the keys, for each query on its own.", scipy.special.softmax(scores, None)),
        ("the shares are not divided by their sum.", np.exp(scores)),
        (
            "the shares are not divided by their sum.",
            np.exp(scores - scores.max(axis=1, keepdims=True)),
        ),
        (
            "the scores are divided by their sum; softmax takes np.exp first.",
            scores / scores.sum(axis=1, keepdims=True),
        ),
        (
            "dividing by the root of d comes later; here the plain product.",
            scipy.special.softmax(scores / 3**0.5, 1),
        ),
        (
            "the scores compare queries with keys, not with values.",
            scipy.special.softmax(q @ v.T, 1),
        ),
    ]


def masked_softmax(function: Callable[..., Any]) -> bool | str | None:
    """Judge a softmax whose shares are 0 at padding, a function of scores and a mask."""
    scores = np.array([[1.0, -2.0, 0.5, 3.0], [0.0, 4.0, -1.0, 2.0]])
    is_word = np.array([True, True, True, False])
    answer = function(scores.copy(), is_word.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != scores.shape:
        return f"the shape is {answer.shape}, expected {scores.shape}."
    full = scipy.special.softmax(scores, 1)
    expected = np.pad(scipy.special.softmax(scores[:, :3], 1), ((0, 0), (0, 1)))
    mistakes = [
        ("padding still has a share.", full),
        (
            "a score of 0 is one like any other: padding still has a share.",
            scipy.special.softmax(scores * is_word, 1),
        ),
        ("the shares of the words no longer add up to 1.", full * is_word),
        ("that keeps the padding and drops the words.", np.pad(np.ones((2, 1)), ((0, 0), (3, 0)))),
        ("the shares are not divided by their sum.", np.exp(scores) * is_word),
        (
            "each row must add up to 1, not all rows together.",
            expected
            * (np.exp(scores) * is_word).sum(axis=1, keepdims=True)
            / (np.exp(scores) * is_word).sum(),
        ),
    ]
    if np.isnan(answer).any():
        return "it returns NaN: each row must add up to 1, and a whole column has no share."
    if not np.allclose(answer, expected):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    in_front = np.pad(scipy.special.softmax(scores[:, 2:], 1), ((0, 0), (2, 0)))
    return np.allclose(function(scores.copy(), np.arange(4) > 1), in_front) or (
        "right where only the last place is padding; read is_word, there may be more."
    )


def additive_scores(function: Callable[..., Any]) -> bool | str | None:
    """Judge the scores of additive attention, a function of queries and keys."""
    random = np.random.default_rng(1)
    q, k = random.normal(size=(2, 5)), random.normal(size=(4, 5))
    answer = function(q.copy(), k.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != (2, 4):
        return f"the shape is {answer.shape}; a score for each query and key is (2, 4)."
    both = q[:, None] + k[None]
    mistakes = [
        ("that is the dot product.", q @ k.T),
        ("the tanh is missing.", both.sum(axis=-1)),
        ("tanh comes before the sum.", np.tanh(both.sum(axis=-1))),
        ("sum over d, not the mean.", np.tanh(both).mean(axis=-1)),
        (
            "add first; tanh is taken of the sum of query and key.",
            (np.tanh(q)[:, None] + np.tanh(k)).sum(axis=-1),
        ),
        (
            "the scores were asked for; the softmax comes after them.",
            scipy.special.softmax(np.tanh(both).sum(axis=-1), 1),
        ),
        ("add query and key, do not multiply them.", np.tanh(q[:, None] * k[None]).sum(axis=-1)),
    ]
    return np.allclose(answer, np.tanh(both).sum(axis=-1)) or (
        named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    )


def price(answer: Any) -> bool | str:
    """Judge what passes from the encoder to the decoder: three numbers."""
    if np.shape(answer) != (3,):
        return "three numbers were expected: (one vector, attention, scores)."
    if np.asarray(answer).dtype.kind not in "iuf":
        return "three numbers were expected, without quotation marks."
    one, memory, scores = np.asarray(answer).tolist()
    if one != 96:
        return "one vector has as many numbers as a state, however long the source is."
    if memory == 40:
        return "one state for each word of the source, and each has 96 numbers."
    if memory == 50 * 96:
        return "the memory holds a state for each word of the source, not of the target."
    if memory == 41 * 96:
        return "the last states are in the memory already; do not count them twice."
    if memory != 40 * 96:
        return f"attention does not receive {memory}."
    if scores == 40:
        return "40 scores are computed at *each* of the 50 steps."
    if scores == 2000 * 96:
        return "a score is one number: the 96 products are added up."
    return scores == 2000 or f"it does not compute {scores} scores."


JUDGES = {
    "1": Judge(
        moved_by_one,
        "What has been written before the first step, and what before the second?",
        is_function=True,
    ),
    "2": Judge(
        attend,
        "What has a row for each query, and a column for each key?",
        is_function=True,
    ),
    "3": Judge(masked_softmax, "Which score has a share of 0?", is_function=True),
    "4": Judge(
        additive_scores,
        "Each query must meet each key: before the sum the shape is (m, n, d).",
        is_function=True,
    ),
    "5": Judge(price, "What is passed on for each source word? What is compared with what?"),
}
