"""Training, validation and test parts, and one-hot labels (utils/splits.py)."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from utils import splits
from utils.batches import windows_and_targets
from utils.splits import one_hot, split_images, split_in_time, stratified_split

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("gap", [0, 7])
def test_the_parts_are_views_in_time_order(gap):
    stream = np.arange(1000)
    train, validation, test = split_in_time(stream, 0.2, 0.1, gap)
    for part in (train, validation, test):
        assert np.shares_memory(part, stream)
        assert (np.diff(part) == 1).all()
    assert validation[0] - train[-1] == gap + 1
    assert test[0] - validation[-1] == gap + 1
    assert (train[0], test[-1]) == (0, 999)
    remaining = 1000 - 2 * gap
    assert (len(validation), len(test)) == (round(remaining * 0.2), round(remaining * 0.1))


def test_no_sample_is_in_the_windows_of_two_parts():
    stream = np.arange(1000)  # every sample is its own number
    used = []
    for part in split_in_time(stream, 0.2, 0.2, gap=3):
        x, y = windows_and_targets(part, 20, hop=3, target="next_k", horizon=5)
        used.append(set(x.ravel()) | set(y.ravel()))
    train, validation, test = used
    assert max(train) + 3 < min(validation)
    assert max(validation) + 3 < min(test)


def test_split_keeps_streams_and_allows_empty_parts():
    train, validation, test = split_in_time(np.zeros((100, 3)), 0.1, 0.2)
    assert [part.shape for part in (train, validation, test)] == [(70, 3), (10, 3), (20, 3)]
    train, validation, test = split_in_time(np.arange(100), 0, 0.2, gap=5)
    assert (len(train), len(validation), len(test)) == (76, 0, 19)
    assert test[0] - train[-1] == 6


def test_the_sizes_add_up():
    for n in range(10, 200):
        parts = split_in_time(np.arange(n), 0.15, 0.15)
        assert np.concatenate(parts).tolist() == list(range(n))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(validation=0.5, test=0.5), ValueError, "leave nothing to train with"),
        (dict(validation=-0.1), ValueError, "validation must be a fraction.*-0.1"),
        (dict(test=1.0), ValueError, "test must be a fraction.*1.0"),
        (dict(test=100), ValueError, "test=100 / 600"),
        (dict(test=float("nan")), ValueError, "test must be a fraction"),
        (dict(test="0.1"), TypeError, "test must be a fraction such as 0.15, but is '0.1'"),
        (dict(test=0.01), ValueError, "test part would be empty"),
        (dict(validation=0.45, test=0.54), ValueError, "training part would be empty"),
    ],
)
@pytest.mark.parametrize("function", [split_in_time, stratified_split])
def test_bad_fractions(function, arguments, error, message):
    with pytest.raises(error, match=message):
        function(np.zeros(20, int), **arguments)


def test_bad_gap_and_streams():
    with pytest.raises(ValueError, match="gap must be 0 or more, but is -1"):
        split_in_time(np.arange(20), gap=-1)
    with pytest.raises(ValueError, match="gap=10 leaves nothing of a stream of 20 samples"):
        split_in_time(np.arange(20), gap=10)
    with pytest.raises(ValueError, match="not from windows"):
        split_in_time(np.zeros((20, 5, 1)))
    with pytest.raises(ValueError, match="empty"):
        split_in_time([])


def test_stratified_split_keeps_the_proportions():
    labels = np.array([0] * 600 + [1] * 300 + [2] * 100)
    parts = stratified_split(labels, validation=0.1, test=0.2)
    assert [np.bincount(labels[part]).tolist() for part in parts] == [
        [420, 210, 70],
        [60, 30, 10],
        [120, 60, 20],
    ]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(1000))


def test_stratified_split_is_shuffled_and_determined_by_the_seed():
    labels = np.arange(1000) // 500
    first, again = stratified_split(labels, seed=1), stratified_split(labels, seed=1)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (np.diff(a) < 0).any()
    assert not np.array_equal(first[0], stratified_split(labels, seed=2)[0])


def test_stratified_split_takes_names_columns_and_empty_parts():
    names = np.array(["cat", "dog"] * 30)
    train, validation, test = stratified_split(names[:, np.newaxis], 0, 0.2)
    assert (len(train), len(validation), len(test)) == (48, 0, 12)
    assert sorted(names[test]) == ["cat"] * 6 + ["dog"] * 6


def test_every_class_is_in_every_part_or_it_is_an_error():
    labels = ["cat"] * 50 + ["dog"] * 50 + ["newt"] * 2
    with pytest.raises(ValueError, match="class 'newt' has only 2 of the 102 images"):
        stratified_split(labels)
    with pytest.raises(ValueError, match="class 'newt' has only 1 of the 101"):
        stratified_split(labels[:-1])
    with pytest.raises(ValueError, match=r"10 classes can be in each part.*test 5"):
        stratified_split(np.arange(100) % 10, validation=0.2, test=0.05)


def test_seeds_of_every_size():
    labels = np.arange(100) % 2
    for seed in (2**32 - 1, 2**32, 2**40 + 3, 2**70):
        parts = stratified_split(labels, seed=seed)
        assert sorted(np.concatenate(parts)) == list(range(100))
    first, other = (stratified_split(labels, seed=seed)[0] for seed in (0, 2**32))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["cat"] * 50 + ["dog"] * 50, dtype=object),
        pd.Series(["cat"] * 50 + ["dog"] * 50),
        pd.Series(["cat"] * 50 + ["dog"] * 50, dtype="category"),
        pd.Series([0] * 50 + [1] * 50, dtype="Int64"),
        pd.DataFrame({"label": [0] * 50 + [1] * 50}),
        np.array(["2020-01-01"] * 50 + ["2021-01-01"] * 50, dtype="M8[D]"),
        np.array([1j] * 50 + [2j] * 50),
        [True] * 50 + [False] * 50,
        np.ma.array([0] * 50 + [1] * 50),
    ],
)
def test_labels_of_every_kind(labels):
    parts = stratified_split(labels, 0.2, 0.2)
    assert [np.sum(part < 50) for part in parts] == [30, 10, 10]


@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_too_few_of_a_class_in_a_table(dtype):
    with pytest.raises(ValueError, match="class 'newt' has only 1 of the 51 images"):
        stratified_split(pd.Series(["cat"] * 50 + ["newt"], dtype=dtype))


def test_split_images_keeps_images_with_their_labels():
    labels = np.arange(120) % 3
    images = np.zeros((120, 4, 4, 1)) + np.arange(120).reshape(-1, 1, 1, 1)
    images_seen = []
    for x, y in split_images(images, labels, 0.2, 0.2):
        assert x.shape[1:] == (4, 4, 1)
        np.testing.assert_array_equal(x[:, 0, 0, 0] % 3, y)
        images_seen.extend(x[:, 0, 0, 0])
    assert sorted(images_seen) == list(range(120))


def test_split_images_takes_file_names():
    names = [f"{i}.png" for i in range(60)]
    (x_train, y_train), _, (x_test, _) = split_images(names, np.arange(60) % 2, 0.1, 0.1)
    assert [int(name[:-4]) % 2 for name in x_train] == y_train.tolist()
    assert len(x_test) == 6


def test_bad_labels():
    with pytest.raises(ValueError, match=r"60 images \(shape \(60, 8, 8\)\) and 59 labels"):
        split_images(np.zeros((60, 8, 8)), np.zeros(59, int))
    with pytest.raises(ValueError, match=r"shape \(60, 10\).*argmax\(axis=1\)"):
        stratified_split(np.zeros((60, 10)))
    with pytest.raises(ValueError, match="no labels"):
        stratified_split([])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (None, TypeError, "labels must be an array or a list, but is None"),
        ((i % 2 for i in range(60)), TypeError, r"generator. Use list\("),
        (np.ma.array([0, 1] * 30, mask=[0, 1] * 30), ValueError, "labels has 30 masked values"),
        ([[0], [0, 1]], ValueError, "different shapes"),
        ([0.0, 1.0, np.nan] * 20, ValueError, "20 of the 60 labels are missing"),
        (pd.Series(["cat", "dog", None] * 20), ValueError, "20 of the 60 labels are missing"),
        (pd.Series([0, 1, None] * 20, dtype="Int64"), ValueError, "20 of the 60 labels"),
        (np.array(["2020", "NaT"] * 30, dtype="M8[D]"), ValueError, "30 of the 60 labels"),
    ],
)
@pytest.mark.parametrize("function", [stratified_split, one_hot])
def test_what_are_no_labels(function, labels, error, message):
    with pytest.raises(error, match=message):
        function(labels)


def test_masked_images_are_refused():
    images = np.ma.array(np.zeros((60, 2)), mask=np.eye(60, 2))
    with pytest.raises(ValueError, match="images has 2 masked values"):
        split_images(images, np.arange(60) % 2)


# ------------------------------------------------------------------------- one-hot


def test_one_hot():
    rows = one_hot([1, 0, 3], classes=4)
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]]


def test_one_hot_undoes_argmax():
    labels = np.random.default_rng(0).integers(0, 10, size=500).astype(np.uint8)
    rows = one_hot(labels)
    assert rows.shape == (500, 10)
    assert (rows.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(rows.argmax(axis=1), labels)


def test_one_hot_takes_columns_and_booleans():
    assert one_hot(np.array([[2], [0]])).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot([True, False]).tolist() == [[0, 1], [1, 0]]
    assert one_hot([0], classes=1).tolist() == [[1]]


@pytest.mark.parametrize(
    ("labels", "classes", "error", "message"),
    [
        ([0, 1, -1], 3, ValueError, r"labels\[2\] is -1"),
        ([0, -1], None, ValueError, r"labels\[1\] is -1"),
        ([-2, -1], None, ValueError, r"labels\[0\] is -2"),
        ([0, 3], 3, ValueError, r"0 to 2 for 3 classes, but labels\[1\] is 3"),
        ([0.0, 1.0], 2, TypeError, r"integers, but are float64.*astype\(int\)"),
        (["cat"], None, TypeError, "integers, but are <U3.*return_inverse"),
        (np.eye(3, dtype=int), None, ValueError, "argmax"),
        ([], None, ValueError, "no labels"),
        ([0], 0, ValueError, "classes must be 1 or more, but is 0"),
        ([0], 2.0, TypeError, "classes must be an integer"),
    ],
)
def test_bad_one_hot(labels, classes, error, message):
    with pytest.raises(error, match=message):
        one_hot(labels, classes)


def test_importing_the_module_does_not_import_keras():
    code = "import sys, utils.splits; assert not {'keras', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_the_examples_in_the_docstrings():
    result = doctest.testmod(splits)
    assert result.attempted >= 7
    assert result.failed == 0
