"""One step of two players: only the named weights move, as plain gradient descent says."""

import keras
import numpy as np
import pytest
from keras import ops

from utils.gradients import weight_gradients
from utils.updates import compile_step

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def network(units, width=3, seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((width,)),
            keras.layers.Dense(4, activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units),
        ]
    )


def test_a_step_goes_down_the_gradient_and_leaves_the_other_player():
    generator, critic = network(2), network(1, width=2, seed=1)

    def loss(x):
        return ops.mean(critic(generator(x, training=False), training=False) ** 2)

    before, weights = loss(X), generator.trainable_variables
    values = [ops.convert_to_numpy(w) for w in weights]
    gradients = weight_gradients(lambda: loss(X), weights)
    others = critic.get_weights()
    step = compile_step(loss, keras.optimizers.SGD(0.1), trains=generator, reads=critic)
    assert float(step(X)) == pytest.approx(float(before), rel=1e-5)
    for weight, value, gradient in zip(weights, values, gradients, strict=True):
        assert np.allclose(weight, value - 0.1 * gradient, atol=1e-6)
    for now, other in zip(critic.get_weights(), others, strict=True):
        assert np.array_equal(now, other)
    assert float(step(X.astype("float64"))) < float(before)


def test_two_players_learn_each_with_an_optimizer_of_its_own():
    """A generator of one number learns to draw around 3 from a critic that learns beside it."""
    keras.utils.set_random_seed(0)
    generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    critic = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def critic_loss(x, noise):
        fake = critic(generator(noise))
        return (
            ops.mean(ops.softplus(-critic(x)))
            + ops.mean(ops.softplus(fake))
            + 0.1 * ops.sum(critic.layers[0].kernel ** 2)
        )

    def generator_loss(noise):
        return ops.mean(ops.softplus(-critic(generator(noise))))

    steps = [
        compile_step(critic_loss, keras.optimizers.SGD(0.2), trains=critic, reads=generator),
        compile_step(generator_loss, keras.optimizers.SGD(0.2), trains=[generator], reads=[critic]),
    ]
    random = np.random.default_rng(0)
    for _ in range(300):
        steps[0](random.normal(3, 1, size=(64, 1)), random.normal(size=(64, 1)))
        steps[1](random.normal(size=(64, 1)))
    drawn = ops.convert_to_numpy(generator(random.normal(size=(500, 1)).astype("float32")))
    assert drawn.mean() == pytest.approx(3, abs=0.5)


def test_what_layers_keep_goes_on():
    """Averages of batch normalisation move, and dropout drops something else every time."""
    net = network(1)
    average = net.layers[1].moving_mean
    step = compile_step(
        lambda x: ops.mean(net(x, training=True) ** 2), keras.optimizers.SGD(0.0), trains=net
    )
    losses = [float(step(X)) for _ in range(4)]
    assert np.abs(average).max() > 0
    assert len(set(losses)) == 4
    step(X[:3])  # another shape


def test_steps_that_cannot_be_made():
    net, other = network(1), network(1)

    def step_of(loss):
        return compile_step(loss, keras.optimizers.SGD(0.1), trains=net)

    with pytest.raises(ValueError, match=r"not named.*reads="):
        step_of(lambda x: ops.mean(net(x) + other(x)))(X)
    with pytest.raises(ValueError, match=r"one number; it has the shape \(8, 1\)"):
        step_of(net)(X)
    with pytest.raises(ValueError, match="does not depend"):
        step_of(lambda x: ops.mean(x))(X)
    with pytest.raises(ValueError, match="no weights yet"):
        compile_step(ops.mean, keras.optimizers.SGD(), trains=keras.Sequential())
    with pytest.raises(ValueError, match="nothing to train"):
        compile_step(ops.mean, keras.optimizers.SGD(), trains=[])
    with pytest.raises(TypeError, match="not a function"):
        compile_step(ops.mean, keras.optimizers.SGD(), trains=net, reads=[step_of])
    optimizer = keras.optimizers.SGD()
    compile_step(ops.mean, optimizer, trains=net)
    with pytest.raises(ValueError, match="optimizer of its own"):
        compile_step(ops.mean, optimizer, trains=other)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_on_the_other_backend(backend, run_again):
    run_again(__file__, "not on_the_other", backend)
