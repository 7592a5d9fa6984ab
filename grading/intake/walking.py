"""What lies in the things that a student handed in: every file, with its size and its time.

Names are cheap, so all of them are listed; what is read of them is decided later. Nothing is
unpacked onto the disk and no link is followed. What the grader's machine could not do is kept apart
from what a student did: nobody loses a point because a folder may not be read.
"""

import contextlib
import dataclasses
import errno
import functools
import gzip
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from grading.intake import unzipping
from grading.intake.file_names import attempt, family
from grading.intake.loose import is_ignored, is_plain
from grading.intake.moments import read_stamp
from grading.intake.shown import nfc

MOST_NAMES = 100_000
MOST_ZIPS = 200  # each is open while its submission is read
MOST_LISTED = 5  # names in one sentence
# Folders of installed packages, and that by which a Python environment is known.
PACKAGES = {"site-packages", "dist-packages", "node_modules", "conda-meta"}
ENVIRONMENT = {"pyvenv.cfg", "conda-meta"}
NOTEBOOK = ".ipynb"
# Endings of a download that was not renamed at its end.
UNFINISHED = (".crdownload", ".part", ".partial", ".download", ".tmp")


class TooLargeError(Exception):
    """A file holds more than it may."""


@dataclasses.dataclass(frozen=True)
class File:
    """One file that was handed in, with what says which of several versions is the newest.

    `when` only ranks versions: inside a zip it is the student's own word. `handed_in` is what
    counts as the time of handing in, and `clock` says whose time that is. `family` and `order`:
    the numbers in the names order those of one family only. `aliases` are other names that the
    file may have had before it was packed.
    """

    name: str
    source: int
    size: int
    open: Callable
    container: str = ""
    rank: int = 0
    when: float | None = None
    late: bool = False
    handed_in: float | None = None
    clock: str = ""
    aliases: tuple = ()

    @property
    def family(self):
        """What the names must have in common for their numbers to say an order."""
        return family(self.container), family(self.name)

    @property
    def order(self):
        """The numbers in the names."""
        return attempt(self.container), attempt(self.name)

    def read(self, most):
        """The bytes of the file.

        Raises:
            TooLargeError: there are more than `most`.
        """
        parts, count = [], 0
        with self.open() as stream:
            while part := stream.read(2**20):
                count += len(part)
                if count > most:
                    raise TooLargeError
                parts.append(part)
        return b"".join(parts)


class Found:
    """The files of a submission.

    Attributes:
        files: A list of `File`.
        zips: The zips whose files are among them, each as a `File` itself.
        notes: Sentences about what was noticed.
        look: Sentences for a person.
        trouble: Sentences about what the grader's machine could not do.
        environments: Where Python environments lie: triples of source, zip and folder.
        packages: Folders of installed packages, which were not looked into.
    """

    def __init__(self):
        self.files, self.zips, self.notes, self.look, self.trouble = [], [], [], [], []
        self.environments = set()
        self.packages = set()
        self._names, self._zips = [0, 0], 0
        self._archives = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._archives.close()

    def add(self, source, number):
        """Adds all files of a `submissions.Source`."""
        try:
            if not is_plain(source.path):
                self.notes.append(f"{source.name} is a link or a device and was not read.")
            elif source.path.is_dir():
                self._walk(source, number)
            else:
                self._add(source, number, source.name, source.path, os.lstat(source.path))
        except OSError as error:
            self.failed(source.name, error)

    def remark(self, sentence):
        """Keeps what was noticed and a person should know."""
        self.notes.append(sentence)
        self.look.append(sentence)

    def failed(self, name, error):
        """Keeps what the machine could not do."""
        is_denied = error.errno in (errno.EACCES, errno.EPERM)
        sentence = f"{name} {'may' if is_denied else 'could'} not be read "
        sentence += f"({error.strerror or error}): "
        if is_denied:
            sentence += "chmod -R u+rwX SUBMISSIONS"
        elif error.errno == errno.ENAMETOOLONG:
            sentence += "move SUBMISSIONS to a place with a shorter path."
        else:
            sentence += "is the drive still there? Run the same command again."
        self.trouble.append(sentence)

    def environment_of(self, file, chosen):
        """The Python environment that holds a file but not the notebook that counts, or None."""
        for source, container, folder in self.environments:
            is_there = (file.source, file.container) == (source, container)
            is_in = is_there and file.name.startswith(folder)
            if is_in and not chosen.name.startswith(folder):
                return folder.rstrip("/")
        return None

    def _is_too_much(self, name):
        """Counts a name; says so if it is one too many.

        Those that may hold a notebook are counted by themselves.
        """
        may_hold = NOTEBOOK in name.lower() or name.lower().endswith(".zip")
        self._names[may_hold] += 1
        if self._names[may_hold] == MOST_NAMES + 1:
            self.remark(f"There are more than {MOST_NAMES:,} files; not all were looked at.")
        return self._names[may_hold] > MOST_NAMES

    def _walk(self, source, number):
        def failed(error):
            where = os.path.relpath(error.filename, source.path)
            self.failed(f"the folder {source.name if where == '.' else nfc(where)}", error)

        for here, folders, names in os.walk(source.path, onerror=failed):
            label = nfc(Path(here).relative_to(source.path).as_posix())
            label = "" if label == "." else f"{label}/"
            if not ENVIRONMENT.isdisjoint(folders + names):
                self.environments.add((number, "", label))
            self.packages |= {label + each for each in folders if each in PACKAGES}
            skipped = PACKAGES | {each for each in folders if is_ignored(each)}
            folders[:] = sorted(set(folders) - skipped)
            for name in folders:
                if not self._is_too_much(name):
                    self._check_folder(label + nfc(name), Path(here, name))
            for name in sorted(names):
                if not self._is_too_much(name) and not _is_hidden(name):
                    self._add_named(source, number, label + nfc(name), Path(here, name))

    def _check_folder(self, label, path):
        try:
            if not is_plain(path):
                self.notes.append(f"{label} is a link or a device and was not read.")
        except OSError as error:
            self.failed(label, error)

    def _add_named(self, source, number, label, path):
        try:
            about = os.lstat(path)
            if stat.S_ISREG(about.st_mode):
                self._add(source, number, label, path, about)
            else:
                self.notes.append(f"{label} is a link or a device and was not read.")
        except OSError as error:
            self.failed(label, error)

    def _add(self, source, number, label, path, about):
        """Adds a file, or what is in it if it is a zip."""
        handed_in, clock = _clock(source, label, path, about.st_mtime)
        base = dict(source=number, rank=source.rank, late=source.late)
        base |= dict(handed_in=handed_in, clock=clock, when=handed_in)
        lower = label.lower()
        start = _start(path) if _may_be_packed(lower) else b""
        if lower.endswith(".zip") or start.startswith(b"PK\3\4"):
            if self._unzip(source, label, path, base):
                opened = functools.partial(_open, path)
                self.zips.append(File(label, size=about.st_size, open=opened, **base))
                return
            if lower.endswith(".zip") and not start.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"{"):
                return
        if start.startswith(b"\x1f\x8b") and NOTEBOOK in lower:
            self.notes.append(f"{label} is packed with gzip and was unpacked.")
            label = label.removesuffix(".gz")
            opened = functools.partial(gzip.open, path)
        else:
            opened = functools.partial(_open, path)
        self.files.append(File(label, size=about.st_size, open=opened, **base))

    def _unzip(self, source, label, path, base):
        """Adds the files in a zip; whether it is one."""
        self._zips += 1
        if self._zips > MOST_ZIPS:
            self.remark(f"There are more than {MOST_ZIPS} zips; not all were opened.")
            return False
        archive = unzipping.open_archive(path)
        if archive is None:
            if label.lower().endswith(".zip"):
                self.remark(f"{label} is not a readable zip.")
            return False
        self._archives.enter_context(archive)
        if not label.lower().endswith(".zip"):
            self.notes.append(f"{label} is a zip by what is in it, and was opened.")
        members, notes = unzipping.list_members(archive, label)
        self.notes += notes
        paths = {path for m in members for path in (f"/{m.name}", f"/{m.name}".rpartition("/")[0])}
        for folder, _, name in (path.rpartition("/") for path in paths):
            if name in ENVIRONMENT:
                self.environments.add((base["source"], label, f"{folder}/".lstrip("/")))
        for member in members:
            parts = PurePosixPath(member.name).parts
            if any(map(is_ignored, parts[:-1])) or _is_hidden(parts[-1]):
                continue
            if any(part in PACKAGES for part in parts[:-1]):
                first = next(n for n, part in enumerate(parts, 1) if part in PACKAGES)
                self.packages.add("/".join(parts[:first]))
                continue
            if self._is_too_much(parts[-1]):
                continue
            moment = base["when"] if source.when is not None else member.when or base["when"]
            self.files.append(
                File(
                    member.name,
                    size=member.size,
                    open=member.open,
                    container=label,
                    aliases=member.aliases,
                    **{**base, "when": moment},
                )
            )
        return True


def listed(names):
    """A few names in one sentence."""
    rest = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {rest:,} more" if rest > 0 else "")


def _is_hidden(name):
    """Whether a file is none of the student's; a notebook with a dot before its name is."""
    is_notebook = name.lower().endswith(NOTEBOOK) and not name.startswith("._")  # of a Mac
    return is_ignored(name) and not is_notebook


def _may_be_packed(lower):
    """Whether a file of this name is looked into, to see what it is."""
    ending = PurePosixPath(lower).suffix
    return NOTEBOOK in lower or ending in ("", ".zip", ".gz", *UNFINISHED)


def _open(path):
    """Opens a file; not if it has become a link since it was looked at."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    return io.FileIO(handle)


def _start(path):
    with _open(path) as stream:
        return stream.read(100)


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
