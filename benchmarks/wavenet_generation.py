"""Generating with a WaveNet: naively, with queues in NumPy, and compiled, on one core, in one run.

    python -m benchmarks.wavenet_generation [--repeats 5] [--layers 30] [--channels 32] [--skip 64]

All ways get the same weights (random: the speed does not depend on them), the same past (as long
as the receptive field) and the same random numbers, and are first checked to give the same
samples. Naive: the Keras model reads the whole receptive field again for each sample, called
plainly, `model(x)`, and as a compiled function, `predict_on_batch`. Queues: Le Paine et al. (2016)
in readable NumPy. Compiled: `utils.fast_wavenet`. Sampling is part of all of them; compiling and a
first call are not. The process is bound to one core where the system can do that.

Median of several rounds. Beside the samples per second that passed on the clock stand those per
second of processor time, which is what an idle machine would reach: other programs on the same core
take turns with this one.
"""

import argparse
import functools
import os
import platform
import statistics
import sys
import time

import numpy as np

from tools import cells
from utils import fast_wavenet

CLASSES, REAL_TIME = 256, 16_000
SIZES = [(10, 32, 64), (20, 32, 64), (30, 32, 64), (40, 32, 64), (30, 16, 32), (30, 64, 128)]


def build_wavenet(dilations, channels=32, skip_channels=64, features=0, hop=80):
    """The lesson's model: classes of the samples before → logits of the next one, at every step."""
    import keras

    lesson = cells.definitions("09_wavenet.ipynb", {"wavenet"}, keras=keras, np=np)
    lesson["HOP"] = hop
    return lesson["build_wavenet"](dilations, channels, skip_channels, features)


def random_weights(shapes, seed=0):
    """Weights of these shapes that keep the signal at about its size."""
    random = np.random.default_rng(seed)
    return [random.normal(0, np.prod(shape[:-1]) ** -0.5, shape) for shape in shapes]


def weights_of_size(depth, channels, skip):
    """Weights for the generator without a Keras model."""
    shapes = {
        "embedding": (CLASSES, channels),
        "inner": (depth, 2 * channels, 2 * channels),
        "inner_bias": (depth, 2 * channels),
        "outer": (depth, channels, channels + skip),
        "outer_bias": (depth, channels + skip),
        "hidden": (skip, skip),
        "hidden_bias": (skip,),
        "final": (skip, CLASSES),
        "final_bias": (CLASSES,),
    }
    arrays = dict(zip(shapes, random_weights(shapes.values()), strict=True))
    return fast_wavenet.WaveNetWeights(dilations(depth), **arrays)


def dilations(depth):
    """1, 2, 4 … 512, and again from 1."""
    return [2 ** (layer % 10) for layer in range(depth)]


def pick(logits, u):
    """A class for the random number u, as `fast_wavenet.generate` documents it."""
    p = np.cumsum(np.exp(logits.astype("float64") - logits.max()))
    return int(np.searchsorted(p, u * p[-1], side="right"))


def naive(predict, past, uniforms):
    """Reads the receptive field again for each sample."""
    classes = list(past)
    for u in uniforms:
        window = np.array([classes[-len(past) :]], "int32")
        classes.append(pick(np.asarray(predict(window))[0, -1], u))
    return classes[len(past) :]


def with_queues(w, past, uniforms):
    """Keeps what each layer has read, as long as it needs it."""
    queues = [np.zeros((dilation, w.channels), "float32") for dilation in w.dilations]
    classes = list(past)
    for t in range(len(past) - 1 + len(uniforms)):
        x = w.embedding[classes[t]]
        skips = np.zeros(w.skip_channels, "float32")
        for layer, queue in enumerate(queues):
            at = t % len(queue)
            both = np.concatenate([queue[at], x]) @ w.inner[layer] + w.inner_bias[layer]
            queue[at] = x
            filtered, gate = both[: w.channels], both[w.channels :]
            z = np.tanh(filtered) / (1 + np.exp(-gate))
            out = z @ w.outer[layer] + w.outer_bias[layer]
            x = x + out[: w.channels]
            skips = skips + out[w.channels :]
        if t + 1 >= len(past):
            y = np.maximum(np.maximum(skips, 0) @ w.hidden + w.hidden_bias, 0)
            logits = y @ w.final + w.final_bias
            classes.append(pick(logits, uniforms[t + 1 - len(past)]))
    return classes[len(past) :]


def rates(function, count, repeats):
    """Samples per second by the clock and by the processor: medians, after a first call."""
    function()
    clock, processor = [], []
    for _ in range(repeats):
        began, began_cpu = time.perf_counter(), time.process_time()
        function()
        clock.append(count / (time.perf_counter() - began))
        processor.append(count / (time.process_time() - began_cpu))
    return statistics.median(clock), statistics.median(processor)


def bind_to_one_core():
    """Before a backend is imported, which counts the cores that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def load():
    """How busy the machine is."""
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def main():
    """Measures and prints two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--skip", type=int, default=64)
    options = parser.parse_args()
    repeats = options.repeats
    bind_to_one_core()
    import keras

    began, began_cpu = time.perf_counter(), time.process_time()
    fast_wavenet.generate(weights_of_size(2, 8, 8), 1)
    compile_clock, compile_cpu = time.perf_counter() - began, time.process_time() - began_cpu

    model = build_wavenet(dilations(options.layers), options.channels, options.skip)
    model.set_weights(random_weights([weight.shape for weight in model.weights]))
    w = fast_wavenet.weights_of(model)
    random = np.random.default_rng(1)
    past = random.integers(0, CLASSES, w.receptive_field)
    uniforms = random.random(2 * REAL_TIME)

    def compiled_model(window):
        return model.predict_on_batch(window)

    def plain_model(window):
        return keras.ops.convert_to_numpy(model(window, training=False))

    ways = {
        "naive, `model(x)`": lambda n: naive(plain_model, past, uniforms[:n]),
        "naive, compiled model": lambda n: naive(compiled_model, past, uniforms[:n]),
        "queues in NumPy": lambda n: with_queues(w, past[-1:], uniforms[:n]),
        "queues, compiled with Numba": lambda n: fast_wavenet.generate(
            w, n, uniforms=uniforms[:n], start=past[-1]
        ),
    }
    first = ways["naive, compiled model"](10)
    assert first == ways["naive, `model(x)`"](10), "the naive ways must agree"
    assert first == with_queues(w, past, uniforms[:10]), "the queues must give the same samples"
    fast = fast_wavenet.generate(w, 10, uniforms=uniforms[:10], start=past)
    assert first == fast.tolist(), "the compiled generator must give the same samples"

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
        w = weights_of_size(depth, channels, skip)
        used = sum(np.size(each) for each in (w.inner, w.outer, w.hidden, w.final))
        slow = rates(lambda w=w: with_queues(w, [128], uniforms[:200]), 200, repeats)
        fast = rates(
            lambda w=w: fast_wavenet.generate(w, REAL_TIME, uniforms=uniforms[:REAL_TIME]),
            REAL_TIME,
            repeats,
        )
        print(
            f"| {depth} | {channels} | {skip} | {used:,} | {slow[0]:,.0f} ({slow[1]:,.0f}) | "
            f"{fast[0]:,.0f} ({fast[1]:,.0f}) |"
        )
    print("\nIn brackets: samples per second of processor time.")


if __name__ == "__main__":
    main()
