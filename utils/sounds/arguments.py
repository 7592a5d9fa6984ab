"""Checks of arguments that the modules of this package share."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from utils.common.arguments import as_array, as_integer


def as_samples(samples: ArrayLike) -> np.ndarray:
    """Return samples as a float32 array of shape (samples,).

    Raises:
        TypeError: They are not an array.
        ValueError: They are empty, integers, not finite, or have several channels.
    """
    samples = as_array("What was given as samples", samples)
    if samples.ndim == 2 and 1 in samples.shape:
        samples = samples.ravel()
    if samples.ndim != 1:
        raise ValueError(
            f"A sound has the shape (samples,), but this has {samples.shape}. "
            "Several channels? Take their mean. Several sounds? Take one of them."
        )
    if samples.dtype.kind != "f":
        raise ValueError(
            f"A sound is floats from -1 to 1, but these are {samples.dtype}. 16-bit integers? "
            "Divide them by 32768. Classes of a network? Decode them first."
        )
    if not len(samples):
        raise ValueError("The sound is empty: it has no samples.")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf
        samples = samples.astype(np.float32, copy=False)
    bad = np.count_nonzero(~np.isfinite(samples))
    if bad:
        raise ValueError(f"{bad:,} of the {samples.size:,} samples are not numbers (NaN or inf).")
    return samples


def as_sample_rate(sample_rate: float) -> int:
    """Return a sample rate in Hz as an int; ValueError below 1,000 Hz."""
    return as_integer("The sample rate", sample_rate, minimum=1000)


def as_named_sounds(named: Mapping) -> dict[str, np.ndarray]:
    """Return caption -> samples, each checked by `as_samples`; ValueError if there are none."""
    if not named:
        raise ValueError("There are no sounds: give at least one caption and its samples.")
    return {str(caption): as_samples(samples) for caption, samples in named.items()}
