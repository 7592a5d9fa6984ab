"""Train lesson 09's speaker on spoken digits and write data/weights/wavenet_digits.npz.

    COURSE_DATA_MIRROR=… python -m tools.weights.train_wavenet [--share 1.0] [--out FILE]

The network, the features and the pieces it learns from are those of the lesson's cells tagged
"wavenet". It hears only the training recordings of the Free Spoken Digit Dataset and of the bundled
synthetic voices (the latter twice as often, because they are few), so that the lesson can measure
it on the held-out recordings of both. There are two rounds, the second with a lower learning
rate: 13,500 steps of 9,600 samples, about an hour on two CPU cores. The file is written after each
round, so that an interrupted second round does not lose the first. data/README.md says how the
bundled weights were made.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from tools.authoring import cells, check
from utils import data, runtime
from utils.data import spoken_digits

NOTEBOOK = "09_wavenet.ipynb"
TARGET = check.ROOT / "data" / "weights" / "wavenet_digits.npz"
DILATIONS = [2**power for power in range(10)] * 3
BATCH_SIZE, STEPS_PER_PART = 4, 500
# Steps, the steps after which the learning rate would be zero, and its highest value.
ROUNDS = ((9000, 10000, 2.5e-3), (4500, 4500, 1.2e-3))
WARM_UP = 200


def recordings(real: data.SpokenDigits) -> Iterator[tuple[str, int, str, np.ndarray]]:
    """Yield split, digit, speaker and samples of all recordings, real and synthetic."""
    for split in ("train", "test"):
        for i in getattr(real, split):
            yield split, real.digits[i], real.speakers[i], real.recordings[i]
    for name, samples in spoken_digits.read_sample(spoken_digits.SAMPLE_FILE).items():
        digit, speaker, number = name.split("_")
        for split in ("test",) if number == "0" else ("train", "train"):
            yield split, int(digit), speaker, samples


def compile_for(model: keras.Model, steps: int, peak: float) -> None:
    """Compile with the lesson's loss and optimizer, and this round's learning rate."""
    rate = keras.optimizers.schedules.CosineDecay(
        peak / 25, max(steps - WARM_UP, 1), warmup_target=peak, warmup_steps=WARM_UP
    )
    optimizer = keras.optimizers.Adam(rate, clipnorm=1.0)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))


def bits_per_sample(
    model: keras.Model, inputs: list[np.ndarray], targets: np.ndarray, weights: np.ndarray
) -> float:
    """Return the cross-entropy of weighted samples in bits per sample."""
    loss = model.evaluate(inputs, targets, BATCH_SIZE, sample_weight=weights, verbose=0)
    return loss * weights.size / weights.sum() / np.log(2)


def save(model: keras.Model, file: Path) -> None:
    """Write the weights as float16, numbered in the order of the model."""
    weights = [weight.astype("float16") for weight in model.get_weights()]
    np.savez_compressed(file, **{f"{i:03}": weight for i, weight in enumerate(weights)})


def train(real: data.SpokenDigits, share: float, file: Path) -> None:
    """Train the lesson's network for a share of the steps; save it after each round."""
    lesson = cells.definitions(NOTEBOOK, {"wavenet"}, keras=keras, np=np)
    codes, features = {"train": [], "test": []}, {"train": [], "test": []}
    for split, digit, speaker, recording in recordings(real):
        codes[split].append(lesson["prepared"](recording))
        frames = lesson["frame_features"](digit, speaker, len(codes[split][-1]))
        features[split].append(frames)
    pieces = lesson["random_pieces"]
    held_out = pieces(codes["test"], features["test"], 100)

    model = lesson["build_wavenet"](DILATIONS, features=features["train"][0].shape[1])
    start, seed = time.perf_counter(), 0
    for steps, until_zero, peak in ROUNDS:
        compile_for(model, round(until_zero * share), peak)
        for _ in range(max(round(steps * share / STEPS_PER_PART), 1)):
            seed += 1
            count = min(STEPS_PER_PART, max(round(steps * share), 1)) * BATCH_SIZE
            x, y, weights = pieces(codes["train"], features["train"], count, seed=seed)
            model.fit(x, y, BATCH_SIZE, sample_weight=weights, verbose=0)
            bits, seconds = bits_per_sample(model, *held_out), time.perf_counter() - start
            print(f"{bits:.3f} bits, held out, {seconds:.0f} s", flush=True)
        save(model, file)

    model.set_weights([weight.astype("float16") for weight in model.get_weights()])
    print(f"float16: {bits_per_sample(model, *held_out):.3f} bits per sample, held out")
    print(f"{file}: {file.stat().st_size:,} bytes, {model.count_params():,} weights")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the steps, to try it out")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    if not options.share > 0:
        parser.error(f"--share must be above 0, but is {options.share}.")
    if options.out.suffix != ".npz":
        parser.error(f"--out must be a file that ends in .npz, but is {options.out}.")
    if not options.out.parent.is_dir():  # now, not after an hour
        parser.error(f"there is no folder {options.out.parent} for --out; make it first.")
    runtime.set_seed(9)
    real = data.load_spoken_digits()
    if real.origin.is_sample and options.out == TARGET:
        sys.exit(
            "This needs the real recordings; see data/README.md. To try it with the synthetic "
            "voices alone, name a file of your own with --out."
        )
    train(real, options.share, options.out)


if __name__ == "__main__":
    main()
