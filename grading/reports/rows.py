"""What is known about each student, as one row of the report."""

import dataclasses
import datetime

from grading.assignments.assignment import Assignment
from grading.intake.content import SubmissionContent
from grading.intake.submissions import Submission

FAILED, WAITING = "could not be graded", "not graded yet"


@dataclasses.dataclass
class Row:
    """One student's row in the table, and what the student's page shows."""

    student: str
    id: str  # the platform's number, or the name
    slug: str  # the name of the page's file
    file: str  # what was graded
    status: str  # "graded", FAILED, WAITING, "unreadable", "no notebook" or "other homework"
    most: float  # points that could be reached automatically
    points: float | None = None  # None if the grader could not say
    tasks: list[dict] = dataclasses.field(default_factory=list)  # the engine's verdicts
    to_read: float = 0  # points of written answers that a person has to read
    handed_in: float | None = None  # seconds since 1970
    clock: str = ""  # where that time comes from, in a few words
    late: float | None = None  # seconds after the due time; None if in time or unknown
    is_late: bool = False  # also where nobody knows by how much
    notes: list[str] = dataclasses.field(default_factory=list)
    look: list[str] = dataclasses.field(default_factory=list)  # why a person must look
    suspect: bool = False  # whether the submission itself may have stopped the grader
    seconds: float = 0  # how long it took
    page: str = dataclasses.field(default="", repr=False)  # the executed notebook as safe HTML

    @property
    def lateness(self) -> str:
        """How late it is in words, such as "1 d 2 h 5 min"; "" if in time."""
        if not self.is_late:
            return ""
        if self.late is None:
            return "late, says the platform"
        hours, minutes = divmod(max(1, round(self.late / 60)), 60)
        days, hours = divmod(hours, 24)
        parts = {"d": days, "h": hours, "min": minutes}
        return " ".join(f"{count} {unit}" for unit, count in parts.items() if count)


def make_row(
    submission: Submission,
    content: SubmissionContent,
    result: dict | None,
    assignment: Assignment,
    due: float | None = None,
) -> Row:
    """Return what is known about a submission.

    Args:
        submission: What was found.
        content: What was read in it.
        result: The result from `grading.workers.worker`, or None if there is none yet.
        assignment: The homework.
        due: When it had to be handed in, in seconds since 1970, or None.
    """
    row = Row(
        student=submission.student,
        id=submission.id,
        slug=submission.slug,
        file=content.name,
        status=content.status,
        most=sum(task.points for task in assignment.tasks if not task.manual),
        handed_in=content.when,
        clock=content.clock,
        is_late=content.late,
        notes=list(content.notes),
    )
    if due is not None and content.when is not None and content.when > due:
        row.late, row.is_late = content.when - due, True
    result = result or {}
    if content.problem:
        row.points = None if content.status == FAILED else 0.0
        row.notes.insert(0, content.problem)
        row.tasks = [_unjudged(task) for task in assignment.tasks]
    elif not result:
        row.status = WAITING
    elif result.get("problem"):
        row.status = FAILED
        row.notes.insert(0, result["problem"])
    else:
        row.status, row.tasks = "graded", result["tasks"]
        manual = [task for task in row.tasks if task["verdict"] == "manual"]
        row.points = float(sum(task["points"] for task in row.tasks if task not in manual))
        row.to_read = sum(task["max_points"] for task in manual)
    row.seconds, row.page = result.get("seconds", 0), result.get("page", "")
    row.notes += result.get("notes", []) + result.get("events", [])
    row.suspect = bool(result.get("suspect"))
    reasons = [*submission.review_reasons, *content.review_reasons, *result.get("look", [])]
    if row.status not in ("graded", WAITING):
        reasons = [*row.notes[:1], *reasons]
    row.look = list(dict.fromkeys(reasons))
    return row


def _unjudged(task):
    """Return the verdict on a task of a submission in which there was nothing to judge."""
    verdict = "manual" if task.manual else "not reached"
    return {
        "grade_id": task.grade_id,
        "title": task.title,
        "points": 0,
        "max_points": task.points,
        "verdict": verdict,
        "message": "",
    }


def moment(seconds: float | None) -> str:
    """Return a point in time to the minute, for people; "" for None."""
    if seconds is None:
        return ""
    return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
