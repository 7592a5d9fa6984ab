"""Seconds of training until a CNN reads 99 % of MNIST's test digits: lesson 01's against Keras's.

    python -m benchmarks.mnist_time_to_99 [--seeds 5] [--recipe-only]

The peer is the "Simple MNIST convnet" of Keras's own examples (32 and 64 filters of 3 × 3, dropout,
Adam, batch 128), trained until its test accuracy is 99 %, for 15 epochs at most. Ours is the CNN of
lesson 01, taken from the notebook itself, trained with its one-cycle rate for a single epoch. Both
get all 60,000 training images. Only `fit` is timed, with compilation and without evaluation. Ours
is trained before and after the peer, so that a machine that slows down is noticed.
"""

import math
import statistics
import sys
import time

import keras
import numpy as np

from benchmarks import _harness as harness
from tools.authoring import cells
from utils import data, runtime

TARGET = 0.99


def accuracy_on_test(model, x, y):
    """Return the share of the test digits that the model reads right."""
    scores = model.predict(x.reshape(-1, *model.input_shape[1:]), batch_size=500, verbose=0)
    return float(np.mean(scores.argmax(axis=1) == y))


def ours(mnist, seed):
    """Train lesson 01's CNN for one epoch; return seconds and test accuracy."""
    runtime.set_seed(seed)
    defined = cells.definitions("01_mnist_dense_vs_cnn.ipynb", {"cnn"}, keras=keras, math=math)
    model = defined["build_cnn"]()
    defined["compile_for"](model, len(mnist.x_train), epochs=1)
    start = time.perf_counter()
    model.fit(mnist.x_train, mnist.y_train, defined["BATCH_SIZE"], epochs=1, verbose=0)
    seconds = time.perf_counter() - start
    accuracy = accuracy_on_test(model, mnist.x_test, mnist.y_test)
    print(f"  ours, seed {seed}: {seconds:6.1f} s  {accuracy:.2%}", flush=True)
    return seconds, accuracy


def simple_convnet():
    """Return the peer, as the Keras examples build it."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def peer(mnist):
    """Train the peer until it reaches the target; return seconds, epochs and test accuracy."""
    runtime.set_seed(0)
    model = simple_convnet()
    x_train = mnist.x_train[..., np.newaxis].astype("float32") / 255
    y_train = keras.utils.to_categorical(mnist.y_train, 10)
    x_test = mnist.x_test.astype("float32") / 255
    seconds, epoch, accuracy = 0.0, 0, 0.0
    while accuracy < TARGET and epoch < 15:
        epoch += 1
        start = time.perf_counter()
        model.fit(x_train, y_train, batch_size=128, epochs=1, verbose=0)
        seconds += time.perf_counter() - start
        accuracy = accuracy_on_test(model, x_test, mnist.y_test)
        print(f"  peer, epoch {epoch:2}: {seconds:6.1f} s  {accuracy:.2%}", flush=True)
    return seconds, epoch, accuracy


def main():
    """Train both."""
    options = harness.options(__doc__, seeds=5, recipe_only=False)
    mnist = data.load_mnist()
    if mnist.origin.is_sample:
        sys.exit("This benchmark needs the real MNIST; see data/README.md.")
    print(f"{runtime.device()}; {harness.machine('keras')}\n")
    half = options.seeds // 2
    runs = [ours(mnist, seed) for seed in range(half)]
    theirs = None if options.recipe_only else peer(mnist)
    runs += [ours(mnist, seed) for seed in range(half, options.seeds)]
    seconds, accuracies = zip(*runs, strict=True)
    median = statistics.median(seconds)
    reached = sum(accuracy >= TARGET for accuracy in accuracies)
    spread = f"{min(accuracies):.2%}–{max(accuracies):.2%}, {reached} of {len(runs)} at 99 %"
    times = f"{median:.1f} ({min(seconds):.1f}–{max(seconds):.1f})"
    rows = [(f"lesson 01's CNN, {len(runs)} seeds", times, 1, spread)]
    if theirs:
        total, epochs, accuracy = theirs
        rows.append(("Keras's simple convnet", f"{total:.1f}", epochs, f"{accuracy:.2%}"))
        rows.append(("ratio", f"{harness.ratio(total, median)} faster", "", ""))
    print()
    harness.table(["", "seconds", "epochs", "test accuracy"], rows)


if __name__ == "__main__":
    main()
