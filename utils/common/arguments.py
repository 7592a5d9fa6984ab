"""Checks of arguments that several rooms share."""

import operator
import os
from collections.abc import Iterable, Mapping
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike


def is_switched_on(variable: str) -> bool:
    """Return whether an environment variable is set to something other than 0, false or no."""
    return os.environ.get(variable, "").strip().lower() not in ("", "0", "false", "no")


def as_array(name: str, value: ArrayLike) -> np.ndarray:
    """Return `value` as an array, without a copy if it is one.

    A pandas table whose columns are all numbers gives numbers, with NaN for missing values.

    Args:
        name: What messages call it, at the beginning of a sentence.
        value: An array, a pandas table or series, or a list.

    Raises:
        TypeError: It is something else, such as None, a string or a generator.
        ValueError: Its rows differ in shape, or some of its values are masked.
    """
    rows = value if isinstance(value, (list, tuple)) else [value]
    masked = sum(np.ma.count_masked(row) for row in rows if isinstance(row, np.ma.MaskedArray))
    if masked:
        raise ValueError(
            f"{name} has {masked} masked values, which an array without a mask would show. "
            f"Leave them out, or fill them: .astype(float).filled(np.nan) makes them NaN."
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(
            f"{name} is a list whose entries have different shapes, so it cannot be an array. "
            f"Make them equally long, or take them one by one."
        ) from error
    if array.ndim == 0 and array.dtype.kind not in "biufcmM":
        raise TypeError(f"{name} must be an array or a list, but is {_described(value)}.")
    if array.dtype.hasobject and hasattr(value, "dtypes"):
        # Columns with several types of numbers, or with the missing values of pandas.
        dtypes = np.ravel(np.asarray(value.dtypes, dtype=object))
        if all(getattr(dtype, "kind", "O") in "biuf" for dtype in dtypes):
            array = value.to_numpy(dtype=float, na_value=np.nan)
    return array


def _described(value: object) -> str:
    """Say what a value is, and how to make an array of it, if that is possible."""
    if value is None:
        return "None. Check where it was loaded or returned"
    kind = f"of type {type(value).__name__}"
    if hasattr(value, "toarray"):
        return f"{kind}. Use its .toarray()"
    if isinstance(value, Mapping):
        return f"{kind}. Take one of its entries"
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return f"{kind}. Use list(...) of it"
    return kind


def as_stream(stream: ArrayLike) -> np.ndarray:
    """Return a stream, (samples,) or (samples, streams), as a view (samples, streams).

    Raises:
        TypeError: The stream is not an array.
        ValueError: The stream is empty, ragged or masked, or has the wrong number of axes.
    """
    stream = as_array("The stream", stream)
    if stream.ndim not in (1, 2):
        hint = " Windows are cut from the stream itself, not from windows." * (stream.ndim == 3)
        raise ValueError(
            f"A stream has shape (samples,) or (samples, streams), but this one has shape "
            f"{stream.shape}.{hint} Flatten or select its axes first."
        )
    if stream.size == 0:
        raise ValueError(
            f"The stream is empty (shape {stream.shape}). Check where it was loaded or split."
        )
    return stream[:, np.newaxis] if stream.ndim == 1 else stream


def as_integer(name: str, value: SupportsIndex, minimum: int = 1) -> int:
    """Return the value of the argument `name` as an int.

    Raises:
        TypeError: It is not an integer (a boolean is not one either).
        ValueError: It is below the minimum.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        value = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be an integer, but is {value!r} ({type(value).__name__}). "
            f"Use int(...) or // if it was computed."
        ) from None
    if value < minimum:
        raise ValueError(f"{name} must be {minimum} or more, but is {value}.")
    return value
