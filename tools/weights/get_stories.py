"""Get the story model and its pieces, and write both to data/weights.

    python -m tools.weights.get_stories [FOLDER]

The files come from their official addresses, or from a folder laid out like a mirror; each is kept
as it is, and used only if its sha256 is the expected one. (Other copies differ.)
"""

import pathlib
import sys

from tools.weights import official
from utils.common.files import write_atomically
from utils.models import stories

ADDRESS = (
    "https://raw.githubusercontent.com/clebert/llama2.zig/"
    "46af05d7ed3e37b41b9049a4cc5c092c8a683a29/models/tinystories_260k/"
)
FILES = {"stories260K.bin": "checkpoint_legacy.bin", "tok512.bin": "tokenizer.bin"}


def main(arguments: list[str]) -> None:
    """Write both files. Raise OSError, or ValueError if the content is another."""
    mirror = pathlib.Path(arguments[0]) if arguments else None
    for name, published in FILES.items():
        content = official.read(
            f"stories/{name}", ADDRESS + published, stories.SHA256[name], mirror
        )
        write_atomically(stories.FOLDER / name, content)


if __name__ == "__main__":
    main(sys.argv[1:])
