"""The occlusion maps of lesson 03 and the ascent of 03b, beside the loops that one writes first.

    python -m benchmarks.occlusion_and_ascent [--repeats 3]

Occlusion: all places of the patch in large batches, against one forward pass at a time. Ascent: a
compiled gradient for a batch of channels, against the same gradient uncompiled, and against one
channel after the other. Both in one run, on the same network, with the lessons' own functions,
taken from their cells tagged "occlusion" and "ascent". The best of several rounds
counts; compilation is not part of it and has a column of its own.
"""

import itertools

import keras
import numpy as np

from benchmarks import _harness as harness
from tools.authoring import cells
from utils import data, gradients, runtime
from utils.models import cifar_net

PATCH, STRIDE, GREY = 8, 2, 128.0
CHANNELS, STEPS = 8, 20


def lessons():
    """Return what the tagged cells define."""
    names = {"keras": keras, "np": np}
    occlusion = cells.definitions("03_activation_maps.ipynb", {"occlusion"}, **names)
    return occlusion | cells.definitions("03b_turn_it_round.ipynb", {"ascent"}, **names)


def row(name, seconds, reference, first=None):
    """Return a row of the table."""
    compilation = "" if first is None else f"{first:.2f}"
    return name, f"{seconds:.2f}", compilation, harness.ratio(reference, seconds)


def occlusion(defined, net, repeats):
    """Yield rows of the table: occlusion maps of four pictures."""
    temple = data.load_photos(side=320)["temple"].astype("float32")
    pictures = [temple[top : top + 32, 160:192] for top in range(60, 220, 40)]
    maps = {}

    def probabilities(logits):
        return keras.ops.convert_to_numpy(keras.ops.softmax(logits))[:, 0]

    def copies_of(picture):
        return defined["hidden_copies"](picture, PATCH, STRIDE, GREY)

    def batched():
        batch = np.concatenate([copies_of(picture) for picture in pictures])
        maps["batched"] = probabilities(net.predict(batch, batch_size=676, verbose=0))

    def one_at_a_time():
        copies = itertools.chain(*map(copies_of, pictures))
        maps["naive"] = [probabilities(net(copy[None], training=False))[0] for copy in copies]

    first, best = harness.seconds(batched, repeats)
    _, naive = harness.seconds(one_at_a_time, 1)
    assert np.allclose(maps["batched"], maps["naive"], atol=1e-3), "both must give the same maps"
    passes = maps["batched"].size
    yield row(f"occlusion, {passes:,} places: one forward pass at a time", naive, naive)
    yield row("occlusion: batched and compiled", best, naive, first)


def ascent(defined, net, repeats):
    """Yield rows of the table: gradient ascent for several channels."""
    part = keras.Model(net.input, net.get_layer("conv5").output)
    start = defined["faint_noise"](CHANNELS, 48)
    every = np.arange(CHANNELS)
    objective = defined["means_of"](part)
    compiled = gradients.gradient_function(objective)

    def climb(gradient_of, x, channels):
        defined["ascend"](x, lambda x: gradient_of(x, channels), STEPS, jitter=4)

    def uncompiled(x, channels):
        return gradients.input_gradient(lambda x: objective(x, channels), x)

    def one_by_one():
        for i in range(CHANNELS):
            climb(uncompiled, start[i : i + 1], every[i : i + 1])

    _, naive = harness.seconds(one_by_one, 1)
    _, eager = harness.seconds(lambda: climb(uncompiled, start, every), 1)
    first, best = harness.seconds(lambda: climb(compiled, start, every), repeats)
    work = f"ascent, {CHANNELS} channels × {STEPS} steps"
    yield row(f"{work}: one channel at a time, uncompiled", naive, naive)
    yield row("ascent: all channels in a batch, uncompiled", eager, naive)
    yield row("ascent: all channels in a batch, compiled", best, naive, first)


def main():
    """Measure both."""
    repeats = harness.options(__doc__, repeats=3).repeats
    runtime.set_seed(0)
    defined, net = lessons(), cifar_net.load()
    print(f"{runtime.device()}; {harness.machine('keras')}\n")
    rows = itertools.chain(occlusion(defined, net, repeats), ascent(defined, net, repeats))
    harness.table(["", "seconds", "first call", "ratio"], rows)


if __name__ == "__main__":
    main()
