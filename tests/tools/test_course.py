"""The front door, course.py and make: the right Python, the right words, nothing done twice."""

import ast
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

import course

FRONTS = [[sys.executable, "course.py"]]
if shutil.which("make"):
    FRONTS.append(["make", "--no-print-directory", f"PYTHON={sys.executable}"])


def ask(front, *words):
    return subprocess.run([*front, *words], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("front", FRONTS, ids=["script", "make"][: len(FRONTS)])
def test_both_ways_list_every_command_and_notice_a_mistyped_one(front):
    printed = ask(front, "help").stdout
    assert all(f"\n  {name} " in printed for name in course.COMMANDS)
    done = ask(front, "tets")
    assert done.returncode == 2 and "Did you mean test?" in done.stderr


@pytest.mark.skipif(len(FRONTS) < 2, reason="make is not installed")
@pytest.mark.parametrize("name", course.COMMANDS)
def test_every_command_is_a_target_of_make(name):
    words = [name, "REPO=a/b"] if name == "badges" else [name]
    assert f"course.py {name}" in ask(FRONTS[1], *words, "--dry-run").stdout


@pytest.mark.parametrize("words", ["clean data", "lock --hlep", "help me"])
def test_words_that_a_command_does_not_take_are_an_error(words, monkeypatch, capsys):
    for name in ("make_environment", "clean"):
        monkeypatch.setattr(course, name, lambda *arguments: pytest.fail("this came too early"))
    with pytest.raises(SystemExit) as stopped:
        course.main(words.split())
    assert (
        stopped.value.code == 2 and f"does not know: {words.split()[1]}" in capsys.readouterr().err
    )


@pytest.fixture
def calls(monkeypatch):
    """The commands that course.py would start in its environment."""
    started = []
    monkeypatch.setattr(course, "call", lambda command: started.append(command) or 0)
    monkeypatch.setattr(course, "make_environment", lambda *arguments, **options: "python")
    return started


MODULES = {
    ("run", "00", "01", "--jobs", "2"): "tools.run.execute 00 01 --jobs 2",
    ("run", "ONLY=00 01", "ARGS=--jobs 2"): "tools.run.execute 00 01 --jobs 2",
    ("ARGS=-m 'not notebooks'", "test"): "pytest -n auto --dist worksteal -m|not notebooks",
    ("run", "ONLY="): "tools.run.execute",
    ("format",): "tools.authoring.check --fix",
    ("badges", "REF=v1", "REPO=ada/fork"): "tools.authoring.address --ref v1 --repo ada/fork",
    ("lab", "--port", "1"): f"jupyter lab --notebook-dir {course.HERE} --port 1",
}


@pytest.mark.parametrize("words", MODULES, ids=" ".join)
def test_words_and_variables_are_handed_on(words, calls):
    assert course.main(list(words)) == 0
    given, _, last = MODULES[words].partition("|")
    assert calls[0][1:] == ["-m", *given.split(), *filter(None, [last])]


def test_a_quotation_mark_that_is_not_closed_is_an_error(calls):
    with pytest.raises(course.Stop, match="quotation mark"):
        course.main(["test", "ARGS=-m 'not"])


def test_everything_is_tested_in_three_environments(calls, monkeypatch, tmp_path):
    monkeypatch.setattr(course, "HERE", str(tmp_path))
    monkeypatch.setattr(course, "find_python", lambda exactly: "python3.13")
    assert course.main(["test-all", "-x"]) == 0
    assert all({"--every-combination", "-x"} <= set(command) for command in calls[:3])
    assert [name in calls[number] for number, name in ((1, "colab"), (2, "tpu"))] == [True, True]
    assert (ROOT / calls[3][1]).is_file()


def test_badges_need_no_environment():
    program = "import sys; sys.path[:0] = [sys.argv[1]]; import tools.authoring.address"
    subprocess.run([sys.executable, "-I", "-S", "-c", program, str(ROOT)], check=True)


def test_a_python_that_is_too_old_or_does_not_start_is_passed_over(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    tried = []

    def output(command):
        tried.append(command[0])
        answers = {"python3.13": (127, "not found"), "python3.12": (0, "3.12 /usr/bin/it\n")}
        return answers.get(command[0], (1, "no such file"))

    monkeypatch.setattr(course, "output", output)
    assert course.find_python() == "/usr/bin/it"
    assert tried[0] == "python3.13"


def test_without_any_python_it_says_which_to_install(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(course, "output", lambda command: (1, "no such file"))
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

    def create(python, folder):
        made.append(python)
        os.makedirs(folder)

    monkeypatch.setattr(course, "works", lambda python: False)
    monkeypatch.setattr(course, "create", create)
    return root, own, made


@pytest.mark.skipif(os.name == "nt", reason="a Python that runs cannot be removed on Windows")
@pytest.mark.parametrize("by_name", [False, True])
def test_an_environment_that_runs_this_is_made_with_the_python_below(by_name, without_pip):
    """As `python course.py run` in the active .venv, whose pip is gone."""
    root, own, made = without_pip
    folder = str(root / ".venv")
    course.make_environment(folder, course.NEWEST, python=own.name if by_name else str(own))
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


def make(root, **options):
    return course.make_environment(str(root / ".venv"), course.NEWEST, **options)


def test_the_environment_is_made_once_and_again_when_the_requirements_change(pretended):
    root, installed = pretended
    make(root)
    make(root)
    assert installed == [["requirements.txt", course.NEWEST]]
    make(root, site=True)
    make(root)
    make(root, development=True)
    make(root, site=True)
    assert len(installed) == 3
    (root / "requirements.txt").write_text("numpy\npandas\n", encoding="utf-8")
    make(root)
    assert len(installed) == 4


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


def test_it_can_use_the_python_at_hand(calls):
    assert course.main(["--here", "run", "01", "--jobs", "1"]) == 0
    assert calls == [[sys.executable, "-m", "tools.run.execute", "01", "--jobs", "1"]]


def test_the_script_can_be_read_by_an_old_python():
    """Only then can an old Python say that it is too old."""
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
