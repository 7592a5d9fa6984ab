"""Judge the exercises of lesson 12b: byte-pair encoding, rotary positions, sampling."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short

NO_ARRAY = "a NumPy array was expected, since the lesson goes on computing with it."
FIRST = ("b", "a", "n", "a", "n", "a")
WORDS = {FIRST: 3, ("a", "n"): 2, ("est", "e"): 4, ("x",): 5}


def count_pairs(function: Callable[[dict], Any]) -> bool | str | None:
    """Judge the count of neighbours in words, each with how often it occurs."""
    given = dict(WORDS)
    answer = function(given)
    if answer is None:
        return None
    if not isinstance(answer, Mapping):
        return f"a Counter or dictionary was expected, not {short(answer)}."
    found = {pair: times for pair, times in answer.items() if times}
    if found == _pairs(WORDS):
        return given == WORDS or "it changes the words themselves."
    if not found:
        return "nothing was counted; or did each word begin with an empty Counter?"
    if set(found) <= {part for parts in WORDS for part in parts}:
        return "it counts the parts, not the pairs of neighbours."
    if any(isinstance(pair, str) for pair in found):
        return "a pair is a tuple (left, right); joined, one cannot see what was joined."
    for sentence, made in _count_mistakes():
        if found == dict(made):
            return sentence
    if any(len(piece) == 1 and piece in "st" for pair in found for piece in pair):
        return "it cuts the piece 'est' into letters; a part may be longer than one letter."
    if strange := [pair for pair in found if pair not in _pairs(WORDS)]:
        return f"in no word are {short(strange[0])} neighbours, in this order."
    return f"for {short(WORDS)} it returns {short(dict(found))}"


def _count_mistakes() -> list[tuple[str, Mapping]]:
    one_by_one = [(pair, n) for w, n in WORDS.items() for pair in itertools.pairwise(w)]
    return [
        ("each word counts as often as it occurs, `times`.", _pairs(dict.fromkeys(WORDS, 1))),
        (
            "a pair that a word has twice counts twice.",
            sum((Counter(dict.fromkeys(_pairs({w: 1}), n)) for w, n in WORDS.items()), Counter()),
        ),
        ("the last pair of each word is missing.", _pairs({w[:-1]: n for w, n in WORDS.items()})),
        ("the first pair of each word is missing.", _pairs({w[1:]: n for w, n in WORDS.items()})),
        (
            "only every other pair was counted; neighbours overlap.",
            _counted((pair, n) for w, n in WORDS.items() for pair in zip(w[::2], w[1::2])),  # noqa: B905
        ),
        (
            "a pair is (left, right), not the other way round.",
            {(right, left): n for (left, right), n in _pairs(WORDS).items()},
        ),
        ("where a pair is met again, add to its count; it was overwritten.", dict(one_by_one)),
        ("only the first word was counted; return after the loop.", dict(_pairs({FIRST: 3}))),
    ]


def _pairs(words: Mapping[tuple, int]) -> Counter:
    return _counted((pair, n) for parts, n in words.items() for pair in itertools.pairwise(parts))


def _counted(pairs: Any) -> Counter:
    counts = Counter()
    for pair, times in pairs:
        counts[pair] += times
    return counts


def merge(function: Callable[[tuple, tuple], Any]) -> bool | str | None:
    """Judge the joining of a pair wherever it stands in a word."""
    cases = [
        ("bananas", "an", ("b", "an", "an", "a", "s"), ""),
        ("nab", "an", ("n", "a", "b"), "only left before right is the pair."),
        ("aaa", "aa", ("aa", "a"), "three equal parts in a row hold one pair, and one is left."),
        ("aaaa", "aa", ("aa", "aa"), "four equal parts in a row hold two pairs."),
        ("an", "an", ("an",), "the whole word may be the pair."),
        ("a", "an", ("a",), "a word may have a single part."),
    ]
    for word, pair, expected, why in cases:
        parts = tuple(word)
        answer = function(parts, tuple(pair))
        if answer is None:
            return None
        if isinstance(answer, list) and tuple(answer) == expected:
            return "a tuple was expected, since it becomes the key of a dictionary."
        if not isinstance(answer, tuple):
            return f"a tuple was expected, not {short(answer)}."
        if answer == ("b", "an", "a", "n", "a", "s"):
            return "it joins the first pair only; go on to the end of the word."
        if answer == ("b", "an", "an", "a"):
            return "the last part is missing."
        if pair == "an" and tuple(pair) in answer:
            return "the joined piece is one text, 'an', not a tuple in the tuple."
        if len(parts) == 7 and answer == parts:
            return "nothing was joined. (`pair` is a tuple, and so is `parts[i : i + 2]`.)"
        if answer in [("an", "an"), ("an",)] and len(parts) > 2:
            return "it keeps only what was joined; the other parts stay, too."
        if answer[:6] == ("b", "an", "n", "an", "n", "a"):
            return "after a pair was joined, its right part is there once more; go on behind it."
        if answer != expected:
            return f"{why} {short(parts)} becomes {short(answer)}.".strip()
    longer = function(("es", "t", "es", "t"), ("es", "t"))
    if longer != ("est", "est"):
        return f"right for single letters; ('es', 't', 'es', 't') becomes {short(longer)}."
    similar = function(("ba", "b", "a", "ba"), ("a", "b"))
    if similar != ("ba", "b", "a", "ba"):
        return "a part must be equal to the left one, not only end (or begin) like it."
    return True


def rotate(function: Callable[[np.ndarray, np.ndarray], Any]) -> bool | str | None:
    """Judge the rotation of neighbouring pairs of numbers."""
    random = np.random.default_rng(0)
    x, angles = random.normal(size=(3, 2, 8)), random.uniform(0.2, 1.4, size=(3, 1, 4))
    given = x.copy()
    answer = function(given, angles.copy())
    if answer is None:
        return None
    if isinstance(answer, tuple) and len(answer) == 2:
        return "one array was expected, like x; put both results back into their places."
    if not isinstance(answer, np.ndarray):
        return NO_ARRAY
    if answer.shape != x.shape:
        return f"the shape is {answer.shape}, expected that of x, {x.shape}."
    if not np.allclose(answer, _turned(x, angles), atol=1e-6):
        named = named_mistake(answer, _rotate_mistakes(x, angles, answer))
        return named or f"it returns {short(answer[0, 0])}."
    if not np.array_equal(given, x):
        return "it changes x itself; make a new array."
    for shape, pairs in (((8,), (4,)), ((2, 4, 2, 3, 8), (3, 4))):
        other, angles = random.normal(size=shape), random.uniform(0.2, 1.4, size=pairs)
        if not np.allclose(function(other.copy(), angles), _turned(other, angles), atol=1e-6):
            return f"right for x of shape {x.shape}, not for {shape}: any axes may come first."
    return True


def _rotate_mistakes(
    x: np.ndarray, angles: np.ndarray, answer: np.ndarray
) -> list[tuple[str, np.ndarray]]:
    a, b, c, s = x[..., 0::2], x[..., 1::2], np.cos(angles), np.sin(angles)
    first, second = a * c - b * s, a * s + b * c
    low, high = x[..., :4], x[..., 4:]
    return [
        ("nothing was turned.", x),
        ("it turns the other way round.", _woven(a * c + b * s, b * c - a * s)),
        ("a sign is wrong: lengths must stay.", _woven(a * c + b * s, a * s + b * c)),
        ("a sign is wrong: lengths must stay.", _woven(a * c - b * s, a * s - b * c)),
        ("a sign is wrong: lengths must stay.", _woven(a * c - b * s, b * c - a * s)),
        ("sine and cosine have changed places.", _woven(a * s - b * c, a * c + b * s)),
        (
            "the pairs are numbers 0 and 1, 2 and 3 …; it pairs 0 with 4.",
            np.concatenate([low * c - high * s, low * s + high * c], axis=-1),
        ),
        (
            "all first numbers come before all second ones; each belongs in its own place.",
            np.concatenate([first, second], axis=-1),
        ),
        (
            "stack both results along a new *last* axis, so that neighbours stand together.",
            np.stack([first, second]).reshape(x.shape),
        ),
        ("the angles are in radians already.", _turned(x, np.deg2rad(angles))),
        ("it turns all pairs by the angle of the first one.", _turned(x, angles[..., :1])),
        ("the second number was made from the turned first one.", _woven(first, first * s + b * c)),
        ("only the first number of each pair was turned.", _woven(first, b)),
        ("only the second number of each pair was turned.", _woven(a, second)),
        ("first and second number have changed places.", _woven(second, first)),
        ("the first of each pair is right, the second is not.", _woven(first, answer[..., 1::2])),
        ("the second of each pair is right, the first is not.", _woven(answer[..., ::2], second)),
    ]


def _turned(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    a, b, c, s = x[..., 0::2], x[..., 1::2], np.cos(angles), np.sin(angles)
    return _woven(a * c - b * s, a * s + b * c)


def _woven(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([first, second], axis=-1).reshape(*first.shape[:-1], -1)


SHARES = np.array([[0.05, 0.5, 0.2, 0.15, 0.1], [0.7, 0.02, 0.08, 0.04, 0.16]])
BOUND = "p is the sum of what is kept, not the least that one piece must have."
TOP_P = np.array([[0, 0.5, 0.2, 0, 0], [0.7, 0, 0, 0, 0]])  # for 0.6, not yet divided


def top_p(function: Callable[[np.ndarray, float], Any]) -> bool | str | None:
    """Judge top-p: what is kept, that at least one is, and that the sum is 1."""
    given = SHARES.copy()
    answer = function(given, 0.6)
    if answer is None:
        return None
    if not isinstance(answer, np.ndarray):
        return NO_ARRAY
    if answer.dtype == bool:
        return "it returns True and False; the shares that are kept were expected."
    if answer.shape != SHARES.shape:
        return f"the shape is {answer.shape}, expected that of the shares, {SHARES.shape}."
    low = np.asarray(function(SHARES.copy(), 0.25))[0]
    if (low > 0).sum() > 1 and not low[1]:
        return "it keeps the unlikely ones; begin with the likeliest."
    if np.isnan(answer[0]).any():
        return BOUND
    if np.isnan(answer).any():
        return "it returns NaN: where one piece alone has more than p, it must be kept."
    if not np.allclose(answer, _even(TOP_P)):
        return named_mistake(answer, _top_p_mistakes()) or f"for 0.6 it returns {short(answer)}."
    if not np.array_equal(given, SHARES):
        return "it changes the shares themselves; make a new array."
    sure = np.asarray(function(SHARES.copy(), 1e-6))
    if not np.allclose(sure, [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]]):
        return "for a tiny p the likeliest piece, and it alone, must be kept."
    return np.allclose(function(SHARES.copy(), 1.0), SHARES) or "for p = 1 all must be kept."


def _top_p_mistakes() -> list[tuple[str, np.ndarray]]:
    short_of = np.array([[0, 0.5, 0, 0, 0], [0, 0, 0, 0, 0]])
    ordered = -np.sort(-_even(TOP_P), axis=-1)
    return [
        ("what is kept has to be divided by its sum.", TOP_P),
        ("what is cut off gets 0; nothing was cut off.", SHARES),
        (
            "it stops before the sum reaches p: the piece that reaches it is kept, too.",
            np.array([[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]]),
        ),
        ("it stops before the sum reaches p: at least one must be kept.", short_of),
        ("each piece must stay in its place; they are in order of likelihood.", ordered),
        ("each piece must stay in its place; they are in order.", -np.sort(-TOP_P, axis=-1)),
        (BOUND, np.where(SHARES >= 0.6, SHARES, 0)),
        (
            "it adds up the shares as they stand; begin with the likeliest.",
            _even(np.array([[0.05, 0.5, 0.2, 0, 0], [0.7, 0, 0, 0, 0]])),
        ),
        (
            "what is to be kept was found in sorted order; the shares are not in that order.",
            _even(np.array([[0.05, 0.5, 0, 0, 0], [0.7, 0, 0, 0, 0]])),
        ),
        (
            "the rows have been treated as one; each is a text of its own.",
            np.array([[0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]),
        ),
        ("one too many is kept.", _even(np.where(SHARES >= 0.15, SHARES, 0))),
        ("each row must sum to 1, not all together.", TOP_P / TOP_P.sum()),
    ]


def _even(shares: np.ndarray) -> np.ndarray:
    return shares / shares.sum(axis=-1, keepdims=True)


def top_k(function: Callable[[np.ndarray, int], Any]) -> bool | str | None:
    """Judge top-k: the k likeliest pieces of each row, and that the sum is 1."""
    given = SHARES.copy()
    answer = function(given, 2)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != SHARES.shape:
        return f"the shape is {answer.shape}, expected that of the shares, {SHARES.shape}."
    ordered = -np.sort(-SHARES, axis=-1)
    kept = {k: np.where(ordered[:, k - 1 : k] > SHARES, 0, SHARES) for k in (1, 2, 3)}
    least = np.where(np.sort(SHARES, axis=-1)[:, 1:2] >= SHARES, SHARES, 0)
    mistakes = [
        ("what is kept has to be divided by its sum.", kept[2]),
        ("what is cut off gets 0; nothing was cut off.", SHARES),
        ("one too many is kept.", _even(kept[3])),
        ("one too few is kept.", _even(kept[1])),
        ("it keeps the unlikely ones.", _even(least)),
        ("it keeps the unlikely ones.", least),
        (
            "each piece must stay in its place; they are in order of likelihood.",
            -np.sort(-_even(kept[2]), axis=-1),
        ),
        ("each row must sum to 1, not all together.", kept[2] / kept[2].sum()),
    ]
    if not np.allclose(answer, _even(kept[2])):
        return named_mistake(answer, mistakes) or f"for k = 2 it returns {short(answer)}."
    if not np.array_equal(given, SHARES):
        return "it changes the shares themselves; make a new array."
    return np.allclose(function(SHARES.copy(), 3), _even(kept[3])) or "right for 2; read k."


def cache(answer: Any) -> bool | str:
    """Judge what the cache holds: numbers a piece, and bytes for a full context."""
    if np.shape(answer) != (2,):
        return "two numbers were expected: (numbers for each piece, bytes for 512 pieces)."
    if np.asarray(answer).dtype.kind not in "iuf":
        return "two numbers were expected, without quotation marks."
    numbers, size = np.asarray(answer).tolist()
    wrong = {
        640: "that would be with a key and a value for each of the 8 heads.",
        160: "a key *and* a value is kept.",
        64: "that is one layer; there are five.",
        32: "that is the keys of one layer; there are values, too, and five layers.",
        80: "two heads share a group; how many groups are there?",
        320 * 512: "that is for all 512 pieces; how many numbers are kept for *one*?",
        512: "512 is the number of pieces; how many numbers are kept for *one*?",
    }
    if numbers != 320:
        return wrong.get(numbers, f"it does not keep {numbers} numbers for each piece.")
    if size == 320 * 512:
        return "the first is right; those are numbers, and a float32 has more than one byte."
    if size in (640, 655.36):
        return "the first is right; bytes were expected, not thousands of them."
    if size == 320 * 4:
        return "the first is right; that is for one piece, and there are 512."
    if size in (320 * 512 * 8, 320 * 512 * 2):
        return "the first is right; a float32 has 4 bytes."
    return size == 320 * 512 * 4 or f"the first is right; the cache does not take {size} bytes."


JUDGES = {
    "1": Judge(
        count_pairs,
        "For each word, for each of its pairs: add how often the word occurs.",
        is_function=True,
    ),
    "2": Judge(
        merge,
        "After a pair was joined, go on behind it; the last part has no right neighbour.",
        is_function=True,
    ),
    "3": Judge(
        rotate,
        "Take all first numbers, and all second ones; both are needed for either result.",
        is_function=True,
    ),
    "4": Judge(
        top_p,
        "Sort; what do all the likelier ones have together? Then put it back into its place.",
        is_function=True,
    ),
    "5": Judge(top_k, "Which is the smallest share that is kept?", is_function=True),
    "6": Judge(cache, "Five layers, four groups, eight numbers; what is kept of each?"),
}
