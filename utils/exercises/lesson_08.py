"""Judge the exercises of lesson 08, residual networks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short


def residual(layer: Callable[..., Any]) -> bool | str | None:
    """Judge a residual layer of x, (batch, 10), a kernel and a bias."""
    x, kernel, bias = arguments = _arguments(2)
    answer = _answer_of(layer, arguments)
    if answer is None or isinstance(answer, str):
        return answer
    f = np.tanh(x @ kernel + bias)
    mistakes = [
        ("that is the plain layer; where is the shortcut?", f),
        ("the shortcut goes round the whole layer, its tanh included.", np.tanh(np.arctanh(f) + x)),
        ("a tanh sits on the shortcut; it should be bare.", np.tanh(f + x)),
        ("f has a tanh.", np.arctanh(f) + x),
        ("f has a bias.", np.tanh(x @ kernel) + x),
        ("f is the whole of `plain`; x is added once.", x @ kernel + f),
        ("f has a tanh, not a ReLU.", np.maximum(x @ kernel + bias, 0) + x),
        ("that is x alone.", x),
        ("the drawing has a sum, not a product.", f * x),
        ("that is the difference.", f - x),
        ("that is the difference.", x - f),
    ]
    verdict = _verdict(answer, x + f, mistakes)
    return _in_a_network(layer, arguments) if verdict is True else verdict


def highway(layer: Callable[..., Any]) -> bool | str | None:
    """Judge a highway layer of x, (batch, 10), a kernel and a bias, and those of the gate."""
    x, kernel, bias, gate_kernel, gate_bias = arguments = _arguments(4)
    answer = _answer_of(layer, arguments)
    if answer is None or isinstance(answer, str):
        return answer
    f, z = np.tanh(x @ kernel + bias), x @ gate_kernel + gate_bias
    gate = 1 / (1 + np.exp(-z))
    mistakes = [
        ("H and x have changed places.", (1 - gate) * f + gate * x),
        ("nothing is carried: x has a share, too.", gate * f),
        ("x passes whole; it should get what the gate leaves.", gate * f + x),
        ("H passes whole; the gate belongs before it, too.", f + (1 - gate) * x),
        ("the gate has a sigmoid.", z * f + (1 - z) * x),
        ("the gate has a sigmoid, not a tanh.", np.tanh(z) * f + (1 - np.tanh(z)) * x),
        ("H has a tanh.", gate * np.arctanh(f) + (1 - gate) * x),
        ("H has a tanh, not a sigmoid.", _mixed(1 / (1 + np.exp(-x @ kernel - bias)), x, z)),
        ("the gate has a bias.", _mixed(f, x, x @ gate_kernel)),
        ("H has a bias.", _mixed(np.tanh(x @ kernel), x, z)),
        ("the gate has a bias of its own.", _mixed(f, x, x @ gate_kernel + bias)),
        (
            "H and T have each other's weights.",
            _mixed(np.tanh(z), x, x @ kernel + bias),
        ),
        ("that is the residual layer; the gate is not used.", f + x),
        ("that is the plain layer; the gate is not used.", f),
        ("both use the same kernel; the gate has one of its own.", _mixed(f, x, x @ kernel + bias)),
    ]
    verdict = _verdict(answer, gate * f + (1 - gate) * x, mistakes)
    return _in_a_network(layer, arguments) if verdict is True else verdict


def weights_of_dense(answer: int) -> bool | str:
    """Judge the number of weights of 100 dense layers with growth rate 1 after 10 units."""
    said = {
        5_950: "each layer has a bias, too.",
        1_100: "all layers but the first see more than ten numbers.",
        1_000: "all layers but the first see more than ten numbers, and each has a bias.",
        5_050: "each of them sees the ten numbers of x_0, too.",
        6_150: "the first of them costs 10 + 1 = 11.",
        6_050 + 141: "without the first and the last layer of the network.",
        6_050 + 30: "without the first layer of the network.",
        6_050 + 111: "without the last layer of the network.",
        605_000: "each layer makes one new number, not a hundred.",
        11_000: "that is the plain network.",
    }
    return answer == 6_050 or said.get(answer, False)


def block(function: Callable[..., Any]) -> bool | str | None:
    """Judge ResNet's block, a function of maps, filters and whether there is a shortcut."""
    import keras

    inputs = keras.Input((5, 6, 4))
    outputs = []
    for shortcut in (False, True):  # what shrinks cannot be added, so that comes second
        output = function(inputs, 4, shortcut)
        if output is not None and (wrong := _no_maps(output, inputs)):
            return wrong
        outputs.insert(0, output)
    if outputs[0] is None and outputs[1] is None:
        return None
    for output, shortcut in zip(outputs, (True, False), strict=True):
        if output is None:
            return f"with shortcut={shortcut} it returns nothing."
    nets = [keras.Model(inputs, output) for output in outputs]
    for net, words in zip(nets, ("", "without the shortcut, "), strict=True):
        kinds = [type(layer).__name__ for layer in net.layers]
        for kind in ("Conv2D", "BatchNormalization"):
            if kinds.count(kind) != 2:
                return f"{words}there are {kinds.count(kind)} layers {kind}; the formula has 2."
        if any(layer.kernel_size != (3, 3) for layer in net.layers if _has_kernel(layer)):
            return "both convolutions are 3 × 3."
        if any(layer.activation.__name__ != "linear" for layer in net.layers if _has_kernel(layer)):
            return "a convolution has an activation of its own; BN comes before the ReLU."
    return _as_the_formula(nets)


def _no_maps(output, inputs):
    import keras

    if not isinstance(output, keras.KerasTensor):
        return f"it returns {short(output)}; maps were expected."
    if output.shape != inputs.shape:
        return f"from maps {inputs.shape[1:]} it makes {output.shape[1:]}; they keep their size."
    return ""


def _as_the_formula(nets):
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 5, 6, 4)).astype("float32")
    draws = [random.uniform(-0.7, 0.7, weight.shape) for weight in nets[0].get_weights()]
    for net in nets:  # gamma and the variances must be positive
        names = [weight.path for weight in net.weights]
        pairs = zip(names, draws, strict=True)
        net.set_weights([d if "kernel" in n or "mean" in n else np.abs(d) + 0.2 for n, d in pairs])
    answers = [np.asarray(net(x, training=False)) for net in nets]
    convolutions = [layer for layer in nets[0].layers if _has_kernel(layer)]
    norms = [layer for layer in nets[0].layers if hasattr(layer, "gamma")]
    inside = np.asarray(norms[0](convolutions[0](x), training=False))
    hidden = np.maximum(inside, 0)
    branch, naked = (
        np.asarray(norms[1](convolutions[1](h), training=False)) for h in (hidden, inside)
    )
    mistakes = [
        ("the addition is missing.", np.maximum(branch, 0)),
        ("the last ReLU is missing.", x + branch),
        ("the last ReLU comes after the addition.", x + np.maximum(branch, 0)),
        (
            "a ReLU too many: nothing stands between the second BN and the addition.",
            np.maximum(x + np.maximum(branch, 0), 0),
        ),
        ("the ReLU in the middle is missing.", np.maximum(x + naked, 0)),
        ("both ReLUs are missing.", x + naked),
        (
            "the shortcut goes round both convolutions.",
            np.maximum(np.maximum(inside, 0) + branch, 0),
        ),
    ]
    with_shortcut = _verdict(answers[0], np.maximum(x + branch, 0), mistakes)
    if with_shortcut is not True:
        return with_shortcut
    if np.allclose(answers[0], answers[1], atol=1e-4):
        return "with shortcut=False it still adds."
    return np.allclose(answers[1], np.maximum(branch, 0), atol=1e-3) or (
        "with the shortcut it is right; without, more than the addition has changed."
    )


def _has_kernel(layer):
    return hasattr(layer, "kernel")


def _in_a_network(layer, arguments):
    """Say whether a layer whose values are right can be trained, too: np.tanh cannot."""
    import keras

    from utils.models.stack import Stack

    try:
        Stack(2, layer, [0.0] * (len(arguments) // 2))(keras.Input((10,)))
    except Exception:  # NumPy may stumble in any way over what has no values yet
        return "the values are right, but NumPy has no gradient: take ops.tanh and its like."
    return True


def _arguments(arrays):
    random = np.random.default_rng(0)
    shapes = (4, 10), (10, 10), (10,), (10, 10), (10,)
    return [random.normal(0, 0.4, shape).astype("float32") for shape in shapes[: arrays + 1]]


def _answer_of(layer, arguments):
    from keras import ops

    answer = layer(*(ops.convert_to_tensor(array) for array in arguments))
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    shape = arguments[0].shape
    return answer if answer.shape == shape else f"the shape is {answer.shape}, expected {shape}."


def _mixed(f, x, z):
    gate = 1 / (1 + np.exp(-z))
    return gate * f + (1 - gate) * x


def _verdict(answer, expected, mistakes: Sequence[tuple[str, Any]]):
    if np.allclose(answer, expected, atol=1e-3):
        return True
    return named_mistake(answer, mistakes, atol=1e-3) or f"it returns {short(answer)}."


JUDGES = {
    "1": Judge(residual, "Follow the orange line of the second drawing.", is_function=True),
    "2": Judge(highway, "First T, then the two products, as in the formula.", is_function=True),
    "3": Judge(
        weights_of_dense, "Layer l sees 10 numbers and the l − 1 new ones before it.", numbers=1
    ),
    "4": Judge(
        block, "Seven layers in the order of the formula, from the inside out.", is_function=True
    ),
}
