"""What README, CONTRIBUTING and the other pages say is true.

Their commands are run, in a copy of the course where they write: on tiny data, on lessons that hold
one cell, or on the shortest lesson instead of all. What cannot be run in a test is listed below
(`NOT_RUN`, `OF_OTHERS`), with the reason and with what is tested instead. What the pages name is
there: files, folders, links, variables, functions, lessons; and they tell the same times. A new
command or name of a new kind fails here until a test knows it.
"""

import base64
import hashlib
import importlib.util
import inspect
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
import tomllib
import types
import urllib.request

import nbformat
import pytest
import yaml
from conftest import COURSE_VARIABLES, ROOT
from PIL import Image
from tiny_openimages import TinyOpenImages

import course
from benchmarks.__main__ import NAMES as BENCHMARKS
from grading.sandbox import bubblewrap
from tools.authoring import address, check, gallery
from utils import exercises, openimages, plotting, results, runtime
from utils.processes import cleanup

PAGES = ("README.md", "CONTRIBUTING.md", "data/README.md", "notebooks/README.md")
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
# Of these only the commands are tested here; tests/tools/test_check.py looks at their links.
WITH_COMMANDS = ("grading/README.md", "notebooks/homework/README.md", "benchmarks/RESULTS.md")
ALL_TEXTS = TEXTS | {page: (ROOT / page).read_text(encoding="utf-8") for page in WITH_COMMANDS}
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

# Made while the course runs, so not there in a fresh copy.
MADE = ("build", ".venv", "data/cache", "openimages/", "sample-", "train/", "photos.csv")
# What stands for something that the reader puts in.
STANDS_FOR = re.compile(r"[{}…*<>]|\bNN|\b(?:NAME|ID|FOLDER|FILE)\b|/path/|://|^/m/")
ENDINGS = r"\.(?:py|md|toml|txt|yml|csv|npz|gz|zip|h5|ipynb|html|json|cff|xml|in)$"

# Commands of course.py that are not run here, and why. That they get the words of the page is
# tested, and that the tests, options and benchmarks in these words are there.
NOT_RUN = {
    "setup": "installs for minutes",
    "test": "would run these tests again",
    "test-all": "would run these tests again, in three environments",
    "site": "takes minutes; test_site.py builds a small one and looks at it in Chromium",
    "bench": "measures for an hour",
    "lock": "asks the package index",
}
# Modules that are not run here, and why. Their options are compared with what is named.
MODULES_NOT_RUN = {
    "tools.site": "needs a site; tests/tools/test_site.py makes a small one",
    "tools.weights.train_cifar_net": "trains for ten minutes",
    "tools.weights.train_char_model": "trains for a quarter of an hour",
    "tools.weights.train_wavenet": "trains for an hour and a half",
    "tools.weights.make_spoken_digits": "needs espeak-ng, which hardly any machine has",
}
# Programs of other people, which nothing of ours could make fail, or which need a network, a
# cluster or Windows.
OF_OTHERS = (
    *("python -m pip install pre-commit", "python -m pre_commit", "pip install distributed"),
    *("pip freeze", "sudo apt install bubblewrap", "nbgrader "),
    *("dask scheduler", ".venv/bin/dask worker", "certutil ", "sha256sum ", "export LC_ALL"),
    *(".venv\\Scripts\\activate", ".venv\\Scripts\\Activate.ps1", "set ", "$env:"),
    "Set-ExecutionPolicy ",
)
# The beginnings of commands, which a sentence names.
BEGINNINGS = ("python course.py", "python -m")
# What the course consists of, beside the files next to these folders.
FOLDERS = ("benchmarks", "constraints", "data", "grading", "notebooks", "tests", "tools", "utils")


def fenced(text):
    """The fenced blocks of a page, also those in lists: pairs of language and content."""
    found = re.findall(r"(?ms)^( *)```(\w*)\n(.*?)^\1```", text)
    return [(language, textwrap.dedent(content)) for _, language, content in found]


def spans(text):
    """What stands between backticks, outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^( *)```.*?^\1```", "", text))


def commands():
    """Every command that a page names, without its comment, once."""
    found = {}
    first = r"(make|python|py|jupyter|conda|pip|sudo|nbgrader|certutil|sha256sum|source|export|set"
    first += r"|Set-ExecutionPolicy) |\$env:|\.venv\S+activate"
    for page, text in ALL_TEXTS.items():
        blocks = [block for language, block in fenced(text) if not language]
        named = [line for block in blocks for line in block.splitlines() if line]
        named += [span for span in spans(text) if re.match(first, span, re.IGNORECASE)]
        for each in named:
            if each not in BEGINNINGS:
                found.setdefault(re.sub(r"\s{2,}#.*", "", each), page)
    return found


COMMANDS = commands()


def of_kind(pattern):
    return sorted(command for command in COMMANDS if re.match(pattern, command))


def environment(**variables):
    """No backend set, and no variable of the make that may have started the tests."""
    of_make = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS", "ONLY", "REPO", "REF")
    kept = {n: v for n, v in os.environ.items() if n not in ("KERAS_BACKEND", *of_make)}
    return kept | variables


def run(*command, where=ROOT, **variables):
    return subprocess.run(
        list(map(str, command)),
        cwd=where,
        env=environment(**variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.fixture
def copy(tmp_path):
    """A copy of the course, for commands that write into it."""
    return copied(tmp_path / "course")


def copied(folder):
    for name in FOLDERS:
        ignored = shutil.ignore_patterns(".*", "cache", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return folder


def test_every_command_is_of_a_kind_that_is_tested():
    kinds = r"make |python course\.py |py course\.py |(\.venv/bin/)?python -m |jupyter |conda |cd "
    kinds += r"|COURSE_|mkdir |cp |source |export COURSE_"
    unknown = [
        f"{page}: {command}"
        for command, page in COMMANDS.items()
        if not re.match(kinds, command) and not command.startswith(OF_OTHERS)
    ]
    assert not unknown


# --- make and course.py ------------------------------------------------------------------------


def words_of(command):
    """The words of a command after make or course.py."""
    words = shlex.split(command)
    return words[1:] if words[0] == "make" else words[2:]


@pytest.fixture
def handed_on(monkeypatch):
    """A function: the command that course.py carries out for these words, and its own words."""
    got = []
    for name in course.COMMAND_FUNCTIONS:

        def note(options, rest, name=name):
            got[:] = name, rest
            return 0

        monkeypatch.setitem(course.COMMAND_FUNCTIONS, name, note)
    for name, function in (("help", "print_help"), ("clean", "clean")):
        monkeypatch.setattr(course, function, lambda name=name: got.extend((name, [])))

    def ask(words):
        got.clear()
        course.main(list(words))
        return tuple(got)

    return ask


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("command", of_kind("make (?!COMMAND)"))
def test_make_and_the_script_understand_the_same(command, handed_on):
    """What make hands on to course.py, and what course.py makes of the same words."""
    words = words_of(command)
    dry = run("make", *words, "--dry-run", "--no-print-directory", f"PYTHON={sys.executable}")
    assert dry.returncode == 0, dry.stderr
    _, script, *by_make = shlex.split(dry.stdout)
    assert script == "course.py"
    assert handed_on(words) == handed_on(by_make)
    for value in (word.partition("=")[2] for word in words if "=" in word):
        assert set(shlex.split(value)) <= set(by_make), f"{value} gets lost in {dry.stdout}"


def test_the_script_takes_the_variables_of_make(handed_on, monkeypatch):
    assert handed_on(["run", "ONLY=00 01", "ARGS=--jobs 1"]) == ("run", ["00", "01", "--jobs", "1"])
    assert handed_on(["ARGS=-m 'not notebooks'", "test"]) == ("test", ["-m", "not notebooks"])
    assert handed_on(["run", "ONLY="]) == ("run", [])
    badges = ["--repo", "ada/fork", "--ref", "v1"]
    assert handed_on(["badges", "REF=v1", "REPO=ada/fork"]) == ("badges", badges)
    with pytest.raises(course.Stop, match="quotation mark"):
        handed_on(["test", "ARGS=-m 'not"])
    with monkeypatch.context() as patch:
        patch.setattr(course, "os", types.SimpleNamespace(name="nt"))
        assert handed_on(["test", r"ARGS=tests\test_site.py"])[1] == [r"tests\test_site.py"]


def asked_of_course():
    """What the pages ask course.py for: its words, and a command that asks so."""
    found = {}
    for command in of_kind(r"(make|(python|py) course\.py) (?!COMMAND)"):
        words = [w for w in course.as_make_hands_on(words_of(command)) if w != "--here"]
        found.setdefault(tuple(words), command)
    return found


ASKED = asked_of_course()


def started(command, *more):
    """What starts a command of the pages in this Python, with more words for course.py."""
    words = [word.replace("NN", "01") for word in words_of(command) if word != "--here"]
    options = [word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")]
    options += ["--here", *(shlex.quote(str(word)) for word in more)]
    front = [sys.executable, "course.py"]
    if command.startswith("make ") and shutil.which("make"):
        front = ["make", "--no-print-directory", f"PYTHON={sys.executable}"]
    others = [word for word in words if not word.startswith("ARGS=")]
    return [*front, *others, "ARGS=" + " ".join(options)]


def succeeded(command, where, *more):
    """Runs a command of the pages in a copy of the course; what it printed."""
    done = run(*started(command, *more), where=where, COURSE_OFFLINE="1")
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def of_name(*names):
    return [pytest.param(words, id=" ".join(words)) for words in ASKED if words[0] in names]


def test_every_command_of_the_script_is_run_or_has_a_reason():
    tested = {"run", "lab", "lint", "format", "gallery", "homework", "badges", "clean", "help"}
    assert tested.isdisjoint(NOT_RUN)
    assert {words[0] for words in ASKED} == tested | set(NOT_RUN)
    assert tested | set(NOT_RUN) == {name for name, _ in course.COMMANDS}


@pytest.mark.parametrize("words", of_name(*NOT_RUN))
def test_what_is_not_run_is_handed_the_words_of_the_page(words, handed_on):
    name, *rest = words
    assert handed_on(words) == (name, rest)
    if name == "test" and "-k" in rest:
        pytest_itself = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider"]
        found = run(*pytest_itself, *rest, "tests/lessons/test_notebooks.py").stdout
        assert all(
            f"{rest[-1]}_dense_vs_cnn-{backend}" in found for backend in ("tensorflow", "jax")
        )
    elif name == "test" and "-m" in rest:
        assert f'"{rest[-1].removeprefix("not ")}: ' in (ROOT / "pyproject.toml").read_text("utf-8")
    elif name == "test" and rest:
        assert all((ROOT / path).is_file() for path in rest)
    elif name == "site" and rest:
        assert f'"{rest[0]}"' in (ROOT / "tools" / "site" / "__main__.py").read_text("utf-8")
    else:
        assert not rest, f"nobody looks at {rest}"


@pytest.mark.parametrize("words", of_name("run"))
def test_run(words, copy, tmp_path):
    """For all lessons the shortest one; for those that are named, lessons of one cell."""
    more = ["--out", tmp_path / "out"]
    if words == ("run",):
        more, wanted = ["00", *more], {"00"}
    else:
        wanted = {word.replace("NN", "01") for word in words[1:]}
        for lesson in LESSONS:
            write_tiny_notebook(copy / "notebooks" / f"{lesson}.ipynb")
    succeeded(ASKED[words], copy, *more)
    executed = {path.stem[:2] for path in (tmp_path / "out" / "html").glob("*.html")}
    assert executed == wanted
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report and (tmp_path / "out" / "index.html").is_file()


def write_tiny_notebook(path):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")]), path)


@pytest.mark.skipif(not importlib.util.find_spec("jupyterlab"), reason="there is no JupyterLab")
@pytest.mark.parametrize("words", of_name("lab"))
def test_lab_answers(words, tmp_path):
    runtime_folder = tmp_path / "runtime"
    variables = {"JUPYTER_RUNTIME_DIR": str(runtime_folder), "PYTHONUNBUFFERED": "1"}
    variables["JUPYTER_CONFIG_DIR"] = str(tmp_path / "config")
    said = tmp_path / "said"
    with open(said, "wb") as output:
        lab = subprocess.Popen(
            started(ASKED[words], "--no-browser", "--allow-root"),
            cwd=ROOT,
            env=environment(**variables),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        page = ""
        until = time.monotonic() + 120
        while not page and time.monotonic() < until and lab.poll() is None:
            time.sleep(0.2)
            page = page_of_lab(runtime_folder)
        assert "JupyterLab" in page, said.read_text(encoding="utf-8", errors="replace")[-3000:]
    finally:
        survivors = cleanup.end([lab.pid], set())
        lab.wait(timeout=30)
    assert survivors == []


def page_of_lab(folder):
    """What JupyterLab answers to a browser; empty as long as it does not."""
    try:
        (about,) = folder.glob("jpserver-*.json")
        server = json.loads(about.read_text(encoding="utf-8"))
        directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        page = f"http://127.0.0.1:{server['port']}/lab?token={server['token']}"
        with directly.open(page, timeout=60) as answer:
            return answer.read().decode("utf-8")
    except (OSError, ValueError):
        return ""


@pytest.mark.skipif(not importlib.util.find_spec("ruff"), reason="ruff is not installed")
@pytest.mark.parametrize("words", of_name("lint", "format"))
def test_lint_and_format(words, copy):
    lesson = copy / "notebooks" / f"{LESSONS[0]}.ipynb"
    if words == ("format",):
        executed = lesson.read_text(encoding="utf-8").replace('count": null', 'count": 7')
        lesson.write_text(executed, encoding="utf-8")
    succeeded(ASKED[words], copy)
    assert lesson.read_bytes() == (ROOT / "notebooks" / lesson.name).read_bytes()


@pytest.mark.parametrize("words", of_name("homework"))
def test_homework(words, copy):
    homework = copy / "notebooks" / "homework"
    path = min(homework.glob("hw*.ipynb"))
    before = path.read_bytes()
    if "--check" in words:
        assert "are current" in succeeded(ASKED[words], copy)
    path.unlink()
    if "--check" in words:
        done = run(*started(ASKED[words]), where=copy)
        assert done.returncode != 0 and f"{path.name} is not current" in done.stdout
    else:
        succeeded(ASKED[words], copy)
        assert path.read_bytes() == before


@pytest.mark.parametrize("words", of_name("gallery"))
def test_gallery(words, copy):
    executed = copy / "build" / "notebooks"
    executed.mkdir(parents=True)
    for lesson, picture in gallery.PICTURES.items():
        cells = [{"cell_type": "markdown", "source": f"## {picture.section}"}]
        cells += [figure(10 * number) for number in range(picture.number)]
        (executed / f"{lesson}.ipynb").write_text(json.dumps({"cells": cells}), "utf-8")
    images = copy / "notebooks" / "images"
    shutil.rmtree(images)
    succeeded(ASKED[words], copy)
    wanted = LESSONS if len(words) == 1 else [each for each in LESSONS if each[:2] == "01"]
    assert sorted(path.stem for path in images.iterdir()) == wanted


def figure(grey):
    """A cell that has drawn something."""
    file = io.BytesIO()
    Image.new("L", (64, 32), grey).save(file, "PNG")
    data = {"image/png": base64.b64encode(file.getvalue()).decode()}
    return {"cell_type": "code", "source": "", "outputs": [{"data": data}]}


@pytest.mark.parametrize("words", of_name("badges"))
def test_badges(words, copy):
    succeeded(ASKED[words], copy)
    repository = words[words.index("--repo") + 1]
    for page in ("README.md", f"notebooks/{LESSONS[0]}.ipynb", "pyproject.toml"):
        assert repository in (copy / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("words", of_name("clean"))
def test_clean(words, copy):
    made = [copy / name for name in ("build", ".venv", "data/cache")]
    for folder in made:
        folder.mkdir(parents=True)
        (folder / "something").touch()
    succeeded(ASKED[words], copy)
    assert [folder.exists() for folder in made] == [False, False, True]
    assert (copy / "README.md").is_file()


@pytest.mark.parametrize("words", of_name("help"))
def test_help(words):
    printed = succeeded(ASKED[words], ROOT)
    assert all(f"\n  {name} " in printed for name, _ in course.COMMANDS)


@pytest.mark.skipif(sys.platform == "win32", reason="for the shells of Linux and macOS")
def test_the_environment_is_made_active_and_a_variable_is_set(tmp_path):
    (activate,) = of_kind("source ")
    (export,) = of_kind("export COURSE_")
    made = run(sys.executable, "-m", "venv", "--without-pip", ".venv", where=tmp_path)
    assert made.returncode == 0, made.stderr
    name, value = export.split()[1].split("=")
    program = f"import os, sys; print(sys.prefix, os.environ['{name}'])"
    script = f'{activate}\n{export}\npython -c "{program}"'
    done = run("bash", "-e", "-c", script, where=tmp_path)
    assert done.stdout.split() == [str((tmp_path / ".venv").resolve()), value], done.stderr


# --- python -m ---------------------------------------------------------------------------------


def as_module(command):
    """The module that a command starts, and its words."""
    words = shlex.split(command)[2:]
    return words[0], words[1:]


MODULES = of_kind(r"(\.venv/bin/)?python -m (?!pip |pre_commit )")


def test_every_module_is_run_or_has_a_reason():
    run_below = {
        "grading",
        "http.server",
        "tools.authoring.homework",
        "utils.data",
        "utils.openimages",
    }
    for command in MODULES:
        name, _ = as_module(command)
        assert name in run_below or name in MODULES_NOT_RUN or name.startswith("benchmarks.")


@pytest.mark.parametrize("name", MODULES_NOT_RUN)
def test_modules_that_are_not_run_know_the_options_that_are_named(name):
    assert importlib.util.find_spec(name)
    words = [word for each in MODULES for word in as_module(each)[1] if as_module(each)[0] == name]
    if words:
        asked = run(sys.executable, "-m", name, "--help")
        assert asked.returncode == 0 and not [word for word in words if word not in asked.stdout]


@pytest.mark.parametrize("command", of_kind(r"python -m benchmarks\."))
def test_benchmarks_know_the_options_that_are_named(command):
    """They measure for minutes, and need as long as a lesson for --help alone."""
    name, words = as_module(command)
    source = (ROOT / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
    assert all(f'"{word.partition("=")[0]}"' in source for word in words)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A small registry in a copy of the course, and the address of a mirror that serves it.

    The mirror is served as the page says, but to this machine alone and at a free port.
    """
    folder = tmp_path_factory.mktemp("served")
    here, content = copied(folder / "course"), b"not quite a digit"
    name = "mnist/train-labels-idx1-ubyte.gz"
    registry = ["[mnist]", *(f'{key} = ""' for key in ("title", "licence", "citation"))]
    registry += [f'[mnist.files."{name}"]', f'sha256 = "{hashlib.sha256(content).hexdigest()}"']
    registry += [f"size = {len(content)}", "urls = []"]
    (here / "data" / "registry.toml").write_text("\n".join(registry), encoding="utf-8")
    (folder / "mnist").mkdir()
    (folder / name).write_bytes(content)
    (command,) = of_kind("python -m http.server")
    words = [sys.executable, "-u", *shlex.split(command.replace("8000", "0"))[1:]]
    server = subprocess.Popen(
        [*words, "--bind", "127.0.0.1"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = re.search(r"port (\d+)", server.stdout.readline())[1]
        yield types.SimpleNamespace(here=here, name=name, url=f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.communicate(timeout=30)


@pytest.mark.parametrize("command", of_kind(r"python -m utils\.data "))
def test_the_commands_about_data_run(command, served, tmp_path):
    name, words = as_module(re.sub(r"FOLDER|/path/to/course-data", "FOLDER", command))
    mirror, cache = tmp_path / "lab", tmp_path / "cache"
    words = [{"FOLDER": str(mirror), "NAME": "mnist"}.get(word, word) for word in words]
    if words == ["mirror"]:
        words.append(str(mirror))  # the sentence around it says which folder
    variables = {"COURSE_DATA_DIR": str(cache), "COURSE_DATA_MIRROR": served.url}
    variables |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = run(sys.executable, "-m", name, *words, where=served.here, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert served.name in done.stdout
    assert (mirror / served.name).is_file() == (words[0] == "mirror")
    assert (cache / served.name).is_file() == (words[0] == "fetch")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A mirror with a tiny Open Images."""
    world = TinyOpenImages()
    world.add_many(12)
    for kind in ("Cat", "Dog"):
        world.names.append((f"/m/{kind}", kind))
        for number in range(12):
            world.add(f"{kind}{number}", [f"/m/{kind}"])
    return world.write(tmp_path_factory.mktemp("photos"))


@pytest.mark.parametrize("command", of_kind(r"python -m utils\.openimages "))
def test_the_commands_about_photos_run(command, photos, tmp_path):
    """With fewer photos than the page says."""
    lab, cache = tmp_path / "lab", tmp_path / "cache"
    name, words = as_module(re.sub(r"FOLDER|/path/to/course-data", "FOLDER", command))
    words = [str(lab) if word == "FOLDER" else word for word in words]
    variables = {"COURSE_DATA_DIR": str(cache), "COURSE_DATA_MIRROR": str(photos)}
    words += ["--per-class", "12", "--quiet"]
    done = run(sys.executable, "-m", name, *words, COURSE_OFFLINE="1", **variables)
    assert done.returncode == 0, done.stderr
    assert "24 photos" in done.stdout
    assert (lab / "openimages" / "v7").is_dir() == ("--mirror" in words)


@pytest.mark.parametrize("command", of_kind(r"python -m tools\.homework "))
def test_the_module_about_homework_runs(command):
    name, words = as_module(command)
    assert "--check" in words, "this one would write into the course"
    assert run(sys.executable, "-m", name, *words).returncode == 0


NO_SANDBOX = pytest.mark.skipif(sys.platform == "win32", reason="the grader runs inside WSL 2 only")
PLACES = r"(\.venv/bin/)?python -m grading "


def isolation():
    """What the grader needs to be told on this machine."""
    return [] if bubblewrap.choose(unsafe=True).is_isolated else ["--unsafe"]


@NO_SANDBOX
@pytest.mark.parametrize("command", of_kind(PLACES + r"SUBMISSIONS(?!.*--scheduler)"))
def test_the_command_for_graders_runs(command, tmp_path):
    """On a class of one, who handed in something that is no notebook."""
    (tmp_path / "class" / "ana").mkdir(parents=True)
    (tmp_path / "class" / "ana" / "hw.ipynb").write_text("<html>", encoding="utf-8")
    name, words = as_module(command)
    places = {"SUBMISSIONS": tmp_path / "class", "RESULTS": tmp_path / "results"}
    words = [places.get(word, word) for word in words]
    done = run(sys.executable, "-m", name, *words, *isolation())
    assert done.returncode == 0, done.stderr
    grades = (tmp_path / "results" / "grades.csv").read_text(encoding="utf-8-sig")
    assert '"ana"' in grades and '"unreadable"' in grades


@pytest.mark.parametrize("command", of_kind(PLACES + ".*--scheduler"))
def test_the_grader_understands_what_is_named_for_clusters(command):
    """Not run: tests/grading/test_grading_cluster.py does it, with a cluster on this machine."""
    from grading.__main__ import parse

    options = parse(as_module(command)[1])
    assert options.scheduler.startswith("tcp://")


@NO_SANDBOX
def test_the_graders_trial_gives_what_the_page_says(copy):
    """The block as it stands: full points for the instructor's notebook, none for the students'."""
    text = ALL_TEXTS["grading/README.md"]
    (block,) = [block for _, block in fenced(text) if block.startswith("mkdir try")]
    python = shlex.quote(sys.executable)
    script = block.strip().replace(".venv/bin/python", python) + " " + " ".join(isolation())
    done = run("bash", "-e", "-c", script, where=copy, COURSE_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    summary = json.loads((copy / "try-results" / "summary.json").read_text(encoding="utf-8"))
    graded = {each["student"]: each for each in summary["students"]}
    assert {each["status"] for each in graded.values()} == {"graded"}
    assert graded["right"]["points"] == graded["right"]["max_points"] > 0
    assert graded["empty"]["points"] == 0


# --- Other commands ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", of_kind("jupyter nbconvert .*ipynb"))
def test_the_plain_command_for_graders_runs(command, tmp_path):
    """As it stands, but with a tiny notebook; test_notebooks.py does it with the lessons."""
    command, _, written = command.partition(" > ")
    words = shlex.split(command)
    (place,) = [word for word in words if word.endswith(".ipynb")]
    folders = ROOT, ROOT / "notebooks" / "homework" / "instructor"
    assert any((folder / place).is_file() for folder in folders)
    tiny = tmp_path / "tiny.ipynb"
    write_tiny_notebook(tiny)
    words[words.index(place)] = str(tiny)
    if not written:
        words[words.index("--output-dir") + 1] = str(tmp_path / "out")
    done = run(sys.executable, "-m", *words)
    assert done.returncode == 0, done.stderr
    assert "42" in (
        done.stdout if written else (tmp_path / "out" / "tiny.ipynb").read_text(encoding="utf-8")
    )


def test_conda_finds_the_environment_that_is_named():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert f"conda activate {environment['name']}" in COMMANDS
    assert "conda env create -f environment.yml" in COMMANDS


BLOCKS = [block for text in ALL_TEXTS.values() for lang, block in fenced(text) if lang == "python"]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_examples_in_python_run(block, tmp_path):
    variables = {"COURSE_DATA_DIR": str(tmp_path), "COURSE_OFFLINE": "1"}
    done = run(sys.executable, "-c", block, **variables)
    assert done.returncode == 0, done.stderr


def test_functions_that_are_named_are_there_and_take_those_arguments():
    modules = {
        "exercises": exercises,
        "openimages": openimages,
        "plotting": plotting,
        "results": results,
        "runtime": runtime,
    }
    called = [span for text in TEXTS.values() for span in spans(text)]
    found = 0
    for span in called:
        match = re.fullmatch(r"(\w+)\.(\w+)(\(.*\))?", span)
        if match and match[1] in modules:
            member = getattr(modules[match[1]], match[2])
            arguments = re.findall(r"(\w+)=", match[3] or "")
            assert not match[3] or set(arguments) <= set(inspect.signature(member).parameters)
            found += 1
    assert found >= 5


def named_paths(page):
    """Everything between backticks that looks like a file or a folder of ours."""
    for span in spans(TEXTS[page]):
        is_path = "/" in span or re.search(ENDINGS, span)
        if is_path and not re.search(r"[ (]", span) and not STANDS_FOR.search(span):
            yield span


@pytest.mark.parametrize("page", PAGES)
def test_files_and_folders_that_are_named_are_there(page):
    registry = tomllib.loads((ROOT / "data" / "registry.toml").read_text(encoding="utf-8"))
    downloads = str(registry)
    # Official names of files elsewhere, which the data cards tell.
    elsewhere = ("v7/", "2018_04/", "co2_mm_mlo.csv", "owner/name")
    missing = [
        path
        for path in named_paths(page)
        if not (ROOT / path).exists()
        and not ((ROOT / page).parent / path).exists()
        and not path.startswith((*MADE, *elsewhere))
        and path not in downloads
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert list(check.broken_links(TEXTS[page], (ROOT / page).parent)) == []


@pytest.mark.parametrize("page", PAGES)
def test_sections_that_are_linked_are_there(page):
    for place, section in re.findall(r"\]\(([\w/.]*\.md|)#([\w-]+)\)", TEXTS[page]):
        path = (ROOT / page).parent / place if place else ROOT / page
        headings = re.findall(r"(?m)^#+ (.+?)\s*$", path.read_text(encoding="utf-8"))
        anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
        assert section in anchors, f"{path} has no section #{section}"


@pytest.mark.parametrize("page", PAGES)
def test_variables_that_are_named_are_used(page):
    sources = [path for folder in ("utils", "tools") for path in (ROOT / folder).rglob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    for name in set(re.findall(r"\b(?:COURSE|KERAS)_[A-Z_]+\b", TEXTS[page])):
        assert name in code, f"nothing looks at {name}"
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in set(re.findall(r"`make [^`]*?\b([A-Z]+)=", TEXTS[page])):
        assert f"\n{name} ?=" in make


def test_readme_lists_every_variable_and_every_command():
    readme = TEXTS["README.md"]
    for name in COURSE_VARIABLES:
        assert f"| `{name}` |" in readme
    for name, _ in course.COMMANDS:
        assert name == "help" or re.search(rf"(?m)^\| `make {name}[ `]", readme)


@pytest.mark.parametrize("lesson", LESSONS)
def test_readme_shows_every_lesson_with_badge_and_picture(lesson):
    readme, place = TEXTS["README.md"], f"notebooks/{lesson}.ipynb"
    colab = address.badges(place, *address.address()).partition(" [![Open in Kaggle")[0]
    assert re.search(rf"(?m)^\| \[{lesson[:2]} · [^\]]+\]\({place}\) \| ", readme)
    assert colab in readme
    assert f"({lesson}.ipynb) |" in TEXTS["notebooks/README.md"], "not in the syllabus"
    picture = gallery.PICTURES[lesson]
    assert f"[![{picture.alt}](notebooks/images/{lesson}.webp)]({place})" in readme
    assert (gallery.FOLDER / f"{lesson}.webp").stat().st_size <= gallery.MOST_BYTES
    headings = check.read(ROOT / place).headings
    assert picture.section in headings, f"{lesson} has no section {picture.section!r}"


# --- Times and measurements --------------------------------------------------------------------

MINUTES = {"half a minute": 0.5, "a minute": 1, "a minute and a half": 1.5, "two minutes": 2}
MINUTES |= {"two and a half minutes": 2.5, "three minutes": 3, "four minutes": 4}
MINUTES |= {"five minutes": 5, "six minutes": 6, "eight minutes": 8, "ten minutes": 10}


def times_in_readme(lesson):
    """What README tells for a CPU and for a GPU."""
    row = rf"(?m)^\| \[.*\]\(notebooks/{lesson}\.ipynb\) \| .* \| (.*) \| (.*) \|$"
    return re.search(row, TEXTS["README.md"]).groups()


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_place_tells_the_same_time(lesson):
    """README, the syllabus, the lesson's first cell, and what it prints when it starts."""
    cells = check.read(ROOT / "notebooks" / f"{lesson}.ipynb").notebook.cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    quick, full = (
        float(re.search(rf"\b{name}_minutes=([\d.]+)", code)[1]) for name in ("quick", "full")
    )
    opening = " ".join(cells[0].source.split())
    syllabus = rf"(?m)^\| \[.*\]\({lesson}\.ipynb\) \| .* \| (.*) \|$"
    on_cpu, on_gpu = times_in_readme(lesson)
    told = {
        "README": on_cpu,
        "syllabus": re.search(syllabus, TEXTS["notebooks/README.md"])[1],
        "opening": re.search(r"\*\*Time:\*\* (?:about )?(.*?) on two CPU cores", opening)[1],
    }
    told = {place: MINUTES.get(words, words) for place, words in told.items()}
    told["quick_minutes"] = quick
    assert len(set(told.values())) == 1, told
    assert MINUTES[on_gpu] == full, "README and full_minutes differ"


def test_no_lesson_took_much_longer_than_is_told():
    """As measured: RESULTS.md, the whole course."""
    measured = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    whole = measured[measured.index("## The whole course") :]
    names, seconds = re.search(r"(?m)^\|( 00 \|.*)\n.*\n\|(.*)$", whole).groups()
    seconds = dict(
        zip(re.findall(r"\d+", names), map(float, re.findall(r"\d+", seconds)), strict=True)
    )
    assert set(seconds) == {lesson[:2] for lesson in LESSONS}
    for lesson in LESSONS:
        told = 60 * MINUTES[times_in_readme(lesson)[0]]
        assert seconds[lesson[:2]] < 1.25 * told, f"{lesson}: {told:g} s are told"


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_its_results(name):
    assert f"`python -m benchmarks.{name}" in ALL_TEXTS["benchmarks/RESULTS.md"]


# --- The rest ----------------------------------------------------------------------------------


def test_readme_shows_every_homework_with_its_badge():
    for path in (ROOT / "notebooks" / "homework").glob("*.ipynb"):
        place = f"notebooks/homework/{path.name}"
        assert f"]({place}) | [![Open in Colab](" in TEXTS["README.md"]
        title = check.read(path).headings[0]
        assert f"| [{title}]({place})" in TEXTS["README.md"]


def test_no_picture_is_left_of_a_lesson_that_is_gone():
    assert {path.stem for path in gallery.FOLDER.iterdir()} == set(LESSONS)


def test_the_introduction_is_three_sentences():
    introduction = TEXTS["README.md"].split("\n\n")[1]
    assert len(re.findall(r"\.(?:\s|$)", introduction)) == 3


def test_the_citation_is_complete():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)
    assert citation["license"] in (ROOT / "LICENSE").read_text(encoding="utf-8")
