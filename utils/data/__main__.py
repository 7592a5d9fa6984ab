"""The command line `python -m utils.data`: list, fetch, mirror and verify the data files."""

import argparse
import sys
from pathlib import Path

from utils.common.errors import DataError
from utils.common.files import format_bytes
from utils.data.fetching import download as downloads
from utils.data.fetching import sources
from utils.data.fetching.network import without_password
from utils.data.fetching.sources import Reason, RegistryFile

VERBS = {"cache": "Read from", "mirror": "Fetched from", "official": "Downloaded from"}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.data", description="The data files of the course."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function, text in (
        ("list", _list_command, "show the files, their sizes and what the cache has"),
        ("fetch", _fetch_command, "fetch files into the cache"),
        ("mirror", _mirror_command, "fetch files into a folder that serves as a mirror"),
        ("verify", _verify_command, "check the sha256 of what the cache has"),
    ):
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        command.set_defaults(function=function)
        if name == "mirror":
            command.add_argument("folder", help="made if missing; run again to continue")
        command.add_argument(
            "names", nargs="*", metavar="NAME", help="a dataset or a file (default: all)"
        )
    parsed = parser.parse_args(arguments)
    try:
        return parsed.function(parsed)
    except DataError as problem:
        print(problem, file=sys.stderr)
        return 2


def _chosen(names: list[str]) -> list[RegistryFile]:
    """Return the entries that names of datasets or of files mean; no names mean everything."""
    registry = sources.registry_files()
    datasets = list(dict.fromkeys(entry.dataset for entry in registry.values()))
    chosen = {}
    for name in names or datasets:
        if name not in (*datasets, *registry):
            raise DataError(sources.unknown("dataset or file", name, [*datasets, *registry]))
        for entry in registry.values():
            if name in (entry.dataset, entry.name):
                chosen[entry.name] = entry
    return list(chosen.values())


def _list_command(arguments: argparse.Namespace) -> int:
    folder = sources.cache_folder()
    print(f"Cache: {folder}")
    try:
        mirror = without_password(sources.mirror())
    except DataError as problem:
        mirror = str(problem)
    print(f"Mirror: {mirror or 'none'}")
    for entry in _chosen(arguments.names):
        state = "cached" if (folder / entry.name).is_file() else "not cached"
        official = f"{len(entry.urls)} official" if entry.urls else "mirrors only"
        size = format_bytes(entry.size)
        print(f"  {entry.name:36} {size:>9}  {state:10}  {official}")
    return 0


def _fetch_command(arguments: argparse.Namespace, folder: Path | None = None) -> int:
    """Fetch files into the cache, or into a folder laid out like a mirror; 1 if any failed."""
    failed = 0
    for entry in _chosen(arguments.names):
        failures = []
        success = _bring(entry, folder, failures)
        if success:
            print(f"{entry.name}: {success}")
        elif not entry.urls and entry.name not in arguments.names:
            print(f"{entry.name}: skipped; {sources.MIRROR_ONLY}.")
        else:
            failed = 1
            print(f"{entry.name}: FAILED. {sources.all_reasons(failures) or sources.MIRROR_ONLY}.")
    return failed


def _bring(entry: RegistryFile, folder: Path | None, failures: list[Reason]) -> str:
    """Fetch one file; return a sentence on where it came from, empty if no source has it."""
    if folder and (folder / entry.name).is_file() and sources.is_right(folder / entry.name, entry):
        return "There already."  # from an earlier `mirror FOLDER`
    found = sources.from_cache(entry, failures)
    if found and folder:
        try:
            downloads.install(found.path, folder / entry.name, entry.sha256, entry.digest)
            return f"Copied from {found.path}."
        except downloads.DownloadError as problem:
            failures.append(Reason(problem.short, str(problem).rstrip(".")))
            found = None
    found = found or sources.from_mirror(entry, failures, folder)
    found = found or sources.from_official(entry, failures, folder)
    return f"{VERBS[found.kind]} {found.where}." if found else ""


def _mirror_command(arguments: argparse.Namespace) -> int:
    folder = sources.expanded(arguments.folder)
    result = _fetch_command(arguments, folder)
    if result == 0:
        print(f"Complete. On the machines that shall use it: COURSE_DATA_MIRROR={folder}")
    return result


def _verify_command(arguments: argparse.Namespace) -> int:
    folder = sources.cache_folder()
    print(f"Cache: {folder}")
    damaged = 0
    for entry in _chosen(arguments.names):
        path = folder / entry.name
        if not path.is_file():
            state = "not cached"
        elif entry.digest(path) == entry.sha256:
            state = "right"
        else:
            state = "DAMAGED: delete it, or load it and it will be fetched again"
            damaged = 1
        print(f"  {entry.name:36} {state}")
    return damaged
