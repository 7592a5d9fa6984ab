"""GPT-2's merges: which two neighbours are joined to one piece, the most important first.

from utils import data

merges = data.load_merges()
merges.pairs[6]                 # ("Ġt", "he"); Ġ stands for the byte 32, a blank
merges.origin.is_sample         # True if only the first 18,000 are there
"""

import bz2
from dataclasses import dataclass

from utils.common.errors import DataError
from utils.data.fetching import sources
from utils.data.fetching.places import SAMPLES
from utils.data.fetching.registry import entry_of
from utils.data.fetching.sources import Origin

MERGES = "gpt2/vocab.bpe"
MERGES_SAMPLE = SAMPLES / "gpt2_merges.bz2"
IN_SAMPLE = 18_000


@dataclass(frozen=True, repr=False)
class Merges:
    """The merges of a byte-pair encoding.

    Attributes:
        pairs: (left, right), in the order in which they were learned. A character stands for a
            byte, as in `utils.byte_pairs`.
        origin: Where they came from.
    """

    pairs: list[tuple[str, str]]
    origin: Origin

    def __repr__(self) -> str:
        return f"Merges({len(self.pairs):,} pairs, from: {self.origin.kind})"


def load_merges() -> Merges:
    """Load the 50,000 merges of GPT-2 (Radford et al. 2019).

    If no source has them, the bundled first 18,000 stand in: what is made of these has its true
    number, other words fall into smaller pieces.
    """
    failures = []
    found = sources.find([MERGES], failures)
    if found:
        pairs = read_merges(found.path.read_text(encoding="utf-8"))
        return Merges(pairs, found.announce(f"{len(pairs):,} merges"))
    pairs = read_merges(bz2.decompress(MERGES_SAMPLE.read_bytes()).decode())
    what = "the first of them, which come with the course; rare words fall into smaller pieces"
    counted, title = f"{len(pairs):,} merges", entry_of(MERGES).title
    return Merges(pairs, sources.announce_sample(title, what, counted, failures))


def read_merges(text: str) -> list[tuple[str, str]]:
    """Read the format of `vocab.bpe`: a line with its version, then `left right` a line.

    Raises:
        DataError: A line is not a pair.
    """
    first, *lines = text.rstrip("\n").split("\n")
    pairs = [tuple(line.split(" ")) for line in lines]
    wrong = [line for line, pair in zip(lines, pairs, strict=True) if len(pair) != 2]
    if not first.startswith("#version") or wrong:
        raise DataError(f"This is no list of merges: {(wrong or [first])[0][:60]!r}.")
    return pairs
