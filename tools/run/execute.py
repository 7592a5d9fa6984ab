"""Execute the notebooks, several at a time: make run.

    python -m tools.run.execute [NAME ...] [--jobs N] [--out build] [--deadline MINUTES]

Every notebook runs in a kernel of its own, with the interpreter that runs this. The executed
notebooks, a page for each, index.html and report.json are written to the output folder; the
notebooks themselves are never changed. Exit status: 0 if all passed, 1 if any failed, 2 for a wrong
command line, 130 after Ctrl-C, 143 after SIGTERM.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import pathlib
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent import futures

from tools.run import execution, pages, report
from tools.run.choose import ROOT, UsageError, default_jobs, select
from utils.processes import cleanup


class Runner:
    """Runs notebooks, each in a thread with a kernel of its own, and collects their records.

    Args:
        out: The output folder.
        jobs: How many notebooks run at a time.
        minutes: The deadline for one notebook.
        progress: Shows what happens.
    """

    def __init__(self, out: pathlib.Path, jobs: int, minutes: float, progress: report.Progress):
        self.out = out
        self.jobs = jobs
        self.minutes = minutes
        self.progress = progress
        self.run_id = uuid.uuid4().hex
        self.started = report.now()
        self.records = []
        self.survivors = []
        self.signal = None

    def run(self, sources: Sequence[pathlib.Path]) -> list[dict]:
        """Execute the notebooks; return their records, in order of name."""
        with (
            self._signals_noted(),
            tempfile.TemporaryDirectory() as scratch,
            futures.ThreadPoolExecutor(self.jobs) as pool,
            self.progress,
        ):
            running = {}
            for source in sources:
                marker = f"{self.run_id}-{source.stem}"
                job = execution.Execution(
                    source.resolve(), self.out, pathlib.Path(scratch), marker, self.minutes
                )
                running[pool.submit(job.run)] = job
            try:
                while running and self.signal is None:
                    done, _ = futures.wait(running, 0.2, futures.FIRST_COMPLETED)
                    for future in done:
                        self._finish(running.pop(future), future.result())
                    self._end_late(running.values())
                    self._show(running.values())
            finally:
                # After a signal, or if something here failed: leave nothing running.
                self._stop(running)
        return sorted(self.records, key=lambda record: record["name"])

    @contextlib.contextmanager
    def _signals_noted(self) -> Iterator[None]:
        def note(number, frame):
            self.signal = self.signal or number

        numbers = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _end_late(self, jobs) -> None:
        for job in jobs:
            if job.started and job.seconds > self.minutes * 60 and not job.is_late:
                job.is_late = True
                self._end([job])

    def _show(self, jobs) -> None:
        started = [job for job in jobs if job.started]
        rows = []
        for job in started:
            place = f"cell {job.cell} of {len(job.code_cells)}" if job.cell else "starting"
            rows.append((job.name, place, report.duration(job.seconds)))
        self.progress.update(rows, len(jobs) - len(started))

    def _finish(self, job: execution.Execution, outcome: dict) -> None:
        seconds = job.seconds
        self._end([job])  # whatever the notebook started and did not end
        log = pages.path_of(self.out, job.name, "log")
        if log.exists() and not log.stat().st_size:
            log.unlink()
        record = self._file_record(job.name, outcome, seconds)
        word, error = report.STATUS_WORDS[record["status"]], record["error"]
        line = f"{word:<8}  {job.name}  {report.duration(seconds)}"
        if error:
            line += f"  {error['place']}: {error['name']}: {error['message']}"
        self.progress.say(line)

    def _stop(self, running: dict) -> None:
        """Cancel what is waiting, and end what is running."""
        started = {future: job for future, job in running.items() if not future.cancel()}
        if started and self.signal is not None:
            name = signal.Signals(self.signal).name
            with contextlib.suppress(OSError):  # perhaps nobody reads the output any more
                self.progress.say(f"{name}: stopping {len(started)} notebook(s) ...")
        for job in started.values():
            job.is_stopped = True
        while not all(future.done() for future in started):  # a kernel may just be starting
            self._end(started.values())
            futures.wait(started, 0.5)
        self._end(started.values())
        for future, job in running.items():
            if future in started:
                self._file_record(job.name, future.result(), job.seconds)
            else:
                self._file_record(job.name, {"status": "not run"})

    def _end(self, jobs) -> None:
        """End the kernels of these notebooks, and all that they started."""
        survivors = cleanup.end([], {job.marker for job in jobs})
        self.survivors += [process.pid for process in survivors]

    def _file_record(self, name: str, outcome: dict, seconds: float | None = None) -> dict:
        paths = {kind: pages.path_of(self.out, name, kind) for kind in pages.FOLDERS}
        record = {
            "name": name,
            "status": outcome["status"],
            "seconds": None if seconds is None else round(seconds, 1),
            "finished": report.now(),
            "run": self.run_id,
            "error": outcome.get("error"),
            "results": outcome.get("results", []),
            "data": outcome.get("data", []),
            "claims": outcome.get("claims", []),
            "files": {
                kind: path.relative_to(self.out).as_posix()
                for kind, path in paths.items()
                if path.exists()
            },
        }
        self.records.append(record)
        if seconds is not None:
            report.write_record(record, self.out)
        return record


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.run.execute", description="Execute the notebooks, several at a time."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="01, a name, a path, or a glob; default: all"
    )
    parser.add_argument("--jobs", type=int, help="how many run at a time; default: up to 4")
    parser.add_argument(
        "--out", type=pathlib.Path, default=ROOT / "build", help="output folder; default: build"
    )
    parser.add_argument(
        "--deadline", type=float, default=60, metavar="MINUTES", help="for a notebook; default: 60"
    )
    parser.add_argument(
        "--notebooks", type=pathlib.Path, default=ROOT / "notebooks", help="default: notebooks"
    )
    options = parser.parse_args(arguments)
    if options.jobs is not None and options.jobs < 1:
        parser.error(f"--jobs must be at least 1, not {options.jobs}")
    if not 0 < options.deadline < threading.TIMEOUT_MAX / 60:
        parser.error(f"--deadline must be a positive number of minutes, not {options.deadline:g}")
    return options


def make_folders(out: pathlib.Path) -> None:
    """Make the output folder and those within it.

    Raises:
        UsageError: Nothing can be written there.
    """
    try:
        for folder in ("records", *(folder for folder, _ in pages.FOLDERS.values())):
            (out / folder).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=out / folder).close()
    except OSError as error:
        raise UsageError(
            f"{out.absolute()} cannot be written ({error.strerror}). Choose another folder: "
            "--out FOLDER"
        ) from None


def main(arguments: list[str] | None = None) -> int:
    """Execute the notebooks; return the exit status."""
    options = parse(arguments)
    # Not every console can show every character (Windows).
    sys.stdout.reconfigure(errors="replace")
    sys.stderr.reconfigure(errors="replace")
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # the records say what went wrong
    if sys.platform == "win32":  # ZeroMQ cannot wait on the default event loop there
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    out = options.out
    try:
        sources = sorted(options.notebooks.glob("*.ipynb"))
        if not sources:
            raise UsageError(f"There are no notebooks (*.ipynb) in {options.notebooks.resolve()}.")
        chosen = select(options.names, sources)
        make_folders(out)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    jobs = options.jobs or default_jobs(len(chosen))
    print(f"{len(chosen)} notebook(s), {jobs} at a time, output in {out}", flush=True)
    console = report.console()
    runner = Runner(out, jobs, options.deadline, report.Progress(console))
    records = runner.run(chosen)
    stored = report.read_records(out, [source.stem for source in sources])
    index = report.write_report(stored, out, runner.started, runner.run_id)
    console.print()
    console.print(report.table(records))
    good = sum(record["status"] == "ok" for record in records)
    print("", *report.failures(records, out), sep="\n")
    print(f"\n{good} of {len(records)} passed. Report: {index}", flush=True)
    if runner.survivors:
        pids = ", ".join(map(str, runner.survivors))
        print(f"These processes could not be ended; please end them yourself: {pids}.", flush=True)
    if runner.signal is not None:
        print("Stopped before the end.", flush=True)
        return 128 + runner.signal
    return 0 if good == len(records) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # Nobody reads the output any more (| head), and nothing is running. Keep Python from
        # complaining again while it closes its standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
