"""An executed notebook as a piece of HTML in which nothing of the student's can do harm.

nbconvert renders; everything that a student could have written goes through bleach: text cells,
and in the end the whole. What is left has no scripts, no styles, no frames, no forms, no classes or
ids but nbconvert's, no pictures but those in the page, and links to the web only. Of outputs, text
and pictures are shown, and `outputs` keeps nothing else.

A cell that cannot be drawn, or takes too long, hides itself only, and is shown as it was typed.
What students write for a reader can always be read.
"""

import base64
import binascii
import functools
import html
import re
import time

import bleach
import bleach.sanitizer
import nbformat

from grading.execution.outputs import PICTURES
from grading.reports.time_limit import TooLong, at_most

MOST_CHARACTERS = 40_000  # of one output, and of one cell
MOST_PICTURE_CHARACTERS = 4_000_000
MOST_CELLS = 500  # of the student's own; the assignment's are shown in any case
MOST_PAGE_CHARACTERS = 60_000_000
MOST_ANSWER_CHARACTERS = 400_000
WHOLE_SECONDS, CELL_SECONDS, ALL_CELLS_SECONDS = 20, 4, 40
NOT_DRAWN = "This cell could not be drawn; here it is as it was typed."
OUTPUT_NOT_DRAWN = "[This output could not be drawn.]"
ENOUGH_SEEN = 0.9  # of the words of a written answer must be seen where it is drawn

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
# A picture in the middle of a text, as Colab pastes them.
_PASTED = re.compile(r"\]\(data:(image/(?:png|jpeg|gif));base64,([A-Za-z0-9+/=]+)")
# The content of these is no text for readers.
_SILENT = re.compile(r"(?is)<(style|script|template|title)\b.*?(</\1\s*>|\Z)")
# What is no word of a written answer: addresses, pictures and their names, tags.
_NO_WORDS = re.compile(
    r"""https?://\S+|(?:\bsrc=["']?)?data:image/[\w+]+;base64,[A-Za-z0-9+/=]+|\]\(attachment:[^)\s]*|"""
    rf"!\[[\w-]{{1,60}}\.(?:png|jpe?g|gif)(?=\])|</?(?:{'|'.join(sorted(TAGS))})\b"
)


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
    cells = _prepared(notebook)
    whole = _tried(cells, WHOLE_SECONDS)
    if whole is not None and len(whole) <= MOST_PAGE_CHARACTERS:
        return whole
    ends = time.monotonic() + ALL_CELLS_SECONDS
    pieces, left = [], MOST_PAGE_CHARACTERS
    for cell in cells:
        piece = _drawn(cell, ends)
        if len(piece) > left:
            piece = _as_typed(cell)
        pieces.append(piece)
        left -= len(piece)
    return "\n".join(pieces)


def _tried(cells, seconds):
    """Cells as safe HTML; None if they cannot be drawn in that time."""
    if seconds <= 0:
        return None
    try:
        with at_most(seconds):
            body, _ = _exporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
            return clean(body, is_ours=True)
    except (Exception, TooLong):
        return None


def _drawn(cell, ends):
    """A cell as safe HTML, without what of it cannot be drawn."""

    def tried(cell):
        return _tried([cell], min(CELL_SECONDS, ends - time.monotonic()))

    drawn = tried(cell)
    if drawn is None and cell.get("outputs"):
        instead = nbformat.v4.new_output("stream", text=OUTPUT_NOT_DRAWN)
        only = nbformat.v4.new_code_cell
        outputs = [
            each if tried(only(outputs=[each])) is not None else instead for each in cell.outputs
        ]
        drawn = tried(nbformat.from_dict({**cell, "outputs": outputs}))
    return _as_typed(cell) if drawn is None else drawn


def _as_typed(cell):
    return f"<div><p>{NOT_DRAWN}</p><pre>{html.escape(_printable(cell['source']))}</pre></div>"


def _printable(text):
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "\ufffd", text)


@functools.cache
def _exporter():
    import markupsafe
    from nbconvert import HTMLExporter
    from nbconvert.filters import ansi2html, strip_ansi
    from traitlets.config import Config

    def colours(text):
        try:
            return ansi2html(text)
        except Exception:  # a sequence that it does not know
            return markupsafe.escape(strip_ansi(text))

    # A picture is left out by the sanitizer here and put back there: no other preprocessor is on.
    exporter = HTMLExporter(
        config=Config({"HTMLExporter": {"preprocessors": []}}),
        template_name="basic",
        sanitize_html=True,
        anchor_link_text="",
        exclude_anchor_links=True,
    )
    exporter.register_filter("clean_html", lambda text: markupsafe.Markup(clean(text)))
    exporter.register_filter("ansi2html", colours)
    return exporter


def _prepared(notebook):
    """Valid cells with valid outputs only, and without any metadata."""
    cells, own = [], 0
    for cell in notebook.get("cells", []):
        is_own = not _about(cell)
        own += is_own
        if is_own and own > MOST_CELLS:
            if own == MOST_CELLS + 1:
                text = f"*More than {MOST_CELLS} cells of one's own: the others are left out here.*"
                cells.append(nbformat.v4.new_markdown_cell(text))
            continue
        made = _prepared_cell(cell)
        cells.append(made)
        if made["cell_type"] == "markdown" and not is_own and not _is_seen(made):
            cells.append(nbformat.v4.new_markdown_cell(_fenced(made["source"])))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return cells


def _about(cell):
    """What makes a cell one of the assignment's; `restore` leaves that with no other."""
    metadata = cell.get("metadata")
    return metadata.get("nbgrader") if isinstance(metadata, dict) else None


def _prepared_cell(cell):
    kind, source = cell.get("cell_type"), _joined(cell.get("source", ""))
    if kind == "markdown":
        source, pasted = _without_pasted(source)
        source = _cut(source, MOST_ANSWER_CHARACTERS if _about(cell) else MOST_CHARACTERS)
        made = nbformat.v4.new_markdown_cell(source)
        if attachments := {**_attachments(cell), **pasted}:
            made["attachments"] = attachments
        return made
    if kind != "code":
        return nbformat.v4.new_code_cell(_cut(source))
    count = cell.get("execution_count")
    outputs = [_output(each) for each in cell.get("outputs", [])[:200]]
    return nbformat.v4.new_code_cell(
        _cut(source),
        execution_count=count if isinstance(count, int) else None,
        outputs=[each for each in outputs if each],
    )


def _without_pasted(source):
    """A text without the pictures in it, which would not outlive a cut, and those attached."""
    pictures = {}

    def attach(found):
        if not _is_picture(found[2]):
            return found[0]
        pictures[name := f"pasted-{len(pictures)}"] = {found[1]: found[2]}
        return f"](attachment:{name}"

    return _PASTED.sub(attach, source), pictures


def _attachments(cell):
    """The pictures among what is attached to a text cell."""
    found = cell.get("attachments")
    pictures = {}
    for name, data in found.items() if isinstance(found, dict) else ():
        for form in (*PICTURES, "image/gif"):
            picture = _joined(data.get(form, "")) if isinstance(data, dict) else ""
            if picture and _is_picture(picture):
                pictures[str(name)] = {form: picture}
    return pictures


def _is_seen(cell):
    """Whether the words of a written answer are seen where it is drawn; a comment hides them."""
    drawn = _tried([cell], CELL_SECONDS)
    if drawn is None:  # then it is shown as it was typed
        return True
    words = set(re.findall(r"\w{2,}", _NO_WORDS.sub(" ", cell["source"])))
    seen = set(re.findall(r"\w{2,}", html.unescape(re.sub(r"<[^>]*>", " ", drawn))))
    return len(words & seen) >= ENOUGH_SEEN * len(words)


def _fenced(source):
    """Markdown that shows the source of a text."""
    fence = "~" * (3 + max(map(len, re.findall("~+", source)), default=0))
    return f"*Not all of this is seen when it is drawn. As typed:*\n\n{fence}\n{source}\n{fence}"


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
    for form in PICTURES:
        if form in output["data"] and _is_picture(picture := _joined(output["data"][form])):
            data[form] = picture
    if text := _cut(output["data"].get("text/plain", "")):
        data["text/plain"] = text
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


def _cut(text, most=MOST_CHARACTERS):
    text = _joined(text)
    if len(text) <= most:
        return text
    half = most // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[… {left_out:,} characters left out …]\n{text[-half:]}"
