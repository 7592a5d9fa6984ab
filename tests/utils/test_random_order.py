"""A random order that is never stored (utils/batches/permutation.py)."""

import tracemalloc

import numpy as np

from utils.batches.permutation import RandomOrder


def test_the_random_order_has_every_number_once():
    for n in [*range(1, 80), 127, 128, 129, 1000, 10_007]:
        order = RandomOrder(n, (3, 1))(np.arange(n))
        assert np.array_equal(np.sort(order), np.arange(n)), n


def test_the_random_order_does_not_depend_on_where_it_is_asked():
    order = RandomOrder(1000, (0, 0))
    whole = order(np.arange(1000))
    np.testing.assert_array_equal(order(np.arange(200, 300)), whole[200:300])
    assert not np.array_equal(whole, RandomOrder(1000, (0, 1))(np.arange(1000)))
    assert not np.array_equal(whole, RandomOrder(1000, (1, 0))(np.arange(1000)))


def test_the_random_order_is_random():
    n = 100_003
    order = RandomOrder(n, (0, 0))(np.arange(n)) / n
    assert abs(np.corrcoef(order, np.arange(n))[0, 1]) < 0.02
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.02
    # Over many seeds, every number is as likely as another to come first: chi-square with
    # 9 degrees of freedom has a mean of 9, and is above 40 once in 100 000 times.
    firsts = [RandomOrder(10, (seed, 0))(np.array([0]))[0] for seed in range(1000)]
    assert np.sum((np.bincount(firsts, minlength=10) - 100) ** 2 / 100) < 40


def test_a_random_order_of_very_many_takes_no_memory():
    tracemalloc.start()
    order = RandomOrder(10**12, (0, 0))(np.arange(128))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
    assert len(np.unique(order)) == 128
    assert order.min() >= 0
    assert order.max() < 10**12
    assert order.max() > 0.9e12
