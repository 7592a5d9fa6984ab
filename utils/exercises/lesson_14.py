"""Judge the exercises of lesson 14, a game of two networks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from utils.exercises import Judge, named_mistake, short

# As networks return them: one column.
REAL = np.array([[2.0], [-1.0], [0.5], [3.0]], "float32")
FAKE = np.array([[-2.5], [1.5], [-0.5]], "float32")
FAR = np.array([[-150.0]], "float32")
WITH_NUMPY = "right, but nothing can learn from it: compute with `ops`, not with NumPy."


def _number(value: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(value))


def _softplus(logits):
    return np.logaddexp(0, logits)


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def discriminator_loss(function: Callable[..., Any]) -> bool | str | None:
    """Judge the discriminator's loss, from logits of real and of generated samples to a number."""
    value = function(ops.convert_to_tensor(REAL), ops.convert_to_tensor(FAKE))
    if value is None:
        return None
    answer = _number(value)
    if answer.shape:
        return f"one number is needed; its shape is {answer.shape}. Take the mean of each part."
    real, fake = _softplus(-REAL), _softplus(FAKE)
    right = real.mean() + fake.mean()
    mistakes = [
        ("that rewards it for taking each for the other.", _swapped()),
        ("the first half is missing: the real ones.", fake.mean()),
        ("the second half is missing: the generated ones.", real.mean()),
        ("both halves have the label 0; real ones have 1.", _softplus(REAL).mean() + fake.mean()),
        (
            "both halves have the label 1; generated ones have 0.",
            real.mean() + _softplus(-FAKE).mean(),
        ),
        ("the sign is wrong: a loss is to become small.", -right),
        ("take means, not sums, or the loss grows with the batch.", real.sum() + fake.sum()),
        ("add the two means; do not halve them.", right / 2),
        ("mean of each part, then add; not the mean of all.", np.r_[real, fake].mean()),
        ("these are logits, not probabilities: a sigmoid comes first.", _sigmoid_only()),
    ]
    if not np.allclose(answer, right, rtol=1e-4):
        return named_mistake(answer, mistakes, rtol=1e-4) or f"it returns {short(answer)}."
    far = ops.convert_to_tensor(FAR)
    if not np.allclose(_number(function(far, -far)), 300, rtol=1e-3):
        return "for logits far from 0 the logarithm breaks: use `ops.softplus`, without a sigmoid."
    return True if ops.is_tensor(value) else WITH_NUMPY


def _swapped():
    return _softplus(REAL).mean() + _softplus(-FAKE).mean()


def _sigmoid_only():
    return (1 - _sigmoid(REAL)).mean() + _sigmoid(FAKE).mean()


def best_answer(answer: float) -> bool | str:
    """Judge the best discriminator's answer where real samples are three times as dense."""
    mistakes = [
        ("that is the share of the generated ones.", 0.25),
        ("that is the ratio of the densities; a probability is at most 1.", 3),
        ("that is the ratio of the densities, upside down.", 1 / 3),
        ("an answer of one half is best where both are equally dense.", 0.5),
        ("not surely: one in four that come from there is generated.", 1),
    ]
    return bool(np.isclose(answer, 0.75)) or named_mistake(answer, mistakes, rtol=0.02) or False


def generator_loss(function: Callable[..., Any]) -> bool | str | None:
    """Judge the generator's loss, from logits of generated samples to a number."""
    value = function(ops.convert_to_tensor(FAKE))
    if value is None:
        return None
    answer = _number(value)
    if answer.shape:
        return f"one number is needed; its shape is {answer.shape}. Take the mean."
    right = _softplus(-FAKE).mean()
    mistakes = [
        ("that falls where the discriminator sees through it.", _softplus(FAKE).mean()),
        (
            "the opponent's loss with a minus: right in direction, but nearly flat where the "
            "generator is bad.",
            -_softplus(FAKE).mean(),
        ),
        ("the sign is wrong: a loss is to become small.", -right),
        ("take the mean, not the sum.", _softplus(-FAKE).sum()),
        ("the logit itself has no end; use its probability's logarithm.", -FAKE.mean()),
        ("that is 1 - D itself; use the logarithm of D.", (1 - _sigmoid(FAKE)).mean()),
        ("that is -D itself; use the logarithm of D.", -_sigmoid(FAKE).mean()),
    ]
    if not np.allclose(answer, right, rtol=1e-4):
        return named_mistake(answer, mistakes, rtol=1e-4) or f"it returns {short(answer)}."
    far = ops.convert_to_tensor(FAR)
    if not np.allclose(_number(function(far)), 150, rtol=1e-3):
        return "for logits far from 0 the logarithm breaks: use `ops.softplus`, without a sigmoid."
    return True if ops.is_tensor(value) else WITH_NUMPY


def adain(function: Callable[..., Any]) -> bool | str | None:
    """Judge adaptive instance normalisation, a function of x, mean and std."""
    random = np.random.default_rng(0)
    x = (random.normal(size=(2, 5, 6, 3)) * [1, 2, 3] + [4, 5, 6]).astype("float32")
    x[1] = 2 * x[1] + 1
    mean, std = (random.uniform(1, 3, size=(2, 3)).astype("float32") for _ in range(2))
    answer = function(x.copy(), mean.copy(), std.copy())
    if answer is None:
        return None
    answer = _number(answer)
    if answer.shape != x.shape:
        return f"the shape is {answer.shape}, expected {x.shape}."
    new_mean, new_std = mean[:, None, None], std[:, None, None]

    def made(axes, mean=new_mean, std=new_std, power=1):
        own = x.mean(axis=axes, keepdims=True), x.std(axis=axes, keepdims=True)
        return (x - own[0]) / own[1] ** power * std + mean

    mistakes = [
        ("that is over the whole batch; every picture has its own.", made((0, 1, 2))),
        ("that mixes the channels; every channel has its own.", made((1, 2, 3))),
        ("that is over the channels; it should be over height and width.", made(3)),
        ("divide by the standard deviation, not by the variance.", made((1, 2), power=2)),
        (
            "mean and standard deviation are swapped.",
            made((1, 2), new_std, new_mean),
        ),
        ("the old standard deviation is still in it; divide by it.", made((1, 2), power=0)),
        ("the new mean is missing.", made((1, 2), mean=0)),
        ("the new standard deviation is missing.", made((1, 2), std=1)),
        ("the old mean is still in it.", made((1, 2)) + x.mean((1, 2), keepdims=True)),
        ("the new mean comes last, after the scaling.", (made((1, 2), 0, 1) + new_mean) * new_std),
        ("take the picture's own mean and deviation away first.", x * new_std + new_mean),
        ("new mean and deviation are missing.", made((1, 2), 0, 1)),
    ]
    return np.allclose(answer, made((1, 2)), atol=0.01) or (
        named_mistake(answer, mistakes, rtol=1e-3, atol=0.01)
        or "mean and standard deviation of a channel are not those that were asked for."
    )


def label_planes(function: Callable[..., Any]) -> bool | str | None:
    """Judge a function from labels and a side to planes, (n, side, side, 10)."""
    labels, side = np.array([3, 0, 9, 3]), 6
    answer = function(labels.copy(), side)
    if answer is None:
        return None
    answer = _number(answer)
    shape = (4, side, side, 10)
    if answer.shape == (4, 10, side, side):
        return "the planes come last: (n, side, side, 10)."
    if answer.shape != shape:
        return f"the shape is {answer.shape}, expected {shape}."
    one_hot = np.eye(10)[labels]
    right = np.broadcast_to(one_hot[:, None, None], shape)
    striped = one_hot.repeat(side * side).reshape(shape)
    mixed = np.tile(one_hot, (side * side, 1)).reshape(shape)
    mistakes = [
        ("the label has become a stripe that runs through all planes.", striped),
        ("the labels of different pictures are mixed.", mixed),
        ("the ones and zeros are swapped.", 1 - right),
    ]
    return np.array_equal(answer, right) or (
        named_mistake(answer, mistakes) or "the plane of the label is 1 everywhere, the others 0."
    )


def stripe(answer: Any) -> bool | str:
    """Judge the first and the last row with ones in the planes that were repeated wrongly."""
    mistakes = [
        ("rows are counted from 0.", (9, 12)),
        ("that would be a whole plane; draw it.", (0, 27)),
        ("that is where a label of 3 begins if it is repeated 28 times only.", (3, 3)),
        ("the stripe begins within a row, and that row has ones, too.", (9, 11)),
        ("the stripe ends within a row, and that row has ones, too.", (8, 10)),
    ]
    return np.array_equal(answer, (8, 11)) or named_mistake(answer, mistakes) or False


JUDGES = {
    "1": Judge(
        discriminator_loss,
        "Take the two halves of the formula one by one; with s the sigmoid, 1 - s(l) is s(-l).",
        is_function=True,
    ),
    "2": Judge(best_answer, "Of four samples at that place, how many are real?", numbers=1),
    "3": Judge(
        generator_loss,
        "The generator would like its samples to be taken for real ones.",
        is_function=True,
    ),
    "4": Judge(
        adain,
        "Height and width are axes 1 and 2; keepdims=True, and mean[:, None, None].",
        is_function=True,
    ),
    "5": Judge(
        label_planes,
        "From (n, 10) to (n, 1, 1, 10), then repeat along axes 1 and 2.",
        is_function=True,
    ),
    "6": Judge(
        stripe,
        "A one stands at 3 of 10, is repeated 784 times, and a row holds 28 · 10 numbers.",
        numbers=2,
    ),
}
