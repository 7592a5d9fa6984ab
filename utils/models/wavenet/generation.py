"""Generate with queues: each sample from those before it, or the logits along a given sequence."""

from __future__ import annotations

import numpy as np

from utils.common.arguments import as_integer
from utils.models.wavenet import kernel
from utils.models.wavenet.weights import WaveNetWeights, as_condition, condition_biases

HOW = ("sample", "most probable", "expected value")  # in the order of the kernel's constants


def generate(
    weights: WaveNetWeights,
    count: int,
    *,
    uniforms: np.ndarray | None = None,
    seed: int | None = None,
    condition: np.ndarray | None = None,
    how: str = "sample",
    temperature: float = 1.0,
    top_k: int | None = None,
) -> np.ndarray:
    """Generate samples one after the other from silence, the middle class.

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
        count: The number of samples.
        uniforms: (count,) random numbers in [0, 1), one for each sample.
        seed: Without `uniforms`: `np.random.default_rng(seed).random(count)` is taken.
        condition: (frames, features) for a model with a condition; frame i holds for the samples
            i · hop … (i + 1) · hop − 1.
        how: "sample", "most probable" or "expected value".
        temperature: Above 1 more random, below 1 less.
        top_k: Draw only from this many most probable classes (and those equal to the last one).

    Returns:
        (count,) int32 classes.

    Raises:
        TypeError: The weights are not those of a WaveNet, or an argument is not a number.
        ValueError: An argument does not fit, or the logits become NaN or infinite.
    """
    _check_weights(weights)
    count = as_integer("count", count)
    if how not in HOW:
        raise ValueError(f"how must be one of {', '.join(map(repr, HOW))}, but is {how!r}.")
    if not 0 < temperature < np.inf:
        raise ValueError(
            f"temperature must be above 0, but is {temperature!r}. For the limit 0, take "
            'how="most probable".'
        )
    top_k = weights.classes if top_k is None else as_integer("top_k", top_k)
    classes = np.full(count + 1, weights.classes // 2, np.int32)
    uniforms = _as_uniforms(uniforms, seed, count)
    rule = HOW.index(how), float(temperature), top_k
    _run(weights, condition, classes, 1, uniforms, rule)
    return classes[1:].copy()


def logits(
    weights: WaveNetWeights, previous: np.ndarray, condition: np.ndarray | None = None
) -> np.ndarray:
    """Return the logits along a given sequence (teacher forcing), through the same queues.

    Args:
        weights: What `weights_of(model)` returned.
        previous: (count,) classes: the input of the model, the sequence moved by one.
        condition: (frames, features) for a model with a condition.

    Returns:
        (count, classes) float32: row i holds the logits of the sample after previous[i].
    """
    _check_weights(weights)
    previous = np.asarray(previous)
    if previous.ndim != 1 or not len(previous) or previous.dtype.kind not in "iu":
        raise ValueError(
            "previous must hold whole numbers of shape (count,), at least one; it holds "
            f"{previous.dtype} of shape {previous.shape}."
        )
    if previous.min() < 0 or previous.max() >= weights.classes:
        raise ValueError(
            f"previous holds values from {previous.min()} to {previous.max()}, but the classes go "
            f"from 0 to {weights.classes - 1}. Encode the waveform first (μ-law)."
        )
    classes = np.append(previous, 0).astype(np.int32)
    rule = HOW.index("sample"), 1.0, weights.classes
    return _run(weights, condition, classes, len(classes), np.zeros(len(previous)), rule)


def _run(weights, condition, classes, known, uniforms, rule) -> np.ndarray:
    """Run the compiled function, which fills `classes` from `known` on.

    Return the logits of all steps if nothing had to be drawn, else no rows.
    """
    steps = len(uniforms)
    scores = np.empty((steps if known > steps else 0, weights.classes), np.float32)
    hop, biases = steps, weights.inner_bias[np.newaxis]  # without a condition: one frame
    if weights.features or condition is not None:
        hop, condition = weights.hop, as_condition(weights, condition)
        if len(condition) * hop < steps:
            raise ValueError(
                f"The condition has {len(condition)} frames of {hop} samples, enough for "
                f"{len(condition) * hop} samples, but there are {steps}. "
                f"Give {-(-steps // hop)} frames, or ask for fewer samples."
            )
        biases = np.ascontiguousarray(weights.inner_bias + condition_biases(weights, condition))
    network = kernel.Network(*(getattr(weights, name) for name in kernel.Network._fields))
    arguments = (network, biases, hop, classes, known, uniforms, scores, *rule)
    try:
        failed = kernel.run(*arguments)
    except OSError:  # compiled, but there was no room on the disk to keep the result
        failed = kernel.run(*arguments)
    if failed >= 0 or not np.isfinite(scores).all():
        raise ValueError(
            f"The logits became NaN or infinite{f' at sample {failed}' * (failed >= 0)}. "
            "The weights or the condition are far too large: did the training diverge?"
        )
    return scores


def _check_weights(weights) -> None:
    if not isinstance(weights, WaveNetWeights):
        raise TypeError(
            f"weights must be what weights_of(model) returns, but is a {type(weights).__name__}."
        )


def _as_uniforms(uniforms, seed: int | None, count: int) -> np.ndarray:
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
