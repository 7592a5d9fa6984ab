"""What a run of the notebooks shows: progress, the table at the end, index.html, report.json."""

import datetime
import html
import itertools
import json
import os
import platform
import re
import shutil
import signal
import sys
import textwrap
import time

STATUS_WORDS = {
    "ok": "ok",
    "failed": "FAILED",
    "deadline": "DEADLINE",
    "interrupted": "interrupted",
    "not run": "not run",
}
HEADINGS = ("notebook", "status", "time", "headline results", "data")
SECONDS_BETWEEN_SIGNS_OF_LIFE = 30


def without_colours(text):
    """The text without the sequences that colour it on a terminal."""
    return re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)


def one_line(text):
    """The text without colours and line breaks."""
    return " ".join(without_colours(text).split())


def cut(text, width):
    """At most `width` characters of the text."""
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"


def duration(seconds):
    """Seconds in the form 7 s or 3:05 min."""
    if seconds is None:
        return "-"
    seconds = round(seconds)
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60}:{seconds % 60:02} min"


def exit_in_words(status):
    """What the exit status of a process that died says about its end."""
    if status is None:
        return "exit status unknown"
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        return f"{name}: often the system, because the memory was full"
    return name


def results_in_lines(record):
    """The headline results, a line each."""
    return [one_line(f"{row['name']}  {row['text']}") for row in record["results"]] or ["-"]


def data_in_lines(record):
    """The data sources, a line each; a sample is called one."""
    return [one_line(_source_in_words(row)) for row in record["data"]] or ["-"]


def _source_in_words(row):
    if row["sample"] and "sample" not in row["text"][:12].lower():
        return f"SAMPLE: {row['text']}"
    return row["text"]


def table(records, width):
    """The table of all records, as lines of at most `width` characters."""
    rows = [[[heading] for heading in HEADINGS]]
    for record in records:
        rows.append(
            [
                [record["name"]],
                [STATUS_WORDS[record["status"]]],
                [duration(record["seconds"])],
                results_in_lines(record),
                data_in_lines(record),
            ]
        )
    wanted = [
        max(len(line) for cell in column for line in cell) for column in zip(*rows, strict=True)
    ]
    widths = _column_widths(wanted, width)
    lines = [line for row in rows for line in _row_in_lines(row, widths)]
    lines.insert(1, "  ".join("-" * room for room in widths))
    return [line.rstrip()[:width] for line in lines]


def _row_in_lines(row, widths):
    """One row of the table; a cell that is too wide goes on in the next line."""
    cells = [
        [part for line in cell for part in textwrap.wrap(line, room) or [""]]
        for cell, room in zip(row, widths, strict=True)
    ]
    for parts in itertools.zip_longest(*cells, fillvalue=""):
        yield "  ".join(part.ljust(room) for part, room in zip(parts, widths, strict=True))


def _column_widths(wanted, width):
    """Narrows the widest of the text columns, one character at a time, until all fit."""
    widths = list(wanted)
    narrowable = [0, 3, 4]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        widest = max(narrowable, key=lambda column: widths[column])
        if widths[widest] <= 8:
            break
        widths[widest] -= 1
    return widths


def failures(records, out, width):
    """For every notebook that failed: where, the error in one line, and where to look."""
    lines = []
    for record in records:
        error = record.get("error")
        if record["status"] not in ("failed", "deadline") or not error:
            continue
        lines.append(f"{record['name']}: {STATUS_WORDS[record['status']]}, {error['place']}")
        if error.get("source"):
            lines.append(cut(f"    code:  {error['source']}", width))
        lines.append(cut(f"    error: {error['name']}: {error['message']}", width))
        for kind, label in (("html", "page:  "), ("log", "log:   ")):
            if kind in record["files"]:
                # A path is for copying, so it is never cut.
                lines.append(f"    {label}{out / record['files'][kind]}")
    return lines


def terminal_width():
    """Characters in a line; plenty where the output goes to a file or the log of a CI."""
    return shutil.get_terminal_size((160, 24)).columns


class Progress:
    """Shows what runs: live lines on a terminal, an occasional line elsewhere.

    Args:
        stream: where to write.
        live: whether to redraw lines; by default, whether the stream is a terminal.
        clock: returns seconds; for tests.
    """

    def __init__(self, stream=None, live=None, clock=time.monotonic):
        self.stream = stream or sys.stdout
        self.clock = clock
        self.live = can_redraw(self.stream) if live is None else live
        self.drawn = 0
        self.last_line = clock()
        if self.live and sys.platform == "win32":
            os.system("")  # makes older consoles understand the sequences that move the cursor

    def say(self, text):
        """Writes a line that stays."""
        self.clear()
        self.stream.write(text + "\n")
        self.stream.flush()
        self.last_line = self.clock()

    def update(self, running, waiting):
        """Shows the running notebooks: a list of (name, cell, cells, seconds)."""
        if self.live:
            self.clear()
            width = terminal_width() - 1
            lines = [cut(_running_in_words(*each), width) for each in running]
            self.stream.write("".join(line + "\n" for line in lines))
            self.stream.flush()
            self.drawn = len(lines)
        elif self.clock() - self.last_line >= SECONDS_BETWEEN_SIGNS_OF_LIFE:
            words = "; ".join(_running_in_words(*each) for each in running)
            self.say(f"still running: {words}" + (f" ({waiting} waiting)" if waiting else ""))

    def clear(self):
        """Removes the live lines."""
        if self.drawn:
            self.stream.write(f"\x1b[{self.drawn}A\x1b[J")
            self.drawn = 0


def can_redraw(stream):
    """Whether lines on this stream can be overwritten."""
    is_log = os.environ.get("TERM") == "dumb" or bool(os.environ.get("CI"))
    return stream.isatty() and not is_log


def _running_in_words(name, cell, cells, seconds):
    place = f"cell {cell} of {cells}" if cell else "starting"
    return f"{name}  {place}  {duration(seconds)}"


def write_record(record, out):
    """Stores the record of one notebook beside its pages."""
    path = out / "records" / f"{record['name']}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_records(out, names):
    """The stored records of the named notebooks, of this run and of earlier ones, by name."""
    records = []
    for name in sorted(names):
        try:
            records.append(json.loads((out / "records" / f"{name}.json").read_text("utf-8")))
        except (OSError, ValueError):
            continue  # never run, or written by a run that was killed
    return records


def now():
    """The local time, for the records."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def write_report(records, out, started, run_id):
    """Writes report.json and index.html; returns the path of the index.

    Args:
        records: of all notebooks that have one.
        out: the folder.
        started: the time at which this run started.
        run_id: of this run; the records of other runs are marked as such.
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
    index = out / "index.html"
    index.write_text(_index_page(summary), encoding="utf-8")
    return index


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Executed notebooks</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem;
  padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .5rem .7rem;
  border-bottom: 1px solid #8886 }}
td.time {{ white-space: nowrap }}
.ok {{ color: #137333 }}
.failed, .deadline, .sample {{ color: #b00020; font-weight: 600 }}
@media (prefers-color-scheme: dark) {{
  .ok {{ color: #81c995 }}
  .failed, .deadline, .sample {{ color: #ff8a80 }}
}}
small {{ opacity: .8 }}
code {{ overflow-wrap: anywhere }}
</style>
</head>
<body>
<h1>Executed notebooks</h1>
<p>{summary}</p>
<table>
<thead><tr><th>Notebook</th><th>Status</th><th>Time</th><th>Headline results</th><th>Data</th>
</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def _index_page(summary):
    records = summary["notebooks"]
    good = sum(record["status"] == "ok" for record in records)
    words = (
        f"{good} of {len(records)} notebooks passed. Run of {summary['started']}, "
        f"Python {summary['python']}, {summary['platform']}."
    )
    rows = "\n".join(_index_row(record, summary["run"]) for record in records)
    return PAGE.format(summary=html.escape(words), rows=rows)


def _index_row(record, run_id):
    escape = html.escape
    name, files = escape(record["name"]), record["files"]
    title = f'<a href="{escape(files["html"])}">{name}</a>' if "html" in files else name
    others = [
        f'<a href="{escape(files[kind])}">{word}</a>'
        for kind, word in (("notebook", "executed notebook"), ("log", "log"))
        if kind in files
    ]
    status = f'<span class="{record["status"]}">{STATUS_WORDS[record["status"]]}</span>'
    error = record.get("error")
    if error:
        about = f"{error['name']}: {error['message']}"
        status += f"<br>{escape(error['place'])}<br><code>{escape(about)}</code>"
    time_words = duration(record["seconds"])
    if record["run"] != run_id:
        time_words += f"<br><small>earlier run,<br>{escape(record['finished'])}</small>"
    results = "<br>".join(
        f"{escape(row['name'])} <b>{escape(row['text'])}</b>" for row in record["results"]
    )
    data = "<br>".join(
        f'<span class="{"sample" if row["sample"] else "real"}">'
        f"{escape(_source_in_words(row))}</span>"
        for row in record["data"]
    )
    cells = [
        f"<td>{title}<br><small>{' · '.join(others)}</small></td>",
        f"<td>{status}</td>",
        f'<td class="time">{time_words}</td>',
        f"<td>{results or '-'}</td>",
        f"<td>{data or '-'}</td>",
    ]
    return "<tr>" + "".join(cells) + "</tr>"
