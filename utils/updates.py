"""One step of training for a loss of your own, on every backend of Keras.

`fit` trains one network with one optimizer. A game of two networks needs two: each player has an
optimizer, and its loss calls the other player, whose weights must stay as they are.

    better_critic = updates.compile_step(
        critic_loss, keras.optimizers.Adam(1e-3), trains=critic, reads=generator
    )
    loss = better_critic(x_real, noise)  # one update; the loss before it

Keras has no public call for this, because each backend differentiates and compiles in its own way.
"""

from collections.abc import Callable, Sequence

import keras

from utils.gradients import as_tensor, traced

Networks = keras.Layer | Sequence[keras.Layer]


def compile_step(
    loss: Callable, optimizer: keras.optimizers.Optimizer, *, trains: Networks, reads: Networks = ()
) -> Callable:
    """Return a compiled function that makes one update of some networks' weights.

    Args:
        loss: A function of arrays or tensors that returns one number, written with `keras.ops` and
            the networks.
        optimizer: Makes the update. Its memory belongs to these weights, so every step that is
            compiled needs an optimizer of its own.
        trains: The built network, or several, whose trainable weights are moved.
        reads: Built networks that the loss calls, too, and whose trainable weights stay. What a
            layer keeps besides (averages of batch normalisation, the state of dropout's random
            numbers) goes on in all of them.

    Returns:
        A function `step(*arrays)` that makes one update and returns the loss before it: a number
        as a tensor, so that nothing waits for it; `float(...)` makes a number of it. It is
        compiled once for each shape of its arguments, which are arrays or numbers.

    Raises:
        TypeError: `trains` or `reads` holds something that is not a network.
        ValueError: A network is not built, there is nothing to train, the optimizer already has
            weights to move; at the first call, the loss is not one number, does not depend on
            the weights, or uses a network that was not named.
    """
    trained, read = _as_list(trains), _as_list(reads)
    for network in trained + read:
        if not network.built:
            raise ValueError(
                f"{network.name} has no weights yet. Give it its input's shape first: "
                "keras.Input((…,)) as its first layer, or network.build((None, …))."
            )
    weights = _unique(v for network in trained for v in network.trainable_variables)
    if not weights:
        names = ", ".join(network.name for network in trained) or "nothing"
        raise ValueError(f"There is nothing to train: {names} has no trainable weights.")
    if optimizer.built:
        raise ValueError(
            "This optimizer already moves other weights and remembers them. Give every step "
            "an optimizer of its own: keras.optimizers.Adam(…)."
        )
    optimizer.build(weights)
    chosen = {id(v) for v in weights}
    others = _unique(v for network in trained + read for v in network.variables)
    others = [v for v in others if id(v) not in chosen]
    backends = {"tensorflow": _tensorflow_step, "jax": _jax_step}
    run = backends[keras.backend.backend()](loss, optimizer, weights, others)

    def step(*arrays):
        return run(*map(as_tensor, arrays))

    return step


def _as_list(networks):
    networks = [networks] if isinstance(networks, keras.Layer) else list(networks)
    for network in networks:
        if not isinstance(network, keras.Layer):
            raise TypeError(f"A network is needed here, not a {type(network).__name__}.")
    return networks


def _unique(variables):
    return list({id(v): v for v in variables}.values())


def _one_number(value):
    value = keras.ops.convert_to_tensor(value)
    if tuple(value.shape):
        raise ValueError(
            f"The loss must be one number; it has the shape {tuple(value.shape)}. "
            "Take the mean: keras.ops.mean(…)."
        )
    return value


def _check_connected(connected):
    if not connected:
        raise ValueError(
            "The loss does not depend on any of the weights to train. Call the network inside "
            "the loss, and compute with keras.ops only: NumPy, argmax and rounding cut the "
            "connection."
        )


def _not_named(name):
    return ValueError(
        f"The loss uses weights, {name}, of a network that was not named. If it is to "
        "stay as it is: compile_step(…, reads=that_network)."
    )


def _tensorflow_step(loss, optimizer, weights, others):
    import tensorflow as tf

    known = {id(v.value) for v in weights + others}

    def run(*arrays):
        with tf.GradientTape() as tape:
            value = _one_number(loss(*arrays))
        for variable in tape.watched_variables():
            if id(variable) not in known:
                raise _not_named(variable.name)
        gradients = tape.gradient(value, [v.value for v in weights])
        _check_connected(any(g is not None for g in gradients))
        optimizer.apply(gradients, weights)
        return value

    return traced(run)


def _jax_step(loss, optimizer, weights, others):
    import jax

    class Scope(keras.StatelessScope):
        """The variables stand for the values given; one that is not among them is noticed."""

        def get_current_value(self, variable):
            value = super().get_current_value(variable)
            if value is None:
                raise _not_named(variable.path)
            return value

    def loss_and_state(values, other_values, *arrays):
        mapping = [*zip(weights, values, strict=True), *zip(others, other_values, strict=True)]
        with Scope(state_mapping=mapping) as scope:
            value = _one_number(loss(*arrays))
        # While JAX differentiates, what depends on the weights is a tracer of their kind.
        _check_connected(type(value) is type(values[0]))
        return value, [scope.get_current_value(v) for v in others]

    differentiate = jax.value_and_grad(loss_and_state, has_aux=True)

    @jax.jit
    def update(values, other_values, memory, *arrays):
        (value, state), gradients = differentiate(values, other_values, *arrays)
        values, memory = optimizer.stateless_apply(memory, gradients, values)
        return value, values, state, memory

    def step(*arrays):
        groups = (weights, others, optimizer.variables)
        value, *results = update(*([v.value for v in group] for group in groups), *arrays)
        for group, news in zip(groups, results, strict=True):
            for variable, new in zip(group, news, strict=True):
                variable.assign(new)
        return value

    return step
