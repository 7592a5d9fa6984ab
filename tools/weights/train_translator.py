"""Train the translator of lesson 11b; write data/weights/english_hungarian.npz.

    COURSE_DATA_MIRROR=… python -m tools.weights.train_translator [--epochs 20]

Short sentences only. The weights are stored as whole numbers from -127 to 127, with a scale for
each column.
"""

import argparse
import time

import keras
import numpy as np

from tools.authoring import check
from utils import data, runtime
from utils.translation import pieces, translators

TARGET = check.ROOT / "data" / "weights" / "english_hungarian.npz"
ENGLISH_PIECES, HUNGARIAN_PIECES = 1500, 2500
BATCH_SIZE = 128


class Batches(keras.utils.PyDataset):
    """Shuffled batches of sentences of like length, in two widths."""

    def __init__(self, english: np.ndarray, hungarian: np.ndarray, seed: int = 0):
        super().__init__()
        self.english, self.hungarian = english, hungarian
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Draw new batches."""
        lengths = np.maximum((self.english > 0).sum(1) + 2, (self.hungarian > 0).sum(1))
        order = self.random.permutation(len(lengths))
        order = order[np.argsort(lengths[order] > 9, kind="stable")]
        order = order[: len(order) // BATCH_SIZE * BATCH_SIZE].reshape(-1, BATCH_SIZE)
        self.rows = self.random.permutation(order)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple:
        english, hungarian = self.english[self.rows[index]], self.hungarian[self.rows[index]]
        if (hungarian > 0).sum(1).max() <= 9 and (english > 0).sum(1).max() <= 7:
            english, hungarian = english[:, :7], hungarian[:, :9]
        return (english, translators.shifted(hungarian)), hungarian


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    runtime.set_seed(11)
    pairs = data.load_tatoeba()
    english = pieces.Pieces(pieces.learn((e for e, _ in pairs.train), ENGLISH_PIECES))
    hungarian = pieces.Pieces(pieces.learn((h for _, h in pairs.train), HUNGARIAN_PIECES))
    numbers = {
        part: translators.encode(getattr(pairs, part), english, hungarian)
        for part in ("train", "validation")
    }
    model = translators.build_translator(len(english), len(hungarian))
    batches = Batches(*numbers["train"])
    steps = options.epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0003, steps - 200, alpha=0.02, warmup_target=0.003, warmup_steps=200
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss)
    source, target = numbers["validation"]
    start, best = time.perf_counter(), np.inf
    print(f"{model.count_params():,} weights, {len(batches)} steps an epoch", flush=True)
    for epoch in range(options.epochs):
        history = model.fit(batches, verbose=0).history["loss"][0]
        validation = model.evaluate(
            (source, translators.shifted(target)), target, batch_size=256, verbose=0
        )
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1:2}: {history:.3f}, {validation:.3f}, {seconds:.0f} s", flush=True)
        if validation < best:
            best = validation
            translators.write(TARGET, model, english, hungarian)
    print(f"best {best:.3f}; {TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
