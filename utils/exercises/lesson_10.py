"""Judge the exercises of lesson 10, word vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short


def pmi(function: Callable[[np.ndarray], Any]) -> bool | str | None:
    """Judge a function from counts (words, contexts), all above 0, to their PMI."""
    counts = np.array([[8.0, 2.0, 4.0], [1.0, 5.0, 3.0]])
    answer = function(counts.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != counts.shape:
        return f"the shape is {answer.shape}, expected {counts.shape}: a number for each pair."
    total = counts.sum()
    rows, columns = counts.sum(1, keepdims=True), counts.sum(0)
    right = np.log(counts * total / (rows * columns))
    mistakes = [
        ("the logarithm is missing.", np.exp(right)),
        ("that is in bits; take the natural logarithm.", right / np.log(2)),
        ("the total is missing.", np.log(counts / (rows * columns))),
        ("counts are not shares yet: divide all three by the total.", right - np.log(total)),
        ("only the word's share is taken into account.", np.log(counts / rows)),
        ("only the context's share is taken into account.", np.log(counts / columns)),
        ("that is upside down.", -right),
        ("the sums of rows and columns are mixed up.", np.log(counts * total / rows / rows)),
        ("multiply by the total; do not divide.", np.log(counts / (rows * columns) / total)),
        ("that is the share of the pair alone.", np.log(counts / total)),
        ("negative values belong to it, too.", np.maximum(right, 0)),
    ]
    if not np.allclose(answer, right):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    return _knows_zeros(function)


def _knows_zeros(function):
    """Say whether a count of 0 gets −∞ (or a large negative number), and the rest stays right."""
    counts = np.array([[8.0, 0.0, 4.0], [1.0, 5.0, 3.0]])
    shares = counts / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        right = np.log(shares / np.outer(shares.sum(1), shares.sum(0)))
        try:
            answer = np.asarray(function(counts.copy()), dtype=float)
        except ValueError:  # the logarithm of Python's math
            return "where a count is 0, −∞ was expected; there it breaks. Use np.log."
    seen = counts > 0
    fits = answer.shape == counts.shape and np.allclose(answer[seen], right[seen])
    return bool(fits and answer[0, 1] < -5) or "where a count is 0, −∞ was expected."


def pair_loss(function: Callable[[Any, Any], Any]) -> bool | str | None:
    """Judge the loss of a pair and its negatives, from scores (pairs, 1 + k) to (pairs,)."""
    from keras import ops

    scores = np.array([[0.5, -1.0, 2.0, 0.1], [-2.0, 1.5, 0.0, 0.3]], "float32")
    answer = function(None, ops.convert_to_tensor(scores))
    if answer is None:
        return None
    answer = np.asarray(ops.convert_to_numpy(answer), dtype=float)
    soft = lambda x: np.log1p(np.exp(x))  # noqa: E731
    real, drawn = scores[:, 0], scores[:, 1:]
    right = soft(-real) + soft(drawn).sum(axis=1)
    if answer.shape == scores.shape:
        return "each pair has one loss: add the negatives up over axis 1."
    if answer.shape == () and not np.isclose(answer, right.mean(), rtol=1e-4):
        return "one loss for each row was expected, (pairs,); that is a single number."
    if answer.ndim > 1:
        return f"one loss for each pair was expected, (pairs,); its shape is {answer.shape}."
    mistakes = [
        ("the real pair and the negatives are swapped.", soft(real) + soft(-drawn).sum(axis=1)),
        ("the negatives are missing.", soft(-real)),
        ("the real pair is missing.", soft(drawn).sum(axis=1)),
        ("add the negatives up; do not average them.", soft(-real) + soft(drawn).mean(axis=1)),
        (
            "those are the negatives of all pairs: axis=1 is missing.",
            soft(-real) + soft(drawn).sum(),
        ),
        ("negatives should get a low score: mind their sign.", soft(-scores).sum(axis=1)),
        ("the real pair should get a high score: mind its sign.", soft(scores).sum(axis=1)),
        ("both parts are added.", soft(-real) - soft(drawn).sum(axis=1)),
        ("a loss is minus the logarithm.", -right),
        ("that is an average over all scores; add them up.", right / scores.shape[1]),
    ]
    if answer.shape == () or np.allclose(answer, right, rtol=1e-4, atol=1e-5):
        return _can_be_trained(function)
    return named_mistake(answer, mistakes, rtol=1e-4, atol=1e-5) or f"it returns {short(answer)}."


def _can_be_trained(loss):
    """Say whether a loss is of the backend's operations alone, by tracing it."""
    import keras

    try:
        keras.layers.Lambda(lambda scores: loss(None, scores))(keras.Input((4,)))
    except Exception:  # each backend says in its own way that NumPy cannot be traced
        return "the values are right, but have no gradient: use keras.ops, not NumPy."
    return True


def analogy(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function of unit vectors and rows a, b, c to the row that answers."""
    random = np.random.default_rng(1)
    unit = random.normal(size=(12, 4))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    questions = [random.choice(12, 3, replace=False).tolist() for _ in range(12)]
    answers = []
    for question in questions:
        given = unit.copy()
        answer = function(given, *question)
        if answer is None:
            return None
        if np.shape(answer) != ():
            return f"one row was expected, not {short(answer)}."
        if not np.array_equal(given, unit):
            return "it changes the vectors that it is given; change a copy, or the similarities."
        answers.append(int(answer))
    if len(set(answers)) == 1:
        return "it works for one example only."

    def rows(b_, a_, c_, place=0, all_rows=False):
        order = [
            np.argsort(-(unit @ (b_ * unit[b] + a_ * unit[a] + c_ * unit[c])))
            for a, b, c in questions
        ]
        if not all_rows:
            order = [
                [row for row in o if row not in q] for o, q in zip(order, questions, strict=True)
            ]
        return [int(o[place]) for o in order]

    mistakes = [
        ("that is the farthest word.", rows(1, -1, 1, place=-1)),
        ("that is the farthest word.", rows(1, -1, 1, place=-1, all_rows=True)),
        ("that goes from b to a; the way from a to b is b − a.", rows(-1, 1, 1)),
        ("that is the word nearest to c alone.", rows(0, 0, 1)),
        ("a is not subtracted.", rows(1, 0, 1)),
        ("a is added, not subtracted.", rows(1, 1, 1)),
        ("that is the way b − a alone; it starts at c.", rows(1, -1, 0)),
        ("the second nearest of all may still be one of the three.", rows(1, -1, 1, 1, True)),
    ]
    if answers == rows(1, -1, 1):
        return _leaves_all_three_out(function)
    if words := named_mistake(answers, mistakes):
        return words
    if any(answer in question for answer, question in zip(answers, questions, strict=True)):
        return "that is one of the three words of the question."
    return f"for rows {questions[0]} it returns row {answers[0]}."


def _leaves_all_three_out(function):
    """Say whether the rest wins where a itself is nearest, and all that remain point away."""
    angles = np.radians([0, 50, -50, 180, 100, 150])  # the way b − a + c points to a
    answer = int(function(np.column_stack([np.cos(angles), np.sin(angles)]), 0, 1, 2))
    if answer < 3:
        return "where all others are far, it returns one of the three words of the question."
    return answer == 4


def log_odds(answer: float) -> bool | str:
    """Judge the planted gap of the doctor: the logarithm of 1 to 9."""
    words = [("the sign: she is the rarer one.", np.log(9)), ("the logarithm is missing.", 1 / 9)]
    words += [("that is the logarithm of a share, not of a ratio.", np.log(0.1))]
    words += [("that is in bits or in powers of ten.", np.log10(1 / 9))]
    words += [("that is in bits or in powers of ten.", np.log2(1 / 9))]
    words += [("the logarithm is missing.", 9), ("a difference of shares is no PMI.", -0.8)]
    counted = "that is what one draw happened to have; go by the share that was planted."
    words += [(counted, np.log(20 / 153)), (counted, -2.1), (counted, -2.094)]
    if np.isclose(answer, np.log(1 / 9), atol=0.006):
        return True
    return named_mistake(answer, words, atol=0.006) or False


def effect_size(function: Callable[[np.ndarray, np.ndarray], Any]) -> bool | str | None:
    """Judge the effect size of two sets of associations: the means' difference by the spread."""
    x, y = np.array([0.3, 0.1, 0.2, 0.5]), np.array([0.0, -0.4, 0.1, 0.2])
    answer = function(x.copy(), y.copy())
    if answer is None:
        return None
    if np.shape(answer) != ():
        return f"one number was expected, not {short(answer)}."
    gap, both = x.mean() - y.mean(), np.concatenate([x, y])
    if np.isclose(answer, gap / both.std(ddof=1)):
        return _knows_sign_and_sizes(function)
    x_spread, y_spread = x.std(ddof=1), y.std(ddof=1)
    averaged = "an average of two spreads is not the spread of all values together."
    mistakes = [
        ("that divides by n inside; n − 1 was asked for.", gap / both.std()),
        ("the spread is missing.", gap),
        ("that has the wrong sign.", -gap / both.std(ddof=1)),
        ("that has the wrong sign, and divides by n.", -gap / both.std()),
        ("divide by the standard deviation, not by the variance.", gap / both.var()),
        ("divide by the standard deviation, not by the variance.", gap / both.var(ddof=1)),
        (averaged, gap / np.mean([x.std(), y.std()])),
        (averaged, gap / np.mean([x_spread, y_spread])),
        (averaged, gap / np.sqrt((x.var() + y.var()) / 2)),
        (averaged, gap / np.sqrt((x_spread**2 + y_spread**2) / 2)),
        ("x + y adds them one by one; put them one after the other.", gap / (x + y).std(ddof=1)),
        ("the spread is that of both sets, not of the first.", gap / x.std()),
        ("the spread is that of both sets, not of the first.", gap / x_spread),
        ("the spread is that of both sets, not of the second.", gap / y_spread),
        ("the means are compared, not the sums.", len(x) * gap / both.std(ddof=1)),
        ("brackets around the difference.", x.mean() - y.mean() / both.std(ddof=1)),
    ]
    return named_mistake(answer, mistakes) or f"it returns {short(answer)}."


def _knows_sign_and_sizes(function):
    """Say whether it stays right for sets of two sizes, and for a negative effect."""
    x, y = np.array([0.1, -0.2, 0.3]), np.array([0.5, 0.2, 0.4, 0.6, 0.3])
    right = (x.mean() - y.mean()) / np.concatenate([x, y]).std(ddof=1)
    try:
        answer = function(x.copy(), y.copy())
    except ValueError:  # NumPy cannot stack or subtract rows of two lengths
        return "it breaks where the two sets have not the same size; put one after the other."
    if np.isclose(answer, -right):
        return "the sign says which set is higher; keep it."
    return bool(np.isclose(answer, right)) or "it goes wrong where the sets differ in size."


JUDGES = {
    "1": Judge(
        pmi,
        "counts.sum(axis=1, keepdims=True) has the words' counts; axis 0 the contexts'.",
        is_function=True,
    ),
    "2": Judge(
        pair_loss,
        "Write σ(x) = 1 / (1 + e^−x) into −log σ(x), and compare with softplus.",
        is_function=True,
    ),
    "3": Judge(analogy, "Set the three to −∞ before you look for the largest.", is_function=True),
    "4": Judge(log_odds, "Of ten doctors nine are he; PMI is a logarithm.", numbers=1),
    "5": Judge(effect_size, "One spread, of the values of both sets together.", is_function=True),
}
