"""Strangers' names as people see them: decoded, in one Unicode form, harmless to a terminal."""

import locale
import re
import unicodedata

# What Windows and DOS wrote; of those that give words, the first is taken.
_CODE_PAGES = ("cp1250", "cp1251", "cp1252", "cp852", "cp866")


def nfc(text):
    """The text in one Unicode form: the same name from a Mac and from Windows compares equal.

    What the file system could not decode is decoded by a guess, because it would not survive
    being written anywhere. So two different names can come out alike: this is for people and
    reports, never a key.
    """
    return unicodedata.normalize("NFC", _decoded(text))


def is_decoded(text):
    """Whether a name from the file system is text, not bytes in an unknown code page."""
    return not any("\udc80" <= each <= "\udcff" for each in text)


def printable(text):
    """The text on one line, without what a terminal obeys or what turns its letters around."""
    return "".join(
        each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text
    )


def look_alike(text):
    """Equal for names that look the same, however their letters are stored."""
    seen = "".join(each for each in nfc(text) if each.isprintable() or each.isspace())
    return " ".join(unicodedata.normalize("NFKC", seen).split())


def _decoded(text):
    if is_decoded(text):
        return text.encode("utf-8", "replace").decode("utf-8")
    raw = text.encode("utf-8", "surrogateescape" if _is_from_disk(text) else "replace")
    for coding in (locale.getencoding(), *_CODE_PAGES):
        try:
            found = raw.decode(coding)
        except (LookupError, UnicodeDecodeError):
            continue
        if _is_likely(found):
            return found
    return raw.decode("utf-8", "replace")


def _is_from_disk(text):
    return not any("\ud800" <= each <= "\udc7f" for each in text)


def _is_likely(text):
    """Whether all is letters where a code page decides, and each word is of one script."""
    if not all(each.isascii() or each.isalpha() or each in "’–“”" for each in text):
        return False
    for word in re.findall(r"[^\W\d_]+", text):
        scripts = {unicodedata.name(each, "?").split()[0] for each in word}
        # No language writes words of Latin letters that all have accents.
        is_latin = scripts == {"LATIN"} and (len(word) < 3 or any(map(str.isascii, word)))
        if not is_latin and scripts not in ({"CYRILLIC"}, {"GREEK"}):
            return False
    return True
