"""Judge the exercises of lesson 03, activation maps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short


def model_that_ends_at(function: Callable[[str], Any], net: Any) -> bool | str | None:
    """Judge a function from the name of a layer to a model that ends there.

    Args:
        function: The student's function.
        net: The lesson's network.
    """
    import keras

    for layer in ("conv1", "fire5"):
        try:
            model = function(layer)
        except ValueError as error:
            if "must be KerasTensors" in str(error):
                return "a model is made of tensors: net.input, and the .output of the layer."
            if "not connected" in str(error):
                return "no path leads from its input to its output. Are they swapped?"
            raise
        if model is None:
            return None
        if isinstance(model, keras.Layer) and not isinstance(model, keras.Model):
            return "that is the layer; a model from the picture to its output was asked for."
        if not isinstance(model, keras.Model):
            return f"it returns {short(model)}, no model."
        start, end = net.inputs[0], net.get_layer(layer).output
        if model.inputs[0] is not start:
            return "its input is not the picture."
        if len(model.outputs) != 1 or model.outputs[0] is not end:
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
    """Judge the number of channels that are 0, or all but 0, for every picture.

    Args:
        answer: The student's count.
        peaks: The largest value of each map, (pictures, channels).
    """
    largest = peaks.max(axis=0)
    zero, constant = int(np.sum(largest == 0)), int(np.sum(largest < 1e-6))
    if answer == constant != zero:
        print(f"You have {constant}, which also counts the channel that is never above 1e-13.")
    if answer in (zero, constant):
        return True
    if answer == zero - 1:
        return "channel 35 has the problem itself; count it, too."
    if answer in (len(largest) - zero, len(largest) - constant):
        return "those are the channels that do answer."
    if answer == int(np.sum(peaks == 0)):
        return "that counts pictures and channels together."
    if answer == int(np.sum(peaks.min(axis=0) == 0)):
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
    if answer.shape == (*maps.shape[:2], 1):
        return f"the shape is {answer.shape}; drop the last axis."
    if answer.shape != maps.shape[:2]:
        return f"the shape is {answer.shape}, expected (rows, columns), here {maps.shape[:2]}."
    alpha = gradient.mean(axis=(0, 1))
    summed = np.sum(maps * alpha, axis=-1)
    above = lambda values: np.maximum(values, 0)  # noqa: E731
    # Heat maps that are not Grad-CAM, and what is said of them.
    wrong = {
        "the sum is right; what is negative still has to become 0.": summed,
        "what is negative has to become 0, not positive.": np.abs(summed),
        "alpha is the mean over the places; this is the sum.": above(20 * summed),
        "every place has its own gradient there; alpha is one number for each map.": above(
            np.sum(maps * gradient, axis=-1)
        ),
        "alpha was averaged over the channels; its mean goes over the places.": above(
            np.sum(maps * gradient.mean(axis=-1, keepdims=True), axis=-1)
        ),
        "maps and gradient are swapped.": above(np.sum(gradient * maps.mean(axis=(0, 1)), axis=-1)),
        "the ReLU comes after the sum, not before.": np.sum(maps * above(alpha), axis=-1),
        "the maps are added up; this is their mean.": above(summed / 6),
    }
    if np.allclose(answer, above(summed), rtol=1e-4, atol=1e-6):
        return True
    known = named_mistake(answer, wrong.items(), rtol=1e-4, atol=1e-6)
    return known or f"it returns {short(answer)}."


def signed_map(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function that weighs the change of each pixel by its gradient, with its sign.

    Args:
        function: The student's function of pictures, their gradient, both (n, height, width, 3),
            and a colour, (3,); it returns (n, height, width).
    """
    random = np.random.default_rng(0)
    pictures, colour = random.uniform(0, 255, (2, 4, 5, 3)), np.array([120.0, 90.0, 60.0])
    gradient = random.normal(size=pictures.shape)
    answer = function(pictures.copy(), gradient.copy(), colour.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape == pictures.shape:
        return "the three colours still have to be added up (axis=-1)."
    if answer.shape != pictures.shape[:3]:
        return f"the shape is {answer.shape}, expected {pictures.shape[:3]}."
    terms = gradient * (pictures - colour)
    right = np.sum(terms, axis=-1)
    wrong = [
        ("the sign is lost.", np.abs(right)),
        ("the sign is the wrong way round: what speaks for the class is positive.", -right),
        ("the sign is lost.", np.sum(np.abs(terms), axis=-1)),
        (
            "a pixel of the patch's colour does not change; it should contribute nothing.",
            np.sum(gradient * pictures, axis=-1),
        ),
        ("the three colours are added up; this is their mean.", right / 3),
    ]
    if np.allclose(answer, right, rtol=1e-4, atol=1e-3):
        return True
    known = named_mistake(answer, wrong, rtol=1e-4, atol=1e-3)
    return known or f"it returns {short(answer)}."


def score_of_untrained(
    function: Callable[..., Any], net: Any, pictures: np.ndarray, classes: np.ndarray
) -> bool | str | None:
    """Judge a function from pictures to the score of each picture's class in another network.

    Args:
        function: The student's function of pictures.
        net: The network whose scores are wanted.
        pictures: Pictures, (n, height, width, 3).
        classes: A class for each, (n,).
    """
    from keras import ops

    answer = function(pictures)
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    scores = ops.convert_to_numpy(net(pictures, training=False))
    own = scores[np.arange(len(scores)), classes]
    probabilities = ops.convert_to_numpy(ops.softmax(scores))
    if answer.shape not in (own.shape, ()):
        return f"the shape is {answer.shape}, expected {own.shape}: one number per picture."
    values = {
        "": own,
        "that adds up all classes; take the score of each picture's own class.": scores.sum(axis=1),
        "the score comes before the softmax.": probabilities[np.arange(len(scores)), classes],
    }
    if not answer.shape:  # as good: a picture's gradient is that of its own score
        values = {words: value.sum() for words, value in values.items()}
    if np.allclose(answer, values.pop(""), rtol=1e-3, atol=1e-4):
        return True
    known = named_mistake(answer, values.items(), rtol=1e-3, atol=1e-4)
    return known or "these are not the scores of the network with random weights."


JUDGES = {
    "1": Judge(
        model_that_ends_at,
        "keras.Model(…, …), with net.input and a layer's .output.",
        is_function=True,
    ),
    "2": Judge(letters, "In which photo, and where in it, is the map bright?"),
    "3": Judge(
        channels_like_this,
        "A channel's largest peak over all pictures is middle_peaks.max(axis=0).",
        numbers=1,
    ),
    "4": Judge(
        hide, "picture.copy(), then assign grey to [top : top + patch, …].", is_function=True
    ),
    "5": Judge(
        grad_cam_of,
        "alpha has one number for each channel; NumPy multiplies the last axis.",
        is_function=True,
    ),
    "6": Judge(
        signed_map,
        "The gradient times the difference of picture and colour, added up.",
        is_function=True,
    ),
    "7": Judge(score_of_untrained, "Only the network in `score` changes.", is_function=True),
}
