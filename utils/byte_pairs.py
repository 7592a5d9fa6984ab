"""What comes before byte-pair encoding in GPT-2: a text as words, and each byte as a character.

    from utils import byte_pairs

    byte_pairs.words_of("I'll buy 3 cats")      # ["I", "'ll", " buy", " 3", " cats"]
    byte_pairs.to_characters(" ő")              # "ĠÅĳ": three bytes
    byte_pairs.to_text("ĠÅĳ")                   # " ő"

A. Radford et al.: Language models are unsupervised multitask learners (2019). Pieces are joined
within a word only; a blank belongs to the word after it. Bytes that cannot be seen (the blank,
control characters and others) are shown as characters from Ā on, so that a piece can be printed.
"""

import functools
import re
import sys
import unicodedata
from collections.abc import Iterable

_SEEN = (*range(33, 127), *range(161, 173), *range(174, 256))
_BYTES = (*_SEEN, *(byte for byte in range(256) if byte not in _SEEN))  # in the order of their ids
ALPHABET = "".join(map(chr, (*_SEEN, *range(256, 256 + 256 - len(_SEEN)))))
_CHARACTER = dict(zip(_BYTES, ALPHABET, strict=True))
_BYTE = dict(zip(ALPHABET, _BYTES, strict=True))


def words_of(text: str) -> list[str]:
    """Return the words of a text, with the blank before them; together they are the text again.

    A word is a run of letters, or of digits, or of other signs, or an ending such as 'll.
    """
    return _word_pattern().findall(text)


def to_characters(text: str) -> str:
    """Return a text with one printable character for each byte of its UTF-8."""
    return "".join(_CHARACTER[byte] for byte in text.encode())


def to_text(pieces: Iterable[str]) -> str:
    """Return the text of pieces; a byte that is half a character becomes the sign �."""
    codes = bytes(_BYTE[character] for piece in pieces for character in piece)
    return codes.decode(errors="replace")


@functools.cache
def _word_pattern() -> re.Pattern:
    # Python's re has no \p{N}, so all characters of the category N are listed; its \w has them,
    # the letters, and the low line.
    every = map(chr, range(sys.maxunicode + 1))
    number = "".join(sign for sign in every if unicodedata.category(sign)[0] == "N")
    letter = rf"(?:(?![{number}_])\w)"
    ending = "'(?:s|t|re|ve|m|ll|d)"
    ink = r"[\S\x1c-\x1f]"  # four control characters are blanks for Python, and not for GPT-2
    blank = r"[^\S\x1c-\x1f]"
    other = rf" ?(?:(?!\w){ink}|_)+"
    return re.compile(rf"{ending}| ?{letter}+| ?[{number}]+|{other}|{blank}+(?!{ink})|{blank}+")
