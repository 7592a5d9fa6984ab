"""What lies loose in a folder: a teacher's list, what an operating system left, or a submission."""

import os
import re
import stat

from grading.intake.file_names import split_ending
from grading.intake.shown import nfc

IGNORED_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git"}
IGNORED_FILES = {"thumbs.db", "desktop.ini"}
# Loose files of these kinds beside the submissions are a teacher's lists, not submissions, unless
# they hold a notebook.
LISTS = {".csv", ".tsv", ".xls", ".xlsx", ".md", ".txt", ".json", ".yaml", ".yml", ".log", ".py"}
# Endings are taken off to see whose a file is; of other names all counts: `j.smith` is no ending.
ENDINGS = LISTS | {
    *(".ipynb", ".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".crdownload"),
    *(".part", ".partial", ".download", ".opdownload", ".tmp", ".bak", ".url", ".pdf", ".html"),
    *(".htm", ".doc", ".docx", ".odt", ".rtf", ".tex", ".png", ".jpg", ".jpeg", ".gif", ".heic"),
    *(".webp", ".wav", ".mp3", ".npy", ".npz", ".h5", ".hdf5", ".keras", ".pkl"),
}
_SNIFFED = 8192
_INNER_ENDING = re.compile(r"\.(?:ipynb|zip)(?:\.\d{1,2})?(?=$|[ _(-])", re.IGNORECASE)


def is_ignored(name):
    """Whether a file or folder is what operating systems and editors leave behind."""
    return name in IGNORED_FOLDERS or name.startswith(".") or name.lower() in IGNORED_FILES


def is_plain(path):
    """Whether a path is a file or a folder itself: no link, no pipe, no device.

    Raises:
        OSError: nobody can say, because the path may not be looked at, or is gone.
    """
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def why_aside(path):
    """Why a loose file is no submission, in a sentence; None if it is one."""
    if path.suffix.lower() not in LISTS or ".ipynb" in path.name.lower():
        return None
    name = nfc(path.name)
    try:
        if looks_like_notebook(path):
            return None
    except OSError as error:
        return f"{name} was left aside: it cannot be read ({error.strerror or error})."
    return f"{name} is not a submission and was left aside."


def looks_like_notebook(path):
    """Whether a file's first and last lines look like a notebook's; its reader decides.

    Raises:
        OSError: it cannot be read.
    """
    if not is_plain(path):
        return False
    with open(path, "rb") as file:
        head = file.read(_SNIFFED)
        file.seek(max(0, os.fstat(file.fileno()).st_size - _SNIFFED))
        tail = file.read(_SNIFFED)
    # Without the zeros, UTF-16 reads like the rest.
    head, tail = (each.replace(b"\0", b"") for each in (head, tail))
    starts = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"{")
    words = (b'"cells"', b'"worksheets"', b'"nbformat"')
    return starts and any(word in head or word in tail for word in words)


def stem_of(name):
    """A file's name without its ending: `ana (1)` of `ana.ipynb (1).txt`."""
    stem, ending = split_ending(name)
    if ending.lower() not in ENDINGS:
        stem = name
    elif ending.lower() in (".gz", ".bz2", ".xz"):
        stem = stem.removesuffix(".tar")
    return _INNER_ENDING.sub("", stem) or stem
