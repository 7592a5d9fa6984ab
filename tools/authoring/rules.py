"""The rules that every notebook follows: functions named `rule_…`.

Each takes a `Lesson` and yields what is wrong with it, in words that say what to do.
"""

import ast
import codecs
import copy
import re
import warnings
from collections.abc import Iterator

import nbformat

from tools.authoring import address, gallery, links
from tools.authoring.lessons import Lesson, count_lines
from utils import exercises

MOST_LINES = 40
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_PATH_OF_A_MACHINE = re.compile(
    r"(?<![\w.:/])/(?:home|Users|root|tmp|mnt|media|opt|work|workspace|content|kaggle)/"
    r"|\b[A-Z]:\\\\?(?:Users|Windows)"
)


def rule_valid(lesson: Lesson) -> Iterator[str]:
    """Be valid by the notebook schema, with ids that are present and unique."""
    ids = [cell.get("id") for cell in lesson.notebook.cells]
    if not all(isinstance(each, str) for each in ids):
        yield "has cells without an id; run make format"
    elif len(set(ids)) != len(ids):
        yield "has two cells with the same id; run make format"
    notebook = copy.deepcopy(lesson.notebook)  # the validation repairs what it is given
    for cell in notebook.cells:
        if not isinstance(cell.get("id"), str):
            cell.pop("id", None)
    try:
        with warnings.catch_warnings():  # about ids, which were checked above
            warnings.simplefilter("ignore")
            nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"is not valid: {error.message.splitlines()[0]}"


def rule_no_mark(lesson: Lesson) -> Iterator[str]:
    """Begin without a byte order mark, over which Jupyter stumbles."""
    if lesson.path.read_bytes().startswith(codecs.BOM_UTF8):
        yield "begins with a byte order mark; run make format"


def rule_no_outputs(lesson: Lesson) -> Iterator[str]:
    """Store no outputs, and no fields for outputs in text cells."""
    for number, cell in enumerate(lesson.notebook.cells):
        stored = [cell.get("outputs") or None, cell.get("execution_count")]
        if stored != [None, None]:
            yield f"cell {number} is stored with its output; run make format"
        elif cell.cell_type != "code" and {"outputs", "execution_count"} & set(cell):
            yield f"cell {number} is text but has fields for output; run make format"


def rule_metadata(lesson: Lesson) -> Iterator[str]:
    """Name the kernel python3, and store no metadata of a particular editor or machine."""
    if lesson.notebook.get("metadata", {}).get("kernelspec") != KERNEL:
        yield "names a kernel other than python3; run make format"


def rule_parses(lesson: Lesson) -> Iterator[str]:
    """Write plain Python, and of magics only `%%writefile` (a program) and `!` (to run it)."""
    for number, cell in lesson.code:
        try:
            ast.parse(python_of(cell.source))
        except SyntaxError as error:
            yield f"cell {number}, line {error.lineno} does not parse: {error.msg}"


def python_of(source: str) -> str:
    """Return the cell with what a `%%writefile` writes, and with a name for what `!` prints."""
    source = re.sub(r"\A%%writefile .*", "", source)
    return re.sub(r"(?m)^(\s*\w+ = )!.*", r"\1None", source)


def rule_short_cells(lesson: Lesson) -> Iterator[str]:
    """Keep even a folded or homework cell to one idea."""
    for number, cell in lesson.code:
        shown = cell.source.split("### BEGIN HIDDEN TESTS")[0]  # students see no more
        lines = count_lines(shown)
        if lines > MOST_LINES:
            yield f"cell {number} has {lines} lines; split it (at most {MOST_LINES})"


def rule_opening(lesson: Lesson) -> Iterator[str]:
    """Open with a title, badges that point here, lecture items, and the time it takes."""
    first = lesson.first
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "does not start with a title (# …)"
        return
    if address.badges(lesson.place, *address.address()) not in first.source:
        yield "has no badges in its first cell, or badges that point elsewhere; run make format"
    if not links.items_in(first.source):
        yield "does not say in its first cell which lecture items it covers (L2.3, …)"
    if "minute" not in first.source:
        yield "does not say in its first cell how many minutes it takes"


def rule_sections(lesson: Lesson) -> Iterator[str]:
    """Have objectives, checks, tasks for the reader and a recap."""
    if lesson.is_homework:
        if not any(heading.startswith("Hand in") for heading in lesson.headings):
            yield "has no section called Hand in"
        return
    if "**You will**" not in lesson.prose:
        yield "has no objectives (a paragraph that starts with **You will**)"
    for wanted in ("Check", "Your turn", "Recap"):
        if not any(heading.startswith(wanted) for heading in lesson.headings):
            yield f"has no section called {wanted}"


def rule_setup_cell(lesson: Lesson) -> Iterator[str]:
    """Begin with the setup cell, unchanged, and then show the banner."""
    if not lesson.code or lesson.code[0][1].source != address.setup_cell(*address.address()):
        yield "does not start with the setup cell of tools/authoring/setup_cell.py; run make format"
    if len(lesson.code) < 2 or "runtime.banner(" not in lesson.code[1][1].source:
        yield "does not show the banner (runtime.banner(…)) right after the setup cell"


def rule_claims(lesson: Lesson) -> Iterator[str]:
    """Check claims with `claims.check`, which a student's run survives."""
    if lesson.is_homework:
        return
    if not any("claims.check(" in cell.source for _, cell in lesson.code):
        yield "checks none of its claims (claims.check(…))"
    for number, cell in lesson.code:
        if re.search(r"(?m)^\s*assert\b", cell.source):
            yield f"cell {number} has an assert; make it a claim (claims.check(…))"


def rule_exercises(lesson: Lesson) -> Iterator[str]:
    """Judge exercises by number, with judges and answers in `utils.exercises`."""
    if lesson.is_homework:
        return
    for number, cell in lesson.code:
        if "exercises.compare(" in cell.source:
            yield f"cell {number} shows an answer; judge it by number (exercises.check(…))"
        for exercise in re.findall(r'exercises\.check\(\s*"([^"]*)"', cell.source):
            try:
                exercises.judge_of(exercise)
            except ValueError as error:
                yield f"cell {number}: {error}"


def rule_pictures(lesson: Lesson) -> Iterator[str]:
    """Show only pictures that exist, each with a title, a description, and the page's colour."""
    for number, cell in lesson.code:
        for name in re.findall(r'plotting\.picture\("([^"]*)"', cell.source):
            path = gallery.FOLDER / f"{name}.svg"
            if not path.is_file():
                yield f"cell {number} shows notebooks/images/{name}.svg, which is not there"
                continue
            drawing = path.read_text(encoding="utf-8")
            for part in ('role="img"', "<title>", "<desc>", "viewBox=", "currentColor"):
                if part not in drawing:
                    yield f"cell {number} shows {name}.svg, which has no {part}"


def rule_headline(lesson: Lesson) -> Iterator[str]:
    """Record the headline results, once."""
    count = sum(cell.source.count("results.headline(") for _, cell in lesson.code)
    if count != 1 and not lesson.is_homework:
        yield f"calls results.headline {count} times; once is right"


def rule_no_paths(lesson: Lesson) -> Iterator[str]:
    """Contain no path of anybody's machine."""
    for number, cell in enumerate(lesson.notebook.cells):
        found = _PATH_OF_A_MACHINE.search(cell.source)
        if found:
            yield f"cell {number} holds a path of one machine: {found.group()}…"


def rule_links(lesson: Lesson) -> Iterator[str]:
    """Link only to files and sections that exist."""
    # The links of an instructor's version are those of the student's version made from it.
    parents = lesson.path.parents
    yield from links.broken_links(lesson.prose, parents[parents[0].name == "instructor"])


def rule_closed(lesson: Lesson) -> Iterator[str]:
    """Close every folded solution."""
    if lesson.prose.count("<details") != lesson.prose.count("</details>"):
        yield "has a <details> that is not closed, or closed twice"
