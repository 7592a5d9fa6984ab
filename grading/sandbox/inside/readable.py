"""Find what a submission would have to read but may not: packages, the course, the data.

    python -I readable.py PLACE ...

Runs in the sandbox, as the user that submissions run as. Ends with the status CANNOT_READ and the
first path on stderr, or with 0.
"""

import os
import pathlib
import sys
from collections.abc import Iterator

CANNOT_READ = 77


def unreadable(places: list[str]) -> str | None:
    """Return the first path in the places, or among Python's packages, that may not be read."""
    for path in [*_packages(), *_everything(places)]:
        needed = os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK
        if os.path.exists(path) and not os.access(path, needed):
            return str(path)
    return None


def _packages() -> Iterator[str]:
    for place in filter(os.path.isdir, sys.path):
        for name in os.listdir(place) if os.access(place, os.R_OK) else ():
            yield os.path.join(place, name)
            yield os.path.join(place, name, "__init__.py")


def _everything(places) -> Iterator[str]:
    for place in places:
        yield place
        for folder, folders, files in os.walk(place):
            yield from (os.path.join(folder, name) for name in folders + files)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import confine

    confine.become_nobody()
    if path := unreadable(sys.argv[1:]):
        print(path, file=sys.stderr)
        sys.exit(CANNOT_READ)
