"""The command line `python -m utils.data`: list, fetch, mirror and verify the data files."""

import argparse
import sys
from pathlib import Path

from utils.common.errors import DataError
from utils.common.files import format_bytes
from utils.data.fetching import places, sources
from utils.data.fetching.errors import Reason
from utils.data.fetching.network import without_password
from utils.data.fetching.registry import RegistryFile, registry_files, unknown

VERBS = {"cache": "Read from", "mirror": "Fetched from", "official": "Downloaded from"}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.data", description="The data files of the course."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for function, text in (
        (list_files, "show the files, their sizes and what the cache has"),
        (fetch, "fetch files into the cache"),
        (mirror, "fetch files into a folder that serves as a mirror"),
        (verify, "check the sha256 of what the cache has"),
    ):
        name = "list" if function is list_files else function.__name__
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        command.set_defaults(function=function)
        if function is mirror:
            command.add_argument("folder", help="created if missing; run again to continue")
        command.add_argument(
            "names", nargs="*", metavar="NAME", help="a dataset or a file (default: all)"
        )
    parsed = parser.parse_args(arguments)
    try:
        return parsed.function(parsed)
    except DataError as problem:
        print(problem, file=sys.stderr)
    except OSError as problem:
        print(f"{problem.strerror}: {problem.filename}. Choose another folder.", file=sys.stderr)
    return 2


def list_files(arguments: argparse.Namespace) -> int:
    """Print the files, their sizes and what the cache has."""
    folder = places.cache_folder()
    print(f"Cache: {folder}")
    try:
        place = without_password(places.mirror())
    except DataError as problem:
        place = str(problem)
    print(f"Mirror: {place or 'none'}")
    for entry in _chosen(arguments.names):
        state = "cached" if (folder / entry.name).is_file() else "not cached"
        official = f"{len(entry.urls)} official" if entry.urls else "mirrors only"
        size = format_bytes(entry.size)
        print(f"  {entry.name:36} {size:>9}  {state:10}  {official}")
    return 0


def fetch(arguments: argparse.Namespace, folder: Path | None = None) -> int:
    """Fetch files into the cache, or into a folder laid out like a mirror; 1 if any failed."""
    status = 0
    for entry in _chosen(arguments.names):
        failures = []
        if success := _bring(entry, folder, failures):
            print(f"{entry.name}: {success}")
        elif not entry.urls and entry.name not in arguments.names:
            print(f"{entry.name}: skipped; {sources.MIRROR_ONLY}.")
        else:
            status = 1
            print(f"{entry.name}: FAILED. {sources.all_reasons(failures)}.")
    return status


def mirror(arguments: argparse.Namespace) -> int:
    """Fetch files into a folder that serves as a mirror; 1 if any failed."""
    folder = places.expanded(arguments.folder)
    status = fetch(arguments, folder)
    if status == 0:
        print(f"Complete. On the machines that will use it, set COURSE_DATA_MIRROR={folder}")
    return status


def verify(arguments: argparse.Namespace) -> int:
    """Check what the cache has; 1 if anything is damaged."""
    folder = places.cache_folder()
    print(f"Cache: {folder}")
    status = 0
    for entry in _chosen(arguments.names):
        path = folder / entry.name
        if not path.is_file():
            state = "not cached"
        elif entry.matches(path):
            state = "right"
        else:
            state = "DAMAGED: delete it, or load it and it will be fetched again"
            status = 1
        print(f"  {entry.name:36} {state}")
    return status


def _chosen(names: list[str]) -> list[RegistryFile]:
    """Return the entries for names of datasets or files; no names mean all of them."""
    registry = registry_files()
    known = [*dict.fromkeys(entry.dataset for entry in registry.values()), *registry]
    for name in names:
        if name not in known:
            raise DataError(unknown("dataset or file", name, known))
    return [
        entry
        for entry in registry.values()
        if not names or entry.dataset in names or entry.name in names
    ]


def _bring(entry: RegistryFile, folder: Path | None, failures: list[Reason]) -> str:
    """Fetch one file; return a sentence on where it came from, empty if no source has it."""
    if folder and (folder / entry.name).is_file() and sources.is_right(folder / entry.name, entry):
        return "There already."  # from an earlier `mirror FOLDER`
    found = sources.find([entry.name], failures, folder)
    return f"{VERBS[found.kind]} {found.where}." if found else ""


if __name__ == "__main__":
    sys.exit(main())
