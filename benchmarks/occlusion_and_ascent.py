"""Lesson 03's occlusion maps and gradient ascent, beside the loops that one writes first.

    python -m benchmarks.occlusion_and_ascent [--repeats 3]

Occlusion: all places of the patch in large batches, against one forward pass at a time. Ascent: a
compiled gradient for a batch of channels, against the same gradient uncompiled, and against one
channel after the other. Both in one run, on the same network, with the lesson's own functions,
taken from its cells tagged "cifar-net", "occlusion" and "ascent". The best of several rounds
counts; compilation is not part of it and stands in a column of its own.
"""

import argparse
import itertools
import time

import keras
import numpy as np
from sklearn.datasets import load_sample_images

from tools.authoring import cells, check
from utils import gradients, runtime

NOTEBOOK = "03_activation_maps.ipynb"
TAGS = {"cifar-net", "occlusion", "ascent"}
PATCH, STRIDE, GREY = 8, 2, 128.0


def lesson():
    """What the tagged cells define."""
    temple, flower = load_sample_images().images
    return cells.definitions(
        NOTEBOOK,
        TAGS,
        keras=keras,
        np=np,
        itertools=itertools,
        gradients=gradients,
        temple=temple,
        flower=flower,
        to_numpy=keras.ops.convert_to_numpy,
    )


def network(defined):
    """The lesson's CIFAR network, with its trained weights."""
    net = defined["build_cifar_net"]()
    with np.load(check.ROOT / "data" / "weights" / "cifar_net.npz") as file:
        net.set_weights([file[name].astype("float32") for name in sorted(file)])
    return net


def seconds_of(function, repeats):
    """The first call, which compiles, and the best of the following ones, in seconds."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return taken[0], min(taken[1:])


def occlusion(defined, net, pictures, repeats):
    """Rows of the table: occlusion maps of some pictures."""
    classes = np.zeros(len(pictures), int)
    maps = {}

    def batched():
        maps["batched"] = defined["occlusion_maps"](net, pictures, classes, PATCH, STRIDE, GREY)

    def one_at_a_time():
        found = []
        for picture in pictures:
            copies = defined["occluded"](picture, PATCH, STRIDE, GREY)
            for copy in copies.reshape(-1, 1, *picture.shape):
                probabilities = keras.ops.softmax(net(copy, training=False))
                found.append(float(probabilities[0, 0]))
        maps["naive"] = np.reshape(found, maps["batched"].shape)

    first, best = seconds_of(batched, repeats)
    _, naive = seconds_of(one_at_a_time, 1)
    assert np.allclose(maps["batched"], maps["naive"], atol=1e-3), "both must give the same maps"
    passes = maps["batched"].size
    return [
        (f"occlusion, {passes:,} places: one forward pass at a time", naive, None, naive),
        ("occlusion: batched and compiled", best, first, naive),
    ]


def ascent(defined, net, channels, steps, repeats):
    """Rows of the table: gradient ascent for several channels."""
    objective = defined["jittered"](defined["mean_of_channel"](net, "conv5"), 4)
    random = np.random.default_rng(0)
    start = random.normal(0, 0.01, (channels, 48, 48, 3)).astype("float32")
    sign = np.ones(channels, "float32")
    compiled = gradients.gradient_function(objective)

    def climb(gradient_of, chosen):
        x = start[chosen]
        for _ in range(steps):
            x = x + 0.05 * np.sign(gradient_of(x, sign[chosen], np.array([1, 2]), chosen))
        return x

    def uncompiled(x, *others):
        tensors = [keras.ops.convert_to_tensor(other) for other in others]
        return gradients.input_gradient(lambda x: objective(x, *tensors), x)

    every = np.arange(channels, dtype="int32")

    def one_by_one():
        for i in range(channels):
            climb(uncompiled, every[i : i + 1])

    _, naive = seconds_of(one_by_one, 1)
    _, eager = seconds_of(lambda: climb(uncompiled, every), 1)
    first, best = seconds_of(lambda: climb(compiled, every), repeats)
    work = f"ascent, {channels} channels × {steps} steps"
    return [
        (f"{work}: one channel at a time, uncompiled", naive, None, naive),
        ("ascent: all channels in a batch, uncompiled", eager, None, naive),
        ("ascent: all channels in a batch, compiled", best, first, naive),
    ]


def main():
    """Measures and prints a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    runtime.set_seed(0)
    defined = lesson()
    net = network(defined)
    temple = defined["temple"]
    pictures = np.stack([temple[top : top + 32, 200:232] for top in range(80, 240, 40)])
    rows = occlusion(defined, net, pictures.astype("float32"), options.repeats)
    rows += ascent(defined, net, channels=8, steps=20, repeats=options.repeats)
    print(f"{runtime.device()}, Keras {keras.__version__} on {runtime.backend()}\n")
    print("| | seconds | first call, with compilation | ratio |\n|---|---|---|---|")
    for name, seconds, first, naive in rows:
        compilation = "" if first is None else f"{first:.2f}"
        print(f"| {name} | {seconds:.2f} | {compilation} | {naive / seconds:.1f} × faster |")


if __name__ == "__main__":
    main()
