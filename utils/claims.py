"""What a lesson claims, each in one line that checks it.

    from utils import claims

    claims.check("the CNN makes fewer mistakes", seen=mistakes["CNN"], below=mistakes["dense"])

A student's run prints whether the claim holds, with what was measured and what was expected, and
goes on. In strict mode (`COURSE_STRICT=1`; `make run` and `make test` set it) a claim that does not
hold is an error. Whoever executes a notebook finds its claims in the outputs, as `MIME_TYPE`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from utils.common.arguments import is_switched_on

MIME_TYPE = "application/vnd.course.claim+json"
THIN = 0.05  # a margin below this share of the bound, or of half the range, is marked


class ClaimError(AssertionError):
    """A claim that does not hold, in strict mode."""


def check(
    claim: str,
    holds: bool | None = None,
    *,
    seen: float | Sequence[float] | None = None,
    below: float | None = None,
    above: float | None = None,
) -> bool:
    """Check one claim, and show the outcome.

    Args:
        claim: The claim in words, as the lesson's text makes it.
        holds: Whether it holds, for an exact fact that has no margin.
        seen: What was measured: a number, or one for each seed, and then all must be in bounds.
        below: What was measured must be less than this.
        above: What was measured must be more than this; together with `below`, in between.

    Returns:
        Whether the claim holds.

    Raises:
        ValueError: There is nothing to compare, or nothing to compare it with.
        ClaimError: The claim does not hold, in strict mode.
    """
    if (seen is None) == (holds is None) or (seen is None) != (below is None and above is None):
        raise ValueError(f"The claim {claim!r} needs `holds`, or `seen` with `below` or `above`.")
    record = _fact(claim, holds) if seen is None else _measured(claim, seen, below, above)
    _show(record)
    if not record["holds"] and is_strict():
        raise ClaimError(in_words(record))
    return record["holds"]


def is_strict() -> bool:
    """Return whether a claim that does not hold is an error: strict mode, but no rehearsal."""
    from utils import runtime

    return is_switched_on("COURSE_STRICT") and not runtime.rehearsing()


def _fact(claim, holds):
    return {"claim": claim, "holds": bool(holds), "seen": None, "expected": "", "margin": None}


def _measured(claim, seen, below, above):
    """Judge what was measured by the value closest to a bound."""
    values = np.atleast_1d(np.asarray(seen, dtype=float)).ravel()
    rooms = []  # how far the worst value is from each bound, and what that compares with
    if above is not None:
        rooms.append((values.min() - above, max(abs(above), abs(values.min()))))
    if below is not None:
        rooms.append((below - values.max(), max(abs(below), abs(values.max()))))
    room, scale = min(rooms)
    if len(rooms) == 2:
        scale = min(scale, (below - above) / 2)
    margin = float(room / scale) if scale else 0.0
    words = [f"above {_short(above)}"] if above is not None else []
    words += [f"below {_short(below)}"] if below is not None else []
    return {
        "claim": claim,
        "holds": all(bool(room > 0) for room, _ in rooms),  # not so for NaN
        "seen": [float(v) if np.isfinite(v) else str(v) for v in values],  # JSON has no NaN
        "expected": " and ".join(words),
        "margin": margin if np.isfinite(margin) else None,
    }


def is_thin(record: dict[str, Any]) -> bool:
    """Return whether a claim that holds does so by a thin margin.

    Args:
        record: A claim as stored under `MIME_TYPE`.
    """
    return record["holds"] and record["margin"] is not None and record["margin"] < THIN


def measured_in_words(record: dict[str, Any]) -> str:
    """Return what was measured, such as "0.31" or "0.29 to 0.33 (3 values)"."""
    seen = [float(value) for value in record["seen"] or ()]  # a kernel sends NaN as "nan"
    if not seen:
        return ""
    if len(seen) == 1:
        return _short(seen[0])
    return f"{_short(min(seen))} to {_short(max(seen))} ({len(seen)} values)"


def in_words(record: dict[str, Any]) -> str:
    """Return a claim in one line: its words, what was measured, and what was expected."""
    if not record["seen"]:
        return record["claim"]
    return f"{record['claim']}: {measured_in_words(record)}, expected {record['expected']}"


def _short(number):
    return f"{number:,.0f}" if 999.5 <= abs(number) < 1e9 else f"{number:.3g}"


def _show(record):
    text = f"{'✓' if record['holds'] else '✗'} {in_words(record)}"
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text, MIME_TYPE: record}, raw=True)
