"""From executed notebooks to build/site."""

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


def outdated(root=ROOT, executed=None):
    """The lessons that have to be executed again: not done, failed, or changed since.

    A lesson has changed if its executed notebook holds other cells, or is older than anything
    in utils/, which the lessons use.
    """
    executed = executed or root / "build" / "notebooks"
    newest = max((path.stat().st_mtime for path in (root / "utils").rglob("*.py")), default=0.0)
    names = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        record = executed.parent / "records" / f"{path.stem}.json"
        passed = record.is_file() and _status(record) == "ok"
        if not passed or not sources.is_current(path, executed / path.name, newest):
            names.append(path.stem)
    return names


def _status(record):
    try:
        return json.loads(record.read_text(encoding="utf-8"))["status"]
    except (ValueError, KeyError):
        return None  # written by a run that was killed


def site(out=SITE, executed=EXECUTED, root=ROOT, folder=None):
    """Builds the site.

    Args:
        out: where it is written; what is there is replaced.
        executed: folder of the executed notebooks.
        root: the repository.
        folder: where the pages for Sphinx are written; default: beside `out`.

    Returns:
        The names of the lessons that have no executed notebook.

    Raises:
        subprocess.CalledProcessError: Sphinx found something wrong, which it has printed. Every
            warning counts: a link to a section that is not there is one.
    """
    out = pathlib.Path(out).resolve()
    folder = pathlib.Path(folder or out.with_name(out.name + "-sources")).resolve()
    missing = sources.write(folder, pathlib.Path(executed), root)
    built = folder / "_html"  # MyST-NB writes beside it, too
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html"]
    command += ["-d", str(folder / "_build"), str(folder), str(built)]
    subprocess.run(command, cwd=ROOT, check=True)
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(built, out)
    return missing
