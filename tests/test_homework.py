"""The homework: current, answerable, and its checks and hidden tests notice the usual mistakes."""

import ast
import contextlib
import io
import json
import linecache
import shutil

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import ROOT

from grading.assignment import HOMEWORK, load_assignment, numbers, release, student_path
from tools import check, homework
from utils import exercises
from utils import homework as helpers


@pytest.fixture(autouse=True)
def no_windows():
    matplotlib.use("Agg")
    yield
    plt.close("all")


def test_the_student_versions_are_current():
    assert [path.name for path, _ in homework.stale()] == [], "run make homework"
    assert homework.main(["--check"]) == 0


def test_a_student_version_that_is_not_current_is_noticed(tmp_path):
    folder = tmp_path / "homework"
    shutil.copytree(HOMEWORK, folder)
    path = folder / "hw2_convolution_and_maps.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("Draw it.", "Paint it."), "utf-8")
    (folder / "hw9_old.ipynb").write_text("{}", encoding="utf-8")
    (folder / "hw3_windows_and_lstm.ipynb").unlink()
    found = {path.name: text for path, text in homework.stale(folder)}
    assert set(found) == {path.name, "hw9_old.ipynb", "hw3_windows_and_lstm.ipynb"}
    assert found["hw9_old.ipynb"] is None


@pytest.mark.parametrize("number", numbers())
def test_an_assignment_is_whole(number):
    assignment = load_assignment(number)
    student = student_path(assignment).read_text(encoding="utf-8")
    for secret in ("BEGIN SOLUTION", "HIDDEN TESTS", "_hidden_tests", "/instructor/"):
        assert secret not in student
    assert assignment.points >= 10 and any(task.manual for task in assignment.tasks)
    table = assignment.notebook.cells[1].source
    promised = [
        sum(int(n) for n in points.split(" + "))
        for line in table.splitlines()[2:]
        if line.startswith("|")
        for points in [" + ".join(c.strip() for c in line.split("|")[3:] if c.strip(" |"))]
        if points
    ]
    assert sum(promised) == assignment.points, "the table promises other points"
    for task in assignment.tasks:
        if not task.manual:
            assert task.values or task.functions
            assert "Not answered yet." in task.hidden, task.grade_id
            ast.parse(task.hidden)


@pytest.mark.parametrize("number", numbers())
def test_what_is_taught_elsewhere_is_linked(number):
    lesson = check.read(student_path(load_assignment(number)))
    assert [text for rule in check.RULES for text in rule(lesson)] == []


def run(cells, names, folder):
    """Executes cells as a kernel would; returns what they printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in cells:
            source = cell.source
            if "REPOSITORY, REF =" in source:
                source = "from utils import runtime\nruntime.prepare()"
            name = str(folder / cell.id)  # so that inspect finds the source, as in a kernel
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            exec(compile(source, name, "exec"), names)
            plt.close("all")
    return printed.getvalue()


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("number", numbers())
def test_the_empty_version_runs(number, tmp_path, monkeypatch, plain_environment):
    plain_environment.setenv("COURSE_OFFLINE", "1")
    plain_environment.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assignment = load_assignment(number)
    names = {"__name__": "__main__"}
    printed = run(code(release(assignment)), names, tmp_path).lower()
    assert printed.count("not answered yet") >= len(assignment.tasks) / 2
    for task in assignment.tasks:
        if not task.manual:
            with pytest.raises((AssertionError, TypeError, NameError)):
                exec(task.hidden, dict(names))


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.notebooks
def test_the_instructors_version_is_right(number, tmp_path, monkeypatch, plain_environment):
    plain_environment.setenv("COURSE_OFFLINE", "1")
    plain_environment.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assignment = load_assignment(number)
    printed = run(code(assignment.notebook), {"__name__": "__main__"}, tmp_path)
    for wrong in ("not answered yet", "Not yet", "stops with", "could not be checked"):
        assert wrong not in printed, printed


# --- Usual mistakes --------------------------------------------------------------------------

MISTAKES = [
    # homework, test cell, the answer, what the visible check says
    (1, "scale", "def scale(x): return x.astype('float32')", "divide by 255"),
    (1, "scale", "def scale(x): return x / 255", "float64, expected float32"),
    (1, "scale", "def scale(x): return (x / 255 / 255).astype('float32')", "divide twice"),
    (1, "scale", "def scale(x): return (x / 256).astype('float32')", "255, not 256"),
    (1, "dense-parameters", "def dense_parameters(s): return s[0] * s[1]", "biases are missing"),
    (1, "dense-parameters", "def dense_parameters(s): return (s[0] + 1) * s[1]", "first layer"),
    (1, "conv-parameters", "def conv_parameters(k, c, f): return k * k * c * f", "biases"),
    (1, "conv-parameters", "def conv_parameters(k, c, f): return (k * k + 1) * f", "all three"),
    (1, "shift", "def shift(x, r, d): return np.roll(x, (d, r), (1, 2))", "on the left again"),
    (
        1,
        "shift",
        "def shift(x, r, d): return np.pad(x, ((0, 0), (r, 0), (d, 0)))[:, :2, :3]",
        "down",
    ),
    (2, "output-size", "def output_size(n, k, s=1, p=0, d=1): return (n - k) // s", "off by one"),
    (
        2,
        "output-size",
        "def output_size(n, k, s=1, p=0, d=1): return (n + 2 * p - k) // s + 1",
        "dilation does not count",
    ),
    (2, "output-size", "def output_size(n, k, s=1, p=0, d=1): return (n - k) / s + 1", "integer"),
    (
        2,
        "receptive-field",
        "def receptive_field(l): return 1 + sum(d * (k - 1) for k, s, d in l)",
        "the stride does not count yet",
    ),
    (2, "dilations", "dilations = [1, 2, 4, 8]", "sees 31 inputs"),
    (2, "dilations", "dilations = [2, 4, 6, 8]", "a unit below it sees only 1"),
    (2, "separable", "def separable_parameters(k, c, f): return (k * k * c + 1) * f", "ordinary"),
    (
        2,
        "convolve",
        "def convolve(x, k):\n"
        "    from scipy.signal import convolve2d\n"
        "    return convolve2d(x, k, 'valid')",
        "flipped",
    ),
    (
        3,
        "split",
        "def split(s, v, t):\n    s = np.random.default_rng(0).permutation(s)\n"
        "    return [s[:5], s[5:7], s[7:]]",
        "the order of time is lost",
    ),
    (
        3,
        "make-windows",
        "def make_windows(s, t):\n    x = np.stack([s[i : i + t] for i in range(len(s) - t + 1)])\n"
        "    return [x, x[:, -1]]",
        "leakage",
    ),
    (
        3,
        "make-windows",
        "def make_windows(s, t):\n    n = len(s) - t - 1\n"
        "    return [np.stack([s[i : i + t] for i in range(n)]), s[t : t + n]]",
        "expected 4",
    ),
    (
        3,
        "make-windows",
        "def make_windows(s, t):\n    n = len(s) - t\n"
        "    return [np.stack([s[i : i + t] for i in range(n + 1)]), s[t:]]",
        "no next value",
    ),
    (
        3,
        "standardise",
        "def standardise(*p):\n    a = np.concatenate(p)\n"
        "    return [(x - a.mean()) / a.std() for x in p]",
        "all three parts: that is leakage",
    ),
    (
        3,
        "standardise",
        "def standardise(*p): return [(x - x.mean()) / (x.std() or 1) for x in p]",
        "numbers of its own",
    ),
    (
        3,
        "seasonal",
        "def seasonal_forecast(x): return x[:, -1] + x[:, -11] - x[:, -12]",
        "too late",
    ),
    (3, "rnn-step", "def rnn_step(x, s, U, W, b): return np.tanh(x @ U + b)", "no memory"),
    (
        3,
        "rnn-step",
        "def rnn_step(x, s, U, W, b): return np.tanh(x @ U + s @ W)",
        "bias is missing",
    ),
    (3, "rnn-step", "def rnn_step(x, s, U, W, b): return x @ U + s @ W + b", "where is tanh"),
    (4, "prepare", "def prepare(x): return x / 255", "from 0 to 1"),
    (4, "prepare", "def prepare(x): return x", "nothing has changed"),
]


@pytest.mark.parametrize(("number", "test", "answer", "words"), MISTAKES)
def test_a_usual_mistake_is_told_and_costs_the_points(number, test, answer, words, tmp_path):
    assignment = load_assignment(number)
    grade_id = f"hw{number}-{test}-test"
    names = {"np": np, "exercises": exercises, "homework": helpers, "keras": None}
    if "keras" in next(c for c in release(assignment).cells if c.id == grade_id).source:
        import keras

        names["keras"] = keras
    exec(answer, names)
    visible = [cell for cell in release(assignment).cells if cell.id == grade_id]
    assert words in run(visible, names, tmp_path)
    (task,) = (task for task in assignment.tasks if task.grade_id == grade_id)
    with pytest.raises(AssertionError) as told:
        exec(task.hidden, names)
    assert "Not answered yet" not in str(told.value) and len(str(told.value)) > 15


# --- Homework 4's record ---------------------------------------------------------------------


def good_record(sample=False):
    """A record as a diligent student's notebook would write it."""
    counts = {"training": 400, "validation": 100, "test": 100}
    photos = {"image_id": [], "sha256": [], "split": [], "class_name": []}
    arrays = {}
    for part, count in counts.items():
        labels = [0, 1] * count
        arrays[part] = {"labels": labels, "hashes": [f"{part}{i}" for i in range(2 * count)]}
        for i, label in enumerate(labels):
            photos["image_id"].append(f"{part}-{i}")
            photos["sha256"].append(f"sha-{part}-{i}")
            photos["split"].append(part)
            photos["class_name"].append(("Cat", "Dog")[label])
    log = [
        {"stage": stage, "epoch": epoch, "loss": 1 / (epoch + stage), "val_loss": 0.5}
        for stage, epochs in ((1, 5), (2, 3))
        for epoch in range(1, epochs + 1)
    ]
    labels = arrays["test"]["labels"]
    predictions = [1 - label if i < 20 else label for i, label in enumerate(labels)]
    test = {"evaluations": 1, "rows_before": [8], "other_loads": 0}
    return {
        "sample": sample,
        "origin": "Open Images",
        "classes": ["Cat", "Dog"],
        "photos": photos,
        "arrays": arrays,
        "test": test | {"predictions": predictions, "labels": labels},
        "log": log,
        "download_script": "openimages.download(classes=('Cat', 'Dog'))",
        "fingerprints": {
            "start": {"lower": "a", "upper": "b"},
            "after stage 1": {"lower": "a", "upper": "b", "head": "h"},
            "after stage 2": {"lower": "a", "upper": "c"},
        },
        "epochs": [5, 3],
        "test_accuracy": 0.9,
    }


def failed(record, this_run=None):
    """Which tasks of homework 4 a record fails, with their messages."""
    found = {}
    for task in load_assignment(4).tasks:
        if "record" not in task.values:
            continue
        try:
            names = {"np": np, "record": json.loads(json.dumps(record))}
            exec(task.hidden, names | {"this_run": this_run or names["record"]})
        except AssertionError as error:
            found[task.grade_id.removeprefix("hw4-")] = str(error)
    return found


def swap_hash(record):
    record["arrays"]["validation"]["hashes"][0] = record["arrays"]["training"]["hashes"][7]


def swap_id(record):
    record["photos"]["image_id"][-1] = record["photos"]["image_id"][0]


def swap_content(record):
    record["photos"]["sha256"][-1] = record["photos"]["sha256"][0]


def unbalanced(record):
    record["arrays"]["training"]["labels"] = [0] * 500 + [1] * 300


def half_as_many(record):
    for part in record["arrays"].values():
        part["labels"] = part["labels"][: len(part["labels"]) // 2]
        part["hashes"] = part["hashes"][: len(part["hashes"]) // 2]
    record["test"]["labels"] = record["arrays"]["test"]["labels"]
    record["test"]["predictions"] = record["test"]["labels"]
    record["test_accuracy"] = 1.0


def other_script(record):
    record["download_script"] = ""


def no_freezing_1(record):
    record["fingerprints"]["after stage 1"]["upper"] = "x"


def lower_moved(record):
    record["fingerprints"]["after stage 2"]["lower"] = "x"


def upper_stayed(record):
    record["fingerprints"]["after stage 2"]["upper"] = "b"


def log_lost(record):
    del record["log"][6]
    record["test"]["rows_before"] = [7]


def no_log_of_stage_1(record):
    record["log"] = record["log"][5:]
    record["test"]["rows_before"] = [3]


def opened_twice(record):
    record["test"] |= {"evaluations": 2, "rows_before": [5, 8]}


def looked_at_test(record):
    record["test"]["other_loads"] = 1


def opened_before(record):
    record["test"]["rows_before"] = [5]


def boasted(record):
    record["test_accuracy"] = 0.98


@pytest.mark.parametrize(
    ("change", "tasks", "words"),
    [
        (lambda record: None, set(), ""),
        (swap_hash, {"leakage-test"}, "1 photos are in the training part and in the validation"),
        (swap_id, {"leakage-test"}, "the same id"),
        (swap_content, {"leakage-test"}, "the same content"),
        (unbalanced, {"counts-test"}, "500 + 300"),
        (half_as_many, {"counts-test"}, "400 + 400 are wanted"),
        (other_script, {"download-test"}, "not included"),
        (no_freezing_1, {"stage-1-test"}, "only the new head"),
        (lower_moved, {"stage-2-test"}, "stay frozen"),
        (upper_stayed, {"stage-2-test"}, "should learn"),
        (log_lost, {"log-2-test"}, "3 epochs, and the log has 2 rows"),
        (no_log_of_stage_1, {"log-1-test", "stage-1-test"}, "log"),
        (opened_twice, {"test-once"}, "2 times"),
        (looked_at_test, {"test-once"}, "2 times"),
        (opened_before, {"test-once"}, "training after the test"),
        (boasted, {"honest"}, "98.0%, but 90.0%"),
    ],
)
def test_the_rubric_of_homework_4(change, tasks, words):
    record = good_record()
    change(record)
    found = failed(record)
    assert set(found) == tasks, found
    assert all(words in message for message in found.values()), found


def test_a_good_record_does_not_save_code_that_freezes_nothing():
    this_run = good_record(sample=True)
    lower_moved(this_run)
    assert set(failed(good_record(), this_run)) == {"stage-2-test"}


def test_on_the_sample_the_counts_are_in_proportion():
    record = good_record(sample=True)
    assert failed(record) == {}
    half_as_many(record)
    assert "counts-test" in failed(record)  # photos are listed that were not used


def test_a_record_of_real_photos_is_kept(tmp_path, capsys):
    from utils import photo_homework

    path = tmp_path / "hw4_record.json"
    real, sample = good_record(), good_record(sample=True)
    assert photo_homework.keep_record(sample, path) == sample
    assert photo_homework.keep_record(real, path) == real
    assert photo_homework.keep_record(sample, path) == real
    assert "real photos counts" in capsys.readouterr().out
    path.write_text("{", encoding="utf-8")
    assert photo_homework.keep_record(sample, path) == sample


def test_nbgraders_settings_give_the_same_student_version():
    text = (HOMEWORK / "nbgrader_config.py").read_text(encoding="utf-8")
    from grading import assignment

    assert f'"{assignment.CODE_STUB}"' in text and f'"{assignment.TEXT_STUB}"' in text


def test_the_page_lists_every_homework():
    page = (HOMEWORK / "README.md").read_text(encoding="utf-8")
    for number in numbers():
        assignment = load_assignment(number)
        by_hand = assignment.points - assignment.automatic_points
        (line,) = (x for x in page.splitlines() if x.startswith(f"| {number} |"))
        assert f"({assignment.name}.ipynb)" in line
        assert line.endswith(f"| {assignment.points:g} | {by_hand:g} |")
    assert (ROOT / "utils" / "homework.py").is_file()
