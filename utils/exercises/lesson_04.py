"""Judge the exercises of lesson 04, transfer learning."""

from collections.abc import Callable

import numpy as np

from utils import data, openimages, plotting
from utils.exercises import Judge
from utils.models import squeezenet


def difference_hash(answer: Callable[[np.ndarray], np.ndarray]) -> bool | str | None:
    """Judge a function from (8, 9) grey pixels to (8, 8) bits: right neighbour brighter."""
    grey = np.random.default_rng(4).uniform(0, 255, (8, 9))
    bits = answer(grey.copy())
    if bits is None or bits is ...:
        return None
    bits = np.asarray(bits)
    if bits.shape == (7, 9):
        return "that compares each pixel with the one below it, not with the one to its right."
    if bits.shape != (8, 8):
        return f"the shape is {bits.shape}, expected (8, 8)."
    brighter = grey[:, 1:] > grey[:, :-1]
    if np.array_equal(bits, ~brighter):
        return "those are the pixels whose right neighbour is darker."
    return bool(np.array_equal(bits, brighter))


def prepared(answer: Callable[[np.ndarray], np.ndarray]) -> bool | str | None:
    """Judge a function from RGB pixels to SqueezeNet's inputs."""
    rgb = np.random.default_rng(4).integers(0, 256, (2, 4, 5, 3), "uint8")
    given = rgb.copy()
    result = answer(given)
    if result is None or result is ...:
        return None
    result = np.asarray(result)
    if result.shape != rgb.shape:
        return f"the shape is {result.shape}, expected {rgb.shape}."
    if not np.array_equal(given, rgb):
        return "the pixels that were given have changed. Work on a copy."
    mean = np.array(squeezenet.MEAN)
    pixels = rgb.astype(np.float64)
    mistakes = {
        "the order is still red, green, blue.": pixels - mean[::-1],
        "the channels were not turned round, and each mean went to another channel.": pixels - mean,
        "the means belong to blue, green, red, in this order.": pixels[..., ::-1] - mean[::-1],
        "that turns the order round, and subtracts nothing.": pixels[..., ::-1],
        "those are bytes, which cannot be below zero: make floats of them first.": (
            (rgb[..., ::-1] - mean).astype("uint8")
        ),
        "the columns were turned round, not the channels.": pixels[..., ::-1, :] - mean,
    }
    for sentence, wrong in mistakes.items():
        if np.allclose(result, wrong, atol=0.01):
            return sentence
    return bool(np.allclose(result, squeezenet.preprocess(rgb), atol=0.01))


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
    if any(value is None or value is ... for value in answers.values()):
        return None
    learning = {name for name, value in answers.items() if value}
    above = {name for name in names if name.startswith("fire9")}
    if learning == set(names):
        return "that lets all layers learn; the maps that we have kept would no longer be theirs."
    if learning > above:
        below = ", ".join(sorted(learning - above))
        return f"these lie below the cut: {below}."
    if learning and learning < above:
        return f"fire9 has three convolutions; yours: {', '.join(sorted(learning))}."
    return learning == above


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
    answer = np.asarray(answer)
    if answer.shape != pixels.shape:
        return f"the shape is {answer.shape}, expected {pixels.shape}."
    if np.allclose(answer, pixels):
        return "the order is still red, green, blue."
    if np.allclose(answer, squeezenet.preprocess(pixels), atol=0.01):
        return "that is the whole recipe: here the means stay in."
    if not np.issubdtype(answer.dtype, np.floating):
        return f"these are numbers of type {answer.dtype}; floats were expected."
    return bool(np.allclose(answer, pixels[..., ::-1]))


def own_classes(answer: tuple[str, ...], per_class: int) -> bool | str:
    """Judge names of classes by downloading some photos of each, and show them."""
    try:
        photos = openimages.download(answer, per_class, sample=False, progress=False)
    except (data.DataError, ValueError) as problem:
        return str(problem)
    x, y = photos.load("train", size=(96, 96))
    plotting.image_grid(x[:10], [photos.classes[label] for label in y[:10]], columns=10)
    return True


JUDGES = {
    "1": Judge(difference_hash, "Compare all columns but the first with all but the last."),
    "2": Judge(prepared, "Turn the last axis round, make floats, subtract the three means."),
    "3": Judge(weights_that_learn, "One weight for each feature, and one bias.", numbers=1),
    "4": Judge(may_learn, "The cut is after pool8, so what is left above it?"),
    "5": Judge(photos_needed, "Four times as many photos halve the interval.", numbers=1),
    "6": Judge(turned, "Turn the last axis round, and make floats; subtract nothing."),
    "7": Judge(own_classes, "Two names, spelled as Open Images spells them."),
}
