"""The rules for notebooks: each one notices when it is broken, and the course keeps them all."""

import copy
import json
import shutil
import subprocess

import nbformat
import pytest
from conftest import ROOT

from tools.authoring import address, check

FIRST = check.notebook_paths()[0]


def test_the_course_keeps_every_rule():
    assert list(check.problems()) == []


def test_scripts_and_notebooks_are_linted_and_formatted():
    assert check.ruff(mend=False) == 0


def broken(change):
    """What the rules say of a good notebook after a change."""
    lesson = check.read(FIRST)
    lesson.notebook = copy.deepcopy(lesson.notebook)
    change(lesson.notebook)
    return [text for rule in check.RULES for text in rule(lesson)]


def code(notebook, number):
    return [cell for cell in notebook.cells if cell.cell_type == "code"][number]


def replace(old, new):
    def change(notebook):
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)

    return change


def store_output(notebook):
    code(notebook, 3).outputs = [nbformat.v4.new_output("stream", text="done")]


def number_cell(notebook):
    code(notebook, 3).execution_count = 3


def same_id(notebook):
    notebook.cells[2]["id"] = notebook.cells[1]["id"]


def no_id(notebook):
    del notebook.cells[2]["id"]


def change_kernel(notebook):
    notebook.metadata.kernelspec = {"name": "my-env", "display_name": "My env"}


def syntax_error(notebook):
    code(notebook, 4).source = "print('never closed'"


def magic(notebook):
    code(notebook, 4).source = "!pip install something"


def long_cell(notebook):
    code(notebook, 4).source = "\n".join(f"a{i} = {i}" for i in range(41))


def edited_setup(notebook):
    code(notebook, 0).source += "\nprint('mine')"


def hides_mistakes(notebook):
    code(notebook, 4).source = "try:\n    f()\nexcept Exception:\n    pass"


def machine_path(notebook):
    code(notebook, 4).source = "path = '/home/ada/data.csv'"


def windows_path(notebook):
    code(notebook, 4).source = r"path = 'C:\\Users\\ada'"


def broken_link(notebook):
    notebook.cells[1].source += "\n[next](99_nowhere.ipynb)"


def broken_section(notebook):
    notebook.cells[1].source += f"\n[there]({FIRST.name}#No-such-heading)"


def open_details(notebook):
    notebook.cells[1].source += "\n<details>"


def no_items(notebook):
    replace("L1.", "item ")(notebook)
    replace("L2.", "item ")(notebook)


def no_cell_type(notebook):
    notebook.cells[2].cell_type = "prose"


def second_headline(notebook):
    notebook.cells.append(nbformat.v4.new_code_cell("results.headline([('a', 1)])"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (store_output, "stored with its output"),
        (number_cell, "stored with its output"),
        (same_id, "same id"),
        (no_id, "without an id"),
        (no_cell_type, "is not valid"),
        (change_kernel, "another kernel"),
        (syntax_error, "does not parse"),
        (magic, "does not parse"),
        (long_cell, "41 lines"),
        (edited_setup, "setup cell"),
        (replace("data.load_cifar10(", "data.load_cifar("), "utils.data has no load_cifar"),
        (replace("full_minutes=", "full_minute="), "argument"),
        (hides_mistakes, "an except that names Exception"),
        (machine_path, "path of one machine"),
        (windows_path, "path of one machine"),
        (broken_link, "99_nowhere.ipynb, which is not there"),
        (broken_section, "no such heading"),
        (open_details, "<details>"),
        (second_headline, "results.headline 2 times"),
        (replace("runtime.banner(", "print("), "banner"),
        (replace("notebooks/00_hello", "notebooks/00_hallo"), "badges"),
        (replace("**You will**", "You will"), "no objectives"),
        (replace("## Recap", "## The end"), "no section called Recap"),
        (replace("## Check", "## Tests"), "no section called Check"),
        (replace("# 00 ·", "00 ·"), "title"),
        (no_items, "lecture items"),
        (replace("minute", "moment"), "minutes"),
    ],
)
def test_each_rule_notices(change, words):
    assert any(words in text for text in broken(change)), broken(change)


def whole(**changes):
    """The text of a good notebook, some of it changed; None: left out."""
    raw = json.loads(FIRST.read_text(encoding="utf-8")) | changes
    return json.dumps({name: value for name, value in raw.items() if value is not None})


CELL = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# A"]}
UNREADABLE = {
    "half": (b"{", "is not JSON"),
    "empty": (b"", "is empty"),
    "list": (b"[]", "format 4"),
    "conflict": (
        whole().replace(" ", "\n<<<<<<< HEAD\n", 1).encode(),
        "holds a merge conflict (line 2)",
    ),
    "utf16": (whole().encode("utf-16"), "is not UTF-8"),
    "latin1": ('{"a": "é"}'.encode("latin-1"), "is not UTF-8"),
    "old": (whole(nbformat=3, worksheets=[], cells=None).encode(), "format 4"),
    "no_list": (whole(cells=None).encode(), "list of cells"),
    "cell_of_text": (whole(cells=["# A"]).encode(), "cell 0"),
    "cell_without_text": (whole(cells=[CELL, CELL | {"source": None}]).encode(), "cell 1"),
    "cell_without_type": (whole(cells=[CELL | {"cell_type": None}]).encode(), "cell 0"),
    "odd_metadata": (whole(cells=[CELL | {"metadata": []}]).encode(), "cell 0"),
    "folder": (None, "cannot be read"),
}


@pytest.fixture
def few(tmp_path):
    """A course of one good lesson, between which a test puts others; and the syllabus."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(FIRST, folder / "05_good.ipynb")
    (folder / "README.md").write_text("| L1.1 | [a](00_odd.ipynb#A) |\n", encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return folder


def put(path, content):
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)


@pytest.mark.parametrize(("content", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_notebook_is_told_and_left_and_the_others_are_not(
    content, words, few, capsys
):
    odd, good = few / "00_odd.ipynb", few / "05_good.ipynb"
    put(odd, content)
    with pytest.raises(ValueError, match=r"^notebooks/00_odd\.ipynb: ") as raised:
        check.read(odd, few.parent)
    assert words in str(raised.value)
    good.write_bytes(good.read_bytes().replace(b'count": null', b'count": 7'))
    assert check.main(["--notebooks-only"], few.parent) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines.count(str(raised.value)) == 1
    assert any(line.startswith("notebooks/05_good.ipynb: cell") for line in lines)
    assert any("README.md: links to the section A of 00_odd.ipynb" in line for line in lines)
    assert any("does not list the lecture item" in line for line in lines)
    assert check.main(["--fix", "--notebooks-only"], few.parent) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"left as it is: {raised.value}" in lines and "put in order: 05_good.ipynb" in lines
    assert content is None or odd.read_bytes() == content
    assert b'count": 7' not in good.read_bytes()


def test_a_page_that_cannot_be_read_is_told(few):
    (few / "NOTES.md").write_bytes("é".encode("latin-1"))
    found = list(check.problems(few.parent))
    assert any(line.startswith("notebooks/NOTES.md: is not UTF-8") for line in found)
    (few / "README.md").unlink()
    assert any("notebooks/README.md: cannot be read" in line for line in check.problems(few.parent))


MENDED = {
    "mark": (b"\xef\xbb\xbf" + whole().encode(), "begins with a byte order mark"),
    "places_for_output": (
        whole(cells=[CELL | {"outputs": [], "execution_count": None, "odd": 1}]).encode(),
        "cell 0 is text and has a place for output; run make format",
    ),
    "outputs": (whole(cells=[CELL | {"execution_count": 3}]).encode(), "cell 0 is stored with"),
    "no_metadata": (
        whole(metadata=None, cells=[{k: CELL[k] for k in CELL if k != "metadata"}]).encode(),
        "is not valid",
    ),
    "odd_ids": (
        whole(cells=[CELL | {"id": []}, CELL | {"id": 5}]).encode(),
        "has cells without an id",
    ),
    "odd_keys": (whole(vscode={}, cells=[CELL | {"outputs": []}]).encode(), "is not valid"),
}


@pytest.mark.parametrize(("content", "words"), MENDED.values(), ids=MENDED)
def test_what_an_editor_leaves_is_told_and_mended(content, words, few):
    path = few / "00_odd.ipynb"
    path.write_bytes(content)
    assert any(f"00_odd.ipynb: {words}" in line for line in problems_of(path))
    assert check.fix(path, few.parent) is True
    lesson = check.read(path, few.parent)
    rules = check.rule_valid, check.rule_no_mark, check.rule_no_outputs, check.rule_metadata
    assert [text for rule in rules for text in rule(lesson)] == []
    assert len(lesson.notebook.cells) == len(json.loads(content.decode("utf-8-sig"))["cells"])
    assert check.fix(path, few.parent) is False


def problems_of(path):
    root = path.parent.parent
    return [line for line in check.problems(root) if line.startswith(f"notebooks/{path.name}")]


def test_a_notebook_without_cells_is_told(few):
    path = few / "00_odd.ipynb"
    path.write_text(whole(cells=[]), encoding="utf-8")
    check.fix(path, few.parent)
    assert any("does not start with a title" in line for line in problems_of(path))
    assert json.loads(path.read_text(encoding="utf-8"))["cells"] == []


def test_what_cannot_be_written_is_left_as_it_is(few, monkeypatch):
    path = few / "00_odd.ipynb"
    path.write_text(whole(cells=[CELL | {"source": "\ud83d"}]), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"00_odd\.ipynb: holds half a character"):
        check.fix(path, few.parent)
    assert path.read_bytes() == before

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    path.write_text(whole(vscode={}), encoding="utf-8")
    with monkeypatch.context() as patch, pytest.raises(ValueError, match=r"00_odd.*be written"):
        for name in ("write_bytes", "write_text"):
            patch.setattr(type(path), name, refuse)
        check.fix(path, few.parent)


@pytest.fixture
def messy(tmp_path):
    """A lesson as an editor may leave it: outputs, counts, odd metadata, an old setup cell."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for path in check.notebook_paths():  # they link to each other, and to the glossary
        shutil.copy(path, folder)
    shutil.copy(FIRST.with_name("GLOSSARY.md"), folder)
    notebook = json.loads(FIRST.read_text(encoding="utf-8"))
    notebook["metadata"] = {
        "kernelspec": {"name": "mine"},
        "vscode": {"x": 1},
        "accelerator": "GPU",
    }
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"]["collapsed"] = True
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "hi"}]
            if "REPOSITORY" in "".join(cell["source"]):
                cell["source"] = "REPOSITORY, REF = 'old', 'old'"
    del notebook["cells"][5]["id"]
    path = folder / FIRST.name
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def test_format_mends_what_an_editor_leaves(messy):
    root = messy.parent.parent
    assert check.fix(messy, root) is True
    lesson = check.read(messy, root)
    assert [text for rule in check.RULES for text in rule(lesson)] == []
    assert lesson.notebook.metadata.accelerator == "GPU"
    assert "vscode" not in lesson.notebook.metadata
    assert check.fix(messy, root) is False


def test_format_keeps_every_word_of_the_author(messy):
    before = [cell.source for cell in check.read(messy, messy.parent.parent).notebook.cells]
    check.fix(messy, messy.parent.parent)
    after = [cell.source for cell in check.read(messy, messy.parent.parent).notebook.cells]
    setup = address.setup_cell(*address.address())
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [setup]


def test_the_syllabus_must_list_every_item_once(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    text = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        (folder / path.name).write_bytes(path.read_bytes())
    cases = {
        text: None,
        text.replace("| L3.7 |", "| L3.6 |"): "does not list the lecture item L3.7",
        text + "\n| L3.7 | again | – |\n": "lists L3.7 twice",
        text + "\n| L9.1 | what | – |\n": "L9.1, which no lecture has",
        text.replace("| L2.5 |", "| L2.7 |"): "L2.5",
    }
    for changed, words in cases.items():
        (folder / "README.md").write_text(changed, encoding="utf-8")
        found = list(check.check_syllabus(tmp_path))
        assert (found == []) if words is None else any(words in each for each in found), words


def test_ranges_of_lecture_items_are_read():
    assert check.items_in("L1.1–L1.3, L2.1 and L3.10-L3.12") == {
        *("L1.1", "L1.2", "L1.3", "L2.1"),
        *("L3.10", "L3.11", "L3.12"),
    }


def test_the_hook_for_commits_runs_the_same_rules():
    hook = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "python course.py lint" in hook


def test_the_command_fails_when_a_rule_is_broken(monkeypatch, capsys):
    monkeypatch.setattr(check, "problems", lambda root: iter(["a.ipynb: has no title"]))
    monkeypatch.setattr(subprocess, "call", lambda *args, **options: 0)
    assert check.main([]) == 1
    assert "has no title" in capsys.readouterr().out
