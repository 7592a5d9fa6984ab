"""The files behind the datasets: where they are looked for, and the cache they stay in.

A file is looked for in the cache, then in the mirror that `COURSE_DATA_MIRROR` names (a folder
or an http(s) address), then at its official sources. What every file is, and its sha256, stands
in `data/registry.toml`; `data/README.md` tells more.
"""

import contextlib
import difflib
import functools
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from utils.common.errors import DataError
from utils.common.files import format_bytes
from utils.data.fetching import archives, network
from utils.data.fetching import download as downloads
from utils.data.fetching.download import DownloadError
from utils.data.fetching.network import Reason, without_password

ROOT = Path(__file__).resolve().parents[3]
REGISTRY = ROOT / "data" / "registry.toml"
DEFAULT_CACHE = REGISTRY.parent / "cache"
ADVICE = (
    "run again when online (after restarting the kernel), or set COURSE_DATA_MIRROR to a folder "
    "or web address that has the files (data/README.md says how)"
)
NO_SUCH_MIRROR = "there is no such mirror"  # short reasons
NOT_IN_MIRROR = "not in the mirror"
MIRROR_ONLY = "it has no official source, only a mirror can have it"


@dataclass(frozen=True)
class Origin:
    """Where data came from: the kind (`own`: a file of the user), and a line for people."""

    kind: Literal["cache", "mirror", "official", "sample", "own"]
    text: str

    @property
    def is_sample(self) -> bool:
        """Whether a sample stands in for the real data."""
        return self.kind == "sample"


# --- Variables -------------------------------------------------------------------------------


def named_folder(variable: str) -> Path | None:
    """Return the folder that an environment variable names, or None where it names nothing.

    A relative path is meant from the repository's root, so that it is one folder for all: for
    commands in the root, for kernels, which run in `notebooks/`, for tests and the grader.

    Raises:
        DataError: it begins with the home folder (`~`) of somebody whom this machine does not know.
    """
    wish = os.environ.get(variable, "").strip()
    try:
        path = Path(wish).expanduser()
    except RuntimeError:
        raise DataError(
            f"{variable} is {wish}, and this machine does not know that home folder"
        ) from None
    if not wish:
        return None
    return path if path.is_absolute() else Path(os.path.realpath(ROOT / path))


def expanded(folder: str | os.PathLike) -> Path:
    """Return a folder that somebody typed as an absolute path. Raises DataError for `~nobody`."""
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError:
        raise DataError(f"{folder}: this machine does not know that home folder.") from None


def mirror() -> str:
    """Return the http(s) address or the absolute path that `COURSE_DATA_MIRROR` names, or "".

    Raises DataError as `named_folder` does.
    """
    wish = os.environ.get("COURSE_DATA_MIRROR", "").strip()
    return wish if is_web(wish) else str(named_folder("COURSE_DATA_MIRROR") or "")


def is_web(place: str) -> bool:
    """Tell an http(s) address from a folder."""
    return place.lower().startswith(("http://", "https://"))


def mirror_in_words() -> str:
    """Return the mirror as it may be published: no path, no password; "" if there is none."""
    wish = os.environ.get("COURSE_DATA_MIRROR", "").strip()
    if not is_web(wish):
        return "mirror (a folder)" if wish else ""
    return f"mirror {urlsplit(without_password(wish)).netloc}"


def of_mirror(reason: Reason) -> Reason:
    """Return the reason why a mirror did not deliver, such that its short form names the mirror."""
    if reason.short in network.FAULTS_OF_THIS_MACHINE or "mirror" in reason.short:
        return reason
    return Reason(f"mirror: {reason.short}", reason.text)


def no_such_mirror() -> Reason:
    """Return the reason where `COURSE_DATA_MIRROR` names no folder; it tells which was meant."""
    wish = os.environ.get("COURSE_DATA_MIRROR", "").strip()
    short, what = NO_SUCH_MIRROR, "neither a folder nor http(s)"
    if re.search(r":.*@", wish):  # there may be a password in it
        return Reason(short, f"what COURSE_DATA_MIRROR names is {what}")
    try:
        folder = mirror()
    except DataError as problem:
        return Reason(short, str(problem))
    meant = f", that is {folder}" if folder != wish else ""
    return Reason(short, f"COURSE_DATA_MIRROR is {wish}{meant}, which is {what}")


# --- Registry --------------------------------------------------------------------------------


@dataclass(frozen=True)
class RegistryFile:
    """One file of the registry; `name` is also its path in the cache and in a mirror.

    Of a zip archive that its host may pack anew at any time, the files in it are pinned instead
    of the archive's own bytes: then `content` is their pattern (such as `recordings/*.wav`),
    `sha256` is `archives.content_sha256_of`, and `size` is only about right.
    """

    name: str
    dataset: str
    title: str
    urls: tuple[str, ...]
    sha256: str
    size: int
    licence: str
    citation: str
    content: str = ""

    @property
    def largest(self) -> int | None:
        """The most bytes that an archive packed anew may have; None where the size is fixed."""
        return 2 * self.size if self.content else None

    def digest(self, path: Path) -> str:
        """Return the digest of a file to compare with `sha256`."""
        if self.content:
            return archives.content_sha256_of(path, self.content, self.largest)
        return downloads.sha256_of(path)


@dataclass(frozen=True)
class Found:
    """A file of the registry on this machine, the kind of its source, and which source it was."""

    entry: RegistryFile
    path: Path
    kind: Literal["cache", "mirror", "official"]
    where: str

    def origin(self, what: str) -> Origin:
        """Return the origin of `what`, which is made of this file."""
        return Origin(self.kind, f"{self.entry.title}, {what}, from {self.where}")


@functools.cache
def _registry(path: Path) -> dict[str, RegistryFile]:
    """Read the registry: name of a file -> its entry. Raises DataError if it cannot be read."""
    try:
        datasets = tomllib.loads(path.read_text(encoding="utf-8"))
        return {
            name: RegistryFile(
                name=name,
                dataset=dataset,
                title=about["title"],
                urls=tuple(file["urls"]),
                sha256=file["sha256"].lower(),
                size=file["size"],
                licence=file.get("licence") or about["licence"],
                citation=file.get("citation") or about["citation"],
                content=file.get("content", ""),
            )
            for dataset, about in datasets.items()
            for name, file in about["files"].items()
        }
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise DataError(f"The registry {path} cannot be read: {problem}.") from problem
    except KeyError as problem:
        raise DataError(f"The registry {path} has an entry without {problem}.") from problem


def registry_files() -> dict[str, RegistryFile]:
    """Return all files of `data/registry.toml`, by name."""
    return _registry(REGISTRY)


def entry_of(name: str) -> RegistryFile:
    """Return the entry of a file. Raises DataError for an unknown name."""
    files = registry_files()
    if name not in files:
        raise DataError(unknown("file", name, files))
    return files[name]


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not known, with the names it may have meant."""
    known = list(known)
    # People leave out the folder, so the last part of a name counts as well.
    aliases = {alias.lower(): full for full in known for alias in (full, full.split("/")[-1])}
    close = difflib.get_close_matches(str(name).lower(), aliases, n=2, cutoff=0.5)
    meant = " or ".join(dict.fromkeys(repr(aliases[alias]) for alias in close))
    hint = f" Did you mean {meant}?" if meant else ""
    return f"There is no {kind} {name!r}.{hint} Known: {', '.join(known)}."


# --- Cache -----------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Return the folder that fetched files go to; it exists and can be written.

    It is `COURSE_DATA_DIR`, by default `data/cache` in the repository. If that cannot be
    written, a cache folder of the user takes its place, then a temporary one (said once).

    Raises:
        DataError: not even a temporary folder can be written.
    """
    return _writable_folder(_preferred_cache())


def folders_to_write() -> Iterator[Path]:
    """Yield the preferred cache, then the folders that can take its place; none is made."""
    yield _preferred_cache()
    yield from _fallback_folders()


def _preferred_cache() -> Path:
    try:
        return named_folder("COURSE_DATA_DIR") or DEFAULT_CACHE
    except DataError as problem:
        _say_once(f"{problem}; data are kept in the default folder instead.")
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
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        base = base if os.path.isabs(base) else "~/.cache"  # as its standard says
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path(base).expanduser() / name
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield Path(tempfile.gettempdir()) / f"{name}-{owner}"


_verified: set[tuple[Path, int, int]] = set()


def is_right(path: Path, entry: RegistryFile) -> bool:
    """Check the sha256 of a file; a file that has not changed is not read twice by a process."""
    state = path.stat()
    signature = (path, state.st_size, state.st_mtime_ns)
    if signature not in _verified:
        size_is_right = bool(entry.content) or state.st_size == entry.size
        if not size_is_right or entry.digest(path) != entry.sha256:
            return False
        _verified.add(signature)
    return True


# --- Sources ---------------------------------------------------------------------------------
# Each takes an entry and a list to which it adds why it failed, and returns what it found, or
# None. `folder` is where a fetched file goes (by default the cache).

_unreachable_hosts: set[str] = set()
_said: set[str] = set()


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        print(text)


def from_cache(entry: RegistryFile, failures: list[Reason]) -> Found | None:
    """Look in the cache; a damaged file is deleted, and that is said."""
    for folder in _folders_to_read():
        path = folder / entry.name
        try:
            if not os.path.isfile(path):  # also where the folder may not be looked into
                continue
            if is_right(path, entry):
                return Found(entry, path, "cache", "the cache")
            downloads.remove_if_wrong(path, entry.sha256, entry.digest)
        except (OSError, DownloadError):
            pass  # it cannot be read, or cannot be deleted: then only go past it
        failures.append(
            Reason("the cached file is damaged", f"the cached file {entry.name} is damaged")
        )
        _say_once(f"The cached file {entry.name} is damaged, so it is fetched again.")
    return None


def _folders_to_read() -> Iterator[Path]:
    """Yield the preferred cache, which can be read even if it cannot be written, then ours."""
    preferred = _preferred_cache()
    yield preferred
    folder = cache_folder()
    if folder != preferred:
        yield folder


def from_mirror(
    entry: RegistryFile, failures: list[Reason], folder: Path | None = None
) -> Found | None:
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
        label = f"the mirror's {entry.name}"
        downloads.install(source, target, entry.sha256, entry.digest, label=label)
        return Found(entry, target, "mirror", where)
    except (OSError, DownloadError) as problem:
        try:
            if folder is None and is_right(source, entry):
                # Only the copy failed, for instance because the disk is full.
                return Found(entry, source, "mirror", f"{where}, read in place")
        except OSError:
            pass  # the mirror's file cannot be read; that is the problem to report
        reason = Reason(getattr(problem, "short", "cannot be read"), str(problem).rstrip("."))
        of_source = reason.short in ("cannot be read", "checksum wrong")
        failures.append(of_mirror(reason) if of_source else reason)
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


def from_official(
    entry: RegistryFile, failures: list[Reason], folder: Path | None = None
) -> Found | None:
    """Download from the official sources, unless `COURSE_OFFLINE` is set."""
    if not entry.urls:
        return None
    if network.offline_requested():
        failures.append(network.obstacle(entry.urls[0]))
    else:
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
    url = downloads.download(
        urls,
        target,
        entry.sha256,
        None if entry.content else entry.size,
        largest=entry.largest,
        digest=entry.digest,
        label=entry.name,
    )
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
    reasons = dict.fromkeys(
        # An unreachable host is named in the reason already.
        failure.reason if failure.unreachable else f"{failure.address}: {failure.reason}"
        for failure in problem.failures
    )
    reached = [failure for failure in problem.failures if not failure.unreachable]
    short = (reached or problem.failures)[-1].short
    if short == network.UNREACHABLE and len(_unreachable_hosts) >= 2:
        short = "no network"
    return Reason(short, "; ".join(reasons))


def find(names: Iterable[str], failures: list[Reason]) -> Found | None:
    """Look for the first of several files that any source has, the nearest source first.

    Where a source fails, the reason is added to `failures`. Raises DataError for an unknown name.
    """
    entries = [entry_of(name) for name in names]
    for source in (from_cache, from_mirror, from_official):
        for entry in entries:
            try:
                found = source(entry, failures)
            except DataError as problem:  # there is no folder to write to
                failures.append(Reason("no folder can be written", str(problem).rstrip(".")))
                continue
            if found:
                return found
    if not failures:
        failures.append(Reason("no official source", MIRROR_ONLY))
    return None


def all_reasons(failures: Iterable[Reason]) -> str:
    """Return every reason with its details, in one line."""
    texts = dict.fromkeys(failure.text.rstrip(".") for failure in failures)
    return "; ".join(texts).replace("\n", " ")


def short_reasons(failures: Iterable[Reason]) -> str:
    """Return every reason in short, in one clause."""
    return "; ".join(dict.fromkeys(failure.short for failure in failures))


# --- Single files ----------------------------------------------------------------------------


def announce_sample(title: str, what: str, counted: str, failures: list[Reason]) -> Origin:
    """Say in two lines what stands in for real data, and why; return the sample's origin.

    The origin names every source's reason in short, since whoever sees only a table of results
    shall not look at the network where the mirror is at fault.
    """
    text = f"SAMPLE, not {title}: {what}"
    print(f"{text}; {counted}. Reason: {all_reasons(failures)}.")
    print(f"For the real data: {ADVICE}.")
    return Origin("sample", f"{text} ({short_reasons(failures)})")


def fetch(name: str) -> Path:
    """Return the path of a file of the registry, fetching it if need be.

    Args:
        name: as in `data/registry.toml`, for instance `mnist/train-images-idx3-ubyte.gz`.

    Raises:
        DataError: the name is unknown, or no source has the file. No sample stands in for a
            single file.
    """
    path, _ = fetch_with_origin(name)
    return path


def fetch_with_origin(name: str) -> tuple[Path, Origin]:
    """Like `fetch`, but return the path and where the file came from."""
    failures = []
    found = find([name], failures)
    if found is None:
        raise _missing(entry_of(name), failures)
    return found.path, found.origin(found.path.name)


def _missing(entry: RegistryFile, failures: list[Reason]) -> DataError:
    lines = [f"No source has {entry.name} ({format_bytes(entry.size)})."]
    reasons = [failure.text for failure in failures] + ([] if entry.urls else [MIRROR_ONLY])
    lines += [f"  - {reason}" for reason in dict.fromkeys(reasons)]
    lines.append(f"What you can do: {ADVICE}.")
    return DataError("\n".join(lines))
