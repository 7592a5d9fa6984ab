"""Training, validation and test parts (utils/splits.py)."""

import doctest

import numpy as np
import pandas as pd
import pytest

from utils import splits
from utils.batches import windows_and_targets
from utils.splits import split_in_time, stratified_split


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
    used = []
    for part in split_in_time(np.arange(1000), 0.2, 0.2, gap=3):
        x, y = windows_and_targets(part, 20, hop=3, target="next_k", horizon=5)
        used.append(set(x.ravel()) | set(y.ravel()))
    train, validation, test = used
    assert max(train) + 3 < min(validation)
    assert max(validation) + 3 < min(test)


def test_sizes_add_up_streams_stay_together_and_parts_may_be_empty():
    for n in range(10, 200):
        assert np.concatenate(split_in_time(np.arange(n), 0.15, 0.15)).tolist() == list(range(n))
    parts = split_in_time(np.zeros((100, 3)), 0.1, 0.2)
    assert [part.shape for part in parts] == [(70, 3), (10, 3), (20, 3)]
    train, validation, test = split_in_time(np.arange(100), 0, 0.2, gap=5)
    assert (len(train), len(validation), len(test)) == (76, 0, 19)
    assert test[0] - train[-1] == 6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(validation=0.5, test=0.5), ValueError, "leave nothing to train with"),
        (dict(test=100), ValueError, "test=100 / 600"),
        (dict(test="0.1"), TypeError, "test must be a fraction such as 0.15, but is '0.1'"),
        (dict(test=0.01), ValueError, "test part would be empty"),
        (dict(validation=0.45, test=0.54), ValueError, "training part would be empty"),
    ],
)
@pytest.mark.parametrize("function", [split_in_time, stratified_split])
def test_bad_fractions(function, arguments, error, message):
    with pytest.raises(error, match=message):
        function(np.zeros(20, int), **arguments)


@pytest.mark.parametrize(
    ("stream", "gap", "message"),
    [
        (np.arange(20), -1, "gap must be 0 or more, but is -1"),
        (np.arange(20), 10, "gap=10 leaves nothing of a stream of 20 samples"),
        (np.zeros((20, 5, 1)), 0, "not from windows"),
    ],
)
def test_bad_gaps_and_streams(stream, gap, message):
    with pytest.raises(ValueError, match=message):
        split_in_time(stream, gap=gap)


def test_a_stratified_split_keeps_the_proportions_and_follows_the_seed():
    labels = np.array([0] * 600 + [1] * 300 + [2] * 100)
    parts = stratified_split(labels, validation=0.1, test=0.2)
    counts = [np.bincount(labels[part]).tolist() for part in parts]
    assert counts == [[420, 210, 70], [60, 30, 10], [120, 60, 20]]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(1000))
    trains = [stratified_split(labels, seed=seed)[0] for seed in (1, 2, 0, 2**32)]
    assert all((np.diff(train) < 0).any() for train in trains)
    assert len({tuple(train) for train in trains}) == 4
    assert np.array_equal(trains[0], stratified_split(labels, seed=1)[0])


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["cat"] * 50 + ["dog"] * 50)[:, np.newaxis],
        pd.Series(["cat"] * 50 + ["dog"] * 50, dtype="category"),
        pd.DataFrame({"label": [0] * 50 + [1] * 50}),
        [True] * 50 + [False] * 50,
    ],
)
def test_labels_of_every_kind(labels):
    for validation, sizes in ((0.2, [30, 10, 10]), (0, [40, 0, 10])):
        parts = stratified_split(labels, validation, 0.2)
        assert [np.sum(part < 50) for part in parts] == sizes


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (["cat"] * 50 + ["dog"] * 50 + ["newt"] * 2, ValueError, "'newt' has only 2 of the 102"),
        (np.arange(100) % 20, ValueError, r"20 classes can be in each part.*test 15"),
        (np.zeros((60, 10)), ValueError, r"shape \(60, 10\).*argmax\(axis=1\)"),
        (np.ma.array([0, 1] * 30, mask=[0, 1] * 30), ValueError, "labels has 30 masked values"),
        ([0.0, 1.0, np.nan] * 20, ValueError, "20 of the 60 labels are missing"),
        (pd.Series(["cat", "dog", None] * 20), ValueError, "20 of the 60 labels are missing"),
    ],
)
def test_bad_labels(labels, error, message):
    with pytest.raises(error, match=message):
        stratified_split(labels)


def test_the_examples_in_the_docstrings():
    result = doctest.testmod(splits)
    assert result.attempted and not result.failed
