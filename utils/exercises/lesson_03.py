"""Judge the exercises of lesson 03, activation maps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils import gradients
from utils.exercises import Judge, short


def model_that_ends_at(function: Callable[[str], Any], net: Any) -> bool | str | None:
    """Judge a function from the name of a layer to a model that ends there.

    Args:
        function: The student's function.
        net: The lesson's network.
    """
    import keras

    for layer in ("conv1", "fire5"):
        model = function(layer)
        if model is None:
            return None
        if isinstance(model, keras.Layer) and not isinstance(model, keras.Model):
            return "that is the layer; a model from the picture to its output was asked for."
        if not isinstance(model, keras.Model):
            return f"it returns {short(model)}, no model."
        if model.input is not net.input:
            return "its input is not the picture."
        if model.output is not net.get_layer(layer).output:
            return f"for {layer!r} it does not end there. Does it use its argument?"
    return True


# What the channels of fire8 answer to, and how one is told that a letter does not fit.
CHANNELS = {213: "C", 290: "F", 362: "B", 475: "E"}
PLACES = {
    213: "it is brightest at the upper rims of the cup and the saucer",
    290: "look at the lower half of the man's photo",
    362: "it is bright in one photo only, the last",
    475: "it is brightest on the temple, in steps",
}


def letters(answer: Any) -> bool | str:
    """Judge the letters of four channels, in order."""
    answer = tuple(answer)
    if len(answer) != len(CHANNELS):
        return f"four letters are needed; you have {short(answer)}."
    if not all(isinstance(letter, str) for letter in answer):
        return 'letters are needed, in quotation marks, such as "A".'
    given = [letter.strip().upper() for letter in answer]
    for (channel, right), letter in zip(CHANNELS.items(), given, strict=True):
        if letter != right:
            return f"channel {channel} is not {letter}: {PLACES[channel]}."
    return True


def channels_like_this(answer: Any, peaks: np.ndarray) -> bool | str:
    """Judge the number of channels that are 0 for every picture.

    Args:
        answer: The student's count.
        peaks: The largest value of each map, (pictures, channels).
    """
    if int(answer) == int(np.sum(peaks.max(axis=0) == 0)):
        return True
    if int(answer) == int(np.sum(peaks == 0)):
        return "that counts pictures and channels together."
    if int(answer) == int(np.sum(peaks.min(axis=0) == 0)):
        return "that counts channels that are 0 for some picture; dead ones are 0 for all."
    return f"you have {short(answer)}."


def hide(function: Callable[..., Any], grey: np.ndarray) -> bool | str | None:
    """Judge a function that returns a copy of a picture with a grey square.

    Args:
        function: The student's function of a picture, top, left and the side of the square.
        grey: The colour, (3,).
    """
    picture = np.random.default_rng(0).uniform(0, 255, (12, 16, 3)).astype("float32")
    given, top, left, patch = picture.copy(), 2, 7, 4
    answer = function(given, top, left, patch)
    if not np.array_equal(given, picture):
        return "the picture itself was changed; paint on a copy."
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != picture.shape:
        return f"the shape is {answer.shape}, expected {picture.shape}."
    changed = np.any(answer != picture, axis=-1)
    expected = np.zeros_like(changed)
    expected[top : top + patch, left : left + patch] = True
    swapped = np.zeros_like(changed)
    swapped[left : left + patch, top : top + patch] = True
    if np.array_equal(changed, swapped):
        return "top and left are swapped: rows come first."
    if not np.array_equal(changed, expected):
        return f"{changed.sum()} pixels were changed, expected {patch} × {patch} from row {top} on."
    if not np.allclose(answer[changed], grey, atol=1e-3):
        return "the place is right; the colour is not grey."
    return True


def grad_cam_of(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from maps and their gradient to the heat map of Grad-CAM."""
    random = np.random.default_rng(0)
    maps, gradient = random.uniform(0, 1, (4, 5, 6)), random.normal(size=(4, 5, 6))
    gradient += [1, 1, 1, -1, -1, -1]  # some channels speak for the class, some against it
    answer = function(maps, gradient)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != maps.shape[:2]:
        return f"the shape is {answer.shape}, expected (rows, columns), here {maps.shape[:2]}."
    summed = np.sum(maps * gradient.mean(axis=(0, 1)), axis=-1)
    if np.allclose(answer, np.maximum(summed, 0)):
        return True
    if np.allclose(answer, summed):
        return "the sum is right; what is negative still has to become 0."
    if np.allclose(answer, np.maximum(20 * summed, 0)):
        return "alpha is the mean over the places; this is the sum."
    if np.allclose(answer, np.maximum(np.sum(maps * gradient, axis=-1), 0)):
        return "every place has its own gradient there; alpha is one number for each map."
    return f"it returns {short(answer)}."


def gradient_times_input(
    function: Callable[..., np.ndarray | None], score: Callable, pictures: np.ndarray
) -> bool | str | None:
    """Judge a function that weighs each pixel's gradient by the pixel, with its sign.

    Args:
        function: The student's function of pictures and score; it returns (n, height, width).
        score: The lesson's function from pictures to one number for each.
        pictures: Pictures, (n, height, width, 3).
    """
    answer = function(pictures, score)
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != pictures.shape[:3]:
        return f"the shape is {answer.shape}, expected {pictures.shape[:3]}."
    slopes = gradients.input_gradient(score, pictures)
    contributions = np.sum(slopes * (pictures - 127.5), axis=-1)
    if np.allclose(answer, contributions, atol=1e-4):
        return True
    if np.allclose(answer, np.abs(contributions), atol=1e-4):
        return "the sign is lost."
    if np.allclose(answer, np.sum(slopes * pictures, axis=-1), atol=1e-4):
        return "a grey pixel, 127.5, should contribute nothing."
    return f"it returns {short(answer)}."


JUDGES = {
    "1": Judge(model_that_ends_at, "keras.Model(…, …), with net.input and a layer's .output."),
    "2": Judge(letters, "In which photo, and where in it, is the map bright?"),
    "3": Judge(
        channels_like_this,
        "A channel's largest peak over all pictures is middle_peaks.max(axis=0).",
        numbers=1,
    ),
    "4": Judge(hide, "picture.copy(), then assign grey to [top : top + patch, …]."),
    "5": Judge(
        grad_cam_of, "alpha has one number for each channel; NumPy multiplies the last axis."
    ),
    "6": Judge(
        gradient_times_input,
        "gradients.input_gradient(score, pictures) is the gradient; no absolute value here.",
    ),
}
