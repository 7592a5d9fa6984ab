"""What a run leaves behind: the table of grades, a page for each student, the class's summary.

grades.csv               one row per student, for Excel and every platform
feedback/STUDENT.html    one page per student
summary.html             the class
summary.json             the same for programs
"""

import json
from collections.abc import Sequence
from pathlib import Path

from grading.assignments.assignment import Assignment
from grading.reports import pages, summary
from grading.reports.rows import Row
from grading.reports.table import table
from grading.result_store import locked, write_whole


def write(folder: Path, rows: Sequence[Row], assignment: Assignment, about: dict) -> None:
    """Write the table and all pages.

    Args:
        folder: The results folder.
        rows: One per student.
        assignment: The homework.
        about: What to say about the run: "isolation" and "aside" (lists of sentences), "due"
            (seconds since 1970, or None).
    """
    folder = Path(folder)
    with locked(folder):
        write_whole(folder / "grades.csv", table(rows, assignment))
        for row in rows:
            write_page(folder, row, assignment)
        slugs = {row.slug for row in rows}
        for page in (folder / "feedback").glob("*.html"):
            if page.stem not in slugs:
                page.unlink(missing_ok=True)
        facts = summary.facts(rows, assignment)
        write_whole(folder / "summary.html", pages.class_page(facts, rows, about))
        text = json.dumps(summary.for_programs(facts, rows, about), indent=1, ensure_ascii=False)
        write_whole(folder / "summary.json", text)


def write_page(folder: Path, row: Row, assignment: Assignment) -> None:
    """Write a student's page, unless the same page is there already."""
    path = Path(folder) / "feedback" / f"{row.slug}.html"
    text = pages.student_page(row, assignment.title)
    try:
        is_same = path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        is_same = False
    if not is_same:
        write_whole(path, text)
