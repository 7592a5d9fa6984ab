"""What the command says and refuses, and which of the recorded results it believes."""

import errno
import json
import os
import signal
import types

import grading_class
import pytest
from tiny_submissions import OneByOne, put

from grading import __main__ as command
from grading import result_store, run
from grading.assignments.assignment import load_assignment
from grading.intake.submissions import find_submissions
from grading.limits import Limits

TASK = {"grade_id": "t", "title": "T", "points": 1, "max_points": 2.0, "verdict": "right"}
TASK["message"] = ""
RESULT = {"tasks": [TASK], "events": ["e"], "notes": [], "seconds": 1.5, "page": "<p>"}
WHOLE = {"format": result_store.FORMAT, "key": "key", "result": RESULT}


def put_all(folder, *names, data=b"{}"):
    for name in names:
        put(folder / name, data)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "submissions"
    place.mkdir()
    return place


# ------------------------------------------------------------------------ what is known


@pytest.mark.parametrize("result", [RESULT, {**RESULT, "more": {}}, {"problem": "p", "tasks": []}])
def test_a_whole_record_is_read_back(tmp_path, result):
    store = result_store.Store(tmp_path)
    store.write("ana", "key", result)
    record = store.read("ana")
    assert (record["key"], record["result"]) == ("key", result)


CHANGES = {"tasks": None, "seconds": "long", "page": None, "notes": [5], "events": "text"}
TASK_CHANGES = {"points": float("nan"), "verdict": [], "max_points": "1", "title": 5}
DAMAGED = [{**RESULT, name: value} for name, value in CHANGES.items()]
DAMAGED += [{**RESULT, "tasks": [{**TASK, name: value}]} for name, value in TASK_CHANGES.items()]
DAMAGED += [{name: value for name, value in RESULT.items() if name != "tasks"}]
DAMAGED = [json.dumps({**WHOLE, "result": result}).encode() for result in DAMAGED]
DAMAGED += [json.dumps({**WHOLE, **more}).encode() for more in ({"key": 5}, {"format": 0})]
DAMAGED += [b"", b"{", b"[]", b"\0" * 20, b"[" * 100_000, b"\xff\xfe"]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_record_counts_as_missing(tmp_path, data):
    store = result_store.Store(tmp_path)
    path = tmp_path / "records" / "ana.json"
    path.write_text(json.dumps(WHOLE))
    assert store.read("ana") is not None
    path.write_bytes(data)
    assert store.read("ana") is None


@pytest.mark.parametrize("damaged", [b"", b" \n", b"\0\0\0\0", b"\xff\xfe", None])
def test_the_mark_of_the_results_is_repaired(tmp_path, damaged):
    mark = tmp_path / "records" / ".homework"
    result_store.reserve(tmp_path, "hw1_x")
    assert mark.read_text() == "hw1_x\n"
    result_store.Store(tmp_path).write("ana", "key", RESULT)
    for homework in ("hw1_x", "hw2_y"):
        mark.unlink() if damaged is None else mark.write_bytes(damaged)
        if homework == "hw1_x":
            result_store.reserve(tmp_path, homework)
    with pytest.raises(ValueError, match="results of hw1_x"):
        result_store.reserve(tmp_path, "hw2_y")


def test_the_reports_say_whose_results_these_are_too(tmp_path):
    put(tmp_path / "records" / ".homework", b"")
    put(tmp_path / "summary.json", b'{"homework": "hw1_x"}')
    with pytest.raises(ValueError, match="results of hw1_x"):
        result_store.reserve(tmp_path, "hw2_y")


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def refuse(*args, **more):
        raise NotImplementedError

    monkeypatch.setattr(result_store.filelock.FileLock, "acquire", refuse)
    with pytest.raises(OSError, match="no locks"):
        result_store.Store(tmp_path).claim("ana")
    with pytest.raises(OSError, match="no locks"), result_store.locked(tmp_path):
        pass


# ------------------------------------------------------------------- what the command says

HOSTILE = "\x1b]0;pwned\x07\x1b[2Jana\x9b31m\u202egpj"


def is_harmless(text):
    return all(each.isprintable() or each == "\n" for each in text)


class Class:
    """Stands in for a run over a class: nothing is graded."""

    def __init__(self, found, *rest):
        self.found = found

    def read(self):
        pass

    def to_do(self, wanted, fresh, again):
        return []

    def write_reports(self, about):
        kinds = [("no notebook", ["no \x1b[1mnotebook"]), ("graded", ["look \u2066here"])]
        return [
            types.SimpleNamespace(student=each.student, status=status, look=look)
            for each, (status, look) in zip(self.found, kinds, strict=False)
        ]


@pytest.fixture
def grade(tmp_path, folder, capsys, monkeypatch):
    """Runs the command here, without isolation; returns the exit status and what it said."""
    assignment = grading_class.write_assignment(tmp_path)
    monkeypatch.setattr(run, "ClassRun", Class)
    monkeypatch.setattr(command, "_isolation", lambda options, limits: (False, ["No \x1bnetwork"]))
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)

    def run_it(*more, out=tmp_path / "out", inside=folder):
        words = [inside, "--homework", assignment, "--out", out, *more]
        try:
            status = command.main(list(map(str, words)))
        except SystemExit as end:
            status = end.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_it


def test_no_name_reaches_the_terminal_as_a_command_to_it(grade, folder):
    put_all(folder, f"{HOSTILE}.ipynb", f"{HOSTILE}\nben: graded.csv", f"{HOSTILE}2/hw.ipynb")
    status, out, err = grade()
    assert (status, err) == (0, "") and is_harmless(out), out
    assert "no \ufffd[1mnotebook" in out and "look \ufffdhere" in out and "\nben: " not in out
    for words in (["--only", HOSTILE[:-1]], ["--due", HOSTILE], [HOSTILE], ["--jobs", HOSTILE]):
        status, out, err = grade(*words)
        assert status == 2 and err and is_harmless(out + err), words


def test_a_folder_that_may_not_be_listed_is_a_wrong_command_line(grade, folder, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    status, _, err = grade()
    assert status == 2 and "Permission denied" in err


def test_results_that_cannot_be_made_are_a_wrong_command_line(grade, folder, tmp_path):
    put_all(folder, "ana.ipynb")
    (tmp_path / "file").touch()
    status, _, err = grade(out=tmp_path / "file" / "out")
    assert status == 2 and "--out" in err and "ot a directory" in err


@pytest.mark.parametrize("where", ["__init__", "read", "to_do", "write_reports"])
def test_a_full_disk_ends_in_a_sentence(grade, folder, monkeypatch, where):
    put_all(folder, "ana.ipynb")

    def fail(*args, **more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Class, where, fail)
    status, _, err = grade()
    assert status == 1 and os.strerror(errno.ENOSPC) in err and "Traceback" not in err
    assert "same command" in err


def test_what_was_recorded_before_the_disk_was_full_is_kept(tmp_path, folder, monkeypatch):
    path = grading_class.write_assignment(tmp_path)
    put_all(folder, "ana.ipynb", "ben.ipynb", "cem.ipynb", data=path.read_bytes())
    assignment, found = load_assignment(path), find_submissions(folder)[0]

    def look():
        group = run.ClassRun(found, assignment, Limits(), True, tmp_path / "out")
        group.read()
        return group

    write = result_store.write_atomically
    room = iter([True] * 3)  # ana's record and page, ben's record

    def fill(path, data):
        if not next(room, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, data)

    monkeypatch.setattr(result_store, "write_atomically", fill)
    group = look()
    with pytest.raises(OSError, match="No space"):
        group.grade(group.to_do(), OneByOne(*[RESULT] * 3), lambda slug: None, False)
    monkeypatch.setattr(result_store, "write_atomically", write)
    group = look()
    assert group.to_do() == ["cem"]
    group.grade(["cem"], OneByOne(*[RESULT] * 3), lambda slug: None, False)
    assert [row.status for row in group.rows()] == ["graded"] * 3
