"""The same run on a cluster: workers come and go, and nobody's grade is lost."""

import contextlib
import json
import shutil
import subprocess
import sys
import time

import grading_class
import numpy as np
import pytest
from conftest import ROOT
from fragile_task import fragile
from grading_class import STUDENTS

from grading import result_store
from grading.assignments.assignment import load_assignment
from grading.assignments.release import release
from grading.sandbox import bubblewrap
from grading.workers import cluster

distributed = pytest.importorskip("distributed", reason="Dask is not installed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")

UNSAFE = bubblewrap.choose(unsafe=True).problem is not None
FEW = ("ada", "eva", "mae", "bea")


def test_by_the_real_command(tmp_path):
    path = grading_class.write_assignment(tmp_path)
    everybody, _ = grading_class.build(tmp_path, release(load_assignment(path)), 1, ROOT)
    few, out = tmp_path / "few", tmp_path / "out"
    few.mkdir()
    for submission in everybody.iterdir():
        if submission.name.split(".")[0] in FEW:
            shutil.move(submission, few)
    words = [sys.executable, "-m", "grading", few, "--homework", path, "--out", out]
    words += ["--scheduler", "local:2", *(["--unsafe"] if UNSAFE else [])]
    done = subprocess.run(
        list(map(str, words)), cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "2 worker(s)" in done.stdout and "Traceback" not in done.stderr
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    points = {student["student"]: student["points"] for student in summary["students"]}
    assert points == {name: STUDENTS[name].points for name in FEW}
    assert (out / "feedback" / "ada.html").stat().st_size > 5000, "with the notebook as it ran"


class Fragile(cluster.Cluster):
    """A cluster whose workers die on purpose."""

    task = staticmethod(fragile)


def test_a_worker_that_is_lost_loses_nothing_and_who_ends_every_worker_is_reported(tmp_path):
    import dask

    deaths = {"s1": 0, "s2": 1, "s3": 99, "s4": 0, "s5": 0}
    with dask.config.set({"distributed.scheduler.allowed-failures": 2}):
        backend = Fragile("local:2", True)
    try:
        results, deadline = {}, time.monotonic() + 120
        # The one that always kills comes last: whoever waits at a worker that dies is counted too.
        for names in (["s1", "s2", "s4", "s5"], ["s3"]):
            for name in names:
                task = {"folder": str(tmp_path), "name": name, "deaths": deaths[name]}
                backend.submit(name, task)
            while not results.keys() >= set(names) and time.monotonic() < deadline:
                if answer := backend.collect(0.5):
                    results[answer[0]] = answer[1]
    finally:
        backend.close()
    assert list(tmp_path.glob("s2-*")) and list(tmp_path.glob("s3-*")), "workers were lost"
    assert "several workers" in results.pop("s3")["problem"]
    assert len(results) == 4 and all(result["points"] == 1 for result in results.values())


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
    address, deadline = None, time.monotonic() + 60
    try:
        while address is None and time.monotonic() < deadline:
            time.sleep(0.05)
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                address = json.loads(file.read_text(encoding="utf-8"))["address"]
        yield process, address
    finally:
        process.kill()
        process.wait()


def test_a_scheduler_that_is_lost_is_a_connection_error(scheduler, monkeypatch):
    process, address = scheduler
    monkeypatch.setattr(cluster, "WAIT_SECONDS", 1)
    monkeypatch.setattr(cluster.Cluster, "_check_workers", lambda self, unsafe: None)
    backend = cluster.Cluster(address, True)
    try:
        assert backend.capacity() == 1
        backend.submit("ana", {})
        process.kill()
        process.wait()
        calls = [backend.describe, backend.capacity, lambda: backend.submit("more", {})]
        calls += [lambda: backend.collect(0.1)]
        for call in calls:
            deadline = time.monotonic() + 90
            with pytest.raises(ConnectionError, match="the scheduler"):
                while time.monotonic() < deadline:
                    call()
    finally:
        backend.close()


@pytest.mark.parametrize(
    ("version", "differing", "problem"),
    [
        (None, {}, ""),
        ("other", {}, "another version of this repository"),
        (None, {"numpy": "1.0"}, f"numpy {np.__version__} instead of 1.0"),
        (None, {"COURSE_PROFILE": "full"}, "none instead of full"),
    ],
)
def test_what_differs_on_a_worker_is_refused_at_the_start_and_for_each_job(
    version, differing, problem
):
    asked = {"engine_version": version or result_store.engine_version()}
    asked["environment"] = result_store.environment() | differing
    backend = cluster.Cluster.__new__(cluster.Cluster)
    backend.client = Client(asked)
    if not problem:
        backend._check_workers(unsafe=True)
        return
    with pytest.raises(cluster.Unavailable, match=problem):
        backend._check_workers(unsafe=True)
    assert problem in cluster.grade(asked)["problem"]


class Client:
    """Stands in for Dask's: one worker, which is this process, of a run elsewhere."""

    def __init__(self, asked):
        self.asked = asked

    def wait_for_workers(self, count, timeout):
        pass

    def run(self, function, *arguments):
        return {"worker": function(*self.asked.values())}


def test_no_cluster(monkeypatch):
    monkeypatch.setattr(cluster, "WAIT_SECONDS", 0.2)
    with pytest.raises(cluster.Unavailable, match="no scheduler at"):
        cluster.Cluster("tcp://127.0.0.1:9", True)
    with pytest.raises(cluster.Unavailable, match="local:3"):
        cluster.Cluster("local:many", True)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(cluster.Unavailable, match="pip install distributed"):
        cluster.Cluster("local:2", True)
