"""Sentences and their translations: English and Hungarian, from Tatoeba.

from utils import data

pairs = data.load_tatoeba()
pairs.train[0]                  # ("Go.", "Menj.")
pairs.test                      # English sentences that are nowhere in training
pairs.origin.is_sample          # True if the bundled slice stands in
"""

import bz2
import re
import zlib
from dataclasses import dataclass

from utils.data.fetching import sources
from utils.data.fetching.places import SAMPLES
from utils.data.fetching.registry import entry_of
from utils.data.fetching.sources import Origin

TATOEBA = "tatoeba/hun.txt"
TATOEBA_SAMPLE = SAMPLES / "tatoeba_hun.txt.bz2"
LONGEST = 5  # words, on either side
_WORD = re.compile(r"\w+(?:['’-]\w+)*")

Pair = tuple[str, str]


@dataclass(frozen=True, repr=False)
class SentencePairs:
    """Pairs (English, Hungarian) of short sentences, in three parts.

    A sentence may have several translations: several pairs, all in the same part.
    """

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]
    origin: Origin

    def __repr__(self) -> str:
        sizes = f"{len(self.train):,} + {len(self.validation):,} + {len(self.test):,}"
        return f"SentencePairs({sizes} pairs, from: {self.origin.kind})"


def load_tatoeba() -> SentencePairs:
    """Load English sentences of at most five words with Hungarian translations of at most five.

    The English sentence alone decides on the part, so that no translation of a test sentence is
    in training, and the parts are the same for the file and for its bundled slice.
    """
    failures = []
    found = sources.find([TATOEBA], failures)
    if found:
        lines = found.path.read_text(encoding="utf-8").splitlines()
    else:
        lines = bz2.decompress(TATOEBA_SAMPLE.read_bytes()).decode().splitlines()
    parts = {"train": [], "validation": [], "test": []}
    for pair in short_pairs(lines):
        parts[part_of(pair[0])].append(pair)
    counted = " + ".join(f"{len(part):,}" for part in parts.values()) + " short pairs"
    if found:
        origin = found.announce(counted)
    else:
        what = "a slice of it, which comes with the course"
        origin = sources.announce_sample(entry_of(TATOEBA).title, what, counted, failures)
    return SentencePairs(**parts, origin=origin)


def short_pairs(lines: list[str]) -> list[Pair]:
    """Return the pairs of lines `English TAB Hungarian` that have at most five words a side."""
    pairs = [tuple(line.split("\t")[:2]) for line in lines]
    return [pair for pair in pairs if all(len(_WORD.findall(side)) <= LONGEST for side in pair)]


def part_of(english: str) -> str:
    """Return `test` for 2 % of all English sentences, `validation` for 2 %, else `train`.

    Neither capitals nor punctuation count: "Go!" and "go." are in the same part.
    """
    number = zlib.crc32(" ".join(_WORD.findall(english.lower())).encode()) % 50
    return {0: "test", 1: "validation"}.get(number, "train")
