"""The simulated phones: gravity at rest, the same people again, and pockets that turn."""

import numpy as np
import pytest

from utils import phones


def test_shapes_gravity_and_rhythm():
    recordings = phones.recordings(people=2, seconds=4, seed=0)
    assert recordings.shape == (2, 5, 4 * phones.RATE, 3) and recordings.dtype == np.float32
    length = np.linalg.norm(recordings, axis=-1)
    resting, running = phones.ACTIVITIES.index("resting"), phones.ACTIVITIES.index("running")
    np.testing.assert_allclose(length[:, resting].mean(axis=-1), phones.GRAVITY, rtol=0.01)
    assert (length[:, running].std(axis=-1) > 2).all()


def test_the_first_people_are_the_same_however_many_there_are():
    few, many = (phones.recordings(people, seconds=1, seed=7) for people in (1, 3))
    np.testing.assert_array_equal(few[0], many[0])
    assert not np.allclose(many[0], many[1])


def test_turning_keeps_the_length_and_is_no_mirror():
    x = phones.recordings(people=1, seconds=4, seed=1)[0]
    turned = phones.turn(x, seed=0)
    lengths = (np.linalg.norm(windows, axis=2) for windows in (x, turned))
    np.testing.assert_allclose(*lengths, rtol=1e-4)
    axes = phones.turn(np.tile(np.eye(3), (20, 1, 1)), seed=2)
    np.testing.assert_allclose(np.linalg.det(axes), 1, rtol=1e-4)


@pytest.mark.parametrize("wrong", [{"people": 0}, {"seconds": 0}, {"seed": -1}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError):
        phones.recordings(**{"people": 1, "seconds": 1, "seed": 0} | wrong)
