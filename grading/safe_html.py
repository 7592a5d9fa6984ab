"""An executed notebook as a piece of HTML in which nothing of the student's can do harm.

nbconvert renders; everything that a student could have written goes through bleach: text cells,
HTML outputs, and in the end the whole. What is left has no scripts, no styles, no frames, no forms,
no classes or ids but nbconvert's, no pictures but those in the page, and links to the web only.
"""

import base64
import binascii
import copy
import functools
import html
import re

import bleach
import bleach.sanitizer
import nbformat

MOST_CHARACTERS = 40_000  # of one output, and of one cell
MOST_PICTURE_CHARACTERS = 4_000_000
MOST_CELLS = 500

TAGS = set(
    """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure
    h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre q s samp small span strong sub summary sup table
    tbody td tfoot th thead tr u ul var
    """.split()  # noqa: SIM905 (one word after the other is easier to read)
)
_PLAIN = {"colspan", "rowspan", "align", "start", "title", "alt", "scope"}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*\Z")
_HIGHLIGHT = re.compile(r"(highlight|hl-ipython3|ansi-[a-z0-9-]+|[a-z]{1,2}[a-z0-9]?)\Z")
_RENDERED = re.compile(
    r"(cell|border-box-sizing|(code|text|raw)_cell|rendered|rendered_html|input|input_area|"
    r"inner_cell|prompt|(in|out)put_prompt|output\w*|text_cell_render)\Z"
)
# The content of these is no text for readers.
_SILENT = re.compile(r"(?is)<(style|script|template|title)\b.*?(</\1\s*>|\Z)")


def _allow(is_ours):
    """The rule for attributes: of what students wrote, or of the whole that nbconvert made."""

    def rule(tag, name, value):
        if name in _PLAIN:
            return len(value) < 2000
        if name in ("width", "height"):
            return tag in ("img", "col", "td", "th") and bool(re.fullmatch(r"\d{1,4}%?", value))
        if name == "src":
            return tag == "img" and bool(_PICTURE.match(value))
        if name == "href":
            return tag == "a" and bool(re.match(r"(?i)(https?://|mailto:)", value.strip()))
        if name == "class":
            words = value.split()
            return all(_HIGHLIGHT.match(w) or (is_ours and _RENDERED.match(w)) for w in words)
        return name == "rel" and is_ours

    return rule


def _cleaner(is_ours):
    return bleach.sanitizer.Cleaner(
        tags=TAGS,
        attributes=_allow(is_ours),
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        strip_comments=True,
    )


_CLEANERS = {}


def clean(text, is_ours=False):
    """The HTML without anything dangerous.

    Args:
        text: HTML from anywhere.
        is_ours: Whether nbconvert's classes may stay; not in what students wrote.
    """
    if is_ours not in _CLEANERS:
        _CLEANERS[is_ours] = _cleaner(is_ours)
    try:
        cleaned = _CLEANERS[is_ours].clean(_SILENT.sub("", str(text)))
    except Exception:  # nested too deep, or so broken that the parser gives up
        if is_ours:
            raise
        return f"<pre>{html.escape(str(text)[:MOST_CHARACTERS])}</pre>"
    return cleaned.replace("<a ", '<a rel="noopener noreferrer nofollow" ')


def render(notebook):
    """An executed notebook as a piece of safe HTML.

    Args:
        notebook: The notebook, a dictionary in format 4; may hold anything.
    """
    shown = nbformat.from_dict(_prepared(notebook))
    body, _ = _exporter().from_notebook_node(shown)
    return clean(body, is_ours=True)


@functools.cache
def _exporter():
    import markupsafe
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    # A picture is left out by the sanitizer here and put back there: no other preprocessor is on.
    exporter = HTMLExporter(
        config=Config({"HTMLExporter": {"preprocessors": []}}),
        template_name="basic",
        sanitize_html=True,
        anchor_link_text="",
        exclude_anchor_links=True,
    )
    exporter.register_filter("clean_html", lambda text: markupsafe.Markup(clean(text)))
    return exporter


def _prepared(notebook):
    """A copy with valid cells and outputs only, and without any metadata."""
    cells = []
    for number, cell in enumerate(notebook.get("cells", [])[:MOST_CELLS]):
        source = _cut(cell.get("source", ""))
        kind = cell.get("cell_type")
        if kind == "code":
            count = cell.get("execution_count")
            outputs = [_output(each) for each in cell.get("outputs", [])[:200]]
            cells.append(
                nbformat.v4.new_code_cell(
                    source,
                    execution_count=count if isinstance(count, int) else None,
                    outputs=[each for each in outputs if each],
                )
            )
        elif kind == "markdown":
            made = nbformat.v4.new_markdown_cell(source)
            if cell.get("attachments"):
                made["attachments"] = copy.deepcopy(cell["attachments"])
            cells.append(made)
        else:
            cells.append(nbformat.v4.new_code_cell(source))
        cells[-1]["id"] = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells)


def _output(output):
    """An output in the few forms that are shown; None if it is in none of them."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return nbformat.v4.new_output("stream", name=name, text=_cut(output.get("text", "")))
    if kind == "error":
        lines = output.get("traceback") or []
        lines = [_cut(line) for line in lines if isinstance(line, str)][-60:]
        name, value = _cut(output.get("ename", "")), _cut(output.get("evalue", ""))
        return nbformat.v4.new_output(
            "error", ename=name, evalue=value, traceback=lines or [f"{name}: {value}"]
        )
    if kind not in ("display_data", "execute_result") or not isinstance(output.get("data"), dict):
        return None
    data = {}
    for form in ("image/png", "image/jpeg"):
        if form in output["data"] and _is_picture(picture := _joined(output["data"][form])):
            data[form] = picture
    svg = _joined(output["data"].get("image/svg+xml", ""))
    if svg and not data and len(svg) < MOST_PICTURE_CHARACTERS:
        data["image/svg+xml"] = svg
    for form in ("text/html", "text/markdown", "text/latex", "text/plain"):
        text = _joined(output["data"].get(form, ""))
        if text and (form == "text/plain" or len(text) <= 10 * MOST_CHARACTERS):
            data[form] = _cut(text) if form == "text/plain" else text
    if not data:
        return None
    return nbformat.v4.new_output("display_data", data=data)


def _is_picture(data):
    try:
        base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(data) < MOST_PICTURE_CHARACTERS


def _joined(text):
    if isinstance(text, list):
        text = "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""


def _cut(text):
    text = _joined(text)
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out:,} characters left out …]\n{text[-half:]}"
