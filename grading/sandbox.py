"""Where a submission runs: inside bubblewrap, or (only if asked for) as an ordinary process.

In bubblewrap a submission sees the system and the Python environment, of the course `utils`, `data`
and two small files, its own working folder, and nothing else. All of it can only be read, but for
the working folder and the temporary folders, which lie in memory and are limited in size. It has no
network and no capabilities, and with its first process all its processes end.
"""

import contextlib
import functools
import os
import pathlib
import platform
import shutil
import site
import subprocess
import sys
import tempfile
import threading
import time

import psutil

from tools import processes

ROOT = pathlib.Path(__file__).resolve().parent.parent
INSIDE = pathlib.Path(__file__).resolve().parent / "inside"
OF_COURSE = ("utils", "data", "pyproject.toml", "requirements.txt")
# As seen from inside bubblewrap:
COURSE = "/course"
WORKING = "/course/notebooks/homework"
RUN = "/run/grading"
CODE = "/run/grader-inside"
CACHE, MIRROR = "/run/course-cache", "/run/course-mirror"
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
ETC = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")


class NotIsolatedError(RuntimeError):
    """Bubblewrap does not work here, and nobody agreed to do without."""


class Sandbox:
    """A way to start processes for submissions; `choose` makes one.

    Args:
        bwrap: path of bubblewrap, or None to start ordinary processes.
        problem: why there is no bubblewrap, in a few words.
    """

    def __init__(self, bwrap, problem=None):
        self.bwrap = bwrap
        self.problem = problem

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
        arguments = [self.bwrap, *view(), "--ro-bind", str(run_folder), RUN]
        for folder, megabytes in writable(limits).items():
            arguments += ["--size", str(megabytes * 2**20), "--tmpfs", folder]
        arguments += [*closed(), "--", sys.executable, f"{CODE}/kernel_side.py", RUN, WORKING]
        return arguments

    def start(self, run_folder, limits):
        """Starts a kernel for the run in this folder."""
        marker = run_folder.name
        variables = environment(self.is_isolated, run_folder) | {processes.MARKER: marker}
        popen = subprocess.Popen(
            self.command(run_folder, limits),
            cwd="/",
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return Started(popen, None if self.is_isolated else marker)


class Started:
    """The processes of one kernel.

    Args:
        popen: the first of them.
        marker: of their environment; None if they end with the first one.
    """

    def __init__(self, popen, marker):
        self.popen = popen
        self.marker = marker
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
            return processes.find([self.popen.pid], {self.marker})
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
            wait_until_gone(family)
        else:
            kill(self.family)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(SECONDS_TO_END)
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
        if wait_until_gone(family):
            return


def wait_until_gone(family):
    """Waits until processes have ended; returns whether they have. Zombies have."""
    deadline = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < deadline:
        family = [process for process in family if processes.is_alive(process)]
        if not family:
            return True
        time.sleep(0.02)
    return False


def writable(limits):
    """The folders that can be written inside bubblewrap, and how many megabytes they hold."""
    return {
        WORKING: limits.disk_mb,
        "/tmp": limits.disk_mb,
        "/dev/shm": min(SHARED_MEMORY_MB, limits.disk_mb),
    }


def view():
    """Bubblewrap's arguments for what every submission sees of the machine."""
    arguments = ["--unshare-user", "--unshare-all", "--uid", "1000", "--gid", "1000"]
    arguments += ["--cap-drop", "ALL", "--hostname", "grading", "--new-session"]
    arguments += ["--die-with-parent", "--unsetenv", "JPY_PARENT_PID"]
    places = ["/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = pathlib.Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            places.append(str(path))
    places += [f"/etc/{name}" for name in ETC]
    places += [place for place in python_folders() if not place.startswith("/usr/")]
    for place in places:
        arguments += ["--ro-bind-try", place, place]
    if any(ROOT.is_relative_to(place) for place in places):
        # The course lies inside something that is shown, and must not be.
        arguments += ["--tmpfs", str(ROOT), "--remount-ro", str(ROOT)]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    for name in OF_COURSE:
        arguments += ["--ro-bind", str(ROOT / name), f"{COURSE}/{name}"]
    for variable, inside in (("COURSE_DATA_DIR", CACHE), ("COURSE_DATA_MIRROR", MIRROR)):
        if folder := data_folder(variable):
            arguments += ["--ro-bind", folder, inside]
    return [*arguments, "--ro-bind", str(INSIDE), CODE]


def closed():
    """Bubblewrap's arguments that come last: what it made itself cannot be written either."""
    return ["--remount-ro", "/dev", "--remount-ro", "/"]


def python_folders():
    """The folders that this Python is made of."""
    folders = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    if site.ENABLE_USER_SITE and site.getusersitepackages() in sys.path:
        folders.append(site.getusersitepackages())
    # Reached by links: the interpreter of a virtual environment, a folder of versions.
    folders.append(str(pathlib.Path(sys.executable).resolve().parents[1]))
    folders = {place for folder in folders for place in (folder, os.path.realpath(folder))}
    # Never a whole home: a Python in ~/bin is then not found in the sandbox, which says so.
    hidden = {"/", "/usr", "/home", str(pathlib.Path.home()), os.path.realpath(pathlib.Path.home())}
    return sorted(folders - hidden)


def data_folder(variable):
    """The folder that one of the course's variables names, if it is a folder."""
    from utils import files

    try:
        path = files.named_folder(variable)
    except files.DataError:  # it cannot be anybody's folder
        return None
    return os.path.realpath(path) if path and os.path.isdir(path) else None


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
    for variable, inside in (("COURSE_DATA_DIR", CACHE), ("COURSE_DATA_MIRROR", MIRROR)):
        if folder := data_folder(variable):
            variables[variable] = inside if is_isolated else folder
    if not is_isolated:
        variables["TMPDIR"] = str(run_folder / "tmp")
    return variables


def make_run_folder(files, limits, is_isolated, parent=None):
    """A folder for one start of a kernel: its settings' place, sockets, the submission's files.

    Of the submission's files only ordinary files and folders are copied, and not more than fit.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    for name in ("sockets", "files"):
        (folder / name).mkdir()
    if files is not None:
        copy(pathlib.Path(files), folder / "files", limits.disk_mb * 2**20)
    if not is_isolated:
        for name in ("course/notebooks/homework", "home", "tmp"):
            (folder / name).mkdir(parents=True)
        for name in OF_COURSE:
            (folder / "course" / name).symlink_to(ROOT / name)
    return folder


def copy(source, target, most_bytes):
    """Copies a folder's ordinary files; links and whatever else there may be stay behind.

    Raises:
        OSError: they are larger than allowed.
    """
    for folder, folders, names in os.walk(source):  # does not follow links
        here = pathlib.Path(folder)
        there = target / here.relative_to(source)
        folders[:] = [name for name in folders if not (here / name).is_symlink()]
        for name in folders:
            (there / name).mkdir()
        for name in names:
            path = here / name
            if path.is_symlink() or not path.is_file():
                continue
            most_bytes -= path.stat().st_size
            if most_bytes < 0:
                raise OSError("the submission's files are larger than its working folder may be")
            shutil.copyfile(path, there / name)


@functools.cache
def _bubblewrap():
    """Path of a bubblewrap that works here, or None, and the reason why not."""
    if sys.platform != "linux":
        return None, f"bubblewrap does not exist for {platform.system()}"
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return None, "bubblewrap (the command bwrap) is not installed"
    if any(pathlib.Path(place).is_relative_to("/tmp") for place in python_folders()):
        return None, "this Python lies in /tmp, which every submission gets anew and empty"
    command = [bwrap, *view(), "--tmpfs", "/tmp", *closed(), "--", sys.executable, "-Ic", "pass"]
    try:
        done = subprocess.run(
            command, cwd="/", env=environment(True), capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"bubblewrap does not work here ({error})"
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        return None, f"bubblewrap does not work here ({words[-1]})"
    return bwrap, None


def choose(unsafe=False):
    """The sandbox of this machine.

    Args:
        unsafe: do without bubblewrap where it does not work.

    Raises:
        NotIsolatedError: it does not work, and `unsafe` is false.
    """
    bwrap, problem = _bubblewrap()
    if bwrap is None and not unsafe:
        raise NotIsolatedError(
            f"Submissions cannot be isolated here: {problem}. Install it (on Debian and Ubuntu: "
            "sudo apt install bubblewrap), or say --unsafe to run submissions that you trust as "
            "ordinary programs of yours."
        )
    return Sandbox(bwrap, problem)


def isolation_report(sandbox, limits):
    """What is isolated and what is not, in plain sentences."""
    judged = [
        "Results are judged in a process of its own, which gets plain values only.",
        f"A cell may run {limits.cell_s:g} s, a notebook {limits.notebook_s:g} s; one process may "
        f"take {limits.memory_mb} MB of memory; a cell may print {limits.output_bytes / 1e6:g} MB.",
    ]
    if sandbox.is_isolated:
        return [
            "Isolated by bubblewrap: each submission sees the system and Python, of the course "
            "only utils and data (none of it writable), and its own files.",
            "No network, no other processes, no capabilities.",
            f"It can write {limits.disk_mb} MB to its working folder and as much to /tmp, both in "
            "memory; they are gone afterwards.",
            f"At most {limits.processes} processes; a watch ends a submission with more.",
            *judged,
            "Not isolated: the processor, the kernel of the operating system (a hole in it is a "
            "hole here), and memory only as far as the watch, which looks four times a second, "
            "can see it.",
        ]
    return [
        f"NOT ISOLATED: {sandbox.problem}.",
        "Submissions run as ordinary programs of yours. They can read and change every file that "
        "you can, the hidden tests and other submissions included.",
        "They can use the network.",
        "They can start processes that outlive them; those that hide well are not found.",
        f"They can fill the disk: only the size of a single file is limited ({limits.disk_mb} MB).",
        "What still holds: a working folder of its own for each, no secrets in its environment.",
        *judged,
    ]
