"""What a run leaves behind: the table of grades, a page a student, the class at a glance.

grades.csv               one row a student, for Excel and every platform
feedback/STUDENT.html    one page a student
summary.html             the class
summary.json             the same for programs
"""

import csv
import dataclasses
import io
import json
import re
from pathlib import Path

from grading.reports import pages, summary
from grading.result_store import locked, write_whole

# A cell that begins like this would be taken for a formula.
_FORMULA = re.compile(r"^[\s\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
# So would a part of a cell where a spreadsheet separates cells by something else than a comma (in
# many countries by a semicolon), whatever quotes stand around it.
_INNER_FORMULA = re.compile(r"([;,|\t][\s\u200b\ufeff\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
UNGRADED = ("could not be graded", "not graded yet")


@dataclasses.dataclass
class Row:
    """One student's line, and what the student's page shows.

    Attributes:
        student: The name.
        id: The platform's number, or the name.
        slug: The name of the page's file.
        file: What was graded.
        status: "graded", "unreadable", "no notebook", "other homework", "could not be graded", or
            "not graded yet".
        points: Reached; None if the grader could not say.
        most: Points that could be reached automatically.
        tasks: What the engine said about each task, a list of dictionaries.
        to_read: Points of written answers that a person has to read.
        handed_in: Seconds since 1970, or None.
        clock: Where that time comes from, in a few words.
        late: Seconds after the due time, or None if in time or unknown.
        is_late: Whether it is late, also where nobody knows by how much.
        notes: Plain sentences.
        look: Sentences that say why a person must look.
        suspect: Whether the submission itself may have kept the grader from grading it.
        seconds: How long it took.
        page: The executed notebook as safe HTML, or "".
    """

    student: str
    id: str
    slug: str
    file: str
    status: str
    points: float | None
    most: float
    tasks: list = dataclasses.field(default_factory=list)
    to_read: float = 0
    handed_in: float | None = None
    clock: str = ""
    late: float | None = None
    is_late: bool = False
    notes: list = dataclasses.field(default_factory=list)
    look: list = dataclasses.field(default_factory=list)
    suspect: bool = False
    seconds: float = 0
    page: str = dataclasses.field(default="", repr=False)


def make_row(submission, handed, result, assignment, due=None):
    """Puts together what is known about a submission.

    Args:
        submission: The `Submission`.
        handed: What was handed in, a `Handed`.
        result: The result of `grading.workers.worker`, or None if there is none yet.
        assignment: The `Assignment`.
        due: When it had to be handed in, in seconds since 1970, or None.
    """
    most = sum(task.points for task in assignment.tasks if not task.manual)
    row = Row(
        submission.student,
        submission.id,
        submission.slug,
        handed.name,
        handed.status,
        0.0,
        most,
        handed_in=handed.when,
        clock=handed.clock,
        is_late=handed.late,
        notes=list(handed.notes),
    )
    if due is not None and handed.when is not None:
        row.late = handed.when - due if handed.when > due else None
        row.is_late = row.late is not None or handed.late
    if handed.problem:
        row.notes.insert(0, handed.problem)
        row.tasks = [_untouched(task) for task in assignment.tasks]
        row.points = None if handed.status in UNGRADED else row.points
    elif result is None:
        row.status, row.points = "not graded yet", None
    elif result.get("problem"):
        row.status, row.points = "could not be graded", None
        row.notes.insert(0, result["problem"])
    else:
        row.status = "graded"
        row.tasks = result["tasks"]
        automatic = [task for task in row.tasks if task["verdict"] != "manual"]
        row.points = float(sum(task["points"] for task in automatic))
    if result is not None:
        row.seconds, row.page = result.get("seconds", 0), result.get("page", "")
        row.notes += result.get("notes", []) + result.get("events", [])
        row.suspect = bool(result.get("suspect"))
    row.look = _look(row, [*getattr(submission, "look", ()), *handed.look], result)
    if row.status == "graded":
        manual = [task for task in row.tasks if task["verdict"] == "manual"]
        row.to_read = sum(task["max_points"] for task in manual)
    return row


def _look(row, reasons, result):
    """Why a person must look: the status, if nothing was judged, and what else was noticed."""
    if row.status not in ("graded", "not graded yet"):
        reasons = [*row.notes[:1], *reasons]
    return list(dict.fromkeys([*reasons, *(result or {}).get("look", [])]))


def _untouched(task):
    verdict = "manual" if task.manual else "not reached"
    return {
        "grade_id": task.grade_id,
        "title": task.title,
        "points": 0,
        "max_points": task.points,
        "verdict": verdict,
        "message": "",
    }


def write(folder, rows, assignment, about):
    """Writes the table and all pages.

    Args:
        folder: The results' folder.
        rows: A list of `Row`.
        assignment: The `Assignment`.
        about: What to say about the run, a dictionary: "isolation" (a list of sentences),
            "aside" (the same), "due" (seconds since 1970, or None).
    """
    folder = Path(folder)
    with locked(folder):
        write_whole(folder / "grades.csv", table(rows, assignment))
        for row in rows:
            write_page(folder, row, assignment)
        kept = {row.slug for row in rows}
        for old in (folder / "feedback").glob("*.html"):
            if old.stem not in kept:
                old.unlink(missing_ok=True)
        facts = summary.facts(rows, assignment)
        write_whole(folder / "summary.html", summary.page(facts, rows, assignment, about))
        text = json.dumps(summary.for_programs(facts, rows, about), indent=1, ensure_ascii=False)
        write_whole(folder / "summary.json", text)


def write_page(folder, row, assignment):
    """Writes a student's page, unless it is there already and the same."""
    path = Path(folder) / "feedback" / f"{row.slug}.html"
    text = pages.page(row, assignment)
    try:
        same = path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        same = False
    if not same:
        write_whole(path, text)


def table(rows, assignment):
    """The table of grades as CSV, bytes.

    With a byte order mark, because Excel takes a file without one for its old code page and
    spoils every accent. Texts are quoted; none can be taken for a formula, nor can a part of one
    where cells are separated by a semicolon.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    tasks = [f"{task.grade_id} (of {task.points:g})" for task in assignment.tasks]
    head = ["student", "id", "file", "points", "max", "status", "late", "handed in"]
    writer.writerow([safe_cell(each) for each in head + tasks + ["to be read", "notes", "page"]])
    for row in rows:
        cells = [row.student, row.id, row.file, number(row.points), number(row.most), row.status]
        cells += [pages.lateness(row), pages.moment(row.handed_in)]
        by_id = {task["grade_id"]: task for task in row.tasks}
        for task in assignment.tasks:
            judged = by_id.get(task.grade_id)
            is_open = task.manual or judged is None or row.points is None
            cells.append("" if is_open else number(judged["points"]))
        cells += [number(row.to_read), "; ".join(row.notes), f"feedback/{row.slug}.html"]
        writer.writerow([safe_cell(cell) for cell in cells])
    return text.getvalue().encode("utf-8-sig", "replace")


def safe_cell(value):
    """A cell that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    value = _CONTROL.sub("\ufffd", value)
    if _FORMULA.match(value):
        value = "'" + value
    value = _INNER_FORMULA.sub(r"\1'", value)
    return " ".join(value.split())[:4000]


def number(value):
    """A number as people write it: 7 or 7.5; an empty text for None."""
    if value is None:
        return ""
    value = round(float(value), 3)
    return int(value) if value == int(value) else value
