"""Points in time that people and platforms wrote down."""

import datetime
import re
import zoneinfo

_ISO = re.compile(r"[\dW-]{7,10}[ Tt]\d.*")
# As platforms write it into names, where a colon may not stand; with a zone's name, too.
_STAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T_](?P<time>\d\d[:_.-]\d\d(?:[:_.-]\d\d)?)(?:[.]\d+)?"
    r"(?:\s*(?P<offset>Z|[+-]\d\d(?::?\d\d)?)|\s+(?P<zone>[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*))?"
)


def read_stamp(text):
    """A point in time that was written down, in seconds since 1970; None if it is not one.

    All of the text has to be understood: a day and a time, and perhaps an offset or a zone.
    Without one it is this machine's.
    """
    try:
        return _moment(text.strip()).timestamp()
    except (ValueError, OSError, OverflowError, zoneinfo.ZoneInfoNotFoundError):
        return None


def _moment(text):
    if _ISO.fullmatch(text):
        try:
            return datetime.datetime.fromisoformat(text.upper())
        except ValueError:
            pass
    found = _STAMP.fullmatch(text)
    if not found:
        raise ValueError(text)
    digits = re.sub(r"\D", "", found["day"] + found["time"]).ljust(14, "0")
    when = datetime.datetime.strptime(digits, "%Y%m%d%H%M%S")
    if found["offset"]:
        offset = found["offset"].replace(":", "")
        offset = offset if offset == "Z" else offset.ljust(5, "0")
        return when.replace(tzinfo=datetime.datetime.strptime(offset, "%z").tzinfo)
    if found["zone"] in ("UTC", "GMT", "Z"):  # known without a data base of zones, too
        return when.replace(tzinfo=datetime.UTC)
    return when.replace(tzinfo=zoneinfo.ZoneInfo(found["zone"]) if found["zone"] else None)
