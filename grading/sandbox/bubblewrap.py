"""Where a submission runs: inside bubblewrap, or (only if asked for) as an ordinary process.

In bubblewrap a submission sees what `view` shows, which can only be read, and its own working and
temporary folders, which lie in memory and are limited in size. It has no network and no
capabilities, is never root, and ends with its first process.
"""

import contextlib
import functools
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import psutil

from grading.sandbox import memory_group, monitor
from grading.sandbox.inside.confine import NOBODY
from grading.sandbox.inside.readable import CANNOT_READ
from grading.sandbox.view import (
    CODE,
    COURSE,
    DATA,
    INSIDE,
    OF_COURSE,
    ROOT,
    RUN,
    WORKING,
    closed,
    data_folder,
    outside,
    python_folders,
    view,
    without_machine,
)
from utils.processes import cleanup

SHARED_MEMORY_MB = 64
SECONDS_TO_END = 5
# The variables that a submission gets to see, if they are set.
PASSED_ON = (
    "COURSE_PROFILE",
    "KERAS_BACKEND",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TZ",
    "XLA_FLAGS",
)


class NotIsolatedError(RuntimeError):
    """Bubblewrap does not work here, and nobody agreed to do without."""


class Sandbox:
    """A way to start processes for submissions; `choose` makes one.

    Args:
        bwrap: path of bubblewrap, or None to start ordinary processes.
        problem: why there is no bubblewrap, in a few words.
        hidden: paths that no submission may see: the class's, the assignment's.
    """

    def __init__(self, bwrap, problem=None, hidden=()):
        self.bwrap = bwrap
        self.problem = problem
        self.hidden = tuple(map(str, hidden))

    @property
    def is_isolated(self):
        """Whether submissions are kept apart by bubblewrap."""
        return self.bwrap is not None

    def command(self, run_folder, limits):
        """The command that starts a kernel for the run in this folder, and its working folder."""
        if not self.is_isolated:
            working = run_folder / "course" / "notebooks" / "homework"
            code = [INSIDE / "kernel_side.py", run_folder, working]
            return [sys.executable, *map(str, code)]
        arguments = [self.bwrap, *view(self.hidden), *without_machine()]
        arguments += ["--ro-bind", str(run_folder), RUN]
        for folder, megabytes in writable(limits).items():
            arguments += ["--perms", "1777", "--size", str(megabytes * 2**20), "--tmpfs", folder]
        arguments += [*closed(self.hidden), "--", sys.executable, f"{CODE}/kernel_side.py"]
        return [*arguments, RUN, WORKING, "--isolated"]

    def start(self, run_folder, limits):
        """Starts a kernel for the run in this folder."""
        if self.is_isolated:
            give_away(run_folder)
        marker = run_folder.name
        variables = environment(self.is_isolated, run_folder) | {cleanup.MARKER: marker}
        group = make_group(most_bytes(limits))
        popen = memory_group.start(
            group,
            self.command(run_folder, limits),
            cwd="/",
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return Started(popen, None if self.is_isolated else marker, group)


class Started:
    """The processes of one kernel.

    Args:
        popen: the first of them.
        marker: of their environment; None if they end with the first one.
        group: the `memory_group.MemoryGroup` that they are in, if any.
    """

    def __init__(self, popen, marker, group=None):
        self.popen = popen
        self.marker = marker
        self.group = group
        self._words = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError, ValueError):
            while data := self.popen.stderr.read1(65536):
                self._words = (self._words + data)[-4000:]

    def family(self):
        """Its living processes."""
        if self.marker is not None:
            return cleanup.find([self.popen.pid], {self.marker})
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.popen.pid).children(recursive=True)
        return []

    def exit_status(self):
        """None while it runs."""
        status = self.popen.poll()
        if status is not None and status > 128 and self.marker is None:
            return 128 - status  # bubblewrap reports a signal like a shell does
        return status

    def last_words(self):
        """What it wrote to stderr last."""
        return self._words.decode(errors="replace").strip()

    def kill(self):
        """Ends all its processes."""
        if self.marker is None:  # with bubblewrap itself all ends that runs in it
            family = self.family()
            with contextlib.suppress(ProcessLookupError):
                self.popen.kill()
            cleanup.wait(family, SECONDS_TO_END)
        else:
            kill(self.family)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(SECONDS_TO_END)
        if self.group is not None:
            self.group.close()
        self._reader.join(1)
        if not self._reader.is_alive():
            self.popen.stderr.close()


def kill(find):
    """Kills the processes that `find` finds, until it finds none."""
    deadline = time.monotonic() + SECONDS_TO_END
    while (family := find()) and time.monotonic() < deadline:
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not cleanup.wait(family, SECONDS_TO_END):
            return


def most_bytes(limits):
    """What all processes of a submission may take together before the system ends them.

    A little more than what the watch allows, which says why it ended something.
    """
    return int(1.1 * monitor.TOGETHER * limits.memory_mb * 2**20)


def make_group(limit_bytes):
    """A memory cgroup, or None where none can be made."""
    with contextlib.suppress(memory_group.NoGroupError):
        return memory_group.make(limit_bytes)
    return None


def writable(limits):
    """The folders that can be written inside bubblewrap, and how many megabytes they hold."""
    return {
        WORKING: limits.disk_mb,
        "/tmp": limits.disk_mb,
        "/dev/shm": min(SHARED_MEMORY_MB, limits.disk_mb),
    }


def environment(is_isolated, run_folder=None):
    """The variables that a submission sees."""
    variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    home = "/tmp/home" if is_isolated else str(run_folder / "home")
    variables |= {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), "/usr/local/bin:/usr/bin:/bin"]),
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        "CUDA_VISIBLE_DEVICES": "-1",
        "MPLCONFIGDIR": f"{home}/matplotlib",
        "COURSE_OFFLINE": "1",
    }
    for variable, inside in DATA.items():
        if folder := data_folder(variable):
            variables[variable] = inside if is_isolated else folder
    if not is_isolated:
        variables["TMPDIR"] = str(run_folder / "tmp")
    return variables


def make_run_folder(is_isolated, parent=None):
    """A folder for one start of a kernel: its settings' place, sockets, the submission's files."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    for name in ("sockets", "files"):
        (folder / name).mkdir()
    if not is_isolated:
        for name in ("course/notebooks/homework", "home", "tmp"):
            (folder / name).mkdir(parents=True)
        for name in OF_COURSE:
            (folder / "course" / name).symlink_to(ROOT / name)
    return folder


def give_away(folder):
    """Gives a folder with all that is in it to the user whom root's submissions run as."""
    if os.geteuid() != 0:
        return
    for here, _, names in os.walk(folder):
        for path in (here, *(os.path.join(here, name) for name in names)):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def copy(source, target):
    """Copies a folder's files and folders; links stay behind."""

    def links(folder, names):
        return {name for name in names if os.path.islink(os.path.join(folder, name))}

    shutil.copytree(source, target, ignore=links, dirs_exist_ok=True)


@functools.cache
def _bubblewrap():
    """Path of a bubblewrap that works here, or None, and the reason why not."""
    if sys.platform != "linux":
        return None, f"bubblewrap does not exist for {platform.system()}"
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return None, (
            "bubblewrap (the command bwrap) is not installed (on Debian and Ubuntu: sudo apt "
            "install bubblewrap)"
        )
    if any(pathlib.Path(place).is_relative_to("/tmp") for place in python_folders()):
        return None, (
            "this Python lies in /tmp, which every submission gets anew and empty; make the "
            "environment in another folder"
        )
    if os.path.realpath(ROOT) in python_folders():
        return None, (
            "this Python and the course, with its hidden tests, lie in one folder; make the "
            "environment in a folder of its own, such as .venv"
        )
    command = [bwrap, *view(), *without_machine(), "--tmpfs", "/tmp", *closed(), "--"]
    try:
        done = subprocess.run(
            [*command, sys.executable, "-I", f"{CODE}/readable.py", COURSE, CODE, *DATA.values()],
            cwd="/",
            env=environment(True),
            capture_output=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"bubblewrap does not work here ({error})"
    words = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
    if done.returncode == CANNOT_READ:
        path = outside(words[-1])
        if os.geteuid() != 0:
            return None, f"submissions have to read {path}, which you may not"
        return None, (
            f"where root grades, submissions run as the user nobody, who may not read {path}; "
            "allow it (chmod -R go+rX), or grade as an ordinary user"
        )
    if done.returncode:
        as_root = "; if this is a container, grade as an ordinary user" * (os.geteuid() == 0)
        return None, f"bubblewrap does not work here ({words[-1]}){as_root}"
    return bwrap, None


def choose(unsafe=False, hidden=()):
    """The sandbox of this machine.

    Args:
        unsafe: do without bubblewrap where it does not work.
        hidden: paths that no submission may see.

    Raises:
        NotIsolatedError: it does not work, and `unsafe` is false.
    """
    bwrap, problem = _bubblewrap()
    if bwrap is None and not unsafe:
        raise NotIsolatedError(
            f"Submissions cannot be isolated here: {problem}. Or say --unsafe to run submissions "
            "that you trust as ordinary programs of yours."
        )
    return Sandbox(bwrap, problem, hidden)
