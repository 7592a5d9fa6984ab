"""The marked regions of an instructor's cell: a solution, or hidden tests."""

SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")


def split_region(source: str, markers: tuple[str, str]) -> tuple[str, str, str] | None:
    """Split a cell's source at its markers.

    Args:
        source: The source.
        markers: The lines that begin and end the region, such as `SOLUTION`.

    Returns:
        What stands above, between and below the markers; None if the source has no such region.

    Raises:
        ValueError: The markers are not there once each, in this order.
    """
    lines = source.splitlines()
    places = [n for n, line in enumerate(lines) if line.strip() in markers]
    if not places:
        return None
    if [lines[n].strip() for n in places] != list(markers):
        raise ValueError(f"{markers[0]} … {markers[1]} must come once, in this order")
    first, last = places
    parts = lines[:first], lines[first + 1 : last], lines[last + 1 :]
    above, inside, below = ("".join(f"{line}\n" for line in part) for part in parts)
    return above, inside, below


def replace_region(source: str, markers: tuple[str, str], stub: str | None) -> str:
    """Return the source with a stub in place of a region, indented like it, or with nothing."""
    parts = split_region(source, markers)
    if parts is None:
        return source
    begin = next(line for line in source.splitlines() if line.strip() == markers[0])
    indent = begin[: len(begin) - len(begin.lstrip())]
    middle = "" if stub is None else f"{indent}{stub}\n"
    return (parts[0] + middle + parts[2]).rstrip()
