"""The targets of windows: made from the samples that follow, some windows at a time."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable

import numpy as np

from utils.common.arguments import as_array

TARGETS = ("next", "next_k", "mean", "trend")

# Mean, trend and the caller's own patterns are computed from this many values at a time, so that
# their memory does not grow with the stream: 2**18 values are 2 MB in float64, which also
# stays within a processor's cache.
CHUNK_VALUES = 2**18


def target_function(target: str | Callable, horizon: int, dtype: np.dtype) -> Callable:
    """Return the function that makes targets, (n, …), from `future`, (n, horizon, streams)."""
    if callable(target):
        return target
    names = ", ".join(repr(name) for name in TARGETS)
    if not isinstance(target, str):
        raise TypeError(f"target must be one of {names}, or a callable, but is {target!r}.")
    if target not in TARGETS:
        guess = difflib.get_close_matches(target, TARGETS, n=1, cutoff=0.5)
        hint = f" Did you mean {guess[0]!r}?" if guess else ""
        raise ValueError(f"There is no target {target!r}.{hint} Use one of {names}, or a callable.")
    if target == "next" and horizon != 1:
        raise ValueError(
            f"target='next' is the one value after the window, but horizon is {horizon}. "
            f"Use target='next_k' for the next {horizon} values, or horizon=1."
        )
    if target == "next":
        return lambda future: future[:, 0]
    if target == "next_k":
        return lambda future: future
    if dtype.kind not in "biuf":
        raise TypeError(
            f"target={target!r} needs a stream of real numbers, but the stream is {dtype}. "
            f"Convert it first, or use target='next' or 'next_k'."
        )
    if target == "mean":
        weights = np.full(horizon, 1 / horizon)
    elif horizon == 1:
        raise ValueError(
            "target='trend' is the slope of a line and needs at least two points, but horizon "
            "is 1. Use horizon=2 or more."
        )
    else:
        t = np.arange(horizon) - (horizon - 1) / 2
        weights = t / np.sum(t**2)  # the slope of the least-squares line is Σ t·v / Σ t²
    return functools.partial(_weighted_sum, weights=weights)


def _weighted_sum(future, weights):
    """(n, horizon, streams), (horizon,) -> (n, streams)."""
    total = np.einsum("nhs,h->ns", future.astype(np.float64), weights)
    return total.astype(np.result_type(future.dtype, np.float32))


def in_chunks(make_target: Callable, future: np.ndarray) -> np.ndarray:
    """Return `make_target(future)`, computed for a part of the rows at a time."""
    n, horizon, streams = future.shape
    rows = max(1, CHUNK_VALUES // (horizon * streams))
    parts = []
    for start in range(0, n, rows):
        part = one_row_each(make_target, future[start : start + rows])
        parts.append(part.copy())  # a callable may reuse the same array
    return _joined(parts)


def _joined(parts):
    """Concatenate arrays whose dtypes may follow their values, without changing a value."""
    kinds = {part.dtype.kind for part in parts}
    # NumPy itself would turn numbers into strings, and integers into time spans.
    if len(kinds) == 1 or "O" in kinds or kinds <= set("biufc"):
        if len({part.shape[1:] for part in parts}) > 1:
            raise ValueError(
                "The target returned rows of different shapes. It is called for a part of the "
                "windows at a time: it must treat every window by itself."
            )
        y = np.concatenate(parts)
        if y.dtype.kind not in "fc" or not any(map(_has_large_integers, parts)):
            return y
    first, second = list(dict.fromkeys(str(part.dtype) for part in parts))[:2]
    raise TypeError(
        f"The target returned {first} for some windows and {second} for others, and no dtype "
        f"holds both. Return one for all windows, for instance with .astype(...)."
    )


def _has_large_integers(part):
    """Return whether some integers are too large for a float to hold them exactly."""
    return part.dtype.kind in "iu" and bool(((part > 2**53) | (part < -(2**53))).any())


def one_row_each(make_target: Callable, future: np.ndarray) -> np.ndarray:
    """Return `make_target(future)`, which must have one row for each row of `future`."""
    y = as_array("What the target returns", make_target(future))
    if y.ndim == 0 or len(y) != len(future):
        raise ValueError(
            f"The target must return one row per window, but for future values of shape "
            f"{future.shape} it returned shape {y.shape}. Reduce over axis 1 (the horizon) only: "
            f"future.max(axis=1), not future.max()."
        )
    return y
