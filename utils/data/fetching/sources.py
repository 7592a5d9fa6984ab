"""Look for a data file: in the cache, then in the mirror, then at its official sources.

The mirror is the folder or http(s) address that `COURSE_DATA_MIRROR` names. `data/registry.toml`
says what each file is, and `data/README.md` has more.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from utils.common.errors import DataError
from utils.common.files import format_bytes
from utils.data.fetching import network
from utils.data.fetching.download import download, install, remove_if_wrong
from utils.data.fetching.errors import DownloadError, Reason
from utils.data.fetching.network import without_password
from utils.data.fetching.places import (
    cache_folder,
    folders_to_read,
    is_web,
    mirror,
    mirror_in_words,
    no_such_mirror,
    of_mirror,
    say_once,
)
from utils.data.fetching.registry import RegistryFile, entry_of

ADVICE = (
    "run again when online (after restarting the kernel), or set COURSE_DATA_MIRROR to a folder "
    "or web address that has the files (data/README.md says how)"
)
NOT_IN_MIRROR = "not in the mirror"  # a short reason
MIRROR_ONLY = "it has no official source, only a mirror can have it"

_verified: set[tuple[Path, int, int]] = set()
_unreachable_hosts: set[str] = set()


@dataclass(frozen=True)
class Origin:
    """Where data came from: the kind (`own`: the user's file), and a line to read."""

    kind: Literal["cache", "mirror", "official", "sample", "own"]
    text: str

    @property
    def is_sample(self) -> bool:
        """Whether a sample stands in for the real data."""
        return self.kind == "sample"


@dataclass(frozen=True)
class Found:
    """A file of the registry on this machine, the kind of its source, and which source it was."""

    entry: RegistryFile
    path: Path
    kind: Literal["cache", "mirror", "official"]
    where: str

    def origin(self, what: str) -> Origin:
        """Return the origin of `what`, which is made from this file."""
        return Origin(self.kind, f"{self.entry.title}, {what}, from {self.where}")

    def announce(self, what: str) -> Origin:
        """Print where `what`, which is made from this file, came from; return its origin."""
        origin = self.origin(what)
        print(f"{origin.text}.")
        return origin


# --- Looking for a file ----------------------------------------------------------------------


def find(names: Iterable[str], failures: list[Reason], folder: Path | None = None) -> Found | None:
    """Look for the first of several files that any source has, the nearest source first.

    Args:
        names: The files' names in the registry.
        failures: If a source fails, its reason is added here.
        folder: Where to put the file; by default in the cache.

    Raises:
        DataError: A name is unknown.
    """
    entries = [entry_of(name) for name in names]
    for source in (_from_cache, _from_mirror, _from_official):
        for entry in entries:
            try:
                found = source(entry, failures, folder)
            except DataError as problem:  # there is no folder to write to
                failures.append(Reason("no folder can be written", str(problem).rstrip(".")))
                continue
            if found:
                return found
    if not failures:
        failures.append(Reason("no official source", MIRROR_ONLY))
    return None


def fetch(name: str) -> Path:
    """Return the path of a file of the registry, fetching it if need be.

    Args:
        name: As in `data/registry.toml`, for instance `mnist/train-images-idx3-ubyte.gz`.

    Raises:
        DataError: The name is unknown, or no source has the file. No sample stands in.
    """
    return fetch_with_origin(name)[0]


def fetch_with_origin(name: str) -> tuple[Path, Origin]:
    """Return the path of a file, as `fetch` does, and where the file came from."""
    failures = []
    found = find([name], failures)
    if found:
        return found.path, found.origin(found.path.name)
    entry = entry_of(name)
    reasons = [failure.text for failure in failures] + ([] if entry.urls else [MIRROR_ONLY])
    lines = [f"No source has {entry.name} ({format_bytes(entry.size)})."]
    lines += [f"  - {reason}" for reason in dict.fromkeys(reasons)]
    lines.append(f"What you can do: {ADVICE}.")
    raise DataError("\n".join(lines))


def announce_sample(title: str, what: str, counted: str, failures: list[Reason]) -> Origin:
    """Say in two lines that `what` stands in for `title`, and why; return the sample's origin.

    The origin names every source's reason briefly, so that whoever sees only a table of results
    does not suspect the network when the mirror is at fault.
    """
    text = f"SAMPLE, not {title}: {what}"
    print(f"{text}; {counted}. Reason: {all_reasons(failures)}.")
    print(f"For the real data: {ADVICE}.")
    return Origin("sample", f"{text} ({short_reasons(failures)})")


def all_reasons(failures: Iterable[Reason]) -> str:
    """Return every reason with its details, in one line."""
    texts = dict.fromkeys(failure.text.rstrip(".") for failure in failures)
    return "; ".join(texts).replace("\n", " ")


def short_reasons(failures: Iterable[Reason]) -> str:
    """Return every reason briefly, in one clause."""
    return "; ".join(dict.fromkeys(failure.short for failure in failures))


# --- The three sources -----------------------------------------------------------------------
# Their arguments are those of `find`, for one file.


def is_right(path: Path, entry: RegistryFile) -> bool:
    """Check the sha256 of a file; a process reads an unchanged file only once."""
    state = path.stat()
    signature = (path, state.st_size, state.st_mtime_ns)
    if signature not in _verified:
        if entry.exact_size not in (None, state.st_size) or not entry.matches(path):
            return False
        _verified.add(signature)
    return True


def _from_cache(entry: RegistryFile, failures: list[Reason], folder: Path | None) -> Found | None:
    """Look in the cache; a damaged file is deleted, with a message."""
    for cache in folders_to_read():
        path = cache / entry.name
        try:
            if not os.path.isfile(path):  # also if the folder may not be read
                continue
            if is_right(path, entry):
                return _copy_of(Found(entry, path, "cache", "the cache"), folder, failures)
            remove_if_wrong(entry, path)
        except (OSError, DownloadError):
            pass  # it cannot be read, or cannot be deleted: then only go past it
        short = "the cached file is damaged"
        failures.append(Reason(short, f"the cached file {entry.name} is damaged"))
        say_once(f"The cached file {entry.name} is damaged, so it is fetched again.")
    return None


def _copy_of(found: Found, folder: Path | None, failures: list[Reason]) -> Found | None:
    """Copy a file of the cache to `folder`, if one is given."""
    if folder is None:
        return found
    path = folder / found.entry.name
    try:
        install(found.entry, found.path, path, str(found.path))
    except DownloadError as problem:
        failures.append(_reason(problem))
        return None
    return replace(found, path=path)


def _from_mirror(entry: RegistryFile, failures: list[Reason], folder: Path | None) -> Found | None:
    """Look in the mirror that `COURSE_DATA_MIRROR` names, if any, and copy the file."""
    try:
        place = mirror()
    except DataError:
        failures.append(no_such_mirror())
        return None
    if not place:
        return None
    if is_web(place):
        return _from_web_mirror(entry, failures, place, folder)
    source, where = Path(place) / entry.name, f"the {mirror_in_words()}"
    if not os.path.isdir(place):
        failures.append(no_such_mirror())
        return None
    if not os.path.isfile(source):
        failures.append(_not_in_mirror(where, entry))
        return None
    target = (folder or cache_folder()) / entry.name
    try:
        install(entry, source, target, f"the mirror's {entry.name}")
        return Found(entry, target, "mirror", where)
    except DownloadError as problem:
        reason = _reason(problem)
    if reason.short in ("cannot be read", "checksum wrong"):
        failures.append(of_mirror(reason))
    elif folder is None and is_right(source, entry):
        # Only the copy failed, for instance because the disk is full.
        return Found(entry, source, "mirror", f"{where}, read in place")
    else:
        failures.append(reason)
    return None


def _from_web_mirror(
    entry: RegistryFile, failures: list[Reason], address: str, folder: Path | None
) -> Found | None:
    if network.offline_requested():
        return None  # the official sources will give the same reason
    url = f"{address.rstrip('/')}/{quote(entry.name)}"
    try:
        return _fetch_to(folder, entry, [url], "mirror")
    except DownloadError as problem:
        if any(failure.status in (404, 410) for failure in problem.failures):
            failures.append(_not_in_mirror(f"the mirror {without_password(address)}", entry))
        else:
            reason = _reason(problem)
            failures.append(of_mirror(reason) if problem.failures else reason)
    return None


def _not_in_mirror(where: str, entry: RegistryFile) -> Reason:
    return Reason(NOT_IN_MIRROR, f"{where} does not have {entry.name}")


def _from_official(
    entry: RegistryFile, failures: list[Reason], folder: Path | None
) -> Found | None:
    """Download from the official sources, unless `COURSE_OFFLINE` is set."""
    if not entry.urls:
        return None
    if network.offline_requested():
        failures.append(network.obstacle(entry.urls[0]))
        return None
    try:
        return _fetch_to(folder, entry, _while_online(entry.urls), "official")
    except DownloadError as problem:
        failures.append(_reason(problem))
        return None


def _while_online(urls: Iterable[str]) -> Iterator[str]:
    """Yield official URLs until two different hosts have proved to be unreachable.

    Then the machine is taken to be offline, and no lesson waits for a third host.
    """
    for url in urls:
        if len(_unreachable_hosts) >= 2:
            return
        obstacle = network.obstacle(url)
        if obstacle and obstacle.short == network.UNREACHABLE:  # and no proxy's fault
            _unreachable_hosts.add(urlsplit(url).hostname)
        yield url


def _fetch_to(folder: Path | None, entry: RegistryFile, urls: Iterable[str], kind: str) -> Found:
    target = (folder or cache_folder()) / entry.name
    url = download(entry, urls, target)
    if url.startswith("file:"):  # another process fetched it while this one waited
        return Found(entry, target, "cache", "the cache")
    where = f"the {mirror_in_words()}" if kind == "mirror" else urlsplit(url).netloc
    return Found(entry, target, kind, where)


def _reason(problem: DownloadError) -> Reason:
    """Shorten a download's error to its reasons."""
    if not problem.failures:
        if problem.short:  # the disk is full, or the like
            return Reason(problem.short, str(problem).rstrip("."))
        return Reason("no network", "there seems to be no network")
    reached = [reason for reason in problem.failures if reason.short not in network.OBSTACLES]
    short = (reached or problem.failures)[-1].short
    if short == network.UNREACHABLE and len(_unreachable_hosts) >= 2:
        short = "no network"
    return Reason(short, all_reasons(problem.failures))
