"""The homework: current, answerable, and its checks and hidden tests notice the usual mistakes."""

import ast
import contextlib
import importlib.util
import io
import json
import linecache
import shutil
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from conftest import ROOT

from grading.assignments.assignment import HOMEWORK, load_assignment, numbers, release, student_path
from grading.intake import notebooks, reading
from grading.limits import Limits
from tools.authoring import check, homework
from utils import exercises
from utils import homework as helpers
from utils.homework import photo_record


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


@pytest.mark.parametrize("error", [ValueError("a.ipynb: is empty"), PermissionError("a.ipynb")])
def test_an_instructors_version_that_cannot_be_put_in_order_is_told(error, monkeypatch, capsys):
    def refuse(path):
        raise error

    monkeypatch.setattr(check, "fix", refuse)
    assert homework.main([]) == 2
    assert capsys.readouterr().err == f"{error}\n"


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
            if "# @title Setup" in source:
                source = "from utils import runtime\nruntime.prepare()"
            name = str(folder / cell.id)  # so that inspect finds the source, as in a kernel
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            exec(compile(source, name, "exec"), names)
            plt.close("all")
    return printed.getvalue()


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture
def is_not_graded(request):
    """Skips where `test_grading_homework` runs the same notebooks anyway."""
    grades = sys.platform != "win32" and importlib.util.find_spec("tensorflow") is not None
    if grades and not request.config.getoption("every_combination"):
        pytest.skip("the grader runs it; here with --every-combination")


@pytest.mark.usefixtures("is_not_graded")
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


@pytest.mark.usefixtures("is_not_graded")
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.notebooks
def test_the_instructors_version_is_right(number, tmp_path, monkeypatch, plain_environment):
    plain_environment.setenv("COURSE_OFFLINE", "1")
    plain_environment.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    if number == 4:  # the sample alone does not do
        shutil.copy(HOMEWORK / "instructor" / photo_record.RECORD, tmp_path)
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
    (4, "prepare", "def prepare(x): return x - [123.7, 116.8, 103.9]", "preprocess_input"),
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
        "side": 16,
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
        "prepared_alike": {"z_train": 0.0, "z_validation": 1e-6},
        "epochs": [5, 3],
        "test_accuracy": 0.9,
    }


def failed(record, this_run=None, predict=None):
    """Which tasks of homework 4 a record fails, with their messages."""
    found = {}
    answers = (this_run or record)["test"]["predictions"]
    predict = predict or (lambda x: np.array(answers[: len(x)]))
    for task in load_assignment(4).tasks:
        if "record" not in task.values:
            continue
        try:
            names = {"np": np, "predict": predict, "record": json.loads(json.dumps(record))}
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


def labels_alone(record):
    for part in record["arrays"].values():
        part["hashes"] = []


def one_photo(record):
    record["arrays"]["training"]["hashes"] = ["x"] * 800


def empty_table(record):
    record["photos"] = {name: [] for name in record["photos"]}


def few_listed(record):
    record["photos"] = {name: column[:-2] for name, column in record["photos"].items()}


def other_categories(record):
    names = {"Cat": "Cat", "Dog": "Rose"}
    record["photos"]["class_name"] = [names[name] for name in record["photos"]["class_name"]]


def unprepared(record):
    record["prepared_alike"]["z_train"] = 0.8


def nothing_to_compare(record):
    record["prepared_alike"]["z_validation"] = None


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
        (swap_id, {"leakage-test"}, "1199 different photos"),
        (swap_content, {"leakage-test"}, "the same content"),
        (unbalanced, {"counts-test"}, "500 + 300"),
        (half_as_many, {"counts-test"}, "400 + 400 are wanted"),
        (labels_alone, {"counts-test", "leakage-test"}, "photos"),
        (one_photo, {"counts-test"}, "again and again; 1 differ"),
        (empty_table, {"counts-test", "leakage-test"}, "list"),
        (few_listed, {"counts-test", "leakage-test"}, "list"),
        (other_categories, {"counts-test"}, "['Cat', 'Rose']"),
        (unprepared, {"stage-1-test"}, "z_train does not hold"),
        (nothing_to_compare, {"stage-1-test"}, "z_validation does not hold"),
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


NEEDS_REAL_PHOTOS = {"download-test", "counts-test", "leakage-test", "test-once", "honest"}


def test_a_run_on_the_sample_does_not_count_for_real_photos():
    found = failed(good_record(sample=True))
    assert set(found) == NEEDS_REAL_PHOTOS
    assert all("real photos" in message for message in found.values()), found


def test_the_record_must_be_of_this_notebook():
    this_run = good_record(sample=True)
    assert failed(good_record(), this_run) == {}
    this_run["download_script"] += "  # more to say"
    assert failed(good_record(), this_run) == {}, "a comment is no other script"
    this_run["download_script"] = "openimages.download(classes=('Cat', 'Bird'))"
    assert set(failed(good_record(), this_run)) == {"download-test"}


def test_predict_is_asked_again():
    this_run = good_record(sample=True)
    said = np.array(this_run["test"]["predictions"])
    one_off = lambda x: np.where(np.arange(8) == 0, 1 - said[:8], said[:8])  # noqa: E731
    assert failed(good_record(), this_run, one_off) == {}
    for predict in (lambda x: 1 - said[:8], lambda x: said, lambda x: np.full(8, "a")):
        assert set(failed(good_record(), this_run, predict)) == {"honest"}


def test_maps_are_compared_in_any_order():
    random = np.random.default_rng(1)
    x = random.integers(0, 256, (12, 5, 5, 3)).astype("uint8")

    def maps_of(photos):
        return photos.astype("float32") / 127.5 - 1

    z = maps_of(x)
    assert photo_record.how_alike(z, x, maps_of) < 1e-6
    more = np.concatenate([z[::-1], z[:, :, ::-1]])[random.permutation(24)]
    assert photo_record.how_alike(more, x, maps_of) < 1e-6
    assert photo_record.how_alike(x / 255, x, maps_of) > 0.1
    assert photo_record.how_alike(x, x, maps_of) > 0.1
    for nothing in (None, z[:0], z[:, :2]):
        assert photo_record.how_alike(nothing, x, maps_of) is None
    assert photo_record.how_alike(z, x, lambda photos: photos.no_such_thing) is None


def test_the_test_photos_are_in_a_drawer(tmp_path, capsys):
    class Drawer:
        """Stands in for photos."""

        def load(self, split, size=(160, 160), crop="center"):
            return np.zeros((4, *size, 3), np.uint8), np.array([0, 1, 0, 1])

        def batches(self, split, size=(160, 160), batch_size=32, shuffle_seed=None, crop="center"):
            return [self.load(split, size, crop)]

    photos, log = Drawer(), photo_record.TrainingLog(tmp_path / "log.csv")
    test_set = photo_record.TestSet(photos, (32, 32), log)
    for part in ("training", "validation", "test"):  # as lesson 04 looks for twins
        assert photos.load(part, size=(8, 9), crop=None)[0].shape == (4, 8, 9, 3)
    photos.load("training")
    photos.batches("validation", (32, 32), batch_size=4)
    assert test_set.other_loads == 0
    assert test_set.evaluate(lambda x: np.zeros(4)) == 0.5 and test_set.rows_before == [0]
    with pytest.raises(ValueError, match="argmax"):
        test_set.evaluate(lambda x: np.zeros((4, 1)))
    assert test_set.rows_before == [0] and test_set.other_loads == 0
    photos.load("test", (32, 32))
    assert test_set.other_loads == 1
    photos.batches("test", (17, 8))
    assert test_set.other_loads > 1
    test_set.evaluate(lambda x: np.ones(4))
    assert "2 times" in capsys.readouterr().out


def test_the_record_that_counts_is_shown(capsys):
    photo_record.show_record(good_record())
    told = capsys.readouterr().out
    for words in ("Cat, Dog", "training: 400 + 400", "stage 2, epoch 3", "test accuracy: 90.0%"):
        assert words in told
    assert "SAMPLE" not in told and "lesson" not in told
    photo_record.show_record(good_record(sample=True) | {"classes": ["Rose", "Sunflower"]})
    told = capsys.readouterr().out
    assert "SAMPLE" in told and "the lesson's" in told
    photo_record.show_record({"sample": False})
    assert "cannot be shown: KeyError" in capsys.readouterr().out


def test_it_is_said_that_sample_photos_do_not_count(capsys):
    helpers.in_record(None, real_photos=True)
    helpers.in_record(good_record(sample=True), real_photos=True)
    helpers.in_record(good_record(sample=True))
    helpers.in_record(good_record(), real_photos=True)
    told = capsys.readouterr().out.splitlines()
    assert ["not answered yet" in line for line in told] == [True, False, False, False]
    assert ["sample photos" in line for line in told] == [False, True, False, False]


def test_what_is_handed_over_survives_a_variable_of_that_name():
    photo_record.hand_over({"a": 1}, {"b": 2})
    assert photo_record.handed_over() == ({"a": 1}, {"b": 2})
    for cell in code(release(load_assignment(4))):
        about = cell.metadata.get("homework", {})
        if "record" in about.get("values", ()):
            assert cell.source.startswith("record, this_run = photo_homework.handed_over()")
    photo_record.hand_over(None, None)


def test_the_instructors_record_is_whole_and_given_to_nobody():
    path = HOMEWORK / "instructor" / photo_record.RECORD
    record = json.loads(path.read_text(encoding="utf-8"))
    assert failed(record) == {}
    assert path.stat().st_size < 200_000
    assert not check._PATH_OF_A_MACHINE.search(path.read_text(encoding="utf-8"))
    assert not list(HOMEWORK.glob("*.json"))
    script = next(c for c in load_assignment(4).notebook.cells if c.id == "hw4-download").source
    written = ast.dump(ast.parse(record["download_script"]))
    assert ast.dump(ast.parse(script)) == written, "make the record anew, see homework/README.md"


def test_a_record_of_real_photos_is_kept(tmp_path, capsys):
    path = tmp_path / "hw4_record.json"
    real, sample = good_record(), good_record(sample=True)
    assert photo_record.keep_record(sample, path) == sample
    assert photo_record.keep_record(real, path) == real
    assert photo_record.keep_record(sample, path) == real
    assert "real photos counts" in capsys.readouterr().out
    path.write_text("{", encoding="utf-8")
    assert photo_record.keep_record(sample, path) == sample


def test_what_was_written_survives_a_failure_to_write_anew(tmp_path):
    resource = pytest.importorskip("resource")
    log = photo_record.TrainingLog(tmp_path / "log.csv")
    log._add(1, {"loss": 2.0})
    path = tmp_path / "hw4_record.json"
    record = good_record()
    photo_record.keep_record(record, path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert before["log.csv"] == b"stage,epoch,loss\r\n1,1,2.0\r\n"
    assert json.loads(before["hw4_record.json"]) == record
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))  # as on a full disk
    try:
        for write in (
            lambda: photo_record.keep_record(record | {"origin": "another run"}, path),
            lambda: log._add(1, {"loss": 1.0, "a measure with a long name": 1.0}),
        ):
            with pytest.raises(OSError):
                write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


# --- Networks ---------------------------------------------------------------------------------


class Net:
    """Stands in for a network: the sum of its inputs, times one weight."""

    def __init__(self):
        self.weights = [np.array([2.0])]

    def get_weights(self):
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights):
        self.weights = weights

    def __call__(self, x):
        return x * self.weights[0]


def test_a_network_is_blinded_and_sees_again():
    net = Net()
    x = np.arange(3.0)
    assert np.array_equal(helpers.blinded(net, net, x), np.zeros(3))
    assert np.array_equal(net(x), [0, 2, 4])
    assert helpers.blinded(net, lambda x: 1 / 0, x) == "ZeroDivisionError"
    assert np.array_equal(net(x), [0, 2, 4])
    assert helpers.blinded(None, net, x) is None


def hidden(number, test, **names):
    """The message of a hidden test, or an empty text if it is passed."""
    (task,) = (t for t in load_assignment(number).tasks if t.grade_id == f"hw{number}-{test}")
    try:
        exec(task.hidden, {"np": np, **names})
    except AssertionError as error:
        return str(error)
    return ""


def seasonal(x):
    return x[:, -1] + x[:, -12] - x[:, -13]


def measured_co2():
    path = ROOT / "data" / "mauna_loa_co2.csv"
    return pd.read_csv(path, index_col="year").to_numpy().ravel()


def better_than_seasonal():
    """Knows every value that comes after 24 months, as a network of that skill would."""
    co2 = measured_co2()
    change = {}
    for i in range(24, len(co2)):
        change[tuple(np.round(np.diff(co2[i - 24 : i]), 3))] = co2[i] - co2[i - 1]
    return lambda x: np.array([each[-1] + change[tuple(np.round(np.diff(each), 3))] for each in x])


@pytest.mark.parametrize("test", ["lstm-naive", "lstm-good"])
def test_a_forecast_must_come_from_the_network(test):
    good = better_than_seasonal()
    naive = {"forecast": good, "blinded_forecast": lambda x: x[:, -1]}
    assert hidden(3, test, **naive) == ""
    assert hidden(3, test, **naive | {"blinded_forecast": lambda x: "ValueError"}) == ""
    assert "do not come from lstm_model" in hidden(3, test, forecast=good, blinded_forecast=good)
    assert "part 4" in hidden(3, test, **naive | {"forecast": seasonal})
    told = hidden(3, test, **naive | {"forecast": lambda x: x[:, -1] + 0.2})
    assert "On the test years" in told


def test_a_good_forecast_is_about_as_good_as_the_formula():
    def noisy(ppm):
        return lambda x: seasonal(x) + np.where(np.arange(len(x)) % 2, ppm, -ppm)

    blind = {"blinded_forecast": lambda x: x[:, -1]}
    assert hidden(3, "lstm-naive", forecast=noisy(0.3), **blind) == ""
    assert hidden(3, "lstm-good", forecast=noisy(0.15), **blind) == ""
    assert "the seasonal forecast has 0.496" in hidden(3, "lstm-good", forecast=noisy(0.3), **blind)


@pytest.mark.parametrize("kind", ["dense", "cnn"])
def test_digits_must_be_read_by_the_network(kind):
    from utils.data import samples

    digits = samples.mnist_sample()
    x, y = digits["x_test"], digits["y_test"]
    table = {image.tobytes(): label for image, label in zip(x, y, strict=True)}

    def looked_up(images):
        return np.array([table.get(image.tobytes(), 0) for image in images])

    def nearest(images):  # stands in for a good network
        far = ((images[:, None].astype(float) - x[None]) ** 2).sum((2, 3))
        return y[far.argmin(1)]

    def zeros(images):
        return np.zeros(len(images), int)

    names = {"on_sample": [True, True], f"predict_{kind}": nearest, f"blinded_{kind}": zeros}
    test = f"{kind}-accuracy"
    assert hidden(1, test, **names) == ""
    assert "Accuracy on new digits" in hidden(1, test, **names | {f"predict_{kind}": looked_up})
    told = hidden(1, test, **names | {f"blinded_{kind}": nearest})
    assert f"do not come from {kind}_model" in told


@pytest.mark.parametrize(
    ("number", "test", "name", "weights"),
    [
        (1, "dense-budget", "dense_weights", [np.zeros((784, 10))]),
        (1, "cnn-budget", "cnn_weights", [np.zeros((3, 3, 1, 16)), np.zeros((16, 10))]),
        (3, "lstm-size", "lstm_weights", [np.zeros((4, 16))]),
    ],
)
def test_zeros_are_no_network(number, test, name, weights):
    assert "not been trained" in hidden(number, test, **{name: weights})
    weights[-1] = weights[-1] + np.random.default_rng(1).normal(size=weights[-1].shape)
    assert hidden(number, test, **{name: weights}) == ""


def test_all_columns_of_the_windows_are_looked_at():
    co2 = measured_co2()
    n_test, n_validation = int(len(co2) * 0.25), int(len(co2) * 0.15)
    names = {}
    ends = [len(co2) - n_test - n_validation, len(co2) - n_test]
    for name, part in zip(("train", "validation", "test"), np.split(co2, ends), strict=True):
        names[f"x_{name}"] = np.stack([part[i : i + 24] for i in range(len(part) - 24)])
        names[f"y_{name}"] = part[24:]
    assert hidden(3, "arrays-test", **names) == ""
    names["x_test"][:, 5] = 0
    assert hidden(3, "arrays-test", **names) == "test: wrong windows."


# --- The term project's parts -----------------------------------------------------------------


def project_parts(train, validation, test):
    """What the locked cell of homework 5 hands over."""
    parts = {"training": train, "validation": validation, "test": test}
    return {name: helpers.about_part(part) | {"targets": len(part)} for name, part in parts.items()}


def milestone_1(parts, twins=""):
    """The messages of the three hidden tests."""
    tests = ("sizes-test", "disjoint-test", "prepared-test")
    return [hidden(5, test, parts=parts, twins=twins) for test in tests]


RANDOM = np.random.default_rng(5)
TABLE = pd.DataFrame(RANDOM.normal(size=(60, 3)), columns=list("abc"))
MIXED = TABLE.assign(kind=["tea", "milk", "water"] * 20)
SOUNDS = [RANDOM.normal(size=100 + i) for i in range(60)]


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        TABLE.sample(frac=1, random_state=1),
        TABLE["a"],
        MIXED,
        TABLE.to_numpy(),
        SOUNDS,
        [f"text number {i}" for i in range(60)],
        [list(range(i + 1)) for i in range(60)],
        [[[i], [1, 2]] for i in range(60)],
        list(RANDOM.normal(size=(60, 2, 2))),
        scipy.sparse.csr_matrix(RANDOM.normal(size=(60, 4))),
    ],
)
def test_honest_projects_of_all_kinds_pass_milestone_1(data):
    train, validation, test = data[:40], data[40:50], data[50:]
    if isinstance(data, scipy.sparse.csr_matrix):
        parts = {"training": train, "validation": validation, "test": test}
        parts = {k: helpers.about_part(v) | {"targets": v.shape[0]} for k, v in parts.items()}
    else:
        parts = project_parts(train, validation, test)
    assert milestone_1(json.loads(json.dumps(parts))) == ["", "", ""]


def test_milestone_1_notices():
    array = TABLE.to_numpy()
    holes = array.copy()
    holes[3, 1] = np.nan
    told = milestone_1(project_parts(holes[:40], array[40:50], array[50:]))
    assert told[:2] == ["", ""] and "missing or infinite" in told[2]
    gaps = MIXED.astype(object)
    gaps.iloc[2, 3] = None
    assert not helpers.about_part(gaps)["finite"]
    told = milestone_1(project_parts(array[:40], array[40:50, :2], array[50:]))
    assert "has the shape [2]" in told[2]
    both = project_parts(array[:40], array[38:50], array[50:])
    assert "2 samples are in the training part and in the validation" in milestone_1(both)[1]
    why = "Passengers of the same class and age are different people."
    assert milestone_1(both, why) == ["", "", ""]
    assert all("The parts are []" in message for message in milestone_1({}))
    masked = np.ma.array(array, mask=np.arange(180).reshape(60, 3) == 7)
    assert helpers.about_part(masked[3:])["finite"] and not helpers.about_part(masked)["finite"]
    for wrong in ({"a": array}, "abc", 7, iter([1]), None, np.array(7.0), {1, 2}):
        with pytest.raises(TypeError, match="one entry for each sample"):
            helpers.about_part(wrong)


def test_nbgraders_settings_give_the_same_student_version():
    text = (HOMEWORK / "nbgrader_config.py").read_text(encoding="utf-8")
    from grading.assignments import assignment

    assert f'"{assignment.CODE_STUB}"' in text and f'"{assignment.TEXT_STUB}"' in text


def test_the_page_lists_every_homework():
    page = (HOMEWORK / "README.md").read_text(encoding="utf-8")
    for number in numbers():
        assignment = load_assignment(number)
        by_hand = assignment.points - assignment.automatic_points
        (line,) = (x for x in page.splitlines() if x.startswith(f"| {number} |"))
        assert f"({assignment.name}.ipynb)" in line
        assert line.endswith(f"| {assignment.points:g} | {by_hand:g} |")
    assert (ROOT / "utils" / "homework" / "__init__.py").is_file()


@pytest.mark.parametrize("number", numbers())
def test_the_limits_that_students_read_are_those_that_the_grader_keeps(number):
    limits, megabyte = Limits(), 2**20
    assert (limits.cell_s, limits.notebook_s) == (120, 900)
    cells = release(load_assignment(number)).cells
    (text,) = (c.source for c in cells if c.source.startswith("## Hand in"))
    for words in (
        f"a notebook of up to {notebooks.MOST_BYTES // megabyte} MB",
        f"up to {reading.MOST_FILES:,} other files, {reading.MOST_BYTES // megabyte} MB in all",
        f"{limits.memory_mb:,} MB of memory, {limits.disk_mb} MB of disk",
        f"{limits.processes} processes",
        "A zip inside a zip is not opened",
        "a cell may take two minutes, all together fifteen",
        "**without internet**",
    ):
        assert words in " ".join(text.split()), words
