"""The tables of Open Images, reduced to the few lines that are needed.

A table is streamed block by block, in constant memory. Only the wanted lines are kept, in the
cache, as a small CSV file with the table's own header; the labels of the train part alone have
2.7 GB.
"""

import contextlib
import csv
import hashlib
import io
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from utils.common.errors import DataError
from utils.common.files import format_bytes, write_atomically
from utils.data.fetching import download as downloads
from utils.data.fetching import network, places, sources
from utils.data.fetching.errors import Reason, SourceFailedError
from utils.openimages.hosts import NotThereError, Progress, Source, all_sources, blocks

# The published sha256 of official files. A mirror's may differ: it can have fewer lines.
PUBLISHED = {
    "openimages/v7/oidv7-class-descriptions.csv": (
        "84a4373a0efb7fd6d93fe19b0e7ceb6c1b855c233d13b9b78a9a33655c9fdce3"
    ),
    "openimages/v7/oidv7-val-annotations-human-imagelabels.csv": (
        "92ddbdfceb3626e044df5e89100b24f6c22a79c1888a4bddd00a6f231d86d56a"
    ),
    "openimages/2018_04/validation/validation-images-with-rotation.csv": (
        "ed93a0e121fe345effdfc7359b848dbc64a1ff6778c8c73563157cb500b33a17"
    ),
}
LARGE_BYTES = 300_000_000  # from here on a line says how much there is to read
LONGEST_LINE = 1 << 14
NOT_THERE = "not there"

Blocks = Iterator[bytes]
Keep = Callable[[Blocks], Iterable[bytes]]


class NoSourceError(DataError):
    """No source has a table; `failures` says why, for each source."""

    def __init__(self, path: str, failures: list[Reason]):
        reasons = [f"  - {text}" for text in dict.fromkeys(failure.text for failure in failures)]
        advice = f"What you can do: {sources.ADVICE}."
        super().__init__("\n".join([f"No source has {path}.", *reasons, advice]))
        self.failures = failures

    @property
    def is_fault(self) -> bool:
        """Whether a source has the table, or may have it, but failed to deliver it."""
        harmless = {NOT_THERE, sources.NOT_IN_MIRROR, places.NO_SUCH_MIRROR, *network.OBSTACLES}
        return any(
            failure.short.removeprefix("mirror: ") not in harmless for failure in self.failures
        )


# --- Which lines to keep ---------------------------------------------------------------------


def every_line(text: Blocks) -> Iterator[bytes]:
    """Keep every line."""
    return (line for line in lines(text) if line.strip())


def lines_that_hold(words: Iterable[str]) -> Keep:
    """Keep the lines in which one of the words occurs, anywhere.

    Where there is no such word, lines are not even looked for: a regular expression searches about
    1 GB/s. The caller checks the few lines that remain with a CSV parser.
    """
    pattern = re.compile(b"|".join(re.escape(word.encode()) for word in sorted(words)))

    def keep(text: Blocks) -> Iterator[bytes]:
        for part in _whole_lines(text):
            done = 0
            for match in pattern.finditer(part):
                if match.start() < done:
                    continue  # a second word in the same line
                start = part.rfind(b"\n", done, match.start()) + 1 or done
                done = part.find(b"\n", match.end()) + 1 or len(part)
                yield part[start:done].rstrip(b"\r\n")

    return keep


def lines_that_begin_with(ids: Iterable[str]) -> Keep:
    """Keep the lines whose first field is one of the ids."""
    wanted = {name.encode() for name in ids}

    def keep(text: Blocks) -> Iterator[bytes]:
        return (line for line in lines(text) if line.partition(b",")[0].strip(b'"') in wanted)

    return keep


def lines(text: Blocks) -> Iterator[bytes]:
    """Yield the lines of a CSV file, without their ends; a quoted line break stays in its line."""
    begun = b""
    for part in _whole_lines(text):
        for line in part.splitlines():
            line = begun + b"\n" + line if begun else line
            begun = b""
            if line.count(b'"') % 2 and len(line) < LONGEST_LINE:
                begun = line
            else:
                yield line
    if begun:
        yield begun


def _whole_lines(text: Blocks) -> Iterator[bytes]:
    """Cut a stream of blocks at the ends of lines instead."""
    rest = []
    for block in text:
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest.append(block)
            continue
        yield b"".join([*rest, block[:cut]])
        rest = [block[cut:]]
    if last := b"".join(rest):
        yield last


# --- Read a table, or take it from the cache -------------------------------------------------


def read_table(
    path: str, columns: Iterable[str], keep: Keep, selection: object, progress: bool = True
) -> list[dict[str, str]]:
    """Return the wanted rows of a table, each as column -> text.

    The table is looked for in the cache, in the mirror, and at the official host.

    Args:
        path: The table's path in a mirror.
        columns: Those that it must have.
        keep: Chooses the lines.
        selection: What `keep` chooses, for the name of the cached result (anything for JSON).
        progress: Show a bar.

    Raises:
        NoSourceError: No source has the table.
    """
    return _parsed(read_lines(path, columns, keep, selection, progress), columns, path)


def read_lines(
    path: str, columns: Iterable[str], keep: Keep, selection: object, progress: bool = True
) -> bytes:
    """Return the header and the wanted lines as they are; otherwise as `read_table`."""
    failures = []
    for source in all_sources():
        cached = _cached_file(source, path, selection)
        with contextlib.suppress(OSError, SourceFailedError):  # not there yet, or damaged
            content = cached.read_bytes()
            _parsed(content, columns, "the cached table")
            return content
        reason = source.obstacle(path)
        if reason is None:
            try:
                content = _read_from(source, path, keep, progress)
                _parsed(content, columns, source.shown(path))
                with contextlib.suppress(OSError):  # it works without, but more slowly
                    write_atomically(cached, content)
                return content
            except NotThereError as problem:
                short = NOT_THERE if source.kind == "official" else sources.NOT_IN_MIRROR
                reason = Reason(short, str(problem))
            except SourceFailedError as problem:
                reason = Reason(problem.short, str(problem))
        failures.append(places.of_mirror(reason) if source.kind == "mirror" else reason)
    raise NoSourceError(path, failures)


def _read_from(source: Source, path: str, keep: Keep, progress: bool) -> bytes:
    """Stream a table and return the header and the wanted lines."""
    name = path.rpartition("/")[2]
    state = Progress()
    digest = hashlib.sha256()

    def text(bar) -> Blocks:
        for block in blocks(source, path, state):
            digest.update(block)
            if bar.total is None and state.total:
                bar.total = state.total
                if state.total > LARGE_BYTES and not source.is_folder:
                    size = format_bytes(state.total)
                    print(f"Reading {name} ({size}) once; only what is needed is kept.")
            bar.update(len(block))
            yield block

    with (
        downloads.progress_bar(name, 0, None, shown=progress) as bar,
        contextlib.closing(text(bar)) as stream,  # closed where `keep` has seen enough
    ):
        parts = _whole_lines(stream)
        header, _, rest = next(parts, b"").partition(b"\n")
        header = header.removeprefix(b"\xef\xbb\xbf").strip()
        content = b"\n".join([header, *keep(itertools.chain([rest], parts)), b""])
    is_whole = state.total in (None, state.read)
    expected = PUBLISHED.get(path) if source.kind == "official" and is_whole else None
    if expected and digest.hexdigest() != expected:
        raise SourceFailedError(
            f"{source.shown(path)} is not the file that was published (its sha256 is "
            f"{digest.hexdigest()}, expected {expected})",
            "checksum wrong",
        )
    return content


def _parsed(content: bytes, columns: Iterable[str], where: str) -> list[dict[str, str]]:
    """Return the rows of a table. Raises SourceFailedError if it is not the one expected."""
    text = io.StringIO(content.decode("utf-8", "replace"), newline="")
    try:
        reader = csv.DictReader(text, restval="")
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            begin = content[:60].decode("utf-8", "replace")
            raise csv.Error(f"it has no column {missing[0]!r}, it begins with {begin!r}")
        return list(reader)
    except csv.Error as problem:
        raise SourceFailedError(
            f"{where} is not the table that was expected: {problem}", "wrong content"
        ) from problem


def _cached_file(source: Source, path: str, selection: object) -> Path:
    stamp = None
    if source.is_folder:
        with contextlib.suppress(OSError):
            state = os.stat(source.address(path))
            stamp = [state.st_size, state.st_mtime_ns]  # a mirror's file can be replaced
    key = json.dumps([source.kind, source.base, stamp, path, selection], sort_keys=True)
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    name = path.rpartition("/")[2].removesuffix(".csv")
    return places.cache_folder() / "openimages" / "tables" / f"{name}--{digest}.csv"
