"""Lesson 08's hundred-layer XOR net: how long until it is trained, in several forms.

    python -m benchmarks.deep_graph_tracing [--steps 300]

All forms compute the same residual net on the same batches. The slide's model is built layer by
layer in Keras and trained with `fit`, as it stands there. The others are ways round its slow start:
the same model run eagerly, the lesson's stacked weights (its cells tagged "stack", taken from the
notebook) with a Python loop over the layers, with `keras.ops.scan`, and compiled by XLA; and the
lesson's form with several nets at once. Every form runs in a process of its own.

First step: from `compile` to the end of the first training step, tracing included. A form that
would take too long for all steps is timed on a few and scaled up; the table says so.
"""

import argparse
import json
import os
import subprocess
import sys
import time

from tools.authoring import cells, check

NOTEBOOK = "08_residual_xor.ipynb"
TAGS = {"xor", "stack"}
FORMS = {
    "the slide's model, `fit`": ("slide", 1, False),
    "the slide's model, `run_eagerly`": ("eager", 1, False),
    "stacked weights, loop over the layers": ("loop", 1, False),
    "stacked weights, loop, XLA": ("loop", 1, True),
    "stacked weights, `keras.ops.scan`": ("scan", 1, False),
    "the lesson's form": ("lesson", 1, None),
    "the lesson's form, 5 nets at once": ("lesson", 5, None),
}
TIMED = 20  # steps that a slow form is timed on


def slide_net(depth):
    """The lecture's residual net, layer by layer."""
    import keras

    inputs = keras.Input((2,))
    x = keras.layers.Dense(10, activation="tanh")(inputs)
    for _ in range(depth):
        x = keras.layers.Add()([keras.layers.Dense(10, activation="tanh")(x), x])
    return keras.Model(inputs, keras.layers.Dense(1, activation="tanh")(x))


def repeat_in_a_loop(body, x, weights):
    """The layers one after the other, whatever the backend."""
    import keras

    weights = [keras.ops.unstack(keras.ops.convert_to_tensor(w), axis=0) for w in weights]
    for w in zip(*weights, strict=True):
        x = body(x, w)
    return x


def repeat_by_scan(body, x, weights):
    """One traced layer and a loop inside the graph, whatever the backend."""
    import keras

    weights = [keras.ops.convert_to_tensor(w) for w in weights]
    return keras.ops.scan(lambda x, w: (body(x, w), None), x, weights)[0]


def measure(form, nets, jit, steps):
    """One form in this process. Prints its findings as a line of JSON."""
    import keras
    import numpy as np

    from utils import runtime

    runtime.set_seed(0)
    defined = cells.definitions(NOTEBOOK, TAGS, keras=keras, np=np)
    repeats = {"loop": repeat_in_a_loop, "scan": repeat_by_scan}
    if form in repeats:
        defined["repeat"] = repeats[form]
    x, y = defined["noisy_xor"](100, seed=1)
    x, y = np.tile(x, (steps, 1)), np.tile(y, (steps, nets))
    began = time.perf_counter()
    if form in ("slide", "eager"):
        model = slide_net(100)
    else:
        start = defined["start_weights"](100, seeds=range(nets))
        model = defined["DeepNets"](start, defined["residual"])
    built = time.perf_counter()
    jax = keras.backend.backend() == "jax"
    model.compile(
        keras.optimizers.Adam(0.001),
        defined["squared_error"],
        run_eagerly=form == "eager",
        jit_compile=False if form == "eager" else (jax or bool(jit)),
    )
    fit = {"batch_size": 100, "shuffle": False, "verbose": 0}
    model.fit(x[:100], y[:100], **fit)
    first = time.perf_counter()
    count = TIMED if form == "eager" else steps
    model.fit(x[: 100 * count], y[: 100 * count], **fit)
    step = (time.perf_counter() - first) / count
    found = {"build": built - began, "first": first - built, "step": step, "scaled": count < steps}
    print("RESULT", json.dumps(found), flush=True)


def run_form(name, steps):
    """One form in a fresh process: its findings, or why there are none."""
    code = f"from benchmarks import deep_graph_tracing as b; b.measure(*b.FORMS[{name!r}], {steps})"
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=check.ROOT, env=environment, capture_output=True, text=True, timeout=900
    )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return {"ended": lines[-1][:60] if lines else "no output"}


def main():
    """Measures every form and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    found = {}
    for name, (form, _, jit) in FORMS.items():
        if backend == "jax" and (form == "eager" or jit):
            continue  # JAX always compiles with XLA; its eager mode is too slow to wait for
        found[name] = run_form(name, options.steps)
    print(f"Backend {backend}, {options.steps} steps of 100 points, 100 residual layers\n")
    print("| | build | first step | each further step | all | ratio |\n|---|--:|--:|--:|--:|--:|")
    reference = None
    for name, result in found.items():
        if "ended" in result:
            print(f"| {name} | {result['ended']} | | | | |")
            continue
        total = result["build"] + result["first"] + result["step"] * (options.steps - 1)
        reference = reference or total
        note = " (scaled up)" if result["scaled"] else ""
        print(
            f"| {name} | {result['build']:.1f} s | {result['first']:.1f} s "
            f"| {1000 * result['step']:.1f} ms | {total:.1f} s{note} | {reference / total:.1f} × |"
        )
    print("\nRatio: how many times as fast as the slide's model with `fit`, for one net.")


if __name__ == "__main__":
    main()
