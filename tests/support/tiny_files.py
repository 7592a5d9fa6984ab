"""Tiny files in the formats of the real ones, for the tests of the data layer."""

import gzip
import io
import pickle
import tarfile

import numpy as np
from data_world import TinyFile

from utils.data import images

RANDOM = np.random.default_rng(0)
MNIST = {
    "x_train": RANDOM.integers(0, 256, (20, 28, 28), np.uint8),
    "y_train": np.arange(20, dtype=np.uint8) % 10,
    "x_test": RANDOM.integers(0, 256, (10, 28, 28), np.uint8),
    "y_test": np.arange(10, dtype=np.uint8),
}
CIFAR_IMAGES = RANDOM.integers(0, 256, (24, 32, 32, 3), np.uint8)  # 5 batches of 4, a test of 4
CIFAR_LABELS = np.arange(24) % 10


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


def cifar_batches() -> dict[str, bytes]:
    def batch(number: int) -> bytes:
        part = slice(4 * number, 4 * number + 4)
        rows = np.ascontiguousarray(CIFAR_IMAGES[part].transpose(0, 3, 1, 2).reshape(4, 3072))
        return python2_pickle({b"data": rows, b"labels": CIFAR_LABELS[part].tolist()})

    batches = {f"data_batch_{number}": batch(number - 1) for number in range(1, 6)}
    return {**batches, "test_batch": batch(5), "readme.html": b"<html>"}


def cifar_subset() -> bytes:
    stream = io.BytesIO()
    arrays = {"x_train": CIFAR_IMAGES[:3], "x_test": CIFAR_IMAGES[20:22]}
    labels = {"y_train": CIFAR_LABELS[:3, None], "y_test": CIFAR_LABELS[20:22, None]}
    np.savez(stream, **arrays, **labels)
    return stream.getvalue()


def image_files() -> dict[str, TinyFile]:
    """Return the registry's files of MNIST and CIFAR-10, by name."""
    files = {
        name: TinyFile("mnist", gzip.compress(idx(MNIST[part]), mtime=0))
        for part, name in images.MNIST_FILES.items()
    }
    files[images.CIFAR10_WHOLE] = TinyFile("cifar10", cifar_archive(cifar_batches()))
    files[images.CIFAR10_SUBSET] = TinyFile("cifar10", cifar_subset(), is_official=False)
    return files
