"""The pages: a student's, with points and the notebook as it ran, and the class's summary."""

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2

from grading.reports.rows import Row, moment

TEMPLATES = Path(__file__).parent / "templates"
VERDICTS = {
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
    "timeout": "It did not finish in the time it has. Look for a loop that never ends, or try it "
    "with fewer steps first.",
    "memory": "It needed more memory than there is. Look for lists or arrays that grow.",
    "died": "It ended the whole kernel, so there was nothing left to judge.",
    "not reached": "It was not judged.",
}


def student_page(row: Row, title: str) -> str:
    """Return a student's page; `title` is the homework's."""
    return _templates().get_template("student.html").render(row=row, title=title)


def class_page(facts: dict, rows: Sequence[Row], about: dict) -> str:
    """Return the page of the class.

    Args:
        facts: Its figures, of `summary.facts`.
        rows: One per student.
        about: What to say about the run (see `report.write`).
    """
    tasks = sorted(facts["tasks"], key=lambda task: task["right"] / max(task["judged"], 1))
    template = _templates().get_template("class.html")
    return template.render(facts=facts, tasks=tasks, rows=rows, about=about)


@functools.cache
def _templates():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {"style": style, "style_digest": digest}
    environment.globals |= {"verdicts": VERDICTS, "advice": ADVICE}
    environment.filters |= {"number": "{:g}".format, "moment": moment}
    return environment
