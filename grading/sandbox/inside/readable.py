"""Tells what a submission would have to read and may not: Python's packages, the course, the data.

    python -I readable.py PLACE ...

Runs in the sandbox, as the user that submissions run as. Ends with the status CANNOT_READ and the
first path on stderr, or with 0.
"""

import os
import pathlib
import sys

CANNOT_READ = 77


def unreadable(places):
    """The first path in and below the places, and among Python's packages, that may not be read."""
    packages = [pathlib.Path(place, name) for place in sys.path for name in names_in(place)]
    for path in [*packages, *(path / "__init__.py" for path in packages), *everything(places)]:
        needed = os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK
        if os.path.exists(path) and not os.access(path, needed):
            return path
    return None


def names_in(place):
    """What lies in a folder; nothing if it is none, or may not be listed."""
    try:
        return os.listdir(place)
    except OSError:
        return []


def everything(places):
    """The places and all that lies below them."""
    for place in places:
        yield place
        for here, folders, files in os.walk(place):
            yield from (os.path.join(here, name) for name in folders + files)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import confine

    confine.become_nobody()
    if problem := unreadable(sys.argv[1:]):
        print(problem, file=sys.stderr)
        sys.exit(CANNOT_READ)
