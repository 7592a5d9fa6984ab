"""File names, and what platforms, browsers and people add to them.

    hw2 (1)                                       browsers
    hw2-1                                         Canvas, Safari
    hw2-Copy1                                     Jupyter
    hw2 copy, hw2 copy 2, hw2 2                   macOS
    hw2 - Copy, hw2 - Copy (2), hw2 – Másolat     Windows
    Copy of hw2, Kopie von hw2, Másolat – hw2     Colab, Google Drive
    hw2 (copy), hw2 (Ana's conflicted copy …)     Linux desktops, Dropbox
    hw2_v2, hw2v2, hw2_final, hw2-new             people

A number says which is later. The word for a copy does not: some people go on working in the copy,
while others keep it as it was.
"""

import re
import unicodedata
from typing import NamedTuple

NOTEBOOK = ".ipynb"
MOST_CHARACTERS = 255  # no file system has longer names, only zips made by hand
MOST_ADDED = 100  # characters of one addition
_COPIES = (
    "copy kopie copie copia cópia kopia kópia kopi kopio kopija kopyası másolat másolata копия "
    "копія αντίγραφο 副本 のコピー コピー 복사본 نسخة"
)
# A Mac writes letters and their accents apart.
_FORMS = {unicodedata.normalize(form, word) for word in _COPIES.split() for form in ("NFC", "NFD")}
_COPY = f"(?:{'|'.join(sorted(_FORMS, key=len, reverse=True))})"
_GAP = r"(?:[ _+]|%20)"
_DASH = r"[ _+]*[-–—][ _+]*"
_NUMBER = rf"(?:{_GAP}?\d{{1,3}}|{_GAP}?\(\d{{1,3}}\))?"
# Additions that only ever are additions, the longest first.
_CERTAIN = [
    rf"{_DASH}{_COPY}{_NUMBER}",  # Windows, Jupyter
    rf"{_GAP}copy{_NUMBER}",
    rf"(?:{_GAP}|(?<=[\u3000-\u9fff]))(?:的?副本|のコピー){_NUMBER}",
    rf"{_GAP}?\((?:another |\d{{1,2}}(?:st|nd|rd|th) )?{_COPY}{_NUMBER}\)",
    rf"{_GAP}?\([^()]*conflict[^()]*\)",
    r"\.sync-conflict-[\w-]+",
    rf"{_GAP}?\((?P<copy>\d{{1,3}})\)",
    rf"{_GAP}?\[(?P<square>\d{{1,3}})\]",
    r"(?:[_+.-]|\s+(?:- )?)final(?:[ _-]?version)?",
    r"(?:[_+.-]|\s+(?:- )?)(?:v|ver|version|rev)[ _.]?(?P<version>\d{1,3})",
    r"-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",  # Canvas, after seven
]
# These may also be part of a name: `anna-2`, `gustav2`, `Marcel Copie`.
_DOUBTFUL = [
    rf"{_GAP}{_COPY}{_NUMBER}",
    r"(?<=[\w)])-(?P<dash>\d{1,2})",
    r"(?<=\.json|ipynb)\.(?P<dot>\d{1,2})",  # wget
    r"(?<=[^\W_])(?<!re)v(?P<bare>\d{1,2})",
    r"[ _.-](?:new|newest|latest|last|fixed|corrected|updated|resubmi(?:t|tted|ssion))",
    r"[ _]?_(?P<bars>\d{1,2})_",
    r"(?<=\S) (?P<space>\d{1,2})",
    r"(?:[_-]| )?final[ _-]?(?P<final>\d{1,2})",
    r"(?<=\d)final",
]
_BEFORE = re.compile(
    rf"(?:{_COPY}(?:{_GAP}(?:of|von|de|di|do|du|van|av|af|a|z|pliku|souboru){_GAP}|{_DASH}))(?=.)",
    re.IGNORECASE,
)
_AFTER = [re.compile(f"(?:{text})$", re.IGNORECASE) for text in _CERTAIN + _DOUBTFUL]
_ENDING = re.compile(r"\.(?=[^.\s]*[^\W\d])[^\W_]{1,10}$")


class NameParts(NamedTuple):
    """A name without its additions, and the additions, the innermost first.

    Attributes:
        base: The name without them.
        numbers: Those that give an order.
        words: Those that give none, such as "copy".
    """

    base: str
    numbers: tuple[int, ...]
    words: tuple[str, ...]


def split_additions(stem: str, with_doubtful: bool = True) -> NameParts:
    """Take the additions off a name.

    Args:
        stem: The name without its ending.
        with_doubtful: Whether to take off also what may be a part of the name.
    """
    base, numbers, words = stem.strip(), (), ()
    patterns = _AFTER if with_doubtful else _AFTER[: len(_CERTAIN)]
    while len(base) <= MOST_CHARACTERS:
        start = max(0, len(base) - MOST_ADDED)
        if match := _BEFORE.match(base):
            rest = base[match.end() :].strip()
        elif match := next((m for p in patterns if (m := p.search(base, start))), None):
            rest = base[: match.start()].strip()
        if not match or not rest:
            break
        orders = tuple(int(number) for number in match.groupdict().values() if number)
        word = match[0].strip(" _+-").casefold()
        numbers = orders + numbers
        if not orders or "final" in word:
            words = ("final" if "final" in word else word, *words)
        base = rest
    return NameParts(base, numbers, words)


def split_ending(name: str) -> tuple[str, str]:
    """Split a file's name and its ending, such as `.ipynb`, which may be empty.

    What begins with a digit, or contains a space, is not an ending: `Ana M. Kovács`, `hw 2.1`.
    """
    match = _ENDING.search(name)
    return (name[: match.start()], match[0]) if match and match.start() else (name, "")


def _split(name: str) -> tuple[str, NameParts, str]:
    """Split a path into its folder with the slash, the parts of its name, and the ending."""
    folder, slash, last = name.rpartition("/")
    stem, ending = split_ending(last)
    return folder + slash, split_additions(stem), ending


def plain_name(name: str) -> str:
    """Return a file's name without what platforms, browsers and people add; the ending stays.

    Two files are versions of one if their plain names are equal (ask for both: a name such as
    `photos-2.csv` is `photos.csv` here, too).
    """
    folder, parts, ending = _split(name)
    return folder + parts.base + ending


def family(name: str) -> str:
    """Return a key that is equal for names that differ only in numbers, which `attempt` orders.

    `hw1.ipynb` and `hw1 (2).ipynb` are of one family; `hw1-Copy1.ipynb` and `hw1_final.ipynb` are
    families of their own, because nobody knows when they were made.
    """
    return " | ".join([plain_name(name), *_split(name)[1].words])


def attempt(name: str) -> float:
    """Return the number that orders the names of one `family`; 0 without.

    2 for `hw1 (2).ipynb`, `hw1_v2.ipynb` and `hw1-2.ipynb`; 2.001 for `hw1_v2 (1).ipynb`, which
    came between that one and `hw1_v3.ipynb`.
    """
    return sum(number / 1000**depth for depth, number in enumerate(_split(name)[1].numbers))
