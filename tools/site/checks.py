"""Tests of a built site that need no browser: links, words for pictures, downloads, paths."""

import itertools
import json
import os
import pathlib
import re
import sys
import tempfile
import urllib.parse

import bs4

from tools.authoring.address import ROOT
from utils.common.errors import DataError
from utils.data.fetching import places

# What a browser fetches by itself while it shows a page, and where the address stands.
FETCHED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "src",
    "track": "src",
    "video": "src",
}
# Links that tell the browser about other pages and fetch nothing.
ONLY_TOLD = {"canonical", "next", "prev", "index", "search", "author"}
# Folders of people and of programs that run, on whatever machine the lessons were executed.
OF_ANY_MACHINE = (
    r"/home/[\w.-]+/|/Users/[\w.-]+/|[A-Za-z]:[\\/]+Users[\\/]+\w|/tmp/\w|/var/folders/\w"
)
EMBEDDED = re.compile(r"(?s)data:[\w/+.;=-]*base64,(?:[\w+/=]|\\?\n)*")  # a picture or a sound


def read_pages(site):
    """All pages of the site, parsed: path below the site to page."""
    paths = sorted(pathlib.Path(site).rglob("*.html"))
    return {
        path.relative_to(site).as_posix(): bs4.BeautifulSoup(path.read_bytes(), "html.parser")
        for path in paths
        if "_static" not in path.parts
    }


def check_files(site):
    """Looks through all pages.

    Returns:
        How many pages there are, and a list of what is wrong, as "page: what".
    """
    site = pathlib.Path(site)
    pages = read_pages(site)
    anchors = {
        name: {tag["id"] for tag in page.find_all(id=True)}
        | {tag["name"] for tag in page.find_all("a", attrs={"name": True})}
        for name, page in pages.items()
    }
    problems = []
    paths = paths_of_machines()
    for name, page in pages.items():
        found = [
            *broken_links(name, page, site, anchors),
            *fetched_from_elsewhere(page),
            *without_words(page),
            *bad_downloads(page, site),
            *shows_paths(page, paths),
        ]
        problems += [f"{name}: {text}" for text in dict.fromkeys(found)]
    problems += [f"_static: {text}" for text in style_sheets_that_fetch(site)]
    return len(pages), problems + list(order(pages)) + list(without_buttons(pages))


def broken_links(name, page, site, anchors):
    """Yields what a page links to or shows that is not there."""
    addresses = [tag[key] for key in ("href", "src") for tag in page.find_all(attrs={key: True})]
    for address in addresses:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        folder = pathlib.PurePosixPath(name).parent
        path = urllib.parse.unquote(parts.path)
        target = (folder / path).as_posix() if path else name
        if path.startswith("/"):
            yield f"{address} begins with a slash, so it holds at one place only"
        elif not (site / target).is_file():
            yield f"{address} is not there"
        elif parts.fragment and target in anchors:
            fragment = urllib.parse.unquote(parts.fragment)
            if fragment not in anchors[target]:
                yield f"{address}: no such section"


def fetched_from_elsewhere(page):
    """Yields what the page would fetch from another host."""
    for kind, key in FETCHED.items():
        for tag in page.find_all(kind, attrs={key: True}):
            if ONLY_TOLD & set(tag.get("rel", [])):
                continue
            if urllib.parse.urlsplit(tag[key]).scheme in ("http", "https") or tag[key][:2] == "//":
                yield f"fetches {tag[key]}"


def style_sheets_that_fetch(site):
    """Yields the style sheets that name another host."""
    for path in sorted((site / "_static").rglob("*.css")):
        text = path.read_text(encoding="utf-8").replace(" ", "")
        if "url(http" in text or "url(//" in text or "@import" in text:
            yield f"{path.name} fetches something"


def without_words(page):
    """Yields pictures, players and pages that a screen reader could not tell."""
    for tag in page.find_all("img"):
        if not tag.get("alt", "").strip():
            yield f"the picture {tag.get('src', '')[:60]} has no alternative text"
        elif tag["alt"].startswith(("_images/", "data:")):
            yield f"the alternative text of {tag['src'][:60]} is its address"
    for tag in page.find_all(["audio", "video"]):
        if not tag.get("aria-label", "").strip():
            yield "a player has no name"
    if not page.html.get("lang"):
        yield "does not say which language it is in"
    if not page.title or not page.title.get_text(strip=True):
        yield "has no title"


def paths_of_machines():
    """A pattern of what nobody but the owner of a machine should read: paths on it.

    Those of this machine (the repository, its Python, the home folder, the temporary one, the
    folders with the data), and what looks like a path of any other.
    """
    whole = [ROOT, sys.prefix, sys.base_prefix]
    for variable in ("COURSE_DATA_DIR", "COURSE_DATA_MIRROR"):
        try:
            whole += filter(None, [places.named_folder(variable)])
        except DataError:
            continue  # nobody's home folder
    begun = [tempfile.gettempdir(), os.path.expanduser("~")]  # told only with more behind
    words = [(_forms(place), r"(?![\w.-]*\w)") for place in whole]
    words += [(_forms(place), r"/\w") for place in begun]
    patterns = [re.escape(form) + end for forms, end in words for form in forms]
    patterns = "|".join([*patterns, OF_ANY_MACHINE])
    # Not in the middle of an address or of another path.
    return re.compile(rf"(?<![\w.~%+-])(?:{patterns})[^\s\"'<>]*")


def _forms(place):
    """How a folder may be written; not at all where it is one that every machine has."""
    forms = {pathlib.Path(place).as_posix(), pathlib.Path(os.path.realpath(place)).as_posix()}
    return sorted(forms - {"/", "/usr", "/usr/local"})


def shows_paths(page, paths):
    """Yields the paths of a machine that the page shows or holds."""
    texts = [page.get_text(), page.get_text("\n"), *page.find_all(string=True)]
    for tag in page.find_all(True):
        for value in tag.attrs.values():
            text = value if isinstance(value, str) else " ".join(value)
            texts.append(urllib.parse.unquote(EMBEDDED.sub("", text)))
    text = EMBEDDED.sub("", "\n".join(texts))
    text = re.sub("/+", "/", text if os.sep == "/" else text.replace("\\", "/"))
    for found in dict.fromkeys(paths.findall(text)):
        yield f"shows a path of a machine: {found[:100]}"


def bad_downloads(page, site):
    """Yields downloads that are not clean notebooks."""
    for tag in page.find_all("a", attrs={"download": True}):
        path = site / tag["href"]
        if not path.is_file():
            continue  # told as a broken link
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        if any(cell.get("outputs") for cell in cells):
            yield f"{tag['href']} holds outputs"


def lesson_pages(pages):
    """The names of the lessons' pages, in order: those that begin with a number."""
    return [name for name in sorted(pages) if name[:2].isdigit()]


def without_buttons(pages):
    """Yields lessons that cannot be opened in Colab or downloaded."""
    for name in lesson_pages(pages):
        links = [tag for tag in pages[name].select(".buttons a")]
        notebook = name.removesuffix(".html") + ".ipynb"
        if not any(
            tag["href"].startswith("https://colab.") and tag["href"].endswith(notebook)
            for tag in links
        ):
            yield f"{name}: has no button for Colab"
        if not any(tag.has_attr("download") and notebook in tag["href"] for tag in links):
            yield f"{name}: has no button to download the notebook"


def order(pages):
    """Yields lessons that do not lead to the next and the previous one."""
    names = lesson_pages(pages)
    for name, following in itertools.pairwise(names):
        forward = pages[name].select_one("a.next-page")
        back = pages[following].select_one("a.prev-page")
        if not forward or forward["href"] != following:
            yield f"{name}: does not lead on to {following}"
        if not back or back["href"] != name:
            yield f"{following}: does not lead back to {name}"
