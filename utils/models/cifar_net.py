"""A small network that tells the ten classes of CIFAR-10 apart, with its trained weights.

    from utils.models import cifar_net

    net = cifar_net.load()
    logits = net.predict(pictures)  # pictures: (n, 32, 32, 3), 0..255

It saw 4,000 pictures and is right in about three cases of four. `tools/weights/train_cifar_net.py`
trained it.
"""

from typing import Any

from utils.models import bundled

FILE = bundled.WEIGHTS / "cifar_net.npz"


def load() -> Any:
    """Build the network with its trained weights: a Keras model from pixels 0..255 to 10 logits.

    The layers are conv1, relu1, pool1, conv2, relu2, conv3, relu3, pool3, conv4, relu4, conv5,
    relu5 (80 maps of 8 × 8), the mean over each map, and logits.
    """
    return bundled.restore(build(), FILE)


def build() -> Any:
    """Build the network with random weights. It also takes pictures larger than 32 × 32."""
    import keras
    from keras import layers

    net = keras.Sequential(
        [
            keras.Input((None, None, 3)),  # Shape: (batch, height, width, 3), values 0..255
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(32, 5, padding="same", name="conv1"),
            layers.ReLU(name="relu1"),
            layers.MaxPooling2D(2, name="pool1"),  # 32×32 becomes 16×16
            layers.Conv2D(48, 3, padding="same", name="conv2"),
            layers.ReLU(name="relu2"),
            layers.Conv2D(64, 3, padding="same", name="conv3"),
            layers.ReLU(name="relu3"),
            layers.MaxPooling2D(2, name="pool3"),  # 8×8
            layers.Conv2D(72, 3, padding="same", name="conv4"),
            layers.ReLU(name="relu4"),
            layers.Conv2D(80, 3, padding="same", name="conv5"),
            layers.ReLU(name="relu5"),
            layers.GlobalAveragePooling2D(),  # Shape: (batch, 80)
            layers.Dense(10, name="logits"),  # Shape: (batch, 10)
        ]
    )
    return keras.Model(net.inputs[0], net.outputs[0], name="cifar_net")
