"""Files as their authors publish them: read from the official address, or from a mirror."""

import hashlib
import urllib.request
from pathlib import Path


def read(name: str, address: str, sha256: str, mirror: Path | None) -> bytes:
    """Return a file's content.

    Args:
        name: Its path in a mirror.
        address: Where it is published; asked only if there is no mirror.
        sha256: What its content must have.
        mirror: A folder laid out like a mirror.

    Raises:
        OSError: It cannot be read, or the address cannot be reached.
        ValueError: The content is another.
    """
    if mirror:
        content = (mirror / name).read_bytes()
    else:
        with urllib.request.urlopen(address, timeout=60) as answer:
            content = answer.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{name} from {mirror or address} is not the expected file.")
    return content
