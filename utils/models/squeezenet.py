"""SqueezeNet 1.0, trained on ImageNet's 1000 classes: a whole classifier in 676 kB, bundled.

    from utils.models import squeezenet

    net = squeezenet.load()                                  # a functional Keras model
    probabilities = net.predict(squeezenet.preprocess(rgb))  # rgb: (pictures, 227, 227, 3), 0..255
    squeezenet.class_names()[probabilities[0].argmax()]

F. N. Iandola et al.: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
size (2016). The weights are pruned and stored with 8 bits each: S. Han, H. Mao, W. J. Dally: Deep
compression (2016). The net has no batch normalisation. Licence and card: data/README.md.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from utils.common.errors import DataError
from utils.models import bundled

WEIGHTS = bundled.WEIGHTS / "squeezenet.net"
SHA256 = "e4ab6960ae8cd81505e1c2136921201507e930966c53deaf15862a395b3a3261"
CLASSES = bundled.WEIGHTS / "imagenet_classes.txt"
MEAN = (104.006, 116.669, 122.679)  # of ImageNet: blue, green, red
# Fire module: maps of the squeeze layer, maps of each of its two expand layers.
FIRE = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128)}
FIRE |= {6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
POOLED = {4: "pool4", 8: "pool8"}  # fire module: the pooling after it


def load(top: bool = True, input_shape: tuple[int, int, int] = (227, 227, 3)) -> Any:
    """Build SqueezeNet with its ImageNet weights.

    The layers are conv1, pool1, fire2_squeeze1x1, fire2_expand1x1, fire2_expand3x3, fire2 (both
    side by side) … fire4, pool4 … fire8, pool8, fire9, conv10, pool10 (mean over the map), softmax.

    Args:
        top: With conv10 and softmax. Otherwise the net ends at fire9, with 512 maps.
        input_shape: Rows, columns, 3; at least (35, 35, 3). It was trained with (227, 227, 3).

    Returns:
        A functional Keras model. It expects what `preprocess` returns.

    Raises:
        DataError: The file of the weights is missing or damaged.
    """
    net = _build(top, input_shape)
    for name, weights in decode(bundled.read(WEIGHTS, SHA256)).items():
        if top or name != "conv10":
            net.get_layer(name).set_weights(weights)
    return net


def preprocess(rgb: Any) -> Any:
    """Turn RGB pixels into what SqueezeNet was trained with: BGR minus the mean of ImageNet.

    Args:
        rgb: (…, 3) pixels from 0 to 255: an array, or a tensor of Keras's backend.

    Returns:
        float32 of the same shape and kind. The pixels that were given stay as they are.
    """
    if isinstance(rgb, np.ndarray | list | tuple):
        return np.asarray(rgb, "float32")[..., ::-1] - np.array(MEAN, "float32")
    from keras import ops

    return ops.flip(ops.cast(rgb, "float32"), axis=-1) - np.array(MEAN, "float32")


@functools.cache
def class_names() -> tuple[str, ...]:
    """Return the names of ImageNet's 1000 classes, in the order of the net's outputs."""
    return tuple(CLASSES.read_text(encoding="utf-8").splitlines())


def decode(content: bytes) -> dict[str, list[np.ndarray]]:
    """Decode the compressed weights: name of a convolution -> [kernel, biases] as Keras has them.

    For each convolution there are a codebook of 256 values, the biases, one byte for each stored
    weight (which value it has), and four bits for each (how many zeros lie before it).

    Raises:
        DataError: There are too few bytes, or too many, or they do not fit the net.
    """
    shapes = _kernel_shapes()
    try:
        counts = np.frombuffer(content, "<u4", len(shapes))
        start, layers = counts.nbytes, {}
        for (name, shape), count in zip(shapes.items(), counts, strict=True):
            filters = shape[0]
            numbers = np.frombuffer(content, "<f4", 256 + filters, start)
            start += numbers.nbytes
            indices = np.frombuffer(content, "u1", count, start)
            pairs = np.frombuffer(content, "u1", (count + 1) // 2, start + indices.nbytes)
            start += indices.nbytes + pairs.nbytes
            gaps = np.stack([pairs & 15, pairs >> 4], axis=-1).ravel()[:count]
            codes = np.zeros(np.prod(shape), "u1")
            codes[np.cumsum(gaps + 1, dtype=np.int64) - 1] = indices
            kernel = numbers[codes].reshape(shape)
            layers[name] = [kernel.transpose(2, 3, 1, 0), numbers[256:]]
    except (ValueError, IndexError) as problem:
        raise DataError(f"{WEIGHTS.name} is not SqueezeNet's file of weights: {problem}.") from None
    if start != len(content):
        raise DataError(f"{WEIGHTS.name} has {len(content)} bytes; SqueezeNet's are {start}.")
    return layers


def _kernel_shapes() -> dict[str, tuple[int, int, int, int]]:
    """Return name -> (filters, channels, rows, columns) of each convolution, in order."""
    shapes = {"conv1": (96, 3, 7, 7)}
    channels = 96
    for number, (squeeze, expand) in FIRE.items():
        shapes[f"fire{number}_squeeze1x1"] = (squeeze, channels, 1, 1)
        shapes[f"fire{number}_expand1x1"] = (expand, squeeze, 1, 1)
        shapes[f"fire{number}_expand3x3"] = (expand, squeeze, 3, 3)
        channels = 2 * expand
    return shapes | {"conv10": (1000, channels, 1, 1)}


def _build(top: bool, input_shape: tuple[int, int, int]) -> Any:
    """Return the net with all weights zero: `load` sets them, and zeros cost no compilation."""
    import keras
    from keras import layers

    conv = functools.partial(layers.Conv2D, activation="relu", kernel_initializer="zeros")

    def pool(x, name):
        return layers.MaxPooling2D(3, strides=2, name=name)(x)

    x = inputs = keras.Input(input_shape)
    x = conv(96, 7, strides=2, name="conv1")(x)
    x = pool(x, "pool1")
    for number, (squeeze, expand) in FIRE.items():
        name = f"fire{number}"
        x = conv(squeeze, 1, name=f"{name}_squeeze1x1")(x)
        narrow = conv(expand, 1, padding="same", name=f"{name}_expand1x1")(x)
        wide = conv(expand, 3, padding="same", name=f"{name}_expand3x3")(x)
        x = layers.Concatenate(name=name)([narrow, wide])
        x = pool(x, POOLED[number]) if number in POOLED else x
    if top:
        x = conv(1000, 1, name="conv10")(x)
        x = layers.GlobalAveragePooling2D(name="pool10")(x)
        x = layers.Softmax(name="softmax")(x)
    return keras.Model(inputs, x, name="squeezenet")
