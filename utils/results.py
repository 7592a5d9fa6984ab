"""A lesson's headline numbers: recorded once, shown in the notebook and in the report of a run.

The table that `headline` displays carries its numbers a second time in a machine-readable form, as
another MIME type of the same output. Whoever executes the notebook reads them from there, so
nothing needs to be written to disk and no variable needs to be set.
"""

import html
import math
import numbers

MIME_TYPE = "application/vnd.course.results+json"


def headline(results, data=()):
    """Displays the headline numbers of a lesson as a small table.

    Args:
        results: Rows of (name, value) or (name, value, format), for example
            `("CNN, test accuracy", 0.9917, ".2%")`. A value is a number or a short text; the
            format is one of Python's format specifications.
        data: The datasets that the numbers were computed on, as the loaders of `utils.data`
            return them (whatever has an `origin` with a `text` and an `is_sample`).

    Raises:
        ValueError: a row is malformed, a number is not finite, or a format does not fit.
    """
    from IPython.display import display

    bundle = as_bundle(results, data)
    display(bundle, raw=True)


def as_bundle(results, data=()):
    """The MIME bundle that `headline` displays: a dictionary of MIME type to content."""
    rows = [_row(entry) for entry in results]
    if not rows:
        raise ValueError("headline() got no results; give it at least one (name, value) row.")
    datasets = data if isinstance(data, (list, tuple)) else [data]
    origins = [{"text": each.origin.text, "sample": each.origin.is_sample} for each in datasets]
    return {
        "text/plain": _as_text(rows, origins),
        "text/html": _as_html(rows, origins),
        MIME_TYPE: {"results": rows, "data": origins},
    }


def _row(entry):
    if not isinstance(entry, (list, tuple)) or len(entry) not in (2, 3):
        raise ValueError(
            f"A headline result is (name, value) or (name, value, format); got {entry!r}."
        )
    name, value, spec = (*entry, "")[:3]
    if isinstance(value, numbers.Number):
        # NumPy's numbers become Python's, for JSON.
        value = int(value) if isinstance(value, numbers.Integral) else float(value)
        if not math.isfinite(value):
            raise ValueError(f"The headline result {name!r} is {value}; that is not a result.")
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


def _as_text(rows, origins):
    width = max(len(row["name"]) for row in rows)
    lines = [f"{row['name']:<{width}}  {row['text']}" for row in rows]
    return "\n".join(lines + [_note(origin) for origin in origins])


def _as_html(rows, origins):
    cells = "".join(
        f"<tr><td style='text-align:left'>{html.escape(row['name'])}</td>"
        f"<td style='text-align:right'><b>{html.escape(row['text'])}</b></td></tr>"
        for row in rows
    )
    notes = "".join(f"<p>{html.escape(_note(origin))}</p>" for origin in origins)
    return f"<table><caption>Headline results</caption><tbody>{cells}</tbody></table>{notes}"


def _note(origin):
    return f"Data: {origin['text']}"
