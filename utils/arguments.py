"""Checks of arguments that `utils.batches` and `utils.splits` share."""

from __future__ import annotations

import operator

import numpy as np


def as_stream(stream) -> np.ndarray:
    """Return a stream, (samples,) or (samples, streams), as a view (samples, streams).

    Raises:
        ValueError: the stream is empty, or has another number of axes.
    """
    stream = np.asarray(stream)
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


def as_integer(name, value, minimum=1) -> int:
    """Return `value` as an int.

    Args:
        name: the name of the argument, for the message.
        value: what was given for it.
        minimum: the least value that is allowed.

    Raises:
        TypeError: it is no integer; a boolean is none either.
        ValueError: it is below the minimum.
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
