"""The grading processes: their jobs, their deaths, and the command line that starts them."""

import errno
import json
import subprocess
import sys
import textwrap
import types

import grading_class
import psutil
import pytest
from conftest import ROOT

from grading import __main__ as command
from grading import result_store
from grading.sandbox import bubblewrap
from grading.workers import pool, worker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
JOB = {
    "assignment_name": "hw1",
    "assignment_text": "{}",
    "notebook": "{}",
    "files": {"a/b.txt": b"x", "a": b"y"},
    "limits": {"notebook_s": 0.5},
    "judge_seconds": 0,
    "unsafe": False,
    "hidden": [],
    "cold": False,
}
ENGINE = """
import json, os, pathlib, subprocess, sys, time
mark = pathlib.Path("MARK")
for line in sys.stdin:
    folder = line.strip()
    is_first = not mark.exists()
    mark.touch()
BODY
"""
JUDGED = """
result = {"points": 1, "events": [], "pid": os.getpid()}
open(folder + "/result.json", "w").write(json.dumps(result)); print("judged", flush=True)
"""
DONE = 'open(folder + "/page.html", "w").write("<p>"); print("done", flush=True)\n'
SLEEPS = "time.sleep(77)\n"


@pytest.fixture
def slot_with(tmp_path, monkeypatch):
    """A function that makes slots with a stand-in for the grading process."""
    monkeypatch.setattr(pool, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(pool, "PAGE_SECONDS", 0.5)
    slots = []

    def make(body):
        script = ENGINE.replace("MARK", str(tmp_path / "mark"))
        script = script.replace("BODY", textwrap.indent(body.strip(), "    "))
        slots.append(pool.Slot([sys.executable, "-c", script]))
        return slots[-1]

    yield make
    for slot in slots:
        slot.close()


def test_one_process_grades_many(slot_with):
    slot = slot_with(JUDGED + DONE)
    first, second = slot.grade(JOB), slot.grade(JOB)
    assert first["points"] == 1 and first["page"] == "<p>" and first["pid"] == second["pid"]
    slot.close()
    assert not psutil.pid_exists(first["pid"])


def test_a_process_that_dies_gets_a_second_chance(slot_with):
    slot = slot_with("if is_first: os.kill(os.getpid(), 9)" + JUDGED + DONE)
    assert slot.grade(JOB)["points"] == 1


def test_a_process_that_always_dies_is_reported(slot_with):
    slot = slot_with("print('it hurts', file=sys.stderr, flush=True)\nos.kill(os.getpid(), 11)")
    problem = slot.grade(JOB)["problem"]
    assert problem.startswith("could not be graded")
    assert "SIGSEGV" in problem and "it hurts" in problem


def test_a_process_that_hangs_is_ended(slot_with):
    child = f"subprocess.Popen([sys.executable, '-c', 'import time; {SLEEPS.strip()}'])\n"
    assert "no answer" in slot_with(child + SLEEPS).grade(JOB)["problem"]
    children = psutil.Process().children(recursive=True)
    assert [child for child in children if SLEEPS.strip() in " ".join(child.cmdline())] == []


def test_a_page_that_cannot_be_made_costs_no_points(slot_with):
    result = slot_with(JUDGED + SLEEPS).grade(JOB)
    assert result["points"] == 1 and result["page"] == ""
    assert result["page_lost"] and "could not be shown" in result["events"][0]


def test_as_many_at_a_time_as_memory_holds_at_worst(monkeypatch):
    from utils import runtime

    monkeypatch.setattr(runtime, "cores", lambda: 8)
    for gigabytes, jobs in ((2, 1), (8, 1), (12, 1), (12.5, 2), (64, 8)):
        memory = types.SimpleNamespace(available=gigabytes * 2**30)
        monkeypatch.setattr(pool.psutil, "virtual_memory", lambda memory=memory: memory)
        assert pool.default_jobs(100, 3000) == jobs, gigabytes


def test_the_process_ends_with_the_one_that_it_works_for():
    words = [sys.executable, "-m", "grading.workers.worker"]
    done = subprocess.run(
        words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
    )
    assert done.returncode == 0


def test_its_folder_goes_though_a_job_is_still_writing_there(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    for number in range(1000):  # so many that one pass takes long enough to miss new ones
        (folder / f"old{number}").touch()
    words = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / "0").touch()
print("writing", flush=True)
deadline, number = time.monotonic() + 0.5, 0
while time.monotonic() < deadline:
    number += 1
    (folder / f"{number}").touch()
"""
    writing = [sys.executable, "-c", words, str(folder)]
    with subprocess.Popen(writing, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as job:
        job.stdout.readline()
        worker._remove(folder)
    assert not folder.exists()


def test_a_job_that_makes_no_sense_is_a_result(tmp_path):
    (tmp_path / worker.JOB).write_text("{}")
    result = worker.Grader().grade(tmp_path)
    assert result["problem"].startswith("could not be graded: KeyError")


# ---------------------------------------------------------------------------- a job's folder


def test_files_that_cannot_be_written_are_named(tmp_path):
    far = "../" * 30 + "up"
    names = ["a" * 300, "x\0y", "/abs", far, "con", "c:\\x", "b\udcff", "é/\n"]
    worker.write_job(tmp_path, {**JOB, "files": {**JOB["files"], **dict.fromkeys(names, b"x")}})
    job = json.loads((tmp_path / worker.JOB).read_text())
    assert (tmp_path / "files" / "a" / "b.txt").read_bytes() == b"x" and len(job["notes"]) == 5
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {"b.txt", "con", "c:\\x", "\n"} <= written
    assert not list(tmp_path.parent.rglob("up")) and job["place"] == ""


def test_files_above_the_notebooks_folder_stay_above_it(tmp_path):
    names = ["b.csv", "sub/c.csv", "../data/a.csv", "../../d.csv"]
    worker.write_job(tmp_path, {**JOB, "files": dict.fromkeys(names, b"x")})
    place = tmp_path / "files" / json.loads((tmp_path / worker.JOB).read_text())["place"]
    assert all((place / name).read_bytes() == b"x" for name in names)
    written = list(tmp_path.rglob("*.csv"))
    assert len(written) == 4 and all(tmp_path / "files" in path.parents for path in written)


def full(*arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_not_the_fault_of_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(worker.Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        worker.write_job(tmp_path, JOB)


def test_a_full_disk_costs_the_page_only_until_the_next_run(tmp_path, monkeypatch, capfd):
    (tmp_path / worker.RESULT).write_text('{"points": 1, "events": []}')
    cell = {"cell_type": "code", "source": "print(1)", "outputs": []}
    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        worker.write_page(tmp_path, {"cells": [cell]})
    lost = worker.read_result(tmp_path)
    assert lost["points"] == 1 and lost["page"] == "" and lost["page_lost"]
    assert "tries it again" in lost["events"][0]
    assert [path.name for path in tmp_path.iterdir()] == [worker.RESULT]
    worker.write_page(tmp_path, {"cells": [cell]})
    result = worker.read_result(tmp_path)
    assert "page_lost" not in result and "print" in result["page"]


# --------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"--homework": 99}, "no homework 99"),
        ({"submissions": "nowhere"}, "no folder"),
        ({"submissions": "empty"}, "no submissions"),
        ({"--out": "one/out"}, "inside the submissions"),
        ({"--due": "soon"}, "2026-11-20T23:59"),
        ({"--only": "anna"}, "Did you mean: ana"),
        ({"--jobs": 0}, "at least 1"),
        ({"--memory": -5}, "more than 0"),
        ({"--out": "taken"}, "results of hw9_something_else"),
        ({"--unsafe": None}, "bubblewrap"),
        ({"platform": "win32"}, "WSL 2"),
    ],
    ids=str,
)
def test_a_wrong_command_line_is_answered_with_what_is_wrong(
    change, expected, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda *arguments: None)
    monkeypatch.setenv("PATH", str(tmp_path))  # without bubblewrap
    monkeypatch.setattr("sys.platform", change.get("platform", sys.platform))
    change = {name: value for name, value in change.items() if name != "platform"}
    for name in ("empty", "one/ana"):
        (tmp_path / name).mkdir(parents=True)
    result_store.reserve(tmp_path / "taken", "hw9_something_else")
    options = {"--homework": grading_class.write_assignment(tmp_path), "--out": "out", **change}
    is_unsafe = "--unsafe" not in change or options.pop("--unsafe")
    words = [options.pop("submissions", "one"), *["--unsafe"] * bool(is_unsafe)]
    words += [word for option in options.items() for word in option]
    try:
        status = command.main(list(map(str, words)))
    except SystemExit as end:
        status = end.code
    finally:
        bubblewrap._bubblewrap.cache_clear()
    assert status == 2 and expected in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.csv")) and not (tmp_path / "out").exists()
