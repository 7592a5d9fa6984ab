"""The student's side: an IPython kernel that connects to the grader.

    python kernel_side.py RUN_FOLDER WORKING_FOLDER [--isolated]

runs inside the sandbox, as does `prefork_server.py`, which forks kernels instead of starting them.
The kernel connects to sockets that the grader has opened in the run folder, so that nothing of the
grader's needs to be writable from here.
"""

import contextlib
import contextvars
import json
import os
import pathlib
import resource
import shutil
import sys
import threading
from collections.abc import Callable
from typing import Any

import confine

HERE = pathlib.Path(__file__).resolve().parent
PIECE = 10**6  # characters; what is printed is sent in pieces of about this size


def main() -> None:
    """Start a kernel in a process of its own."""
    run_folder, working_folder = map(pathlib.Path, sys.argv[1:3])
    is_isolated = "--isolated" in sys.argv
    sys.argv[1:] = []
    if is_isolated and os.getuid() == 0:
        confine.become_nobody()
        # The number of processes is counted for each user of a namespace, and this user is shared.
        with contextlib.suppress(OSError):
            confine.new_namespaces(confine.NEW_USER)
        confine.shed_privileges()
    confine.end_with_grader(run_folder)
    settings = json.loads((run_folder / "settings.json").read_text(encoding="utf-8"))
    set_limits(settings)
    confine.filter_calls()
    import course_hand_over  # noqa: F401, not before: libraries start threads, which no limit holds

    copy_files(run_folder / "files", working_folder)
    run_kernel(settings, run_folder, working_folder)


def set_limits(settings: dict[str, Any]) -> None:
    """Limit this process and everything it starts; no limit can be lifted again."""
    limits = {
        # Memory that is only reserved does not count here, as it does with RLIMIT_AS.
        "RLIMIT_DATA": settings["memory_mb"] * 2**20,
        "RLIMIT_FSIZE": settings["disk_mb"] * 2**20,
        "RLIMIT_NPROC": settings["threads"],
        "RLIMIT_NOFILE": settings["open_files"],
        "RLIMIT_CORE": 0,
    }
    for name, value in limits.items():
        if value is None or not hasattr(resource, name):
            continue
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(number, (value, value))


def copy_files(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy the submission's files into the working folder, which may be somebody else's."""
    for path in source.iterdir():
        if path.is_dir():
            shutil.copytree(path, target / path.name, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(path, target / path.name, follow_symlinks=False)


def run_kernel(
    settings: dict[str, Any], run_folder: pathlib.Path, working_folder: pathlib.Path
) -> None:
    """Run the kernel until it is shut down or killed."""
    folder = working_folder / settings["place"]
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    sys.path[:] = [place for place in sys.path if place not in ("", str(HERE))]
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    class Kernel(IPKernelApp):
        """Connects to the grader's sockets, where others open their own."""

        def _try_bind_socket(self, socket, port):
            path = run_folder / "sockets" / str(port)
            if path.exists():
                socket.connect(f"ipc://{path}")
            # The debugger's own socket connects to what was named last.
            return super()._try_bind_socket(socket, port)

        def write_connection_file(self, **kwargs):
            """Write none: nobody else is to connect."""

        def init_path(self):
            """Wait: one of the student's files could have the name of a module not yet imported."""

    own = pathlib.Path(settings["own_folder"])
    for folder in (own, pathlib.Path.home()):
        folder.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.HistoryManager.enabled = False
    config.Session.key = settings["key"].encode()
    ports = ("shell_port", "iopub_port", "control_port", "stdin_port", "hb_port")
    app = Kernel.instance(
        config=config,
        transport="ipc",
        ip=str(own / "k"),
        connection_file=str(own / "kernel.json"),
        log_level=50,
        **{port: number for number, port in enumerate(ports, 1)},
    )
    app.initialize([])
    for stream in (sys.stdout, sys.stderr):
        stream.write = _write_in_pieces(stream)
    _let_threads_know_their_cell()
    IPKernelApp.init_path(app)  # from here on the working folder's files can be imported
    # exit() would end the kernel a moment later, in the middle of an innocent cell.
    app.shell.ask_exit = lambda: None
    app.start()


def _let_threads_know_their_cell():
    """Attribute what a thread prints to the cell that started it, not to the one now running.

    ipykernel looks it up in the context, which threads inherit only from Python 3.14 on.
    """
    start = threading.Thread.start

    def start_in_context(thread):
        context, run = contextvars.copy_context(), thread.run
        thread.run = lambda: context.run(run)
        start(thread)

    threading.Thread.start = start_in_context


def _write_in_pieces(stream: Any) -> Callable:
    """Return a `write` for a stream that sends what has accumulated once there is enough.

    A stream collects what is printed for a fifth of a second, and that can be a lot; the grader
    reads no large messages, and should notice a flood.
    """
    write, gathered = stream.write, 0

    def write_in_pieces(text):
        nonlocal gathered
        if not isinstance(text, str) or len(text) + gathered <= PIECE:
            gathered += len(text) if isinstance(text, str) else 0
            return write(text)
        for begin in range(0, len(text), PIECE):
            write(text[begin : begin + PIECE])
            stream.flush()
        gathered = 0
        return len(text)

    return write_in_pieces


if __name__ == "__main__":
    main()
