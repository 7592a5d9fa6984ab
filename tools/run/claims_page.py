"""The page of claims: what this course claims, and what the last run measured."""

import pathlib
from typing import NamedTuple

import jinja2

from utils import claims

TITLE = "What this course claims, and what the last run measured"
_TEMPLATES = pathlib.Path(__file__).resolve().parent


class Row(NamedTuple):
    """A claim as the page shows it.

    Attributes:
        mark: ✓ if it holds, ✗ if not.
        claim: The claim in words.
        measured: What was measured, empty for an exact fact.
        expected: The bounds, empty for an exact fact.
        margin: How far the measured value is from its bound, as a share of it.
        is_thin: Whether that is so little that another machine may see something else.
    """

    mark: str
    claim: str
    measured: str
    expected: str
    margin: str
    is_thin: bool


def row(record: dict) -> Row:
    """Return a claim as the page shows it, from what `claims.check` recorded."""
    margin = "" if record["margin"] is None else f"{record['margin']:.0%}"
    return Row(
        "✓" if record["holds"] else "✗",
        record["claim"],
        claims.measured_in_words(record),
        record["expected"],
        margin,
        claims.is_thin(record),
    )


def summary(records: list[dict]) -> str:
    """Return how many claims there are, how many hold, and how many of them just so."""
    found = [claim for record in records for claim in record.get("claims", [])]
    holding = sum(claim["holds"] for claim in found)
    thin = sum(claims.is_thin(claim) for claim in found)
    return (
        f"{holding} of {len(found)} claims held, {thin} of them by a margin of less than "
        f"{claims.THIN:.0%} of the bound (marked as thin)."
    )


def as_html(records: list[dict], started: str) -> str:
    """Return the page for the report of a run.

    Args:
        records: Of the notebooks, as tools.run writes them.
        started: When the run started.
    """
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(_TEMPLATES), trim_blocks=True
    )
    lessons = [record for record in records if record.get("claims")]
    page = environment.get_template("claims.html")
    return page.render(
        title=TITLE, lessons=lessons, row=row, started=started, words=summary(lessons)
    )


def as_markdown(records: list[dict]) -> str:
    """Return the page for the site.

    Args:
        records: Of each lesson a dictionary with "title", "link", "notes" (sentences about its run)
            and "claims".
    """
    parts = [f"# {TITLE}", summary(records)]
    for record in records:
        lines = ["| | claim | measured | expected | margin |", "|---|---|---|---|---|"]
        for entry in map(row, record["claims"]):
            thin = " (thin)" if entry.is_thin else ""
            cells = entry.mark, entry.claim, entry.measured, entry.expected, entry.margin + thin
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append(f"## [{record['title']}]({record['link']})")
        parts += [" ".join(record["notes"]), "\n".join(lines)]
    return "\n\n".join(parts) + "\n"
