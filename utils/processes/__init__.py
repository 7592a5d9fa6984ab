"""Runs scripts in Python processes of their own, together, and leaves none of them behind.

A kernel has its devices from the moment its backend starts. What needs others (two devices of a
CPU, two processes that stand for two machines) runs in a child: the same interpreter, started
anew with other environment variables. Works on every system, since nothing is forked.
"""

import contextlib
import faulthandler
import importlib.abc
import os
import pathlib
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import time

_CHARACTERS_SHOWN = 1500


class ChildError(RuntimeError):
    """A child process failed, or did not come to its end in time; the text says which and how."""


def run(scripts, *, timeout=900):
    """Runs scripts, each in a process of its own and all at the same time.

    If one fails, the others are ended at once: they would wait for it. However this function is
    left, also by an interrupt, no child goes on running; and a child whose parent is gone, killed
    perhaps, ends by itself.

    Args:
        scripts: One (path, variables) for each process: the Python file to run, and a dictionary
            of environment variables to add to this process's own; None removes one.
        timeout: Seconds until all must have ended.

    Returns:
        For each script, what it printed.

    Raises:
        ChildError: a script failed, with its last words, or the time was over.
        ValueError: there are no scripts, or one of the files is not there.
    """
    scripts = [(pathlib.Path(path), dict(variables)) for path, variables in scripts]
    if not scripts:
        raise ValueError("There is nothing to run: scripts is empty.")
    for path, _ in scripts:
        if not path.is_file():
            raise ValueError(f"There is no script {path}.")
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(_child(*each, timeout)) for each in scripts]
        _wait(children, timeout)
        return [child.text("stdout") for child in children]


def free_port():
    """A TCP port of this machine that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class _Child:
    """A started script, and the files that take its output."""

    def __init__(self, path, process, files):
        self.path, self.process, self.files = path, process, files

    def text(self, stream):
        """What it has written so far to "stdout" or "stderr"."""
        self.files[stream].seek(0)
        return self.files[stream].read().decode(errors="replace")

    def last_words(self):
        """The end of what it wrote, errors if there are any."""
        words = self.text("stderr").strip() or self.text("stdout").strip() or "(it wrote nothing)"
        return words[-_CHARACTERS_SHOWN:]


@contextlib.contextmanager
def _child(path, variables, timeout):
    environment = {**os.environ, "PYTHONUTF8": "1", **variables}
    environment = {name: value for name, value in environment.items() if value is not None}
    # Files and not pipes: a pipe that nobody reads fills up, and the child would wait.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), str(path.resolve()), str(timeout)],
            env=environment,
            stdin=subprocess.PIPE,  # held open as long as this process lives
            stdout=stdout,
            stderr=stderr,
        )
        try:
            yield _Child(path, process, {"stdout": stdout, "stderr": stderr})
        finally:
            if process.poll() is None:
                process.kill()
            process.stdin.close()
            process.wait()


def _wait(children, timeout):
    deadline = time.monotonic() + timeout
    waiting = list(children)
    while waiting:
        for child in list(waiting):
            status = child.process.poll()
            if status is None:
                continue
            if status != 0:
                raise ChildError(
                    f"{child.path.name} failed (exit status {status}). Its last words:\n"
                    f"{child.last_words()}"
                )
            waiting.remove(child)
        if waiting and time.monotonic() > deadline:
            names = ", ".join(child.path.name for child in waiting)
            raise ChildError(
                f"{names} did not end within {timeout:g} seconds and was stopped. Last words:\n"
                f"{waiting[0].last_words()}"
            )
        time.sleep(0.05)


# ------------------------------------------------------------------- inside the child


class _NoTensorFlow(importlib.abc.MetaPathFinder):
    """Lets TensorFlow look as if it were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r} (left out here)", name=name)
        return None


def _end_with_parent():
    # The parent never writes; the pipe ends when the parent does, however it does.
    with contextlib.suppress(OSError, ValueError):
        while os.read(0, 1024):
            pass
    os._exit(1)


def _main(path, seconds):
    threading.Thread(target=_end_with_parent, daemon=True).start()
    faulthandler.dump_traceback_later(float(seconds) + 30, exit=True)
    # This file's folder must not be searched for modules: utils/ holds names of its own.
    sys.path[0] = str(pathlib.Path(path).parent)
    sys.argv = [path]
    if os.environ.get("KERAS_BACKEND") == "jax":
        # Keras would load it as well, for seconds, only to see that it is given no tf.data.
        sys.meta_path.insert(0, _NoTensorFlow())
    runpy.run_path(path, run_name="__main__")
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
