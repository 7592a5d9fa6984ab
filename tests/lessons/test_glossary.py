"""The glossary: sorted, complete, and with the lesson whose text first uses each word."""

import functools
import re

import pytest
from conftest import ROOT

from tools.authoring import check

PATH = ROOT / "notebooks" / "GLOSSARY.md"
ROW = re.compile(r"\| ([^|]+) \| ([^|]+) \| ([^|]+) \| \[(\d\d)\]\(((\d\d)_\w+\.ipynb)\) \|")

# What the lessons also call a thing that has a row.
OTHER_WORDS = {
    "confidence interval": ("Wilson's interval",),
    "gradient clipping": ("clipping",),
    "matrix": ("matrices",),
    "vanishing gradient": ("vanishing",),
}

# Words that stand in earlier lessons in another sense than the glossary's: where, and in which.
OTHER_SENSES = {
    "head": {"03": "the head of a dog"},
    "memory": {
        "01": "of a computer, and how far back Adam looks",
        "02": "of a computer",
        "05": "of the nearest neighbour, which keeps its samples",
    },
    "remainder": {"02": "of a division"},
    "shape": {"00": "of a valley"},
    "temperature": {"06": "of tomorrow's weather"},
    "vocabulary": {"02": "one word in a table of tasks, with nothing about it"},
    "warm-up": {"00": "the lecture's first exercise"},
    "window": {"02": "what pooling looks at", "03": "of a ship"},
}

NOT_PROSE = re.compile(
    r"""
    ```.*?```                                         # code
    | `(?P<word>[a-z]+)`                              # but `relu` reads like any word
    | `[^`]*`
    | \$\$.*?\$\$                                     # formulas
    | (?<!\\)\$[^$]*\$
    | \*\*Further\ reading:\*\*.*?(?=\n\n|\Z)         # titles of papers
    | \[?!\[[^\]]*\]\([^)]*\)(?:\]\([^)]*\))?         # pictures and badges
    | \[[^\]]*\]\(\d\d_\w+\.ipynb[^)]*\)              # titles of other lessons
    | \]\([^)]*\)                                     # where the other links lead
    | https?://\S+
    | </?\w[^>]*>
    """,
    re.DOTALL | re.VERBOSE,
)


def rows():
    lines = PATH.read_text(encoding="utf-8").split("|---|---|---|---|\n")[1].splitlines()
    return [(line, ROW.fullmatch(line)) for line in lines]


def named_lessons():
    """The number of the lesson that the glossary gives for each term."""
    return {match[1]: match[4] for _, match in rows()}


def plain(text):
    """Lower case, and one space for every gap: a term may be broken, or written with a hyphen."""
    return re.sub(r"[\s‑-]+", " ", text.lower())


def prose(text):
    """What one reads as sentences in a Markdown cell, made plain."""
    return plain(NOT_PROSE.sub(lambda match: match["word"] or " ", text).replace("*", ""))


@functools.cache
def lessons():
    """The prose of every lesson, by its number."""
    texts = {}
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        cells = check.read(path).notebook.cells
        texts[path.name[:2]] = "\n\n".join(
            prose(cell.source) for cell in cells if cell.cell_type == "markdown"
        )
    return texts


def forms(word):
    """A word and its plural, whichever it is."""
    word = plain(word)
    return (word, f"{word}s", f"{word}es", f"{word[:-1]}ies" if word.endswith("y") else word)


def lessons_of(terms, texts):
    """Numbers of the lessons in whose prose each term stands, in order.

    A term inside a longer one does not count: "cross-entropy" tells nobody what "entropy" is.
    """
    words = ((term, word) for term in terms for word in (term, *OTHER_WORDS.get(term, ())))
    term_of = {form: term for term, word in words for form in forms(word)}
    longest_first = sorted(term_of, key=len, reverse=True)
    any_form = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")
    found = {term: [] for term in terms}
    for number, text in sorted(texts.items()):
        for term in {term_of[form] for form in any_form.findall(text)}:
            found[term].append(number)
    return found


def misplaced(named, texts, other_senses=OTHER_SENSES):
    """One message for each term whose lesson is not the first that uses it in its sense."""
    for term, numbers in lessons_of(named, texts).items():
        first = [number for number in numbers if number not in other_senses.get(term, {})][:1]
        if first != [named[term]]:
            yield f"{term}: the glossary says {named[term]}, the text {first or 'nowhere'}"


def needless(named, texts, other_senses=OTHER_SENSES):
    """One message for each exception that is none."""
    found = lessons_of(named, texts)
    for term, senses in other_senses.items():
        for number in senses:
            if number not in found.get(term, ()) or number >= named[term]:
                yield f"{term} in {number}"


def test_every_row_is_complete():
    for line, match in rows():
        assert match, f"not a row of the form | term | magyarul | meaning | [NN](…) |: {line}"
        assert match[4] == match[6], f"the link of {match[1]} leads to another lesson"
        assert (ROOT / "notebooks" / match[5]).is_file(), f"{match[1]} leads nowhere"
        assert len(match[3]) < 100, f"{match[1]} takes more than a line"
    assert len(rows()) >= 120


def test_it_is_sorted_and_names_nothing_twice():
    terms = [plain(match[1]) for _, match in rows()]
    assert terms == sorted(set(terms))


def test_every_term_leads_to_the_lesson_whose_text_first_uses_it():
    wrong = list(misplaced(named_lessons(), lessons()))
    assert not wrong, "\n".join(wrong)


def test_every_exception_is_one():
    named = named_lessons()
    assert set(OTHER_WORDS) | set(OTHER_SENSES) <= set(named)
    assert not list(needless(named, lessons()))


TINY = {
    "00": "a valley of this shape. minus the cross entropy",
    "01": "the shape of the array",
    "02": "its entropy",
}


@pytest.mark.parametrize(
    ("named", "other_senses", "wrong"),
    [
        ({"shape": "01", "entropy": "02", "cross-entropy": "00"}, {"shape": {"00": "…"}}, []),
        ({"shape": "01"}, {}, ["shape"]),  # it stands in an earlier lesson
        ({"shape": "02"}, {"shape": {"00": "…"}}, ["shape"]),
        ({"entropy": "01"}, {}, ["entropy"]),
        ({"tensor": "00"}, {}, ["tensor"]),
    ],
)
def test_a_wrong_lesson_is_noticed(named, other_senses, wrong):
    messages = misplaced(named, TINY, other_senses)
    assert [message.split(":")[0] for message in messages] == wrong


@pytest.mark.parametrize(
    ("senses", "wrong"),
    [
        ({"shape": {"00": "…"}}, []),
        ({"entropy": {"00": "it is inside another term"}}, ["entropy in 00"]),
        ({"shape": {"01": "it is the lesson named"}}, ["shape in 01"]),
        ({"tensor": {"00": "it has no row"}}, ["tensor in 00"]),
    ],
)
def test_a_needless_exception_is_noticed(senses, wrong):
    named = {"shape": "01", "entropy": "02", "cross-entropy": "00"}
    assert list(needless(named, TINY, senses)) == wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a *mini-\nbatch* of $n$ samples", "a mini batch of samples"),
        ("$$\\text{loss}$$ and `input_tensor` and `relu` and `kernel`", "and and relu and kernel"),
        ("```python\nmetric = 1\n```\n\nso", "so"),
        ("**Before:** [03 · Activation maps](03_activation_maps.ipynb).", "before: ."),
        ("[the paper](https://a.b/kernels)", "[the paper"),
        ("[![Kaggle](https://a.b/c.svg)](https://kaggle.com/kernels) x", "x"),
        ("<details><summary>Solution</summary>", "solution"),
        ("end.\n\n**Further reading:** Kingma 2015, *Adam:\na method*.\n\nnew", "end. new"),
    ],
)
def test_what_counts_as_prose(text, expected):
    assert prose(text).split() == expected.split()


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("mini-batch", "two mini batches", True),
        ("back-propagation", "Back-\npropagation", True),
        ("memory", "all memories", True),
        ("gate", "we navigate", False),
        ("lag", "a flag", False),
        ("float16", "bfloat16", False),
    ],
)
def test_how_terms_are_looked_for(term, text, found):
    assert bool(lessons_of([term], {"00": plain(text)})[term]) == found
