"""What Sphinx builds the site from: the executed notebooks, put in order, and a page of lessons."""

import base64
import dataclasses
import hashlib
import html
import json
import pathlib
import posixpath
import re
import shutil

from tools.authoring import address, check, gallery

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


def describe(path, root=ROOT):
    """Reads the title and the promise of a notebook from its first cell."""
    first = check.read(path, root).notebook.cells[0].source
    title = re.search(r"(?m)^#\s+(.+?)\s*$", first)
    promise = re.search(r"(?ms)^\*([^*].*?)\*\s*$", first)
    text = " ".join(promise[1].split()) if promise else ""
    place = path.relative_to(root).as_posix()
    return Page(path.stem, title[1] if title else path.stem, text, place)


def lessons(root=ROOT):
    """The lessons in order, with what the syllabus says about them."""
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


def homework(root=ROOT):
    """The students' notebooks of the homework, in order."""
    return [describe(path, root) for path in sorted((root / "notebooks/homework").glob("*.ipynb"))]


def is_current(source, executed, since=0.0):
    """Whether an executed notebook holds the same cells as its source and is newer than `since`."""
    if not executed.is_file() or executed.stat().st_mtime < since:
        return False
    cells = [_cells(path) for path in (source, executed)]
    return cells[0] == cells[1]


def _cells(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def write(folder, executed, root=ROOT):
    """Writes everything Sphinx needs into a folder, which is made anew.

    Args:
        folder: where to write.
        executed: folder of the executed notebooks; a lesson that is not there is shown without
            outputs, and says so.
        root: the repository.

    Returns:
        The names of the lessons that have no executed notebook.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "extra" / "download").mkdir(parents=True)
    shutil.copytree(STATIC, folder / "_static")
    shutil.copy(pathlib.Path(__file__).with_name("conf.py"), folder)
    missing, descriptions = [], {}
    pages, exercises = lessons(root), homework(root)
    for page in [*pages, *exercises]:
        shutil.copy(root / page.place, folder / "extra" / "download")
    for page in pages:
        path = executed / f"{page.name}.ipynb"
        is_executed = path.is_file()
        if not is_executed:
            missing.append(page.name)
        notebook = json.loads((path if is_executed else root / page.place).read_text("utf-8"))
        descriptions.update(prepare(notebook, page, is_executed))
        target = folder / f"{page.name}.ipynb"
        target.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
    (folder / "descriptions.json").write_text(json.dumps(descriptions), encoding="utf-8")
    images = root / "notebooks" / "images"
    if images.is_dir():
        shutil.copytree(images, folder / "_static" / "gallery")
    _write_pages(folder, pages, exercises, root)
    return missing


def prepare(notebook, page, is_executed=True):
    """Changes a notebook so that its page asks for nothing from elsewhere and can be read aloud.

    Args:
        notebook: the notebook as a dictionary; changed in place.
        page: what is known about it.
        is_executed: whether it has been executed.

    Returns:
        Alternative text of each picture, by the sha256 of its bytes.
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
            for kind in [kind for kind in data if kind.startswith("application/vnd.course")]:
                del data[kind]
            for kind in ("image/png", "image/jpeg"):
                if kind in data:
                    picture = base64.b64decode("".join(data[kind]))
                    told = output.get("metadata", {}).get(kind, {}).get("alt")
                    name = hashlib.sha256(picture).hexdigest()
                    descriptions[name] = told or f"A figure of the section “{section}”."
            if "text/html" in data:
                text, count = _name_players("".join(data["text/html"]), section, players)
                data["text/html"], players = text, players + count
    return descriptions


def _name_players(text, section, number):
    """Gives every audio player that has none a name, which screen readers tell."""
    count = 0

    def name(match):
        nonlocal count
        count += 1
        label = html.escape(f"Sound {number + count}, section “{section}”", quote=True)
        return f'{match[0]} aria-label="{label}"'

    return _AUDIO.sub(name, text), count


def buttons(page, is_executed=True):
    """The links that take the place of the badges, which would be fetched from other hosts."""
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


def with_links(markdown, folder):
    """The Markdown of a page in `folder` (from the root) with links that hold on the site."""
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
    more = []
    for place, name in PAGES.items():
        path = root / place
        if path.is_file():
            text = with_links(path.read_text(encoding="utf-8"), posixpath.dirname(place))
            (folder / name).write_text(text, encoding="utf-8")
            more.append(name)
    if "lectures.md" in more:  # the table of lessons is the front page
        text = (folder / "lectures.md").read_text(encoding="utf-8")
        items = text.partition("\n## Every item of the lectures")[2].partition("\n")[2]
        heading = "# Every item of the lectures, and where it is shown\n"
        (folder / "lectures.md").write_text(heading + items.replace("\n### ", "\n## "), "utf-8")
    if exercises:
        (folder / "homework.md").write_text(_homework_page(exercises), encoding="utf-8")
        more.insert(0, "homework.md")
    toctree = [
        _toctree("Lessons", [page.name for page in pages]),
        _toctree("Around the lessons", [name.removesuffix(".md") for name in more]),
    ]
    intro = _introduction(root)
    cards = '<div class="cards">\n' + "\n".join(map(_card, pages)) + "\n</div>"
    front = ["# Deep learning in practice", intro, cards, *toctree]
    (folder / "index.md").write_text("\n\n".join(front) + "\n", encoding="utf-8")


def _introduction(root):
    """The first paragraph of README.md."""
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    paragraphs = [part for part in text.split("\n\n") if part and not part.startswith("#")]
    return with_links(paragraphs[0], "") if paragraphs else ""


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
        "tells while you work what is still missing.",
    ]
    for page in exercises:
        parts += [f"## {page.title}", page.promise, buttons(page)]
    return "\n\n".join(part for part in parts if part) + "\n"
