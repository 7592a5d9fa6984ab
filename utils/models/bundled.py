"""Read files that come with the course, and say so plainly if one is missing or damaged."""

import hashlib
from pathlib import Path

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
