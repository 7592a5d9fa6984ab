"""Make the bundled word vectors, tests, reviews and merges: data/samples/glove.npz and .bz2 files.

    COURSE_DATA_MIRROR=… python -m tools.weights.make_word_samples

Vectors are rounded to steps of an eighth of each dimension's standard deviation: analogies and
similarities stay the same within a per cent. Of GPT-2's merges, the first 18,000 are
kept. The other files are whole.
"""

import bz2

import numpy as np

from utils.data import fetch, merges, words
from utils.data.fetching.places import SAMPLES

STEPS_PER_DEVIATION = 8


def main() -> None:
    """Write all files."""
    names, vectors = words.read_glove(fetch(words.GLOVE))
    steps = (vectors.std(axis=0) / STEPS_PER_DEVIATION).astype("float32")
    codes = np.round(vectors / steps).clip(-127, 127).astype("int8").T  # Shape: (50, words)
    letters = np.frombuffer("\n".join(names).encode(), "uint8")
    target = SAMPLES / "glove.npz"
    np.savez_compressed(target, words=letters, codes=codes, steps=steps)
    print(f"{target.name}: {len(names):,} words, {target.stat().st_size:,} bytes")
    for file in (words.ANALOGIES, words.SIMILARITIES, *words.REVIEWS):
        target = words.sample_file(file)
        target.write_bytes(bz2.compress(fetch(file).read_bytes()))
        print(f"{target.name}: {target.stat().st_size:,} bytes")
    lines = fetch(merges.MERGES).read_bytes().split(b"\n")[: merges.IN_SAMPLE + 1]
    merges.MERGES_SAMPLE.write_bytes(bz2.compress(b"\n".join(lines) + b"\n"))
    print(f"{merges.MERGES_SAMPLE.name}: {merges.MERGES_SAMPLE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
