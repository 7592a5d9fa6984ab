"""A language model of 260,000 weights that was trained on children's stories, and its pieces.

    from utils.models import stories

    net = stories.load()
    net.query[0]                                # (64, 64), the first layer's queries
    pieces = stories.Pieces()
    pieces.encode("Once upon a time")           # [1, 403, 407, 261, 378]
    pieces.decode([1, 403, 407, 261, 378])      # "Once upon a time"

stories260K by A. Karpathy (llama2.c, 2023), trained on TinyStories (Eldan and Li 2023), in the
architecture of Llama 2 (Touvron et al. 2023). Lesson 12b runs it. Licence and card: data/README.md.
"""

import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from utils.models import bundled

FOLDER = bundled.WEIGHTS
SHA256 = {
    "stories260K.bin": "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696",
    "tok512.bin": "037cb335abb25d1fa9e8ecae30ed2a3a8ace9302862ebcdc05d51a6bbb10c312",
}
WIDTH, HIDDEN, LAYERS, HEADS, GROUPS = 64, 172, 5, 8, 4
SIZE = WIDTH // HEADS  # of a query, a key or a value
VOCABULARY, CONTEXT = 512, 512
START = 1  # the piece that begins a text, and ends it
FIRST_BYTE = 3  # pieces 3 … 258 are the 256 bytes


@dataclass(frozen=True, repr=False)
class Weights:
    """All weights, float32. Matrices are (layers, out, in), scales (layers, 64).

    Attributes:
        embedding: (512, 64), a row for each piece; also the last layer, turned round.
        attention_scale: Of the normalisation before attention.
        query: (5, 64, 64), 8 heads of 8 numbers.
        key: (5, 32, 64), 4 groups of 8 numbers; two heads share one.
        value: (5, 32, 64), the same.
        output: (5, 64, 64), what joins the heads.
        mlp_scale: Of the normalisation before the MLP.
        gate: (5, 172, 64), which unit is open.
        down: (5, 64, 172), back to 64 numbers.
        up: (5, 172, 64), what goes through the gate.
        last_scale: (64,), of the normalisation before the logits.
    """

    embedding: np.ndarray
    attention_scale: np.ndarray
    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    output: np.ndarray
    mlp_scale: np.ndarray
    gate: np.ndarray
    down: np.ndarray
    up: np.ndarray
    last_scale: np.ndarray

    def __repr__(self) -> str:
        return f"Weights({sum(part.size for part in vars(self).values()):,} numbers)"


def load() -> Weights:
    """Load the weights, which come with the course.

    Raises:
        DataError: The file is missing or damaged.
    """
    content = _read("stories260K.bin")
    narrow = GROUPS * SIZE
    shapes = {
        "embedding": (VOCABULARY, WIDTH),
        "attention_scale": (LAYERS, WIDTH),
        "query": (LAYERS, WIDTH, WIDTH),
        "key": (LAYERS, narrow, WIDTH),
        "value": (LAYERS, narrow, WIDTH),
        "output": (LAYERS, WIDTH, WIDTH),
        "mlp_scale": (LAYERS, WIDTH),
        "gate": (LAYERS, HIDDEN, WIDTH),
        "down": (LAYERS, WIDTH, HIDDEN),
        "up": (LAYERS, HIDDEN, WIDTH),
        "last_scale": (WIDTH,),
    }
    numbers, start = np.frombuffer(content, "<f4", offset=28), 0  # after seven sizes
    weights = {}
    for name, shape in shapes.items():
        end = start + math.prod(shape)
        weights[name] = numbers[start:end].reshape(shape).astype("float32")
        start = end
    return Weights(**weights)  # what is left are the cosines and sines of the positions


class Pieces:
    """Texts to numbers and back, with the model's own 512 pieces."""

    def __init__(self) -> None:
        """Read the pieces. Raise DataError if their file is missing or damaged."""
        content, place = _read("tok512.bin"), 4
        self.pieces: list[bytes] = []
        while place < len(content):
            length = int(np.frombuffer(content, "<i4", 1, place + 4)[0])  # after the piece's score
            self.pieces.append(content[place + 8 : place + 8 + length])
            place += 8 + length
        self._number = {piece: number for number, piece in enumerate(self.pieces)}
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text: `START`, and its pieces. A blank is put before the text.

        As in lesson 12b's byte-pair encoding, of all neighbours those are joined first that were
        learned first; they have the smallest number. A character that is no piece is spelled in
        bytes. An empty text is `START` alone.
        """
        words = re.findall(" [^ ]*", " " + text if text else "")  # no piece has a blank inside
        return [START, *(number for word in words for number in self._encode_word(word))]

    def _encode_word(self, word: str) -> list[int]:
        if word in self._known:
            return self._known[word]
        numbers = []
        for character in word:
            code = character.encode()
            known = self._number.get(code)
            numbers += [FIRST_BYTE + byte for byte in code] if known is None else [known]
        while True:
            joined = {}
            for place, pair in enumerate(itertools.pairwise(numbers)):
                both = b"".join(self.pieces[number] for number in pair)
                if both in self._number:
                    joined.setdefault(self._number[both], place)
            if not joined:
                break
            best = min(joined)
            numbers[joined[best] : joined[best] + 2] = [best]
        self._known[word] = numbers
        return numbers

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of a row of numbers, up to the `START` that ends it."""
        numbers = [int(number) for number in numbers]
        numbers = numbers[numbers[:1] == [START] :]
        if START in numbers:
            numbers = numbers[: numbers.index(START)]
        text = b"".join(map(self._bytes_of, numbers))
        return text.decode(errors="replace").removeprefix(" ")

    def names(self, numbers: Iterable[int]) -> list[str]:
        """Return each piece by itself, to label a figure; a blank is shown as ␣."""
        shown = [self._bytes_of(int(number)).decode(errors="replace") for number in numbers]
        return [piece.replace(" ", "␣").replace("\n", "↵") for piece in shown]

    def _bytes_of(self, number: int) -> bytes:
        if number == START:
            return "▷".encode()
        if FIRST_BYTE <= number < FIRST_BYTE + 256:
            return bytes([number - FIRST_BYTE])
        return self.pieces[number]


def _read(name: str) -> bytes:
    return bundled.read(FOLDER / name, SHA256[name])
