"""Lesson 03's occlusion maps and gradient ascent, beside the loops that one writes first.

    python -m benchmarks.occlusion_and_ascent [--repeats 3]

Occlusion: all places of the patch in large batches, against one forward pass at a time. Ascent: a
compiled gradient for a batch of channels, against the same gradient uncompiled, and against one
channel after the other. Both in one run, on the same network, with the lesson's own functions,
taken from its cells tagged "cifar-net", "occlusion" and "ascent". The best of several rounds
counts; compilation is not part of it and has a column of its own.
"""

import itertools

import keras
import numpy as np
from sklearn.datasets import load_sample_images

from benchmarks import _harness as harness
from tools.authoring import cells
from utils import gradients, runtime

PATCH, STRIDE, GREY = 8, 2, 128.0
CHANNELS, STEPS = 8, 20


def lesson():
    """Return what the tagged cells define, and the lesson's trained CIFAR network."""
    temple, flower = load_sample_images().images
    defined = cells.definitions(
        "03_activation_maps.ipynb",
        {"cifar-net", "occlusion", "ascent"},
        keras=keras,
        np=np,
        itertools=itertools,
        gradients=gradients,
        temple=temple,
        flower=flower,
        to_numpy=keras.ops.convert_to_numpy,
    )
    net = defined["build_cifar_net"]()
    with np.load(harness.ROOT / "data" / "weights" / "cifar_net.npz") as file:
        net.set_weights([file[name].astype("float32") for name in sorted(file)])
    return defined, net


def row(name, seconds, reference, first=None):
    """Return a row of the table."""
    compilation = "" if first is None else f"{first:.2f}"
    return name, f"{seconds:.2f}", compilation, harness.ratio(reference, seconds)


def occlusion(defined, net, repeats):
    """Yield rows of the table: occlusion maps of four pictures."""
    temple = defined["temple"]
    pictures = [temple[top : top + 32, 200:232] for top in range(80, 240, 40)]
    pictures = np.stack(pictures).astype("float32")  # (4, 32, 32, 3)
    classes = np.zeros(len(pictures), int)
    maps = {}

    def batched():
        maps["batched"] = defined["occlusion_maps"](net, pictures, classes, PATCH, STRIDE, GREY)

    def one_at_a_time():
        shares = []
        for picture in pictures:
            copies = defined["occluded"](picture, PATCH, STRIDE, GREY)
            for copy in copies.reshape(-1, 1, *picture.shape):
                probabilities = keras.ops.softmax(net(copy, training=False))
                shares.append(float(probabilities[0, 0]))
        maps["naive"] = np.reshape(shares, maps["batched"].shape)

    first, best = harness.seconds(batched, repeats)
    _, naive = harness.seconds(one_at_a_time, 1)
    assert np.allclose(maps["batched"], maps["naive"], atol=1e-3), "both must give the same maps"
    passes = maps["batched"].size
    yield row(f"occlusion, {passes:,} places: one forward pass at a time", naive, naive)
    yield row("occlusion: batched and compiled", best, naive, first)


def ascent(defined, net, repeats):
    """Yield rows of the table: gradient ascent for several channels."""
    objective = defined["jittered"](defined["mean_of_channel"](net, "conv5"), 4)
    random = np.random.default_rng(0)
    start = random.normal(0, 0.01, (CHANNELS, 48, 48, 3)).astype("float32")
    sign = np.ones(CHANNELS, "float32")
    compiled = gradients.gradient_function(objective)
    every = np.arange(CHANNELS, dtype="int32")

    def climb(gradient_of, channels):
        x = start[channels]
        for _ in range(STEPS):
            x = x + 0.05 * np.sign(gradient_of(x, sign[channels], np.array([1, 2]), channels))
        return x

    def uncompiled(x, *others):
        tensors = [keras.ops.convert_to_tensor(other) for other in others]
        return gradients.input_gradient(lambda x: objective(x, *tensors), x)

    def one_by_one():
        for i in range(CHANNELS):
            climb(uncompiled, every[i : i + 1])

    _, naive = harness.seconds(one_by_one, 1)
    _, eager = harness.seconds(lambda: climb(uncompiled, every), 1)
    first, best = harness.seconds(lambda: climb(compiled, every), repeats)
    work = f"ascent, {CHANNELS} channels × {STEPS} steps"
    yield row(f"{work}: one channel at a time, uncompiled", naive, naive)
    yield row("ascent: all channels in a batch, uncompiled", eager, naive)
    yield row("ascent: all channels in a batch, compiled", best, naive, first)


def main():
    """Measure both."""
    repeats = harness.options(__doc__, repeats=3).repeats
    runtime.set_seed(0)
    defined, net = lesson()
    print(f"{runtime.device()}; {harness.machine('keras')}\n")
    rows = itertools.chain(occlusion(defined, net, repeats), ascent(defined, net, repeats))
    harness.table(["", "seconds", "first call", "ratio"], rows)


if __name__ == "__main__":
    main()
