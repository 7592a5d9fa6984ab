"""Assignments are read and released as they should be, and any submission is put back in order."""

import copy
import json

import nbformat
import pytest

from grading.assignments.assignment import AssignmentError, load_assignment
from grading.assignments.release import release
from grading.assignments.restore import restore


def cell(kind, grade_id, source, **more):
    """A cell of an instructor's notebook."""
    text = kind in ("text", "manual")
    made = {"cell_type": "markdown" if text else "code", "source": source, "metadata": {}}
    made["id"] = grade_id
    if not text:
        made |= {"outputs": [], "execution_count": None}
    if kind not in ("text", "code"):
        about = {"schema_version": 3, "grade_id": f"t-{grade_id}", "task": False}
        about["grade"] = kind in ("test", "manual")
        about["solution"] = kind in ("solution", "manual")
        about["locked"] = kind in ("test", "locked")
        if about["grade"]:
            about["points"] = 2
            made["metadata"]["homework"] = {"title": f"Task {grade_id}", **more}
        made["metadata"]["nbgrader"] = about
    return made


SOLUTION = """def {0}(x):
    y = None
    ### BEGIN SOLUTION
    y = {1}
    ### END SOLUTION
    return y"""
TEST = (
    "print('checks', {0}(1))\n### BEGIN HIDDEN TESTS\nassert {0}(2) == {1}, 'no'\n"
    "### END HIDDEN TESTS"
)
CELLS = [
    cell(
        "text", "title", "# Homework 0 · A title\n\n(notebooks/homework/instructor/hw9_small.ipynb)"
    ),
    cell("locked", "setup", "import math\nprint('ready to go')"),
    cell("text", "one", "## Part 1"),
    cell("solution", "double", SOLUTION.format("double", "2 * x")),
    cell("test", "double-test", TEST.format("double", 4), functions=["double"], seconds=5),
    cell("solution", "square", SOLUTION.format("square", "x * x")),
    cell("test", "square-test", TEST.format("square", 4), values=["v"]),
    cell("manual", "why", "*Your words:*\n\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"),
]
ANSWER = "def {0}(x):\n    y = None\n    # mine\n    y = x + x\n    return y"


@pytest.fixture
def assignment(tmp_path):
    folder = tmp_path / "homework" / "instructor"
    folder.mkdir(parents=True)
    return written(folder, CELLS)


def written(folder, cells):
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path = folder / "hw9_small.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return load_assignment(path)


def submitted(assignment):
    """The student's version with two answers, and cells of the student's own between."""
    cells = [json.loads(json.dumps(c)) for c in release(assignment).cells]
    cells[3]["source"] = ANSWER.format("double")
    cells[5]["source"] = ANSWER.format("square")
    cells.insert(3, {"cell_type": "code", "source": "own = 1", "metadata": {}, "outputs": []})
    cells.insert(7, {"cell_type": "markdown", "source": "my notes", "metadata": {}})
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def sources(notebook):
    return [c["source"] for c in notebook["cells"]]


def ids(notebook):
    """grade_ids where there are some, else the source."""
    return [
        c["metadata"].get("nbgrader", {}).get("grade_id", c["source"][:9])
        for c in notebook["cells"]
    ]


def test_what_an_assignment_says(assignment):
    assert assignment.number == 9 and assignment.name == "hw9_small"
    assert assignment.title == "Homework 0 · A title"
    assert [t.grade_id for t in assignment.tasks] == ["t-double-test", "t-square-test", "t-why"]
    first, second, last = assignment.tasks
    assert first.hidden == "assert double(2) == 4, 'no'\n"
    assert (first.functions, first.values, first.seconds, first.points) == (("double",), (), 5.0, 2)
    assert second.values == ("v",) and not second.manual
    assert last.manual and last.hidden == ""
    assert (assignment.points, assignment.automatic_points) == (6, 4)


def test_the_version_follows_every_change(assignment, tmp_path):
    cells = copy.deepcopy(CELLS)
    folder = assignment.path.parent
    assert written(folder, cells).version == assignment.version
    cells[4]["metadata"]["nbgrader"]["points"] = 3
    changed = written(folder, cells)
    assert changed.version != assignment.version
    cells[4]["source"] = cells[4]["source"].replace("== 4", "== 5")
    assert written(folder, cells).version not in (assignment.version, changed.version)


def test_the_release_holds_no_solution_and_no_hidden_test(assignment):
    text = json.dumps(release(assignment), ensure_ascii=False)
    for secret in ("SOLUTION", "HIDDEN", "2 * x", "x * x", "assert", "Because", "instructor"):
        assert secret not in text, secret
    notebook = release(assignment)
    nbformat.validate(notebook)
    assert notebook.cells[3].source.splitlines()[2] == "    # Your code here."
    assert notebook.cells[4].source == "print('checks', double(1))"
    assert "Not answered yet" in notebook.cells[7].source
    for each in notebook.cells:
        if each.cell_type == "code":
            compile(each.source, "cell", "exec")


@pytest.mark.parametrize(
    ("place", "change", "words"),
    [
        (3, lambda c: c.update(source="y = 1"), "no ### BEGIN SOLUTION"),
        (4, lambda c: c.update(source="print(1)"), "without ### BEGIN HIDDEN TESTS"),
        (4, lambda c: c.update(source="### BEGIN HIDDEN TESTS"), "must come once"),
        (4, lambda c: c["metadata"]["nbgrader"].update(grade_id="t-setup"), "same grade_id"),
        (4, lambda c: c["metadata"]["nbgrader"].update(schema_version=2), "schema_version"),
        (3, lambda c: c["metadata"]["nbgrader"].update(locked=True), "either"),
        (1, lambda c: c["metadata"]["nbgrader"].pop("locked"), "no 'locked'"),
    ],
)
def test_an_assignment_that_breaks_the_rules_is_told(assignment, place, change, words):
    cells = copy.deepcopy(CELLS)
    change(cells[place])
    with pytest.raises(AssignmentError, match=words):
        written(assignment.path.parent, cells)


def test_an_assignment_that_is_not_there():
    for wrong in (77, "hw77", "nowhere.ipynb"):
        with pytest.raises(AssignmentError, match=r"There are: |Give a number"):
            load_assignment(wrong)


# --- restore ---------------------------------------------------------------------------------

ORDER = ["# Homewor", "t-setup", "## Part 1", "own = 1", "t-double", "t-double-test", "t-square"]
ORDER += ["my notes", "t-square-test", "t-why"]


def at(number, **changes):
    """A change of one cell."""
    return lambda cells: cells[number].update(changes)


def copy_of(number, to, **changes):
    return lambda cells: cells.insert(to, {**copy.deepcopy(cells[number]), **changes})


def lose_metadata(cells):
    for each in cells:
        each["metadata"] = {}
        each.pop("id", None)


def add_points(cells):
    cells[5]["metadata"]["nbgrader"]["points"] = 100
    cells[4]["metadata"]["nbgrader"]["locked"] = True


TRY = "def double(x):\n    return 2 * x"
STUB = "def double(x):\n    y = None\n    # Your code here.\n    return y"
CLAIM = {"nbgrader": {"grade_id": "hw8-x", "grade": True, "points": 50}}
PASSED = [{"output_type": "stream", "name": "stdout", "text": "PASS"}]
SETUP = CELLS[1]["source"]
# What was done to the cells, their order then (None: as at first), and what the notes say.
CHANGES = {
    "nothing": (lambda cells: None, ORDER, None),
    "outputs": (at(1, outputs=PASSED, execution_count=99), ORDER, None),
    "spaces": (at(1, source=SETUP.replace("\n", "   \n") + "\n"), ORDER, None),
    "an own cell claims to be a test": (at(3, metadata=CLAIM), ORDER, None),
    "points": (add_points, ORDER, None),
    "no test": (lambda cells: cells.pop(5), ORDER, "(Task double-test) was missing: put"),
    "no answer": (
        lambda cells: cells.pop(4), [*ORDER[:3], "t-double", "own = 1", *ORDER[5:]],
        "t-double was missing: not answered, unless another cell",
    ),
    "edited test": (at(5, source="print('2 of 2 points')"), ORDER, "-test) was edited; the orig"),
    "edited setup": (
        at(1, source=SETUP + "\nimport os"), [*ORDER[:2], "import os", *ORDER[2:]],
        "locked cell t-setup was written into; what was added runs as a cell of its own",
    ),
    "two tests": (copy_of(5, 6), ORDER, "was there 2 times; one was kept"),
    "moved test": (lambda cells: cells.insert(1, cells.pop(5)), ORDER, "double-test) was moved"),
    "two answers": (
        copy_of(4, 5, source=TRY), [*ORDER[:5], "def doubl", *ORDER[5:]], "so the last one counts",
    ),
    "a try at the end": (
        copy_of(4, 99, source=TRY), [*ORDER, "def doubl"], "below the test cell does not count",
    ),
    "a stub at the end": (copy_of(4, 99, source=STUB), ORDER, "without an answer of their own"),
    "answer of text": (at(4, cell_type="markdown"), ORDER, "turned into markdown and back"),
    "no metadata": (lose_metadata, ORDER, "6 of 6 were recognised"),
    "no cells": (list.clear, [i for i in ORDER if i.startswith("t-")], "None of the assignment's"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_restore(assignment, name):
    change, order, words = CHANGES[name]
    handed_in = submitted(assignment)
    change(handed_in["cells"])
    before = copy.deepcopy(handed_in)
    notebook, notes = restore(handed_in, assignment)
    assert handed_in == before, "what was handed in must stay as it is"
    nbformat.validate(notebook)
    assert ids(notebook) == order, notes
    wanted = [i for i in ids({"cells": CELLS}) if i.startswith("t-")]
    assert [i for i in ids(notebook) if i.startswith("t-")] == wanted
    if words is None:
        assert notes == []
    else:
        assert any(words in note for note in notes), notes
    by_id = dict(zip(ids(notebook), notebook.cells, strict=True))
    original = dict(zip(ids({"cells": CELLS}), release(assignment).cells, strict=True))
    for grade_id in wanted:  # locked cells are the assignment's, and so are all metadata
        assert by_id[grade_id].metadata == original[grade_id].metadata
        if not original[grade_id].metadata.nbgrader.solution:
            assert by_id[grade_id].source == original[grade_id].source
    if name in ("no answer", "no cells"):
        assert "None" not in by_id["t-double"].source
    else:
        assert by_id["t-double"].source == ANSWER.format("double")
        assert by_id["t-double"].cell_type == "code"
    assert all(not c.get("outputs") for c in notebook.cells)
    again, quiet = restore(notebook, assignment)
    assert quiet == [] and sources(again) == sources(notebook)


def test_restore_of_the_instructors_own_version(assignment):
    notebook, notes = restore(assignment.notebook, assignment)
    assert notes == []
    assert "2 * x" in notebook.cells[3].source and "assert" not in notebook.cells[4].source


def test_restore_of_another_homework(assignment):
    handed_in = submitted(assignment)
    for each in handed_in["cells"]:
        if "nbgrader" in each["metadata"]:
            each["metadata"]["nbgrader"]["grade_id"] = "hw3-x"
            each["source"] = "something else"
    _, notes = restore(handed_in, assignment)
    assert "its cells belong to hw3" in notes[0]
