"""The table of contents of a student's zip: names made safe, folders and links told apart."""

import dataclasses
import errno
import io
import re
import stat
import struct
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable

MOST_CONTENTS = 30 * 2**20  # bytes of a table of contents
MOST_PART_BYTES = 240  # of a name; file systems allow 255
MOST_NAME_BYTES = 1000  # with its folders
UTF8, UNICODE_PATH = 0x800, 0x7075
DOS_FOLDER = 0x10
# What Windows writes in names that are not marked as UTF-8, in Central Europe first.
CODE_PAGES = ("cp852", "cp1250", "cp437", "cp850", "cp1252", "cp866", "cp1251")
CODE_PAGES += ("gbk", "cp932", "cp949", "big5")


@dataclasses.dataclass(frozen=True)
class Member:
    """A file in a zip: its name, other names it may have had, its size as the zip says."""

    name: str
    aliases: tuple
    size: int
    when: float | None
    open: Callable


class _Bounded(io.FileIO):
    """A file of which nobody reads very much at once: `zipfile` reads all contents in one piece."""

    error = None  # of the machine, which `zipfile` would take for one of the zip's
    _read = io.FileIO.read

    def read(self, size=-1):
        if size is not None and size > MOST_CONTENTS:
            raise zipfile.BadZipFile("the table of contents is too long")
        try:
            return self._read(size)
        except OSError as error:
            self.error = error
            raise


def open_archive(path):
    """The zip, open; None if it is none that can be read.

    Raises:
        OSError: the machine could not read the file.
    """
    stream = _Bounded(path)
    try:
        return zipfile.ZipFile(stream)
    except MemoryError:
        stream.close()
        raise
    except Exception:  # damaged in whatever way
        stream.close()
        if stream.error is not None:
            raise stream.error from None
        return None


def is_of_the_machine(error):
    """Whether an OSError came from the disk, not from damaged data or a place that is not there."""
    return error.errno not in (None, errno.EINVAL)  # a seek to before the file's beginning


def why(error):
    """Why a file in a zip cannot be read, in a few words."""
    if isinstance(error, NotImplementedError):
        return "packed in a way that the grader does not know"
    is_encrypted = isinstance(error, RuntimeError) and "encrypted" in str(error)
    return "encrypted" if is_encrypted else "damaged"


def list_members(archive, label):
    """The files in a zip.

    Args:
        archive: The open `zipfile.ZipFile`.
        label: What it is called in notes.

    Returns:
        A list of `Member`, and sentences about what was noticed. Nothing dangerous is among them.
    """
    names = [(member, *_decoded(member)) for member in archive.infolist()]
    folders = {part for _, name, _ in names for part in _folders_of(name)}
    members, notes, is_guessed = [], [], None
    for member, raw, others in names:
        if _is_folder(member, raw, folders):
            continue
        name, remark = safe_name(raw)
        if name is None:
            notes.append(f"{label}: {raw[:80]!r} {remark} and was left out.")
            continue
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            notes.append(f"{label}: {name} is a link or a device and was left out.")
            continue
        if remark:
            notes.append(f"{label}: a name {remark}; it is {name} here.")
        aliases = tuple(dict.fromkeys(safe_name(other)[0] or name for other in others))
        is_guessed = is_guessed or (name if others else None)
        members.append(
            Member(
                name,
                aliases,
                member.file_size,
                _time(member),
                lambda member=member: archive.open(member),
            )
        )
    if is_guessed:
        notes.append(
            f"{label}: accents in names are not marked as UTF-8, so they are a guess, such as "
            f"{is_guessed}."
        )
    return members, notes


def _folders_of(name):
    parts = name.split("/") if len(name) <= MOST_NAME_BYTES else []
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _is_folder(member, name, folders):
    """Whether an entry is a folder, also where Windows does not say so with a slash."""
    if name.endswith("/") or stat.S_ISDIR(member.external_attr >> 16):
        return True
    return member.file_size == 0 and (bool(member.external_attr & DOS_FOLDER) or name in folders)


def _decoded(member):
    """A member's name with `/`, and the other names that it may have where nobody says."""
    name, others = member.orig_filename, ()
    if not member.flag_bits & UTF8:
        raw = name.encode("cp437")  # how Python read it
        name, others = _unicode_path(member.extra, raw) or _guess(raw)
    return _tidy(name), tuple(map(_tidy, others))


def _tidy(name):
    # What was half of a pair of characters cannot be written anywhere.
    name = name.encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _unicode_path(extra, raw):
    """The name in the extra field that some programs write beside one in an old code page."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        data, extra = extra[4 : 4 + size], extra[4 + size :]
        is_named = kind == UNICODE_PATH and len(data) > 5 and data[0] == 1
        if is_named and struct.unpack("<L", data[1:5])[0] == zlib.crc32(raw):
            return data[5:].decode("utf-8", "replace"), ()
    return None


def _guess(raw):
    """A name by its bytes: UTF-8 (a Mac), else the code page that makes letters of them."""
    try:
        return raw.decode("utf-8"), ()
    except UnicodeDecodeError:
        pass
    found = []
    for page in CODE_PAGES:
        text = raw.decode(page, "replace")
        if all(each.isascii() or each.isalpha() for each in text):
            found.append(text)
    first = found[0] if found else raw.decode("cp852")
    others = [raw.decode("cp1250", "replace"), raw.decode("cp437"), *found]
    return first, tuple(other for other in dict.fromkeys(others) if other != first)


def safe_name(name):
    """A name that any file system takes, and what was changed.

    Returns:
        The name and a few words or None; None and the words if the name leads out of the zip.
    """
    if re.match(r"[A-Za-z]:/", name) or ".." in name.split("/"):
        return None, "points outside of the zip"
    remarks = []
    if name.startswith("/"):
        remarks.append("began with a slash")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    plain = ["".join("_" if ord(each) < 32 else each for each in part) for part in parts]
    if plain != parts:
        remarks.append("held characters that no name may hold")
    short = [_shortened(part, MOST_PART_BYTES) for part in plain[-MOST_NAME_BYTES:]]
    while len("/".join(short).encode()) > MOST_NAME_BYTES and len(short) > 1:
        short = short[1:]
    if short != plain:
        remarks.append("was too long")
    if not short:
        return None, "is no name"
    return "/".join(short), " and ".join(remarks) or None


def _shortened(part, most):
    if len(part.encode()) <= most:
        return part
    stem, dot, ending = part.rpartition(".")
    ending = dot + ending if stem and len(ending) <= 20 else ""
    kept = (stem if ending else part).encode()[: most - len(ending.encode())]
    return kept.decode("utf-8", "ignore") + ending


def _time(member):
    """When it was changed, says the zip; None where it does not say."""
    try:
        moment = (*member.date_time, 0, 0, -1)
        return time.mktime(moment) if member.date_time > (1980, 1, 1, 0, 0, 0) else None
    except (ValueError, OverflowError):
        return None
