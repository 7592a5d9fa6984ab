"""The table of lessons and environments."""

import json

import pytest

from tools.run import matrix


@pytest.fixture
def outcomes(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "FOLDER", tmp_path / "matrix")

    def run(lesson, backend, kind, outcome, seconds=0.0):
        return dict(lesson=lesson, backend=backend, kind=kind, outcome=outcome, seconds=seconds)

    matrix.remember("newest", [run("00_a", "tensorflow", "sample", "passed", 12.4)])
    second = [run("00_a", "jax", "sample", "skipped"), run("01_b", "jax", "real", "failed", 3)]
    matrix.remember("tpu", second)
    return tmp_path


def test_a_row_a_lesson_and_a_column_an_environment(outcomes):
    lines = matrix.as_table(matrix.remembered())
    assert lines[0].split() == ["lesson", "newest", "tpu"]
    assert lines[1].split() == ["tensorflow", "jax"]
    assert lines[3].split() == ["00_a", "12", "s"]
    assert lines[4].split() == ["01_b", "FAILED"]


def test_what_was_left_out_is_told_from_what_was_never_tried(outcomes):
    both = [
        dict(lesson="00_a", backend="jax", kind="sample", outcome="skipped", seconds=0),
        dict(lesson="01_b", backend="jax", kind="sample", outcome="passed", seconds=1),
    ]
    assert [line.split()[1:] for line in matrix.as_table({"x": both})[3:]] == [["-"], ["1", "s"]]


def test_a_later_run_replaces_only_what_it_tried(outcomes):
    again = dict(lesson="01_b", backend="jax", kind="real", outcome="passed", seconds=4)
    matrix.remember("tpu", [again])
    found = {run["lesson"]: run["outcome"] for run in matrix.remembered()["tpu"]}
    assert found == {"00_a": "skipped", "01_b": "passed"}


def test_the_status_tells_of_a_failure_and_of_a_gap(outcomes, capsys):
    assert matrix.main() == 1
    told = capsys.readouterr().out
    assert "01_b never ran in newest" in told and "00_a never ran in tpu" in told
    for name in ("newest", "tpu"):
        passed = [
            dict(lesson=lesson, backend="jax", kind="sample", outcome="passed", seconds=1)
            for lesson in ("00_a", "01_b")
        ]
        path = outcomes / "matrix" / f"{name}.json"
        path.write_text(json.dumps(passed), encoding="utf-8")
    assert matrix.main() == 0
    told = capsys.readouterr().out
    assert "never ran" not in told and "COURSE_DATA_MIRROR named no mirror" in told


def test_without_outcomes_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match="make test"):
        matrix.main()
