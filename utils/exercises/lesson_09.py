"""Judge the exercises of lesson 09, WaveNet."""

import numpy as np

from utils.exercises import Judge


def field_of_width_3(answer: int) -> bool | str:
    """Judge how many samples a stack of width 3 and dilations 1, 3, 9, 27 sees."""
    wrong = {
        80: "something that is seen is not counted.",
        41: "that is a stack of width 2.",
        121: "a filter of width 3 does not reach back by three times its dilation.",
        55: "that is the last layer alone.",
    }
    return answer == 81 or wrong.get(answer, False)


def lost_in_16_classes(answer: float, loud: np.ndarray) -> bool | str:
    """Judge how many dB less the ratio is with 16 classes of μ-law than with 256.

    Args:
        answer: The difference in dB.
        loud: The lesson's loud speech, (samples,).
    """

    def near(decibels):
        return abs(answer - decibels) < 0.1

    fine, coarse, mixed = (_ratio(loud, *classes) for classes in ((256, 256), (16, 16), (16, 256)))
    if near(fine - coarse):
        return True
    if near(coarse - fine):
        return "the loss was asked for, as a positive number."
    if near(coarse):
        return "that is what is left; how much less is it than with 8 bits?"
    if near(fine - mixed):
        return "the 16 classes were decoded as if they were the first of 256."
    return False


def _ratio(signal, encoded, decoded):
    """Return the signal-to-noise ratio in dB of μ-law with so many classes there and back."""
    there, back = encoded - 1, decoded - 1
    y = np.sign(signal) * np.log1p(there * np.abs(signal)) / np.log1p(there)
    y = 2 * np.clip(np.floor((y + 1) / 2 * there + 0.5), 0, there) / back - 1
    rounded = np.sign(y) * ((1 + back) ** np.abs(y) - 1) / back
    return 10 * np.log10(np.sum(signal**2) / np.sum((signal - rounded) ** 2))


def queue_of_a_layer(layer_of: type) -> bool | str | None:
    """Judge a class, made from a kernel of two weights and a dilation, by its method `step`."""
    x, kernel = np.array([1.0, 3.0, 2.0, 0.0, 4.0, 3.0, 1.0, 0.0]), np.array([1.0, 2.0])
    for dilation in (1, 2, 4):
        layer = layer_of(kernel, dilation)
        try:
            answer = [layer.step(sample) for sample in x]
        except IndexError:
            return f"with dilation {dilation} the queue runs empty."
        if any(y is None for y in answer):
            return None
        answer = np.array(answer, dtype=float)
        past, one_back = (np.append(np.zeros(d), x)[: len(x)] for d in (dilation, 1))
        expected = kernel[0] * past + kernel[1] * x
        if np.allclose(answer, expected):
            continue
        if np.allclose(answer, kernel[1] * past + kernel[0] * x):
            return "the two weights are swapped."
        if np.allclose(answer, kernel[1] * x):
            return "nothing of the past comes in."
        if np.allclose(answer, kernel[0] * one_back + kernel[1] * x):
            return f"with dilation {dilation} it still looks back by one step."
        return f"with dilation {dilation} it gives {answer.tolist()}, not {expected.tolist()}."
    return True


JUDGES = {
    "1": Judge(
        field_of_width_3,
        "Each layer adds (width - 1) times its dilation; and there is the sample itself.",
    ),
    "2": Judge(
        lost_in_16_classes,
        "snr(loud, mu_law_decode(mu_law_encode(loud, 16), 16)) is the other ratio.",
    ),
    "3": Judge(
        queue_of_a_layer,
        "past = self.queue.pop(0) takes the oldest out, self.queue.append(x) puts the newest in.",
    ),
}
