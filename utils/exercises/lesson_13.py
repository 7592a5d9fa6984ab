"""Judge the exercises of lesson 13, autoencoders and the VAE."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import scipy.special
from keras import ops

from utils.exercises import Judge, named_mistake, short

NO_NUMPY = "it does not work on tensors; use ops.exp and its like, not NumPy's functions."


def _clouds():
    """Return means, log-variances and noise for three pictures and codes of four numbers."""
    random = np.random.default_rng(0)
    return [random.normal(size=(3, 4)).astype("float32") for _ in range(3)]


def _runs_on_tensors(function, count, expected):
    """Whether a function keeps to Keras's operations, so that it can be trained through."""
    try:
        symbolic = function(*(keras.KerasTensor((None, 4)) for _ in range(count)))
    except Exception:  # NumPy's functions raise many kinds of errors here
        return False
    return isinstance(symbolic, keras.KerasTensor) and len(symbolic.shape) == expected


def draw(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from means, log-variances and standard noise to codes."""
    mean, log_var, noise = _clouds()
    answer = function(*map(ops.convert_to_tensor, (mean, log_var, noise)))
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    if answer.shape != mean.shape:
        return f"the shape is {answer.shape}; a code for each mean is {mean.shape}."
    mistakes = [
        ("that is the mean; nothing is drawn.", mean),
        (
            "noise times the variance; it takes the standard deviation.",
            mean + np.exp(log_var) * noise,
        ),
        ("half the variance is not its root.", mean + np.exp(log_var) / 2 * noise),
        (
            "a draw, too, since noise is as likely up as down; but add it, as everybody does.",
            mean - np.exp(log_var / 2) * noise,
        ),
        ("the log-variance itself is no size: it can be negative.", mean + log_var * noise),
        ("half the log-variance is still a logarithm.", mean + log_var / 2 * noise),
        (
            "the root of a logarithm is not the logarithm's root; undo the logarithm first.",
            mean + np.sqrt(np.abs(log_var)) * noise,
        ),
        ("the noise has its own size; nothing makes it wider or narrower.", mean + noise),
        ("the cloud is not moved to its mean.", np.exp(log_var / 2) * noise),
        ("the size is one over what it should be.", mean + np.exp(-log_var / 2) * noise),
        ("all are moved by the size; only the noise is stretched.", mean + np.exp(log_var / 2)),
        (
            "the noise comes after the mean, not on it.",
            (mean + noise) * np.exp(log_var / 2),
        ),
    ]
    if not np.allclose(answer, mean + np.exp(log_var / 2) * noise, atol=1e-5):
        return named_mistake(answer, mistakes, atol=1e-5) or f"it returns {short(answer)}."
    return _runs_on_tensors(function, 3, 2) or NO_NUMPY


def rate(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from means and log-variances to one divergence for each picture."""
    mean, log_var, _ = _clouds()
    answer = function(*map(ops.convert_to_tensor, (mean, log_var)))
    if answer is None:
        return None
    answer = ops.convert_to_numpy(answer)
    parts = (mean**2 + np.exp(log_var) - 1 - log_var) / 2
    if answer.shape == (3, 4):
        return "it returns a number for each number of the code; add them up for each picture."
    if answer.shape == ():
        return "it returns one number for all pictures; each picture has a rate of its own."
    if answer.shape == (4,):
        return "it adds up over the pictures; add up over the code, along the last axis."
    if answer.shape != (3,):
        return f"the shape is {answer.shape}; one number for each picture is (3,)."
    mistakes = [
        ("the half is missing.", 2 * parts.sum(axis=1)),
        ("the sign is wrong: it can only be 0 or more.", -parts.sum(axis=1)),
        ("averaged over the code; the rates of its numbers add up.", parts.mean(axis=1)),
        ("the mean is not squared.", ((mean + np.exp(log_var) - 1 - log_var) / 2).sum(axis=1)),
        (
            "the 1 is missing: for N(0, 1) itself the rate must be 0.",
            ((mean**2 + np.exp(log_var) - log_var) / 2).sum(axis=1),
        ),
        (
            "the log-variance has the wrong sign.",
            ((mean**2 + np.exp(log_var) - 1 + log_var) / 2).sum(axis=1),
        ),
        (
            "the variance is exp of the log-variance; that is the standard deviation.",
            ((mean**2 + np.exp(log_var / 2) - 1 - log_var) / 2).sum(axis=1),
        ),
        *(
            (
                "exp of the log-variance is the variance already; it is not squared again.",
                ((mean**2 + np.exp(2 * log_var) - 1 - times * log_var) / 2).sum(axis=1),
            )
            for times in (1, 2)
        ),
        (
            "log_var is the logarithm already; the logarithm of its absolute value is another.",
            ((mean**2 + log_var - 1 - np.log(np.abs(log_var))) / 2).sum(axis=1),
        ),
    ]
    if not np.allclose(answer, parts.sum(axis=1), rtol=1e-4):
        return named_mistake(answer, mistakes, rtol=1e-4) or f"it returns {short(answer)}."
    return _runs_on_tensors(function, 2, 1) or NO_NUMPY


def which_beta(answer: Any) -> bool | str:
    """Judge which β three ways of averaging amount to, for 784 pixels and 16 numbers."""
    if np.shape(answer) != (3,):
        return "three numbers were expected: one β for each row."
    if np.asarray(answer).dtype.kind not in "iuf":
        return "three numbers were expected, without quotation marks."
    first, second, third = np.asarray(answer, dtype=float).tolist()
    if np.isclose(first, 1 / 16) and np.isclose(second, 784):
        return "the first two are the wrong way round."
    if np.isclose(first, 1 / 784):
        return "the first is upside down: which term was made smaller, and which one is β times?"
    if not np.isclose(first, 784):
        return f"the first is not {first:g}: what must both terms be multiplied by to undo it?"
    if np.isclose(second, 16):
        return "the second is upside down: the rate itself was made smaller."
    if np.isclose(second, 1 / 2):
        return "the second is right for two numbers; this code has 16."
    if not np.isclose(second, 1 / 16, rtol=0.01):
        return f"the second is not {second:g}: by how much was the rate made smaller?"
    if np.isclose(third, 1):
        return "the third would be 1 if there were as many pixels as numbers in the code."
    if np.isclose(third, 784 * 16):
        return "in the third the two work against each other."
    return bool(np.isclose(third, 49)) or f"the third is not {third:g}: both happen at once."


def bits(answer: Any) -> bool | str:
    """Judge 6.93 nats in bits, and how many things they can tell apart."""
    if np.shape(answer) != (2,):
        return "two numbers were expected: (bits, digits)."
    if np.asarray(answer).dtype.kind not in "iuf":
        return "two numbers were expected, without quotation marks."
    in_bits, apart = np.asarray(answer, dtype=float).tolist()
    if abs(in_bits - 6.93 * np.log(2)) < 0.05:
        return "a bit is the smaller unit, so there are more bits than nats."
    if abs(in_bits - 10) > 0.05:
        return f"6.93 nats are not {in_bits:g} bits: one bit is ln 2 nats."
    if apart in (20, 100):
        return "each bit doubles how many can be told apart."
    return abs(apart - 1024) < 10 or f"ten bits do not tell {apart:g} apart."


def slerp(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function that goes from one code to another along a great circle."""
    a, b = np.array([3.0, 0.0, 0.0]), np.array([1.5, 1.5 * 3**0.5, 0.0])
    answer = function(a.copy(), b.copy(), 0.25)
    if answer is None:
        return None
    answer = np.asarray(answer, dtype=float)
    if answer.shape != a.shape:
        return f"the shape is {answer.shape}; a code like its ends is {a.shape}."
    angle = np.arccos(0.5)
    expected = (np.sin(0.75 * angle) * a + np.sin(0.25 * angle) * b) / np.sin(angle)
    straight = 0.75 * a + 0.25 * b
    mistakes = [
        ("that is the straight line.", straight),
        (
            "that goes from b to a.",
            (np.sin(0.25 * angle) * a + np.sin(0.75 * angle) * b) / 0.75**0.5,
        ),
        ("the division by the sine of the angle is missing.", expected * np.sin(angle)),
        (
            "right length, but not an even pace: the straight line, stretched.",
            3 * straight / np.linalg.norm(straight),
        ),
    ]
    if not np.allclose(answer, expected):
        return named_mistake(answer, mistakes) or f"a quarter of the way it is at {short(answer)}."
    other = np.asarray(function(np.array([0.0, 2.0]), np.array([1.0, 1.0]), 0.5), dtype=float)
    if not np.allclose(other, np.sin(np.pi / 8) * np.array([1.0, 3.0]) * 2**0.5):
        return "right for two codes of one length; the angle must not depend on their lengths."
    return True


def tighter_bound(function: Callable[..., Any]) -> bool | str | None:
    """Judge the logarithm of a mean of weights that are given as logarithms."""
    log_weights = np.log(np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 10.0]]))
    answer = function(log_weights.copy())
    if answer is None:
        return None
    answer = np.asarray(answer, dtype=float)
    if answer.shape != (2,):
        return f"the shape is {answer.shape}; one bound for each picture is (2,)."
    mistakes = [
        ("that is the mean of the logarithms: the ELBO.", log_weights.mean(axis=1)),
        ("that is the logarithm of the sum; divide by k.", np.log([6.0, 18.0])),
        ("that is the mean of the weights; its logarithm is missing.", [2.0, 6.0]),
        ("only the largest weight counts there.", log_weights.max(axis=1)),
    ]
    if not np.allclose(answer, np.log([2.0, 6.0])):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    far = np.asarray(function(log_weights - 1000), dtype=float)
    return bool(np.allclose(far, scipy.special.logsumexp(log_weights, 1) - np.log(3) - 1000)) or (
        "right for these; at −1000 np.exp is 0 and its logarithm −∞. Take out the largest first."
    )


JUDGES = {
    "1": Judge(draw, "What is the root of exp(v), written with exp?", is_function=True),
    "2": Judge(
        rate,
        "Four parts: the square of the mean, the variance, 1, and the logarithm of the variance.",
        is_function=True,
    ),
    "3": Judge(
        which_beta,
        "A loss may be multiplied by any number; what is left of β when the distortion is a sum?",
    ),
    "4": Judge(bits, "How many questions with the answers yes and no can tell so many apart?"),
    "5": Judge(
        slerp, "The angle between the two comes first; the dot product knows it.", is_function=True
    ),
    "6": Judge(
        tighter_bound, "First the mean of the weights, then the logarithm.", is_function=True
    ),
}
