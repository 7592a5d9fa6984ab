"""Make the students' homework from the instructor's versions: make homework.

    python -m tools.authoring.homework            # write what is out of date
    python -m tools.authoring.homework --check    # exit with status 1 if anything is out of date

The same instructor's version gives the same file, to the letter, on every machine.
"""

import argparse
import pathlib
import sys
from collections.abc import Iterator

import nbformat

from grading.assignments.assignment import (
    HOMEWORK,
    Assignment,
    AssignmentError,
    load_assignment,
    numbers,
)
from grading.assignments.release import release, student_path
from tools.authoring import address, check


def student_text(assignment: Assignment) -> str:
    """Return the student's version of an assignment, as the text of its file."""
    notebook = release(assignment)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def stale(folder: pathlib.Path = HOMEWORK) -> Iterator[tuple[pathlib.Path, str | None]]:
    """Yield what is out of date: a path, and what should be in it (None: no such file).

    Raises:
        AssignmentError: An instructor's version breaks the rules.
    """
    wanted = {}
    for path in sorted((folder / "instructor").glob("*.ipynb")):
        assignment = load_assignment(path)
        wanted[student_path(assignment)] = student_text(assignment)
    for path, text in wanted.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield path, text
    for path in sorted(folder.glob("*.ipynb")):
        if path not in wanted:
            yield path, None


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="make homework", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, only say")
    options = parser.parse_args(arguments)
    try:
        if not options.check:  # the instructor's versions first: ids, badges, setup cell
            for path in sorted((HOMEWORK / "instructor").glob("*.ipynb")):
                check.fix(path)
        found = list(stale())
    except (AssignmentError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for path, text in found:
        name = path.relative_to(address.ROOT)
        if text is None:
            print(f"{name} has no instructor's version; remove it, or write one")
        elif options.check:
            print(f"{name} is not current; run make homework")
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote  {name}")
    if not found:
        print(f"{len(numbers())} homeworks are current")
    orphans = any(text is None for _, text in found)
    return 1 if orphans or (options.check and found) else 0


if __name__ == "__main__":
    sys.exit(main())
