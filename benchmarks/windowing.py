"""Compare ways to train on windows of one long stream: time and memory.

    python benchmarks/windowing.py                      # 10⁸ samples, a few minutes
    python benchmarks/windowing.py --samples 1000000    # a quick look

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

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

TIMESTEPS, BATCH_SIZE = 256, 128
SHORT_TIMESTEPS, SHORT_HOP = 16, 8
WARM_UP = 20  # batches of `fit` that are not timed: the first one compiles the step

OURS, BY_HAND, KERAS = "window_dataset", "sliding_window_view", "timeseries_dataset_from_array"
BATCH_CASES = [
    (kind, name, shuffle)
    for kind, names in (("batches", (OURS, BY_HAND, KERAS)), ("fit", (OURS, KERAS)))
    for shuffle in (False, True)
    for name in names
]
ARRAY_CASES = [
    ("array", "windows, a view", False),
    ("array", "sliding_window_view, a view", False),
    ("array", "sliding_window_view, copied", False),
]


# ------------------------------------------------------------------- the ways to cut batches


def window_dataset_batches(stream, shuffle):
    from utils.batches import window_dataset

    return window_dataset(stream, TIMESTEPS, BATCH_SIZE, shuffle=shuffle)


def sliding_window_view_batches(stream, shuffle):
    x = np.lib.stride_tricks.sliding_window_view(stream[:-1], TIMESTEPS)
    y = stream[TIMESTEPS:]
    order = np.random.default_rng(0).permutation(len(x)) if shuffle else None
    for start in range(0, len(x), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        if shuffle:
            rows = order[rows]
        # Copied, as the others do: a view would leave that work to whoever uses the batch.
        yield x[rows, :, np.newaxis].copy(), y[rows, np.newaxis].copy()


def timeseries_dataset_batches(stream, shuffle):
    import keras

    return keras.utils.timeseries_dataset_from_array(
        stream[:-1, np.newaxis],
        stream[TIMESTEPS:, np.newaxis],
        sequence_length=TIMESTEPS,
        batch_size=BATCH_SIZE,
        shuffle=shuffle,
        seed=0,
    )


MAKERS = {
    OURS: window_dataset_batches,
    BY_HAND: sliding_window_view_batches,
    KERAS: timeseries_dataset_batches,
}


# ------------------------------------------------------------------- one measurement


def measure(kind, name, shuffle, stream, batches, seconds):
    """Run one case in this process, and print what was found as lines of JSON."""
    import utils.batches  # noqa: F401  (imports are not part of the measurement)

    if kind != "array":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras  # noqa: F401
    stream = np.fromfile(stream, np.float32)
    baseline = peak_memory()
    if kind == "batches":
        measure_batches(MAKERS[name], stream, shuffle, batches, seconds)
    elif kind == "fit":
        measure_fit(MAKERS[name], stream, shuffle, batches, seconds)
    else:
        measure_array(name, stream)
    report(memory=peak_memory() - baseline)


def measure_batches(make, stream, shuffle, batches, seconds):
    start = time.perf_counter()
    iterator = iter(make(stream, shuffle))
    x, y = next(iterator)
    first = time.perf_counter()
    assert x.shape == (BATCH_SIZE, TIMESTEPS, 1)
    assert y.shape == (BATCH_SIZE, 1)
    report(first=first - start)
    count = 0
    start = time.perf_counter()
    for _ in iterator:
        count += 1
        if count == batches or time.perf_counter() - start > seconds:
            break
    report(batches=count, seconds=time.perf_counter() - start)


def measure_fit(make, stream, shuffle, batches, seconds):
    import keras

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            now = time.perf_counter()
            if batch == 0:
                report(first=now - start)
            if batch == WARM_UP:
                self.warm = now
            if batch == WARM_UP + batches or (batch > WARM_UP and now - self.warm > seconds):
                report(batches=batch - WARM_UP, seconds=now - self.warm)
                raise StopIteration  # in the middle of an epoch of 800 000 batches

    layers = [keras.Input((TIMESTEPS, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    start = time.perf_counter()
    with contextlib.suppress(StopIteration):
        # shuffle=False: the dataset shuffles by itself where it is to.
        model.fit(make(stream, shuffle), shuffle=False, verbose=0, callbacks=[Clock()])


def measure_array(name, stream):
    from utils.batches import windows

    start = time.perf_counter()
    if name.startswith("windows"):
        x = windows(stream, SHORT_TIMESTEPS, SHORT_HOP)
    else:
        x = np.lib.stride_tricks.sliding_window_view(stream, SHORT_TIMESTEPS)[::SHORT_HOP]
        if name.endswith("copied"):
            x = x.copy()
    report(first=time.perf_counter() - start, shape=x.shape)


def report(**values):
    # One line for each finding, so that those before a time-out are kept.
    print("RESULT", json.dumps(values), flush=True)


def peak_memory():
    """The largest resident memory of this process so far, in bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# ------------------------------------------------------------------- all measurements


def run_case(case, path, options):
    """Run one case in a fresh process, with a cap on its memory and time."""
    command = [sys.executable, __file__, "--case", json.dumps(case), "--stream", str(path)]
    command += ["--batches", str(options.batches), "--seconds", str(options.seconds)]
    cap = options.memory * psutil.virtual_memory().available
    patience = time.monotonic() + 60 + options.seconds
    ended = ""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = psutil.Popen(command, stdout=output, stderr=output)
        while process.poll() is None:
            time.sleep(0.05)
            try:
                memory = process.memory_info().rss
            except psutil.Error:
                continue  # it has just ended
            if memory > cap or time.monotonic() > patience:
                ended = "out of memory" if memory > cap else "timed out"
                process.kill()
        output.seek(0)
        lines = output.read().splitlines()
    found = {"ended": ended}
    for line in lines:
        if line.startswith("RESULT "):
            found |= json.loads(line.removeprefix("RESULT "))
    if process.returncode and not ended:
        found["ended"] = f"failed: {lines[-1] if lines else 'no output'}"
    return found


def batches_table(results):
    print("| in | order | way | first batch | ratio | batches/s | ratio | peak memory |")
    print("|---|---|---|--:|--:|--:|--:|--:|")
    for (kind, name, shuffle), found in results.items():
        ours = results.get((kind, OURS, shuffle), {})
        first = milliseconds(found.get("first"))
        slower_first = ratio(found.get("first"), ours.get("first"))
        slower = ratio(seconds_per_batch(found), seconds_per_batch(ours))
        rate = f"{1 / seconds_per_batch(found):,.0f}" if seconds_per_batch(found) else "–"
        memory = found["ended"] or megabytes(found.get("memory"))
        where = "a loop" if kind == "batches" else "model.fit"
        order = "shuffled" if shuffle else "sequence"
        print(
            f"| {where} | {order} | {name} | {first} | {slower_first} | {rate} | {slower} "
            f"| {memory} |"
        )
    print("\nRatios: how many times as long as window_dataset in the same row group.")


def array_table(results):
    print("| way | shape | time | peak memory |")
    print("|---|---|--:|--:|")
    for (_, name, _), found in results.items():
        memory = found["ended"] or megabytes(found.get("memory"))
        shape = tuple(found.get("shape", ()))
        print(f"| {name} | {shape} | {milliseconds(found.get('first'))} | {memory} |")


def seconds_per_batch(found):
    return found["seconds"] / found["batches"] if found.get("batches") else None


def ratio(value, reference):
    if not value or not reference:
        return "–"
    times = value / reference
    return f"{times:,.0f}×" if times >= 10 else f"{times:.2g}×"


def milliseconds(value):
    return "–" if value is None else f"{1000 * value:,.3g} ms" if value < 1 else f"{value:,.1f} s"


def megabytes(value):
    return "–" if value is None else f"{value / 1e6:,.0f} MB"


def write_stream(path, samples):
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        for start in range(0, samples, 10**6):
            rng.standard_normal(min(10**6, samples - start), np.float32).tofile(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=float, default=1e8, help="length of the stream")
    parser.add_argument("--batches", type=int, default=2000, help="batches to time")
    parser.add_argument("--seconds", type=float, default=15, help="or stop after so long")
    parser.add_argument("--memory", type=float, default=0.7, help="share of the free memory")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--stream", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        measure(*json.loads(options.case), options.stream, options.batches, options.seconds)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stream.float32")
        write_stream(path, int(options.samples))
        batch_results = {case: run_case(case, path, options) for case in BATCH_CASES}
        array_results = {case: run_case(case, path, options) for case in ARRAY_CASES}
    size = options.samples * 4 / 1e6
    print(
        f"A stream of {options.samples:,.0f} float32 samples ({size:,.0f} MB), Python "
        f"{platform.python_version()}, NumPy {np.__version__}, Keras on "
        f"{os.environ.get('KERAS_BACKEND', 'tensorflow')}, {os.cpu_count()} CPU cores.\n"
    )
    print(f"Batches of {BATCH_SIZE} windows, {TIMESTEPS} timesteps, hop 1:\n")
    batches_table(batch_results)
    print(f"\nAll windows, {SHORT_TIMESTEPS} timesteps, hop {SHORT_HOP}:\n")
    array_table(array_results)


if __name__ == "__main__":
    main()
