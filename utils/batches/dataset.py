"""Batches of windows for `fit`, each cut only when needed."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from utils.batches.permutation import RandomOrder
from utils.batches.targets import one_row_each
from utils.batches.windowing import windows_and_future
from utils.common.arguments import as_integer

if TYPE_CHECKING:
    import keras


def window_dataset(
    stream: ArrayLike,
    timesteps: int,
    batch_size: int,
    hop: int = 1,
    target: str | Callable | None = "next",
    horizon: int = 1,
    target_stream: int | None = None,
    *,
    shuffle: bool = False,
    seed: int = 0,
) -> keras.utils.PyDataset:
    """Return a `keras.utils.PyDataset` that cuts windows and targets batch by batch.

    The batches are those of `windows_and_targets`, but each is cut only when it is needed, and a
    shuffled order is computed for one batch at a time. So even a stream of 10⁸ samples takes
    constant memory, with `fit`, `evaluate` and `predict`, on every backend of Keras.

    Two things to know about Keras:
      - `fit` shuffles the *order of the batches* of any PyDataset unless told otherwise, with
        Python's own `random`. Use `model.fit(dataset, shuffle=False)` when the batches must
        come in sequence, or in an order that depends only on `seed`.
      - `predict` keeps the order of the dataset, so predict on one with `shuffle=False`, or
        the predictions come in a random order.

    Args:
        stream: Array of shape (samples,) or (samples, streams), in time order. Batches keep
            its dtype. Integers, such as 16-bit sound, need a `keras.layers.Rescaling` at the
            start of the model.
        timesteps: Length of a window, in samples.
        batch_size: Windows per batch. The last batch may be smaller.
        hop: Distance between the starts of two windows, in samples.
        target: As for `windows_and_targets`. None gives batches of x alone, over all windows,
            for `predict`.
        horizon: As for `windows_and_targets`.
        target_stream: As for `windows_and_targets`.
        shuffle: Draw the windows in a new random order every epoch.
        seed: Decides the orders. The same seed gives the same sequence of orders.

    Returns:
        A dataset with `len(dataset)` batches, where `dataset[i]` is (x, y), with x of shape
        (batch, timesteps, streams), or x alone. `dataset.n_windows` windows in all.

    Raises:
        TypeError: As for `windows_and_targets`, or `batch_size` or `seed` is not an integer.
        ValueError: As for `windows_and_targets`, or `batch_size` is below 1.

    Example:
        >>> batches = window_dataset(np.arange(100.0), timesteps=10, batch_size=32)
        >>> len(batches), batches[0][0].shape, batches[2][0].shape
        (3, (32, 10, 1), (26, 10, 1))

    Source: lecture items L3.15, L3.18, L3.19, L4.15.
    """
    batch_size = as_integer("batch_size", batch_size)
    seed = as_integer("seed", seed, minimum=0)
    x, future, make_target = windows_and_future(
        stream, timesteps, hop, target, horizon, target_stream
    )
    seed = seed if shuffle else None
    return _window_dataset_class()(x, future, make_target, batch_size, seed)


@functools.cache
def _window_dataset_class():
    # Within a function, since importing Keras takes seconds and everything else here does
    # without it.
    import keras

    class WindowDataset(keras.utils.PyDataset):
        """Batches of windows; see `window_dataset`."""

        def __init__(self, x, future, make_target, batch_size, seed):
            super().__init__()
            self.n_windows = len(x)
            self.batch_size = batch_size
            self.epoch = 0
            self._x, self._future, self._make_target = x, future, make_target
            self._seed = seed

        def __len__(self):
            return -(-self.n_windows // self.batch_size)

        def __getitem__(self, index):
            index = operator.index(index)
            if not -len(self) <= index < len(self):
                raise IndexError(f"batch {index} of a dataset of {len(self)} batches")
            start = index % len(self) * self.batch_size
            stop = min(start + self.batch_size, self.n_windows)
            rows = slice(start, stop)  # in sequence, a batch is a slice, which is quickest
            if self._seed is not None:
                order = RandomOrder(self.n_windows, (self._seed, self.epoch))
                rows = order(np.arange(start, stop))
            # Contiguous, since the backend would otherwise have to copy the view again.
            x = np.ascontiguousarray(self._x[rows])
            if self._future is None:
                return x
            y = one_row_each(self._make_target, self._future[rows])
            return x, np.ascontiguousarray(y)

        def on_epoch_end(self):
            self.epoch += 1

    return WindowDataset
