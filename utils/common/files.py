"""Write files whole, and say how large they are."""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a small file whole or not at all, making its folder if needed. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two notebooks may write at once, so each has its own temporary file. It is made in the usual
    # way, not by `tempfile`, so that it gets the permissions that new files get here.
    temporary = path.with_name(f".{path.name[:40]}-{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def format_bytes(count: int) -> str:
    """Return a size in readable form: `28.9 kB`, `170.5 MB`."""
    if count < 1000:
        return f"{count} bytes"
    size = count / 1000
    for unit in ("kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
