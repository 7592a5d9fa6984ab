"""The traits by which a homework's notebooks are recognised, and whether they have answers."""

import dataclasses
from collections.abc import Sequence

from grading.assignments.code_names import names_of

ENOUGH_TEXTS = 3  # of a homework's own, in a notebook that lost all its metadata
ENOUGH_CHARACTERS = 40  # shorter texts may stand in any notebook


@dataclasses.dataclass(frozen=True)
class Traits:
    """The traits by which the notebooks of one homework are recognised.

    Attributes:
        name: Of the homework.
        ids: The `grade_id`s of its cells.
        texts: What its cells say, those that say enough.
        answers: The `grade_id`s of the cells that students write into.
        released: What its cells say, all of them, without comments in code.
        names: What the tests ask for.
        files: Names of files that students have to hand in beside the notebook, from the key
            "files" in the "homework" metadata of any cell.
    """

    name: str
    ids: frozenset[str]
    texts: frozenset[str]
    answers: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, notebook: dict) -> "Traits":
        """Return the traits of the notebook that students get."""
        cells = notebook["cells"]
        asked = [cell["metadata"].get("homework", {}) for cell in cells]
        marks = [_mark(cell) for cell in cells]
        return cls(
            name,
            frozenset(grade_ids(notebook)),
            frozenset(_texts(notebook)),
            frozenset(mark["grade_id"] for mark in marks if mark.get("solution")),
            frozenset(map(_words, cells)),
            frozenset(n for a in asked for n in (*a.get("values", ()), *a.get("functions", ()))),
            tuple(dict.fromkeys(file for a in asked for file in a.get("files", ()))),
        )

    def count_answers(self, notebook: dict) -> int:
        """Return in how many cells a notebook says something that answers the homework.

        A cell for an answer counts if it differs from the notebook that students get; so does any
        other cell that gives a name which the tests ask for.
        """
        count = 0
        for cell in notebook["cells"]:
            words = _words(cell)
            if not words or words in self.released:
                continue
            if _mark(cell).get("grade_id") in self.answers:
                count += 1
            elif cell["cell_type"] == "code":
                count += not self.names.isdisjoint(names_of(cell["source"]).given)
        return count

    def fits(self, notebook: dict, others: "Sequence[Traits]" = ()) -> bool:
        """Return whether a notebook belongs to this homework, whatever was done to it."""
        ids = grade_ids(notebook)
        if ids & self.ids:
            return True
        if any(ids & other.ids for other in others):
            return False
        own = self.texts.difference(*(other.texts for other in others))
        return len(own & _texts(notebook)) >= ENOUGH_TEXTS


def grade_ids(notebook: dict) -> set[str]:
    """Return the `grade_id`s in a notebook."""
    ids = {_mark(cell).get("grade_id") for cell in notebook["cells"]}
    return {grade_id for grade_id in ids if isinstance(grade_id, str)}


def _words(cell: dict) -> str:
    """Return what a cell says, whatever its spaces; for code, without comment lines."""
    lines = cell["source"].splitlines()
    if cell["cell_type"] == "code":
        lines = [line for line in lines if not line.lstrip().startswith("#")]
    return " ".join(" ".join(lines).split())


def _mark(cell: dict) -> dict:
    """Return what nbgrader says about a cell."""
    mark = cell["metadata"].get("nbgrader")
    return mark if isinstance(mark, dict) else {}


def _texts(notebook: dict) -> set[str]:
    texts = {" ".join(cell["source"].split()) for cell in notebook["cells"]}
    return {text for text in texts if len(text) >= ENOUGH_CHARACTERS}
