"""Small notebooks and assignments for the tests of the grader, and how they are graded."""

import contextlib
import shutil
import tempfile
import types
from pathlib import Path

import nbformat

from grading.assignments.assignment import Task
from grading.limits import Limits

LIMITS = Limits(
    cell_s=8, notebook_s=120, memory_mb=900, disk_mb=50, processes=20, grace_s=2, value_bytes=10**6
)
MODULES = ("numpy", "psutil", "ipykernel.kernelapp", "ipykernel.ipkernel")


def task(grade_id, hidden="", values=(), functions=(), seconds=10.0, is_manual=False):
    """A task of one point."""
    more = {"seconds": seconds, "manual": is_manual}
    return Task(grade_id, "A task", 1, hidden, tuple(values), tuple(functions), **more)


X = task("x", "assert x == 42, f'x is {x}, not 42'", ["x"])
Y = task("y", "assert y == 7", ["y"])
Z = task("z", "assert z == 7", ["z"])


def notebook(*cells):
    """A notebook: a text is a code cell, a task its test cell."""
    made = nbformat.v4.new_notebook()
    for cell in cells:
        if isinstance(cell, str):
            made.cells.append(nbformat.v4.new_code_cell(cell))
            continue
        about = {"schema_version": 3, "grade": True, "solution": False, "locked": True}
        about |= {"grade_id": cell.grade_id, "points": cell.points}
        made.cells.append(nbformat.v4.new_code_cell(metadata={"nbgrader": about}))
    return made


def assignment(*cells):
    """The assignment of the tasks among a notebook's cells."""
    return types.SimpleNamespace(tasks=[cell for cell in cells if isinstance(cell, Task)])


def grade(cells, sandbox, server=None, limits=LIMITS, files=None):
    """Grade a notebook of these cells; return the result, and the verdicts by task."""
    from grading.execution.engine import grade_notebook  # not on Windows

    result = grade_notebook(
        notebook(*cells), assignment(*cells), limits, sandbox, server=server, files=files
    )
    return result, {task["grade_id"]: task["verdict"] for task in result["tasks"]}


@contextlib.contextmanager
def short_folder():
    """A temporary folder with a path that is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="class-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
