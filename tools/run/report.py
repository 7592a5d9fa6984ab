"""What a run of the notebooks shows: progress, the table at the end, index.html, report.json."""

import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import time
from collections.abc import Iterable, Sequence

import jinja2
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tools.run import claims_page

STATUS_WORDS = {
    "ok": "ok",
    "failed": "FAILED",
    "deadline": "DEADLINE",
    "interrupted": "interrupted",
    "not run": "not run",
}
SECONDS_BETWEEN_SIGNS_OF_LIFE = 30


def without_colours(text: str) -> str:
    """Return the text without the sequences that colour it on a terminal."""
    return re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)


def brief(text: str, length: int = 400) -> str:
    """Return the text on one line, without colours and not longer than that."""
    line = " ".join(without_colours(text).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def duration(seconds: float | None) -> str:
    """Return seconds in the form 7 s or 3:05 min."""
    if seconds is None:
        return "-"
    seconds = round(seconds)
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60}:{seconds % 60:02} min"


def exit_in_words(status: int | None) -> str:
    """Return what the exit status of a dead process says about why it died."""
    if status is None:
        return "exit status unknown"
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        return f"{name}: often the system's doing, because memory was full"
    return name


def data_source(row: dict) -> str:
    """Return the name of a data source; a sample is called one."""
    if row["sample"] and "sample" not in row["text"][:12].lower():
        return f"SAMPLE: {row['text']}"
    return row["text"]


def console(**options) -> Console:
    """Return what to print on: plain text, and wide lines where it is not a terminal."""
    plain = Console(markup=False, emoji=False, highlight=False, **options)
    if not plain.is_terminal and "width" not in options:
        plain.width = shutil.get_terminal_size((160, 24)).columns
    return plain


def table(records: Iterable[dict]) -> Table:
    """Return the table of all records, one row per notebook."""
    rows = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("notebook", "status", "time", "headline results", "data"):
        rows.add_column(heading, no_wrap=heading in ("status", "time"), overflow="fold")
    for record in records:
        headlines = [brief(f"{row['name']}  {row['text']}") for row in record["results"]]
        data = [brief(data_source(row)) for row in record["data"]]
        rows.add_row(
            record["name"],
            STATUS_WORDS[record["status"]],
            duration(record["seconds"]),
            "\n".join(headlines) or "-",
            "\n".join(data) or "-",
        )
    return rows


def failures(records: Iterable[dict], out: pathlib.Path) -> list[str]:
    """Return lines for every notebook that failed: where, the error, and where to look."""
    lines = []
    for record in records:
        error = record["error"]
        if not error:
            continue
        lines.append(f"{record['name']}: {STATUS_WORDS[record['status']]}, {error['place']}")
        if error.get("source"):
            lines.append(f"    code:  {error['source']}")
        lines.append(f"    error: {error['name']}: {error['message']}")
        for kind, label in (("html", "page:  "), ("log", "log:   ")):
            if kind in record["files"]:
                lines.append(f"    {label}{out / record['files'][kind]}")
    return lines


class Progress:
    """Shows what is running: a live display on a terminal, an occasional line elsewhere.

    Args:
        console: Where to print.
        clock: Returns seconds.
    """

    def __init__(self, console: Console, clock=time.monotonic):
        self.console = console
        self.clock = clock
        self.last_line = clock()
        can_redraw = console.is_terminal and not console.is_dumb_terminal
        can_redraw = can_redraw and not os.environ.get("CI")
        self.live = Live(console=console, transient=True) if can_redraw else None

    def __enter__(self):
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *exception):
        if self.live:
            self.live.stop()

    def say(self, text: str) -> None:
        """Print a line that stays, shortened to the width of the terminal."""
        self.console.print(text, no_wrap=True, overflow="ellipsis")
        self.last_line = self.clock()

    def update(self, running: Sequence[tuple[str, str, str]], waiting: int) -> None:
        """Show the running notebooks.

        Args:
            running: For each, its name, its place and its duration, as strings.
            waiting: How many have not been started yet.
        """
        if self.live:
            rows = Table.grid(padding=(0, 2))
            for row in running:
                rows.add_row(*row)
            self.live.update(rows)
        elif self.clock() - self.last_line >= SECONDS_BETWEEN_SIGNS_OF_LIFE:
            words = "; ".join(map("  ".join, running))
            self.say(f"still running: {words}" + (f" ({waiting} waiting)" if waiting else ""))


def now() -> str:
    """Return the local time, for the records."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def write_record(record: dict, out: pathlib.Path) -> None:
    """Store the record of one notebook beside its pages."""
    path = out / "records" / f"{record['name']}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_records(out: pathlib.Path, names: Iterable[str]) -> list[dict]:
    """Return the stored records of the named notebooks, of this run and of earlier ones."""
    records = []
    for name in sorted(names):
        try:
            records.append(json.loads((out / "records" / f"{name}.json").read_text("utf-8")))
        except (OSError, ValueError):
            continue  # never run, or written by a run that was killed
    return records


def write_report(records: list[dict], out: pathlib.Path, started: str, run_id: str) -> pathlib.Path:
    """Write report.json, index.html and claims.html; return the path of the index.

    Args:
        records: Those of all notebooks that have one.
        out: The output folder.
        started: When this run started.
        run_id: Of this run; the records of other runs are marked as such.
    """
    summary = {
        "started": started,
        "finished": now(),
        "run": run_id,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "notebooks": records,
    }
    text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
    (out / "report.json").write_text(text, encoding="utf-8")
    template = pathlib.Path(__file__).with_name("index.html").read_text(encoding="utf-8")
    functions = {"duration": duration, "data_source": data_source, "words": STATUS_WORDS}
    environment = jinja2.Environment(autoescape=True)
    index = out / "index.html"
    page = environment.from_string(template).render(**summary, **functions)
    index.write_text(page, encoding="utf-8")
    (out / "claims.html").write_text(claims_page.as_html(records, started), encoding="utf-8")
    return index
