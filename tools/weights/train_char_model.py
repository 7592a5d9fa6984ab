"""Train lesson 07's writer on Shakespeare's plays and write data/weights/char_shakespeare.npz.

    COURSE_DATA_MIRROR=… python -m tools.weights.train_char_model [--epochs 12] [--units 256]

The network is that of the lesson's cell tagged "char-model", with dropout; training takes about a
quarter of an hour on two CPU cores. It sees only the first nine tenths, so that the lesson can
measure it on what it holds out.
"""

import argparse
import time

import keras
import numpy as np

from tools.authoring import cells, check
from tools.weights import plays
from utils import batches, runtime, splits

NOTEBOOK = "07_lstm_text.ipynb"
TARGET = check.ROOT / "data" / "weights" / "char_shakespeare.npz"
TIMESTEPS, BATCH_SIZE = 100, 32


def compile_for_text(model: keras.Model, steps: int, peak: float = 0.006) -> None:
    """Compile with Adam: the rate rises for a tenth of the steps, then falls."""
    warm_up = max(steps // 10, 1)
    rate = keras.optimizers.schedules.CosineDecay(
        peak / 10, steps - warm_up, alpha=0.02, warmup_target=peak, warmup_steps=warm_up
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss)


def chunks_of(stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return input and target, (n, TIMESTEPS) each: the target is the input, moved by one."""
    windows = batches.windows(stream, TIMESTEPS + 1, TIMESTEPS)[:, :, 0]
    return windows[:, :-1], windows[:, 1:]


def bits_per_character(model: keras.Model, stream: np.ndarray) -> float:
    """Return the cross-entropy on a stream, in bits."""
    return model.evaluate(*chunks_of(stream), batch_size=64, verbose=0) / np.log(2)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--units", type=int, default=256)
    options = parser.parse_args()
    runtime.set_seed(7)
    alphabet, stream = plays.shakespeare_in_numbers()
    lesson = cells.definitions(NOTEBOOK, {"char-model"}, keras=keras)
    train, validation, test = splits.split_in_time(stream, validation=0.05, test=0.05)

    model = lesson["build_char_model"](len(alphabet), options.units, dropout=0.1)
    steps_per_epoch = (len(train) - 1) // TIMESTEPS // BATCH_SIZE
    compile_for_text(model, options.epochs * steps_per_epoch)
    random = np.random.default_rng(0)
    start = time.perf_counter()
    for epoch in range(options.epochs):
        # Chunks that begin in a different place in each epoch.
        x, y = chunks_of(train[random.integers(TIMESTEPS) :])
        chosen = random.permutation(len(x))[: steps_per_epoch * BATCH_SIZE]
        model.fit(x[chosen], y[chosen], batch_size=BATCH_SIZE, verbose=0)
        bits = bits_per_character(model, validation)
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1:2}: {bits:.3f} bits per character, {seconds:.0f} s", flush=True)

    weights = [weight.astype("float16") for weight in model.get_weights()]
    model.set_weights(weights)
    print(f"float16, test part: {bits_per_character(model, test):.3f} bits per character")
    TARGET.parent.mkdir(exist_ok=True)
    named = {f"{i:02}": weight for i, weight in enumerate(weights)}
    np.savez_compressed(TARGET, alphabet="".join(alphabet), **named)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes, {model.count_params():,} weights")


if __name__ == "__main__":
    main()
