"""Read the notebooks and pages of the course, whatever state they are in."""

import dataclasses
import functools
import json
import pathlib
import re

import nbformat

from tools.authoring import address

ROOT = address.ROOT


@dataclasses.dataclass
class Lesson:
    """A notebook that was read: its path, its path from the root, and its cells."""

    path: pathlib.Path
    place: str
    notebook: nbformat.NotebookNode

    @property
    def is_homework(self) -> bool:
        """Return whether this is homework, which has tasks and a way to hand in, but no claims."""
        return "homework" in self.path.parts

    @property
    def first(self) -> nbformat.NotebookNode | None:
        """Return the first cell, or None."""
        return next(iter(self.notebook.cells), None)

    @functools.cached_property
    def code(self) -> list[tuple[int, nbformat.NotebookNode]]:
        """Return the code cells, each with its number in the notebook."""
        return [(i, c) for i, c in enumerate(self.notebook.cells) if c.cell_type == "code"]

    @functools.cached_property
    def prose(self) -> str:
        """Return all Markdown as one text."""
        cells = [cell.source for cell in self.notebook.cells if cell.cell_type == "markdown"]
        return "\n\n".join(cells)

    @functools.cached_property
    def headings(self) -> list[str]:
        """Return the titles of all sections."""
        return re.findall(r"(?m)^#{1,6}\s+(.+?)\s*$", self.prose)


def read(path: pathlib.Path, root: pathlib.Path = ROOT) -> Lesson:
    """Read a notebook, whatever state it is in.

    Raises:
        ValueError: The file is not a notebook of format 4; the message names it.
    """
    place = path.relative_to(root).as_posix()
    try:
        return Lesson(path, place, nbformat.from_dict(_content(path)))
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _content(path):
    text = read_text(path)
    try:
        raw = json.loads(text)
    except ValueError as error:
        reason = f"is not JSON ({error}); open and save it with Jupyter"
        if conflict := re.search(r"(?m)^<{7} ", text):
            line = text.count("\n", 0, conflict.start()) + 1
            reason = f"is not JSON, because of a merge conflict (line {line}); resolve that first"
        elif not text.strip():
            reason = "is not JSON, because it is empty; remove it, or save it with Jupyter"
        raise ValueError(reason) from None
    if not isinstance(raw, dict) or raw.get("nbformat") != 4:
        raise ValueError("is not a notebook of format 4; open and save it with a current Jupyter")
    if not isinstance(raw.get("cells"), list) or not isinstance(raw.get("metadata", {}), dict):
        raise ValueError("is not a notebook, because it has no list of cells; save it with Jupyter")
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


def read_text(path: pathlib.Path) -> str:
    """Return the text of a file; raise ValueError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None


def count_lines(source: str) -> int:
    """Return the number of lines that are not blank."""
    return sum(1 for line in source.splitlines() if line.strip())


def notebook_paths(root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Return all notebooks of the course, in order."""
    paths = (root / "notebooks").rglob("*.ipynb")
    return sorted(path for path in paths if ".ipynb_checkpoints" not in path.parts)


def markdown_paths(root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Return all Markdown pages of the course."""
    pages = [path for path in root.rglob("*.md") if not _hidden(path.relative_to(root))]
    return sorted(pages)


def _hidden(path):
    """Return whether a path is among environments, build products or downloads."""
    return any(part.startswith(".") or part in ("build", "cache") for part in path.parts)
