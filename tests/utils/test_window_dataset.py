"""Batches of windows for `fit` (utils/batches/dataset.py)."""

import numpy as np
import pytest

from utils.batches import window_dataset, windows, windows_and_targets


@pytest.mark.parametrize("target", ["next", "next_k", "mean", "trend", lambda f: f[:, -1, 0] > 0])
def test_the_batches_are_those_of_windows_and_targets(target):
    stream = np.random.default_rng(1).normal(size=(200, 2)).astype(np.float32)
    horizon = 1 if target == "next" else 5
    batches = window_dataset(stream, 12, 16, hop=3, target=target, horizon=horizon)
    x, y = map(np.concatenate, zip(*batches, strict=True))
    x_direct, y_direct = windows_and_targets(stream, 12, 3, target, horizon)
    np.testing.assert_array_equal(x, x_direct)
    np.testing.assert_allclose(y, y_direct, rtol=1e-6)
    assert batches.n_windows == len(x_direct)
    assert all(part.flags.c_contiguous for part in batches[0])


def test_the_last_batch():
    stream = np.arange(50)  # 40 windows
    assert [len(x) for x, _ in window_dataset(stream, 10, 20)] == [20, 20]
    batches = window_dataset(stream, 10, 16)
    assert [len(x) for x, _ in batches] == [16, 16, 8]
    np.testing.assert_array_equal(batches[-1][0], batches[2][0])
    for index in (3, -4):
        with pytest.raises(IndexError, match="dataset of 3 batches"):
            batches[index]
    with pytest.raises(ValueError, match="batch_size must be 1 or more, but is 0"):
        window_dataset(stream, 10, 0)


def test_shuffling_keeps_every_window_with_its_target_and_follows_the_seed():
    def two_epochs(seed):
        batches = window_dataset(np.arange(500), 10, 32, shuffle=True, seed=seed)
        for epoch in range(2):
            assert batches.epoch == epoch
            x, y = map(np.concatenate, zip(*batches, strict=True))
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

    model = keras.Sequential(
        [
            keras.Input((timesteps, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, kernel_initializer="zeros"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def test_fit_on_a_dataset_equals_fit_on_arrays():
    stream = np.sin(np.arange(300) / 5).astype(np.float32)
    x, y = windows_and_targets(stream, 16, hop=2)
    batches = window_dataset(stream, 16, batch_size=32, hop=2)
    on_arrays, on_dataset = linear_model(16), linear_model(16)
    on_arrays.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    on_dataset.fit(batches, epochs=3, shuffle=False, verbose=0, validation_data=batches)
    kernel = on_dataset.get_weights()[0]
    np.testing.assert_allclose(kernel, on_arrays.get_weights()[0], rtol=1e-4, atol=1e-6)
    assert np.abs(kernel).max() > 0.01  # it has learnt something


def test_predict_keeps_the_order_and_the_partial_batch():
    stream = np.random.default_rng(2).normal(size=100).astype(np.float32)
    model = linear_model(10)
    model.set_weights([np.ones((10, 1)), np.zeros(1)])
    predictions = model.predict(window_dataset(stream, 10, batch_size=32, target=None), verbose=0)
    np.testing.assert_allclose(predictions, windows(stream, 10).sum(axis=1), atol=1e-4)


def test_fit_shuffles_anew_every_epoch():
    import keras

    batches = window_dataset(np.arange(100.0), 4, 16, shuffle=True)
    epochs = []
    callback = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epochs.append(batches.epoch)
    )
    linear_model(4).fit(batches, epochs=3, verbose=0, callbacks=[callback])
    assert np.diff(epochs).tolist() == [1, 1]
