"""Which notebooks run, and how many at a time."""

import contextlib
import difflib
import fnmatch
import pathlib
import re
from collections.abc import Iterable, Sequence

import psutil

from utils import runtime

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_JOBS = 4
BYTES_PER_JOB = 3 * 2**30  # about what the hungriest lesson takes


class UsageError(Exception):
    """The command line asks for something that does not exist."""


def select(names: Iterable[str], sources: Sequence[pathlib.Path]) -> list[pathlib.Path]:
    """Return the notebooks that the names mean, in order; without names, all of them.

    Args:
        names: Each is a number (`01`), a name with or without `.ipynb`, a path, or a glob.
        sources: The notebooks to choose from.

    Raises:
        UsageError: A name matches no notebook.
    """
    chosen = set()
    for name in names:
        matching = [source for source in sources if _matches(name, source)]
        if not matching:
            raise UsageError(_no_match(name, sources))
        chosen.update(matching)
    return sorted(chosen or sources)


def _matches(name: str, source: pathlib.Path) -> bool:
    path = pathlib.Path(name)
    if path.is_file():
        return path.resolve() == source.resolve()
    number = re.match(r"\d+(?=[_\-. ]|$)", source.stem)
    if name.isdecimal() and number:
        return int(name) == int(number[0])
    if len(path.parts) > 1:
        # A glob with folders, or a path as seen from the repository's root.
        places = [source, source.resolve()]
        with contextlib.suppress(ValueError):  # not below the root
            places.append(source.resolve().relative_to(ROOT))
    else:
        places = [pathlib.Path(source.name)]
    pattern = path.as_posix().removesuffix(".ipynb")
    return any(fnmatch.fnmatchcase(place.with_suffix("").as_posix(), pattern) for place in places)


def _no_match(name: str, sources: Sequence[pathlib.Path]) -> str:
    stems = [source.stem for source in sources]
    wanted = pathlib.Path(name).name.removesuffix(".ipynb").lower()
    similar = [stem for stem in stems if wanted and wanted in stem.lower()]
    similar += difflib.get_close_matches(wanted, stems, 3, 0.5)
    lines = [f"No notebook matches {name!r}."]
    if similar:
        lines.append("Did you mean: " + ", ".join(dict.fromkeys(similar)) + "?")
    lines.append(f"The notebooks in {sources[0].parent}:")
    return "\n".join(lines + [f"  {stem}" for stem in stems])


def default_jobs(count: int) -> int:
    """Return how many of `count` jobs to run at a time: what cores and memory allow, at most 4."""
    fitting = psutil.virtual_memory().available // BYTES_PER_JOB
    return max(1, min(runtime.cores(), count, fitting, MAX_JOBS))
