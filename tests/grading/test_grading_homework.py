"""The course's own homework through the real command: full points, no points, and in between."""

import importlib.util
import json
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from grading.assignments.assignment import HOMEWORK, load_assignment, numbers
from grading.assignments.release import student_path
from grading.sandbox import bubblewrap

pytestmark = [
    pytest.mark.notebooks,
    pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow"),
    pytest.mark.skipif(sys.platform == "win32", reason="the grader runs on Linux and macOS"),
]
RECORD = HOMEWORK / "instructor" / "hw4_record.json"
UNSAFE = ["--unsafe"] if bubblewrap.choose(unsafe=True).problem else []


def grade(folder, number, plain_environment, *more):
    """Return what the summary says about each student, and the same as text."""
    plain_environment.delenv("KERAS_BACKEND", raising=False)
    out = folder / "results"
    words = [sys.executable, "-m", "grading", folder / "class", "--homework", number, "--out", out]
    words = [*map(str, words), *UNSAFE, *more]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    students = {student["student"]: student for student in summary["students"]}
    return students, json.dumps(students, indent=1, ensure_ascii=False)


def put(notebook, folder, name, record=None, **answers):
    """Hand in a notebook, with some answers replaced, and perhaps a record beside it."""
    raw = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in raw["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(grade_id, cell["source"])
    path = folder / "class" / name / notebook.name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(raw), encoding="utf-8")
    if record is not None:
        shutil.copy(record, path.parent)


@pytest.mark.parametrize("number", numbers())
def test_full_points_and_none(number, tmp_path, plain_environment):
    assignment = load_assignment(number)
    put(assignment.path, tmp_path, "right", RECORD if number == 4 else None)
    put(student_path(assignment), tmp_path, "empty")
    students, shown = grade(tmp_path, number, plain_environment)
    right, empty = students["right"], students["empty"]
    assert right["points"] == assignment.automatic_points, shown
    assert right["to_read"] == assignment.points - assignment.automatic_points
    assert empty["points"] == 0, shown
    assert {task["verdict"] for task in empty["tasks"]} <= {"not answered", "manual"}, shown
    assert not [note for note in empty["notes"] if "cell" in note], "it runs without an error"


def test_the_sample_and_the_records_of_others_do_not_do(tmp_path, plain_environment):
    assignment = load_assignment(4)
    most = assignment.automatic_points
    stage_1 = next(c.source for c in assignment.notebook.cells if c.id == "hw4-stage-1")
    unprepared = stage_1.replace("run(lower, prepare(", "run(lower, (")
    assert unprepared != stage_1
    cats = 'def download_photos():\n    return openimages.download(classes=("Cat", "Dog"))'
    put(assignment.path, tmp_path, "sample", **{"hw4-download": cats})
    put(assignment.path, tmp_path, "borrowed", RECORD, **{"hw4-download": cats})
    put(assignment.path, tmp_path, "unprepared", RECORD, **{"hw4-stage-1": unprepared})
    students, shown = grade(tmp_path, 4, plain_environment)
    assert students["sample"]["points"] == most - 5, shown
    assert shown.count("This is a run on sample photos.") == 5, shown
    assert students["borrowed"]["points"] == most - 1, shown
    assert "another download script" in shown
    tasks = students["unprepared"]["tasks"]
    (lost,) = (task for task in tasks if task["verdict"] in ("wrong", "error"))
    assert lost["grade_id"] == "hw4-stage-1-test" and "prepared photos" in lost["message"], shown


SEASONAL = "def forecast(x):\n    return seasonal_forecast(x)"
REMEMBERED = """
known = {image.tobytes(): label for image, label in zip(x_test, y_test)}


def predict_dense(images):
    return np.array([known.get(image.tobytes(), 0) for image in images])
"""


@pytest.mark.parametrize(
    ("number", "answers", "lost"),
    [(3, {"hw3-forecast": SEASONAL}, 2), (1, {"hw1-predict-dense": REMEMBERED}, 1)],
)
def test_what_needs_a_network_is_not_had_without(
    number, answers, lost, tmp_path, plain_environment
):
    assignment = load_assignment(number)
    put(assignment.path, tmp_path, "clever", **answers)
    students, shown = grade(tmp_path, number, plain_environment)
    assert students["clever"]["points"] == assignment.automatic_points - lost, shown
