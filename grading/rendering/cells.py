"""Valid cells from anything that calls itself a notebook: short enough, and without metadata."""

import base64
import binascii
import re

import nbformat

from grading.execution.outputs import PICTURES

MOST_CHARACTERS = 40_000  # of one output, and of one cell
MOST_ANSWER_CHARACTERS = 400_000  # of a written answer
MOST_PICTURE_CHARACTERS = 4_000_000
MOST_OWN_CELLS = 500  # of the student's own; the assignment's are always shown
MOST_OUTPUTS, MOST_TRACEBACK_LINES = 200, 60

v4 = nbformat.v4
# A picture in the middle of a text, as pasted by Colab.
_PASTED = re.compile(r"\]\(data:(image/(?:png|jpeg|gif));base64,([A-Za-z0-9+/=]+)")


def is_assigned(cell: dict) -> bool:
    """Return whether a cell is one of the assignment's; `restore` marks no other."""
    metadata = cell.get("metadata")
    return isinstance(metadata, dict) and bool(metadata.get("nbgrader"))


def valid_cell(cell: dict) -> nbformat.NotebookNode:
    """Return a valid cell of format 4 with what is shown of a cell; it may hold anything."""
    kind, source = cell.get("cell_type"), joined(cell.get("source", ""))
    if kind == "markdown":
        source, pasted = _without_pasted(source)
        most = MOST_ANSWER_CHARACTERS if is_assigned(cell) else MOST_CHARACTERS
        markdown = v4.new_markdown_cell(truncate(source, most))
        if attachments := {**_attachments(cell), **pasted}:
            markdown["attachments"] = attachments
        return markdown
    if kind != "code":
        return v4.new_code_cell(truncate(source))
    count = cell.get("execution_count")
    outputs = map(_valid_output, cell.get("outputs", [])[:MOST_OUTPUTS])
    return v4.new_code_cell(
        truncate(source),
        execution_count=count if isinstance(count, int) else None,
        outputs=list(filter(None, outputs)),
    )


def _without_pasted(source):
    """Return a text without its pictures, which truncating would break, and the pictures."""
    pictures = {}

    def attach(match):
        if not _is_picture(match[2]):
            return match[0]
        pictures[name := f"pasted-{len(pictures)}"] = {match[1]: match[2]}
        return f"](attachment:{name}"

    return _PASTED.sub(attach, source), pictures


def _attachments(cell):
    """Return the pictures among the attachments of a text cell."""
    attachments = cell.get("attachments")
    pictures = {}
    for name, data in attachments.items() if isinstance(attachments, dict) else ():
        for kind in (*PICTURES, "image/gif"):
            picture = joined(data.get(kind, "")) if isinstance(data, dict) else ""
            if picture and _is_picture(picture):
                pictures[str(name)] = {kind: picture}
    return pictures


def _valid_output(output):
    """Return an output in one of the forms that are shown; None if it has none of them."""
    kind, data = output.get("output_type"), output.get("data")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return v4.new_output("stream", name=name, text=truncate(output.get("text", "")))
    if kind == "error":
        name, value = truncate(output.get("ename", "")), truncate(output.get("evalue", ""))
        lines = [line for line in output.get("traceback") or [] if isinstance(line, str)]
        lines = [truncate(line) for line in lines[-MOST_TRACEBACK_LINES:]]
        lines = lines or [f"{name}: {value}"]
        return v4.new_output("error", ename=name, evalue=value, traceback=lines)
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    shown = {form: joined(data[form]) for form in PICTURES if form in data}
    shown = {form: picture for form, picture in shown.items() if _is_picture(picture)}
    if text := truncate(data.get("text/plain", "")):
        shown["text/plain"] = text
    return v4.new_output("display_data", data=shown) if shown else None


def _is_picture(data):
    try:
        base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(data) < MOST_PICTURE_CHARACTERS


def joined(text: object) -> str:
    """Return a text that a notebook may hold as a list of lines; "" if it is neither."""
    if isinstance(text, list):
        text = "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""


def truncate(text: object, most: int = MOST_CHARACTERS) -> str:
    """Return a text, or its beginning and its end."""
    text = joined(text)
    if len(text) <= most:
        return text
    half = most // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out:,} characters left out …]\n{text[-half:]}"
