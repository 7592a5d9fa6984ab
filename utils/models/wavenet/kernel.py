"""The compiled part of `utils.models.wavenet`: one function that runs a WaveNet sample by sample.

Importing this module imports Numba, which takes about a second; `utils.models.wavenet` does it when
something is generated for the first time. Numba compiles `run` at its first call and keeps the
machine code beside this file (in __pycache__, or in the user's cache folder where this one cannot
be written to), so that only the first process waits.
"""

import numba
import numpy as np

SAMPLE, MOST_PROBABLE, EXPECTED_VALUE = range(3)

# Sums may be reordered, so that they are computed 8 or 16 at a time. NaN and infinity keep their
# meaning (no "nnan", "ninf"): run() looks for them.
FAST = {"reassoc", "contract", "nsz", "arcp"}


def compiled(function):
    """Compiles with Numba; keeps the result on the disk where there is a place for it."""
    options = {"fastmath": FAST, "nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache: neither here nor in the user's home
        return numba.njit(**options)(function)


inlined = numba.njit(fastmath=FAST, inline="always", error_model="numpy")

LOG2_E = np.float32(1 / np.log(2))
# Taylor series of 2^f for f in −1/2 … 1/2: the next term is below 2e-8.
C1, C2, C3, C4, C5, C6, C7 = (
    np.float32(np.log(2) ** k / np.prod(np.arange(1.0, k + 1))) for k in range(1, 8)
)


@inlined
def exponential(x):
    """exp(x) in float32, to 1e-6: the whole part of the power is written into the exponent.

    Plain arithmetic, so that the compiler can do 8 or 16 at once. x must be within ±80.
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
    p = p * f + np.float32(1)
    return p * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


@inlined
def add_product(x, matrix, total):
    """total += x @ matrix, four inputs at a time: `total` is read and written less often."""
    for i in range(0, x.shape[0], 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for o in range(total.shape[0]):
            total[o] += (
                a * matrix[i, o]
                + b * matrix[i + 1, o]
                + c * matrix[i + 2, o]
                + d * matrix[i + 3, o]
            )


@inlined
def kth_largest(values, k):
    """A number that exactly the k largest values reach (more, if others equal the k-th).

    Found by bisection: a dozen plain loops that the compiler can do 8 or 16 at once are quicker
    than sorting, and much quicker to compile.
    """
    low, high = values[0], values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    while True:
        middle = low + (high - low) / np.float32(2)
        if middle <= low or middle >= high:
            break
        count = 0
        for value in values:
            count += value >= middle
        if count >= k:
            low = middle
        else:
            high = middle
        if count == k:
            break
    count = 0
    for value in values:
        count += value >= high
    return high if count >= k else low


@inlined
def draw(logits, u, how, temperature, top_k, p):
    """The next class by the rule that `utils.models.wavenet.generate` documents; −1: not finite."""
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
    least = -np.inf
    if top_k < logits.shape[0]:
        least = kth_largest(logits, top_k)
    total = 0.0
    for c in range(logits.shape[0]):
        if logits[c] >= least:
            total += np.exp((np.float64(logits[c]) - np.float64(logits[best])) / temperature)
        p[c] = total  # the cumulative distribution, times its total
    if how == EXPECTED_VALUE:
        mean = 0.0
        before = 0.0
        for c in range(logits.shape[0]):
            mean += c * (p[c] - before)
            before = p[c]
        return int(np.floor(mean / total + 0.5))
    target = u * total
    for c in range(logits.shape[0]):
        if p[c] > target:
            return c
    return best  # cannot be reached with u < 1


@compiled
def run(
    first,  # the first step of this call, and
    last,  # the one after its last
    classes,  # (steps + 1,) int32: the class that step t reads; what is drawn goes to t + 1
    known,  # so many of them are given; from there on, they are drawn
    uniforms,  # (steps,) float64: one random number for each step
    logits,  # (last − first, classes) float32, or empty: the logits of these steps
    queues,  # (all dilations together, channels) float32: what each layer read last
    dilations,  # (layers,)
    embedding,  # (classes, channels)
    inner,  # (layers, 2 · channels, 2 · channels)
    biases,  # (frames from this call's first, layers, 2 · channels)
    hop,  # steps per frame
    outer,  # (layers, channels, channels + skip)
    outer_bias,  # (layers, channels + skip)
    hidden,  # (skip, hidden)
    hidden_bias,  # (hidden,)
    final,  # (hidden, classes)
    final_bias,  # (classes,)
    how,
    temperature,
    top_k,
):
    """Runs steps first … last − 1. Returns −1, or the step whose logits are not finite.

    Channels, skip channels and hidden channels must be multiples of 4.
    """
    layers, channels = outer.shape[0], outer.shape[1]
    both = np.zeros(2 * channels, np.float32)  # a layer's past and present input
    gates = np.zeros(2 * channels, np.float32)
    z = np.zeros(channels, np.float32)
    sums = np.zeros(outer.shape[2], np.float32)  # the residual stream, then the sum of skips
    y = np.zeros(hidden.shape[1], np.float32)
    scores = np.zeros(final.shape[1], np.float32)
    p = np.zeros(final.shape[1], np.float64)
    one, two, zero = np.float32(1), np.float32(2), np.float32(0)
    a_most, b_most = np.float32(20), np.float32(40)
    frame = first // hop
    for t in range(first, last):
        bias = biases[t // hop - frame]
        for r in range(channels):
            sums[r] = embedding[classes[t], r]
        for o in range(channels, sums.shape[0]):
            sums[o] = zero
        start = 0
        for layer in range(layers):
            at = start + t % dilations[layer]
            start += dilations[layer]
            for r in range(channels):
                both[r] = queues[at, r]  # what this layer read `dilation` steps ago
                both[channels + r] = sums[r]
                queues[at, r] = sums[r]
            for o in range(gates.shape[0]):
                gates[o] = bias[layer, o]
            add_product(both, inner[layer], gates)
            for r in range(channels):
                # tanh(f) · sigmoid(g), with one division
                a = exponential(min(max(two * gates[r], -a_most), a_most))
                b = exponential(min(max(-gates[channels + r], -b_most), b_most))
                z[r] = (a - one) / ((a + one) * (one + b))
            for o in range(sums.shape[0]):
                sums[o] += outer_bias[layer, o]
            add_product(z, outer[layer], sums)
        for o in range(channels, sums.shape[0]):
            sums[o] = max(sums[o], zero)
        for o in range(y.shape[0]):
            y[o] = hidden_bias[o]
        add_product(sums[channels:], hidden, y)
        for o in range(y.shape[0]):
            y[o] = max(y[o], zero)
        for o in range(scores.shape[0]):
            scores[o] = final_bias[o]
        add_product(y, final, scores)
        if logits.shape[0]:
            for o in range(scores.shape[0]):
                logits[t - first, o] = scores[o]
        if t + 1 >= known:
            drawn = draw(scores, uniforms[t], how, temperature, top_k, p)
            if drawn < 0:
                return t
            classes[t + 1] = drawn
    return -1
