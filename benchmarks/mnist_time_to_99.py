"""Seconds of training until a CNN reads 99 % of MNIST's test digits: lesson 01's against Keras's.

    python -m benchmarks.mnist_time_to_99 [--seeds 5] [--recipe-only]

The peer is the "Simple MNIST convnet" of Keras's own examples (32 and 64 filters of 3 × 3, dropout,
Adam, batch 128), trained until its test accuracy is 99 %, for 15 epochs at most. Ours is the CNN of
lesson 01, taken from the notebook itself, trained with its one-cycle rate for a single epoch. Both
get all 60,000 training images. Counted is `fit` alone, with compilation and without evaluation.
"""

import argparse
import math
import statistics
import sys
import time

import keras
import numpy as np

from tools.authoring import cells
from utils import data, runtime

TARGET = 0.99
NOTEBOOK = "01_mnist_dense_vs_cnn.ipynb"


def recipe():
    """What the notebook's cells tagged "cnn" define: build_cnn and compile_for."""
    defined = cells.definitions(NOTEBOOK, {"cnn"}, keras=keras, math=math)
    return defined["build_cnn"], defined["compile_for"], defined["BATCH_SIZE"]


def test_accuracy(model, mnist):
    """Share of the test digits that the model reads right."""
    shape = (-1, *model.input_shape[1:])
    scores = model.predict(mnist.x_test.reshape(shape), batch_size=500, verbose=0)
    return float(np.mean(scores.argmax(axis=1) == mnist.y_test))


def ours(mnist, seed):
    """One epoch of lesson 01's CNN: seconds, test accuracy."""
    runtime.set_seed(seed)
    build_cnn, compile_for, batch_size = recipe()
    model = build_cnn()
    compile_for(model, len(mnist.x_train), epochs=1)
    start = time.perf_counter()
    model.fit(mnist.x_train, mnist.y_train, batch_size=batch_size, epochs=1, verbose=0)
    return time.perf_counter() - start, test_accuracy(model, mnist)


def simple_convnet():
    """The peer, as the Keras examples build it."""
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


def peer(mnist, seed):
    """Trains the peer until it reaches the target: seconds and test accuracy after each epoch."""
    runtime.set_seed(seed)
    model = simple_convnet()
    x_train = mnist.x_train[..., np.newaxis].astype("float32") / 255
    y_train = keras.utils.to_categorical(mnist.y_train, 10)
    scaled = type(mnist)(**{**vars(mnist), "x_test": mnist.x_test.astype("float32") / 255})
    seconds, course = 0.0, []
    for epoch in range(15):
        start = time.perf_counter()
        model.fit(x_train, y_train, batch_size=128, epochs=1, verbose=0)
        seconds += time.perf_counter() - start
        course.append((seconds, test_accuracy(model, scaled)))
        print(f"  peer, epoch {epoch + 1:2}: {seconds:6.1f} s  {course[-1][1]:.2%}", flush=True)
        if course[-1][1] >= TARGET:
            break
    return course


def main():
    """Ours, the peer, ours again, so that a machine that gets slower is noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many trainings of ours")
    parser.add_argument("--recipe-only", action="store_true", help="leave the peer out")
    options = parser.parse_args()
    mnist = data.load_mnist()
    if mnist.origin.is_sample:
        sys.exit("This benchmark needs the real MNIST; see data/README.md.")
    print(f"{runtime.device()}, Keras {keras.__version__} on {runtime.backend()}", flush=True)
    runs = []
    for seed in range(options.seeds):
        if seed == options.seeds // 2 and not options.recipe_only:
            course = peer(mnist, seed=0)
        runs.append(ours(mnist, seed))
        print(f"  ours, seed {seed}: {runs[-1][0]:6.1f} s  {runs[-1][1]:.2%}", flush=True)
    seconds = [run[0] for run in runs]
    reached = sum(run[1] >= TARGET for run in runs)
    median = statistics.median(seconds)
    print("\n| | seconds | epochs | test accuracy |\n|---|---|---|---|")
    lowest, highest = min(run[1] for run in runs), max(run[1] for run in runs)
    print(
        f"| lesson 01's CNN, {len(runs)} seeds | {median:.1f} ({min(seconds):.1f}–"
        f"{max(seconds):.1f}) | 1 | {lowest:.2%}–{highest:.2%}, {reached} of {len(runs)} "
        f"at {TARGET:.0%} |"
    )
    if not options.recipe_only:
        total, accuracy = course[-1]
        print(f"| Keras's simple convnet | {total:.1f} | {len(course)} | {accuracy:.2%} |")
        print(f"| ratio | {total / median:.1f} × faster | | |")


if __name__ == "__main__":
    main()
