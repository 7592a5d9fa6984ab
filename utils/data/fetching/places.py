"""The places that hold data files on or near this machine: the cache and the mirror."""

import functools
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from utils.common.errors import DataError
from utils.data.fetching.errors import Reason
from utils.data.fetching.network import FAULTS_OF_THIS_MACHINE, without_password

ROOT = Path(__file__).resolve().parents[3]
DEFAULT_CACHE = ROOT / "data" / "cache"
SAMPLES = ROOT / "data" / "samples"  # what is bundled
NO_SUCH_MIRROR = "there is no such mirror"  # a short reason


@functools.cache
def say_once(text: str) -> None:
    """Print a line, but only once in a process."""
    print(text)


def named_folder(variable: str) -> Path | None:
    """Return the folder that an environment variable names, or None if it names nothing.

    A relative path starts at the repository's root, so that it is the same folder for commands in
    the root, for kernels, which run in `notebooks/`, for tests and for the grader.

    Raises:
        DataError: It begins with the home folder (`~`) of a user unknown to this machine.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise DataError(
            f"{variable} is {value}, and this machine does not know that home folder"
        ) from None
    return path if path.is_absolute() else Path(os.path.realpath(ROOT / path))


def expanded(folder: str | os.PathLike) -> Path:
    """Return a folder that somebody typed as an absolute path. Raise DataError for `~nobody`."""
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError:
        raise DataError(f"{folder}: this machine does not know that home folder.") from None


# --- Cache -----------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Return the folder that fetched files go to; it exists and can be written.

    It is `COURSE_DATA_DIR`, by default `data/cache` in the repository. If that cannot be written,
    the user's cache folder takes its place, or else a temporary one (a message says so once).

    Raises:
        DataError: Not even a temporary folder can be written.
    """
    return _writable_folder(preferred_cache())


def folders_to_write() -> Iterator[Path]:
    """Yield the preferred cache, then the folders that can take its place; create none."""
    yield preferred_cache()
    yield from _fallback_folders()


def folders_to_read() -> Iterator[Path]:
    """Yield the preferred cache, readable even where it cannot be written, then the one in use."""
    yield preferred_cache()
    if cache_folder() != preferred_cache():
        yield cache_folder()


def preferred_cache() -> Path:
    """Return the folder that the cache would have if it can be written."""
    try:
        return named_folder("COURSE_DATA_DIR") or DEFAULT_CACHE
    except DataError as problem:
        say_once(f"{problem}; data are kept in the default folder instead.")
        return DEFAULT_CACHE


@functools.cache
def _writable_folder(preferred: Path) -> Path:
    for folder in (preferred, *_fallback_folders()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        if folder != preferred:
            print(f"The data folder {preferred} cannot be written; using {folder} instead.")
        return folder
    raise DataError(
        f"No folder for data can be written: neither {preferred} nor a temporary one. "
        "Set COURSE_DATA_DIR to a folder that can be written."
    )


def _fallback_folders() -> Iterator[Path]:
    name = "deep-learning-in-practice"
    cache = platformdirs.user_cache_path(name, appauthor=False, opinion=False)
    if cache.is_absolute():  # not so for a user without a home
        yield cache
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield Path(tempfile.gettempdir()) / f"{name}-{owner}"


# --- Mirror ----------------------------------------------------------------------------------


def mirror() -> str:
    """Return the http(s) address or the absolute path that `COURSE_DATA_MIRROR` names, or "".

    Raises:
        DataError: It names a folder in the home of a user unknown to this machine.
    """
    value = _mirror_variable()
    return value if is_web(value) else str(named_folder("COURSE_DATA_MIRROR") or "")


def is_web(place: str) -> bool:
    """Return whether a mirror is an http(s) address rather than a folder."""
    return place.lower().startswith(("http://", "https://"))


def mirror_in_words() -> str:
    """Return the mirror in a form for publication: no path, no password; "" if there is none."""
    value = _mirror_variable()
    if not is_web(value):
        return "mirror (a folder)" if value else ""
    return f"mirror {urlsplit(without_password(value)).netloc}"


def of_mirror(reason: Reason) -> Reason:
    """Return the reason why a mirror did not deliver, with the mirror named in its short form."""
    if reason.short in FAULTS_OF_THIS_MACHINE or "mirror" in reason.short:
        return reason
    return Reason(f"mirror: {reason.short}", reason.text)


def no_such_mirror() -> Reason:
    """Return the reason if `COURSE_DATA_MIRROR` names no folder; it says which one was meant."""
    value = _mirror_variable()
    what = "neither a folder nor http(s)"
    if re.search(r":.*@", value):  # there may be a password in it
        return Reason(NO_SUCH_MIRROR, f"what COURSE_DATA_MIRROR names is {what}")
    try:
        folder = mirror()
    except DataError as problem:
        return Reason(NO_SUCH_MIRROR, str(problem))
    meant = f", that is {folder}" if folder != value else ""
    return Reason(NO_SUCH_MIRROR, f"COURSE_DATA_MIRROR is {value}{meant}, which is {what}")


def _mirror_variable() -> str:
    return os.environ.get("COURSE_DATA_MIRROR", "").strip()
