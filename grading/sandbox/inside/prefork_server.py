"""A server that has done the slow imports, and forks a kernel for every submission.

    python prefork_server.py SOCKET LIFE WORKING_FOLDER MODULE ...

Importing Keras takes ten times as long as judging a small submission. This process does it once. It
is the first process of a sandbox, listens on a socket, and serves one connection at a time: one
connection, one submission. It ends when the other side of the pipe LIFE is closed.

What it forks moves into its own namespaces before it becomes a kernel: processes, mounts, network,
shared memory. So a student's code sees neither this process nor the files, processes or shared
memory of an earlier submission; they are gone with the namespaces. It has no capabilities, and
cannot look into this process (which is not "dumpable"). When a connection ends, every process of
the sandbox except this one is killed.
"""

import contextlib
import ctypes
import fcntl
import importlib
import json
import os
import pathlib
import select
import signal
import socket
import struct
import sys
import warnings
from collections.abc import Iterable
from typing import Any

import confine
import kernel_side
from confine import DIE_WITH_PARENT, NEW_USER, SET_DUMPABLE, check

NEW_MOUNTS, NEW_PROCESSES = 0x00020000, 0x20000000
NEW_NETWORK, NEW_SHARED_MEMORY, NEW_NAMES = 0x40000000, 0x08000000, 0x04000000
NEW_NAMESPACES = NEW_USER | NEW_MOUNTS | NEW_PROCESSES | NEW_NETWORK | NEW_SHARED_MEMORY | NEW_NAMES
NO_SUID, NO_DEVICES, NO_EXECUTE = 2, 4, 8
BIND, RECURSIVE, PRIVATE, READ_ONLY, REMOUNT = 0x1000, 0x4000, 0x40000, 1, 32
SET_DEVICE_FLAGS, UP = 0x8914, 1

SLOT = pathlib.Path("/slot")  # where the grader puts the folders of runs
RUN = pathlib.Path("/run/grading")  # where a kernel finds its own
OUTER_PROC = pathlib.Path("/run/outer-proc")
# Of /proc: what belongs to the whole machine.
OF_MACHINE = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/sysrq-trigger")

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Import, then serve until the grader ends it."""
    listener, life = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    working_folder = pathlib.Path(sys.argv[3])
    confine.become_nobody()
    # Signals that have no handler do not reach the first process of a sandbox.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    libc.prctl(SET_DUMPABLE, 0, 0, 0, 0)
    import_installed(["course_hand_over", *sys.argv[4:]])
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
    while True:
        ready, _, _ = select.select([listener, life], [], [])
        if life in ready:  # the grader is gone, and with it whoever would have ended this
            os._exit(0)
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError, ValueError):
            serve(connection, working_folder)
        kill_all_others()


def import_installed(modules: Iterable[str]) -> None:
    """Import the modules that are installed.

    Raises:
        ImportError: An import failed halfway: nobody should get half a module.
    """
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name.split(".")[0]:
                raise


def serve(connection: socket.socket, working_folder: pathlib.Path) -> None:
    """Answer the requests of one submission: each starts a kernel that replaces the last."""
    for line in connection.makefile("rb"):
        run = json.loads(line)["run"]
        kill_all_others()
        reading_end, writing_end = os.pipe()
        if os.fork() == 0:
            try:
                os.close(reading_end)
                become_kernel(writing_end, connection, run, working_folder)
            finally:  # a forked process never returns into the code of the one it came from
                os._exit(1)
        os.close(writing_end)
        with open(reading_end, "rb") as pipe:
            problem = pipe.read().decode() or None
        send(connection, {"run": run, "problem": problem})


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one line to the grader."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def become_kernel(
    pipe: int, connection: socket.socket, run: str, working_folder: pathlib.Path
) -> None:
    """Move into separate namespaces, start the kernel there, and wait for its end.

    Args:
        pipe: Where a problem is written; closed where there is none.
        connection: To the grader, which learns how the kernel ended.
        run: The name of the run's folder in the slot.
        working_folder: The place of the kernel's files.
    """
    run_folder = SLOT / run
    settings = json.loads((run_folder / "settings.json").read_text(encoding="utf-8"))
    try:
        libc.prctl(SET_DUMPABLE, 1, 0, 0, 0)
        confine.new_namespaces(NEW_NAMESPACES)
        first = os.fork()  # from here on in the new namespace of processes
        if first:
            os.close(pipe)
            _, status = os.waitpid(first, 0)
            send(connection, {"run": run, "ended": os.waitstatus_to_exitcode(status)})
            return
        libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        os.setsid()  # what a submission sends to its group does not reach who waits for it
        with contextlib.suppress(OSError):  # who is ended first when memory is short
            pathlib.Path("/proc/self/oom_score_adj").write_text("1000")
        arrange_files(settings, run_folder)
        bring_up_loopback()
        confine.shed_privileges()
        close_descriptors(pipe)
        kernel_side.set_limits(settings)
        confine.filter_calls()
        kernel = os.fork()
    except Exception as error:
        os.write(pipe, f"{type(error).__name__}: {error}".encode()[:1000])
        return
    os.close(pipe)
    if kernel:
        reap(kernel)
    os.environ.update(settings["environment"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    sys.argv[1:] = []
    kernel_side.copy_files(RUN / "files", working_folder)
    kernel_side.run_kernel(settings, RUN, working_folder)
    os._exit(0)


def arrange_files(settings: dict[str, Any], run_folder: pathlib.Path) -> None:
    """Leave empty writable folders, the folder of this run, and nothing of any other."""
    mount("none", "/", None, RECURSIVE | PRIVATE)
    mount(run_folder, RUN, None, BIND)
    mount("none", RUN, None, BIND | REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES)
    mount_empty(SLOT, 1, "555")
    for folder, megabytes in settings["writable"].items():
        mount_empty(folder, megabytes, "1777")
    # The one thing that all have in common and its owner can change: an earlier one may have.
    with contextlib.suppress(OSError):
        os.chmod("/dev/pts/ptmx", 0o666)
    # Where the sandbox was started by root, a new /proc is refused unless a whole one is there.
    with contextlib.suppress(OSError):
        mount("proc", "/proc", "proc", NO_SUID | NO_DEVICES | NO_EXECUTE)
    # No namespaces of users below this one, also where there is no filter of system calls.
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/sys/user/max_user_namespaces").write_text("0")
    for place in filter(os.path.exists, OF_MACHINE):
        mount(place, place, None, BIND)
        mount("none", place, None, BIND | REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES | NO_EXECUTE)
    if OUTER_PROC.exists():
        mount_empty(OUTER_PROC, 1, "555")


def mount_empty(folder: str | pathlib.Path, megabytes: int, mode: str) -> None:
    """Mount an empty folder in memory, of limited size, over whatever is there."""
    options = f"size={megabytes}m,nr_inodes=100000,mode={mode}"
    mount("tmpfs", folder, "tmpfs", NO_SUID | NO_DEVICES, options)


def bring_up_loopback() -> None:
    """Bring up the loopback device of a new network, which is its only one."""
    name_and_flags = struct.pack("@16sh22x", b"lo", UP)  # struct ifreq
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SET_DEVICE_FLAGS, name_and_flags)


def mount(
    source: str | pathlib.Path,
    target: str | pathlib.Path,
    kind: str | None,
    flags: int,
    options: str | None = None,
) -> None:
    """Make the system call of that name."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    data = None if options is None else options.encode()
    check(libc.mount(*words, ctypes.c_ulong(flags), data), f"mount {target}")


def close_descriptors(kept: int) -> None:
    """Close everything that the server has open, except one descriptor."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.closerange(3, kept)
    os.closerange(kept + 1, 65536)


def reap(kernel: int) -> None:
    """Collect ended processes, as the first of a namespace does; end when the kernel ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    while True:
        pid, status = os.wait()
        if pid == kernel:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def kill_all_others() -> None:
    """Kill every process of the sandbox except this one, and wait until they are gone."""
    if os.getpid() != 1:  # anywhere else this would reach the user's own processes
        os._exit(1)
    while True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
