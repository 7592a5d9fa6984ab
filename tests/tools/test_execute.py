"""The runner of the notebooks: passes, failures, selection, results, deadline, and clean ends."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import nbformat
import psutil
import pytest

from tools.run import execute, report, worker

ROOT = Path(__file__).resolve().parents[2]
POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
RESULTS = """
from IPython.display import display
display({
    "text/plain": "a table",
    "application/vnd.course.results+json": {
        "results": [{"name": "accuracy", "value": 0.98, "text": "98.00%"}],
        "data": [{"text": "scikit-learn's digits", "sample": True}],
    },
}, raw=True)
"""
FACTS = """
import os, sys
print("interpreter", sys.executable)
print("folder", os.getcwd())
print("variables", os.environ["PYTHONUTF8"], os.environ["PYDEVD_DISABLE_FILE_VALIDATION"])
"""
# On Windows a virtual environment's Python is a process between the worker and the kernel.
KILL_WORKER = """
import psutil, time
for process in psutil.Process().parents():
    if "tools.run.worker" in process.cmdline():
        process.kill()
time.sleep(120)
"""
SLEEP = "open(f'{name}.pid', 'w').write(str(os.getpid())); time.sleep(120)"


def write_notebook(folder, name, *cells, output=None):
    """A notebook with a title and these code cells, each saved with the output."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# {name}")])
    # As in notebooks that people save; the runner must start its own interpreter all the same.
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    for source in cells:
        cell = nbformat.v4.new_code_cell(source)
        if output:
            cell.outputs = [nbformat.v4.new_output("stream", text=output)]
        notebook.cells.append(cell)
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def command(folder, *arguments):
    """The command line that runs the notebooks in folder/notebooks."""
    return [
        *(sys.executable, "-m", "tools.run.execute"),
        *("--notebooks", str(folder / "notebooks"), "--out", str(folder / "build")),
        *arguments,
    ]


def run(folder, *arguments, **variables):
    """Runs the runner to its end."""
    return subprocess.run(
        command(folder, *arguments),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "150", **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def hashes(folder):
    """What the files of a folder contain, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}


def record_of(folder, name):
    """The record of one notebook in report.json."""
    content = json.loads((folder / "build" / "report.json").read_text(encoding="utf-8"))
    return next(record for record in content["notebooks"] if record["name"] == name)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run over notebooks that pass, fail, lose their kernel and lose their worker."""
    folder = tmp_path_factory.mktemp("run")
    notebooks = folder / "notebooks"
    write_notebook(notebooks, "01_pass", FACTS, RESULTS)
    failing = (
        "print('before')",
        "x = 1\nraise ValueError('first line\\nsecond line')",
        "print('after')",
    )
    write_notebook(notebooks, "02_fail", *failing, output="saved long ago")
    write_notebook(
        notebooks, "03_dead_kernel", "import os", "print('last', flush=True)\nos._exit(3)"
    )
    write_notebook(notebooks, "04_dead_worker", "print('done')", KILL_WORKER)
    # A kernelspec called python3 that belongs to another environment.
    bogus = folder / "jupyter" / "kernels" / "python3"
    bogus.mkdir(parents=True)
    argv = ["no-such-python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Another", "language": "python"}
    (bogus / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    before = hashes(notebooks)
    result = run(folder, "--jobs", "2", JUPYTER_PATH=str(folder / "jupyter"))
    return folder, before, result


def test_one_failure_does_not_stop_the_others(finished):
    folder, _, result = finished
    assert result.returncode == 1, result.stdout + result.stderr
    table = dict(re.findall(r"^(0\d_\w+) +(\S+) +\d+ s", result.stdout, re.MULTILINE))
    assert table == {
        "01_pass": "ok",
        "02_fail": "FAILED",
        "03_dead_kernel": "FAILED",
        "04_dead_worker": "FAILED",
    }
    assert "1 of 4 passed" in result.stdout
    index = (folder / "build" / "index.html").read_text(encoding="utf-8")
    for name in table:
        assert (folder / "build" / "notebooks" / f"{name}.ipynb").is_file()
        assert (folder / "build" / "html" / f"{name}.html").is_file()
        assert f'href="html/{name}.html"' in index


def test_failure_says_where_and_what(finished):
    folder, _, result = finished
    assert "02_fail: FAILED, cell 2 of 3, line 2\n    code:  raise ValueError(" in result.stdout
    assert "error: ValueError: first line second line" in result.stdout
    assert str(folder / "build" / "html" / "02_fail.html") in result.stdout
    page = (folder / "build" / "html" / "02_fail.html").read_text(encoding="utf-8")
    assert 'role="alert"' in page and "ValueError: first line second line" in page
    target = re.search(r'<a href="#(cell-id=[^"]+)">cell 2 of 3, line 2</a>', page)[1]
    assert f'id="{target}"' in page
    executed = nbformat.read(folder / "build" / "notebooks" / "02_fail.ipynb", as_version=4)
    outputs = [cell.outputs for cell in executed.cells if cell.cell_type == "code"]
    assert outputs[0][0].text == "before\n"
    assert outputs[1][0].ename == "ValueError"
    # What was saved in a cell that was not executed must not look like a result of this run.
    assert outputs[2] == []


def test_dead_kernel_and_dead_worker_are_failures_in_plain_words(finished):
    folder, _, result = finished
    assert "03_dead_kernel: FAILED, cell 2 of 2" in result.stdout
    assert "DeadKernelError: the kernel died (exit status 3)" in result.stdout
    page = (folder / "build" / "html" / "03_dead_kernel.html").read_text(encoding="utf-8")
    assert "the kernel died" in page and "last" in page
    assert "04_dead_worker: FAILED, cell 2 of 2" in result.stdout
    assert "the process that executes the notebook died" in result.stdout
    # What it executed before it died has been kept.
    executed = nbformat.read(folder / "build" / "notebooks" / "04_dead_worker.ipynb", as_version=4)
    assert executed.cells[1].outputs[0].text == "done\n"
    page = (folder / "build" / "html" / "04_dead_worker.html").read_text(encoding="utf-8")
    assert "the process that executes the notebook died" in page


def test_kernel_is_this_interpreter_in_the_folder_of_the_notebooks(finished):
    folder, _, _ = finished
    executed = nbformat.read(folder / "build" / "notebooks" / "01_pass.ipynb", as_version=4)
    said = dict(line.split(" ", 1) for line in executed.cells[1].outputs[0].text.splitlines())
    assert Path(said["interpreter"]) == Path(sys.executable)
    assert Path(said["folder"]).resolve() == (folder / "notebooks").resolve()
    assert said["variables"] == "1 1"


def test_headline_results_and_sample_are_shown(finished):
    folder, _, result = finished
    row = next(line for line in result.stdout.splitlines() if re.match(r"01_pass +ok", line))
    assert re.search(r"accuracy 98\.00% +SAMPLE: scikit-learn's digits$", row)
    row = next(line for line in result.stdout.splitlines() if re.match(r"02_fail +FAILED", line))
    assert re.search(r" s +- +-$", row)
    record = record_of(folder, "01_pass")
    assert record["results"] == [{"name": "accuracy", "value": 0.98, "text": "98.00%"}]
    assert record["data"] == [{"text": "scikit-learn's digits", "sample": True}]
    index = (folder / "build" / "index.html").read_text(encoding="utf-8")
    assert "<b>98.00%</b>" in index
    assert "SAMPLE: scikit-learn&#x27;s digits" in index


def test_sources_are_unchanged(finished):
    folder, before, _ = finished
    assert hashes(folder / "notebooks") == before


def test_subset_keeps_the_other_pages(finished):
    folder, _, _ = finished
    pages = folder / "build" / "html"
    untouched = hashes(pages)
    old_run = record_of(folder, "02_fail")["run"]
    os.utime(pages / "01_pass.html", (0, 0))
    # An ASCII-only console must not be able to stop the runner.
    result = run(folder, "01", PYTHONUTF8="0", PYTHONIOENCODING="ascii", COLUMNS="60")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 of 1 passed" in result.stdout and "02_fail" not in result.stdout
    table = result.stdout.split("\n\n")[1].splitlines()
    assert table[2].startswith("01_pass") and max(map(len, table)) <= 60
    assert (pages / "01_pass.html").stat().st_mtime > 0
    del untouched["01_pass.html"]
    assert untouched.items() <= hashes(pages).items()
    assert record_of(folder, "02_fail")["run"] == old_run != record_of(folder, "01_pass")["run"]
    rows = (folder / "build" / "index.html").read_text(encoding="utf-8").split("<tr>")[2:]
    assert ["earlier run" in row for row in rows] == [False, True, True, True]


def test_unknown_name_is_a_clear_error(finished):
    folder, _, _ = finished
    result = run(folder, "01_passs")
    assert result.returncode == 2
    assert "No notebook matches '01_passs'" in result.stderr
    assert "Did you mean: 01_pass?" in result.stderr
    assert "  04_dead_worker" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_output_folder_that_cannot_be_written_is_a_clear_error(finished, tmp_path):
    folder, _, _ = finished
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(mode=0o555)
    places = [tmp_path / "file", tmp_path / "file" / "build", tmp_path / "closed"]
    for out in places if not os.access(tmp_path / "closed", os.W_OK) else places[:2]:
        result = run(folder, "01", "--out", str(out))
        assert result.returncode == 2 and result.stdout == ""
        assert f"{out} cannot be written" in result.stderr and "--out FOLDER" in result.stderr
        assert "Traceback" not in result.stderr


def test_names_numbers_paths_and_globs_select(tmp_path, monkeypatch):
    names = ["01_dense", "02_rnn", "02b_rnn", "10_dense"]
    for name in names:
        (tmp_path / f"{name}.ipynb").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "01_dense.ipynb").touch()
    sources = [tmp_path / f"{name}.ipynb" for name in names]
    monkeypatch.chdir(tmp_path)

    def chosen(*wanted):
        return [source.stem for source in execute.select(wanted, sources)]

    assert chosen() == names
    assert chosen("01") == chosen("1") == chosen("01_dense") == chosen("01_dense.ipynb")
    assert chosen("01") == ["01_dense"]
    assert chosen("10", "*rnn") == ["02_rnn", "02b_rnn", "10_dense"]
    assert chosen("02_rnn", "02") == ["02_rnn"]
    assert chosen("./02_rnn.ipynb") == chosen(str(tmp_path / "02_rnn.ipynb")) == ["02_rnn"]
    assert chosen(str(tmp_path / "*dense.ipynb")) == ["01_dense", "10_dense"]
    for nothing in ("3", "dense", str(tmp_path / "elsewhere" / "01_dense.ipynb")):
        with pytest.raises(execute.UsageError, match="No notebook matches"):
            chosen(nothing)


READ = {
    "mark": b"\xef\xbb\xbf" + nbformat.writes(nbformat.v4.new_notebook()).encode(),
    "text_with_outputs": b"""{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": [], "outputs": []},
        {"cell_type": "code", "metadata": {}, "source": ["6 * 7"], "outputs": []}]}""",
    "old": b"""{"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"}, "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "code", "language": "python", "metadata": {},
        "collapsed": false, "input": ["6 * 7"], "outputs": []}]}]}""",
}
NOT_READ = {
    "empty": (b"", "is empty"),
    "conflict": (b'{"cells": [\n<<<<<<< HEAD\n', "merge conflict (line 2)"),
    "latin1": ('{"a": "é"}'.encode("latin-1"), "is not UTF-8"),
    "list": (b"[]", "format 4"),
    "cell_without_text": (
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
        "cell 0 lacks its type or text",
    ),
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_the_grader_can_read_is_read(content, tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    cells = worker.read(path).cells
    assert cells == [] or cells[-1].source == "6 * 7"


@pytest.mark.parametrize(("content", "words"), NOT_READ.values(), ids=NOT_READ)
def test_what_cannot_be_read_is_told_as_the_lint_tells_it(content, words, tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="^" + re.escape("a.ipynb: ")) as raised:
        worker.read(path)
    assert words in str(raised.value)


def test_deadline_ends_a_notebook_and_keeps_what_it_did(tmp_path):
    cell = "import time\nprint('reached', flush=True)\ntime.sleep(120)"
    write_notebook(tmp_path / "notebooks", "01_slow", cell)
    started = time.monotonic()
    result = run(tmp_path, "--deadline", "0.1")
    assert time.monotonic() - started < 60
    assert result.returncode == 1
    assert re.search(r"^01_slow +DEADLINE", result.stdout, re.MULTILINE)
    assert "not finished after 0.1 min" in result.stdout
    page = (tmp_path / "build" / "html" / "01_slow.html").read_text(encoding="utf-8")
    assert "Deadline: not finished after 0.1 min" in page
    executed = nbformat.read(tmp_path / "build" / "notebooks" / "01_slow.ipynb", as_version=4)
    assert executed.cells[1].outputs[0].text == "reached\n"


def start_two_sleepers(folder):
    """Starts the runner; returns it, and its processes once two kernels sleep in a cell.

    Its temporary files are put into the folder `temporary` there.
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    for name in ("01_a", "02_b", "03_c"):
        cells = ("import os, time", f"name = '{name}'\n{SLEEP}")
        write_notebook(folder / "notebooks", name, *cells)
    runner = subprocess.Popen(
        command(folder, "--jobs", "2"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    pids = [folder / "notebooks" / f"{name}.pid" for name in ("01_a", "02_b")]
    until(lambda: all(path.exists() and path.read_text("utf-8") for path in pids), seconds=60)
    family = psutil.Process(runner.pid).children(recursive=True)
    kernels = {int(path.read_text("utf-8")) for path in pids}
    assert kernels < {process.pid for process in family}
    assert len(family) >= 4  # two workers and two kernels
    return runner, family


def until(condition, seconds):
    """Waits until the condition holds; fails if it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} seconds"
        time.sleep(0.05)


def is_over(process):
    """Whether a process has ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@POSIX_ONLY
@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_leaves_nothing_running(tmp_path, number, status):
    runner, family = start_two_sleepers(tmp_path)
    runner.send_signal(number)
    output, _ = runner.communicate(timeout=30)
    assert [process for process in family if not is_over(process)] == []
    assert runner.returncode == status
    assert f"{signal.Signals(number).name}: stopping 2 notebook(s)" in output
    rows = re.findall(r"^(0\d_\w) +(interrupted|not run) ", output, re.MULTILINE)
    assert rows == [("01_a", "interrupted"), ("02_b", "interrupted"), ("03_c", "not run")]
    assert list((tmp_path / "temporary").rglob("*")) == []


@POSIX_ONLY
def test_nothing_survives_a_runner_that_is_killed(tmp_path):
    runner, family = start_two_sleepers(tmp_path)
    runner.kill()
    runner.communicate()
    until(lambda: all(is_over(process) for process in family), seconds=15)
    assert list((tmp_path / "temporary").rglob("*")) == []


class Clock:
    """A clock that stands still until it is set."""

    seconds = 0

    def __call__(self):
        return self.seconds


def test_log_gets_a_sign_of_life_now_and_then(capsys):
    clock = Clock()
    progress = report.Progress(sys.stdout, live=False, clock=clock)
    for clock.seconds in range(100):
        progress.update([("01_a", 2, 7, clock.seconds)], waiting=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "still running: 01_a  cell 2 of 7  30 s (1 waiting)",
        "still running: 01_a  cell 2 of 7  1:00 min (1 waiting)",
        "still running: 01_a  cell 2 of 7  1:30 min (1 waiting)",
    ]


def test_terminal_has_one_live_line_for_each_notebook(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    progress = report.Progress(sys.stdout, live=True)
    progress.update([("01_a", 2, 7, 3), ("02_with_a_very_long_name_indeed", 0, 0, 1)], waiting=0)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "01_a  cell 2 of 7  3 s"
    assert len(second) <= 29 and second.endswith("…")
    progress.say("done")
    assert capsys.readouterr().out == "\x1b[2A\x1b[Jdone\n"


def test_table_fits_the_width():
    record = {
        "name": "01_name",
        "status": "ok",
        "seconds": 119.7,
        "results": [{"name": "a long name of a result", "value": 1, "text": "1"}] * 3,
        "data": [{"text": "MNIST, from the cache", "sample": False}],
    }
    for width in (70, 90, 200):
        lines = report.table([record], width)
        assert max(map(len, lines)) <= width
        assert "01_name" in lines[2] and "2:00 min" in lines[2]
        # Nothing is cut: what is too wide goes on below.
        assert " ".join(lines).split().count("result") == 3
    assert "MNIST, from the cache" in report.table([record], 200)[2]


@pytest.mark.parametrize(
    ("gigabytes", "count", "jobs"), [(2, 5, 1), (4, 5, 1), (7, 5, 2), (100, 5, 4), (100, 1, 1)]
)
def test_no_more_at_a_time_than_memory_holds(monkeypatch, gigabytes, count, jobs):
    memory = types.SimpleNamespace(available=gigabytes * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(8), raising=False)
    assert execute.default_jobs(count) == jobs


def test_pages_carry_the_figures_alternative_texts():
    def figure(data, **metadata):
        bundle = {"image/png": data, "text/plain": "a figure"}
        return nbformat.v4.new_output("display_data", bundle, metadata=metadata)

    told = {"image/png": {"alt": 'A "rising" line'}}
    outputs = [figure("AAAA\nBBBB\n", **told), figure("CCCC\n")]
    cell = nbformat.v4.new_code_cell("plot()", outputs=outputs)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    page, _ = worker.HTMLExporter(template_name="lab").from_notebook_node(notebook)
    page = worker.with_descriptions(page, notebook)
    assert page.count("A &quot;rising&quot; line") == 1
    assert "CCCC" in page
