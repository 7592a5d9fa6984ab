"""Make the bundled texts: data/samples/shakespeare.txt.bz2, madach.txt.bz2, war_and_peace.txt.bz2.

    COURSE_DATA_MIRROR=… python -m tools.weights.make_text_samples

Of Shakespeare the last 450,000 characters, so that the end, which lesson 07 holds out, is the same
as in the whole text; of Madách the whole play, without the markup of its edition; of War and Peace
the beginning.
"""

import bz2

from tools.weights import plays
from utils.data import texts

CHARACTERS = {
    "shakespeare": slice(-450_000, None),
    "madach": slice(None),
    "war_and_peace": slice(1_250_000),
}


def main() -> None:
    """Write the three files."""
    for name in texts.TEXT_LOADERS:
        text = plays.real_text(name)[CHARACTERS[name]]
        target = texts.sample_file(name)
        target.write_bytes(bz2.compress(text.encode()))
        print(f"{target.name}: {len(text):,} characters, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
