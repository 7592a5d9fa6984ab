"""A kernel with limits: start it, run cells in it, stop what does not stop.

The messages are Jupyter's. They are read here one by one, because a kernel that runs a stranger's
code may send anything: output is counted before it is read, and a message that is too large never
arrives.
"""

import json
import os
import shutil
import time
import uuid
from typing import Any

import zmq
from jupyter_client.session import Session

from grading.execution import messages
from grading.execution.request import Outcome, Request
from grading.limits import Limits
from grading.sandbox import descriptors, run_folder
from grading.sandbox.bubblewrap import Sandbox
from grading.sandbox.monitor import Monitor
from grading.sandbox.prefork import Lease

MEGABYTE = 2**20
# A larger message is not read; the kernel's connection is closed, and it connects again. What is
# printed comes in much smaller pieces (`kernel_side`).
LARGEST_OUTPUT = 32 * MEGABYTE
# Nobody reads while a task is judged. This many messages can wait here, others in the kernel.
MESSAGES_WAITING = 2


class StartError(RuntimeError):
    """A kernel did not start."""


class Kernel:
    """One kernel, from its start to its end.

    Args:
        sandbox: What it runs in.
        limits: Its limits.
        files: The submission's folder, copied into the working folder; or None.
        lease: The lease of a prefork server to fork it from; or None.
        place: The folder below the working folder in which it runs.

    Raises:
        StartError: It did not start.
        PreforkError: The prefork server cannot fork it.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        limits: Limits,
        files: str | os.PathLike | None = None,
        lease: Lease | None = None,
        place: str = "",
    ):
        self.limits = limits
        self.started = self.monitor = self.folder = None
        self.labels = {}  # id of a request -> label of the cell
        self.culprit = None  # of the question that was asked last
        self._sockets = []
        descriptors.raise_limit(limits.processes)
        self._context = zmq.Context()
        try:
            self.folder = run_folder.make(sandbox.is_isolated, lease.server.slot if lease else None)
            if files is not None:
                shutil.copytree(files, self.folder / "files", symlinks=True, dirs_exist_ok=True)
            self._session = Session(key=uuid.uuid4().hex.encode(), username="grader")
            self._write_settings(sandbox.is_isolated, place)
            self._open_sockets()
            self.started = lease.start(self.folder) if lease else sandbox.start(self.folder, limits)
            self._wait_until_ready()
            folders = run_folder.writable(limits) if sandbox.is_isolated else ()
            self.monitor = Monitor(self.started, limits, folders)
        except BaseException:
            self.close()
            raise

    def _write_settings(self, is_isolated, place):
        settings = {
            "key": self._session.key.decode(),
            "place": place,
            "memory_mb": self.limits.memory_mb,
            "disk_mb": self.limits.disk_mb,
            "open_files": descriptors.for_submission(self.limits.processes),
            # Threads count, too, and numerical libraries start many. Outside bubblewrap those of
            # all the user's programs would count.
            "threads": self.limits.processes + 512 if is_isolated else None,
            "own_folder": "/tmp/.kernel" if is_isolated else str(self.folder / "own"),
            "writable": run_folder.writable(self.limits),
            "environment": run_folder.environment(None if is_isolated else self.folder),
        }
        text = json.dumps(settings)
        (self.folder / "settings.json").write_text(text, encoding="utf-8")

    def _open_sockets(self):
        # A value travels as JSON text in JSON text in JSON text: a quote takes four characters.
        most_shell = 4 * self.limits.value_bytes + MEGABYTE
        most_output = max(4 * self.limits.output_bytes, LARGEST_OUTPUT)
        self.shell = self._open_socket(1, zmq.DEALER, most_shell)
        self.output = self._open_socket(2, zmq.SUB, most_output)
        self.output.subscribe(b"")
        self.control = self._open_socket(3, zmq.DEALER, MEGABYTE)

    def _open_socket(self, number, kind, most_bytes):
        socket = self._context.socket(kind)
        self._sockets.append(socket)
        socket.linger = 0
        socket.sndtimeo = 1000  # milliseconds; a kernel that is gone takes nothing
        socket.set(zmq.MAXMSGSIZE, most_bytes)
        socket.set(zmq.RCVHWM, MESSAGES_WAITING)
        socket.bind(f"ipc://{self.folder / 'sockets' / str(number)}")
        return socket

    def _wait_until_ready(self):
        """Wait until it has answered on the shell socket, and its output arrives."""
        deadline = time.monotonic() + self.limits.start_s
        has_answered = has_output = False
        asked = 0.0
        while not (has_answered and has_output):
            now = time.monotonic()
            if self.started.exit_status() is not None or now > deadline:
                how = "did not start in time" if now > deadline else "ended while it started"
                raise StartError(f"the kernel {how}. {self.started.last_words()[-500:]}")
            if now - asked > 0.5 and self.shell.poll(50, zmq.POLLOUT):
                self._session.send(self.shell, "kernel_info_request", {})
                asked = now
            if self.shell.poll(20):
                self.shell.recv_multipart()
                has_answered = True
            if self.output.poll(20):
                self.output.recv_multipart()
                has_output = True
        while self.shell.poll(20):  # replies to questions asked more than once
            self.shell.recv_multipart()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked anything."""
        return self.started is not None and self.started.exit_status() is None

    def run(self, code: str, seconds: float, label: Any = None) -> Outcome:
        """Run a cell; what it prints later, from a thread, will be known by its label."""
        return self._request(code, {}, seconds, label)

    def ask(self, expression: str, seconds: float) -> Outcome:
        """Evaluate an expression of ours; it is not a cell, and nothing is shown."""
        outcome = self._request("", {"answer": expression}, seconds)
        self.culprit = outcome.culprit
        return outcome

    def _request(self, code, expressions, seconds, label=None):
        content = {
            "code": code,
            "silent": not code,
            "store_history": bool(code),
            "user_expressions": expressions,
            "allow_stdin": False,
            "stop_on_error": False,
        }
        try:
            message = self._session.send(self.shell, "execute_request", content, track=False)
        except zmq.ZMQError:
            return Outcome("died", message="the kernel is gone")
        number = message["header"]["msg_id"]
        self.labels[number] = label
        return Request(self, number, seconds).wait()

    def interrupt(self) -> None:
        """Ask the kernel to interrupt what it runs."""
        if self.control.poll(0, zmq.POLLOUT):
            self._session.send(self.control, "interrupt_request", {})

    def read(self, socket: zmq.Socket) -> tuple[messages.Message | None, int]:
        """Return the next message of a socket (None if it is not one of Jupyter's) and its size."""
        try:
            frames = messages.receive(socket)
        except messages.FloodError:
            self.monitor.end("output")
            return None, 0
        size = sum(map(len, frames))
        try:
            return messages.Message(frames), size
        except ValueError:
            return None, size

    def kill(self) -> None:
        """End all processes."""
        if self.started is not None:
            self.started.kill()

    def close(self) -> None:
        """End all processes and remove what lies on the disk."""
        if self.monitor is not None:
            self.monitor.stop()
        self.kill()
        for socket in self._sockets:
            socket.close(linger=0)
        self._context.term()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
