"""Several submissions at a time on this machine, each slot with its own grading process.

A grading process that dies, or does not answer in time, costs one submission its second chance and
nothing else: the slot starts another process.
"""

import concurrent.futures
import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import psutil

from grading.intake import reader
from grading.limits import TOGETHER, Limits
from grading.sandbox import memory_group
from grading.workers import worker
from utils.processes import cleanup

ROOT = Path(__file__).resolve().parents[2]
GRACE_SECONDS = 120  # on top of the submission's own deadline: starting, restoring, writing
PAGE_SECONDS = 120
TRIES = 2
# What a grading process and its sandbox take beside the submission, in bytes.
OVERHEAD = 700 * 2**20
# What reading what was handed in may take, in a process of its own for the whole run.
READING = reader.MEMORY_MB * 2**20


def default_jobs(count: int, memory_mb: int) -> int:
    """Return how many submissions can be graded at a time, by cores and memory; at least 1.

    Args:
        count: Submissions to grade.
        memory_mb: Memory of one process. A submission may take `TOGETHER` times as much,
            with its files, which lie in memory; the process that judges it comes on top.
    """
    from utils import runtime

    needed = (TOGETHER * memory_mb + Limits.judge_memory_mb) * 2**20 + OVERHEAD
    fitting = int((psutil.virtual_memory().available - READING) // needed)
    return max(1, min(runtime.cores(), count, fitting))


def temporary_folder() -> str:
    """Return the folder for temporary files; a short one, because sockets have to lie below it."""
    usual = tempfile.gettempdir()
    return "/tmp" if len(usual) > 40 and os.access("/tmp", os.W_OK | os.X_OK) else usual


class Slot:
    """A grading process, started when needed and restarted after it died.

    Args:
        command: What to start; for tests.
    """

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", worker.__name__)):
        self.command = list(command)
        self.marker = f"grading-{uuid.uuid4().hex}"
        self.process = None
        self.folder = None
        self.is_closed = False
        self._lock = threading.Lock()  # closing must not miss a process that is just being started

    def grade(self, job: dict) -> dict:
        """Grade a job (see `worker.write_job`); return its result, whatever happens."""
        started = time.monotonic()
        problem, last_steps = "", []
        for _ in range(TRIES):
            result, problem = self._try(job, last_steps)
            if result is not None:
                return result
            if self.is_closed:
                break
        reason = f"could not be graded: {problem} (tried {TRIES} times)"
        # A process that always ends at the same place hardly does so by chance.
        is_suspect = len(last_steps) == TRIES and None not in last_steps
        is_suspect = is_suspect and len(set(last_steps)) == 1
        if is_suspect:
            reason += f", each time at {last_steps[0]}"
        return worker.failure(reason, is_suspect, seconds=time.monotonic() - started)

    def close(self) -> None:
        """End the process and everything that it started."""
        self.is_closed = True
        self._end()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _try(self, job, last_steps):
        """Return the result, or None and what went wrong; note what was begun last."""
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="grading-", dir=temporary_folder()))
        folder = Path(tempfile.mkdtemp(prefix="job-", dir=self.folder))
        try:
            if self.process is None or self.process.poll() is not None:
                self._start()
            worker.write_job(folder, job)
            problem = self._ask(folder, job)
            result = worker.read_result(folder)
            if result is None:
                problem = problem or "the grading process gave no result"
                last_steps.append(worker.read_running(folder))
            return result, problem
        except (OSError, ValueError, AttributeError) as error:  # it ended, or was closed meanwhile
            self._end()
            return None, f"{type(error).__name__}: {error}"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _ask(self, folder, job):
        """Wait for the two answers; return what went wrong, or None."""
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()
        seconds = job["limits"]["notebook_s"] + job["judge_seconds"] + GRACE_SECONDS
        for expected, patience in (("judged", seconds), ("done", PAGE_SECONDS)):
            try:
                answer = self.answers.get(timeout=patience)
            except queue.Empty:
                self._end()
                return f"the grading process gave no answer in {patience:.0f} s"
            if answer.strip() != expected:
                status = self._status()
                self._end()
                return f"the grading process ended ({status})"
        return None

    def _start(self):
        environment = {**os.environ, cleanup.MARKER: self.marker, "PYTHONUTF8": "1"}
        # All temporary files of a slot lie in one folder, so that none is left behind.
        environment |= {"TMPDIR": str(self.folder), worker.OWN_FOLDER: str(self.folder)}
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        with self._lock:
            if self.is_closed:
                raise OSError("the run was stopped")
            self.log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C reaches the front only, which ends this in order
            )
            # A new queue: an answer of a process that was given up is not the next one's.
            self.answers = queue.SimpleQueue()
            arguments = (self.process.stdout, self.answers)
            threading.Thread(target=_listen, args=arguments, daemon=True).start()

    def _status(self):
        """Return how the process ended, and the last line that it printed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        code = self.process.returncode
        words = "still running" if code is None else f"exit status {code}"
        if code is not None and code < 0:
            names = {number.value: number.name for number in signal.Signals}
            words = names.get(-code, f"signal {-code}")
        self.log.seek(max(0, self.log.seek(0, os.SEEK_END) - 2000))
        printed = self.log.read().decode("utf-8", "replace").strip().splitlines()
        return f"{words}; it said: {printed[-1][:200]}" if printed else words

    def _end(self):
        with self._lock:
            process, self.process = self.process, None
        if process is None:
            return
        cleanup.end([process.pid], [self.marker])
        memory_group.remove_left()
        with contextlib.suppress(OSError, ValueError):
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        self.log.close()


def _listen(stream, answers):
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            answers.put(line)
    answers.put("")  # the end


class Local:
    """Grade on this machine.

    Args:
        jobs: How many at a time.
    """

    def __init__(self, jobs: int):
        self.jobs = jobs
        self._slots = [Slot() for _ in range(jobs)]
        self._free = queue.SimpleQueue()
        for slot in self._slots:
            self._free.put(slot)
        self._threads = concurrent.futures.ThreadPoolExecutor(jobs)
        self._results = queue.SimpleQueue()

    def capacity(self) -> int:
        """Return how many may run at a time."""
        return self.jobs

    def submit(self, name: str, job: dict) -> None:
        """Start a job; its result comes out of `collect`."""
        self._threads.submit(self._grade, name, job)

    def collect(self, seconds: float) -> tuple[str, dict] | None:
        """Return the next name and result, or None if there is none within that many seconds."""
        try:
            return self._results.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """End everything, and give up what is running."""
        for slot in self._slots:
            slot.is_closed = True
        for slot in self._slots:
            slot.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for slot in self._slots:
            slot.close()  # what a thread had begun in the meantime

    def _grade(self, name, job):
        slot = self._free.get()
        try:
            result = slot.grade(job)
        except Exception as error:  # a result is awaited, whatever happened
            result = worker.failure(f"could not be graded: {type(error).__name__}: {error}")
        finally:
            self._free.put(slot)
        self._results.put((name, result))
