"""`utils.data.formats`: IDX files and the archive of CIFAR-10, whole and damaged."""

import gzip
import hashlib
import os
import pickle
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_files import (
    CIFAR_IMAGES,
    CIFAR_LABELS,
    RANDOM,
    cifar_archive,
    cifar_batches,
    idx,
    python2_pickle,
)

from utils.common.errors import DataError
from utils.data import formats


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(("code", "kind"), [(0x08, "u1"), (0x0B, "i2"), (0x0D, "f4")])
def test_read_idx(tmp_path, compress, code, kind):
    array = np.arange(-3, 21).reshape(2, 3, 4).astype(kind)
    content = bytes([0, 0, code, 3]) + np.array(array.shape, ">i4").tobytes()
    (tmp_path / "x").write_bytes(compress(content + array.astype(f">{kind}").tobytes()))
    values = formats.read_idx(tmp_path / "x")
    np.testing.assert_array_equal(values, array)
    assert values.dtype == np.dtype(kind) and values.dtype.isnative and values.flags.writeable


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], "announces an array of shape"),
        (lambda content: content[:10], "within its header"),
        (lambda content: b"\x89PNG" + content[4:], "not an IDX file: it starts with 89 50 4e 47"),
        (lambda content: b"", "starts with nothing"),
        (lambda content: gzip.compress(content)[:-20], "cannot be read"),
    ],
)
def test_damaged_idx(tmp_path, damage, message):
    content = idx(RANDOM.integers(0, 256, (3, 28, 28)))
    (tmp_path / "x").write_bytes(damage(content))
    with pytest.raises(DataError, match=message) as error:
        formats.read_idx(tmp_path / "x")
    assert str(tmp_path / "x") in str(error.value)
    with pytest.raises(DataError, match="missing cannot be read"):
        formats.read_idx(tmp_path / "missing")


def read_archive(folder: Path, content: bytes, sha256: str | None = None) -> dict:
    path = folder / "cifar.tar.gz"
    path.write_bytes(content)
    return formats.read_cifar10_archive(path, sha256 or hashlib.sha256(content).hexdigest())


def test_cifar10_archive_without_a_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arrays = read_archive(tmp_path, cifar_archive(cifar_batches()))
    np.testing.assert_array_equal(arrays["x_train"], CIFAR_IMAGES[:20])
    np.testing.assert_array_equal(arrays["y_train"], CIFAR_LABELS[:20])
    np.testing.assert_array_equal(arrays["x_test"], CIFAR_IMAGES[20:])


class Evil:
    def __reduce__(self):
        return os.mkdir, (str(Path(tempfile.gettempdir()) / "evil"),)


def test_pickle_that_runs_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    batches = {**cifar_batches(), "test_batch": pickle.dumps({b"data": Evil(), b"labels": []})}
    with pytest.raises(DataError, match="mkdir has no place in this file"):
        read_archive(tmp_path, cifar_archive(batches))
    assert not (tmp_path / "evil").exists()


def test_archive_that_is_not_the_registered_one_is_not_unpickled(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("unpickled")

    monkeypatch.setattr(formats, "_PlainUnpickler", fail)
    with pytest.raises(DataError, match="not the archive of the registry"):
        read_archive(tmp_path, cifar_archive(cifar_batches()), "0" * 64)


@pytest.mark.parametrize(
    "change",
    [
        {"data_batch_3": None},
        {"test_batch": python2_pickle({b"data": np.zeros((2, 3072), "u1"), b"labels": [1]})},
        {"test_batch": python2_pickle({b"data": np.zeros((2, 100), "u1"), b"labels": [1, 2]})},
        {"test_batch": b"no pickle"},
    ],
    ids=["missing batch", "too few labels", "wrong shape", "no pickle"],
)
def test_archive_with_another_content(tmp_path, change):
    batches = {**cifar_batches(), **change}
    archive = cifar_archive({name: content for name, content in batches.items() if content})
    with pytest.raises(DataError, match=r"cifar\.tar\.gz"):
        read_archive(tmp_path, archive)
