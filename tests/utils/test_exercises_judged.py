"""The judges of the lessons: right answers, and the wrong ones that students give, by name."""

import math

import numpy as np
import pytest

from utils import exercises


def descend(rate):
    return 30.0 if rate == 0 else 0.1 if rate < 0.65 else 169.0


def wilson(right, photos):
    p, z = right / photos, 1.96
    half = z * math.sqrt(p * (1 - p) / photos + z**2 / (4 * photos**2))
    middle = p + z**2 / (2 * photos)
    return (middle - half) / (1 + z**2 / photos), (middle + half) / (1 + z**2 / photos)


def what_it_sees(layers, side):
    seen = np.zeros(side)
    seen[side // 2] = 1
    for _, _, dilation in layers:
        seen = seen + np.roll(seen, dilation) + np.roll(seen, -dilation)
    return np.outer(seen, seen)


PIXELS = np.random.default_rng(0).integers(0, 256, size=(4, 8, 8, 3)).astype("uint8")
CONTEXTS = {
    "00.2": {"descend": descend},
    "02.4": {"what_it_sees": what_it_sees},
    "04.1": {"channels": 1024},
    "04.2": {"wilson": wilson},
    "04.3": {"pixels": PIXELS},
    "08.1": {"learns_to_depth": lambda: 20},
}


@pytest.mark.parametrize(
    ("number", "answers"),
    [
        ("00.1", [308_310, 308_310.0]),
        ("00.2", [0.7, 7 / 10]),
        ("00.3", [("CPU", "GPU", "CPU"), ["cpu", "gpu", "cpu"]]),
        ("01.1", [19_232]),
        ("01.2", ["dense", " Dense"]),
        ("02.1", [(32, 56, 24), [32, 56, 24]]),
        ("02.2", [(3, 3, 1, 1), (5, 3, 2, 1), (86, 1, 0, 1), [3, 3, 1, 1]]),
        ("02.3", [(1216, 688)]),
        ("02.4", [(1, 3, 9), (9, 1, 3), [3, 1, 9], np.array([1, 3, 9])]),
        ("03.1", [72]),
        ("04.1", [5125]),
        ("04.2", [1900, 1825]),
        ("04.3", [PIXELS / 255, (PIXELS / 255).astype("float32")]),
        ("04.4", [{1: [(0.1, 0.7)], 4: [(0.3, 0.8)]}, {v: [(v / 9, 0.7)] for v in (1, 2, 4)}]),
        ("05.1", [(90, 89, 256)]),
        ("05.2", [(250, 125, 912)]),
        ("05.3", ["A, B, E", "abe", "A, B and E", ("A", "B", "E"), {"E", "A", "B"}, "E B A"]),
        ("06.1", [(96_768, 96_768)]),
        ("06.3a", [0.0067, 1 / (1 + math.e**5)]),
        ("06.3b", [4.97, 5]),
        ("07.1", [(3, 8), (3.0, 8.0)]),
        ("08.1", [20]),
        ("08.3", [0]),
        ("22.1", [(117, 0.8)]),
        ("22.3", [12.2, 12.207]),
        ("22.4", [(1.33, 3), (4 / 3, 3)]),
    ],
)
def test_right_answers(number, answers, capsys):
    for answer in answers:
        assert exercises.check(number, answer, **CONTEXTS.get(number, {})) is True, answer
    assert "Not" not in capsys.readouterr().out


NUMBER, QUOTED = "one number was expected", "without quotation marks"


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("00.1", 307_300, "you have 307300. Count the layers"),
        ("00.1", "308310", QUOTED),
        ("00.2", 7, "you have 7"),
        ("00.2", 0.6, "you have 0.6"),
        ("00.2", "0.7", QUOTED),
        ("00.3", ("CPU", "TPU", "CPU"), "a TPU would do as well"),
        ("00.3", ("GPU", "GPU", "CPU"), "you have ('GPU', 'GPU', 'CPU')"),
        ("00.3", "GPU", "three names were expected"),
        ("00.3", ("CPU", "GPU"), "three names were expected"),
        ("01.2", "both", "you have 'both'"),
        ("01.2", len, "in quotation marks"),
        ("02.1", (32, 56), "the shape is (2,), expected (3,)"),
        ("02.1", ("32", "56", "24"), QUOTED),
        ("02.2", (3, 2, 0, 2), "refuses a stride and a dilation above 1"),
        ("02.2", (2, 3, 0, 1), "kernel size 2"),
        ("02.2", (5, 2, 0, 1), "output 62 × 62"),
        ("02.2", (3, 3, 0, 0), "dilation is 0; it must be a whole number, at least 1"),
        ("02.2", (3, 2, -20, 1), "padding is -20; it must be a whole number, at least 0"),
        ("02.2", (3.5, 3, 1, 1), "kernel size is 3.5"),
        ("02.2", (3, 0, 1, 1), "stride is 0"),
        ("02.2", (200, 1, 0, 1), "covers 200 cells"),
        ("02.2", 43, "4 numbers were expected"),
        ("02.2", (43, 43), "4 numbers were expected"),
        ("02.2", "(3, 3, 1, 1)", QUOTED),
        ("02.4", (1, 4, 8), "blind to 40%"),
        ("02.4", (1, 2, 4), "3 layers see 15 × 15"),
        ("02.4", (1, 3), "2 layers see 9 × 9"),
        ("02.4", (13, 0, 0), "whole numbers"),
        ("02.4", 13, "whole numbers"),
        ("02.4", "1, 3, 9", "whole numbers"),
        ("03.1", 36, "you have 36"),
        ("04.1", 5120, "the biases are missing"),
        ("04.1", 1025, "a head for two classes"),
        ("04.1", "5125", QUOTED),
        ("04.1", [5125], NUMBER),
        ("04.2", 200, "±3."),
        ("04.2", 0, "you have 0"),
        ("04.2", "1900", QUOTED),
        ("04.3", PIXELS, "the values go from 0"),
        ("04.3", PIXELS / 127.5 - 1, "the values go from -1.0"),
        ("04.3", PIXELS[0] / 255, "the shape is (8, 8, 3)"),
        ("04.4", {1: [(0.3, 0.7)], 4: [(0.1, 0.8)]}, "compare the training losses"),
        ("04.4", {1: [(0.3, 0.7)]}, "the keys are [1], expected 1 and 4"),
        ("05.1", (89, 90, 256), "you have (89, 90, 256)"),
        ("05.3", "A, C", "2 missing, 1 too many"),
        ("05.3", "A, B", "1 missing"),
        ("05.3", "A, B, D, E", "what is known on the day"),
        ("05.3", "none", "3 missing"),
        ("06.1", 96_768, "the shape is (), expected (2,)"),
        ("06.1", (96_768, 193_536), "you have"),
        ("06.3a", 0.9933, "you have"),
        ("06.3b", -4.97, "you have"),
        ("07.1", (8, 3), "you have (8, 3)"),
        ("08.1", 10, "you have 10"),
        ("08.1", 30, "one of the depths"),
        ("08.1", "20", QUOTED),
        ("08.3", 50, "you have 50"),
        ("22.1", (117.2, 0.8), "you have"),
        ("22.3", 24.4, "you have 24.4"),
        ("22.4", (4, 3), "the device still waits"),
        ("22.4", (1.33, 4), "you have (1.33, 4)"),
        ("22.4", ("1.33", 3), QUOTED),
        ("22.4", 1.33, "2 numbers were expected"),
    ],
)
def test_wrong_answers(number, answer, words, capsys):
    assert exercises.check(number, answer, **CONTEXTS.get(number, {})) is False
    said = capsys.readouterr().out
    assert words in said and said.startswith("Not yet") and "\n" not in said.strip()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def shift(image, right, down):
    return np.roll(image, (down, right), axis=(0, 1))


def moved(low=-4, high=5, size=2):
    """A function that moves images at random, by the same step both ways if `size` is 1."""

    def move(images, random):
        steps = random.integers(low, high, size=(len(images), size))
        return np.stack([shift(x, s[0], s[-1]) for x, s in zip(images, steps, strict=True)])

    return move


def windows(length=12, ahead=3, lost=0):
    def cut(stream):
        starts = range(len(stream) - length - ahead + 1 - lost)
        x = np.stack([stream[i : i + length] for i in starts])
        return x, np.array([stream[i + length + ahead - 1] for i in starts])

    return cut


def nucleus(scaled=True, sorted_=False, below=True):
    def cut(probabilities, p):
        order = np.argsort(-probabilities)
        sums = np.cumsum(probabilities[order])
        kept = order[sums - probabilities[order] < p if below else sums <= p]
        result = np.zeros_like(probabilities)
        result[kept] = probabilities[kept]
        result = result / result.sum() if scaled else result
        return result[order] if sorted_ else result

    return cut


TOY = np.log([[0.34, 0.33, 0.33], [0.9, 0.05, 0.05], [0.2, 0.2, 0.6]])


def toy_world(sequence):
    return TOY[sequence[-1]] if sequence else np.log([0.5, 0.4, 0.1])


def beam(find=lambda beams: beams[0][1]):
    def search(log_probabilities, length, width):
        beams = [(0.0, ())]
        for _ in range(length):
            longer = [
                (score + step, (*sequence, symbol))
                for score, sequence in beams
                for symbol, step in enumerate(log_probabilities(sequence))
            ]
            beams = sorted(longer, reverse=True)[:width]
        return find(beams)

    return search


def greedy(log_probabilities, length, width):
    return beam()(log_probabilities, length, 1)


LARGE, SMALL = np.random.default_rng(1).normal(size=(2, 6))
AVERAGE = {"parts": [LARGE, SMALL], "whole": (96 * LARGE + 32 * SMALL) / 128, "rounding": 1e-4}
WAVES = np.random.default_rng(2).normal(size=(60, 200, 3))
TURN = {
    "windows": WAVES,
    "turned": lambda x, random: x[:, :, [1, 2, 0]],
    "features": lambda x: x.mean(axis=1),
    "accuracy_of": lambda features: 0.5 + features(WAVES).std(),
}


def lengths(x):
    length = np.linalg.norm(x, axis=2)
    return np.stack([length.mean(axis=1), length.std(axis=1)], axis=1)


FUNCTIONS = [
    ("01.3", moved(), {}, True, "Right"),
    ("01.3", moved(high=4), {}, False, "to the right and left"),
    ("01.3", moved(size=1), {}, False, "independently"),
    ("01.3", lambda x, r: shift(x, 0, 1) / 1.0, {}, False, "float64, expected (400, 28, 28) uint8"),
    ("01.3", lambda x, r: x, {}, False, "every image is moved by the same step"),
    ("01.3", lambda x, r: x[:, ::-1], {}, False, "not just a moved copy"),
    ("05.4", windows(), {}, True, "Right"),
    ("05.4", windows(ahead=0), {}, False, "ends with 11, its target is 11"),
    ("05.4", windows(ahead=2), {}, False, "ends with 11, its target is 13"),
    ("05.4", windows(lost=1), {}, False, "85 rows; there could be 86"),
    ("05.4", windows(length=10), {}, False, "12 samples"),
    ("05.4", lambda s: windows(10)(s[:98]), {}, False, "12 samples"),
    ("05.4", lambda s: windows()(s)[0], {}, False, "a pair"),
    ("05.4", lambda s: (windows()(s)[0], s), {}, False, "86 windows and 100 targets"),
    ("05.4", windows()(np.arange(100.0)), {}, False, "a function was expected"),
    ("05.5", lengths, TURN, True, "Right"),
    ("05.5", TURN["features"], TURN, False, "turning the phone changes them"),
    ("05.5", lambda x: np.zeros((len(x), 1)), TURN, False, "they do not change, but"),
    ("05.5", lengths(WAVES), TURN, False, "a function was expected"),
    ("06.2", lambda z, h, s: z * s + (1 - z) * h, {}, True, "Right"),
    ("06.2", lambda z, h, s: (1 - z) * s + z * h, {}, False, "swapped"),
    ("06.2", lambda z, h, s: z * s + h, {}, False, "should add up to one"),
    ("06.2", lambda z, h, s: z.sum(), {}, False, "the shape is (), expected (4, 5)"),
    ("06.2", lambda z, h, s: z * h, {}, False, "it returns"),
    ("07.2", nucleus(), {}, True, "Right"),
    ("07.2", nucleus(scaled=False), {}, False, "it sums to 0.750"),
    ("07.2", nucleus(below=False), {}, False, "0.5 is not enough"),
    ("07.2", nucleus(sorted_=True), {}, False, "it returns array([0.66666667, 0.33333333"),
    ("07.2", lambda p, top: p[p > 0.2], {}, False, "the shape is (2,), expected (4,)"),
    ("07.3", beam(), {"log_probabilities": toy_world}, True, "Right"),
    ("07.3", beam(lambda b: list(b[0][1])), {"log_probabilities": toy_world}, True, "Right"),
    ("07.3", beam(lambda b: b[0]), {"log_probabilities": toy_world}, False, "only of symbols"),
    ("07.3", beam(lambda b: b[0][1][:1]), {"log_probabilities": toy_world}, False, "1 symbols"),
    ("07.3", beam(lambda b: b[-1][1]), {"log_probabilities": toy_world}, False, "(0,"),
    ("07.3", greedy, {"log_probabilities": toy_world}, False, "with width 81"),
    ("22.2", lambda g, n: np.average(g, axis=0, weights=n), AVERAGE, True, "Right"),
    ("22.2", lambda g, n: np.mean(g, axis=0), AVERAGE, False, "the plain mean"),
    ("22.2", lambda g, n: np.average(g, axis=0, weights=n[::-1]), AVERAGE, False, "is not the"),
    ("22.2", lambda g, n: np.average(g, weights=n, axis=0)[:2], AVERAGE, False, "(2,)"),
]


@pytest.mark.parametrize(("number", "function", "context", "verdict", "words"), FUNCTIONS)
def test_functions(number, function, context, verdict, words, capsys):
    assert exercises.check(number, function, **context) is verdict
    said = capsys.readouterr().out
    assert words in said and "could not be checked" not in said and "<" not in said


@pytest.mark.parametrize(
    ("number", "context"),
    {number: context for number, _, context, _, _ in FUNCTIONS}.items(),
)
def test_a_function_that_returns_nothing_is_open_and_one_that_fails_is_said(
    number, context, capsys
):
    assert exercises.check(number, lambda *arguments: None, **context) is None
    assert exercises.check(number, lambda *arguments: undefined, **context) is False  # noqa: F821
    assert "NameError: name 'undefined' is not defined" in capsys.readouterr().out


# Judges that need Keras: a network of one layer, or an LSTM.


def keras_lstm():
    import keras

    keras.utils.set_random_seed(0)
    lstm = keras.layers.LSTM(5, return_sequences=True, bias_initializer="random_normal")
    lstm.build((None, None, 3))
    return {"lstm": lstm, "tolerance": 1e-3}


def step(squash=np.tanh, give=lambda s, c: (s, c)):
    def one(W, U, b, x, s, c):
        into = {k: x @ W[k] + s @ U[k] + b[k] for k in "gifo"}
        i, f, o = (sigmoid(into[k]) for k in "ifo")
        c = i * squash(into["g"]) + f * c
        return give(np.tanh(c) * o, c)

    return one


@pytest.mark.parametrize(
    ("function", "verdict", "words"),
    [
        (step(), True, "Right"),
        (step(squash=lambda z: z), False, "off from Keras's"),
        (step(give=lambda s, c: (c, s)), False, "off from Keras's"),
        (step(give=lambda s, c: s), False, "a pair"),
        (step(give=lambda s, c: None), None, "Not answered yet"),
    ],
)
def test_one_step_of_an_lstm(function, verdict, words, capsys):
    assert exercises.check("06.4", function, **keras_lstm()) is verdict
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("combine", "verdict", "words"),
    [
        (lambda x, w, tanh: tanh(x @ w[0] + w[1] + x), True, "Right"),
        (lambda x, w, tanh: tanh(x @ w[0] + w[1]) + x, False, "after the activation"),
        (lambda x, w, tanh: tanh(x @ w[0] + w[1]), False, "it returns"),
        (lambda x, w, tanh: x[0], False, "the shape is (4, 10), expected (1, 4, 10)"),
        (lambda x, w, tanh: None, None, "Not answered yet"),
    ],
)
def test_a_residual_body(combine, verdict, words, capsys):
    from keras import ops

    assert exercises.check("08.2", lambda x, w: combine(x, w, ops.tanh)) is verdict
    said = capsys.readouterr().out
    assert words in said and "<" not in said


PICTURES = np.random.default_rng(3).uniform(0, 255, size=(4, 32, 32, 3)).astype("float32")
CLASSES = np.array([0, 1, 2, 3])
SLOPES = np.random.default_rng(4).normal(size=(32 * 32 * 3, 10)).astype("float32") / 100


def linear_net(x, training=False):
    from keras import ops

    return ops.matmul(ops.reshape(x, (-1, 32 * 32 * 3)), SLOPES)


def logit_of(net, classes):
    from keras import ops

    return lambda x: ops.sum(net(x) * np.eye(10, dtype="float32")[classes], axis=1)


def contributions(net, pictures, classes):
    return np.sum(SLOPES.T[classes].reshape(-1, 32, 32, 3) * (pictures - 127.5), axis=-1)


@pytest.mark.parametrize(
    ("function", "verdict", "words"),
    [
        (contributions, True, "Right"),
        (lambda *a: np.abs(contributions(*a)), False, "the sign is lost"),
        (lambda n, p, c: contributions(n, p + 127.5, c), False, "a grey pixel"),
        (lambda n, p, c: contributions(n, p, c)[0], False, "the shape is (32, 32)"),
        (lambda n, p, c: contributions(n, p, c) * 2, False, "it returns"),
        (lambda *a: None, None, "Not answered yet"),
    ],
)
def test_gradient_times_input(function, verdict, words, capsys):
    context = {"net": linear_net, "pictures": PICTURES, "classes": CLASSES, "logit_of": logit_of}
    assert exercises.check("03.2", function, **context) is verdict
    said = capsys.readouterr().out
    assert words in said and "<" not in said


@pytest.mark.parametrize(
    ("function", "verdict", "words"),
    [
        (lambda logits: (logits[:, 5] + logits[:, 8]) / 2, True, "Right"),
        (lambda logits: logits[:, 5] + logits[:, 8], False, "this is the sum"),
        (lambda logits: (logits[:, 4] + logits[:, 7]) / 2, False, "it returns"),
        (lambda logits: logits, False, "the shape (4, 10), expected (4,)"),
        (lambda logits: None, None, "Not answered yet"),
    ],
)
def test_half_dog_half_ship(function, verdict, words, capsys):
    context = {"net": linear_net, "pictures": PICTURES}
    assert exercises.check("03.3", lambda x: function(linear_net(x)), **context) is verdict
    said = capsys.readouterr().out
    assert words in said and "<" not in said
