"""The compiled part of `utils.models.wavenet`: one function that runs a WaveNet sample by sample.

Numba compiles `run` at its first call and keeps the machine code beside this file (in __pycache__,
or in the user's cache folder where this one cannot be written to), so that only the first process
waits.
"""

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np

SAMPLE, MOST_PROBABLE, EXPECTED_VALUE = range(3)

# Sums may be reordered, so that they are computed 8 or 16 at a time. NaN and infinity keep their
# meaning (no "nnan", "ninf"): draw() looks for them.
OPTIONS = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}


def compiled(function: Callable) -> Callable:
    """Compile with Numba, and keep the result on disk if there is a place for it."""
    try:
        return numba.njit(cache=True, nogil=True, **OPTIONS)(function)
    except RuntimeError:  # no folder for the cache: neither here nor in the user's home
        return numba.njit(nogil=True, **OPTIONS)(function)


inlined = numba.njit(inline="always", **OPTIONS)


class Network(NamedTuple):
    """The arrays of `WaveNetWeights` that a step reads."""

    dilations: np.ndarray
    embedding: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    outer_bias: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    final: np.ndarray
    final_bias: np.ndarray


LOG2_E = np.float32(1 / np.log(2))
# Taylor series of 2^f for f in −1/2 … 1/2: the next term is below 2e-8.
C1, C2, C3, C4, C5, C6, C7 = (
    np.float32(np.log(2) ** k / np.prod(np.arange(1.0, k + 1))) for k in range(1, 8)
)
ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
MOST = np.float32(40)  # tanh and sigmoid of more than this are 1


@inlined
def exponential(x: np.float32) -> np.float32:
    """Return exp(x) in float32, to 1e-6; x must be within ±80.

    The whole part of the power is written into the exponent. It is plain arithmetic, so that the
    compiler can do 8 or 16 at once.
    """
    power = x * LOG2_E
    whole = np.floor(power + np.float32(0.5))
    f = power - whole
    p = C7
    p = p * f + C6
    p = p * f + C5
    p = p * f + C4
    p = p * f + C3
    p = p * f + C2
    p = p * f + C1
    p = p * f + ONE
    return p * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


@inlined
def add_product(x: np.ndarray, matrix: np.ndarray, total: np.ndarray) -> None:
    """Add x @ matrix to total, four inputs at a time: `total` is read and written less often."""
    fours = x.shape[0] - x.shape[0] % 4
    for i in range(0, fours, 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for o in range(total.shape[0]):
            total[o] += (
                a * matrix[i, o]
                + b * matrix[i + 1, o]
                + c * matrix[i + 2, o]
                + d * matrix[i + 3, o]
            )
    for i in range(fours, x.shape[0]):
        for o in range(total.shape[0]):
            total[o] += x[i] * matrix[i, o]


@inlined
def number_above(values: np.ndarray, value: np.float32) -> int:
    """Count the values that are larger than one of them."""
    count = 0
    for other in values:
        count += other > value
    return count


@inlined
def draw(
    logits: np.ndarray, u: float, how: int, temperature: float, top_k: int, cumulative: np.ndarray
) -> int:
    """Return the next class by the rule of `utils.models.wavenet.generate`; −1: not finite."""
    best = 0
    finite = True
    for c in range(logits.shape[0]):
        if logits[c] > logits[best]:
            best = c
        finite = finite and np.isfinite(logits[c])
    if not finite:
        return -1
    if how == MOST_PROBABLE:
        return best
    total = 0.0
    mean = 0.0
    for c in range(logits.shape[0]):
        if top_k >= logits.shape[0] or number_above(logits, logits[c]) < top_k:
            p = np.exp((np.float64(logits[c]) - np.float64(logits[best])) / temperature)
            total += p
            mean += c * p
        cumulative[c] = total
    if how == EXPECTED_VALUE:
        return int(np.floor(mean / total + 0.5))
    target = u * total
    for c in range(logits.shape[0]):
        if cumulative[c] > target:
            return c
    return best  # cannot be reached with u < 1


@inlined
def add_layer(
    x: np.ndarray,
    past: np.ndarray,
    bias: np.ndarray,
    inner: np.ndarray,
    outer: np.ndarray,
    outer_bias: np.ndarray,
    gates: np.ndarray,
    z: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Add a layer's residual and skip to `sums`; x and `past`, its inputs now and before."""
    channels = x.shape[0]
    gates[:] = bias
    add_product(past, inner[:channels], gates)
    add_product(x, inner[channels:], gates)
    for r in range(channels):
        # tanh(f) · sigmoid(g), with one division
        a = exponential(min(max(TWO * gates[r], -MOST), MOST))
        b = exponential(min(max(-gates[channels + r], -MOST), MOST))
        z[r] = (a - ONE) / ((a + ONE) * (ONE + b))
    for o in range(sums.shape[0]):
        sums[o] += outer_bias[o]
    add_product(z, outer, sums)


@inlined
def add_relu_product(
    x: np.ndarray, matrix: np.ndarray, bias: np.ndarray, total: np.ndarray
) -> None:
    """Overwrite total with relu(x) @ matrix + bias, and x with relu(x)."""
    for i in range(x.shape[0]):
        x[i] = max(x[i], ZERO)
    total[:] = bias
    add_product(x, matrix, total)


@compiled
def run(
    net: Network,
    biases: np.ndarray,  # (frames, layers, 2 · channels): what is added before tanh and sigmoid
    hop: int,  # steps per frame
    classes: np.ndarray,  # (steps + 1,) int32: what step t reads; what is drawn goes to t + 1
    known: int,  # how many of them are given; the rest are drawn
    uniforms: np.ndarray,  # (steps,) float64: one random number for each step
    logits: np.ndarray,  # (steps, classes) float32, or no rows: the logits of all steps
    how: int,
    temperature: float,
    top_k: int,
) -> int:
    """Run all steps; return −1, or the step whose logits are not finite."""
    layers, channels, width = net.outer.shape
    queues = np.zeros((net.dilations.sum(), channels), np.float32)  # what each layer read last
    x = np.zeros(channels, np.float32)
    past = np.zeros(channels, np.float32)
    gates = np.zeros(2 * channels, np.float32)
    z = np.zeros(channels, np.float32)
    sums = np.zeros(width, np.float32)  # the residual stream, then the sum of the skips
    y = np.zeros(net.hidden.shape[1], np.float32)
    scores = np.zeros(net.final.shape[1], np.float32)
    cumulative = np.zeros(net.final.shape[1], np.float64)
    for t in range(uniforms.shape[0]):
        bias = biases[t // hop]
        sums[:channels] = net.embedding[classes[t]]
        sums[channels:] = ZERO
        start = 0
        for layer in range(layers):
            place = start + t % net.dilations[layer]
            start += net.dilations[layer]
            for r in range(channels):
                past[r] = queues[place, r]  # what this layer read `dilation` steps ago
                x[r] = sums[r]
                queues[place, r] = sums[r]
            inner, outer, outer_bias = net.inner[layer], net.outer[layer], net.outer_bias[layer]
            add_layer(x, past, bias[layer], inner, outer, outer_bias, gates, z, sums)
        add_relu_product(sums[channels:], net.hidden, net.hidden_bias, y)
        add_relu_product(y, net.final, net.final_bias, scores)
        if logits.shape[0]:
            logits[t] = scores
        if t + 1 >= known:
            drawn = draw(scores, uniforms[t], how, temperature, top_k, cumulative)
            if drawn < 0:
                return t
            classes[t + 1] = drawn
    return -1
