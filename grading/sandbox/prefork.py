"""The grader's side of the prefork server, which forks a kernel for one submission after another.

Importing Keras takes longer than all the rest of an honest submission. A `PreforkServer` is a
sandbox in which that is done once; `inside/prefork_server.py` says what keeps submissions apart. It
serves one submission at a time. Where namespaces cannot be made inside bubblewrap, `Lease.start`
says so, and every kernel is started afresh instead.
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import Any

import psutil

from grading.limits import Limits
from grading.sandbox import memory_group, run_folder, view
from grading.sandbox.bubblewrap import SECONDS_TO_END, Sandbox, kill_all
from utils.processes import cleanup

# In this order. What is not installed is left out.
MODULES = (
    "numpy",
    "pandas",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.datasets",
    "requests",
    "keras",
    "tensorflow",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
)
SECONDS_TO_IMPORT = 180
MEGABYTES_TO_IMPORT = 4000  # only until it forks: its own memory then counts for nobody


class PreforkError(RuntimeError):
    """The prefork server cannot fork, or is gone."""


class PreforkServer:
    """A prefork server, as seen by the process that started it.

    Args:
        sandbox: An isolated one.
        limits: The limits of the submissions.
        modules: What is imported beforehand.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits, modules: Iterable[str] = MODULES):
        self.can_fork = None  # True or False once that is known
        self.most_bytes = memory_group.most_bytes(limits.memory_mb)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="prefork-"))
        self.slot = self.folder / "slot"
        self.slot.mkdir()
        self.group = memory_group.make(MEGABYTES_TO_IMPORT * 2**20)
        # A pipe that nobody writes to: its end is the sign that this process has ended.
        life, self._life = os.pipe()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.folder / "socket"))
            listener.listen(1)
            inherited = [listener.fileno(), life]
            words = [sys.executable, f"{view.CODE}/prefork_server.py", *map(str, inherited)]
            self.popen = memory_group.start(
                self.group,
                [*self._bubblewrap(sandbox, limits), "--", *words, view.WORKING, *modules],
                cwd="/",
                env=run_folder.environment(),
                pass_fds=inherited,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        os.close(life)

    def _bubblewrap(self, sandbox, limits):
        run_folder.give_away(self.slot)
        more = ["--as-pid-1", "--ro-bind", str(self.slot), "/slot", "--dir", view.RUN]
        if os.geteuid() == 0:
            more += ["--bind", "/proc", "/run/outer-proc"]
        # Only places: every submission gets its own folders mounted there.
        for folder in run_folder.writable(limits):
            more += ["--perms", "1777", "--size", "1048576", "--tmpfs", folder]
        return [sandbox.bwrap, *view.arguments(more, sandbox.hidden)]

    def close(self) -> None:
        """End it, and whatever runs in its sandbox."""
        family = []
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.popen.pid).children(recursive=True)
        self.popen.kill()
        self.popen.wait()
        self.abandon()
        cleanup.wait(family, SECONDS_TO_END)
        if self.group is not None:
            self.group.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def abandon(self) -> None:
        """Do what happens when this process is killed: it ends by itself, a moment later."""
        life, self._life = self._life, None
        if life is not None:
            os.close(life)


class Lease:
    """The use of a prefork server for one submission; everything it started ends with it.

    Args:
        server: The server.

    Raises:
        PreforkError: The server is gone.
    """

    def __init__(self, server: PreforkServer):
        self.server = server
        self._is_measured = False
        self.exit_statuses = {}  # by the name of a run
        self._buffer = b""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(SECONDS_TO_IMPORT)
            self._socket.connect(str(server.folder / "socket"))
        except OSError as error:
            self._socket.close()
            raise PreforkError(f"the prefork server is gone ({error})") from None

    def close(self) -> None:
        """End every process of the submission."""
        self._socket.close()

    def start(self, folder: pathlib.Path) -> "Forked":
        """Fork a kernel for the run in this folder, which lies in the server's slot.

        Raises:
            PreforkError: That does not work.
        """
        run_folder.give_away(folder)
        try:
            self._socket.sendall(json.dumps({"run": folder.name}).encode() + b"\n")
        except OSError as error:
            raise PreforkError(f"the prefork server is gone ({error})") from None
        deadline = time.monotonic() + SECONDS_TO_IMPORT
        while "problem" not in (answer := self.receive(deadline - time.monotonic()) or {}):
            if time.monotonic() > deadline:
                raise PreforkError("the prefork server does not answer")
        if answer["problem"]:
            self.server.can_fork = bool(self.server.can_fork)  # what worked once may work again
            raise PreforkError(f"the prefork server cannot fork ({answer['problem']})")
        self.server.can_fork = True
        if self.server.group is not None and not self._is_measured:
            self.server.group.mark_base()  # what the server itself takes
            self.server.group.set_limit(self.server.most_bytes)
            self._is_measured = True
        return Forked(self, folder.name)

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Return the next message; None if there is none in time.

        Raises:
            PreforkError: The server is gone.
        """
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(seconds, 0.001))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise PreforkError(f"the prefork server is gone ({error})") from None
            if not data:
                raise PreforkError("the prefork server has ended")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        message = json.loads(line)
        if "ended" in message:
            self.exit_statuses[message["run"]] = message["ended"]
        return message

    def family(self) -> list[psutil.Process]:
        """Return the processes of the submission: what runs in the sandbox, except the server."""
        with contextlib.suppress(psutil.Error, IndexError):
            return psutil.Process(self.server.popen.pid).children()[0].children(recursive=True)
        return []


class Forked:
    """A kernel that was forked; has the methods of `bubblewrap.Started`."""

    def __init__(self, lease: Lease, name: str):
        self.group = lease.server.group
        self.family = lease.family
        self._lease = lease
        self._name = name
        self._was_killed = False

    def exit_status(self) -> int | None:
        """Return how it ended; None while it runs."""
        if self._was_killed:
            return -9
        try:
            while self._name not in self._lease.exit_statuses and self._lease.receive(0):
                pass
        except PreforkError:
            return -9
        return self._lease.exit_statuses.get(self._name)

    def last_words(self) -> str:
        """Return nothing: forked kernels have no stderr of their own."""
        return ""

    def kill(self) -> None:
        """End all its processes."""
        self._was_killed = True
        kill_all(self.family)
