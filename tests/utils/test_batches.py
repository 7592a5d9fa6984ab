"""Windows and their targets (utils/batches)."""

import doctest
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from conftest import ROOT

from utils.batches import dataset, targets, windowing, windows, windows_and_targets


def naive_pairs(stream, timesteps, hop, horizon=0):
    """The definition, sample by sample: a list of (window, future) pairs."""
    starts = range(0, len(stream) - timesteps - horizon + 1, hop)
    ends = [(start, start + timesteps) for start in starts]
    return [(stream[start:end], stream[end : end + horizon]) for start, end in ends]


def naive_target(target, future):
    """(horizon, streams) -> the target of one window."""
    if target == "next":
        return future[0]
    if target == "next_k":
        return future
    if target == "mean":
        return future.astype(float).mean(axis=0)
    return np.polyfit(np.arange(len(future)), future.astype(float), deg=1)[0]


def test_the_table_of_the_lecture():
    """Row i holds samples i·s + 1 … i·s + m, for samples that are numbered from 1."""
    m, s = 5, 3
    x = windows(np.arange(1, 21), timesteps=m, hop=s)
    assert x.shape == (6, 5, 1)
    assert x[:, 0, 0].tolist() == [i * s + 1 for i in range(6)]
    assert x[:, -1, 0].tolist() == [i * s + m for i in range(6)]


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.int64, bool])
@pytest.mark.parametrize("target", ["next", "next_k", "mean", "trend"])
def test_windows_and_targets_equal_the_loop(target, dtype):
    rng = np.random.default_rng(7)
    for _ in range(30):
        samples, streams = rng.integers(20, 60), rng.integers(1, 5)
        timesteps, hop, horizon = rng.integers(1, 12), rng.integers(1, 15), rng.integers(2, 8)
        horizon = 1 if target == "next" else int(horizon)
        stream = (rng.normal(size=(samples, streams)) * 100).astype(dtype)
        pairs = naive_pairs(stream, timesteps, hop, horizon)
        x, y = windows_and_targets(stream, timesteps, hop, target, horizon)
        np.testing.assert_array_equal(x, [window for window, _ in pairs])
        expected = [naive_target(target, future) for _, future in pairs]
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)
        every_window = [window for window, _ in naive_pairs(stream, timesteps, hop)]
        np.testing.assert_array_equal(windows(stream, timesteps, hop), every_window)


@pytest.mark.parametrize("target", ["next", "next_k"])
def test_windows_and_their_next_values_are_read_only_views(target, tmp_path):
    on_disk = np.memmap(tmp_path / "stream.bin", np.int16, mode="w+", shape=(60, 3))
    for stream in (on_disk, on_disk[::-2, ::2]):
        for view in windows_and_targets(stream, 5, 3, target):
            assert np.shares_memory(view, stream)
            assert not view.flags.writeable


def test_the_mean_is_exact_where_float32_sums_are_not():
    # 2**24 + 1 is not a float32: a float32 sum of this stream loses every single one.
    stream = np.ones(300, np.float32)
    stream[100] = 2**24
    y = windows_and_targets(stream, 100, hop=300, target="mean", horizon=200)[1]
    assert y[0, 0] == np.float32((2**24 + 199) / 200)


@pytest.mark.parametrize("target", ["mean", "trend", lambda future: future.max(axis=1)])
def test_many_chunks_give_what_one_gives(target, monkeypatch):
    stream = np.random.default_rng(0).normal(size=(500, 2))
    whole = windows_and_targets(stream, 20, 3, target, horizon=10)[1]
    monkeypatch.setattr(targets, "CHUNK_VALUES", 70)  # 3 windows at a time
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
        assert y.tolist() == [[40], [50], [60], [70], [80], [90]]


def test_a_pattern_sees_the_future_only_and_cannot_change_it():
    futures = []

    def pattern(future):
        futures.append(future.copy())
        return future[:, -1, 0] > future[:, 0, 0]

    y = windows_and_targets(np.array([0, 9, 1, 2, 5, 3]), 2, target=pattern, horizon=2)[1]
    assert np.concatenate(futures)[:, :, 0].tolist() == [[1, 2], [2, 5], [5, 3]]
    assert y.tolist() == [True, True, False]
    with pytest.raises(ValueError, match="read-only"):
        windows_and_targets(np.ones(10), 2, target=lambda future: future.fill(0))


def first_then(early, late):
    """A pattern that returns `early` for the first windows of np.arange(10), then `late`."""
    return lambda future: early if future[0, 0, 0] < 5 else late


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (np.array(["up"]), np.array(["down"])),
        (np.int8([1]), np.int64([300])),
        (np.int8([[1, 2]]), np.int32([[3, 70_000]])),
    ],
)
def test_a_later_part_of_another_dtype_stays_as_it_is(early, late, monkeypatch):
    monkeypatch.setattr(targets, "CHUNK_VALUES", 1)
    for first, second in ((early, late), (late, early)):
        y = windows_and_targets(np.arange(10), 2, target=first_then(first, second))[1]
        assert y.tolist() == np.concatenate([first.astype(y.dtype)] * 3 + [second] * 5).tolist()


def test_parts_that_do_not_go_together_are_an_error(monkeypatch):
    monkeypatch.setattr(targets, "CHUNK_VALUES", 1)
    words = first_then(np.array([1]), np.array(["down"]))
    with pytest.raises(TypeError, match="int64 for some windows and <U4 for others"):
        windows_and_targets(np.arange(10), 2, target=words)
    rows = first_then(np.zeros((1, 2)), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="treat every window by itself"):
        windows_and_targets(np.arange(10), 2, target=rows)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (range(1, 7), [1, 2, 3, 4, 5, 6]),
        (np.ma.array([1.0, 2.0, 3.0]), [1, 2, 3]),
        (pd.Series([1, None, 3], dtype="Int64"), [1, np.nan, 3]),
        (pd.DataFrame({"a": [0.5, 1.5], "b": [True, False]}), [[0.5, 1], [1.5, 0]]),
    ],
)
def test_what_is_a_stream(stream, expected):
    x = windows(stream, 1)
    np.testing.assert_array_equal(x[:, 0], np.reshape(expected, (len(expected), -1)))
    assert x.dtype.kind in "iuf" and not isinstance(x, np.ma.MaskedArray)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(stream=None), TypeError, "must be an array or a list, but is None"),
        (dict(stream=(i for i in range(9))), TypeError, r"of type generator. Use list\(...\) of"),
        (dict(stream=scipy.sparse.csr_matrix(np.eye(9))), TypeError, r"Use its .toarray\(\)"),
        (dict(stream=np.ma.array(np.ones((9, 2)), mask=True)), ValueError, "18 masked values"),
        (dict(stream=np.zeros((9, 3, 2))), ValueError, r"\(9, 3, 2\).*not from windows"),
        (dict(stream=[]), ValueError, "stream is empty"),
        (dict(stream=np.zeros((3, 800)), timesteps=5), ValueError, "pass stream.T"),
        (dict(timesteps=0), ValueError, "timesteps must be 1 or more, but is 0"),
        (dict(timesteps=2.0), TypeError, r"timesteps must be an integer.*2.0 \(float\)"),
        (dict(timesteps=10), ValueError, "10 samples, but .* need 11 samples"),
        (dict(hop=-2), ValueError, "hop must be 1 or more, but is -2"),
        (dict(target="trent"), ValueError, "no target 'trent'.*Did you mean 'trend'?"),
        (dict(target=None), TypeError, r"call windows\("),
        (dict(target="next", horizon=3), ValueError, "Use target='next_k' for the next 3"),
        (dict(target="trend", horizon=1), ValueError, "at least two points"),
        (dict(stream=list("some text"), target="mean"), TypeError, "real numbers.*<U1"),
        (dict(target=lambda f: f.max(), horizon=2), ValueError, r"one row per window.*\(7, 2, 1\)"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        windows_and_targets(**{"stream": np.arange(10), "timesteps": 2, **arguments})


def test_importing_the_modules_does_not_import_keras():
    code = (
        "import sys, utils.batches, utils.splits; assert not {'keras', 'sklearn'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("module", [dataset, windowing])
def test_the_examples_in_the_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed
