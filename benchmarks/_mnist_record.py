"""A network and a recipe made for one thing: 99 % of MNIST's test digits in seconds, on a CPU.

Lesson 01 builds a plain network in plain Keras. This one may use every trick, since nobody has to
learn from it first. What each trick is for:

**Few places for many filters.** The two outermost rows and columns hold next to no ink and are cut
off. The first convolution steps by two and is pooled at once, so that the layer with 64 filters
works on 6 × 6 places. Keras's example has them on 11 × 11.

**Two convolutions, then a dense layer.** A third convolution was the dearest layer of all, and its
input's gradient took longest. Pooled to 3 × 3 places, a small dense layer does as well.

**Batch normalisation**, which allows a large learning rate. It shifts by itself, so the layers
before it have no bias. It comes after the pooling, where a quarter of the numbers are left to
normalise, and forgets quickly (momentum 0.9), because there are only 300 steps.

**Plain gradient descent with momentum** (Nesterov's), in place of Adam. It is as accurate here,
with far fewer operations: less to trace, and less to start in every step.

**A one-cycle learning rate** (Smith 2018): it climbs for a quarter of the steps, then falls to one
per cent. The large steps travel far, the small ones settle down.

**Label smoothing** (Szegedy 2016): the right digit should get 91 %, every other one 1 %. The
network is not driven to be ever surer of digits that it reads right already.

**The optimiser's memory is made before the first step.** Otherwise Keras makes it while TensorFlow
traces that step, and TensorFlow then traces the whole step once more. The benchmark counts the time
of making it.

**Equal batches.** 200 divides 60,000, so that there is no smaller last batch, with a shape of its
own to prepare for.

**Twenty steps a call.** Between two steps Python hands over to TensorFlow and back; once in twenty
steps is enough.

**Bytes until the last moment.** The pictures become floating-point numbers inside the network, so a
quarter of the memory moves.
"""

import math

import keras

BATCH_SIZE = 200
PEAK = 0.3
SMOOTHING = 0.1
STEPS_A_CALL = 20


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that climbs for a quarter of the steps, then falls to 1 % of its peak."""

    def __init__(self, peak: float, steps: int):
        self.peak, self.steps = peak, steps

    def __call__(self, step):
        """Return the learning rate of a step."""
        progress = keras.ops.cast(step, "float32") / self.steps
        climbing = 0.05 + 0.95 * progress / 0.25
        falling = (1 - progress) / 0.75
        return self.peak * keras.ops.clip(keras.ops.minimum(climbing, falling), 0.01, 1.0)

    def get_config(self) -> dict:
        """Return the arguments, as Keras wants them."""
        return {"peak": self.peak, "steps": self.steps}


def network() -> keras.Model:
    """Return the network, untrained: bytes of shape (batch, 28, 28) to logits (batch, 10)."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Cropping2D(2),  # Shape: (batch, 24, 24, 1)
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 5, strides=2, padding="same", use_bias=False),  # (batch, 12, 12, 32)
            layers.MaxPooling2D(2),  # Shape: (batch, 6, 6, 32)
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(64, 3, padding="same", use_bias=False),  # Shape: (batch, 6, 6, 64)
            layers.MaxPooling2D(2),  # Shape: (batch, 3, 3, 64)
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Flatten(),  # Shape: (batch, 576)
            layers.Dense(128, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dense(10),  # Shape: (batch, 10): logits
        ]
    )


def smoothed_loss(digits, logits):
    """Return the cross-entropy of each picture, its label smoothed: (batch,)."""
    targets = keras.ops.one_hot(keras.ops.reshape(digits, (-1,)), 10)
    return keras.losses.categorical_crossentropy(
        targets, logits, from_logits=True, label_smoothing=SMOOTHING
    )


def compile_for(model: keras.Model, samples: int) -> None:
    """Prepare a model for one epoch over so many samples, in batches of `BATCH_SIZE`."""
    steps = math.ceil(samples / BATCH_SIZE)
    optimizer = keras.optimizers.SGD(OneCycle(PEAK, steps), momentum=0.9, nesterov=True)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss=smoothed_loss, steps_per_execution=STEPS_A_CALL)
