"""A random order that takes no memory, for datasets too long to store a permutation of."""

from __future__ import annotations

import math

import numpy as np

_ROUNDS = 3


class RandomOrder:
    """A random order of 0 … n − 1 that is computed where it is needed, never stored.

    A number is written as high · columns + low, its place in a table that is as square as
    possible. Then high and low are shifted in turn, each by a pseudo-random amount that depends
    only on the other: every step can be undone, so no two numbers become the same. This is a
    Feistel network (Luby and Rackoff 1988). The table may have a few places too many; what lands
    there moves on until it is below n ("cycle walking", Black and Rogaway 2002).
    """

    def __init__(self, n: int, seed: tuple[int, ...]):
        rows = math.isqrt(n - 1) + 1
        self.n = n
        self.rows, self.columns = np.uint64(rows), np.uint64(-(-n // rows))
        keys = np.random.SeedSequence(seed).generate_state(2 * _ROUNDS, np.uint64)
        self.keys = keys.reshape(_ROUNDS, 2)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Return the numbers at these positions of the order."""
        order = self._encrypt(positions.astype(np.uint64))
        while (outside := np.flatnonzero(order >= self.n)).size:
            order[outside] = self._encrypt(order[outside])
        return order.astype(np.intp)

    def _encrypt(self, value):
        high, low = np.divmod(value, self.columns)
        for key_high, key_low in self.keys:
            high = (high + _scramble(low, key_high)) % self.rows
            low = (low + _scramble(high, key_low)) % self.columns
        return high * self.columns + low


def _scramble(value, key):
    """Return a pseudo-random number below 2³² for each number, different for each key."""
    # The steps of SplitMix64 (Steele, Lea and Flood 2014). The overflow is intended.
    value = (value ^ key) * np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(31)
    value *= np.uint64(0x94D049BB133111EB)
    return value >> np.uint64(32)
