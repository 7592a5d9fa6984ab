"""What a cell shows, as a notebook keeps it: cut to a reasonable size, and safe to look at."""

import re
from typing import Any

# A stranger's HTML, LaTeX and JavaScript have no place in a page that others open.
TEXT, PICTURES = "text/plain", ("image/png", "image/jpeg")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
MOST_OUTPUTS = 200  # of one cell
MOST_TEXT = 200_000  # characters of one output


class Outputs(list):
    """The outputs of a cell; `clears` says that the next one takes the place of all of them."""

    clears = False


def add_output(outputs: Outputs, kind: str, content: dict[str, Any]) -> None:
    """Add what a message of this kind shows to a cell's outputs, cut to a reasonable size."""
    if kind == "clear_output":
        outputs.clears = bool(content.get("wait"))
        if not outputs.clears:
            outputs.clear()
        return
    if kind not in ("stream", "display_data", "execute_result", "error"):
        return
    if outputs.clears:
        outputs.clear()
        outputs.clears = False
    if kind == "stream":
        name = "stderr" if content["name"] == "stderr" else "stdout"
        if outputs and outputs[-1].get("name") == name:
            text = _overwritten(outputs[-1]["text"] + str(content["text"]))
            outputs[-1]["text"] = _truncate(text)
            return
        text = _truncate(_overwritten(str(content["text"])))
        output = {"name": name, "text": text}
    elif kind == "error":
        output = {name: _truncate(str(content[name])) for name in ("ename", "evalue")}
        output["traceback"] = [_truncate(str(line)) for line in content["traceback"]][-30:]
    else:
        output = {"data": _harmless(content["data"]), "metadata": {}}
        if kind == "execute_result":
            output["execution_count"] = None
    if len(outputs) < MOST_OUTPUTS:
        outputs.append({"output_type": kind, **output})


def _harmless(data):
    harmless = {}
    for name, value in data.items():
        if name == TEXT:
            harmless[name] = _truncate(str(value))
        elif name in PICTURES and isinstance(value, str) and BASE64.fullmatch(value):
            harmless[name] = value
    return harmless


def _overwritten(text):
    """Return the text as a terminal shows it: what follows a carriage return replaces the line."""
    if "\r" not in text:
        return text
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        *_, last = [part for part in line.split("\r") if part] or [""]
        lines.append(last)
    return "\n".join(lines) + "\r" * text.endswith("\r")  # for the text that is still to come


def _truncate(text):
    """Return the text, or its beginning and its end; half characters become question marks."""
    text = text.encode(errors="replace").decode()
    if len(text) <= MOST_TEXT:
        return text
    half = MOST_TEXT // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"
