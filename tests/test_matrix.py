"""The table of lessons and environments."""

import json

import pytest

from tools import matrix


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


def test_the_status_tells_of_a_failure(outcomes, capsys):
    assert matrix.main() == 1
    (outcomes / "matrix" / "tpu.json").write_text(json.dumps([]), encoding="utf-8")
    assert matrix.main() == 0
    assert "00_a" in capsys.readouterr().out


def test_without_outcomes_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match="make test"):
        matrix.main()
