"""Windows and their targets (utils/batches/__init__.py)."""

import doctest
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from utils import batches
from utils.batches import (
    window_dataset,
    windows,
    windows_and_targets,
)
from utils.splits import split_in_time

REPOSITORY = Path(__file__).resolve().parents[2]


def random_cases(n=150):
    """(stream, timesteps, hop, horizon) of many sizes, the smallest included."""
    rng = np.random.default_rng(7)
    for _ in range(n):
        samples, streams = rng.integers(1, 60), rng.integers(1, 5)
        timesteps, hop, horizon = rng.integers(1, 12), rng.integers(1, 15), rng.integers(1, 8)
        stream = rng.normal(size=(samples, streams)).astype(np.float32)
        if timesteps + horizon <= samples:
            yield stream, int(timesteps), int(hop), int(horizon)


def loop_over_windows(stream, timesteps, hop, horizon=0):
    """The definition, sample by sample: a list of (window, future) pairs."""
    pairs, start = [], 0
    while start + timesteps + horizon <= len(stream):
        end = start + timesteps
        pairs.append((stream[start:end], stream[end : end + horizon]))
        start += hop
    return pairs


# ------------------------------------------------------------------------- windows


def test_the_table_of_the_lecture():
    """Row i holds samples i·s + 1 … i·s + m, for samples that are numbered from 1."""
    m, s = 5, 3
    stream = np.arange(1, 21)
    x = windows(stream, timesteps=m, hop=s)
    assert x.shape == (6, 5, 1)
    for i, row in enumerate(x[:, :, 0]):
        assert row[0] == i * s + 1
        assert row[-1] == i * s + m
    assert x[1, :, 0].tolist() == [4, 5, 6, 7, 8]


def test_parallel_streams_stay_in_their_columns():
    stream = np.stack([np.arange(10), np.arange(10) + 100, np.arange(10) + 200], axis=1)
    x = windows(stream, timesteps=4, hop=2)
    assert x.shape == (4, 4, 3)
    assert x[1].tolist() == [[2, 102, 202], [3, 103, 203], [4, 104, 204], [5, 105, 205]]


def test_windows_equal_the_loop():
    cases = 0
    for stream, timesteps, hop, _ in random_cases():
        expected = np.stack([w for w, _ in loop_over_windows(stream, timesteps, hop)])
        x = windows(stream, timesteps, hop)
        np.testing.assert_array_equal(x, expected)
        assert len(x) == (len(stream) - timesteps) // hop + 1
        cases += 1
    assert cases > 80


@pytest.mark.parametrize("shape", [(1000,), (1000, 3)])
def test_windows_are_read_only_views(shape):
    stream = np.zeros(shape, np.float32)
    x = windows(stream, timesteps=100, hop=1)
    assert np.shares_memory(x, stream)
    assert not x.flags.writeable
    stream[5] = 7  # a view sees what changes below it
    assert (x[0, 5] == 7).all()


def test_windows_of_a_stream_that_is_itself_a_strided_view():
    stream = np.arange(60).reshape(20, 3)[::-2, ::2]
    x = windows(stream, timesteps=3, hop=4)
    assert np.shares_memory(x, stream)
    np.testing.assert_array_equal(x, [w for w, _ in loop_over_windows(stream, 3, 4)])


def test_windows_of_a_file_on_disk(tmp_path):
    on_disk = np.memmap(tmp_path / "stream.bin", np.int16, mode="w+", shape=(50,))
    on_disk[:] = np.arange(50)
    x = windows(on_disk, timesteps=10, hop=10)
    assert np.shares_memory(x, on_disk)
    assert x[3, :, 0].tolist() == list(range(30, 40))


def test_nan_is_allowed_and_stays_where_it_is():
    stream = np.arange(8.0)
    stream[4] = np.nan
    x, y = windows_and_targets(stream, 2, target="mean", horizon=2)
    assert np.isnan(x).sum() == 2
    np.testing.assert_array_equal(np.isnan(y[:, 0]), [False, True, True, False, False])


# ------------------------------------------------------------------------- targets


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int64, bool])
@pytest.mark.parametrize("target", ["next", "next_k", "mean", "trend"])
def test_targets_equal_the_loop(target, dtype):
    cases = 0
    for stream, timesteps, hop, horizon in random_cases(60):
        if target == "next":
            horizon = 1
        if target == "trend" and horizon == 1:
            continue
        stream = (stream * 100).astype(dtype)
        pairs = loop_over_windows(stream, timesteps, hop, horizon)
        x, y = windows_and_targets(stream, timesteps, hop, target, horizon)
        np.testing.assert_array_equal(x, [w for w, _ in pairs])
        expected = np.stack([naive_target(target, future) for _, future in pairs])
        assert y.shape == expected.shape
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)
        cases += 1
    assert cases > 25


def naive_target(target, future):
    """(horizon, streams) -> the target of one window."""
    if target == "next":
        return future[0]
    if target == "next_k":
        return future
    if target == "mean":
        return future.astype(float).mean(axis=0)
    return np.polyfit(np.arange(len(future)), future.astype(float), deg=1)[0]


def test_the_targets_by_hand():
    stream = np.array([0.0, 1.0, 2.0, 4.0, 8.0, 16.0])
    assert windows_and_targets(stream, 4)[1].tolist() == [[8], [16]]
    assert windows_and_targets(stream, 3, target="next_k", horizon=3)[1].tolist() == [
        [[4], [8], [16]]
    ]
    assert windows_and_targets(stream, 3, target="mean", horizon=2)[1].tolist() == [[6], [12]]
    assert windows_and_targets(stream, 3, target="trend", horizon=2)[1].tolist() == [[4], [8]]


def test_the_trend_of_a_straight_line_is_its_slope_whatever_its_height():
    stream = 1e6 - 0.25 * np.arange(200)
    y = windows_and_targets(stream, 10, target="trend", horizon=50)[1]
    np.testing.assert_allclose(y, -0.25, atol=1e-7)


def test_next_and_next_k_are_views():
    stream = np.zeros((500, 2))
    for target, horizon in (("next", 1), ("next_k", 20)):
        x, y = windows_and_targets(stream, 30, target=target, horizon=horizon)
        assert np.shares_memory(x, stream)
        assert np.shares_memory(y, stream)
        assert not y.flags.writeable


def test_the_mean_is_exact_where_float32_sums_are_not():
    # 2**24 + 1 is no float32: a float32 sum of this stream loses every single one.
    stream = np.ones(300, np.float32)
    stream[100] = 2**24
    y = windows_and_targets(stream, 100, hop=300, target="mean", horizon=200)[1]
    assert y.dtype == np.float32
    assert y[0, 0] == np.float32((2**24 + 199) / 200)


@pytest.mark.parametrize(
    ("given", "returned"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.int16, np.float32),
        (np.int64, np.float64),
    ],
)
def test_the_dtype_of_means(given, returned):
    y = windows_and_targets(np.arange(20).astype(given), 3, target="mean", horizon=2)[1]
    assert y.dtype == returned


@pytest.mark.parametrize("target", ["mean", "trend", lambda future: future.max(axis=1)])
def test_many_chunks_give_what_one_gives(target, monkeypatch):
    stream = np.random.default_rng(0).normal(size=(500, 2))
    whole = windows_and_targets(stream, 20, 3, target, horizon=10)[1]
    monkeypatch.setattr(batches, "_CHUNK_VALUES", 70)  # 3 windows at a time
    np.testing.assert_array_equal(windows_and_targets(stream, 20, 3, target, horizon=10)[1], whole)


def test_the_mean_takes_no_memory_for_the_windows():
    stream = np.zeros(200_000, np.float32)  # its futures, copied, would be 800 MB
    tracemalloc.start()
    windows_and_targets(stream, 10, target="mean", horizon=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_target_stream_selects_one_and_keeps_the_axis():
    stream = np.stack([np.arange(10.0), np.arange(10.0) * 10, np.arange(10.0) * 100], axis=1)
    for target_stream in (1, -2):
        x, y = windows_and_targets(stream, 4, target_stream=target_stream)
        assert x.shape == (6, 4, 3)
        assert y[:, 0].tolist() == [40, 50, 60, 70, 80, 90]
    assert windows_and_targets(stream, 4, target_stream=0)[1].shape == (6, 1)


def test_a_pattern_sees_the_future_only():
    seen = []

    def pattern(future):
        seen.append(future.copy())
        return future[:, -1, 0] > future[:, 0, 0]

    y = windows_and_targets(np.array([0, 9, 1, 2, 5, 3]), 2, target=pattern, horizon=2)[1]
    assert np.concatenate(seen)[:, :, 0].tolist() == [[1, 2], [2, 5], [5, 3]]
    assert y.tolist() == [True, True, False]


def test_a_pattern_cannot_change_the_stream():
    def pattern(future):
        future[:] = 0
        return future

    stream = np.ones(10)
    with pytest.raises(ValueError, match="read-only"):
        windows_and_targets(stream, 2, target=pattern)
    assert (stream == 1).all()


def test_a_pattern_must_return_one_row_per_window():
    with pytest.raises(ValueError, match=r"one row per window.*\(7, 2, 1\).*future.max\(axis=1\)"):
        windows_and_targets(np.arange(10), 2, target=lambda future: future.max(), horizon=2)
    with pytest.raises(ValueError, match="one row per window"):
        windows_and_targets(np.arange(10), 2, target=lambda future: future.max(axis=0), horizon=2)


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (np.array(["up"]), np.array(["down"])),
        (np.array([b"up"]), np.array([b"down"])),
        (np.int8([1]), np.int64([300])),
        (np.int64([1]), np.array([0.5])),
        (np.float32([0.5]), np.array([1e300])),
        (np.array([True]), np.int16([7])),
        (np.uint8([200]), np.int8([-1])),
        (np.array([0.5]), np.array([1 + 2j])),
        (np.array(["2020-01-02"], "M8[D]"), np.array(["2020-01-02T03:04"], "M8[m]")),
        (np.array([1], "m8[s]"), np.array([1], "m8[ns]")),
        (np.array([1]), np.array([None])),
        (np.array(["a"]), np.array([{"b"}])),
        (np.int8([[1, 2]]), np.int32([[3, 70_000]])),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_later_part_of_another_dtype_stays_as_it_is(early, late, swapped, monkeypatch):
    if swapped:
        early, late = late, early

    def pattern(future):
        return early if future[0, 0, 0] < 5 else late

    dataset = window_dataset(np.arange(10), 2, 1, target=pattern)
    monkeypatch.setattr(batches, "_CHUNK_VALUES", 1)
    y = windows_and_targets(np.arange(10), 2, target=pattern)[1]
    assert y.tolist() == np.concatenate([early.astype(y.dtype)] * 3 + [late] * 5).tolist()
    assert (y == [dataset[i][1][0] for i in range(8)]).all()  # and so says the other way


def test_a_dtype_that_follows_the_values_of_a_long_stream():
    stream = np.r_[np.full(290_000, 1.0), np.full(10_000, 9.0)]

    def width(future):
        counts = (future > 5).sum(axis=1) * 300
        return counts.astype(np.min_scalar_type(counts.max()))

    assert np.unique(windows_and_targets(stream, 10, target=width)[1]).tolist() == [0, 300]
    labels = windows_and_targets(
        stream, 10, target=lambda future: ["high" if v > 5 else "low" for v in future[:, 0, 0]]
    )[1]
    assert np.unique(labels, return_counts=True)[1].tolist() == [10_000, 289_990]
    assert np.unique(labels).tolist() == ["high", "low"]


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (np.array([1]), np.array(["down"])),
        (np.array(["2020-01-02"], "M8[D]"), np.array([5])),
        (np.array([1], "m8[s]"), np.array([5])),
        (np.array(["up"]), np.array([b"up"])),
        (np.int64([2**53 + 1]), np.array([0.5])),
        (np.uint64([2**63 + 1]), np.int64([-1])),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_parts_that_no_dtype_holds_are_an_error(early, late, swapped, monkeypatch):
    if swapped:
        early, late = late, early
    monkeypatch.setattr(batches, "_CHUNK_VALUES", 1)
    both = f"{early.dtype} for some windows and {late.dtype} for others"
    with pytest.raises(TypeError, match=re.escape(both)):
        windows_and_targets(
            np.arange(10), 2, target=lambda future: early if future[0, 0, 0] < 5 else late
        )


@pytest.mark.parametrize("shape", [(1,), (2, 1), (3,), ()])
def test_rows_of_several_shapes_are_an_error(shape, monkeypatch):
    def pattern(future):
        return np.zeros((1, 2) if future[0, 0, 0] < 5 else (1, *shape))

    dataset = window_dataset(np.arange(10), 2, 1, target=pattern)
    with pytest.raises(ValueError, match=r"shape \(2,\) for some .* for others"):
        list(dataset)
    monkeypatch.setattr(batches, "_CHUNK_VALUES", 1)
    with pytest.raises(ValueError, match=r"shape \(2,\) for some .* for others"):
        windows_and_targets(np.arange(10), 2, target=pattern)


def test_a_pattern_may_reuse_its_array(monkeypatch):
    monkeypatch.setattr(batches, "_CHUNK_VALUES", 1)
    room = np.zeros((1, 1))

    def pattern(future):
        room[:] = future[:, 0]
        return room

    assert windows_and_targets(np.arange(6), 2, target=pattern)[1].ravel().tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (None, TypeError, "target returns must be an array or a list, but is None"),
        ("up", TypeError, "but is of type str"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), ValueError, "target returns has 1 masked value"),
        ([[1], [1, 2]], ValueError, "target returns is a list whose entries have different shapes"),
    ],
)
def test_what_a_pattern_must_not_return(returned, error, message):
    for call in (windows_and_targets, lambda *a, **o: window_dataset(*a, 2, **o)[0]):
        with pytest.raises(error, match=message):
            call(np.arange(4), 2, target=lambda future: returned)


# ------------------------------------------------------------------------- what is a stream


@pytest.mark.parametrize(
    ("stream", "error", "message"),
    [
        (None, TypeError, "The stream must be an array or a list, but is None. Check where"),
        ((i for i in range(9)), TypeError, r"of type generator. Use list\(...\) of it"),
        (map(int, "123456789"), TypeError, r"of type map. Use list\("),
        ({1, 2, 3}, TypeError, r"of type set. Use list\("),
        ({"a": [1, 2, 3]}, TypeError, "of type dict. Take one of its entries"),
        ("some text", TypeError, "of type str"),
        (b"some bytes", TypeError, "of type bytes"),
        (scipy.sparse.csr_matrix(np.eye(9)), TypeError, r"csr_matrix. Use its .toarray\(\)"),
        (scipy.sparse.coo_array(np.eye(9)), TypeError, r"coo_array. Use its .toarray\(\)"),
        ([[1, 2], [3]], ValueError, "a list whose entries have different shapes"),
        ([np.arange(9), np.arange(8)], ValueError, "a list whose entries have different shapes"),
        (5, ValueError, r"this one has shape \(\)"),
        (np.array(5.0), ValueError, r"this one has shape \(\)"),
        (np.ma.array(np.arange(9.0), mask=np.arange(9) == 4), ValueError, "has 1 masked value"),
        (np.ma.array(np.ones((9, 2), int), mask=True), ValueError, "has 18 masked values"),
        ([np.ma.array([1.0, 2.0], mask=[0, 1])] * 3, ValueError, "has 3 masked values"),
        ([1.0, 2.0, np.ma.masked], ValueError, "has 1 masked value"),
    ],
)
def test_what_is_no_stream(stream, error, message):
    for call in (windows, windows_and_targets, lambda *a: window_dataset(*a, 2), _split):
        with pytest.raises(error, match=message):
            call(stream, 2)


def _split(stream, _):
    return split_in_time(stream)


COUNTS = pd.Series([1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (range(1, 7), [1, 2, 3, 4, 5, 6]),
        (bytearray([1, 2, 3]), [1, 2, 3]),
        (np.ma.array([1.0, 2.0, 3.0]), [1, 2, 3]),
        ([np.ma.array([1.0, 2.0]), np.ma.array([3.0, 4.0])], [[1, 2], [3, 4]]),
        (COUNTS, COUNTS.tolist()),
        (COUNTS.astype("Int64"), COUNTS.tolist()),
        (pd.Series([1, None, 3], dtype="Int64"), [1, np.nan, 3]),
        (pd.Series([0.5, None, 3], dtype="Float32"), [0.5, np.nan, 3]),
        (pd.Series([True, None, False], dtype="boolean"), [1, np.nan, 0]),
        (pd.Series([0.5, np.nan, 3]), [0.5, np.nan, 3]),
        (
            pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, np.nan]}),
            [[1, 0.5], [np.nan, np.nan]],
        ),
        (pd.DataFrame({"a": [0.5, 1.5], "b": [True, False]}), [[0.5, 1], [1.5, 0]]),
    ],
)
def test_what_is_a_stream(stream, expected):
    x, y = windows_and_targets(stream, 1, target="mean")
    expected = np.reshape(expected, (len(expected), -1))
    np.testing.assert_array_equal(x[:, 0], expected[:-1])
    np.testing.assert_array_equal(y, expected[1:])
    assert x.dtype.kind in "iuf" and not isinstance(x, np.ma.MaskedArray)


def test_what_are_no_numbers_stays_as_it_is():
    table = pd.DataFrame({"a": [1, 2, 3], "b": list("xyz")})
    assert windows_and_targets(table, 2)[1].tolist() == [[3, "z"]]
    days = pd.Series(pd.date_range("2020-01-01", periods=3))
    assert windows_and_targets(days, 2)[1][0, 0] == days[2]


def test_a_column_is_told_by_its_number():
    table = pd.DataFrame({"x": [1.0, 2, 3], "y": [4.0, 5, 6]})
    with pytest.raises(TypeError, match=r"0 to 1, but is 'y'.*columns.get_loc\('y'\)"):
        windows_and_targets(table, 2, target_stream="y")
    number = table.columns.get_loc("y")
    assert windows_and_targets(table, 2, target_stream=number)[1].tolist() == [[6]]


# ------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(stream=np.zeros((9, 3, 2))), ValueError, r"\(9, 3, 2\).*not from windows"),
        (dict(stream=np.float32(3)), ValueError, r"shape \(samples,\).*shape \(\)"),
        (dict(stream=[]), ValueError, "stream is empty"),
        (dict(stream=np.zeros((9, 0))), ValueError, "stream is empty"),
        (dict(timesteps=0), ValueError, "timesteps must be 1 or more, but is 0"),
        (dict(timesteps=2.0), TypeError, r"timesteps must be an integer.*2.0 \(float\).*int"),
        (dict(timesteps=True), TypeError, "timesteps must be an integer"),
        (dict(timesteps=11), ValueError, "stream has 10 samples, but a window of 11"),
        (dict(hop=0), ValueError, "hop must be 1 or more, but is 0"),
        (dict(hop=-2), ValueError, "hop must be 1 or more, but is -2"),
        (dict(hop="2"), TypeError, "hop must be an integer"),
        (dict(stream=np.zeros((3, 800)), timesteps=5), ValueError, "pass stream.T"),
    ],
)
@pytest.mark.parametrize("function", [windows, windows_and_targets])
def test_bad_windows(function, arguments, error, message):
    with pytest.raises(error, match=message):
        function(**{"stream": np.arange(10), "timesteps": 2, **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(target="trent"), ValueError, "no target 'trent'.*Did you mean 'trend'?"),
        (dict(target="xyzzy"), ValueError, "'next', 'next_k', 'mean', 'trend', or a callable"),
        (dict(target=3), TypeError, "or a callable, but is 3"),
        (dict(target=None), TypeError, r"call windows\("),
        (dict(target="mean", horizon=0), ValueError, "horizon must be 1 or more, but is 0"),
        (dict(target="mean", horizon=1.5), TypeError, "horizon must be an integer"),
        (dict(target="next", horizon=3), ValueError, "Use target='next_k' for the next 3"),
        (dict(target="trend", horizon=1), ValueError, "at least two points"),
        (dict(target="mean", horizon=9), ValueError, "target 9 samples ahead need 11 samples"),
        (dict(timesteps=10), ValueError, "10 samples, but .* need 11 samples"),
        (dict(target_stream=1), ValueError, "target_stream is 1, but there are 1 streams"),
        (dict(target_stream=-2), ValueError, "target_stream must be -1 or more"),
        (dict(stream=list("a stream of text"), target="mean"), TypeError, "real numbers.*<U1"),
    ],
)
def test_bad_targets(arguments, error, message):
    with pytest.raises(error, match=message):
        windows_and_targets(**{"stream": np.arange(10), "timesteps": 2, **arguments})


# ------------------------------------------------------------------------- window_dataset


def collect(dataset):
    """All batches of a dataset, put together: (x, y)."""
    x, y = zip(*(dataset[i] for i in range(len(dataset))), strict=True)
    return np.concatenate(x), np.concatenate(y)


@pytest.mark.parametrize("target", ["next", "next_k", "mean", "trend", lambda f: f[:, -1, 0] > 0])
def test_the_batches_are_those_of_windows_and_targets(target):
    stream = np.random.default_rng(1).normal(size=(200, 2)).astype(np.float32)
    horizon = 1 if target == "next" else 5
    dataset = window_dataset(stream, 12, 16, hop=3, target=target, horizon=horizon)
    x, y = collect(dataset)
    x_direct, y_direct = windows_and_targets(stream, 12, 3, target, horizon)
    np.testing.assert_array_equal(x, x_direct)
    np.testing.assert_allclose(y, y_direct, rtol=1e-6)
    assert dataset.n_windows == len(x_direct)
    assert [len(dataset[i][0]) for i in range(3)] == [16, 16, 16]
    assert len(dataset) == 4
    assert all(part.flags.c_contiguous for part in dataset[0])


def test_the_last_batch():
    stream = np.arange(50)  # 40 windows
    assert [len(x) for x, _ in window_dataset(stream, 10, 16)] == [16, 16, 8]
    assert [len(x) for x, _ in window_dataset(stream, 10, 16, drop_last=True)] == [16, 16]
    assert [len(x) for x, _ in window_dataset(stream, 10, 20)] == [20, 20]
    assert [len(x) for x, _ in window_dataset(stream, 10, 64)] == [40]
    dataset = window_dataset(stream, 10, 16)
    np.testing.assert_array_equal(dataset[-1][0], dataset[2][0])
    for index in (3, -4):
        with pytest.raises(IndexError, match="dataset of 3 batches"):
            dataset[index]


def test_without_targets_all_windows_come():
    dataset = window_dataset(np.arange(50), 10, 16, target=None)
    assert dataset.n_windows == 41
    np.testing.assert_array_equal(np.concatenate(list(dataset)), windows(np.arange(50), 10))


def test_shuffling_keeps_every_window_with_its_target():
    dataset = window_dataset(np.arange(500), 10, 32, shuffle=True)
    epochs = []
    for epoch in range(3):
        assert dataset.epoch == epoch
        x, y = collect(dataset)
        np.testing.assert_array_equal(y, x[:, -1] + 1)
        np.testing.assert_array_equal(np.sort(x[:, 0, 0]), np.arange(490))
        epochs.append(x[:, 0, 0])
        dataset.on_epoch_end()
    assert not np.array_equal(epochs[0], np.arange(490))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[1], epochs[2])


def test_shuffling_is_determined_by_the_seed():
    def two_epochs(seed):
        dataset = window_dataset(np.arange(500), 10, 32, shuffle=True, seed=seed)
        first, _ = collect(dataset)
        dataset.on_epoch_end()
        return np.stack([first, collect(dataset)[0]])

    np.testing.assert_array_equal(two_epochs(seed=5), two_epochs(seed=5))
    assert not np.array_equal(two_epochs(seed=5), two_epochs(seed=6))


def test_bad_datasets():
    with pytest.raises(ValueError, match="batch_size must be 1 or more, but is 0"):
        window_dataset(np.arange(50), 10, 0)
    with pytest.raises(ValueError, match=r"only 40 windows.*Use batch_size=40 or less"):
        window_dataset(np.arange(50), 10, 41, drop_last=True)
    with pytest.raises(TypeError, match="seed must be an integer"):
        window_dataset(np.arange(50), 10, 8, shuffle=True, seed=None)
    with pytest.raises(ValueError, match="Did you mean 'mean'"):
        window_dataset(np.arange(50), 10, 8, target="means")


def linear_model(timesteps):
    import keras

    model = keras.Sequential(
        [
            keras.Input((timesteps, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, kernel_initializer="zeros"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def test_fit_on_a_dataset_equals_fit_on_arrays():
    stream = np.sin(np.arange(300) / 5).astype(np.float32)
    x, y = windows_and_targets(stream, 16, hop=2)
    dataset = window_dataset(stream, 16, batch_size=32, hop=2)
    on_arrays, on_dataset = linear_model(16), linear_model(16)
    expected = on_arrays.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    seen = on_dataset.fit(dataset, epochs=3, shuffle=False, verbose=0, validation_data=dataset)
    np.testing.assert_allclose(seen.history["loss"], expected.history["loss"], rtol=1e-4)
    np.testing.assert_allclose(
        on_dataset.get_weights()[0], on_arrays.get_weights()[0], rtol=1e-4, atol=1e-6
    )
    assert np.abs(on_dataset.get_weights()[0]).max() > 0.01  # it has learnt something


def test_predict_keeps_the_order_and_the_partial_batch():
    stream = np.random.default_rng(2).normal(size=100).astype(np.float32)
    model = linear_model(10)
    model.set_weights([np.ones((10, 1)), np.zeros(1)])
    sums = windows(stream, 10).sum(axis=1)
    for target in (None, "next"):
        dataset = window_dataset(stream, 10, batch_size=32, target=target)
        predictions = model.predict(dataset, verbose=0)
        np.testing.assert_allclose(predictions, sums[: len(predictions)], atol=1e-4)
        assert len(predictions) == dataset.n_windows


def test_fit_shows_every_window_once_an_epoch_in_a_new_order():
    import keras

    first_samples = []

    def spy(future):
        first_samples.extend(future[:, 0, 0])
        return future[:, 0]

    dataset = window_dataset(np.arange(100, dtype="float32"), 4, 16, target=spy, shuffle=True)
    epochs = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epochs.append(dataset.epoch)
    )
    linear_model(4).fit(dataset, epochs=3, verbose=0, callbacks=[note])
    assert np.diff(epochs).tolist() == [1, 1]
    # Keras looks at a few batches before it starts, so the last two epochs are compared.
    second, third = np.split(np.array(first_samples[-2 * 96 :]), 2)
    np.testing.assert_array_equal(np.sort(second), np.arange(4, 100))
    np.testing.assert_array_equal(np.sort(third), np.arange(4, 100))
    assert not np.array_equal(second, third)


def test_importing_the_module_does_not_import_keras():
    code = "import sys, utils.batches; assert not {'keras', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_the_examples_in_the_docstrings():
    result = doctest.testmod(batches)
    assert result.attempted >= 8
    assert result.failed == 0
