"""Hidden tests of the homework: networks that must answer themselves, and the term project."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from conftest import ROOT

from grading.assignments.assignment import load_assignment
from utils import homework as helpers


class Net:
    """Stands in for a network: the sum of its inputs, times one weight."""

    def __init__(self):
        self.weights = [np.array([2.0])]

    def get_weights(self):
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights):
        self.weights = weights

    def __call__(self, x):
        return x * self.weights[0]


def test_weights_are_zero_for_a_call_only():
    net = Net()
    x = np.arange(3.0)
    assert np.array_equal(helpers.with_zero_weights(net, net, x), np.zeros(3))
    assert np.array_equal(net(x), [0, 2, 4])
    assert helpers.with_zero_weights(net, lambda x: 1 / 0, x) == "ZeroDivisionError"
    assert np.array_equal(net(x), [0, 2, 4])


def hidden(number, test, **names):
    """The message of a hidden test, or an empty text if it is passed."""
    (task,) = (t for t in load_assignment(number).tasks if t.grade_id == f"hw{number}-{test}")
    try:
        exec(task.hidden, {"np": np, **names})
    except AssertionError as error:
        return str(error)
    return ""


def seasonal(x):
    return x[:, -1] + x[:, -12] - x[:, -13]


def measured_co2():
    path = ROOT / "data" / "mauna_loa_co2.csv"
    return pd.read_csv(path, index_col="year").to_numpy().ravel()


def better_than_seasonal():
    """Knows every value that comes after 24 months, as a network of that skill would."""
    co2 = measured_co2()
    change = {}
    for i in range(24, len(co2)):
        change[tuple(np.round(np.diff(co2[i - 24 : i]), 3))] = co2[i] - co2[i - 1]
    return lambda x: np.array([row[-1] + change[tuple(np.round(np.diff(row), 3))] for row in x])


@pytest.mark.parametrize("test", ["lstm-naive", "lstm-good"])
def test_a_forecast_must_come_from_the_network(test):
    good = better_than_seasonal()
    naive = {"forecast": good, "blinded_forecast": lambda x: x[:, -1]}
    assert hidden(3, test, **naive) == ""
    assert hidden(3, test, **naive | {"blinded_forecast": lambda x: "ValueError"}) == ""
    assert "do not come from lstm_model" in hidden(3, test, forecast=good, blinded_forecast=good)
    assert "part 4" in hidden(3, test, **naive | {"forecast": seasonal})
    messages = hidden(3, test, **naive | {"forecast": lambda x: x[:, -1] + 0.2})
    assert "On the test years" in messages


def test_a_good_forecast_is_about_as_good_as_the_formula():
    def noisy(ppm):
        return lambda x: seasonal(x) + np.where(np.arange(len(x)) % 2, ppm, -ppm)

    blind = {"blinded_forecast": lambda x: x[:, -1]}
    assert hidden(3, "lstm-naive", forecast=noisy(0.3), **blind) == ""
    assert hidden(3, "lstm-good", forecast=noisy(0.15), **blind) == ""
    assert "the seasonal forecast has 0.496" in hidden(3, "lstm-good", forecast=noisy(0.3), **blind)


@pytest.mark.parametrize("kind", ["dense", "cnn"])
def test_digits_must_be_read_by_the_network(kind):
    from utils.data import samples

    digits = samples.mnist_sample()
    x, y = digits["x_test"], digits["y_test"]
    table = {image.tobytes(): label for image, label in zip(x, y, strict=True)}

    def looked_up(images):
        return np.array([table.get(image.tobytes(), 0) for image in images])

    def nearest(images):  # stands in for a good network
        points, known = (a.reshape(len(a), -1).astype(float) for a in (images, x))
        far = (known**2).sum(1) - 2 * points @ known.T  # but for what all have in common
        return y[far.argmin(1)]

    def zeros(images):
        return np.zeros(len(images), int)

    names = {"on_sample": [True, True], f"predict_{kind}": nearest, f"blinded_{kind}": zeros}
    test = f"{kind}-accuracy"
    assert hidden(1, test, **names) == ""
    assert "Accuracy on new digits" in hidden(1, test, **names | {f"predict_{kind}": looked_up})
    messages = hidden(1, test, **names | {f"blinded_{kind}": nearest})
    assert f"do not come from {kind}_model" in messages


@pytest.mark.parametrize(
    ("number", "test", "name", "weights"),
    [
        (1, "dense-budget", "dense_weights", [np.zeros((784, 10))]),
        (1, "cnn-budget", "cnn_weights", [np.zeros((3, 3, 1, 16)), np.zeros((16, 10))]),
        (3, "lstm-size", "lstm_weights", [np.zeros((4, 16))]),
    ],
)
def test_zeros_are_no_network(number, test, name, weights):
    assert "not been trained" in hidden(number, test, **{name: weights})
    weights[-1] = weights[-1] + np.random.default_rng(1).normal(size=weights[-1].shape)
    assert hidden(number, test, **{name: weights}) == ""


def test_all_columns_of_the_windows_are_looked_at():
    co2 = measured_co2()
    n_test, n_validation = int(len(co2) * 0.25), int(len(co2) * 0.15)
    names = {}
    ends = [len(co2) - n_test - n_validation, len(co2) - n_test]
    for name, part in zip(("train", "validation", "test"), np.split(co2, ends), strict=True):
        names[f"x_{name}"] = np.stack([part[i : i + 24] for i in range(len(part) - 24)])
        names[f"y_{name}"] = part[24:]
    assert hidden(3, "arrays-test", **names) == ""
    names["x_test"][:, 5] = 0
    assert hidden(3, "arrays-test", **names) == "test: wrong windows."


def project_parts(train, validation, test):
    """What the locked cell of homework 5 hands over."""
    parts = {"train": train, "validation": validation, "test": test}
    return {name: helpers.about_part(part) | {"targets": len(part)} for name, part in parts.items()}


def milestone_1(parts, twins=""):
    """The messages of the three hidden tests."""
    tests = ("sizes-test", "disjoint-test", "prepared-test")
    return [hidden(5, test, parts=parts, twins=twins) for test in tests]


RANDOM = np.random.default_rng(5)
TABLE = pd.DataFrame(RANDOM.normal(size=(60, 3)), columns=list("abc"))
MIXED = TABLE.assign(kind=["tea", "milk", "water"] * 20)
SOUNDS = [RANDOM.normal(size=100 + i) for i in range(60)]


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        TABLE.sample(frac=1, random_state=1),
        TABLE["a"],
        MIXED,
        TABLE.to_numpy(),
        SOUNDS,
        [f"text number {i}" for i in range(60)],
        [list(range(i + 1)) for i in range(60)],
        [[[i], [1, 2]] for i in range(60)],
        list(RANDOM.normal(size=(60, 2, 2))),
        scipy.sparse.csr_matrix(RANDOM.normal(size=(60, 4))),
    ],
)
def test_honest_projects_of_all_kinds_pass_milestone_1(data):
    train, validation, test = data[:40], data[40:50], data[50:]
    if isinstance(data, scipy.sparse.csr_matrix):
        parts = {"train": train, "validation": validation, "test": test}
        parts = {k: helpers.about_part(v) | {"targets": v.shape[0]} for k, v in parts.items()}
    else:
        parts = project_parts(train, validation, test)
    assert milestone_1(json.loads(json.dumps(parts))) == ["", "", ""]


def test_milestone_1_notices():
    array = TABLE.to_numpy()
    holes = array.copy()
    holes[3, 1] = np.nan
    messages = milestone_1(project_parts(holes[:40], array[40:50], array[50:]))
    assert messages[:2] == ["", ""] and "missing or infinite" in messages[2]
    gaps = MIXED.astype(object)
    gaps.iloc[2, 3] = None
    assert not helpers.about_part(gaps)["finite"]
    messages = milestone_1(project_parts(array[:40], array[40:50, :2], array[50:]))
    assert "has the shape [2]" in messages[2]
    both = project_parts(array[:40], array[38:50], array[50:])
    assert "2 samples are in the train part and in the validation" in milestone_1(both)[1]
    why = "Passengers of the same class and age are different people."
    assert milestone_1(both, why) == ["", "", ""]
    assert all("The parts are []" in message for message in milestone_1({}))
    masked = np.ma.array(array, mask=np.arange(180).reshape(60, 3) == 7)
    assert helpers.about_part(masked[3:])["finite"] and not helpers.about_part(masked)["finite"]
    for wrong in ({"a": array}, "abc", 7, iter([1]), None, np.array(7.0), {1, 2}):
        with pytest.raises(TypeError, match="one entry for each sample"):
            helpers.about_part(wrong)
