"""Who handed in what: the submissions in a folder, in the forms that course platforms give them.

    ana/…                                             a folder a student, nested as it likes
    ana.ipynb, ana.zip                                a file a student
    García Ana_12345_assignsubmission_file_/…         Moodle, a folder or a file
    garciaana_12345_67890_hw1.ipynb                   Canvas (also with LATE before the number)
    anon_a3F9k_67890_hw1.ipynb                        Canvas, marked anonymously (LATE anywhere)
    ana+hw1+2026-11-20 21:58:23 UTC/…                 nbgrader's inbound folder
    submitted/ana/hw1/timestamp.txt                   nbgrader's collected folder

What belongs to one student is put together: `ana.ipynb`, `ana (1).ipynb` and `ana_v2.ipynb` are
three versions from one person. Which version counts is decided when they are read
(`grading.intake.reading`), because the folder may hold notebooks of other homework, too.
"""

import dataclasses
import hashlib
import os
import re
import unicodedata
from pathlib import Path

from grading.intake.file_names import plain_name, take_apart
from grading.intake.loose import is_ignored, looks_like_notebook, stem_of, why_aside
from grading.intake.moments import read_stamp
from grading.intake.shown import is_decoded, look_alike, nfc
from grading.intake.whose import is_no_one, owners

_MOODLE = re.compile(
    r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)$", re.DOTALL
)
_ANONYMOUS = re.compile(
    r"(?P<first>LATE_)?(?P<student>anon_(?P<second>LATE_)?(?P<id>[A-Za-z0-9]+))_(?P<late>LATE_)?"
    r"(?:(?P<number>\d+)_(?P<rest>.+)|(?P<page>text|link)\.html)$",
    re.DOTALL,
)
_CANVAS = re.compile(
    r"(?P<student>[^_]+(?:_[^_]+)*?)_(?P<late>LATE_)?(?P<id>\d+)_"
    r"(?:(?P<number>\d+)_(?P<rest>.+)|(?P<page>text|link)\.html)$",
    re.DOTALL,
)
_INBOUND = re.compile(r"(?P<student>[^+]+)\+[^+]+\+(?P<when>\d{4}-\d\d-\d\d.*)$", re.DOTALL)


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
        look: Sentences, why a person should look at whose this is.
    """

    student: str
    id: str
    slug: str
    sources: tuple[Source, ...]
    look: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A thing in the folder, with what its name says about its student.

    `key` is what tells students apart. It is made of a name as it is stored, since what is shown
    may be the same for several.
    """

    key: tuple
    student: str
    id: str
    source: Source


def find_submissions(folder, homework=""):
    """The submissions in a folder.

    Args:
        folder: The folder; or one notebook, for a try.
        homework: The name of the homework: files that are called like it are nobody's.

    Returns:
        A list of `Submission`, in the order of the students' names, and a list of plain sentences:
        what was left aside, and which names leave a doubt.

    Raises:
        ValueError: the folder does not exist, may not be read, or is a file of another kind.
    """
    folder = Path(folder)
    try:
        if folder.is_file():
            return _one(folder)
        if not folder.is_dir():
            raise ValueError(f"There is no folder {folder}.")
        with os.scandir(folder) as listed:
            things = sorted(
                (Path(each.path), each.is_dir(follow_symlinks=False)) for each in listed
            )
    except OSError as error:
        raise ValueError(f"{folder} cannot be listed: {error.strerror or error}.") from None
    aside, kept = [], []
    for path, is_folder in things:
        if is_ignored(path.name):
            continue
        is_named = is_folder or _MOODLE.match(path.name) or _by_canvas(path.name)
        reason = None if is_named else why_aside(path)
        if reason:
            aside.append(reason)
        else:
            kept.append((path, is_folder))
    found, doubts = _together(kept, homework)
    return found, aside + doubts


def _one(path):
    if path.suffix.lower() == ".ipynb" or looks_like_notebook(path):
        return _together([(path, False)])
    raise ValueError(
        f"{path} is a file. Unpack it, and name the folder that holds the submissions."
    )


def _together(things, homework=""):
    """The submissions of a list of (path, whether it is a folder), and sentences about names."""
    numbered = _numbered_once([path.name for path, is_folder in things if not is_folder])
    students = {found.group("student", "id") for found in numbered.values()}
    for path, is_folder in things:
        # Somebody unpacked a zip of a student, of whom there is a file, too.
        found = is_folder and _by_canvas(path.name)
        if found and found.group("student", "id") in students:
            numbered[path.name] = found
    entries, stems = [], {}
    for path, is_folder in things:
        if entry := _entry(path, numbered.get(path.name)):
            entries.append(entry)
        else:
            stems[path] = path.name if is_folder else stem_of(path.name)
    folders = {stems[path] for path, is_folder in things if is_folder and path in stems}
    files = {stems[path] for path, is_folder in things if not is_folder and path in stems}
    known = {entry.student for entry in entries if entry.key[0] == "name"}
    owner, looks = owners(files, folders | known, homework)
    for path, is_folder in things:
        if path in stems:
            student = owner[stems[path]]
            source = Source(path, nfc(path.name), may_be_stamped=is_folder)
            entries.append(_Entry(("name", os.fsencode(student)), student, "", source))
    return _submissions(entries, {os.fsencode(name): look for name, look in looks.items()})


def _by_canvas(name):
    """What a name says if it is Canvas's, a match; else None."""
    found = None if _MOODLE.match(name) else _ANONYMOUS.match(name) or _CANVAS.match(name)
    return None if found and is_no_one(found["student"]) else found


def _numbered_once(names):
    """Canvas's names and what they say, without those whose number stands for several files."""
    found = {name: match for name in names if (match := _by_canvas(name))}
    rests = {}
    for match in found.values():
        rest = match["number"] and plain_name(match["rest"])
        rests.setdefault(match.group("student", "id", "number"), set()).add(rest)
    return {
        name: match
        for name, match in found.items()
        if match.re is _ANONYMOUS or len(rests[match.group("student", "id", "number")]) == 1
    }


def _entry(path, found_by_canvas):
    """What a platform's name says about a thing; None if no platform gave it its name."""
    name = path.name
    if found := _MOODLE.match(name):
        source = Source(path, nfc(found["rest"] or name))
        return _numbered("moodle", found["student"].strip(), found["id"], source)
    if found := found_by_canvas:
        marks = found.groupdict()
        late = any(marks.get(mark) for mark in ("first", "second", "late"))
        rest = found["rest"] or f"{found['page']}.html"
        source = Source(path, nfc(rest), rank=int(found["number"] or 0), late=late)
        student = found["student"].replace("anon_LATE_", "anon_")
        return _numbered("canvas", student, found["id"], source)
    if found := _INBOUND.match(take_apart(name, with_doubtful=False).base):
        student = found["student"].strip()
        source = Source(path, nfc(name), read_stamp(found["when"]))
        return _Entry(("name", os.fsencode(student)), student, "", source)
    return None


def _numbered(platform, student, number, source):
    # Who has a number is certain, so one name in two Unicode forms is one student.
    return _Entry((platform, number, nfc(student)), student, number, source)


def _submissions(entries, looks):
    """Puts together what has one key; returns the submissions, and sentences about names."""
    groups, alike = {}, {}
    for entry in entries:
        groups.setdefault(entry.key, []).append(entry)
    for key, group in groups.items():
        alike.setdefault((look_alike(group[0].student), group[0].id), []).append(key)
    slugs = _slugs({key: _label(group[0]) for key, group in groups.items()})
    found = []
    for key, group in groups.items():
        student = " ".join(nfc(group[0].student).split()) or "(no name)"
        twins = alike[look_alike(group[0].student), group[0].id]
        # A name that looks like another's would be of no use as an id.
        number = group[0].id or (student if len(twins) == 1 else slugs[key])
        look = _doubts(group, [groups[twin][0].student for twin in twins], looks.get(key[-1]))
        sources = tuple(each.source for each in sorted(group, key=lambda each: each.source.path))
        found.append(Submission(student, number, slugs[key], sources, tuple(look)))
    found.sort(key=lambda each: (each.student.casefold(), each.student, each.id))
    said = list(dict.fromkeys(sentence for each in found for sentence in each.look))
    guessed = {key: nfc(key) for key in {group[0].student for group in groups.values()}}
    guessed = sorted(name for key, name in guessed.items() if not is_decoded(key))
    if guessed:
        said.append(
            f"{len(guessed)} name(s) were not stored as UTF-8, and their accents are guessed: "
            f"{', '.join(guessed[:10])}{', …' if len(guessed) > 10 else ''}. Compare them with the "
            "list of the class."
        )
    return found, said


def _doubts(group, twins, look):
    """Sentences about what is not certain in the names of a student's things."""
    student = nfc(group[0].student)
    if look:
        yield look
    if len(twins) > 1:
        yield (
            f"{len(twins)} students look alike, {student}: their names differ only in how accents "
            f"(or what cannot be seen) are stored: {', '.join(map(ascii, twins))}. If they are one "
            "person, put the files into one folder."
        )
    if "\ufffd" in student:
        yield f"The name {student} is stored in an unknown code page and could not be read."
    for source in (each.source for each in group):
        if source.when is None and _INBOUND.match(source.name):
            yield f"{source.name}: the time in this name is not understood and was not used."


def _slugs(labels):
    """A safe name for each key, unique on every system."""
    plain = {key: slug(nfc(label)) for key, label in labels.items()}
    counts = {}
    for each in plain.values():
        counts[each.casefold()] = counts.get(each.casefold(), 0) + 1
    taken = {name for name, count in counts.items() if count == 1}
    for key in sorted(plain, key=repr):
        salt = repr(key)
        while counts[plain[key].casefold()] > 1:
            name = f"{slug(nfc(labels[key]))}-{hashlib.sha256(salt.encode()).hexdigest()[:8]}"
            if name.casefold() not in taken:
                taken.add(name.casefold())
                plain[key] = name
                break
            salt += "+"
    return plain


def _label(entry):
    return f"{entry.student}_{entry.id}" if entry.id else entry.student


# ------------------------------------------------------------------------- names


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
