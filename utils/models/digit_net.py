"""A small network that reads digits, with its trained weights: a judge of digits that are drawn.

    from utils.models import digit_net

    judge = digit_net.load()
    shares = judge.predict(pictures, verbose=0)  # pictures: (n, 28, 28), 0 to 1; shares: (n, 10)

It has lesson 01's layers and has seen the training images of MNIST and those of the bundled
sample. `tools/weights/train_digit_net.py` trained it.
"""

from typing import Any

from utils.models import bundled

FILE = bundled.WEIGHTS / "digit_net.npz"


def load() -> Any:
    """Build the network with its trained weights.

    Returns:
        A Keras model from pictures, (batch, 28, 28), ink 1 on paper 0, to the ten
        digits' probabilities, (batch, 10).
    """
    return bundled.restore(build(), FILE)


def build() -> Any:
    """Build the network with random weights."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(16, 5, activation="relu"),  # Shape: (batch, 24, 24, 16)
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 5, activation="relu"),  # Shape: (batch, 8, 8, 32)
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        name="digit_net",
    )
