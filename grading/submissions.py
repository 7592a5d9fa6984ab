"""Who handed in what: the submissions in a folder, in the forms that course platforms give them.

    ana/…                                             a folder a student, nested as it likes
    ana.ipynb, ana.zip                                a file a student
    García Ana_12345_assignsubmission_file_/…         Moodle, a folder or a file
    garciaana_12345_67890_hw1.ipynb                   Canvas (also with LATE before the number)
    ana+hw1+2026-11-20 21:58:23 UTC/…                 nbgrader's inbound folder
    submitted/ana/hw1/timestamp.txt                   nbgrader's collected folder

What belongs to one student is put together: `ana.ipynb`, `ana (1).ipynb` and `ana_v2.ipynb` are
three versions from one person. Which version counts is decided when they are read
(`grading.reading`), because the folder may hold notebooks of other homework, too.
"""

import dataclasses
import datetime
import hashlib
import os
import re
import stat
import unicodedata
import zoneinfo
from pathlib import Path

from grading.names import attempt, plain_name, take_apart

__all__ = ["attempt", "plain_name"]

IGNORED_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git"}
IGNORED_FILES = {"thumbs.db", "desktop.ini"}
# Loose files of these kinds beside the submissions are a teacher's lists, not submissions.
LISTS = {".csv", ".tsv", ".xls", ".xlsx", ".md", ".txt", ".json", ".yaml", ".yml", ".log", ".py"}

_MOODLE = re.compile(
    r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)$", re.DOTALL
)
_CANVAS = re.compile(
    r"(?P<student>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<number>\d+)_(?P<rest>.+)$", re.DOTALL
)
_INBOUND = re.compile(
    r"(?P<student>[^+]+)\+[^+]+\+(?P<when>\d{4}-\d\d-\d\d[ T]\d\d[:_.-]\d\d.*)$", re.DOTALL
)
_STAMP = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[ T]\d\d[:_.-]\d\d(?:[:_.-]\d\d)?)(?:[.]\d+)?"
    r"(?:\s*(?P<offset>[+-]\d\d:?\d\d)|\s+(?P<zone>[A-Za-z]+(?:/[A-Za-z_+-]+)*))?"
)


@dataclasses.dataclass(frozen=True)
class Source:
    """One thing that a student handed in: a file, a zip, or a folder.

    Attributes:
        path: Where it lies.
        name: Its name as the student gave it.
        when: When it was handed in, in seconds since 1970, where the name says so; else None.
        rank: The platform's own number of the upload; the higher, the later.
        late: Whether the platform marked it as late.
        may_be_stamped: Whether it is a folder in which nbgrader may have written down the time.
    """

    path: Path
    name: str
    when: float | None = None
    rank: int = 0
    late: bool = False
    may_be_stamped: bool = False


@dataclasses.dataclass(frozen=True)
class Submission:
    """Everything that one student handed in.

    Attributes:
        student: The name to show.
        id: The platform's number of the student; the name where there is none.
        slug: A safe name for files, unique in the run.
        sources: What was handed in, one or several things.
    """

    student: str
    id: str
    slug: str
    sources: tuple[Source, ...]


def find_submissions(folder):
    """The submissions in a folder.

    Args:
        folder: The folder; or one notebook, for a try.

    Returns:
        A list of `Submission`, in the order of the students' names, and a list of plain sentences
        about what was left aside.

    Raises:
        ValueError: the folder does not exist, or is a file of another kind.
    """
    folder = Path(folder)
    if folder.is_file() and folder.suffix.lower() == ".ipynb":
        found = _entry(folder)
        return _submissions({(found[0], found[1]): [found[2]]}), []
    if folder.is_file():
        raise ValueError(
            f"{folder} is a file. Unpack it, and name the folder that holds the submissions."
        )
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}.")
    students, aside = {}, []
    for path in sorted(folder.iterdir()):
        name = nfc(path.name)
        if is_ignored(name):
            continue
        is_list = path.suffix.lower() in LISTS and not path.is_dir()
        if is_list and not (_MOODLE.match(name) or _CANVAS.match(name)):
            aside.append(f"{name} is not a submission and was left aside.")
            continue
        student, number, source = _entry(path)
        students.setdefault((student, number), []).append(source)
    return _submissions(students), aside


def _entry(path):
    """The student's name, the student's number, and what was handed in."""
    name = nfc(path.name)
    is_folder = path.is_dir()
    if found := _MOODLE.match(name):
        rest = found["rest"] or name
        return found["student"].strip(), found["id"], Source(path, rest)
    if not is_folder and (found := _CANVAS.match(name)):
        source = Source(path, found["rest"], rank=int(found["number"]), late=bool(found["late"]))
        return found["student"], found["id"], source
    if found := _INBOUND.match(name):
        return found["student"], found["student"], Source(path, name, read_stamp(found["when"]))
    student = name if is_folder else name[: len(name) - len(path.suffix)]
    if not is_folder:
        student = take_apart(student, with_doubtful=False).base
    student = " ".join(student.split()) or "(no name)"
    return student, student, Source(path, name, may_be_stamped=is_folder)


def _submissions(students):
    keys = sorted(students, key=lambda key: (key[0].casefold(), key[0], key[1]))
    plain = [slug(_label(*key)) for key in keys]
    counts = {}
    for each in plain:
        counts[each.casefold()] = counts.get(each.casefold(), 0) + 1
    found = []
    for key, name in zip(keys, plain, strict=True):
        if counts[name.casefold()] > 1:
            name = f"{name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:8]}"
        found.append(Submission(key[0], key[1], name, tuple(students[key])))
    return found


def _label(student, number):
    return student if number == student else f"{student}_{number}"


# ------------------------------------------------------------------------- names


def nfc(text):
    """The text in one Unicode form: the same name from a Mac and from Windows compares equal."""
    # What the file system could not decode would not survive being written anywhere.
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return unicodedata.normalize("NFC", text)


def slug(text):
    """A name that is safe as a file name on every system: letters, digits, and . _ -"""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-")[:80]
    lost = sum(each.isalnum() and not each.isascii() for each in plain)
    reserved = re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", safe.split(".")[0])
    if not safe or lost or reserved or len(text) > 80:
        # Several names could end up alike (or be lost altogether, in another script).
        safe = f"{safe or 'student'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return safe


def is_ignored(name):
    """Whether a file or folder is what operating systems and editors leave behind."""
    return name in IGNORED_FOLDERS or name.startswith(".") or name.lower() in IGNORED_FILES


def read_stamp(text):
    """A point in time that was written down, in seconds since 1970; None if it is not one.

    Without a time zone it is this machine's.
    """
    found = _STAMP.match(text.strip())
    if not found:
        return None
    digits = re.sub(r"\D", "", found["time"]).ljust(14, "0")
    try:
        when = datetime.datetime.strptime(digits, "%Y%m%d%H%M%S")
        if found["offset"]:
            zone = datetime.datetime.strptime(found["offset"].replace(":", ""), "%z").tzinfo
        elif found["zone"]:
            zone = zoneinfo.ZoneInfo(found["zone"])
        else:
            zone = None
        return when.replace(tzinfo=zone).timestamp()
    except (ValueError, OSError, OverflowError, zoneinfo.ZoneInfoNotFoundError):
        return None


def is_plain(path):
    """Whether a path is a file or a folder itself: no link, no pipe, no device.

    Raises:
        OSError: nobody can say, because the path may not be looked at, or is gone.
    """
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
