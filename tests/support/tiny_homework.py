"""Small notebooks and assignments for the tests of the grader."""

import dataclasses

import nbformat


@dataclasses.dataclass(frozen=True)
class Task:
    """A task, as `grading.assignments.assignment` describes it."""

    grade_id: str
    hidden: str
    values: tuple = ()
    functions: tuple = ()
    title: str = "A task"
    points: float = 1
    seconds: float = 10
    manual: bool = False


@dataclasses.dataclass(frozen=True)
class Assignment:
    """An assignment of tasks."""

    tasks: tuple


def notebook(*cells):
    """A notebook: a text is a code cell, a Task its test cell, a pair one with visible code."""
    made = nbformat.v4.new_notebook()
    for cell in cells:
        task, source = cell if isinstance(cell, tuple) else (cell, "")
        if isinstance(task, str):
            made.cells.append(nbformat.v4.new_code_cell(task))
            continue
        about = {"schema_version": 3, "grade": True, "solution": False, "locked": True}
        about |= {"grade_id": task.grade_id, "points": task.points}
        made.cells.append(nbformat.v4.new_code_cell(source, metadata={"nbgrader": about}))
    return made


def assignment(*cells):
    """The assignment of the tasks among a notebook's cells."""
    found = [cell[0] if isinstance(cell, tuple) else cell for cell in cells]
    return Assignment(tuple(task for task in found if not isinstance(task, str)))


def grade(cells, sandbox, server=None, limits=None, files=None):
    """Grade a notebook of these cells; return the result, and the verdicts by task."""
    from grading.execution.engine import grade_notebook  # not on Windows

    result = grade_notebook(
        notebook(*cells), assignment(*cells), limits, sandbox, server=server, files=files
    )
    return result, {task["grade_id"]: task["verdict"] for task in result["tasks"]}
