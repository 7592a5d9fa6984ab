"""Executes the notebooks, several at a time: make run.

    python -m tools.run.execute [NAME ...] [--jobs N] [--out build] [--deadline MINUTES]

Every notebook runs in a worker process of its own (`tools.run.worker`), in a kernel of the
interpreter that runs this. The executed notebooks, a page of each, index.html and report.json are
written to the output folder; the notebooks themselves are never changed. Exit status: 0 if all
passed, 1 if any failed, 2 for a wrong command line, 130 after Ctrl-C, 143 after SIGTERM.
"""

import argparse
import collections
import contextlib
import dataclasses
import difflib
import fnmatch
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import psutil

from tools.run import report
from utils import runtime
from utils.processes import cleanup

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_JOBS = 4
BYTES_PER_JOB = 3 * 2**30  # about what the hungriest lesson takes
# A worker stops its kernel at the deadline and then writes its page. One that does not manage to
# is stopped from here, so many seconds later.
GRACE_SECONDS = 60
SUBFOLDERS = {"notebook": "notebooks", "html": "html", "log": "logs"}
SUFFIXES = {"notebook": ".ipynb", "html": ".html", "log": ".log"}


class UsageError(Exception):
    """The command line asks for something that is not there."""


def select(names, sources):
    """The notebooks that the names mean, in order of name; all of them without names.

    A name is a number (`01`), a name with or without `.ipynb`, a path, or a glob.
    """
    if not names:
        return list(sources)
    chosen = set()
    for name in names:
        found = [source for source in sources if _is_meant(name, source)]
        if not found:
            raise UsageError(_nothing_matches(name, sources))
        chosen.update(found)
    return sorted(chosen)


def _is_meant(name, source):
    path = pathlib.Path(name)
    if path.is_file():
        return path.resolve() == source.resolve()
    if len(path.parts) > 1:
        # A glob with folders, or a path as seen from the repository's root.
        places = [source, source.resolve()]
        with contextlib.suppress(ValueError):  # not below the root
            places.append(source.resolve().relative_to(ROOT))
    else:
        number = re.match(r"\d+(?=[_\-. ]|$)", source.stem)
        if name.isdecimal() and number:
            return int(name) == int(number[0])
        places = [pathlib.Path(source.name)]
    forms = [form.as_posix() for place in places for form in (place, place.with_suffix(""))]
    return any(fnmatch.fnmatchcase(form, path.as_posix()) for form in forms)


def _nothing_matches(name, sources):
    stems = [source.stem for source in sources]
    wanted = pathlib.Path(name).name.removesuffix(".ipynb").lower()
    near = [stem for stem in stems if wanted and wanted in stem.lower()]
    by_lower = {stem.lower(): stem for stem in stems}
    near += [by_lower[each] for each in difflib.get_close_matches(wanted, by_lower, 3, 0.5)]
    lines = [f"No notebook matches {name!r}."]
    if near:
        lines.append("Did you mean: " + ", ".join(dict.fromkeys(near)) + "?")
    lines.append(f"The notebooks in {sources[0].parent}:")
    return "\n".join(lines + [f"  {stem}" for stem in stems])


@dataclasses.dataclass(eq=False)
class Job:
    """A notebook that runs: its worker process, and how far it is."""

    source: pathlib.Path
    process: subprocess.Popen
    marker: str
    started: float = dataclasses.field(default_factory=time.monotonic)
    cell: int = 0
    cells: int = 0
    record: dict | None = None
    is_late: bool = False

    @property
    def name(self):
        """The notebook's name, without .ipynb."""
        return self.source.stem

    @property
    def seconds(self):
        """How long it has been running."""
        return time.monotonic() - self.started


class Runner:
    """Runs notebooks in worker processes and collects their records.

    Args:
        out: the output folder.
        jobs: how many notebooks run at a time.
        deadline: seconds for one notebook.
        progress: shows what happens.
    """

    def __init__(self, out, jobs, deadline, progress):
        self.out = out
        self.jobs = jobs
        self.deadline = deadline
        self.progress = progress
        self.run_id = uuid.uuid4().hex
        self.started = report.now()
        self.messages = queue.SimpleQueue()
        self.running = []
        self.records = []
        self.survivors = []
        self.signal = None

    def run(self, sources):
        """Executes the notebooks; returns their records, in order of name."""
        waiting = collections.deque(sources)
        with self._signals_noted(), tempfile.TemporaryDirectory() as scratch:
            try:
                while (waiting or self.running) and self.signal is None:
                    while waiting and len(self.running) < self.jobs:
                        self._start(waiting.popleft(), scratch)
                    self._take_message()
                    self._stop_late_ones()
                    self._show(len(waiting))
            finally:
                # After a signal, and also if something here failed: leave nothing running.
                self._stop_all()
        for source in waiting:
            self.records.append(self._record(source, "not run"))
        self.progress.clear()
        return sorted(self.records, key=lambda record: record["name"])

    @contextlib.contextmanager
    def _signals_noted(self):
        def note(number, frame):
            self.signal = self.signal or number

        previous = {each: signal.signal(each, note) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _start(self, source, scratch):
        for kind in SUBFOLDERS:
            self._file(source, kind).unlink(missing_ok=True)
        marker = f"{self.run_id}-{len(self.records)}-{source.stem}"
        variables = {
            **os.environ,
            cleanup.MARKER: marker,
            "PYTHONUTF8": "1",
            # Silences a warning of the debugger, which nobody uses here.
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            # Where the workers put the connection files of kernels, which go with the folder.
            "JUPYTER_RUNTIME_DIR": scratch,
        }
        # The terminal sends Ctrl-C to its whole process group. The workers are kept out of it:
        # they are ended from here, in order, with their kernels.
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        else:
            apart = {"start_new_session": True}
        command = [sys.executable, "-m", "tools.run.worker"]
        command += [str(source.resolve()), str(self.out.resolve()), str(self.deadline)]
        with open(self._file(source, "log"), "wb") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=variables,
                # Held open as long as this process lives: a worker ends when it is closed.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                **apart,
            )
        job = Job(source, process, marker)
        self.running.append(job)
        threading.Thread(target=self._listen, args=(job,), daemon=True).start()
        if not self.progress.live:
            self.progress.say(f"start     {job.name}")

    def _listen(self, job):
        with job.process.stdout as lines:
            for line in lines:
                self.messages.put((job, line))
        self.messages.put((job, None))

    def _take_message(self):
        with contextlib.suppress(queue.Empty):
            job, line = self.messages.get(timeout=0.2)
            if line is None:
                self._finish(job)
                return
            with contextlib.suppress(ValueError):  # a line cut short by the worker's death
                message = json.loads(line)
                if message["event"] == "cell":
                    job.cell, job.cells = message["cell"], message["cells"]
                else:
                    job.record = message["record"]

    def _stop_late_ones(self):
        for job in self.running:
            if job.seconds > self.deadline + GRACE_SECONDS and not job.is_late:
                job.is_late = True
                self._end([job])  # the end of its messages is then the next message

    def _show(self, waiting):
        now_running = [(job.name, job.cell, job.cells, job.seconds) for job in self.running]
        self.progress.update(now_running, waiting)

    def _finish(self, job):
        """Files the record of a worker that ended, one way or another."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            job.process.wait(timeout=5)
        seconds = job.seconds
        self._end([job])  # whatever the notebook started and did not end
        self.running.remove(job)
        log = self._file(job.source, "log")
        if not log.stat().st_size:
            log.unlink()
        outcome = job.record or self._outcome_of_dead(job)
        if outcome["error"] and not self._file(job.source, "html").exists():
            self._write_page_of_error(job.source, outcome["error"])
        record = self._record(job.source, outcome["status"], seconds, outcome)
        self._file_record(record)
        word = report.STATUS_WORDS[record["status"]]
        line = f"{word:<8}  {job.name}  {report.duration(seconds)}"
        if record["error"]:
            error = record["error"]
            line += f"  {error['place']}: {error['name']}: {error['message']}"
        self.progress.say(report.cut(line, report.terminal_width() - 1))

    def _outcome_of_dead(self, job):
        place = f"cell {job.cell} of {job.cells}" if job.cell else "before the first cell"
        if job.is_late:
            message = f"not finished after {self.deadline / 60:g} min, and did not stop; killed"
            return {
                "status": "deadline",
                "error": {"place": place, "name": "Deadline", "message": message},
            }
        words = report.exit_in_words(job.process.returncode)
        message = f"the process that executes the notebook died ({words})"
        return {
            "status": "failed",
            "error": {"place": place, "name": "WorkerDied", "message": message},
        }

    def _write_page_of_error(self, source, error):
        from tools.run import worker  # takes a second to import, and is seldom needed

        try:
            worker.write_page_of_error(source, self.out, error)
        except Exception as page_error:  # the record says what happened even without a page
            self.progress.say(f"No page of {source.stem} could be written: {page_error}")

    def _stop_all(self):
        if not self.running:
            return
        if self.signal is not None:
            name = signal.Signals(self.signal).name
            with contextlib.suppress(OSError):  # perhaps nobody reads what we say any more
                self.progress.say(f"{name}: stopping {len(self.running)} notebook(s) ...")
        self._end(self.running)
        for job in self.running:
            outcome = job.record or {"status": "interrupted"}
            self._file_record(self._record(job.source, outcome["status"], job.seconds, outcome))
        self.running.clear()

    def _end(self, jobs):
        pids = [job.process.pid for job in jobs if job.process.poll() is None]
        for process in cleanup.end(pids, {job.marker for job in jobs}):
            self.survivors.append(process.pid)
        for job in jobs:
            job.process.poll()

    def _record(self, source, status, seconds=None, outcome=None):
        outcome = outcome or {}
        paths = {kind: self._file(source, kind) for kind in SUBFOLDERS}
        return {
            "name": source.stem,
            "status": status,
            "seconds": None if seconds is None else round(seconds, 1),
            "finished": report.now(),
            "run": self.run_id,
            "error": outcome.get("error"),
            "results": outcome.get("results", []),
            "data": outcome.get("data", []),
            "files": {
                kind: path.relative_to(self.out).as_posix()
                for kind, path in paths.items()
                if path.exists()
            },
        }

    def _file_record(self, record):
        self.records.append(record)
        report.write_record(record, self.out)

    def _file(self, source, kind):
        return self.out / SUBFOLDERS[kind] / (source.stem + SUFFIXES[kind])


def parse(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.run.execute", description="Execute the notebooks, several at a time."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="01, a name, a path or a glob; default: all"
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
    if not 0 < options.deadline < threading.TIMEOUT_MAX / 60 - GRACE_SECONDS:
        parser.error(f"--deadline must be a positive number of minutes, not {options.deadline:g}")
    return options


def default_jobs(count):
    """As many at a time as there are cores to use and memory to hold them, and at most four."""
    fitting = psutil.virtual_memory().available // BYTES_PER_JOB
    return max(1, min(runtime.cores(), count, fitting, MOST_JOBS))


def make_folders(out):
    """Makes the output folder, with what it holds; UsageError if nothing can be written there."""
    try:
        for folder in (".", *SUBFOLDERS.values(), "records"):
            (out / folder).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=out / folder).close()
    except OSError as error:
        raise UsageError(
            f"{out.absolute()} cannot be written ({error.strerror}). Name another folder for the "
            "pages: --out FOLDER"
        ) from None


def main(arguments=None):
    """Executes the notebooks; returns the exit status."""
    options = parse(arguments)
    # Not every console can show every character (Windows).
    sys.stdout.reconfigure(errors="replace")
    sys.stderr.reconfigure(errors="replace")
    try:
        sources = sorted(options.notebooks.glob("*.ipynb"))
        if not sources:
            raise UsageError(f"There are no notebooks (*.ipynb) in {options.notebooks.resolve()}.")
        chosen = select(options.names, sources)
        make_folders(options.out)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    jobs = options.jobs or default_jobs(len(chosen))
    out = options.out
    print(f"{len(chosen)} notebook(s), {jobs} at a time, output in {out}", flush=True)
    runner = Runner(out, jobs, options.deadline * 60, report.Progress())
    records = runner.run(chosen)
    stored = report.read_records(out, [source.stem for source in sources])
    index = report.write_report(stored, out, runner.started, runner.run_id)
    width = report.terminal_width()
    print("", *report.table(records, width), sep="\n")
    about_failures = report.failures(records, out, width)
    if about_failures:
        print("", *about_failures, sep="\n")
    good = sum(record["status"] == "ok" for record in records)
    print(f"\n{good} of {len(records)} passed. Report: {index}", flush=True)
    if runner.survivors:
        pids = ", ".join(map(str, runner.survivors))
        print(f"These processes could not be ended, please end them yourself: {pids}.", flush=True)
    if runner.signal is not None:
        print("Stopped before the end.", flush=True)
        return 128 + runner.signal
    return 0 if good == len(records) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # Nobody reads the output any more (| head). The runner has ended its workers; now keep
        # Python from complaining once more while it closes its standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
