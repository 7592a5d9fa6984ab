"""Train the reader of digits that judges drawn ones, and write data/weights/digit_net.npz.

    COURSE_DATA_MIRROR=… python -m tools.weights.train_digit_net [--epochs 12]

It learns from the training images of MNIST and from those of the sample that stands in where MNIST
is not to be had, each of them moved by up to a pixel; the test images of both are left for the end.
"""

import argparse
import sys

import keras
import numpy as np

from utils import data, runtime
from utils.data import samples
from utils.models import bundled, digit_net

COPIES = 8  # of every image of the sample, which has a fortieth of MNIST's


def moved(images: np.ndarray, seed: int) -> np.ndarray:
    """Move every image by up to a pixel each way: (n, 28, 28) to (n, 28, 28)."""
    result = np.empty_like(images)
    shifts = np.random.default_rng(seed).integers(-1, 2, size=(len(images), 2))
    for shift in np.unique(shifts, axis=0):
        chosen = (shifts == shift).all(axis=1)
        result[chosen] = np.roll(images[chosen], shift, axis=(1, 2))
    return result


def train(x: np.ndarray, y: np.ndarray, epochs: int) -> keras.Model:
    """Return the network, trained and with its weights rounded to float16."""
    net = digit_net.build()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // 128))
    net.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    for epoch in range(epochs):
        history = net.fit(moved(x, seed=epoch), y, batch_size=128, verbose=0).history
        print(f"epoch {epoch + 1:2}: training accuracy {history['accuracy'][0]:.2%}", flush=True)
    net.set_weights([weight.astype("float16") for weight in net.get_weights()])
    return net


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    runtime.set_seed(0)
    mnist, sample = data.load_mnist(), samples.mnist_sample()
    if mnist.origin.is_sample:
        sys.exit("This needs the real MNIST; see data/README.md.")
    x = np.concatenate([mnist.x_train] + COPIES * [sample["x_train"]]).astype("float32") / 255
    y = np.concatenate([mnist.y_train] + COPIES * [sample["y_train"]])
    net = train(x, y, options.epochs)
    for name, images, labels in (
        ("MNIST", mnist.x_test, mnist.y_test),
        ("the sample", sample["x_test"], sample["y_test"]),
    ):
        answers = net.predict(images / np.float32(255), verbose=0).argmax(axis=-1)
        print(f"float16, test images of {name}: {np.mean(answers == labels):.2%}")
    bundled.save(net, digit_net.FILE)


if __name__ == "__main__":
    main()
