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


def in_record(record, real_photos=False):
    """Says that the grader reads this part of the answer from the record, or that there is none.

    Args:
        record: Of homework 4, or None.
        real_photos: Whether a record of sample photos gets no points for this part.
    """
    if record is None:
        print(f"the record: {OPEN}")
    elif real_photos and record.get("sample"):
        print("These are sample photos: the points of this part need a run on your own, online.")
    else:
        print("The grader reads this from the record.")


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
    return exercises.compare(answer, expected, hint, tolerance=tolerance)


def blinded(model, function, inputs):
    """What a function of yours says while all weights of a network are 0.

    Where it says the same as ever, its answers do not come from this network.

    Args:
        model: The network, or None if there is none yet. Its weights are put back.
        function: The function that asks the network.
        inputs: What the function is called with.

    Returns:
        What the function returns; the error's name if it stops; None if there is no network.
    """
    if model is None:
        return None
    kept = model.get_weights()
    model.set_weights([np.zeros_like(weight) for weight in kept])
    try:
        return function(inputs)
    except Exception as error:
        return type(error).__name__
    finally:
        model.set_weights(kept)


def about_part(samples, most=50_000):
    """What a grader may know of one part of a data set, as plain values.

    Args:
        samples: An array, a table of pandas, or a list, one entry (or row) a sample.
        most: Of at most so many samples, hashes are taken.

    Returns:
        A dictionary: `count`, `shape` of a sample (None where samples have several shapes, as
        texts and sounds may have), `finite` (False if any number is nan, infinite or masked), and
        `hashes`; two samples with the same hash are the same.

    Raises:
        TypeError: this has no samples in a row.
    """
    if hasattr(samples, "to_numpy"):  # pandas counts rows by their labels
        samples = samples.to_numpy()
    elif hasattr(samples, "toarray"):  # a sparse matrix of SciPy
        samples = samples.toarray()
    in_a_row = hasattr(samples, "__getitem__") and getattr(samples, "ndim", 1) > 0
    if isinstance(samples, (str, bytes, dict)) or not in_a_row:
        raise TypeError(
            f"an array, a table of pandas or a list is wanted, with one entry for each sample; "
            f"this is a {type(samples).__name__}"
        )
    hashes, shapes, finite = [], set(), True
    for sample in samples[:most]:
        content, shape, is_finite = _about_sample(sample)
        hashes.append(hashlib.sha256(content).hexdigest()[:16])
        shapes.add(shape)
        finite = finite and is_finite and not np.ma.is_masked(sample)
    (shape,) = shapes if len(shapes) == 1 else (None,)
    shape = None if shape is None else list(shape)
    return {"count": len(samples), "shape": shape, "finite": finite, "hashes": hashes}


def _about_sample(sample):
    """Content as bytes, shape (None if ragged), and whether all its numbers are finite."""
    try:
        array = np.asarray(sample)
    except ValueError:  # a list of lists of several lengths
        return repr(sample).encode(), None, True
    if array.dtype.hasobject:  # a row with words among its numbers
        values = array.ravel().tolist()
        return repr(values).encode(), array.shape, not any(map(_is_missing, values))
    finite = array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
    return np.ascontiguousarray(array).tobytes(), array.shape, finite


def _is_missing(value):
    if isinstance(value, (float, np.floating)):
        return not np.isfinite(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _name(function):
    return getattr(function, "__name__", "the function")


def _short(value):
    if isinstance(value, np.ndarray):
        text = str(value.tolist())
        return text if len(text) <= 40 else f"array of shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
