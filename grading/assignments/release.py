"""The notebook that students get: the instructor's without solutions and hidden tests."""

import copy
import pathlib

import nbformat

from grading.assignments.assignment import Assignment
from grading.assignments.regions import HIDDEN, SOLUTION, replace_region

CODE_STUB = "# Your code here."
TEXT_STUB = "*Not answered yet: write here.*"


def release(assignment: Assignment) -> nbformat.NotebookNode:
    """Return the students' version: no solutions, hidden tests or outputs; the ids stay."""
    notebook = copy.deepcopy(assignment.notebook)
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("solution"):
            stub = CODE_STUB if cell.cell_type == "code" else TEXT_STUB
            cell.source = replace_region(cell.source, SOLUTION, stub)
        elif mark.get("grade"):
            cell.source = replace_region(cell.source, HIDDEN, None)
        if mark.get("locked"):
            cell.metadata.update({"deletable": False, "editable": False})
        elif mark:
            cell.metadata["deletable"] = False
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if notebook.cells:  # the badges open the students' version
        title = notebook.cells[0]
        title.source = title.source.replace("notebooks/homework/instructor/", "notebooks/homework/")
    return notebook


def student_path(assignment: Assignment) -> pathlib.Path:
    """Return where the students' version of one of the course's assignments lies."""
    return assignment.path.parent.parent / assignment.path.name
