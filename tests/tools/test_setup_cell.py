"""The setup cell, run as a student runs it: from anywhere, or alone as in Colab."""

import io
import os
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import ROOT

from tools.authoring import address

REPOSITORY, REF = "ada/deep-learning-in-practice", "v1.0"


# What the cell runs at its end chooses a backend and loads it, which takes half a minute.
SHORTENED = """import runpy
def run_path(path):
    source = open(path, encoding="utf-8").read()
    assert "runtime.prepare()" in source
    source = source.replace("runtime.prepare()", "runtime.choose_backend()")
    exec(compile(source, path, "exec"), {"__file__": path, "__name__": "start"})
runpy.run_path = run_path
"""


def run_cell(folder, source=None, before="", **variables):
    """Run the setup cell in a fresh Python that works in that folder."""
    source = source or address.setup_cell(REPOSITORY, REF)
    environment = dict(os.environ)
    environment.pop("PYTHONPATH", None)
    environment |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONUTF8": "1", **variables}
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"{SHORTENED}{before}\n{source}\nimport utils; print(utils.__file__)",
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("folder", [".", "notebooks/homework"])
def test_it_finds_the_course_from_anywhere_inside(folder):
    done = run_cell(ROOT / folder)
    assert done.returncode == 0, done.stderr
    assert os.path.samefile(done.stdout.strip(), ROOT / "utils" / "__init__.py")


def test_another_package_called_utils_is_told(tmp_path):
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "__init__.py").write_text("", encoding="utf-8")
    before = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import utils"
    done = run_cell(ROOT / "notebooks", before=before)
    assert done.returncode != 0
    assert "another package called utils" in done.stderr and "Restart" in done.stderr
    assert str(tmp_path) in done.stderr


def test_another_utils_on_the_path_loses_when_not_imported_yet(tmp_path):
    (tmp_path / "utils.py").write_text("", encoding="utf-8")
    done = run_cell(ROOT / "notebooks", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def archive_server():
    """A loopback server in GitHub's place: `answers` maps a path to its status and body."""
    answers, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, body, *promised = answers.get(self.path, (404, b"not here"))
            self.send_response(status)
            self.send_header("Content-Length", str(*promised or [len(body)]))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    source = address.setup_cell(REPOSITORY, REF).replace("https://github.com", base)
    yield answers, asked, source
    server.shutdown()
    server.server_close()


def archive():
    """The course as GitHub packs it: one folder, named after repository and ref."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        zipped.mkdir("deep-learning-in-practice-1.0")
        for path in [*sorted((ROOT / "utils").rglob("*.py")), *(ROOT / "data").glob("*.*")]:
            place = path.relative_to(ROOT).as_posix()
            zipped.write(path, f"deep-learning-in-practice-1.0/{place}")
        zipped.write(ROOT / "requirements.txt", "deep-learning-in-practice-1.0/requirements.txt")
    return content.getvalue()


def test_alone_it_fetches_the_course_once(archive_server, tmp_path):
    answers, asked, source = archive_server
    tmp_path = tmp_path / "Übung 1"
    tmp_path.mkdir()
    path = f"/{REPOSITORY}/archive/{REF}.zip"
    answers[path] = (200, archive())
    for _ in range(2):
        done = run_cell(tmp_path, source)
        assert done.returncode == 0, done.stderr
        fetched = tmp_path / "course" / "utils" / "__init__.py"
        assert os.path.samefile(done.stdout.splitlines()[-1], fetched)
    assert asked == [path]
    assert [path.name for path in tmp_path.iterdir()] == ["course"]


def test_it_overwrites_nothing(archive_server, tmp_path):
    """Neither a copy that somebody unpacked here and works in, nor another folder `course`."""
    answers, _, source = archive_server
    answers[f"/{REPOSITORY}/archive/{REF}.zip"] = (200, archive())
    own = tmp_path / "deep-learning-in-practice-1.0" / "requirements.txt"
    other = tmp_path / "course" / "exam.md"
    for path in (own, other):
        path.parent.mkdir()
        path.write_text("mine", encoding="utf-8")
    done = run_cell(tmp_path, source)
    assert done.returncode != 0
    assert str(other.parent) in done.stderr and "Old folder course?" in done.stderr
    assert own.read_text(encoding="utf-8") == other.read_text(encoding="utf-8") == "mine"
    other.unlink()
    other.parent.rmdir()
    assert run_cell(tmp_path, source).returncode == 0
    assert own.read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["course", own.parent.name]


PAGE, CUT, BROKEN = b"a page, no archive", archive()[:4000], (200, b"half", 9000)


@pytest.mark.parametrize("answer", [None, (200, PAGE), (200, CUT), BROKEN])
def test_when_fetching_fails_it_says_what_to_do(archive_server, tmp_path, answer):
    answers, _, source = archive_server
    if answer:
        answers[f"/{REPOSITORY}/archive/{REF}.zip"] = answer
    done = run_cell(tmp_path, source)
    assert done.returncode != 0
    assert "Placeholder in" in done.stderr and "During handling" not in done.stderr
    assert f"{REPOSITORY}/archive/{REF}.zip? Internet off?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_network_it_says_so(tmp_path):
    source = address.setup_cell(REPOSITORY, REF).replace("github.com", "github.invalid")
    done = run_cell(tmp_path, source)
    assert "Internet off?" in done.stderr and "During handling" not in done.stderr


def test_it_is_short():
    lines = [line for line in address.setup_cell(REPOSITORY, REF).splitlines() if line.strip()]
    assert len(lines) <= 12
