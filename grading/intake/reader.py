"""Read what was handed in, in a process of its own: a stranger's file must not end the run.

    python -m grading.intake.reader PARENT SOCKET

The front sends submissions; what it gets back is JSON, the notebook's text, and the files as bytes.
It interprets nothing that a student wrote: the notebook stays text until the grading process
parses it, and nothing that comes back is unpickled. The process has a memory limit, and it ends
with the front.
"""

import contextlib
import ctypes
import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from grading.intake import content as contents
from grading.intake.content import FAILED, SubmissionContent
from grading.intake.submissions import Submission
from grading.intake.traits import Traits

ROOT = Path(__file__).resolve().parents[2]
MEMORY_MB = 1500
SECONDS = 120  # for one submission
MOST_FIELDS = 64 * 2**20  # bytes of an answer's first part
MOST_DATA = 2 * contents.MOST_BYTES  # of each of the others
OUT_OF_MEMORY = 77  # exit status
PR_SET_PDEATHSIG = 1


class _EndedError(Exception):
    """The process ended, or did not answer in time; with a status, and whether that is final."""


class Reader:
    """Reads submissions in a child process, which is started when needed.

    Args:
        homework: The traits of the homework.
        others: Those of other homework.
        seconds: How long a submission may take.
        memory_mb: How much memory reading may take.
    """

    def __init__(
        self,
        homework: Traits,
        others: Sequence[Traits],
        seconds: float = SECONDS,
        memory_mb: int = MEMORY_MB,
    ):
        self._settings = homework, others, memory_mb
        self.seconds, self.memory_mb = seconds, memory_mb
        self._process: subprocess.Popen | None = None
        self._socket: Connection | None = None
        self._end: Callable[[], object] | None = None

    def read(self, submission: Submission, is_whole: bool = True) -> SubmissionContent:
        """Read a submission; never raise for what a student could have done.

        Args:
            submission: The submission.
            is_whole: Whether the notebook and the files are also wanted.

        Returns:
            The content, with the notebook as text.
        """
        for is_last in (False, True):  # something else may have ended it
            try:
                return self._ask(submission, is_whole)
            except _EndedError as error:
                problem, status, is_final = error.args
                if is_final or is_last:
                    break
        name = next((source.name for source in submission.sources), "")
        return SubmissionContent(
            name=name, status=status, problem=problem, review_reasons=[problem]
        )

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process = None
            self._end()

    def start(self) -> subprocess.Popen:
        """Start the process if it is not running, and return it."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._socket, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "grading.intake.reader"),
                    *(str(os.getpid()), str(theirs.fileno())),
                ],
                cwd=ROOT,
                env=os.environ
                | {
                    "PYTHONPATH": os.pathsep.join(paths),
                    # It encodes names of files as this process does.
                    "PYTHONUTF8": str(sys.flags.utf8_mode),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C reaches the front only, which ends this in order
            )
        self._end = weakref.finalize(self, _end, self._process, self._socket)
        with contextlib.suppress(OSError):  # it is told when it does not answer
            self._socket.send(self._settings)
        return self._process

    def _ask(self, submission: Submission, is_whole: bool) -> SubmissionContent:
        process = self.start()
        used, deadline = processor_seconds(process.pid), time.monotonic() + self.seconds
        try:
            self._socket.send((_absolute(submission), is_whole))
            fields = json.loads(self._receive(deadline, MOST_FIELDS))
            names = fields.pop("files")
            content = SubmissionContent(**fields)
            if is_whole and content.problem is None:
                content.notebook = self._receive(deadline, MOST_DATA).decode("utf-8")
                content.files = {name: self._receive(deadline, MOST_DATA) for name in names}
            return content
        except TimeoutError:
            is_busy = processor_seconds(process.pid) - used > self.seconds / 4
            self.close()
            raise self._timeout(is_busy) from None
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            self.close()
            raise self._ended(process.returncode) from None
        except BaseException:  # such as Ctrl-C, in the middle of an answer
            self.close()
            raise

    def _receive(self, deadline: float, most: int) -> bytes:
        if not self._socket.poll(max(0, deadline - time.monotonic())):
            raise TimeoutError
        return self._socket.recv_bytes(most)

    def _timeout(self, is_busy: bool) -> _EndedError:
        problem = f"To read what was handed in takes longer than {self.seconds:g} s"
        if is_busy:
            return _EndedError(f"{problem}. A person has to look.", "unreadable", True)
        problem += ": is the drive still there? Run the same command again."
        return _EndedError(problem, FAILED, True)

    def _ended(self, code: int | None) -> _EndedError:
        if code == OUT_OF_MEMORY:
            problem = f"To read what was handed in takes more memory than {self.memory_mb:,} MB."
            return _EndedError(f"{problem} A person has to look.", "unreadable", True)
        problem = f"The process that reads what was handed in ended (status {code})."
        # A crash comes from what is in a file; a kill by somebody does not.
        is_crash = code in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL)
        return _EndedError(problem, "unreadable" if is_crash else FAILED, False)


def _absolute(submission: Submission) -> Submission:
    """Return a submission whose paths lead to the same places from another folder."""
    sources = [dataclasses.replace(s, path=s.path.absolute()) for s in submission.sources]
    return dataclasses.replace(submission, sources=tuple(sources))


def _end(process: subprocess.Popen, socket: Connection) -> None:
    process.kill()
    socket.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


def processor_seconds(pid: int) -> float:
    """Return how much processor time a process has used so far."""
    try:
        return sum(psutil.Process(pid).cpu_times()[:2])
    except psutil.Error:
        return 0


# ---------------------------------------------------------------- inside the process


def main(parent: int, handle: int) -> None:
    """Answer one question after the other, until the front is gone."""
    _end_with(parent)
    with Connection(handle) as socket, contextlib.suppress(EOFError, BrokenPipeError):
        homework, others, memory_mb = socket.recv()
        _limit_memory(memory_mb)
        while True:
            submission, is_whole = socket.recv()
            try:
                _answer(socket, _content(submission, homework, others), is_whole)
            except MemoryError:
                os._exit(OUT_OF_MEMORY)


def _content(
    submission: Submission, homework: Traits, others: Sequence[Traits]
) -> SubmissionContent:
    try:
        return contents.read_submission(submission, homework, others)
    except MemoryError:
        raise
    except Exception as error:  # the grader's own mistake costs nobody else
        problem = f"It could not be read: {type(error).__name__}: {error}"[:500]
        return SubmissionContent(status=FAILED, problem=problem, review_reasons=[problem])


def _answer(socket: Connection, content: SubmissionContent, is_whole: bool) -> None:
    fields = vars(content) | {"notebook": None, "files": list(content.files)}
    socket.send_bytes(json.dumps(fields).encode())
    if is_whole and content.problem is None:
        socket.send_bytes(json.dumps(content.notebook).encode())
        for data in content.files.values():
            socket.send_bytes(data)


def _limit_memory(megabytes: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20, megabytes * 2**20))


def _end_with(parent: int) -> None:
    """Let the kernel end this process with its parent, where it can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
