"""The glossary: sorted, without doubles, complete rows, and words that the lessons really use."""

import re

import pytest
from conftest import ROOT

from tools import check

PATH = ROOT / "notebooks" / "GLOSSARY.md"
ROW = re.compile(r"\| ([^|]+) \| ([^|]+) \| ([^|]+) \| \[(\d\d)\]\(((\d\d)_\w+\.ipynb)\) \|")


def rows():
    lines = PATH.read_text(encoding="utf-8").split("|---|---|---|---|\n")[1].splitlines()
    return [(line, ROW.fullmatch(line)) for line in lines]


def plain(text):
    """Lower case, and one space for every gap: a term may be broken, or written with a hyphen."""
    return re.sub(r"[\s‑-]+", " ", text.lower())


def occurs(term, text):
    """Whether a term, or its plural, stands in a text that was made plain."""
    return re.search(rf"(?<![a-z]){re.escape(plain(term))}(?:s|es)?(?![a-z])", text)


def words_of(name):
    lesson = check.read(ROOT / "notebooks" / name)
    return plain("\n".join(cell.source for cell in lesson.notebook.cells))


def test_every_row_is_complete():
    for line, match in rows():
        assert match, f"not a row of the form | term | magyarul | meaning | [NN](…) |: {line}"
        assert match[4] == match[6], f"the link of {match[1]} leads to another lesson"
        assert len(match[3]) < 100, f"{match[1]} takes more than a line"
    assert len(rows()) >= 120


def test_it_is_sorted_and_names_nothing_twice():
    terms = [plain(match[1]) for _, match in rows()]
    assert terms == sorted(set(terms))


def test_every_term_stands_in_the_lesson_that_is_named():
    texts = {name: words_of(name) for name in {match[5] for _, match in rows()}}
    missing = [f"{m[1]} ({m[4]})" for _, m in rows() if not occurs(m[1], texts[m[5]])]
    assert not missing, f"not in the lessons named: {', '.join(missing)}"


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("mini-batch", "two mini batches", True),
        ("back-propagation", "Back-\npropagation", True),
        ("gate", "we navigate", False),
        ("lag", "a flag", False),
    ],
)
def test_how_terms_are_looked_for(term, text, found):
    assert bool(occurs(term, plain(text))) == found
