"""Links between the pages, and the syllabus, which links each lecture item to a section."""

import functools
import pathlib
import re
import urllib.parse
from collections.abc import Iterator

from tools.authoring.lessons import ROOT, notebook_paths, read, read_text

LECTURE_ITEMS = {"L1": 15, "L2": 10, "L3": 22, "L4": 17, "L5": 27}
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
_ITEM = re.compile(r"\bL([1-5])\.(\d+)(?:\s*[–-]\s*L\1\.(\d+))?")


def broken_links(markdown: str, folder: pathlib.Path) -> Iterator[str]:
    """Yield the links of a Markdown text to files or notebook sections that do not exist."""
    markdown = re.sub(r"(?ms)^```.*?^```", "", markdown)
    for target in _LINK.findall(markdown):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        name, _, section = urllib.parse.unquote(target).partition("#")
        path = folder / name
        if not path.exists():
            yield f"links to {name}, which is not there"
        elif section and path.suffix == ".ipynb":
            try:
                if not has_section(path, section):
                    yield f"links to the section {section} of {name}, which has no such heading"
            except ValueError as error:
                yield f"links to the section {section} of {error}"


def has_section(path: pathlib.Path, section: str) -> bool:
    """Return whether a notebook has a heading with that anchor."""
    return section in {anchor(heading) for heading in _headings(path)}


@functools.cache
def _headings(path):
    return read(path.resolve(), path.resolve().parent).headings


def anchor(heading: str) -> str:
    """Return the anchor that Jupyter gives to a heading."""
    return re.sub(r"[*`]", "", heading).strip().replace(" ", "-")


def check_syllabus(root: pathlib.Path = ROOT) -> Iterator[str]:
    """Yield what is wrong with notebooks/README.md, which lists every lecture item once."""
    try:
        text = read_text(root / "notebooks" / "README.md")
    except ValueError as error:
        yield str(error)
        return
    expected = {f"{part}.{i + 1}" for part, count in LECTURE_ITEMS.items() for i in range(count)}
    shown, waiting = {}, set()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or not re.fullmatch(r"L\d\.\d+", cells[0]):
            continue
        if cells[0] in shown or cells[0] in waiting:
            yield f"lists {cells[0]} twice"
        links = re.findall(r"\(([\w-]+\.ipynb)#[^)]+\)", line)
        if links:
            shown[cells[0]] = links
        else:
            waiting.add(cells[0])
    for item in sorted(expected - set(shown) - waiting):
        yield f"does not list the lecture item {item}"
    for item in sorted((set(shown) | waiting) - expected):
        yield f"lists {item}, which no lecture has"
    yield from _compare_with_openings(shown, root)


def _compare_with_openings(shown, root):
    """Yield where a notebook and the syllabus disagree about what the notebook covers."""
    for path in notebook_paths(root):
        if path.parent.name != "notebooks":
            continue
        try:
            first = read(path, root).first
        except ValueError:
            continue  # what is wrong with it has been said
        claimed = items_in(first.source) if first else set()
        listed = {item for item, links in shown.items() if path.name in links}
        for item in sorted(claimed ^ listed):
            where = "the notebook but not the syllabus" if item in claimed else "only the syllabus"
            yield f"{item} is claimed for {path.name} by {where}"


def items_in(text: str) -> set[str]:
    """Return the lecture items that a text names; L1.1–L1.3 names three."""
    found = set()
    for lecture, first, last in _ITEM.findall(text):
        numbers = range(int(first), int(last or first) + 1)
        found |= {f"L{lecture}.{number}" for number in numbers}
    return found
