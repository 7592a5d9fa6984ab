"""Train lesson 14's conditional GAN for longer and write its generator, data/weights/digit_gan.npz.

    COURSE_DATA_MIRROR=… KERAS_BACKEND=jax python -m tools.weights.train_digit_gan [--rounds 24000]

The generator is the lesson's. It plays sixteen times as long, with steps that fall along a cosine,
against a discriminator that is larger and drops three in ten of the pixels it sees; what is kept is
the mean of the last thousand updates or so.
"""

import argparse
import sys
import time

import keras
import numpy as np
from keras import layers, ops

from utils import data, runtime, updates
from utils.models import bundled, digit_gan, digit_net

BATCH_SIZE = 64


def discriminator() -> keras.Model:
    """Build the discriminator: pictures, (batch, 784), to a logit for each digit, (batch, 10)."""
    hidden = []
    for units in (512, 256):
        hidden += [layers.Dense(units), layers.LeakyReLU(negative_slope=0.2)]
    return keras.Sequential(
        [keras.Input((784,)), layers.Dropout(0.3), *hidden, layers.Dense(10)], name="discriminator"
    )


def train(x: np.ndarray, y: np.ndarray, rounds: int) -> keras.Model:
    """Return the generator, trained on pictures, (n, 784), and their digits, (n,)."""
    generator, expert, one_hot = digit_gan.build(), discriminator(), np.eye(10, dtype="float32")

    def asked(pictures, label):
        return ops.sum(expert(pictures, training=True) * label, axis=1)

    def expert_loss(real, label, z):
        drawn = generator(z, training=True)
        return ops.mean(ops.softplus(-asked(real, label)) + ops.softplus(asked(drawn, label)))

    def generator_loss(z, label):
        return ops.mean(ops.softplus(-asked(generator(z, training=True), label)))

    def adam(**options):
        rate = keras.optimizers.schedules.CosineDecay(0.002, rounds, alpha=0.02)
        return keras.optimizers.Adam(rate, beta_1=0.5, **options)

    mean = adam(use_ema=True, ema_momentum=0.999)
    better_generator = updates.compile_step(generator_loss, mean, trains=generator, reads=expert)
    better_expert = updates.compile_step(expert_loss, adam(), trains=expert, reads=generator)
    random, start = np.random.default_rng(1), time.perf_counter()
    for number in range(1, rounds + 1):
        rows = random.integers(0, len(x), BATCH_SIZE)
        label = one_hot[y[rows]]
        z = np.concatenate([random.normal(size=(BATCH_SIZE, digit_gan.NOISE)), label], axis=1)
        better_expert(x[rows], label, z)
        better_generator(z, label)
        if number % 2000 == 0:
            print(f"round {number:,}, {time.perf_counter() - start:.0f} s", flush=True)
    mean.finalize_variable_values(generator.trainable_variables)
    generator.set_weights([weight.astype("float16") for weight in generator.get_weights()])
    return generator


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=24_000)
    options = parser.parse_args()
    runtime.set_seed(1)
    mnist = data.load_mnist()
    if mnist.origin.is_sample:
        sys.exit("This needs the real MNIST; see data/README.md.")
    x = mnist.x_train.reshape(-1, 784) / np.float32(255)
    generator = train(x, mnist.y_train, options.rounds)
    digits = np.tile(np.arange(10), 100)
    noise = np.random.default_rng(2).normal(size=(1000, digit_gan.NOISE))
    z = np.concatenate([noise, np.eye(10)[digits]], axis=1).astype("float32")
    pictures = generator.predict(z, verbose=0).reshape(-1, 28, 28)
    answers = digit_net.load().predict(pictures, verbose=0).argmax(axis=1)
    print(f"float16: the asked digit is read in {np.mean(answers == digits):.1%}")
    bundled.save(generator, digit_gan.FILE)


if __name__ == "__main__":
    main()
