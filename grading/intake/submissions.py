"""Who handed in what: the submissions in a folder, in the forms that course platforms give them.

    ana/…                                             a folder per student, however nested
    ana.ipynb, ana.zip                                a file per student
    García Ana_12345_assignsubmission_file_/…         Moodle, a folder or a file
    garciaana_12345_67890_hw1.ipynb                   Canvas (also with LATE before the number)
    anon_a3F9k_67890_hw1.ipynb                        Canvas, marked anonymously (LATE anywhere)
    ana+hw1+2026-11-20 21:58:23 UTC/…                 nbgrader's inbound folder
    submitted/ana/hw1/timestamp.txt                   nbgrader's collected folder

What belongs to one student is put together: `ana.ipynb`, `ana (1).ipynb` and `ana_v2.ipynb` are
three versions from one person. Which version counts is decided when they are read
(`grading.intake.content`), because the folder may also hold notebooks of other homework.
"""

import collections
import dataclasses
import hashlib
import itertools
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from grading.intake import loose_files
from grading.intake.display import is_decoded, listed, look_alike, nfc
from grading.intake.file_names import NOTEBOOK, plain_name, split_additions
from grading.intake.timestamps import read_stamp

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
        when: When it was handed in, in seconds since 1970, where the name says so.
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
        sources: What was handed in: one or several things.
        review_reasons: Sentences about why a person should check whose this is.
    """

    student: str
    id: str
    slug: str
    sources: tuple[Source, ...]
    review_reasons: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A thing in the folder, with what its name says about its student.

    `key` tells students apart. It is made of a name as it is stored, since what is shown may be
    the same for several.
    """

    key: tuple
    student: str
    id: str
    source: Source


def find_submissions(folder: Path, homework: str = "") -> tuple[list[Submission], list[str]]:
    """Find the submissions in a folder.

    Args:
        folder: The folder; or one notebook, to try things out.
        homework: The name of the homework: files called that are nobody's.

    Returns:
        The submissions, in the order of the students' names; and sentences about what was left
        aside, and which names leave a doubt.

    Raises:
        ValueError: The folder does not exist, may not be read, or is a file of another kind.
    """
    folder = Path(folder)
    try:
        if folder.is_file():
            if folder.suffix.lower() == NOTEBOOK or loose_files.looks_like_notebook(folder):
                return _group(_entries([(folder, False)], "")[0], {})
            raise ValueError(
                f"{folder} is a file. Unpack it, and name the folder that holds the submissions."
            )
        if not folder.is_dir():
            raise ValueError(f"There is no folder {folder}.")
        with os.scandir(folder) as listing:
            things = sorted((Path(t.path), t.is_dir(follow_symlinks=False)) for t in listing)
    except OSError as error:
        raise ValueError(f"{folder} cannot be listed: {error.strerror or error}.") from None
    aside, submitted = [], []
    for path, is_folder in things:
        if loose_files.is_ignored(path.name):
            continue
        is_named = is_folder or _MOODLE.match(path.name) or _match_canvas(path.name)
        reason = None if is_named else loose_files.why_aside(path)
        if reason:
            aside.append(reason)
        else:
            submitted.append((path, is_folder))
    submissions, doubts = _group(*_entries(submitted, homework))
    return submissions, aside + doubts


def _entries(things: list[tuple[Path, bool]], homework: str) -> tuple[list[_Entry], dict]:
    """Return what each thing's name says; and the doubts, by the keys of students.

    Args:
        things: Pairs of a path and whether it is a folder.
        homework: The name of the homework.
    """
    canvas = _canvas_names([path.name for path, is_folder in things if not is_folder])
    students = {match.group("student", "id") for match in canvas.values()}
    entries, stems = [], {}
    for path, is_folder in things:
        # Somebody unpacked the zip of a student who also has a file.
        match = _match_canvas(path.name) if is_folder else canvas.get(path.name)
        if is_folder and match and match.group("student", "id") not in students:
            match = None
        if entry := _platform_entry(path, match):
            entries.append(entry)
        else:
            stems[path] = path.name if is_folder else loose_files.stem_of(path.name)
    folders = {stems[path] for path, is_folder in things if is_folder and path in stems}
    folders |= {entry.student for entry in entries if entry.key[0] == "name"}
    files = {stems[path] for path, is_folder in things if not is_folder and path in stems}
    owner, doubts = loose_files.owners(files, folders, homework)
    for path, is_folder in things:
        if path in stems:
            source = Source(path, nfc(path.name), may_be_stamped=is_folder)
            entries.append(_named_entry(owner[stems[path]], source))
    return entries, {("name", os.fsencode(name)): doubt for name, doubt in doubts.items()}


def _match_canvas(name: str) -> re.Match | None:
    """Return what a name says if it is Canvas's."""
    match = None if _MOODLE.match(name) else _ANONYMOUS.match(name) or _CANVAS.match(name)
    return None if match and loose_files.names_homework(match["student"]) else match


def _canvas_names(names: list[str]) -> dict[str, re.Match]:
    """Return Canvas's names and what they say, except those whose number has several files."""
    matches = {name: match for name in names if (match := _match_canvas(name))}
    rests = collections.defaultdict(set)
    for match in matches.values():
        rest = match["number"] and plain_name(match["rest"])
        rests[match.group("student", "id", "number")].add(rest)
    return {
        name: match
        for name, match in matches.items()
        if match.re is _ANONYMOUS or len(rests[match.group("student", "id", "number")]) == 1
    }


def _platform_entry(path: Path, canvas: re.Match | None) -> _Entry | None:
    """Return what a platform's name says about a thing; None if no platform gave it its name."""
    name = path.name
    if match := _MOODLE.match(name):
        source = Source(path, nfc(match["rest"] or name))
        return _numbered_entry("moodle", match["student"].strip(), match["id"], source)
    if canvas:
        marks = canvas.groupdict()
        late = any(marks.get(mark) for mark in ("first", "second", "late"))
        rest = canvas["rest"] or f"{canvas['page']}.html"
        source = Source(path, nfc(rest), rank=int(canvas["number"] or 0), late=late)
        student = canvas["student"].replace("anon_LATE_", "anon_")
        return _numbered_entry("canvas", student, canvas["id"], source)
    if match := _INBOUND.match(split_additions(name, with_doubtful=False).base):
        source = Source(path, nfc(name), read_stamp(match["when"]))
        return _named_entry(match["student"].strip(), source)
    return None


def _numbered_entry(platform: str, student: str, number: str, source: Source) -> _Entry:
    # A number is certain, so one name in two Unicode forms is one student.
    return _Entry((platform, number, nfc(student)), student, number, source)


def _named_entry(student: str, source: Source) -> _Entry:
    return _Entry(("name", os.fsencode(student)), student, "", source)


def _group(entries: list[_Entry], doubts: dict) -> tuple[list[Submission], list[str]]:
    """Put together what has one key; return the submissions, and sentences about names."""
    groups, alike = collections.defaultdict(list), collections.defaultdict(list)
    for entry in entries:
        groups[entry.key].append(entry)
    for key, (first, *_) in groups.items():
        alike[look_alike(first.student), first.id].append(key)
    slugs = _slugs(
        {key: "_".join(filter(None, [f.student, f.id])) for key, (f, *_) in groups.items()}
    )
    submissions = []
    for key, group in groups.items():
        stored = group[0].student
        student = " ".join(nfc(stored).split()) or "(no name)"
        twins = alike[look_alike(stored), group[0].id]
        # A name that looks like another's would be useless as an id.
        number = group[0].id or (student if len(twins) == 1 else slugs[key])
        reasons = [doubts[key]] if key in doubts else []
        reasons += _reasons(group, [groups[twin][0].student for twin in twins])
        sources = sorted((entry.source for entry in group), key=lambda source: source.path)
        submissions.append(Submission(student, number, slugs[key], tuple(sources), tuple(reasons)))
    submissions.sort(key=lambda s: (s.student.casefold(), s.student, s.id))
    sentences = list(dict.fromkeys(reason for s in submissions for reason in s.review_reasons))
    stored = {group[0].student for group in groups.values()}
    guessed = sorted(nfc(name) for name in stored if not is_decoded(name))
    if guessed:
        sentences.append(
            f"{len(guessed)} name(s) were not stored as UTF-8, and their accents are guessed: "
            f"{listed(guessed)}. Compare them with your class list."
        )
    return submissions, sentences


def _reasons(group: list[_Entry], twins: list[str]) -> Iterator[str]:
    """Yield sentences about what is not certain in the names of a student's things."""
    student = nfc(group[0].student)
    if len(twins) > 1:
        yield (
            f"{len(twins)} students look alike, {student}: their names differ only in how accents "
            f"(or what cannot be seen) are stored: {', '.join(map(ascii, twins))}. If they are one "
            "person, put the files into one folder."
        )
    if "\ufffd" in student:
        yield f"The name {student} is stored in an unknown code page and could not be read."
    for entry in group:
        if entry.source.when is None and _INBOUND.match(entry.source.name):
            yield f"{entry.source.name}: the time in this name is not understood and was not used."


def _slugs(labels: dict[tuple, str]) -> dict[tuple, str]:
    """Return a safe name for each key, unique on every system."""
    slugs = {key: slug(nfc(label)) for key, label in labels.items()}
    counts = collections.Counter(name.casefold() for name in slugs.values())
    taken = {name for name, count in counts.items() if count == 1}
    for key in sorted(
        (key for key, name in slugs.items() if name.casefold() not in taken), key=repr
    ):
        for tries in itertools.count():
            digest = hashlib.sha256(f"{key!r}{'+' * tries}".encode()).hexdigest()
            name = f"{slugs[key]}-{digest[:8]}"
            if name.casefold() not in taken:
                break
        taken.add(name.casefold())
        slugs[key] = name
    return slugs


def slug(text: str) -> str:
    """Return a name of letters, digits, `.`, `_` and `-`, safe for files on every system."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-")[:80]
    is_lossy = any(character.isalnum() and not character.isascii() for character in plain)
    is_reserved = re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", safe.split(".")[0])
    if not safe or is_lossy or is_reserved or len(text) > 80:
        # Several names could end up alike (or be lost altogether, in another script).
        safe = f"{safe or 'student'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return safe
