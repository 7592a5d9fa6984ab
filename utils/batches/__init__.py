"""From streams to batches: windows and their targets.

A *stream* is one array in time order, of shape (samples,) or (samples, streams) for several
parallel streams, such as the three axes of an accelerometer. A convolutional or recurrent net
wants (batch, timesteps, streams). The functions here re-format one into the other without
copying: a window is a *view*, so ten thousand overlapping windows cost no more memory than the
stream itself, and a stream may well be an `np.memmap` that is larger than the memory.

    train, validation, test = splits.split_in_time(stream)    # split first, ...
    x_train, y_train = windows_and_targets(train, 60)         # ... then cut windows
    batches = window_dataset(train, 60, batch_size=128)       # or cut them batch by batch

Lecture items L3.13 to L3.19 and L4.15.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import operator
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from utils.batches.permutation import RandomOrder
from utils.common.arguments import as_array, as_integer, as_stream

TARGETS = ("next", "next_k", "mean", "trend")

# Mean, trend and the caller's own patterns are worked out this many values at a time, so that
# their memory does not grow with the stream: 2**18 values are 2 MB in float64, which also
# stays within a processor's cache.
_CHUNK_VALUES = 2**18


# --------------------------------------------------------------------------- windows


def windows(stream, timesteps: int, hop: int = 1) -> np.ndarray:
    """Cut a stream into windows of `timesteps` samples that start `hop` samples apart.

    Row i holds the samples i·hop … i·hop + timesteps − 1 (the lecture counts from 1:
    i·s + 1 … i·s + m). Samples at the end that do not fill a window are left out.

    Args:
        stream: array of shape (samples,) or (samples, streams), in time order.
        timesteps: length of a window, in samples.
        hop: distance between the starts of two windows, in samples. Windows overlap when it
            is smaller than `timesteps`, and leave samples out when it is larger.

    Returns:
        A read-only view of shape (n_windows, timesteps, streams) with
        n_windows = (samples − timesteps) // hop + 1. It shares the stream's memory; a
        `.copy()` of it would be timesteps / hop times as large as the stream.

    Raises:
        TypeError: the stream is no array, or `timesteps` or `hop` is not an integer.
        ValueError: the stream is empty, ragged, masked or has more than two axes, the window is
            longer than the stream, or `timesteps` or `hop` is below 1.

    Example:
        >>> windows([10, 11, 12, 13, 14, 15, 16], timesteps=3, hop=2)[:, :, 0]
        array([[10, 11, 12],
               [12, 13, 14],
               [14, 15, 16]])

    Source: lecture items L3.18 (one stream), L3.19 (several), L4.15 (recurrent nets).
    """
    stream = as_stream(stream)
    timesteps = as_integer("timesteps", timesteps)
    hop = as_integer("hop", hop)
    _check_long_enough(stream, timesteps)
    return _windows(stream, timesteps, hop)


def windows_and_targets(
    stream,
    timesteps: int,
    hop: int = 1,
    target: str | Callable = "next",
    horizon: int = 1,
    target_stream: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a stream into windows, and give each the target that follows it.

    The target of a window is made of the `horizon` samples right after it. Only the windows
    for which all of these exist are returned:
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

    A callable is called for a part of the windows at a time, so that the memory stays small:
    it must treat every window by itself and return one row for each. Where the parts differ in
    dtype, y has the one that holds them all (longer texts, wider integers, fractions).

    Args:
        stream: array of shape (samples,) or (samples, streams), in time order.
        timesteps: length of a window, in samples.
        hop: distance between the starts of two windows, in samples.
        target: one of the names above, or a callable.
        horizon: number of samples after the window that the target is made of.
        target_stream: make the target of this stream only (−1 is the last one). The axis
            stays, with length 1, to fit a Dense(1) output. By default all streams are used.

    Returns:
        (x, y). x is a read-only view of shape (n, timesteps, streams). y is a view too for
        "next" and "next_k". For "mean" and "trend" it is a new array, worked out in float64
        and returned as float32 for float16, float32 and integers up to 16 bits, and as
        float64 for larger ones.

    Raises:
        TypeError: the stream is no array, a length is not an integer, `target` is neither text
            nor callable, a mean or trend is asked of something that is no number, or a callable
            returns dtypes that have none in common.
        ValueError: an unknown target, a horizon that does not suit it, no such stream, a
            callable that does not return one row of one shape per window, or a stream that is
            too short.

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
    x, future, make_target = _windows_and_future(
        stream, timesteps, hop, target, horizon, target_stream
    )
    if target in ("next", "next_k"):
        return x, make_target(future)
    return x, _in_chunks(make_target, future)


def window_dataset(
    stream,
    timesteps: int,
    batch_size: int,
    hop: int = 1,
    target: str | Callable | None = "next",
    horizon: int = 1,
    target_stream: int | None = None,
    *,
    shuffle: bool = False,
    seed: int = 0,
    drop_last: bool = False,
):
    """Return a `keras.utils.PyDataset` that cuts windows and targets batch by batch.

    The batches are those of `windows_and_targets`, but each is only cut when it is asked for.
    A stream of 10⁸ samples therefore trains in constant memory, with `model.fit(dataset)`,
    `evaluate` and `predict`, on every backend of Keras.

    Shuffling takes no memory either, and no time at the start: the order is not a stored
    permutation (8 bytes a window), but worked out for the windows of one batch when that
    batch is cut (about 0.04 ms for 128 windows). Every window comes exactly once an epoch, in
    an order that depends on `seed` and on `dataset.epoch`, a counter that goes up whenever
    Keras ends an epoch (`fit` does so once before the first one too, when it looks at the
    shapes).

    Two things to know about Keras:
      - `fit` shuffles the *order of the batches* of any PyDataset unless told otherwise, by
        Python's own `random`. Say `model.fit(dataset, shuffle=False)` when the batches must
        come in sequence, or in an order that depends on `seed` alone.
      - `predict` keeps the order of the dataset, so predict on one with `shuffle=False`, or
        the predictions come in a random order.

    Args:
        stream: array of shape (samples,) or (samples, streams), in time order. Batches keep
            its dtype. Integers, such as 16-bit sound, want a `keras.layers.Rescaling` first
            in the model.
        timesteps, hop, target, horizon, target_stream: as for `windows_and_targets`.
            `target=None` gives batches of x alone, over all windows, for `predict`.
        batch_size: windows per batch. The last batch may be smaller.
        shuffle: draw the windows in a new random order every epoch.
        seed: which orders. The same seed gives the same sequence of orders.
        drop_last: leave the last batch out if it is smaller. Several devices need that, since
            a batch is divided evenly among them.

    Returns:
        A dataset with `len(dataset)` batches, where `dataset[i]` is (x, y), with x of shape
        (batch, timesteps, streams), or x alone. `dataset.n_windows` windows in all.

    Raises:
        TypeError, ValueError: as `windows_and_targets`, and for a `batch_size` below 1, or
            with `drop_last`, above the number of windows.

    Example:
        >>> batches = window_dataset(np.arange(100.0), timesteps=10, batch_size=32)
        >>> len(batches), batches[0][0].shape, batches[2][0].shape
        (3, (32, 10, 1), (26, 10, 1))

    Source: lecture items L3.15, L3.18, L3.19, L4.15.
    """
    batch_size = as_integer("batch_size", batch_size)
    seed = as_integer("seed", seed, minimum=0)
    x, future, make_target = _windows_and_future(
        stream, timesteps, hop, target, horizon, target_stream
    )
    if drop_last and batch_size > len(x):
        raise ValueError(
            f"batch_size is {batch_size}, but there are only {len(x)} windows, so that "
            f"drop_last=True leaves no batch at all. Use batch_size={len(x)} or less, a smaller "
            f"hop, or drop_last=False."
        )
    dataset_class = _window_dataset_class()
    return dataset_class(x, future, make_target, batch_size, shuffle, seed, drop_last)


@functools.cache
def _window_dataset_class():
    # Within a function, since importing Keras takes seconds and everything else here does
    # without it.
    import keras

    class WindowDataset(keras.utils.PyDataset):
        """Batches of windows; see `window_dataset`."""

        def __init__(self, x, future, make_target, batch_size, shuffle, seed, drop_last):
            super().__init__()
            self.n_windows = len(x)
            self.batch_size = batch_size
            self.epoch = 0
            self._x, self._future, self._make_target = x, future, make_target
            self._row = None  # the shape of one row of y
            self._shuffle, self._seed, self._drop_last = shuffle, seed, drop_last
            self._set_order()

        def __len__(self):
            if self._drop_last:
                return self.n_windows // self.batch_size
            return -(-self.n_windows // self.batch_size)

        def __getitem__(self, index):
            index = operator.index(index)
            if not -len(self) <= index < len(self):
                raise IndexError(f"batch {index} of a dataset of {len(self)} batches")
            start = index % len(self) * self.batch_size
            stop = min(start + self.batch_size, self.n_windows)
            rows = slice(start, stop)  # in sequence, a batch is a slice, which is quickest
            if self._order is not None:
                rows = self._order(np.arange(start, stop))
            # Contiguous, since the backend would otherwise have to copy the view again.
            x = np.ascontiguousarray(self._x[rows])
            if self._future is None:
                return x
            y = _one_row_each(self._make_target, self._future[rows], self._row)
            self._row = y.shape[1:]
            return x, np.ascontiguousarray(y)

        def on_epoch_end(self):
            self.epoch += 1
            self._set_order()

        def _set_order(self):
            self._order = None
            if self._shuffle:
                self._order = RandomOrder(self.n_windows, (self._seed, self.epoch))

    return WindowDataset


# --------------------------------------------------------------------------- targets


def _windows(stream, timesteps, hop):
    """(samples, streams) -> read-only view (n_windows, timesteps, streams), unchecked."""
    every_window = sliding_window_view(stream, timesteps, axis=0)  # (…, streams, timesteps)
    return every_window[::hop].swapaxes(1, 2)


def _windows_and_future(stream, timesteps, hop, target, horizon, target_stream):
    """Views of the windows and of the `horizon` samples after each, and the target's function.

    Returns:
        x: (n, timesteps, streams).
        future: (n, horizon, streams), or None where there is no target.
        make_target: maps some rows of `future` to the same rows of y.
    """
    stream = as_stream(stream)
    timesteps = as_integer("timesteps", timesteps)
    hop = as_integer("hop", hop)
    horizon = as_integer("horizon", horizon)
    if target is None:
        _check_long_enough(stream, timesteps)
        return _windows(stream, timesteps, hop), None, None
    make_target = _target_function(target, horizon, stream.dtype)
    target_streams = _select_stream(stream, target_stream)
    _check_long_enough(stream, timesteps, horizon)
    x = _windows(stream[:-horizon], timesteps, hop)
    future = _windows(target_streams[timesteps:], horizon, hop)
    return x, future, make_target


def _target_function(target, horizon, dtype):
    if callable(target):
        return target
    if not isinstance(target, str):
        raise TypeError(
            f"target must be one of {_listed(TARGETS)}, or a callable, but is {target!r}."
        )
    if target not in TARGETS:
        guess = difflib.get_close_matches(target, TARGETS, n=1, cutoff=0.5)
        hint = f" Did you mean {guess[0]!r}?" if guess else ""
        raise ValueError(
            f"There is no target {target!r}.{hint} Use one of {_listed(TARGETS)}, or a callable."
        )
    if target == "next":
        if horizon != 1:
            raise ValueError(
                f"target='next' is the one value after the window, but horizon is {horizon}. "
                f"Use target='next_k' for the next {horizon} values, or horizon=1."
            )
        return lambda future: future[:, 0]
    if target == "next_k":
        return lambda future: future
    if dtype.kind not in "biuf":
        raise TypeError(
            f"target={target!r} needs a stream of real numbers, but the stream is {dtype}. "
            f"Convert it first, or use target='next' or 'next_k'."
        )
    weights = _mean_weights(horizon) if target == "mean" else _trend_weights(horizon)
    return functools.partial(_weighted_sum, weights=weights)


def _mean_weights(horizon):
    return np.full(horizon, 1 / horizon)


def _trend_weights(horizon):
    # The slope of the least-squares line is Σ (t − t̄)·v / Σ (t − t̄)².
    if horizon < 2:
        raise ValueError(
            "target='trend' is the slope of a line and needs at least two points, but horizon "
            "is 1. Use horizon=2 or more."
        )
    t = np.arange(horizon) - (horizon - 1) / 2
    return t / np.sum(t**2)


def _weighted_sum(future, weights):
    """(n, horizon, streams), (horizon,) -> (n, streams)."""
    total = np.einsum("nhs,h->ns", future.astype(np.float64), weights)
    return total.astype(np.result_type(future.dtype, np.float32))


def _in_chunks(make_target, future):
    """`make_target(future)`, a part of the rows at a time, in constant extra memory."""
    n, horizon, streams = future.shape
    rows = max(1, _CHUNK_VALUES // (horizon * streams))
    y = None
    for start in range(0, n, rows):
        row = None if y is None else y.shape[1:]
        part = _one_row_each(make_target, future[start : start + rows], row)
        if y is None:
            y = np.zeros((n, *part.shape[1:]), part.dtype)
        if part.dtype != y.dtype:  # a callable's dtype may follow its values
            y = y.astype(_dtype_of_both(y, part), copy=False)
        y[start : start + rows] = part
    return y


def _dtype_of_both(y, part):
    """The dtype that holds two parts of the targets without changing a value."""
    kinds = {y.dtype.kind, part.dtype.kind}
    # NumPy itself would make texts of numbers, time spans of integers, and rounded floats of
    # integers that are too large for them.
    alike = len(kinds) == 1 or "O" in kinds or kinds <= set("biufc") or kinds <= set("UT")
    if alike:
        with contextlib.suppress(TypeError):
            dtype = np.result_type(y.dtype, part.dtype)
            if dtype.kind not in "fc" or _largest(y) <= 2**53 >= _largest(part):
                return dtype
    raise TypeError(
        f"The target returned {y.dtype} for some windows and {part.dtype} for others, and no "
        f"dtype holds both. Return one for all windows, for instance with .astype(...)."
    )


def _largest(values):
    """The largest magnitude, if these are integers."""
    if values.dtype.kind not in "iu" or not values.size:
        return 0
    return max(int(values.max()), -int(values.min()))


def _one_row_each(make_target, future, row=None):
    """Call the target's function, and check that it gave one row for each window.

    Args:
        make_target: the function.
        future: (some windows, horizon, streams).
        row: the shape of a row that it gave before, if it did.
    """
    y = as_array("What the target returns", make_target(future))
    if y.ndim == 0 or len(y) != len(future):
        raise ValueError(
            f"The target must return one row per window, but for future values of shape "
            f"{future.shape} it returned shape {y.shape}. Reduce over axis 1 (the horizon) only: "
            f"future.max(axis=1), not future.max()."
        )
    if row is not None and y.shape[1:] != row:
        raise ValueError(
            f"The target returned rows of shape {row} for some windows and of shape "
            f"{y.shape[1:]} for others. It is called for a part of the windows at a time: it must "
            f"treat every window by itself."
        )
    return y


def _select_stream(stream, target_stream):
    if target_stream is None:
        return stream
    n_streams = stream.shape[1]
    if isinstance(target_stream, str):
        raise TypeError(
            f"target_stream is the number of a stream, 0 to {n_streams - 1}, but is "
            f"{target_stream!r}. For a column of a table of pandas, that number is "
            f"table.columns.get_loc({target_stream!r})."
        )
    index = as_integer("target_stream", target_stream, minimum=-n_streams)
    if index >= n_streams:
        raise ValueError(
            f"target_stream is {index}, but there are {n_streams} streams, counted from 0. "
            f"Use 0 to {n_streams - 1}."
        )
    index %= n_streams
    return stream[:, index : index + 1]  # a slice keeps the axis, and is a view


# --------------------------------------------------------------------------- checks


def _check_long_enough(stream, timesteps, horizon=0):
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


def _listed(names):
    return ", ".join(repr(name) for name in names)
