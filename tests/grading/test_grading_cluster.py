"""The same run on a cluster: workers come and go, and nobody's grade is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import types

import grading_class
import psutil
import pytest
from conftest import ROOT
from grading_class import STUDENTS

from grading import result_store, run
from grading.assignments.assignment import load_assignment, release
from grading.intake.submissions import find_submissions
from grading.limits import Limits
from grading.sandbox import bubblewrap
from grading.workers import cluster

distributed = pytest.importorskip("distributed", reason="Dask is not installed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")

UNSAFE = bubblewrap.choose(unsafe=True).problem is not None
FEW = ("ada", "bob", "eva", "fay", "gil", "ian", "mae", "bea", "jan")


@pytest.fixture
def few(tmp_path):
    """A small class: the assignment's path, and the submissions."""
    path = grading_class.write_assignment(tmp_path)
    submissions, _ = grading_class.build(tmp_path, release(load_assignment(path)), 1, ROOT)
    for each in list(submissions.iterdir()):
        if each.name.split(".")[0] not in FEW:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    return path, submissions


def worker_pids(backend):
    return list(backend.client.run(os.getpid).values())


def test_by_the_real_command(few, tmp_path):
    path, submissions = few
    out = tmp_path / "out"
    words = [sys.executable, "-m", "grading", submissions, "--homework", path, "--out", out]
    words += ["--scheduler", "local:2", *(["--unsafe"] if UNSAFE else [])]
    done = subprocess.run(
        list(map(str, words)), cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "2 worker(s)" in done.stdout and "Traceback" not in done.stderr
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    points = {each["student"]: each["points"] for each in summary["students"]}
    assert points == {name: STUDENTS[name].points for name in FEW}
    assert (out / "feedback" / "ada.html").stat().st_size > 5000, "with the notebook as it ran"


def test_a_worker_that_is_lost_loses_nothing(few, tmp_path):
    path, submissions = few
    group = run.Class(
        find_submissions(submissions)[0],
        load_assignment(path),
        Limits(),
        not UNSAFE,
        tmp_path / "out",
    )
    group.look()
    slugs = group.to_do()
    backend = cluster.Cluster("local:3", UNSAFE)
    killed, told = [], []

    def kill():
        time.sleep(1.5)  # in the middle of a submission
        while len(told) < len(slugs) and len(killed) < 2:
            pids = [pid for pid in worker_pids(backend) if pid not in killed]
            family = psutil.Process(pids[0]).children(recursive=True)
            if any("grading.workers.worker" in " ".join(each.cmdline()) for each in family):
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])
            time.sleep(1.5)

    try:
        killer = threading.Thread(target=kill)
        killer.start()
        group.grade(slugs, backend, told.append, False)
        killer.join()
    finally:
        backend.close()
    assert killed, "no worker was killed"
    assert sorted(told) == sorted(slugs)
    rows = {row.student: row for row in group.rows()}
    assert {name: row.points for name, row in rows.items()} == {
        name: STUDENTS[name].points for name in FEW
    }


def poisoned(job):
    """A task that ends its worker, or does nothing in particular."""
    if job["poison"]:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return {"points": 1, "tasks": []}


def test_a_submission_that_ends_every_worker_is_reported():
    backend = cluster.Cluster("local:2", True, function=poisoned)
    try:
        waiting = {f"s{number}": {"poison": number == 2} for number in range(8)}
        results, open_jobs = {}, 0
        names = list(waiting)
        started = time.monotonic()
        while len(results) < 8 and time.monotonic() - started < 120:
            while names and open_jobs < backend.capacity():
                name = names.pop(0)
                backend.submit(name, waiting[name])
                open_jobs += 1
            answer = backend.collect(0.5)
            if answer:
                results[answer[0]] = answer[1]
                open_jobs -= 1
    finally:
        backend.close()
    assert "several workers" in results.pop("s2")["problem"]
    assert len(results) == 7 and all(each["points"] == 1 for each in results.values())


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler in a process of its own: the process, and its address."""
    file = tmp_path / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", *words],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.2)  # until it is written
        yield process, json.loads(file.read_text(encoding="utf-8"))["address"]
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("ask", ["describe", "capacity", "submit"])
def test_a_scheduler_that_is_lost_in_the_middle_is_told_plainly(scheduler, monkeypatch, ask):
    process, address = scheduler
    monkeypatch.setattr(cluster, "WAIT_SECONDS", 5)
    monkeypatch.setattr(cluster.Cluster, "_check_workers", lambda self, unsafe: None)
    backend = cluster.Cluster(address, True, function=poisoned)
    asks = {"describe": backend.describe, "capacity": backend.capacity}
    asks["submit"] = lambda: backend.submit("more", {"poison": False})
    try:
        assert backend.capacity() == 1
        backend.submit("ana", {"poison": False})
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        with pytest.raises(ConnectionError, match="the scheduler"):
            while time.monotonic() < deadline:
                asks[ask]()
                backend.collect(0.1)
    finally:
        backend.close()


def test_another_version_is_refused():
    found = cluster.grade({"engine_version": "other"})
    assert "another version" in found["problem"]


def test_other_libraries_are_refused(monkeypatch):
    here = result_store.environment()
    job = {"engine_version": result_store.engine_version(), "environment": here | {"keras": "2.0"}}
    assert f"keras {here['keras']} instead of 2.0" in cluster.grade(job)["problem"]
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    job = {"engine_version": result_store.engine_version(), "environment": here}
    assert "COURSE_PROFILE quick instead of " in cluster.grade(job)["problem"]


def test_the_cluster_is_refused_where_libraries_differ(monkeypatch):
    here = result_store.environment()
    told = {"host": "far", "version": result_store.engine_version(), "environment": here}
    told |= {"problem": None}
    backend = cluster.Cluster.__new__(cluster.Cluster)
    backend.client = types.SimpleNamespace(
        wait_for_workers=lambda *args, **more: None, run=lambda function: {"w": told}
    )
    backend._check_workers(unsafe=False)
    told["environment"] = here | {"numpy": "1.0"}
    with pytest.raises(cluster.Unavailable, match=r"far has numpy 1\.0 instead of"):
        backend._check_workers(unsafe=False)
    told["version"] = "other"
    with pytest.raises(cluster.Unavailable, match="Another version of this repository is on: far"):
        backend._check_workers(unsafe=False)


def test_no_scheduler(monkeypatch):
    monkeypatch.setattr(cluster, "WAIT_SECONDS", 2)
    with pytest.raises(cluster.Unavailable, match="no scheduler at"):
        cluster.Cluster("tcp://127.0.0.1:9", True)
    with pytest.raises(cluster.Unavailable, match="local:3"):
        cluster.Cluster("local:many", True)
