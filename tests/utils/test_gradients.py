"""Gradients of inputs and of weights: right by finite differences, on every backend there is."""

import keras
import numpy as np
import pytest

from utils import gradients

X = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype("float32")


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


def by_finite_differences(number_of, x, direction, step=1e-2):
    """The slope along a direction: (f(x + h·d) − f(x − h·d)) / 2h."""
    ahead, behind = number_of(x + step * direction), number_of(x - step * direction)
    return (ahead - behind) / (2 * step)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradient_agrees_with_finite_differences(compiled):
    model = small_model()

    def class_2(x):
        return model(x, training=False)[:, 2]

    if compiled:
        gradient = gradients.gradient_function(class_2)(X)
    else:
        gradient = gradients.input_gradient(class_2, X)
    assert gradient.shape == X.shape and gradient.dtype == X.dtype
    assert gradient.flags.writeable
    random = np.random.default_rng(1)
    for _ in range(5):
        direction = random.normal(size=X.shape).astype("float32")
        slope = by_finite_differences(
            lambda x: float(keras.ops.sum(class_2(keras.ops.convert_to_tensor(x)))), X, direction
        )
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=0.01, abs=0.01)


def test_every_sample_gets_the_gradient_of_its_own_number():
    model = small_model()

    def class_0(x):
        return model(x, training=False)[:, 0]

    together = gradients.input_gradient(class_0, X)
    alone = [gradients.input_gradient(class_0, X[i : i + 1])[0] for i in range(len(X))]
    assert np.allclose(together, alone, atol=1e-6)


def test_one_number_for_all_and_its_value():
    function = gradients.gradient_function(lambda x: keras.ops.sum(x**2), with_value=True)
    value, gradient = function(X)
    assert value.shape == () and value == pytest.approx(np.sum(X**2), rel=1e-5)
    assert np.allclose(gradient, 2 * X, atol=1e-5)


def test_values_per_sample():
    function = gradients.gradient_function(
        lambda x: keras.ops.sum(x**3, axis=(1, 2, 3)), with_value=True
    )
    value, gradient = function(X)
    assert np.allclose(value, np.sum(X**3, axis=(1, 2, 3)), atol=1e-4)
    assert np.allclose(gradient, 3 * X**2, atol=1e-4)


def test_other_arguments_change_without_a_new_trace():
    traces = []

    def power(x, weights, shift):
        traces.append(1)
        moved = keras.ops.roll(x, shift, axis=1)
        return keras.ops.sum(moved * weights, axis=(1, 2, 3))

    function = gradients.gradient_function(power)
    expected = np.random.default_rng(2).normal(size=X.shape)
    for shift in range(4):
        gradient = function(X, expected * (shift + 1), shift)
        assert np.allclose(gradient, np.roll(expected * (shift + 1), -shift, axis=1), atol=1e-5)
    if keras.backend.backend() != "torch":  # where nothing is traced
        assert len(traces) == 1
    function(X[:2], expected[:2], 0)
    assert function(X[:2], expected[:2], 1).shape == X[:2].shape


def test_many_functions_do_not_warn(caplog, capfd):
    for power in range(1, 12):
        gradients.gradient_function(lambda x, p=power: keras.ops.sum(x**p))(X)
    assert not caplog.records
    assert "retracing" not in capfd.readouterr().err


def test_integers_are_told():
    with pytest.raises(TypeError, match=r'holds uint8.*astype\("float32"\)'):
        gradients.input_gradient(keras.ops.sum, np.zeros((1, 4), np.uint8))


def test_double_precision_and_tensors_are_fine():
    gradient = gradients.input_gradient(lambda x: keras.ops.sum(x * x), X.astype("float64"))
    assert np.allclose(gradient, 2 * X, atol=1e-5)
    tensor = keras.ops.convert_to_tensor(X)
    assert np.allclose(gradients.input_gradient(lambda x: keras.ops.sum(x * x), tensor), 2 * X)


def test_a_sample_without_its_batch_is_told():
    with pytest.raises(ValueError, match=r"at least one sample.*x\[None\]"):
        gradients.input_gradient(keras.ops.sum, np.float32(1.0))


@pytest.mark.parametrize("make", [gradients.gradient_function, None], ids=["compiled", "plain"])
def test_a_whole_layer_is_no_number(make):
    def all_classes(x):
        return keras.ops.sum(x, axis=(1, 2))

    with pytest.raises(ValueError, match=r"returned the shape \(3, 2\)"):
        make(all_classes)(X) if make else gradients.input_gradient(all_classes, X)


@pytest.mark.parametrize("make", [gradients.gradient_function, None], ids=["compiled", "plain"])
def test_what_does_not_depend_on_x_is_told(make):
    def constant(x):
        return keras.ops.sum(keras.ops.ones((2, 2)))

    def cut(x):
        return keras.ops.sum(keras.ops.stop_gradient(x))

    for function in (constant, cut):
        with pytest.raises(ValueError, match="does not depend on x"):
            make(function)(X) if make else gradients.input_gradient(function, X)


def test_a_zero_gradient_is_a_gradient():
    gradient = gradients.input_gradient(lambda x: keras.ops.sum(keras.ops.relu(x - 100)), X)
    assert not gradient.any()


def test_weight_gradients_agree_with_finite_differences():
    model = small_model()
    target = np.random.default_rng(3).normal(size=(3, 5)).astype("float32")

    def loss():
        return keras.ops.mean((model(X, training=False) - target) ** 2)

    weights = model.trainable_variables
    found = gradients.weight_gradients(loss, weights)
    assert [each.shape for each in found] == [tuple(weight.shape) for weight in weights]
    random = np.random.default_rng(4)
    for weight, gradient in zip(weights, found, strict=True):
        before = weight.numpy()
        direction = random.normal(size=before.shape).astype("float32")

        def loss_at(value, weight=weight):
            weight.assign(value)
            return float(keras.ops.convert_to_numpy(loss()))

        slope = by_finite_differences(loss_at, before, direction)
        weight.assign(before)
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=0.02, abs=2e-3)


def test_weight_gradients_leave_the_model_as_it_is():
    model = small_model()
    before = model.get_weights()
    trained = [weight.trainable for weight in model.weights]

    def loss():
        return keras.ops.mean(model(X, training=False) ** 2)

    first = gradients.weight_gradients(loss, model.trainable_variables)
    again = gradients.weight_gradients(loss, model.trainable_variables)
    for one, other in zip(first, again, strict=True):
        assert np.allclose(one, other, atol=1e-6)
    for now, old in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(now, old)
    assert [weight.trainable for weight in model.weights] == trained
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((3, 5)), verbose=0)  # still works


def test_weights_without_influence_have_the_gradient_zero():
    used, unused = keras.Variable(np.ones(3)), keras.Variable(np.ones((2, 2)))
    found = gradients.weight_gradients(lambda: keras.ops.sum(used * used), [used, unused])
    assert np.allclose(found[0], 2) and not found[1].any() and found[1].shape == (2, 2)


def test_weight_gradients_of_a_constant_are_told():
    weight = keras.Variable(np.ones(3))
    for loss in (lambda: keras.ops.sum(keras.ops.ones(3)), lambda: 1.0):
        with pytest.raises(ValueError, match="does not depend on any of the weights"):
            gradients.weight_gradients(loss, [weight])


def test_weight_gradients_of_many_numbers_are_told():
    weight = keras.Variable(np.ones(3))
    with pytest.raises(ValueError, match=r"one number; it returned the shape \(3,\)"):
        gradients.weight_gradients(lambda: weight * 2.0, [weight])


def test_what_is_no_weight_is_told():
    with pytest.raises(ValueError, match="no weights"):
        gradients.weight_gradients(lambda: 0.0, [])
    with pytest.raises(TypeError, match="one is a ndarray"):
        gradients.weight_gradients(lambda: 0.0, [np.ones(3)])
    with pytest.raises(TypeError, match="int32; a gradient needs floats"):
        counter = keras.Variable(np.ones(3), dtype="int32", trainable=False)
        gradients.weight_gradients(lambda: 0.0, [counter])


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_on_the_other_backends(backend, run_again):
    run_again(__file__, "not other_backends", backend)
