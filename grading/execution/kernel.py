"""A kernel with limits: starts it, runs cells in it, stops what does not stop.

The messages are Jupyter's. They are read here one by one, because a kernel that runs a stranger's
code may send anything: output is counted before it is looked at, and a message that is too large
never arrives.
"""

import contextlib
import dataclasses
import json
import shutil
import time
import uuid

import zmq
from jupyter_client.session import Session

from grading.execution import descriptors, messages
from grading.execution.outputs import Outputs, add_output
from grading.sandbox import bubblewrap as sandboxes
from grading.sandbox.inside.kernel_side import MIME
from grading.sandbox.monitor import Watch

MEGABYTE = 2**20
# A larger message is not read; the kernel's connection is closed, and it connects again. What is
# printed comes in much smaller pieces (`kernel_side`).
LARGEST_OUTPUT = 32 * MEGABYTE
# Nobody reads while a task is judged. So many messages wait here meanwhile, others in the kernel.
MESSAGES_WAITING = 2
SECONDS_FOR_LAST_OUTPUT = 1
LARGEST_STATUS = 64 * 1024


class StartError(RuntimeError):
    """A kernel did not start."""


@dataclasses.dataclass
class Outcome:
    """What became of a cell or of a question to the kernel.

    `status` is "ok", "error" (it raised), "timeout", "output" (too much of it), "memory",
    "processes" or "connections" (too many), "died", or "deadline" (of the notebook). `name` and
    `message` tell the error. `answer` is what a question was answered with, `culprit` the label of
    the cell that printed too much.
    """

    status: str
    seconds: float = 0.0
    name: str = ""
    message: str = ""
    outputs: list = dataclasses.field(default_factory=Outputs)
    answer: dict | None = None
    output_bytes: int = 0
    culprit: object = None


class Kernel:
    """One kernel, from its start to its end.

    Args:
        sandbox: what it runs in.
        limits: for it.
        files: the submission's folder, copied into the working folder; or None.
        lease: of a warm interpreter to fork it from; or None.
        place: the folder below the working folder in which it runs.

    Raises:
        StartError: it did not start.
        NotWarmError: the warm interpreter cannot fork it.
    """

    def __init__(self, sandbox, limits, files=None, lease=None, place=""):
        self.limits = limits
        self.started = self.watch = self.context = self.folder = None
        self._sockets = {}
        self.labels = {}  # id of a request -> label of the cell
        self.culprit = None  # of the question that was asked last
        try:
            descriptors.raise_limit(limits.processes)
            self.context = zmq.Context()
            self.folder = sandboxes.make_run_folder(
                sandbox.is_isolated, lease.slot if lease else None
            )
            if files is not None:
                sandboxes.copy(files, self.folder / "files")
            self.session = Session(key=uuid.uuid4().hex.encode(), username="grader")
            self._write_settings(sandbox, place)
            self._open_sockets()
            start = lease.start if lease else lambda folder: sandbox.start(folder, limits)
            self.started = start(self.folder)
            self._wait_until_ready()
            folders = sandboxes.writable(limits) if sandbox.is_isolated else ()
            self.watch = Watch(self.started, limits, folders)
        except BaseException:
            self.close()
            raise

    def _write_settings(self, sandbox, place):
        isolated = sandbox.is_isolated
        settings = {
            "key": self.session.key.decode(),
            "place": place,
            "memory_mb": self.limits.memory_mb,
            "disk_mb": self.limits.disk_mb,
            "open_files": descriptors.for_submission(self.limits.processes),
            # Threads count, too, and numerical libraries start many. Outside bubblewrap those of
            # all the user's programs would count.
            "threads": self.limits.processes + 512 if isolated else None,
            "own_folder": "/tmp/.kernel" if isolated else str(self.folder / "own"),
            "writable": sandboxes.writable(self.limits),
            "environment": sandboxes.environment(isolated, self.folder),
        }
        text = json.dumps(settings)
        (self.folder / "settings.json").write_text(text, encoding="utf-8")

    def _open_sockets(self):
        """The kernel connects to these: shell, output, control."""
        # A value travels as JSON text in JSON text in JSON text: a quote takes four characters.
        value = 4 * self.limits.value_bytes + MEGABYTE
        output = max(4 * self.limits.output_bytes, LARGEST_OUTPUT)
        kinds = ((1, zmq.DEALER, value), (2, zmq.SUB, output), (3, zmq.DEALER, MEGABYTE))
        for number, kind, most in kinds:
            socket = self.context.socket(kind)
            socket.linger = 0
            socket.sndtimeo = 1000  # milliseconds; a kernel that is gone takes nothing
            socket.set(zmq.MAXMSGSIZE, most)
            socket.set(zmq.RCVHWM, MESSAGES_WAITING)
            if kind == zmq.SUB:
                socket.subscribe(b"")
            socket.bind(f"ipc://{self.folder / 'sockets' / str(number)}")
            self._sockets[number] = socket
        self.shell, self.output, self.control = self._sockets.values()

    def _wait_until_ready(self):
        """Until it has answered on the shell socket, and its output arrives."""
        deadline = time.monotonic() + self.limits.start_s
        has_answered = has_output = False
        asked = 0.0
        while not (has_answered and has_output):
            now = time.monotonic()
            if self.started.exit_status() is not None or now > deadline:
                how = "did not start in time" if now > deadline else "ended while it started"
                raise StartError(f"the kernel {how}. {self.started.last_words()[-500:]}")
            if now - asked > 0.5 and self.shell.poll(50, zmq.POLLOUT):
                self.session.send(self.shell, "kernel_info_request", {})
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
    def is_alive(self):
        """Whether it can be asked anything."""
        return self.started is not None and self.started.exit_status() is None

    def run(self, code, seconds, label=None):
        """Runs a cell; what it prints later, from a thread, will be known by its label."""
        return self._request(code, {}, seconds, label)

    def ask(self, expression, seconds):
        """The answer that an expression of ours evaluates to; not a cell, and nothing is shown."""
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
            message = self.session.send(self.shell, "execute_request", content, track=False)
        except zmq.ZMQError:
            return Outcome("died", message="the kernel is gone")
        request = message["header"]["msg_id"]
        self.labels[request] = label
        return Exchange(self, request, seconds).run()

    def interrupt(self):
        """Asks the kernel to interrupt what it runs."""
        if self.control.poll(0, zmq.POLLOUT):
            self.session.send(self.control, "interrupt_request", {})

    def read(self, socket):
        """The next message of a socket and its size; None for one that is none of Jupyter's."""
        try:
            frames = messages.receive(socket)
        except messages.FloodError:
            self.watch.end("output")
            return None, 0
        size = sum(map(len, frames))
        try:
            return messages.Message(frames), size
        except ValueError:
            return None, size

    def kill(self):
        """Ends all processes."""
        if self.started is not None:
            self.started.kill()

    def close(self):
        """Ends all processes and removes what lies on the disk."""
        if self.watch is not None:
            self.watch.stop()
        self.kill()
        for socket in self._sockets.values():
            socket.close(linger=0)
        if self.context is not None:
            self.context.term()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class Exchange:
    """One request and all that comes back.

    Args:
        kernel: it was sent to.
        request: the id of the message.
        seconds: that it may take.
    """

    def __init__(self, kernel, request, seconds):
        self.kernel = kernel
        self.request = request
        self.started = time.monotonic()
        self.deadline = self.started + seconds
        self.outcome = Outcome("ok")
        self.by_request = {}  # id of a request -> bytes of output
        self.is_idle = False
        self.reply = None
        self.replied = None  # when
        self.stopped = None  # why it is being stopped

    def run(self):
        """Waits for the end; returns the outcome."""
        poller = zmq.Poller()
        for socket in (self.kernel.shell, self.kernel.output):
            poller.register(socket, zmq.POLLIN)
        kill_at = None
        while not self._is_complete():
            ready = dict(poller.poll(100))
            if self.kernel.output in ready:
                self._take_output()
            if self.kernel.shell in ready:
                self._take_reply()
            now = time.monotonic()
            if not ready and not self.kernel.is_alive:
                self.kernel.watch.look()  # the system may have ended it for lack of memory
                return self._finish("died")
            if self.stopped is None:
                self.stopped = self._reason_to_stop(now)
                if self.stopped:
                    self.kernel.interrupt()
                    kill_at = now + self.kernel.limits.grace_s
            elif now > kill_at:
                self.kernel.kill()
                return self._finish(self.stopped)
        return self._finish(self.stopped or "ok")

    def _is_complete(self):
        if self.reply is None:
            return False
        return self.is_idle or time.monotonic() > self.replied + SECONDS_FOR_LAST_OUTPUT

    def _reason_to_stop(self, now):
        if self.outcome.output_bytes > self.kernel.limits.output_bytes:
            return "output"
        if now > self.deadline:
            return "timeout"
        return None

    def _finish(self, status):
        outcome = self.outcome
        outcome.seconds = time.monotonic() - self.started
        if self.kernel.watch.reason:  # it was the watch who ended it
            status = self.kernel.watch.reason
        if status == "ok" and self.reply["status"] != "ok":
            status = "error"
            outcome.name = str(self.reply.get("ename", "Error"))[:200]
            outcome.message = str(self.reply.get("evalue", ""))[:2000]
            if outcome.name == "MemoryError":
                status = "memory"
        if status == "output" and self.by_request:
            outcome.culprit = self.kernel.labels.get(max(self.by_request, key=self.by_request.get))
        outcome.status = status
        return outcome

    def _take_reply(self):
        message, _ = self.kernel.read(self.kernel.shell)
        if message is not None and message.request != self.request:
            return
        try:
            self.reply = {"status": "ok"} | message.content()
            answer = self.reply.get("user_expressions", {}).get("answer")
            if answer is not None:
                self._take_answer(answer)
        except (KeyError, TypeError, AttributeError, ValueError):
            words = "the kernel's answer cannot be read"
            self.reply = {"status": "error", "ename": "BadReply", "evalue": words}
        self.replied = time.monotonic()

    def _take_answer(self, answer):
        if answer["status"] == "ok":
            content = messages.loads(answer["data"][MIME])
            if isinstance(content, dict):
                self.outcome.answer = content
        else:
            self.reply = answer

    def _take_output(self):
        message, size = self.kernel.read(self.kernel.output)
        if message is None:
            self._count(size, None)
        elif message.kind == "status" and size < LARGEST_STATUS:
            self._take_status(message)
        elif message.kind != "execute_input":
            known = message.request in self.kernel.labels
            self._count(size, message.request if known else None)
            if self.outcome.output_bytes <= self.kernel.limits.output_bytes:
                with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError):
                    add_output(self.outcome.outputs, message.kind, message.content())

    def _take_status(self, message):
        with contextlib.suppress(KeyError, ValueError):
            if message.content()["execution_state"] == "idle" and message.request == self.request:
                self.is_idle = True

    def _count(self, size, request):
        self.outcome.output_bytes += size
        self.by_request[request] = self.by_request.get(request, 0) + size
