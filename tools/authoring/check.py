"""Check notebooks, links and scripts: make lint. With --fix, fix what can be: make format."""

import argparse
import pathlib
import subprocess
import sys
from collections.abc import Iterator

from tools.authoring import api_check, house, rules, sizes
from tools.authoring.lessons import ROOT, Lesson, markdown_paths, notebook_paths, read, read_text
from tools.authoring.links import anchor, broken_links, check_syllabus, items_in
from tools.authoring.tidy import fix, fix_all

__all__ = [
    "ROOT",
    "RULES",
    "Lesson",
    "anchor",
    "broken_links",
    "check_syllabus",
    "fix",
    "items_in",
    "main",
    "markdown_paths",
    "notebook_paths",
    "problems",
    "read",
    "ruff",
]
_NAMES = {**vars(api_check), **vars(rules), **vars(sizes)}
RULES = [value for name, value in sorted(_NAMES.items()) if name.startswith("rule_")]


def problems(root: pathlib.Path = ROOT) -> Iterator[str]:
    """Yield everything that is wrong, as lines "file: what"."""
    for path in notebook_paths(root):
        try:
            lesson = read(path, root)
        except ValueError as error:
            yield str(error)
            continue
        for rule in RULES:
            yield from (f"{lesson.place}: {text}" for text in rule(lesson))
    for path in markdown_paths(root):
        place = path.relative_to(root).as_posix()
        try:
            text = read_text(path)
        except ValueError as error:
            yield f"{place}: {error}"
            continue
        yield from (f"{place}: {found}" for found in broken_links(text, path.parent))
    yield from (f"notebooks/README.md: {text}" for text in check_syllabus(root))
    if (root / house.PAGE).is_file():
        yield from (f"{house.PAGE}: {text}" for text in house.check_house(root))


def ruff(mend: bool, root: pathlib.Path = ROOT) -> int:
    """Run ruff's linter and formatter on scripts and notebooks; return the exit status."""
    check = ["check", "--fix"] if mend else ["check"]
    layout = ["format"] if mend else ["format", "--check"]
    command = [sys.executable, "-m", "ruff"]
    statuses = [subprocess.call([*command, *each, "-q", "."], cwd=root) for each in (check, layout)]
    return max(statuses)


def main(arguments: list[str] | None = None, root: pathlib.Path = ROOT) -> int:
    """Run the command line; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="make lint", description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true", help="fix what can be fixed")
    parser.add_argument("--notebooks-only", action="store_true", help="do not run ruff")
    options = parser.parse_args(arguments)
    statuses = [fix_all(root)] if options.fix else []
    if options.fix and (root / house.PAGE).is_file() and house.redraw(root):
        print(f"redrawn: the house in {house.PAGE}")
    statuses += [] if options.notebooks_only else [ruff(options.fix, root)]
    found = list(problems(root))
    print("\n".join(found) if found else f"{len(notebook_paths(root))} notebooks follow the rules")
    return 1 if found or any(statuses) else 0


if __name__ == "__main__":
    sys.exit(main())
