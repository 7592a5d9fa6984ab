"""What README, CONTRIBUTING and the pages about data and lessons say is true.

Their commands are run: the cheap ones as they stand, of the others the part that is cheap (what
make would run, --help, a tiny notebook). What they name is there: files, folders, links, variables,
functions, lessons. A new command or name of a new kind fails here until a test knows it.
"""

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
import yaml
from conftest import COURSE_VARIABLES, ROOT

import course
from tools import address, check, gallery
from utils import exercises, openimages, plotting, results, runtime

PAGES = ("README.md", "CONTRIBUTING.md", "data/README.md", "notebooks/README.md")
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

# Made while the course runs, so not there in a fresh copy.
MADE = ("build", ".venv", "data/cache", "openimages/", "sample-", "training/", "photos.csv")
# What stands for something that the reader puts in.
STANDS_FOR = re.compile(r"[{}…*<>]|\bNN|\b(?:NAME|ID|FOLDER|FILE)\b|/path/|://|^/m/")
# Programs of other people that the pages mention; nothing of ours could make them fail.
OF_OTHERS = ("pip install pre-commit", "pip freeze", "certutil ", "sha256sum ", "export LC_ALL")
ENDINGS = r"\.(?:py|md|toml|txt|yml|csv|npz|gz|zip|h5|ipynb|html|json|cff|xml|in)$"


def fenced(text):
    """The fenced blocks of a page: pairs of language and content."""
    return re.findall(r"(?ms)^```(\w*)\n(.*?)^```", text)


def spans(text):
    """What stands between backticks, outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text))


def commands():
    """Every command that a page names, without its comment, once."""
    found = {}
    for page, text in TEXTS.items():
        lines = [line for language, block in fenced(text) for line in block.splitlines()]
        named = [line for line in lines if line] if fenced(text) else []
        python = [line for lang, block in fenced(text) if lang for line in block.splitlines()]
        named = [line for line in named if line not in python]
        starts = r"(make|python|py|jupyter|conda|pip|certutil|sha256sum|export) "
        named += [span for span in spans(text) if re.match(starts, span)]
        for each in named:
            found.setdefault(re.sub(r"\s{2,}#.*", "", each), page)
    return found


COMMANDS = commands()


def run(*command, **variables):
    environment = {name: v for name, v in os.environ.items() if name not in COURSE_VARIABLES}
    return subprocess.run(
        command, cwd=ROOT, env=environment | variables, capture_output=True, text=True
    )


def of_kind(pattern):
    return sorted(command for command in COMMANDS if re.match(pattern, command))


def test_every_command_is_of_a_kind_that_is_tested():
    kinds = r"make |python course\.py |py course\.py |python -m |jupyter |conda |cd |COURSE_"
    unknown = [
        f"{page}: {command}"
        for command, page in COMMANDS.items()
        if not re.match(kinds, command) and not command.startswith(OF_OTHERS)
    ]
    assert not unknown


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("command", of_kind("make (?!COMMAND)"))
def test_make_runs_what_the_page_says(command):
    """A dry run: what make would run is a command of course.py."""
    words = shlex.split(command)
    dry = run(*words, "--dry-run", "--no-print-directory", f"PYTHON={sys.executable}")
    assert dry.returncode == 0, dry.stderr
    _, script, name, *rest = shlex.split(dry.stdout)
    assert script == "course.py" and name in dict(course.COMMANDS)
    variables = [word.partition("=") for word in words if "=" in word]
    for _, _, value in variables:
        assert set(shlex.split(value)) <= set(rest), f"{value} gets lost in {dry.stdout}"


@pytest.mark.parametrize("command", of_kind(r"(python|py) course\.py (?!COMMAND)"))
def test_the_script_knows_its_commands(command):
    words = [word for word in shlex.split(command)[2:] if word != "--here"]
    assert words[0] in dict(course.COMMANDS)
    assert run(sys.executable, "course.py", "--help").returncode == 0


def as_module(command):
    """The module that a command starts, its words, and its options."""
    words = shlex.split(command)[2:]
    return words[0], [w for w in words[1:] if w[0] != "-"], [w for w in words if w[:2] == "--"]


@pytest.mark.parametrize("command", of_kind("python -m "))
def test_modules_know_the_options_that_are_named(command):
    name, words, options = as_module(command)
    path = ROOT / name.replace(".", "/")
    sources = [path.with_suffix(".py"), path / "__main__.py"]
    if name == "http.server":
        return  # Python's own
    assert any(source.is_file() for source in sources), f"there is no module {name}"
    if name.startswith("tools.train_") or name.startswith("tools.make_"):
        return  # trains or builds when it is started, and has no options
    first = words[:1] if name == "utils.data" else []
    asked = run(sys.executable, "-m", name, *first, "--help")
    assert asked.returncode == 0, asked.stderr
    assert not [option for option in options if option not in asked.stdout]
    if name == "tools.site":
        assert words[0] in asked.stdout


@pytest.mark.parametrize("command", ["list", "verify"])
def test_the_cheap_commands_about_data_run(command, tmp_path):
    assert f"python -m utils.data {command}" in COMMANDS
    cache = {"COURSE_DATA_DIR": str(tmp_path), "COURSE_OFFLINE": "1"}
    done = run(sys.executable, "-m", "utils.data", command, **cache)
    assert done.returncode == 0, done.stderr


def test_the_plain_command_for_graders_runs(tmp_path):
    """As it stands, but with a tiny notebook; tests/test_notebooks.py does it with the lessons."""
    (command,) = of_kind("jupyter nbconvert .*ipynb")
    words = shlex.split(command)
    (place,) = [word for word in words if word.endswith(".ipynb")]
    assert (ROOT / place).is_file()
    tiny = tmp_path / "tiny.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")]), tiny)
    words[words.index(place)] = str(tiny)
    words[words.index("--output-dir") + 1] = str(tmp_path / "out")
    done = run(sys.executable, "-m", *words)
    assert done.returncode == 0, done.stderr
    assert "42" in (tmp_path / "out" / "tiny.ipynb").read_text(encoding="utf-8")


def test_conda_finds_the_environment_that_is_named():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert f"conda activate {environment['name']}" in COMMANDS
    assert "conda env create -f environment.yml" in COMMANDS


BLOCKS = [block for text in TEXTS.values() for lang, block in fenced(text) if lang == "python"]


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
