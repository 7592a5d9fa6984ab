"""The tables of Open Images, reduced to the few lines that are wanted.

A table is streamed, block by block, in constant memory, and only the lines that are wanted are
kept: in the cache as a small CSV file with the table's own header. The table itself is never
stored; that of the training labels has 2.7 GB.
"""

import contextlib
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from utils.common.errors import DataError
from utils.common.files import format_bytes, write_atomically
from utils.data.fetching import download as downloads
from utils.data.fetching import sources
from utils.data.fetching.download import SourceFailedError
from utils.data.fetching.sources import Reason
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
LARGE_BYTES = 300_000_000  # from here on it is said how much there is to read
LONGEST_LINE = 1 << 14

NOT_THERE = "not there"

Blocks = Iterator[bytes]
Keep = Callable[[Blocks], Iterable[bytes]]


class NoSourceError(DataError):
    """No source has a table."""


# --- What to keep ----------------------------------------------------------------------------


def every_line(text: Blocks) -> Iterator[bytes]:
    """Keep every line."""
    return (line for line in lines(text) if line.strip())


def lines_that_hold(words: Iterable[str]) -> Keep:
    """Keep the lines in which one of the words occurs, anywhere.

    Lines are not even looked for where there is no such word: this runs at the speed at which
    a regular expression is searched for, about 1 GB/s. Whether the word is a whole field, the
    caller checks with a CSV parser on the few lines that remain.
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
        for line in lines(text):
            if line.partition(b",")[0].strip(b'"') in wanted:
                yield line

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
    """Cut a stream of blocks anew, at the ends of lines."""
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


# --- Read, or take from the cache ------------------------------------------------------------


def read_table(
    path: str,
    columns: Iterable[str],
    keep: Keep,
    selection: object,
    failures: list[Reason],
    progress: bool = True,
) -> list[dict[str, str]] | None:
    """Return the wanted rows of a table, each as column -> text.

    Looked for in the cache, in the mirror, and at the official host.

    Args:
        path: of the table, as in a mirror.
        columns: that it has to have.
        keep: chooses the lines.
        selection: what `keep` chooses, for the name of the cached result (anything for JSON).
        failures: gets the reason of each source that does not deliver.
        progress: show a bar.

    Returns:
        The rows, or None if no source has the table.
    """
    content = read_content(path, columns, keep, selection, failures, progress)
    if content is None:
        return None
    rows = csv.DictReader(io.StringIO(content.decode("utf-8", "replace"), newline=""), restval="")
    first = next(iter(columns))
    return [
        {name: value for name, value in row.items() if name is not None}
        for row in rows
        if row[first]
    ]


def read_content(
    path: str,
    columns: Iterable[str],
    keep: Keep,
    selection: object,
    failures: list[Reason],
    progress: bool = True,
) -> bytes | None:
    """Like `read_table`, but return the header and the wanted lines as they are."""
    for source in all_sources():
        cached = _cached_file(source, path, selection)
        try:
            if cached.is_file():
                content = cached.read_bytes()
                _check_header(content.partition(b"\n")[0], columns, "the cached table")
                _check_lines(content, "the cached table")
                return content
        except (OSError, SourceFailedError):
            pass  # not readable, or damaged: then it is made anew
        reason = source.obstacle(path)
        if reason is None:
            try:
                content = _read_from(source, path, columns, keep, progress)
                _check_lines(content, source.shown(path))
                _write_cache(cached, content)
                return content
            except NotThereError as problem:
                short = NOT_THERE if source.kind == "official" else sources.NOT_IN_MIRROR
                reason = Reason(short, str(problem))
            except SourceFailedError as problem:
                reason = Reason(problem.short, str(problem))
        failures.append(sources.of_mirror(reason) if source.kind == "mirror" else reason)
    return None


def _read_from(
    source: Source, path: str, columns: Iterable[str], keep: Keep, progress: bool
) -> bytes:
    """Stream a table and return the header and the wanted lines."""
    name = path.rpartition("/")[2]
    state = Progress()
    digest = hashlib.sha256()
    with downloads.progress_bar(name, 0, None, shown=progress) as bar:

        def text() -> Blocks:
            for block in blocks(source, path, state):
                digest.update(block)
                if bar.total is None and state.total:
                    bar.total = state.total
                    if state.total > LARGE_BYTES and not source.is_folder:
                        size = format_bytes(state.total)
                        print(f"Reading {name} ({size}) once; only what is needed is kept.")
                bar.update(len(block))
                yield block

        with contextlib.closing(text()) as stream:  # closed where `keep` has seen enough
            header, rest = _split_header(stream)
            _check_header(header, columns, source.shown(path))
            kept = [header, *keep(rest)]
    whole = state.read == state.total or state.total is None
    expected = PUBLISHED.get(path) if source.kind == "official" and whole else None
    if expected and digest.hexdigest() != expected:
        raise SourceFailedError(
            f"{source.shown(path)} is not the file that was published (its sha256 is "
            f"{digest.hexdigest()}, expected {expected})",
            "checksum wrong",
        )
    return b"\n".join(kept) + b"\n"


def _split_header(stream: Blocks) -> tuple[bytes, Blocks]:
    begun = b""
    for block in stream:
        begun += block
        header, newline, rest = begun.partition(b"\n")
        if newline or len(begun) > LONGEST_LINE:
            break
    else:
        header, rest = begun, b""

    def remaining() -> Blocks:
        yield rest
        yield from stream

    return header.removeprefix(b"\xef\xbb\xbf").strip(), remaining()


def _check_header(header: bytes, columns: Iterable[str], where: str) -> None:
    try:
        names = next(csv.reader([header.decode("utf-8", "replace")]), [])
    except csv.Error:  # no table at all: binary, or a page
        names = []
    missing = [name for name in columns if name not in names]
    if missing:
        found = header[:60].decode("utf-8", "replace")
        raise SourceFailedError(
            f"{where} is not the table that was expected: it has no column {missing[0]!r}, it "
            f"begins with {found!r}",
            "wrong content",
        )


def _check_lines(content: bytes, where: str) -> None:
    try:
        for _ in csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")):
            pass
    except csv.Error as problem:
        raise SourceFailedError(f"{where} is no table ({problem})", "wrong content") from problem


def _cached_file(source: Source, path: str, selection: object) -> Path:
    stamp = None
    if source.is_folder:
        try:
            state = Path(source.address(path)).stat()
            stamp = [state.st_size, state.st_mtime_ns]  # a mirror's file can be replaced
        except OSError:
            pass
    key = json.dumps([source.kind, source.base, stamp, path, selection], sort_keys=True)
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    name = path.rpartition("/")[2].removesuffix(".csv")
    return sources.cache_folder() / "openimages" / "tables" / f"{name}--{digest}.csv"


def _write_cache(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, content)
    except OSError as problem:  # it works without, only the next call is slower
        print(f"{path} could not be written ({problem.strerror or problem}).")


def no_source(path: str, failures: list[Reason]) -> NoSourceError:
    """Return the error for a table that no source has."""
    reasons = [f"  - {text}" for text in dict.fromkeys(failure.text for failure in failures)]
    return NoSourceError(
        "\n".join([f"No source has {path}.", *reasons, f"What you can do: {sources.ADVICE}."])
    )
