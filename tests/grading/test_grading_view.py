"""What submissions are shown of the machine, what is covered, and what the teacher is told."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest
from conftest import ROOT
from test_grading_isolation import value_after

from grading.sandbox import bubblewrap, view
from grading.sandbox.inside import readable


@pytest.fixture
def class_below_python():
    """A folder below Python's own, which every submission sees."""
    try:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="class-", dir=sys.prefix))
    except OSError as error:
        pytest.skip(f"nothing can be put beside Python here: {error}")
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_the_class_is_hidden_wherever_it_lies(bwrap, class_below_python):
    submissions, results = class_below_python / "submissions", class_below_python / "results"
    assignment = class_below_python / "private.ipynb"
    (submissions / "ana").mkdir(parents=True)
    results.mkdir()
    (submissions / "ana" / "hw.ipynb").write_text("ana's")
    (results / "grades.csv").write_text("grades")
    assignment.write_text("the hidden tests")
    code = f"""
import pathlib
paths = pathlib.Path({str(class_below_python)!r}).rglob("*")
seen = " ".join(path.read_text() for path in paths if path.is_file()).strip() or "nothing"
"""
    hidden = bubblewrap.choose(unsafe=True, hidden=[submissions, results, assignment])
    assert "ana's" in value_after(code, "seen", bwrap)  # as it is without
    assert value_after(code, "seen", hidden) == "nothing"


def test_python_below_a_covered_checkout_is_still_shown(tmp_path, monkeypatch):
    """As where the course lies in /usr/local, with its environment in it."""
    course = tmp_path / "local" / "course"
    python = course / "environments" / "one"
    python.mkdir(parents=True)
    shown = {str(tmp_path): str(tmp_path), str(python): str(python)}
    monkeypatch.setattr(view, "ROOT", course)
    monkeypatch.setattr(view, "shown_places", lambda: shown)
    words = view.arguments()
    covers = words.index(str(course))
    assert words[covers - 1] == "--tmpfs"
    assert words.index(str(python)) > covers
    assert words[words.index("--remount-ro") + 1] == str(course)


def test_a_link_to_the_class_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    covered = view.covered({"/opt/python": str(tmp_path)}, [tmp_path / "link", tmp_path / "gone"])
    assert covered["/opt/python/real"] == tmp_path / "real"
    assert not any("gone" in place for place in covered)


def test_a_private_data_folder_is_shown_by_its_contents(tmp_path, monkeypatch):
    """Root alone may list what `mktemp -d` makes; the class can lie among the data."""
    for name in ("data", "submissions"):
        (tmp_path / name).mkdir()
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    words = view.arguments(hidden=[tmp_path / "submissions"])
    assert str(tmp_path / "data") in words and str(tmp_path) not in words
    assert str(tmp_path / "submissions") not in words
    assert words[words.index("/run/course-cache/submissions") - 1] == "--tmpfs"
    tmp_path.chmod(0o755)
    assert str(tmp_path) in view.arguments()


def test_no_home_is_shown_whole(monkeypatch):
    """With sudo, HOME is root's, but Python may lie in the bin of somebody else's home."""
    import pwd

    somebody = next((entry for entry in pwd.getpwall() if entry.pw_uid), None)
    if somebody is None:
        pytest.skip("there is nobody but root")
    monkeypatch.setattr(sys, "executable", f"{somebody.pw_dir}/bin/python3")
    monkeypatch.setenv("HOME", "/root")
    assert somebody.pw_dir not in view.python_folders()


def test_what_may_not_be_read_is_found(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "private.csv").write_text("1,2")
    monkeypatch.setattr(sys, "path", [])
    assert readable.unreadable([str(tmp_path)]) is None
    monkeypatch.setattr(os, "access", lambda path, need: "private" not in str(path))
    assert pathlib.Path(readable.unreadable([str(tmp_path)])).name == "private.csv"


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is Linux's")
@pytest.mark.parametrize(
    ("python", "ends", "says"),
    [
        (None, None, "apt install bubblewrap"),
        ("/tmp/environment", (0, ""), "is in /tmp"),
        (os.path.realpath(ROOT), (0, ""), "a folder of its own"),
        ("/opt/python", (77, "/data/private.csv"), "/data/private.csv"),
        ("/opt/python", (1, "Creating new namespace failed"), "new namespace failed"),
    ],
)
def test_why_bubblewrap_does_not_work_is_said(python, ends, says, tmp_path, monkeypatch):
    program = tmp_path / "bwrap"
    if ends:
        program.write_text(f"#!/bin/sh\necho '{ends[1]}' >&2\nexit {ends[0]}\n")
        program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program) if ends else None)
    monkeypatch.setattr(view, "python_folders", lambda: [python])
    bubblewrap._bubblewrap.cache_clear()
    try:
        with pytest.raises(bubblewrap.NotIsolatedError, match="--unsafe") as caught:
            bubblewrap.choose()
        sandbox = bubblewrap.choose(unsafe=True)
    finally:
        bubblewrap._bubblewrap.cache_clear()
    assert not sandbox.is_isolated and says in sandbox.problem and says in str(caught.value)
    assert ("apt install" in sandbox.problem) == (ends is None)
