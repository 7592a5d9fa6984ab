"""Judge the exercises of lesson 06b, gates and wirings."""

from collections.abc import Callable

import numpy as np

from utils.exercises import Judge, named_mistake, short


def _example(gates):
    """Return random weights of a cell with 3 inputs and 5 units, and x, h and c for one step."""
    random = np.random.default_rng(0)
    w = {}
    for gate in gates:
        w["W_x" + gate] = random.normal(size=(3, 5))
        w["W_h" + gate] = random.normal(size=(5, 5))
        w["b_" + gate] = random.normal(size=5)
    x, h, c = random.normal(size=(4, 3)), random.uniform(-1, 1, (4, 5)), random.normal(size=(4, 5))
    return w, x, h, c


def _into(w, gate, x, h):
    return x @ w["W_x" + gate] + h @ w["W_h" + gate] + w["b_" + gate]


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _one_step(step, *arguments):
    """Return what a student's step returns, or None while a line of it is still None."""
    try:
        answer = step(*arguments)
    except TypeError as error:  # an open line, and the line below it reckons with it
        if "NoneType" in str(error) or "ellipsis" in str(error):
            return None
        raise
    return None if answer is ... else answer


def lstm_step(step: Callable[..., tuple | None]) -> bool | str | None:
    """Judge one step of an LSTM.

    Args:
        step: The student's function of w (a dictionary of W_xi, W_hi, b_i and so on), x (batch,
            inputs), h and c (batch, units); it returns the new h and c.
    """
    w, x, h, c = _example("ifog")
    answer = _one_step(step, w, x, h.copy(), c.copy())
    if answer is None:
        return None
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return "a pair was expected, the new h and c."
    if any(part is None or part is ... for part in answer):
        return None
    new_h, new_c = map(np.asarray, answer)
    if new_h.shape != (4, 5) or new_c.shape != (4, 5):
        return f"the shapes are {new_h.shape} and {new_c.shape}, expected (4, 5) twice."
    i, f, o = (_sigmoid(_into(w, gate, x, h)) for gate in "ifo")
    g = np.tanh(_into(w, "g", x, h))
    right = f * c + i * g
    if np.allclose(new_c, right, rtol=1e-4, atol=1e-5):
        return _shown(new_h, right, o, c, g)
    mistakes = [
        ("h and c are exchanged in what you return.", o * np.tanh(right)),
        ("c: the gates are exchanged; f keeps the old, i writes the new.", i * c + f * g),
        ("c: the old cell is lost; it is kept as far as f says.", i * g),
        ("c: nothing is written; add i times g.", f * c),
        ("c: nothing is forgotten; the old cell is multiplied by f.", c + i * g),
        ("c: the proposal is written whole; multiply it by i.", f * c + g),
        ("c: the new cell has no tanh of its own.", np.tanh(right)),
        ("c: g has gone through tanh already.", f * c + i * np.tanh(g)),
        ("c: 1 − f stands where i belongs; that is the coupling of a GRU.", f * c + (1 - f) * g),
        ("c: it is the old h that you keep, not the old c.", f * h + i * g),
    ]
    said = named_mistake(new_c, mistakes, rtol=1e-4, atol=1e-5)
    return said or f"c: it returns {short(new_c)}."


def _shown(new_h, c, o, c_old, g):
    """Judge the new h where the new c is right."""
    if np.allclose(new_h, o * np.tanh(c), rtol=1e-4, atol=1e-5):
        return True
    mistakes = [
        ("c is right. h: the tanh is missing.", o * c),
        ("c is right. h: the output gate is missing.", np.tanh(c)),
        ("c is right. h: the tanh is taken of c alone, before o.", np.tanh(o * c)),
        ("c is right. h: it shows the cell as it is.", c),
        ("c is right. h: it shows the old cell, not the new one.", o * np.tanh(c_old)),
        ("c is right. h: it shows the proposal, not the cell.", o * np.tanh(g)),
        ("c is right. h: it shows the proposal, not the cell.", o * g),
        ("c is right. h: the cell goes through tanh, not through a sigmoid.", o * _sigmoid(c)),
    ]
    said = named_mistake(new_h, mistakes, rtol=1e-4, atol=1e-5)
    return said or "c is right. h is not; follow the branch from c down in the picture."


def gru_step(step: Callable[..., np.ndarray | None]) -> bool | str | None:
    """Judge one step of a GRU, a function of w, x (batch, inputs) and h (batch, units)."""
    w, x, h, _ = _example("zrg")
    answer = _one_step(step, w, x, h.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != (4, 5):
        return f"the shape is {answer.shape}, expected (4, 5): (batch, units)."
    z, r = (_sigmoid(_into(w, gate, x, h)) for gate in "zr")
    from_x = x @ w["W_xg"] + w["b_g"]
    a = from_x + (r * h) @ w["W_hg"]
    g = np.tanh(a)
    if np.allclose(answer, z * h + (1 - z) * g, rtol=1e-4, atol=1e-5):
        return True
    after, unreset = np.tanh(from_x + r * (h @ w["W_hg"])), np.tanh(from_x + h @ w["W_hg"])
    no_bias = np.tanh(a - w["b_g"])
    mistakes = [
        ("here z = 1 keeps everything; z and 1 − z are exchanged.", (1 - z) * h + z * g),
        ("the proposal comes in whole; weight it with 1 − z.", z * h + g),
        ("the new state is the proposal alone; where is the old one?", g),
        ("g: r comes after the matrix; in this lesson it comes before.", z * h + (1 - z) * after),
        ("g: the reset gate is missing.", z * h + (1 - z) * unreset),
        ("g: the tanh is missing.", z * h + (1 - z) * a),
        ("g: the bias is missing.", z * h + (1 - z) * no_bias),
        ("z of the old state and r of the new: r belongs to g.", z * h + r * g),
    ]
    said = named_mistake(answer, mistakes, rtol=1e-4, atol=1e-5)
    return said or f"it returns {short(answer)}."


def wiring(answer: tuple[float, float, float, float]) -> bool | str:
    """Judge the numbers of the wirings chosen for four applications."""
    a, b, c, d = answer
    if any(number not in range(1, 7) for number in answer):
        return "the wirings have the numbers 1 to 6."
    if a == 1 and b in (4, 5) and c in (2, 3) and d == 6:
        return True
    mistakes = [
        (a in (2, 3, 4, 5), "(a): one verdict is wanted, not one for every word."),
        (a == 6, "(a): a hierarchy can do it, but nothing says that it has sentences."),
        (b in (1, 6), "(b): a value is wanted for every moment."),
        (b in (2, 3), "(b): it could also use what comes later; the recording is complete."),
        (c in (1, 6), "(c): an answer is wanted every second."),
        (c in (4, 5), "(c): that reads the future, which has not happened yet."),
        (d != 6, "(d): which wiring knows that words make sentences?"),
    ]
    return next(sentence for is_so, sentence in mistakes if is_so)


def parameters(answer: float) -> bool | str:
    """Judge how many parameters an LSTM of 128 units with 60 inputs has."""
    one = 128 * (60 + 128 + 1)
    mistakes = {
        one: "that is one box of four.",
        3 * one: "that is a GRU's number; an LSTM has four boxes.",
        4 * (one - 128): "the biases are missing.",
        4 * (one + 128): "one bias for each box, not two.",
        4 * 128 * (60 + 1): "the matrices that read the state are missing.",
        4 * 128 * (128 + 1): "the matrices that read the input are missing.",
    }
    return answer == 4 * one or mistakes.get(answer, False)


def bias_for_half(answer: float) -> bool | str:
    """Judge the forget bias with which half of the gradient is left after 100 steps."""
    f = 0.5**0.01
    right = np.log(f / (1 - f))
    mistakes = {
        f: "that is how open the gate must be; which bias makes it so?",
        -right: "the sign: that gate is nearly shut.",
        0.0: "with 0 the gate is half open, so half is left after a single step.",
    }
    close = [sentence for value, sentence in mistakes.items() if abs(answer - value) < 2e-3]
    return bool(abs(answer - right) < 0.1) or (close[0] if close else False)


JUDGES = {
    "1": Judge(
        lstm_step,
        "In the picture, what meets at the plus, and what on the way to h?",
        is_function=True,
    ),
    "2": Judge(
        gru_step, "A mean of the old state and the proposal, weighted with z.", is_function=True
    ),
    "3": Judge(wiring, "How many outputs are wanted, and is the future there already?", 0, 4),
    "4": Judge(parameters, "How many boxes, and what belongs to each of them?", 0, 1),
    "5": Judge(bias_for_half, "f to the power of 100 is one half. Which b gives this f?", 0, 1),
}
