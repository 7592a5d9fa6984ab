"""Strangers' names as people see them: decoded, in one Unicode form, harmless to a terminal."""

import locale
import re
import unicodedata
from collections.abc import Sequence

MOST_LISTED = 5  # names in one sentence
# What Windows and DOS wrote; the first of those that give words is taken.
_CODE_PAGES = ("cp1250", "cp1251", "cp1252", "cp852", "cp866")


def nfc(text: str) -> str:
    """Return the text in one Unicode form: a name from a Mac and from Windows compares equal.

    What the file system could not decode is decoded by a guess, because it would not survive
    being written anywhere. So two different names can come out alike: this is for people and
    reports, never a key.
    """
    return unicodedata.normalize("NFC", _decoded(text))


def is_decoded(text: str) -> bool:
    """Return whether a name from the file system is text, not bytes in an unknown code page."""
    return not re.search("[\udc80-\udcff]", text)


def printable(text: str) -> str:
    """Return the text on one line, without control characters or any that reverse its letters."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def look_alike(text: str) -> str:
    """Return a key that is equal for names that look the same, however they are stored."""
    seen = "".join(c for c in nfc(text) if c.isprintable() or c.isspace())
    return " ".join(unicodedata.normalize("NFKC", seen).split())


def listed(names: Sequence[str]) -> str:
    """Return the first few of some names and how many more there are."""
    rest = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {rest:,} more" if rest > 0 else "")


def _decoded(text: str) -> str:
    if is_decoded(text):
        return text.encode("utf-8", "replace").decode("utf-8")
    is_from_disk = not re.search("[\ud800-\udc7f]", text)
    raw = text.encode("utf-8", "surrogateescape" if is_from_disk else "replace")
    for coding in (locale.getencoding(), *_CODE_PAGES):
        try:
            guess = raw.decode(coding)
        except (LookupError, UnicodeDecodeError):
            continue
        if _is_likely(guess):
            return guess
    return raw.decode("utf-8", "replace")


def _is_likely(text: str) -> bool:
    """Return whether a code page gives only letters, and each word is in one script."""
    if not all(c.isascii() or c.isalpha() or c in "’–“”" for c in text):
        return False
    for word in re.findall(r"[^\W\d_]+", text):
        scripts = {unicodedata.name(letter, "?").split()[0] for letter in word}
        # No language has words of Latin letters that all have accents.
        is_latin = scripts == {"LATIN"} and (len(word) < 3 or any(map(str.isascii, word)))
        if not is_latin and scripts not in ({"CYRILLIC"}, {"GREEK"}):
            return False
    return True
