"""Judge the exercises of lesson 02b, what networks cost."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from utils.exercises import Judge, short

TABLE = Path(__file__).resolve().parents[2] / "data" / "imagenet_networks.csv"


def cost_of_layer(answer: tuple[int, int]) -> bool | str:
    """Judge (parameters, multiplications) of 128 filters of 3 × 3 on 28 × 28 maps."""
    parameters, work = answer
    weights, places = 9 * 128 * 128, 28 * 28
    if (parameters, work) == (weights * places, weights + 128):
        return "the two have changed places: parameters first."
    if parameters == weights:
        return "the biases are missing: one for each filter."
    if parameters in (9 * 128, 9 * 128 + 1, 9 * 128 + 128):
        return "a filter has 3 · 3 · 128 weights, and there are 128 filters."
    if parameters != weights + 128:
        return f"{parameters:,} is not the number of parameters."
    if work == (weights + 128) * places:
        return "a bias is added; nothing is multiplied."
    if work == weights * 26 * 26:
        return 'with padding "same" the output has 28 × 28 places.'
    if work == 2 * weights * places:
        return "here a multiplication and its addition count once."
    return work == weights * places or f"{work:,} is not the number of multiplications."


def two_layers(answer: tuple[int, int]) -> bool | str:
    """Judge the parameters of a 5 × 5 layer, and of the separable layer that follows it."""
    first, second = answer
    if first in (5 * 5 * 16 + 16, 5 * 5 * 16):
        return "a colour picture has three channels, so a filter has 75 weights."
    if first == 1200:
        return "the biases of the first layer are missing."
    mistakes = {
        3 * 3 * 16 * 32 + 32: "that is an ordinary second layer.",
        3 * 3 * 16 * 32: "that is an ordinary second layer, without its biases.",
        688 + 16: "the depthwise part has no biases of its own.",
        656: "the 32 biases are missing.",
        16 * 32 + 32: "the depthwise part is missing: one 3 × 3 filter for each channel.",
        3 * 3 * 32
        + 16 * 32
        + 32: "the depthwise part has a filter for each channel that comes in.",
        3 * 3 * 3 + 3 * 32 + 32: "16 channels come into the second layer, not three.",
    }
    if first == 1216 and second in mistakes:
        return mistakes[second]
    return (first, second) == (1216, 688)


def fire_module(fire: Callable[..., Any]) -> bool | str | None:
    """Judge a function of (x, squeeze, expand) by the network that it makes."""
    import keras

    x = keras.Input((10, 10, 96))
    try:
        y = fire(x, 16, 64)
    except ValueError as error:
        if "matching shapes" in str(error):
            return 'the 3 × 3 convolution makes maps of 8 × 8; it needs padding="same".'
        if "positional argument" in str(error):
            return "a layer is made first, then called with what it gets: Conv2D(…)(x)."
        raise
    if y is None or y is ...:
        return None
    if isinstance(y, list | tuple):
        return "the two should be put side by side, with Concatenate."
    if isinstance(y, keras.Layer):
        return "a layer is made first, then called with what it gets: Conv2D(…)(x)."
    if tuple(y.shape) == (None, 10, 10, 64):
        return "it has 64 maps; two layers side by side, with `expand` maps each, have 128."
    if tuple(y.shape) != (None, 10, 10, 128):
        return f"the output has the shape {tuple(y.shape)}, expected (None, 10, 10, 128)."
    network = keras.Model(x, y)
    count, right = network.count_params(), 11_920
    more = (96 - 16) * 64  # weights that 64 filters have for 80 more channels
    unsqueezed = (right + more, right + 9 * more, right + 10 * more - 96 * 16 - 16)
    if count in unsqueezed:
        return "the expanding convolutions should get the squeezed maps, not x."
    if count == 96 * 16 + 16 + 16 * 64 + 64 + 9 * 64 * 64 + 64:
        return "the 3 × 3 convolution should get the squeezed maps, not those of the other one."
    if count != right:
        return f"it has {count:,} parameters, the paper's has {right:,}."
    maps = np.random.default_rng(0).normal(size=(1, 10, 10, 96)).astype("float32")
    if np.min(keras.ops.convert_to_numpy(network(maps))) < 0:
        return "there are negative outputs: a ReLU follows every convolution."
    # The squeeze layer answers −96 everywhere, its ReLU makes 0 of that, and nothing remains.
    ones = [np.full(w.shape, 1 if w.shape[-2:] == (96, 16) else -1) for w in network.get_weights()]
    network.set_weights([one if one.ndim == 4 else 0 * one for one in ones])
    if np.max(keras.ops.convert_to_numpy(network(-np.ones((1, 10, 10, 96), "float32")))) > 0:
        return "a ReLU is missing after the squeeze layer."
    smaller = keras.Model(x, fire(x, 8, 32)).count_params()
    return smaller == 3_400 or "it works for 16 and 64 only: use `squeeze` and `expand`."


def transformer_block(count: Callable[[int], int | None]) -> bool | str | None:
    """Judge a function of the width d that counts the weights of a block."""
    answer = count(768)
    if answer is None or answer is ...:
        return None
    if np.ndim(answer):
        return f"one number was expected; it returns {short(answer)}."
    answer, d = np.asarray(answer).item(), 768
    mistakes = {
        12 * d**2: "the biases and the normalisations are missing.",
        12 * d**2 + 4 * d: "the biases are missing.",
        12 * d**2 + 9 * d: "the normalisations are missing.",
        12 * d**2 + 11 * d: "there are two normalisations.",
        9 * d**2 + 10 * d: "there are four dense layers from d to d.",
        11 * d**2 + 12 * d: "there are four dense layers from d to d.",
        8 * d**2 + 12 * d: "the layer from 4d back to d is missing.",
        8 * d**2 + 9 * d: "the layer from d to 4d is missing.",
        12 * d**2 + 8 * d: "the biases of the last two layers are missing.",
        12 * (12 * d**2 + 13 * d): "that is all twelve blocks; one was asked for.",
    }
    if answer in mistakes:
        return mistakes[answer]
    if answer == 12 * d**2 + 13 * d and count(10) != 1330:
        return "it is right for d = 768 only."
    return answer == 12 * d**2 + 13 * d or f"for d = 768 it returns {short(answer)}."


def for_a_phone(answer: str) -> bool | str:
    """Judge the name of the most accurate network that fits, by the table of the lesson."""
    if not isinstance(answer, str):
        return f"you have {short(answer)}; a name in quotation marks was expected."
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = {_letters(row["network"]): row for row in csv.DictReader(file)}
    row = rows.get(_letters(answer))
    if row is None:
        return f"{short(answer)} is not in the table; networks.index has the names."
    if (parameters := int(row["parameters"])) > 10e6:
        return f"it has {parameters / 1e6:.1f} million parameters."
    if (work := int(row["multiplications"])) > 1e9:
        return f"it takes {work / 1e9:.2f} billion multiplications."
    return row["network"] == "EfficientNetB2" or "it fits, and another that fits is more accurate."


def _letters(name):
    """Return the letters and digits of a name, so that EfficientNet-B2 is found, too."""
    return "".join(character for character in name.casefold() if character.isalnum())


def small_transformer(answer: int) -> bool | str:
    """Judge the number of parameters of ViT-S/16."""
    mistakes = {
        86_567_656 // 2: "it is not simply half.",
        86_567_656 // 4: "near, but not all weights shrink by the same factor.",
        22_050_664 - 384: "384 are missing: class token, bias of the patches, or position 197?",
        22_050_664 - 1000: "the 1,000 biases of the last layer are missing.",
        22.05: "give the number itself, not millions.",
        22_050_664 - 197 * 384: "the positions are missing.",
        22_050_664 - 2 * 384: "the last normalisation is missing.",
    }
    return answer == 22_050_664 or mistakes.get(answer, False)


JUDGES = {
    "1": Judge(cost_of_layer, "All filters: k² · C · F weights, and F biases.", numbers=2),
    "2": Judge(
        two_layers,
        "The depth of a filter is that of its input. Depthwise: one filter per channel, no mixing.",
        numbers=2,
    ),
    "3": Judge(
        fire_module,
        "Squeeze first; both expanding convolutions get what comes out.",
        is_function=True,
    ),
    "4": Judge(
        transformer_block,
        "A dense layer from a to b has a · b weights and b biases.",
        is_function=True,
    ),
    "5": Judge(for_a_phone, "Keep the rows that fit, then look for the largest top1_accuracy."),
    "6": Judge(small_transformer, "Put d = 384 into the count above.", numbers=1),
}
