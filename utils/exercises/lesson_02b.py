"""Judge the exercises of lesson 02b, what networks cost."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, short


def cost_of_layer(answer: tuple[int, int]) -> bool | str:
    """Judge (parameters, multiplications) of 128 filters of 3 × 3 on 28 × 28 maps."""
    parameters, work = answer
    weights, places = 9 * 128 * 128, 28 * 28
    if parameters == weights:
        return "the biases are missing: one for each filter."
    if parameters in (9 * 128, 9 * 128 + 1, 9 * 128 + 128):
        return "a filter has 3 · 3 · 128 weights, and there are 128 filters."
    if parameters != weights + 128:
        return f"{short(parameters)} is not the number of parameters."
    if work == (weights + 128) * places:
        return "a bias is added; nothing is multiplied."
    if work == weights * 26 * 26:
        return 'with padding "same" the output has 28 × 28 places.'
    return work == weights * places or f"{short(work)} is not the number of multiplications."


def two_layers(answer: tuple[int, int]) -> bool | str:
    """Judge the parameters of a 5 × 5 layer, and of the separable layer that follows it."""
    first, second = answer
    if first in (5 * 5 * 16 + 16, 5 * 5 * 16):
        return "a colour picture has three channels, so a filter has 75 weights."
    if first == 1200:
        return "the biases of the first layer are missing."
    if first == 1216 and second == 3 * 3 * 16 * 32 + 32:
        return "that is an ordinary second layer."
    if first == 1216 and second == 688 + 16:
        return "the depthwise part has no biases of its own."
    if first == 1216 and second == 656:
        return "the 32 biases are missing."
    return (first, second) == (1216, 688)


def fire_module(fire: Callable[..., Any]) -> bool | str | None:
    """Judge a function of (x, squeeze, expand) by the network that it makes."""
    import keras

    x = keras.Input((10, 10, 96))
    y = fire(x, 16, 64)
    if y is None:
        return None
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
    return True


def transformer_block(count: Callable[[int], int | None]) -> bool | str | None:
    """Judge a function of the width d that counts the weights of a block."""
    answer = count(768)
    if answer is None:
        return None
    d = 768
    mistakes = {
        12 * d**2: "the biases and the normalisations are missing.",
        12 * d**2 + 4 * d: "the biases are missing.",
        12 * d**2 + 9 * d: "the normalisations are missing.",
        12 * d**2 + 11 * d: "there are two normalisations.",
        9 * d**2 + 10 * d: "there are four dense layers from d to d.",
    }
    if answer in mistakes:
        return mistakes[answer]
    if answer == 12 * d**2 + 13 * d and count(10) != 1330:
        return "it is right for d = 768 only."
    return answer == 12 * d**2 + 13 * d or f"for d = 768 it returns {short(answer)}."


def for_a_phone(answer: str) -> bool | str:
    """Judge the name of the most accurate network that fits."""
    if not isinstance(answer, str):
        return f"you have {short(answer)}; a name in quotation marks was expected."
    name = answer.strip().casefold()
    if name in ("mobilenetv2", "mobilenet"):
        return "it fits (if barely so), and another that fits is more accurate."
    if name == "squeezenet":
        return "it is small enough, but takes too many multiplications."
    return name == "efficientnetb0" or f"{short(answer)} does not fit, or is not the best."


def small_transformer(answer: int) -> bool | str:
    """Judge the number of parameters of ViT-S/16."""
    mistakes = {
        86_567_656 // 2: "it is not simply half.",
        86_567_656 // 4: "near, but not all weights shrink by the same factor.",
        22_050_664 - 384: "the class token is missing.",
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
    "3": Judge(fire_module, "Squeeze first; both expanding convolutions get what comes out."),
    "4": Judge(transformer_block, "A dense layer from a to b has a · b weights and b biases."),
    "5": Judge(for_a_phone, "Keep the rows that fit, then look for the largest top1_accuracy."),
    "6": Judge(small_transformer, "Put d = 384 into the count above.", numbers=1),
}
