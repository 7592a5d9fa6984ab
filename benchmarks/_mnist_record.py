"""A network and a recipe made for one thing: 99 % of MNIST's test digits in seconds, on a CPU.

Lesson 01 builds a plain network in plain Keras. This one may use every trick, since nobody has to
learn from it first. What each trick is for:

**Few places for many filters.** The two outermost rows and columns hold next to no ink and are cut
off. The first convolution steps by two and is pooled at once, so that the layers with many filters
work on 6 × 6 places. Keras's example has 64 filters on 11 × 11.

**Most filters at the end**, where there are the fewest places: 32, 48, then 128.

**Batch normalisation**, which lets the learning rate be twenty times Adam's usual one. It shifts by
itself, so the convolutions have no bias. It comes after the pooling, where a quarter of the numbers
are left to normalise, and forgets quickly (momentum 0.9), because there are only 313 steps.

**Global max pooling** in place of a large dense layer: fewer weights, and no place to overfit.

**A one-cycle learning rate** (Smith 2018): it climbs for a quarter of the steps, then falls to one
per cent. The large steps travel far, the small ones settle down; without the fall the same training
ends a few tenths of a per cent lower. Adam's memory for squares is shortened (`beta_2=0.99`): with
the usual 0.999 it would hardly have warmed up by the end.

**A batch between the extremes.** With 192 pictures the cores are busy, and an epoch still has
enough steps.

**Twenty steps a call.** Between two steps Python hands over to TensorFlow and back; once in twenty
steps is enough.

**Bytes until the last moment.** The pictures become floating-point numbers inside the network, so a
quarter of the memory moves.
"""

import math

import keras

BATCH_SIZE = 192
PEAK = 0.02
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
            layers.Conv2D(48, 3, use_bias=False),  # Shape: (batch, 4, 4, 48)
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(128, 3, use_bias=False),  # Shape: (batch, 2, 2, 128)
            layers.GlobalMaxPooling2D(),  # Shape: (batch, 128)
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dense(10),  # Shape: (batch, 10): logits
        ]
    )


def compile_for(model: keras.Model, samples: int) -> None:
    """Prepare a model for one epoch over so many samples, in batches of `BATCH_SIZE`."""
    steps = math.ceil(samples / BATCH_SIZE)
    model.compile(
        optimizer=keras.optimizers.Adam(OneCycle(PEAK, steps), beta_2=0.99),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=STEPS_A_CALL,
    )
