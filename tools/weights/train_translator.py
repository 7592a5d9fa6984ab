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
NARROW = 8, 9  # pieces, with the end


def by_width(english: np.ndarray, hungarian: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the pairs in two groups, short ones in narrow arrays, which are quicker to train on."""
    short = ((english > 0).sum(1) <= NARROW[0]) & ((hungarian > 0).sum(1) <= NARROW[1])
    narrow = english[short][:, : NARROW[0]], hungarian[short][:, : NARROW[1]]
    return [narrow, (english[~short], hungarian[~short])]


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
    groups = by_width(*numbers["train"])
    steps_per_epoch = sum(-(-len(words) // BATCH_SIZE) for words, _ in groups)
    steps = options.epochs * steps_per_epoch
    rate = keras.optimizers.schedules.CosineDecay(
        0.0003, steps - 200, alpha=0.02, warmup_target=0.003, warmup_steps=200
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss)
    source, target = numbers["validation"]
    start, best = time.perf_counter(), np.inf
    print(f"{model.count_params():,} weights, {steps_per_epoch} steps an epoch", flush=True)
    for epoch in range(options.epochs):
        for words, target_words in groups:
            inputs = (words, translators.shifted(target_words))
            model.fit(inputs, target_words, batch_size=BATCH_SIZE, verbose=0)
        validation = model.evaluate(
            (source, translators.shifted(target)), target, batch_size=256, verbose=0
        )
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1:2}: {validation:.3f}, {seconds:.0f} s", flush=True)
        if validation < best:
            best = validation
            translators.write(TARGET, model, english, hungarian)
    print(f"best {best:.3f}; {TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
