"""A notebook file as handed in, made clean; or a plain sentence about why it is none."""

import dataclasses
import json

MOST_BYTES = 100 * 2**20
MOST_CELLS = 2000
MOST_CELL_CHARACTERS = 2_000_000
CELL_TYPES = ("code", "markdown", "raw")
ENOUGH_TEXTS = 3  # of a homework's own, in a notebook that lost all its metadata


class Unreadable(ValueError):
    """The file is not a notebook; the message says what it is, and what to do."""


def parse(data):
    """Reads a notebook.

    Args:
        data: The file's bytes.

    Returns:
        The notebook in format 4, without outputs, as a dictionary that holds only what is needed
        and is valid; and plain sentences about what was noticed.

    Raises:
        Unreadable: it is not a notebook.
    """
    text = _decode(data)
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(_what_else(text)) from None
    if not isinstance(raw, dict):
        raise Unreadable("The file is JSON, but not a notebook.")
    notes = []
    if "cells" not in raw and "worksheets" not in raw:
        if {"url", "doc_id"} & set(raw):
            raise Unreadable(
                "It is a shortcut to Google Drive, not the notebook. In Colab: File → Download → "
                "Download .ipynb."
            )
        raise Unreadable("The file is JSON, but not a notebook: it has no cells.")
    major = raw.get("nbformat", 4)
    if "cells" not in raw:
        cells = _old_cells(raw)
        notes.append(f"The notebook was saved in the old format {major} and was converted.")
    elif isinstance(major, int) and major > 4:
        raise Unreadable(f"It is in the notebook format {major}, which this grader does not know.")
    else:
        cells = raw["cells"]
    if not isinstance(cells, list):
        raise Unreadable("The file is JSON, but not a notebook: its cells are not a list.")
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"It has {len(cells):,} cells; more than {MOST_CELLS:,} are not graded.")
    clean = [_clean(cell) for cell in cells]
    damaged = sum(cell is None for cell in clean)
    if damaged:
        notes.append(f"{damaged} damaged cell(s) were left out.")
    clean = [cell for cell in clean if cell]
    for number, cell in enumerate(clean):
        cell["id"] = f"cell-{number}"
    if not clean:
        raise Unreadable("The notebook has no cells.")
    return _notebook(clean), notes


@dataclasses.dataclass(frozen=True)
class Traits:
    """By what the notebooks of one homework are recognised.

    Attributes:
        name: Of the homework.
        ids: The `grade_id`s of its cells.
        texts: What its cells say, those that say enough.
    """

    name: str
    ids: frozenset
    texts: frozenset

    @classmethod
    def of(cls, name, notebook):
        """The traits of the notebook that students get."""
        return cls(name, frozenset(grade_ids(notebook)), frozenset(_texts(notebook)))

    def fits(self, notebook, others=()):
        """Whether a notebook belongs to this homework, whatever was done to it."""
        found = grade_ids(notebook)
        if found & self.ids:
            return True
        if any(found & other.ids for other in others):
            return False
        own = self.texts.difference(*(other.texts for other in others))
        return len(own & _texts(notebook)) >= ENOUGH_TEXTS


def _texts(notebook):
    texts = {" ".join(cell["source"].split()) for cell in notebook["cells"]}
    return {text for text in texts if len(text) >= 40}


def grade_ids(notebook):
    """The `grade_id`s in a notebook, a set."""
    found = set()
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader")
        if isinstance(mark, dict) and isinstance(mark.get("grade_id"), str):
            found.add(mark["grade_id"])
    return found


def _notebook(cells):
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _decode(data):
    if len(data) > MOST_BYTES:
        raise Unreadable(
            f"The file has {len(data) / 2**20:,.0f} MB; more than {MOST_BYTES // 2**20} are not "
            "read. Clear the outputs and save it again."
        )
    if not data.strip():
        raise Unreadable("The file is empty.")
    if data.startswith(b"PK\x03\x04"):
        raise Unreadable("It is a zip with the name of a notebook.")
    if data.startswith(b"%PDF"):
        raise Unreadable("It is a PDF with the name of a notebook.")
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The file is not text; it was damaged on the way.") from None


def _what_else(text):
    start = text.lstrip()[:1000].lower()
    if start.startswith("<"):
        return (
            "It is a web page, not the notebook. In Colab: File → Download → Download .ipynb; on "
            "GitHub: the button Download raw file."
        )
    if start.startswith("{") and '"cells"' in text:
        return "The file is a notebook that was cut off or damaged; it is not valid JSON."
    return "The file is not a notebook; it is not valid JSON."


def _old_cells(raw):
    """The cells of a notebook in format 2 or 3."""
    worksheets = raw["worksheets"] if isinstance(raw["worksheets"], list) else []
    cells = []
    for sheet in worksheets:
        inside = sheet.get("cells") if isinstance(sheet, dict) else None
        for cell in inside if isinstance(inside, list) else []:
            if not isinstance(cell, dict):
                cells.append(cell)
                continue
            kind = cell.get("cell_type")
            source = cell.get("input" if kind == "code" else "source", "")
            if kind == "heading":
                level = cell.get("level", 1)
                level = level if isinstance(level, int) and 1 <= level <= 6 else 1
                source = "#" * level + " " + (_text(source) or "")
                kind = "markdown"
            if kind == "html":
                kind = "markdown"
            cells.append({**cell, "cell_type": kind, "source": source})
    return cells


def _clean(cell):
    """What is needed of a cell, in valid form; None if it is no cell."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in CELL_TYPES:
        return None
    source = _text(cell.get("source", ""))
    if source is None or len(source) > MOST_CELL_CHARACTERS:
        return None
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    kept = {name: metadata[name] for name in ("nbgrader", "homework") if name in metadata}
    kept = {name: value for name, value in kept.items() if isinstance(value, dict)}
    tags = metadata.get("tags")
    if isinstance(tags, list):
        tags = [tag for tag in tags if isinstance(tag, str)]
        if tags:
            kept["tags"] = tags
    clean = {
        "cell_type": cell["cell_type"],
        "metadata": kept,
        "source": source,
    }
    if cell["cell_type"] == "code":
        clean |= {"execution_count": None, "outputs": []}
    elif pictures := _attachments(cell.get("attachments")):
        clean["attachments"] = pictures
    return clean


def _attachments(raw):
    """Pictures that were pasted into a text cell."""
    pictures = {}
    for name, forms in raw.items() if isinstance(raw, dict) else ():
        forms = forms if isinstance(forms, dict) else {}
        kept = {kind: _text(forms[kind]) for kind in ("image/png", "image/jpeg") if kind in forms}
        kept = {kind: data for kind, data in kept.items() if data}
        if kept:
            pictures[name] = kept
    return pictures


def _text(source):
    """A cell's source in one piece; None if it is not text."""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    # Half of a pair of characters cannot be written to any file.
    return source.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
