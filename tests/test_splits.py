"""Training, validation and test parts, and one-hot labels (utils/splits.py)."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from utils import splits
from utils.batches import windows_and_targets
from utils.splits import one_hot, split_images, split_in_time, stratified_split

REPOSITORY = Path(__file__).resolve().parents[1]


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
