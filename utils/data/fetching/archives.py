"""Zip and tar archives: what is in them, checked, and unpacked all or nothing."""

import errno
import fnmatch
import gzip
import hashlib
import lzma
import os
import re
import secrets
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from utils.data.fetching.download import DownloadError, check_free_space, local_problem, locked

REFUSED_MEMBER_ERRORS = getattr(tarfile, "FilterError", ())  # Python 3.11.4 and newer
DAMAGED_ARCHIVE_ERRORS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
)


def content_sha256_of(path: str | os.PathLike, pattern: str, largest: int) -> str:
    """Return one sha256, in hexadecimal, for the files in a zip archive that match a pattern.

    Some hosts pack an archive anew for every request, so its own bytes change while what is in it
    does not. This digest depends on the files alone, whatever folder they are in and however they
    were packed. It is what the shell says, in the folder of the files, to

        export LC_ALL=C; sha256sum *.wav | sha256sum

    Args:
        path: the archive.
        pattern: of the files' paths in the archive, as for `members_like`.
        largest: an archive that is larger than this, or whose files are larger together than
            twice this, is not unpacked at all.

    Returns:
        The digest; for an archive that is damaged or none at all, a word on why it has no digest.
    """
    try:
        size = os.stat(path).st_size
        if size > largest:
            return f"none (its {size} bytes are more than {largest})"
        with zipfile.ZipFile(path) as archive:
            members = members_like(archive, pattern)
            unpacked = sum(member.file_size for member in members)
            if unpacked > 2 * largest:
                return f"none (unpacked, its {unpacked} bytes are more than {2 * largest})"
            digest = hashlib.sha256()
            for member in members:
                # No member yields more bytes than it announces, and its CRC is compared.
                found = hashlib.sha256(archive.read(member)).hexdigest()
                digest.update(f"{found}  {_last_part(member)}\n".encode())
            return digest.hexdigest()
    except DAMAGED_ARCHIVE_ERRORS as problem:
        return f"none ({problem or 'the archive is cut short'})"
    except (RuntimeError, ValueError, OverflowError, struct.error) as problem:
        return f"none ({problem})"  # encrypted, an unknown compression, or nonsense in its fields
    except OSError as problem:
        if problem.errno != errno.EINVAL:
            raise
        return "none (it points to places outside itself)"


def members_like(archive: zipfile.ZipFile, pattern: str) -> list[zipfile.ZipInfo]:
    """Return the files in an archive whose path ends like a pattern, ordered by their names.

    Names that begin with a dot are left out: a Mac packs such shadows of its files.

    Args:
        archive: open for reading.
        pattern: such as `recordings/*.wav`; folders above it may have any names.
    """
    members = [
        member
        for member in archive.infolist()
        if fnmatch.fnmatchcase(f"/{member.filename}", f"*/{pattern}")
        and not _last_part(member).startswith(".")
    ]
    return sorted(members, key=_last_part)


def _last_part(member: zipfile.ZipInfo) -> str:
    return member.filename.rpartition("/")[2]


def unpack(archive: str | os.PathLike, folder: str | os.PathLike) -> Path:
    """Unpack a tar (also compressed) or zip archive into `folder` and return the folder.

    All or nothing: the members are unpacked beside the folder, which gets its name in the end.
    So a folder that exists and is not empty was unpacked earlier and is left alone.

    Raises:
        DownloadError: a member would land outside the folder, the archive is damaged or of
            another kind, or the disk is full. Nothing is unpacked then.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        return folder
    if not archive.is_file():
        raise DownloadError(f"{archive} does not exist, so it cannot be unpacked.")
    with locked(folder, folder.name):
        if folder.is_dir():
            if any(folder.iterdir()):  # another process has unpacked it meanwhile
                return folder
            folder.rmdir()
        try:
            temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
            temporary.mkdir()
            try:
                _unpacker(archive)(archive, temporary)
                os.replace(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        except REFUSED_MEMBER_ERRORS as problem:
            raise DownloadError(f"{archive} is refused: {problem}. Nothing was unpacked.") from None
        except DAMAGED_ARCHIVE_ERRORS as problem:
            raise DownloadError(
                f"{archive} is damaged ({problem}). Delete it and fetch it again."
            ) from problem
        except OSError as problem:
            raise local_problem(problem, folder, None) from problem
    return folder


def _unpacker(archive: Path) -> Callable[[Path, Path], None]:
    if tarfile.is_tarfile(archive):
        return _unpack_tar
    if zipfile.is_zipfile(archive):
        return _unpack_zip
    raise DownloadError(f"{archive} is neither a tar nor a zip archive (or it is damaged).")


def _unpack_tar(archive: Path, folder: Path) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise DownloadError("Unpacking safely needs Python 3.11.4 or newer.")
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as members:
        inside = folder.resolve()
        for name in members.namelist():
            # A backslash or a drive means something only on Windows, but is never right.
            outside = not (folder / name).resolve().is_relative_to(inside)
            if outside or "\\" in name or re.match(r"[A-Za-z]:", name) or name.startswith("/"):
                raise DownloadError(
                    f"{archive} is refused: its member {name!r} would land outside the folder. "
                    "Nothing was unpacked."
                )
        check_free_space(folder, sum(member.file_size for member in members.infolist()))
        members.extractall(folder)
