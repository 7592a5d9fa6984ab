"""The runner of the notebooks: passes, failures, selection, results, deadline, and clean ends."""

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import ROOT

from tools.run import execute, execution, pages, report
from utils.processes import cleanup

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
display({
    "text/plain": "a claim",
    "application/vnd.course.claim+json": {
        "claim": "it learns", "holds": True, "seen": [0.3], "expected": "below 0.5", "margin": 0.4
    },
}, raw=True)
"""
FACTS = "import os, sys\nprint(sys.executable, os.getcwd(), os.environ['PYTHONUTF8'], sep='\\n')"
LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
open("child.pid", "w").write(str(child.pid))
"""
SLEEP = "import os, time\nopen('{}.pid', 'w').write(str(os.getpid()))\ntime.sleep(120)"


def write_notebook(folder, name, *cells, output=None):
    """Write a notebook with a title and these code cells, each saved with the output."""
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
    """Return the command line that runs the notebooks in folder/notebooks."""
    return [
        *(sys.executable, "-m", "tools.run.execute"),
        *("--notebooks", str(folder / "notebooks"), "--out", str(folder / "build")),
        *arguments,
    ]


def run(folder, *arguments, **variables):
    """Run the runner to its end."""
    return subprocess.run(
        command(folder, *arguments),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "150", **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}


def record_of(folder, name):
    """Return the record of one notebook in report.json."""
    content = json.loads((folder / "build" / "report.json").read_text(encoding="utf-8"))
    return next(record for record in content["notebooks"] if record["name"] == name)


def executed(folder, name):
    return nbformat.read(folder / "build" / "notebooks" / f"{name}.ipynb", as_version=4)


def page_of(folder, name):
    return (folder / "build" / "html" / f"{name}.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run over notebooks that pass, fail, lose their kernel, and cannot be read."""
    folder = tmp_path_factory.mktemp("run")
    notebooks = folder / "notebooks"
    write_notebook(notebooks, "01_pass", FACTS, RESULTS, LEAVES_A_CHILD)
    failing = (
        "print('before')",
        "x = 1\nraise ValueError('first line\\nsecond line')",
        "print('after')",
    )
    write_notebook(notebooks, "02_fail", *failing, output="saved long ago")
    write_notebook(notebooks, "03_dead", "import os", "print('last', flush=True)\nos._exit(3)")
    (notebooks / "04_unreadable.ipynb").write_text("{", encoding="utf-8")
    # A kernelspec called python3 that belongs to another environment.
    bogus = folder / "jupyter" / "kernels" / "python3"
    bogus.mkdir(parents=True)
    argv = ["no-such-python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Another", "language": "python"}
    (bogus / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    before = hashes(notebooks)
    result = run(folder, "--jobs", "2", JUPYTER_PATH=str(folder / "jupyter"))
    unchanged = {name: value for name, value in hashes(notebooks).items() if name in before}
    assert unchanged == before
    return folder, result


def test_one_failure_does_not_stop_the_others(finished):
    folder, result = finished
    assert result.returncode == 1, result.stdout + result.stderr
    status = dict(re.findall(r"^(0\d_\w+) +(\S+) +\d+ s", result.stdout, re.MULTILINE))
    names = ("01_pass", "02_fail", "03_dead", "04_unreadable")
    assert status == dict(zip(names, ("ok", "FAILED", "FAILED", "FAILED"), strict=True))
    assert "1 of 4 passed" in result.stdout
    index = (folder / "build" / "index.html").read_text(encoding="utf-8")
    for name in names:
        assert executed(folder, name) and page_of(folder, name)
        assert f'href="html/{name}.html"' in index


def test_failure_says_where_and_what(finished):
    folder, result = finished
    assert "02_fail: FAILED, cell 2 of 3, line 2\n    code:  raise ValueError(" in result.stdout
    assert "error: ValueError: first line second line" in result.stdout
    assert str(folder / "build" / "html" / "02_fail.html") in result.stdout
    page = page_of(folder, "02_fail")
    assert 'role="alert"' in page and "ValueError: first line second line" in page
    target = re.search(r'<a href="#(cell-id=[^"]+)">cell 2 of 3, line 2</a>', page)[1]
    assert f'id="{target}"' in page
    outputs = [cell.outputs for cell in executed(folder, "02_fail").cells[1:]]
    assert outputs[0][0].text == "before\n"
    assert outputs[1][0].ename == "ValueError"
    # What was saved in a cell that was not executed must not look like a result of this run.
    assert outputs[2] == []


def test_a_dead_kernel_is_a_failure_in_plain_words(finished):
    folder, result = finished
    assert "03_dead: FAILED, cell 2 of 2" in result.stdout
    assert "DeadKernelError: the kernel died (exit status 3)" in result.stdout
    page = page_of(folder, "03_dead")
    assert "the kernel died" in page and "last" in page


def test_kernel_is_this_interpreter_in_the_folder_of_the_notebooks(finished):
    folder, _ = finished
    interpreter, place, utf8 = executed(folder, "01_pass").cells[1].outputs[0].text.splitlines()
    assert Path(interpreter) == Path(sys.executable)
    assert Path(place).resolve() == (folder / "notebooks").resolve()
    assert utf8 == "1"


def test_what_a_notebook_started_ends_with_it(finished):
    folder, _ = finished
    pid = int((folder / "notebooks" / "child.pid").read_text(encoding="utf-8"))
    assert not psutil.pid_exists(pid) or not cleanup.is_alive(psutil.Process(pid))


def test_headline_results_and_sample_are_shown(finished):
    folder, result = finished
    assert re.search(r"01_pass +ok .* accuracy 98\.00% +SAMPLE: scikit-learn's", result.stdout)
    assert re.search(r"02_fail +FAILED .* s +- +-", result.stdout)
    record = record_of(folder, "01_pass")
    assert record["results"] == [{"name": "accuracy", "value": 0.98, "text": "98.00%"}]
    assert record["data"] == [{"text": "scikit-learn's digits", "sample": True}]
    index = (folder / "build" / "index.html").read_text(encoding="utf-8")
    assert "<b>98.00%</b>" in index
    assert "SAMPLE: scikit-learn&#39;s digits" in index


def test_the_claims_of_a_notebook_are_in_the_report_and_on_its_page(finished):
    folder, _ = finished
    assert [claim["claim"] for claim in record_of(folder, "01_pass")["claims"]] == ["it learns"]
    page = (folder / "build" / "claims.html").read_text(encoding="utf-8")
    assert "<td>it learns</td>" in page and "1 of 1 claims held" in " ".join(page.split())


def test_subset_keeps_the_other_pages(finished):
    folder, _ = finished
    html = folder / "build" / "html"
    untouched = hashes(html)
    old_run = record_of(folder, "02_fail")["run"]
    os.utime(html / "01_pass.html", (0, 0))
    # An ASCII-only console must not be able to stop the runner.
    result = run(folder, "01", PYTHONUTF8="0", PYTHONIOENCODING="ascii", COLUMNS="60")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 of 1 passed" in result.stdout and "02_fail" not in result.stdout
    table = result.stdout.split("\n\n")[1].splitlines()
    assert "01_pass" in "".join(table) and max(map(len, table)) <= 60
    assert (html / "01_pass.html").stat().st_mtime > 0
    del untouched["01_pass.html"]
    assert untouched.items() <= hashes(html).items()
    assert record_of(folder, "02_fail")["run"] == old_run != record_of(folder, "01_pass")["run"]
    rows = (folder / "build" / "index.html").read_text(encoding="utf-8").split("<tr>")[2:]
    assert ["earlier run" in row for row in rows] == [False, True, True, True]


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (["01_passs"], ["Did you mean: 01_pass?", "  03_dead"]),
        (["PASS"], ["Did you mean: 01_pass?"]),
        (["01", "--out", __file__], ["cannot be written", "--out FOLDER"]),
    ],
)
def test_a_wrong_command_line_is_a_clear_error(words, messages, finished, capsys):
    folder, _ = finished
    assert execute.main(command(folder)[3:5] + words) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and all(message in captured.err for message in messages)


READ = {
    "mark": b"\xef\xbb\xbf" + nbformat.writes(nbformat.v4.new_notebook()).encode(),
    "text_with_outputs": b"""{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": [], "outputs": []},
        {"cell_type": "code", "metadata": {}, "source": ["6 * 7"], "outputs": []}]}""",
    "old": b"""{"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"}, "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "code", "language": "python", "metadata": {},
        "collapsed": false, "input": ["6 * 7"], "outputs": []}]}]}""",
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_the_grader_can_read_is_read(content, tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    cells = execution.read(path).cells
    assert cells == [] or cells[-1].source == "6 * 7"


def test_what_cannot_be_read_is_described_as_the_lint_does(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_bytes(b'{"cells": [\n<<<<<<< HEAD\n')
    with pytest.raises(ValueError, match=r"^a\.ipynb: .*merge conflict \(line 2\)"):
        execution.read(path)


def test_deadline_ends_a_notebook_and_keeps_what_it_did(tmp_path):
    cell = "import time\nprint('reached', flush=True)\ntime.sleep(120)"
    write_notebook(tmp_path / "notebooks", "01_slow", cell)
    started = time.monotonic()
    result = run(tmp_path, "--deadline", "0.1")
    assert time.monotonic() - started < 60
    assert result.returncode == 1
    assert re.search(r"^01_slow +DEADLINE", result.stdout, re.MULTILINE)
    assert "not finished after 0.1 min" in result.stdout
    assert "Deadline: not finished after 0.1 min" in page_of(tmp_path, "01_slow")
    assert executed(tmp_path, "01_slow").cells[1].outputs[0].text == "reached\n"


def until(condition, seconds):
    """Wait until the condition holds; fail if it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} seconds"
        time.sleep(0.05)


@POSIX_ONLY
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_leaves_nothing_running(tmp_path, number):
    (tmp_path / "temporary").mkdir()
    for name in ("01_a", "02_b", "03_c"):
        write_notebook(tmp_path / "notebooks", name, SLEEP.format(name))
    runner = subprocess.Popen(
        command(tmp_path, "--jobs", "2"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    pids = [tmp_path / "notebooks" / f"{name}.pid" for name in ("01_a", "02_b")]
    until(lambda: all(path.exists() and path.read_text("utf-8") for path in pids), seconds=60)
    family = psutil.Process(runner.pid).children(recursive=True)
    assert {int(path.read_text("utf-8")) for path in pids} <= {process.pid for process in family}
    runner.send_signal(number)
    output, _ = runner.communicate(timeout=90)
    until(lambda: not any(map(cleanup.is_alive, family)), 15 if number == signal.SIGKILL else 0.1)
    if number != signal.SIGKILL:
        assert runner.returncode == 128 + number
        assert f"{number.name}: stopping 2 notebook(s)" in output
        rows = re.findall(r"^(0\d_\w) +(interrupted|not run) ", output, re.MULTILINE)
        assert rows == [("01_a", "interrupted"), ("02_b", "interrupted"), ("03_c", "not run")]
        assert list((tmp_path / "temporary").rglob("*")) == []


def test_log_gets_a_sign_of_life_now_and_then():
    seconds = iter(range(200))
    progress = report.Progress(report.console(file=io.StringIO()), lambda: next(seconds))
    for _ in range(65):
        progress.update([("01_a", "cell 2 of 7", "9 s")], waiting=1)
    line = "still running: 01_a  cell 2 of 7  9 s (1 waiting)"
    assert progress.console.file.getvalue().splitlines() == [line, line]


def test_terminal_has_a_live_line_for_each_notebook(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    console = report.console(file=io.StringIO(), force_terminal=True, width=60)
    with report.Progress(console) as progress:
        progress.update([("01_a", "cell 2 of 7", "3 s"), ("02_b", "starting", "1 s")], waiting=0)
        progress.live.refresh()
        assert re.search(r"01_a +cell 2 of 7 +3 s *\n02_b +starting", console.file.getvalue())
        progress.say("done " + 100 * "x")
    assert re.search(r"done x+…\n", console.file.getvalue())


@pytest.mark.parametrize("width", [70, 90, 200])
def test_table_fits_the_width(width):
    record = {
        "name": "01_name",
        "status": "ok",
        "seconds": 119.7,
        "results": [{"name": "a long name of a result", "value": 1, "text": "1"}] * 3,
        "data": [{"text": "MNIST, from the cache", "sample": False}],
    }
    console = report.console(file=io.StringIO(), width=width)
    console.print(report.table([record]))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "01_name" in lines[2] and "2:00 min" in lines[2]
    # Nothing is cut: what is too wide goes on below.
    assert " ".join(lines).split().count("result") == 3


def test_pages_carry_the_figures_alternative_texts(tmp_path):
    def figure(data, **metadata):
        bundle = {"image/png": data, "text/plain": "a figure"}
        return nbformat.v4.new_output("display_data", bundle, metadata=metadata)

    alt = {"image/png": {"alt": 'A "rising" line'}}
    outputs = [figure("AAAA\nBBBB\n", **alt), figure("CCCC\n")]
    cell = nbformat.v4.new_code_cell("plot()", outputs=outputs)
    for folder, _ in pages.FOLDERS.values():
        (tmp_path / folder).mkdir()
    pages.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb", tmp_path)
    page = (tmp_path / "html" / "a.html").read_text(encoding="utf-8")
    assert page.count("A &quot;rising&quot; line") == 1
    assert "CCCC" in page
