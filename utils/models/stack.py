"""Many equal layers as one: a `for` loop over the layers, made quick.

    from utils.models.stack import Stack

    def body(x, kernel, bias):              # one layer, as in the lecture
        return x + keras.ops.tanh(x @ kernel + bias)

    keras.Sequential([Dense(10, activation="tanh"), Stack(100, body), Dense(1)])

A hundred `Dense` layers are written down one by one before the first step of training, which takes
longer than the training. Here the weights of all layers lie in one array, and the backend is told
to repeat one layer, with the next weights each time.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops


class Stack(keras.layers.Layer):
    """Repeat `x = body(x, kernel, bias)`, with weights of its own for every layer.

    Kernels start as those of `Dense` do (Glorot uniform).

    Args:
        depth: How many layers.
        body: One layer: a function of x, (batch, units), a kernel, (units, units), and a bias,
            (units,), that returns the new x, of the same shape. With more than one number in
            `biases` it is given as many pairs: x, kernel, bias, kernel, bias, ….
        biases: The value at which the biases of each pair start.
        options: Of every Keras layer, such as `name`.

    Attributes:
        stacked: The weights, a list: kernels, (depth, units, units), and biases, (depth, units),
            of each pair.
    """

    def __init__(
        self,
        depth: int,
        body: Callable[..., Any],
        biases: Sequence[float] = (0.0,),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.depth, self.body, self.biases = depth, body, tuple(biases)
        self.stacked: list[keras.Variable] = []
        # Kept, for JAX compiles a loop anew whenever it is given a new function.
        self._layer = lambda x, weights: (body(x, *weights), None)

    def build(self, input_shape: tuple) -> None:
        """Make the weights for inputs of shape (batch, units)."""
        units = input_shape[-1]
        limit = (3 / units) ** 0.5  # as Glorot and Bengio (2010), and Dense, for each kernel
        kernels = keras.initializers.RandomUniform(-limit, limit)
        for number, start in enumerate(self.biases):
            shape, name = (self.depth, units, units), f"kernels_{number}"
            self.stacked.append(self.add_weight(shape=shape, initializer=kernels, name=name))
            constant, name = keras.initializers.Constant(start), f"biases_{number}"
            shape = (self.depth, units)
            self.stacked.append(self.add_weight(shape=shape, initializer=constant, name=name))

    def call(self, x: Any) -> Any:
        """Take (batch, units) through all layers; return the same shape."""
        weights = [ops.convert_to_tensor(weight) for weight in self.stacked]
        if keras.backend.backend() == "tensorflow":
            return _repeat_in_tensorflow(self.body, x, weights, self.depth)
        return ops.scan(self._layer, x, weights)[0]


def _repeat_in_tensorflow(body, x, weights, depth):
    # keras.ops.scan names no maximum of iterations, without which XLA cannot compile the gradient.
    import tensorflow as tf

    if tf.executing_eagerly():
        for layer_weights in zip(*map(tf.unstack, weights), strict=True):
            x = body(x, *layer_weights)
        return x

    @tf.custom_gradient
    def repeat(x, *weights):
        """Keep what goes into each layer, and go back layer by layer.

        TensorFlow's own gradient of a loop would add a whole array of weights in every layer.
        """

        def forward(layer, x, inputs):
            y = body(x, *(weight[layer] for weight in weights))
            return layer + 1, y, inputs.write(layer, x)

        def backward(layer, slope, *slopes):
            arguments = [inputs[layer], *(weight[layer] for weight in weights)]
            with tf.GradientTape() as tape:
                tape.watch(arguments)
                y = body(*arguments)
            slope, *of_weights = tape.gradient(y, arguments, slope, unconnected_gradients="zero")
            written = (a.write(layer, b) for a, b in zip(slopes, of_weights, strict=True))
            return layer - 1, slope, *written

        def gradient(slope):
            slopes = [tf.TensorArray(w.dtype, depth, element_shape=w.shape[1:]) for w in weights]
            start = depth - 1, slope, *slopes
            down = tf.while_loop(lambda n, *_: n >= 0, backward, start, maximum_iterations=depth)
            return down[1], *(each.stack() for each in down[2:])

        start = 0, x, tf.TensorArray(x.dtype, depth, element_shape=x.shape)
        up = tf.while_loop(lambda n, *_: n < depth, forward, start, maximum_iterations=depth)
        inputs = up[2].stack()
        return up[1], gradient

    return repeat(x, *weights)
