"""The homework: current, answerable, and its checks and hidden tests notice the usual mistakes."""

import ast
import contextlib
import io
import linecache
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.signal

from grading.assignments.assignment import HOMEWORK, load_assignment, numbers
from grading.assignments.release import CODE_STUB, TEXT_STUB, release, student_path
from grading.intake import content, notebooks
from grading.limits import Limits
from tools.authoring import check, homework
from utils import exercises
from utils import homework as helpers


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
    stale = {path.name: text for path, text in homework.stale(folder)}
    assert set(stale) == {path.name, "hw9_old.ipynb", "hw3_windows_and_lstm.ipynb"}
    assert stale["hw9_old.ipynb"] is None


@pytest.mark.parametrize("number", numbers())
def test_an_assignment_is_whole(number):
    assignment = load_assignment(number)
    student = student_path(assignment).read_text(encoding="utf-8")
    lesson = check.read(student_path(assignment))
    assert [text for rule in check.RULES for text in rule(lesson)] == []
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


def test_nbgraders_settings_give_the_same_student_version():
    text = (HOMEWORK / "nbgrader_config.py").read_text(encoding="utf-8")
    assert f'"{CODE_STUB}"' in text and f'"{TEXT_STUB}"' in text


def test_the_page_lists_every_homework():
    page = (HOMEWORK / "README.md").read_text(encoding="utf-8")
    for number in numbers():
        assignment = load_assignment(number)
        by_hand = assignment.points - assignment.automatic_points
        (line,) = (x for x in page.splitlines() if x.startswith(f"| {number} |"))
        assert f"({assignment.name}.ipynb)" in line
        assert line.endswith(f"| {assignment.points:g} | {by_hand:g} |")


@pytest.mark.parametrize("number", numbers())
def test_the_limits_that_students_read_are_those_that_the_grader_keeps(number):
    limits, megabyte = Limits(), 2**20
    assert (limits.cell_s, limits.notebook_s) == (120, 900)
    cells = release(load_assignment(number)).cells
    (text,) = (c.source for c in cells if c.source.startswith("## Hand in"))
    for words in (
        f"a notebook of up to {notebooks.MOST_BYTES // megabyte} MB",
        f"up to {content.MOST_FILES:,} other files, {content.MOST_BYTES // megabyte} MB in all",
        f"{limits.memory_mb:,} MB of memory, {limits.disk_mb} MB of disk",
        f"{limits.processes} processes",
        "A zip inside a zip is not opened",
        "a cell may take two minutes, all together fifteen",
        "**without internet**",
    ):
        assert words in " ".join(text.split()), words


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


GRADE_IDS = {"separable-parameters": "separable", "seasonal-forecast": "seasonal"}
MISTAKES = [
    # homework, test cell, the parameters of the answer, what it returns, what the check says
    (1, "scale", "(x)", "x.astype('float32')", "divide by 255"),
    (1, "scale", "(x)", "x / 255", "float64, expected float32"),
    (1, "scale", "(x)", "(x / 256).astype('float32')", "255, not 256"),
    (1, "dense-parameters", "(s)", "s[0] * s[1]", "biases are missing"),
    (1, "dense-parameters", "(s)", "(s[0] + 1) * s[1]", "first layer"),
    (1, "conv-parameters", "(k, c, f)", "k * k * c * f", "biases"),
    (1, "shift", "(x, r, d)", "np.roll(x, (d, r), (1, 2))", "on the left again"),
    (1, "shift", "(x, r, d)", "np.pad(x, ((0, 0), (r, 0), (d, 0)))[:, :2, :3]", "down"),
    (2, "output-size", "(n, k, s=1, p=0, d=1)", "(n - k) // s", "off by one"),
    (2, "output-size", "(n, k, s=1, p=0, d=1)", "(n + 2 * p - k) // s + 1", "dilation does not"),
    (2, "receptive-field", "(l)", "1 + sum(d * (k - 1) for k, s, d in l)", "the stride does not"),
    (2, "dilations", "", "[1, 2, 4, 8]", "sees 31 inputs"),
    (2, "dilations", "", "[2, 4, 6, 8]", "a unit below it sees only 1"),
    (2, "separable-parameters", "(k, c, f)", "(k * k * c + 1) * f", "ordinary"),
    (2, "convolve", "(x, k)", "scipy.signal.convolve2d(x, k, 'valid')", "flipped"),
    (3, "split", "(s, v, t)", "np.split(s[::-1], [5, 7])", "the order of time is lost"),
    (3, "make-windows", "(s, t)", "[cut(s, t), s[t - 1 :]]", "leakage"),
    (3, "make-windows", "(s, t)", "[cut(s, t)[:-2], s[t:-1]]", "expected 4"),
    (3, "make-windows", "(s, t)", "[cut(s, t), s[t:]]", "no next value"),
    (
        3,
        "standardise",
        "(*p)",
        "[(x - np.concatenate(p).mean()) / np.concatenate(p).std() for x in p]",
        "all three parts: that is leakage",
    ),
    (
        3,
        "standardise",
        "(*p)",
        "[(x - x.mean()) / (x.std() or 1) for x in p]",
        "numbers of its own",
    ),
    (3, "seasonal-forecast", "(x)", "x[:, -1] + x[:, -11] - x[:, -12]", "too late"),
    (3, "rnn-step", "(x, s, U, W, b)", "np.tanh(x @ U + b)", "no memory"),
    (3, "rnn-step", "(x, s, U, W, b)", "np.tanh(x @ U + s @ W)", "bias is missing"),
    (3, "rnn-step", "(x, s, U, W, b)", "x @ U + s @ W + b", "where is tanh"),
    (4, "prepare", "(x)", "x / 255", "from 0 to 1"),
    (4, "prepare", "(x)", "x - [123.7, 116.8, 103.9]", "preprocess_input"),
]


@pytest.mark.parametrize(("number", "test", "parameters", "returned", "words"), MISTAKES)
def test_a_usual_mistake_is_told_and_costs_the_points(
    number, test, parameters, returned, words, tmp_path
):
    assignment = load_assignment(number)
    name = test.replace("-", "_")
    grade_id = f"hw{number}-{GRADE_IDS.get(test, test)}-test"
    names = {"np": np, "exercises": exercises, "homework": helpers, "keras": None}
    if "keras" in next(c for c in release(assignment).cells if c.id == grade_id).source:
        import keras

        names["keras"] = keras
    names |= {"cut": np.lib.stride_tricks.sliding_window_view, "scipy": scipy}
    answer = f"lambda {parameters.strip('()')}: {returned}" if parameters else returned
    names[name] = eval(answer, names)
    visible = [cell for cell in release(assignment).cells if cell.id == grade_id]
    assert words in run(visible, names, tmp_path)
    (task,) = (task for task in assignment.tasks if task.grade_id == grade_id)
    with pytest.raises(AssertionError) as error:
        exec(task.hidden, names)
    assert "Not answered yet" not in str(error.value) and len(str(error.value)) > 15
