"""Gradients of inputs and of weights: right by finite differences, on every backend."""

import keras
import numpy as np
import pytest
from keras import ops

from utils.gradients import gradient_function, input_gradient, weight_gradients

X = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype("float32")


def compiled_gradient(scalar_of, x):
    return gradient_function(scalar_of)(x)


both_ways = pytest.mark.parametrize("gradient_of", [input_gradient, compiled_gradient])


def small_model():
    """Convolution, batch normalisation, dropout: everything that treats training apart."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3, activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="softplus"),
        ]
    )


def slope_along(direction, number_of, x, step=1e-2):
    """The slope along a direction: (f(x + h·d) − f(x − h·d)) / 2h."""
    return (number_of(x + step * direction) - number_of(x - step * direction)) / (2 * step)


@both_ways
def test_the_gradient_agrees_with_finite_differences(gradient_of):
    model = small_model()

    def class_2(x):
        return model(x, training=False)[:, 2]

    gradient = gradient_of(class_2, X)
    assert gradient.shape == X.shape and gradient.dtype == X.dtype
    assert gradient.flags.writeable
    random = np.random.default_rng(1)
    for _ in range(5):
        direction = random.normal(size=X.shape).astype("float32")
        slope = slope_along(direction, lambda x: float(ops.sum(class_2(x))), X)
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=0.01, abs=0.01)
    alone = [gradient_of(class_2, X[i : i + 1])[0] for i in range(len(X))]
    assert np.allclose(gradient, alone, atol=1e-6)  # every sample's is that of its own number
    assert not gradient_of(lambda x: ops.sum(ops.relu(x - 100)), X).any()  # zero is a gradient


@pytest.mark.parametrize("axis", [None, (1, 2, 3)])
@pytest.mark.parametrize("x", [X, X.astype("float64"), ops.convert_to_tensor(X)])
def test_one_number_for_all_or_one_per_sample_and_their_values(axis, x):
    function = gradient_function(lambda x: ops.sum(x**2, axis=axis), with_value=True)
    value, gradient = function(x)
    assert np.allclose(value, np.sum(X**2, axis=axis), atol=1e-3)
    assert np.allclose(gradient, 2 * X, atol=1e-5)


def test_other_arguments_change_without_a_new_trace():
    traces = []

    def power(x, weights, shift):
        traces.append(x.shape)
        return ops.sum(ops.roll(x, shift, axis=1) * weights, axis=(1, 2, 3))

    function = gradient_function(power)
    weights = np.random.default_rng(2).normal(size=X.shape)
    for shift in range(4):
        gradient = function(X, weights * (shift + 1), shift)
        assert np.allclose(gradient, np.roll(weights * (shift + 1), -shift, axis=1), atol=1e-5)
    assert len(traces) == 1
    assert function(X[:2], weights[:2], 1).shape == X[:2].shape


@both_ways
@pytest.mark.parametrize(
    ("scalar_of", "x", "error", "message"),
    [
        (ops.sum, X.astype("uint8"), TypeError, r'holds uint8.*astype\("float32"\)'),
        (ops.sum, np.float32(1), ValueError, r"at least one sample.*x\[None\]"),
        (lambda x: ops.sum(x, (1, 2)), X, ValueError, r"returned the shape \(3, 2\)"),
        (lambda x: ops.sum(ops.ones(2)), X, ValueError, "does not depend on x"),
    ],
)
def test_what_has_no_gradient(gradient_of, scalar_of, x, error, message):
    with pytest.raises(error, match=message):
        gradient_of(scalar_of, x)


def test_weight_gradients_agree_with_finite_differences():
    model = small_model()
    target = np.random.default_rng(3).normal(size=(3, 5)).astype("float32")

    def loss():
        return ops.mean((model(X, training=False) - target) ** 2)

    weights = model.trainable_variables
    random = np.random.default_rng(4)
    for weight, gradient in zip(weights, weight_gradients(loss, weights), strict=True):
        before = weight.numpy()
        assert gradient.shape == before.shape
        direction = random.normal(size=before.shape).astype("float32")

        def loss_at(value, weight=weight):
            weight.assign(value)
            return float(ops.convert_to_numpy(loss()))

        slope = slope_along(direction, loss_at, before)
        weight.assign(before)
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=0.02, abs=2e-3)


def test_weight_gradients_leave_the_model_as_it_is():
    model = small_model()
    before = model.get_weights()
    unused = keras.Variable(np.ones((2, 2)))
    weights = [*model.trainable_variables, unused]
    gradients = weight_gradients(lambda: ops.mean(model(X, training=True) ** 2), weights)
    assert gradients[0].any() and np.array_equal(gradients[-1], np.zeros((2, 2)))
    for now, old in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(now, old)
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((3, 5)), verbose=0)  # still works


WEIGHT = keras.Variable(np.ones(3))
COUNTER = keras.Variable(np.ones(3), dtype="int32", trainable=False)


@pytest.mark.parametrize(
    ("loss_of", "weights", "error", "message"),
    [
        (lambda: 1.0, [WEIGHT], ValueError, "not depend on any of the weights"),
        (lambda: WEIGHT * 2.0, [WEIGHT], ValueError, r"one number; it returned the shape \(3,\)"),
        (lambda: 0.0, [np.ones(3)], TypeError, "one is a ndarray"),
        (lambda: 0.0, [COUNTER], TypeError, "int32; a gradient needs floats"),
    ],
)
def test_what_has_no_weight_gradients(loss_of, weights, error, message):
    with pytest.raises(error, match=message):
        weight_gradients(loss_of, weights)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_on_the_other_backend(backend, run_again):
    run_again(__file__, "agree or trace or leave or one_number", backend)
