"""Writing with an LSTM: the state carried along, beside the window that is read again.

    python -m benchmarks.text_generation [--characters 200] [--repeats 3]

Both ways in one run, with lesson 07's network and its bundled weights, and the lesson's own
functions, taken from its cells tagged "char-model" and "generation". Each guess is one compiled
call (`predict_on_batch`). The best of several rounds counts; compilation is not part of it. That
both are the same network is checked first: as long as the window holds all that was written, both
must write the same text.
"""

import argparse
import time

import keras
import numpy as np

from tools.authoring import cells, check
from utils import batches, runtime

NOTEBOOK = "07_lstm_text.ipynb"
WEIGHTS = check.ROOT / "data" / "weights" / "char_shakespeare.npz"
WINDOWS = (60, 100)


def lesson():
    """What the tagged cells define."""
    tags = {"char-model", "generation"}
    return cells.definitions(NOTEBOOK, tags, keras=keras, np=np, batches=batches)


def writer(defined):
    """The network with its weights, and its alphabet."""
    with np.load(WEIGHTS) as file:
        weights = [file[name].astype("float32") for name in sorted(file) if name != "alphabet"]
        alphabet = str(file["alphabet"])
    model = defined["build_char_model"](len(alphabet), len(weights[2]), weights[0].shape[1])
    model.set_weights(weights)
    return model, alphabet


def by_window(defined, model, prompt, length, window, seed=0):
    """Writes one text by reading the last `window` characters again for each new one."""
    random = np.random.default_rng(seed)
    text = list(prompt)
    for _ in range(length):
        # The prompt fills the window: every call has the same shape, nothing is compiled twice.
        logits = model.predict_on_batch(np.array([text[-window:]], "int32"))
        text.append(defined["pick"](logits[:, -1], 0.8, None, random.random(1))[0])
    return np.array(text[len(prompt) :])


def check_equal(defined, model, step, prompt):
    """Both ways write the same while the window holds everything."""
    written = defined["generate"](step, prompt, 20, 0.8)[0]
    text = list(prompt)
    random = np.random.default_rng(0)
    for expected in written:
        # Read as one padded batch: what comes after the last character cannot change it.
        padded = np.zeros((1, len(prompt) + 20), "int32")
        padded[0, : len(text)] = text
        logits = model.predict_on_batch(padded)[:, len(text) - 1]
        found = defined["pick"](logits, 0.8, None, random.random(1))[0]
        assert found == expected, "both ways must write the same text"
        text.append(found)


def best_seconds(function, repeats):
    """The best of several calls, after one that compiles."""
    function()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main():
    """Measures and prints a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--characters", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    runtime.set_seed(0)
    defined = lesson()
    model, alphabet = writer(defined)
    step = defined["one_step_model"](model)
    prompt = np.array([alphabet.index(c) for c in "ROMEO:\nO, " * 10], "int32")  # (100,)
    check_equal(defined, model, step, prompt[:7])

    length = options.characters
    rows = []
    for window in WINDOWS:
        seconds = best_seconds(
            lambda window=window: by_window(defined, model, prompt, length, window),
            options.repeats,
        )
        rows.append((f"the last {window} characters read again", length / seconds))
    for texts in (1, 8, 64):
        seconds = best_seconds(
            lambda texts=texts: defined["generate"](step, prompt[:1], length, 0.8, texts=texts),
            options.repeats,
        )
        several = f", {texts} texts at once" if texts > 1 else ""
        rows.append((f"state carried{several}", texts * length / seconds))
    print(f"{runtime.device()}, Keras {keras.__version__} on {runtime.backend()}\n")
    print("| | characters per second | ratio |\n|---|--:|--:|")
    for name, rate in rows:
        print(f"| {name} | {rate:,.0f} | {rate / rows[0][1]:.1f} × |")


if __name__ == "__main__":
    main()
