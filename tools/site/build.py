"""Build the site from executed notebooks, in build/site."""

import json
import pathlib
import shutil
import subprocess
import sys

from tools.authoring import address
from tools.site import sources

ROOT = address.ROOT
EXECUTED = ROOT / "build" / "notebooks"
SITE = ROOT / "build" / "site"


def outdated(root: pathlib.Path = ROOT) -> list[str]:
    """Return the lessons that have to be executed: not done yet, failed, or changed since.

    A lesson has changed if its executed notebook holds other cells, or is older than anything
    in utils/, which the lessons use.
    """
    newest = max((path.stat().st_mtime for path in (root / "utils").rglob("*.py")), default=0.0)
    names = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        record = root / "build" / "records" / f"{path.stem}.json"
        executed = root / "build" / "notebooks" / path.name
        passed = record.is_file() and _status(record) == "ok"
        if not passed or not sources.is_current(path, executed, newest):
            names.append(path.stem)
    return names


def _status(record: pathlib.Path) -> str | None:
    try:
        return json.loads(record.read_text(encoding="utf-8"))["status"]
    except (ValueError, KeyError):
        return None  # written by a run that was killed


def site(
    out: pathlib.Path = SITE, executed: pathlib.Path = EXECUTED, root: pathlib.Path = ROOT
) -> list[str]:
    """Build the site.

    Args:
        out: Where it is written; what is there is replaced.
        executed: Folder of the executed notebooks.
        root: The repository.

    Returns:
        The names of the lessons that have no executed notebook.

    Raises:
        subprocess.CalledProcessError: Sphinx found something wrong, and has printed it. Every
            warning counts, such as a link to a section that does not exist.
    """
    out = out.resolve()
    folder = out.with_name(out.name + "-sources")
    missing = sources.write(folder, executed, root)
    built = folder / "_html"  # MyST-NB also writes beside it
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "-n", "--keep-going"]
    command += ["-b", "html", "-d", str(folder / "_build"), str(folder), str(built)]
    subprocess.run(command, cwd=ROOT, check=True)
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(built, out)
    return missing
