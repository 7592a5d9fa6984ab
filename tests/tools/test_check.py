"""The rules for notebooks: each one notices when it is broken, and the course keeps them all."""

import copy
import json
import shutil
import subprocess

import nbformat
import pytest
from conftest import ROOT

from tools.authoring import address, check, rules, sizes

FIRST = check.notebook_paths()[0]


def test_the_course_keeps_every_rule():
    assert list(check.problems()) == []


def test_scripts_and_notebooks_are_linted_and_formatted():
    assert check.ruff(mend=False) == 0


def broken(change):
    """Return what the rules say of a good notebook after a change."""
    lesson = check.read(FIRST)
    lesson.notebook = copy.deepcopy(lesson.notebook)
    change(lesson.notebook)
    return [text for rule in check.RULES for text in rule(lesson)]


def replace(old, new):
    """Return a change of all texts."""

    def change(notebook):
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)

    return change


def code(number, source, *, keep=False):
    """Return a change of one code cell's source."""

    def change(notebook):
        cell = [cell for cell in notebook.cells if cell.cell_type == "code"][number]
        cell.source = cell.source + source if keep else source

    return change


def prose(text):
    """Return a change that adds to a text cell."""

    def change(notebook):
        notebook.cells[1].source += text

    return change


def store_output(notebook):
    cell = [cell for cell in notebook.cells if cell.cell_type == "code"][3]
    cell.outputs = [nbformat.v4.new_output("stream", text="done")]


def number_cell(notebook):
    [cell for cell in notebook.cells if cell.cell_type == "code"][3].execution_count = 3


def same_id(notebook):
    notebook.cells[2]["id"] = notebook.cells[1]["id"]


def no_id(notebook):
    del notebook.cells[2]["id"]


def no_cell_type(notebook):
    notebook.cells[2].cell_type = "prose"


def change_kernel(notebook):
    notebook.metadata.kernelspec = {"name": "my-env", "display_name": "My env"}


def no_items(notebook):
    replace("L1.", "item ")(notebook)
    replace("L2.", "item ")(notebook)


def fold(notebook):
    [cell for cell in notebook.cells if cell.cell_type == "code"][4].metadata.tags = ["folded"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (store_output, "stored with its output"),
        (number_cell, "stored with its output"),
        (same_id, "same id"),
        (no_id, "without an id"),
        (no_cell_type, "is not valid"),
        (change_kernel, "a kernel other than"),
        (code(4, "print('never closed'"), "does not parse"),
        (code(4, "!pip install something"), "does not parse"),
        (code(4, "%%writefile a.py\nprint('never closed'"), "does not parse"),
        (code(4, "%%time\nprint('mine')"), "does not parse"),
        (code(4, "a = 1\n" * 41), "41 lines"),
        (code(0, "\nprint('mine')", keep=True), "setup cell"),
        (replace("data.load_cifar10(", "data.load_cifar("), "utils.data has no load_cifar"),
        (replace("quick_minutes=", "quick_minute="), "argument"),
        (code(4, "try:\n    f()\nexcept Exception:\n    pass"), "an except that names Exception"),
        (code(4, "path = '/home/ada/data.csv'"), "path of one machine"),
        (code(4, r"path = 'C:\\Users\\ada'"), "path of one machine"),
        (prose("\n[next](99_nowhere.ipynb)"), "99_nowhere.ipynb, which is not there"),
        (prose(f"\n[there]({FIRST.name}#No-such-heading)"), "no such heading"),
        (prose("\n<details>"), "<details>"),
        (code(-1, "\nresults.headline([('a', 1)])", keep=True), "results.headline 2 times"),
        (replace("runtime.banner(", "print("), "banner"),
        (replace("notebooks/00_hello", "notebooks/00_hallo"), "badges"),
        (replace("**You will**", "You will"), "no objectives"),
        (replace("## Recap", "## The end"), "no section called Recap"),
        (replace("## Check", "## Tests"), "no section called Check"),
        (replace("# 00 ·", "00 ·"), "title"),
        (no_items, "lecture items"),
        (replace("minute", "moment"), "minutes"),
        (replace("claims.check(", "print("), "checks none of its claims"),
        (code(4, "    assert 1 == 1"), "has an assert"),
        (replace('exercises.check("00.', 'exercises.check("00.9'), "There is no exercise '00.9"),
        (code(4, "exercises.compare(1, 2, 'three')"), "shows an answer"),
        (code(4, 'plotting.picture("00_none")'), "00_none.svg, which is not there"),
        (fold, "does not begin with a title"),
    ],
)
def test_each_rule_notices(change, words):
    assert any(words in text for text in broken(change)), broken(change)


def lesson_of(*cells, header="**Your time:** about 60 minutes."):
    """Return a lesson of the second edition with these code cells."""
    opening = nbformat.v4.new_markdown_cell(f"# 00 · A lesson\n\n{header}")
    notebook = nbformat.v4.new_notebook(cells=[opening, *cells])
    return check.Lesson(FIRST.with_name("98_new.ipynb"), "notebooks/98_new.ipynb", notebook)


def cells(count, lines, tags=()):
    """Return that many code cells of so many lines."""
    return [
        nbformat.v4.new_code_cell("a = 1\n" * lines, metadata={"tags": list(tags)})
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("lesson", "words"),
    [
        (lesson_of(*cells(45, 8)), None),
        (lesson_of(*cells(46, 1)), "has 46 code cells"),
        (lesson_of(*cells(45, 9)), "has 405 lines"),
        (lesson_of(*cells(9, 10), *cells(9, 10)), "more than 9 lines in more than half"),
        (lesson_of(*cells(4, 2), *cells(1, 21)), "cell 5 has 21 lines"),
        (lesson_of(*cells(4, 2), *cells(99, 40, ["folded"])), None),
        (lesson_of(*cells(4, 2), header="L1.1"), "how long a student needs"),
        (lesson_of(*cells(4, 2), header="**Your time:** 120 minutes"), "two lessons"),
    ],
)
def test_the_numbers_of_a_lesson_are_kept(lesson, words):
    found = list(sizes.rule_sizes(lesson))
    assert (found == []) if words is None else any(words in text for text in found), found


def whole(**changes):
    """Return the text of a good notebook, some of it changed; None: left out."""
    raw = json.loads(FIRST.read_text(encoding="utf-8")) | changes
    return json.dumps({name: value for name, value in raw.items() if value is not None})


CELL = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# A"]}
UNREADABLE = {
    "half": (b"{", "is not JSON"),
    "empty": (b"", "is empty"),
    "conflict": (whole().replace(" ", "\n<<<<<<< HEAD\n", 1).encode(), "conflict (line 2)"),
    "utf16": (whole().encode("utf-16"), "is not UTF-8"),
    "old": (whole(nbformat=3, worksheets=[], cells=None).encode(), "format 4"),
    "no_list": (whole(cells=None).encode(), "list of cells"),
    "cell_of_text": (whole(cells=["# A"]).encode(), "cell 0"),
    "cell_without_text": (whole(cells=[CELL, CELL | {"source": None}]).encode(), "cell 1"),
    "odd_metadata": (whole(cells=[CELL | {"metadata": []}]).encode(), "cell 0"),
    "folder": (None, "cannot be read"),
}


@pytest.fixture
def few(tmp_path):
    """Return a folder with one good lesson, to which a test adds others, and the syllabus."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(FIRST, folder / "05_good.ipynb")
    (folder / "README.md").write_text("| L1.1 | [a](00_odd.ipynb#A) |\n", encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return folder


@pytest.mark.parametrize(("content", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_file_is_left_and_the_others_are_checked(content, words, few, capsys):
    odd, good = few / "00_odd.ipynb", few / "05_good.ipynb"
    odd.mkdir() if content is None else odd.write_bytes(content)
    with pytest.raises(ValueError, match=r"^notebooks/00_odd\.ipynb: ") as raised:
        check.read(odd, few.parent)
    assert words in str(raised.value)
    good.write_bytes(good.read_bytes().replace(b'count": null', b'count": 7'))
    assert check.main(["--notebooks-only"], few.parent) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines.count(str(raised.value)) == 1
    assert any(line.startswith("notebooks/05_good.ipynb: cell") for line in lines)
    assert check.main(["--fix", "--notebooks-only"], few.parent) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"left as it is: {raised.value}" in lines and "put in order: 05_good.ipynb" in lines
    assert content is None or odd.read_bytes() == content
    assert b'count": 7' not in good.read_bytes()


def test_a_page_that_cannot_be_read_is_reported(few):
    (few / "NOTES.md").write_bytes("é".encode("latin-1"))
    found = list(check.problems(few.parent))
    assert any(line.startswith("notebooks/NOTES.md: is not UTF-8") for line in found)
    (few / "README.md").unlink()
    assert any("notebooks/README.md: cannot be read" in line for line in check.problems(few.parent))


MENDED = {
    "mark": (b"\xef\xbb\xbf" + whole().encode(), "begins with a byte order mark"),
    "places_for_output": (
        whole(cells=[CELL | {"outputs": [], "execution_count": None, "odd": 1}]).encode(),
        "cell 0 is text but has fields for output",
    ),
    "no_metadata": (
        whole(metadata=None, cells=[{k: CELL[k] for k in CELL if k != "metadata"}]).encode(),
        "is not valid",
    ),
    "odd_ids": (whole(cells=[CELL | {"id": []}, CELL | {"id": 5}]).encode(), "without an id"),
}


@pytest.mark.parametrize(("content", "words"), MENDED.values(), ids=MENDED)
def test_what_an_editor_leaves_is_reported_and_mended(content, words, few):
    path = few / "00_odd.ipynb"
    path.write_bytes(content)
    assert any(words in line for line in check.problems(few.parent) if "00_odd" in line)
    assert check.fix(path, few.parent) is True
    lesson = check.read(path, few.parent)
    kept = rules.rule_valid, rules.rule_no_mark, rules.rule_no_outputs, rules.rule_metadata
    assert [text for rule in kept for text in rule(lesson)] == []
    assert len(lesson.notebook.cells) == len(json.loads(content.decode("utf-8-sig"))["cells"])
    assert check.fix(path, few.parent) is False


@pytest.mark.parametrize(
    "cells", [[], [CELL | {"source": "\ud83d"}]], ids=["none", "half_a_letter"]
)
def test_an_odd_notebook_loses_nothing(cells, few):
    path = few / "00_odd.ipynb"
    path.write_text(whole(cells=cells), encoding="utf-8")
    if cells:
        before = path.read_bytes()
        with pytest.raises(ValueError, match=r"00_odd\.ipynb: holds half a character"):
            check.fix(path, few.parent)
        assert path.read_bytes() == before
    else:
        check.fix(path, few.parent)
        found = [line for line in check.problems(few.parent) if "00_odd" in line]
        assert any("does not start with a title" in line for line in found)


def test_what_cannot_be_written_is_reported(few, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    path = few / "00_odd.ipynb"
    path.write_text(whole(vscode={}), encoding="utf-8")
    monkeypatch.setattr(type(path), "write_bytes", refuse)
    with pytest.raises(ValueError, match=r"00_odd.*be written"):
        check.fix(path, few.parent)


def test_format_mends_a_messy_lesson_and_keeps_every_word(few):
    path, root = few / FIRST.name, few.parent
    for source in (*check.notebook_paths(), FIRST.with_name("GLOSSARY.md")):  # which it links to
        if source.parent == FIRST.parent:
            shutil.copy(source, few)
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
            if "# @title Setup" in "".join(cell["source"]):
                cell["source"] = "# @title Setup: of an older edition"
    del notebook["cells"][5]["id"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    before = [cell.source for cell in check.read(path, root).notebook.cells]
    assert check.fix(path, root) is True
    lesson = check.read(path, root)
    assert [text for rule in check.RULES for text in rule(lesson)] == []
    assert lesson.notebook.metadata.accelerator == "GPU"
    assert "vscode" not in lesson.notebook.metadata
    setup = lesson.code[0][1]
    assert setup.metadata == {
        "tags": ["setup"], "cellView": "form", "jupyter": {"source_hidden": True}
    }  # fmt: skip
    after = [cell.source for cell in lesson.notebook.cells]
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [address.setup_cell(*address.address())]
    assert check.fix(path, root) is False


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "", None),
        ("| L3.7 |", "| L3.6 |", "does not list the lecture item L3.7"),
        ("| L3.8 |", "| L3.7 |", "lists L3.7 twice"),
        ("| L2.5 |", "| L9.1 |", "L2.5"),
    ],
)
def test_the_syllabus_lists_every_item_once(old, new, words, tmp_path):
    shutil.copytree(
        ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns("homework")
    )
    page = tmp_path / "notebooks" / "README.md"
    page.write_text(page.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    found = list(check.check_syllabus(tmp_path))
    assert (found == []) if words is None else any(words in text for text in found), found


def test_ranges_of_lecture_items_are_read():
    items = {"L1.1", "L1.2", "L1.3", "L2.1", "L3.10", "L3.11"}
    assert check.items_in("L1.1–L1.3, L2.1 and L3.10-L3.11") == items


def test_the_command_fails_when_a_rule_is_broken(monkeypatch, capsys):
    monkeypatch.setattr(check, "problems", lambda root: iter(["a.ipynb: has no title"]))
    monkeypatch.setattr(subprocess, "call", lambda *args, **options: 0)
    assert check.main([]) == 1
    assert "has no title" in capsys.readouterr().out
