"""Grade a class of notebooks, and write a table, a page for each student, and a summary.

Every submission runs in a process and a working copy of its own, isolated from the network, from
the hidden tests and from all others (by bubblewrap; where it is missing, `--unsafe` is needed). The
results folder gets grades.csv, feedback/STUDENT.html, summary.html and summary.json. After an
interruption, or when repeated, only what is missing or has changed is run.

Exit status: 0 if every submission was graded, or could not be for a reason of its own (such as no
notebook in it); 1 if the grader itself failed for some, or if results could not be written (such as
on a full disk); 2 for a wrong command line, or without isolation; 130 after Ctrl-C, 143 after
SIGTERM.
"""

import argparse
import difflib
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn, TextIO

from grading.intake import submissions, timestamps
from grading.intake.display import nfc, printable
from grading.limits import Limits
from grading.workers import pool


class UsageError(Exception):
    """The command line asks for something that does not exist."""


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message, file=None):
        # It quotes words of the command line, which a shell may have taken from file names.
        super()._print_message(_printable_lines(message or ""), file)


def say(text: str, file: TextIO | None = None) -> None:
    """Print text that may contain strangers' names, so that it cannot control the terminal."""
    print(_printable_lines(text), file=file)


def _printable_lines(text):
    return "\n".join(map(printable, text.split("\n")))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    description, epilog = __doc__.split("\n\n", 1)
    parser = _Parser(
        prog="python -m grading",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("submissions", type=Path, help="folder with one folder or file per student")
    add("--homework", required=True, help="its number, or an instructor's notebook")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--jobs", type=int, help="how many at a time; default: what cores and memory allow")
    add("--due", help="when it was due, such as 2026-11-20T23:59 (local time)")
    add("--only", action="append", metavar="STUDENT", help="grade only this one; can be repeated")
    add("--again", action="store_true", help="try again what was stopped by a limit")
    add("--fresh", action="store_true", help="grade everything again")
    add("--cold", action="store_true", help="start Python afresh for each submission (slower)")
    add("--unsafe", action="store_true", help="run without isolation (read the README first)")
    add("--scheduler", metavar="ADDRESS", help="Dask cluster, such as tcp://host:8786 or local:3")
    limits = parser.add_argument_group("limits")
    for name, kind, default, unit in (
        ("--cell-seconds", float, Limits.cell_s, ""),
        ("--deadline", float, Limits.notebook_s, "seconds; "),
        ("--memory", int, Limits.memory_mb, "MB; "),
        ("--disk", int, Limits.disk_mb, "MB; "),
    ):
        limits.add_argument(name, type=kind, default=default, help=unit + "default %(default)s")
    options = parser.parse_args(arguments)
    if options.jobs is not None and options.jobs < 1:
        parser.error("--jobs must be at least 1")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Grade a class; return the exit status."""
    options = parse(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run(options)
    except UsageError as error:
        say(str(error), sys.stderr)
        return 2
    except OSError as error:
        say(f"\nThe run stopped: {_described(error)}.", sys.stderr)
        say(f"What is recorded in {options.out} is kept.", sys.stderr)
        say("Once that is fixed, the same command continues where this one stopped.", sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit) as end:
        say("\nStopped. The same command continues where this one stopped.", sys.stderr)
        return end.code if isinstance(end, SystemExit) else 130


def _terminate(number, frame) -> NoReturn:
    sys.exit(128 + number)


def _described(error):
    """Return an error in words, with the file if one is known."""
    if not isinstance(error, OSError):
        return str(error)
    words = error.strerror or str(error) or type(error).__name__
    return f"{words} ({error.filename})" if error.filename else words


def _run(options):
    from grading.run import ClassRun

    assignment, class_submissions, remarks, limits = _read_options(options)
    due = _due(options.due)
    wanted = _wanted(options.only, class_submissions)
    # After the rest, so that a typo is reported wherever the command is tried.
    is_isolated, isolation = _isolation(options, limits)
    _make_results_folder(options.out, assignment)
    say(f"{assignment.title}: {len(class_submissions)} submission(s)")
    for sentence in isolation + remarks:
        say(f"  {printable(sentence)}")
    hidden = [path.resolve() for path in (options.submissions, options.out, assignment.path)]
    class_run = ClassRun(
        class_submissions,
        assignment,
        limits,
        is_isolated,
        options.out,
        due,
        hidden,
        options.cold,
    )
    class_run.read()
    slugs = class_run.to_do(wanted, options.fresh, options.again)
    started = time.monotonic()
    try:
        if slugs:
            _grade(class_run, slugs, options, limits)
    finally:
        rows = class_run.write_reports({"isolation": isolation, "aside": remarks, "due": due})
    _conclude(rows, options.out, len(slugs), time.monotonic() - started)
    return 1 if any(row.status == "could not be graded" for row in rows) else 0


def _read_options(options):
    """Return the assignment, the submissions, remarks about these, and the limits.

    Raises:
        UsageError: One of them is missing or may not be read.
    """
    from grading.assignments.assignment import load_assignment

    try:
        assignment = load_assignment(options.homework)
        class_submissions, remarks = submissions.find_submissions(
            options.submissions, assignment.name
        )
        limits = Limits(options.cell_seconds, options.deadline, options.memory, options.disk)
        is_inside = options.out.resolve().is_relative_to(options.submissions.resolve())
    except (ValueError, OSError, RuntimeError) as error:  # the last one: links that form a circle
        raise UsageError(_described(error)) from None
    if not class_submissions:
        nothing = f"There are no submissions in {options.submissions}."
        raise UsageError("\n".join([nothing, *map(printable, remarks)]))
    if is_inside:
        raise UsageError("--out is inside the submissions; name a folder beside them.")
    return assignment, class_submissions, remarks, limits


def _grade(class_run, slugs, options, limits):
    from tqdm import tqdm

    backend = _backend(options, len(slugs), limits)
    sys.stdout.flush()
    bar = tqdm(total=len(slugs), unit="submission", mininterval=1, smoothing=0.1)

    def show(slug):
        problem = class_run.results.get(slug, {}).get("problem")
        if problem:
            text = f"{class_run.submissions[slug].student}: {problem}"
            bar.write(printable(text), file=sys.stderr)
        bar.update()

    try:
        class_run.grade(slugs, backend, show, options.fresh or options.again)
    except ConnectionError as error:
        if not options.scheduler:
            raise
        raise UsageError(f"{error}. The same command continues with what is missing.") from None
    finally:
        bar.close()
        # A second Ctrl-C must not leave processes behind.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            backend.close()
        finally:
            signal.signal(signal.SIGINT, before)


def _backend(options, count, limits):
    """Return what does the grading: this machine's processes, or a cluster."""
    if not options.scheduler:
        jobs = min(count, options.jobs or pool.default_jobs(count, limits.memory_mb))
        say(f"  {count} to grade, {jobs} at a time")
        return pool.Local(jobs)
    from grading.workers import cluster

    try:
        backend = cluster.Cluster(options.scheduler, options.unsafe)
        say(f"  {backend.describe()}")
        return backend
    except (cluster.Unavailable, ConnectionError) as error:
        raise UsageError(str(error)) from None


def _isolation(options, limits):
    """Return whether submissions are isolated, and what that means, in sentences.

    Raises:
        UsageError: They are not, and nobody asked for that.
    """
    from grading.sandbox import bubblewrap, isolation

    if options.scheduler:
        others = "NOT ISOLATED on the others (--unsafe)" if options.unsafe else "the others refuse"
        text = f"Isolated by bubblewrap on the machines of the cluster where it works; {others}."
        return not options.unsafe, [text]
    if sys.platform == "win32":  # it has no `fork`, so `--unsafe` does not help either
        raise UsageError("The grader runs on Linux and macOS. On Windows, use it inside WSL 2.")
    try:
        sandbox = bubblewrap.choose(options.unsafe)
    except bubblewrap.NotIsolatedError as error:
        raise UsageError(str(error)) from None
    return sandbox.is_isolated, isolation.report(sandbox, limits)


def _due(text):
    """Return the due time in seconds since 1970; None without one."""
    due = None if text is None else timestamps.read_stamp(text)
    if text is not None and due is None:
        raise UsageError(
            f"--due {text} is not understood. Write the day and the time as 2026-11-20T23:59, with "
            "nothing after it but Z, an offset such as +01:00, or a zone such as Europe/Budapest."
        )
    return due


def _make_results_folder(out, assignment):
    from grading import result_store

    try:
        result_store.reserve(out, assignment.name)
    except (ValueError, OSError) as error:
        raise UsageError(f"--out {out}: {_described(error)}.") from None


def _wanted(names, class_submissions):
    """Return the slugs of the students named; None for all."""
    if not names:
        return None
    slugs = {}
    for submission in class_submissions:
        for name in {submission.student, submission.id, submission.slug}:
            slugs.setdefault(name.casefold(), set()).add(submission.slug)
    wanted = set()
    for name in names:
        matching = slugs.get(nfc(name).casefold())
        if not matching:
            students = [submission.student for submission in class_submissions]
            near = difflib.get_close_matches(name, students, 3, 0.5)
            hint = f" Did you mean: {', '.join(near)}?" if near else ""
            raise UsageError(f"Nobody is called {name!r}.{hint}")
        wanted |= matching
    return wanted


def _conclude(rows, out, count, seconds):
    say(f"{count} graded in {seconds / 60:.1f} min, {len(rows)} submissions in all.")
    missing = sum(row.status == "not graded yet" for row in rows)
    if missing:
        say(f"  {missing} not graded yet.")
    rows = [row for row in rows if row.look]
    if rows:
        say("For a person to look at:")
    for row in rows:
        say(f"  {printable(row.student)}: {printable(row.status)}. {printable(' '.join(row.look))}")
    say(f"Results: {out / 'summary.html'}, {out / 'grades.csv'}, {out / 'feedback'}")


if __name__ == "__main__":
    sys.exit(main())
