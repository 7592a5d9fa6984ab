"""Generates with a trained WaveNet sample by sample, fast: several times real time on one CPU core.

A WaveNet that is trained on all samples of a recording at once has to be run step by step when it
generates: each sample depends on those before it. Done naively, every step computes the whole
receptive field again. Le Paine et al., "Fast Wavenet Generation Algorithm" (2016), keep what each
layer has read in a queue as long as the layer's dilation; a step then costs two small
matrix-vector products per layer, whatever the receptive field. The lesson writes these queues in
readable NumPy. This module computes the same thing, compiled.

    weights = weights_of(model)                       # from a Keras model, on any backend
    classes = generate(weights, 16_000, seed=1)       # (16000,) whole numbers

**Why Numba.** A step of a net with 30 layers takes about 250 small operations. A framework needs
some microseconds to start each of them, and real time (16,000 samples per second) allows 62 µs
for all together. So the loop over the layers has to run in machine code too. `jax.lax.scan`
compiles the whole loop, but XLA still treats every small product as an operation of its own (about
3,900 samples per second in a trial), and it exists on JAX only; `tf.while_loop` starts every
operation separately and is slower yet. A C extension would be as fast, but needs a compiler on
every student's machine, or a build for each system. Numba turns a plain Python function with loops
into machine code for the processor at hand, installs with pip everywhere, is part of Colab, and
its code can be read beside the NumPy version. The price: a few seconds for compiling, once per
machine. The compiled function is in `utils/models/wavenet/kernel.py`.
"""

from __future__ import annotations

import functools

import numpy as np

from utils.common.arguments import as_integer
from utils.models.wavenet.weights import (
    WaveNetWeights,
    as_condition,
    condition_biases,
    exact_logits,
    random_weights,
    weights_of,
)

__all__ = [
    "WaveNetWeights",
    "condition_biases",
    "exact_logits",
    "generate",
    "logits",
    "random_weights",
    "weights_of",
]

HOW = ("sample", "most probable", "expected value")
STEPS_PER_CALL = 16_000  # between two calls of the compiled function, Ctrl-C gets through


def generate(
    weights,
    count,
    *,
    uniforms=None,
    seed=None,
    condition=None,
    hop=None,
    how="sample",
    temperature=1.0,
    top_k=None,
    start=None,
):
    """Generates samples one after the other, each from all before it.

    How a class is drawn from the logits s (classes,) and a random number u is fixed, so that
    other implementations can draw the same ones. It is the inverse of the cumulative distribution,
    in float64:

        p = np.exp((s.astype("float64") - s.max()) / temperature)
        p[s < np.sort(s)[-top_k]] = 0                      # only with top_k
        cumulative = np.cumsum(p)
        drawn = np.searchsorted(cumulative, u * cumulative[-1], side="right")

    "most probable" takes s.argmax() (the lower class, if two are equal) and needs neither u nor
    temperature; "expected value" takes int(p @ np.arange(classes) / p.sum() + 0.5), the mean class,
    rounded. Two implementations that add up in another order have logits that differ by about
    1e-6; then u falls between the two limits about once in a hundred thousand draws.

    Args:
        weights: What `weights_of(model)` returned.
        count: How many samples.
        uniforms: (count,) random numbers in [0, 1), one for each sample.
        seed: Makes the random numbers, `np.random.default_rng(seed).random(count)`, where
            `uniforms` are not given.
        condition: (frames, features) for a model with a condition; frame i holds for the samples
            i · hop … (i + 1) · hop − 1.
        hop: Samples per frame of the condition; the model's own where it is not given. Another
            one speaks slower or faster.
        how: "sample", "most probable" or "expected value".
        temperature: Above 1 more random, below 1 less.
        top_k: Draw only among so many most probable classes (and those equal to the last one).
        start: The class before the first sample; silence, the middle class, where it is not
            given. Several, (n,), are read one after the other before the first sample is drawn;
            the frames of a condition then begin with the first of them.

    Returns:
        (count,) int32 classes.

    Raises:
        ImportError: Numba is not installed.
        TypeError, ValueError: an argument does not fit; the message says which, and what to do.
    """
    _check_weights(weights)
    count = as_integer("count", count)
    if how not in HOW:
        raise ValueError(f"how must be one of {', '.join(map(repr, HOW))}, but is {how!r}.")
    temperature = _as_temperature(temperature)
    if top_k is None:
        top_k = weights.classes
    top_k = as_integer("top_k", top_k)
    if top_k > weights.classes:
        raise ValueError(
            f"top_k is {top_k}, but there are only {weights.classes} classes. "
            "Leave it out to draw among all of them."
        )
    start = weights.classes // 2 if start is None else start
    given = _as_classes(weights, np.atleast_1d(start), "start")
    steps = len(given) - 1 + count
    drawn_from = np.zeros(steps)
    drawn_from[len(given) - 1 :] = _as_uniforms(uniforms, seed, count)
    classes = np.zeros(steps + 1, np.int32)
    classes[: len(given)] = given
    for _ in _run(
        weights, classes, len(given), drawn_from, condition, hop, HOW.index(how), temperature, top_k
    ):
        pass
    return classes[len(given) :].copy()


def logits(weights, previous, condition=None, hop=None):
    """Computes the logits along a given sequence (teacher forcing), through the same queues.

    Args:
        weights: What `weights_of(model)` returned.
        previous: (count,) classes: the input of the model, the sequence moved by one.
        condition: (frames, features) for a model with a condition.
        hop: Samples per frame of the condition; the model's own where it is not given.

    Returns:
        (count, classes) float32: row i are the logits of the sample after previous[i].
    """
    _check_weights(weights)
    previous = _as_classes(weights, previous, "previous")
    classes = np.append(previous, 0).astype(np.int32)
    uniforms = np.zeros(len(previous))
    parts = _run(
        weights, classes, len(classes), uniforms, condition, hop, 0, 1.0, weights.classes, keep=True
    )
    return np.concatenate(list(parts))


def _run(weights, classes, known, uniforms, condition, hop, how, temperature, top_k, keep=False):
    """Runs the compiled function in pieces; yields the logits of each, if they are to be kept."""
    kernel, padded = _kernel(), weights.padded
    if hop is not None and not weights.features:
        raise ValueError(
            f"hop is {hop!r}, but this model was built without a condition (features=0), so there "
            "are no frames that could be longer or shorter. Leave it out."
        )
    hop = weights.hop if hop is None else as_integer("hop", hop)
    steps = len(uniforms)
    if weights.features:
        condition = as_condition(weights, condition)
        if len(condition) * hop < steps:
            raise ValueError(
                f"The condition has {len(condition)} frames of {hop} samples, enough for "
                f"{len(condition) * hop} samples, but there are {steps}. "
                f"Give {-(-steps // hop)} frames, or ask for fewer samples."
            )
    elif condition is not None:
        raise ValueError(
            "This model was built without a condition (features=0), but one is given. Leave it "
            "out, or take the weights of a model with a condition."
        )
    else:
        hop = steps  # one frame for everything
    queues = np.zeros((weights.dilations.sum(), padded["embedding"].shape[1]), np.float32)
    for first in range(0, steps, STEPS_PER_CALL):
        last = min(first + STEPS_PER_CALL, steps)
        biases = np.zeros((1, *weights.inner_bias.shape), np.float32)
        if weights.features:
            biases = condition_biases(weights, condition[first // hop : (last - 1) // hop + 1])
        found = np.empty((keep * (last - first), weights.classes), np.float32)
        arguments = (
            first,
            last,
            classes,
            known,
            uniforms,
            found,
            queues,
            weights.dilations,
            padded["embedding"],
            padded["inner"],
            weights.padded_biases(biases),
            hop,
            padded["outer"],
            padded["outer_bias"],
            padded["hidden"],
            padded["hidden_bias"],
            padded["final"],
            padded["final_bias"],
            how,
            float(temperature),
            top_k,
        )
        try:
            failed = kernel.run(*arguments)
        except OSError:  # compiled, but there was no room on the disk to keep the result
            failed = kernel.run(*arguments)
        if failed >= 0 or not np.isfinite(found).all():
            raise ValueError(
                f"The logits became NaN or infinite{f' at sample {failed}' * (failed >= 0)}. "
                "The weights or the condition are far too large: did the training diverge?"
            )
        yield found


@functools.cache
def _kernel():
    try:
        from utils.models.wavenet import kernel
    except ImportError as error:
        if error.name not in ("numba", "llvmlite"):
            raise
        raise ImportError(
            "Fast generation is compiled with Numba, which is not installed. Install it with "
            "`pip install numba` and start again; until then, the generator in readable NumPy "
            "of the lesson gives the same samples, only slower."
        ) from error
    return kernel


# Arguments


def _check_weights(weights):
    if not isinstance(weights, WaveNetWeights):
        raise TypeError(
            f"weights must be what weights_of(model) returns, but is a {type(weights).__name__}."
        )


def _as_classes(weights, classes, name):
    classes = np.asarray(classes)
    if classes.ndim != 1 or not len(classes) or classes.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must hold whole numbers of shape (count,), at least one; it holds "
            f"{classes.dtype} of shape {classes.shape}."
        )
    if classes.min() < 0 or classes.max() >= weights.classes:
        raise ValueError(
            f"{name} holds values from {classes.min()} to {classes.max()}, but the classes go from "
            f"0 to {weights.classes - 1}. Encode the waveform first (μ-law)."
        )
    return classes.astype(np.int32)


def _as_temperature(temperature):
    number = np.asarray(temperature)
    if number.ndim or number.dtype.kind not in "iuf":
        raise TypeError(
            f"temperature must be one number, but is {temperature!r} "
            f"({type(temperature).__name__}). Give for example temperature=0.8."
        )
    if not 0 < number < np.inf:
        raise ValueError(
            f"temperature must be above 0, but is {temperature!r}. For the limit 0, take "
            'how="most probable".'
        )
    return float(number)


def _as_uniforms(uniforms, seed, count):
    if uniforms is None:
        return np.random.default_rng(seed).random(count)
    if seed is not None:
        raise ValueError("Give either uniforms or a seed, not both: the seed would have no effect.")
    uniforms = np.asarray(uniforms, np.float64)
    if uniforms.shape != (count,):
        raise ValueError(
            f"uniforms must hold one number for each sample, ({count},), but has the shape "
            f"{uniforms.shape}. Make them with np.random.default_rng(seed).random({count})."
        )
    if not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("uniforms must lie in 0 … 1 without 1 itself, and some do not.")
    return uniforms
