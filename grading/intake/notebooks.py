"""A notebook file as handed in, made clean; or a plain sentence about why it is none."""

import json

MOST_BYTES = 100 * 2**20
MOST_CELLS = 2000
MOST_CELL_CHARACTERS = 2_000_000
MOST_CHARACTERS = 20_000_000  # of all cells together
MOST_PICTURES = 50 * 2**20  # characters of all pictures in text cells together
CELL_TYPES = ("code", "markdown", "raw")
# What nbgrader writes about a cell; with anything else a student could only do harm.
MARKS = ("schema_version", "grade", "solution", "locked", "task", "grade_id", "points")
MARKS += ("cell_type", "checksum")
MOST_MARK_CHARACTERS = 200
MOST_TAGS = 20


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
    major = raw.get("nbformat")
    if not isinstance(major, int) or not 0 < major < 1000:
        major = 4 if "cells" in raw else 3
    if "cells" not in raw:
        cells = _old_cells(raw)
        notes.append(f"The notebook was saved in the old format {major} and was converted.")
    elif major > 4:
        raise Unreadable(f"It is in the notebook format {major}, which this grader does not know.")
    else:
        cells = raw["cells"]
    if not isinstance(cells, list):
        raise Unreadable("The file is JSON, but not a notebook: its cells are not a list.")
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"It has {len(cells):,} cells; more than {MOST_CELLS:,} are not graded.")
    clean = _clean_all(cells, notes)
    damaged = sum(cell is None for cell in clean)
    if damaged:
        notes.append(f"{damaged} damaged cell(s) were left out.")
    clean = [cell for cell in clean if cell]
    for number, cell in enumerate(clean):
        cell["id"] = f"cell-{number}"
    if not clean:
        raise Unreadable("The notebook has no cells.")
    return _notebook(clean), notes


def _clean_all(cells, notes):
    """The cells in valid form, None for each that is none, and not too much in all."""
    clean, characters, pictures, lost = [], 0, 0, 0
    for raw in cells:
        cell = _clean(raw)
        clean.append(cell)
        if cell is None:
            continue
        characters += len(cell["source"])
        if characters > MOST_CHARACTERS:
            raise Unreadable(
                f"Its cells hold more than {MOST_CHARACTERS:,} characters of text, which are not "
                "graded. Put data into a file beside the notebook."
            )
        for name, forms in list(cell.get("attachments", {}).items()):
            size = len(name) + sum(map(len, forms.values()))
            if pictures + size > MOST_PICTURES:
                del cell["attachments"][name]
                lost += 1
            else:
                pictures += size
    if lost:
        notes.append(
            f"{lost} picture(s) in text cells were left out: together they have more than "
            f"{MOST_PICTURES // 2**20} MB."
        )
    return clean


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


def check_size(size):
    """Raises Unreadable for a file with more bytes than are read."""
    if size > MOST_BYTES:
        raise Unreadable(
            f"The file has {size / 2**20:,.0f} MB; more than {MOST_BYTES // 2**20} are not "
            "read. Clear the outputs and save it again."
        )


def looks_like_one(data):
    """Whether bytes may be a notebook, whatever the file is called."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.replace(b"\0", b"")[2:]
    is_object = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return is_object and (b'"cells"' in data or b'"worksheets"' in data)


def _decode(data):
    check_size(len(data))
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
    kept = {}
    mark = metadata.get("nbgrader")
    if isinstance(mark, dict):
        kept["nbgrader"] = {name: mark[name] for name in MARKS if _is_plain(mark.get(name))}
    tags = metadata.get("tags")
    if isinstance(tags, list):
        tags = [tag for tag in tags if isinstance(tag, str) and _is_plain(tag)][:MOST_TAGS]
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


def _is_plain(value):
    """Whether a value of the metadata is a short text or a common number."""
    if isinstance(value, str):
        return len(value) <= MOST_MARK_CHARACTERS and value == _text(value)
    return isinstance(value, bool | int | float) and abs(value) < 2**53


def _attachments(raw):
    """Pictures that were pasted into a text cell."""
    pictures = {}
    for name, forms in raw.items() if isinstance(raw, dict) else ():
        forms = forms if isinstance(forms, dict) else {}
        kept = {kind: _text(forms[kind]) for kind in ("image/png", "image/jpeg") if kind in forms}
        kept = {kind: data for kind, data in kept.items() if data}
        if kept:
            pictures[_text(name)] = kept
    return pictures


def _text(source):
    """A cell's source in one piece; None if it is not text."""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    # Half of a pair of characters cannot be written to any file.
    return source.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
