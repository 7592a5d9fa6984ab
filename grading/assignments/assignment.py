"""A homework assignment: its tasks and hidden tests, read from the instructor's notebook.

    assignment = load_assignment(4)             # or the path of an instructor's notebook
    student = release(assignment)               # grading.assignments.release
    notebook, notes = restore(submitted, assignment)   # grading.assignments.restore

An assignment is written once, as the instructor's notebook in `notebooks/homework/instructor/`,
with nbgrader's cell metadata (schema 3) and markers, so that nbgrader understands it too:

- A *solution* cell holds the region `### BEGIN SOLUTION` … `### END SOLUTION`; students get a
  comment in its place. The code above the region leaves the answer at None, so that the students'
  version runs from the start.
- A *test* cell has points. Its code above `### BEGIN HIDDEN TESTS` helps while working; the
  hidden tests are asserts whose messages say what is wrong. Students never get them. For a missing
  answer the message is "Not answered yet.".
- A *manual* cell is a written answer that a person reads: graded and solution at once.
- A *locked* cell is read-only: the setup, the data, the helpers.

The key "homework" beside "nbgrader" in a test cell's metadata says what the hidden tests need: the
names of the student's `values` and `functions`, and how many `seconds` they may take. In any cell,
`files` names what students hand in beside the notebook.
"""

import hashlib
import json
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import nbformat

from grading.assignments.regions import HIDDEN, SOLUTION, split_region

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOMEWORK = ROOT / "notebooks" / "homework"
DEFAULT_SECONDS = 30.0


class AssignmentError(ValueError):
    """There is no such assignment, or its notebook breaks the rules."""


@dataclass(frozen=True)
class Task:
    """One test cell, or one written answer.

    Attributes:
        grade_id: The cell's name in nbgrader's metadata.
        title: What students see in reports.
        points: All or nothing; for a written answer, the most that a reader can give.
        hidden: The hidden tests, Python; empty for a written answer.
        values: Names of the student's values that the tests read.
        functions: Names of the student's functions that the tests call.
        seconds: How long the tests may take, calls included.
        manual: Whether it is a written answer, which a person reads.
    """

    grade_id: str
    title: str
    points: float
    hidden: str = field(repr=False)
    values: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    seconds: float = DEFAULT_SECONDS
    manual: bool = False


@dataclass(frozen=True)
class Assignment:
    """An assignment, read from the instructor's notebook.

    Attributes:
        number: 1, 2, …; 0 if the file's name does not start with hwN.
        name: The file's name without .ipynb, such as "hw1_dense_and_cnn".
        title: The notebook's heading.
        path: The instructor's notebook.
        notebook: Its content.
        tasks: In the order of the notebook.
        version: Changes whenever anything changes that a grade could depend on.
    """

    number: int
    name: str
    title: str
    path: pathlib.Path
    notebook: nbformat.NotebookNode = field(repr=False)
    tasks: tuple[Task, ...]
    version: str

    @property
    def points(self) -> float:
        """The points that can be reached, including those that a person gives."""
        return sum(task.points for task in self.tasks)

    @property
    def automatic_points(self) -> float:
        """The points that the hidden tests give."""
        return sum(task.points for task in self.tasks if not task.manual)


def numbers() -> list[int]:
    """Return the numbers of the course's assignments."""
    names = [path.name for path in (HOMEWORK / "instructor").glob("hw*_*.ipynb")]
    return sorted(int(match[1]) for name in names if (match := re.match(r"hw(\d+)_", name)))


def load_assignment(number_or_path: int | str | pathlib.Path) -> Assignment:
    """Read an assignment.

    Args:
        number_or_path: 4 or "4" or "hw4", or the path of an instructor's notebook.

    Raises:
        AssignmentError: There is none, or it breaks the rules above; the message names the cell.
    """
    path = _find(str(number_or_path).strip())
    try:
        notebook = nbformat.from_dict(json.loads(path.read_text(encoding="utf-8")))
        for cell in notebook.cells:
            cell.source = "".join(cell.source)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise AssignmentError(f"{path} is not a notebook that can be read: {error}") from None
    heading = re.search(r"(?m)^# (.+)$", notebook.cells[0].source if notebook.cells else "")
    number = re.match(r"hw(\d+)", path.stem)
    content = [(cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]
    content = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return Assignment(
        number=int(number[1]) if number else 0,
        name=path.stem,
        title=heading[1].strip() if heading else path.stem,
        path=path,
        notebook=notebook,
        tasks=tuple(_tasks(notebook, path.name)),
        version=hashlib.sha256(content.encode()).hexdigest()[:16],
    )


def _find(text: str) -> pathlib.Path:
    known = ", ".join(map(str, numbers())) or "none"
    number = re.fullmatch(r"(?:hw)?0*(\d+)", text, re.IGNORECASE)
    if not number:
        path = pathlib.Path(text)
        if path.is_file():
            return path.resolve()
        raise AssignmentError(f"There is no notebook {text}. Give a number: {known}.")
    paths = sorted((HOMEWORK / "instructor").glob(f"hw{number[1]}_*.ipynb"))
    if len(paths) != 1:
        raise AssignmentError(f"There is no homework {text}. There are: {known}.")
    return paths[0]


def _tasks(notebook: nbformat.NotebookNode, name: str) -> Iterator[Task]:
    """Yield the graded cells; raise AssignmentError for a cell that breaks the rules."""
    grade_ids = set()
    for number, cell in enumerate(notebook.cells):
        mark = cell.metadata.get("nbgrader")
        if mark is None:
            continue
        try:
            _check(cell, mark)
            if mark["grade_id"] in grade_ids:
                raise ValueError("another cell has the same grade_id")
        except ValueError as error:
            where = f"{name}, cell {number} ({mark.get('grade_id')})"
            raise AssignmentError(f"{where}: {error}") from None
        grade_ids.add(mark["grade_id"])
        if mark["grade"]:
            yield _task(cell, mark)


def _check(cell: nbformat.NotebookNode, mark: dict) -> None:
    if mark.get("schema_version") != 3:
        raise ValueError("schema_version must be 3")
    for key in ("grade", "solution", "locked", "grade_id"):
        if key not in mark:
            raise ValueError(f"nbgrader's metadata have no {key!r}")
    if mark["solution"] and not split_region(cell.source, SOLUTION):
        raise ValueError(f"the cell for an answer has no {SOLUTION[0]}")
    if mark["solution"] == mark["locked"]:
        raise ValueError("a cell is either an answer or locked")
    if mark["grade"] and not mark["solution"] and not split_region(cell.source, HIDDEN):
        raise ValueError(f"a test cell without {HIDDEN[0]}")


def _task(cell: nbformat.NotebookNode, mark: dict) -> Task:
    homework = cell.metadata.get("homework", {})
    is_manual = bool(mark["solution"])
    return Task(
        grade_id=mark["grade_id"],
        title=homework.get("title", mark["grade_id"]),
        points=float(mark["points"]),
        hidden="" if is_manual else split_region(cell.source, HIDDEN)[1],
        values=tuple(homework.get("values", ())),
        functions=tuple(homework.get("functions", ())),
        seconds=float(homework.get("seconds", DEFAULT_SECONDS)),
        manual=is_manual,
    )
