"""One request to a kernel, and all that comes back."""

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any

import zmq

from grading.execution import messages
from grading.execution.outputs import Outputs, add_output
from grading.sandbox.inside.plain_values import MIME

if TYPE_CHECKING:
    from grading.execution.kernel import Kernel

SECONDS_FOR_LAST_OUTPUT = 1
LARGEST_STATUS = 64 * 1024


@dataclasses.dataclass
class Outcome:
    """What became of a cell, or of a question to the kernel.

    `status` is "ok", "error" (it raised), "timeout", "output" (too much of it), "memory",
    "processes" or "connections" (too many), "died", or "deadline" (of the notebook). `name` and
    `message` describe the error. `answer` is the answer to a question, `culprit` the label of the
    cell that printed too much.
    """

    status: str
    name: str = ""
    message: str = ""
    outputs: Outputs = dataclasses.field(default_factory=Outputs)
    answer: dict[str, Any] | None = None
    output_bytes: int = 0
    culprit: Any = None


class Request:
    """A request that was sent, until it is answered or stopped.

    Args:
        kernel: The kernel that it was sent to.
        number: The id of the message.
        seconds: How long it may take.
    """

    def __init__(self, kernel: "Kernel", number: str, seconds: float):
        self._kernel = kernel
        self._number = number
        self._deadline = time.monotonic() + seconds
        self._outcome = Outcome("ok")
        self._bytes_by_request = {}  # of output
        self._is_idle = False
        self._reply = None
        self._replied = None  # when

    def wait(self) -> Outcome:
        """Wait for the end; return the outcome."""
        kernel = self._kernel
        poller = zmq.Poller()
        for socket in (kernel.shell, kernel.output):
            poller.register(socket, zmq.POLLIN)
        stopped = kill_at = None
        while not self._is_complete():
            ready = dict(poller.poll(100))
            if kernel.output in ready:
                self._take_output()
            if kernel.shell in ready:
                self._take_reply()
            now = time.monotonic()
            if not ready and not kernel.is_alive:
                kernel.monitor.look()  # the system may have ended it for lack of memory
                return self._finish("died")
            if stopped is None:
                stopped = self._reason_to_stop(now)
                if stopped:
                    kernel.interrupt()
                    kill_at = now + kernel.limits.grace_s
            elif now > kill_at:
                kernel.kill()
                return self._finish(stopped)
        return self._finish(stopped or "ok")

    def _is_complete(self):
        if self._reply is None:
            return False
        return self._is_idle or time.monotonic() > self._replied + SECONDS_FOR_LAST_OUTPUT

    def _reason_to_stop(self, now):
        if self._outcome.output_bytes > self._kernel.limits.output_bytes:
            return "output"
        return "timeout" if now > self._deadline else None

    def _finish(self, status):
        outcome = self._outcome
        status = self._kernel.monitor.reason or status
        if status == "ok" and self._reply["status"] != "ok":
            outcome.name = str(self._reply.get("ename", "Error"))[:200]
            outcome.message = str(self._reply.get("evalue", ""))[:2000]
            status = "memory" if outcome.name == "MemoryError" else "error"
        if status == "output" and self._bytes_by_request:
            loudest = max(self._bytes_by_request, key=self._bytes_by_request.get)
            outcome.culprit = self._kernel.labels.get(loudest)
        outcome.status = status
        return outcome

    def _take_reply(self):
        message, _ = self._kernel.read(self._kernel.shell)
        if message is not None and message.request != self._number:
            return
        try:
            self._reply = {"status": "ok"} | message.content()
            answer = self._reply.get("user_expressions", {}).get("answer")
            if answer is not None:
                self._take_answer(answer)
        except (KeyError, TypeError, AttributeError, ValueError):
            problem = "the kernel's answer cannot be read"
            self._reply = {"status": "error", "ename": "BadReply", "evalue": problem}
        self._replied = time.monotonic()

    def _take_answer(self, answer):
        if answer["status"] == "ok":
            content = messages.loads(answer["data"][MIME])
            if isinstance(content, dict):
                self._outcome.answer = content
        else:
            self._reply = answer

    def _take_output(self):
        message, size = self._kernel.read(self._kernel.output)
        if message is None:
            self._count(size, None)
        elif message.kind == "status" and size < LARGEST_STATUS:
            with contextlib.suppress(KeyError, ValueError):
                is_idle = message.content()["execution_state"] == "idle"
                self._is_idle |= is_idle and message.request == self._number
        elif message.kind != "execute_input":
            self._count(size, message.request)
            if self._outcome.output_bytes <= self._kernel.limits.output_bytes:
                with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError):
                    add_output(self._outcome.outputs, message.kind, message.content())

    def _count(self, size, request):
        request = request if request in self._kernel.labels else None
        self._outcome.output_bytes += size
        self._bytes_by_request[request] = self._bytes_by_request.get(request, 0) + size
