"""Batches of windows for `fit`, and the random order that is never stored (utils/batches)."""

import numpy as np
import pytest

from utils.batches import window_dataset, windows, windows_and_targets
from utils.batches.permutation import RandomOrder


def joined(batches):
    """The windows and the targets of all batches."""
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


@pytest.mark.parametrize("target", ["next", "mean", lambda future: future[:, -1, 0] > 0])
def test_the_batches_are_those_of_windows_and_targets(target):
    stream = np.random.default_rng(1).normal(size=(200, 2)).astype(np.float32)
    horizon = 1 if target == "next" else 5
    batches = window_dataset(stream, 12, 16, hop=3, target=target, horizon=horizon)
    x, y = joined(batches)
    x_direct, y_direct = windows_and_targets(stream, 12, 3, target, horizon)
    np.testing.assert_array_equal(x, x_direct)
    np.testing.assert_allclose(y, y_direct, rtol=1e-6)
    assert batches.n_windows == len(x_direct)


def test_the_last_batch():
    stream = np.arange(50)  # 40 windows
    assert [len(x) for x, _ in window_dataset(stream, 10, 20)] == [20, 20]
    batches = window_dataset(stream, 10, 16)
    assert [len(x) for x, _ in batches] == [16, 16, 8]
    np.testing.assert_array_equal(batches[-1][0], batches[2][0])
    with pytest.raises(IndexError, match="dataset of 3 batches"):
        batches[3]
    with pytest.raises(ValueError, match="batch_size must be 1 or more, but is 0"):
        window_dataset(stream, 10, 0)


def test_shuffling_keeps_every_window_with_its_target_and_follows_the_seed():
    def two_epochs(seed):
        batches = window_dataset(np.arange(500), 10, 32, shuffle=True, seed=seed)
        for epoch in range(2):
            assert batches.epoch == epoch
            x, y = joined(batches)
            np.testing.assert_array_equal(y, x[:, -1] + 1)
            np.testing.assert_array_equal(np.sort(x[:, 0, 0]), np.arange(490))
            yield x[:, 0, 0].tolist()
            batches.on_epoch_end()

    first, second = two_epochs(seed=5)
    assert [first, second] == list(two_epochs(seed=5))
    orders = [list(range(490)), first, second, *two_epochs(seed=6)]
    assert len({tuple(order) for order in orders}) == 5


def linear_model(timesteps):
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(1, kernel_initializer="zeros")]
    model = keras.Sequential([keras.Input((timesteps, 1)), *layers])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def test_keras_trains_and_predicts_on_a_dataset_as_on_arrays():
    import keras

    stream = np.sin(np.arange(300) / 5).astype(np.float32)
    x, y = windows_and_targets(stream, 16, hop=2)
    batches = window_dataset(stream, 16, batch_size=32, hop=2)
    on_arrays, on_dataset = linear_model(16), linear_model(16)
    on_arrays.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    seen = []
    note = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: seen.append(batches.epoch))
    held_out = window_dataset(stream, 16, batch_size=32)
    options = {"validation_data": held_out, "callbacks": [note], "shuffle": False}
    on_dataset.fit(batches, epochs=3, verbose=0, **options)
    kernel = on_dataset.get_weights()[0]
    np.testing.assert_allclose(kernel, on_arrays.get_weights()[0], rtol=1e-4, atol=1e-6)
    assert np.abs(kernel).max() > 0.01  # it has learnt something
    assert np.diff(seen).tolist() == [1, 1]  # so `fit` shuffles again every epoch
    on_dataset.set_weights([np.ones((16, 1)), np.zeros(1)])
    inputs = window_dataset(stream, 16, batch_size=32, target=None)  # the last one is partial
    predictions = on_dataset.predict(inputs, verbose=0)
    np.testing.assert_allclose(predictions, windows(stream, 16).sum(axis=1), atol=1e-4)


def test_a_random_order_has_every_number_once_wherever_it_is_asked():
    for n in [*range(1, 80), 127, 128, 129, 10_007]:
        order = RandomOrder(n, (3, 1))(np.arange(n))
        assert np.array_equal(np.sort(order), np.arange(n)), n
    np.testing.assert_array_equal(RandomOrder(n, (3, 1))(np.arange(200, 300)), order[200:300])
    for seed in ((3, 0), (1, 1)):
        assert not np.array_equal(order, RandomOrder(n, seed)(np.arange(n)))


def test_the_order_is_random():
    n = 100_003
    order = RandomOrder(n, (0, 0))(np.arange(n)) / n
    assert abs(np.corrcoef(order, np.arange(n))[0, 1]) < 0.02
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.02
    # Over many seeds, every number is as likely as another to come first: chi-square with
    # 9 degrees of freedom has a mean of 9, and is above 40 once in 100 000 times.
    firsts = [RandomOrder(10, (seed, 0))(np.array([0]))[0] for seed in range(1000)]
    assert np.sum((np.bincount(firsts, minlength=10) - 100) ** 2 / 100) < 40
    order = RandomOrder(10**12, (0, 0))(np.arange(128))  # stored, it would be 8 TB
    assert len(np.unique(order)) == 128
    assert 0 <= order.min() < 0.1e12 and 0.9e12 < order.max() < 10**12
