"""The code cells of a notebook: what to run, and what became of it."""

import dataclasses
from collections.abc import Iterable
from typing import Any


@dataclasses.dataclass
class ExecutedCell:
    """A code cell, with what became of it once it ran."""

    index: int
    number: int  # among the code cells, from 1
    source: str
    task: Any = None  # that it tests
    status: str = "not reached"
    error: str = ""  # for the student
    outputs: list = dataclasses.field(default_factory=list)


def code_cells(notebook: dict[str, Any], tasks: Iterable[Any]) -> list[ExecutedCell]:
    """Return the code cells of a notebook, with the tasks that they test."""
    by_id = {task.grade_id: task for task in tasks}
    cells = []
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        source = cell["source"]
        source = source if isinstance(source, str) else "".join(source)
        about = cell.get("metadata", {}).get("nbgrader") or {}
        is_test = about.get("grade") and not about.get("solution")
        task = by_id.get(about.get("grade_id")) if is_test else None
        cells.append(ExecutedCell(index, len(cells) + 1, source, task))
    return cells


def executed(notebook: dict[str, Any], cells: Iterable[ExecutedCell]) -> dict[str, Any]:
    """Return the notebook, with the outputs of its cells written into it."""
    for cell in cells:
        written = notebook["cells"][cell.index]
        has_run = cell.status != "not reached" and cell.source.strip()
        written["execution_count"] = cell.number if has_run else None
        written["outputs"] = cell.outputs
        for output in cell.outputs:
            if output["output_type"] == "execute_result":
                output["execution_count"] = cell.number
    return notebook
