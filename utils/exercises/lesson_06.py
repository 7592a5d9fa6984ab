"""Judge the exercises of lesson 06, recurrent networks from scratch."""

from collections.abc import Callable, Mapping

import numpy as np

from utils.exercises import Judge, short


def gru_update(update: Callable[..., np.ndarray | None]) -> bool | str | None:
    """Judge a function of the gate z, the proposal h and the old state, arrays of one shape."""
    z, h, before = np.random.default_rng(0).uniform(size=(3, 4, 5))
    answer = update(z, h, before)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != (4, 5):
        return f"the shape is {answer.shape}, expected (4, 5)."
    if np.allclose(answer, before * z + h - h * z):
        return True
    if np.allclose(answer, (1 - z) * before + z * h):
        return "here z = 1 forgets everything; you have the two weights swapped."
    if np.allclose(answer, z * before + h):
        return "the two weights should add up to one; the proposal comes in whole."
    return f"it returns {short(answer)}."


def lstm_step(
    step: Callable[..., tuple[np.ndarray, np.ndarray] | None],
    lstm: Callable[[np.ndarray], np.ndarray],
    tolerance: float,
) -> bool | str | None:
    """Judge one step of an LSTM by five steps of Keras's layer.

    Args:
        step: The student's function of W, U, b (dictionaries of g, i, f, o), x, s and c.
        lstm: Keras's layer, built for 3 numbers a step; it returns the states of all steps.
        tolerance: How far the two may be apart.
    """
    from keras import ops

    parts = [np.split(joint, 4, axis=-1) for joint in lstm.get_weights()]
    weights: list[Mapping[str, np.ndarray]] = [
        dict(zip("ifgo", part, strict=True)) for part in parts
    ]
    sequence = np.random.default_rng(6).normal(size=(2, 5, 3)).astype("float32")
    s = c = np.zeros((2, 5))
    for t in range(5):
        answer = step(*weights, sequence[:, t], s, c)
        if answer is None:
            return None
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            return "a pair was expected, the new s and c."
        s, c = answer
    off = np.abs(np.asarray(s) - ops.convert_to_numpy(lstm(sequence))[:, -1]).max()
    return bool(off < tolerance) or f"after five steps the state is {off:.2f} off from Keras's."


JUDGES = {
    "1": Judge(
        (4 * 128 * (60 + 128 + 1),) * 2,
        "Four times W, U and a bias. Does any of them know how long the sequence is?",
    ),
    "2": Judge(gru_update, "A mean of old and new, weighted with z."),
    "3a": Judge(1 / (1 + np.exp(5)), "It is the openness of the gate: a sigmoid.", 1e-3),
    "3b": Judge(
        -np.log(2**0.01 - 1), "f to the power of 100 is one half. Which b gives this f?", 2e-2
    ),
    "4": Judge(lstm_step, "What is written into the cell has gone through tanh."),
}
