"""The registry `data/registry.toml`: what every data file is, and the sha256 it must have."""

import difflib
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from utils.common.errors import DataError
from utils.data.fetching import archives, disk
from utils.data.fetching.places import ROOT

REGISTRY = ROOT / "data" / "registry.toml"


@dataclass(frozen=True)
class RegistryFile:
    """One file of the registry; `name` is also its path in the cache and in a mirror.

    For a zip archive that its host may repack at any time, the files in it are pinned instead
    of the archive's own bytes: then `content` is their pattern (such as `recordings/*.wav`),
    `sha256` is that of `archives.content_sha256_of`, and `size` is only approximate.
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
    def exact_size(self) -> int | None:
        """The size in bytes, or None where it is only approximate."""
        return None if self.content else self.size

    @property
    def largest(self) -> int:
        """The most bytes that the file may have."""
        return 2 * self.size if self.content else self.size

    def digest(self, path: Path) -> str:
        """Return the digest of a file to compare with `sha256`."""
        if self.content:
            return archives.content_sha256_of(path, self.content, self.largest)
        return disk.sha256_of(path)

    def matches(self, path: Path) -> bool:
        """Return whether a file has the right content."""
        return self.digest(path) == self.sha256


@functools.cache
def _read(path: Path) -> dict[str, RegistryFile]:
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
    return _read(REGISTRY)


def entry_of(name: str) -> RegistryFile:
    """Return the entry of a file. Raise DataError for an unknown name."""
    files = registry_files()
    if name not in files:
        raise DataError(unknown("file", name, files))
    return files[name]


def unknown(kind: str, name: str | int, known: Iterable[str | int]) -> str:
    """Return the sentence for an unknown name, with the names that may have been meant."""
    known = list(known)
    names = [name for name in known if isinstance(name, str)]
    # People leave out the folder, so the last part of a name counts as well.
    aliases = {alias.lower(): full for full in names for alias in (full, full.split("/")[-1])}
    close = difflib.get_close_matches(str(name).lower(), aliases, n=2, cutoff=0.5)
    meant = " or ".join(dict.fromkeys(repr(aliases[alias]) for alias in close))
    hint = f" Did you mean {meant}?" if meant else ""
    return f"There is no {kind} {name!r}.{hint} Known: {', '.join(map(str, known))}."
