"""Judge the exercises of lesson 12, the transformer."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import scipy.special

from utils.exercises import Judge, named_mistake, short


def causal_attention(function: Callable[..., Any]) -> bool | str | None:
    """Judge attention that is scaled and does not see the future, of queries, keys, values."""
    random = np.random.default_rng(0)
    q, k, v = random.normal(size=(4, 9)), random.normal(size=(4, 9)), random.normal(size=(4, 3))
    answer = function(q.copy(), k.copy(), v.copy())
    if answer is None or (isinstance(answer, tuple) and any(part is None for part in answer)):
        return None
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return "two arrays were expected: what was mixed, and the shares."
    mixed, shares = map(np.asarray, answer)
    if shares.shape != (4, 4):
        return f"the shares have the shape {shares.shape}; one for each query and key, (4, 4)."
    scores, past = q @ k.T / 3, np.tri(4, dtype=bool)
    expected = _softmax(scores, past)
    if np.isnan(shares[1:]).any():
        return "there are NaN in all rows; have you multiplied 0 by infinity?"
    if np.isnan(shares).any():
        return "there are NaN: a place may see itself; is a whole row masked?"
    if not np.allclose(shares, expected):
        return named_mistake(shares, _wrong_shares(q, k)) or f"the shares are {short(shares)}."
    if mixed.shape != (4, 3) or not np.allclose(mixed, expected @ v):
        return "the shares are right; the first result must be the values, mixed by them."
    q, k, v, others = q[:2, :4], k[:2, :4], v[:2], "right here; it must do for other sizes, too."
    try:
        shorter = np.asarray(function(q.copy(), k.copy(), v.copy())[0])
    except (IndexError, ValueError):  # sizes that are written as numbers
        return others
    right = _softmax(q @ k.T / 2, past[:2, :2]) @ v
    return (shorter.shape == (2, 3) and np.allclose(shorter, right)) or others


def _wrong_shares(q: np.ndarray, k: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Name what goes wrong with the shares of queries and keys, (4, 9) each."""
    scores, past = q @ k.T / 3, np.tri(4, dtype=bool)
    full, parts = scipy.special.softmax(scores, 1), np.exp(scores) * past
    own = "each row must add up to 1, for each query on its own."
    late = "the shares of the past no longer add up to 1: mask before the softmax."
    summed = "the shares are not divided by their sum."
    return [
        ("the scores must be divided by the root of d.", _softmax(3 * scores, past)),
        ("that divides by d; its root was asked for.", _softmax(scores / 3, past)),
        ("the d of the root is the size of a key.", _softmax(3 * scores / 2, past)),
        ("the d of the root is the size of a key.", _softmax(3 * scores / 3**0.5, past)),
        ("every place still sees the future.", full),
        ("every place still sees the future.", scipy.special.softmax(3 * scores, 1)),
        ("every place still sees one place ahead.", _softmax(scores, np.tri(4, k=1) > 0)),
        ("a place may see itself.", _softmax(scores, np.tri(4, k=-1) > 0, -1e9)),
        (
            "a score of 0 is one like any other: the future still has a share.",
            scipy.special.softmax(scores * past, 1),
        ),
        (
            "the triangle is added: 0 hides nothing, and 1 is no reason to be seen.",
            scipy.special.softmax(scores + past, 1),
        ),
        (late, full * past),
        (late, scipy.special.softmax(3 * scores, 1) * past),
        ("that shows the future and hides the past.", _softmax(scores, past.T)),
        ("the rows belong to the queries; here they belong to the keys.", _softmax(scores.T, past)),
        (summed, parts),
        (summed, np.exp(3 * scores) * past),
        (own, scipy.special.softmax(np.where(past, scores, -np.inf), 0)),
        (own, parts / parts.sum()),
        ("divide each row by its own sum, not each column (keepdims).", parts / parts.sum(axis=1)),
    ]


def pre_norm(function: Callable[..., Any]) -> bool | str | None:
    """Judge the wiring of a part of the block, a function of x, the norm and the part."""
    x = np.array([[1.0, -2.0, 4.0], [3.0, 0.5, -1.0]])
    norm, part = (lambda h: h / 2 + 1), (lambda h: h**2)
    answer = function(x.copy(), norm, part)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != x.shape:
        return f"the shape is {answer.shape}; it must stay {x.shape}."
    mistakes = [
        ("the shortcut is missing: x itself must be added.", part(norm(x))),
        ("the shortcut is missing: x itself must be added.", part(x)),
        ("the shortcut is missing: x itself must be added.", norm(part(x))),
        ("the norm stands on the shortcut; it belongs before the part only.", norm(x + part(x))),
        (
            "one norm is enough, before the part; the sum goes on as it is.",
            norm(x + part(norm(x))),
        ),
        ("one norm is enough, before the part.", x + norm(part(norm(x)))),
        ("the shortcut starts behind the norm; it must be x as it came.", norm(x) + part(norm(x))),
        ("the norm belongs to the part, not to the shortcut.", norm(x) + part(x)),
        ("the norm comes before the part, not after it.", x + norm(part(x))),
        ("the part reads x; it must read what the norm has made of it.", x + part(x)),
        ("x is added to what the part returns, not to what it reads.", part(x + norm(x))),
        ("both are added; they come one after the other.", x + norm(x) + part(x)),
        ("x is added once; the norm goes only into the part.", x + norm(x) + part(norm(x))),
        ("x is added, not multiplied.", x * part(norm(x))),
        ("the part is missing.", x + norm(x)),
        ("the part is missing.", norm(x)),
        ("the norm and the part are missing.", x),
    ]
    if not np.allclose(answer, x + part(norm(x))):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    try:
        function(keras.KerasTensor(x.shape), lambda h: h, lambda h: h)
    except (TypeError, ValueError):
        return "right for arrays; in the network x is a tensor, which NumPy's functions refuse."
    return True


def training_pair(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a function from windows of a text to what is read and what is to be guessed."""
    windows = np.array([[5, 9, 7, 1, 0], [8, 4, 6, 3, 2], [11, 12, 13, 14, 15]])
    answer = function(windows.copy())
    if answer is None or (isinstance(answer, tuple) and any(part is None for part in answer)):
        return None
    if not isinstance(answer, (tuple, list)) and np.shape(answer) != (2, 3, 4):  # np.stack
        return "two arrays were expected: what is read, and what is to be guessed."
    if len(answer) != 2 or not all(hasattr(part, "shape") for part in answer):
        return "two arrays were expected: what is read, and what is to be guessed."
    x, y = map(np.asarray, answer)
    if x.shape == (3, 4) and y.shape in ((3,), (3, 1)):
        return "that is one guess a window; there is one at *every* place."
    if x.shape != (3, 4) or y.shape != (3, 4):
        return f"the shapes are {x.shape} and {y.shape}; of 5 tokens 4 have one that follows."
    first, last = windows[:, :-1], windows[:, 1:]
    if np.array_equal(x, last) and np.array_equal(y, first):
        return "that is turned round: it would guess the token before."
    if np.array_equal(x, y):
        return "it would only have to copy what it reads."
    if np.array_equal(x, first) and np.isin(y[:, -1], windows[:, 0]).all():
        return "at the last place the first token of the window is guessed; np.roll goes round."
    return (np.array_equal(x, first) and np.array_equal(y, last)) or (
        f"the first row of what is read is {short(x[0])}, of what is guessed {short(y[0])}."
    )


def one_step(function: Callable[..., Any]) -> bool | str | None:
    """Judge one step of attention with a cache: of q, k, v at the new place, and the cache."""
    random = np.random.default_rng(2)
    q, k, v = random.normal(size=(3, 4))
    keys, values = random.normal(size=(2, 5, 4))
    answer = function(q.copy(), k.copy(), v.copy(), keys.copy(), values.copy())
    if answer is None or (isinstance(answer, tuple) and any(part is None for part in answer)):
        return None
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return "three arrays were expected: what was mixed, and both caches, longer by one."
    mixed, new_keys, new_values = map(np.asarray, answer)
    all_keys, all_values = np.vstack([keys, k]), np.vstack([values, v])
    if new_keys.shape != (6, 4) or new_values.shape != (6, 4):
        return f"the caches are {new_keys.shape} and {new_values.shape}; 5 rows must become 6."
    if np.allclose(new_keys[-1], v) and np.allclose(new_values[-1], k):
        return "the key belongs to the keys, and the value to the values."
    if not np.allclose(new_keys, all_keys) or not np.allclose(new_values, all_values):
        return "the new key and the new value belong at the end of their caches."

    def mix(keys, values, divide=2):
        return scipy.special.softmax(keys @ q / divide) @ values

    mistakes = [
        ("the new place must see itself, too.", mix(keys, values)),
        ("the scores must be divided by the root of d.", mix(all_keys, all_values, 1)),
        ("that divides by d; its root was asked for.", mix(all_keys, all_values, 4)),
        ("the d of the root is the size of a key.", mix(all_keys, all_values, 6**0.5)),
        ("the query asks, not the new key.", scipy.special.softmax(all_keys @ k / 2) @ all_values),
        ("the shares are not divided by their sum.", np.exp(all_keys @ q / 2) @ all_values),
        ("the keys were mixed; the values are what one gets.", mix(all_keys, all_keys)),
        ("the softmax is missing.", all_keys @ q / 2 @ all_values),
    ]
    if np.asarray(mixed).shape == (1, 4):
        mixed = mixed[0]
    return (mixed.shape == (4,) and np.allclose(mixed, mix(all_keys, all_values))) or (
        named_mistake(mixed, mistakes) or f"what was mixed is {short(mixed)}."
    )


def waves(function: Callable[[int, int], Any]) -> bool | str | None:
    """Judge the positions of sines and cosines, a function of the length and the width."""
    answer = function(5, 6)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != (5, 6):
        return f"the shape is {answer.shape}, expected (5, 6): one row a place."
    angle = np.arange(5)[:, None] / 10_000 ** (np.arange(0, 6, 2) / 6)
    expected = _in_turns(10_000 ** (-np.arange(3) / 3))
    halves = np.hstack([np.sin(angle), np.cos(angle)])
    from_one = angle + 1 / 10_000 ** (np.arange(0, 6, 2) / 6)
    mistakes = [
        ("sine and cosine take turns, column by column.", halves),
        ("sine comes first: at place 0 it is 0.", expected[:, [1, 0, 3, 2, 5, 4]]),
        (
            "places count from 0.",
            np.stack([np.sin(from_one), np.cos(from_one)], axis=-1).reshape(5, 6),
        ),
        (
            "a sine and its cosine have the same wave length; the exponent is 2i / d.",
            np.where(
                np.arange(6) % 2 == 0,
                np.sin(np.arange(5)[:, None] / 10_000 ** (np.arange(6) / 6)),
                np.cos(np.arange(5)[:, None] / 10_000 ** (np.arange(6) / 6)),
            ),
        ),
        ("the exponent is 2i / d; this is i / d.", _in_turns(10_000 ** (-np.arange(3) / 6))),
        ("the exponent is 2i / d; this is 4i / d.", _in_turns(10_000 ** (-np.arange(3) / 1.5))),
        ("the exponent is divided by d: 2i / d.", _in_turns(10_000.0 ** (-np.arange(0, 6, 2)))),
        ("t is divided by the power, not multiplied.", _in_turns(10_000 ** (np.arange(3) / 3))),
        ("i counts from 0.", _in_turns(10_000 ** (-np.arange(1, 4) / 3))),
    ]
    return np.allclose(answer, expected, atol=1e-6) or (
        named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    )


def _in_turns(speeds: np.ndarray) -> np.ndarray:
    """Sines and cosines in turn, (5, 6); each pair's angle grows by its speed at every place."""
    angle = np.arange(5)[:, None] * speeds
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(5, 6)


def extra_large(answer: Any) -> bool | str:
    """Judge the number of weights of the largest GPT-2."""
    if np.asarray(answer).dtype.kind not in "iuf" or np.size(answer) != 1:
        return "one number was expected, without quotation marks."
    value = float(np.asarray(answer).ravel()[0])
    width, depth = 1600, 48
    blocks = depth * (12 * width**2 + 13 * width)
    tokens, places, norm = 50_257 * width, 1024 * width, 2 * width
    mistakes = {
        blocks: "these are the blocks; the embeddings and the last norm are missing.",
        blocks + tokens + places: "the last norm has weights, too.",
        blocks + tokens + norm: "the positions have weights, too.",
        blocks + places + norm: "the tokens have weights, too.",
        blocks + 2 * tokens + places + norm: "the logits borrow the embedding; count it once.",
        depth * 12 * width**2 + tokens + places + norm: "the biases and norms are missing.",
        124_439_808: "that is the small one.",
    }
    if value in mistakes:
        return mistakes[value]
    right = blocks + tokens + places + norm
    if value != right and value in (round(right, -5), round(right, -6), 1.542e9):
        return "that is rounded, or read; count them, to the last one."
    if round(value) in (1542, 1557, 1558):
        return "that is in millions; count them, to the last one."
    return value == right or f"it does not have {value:,.0f}."


def _softmax(scores: np.ndarray, seen: np.ndarray, hidden: float = -np.inf) -> np.ndarray:
    """Shares along the keys, 0 where nothing may be seen."""
    return scipy.special.softmax(np.where(seen, scores, hidden), 1)


JUDGES = {
    "1": Judge(
        causal_attention,
        "np.tril keeps what is below the diagonal. Which score has a share of 0?",
        is_function=True,
    ),
    "2": Judge(
        pre_norm,
        "Two ways lead from x to the sum. On which of them does the norm stand?",
        is_function=True,
    ),
    "3": Judge(training_pair, "Which tokens have one that follows?", is_function=True),
    "4": Judge(one_step, "Append first; then the query meets all keys.", is_function=True),
    "5": Judge(waves, "answer[:, 0::2] are the even columns.", is_function=True),
    "6": Judge(extra_large, "Which weights does a block have, and which are there once?"),
}
