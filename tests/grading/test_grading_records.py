"""What a record depends on, who may write it, and what a run makes of it."""

import json
import shutil
import threading
import types

import grading_class
import pytest
from conftest import ROOT
from tiny_submissions import OneByOne

from grading import result_store, run
from grading.assignments.assignment import load_assignment
from grading.intake.content import SubmissionContent
from grading.intake.submissions import find_submissions
from grading.limits import Limits
from grading.workers import worker

FAILED = worker.failure("could not be graded: it died")


def result(verdict="right", **more):
    """A result of the engine's for one task."""
    task = {"grade_id": "t1", "title": "T", "points": 0, "max_points": 1, "message": ""}
    return {"tasks": [{**task, "verdict": verdict}], "events": [], "notes": [], **more}


def key(digest="d", name="n", version="v1", limits=None, is_isolated=True):
    content = SubmissionContent(digest=digest, name=name)
    assignment = types.SimpleNamespace(version=version)
    return result_store.key(content, assignment, limits or Limits(), is_isolated)


def test_a_record_is_valid_for_what_it_was_made_from():
    changes = [{"digest": "e"}, {"name": "m"}, {"version": "v2"}, {"is_isolated": False}]
    changes += [{"limits": Limits(cell_s=7)}]
    assert key() == key() and len({key(), *(key(**change) for change in changes)}) == 6


def test_a_record_follows_the_code_that_it_depends_on(tmp_path):
    for name in ("grading", "utils"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "registry.toml", tmp_path / "data")
    seen = [result_store.engine_version()]
    depends = ["utils/homework/__init__.py", "utils/homework/new.py", "data/registry.toml"]
    depends += ["grading/execution/engine.py", "grading/intake/content.py"]
    depends += ["grading/rendering/safe_html.py", "grading/sandbox/inside/prefork_server.py"]
    not_so = ["grading/workers/pool.py", "grading/reports/new.py", "grading/README.md"]
    for name in [*not_so, "utils/homework/new.pyc", *depends]:
        with open(tmp_path / name, "a", encoding="utf-8") as file:
            file.write("\n# repaired\n")
        version = result_store.engine_version.__wrapped__(tmp_path)
        assert (version in seen) == (name not in depends), name
        seen.append(version)
    assert [name for name in result_store.FRONT if not (ROOT / name).exists()] == []


def test_a_record_follows_libraries_settings_and_data(tmp_path, monkeypatch):
    for name in ("COURSE_PROFILE", "KERAS_BACKEND", "COURSE_DATA_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    seen = [key()]
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / ".cifar10_subset.npz.lock").touch()
    (tmp_path / "photos.npz").touch()
    assert key() == seen[0], "these are not the course's data files"
    (tmp_path / "cifar10" / "cifar10_subset.npz").touch()
    seen.append(key())
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path))
    assert key() == seen[1], "found twice is found"
    for name, value in (("COURSE_PROFILE", "quick"), ("KERAS_BACKEND", "jax")):
        monkeypatch.setenv(name, value)
        seen.append(key())
    monkeypatch.setattr(result_store.importlib.metadata, "version", lambda name: "0.0")
    assert len({*seen, key()}) == 5


def test_only_one_run_has_a_claim(tmp_path):
    first, second = result_store.Store(tmp_path), result_store.Store(tmp_path)
    claim = first.claim("ana")
    assert claim is not None and second.claim("ana") is None
    claim.release()
    assert second.claim("ana") is not None


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "file"
    result_store.write_whole(path, "a" * 10**6)
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            text = path.read_text()
            seen.add((len(set(text)), len(text)))

    thread = threading.Thread(target=read)
    thread.start()
    for letter in "bcdefgh":
        result_store.write_whole(path, letter * 10**6)
    stop.set()
    thread.join()
    assert seen == {(1, 10**6)} and [file.name for file in tmp_path.iterdir()] == ["file"]


# -------------------------------------------------------------------------------- the run


@pytest.fixture
def class_run(tmp_path):
    """A function that begins a run over a class of one student, Ana."""
    path = grading_class.write_assignment(tmp_path)
    grading_class.put(tmp_path / "in" / "ana" / "hw.ipynb", json.loads(path.read_text()))
    submissions = find_submissions(tmp_path / "in")[0]

    def begin():
        begun = run.ClassRun(submissions, load_assignment(path), Limits(), True, tmp_path / "out")
        begun.read()
        return begun

    return begin


def test_a_job_carries_the_notebook_as_text_while_it_is_there(class_run):
    begun = class_run()
    job, job_key = begun.job("ana")
    assert json.loads(job["notebook"])["nbformat"] == 4 and job_key
    begun.submissions["ana"].sources[0].path.joinpath("hw.ipynb").unlink()
    assert begun.job("ana") == (None, None) and begun.rows()[0].status == "no notebook"
    begun.reader.close()


def test_what_the_grader_could_not_do_is_tried_again_and_shown_until_then(class_run):
    def one_run(*results, **options):
        begun = class_run()
        slugs = begun.to_do(**options)
        before = [student.status for student in begun.rows()]
        begun.grade(slugs, OneByOne(*results), lambda slug: None, bool(options))
        return slugs, before + [student.status for student in begun.rows()]

    lost = result("timeout", page_lost=True)
    assert one_run(FAILED) == (["ana"], ["not graded yet", "could not be graded"])
    assert one_run(lost) == (["ana"], ["could not be graded", "graded"])
    assert one_run(result("timeout", page="<p>")) == (["ana"], ["graded", "graded"])
    assert one_run() == ([], ["graded", "graded"])
    assert one_run(result(), again=True)[0] == ["ana"], "a limit stopped it"
    assert one_run(again=True)[0] == []
    assert one_run(wanted={"ben"}, fresh=True)[0] == []
    assert one_run(result(), fresh=True)[0] == ["ana"]
