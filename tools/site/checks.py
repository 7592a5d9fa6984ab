"""Tests of a built site that need no browser: links, words for pictures, paths of machines.

Sphinx checks the links in the pages' Markdown; this module checks those in the finished HTML, such
as the front page's cards and the download buttons.
"""

import os
import pathlib
import re
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator

import bs4

from tools.authoring.address import ROOT
from utils.common.errors import DataError
from utils.data.fetching import places

# Links that tell the browser about other pages and fetch nothing.
FETCHES_NOTHING = {"canonical", "next", "prev", "index", "search", "author"}
# Folders of people and of running programs, on whatever machine the lessons were executed.
OF_ANY_MACHINE = (
    r"/home/[\w.-]+/|/Users/[\w.-]+/|[A-Za-z]:[\\/]+Users[\\/]+\w|/tmp/\w|/var/folders/\w"
)
EMBEDDED = re.compile(r"(?s)data:[\w/+.;=-]*base64,(?:[\w+/=]|\\?\n)*")  # a picture or a sound


def page_names(site: pathlib.Path) -> list[str]:
    """Return the paths of all pages, from the site's folder."""
    names = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    return sorted(name for name in names if not name.startswith("_static"))


def lesson_pages(names: list[str]) -> list[str]:
    """Return the names of the lessons' pages: those that begin with a number."""
    return [name for name in names if name[:2].isdigit()]


def check_files(site: pathlib.Path) -> tuple[int, list[str]]:
    """Return how many pages there are, and what is wrong, as "page: what"."""
    problems = []
    paths = paths_of_machines()
    names = page_names(site)
    for name in names:
        html = (site / name).read_bytes()
        page = bs4.BeautifulSoup(html, "html.parser")
        wrong = [
            *broken_links(page, (site / name).parent),
            *fetched_from_elsewhere(page),
            *without_words(page),
            *shown_paths(html.decode("utf-8"), page.get_text(), paths),
        ]
        problems += [f"{name}: {text}" for text in dict.fromkeys(wrong)]
    return len(names), problems


def broken_links(page: bs4.BeautifulSoup, folder: pathlib.Path) -> Iterator[str]:
    """Yield the files that a page links to or shows and that do not exist."""
    for key in ("href", "src"):
        for tag in page.find_all(attrs={key: True}):
            parts = urllib.parse.urlsplit(tag[key])
            path = urllib.parse.unquote(parts.path)
            if parts.scheme or parts.netloc or not path:
                continue
            if path.startswith("/") or not (folder / path).is_file():
                yield f"{tag[key]} does not exist in the site"


def fetched_from_elsewhere(page: bs4.BeautifulSoup) -> Iterator[str]:
    """Yield what the page would fetch from another host."""
    for tag in page.find_all(
        lambda tag: tag.name != "a" and {"src", "href", "data"} & set(tag.attrs)
    ):
        address = tag.get("src") or tag.get("href") or tag.get("data")
        is_elsewhere = re.match("(https?:)?//", address)
        if is_elsewhere and not FETCHES_NOTHING & set(tag.get("rel", [])):
            yield f"fetches {address}"


def without_words(page: bs4.BeautifulSoup) -> Iterator[str]:
    """Yield pictures and players that a screen reader could not describe."""
    for tag in page.find_all("img"):
        if not tag.get("alt", "").strip() or tag["alt"].startswith(("_images/", "data:")):
            yield f"the picture {tag.get('src', '')[:60]} has no alternative text"
    for tag in page.find_all(["audio", "video"]):
        if not tag.get("aria-label", "").strip():
            yield "a player has no name"


def paths_of_machines() -> re.Pattern:
    """Return a pattern of paths that nobody but the owner of a machine should read.

    They are those of this machine (the repository, its Python, the home folder, the temporary
    folder, the folders with the data), and whatever looks like a path of another machine.
    """
    folders = [ROOT, sys.prefix, sys.base_prefix]
    for variable in ("COURSE_DATA_DIR", "COURSE_DATA_MIRROR"):
        try:
            folders += filter(None, [places.named_folder(variable)])
        except DataError:
            continue  # nobody's home folder
    patterns = [re.escape(form) + r"(?![\w.-]*\w)" for form in _forms(*folders)]
    # These two folders are everybody's; what is in them is not.
    personal = _forms(tempfile.gettempdir(), os.path.expanduser("~"))
    patterns += [re.escape(form) + r"/\w" for form in personal]
    # Not in the middle of an address or of another path.
    return re.compile(rf"(?<![\w.~%+-])(?:{'|'.join([*patterns, OF_ANY_MACHINE])})[^\s\"'<>]*")


def _forms(*folders: str | pathlib.Path) -> set[str]:
    """Return the ways to write these folders, without those that every machine has."""
    forms = {pathlib.Path(form).as_posix() for f in folders for form in (f, os.path.realpath(f))}
    return forms - {"/", "/usr", "/usr/local"}


def shown_paths(html: str, text: str, paths: re.Pattern) -> Iterator[str]:
    """Yield the paths of a machine in a page's HTML or in the text that is read."""
    whole = EMBEDDED.sub("", html) + "\n" + EMBEDDED.sub("", text)
    whole = re.sub("/+", "/", urllib.parse.unquote(whole))
    for path in dict.fromkeys(paths.findall(whole)):
        yield f"shows a path of a machine: {path[:100]}"
