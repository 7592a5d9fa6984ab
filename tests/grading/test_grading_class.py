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
import tempfile
import time
from pathlib import Path

import grading_class
import psutil
import pytest
from conftest import ROOT
from grading_class import STUDENTS
from page_checker import dangers

from grading import result_store
from grading.assignments.assignment import load_assignment, release
from grading.sandbox import bubblewrap

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the grader runs on Linux and macOS"
)

PROBLEM = bubblewrap.choose(unsafe=True).problem
LIMITS = ["--cell-seconds", "5", "--deadline", "60", "--memory", "1000", "--disk", "200"]


def command(submissions, assignment, out, *more):
    unsafe = ["--unsafe"] if PROBLEM else []
    words = [sys.executable, "-m", "grading", submissions, "--homework", assignment, "--out", out]
    return [*map(str, words), *LIMITS, *unsafe, *more]


def run(*arguments, **more):
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, encoding="utf-8", **more
    )


def snapshot(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


@contextlib.contextmanager
def temporary_folder():
    """A temporary folder of its own, by which everything that a run starts can be recognised.

    Its name is short, so that the run accepts it.
    """
    folder = Path(tempfile.mkdtemp(prefix="class-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def leftovers(temporary, seconds=10):
    """Processes that a run started and that do not end, and files that it left."""
    deadline = time.monotonic() + seconds
    while True:
        found = [
            process.cmdline() for process in psutil.process_iter() if belongs(process, temporary)
        ]
        found += [path.name for path in temporary.iterdir()]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def belongs(process, temporary):
    """Whether a process has to do with a temporary folder."""
    try:
        words = [*process.cmdline(), process.cwd(), process.environ().get("TMPDIR", "")]
    except psutil.Error:
        return False
    return any(str(temporary) in word for word in words)


class Graded:
    """The class after the run."""

    def __init__(self, folder):
        self.assignment = grading_class.write_assignment(folder)
        released = release(load_assignment(self.assignment))
        listener = socket.create_server(("127.0.0.1", 0))
        try:
            port = listener.getsockname()[1]
            self.submissions, self.outside = grading_class.build(folder, released, port, ROOT)
            if PROBLEM:
                self._leave_out_isolated()
            self.before = snapshot(self.submissions), snapshot(self.outside)
            self.out = folder / "results"
            due = time.strftime("%Y-%m-%dT%H:%M", time.localtime(grading_class.DUE))
            words = (self.submissions, self.assignment, self.out, "--due", due)
            with temporary_folder() as temporary:
                self.done = run(*words, env={**os.environ, "TMPDIR": str(temporary)})
                self.left = leftovers(temporary)
            listener.setblocking(False)
            try:
                listener.accept()
                self.was_called = True
            except BlockingIOError:
                self.was_called = False
        finally:
            listener.close()
        self.after = snapshot(self.submissions), snapshot(self.outside)
        summary = json.loads((self.out / "summary.json").read_text(encoding="utf-8"))
        self.students = {each["student"]: each for each in summary["students"]}

    def _leave_out_isolated(self):
        for name, student in STUDENTS.items():
            if student.isolated:
                shutil.rmtree(self.submissions / name)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return Graded(tmp_path_factory.mktemp("class"))


@pytest.fixture
def few(tmp_path):
    """The assignment, and a function that makes a folder with some students' submissions."""
    path = grading_class.write_assignment(tmp_path)
    released = release(load_assignment(path))
    submissions, _ = grading_class.build(tmp_path, released, 1, ROOT)

    def choose(*names):
        for name in names:
            shutil.copytree(submissions / name, tmp_path / "few" / name)
        return tmp_path / "few"

    return path, choose


def test_the_class_is_large_enough():
    kinds = {student.kind for student in STUDENTS.values()}
    assert len(STUDENTS) >= 90 and len(kinds) >= 45


@pytest.mark.parametrize("name", STUDENTS)
def test_the_grade_deserved(graded, name):
    student = STUDENTS[name]
    if student.isolated and PROBLEM:
        pytest.skip(f"this student can only be graded in isolation: {PROBLEM}")
    found = graded.students[name]
    told = json.dumps({key: found[key] for key in ("status", "tasks", "notes")}, indent=1)
    assert found["status"] == student.status, told
    assert found["points"] == student.points, told
    assert found["max_points"] == grading_class.MOST
    verdicts = {task["grade_id"]: task["verdict"] for task in found["tasks"]}
    for grade_id, verdict in student.verdicts.items():
        assert verdicts[grade_id] == verdict, told
    for text in student.says:
        assert text in " ".join(found["notes"]), told
    if student.never is None:
        assert found["notes"] == [], told
    for text in student.never or ():
        assert text not in " ".join(found["notes"]), told
    if student.status == "graded":
        assert found["to_read"] == 2 and verdicts["explain"] == "manual"


def test_the_command_succeeds(graded):
    assert graded.done.returncode == 0, graded.done.stderr[-3000:]
    assert "Traceback" not in graded.done.stderr


def test_nothing_outside_was_touched(graded):
    assert graded.after == graded.before
    assert not Path("/tmp/gotcha-from-a-pickle").exists()


def test_nobody_called(graded):
    if PROBLEM:
        pytest.skip(PROBLEM)
    assert not graded.was_called


def test_nothing_is_left(graded):
    assert graded.left == []


def test_the_late_ones_are_marked_and_keep_the_points(graded):
    late = {name: row["late"] for name, row in table(graded.out).items() if row["late"]}
    assert late == {"dan": "1 d 2 h 5 min", "dax": "2 d", "deb": "1 d 1 h"}


def table(out):
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_the_table_has_a_row_a_student_and_no_formula(graded):
    rows = table(graded.out)
    expected = {name for name, student in STUDENTS.items() if not (PROBLEM and student.isolated)}
    expected = expected - {"=HYPERLINK(1)"} | {"'=HYPERLINK(1)"}
    assert set(rows) == expected
    for row in rows.values():
        assert not any(cell[:1] in "=+-@" for cell in row.values() if cell)
        assert (graded.out / row["page"]).is_file()
    assert float(rows["eva"]["points"]) == 7 and float(rows["eva"]["test-total (of 1)"]) == 0


def test_every_page_is_harmless(graded):
    pages = [*(graded.out / "feedback").glob("*.html"), graded.out / "summary.html"]
    assert len(pages) > 50
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert dangers(text, is_page=True) == [], page.name
        assert "default-src 'none'" in text
    hostile = (graded.out / "feedback" / "yin.html").read_text(encoding="utf-8")
    assert hostile.count('class="total') == 1


def test_a_written_answer_is_read_though_it_cannot_be_drawn(graded):
    text = (graded.out / "feedback" / "cai.html").read_text(encoding="utf-8")
    assert "shows that a sum grows" in text and "could not be drawn" in text
    assert "sum(NUMBERS)" in re.sub("<[^>]*>", "", text), "the other cells are drawn"


def test_the_same_command_again_runs_nothing(graded):
    before = {
        path.name: path.stat().st_mtime_ns for path in (graded.out / "records").glob("*.json")
    }
    started = time.time()
    done = run(graded.submissions, graded.assignment, graded.out)
    assert done.returncode == 0 and "0 graded" in done.stdout, done.stdout
    after = {path.name: path.stat().st_mtime_ns for path in (graded.out / "records").glob("*.json")}
    assert after == before
    assert time.time() - started < 30


def test_only_what_changed_is_run(graded):
    path = graded.submissions / "ada" / "small_numbers.ipynb"
    right = path.read_text(encoding="utf-8")
    try:
        path.write_text(right.replace("sum(NUMBERS)", "5051"), encoding="utf-8")
        done = run(graded.submissions, graded.assignment, graded.out)
        assert "1 graded" in done.stdout, done.stdout
        assert float(table(graded.out)["ada"]["points"]) == 7
    finally:
        path.write_text(right, encoding="utf-8")
    done = run(graded.submissions, graded.assignment, graded.out, "--only", "ADA")
    assert "1 graded" in done.stdout, done.stdout
    assert float(table(graded.out)["ada"]["points"]) == 8


@pytest.mark.parametrize(("number", "status"), [(2, 130), (15, 143), (9, -9)])
def test_interrupted_it_leaves_nothing_and_goes_on(few, tmp_path, number, status):
    assignment, choose = few
    folder = choose("ada", "bob", "noa", "pia", "cem")
    out = tmp_path / "out"
    with temporary_folder() as temporary:
        process = subprocess.Popen(
            command(folder, assignment, out, "--jobs", "2"),
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        deadline = time.monotonic() + 100
        while not list((out / "records").glob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(number)
        told, _ = process.communicate(timeout=60)
        assert process.returncode == status, told
        assert number == 9 or "goes on where this one was" in told
        assert leftovers(temporary) == []
    known = len(list((out / "records").glob("*.json")))
    assert 1 <= known < 5
    done = run(folder, assignment, out)
    assert done.returncode == 0 and f"{5 - known} graded" in done.stdout, done.stdout


def test_two_runs_at_once_share_the_work(few, tmp_path):
    assignment, choose = few
    folder = choose("ada", "bob", "cem", "dua", "eva", "fay")
    out = tmp_path / "out"
    both = [
        subprocess.Popen(
            command(folder, assignment, out, "--jobs", "1"),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    points = {name: float(row["points"]) for name, row in table(out).items()}
    assert points == {name: STUDENTS[name].points for name in points} and len(points) == 6


def test_without_isolation_it_refuses(few, tmp_path):
    assignment, choose = few
    environment = {**os.environ, "PATH": str(tmp_path)}
    words = command(choose("ada"), assignment, tmp_path / "out")
    words = [word for word in words if word != "--unsafe"]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 2
    assert "bubblewrap" in done.stderr and "--unsafe" in done.stderr
    assert not (tmp_path / "out").exists()


def test_results_of_another_homework_are_not_overwritten(few, tmp_path):
    assignment, choose = few
    folder, out = choose("ada"), tmp_path / "out"
    result_store.reserve(out, "hw9_something_else")
    done = run(folder, assignment, out)
    assert done.returncode == 2 and not (out / "grades.csv").exists()
    assert "hw9_something_else" in done.stderr and "folder of" in done.stderr
