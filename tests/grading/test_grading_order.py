"""Right answers get their points in whatever order of cells they stand, and wrong ones do not."""

import copy
import json
import sys
import time

import grading_class
import pytest
from grading_class import RIGHT, WRONG

from grading.assignments import code_names
from grading.assignments.assignment import load_assignment, release, restore

MOST = grading_class.MOST
ALL = "\n\n".join(RIGHT.values())


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return load_assignment(grading_class.write_assignment(tmp_path_factory.mktemp("order")))


def handed_in(assignment, answers=RIGHT):
    """The student's version with answers, as a plain dictionary."""
    return grading_class.answered(json.loads(json.dumps(release(assignment))), answers)


def empty(assignment):
    return json.loads(json.dumps(release(assignment)))


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
        task = tasks.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
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


def without_answers(cells):
    cells[:] = [cell for cell in cells if id_of(cell) not in RIGHT]


def forget(cells):
    for cell in cells:
        cell["metadata"] = {}


# --- Honest and awkward: each is a function of the cells with the right answers ---------------


HONEST = []


def honest(change):
    HONEST.append(change)
    return change


@honest
def all_after_the_imports(cells):
    without_answers(cells)
    cells.insert(2, code(ALL))


@honest
def all_after_the_imports_and_no_metadata(cells):
    all_after_the_imports(cells)
    forget(cells)


@honest
def all_in_the_first_answer(cells):
    without_answers(cells)
    cells.insert(3, code(ALL, "total"))


@honest
def all_in_the_first_answer_and_the_others_blank(cells):
    for cell in cells:
        if id_of(cell) in RIGHT:
            cell["source"] = ALL if id_of(cell) == "total" else ""


@honest
def all_in_the_last_answer(cells):
    without_answers(cells)
    cells.insert(place(cells, "test-words"), code(ALL, "words"))


@honest
def all_in_the_last_answer_at_the_top(cells):
    without_answers(cells)
    cells.insert(2, code(ALL, "words"))


@honest
def all_at_the_end(cells):
    without_answers(cells)
    cells.append(code(ALL))


@honest
def each_at_the_end(cells):
    without_answers(cells)
    cells += [code(source) for source in RIGHT.values()]


@honest
def each_at_the_end_in_reverse(cells):
    without_answers(cells)
    cells += [code(source) for source in reversed(RIGHT.values())]


@honest
def all_above_the_setup(cells):
    without_answers(cells)
    cells.insert(0, code(ALL))


@honest
def all_above_the_setup_and_no_metadata(cells):
    all_above_the_setup(cells)
    forget(cells)


@honest
def reversed_answers(cells):
    found = [cell for cell in cells if id_of(cell) in RIGHT]
    without_answers(cells)
    cells[2:2] = reversed(found)


@honest
def merged_with_the_setup(cells):
    cell_of(cells, "setup")["source"] += "\n\n" + ALL
    without_answers(cells)


@honest
def written_into_the_setup(cells):
    cell_of(cells, "setup")["source"] = "import numpy as np\nNUMBERS = [*range(101)]\n" + ALL
    without_answers(cells)


@honest
def merged_with_the_setup_and_no_metadata(cells):
    merged_with_the_setup(cells)
    forget(cells)


@honest
def merged_with_the_test_above(cells):
    cell_of(cells, "test-total")["source"] += "\n" + RIGHT["mean"]
    del cells[place(cells, "mean")]


@honest
def merged_with_the_test_below(cells):
    cell_of(cells, "mean")["source"] += "\n" + cell_of(cells, "test-mean")["source"]
    del cells[place(cells, "test-mean")]


@honest
def merged_over_a_test(cells):
    answers = [place(cells, "total"), place(cells, "test-total"), place(cells, "mean")]
    cell_of(cells, "total")["source"] = "\n\n".join(cells[n]["source"] for n in answers)
    del cells[place(cells, "test-total")], cells[place(cells, "mean")]


@honest
def written_into_the_test(cells):
    test = cell_of(cells, "test-table")
    test["source"] = RIGHT["table"] + "\nprint(table)"
    del cells[place(cells, "table")]


@honest
def split_in_two(cells):
    answer = cell_of(cells, "mean")
    answer["source"] = "import statistics"
    again = {**copy.deepcopy(answer), "source": RIGHT["mean"]}
    cells.insert(place(cells, "mean") + 1, again)


@honest
def split_in_two_without_metadata(cells):
    split_in_two(cells)
    cells[place(cells, "mean") + 1]["metadata"] = {}


@honest
def helper_at_the_end(cells):
    cell_of(cells, "mean")["source"] = "def mean_of(values):\n    return helper(values)"
    cells.append(code(RIGHT["mean"].replace("mean_of", "helper")))


@honest
def value_from_the_end(cells):
    cell_of(cells, "table")["source"] = "table = counted.reshape(3, 4)"
    cells.append(code("counted = np.arange(12)"))


@honest
def answer_moved_up_because_another_needs_it(cells):
    mean = cells.pop(place(cells, "mean"))
    cells.insert(2, mean)
    cell_of(cells, "total")["source"] = "total = int(mean_of(NUMBERS) * 101)"


@honest
def answered_above_untouched_cells(cells):
    for cell in cells:
        if id_of(cell) in RIGHT:
            cell["source"] = f"{id_of(cell) if id_of(cell) != 'mean' else 'mean_of'} = None\n# Mine"
    cells.insert(2, code(ALL))


@honest
def answered_below_untouched_cells(cells):
    answered_above_untouched_cells(cells)
    cells.append(cells.pop(2))


@honest
def text_turned_code(cells):
    for cell in cells:
        if cell["cell_type"] == "markdown" and not id_of(cell):
            cell["cell_type"] = "code"


@honest
def with_magics(cells):
    without_answers(cells)
    cells.append(code("%%time\n%matplotlib inline\n!true\n" + ALL))


@honest
def with_a_magic_of_several_lines(cells):
    without_answers(cells)
    cells.append(code("!ls \\\n  -l \\\n  /\n" + ALL))


@honest
def with_a_line_that_begins_like_a_magic(cells):
    without_answers(cells)
    cells.append(code('print("%s and %s"\n% (1, 2))\n' + ALL))


@honest
def with_magics_and_a_line_that_begins_like_one(cells):
    without_answers(cells)
    cells.append(code(f'%matplotlib inline\n?np.arange\n{ALL}\nprint("%s and %s"\n% (1, 2))'))


@honest
def timed_at_the_end(cells):
    del cells[place(cells, "total")]
    cells.append(code("%time " + RIGHT["total"]))


@honest
def made_in_several_cells_at_the_end(cells):
    without_answers(cells)
    cells += [
        code("table = np.arange(12)\nwords = {}"),
        code("table.shape = table.reshape(3, 4).shape"),
    ]
    cells += [code(f"words[{word!r}] = {count}") for word, count in (("deep", 4), ("net", 3))]
    cells += [code(RIGHT["total"]), code(RIGHT["mean"] + "\nwords.clear()")]


@honest
def with_tests_first(cells):
    tests = [cell for cell in cells if (id_of(cell) or "").startswith("test-")]
    cells[:] = tests + [cell for cell in cells if cell not in tests]


@pytest.mark.parametrize("change", HONEST, ids=lambda change: change.__name__)
def test_right_answers_get_all_points(assignment, change):
    notebook = handed_in(assignment)
    change(notebook["cells"])
    found, notes = restore(notebook, assignment)
    assert points_of(found, assignment) == MOST, (notes, [c.source for c in found.cells])


@pytest.mark.parametrize("change", HONEST, ids=lambda change: change.__name__)
def test_the_same_in_parts_gets_the_same_in_parts(assignment, change):
    """Wrong answers in the same shape get nothing for their shape."""
    notebook = handed_in(assignment)
    change(notebook["cells"])
    text = json.dumps(notebook)
    for right, wrong in (("sum(NUMBERS)", "5049"), ("reshape(3, 4)", "reshape(4, 3)")):
        text = text.replace(right, wrong)
    lost = 2 + ("sum(NUMBERS)" in json.dumps(notebook))
    found, notes = restore(json.loads(text), assignment)
    assert points_of(found, assignment) == MOST - lost, (notes, [c.source for c in found.cells])


def test_in_the_usual_order_nothing_is_moved(assignment):
    for notebook in (handed_in(assignment), empty(assignment), handed_in(assignment, WRONG)):
        notebook["cells"].append(code("print(total)\nother = undefined"))
        found, notes = restore(notebook, assignment)
        assert notes == []
        assert [c.source for c in found.cells] == [c["source"] for c in notebook["cells"]]


def test_nothing_is_earned_without_an_answer(assignment):
    assert points_of(restore(empty(assignment), assignment)[0], assignment) == 0


def test_what_stands_below_the_test_does_not_mend_a_wrong_answer(assignment):
    notebook = handed_in(assignment, WRONG)
    notebook["cells"].append(code(ALL))
    assert points_of(restore(notebook, assignment)[0], assignment) == 0


def test_several_cells_that_are_moved_up_are_counted(assignment):
    notebook = handed_in(assignment)
    one = "mean_of = other\n" + RIGHT["mean"].replace("mean_of", "third")
    cell_of(notebook["cells"], "mean")["source"] = one
    cell_of(notebook["cells"], "total")["source"] = "total = added"
    notebook["cells"] += [code(RIGHT["mean"].replace("mean_of", "other")), code("added = 5050")]
    found, notes = restore(notebook, assignment)
    assert points_of(found, assignment) == MOST
    assert "because others need them: 2 of your own." in notes[-1]


@pytest.mark.parametrize(
    "wrong",
    [
        "%time total = 5049",
        "vars()['total'] = 5049",
        "locals().update(total=5049)",
        "import __main__\n__main__.total = 5049",
    ],
)
def test_no_test_waits_where_another_way_gives_the_answer(assignment, wrong):
    notebook = handed_in(assignment, WRONG)
    cell_of(notebook["cells"], "total")["source"] = wrong
    notebook["cells"].append(code(RIGHT["total"]))
    assert "test-total" not in " ".join(restore(notebook, assignment)[1])


def test_what_is_moved_is_told(assignment):
    notebook = empty(assignment)
    notebook["cells"].append(code(RIGHT["total"]))
    notes = " ".join(restore(notebook, assignment)[1])
    assert "test-total (Add up) was run below the cell that gives total" in notes
    notebook["cells"].insert(2, notebook["cells"].pop())
    notes = " ".join(restore(notebook, assignment)[1])
    assert "as it had been handed out; it does not take back total" in notes


@pytest.mark.parametrize(
    "way", ["from my_answers import *", "exec(open(my_answers.__file__).read())"]
)
def test_answers_in_a_module_are_not_taken_back(assignment, tmp_path, monkeypatch, way):
    module = "import numpy as np\nNUMBERS = range(101)\n" + ALL
    (tmp_path / "my_answers.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_answers", raising=False)
    notebook = empty(assignment)
    notebook["cells"].insert(2, code(f"import my_answers\n{way}"))
    assert points_of(restore(notebook, assignment)[0], assignment) == MOST


def test_answers_in_each_others_cells(assignment):
    notebook = handed_in(assignment)
    one, other = (cell_of(notebook["cells"], name) for name in ("mean", "words"))
    one["source"], other["source"] = other["source"], one["source"]
    assert points_of(restore(notebook, assignment)[0], assignment) == MOST


def test_a_draft_that_is_no_python_does_not_stand_in_the_way(assignment):
    notebook = handed_in(assignment)
    cell_of(notebook["cells"], "table")["source"] = "table = ("
    notebook["cells"].append(code(RIGHT["table"]))
    assert points_of(restore(notebook, assignment)[0], assignment) == MOST


def test_a_whole_notebook_in_one_cell(assignment):
    notebook = handed_in(assignment)
    texts = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for metadata in ({"nbgrader": {"grade_id": "setup"}}, {}):
        notebook["cells"] = [{**code("\n\n".join(texts)), "metadata": metadata}]
        assert points_of(restore(notebook, assignment)[0], assignment) == MOST


def test_who_moved_nothing_is_not_told_of_moves(assignment):
    notebook = empty(assignment)
    stub = cell_of(notebook["cells"], "mean")["source"]
    notebook["cells"].append(code(stub + "\n" + RIGHT["mean"]))
    without_answers(notebook["cells"])
    found, notes = restore(notebook, assignment)
    assert points_of(found, assignment) == 4
    assert not any("moved" in note for note in notes), notes


def test_a_star_import_may_give_every_name(assignment):
    notebook = empty(assignment)
    notebook["cells"].insert(2, code("from answers import *"))
    without_answers(notebook["cells"])
    notebook["cells"].append(code("total = 7  # only tried"))
    found, _ = restore(notebook, assignment)
    assert found.cells[-1].source == "total = 7  # only tried"


@pytest.mark.parametrize("source", ["(" * 50_000, "x = " * 50_000 + "1", "\0", "%%bash\nls", "a?"])
def test_a_cell_that_is_no_python_is_survived(assignment, source):
    notebook = handed_in(assignment)
    notebook["cells"].insert(3, code(source))
    found, _ = restore(notebook, assignment)
    assert points_of(found, assignment) == MOST


@pytest.mark.parametrize(
    "source", ["\n" * 100_000, "x\n" + " " * 100_000 + "x", "!" + "\\\n" * 50_000]
)
def test_a_long_cell_is_looked_through_in_no_time(source):
    started = time.monotonic()
    code_names.names_of(source)
    assert time.monotonic() - started < 2
