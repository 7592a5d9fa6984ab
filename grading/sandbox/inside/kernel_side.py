"""The student's side: an IPython kernel that connects to the grader, and what it hands over.

    python kernel_side.py RUN_FOLDER WORKING_FOLDER [--isolated]

runs inside the sandbox; so does `prefork_server.py`, which forks kernels instead of starting them. The
kernel connects to sockets that the grader has opened in the run folder, so that nothing of the
grader's needs to be writable from here. Nothing in this file is secret, and nothing that it says
is trusted: it only brings values into a form in which they can be read without trust.
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

HERE = pathlib.Path(__file__).resolve().parent
MIME = "application/x-plain-value"
PIECE = 10**6  # characters; what is printed is sent in pieces of about this size


def main():
    """Starts a kernel, in a process of its own."""
    import confine

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
    prepare_hand_over()  # not before: libraries start threads, which would keep what they have
    copy_files(run_folder / "files", working_folder)
    run_kernel(settings, run_folder, working_folder)


def set_limits(settings):
    """Limits this process and all that it starts; none of it can be lifted again."""
    megabyte = 2**20
    for name, value in (
        # Memory that is only reserved does not count here, as it does with RLIMIT_AS.
        ("RLIMIT_DATA", settings["memory_mb"] * megabyte),
        ("RLIMIT_FSIZE", settings["disk_mb"] * megabyte),
        ("RLIMIT_NPROC", settings["threads"]),
        ("RLIMIT_NOFILE", settings.get("open_files", 1024)),
        ("RLIMIT_CORE", 0),
    ):
        if value is None or not hasattr(resource, name):
            continue
        number = getattr(resource, name)
        most = resource.getrlimit(number)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        try:
            resource.setrlimit(number, (value, value))
        except (ValueError, OSError):  # macOS refuses some
            continue


def copy_files(source, target):
    """Copies the submission's files into the working folder, links as links."""
    for path in source.iterdir() if source.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, target / path.name, symlinks=True, dirs_exist_ok=True)
        else:  # the working folder itself may belong to somebody else
            shutil.copy2(path, target / path.name, follow_symlinks=False)


def run_kernel(settings, run_folder, working_folder):
    """Runs the kernel until it is shut down or killed."""
    place = working_folder / settings.get("place", "")
    place.mkdir(parents=True, exist_ok=True)
    os.chdir(place)
    sys.path[:] = [place for place in sys.path if place not in ("", str(HERE))]
    import course_hand_over  # noqa: F401, made by `prepare_hand_over`
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    class Kernel(IPKernelApp):
        """Connects to the grader's sockets, where others open their own."""

        def _try_bind_socket(self, socket, port):
            path = pathlib.Path(run_folder, "sockets", str(port))
            if path.exists():
                socket.connect(f"ipc://{path}")
            # The debugger's own socket connects to what was named last.
            return super()._try_bind_socket(socket, port)

        def write_connection_file(self, **kwargs):
            """Nobody else is to connect."""

        def init_path(self):
            """Not yet: a file of the student's could bear the name of what is still imported."""

    own = pathlib.Path(settings["own_folder"])
    for folder in (own, pathlib.Path.home()):
        folder.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.HistoryManager.enabled = False
    config.Session.key = settings["key"].encode()
    app = Kernel.instance(
        config=config,
        transport="ipc",
        ip=str(own / "k"),
        connection_file=str(own / "kernel.json"),
        shell_port=1,
        iopub_port=2,
        control_port=3,
        stdin_port=4,
        hb_port=5,
        log_level=50,
    )
    app.initialize([])
    print_in_pieces(sys.stdout, sys.stderr)
    let_threads_know_their_cell()
    IPKernelApp.init_path(app)  # from here on the working folder's files can be imported
    # exit() would end the kernel a moment later, in the middle of an innocent cell.
    app.shell.ask_exit = lambda: None
    app.start()


def let_threads_know_their_cell():
    """What a thread prints belongs to the cell that started it, not to the one that runs by then.

    ipykernel looks it up in the context, which threads take over from Python 3.14 on only.
    """
    start = threading.Thread.start

    def start_in_context(thread):
        context, run = contextvars.copy_context(), thread.run
        thread.run = lambda: context.run(run)
        start(thread)

    threading.Thread.start = start_in_context


def print_in_pieces(*streams):
    """Sends what is printed in pieces: the grader reads no large message, and should see a flood.

    A stream gathers for a fifth of a second what is printed, and that can be a lot.
    """
    for stream in streams:
        stream.write = pieces_of(stream)


def pieces_of(stream):
    """A stream's `write`, which sends what has gathered when there is enough."""
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


# --- Handing over ----------------------------------------------------------------------------


class Answer:
    """Shows itself as JSON text, so that it travels in a kernel's ordinary reply."""

    def __init__(self, **content):
        self.text = json.dumps(content)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {MIME: self.text}

    def __repr__(self):
        return "<answer>"


class HandOver:
    """What the grader asks of the kernel: values by name, and calls of functions.

    Args:
        plain: the module `plain_values`.
        names: gives the notebook's variables.
    """

    def __init__(self, plain, names):
        self.plain = plain
        self.names = names

    def state(self, values, functions, most_bytes):
        """The values as text, what is the matter with others, and which functions are there."""
        known, texts, problems, callables = self.names(), {}, {}, []
        left = most_bytes
        for name in values:
            if name not in known:
                problems[name] = "missing"
                continue
            try:
                texts[name] = self.plain.dumps(known[name], left)
                left -= len(texts[name])
            except self.plain.NotPlain as error:
                problems[name] = f"not plain: {error}"
            except (Exception, RecursionError) as error:
                problems[name] = f"not plain: reading it failed with {type(error).__name__}"
        for name in functions:
            if known.get(name) is None or known[name] is ...:
                problems[name] = "missing"
            elif callable(known[name]):
                callables.append(name)
            else:
                problems[name] = f"not a function: it is of type {type(known[name]).__name__}"
        return Answer(values=texts, problems=problems, functions=callables)

    def call(self, name, arguments, most_bytes):
        """The result of one call, as text, or the error that it raised."""
        positional, named = self.plain.loads(arguments)
        try:
            result = self.names()[name](*positional, **named)
        except (Exception, RecursionError) as error:
            return Answer(raised=_name_of(error), message=_text_of(error))
        try:
            return Answer(result=self.plain.dumps(result, most_bytes))
        except self.plain.NotPlain as error:
            return Answer(problem=f"{error}")
        except Exception as error:
            return Answer(problem=f"reading it failed with {type(error).__name__}")


def _name_of(error):
    """The nearest class of Python's own that an error is of."""
    for kind in type(error).__mro__:
        if kind.__module__ == "builtins":
            return kind.__name__
    return "Exception"


def _text_of(error):
    try:
        return f"{type(error).__name__}: {error}"[:2000]
    except Exception:
        return type(error).__name__


def prepare_hand_over():
    """Imports what handing over needs, before any cell of the student's runs."""
    import importlib.util
    import types

    spec = importlib.util.spec_from_file_location("course_plain_values", HERE / "plain_values.py")
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)

    def names():
        from IPython import get_ipython

        return get_ipython().user_ns

    hand_over = HandOver(plain, names)
    module = types.ModuleType("course_hand_over")
    module.state, module.call = hand_over.state, hand_over.call
    sys.modules["course_hand_over"] = module


if __name__ == "__main__":
    main()
