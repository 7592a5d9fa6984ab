"""Draw the house in CONTRIBUTING.md: what lives where, and what imports what.

The drawing is made from the first lines of the docstrings and from the imports, so `make format`
redraws it, and `make lint` says when it is no longer true.
"""

import ast
import pathlib
import re
import textwrap
from collections.abc import Iterator

from tools.authoring.lessons import ROOT

BUILDINGS = ("utils", "grading", "tools")
PAGE = "CONTRIBUTING.md"
_PLACE = re.compile(r"(?s)(<!-- house -->\n).*?(<!-- /house -->)")
_WIDTH = 22


def drawing(root: pathlib.Path = ROOT) -> str:
    """Return the drawing as Markdown: a line for each room, with what it imports."""
    lines = ["```text"]
    for building in BUILDINGS:
        lines += [*_row(root / building, root, 0), *_rooms(root / building, root, 1)]
    return "\n".join([*lines, "```", ""])


def _rooms(folder, root, depth):
    for path in sorted(folder.iterdir()):
        if (path / "__init__.py").is_file():
            yield from _row(path, root, depth)
            yield from _rooms(path, root, depth + 1)
        elif path.suffix == ".py" and depth == 1 and not path.name.startswith("__"):
            yield from _row(path, root, depth)


def _row(path, root, depth):
    """Yield the lines of a room: its name, what it is for, and which rooms it imports."""
    name = "  " * depth + path.name + ("/" if path.is_dir() else "")
    module = path / "__init__.py" if path.is_dir() else path
    summary = (ast.get_docstring(ast.parse(module.read_text("utf-8"))) or "").split("\n")[0]
    imported = sorted(imports(path, root)) if depth else []
    text = summary + (f" → {', '.join(imported)}" if imported else "")
    first, *rest = textwrap.wrap(text, 98 - _WIDTH) or [""]
    yield f"{name:{_WIDTH}}{first}"
    yield from (" " * _WIDTH + line for line in rest)


def imports(path: pathlib.Path, root: pathlib.Path = ROOT) -> set[str]:
    """Return the rooms that a room imports, itself and those inside it aside.

    Args:
        path: A folder of modules, or one module.
        root: The root of the course.
    """
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    own = path.relative_to(root).with_suffix("").parts
    found = {room_of(name, root) for file in files for name in imported_names(file)}
    return {room for room in found if room and tuple(room.split("."))[: len(own)] != own}


def imported_names(file: pathlib.Path) -> Iterator[str]:
    """Yield the dotted names that a module imports from the course, in functions as well.

    What is imported for type checkers alone is left out.
    """
    tree = ast.parse(file.read_text("utf-8"))
    for_types = [node for node in ast.walk(tree) if _is_for_types(node)]
    skipped = {id(node) for block in for_types for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in BUILDINGS)


def _is_for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def room_of(name: str, root: pathlib.Path = ROOT) -> str:
    """Return the room, two names deep, in which a dotted name lives."""
    building, *rest = name.split(".")
    if rest and (
        (root / building / rest[0]).is_dir() or (root / building / f"{rest[0]}.py").is_file()
    ):
        return f"{building}.{rest[0]}"
    return building


def redraw(root: pathlib.Path = ROOT) -> bool:
    """Write the drawing into CONTRIBUTING.md; return whether that changed anything."""
    page = root / PAGE
    old = page.read_text(encoding="utf-8")
    new = _PLACE.sub(lambda match: match[1] + drawing(root) + match[2], old)
    if new != old:
        page.write_text(new, encoding="utf-8", newline="\n")
    return new != old


def check_house(root: pathlib.Path = ROOT) -> Iterator[str]:
    """Yield what is wrong with the drawing."""
    place = _PLACE.search((root / PAGE).read_text(encoding="utf-8"))
    if place is None:
        yield "has no place for the drawing of the house (<!-- house --> … <!-- /house -->)"
    elif place[0] != place[1] + drawing(root) + place[2]:
        yield "shows an outdated drawing of the house; run make format"
