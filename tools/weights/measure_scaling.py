"""Train small GPTs of several sizes, on several amounts of text, over seeds.

    COURSE_DATA_MIRROR=… python -m tools.weights.measure_scaling [--seeds 3]

Writes data/scaling.csv: a row for each network, amount of text and seed, with the number of weights
and the bits per character on the first 20,000 characters of validation. All have two blocks, four
heads and as many updates with as many windows.
"""

import argparse
import csv

import keras
import numpy as np

from tools.authoring import check
from tools.weights import plays
from utils import batches
from utils.models import gpt

TARGET = check.ROOT / "data" / "scaling.csv"
CONTEXT, UPDATES, BATCH, PEAK = 64, 1500, 16, 0.004
WIDTHS = (8, 16, 32, 64)
CHARACTERS = (2_000, 20_000, 200_000)  # and all of the text, of which the widths are trained
FIELDS = ["width", "weights", "characters", "seed", "bits"]


def run(text: np.ndarray, validation: np.ndarray, classes: int, width: int, seed: int) -> list:
    """Train one network on a text; return its row of the table."""
    keras.utils.set_random_seed(seed)
    net = gpt.build_gpt(classes, CONTEXT, layers=2, heads=4, width=width)
    warm_up = {"warmup_target": PEAK, "warmup_steps": UPDATES // 20}
    rate = keras.optimizers.schedules.CosineDecay(0.0, UPDATES, alpha=0.05, **warm_up)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss, jit_compile=True)
    starts = np.random.default_rng(seed).integers(0, len(text) - CONTEXT, UPDATES * BATCH)
    windows = text[starts[:, None] + np.arange(CONTEXT + 1)]
    net.fit(windows[:, :-1], windows[:, 1:], batch_size=BATCH, verbose=0)
    nats = net.evaluate(validation[:, :-1], validation[:, 1:], batch_size=104, verbose=0)
    return [width, net.count_params(), len(text), seed, f"{nats / np.log(2):.4f}"]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    alphabet, stream = plays.shakespeare_in_numbers()
    text = stream[:-100_000]
    held_out = stream[-100_000:-80_000]
    validation = batches.windows(held_out, CONTEXT + 1, CONTEXT)[:, :, 0]
    trainings = [(width, len(text)) for width in WIDTHS]
    trainings += [(WIDTHS[-1], characters) for characters in CHARACTERS]
    with TARGET.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(FIELDS)
        for seed in range(options.seeds):
            for width, characters in trainings:
                table.writerow(run(text[:characters], validation, len(alphabet), width, seed))
                file.flush()


if __name__ == "__main__":
    main()
