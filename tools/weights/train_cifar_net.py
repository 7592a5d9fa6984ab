"""Train the small CIFAR-10 network of lesson 03 and write data/weights/cifar_net.npz.

    COURSE_DATA_MIRROR=… python -m tools.weights.train_cifar_net [--epochs 150]

The network is `utils.models.cifar_net`. For training, batch
normalisation follows every convolution; afterwards it is folded into the kernels and
biases, so that the lesson's network needs none. Noise on the images makes the filters smoother
and the gradients easier to read.
"""

import argparse
import sys
import time

import keras
import numpy as np

from utils import data, runtime
from utils.models import bundled, cifar_net


def with_normalisation(network: keras.Model) -> keras.Sequential:
    """Return a copy to train: batch normalisation after each convolution."""
    layers = [keras.Input((32, 32, 3))]
    for layer in network.layers[1:]:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Conv2D):
            config |= {"use_bias": False}
            layers += [keras.layers.Conv2D.from_config(config)]
            layers += [keras.layers.BatchNormalization(momentum=0.95)]
        elif isinstance(layer, keras.layers.Dense):
            layers += [keras.layers.Dropout(0.2), keras.layers.Dense.from_config(config)]
        else:
            layers += [type(layer).from_config(config)]
    return keras.Sequential(layers)


def folded_weights(trained: keras.Model) -> list[np.ndarray]:
    """Return weights for the lesson's network, with the normalisation folded in."""
    weights = []
    for layer in trained.layers:
        if isinstance(layer, keras.layers.Conv2D):
            (kernel,) = layer.get_weights()
        elif isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            scale = gamma / np.sqrt(variance + layer.epsilon)
            weights += [kernel * scale, beta - mean * scale]
        elif isinstance(layer, keras.layers.Dense):
            weights += layer.get_weights()
    return weights


class Augmented(keras.utils.PyDataset):
    """Batches of images: mirrored, moved, recoloured, with a hidden square, and with noise."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, batch_size: int, seed: int):
        super().__init__()
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.random = np.random.default_rng(seed)
        self.order = self.random.permutation(len(images))

    def __len__(self):
        return len(self.images) // self.batch_size

    def on_epoch_end(self) -> None:
        """Choose a new order for the next epoch."""
        self.order = self.random.permutation(len(self.images))

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        padded = np.pad(self.images[chosen], ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
        batch = np.stack([self._augmented(image) for image in padded.astype("float32")])
        return np.clip(batch, 0, 255), self.labels[chosen]

    def _augmented(self, image):
        top, left = self.random.integers(0, 9, size=2)
        image = image[top : top + 32, left : left + 32]
        if self.random.random() < 0.5:
            image = image[:, ::-1]
        colour = self.random.normal(0, 8, size=3) + self.random.normal(0, 12)
        image = (image - 128) * self.random.uniform(0.8, 1.2) + 128 + colour
        row, column = self.random.integers(-4, 29, size=2)
        image[max(row, 0) : row + 8, max(column, 0) : column + 8] = 128
        return image + self.random.normal(0, self.random.uniform(0, 20), size=image.shape)


def train(cifar10: data.ImageDataset, epochs: int) -> keras.Model:
    """Return the lesson's network with trained and folded weights, rounded to float16."""
    peak, batch_size = 0.006, 64
    network = cifar_net.build()
    model = with_normalisation(network)
    steps = epochs * (len(cifar10.x_train) // batch_size)
    warm_up = steps // 5
    rate = keras.optimizers.schedules.CosineDecay(
        peak / 20, steps - warm_up, warmup_target=peak, warmup_steps=warm_up
    )
    labels = keras.utils.to_categorical(cifar10.y_train, 10)
    test_labels = keras.utils.to_categorical(cifar10.y_test, 10)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.02),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05),
        metrics=["accuracy"],
    )
    batches = Augmented(cifar10.x_train, labels, batch_size, seed=0)
    start = time.perf_counter()
    for first in range(0, epochs, 5):
        model.fit(batches, initial_epoch=first, epochs=min(first + 5, epochs), verbose=0)
        _, accuracy = model.evaluate(cifar10.x_test, test_labels, verbose=0)
        seconds = time.perf_counter() - start
        print(f"epoch {first + 5:3}: test accuracy {accuracy:.1%}, {seconds:.0f} s", flush=True)
    network.set_weights([weight.astype("float16") for weight in folded_weights(model)])
    return network


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=150)
    options = parser.parse_args()
    runtime.set_seed(3)
    cifar10 = data.load_cifar10()
    if cifar10.origin.is_sample:
        sys.exit("This needs the real CIFAR-10; see data/README.md.")
    network = train(cifar10, options.epochs)
    answers = network.predict(cifar10.x_test.astype("float32"), verbose=0).argmax(axis=-1)
    print(f"folded, float16: test accuracy {np.mean(answers == cifar10.y_test):.1%}")
    bundled.save(network, cifar_net.FILE)


if __name__ == "__main__":
    main()
