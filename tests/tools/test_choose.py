"""Which notebooks run, and how many at a time."""

import types

import psutil
import pytest

from tools.run import choose


def test_names_numbers_paths_and_globs_select(tmp_path, monkeypatch):
    names = ["01_dense", "02_rnn", "02b_rnn", "10_dense"]
    sources = [tmp_path / f"{name}.ipynb" for name in names]
    (tmp_path / "elsewhere").mkdir()
    for path in (*sources, tmp_path / "elsewhere" / "01_dense.ipynb"):
        path.touch()
    monkeypatch.chdir(tmp_path)

    def chosen(*wanted):
        return [source.stem for source in choose.select(wanted, sources)]

    assert chosen() == names
    assert chosen("01") == chosen("1") == chosen("01_dense") == chosen("01_dense.ipynb")
    assert chosen("01") == ["01_dense"]
    assert chosen("10", "*rnn") == ["02_rnn", "02b_rnn", "10_dense"]
    assert chosen("02_rnn", "02") == ["02_rnn"]
    assert chosen("./02_rnn.ipynb") == chosen(str(tmp_path / "02_rnn.ipynb")) == ["02_rnn"]
    assert chosen(str(tmp_path / "*dense.ipynb")) == ["01_dense", "10_dense"]
    for nothing in ("3", "dense", str(tmp_path / "elsewhere" / "01_dense.ipynb")):
        with pytest.raises(choose.UsageError, match="No notebook matches"):
            chosen(nothing)


@pytest.mark.parametrize(
    ("gigabytes", "count", "jobs"), [(2, 5, 1), (4, 5, 1), (7, 5, 2), (100, 5, 4), (100, 1, 1)]
)
def test_no_more_at_a_time_than_memory_holds(monkeypatch, gigabytes, count, jobs):
    memory = types.SimpleNamespace(available=gigabytes * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(choose.runtime, "cores", lambda: 8)
    assert choose.default_jobs(count) == jobs
