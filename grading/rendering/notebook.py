"""An executed notebook as HTML in which nothing of the student's can do harm.

nbconvert renders; what a student could have written is sanitised: text cells, and finally the
whole. Of the outputs, text and pictures are shown. A cell that cannot be drawn, or takes too long,
is shown as typed and hides nothing else. What students write for a reader can always be read.
"""

import functools
import html
import re
import time

import markupsafe
import nbformat
from nbconvert import HTMLExporter
from nbconvert.filters import ansi2html, strip_ansi
from traitlets.config import Config

from grading.rendering import cells as notebook_cells
from grading.rendering.safe_html import TAGS, clean
from grading.rendering.time_limit import TooLong, at_most

MOST_PAGE_CHARACTERS = 60_000_000
WHOLE_SECONDS, CELL_SECONDS, ALL_CELLS_SECONDS = 20, 4, 40
NOT_DRAWN = "This cell could not be drawn; here it is as typed."
ENOUGH_SEEN = 0.9  # of the words of a written answer must be seen where it is drawn

v4 = nbformat.v4
# What does not count as a word of a written answer: addresses, pictures and their names, tags.
_NOT_WORDS = re.compile(
    r"""https?://\S+|(?:\bsrc=["']?)?data:image/[\w+]+;base64,[A-Za-z0-9+/=]+|\]\(attachment:[^)\s]*|"""
    rf"!\[[\w-]{{1,60}}\.(?:png|jpe?g|gif)(?=\])|</?(?:{'|'.join(sorted(TAGS))})\b"
)


def render(notebook: dict) -> str:
    """Return an executed notebook in format 4, which may hold anything, as safe HTML."""
    cells = _prepared(notebook)
    whole = _drawn(cells, WHOLE_SECONDS)
    if whole is not None and len(whole) <= MOST_PAGE_CHARACTERS:
        return whole
    deadline = time.monotonic() + ALL_CELLS_SECONDS
    pieces, left = [], MOST_PAGE_CHARACTERS
    for cell in cells:
        piece = _drawn([cell], min(CELL_SECONDS, deadline - time.monotonic()))
        if piece is None or len(piece) > left:
            piece = _as_typed(cell)
        pieces.append(piece)
        left -= len(piece)
    return "\n".join(pieces)


def _prepared(notebook):
    """Return the cells to show, with written answers as typed if some part would be hidden."""
    prepared, own = [], 0
    for cell in notebook.get("cells", []):
        is_own = not notebook_cells.is_assigned(cell)
        own += is_own
        if is_own and own > notebook_cells.MOST_OWN_CELLS:
            if own == notebook_cells.MOST_OWN_CELLS + 1:
                text = f"*More than {own - 1} cells of your own: the others are left out here.*"
                prepared.append(v4.new_markdown_cell(text))
            continue
        prepared.append(shown := notebook_cells.valid_cell(cell))
        if shown["cell_type"] == "markdown" and not is_own and not _is_seen(shown):
            prepared.append(v4.new_markdown_cell(_fenced(shown["source"])))
    for number, cell in enumerate(prepared):
        cell["id"] = f"cell-{number}"
    return prepared


def _is_seen(cell):
    """Return whether a written answer's words are seen when drawn; a comment hides them."""
    drawn = _drawn([cell], CELL_SECONDS)
    if drawn is None:  # then it is shown as it was typed
        return True
    words = set(re.findall(r"\w{2,}", _NOT_WORDS.sub(" ", cell["source"])))
    seen = set(re.findall(r"\w{2,}", html.unescape(re.sub(r"<[^>]*>", " ", drawn))))
    return len(words & seen) >= ENOUGH_SEEN * len(words)


def _fenced(source):
    """Return Markdown that shows the source of a text."""
    fence = "~" * (3 + max(map(len, re.findall("~+", source)), default=0))
    return f"*Not all of this is visible when drawn. As typed:*\n\n{fence}\n{source}\n{fence}"


def _drawn(cells, seconds):
    """Return cells as safe HTML; None if they cannot be drawn in that time."""
    if seconds <= 0:
        return None
    try:
        with at_most(seconds):
            body, _ = _exporter().from_notebook_node(v4.new_notebook(cells=cells))
            return clean(body, is_nbconvert=True)
    except (Exception, TooLong):
        return None


def _as_typed(cell):
    source = re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "\ufffd", cell["source"])
    return f"<div><p>{NOT_DRAWN}</p><pre>{html.escape(source)}</pre></div>"


@functools.cache
def _exporter():
    # Without preprocessors: `clean` takes the place of the one that sanitises.
    exporter = HTMLExporter(
        config=Config({"HTMLExporter": {"preprocessors": []}}),
        template_name="basic",
        sanitize_html=True,
        anchor_link_text="",
        exclude_anchor_links=True,
    )
    exporter.register_filter("clean_html", lambda text: markupsafe.Markup(clean(text)))
    exporter.register_filter("ansi2html", _coloured)
    return exporter


def _coloured(text):
    try:
        return ansi2html(text)
    except Exception:  # a sequence that it does not know
        return markupsafe.escape(strip_ansi(text))
