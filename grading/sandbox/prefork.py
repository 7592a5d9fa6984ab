"""A warm interpreter in a sandbox, which forks a kernel for one submission after another.

Importing Keras takes longer than all the rest of an honest submission. `Warm` starts a sandbox in
which that is done once; `inside/prefork_server.py` says what keeps submissions apart. One `Warm` serves one
submission at a time. Where namespaces cannot be
made inside bubblewrap, `start` says so, and every kernel is started anew instead.
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

import psutil

from grading.sandbox import bubblewrap as sandboxes
from grading.sandbox import memory_group
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


class NotWarmError(RuntimeError):
    """There can be no warm interpreter here, or it is gone."""


class Warm:
    """A warm interpreter, as the process sees it that started it.

    Args:
        sandbox: an isolated one.
        limits: the limits of the submissions.
        modules: what is imported beforehand.
    """

    def __init__(self, sandbox, limits, modules=MODULES):
        if not sandbox.is_isolated:
            raise NotWarmError("a warm interpreter needs bubblewrap")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warm-"))
        self.most_bytes = sandboxes.most_bytes(limits)
        self.group = sandboxes.make_group(MEGABYTES_TO_IMPORT * 2**20)
        # Its end, which nobody writes to, is the sign that this process has ended.
        life, self._life = os.pipe()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.folder / "socket"))
            listener.listen(1)
            descriptors = [listener.fileno(), life]
            self.popen = memory_group.start(
                self.group,
                self._command(sandbox, limits, descriptors, modules),
                cwd="/",
                env=sandboxes.environment(True),
                pass_fds=descriptors,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        os.close(life)

    def _command(self, sandbox, limits, descriptors, modules):
        arguments = [sandbox.bwrap, *sandboxes.view(sandbox.hidden), "--as-pid-1"]
        slot = self.folder / "slot"
        slot.mkdir()
        sandboxes.give_away(slot)
        arguments += ["--ro-bind", str(slot), "/slot", "--dir", sandboxes.RUN]
        if os.geteuid() == 0:
            arguments += ["--bind", "/proc", "/run/outer-proc"]
        # Only places: every submission gets its own folders mounted there.
        for folder in sandboxes.writable(limits):
            arguments += ["--perms", "1777", "--size", "1048576", "--tmpfs", folder]
        arguments += [*sandboxes.closed(sandbox.hidden), "--"]
        arguments += [sys.executable, f"{sandboxes.CODE}/prefork_server.py"]
        return [*arguments, *map(str, descriptors), sandboxes.WORKING, *modules]

    def close(self):
        """Ends it, and whatever runs in its sandbox."""
        family = []
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.popen.pid).children(recursive=True)
        with contextlib.suppress(ProcessLookupError):
            self.popen.kill()
        self.popen.wait()
        self.abandon()
        cleanup.wait(family, sandboxes.SECONDS_TO_END)
        if self.group is not None:
            self.group.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def abandon(self):
        """What happens to it when this process is killed: it ends by itself, a moment later."""
        life, self._life = self._life, None
        if life is not None:
            os.close(life)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def is_possible(sandbox, limits):
    """Whether a warm interpreter works here (a fraction of a second), and if not, why."""
    try:
        with Warm(sandbox, limits, modules=()) as warm, Lease(warm) as lease:
            run_folder = sandboxes.make_run_folder(True, lease.slot)
            settings = {"writable": sandboxes.writable(limits), "environment": {}}
            settings |= {"memory_mb": limits.memory_mb, "disk_mb": limits.disk_mb, "threads": None}
            settings |= {"key": "", "own_folder": "/tmp/.kernel"}
            (run_folder / "settings.json").write_text(json.dumps(settings))
            lease.start(run_folder)
    except (NotWarmError, OSError) as error:
        return False, str(error)
    return True, None


class Lease:
    """The use of a warm interpreter for one submission; all that it started ends with it.

    Args:
        warm: the `Warm`.
    """

    def __init__(self, warm):
        self.warm = warm
        self.slot = warm.folder / "slot"
        self._is_measured = False
        self.ended = {}  # name of a run -> its exit status
        self._buffer = b""
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.settimeout(SECONDS_TO_IMPORT)
            self.socket.connect(str(warm.folder / "socket"))
        except OSError as error:
            self.socket.close()
            raise NotWarmError(f"the warm interpreter is gone ({error})") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends every process of the submission."""
        self.socket.close()

    def start(self, run_folder):
        """Forks a kernel for the run in this folder, which lies in the slot."""
        sandboxes.give_away(run_folder)
        self._send({"run": run_folder.name})
        deadline = time.monotonic() + SECONDS_TO_IMPORT
        while True:
            answer = self.receive(deadline - time.monotonic())
            if answer is None:
                raise NotWarmError("the warm interpreter does not answer")
            if "problem" in answer:
                break
        if answer["problem"]:
            raise NotWarmError(f"the warm interpreter cannot fork ({answer['problem']})")
        if self.warm.group is not None and not self._is_measured:
            self.warm.group.mark_base()  # what the interpreter itself takes
            self.warm.group.set_limit(self.warm.most_bytes)
            self._is_measured = True
        return Forked(self, run_folder.name)

    def _send(self, message):
        try:
            self.socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise NotWarmError(f"the warm interpreter is gone ({error})") from None

    def receive(self, seconds):
        """The next message; None if there is none in time."""
        while b"\n" not in self._buffer:
            self.socket.settimeout(max(seconds, 0.001))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise NotWarmError(f"the warm interpreter is gone ({error})") from None
            if not data:
                raise NotWarmError("the warm interpreter has ended")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        message = json.loads(line)
        if "ended" in message:
            self.ended[message["run"]] = message["ended"]
        return message

    def family(self):
        """The processes of the submission: what runs in the sandbox but the warm interpreter."""
        with contextlib.suppress(psutil.Error, IndexError):
            return psutil.Process(self.warm.popen.pid).children()[0].children(recursive=True)
        return []


class Forked:
    """A kernel that was forked; has the methods of `sandbox.Started`."""

    def __init__(self, lease, name):
        self.lease = lease
        self.group = lease.warm.group
        self.name = name
        self.was_killed = False

    def family(self):
        """Its living processes."""
        return self.lease.family()

    def exit_status(self):
        """None while it runs."""
        if self.was_killed:
            return -9
        if self.name not in self.lease.ended:
            try:
                while self.lease.receive(0):
                    pass
            except NotWarmError:
                return -9
        return self.lease.ended.get(self.name)

    def last_words(self):
        """Forked kernels have no stderr of their own."""
        return ""

    def kill(self):
        """Ends all its processes."""
        self.was_killed = True
        sandboxes.kill(self.family)
