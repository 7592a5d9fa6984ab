"""Train the translator of lesson 11b; write data/weights/english_hungarian.npz.

    KERAS_BACKEND=jax COURSE_DATA_MIRROR=… python -m tools.weights.train_translator [--epochs 8]

Short sentences only, on JAX: batches of two widths are no trouble there. The weights are stored as
whole numbers from -127 to 127, with a scale for each column.
"""

import argparse
import time

import keras
import numpy as np

from utils import data, runtime
from utils.translation import pieces, translators

ENGLISH_PIECES, HUNGARIAN_PIECES = 1500, 2000
BATCH_SIZE, WARMUP, PEAK_RATE = 128, 150, 0.003
NARROW = 8, 9  # pieces, with the end


class Batches(keras.utils.PyDataset):
    """Shuffled batches; short pairs come in narrow arrays, which are quicker to train on."""

    def __init__(self, english: np.ndarray, hungarian: np.ndarray):
        super().__init__()
        short = ((english > 0).sum(1) <= NARROW[0]) & ((hungarian > 0).sum(1) <= NARROW[1])
        narrow = english[short][:, : NARROW[0]], hungarian[short][:, : NARROW[1]]
        self.groups = [narrow, (english[~short], hungarian[~short])]
        self.random = np.random.default_rng(11)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Shuffle the pairs of each group, and the batches of both."""
        self.batches = []
        for group, (words, _) in enumerate(self.groups):
            order = self.random.permutation(len(words))
            ends = range(BATCH_SIZE, len(words) + 1, BATCH_SIZE)  # only full batches
            self.batches += [(group, order[end - BATCH_SIZE : end]) for end in ends]
        self.random.shuffle(self.batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple:
        group, rows = self.batches[index]
        words, target = (part[rows] for part in self.groups[group])
        return (words, translators.shifted(target)), target


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    runtime.set_seed(11)
    pairs = data.load_tatoeba()
    english = pieces.Pieces(pieces.learn((e for e, _ in pairs.train), ENGLISH_PIECES))
    hungarian = pieces.Pieces(pieces.learn((h for _, h in pairs.train), HUNGARIAN_PIECES))
    batches = Batches(*translators.encode(pairs.train, english, hungarian))
    source, target = translators.encode(pairs.validation, english, hungarian)
    model = translators.build_translator(len(english), len(hungarian))
    rate = keras.optimizers.schedules.CosineDecay(
        PEAK_RATE / 10,
        options.epochs * len(batches) - WARMUP,
        warmup_target=PEAK_RATE,
        warmup_steps=WARMUP,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=pieces.PAD)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss)
    start, best = time.perf_counter(), np.inf
    print(f"{model.count_params():,} weights, {len(batches)} steps an epoch", flush=True)
    for epoch in range(options.epochs):
        training = model.fit(batches, verbose=0).history["loss"][0]
        validation = model.evaluate(
            (source, translators.shifted(target)), target, batch_size=128, verbose=0
        )
        seconds = time.perf_counter() - start
        print(
            f"epoch {epoch + 1:2}: {training:.3f} in training, {validation:.3f}, {seconds:.0f} s",
            flush=True,
        )
        if validation < best:
            best = validation
            translators.write(translators.WEIGHTS, model, english, hungarian)
    print(f"best {best:.3f}; {translators.WEIGHTS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
