"""Run scripts in Python processes of their own, together, and leave none of them behind.

A kernel has its devices from the moment its backend starts. What needs others (two devices of a
CPU, two processes that stand for two machines) runs in a fresh process: the same interpreter with
other environment variables. This works on every system, since nothing is forked.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

_CHARACTERS_SHOWN = 1500


class ChildError(RuntimeError):
    """A process failed, or did not end in time; the message says which, and how."""


def run(
    scripts: Iterable[tuple[str | Path, Mapping[str, str | None]]], *, timeout: float = 900
) -> list[str]:
    """Run scripts, each in a process of its own and all at the same time.

    If one fails, the others are ended at once: they would wait for it. However this function is
    left, also by an interrupt, none of the processes goes on running; and if this process is
    killed, they end by themselves.

    Args:
        scripts: One (path, variables) for each process: the Python file to run, and a dictionary
            of environment variables to add to this process's own; None removes one.
        timeout: Seconds until all must have ended.

    Returns:
        For each script, what it printed.

    Raises:
        ChildError: A script failed (with the end of its output), or time ran out.
        ValueError: There are no scripts, or one of the files does not exist.
    """
    scripts = [(Path(path).resolve(), variables) for path, variables in scripts]
    if not scripts:
        raise ValueError("There is nothing to run: scripts is empty.")
    for path, _ in scripts:
        if not path.is_file():
            raise ValueError(f"There is no script {path}.")
    deadline = time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        running = []
        outputs = []
        for path, variables in scripts:
            # Files, because a pipe fills up, and the process would wait.
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
            process = stack.enter_context(_started(path, variables, timeout, *files))
            running.append((path.name, process, files))
            outputs.append(files[0])
        while running:
            for name, process, files in running:
                if process.poll():
                    raise ChildError(
                        f"{name} failed (exit status {process.returncode}). The end of its "
                        f"output:\n{_end_of_output(*files)}"
                    )
            running = [started for started in running if started[1].returncode is None]
            if running and time.monotonic() > deadline:
                names = ", ".join(name for name, _, _ in running)
                raise ChildError(
                    f"{names} did not end within {timeout:g} seconds and was stopped. The end of "
                    f"its output:\n{_end_of_output(*running[0][2])}"
                )
            time.sleep(0.05)
        return [_text(stdout) for stdout in outputs]


def free_port() -> int:
    """Return a TCP port of this machine that nothing is listening on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def _started(path, variables, timeout, stdout, stderr):
    environment = {**os.environ, "PYTHONUTF8": "1", **variables}
    child = Path(__file__).with_name("child.py")
    process = subprocess.Popen(
        [sys.executable, str(child), str(path), str(timeout)],
        env={name: value for name, value in environment.items() if value is not None},
        stdin=subprocess.PIPE,  # held open as long as this process lives
        stdout=stdout,
        stderr=stderr,
    )
    try:
        yield process
    finally:
        process.kill()  # does nothing to one that has ended
        process.stdin.close()
        process.wait()


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _end_of_output(stdout: BinaryIO, stderr: BinaryIO) -> str:
    text = _text(stderr).strip() or _text(stdout).strip() or "(it wrote nothing)"
    return text[-_CHARACTERS_SHOWN:]
