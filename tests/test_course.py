"""The front door, course.py and make: the right Python, the right words, nothing done twice."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

import course


def test_help_lists_every_command_and_both_ways_agree():
    script = subprocess.run(
        [sys.executable, "course.py", "help"], cwd=ROOT, capture_output=True, text=True
    )
    assert script.returncode == 0
    for name in course.COMMAND_FUNCTIONS:
        assert f"\n  {name} " in script.stdout
    if shutil.which("make"):
        command = ["make", "--no-print-directory", f"PYTHON={sys.executable}"]
        by_make = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert by_make.stdout == script.stdout


def test_every_command_is_a_target_of_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {word for line in makefile.splitlines() if ":" in line for word in line.split()}
    for name, _ in course.COMMANDS:
        assert name in targets or f"{name}:" in targets


def test_a_mistyped_command_is_told():
    done = subprocess.run(
        [sys.executable, "course.py", "rum"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and "invalid choice: 'rum'" in done.stderr


def test_a_python_that_is_too_old_or_new_is_passed_over(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    tried = []

    def answers(command, name):
        tried.append(command[0])
        return command == ["python3.12"]

    monkeypatch.setattr(course, "answers", answers)
    assert course.find_python() == "python3.12"
    assert tried[0] == "python3.13"


def test_a_command_that_is_there_but_does_not_start_does_not_count(tmp_path):
    broken = tmp_path / "python3.13"
    broken.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    broken.chmod(0o755)
    assert course.answers([str(broken)], "3.13") is False
    assert course.answers([str(tmp_path / "absent")], "3.13") is False
    own = "{}.{}".format(*sys.version_info[:2])
    assert course.answers([sys.executable], own) is True
    assert course.answers([sys.executable], "3.99") is False


def test_without_any_python_it_says_which_to_install(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(course, "answers", lambda command, name: False)
    with pytest.raises(course.Stop, match=r"3\.13 or 3\.12 or 3\.11.*python\.org.*conda"):
        course.find_python()


@pytest.fixture
def pretended(monkeypatch, tmp_path):
    """course.py in a folder of its own, with installations written down instead of done."""
    (tmp_path / "constraints").mkdir()
    lists = [f"requirements{part}.txt" for part in ("", "-dev", "-site")]
    for name in [*lists, course.NEWEST]:
        (tmp_path / name).write_text("numpy\n", encoding="utf-8")
    installed = []

    def create(python, folder):
        os.makedirs(folder)

    monkeypatch.setattr(course, "HERE", str(tmp_path))
    monkeypatch.setattr(course, "find_python", lambda: sys.executable)
    monkeypatch.setattr(course, "works", lambda python: (tmp_path / ".venv").is_dir())
    monkeypatch.setattr(course, "create", create)
    monkeypatch.setattr(course, "install", lambda *arguments: installed.append(arguments[1]))
    return tmp_path, installed


def make(root, development=False, site=False):
    place = str(root / ".venv")
    return course.make_environment(place, None, course.NEWEST, development, site=site)


def test_the_environment_is_made_once_and_again_when_the_requirements_change(pretended):
    root, installed = pretended
    make(root)
    make(root)
    assert installed == [["requirements.txt", course.NEWEST]]
    make(root, development=True)
    make(root)
    assert len(installed) == 2
    (root / "requirements.txt").write_text("numpy\npandas\n", encoding="utf-8")
    make(root)
    assert len(installed) == 3


def test_what_the_site_needs_is_installed_with_it_or_for_development(pretended):
    root, installed = pretended
    make(root, site=True)
    make(root)
    assert installed == [["requirements.txt", course.NEWEST, "requirements-site.txt"]]
    make(root, development=True)
    make(root, site=True)
    assert len(installed) == 2


def test_a_failed_installation_is_tried_again_next_time(pretended, monkeypatch):
    root, installed = pretended

    def fail(*arguments):
        raise course.Stop("no package index")

    with monkeypatch.context() as patch:
        patch.setattr(course, "install", fail)
        with pytest.raises(course.Stop):
            make(root)
    make(root)
    assert len(installed) == 1


def test_where_the_tested_versions_do_not_fit_others_are_tried(monkeypatch, capsys):
    calls = []

    def call(command):
        calls.append(command)
        return 1 if "-c" in command else 0

    monkeypatch.setattr(course, "call", call)
    course.install("python", ["requirements.txt", course.NEWEST], course.NEWEST)
    assert ["-c" in command for command in calls] == [True, False]
    assert "trying" in capsys.readouterr().out
    monkeypatch.setattr(course, "call", lambda command: 1)
    with pytest.raises(course.Stop, match="package index"):
        course.install("python", ["requirements.txt", course.NEWEST], course.NEWEST)


def test_it_can_use_the_python_at_hand(monkeypatch):
    calls = []
    monkeypatch.setattr(course, "call", lambda command: calls.append(command) or 0)
    assert course.main(["--here", "run", "01", "--jobs", "1"]) == 0
    assert calls == [[sys.executable, "-m", "tools.execute", "01", "--jobs", "1"]]


def test_the_script_can_be_read_by_an_old_python():
    """Only then can an old Python say that it is too old."""
    import ast

    source = (ROOT / "course.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))


@pytest.mark.skipif(os.name == "nt", reason="signals are not sent like this on Windows")
def test_a_command_that_is_ended_starts_nothing_more(tmp_path):
    mark = tmp_path / "went on"
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import course\n"
        "course.call([sys.executable, '-c', 'print(1, flush=True); import time; time.sleep(60)'])\n"
        "open(sys.argv[2], 'w').close()\n"
    )
    command = [sys.executable, "-c", program, str(ROOT), str(mark)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait(30) == 143
    assert not mark.exists()
