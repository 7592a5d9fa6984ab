"""The weights of a WaveNet as arrays, read from the Keras model that lesson 09 builds.

`utils.models.wavenet` generates with them; a generator in plain NumPy can use them too.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WaveNetWeights:
    """The weights of a WaveNet as float32 arrays.

    A layer l with dilation d computes from its input x (channels,):
    filter, gate = split([x(t−d), x(t)] @ inner[l] + inner_bias[l] + what the condition adds);
    z = tanh(filter) · sigmoid(gate); residual, skip = split(z @ outer[l] + outer_bias[l]);
    its output is x + residual. Then relu(sum of skips) → hidden → relu → final: logits.

    Raises:
        ValueError: Some of them are not finite.
    """

    dilations: np.ndarray  # (layers,) whole numbers
    embedding: np.ndarray  # (classes, channels)
    inner: np.ndarray  # (layers, 2 · channels, 2 · channels): past, present → filter, gate
    inner_bias: np.ndarray  # (layers, 2 · channels)
    outer: np.ndarray  # (layers, channels, channels + skip): columns residual, skip
    outer_bias: np.ndarray  # (layers, channels + skip)
    hidden: np.ndarray  # (skip, hidden)
    hidden_bias: np.ndarray  # (hidden,)
    final: np.ndarray  # (hidden, classes)
    final_bias: np.ndarray  # (classes,)
    condition_hidden: np.ndarray | None = None  # (features, units), tanh
    condition_hidden_bias: np.ndarray | None = None  # (units,)
    condition: np.ndarray | None = None  # (layers, units, 2 · channels): units → filter, gate
    hop: int = 80  # samples per frame of the condition

    def __post_init__(self):
        for name, value in vars(self).copy().items():
            if name == "hop" or value is None:
                continue
            if not np.isfinite(value).all():
                raise ValueError(
                    f"{name} holds NaN or infinite numbers: the training diverged, or the weights "
                    "were not loaded. Train again with a smaller learning rate, or load them again."
                )
            kind = np.int64 if name == "dilations" else np.float32
            object.__setattr__(self, name, np.array(value, kind, order="C"))

    def __repr__(self) -> str:
        return (
            f"WaveNetWeights({self.layers} layers, {self.channels} channels, {self.skip_channels} "
            f"skip channels, {self.classes} classes, {self.features} features, "
            f"receptive field {self.receptive_field})"
        )

    @property
    def layers(self) -> int:
        """The number of dilated layers."""
        return len(self.dilations)

    @property
    def classes(self) -> int:
        """The number of values that a sample can have."""
        return len(self.embedding)

    @property
    def channels(self) -> int:
        """The width of the residual stream."""
        return self.embedding.shape[1]

    @property
    def skip_channels(self) -> int:
        """The width of the skip connections."""
        return len(self.hidden)

    @property
    def features(self) -> int:
        """Numbers per frame of the condition; 0 without one."""
        return 0 if self.condition_hidden is None else len(self.condition_hidden)

    @property
    def receptive_field(self) -> int:
        """The number of samples that the next one can depend on."""
        return 1 + int(self.dilations.sum())


def weights_of(model: Any) -> WaveNetWeights:
    """Read the weights from a Keras model made by lesson 09's `build_wavenet`, on any backend.

    The layers are found by their names: "embedding", "head" and "logits"; "dilated_0", "skip_0",
    "residual_0" and so on (the last residual is missing, as nothing reads it); with a condition,
    "features" and "condition_0" and so on.

    Returns:
        Copies of the weights; later training does not change them.

    Raises:
        TypeError: This is not a Keras model.
        ValueError: It has other layers, or weights that are not finite.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(
            f"weights_of takes a Keras model, but got a {type(model).__name__}. Give it the model "
            "that was trained, not its weights or a path."
        )
    depth = sum(layer.name.startswith("dilated_") for layer in model.layers)
    weights = _weights_by_name(model, depth)
    channels = weights["embedding"][0].shape[1]
    weights[f"residual_{depth - 1}"] = [np.zeros((1, channels, channels)), np.zeros(channels)]

    def of_layers(part: str, index: int = 0) -> np.ndarray:
        return np.stack([weights[f"{part}_{number}"][index] for number in range(depth)])

    condition = {}
    if "features" in weights:
        hidden, bias = weights["features"]
        (hop,) = {x.size for x in model.layers if isinstance(x, keras.layers.UpSampling1D)}
        condition = {"condition_hidden": hidden, "condition_hidden_bias": bias, "hop": hop}
        condition["condition"] = of_layers("condition")
    (head, head_bias), (final, final_bias) = weights["head"], weights["logits"]
    return WaveNetWeights(
        dilations=[model.get_layer(f"dilated_{i}").dilation_rate[0] for i in range(depth)],
        embedding=weights["embedding"][0],
        inner=of_layers("dilated").reshape(depth, 2 * channels, 2 * channels),
        inner_bias=of_layers("dilated", 1),
        outer=np.concatenate([of_layers("residual"), of_layers("skip")], axis=-1)[:, 0],
        outer_bias=np.concatenate([of_layers("residual", 1), of_layers("skip", 1)], axis=-1),
        hidden=head[0],
        hidden_bias=head_bias,
        final=final[0],
        final_bias=final_bias,
        **condition,
    )


def _weights_by_name(model, depth: int) -> dict[str, list[np.ndarray]]:
    """Return layer name -> its arrays; ValueError unless they are those of `build_wavenet`."""
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    parts = ["dilated", "skip"] + ["condition"] * ("features" in weights)
    expected = {"embedding", "head", "logits"} | ({"features"} & weights.keys())
    expected |= {f"{part}_{number}" for part in parts for number in range(depth)}
    expected |= {f"residual_{number}" for number in range(depth - 1)}
    differing = sorted(expected ^ weights.keys())
    if differing:
        raise ValueError(
            "weights_of reads models of lesson 09's build_wavenet, but in this one there are "
            f"layers missing or too many: {', '.join(differing)}."
        )
    return weights


def condition_biases(weights: WaveNetWeights, condition: np.ndarray) -> np.ndarray:
    """Return what the frames of a condition add to every layer, before its tanh and sigmoid.

    Args:
        weights: The weights of a model with a condition.
        condition: (frames, features), for example one-hot digit and speaker.

    Returns:
        (frames, layers, 2 · channels) float32, without the bias of the convolution.
    """
    condition = as_condition(weights, condition)
    units = np.tanh(condition @ weights.condition_hidden + weights.condition_hidden_bias)
    return np.einsum("fu,luc->flc", units, weights.condition, optimize=True)


def as_condition(weights: WaveNetWeights, condition: Any) -> np.ndarray:
    """Return a condition as float32, (frames, features), or raise ValueError."""
    features = weights.features
    if not features:
        raise ValueError(
            "This model was built without a condition (features=0), but one is given. Leave it "
            "out, or take the weights of a model with a condition."
        )
    if condition is None:
        raise ValueError(
            f"This model has a condition: give it as condition=, (frames, {features}) numbers."
        )
    condition = np.asarray(condition, np.float32)
    if condition.ndim != 2 or condition.shape[1] != features or not len(condition):
        batch = condition.ndim == 3 and condition.shape[0] == 1
        raise ValueError(
            f"condition must have the shape (frames, {features}), but has {condition.shape}."
            + " Take condition[0]: there is no batch axis here." * batch
        )
    return condition
