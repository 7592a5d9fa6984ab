"""Where a submission runs: inside bubblewrap, or (only if asked for) as an ordinary process.

In bubblewrap a submission sees what `view` shows, which is read-only, and its own working and
temporary folders, which are in memory and limited in size. It has no network and no capabilities,
is never root, and ends with its first process.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable

import psutil

from grading.limits import Limits
from grading.sandbox import memory_group, run_folder, view
from grading.sandbox.inside.readable import CANNOT_READ
from grading.sandbox.view import CODE, INSIDE, ROOT, RUN, WORKING
from utils.processes import cleanup

SECONDS_TO_END = 5


class NotIsolatedError(RuntimeError):
    """Bubblewrap does not work here, and nobody agreed to do without it."""


@dataclasses.dataclass(frozen=True)
class Sandbox:
    """A way to start processes for submissions; `choose` makes one.

    Args:
        bwrap: The path of bubblewrap, or None to start ordinary processes.
        problem: Why there is no bubblewrap, in a few words.
        hidden: Paths that no submission may see: the class's, the assignment's.
    """

    bwrap: str | None
    problem: str | None = None
    hidden: tuple[str, ...] = ()

    @property
    def is_isolated(self) -> bool:
        """Whether submissions are kept apart by bubblewrap."""
        return self.bwrap is not None

    def command(self, folder: pathlib.Path, limits: Limits) -> list[str]:
        """Return the command that starts a kernel for the run in a folder."""
        if not self.is_isolated:
            working = folder / "course" / "notebooks" / "homework"
            return [sys.executable, str(INSIDE / "kernel_side.py"), str(folder), str(working)]
        more = [*view.without_machine(), "--ro-bind", str(folder), RUN]
        for place, megabytes in run_folder.writable(limits).items():
            more += ["--perms", "1777", "--size", str(megabytes * 2**20), "--tmpfs", place]
        words = [self.bwrap, *view.arguments(more, self.hidden), "--", sys.executable]
        return [*words, f"{CODE}/kernel_side.py", RUN, WORKING, "--isolated"]

    def start(self, folder: pathlib.Path, limits: Limits) -> "Started":
        """Start a kernel for the run in a folder."""
        if self.is_isolated:
            run_folder.give_away(folder)
        variables = run_folder.environment(None if self.is_isolated else folder)
        group = memory_group.make(memory_group.most_bytes(limits.memory_mb))
        popen = memory_group.start(
            group,
            self.command(folder, limits),
            cwd="/",
            env=variables | {cleanup.MARKER: folder.name},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return Started(popen, None if self.is_isolated else folder.name, group)


class Started:
    """The processes of one kernel.

    Args:
        popen: The first of them.
        marker: A mark in their environment; None if they end with the first one.
        group: The `MemoryGroup` that they are in, if any.
    """

    def __init__(
        self,
        popen: subprocess.Popen,
        marker: str | None,
        group: memory_group.MemoryGroup | None = None,
    ):
        self.popen = popen
        self.marker = marker
        self.group = group
        self._stderr = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError, ValueError):
            while data := self.popen.stderr.read1(65536):
                self._stderr = (self._stderr + data)[-4000:]

    def family(self) -> list[psutil.Process]:
        """Return its living processes."""
        if self.marker is not None:
            return cleanup.find([self.popen.pid], {self.marker})
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.popen.pid).children(recursive=True)
        return []

    def exit_status(self) -> int | None:
        """Return how it ended; None while it runs."""
        status = self.popen.poll()
        if status is not None and status > 128 and self.marker is None:
            return 128 - status  # bubblewrap reports a signal like a shell does
        return status

    def last_words(self) -> str:
        """Return what it wrote to stderr last."""
        return self._stderr.decode(errors="replace").strip()

    def kill(self) -> None:
        """End all its processes."""
        if self.marker is None:  # when bubblewrap itself ends, so does all in it
            family = self.family()
            self.popen.kill()
            cleanup.wait(family, SECONDS_TO_END)
        else:
            kill_all(self.family)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(SECONDS_TO_END)
        if self.group is not None:
            self.group.close()
        self._reader.join(1)
        if not self._reader.is_alive():
            self.popen.stderr.close()


def kill_all(find: Callable[[], list[psutil.Process]]) -> None:
    """Kill the processes that `find` finds, until it finds none."""
    deadline = time.monotonic() + SECONDS_TO_END
    while (family := find()) and time.monotonic() < deadline:
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not cleanup.wait(family, SECONDS_TO_END):
            return


def choose(unsafe: bool = False, hidden: Iterable[str | os.PathLike] = ()) -> Sandbox:
    """Return the sandbox of this machine.

    Args:
        unsafe: Whether to do without bubblewrap where it does not work.
        hidden: Paths that no submission may see.

    Raises:
        NotIsolatedError: It does not work, and `unsafe` is false.
    """
    bwrap, problem = _bubblewrap()
    if bwrap is None and not unsafe:
        raise NotIsolatedError(
            f"Submissions cannot be isolated here: {problem}. Or use --unsafe to run submissions "
            "that you trust as ordinary programs of yours."
        )
    return Sandbox(bwrap, problem, tuple(map(str, hidden)))


@functools.cache
def _bubblewrap() -> tuple[str | None, str | None]:
    """Return the path of a bubblewrap that works here, or None, and the reason why not."""
    if sys.platform != "linux":
        return None, f"bubblewrap does not exist for {platform.system()}"
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return None, (
            "bubblewrap (the command bwrap) is not installed (on Debian and Ubuntu: sudo apt "
            "install bubblewrap)"
        )
    if any(pathlib.Path(place).is_relative_to("/tmp") for place in view.python_folders()):
        return None, (
            "this Python is in /tmp, which is new and empty for every submission; make the "
            "environment in another folder"
        )
    if os.path.realpath(ROOT) in view.python_folders():
        return None, (
            "this Python and the course, with its hidden tests, lie in one folder; make the "
            "environment in a folder of its own, such as .venv"
        )
    problem = _problem_of(bwrap)
    return (None, problem) if problem else (bwrap, None)


def _problem_of(bwrap):
    """Return why a Python in bubblewrap does not start, or what it cannot read; None if it can."""
    words = [bwrap, *view.arguments([*view.without_machine(), "--tmpfs", "/tmp"]), "--"]
    words += [sys.executable, "-I", f"{CODE}/readable.py", view.COURSE, CODE, *view.DATA.values()]
    try:
        done = subprocess.run(
            words, cwd="/", env=run_folder.environment(), capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not work here ({error})"
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
    is_root = os.geteuid() == 0
    if done.returncode != CANNOT_READ:
        advice = "; if this is a container, grade as an ordinary user" if is_root else ""
        return f"bubblewrap does not work here ({lines[-1]}){advice}"
    path = view.outside(lines[-1])
    if not is_root:
        return f"submissions have to read {path}, which you may not"
    return (
        f"where root grades, submissions run as the user nobody, who may not read {path}; "
        "allow it (chmod -R go+rX), or grade as an ordinary user"
    )
