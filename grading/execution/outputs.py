"""What a cell shows, as a notebook keeps it: cut to a bearable size, and harmless to look at."""

import re

# HTML, LaTeX and JavaScript of a stranger have no place in a page that others open.
TEXT, PICTURES = "text/plain", ("image/png", "image/jpeg")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
MOST_OUTPUTS = 200  # of one cell
MOST_TEXT = 200_000  # characters of one output


class Outputs(list):
    """The outputs of a cell; `clears` says that the next one takes the place of all of them."""

    clears = False


def add_output(outputs, kind, content):
    """Adds what a message shows to a cell's `Outputs`, cut to a bearable size."""
    if outputs.clears and kind in ("stream", "display_data", "execute_result", "error"):
        outputs.clear()
        outputs.clears = False
    if kind == "stream":
        name = "stderr" if content["name"] == "stderr" else "stdout"
        if not (outputs and outputs[-1].get("name") == name):
            if len(outputs) >= MOST_OUTPUTS:
                return
            outputs.append({"output_type": "stream", "name": name, "text": ""})
        text = overwritten(outputs[-1]["text"] + str(content["text"]))
        outputs[-1]["text"] = cut(text)
        return
    if len(outputs) >= MOST_OUTPUTS:
        return
    if kind in ("display_data", "execute_result"):
        data = {}
        for name, value in content["data"].items():
            if name == TEXT:
                data[name] = cut(str(value))
            elif name in PICTURES and isinstance(value, str) and BASE64.fullmatch(value):
                data[name] = value
        output = {"output_type": kind, "data": data, "metadata": {}}
        if kind == "execute_result":
            output["execution_count"] = None
        outputs.append(output)
    elif kind == "error":
        lines = [cut(str(line)) for line in content["traceback"]][-30:]
        error = {"ename": cut(str(content["ename"])), "evalue": cut(str(content["evalue"]))}
        outputs.append({"output_type": "error", **error, "traceback": lines})
    elif kind == "clear_output":
        outputs.clears = bool(content.get("wait"))
        if not outputs.clears:
            outputs.clear()


def overwritten(text):
    """The text as a terminal shows it: what follows a carriage return replaces the line."""
    if "\r" not in text:
        return text
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        *_, last = [part for part in line.split("\r") if part] or [""]
        lines.append(last)
    return "\n".join(lines) + "\r" * text.endswith("\r")  # for the text that is still to come


def cut(text):
    """The text, or its beginning and its end; half characters become question marks."""
    text = text.encode(errors="replace").decode()
    if len(text) <= MOST_TEXT:
        return text
    half = MOST_TEXT // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"
