"""Judge the exercises of lesson 06, recurrent networks from scratch."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from utils.exercises import Judge, named_mistake, short

Weights = dict[str, np.ndarray]


def _example():
    """Return weights of a small network, inputs (5, 6, 3) and wanted outputs (5, 6, 2)."""
    random = np.random.default_rng(0)
    shapes = {"W_xh": (3, 4), "W_hh": (4, 4), "b_h": (4,), "W_hy": (4, 2), "b_y": (2,)}
    weights = {name: 0.6 * random.normal(size=shape) for name, shape in shapes.items()}
    wanted = np.eye(2)[random.integers(0, 2, (5, 6))]
    return weights, random.normal(size=(5, 6, 3)), wanted


def rnn_step(step: Callable[..., np.ndarray | None]) -> bool | str | None:
    """Judge a function of the weights, x (batch, inputs) and h (batch, units): the new state."""
    w, x, _ = _example()
    x, h = x[:, 0], np.random.default_rng(1).uniform(-1, 1, (5, 4))
    answer = step(w, x, h)
    if answer is None or answer is ...:
        return None
    answer = np.asarray(answer)
    if answer.shape != (5, 4):
        return f"the shape is {answer.shape}, expected (5, 4): (batch, units)."
    from_x, from_h, b = x @ w["W_xh"], h @ w["W_hh"], w["b_h"]
    a = from_x + from_h + b
    if np.allclose(answer, np.tanh(a), rtol=1e-4, atol=1e-5):
        return True
    mistakes = [
        ("the activation is missing.", a),
        ("the bias is missing.", np.tanh(from_x + from_h)),
        ("the state before has no influence.", np.tanh(from_x + b)),
        ("the input has no influence.", np.tanh(from_h + b)),
        ("W_hh must not be transposed here.", np.tanh(from_x + h @ w["W_hh"].T + b)),
        ("W_hh is missing: the state comes in as it is.", np.tanh(from_x + b + h)),
        ("the bias goes inside the tanh, too.", np.tanh(from_x + from_h) + b),
        ("take one tanh, of the whole sum.", np.tanh(from_x) + np.tanh(from_h)),
        ("relu is the lecture's; this lesson takes tanh.", np.maximum(a, 0)),
        ("that is a sigmoid; this lesson takes tanh.", 1 / (1 + np.exp(-a))),
    ]
    return named_mistake(answer, mistakes, rtol=1e-4, atol=1e-5) or f"it returns {short(answer)}."


def bptt(gradients_of: Callable[..., Weights | None]) -> bool | str | None:
    """Judge back-propagation through time by finite differences.

    Args:
        gradients_of: The student's function of the weights, x, the states with h_0 as the first,
            the outputs and the wanted outputs; it returns the gradients by the weights' names.
    """
    weights, x, wanted = _example()
    h, y = _forward(weights, x)
    try:
        answer = gradients_of(weights, x, h, y, wanted)
    except TypeError as error:  # from_future is still None when the loop comes round
        if "NoneType" in str(error) or "ellipsis" in str(error):
            return None
        raise
    if answer is None:
        return None
    measured = _measured(weights, x, wanted, "W_hh")
    answered = np.asarray(answer["W_hh"])
    if np.allclose(answered, measured, rtol=1e-4, atol=1e-7):
        return True
    sentences = {
        "nothing comes back from the future.": lambda d_a, d_h, old: 0 * d_a,
        "on the way back the matrix is transposed.": lambda d_a, d_h, old: d_a @ weights["W_hh"],
        "the slope is left out: take what goes into the activation, d_a.": (
            lambda d_a, d_h, old: d_h @ weights["W_hh"].T
        ),
        "the gradient goes back through W_hh; here it arrives as it is.": lambda d_a, d_h, old: d_a,
        "the slope and the matrix are both left out.": lambda d_a, d_h, old: d_h,
        "the slope is left out, and the matrix is not transposed.": (
            lambda d_a, d_h, old: d_h @ weights["W_hh"]
        ),
        "from_future is inside d_h already; replace it, do not add to it.": (
            lambda d_a, d_h, old: old + d_a @ weights["W_hh"].T
        ),
    }
    made = (_gradient(weights, x, h, y, wanted, line) for line in sentences.values())
    place = np.unravel_index(np.abs(answered - measured).argmax(), measured.shape)
    spot = ", ".join(map(str, place))
    numbers = (
        f"for W_hh[{spot}] the finite difference is {measured[place]:.4f}, "
        f"and you have {answered[place]:.4f}"
    )
    named = named_mistake(answered, zip(sentences, made, strict=True), rtol=1e-4, atol=1e-7)
    return f"{numbers}; {named}" if named else f"{numbers}."


def _forward(weights, x):
    h = [np.zeros((len(x), len(weights["W_hh"])))]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ weights["W_xh"] + h[-1] @ weights["W_hh"] + weights["b_h"]))
    h = np.stack(h, axis=1)
    powers = np.exp(h[:, 1:] @ weights["W_hy"] + weights["b_y"])
    return h, powers / powers.sum(axis=-1, keepdims=True)


def _measured(weights, x, wanted, name, change=1e-5):
    """Return finite differences of the mean cross-entropy for one matrix."""
    result = np.zeros_like(weights[name])
    for place in np.ndindex(result.shape):
        for sign in (1, -1):
            changed = {key: value.copy() for key, value in weights.items()}
            changed[name][place] += sign * change
            loss = -np.sum(wanted * np.log(_forward(changed, x)[1])) / wanted.sum()
            result[place] += sign * loss / (2 * change)
    return result


def _gradient(weights, x, h, y, wanted, line):
    """Return the gradient of W_hh with `line(d_a, d_h, old)` as what comes from the future."""
    d_logits = (y - wanted) / wanted.sum()
    gradient, from_future = 0, 0
    for t in reversed(range(x.shape[1])):
        d_h = d_logits[:, t] @ weights["W_hy"].T + from_future
        d_a = (1 - h[:, t + 1] ** 2) * d_h
        gradient = gradient + h[:, t].T @ d_a
        from_future = line(d_a, d_h, from_future)
    return gradient


def clip(shorten: Callable[..., Sequence[np.ndarray] | None]) -> bool | str | None:
    """Judge a function of a list of gradients and a threshold for their common norm."""
    random = np.random.default_rng(0)
    gradients = [random.normal(size=shape) for shape in ((3, 4), (4, 4), (4,))]
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    given = [g.copy() for g in gradients]
    answer = shorten(given, 1.5)
    if answer is None or answer is ... or any(part is None for part in answer):
        changed = not np.array_equal(_flat(given), _flat(gradients))
        return "nothing comes back: return the list of the arrays." if changed else None
    shapes = [np.shape(part) for part in answer]
    if shapes != [g.shape for g in gradients]:
        return "a list of three arrays was expected, each of its gradient's shape."
    flat = _flat(answer)
    own = [1.5 / np.linalg.norm(g) for g in gradients]
    always = [g * scale for g, scale in zip(gradients, own, strict=True)]
    alone = [g * min(1, scale) for g, scale in zip(gradients, own, strict=True)]
    mistakes = [
        ("nothing is shortened.", _flat(gradients)),
        ("each array is shortened by itself.", _flat(alone)),
        ("each array is brought to the norm c by itself.", _flat(always)),
        ("single numbers are cut; that bends the direction.", np.clip(_flat(gradients), -1.5, 1.5)),
        ("the norm is 1 now, not c.", _flat(gradients) / norm),
        ("you divide by the square of the norm; take its root.", _flat(gradients) * 1.5 / norm**2),
    ]
    if not np.allclose(flat, _flat(gradients) * 1.5 / norm, rtol=1e-4):
        return named_mistake(flat, mistakes, rtol=1e-4) or (
            f"the norm of all together is {np.linalg.norm(flat):.3f}, expected 1.500."
        )
    untouched = shorten([g.copy() for g in gradients], 100.0)
    if untouched is None or any(part is None for part in untouched):
        return "long gradients are right; return a short one, too, as it is."
    untouched = _flat(untouched)
    return bool(np.allclose(untouched, _flat(gradients), rtol=1e-4)) or (
        "long gradients are right; a short one must stay as it is, and yours grows."
    )


def _flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


def parameters(answer: tuple[float, float]) -> bool | str:
    """Judge how many parameters a SimpleRNN(128) of 60 inputs has, and for longer sequences."""
    once = 128 * (60 + 128 + 1)
    first, second = answer
    if (first, second) == (once, once):
        return True
    mistakes = {
        once - 128: "the bias is missing.",
        once + 128: "Keras has one bias, not two.",
        128 * 60 + 128: "W_hh is missing: the state is read, too.",
        128 * 128 + 128: "W_xh is missing: the input is read, too.",
    }
    if first in mistakes:
        return mistakes[first]
    return first == once and "which matrix knows how long the sequence is?"


def growing_matrix(answer: ArrayLike) -> bool | str | None:
    """Judge a matrix (2, 2), numbers to 15, radius to 0.9, that stretches by 20 in two steps."""
    if any(value is None or value is ... for value in np.asarray(answer, dtype=object).flat):
        return None
    matrix = np.asarray(answer, dtype=float)
    if matrix.shape != (2, 2):
        return f"the shape is {matrix.shape}, expected (2, 2)."
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    stretch = np.linalg.norm(matrix @ matrix, 2)
    if radius > 0.9 + 1e-6:
        return f"its spectral radius is {radius:.3g}: in the long run the gradient does not vanish."
    if np.abs(matrix).max() > 15:
        return "no number may be above 15; the diagonal has a part in it, too."
    return bool(stretch > 20) or f"in two steps it stretches a vector {stretch:.3g} times at most."


JUDGES = {
    "1": Judge(rnn_step, "The formula has three summands inside the activation.", is_function=True),
    "2": Judge(bptt, "h of step t − 1 enters a of step t through W_hh.", is_function=True),
    "3": Judge(
        clip, "One norm, of all arrays together; one factor for all of them.", is_function=True
    ),
    "4": Judge(parameters, "Two matrices and a bias. Does any of them know the length?", 0, 2),
    "5": Judge(growing_matrix, "Try numbers on the diagonal, a large one beside them, and a 0."),
}
