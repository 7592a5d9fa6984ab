"""Reads what was handed in in a process of its own: a stranger's file must not end the run.

    python -m grading.intake.reader PARENT

The front asks with a line of JSON; the answer is a line of JSON, with the notebook's text and the
files as bytes after it. The front understands nothing of what a student wrote: the notebook stays
text until the grading process parses it. The process has a limit of memory, and it ends with the
front.
"""

import base64
import contextlib
import ctypes
import dataclasses
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

from grading.intake import reading
from grading.intake.submissions import Source, Submission
from grading.intake.traits import Traits

ROOT = Path(__file__).resolve().parents[2]
MEMORY_MB = 1500
SECONDS = 120  # for one submission
MOST_LINE = 64 * 2**20  # bytes of an answer's first line
OUT_OF_MEMORY = 77  # exit status
PR_SET_PDEATHSIG = 1


class _EndedError(Exception):
    """The reading process ended, or did not answer in time."""


class Reader:
    """Reads submissions in a child process, which is started when it is needed.

    Args:
        homework: The `Traits` of the homework.
        others: Those of other homework.
        seconds: How long a submission may take.
        memory_mb: How much memory reading may take.
    """

    def __init__(self, homework, others, seconds=SECONDS, memory_mb=MEMORY_MB):
        self._first = {"homework": homework.plain(), "others": [each.plain() for each in others]}
        self._first |= {"memory_mb": memory_mb}
        self.seconds, self.memory_mb = seconds, memory_mb
        self._process, self._finish = None, None

    def read(self, submission, is_whole=True):
        """Reads a submission; never raises for what a student could have done.

        Args:
            submission: A `grading.intake.submissions.Submission`.
            is_whole: Whether the notebook and the files are wanted, too.

        Returns:
            A `reading.Handed` with the notebook as text.
        """
        problem = None
        for _ in range(2):  # it may have been ended by something else
            try:
                return self._ask(submission, is_whole)
            except _EndedError as error:
                problem = error
                status, is_final = error.args[1:]
                if is_final:
                    break
        handed = reading.Handed(status=status, problem=problem.args[0], look=[problem.args[0]])
        handed.name = next((source.name for source in submission.sources), "")
        return handed

    def close(self):
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None:
            self._finish()

    def _ask(self, submission, is_whole):
        self._start()
        self._used = _processor_seconds(self._process.pid)
        self._deadline = time.monotonic() + self.seconds
        self._waiting = bytearray()
        try:
            self._tell({"submission": _packed(submission), "is_whole": is_whole})
            answer = json.loads(self._line())
            notebook, sizes = answer.pop("notebook"), answer.pop("files")
            handed = reading.Handed(**answer)
            if notebook is not None:
                handed.notebook = self._bytes(notebook).decode("utf-8")
            handed.files = {name: self._bytes(size) for name, size in sizes}
            return handed
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise self._failure(error) from None
        except BaseException:  # such as Ctrl-C, in the middle of an answer
            self.close()
            raise

    def _start(self):
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "grading.intake.reader", str(os.getpid())],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the front only, which ends this in order
        )
        self._finish = weakref.finalize(self, _end, self._process)
        with contextlib.suppress(OSError):  # told when it does not answer
            self._tell(self._first)

    def _tell(self, message):
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _line(self):
        while (end := self._waiting.find(b"\n")) < 0:
            if len(self._waiting) > MOST_LINE:
                raise ValueError("the answer is too long")
            self._more()
        line = bytes(self._waiting[:end])
        del self._waiting[: end + 1]
        return line

    def _bytes(self, size):
        while len(self._waiting) < size:
            self._more()
        with memoryview(self._waiting) as view:
            data = bytes(view[:size])
        del self._waiting[:size]
        return data

    def _more(self):
        left = self._deadline - time.monotonic()
        if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
            raise TimeoutError
        part = os.read(self._process.stdout.fileno(), 2**20)
        if not part:
            raise EOFError
        self._waiting += part

    def _failure(self, error):
        """What became of the process: words, a status, and whether another try is no use."""
        process = self._process
        if isinstance(error, TimeoutError):
            is_busy = _processor_seconds(process.pid) - self._used > self.seconds / 4
            self.close()
            text = f"To read what was handed in takes longer than {self.seconds:g} s"
            if is_busy:
                return _EndedError(f"{text}. A person has to look.", "unreadable", True)
            text += ": is the drive still there? Run the same command again."
            return _EndedError(text, reading.FAILED, True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        code = process.returncode
        self.close()
        if code == OUT_OF_MEMORY:
            text = f"To read what was handed in takes more memory than {self.memory_mb:,} MB. "
            return _EndedError(text + "A person has to look.", "unreadable", True)
        text = f"The process that reads what was handed in ended (status {code})."
        # A crash comes from what is in a file; that somebody killed the process does not.
        is_crash = code in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL)
        return _EndedError(text, "unreadable" if is_crash else reading.FAILED, False)


def _end(process):
    process.kill()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


def _processor_seconds(pid):
    import psutil

    try:
        return sum(psutil.Process(pid).cpu_times()[:2])
    except psutil.Error:
        return 0


def _packed(submission):
    sources = [
        {**vars(source), "path": _coded(os.path.abspath(source.path))}
        for source in submission.sources
    ]
    return {"student": "", "id": "", "slug": "", "sources": sources}


def _coded(path):
    """A path as text, whatever bytes it is made of."""
    return base64.b64encode(os.fsencode(path)).decode()


def _unpacked(plain):
    sources = [
        Source(**{**each, "path": Path(os.fsdecode(base64.b64decode(each["path"])))})
        for each in plain["sources"]
    ]
    return Submission(**{**plain, "sources": tuple(sources)})


# ---------------------------------------------------------------- inside the process


def main(parent):
    """Answers one question after the other."""
    _end_with(parent)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    questions = _questions()
    first = next(questions)
    _limit_memory(first["memory_mb"])
    homework = Traits.from_plain(first["homework"])
    others = [Traits.from_plain(each) for each in first["others"]]
    for question in questions:
        try:
            handed = reading.read(_unpacked(question["submission"]), homework, others)
            _answer(answers, handed, question["is_whole"])
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except Exception as error:  # a mistake of the grader's costs nobody else anything
            text = f"It could not be read: {type(error).__name__}: {error}"[:500]
            handed = reading.Handed(status=reading.FAILED, problem=text, look=[text])
            _answer(answers, handed, False)


def _answer(answers, handed, is_whole):
    fields = {field.name: getattr(handed, field.name) for field in dataclasses.fields(handed)}
    notebook, files = fields["notebook"], fields["files"]
    text = None
    if is_whole and notebook is not None:
        text = json.dumps(notebook).encode()
    files = files if is_whole else {}
    fields["notebook"] = None if text is None else len(text)
    fields["files"] = [[name, len(data)] for name, data in files.items()]
    answers.write(json.dumps(fields).encode() + b"\n")
    answers.write(text or b"")
    for data in files.values():
        answers.write(data)
    answers.flush()


def _questions():
    """What comes in; at the end of standard input the process ends, whatever it is doing."""
    lines = queue.SimpleQueue()

    def listen():
        for line in sys.stdin.buffer:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(lines.get())


def _limit_memory(megabytes):
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        limit = megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _end_with(parent):
    """Lets the kernel end this process with its parent, where it can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
