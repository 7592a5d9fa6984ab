"""Tiny files in the formats of the real ones, for the tests of the data layer."""

import gzip
import io
import pickle
import tarfile

import numpy as np

from utils import data

RANDOM = np.random.default_rng(0)


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return header + array.astype(np.uint8).tobytes()


class Python2Pickler(pickle._Pickler):
    """Pickles bytes as Python 2 pickled its strings, as in the official archive."""

    def save_python2_string(self, value):
        if isinstance(value, str):
            value = value.encode("ascii")
        self.write(pickle.BINSTRING + len(value).to_bytes(4, "little") + value)

    dispatch = pickle._Pickler.dispatch | {bytes: save_python2_string, str: save_python2_string}


def python2_pickle(value) -> bytes:
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(value)
    # NumPy had other names then, and described a type with 0 and 1 instead of False and True.
    booleans = pickle.NEWFALSE + pickle.NEWTRUE + pickle.TUPLE3
    integers = pickle.BININT1 + b"\0" + pickle.BININT1 + b"\1" + pickle.TUPLE3
    pickled = stream.getvalue().replace(b"numpy._core.", b"numpy.core.")
    assert b"ndarray" not in pickled or booleans in pickled
    return pickled.replace(booleans, integers)


def cifar_archive(batches: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


MNIST = {
    "x_train": RANDOM.integers(0, 256, (20, 28, 28), np.uint8),
    "y_train": np.arange(20, dtype=np.uint8) % 10,
    "x_test": RANDOM.integers(0, 256, (10, 28, 28), np.uint8),
    "y_test": np.arange(10, dtype=np.uint8),
}
CIFAR_IMAGES = RANDOM.integers(0, 256, (24, 32, 32, 3), np.uint8)  # 5 batches of 4, a test of 4
CIFAR_LABELS = np.arange(24) % 10


def cifar_batch(number: int) -> bytes:
    part = slice(4 * number, 4 * number + 4)
    rows = CIFAR_IMAGES[part].transpose(0, 3, 1, 2).reshape(4, 3072)
    return python2_pickle(
        {b"data": np.ascontiguousarray(rows), b"labels": CIFAR_LABELS[part].tolist()}
    )


def cifar_batches() -> dict[str, bytes]:
    batches = {f"data_batch_{number}": cifar_batch(number - 1) for number in range(1, 6)}
    return {**batches, "test_batch": cifar_batch(5), "readme.html": b"<html>"}


def cifar_subset() -> bytes:
    stream = io.BytesIO()
    np.savez(
        stream,
        x_train=CIFAR_IMAGES[:3],
        y_train=CIFAR_LABELS[:3].astype(np.uint8)[:, None],
        x_test=CIFAR_IMAGES[20:22],
        y_test=CIFAR_LABELS[20:22].astype(np.uint8)[:, None],
    )
    return stream.getvalue()


def contents() -> dict[str, bytes]:
    files = {
        name: gzip.compress(idx(MNIST[part]), mtime=0) for part, name in data.MNIST_FILES.items()
    }
    return {
        **files,
        data.CIFAR10_WHOLE: cifar_archive(cifar_batches()),
        data.CIFAR10_SUBSET: cifar_subset(),
    }
