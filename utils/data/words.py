"""Word vectors that others have trained, tests for them, and sentences with a verdict.

from utils import data

glove = data.load_word_vectors()        # 20,000 words, 50 numbers each
glove.vectors[glove.index["king"]]      # Shape: (50,)
tests = data.load_word_tests()          # analogies and similarities
reviews = data.load_reviews()           # Hungarian sentences about films
"""

import bz2
import functools
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.common.errors import DataError
from utils.data.fetching import sources
from utils.data.fetching.places import SAMPLES
from utils.data.fetching.registry import entry_of
from utils.data.fetching.sources import Origin

GLOVE = "wordvec/glove.6B.50d.first20000.txt.gz"
ANALOGIES = "wordvec/questions-words.txt"
SIMILARITIES = "wordvec/wordsim353.tsv"
REVIEWS = ("hulu/sst_train.json", "hulu/sst_dev.json")
LABELS = ("negative", "neutral", "positive")

Analogy = tuple[str, str, str, str]


@dataclass(frozen=True, repr=False)
class WordVectors:
    """Words, the most frequent first, and a vector for each.

    Attributes:
        words: (words,) in lower case.
        vectors: (words, dimensions), float32.
        origin: Where they came from.
    """

    words: list[str]
    vectors: np.ndarray
    origin: Origin

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def __repr__(self) -> str:
        words, dimensions = self.vectors.shape
        return f"WordVectors({words:,} words, {dimensions} numbers each, from: {self.origin.kind})"


@dataclass(frozen=True, repr=False)
class WordTests:
    """Two tests of word vectors, in lower case.

    Attributes:
        analogies: By section, the questions (a, b, c, d): a is to b as c is to d.
        similarities: (word, other word, how similar people find them, from 0 to 10).
        origin: Where the two came from.
    """

    analogies: dict[str, list[Analogy]]
    similarities: list[tuple[str, str, float]]
    origin: Origin

    def __repr__(self) -> str:
        questions = sum(map(len, self.analogies.values()))
        return (
            f"WordTests({questions:,} analogies in {len(self.analogies)} sections, "
            f"{len(self.similarities)} pairs, from: {self.origin.kind})"
        )


@dataclass(frozen=True, repr=False)
class Reviews:
    """Hungarian sentences from film reviews; no two are alike.

    Attributes:
        texts: (sentences,).
        labels: (sentences,) int32, an index into `names`.
        names: The labels in words.
        origin: Where they came from.
    """

    texts: list[str]
    labels: np.ndarray
    names: tuple[str, ...]
    origin: Origin

    def __repr__(self) -> str:
        return f"Reviews({len(self.texts):,} sentences, from: {self.origin.kind})"


def load_word_vectors() -> WordVectors:
    """Load the 20,000 most frequent words of GloVe 6B, 50 dimensions (Pennington et al. 2014).

    If no source has them, a bundled copy with rounded numbers stands in; `origin.is_sample`.
    """
    failures = []
    found = sources.find([GLOVE], failures)
    if found:
        words, vectors = read_glove(found.path)
        return WordVectors(words, vectors, found.announce(f"{len(words):,} words"))
    with np.load(SAMPLES / "glove.npz") as sample:
        words = bytes(sample["words"]).decode().split("\n")
        vectors = (sample["codes"] * sample["steps"][:, None]).T.astype("float32")
    what = "the same words and vectors, rounded, which come with the course"
    title, counted = entry_of(GLOVE).title, f"{len(words):,} words"
    return WordVectors(words, vectors, sources.announce_sample(title, what, counted, failures))


def load_word_tests() -> WordTests:
    """Load 19,544 analogies (Mikolov et al. 2013) and WordSim-353 (Finkelstein et al. 2002).

    If a source lacks them, the bundled copies stand in.
    """
    texts, origin = _texts((ANALOGIES, SIMILARITIES), "analogies and similarities")
    return WordTests(read_analogies(texts[0]), read_similarities(texts[1]), origin)


def load_reviews() -> Reviews:
    """Load HuSST, pooled: its two parts are not alike, so split anew (the card says why).

    A sentence that occurs with two labels is left out, and one that occurs twice is kept once. If
    a source lacks the files, the bundled copies stand in.
    """
    texts, origin = _texts(REVIEWS, "both parts, pooled")
    labels: dict[str, set[str]] = {}
    for row in (row for text in texts for row in json.loads(text)):
        labels.setdefault(" ".join(row["Sent"].split()), set()).add(row["label"])
    kept = {text: LABELS.index(*found) for text, found in labels.items() if len(found) == 1}
    return Reviews(list(kept), np.array(list(kept.values()), "int32"), LABELS, origin)


def _texts(files: Iterable[str], what: str) -> tuple[list[str], Origin]:
    """Return the text of each file, from one source or else all from the bundled copies."""
    failures = []
    found = [sources.find([file], failures) for file in files]
    if all(found):
        texts = [one.path.read_text(encoding="utf-8") for one in found]
        return texts, found[0].announce(what)
    texts = [bz2.decompress(sample_file(file).read_bytes()).decode() for file in files]
    title = entry_of(next(iter(files))).title
    origin = sources.announce_sample(
        title, "a copy of it that comes with the course", what, failures
    )
    return texts, origin


def sample_file(name: str) -> Path:
    """Return the path of the bundled copy of a file of the registry."""
    return SAMPLES / f"{Path(name).stem}.bz2"


# --- Reading ---------------------------------------------------------------------------------


def read_glove(path: Path) -> tuple[list[str], np.ndarray]:
    """Read GloVe's text format, gzipped: a word and its numbers a line.

    Returns:
        The words, and their vectors, (words, dimensions), float32.

    Raises:
        DataError: The file is not in that format.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [line.rstrip("\n").split(" ") for line in lines]
        return [row[0] for row in rows], np.array([row[1:] for row in rows], "float32")
    except (OSError, ValueError) as problem:
        raise DataError(f"{path} is not a file of word vectors: {problem}.") from problem


def read_analogies(text: str) -> dict[str, list[Analogy]]:
    """Read the analogies: a section begins with ": name", a question has four words."""
    sections: dict[str, list[Analogy]] = {}
    for line in text.lower().splitlines():
        if line.startswith(":"):
            section = sections.setdefault(line[1:].strip(), [])
        elif words := tuple(line.split()):
            section.append(words)
    return sections


def read_similarities(text: str) -> list[tuple[str, str, float]]:
    """Read the pairs: two words and a number in columns; lines with # are comments."""
    rows = [line.lower().split("\t") for line in text.splitlines() if line.strip()]
    return [(row[0], row[1], float(row[2])) for row in rows if not row[0].startswith("#")]
