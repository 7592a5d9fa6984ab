"""The judges of the lessons' exercises: what is right is right, and what is wrong is named."""

import importlib
import itertools
import math
import re
from collections import Counter
from types import SimpleNamespace

import keras
import nbformat
import numpy as np
import pytest
from conftest import LESSONS
from keras import layers, ops

from utils import data, exercises, openimages
from utils.models import squeezenet

RIGHT, OPEN, WRONG = "Right!", "Not answered yet", "Not yet: you have"
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("float32")
MASSES = np.linspace(0, 1.4, 29)
DIGITS = keras.Sequential([keras.layers.Conv2D(2, 3, name=name) for name in ("conv1", "fire5")])
DIGITS.build((None, 8, 8, 1))
DIGITS = keras.Model(DIGITS.inputs[0], DIGITS.outputs[0])
# Eight channels: one is dead, one as good as dead, two are 0 for one picture, four answer always.
PEAKS = np.array([[0, 1, 0], [0, 0, 3], [0, 2, 4]])
PEAKS = np.hstack([PEAKS, np.full((3, 1), 1e-13), np.arange(1, 13).reshape(3, 4)])
TEN = keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(0.01), layers.Flatten()])
TEN.add(layers.Dense(10))
TEN.layers[-1].set_weights([np.random.default_rng(3).normal(0, 0.1, (192, 10)), np.zeros(10)])
OWN = ops.one_hot(np.array([3, 0, 9, 9]), 10)
GREY = np.array([100.0, 110.0, 120.0])
PARTS = [np.array([1.0, 2.0, 3.0]), np.array([5.0, 5.0, 5.0])]


def balanced(codes, smiles, hair):
    kinds = [codes[s & h].mean(0) for s in (smiles, ~smiles) for h in (hair, ~hair)]
    return (kinds[0] + kinds[1] - kinds[2] - kinds[3]) / 2


def arc(angle_of=np.arccos, divide=True):
    def along(a, b, t):
        angle = angle_of(a @ b / np.sqrt((a @ a) * (b @ b)))
        walked = np.sin((1 - t) * angle) * a + np.sin(t * angle) * b
        return walked / np.sin(angle) if divide else walked

    return along


def second_alone(a, b, t):
    angle = np.arccos(a @ b / np.sqrt((a @ a) * (b @ b)))
    return np.sin((1 - t) * angle) * a + np.sin(t * angle) / np.sin(angle) * b


def accumulating(finish, weigh=True, end=None):
    def accumulate(gradient_of, x, y, piece):
        total, n, starts = 0, len(x), range(0, len(x[:end]), piece)
        for first in starts:
            part = slice(first, first + piece)
            total = total + (len(x[part]) if weigh else 1) * gradient_of(x[part], y[part])
        return finish(total, n, len(starts))

    return accumulate


def in_place(gradients, counts):
    for gradient, count in zip(gradients, counts, strict=True):
        gradient *= count / sum(counts)
    return sum(gradients)


def moved(draw):
    return lambda images, random: np.stack([np.roll(x, draw(random), (0, 1)) for x in images])


def cycles(gaps, size=ops.abs, mean=ops.mean):
    """The cycle loss, right or with one mistake: the mean size of the gaps, added."""
    return lambda *given: sum(mean(size(gap)) for gap in gaps(*given))


def noised(clean_power, noise_power):
    """Add noise; the powers of the two shares are 0.5 where the roots are right."""
    return lambda clean, noise, k: k**clean_power * clean + (1 - k) ** noise_power * noise


def cleaned(x, noise, k):
    return (x - (1 - k) ** 0.5 * noise) / k**0.5


def beam_step(join=np.add, descending=True):
    """A step of the beam, right or with one mistake."""

    def step(totals, log_p):
        sums = join(totals[:, None], log_p).ravel()
        best = np.argsort(-sums if descending else sums, kind="stable")[: len(totals)]
        return best // log_p.shape[1], best % log_p.shape[1], sums[best]

    return step


def on_a_circle(cosine=lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b), divided=True):
    """The way from one code to another along a circle, right or with one mistake."""

    def slerp(a, b, t):
        angle = np.arccos(np.clip(cosine(a, b), -1, 1))
        mixed = np.sin((1 - t) * angle) * a + np.sin(t * angle) * b
        return mixed / np.sin(angle) if divided else mixed

    return slerp


def best_of_each(totals, log_p):
    return np.arange(len(totals)), log_p.argmax(axis=1), totals + log_p.max(axis=1)


def divided_by_the_width(totals, log_p):
    sums, width = (totals[:, None] + log_p).ravel(), len(totals)
    best = np.argsort(-sums)[:width]
    return best // width, best % width, sums[best]


def padded(draw):
    wide = (4, 4), (4, 4), (0, 0)

    def moves(images, random):
        bigger = moved(draw)([np.pad(x, wide) for x in images], random)
        return bigger[:, 4:-4, 4:-4]

    return moves


def squares(values):
    return values.reshape(values.shape[0] // 2, 2, values.shape[1] // 2, 2)


def sliding(values):
    return np.lib.stride_tricks.sliding_window_view(values, (2, 2)).max((2, 3))


def below_itself(images, pixels):
    return np.concatenate([images[:, :, :pixels], images[:, :, :-pixels]], axis=2)


def best_row(similar, excluded):
    similar[list(excluded)] = -np.inf
    return similar.argmax()


def aside(images, pixels):
    return np.pad(images, ((0, 0), (0, 0), (pixels, 0), (0, 0)))[:, :, : images.shape[2]]


def what_it_sees(layers, side):
    seen = np.eye(side)[side // 2]
    for _, _, dilation in layers:
        seen = seen + np.roll(seen, dilation) + np.roll(seen, -dilation)
    return np.outer(seen, seen) > 0


def field(layers, late=True):
    """The receptive field; `late`, if a stride counts for the layers above it only."""
    size, jump = 1, 1
    for kernel_size, stride, dilation in layers:
        jump *= 1 if late else stride
        size += dilation * (kernel_size - 1) * jump
        jump *= stride if late else 1
    return size


def one_place(begin):
    """A function that cuts its window out from where `begin` says, with the dilation it says."""

    def place(x, kernel, i, j, stride, dilation):
        top, left, step = begin(len(kernel), i, j, stride, dilation)
        steps = step * np.arange(len(kernel))
        return np.tensordot(x[top + steps][:, left + steps], kernel, axes=3)

    return place


def turned_round(x, kernel, *place):
    return one_place(lambda k, i, j, s, d: (i * s, j * s, d))(x, kernel[::-1, ::-1], *place)


def jump_replaced(layers):
    size, jump = 1, 1
    for kernel_size, stride, dilation in layers:
        size, jump = size + dilation * (kernel_size - 1) * jump, stride
    return size


def fire(activation, inputs_of, squeezing="relu", padding="same"):
    """A fire module whose two expanding convolutions get what `inputs_of` says."""

    def module(x, squeeze, expand):
        squeezed = layers.Conv2D(squeeze, 1, activation=squeezing)(x)
        first = layers.Conv2D(expand, 1, activation=activation)
        for_first, _ = inputs_of(x, squeezed, squeezed)
        a = first(for_first)
        _, for_second = inputs_of(x, squeezed, a)
        b = layers.Conv2D(expand, 3, padding=padding, activation=activation)(for_second)
        return layers.Concatenate()([a, b])

    return module


def net(x):
    return ops.mean(x, axis=(1, 2, 3))[:, None] * ops.arange(10, dtype="float32")


def hidden(picture, top, left, patch, colour=GREY, copy=True):
    picture = picture.copy() if copy else picture
    picture[top : top + patch, left : left + patch] = colour
    return picture


def from_the_first_maps(layer):
    first = DIGITS.input if layer == "conv1" else DIGITS.get_layer("conv1").output
    return keras.Model(first, DIGITS.get_layer(layer).output)


def weighted(maps, gradient):
    return np.sum(maps * gradient.mean(axis=(0, 1)), axis=-1)


def root(gradient):
    return np.sqrt(np.mean(gradient**2, axis=(1, 2, 3), keepdims=True))


def means(maps, k):
    return ops.mean(maps, axis=(1, 2))[:, k]


def windows(count, last):
    return lambda x: (np.stack([x[i : i + 12] for i in range(count)]), x[last:][:count])


def cut_from(start):
    """A function that cuts as many windows as fit, each from where `start` says."""

    def cut(stream, timesteps, hop):
        count = (len(stream) - timesteps) // hop + 1
        places = np.array([start(i, hop) for i in range(count)])[:, None] + np.arange(timesteps)
        return stream[np.minimum(places, len(stream) - 1)]

    return cut


def mul(i, hop):
    return i * hop


def of_length(numbers):
    return lambda x: np.stack(numbers(np.linalg.norm(x, axis=2)), axis=1)


def mean_of(x, start):
    return x[:, start : start + 12].mean(axis=1, keepdims=True)


def grown(months):
    def add(x, y, rise):
        both = np.hstack([x, y]) + rise[:, None] * months / 12
        return both[:, :36], both[:, 36:]

    return add


def line_of_bptt(line, adds=False):
    """Back-propagation through time with some line for what comes from the future."""

    def bptt(weights, x, h, y, wanted):
        d_logits = (y - wanted) / wanted.sum()
        gradient, from_future = {"W_hh": 0}, 0
        for t in reversed(range(x.shape[1])):
            d_h = d_logits[:, t] @ weights["W_hy"].T + from_future
            d_a = (1 - h[:, t + 1] ** 2) * d_h
            gradient["W_hh"] = gradient["W_hh"] + h[:, t].T @ d_a
            new = line(d_a, d_h, weights["W_hh"])
            from_future = from_future + new if adds else new
        return gradient

    return bptt


def rnn_step(make):
    def step(w, x, h):
        return make(x @ w["W_xh"], h @ w["W_hh"], w["b_h"], h, w["W_hh"])

    return step


def norm_of(arrays):
    return np.sqrt(sum(np.sum(array**2) for array in arrays))


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def box(w, gate, x, h):
    return x @ w["W_x" + gate] + h @ w["W_h" + gate] + w["b_" + gate]


def lstm_step(cell=lambda i, f, g, c, h: f * c + i * g, show=lambda o, c: o * np.tanh(c)):
    def step(w, x, h, c):
        i, f, o = (sigmoid(box(w, gate, x, h)) for gate in "ifo")
        c = cell(i, f, np.tanh(box(w, "g", x, h)), c, h)
        return show(o, c), c

    return step


def gru_step(
    proposal=lambda a, r, h, w: np.tanh(a + (r * h) @ w["W_hg"] + w["b_g"]),
    new=lambda z, r, g, h: z * h + (1 - z) * g,
):
    def step(w, x, h):
        z, r = (sigmoid(box(w, gate, x, h)) for gate in "zr")
        return new(z, r, proposal(x @ w["W_xg"], r, h, w), h)

    return step


def writing(carry=lambda old, new: new, read=lambda first, drawn: drawn):
    """Write with a state that `carry` takes on, and what `read` makes of the character drawn."""

    def write(step, pick, first, h, c, length):
        character, start, text = first, (h, c), []
        for _ in range(length):
            logits, *state = step(character, h, c)
            h, c = carry(start, state)
            text.append(pick(logits))
            character = read(first, text[-1])
        return text

    return write


def pair_counts():
    """How often each pair of neighbours stands in words."""

    def count(words):
        pairs = Counter()
        for parts, times in words.items():
            for pair in itertools.pairwise(parts):
                pairs[pair] += times
        return pairs

    return count


def joining(most=99, step=2):
    """Join a pair, at most that often, and go on so many parts behind its beginning."""

    def join(parts, pair):
        joined, i, done = [], 0, 0
        while i < len(parts):
            if parts[i : i + 2] == pair and done < most:
                joined.append("".join(pair))
                i, done = i + step, done + 1
            else:
                joined.append(parts[i])
                i += 1
        return tuple(joined)

    return join


def turning(formula):
    """Turn neighbouring pairs of numbers by a formula of them, the cosine and the sine."""

    def turn(x, angles, into=None):
        turned = np.empty(x.shape) if into is None else into
        first, second = formula(x[..., ::2], x[..., 1::2], np.cos(angles), np.sin(angles))
        turned[..., ::2], turned[..., 1::2] = first, second
        return turned

    return turn


def nucleus(more=0, least=0, even=True, sign=-1):
    """Top-p that keeps so many more than it should, at least `least`, divided by the sum or not."""

    def trim(shares, mass):
        kept = np.zeros_like(shares)
        for row, out in zip(shares, kept, strict=True):
            order = np.argsort(sign * row)
            count = int((row[order].cumsum() < mass - 1e-9).sum()) + 1 + more
            chosen = order[: max(least, count)]
            out[chosen] = row[chosen]
        with np.errstate(invalid="ignore"):
            return kept / kept.sum(axis=-1, keepdims=True) if even else kept

    return trim


def likeliest(more=0, even=True):
    """Top-k that keeps so many more than it should, divided by the sum or not."""

    def trim(shares, k):
        least = -np.sort(-shares, axis=-1)[:, k + more - 1 : k + more]
        kept = np.where(shares >= least, shares, 0)
        return kept / kept.sum(axis=-1, keepdims=True) if even else kept

    return trim


def decoder_input(first=2, into=None):
    """Move the target by one, with that number before it; into a new array, if none is given."""

    def move(target):
        moved = np.concatenate([np.full_like(target[:, :1], first), target[:, :-1]], axis=1)
        if into is None:
            return moved
        target[:] = moved
        return target

    return move


def softmax(scores, axis=1):
    return np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum(axis, keepdims=True)


def seen(scores, mask):
    """Shares of scores where the mask is true."""
    return softmax(np.where(mask, scores, -np.inf))


def waves_of(length, d, start=0, swap=False):
    """Sines and cosines in turn, (length, d)."""
    angle = np.arange(start, length + start)[:, None] / 10_000 ** (np.arange(0, d, 2) / d)
    both = [np.cos(angle), np.sin(angle)] if swap else [np.sin(angle), np.cos(angle)]
    return np.stack(both, axis=-1).reshape(length, d)


def a_step(q, k, v, keys, values, divide=True):
    """One step of attention with a cache."""
    keys, values = np.vstack([keys, k]), np.vstack([values, v])
    shares = softmax(keys @ q / (len(q) ** 0.5 if divide else 1), 0)
    return shares @ values, keys, values


def stopping(wait=0):
    """Stop early, `wait` epochs later than asked."""

    def stop(losses, patience):
        best = epoch = 1
        for epoch in range(1, len(losses) + 1):
            best = epoch if losses[epoch - 1] < losses[best - 1] else best
            if epoch - best == patience + wait:
                break
        return best, epoch

    return stop


def shifted_in_place(codes):
    """The targets, changed into the input."""
    codes[:, 1:] = codes[:, :-1].copy()
    codes[:, 0] = 128
    return codes


def drawn_from(logits, top_k=None):
    """The softmax of the top_k largest logits."""
    p = np.exp(logits) * (logits >= np.sort(logits)[-(top_k or len(logits))])
    return p / p.sum()


CONTEXT = {
    "00.2": {"tiny_turns": lambda w, b: (6 * w - 4, b - 7), "n": 29},
    "00.3": {"train": lambda units=32, layers=1, learning_rate=1e-3, seed=0: 0.4},
    "00.4": {"loss_after": lambda rate: 1 + (rate > 0.644)},
    "00.5": {"x": MASSES},
    "02.7": {"what_it_sees": what_it_sees},
    "03.1": {"net": DIGITS},
    "03.3": {"peaks": PEAKS},
    "03.4": {"grey": GREY},
    "03.7": {"net": TEN, "pictures": PIXELS, "classes": np.array([3, 0, 9, 9])},
    "04.5": {"wilson": lambda right, n: (0, 2 * 1.96 * np.sqrt(0.0475 / n))},
    "04.6": {"pixels": PIXELS},
    "04.7": {"per_class": 30},
    "05b.4": {
        "errors": {
            "linear": {"training": 0.5, "validation": 0.54},
            "dense": {"training": 0.2, "validation": 0.5},
            "wide CNN": {"training": 0.1, "validation": 0.11},
        }
    },
    "22.1": {"parts": PARTS, "whole": np.array([2, 2.75, 3.5]), "rounding": 1e-6},
}
FUNCTIONS = "01.6", "02.3", "06.1", "06b.2", "07.5", "08.1", "08.2", "22.1"  # that return an array


def lost(real, generated, on_real=-1, on_generated=1, mean=ops.mean):
    """The discriminator's loss, right or with one mistake: a sign 0 leaves a half out."""
    halves = zip((real, generated), (on_real, on_generated), strict=True)
    return sum(mean(ops.softplus(sign * logits)) for logits, sign in halves if sign)


def styled(x, mean, std, axes=(1, 2), power=1):
    """AdaIN, right or with one mistake."""
    own = x.mean(axes, keepdims=True), x.std(axes, keepdims=True)
    return (x - own[0]) / own[1] ** power * std[:, None, None] + mean[:, None, None]


def carried(x, kernel, bias, gate):
    """A highway layer, from its gate."""
    return gate * ops.tanh(x @ kernel + bias) + (1 - gate) * x


def resnet_block(letters, kernel_size=3):
    """A block: c convolution, n normalisation, r ReLU, a addition (if there is a shortcut).

    C is a convolution with a ReLU of its own, v one without padding.
    """

    def block(x, filters, shortcut):
        y = x
        for letter in letters:
            if letter == "a":
                y = layers.Add()([x, y]) if shortcut else y
                continue
            layer = {
                "c": lambda: layers.Conv2D(filters, kernel_size, padding="same", use_bias=False),
                "C": lambda: layers.Conv2D(filters, 3, padding="same", activation="relu"),
                "v": lambda: layers.Conv2D(filters, 3, use_bias=False),
                "n": layers.BatchNormalization,
                "r": layers.ReLU,
            }[letter]()
            y = layer(y)
        return y

    return block


# What is said, before the hint, of which answers.
SAID = {
    "00.1": {
        RIGHT: 602_116,
        "also has a bias": 602_112,
        "each output has its own": 602_113,
        "of one output": 150_529,
        "in colour:": 200_708,
        "in colour, and": 200_704,
        "weights of its own": 150_528,
        WRONG: 602_117,
    },
    "00.2": {
        OPEN: lambda w, b: (None, None),
        RIGHT: lambda w, b: (6 * w - 4, b - 7),
        "the wrong way round": lambda w, b: (4 - 6 * w, 7 - b),
        "half of what": lambda w, b: (3 * w - 2, b / 2 - 3.5),
        "changed places": lambda w, b: (b - 7, 6 * w - 4),
        "the sum over": lambda w, b: (29 * (6 * w - 4), 29 * (b - 7)),
        "square gives; and this is the sum": lambda w, b: (14.5 * (6 * w - 4), 14.5 * (b - 7)),
        "measurement); and each": lambda w, b: (2 - 3 * w, 3.5 - b / 2),
        "there is only one": lambda w, b: 6 * w - 4,
        "there are 3": lambda w, b: (6 * w - 4, b - 7, 0.0),
        "both formulas are the same": lambda w, b: (b - 7, b - 7),
        "one number": lambda w, b: (6 * w - 4 + MASSES, b - 7 + MASSES),
        "your slope for w": lambda w, b: (6 * w, b - 7),
        "your slope for b": lambda w, b: (6 * w - 4, b),
    },
    "00.3": {
        RIGHT: {"units": 16},
        "2 things were changed": {"units": 16, "layers": 2},
        "with other luck": {"seed": 1},
        "there is no 'size'": {"size": 16},
        "was 32 already": {"units": 32},
        "a dictionary": ("units", 16),
        "units is a whole number, 1 or more": {"units": 0},
        "layers is a whole number, 0 or more": {"layers": 1.5},
        "without quotation marks": {"learning_rate": "0.1"},
        "one number; you have None": {"units": None},
        "a positive number": {"learning_rate": -0.1},
    },
    "00.4": {
        RIGHT: 0.65,
        "ends below its start": 0.64,
        "not the first": 0.7,
        "not a multiple": 0.645,
        "is positive": -1.0,
    },
    "00.5": {
        OPEN: lambda x: None,
        RIGHT: lambda x: (x - x.mean()) / x.std(),
        "still trade": lambda x: x / x.std(),
        "curvatures are 2 and 0.35": lambda x: x - x.mean(),
        "are bent": lambda x: x**2,
        "the same number": lambda x: x * 0,
        "n - 1": lambda x: (x - x.mean()) / x.std(ddof=1),
        ", expected (": lambda x: x[1:],
    },
    "00.6": {
        RIGHT: ("cpu", "GPU", "CPU"),
        "a TPU": ("CPU", "TPU", "CPU"),
        "as a tuple": "CPU, GPU, CPU",
        WRONG: ("CPU",) * 3,
    },
    "01.1": {
        OPEN: lambda p, label: None,
        RIGHT: lambda p, label: -np.log(p[label]),
        "the sign is wrong": lambda p, label: np.log(p[label]),
        "to the base 10": lambda p, label: -np.log10(p[label]),
        "the base 2": lambda p, label: -np.log2(p[label]),
        "squared error": lambda p, label: (1 - p[label]) ** 2,
        "only the true class": lambda p, label: -np.log(p).sum(),
        "the entropy's": lambda p, label: -p[label] * np.log(p[label]),
        "for p = 0.02 it gives 0.020, expected 3.912": lambda p, label: p[label],
        "every class": lambda p, label: -np.log(p),
        "the largest probability": lambda p, label: -np.log(p.max()),
        "entropy of all ten": lambda p, label: -(p * np.log(p)).sum(),
        "of what is false": lambda p, label: -np.log(1 - p[label]),
        "a single number was": lambda p, label: -np.log(p[:2]),
    },
    "01.2": {
        OPEN: lambda values: None,
        RIGHT: lambda values: squares(values).max((1, 3)),
        "the squares overlap": lambda values: values[:-1, :-1],
        "expected (3, 4)": lambda values: values,
        "average pooling": lambda values: squares(values).mean((1, 3)),
        "the smallest": lambda values: squares(values).min((1, 3)),
        "top left": lambda values: values[::2, ::2],
        "ReLU's job": lambda values: np.maximum(squares(values).max((1, 3)), 0),
        "begins at": lambda values: sliding(values)[: len(values) // 2, : values.shape[1] // 2],
        "no square": lambda values: values.reshape(3, 4, 2, 2).max((2, 3)),
        "two of the four": lambda values: np.maximum(values[::2, ::2], values[1::2, 1::2]),
        "26 × 26 only": lambda values: values.reshape(13, 2, 13, 2).max((1, 3)),
        "its largest is": lambda values: values[1::2, 1::2],
    },
    "01.3": {
        OPEN: lambda images, pixels: None,
        RIGHT: lambda images, pixels: aside(images, pixels),
        "comes back": lambda images, pixels: np.roll(images, pixels, axis=2),
        "to the left": lambda images, pixels: aside(images[:, :, ::-1], pixels)[:, :, ::-1],
        "that is down: ": lambda images, pixels: aside(images.swapaxes(1, 2), pixels).swapaxes(
            1, 2
        ),
        "that is up": lambda images, pixels: aside(images[:, ::-1].swapaxes(1, 2), pixels).swapaxes(
            1, 2
        )[:, ::-1],
        "at the top": lambda images, pixels: np.roll(images, pixels, axis=1),
        "in one row": lambda images, pixels: np.roll(images, pixels),
        "only paper": lambda images, pixels: np.zeros_like(images),
        "the old ink": below_itself,
        "should come in": lambda images, pixels: np.maximum(aside(images, pixels), 1),
        "nothing has moved": lambda images, pixels: images.copy(),
        "moved by 3 pixels": lambda images, pixels: aside(images, pixels + 1),
        "the shape is": lambda images, pixels: images[:, :, pixels:],
        "make a new array": lambda images, pixels: np.copyto(images, 0) or images,
    },
    "01.4": {
        RIGHT: 42_048,
        "the biases": 41_904,
        "all 48 maps": 1440,
        "the second layer alone.": 41_568,
        "alone, and its": 41_472,
        "the first layer alone": 480,
        "not 48 over 96": 42_000,
        WRONG: 42_048.5,
    },
    "01.5": {
        RIGHT: "dense",
        "neighbours worth": "CNN",
        "clearly worse": "both",
        "still means the same": "none",
        WRONG: "the big one",
    },
    "01.6": {
        RIGHT: padded(lambda random: random.integers(-4, 5, 2)),
        "not just a moved copy": lambda images, random: images // 2,
        "right and left, shifts": moved(lambda random: random.integers(-4, 4, 2)),
        "up and down, shifts": moved(lambda random: (0, random.integers(-4, 5))),
        "independently": moved(lambda random: random.integers(-4, 5)),
        "comes back on the left": moved(lambda random: random.integers(-4, 5, 2)),
    },
    "02.1": {
        RIGHT: 11,
        "that is y[0, 0]": 7,
        "turned round": 8,
        "in the middle is −1": 19,
        "one product is missing": 15,
        "that is y[0, 2]": 2,
        WRONG: 10,
    },
    "02.2": {
        RIGHT: (32, 56, 24),
        "round down": (32.5, 56, 24),
        "rounded up": (33, 56, 25),
        "forgets the dilation": (32, 62, 30),
        "as its input": (32, 56, 56),
        "on both sides": (31, 56, 23),
        "forgets the padding": (29, 56, 21),
        "add 1": (31, 55, 23),
        "not d · k": (32, 53, 21),
        WRONG: (30, 56, 22),
    },
    "02.3": {
        RIGHT: one_place(lambda k, i, j, s, d: (i * s, j * s, d)),
        "does not move": one_place(lambda k, i, j, s, d: (0, 0, d)),
        "are exchanged": one_place(lambda k, i, j, s, d: (j * s, i * s, d)),
        "at (1, 2) it returns": one_place(lambda k, i, j, s, d: (i + 1, j, d)),
        "the stride has no effect": one_place(lambda k, i, j, s, d: (i, j, d)),
        "with stride 2": one_place(lambda k, i, j, s, d: (i * s, j, d)),
        "with dilation 2": one_place(lambda k, i, j, s, d: (i * s, j * s, 1)),
        "expected (4,)": lambda x, kernel, i, j, s, d: np.sum(x[i : i + 3, j : j + 3]),
        "turned round": turned_round,
        "one axis more": lambda x, kernel, i, j, s, d: x[i : i + 3, j : j + 3] * kernel,
        "not as large": lambda x, k, i, j, s, d: x[i : i + 2, j : j + 2, :, None] * k,
        "3 × 3 only": lambda x, k, i, j, s, d: one_place(lambda *a: (i * s, j * s, d))(
            x, k[:3, :3], i, j, s, d
        ),
    },
    "02.4": {
        RIGHT: [[0, 0, 0], [1, 0, 0], [0, 0, 0]],
        "to the left": [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
        "one pixel down": [[0, 1, 0], [0, 0, 0], [0, 0, 0]],
        "one pixel up": [[0, 0, 0], [0, 0, 0], [0, 1, 0]],
        "moves nothing": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
        "a diagonal": [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
        "a single 1": np.ones((3, 3)),
        "expected (3, 3)": [1, 0, 0],
        "times as bright": [[0, 0, 0], [2, 0, 0], [0, 0, 0]],
        OPEN: [[..., ..., ...], [..., ..., ...], [..., ..., ...]],
    },
    "02.5": {
        OPEN: lambda layers: None,
        RIGHT: lambda layers: field(layers),
        "begins with 0": lambda layers: field(layers) - 1,
        "overlap": lambda layers: 3 * len(layers),
        "do not multiply": lambda layers: 3 ** len(layers),
        "dilation has no effect": lambda layers: field([(k, s, 1) for k, s, _ in layers]),
        "stride has no effect": lambda layers: field([(k, 1, d) for k, _, d in layers]),
        "layers above it": lambda layers: field(layers, late=False),
        "it returns 22": lambda layers: field(layers) + (field(layers) > 20),
        "one number": lambda layers: [field(layers)],
        "after the loop": lambda layers: field(layers[:1]),
        "reaches k − 1": lambda layers: field([(k + 1, s, d) for k, s, d in layers]),
        "are exchanged": lambda layers: field([(k, d, s) for k, s, d in layers]),
        "does not replace": jump_replaced,
    },
    "02.6": {
        RIGHT: (3, 3, 1, 1),
        "a stride and a dilation": (3, 2, 0, 2),
        "covers 201 cells": (101, 1, 0, 2),
        "output 64 × 64": (3, 2, 1, 1),
        "as a number": (3, 3, "same", 1),
        "4 numbers": (3, 3, 1),
        "whole number": (3.5, 3, 1, 1),
    },
    "02.7": {
        RIGHT: (9, 1, 3),
        "3 layers see 15 × 15": (1, 2, 4),
        "109 × 109": (1, 3, 50),
        "blind to": (1, 4, 8),
        "whole numbers": (1.5, 3, 8.5),
    },
    "02b.1": {
        RIGHT: (147_584, 115_605_504),
        "biases are missing": (147_456, 115_605_504),
        "there are 128 filters": (1152, 903_168),
        "is not the number of parameters": (147_585, 115_605_504),
        "nothing is multiplied": (147_584, 115_705_856),
        "28 × 28 places": (147_584, 99_680_256),
        "147,584 is not the number of multiplications": (147_584, 147_584),
        "count once": (147_584, 231_211_008),
        "changed places": (115_605_504, 147_584),
    },
    "02b.2": {
        RIGHT: (1216, 688),
        "three channels": (416, 688),
        "first layer are missing": (1200, 688),
        "ordinary second layer": (1216, 4640),
        "no biases of its own": (1216, 704),
        "32 biases": (1216, 656),
        "without its biases": (1216, 4608),
        "depthwise part is missing": (1216, 544),
        "channel that comes in": (1216, 832),
        "not three": (1216, 155),
        WRONG: (1216, 600),
    },
    "02b.3": {
        OPEN: lambda x, squeeze, expand: None,
        RIGHT: fire("relu", lambda x, s, a: (s, s)),
        "get the squeezed maps, not x": fire("relu", lambda x, s, a: (x, s)),
        "not those of the other": fire("relu", lambda x, s, a: (s, a)),
        "negative outputs": fire(None, lambda x, s, a: (s, s)),
        "expected (None, 10, 10, 128)": lambda x, squeeze, expand: x,
        "after the squeeze layer": fire("relu", lambda x, s, a: (s, s), squeezing=None),
        "needs padding": fire("relu", lambda x, s, a: (s, s), padding="valid"),
        "with Concatenate": lambda x, squeeze, expand: [x, x],
        "then called": lambda x, squeeze, expand: layers.Conv2D(squeeze, 1),
        "it has 64 maps": lambda x, squeeze, expand: layers.Conv2D(expand, 1)(x),
        "16 and 64 only": lambda x, s, e: fire("relu", lambda x, s, a: (s, s))(x, 16, 64),
        "parameters, the paper's": lambda x, s, e: layers.Conv2D(2 * e, 1)(x),
    },
    "02b.4": {
        OPEN: lambda d: None,
        RIGHT: lambda d: 12 * d**2 + 13 * d,
        "the biases and the": lambda d: 12 * d**2,
        "the biases are missing": lambda d: 12 * d**2 + 4 * d,
        "the normalisations are missing": lambda d: 12 * d**2 + 9 * d,
        "two normalisations": lambda d: 12 * d**2 + 11 * d,
        "four dense layers": lambda d: 9 * d**2 + 10 * d,
        "768 only": lambda d: 7_087_872,
        "it returns 768": lambda d: d,
        "one number": lambda d: [d],
        "there are four": lambda d: 11 * d**2 + 12 * d,
        "back to d is missing": lambda d: 8 * d**2 + 12 * d,
        "from d to 4d is missing": lambda d: 8 * d**2 + 9 * d,
        "the last two layers": lambda d: 12 * d**2 + 8 * d,
        "all twelve": lambda d: 12 * (12 * d**2 + 13 * d),
    },
    "02b.5": {
        RIGHT: "EfficientNet-B2",
        "more accurate": "MobileNet",
        "138.4 million parameters": "VGG16",
        "2.83 billion": "DenseNet121",
        "not in the table": "LeNet",
        "in quotation marks": 5,
    },
    "02b.6": {
        RIGHT: 22_050_664,
        "not simply half": 43_283_828,
        "the same factor": 21_641_914,
        "class token": 22_050_280,
        "of the last layer": 22_049_664,
        "not millions": 22.05,
        "positions are": 21_975_016,
        "last normalisation": 22_049_896,
        WRONG: 384,
    },
    "03.1": {
        OPEN: lambda layer: None,
        RIGHT: lambda layer: keras.Model(DIGITS.input, DIGITS.get_layer(layer).output),
        "that is the layer": lambda layer: DIGITS.get_layer(layer),
        "no model": lambda layer: layer,
        "Does it use its argument": lambda layer: keras.Model(DIGITS.input, DIGITS.output),
        "its input is not": from_the_first_maps,
        "swapped": lambda layer: keras.Model(DIGITS.get_layer(layer).output, DIGITS.input),
        ".output of the layer": lambda layer: keras.Model(DIGITS.input, DIGITS.get_layer(layer)),
    },
    "03.2": {
        RIGHT: ("C", "F", "B", "E"),
        "channel 290 is not A": ("C", "A", "B", "E"),
        "four letters": "CF",
    },
    "03.3": {
        RIGHT: 1,
        "together": 5,
        "for all": 3,
        "count it, too": 0,
        "that do answer": 7,
        WRONG: 4,
    },
    "03.4": {
        OPEN: lambda picture, top, left, patch: None,
        RIGHT: hidden,
        "was changed": lambda picture, *place: hidden(picture, *place, copy=False),
        "swapped": lambda picture, top, left, patch: hidden(picture, left, top, patch),
        "colour": lambda picture, *place: hidden(picture, *place, colour=0),
        "25 pixels": lambda picture, top, left, patch: hidden(picture, top, left, patch + 1),
    },
    "03.5": {
        OPEN: lambda maps, gradient: None,
        RIGHT: lambda maps, gradient: np.maximum(weighted(maps, gradient), 0),
        "negative": lambda maps, gradient: weighted(maps, gradient),
        "alpha is the mean": lambda maps, gradient: np.maximum(20 * weighted(maps, gradient), 0),
        "one number for each map": lambda maps, g: np.maximum(np.sum(maps * g, axis=-1), 0),
        "the shape is": lambda maps, gradient: gradient.mean(axis=(0, 1)),
        "drop the last axis": lambda maps, g: np.maximum(weighted(maps, g), 0)[..., None],
        "not positive": lambda maps, gradient: np.abs(weighted(maps, gradient)),
        "over the channels": lambda maps, g: np.maximum(
            np.sum(maps * g.mean(axis=-1, keepdims=True), axis=-1), 0
        ),
        "are swapped": lambda maps, gradient: np.maximum(weighted(gradient, maps), 0),
        "not before": lambda maps, g: np.sum(maps * np.maximum(g.mean(axis=(0, 1)), 0), axis=-1),
        "their mean": lambda maps, g: np.maximum(np.mean(maps * g.mean(axis=(0, 1)), axis=-1), 0),
    },
    "03.6": {
        OPEN: lambda x, gradient, colour: None,
        RIGHT: lambda x, gradient, colour: np.sum(gradient * (x - colour), axis=-1),
        "wrong way round": lambda x, gradient, colour: np.sum(gradient * (colour - x), axis=-1),
        "the sign is lost": lambda x, g, colour: np.abs(np.sum(g * (x - colour), axis=-1)),
        "contribute nothing": lambda x, gradient, colour: np.sum(gradient * x, axis=-1),
        "their mean": lambda x, gradient, colour: np.mean(gradient * (x - colour), axis=-1),
        "added up (axis=-1)": lambda x, gradient, colour: gradient * (x - colour),
        "the shape is": lambda x, gradient, colour: np.sum(gradient, axis=(1, 2, 3)),
    },
    "03.7": {
        OPEN: lambda x: None,
        RIGHT: lambda x: ops.sum(TEN(x) * OWN, axis=1),
        "of the network with random": lambda x: ops.sum(TEN(x) * OWN, axis=1) + 1,
        "adds up all": lambda x: ops.sum(TEN(x), axis=1),
        "before the softmax": lambda x: ops.sum(ops.softmax(TEN(x)) * OWN, axis=1),
        "the shape is": lambda x: TEN(x),
    },
    "03b.1": {
        OPEN: lambda x, gradient, eta: None,
        RIGHT: lambda x, gradient, eta: np.clip(x + eta * gradient / root(gradient), 0, 255),
        "goes down": lambda x, gradient, eta: x - eta * gradient / root(gradient),
        "its own size": lambda x, gradient, eta: np.clip(x + eta * gradient, 0, 255),
        "each picture needs": lambda x, gradient, eta: np.clip(
            x + eta * gradient / np.sqrt(np.mean(gradient**2)), 0, 255
        ),
        "its root": lambda x, g, eta: np.clip(x + eta * g / root(g) ** 2, 0, 255),
        "leave 0 to 255": lambda x, gradient, eta: x + eta * gradient / root(gradient),
        "keepdims": lambda x, g, eta: np.clip(x + eta * g / root(g)[:, 0, 0, 0], 0, 255),
        "itself was changed": lambda x, g, eta: np.add(x, eta * g / root(g), out=x),
        "eta is missing": lambda x, g, eta: np.clip(x + g / root(g), 0, 255),
        "three colours together": lambda x, g, eta: np.clip(
            x + eta * g / np.sqrt(np.mean(g**2, axis=(1, 2), keepdims=True)), 0, 255
        ),
        "root of the sum": lambda x, g, eta: np.clip(x + eta * g / root(g) / 90**0.5, 0, 255),
        "absolute values": lambda x, g, eta: np.clip(
            x + eta * g / np.mean(np.abs(g), axis=(1, 2, 3), keepdims=True), 0, 255
        ),
        "only the sign": lambda x, g, eta: np.clip(x + eta * np.sign(g), 0, 255),
        "go from 0 to 255": lambda x, g, eta: np.clip(x + eta * g / root(g), 0, 1),
    },
    "03b.2": {
        OPEN: lambda maps, first, second: None,
        RIGHT: lambda maps, *two: ops.minimum(*(means(maps, k) for k in two)),
        "has no gradient": lambda maps, *two: np.minimum(
            *(ops.convert_to_numpy(means(maps, k)) for k in two)
        ),
        "the larger": lambda maps, *two: ops.maximum(*(means(maps, k) for k in two)),
        "their mean": lambda maps, *two: sum(means(maps, k) for k in two) / 2,
        "their sum": lambda maps, *two: sum(means(maps, k) for k in two),
        "alone": lambda maps, first, second: means(maps, first),
        "the second": lambda maps, first, second: means(maps, second),
        "this is the sum": lambda maps, *two: ops.minimum(*(12 * means(maps, k) for k in two)),
        "smallest value": lambda maps, *two: ops.minimum(
            *(ops.min(maps[..., k], axis=(1, 2)) for k in two)
        ),
        "one number per picture": lambda maps, first, second: ops.mean(maps),
    },
    "03b.3": {
        OPEN: lambda maps: None,
        RIGHT: lambda maps: ops.mean(maps**2),
        "has no gradient": lambda maps: np.mean(ops.convert_to_numpy(maps) ** 2),
        "that is the sum": lambda maps: ops.sum(maps**2),
        "that is the mean;": ops.mean,
        "square of the mean": lambda maps: ops.mean(maps) ** 2,
        "root of it": lambda maps: ops.sqrt(ops.mean(maps**2)),
        "one number is needed": lambda maps: ops.mean(maps**2, axis=(1, 2)),
    },
    "04.1": {
        RIGHT: lambda grey: grey[:, 1:] > grey[:, :-1],
        OPEN: lambda grey: None,
        "below it": lambda grey: grey[1:] > grey[:-1],
        "darker": lambda grey: grey[:, 1:] < grey[:, :-1],
        "the shape is": lambda grey: grey > 100,
        "mirrored": lambda grey: (grey[:, 1:] > grey[:, :-1])[:, ::-1],
        "the mean of all": lambda grey: grey[:, :8] > grey.mean(),
        "own neighbours": lambda grey: grey[:, 1:] > grey.mean(),
        "these are differences": lambda grey: np.diff(grey, axis=1),
        "your first row": lambda grey: grey[:, 1:] > 100,
    },
    "04.2": {
        RIGHT: squeezenet.preprocess,
        OPEN: lambda rgb: None,
        "still red": lambda rgb: rgb - np.array(squeezenet.MEAN[::-1]),
        "another channel": lambda rgb: rgb - np.array(squeezenet.MEAN),
        "in this order": lambda rgb: rgb[..., ::-1] - np.array(squeezenet.MEAN[::-1]),
        "subtracts nothing": lambda rgb: rgb[..., ::-1],
        "below zero": lambda rgb: (rgb[..., ::-1] - np.array(squeezenet.MEAN)).astype("uint8"),
        "the columns": lambda rgb: rgb[..., ::-1, :] - np.array(squeezenet.MEAN),
        "the shape is": lambda rgb: rgb[..., 0],
        "not to be scaled.": lambda rgb: squeezenet.preprocess(rgb) / 255,
        "for 0 … 255": lambda rgb: rgb[..., ::-1] / 255 - np.array(squeezenet.MEAN),
        "scaled": lambda rgb: rgb / 255,
        "the photos were": lambda rgb: rgb[::-1] - np.array(squeezenet.MEAN),
        "means were added": lambda rgb: rgb[..., ::-1] + np.array(squeezenet.MEAN),
        "of these photos": lambda rgb: (rgb - rgb.mean(axis=(0, 1, 2)))[..., ::-1],
        "nothing has changed": lambda rgb: rgb.astype("float32"),
        "your first pixel": lambda rgb: squeezenet.preprocess(rgb) + 1,
    },
    "04.3": {RIGHT: 513, "the bias": 512, "two outputs": 1026, WRONG: 10},
    "04.4": {
        RIGHT: lambda name: name.startswith("fire9"),
        OPEN: lambda name: None,
        "all layers": lambda name: True,
        "below the cut": lambda name: name >= "fire8",
        "more layers above": lambda name: name == "fire9_expand3x3",
        "no layer learns": lambda name: False,
        "returns nothing": lambda name: True if name.startswith("fire9") else None,
        "wrong way round": lambda name: not name.startswith("fire9"),
        "you let these learn": lambda name: name.startswith("fire8"),
    },
    "04.5": {RIGHT: 1900, "points": 500},
    "04.6": {
        RIGHT: PIXELS[..., ::-1],
        "still red": PIXELS,
        "the whole recipe": squeezenet.preprocess(PIXELS),
        "floats were": PIXELS[..., ::-1].astype("uint8"),
        "the shape": PIXELS[0],
        "the first pixel": PIXELS / 255,
    },
    "04.7": {
        RIGHT: ("Cat", "Dog"),
        "no class": ("Catt", "Dog"),
        "two names": ("Cat", "Dog", "Horse"),
        "two names were": "Cat",
    },
    "05.1": {
        RIGHT: cut_from(lambda i, hop: i * hop),
        "the hop is left out": cut_from(lambda i, hop: i),
        "starts at every sample": lambda x, m, s: cut_from(mul)(x, m, 1),
        "row 1 begins with": cut_from(lambda i, hop: i * hop + i),
        "rows and columns": lambda *a: cut_from(lambda i, hop: i * hop)(*a).T,
        "a window has 3 samples instead": lambda x, m, s: cut_from(mul)(x, m - 1, s),
        "windows, where": lambda x, m, s: cut_from(mul)(x, m, s)[:-1],
        "has to end inside": lambda x, m, s: np.stack([x[i : i + m] for i in range(0, 14, s)]),
    },
    "05.2": {
        RIGHT: lambda future: np.argmax(future, axis=1) + 1,
        "in one step, not in none": lambda future: np.argmax(future, axis=1),
        "the highest value; asked": lambda future: future.max(axis=1),
        "the lowest value": lambda future: np.argmin(future, axis=1) + 1,
        "one step too many": lambda future: np.argmax(future, axis=1) + 2,
        "reduce over axis 1 only": lambda future: np.argmax(future, axis=2),
    },
    "05.3": {RIGHT: -3, "the sign": 3, "place 0": 1, "place 2": -2, "you have": 5},
    "05.4": {
        RIGHT: lambda x, k, b, i, s: np.tensordot(x[i * s :][:5], k, 2) + b,
        "bias is missing": lambda x, k, b, i, s: np.tensordot(x[i * s :][:5], k, 2),
        "stride is left out": lambda x, k, b, i, s: np.tensordot(x[i:][:5], k, 2) + b,
        "wrong way round": lambda x, k, b, i, s: np.tensordot(x[i * s :][:5], k[::-1], 2) + b,
        "it comes once": lambda x, k, b, i, s: sum(x[i * s + a] @ k[a] + b for a in range(5)),
        "this is their mean": lambda x, k, b, i, s: (
            np.mean(x[i * s :][:5, :, None] * k, axis=(0, 1)) + b
        ),
        "it is one number": lambda x, k, b, i, s: np.sum(x[i * s :][:5, :, None] * k) + b.sum(),
        "added up, too": lambda x, k, b, i, s: np.sum(x[i * s :][:5, :, None] * k) + b,
    },
    "05.5": {
        RIGHT: (196, 12, 192),
        "number 1: there are no zeros": (200, 12, 192),
        "number 2: each filter": (196, 3, 192),
        "number 3: the biases": (196, 12, 180),
        "every stream.": (196, 12, 72),
        "number 1: you have 190": (190, 12, 192),
    },
    "05.6": {
        RIGHT: (90, 89, 256),
        "horizon": (90, 90, 256),
        "number 1: the first": (89, 89, 256),
        "leaves a sample out": (90, 89, 257),
    },
    "05.7": {
        RIGHT: (250, 125, 912),
        "number 1: first the floor": (249, 124, 912),
        "pairs": (250, 124, 912),
        "biases": (250, 125, 896),
    },
    "05.8": {
        RIGHT: 14,
        "bias is missing": 13,
        "turned round": 11,
        "first stream alone": 5,
        "second stream alone.": 10,
        "taken off": -4,
        "place 0": 12,
        "you have": 8,
    },
    "05.9": {RIGHT: "b, a, e", "1 missing, 1": "A, B, C", "1 too": "ABDE", "2 missing.": "A"},
    "05.10": {
        RIGHT: windows(86, 14),
        "the first window ends with": windows(88, 11),
        "there could be 86": windows(80, 14),
        "windows and": lambda x: (windows(86, 14)(x)[0], x),
    },
    "05.11": {
        RIGHT: lambda x: (np.linalg.norm(x, axis=2) > 16).any(axis=1),
        "the largest length": lambda x: np.linalg.norm(x, axis=2).max(axis=1),
        "one moment above 16 is enough.": lambda x: (np.linalg.norm(x, axis=2) > 16).all(axis=1),
        "this asks their mean": lambda x: np.linalg.norm(x, axis=2).mean(axis=1) > 16,
        "each axis by itself.": lambda x: (np.abs(x) > 16).any(axis=(1, 2)),
        "only upwards": lambda x: (x > 16).any(axis=(1, 2)),
        "adds up the moments": lambda x: np.linalg.norm(x, axis=(1, 2)) > 16,
        "square root": lambda x: (np.sum(x**2, axis=2) > 16).any(axis=1),
    },
    "05b.1": {
        RIGHT: lambda x: x[:, -12:] + mean_of(x, 24) - mean_of(x, 12),
        "growth is missing": lambda x: x[:, -12:],
        "wrong sign": lambda x: x[:, -12:] - mean_of(x, 24) + mean_of(x, 12),
        "added to the last value": lambda x: (
            x[:, -1:].repeat(12, 1) + mean_of(x, 24) - mean_of(x, 12)
        ),
        "its own growth": lambda x: 2 * x[:, -12:] - x[:, -24:-12],
        "of two years": lambda x: x[:, -12:] + mean_of(x, 24) - mean_of(x, 0),
        "of all windows together": lambda x: x[:, -12:] + np.mean(mean_of(x, 24) - mean_of(x, 12)),
        "last month alone": lambda x: x[:, -12:] + x[:, -1:] - x[:, -13:-12],
        "all months alike": lambda x: (
            x[:, -12:] + (mean_of(x, 24) - mean_of(x, 12)) * np.arange(1, 13) / 12
        ),
        "the year before": lambda x: x[:, -24:-12] + mean_of(x, 24) - mean_of(x, 12),
        "expected (5, 12)": lambda x: x,
    },
    "05b.2": {
        RIGHT: lambda x, y: np.linalg.lstsq(x, y)[0],
        "four things": lambda x, y: tuple(np.linalg.lstsq(x, y)),
        "other way round": lambda x, y: np.linalg.lstsq(x, y)[0].T,
        "a bias was fitted": lambda x, y: np.linalg.lstsq(np.c_[x, np.ones(90)], y)[0][:36],
        "sums of products": lambda x, y: x.T @ y,
        "come closer": lambda x, y: np.zeros((36, 12)),
    },
    "05b.3": {
        RIGHT: grown(np.arange(-35, 13)),
        "targets do not grow": grown(np.minimum(np.arange(-35, 13), 0)),
        "windows do not grow": grown(np.maximum(np.arange(-35, 13), 0)),
        "a step is a month": grown(12 * np.arange(-35, 13)),
        "one month after": grown(np.r_[-35:1, 0:12]),
        "has to stay 0": grown(np.arange(48)),
        "targets are right, but": grown(np.r_[0:36, 1:13]),
        "start again": grown(np.r_[-35:1, -35:-23]),
        "rise towards its end": grown(np.r_[35:-1:-1, 1:13]),
        "to the first target it adds": grown(np.zeros(48)),
    },
    "05b.4": {RIGHT: " Dense", "another has more": "linear", "the names are": "CNN"},
    "05b.5": {
        RIGHT: lambda who: (who < 12, (who >= 12) & (who < 16), who >= 16),
        "person 12 is in two": lambda who: (who <= 12, (who >= 12) & (who < 16), who >= 16),
        "in none": lambda who: (who < 12, (who > 12) & (who < 16), who >= 16),
        "people in them": lambda who: (who < 16, who >= 30, who >= 16),
        "true or false for every window": lambda who: tuple(
            np.arange(26)[a:][:10] for a in (0, 2, 4)
        ),
    },
    "05b.6": {
        RIGHT: of_length(lambda length: (length.mean(axis=1), length.std(axis=1))),
        "turning the phone": lambda x: x.mean(axis=1)[:, :2],
        "the same for every activity": lambda x: np.ones((len(x), 2)),
        "which row": lambda x: np.arange(2 * len(x)).reshape(-1, 2),
        "two numbers for each": lambda x: np.linalg.norm(x, axis=2),
        "square root is missing": of_length(
            lambda length: ((length**2).mean(axis=1), (length**2).std(axis=1))
        ),
        "variance": of_length(lambda length: (length.mean(axis=1), length.var(axis=1))),
        "the smallest and": of_length(lambda length: (length.min(axis=1), length.max(axis=1))),
        "are others": of_length(lambda length: (length.max(axis=1), length.std(axis=1))),
    },
    "06.1": {
        RIGHT: rnn_step(lambda from_x, from_h, b, h, w: np.tanh(from_x + from_h + b)),
        "activation is missing": rnn_step(lambda from_x, from_h, b, h, w: from_x + from_h + b),
        "bias is missing": rnn_step(lambda from_x, from_h, b, h, w: np.tanh(from_x + from_h)),
        "state before has no": rnn_step(lambda from_x, from_h, b, h, w: np.tanh(from_x + b)),
        "the input has no": rnn_step(lambda from_x, from_h, b, h, w: np.tanh(from_h + b)),
        "not be transposed": rnn_step(lambda x, from_h, b, h, w: np.tanh(x + h @ w.T + b)),
        "comes in as it is": rnn_step(lambda from_x, from_h, b, h, w: np.tanh(from_x + h + b)),
        "inside the tanh": rnn_step(lambda from_x, from_h, b, h, w: np.tanh(from_x + from_h) + b),
        "of the whole sum": rnn_step(
            lambda from_x, from_h, b, h, w: np.tanh(from_x) + np.tanh(from_h)
        ),
        "a sigmoid": rnn_step(lambda from_x, from_h, b, h, w: sigmoid(from_x + from_h + b)),
        "relu": rnn_step(lambda from_x, from_h, b, h, w: np.maximum(from_x + from_h + b, 0)),
    },
    "06.2": {
        RIGHT: line_of_bptt(lambda d_a, d_h, w: d_a @ w.T),
        OPEN: line_of_bptt(lambda d_a, d_h, w: None),
        "nothing comes back": line_of_bptt(lambda d_a, d_h, w: 0),
        "is transposed": line_of_bptt(lambda d_a, d_h, w: d_a @ w),
        "the slope is left out": line_of_bptt(lambda d_a, d_h, w: d_h @ w.T),
        "arrives as it is": line_of_bptt(lambda d_a, d_h, w: d_a),
        "both left out": line_of_bptt(lambda d_a, d_h, w: d_h),
        "is not transposed": line_of_bptt(lambda d_a, d_h, w: d_h @ w),
        "do not add to it": line_of_bptt(lambda d_a, d_h, w: d_a @ w.T, adds=True),
        "and you have": line_of_bptt(lambda d_a, d_h, w: -d_a @ w.T),
    },
    "06.3": {
        OPEN: lambda gradients, c: [None] * 3,
        RIGHT: lambda gradients, c: [g * min(1, c / norm_of(gradients)) for g in gradients],
        "nothing is shortened": lambda gradients, c: gradients,
        "by itself": lambda gradients, c: [g * min(1, c / norm_of([g])) for g in gradients],
        "to the norm c by itself": lambda gradients, c: [g * c / norm_of([g]) for g in gradients],
        "bends the direction": lambda gradients, c: [np.clip(g, -c, c) for g in gradients],
        "norm is 1 now": lambda gradients, c: [g / norm_of(gradients) for g in gradients],
        "take its root": lambda gradients, c: [g * c / norm_of(gradients) ** 2 for g in gradients],
        "must stay as it is": lambda gradients, c: [g * c / norm_of(gradients) for g in gradients],
        "the norm of all": lambda gradients, c: [g / 2 for g in gradients],
        "return a short one": lambda gradients, c: (
            [g * c / norm_of(gradients) for g in gradients] if norm_of(gradients) > c else None
        ),
        "nothing comes back": lambda gradients, c: gradients[0].fill(0.0),
    },
    "06.4": {
        RIGHT: (24_192, 24_192),
        "knows how long": (24_192, 48_384),
        "the bias is missing": (24_064, 24_064),
        "one bias, not two": (24_320, 24_320),
        "W_hh is missing": (7_808, 7_808),
        "W_xh is missing": (16_512, 16_512),
        WRONG: (1, 1),
    },
    "06.5": {
        OPEN: [[0.0, 0.0], [0.0, None]],
        RIGHT: [[0.9, 15.0], [0.0, 0.9]],
        "does not vanish": [[5.0, 0.0], [0.0, 0.9]],
        "times at most": [[0.5, 1.0], [0.0, 0.9]],
        "above 15": [[0.5, 25.0], [0.0, 0.5]],
        ", expected (2, 2)": [0.9, 15.0],
    },
    "06b.1": {
        OPEN: lstm_step(lambda *_: None, lambda *_: None),
        RIGHT: lstm_step(),
        "in what you return": lambda w, x, h, c: lstm_step()(w, x, h, c)[::-1],
        "the gates are exchanged": lstm_step(lambda i, f, g, c, h: i * c + f * g),
        "the old cell is lost": lstm_step(lambda i, f, g, c, h: i * g),
        "nothing is written": lstm_step(lambda i, f, g, c, h: f * c),
        "nothing is forgotten": lstm_step(lambda i, f, g, c, h: c + i * g),
        "is written whole": lstm_step(lambda i, f, g, c, h: f * c + g),
        "no tanh of its own": lstm_step(lambda i, f, g, c, h: np.tanh(f * c + i * g)),
        "through tanh already": lstm_step(lambda i, f, g, c, h: f * c + i * np.tanh(g)),
        "coupling of a GRU": lstm_step(lambda i, f, g, c, h: f * c + (1 - f) * g),
        "the old h that": lstm_step(lambda i, f, g, c, h: f * h + i * g),
        "c: it returns": lstm_step(lambda i, f, g, c, h: f * c - i * g),
        "the tanh is missing": lstm_step(show=lambda o, c: o * c),
        "the output gate is": lstm_step(show=lambda o, c: np.tanh(c)),
        "of c alone": lstm_step(show=lambda o, c: np.tanh(o * c)),
        "shows the cell as": lstm_step(show=lambda o, c: c),
        "not through a sigmoid": lstm_step(show=lambda o, c: o * sigmoid(c)),
        "the old cell, not": lambda w, x, h, c: (
            sigmoid(box(w, "o", x, h)) * np.tanh(c),
            lstm_step()(w, x, h, c)[1],
        ),
        "the proposal, not": lambda w, x, h, c: (
            sigmoid(box(w, "o", x, h)) * np.tanh(box(w, "g", x, h)),
            lstm_step()(w, x, h, c)[1],
        ),
        "c is right. h is not": lstm_step(show=lambda o, c: o),
    },
    "06b.2": {
        OPEN: gru_step(lambda *_: None),
        RIGHT: gru_step(),
        "are exchanged": gru_step(new=lambda z, r, g, h: (1 - z) * h + z * g),
        "comes in whole": gru_step(new=lambda z, r, g, h: z * h + g),
        "the proposal alone": gru_step(new=lambda z, r, g, h: g),
        "after the matrix": gru_step(
            lambda a, r, h, w: np.tanh(a + r * (h @ w["W_hg"]) + w["b_g"])
        ),
        "reset gate is missing": gru_step(lambda a, r, h, w: np.tanh(a + h @ w["W_hg"] + w["b_g"])),
        "the tanh is missing": gru_step(lambda a, r, h, w: a + (r * h) @ w["W_hg"] + w["b_g"]),
        "the bias is missing": gru_step(lambda a, r, h, w: np.tanh(a + (r * h) @ w["W_hg"])),
        "r belongs to g": gru_step(new=lambda z, r, g, h: z * h + r * g),
    },
    "06b.3": {
        RIGHT: (1, 4, 3, 6),
        "1 to 6": (0, 4, 3, 6),
        "one verdict": (2, 4, 3, 6),
        "a hierarchy can do it": (6, 4, 3, 6),
        "for every moment": (1, 1, 3, 6),
        "what comes later": (1, 2, 3, 6),
        "every second": (1, 4, 1, 6),
        "reads the future": (1, 4, 5, 6),
        "words make sentences": (1, 4, 3, 1),
    },
    "06b.4": {
        RIGHT: 96_768,
        "one box of four": 24_192,
        "a GRU's number": 72_576,
        "the biases are": 96_256,
        "not two": 97_280,
        "read the state": 31_232,
        "read the input": 66_048,
        WRONG: 1,
    },
    "06b.5": {
        RIGHT: 4.97,
        "which bias makes it so": 0.9931,
        "nearly shut": -4.97,
        "half open": 0,
        WRONG: 3,
    },
    "07.1": {
        RIGHT: lambda p: -np.mean(np.log2(p)),
        OPEN: lambda p: None,
        "negative": lambda p: np.mean(np.log2(p)),
        "nats": lambda p: -np.mean(np.log(p)),
        "base 10": lambda p: -np.mean(np.log10(p)),
        "the sum": lambda p: -np.sum(np.log2(p)),
        "of each character": lambda p: -np.log2(p),
        "then the mean": lambda p: -np.log2(np.mean(p)),
        "entropy": lambda p: -np.sum(p * np.log2(p)),
        "perplexity": lambda p: 2 ** -np.mean(np.log2(p)),
        "it returns": lambda p: 7.0,
    },
    "07.2": {
        RIGHT: lambda z, t: np.exp(z / t) / np.exp(z / t).sum(),
        OPEN: lambda z, t: None,
        "Where is": lambda z, t: np.exp(z) / np.exp(z).sum(),
        "multiplied": lambda z, t: np.exp(z * t) / np.exp(z * t).sum(),
        "do not sum": lambda z, t: np.exp(z / t),
        "not after": lambda z, t: np.exp(z) / np.exp(z).sum() / t,
        "is missing": lambda z, t: z / t,
        "for the likeliest": lambda z, t: np.eye(len(z))[z.argmax()],
        "below the line": lambda z, t: np.exp(z / t) / np.exp(z).sum(),
        "by the largest": lambda z, t: np.exp(z / t) / np.exp(z / t).max(),
        "with T = 2": lambda z, t: np.exp(z / 0.5) / np.exp(z / 0.5).sum(),
        "the shape is": lambda z, t: np.exp(z / t).max(),
        "it returns": lambda z, t: z + 5,
    },
    "07.3": {
        RIGHT: writing(),
        OPEN: lambda *_: None,
        "not carried": writing(carry=lambda start, new: start),
        "c is not": writing(carry=lambda start, new: (new[0], start[1])),
        "h is not": writing(carry=lambda start, new: (start[0], new[1])),
        "swapped": writing(carry=lambda start, new: new[::-1]),
        "same character": writing(read=lambda first, drawn: first),
        "was given": lambda *given: [given[2], *writing()(*given)],
        "one character was": lambda *given: writing()(*given)[-1],
        "expected 8": lambda *given: writing()(*given)[:5],
        "it writes": lambda *given: [0] * 8,
    },
    "07.4": {
        RIGHT: 99_328,
        "biases": 98_816,
        "not two": 99_840,
        "one gate": 24_832,
        "three maps": 74_496,
        "from h": 33_792,
        "timesteps": 1_986_560,
        "dense layer": 107_713,
        WRONG[9:]: 7,
    },
    "07.5": {
        RIGHT: lambda p, most: np.array([0, 2 / 3, 0, 1 / 3]) if most == 0.6 else p,
        "it sums to": lambda p, most: p * (p > 0.2),
        "not enough": lambda p, most: np.array([0, 1, 0, 0]),
        "in its own place": lambda p, most: np.array([2 / 3, 1 / 3, 0, 0]),
    },
    "07b.1": {
        RIGHT: stopping(),
        OPEN: lambda *_: None,
        "counted from 1": lambda *given: tuple(np.subtract(stopping()(*given), 1)),
        "over after epoch 7": lambda losses, patience: (int(np.argmin(losses)) + 1, len(losses)),
        "the second is the last": lambda *given: (stopping()(*given)[0],) * 2,
        "too long": stopping(wait=1),
        "too early": stopping(wait=-1),
        "first rise": lambda losses, patience: (2, 3),
        "comes first": lambda *given: stopping()(*given)[::-1],
        "a pair": lambda losses, patience: 4,
        "starts anew": lambda losses, patience: (4, 3 + patience),
        "`patience` used": lambda losses, patience: stopping()(losses, 3),
        "to the end": lambda losses, patience: stopping()(losses, patience) if losses[3:] else None,
        "it returns": lambda losses, patience: (1, 1),
    },
    "07b.2": {
        RIGHT: lambda old, new, keep: keep * old + (1 - keep) * new,
        OPEN: lambda *_: None,
        "swapped": lambda old, new, keep: keep * new + (1 - keep) * old,
        "that is dropout": lambda old, new, keep: (1 - keep) * new,
        "the wrong way round": lambda old, new, keep: keep * new,
        "only the kept": lambda old, new, keep: keep * old,
        "with 1 - keep": lambda old, new, keep: keep * old + new,
        "add both": lambda old, new, keep: old + new,
        "half and half": lambda old, new, keep: (old + new) / 2,
        "keep is a rate": lambda old, new, keep: np.where(np.equal(keep, 1), old, new),
        "the shape is": lambda old, new, keep: old[0],
        "it returns": lambda old, new, keep: 7 * old,
    },
    "10.1": {
        RIGHT: lambda n: np.log(n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0))),
        OPEN: lambda *_: None,
        "logarithm is missing": lambda n: n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0)),
        "in bits": lambda n: np.log2(n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0))),
        "total is missing": lambda n: np.log(n / (n.sum(1, keepdims=True) * n.sum(0))),
        "only the word's share": lambda n: np.log(n / n.sum(1, keepdims=True)),
        "only the context's share": lambda n: np.log(n / n.sum(0)),
        "upside down": lambda n: -np.log(n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0))),
        "do not divide": lambda n: np.log(n / (n.sum(1, keepdims=True) * n.sum(0) * n.sum())),
        "of the pair alone": lambda n: np.log(n / n.sum()),
        "negative values": lambda n: np.maximum(
            np.log(n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0))), 0
        ),
        "a count is 0": lambda n: np.nan_to_num(
            np.log(n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0))), neginf=0
        ),
        "there it breaks": lambda n: np.vectorize(math.log)(
            n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0))
        ),
        "the shape is": lambda n: np.log(n[0]),
        "it returns": lambda n: 7 * n,
    },
    "10.2": {
        RIGHT: lambda _, s: ops.softplus(-s[:, 0]) + ops.sum(ops.softplus(s[:, 1:]), axis=1),
        OPEN: lambda *_: None,
        "are swapped": lambda _, s: (
            ops.softplus(s[:, 0]) + ops.sum(ops.softplus(-s[:, 1:]), axis=1)
        ),
        "the negatives are missing": lambda _, s: ops.softplus(-s[:, 0]),
        "the real pair is missing": lambda _, s: ops.sum(ops.softplus(s[:, 1:]), axis=1),
        "do not average": lambda _, s: (
            ops.softplus(-s[:, 0]) + ops.mean(ops.softplus(s[:, 1:]), axis=1)
        ),
        "negatives should get a low": lambda _, s: ops.sum(ops.softplus(-s), axis=1),
        "real pair should get a high": lambda _, s: ops.sum(ops.softplus(s), axis=1),
        "add the negatives up over": lambda _, s: ops.softplus(s),
        "have no gradient": lambda _, s: np.logaddexp(
            0, ops.convert_to_numpy(s) * [-1, 1, 1, 1]
        ).sum(axis=1),
        "a single number": lambda _, s: ops.sum(s),
        "its shape is": lambda _, s: (
            ops.softplus(-s[:, :1]) + ops.sum(ops.softplus(s[:, 1:]), axis=1, keepdims=True)
        ),
        "axis=1 is missing": lambda _, s: ops.softplus(-s[:, 0]) + ops.sum(ops.softplus(s[:, 1:])),
        "both parts are added": lambda _, s: (
            ops.softplus(-s[:, 0]) - ops.sum(ops.softplus(s[:, 1:]), axis=1)
        ),
        "it returns": lambda _, s: 7 * s[:, 0],
    },
    "10.3": {
        RIGHT: lambda u, *abc: best_row(u @ (u[abc[1]] - u[abc[0]] + u[abc[2]]), abc),
        OPEN: lambda *_: None,
        "one of the three": lambda u, a, b, c: (u @ (u[b] - u[a] + u[c])).argmax(),
        "from a to b is": lambda u, *abc: best_row(u @ (u[abc[0]] - u[abc[1]] + u[abc[2]]), abc),
        "the farthest": lambda u, a, b, c: (u @ (u[b] - u[a] + u[c])).argmin(),
        "one example only": lambda u, a, b, c: 3,
        "it changes the vectors": lambda u, a, b, c: u.fill(0) or 3,
        "the word nearest to c alone": lambda u, *abc: best_row(u @ u[abc[2]], abc),
        "a is not subtracted": lambda u, *abc: best_row(u @ (u[abc[1]] + u[abc[2]]), abc),
        "a is added": lambda u, *abc: best_row(u @ u[list(abc)].sum(axis=0), abc),
        "where all others are far": lambda u, *abc: best_row(
            u @ (u[abc[1]] - u[abc[0]] + u[abc[2]]), abc[1:]
        ),
        "may still be one": lambda u, a, b, c: np.argsort(-(u @ (u[b] - u[a] + u[c])))[1],
        "one row was expected": lambda u, a, b, c: u[b] - u[a] + u[c],
    },
    "10.4": {
        RIGHT: -2.1972,
        OPEN: None,
        "the sign": 2.1972,
        "logarithm is missing": 1 / 9,
        "of a share": np.log(0.1),
        "powers of ten": np.log10(1 / 9),
        "difference of shares": -0.8,
        "one draw happened to have": -2.1,
        WRONG: -5.0,
    },
    "10.5": {
        RIGHT: lambda x, y: (x.mean() - y.mean()) / np.concatenate([x, y]).std(ddof=1),
        OPEN: lambda *_: None,
        "divides by n inside": lambda x, y: (x.mean() - y.mean()) / np.r_[x, y].std(),
        "the spread is missing": lambda x, y: x.mean() - y.mean(),
        "the wrong sign": lambda x, y: (y.mean() - x.mean()) / np.concatenate([x, y]).std(ddof=1),
        "not by the variance": lambda x, y: (x.mean() - y.mean()) / np.concatenate([x, y]).var(),
        "of the first": lambda x, y: (x.mean() - y.mean()) / x.std(),
        "of the second": lambda x, y: (x.mean() - y.mean()) / y.std(ddof=1),
        "average of two spreads": lambda x, y: (
            (x.mean() - y.mean()) / np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2)
        ),
        "one by one": lambda x, y: (x.mean() - y.mean()) / (x + y).std(ddof=1),
        "not the sums": lambda x, y: (x.sum() - y.sum()) / np.concatenate([x, y]).std(ddof=1),
        "brackets": lambda x, y: x.mean() - y.mean() / np.concatenate([x, y]).std(ddof=1),
        "it breaks": lambda x, y: (x.mean() - y.mean()) / np.std([x, y], ddof=1),
        "keep it": lambda x, y: abs(x.mean() - y.mean()) / np.concatenate([x, y]).std(ddof=1),
        "one number": lambda x, y: x - y,
        "it returns": lambda x, y: 7.0,
    },
    "07b.3": {
        RIGHT: lambda word, forms: max(forms.get(word, {word: 1}), key=forms.get(word, {}).get),
        OPEN: lambda *_: None,
        "the word alone": lambda word, forms: forms[word],
        "always": lambda word, forms: word,
        "9 times": lambda word, forms: min(forms[word], key=forms[word].get),
        "breaks it": lambda word, forms: forms[word].most_common(1)[0][0],
        "must not add": lambda word, forms: forms.setdefault(
            word, Counter({word: 1})
        ).most_common()[0][0],
        "stays as it is": lambda word, forms: forms.get(word, Counter("?")).most_common()[0][0],
    },
    "08.1": {
        RIGHT: lambda x, w, b: x + ops.tanh(x @ w + b),
        "where is the shortcut": lambda x, w, b: ops.tanh(x @ w + b),
        "a tanh sits": lambda x, w, b: ops.tanh(ops.tanh(x @ w + b) + x),
        "its tanh included": lambda x, w, b: ops.tanh(x @ w + b + x),
        "f has a tanh": lambda x, w, b: x + x @ w + b,
        "f has a bias": lambda x, w, b: ops.tanh(x @ w) + x,
        "added once": lambda x, w, b: x @ w + ops.tanh(x @ w + b),
        "not a ReLU": lambda x, w, b: x + ops.relu(x @ w + b),
        "no gradient": lambda x, w, b: x + np.tanh(x @ w + b),
        "x alone": lambda x, w, b: x,
        "not a product": lambda x, w, b: x * ops.tanh(x @ w + b),
        "the difference": lambda x, w, b: x - ops.tanh(x @ w + b),
        "it returns": lambda x, w, b: 7 * x,
    },
    "08.2": {
        RIGHT: lambda x, w, b, v, c: carried(x, w, b, ops.sigmoid(x @ v + c)),
        "changed places": lambda x, w, b, v, c: carried(x, w, b, 1 - ops.sigmoid(x @ v + c)),
        "nothing is carried": lambda x, w, b, v, c: ops.sigmoid(x @ v + c) * ops.tanh(x @ w + b),
        "x passes whole": lambda x, w, b, v, c: ops.sigmoid(x @ v + c) * ops.tanh(x @ w + b) + x,
        "H passes whole": lambda x, w, b, v, c: (
            ops.tanh(x @ w + b) + (1 - ops.sigmoid(x @ v + c)) * x
        ),
        "the gate has a sigmoid.": lambda x, w, b, v, c: carried(x, w, b, x @ v + c),
        "not a tanh": lambda x, w, b, v, c: carried(x, w, b, ops.tanh(x @ v + c)),
        "H has a tanh": lambda x, w, b, v, c: (
            ops.sigmoid(x @ v + c) * (x @ w + b) + (1 - ops.sigmoid(x @ v + c)) * x
        ),
        "not a sigmoid": lambda x, w, b, v, c: (
            ops.sigmoid(x @ v + c) * ops.sigmoid(x @ w + b) + (1 - ops.sigmoid(x @ v + c)) * x
        ),
        "the gate has a bias.": lambda x, w, b, v, c: carried(x, w, b, ops.sigmoid(x @ v)),
        "H has a bias": lambda x, w, b, v, c: carried(x, w, 0 * b, ops.sigmoid(x @ v + c)),
        "a bias of its own": lambda x, w, b, v, c: carried(x, w, b, ops.sigmoid(x @ v + b)),
        "each other's": lambda x, w, b, v, c: carried(x, v, c, ops.sigmoid(x @ w + b)),
        "no gradient": lambda x, w, b, v, c: carried(
            x, w, b, 1 / (1 + np.exp(-np.asarray(x @ v + c)))
        ),
        "that is the residual": lambda x, w, b, v, c: ops.tanh(x @ w + b) + x,
        "that is the plain": lambda x, w, b, v, c: ops.tanh(x @ w + b),
        "one of its own": lambda x, w, b, v, c: carried(x, w, b, ops.sigmoid(x @ w + b)),
        "it returns": lambda x, w, b, v, c: 7 * x,
    },
    "08.3": {
        RIGHT: 6_050,
        "each layer has a bias": 5_950,
        "more than ten numbers.": 1_100,
        "and each has a bias": 1_000,
        "10 + 1 = 11": 6_150,
        "of x_0, too": 5_050,
        "first and the last": 6_191,
        "without the first layer": 6_080,
        "without the last layer": 6_161,
        "not a hundred": 605_000,
        "the plain network": 11_000,
        WRONG: 5_000,
    },
    "08.4": {
        OPEN: lambda *_: None,
        RIGHT: resnet_block("cnrcnar"),
        "the addition is missing": resnet_block("cnrcnr"),
        "the last ReLU is missing": resnet_block("cnrcna"),
        "comes after the addition": resnet_block("cnrcnra"),
        "in the middle": resnet_block("cncnar"),
        "a ReLU too many": resnet_block("cnrcnrar"),
        "an activation of its own": resnet_block("Cncnar"),
        "its own; BN comes": resnet_block("CnrCnar"),
        "True it returns nothing": lambda x, filters, shortcut: (
            None if shortcut else resnet_block("cnrcnr")(x, filters, False)
        ),
        "both ReLUs": resnet_block("cncna"),
        "there are 1 layers Conv2D": resnet_block("cnrnar"),
        "there are 0 layers BatchNorm": resnet_block("crcar"),
        "still adds": lambda x, filters, shortcut: resnet_block("cnrcnar")(x, filters, True),
        "more than the addition": lambda x, filters, shortcut: resnet_block(
            "cnrcnar" if shortcut else "cnrcn"
        )(x, filters, shortcut),
        "they keep their size": resnet_block("vnrvnar"),
        "3 × 3": lambda x, filters, shortcut: resnet_block("cnrcnar", 5)(x, filters, shortcut),
        "maps were expected": lambda x, filters, shortcut: 3,
    },
    "09.1": {
        OPEN: lambda dilations, kernel_size=2: None,
        RIGHT: lambda dilations, kernel_size=2: 1 + (kernel_size - 1) * sum(dilations),
        "itself is seen": lambda dilations, kernel_size=2: (kernel_size - 1) * sum(dilations),
        "one tap besides": lambda dilations, kernel_size=2: 1 + kernel_size * sum(dilations),
        "last layer alone": lambda dilations, kernel_size=2: 1 + dilations[-1],
        "the number of layers": lambda dilations, kernel_size=2: 1 + len(dilations),
        "Not every stack doubles": lambda dilations, kernel_size=2: 2 * max(dilations),
        "Is kernel_size used": lambda dilations, kernel_size=2: 1 + sum(dilations),
        "width 3 it returns": lambda d, kernel_size=2: 1 + sum(d) * (kernel_size - 1) ** 2,
    },
    "09.2": {
        RIGHT: lambda codes: np.insert(codes, 0, 128, axis=1)[:, :-1],
        "is told sample t": lambda codes: codes,
        "the targets themselves": shifted_in_place,
        "into the future": lambda codes: np.roll(codes, -1, axis=1),
        "the end of the same sound": lambda codes: np.roll(codes, 1, axis=1),
        "shifted by two": lambda codes: np.insert(codes, [0, 0], 128, axis=1)[:, :-2],
        "from sound to sound": lambda codes: np.roll(codes, 1, axis=0),
        "the class 0 is loud": lambda codes: np.insert(codes, 0, 0, axis=1)[:, :-1],
        "as many steps": lambda codes: np.insert(codes, 0, 128, axis=1),
        "it returns": lambda codes: 0 * codes,
    },
    "09.3": {
        RIGHT: lambda s, temperature=1.0, top_k=None: drawn_from(s / temperature, top_k),
        "do not sum to 1": lambda s, temperature=1.0, top_k=None: np.exp(s / temperature),
        "with {} it returns": lambda s, temperature=1.0, top_k=None: s,
        "it must divide": lambda s, temperature=1.0, top_k=None: drawn_from(s * temperature, top_k),
        "probabilities cancels": lambda s, temperature=1.0, top_k=None: drawn_from(s, top_k),
        "the logits themselves": lambda s, temperature=1.0, top_k=None: drawn_from(
            np.divide(s, temperature, out=s), top_k
        ),
        "the temperature is not used": lambda s, temperature=1.0, top_k=None: drawn_from(
            s if top_k else s / temperature, top_k
        ),
        "a logit of 0": lambda s, temperature=1.0, top_k=None: drawn_from(
            np.where(s >= np.sort(s)[-(top_k or 5)], s, 0) / temperature
        ),
        "1 classes remain": lambda s, temperature=1.0, top_k=None: drawn_from(
            s / temperature, top_k and top_k - 1
        ),
        "before exp": lambda s, temperature=1.0, top_k=None: drawn_from(s, top_k) / temperature,
        "top_k is not used": lambda s, temperature=1.0, top_k=None: drawn_from(s / temperature),
        "sum to 1 again": lambda s, temperature=1.0, top_k=None: np.where(
            s >= np.sort(s)[-(top_k or 5)], drawn_from(s / temperature), 0
        ),
    },
    "09.4": {
        RIGHT: 81,
        "not counted": 80,
        "width 2": 41,
        "three times": 121,
        "last layer": 55,
        "how many dilations": 40,
        "without the sample": 54,
        "once more": 243,
        "one number": [81, 2],
    },
    "09b.1": {
        RIGHT: lambda queue, x, past, now: queue.append(x) or queue.pop(0) @ past + x @ now,
        "matrices are swapped": lambda queue, x, past, now: (
            queue.append(x) or queue.pop(0) @ now + x @ past
        ),
        "runs empty": lambda queue, x, past, now: queue.pop(0) @ past + x @ now,
        "as it was": lambda queue, x, past, now: queue[0] @ past + x @ now,
        "nothing of the past": lambda queue, x, past, now: (
            queue.append(x) or (0 * queue.pop(0) @ past + x @ now)
        ),
        "the new input is missing": lambda queue, x, past, now: (
            queue.append(x) or queue.pop(0) @ past
        ),
        "the past is the new": lambda queue, x, past, now: (
            queue.append(x) or (0 * queue.pop(0) @ past + x @ past + x @ now)
        ),
        "by one step": lambda queue, x, past, now: (
            queue.append(x) or (queue[-2] @ past + x @ now, queue.pop(0))[0]
        ),
        "the queue grows": lambda queue, x, past, now: queue.append(x) or x @ now,
        "numbers are wrong": lambda queue, x, past, now: (
            queue.append(x) or (0 * queue.pop(0) @ past)
        ),
        "shape (2,)": lambda queue, x, past, now: x,
    },
    "09b.2": {
        RIGHT: lambda asked, heard, voices: {
            name: np.mean((asked == heard)[voices == name]) for name in np.unique(voices)
        },
        "a dictionary": lambda asked, heard, voices: np.mean(asked == heard),
        "numbers of digits": lambda asked, heard, voices: {
            name: np.sum((asked == heard)[voices == name]) for name in np.unique(voices)
        },
        "not* understood": lambda asked, heard, voices: {
            name: np.mean((asked != heard)[voices == name]) for name in np.unique(voices)
        },
        "not by all": lambda asked, heard, voices: {
            name: np.mean((asked == heard) & (voices == name)) for name in np.unique(voices)
        },
        "it returns": lambda asked, heard, voices: dict.fromkeys(np.unique(voices), 0.25),
    },
    "11.1": {
        RIGHT: decoder_input(),
        OPEN: lambda target: None,
        "the target itself": lambda target: target,
        "the word after": lambda target: np.roll(target, -1, axis=1),
        "what was last": lambda target: np.roll(target, 1, axis=1),
        "not padding": decoder_input(0),
        "1 is the end": decoder_input(1),
        "all words move": lambda target: np.hstack([0 * target[:, :1] + 2, target[:, 1:]]),
        "the last column falls out": lambda target: np.pad(target, ((0, 0), (1, 0))),
        "START comes in": lambda target: target[:, :-1],
        "along axis 1": lambda target: np.roll(target, 1),
        "the target itself; make": lambda target: decoder_input(into=target)(target),
        "a NumPy array": lambda target: decoder_input()(target).tolist(),
        "for other sizes": lambda target: np.hstack(
            [[[2], [2], [2]][: len(target)], target[:, :4]]
        ),
        "it returns": lambda target: 7 * target,
    },
    "11.2": {
        RIGHT: lambda q, k, v: (softmax(q @ k.T) @ v, softmax(q @ k.T)),
        OPEN: lambda q, k, v: (None, None),
        "one for each query and key": lambda q, k, v: (v[:2], softmax(k @ q.T)),
        "two arrays": lambda q, k, v: softmax(q @ k.T) @ v,
        "the context comes first": lambda q, k, v: (softmax(q @ k.T), softmax(q @ k.T) @ v),
        "takes np.exp first": lambda q, k, v: (
            v[:2],
            q @ k.T / (q @ k.T).sum(1, keepdims=True),
        ),
        "the softmax is missing": lambda q, k, v: (q @ k.T @ v, q @ k.T),
        "along the keys.": lambda q, k, v: (v[:2], softmax(q @ k.T, 0)),
        "on its own": lambda q, k, v: (v[:2], softmax(q @ k.T, None)),
        "divided by their sum": lambda q, k, v: (v[:2], np.exp(q @ k.T)),
        "comes later": lambda q, k, v: (v[:2], softmax(q @ k.T / 3**0.5)),
        "not with values": lambda q, k, v: (v[:2], softmax(q @ v.T)),
        "the context has the shape": lambda q, k, v: (v, softmax(q @ k.T)),
        "the keys were mixed": lambda q, k, v: (softmax(q @ k.T) @ k, softmax(q @ k.T)),
        "the scores were used": lambda q, k, v: (q @ k.T @ v, softmax(q @ k.T)),
        "the context is": lambda q, k, v: (7 * v[:2], softmax(q @ k.T)),
        "np.exp overflows": lambda q, k, v: (
            np.exp(q @ k.T) / np.exp(q @ k.T).sum(1, keepdims=True) @ v,
            softmax(q @ k.T),
        ),
        "another size": lambda q, k, v: (softmax(q @ k.T) @ v[:, : q.shape[1]], softmax(q @ k.T)),
        "the shares are": lambda q, k, v: (v[:2], 0 * q @ k.T),
    },
    "11.3": {
        RIGHT: lambda scores, word: softmax(np.where(word, scores, -np.inf)),
        OPEN: lambda scores, word: None,
        "padding still has a share.": lambda scores, word: softmax(scores),
        "a score of 0 is one": lambda scores, word: softmax(scores * word),
        "add up to 1": lambda scores, word: softmax(scores) * word,
        "drops the words": lambda scores, word: softmax(np.where(word, -np.inf, scores)),
        "not divided by their sum": lambda scores, word: np.exp(scores) * word,
        "not all rows together": lambda scores, word: softmax(
            np.where(word, scores, -np.inf), None
        ),
        "it returns NaN": lambda scores, word: np.full_like(scores, np.nan),
        "there may be more": lambda scores, word: np.pad(softmax(scores[:, :-1]), ((0, 0), (0, 1))),
        "the shape is": lambda scores, word: softmax(scores)[:, word],
        "it returns": lambda scores, word: 7 * scores,
    },
    "11.4": {
        RIGHT: lambda q, k: np.tanh(q[:, None] + k).sum(-1),
        OPEN: lambda q, k: None,
        "the dot product": lambda q, k: q @ k.T,
        "tanh is missing": lambda q, k: (q[:, None] + k).sum(-1),
        "before the sum": lambda q, k: np.tanh((q[:, None] + k).sum(-1)),
        "not the mean": lambda q, k: np.tanh(q[:, None] + k).mean(-1),
        "do not multiply": lambda q, k: np.tanh(q[:, None] * k).sum(-1),
        "add first": lambda q, k: (np.tanh(q)[:, None] + np.tanh(k)).sum(-1),
        "softmax comes after": lambda q, k: softmax(np.tanh(q[:, None] + k).sum(-1)),
        "(2, 4)": lambda q, k: np.tanh(q[:, None] + k),
        "it returns": lambda q, k: 7 * q @ k.T,
    },
    "11.5": {
        RIGHT: (96, 3840, 2000),
        "three numbers": 96,
        "without quotation marks": ("96", "3840", "2000"),
        "do not count them twice": (96, 3936, 2000),
        "added up": (96, 3840, 192_000),
        "however long": (3840, 3840, 2000),
        "has 96 numbers": (96, 40, 2000),
        "not of the target": (96, 4800, 2000),
        "does not receive": (96, 7, 2000),
        "*each* of the 50": (96, 3840, 40),
        "does not compute": (96, 3840, 90),
    },
    "11b.1": {
        RIGHT: lambda both, e, h: 2 * both / (e[:, None] + h),
        OPEN: lambda *given: None,
        "for each pair": lambda both, e, h: e,
        "these are the counts": lambda both, e, h: both,
        "the 2 is missing": lambda both, e, h: both / (e[:, None] + h),
        "without the English one": lambda both, e, h: both / e[:, None],
        "without the Hungarian one": lambda both, e, h: both / h,
        "once only": lambda both, e, h: both / (e[:, None] + h - both),
        "do not multiply": lambda both, e, h: 2 * both / (e[:, None] * h),
        "in brackets": lambda both, e, h: 2 * both / e[:, None] + h,
        "it returns": lambda both, e, h: 7 * both,
    },
    "11b.2": {
        RIGHT: beam_step(),
        OPEN: lambda totals, log_p: None,
        "three arrays": lambda totals, log_p: totals,
        "expected (3,) each": lambda totals, log_p: [log_p] * 3,
        "make them integers": lambda *given: [1.0 * part for part in beam_step()(*given)],
        "best comes first": lambda *given: [part[::-1] for part in beam_step()(*given)],
        "changed places": lambda *given: [beam_step()(*given)[i] for i in (1, 0, 2)],
        "are not added": lambda totals, log_p: beam_step()(0 * totals, log_p),
        "the best piece of each": best_of_each,
        "these are the worst": beam_step(descending=False),
        "not multiplied": beam_step(np.multiply),
        "divide by that number": divided_by_the_width,
        "but their totals": lambda *given: [*beam_step()(*given)[:2], given[0]],
        "from array": lambda totals, log_p: [np.array([2, 2, 2]), np.array([3, 3, 3]), totals],
        "no size is fixed": lambda *given: [part[:3] for part in beam_step()(*given)],
        "must die out": lambda totals, log_p: beam_step()(
            np.maximum(totals, -9) + 8.9 * (totals < -9), log_p
        ),
    },
    "11b.3": {
        RIGHT: lambda w, r: sum(min(w.count(x), r.count(x)) for x in set(w)) / len(w),
        OPEN: lambda w, r: None,
        "clip.": lambda w, r: sum(x in r for x in w) / len(w),
        "by the words written": lambda w, r: sum((Counter(w) & Counter(r)).values()) / len(r),
        "may count twice": lambda w, r: len(set(w) & set(r)) / len(w),
        "also those that repeat": lambda w, r: sum((Counter(w) & Counter(r)).values()) / len({*w}),
        "written once counts once": lambda w, r: sum(x in w for x in r) / len(w),
        "that compares lengths": lambda w, r: len(r) / len(w),
        "right for one pair": lambda w, r: 4 / 7,
        "not a number of words": lambda w, r: sum((Counter(w) & Counter(r)).values()),
        "it returns": lambda w, r: 0.123,
    },
    "11b.4": {
        RIGHT: (2000**5, 34_000),
        "two numbers": 5,
        "can be followed": (10_000, 34_000),
        "which is the base": (5**2000, 34_000),
        "another number": (2000**4, 34_000),
        "only one beginning": (2000**5, 40_000),
        "first step computes": (2000**5, 32_000),
        "that is greedy": (2000**5, 10_000),
        "does not compute": (2000**5, 1),
    },
    "12.1": {
        RIGHT: lambda q, k, v: (
            seen(q @ k.T / k.shape[1] ** 0.5, np.tri(len(q)) > 0) @ v,
            seen(q @ k.T / k.shape[1] ** 0.5, np.tri(len(q)) > 0),
        ),
        OPEN: lambda q, k, v: (None, None),
        "two arrays": lambda q, k, v: v,
        "one for each query and key": lambda q, k, v: (q @ k.T, v),
        "divided by the root of d": lambda q, k, v: (v, seen(q @ k.T, np.tri(4) > 0)),
        "its root was asked": lambda q, k, v: (v, seen(q @ k.T / 9, np.tri(4) > 0)),
        "the size of a key": lambda q, k, v: (v, seen(q @ k.T / 2, np.tri(4) > 0)),
        "still sees the future": lambda q, k, v: (v, softmax(q @ k.T / 3)),
        "a score of 0 is one": lambda q, k, v: (v, softmax(q @ k.T / 3 * np.tri(4))),
        "mask before the softmax": lambda q, k, v: (v, softmax(q @ k.T / 3) * np.tri(4)),
        "hides the past": lambda q, k, v: (v, seen(q @ k.T / 3, np.tri(4).T > 0)),
        "divided by their sum": lambda q, k, v: (v, np.exp(q @ k.T / 3) * np.tri(4)),
        "on its own": lambda q, k, v: (
            v,
            softmax(np.where(np.tri(4) > 0, q @ k.T / 3, -np.inf), 0),
        ),
        "multiplied 0 by infinity": lambda q, k, v: (v, np.full((4, 4), np.nan)),
        "a whole row masked": lambda q, k, v: (
            v,
            np.where(np.arange(4)[:, None], softmax(q @ k.T), np.nan),
        ),
        "one place ahead": lambda q, k, v: (v, seen(q @ k.T / 3, np.tri(4, k=1) > 0)),
        "a place may see itself. ": lambda q, k, v: (
            v,
            softmax(np.where(np.tri(4, k=-1) > 0, q @ k.T / 3, -100)),
        ),
        "the triangle is added": lambda q, k, v: (v, softmax(q @ k.T / 3 + np.tri(4))),
        "belong to the queries": lambda q, k, v: (v, seen(k @ q.T / 3, np.tri(4) > 0)),
        "its own sum": lambda q, k, v: (
            v,
            np.exp(q @ k.T / 3) * np.tri(4) / (np.exp(q @ k.T / 3) * np.tri(4)).sum(axis=1),
        ),
        "the shares are right": lambda q, k, v: (k, seen(q @ k.T / 3, np.tri(4) > 0)),
        "for other sizes": lambda q, k, v: (
            np.vstack([seen(q @ k.T / 3, np.tri(len(q)) > 0) @ v, v])[:4],
            seen(q @ k.T / 3, np.tri(len(q)) > 0),
        ),
        "the shares are ": lambda q, k, v: (v, 0 * q @ k.T),
    },
    "12.2": {
        RIGHT: lambda x, norm, layer: x + layer(norm(x)),
        OPEN: lambda x, norm, layer: None,
        "x itself must be added": lambda x, norm, layer: layer(norm(x)),
        "the norm stands on the shortcut": lambda x, norm, layer: norm(x + layer(x)),
        "starts behind the norm": lambda x, norm, layer: norm(x) + layer(norm(x)),
        "not after it": lambda x, norm, layer: x + norm(layer(x)),
        "the part reads x": lambda x, norm, layer: x + layer(x),
        "one after the other": lambda x, norm, layer: x + norm(x) + layer(x),
        "the sum goes on as it is": lambda x, norm, layer: norm(x + layer(norm(x))),
        "one norm is enough, before the part. ": lambda x, norm, layer: x + norm(layer(norm(x))),
        "not to the shortcut": lambda x, norm, layer: norm(x) + layer(x),
        "not to what it reads": lambda x, norm, layer: layer(x + norm(x)),
        "x is added once": lambda x, norm, layer: x + norm(x) + layer(norm(x)),
        "not multiplied": lambda x, norm, layer: x * layer(norm(x)),
        "the part is missing": lambda x, norm, layer: x + norm(x),
        "the norm and the part": lambda x, norm, layer: x,
        "NumPy's functions refuse": lambda x, norm, layer: np.add(x, layer(norm(x))),
        "it must stay": lambda x, norm, layer: x[:1],
        "it returns": lambda x, norm, layer: 7 * x,
    },
    "12.3": {
        RIGHT: lambda windows: (windows[:, :-1], windows[:, 1:]),
        OPEN: lambda windows: (None, None),
        "two arrays": lambda windows: windows[:, 1:],
        "at *every* place": lambda windows: (windows[:, :-1], windows[:, -1]),
        "the shapes are": lambda windows: (windows, np.roll(windows, -1, axis=1)),
        "turned round": lambda windows: (windows[:, 1:], windows[:, :-1]),
        "only have to copy": lambda windows: (windows[:, :-1], windows[:, :-1]),
        "np.roll goes round": lambda windows: (
            windows[:, :-1],
            np.roll(windows[:, :-1], -1, axis=1),
        ),
        "of what is guessed": lambda windows: (windows[:, :-1], 7 * windows[:, 1:]),
    },
    "12.4": {
        RIGHT: a_step,
        OPEN: lambda q, k, v, keys, values: (None, keys, values),
        "three arrays": lambda *given: a_step(*given)[0],
        "5 rows must become 6": lambda q, k, v, keys, values: (q, keys, values),
        "at the end of their caches": lambda q, k, v, keys, values: (
            a_step(q, k, v, keys, values)[0],
            np.vstack([k, keys]),
            np.vstack([v, values]),
        ),
        "the key belongs": lambda q, k, v, keys, values: a_step(q, v, k, keys, values),
        "its root was asked": lambda q, *given: a_step(q / 2, *given),
        "the size of a key": lambda q, *given: a_step(2 * q / 6**0.5, *given),
        "not the new key": lambda q, k, *given: a_step(k, k, *given),
        "divided by their sum": lambda q, k, v, keys, values: (
            np.exp(np.vstack([keys, k]) @ q / 2) @ np.vstack([values, v]),
            *a_step(q, k, v, keys, values)[1:],
        ),
        "must see itself": lambda q, k, v, keys, values: (
            softmax(keys @ q / 2, 0) @ values,
            *a_step(q, k, v, keys, values)[1:],
        ),
        "the root of d": lambda *given: a_step(*given, divide=False),
        "the keys were mixed": lambda q, k, v, keys, values: (
            a_step(q, k, k, keys, keys)[0],
            *a_step(q, k, v, keys, values)[1:],
        ),
        "the softmax is missing": lambda q, k, v, keys, values: (
            np.vstack([keys, k]) @ q / 2 @ np.vstack([values, v]),
            *a_step(q, k, v, keys, values)[1:],
        ),
        "what was mixed is": lambda *given: (given[0], *a_step(*given)[1:]),
    },
    "12.5": {
        RIGHT: waves_of,
        OPEN: lambda length, d: None,
        "take turns": lambda length, d: np.hstack(
            [waves_of(length, d)[:, ::2], waves_of(length, d)[:, 1::2]]
        ),
        "sine comes first": lambda length, d: waves_of(length, d, swap=True),
        "count from 0": lambda length, d: waves_of(length, d, start=1),
        "the same wave length": lambda length, d: np.where(
            np.arange(d) % 2,
            np.cos(np.arange(length)[:, None] / 10_000 ** (np.arange(d) / d)),
            np.sin(np.arange(length)[:, None] / 10_000 ** (np.arange(d) / d)),
        ),
        "this is i / d": lambda length, d: waves_of(length, 2 * d)[:, :d],
        "this is 4i / d": lambda length, d: np.where(
            np.arange(d) % 2,
            np.cos(np.arange(length)[:, None] / 10_000 ** (np.arange(d) // 2 * 4 / d)),
            np.sin(np.arange(length)[:, None] / 10_000 ** (np.arange(d) // 2 * 4 / d)),
        ),
        "one row a place": lambda length, d: waves_of(d, length + 1),
        "it returns": lambda length, d: np.ones((length, d)),
    },
    "12.6": {
        RIGHT: 1_557_611_200,
        "without quotation marks": "1557611200",
        "last norm are missing": 48 * (12 * 1600**2 + 13 * 1600),
        "the last norm has weights": 1_557_611_200 - 3200,
        "the positions have": 1_557_611_200 - 1024 * 1600,
        "the tokens have": 1_557_611_200 - 50_257 * 1600,
        "count it once": 1_557_611_200 + 50_257 * 1600,
        "the biases and norms": 1_557_611_200 - 48 * 13 * 1600,
        "the small one": 124_439_808,
        "rounded, or read": 1_558_000_000,
        "in millions": 1557.6,
        "it does not have": 7,
    },
    "12b.1": {
        RIGHT: pair_counts(),
        OPEN: lambda words: None,
        "a Counter or dictionary": lambda words: [("a", "n")],
        "a tuple (left, right)": lambda words: {"an": 8},
        "as often as it occurs": lambda words: pair_counts()(dict.fromkeys(words, 1)),
        "counts twice": lambda words: {
            pair: sum(n for w, n in words.items() if pair in itertools.pairwise(w))
            for pair in pair_counts()(words)
        },
        "the last pair": lambda words: pair_counts()({w[:-1]: n for w, n in words.items()}),
        "the first pair": lambda words: pair_counts()({w[1:]: n for w, n in words.items()}),
        "neighbours overlap": lambda words: Counter(
            {("b", "a"): 3, ("n", "a"): 6, ("a", "n"): 2, ("est", "e"): 4}
        ),
        "not the other way round": lambda words: {
            pair[::-1]: n for pair, n in pair_counts()(words).items()
        },
        "into letters": lambda words: pair_counts()(
            {tuple("".join(w)): n for w, n in words.items()}
        ),
        "nothing was counted": lambda words: Counter(),
        "counts the parts": lambda words: Counter(part for parts in words for part in parts),
        "it was overwritten": lambda words: {
            pair: n for w, n in words.items() for pair in itertools.pairwise(w)
        },
        "only the first word": lambda words: pair_counts()(dict([next(iter(words.items()))])),
        "neighbours, in this order": lambda words: Counter(
            pair for w in words for pair in itertools.combinations(w, 2)
        ),
        "it changes the words": lambda words: (pair_counts()(words), words.clear())[0],
        "it returns": lambda words: {("b", "a"): 7},
    },
    "12b.2": {
        RIGHT: joining(),
        OPEN: lambda parts, pair: None,
        "key of a dictionary": lambda *given: list(joining()(*given)),
        "a tuple was expected": lambda parts, pair: "".join(parts),
        "the first pair only": joining(most=1),
        "the other parts stay": lambda parts, pair: ("".join(pair),) * 2,
        "there once more": joining(step=1),
        "the last part is missing": lambda parts, pair: joining()(parts, pair)[:-1],
        "a tuple in the tuple": lambda parts, pair: tuple(
            pair if part == "".join(pair) else part for part in joining()(parts, pair)
        ),
        "nothing was joined": lambda parts, pair: parts,
        "left before right": lambda parts, pair: tuple(
            joining()(joining()(parts, pair), pair[::-1])
        ),
        "and one is left": lambda parts, pair: (
            ("aa", "aa") if parts == tuple("aaa") else joining()(parts, pair)
        ),
        "two pairs": lambda parts, pair: (
            ("aa", "a", "a") if parts == tuple("aaaa") else joining()(parts, pair)
        ),
        "the whole word": lambda parts, pair: parts if len(parts) == 2 else joining()(parts, pair),
        "single part": lambda parts, pair: parts[1:] if len(parts) == 1 else joining()(parts, pair),
        "right for single letters": lambda parts, pair: (
            parts if parts[0] == "es" else joining()(parts, pair)
        ),
        "only end (or begin)": lambda parts, pair: tuple(
            " ".join(parts).replace(" ".join(pair), "".join(pair)).split()
        ),
    },
    "12b.3": {
        RIGHT: turning(lambda a, b, c, s: (a * c - b * s, a * s + b * c)),
        OPEN: lambda x, angles: None,
        "the shape is": lambda x, angles: x[..., ::2],
        "nothing was turned": lambda x, angles: x,
        "other way round": turning(lambda a, b, c, s: (a * c + b * s, b * c - a * s)),
        "lengths must stay": turning(lambda a, b, c, s: (a * c - b * s, a * s - b * c)),
        "have changed places.": turning(lambda a, b, c, s: (a * s - b * c, a * c + b * s)),
        "pairs 0 with 4": lambda x, angles: np.concatenate(
            [
                x[..., :4] * np.cos(angles) - x[..., 4:] * np.sin(angles),
                x[..., :4] * np.sin(angles) + x[..., 4:] * np.cos(angles),
            ],
            axis=-1,
        ),
        "in its own place": lambda x, angles: np.concatenate(
            [
                x[..., ::2] * np.cos(angles) - x[..., 1::2] * np.sin(angles),
                x[..., ::2] * np.sin(angles) + x[..., 1::2] * np.cos(angles),
            ],
            axis=-1,
        ),
        "from the turned first": turning(
            lambda a, b, c, s: (a * c - b * s, (a * c - b * s) * s + b * c)
        ),
        "only the first number": turning(lambda a, b, c, s: (a * c - b * s, b)),
        "only the second number": turning(lambda a, b, c, s: (a, a * s + b * c)),
        "first and second number": turning(lambda a, b, c, s: (a * s + b * c, a * c - b * s)),
        "make a new array": lambda x, angles: turning(
            lambda a, b, c, s: (a * c - b * s, a * s + b * c)
        )(x, angles, into=x),
        "right for x of shape": lambda x, angles: (
            turning(lambda a, b, c, s: (a * c - b * s, a * s + b * c))(x, angles)
            if x.ndim == 3
            else x
        ),
        "one array was expected": lambda x, angles: (x[..., ::2], x[..., 1::2]),
        "a NumPy array": lambda x, angles: x.tolist(),
        "a new *last* axis": lambda x, angles: np.stack(
            [
                x[..., ::2] * np.cos(angles) - x[..., 1::2] * np.sin(angles),
                x[..., ::2] * np.sin(angles) + x[..., 1::2] * np.cos(angles),
            ]
        ).reshape(x.shape),
        "in radians already": lambda x, angles: turning(
            lambda a, b, c, s: (a * c - b * s, a * s + b * c)
        )(x, np.deg2rad(angles)),
        "by the angle of the first": lambda x, angles: turning(
            lambda a, b, c, s: (a * c - b * s, a * s + b * c)
        )(x, angles[..., :1]),
        "the second is not": turning(lambda a, b, c, s: (a * c - b * s, 7 * a)),
        "the first is not": turning(lambda a, b, c, s: (7 * b, a * s + b * c)),
        "it returns": lambda x, angles: 7 * x,
    },
    "12b.4": {
        RIGHT: nucleus(),
        OPEN: lambda shares, mass: None,
        "the shape is": lambda shares, mass: shares[0],
        "divided by its sum": nucleus(even=False),
        "nothing was cut": lambda shares, mass: shares,
        "the piece that reaches it": nucleus(more=-1, least=1),
        "it must be kept": nucleus(more=-1),
        "at least one": lambda shares, mass: np.array([[0, 0.5, 0, 0, 0], [0] * 5]),
        "in its place": lambda shares, mass: -np.sort(-nucleus()(shares, mass), axis=-1),
        "the unlikely ones": nucleus(sign=1),
        "a NumPy array": lambda shares, mass: nucleus()(shares, mass).tolist(),
        "True and False": lambda shares, mass: nucleus()(shares, mass) > 0,
        "as they stand": lambda shares, mass: (
            np.where(shares.cumsum(-1) - shares < mass, shares, 0)
            / np.where(shares.cumsum(-1) - shares < mass, shares, 0).sum(-1, keepdims=True)
        ),
        "found in sorted order": lambda shares, mass: np.array(
            [[1 / 11, 10 / 11, 0, 0, 0], [1, 0, 0, 0, 0]]
        ),
        "treated as one": lambda shares, mass: np.array([[0] * 5, [1, 0, 0, 0, 0]]),
        "not the least": lambda shares, mass: np.where(shares >= mass, shares, 0),
        "one too many": nucleus(more=1),
        "not all together": lambda shares, mass: nucleus(even=False)(shares, mass) / 1.4,
        "make a new array": lambda shares, mass: (
            np.copyto(shares, nucleus()(shares, mass)) or shares
        ),
        "it alone": lambda shares, mass: nucleus()(shares, max(mass, 0.6)),
        "all must be kept": lambda shares, mass: nucleus()(shares, min(mass, 0.6)),
        "it returns": lambda shares, mass: 7 * shares,
    },
    "12b.5": {
        RIGHT: likeliest(),
        OPEN: lambda shares, k: None,
        "the shape is": lambda shares, k: shares[0],
        "divided by its sum": likeliest(even=False),
        "nothing was cut": lambda shares, k: shares,
        "one too many": likeliest(more=1),
        "one too few": likeliest(more=-1),
        "the unlikely ones": lambda shares, k: (
            likeliest()(-shares, k) * 0
            + np.where(shares <= np.sort(shares, axis=-1)[:, k - 1 : k], shares, 0)
        ),
        "in its place": lambda shares, k: -np.sort(-likeliest()(shares, k), axis=-1),
        "not all together": lambda shares, k: (
            likeliest(even=False)(shares, k) / likeliest(even=False)(shares, k).sum()
        ),
        "make a new array": lambda shares, k: np.copyto(shares, likeliest()(shares, k)) or shares,
        "read k": lambda shares, k: likeliest()(shares, 2),
        "it returns": lambda shares, k: 7 * shares,
    },
    "12b.6": {
        RIGHT: (320, 655_360),
        "two numbers": 320,
        "each of the 8 heads": (640, 1_310_720),
        "*and* a value": (160, 327_680),
        "there are five": (64, 131_072),
        "keys of one layer": (32, 65_536),
        "for *one*": (512, 2048),
        "it does not keep": (100, 7),
        "more than one byte": (320, 163_840),
        "has 4 bytes": (320, 1_310_720),
        "for all 512": (163_840, 655_360),
        "share a group": (80, 163_840),
        "not thousands": (320, 640),
        "for one piece": (320, 1280),
        "does not take 7 bytes": (320, 7),
    },
    "13.1": {
        RIGHT: lambda m, v, e: m + ops.exp(v / 2) * e,
        OPEN: lambda m, v, e: None,
        "that is the mean": lambda m, v, e: m,
        "noise times the variance": lambda m, v, e: m + ops.exp(v) * e,
        "half the variance": lambda m, v, e: m + ops.exp(v) / 2 * e,
        "a draw, too": lambda m, v, e: m - ops.exp(v / 2) * e,
        "it can be negative": lambda m, v, e: m + v * e,
        "still a logarithm": lambda m, v, e: m + v / 2 * e,
        "undo the logarithm first": lambda m, v, e: m + ops.sqrt(ops.abs(v)) * e,
        "wider or narrower": lambda m, v, e: m + e,
        "not moved to its mean": lambda m, v, e: ops.exp(v / 2) * e,
        "one over": lambda m, v, e: m + ops.exp(-v / 2) * e,
        "only the noise is stretched": lambda m, v, e: m + ops.exp(v / 2),
        "after the mean": lambda m, v, e: (m + e) * ops.exp(v / 2),
        "the shape is": lambda m, v, e: ops.sum(m, axis=-1),
        "not NumPy's": lambda m, v, e: m + np.exp(ops.convert_to_numpy(v) / 2) * e,
        "it returns": lambda m, v, e: 7 * m,
    },
    "13.2": {
        RIGHT: lambda m, v: ops.sum(m**2 + ops.exp(v) - 1 - v, axis=-1) / 2,
        OPEN: lambda m, v: None,
        "add them up": lambda m, v: (m**2 + ops.exp(v) - 1 - v) / 2,
        "for all pictures": lambda m, v: ops.sum(m**2 + ops.exp(v) - 1 - v) / 2,
        "along the last axis": lambda m, v: ops.sum(m**2 + ops.exp(v) - 1 - v, axis=0) / 2,
        "the half is missing": lambda m, v: ops.sum(m**2 + ops.exp(v) - 1 - v, axis=-1),
        "the sign is wrong": lambda m, v: -ops.sum(m**2 + ops.exp(v) - 1 - v, axis=-1) / 2,
        "averaged over the code": lambda m, v: ops.mean(m**2 + ops.exp(v) - 1 - v, axis=-1) / 2,
        "not squared": lambda m, v: ops.sum(m + ops.exp(v) - 1 - v, axis=-1) / 2,
        "the 1 is missing": lambda m, v: ops.sum(m**2 + ops.exp(v) - v, axis=-1) / 2,
        "has the wrong sign": lambda m, v: ops.sum(m**2 + ops.exp(v) - 1 + v, axis=-1) / 2,
        "the standard deviation": lambda m, v: ops.sum(m**2 + ops.exp(v / 2) - 1 - v, axis=-1) / 2,
        "squared again": lambda m, v: ops.sum(m**2 + ops.exp(v) ** 2 - 1 - 2 * v, axis=-1) / 2,
        "the logarithm already": lambda m, v: (
            ops.sum(m**2 + v - 1 - ops.log(ops.abs(v)), axis=-1) / 2
        ),
        "the shape is": lambda m, v: ops.sum(m, axis=-1, keepdims=True),
        "not NumPy's": lambda m, v: (
            ops.convert_to_numpy(m**2 + ops.exp(v) - 1 - v).sum(axis=-1) / 2
        ),
        "it returns": lambda m, v: 7 * ops.sum(m, axis=-1),
    },
    "13.3": {
        RIGHT: (784, 1 / 16, 49),
        "three numbers": 784,
        "without quotation marks": ("784", "1/16", "49"),
        "the wrong way round": (1 / 16, 784, 49),
        "the first is upside down": (1 / 784, 1 / 16, 49),
        "the first is not": (16, 1 / 16, 49),
        "the second is upside down": (784, 16, 49),
        "for two numbers": (784, 1 / 2, 49),
        "the second is not": (784, 1, 49),
        "as many pixels": (784, 1 / 16, 1),
        "against each other": (784, 1 / 16, 784 * 16),
        "the third is not": (784, 1 / 16, 50),
    },
    "13.4": {
        RIGHT: (10, 1024),
        "two numbers": 10,
        "without quotation marks": ("10", "1024"),
        "the smaller unit": (4.8, 1024),
        "nats are not": (7, 1024),
        "doubles": (10, 20),
        "ten bits do not": (10, 500),
    },
    "13.5": {
        RIGHT: on_a_circle(),
        OPEN: lambda a, b, t: None,
        "the straight line.": lambda a, b, t: (1 - t) * a + t * b,
        "from b to a": lambda a, b, t: on_a_circle()(b, a, t),
        "the sine of the angle is missing": on_a_circle(divided=False),
        "not an even pace": lambda a, b, t: (
            np.linalg.norm(a) * ((1 - t) * a + t * b) / np.linalg.norm((1 - t) * a + t * b)
        ),
        "on their lengths": on_a_circle(lambda a, b: a @ b / (a @ a)),
        "the shape is": lambda a, b, t: t,
        "a quarter of the way": lambda a, b, t: 7 * a,
    },
    "13.6": {
        RIGHT: lambda w: np.logaddexp.reduce(w, axis=1) - np.log(w.shape[1]),
        OPEN: lambda w: None,
        "the ELBO": lambda w: w.mean(axis=1),
        "divide by k": lambda w: np.log(np.exp(w).sum(axis=1)),
        "its logarithm is missing": lambda w: np.exp(w).mean(axis=1),
        "only the largest": lambda w: w.max(axis=1),
        "the shape is": lambda w: w.mean(),
        "at −1000": lambda w: np.log(np.exp(w).mean(axis=1) + 1e-300),
        "it returns": lambda w: 7 + w.mean(axis=1),
    },
    "13b.1": {
        RIGHT: lambda c, s: c[s].mean(0) - c[~s].mean(0),
        OPEN: lambda c, s: None,
        "one vector": lambda c, s: c[s],
        "the smiling come first": lambda c, s: c[~s].mean(0) - c[s].mean(0),
        "smiling alone": lambda c, s: c[s].mean(0),
        "of the others, not of all": lambda c, s: c[s].mean(0) - c.mean(0),
        "not sums": lambda c, s: c[s].sum(0) - c[~s].sum(0),
        "over the faces alone": lambda c, s: np.full(3, (c[s].mean(0) - c[~s].mean(0)).mean()),
        "of each kind, not of all": lambda c, s: np.where(s[:, None], c, -c).mean(0),
        "take the mean of many": lambda c, s: c[s][0] - c[~s][0],
        "pick the first two": lambda c, s: c[1 * s].mean(0) - c[1 - s].mean(0),
    },
    "13b.2": {
        RIGHT: lambda c, s, h: balanced(c, s, h),
        OPEN: lambda c, s, h: None,
        "one vector": lambda c, s, h: np.stack([balanced(c, s, h)]),
        "the raw vector": lambda c, s, h: c[s].mean(0) - c[~s].mean(0),
        "the smiling come first": lambda c, s, h: -balanced(c, s, h),
        "their mean was asked for": lambda c, s, h: 2 * balanced(c, s, h),
        "among long hair alone": lambda c, s, h: c[s & h].mean(0) - c[~s & h].mean(0),
        "among short hair alone": lambda c, s, h: c[s & ~h].mean(0) - c[~s & ~h].mean(0),
        "however many faces": lambda c, s, h: (
            balanced(c, s, h)
            + (h.mean() - 0.5)
            * (c[s & h].mean(0) - c[~s & h].mean(0) - c[s & ~h].mean(0) + c[~s & ~h].mean(0))
        ),
        "the vector of the hair": lambda c, s, h: balanced(c, h, s),
        "changes together": lambda c, s, h: c[s & h].mean(0) - c[~s & ~h].mean(0),
        "confounded, too": lambda c, s, h: (
            c[s].mean(0) - c[~s].mean(0) - c[h].mean(0) + c[~h].mean(0)
        ),
        "you have their difference": lambda c, s, h: (
            c[s & h].mean(0) - c[~s & h].mean(0) - c[s & ~h].mean(0) + c[~s & ~h].mean(0)
        ),
    },
    "13b.3": {
        "the part is a vector": lambda v, d: v - v @ d / np.sqrt(d @ d),
        "changed places": lambda v, d: d - (v @ d) / (v @ v) * v,
        "not by that of the vector": lambda v, d: v - (v @ d) / (v @ v) * d,
        "its own length": lambda v, d: (
            (v - (v @ d) / (d @ d) * d) / np.sqrt(v @ v - (v @ d) ** 2 / (d @ d))
        ),
        RIGHT: lambda v, d: v - (v @ d) / (d @ d) * d,
        OPEN: lambda v, d: None,
        "one vector": lambda v, d: v @ d,
        "part along the direction": lambda v, d: (v @ d) / (d @ d) * d,
        "counts with its length": lambda v, d: v - (v @ d) * d,
        "divide by its square": lambda v, d: v - (v @ d) / np.sqrt(d @ d) * d,
        "whole direction": lambda v, d: v - d,
        "take it off": lambda v, d: v + (v @ d) / (d @ d) * d,
    },
    "13b.4": {
        RIGHT: 90 / 130 - 10 / 70,
        "share of smiles": 0.5,
        "take off that": 0.692,
        "smiling come first": -0.549,
        "by the number that smile": 0.4,
        "Count 200 faces": 0.7,
    },
    "13b.5": {
        RIGHT: lambda s, h: 1 / (4 * np.bincount(2 * s + h)[2 * s + h]),
        OPEN: lambda s, h: None,
        "one vector": lambda s, h: 0.25,
        "each kind to a quarter": lambda s, h: 1 / np.bincount(2 * s + h)[2 * s + h],
        "must add up to 1": lambda s, h: 10 / np.bincount(2 * s + h)[2 * s + h],
        "favours the frequent": lambda s, h: np.bincount(2 * s + h)[2 * s + h] / 40,
        "for each face": lambda s, h: np.full(40, 1 / 40),
        "hair is not looked at": lambda s, h: np.where(s, 0.5 / s.sum(), 0.5 / (~s).sum()),
        "smiles are not looked at": lambda s, h: np.where(h, 0.5 / h.sum(), 0.5 / (~h).sum()),
        "not a quarter": lambda s, h: 0.1 / np.bincount(2 * s + h)[2 * s + h],
        "the same weight": lambda s, h: sum(
            0.25 * (np.arange(40) == np.flatnonzero(2 * s + h == k)[0]) for k in range(4)
        ),
        "the four kinds weigh": lambda s, h: s / s.sum(),
    },
    "13b.6": {
        RIGHT: arc(),
        OPEN: lambda a, b, t: None,
        "one vector": lambda a, b, t: t,
        "straight line": lambda a, b, t: (1 - t) * a + t * b,
        "the other way": lambda a, b, t: arc()(a, b, 1 - t),
        "np.arccos": arc(angle_of=lambda cosine: cosine),
        "of the whole angle": arc(divide=False),
        "Divide by both lengths": lambda a, b, t: np.nan * a,
        "into the angle alone": lambda a, b, t: arc()(a / np.sqrt(a @ a), b / np.sqrt(b @ b), t),
        "not the second alone": second_alone,
        "radians": arc(angle_of=lambda cosine: np.degrees(np.arccos(cosine))),
        "it returns": lambda a, b, t: a,
    },
    "14.1": {
        RIGHT: lost,
        OPEN: lambda *_: None,
        "for the other": lambda real, generated: lost(real, generated, 1, -1),
        "both halves have the label 0": lambda real, generated: lost(real, generated, 1, 1),
        "both halves have the label 1": lambda real, generated: lost(real, generated, -1, -1),
        "not with NumPy": lambda *given: float(lost(*given)),
        "first half is missing": lambda real, generated: lost(real, generated, on_real=0),
        "second half is missing": lambda real, generated: lost(real, generated, on_generated=0),
        "the sign is wrong": lambda *given: -lost(*given),
        "not sums": lambda *given: lost(*given, mean=ops.sum),
        "do not halve": lambda *given: lost(*given) / 2,
        "not the mean of all": lambda real, generated: ops.mean(
            ops.softplus(ops.concatenate([-real, generated]))
        ),
        "a sigmoid comes first": lambda real, generated: (
            ops.mean(1 - ops.sigmoid(real)) + ops.mean(ops.sigmoid(generated))
        ),
        "the logarithm breaks": lambda real, generated: (
            -(ops.mean(ops.log(ops.sigmoid(real))) + ops.mean(ops.log(1 - ops.sigmoid(generated))))
        ),
        "one number is needed": lambda real, generated: ops.softplus(-real),
        "it returns": lambda *_: 7.0,
    },
    "14.2": {
        RIGHT: 0.75,
        "of the generated ones": 0.25,
        "at most 1": 3,
        "upside down": 0.33,
        "one half is best": 0.5,
        "not surely": 1,
        WRONG: 0.6,
    },
    "14.3": {
        RIGHT: lambda logits: ops.mean(ops.softplus(-logits)),
        OPEN: lambda *_: None,
        "sees through it": lambda logits: ops.mean(ops.softplus(logits)),
        "nearly flat": lambda logits: -ops.mean(ops.softplus(logits)),
        "the sign is wrong": lambda logits: -ops.mean(ops.softplus(-logits)),
        "not the sum": lambda logits: ops.sum(ops.softplus(-logits)),
        "1 - D itself": lambda logits: ops.mean(1 - ops.sigmoid(logits)),
        "that is -D itself": lambda logits: -ops.mean(ops.sigmoid(logits)),
        "not with NumPy": lambda logits: float(ops.mean(ops.softplus(-logits))),
        "has no end": lambda logits: -ops.mean(logits),
        "the logarithm breaks": lambda logits: -ops.mean(ops.log(ops.sigmoid(logits))),
        "one number is needed": lambda logits: ops.softplus(-logits),
        "it returns": lambda *_: 7.0,
    },
    "14.4": {
        RIGHT: styled,
        OPEN: lambda *_: None,
        "over the whole batch": lambda *given: styled(*given, axes=(0, 1, 2)),
        "mixes the channels": lambda *given: styled(*given, axes=(1, 2, 3)),
        "over the channels": lambda *given: styled(*given, axes=3),
        "not by the variance": lambda *given: styled(*given, power=2),
        "are swapped": lambda x, mean, std: styled(x, std, mean),
        "still in it; divide": lambda *given: styled(*given, power=0),
        "new mean is missing": lambda x, mean, std: styled(x, 0 * mean, std),
        "new standard deviation is missing": lambda x, mean, std: styled(x, mean, std**0),
        "old mean is still": lambda x, *style: styled(x, *style) + x.mean((1, 2), keepdims=True),
        "after the scaling": lambda x, mean, std: styled(x, mean * std, std),
        "away first": lambda x, mean, std: x * std[:, None, None] + mean[:, None, None],
        "mean and deviation are missing": lambda x, mean, std: styled(x, 0 * mean, std**0),
        "the shape is": lambda x, mean, std: mean,
        "not those that were": lambda x, mean, std: x,
    },
    "14.5": {
        RIGHT: lambda labels, side: (
            np.eye(10)[labels][:, None, None] * np.ones((len(labels), side, side, 1))
        ),
        OPEN: lambda *_: None,
        "a stripe": lambda labels, side: (
            np.eye(10)[labels].repeat(side**2).reshape(-1, side, side, 10)
        ),
        "are mixed": lambda labels, side: np.tile(np.eye(10)[labels], (side**2, 1)).reshape(
            -1, side, side, 10
        ),
        "swapped": lambda labels, side: np.broadcast_to(
            1 - np.eye(10)[labels][:, None, None], (len(labels), side, side, 10)
        ),
        "planes come last": lambda labels, side: np.zeros((len(labels), 10, side, side)),
        "the shape is": lambda labels, side: np.eye(10)[labels],
        "1 everywhere": lambda labels, side: np.zeros((len(labels), side, side, 10)),
    },
    "14.6": {
        RIGHT: (8, 11),
        "counted from 0": (9, 12),
        "a whole plane": (0, 27),
        "28 times only": (3, 3),
        "begins within a row": (9, 11),
        "ends within a row": (8, 10),
        "2 numbers were": 8,
        WRONG: (7, 7),
    },
    "14b.1": {
        RIGHT: cycles(lambda x, y, g, f: [f(g(x)) - x, g(f(y)) - y]),
        OPEN: lambda *_: None,
        "y goes back, and": cycles(lambda x, y, g, f: [f(g(x)) - x]),
        "x goes there": cycles(lambda x, y, g, f: [g(f(y)) - y]),
        "half of it": lambda *given: (
            cycles(lambda x, y, g, f: [f(g(x)) - x, g(f(y)) - y])(*given) / 2
        ),
        "those are squares": cycles(lambda x, y, g, f: [f(g(x)) - x, g(f(y)) - y], ops.square),
        "not ops.sum": cycles(lambda x, y, g, f: [f(g(x)) - x, g(f(y)) - y], mean=ops.sum),
        "ops.abs is missing": cycles(
            lambda x, y, g, f: [f(g(x)) - x, g(f(y)) - y], lambda gap: gap
        ),
        "mixed up": cycles(lambda x, y, g, f: [g(f(x)) - x, f(g(y)) - y]),
        "where it arrives": cycles(lambda x, y, g, f: [f(g(x)), g(f(y))]),
        "compares x with y": cycles(lambda x, y, g, f: [g(x) - y, f(y) - x]),
        "one way only": cycles(lambda x, y, g, f: [g(x) - x, f(y) - y]),
        "one number was": lambda x, y, there, back: ops.abs(back(there(x)) - x),
        "it returns": lambda x, y, there, back: 77.0,
        "keras.ops only": lambda x, y, there, back: (
            np.mean(np.abs(back(there(x)) - x)) + np.mean(np.abs(there(back(y)) - y))
        ),
    },
    "14b.2": {
        RIGHT: noised(0.5, 0.5),
        OPEN: lambda *_: None,
        "the roots are missing": noised(1, 1),
        "changed places": lambda clean, noise, k: noised(0.5, 0.5)(noise, clean, k),
        "noise is added": lambda clean, noise, k: noised(0.5, 0.5)(clean, -noise, k),
        "not squared": lambda clean, noise, k: k**0.5 * clean + (1 - k**2) ** 0.5 * noise,
        "changes the arrays": lambda clean, noise, k: np.add(
            k**0.5 * clean, (1 - k) ** 0.5 * noise, out=noise
        ),
        "second root": noised(0.5, 1),
        "first root": noised(1, 0.5),
        "the clean part must": noised(0, 0.5),
        "the noise must": noised(0.5, 0),
        "and then the root": lambda clean, noise, k: k**0.5 * clean + (1 - k**0.5) * noise,
        "single number": lambda clean, noise, k: noised(0.5, 0.5)(
            clean, noise, k if np.ndim(k) else k / 2
        ),
        "it returns": lambda clean, noise, k: 7 * clean,
        "not ops.sqrt": lambda clean, noise, k: ops.sqrt(k) * clean,
        "the shape is": lambda clean, noise, k: clean[0],
    },
    "14b.3": {
        RIGHT: lambda x, noise, k, then: noised(0.5, 0.5)(cleaned(x, noise, k), noise, then),
        OPEN: lambda *_: None,
        "that is the clean point": lambda x, noise, k, then: cleaned(x, noise, k),
        "as it was": lambda x, noise, k, then: x,
        "is missing": lambda x, noise, k, then: then**0.5 * cleaned(x, noise, k),
        "larger, too": lambda x, noise, k, then: x - ((1 - k) ** 0.5 - (1 - then) ** 0.5) * noise,
        "not divided": lambda x, noise, k, then: noised(0.5, 0.5)(
            x - (1 - k) ** 0.5 * noise, noise, then
        ),
        "not solved": lambda x, noise, k, then: x - (1 - k) ** 0.5 * noise,
        "the roots are missing": lambda x, noise, k, then: noised(1, 1)(
            (x - (1 - k) * noise) / k, noise, then
        ),
        "changed places": lambda x, noise, k, then: noised(0.5, 0.5)(
            cleaned(x, noise, then), noise, k
        ),
        "less noise": lambda x, noise, k, then: (
            then**0.5 * cleaned(x, noise, k) + (1 - k) ** 0.5 * noise
        ),
        "not by k": lambda x, noise, k, then: noised(0.5, 0.5)(
            cleaned(x, noise, k) / k**0.5, noise, then
        ),
        "may be 1": lambda x, noise, k, then: noised(0.5, 0.5)(
            cleaned(x, noise, k), noise, min(then, 0.9)
        ),
        "it returns": lambda x, noise, k, then: 7 * x,
        "the shape is": lambda x, noise, k, then: x[0],
    },
    "14b.4": {
        RIGHT: lambda k, v: 1 - (1 - k) / (k * v + 1 - k),
        OPEN: lambda *_: None,
        "the factor of the guess": lambda k, v: (1 - k) ** 0.5 / (k * v + 1 - k),
        "can be guessed": lambda k, v: (1 - k) / (k * v + 1 - k),
        "the covariance is squared": lambda k, v: 1 - (1 - k) ** 0.5 / (k * v + 1 - k),
        "the root of it": lambda k, v: (k * v / (k * v + 1 - k)) ** 0.5,
        "divide by the variance": lambda k, v: k * v,
        "holds for v = 1": lambda k, v: k,
        "counts with": lambda k, v: v / (v + 1 - k),
        "clean point's error": lambda k, v: v * (1 - k) / (k * v + 1 - k),
        "with variance 1": lambda k, v: v - (1 - k) / (k * v + 1 - k),
        "it returns": lambda k, v: 7.0,
        "one number": lambda k, v: np.ones(2),
    },
    "14b.5": {
        RIGHT: lambda error, k: error * (k**0.5 / (1 - k) ** 0.5) ** 2,
        OPEN: lambda *_: None,
        "that is the way from": lambda error, k: error * (1 - k) / k,
        "errors go with": lambda error, k: error * (k / (1 - k)) ** 0.5,
        "squared already": lambda error, k: error**2 * k / (1 - k),
        "own factor": lambda error, k: error * k,
        "in there with a factor": lambda error, k: error / (1 - k),
        "the same amount": lambda error, k: error,
        "the root of 1 - k": lambda error, k: error * k / (1 - k) ** 2,
        "it returns": lambda error, k: 7.0,
        "one number": lambda error, k: np.ones(2),
    },
    "14b.6": {
        RIGHT: 6,
        "no way back": 27,
        "whole translators": 9,
        "a way back": 1,
        "the one that is right": 5,
        WRONG: 7,
    },
    "22.1": {
        RIGHT: lambda gradients, counts: np.average(gradients, axis=0, weights=counts),
        "the plain mean": lambda gradients, counts: np.mean(gradients, axis=0),
        "swapped": lambda g, counts: np.average(g, axis=0, weights=counts[::-1]),
        "not the gradient of the batch": lambda gradients, counts: np.sum(gradients, axis=0),
        "128 times as long": lambda g, counts: sum(n * v for n, v in zip(counts, g, strict=True)),
        "64 times as long": lambda g, counts: np.matmul(counts, g) / len(counts),
        "changes the gradients": in_place,
        "with three devices": lambda gradients, counts: 0.75 * gradients[0] + 0.25 * gradients[1],
    },
    "22.2": {
        OPEN: lambda *_: None,
        RIGHT: accumulating(lambda total, n, pieces: total / n),
        "it is a sum": accumulating(lambda total, n, pieces: total),
        "by the number of pieces": accumulating(lambda total, n, pieces: total / pieces),
        "counts as much": accumulating(lambda total, n, pieces: total / pieces, weigh=False),
        "not averaged": accumulating(lambda total, n, pieces: total, weigh=False),
        "piece is missing": accumulating(lambda total, n, pieces: total / n, end=-2),
        "only the last piece": lambda gradient_of, x, y, piece: gradient_of(x[8:], y[8:]),
        "return inside the loop": lambda g, x, y, piece: len(x[:piece]) * g(x[:4], y[:4]) / len(x),
        "by the number of images": accumulating(lambda total, n, pieces: total / n, weigh=False),
        "10 // 4 is 2": accumulating(lambda total, n, pieces: total / (pieces - 1), weigh=False),
        "has 2 images, not 4": accumulating(lambda total, n, pieces: 4 * total / n, weigh=False),
        "keeps the gradients": lambda g, x, y, piece: np.average(
            [g(x[i : i + piece], y[i : i + piece]) for i in range(0, len(x), piece)],
            axis=0,
            weights=[len(x[i : i + piece]) for i in range(0, len(x), piece)],
        ),
        "images at once": lambda gradient_of, x, y, piece: gradient_of(x, y),
        "one image at a time": lambda g, x, y, piece: (
            sum(g(x[i : i + 1], y[i : i + 1]) for i in range(len(x))) / len(x)
        ),
        "never asks": lambda gradient_of, x, y, piece: np.zeros(4),
        "a vector": lambda gradient_of, x, y, piece: 1.0,
        "broadcast": lambda gradient_of, x, y, piece: (
            np.zeros_like(x[0]) + gradient_of(x[:4], y[:4])
        ),
        "it returns array": lambda gradient_of, x, y, piece: 7 * gradient_of(x[:4], y[:4]),
    },
    "22.3": {
        OPEN: lambda *_: None,
        RIGHT: lambda step, small, k, warm: small * (1 + (k - 1) * min(step / warm, 1)),
        "without warm-up": lambda step, small, k, warm: small * k,
        "goes on rising": lambda step, small, k, warm: small * (1 + (k - 1) * step / warm),
        "starts from 0": lambda step, small, k, warm: small * k * min(step / warm, 1),
        "end at k times": lambda step, small, k, warm: small * (1 + k * min(step / warm, 1)),
        "it falls": lambda step, small, k, warm: small * (k - (k - 1) * min(step / warm, 1)),
        "it jumps": lambda step, small, k, warm: small if step < warm else k * small,
        "k is missing": lambda step, small, k, warm: small * min(step / warm, 1),
        "not its root": lambda s, small, k, warm: small * (1 + (k**0.5 - 1) * min(s / warm, 1)),
        "arrives too soon": lambda step, small, k, warm: small * min(1 + k * step / warm, k),
        "at every step": lambda step, small, k, warm: small * min(1 + step, k),
        "line starts from 0": lambda s, small, k, warm: small * max(1, min(k * s / warm, k)),
        "along a curve": lambda step, small, k, warm: small * k ** min(step / warm, 1),
        "small + k": lambda step, small, k, warm: small + k * min(step / warm, 1),
        "falls back": lambda s, a, k, warm: a * (1 + (k - 1) * s / warm) if s < warm else a,
        "max takes": lambda step, small, k, warm: small * (1 + (k - 1) * max(step / warm, 1)),
        "at step 11 it returns nothing": lambda s, a, k, w: (
            a * (1 + (k - 1) * s / w) if s <= w else None
        ),
        "with other numbers": lambda step, small, k, warm: 0.1 * (1 + 7 * min(step / 10, 1)),
        "one number": lambda step, small, k, warm: np.ones(2),
        "for steps": lambda step, small, k, warm: 5.0,
    },
    "22.4": {
        RIGHT: (1, 9),
        "in billions": (1e9, 9),
        "for the weight alone": (4, 9),
        "only Adam's": (1, 2),
        "two averages": (1, 8.5),
        "one of the four": (4 / 3, 9),
        "one device alone": (1, 16),
        WRONG: (2, 9),
    },
    "22.5": {
        RIGHT: 12.2,
        "without end": 10.4,
        "that is a time": 8.2,
        "nearly two": 24.4,
        "four bytes": 48.8,
        WRONG: 12,
    },
    "22.8": {
        RIGHT: (1.33, 3),
        "still waits": (4, 3),
        "fewer threads": (1.33, 4),
        "every 30 ms": (1.33, 2),
        "before and after": (3, 3),
        WRONG: (1.5, 3),
    },
}
CASES = [(number, words, answer) for number in SAID for words, answer in SAID[number].items()]
CASES += [(number, OPEN, lambda *_: None) for number in FUNCTIONS]
CASES += [(number, ", expected (", lambda *_: np.zeros((1, 7))) for number in FUNCTIONS]
NAMES = [f"{number}: {words}" for number, words, _ in CASES]


def download(names, *_, **__):
    if "Catt" in names:
        raise data.DataError("There is no class 'Catt'.")
    photos = np.zeros((2, 96, 96, 3), "uint8"), [0, 1]
    return SimpleNamespace(classes=names, load=lambda *_, **__: photos)


@pytest.mark.parametrize(("number", "words", "answer"), CASES, ids=NAMES)
def test_answer(number, words, answer, monkeypatch, capsys):
    monkeypatch.setattr(openimages, "download", download)
    verdict = exercises.check(number, answer, **CONTEXT.get(number, {}))
    assert words in capsys.readouterr().out.replace(exercises.judge_of(number).hint, "")
    assert verdict is {RIGHT: True, OPEN: None}.get(words, False)


def test_every_exercise_has_a_judge_and_every_judge_an_exercise():
    asked, judges = set(), set()
    for path in LESSONS:
        cells = nbformat.read(path, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        asked |= set(re.findall(r'exercises\.check\(\s*"([^"]+)"', code))
        lesson = path.name.partition("_")[0]
        module = importlib.import_module(f"utils.exercises.lesson_{lesson}")
        judges |= {f"{lesson}.{place}" for place in module.JUDGES}
    assert asked == judges == {number for number, words, _ in CASES if words == RIGHT}


def test_a_channel_that_is_all_but_dead_may_be_counted(capsys):
    assert exercises.check("03.3", 2, peaks=PEAKS) is True
    assert "never above 1e-13" in capsys.readouterr().out


@pytest.mark.parametrize("form", [lambda net: net.inputs, lambda net: net.input])
def test_a_model_may_be_made_of_lists(form):
    def answer(layer):
        return keras.Model(form(DIGITS), [DIGITS.get_layer(layer).output])

    assert exercises.check("03.1", answer, net=DIGITS) is True
