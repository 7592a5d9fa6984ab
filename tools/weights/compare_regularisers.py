"""Train small LSTMs on three pages with each remedy against learning by heart, over seeds.

    COURSE_DATA_MIRROR=… python -m tools.weights.compare_regularisers [--seeds 3]

Writes data/regularisers.csv: a row for each remedy, strength and seed, with the best validation (in
bits per character) in 60 epochs, its epoch, the test text at that epoch, and both parts at the end.
"""

import argparse
import csv

import keras
import numpy as np

from tools.authoring import check
from tools.weights import plays
from utils import batches
from utils.models import zoneout

TARGET = check.ROOT / "data" / "regularisers.csv"
UNITS, TIMESTEPS, EPOCHS, CHARACTERS = 64, 24, 60, 5000
FIELDS = [
    "remedy",
    "strength",
    "seed",
    "epoch",
    "best_validation",
    "test",
    "end_validation",
    "end_training",
]
REMEDIES = [
    ("nothing", (0.0,)),
    ("weight penalties", (1e-5, 1e-4, 1e-3, 1e-2)),
    ("dropout", (0.1, 0.3, 0.5)),
    ("recurrent dropout", (0.1, 0.3, 0.5)),
    ("zoneout", (0.1, 0.3)),
]
Layers = list[keras.layers.Layer]


def middle(remedy: str, strength: float) -> Layers:
    """Return the layers between the embedding and the dense layer."""
    layers, options = keras.layers, {"return_sequences": True}
    if remedy == "zoneout":
        mix = lambda old, new, keep: keep * old + (1 - keep) * new  # noqa: E731
        return [zoneout.ZoneoutLSTM(UNITS, strength, mix)]
    if remedy == "weight penalties":
        for kind in ("kernel", "recurrent", "bias"):
            options[f"{kind}_regularizer"] = keras.regularizers.L2(strength)
    if remedy == "recurrent dropout":
        options["recurrent_dropout"] = strength
    lstm = [layers.LSTM(UNITS, **options)]
    dropout = remedy == "dropout"
    return [layers.Dropout(strength), *lstm, layers.Dropout(strength)] if dropout else lstm


class BestEpoch(keras.callbacks.Callback):
    """Measure all parts after every second epoch; with the best validation, keep the test."""

    def __init__(self, parts: dict) -> None:
        super().__init__()
        self.parts, self.bits, self.best = parts, {}, (np.inf, 0, 0.0)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure in bits per character, without noise and penalties."""
        if epoch % 2 == 0:
            return
        self.bits = {}
        for part, (x, y) in self.parts.items():
            nats = self.model.evaluate(x, y, batch_size=500, verbose=0)[1]
            self.bits[part] = nats / np.log(2)
        if self.bits["validation"] < self.best[0]:
            self.best = self.bits["validation"], epoch + 1, self.bits["test"]


def run(parts: dict, classes: int, remedy: str, strength: float, seed: int) -> list:
    """Train one network; return its row of the table."""
    keras.utils.set_random_seed(seed)
    ends = keras.layers.Embedding(classes, 32), keras.layers.Dense(classes)
    net = keras.Sequential([ends[0], *middle(remedy, strength), ends[1]])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = keras.metrics.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(0.01), loss, metrics=[metric])
    watch = BestEpoch(parts)
    net.fit(*parts["training"], batch_size=52, epochs=EPOCHS, callbacks=[watch], verbose=0)
    best, epoch, test = watch.best
    numbers = [best, test, watch.bits["validation"], watch.bits["training"]]
    return [remedy, strength, seed, epoch, *(f"{bits:.4f}" for bits in numbers)]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    alphabet, stream = plays.shakespeare_in_numbers()
    places = {"training": -105_000, "validation": -100_000, "test": -50_000}
    parts = {}
    for part, start in places.items():
        length = CHARACTERS if part == "training" else 2 * CHARACTERS
        cut = batches.windows(stream[start:][:length], TIMESTEPS + 1, TIMESTEPS)[:, :, 0]
        parts[part] = cut[:, :-1], cut[:, 1:]
    with TARGET.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(FIELDS)
        for seed in range(options.seeds):
            for remedy, strengths in REMEDIES:
                for strength in strengths:
                    table.writerow(run(parts, len(alphabet), remedy, strength, seed))
                    file.flush()


if __name__ == "__main__":
    main()
