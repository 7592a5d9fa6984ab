"""The glossary: complete, sorted, and with a lesson for each word in which the word stands."""

import functools
import re

import nbformat
import pytest
from conftest import ROOT

ROW = re.compile(r"\| ([^|]+) \| ([^|]+) \| ([^|]+) \| \[(\w+)\]\((\w+\.ipynb)\) \|")
# What the lessons also call a thing that has a row.
OTHER_WORDS = {
    "confidence interval": ("Wilson's interval",),
    "gradient clipping": ("clipping",),
    "matrix": ("matrices",),
    "vanishing gradient": ("vanishing",),
}
TABLE = (ROOT / "notebooks" / "GLOSSARY.md").read_text(encoding="utf-8")
ROWS = TABLE.split("|---|---|---|---|\n")[1].splitlines()


def plain(text):
    """Lower case, and one space for every gap: a term may be broken, or written with a hyphen."""
    return re.sub(r"[\s‑*`-]+", " ", text.lower())


@functools.cache
def prose(lesson):
    """Return all text of a lesson, made plain."""
    cells = nbformat.read(ROOT / "notebooks" / lesson, as_version=4).cells
    return plain("\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))


def forms(word):
    """Yield a word and its plural, whichever it is."""
    word = plain(word)
    yield from (word, f"{word}s", f"{word}es")
    if word.endswith("y"):
        yield f"{word[:-1]}ies"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_row_is_complete_and_leads_to_a_lesson_with_the_word(row):
    match = ROW.fullmatch(row)
    assert match, "not a row of the form | term | magyarul | meaning | [NN](…) |"
    term, _, meaning, number, lesson = match.groups()
    assert lesson.startswith(f"{number}_"), "the link leads to another lesson"
    assert len(meaning) < 100, "the meaning takes more than a line"
    words = [form for word in (term, *OTHER_WORDS.get(term, ())) for form in forms(word)]
    assert re.search(rf"\b(?:{'|'.join(map(re.escape, words))})\b", prose(lesson))


def test_it_is_sorted_and_names_nothing_twice():
    terms = [plain(row.split("|")[1].strip()) for row in ROWS]
    assert terms == sorted(set(terms)) and len(terms) >= 120
