"""The file formats that the datasets come in: IDX (MNIST) and CIFAR-10's archive."""

import gzip
import hashlib
import io
import math
import os
import pickle
import tarfile
import zlib
from pathlib import Path

import numpy as np

from utils.common.errors import DataError

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """Read an array from an IDX file, the format of MNIST (gzip-compressed or not).

    Such a file has the bytes 0, 0, a code for the type, the number of dimensions; then the
    length of each dimension as a big-endian 32-bit integer; then the values.

    Returns:
        An array with the file's shape and its type, in native byte order.

    Raises:
        DataError: The file is missing, truncated, or not an IDX file.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as problem:
        raise DataError(
            f"{path} cannot be read ({problem}). If it is there, delete it and fetch it again."
        ) from problem
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise DataError(
            f"{path} is not an IDX file: it starts with {content[:4].hex(' ') or 'nothing'}, "
            "expected 00 00, a type code (08 for unsigned bytes) and the number of dimensions."
        )
    value_type = np.dtype(IDX_TYPES[content[2]])
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise DataError(f"{path} is cut short: it ends within its header of {header} bytes.")
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    expected = header + math.prod(shape) * value_type.itemsize
    if len(content) != expected:
        raise DataError(
            f"{path} holds {len(content)} bytes, but its header announces an array of shape "
            f"{shape}, which takes {expected}. Delete it and fetch it again."
        )
    values = np.frombuffer(content, value_type, offset=header)
    return values.reshape(shape).astype(value_type.newbyteorder("="))


def idx_bytes(array: np.ndarray) -> bytes:
    """Return an array of values from 0 to 255 in the IDX format, as unsigned bytes."""
    header = bytes([0, 0, 0x08, array.ndim])
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return header + lengths + array.astype(np.uint8).tobytes()


class _PlainUnpickler(pickle.Unpickler):
    """Reads arrays, bytes, numbers, lists and dictionaries, and refuses everything else."""

    def find_class(self, module: str, name: str):
        # NumPy's names from the time of Python 2 and those of today.
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            # The old pickles pass 0 and 1, where some newer versions of NumPy warn and expect bool.
            return lambda code, align, copy: np.dtype(code, align=bool(align), copy=bool(copy))
        raise pickle.UnpicklingError(f"{module}.{name} has no place in this file")


def read_cifar10_archive(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Read the official archive of CIFAR-10: six pickled batches in a tar.

    Unpickling can run any code, so the sha256 of the very file that is open is checked first,
    and even then only plain data is unpickled.

    Args:
        path: The archive.
        sha256: The expected digest, in hexadecimal.

    Returns:
        `x_train` and `x_test` of shape (samples, 32, 32, 3), uint8, RGB; `y_train` and `y_test`
        of shape (samples,).

    Raises:
        DataError: The file is not the one in the registry, or its content is unexpected.
    """
    batches = {}
    try:
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise DataError(f"{path} is not the archive of the registry. Delete it.")
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                for member in archive:
                    name = member.name.split("/")[-1]
                    if member.isfile() and (name == "test_batch" or name.startswith("data_batch")):
                        content = io.BytesIO(archive.extractfile(member).read())
                        batches[name] = _PlainUnpickler(content, encoding="bytes").load()
        training = [batches[f"data_batch_{number}"] for number in range(1, 6)]
        x_train, y_train = _join_batches(training)
        x_test, y_test = _join_batches([batches["test_batch"]])
    except (
        OSError,
        EOFError,
        tarfile.TarError,
        pickle.PickleError,
        LookupError,
        ValueError,
    ) as error:
        raise DataError(f"{path} cannot be read: {error!r}.") from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _join_batches(batches: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Return images (samples, 32, 32, 3) and labels (samples,) of several batches.

    A row of a batch has 3072 bytes: 1024 of red, 1024 of green, 1024 of blue.
    """
    rows = np.concatenate([batch[b"data"] for batch in batches])
    labels = np.concatenate([batch[b"labels"] for batch in batches])
    images = rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images, but {len(labels)} labels")
    return np.ascontiguousarray(images, dtype=np.uint8), labels
