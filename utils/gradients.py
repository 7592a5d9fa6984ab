"""The gradient of a number with respect to the input, or to weights, on every backend of Keras.

Keras has no public call for gradients, because each backend computes them in its own way. These
functions hide that: give them a function of the input (or, for `weight_gradients`, one that uses
the weights), written with a Keras model or with `keras.ops`, and they differentiate it.
"""

import keras
import numpy as np


def input_gradient(scalar_of, x):
    """Computes the gradient of a number with respect to the input.

    Args:
        scalar_of: A function from the batch, a tensor of x's shape, to one number for each sample
            or one for all, for example `lambda x: model(x, training=False)[:, 3]`. Numbers per
            sample are added up; as no sample sees another one (with `training=False`), the
            gradient of a sample is then that of its own number.
        x: (n, …) a batch of inputs, floats.

    Returns:
        An array of x's shape: how much the number grows, for each value of x, per unit of change.

    Raises:
        TypeError: x does not hold floats.
        ValueError: x has no batch axis, `scalar_of` returns something of another shape, or what
            it returns does not depend on x.
    """
    gradient = _of_backend()(scalar_of, compiled=False)
    return gradient(_as_batch(x))[1]


def gradient_function(scalar_of, *, with_value=False):
    """Makes a compiled function that computes the gradient: for loops of many steps.

    It is traced once for each shape of its arguments and is fast after that. On JAX the weights
    of a model become part of it at that moment: after further training, make a new one.

    Args:
        scalar_of: As for `input_gradient`. It may take more arguments after x (numbers or arrays,
            for example the channel to look at); they can change from call to call without a new
            trace, and nothing is differentiated with respect to them.
        with_value: Also return the number itself.

    Returns:
        A function `gradient(x, *others)` that returns an array of x's shape; or, `with_value`,
        the number(s) that `scalar_of` returned, and that array.
    """
    gradient = _of_backend()(scalar_of, compiled=True)

    def compiled(x, *others):
        found = gradient(_as_batch(x), *(_as_number(other) for other in others))
        return found if with_value else found[1]

    return compiled


def weight_gradients(loss_of, weights):
    """Computes the gradient of a loss with respect to weights, for a look at each layer's.

    Args:
        loss_of: A function without arguments that computes one number from the weights, for
            example `lambda: keras.ops.mean((model(x, training=False) - y) ** 2)`.
        weights: Weights of a model or layer, such as `model.trainable_variables`: a list of
            float variables.

    Returns:
        A list of arrays, one of each weight's shape, in their order. Weights that the loss does
        not depend on have the gradient 0.

    Raises:
        TypeError: something in `weights` is no Keras variable, or holds no floats.
        ValueError: `weights` is empty, `loss_of` returns something else than one number, or no
            weight has an influence on it that could be differentiated.
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
    name = keras.backend.backend()
    known = {
        "tensorflow": _tensorflow_weights,
        "jax": _jax_weights,
        "torch": _torch_weights,
    }
    if name not in known:
        raise _unknown_backend(name, known)
    return known[name](loss_of, weights)


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
    return x.astype(keras.config.floatx())


def _as_number(other):
    other = np.asarray(other)
    # 64-bit numbers would be cut down by one backend and kept by the other.
    narrow = {"f": keras.config.floatx(), "i": "int32", "u": "int32"}.get(other.dtype.kind)
    return other.astype(narrow) if narrow else other


def _total(value, samples):
    """Adds up what `scalar_of` returned, after a look at its shape."""
    shape = tuple(getattr(value, "shape", np.shape(value)))
    if shape not in ((), (samples,)):
        raise ValueError(
            f"The function must return one number, or one for each of the {samples} samples; it "
            f"returned the shape {shape}. Pick or add up what you mean, for example "
            "model(x, training=False)[:, 3] for class 3."
        )
    return keras.ops.sum(value)


def _no_dependence():
    return ValueError(
        "What the function returns does not depend on x, so there is no gradient. Compute it from "
        "the argument, with keras.ops only: NumPy, argmax and rounding cut the connection."
    )


def _of_backend():
    name = keras.backend.backend()
    known = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    if name not in known:
        raise _unknown_backend(name, known)
    return known[name]


def _unknown_backend(name, known):
    return NotImplementedError(
        f"Gradients are not known for the Keras backend {name}; use {', '.join(known)}."
    )


# Each takes `scalar_of` and returns a function: NumPy arrays in, (value, gradient) out.


def _tensorflow(scalar_of, compiled):
    import tensorflow as tf

    def value_and_gradient(x, *others):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.convert_to_tensor(scalar_of(x, *others))
            total = _total(value, x.shape[0])
        gradient = tape.gradient(total, x)
        if gradient is None:
            raise _no_dependence()
        return value, tf.convert_to_tensor(gradient)

    # One concrete function a signature: calling tf.function itself would count the traces of
    # all functions made here together, and warn of too many.
    traced = {}

    def run(x, *others):
        arguments = [tf.convert_to_tensor(each) for each in (x, *others)]
        if not compiled:
            found = value_and_gradient(*arguments)
        else:
            signature = tuple((tuple(each.shape), each.dtype) for each in arguments)
            if signature not in traced:
                specs = [tf.TensorSpec(shape, dtype) for shape, dtype in signature]
                function = tf.function(value_and_gradient, autograph=False)
                traced[signature] = function.get_concrete_function(*specs)
            found = traced[signature](*arguments)
        return tuple(each.numpy() for each in found)

    return run


def _jax(scalar_of, compiled):
    import jax

    # JAX gives zeros where there is no dependence. While it differentiates, what depends on x is
    # a tracer of x's own kind; only a zero gradient of something else is an error.
    connected = {}

    def total(x, *others):
        value = scalar_of(x, *others)
        result = _total(value, x.shape[0])
        connected[x.shape] = type(result) is type(x)
        return result, value

    value_and_gradient = jax.value_and_grad(total, has_aux=True)
    if compiled:
        value_and_gradient = jax.jit(value_and_gradient)

    def run(x, *others):
        (_, value), gradient = value_and_gradient(jax.numpy.asarray(x), *others)
        gradient = np.array(gradient)  # a copy: JAX's own memory can only be read
        if not connected[x.shape] and not gradient.any():
            raise _no_dependence()
        return np.asarray(value), gradient

    return run


def _torch(scalar_of, compiled):
    import torch

    def run(x, *others):
        x = keras.ops.convert_to_tensor(x).detach().requires_grad_()
        others = [keras.ops.convert_to_tensor(other) for other in others]
        value = scalar_of(x, *others)
        total = _total(value, x.shape[0])
        found = None
        if getattr(total, "requires_grad", False):
            (found,) = torch.autograd.grad(total, x, allow_unused=True)
        if found is None:
            raise _no_dependence()
        return keras.ops.convert_to_numpy(value), keras.ops.convert_to_numpy(found)

    return run


# Each takes `loss_of` and the weights, and returns their gradients as NumPy arrays.


def _one_number(value):
    shape = tuple(getattr(value, "shape", np.shape(value)))
    if shape != ():
        raise ValueError(
            f"loss_of must return one number; it returned the shape {shape}. Add it up, or take "
            "the mean: keras.ops.mean(...)."
        )
    return value


def _no_weight_matters():
    return ValueError(
        "What loss_of returns does not depend on any of the weights, so there is no gradient. "
        "Call the model inside loss_of, and compute the loss with keras.ops only."
    )


def _tensorflow_weights(loss_of, weights):
    import tensorflow as tf

    values = [weight.value for weight in weights]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss = _one_number(tf.convert_to_tensor(loss_of()))
    found = tape.gradient(loss, values)
    if all(each is None for each in found):
        raise _no_weight_matters()
    return [
        np.zeros(weight.shape, weight.dtype) if each is None else tf.convert_to_tensor(each).numpy()
        for each, weight in zip(found, weights, strict=True)
    ]


def _jax_weights(loss_of, weights):
    import jax

    traced = []

    def loss(values):
        # The variables stand for these values while the loss is computed. What else the model
        # would write (batch normalisation's averages) is thrown away with the scope.
        with keras.StatelessScope(state_mapping=list(zip(weights, values, strict=True))):
            value = _one_number(jax.numpy.asarray(loss_of()))
        traced.append(isinstance(value, jax.core.Tracer))
        return value

    found = jax.grad(loss)([weight.value for weight in weights])
    if not traced[-1]:
        raise _no_weight_matters()
    return [np.array(each) for each in found]


def _torch_weights(loss_of, weights):
    import torch

    values = [weight.value for weight in weights]
    before = [value.requires_grad for value in values]
    for value in values:
        value.requires_grad_(True)
    try:
        loss = _one_number(loss_of())
        if not getattr(loss, "requires_grad", False):
            raise _no_weight_matters()
        found = torch.autograd.grad(loss, values, allow_unused=True)
    finally:
        for value, needed in zip(values, before, strict=True):
            value.requires_grad_(needed)
    if all(each is None for each in found):
        raise _no_weight_matters()
    return [
        np.zeros(weight.shape, weight.dtype) if each is None else keras.ops.convert_to_numpy(each)
        for each, weight in zip(found, weights, strict=True)
    ]
