"""The rules for notebooks: each one notices when it is broken, and the course keeps them all."""

import copy
import json
import shutil
import subprocess

import nbformat
import pytest
from conftest import ROOT

from tools import address, check

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


def test_a_file_that_is_no_notebook_is_told(tmp_path):
    for content, words in (("{", "not JSON"), ('{"nbformat": 3}', "format 4")):
        path = tmp_path / "a.ipynb"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=words):
            check.read(path, tmp_path)


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
    monkeypatch.setattr(check, "problems", lambda: iter(["a.ipynb: has no title"]))
    monkeypatch.setattr(subprocess, "call", lambda *args, **options: 0)
    assert check.main([]) == 1
    assert "has no title" in capsys.readouterr().out
