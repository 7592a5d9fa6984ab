"""Read files of weights that come with the course, and write them."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from utils.common.errors import DataError

WEIGHTS = Path(__file__).resolve().parents[2] / "data" / "weights"


def read(path: Path, sha256: str) -> bytes:
    """Return the content of a file that is part of the course.

    Raises:
        DataError: It is missing, cannot be read, or its sha256 is another.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise DataError(
            f"A file of weights cannot be read ({problem.strerror}): {path}. "
            "It is part of the course: get this file again."
        ) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(
            f"{path} is damaged: its sha256 is not the expected one. It is part of the course: "
            "delete it and get it again, for example with: git checkout data/weights"
        )
    return content


def restore(net: Any, path: Path) -> Any:
    """Give a network, a Keras model as it was when it was saved, its weights; return it."""
    with np.load(path) as file:
        net.set_weights([file[name].astype("float32") for name in sorted(file)])
    return net


def save(net: Any, path: Path) -> None:
    """Write a network's weights, in float16, and say how large that is."""
    weights = {f"{i:02}": weight.astype("float16") for i, weight in enumerate(net.get_weights())}
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **weights)
    print(f"{path.name}: {path.stat().st_size:,} bytes, {net.count_params():,} weights")
