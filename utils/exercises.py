"""Friendly checks for the exercises at the end of a lesson.

They print and never raise, so that a notebook with open exercises runs to its end.
"""

import numbers

import numpy as np

_OPEN = "Not answered yet. Replace None (or ...) above, then run this cell again."


def check(answer, expected, hint, *, tolerance=1e-9):
    """Says whether an answer is right, and if not, what to think about.

    Args:
        answer: The student's answer; None or ... means that it is still open.
        expected: The right value (a number, an array, a text, a tuple), or a function that takes
            the answer and returns True, or False, or a sentence that says what is wrong with it.
        hint: What to think about when the answer is wrong.
        tolerance: How far a number may be off, absolutely and relatively.

    Returns:
        True if the answer is right, False if it is wrong, None if it is still open.
    """
    if answer is None or answer is ...:
        print(_OPEN)
        return None
    try:
        verdict = expected(answer) if callable(expected) else _equal(answer, expected, tolerance)
    except Exception as error:
        print(f"That could not be checked: {type(error).__name__}: {error}. {hint}")
        return False
    if isinstance(verdict, str):
        print(f"Not yet: {verdict} {hint}")
        return False
    if verdict:
        print("Right!")
        return True
    print(f"Not yet: you have {_short(answer)}. {hint}")
    return False


def _equal(answer, expected, tolerance):
    if isinstance(expected, str):
        return str(answer).strip().casefold() == expected.strip().casefold()
    if isinstance(expected, numbers.Number) and isinstance(answer, str):
        return "a number was expected, without quotation marks."
    answer, expected = np.asarray(answer), np.asarray(expected)
    if answer.shape != expected.shape:
        return f"the shape is {answer.shape}, expected {expected.shape}."
    return bool(np.allclose(answer, expected, rtol=tolerance, atol=tolerance))


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
