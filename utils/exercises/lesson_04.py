"""Judge the exercises of lesson 04, transfer learning."""

from collections.abc import Callable

import numpy as np
from keras import ops

from utils import data, openimages, plotting
from utils.exercises import Judge, named_mistake, short
from utils.models import squeezenet


def difference_hash(answer: Callable[[np.ndarray], np.ndarray]) -> bool | str | None:
    """Judge a function from (8, 9) grey pixels to (8, 8) bits: right neighbour brighter."""
    grey = np.random.default_rng(4).uniform(0, 255, (8, 9))
    bits = answer(grey.copy())
    if bits is None or bits is ...:
        return None
    bits = _array(bits)
    if bits.shape == (7, 9):
        return "that compares each pixel with the one below it, not with the one to its right."
    if bits.shape != (8, 8):
        return f"the shape is {bits.shape}, expected (8, 8)."
    brighter = grey[:, 1:] > grey[:, :-1]
    mistakes = {
        "those are the pixels whose right neighbour is darker.": ~brighter,
        "the bits are right, but mirrored.": brighter[:, ::-1],
        "the pixels are compared with the mean of all, not with their neighbours.": (
            grey[:, :-1] > grey.mean()
        ),
        "the pixels are compared with the mean of all, not with their own neighbours.": (
            grey[:, 1:] > grey.mean()
        ),
    }
    for sentence, wrong in mistakes.items():
        if np.array_equal(bits, wrong):
            return sentence
    if not np.isin(bits, (0, 1)).all():
        return "these are differences, or other numbers; a bit is True or False."
    return bool(np.array_equal(bits, brighter)) or f"your first row of bits is {short(bits[0])}."


def prepared(answer: Callable[[np.ndarray], np.ndarray]) -> bool | str | None:
    """Judge a function from RGB pixels to SqueezeNet's inputs."""
    rgb = np.random.default_rng(4).integers(0, 256, (2, 4, 5, 3), "uint8")
    given = rgb.copy()
    result = answer(given)
    if result is None or result is ...:
        return None
    result = _array(result)
    if result.shape != rgb.shape:
        return f"the shape is {result.shape}, expected {rgb.shape}."
    if not np.array_equal(given, rgb):
        return "the pixels that were given have changed. Work on a copy."
    mean = np.array(squeezenet.MEAN)
    pixels = rgb.astype(np.float64)
    mistakes = {
        "the order is still red, green, blue.": pixels - mean[::-1],
        "the channels were not reversed, and each mean went to another channel.": pixels - mean,
        "the means belong to blue, green, red, in this order.": pixels[..., ::-1] - mean[::-1],
        "that reverses the order, and subtracts nothing.": pixels[..., ::-1],
        "those are bytes, which cannot be below zero: make floats of them first.": (
            (rgb[..., ::-1] - mean).astype("uint8")
        ),
        "the columns were reversed, not the channels.": pixels[..., ::-1, :] - mean,
        "the photos were reversed, not the channels.": pixels[::-1] - mean,
        "the means were added.": pixels[..., ::-1] + mean,
        "those are the means of these photos; the ones of ImageNet are in the text.": (
            pixels[..., ::-1] - pixels[..., ::-1].mean(axis=(0, 1, 2))
        ),
        "nothing has changed.": pixels,
        "the values are not to be scaled.": (pixels[..., ::-1] - mean) / 255,
        "the values are not to be scaled, and the means are for 0 … 255.": (
            pixels[..., ::-1] / 255 - mean
        ),
    }
    if sentence := named_mistake(result, mistakes.items(), atol=0.01):
        return sentence
    if np.abs(result).max() < 2:
        return "the values are not to be scaled."
    right = np.allclose(result, squeezenet.preprocess(rgb), atol=0.01)
    first = f"your first pixel, {rgb[0, 0, 0].tolist()}, becomes {result[0, 0, 0].tolist()}."
    return bool(right) or first


def weights_that_learn(answer: int) -> bool | str:
    """Judge the number of weights of a head with one output on 512 features."""
    if answer == 512:
        return "the bias is missing."
    if answer == 2 * 513:
        return "that is a head with two outputs."
    return answer == 513


def may_learn(answer: Callable[[str], bool]) -> bool | str | None:
    """Judge which layers of SqueezeNet learn when it is cut after fire8 and its pooling."""
    names = ["conv1"]
    for number in squeezenet.FIRE:
        names += [f"fire{number}_{part}" for part in ("squeeze1x1", "expand1x1", "expand3x3")]
    answers = {name: answer(name) for name in names}
    silent = [name for name, value in answers.items() if value is None or value is ...]
    if len(silent) == len(names):
        return None
    if silent:
        return f"for {silent[0]} your function returns nothing; True or False was expected."
    learning = {name for name, value in answers.items() if value}
    above = {name for name in names if name.startswith("fire9")}
    if learning == set(names):
        return "that lets all layers learn; the maps that we have kept would no longer be theirs."
    if not learning:
        return "no layer learns, and stage 2 would be stage 1 again."
    if learning == set(names) - above:
        return "that is the wrong way round."
    if learning > above:
        below = ", ".join(sorted(learning - above))
        return f"these lie below the cut: {below}."
    if learning and learning < above:
        return f"there are more layers above the cut than {', '.join(sorted(learning))}."
    if learning == above:
        return True
    return f"you let these learn: {short(sorted(learning))}."


def photos_needed(answer: int, wilson: Callable[[int, int], tuple[float, float]]) -> bool | str:
    """Judge how many photos make an interval of one percentage point, near 95 %.

    Args:
        answer: The number of photos.
        wilson: The lesson's function of right answers and photos; it returns the interval.
    """
    if answer < 1:
        return False
    low, high = wilson(round(0.95 * answer), answer)
    half = 100 * (high - low) / 2
    return bool(0.95 <= half <= 1.02) or f"with {answer:,} photos it is ±{half:.2f} points."


def turned(answer: np.ndarray, pixels: np.ndarray) -> bool | str:
    """Judge BGR pixels, as floats, that were made of the RGB `pixels`, (n, side, side, 3)."""
    answer = _array(answer)
    if answer.shape != pixels.shape:
        return f"the shape is {answer.shape}, expected {pixels.shape}."
    if np.allclose(answer, pixels):
        return "the order is still red, green, blue."
    if np.allclose(answer, squeezenet.preprocess(pixels), atol=0.01):
        return "that is the whole recipe: here the means stay in."
    if not np.issubdtype(answer.dtype, np.floating):
        return f"these are numbers of type {answer.dtype}; floats were expected."
    first = f"the first pixel, {pixels[0, 0, 0].tolist()}, becomes {answer[0, 0, 0].tolist()}."
    return bool(np.allclose(answer, pixels[..., ::-1])) or first


def own_classes(answer: tuple[str, ...], per_class: int) -> bool | str:
    """Judge names of classes by downloading some photos of each, and show them."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return f"two names were expected; you have {short(answer)}."
    try:
        photos = openimages.download(answer, per_class, sample=False, progress=False)
    except (data.DataError, ValueError) as problem:
        return str(problem)
    x, y = photos.load("train", size=(96, 96))
    plotting.image_grid(x[:10], [photos.classes[label] for label in y[:10]], columns=10)
    return True


def _array(answer):
    """Return an answer as an array, whatever it is: a list, or a tensor of Keras's backend."""
    return ops.convert_to_numpy(answer) if ops.is_tensor(answer) else np.asarray(answer)


JUDGES = {
    "1": Judge(
        difference_hash,
        "Compare all columns but the first with all but the last.",
        is_function=True,
    ),
    "2": Judge(
        prepared, "Reverse the last axis, make floats, subtract the three means.", is_function=True
    ),
    "3": Judge(weights_that_learn, "One weight for each feature, and one bias.", numbers=1),
    "4": Judge(may_learn, "The cut is after pool8, so what is left above it?", is_function=True),
    "5": Judge(photos_needed, "Four times as many photos halve the interval.", numbers=1),
    "6": Judge(turned, "Reverse the last axis, and make floats; subtract nothing."),
    "7": Judge(own_classes, "Two names, spelled as Open Images spells them."),
}
