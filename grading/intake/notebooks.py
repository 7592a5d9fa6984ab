"""A notebook file as handed in, made clean; or a plain sentence about why it is not one."""

import json

MOST_BYTES = 100 * 2**20
MOST_CELLS = 2000
MOST_CELL_CHARACTERS = 2_000_000
MOST_CHARACTERS = 20_000_000  # of all cells together
MOST_PICTURES = 50 * 2**20  # characters of all pictures in text cells together
CELL_TYPES = ("code", "markdown", "raw")
# What nbgrader writes about a cell; anything else could only do harm.
MARKS = ("schema_version", "grade", "solution", "locked", "task", "grade_id", "points")
MARKS += ("cell_type", "checksum")
MOST_MARK_CHARACTERS = 200
MOST_TAGS = 20
BOMS_UTF16, BOM = (b"\xff\xfe", b"\xfe\xff"), b"\xef\xbb\xbf"
PYTHON = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}


class UnreadableError(ValueError):
    """The file is not a notebook; the message says what it is, and what to do."""


def parse(data: bytes) -> tuple[dict, list[str]]:
    """Read a notebook.

    Args:
        data: The file's bytes.

    Returns:
        The notebook in format 4, without outputs, as a valid dictionary with only what is needed;
        and sentences about what was noticed.

    Raises:
        UnreadableError: It is not a notebook.
    """
    text = _decode(data)
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableError(_why_no_json(text)) from None
    if not isinstance(raw, dict):
        raise UnreadableError("The file is JSON, but not a notebook.")
    notes = []
    if "cells" not in raw and "worksheets" in raw:
        version = int(raw["nbformat"]) if raw.get("nbformat") in (1, 2, 3) else 3
        raw = {"cells": _old_cells(raw["worksheets"])}
        notes.append(f"The notebook was saved in the old format {version} and was converted.")
    if "cells" not in raw and {"url", "doc_id"} & raw.keys():
        raise UnreadableError(
            "It is a shortcut to Google Drive, not the notebook. In Colab: File → Download → "
            "Download .ipynb."
        )
    cells, version = raw.get("cells"), raw.get("nbformat")
    if not isinstance(cells, list):
        raise UnreadableError("The file is JSON, but not a notebook: it has no list of cells.")
    if isinstance(version, int) and 4 < version < 1000:
        raise UnreadableError(
            f"It is in the notebook format {version}, which this grader does not know."
        )
    if len(cells) > MOST_CELLS:
        raise UnreadableError(
            f"It has {len(cells):,} cells; more than {MOST_CELLS:,} are not graded."
        )
    clean = [cell for cell in map(_clean, cells) if cell]
    if len(clean) < len(cells):
        notes.append(f"{len(cells) - len(clean)} damaged cell(s) were left out.")
    if not clean:
        raise UnreadableError("The notebook has no cells.")
    for number, cell in enumerate(clean):
        cell["id"] = f"cell-{number}"
    notes += _limit(clean)
    return {"cells": clean, "metadata": PYTHON, "nbformat": 4, "nbformat_minor": 5}, notes


def check_size(size: int) -> None:
    """Check that a file is not too large to be read.

    Raises:
        UnreadableError: It has more.
    """
    if size > MOST_BYTES:
        raise UnreadableError(
            f"The file has {size / 2**20:,.0f} MB; more than {MOST_BYTES // 2**20} are not "
            "read. Clear the outputs and save it again."
        )


def looks_like_one(data: bytes) -> bool:
    """Return whether bytes may be a notebook, whatever the file is called."""
    if data.startswith(BOMS_UTF16):
        data = data.replace(b"\0", b"")[2:]
    is_object = data[:1000].removeprefix(BOM).lstrip().startswith(b"{")
    return is_object and (b'"cells"' in data or b'"worksheets"' in data)


def _decode(data: bytes) -> str:
    check_size(len(data))
    if not data.strip():
        raise UnreadableError("The file is empty.")
    for start, kind in ((b"PK\x03\x04", "zip"), (b"%PDF", "PDF")):
        if data.startswith(start):
            raise UnreadableError(f"It is a {kind} with the name of a notebook.")
    try:
        return data.decode("utf-16" if data.startswith(BOMS_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("The file is not text; it was damaged on the way.") from None


def _why_no_json(text: str) -> str:
    start = text.lstrip()[:1000].lower()
    if start.startswith("<"):
        return (
            "It is a web page, not the notebook. In Colab: File → Download → Download .ipynb; on "
            "GitHub: the button Download raw file."
        )
    if start.startswith("{") and '"cells"' in text:
        return "The file is a notebook that was cut off or damaged; it is not valid JSON."
    return "The file is not a notebook; it is not valid JSON."


def _old_cells(worksheets: object) -> list:
    """Return the cells of a notebook of format 1, 2 or 3, as format 4 has them."""
    cells = []
    for sheet in worksheets if isinstance(worksheets, list) else ():
        inside = sheet.get("cells") if isinstance(sheet, dict) else None
        cells += map(_old_cell, inside if isinstance(inside, list) else ())
    return cells


def _old_cell(cell: object) -> object:
    if not isinstance(cell, dict):
        return cell
    kind = cell.get("cell_type")
    source = cell.get("input" if kind == "code" else "source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        # Some programs left out the ends of lines.
        has_ends = bool(source) and source[0].endswith(("\n", "\r"))
        source = ("" if has_ends else "\n").join(source)
    if kind == "heading":
        level = cell.get("level")
        level = level if isinstance(level, int) and 1 <= level <= 6 else 1
        source = f"{'#' * level} {' '.join((_text(source) or '').splitlines())}"
    kind = "markdown" if kind in ("heading", "html") else kind
    return {**cell, "cell_type": kind, "source": source}


def _limit(cells: list[dict]) -> list[str]:
    """Check the cells' length in all, and leave out pictures that are too many; return notes."""
    if sum(len(cell["source"]) for cell in cells) > MOST_CHARACTERS:
        raise UnreadableError(
            f"Its cells hold more than {MOST_CHARACTERS:,} characters of text, which are not "
            "graded. Put data into a file beside the notebook."
        )
    room, lost = MOST_PICTURES, 0
    for cell in cells:
        for name, forms in list(cell.get("attachments", {}).items()):
            size = len(name) + sum(map(len, forms.values()))
            if size > room:
                del cell["attachments"][name]
                lost += 1
            else:
                room -= size
    if not lost:
        return []
    megabytes = MOST_PICTURES // 2**20
    return [f"{lost} picture(s) in text cells were left out: more than {megabytes} MB together."]


def _clean(cell: object) -> dict | None:
    """Return what is needed of a cell, in valid form; None if it is not a cell."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in CELL_TYPES:
        return None
    source = _text(cell.get("source", ""))
    if source is None or len(source) > MOST_CELL_CHARACTERS:
        return None
    raw = cell.get("metadata")
    mark, tags = (raw.get("nbgrader"), raw.get("tags")) if isinstance(raw, dict) else (None, None)
    metadata = {}
    if isinstance(mark, dict):
        metadata["nbgrader"] = {name: mark[name] for name in MARKS if _is_plain(mark.get(name))}
    if isinstance(tags, list):
        tags = [tag for tag in tags if isinstance(tag, str) and _is_plain(tag)][:MOST_TAGS]
        metadata |= {"tags": tags} if tags else {}
    clean = {"cell_type": cell["cell_type"], "metadata": metadata, "source": source}
    if cell["cell_type"] == "code":
        clean |= {"execution_count": None, "outputs": []}
    elif pictures := _pictures(cell.get("attachments")):
        clean["attachments"] = pictures
    return clean


def _is_plain(value: object) -> bool:
    """Return whether a value of the metadata is a short text or a common number."""
    if isinstance(value, str):
        return len(value) <= MOST_MARK_CHARACTERS and value == _text(value)
    return isinstance(value, bool | int | float) and abs(value) < 2**53


def _pictures(attachments: object) -> dict[str, dict[str, str]]:
    """Return the pictures that were pasted into a text cell."""
    pictures = {}
    for name, forms in attachments.items() if isinstance(attachments, dict) else ():
        forms = forms if isinstance(forms, dict) else {}
        texts = {kind: _text(forms.get(kind)) for kind in ("image/png", "image/jpeg")}
        if texts := {kind: text for kind, text in texts.items() if text}:
            pictures[_text(name)] = texts
    return pictures


def _text(source: object) -> str | None:
    """Return a source in one piece; None if it is not text."""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    # Half of a surrogate pair cannot be written to any file.
    return source.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
