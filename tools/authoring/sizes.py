"""The rules in numbers: how long a lesson may be, for the page and for the student.

A cell with the tag "folded" or "setup" is shown closed (in Colab as a form, in Jupyter with its
source hidden) and is not counted.
"""

import re
import statistics
from collections.abc import Iterator

import nbformat

from tools.authoring.lessons import Lesson, count_lines

MOST_CELLS = 45
MOST_LINES = 400
MOST_LINES_OF_A_CELL = 20
MOST_LINES_OF_HALF_THE_CELLS = 9
MOST_MINUTES = 90
FOLDED = {"folded", "setup"}
_STUDENTS_TIME = re.compile(r"\*\*Your time:\*\*\s+(?:about\s+)?(\d+)\s+minutes")


def rule_sizes(lesson: Lesson) -> Iterator[str]:
    """Keep a lesson short: cells, lines, lines of a cell, and the student's minutes."""
    if lesson.is_homework:
        return
    lines = {
        number: count_lines(cell.source) for number, cell in lesson.code if not is_folded(cell)
    }
    if len(lines) > MOST_CELLS:
        yield f"has {len(lines)} code cells that are not folded; at most {MOST_CELLS}"
    if sum(lines.values()) > MOST_LINES:
        yield f"has {sum(lines.values())} lines of visible code; at most {MOST_LINES}"
    if lines and statistics.median_low(lines.values()) > MOST_LINES_OF_HALF_THE_CELLS:
        yield f"has more than {MOST_LINES_OF_HALF_THE_CELLS} lines in more than half of its cells"
    for number, count in lines.items():
        if count > MOST_LINES_OF_A_CELL:
            yield f"cell {number} has {count} lines; at most {MOST_LINES_OF_A_CELL}, or fold it"
    told = _STUDENTS_TIME.search(lesson.first.source if lesson.first else "")
    if told is None:
        yield "does not say in its first cell how long a student needs (**Your time:** 60 minutes)"
    elif int(told[1]) > MOST_MINUTES:
        yield f"takes a student {told[1]} minutes; at most {MOST_MINUTES}, so make it two lessons"


def rule_folded(lesson: Lesson) -> Iterator[str]:
    """Give a folded cell a title; without one, Colab shows an empty bar."""
    for number, cell in lesson.code:
        if is_folded(cell) and not cell.source.startswith("# @title "):
            yield f"cell {number} is folded and does not begin with a title (# @title …)"


def is_folded(cell: nbformat.NotebookNode) -> bool:
    """Return whether a cell is shown closed."""
    return bool(FOLDED & set(cell.get("metadata", {}).get("tags", [])))
