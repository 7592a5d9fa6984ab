"""The code cells of a notebook: what is to run, and what became of it."""

import dataclasses


@dataclasses.dataclass
class Ran:
    """A code cell that ran."""

    index: int
    number: int  # among the code cells, from 1
    source: str
    task: object = None  # that it tests
    status: str = "not reached"
    error: str = ""  # for the student
    outputs: list = dataclasses.field(default_factory=list)


def code_cells(notebook, tasks):
    """The code cells of a notebook, with the tasks that they test."""
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
        cells.append(Ran(index, len(cells) + 1, source, task))
    return cells


def executed(notebook, cells):
    """The notebook with what its cells have shown."""
    for cell in cells:
        written = notebook["cells"][cell.index]
        ran = cell.status != "not reached" and cell.source.strip()
        written["execution_count"] = cell.number if ran else None
        written["outputs"] = cell.outputs
        for output in cell.outputs:
            if output["output_type"] == "execute_result":
                output["execution_count"] = cell.number
    return notebook
