"""Tests of whoever grades: what ends with the grader, and that every user gets the same grades."""

import contextlib
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import grading_class
import psutil
import pytest
from conftest import ROOT
from tiny_homework import LIMITS, short_folder

from grading.assignments.assignment import load_assignment
from grading.assignments.release import release
from grading.sandbox import view
from grading.sandbox.prefork import PreforkServer
from utils.processes import cleanup

# --- The end of the grader ------------------------------------------------------------------------

STARTS_AND_DIES = """
import os, sys, threading, time, zmq
from grading.limits import Limits
from grading.sandbox import bubblewrap, run_folder
limits = Limits()
sandbox = bubblewrap.choose() if sys.argv[1] == "isolated" else bubblewrap.Sandbox(None)
folder = run_folder.make(sandbox.is_isolated, sys.argv[2])
(folder / "settings.json").write_text(sys.argv[4].replace("FOLDER", str(folder)))
context = zmq.Context()
sockets = [context.socket(zmq.DEALER) for _ in range(3)]
for number, socket in enumerate(sockets, 1):
    socket.bind(f"ipc://{folder}/sockets/{number}")
threading.Timer(float(sys.argv[3]), os.kill, (os.getpid(), 9)).start()
sandbox.start(folder, limits)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of a parent's end")
@pytest.mark.parametrize("kind", ["isolated", "ordinary"])
def test_a_kernel_ends_with_its_grader_at_whatever_moment_that_is_killed(kind, bwrap):
    """Of a grader that is killed nobody cleans up; the kernel must notice, also while it starts."""
    settings = {"key": "", "memory_mb": 900, "disk_mb": 50, "threads": None, "environment": {}}
    settings |= {"own_folder": "/tmp/.kernel" if kind == "isolated" else "FOLDER/own"}
    settings |= {"place": "", "open_files": 1024}
    with short_folder() as folder:
        moments = [0.0, 0.003, 0.03, 0.3]
        words = [sys.executable, "-c", STARTS_AND_DIES, kind, str(folder)]
        graders = [
            subprocess.Popen([*words, str(moment), json.dumps(settings)], cwd=ROOT)
            for moment in moments
        ]
        assert [grader.wait(60) for grader in graders] == [-9] * len(moments)
        deadline = time.monotonic() + 60
        while (left := of_folder(str(folder))) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert left == []


def of_folder(folder):
    """The commands of living processes that were started for a run in a folder."""
    commands = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            is_named = any(folder in word for word in process.cmdline())
            name = process.environ().get(cleanup.MARKER)
            is_ours = is_named or (name and os.path.exists(os.path.join(folder, name)))
            if is_ours and cleanup.is_alive(process):
                commands.append(process.cmdline())
    return commands


def test_a_prefork_server_ends_with_its_grader(bwrap):
    with contextlib.closing(PreforkServer(bwrap, LIMITS, ())) as server:
        family, deadline = [], time.monotonic() + 60
        while not family and time.monotonic() < deadline:
            time.sleep(0.05)
            family = psutil.Process(server.popen.pid).children(recursive=True)
        assert family
        server.abandon()
        assert server.popen.wait(10) is not None
        assert not cleanup.wait(family, 5)


# --- Whoever grades -------------------------------------------------------------------------------

STRANGER = 1234  # the number of a user who owns nothing


def as_stranger(command):
    """The command as another user, who cannot look into root's home, where Python may lie."""
    places = [*view.python_folders(), str(ROOT)]
    closed = set()
    for place in places:
        above = pathlib.Path(place).parents
        above = [path for path in above if path.stat().st_mode & 0o005 != 0o005]
        closed |= {str(above[-1])} if above else set()
    words = ["bwrap", "--dev-bind", "/", "/"]
    for path in closed:
        words += ["--perms", "0755", "--tmpfs", path]
    for place in sorted(places):
        for path in filter(pathlib.Path(place).is_relative_to, closed):
            for parent in reversed(pathlib.Path(place).parents):
                if parent.is_relative_to(path):
                    words += ["--perms", "0755", "--dir", str(parent)]
            words += ["--ro-bind", place, place]
    user = ["--reuid", str(STRANGER), "--regid", str(STRANGER), "--clear-groups"]
    return [*words, "--", "setpriv", *user, *command]


def test_the_same_grades_for_whoever_grades_and_however_python_starts(bwrap):
    """As root or as an ordinary user, forked from a prefork server or each started anew."""
    users = ["self", *(["stranger"] if os.geteuid() == 0 and shutil.which("setpriv") else [])]
    with short_folder() as folder:
        folder.chmod(0o755)
        path = grading_class.write_assignment(folder)
        everybody, _ = grading_class.build(folder, release(load_assignment(path)), 1, ROOT)
        for student in ("ada", "eva", "noa"):
            shutil.copytree(everybody / student, folder / "few" / student)
        (folder / "data").mkdir()
        variables = {"COURSE_DATA_DIR": str(folder / "data"), "TMPDIR": "/tmp"}
        runs = {}
        for user, mode in [("self", ["--cold"]), *((user, []) for user in users)]:
            out = folder / "".join([user, *mode])
            out.mkdir()
            words = [sys.executable, "-m", "grading", folder / "few", "--homework", path, *mode]
            words = [*map(str, words), "--out", str(out), "--jobs", "1", "--cell-seconds", "3"]
            if user == "stranger":
                os.chown(out, STRANGER, STRANGER)
                words = as_stranger(words)
            more = {"cwd": ROOT, "env": {**os.environ, **variables, "HOME": str(out)}}
            output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            runs[out] = subprocess.Popen(words, **more, **output)
        tables = []
        for out, process in runs.items():
            printed, _ = process.communicate(timeout=300)
            assert process.returncode == 0, f"{out.name}: {printed}"
            with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
                columns = ("student", "points", "status", "notes")
                tables.append([[row[name] for name in columns] for row in csv.DictReader(file)])
        assert len(tables[0]) == 3
        assert {float(row[1]) for row in tables[0]} >= {7.0, 8.0}
        assert all(table == tables[0] for table in tables)
