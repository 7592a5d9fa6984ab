"""Words cut into pieces: learned by byte pair encoding, cut by the longest match.

A text of any words becomes a sequence over a vocabulary of fixed size (Sennrich, Haddow and Birch
2016, *Neural machine translation of rare words with subword units*). A piece that begins a word
is written with a low line before it: `_kutya`, `k`.
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

PAD, START, END, UNKNOWN = range(4)
SPECIAL = ("", "<s>", "</s>", "<?>")
_WORDS = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")


def words_of(text: str) -> list[str]:
    """Return the words and punctuation marks of a text, in small letters."""
    return _WORDS.findall(text.lower())


def join_words(words: Iterable[str]) -> str:
    """Return a readable text: no blank before a comma, a full stop and the like."""
    return re.sub(r" ([.,;:!?%])", r"\1", " ".join(words))


def learn(texts: Iterable[str], size: int) -> list[str]:
    """Return a vocabulary of that size: four special tokens, letters, and pieces of words.

    Begins with single letters and `size` times joins the two neighbours that stand beside each
    other most often. Letters that occur fewer than five times are left out.
    """
    counts = Counter("_" + word for text in texts for word in words_of(text))
    letters = Counter()
    for word, times in counts.items():
        letters.update({letter: word.count(letter) * times for letter in set(word)})
    vocabulary = [*SPECIAL, *sorted(letter for letter, times in letters.items() if times >= 5)]
    split = {word: list(word) for word in counts}
    pairs, where = Counter(), defaultdict(set)
    for word, parts in split.items():
        for pair in itertools.pairwise(parts):
            pairs[pair] += counts[word]
            where[pair].add(word)
    while len(vocabulary) < size:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if (joined := "".join(best)) not in vocabulary:
            vocabulary.append(joined)
        for word in list(where[best]):
            for pair in zip(split[word], split[word][1:], strict=False):
                pairs[pair] -= counts[word]
                where[pair].discard(word)
            split[word] = _join(split[word], best)
            for pair in zip(split[word], split[word][1:], strict=False):
                pairs[pair] += counts[word]
                where[pair].add(word)
        del pairs[best]
    return vocabulary


def _join(parts: list[str], pair: tuple[str, str]) -> list[str]:
    joined, i = [], 0
    while i < len(parts):
        together = tuple(parts[i : i + 2]) == pair
        joined.append("".join(pair) if together else parts[i])
        i += 2 if together else 1
    return joined


class Pieces:
    """Texts to numbers and back, with a vocabulary as `learn` returns it."""

    def __init__(self, vocabulary: Sequence[str]):
        self.vocabulary = list(vocabulary)
        self.number = {piece: i for i, piece in enumerate(self.vocabulary)}
        self._longest = max(map(len, self.vocabulary))
        self._known: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self.vocabulary)

    def cut(self, text: str) -> list[str]:
        """Return the pieces of a text; each word is cut by taking the longest piece that fits."""
        return [piece for word in words_of(text) for piece in self._cut_word("_" + word)]

    def _cut_word(self, word: str) -> list[str]:
        if word not in self._known:
            pieces, start = [], 0
            while start < len(word):
                ends = range(min(len(word), start + self._longest), start, -1)
                fits = [word[start:end] for end in ends if word[start:end] in self.number]
                pieces.append(fits[0] if fits else SPECIAL[UNKNOWN])
                start += len(fits[0]) if fits else 1
            self._known[word] = pieces
        return self._known[word]

    def encode(self, texts: Iterable[str], length: int) -> np.ndarray:
        """Return (n, length) int32: pieces, an end token, then zeros. Longer texts are cut off."""
        rows = np.zeros((len(texts := list(texts)), length), "int32")
        for row, text in zip(rows, texts, strict=True):
            numbers = [self.number[piece] for piece in self.cut(text)][: length - 1] + [END]
            row[: len(numbers)] = numbers
        return rows

    def decode(self, row: Iterable[int]) -> str:
        """Return the text of a row of numbers, up to its end token."""
        pieces = []
        for number in row:
            if number in (PAD, END):
                break
            if number != START:
                pieces.append(self.vocabulary[number])
        return join_words("".join(pieces).replace("_", " ").split())
