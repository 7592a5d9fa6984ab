"""Writing with an LSTM: the state carried along, beside the window that is read again.

    python -m benchmarks.text_generation [--characters 200] [--repeats 3]

Both ways in one run, with lesson 07's network and its bundled weights, and the lesson's own
functions, taken from its cells tagged "char-model" and "generation". Each guess is one compiled
call (`predict_on_batch`). The best of several rounds counts; compilation is not part of it. First,
a check makes sure that both are the same network: as long as the window holds everything written
so far, both must write the same text.
"""

import functools

import keras
import numpy as np

from benchmarks import _harness as harness
from tools.authoring import cells
from utils import runtime

WEIGHTS = harness.ROOT / "data" / "weights" / "char_shakespeare.npz"
TEMPERATURE = 0.8


def lesson():
    """Return what the tagged cells define, the lesson's network, and its alphabet."""
    tags, names = {"char-model", "generation"}, {"keras": keras, "np": np}
    defined = cells.definitions("07_lstm_text.ipynb", tags, **names)
    with np.load(WEIGHTS) as file:
        weights = [file[name].astype("float32") for name in sorted(file) if name != "alphabet"]
        alphabet = str(file["alphabet"])
    model = defined["build_char_model"](len(alphabet), len(weights[2]), weights[0].shape[1])
    model.set_weights(weights)
    return defined, model, alphabet


def draw(logits, random):
    """Draw one character for logits of shape (1, classes), as the lesson's `generate` does."""
    return (logits / TEMPERATURE + random.gumbel(size=logits.shape)).argmax(axis=-1)[0]


def by_window(model, prompt, length, window):
    """Write one text by reading the last `window` characters again for each new one."""
    random = np.random.default_rng(0)
    text = list(prompt)
    for _ in range(length):
        # The prompt fills the window: every call has the same shape, nothing is compiled twice.
        logits = model.predict_on_batch(np.array([text[-window:]], "int32"))
        text.append(draw(logits[:, -1], random))


def check_equal(defined, model, step, prompt):
    """Assert that both ways write the same while the window holds everything."""
    written = defined["generate"](step, prompt, 20, [TEMPERATURE])[0]
    text = list(prompt)
    random = np.random.default_rng(0)
    for expected in written:
        # Read as one padded batch: what comes after the last character cannot change it.
        padded = np.zeros((1, len(prompt) + 20), "int32")
        padded[0, : len(text)] = text
        logits = model.predict_on_batch(padded)[:, len(text) - 1]
        character = draw(logits, random)
        assert character == expected, "both ways must write the same text"
        text.append(character)


def rows(options):
    """Yield a row of the table for every way."""
    defined, model, alphabet = lesson()
    step = defined["one_step_model"](model)
    prompt = np.array([alphabet.index(c) for c in "ROMEO:\nO, " * 10], "int32")  # (100,)
    check_equal(defined, model, step, prompt[:7])
    length = options.characters
    ways = []
    for window in (60, 100):
        name = f"the last {window} characters read again"
        way = functools.partial(by_window, model, prompt, length, window)
        ways.append((name, 1, way))
    for texts in (1, 8, 64):
        name = "state carried" + (f", {texts} texts at once" if texts > 1 else "")
        heat = [TEMPERATURE] * texts
        generate = functools.partial(defined["generate"], step, prompt[:1], length, heat)
        ways.append((name, texts, generate))
    reference = None
    for name, texts, way in ways:
        _, best = harness.seconds(way, options.repeats)
        rate = texts * length / best
        reference = reference or rate
        yield name, f"{rate:,.0f}", harness.ratio(rate, reference)


def main():
    """Measure every way."""
    options = harness.options(__doc__, characters=200, repeats=3)
    runtime.set_seed(0)
    print(f"{runtime.device()}; {harness.machine('keras')}\n")
    harness.table(["", "characters per second", "ratio"], rows(options))


if __name__ == "__main__":
    main()
