"""Get SqueezeNet's weights and the names of ImageNet's classes, and write both to data/weights.

    python -m tools.weights.get_squeezenet [FOLDER]

The files come from their official addresses, or from a folder laid out like a mirror; each is used
only if its sha256 is the one below. The weights are kept as they are; of the names, only the words
are kept, one a line, and two that stand for two classes each are told apart.
"""

import json
import pathlib
import sys

from tools.weights import official
from utils.common.files import write_atomically
from utils.models import squeezenet

FILES = {  # name in a mirror: official address, sha256
    "weights/compressed_SqueezeNet.net": (
        "https://raw.githubusercontent.com/songhan/SqueezeNet-Deep-Compression/"
        "fb13faa2cf121ced9999f8a9d538ec6c56084733/compressed_SqueezeNet.net",
        squeezenet.SHA256,
    ),
    "weights/imagenet_class_index.json": (
        "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
        "a1e7a966a1f601d39e4b43e119b3e7dd4a2ad3ea08cf69847cbaf021013767bc",
    ),
}
# The words of these classes are those of another class, too.
UNIQUE = {134: "crane (bird)", 517: "crane (machine)", 638: "maillot", 639: "tank suit"}


def names_of(index: bytes) -> list[str]:
    """Return the 1000 names from ImageNet's index: number -> (WordNet id, words)."""
    words = {int(number): words for number, (_, words) in json.loads(index).items()}
    return [UNIQUE.get(number, words[number].replace("_", " ")) for number in range(1000)]


def main(arguments: list[str]) -> None:
    """Write both files. Raise OSError, or ValueError if the content is another."""
    mirror = pathlib.Path(arguments[0]) if arguments else None
    weights, index = (official.read(name, *FILES[name], mirror) for name in FILES)
    write_atomically(squeezenet.WEIGHTS, weights)
    write_atomically(squeezenet.CLASSES, ("\n".join(names_of(index)) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:])
