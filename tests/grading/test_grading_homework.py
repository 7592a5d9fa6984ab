"""The course's own homework through the real command: full points, no points, and in between."""

import importlib.util
import json
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from grading.assignments.assignment import HOMEWORK, load_assignment, numbers, student_path
from grading.sandbox import bubblewrap

pytestmark = [
    pytest.mark.notebooks,
    pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow"),
    pytest.mark.skipif(sys.platform == "win32", reason="the grader runs on Linux and macOS"),
]
RECORD = HOMEWORK / "instructor" / "hw4_record.json"
UNSAFE = ["--unsafe"] if bubblewrap.choose(unsafe=True).problem else []


def grade(folder, number, plain_environment, *more):
    """What the summary says about each student."""
    plain_environment.delenv("KERAS_BACKEND", raising=False)
    out = folder / "results"
    words = [sys.executable, "-m", "grading", folder / "class", "--homework", number, "--out", out]
    done = subprocess.run(
        [*map(str, words), *UNSAFE, *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return {each["student"]: each for each in summary["students"]}


def put(notebook, folder, name, record=None, **answers):
    """Hands in a notebook, with some answers replaced, and perhaps a record beside it."""
    raw = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in raw["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell["source"] = answers[grade_id]
    path = folder / "class" / name / notebook.name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(raw), encoding="utf-8")
    if record is not None:
        shutil.copy(record, path.parent)


@pytest.mark.parametrize("number", numbers())
def test_full_points_and_none(number, tmp_path, plain_environment):
    assignment = load_assignment(number)
    record = RECORD if number == 4 else None
    put(assignment.path, tmp_path, "right", record)
    put(student_path(assignment), tmp_path, "empty")
    found = grade(tmp_path, number, plain_environment)
    told = json.dumps(found, indent=1, ensure_ascii=False)
    assert found["right"]["points"] == assignment.automatic_points, told
    assert found["empty"]["points"] == 0, told
    for each in found["empty"]["tasks"]:
        assert each["verdict"] in ("not answered", "manual"), each
    stopped = [note for note in found["empty"]["notes"] if "cell" in note]
    assert stopped == [], "the students' version runs without an error"
    assert found["right"]["to_read"] == assignment.points - assignment.automatic_points


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
    found = grade(tmp_path, 4, plain_environment)
    points = {name: each["points"] for name, each in found.items()}
    told = json.dumps(found, indent=1, ensure_ascii=False)
    assert points["sample"] == most - 5, told
    assert told.count("This is a run on sample photos.") == 5, told
    assert points["borrowed"] == most - 1, told
    assert "another download script" in told
    (lost,) = (t for t in found["unprepared"]["tasks"] if t["verdict"] in ("wrong", "error"))
    assert lost["grade_id"] == "hw4-stage-1-test" and "prepared photos" in lost["message"], told


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
    found = grade(tmp_path, number, plain_environment)["clever"]
    told = json.dumps(found, indent=1, ensure_ascii=False)
    assert found["points"] == assignment.automatic_points - lost, told


DIE = "def separable_parameters(*args):\n    import os\n    os._exit(0)"
GROW = """
hoard = []
for _ in range(200):
    hoard.append(np.ones(5_000_000))
dilations = [1, 3, 8, 8]
"""


def test_what_one_answer_does_costs_no_other(tmp_path, plain_environment):
    assignment = load_assignment(2)
    most = assignment.automatic_points
    put(assignment.path, tmp_path, "dies", **{"hw2-separable": DIE})
    put(assignment.path, tmp_path, "grows", **{"hw2-dilations": GROW})
    put(
        assignment.path,
        tmp_path,
        "wrong",
        **{"hw2-output-size": "def output_size(*a, **k): return 4"},
    )
    found = grade(tmp_path, 2, plain_environment, "--cell-seconds", "15", "--memory", "2500")
    points = {name: each["points"] for name, each in found.items()}
    told = json.dumps({name: each["notes"] for name, each in found.items()}, indent=1)
    assert points == {"dies": most - 1, "grows": most - 1, "wrong": most - 1}, told


def test_the_other_homework_is_recognised(tmp_path, plain_environment):
    assignment = load_assignment(2)
    put(assignment.path, tmp_path, "mixed up")
    found = grade(tmp_path, 1, plain_environment)["mixed up"]
    assert found["status"] == "other homework" and assignment.title in found["notes"][0]
