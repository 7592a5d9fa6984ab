"""Judge the exercises of lesson 03, activation maps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils import gradients
from utils.exercises import Judge, short


def gradient_times_input(
    function: Callable[..., np.ndarray | None],
    net: Callable,
    pictures: np.ndarray,
    classes: np.ndarray,
    logit_of: Callable,
) -> bool | str | None:
    """Judge a function that weighs each pixel's gradient by the pixel, with its sign.

    Args:
        function: The student's function of a net, pictures and classes; it returns (n, 32, 32).
        net: The lesson's network.
        pictures: Pictures, (n, 32, 32, 3).
        classes: Their classes, (n,).
        logit_of: The lesson's function from net and classes to the objective.
    """
    answer = function(net, pictures, classes)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != pictures.shape[:3]:
        return f"the shape is {answer.shape}, expected {pictures.shape[:3]}."
    slopes = gradients.input_gradient(logit_of(net, classes), pictures)
    contributions = np.sum(slopes * (pictures - 127.5), axis=-1)
    if np.allclose(answer, contributions, atol=1e-4):
        return True
    if np.allclose(answer, np.abs(contributions), atol=1e-4):
        return "the sign is lost."
    if np.allclose(answer, np.sum(slopes * pictures, axis=-1), atol=1e-4):
        return "a grey pixel, 127.5, should contribute nothing."
    return f"it returns {short(answer)}."


def dog_and_ship(objective: Callable[[Any], Any], net: Callable, pictures: np.ndarray) -> Any:
    """Judge an objective that is the mean of the logits of dog and ship, one number a picture.

    Args:
        objective: The student's function of pictures, (n, 32, 32, 3); it returns (n,).
        net: The lesson's network; it returns logits, (n, 10).
        pictures: Pictures, (n, 32, 32, 3).
    """
    from keras import ops

    answer = objective(ops.convert_to_tensor(pictures))
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    expected = (len(pictures),)
    if answer.shape != expected:
        return f"it returns the shape {answer.shape}, expected {expected}: one number per picture."
    gradients.input_gradient(objective, pictures)  # complains if there is no gradient
    logits = ops.convert_to_numpy(net(pictures))[:, [5, 8]]
    if np.allclose(answer, logits.mean(axis=1), atol=1e-3):
        return True
    if np.allclose(answer, logits.sum(axis=1), atol=1e-3):
        return "the mean was asked for; this is the sum."
    return f"it returns {short(answer)}."


JUDGES = {
    "1": Judge(
        72, "The convolutions keep the size (padding='same'), each pooling halves it. Count them."
    ),
    "2": Judge(
        gradient_times_input,
        "saliency() above shows how to get the gradient; no absolute value here.",
    ),
    "3": Judge(
        dog_and_ship,
        "cifar_net(x, training=False) gives the logits, (n, 10); logits[:, 5] is the dog's.",
    ),
}
