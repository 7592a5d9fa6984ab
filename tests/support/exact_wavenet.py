"""WaveNet's formula in float64, to hold the compiled one against."""

import numpy as np

from utils.models.wavenet.weights import WaveNetWeights, as_condition


def exact_logits(
    weights: WaveNetWeights, previous: np.ndarray, condition: np.ndarray | None = None
) -> np.ndarray:
    """Return the logits along a given sequence in float64.

    It computes all steps at once, in NumPy, with neither queues nor Keras.

    Args:
        weights: What `weights_of(model)` returned.
        previous: (count,) classes: the input of the model, the sequence moved by one.
        condition: (frames, features) for a model with a condition.

    Returns:
        (count, classes) float64.
    """
    wide = {
        name: np.asarray(value, np.float64)
        for name, value in vars(weights).items()
        if isinstance(value, np.ndarray)
    }
    x = wide["embedding"][previous]  # (count, channels)
    added = np.zeros((len(x), weights.layers, 1))
    if weights.features:
        units = as_condition(weights, condition) @ wide["condition_hidden"]
        units = np.tanh(units + wide["condition_hidden_bias"])
        biases = np.einsum("fu,luc->flc", units, wide["condition"], optimize=True)
        added = np.repeat(biases, weights.hop, axis=0)[: len(x)]
    skips = np.zeros((len(x), weights.skip_channels))
    for layer, dilation in enumerate(weights.dilations):
        past = np.concatenate([np.zeros((dilation, x.shape[1])), x])[: len(x)]
        both = np.concatenate([past, x], axis=1) @ wide["inner"][layer]
        f, g = np.split(both + wide["inner_bias"][layer] + added[:, layer], 2, axis=1)
        z = np.tanh(f) * (0.5 + 0.5 * np.tanh(0.5 * g))
        out = z @ wide["outer"][layer] + wide["outer_bias"][layer]
        x, skips = x + out[:, : x.shape[1]], skips + out[:, x.shape[1] :]
    y = np.maximum(np.maximum(skips, 0) @ wide["hidden"] + wide["hidden_bias"], 0)
    return y @ wide["final"] + wide["final_bias"]
