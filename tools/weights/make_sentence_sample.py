"""Make the bundled sentences, data/samples/tatoeba_hun.txt.bz2.

    COURSE_DATA_MIRROR=… python -m tools.weights.make_sentence_sample

All short pairs of the test and of the validation part, and every third one of the training part.
"""

import bz2

from utils import data
from utils.data import sentence_pairs

EVERY = 3


def main() -> None:
    """Write the file."""
    lines = data.fetch(sentence_pairs.TATOEBA).read_text(encoding="utf-8").splitlines()
    kept = [
        "\t".join(pair)
        for i, pair in enumerate(sentence_pairs.short_pairs(lines))
        if sentence_pairs.part_of(pair[0]) != "train" or i % EVERY == 0
    ]
    target = sentence_pairs.TATOEBA_SAMPLE
    target.write_bytes(bz2.compress("\n".join(kept).encode()))
    print(f"{target.name}: {len(kept):,} pairs, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
