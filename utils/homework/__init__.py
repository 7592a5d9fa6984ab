"""Friendly checks for the homework: they say what is wrong, and never raise.

`utils.exercises` compares answers with what is expected; this package adds checks for answers that
are functions, and for cells that can only work once an earlier part has been answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from utils import exercises

if TYPE_CHECKING:
    import keras

OPEN = "not answered yet"
MOST_HASHES = 50_000


def answered(**answers: object) -> bool:
    """Return whether all these answers are there; say which are not.

    Example:
        >>> answered(picture=None)
        picture: not answered yet
        False
    """
    missing = [name for name, answer in answers.items() if answer is None or answer is ...]
    if missing:
        print(f"{', '.join(missing)}: {OPEN}")
    return not missing


def in_record(record: dict | None, real_photos: bool = False) -> None:
    """Say that the grader reads this part of homework 4 from the record, or that there is none.

    With `real_photos`, a record of sample photos gets no points for this part.
    """
    if record is None:
        print(f"the record: {OPEN}")
    elif real_photos and record.get("sample"):
        print("These are sample photos: the points of this part need a run on your own, online.")
    else:
        print("The grader reads this from the record.")


def check_call(
    function: Callable, arguments: tuple, expected: object, hint: str, *, tolerance: float = 1e-9
) -> bool | None:
    """Call a student's function, and say whether what it returns is right.

    Args:
        function: The function to check.
        arguments: A tuple of its arguments.
        expected: What it should return, as in `exercises.compare`.
        hint: What to think about when it is wrong.
        tolerance: How far a number may be off, absolutely and relatively.

    Returns:
        True if it is right, False if it is wrong, None if it is not answered yet.
    """
    shown = ", ".join(_short(argument) for argument in arguments)
    print(f"{getattr(function, '__name__', 'the function')}({shown}): ", end="")
    try:
        answer = function(*arguments)
    except Exception as error:
        print(f"stops with {type(error).__name__}: {error}. {hint}")
        return False
    if answer is None or answer is ...:
        print(f"{OPEN}.")
        return None
    return exercises.compare(answer, expected, hint, tolerance=tolerance)


def _short(value: object) -> str:
    text = str(value.tolist()) if isinstance(value, np.ndarray) else repr(value)
    if len(text) <= 40:
        return text
    return f"array of shape {value.shape}" if isinstance(value, np.ndarray) else text[:37] + "…"


def with_zero_weights(model: keras.Model | None, function: Callable, inputs: object) -> object:
    """Call a student's function while all weights of a network are 0.

    If it still returns the same as ever, its answers do not come from this network.

    Args:
        model: The network, or None if there is none yet. Its weights are put back.
        function: The function that asks the network.
        inputs: What the function is called with.

    Returns:
        What the function returns; the error's name if it stops; None if there is no network.
    """
    if model is None:
        return None
    weights = model.get_weights()
    model.set_weights([np.zeros_like(weight) for weight in weights])
    try:
        return function(inputs)
    except Exception as error:
        return type(error).__name__
    finally:
        model.set_weights(weights)


blinded = with_zero_weights  # its name in the homework of the first edition


def about_part(samples: object) -> dict:
    """Return what a grader may know about one part of a data set, as plain values.

    Args:
        samples: An array, a pandas table, a sparse matrix or a list; one entry or row a sample.

    Returns:
        A dictionary: `count`, `shape` of a sample (None if samples have several shapes, as texts
        and sounds may have), `finite` (False if any number is nan, infinite or masked), and
        `hashes` of up to 50,000 samples; two samples with the same hash are the same.

    Raises:
        TypeError: These are not samples in a row.
    """
    if hasattr(samples, "to_numpy"):  # pandas counts rows by their labels
        samples = samples.to_numpy()
    elif hasattr(samples, "toarray"):  # a sparse matrix of SciPy
        samples = samples.toarray()
    in_a_row = hasattr(samples, "__getitem__") and getattr(samples, "ndim", 1) > 0
    if isinstance(samples, (str, bytes, dict)) or not in_a_row:
        raise TypeError(
            f"expected an array, a pandas table or a list, with one entry for each sample; "
            f"this is a {type(samples).__name__}"
        )
    hashes, shapes, finite = [], set(), True
    for sample in samples[:MOST_HASHES]:
        content, shape, is_finite = _about_sample(sample)
        hashes.append(hashlib.sha256(content).hexdigest()[:16])
        shapes.add(shape)
        finite = finite and is_finite and not np.ma.is_masked(sample)
    shape = shapes.pop() if len(shapes) == 1 else None
    shape = None if shape is None else list(shape)
    return {"count": len(samples), "shape": shape, "finite": finite, "hashes": hashes}


def _about_sample(sample: object) -> tuple[bytes, tuple | None, bool]:
    """Return content, shape (None if ragged), and whether all its numbers are finite."""
    try:
        array = np.asarray(sample)
    except ValueError:  # a list of lists of several lengths
        return repr(sample).encode(), None, True
    if array.dtype.hasobject:  # a row with words among its numbers
        values = array.ravel().tolist()
        return repr(values).encode(), array.shape, not any(map(_is_missing, values))
    finite = array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
    return np.ascontiguousarray(array).tobytes(), array.shape, finite


def _is_missing(value: object) -> bool:
    if isinstance(value, (float, np.floating)):
        return not np.isfinite(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")
