"""Points in time that people and platforms wrote down."""

import datetime
import re
import zoneinfo

_ISO = re.compile(r"[\dW-]{7,10}[ Tt]\d.*")
# As platforms write it into names, where colons are not allowed; also with a zone's name.
_STAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T_](?P<time>\d\d[:_.-]\d\d(?:[:_.-]\d\d)?)(?:[.]\d+)?"
    r"(?:\s*(?P<offset>Z|[+-]\d\d(?::?\d\d)?)|\s+(?P<zone>[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*))?"
)


def read_stamp(text: str) -> float | None:
    """Return a point in time that was written down, in seconds since 1970; None if it is not one.

    All of the text has to be understood: a day and a time, and perhaps an offset or a zone.
    Without one, this machine's zone counts.
    """
    text = text.strip()
    try:
        if _ISO.fullmatch(text):
            return datetime.datetime.fromisoformat(text.upper()).timestamp()
    except (ValueError, OSError, OverflowError):
        pass
    match = _STAMP.fullmatch(text)
    if not match:
        return None
    day, clock = match["day"], re.sub(r"\D", ":", match["time"])
    zone = {"GMT": "UTC", "Z": "UTC"}.get(match["zone"], match["zone"])
    try:
        when = datetime.datetime.fromisoformat(f"{day} {clock}{match['offset'] or ''}")
        if zone:  # UTC is known without a data base of zones, too
            known = datetime.UTC if zone == "UTC" else zoneinfo.ZoneInfo(zone)
            when = when.replace(tzinfo=known)
        return when.timestamp()
    except (ValueError, OSError, OverflowError, zoneinfo.ZoneInfoNotFoundError):
        return None
