"""Generating with a WaveNet: naively, with queues in NumPy, and compiled, on one core, in one run.

    python -m benchmarks.wavenet_generation [--repeats 5] [--layers 30] [--channels 32] [--skip 64]

All ways get the same weights (random: the speed does not depend on them) and the same random
numbers, and are first checked to give the same samples: the naive ways and the compiled one after a
past as long as the receptive field, the queues and the compiled one from silence. Naive: the Keras
model reads the whole receptive field again for each sample, called plainly, `model(x)`, and as a
compiled function, `predict_on_batch`. Queues: Le Paine et al. (2016), the lesson's own function in
readable NumPy. Compiled: `utils.models.wavenet`. Sampling is part of all of them; compiling and a
first call are not. The process is bound to one core where the system can do that.

Median of several rounds. Samples are counted per second on the clock and per second of processor
time. The latter is what an idle machine would reach: other programs on the same core take turns
with this one.

It fails (exit status 1) if, by processor time, the compiled generator makes fewer than 16,000
samples per second or fewer than 500 times as many as the naive way, as a compiled model, does.
"""

import functools
import os
import statistics
import sys
import time

if hasattr(os, "sched_setaffinity"):
    # Before a backend is imported, which counts the cores that it may use.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks import _harness as harness
from tools.authoring import cells
from utils.models import wavenet

CLASSES, REAL_TIME, TIMES_NAIVE = 256, 16_000, 500
SIZES = [(10, 32, 64), (20, 32, 64), (30, 32, 64), (40, 32, 64), (30, 16, 32), (30, 64, 128)]


def lesson(hop=80):
    """Return what the lesson defines: its model, its rule for drawing a class, its queues."""
    names = {"keras": keras, "np": np, "wavenet": wavenet}
    defined = cells.definitions("09b_fast_wavenet.ipynb", {"wavenet", "generation"}, **names)
    defined["HOP"] = hop
    return defined


def dilation_rates(depth):
    """Return 1, 2, 4 … 512, and again from 1."""
    return [2 ** (layer % 10) for layer in range(depth)]


def naive(predict, choose, past, uniforms):
    """Read the receptive field again for each sample."""
    classes = list(past)
    for uniform in uniforms:
        window = np.array([classes[-len(past) :]], "int32")
        classes.append(choose(np.asarray(predict(window))[0, -1], uniform))
    return classes[len(past) :]


def rates(function, count, repeats):
    """Return samples per second by the clock and by the processor: medians, after a first call."""
    function()
    clock, processor = [], []
    for _ in range(repeats):
        start, start_cpu = time.perf_counter(), time.process_time()
        function()
        clock.append(count / (time.perf_counter() - start))
        processor.append(count / (time.process_time() - start_cpu))
    return statistics.median(clock), statistics.median(processor)


def ways_to_generate(defined, options, uniforms):
    """Return the ways, name to a function of how many samples, after checking that they agree."""
    choose, with_queues = defined["choose"], defined["generate_with_queues"]
    depth = dilation_rates(options.layers)
    model = defined["build_wavenet"](depth, options.channels, options.skip)
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
    weights = wavenet.weights_of(model)
    past = random.integers(0, CLASSES, weights.receptive_field)

    def plain(window):
        return keras.ops.convert_to_numpy(model(window, training=False))

    compiled = model.predict_on_batch
    ways = {
        "naive, `model(x)`": lambda n: naive(plain, choose, past, uniforms[:n]),
        "naive, compiled model": lambda n: naive(compiled, choose, past, uniforms[:n]),
        "queues in NumPy": lambda n: with_queues(weights, uniforms[:n]),
        "compiled with Numba": lambda n: wavenet.generate(weights, n, uniforms=uniforms[:n]),
    }
    samples = ways["naive, compiled model"](10)
    assert samples == ways["naive, `model(x)`"](10), "the naive ways must agree"
    logits = wavenet.logits(weights, np.append(past, samples[:-1]))[-10:]
    fast = [choose(row, uniform) for row, uniform in zip(logits, uniforms, strict=False)]
    assert samples == fast, "the compiled queues must give the same samples"
    fast = ways["compiled with Numba"](1200)  # the queues of 512 go round
    assert (ways["queues in NumPy"](1200) == fast).all(), "the queues must give the same samples"
    return ways


def size_rows(defined, uniforms, repeats):
    """Yield the rows of the table of sizes."""
    for depth, channels, skip in SIZES:
        model = defined["build_wavenet"](dilation_rates(depth), channels, skip)
        weights = wavenet.weights_of(model)
        queues = functools.partial(defined["generate_with_queues"], weights, uniforms[:200])
        compiled = functools.partial(
            wavenet.generate, weights, REAL_TIME, uniforms=uniforms[:REAL_TIME]
        )
        slow, fast = rates(queues, 200, repeats), rates(compiled, REAL_TIME, repeats)
        yield (
            f"{depth} / {channels} / {skip}",
            *(f"{clock:,.0f} ({processor:,.0f})" for clock, processor in (slow, fast)),
        )


def main():
    """Measure every way, and the fast ones in several sizes."""
    options = harness.options(__doc__, repeats=5, layers=30, channels=32, skip=64)
    defined = lesson()
    uniforms = np.random.default_rng(1).random(2 * REAL_TIME)
    ways = ways_to_generate(defined, options, uniforms)
    counts = dict(zip(ways, (3, 5, 300, len(uniforms)), strict=True))
    results = {
        name: rates(functools.partial(ways[name], count), count, options.repeats)
        for name, count in counts.items()
    }
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{harness.machine('keras', 'numba')}, load {load:.1f}\n")
    clock_base, processor_base = results["naive, compiled model"]
    headings = ["way", "samples/s", "ratio", "per CPU second", "ratio", "× real time"]
    rows = (
        (
            name,
            f"{clock:,.1f}",
            harness.ratio(clock, clock_base),
            f"{processor:,.1f}",
            harness.ratio(processor, processor_base),
            f"{clock / REAL_TIME:.4f}",
        )
        for name, (clock, processor) in results.items()
    )
    harness.table(headings, rows)
    print("\nIn brackets: samples per second of processor time.\n")
    headings = ["layers / channels / skip", "queues in NumPy", "compiled"]
    harness.table(headings, size_rows(defined, uniforms, options.repeats))
    fastest = results["compiled with Numba"][1]
    if fastest < REAL_TIME or fastest < TIMES_NAIVE * processor_base:
        sys.exit(
            f"Too slow: {fastest:,.0f} samples per second of processor time, "
            f"{fastest / processor_base:,.0f} times the naive way; {REAL_TIME:,} and "
            f"{TIMES_NAIVE} times were promised."
        )


if __name__ == "__main__":
    main()
