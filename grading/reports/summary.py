"""The class in figures: how the points are distributed, and which tasks failed most."""

import collections
import statistics
from collections.abc import Sequence

from grading.assignments.assignment import Assignment
from grading.reports.rows import Row

BINS = 10
FIELDS = ("student", "id", "file", "status", "points", "to_read", "is_late", "handed_in")
FIELDS += ("seconds", "tasks", "notes", "look")


def facts(rows: Sequence[Row], assignment: Assignment) -> dict:
    """Return the figures of the class."""
    graded = [row for row in rows if row.status == "graded"]
    points = [row.points for row in graded]
    automatic = [task for task in assignment.tasks if not task.manual]
    most = sum(task.points for task in automatic)
    return {
        "homework": assignment.name,
        "title": assignment.title,
        "max_points": most,
        "submissions": len(rows),
        "status": dict(collections.Counter(row.status for row in rows).most_common()),
        "late": sum(row.is_late for row in rows),
        "mean": statistics.fmean(points) if points else None,
        "median": statistics.median(points) if points else None,
        "distribution": _distribution(points, most),
        "tasks": [_of_task(task, graded) for task in automatic],
    }


def _of_task(task, graded):
    """Return how many students got a task right, and what the others got."""
    verdicts = collections.Counter(
        judged["verdict"]
        for row in graded
        for judged in row.tasks
        if judged["grade_id"] == task.grade_id
    )
    judged, right = verdicts.total(), verdicts.pop("right", 0)
    return {
        "grade_id": task.grade_id,
        "title": task.title,
        "points": task.points,
        "right": right,
        "judged": judged,
        "otherwise": dict(verdicts.most_common()),
    }


def _distribution(points, most):
    """Return how many students reached each tenth of the points."""
    counts = [0] * BINS
    for reached in points:
        counts[min(BINS - 1, int(BINS * reached / most + 1e-9)) if most else 0] += 1
    step = most / BINS
    return [
        {"from": round(step * i, 2), "to": round(step * (i + 1), 2), "students": count}
        for i, count in enumerate(counts)
    ]


def for_programs(facts: dict, rows: Sequence[Row], about: dict) -> dict:
    """Return the content of summary.json."""
    students = [
        {name: getattr(row, name) for name in FIELDS}
        | {"max_points": row.most, "late_seconds": row.late, "handed_in_says": row.clock}
        | {"page": f"feedback/{row.slug}.html"}
        for row in rows
    ]
    return {**facts, "run": about, "students": students}
