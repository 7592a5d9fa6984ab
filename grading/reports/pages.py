"""The page a student gets: points by task, what to improve, and the notebook as it ran."""

import base64
import datetime
import hashlib
import html

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.25rem; margin-top: 2rem; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #d5d5d5;
  vertical-align: top; }
.number { text-align: right; white-space: nowrap; }
.total { font-size: 1.4rem; } .full { color: #00603a; } .none { color: #a02800; }
.quiet { color: #555; }
li { margin-bottom: .4rem; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.from-student { border: 3px solid #666; border-radius: .5rem; padding: 0 1rem 1rem;
  margin: 1rem 0; overflow: auto; contain: content; unicode-bidi: isolate; }
.from-student img { max-width: 100%; } .from-student table { font-size: .9rem; }
.from-student .input_area { background: #f4f4f4; padding: .1rem .6rem; overflow: auto; }
.from-student .output_area { padding: 0 .6rem; }
.from-student .output_stderr { background: #fdeaea; }
.from-student .prompt { color: #555; font-size: .8rem; }
.from-student pre { font-size: .85rem; line-height: 1.35; margin: .4rem 0; }
.k, .kn, .kc, .ow { color: #00508c; font-weight: 600; } .c1, .cm { color: #5a5a5a; }
.s1, .s2, .sa, .sd, .si { color: #8a3000; } .mi, .mf { color: #00603a; }
.ansi-red-fg, .ansi-red-intense-fg { color: #a02800; } .ansi-green-fg { color: #00603a; }
.bar { fill: #0072b2; } svg text { font: 13px system-ui, sans-serif; fill: #1b1b1b; }
a { color: #00508c; } a:focus-visible { outline: 3px solid #e69f00; }
@media print { body { margin: 0; max-width: none; } }
"""

WORDS = {
    "right": "right",
    "wrong": "not right yet",
    "not answered": "not answered",
    "error": "stopped with an error",
    "timeout": "took too long",
    "memory": "needed too much memory",
    "died": "ended the kernel",
    "not reached": "not reached",
    "manual": "to be read by a person",
}
ADVICE = {
    "not answered": "There is no answer yet.",
    "error": "It stopped with an error before it could be judged.",
    "timeout": "It did not end in the time it has. Look for a loop that never ends, or try it with "
    "fewer steps first.",
    "memory": "It needed more memory than there is. Look for lists or arrays that grow.",
    "died": "It ended the whole kernel, so there was nothing left to judge.",
    "not reached": "It was not judged.",
}


def page(row, assignment):
    """A student's page.

    Args:
        row: The student's `Row`.
        assignment: The `Assignment`.
    """
    title = f"{assignment.title} · {row.student}"
    body = [f"<h1>{escape(assignment.title)}</h1>", f"<p><strong>{escape(row.student)}</strong>"]
    if row.file:
        body[-1] += f", {escape(row.file)}"
    body[-1] += "</p>"
    body.append(_points(row))
    if row.handed_in is not None:
        whose = f" (so says {row.clock})" if row.clock else ""
        body.append(f'<p class="quiet">Handed in {moment(row.handed_in)}{escape(whose)}.</p>')
    if row.is_late:
        body.append(f"<p>Handed in late: {escape(lateness(row))}. The points are not changed.</p>")
    if row.points is None:
        body.append(f"<p>{_why_no_points(row)}</p>")
    if row.tasks and row.status == "graded":
        body += ["<h2>Points by task</h2>", _task_table(row.tasks)]
    body += ["<h2>What to improve</h2>", _improve(row)]
    if row.notes:
        body.append("<h2>What was noticed</h2>")
        body.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in row.notes) + "</ul>")
    if row.page:
        body += [
            "<h2>The notebook as it ran</h2>",
            '<p class="quiet">Everything inside the frame comes from the notebook that was handed '
            "in. The points above were found outside of it; what it says about points is not "
            "counted.</p>",
            f'<section class="from-student" aria-label="The notebook that was handed in">'
            f"{row.page}</section>",
        ]
    return document(title, "\n".join(body))


def _points(row):
    if row.points is None:
        return f'<p class="total">{escape(row.status.capitalize())}.</p>'
    kind = "full" if row.points >= row.most else "none" if row.points == 0 else ""
    text = f'<p class="total {kind}">{row.points:g} of {row.most:g} points'
    if row.to_read:
        text += f", and up to {row.to_read:g} for written answers that a person will read"
    return text + "</p>"


def _why_no_points(row):
    if row.suspect:
        return "It may be that the notebook itself ended the grading. A person will look at it."
    return "This does not mean that there is anything wrong with your work."


def _task_table(tasks):
    lines = [
        "<table><thead><tr><th scope='col'>Task</th><th scope='col' class='number'>Points</th>"
        "<th scope='col'>Result</th></tr></thead><tbody>".replace("'", '"')
    ]
    for task in tasks:
        points = "–" if task["verdict"] == "manual" else f"{task['points']:g}"
        lines.append(
            f'<tr><th scope="row">{escape(task["title"])}</th>'
            f'<td class="number">{points} of {task["max_points"]:g}</td>'
            f"<td>{escape(WORDS.get(task['verdict'], task['verdict']))}</td></tr>"
        )
    return "\n".join(lines) + "</tbody></table>"


def _improve(row):
    if row.status != "graded":
        reason = row.notes[0] if row.notes else ""
        return f"<p>{escape(reason or 'There is nothing to say yet.')}</p>"
    items = []
    for task in row.tasks:
        if task["verdict"] in ("right", "manual"):
            continue
        advice = ADVICE.get(task["verdict"], "")
        message = task.get("message") or ""
        if task["verdict"] == "not answered":
            message = ""
        text = " ".join(part for part in (advice, message[:1500]) if part)
        items.append(f"<li><strong>{escape(task['title'])}</strong>: {escape(text)}</li>")
    if not items and row.to_read:
        return "<p>Nothing but the written answers, which a person will read.</p>"
    if not items:
        return "<p>Every task is right. Well done.</p>"
    return "<ul>" + "\n".join(items) + "</ul>"


def lateness(row):
    """How late in words: "1 d 2 h 5 min"; an empty text if in time."""
    if not row.is_late:
        return ""
    if row.late is None:
        return "late, says the platform"
    minutes = max(1, round(row.late / 60))
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours)
    return " ".join(parts + [f"{minutes} min"] * bool(minutes))


def moment(seconds):
    """A point in time, to the minute; an empty text for None."""
    if seconds is None:
        return ""
    return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def escape(text):
    """The text for HTML."""
    return html.escape(str(text))


def document(title, body):
    """A whole page. Its policy for browsers: no script, no frame, no request to anywhere."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
