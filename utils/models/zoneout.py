"""An LSTM with zoneout (Krueger et al. 2016): some units keep the state that they had.

    from utils.models import zoneout

    layer = zoneout.ZoneoutLSTM(64, 0.2, mix)    # mix(old, new, keep) is the lesson's formula

What is hard about it is not the formula. Random numbers inside a loop over time are awkward on some
backends of Keras, so they are drawn before the loop, for all timesteps at once, and travel to the
cell together with its input.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


class ZoneoutLSTM(keras.layers.Layer):
    """An LSTM that returns its outputs at all timesteps, (batch, timesteps, units), with zoneout.

    Args:
        units: How many cells.
        rate: The probability with which a unit keeps its old state, for h and for c.
        mix: A function of old, new and keep, (batch, units) each, that returns the state. During
            training keep is 1 where the old state stays, else 0; afterwards it is the rate.
    """

    def __init__(
        self, units: int, rate: float, mix: Callable[[Any, Any, Any], Any], **options: Any
    ) -> None:
        super().__init__(**options)
        self.units = units
        self.reader = keras.layers.RNN(_ZoneoutCell(units, rate, mix), return_sequences=True)
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: tuple) -> None:
        """Make the weights of an LSTM for inputs of shape (batch, timesteps, features)."""
        self.reader.build((*input_shape[:-1], input_shape[-1] + 2 * self.units))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Read (batch, timesteps, features); return (batch, timesteps, units)."""
        shape = (*ops.shape(inputs)[:2], 2 * self.units)
        noise = ops.zeros(shape)
        if training:
            noise = keras.random.uniform(shape, seed=self.seed_generator)
        return self.reader(ops.concatenate([inputs, noise], axis=-1), training=training)


class _ZoneoutCell(keras.layers.LSTMCell):
    """An LSTM cell that is given 2 · units random numbers after its features."""

    def __init__(self, units, rate, mix):
        super().__init__(units)
        self.rate, self.mix = rate, mix

    def build(self, input_shape):
        super().build((*input_shape[:-1], input_shape[-1] - 2 * self.units))

    def call(self, inputs, states, training=False):
        features = inputs.shape[-1] - 2 * self.units
        x, *noise = ops.split(inputs, [features, features + self.units], axis=-1)
        _, new_states = super().call(x, states, training=training)
        mixed = []
        for old, new, u in zip(states, new_states, noise, strict=True):  # h, then c
            keep = ops.cast(u < self.rate, new.dtype) if training else self.rate
            mixed.append(self.mix(old, new, keep))
        return mixed[0], mixed
