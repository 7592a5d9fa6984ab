"""Friendly checks for the homework: they say what is wrong, and never raise.

What an answer is compared with, `utils.exercises` explains; here are the additions for answers
that are functions, and for cells that can only work once an earlier part is answered.
"""

import hashlib

import numpy as np

from utils import exercises

OPEN = "not answered yet"


def answered(**answers):
    """Whether all these answers are there; says which are not.

    Example:
        >>> answered(picture=None)
        picture: not answered yet
        False
    """
    missing = [name for name, answer in answers.items() if answer is None or answer is ...]
    if missing:
        print(f"{', '.join(missing)}: {OPEN}")
    return not missing


def in_record(record):
    """Says that the grader reads this part of the answer from the record, or that there is none."""
    print(f"the record: {OPEN}" if record is None else "The grader reads this from the record.")


def check_call(function, arguments, expected, hint, *, tolerance=1e-9):
    """Calls a function of yours, and says whether what it returns is right.

    Args:
        function: The function to check.
        arguments: A tuple of its arguments.
        expected: What it should return, as in `exercises.check`.
        hint: What to think about when it is wrong.
        tolerance: How far a number may be off, absolutely and relatively.

    Returns:
        True if it is right, False if it is wrong, None if it is not answered yet.
    """
    shown = ", ".join(_short(argument) for argument in arguments)
    print(f"{_name(function)}({shown}): ", end="")
    try:
        answer = function(*arguments)
    except Exception as error:
        print(f"stops with {type(error).__name__}: {error}. {hint}")
        return False
    if answer is None or answer is ...:
        print(f"{OPEN}.")
        return None
    return exercises.check(answer, expected, hint, tolerance=tolerance)


def about_part(samples, most=50_000):
    """What a grader may know of one part of a data set, as plain values.

    Args:
        samples: An array or a list, one entry a sample.
        most: Of at most so many samples, hashes are taken.

    Returns:
        A dictionary: `count`, `shape` of a sample, `finite` (False if any number is nan or
        infinite), and `hashes`; two samples with the same hash are the same.
    """
    hashes, finite = [], True
    for sample in samples[:most]:
        array = np.ascontiguousarray(sample)
        content = repr(sample).encode() if array.dtype.hasobject else array.tobytes()
        hashes.append(hashlib.sha256(content).hexdigest()[:16])
        finite = finite and (array.dtype.kind not in "fc" or bool(np.isfinite(array).all()))
    shape = list(np.shape(samples[0])) if len(samples) else []
    return {"count": len(samples), "shape": shape, "finite": finite, "hashes": hashes}


def _name(function):
    return getattr(function, "__name__", "the function")


def _short(value):
    if isinstance(value, np.ndarray):
        text = str(value.tolist())
        return text if len(text) <= 40 else f"array of shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
