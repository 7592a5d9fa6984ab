"""A whole class through the real command: everybody gets the grade deserved, nobody harms anybody.

The table of what each student deserves is `grading_class.STUDENTS`. Where bubblewrap is missing,
the students who can only be graded behind it are left out, and the others are run with --unsafe.
"""

import contextlib
import csv
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import grading_class
import psutil
import pytest
from conftest import ROOT
from grading_class import STUDENTS
from page_checker import dangers
from tiny_homework import short_folder

from grading.assignments.assignment import load_assignment
from grading.assignments.release import release
from grading.sandbox import bubblewrap

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the grader runs on Linux and macOS"
)

PROBLEM = bubblewrap.choose(unsafe=True).problem
LIMITS = ["--cell-seconds", "5", "--deadline", "60", "--memory", "1000", "--disk", "200"]
GRADED = {name: student for name, student in STUDENTS.items() if not (PROBLEM and student.isolated)}


def start(submissions, assignment, out, *more, temporary):
    """Start the command; `temporary` is its folder for temporary files."""
    words = [sys.executable, "-m", "grading", submissions, "--homework", assignment, "--out", out]
    return subprocess.Popen(
        [*map(str, words), *LIMITS, *(["--unsafe"] if PROBLEM else []), *more],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def run(*arguments, **more):
    """Run the command; return the exit status and what it printed."""
    process = start(*arguments, **more)
    printed, _ = process.communicate()
    return process.returncode, printed


def snapshot(*folders):
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def leftovers(temporary, seconds=60):
    """Return processes that a run started and that do not end, and files that it left."""
    deadline = time.monotonic() + seconds
    while True:
        processes = filter(lambda process: belongs(process, temporary), psutil.process_iter())
        left = [*map(str, processes), *(path.name for path in temporary.iterdir())]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def belongs(process, temporary):
    try:
        words = [*process.cmdline(), process.cwd(), process.environ().get("TMPDIR", "")]
    except psutil.Error:
        return False
    return any(str(temporary) in word for word in words)


def table(out):
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


class Graded:
    """The class after the run."""

    def __init__(self, folder):
        self.assignment = grading_class.write_assignment(folder)
        released = release(load_assignment(self.assignment))
        with socket.create_server(("127.0.0.1", 0)) as listener, short_folder() as temporary:
            port = listener.getsockname()[1]
            self.submissions, outside = grading_class.build(folder, released, port, ROOT)
            for name in STUDENTS.keys() - GRADED.keys():
                shutil.rmtree(self.submissions / name)
            self.before = snapshot(self.submissions, outside)
            self.out = folder / "results"
            due = time.strftime("%Y-%m-%dT%H:%M", time.localtime(grading_class.DUE))
            words = (self.submissions, self.assignment, self.out, "--due", due)
            self.status, self.printed = run(*words, temporary=temporary)
            self.left = leftovers(temporary)
            self.after = snapshot(self.submissions, outside)
            listener.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                listener.accept()
                self.left.append("a call")
        summary = json.loads((self.out / "summary.json").read_text(encoding="utf-8"))
        self.students = {student["student"]: student for student in summary["students"]}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return Graded(tmp_path_factory.mktemp("class"))


@pytest.mark.parametrize("name", GRADED)
def test_the_grade_deserved(graded, name):
    student, row = STUDENTS[name], graded.students[name]
    shown = json.dumps({key: row[key] for key in ("status", "tasks", "notes")}, indent=1)
    assert (row["status"], row["points"]) == (student.status, student.points), shown
    assert row["max_points"] == grading_class.MOST
    verdicts = {task["grade_id"]: task["verdict"] for task in row["tasks"]}
    assert student.verdicts.items() <= verdicts.items(), shown
    assert student.says in " ".join(row["notes"]), shown
    assert not (student.quiet and row["notes"]), shown
    if student.status == "graded":
        assert row["to_read"] == 2 and verdicts["explain"] == "manual"


def test_the_command_succeeds_and_touches_nothing_else(graded):
    assert graded.status == 0 and "Traceback" not in graded.printed, graded.printed[-3000:]
    assert graded.after == graded.before and not Path("/tmp/gotcha-from-a-pickle").exists()
    left = [what for what in graded.left if not (PROBLEM and what == "a call")]
    assert left == []


def test_the_table_has_a_row_for_each_student_and_no_formula(graded):
    rows = table(graded.out)
    assert set(rows) == set(GRADED) - {"=HYPERLINK(1)"} | {"'=HYPERLINK(1)"}
    for row in rows.values():
        assert not any(cell[:1] in "=+-@" for cell in row.values() if cell)
        assert (graded.out / row["page"]).is_file()
    assert float(rows["eva"]["points"]) == 7 and float(rows["eva"]["test-total (of 1)"]) == 0
    late = {name: row["late"] for name, row in rows.items() if row["late"]}
    assert late == {"dan": "1 d 2 h 5 min"}


def test_every_page_is_harmless_and_shows_written_answers(graded):
    pages = [*(graded.out / "feedback").glob("*.html"), graded.out / "summary.html"]
    texts = {page.stem: page.read_text(encoding="utf-8") for page in pages}
    assert len(texts) == len(GRADED) + 1
    for name, text in texts.items():
        assert dangers(text, is_page=True) == [], name
        assert "default-src 'none'" in text
    assert texts["yin"].count('class="total') == 1
    assert "shows that a sum grows" in texts["cai"] and "could not be drawn" in texts["cai"]
    assert "sum(NUMBERS)" in re.sub("<[^>]*>", "", texts["cai"]), "the other cells are drawn"


@pytest.fixture
def few(tmp_path):
    """A function that gives some students' submissions, the assignment, and a results folder."""
    path = grading_class.write_assignment(tmp_path)
    submissions, _ = grading_class.build(tmp_path, release(load_assignment(path)), 1, ROOT)

    def choose(*names):
        for name in names:
            shutil.copytree(submissions / name, tmp_path / "few" / name)
        return tmp_path / "few", path, tmp_path / "out"

    return choose


@pytest.mark.parametrize(("number", "status"), [(2, 130), (15, 143), (9, -9)])
def test_interrupted_it_leaves_nothing_and_goes_on(few, number, status):
    places = few("ada", "noa", "pia", "cem")
    records = places[2] / "records"
    with short_folder() as temporary:
        process = start(*places, "--jobs", "2", temporary=temporary)
        deadline = time.monotonic() + 100
        while not list(records.glob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == status, printed
        assert number == 9 or "continues where this one stopped" in printed
        assert leftovers(temporary) == []
        known = len(list(records.glob("*.json")))
        assert 1 <= known < 4
        if number == 2:  # the same command goes on
            status, printed = run(*places, temporary=temporary)
            assert status == 0 and f"{4 - known} graded" in printed, printed


def test_two_runs_at_once_share_the_work_and_only_what_changed_runs_again(few):
    names = ("ada", "cem", "eva", "fay")
    places = few(*names)
    with short_folder() as temporary:
        both = [start(*places, "--jobs", "1", temporary=temporary) for _ in range(2)]
        printed = [process.communicate(timeout=120)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], printed
        points = {name: float(row["points"]) for name, row in table(places[2]).items()}
        assert points == {name: STUDENTS[name].points for name in names}
        path = places[0] / "ada" / "small_numbers.ipynb"
        wrong = path.read_text(encoding="utf-8").replace("sum(NUMBERS)", "5051")
        path.write_text(wrong, encoding="utf-8")
        for options, count in ([], 1), (["--only", "ADA", "--fresh"], 1), ([], 0):
            status, printed = run(*places, *options, temporary=temporary)
            assert status == 0 and f"{count} graded" in printed, printed
            assert float(table(places[2])["ada"]["points"]) == 7
