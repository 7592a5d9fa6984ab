"""Strangers' HTML without anything that a browser could run or load, or that could mislead.

What is left has no scripts, styles, frames or forms, no ids, no classes except nbconvert's, no
pictures except those in the page, and only links to the web.
"""

import functools
import html
import re

from bleach import html5lib_shim, sanitizer

MOST_SHOWN = 40_000  # characters of what cannot be parsed
TAGS = frozenset(
    """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure
    h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre q s samp small span strong sub summary sup table
    tbody td tfoot th thead tr u ul var
    """.split()  # noqa: SIM905 (one word after the other is easier to read)
)
_PLAIN = {"colspan", "rowspan", "align", "start", "title", "alt", "scope"}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*\Z")
_HIGHLIGHT = re.compile(r"(highlight|hl-ipython3|ansi-[a-z0-9-]+|[a-z]{1,2}[a-z0-9]?)\Z")
_NBCONVERT = re.compile(
    r"(cell|border-box-sizing|(code|text|raw)_cell|rendered|rendered_html|input|input_area|"
    r"inner_cell|prompt|(in|out)put_prompt|output\w*|text_cell_render)\Z"
)
# The content of these is not text for readers.
_SILENT = re.compile(r"(?is)<(style|script|template|title)\b.*?(</\1\s*>|\Z)")


def _is_allowed(is_nbconvert, tag, name, value):
    """Return whether an attribute may stay."""
    if name in _PLAIN:
        return len(value) < 2000
    if name in ("width", "height"):
        return tag in ("img", "col", "td", "th") and bool(re.fullmatch(r"\d{1,4}%?", value))
    if name == "src":
        return tag == "img" and bool(_PICTURE.match(value))
    if name == "href":
        return tag == "a" and bool(re.match(r"(?i)(https?://|mailto:)", value.strip()))
    return name == "class" and all(
        _HIGHLIGHT.match(word) or (is_nbconvert and _NBCONVERT.match(word))
        for word in value.split()
    )


class _ClosedLinks(html5lib_shim.Filter):
    """Keep links from telling other sites where they come from."""

    def __iter__(self):
        for token in super().__iter__():
            if token["type"] == "StartTag" and token["name"] == "a":
                token["data"][None, "rel"] = "noopener noreferrer nofollow"
            yield token


@functools.cache
def _cleaner(is_nbconvert):
    return sanitizer.Cleaner(
        tags=TAGS,
        attributes=functools.partial(_is_allowed, is_nbconvert),
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        filters=[_ClosedLinks],
    )


def clean(text: str, is_nbconvert: bool = False) -> str:
    """Return the HTML without anything dangerous.

    Args:
        text: HTML from anywhere.
        is_nbconvert: Whether nbconvert's classes may stay; not in what students wrote.

    Raises:
        Exception: A page of nbconvert's is nested too deeply for the parser, for example.
    """
    try:
        return _cleaner(is_nbconvert).clean(_SILENT.sub("", str(text)))
    except Exception:  # nested too deeply, or so broken that the parser gives up
        if is_nbconvert:
            raise
        return f"<pre>{html.escape(str(text)[:MOST_SHOWN])}</pre>"
