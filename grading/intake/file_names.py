"""Names of files, and what platforms, browsers and people add to them.

    hw2 (1)                                       browsers
    hw2-1                                         Canvas, Safari
    hw2-Copy1                                     Jupyter
    hw2 copy, hw2 copy 2, hw2 2                   macOS
    hw2 - Copy, hw2 - Copy (2), hw2 – Másolat     Windows
    Copy of hw2, Kopie von hw2, Másolat – hw2     Colab, Google Drive
    hw2 (copy), hw2 (Ana's conflicted copy …)     Linux desktops, Dropbox
    hw2_v2, hw2v2, hw2_final, hw2-new             people

A number says which is later. The word for a copy does not: some go on working in the copy, others
keep it as it was.
"""

import dataclasses
import re
import unicodedata

MOST_CHARACTERS = 255  # no file system has longer names, only zips made by hand
MOST_ADDED = 100  # characters of one addition
_COPIES = [
    "copy",
    "kopie",
    "copie",
    "copia",
    "cópia",
    "kopia",
    "kópia",
    "kopi",
    "kopio",
    "kopija",
    "kopyası",
    "másolat",
    "másolata",
    "копия",
    "копія",
    "αντίγραφο",
    "副本",
    "のコピー",
    "コピー",
    "복사본",
    "نسخة",
]
# A Mac writes letters and their accents apart.
_FORMS = {unicodedata.normalize(form, each) for each in _COPIES for form in ("NFC", "NFD")}
_COPY = f"(?:{'|'.join(sorted(_FORMS, key=len, reverse=True))})"
_GAP = r"(?:[ _+]|%20)"
_DASH = r"[ _+]*[-–—][ _+]*"
_NUMBER = rf"(?:{_GAP}?\d{{1,3}}|{_GAP}?\(\d{{1,3}}\))?"
# Additions that only ever are additions, the longest first.
_PLAIN_ADDITIONS = [
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
# These may be a part of a name as well: of `anna-2`, of `gustav2`, of `Marcel Copie`.
_DOUBTFUL_ADDITIONS = [
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
_AFTER = [re.compile(f"(?:{each})$", re.IGNORECASE) for each in _PLAIN_ADDITIONS]
_DOUBTFUL = [re.compile(f"(?:{each})$", re.IGNORECASE) for each in _DOUBTFUL_ADDITIONS]
_ENDING = re.compile(r"\.(?=[^.\s]*[^\W\d])[^\W_]{1,10}$")


@dataclasses.dataclass(frozen=True)
class Taken:
    """A name, taken apart.

    Attributes:
        base: Without the additions.
        numbers: Those among the additions that say an order, the innermost first.
        words: Those that say none, such as "copy", the innermost first.
        is_doubtful: Whether an addition may as well be a part of the name.
    """

    base: str
    numbers: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    is_doubtful: bool = False


def take_apart(stem, with_doubtful=True):
    """Takes the additions off a name without its ending.

    Args:
        stem: The name.
        with_doubtful: Whether to take off also what may be a part of the name.
    """
    base, numbers, words, is_doubtful = stem.strip(), (), (), False
    while len(base) <= MOST_CHARACTERS:
        found = _BEFORE.match(base)
        rest = base[found.end() :] if found else base
        if not found:
            found = _first(_AFTER, base)
            if not found and with_doubtful and (found := _first(_DOUBTFUL, base)):
                is_doubtful = True
            rest = base[: found.start()] if found else ""
        if not (rest := rest.strip()):
            break
        orders = tuple(int(each) for each in found.groupdict().values() if each)
        text = found[0].strip(" _+-").casefold()
        numbers = orders + numbers
        if not orders or "final" in text:
            words = ("final" if "final" in text else text, *words)
        base = rest
    return Taken(base, numbers, words, is_doubtful)


def _first(patterns, text):
    start = max(0, len(text) - MOST_ADDED)
    return next((found for each in patterns if (found := each.search(text, start))), None)


def split_ending(name):
    """A file's name and its ending, such as `.ipynb`, which may be empty.

    What begins with a digit, or holds a blank, is no ending: `Ana M. Kovács`, `hw 2.1`.
    """
    found = _ENDING.search(name)
    return (name[: found.start()], found[0]) if found and found.start() else (name, "")


def plain_name(name):
    """A file's name without what platforms, browsers and people add; the ending is kept.

    Two files are versions of one if their plain names are equal (ask for both: a name such as
    `photos-2.csv` is `photos.csv` here, too).
    """
    folder, slash, last = name.rpartition("/")
    stem, ending = split_ending(last)
    return folder + slash + take_apart(stem).base + ending


def family(name):
    """Equal for the names among which `attempt` says an order: those that differ in numbers only.

    `hw1.ipynb` and `hw1 (2).ipynb` are of one family; `hw1-Copy1.ipynb` and `hw1_final.ipynb` are
    families of their own, because nobody knows when they were made.
    """
    words = take_apart(split_ending(name.rpartition("/")[2])[0]).words
    return " | ".join([plain_name(name), *words])


def attempt(name):
    """The number that orders the versions of one file; 0 without.

    2 for `hw1 (2).ipynb`, for `hw1_v2.ipynb`, and for `hw1-2.ipynb`; 2.001 for `hw1_v2 (1).ipynb`,
    which came between that one and `hw1_v3.ipynb`. Numbers say something only about names
    of one `family`.
    """
    numbers = take_apart(split_ending(name.rpartition("/")[2])[0]).numbers
    if len(numbers) == 1:
        return numbers[0]
    return sum(number / 1000**depth for depth, number in enumerate(numbers))
