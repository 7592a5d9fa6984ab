"""Lesson 08's hundred-layer XOR net: how long until it is trained, in several forms.

    python -m benchmarks.deep_graph_tracing [--steps 300]

All forms compute the same residual net on the same batches. The slide's model is built layer by
layer in Keras and trained with `fit`, as it stands there. The others are ways round its slow start:
the same model run eagerly, the lesson's stacked weights (its cells tagged "stack", taken from the
notebook) with a Python loop over the layers, with `keras.ops.scan`, and compiled by XLA; and the
lesson's form with several nets at once. Every form runs in a process of its own.

First step: from `compile` to the end of the first training step, tracing included. The eager form
is timed on a few steps and scaled up.
"""

import os
import time

import keras
import numpy as np

from benchmarks import _harness as harness
from tools.authoring import cells
from utils import runtime

NOTEBOOK = "08_residual_xor.ipynb"
FORMS = {
    "the slide's model, `fit`": ("slide", 1, False),
    "the slide's model, `run_eagerly`": ("eager", 1, False),
    "stacked weights, loop over the layers": ("loop", 1, False),
    "stacked weights, loop, XLA": ("loop", 1, True),
    "stacked weights, `keras.ops.scan`": ("scan", 1, False),
    "the lesson's form": ("lesson", 1, None),
    "the lesson's form, 5 nets at once": ("lesson", 5, None),
}
EAGER_STEPS = 20


def slide_net(depth):
    """Return the lecture's residual net, built layer by layer."""
    inputs = keras.Input((2,))
    x = keras.layers.Dense(10, activation="tanh")(inputs)
    for _ in range(depth):
        x = keras.layers.Add()([keras.layers.Dense(10, activation="tanh")(x), x])
    return keras.Model(inputs, keras.layers.Dense(1, activation="tanh")(x))


def repeat_in_a_loop(body, x, weights):
    """Apply the layers one after the other, whatever the backend."""
    weights = [keras.ops.unstack(keras.ops.convert_to_tensor(w), axis=0) for w in weights]
    for w in zip(*weights, strict=True):
        x = body(x, w)
    return x


def repeat_by_scan(body, x, weights):
    """Trace one layer and loop inside the graph, whatever the backend."""
    weights = [keras.ops.convert_to_tensor(w) for w in weights]
    return keras.ops.scan(lambda x, w: (body(x, w), None), x, weights)[0]


def measure(report, form, nets, jit, steps):
    """Build and train one form; report the seconds to build, of the first step, and of a step."""
    runtime.set_seed(0)
    defined = cells.definitions(NOTEBOOK, {"xor", "stack"}, keras=keras, np=np)
    repeats = {"loop": repeat_in_a_loop, "scan": repeat_by_scan}
    defined["repeat"] = repeats.get(form, defined["repeat"])
    x, y = defined["noisy_xor"](100, seed=1)
    x, y = np.tile(x, (steps, 1)), np.tile(y, (steps, nets))
    start = time.perf_counter()
    if form in ("slide", "eager"):
        model = slide_net(100)
    else:
        weights = defined["start_weights"](100, seeds=range(nets))
        model = defined["DeepNets"](weights, defined["residual"])
    built = time.perf_counter()
    is_jax = keras.backend.backend() == "jax"
    model.compile(
        keras.optimizers.Adam(0.001),
        defined["squared_error"],
        run_eagerly=form == "eager",
        jit_compile=form != "eager" and (is_jax or bool(jit)),
    )
    fit = {"batch_size": 100, "shuffle": False, "verbose": 0}
    model.fit(x[:100], y[:100], **fit)
    first = time.perf_counter()
    count = EAGER_STEPS if form == "eager" else steps
    model.fit(x[: 100 * count], y[: 100 * count], **fit)
    step = (time.perf_counter() - first) / count
    report({"build": built - start, "first": first - built, "step": step})


def rows(steps):
    """Yield a row of the table for every form."""
    reference = None
    for name, (form, nets, jit) in FORMS.items():
        if keras.backend.backend() == "jax" and (form == "eager" or jit):
            continue  # JAX always compiles with XLA; its eager mode is too slow to wait for
        times = harness.in_a_process(measure, form, nets, jit, steps)
        if times["ended"]:
            yield name, times["ended"], "", "", "", ""
            continue
        total = times["build"] + times["first"] + times["step"] * (steps - 1)
        reference = reference or total
        yield (
            name + (" (scaled up)" if form == "eager" else ""),
            *(f"{seconds:.1f} s" for seconds in (times["build"], times["first"])),
            f"{1000 * times['step']:.1f} ms",
            f"{total:.1f} s",
            harness.ratio(reference, total),
        )


def main():
    """Measure every form."""
    steps = harness.options(__doc__, steps=300).steps
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(f"{harness.machine('keras')}; {steps} steps of 100 points, 100 residual layers\n")
    harness.table(["", "build", "first step", "further step", "all", "ratio"], rows(steps))
    print("\nRatio: how many times as fast as the slide's model with `fit`, for one net.")


if __name__ == "__main__":
    main()
