"""The class at a glance: how the points are distributed, and which tasks failed most."""

import collections
import datetime
import statistics

from grading.reports.pages import WORDS, document, escape, lateness

BINS = 10


def facts(rows, assignment):
    """The figures of the class, a dictionary."""
    graded = [row for row in rows if row.status == "graded"]
    points = [row.points for row in graded]
    tasks = []
    for task in assignment.tasks:
        if task.manual:
            continue
        verdicts = collections.Counter(
            judged["verdict"]
            for row in graded
            for judged in row.tasks
            if judged["grade_id"] == task.grade_id
        )
        count = sum(verdicts.values())
        right = verdicts.pop("right", 0)
        tasks.append(
            {
                "grade_id": task.grade_id,
                "title": task.title,
                "points": task.points,
                "right": right,
                "judged": count,
                "otherwise": dict(verdicts.most_common()),
            }
        )
    most = sum(task.points for task in assignment.tasks if not task.manual)
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
        "tasks": tasks,
    }


def _distribution(points, most):
    """How many reached each tenth of the points."""
    bins = [0] * BINS
    for each in points:
        bins[min(BINS - 1, int(BINS * each / most + 1e-9)) if most else 0] += 1
    step = most / BINS
    return [
        {"from": round(step * i, 2), "to": round(step * (i + 1), 2), "students": bins[i]}
        for i in range(BINS)
    ]


def for_programs(facts, rows, about):
    """Everything for summary.json."""
    students = []
    for row in rows:
        students.append(
            {
                "student": row.student,
                "id": row.id,
                "file": row.file,
                "status": row.status,
                "points": row.points,
                "max_points": row.most,
                "to_read": row.to_read,
                "late_seconds": row.late,
                "is_late": row.is_late,
                "handed_in": row.handed_in,
                "handed_in_says": row.clock,
                "seconds": row.seconds,
                "tasks": row.tasks,
                "notes": row.notes,
                "look": row.look,
                "page": f"feedback/{row.slug}.html",
            }
        )
    return {**facts, "run": about, "students": students}


def page(facts, rows, assignment, about):
    """summary.html."""
    body = [f"<h1>{escape(assignment.title)}: the class</h1>", _overview(facts, about)]
    if facts["mean"] is not None:
        body += ["<h2>How the points are distributed</h2>", _chart(facts), _bins(facts)]
    body += ["<h2>Tasks, most failed first</h2>", _tasks(facts)]
    look = [row for row in rows if row.look or row.status not in ("graded", "not graded yet")]
    to_read = [row for row in rows if row.to_read]
    if look or to_read:
        body.append("<h2>For a person to look at</h2>")
    if to_read:
        body.append(
            f"<p>Written answers of {len(to_read)} student(s), up to {to_read[0].to_read:g} points "
            "each: read them on the students' pages.</p>"
        )
    if look:
        body.append("<ul>" + "".join(map(_look, look)) + "</ul>")
    body += ["<h2>Everybody</h2>", _everybody(rows)]
    sentences = about.get("isolation", []) + about.get("aside", [])
    if sentences:
        body.append("<h2>About this run</h2>")
        body.append("<ul>" + "".join(f"<li>{escape(each)}</li>" for each in sentences) + "</ul>")
    return document(f"{assignment.title}: the class", "\n".join(body))


def _overview(facts, about):
    counts = ", ".join(f"{count} {status}" for status, count in facts["status"].items())
    text = f"{facts['submissions']} submissions: {counts}."
    if facts["mean"] is not None:
        text += f" Mean {facts['mean']:.1f}, median {facts['median']:g} of {facts['max_points']:g}."
    if about.get("due"):
        due = datetime.datetime.fromtimestamp(about["due"]).strftime("%Y-%m-%d %H:%M")
        text += f" Due {due}; {facts['late']} late."
    elif facts["late"]:
        text += f" {facts['late']} late."
    return f"<p>{escape(text)}</p>"


def _chart(facts):
    """Bars as a picture; the same numbers follow as a table."""
    bins = facts["distribution"]
    top = max(each["students"] for each in bins) or 1
    bars = []
    for number, each in enumerate(bins):
        height = 150 * each["students"] / top
        x = 10 + number * 58
        bars.append(
            f'<rect class="bar" x="{x}" y="{175 - height:.1f}" width="50" height="{height:.1f}"/>'
            f'<text x="{x + 25}" y="{170 - height:.1f}" text-anchor="middle">{each["students"]}'
            f'</text><text x="{x + 25}" y="193" text-anchor="middle">{each["from"]:g}–'
            f"{each['to']:g}</text>"
        )
    return (
        '<svg viewBox="0 0 600 215" width="600" role="img" aria-label="Students by points; the '
        f'table below has the numbers">{"".join(bars)}'
        '<text x="300" y="212" text-anchor="middle">points (number of students above each bar)'
        "</text></svg>"
    )


def _bins(facts):
    cells = "".join(
        f'<tr><th scope="row">{each["from"]:g} to {each["to"]:g}</th>'
        f'<td class="number">{each["students"]}</td></tr>'
        for each in facts["distribution"]
    )
    return (
        "<details><summary>The numbers as a table</summary>"
        '<table><thead><tr><th scope="col">Points</th><th scope="col" class="number">Students'
        f"</th></tr></thead><tbody>{cells}</tbody></table></details>"
    )


def _tasks(facts):
    lines = []
    for task in sorted(facts["tasks"], key=lambda each: each["right"] / max(each["judged"], 1)):
        share = f"{100 * task['right'] / task['judged']:.0f} %" if task["judged"] else "–"
        why = ", ".join(
            f"{count} {WORDS.get(verdict, verdict)}" for verdict, count in task["otherwise"].items()
        )
        lines.append(
            f'<tr><th scope="row">{escape(task["title"])}</th><td class="number">{share}</td>'
            f'<td class="number">{task["right"]} of {task["judged"]}</td>'
            f"<td>{escape(why)}</td></tr>"
        )
    return (
        '<table><thead><tr><th scope="col">Task</th><th scope="col" class="number">Right</th>'
        '<th scope="col" class="number">Students</th><th scope="col">Otherwise</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _look(row):
    return f"<li>{_link(row)}: {escape(row.status)}. {escape(' '.join(row.look))}</li>"


def _link(row):
    return f'<a href="feedback/{escape(row.slug)}.html">{escape(row.student)}</a>'


def _everybody(rows):
    lines = []
    for row in rows:
        points = "–" if row.points is None else f"{row.points:g} of {row.most:g}"
        lines.append(
            f'<tr><th scope="row">{_link(row)}</th><td class="number">{points}</td>'
            f"<td>{escape(row.status)}</td><td>{escape(lateness(row))}</td></tr>"
        )
    return (
        '<table><thead><tr><th scope="col">Student</th><th scope="col" class="number">Points</th>'
        '<th scope="col">Status</th><th scope="col">Late</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )
