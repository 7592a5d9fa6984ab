"""Judge a task in a clean process, and pass its calls of the student's functions to the kernel.

The grader's side of `judge_process.py`.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from grading.execution.bridge import State
from grading.limits import Limits
from grading.sandbox.view import DATA, ROOT, data_folder

PROCESS = ROOT / "grading" / "execution" / "judge_process.py"


class TooLateError(Exception):
    """The process did not answer in time."""


class Judge:
    """The clean process, started beforehand and again whenever it had to be ended.

    Args:
        memory_mb: How much memory judging a task may take.
    """

    def __init__(self, memory_mb: int = Limits.judge_memory_mb):
        self.memory_mb = memory_mb
        self._start()

    def _start(self):
        variables = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        # One thread of each library: every other one would count as memory with all of its stack.
        for library in ("OPENBLAS_NUM", "OMP_NUM", "TF_NUM_INTEROP", "TF_NUM_INTRAOP"):
            variables[f"{library}_THREADS"] = "1"
        # The tests look for data where the submission found them, and like it not on the network.
        variables["COURSE_OFFLINE"] = "1"
        variables |= {name: folder for name in DATA if (folder := data_folder(name))}
        self._buffer = b""
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(PROCESS), str(self.memory_mb)],
            cwd="/",
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def judge(
        self,
        task: Any,
        state: State,
        call: Callable[[str, str, float], dict[str, str]],
        seconds: float,
        value_bytes: int,
    ) -> tuple[str, str]:
        """Return the verdict on a task, and a message for the student.

        Args:
            task: The assignment's.
            state: What the notebook handed over.
            call: Calls a function of the student's, given its name, the arguments as text, and
                seconds; returns the answer of `bridge.call`.
            seconds: How long all of it may take.
            value_bytes: How large one argument may be.

        Returns:
            (verdict, message); if the verdict is "stopped", the message is why.
        """
        deadline = time.monotonic() + seconds
        question = {
            "hidden": task.hidden,
            "values": state.values,
            "functions": state.functions,
            "value_bytes": value_bytes,
        }
        try:
            # A second time, if the process ended: perhaps the system ended it, for lack of memory.
            verdict = self._ask(question, call, deadline) or self._ask(question, call, deadline)
        except TooLateError:
            self._restart()
            return "stopped", "timeout"
        return verdict or ("error", "The check itself ended without a verdict.")

    def _ask(self, question, call, deadline):
        """Return the process's verdict and message; None if it ended without."""
        result = None
        try:
            self._send(question)
            while "ended" not in (answer := self._receive(deadline)):
                if "call" in answer:
                    left = max(deadline - time.monotonic(), 0.1)
                    self._send(call(answer["call"], answer["arguments"], left))
                else:
                    result = (answer["verdict"], answer["message"])
            if result is None or answer["ended"] != 0:
                # It died, perhaps while it waited for the answer to a call, which would now be
                # taken for the next question: that must not get what was meant for this one.
                self._restart()
        except OSError:  # it died
            self._restart()
        return result

    def _send(self, message):
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _receive(self, deadline):
        stream = self._process.stdout.fileno()
        poll = select.poll()  # unlike select(), it takes numbers above 1023
        poll.register(stream, select.POLLIN)
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left < 0 or not poll.poll(left * 1000):
                raise TooLateError
            data = os.read(stream, 2**20)
            if not data:
                raise OSError("the judging process ended")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def _restart(self):
        self.close()
        self._start()

    def close(self) -> None:
        """End the process, and a test that it may be running."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, 9)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
