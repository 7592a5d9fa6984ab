"""A homework assignment: its tasks, its hidden tests, and the notebook that students get.

    assignment = load_assignment(4)             # or the path of an instructor's notebook
    for task in assignment.tasks:
        print(task.grade_id, task.points)
    student = release(assignment)               # without solutions and hidden tests
    notebook, notes = restore(submitted, assignment)

An assignment is written once, as the instructor's notebook in `notebooks/homework/instructor/`,
with the cell metadata (schema 3) and the markers of nbgrader, so that nbgrader understands it too:

- A *solution* cell holds the region `### BEGIN SOLUTION` … `### END SOLUTION`; students get a
  comment in its place. What stands above the region leaves the answer at None, so that the
  student's version runs from the start.
- A *test* cell has points. What it shows above `### BEGIN HIDDEN TESTS` helps while working; the
  hidden tests are asserts with messages that say what is wrong. They are stored in
  `Task.hidden` and are never part of what students get. An answer that is missing is told by
  the message "Not answered yet.".
- A *manual* cell is a written answer that a person reads: graded and solution at once.
- A *locked* cell is read-only: the setup, the data, the helpers.

The key "homework" beside "nbgrader" in a test cell's metadata says what the hidden tests need: the
names of `values` and `functions` of the student's, and how many `seconds` they may take. In any
cell, `files` there names what students hand in beside the notebook.
"""

import copy
import hashlib
import json
import pathlib
import re
from dataclasses import dataclass, field

import nbformat

from grading.assignments.restore import restore

__all__ = ["HOMEWORK", "Assignment", "AssignmentError", "Task", "load_assignment", "numbers"]
__all__ += ["release", "restore", "student_path"]

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOMEWORK = ROOT / "notebooks" / "homework"

SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
CODE_STUB = "# Your code here."
TEXT_STUB = "*Not answered yet: write here.*"
NOT_ANSWERED = "Not answered yet."
USUAL_SECONDS = 30.0


class AssignmentError(ValueError):
    """There is no such assignment, or its notebook does not keep the rules."""


@dataclass(frozen=True)
class Task:
    """One test cell, or one written answer.

    Attributes:
        grade_id: the cell's name in nbgrader's metadata.
        title: what students see in reports.
        points: of this cell, all or nothing; for a written answer, the most a reader can give.
        hidden: the hidden tests, Python; empty for a written answer.
        values: names of the student's that the tests read.
        functions: names of the student's functions that the tests call.
        seconds: how long the tests may take, calls included.
        manual: True for a written answer, which a person reads.
    """

    grade_id: str
    title: str
    points: float
    hidden: str = field(repr=False)
    values: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    seconds: float = USUAL_SECONDS
    manual: bool = False


@dataclass(frozen=True)
class Assignment:
    """An assignment, read from the instructor's notebook.

    Attributes:
        number: 1, 2, …; 0 if the file's name does not start with hwN.
        name: the file's name without .ipynb, such as "hw1_dense_and_cnn".
        title: the notebook's heading.
        path: the instructor's notebook.
        notebook: its content.
        tasks: in the order of the notebook.
        version: changes whenever anything changes that a grade could depend on.
    """

    number: int
    name: str
    title: str
    path: pathlib.Path
    notebook: nbformat.NotebookNode = field(repr=False)
    tasks: tuple[Task, ...]
    version: str

    @property
    def points(self):
        """Points that can be reached, with those that a person gives."""
        return sum(task.points for task in self.tasks)

    @property
    def automatic_points(self):
        """Points that the hidden tests give."""
        return sum(task.points for task in self.tasks if not task.manual)


def numbers():
    """The numbers of the assignments that the course has."""
    found = [re.match(r"hw(\d+)_", path.name) for path in (HOMEWORK / "instructor").glob("*.ipynb")]
    return sorted(int(match[1]) for match in found if match)


def load_assignment(number_or_path):
    """Reads an assignment.

    Args:
        number_or_path: 4 or "4" or "hw4", or the path of an instructor's notebook.

    Raises:
        AssignmentError: there is none, or it does not keep the rules above; the message says
            which cell is wrong.
    """
    path = _find(number_or_path)
    try:
        notebook = nbformat.from_dict(json.loads(path.read_text(encoding="utf-8")))
        for cell in notebook.cells:
            cell.source = "".join(cell.source)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise AssignmentError(f"{path} is not a notebook that can be read: {error}") from None
    heading = re.search(r"(?m)^# (.+)$", notebook.cells[0].source if notebook.cells else "")
    match = re.match(r"hw(\d+)", path.stem)
    return Assignment(
        number=int(match[1]) if match else 0,
        name=path.stem,
        title=heading[1].strip() if heading else path.stem,
        path=path,
        notebook=notebook,
        tasks=tuple(_tasks(notebook, path.name)),
        version=_version(notebook),
    )


def release(assignment):
    """The student's version: no solutions, no hidden tests, no outputs. The ids stay the same."""
    notebook = copy.deepcopy(assignment.notebook)
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution"):
            stub = CODE_STUB if cell.cell_type == "code" else TEXT_STUB
            cell.source = _without_region(cell.source, SOLUTION, stub)
        elif about.get("grade"):
            cell.source = _without_region(cell.source, HIDDEN, None)
        if about.get("locked"):
            cell.metadata.update({"deletable": False, "editable": False})
        elif about:
            cell.metadata["deletable"] = False
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if notebook.cells:  # the badges open the student's version
        first = notebook.cells[0]
        first.source = first.source.replace("notebooks/homework/instructor/", "notebooks/homework/")
    return notebook


def student_path(assignment):
    """Where the student's version of an assignment of the course lies."""
    return assignment.path.parent.parent / assignment.path.name


def _find(number_or_path):
    text = str(number_or_path).strip()
    match = re.fullmatch(r"(?:hw)?0*(\d+)", text, re.IGNORECASE)
    if not match:
        path = pathlib.Path(text)
        if path.is_file():
            return path.resolve()
        raise AssignmentError(f"There is no notebook {text}. Give a number: {_known()}.")
    found = sorted((HOMEWORK / "instructor").glob(f"hw{match[1]}_*.ipynb"))
    if len(found) != 1:
        raise AssignmentError(f"There is no homework {text}. Those there are: {_known()}.")
    return found[0]


def _known():
    return ", ".join(map(str, numbers())) or "none"


def _tasks(notebook, name):
    """The graded cells; raises AssignmentError for a cell that does not keep the rules."""
    taken = set()
    for number, cell in enumerate(notebook.cells):
        about = cell.metadata.get("nbgrader")
        if about is None:
            continue
        where = f"{name}, cell {number} ({about.get('grade_id')})"
        _check_cell(cell, about, where)
        if about["grade_id"] in taken:
            raise AssignmentError(f"{where}: another cell has the same grade_id")
        taken.add(about["grade_id"])
        if about["grade"]:
            yield _task(cell, about, where)


def _check_cell(cell, about, where):
    if about.get("schema_version") != 3:
        raise AssignmentError(f"{where}: schema_version must be 3")
    for key in ("grade", "solution", "locked", "grade_id"):
        if key not in about:
            raise AssignmentError(f"{where}: nbgrader's metadata have no {key!r}")
    if about["solution"] and not _has_region(cell.source, SOLUTION, where):
        raise AssignmentError(f"{where}: the cell for an answer has no {SOLUTION[0]}")
    if about["solution"] == about["locked"]:
        raise AssignmentError(f"{where}: a cell is either an answer or locked")


def _task(cell, about, where):
    homework = cell.metadata.get("homework", {})
    manual = bool(about["solution"])
    if not manual and not _has_region(cell.source, HIDDEN, where):
        raise AssignmentError(f"{where}: a test cell without {HIDDEN[0]}")
    return Task(
        grade_id=about["grade_id"],
        title=homework.get("title", about["grade_id"]),
        points=float(about["points"]),
        hidden="" if manual else _region(cell.source, HIDDEN),
        values=tuple(homework.get("values", ())),
        functions=tuple(homework.get("functions", ())),
        seconds=float(homework.get("seconds", USUAL_SECONDS)),
        manual=manual,
    )


def _has_region(source, markers, where):
    lines = [line.strip() for line in source.splitlines()]
    begins, ends = (lines.count(marker) for marker in markers)
    if begins != ends or begins > 1 or (begins and not _in_order(lines, markers)):
        raise AssignmentError(f"{where}: {markers[0]} … {markers[1]} must come once, in this order")
    return begins == 1


def _in_order(lines, markers):
    return lines.index(markers[0]) < lines.index(markers[1])


def _region(source, markers):
    """What stands between the markers."""
    lines = source.splitlines()
    stripped = [line.strip() for line in lines]
    inside = lines[stripped.index(markers[0]) + 1 : stripped.index(markers[1])]
    return "\n".join(inside) + "\n"


def _without_region(source, markers, stub):
    """The source with a stub in place of the region, indented like it, or with nothing there."""
    lines = source.splitlines()
    stripped = [line.strip() for line in lines]
    if markers[0] not in stripped:
        return source
    first, last = (stripped.index(marker) for marker in markers)
    indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    middle = [] if stub is None else [indent + stub]
    return "\n".join(lines[:first] + middle + lines[last + 1 :]).rstrip()


def _version(notebook):
    cells = [(cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]
    text = json.dumps(cells, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
