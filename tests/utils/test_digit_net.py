"""The judge of drawn digits reads digits that it has not seen."""

import numpy as np

from utils.data import samples
from utils.models import digit_net


def test_it_reads_the_samples_test_images():
    sample = samples.mnist_sample()
    x = sample["x_test"] / np.float32(255)
    judge = digit_net.load()
    shares = judge.predict(x, verbose=0)
    assert shares.shape == (len(x), 10) and np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert np.mean(shares.argmax(axis=1) == sample["y_test"]) > 0.98
