"""The judge of drawn digits reads digits that it has not seen, and digits that are drawn."""

import numpy as np

from utils.data import samples
from utils.models import digit_gan, digit_net


def test_it_reads_the_samples_test_images():
    sample = samples.mnist_sample()
    x = sample["x_test"] / np.float32(255)
    judge = digit_net.load()
    shares = judge.predict(x, verbose=0)
    assert shares.shape == (len(x), 10) and np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert np.mean(shares.argmax(axis=1) == sample["y_test"]) > 0.98


def test_the_patient_generator_writes_what_it_is_asked_for():
    digits = np.tile(np.arange(10), 20)
    noise = np.random.default_rng(0).normal(size=(200, digit_gan.NOISE))
    z = np.concatenate([noise, np.eye(10)[digits]], axis=1).astype("float32")
    pictures = digit_gan.load().predict(z, verbose=0)
    assert pictures.shape == (200, 784) and pictures.min() >= 0 and pictures.max() <= 1
    answers = digit_net.load().predict(pictures.reshape(-1, 28, 28), verbose=0).argmax(axis=1)
    assert np.mean(answers == digits) > 0.95
