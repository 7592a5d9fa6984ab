"""The weights of a WaveNet as arrays, read out of a Keras model of the lesson's form.

`utils.models.wavenet` generates with them; a generator in plain NumPy can use them as well.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from utils.common.arguments import as_integer

BLOCK = 8  # the compiled code computes so many channels at a time


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WaveNetWeights:
    """The weights of a WaveNet as float32 arrays; checked when made.

    A layer l with dilation d computes from its input x (channels,):
    filter, gate = split([x(t−d), x(t)] @ inner[l] + inner_bias[l] + what the condition adds);
    z = tanh(filter) · sigmoid(gate); residual, skip = split(z @ outer[l] + outer_bias[l]);
    its output is x + residual. Then relu(sum of skips) → hidden → relu → final: logits.
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
    condition: np.ndarray | None = None  # (layers, units, 2 · channels): units → filter, gate
    condition_hidden: np.ndarray | None = None  # (features, units), tanh; None: units = features
    condition_hidden_bias: np.ndarray | None = None  # (units,)
    hop: int = 80  # samples per frame of the condition

    def __post_init__(self):
        names = [field.name for field in dataclasses.fields(self) if field.name != "hop"]
        for name in names:
            value = getattr(self, name)
            if value is None:
                continue
            kind = np.int64 if name == "dilations" else np.float32
            value = np.array(value, kind, order="C")
            value.flags.writeable = False
            object.__setattr__(self, name, value)
            if not np.isfinite(value).all():
                raise ValueError(
                    f"{name} holds NaN or infinite numbers: the training diverged, or the weights "
                    "were not loaded. Train again with a smaller learning rate, or load them again."
                )
        as_integer("hop", self.hop)
        if self.dilations.ndim != 1 or not len(self.dilations) or self.dilations.min() < 1:
            raise ValueError(
                f"dilations must be a list of whole numbers of 1 or more, one for each layer; "
                f"it is {self.dilations}."
            )
        for name in ("embedding", "outer_bias", "hidden", "final"):
            if getattr(self, name).ndim != 2 or not getattr(self, name).size:
                raise ValueError(
                    f"{name} must have two axes; its shape is {getattr(self, name).shape}."
                )
        layers, (classes, channels) = len(self.dilations), self.embedding.shape
        sums, (skip, hidden) = self.outer_bias.shape[1], self.hidden.shape
        shapes = {
            "inner": (layers, 2 * channels, 2 * channels),
            "inner_bias": (layers, 2 * channels),
            "outer": (layers, channels, channels + skip),
            "outer_bias": (layers, channels + skip),
            "hidden_bias": (hidden,),
            "final": (hidden, classes),
            "final_bias": (classes,),
        }
        if self.condition is not None:
            units = self.condition.shape[1] if self.condition.ndim == 3 else sums
            shapes["condition"] = (layers, units, 2 * channels)
            if self.condition_hidden is not None:
                features = self.condition_hidden.shape[0] if self.condition_hidden.ndim else 1
                shapes["condition_hidden"] = (features, units)
                shapes["condition_hidden_bias"] = (units,)
        for name, shape in shapes.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                raise ValueError(
                    f"{name} has the shape {found}, but with {layers} dilations, {channels} "
                    f"channels, {skip} skip channels, {hidden} hidden channels and {classes} "
                    f"classes it must be {shape}. Make the weights with weights_of(model)."
                )

    def __repr__(self):
        return (
            f"WaveNetWeights({self.layers} layers, {self.channels} channels, {self.skip_channels} "
            f"skip channels, {self.classes} classes, {self.features} features, "
            f"receptive field {self.receptive_field})"
        )

    @property
    def layers(self) -> int:
        """How many dilated layers there are."""
        return len(self.dilations)

    @property
    def classes(self) -> int:
        """How many values a sample can have."""
        return self.embedding.shape[0]

    @property
    def channels(self) -> int:
        """The width of the residual stream."""
        return self.embedding.shape[1]

    @property
    def skip_channels(self) -> int:
        """The width of the skip connections."""
        return self.hidden.shape[0]

    @property
    def features(self) -> int:
        """Numbers per frame of the condition; 0 without one."""
        if self.condition is None:
            return 0
        first = self.condition if self.condition_hidden is None else self.condition_hidden
        return first.shape[-2]

    @property
    def receptive_field(self) -> int:
        """How many samples the next one can depend on."""
        return 1 + int(self.dilations.sum())

    @functools.cached_property
    def padded(self) -> dict:
        """The same weights, with zeros added up to the widths that the compiled code wants."""
        c, s, h = self.channels, self.skip_channels, self.hidden.shape[1]
        return {
            "embedding": _widen(self.embedding, 1, c),
            "inner": _widen(_widen(self.inner, 1, c, c), 2, c, c),
            "outer": _widen(_widen(self.outer, 1, c), 2, c, s),
            "outer_bias": _widen(self.outer_bias, 1, c, s),
            "hidden": _widen(_widen(self.hidden, 0, s), 1, h),
            "hidden_bias": _widen(self.hidden_bias, 0, h),
            "final": _widen(self.final, 0, h),
            "final_bias": self.final_bias,
        }

    def padded_biases(self, added):
        """(frames, layers, 2 · padded channels): inner_bias and what the condition adds."""
        return _widen(added + self.inner_bias, 2, self.channels, self.channels)


def _widen(array, axis, *widths):
    """Adds zeros to each of the parts of these widths along an axis, up to multiples of BLOCK."""
    parts = np.split(array, np.cumsum(widths)[:-1], axis)
    for i, part in enumerate(parts):
        extra = [(0, 0)] * part.ndim
        extra[axis] = (0, -part.shape[axis] % BLOCK)
        parts[i] = np.pad(part, extra)
    return np.ascontiguousarray(np.concatenate(parts, axis))


def random_weights(dilations, channels, skip_channels, *, classes=256, seed=0) -> WaveNetWeights:
    """Makes weights that keep the signal at about its size, to measure speed without a model.

    Args:
        dilations: One for each layer.
        channels: The residual channels.
        skip_channels: The skip channels, and the width of the layer after them.
        classes: Possible values of a sample.
        seed: Of the random numbers.
    """
    layers, random = len(dilations), np.random.default_rng(seed)
    shapes = {
        "embedding": (classes, channels),
        "inner": (layers, 2 * channels, 2 * channels),
        "inner_bias": (layers, 2 * channels),
        "outer": (layers, channels, channels + skip_channels),
        "outer_bias": (layers, channels + skip_channels),
        "hidden": (skip_channels, skip_channels),
        "hidden_bias": (skip_channels,),
        "final": (skip_channels, classes),
        "final_bias": (classes,),
    }
    arrays = {
        name: random.normal(0, np.prod(shape[:-1]) ** -0.5, shape) for name, shape in shapes.items()
    }
    return WaveNetWeights(dilations, **arrays)


def weights_of(model, *, check=True) -> WaveNetWeights:
    """Reads the weights out of a Keras model of the lesson's form, on any backend.

    The form: an `Embedding` of the previous sample's class; for each layer a causal `Conv1D` with
    kernel size 2, a dilation rate and 2 · channels filters, tanh(filter) · sigmoid(gate), and two
    1×1 `Conv1D`, one back into the residual stream, one skip; relu of the sum of the skips, a 1×1
    `Conv1D` with relu, and a last one to the logits. With a condition, each layer has a `Dense`
    whose output is repeated (`UpSampling1D`) and added before the split; a `Dense` with tanh may
    come before all of them. Which layer is which follows from how they are connected, so names
    and widths are free.

    Args:
        model: The model, made with the functional API.
        check: Compute a few samples with the model and with what was read, and compare them. That
            finds activations or connections of another kind.

    Returns:
        Copies of the weights; later training does not change them.

    Raises:
        TypeError: this is no Keras model.
        ValueError: it has another form, or weights that are not finite. The message says what
            does not fit.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(
            f"weights_of wants a Keras model, but got a {type(model).__name__}. Give it the model "
            "that was trained, not its weights or a path."
        )
    weights = _read(model)
    if check:
        _compare(model, weights)
    return weights


def exact_logits(weights, previous, condition=None):
    """Computes the logits along a given sequence in float64, to measure rounding errors with.

    All steps at once, in NumPy: nothing of the queues, and nothing of Keras.

    Args:
        weights: What `weights_of(model)` returned.
        previous: (count,) classes: the input of the model, the sequence moved by one.
        condition: (frames, features) for a model with a condition.

    Returns:
        (count, classes) float64.
    """

    def wide(array):
        return np.asarray(array, np.float64)

    x = wide(weights.embedding)[previous]  # (time, channels)
    added = np.zeros((len(x), weights.layers, 1))
    if condition is not None:
        units = wide(as_condition(weights, condition))
        if weights.condition_hidden is not None:
            units = units @ wide(weights.condition_hidden) + wide(weights.condition_hidden_bias)
            units = np.tanh(units)
        biases = np.einsum("fu,luc->flc", units, wide(weights.condition), optimize=True)
        added = np.repeat(biases, weights.hop, axis=0)[: len(x)]
    total = np.zeros((len(x), weights.skip_channels))
    for layer, dilation in enumerate(weights.dilations):
        past = np.concatenate([np.zeros((dilation, x.shape[1])), x])[: len(x)]
        both = np.concatenate([past, x], axis=1) @ wide(weights.inner[layer])
        f, g = np.split(both + wide(weights.inner_bias[layer]) + added[:, layer], 2, axis=1)
        z = np.tanh(f) * (0.5 + 0.5 * np.tanh(0.5 * g))
        out = z @ wide(weights.outer[layer]) + wide(weights.outer_bias[layer])
        x, total = x + out[:, : x.shape[1]], total + out[:, x.shape[1] :]
    y = np.maximum(np.maximum(total, 0) @ wide(weights.hidden) + wide(weights.hidden_bias), 0)
    return y @ wide(weights.final) + wide(weights.final_bias)


def condition_biases(model_or_weights, condition):
    """Computes what the frames of a condition add to every layer, before its tanh and sigmoid.

    Args:
        model_or_weights: A model for `weights_of`, or what that has returned.
        condition: (frames, features), for example one-hot digit and speaker.

    Returns:
        (frames, layers, 2 · channels) float32, without the bias of the convolution.
    """
    weights = model_or_weights
    if not isinstance(weights, WaveNetWeights):
        weights = weights_of(weights)
    condition = as_condition(weights, condition)
    if weights.condition_hidden is not None:
        condition = np.tanh(condition @ weights.condition_hidden + weights.condition_hidden_bias)
    return np.einsum("fu,luc->flc", condition, weights.condition, optimize=True)


def as_condition(weights, condition):
    features = weights.features
    if not features:
        raise ValueError("This model was built without a condition (features=0).")
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
    if not np.isfinite(condition).all():
        raise ValueError("condition holds NaN or infinite numbers. Look where it is computed.")
    return condition


# Reading a model


def _other_form(what):
    return ValueError(f"The model is no WaveNet of the lesson's form: {what}.")


def _parents(model):
    """What each layer or operation of a functional model reads, in the order of computation."""
    found = {}
    try:
        config = model.get_config()
        entries = [(entry["name"], entry["inbound_nodes"]) for entry in config["layers"]]
    except (KeyError, NotImplementedError, TypeError):
        raise _other_form("it is not made with the functional API") from None

    def names(value):
        if isinstance(value, dict):
            if "keras_history" in value:
                yield value["keras_history"][0]
            else:
                for each in value.values():
                    yield from names(each)
        elif isinstance(value, (list, tuple)):
            for each in value:
                yield from names(each)

    for name, nodes in entries:
        if len(nodes) > 1:
            raise _other_form(f"the layer {name} is used {len(nodes)} times")
        found[name] = set(names(nodes))
    return found


def _read(model):
    import keras

    ancestors = {}
    for name, parents in _parents(model).items():
        ancestors[name] = parents.union(*(ancestors[parent] for parent in parents))
    layers = {layer.name: layer for layer in model.layers}
    kinds = {"Embedding": [], "Conv1D": [], "Dense": [], "UpSampling1D": []}
    for name in ancestors:
        for kind, names in kinds.items():
            if isinstance(layers.get(name), getattr(keras.layers, kind)):
                names.append(name)
    others = [
        f"{name} ({type(layer).__name__})"
        for name, layer in layers.items()
        if layer.weights and not any(name in of_kind for of_kind in kinds.values())
    ]
    if others:
        raise _other_form(f"it has a layer with weights that does not belong there, {others[0]}")
    if len(kinds["Embedding"]) != 1:
        raise _other_form(f"it has {len(kinds['Embedding'])} Embedding layers instead of one")

    # Dilated convolutions: kernel size 2. All others: 1×1. They differ in what they lead to.
    sizes = {name: tuple(layers[name].kernel_size) for name in kinds["Conv1D"]}
    for name, size in sizes.items():
        if size not in ((1,), (2,)):
            raise _other_form(f"{name} has kernel size {size[0]}; only 1 and 2 belong there")
    dilated = [name for name, size in sizes.items() if size == (2,)]
    if not dilated:
        raise _other_form("it has no dilated convolution, a Conv1D with kernel size 2")
    for name in dilated:
        if layers[name].padding != "causal":
            raise _other_form(
                f'{name} has padding="{layers[name].padding}" instead of "causal", so it would see '
                "the future"
            )
    before_dilated = set().union(*(ancestors[name] for name in dilated))
    ones = [name for name, size in sizes.items() if size == (1,)]
    residual = [name for name in ones if name in before_dilated]
    others = [name for name in ones if name not in before_dilated]
    skip = [name for name in others if not ancestors[name].intersection(others)]
    head = [name for name in others if name not in skip]

    def of_layers(names, what, wanted):
        """The names by layer: the last dilated convolution before them."""
        found = {}
        for name in names:
            found.setdefault(sum(each in ancestors[name] for each in dilated) - 1, []).append(name)
        if sorted(found) != list(range(wanted)) or any(len(each) > 1 for each in found.values()):
            raise _other_form(
                f"with {len(dilated)} dilated convolutions, it should have one 1×1 convolution for "
                f"the {what} of each{' but the last' * (wanted < len(dilated))}, but has "
                f"{len(names)} in all"
            )
        return [found[index][0] for index in range(wanted)]

    residual = of_layers(residual, "residual", len(dilated) - 1)
    skip = of_layers(skip, "skip", len(dilated))
    if len(head) != 2:
        raise _other_form(
            f"after the sum of the skips, it has {len(head)} 1×1 convolutions instead of two"
        )

    def values(name):
        layer = layers[name]
        kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32)
        if not layer.use_bias:
            return kernel, np.zeros(kernel.shape[-1], np.float32)
        return kernel, np.asarray(keras.ops.convert_to_numpy(layer.bias), np.float32)

    (embedding,) = layers[kinds["Embedding"][0]].get_weights()
    channels = embedding.shape[1]
    arrays = {"dilations": [layers[name].dilation_rate[0] for name in dilated]}
    inner, outer = [values(name) for name in dilated], []
    if any(kernel.shape != (2, channels, 2 * channels) for kernel, _ in inner):
        raise _other_form(
            f"the embedding has {channels} channels, so each dilated convolution must have "
            f"{2 * channels} filters; they have {sorted({each[0].shape[-1] for each in inner})}"
        )
    for index, name in enumerate(skip):
        kernel, bias = values(name)
        if index < len(residual):
            back, back_bias = values(residual[index])
        else:  # nothing reads the last layer's residual, so the model does not have it
            back, back_bias = np.zeros((1, channels, channels)), np.zeros(channels)
        outer.append(
            (np.concatenate([back[0], kernel[0]], axis=-1), np.concatenate([back_bias, bias]))
        )
    arrays["inner"] = [kernel.reshape(-1, kernel.shape[-1]) for kernel, _ in inner]
    arrays["inner_bias"] = [bias for _, bias in inner]
    arrays["outer"], arrays["outer_bias"] = zip(*outer, strict=True)
    arrays["hidden"], arrays["hidden_bias"] = values(head[0])
    arrays["final"], arrays["final_bias"] = values(head[1])
    arrays["hidden"], arrays["final"] = arrays["hidden"][0], arrays["final"][0]

    if kinds["Dense"]:
        dense = set(kinds["Dense"])
        first = set().union(*(ancestors[name] for name in dense)) & dense  # before another one
        if len(first) > 1:
            raise _other_form("the condition passes through more than two Dense layers")
        kernels = []
        for before, after in zip(dilated, skip, strict=True):
            own = (ancestors[after] - ancestors[before] - first) & dense
            if len(own) != 1:
                raise _other_form(f"{len(own)} Dense layers, instead of one, act on {before}")
            kernel, bias = values(own.pop())
            kernels.append(kernel)
            arrays["inner_bias"][len(kernels) - 1] = arrays["inner_bias"][len(kernels) - 1] + bias
        arrays["condition"] = kernels
        if first:
            arrays["condition_hidden"], arrays["condition_hidden_bias"] = values(first.pop())
        hops = {layers[name].size for name in kinds["UpSampling1D"]}
        if len(hops) > 1:
            raise _other_form(f"its frames are repeated by different numbers, {sorted(hops)}")
        arrays["hop"] = int(hops.pop()) if hops else 80
    return WaveNetWeights(embedding=embedding, **arrays)


def _compare(model, weights):
    """Computes two frames of noise with both, to find a model of another kind."""
    import keras

    length = model.inputs[0].shape[1] if not weights.features else None
    length = length or (2 * weights.hop if weights.features else 64)
    random = np.random.default_rng(0)
    previous = random.integers(0, weights.classes, length)
    condition, inputs = None, previous[None].astype("int32")
    if weights.features:
        condition = random.random((length // weights.hop, weights.features)).astype(np.float32)
        inputs = [inputs if len(each.shape) == 2 else condition[None] for each in model.inputs]
    try:
        if keras.backend.backend() == "jax":  # compiles each operation of a plain call on its own
            expected = model.predict_on_batch(inputs)[0]
        else:
            expected = keras.ops.convert_to_numpy(model(inputs, training=False))[0]
    except Exception as error:
        raise _other_form(f"it cannot be called with {length} classes ({error})") from error
    found = exact_logits(weights, previous, condition)
    if expected.shape != found.shape:
        raise _other_form(f"it returns the shape {expected.shape} instead of {found.shape}")
    error = np.abs(found - expected).max()
    if not error <= 1e-3 * max(1, np.abs(expected).max()):
        raise _other_form(
            "its layers look right, but their weights in the lesson's formula give other logits "
            f"(by up to {error:.2g}). Are filter and gate, their tanh and sigmoid, or the relus "
            "elsewhere?"
        )
