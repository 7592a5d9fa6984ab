"""What README, CONTRIBUTING and the other pages name exists, and their commands are understood.

The cheap commands are carried out, in a copy of the course where they write. Of the others it is
tested that their words arrive, and that the modules and options are there.
"""

import functools
import importlib
import importlib.util
import inspect
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
import urllib.request

import nbformat
import pytest
import yaml
from conftest import COURSE_VARIABLES, ROOT

import course
from benchmarks.__main__ import NAMES as BENCHMARKS
from tools.authoring import address, check, gallery
from utils.processes import cleanup

PAGES = ("README.md", "CONTRIBUTING.md", "data/README.md", "notebooks/README.md")
WITH_COMMANDS = ("grading/README.md", "notebooks/homework/README.md", "benchmarks/RESULTS.md")
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES + WITH_COMMANDS}
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

# Made while the course runs, so not there in a fresh copy; and official names of files elsewhere.
NOT_HERE = ("build", ".venv", "data/cache", "openimages/", "sample-", "train/", "photos.csv")
NOT_HERE += ("v7/", "2018_04/", "co2_mm_mlo.csv", "owner/name")
# What stands for something that the reader puts in.
STANDS_FOR = re.compile(r"[{}…*<>]|\bNN|\b(?:NAME|ID|FOLDER|FILE)\b|/path/|://|^/m/")
ENDINGS = r"\.(?:py|md|toml|txt|yml|csv|npz|gz|zip|h5|ipynb|html|json|cff|xml|in)$"
FENCED = re.compile(r"(?ms)^( *)```(\w*)\n(.*?)^\1```")


def spans(text):
    """Return what stands between backticks, outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", FENCED.sub("", text))


def commands(pattern):
    """Return every command of the pages that matches the pattern, without its comment, once."""
    lines = []
    for text in TEXTS.values():
        blocks = [block for _, language, block in FENCED.findall(text) if not language]
        lines += [line.strip() for block in blocks for line in block.splitlines()]
        lines += spans(text)
    found = {re.sub(r"\s{2,}#.*", "", line) for line in lines}
    return sorted(line for line in found if re.match(pattern, line))


MAKE = commands(r"(make|(python|py) course\.py) (?!COMMAND)")
MODULES = commands(r"(\.venv/bin/)?python -m (?!pip |pre_commit |http)\w")


def environment(**variables):
    """Return the environment without a backend and without the make that started the tests."""
    of_make = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS", "ONLY", "REPO", "REF")
    kept = {n: v for n, v in os.environ.items() if n not in ("KERAS_BACKEND", *of_make)}
    return kept | variables


def run(*words, where=ROOT, **variables):
    done = subprocess.run(
        list(map(str, words)),
        cwd=where,
        env=environment(**variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


# --- make and course.py ------------------------------------------------------------------------


@pytest.mark.parametrize("command", MAKE)
def test_make_and_the_script_understand_the_same(command, monkeypatch):
    """Neither starts anything here; both have the same words for the tool behind the command."""
    calls = []
    monkeypatch.setattr(course, "call", lambda command: calls.append(command[1:]) or 0)
    monkeypatch.setattr(course, "make_environment", lambda *arguments, **options: "python")
    monkeypatch.setattr(course, "find_python", lambda *arguments, **options: "python")
    monkeypatch.setattr(course, "clean", lambda: 0)
    monkeypatch.setattr(shutil, "rmtree", lambda *arguments, **options: None)
    words = shlex.split(command)
    words = words[1:] if words[0] == "make" else words[2:]
    assert not course.main(words)
    if shutil.which("make") and "--here" not in words:
        by_script, calls[:] = list(calls), []
        python = f"PYTHON={sys.executable}"
        dry = run("make", *words, "--dry-run", "--no-print-directory", python)
        assert not course.main(shlex.split(dry)[2:])
        assert calls == by_script


def test_every_command_is_on_a_page():
    readme = TEXTS["README.md"]
    for name in course.COMMANDS:
        assert name == "help" or re.search(rf"(?m)^\| `make {name}[ `]", readme)
    for name in COURSE_VARIABLES:
        assert f"| `{name}` |" in readme


@pytest.fixture
def copy(tmp_path):
    """A copy of the course, for commands that write into it."""
    folders = ("benchmarks", "constraints", "data", "grading", "notebooks", "tests", "tools")
    for name in (*folders, "utils"):
        ignored = shutil.ignore_patterns(".*", "cache", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / "course" / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path / "course")
    return tmp_path / "course"


def here(*words):
    """Return a command of course.py that uses this Python and installs nothing."""
    return [sys.executable, "course.py", "--here", *words]


def test_a_fork_is_addressed_and_cleaned(copy):
    """What a teacher does, in one go: badges, homework, clean."""
    run(*here("badges", "REPO=ada/fork"), where=copy)
    for page in ("README.md", f"notebooks/{LESSONS[0]}.ipynb", "pyproject.toml"):
        assert "ada/fork" in (copy / page).read_text(encoding="utf-8")
    run(*here("homework", "ARGS=--check"), where=copy)
    made = [copy / name for name in ("build", ".venv", "data/cache")]
    for folder in made:
        folder.mkdir(parents=True, exist_ok=True)
    run(*here("clean"), where=copy)
    assert [folder.exists() for folder in made] == [False, False, True]


def test_the_lessons_that_are_named_run(copy):
    cell = nbformat.v4.new_code_cell("6 * 7")
    for lesson in LESSONS:
        path = copy / "notebooks" / f"{lesson}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    run(*here("run", "ONLY=00 01"), where=copy)
    executed = {path.stem.partition("_")[0] for path in (copy / "build" / "html").glob("*.html")}
    assert executed == {"00", "01"} and (copy / "build" / "index.html").is_file()


@pytest.mark.skipif(not importlib.util.find_spec("jupyterlab"), reason="there is no JupyterLab")
def test_lab_answers(tmp_path):
    folder = tmp_path / "runtime"
    variables = {"JUPYTER_RUNTIME_DIR": str(folder), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    with open(tmp_path / "log", "wb") as log:
        lab = subprocess.Popen(
            here("lab", "--no-browser", "--allow-root"),
            cwd=ROOT,
            env=environment(**variables),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        page, end = "", time.monotonic() + 120
        while not page and time.monotonic() < end and lab.poll() is None:
            time.sleep(0.2)
            page = page_of_lab(folder)
        assert "JupyterLab" in page, (tmp_path / "log").read_text(errors="replace")[-3000:]
    finally:
        survivors = cleanup.end([lab.pid], set())
        lab.wait(timeout=90)
    assert survivors == []


def page_of_lab(folder):
    """Return what JupyterLab answers to a browser; empty as long as it does not."""
    try:
        (about,) = folder.glob("jpserver-*.json")
        server = json.loads(about.read_text(encoding="utf-8"))
        directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        page = f"http://127.0.0.1:{server['port']}/lab?token={server['token']}"
        with directly.open(page, timeout=60) as answer:
            return answer.read().decode("utf-8")
    except (OSError, ValueError):
        return ""


# --- python -m and other commands --------------------------------------------------------------


@functools.cache
def help_of(module):
    return run(sys.executable, "-m", module, "--help")


@pytest.mark.parametrize("command", MODULES)
def test_modules_know_the_options_that_are_named(command):
    module, *words = shlex.split(command)[2:]
    assert importlib.util.find_spec(module)
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    if module.startswith("benchmarks."):  # --help would take as long as importing Keras
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert all(f'"{o}"' in source or f"{o[2:].replace('-', '_')}=" in source for o in options)
    elif words:
        assert all(option in help_of(module) for option in options)
        if module == "utils.data":
            assert words[0] in help_of(module)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_its_results(name):
    assert f"`python -m benchmarks.{name}" in TEXTS["benchmarks/RESULTS.md"]


def test_conda_finds_the_environment_that_is_named():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert commands("conda activate") == [f"conda activate {conda['name']}"]
    assert "conda env create -f environment.yml" in commands("conda ")


@pytest.mark.parametrize("command", commands(r"jupyter nbconvert .*ipynb"))
def test_the_notebook_of_the_plain_command_exists(command):
    place = next(word for word in shlex.split(command) if word.endswith(".ipynb"))
    folders = (ROOT, ROOT / "notebooks" / "homework" / "instructor")
    assert any((folder / place).is_file() for folder in folders)


BLOCKS = [
    textwrap.dedent(block)
    for text in TEXTS.values()
    for _, language, block in FENCED.findall(text)
    if language == "python"
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_examples_in_python_run(block, tmp_path):
    run(sys.executable, "-c", block, COURSE_DATA_DIR=str(tmp_path), COURSE_OFFLINE="1")


# --- What the pages name -----------------------------------------------------------------------


def test_functions_that_are_named_exist_and_take_those_arguments():
    count = 0
    for span in (span for page in PAGES for span in spans(TEXTS[page])):
        match = re.fullmatch(
            r"(exercises|openimages|plotting|results|runtime)\.(\w+)(\(.*\))?", span
        )
        if match:
            member = getattr(importlib.import_module(f"utils.{match[1]}"), match[2])
            arguments = set(re.findall(r"(\w+)=", match[3] or ""))
            known = inspect.signature(member).parameters if match[3] else {}
            takes_any = any(parameter.kind.name == "VAR_KEYWORD" for parameter in known.values())
            assert takes_any or arguments <= set(known)
            count += 1
    assert count >= 5


@pytest.mark.parametrize("page", PAGES)
def test_files_links_and_variables_that_are_named_exist(page):
    text, folder = TEXTS[page], (ROOT / page).parent
    registry = str(tomllib.loads((ROOT / "data" / "registry.toml").read_text(encoding="utf-8")))
    for span in spans(text):
        is_path = "/" in span or re.search(ENDINGS, span)
        if is_path and not re.search(r"[ (]", span) and not STANDS_FOR.search(span):
            exists = (ROOT / span).exists() or (folder / span).exists()
            assert exists or span.startswith(NOT_HERE) or span in registry, span
    assert list(check.broken_links(text, folder)) == []
    for place, section in re.findall(r"\]\(([\w/.]*\.md|)#([\w-]+)\)", text):
        headings = re.findall(
            r"(?m)^#+ (.+?)\s*$", (folder / (place or ROOT / page)).read_text("utf-8")
        )
        anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
        assert section in anchors, f"{place} has no section #{section}"
    sources = [path for room in ("utils", "tools") for path in (ROOT / room).rglob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    for name in set(re.findall(r"\b(?:COURSE|KERAS)_[A-Z_]+\b", text)):
        assert name in code, f"nothing looks at {name}"


@pytest.mark.parametrize("lesson", LESSONS)
def test_readme_shows_every_lesson_with_badge_and_picture(lesson):
    readme, place = TEXTS["README.md"], f"notebooks/{lesson}.ipynb"
    colab = address.badges(place, *address.address()).partition(" [![Open in Kaggle")[0]
    assert re.search(rf"(?m)^\| \[{lesson[:2]}\w* · [^\]]+\]\({place}\) \| ", readme)
    assert colab in readme
    assert f"({lesson}.ipynb) |" in TEXTS["notebooks/README.md"], "not in the syllabus"
    assert f"](notebooks/images/{lesson}.webp)]({place})" in readme
    assert (gallery.FOLDER / f"{lesson}.webp").stat().st_size <= gallery.MOST_BYTES
    headings = check.read(ROOT / place).headings
    assert gallery.PICTURES[lesson].section in headings


def test_readme_shows_every_homework_and_no_lesson_that_is_gone():
    for path in (ROOT / "notebooks" / "homework").glob("*.ipynb"):
        title, place = check.read(path).headings[0], f"notebooks/homework/{path.name}"
        assert f"| [{title}]({place}) | [![Open in Colab](" in TEXTS["README.md"]
    assert {path.stem for path in gallery.FOLDER.iterdir() if path.suffix == ".webp"} == set(
        LESSONS
    )


def test_the_citation_is_complete():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)
    assert citation["license"] in (ROOT / "LICENSE").read_text(encoding="utf-8")
