"""`utils.models.stack` and `utils.models.restart`: many layers as one, and a fresh start."""

import keras
import numpy as np
import pytest
from keras import ops

from utils import gradients
from utils.models.restart import restart
from utils.models.stack import Stack


def gated(x, kernel, bias, gate_kernel, gate_bias):
    gate = ops.sigmoid(x @ gate_kernel + gate_bias)
    return gate * ops.tanh(x @ kernel + bias) + (1 - gate) * x


def net_of():
    stack = Stack(7, gated, biases=(0.0, -1.0))
    net = keras.Sequential([keras.Input((4,)), stack, keras.layers.Dense(1)])
    net.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=True)
    return net


def test_a_stack_is_a_loop_over_its_layers():
    stack = Stack(7, gated, biases=(0.0, -1.0))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    outputs = ops.convert_to_numpy(stack(x))
    weights = [ops.convert_to_numpy(weight) for weight in stack.stacked]
    assert [weight.shape for weight in weights] == 2 * [(7, 4, 4), (7, 4)]
    assert np.all(weights[1] == 0) and np.all(weights[3] == -1)
    assert 0.7 < np.abs(weights[0]).max() / np.sqrt(6 / 8) <= 1  # Glorot, for 4 in and 4 out
    for layer in zip(*weights, strict=True):
        x = ops.convert_to_numpy(gated(ops.convert_to_tensor(x), *layer))
    np.testing.assert_allclose(outputs, x, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_a_compiled_step_takes_the_gradient_of_the_loop(jit_compile):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 10, 4)).astype("float32")
    net = keras.Sequential([keras.Input((4,)), Stack(7, gated, biases=(0.0, -1.0))])
    slopes = gradients.weight_gradients(lambda: ops.mean((net(x) - y) ** 2), net.weights)
    before = net.get_weights()
    net.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=jit_compile)
    net.fit(x, y, batch_size=10, verbose=0)
    for old, slope, new in zip(before, slopes, net.get_weights(), strict=True):
        assert np.abs(slope).max() > 1e-4
        np.testing.assert_allclose(old - new, slope, atol=1e-6)


def test_a_restarted_network_trains_like_a_new_one():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 4)), random.normal(size=(20, 1))
    used, fresh = net_of(), net_of()
    used.fit(x, y, batch_size=10, epochs=3, verbose=0)
    restart(used, fresh)
    losses = [net.fit(x, y, batch_size=20, verbose=0).history["loss"] for net in (used, fresh)]
    losses += [net.fit(x, y, batch_size=20, verbose=0).history["loss"] for net in (used, fresh)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    np.testing.assert_allclose(losses[2], losses[3], rtol=1e-4)
    assert float(used.optimizer.learning_rate) == pytest.approx(0.01)
