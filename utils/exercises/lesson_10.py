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
    """Judge the loss of a pair and its noise, from scores (pairs, 1 + k) to (pairs,)."""
    from keras import ops

    scores = np.array([[0.5, -1.0, 2.0, 0.1], [-2.0, 1.5, 0.0, 0.3]], "float32")
    answer = function(None, ops.convert_to_tensor(scores))
    if answer is None:
        return None
    answer = np.asarray(ops.convert_to_numpy(answer), dtype=float)
    soft = lambda x: np.log1p(np.exp(x))  # noqa: E731
    true, noise = scores[:, 0], scores[:, 1:]
    right = soft(-true) + soft(noise).sum(axis=1)
    if answer.shape == scores.shape:
        return "each pair has one loss: add the noise up over axis 1."
    if answer.shape == () and not np.isclose(answer, right.mean(), rtol=1e-4):
        return "one loss for each row was expected, (pairs,); that is a single number."
    mistakes = [
        ("true and noise are swapped.", soft(true) + soft(-noise).sum(axis=1)),
        ("the noise is missing.", soft(-true)),
        ("the true pair is missing.", soft(noise).sum(axis=1)),
        ("add the noise up; do not average it.", soft(-true) + soft(noise).mean(axis=1)),
        ("noise should get a low score, too: mind its sign.", soft(-scores).sum(axis=1)),
        ("the true pair should get a high score: mind its sign.", soft(scores).sum(axis=1)),
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
        ("that is the way b − a alone; it starts at c.", rows(1, -1, 0)),
        ("the second nearest of all may still be one of the three.", rows(1, -1, 1, 1, True)),
    ]
    if answers == rows(1, -1, 1):
        return True
    if words := named_mistake(answers, mistakes):
        return words
    if any(answer in question for answer, question in zip(answers, questions, strict=True)):
        return "that is one of the three words of the question."
    return f"for rows {questions[0]} it returns row {answers[0]}."


def log_odds(answer: float) -> bool | str:
    """Judge the planted gap of the doctor: the logarithm of 1 to 9."""
    words = [("the sign: she is the rarer one.", np.log(9)), ("the logarithm is missing.", 1 / 9)]
    words += [("that is the logarithm of a share, not of a ratio.", np.log(0.1))]
    words += [("that is in bits or in powers of ten.", np.log10(1 / 9))]
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
        return True
    mistakes = [
        ("that divides by n inside; n − 1 was asked for.", gap / both.std()),
        ("the spread is missing.", gap),
        ("that has the wrong sign.", -gap / both.std(ddof=1)),
        ("divide by the standard deviation, not by the variance.", gap / both.var()),
        ("the spread is that of all values together.", gap / np.mean([x.std(), y.std()])),
        ("the spread is that of both sets, not of the first.", gap / x.std()),
    ]
    return named_mistake(answer, mistakes) or f"it returns {short(answer)}."


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
