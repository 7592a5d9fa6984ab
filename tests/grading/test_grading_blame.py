"""Tests of who is to blame: the cell that did it, the submission, or the grader's machine."""

import sys
import types

import pytest
import tiny_homework
from tiny_homework import X

from grading.execution import engine, fitting, kernel
from grading.execution.kernel import StartError
from grading.execution.request import Outcome
from grading.limits import Limits
from grading.sandbox import bubblewrap as sandboxes
from grading.workers import pool, worker

LIMITS = Limits(cell_s=4, notebook_s=60)
ANSWER = {"values": {"x": "42"}, "problems": {}, "functions": []}


class Kernels:
    """Kernels that do as a test says: functions give the outcomes of cells and of questions.

    `starts`, a function of the submission's files, says whether a kernel starts.
    """

    def __init__(self, outcome=None, answer=None, starts=lambda files: True):
        self.made = []
        kernels = self

        class Kernel:
            """Has what the engine uses of a kernel."""

            def __init__(self, sandbox, limits, files=None, lease=None, place=""):
                if not starts(files):
                    raise StartError("the kernel ended while it started. ")
                self.ran, self.labels, self.is_alive, self.culprit = [], {}, True, None
                self.number, self.limits = len(kernels.made), limits
                self.monitor = types.SimpleNamespace(reason=None)
                kernels.made.append(self)

            def run(self, source, seconds, label=None):
                self.ran.append(source)
                self.labels[source] = label
                found = (outcome and outcome(self, source)) or Outcome("ok")
                self.is_alive = self.is_alive and found.status != "died"
                return found

            def ask(self, expression, seconds):
                found = (answer and answer(self)) or Outcome("ok", answer=ANSWER)
                self.culprit = found.culprit
                return found

            def kill(self):
                self.is_alive = False

            close = kill

        self.kernel = Kernel


@pytest.fixture
def grade(monkeypatch):
    """Grades cells in such kernels."""

    def grade(kernels, *cells, folder=None, files=None):
        monkeypatch.setattr(engine, "Kernel", kernels.kernel)
        return engine.grade_notebook(
            tiny_homework.notebook(*cells),
            tiny_homework.assignment(*cells),
            LIMITS,
            types.SimpleNamespace(is_isolated=True),
            files=files,
            progress=folder and folder / worker.RUNNING,
        )

    return grade


def test_a_flood_while_cells_run_again_is_the_fault_of_who_left_it(grade):
    def outcome(kernel, source):
        if source == "dies" and kernel.number == 0:
            return Outcome("died")
        if source == "innocent" and kernel.number == 1:
            return Outcome("output", culprit=kernel.labels["thread"])
        return None

    kernels = Kernels(outcome)
    result = grade(kernels, "thread", "innocent", "dies", X)
    assert result["points"] == 1
    assert [kernel.ran for kernel in kernels.made][1:] == [["thread", "innocent"], ["innocent"]]
    assert any("code cell 1 printed more" in event for event in result["events"])
    assert not any("code cell 2" in event for event in result["events"])


def test_a_flood_while_a_task_is_judged_is_the_fault_of_who_left_it(grade):
    def answer(kernel):
        if "thread" in kernel.ran:
            return Outcome("output", culprit=kernel.labels["thread"])
        return None

    kernels = Kernels(answer=answer)
    result = grade(kernels, "thread", "x = 42", X)
    assert result["points"] == 1 and kernels.made[-1].ran == ["x = 42"]
    assert len(result["events"]) == 1 and "code cell 1 printed more" in result["events"][0]
    own = Kernels(answer=lambda kernel: Outcome("output"))
    result = grade(own, "x = 42", X)
    assert result["tasks"][0]["verdict"] == "error" and len(own.made) == 1


@pytest.mark.parametrize("starts", [True, False])
def test_kernels_that_do_not_start_are_suspect_if_one_for_no_submission_does(grade, starts):
    kernels = Kernels(starts=lambda files: starts and files is None)
    with pytest.raises(engine.EngineError) as caught:
        grade(kernels, "x = 42", X, files="files")
    assert caught.value.suspect is starts


def test_what_is_running_is_written_down(grade, tmp_path):
    written = []

    def tell(kernel, source=None):
        written.append((tmp_path / worker.RUNNING).read_text())

    grade(Kernels(tell, tell), "x = 42", "y = 7", X, folder=tmp_path)
    assert written == ["code cell 1", "code cell 2", "task x"]


def test_a_suspect_submission_is_for_a_person_to_look_at(monkeypatch, tmp_path):
    def fail(folder):
        raise engine.EngineError("Kernels end by themselves.", suspect)

    grader = worker.Grader()
    monkeypatch.setattr(grader, "_grade", fail)
    suspect = True
    result = grader.grade(tmp_path)
    assert result["suspect"] and "by themselves" in result["problem"] and result["look"]
    suspect = False
    result = grader.grade(tmp_path)
    assert not result.get("suspect") and not result.get("look")


def test_who_chooses_a_backend_gets_a_python_that_has_not_imported_keras():
    code = "import os\nos.environ['KERAS_BACKEND'] = 'jax'"
    assert worker.chooses_backend(tiny_homework.notebook("import keras", code))
    assert not worker.chooses_backend(tiny_homework.notebook("import keras"))


def test_a_process_that_dies_twice_at_the_same_place_is_suspect(tmp_path):
    engine_that_dies = f"""
import pathlib, sys
sys.path.insert(0, {str(pool.ROOT)!r})
from grading.workers import worker as work
places = {{0: "code cell 3", 1: sys.argv[1]}}
for line in sys.stdin:
    folder = pathlib.Path(line.rstrip())
    (folder / work.WORK).mkdir()
    count = pathlib.Path({str(tmp_path)!r}, sys.argv[1])
    number = int(count.read_text()) if count.exists() else 0
    count.write_text(str(number + 1))
    (folder / work.WORK / work.RUNNING).write_text(places[number])
    import os
    os.kill(os.getpid(), 6)
"""
    job = {"assignment_name": "hw", "assignment_text": "{}", "notebook": "{}", "files": {}}
    job |= {"limits": {"notebook_s": 1}, "unsafe": True, "judge_seconds": 1, "hidden": ()}
    job |= {"cold": True}
    for second, is_suspect in (("code cell 3", True), ("code cell 4", False)):
        slot = pool.Slot([sys.executable, "-c", engine_that_dies, second])
        try:
            result = slot.grade(job)
        finally:
            slot.close()
        assert "SIGABRT" in result["problem"]
        assert bool(result.get("suspect")) == bool(result.get("look")) == is_suspect
        assert ("code cell 3" in result["problem"]) == is_suspect


def test_the_largest_files_are_left_out_if_all_do_not_fit(tmp_path):
    sizes = {"a.bin": 400_000, "b/large.bin": 600_000, "b/c.txt": 10, "d.bin": 300_000}
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "link").symlink_to("/etc")
    assert fitting.leave_out(tmp_path, 2) == []
    (note,) = fitting.leave_out(tmp_path, 1)
    assert note.startswith("b/large.bin (1 MB) was left out")
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["a.bin", "c.txt", "d.bin"]


def test_a_kernel_that_does_not_start_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sandboxes.Sandbox, "start", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        kernel.Kernel(sandboxes.Sandbox(None, "asked for"), Limits(disk_mb=50))
    assert list(tmp_path.iterdir()) == []
