"""Long texts to learn from: two plays, a novel, or your own.

from utils import data

play = data.load_text("shakespeare")    # "madach", "war_and_peace", or your "my_text.txt"
play.text[:40]                          # "First Citizen:\\nBefore we proceed any fur…"
play.language                           # "en"
play.origin.is_sample                   # True if the bundled text stands in
"""

import bz2
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from utils.common.errors import DataError
from utils.data.fetching import sources
from utils.data.fetching.places import SAMPLES
from utils.data.fetching.registry import entry_of, unknown
from utils.data.fetching.sources import Origin

SHAKESPEARE = "text/tinyshakespeare.txt"
MADACH = "text/madach-az-ember-tragediaja.xml"
WAR_AND_PEACE = "text/war-and-peace-2600-0.txt"
SHORTEST = 20_000  # characters: five per cent of less are too few to measure anything on
TEXT_SAMPLES = {
    "shakespeare": "the last 450,000 characters of it, which come with the course",
    "madach": "the play's text as it comes with the course",
    "war_and_peace": "the first 1,250,000 characters of it, which come with the course",
}

_TEI = "{http://www.tei-c.org/ns/1.0}"


@dataclass(frozen=True, repr=False)
class Text:
    """One long text.

    Attributes:
        name: The name in the registry, for instance `madach`; for your own file, its path.
        title: Author and title of `text`; for your own file, the file's name.
        language: The code of `text` in ISO 639: `en` or `hu`; `und` (undetermined) for your own.
        text: Unicode in normal form C (an accented letter is one character); lines end in a
            newline character.
        origin: Where it came from.
    """

    name: str
    title: str
    language: str
    text: str
    origin: Origin

    def __repr__(self) -> str:
        return (
            f"Text({self.name}: {self.title}, {len(self.text):,} characters, "
            f"{len(set(self.text))} different ones, from: {self.origin.kind})"
        )


def load_text(name: str | Path) -> Text:
    """Load a text by name, or your own file by its path.

    Args:
        name: `shakespeare`, `madach`, `war_and_peace`, or the path of a plain text in UTF-8 of at
            least 20,000 characters.

    Raises:
        DataError: There is no such name and no such file, or the file is not such a text.
    """
    if name in TEXT_LOADERS:
        return TEXT_LOADERS[name]()
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise DataError(
            f"{unknown('text', name, TEXT_LOADERS)} For a text of your own, give the path "
            f"of its file, as in load_text('my_text.txt'); {path} is not a file."
        )
    text = read_plain_text(path)
    counted = f"{len(text):,} characters"
    if len(text) < SHORTEST:
        raise DataError(f"{path} holds {counted}, and at least {SHORTEST:,} are needed.")
    origin = Origin("own", f"{path.name}, {counted}, a file of yours")
    print(f"{origin.text}.")
    return Text(str(path), path.name, "und", text, origin)


def load_shakespeare() -> Text:
    """Load 1.1 million characters of Shakespeare's plays in English (Karpathy 2015).

    If no source has it, its bundled last 450,000 characters stand in; `origin.is_sample` says so.
    """
    return _load("shakespeare", SHAKESPEARE, "William Shakespeare, plays", "en", read_plain_text)


def load_madach() -> Text:
    """Load Imre Madách's play The Tragedy of Man (1861) in Hungarian; see `read_tei_play`.

    If no source has it, the bundled copy of the text stands in; `origin.is_sample` says so.
    """
    return _load("madach", MADACH, "Imre Madách, Az ember tragédiája", "hu", read_tei_play)


def load_war_and_peace() -> Text:
    """Load Tolstoy's novel in the English of Louise and Aylmer Maude, 3.2 million characters.

    If no source has it, its bundled first 1,250,000 characters stand in; `origin.is_sample`.
    """
    title = "Leo Tolstoy, War and Peace"
    return _load("war_and_peace", WAR_AND_PEACE, title, "en", read_gutenberg)


TEXT_LOADERS = {
    "shakespeare": load_shakespeare,
    "madach": load_madach,
    "war_and_peace": load_war_and_peace,
}


def _load(name: str, file: str, title: str, language: str, read: Callable[[Path], str]) -> Text:
    failures = []
    found = sources.find([file], failures)
    if found:
        text = read(found.path)
        return Text(name, title, language, text, found.announce(f"{len(text):,} characters"))
    text = read_sample(name)
    counted = f"{len(text):,} characters"
    origin = sources.announce_sample(entry_of(file).title, TEXT_SAMPLES[name], counted, failures)
    return Text(name, title, language, text, origin)


# --- Reading ---------------------------------------------------------------------------------


def read_plain_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark; lines may end as on Windows.

    Raises:
        DataError: The file cannot be read, or is not in UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{path} is not a text in UTF-8: {problem}. Save it as UTF-8 in an editor, or read it "
            "with open(…, encoding=…) and write it again."
        ) from problem
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}.") from problem
    return unicodedata.normalize("NFC", text)


def read_gutenberg(path: Path) -> str:
    """Read a plain text of Project Gutenberg without what it says before and after the book.

    Raises:
        DataError: The file cannot be read, or does not say where the book starts and ends.
    """
    text = read_plain_text(path)
    book = re.search(r"\*\*\* ?START OF [^\n]*\n(.*)\n\*\*\* ?END OF ", text, flags=re.DOTALL)
    if book is None:
        raise DataError(f"{path} is not a text of Project Gutenberg: it has no START and END.")
    return book[1].strip() + "\n"


def read_tei_play(path: Path) -> str:
    """Read a play in TEI XML (Text Encoding Initiative) as it would stand on a page.

    The result has the headings of the scenes, the speakers' names, the verse (line by line), prose,
    and the stage directions, with a blank line between speeches. It has no header, no list of
    characters, and nothing that the editors added: notes, and counts of lines and pages in square
    brackets. White space that only indents the XML becomes one blank.

    Raises:
        DataError: The file is not XML, or not a play in TEI.
    """
    try:
        body = ElementTree.parse(path).getroot().find(f"{_TEI}text/{_TEI}body")
    except ElementTree.ParseError as problem:
        raise DataError(f"{path} is not XML: {problem}.") from problem
    if body is None:
        raise DataError(f"{path} is not a text in TEI: it has no text/body in {_TEI}.")
    for note in list(body.iter(f"{_TEI}note")):
        tail = note.tail
        note.clear()
        note.tail = tail
    blocks = [block for part in body for block in _blocks(part) if block]
    return unicodedata.normalize("NFC", "\n\n".join(blocks) + "\n")


def _blocks(element: ElementTree.Element) -> Iterator[str]:
    """Yield the parts that stand apart on the page: headings, stage directions, speeches."""
    if element.tag == f"{_TEI}div":
        for part in element:
            yield from _blocks(part)
    elif element.tag == f"{_TEI}sp":
        yield "\n".join(filter(None, _lines(element)))
    else:
        yield _words(element)


def _lines(element: ElementTree.Element) -> Iterator[str]:
    """Yield the lines of a speech: the speaker, verse, prose, and stage directions between."""
    for part in element:
        if part.tag == f"{_TEI}lg":  # a group of lines
            yield from _lines(part)
        else:
            yield _words(part)


def _words(element: ElementTree.Element) -> str:
    text = re.sub(r"\[[^]/]*[]/]", " ", "".join(element.itertext()))  # once they typed [200/
    return " ".join(text.split())


# --- The samples -----------------------------------------------------------------------------


def sample_file(name: str) -> Path:
    """Return the path of the bundled text of that name."""
    return SAMPLES / f"{name}.txt.bz2"


def read_sample(name: str) -> str:
    """Read a bundled text; `tools.weights.make_text_samples` made it."""
    return bz2.decompress(sample_file(name).read_bytes()).decode()
