"""Tidy notebooks, as make format does: outputs, ids, metadata, badges, setup cell."""

import hashlib
import json
import pathlib
import re

import nbformat

from tools.authoring import address
from tools.authoring.lessons import ROOT, notebook_paths, read
from tools.authoring.rules import KERNEL
from tools.authoring.sizes import is_folded

KEPT_METADATA = ("tags", "nbgrader", "homework", "editable", "deletable")  # of cells
FOLDED_METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}}  # Colab, Jupyter
KEYS_OF_CODE = {"id", "cell_type", "metadata", "source", "outputs", "execution_count"}
KEYS_OF_TEXT = {"id", "cell_type", "metadata", "source", "attachments"}


def fix(path: pathlib.Path, root: pathlib.Path = ROOT) -> bool:
    """Tidy a notebook: no outputs, stable ids, plain metadata, badges, setup cell.

    Returns:
        True if the file changed.

    Raises:
        ValueError: The file cannot be read or written; it is left as it is.
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


def fix_all(root: pathlib.Path = ROOT) -> int:
    """Tidy all notebooks; return 1 if one had to be left as it was, else 0."""
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
    if lesson.code and "# @title Setup" in lesson.code[0][1].source:
        lesson.code[0][1].source = address.setup_cell(repository, ref)
        lesson.code[0][1].metadata["tags"] = ["setup"]
    taken = set()
    for cell in lesson.notebook.cells:
        for name in [name for name in cell.metadata if name not in KEPT_METADATA]:
            del cell.metadata[name]
        is_code = cell.cell_type == "code"
        if is_code and is_folded(cell):
            cell.metadata |= FOLDED_METADATA
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
    """Return the notebook as a dictionary, its sources split into lines as Jupyter stores them."""
    plain = json.loads(nbformat.writes(notebook, version=nbformat.NO_CONVERT))
    for cell in plain["cells"]:
        if isinstance(cell["source"], str):
            cell["source"] = cell["source"].splitlines(keepends=True)
    return plain
