"""The generator of a GAN that played longer than a lesson can, with its trained weights.

    from utils.models import digit_gan

    writer = digit_gan.load()
    pictures = writer.predict(noise_and_label, verbose=0)  # (n, 32 + 10) to (n, 784), 0 to 1

It is lesson 14's generator after 24,000 rounds. `tools/weights/train_digit_gan.py` trained it.
"""

from typing import Any

from utils.models import bundled

FILE = bundled.WEIGHTS / "digit_gan.npz"
NOISE = 32  # numbers from a normal distribution; ten for the label follow, one of them 1


def load() -> Any:
    """Build the generator with its trained weights.

    Returns:
        A Keras model from noise and one-hot label, (batch, 42), to pictures, (batch, 784), ink 1
        on paper 0.
    """
    return bundled.restore(build(), FILE)


def build() -> Any:
    """Build the generator with random weights."""
    import keras
    from keras import layers

    hidden = []
    for units in (128, 256):
        hidden += [layers.Dense(units), layers.BatchNormalization(momentum=0.9)]
        hidden += [layers.LeakyReLU(negative_slope=0.2)]
    ends = [layers.Dense(784, activation="sigmoid")]
    return keras.Sequential([keras.Input((NOISE + 10,)), *hidden, *ends], name="digit_gan")
