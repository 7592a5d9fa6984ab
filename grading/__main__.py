"""Grades a class: python -m grading SUBMISSIONS --homework 4 --out RESULTS

Every submission runs in a process and a working copy of its own, isolated from the network, from
the hidden tests and from all others (bubblewrap; where it is missing, `--unsafe` is needed). The
results' folder gets grades.csv, feedback/STUDENT.html, summary.html and summary.json. Interrupted
or repeated, only what is missing or changed is run.

Exit status: 0 if every submission was graded, or could not be for a reason that is its own (no
notebook in it, for example); 1 if the grader itself failed for some, or if results could not be
written (a full disk, for example); 2 for a wrong command line, or without isolation; 130 after
Ctrl-C, 143 after SIGTERM.
"""

import argparse
import dataclasses
import difflib
import signal
import sys
import time
from pathlib import Path

from grading.intake import moments, submissions
from grading.intake.shown import nfc, printable
from grading.limits import Limits
from grading.workers import pool


class UsageError(Exception):
    """The command line asks for something that is not there."""


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message, file=None):
        # It quotes words of the command line, where a shell may have put names of files.
        super()._print_message(_harmless(message or ""), file)


def say(text, file=None):
    """Prints sentences, in which names may be what strangers like, so that a terminal is safe."""
    print(_harmless(text), file=file)


def _harmless(text):
    return "\n".join(map(printable, text.split("\n")))


def parse(arguments=None):
    """The command line's options."""
    usual = Limits()
    parser = _Parser(
        prog="python -m grading",
        description=__doc__.split("\n\n")[0],
        epilog=__doc__.split("\n\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("submissions", type=Path, help="folder with a folder or a file a student")
    add("--homework", required=True, help="its number, or an instructor's notebook")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--jobs", type=int, help="how many at a time; default: what cores and memory allow")
    add("--due", help="when it had to be handed in, such as 2026-11-20T23:59 (local time)")
    add("--only", action="append", metavar="STUDENT", help="grade only this one; can be repeated")
    add("--again", action="store_true", help="try again what was stopped by a limit")
    add("--fresh", action="store_true", help="grade everything anew")
    add("--cold", action="store_true", help="start Python anew for each submission (slower)")
    add("--unsafe", action="store_true", help="run without isolation (read the README first)")
    add("--scheduler", metavar="ADDRESS", help="Dask cluster, such as tcp://host:8786 or local:3")
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--cell-seconds", type=float, default=usual.cell_s, help="default %(default)s"
    )
    limits.add_argument(
        "--deadline", type=float, default=usual.notebook_s, help="seconds; default %(default)s"
    )
    limits.add_argument(
        "--memory", type=int, default=usual.memory_mb, help="MB; default %(default)s"
    )
    limits.add_argument("--disk", type=int, default=usual.disk_mb, help="MB; default %(default)s")
    options = parser.parse_args(arguments)
    if options.jobs is not None and options.jobs < 1:
        parser.error("--jobs must be at least 1")
    return options


def main(arguments=None):
    """Grades; returns the exit status."""
    options = parse(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return _run(options)
    except UsageError as error:
        say(str(error), sys.stderr)
        return 2
    except OSError as error:
        say(f"\nThe run stopped: {_told(error)}.", sys.stderr)
        say(f"What is recorded in {options.out} is kept.", sys.stderr)
        say("Once that is mended, the same command goes on where this one was.", sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on where this one was.", sys.stderr)
        return 130
    except SystemExit as end:
        if end.code == 143:
            say("\nEnded. The same command goes on where this one was.", sys.stderr)
        return end.code


def _told(error):
    """An error of the machine in words, with the file if it is known."""
    words = error.strerror or str(error) or type(error).__name__
    return f"{words} ({error.filename})" if error.filename else words


def _terminated(number, frame):
    sys.exit(128 + number)


def _run(options):
    from grading import run

    assignment, found, said, limits = _understood(options)
    due = _due(options.due)
    wanted = _wanted(options.only, found)
    # After the rest, so that a typo is told wherever the command is tried.
    is_isolated, isolation = _isolation(options, limits)
    _make(options.out, assignment)
    say(f"{assignment.title}: {len(found)} submission(s)")
    for sentence in isolation + said:
        say(f"  {printable(sentence)}")
    hidden = [path.resolve() for path in (options.submissions, options.out, assignment.path)]
    group = run.Class(
        found, assignment, limits, is_isolated, options.out, due, hidden, options.cold
    )
    group.look()
    slugs = group.to_do(wanted, options.fresh, options.again)
    about = {"isolation": isolation, "aside": said, "due": due}
    started = time.monotonic()
    try:
        if slugs:
            _grade(group, slugs, options, limits)
    finally:
        rows = group.write_reports(about)
    _conclude(rows, options.out, len(slugs), time.monotonic() - started)
    return 1 if any(row.status == "could not be graded" for row in rows) else 0


def _understood(options):
    """The assignment, the submissions, sentences about these, and the limits.

    Raises:
        UsageError: one of them is not there, or may not be read.
    """
    from grading.assignments.assignment import load_assignment

    try:
        assignment = load_assignment(options.homework)
        found, said = submissions.find_submissions(options.submissions, assignment.name)
        limits = dataclasses.replace(
            Limits(),
            cell_s=options.cell_seconds,
            notebook_s=options.deadline,
            memory_mb=options.memory,
            disk_mb=options.disk,
        )
        is_inside = options.out.resolve().is_relative_to(options.submissions.resolve())
    except ValueError as error:
        raise UsageError(str(error)) from None
    except (OSError, RuntimeError) as error:  # links that lead in a circle, and what may not be
        raise UsageError(_told(error) if isinstance(error, OSError) else str(error)) from None
    if not found:
        raise UsageError(
            "\n".join(
                [f"There are no submissions in {options.submissions}.", *map(printable, said)]
            )
        )
    if is_inside:
        raise UsageError("--out lies inside of the submissions; name a folder beside them.")
    return assignment, found, said, limits


def _grade(group, slugs, options, limits):
    from tqdm import tqdm

    if options.scheduler:
        from grading.workers import cluster

        try:
            backend = cluster.Cluster(options.scheduler, options.unsafe)
            say(f"  {backend.describe()}")
        except (cluster.Unavailable, ConnectionError) as error:
            raise UsageError(str(error)) from None
    else:
        jobs = options.jobs or pool.default_jobs(len(slugs), limits.memory_mb)
        backend = pool.Local(min(jobs, len(slugs)))
        say(f"  {len(slugs)} to grade, {backend.jobs} at a time")
    sys.stdout.flush()
    bar = tqdm(total=len(slugs), unit="submission", mininterval=1, smoothing=0.1)

    def told(slug):
        result = group.results.get(slug)
        if result and result.get("problem"):
            text = f"{group.submissions[slug].student}: {result['problem']}"
            bar.write(printable(text), file=sys.stderr)
        bar.update()

    try:
        group.grade(slugs, backend, told, options.fresh or options.again)
    except ConnectionError as error:
        if not options.scheduler:
            raise
        raise UsageError(f"{error}. The same command goes on with what is missing.") from None
    finally:
        bar.close()
        # A second Ctrl-C must not leave processes behind.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            backend.close()
        finally:
            signal.signal(signal.SIGINT, before)


def _isolation(options, limits):
    """Whether submissions are isolated, and what that means, in sentences.

    Raises:
        UsageError: they are not, and that was not asked for.
    """
    from grading.sandbox import bubblewrap, isolation

    if options.scheduler:
        text = "Isolated by bubblewrap on the machines of the cluster where it works; "
        if options.unsafe:
            text += "NOT ISOLATED on the others (--unsafe)."
        else:
            text += "the others refuse."
        return not options.unsafe, [text]
    if sys.platform == "win32":  # it has no `fork`, so `--unsafe` does not help either
        raise UsageError("The grader runs on Linux and macOS. On Windows, use it inside WSL 2.")
    try:
        chosen = bubblewrap.choose(options.unsafe)
    except bubblewrap.NotIsolatedError as error:
        raise UsageError(str(error)) from None
    return chosen.is_isolated, isolation.report(chosen, limits)


def _due(text):
    if text is None:
        return None
    due = moments.read_stamp(text)
    if due is None:
        raise UsageError(
            f"--due {text} is not understood. Write the day and the time as 2026-11-20T23:59, with "
            "nothing behind it but Z, an offset such as +01:00, or a zone such as Europe/Budapest."
        )
    return due


def _make(out, assignment):
    """The results' folder."""
    from grading import result_store

    try:
        result_store.reserve(out, assignment.name)
    except (ValueError, OSError) as error:
        problem = _told(error) if isinstance(error, OSError) else error
        raise UsageError(f"--out {out}: {problem}.") from None


def _wanted(names, found):
    """The slugs that the names mean; None for all."""
    if not names:
        return None
    wanted = set()
    for name in names:
        plain = nfc(name).casefold()
        match = {
            each.slug
            for each in found
            if plain in (each.student.casefold(), each.id.casefold(), each.slug.casefold())
        }
        if not match:
            known = [each.student for each in found]
            near = difflib.get_close_matches(name, known, 3, 0.5)
            hint = f" Did you mean: {', '.join(near)}?" if near else ""
            raise UsageError(f"Nobody is called {name!r}.{hint}")
        wanted |= match
    return wanted


def _conclude(rows, out, count, seconds):
    say(f"{count} graded in {seconds / 60:.1f} min, {len(rows)} submissions in all.")
    waiting = sum(row.status == "not graded yet" for row in rows)
    if waiting:
        say(f"  {waiting} not graded yet.")
    look = [row for row in rows if row.look or row.status not in ("graded", "not graded yet")]
    if look:
        say("For a person to look at:")
    for row in look:
        say(f"  {printable(row.student)}: {printable(row.status)}. {printable(' '.join(row.look))}")
    say(f"Results: {out / 'summary.html'}, {out / 'grades.csv'}, {out / 'feedback'}")


if __name__ == "__main__":
    sys.exit(main())
