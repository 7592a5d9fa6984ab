"""The table of grades as CSV, for Excel and every platform."""

import csv
import io
import re
from collections.abc import Sequence

from grading.assignments.assignment import Assignment
from grading.reports.rows import Row, moment

MOST_CHARACTERS = 4000  # of a cell
HEAD = ("student", "id", "file", "points", "max", "status", "late", "handed in")
# A cell that begins like this would be taken for a formula.
_FORMULA = re.compile(r"^[\s\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
# So would a part of a cell in a spreadsheet that separates cells by something other than a comma
# (in many countries a semicolon), whatever quotes surround it.
_INNER_FORMULA = re.compile(r"([;,|\t][\s\u200b\ufeff\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def table(rows: Sequence[Row], assignment: Assignment) -> bytes:
    """Return the table of grades.

    It begins with a byte order mark, because Excel takes a file without one for its old code page
    and spoils every accent. Texts are quoted, and none can be taken for a formula.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    tasks = [f"{task.grade_id} (of {task.points:g})" for task in assignment.tasks]
    lines = [[*HEAD, *tasks, "to be read", "notes", "page"]]
    for row in rows:
        points = {
            task["grade_id"]: task["points"]
            for task in row.tasks
            if task["verdict"] != "manual" and row.points is not None
        }
        cells = [row.student, row.id, row.file, _number(row.points), _number(row.most)]
        cells += [row.status, row.lateness, moment(row.handed_in)]
        cells += [_number(points.get(task.grade_id)) for task in assignment.tasks]
        cells += [_number(row.to_read), "; ".join(row.notes), f"feedback/{row.slug}.html"]
        lines.append(cells)
    writer.writerows(map(safe_cell, cells) for cells in lines)
    return text.getvalue().encode("utf-8-sig", "replace")


def safe_cell(value: str | float) -> str | float:
    """Return a cell that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    value = _CONTROL.sub("\ufffd", value)
    if _FORMULA.match(value):
        value = "'" + value
    value = _INNER_FORMULA.sub(r"\1'", value)
    return " ".join(value.split())[:MOST_CHARACTERS]


def _number(value):
    """Return a number as people write it: 7 or 7.5; "" for None."""
    if value is None:
        return ""
    value = round(float(value), 3)
    return int(value) if value == int(value) else value
