"""The judges and the form of an answer: right in any form, and what is wrong with a form is said.

What each judge says of a number or a function of the right form stands in `test_judges`.
"""

import re

import numpy as np
import pytest
from keras import ops
from test_judges import (
    CASES,
    CONTEXT,
    decoder_input,
    likeliest,
    on_a_circle,
    pair_counts,
    softmax,
    stopping,
    styled,
    windows,
    writing,
)

from utils import exercises
from utils.models import squeezenet


def attended(queries, keys, values):
    shares = softmax(queries @ keys.T)
    return shares @ values, shares


def in_four_pairs(x, angles):
    """Turn eight numbers, as lesson 12b has them, and no other count."""
    pairs = x.reshape(*x.shape[:-1], 4, 2)
    turned = (pairs[..., 0] + 1j * pairs[..., 1]) * np.exp(1j * angles)
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def by_least_share(shares, mass):
    """Cut off what is less than the share with which the sum reaches `mass`."""
    ordered = -np.sort(-shares, axis=-1)
    place = np.minimum((ordered.cumsum(-1) < mass).sum(-1), shares.shape[-1] - 1)
    kept = np.where(shares < np.take_along_axis(ordered, place[:, None], -1), 0, shares)
    return kept / kept.sum(-1, keepdims=True)


RIGHT = {
    "00.1": [602_116.0, np.int64(602_116)],
    "00.2": [lambda w, b: np.array([6 * w - 4, b - 7])],
    "00.4": [13 / 20],
    "00.5": [lambda x: (x.mean() - x) / x.std()],
    "00.6": [["CPU", "GPU", "CPU"]],
    "01.1": [lambda p, label: -np.log(p[[label]]), lambda p, label: -ops.log(p[label])],
    "01.2": [
        lambda v: [[v[i : i + 2, j : j + 2].max() for j in range(0, 8, 2)] for i in (0, 2, 4)]
    ],
    "01.4": [42_048.0, np.int64(42_048), [42_048]],
    "01.5": [" Dense"],
    "02.1": [11.0, [11], np.float32(11)],
    "02.2": [[32, 56, 24], np.array([32, 56, 24])],
    "02.4": [np.array([[0, 0, 0], [1.0, 0, 0], [0, 0, 0]])],
    "02.6": [(86, 1, 0, 1), [3, 3, 1, 1], (3.0, 3.0, 1.0, 1.0)],
    "02.7": [[3, 1, 9], np.array([1, 3, 9]), (1.0, 3.0, 9.0)],
    "02b.1": [np.array([147_584, 115_605_504])],
    "02b.5": [" efficientnetb2", "EfficientNet B2"],
    "02b.6": [[22_050_664]],
    "03.2": ["CFBE", ["c", "f", " b", "E"]],
    "03.3": [np.int64(1), 1.0],
    "04.1": [
        lambda grey: (grey[:, 1:] > grey[:, :-1]).tolist(),
        lambda grey: (np.diff(grey, axis=1) > 0).astype("float32"),
        lambda grey: ops.convert_to_tensor(grey[:, 1:] > grey[:, :-1]),
    ],
    "04.2": [
        lambda rgb: squeezenet.preprocess(rgb).tolist(),
        lambda rgb: squeezenet.preprocess(ops.convert_to_tensor(rgb)),
    ],
    "04.3": [513.0, [513], np.int64(513)],
    "04.4": [lambda name: int("9" in name), lambda name: np.bool_(name[:5] == "fire9")],
    "04.5": [1825],
    "05.1": [lambda x, m, s: [x[i : i + m].tolist() for i in range(0, len(x) - m + 1, s)]],
    "05.3": [-3.0, [-3]],
    "05.5": [[196.0, 12, 192]],
    "05.6": [np.array([90, 89, 256])],
    "05.7": [[250, 125, 912]],
    "05.8": [14.0, np.int64(14)],
    "05.9": ["A, B and E", ("A", "B", "E"), "E B A"],
    "05.11": [lambda x: (np.linalg.norm(x, axis=2) > 16).any(axis=1, keepdims=True).astype(int)],
    "06.4": [[24_192.0, 24_192], np.array([24_192, 24_192])],
    "06.5": [np.array([[-0.9, 0.0], [15.0, -0.9]])],
    "06b.3": [[1, 5, 2, 6], np.array([1, 4, 3, 6])],
    "06b.4": [96_768.0, [96_768]],
    "06b.5": [5, np.float32(4.96)],
    "07.1": [lambda p: float(-np.log2(p).mean()), lambda p: -ops.mean(ops.log2(p))],
    "07.2": [lambda z, t: ops.softmax(z / t), lambda z, t: list(ops.softmax(z / t))],
    "07.3": [lambda *given: np.array(writing()(*given))],
    "07.4": [99_328.0, [99_328]],
    "07b.1": [lambda *given: np.array(stopping()(*given))],
    "10.1": [lambda n: np.log(n * n.sum() / np.outer(n.sum(axis=1), n.sum(axis=0))).tolist()],
    "10.4": [np.float64(np.log(1 / 9)), -2.2],
    "07b.2": [lambda old, new, keep: ops.add(keep * old, (1 - keep) * new)],
    "11.1": [lambda target: decoder_input()(target).astype(float)],
    "11.2": [lambda *given: [array.tolist() for array in attended(*given)]],
    "11.5": [[96.0, 3840, 2000], np.array([96, 3840, 2000])],
    "11b.1": [lambda both, e, h: (2 * both / (e[:, None] + h)).tolist()],
    "11b.4": [[2000**5, 34_000], (2000**5, 34_000.0)],
    "12.3": [lambda windows: np.stack([windows[:, :-1], windows[:, 1:]])],
    "12.6": [1_557_611_200.0, [1_557_611_200]],
    "12b.1": [lambda words: dict(pair_counts()(words))],
    "12b.3": [in_four_pairs],
    "12b.4": [by_least_share],
    "12b.5": [lambda shares, k: likeliest()(shares, k).tolist()],
    "12b.6": [[320.0, 655_360], np.array([320, 655_360])],
    "13.3": [[784.0, 0.0625, 49], np.array([784, 1 / 16, 49])],
    "13.4": [[9.998, 1022], np.array([10, 1024])],
    "13.5": [lambda a, b, t: on_a_circle()(a, b, t).tolist()],
    "13.6": [lambda w: ops.logsumexp(w, axis=1) - np.log(w.shape[1])],
    "13b.1": [lambda c, s: (c[s].mean(0) - c[~s].mean(0)).tolist()],
    "13b.4": [[0.549], np.float64(0.54945), 0.55],
    "14.2": [np.float64(0.75), [3 / 4]],
    "14.4": [lambda *given: ops.convert_to_tensor(styled(*given))],
    "14.5": [
        lambda labels, side: np.stack([[[np.eye(10)[i]] * side] * side for i in labels]) > 0.5
    ],
    "14.6": [[8.0, 11], np.array([8, 11])],
    "22.4": [[1.0, 9], np.array([1, 9])],
    "22.8": [(4 / 3, 3.0)],
}
QUOTED = "without quotation marks"
WRONG = [
    ("00.1", "602116", QUOTED),
    ("00.3", 64, "a dictionary with one entry"),
    ("00.4", "0.65", QUOTED),
    ("00.6", "GPU", "three names were expected"),
    ("00.6", ("CPU", "GPU"), "three names were expected"),
    ("01.5", len, "in quotation marks"),
    ("01.6", lambda images, random: images, "every image is moved by the same step"),
    ("02.1", "11", QUOTED),
    ("02.2", ("32", "56", "24"), QUOTED),
    ("02.6", (3, 3, 0, 0), "dilation is 0; it must be a whole number, at least 1"),
    ("02.6", (3, 2, -20, 1), "padding is -20; it must be a whole number, at least 0"),
    ("02.6", (3.5, 3, 1, 1), "kernel size is 3.5"),
    ("02.6", (3, 0, 1, 1), "stride is 0"),
    ("02.6", 43, "4 numbers were expected"),
    ("02.6", (43, 43), "4 numbers were expected"),
    ("02.6", "(3, 3, 1, 1)", QUOTED),
    ("02.7", (13, 0, 0), "whole numbers"),
    ("02.7", 13, "whole numbers"),
    ("02.7", "1, 3, 9", "whole numbers"),
    ("02.7", (1, 3), "2 layers see 9 × 9"),
    ("02b.1", 147_584, "2 numbers were expected"),
    ("02b.6", "22050664", QUOTED),
    ("03.2", (1, 2, 3, 4), "in quotation marks"),
    ("03.3", "1", QUOTED),
    ("03.4", lambda picture, *place: picture[2:], "the shape is"),
    ("03.5", lambda maps, gradient: maps[..., 0], "it returns array("),
    ("03.6", lambda x, gradient, colour: np.sum(x, axis=-1) / 9, "it returns array("),
    ("03b.1", lambda x, gradient, eta: x, "it returns array("),
    ("03b.1", lambda x, gradient, eta: x[0], "the shape is"),
    ("03b.2", lambda maps, first, second: maps[:, 0, 0, first], "it returns array("),
    ("04.3", "513", QUOTED),
    ("04.3", [513, 514], "one number was expected"),
    ("04.5", 0, "you have 0"),
    ("04.5", "1900", QUOTED),
    ("05.1", lambda stream, timesteps, hop: stream, "the shape is"),
    ("05.2", lambda future: future[:, 0] * 0 - 1, "it returns array("),
    ("05.3", "-3", QUOTED),
    ("05.4", lambda x, kernel, bias, i, stride: bias * 0, "it returns array("),
    ("05.4", lambda x, kernel, bias, i, stride: x, "expected (filters,)"),
    ("05.8", (14, 14), "one number was expected"),
    ("05.9", "none", "3 missing"),
    ("05.10", lambda x: windows(86, 14)(x)[0], "a pair was expected"),
    ("05.10", lambda x: (windows(86, 14)(x)[0][:, 2:], x[14:]), "12 samples in a row"),
    ("05.11", lambda future: np.arange(400) > 7, "the wrong answer"),
    ("05.11", lambda future: future > 16, "one answer for each window"),
    ("05b.1", lambda x: x[:, :12], "it returns array("),
    ("05b.2", lambda x, y: x, "the shape is"),
    ("05b.3", lambda x, y, rise: x, "a pair was expected"),
    ("05b.3", lambda x, y, rise: (x[0], y[0]), "the shapes are"),
    ("05b.4", 3, "in quotation marks"),
    ("05b.5", lambda who: (who < 12, who >= 12), "three masks"),
    ("05b.6", lambda x: np.linalg.norm(x, axis=2).std(axis=1), "two numbers for each"),
    ("06.1", lambda w, x, h: 2 * h, "it returns array("),
    ("06.3", lambda gradients, c: gradients[:2], "a list of three arrays"),
    ("06.4", 24_192, "2 numbers were expected"),
    ("06b.1", lambda *_: np.zeros((4, 5)), "a pair was expected"),
    ("06b.1", lambda *_: (np.zeros(5), np.zeros(5)), "the shapes are"),
    ("06b.2", lambda w, x, h: 2 * h, "it returns array("),
    ("06b.3", "1, 4, 3, 6", QUOTED),
    ("07.5", lambda p, most: np.array([0, 0.5, 0.5, 0]), "it returns array([0. , 0.5, 0.5, 0. ])"),
    ("07.5", lambda p, most: np.array([0, 2 / 3, 0, 1 / 3]), "with p = 0.95 nothing is cut"),
    ("07.4", "99328", QUOTED),
    ("08.3", "6050", QUOTED),
    ("12b.6", ("320", "655360"), QUOTED),
    ("14.2", "0.75", QUOTED),
    ("14.6", ("8", "11"), QUOTED),
    ("22.4", 1, "2 numbers were expected"),
    ("22.8", ("1.33", 3), QUOTED),
    ("22.8", 1.33, "2 numbers were expected"),
]


@pytest.mark.parametrize(
    ("number", "answer"), [(number, answer) for number in RIGHT for answer in RIGHT[number]]
)
def test_right_in_any_form(number, answer, capsys):
    assert exercises.check(number, answer, **CONTEXT.get(number, {})) is True
    assert capsys.readouterr().out == "Right!\n"


@pytest.mark.parametrize(("number", "answer", "words"), WRONG)
def test_wrong_forms_are_named(number, answer, words, capsys):
    assert exercises.check(number, answer, **CONTEXT.get(number, {})) is False
    said = capsys.readouterr().out
    assert words in said and re.fullmatch("Not yet: [^<].*\n", said)


FUNCTIONS = [
    number
    for number in sorted({number for number, *_ in CASES})
    if exercises.judge_of(number).is_function
]


@pytest.mark.parametrize("number", FUNCTIONS)
def test_a_function_is_expected_may_be_open_and_what_it_raises_is_told(number, capsys):
    context = CONTEXT.get(number, {})
    assert exercises.check(number, 3, **context) is False
    assert "a function was expected" in capsys.readouterr().out
    assert exercises.check(number, lambda *_: None, **context) is None
    assert exercises.check(number, lambda *_: undefined, **context) is False  # noqa: F821
    assert "NameError: name 'undefined' is not defined" in capsys.readouterr().out
