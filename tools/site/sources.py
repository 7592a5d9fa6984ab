"""Write what Sphinx builds the site from: the executed notebooks, and a page of lessons."""

import base64
import dataclasses
import hashlib
import html
import itertools
import json
import pathlib
import posixpath
import re
import shutil

import nbformat

from tools.authoring import address, check, gallery
from tools.run import claims_page, execution, report

ROOT = address.ROOT
STATIC = pathlib.Path(__file__).resolve().parent / "static"
# Pages of the repository that are pages of the site as well.
PAGES = {
    "notebooks/README.md": "lectures.md",
    "notebooks/GLOSSARY.md": "glossary.md",
    "data/README.md": "data.md",
}
# A link, or code, in which nothing is a link.
_LINK_OR_CODE = re.compile(
    r"(?ms)(?P<text>!?\[[^\]]*\])\((?P<target>[^)\s]+)\)|^ *```.*?^ *```|`[^`\n]+`"
)
_BADGES = re.compile(r"(?m)^\[!\[Open in Colab\].*$")
_AUDIO = re.compile(r"<audio\b(?![^>]*\baria-label=)")


@dataclasses.dataclass(frozen=True)
class Page:
    """A notebook of the course as the site shows it: name, title, and what is known about it."""

    name: str
    title: str
    promise: str
    place: str  # from the repository's root
    finding: str = ""
    minutes: str = ""


def describe(path: pathlib.Path, root: pathlib.Path = ROOT) -> Page:
    """Return the title and the promise of a notebook, from its first cell."""
    first = check.read(path, root).notebook.cells[0].source
    title = re.search(r"(?m)^#\s+(.+?)\s*$", first)
    promise = re.search(r"(?ms)^\*([^*].*?)\*\s*$", first)
    text = " ".join(promise[1].split()) if promise else ""
    place = path.relative_to(root).as_posix()
    return Page(path.stem, title[1] if title else path.stem, text, place)


def lessons(root: pathlib.Path = ROOT) -> list[Page]:
    """Return the lessons in order, with what the syllabus says about them."""
    syllabus = (root / "notebooks" / "README.md").read_text(encoding="utf-8")
    pages = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        page = describe(path, root)
        row = re.search(
            rf"(?m)^\| \[[^\]]*\]\({path.stem}\.ipynb\) \| (.+?) \| (.+?) \|$", syllabus
        )
        if row:
            page = dataclasses.replace(page, finding=row[1], minutes=row[2])
        pages.append(page)
    return pages


def homework(root: pathlib.Path = ROOT) -> list[Page]:
    """Return the students' notebooks of the homework, in order."""
    return [describe(path, root) for path in sorted((root / "notebooks/homework").glob("*.ipynb"))]


def is_current(source: pathlib.Path, executed: pathlib.Path, since: float = 0.0) -> bool:
    """Return whether an executed notebook has its source's cells and is later than `since`."""
    if not executed.is_file() or executed.stat().st_mtime < since:
        return False
    cells = [_cells(path) for path in (source, executed)]
    return cells[0] == cells[1]


def _cells(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def write(folder: pathlib.Path, executed: pathlib.Path, root: pathlib.Path = ROOT) -> list[str]:
    """Write everything that Sphinx needs into a folder, whose old content is removed.

    Args:
        folder: Where to write.
        executed: Folder of the executed notebooks; a lesson that is not there is shown without
            outputs, and says so.
        root: The repository.

    Returns:
        The names of the lessons that have no executed notebook.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "extra" / "download").mkdir(parents=True)
    shutil.copytree(STATIC, folder / "_static")
    shutil.copy(pathlib.Path(__file__).with_name("conf.py"), folder)
    missing, descriptions, claimed = [], {}, []
    pages, exercises = lessons(root), homework(root)
    for page in [*pages, *exercises]:
        shutil.copy(root / page.place, folder / "extra" / "download")
    for page in pages:
        path = executed / f"{page.name}.ipynb"
        is_executed = path.is_file()
        if not is_executed:
            missing.append(page.name)
        notebook = json.loads((path if is_executed else root / page.place).read_text("utf-8"))
        found = execution.recorded_results(nbformat.from_dict(notebook))
        if found["claims"]:
            runs = report.read_records(executed.parent, [page.name])
            notes = [f"Executed in {report.duration(run['seconds'])}." for run in runs]
            notes += [f"{source['text']}." for source in found["data"]]
            about = {"title": page.title, "link": f"{page.name}.ipynb", "notes": notes}
            claimed.append(about | {"claims": found["claims"]})
        descriptions.update(prepare(notebook, page, is_executed))
        target = folder / f"{page.name}.ipynb"
        target.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
    (folder / "descriptions.json").write_text(json.dumps(descriptions), encoding="utf-8")
    shutil.copytree(gallery.FOLDER, folder / "_static" / "gallery")
    (folder / "claims.md").write_text(claims_page.as_markdown(claimed), encoding="utf-8")
    _write_pages(folder, pages, exercises, root)
    return missing


def prepare(notebook: dict, page: Page, is_executed: bool = True) -> dict[str, str]:
    """Change a notebook so that its page loads nothing from elsewhere and can be read aloud.

    Args:
        notebook: The notebook as a dictionary; it is changed in place.
        page: What is known about it.
        is_executed: Whether it has been executed.

    Returns:
        The alternative text of each picture, by the sha256 of its bytes.
    """
    descriptions, section, players = {}, page.title, 0
    notebook["metadata"].pop("widgets", None)
    notebook["metadata"]["language_info"] = {"name": "python", "pygments_lexer": "python"}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            source = _BADGES.sub(lambda _: buttons(page, is_executed), source)
            cell["source"] = with_links(source, posixpath.dirname(page.place))
            section = (re.findall(r"(?m)^#{1,6}\s+(.+?)\s*$", source) or [section])[-1]
            continue
        if "setup" in cell["metadata"].get("tags", []):
            cell["metadata"]["tags"] = ["setup", "hide-input"]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for mime_type in [name for name in data if name.startswith("application/vnd.course")]:
                del data[mime_type]
            for kind in ("image/png", "image/jpeg"):
                if kind in data:
                    picture = base64.b64decode("".join(data[kind]))
                    alt = output.get("metadata", {}).get(kind, {}).get("alt")
                    name = hashlib.sha256(picture).hexdigest()
                    descriptions[name] = alt or f"A figure of the section “{section}”."
            if "text/html" in data:
                text, count = _name_players("".join(data["text/html"]), section, players)
                data["text/html"], players = text, players + count
    return descriptions


def _name_players(text, section, number):
    """Give every audio player that has no name one, for screen readers; also count them."""
    numbers = itertools.count(number + 1)

    def name(match):
        label = html.escape(f"Sound {next(numbers)}, section “{section}”", quote=True)
        return f'{match[0]} aria-label="{label}"'

    return _AUDIO.subn(name, text)


def buttons(page: Page, is_executed: bool = True) -> str:
    """Return links to take the place of the badges, which would be fetched from other hosts."""
    line = address.badges(page.place, *address.address())
    colab, kaggle, binder = re.findall(r"\]\((https://[^)]+)\)(?:\s|$)", line)
    links = [
        f'<a class="button first" href="{html.escape(colab)}">Open in Colab</a>',
        f'<a class="button" href="download/{page.name}.ipynb" download>Download notebook</a>',
        f'<a class="button" href="{html.escape(kaggle)}">Kaggle</a>',
        f'<a class="button" href="{html.escape(binder)}">Binder</a>',
    ]
    note = "" if is_executed else '\n<p class="note">Not executed yet: here without outputs.</p>'
    return '<p class="buttons">' + " ".join(links) + "</p>" + note


def with_links(markdown: str, folder: str) -> str:
    """Return the Markdown of a page of the repository's `folder` with the site's links."""
    return _LINK_OR_CODE.sub(lambda match: _link(match, folder), markdown)


def _link(match, folder):
    text, target = match["text"], match["target"]
    if target is None:  # code
        return match[0]
    repository, ref = address.address()
    ours = f"https://github.com/{repository}/blob/{ref}/"
    if target.startswith(ours):
        path, _, section = target.removeprefix(ours).partition("#")
    elif re.match(r"[a-z]+:|#", target):
        return match[0]
    else:
        path, _, section = target.partition("#")
        path = posixpath.normpath(posixpath.join(folder, path))
    section = f"#{section}" if section else ""
    if path in PAGES:
        return f"{text}({PAGES[path]}{section})"
    if posixpath.dirname(path) == "notebooks" and path.endswith(".ipynb"):
        return f"{text}({posixpath.basename(path)}{section})"
    if path.startswith("notebooks/homework"):
        return f"{text}(homework.md)"
    kind = "blob" if posixpath.splitext(path)[1] else "tree"
    return f"{text}(https://github.com/{repository}/{kind}/{ref}/{path}{section})"


def _write_pages(folder, pages, exercises, root):
    for place, name in PAGES.items():
        text = (root / place).read_text(encoding="utf-8")
        if name == "lectures.md":  # the table of lessons is the front page
            items = text.partition("\n## Every item of the lectures")[2].partition("\n")[2]
            heading = "# Every item of the lectures, and where it is shown\n"
            text = heading + items.replace("\n### ", "\n## ")
        text = with_links(text, posixpath.dirname(place))
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "homework.md").write_text(_homework_page(exercises), encoding="utf-8")
    others = ["claims", "homework", *(name.removesuffix(".md") for name in PAGES.values())]
    toctree = [
        _toctree("Lessons", [page.name for page in pages]),
        _toctree("Around the lessons", others),
    ]
    cards = '<div class="cards">\n' + "\n".join(map(_card, pages)) + "\n</div>"
    front = ["# Deep learning in practice", _introduction(root), cards, *toctree]
    (folder / "index.md").write_text("\n\n".join(front) + "\n", encoding="utf-8")


def _introduction(root):
    """Return the first paragraph of README.md."""
    paragraphs = (root / "README.md").read_text(encoding="utf-8").split("\n\n")
    return with_links(next(text for text in paragraphs if not text.startswith("#")), "")


def _toctree(caption, names):
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"])


def _card(page):
    picture = gallery.PICTURES.get(page.name)
    image = ""
    if picture and (gallery.FOLDER / f"{page.name}.webp").is_file():
        width, height = gallery.SIZE
        image = (
            f'<img src="_static/gallery/{page.name}.webp" width="{width}" height="{height}" '
            f'alt="{html.escape(picture.alt)}" loading="lazy">'
        )
    words = page.finding or page.promise
    minutes = f'<span class="minutes">{html.escape(page.minutes)}</span>' if page.minutes else ""
    return (
        f'<a class="card" href="{page.name}.html">{image}<strong>{html.escape(page.title)}'
        f"</strong><span>{html.escape(words)}</span>{minutes}</a>"
    )


def _homework_page(exercises):
    parts = [
        "# Homework",
        "Open a notebook in Colab, or download it and open it at home. Every task has a cell that "
        "tells you, as you work, what is still missing.",
    ]
    for page in exercises:
        parts += [f"## {page.title}", page.promise, buttons(page)]
    return "\n\n".join(part for part in parts if part) + "\n"
