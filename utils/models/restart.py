"""Start a compiled network anew, so that several seeds share what compiling costs."""

import keras
import numpy as np


def restart(net: keras.Model, fresh: keras.Model) -> None:
    """Give a compiled network the weights of another one, and its optimizer an empty memory.

    Args:
        net: A compiled network, trained or not. What was traced and compiled for it stays.
        fresh: A new network of the same architecture, whose weights are taken.

    Raises:
        ValueError: The two are not of one architecture.
    """
    net.set_weights(fresh.get_weights())
    if not net.optimizer.built:  # else TensorFlow traces the first step twice
        net.optimizer.build(net.trainable_variables)
    for variable in net.optimizer.variables:
        if variable is not net.optimizer._learning_rate:
            variable.assign(np.zeros(variable.shape))
