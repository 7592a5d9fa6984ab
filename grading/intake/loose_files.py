"""Loose files in the folder: which of them are submissions, and whose they are.

Two people must not become one, because one of them would get no grade. So names are put together
only where an addition is all that they differ in, and where the plain name is there too.
"""

import collections
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from grading.intake.display import listed, nfc
from grading.intake.file_names import NOTEBOOK, split_additions, split_ending

IGNORED_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git"}
IGNORED_FILES = {"thumbs.db", "desktop.ini"}
# Loose files of these kinds beside the submissions are a teacher's lists, not submissions, unless
# they hold a notebook.
_LISTS = "csv tsv xls xlsx md txt json yaml yml log py"
LISTS = {f".{ending}" for ending in _LISTS.split()}
# Endings are removed to see whose a file is; other names count whole: `.smith` is not an ending.
COMPRESSED = {".gz", ".bz2", ".xz"}
_OTHERS = (
    "ipynb zip rar 7z tar tgz crdownload part partial download opdownload tmp bak url pdf html htm "
    "doc docx odt rtf tex png jpg jpeg gif heic webp wav mp3 npy npz h5 hdf5 keras pkl"
)
ENDINGS = LISTS | COMPRESSED | {f".{ending}" for ending in _OTHERS.split()}
_INNER_ENDING = re.compile(r"\.(?:ipynb|zip)(?:\.\d{1,2})?(?=$|[ _(-])", re.IGNORECASE)
SNIFFED_BYTES = 8192
# Nobody hands in that often, but a browser names files like that when a whole class mails them.
MOST_VERSIONS = 9
_HOMEWORK = re.compile(
    r"(?:(?:hw|home[ _-]?work|assignment|solutions?|submission|notebook|untitled|exercises?|labs?|"
    r"task|project|quiz|exam|tarea|práctica|ejercicio|devoir|exercice|übung|aufgabe|hausaufgabe|"
    r"abgabe|házi(?:[ _-]?feladat)?|feladat|beadandó|compito|esercizio|zadanie|úkol|作业|задание)"
    r"[ _-]?\d*|(?:ex|hf|ps|tp|дз)[ _-]?\d+)(?:[ _-].*)?",
    re.IGNORECASE | re.DOTALL,
)


def is_ignored(name: str) -> bool:
    """Return whether a file or folder is what operating systems and editors leave behind."""
    return name in IGNORED_FOLDERS or name.startswith(".") or name.lower() in IGNORED_FILES


def is_plain(path: Path) -> bool:
    """Return whether a path is itself a file or a folder: no link, no pipe, no device.

    Raises:
        OSError: The path may not be looked at, or is gone.
    """
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def why_aside(path: Path) -> str | None:
    """Return why a loose file is not a submission, in a sentence; None if it is one."""
    if path.suffix.lower() not in LISTS or NOTEBOOK in path.name.lower():
        return None
    try:
        if looks_like_notebook(path):
            return None
    except OSError as error:
        reason = f"it cannot be read ({error.strerror or error})"
        return f"{nfc(path.name)} was left aside: {reason}."
    return f"{nfc(path.name)} is not a submission and was left aside."


def looks_like_notebook(path: Path) -> bool:
    """Return whether a file's first and last lines look like a notebook's; its reader decides.

    Raises:
        OSError: It cannot be read.
    """
    if not is_plain(path):
        return False
    with open(path, "rb") as file:
        head = file.read(SNIFFED_BYTES)
        file.seek(max(0, os.fstat(file.fileno()).st_size - SNIFFED_BYTES))
        text = (head + file.read(SNIFFED_BYTES)).replace(b"\0", b"")  # UTF-16 reads like the rest
    is_object = text.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"{")
    return is_object and any(word in text for word in (b'"cells"', b'"worksheets"', b'"nbformat"'))


def stem_of(name: str) -> str:
    """Return a file's name without its ending: `ana (1)` of `ana.ipynb (1).txt`."""
    stem, ending = split_ending(name)
    if ending.lower() not in ENDINGS:
        stem = name
    elif ending.lower() in COMPRESSED:
        stem = stem.removesuffix(".tar")
    return _INNER_ENDING.sub("", stem) or stem


def names_homework(name: str, homework: str = "") -> bool:
    """Return whether a name is that of homework, not of a person."""
    return bool(_HOMEWORK.fullmatch(nfc(name))) or name.casefold() == homework.casefold()


def owners(
    files: Iterable[str], folders: Iterable[str] = (), homework: str = ""
) -> tuple[dict[str, str], dict[str, str]]:
    """Find out whose each of some names is, where no platform says so.

    Args:
        files: Names of files, without their endings.
        folders: Names of folders.
        homework: The name of the notebook that students get, without its ending.

    Returns:
        The name of the student for each name; and a sentence for a person about each student whose
        name leaves a doubt.
    """
    folders = set(folders)
    certain = {name: split_additions(name, False).base for name in {*files, *folders}}
    plain = {name for name, base in certain.items() if name == base} | folders
    owner = {
        name: base if base in plain or name not in folders else name
        for name, base in certain.items()
    }
    numbered = collections.defaultdict(list)  # `group (1)` and `group (2)` without a `group`
    for name, base in certain.items():
        if base not in plain and re.search(r"\(\d+\)$", name):
            numbered[base].append(name)
    for names in numbered.values():
        if len(names) > 1:
            owner |= {name: name for name in names}
    doubts = _join_doubtful(owner, plain, folders)
    return owner, doubts | _separate_crowds(owner, homework)


def _join_doubtful(owner: dict, plain: set[str], folders: set[str]) -> dict[str, str]:
    """Take `anna-1` for `anna`'s if both are there; return the sentences that say so."""
    joined = collections.defaultdict(list)
    for name, student in sorted(owner.items()):
        base = split_additions(student).base
        # `olav2` is a name of its own, whoever `ola` is.
        is_apart = student.startswith(base) and not student[len(base) :][:1].isalnum()
        if base != student and base in plain and is_apart and not {name, student} & folders:
            owner[name] = base
            joined[base].append(nfc(name))
    return {
        base: f"{listed(names)} was taken for another version from {nfc(base)}. If these are "
        "several people, put each one's files into a folder of its own."
        for base, names in joined.items()
    }


def _separate_crowds(owner: dict, homework: str) -> dict[str, str]:
    """Separate what is too much for one student, or named after homework, not a person."""
    together, doubts = collections.defaultdict(list), {}
    for name, student in sorted(owner.items()):
        together[student].append(name)
    for student, names in together.items():
        if len(names) > MOST_VERSIONS or (len(names) > 1 and names_homework(student, homework)):
            owner |= {name: name for name in names}
            sentence = (
                f"{listed([nfc(name) for name in names])}: these names do not say whose the files "
                "are, so each counts as a student. Put what is from one student into one folder."
            )
            doubts |= dict.fromkeys(names, sentence)
    return doubts
