"""Compare ways to train on windows of one long stream: time and memory.

    python -m benchmarks.windowing                      # 10⁸ samples, a few minutes
    python -m benchmarks.windowing --samples 1000000    # a quick look

Every measurement runs in a process of its own, on the same stream, and stops after `--batches`
batches or `--seconds` seconds. A process that needs more than `--memory` of the free memory is
ended, and the table says so. Prints two Markdown tables:

1. batches of 128 windows of 256 timesteps, hop 1, each with the next value as its target:
   cut by `utils.batches.window_dataset`; by hand from NumPy's `sliding_window_view`, with a
   permutation for the shuffled order; and by `keras.utils.timeseries_dataset_from_array`.
   Also the two datasets in `model.fit`, with a model so small that it hardly counts.
2. all windows as one array, as a view and as a copy, with windows short enough (16 timesteps,
   hop 8) for the copy to fit into memory: twice the stream. With 256 timesteps and hop 1 it
   would be 256 times the stream, 102 GB.

First batch: from the call that makes the dataset to the first batch, imports not counted.
Peak memory: what the process needs beyond its imports and the stream itself.
"""

import contextlib
import itertools
import os
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from benchmarks import _harness as harness
from utils.batches import window_dataset, windows

TIMESTEPS, BATCH_SIZE = 256, 128
SHORT_TIMESTEPS, SHORT_HOP = 16, 8
WARM_UP = 20  # batches of `fit` that are not timed: the first one compiles the step
sliding_window_view = np.lib.stride_tricks.sliding_window_view


def ours(stream, shuffle):
    """Return the batches of the course."""
    return window_dataset(stream, TIMESTEPS, BATCH_SIZE, shuffle=shuffle)


def by_hand(stream, shuffle):
    """Yield the batches as one writes them with NumPy."""
    x = sliding_window_view(stream[:-1], TIMESTEPS)
    y = stream[TIMESTEPS:]
    order = np.random.default_rng(0).permutation(len(x)) if shuffle else None
    for start in range(0, len(x), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        if shuffle:
            rows = order[rows]
        # Copied, as the others do: a view would leave that work to whoever uses the batch.
        yield x[rows, :, np.newaxis].copy(), y[rows, np.newaxis].copy()


def by_keras(stream, shuffle):
    """Return the batches of Keras."""
    return keras.utils.timeseries_dataset_from_array(
        stream[:-1, np.newaxis],
        stream[TIMESTEPS:, np.newaxis],
        sequence_length=TIMESTEPS,
        batch_size=BATCH_SIZE,
        shuffle=shuffle,
        seed=0,
    )


MAKERS = {
    "`window_dataset`": ours,
    "NumPy's `sliding_window_view`": by_hand,
    "`timeseries_dataset_from_array`": by_keras,
}
ARRAYS = {
    "`windows`, a view": lambda stream: windows(stream, SHORT_TIMESTEPS, SHORT_HOP),
    "`sliding_window_view`, a view": lambda stream: sliding_window_view(stream, SHORT_TIMESTEPS)[
        ::SHORT_HOP
    ],
    "`sliding_window_view`, copied": lambda stream: sliding_window_view(stream, SHORT_TIMESTEPS)[
        ::SHORT_HOP
    ].copy(),
}


def measure(report, measurement, name, path, *arguments):
    """Measure in this process, and report the peak memory as well."""
    stream = np.fromfile(path, np.float32)
    baseline = harness.peak_memory()
    measurement(report, name, stream, *arguments)
    report({"memory": harness.peak_memory() - baseline})


def measure_loop(report, name, stream, shuffle, batches, seconds):
    """Report the time of the first batch, and the batches in some seconds, of a bare loop."""
    start = time.perf_counter()
    iterator = iter(MAKERS[name](stream, shuffle))
    x, y = next(iterator)
    report({"first": time.perf_counter() - start})
    assert x.shape == (BATCH_SIZE, TIMESTEPS, 1)
    assert y.shape == (BATCH_SIZE, 1)
    count = 0
    start = time.perf_counter()
    for _ in iterator:
        count += 1
        if count == batches or time.perf_counter() - start > seconds:
            break
    report({"per_batch": (time.perf_counter() - start) / count})


def measure_fit(report, name, stream, shuffle, batches, seconds):
    """Report the same of `model.fit`."""

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            now = time.perf_counter()
            if batch == 0:
                report({"first": now - start})
            if batch == WARM_UP:
                self.warm = now
            if batch == WARM_UP + batches or (batch > WARM_UP and now - self.warm > seconds):
                report({"per_batch": (now - self.warm) / (batch - WARM_UP)})
                raise StopIteration  # in the middle of an epoch of 800 000 batches

    layers = [keras.Input((TIMESTEPS, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    start = time.perf_counter()
    with contextlib.suppress(StopIteration):
        # shuffle=False: the dataset shuffles by itself where it is to.
        model.fit(MAKERS[name](stream, shuffle), shuffle=False, verbose=0, callbacks=[Clock()])


def measure_array(report, name, stream):
    """Report how long all windows take, and their shape."""
    start = time.perf_counter()
    x = ARRAYS[name](stream)
    report({"first": time.perf_counter() - start, "shape": x.shape})


def batch_rows(path, options):
    """Yield the rows of the table of batches."""
    limits = {"patience": 180 + options.seconds, "memory": options.memory}
    for (where, measurement), shuffle in itertools.product(
        (("a loop", measure_loop), ("`model.fit`", measure_fit)), (False, True)
    ):
        reference = {}
        for name in MAKERS:
            if measurement is measure_fit and MAKERS[name] is by_hand:
                continue
            arguments = (name, path, shuffle, options.batches, options.seconds)
            result = harness.in_a_process(measure, measurement, *arguments, **limits)
            reference = reference or result
            first, per_batch = result.get("first"), result.get("per_batch")
            yield (
                where,
                "shuffled" if shuffle else "sequence",
                name,
                duration(first),
                harness.ratio(first, reference.get("first")),
                f"{1 / per_batch:,.0f}" if per_batch else "–",
                harness.ratio(per_batch, reference.get("per_batch")),
                result["ended"] or harness.megabytes(result.get("memory")),
            )


def array_rows(path, options):
    """Yield the rows of the table of arrays."""
    for name in ARRAYS:
        result = harness.in_a_process(measure, measure_array, name, path, memory=options.memory)
        memory = result["ended"] or harness.megabytes(result.get("memory"))
        yield name, result.get("shape", ""), duration(result.get("first")), memory


def duration(seconds):
    """Return seconds, or milliseconds where there are few."""
    if seconds is None:
        return "–"
    return f"{1000 * seconds:,.3g} ms" if seconds < 1 else f"{seconds:,.1f} s"


def write_stream(path, samples):
    """Write that many random samples."""
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        for start in range(0, samples, 10**6):
            rng.standard_normal(min(10**6, samples - start), np.float32).tofile(file)


def main():
    """Measure every way."""
    options = harness.options(__doc__, samples=1e8, batches=2000, seconds=15.0, memory=0.7)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    headings = ["in", "order", "way", "first batch", "ratio", "batches/s", "ratio", "peak memory"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stream.float32")
        write_stream(path, int(options.samples))
        size = harness.megabytes(path.stat().st_size)
        print(f"{harness.machine('numpy', 'keras')}; {options.samples:,.0f} samples ({size})\n")
        harness.table(headings, batch_rows(path, options))
        print("\nRatios: how many times as long as window_dataset in the same group.\n")
        harness.table(["way", "shape", "time", "peak memory"], array_rows(path, options))


if __name__ == "__main__":
    main()
