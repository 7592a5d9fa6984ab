"""Identify a zip archive by the files in it, however it was packed."""

import errno
import fnmatch
import hashlib
import lzma
import os
import struct
import zipfile
import zlib

# Raised for a zip archive that is damaged, cut short, encrypted, or not an archive at all.
DAMAGED_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def content_sha256_of(path: str | os.PathLike, pattern: str, largest: int) -> str:
    """Return one sha256, in hexadecimal, for the files in a zip archive that match a pattern.

    Some hosts repack an archive for every request, so its own bytes change while its content does
    not. This digest depends only on the files, whatever folder they are in. In the folder of the
    unpacked files it is the output of

        export LC_ALL=C; sha256sum *.wav | sha256sum

    Args:
        path: The archive.
        pattern: Which files count, as for `matching_members`.
        largest: A larger archive, or one whose files are together larger than twice this (in
            bytes), is not unpacked at all.

    Returns:
        The digest; for a damaged archive, a few words on why it has none.
    """
    try:
        size = os.stat(path).st_size
        if size > largest:
            return f"none (its {size} bytes are more than {largest})"
        with zipfile.ZipFile(path) as archive:
            members = matching_members(archive, pattern)
            unpacked = sum(member.file_size for member in members)
            if unpacked > 2 * largest:
                return f"none (unpacked, its {unpacked} bytes are more than {2 * largest})"
            digest = hashlib.sha256()
            for member in members:
                # No member yields more bytes than it announces, and its CRC is compared.
                sha256 = hashlib.sha256(archive.read(member)).hexdigest()
                digest.update(f"{sha256}  {base_name(member)}\n".encode())
            return digest.hexdigest()
    except DAMAGED_ARCHIVE_ERRORS as problem:
        return f"none ({problem or 'the archive is cut short'})"
    except OSError as problem:
        if problem.errno != errno.EINVAL:
            raise
        return "none (it points to places outside itself)"


def matching_members(archive: zipfile.ZipFile, pattern: str) -> list[zipfile.ZipInfo]:
    """Return the members whose path ends in `pattern` (such as `recordings/*.wav`), by name.

    Hidden files, such as those that a Mac adds, do not count.
    """
    members = [
        member
        for member in archive.infolist()
        if fnmatch.fnmatchcase(f"/{member.filename}", f"*/{pattern}")
        and not base_name(member).startswith(".")
    ]
    return sorted(members, key=base_name)


def base_name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member without its folders."""
    return member.filename.rpartition("/")[2]
