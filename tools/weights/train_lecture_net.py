"""Train the lecture's LSTM for text, and the same with a guess at every character.

    COURSE_DATA_MIRROR=… python -m tools.weights.train_lecture_net [--seeds 3]

Both for 6,000 updates. Writes data/weights/lecture_lstm.npz: the bits per character of both on the
validation text of lesson 07 after 100, 200, … updates, (seeds, 7) each, and the weights of the
lecture's own network, the first seed's, as float16. The networks are those of the lesson's cells
tagged "lecture-net". About two minutes for each of the six on two CPU cores.
"""

import argparse

import keras
import numpy as np

from tools.authoring import cells, check
from tools.weights import plays
from utils import batches

TARGET = check.ROOT / "data" / "weights" / "lecture_lstm.npz"
MILESTONES = (100, 200, 400, 800, 1600, 3200, 6000)
TIMESTEPS, BATCH_SIZE, ROUND = 20, 64, 200


def run(net: keras.Model, every: bool, stream: np.ndarray, seed: int) -> list[float]:
    """Train a network; return its bits per character at the milestones."""
    train, validation = stream[:-100_000], stream[-100_000:-50_000]
    one_hot = np.eye(net.output_shape[-1], dtype="float32")
    windows = batches.windows(train, TIMESTEPS + 1)[:, :, 0]
    judged = batches.windows(validation, TIMESTEPS + 1, hop=10)[:, :, 0]
    random, done, bits = np.random.default_rng(seed), 0, []
    net.compile(keras.optimizers.RMSprop(0.01), "categorical_crossentropy")
    for milestone in MILESTONES:
        while done < milestone:
            updates = min(ROUND, milestone - done)
            drawn = windows[random.integers(0, len(windows), updates * BATCH_SIZE)]
            target = one_hot[drawn[:, 1:] if every else drawn[:, -1]]
            net.fit(one_hot[drawn[:, :-1]], target, BATCH_SIZE, shuffle=False, verbose=0)
            done += updates
        p = net.predict(one_hot[judged[:, :-1]], batch_size=500, verbose=0)
        p = p[:, -1] if every else p
        bits.append(-np.log2(p[np.arange(len(p)), judged[:, -1]]).mean())
    return bits


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    alphabet, stream = plays.shakespeare_in_numbers()
    names = {"keras": keras, "timesteps": TIMESTEPS, "classes": len(alphabet)}
    lesson = cells.definitions("07_lstm_text.ipynb", {"lecture-net"}, **names)
    nets = {"window": lesson["lecture_net"], "every": lesson["every_net"]}
    curves, weights = {"window": [], "every": []}, []
    for seed in range(options.seeds):
        for name, curve in curves.items():
            keras.utils.set_random_seed(seed)
            net = nets[name]()
            curve.append(run(net, name == "every", stream, seed))
            print(name, seed, *(f"{bits:.3f}" for bits in curve[-1]), flush=True)
            if name == "window" and not weights:
                weights = net.get_weights()
    named = {f"w{i}": weight.astype("float16") for i, weight in enumerate(weights)}
    np.savez_compressed(TARGET, updates=MILESTONES, **curves, **named)


if __name__ == "__main__":
    main()
