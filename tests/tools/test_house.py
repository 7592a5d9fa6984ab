"""The house keeps its rules: imports run one way, modules are short, public functions are typed."""

import ast
import itertools

import pytest
from conftest import ROOT

from tools.authoring import check, house

MOST_LINES = 350
MOST_LINES_OF_A_FUNCTION = 50
FILES = [
    path
    for building in (*house.BUILDINGS, "benchmarks")
    for path in sorted((ROOT / building).rglob("*.py"))
] + [ROOT / "course.py"]
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]
ALLOWED = {
    "utils": {"utils"},
    "grading": {"utils", "grading"},
    "tools": {"utils", "grading", "tools"},
    "benchmarks": {"utils", "grading", "tools", "benchmarks"},
}


def functions(path):
    """Yield the functions of a module, and whether each is public (and not inside another)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    places = [tree, *(node for node in classes if not node.name.startswith("_"))]
    outer = {id(node) for place in places for node in place.body}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node, id(node) in outer and not node.name.startswith("_")


def lines_of(function):
    """Return the lines of a function, its docstring aside."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = first.end_lineno - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


@pytest.mark.parametrize(("path", "name"), [*zip(FILES, NAMES, strict=True)], ids=NAMES)
def test_a_module_is_short_and_typed(path, name):
    assert path.read_text(encoding="utf-8").count("\n") <= MOST_LINES
    for function, is_public in functions(path):
        place = f"{name}:{function.lineno} {function.name}"
        count = lines_of(function)
        assert count <= MOST_LINES_OF_A_FUNCTION, f"{place} has {count} lines"
        if is_public and not name.startswith(("benchmarks/", "course.py")):
            given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            bare = [a.arg for a in given if a.annotation is None and a.arg not in ("self", "cls")]
            visitor = function.name.startswith("visit_")
            assert visitor or (not bare and function.returns), f"{place} lacks types: {bare}"


@pytest.mark.parametrize("building", ALLOWED)
def test_imports_run_one_way(building):
    for path in (ROOT / building).rglob("*.py"):
        imported = {name.split(".")[0] for name in house.imported_names(path)}
        assert imported <= ALLOWED[building], path


def test_no_modules_import_each_other_in_a_circle():
    modules = {}
    for path, name in zip(FILES, NAMES, strict=True):
        dotted = name.removesuffix(".py").replace("/", ".")
        modules[dotted.removesuffix(".__init__")] = path

    def module_of(name):
        """Return the module that an imported name is, or lies in."""
        while name not in modules:
            name = name.rpartition(".")[0]
            if not name:
                return None
        return name

    arrows = {
        own: {module_of(name) for name in house.imported_names(path)} - {own, None}
        for own, path in modules.items()
    }
    reached = {own: set(targets) for own, targets in arrows.items()}
    for middle, start in itertools.product(arrows, arrows):
        if middle in reached[start]:
            reached[start] |= reached[middle]
    circles = sorted(own for own in arrows if own in reached[own])
    assert circles == []


def test_the_drawing_follows_the_code(tmp_path):
    room = tmp_path / "utils" / "kitchen"
    room.mkdir(parents=True)
    for building in house.BUILDINGS:
        (tmp_path / building).mkdir(exist_ok=True)
        (tmp_path / building / "__init__.py").write_text('"""A building."""\n')
    (room / "__init__.py").write_text('"""Where one cooks."""\n')
    (tmp_path / "tools" / "spoon.py").write_text('"""Stir."""\nfrom utils.kitchen import pot\n')
    page = tmp_path / house.PAGE
    page.write_text("before\n<!-- house -->\n<!-- /house -->\nafter\n")
    assert any("outdated" in text for text in house.check_house(tmp_path))
    assert house.redraw(tmp_path) is True
    text = page.read_text(encoding="utf-8")
    assert "  kitchen/" in text and "Where one cooks." in text and "Stir. → utils.kitchen" in text
    assert text.startswith("before\n") and text.endswith("after\n")
    assert list(house.check_house(tmp_path)) == [] and house.redraw(tmp_path) is False


def test_the_drawing_of_this_house_is_true():
    assert not [line for line in check.problems() if line.startswith(house.PAGE)]
