"""A lesson's headline numbers: recorded once, shown in the notebook and in the report of a run.

The table that `headline` displays carries its numbers a second time in a machine-readable form, as
another MIME type of the same output. Whatever executes the notebook reads them from there, so
nothing needs to be written to disk and no variable needs to be set.
"""

import html
import math
import numbers
from collections.abc import Iterable
from typing import Any

MIME_TYPE = "application/vnd.course.results+json"


def headline(results: Iterable[tuple], data: Any = ()) -> None:
    """Display the headline numbers of a lesson as a small table.

    Args:
        results: Rows of (name, value) or (name, value, format), for example
            `("CNN, test accuracy", 0.9917, ".2%")`. A value is a number or a short text; the
            format is one of Python's format specifications.
        data: The dataset, or a list of the datasets, that the numbers were computed on, as the
            loaders of `utils.data` return them.

    Raises:
        ValueError: A row is malformed, a number is not finite, or a format does not fit.
    """
    from IPython.display import display

    display(as_bundle(results, data), raw=True)


def as_bundle(results: Iterable[tuple], data: Any = ()) -> dict[str, Any]:
    """Return the MIME bundle that `headline` displays: a dictionary of MIME type to content."""
    rows = [_row(result) for result in results]
    if not rows:
        raise ValueError("headline() got no results; give it at least one (name, value) row.")
    datasets = data if isinstance(data, (list, tuple)) else [data]
    origins = [dataset.origin for dataset in datasets]
    notes = [f"Data: {origin.text}" for origin in origins]
    width = max(len(row["name"]) for row in rows)
    lines = [f"{row['name']:<{width}}  {row['text']}" for row in rows]
    cells = "".join(
        f"<tr><td style='text-align:left'>{html.escape(row['name'])}</td>"
        f"<td style='text-align:right'><b>{html.escape(row['text'])}</b></td></tr>"
        for row in rows
    )
    table = f"<table><caption>Headline results</caption><tbody>{cells}</tbody></table>"
    sources = [{"text": origin.text, "sample": origin.is_sample} for origin in origins]
    return {
        "text/plain": "\n".join(lines + notes),
        "text/html": table + "".join(f"<p>{html.escape(note)}</p>" for note in notes),
        MIME_TYPE: {"results": rows, "data": sources},
    }


def _row(result):
    if not isinstance(result, (list, tuple)) or len(result) not in (2, 3):
        raise ValueError(
            f"A headline result is (name, value) or (name, value, format); got {result!r}."
        )
    name, value, spec = (*result, "")[:3]
    if isinstance(value, numbers.Number):
        # NumPy's numbers become Python's, for JSON.
        value = int(value) if isinstance(value, numbers.Integral) else float(value)
        if not math.isfinite(value):
            raise ValueError(f"The headline result {name!r} is {value}, which is not a result.")
    elif not isinstance(value, str):
        raise ValueError(
            f"The headline result {name!r} must be a number or a text, not {type(value).__name__}."
        )
    try:
        text = format(value, spec)
    except ValueError as error:
        raise ValueError(
            f"The format {spec!r} does not fit the headline result {name!r} = {value!r}: {error}."
        ) from None
    return {"name": str(name), "value": value, "text": text}
