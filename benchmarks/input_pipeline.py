"""Compare ways to feed `model.fit` with batches that take a while to load.

    python -m benchmarks.input_pipeline                  # under a minute
    python -m benchmarks.input_pipeline --wait 60        # a slower disk

A batch of 64 digits waits `--wait` milliseconds, as if for a disk or a network, and is then made
in NumPy. It trains a small CNN. The ways: a generator in the main thread; the same through
the lesson's `prefetch`, taken from the notebook; `keras.utils.PyDataset` with one and with
several workers; and, where TensorFlow is installed, `tf.data`. Each runs once to compile and is
then timed three times, of which the best counts. The last row has no waiting at all.
"""

import collections
import concurrent.futures
import importlib.util
import time

import keras
import numpy as np

from benchmarks import _harness as harness
from tools.authoring import cells
from utils import runtime

NOTEBOOK = "22_scaling_out.ipynb"
BATCH_SIZE = 64


def load(number, wait):
    """Return one batch, images (64, 28, 28) and labels (64,), after a wait in seconds."""
    time.sleep(wait)
    random = np.random.default_rng(number)
    images = random.integers(0, 256, size=(BATCH_SIZE, 28, 28), dtype="uint8")
    return images, random.integers(0, 10, size=BATCH_SIZE, dtype="int32")


class Batches(keras.utils.PyDataset):
    """The batches as Keras's own kind of dataset."""

    def __init__(self, count, wait, **options):
        super().__init__(**options)
        self.count, self.wait = count, wait

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        return load(number, self.wait)


def normalised_relu():
    """Return batch normalisation and ReLU, a list of two layers."""
    return [keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU()]


def build_cnn():
    """Return a small CNN from pictures (batch, 28, 28) to logits (batch, 10)."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 5, strides=2, padding="same", use_bias=False),  # (batch, 14, 14, 32)
            layers.MaxPooling2D(2),  # Shape: (batch, 7, 7, 32)
            *normalised_relu(),
            layers.Conv2D(64, 3, use_bias=False),  # Shape: (batch, 5, 5, 64)
            *normalised_relu(),
            layers.Conv2D(128, 3, use_bias=False),  # Shape: (batch, 3, 3, 128)
            layers.GlobalMaxPooling2D(),  # Shape: (batch, 128)
            *normalised_relu(),
            layers.Dense(10),  # Shape: (batch, 10): logits
        ],
        name="cnn",
    )


def generator(count, wait):
    """Yield the batches, one after the other, in whatever thread asks for them."""
    for number in range(count):
        yield load(number, wait)


def tensorflow_dataset(count, wait, threads):
    """Return the batches through `tf.data`, loaded by several threads and prefetched."""
    import tensorflow as tf

    def load_in_python(number):
        x, y = tf.numpy_function(lambda n: load(int(n), wait), [number], (tf.uint8, tf.int32))
        return tf.ensure_shape(x, (BATCH_SIZE, 28, 28)), tf.ensure_shape(y, (BATCH_SIZE,))

    numbers = tf.data.Dataset.range(count)
    return numbers.map(load_in_python, num_parallel_calls=threads).prefetch(tf.data.AUTOTUNE)


def ways(wait, threads):
    """Return the ways: name to a function that makes that many batches."""
    names = {"collections": collections, "concurrent": concurrent}
    prefetch = cells.definitions(NOTEBOOK, {"prefetch"}, **names)["prefetch"]
    several = {"workers": threads, "max_queue_size": 2 * threads}
    makers = {
        "a generator": lambda count: generator(count, wait),
        "the lesson's prefetch, one thread": lambda count: prefetch(generator(count, wait)),
        "`PyDataset`, `workers=1`": lambda count: Batches(count, wait, workers=1),
        f"`PyDataset`, `workers={threads}`": lambda count: Batches(count, wait, **several),
    }
    if importlib.util.find_spec("tensorflow"):
        name = f"`tf.data`, {threads} parallel calls"
        makers[name] = lambda count: tensorflow_dataset(count, wait, threads)
    return makers | {"no waiting": lambda count: Batches(count, 0.0)}


def rows(options):
    """Yield a row of the table for every way to feed the CNN."""
    model = build_cnn()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    slowest = None
    for name, make in ways(options.wait / 1000, options.threads).items():

        def fit(make=make, count=options.batches):
            model.fit(make(count), steps_per_epoch=count, shuffle=False, verbose=0)

        fit(count=3)
        rate = options.batches / min(harness.seconds(fit, repeats=2))
        slowest = slowest or rate
        yield name, f"{rate:.1f}", harness.ratio(rate, slowest)


def main():
    """Measure every way."""
    options = harness.options(__doc__, wait=30.0, batches=80, threads=4)
    runtime.set_seed(0)
    work = f"{options.batches} batches of {BATCH_SIZE}, {options.wait:g} ms of waiting for each"
    print(f"{harness.machine('keras')}; {work}\n")
    harness.table(["way", "batches/s", "ratio"], rows(options))


if __name__ == "__main__":
    main()
