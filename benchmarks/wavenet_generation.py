"""Generate with a WaveNet: naively, with queues in NumPy, and compiled, on one core, in one run.

    python -m benchmarks.wavenet_generation [--repeats 5] [--layers 30] [--channels 32] [--skip 64]

All ways get the same weights (random: the speed does not depend on them) and the same random
numbers, and are first checked to give the same samples: the naive ways and the compiled one after a
past as long as the receptive field, the queues and the compiled one from silence. Naive: the Keras
model reads the whole receptive field again for each sample, called plainly, `model(x)`, and as a
compiled function, `predict_on_batch`. Queues: Le Paine et al. (2016), the lesson's own function in
readable NumPy. Compiled: `utils.models.wavenet`. Sampling is part of all of them; compiling and a
first call are not. The process is bound to one core where the system can do that.

Median of several rounds. Beside the samples per second that passed on the clock stand those per
second of processor time, which is what an idle machine would reach: other programs on the same core
take turns with this one.

It fails (exit status 1) if, by processor time, the compiled generator makes fewer than 16,000
samples per second or fewer than 500 times as many as the naive way, as a compiled model, does.
"""

import argparse
import functools
import os
import platform
import statistics
import sys
import time

import numpy as np

from tools.authoring import cells
from utils.models import wavenet

CLASSES, REAL_TIME, TIMES_NAIVE = 256, 16_000, 500
SIZES = [(10, 32, 64), (20, 32, 64), (30, 32, 64), (40, 32, 64), (30, 16, 32), (30, 64, 128)]


def lesson(hop=80):
    """Return what the lesson defines: its model, its rule for drawing, its queues in NumPy."""
    import keras

    names = {"keras": keras, "np": np, "wavenet": wavenet}
    definitions = cells.definitions("09_wavenet.ipynb", {"wavenet", "generation"}, **names)
    definitions["HOP"] = hop
    return definitions


def dilations(depth):
    """Return 1, 2, 4 … 512, and again from 1."""
    return [2 ** (layer % 10) for layer in range(depth)]


def naive(predict, choose, past, uniforms):
    """Read the receptive field again for each sample."""
    classes = list(past)
    for u in uniforms:
        window = np.array([classes[-len(past) :]], "int32")
        classes.append(choose(np.asarray(predict(window))[0, -1], u))
    return classes[len(past) :]


def rates(function, count, repeats):
    """Return samples per second by the clock and by the processor: medians, after a first call."""
    function()
    clock, processor = [], []
    for _ in range(repeats):
        began, began_cpu = time.perf_counter(), time.process_time()
        function()
        clock.append(count / (time.perf_counter() - began))
        processor.append(count / (time.process_time() - began_cpu))
    return statistics.median(clock), statistics.median(processor)


def bind_to_one_core():
    """Bind to one core, before a backend is imported, which counts the cores it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def load():
    """Say how busy the machine is."""
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def main():
    """Measure, and print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--skip", type=int, default=64)
    options = parser.parse_args()
    repeats = options.repeats
    bind_to_one_core()
    import keras

    of_lesson = lesson()
    tiny = wavenet.weights_of(of_lesson["build_wavenet"]([1, 2], 8, 8))
    began, began_cpu = time.perf_counter(), time.process_time()
    wavenet.generate(tiny, 1)
    compile_clock, compile_cpu = time.perf_counter() - began, time.process_time() - began_cpu

    choose, with_queues = of_lesson["choose"], of_lesson["generate_with_queues"]
    model = of_lesson["build_wavenet"](dilations(options.layers), options.channels, options.skip)
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
    w = wavenet.weights_of(model)
    past = random.integers(0, CLASSES, w.receptive_field)
    uniforms = random.random(2 * REAL_TIME)

    def compiled_model(window):
        return model.predict_on_batch(window)

    def plain_model(window):
        return keras.ops.convert_to_numpy(model(window, training=False))

    ways = {
        "naive, `model(x)`": lambda n: naive(plain_model, choose, past, uniforms[:n]),
        "naive, compiled model": lambda n: naive(compiled_model, choose, past, uniforms[:n]),
        "queues in NumPy": lambda n: with_queues(w, uniforms[:n]),
        "queues, compiled with Numba": lambda n: wavenet.generate(w, n, uniforms=uniforms[:n]),
    }
    first = ways["naive, compiled model"](10)
    assert first == ways["naive, `model(x)`"](10), "the naive ways must agree"
    scores = wavenet.logits(w, np.append(past, first[:-1]))[-10:]
    fast = [choose(s, u) for s, u in zip(scores, uniforms, strict=False)]
    assert first == fast, "the compiled queues must give the same samples"
    fast = wavenet.generate(w, 1200, uniforms=uniforms[:1200])  # the queues of 512 go round
    assert (with_queues(w, uniforms[:1200]) == fast).all(), "the queues must give the same samples"

    counts = dict(zip(ways, (3, 5, 300, len(uniforms)), strict=True))
    found = {}
    for name, count in counts.items():
        found[name] = rates(functools.partial(ways[name], count), count, repeats)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"Python {platform.python_version()} on {sys.platform}, Keras {keras.__version__} on "
        f"{keras.backend.backend()}, {cores} core(s), {load()}; {w}"
    )
    print(f"Numba's first call: {compile_clock:.1f} s ({compile_cpu:.1f} s of processor time)\n")
    print("| way | samples/s | ratio | samples per CPU second | ratio | × real time |")
    print("|---|--:|--:|--:|--:|--:|")
    base = found["naive, compiled model"]
    for name, (clock, processor) in found.items():
        print(
            f"| {name} | {clock:,.1f} | {clock / base[0]:,.2f} × | {processor:,.1f} | "
            f"{processor / base[1]:,.2f} × | {clock / REAL_TIME:.4f} |"
        )
    print("\n| layers | channels | skip channels | weights used | queues in NumPy | compiled |")
    print("|--:|--:|--:|--:|--:|--:|")
    for depth, channels, skip in SIZES:
        w = wavenet.weights_of(of_lesson["build_wavenet"](dilations(depth), channels, skip))
        used = sum(np.size(each) for each in (w.inner, w.outer, w.hidden, w.final))
        slow = rates(lambda w=w: with_queues(w, uniforms[:200]), 200, repeats)
        fast = rates(
            lambda w=w: wavenet.generate(w, REAL_TIME, uniforms=uniforms[:REAL_TIME]),
            REAL_TIME,
            repeats,
        )
        print(
            f"| {depth} | {channels} | {skip} | {used:,} | {slow[0]:,.0f} ({slow[1]:,.0f}) | "
            f"{fast[0]:,.0f} ({fast[1]:,.0f}) |"
        )
    print("\nIn brackets: samples per second of processor time.")
    fastest = found["queues, compiled with Numba"][1]
    if fastest < REAL_TIME or fastest < TIMES_NAIVE * base[1]:
        sys.exit(
            f"Too slow: {fastest:,.0f} samples per second of processor time, "
            f"{fastest / base[1]:,.0f} times the naive way; {REAL_TIME:,} and {TIMES_NAIVE} times "
            "were promised."
        )


if __name__ == "__main__":
    main()
