"""The folded solutions of the exercises do what they say: they run, and they pass their check.

Each lesson is executed once more, with every solution pasted in below its exercise, as a student
would who unfolds it.
"""

import ast
import re
import textwrap

import nbclient
import nbformat
import pytest
from conftest import LESSONS, ROOT, notebook_environment
from PIL import Image

from tools.authoring import check

FOLDED = re.compile(r"<details><summary>Solution</summary>(.*?)</details>", re.DOTALL)
# What a check says of an answer that is not right.
WRONG = ("Not yet", "could not be checked", "Not answered yet")
# A solution that names classes of one's own choice needs the whole of Open Images.
NEEDS_THE_INTERNET = "my_classes"


def names_in(source):
    """The names that a cell gives a meaning to."""
    return set().union(*map(names_set_by, ast.parse(source).body))


def names_set_by(statement):
    """The names that a statement of a cell gives a meaning to."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.For):
        return set().union(*map(names_set_by, statement.body))
    if isinstance(statement, ast.Assign):
        found = (node for target in statement.targets for node in ast.walk(target))
        return {node.id for node in found if isinstance(node, ast.Name)}
    return set()


def open_answer(exercise):
    """The names that an exercise leaves open, as they stand left of `= None`, or nothing."""
    for statement in ast.parse(exercise).body:
        if isinstance(statement, ast.Assign):
            values = getattr(statement.value, "elts", [statement.value])
            if all(isinstance(value, ast.Constant) and value.value is None for value in values):
                return ast.unparse(statement.targets[0]).strip("()")
    return ""


def told_answer(prose):
    """The answer that a solution tells in its prose: `code`, or what stands in **bold**."""
    for inline in re.findall(r"`([^`]+)`", prose):
        try:
            return repr(ast.literal_eval(inline.rpartition(" = ")[2]))
        except (SyntaxError, ValueError):
            continue
    bold = [text.rstrip(".") for text in re.findall(r"\*\*(.+?)\*\*", prose)]
    values = [
        text.replace(",", "") if re.fullmatch(r"[\d.,]+", text) else repr(text) for text in bold
    ]
    return ", ".join(values)


def solution_of(text, exercise):
    """The code of a folded solution: its blocks, and the answer that its prose tells."""
    (folded,) = FOLDED.findall(text)
    block = re.compile(r"(?ms)^```python\n(.*?)^```$")
    code = "\n".join(textwrap.dedent(found) for found in block.findall(folded))
    name = open_answer(exercise)
    if name and not set(name.split(", ")) <= names_in(code):
        told = told_answer(block.sub("", folded))
        call = re.search(rf"`({name} = \w+\(\))`", folded)
        assert call or told, f"tells no answer: {folded}"
        answer = call[1] if call else f"{name} = {told}"
        code = f"{code}\n{answer}\n"
    return code


def without(source, names):
    """A cell without the statements that give these names a meaning."""
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        if names_set_by(statement) & names:
            for number in range(statement.lineno - 1, statement.end_lineno):
                lines[number] = ""
    return "\n".join(lines)


def is_exercise(cell):
    """Whether a cell is code that has an answer judged."""
    return cell.cell_type == "code" and checks_in(cell) > 0


def checks_in(cell):
    """How many answers a cell has judged."""
    return cell.source.count("exercises.check(")


def solved(notebook):
    """A copy with the solutions in it; cells that must say "Right!" are tagged `checked`."""
    cells, exercise = [], ""
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code":
            exercise = cell.source if is_exercise(cell) else ""
        elif "<summary>Solution</summary>" in cell.source:
            here, exercise = exercise, ""
            code = solution_of(cell.source, here)
            if not code:
                continue
            cells.append(nbformat.v4.new_code_cell(code, metadata={"tags": ["solution"]}))
            given = names_in(code)
            if given & names_in(here) and NEEDS_THE_INTERNET not in given:
                rest = without(here, given)
                cells.append(nbformat.v4.new_code_cell(rest, metadata={"tags": ["checked"]}))
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def test_a_solution_replaces_what_the_exercise_left_open():
    exercise = 'answer = None  # a number\n\nexercises.check("00.1", answer)'
    text = "<details><summary>Solution</summary>\n\n{}\n\n</details>"
    cells = [nbformat.v4.new_code_cell(exercise), nbformat.v4.new_markdown_cell("")]
    for words in ("```python\nanswer = 3\n```", "Three, so `answer = 3`.", "1 + 2 = **3**."):
        cells[1].source = text.format(words)
        _, _, solution, again = solved(nbformat.v4.new_notebook(cells=cells)).cells
        assert solution.source.strip() == "answer = 3"
        assert again.source.strip() == 'exercises.check("00.1", answer)'
    cells[1].source = text.format("Count them.")
    with pytest.raises(AssertionError, match="tells no answer"):
        solved(nbformat.v4.new_notebook(cells=cells))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_solution_is_code(lesson):
    """What stands in a block can be pasted as it is, and every exercise is judged with it."""
    notebook = check.read(lesson).notebook
    asked = [cell for cell in notebook.cells if is_exercise(cell)]
    judged = [cell for cell in solved(notebook).cells if cell.metadata.get("tags") == ["checked"]]
    skipped = [cell for cell in asked if NEEDS_THE_INTERNET in cell.source]
    assert asked and sum(map(checks_in, judged)) == sum(map(checks_in, asked)) - len(skipped)


@pytest.mark.notebooks
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_solutions_pass_their_checks(lesson, tmp_path, request):
    option = request.config.getoption
    if not option("every_combination") or option("environment_name") != "newest":
        pytest.skip("with --every-combination only: the lesson once more, and its solutions")
    notebook = solved(check.read(lesson).notebook)
    photo, text = tmp_path / "photo.jpg", tmp_path / "my_text.txt"
    write_a_photo(photo)
    text.write_text("To be, or not to be, that is the question.\n" * 600, encoding="utf-8")
    for cell in notebook.cells:  # the student's own files
        for file in (photo, text):
            cell.source = cell.source.replace(f'"{file.name}"', repr(str(file)))
    client = nbclient.NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(ROOT / "notebooks")}}
    )
    client.execute(env=notebook_environment(tmp_path / "cache"))
    for cell in notebook.cells:
        if cell.metadata.get("tags") == ["checked"]:
            printed = "".join(output.get("text", "") for output in cell.outputs)
            assert printed.count("Right!") == checks_in(cell), f"{printed}\n{cell.source}"
            assert not any(words in printed for words in WRONG), f"{printed}\n{cell.source}"


def write_a_photo(file):
    """A small JPEG with something to see in it."""
    image = Image.effect_mandelbrot((320, 240), (-2, -1.2, 1, 1.2), 60)
    image.convert("RGB").save(file)
