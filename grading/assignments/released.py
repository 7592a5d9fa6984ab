"""The cells that students get, by name, and how notes speak of them."""

import collections
import dataclasses
from collections.abc import Sequence

from grading.assignments.assignment import Assignment
from grading.assignments.code_names import names_of
from grading.assignments.release import release

TEXT = "text "  # begins the keys of cells that have no grade_id


@dataclasses.dataclass(eq=False)
class SubmittedCell:
    """A cell that was handed in, or the place of one that is missing.

    Attributes:
        cell: The cell as a dictionary; None if it is missing.
        key: Which of the `ReleasedCells` it is; None for a cell of the student's own.
        is_guess: Whether only its text says so, being similar but not the same.
    """

    cell: dict | None
    key: str | None = None
    is_guess: bool = False

    @property
    def source(self) -> str:
        """The cell's source; empty for a missing one."""
        return self.cell["source"] if self.cell else ""

    @property
    def is_code(self) -> bool:
        """Whether it is a code cell."""
        return self.cell is not None and self.cell["cell_type"] == "code"


def grade_id_of(cell: dict) -> str | None:
    """Return the name of a cell in nbgrader's metadata."""
    mark = (cell.get("metadata") or {}).get("nbgrader")
    grade_id = mark.get("grade_id") if isinstance(mark, dict) else None
    return grade_id if isinstance(grade_id, str) else None


class ReleasedCells:
    """The cells of the notebook that students get.

    Attributes:
        all: Every cell by its key: the grade_id, or `TEXT` and a number.
        marked: Those that have a grade_id.
        tasks: The assignment's tasks by their grade_ids.
        instructors: The instructor's sources by grade_id.
        answers: The grade_id of the answer that each name belongs to; only names that one cell
            alone sets.
        ambiguous: The names that several of the cells set.
    """

    def __init__(self, assignment: Assignment):
        self.name = assignment.name
        cells = release(assignment).cells
        self.all = {grade_id_of(cell) or f"{TEXT}{n}": cell for n, cell in enumerate(cells)}
        self.marked = {key: cell for key, cell in self.all.items() if grade_id_of(cell)}
        self.tasks = {task.grade_id: task for task in assignment.tasks}
        sources = {grade_id_of(cell): cell["source"] for cell in assignment.notebook.cells}
        self.instructors = sources
        setters = collections.defaultdict(list)
        for key, cell in self.marked.items():
            for name in names_of(cell["source"]).given if cell["cell_type"] == "code" else ():
                setters[name].append(key)
        self.ambiguous = {name for name, keys in setters.items() if len(keys) > 1}
        self.answers = {
            name: key
            for name, (key, *others) in setters.items()
            if not others and self.is_answer(key)
        }

    def is_answer(self, key: str | None) -> bool:
        """Return whether students write into a cell."""
        return key in self.marked and bool(self.marked[key]["metadata"]["nbgrader"]["solution"])

    def is_locked(self, key: str | None) -> bool:
        """Return whether students should leave a cell alone: the setup, a test."""
        return key in self.marked and not self.is_answer(key)

    def is_test(self, key: str | None) -> bool:
        """Return whether a cell holds tests."""
        return self.is_locked(key) and key in self.tasks

    def answers_in(self, submitted: SubmittedCell) -> set[str]:
        """Return the grade_ids of the answers that a code cell gives."""
        given = names_of(submitted.source).given if submitted.is_code else ()
        return {self.answers[name] for name in given if name in self.answers}

    def subject(self, keys: Sequence[str | None]) -> str:
        """Return the subject of a sentence: "The test cell a was", "The cells a, b were"."""
        names = [key for key in keys if key]
        if len(keys) > 1:
            own = f"{len(keys) - len(names)} cells of your own"
            if not names:
                return f"{own} were"
            return f"The cells {', '.join(names)}{f' and {own}' if None in keys else ''} were"
        (key,) = keys
        if key is None:
            return "A cell of your own was"
        title = self.marked[key]["metadata"].get("homework", {}).get("title")
        kind = "cell for your answer" if self.is_answer(key) else "locked cell"
        kind = "test cell" if self.is_test(key) else kind
        return f"The {kind} {key}" + (f" ({title})" if title else "") + " was"
