"""Tests of the grading engine: every kind of submission gets the verdict that it deserves.

The table of scenarios holds cells, test cells and the expected verdicts. They run in kernels that a
prefork server forks in bubblewrap (quick), a few of them in freshly started kernels, and what is
harmless without bubblewrap, too.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import tempfile
import threading
import time
import types

import ipykernel
import psutil
import pytest
import zmq
from tiny_homework import Task, grade

from grading.execution.judge import Judge
from grading.execution.kernel import Kernel
from grading.limits import Limits
from grading.sandbox import bubblewrap, monitor
from grading.sandbox.prefork import PreforkServer

LIMITS = Limits(
    cell_s=4, notebook_s=120, memory_mb=900, disk_mb=50, processes=20, grace_s=2, value_bytes=10**6
)
MODULES = ("numpy", "psutil", "ipykernel.kernelapp", "ipykernel.ipkernel")

X = Task("x", "assert x == 42, f'x is {x}, not 42'", ("x",))
Y = Task("y", "assert y == 7", ("y",))
DOUBLE = Task("double", "for n in range(3, 6):\n    assert double(n) == 2 * n", (), ("double",))
FULL = {"x": "right", "y": "right"}


def scenario(*cells, harmless=False, cold=False, event="", message="", **verdicts):
    """A row of the table: cells, verdicts by task, parts of an event and of a message."""
    return types.SimpleNamespace(**locals())


def between(harm, event="", **more):
    """A cell that does harm between an answer and another one: both keep their points."""
    return scenario("x = 42", harm, "y = 7", X, Y, event=event, **FULL, **more)


SLEEPS = "import time\ntime.sleep(60)"
SCENARIOS = {
    "honest": scenario(
        "import numpy as np\nx = 42\ndef double(n):\n    return n * 2",
        *(X, DOUBLE, "y = np.int64(7)", Y),
        **FULL,
        double="right",
        harmless=True,
        cold=True,
    ),
    "wrong": scenario("x = 41", X, x="wrong", message="x is 41, not 42", harmless=True),
    "missing": scenario("z = 42", X, "y = 7", Y, x="not answered", y="right", harmless=True),
    "not yet": scenario(
        "x = ...\ny = None\ndef double(n):\n    ...",
        *(X, Y, DOUBLE),
        **dict.fromkeys(("x", "y", "double"), "not answered"),
    ),
    "not implemented": scenario(
        "def double(n):\n    raise NotImplementedError", DOUBLE, double="not answered"
    ),
    "fails in one cell": scenario(
        *("x = 42 / 0", X, "y = 7", Y),
        x="error",
        y="right",
        event="cell 1 stopped with ZeroDivisionError",
        message="ZeroDivisionError: division by zero",
        harmless=True,
    ),
    "function fails": scenario(
        "def double(n):\n    return n + 'a'", DOUBLE, double="error", message="TypeError"
    ),
    "function fails in a check's way": scenario(
        "def double(n):\n    raise AssertionError('right!')", DOUBLE, double="error"
    ),
    "not a function": scenario("double = 6", DOUBLE, double="error", message="not a function"),
    "wrong type": scenario(
        "x = '42'\ny = object()", X, Y, x="wrong", y="error", message="of type object"
    ),
    "type that the check cannot take": scenario(
        "x = 'a'", Task("x", "assert x + 1 == 2", ("x",)), x="error", message="x is a text"
    ),
    "NaN": scenario("x = float('nan')", X, x="wrong", message="x is nan"),
    "recursion": scenario(
        "def double(n):\n    return double(n)", DOUBLE, double="error", message="RecursionError"
    ),
    "recursive value": scenario("x = []\nx.append(x)", X, x="error", message="nested too deeply"),
    "huge value": scenario(
        "import numpy as np\nx = np.zeros(10**7)\ny = 7", X, Y, x="error", y="right"
    ),
    "hang": scenario(
        *("x = 42", f"{SLEEPS}\ny = 7", X, Y),
        x="right",
        y="timeout",
        event="cell 2 ran longer than 4 s",
        harmless=True,
    ),
    "swallows interrupts": between(
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n"
        "        pass",
        "the kernel was lost",
    ),
    "swallows one interrupt": between(
        "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pass",
        "cell 2 ran longer than 4 s",
    ),
    "function hangs": scenario(
        "import time\ndef double(n):\n    time.sleep(60)",
        *(dataclasses.replace(DOUBLE, seconds=2), "y = 7", Y),
        double="timeout",
        y="right",
    ),
    "hangs while handing over": scenario(
        "import time\nclass Slow:\n    def __array__(self, *a, **k):\n        time.sleep(60)\n"
        "x = Slow()\ny = 7",
        *(dataclasses.replace(X, seconds=2), Y),
        x="timeout",
        y="right",
    ),
    "memory": scenario(
        *("y = 7", "x = bytearray(2 * 10**9)", X, Y),
        x="memory",
        y="right",
        event="memory",
        cold=True,
    ),
    "prints without end": between(
        "while True:\n    print('flood ' * 1000)", "cell 2 printed more than 4 MB"
    ),
    "prints a lot at once": between(
        "print('x' * 300_000_000)", "cell 2 printed more than 4 MB", harmless=True
    ),
    "a thread goes on": scenario(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nx = 42",
        X,
        x="right",
    ),
    "ends the process": between(
        "import os\nos._exit(0)", "cell 2 ended the kernel", harmless=True, cold=True
    ),
    "ends in the last cell": scenario(
        "x = 42\ny = 7", X, Y, "import os\nos._exit(0)", **FULL, event="cell 4 ended the kernel"
    ),
    "ends before the last check": scenario(
        "x = 42\ny = 7", X, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", Y, **FULL
    ),
    "exit()": between("exit()"),
    "kills all it can": between("import os\nos.kill(-1, 9)", cold=True),
    "crashes": between("import ctypes\nctypes.string_at(0)"),
    "function ends the process": scenario(
        "import os\ndef double(n):\n    os._exit(0)", DOUBLE, "y = 7", Y, double="died", y="right"
    ),
    "forks without end": between(
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        "started more than 20 processes",
        cold=True,
    ),
    "fills the disk": scenario(
        "x = 42",
        "for number in range(100):\n    open(f'{number}', 'wb').write(bytes(2 * 10**6))",
        X,
        x="right",
        event="No space left",
    ),
    "uses the network": scenario(
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), timeout=2)\n"
        "except OSError as error:\n    x = error.errno",
        Task("x", "assert x == 101, x", ("x",)),
        x="right",
    ),
    "asks": scenario("name = input()\nx = 42", X, x="error", event="StdinNotImplementedError"),
    "syntax error": scenario("x = 42", "y = = 7", X, Y, x="right", y="error"),
    "visible checks are not believed": scenario("x = 41", (X, "print('passed')"), x="wrong"),
    "to be read": scenario(X, Task("essay", "", manual=True), x="not answered", essay="manual"),
}


@pytest.fixture(scope="module")
def server(bwrap):
    """A prefork server without the frameworks, which take long."""
    with contextlib.closing(PreforkServer(bwrap, LIMITS, MODULES)) as server:
        yield server


@pytest.fixture(scope="module", params=["forked", "anew", "without bubblewrap"])
def kernels(request):
    """How kernels are started: the sandbox, and the prefork server or None."""
    if request.param == "without bubblewrap":
        return bubblewrap.Sandbox(None, "asked for"), None
    needed = request.getfixturevalue("server") if request.param == "forked" else None
    return request.getfixturevalue("bwrap"), needed


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_submission_gets_what_it_deserves(name, kernels):
    sandbox, server = kernels
    row = SCENARIOS[name]
    if not (server or (row.cold if sandbox.is_isolated else row.harmless)):
        pytest.skip("in forked kernels only")
    result, verdicts = grade(row.cells, sandbox, server, LIMITS)
    assert verdicts == row.verdicts, result["tasks"]
    assert result["points"] == list(row.verdicts.values()).count("right")
    assert not row.event or any(row.event in event for event in result["events"]), result["events"]
    assert any(row.message in task["message"] for task in result["tasks"]), result["tasks"]
    assert result["forked"] == (server is not None)


def test_what_came_before_too_much_output_is_kept(bwrap, server):
    cells = ["x = 42\nfor _ in range(100):\n    print('x' * 100_000)", X]
    result, verdicts = grade(cells, bwrap, server, LIMITS)
    assert result["events"] == ["code cell 1 printed more than 4 MB and was stopped"]
    assert verdicts == {"x": "right"}
    assert result["executed"]["cells"][0]["outputs"][0]["text"].startswith("xxx")


def test_thread_that_prints_without_end(bwrap, server):
    """The cell that started it is found where ipykernel tells who prints (from version 7 on)."""
    cells = [
        "x = 42",
        "import threading\ndef flood():\n    while True:\n        print('flood ' * 10000)\n"
        "threading.Thread(target=flood, daemon=True).start()",
        *("import time\ntime.sleep(1)\ny = 7", X, Y),
    ]
    result, verdicts = grade(cells, bwrap, server, dataclasses.replace(LIMITS, cell_s=40))
    assert verdicts["x"] == "right"
    if ipykernel.version_info[0] >= 7:
        assert "code cell 2" in " ".join(result["events"]) and verdicts["y"] == "right"


def test_deadline_of_the_whole_notebook(bwrap, server):
    cells = ["x = 42", X, *["import time\ntime.sleep(3)"] * 4, "y = 7", Y]
    limits = dataclasses.replace(LIMITS, notebook_s=4)
    started = time.monotonic()
    result, verdicts = grade(cells, bwrap, server, limits)
    assert verdicts == {"x": "right", "y": "not reached"}
    assert "longer than 4 s in all" in result["events"][-1]
    assert time.monotonic() - started < 20


def test_files_with_the_names_of_libraries_do_not_keep_the_kernel_from_starting(kernels, tmp_path):
    for name in ("traitlets", "zmq", "code", "IPython", "ipykernel", "tornado", "typing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken for a library')")
    (tmp_path / "helper.py").write_text("x = 42")
    _, verdicts = grade(["from helper import x", X], *kernels, LIMITS, tmp_path)
    assert verdicts == {"x": "right"}


def test_without_a_prefork_server_that_is_gone(bwrap):
    server = PreforkServer(bwrap, LIMITS, MODULES)
    server.close()
    result, verdicts = grade(["x = 42", X], bwrap, server, LIMITS)
    assert verdicts == {"x": "right"} and not result["forked"]


def test_two_submissions_at_a_time_do_not_see_each_other(bwrap):
    results = {}

    def one(number):
        cells = [f"import time\ntime.sleep(0.5)\nx = {number}", X]
        results[number] = grade(cells, bwrap, None, LIMITS)[1]["x"]

    threads = [threading.Thread(target=one, args=[number]) for number in (42, 41)]
    for step in (threading.Thread.start, threading.Thread.join):
        for thread in threads:
            step(thread)
    assert results == {42: "right", 41: "wrong"}


def test_nothing_is_left_behind(kernels, monkeypatch):
    if kernels[1] is not None:
        pytest.skip("see the isolation of forked kernels")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="left-"))  # a short name, for sockets
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    leaves = "import subprocess\nsubprocess.Popen(['sleep', '987'])\nx = 42"
    _, verdicts = grade([leaves, X], *kernels, LIMITS)
    assert verdicts == {"x": "right"}
    assert list(folder.glob("run-*")) == []
    shutil.rmtree(folder)
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert ["sleep", "987"] not in commands


# --- What piles up in the grader --------------------------------------------------------------


def test_few_messages_wait_while_nobody_reads(bwrap):
    """As while a task is judged: what a submission sends then must not pile up in the grader."""
    with contextlib.closing(Kernel(bwrap, LIMITS)) as kernel, zmq.Context() as context:
        socket = context.socket(zmq.XPUB)
        socket.set(zmq.XPUB_NODROP, 1)
        socket.set(zmq.SNDHWM, 1)
        socket.linger, socket.sndtimeo = 0, 1000
        socket.connect(f"ipc://{kernel.folder / 'sockets' / '2'}")
        while not socket.poll(100):  # for the subscription
            kernel.ask("None", 5)
        sent = 0
        with contextlib.suppress(zmq.Again):
            while sent < 60:
                socket.send(bytes(10**6))
                sent += 1
        socket.close()
    assert sent < 20


def test_a_submission_that_fills_the_graders_memory_is_ended(monkeypatch):
    monkeypatch.setattr(monitor, "MOST_WAITING_HERE", 100 * 2**20)
    ended = threading.Event()
    started = types.SimpleNamespace(family=list, kill=ended.set, group=None)
    with contextlib.ExitStack() as stack:
        watching = monitor.Monitor(started, LIMITS)
        stack.callback(watching.stop)
        assert watching.look() is None
        hoard = b"x" * (200 * 2**20)
        assert ended.wait(10) and watching.reason == "output"
        del hoard


# --- The judge --------------------------------------------------------------------------------


def test_a_judge_that_dies_while_it_waits_does_not_judge_the_next_task_wrongly():
    dies = "import os, threading\nthreading.Timer(0.2, os.kill, (os.getpid(), 9)).start()\n"
    tasks = [
        Task("dies", f"{dies}assert double(3) == 6", (), ("double",)),
        Task("raises", "raise SystemExit"),
        X,
    ]
    state = types.SimpleNamespace(values={"x": "42"}, functions=["double"])

    def call(name, arguments, left):
        time.sleep(0.5)
        return {"result": "6"}

    with contextlib.closing(Judge()) as judge:
        verdicts = [judge.judge(task, state, call, 10, 1000)[0] for task in tasks]
        assert verdicts == ["error", "error", "right"]
        state.values["x"] = "41"
        assert judge.judge(X, state, call, 10, 1000) == ("wrong", "x is 41, not 42")


def test_a_judge_that_the_system_ended_costs_nobody_a_point():
    state = types.SimpleNamespace(values={"x": "42"}, functions=[])
    before = set(psutil.Process().children())
    with contextlib.closing(Judge()) as judge:
        (process,) = set(psutil.Process().children()) - before
        process.kill()
        psutil.wait_procs([process], 5)
        assert judge.judge(X, state, None, 10, 1000) == ("right", "")
