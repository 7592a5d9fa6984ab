"""The front door, course.py and make: the right Python, the right words, nothing done twice."""

import os
import re
import shlex
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
    fronts = [[sys.executable, "course.py"]]
    if shutil.which("make"):
        fronts.append(["make", "--no-print-directory", f"PYTHON={sys.executable}"])
    for front in fronts:
        for word, guess in (("rum", "run"), ("rnu", "run"), ("tets", "test"), ("fromat", "format")):
            done = subprocess.run([*front, word], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 2 and f"invalid choice: '{word}'" in done.stderr
            assert f"Did you mean {guess}?" in done.stderr
        done = subprocess.run([*front, "xyz"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2 and "Did you mean" not in done.stderr


WRONG = {
    "run 99": "nothing is called '99'",
    "run 01_mnist_dense_vs_cmn": "Did you mean 01_mnist_dense_vs_cnn?",
    "run 00 nothing*": "nothing is called 'nothing*'",
    "run --hlep": "--hlep",
    "run --jbos 2": "Did you mean --jobs?",
    "run --jobs two": "'two'",
    "run --jobs 0": "'0'",
    "run --deadline -1": "'-1'",
    "run ARGS=--no-run": "--no-run",
    "gallery 99": "nothing is called '99'",
    "gallery 01_mnist": "Did you mean 01_mnist_dense_vs_cnn?",
    "bench windwoing": "Did you mean windowing?",
    "lint --fxi": "Did you mean --fix?",
    "format 01": "01",
    "site biuld": "'biuld'",
    "site --no-rnu": "Did you mean --no-run?",
    "homework --chek": "Did you mean --check?",
    "badges --rep0 ada/fork": "Did you mean --repo?",
    "setup --deev": "Did you mean --dev?",
    "lock --hlep": "--hlep",
    "clean --hlep": "--hlep",
    "clean data": "data",
}


@pytest.fixture
def untouched(monkeypatch):
    """No environment is made, no command carried out and nothing removed: the test would fail."""

    def refuse(*arguments, **options):
        pytest.fail("this came too early")

    for name in ("environment", "make_environment", "call", "clean"):
        monkeypatch.setattr(course, name, refuse)


@pytest.mark.parametrize("words", WRONG)
def test_a_mistyped_word_is_told_before_anything_is_installed(words, untouched, capsys):
    with pytest.raises(SystemExit) as stopped:
        course.main(shlex.split(words))
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert f"course.py {words.split()[0]}: error: " in said and WRONG[words] in said


RIGHT = """
run
run 0 1
run 00 01_mnist_dense_vs_cnn.ipynb 02_convolution_arithmetic
run '0[23]*' notebooks/04_transfer_learning_open_images.ipynb 'notebooks/*wave*'
run 00 --jobs 2
run --jobs=2 00 --out x --deadline 0.5
run xx --notebooks elsewhere
gallery 01 00_hello_colab --notebooks x
bench windowing --quick
lint --notebooks-only
format
site check --screenshots x
site --no-run
homework --check
setup --dev
lock
lab --port 1
test -k x
test-all -x
""".strip().splitlines()


@pytest.mark.parametrize("words", RIGHT)
def test_right_words_are_handed_on_as_they_are(words, monkeypatch):
    calls = []
    monkeypatch.setattr(course, "call", lambda command: calls.append(command) or 0)
    monkeypatch.setattr(course, "environment", lambda *arguments, **options: "python")
    monkeypatch.setattr(course, "make_environment", lambda *arguments, **options: "python")
    monkeypatch.setattr(course, "find_python", lambda *arguments, **options: "python")
    assert course.main(shlex.split(words)) == 0
    name, *rest = shlex.split(words)
    assert name == "setup" or name == "lock" or calls[0][-len(rest) :] == rest or not rest


def test_course_py_knows_the_options_of_every_command():
    places = {"run": "run/execute", "site": "site/__main__"}
    places |= {"lint": "authoring/check", "format": "authoring/check"}
    places |= {"gallery": "authoring/gallery", "homework": "authoring/homework"}
    places |= {"badges": "authoring/address"}
    for command, place in places.items():
        source = (ROOT / "tools" / f"{place}.py").read_text(encoding="utf-8")
        options = re.findall(r'add_argument\(\s*"(--[\w-]+)"', source)
        assert set(options) == set(course.OPTIONS[command])


def test_badges_need_no_environment(monkeypatch):
    calls = []
    monkeypatch.setattr(course, "call", lambda command: calls.append(command) or 0)
    monkeypatch.setattr(course, "make_environment", lambda *arguments: pytest.fail("not needed"))
    assert course.main(["badges", "REPO=ada/fork"]) == 0
    assert calls[0][1:] == ["-m", "tools.authoring.address", "--repo", "ada/fork"]
    program = "import sys; sys.path[:0] = [sys.argv[1]]; import tools.authoring.address"
    subprocess.run([sys.executable, "-I", "-S", "-c", program, str(ROOT)], check=True)


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


@pytest.fixture
def without_pip(pretended, monkeypatch):
    """The same course, whose environment is there, active, and without pip."""
    root, _ = pretended
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    inside = root / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    own = inside / os.path.basename(sys.executable)
    assert own.exists()
    monkeypatch.setenv("PATH", str(inside), prepend=os.pathsep)
    made = []
    monkeypatch.setattr(course, "works", lambda python: False)
    monkeypatch.setattr(course, "create", lambda python, folder: made.append(python))
    monkeypatch.setattr(course, "remember", lambda *arguments: None)
    return root, own, made


@pytest.mark.skipif(os.name == "nt", reason="a Python that runs cannot be removed on Windows")
@pytest.mark.parametrize("by_name", [False, True])
def test_an_environment_that_runs_this_is_made_with_the_python_below(by_name, without_pip):
    """As `python course.py run` in the active .venv, whose pip is gone."""
    root, own, made = without_pip
    folder = str(root / ".venv")
    course.make_environment(folder, own.name if by_name else str(own), course.NEWEST, False)
    (python,) = made
    assert not own.exists()
    assert subprocess.check_output([python, "-c", "print(6 * 7)"]).strip() == b"42"


def test_an_environment_that_cannot_be_removed_is_told(without_pip, monkeypatch):
    root, own, made = without_pip

    def refuse(folder):
        raise PermissionError(13, "Access is denied", str(own))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    for command in (lambda: make(root), course.clean):
        with pytest.raises(course.Stop, match=r"\.venv cannot be removed.*Access is denied"):
            command()
    assert made == []


def test_what_keeps_an_environment_from_being_made_is_told(tmp_path, monkeypatch):
    """The reason that venv gives, and advice that fits it."""
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file" / ".venv")
    with pytest.raises(course.Stop, match=r"Not a directory|cannot find|exists") as stopped:
        course.create(sys.executable, folder)
    assert folder in str(stopped.value) and "apt install" not in str(stopped.value)
    with pytest.raises(course.Stop, match=r"No such file|cannot find"):
        course.create(str(tmp_path / "no-python"), str(tmp_path / ".venv"))
    said = {
        "ensurepip is not\navailable.\nFailing command: x": "sudo apt install python3-venv",
        "python3: No module named venv": "sudo apt install python3-venv",
        f"Error: [Errno 13] Permission denied: '{folder}'": "--here run --out",
        f"Error: [Errno 30] Read-only file system: '{folder}'": "--here run --out",
        "Error: [Errno 28] No space left on device": "No space left on device",
    }
    for text, advice in said.items():
        monkeypatch.setattr(course, "output", lambda command, text=text: (1, text))
        with pytest.raises(course.Stop) as stopped:
            course.create(sys.executable, folder)
        assert advice in str(stopped.value)
        assert ("apt install" in str(stopped.value)) == ("apt install" in advice)


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
    assert calls == [[sys.executable, "-m", "tools.run.execute", "01", "--jobs", "1"]]


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
