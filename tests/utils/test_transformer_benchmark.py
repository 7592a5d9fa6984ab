"""`benchmarks.transformer_training`: what it reads from the peer, and its own network."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmarks import _gpt_recipe as recipe
from benchmarks import transformer_training as benchmark

PRINTED = [
    "number of parameters: 0.80M\n",
    "step 0: train loss 4.1676, val loss 4.1649\n",
    "iter 0: loss 4.1828, time 940.71ms, mfu -100.00%\n",
    "iter 1: loss 3.9, time 40.71ms, mfu -100.00%\n",
    "iter 2: loss 3.7, time 40.71ms, mfu -100.00%\n",
]


class Process:
    """Its processor time grows by three seconds from line to line."""

    def __init__(self):
        self.asked = 0

    def cpu_times(self):
        """Return one second more of the user's, two of the system's."""
        self.asked += 1
        return SimpleNamespace(user=self.asked, system=2 * self.asked)


def test_only_the_steps_of_the_peer_are_counted():
    assert benchmark.seconds_of_steps(Process(), PRINTED, steps=2) == 6
    assert benchmark.seconds_of_steps(Process(), PRINTED, steps=3) == 9
    assert benchmark.loss_of(PRINTED[1]) == 4.1649
    with pytest.raises(RuntimeError, match="did not take its steps"):
        benchmark.seconds_of_steps(Process(), PRINTED[:2], steps=2)


def test_the_network_sees_nothing_of_what_follows():
    model = recipe.network(7)
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.2, w.shape) for w in model.get_weights()])
    codes = random.integers(7, size=(1, recipe.WINDOW)).astype("int32")
    changed = codes.copy()
    changed[0, 40] = (codes[0, 40] + 1) % 7
    before, after = (keras.ops.convert_to_numpy(model(x))[0] for x in (codes, changed))
    np.testing.assert_allclose(before[:40], after[:40], atol=1e-5)
    assert np.all(np.abs(before[40:] - after[40:]).max(axis=1) > 1e-4)


def test_training_ends_when_the_allowance_is_used_up():
    codes = np.tile(np.arange(7, dtype="int32"), 100)
    model, steps = recipe.train(codes, 7, seconds=0.5, seed=0)  # compiling takes longer
    assert steps == recipe.STEPS_A_CALL
    assert float(keras.ops.max(keras.ops.abs(model(codes[None, : recipe.WINDOW])))) > 0
