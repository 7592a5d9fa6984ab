"""The gradient of a number with respect to the input, or to weights, on every backend of Keras.

Keras has no public call for gradients, because each backend computes them in its own way. These
functions hide that: give them a function of the input (or, for `weight_gradients`, one that uses
the weights), written with a Keras model or with `keras.ops`, and they differentiate it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


def input_gradient(scalar_of: Callable, x: Any) -> np.ndarray:
    """Compute the gradient of a number with respect to the input.

    Args:
        scalar_of: A function from the batch, a tensor of x's shape, to one number for each sample
            or one for all, for example `lambda x: model(x, training=False)[:, 3]`. Numbers per
            sample are added up; as no sample affects another (with `training=False`), the
            gradient of a sample is then that of its own number.
        x: (n, …) a batch of inputs, floats.

    Returns:
        An array of x's shape: how much the number grows, for each value of x, per unit of change.

    Raises:
        TypeError: x does not hold floats.
        ValueError: x has no batch axis, `scalar_of` returns something of another shape, or what
            it returns does not depend on x.
    """
    return _value_and_gradient(scalar_of, compiled=False)(_as_batch(x))[1]


def gradient_function(scalar_of: Callable, *, with_value: bool = False) -> Callable:
    """Return a compiled function that computes the gradient, for loops of many steps.

    It is traced once for each shape of its arguments and is fast after that. On JAX the model's
    weights become part of it at that moment: after further training, make a new one.

    Args:
        scalar_of: As for `input_gradient`. It may take more arguments after x (numbers or arrays,
            for example the channel to look at); they can change from call to call without a new
            trace, and nothing is differentiated with respect to them.
        with_value: Also return the number itself.

    Returns:
        A function `gradient(x, *others)` that returns an array of x's shape; or, `with_value`,
        the number(s) that `scalar_of` returned, and that array.
    """
    value_and_gradient = _value_and_gradient(scalar_of, compiled=True)

    def gradient(x, *others):
        value, slope = value_and_gradient(_as_batch(x), *map(as_tensor, others))
        return (value, slope) if with_value else slope

    return gradient


def weight_gradients(loss_of: Callable, weights: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Compute the gradient of a loss with respect to weights.

    Args:
        loss_of: A function without arguments that computes one number from the weights, for
            example `lambda: keras.ops.mean((model(x, training=False) - y) ** 2)`.
        weights: Weights of a model or layer, such as `model.trainable_variables`: a list of
            float variables.

    Returns:
        A list of arrays, one of each weight's shape, in their order. The gradient of a weight
        that the loss does not depend on is 0.

    Raises:
        TypeError: Something in `weights` is not a Keras variable, or does not hold floats.
        ValueError: `weights` is empty, `loss_of` does not return one number, or that number
            depends on none of the weights in a way that can be differentiated.
    """
    weights = list(weights)
    if not weights:
        raise ValueError("There are no weights to differentiate with respect to. Is it built?")
    for weight in weights:
        if not isinstance(weight, keras.Variable):
            raise TypeError(
                f"weights must hold Keras variables, such as model.trainable_variables; one is a "
                f"{type(weight).__name__}."
            )
        if "float" not in str(weight.dtype):
            raise TypeError(f"{weight.path} holds {weight.dtype}; a gradient needs floats.")

    def loss(values):
        # The variables stand for these values while the loss is computed. What else the model
        # would write (batch normalisation's averages) is thrown away with the scope.
        with keras.StatelessScope(state_mapping=list(zip(weights, values, strict=True))):
            number = loss_of()
        shape = tuple(np.shape(number))
        if shape:
            raise ValueError(
                f"loss_of must return one number; it returned the shape {shape}. Add it up, or "
                "take the mean: keras.ops.mean(...)."
            )
        return keras.ops.convert_to_tensor(number), None

    values = [keras.ops.convert_to_tensor(weight.value) for weight in weights]
    return _differentiate(loss, _NO_WEIGHT_MATTERS)(values)[1]


def as_tensor(array: Any) -> Any:
    """Return an array or a number as a tensor of the backend; floats and integers in 32 bits."""
    array = keras.ops.convert_to_numpy(array) if keras.ops.is_tensor(array) else np.asarray(array)
    # 64-bit numbers would be cut down by one backend and kept by the other.
    narrow = {"f": keras.config.floatx(), "i": "int32", "u": "int32"}.get(array.dtype.kind)
    return keras.ops.convert_to_tensor(array.astype(narrow, copy=False) if narrow else array)


def traced(run: Callable) -> Callable:
    """Compile a function of tensors, or of lists of them, for TensorFlow: once for each signature.

    Calling tf.function itself would count the traces of all functions made so together, and warn
    of too many.
    """
    import tensorflow as tf

    functions = {}

    def run_traced(*tensors):
        specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, list(tensors))
        signature = tuple(tf.nest.flatten(specs))
        if signature not in functions:
            function = tf.function(run, autograph=False)
            functions[signature] = function.get_concrete_function(*specs)
        return functions[signature](*tensors)

    return run_traced


_NO_DEPENDENCE = (
    "What the function returns does not depend on x, so there is no gradient. Compute it from "
    "the argument, with keras.ops only: NumPy, argmax and rounding cut the connection."
)
_NO_WEIGHT_MATTERS = (
    "What loss_of returns does not depend on any of the weights, so there is no gradient. "
    "Call the model inside loss_of, and compute the loss with keras.ops only."
)


def _value_and_gradient(scalar_of, compiled):
    """Return a function of x and other arguments that returns NumPy's (value, gradient)."""

    def total_of(values, *others):
        (x,) = values
        value = keras.ops.convert_to_tensor(scalar_of(x, *others))
        shape = tuple(value.shape)
        if shape not in ((), (x.shape[0],)):
            raise ValueError(
                f"The function must return one number, or one for each of the {x.shape[0]} "
                f"samples; it returned the shape {shape}. Pick or add up what you mean, for "
                "example model(x, training=False)[:, 3] for class 3."
            )
        return keras.ops.sum(value), value

    run = _differentiate(total_of, _NO_DEPENDENCE, compiled)

    def value_and_gradient(x, *others):
        value, (gradient,) = run([x], *others)
        return np.array(keras.ops.convert_to_numpy(value)), gradient

    return value_and_gradient


def _as_batch(x):
    x = np.asarray(keras.ops.convert_to_numpy(x))
    if not np.issubdtype(x.dtype, np.floating):
        raise TypeError(
            f"A gradient is taken with respect to floats, and x holds {x.dtype}. "
            'Convert it first: x.astype("float32").'
        )
    if x.ndim < 1 or not x.size:
        raise ValueError(
            f"x must be a batch with at least one sample; its shape is {x.shape}. "
            "For one sample, write x[None]."
        )
    return keras.ops.convert_to_tensor(x.astype(keras.config.floatx()))


def _differentiate(total_of, problem, compiled=False):
    """Return a function that differentiates `total_of` with respect to a list of tensors.

    `total_of` takes the list and other tensors, and returns the number to differentiate and
    something to pass on. The result has the same arguments; it returns what was passed on and the
    gradients as NumPy arrays. If the number depends on none of the tensors, `problem` is raised.
    """
    backends = {"tensorflow": _tensorflow, "jax": _jax}
    run = backends[keras.backend.backend()](total_of, problem, compiled)

    def differentiate(values, *others):
        passed_on, gradients = run(values, *others)
        # Copies, because JAX's own memory can only be read.
        return passed_on, [np.array(keras.ops.convert_to_numpy(g)) for g in gradients]

    return differentiate


def _tensorflow(total_of, problem, compiled):
    import tensorflow as tf

    def run(values, *others):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            total, passed_on = total_of(values, *others)
        gradients = tape.gradient(total, values)
        if all(gradient is None for gradient in gradients):
            raise ValueError(problem)
        pairs = zip(values, gradients, strict=True)
        return passed_on, [
            tf.zeros_like(v) if g is None else tf.convert_to_tensor(g) for v, g in pairs
        ]

    return traced(run) if compiled else run


def _jax(total_of, problem, compiled):
    import jax

    def total_and_rest(values, *others):
        total, passed_on = total_of(values, *others)
        # While JAX differentiates, what depends on the values is a tracer of the same kind.
        return total, (passed_on, type(total) is type(values[0]))

    value_and_gradients = jax.value_and_grad(total_and_rest, has_aux=True)
    if compiled:
        value_and_gradients = jax.jit(value_and_gradients)

    def run(values, *others):
        (_, (passed_on, connected)), gradients = value_and_gradients(values, *others)
        # JAX gives zeros where there is no dependence.
        if not connected and not any(gradient.any() for gradient in gradients):
            raise ValueError(problem)
        return passed_on, gradients

    return run
