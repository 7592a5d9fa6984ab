"""Right answers get their points in whatever order of cells they stand, and wrong ones do not."""

import copy
import json
import sys
import time

import grading_class
import pytest
from grading_class import MOST, RIGHT, WRONG

from grading.assignments import code_names
from grading.assignments.assignment import load_assignment
from grading.assignments.release import release
from grading.assignments.restore import restore

ALL = "\n\n".join(RIGHT.values())
END = 1000


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return load_assignment(grading_class.write_assignment(tmp_path_factory.mktemp("order")))


def answered(assignment, answers=RIGHT):
    """The students' version with answers, as a plain dictionary."""
    return grading_class.answered(json.loads(json.dumps(release(assignment))), answers)


def points_of(notebook, assignment):
    """What the notebook is worth when it runs from top to bottom and each test where it stands."""
    tasks = {task.grade_id: task for task in assignment.tasks}
    here, points = {}, 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        try:
            exec(code_names.python_of(cell.source), here)
        except BaseException as error:
            here["_stopped_with"] = error
        task = tasks.get(id_of(cell))
        try:
            if task:
                exec(task.hidden, dict(here))
                points += task.points
        except Exception:
            continue
    return points


def code(source, grade_id=None):
    metadata = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": []}


def id_of(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def place(cells, grade_id):
    return next(number for number, cell in enumerate(cells) if id_of(cell) == grade_id)


def cell_of(cells, grade_id):
    return cells[place(cells, grade_id)]


# --- Honest and awkward ----------------------------------------------------------------------

# The answer cells deleted, and at a place (of a cell, or a number) these cells instead.
INSTEAD = {
    "all after the imports": (2, [code(ALL)]),
    "all in the first answer": (3, [code(ALL, "total")]),
    "all in the last answer": ("test-words", [code(ALL, "words")]),
    "all above the setup": (0, [code(ALL)]),
    "all at the end": (END, [code(ALL)]),
    "each at the end in reverse": (END, [code(source) for source in reversed(RIGHT.values())]),
    "with magics": (END, [code("%%time\n%matplotlib inline\n!true\n!ls \\\n  -l \\\n  /\n" + ALL)]),
    "a line like a magic": (END, [code('print("%s and %s"\n% (1, 2))\n' + ALL)]),
    "made in several cells": (
        END, [code("table = np.arange(12)\nwords = {}"),
              code("table.shape = table.reshape(3, 4).shape"),
              code("words['deep'] = 4"), code("words['net'] = 3"),
              code(RIGHT["total"]), code(RIGHT["mean"] + "\nwords.clear()")],
    ),
}  # fmt: skip
HONEST = {}


def instead(position, new):
    def change(cells):
        cells[:] = [cell for cell in cells if id_of(cell) not in RIGHT]
        at = place(cells, position) if isinstance(position, str) else position
        cells[at:at] = copy.deepcopy(new)

    return change


def honest(change):
    HONEST[change.__name__] = change
    return change


@honest
def all_in_the_first_answer_and_the_others_blank(cells):
    for cell in cells:
        if id_of(cell) in RIGHT:
            cell["source"] = ALL if id_of(cell) == "total" else ""


@honest
def merged_with_the_setup(cells):
    cell_of(cells, "setup")["source"] += "\n\n" + ALL
    cells[:] = [cell for cell in cells if id_of(cell) not in RIGHT]


@honest
def merged_with_the_tests(cells):
    cell_of(cells, "test-total")["source"] += "\n" + RIGHT["mean"]
    del cells[place(cells, "mean")]
    cell_of(cells, "words")["source"] += "\n" + cell_of(cells, "test-words")["source"]
    del cells[place(cells, "test-words")]
    cell_of(cells, "test-table")["source"] = RIGHT["table"] + "\nprint(table)"
    del cells[place(cells, "table")]


@honest
def merged_over_a_test(cells):
    answers = [place(cells, "total"), place(cells, "test-total"), place(cells, "mean")]
    cell_of(cells, "total")["source"] = "\n\n".join(cells[n]["source"] for n in answers)
    del cells[place(cells, "test-total")], cells[place(cells, "mean")]


@honest
def split_in_two(cells):
    answer = cell_of(cells, "mean")
    answer["source"] = "import statistics"
    cells.insert(place(cells, "mean") + 1, {**copy.deepcopy(answer), "source": RIGHT["mean"]})


@honest
def helper_and_value_at_the_end(cells):
    cell_of(cells, "mean")["source"] = "def mean_of(values):\n    return helper(values)"
    cell_of(cells, "table")["source"] = "table = counted.reshape(3, 4)"
    cells.append(code(RIGHT["mean"].replace("mean_of", "helper")))
    cells.append(code("counted = np.arange(12)"))


@honest
def answer_moved_up_because_another_needs_it(cells):
    cells.insert(2, cells.pop(place(cells, "mean")))
    cell_of(cells, "total")["source"] = "total = int(mean_of(NUMBERS) * 101)"


@honest
def answered_below_untouched_cells(cells):
    for cell in cells:
        if id_of(cell) in RIGHT:
            cell["source"] = f"{id_of(cell) if id_of(cell) != 'mean' else 'mean_of'} = None\n# Mine"
    cells.append(code(ALL))


@honest
def with_tests_first(cells):
    cells.sort(key=lambda cell: not (id_of(cell) or "").startswith("test-"))


@honest
def answers_in_each_others_cells(cells):
    one, other = cell_of(cells, "mean"), cell_of(cells, "words")
    one["source"], other["source"] = other["source"], one["source"]


def forgetting(change):
    def changed(cells):
        change(cells)
        for cell in cells:
            cell["metadata"] = {}

    return changed


HONEST |= {name: instead(*what) for name, what in INSTEAD.items()}
for name in ("all after the imports", "all above the setup", "merged_with_the_setup"):
    HONEST[f"{name}, without metadata"] = forgetting(HONEST[name])


@pytest.mark.parametrize("name", HONEST)
def test_right_answers_get_all_points_and_wrong_ones_none(assignment, name):
    notebook = answered(assignment)
    HONEST[name](notebook["cells"])
    found, notes = restore(notebook, assignment)
    assert points_of(found, assignment) == MOST, (notes, [c.source for c in found.cells])
    text = json.dumps(notebook)
    lost = 2 + ("sum(NUMBERS)" in text)
    for right, wrong in (("sum(NUMBERS)", "5049"), ("reshape(3, 4)", "reshape(4, 3)")):
        text = text.replace(right, wrong)
    found, notes = restore(json.loads(text), assignment)
    assert points_of(found, assignment) == MOST - lost, (notes, [c.source for c in found.cells])


def test_in_the_usual_order_nothing_is_moved(assignment):
    for answers in (RIGHT, {}, WRONG):
        notebook = answered(assignment, answers)
        notebook["cells"].append(code("print(total)\nother = undefined"))
        found, notes = restore(notebook, assignment)
        assert notes == []
        assert [c.source for c in found.cells] == [c["source"] for c in notebook["cells"]]


def test_nothing_is_earned_without_a_right_answer_above_the_test(assignment):
    assert points_of(restore(answered(assignment, {}), assignment)[0], assignment) == 0
    for wrong in (WRONG["total"], "%time total = 5049", "vars()['total'] = 5049"):
        notebook = answered(assignment, {**WRONG, "total": wrong})
        notebook["cells"].append(code(ALL))
        found, notes = restore(notebook, assignment)
        assert points_of(found, assignment) == 0 and "test-total" not in " ".join(notes)


def test_what_is_moved_is_told(assignment):
    notebook = answered(assignment, {})
    notebook["cells"].append(code(RIGHT["total"]))
    (note,) = restore(notebook, assignment)[1]
    assert "test-total (Add up)" in note and "further down" in note and note.endswith(": total.")
    notebook["cells"].insert(2, notebook["cells"].pop())
    (note,) = restore(notebook, assignment)[1]
    assert "as handed out" in note and note.endswith(": total.")


def test_answers_in_a_module_are_not_taken_back(assignment, tmp_path, monkeypatch):
    module = "import numpy as np\nNUMBERS = range(101)\n" + ALL
    (tmp_path / "my_answers.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_answers", raising=False)
    notebook = answered(assignment, {})
    notebook["cells"].insert(2, code("from my_answers import *"))
    assert points_of(restore(notebook, assignment)[0], assignment) == MOST


@pytest.mark.parametrize(
    "source", ["(" * 50_000, "x = " * 50_000 + "1", "\0", "%%bash\nls", "table = ("]
    + ["\n" * 100_000, "x\n" + " " * 100_000 + "x", "!" + "\\\n" * 50_000], ids=range(8)
)  # fmt: skip
def test_a_cell_that_is_no_python_is_survived_in_no_time(assignment, source):
    notebook = answered(assignment)
    notebook["cells"].insert(3, code(source))
    started = time.monotonic()
    code_names.names_of(source)
    assert time.monotonic() - started < 2
    assert points_of(restore(notebook, assignment)[0], assignment) == MOST
