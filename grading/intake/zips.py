"""The table of contents of a student's zip: names made safe, folders and links told apart."""

import dataclasses
import errno
import functools
import io
import re
import stat
import struct
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MOST_CONTENTS = 30 * 2**20  # bytes of a table of contents
MOST_PART_BYTES = 240  # of a name; file systems allow 255
MOST_NAME_BYTES = 1000  # with its folders
MOST_ENDING = 20
UTF8, UNICODE_PATH = 0x800, 0x7075
DOS_FOLDER = 0x10
# What Windows writes in names that are not marked as UTF-8, in Central Europe first.
CODE_PAGES = ("cp852", "cp1250", "cp437", "cp850", "cp1252", "cp866", "cp1251")
CODE_PAGES += ("gbk", "cp932", "cp949", "big5")


@dataclasses.dataclass(frozen=True)
class Member:
    """A file in a zip: its name, other names it may have had, and its size as the zip gives it."""

    name: str
    aliases: tuple[str, ...]
    size: int
    when: float | None
    open: Callable[[], BinaryIO]


class BoundedFile(io.FileIO):
    """A file that refuses to be read in large pieces, as `zipfile` reads a table of contents."""

    error = None  # the machine's, which `zipfile` would take for the zip's
    read_part = io.FileIO.read

    def read(self, size: int = -1) -> bytes:
        if size is not None and size > MOST_CONTENTS:
            raise zipfile.BadZipFile("the table of contents is too long")
        try:
            return self.read_part(size)
        except OSError as error:
            self.error = error
            raise


def open_archive(path: Path) -> zipfile.ZipFile | None:
    """Open a zip; None if it is not one that can be read.

    Raises:
        OSError: The machine could not read the file.
    """
    stream = BoundedFile(path)
    try:
        return zipfile.ZipFile(stream)
    except BaseException as error:  # damaged in whatever way
        stream.close()
        if stream.error is not None:
            raise stream.error from None
        if isinstance(error, MemoryError) or not isinstance(error, Exception):
            raise
        return None


def why_unreadable(error: Exception) -> str:
    """Return why a file in a zip cannot be read, in a few words."""
    if isinstance(error, NotImplementedError):
        return "packed in a way that the grader does not know"
    is_encrypted = isinstance(error, RuntimeError) and "encrypted" in str(error)
    return "encrypted" if is_encrypted else "damaged"


def is_of_the_machine(error: OSError) -> bool:
    """Return whether an error came from the disk, not from damaged data."""
    return error.errno not in (None, errno.EINVAL)  # a seek to before the file's beginning


def list_members(archive: zipfile.ZipFile, label: str) -> tuple[list[Member], list[str]]:
    """List the files in a zip.

    Args:
        archive: The zip.
        label: What it is called in notes.

    Returns:
        The files, with nothing dangerous among them; and sentences about what was noticed.
    """
    entries = [(info, *_decoded(info)) for info in archive.infolist()]
    folders = {part for _, name, _ in entries for part in _folders_of(name)}
    members, notes, guessed = [], [], []
    for info, raw, others in entries:
        if _is_folder(info, raw, folders):
            continue
        name, remark = safe_name(raw)
        if name is None:
            notes.append(f"{label}: {raw[:80]!r} {remark} and was left out.")
            continue
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            notes.append(f"{label}: {name} is a link or a device and was left out.")
            continue
        if remark:
            notes.append(f"{label}: a name {remark}; it is {name} here.")
        if others:
            guessed.append(name)
        aliases = tuple(dict.fromkeys(safe_name(other)[0] or name for other in others))
        opened = functools.partial(archive.open, info)
        members.append(Member(name, aliases, info.file_size, _time(info), opened))
    if guessed:
        notes.append(
            f"{label}: accents in names are not marked as UTF-8, so they are a guess, such as "
            f"{guessed[0]}."
        )
    return members, notes


def _folders_of(name: str) -> list[str]:
    parts = name.split("/") if len(name) <= MOST_NAME_BYTES else []
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _is_folder(info: zipfile.ZipInfo, name: str, folders: set[str]) -> bool:
    """Return whether an entry is a folder, even if Windows does not say so with a slash."""
    if name.endswith("/") or stat.S_ISDIR(info.external_attr >> 16):
        return True
    return info.file_size == 0 and (bool(info.external_attr & DOS_FOLDER) or name in folders)


def _decoded(info: zipfile.ZipInfo) -> tuple[str, list[str]]:
    """Return a member's name with `/`, and the other names that it may have had."""
    names = [info.orig_filename]
    if not info.flag_bits & UTF8:
        raw = info.orig_filename.encode("cp437")  # how Python read it
        names = _unicode_path(info.extra, raw) or _guesses(raw)
    # Half of a surrogate pair cannot be written anywhere.
    names = [name.encode("utf-8", "replace").decode("utf-8") for name in names]
    name, *others = [unicodedata.normalize("NFC", name.replace("\\", "/")) for name in names]
    return name, others


def _unicode_path(extra: bytes, raw: bytes) -> list[str]:
    """Return the name in the extra field that some programs write beside one in a code page."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        data, extra = extra[4 : 4 + size], extra[4 + size :]
        is_named = kind == UNICODE_PATH and len(data) > 5 and data[0] == 1
        if is_named and struct.unpack("<L", data[1:5])[0] == zlib.crc32(raw):
            return [data[5:].decode("utf-8", "replace")]
    return []


def _guesses(raw: bytes) -> list[str]:
    """Return a name by its bytes: UTF-8 (a Mac), else in the code pages that make letters of it."""
    try:
        return [raw.decode("utf-8")]
    except UnicodeDecodeError:
        texts = [raw.decode(page, "replace") for page in CODE_PAGES]
    likely = [text for text in texts if all(c.isascii() or c.isalpha() for c in text)]
    first = likely[0] if likely else raw.decode("cp852")
    return [*dict.fromkeys([first, raw.decode("cp1250", "replace"), raw.decode("cp437"), *likely])]


def safe_name(name: str) -> tuple[str | None, str | None]:
    """Return a name that any file system accepts, and what was changed, in a few words.

    The name is None if it leads out of the zip.
    """
    if re.match(r"[A-Za-z]:/", name) or ".." in name.split("/"):
        return None, "points outside the zip"
    parts = [part for part in name.split("/") if part not in ("", ".")]
    plain = [re.sub(r"[\x00-\x1f]", "_", part) for part in parts]
    short = [_shortened(part) for part in plain[-MOST_NAME_BYTES:]]
    while len("/".join(short).encode()) > MOST_NAME_BYTES and len(short) > 1:
        short = short[1:]
    if not short:
        return None, "is no name"
    remarks = {
        "began with a slash": name.startswith("/"),
        "held characters that no name may hold": plain != parts,
        "was too long": short != plain,
    }
    remark = " and ".join(words for words, is_true in remarks.items() if is_true)
    return "/".join(short), remark or None


def _shortened(part: str) -> str:
    if len(part.encode()) <= MOST_PART_BYTES:
        return part
    stem, dot, ending = part.rpartition(".")
    ending = dot + ending if stem and len(ending) <= MOST_ENDING else ""
    stem = (stem if ending else part).encode()[: MOST_PART_BYTES - len(ending.encode())]
    return stem.decode("utf-8", "ignore") + ending


def _time(info: zipfile.ZipInfo) -> float | None:
    """Return when a member was changed according to the zip; None if it does not say."""
    try:
        moment = time.mktime((*info.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return None
    return moment if info.date_time > (1980, 1, 1, 0, 0, 0) else None
