"""What was handed in, read: folders, zips, several versions, and notebooks in every state.

Everything here comes from strangers. Nothing is unpacked onto the disk, no link is followed, and
sizes are counted while reading, whatever a zip's table of contents says.
"""

import contextlib
import dataclasses
import hashlib
import io
import os
import stat
import time
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath

from grading import notebooks
from grading.submissions import attempt, is_ignored, is_plain, nfc, read_stamp

MOST_FILES = 3000
MOST_BYTES = 300 * 2**20
SAME_MOMENT_SECONDS = 60  # unpacking writes all files of a class within moments of each other


@dataclasses.dataclass(frozen=True)
class File:
    """One file that was handed in, with what says which of several versions is the newest.

    `when` only ranks versions: inside a zip it is the student's own word. `handed_in` is what
    counts as the time of handing in, and `clock` says whose time that is.
    """

    name: str
    data: bytes
    source: int
    rank: int = 0
    when: float | None = None
    attempt: int = 0
    late: bool = False
    handed_in: float | None = None
    clock: str = ""


@dataclasses.dataclass
class Handed:
    """What there is to grade of a submission.

    Attributes:
        notebook: The notebook that counts, clean and in format 4; None if there is none.
        name: Its name as handed in.
        files: The other files, name to bytes; names relative to the notebook's folder.
        when: When it was handed in, in seconds since 1970, as far as is known.
        clock: Where that time comes from, in a few words.
        late: Whether the platform marked it as late.
        problem: Why there is nothing to grade, or None.
        status: One word or two for the table: "ok", "unreadable", "no notebook", "other homework".
        notes: Plain sentences about what was noticed.
        digest: Changes when anything that was handed in changes.
    """

    notebook: dict | None = None
    name: str = ""
    files: dict = dataclasses.field(default_factory=dict)
    when: float | None = None
    clock: str = ""
    late: bool = False
    problem: str | None = None
    status: str = "ok"
    notes: list = dataclasses.field(default_factory=list)
    digest: str = ""


class _Budget:
    """Counts files and bytes, so that no submission fills the memory."""

    def __init__(self):
        self.files = MOST_FILES
        self.bytes = MOST_BYTES

    def take(self, count):
        self.bytes -= count
        if self.bytes < 0:
            raise OverflowError(f"more than {MOST_BYTES // 2**20} MB")

    def one_more(self):
        self.files -= 1
        if self.files < 0:
            raise OverflowError(f"more than {MOST_FILES:,} files")


def read(submission, homework, others=()):
    """Reads a submission and decides which notebook counts.

    Args:
        submission: A `grading.submissions.Submission`.
        homework: The `notebooks.Traits` of the homework.
        others: Those of other homework, to tell what a wrong notebook is.

    Returns:
        `Handed`. It never raises for what a student could have done.
    """
    handed = Handed()
    files = []
    for number, source in enumerate(submission.sources):
        budget = _Budget()
        try:
            files += _expand(source, number, budget, handed.notes)
        except OSError as error:
            handed.notes.append(f"{source.name} could not be read: {error.strerror or error}.")
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda each: (each.source, each.name)):
        digest.update(f"{file.source} {file.name} ".encode())
        digest.update(hashlib.sha256(file.data).digest())
    handed.digest = digest.hexdigest()
    _choose(handed, files, homework, others)
    handed.notes = list(dict.fromkeys(handed.notes))
    return handed


def _is_notebook(name):
    return name.lower().endswith(".ipynb")


def _choose(handed, files, homework, others):
    """Which notebook counts: the newest of those that belong to this homework."""
    candidates = [file for file in files if _is_notebook(file.name)]
    if not candidates:
        handed.status = "no notebook"
        if files:
            names = ", ".join(sorted({file.name for file in files})[:5])
            handed.problem = f"There is no notebook (.ipynb) among what was handed in: {names}."
        elif handed.notes:
            handed.problem = "Nothing of what was handed in could be read; the reasons follow."
        else:
            handed.problem = "Nothing was handed in: there is no file."
        return
    readable, broken = [], []
    for file in candidates:
        try:
            notebook, notes = notebooks.parse(file.data)
            readable.append((file, notebook, notes))
        except notebooks.Unreadable as error:
            broken.append((file, str(error)))
        except Exception as error:  # whatever a stranger can think of must not stop the run
            broken.append((file, f"It cannot be read ({type(error).__name__})."))
    fitting = [each for each in readable if homework.fits(each[1], others)]
    if not fitting:
        _nothing_fits(handed, readable, broken, others)
        return
    chosen = newest([each[0] for each in fitting])
    notebook, notes = next(each[1:] for each in fitting if each[0] is chosen)
    handed.notebook = notebook
    _take(handed, chosen)
    handed.notes += notes
    for file, problem in broken:
        handed.notes.append(f"{file.name} is not a readable notebook and was left aside: {problem}")
    for file, _, _ in fitting:
        if file is not chosen:
            same = " (the same content)" if file.data == chosen.data else ""
            handed.notes.append(f"An earlier version, {file.name}{same}, was not graded.")
    for file, _, _ in readable:
        if not any(file is each[0] for each in fitting):
            handed.notes.append(f"{file.name} is another notebook and was left aside.")
    handed.files = _companions(files, chosen)


def _nothing_fits(handed, readable, broken, others):
    if not readable:
        file, problem = broken[-1]
        handed.status = "unreadable"
        _take(handed, file)
        handed.problem = f"{file.name} could not be read as a notebook: {problem}"
        return
    file = newest([each[0] for each in readable])
    notebook = next(each[1] for each in readable if each[0] is file)
    known = [other.name for other in others if other.fits(notebook, [])]
    handed.status = "other homework"
    _take(handed, file)
    what = f"It looks like {known[0]}." if known else "It holds none of this homework's cells."
    handed.problem = f"{file.name} is not a notebook of this homework. {what}"


def _take(handed, file):
    """Takes over what is known about the file that counts."""
    handed.name, handed.late = file.name, file.late
    handed.when, handed.clock = file.handed_in, file.clock


def newest(files):
    """The version that was handed in last.

    The platform's number of the upload decides; then the time, if it differs by more than a
    minute (files that were unpacked together differ by less); then the number in the name, as in
    `hw1 (2).ipynb`; then the time; then the name.
    """
    top = max(file.rank for file in files)
    files = [file for file in files if file.rank == top]
    last = max(file.when or 0 for file in files)
    files = [file for file in files if (file.when or 0) >= last - SAME_MOMENT_SECONDS]
    return max(files, key=lambda each: (each.attempt, each.when or 0, each.name))


def _companions(files, chosen):
    """The files that go with a notebook, named as seen from its folder."""
    folder = PurePosixPath(chosen.name).parent
    companions = {}
    same_source = [file for file in files if file.source == chosen.source]
    loose = [file for file in files if file.source != chosen.source]
    for file in sorted(loose, key=lambda each: (each.rank, each.when or 0)) + same_source:
        if file is chosen or _is_notebook(file.name):
            continue
        path = PurePosixPath(file.name)
        if file.source == chosen.source and path.is_relative_to(folder):
            path = path.relative_to(folder)
        companions[str(path)] = file.data
    return companions


# ------------------------------------------------------------------------ reading


def _expand(source, number, budget, notes):
    """All files of a source, with zips opened."""
    if not is_plain(source.path):
        notes.append(f"{source.name} is a link or a device and was not read.")
        return []
    is_folder = source.path.is_dir()
    loose = _walk(source.path, notes) if is_folder else [(source.name, source.path)]
    # Notebooks first: a large file beside them must not use up what may be read.
    loose.sort(key=lambda each: not _is_notebook(each[0]))
    files = []
    for name, path in loose:
        try:
            budget.one_more()
            budget.take(path.stat().st_size)
            data = path.read_bytes()
            when = path.stat().st_mtime
        except OverflowError as error:
            notes.append(f"{source.name} holds {error} and was not read to its end.")
            break
        except OSError as error:
            notes.append(f"{name} could not be read: {error.strerror or error}.")
            continue
        handed_in, clock = _clock(source, name, path, when)
        base = dict(source=number, rank=source.rank, late=source.late)
        base |= dict(handed_in=handed_in, clock=clock)
        if name.lower().endswith(".zip"):
            again = attempt(name)
            for inner, content, moment in _unzip(data, name, budget, notes):
                repeated = attempt(inner) or again
                ranked = moment if source.when is None else source.when
                files.append(File(inner, content, when=ranked, attempt=repeated, **base))
        else:
            files.append(File(name, data, when=handed_in, attempt=attempt(name), **base))
    return files


def _clock(source, name, path, when):
    """When a file on the disk was handed in, and who says so.

    The platform's name says it best. Then nbgrader's `timestamp.txt`, but only where nbgrader puts
    it (`student/homework/`, in a folder that came from no platform): anywhere else a student could
    have written it. Then the time of the file on the disk, for a zip as for a notebook; the times
    inside a zip are those of the student's machine.
    """
    if source.when is not None:
        return source.when, "the folder's name"
    if source.may_be_stamped and name.count("/") == 1:
        with contextlib.suppress(OSError):
            stamp = path.with_name("timestamp.txt")
            if is_plain(stamp) and stamp.stat().st_size < 200:
                written = read_stamp(stamp.read_text(encoding="utf-8", errors="replace"))
                if written is not None:
                    return written, "timestamp.txt beside it"
    return when, "the time of the file"


def _walk(folder, notes):
    """The plain files below a folder, with their names as seen from it."""
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not is_ignored(each))
        for name in folders + sorted(names):
            path = Path(here, name)
            label = nfc(path.relative_to(folder).as_posix())
            if not is_plain(path):
                notes.append(f"{label} is a link or a device and was not read.")
            elif name in names and not is_ignored(name):
                found.append((label, path))
            if len(found) > MOST_FILES:  # one too many, which `_expand` reports
                return found
    return found


def _unzip(data, label, budget, notes):
    """The files in a zip: name, bytes, and time. Nothing dangerous comes out of it."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = sorted(archive.infolist(), key=lambda each: not _is_notebook(each.filename))
    except Exception:  # damaged in whatever way
        notes.append(f"{label} is not a readable zip.")
        return
    for member in members:
        name = _member_name(member)
        if member.is_dir():
            continue
        if name is None:
            shown = nfc(member.filename)[:80]
            notes.append(f"{label}: {shown!r} points outside of the zip and was left out.")
            continue
        if any(is_ignored(part) for part in PurePosixPath(name).parts):
            continue
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            notes.append(f"{label}: {name} is a link or a device and was left out.")
            continue
        try:
            budget.one_more()
            content = _read_member(archive, member, budget)
        except OverflowError as error:
            notes.append(f"{label} unpacks to {error} and was not read to its end.")
            return
        except Exception as error:  # each way of packing has errors of its own
            is_encrypted = member.flag_bits & 1 and isinstance(error, RuntimeError)
            what = "encrypted" if is_encrypted else "damaged"
            notes.append(f"{label}: {name} is {what} and could not be read.")
            continue
        if name.lower().endswith(".zip"):
            notes.append(f"{label}: {name}, a zip in a zip, was not opened.")
        yield name, content, _member_time(member)


def _read_member(archive, member, budget):
    parts = []
    with archive.open(member) as stream:
        while part := stream.read(2**20):
            budget.take(len(part))
            parts.append(part)
    return b"".join(parts)


def _member_name(member):
    """A member's name, or None if it is absolute or leaves the zip."""
    name = member.filename
    if not member.flag_bits & 0x800:
        # No mark for UTF-8: Python read it as CP437, but a Mac writes UTF-8 all the same.
        try:
            name = name.encode("cp437").decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            name = member.filename
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or any("\0" in p or ":" in p for p in parts[:1]):
        return None
    if not parts or len(name) > 400 or any(len(part.encode()) > 200 for part in parts):
        return None
    return "/".join(parts)


def _member_time(member):
    try:
        return time.mktime((*member.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return None
