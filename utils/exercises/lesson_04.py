"""Judge the exercises of lesson 04, transfer learning."""

from collections.abc import Callable, Sequence

import numpy as np

from utils import data, openimages, plotting
from utils.exercises import Judge


def head_weights(answer: int, channels: int) -> bool | str:
    """Judge the weights of a dense layer from `channels` maps to five classes."""
    if answer == 5 * channels:
        return "the biases are missing."
    if answer == channels + 1:
        return "that is a head for two classes, with one output."
    return answer == 5 * channels + 5


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


def unit_scaled(answer: np.ndarray, pixels: np.ndarray) -> bool | str:
    """Judge pixels from 0 to 1 that were made of `pixels`, (n, side, side, 3), 0 to 255."""
    answer = np.asarray(answer)
    if answer.shape != pixels.shape or not 0 <= np.min(answer) < np.max(answer) <= 1:
        return f"the shape is {answer.shape}, the values go from {answer.min()} to {answer.max()}."
    return bool(np.allclose(answer, pixels / 255, atol=1e-3))


def augmentation(answer: dict[int, Sequence[tuple[float, float]]]) -> bool | str:
    """Judge lists of (last training loss, validation accuracy), by the number of versions."""
    if not {1, 4} <= set(answer):
        return f"the keys are {sorted(answer)}, expected 1 and 4."
    plain, varied = (np.mean(answer[versions], axis=0)[0] for versions in (1, 4))
    return bool(plain < varied) or "compare the training losses."


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
    "1": Judge(
        head_weights, "One weight from each channel to each class, one bias per class.", numbers=1
    ),
    "2": Judge(photos_needed, "Four times as many photos halve the interval.", numbers=1),
    "3": Judge(unit_scaled, "Divide by 255, as floats; the shape stays."),
    "4": Judge(
        augmentation,
        "history.history['loss'][-1] is the last training loss, score_small_net(few_net) the "
        "accuracy.",
    ),
    "5": Judge(own_classes, "Two names, spelled as Open Images spells them."),
}
