"""Everything in what a student handed in: each file with its size and its time.

Names are cheap, so all of them are listed; what to read is decided later. Nothing is unpacked onto
the disk and no link is followed. What the grader's machine could not do is kept apart from what a
student did: nobody loses a point because a folder may not be read.
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
from typing import BinaryIO

from grading.intake import zips
from grading.intake.display import nfc
from grading.intake.file_names import NOTEBOOK, attempt, family
from grading.intake.loose_files import is_ignored, is_plain
from grading.intake.submissions import Source
from grading.intake.timestamps import read_stamp

MOST_NAMES = 100_000
MOST_ZIPS = 200  # each is open while its submission is read
CHUNK = 2**20
# Folders of installed packages, and the file by which a Python environment is known.
PACKAGES = {"site-packages", "dist-packages", "node_modules", "conda-meta"}
ENVIRONMENT = {"pyvenv.cfg", "conda-meta"}
# Endings of a download that was not renamed when it finished.
UNFINISHED = (".crdownload", ".part", ".partial", ".download", ".tmp")


class TooLargeError(Exception):
    """A file holds more than it may."""


@dataclasses.dataclass(frozen=True, eq=False)
class SubmittedFile:
    """One file that was handed in.

    Attributes:
        name: Its path in what was handed in.
        source: The number of its `Source`.
        size: In bytes, as far as is known before it is read.
        open: Opens it.
        container: The zip that holds it, if one does.
        rank: The platform's number of the upload.
        when: Ranks versions; inside a zip it is only the student's word.
        late: Whether the platform marked it as late.
        handed_in: When it was handed in, in seconds since 1970.
        clock: Whose time that is.
        aliases: Other names that the file may have had before it was packed.
    """

    name: str
    source: int
    size: int
    open: Callable[[], BinaryIO]
    container: str = ""
    rank: int = 0
    when: float | None = None
    late: bool = False
    handed_in: float | None = None
    clock: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def family(self) -> tuple[str, str]:
        """What the names must have in common for their numbers to give an order."""
        return family(self.container), family(self.name)

    @property
    def order(self) -> tuple[float, float]:
        """The numbers in the names."""
        return attempt(self.container), attempt(self.name)

    @property
    def is_notebook(self) -> bool:
        """Whether its name says that it is a notebook."""
        return self.name.lower().endswith(NOTEBOOK)

    def read(self, most: int) -> bytes:
        """Return the bytes of the file.

        Raises:
            TooLargeError: There are more than `most`.
        """
        parts, count = [], 0
        with self.open() as stream:
            while part := stream.read(CHUNK):
                count += len(part)
                if count > most:
                    raise TooLargeError
                parts.append(part)
        return b"".join(parts)


class Inventory:
    """The files of a submission, open for reading until `close`.

    Attributes:
        files: The files.
        zips: The zips whose files are among them.
        notes: Sentences about what was noticed.
        review_reasons: Sentences for a person.
        trouble: Sentences about what the grader's machine could not do.
        environments: Where Python environments lie: source, zip and folder.
        packages: Folders of installed packages, which were not looked into.
    """

    def __init__(self):
        self.files: list[SubmittedFile] = []
        self.zips: list[SubmittedFile] = []
        self.notes, self.review_reasons, self.trouble = [], [], []
        self.environments: set[tuple[int, str, str]] = set()
        self.packages: set[str] = set()
        self._counts = {"notebooks": 0, "files": 0, "zips": 0}
        self._archives = contextlib.ExitStack()

    def close(self) -> None:
        """Close the zips."""
        self._archives.close()

    def add(self, source: Source, number: int) -> None:
        """Add all files of a source, whose number this is."""
        try:
            if not is_plain(source.path):
                self._skip_link(source.name)
            elif source.path.is_dir():
                self._walk(source, number)
            else:
                self._add(source, number, source.name, source.path)
        except OSError as error:
            self.add_trouble(source.name, error)

    def remark(self, sentence: str) -> None:
        """Add something that was noticed and that a person should know."""
        self.notes.append(sentence)
        self.review_reasons.append(sentence)

    def add_trouble(self, name: str, error: OSError) -> None:
        """Add something that the machine could not do."""
        is_denied = error.errno in (errno.EACCES, errno.EPERM)
        advice = {errno.ENAMETOOLONG: "move SUBMISSIONS to a place with a shorter path."}
        advice |= dict.fromkeys((errno.EACCES, errno.EPERM), "chmod -R u+rwX SUBMISSIONS")
        self.trouble.append(
            f"{name} {'may' if is_denied else 'could'} not be read ({error.strerror or error}): "
            + advice.get(error.errno, "is the drive still there? Run the same command again.")
        )

    def environment_of(self, file: SubmittedFile, notebook: SubmittedFile) -> str | None:
        """Return the Python environment that holds a file, but not the notebook that counts."""
        for source, container, folder in self.environments:
            is_same = (file.source, file.container) == (source, container)
            if is_same and file.name.startswith(folder) and not notebook.name.startswith(folder):
                return folder.rstrip("/")
        return None

    def _skip_link(self, label: str) -> None:
        self.notes.append(f"{label} is a link or a device and was not read.")

    def _is_too_many(self, kind: str, most: int, sentence: str) -> bool:
        """Count one more of a kind; report the first one too many."""
        self._counts[kind] += 1
        if self._counts[kind] == most + 1:
            self.remark(f"There are more than {most:,} {sentence}")
        return self._counts[kind] > most

    def _is_name_too_many(self, name: str) -> bool:
        """Count a name; those that may hold a notebook are counted separately."""
        may_hold = NOTEBOOK in name.lower() or name.lower().endswith(".zip")
        kind = "notebooks" if may_hold else "files"
        return self._is_too_many(kind, MOST_NAMES, "files; not all were looked at.")

    def _is_installed(self, source: int, container: str, name: str) -> bool:
        """Return whether a path leads into installed packages; note these, and environments."""
        parts = name.split("/")
        for depth, part in enumerate(parts):
            if part in ENVIRONMENT:
                folder = "".join(f"{parent}/" for parent in parts[:depth])
                self.environments.add((source, container, folder))
            if part in PACKAGES:
                self.packages.add("/".join(parts[: depth + 1]))
                return True
        return False

    def _walk(self, source: Source, number: int) -> None:
        def on_error(error):
            where = os.path.relpath(error.filename, source.path)
            self.add_trouble(f"the folder {source.name if where == '.' else nfc(where)}", error)

        for here, folders, names in os.walk(source.path, onerror=on_error):
            below = Path(here).relative_to(source.path).parts
            label = nfc("".join(f"{part}/" for part in below))
            folders[:] = sorted(
                name
                for name in folders
                if not self._is_installed(number, "", label + name) and not is_ignored(name)
            )
            for name in [*folders, *sorted(names)]:
                self._is_installed(number, "", label + name)
                if self._is_name_too_many(name) or _is_hidden(name):
                    continue
                path = Path(here, name)
                try:
                    mode = os.lstat(path).st_mode
                    if stat.S_ISREG(mode):
                        self._add(source, number, label + nfc(name), path)
                    elif not stat.S_ISDIR(mode):
                        self._skip_link(label + nfc(name))
                except OSError as error:
                    self.add_trouble(label + nfc(name), error)

    def _add(self, source: Source, number: int, label: str, path: Path) -> None:
        """Add a file, or what is in it if it is a zip."""
        about, lower = os.lstat(path), label.lower()
        handed_in, clock = _handed_in(source, label, path, about.st_mtime)
        file = SubmittedFile(
            name=label,
            source=number,
            size=about.st_size,
            open=functools.partial(_open, path),
            rank=source.rank,
            late=source.late,
            when=handed_in,
            handed_in=handed_in,
            clock=clock,
        )
        start = b""
        if NOTEBOOK in lower or PurePosixPath(lower).suffix in ("", ".zip", ".gz", *UNFINISHED):
            with file.open() as stream:
                start = stream.read(100)
        if lower.endswith(".zip") or start.startswith(b"PK\3\4"):
            if self._unzip(source, path, file):
                self.zips.append(file)
                return
            if lower.endswith(".zip") and not start.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"{"):
                return
        if start.startswith(b"\x1f\x8b") and NOTEBOOK in lower:
            self.notes.append(f"{label} is packed with gzip and was unpacked.")
            opened = functools.partial(gzip.open, path)
            file = dataclasses.replace(file, name=label.removesuffix(".gz"), open=opened)
        self.files.append(file)

    def _unzip(self, source: Source, path: Path, file: SubmittedFile) -> bool:
        """Add the files in a zip; return whether it is one."""
        is_named = file.name.lower().endswith(".zip")
        if self._is_too_many("zips", MOST_ZIPS, "zips; not all were opened."):
            return False
        archive = zips.open_archive(path)
        if archive is None:
            if is_named:
                self.remark(f"{file.name} is not a readable zip.")
            return False
        self._archives.enter_context(archive)
        if not is_named:
            self.notes.append(f"{file.name} is a zip by what is in it, and was opened.")
        members, notes = zips.list_members(archive, file.name)
        self.notes += notes
        for member in members:
            *folders, name = member.name.split("/")
            if any(map(is_ignored, folders)) or _is_hidden(name):
                continue
            is_installed = self._is_installed(file.source, file.name, member.name)
            if is_installed or self._is_name_too_many(name):
                continue
            self.files.append(
                dataclasses.replace(
                    file,
                    name=member.name,
                    size=member.size,
                    open=member.open,
                    container=file.name,
                    aliases=member.aliases,
                    when=file.when if source.when is not None else member.when or file.when,
                )
            )
        return True


def _is_hidden(name: str) -> bool:
    """Return whether a file is not the student's; a notebook with a dot before its name is."""
    is_notebook = name.lower().endswith(NOTEBOOK) and not name.startswith("._")  # of a Mac
    return is_ignored(name) and not is_notebook


def _open(path: Path) -> BinaryIO:
    """Open a file; not if it has become a link since it was looked at."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    return io.FileIO(handle)


def _handed_in(source: Source, name: str, path: Path, modified: float) -> tuple[float, str]:
    """Return when a file on the disk was handed in, and who says so.

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
    return modified, "the time of the file"
