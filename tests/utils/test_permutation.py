"""A random order that is never stored (utils/batches/permutation.py)."""

import numpy as np

from utils.batches.permutation import RandomOrder


def test_every_number_comes_once():
    for n in [*range(1, 80), 127, 128, 129, 1000, 10_007]:
        order = RandomOrder(n, (3, 1))(np.arange(n))
        assert np.array_equal(np.sort(order), np.arange(n)), n


def test_the_order_depends_on_the_seed_and_not_on_where_it_is_asked():
    order = RandomOrder(1000, (0, 0))(np.arange(1000))
    np.testing.assert_array_equal(RandomOrder(1000, (0, 0))(np.arange(200, 300)), order[200:300])
    for seed in ((0, 1), (1, 0)):
        assert not np.array_equal(order, RandomOrder(1000, seed)(np.arange(1000)))


def test_the_order_is_random():
    n = 100_003
    order = RandomOrder(n, (0, 0))(np.arange(n)) / n
    assert abs(np.corrcoef(order, np.arange(n))[0, 1]) < 0.02
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.02
    # Over many seeds, every number is as likely as another to come first: chi-square with
    # 9 degrees of freedom has a mean of 9, and is above 40 once in 100 000 times.
    firsts = [RandomOrder(10, (seed, 0))(np.array([0]))[0] for seed in range(1000)]
    assert np.sum((np.bincount(firsts, minlength=10) - 100) ** 2 / 100) < 40


def test_a_part_of_a_very_long_order_is_spread_over_all_of_it():
    order = RandomOrder(10**12, (0, 0))(np.arange(128))  # stored, it would be 8 TB
    assert len(np.unique(order)) == 128
    assert 0 <= order.min() < 0.1e12 and 0.9e12 < order.max() < 10**12
