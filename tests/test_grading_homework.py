"""The course's own homework through the real command: full points, no points, and in between."""

import importlib.util
import json
import subprocess
import sys

import pytest
from conftest import COURSE_VARIABLES, ROOT

from grading import sandbox
from grading.assignment import load_assignment, numbers, student_path

pytestmark = [
    pytest.mark.notebooks,
    pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow"),
    pytest.mark.skipif(sys.platform == "win32", reason="the grader runs on Linux and macOS"),
]
UNSAFE = ["--unsafe"] if sandbox.choose(unsafe=True).problem else []


def grade(folder, number, plain_environment, *more):
    """What the summary says about each student."""
    for name in COURSE_VARIABLES:
        plain_environment.delenv(name, raising=False)
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


def put(notebook, folder, name, **answers):
    """Hands in a notebook, with some answers replaced."""
    raw = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in raw["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell["source"] = answers[grade_id]
    path = folder / "class" / name / notebook.name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(raw), encoding="utf-8")


@pytest.mark.parametrize("number", numbers())
def test_full_points_and_none(number, tmp_path, plain_environment):
    assignment = load_assignment(number)
    put(assignment.path, tmp_path, "right")
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


HANG = "def maps_of(layer_name, images):\n    while True:\n        pass"
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
    put(assignment.path, tmp_path, "hangs", **{"hw2-maps-of": HANG})
    put(assignment.path, tmp_path, "dies", **{"hw2-separable": DIE})
    put(assignment.path, tmp_path, "grows", **{"hw2-dilations": GROW})
    put(
        assignment.path,
        tmp_path,
        "wrong",
        **{"hw2-output-size": "def output_size(*a, **k): return 4"},
    )
    found = grade(tmp_path, 2, plain_environment, "--cell-seconds", "30", "--memory", "2500")
    points = {name: each["points"] for name, each in found.items()}
    told = json.dumps({name: each["notes"] for name, each in found.items()}, indent=1)
    # The search for the most excited place needs the maps.
    assert points == {"hangs": most - 2, "dies": most - 1, "grows": most - 1, "wrong": most - 1}, (
        told
    )


def test_the_other_homework_is_recognised(tmp_path, plain_environment):
    assignment = load_assignment(2)
    put(assignment.path, tmp_path, "mixed up")
    found = grade(tmp_path, 1, plain_environment)["mixed up"]
    assert found["status"] == "other homework" and assignment.title in found["notes"][0]
