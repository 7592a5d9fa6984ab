"""The table of lessons and environments."""

import json

import matrix
import pytest
from rich.console import Console


def run(lesson, backend="jax", kind="sample", outcome="passed", seconds=1):
    return dict(lesson=lesson, backend=backend, kind=kind, outcome=outcome, seconds=seconds)


@pytest.fixture
def outcomes(tmp_path, monkeypatch):
    """The outcomes of two environments, one of which has a skipped and a failed lesson."""
    monkeypatch.setattr(matrix, "FOLDER", tmp_path / "matrix")
    matrix.save("newest", [run("00_a", "tensorflow", seconds=12.4)])
    matrix.save("tpu", [run("00_a", outcome="skipped"), run("01_b", "jax", "real", "failed")])
    return tmp_path / "matrix"


def test_a_row_a_lesson_and_a_column_an_environment(outcomes, capsys):
    runs = matrix.load() | {"other": [run("00_a", outcome="skipped"), run("01_b")]}
    Console(width=100).print(matrix.table(runs))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["newest", "tpu", "other"]
    assert lines[1] == ["tensorflow", "jax", "jax"]
    assert lines[4:] == [["00_a", "12", "s", "-"], ["01_b", "FAILED", "1", "s"]]


def test_a_later_run_replaces_only_what_it_tried(outcomes):
    matrix.save("tpu", [run("01_b", "jax", "real", "passed")])
    latest = {run["lesson"]: run["outcome"] for run in matrix.load()["tpu"]}
    assert latest == {"00_a": "skipped", "01_b": "passed"}


def test_the_status_tells_of_a_failure_and_of_a_gap(outcomes, capsys):
    assert matrix.main() == 1
    printed = capsys.readouterr().out
    assert "01_b never ran in newest" in printed and "00_a never ran in tpu" in printed
    for name in ("newest", "tpu"):
        (outcomes / f"{name}.json").write_text(json.dumps([run("00_a"), run("01_b")]), "utf-8")
    assert matrix.main() == 0
    printed = capsys.readouterr().out
    assert "never ran" not in printed and "COURSE_DATA_MIRROR named no mirror" in printed
