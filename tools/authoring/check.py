"""Checks of notebooks, links and scripts: make lint. With --fix (make format) it mends what it can.

The rules that every notebook keeps are the functions named `rule_…`; each takes a `Lesson` and
yields what is wrong with it, in words that say what to do.
"""

import argparse
import ast
import codecs
import copy
import dataclasses
import functools
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import urllib.parse
import warnings

import nbformat

from tools.authoring import address, api_check

ROOT = address.ROOT
LECTURE_ITEMS = {"L1": 15, "L2": 10, "L3": 22, "L4": 17, "L5": 27}
MOST_LINES = 40
KEPT_METADATA = ("tags", "nbgrader", "homework", "editable", "deletable")  # of cells
KEYS_OF_CODE = {"id", "cell_type", "metadata", "source", "outputs", "execution_count"}
KEYS_OF_TEXT = {"id", "cell_type", "metadata", "source", "attachments"}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
_ITEM = re.compile(r"\bL([1-5])\.(\d+)(?:\s*[–-]\s*L\1\.(\d+))?")
_PATH_OF_A_MACHINE = re.compile(
    r"(?<![\w.:/])/(?:home|Users|root|tmp|mnt|media|opt|work|workspace|content|kaggle)/"
    r"|\b[A-Z]:\\\\?(?:Users|Windows)"
)


@dataclasses.dataclass
class Lesson:
    """A notebook, read: its path, its path from the root, and its cells."""

    path: pathlib.Path
    place: str
    notebook: nbformat.NotebookNode

    @property
    def is_homework(self):
        """Whether this is homework; it has tasks and a way to hand in, but claims no results."""
        return "homework" in self.path.parts

    @property
    def first(self):
        """The first cell; None if there are no cells."""
        return next(iter(self.notebook.cells), None)

    @functools.cached_property
    def code(self):
        """The code cells, with their number in the notebook."""
        return [(i, c) for i, c in enumerate(self.notebook.cells) if c.cell_type == "code"]

    @functools.cached_property
    def prose(self):
        """All Markdown, as one text."""
        cells = [cell.source for cell in self.notebook.cells if cell.cell_type == "markdown"]
        return "\n\n".join(cells)

    @functools.cached_property
    def headings(self):
        """The titles of all sections."""
        return re.findall(r"(?m)^#{1,6}\s+(.+?)\s*$", self.prose)


def read(path, root=ROOT):
    """Reads a notebook, whatever state it is in.

    Raises:
        ValueError: the file does not hold a notebook of format 4; its path stands in the message.
    """
    place = path.relative_to(root).as_posix()
    try:
        return Lesson(path, place, nbformat.from_dict(_content(path)))
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _content(path):
    text = _text(path)
    try:
        raw = json.loads(text)
    except ValueError as error:
        reason = f"is not JSON ({error}); open and save it with Jupyter"
        if conflict := re.search(r"(?m)^<{7} ", text):
            line = text.count("\n", 0, conflict.start()) + 1
            reason = f"is not JSON, for it holds a merge conflict (line {line}); settle that first"
        elif not text.strip():
            reason = "is not JSON, for it is empty; remove it, or save it with Jupyter"
        raise ValueError(reason) from None
    if not isinstance(raw, dict) or raw.get("nbformat") != 4:
        raise ValueError("is not a notebook of format 4; open and save it with a current Jupyter")
    if not isinstance(raw.get("cells"), list) or not isinstance(raw.get("metadata", {}), dict):
        raise ValueError("is not a notebook, which has a list of cells; save it with Jupyter")
    for number, cell in enumerate(raw["cells"]):
        if not _is_cell(cell):
            raise ValueError(f"cell {number} lacks its type or text; open and save it with Jupyter")
        cell["source"] = "".join(cell["source"])  # stored as a list of lines, or as one text
    return raw


def _is_cell(raw):
    if not isinstance(raw, dict) or not isinstance(raw.get("metadata", {}), dict):
        return False
    source = raw.get("source")
    lines = source if isinstance(source, list) else [source]
    return all(isinstance(text, str) for text in [raw.get("cell_type"), *lines])


def _text(path):
    """The text of a file; ValueError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None


def rule_valid(lesson):
    """The notebook is valid by its own schema, with ids that are there and differ."""
    ids = [cell.get("id") for cell in lesson.notebook.cells]
    if not all(isinstance(each, str) for each in ids):
        yield "has cells without an id; run make format"
    elif len(set(ids)) != len(ids):
        yield "has two cells with the same id; run make format"
    notebook = copy.deepcopy(lesson.notebook)  # the validation mends what it is given
    for cell in notebook.cells:
        if not isinstance(cell.get("id"), str):
            cell.pop("id", None)
    try:
        with warnings.catch_warnings():  # about ids, which were looked at above
            warnings.simplefilter("ignore")
            nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"is not valid: {error.message.splitlines()[0]}"


def rule_no_mark(lesson):
    """No byte order mark, over which Jupyter stumbles."""
    if lesson.path.read_bytes().startswith(codecs.BOM_UTF8):
        yield "begins with a byte order mark; run make format"


def rule_no_outputs(lesson):
    """Outputs are not committed, and cells of text have no place for any."""
    for number, cell in enumerate(lesson.notebook.cells):
        stored = [cell.get("outputs") or None, cell.get("execution_count")]
        if stored != [None, None]:
            yield f"cell {number} is stored with its output; run make format"
        elif cell.cell_type != "code" and {"outputs", "execution_count"} & set(cell):
            yield f"cell {number} is text and has a place for output; run make format"


def rule_metadata(lesson):
    """The kernel is Python 3, and no metadata of one editor or machine is stored."""
    if lesson.notebook.get("metadata", {}).get("kernelspec") != KERNEL:
        yield "names another kernel than python3; run make format"


def rule_parses(lesson):
    """Every code cell is Python, without magics (a cell that a script can run as well)."""
    for number, cell in lesson.code:
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"cell {number}, line {error.lineno} does not parse: {error.msg}"


def rule_short_cells(lesson):
    """One idea a cell."""
    for number, cell in lesson.code:
        shown = cell.source.split("### BEGIN HIDDEN TESTS")[0]  # students see no more
        lines = sum(1 for line in shown.splitlines() if line.strip())
        if lines > MOST_LINES:
            yield f"cell {number} has {lines} lines; split it (at most {MOST_LINES})"


def rule_opening(lesson):
    """The first cell has a title, badges that point here, lecture items, and the time it takes."""
    first = lesson.first
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "does not start with a title (# …)"
        return
    if address.badges(lesson.place, *address.address()) not in first.source:
        yield "has no badges in its first cell, or badges that point elsewhere; run make format"
    if not _ITEM.search(first.source):
        yield "does not say in its first cell which lecture items it covers (L2.3, …)"
    if "minute" not in first.source:
        yield "does not say in its first cell how many minutes it takes"


def rule_sections(lesson):
    """Objectives, checks, a task for the reader and a recap are there."""
    if lesson.is_homework:
        if not any(heading.startswith("Hand in") for heading in lesson.headings):
            yield "has no section called Hand in"
        return
    if "**You will**" not in lesson.prose:
        yield "has no objectives (a paragraph that starts with **You will**)"
    for wanted in ("Check", "Your turn", "Recap"):
        if not any(heading.startswith(wanted) for heading in lesson.headings):
            yield f"has no section called {wanted}"


def rule_setup_cell(lesson):
    """The first code cell is the setup cell, to the letter; the second shows the banner."""
    if not lesson.code or lesson.code[0][1].source != address.setup_cell(*address.address()):
        yield "does not start with the setup cell of tools/authoring/setup_cell.py; run make format"
    if len(lesson.code) < 2 or "runtime.banner(" not in lesson.code[1][1].source:
        yield "does not show the banner (runtime.banner(…)) right after the setup cell"


def rule_headline(lesson):
    """The headline results are recorded, once."""
    count = sum(cell.source.count("results.headline(") for _, cell in lesson.code)
    if count != 1 and not lesson.is_homework:
        yield f"calls results.headline {count} times; once is right"


def rule_no_paths(lesson):
    """No path of somebody's machine."""
    for number, cell in enumerate(lesson.notebook.cells):
        found = _PATH_OF_A_MACHINE.search(cell.source)
        if found:
            yield f"cell {number} holds a path of one machine: {found.group()}…"


def rule_links(lesson):
    """Links to files resolve."""
    # An instructor's version is written with the links of the student's version made of it.
    parents = lesson.path.parents
    yield from broken_links(lesson.prose, parents[parents[0].name == "instructor"])


def rule_closed(lesson):
    """Folded solutions are closed again."""
    if lesson.prose.count("<details") != lesson.prose.count("</details>"):
        yield "has a <details> that is not closed, or closed twice"


_NAMES = {**vars(api_check), **globals()}
RULES = [value for name, value in sorted(_NAMES.items()) if name.startswith("rule_")]


def broken_links(markdown, folder):
    """Yields the links of a Markdown text to files or notebook sections that are not there."""
    markdown = re.sub(r"(?ms)^```.*?^```", "", markdown)
    for target in _LINK.findall(markdown):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        name, _, section = urllib.parse.unquote(target).partition("#")
        path = folder / name
        if not path.exists():
            yield f"links to {name}, which is not there"
        elif section and path.suffix == ".ipynb":
            try:
                if not has_section(path, section):
                    yield f"links to the section {section} of {name}, which has no such heading"
            except ValueError as error:
                yield f"links to the section {section} of {error}"


def has_section(path, section):
    """Whether a notebook has a heading with that anchor (Jupyter: spaces become hyphens)."""
    return section in {anchor(heading) for heading in _headings(path)}


@functools.cache
def _headings(path):
    return read(path.resolve(), path.resolve().parent).headings


def anchor(heading):
    """The anchor that Jupyter gives to a heading."""
    return re.sub(r"[*`]", "", heading).strip().replace(" ", "-")


def check_syllabus(root=ROOT):
    """Yields what is wrong with notebooks/README.md: every lecture item stands there once."""
    try:
        text = _text(root / "notebooks" / "README.md")
    except ValueError as error:
        yield str(error)
        return
    expected = {f"{part}.{i + 1}" for part, count in LECTURE_ITEMS.items() for i in range(count)}
    shown, waiting = {}, set()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or not re.fullmatch(r"L\d\.\d+", cells[0]):
            continue
        if cells[0] in shown or cells[0] in waiting:
            yield f"lists {cells[0]} twice"
        links = re.findall(r"\(([\w-]+\.ipynb)#[^)]+\)", line)
        if links:
            shown[cells[0]] = links
        else:
            waiting.add(cells[0])
    for item in sorted(expected - set(shown) - waiting):
        yield f"does not list the lecture item {item}"
    for item in sorted((set(shown) | waiting) - expected):
        yield f"lists {item}, which no lecture has"
    yield from _compare_with_openings(shown, root)


def _compare_with_openings(shown, root):
    """What a notebook says it covers, and what the syllabus says it covers, is the same."""
    for path in notebook_paths(root):
        if path.parent.name != "notebooks":
            continue
        try:
            first = read(path, root).first
        except ValueError:
            continue  # what is wrong with it has been said
        claimed = items_in(first.source) if first else set()
        listed = {item for item, links in shown.items() if path.name in links}
        for item in sorted(claimed ^ listed):
            where = "the notebook but not the syllabus" if item in claimed else "only the syllabus"
            yield f"{item} is claimed for {path.name} by {where}"


def items_in(text):
    """The lecture items that a text names; L1.1–L1.3 names three."""
    found = set()
    for lecture, first, last in _ITEM.findall(text):
        numbers = range(int(first), int(last or first) + 1)
        found |= {f"L{lecture}.{number}" for number in numbers}
    return found


def notebook_paths(root=ROOT):
    """All notebooks of the course, in order."""
    paths = (root / "notebooks").rglob("*.ipynb")
    return sorted(path for path in paths if ".ipynb_checkpoints" not in path.parts)


def markdown_paths(root=ROOT):
    """All Markdown pages of the course."""
    pages = [path for path in root.rglob("*.md") if not _hidden(path.relative_to(root))]
    return sorted(pages)


def _hidden(path):
    """In a folder that holds nothing of the course's own: environments, build, downloads."""
    return any(part.startswith(".") or part in ("build", "cache") for part in path.parts)


def problems(root=ROOT):
    """Everything that is wrong, as lines "file: what"."""
    for path in notebook_paths(root):
        try:
            lesson = read(path, root)
        except ValueError as error:
            yield str(error)
            continue
        for rule in RULES:
            yield from (f"{lesson.place}: {text}" for text in rule(lesson))
    for path in markdown_paths(root):
        place = path.relative_to(root).as_posix()
        try:
            text = _text(path)
        except ValueError as error:
            yield f"{place}: {error}"
            continue
        yield from (f"{place}: {found}" for found in broken_links(text, path.parent))
    yield from (f"notebooks/README.md: {text}" for text in check_syllabus(root))


def fix(path, root=ROOT):
    """Puts a notebook in order: no outputs, stable ids, plain metadata, badges, setup cell.

    Returns:
        True if the file changed.

    Raises:
        ValueError: it cannot be read or written, and is left as it is.
    """
    lesson = read(path, root)
    metadata = lesson.notebook.get("metadata", {})
    kept = {name: metadata[name] for name in ("accelerator", "colab") if name in metadata}
    metadata = {**kept, "kernelspec": KERNEL, "language_info": {"name": "python"}}
    _fix_cells(lesson)
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata}
    notebook = nbformat.from_dict({"cells": lesson.notebook.cells, **notebook})
    old = path.read_text(encoding="utf-8")
    new = json.dumps(_sources_as_lines(notebook), indent=1, ensure_ascii=False) + "\n"
    if old == new:
        return False
    try:
        path.write_bytes(new.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"{lesson.place}: holds half a character: {error}") from None
    except OSError as error:
        raise ValueError(f"{lesson.place}: cannot be written ({error.strerror})") from None
    return True


def fix_all(root=ROOT):
    """Puts all notebooks in order; the exit status is 1 if one had to be left as it is."""
    changed, status = [], 0
    for path in notebook_paths(root):
        try:
            changed += [path.name] if fix(path, root) else []
        except ValueError as error:
            print(f"left as it is: {error}")
            status = 1
    if changed or not status:
        print(f"put in order: {', '.join(changed)}" if changed else "notebooks were in order")
    return status


def _fix_cells(lesson):
    repository, ref = address.address()
    badge_line = address.badges(lesson.place, repository, ref)
    if first := lesson.first:
        first.source = re.sub(r"(?m)^\[!\[Open in Colab\].*$", lambda _: badge_line, first.source)
    for cell in lesson.notebook.cells:
        cell.setdefault("metadata", nbformat.NotebookNode())
    if lesson.code and "REPOSITORY, REF =" in lesson.code[0][1].source:
        lesson.code[0][1].source = address.setup_cell(repository, ref)
        lesson.code[0][1].metadata["tags"] = ["setup"]
    taken = set()
    for cell in lesson.notebook.cells:
        for name in [name for name in cell.metadata if name not in KEPT_METADATA]:
            del cell.metadata[name]
        is_code = cell.cell_type == "code"
        for name in set(cell) - (KEYS_OF_CODE if is_code else KEYS_OF_TEXT):
            del cell[name]
        if is_code:
            cell.outputs, cell.execution_count = [], None
        own = cell.get("id")
        is_id = isinstance(own, str) and re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", own)
        if not is_id or own in taken:
            # An id made from what the cell says: the same on every machine.
            seed = f"{len(taken)} {cell.source}".encode()
            cell["id"] = hashlib.sha256(seed).hexdigest()[:8]
        taken.add(cell.id)


def _sources_as_lines(notebook):
    """The notebook as a plain dictionary, its sources split into lines as Jupyter stores them."""
    plain = json.loads(nbformat.writes(notebook, version=nbformat.NO_CONVERT))
    for cell in plain["cells"]:
        if isinstance(cell["source"], str):
            cell["source"] = cell["source"].splitlines(keepends=True)
    return plain


def ruff(mend, root=ROOT):
    """Runs ruff's linter and formatter on scripts and notebooks; returns the exit status."""
    check = ["check", "--fix"] if mend else ["check"]
    layout = ["format"] if mend else ["format", "--check"]
    command = [sys.executable, "-m", "ruff"]
    statuses = [subprocess.call([*command, *each, "-q", "."], cwd=root) for each in (check, layout)]
    return max(statuses)


def main(arguments=None, root=ROOT):
    """The command line; exit status 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="make lint", description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    parser.add_argument("--notebooks-only", action="store_true", help="leave ruff out")
    options = parser.parse_args(arguments)
    statuses = [fix_all(root)] if options.fix else []
    statuses += [] if options.notebooks_only else [ruff(options.fix, root)]
    found = list(problems(root))
    print("\n".join(found) if found else f"{len(notebook_paths(root))} notebooks keep the rules")
    return 1 if found or any(statuses) else 0


if __name__ == "__main__":
    sys.exit(main())
