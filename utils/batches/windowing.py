"""Windows of a stream, and windows with the targets that follow them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from utils.batches import targets
from utils.common.arguments import as_integer, as_stream


def windows(stream: ArrayLike, timesteps: int, hop: int = 1) -> np.ndarray:
    """Cut a stream into windows of `timesteps` samples that start `hop` samples apart.

    Row i holds the samples i·hop … i·hop + timesteps − 1 (the lecture counts from 1:
    i·s + 1 … i·s + m). Samples at the end that do not fill a window are left out.

    Args:
        stream: Array of shape (samples,) or (samples, streams), in time order.
        timesteps: Length of a window, in samples.
        hop: Distance between the starts of two windows, in samples. Windows overlap when it
            is smaller than `timesteps`, and leave samples out when it is larger.

    Returns:
        A read-only view of shape (n_windows, timesteps, streams) with
        n_windows = (samples − timesteps) // hop + 1. It shares the stream's memory; a
        `.copy()` of it would be timesteps / hop times as large as the stream.

    Raises:
        TypeError: The stream is not an array, or `timesteps` or `hop` is not an integer.
        ValueError: The stream is empty, ragged, masked or has more than two axes, the window is
            longer than the stream, or `timesteps` or `hop` is below 1.

    Example:
        >>> windows([10, 11, 12, 13, 14, 15, 16], timesteps=3, hop=2)[:, :, 0]
        array([[10, 11, 12],
               [12, 13, 14],
               [14, 15, 16]])

    Source: lecture items L3.18 (one stream), L3.19 (several), L4.15 (recurrent nets).
    """
    return windows_and_future(stream, timesteps, hop, None)[0]


def windows_and_targets(
    stream: ArrayLike,
    timesteps: int,
    hop: int = 1,
    target: str | Callable = "next",
    horizon: int = 1,
    target_stream: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a stream into windows, and give each the target that follows it.

    The target of a window is made from the `horizon` samples right after it. Only windows for
    which all of these exist are returned:
    n = (samples − timesteps − horizon) // hop + 1.

    | `target`  | what it is                                      | shape of y            |
    |-----------|-------------------------------------------------|-----------------------|
    | "next"    | the next value                                  | (n, streams)          |
    | "next_k"  | the next k = `horizon` values                   | (n, horizon, streams) |
    | "mean"    | the mean of the next `horizon` values           | (n, streams)          |
    | "trend"   | the slope of the least-squares line through the | (n, streams)          |
    |           | next `horizon` values, in units per step        |                       |
    | callable  | any pattern: `target(future)`, where `future`   | (n, …), as the        |
    |           | is (some windows, horizon, streams), read-only  | callable returns it   |

    A callable is called for some of the windows at a time, so that memory stays small: it must
    treat every window separately and return one row for each. If the parts differ in dtype, y
    has the one that holds them all (longer strings, wider integers, fractions).

    Args:
        stream: Array of shape (samples,) or (samples, streams), in time order.
        timesteps: Length of a window, in samples.
        hop: Distance between the starts of two windows, in samples.
        target: One of the names above, or a callable.
        horizon: Number of samples after the window that the target is made from.
        target_stream: Make the target from this stream only (−1 is the last one). The axis
            stays, with length 1, to fit a Dense(1) output. By default all streams are used.

    Returns:
        (x, y). x is a read-only view of shape (n, timesteps, streams). y is a view too for
        "next" and "next_k". For "mean" and "trend" it is a new array, computed in float64 and
        returned as float32 for float16, float32 and integers up to 16 bits, else as float64.

    Raises:
        TypeError: The stream is not an array, a length is not an integer, `target` is neither
            a string nor a callable, a mean or trend is wanted of something other than numbers,
            or a callable returns dtypes with no common dtype.
        ValueError: The target is unknown, the horizon does not suit it, there is no such stream,
            a callable does not return one row of one shape per window, or the stream is too short.

    Example:
        >>> stream = np.array([0.0, 1.0, 2.0, 3.0, 10.0, 17.0])
        >>> x, y = windows_and_targets(stream, timesteps=3, target="trend", horizon=2)
        >>> x.shape, y.tolist()
        ((2, 3, 1), [[7.0], [7.0]])
        >>> def rises_above_12(future):  # (windows, horizon, streams) -> (windows, streams)
        ...     return (future > 12).any(axis=1)
        >>> windows_and_targets(stream, 3, target=rises_above_12, horizon=2)[1].tolist()
        [[False], [True]]

    Source: lecture item L3.15.
    """
    if target is None:
        raise TypeError("target is None. For windows without targets, call windows(...) instead.")
    x, future, make_target = windows_and_future(
        stream, timesteps, hop, target, horizon, target_stream
    )
    if target in ("next", "next_k"):
        return x, make_target(future)
    return x, targets.in_chunks(make_target, future)


def windows_and_future(
    stream: ArrayLike,
    timesteps: int,
    hop: int,
    target: str | Callable | None,
    horizon: int = 1,
    target_stream: int | None = None,
) -> tuple[np.ndarray, np.ndarray | None, Callable | None]:
    """Return views of the windows and of the samples after each, and the target's function.

    Shapes: (n, timesteps, streams) and (n, horizon, streams). The function maps some rows of the
    second to the same rows of y. Without a target, the last two are None.
    """
    stream = as_stream(stream)
    timesteps = as_integer("timesteps", timesteps)
    hop = as_integer("hop", hop)
    horizon = as_integer("horizon", horizon)
    if target is None:
        _check_long_enough(stream, timesteps, 0)
        return _windows(stream, timesteps, hop), None, None
    make_target = targets.target_function(target, horizon, stream.dtype)
    target_streams = _select_stream(stream, target_stream)
    _check_long_enough(stream, timesteps, horizon)
    x = _windows(stream[:-horizon], timesteps, hop)
    future = _windows(target_streams[timesteps:], horizon, hop)
    return x, future, make_target


def _windows(stream, timesteps, hop):
    every_window = sliding_window_view(stream, timesteps, axis=0)  # (…, streams, timesteps)
    return every_window[::hop].swapaxes(1, 2)


def _select_stream(stream, target_stream):
    if target_stream is None:
        return stream
    n_streams = stream.shape[1]
    index = as_integer("target_stream", target_stream, minimum=-n_streams)
    if index >= n_streams:
        raise ValueError(
            f"target_stream is {index}, but there are {n_streams} streams, counted from 0. "
            f"Use 0 to {n_streams - 1}."
        )
    index %= n_streams
    return stream[:, index : index + 1]  # a slice keeps the axis, and is a view


def _check_long_enough(stream, timesteps, horizon):
    samples, streams = stream.shape
    if timesteps + horizon <= samples:
        return
    needed = f"a window of {timesteps} timesteps"
    if horizon:
        needed += f" and a target {horizon} samples ahead need {timesteps + horizon} samples"
    else:
        needed += " needs as many samples"
    hint = "Use fewer timesteps, a smaller horizon, or a longer stream."
    if streams >= timesteps + horizon:
        hint = f"Its shape is {stream.shape}: if time is on the second axis, pass stream.T."
    raise ValueError(f"The stream has {samples} samples, but {needed}. {hint}")
