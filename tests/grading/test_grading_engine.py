"""Tests of the grading engine: every kind of submission gets the verdict that it deserves.

The table of scenarios holds cells, test cells and the expected verdicts. They run in bubblewrap, in
kernels that a warm interpreter forks (quick); a part of them again in freshly started kernels and,
what is harmless, without bubblewrap.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
import threading
import time
import types

import ipykernel
import psutil
import pytest
import tiny_homework
import zmq
from tiny_homework import Task

from grading.execution.engine import grade_notebook
from grading.execution.judge import Judge
from grading.execution.kernel import Kernel
from grading.limits import Limits
from grading.sandbox import bubblewrap as sandboxes
from grading.sandbox import monitor
from grading.sandbox.prefork import Warm
from utils.processes import cleanup

LIMITS = Limits(
    cell_s=4, notebook_s=120, memory_mb=900, disk_mb=50, processes=20, grace_s=2, value_bytes=10**6
)
MODULES = ("numpy", "psutil", "ipykernel.kernelapp", "ipykernel.ipkernel")

X = Task("x", "assert x == 42, f'x is {x}, not 42'", ("x",))
Y = Task("y", "assert y == 7", ("y",))
DOUBLE = Task("double", "for n in range(3, 6):\n    assert double(n) == 2 * n", (), ("double",))
FULL = {"x": "right", "y": "right"}


def scenario(*cells, harmless=False, event=None, message=None, **verdicts):
    """A row of the table: cells, verdicts by task, parts of an event and of a message."""
    return cells, verdicts, event, message, harmless


SCENARIOS = {
    "honest": scenario(
        "import numpy as np\nx = 42\ndef double(n):\n    return n * 2",
        X,
        DOUBLE,
        "y = np.int64(7)",
        Y,
        x="right",
        double="right",
        y="right",
        harmless=True,
    ),
    "wrong": scenario("x = 41", X, x="wrong", message="x is 41, not 42", harmless=True),
    "missing": scenario("z = 42", X, "y = 7", Y, x="not answered", y="right", harmless=True),
    "not yet": scenario(
        "x = ...\ny = None\ndef double(n):\n    ...",
        X,
        Y,
        DOUBLE,
        x="not answered",
        y="not answered",
        double="not answered",
    ),
    "not implemented": scenario(
        "def double(n):\n    raise NotImplementedError", DOUBLE, double="not answered"
    ),
    "fails in one cell": scenario(
        "x = 42 / 0",
        X,
        "y = 7",
        Y,
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
        "x = 'a'",
        Task("x", "assert x + 1 == 2", ("x",)),
        x="error",
        message="x is a text",
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
        "x = 42",
        "import time\ntime.sleep(60)\ny = 7",
        X,
        Y,
        x="right",
        y="timeout",
        event="cell 2 ran longer than 4 s",
        harmless=True,
    ),
    "swallows interrupts": scenario(
        "x = 42",
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n"
        "        pass",
        "y = 7",
        X,
        Y,
        **FULL,
        event="the kernel was lost",
    ),
    "swallows one interrupt": scenario(
        "x = 42",
        "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    y = 7",
        X,
        Y,
        **FULL,
        event="cell 2 ran longer than 4 s",
    ),
    "function hangs": scenario(
        "import time\ndef double(n):\n    time.sleep(60)",
        dataclasses.replace(DOUBLE, seconds=2),
        "y = 7",
        Y,
        double="timeout",
        y="right",
    ),
    "hangs while handing over": scenario(
        "import time\nclass Slow:\n    def __array__(self, *a, **k):\n        time.sleep(60)\n"
        "x = Slow()\ny = 7",
        dataclasses.replace(X, seconds=2),
        Y,
        x="timeout",
        y="right",
    ),
    "memory": scenario(
        "y = 7", "x = bytearray(2 * 10**9)", X, Y, x="memory", y="right", event="memory"
    ),
    "prints without end": scenario(
        "x = 42",
        "while True:\n    print('flood ' * 1000)",
        "y = 7",
        X,
        Y,
        **FULL,
        event="cell 2 printed more than 4 MB",
    ),
    "a thread goes on": scenario(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nx = 42",
        X,
        x="right",
    ),
    "ends the process": scenario(
        "x = 42",
        "import os\nos._exit(0)",
        X,
        "y = 7",
        Y,
        **FULL,
        event="cell 2 ended the kernel",
        harmless=True,
    ),
    "ends in the last cell": scenario(
        "x = 42\ny = 7", X, Y, "import os\nos._exit(0)", **FULL, event="cell 4 ended the kernel"
    ),
    "ends before the last check": scenario(
        "x = 42\ny = 7", X, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", Y, **FULL
    ),
    "exit()": scenario("x = 42", "exit()", "y = 7", X, Y, **FULL),
    "kills all it can": scenario("x = 42", "import os\nos.kill(-1, 9)", "y = 7", X, Y, **FULL),
    "crashes": scenario("x = 42", "import ctypes\nctypes.string_at(0)", "y = 7", X, Y, **FULL),
    "function ends the process": scenario(
        "import os\ndef double(n):\n    os._exit(0)", DOUBLE, "y = 7", Y, double="died", y="right"
    ),
    "forks without end": scenario(
        "x = 42",
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        "y = 7",
        X,
        Y,
        **FULL,
        event="started more than 20 processes",
    ),
    "fills the disk": scenario(
        "x = 42",
        "for number in range(100):\n    open(f'{number}', 'wb').write(bytes(2 * 10**6))",
        X,
        x="right",
        event="No space left",
    ),
    "uses the network": scenario(
        "import socket\nx = 42\ntry:\n    socket.create_connection(('192.0.2.1', 80), timeout=2)\n"
        "except OSError as error:\n    x = error.errno",
        Task("x", "assert x == 101, x", ("x",)),
        x="right",
    ),
    "asks": scenario("name = input()\nx = 42", X, x="error", event="StdinNotImplementedError"),
    "syntax error": scenario("x = 42", "y = = 7", X, Y, x="right", y="error"),
}

FORGERIES = {
    "prints PASS": "print('PASS')\nprint('{\"verdict\": \"right\"}')",
    "patches checks": (
        "import builtins, json, numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
        "builtins.AssertionError = KeyError\njson.dumps = lambda *a, **k: '42'\nx = 41"
    ),
    "transforms every cell": (
        "ip = get_ipython()\nip.input_transformers_post.append(lambda lines: ['None'])\nx = 41"
    ),
    "equals everything": (
        "class Any:\n    def __eq__(self, other): return True\n    __hash__ = None\nx = Any()"
    ),
    "a number that lies": (
        "class Lying(int):\n    def __eq__(self, other): return True\n"
        "    def __index__(self): return 42\n    __int__ = __pos__ = __index__\n"
        "    def __add__(self, other): return 42\n    def __repr__(self): return '42'\n"
        "    __hash__ = int.__hash__\nx = Lying(41)"
    ),
    "a text that lies": (
        "class Lying(str):\n    def __eq__(self, other): return True\n"
        "    def __str__(self): return '42'\n    __hash__ = str.__hash__\nx = Lying('41')"
    ),
    "an array that lies": (
        "import numpy as np\nclass Lying(np.ndarray):\n"
        "    def __eq__(self, other): return True\n    def __bool__(self): return True\n"
        "x = np.zeros(3).view(Lying)"
    ),
    "pickles": (
        "import os\nclass Bomb:\n    def __reduce__(self): return os._exit, (0,)\n"
        "    def __array__(self, *a, **k): raise SystemExit\nx = Bomb()"
    ),
    "array of objects": "import numpy as np\nx = np.array([object()])",
    "hands over something else": (
        "import sys\nmodule = sys.modules['course_hand_over']\n"
        "module.state = lambda *a: {'verdict': 'right', 'x': 42}\n"
    ),
    "hands over nonsense": (
        "import sys, json\nmodule = sys.modules['course_hand_over']\nclass Odd:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        deep = '[' * 50000\n"
        "        text = json.dumps({'values': {'x': deep}, 'verdict': 'right'})\n"
        "        return {'application/x-plain-value': text}\n"
        "module.state = lambda *a: Odd()"
    ),
    "hands over an array bomb": (
        "import sys, json\nmodule = sys.modules['course_hand_over']\nclass Odd:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        text = json.dumps({'array': ['<f8', [2**40, 2**40], 'AAAAAAAAAAA=']})\n"
        "        return {'application/x-plain-value': json.dumps({'values': {'x': text}})}\n"
        "module.state = lambda *a: Odd()"
    ),
    "hands over an object array": (
        "import sys, json\nmodule = sys.modules['course_hand_over']\nclass Odd:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        text = json.dumps({'array': ['|O', [1], 'AAAAAAAAAAA=']})\n"
        "        return {'application/x-plain-value': json.dumps({'values': {'x': text}})}\n"
        "module.state = lambda *a: Odd()"
    ),
    "ends at exit": "import atexit, os\natexit.register(os._exit, 0)",
    "redefines the display": (
        "ip = get_ipython()\nip.user_expressions = lambda e: {'answer': {'status': 'ok', "
        "'data': {'application/x-plain-value': '42'}}}"
    ),
    "reads the frames": (
        "import sys\nfound = []\nframe = sys._getframe()\nwhile frame:\n"
        "    found += [v for v in frame.f_locals.values() if 'x is ' + '{x}' in str(v)[:9999]]\n"
        "    frame = frame.f_back\nx = 42 if found else 41"
    ),
}


@pytest.fixture(scope="module")
def warm(bwrap):
    """A warm interpreter without the frameworks, which take long."""
    with Warm(bwrap, LIMITS, MODULES) as warm:
        yield warm


@pytest.fixture
def plain():
    """No sandbox."""
    return sandboxes.Sandbox(None, "asked for")


def grade(cells, sandbox, warm=None, limits=LIMITS, files=None):
    """The result, and the verdicts by task."""
    result = grade_notebook(
        tiny_homework.notebook(*cells),
        tiny_homework.assignment(*cells),
        None,
        limits,
        sandbox,
        warm=warm,
        files=files,
    )
    return result, {task["grade_id"]: task["verdict"] for task in result["tasks"]}


def check(row, sandbox, warm=None):
    """One row of the table."""
    cells, expected, event, message, _ = row
    result, verdicts = grade(cells, sandbox, warm)
    assert verdicts == expected, result["tasks"]
    assert result["points"] == list(expected.values()).count("right")
    if event:
        assert any(event in each for each in result["events"]), result["events"]
    if message:
        messages = [task["message"] for task in result["tasks"]]
        assert any(message in each for each in messages), messages
    if warm:
        assert result["warm"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_submission_gets_what_it_deserves(name, bwrap, warm):
    check(SCENARIOS[name], bwrap, warm)


@pytest.mark.parametrize("name", ["honest", "ends the process", "forks without end", "memory"])
def test_the_same_in_kernels_that_are_started_anew(name, bwrap):
    check(SCENARIOS[name], bwrap)


@pytest.mark.parametrize("name", [name for name, row in SCENARIOS.items() if row[4]])
def test_the_same_without_bubblewrap(name, plain):
    check(SCENARIOS[name], plain)


@pytest.mark.parametrize("name", FORGERIES)
def test_forging_gains_nothing_and_costs_no_other_submission(name, bwrap, warm):
    _, verdicts = grade([FORGERIES[name], X], bwrap, warm)
    assert verdicts["x"] in ("wrong", "error", "not answered")
    _, verdicts = grade(["x = 42", X], bwrap, warm)
    assert verdicts["x"] == "right"


def test_memory_of_several_processes_together(bwrap, warm):
    cells = [
        "y = 7",
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n"
        "        b = bytearray(b'1') * (400 * 2**20)\n        time.sleep(30)\ntime.sleep(30)",
        X,
        Y,
    ]
    result, verdicts = grade(cells, bwrap, warm, dataclasses.replace(LIMITS, cell_s=40))
    assert verdicts == {"x": "memory", "y": "right"}, result["events"]
    assert "needed more than 900 MB" in result["events"][0]


def test_files_in_memory_count_as_memory(bwrap, warm):
    fills = "for place in ('.', '/tmp'):\n    for number in range(15):\n"
    fills += "        open(f'{place}/{number}', 'wb').write(bytes(30 * 10**6))\n"
    cells = ["y = 7", f"import time\n{fills}time.sleep(30)", X, Y]
    limits = dataclasses.replace(LIMITS, cell_s=60, memory_mb=600, disk_mb=500)
    for interpreter in (warm, None):
        result, verdicts = grade(cells, bwrap, interpreter, limits)
        assert verdicts == {"x": "memory", "y": "right"}, result["events"]


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
    looked = monitor.Watch(types.SimpleNamespace(family=list, kill=ended.set), LIMITS)
    try:
        assert not ended.wait(0.6) and looked.reason is None
        hoard = b"x" * (200 * 2**20)
        assert ended.wait(10) and looked.reason == "output"
        del hoard
    finally:
        looked.stop()


def test_a_lot_printed_at_once_is_noticed_and_stopped(bwrap, warm):
    cells = ["x = 42", "print('x' * 300_000_000)", "y = 7", X, Y]
    result, verdicts = grade(cells, bwrap, warm, dataclasses.replace(LIMITS, memory_mb=2500))
    assert verdicts == FULL
    assert "code cell 2 printed more than 4 MB" in result["events"][0]
    assert result["executed"]["cells"][1]["outputs"][0]["text"].startswith("xxx")


def test_who_prints_too_much_keeps_what_came_before(bwrap, warm):
    cells = ["x = 42\nfor _ in range(100):\n    print('x' * 100_000)", X]
    result, verdicts = grade(cells, bwrap, warm)
    assert result["events"] == ["code cell 1 printed more than 4 MB and was stopped"]
    assert verdicts == {"x": "right"}


def test_thread_that_prints_without_end(bwrap, warm):
    """The cell that started it is found where ipykernel tells who prints (from version 7 on)."""
    cells = [
        "x = 42",
        "import threading\ndef flood():\n    while True:\n        print('flood ' * 10000)\n"
        "threading.Thread(target=flood, daemon=True).start()",
        "import time\ntime.sleep(1)\ny = 7",
        X,
        Y,
    ]
    result, verdicts = grade(cells, bwrap, warm, dataclasses.replace(LIMITS, cell_s=40))
    assert verdicts["x"] == "right"
    assert "code cell 2" in " ".join(result["events"]) or ipykernel.version_info[0] < 7
    assert verdicts["y"] == "right" or ipykernel.version_info[0] < 7


def test_visible_checks_run_and_are_not_believed(bwrap, warm):
    cells = ["x = 41", (X, "print('all checks passed')")]
    result, verdicts = grade(cells, bwrap, warm)
    assert verdicts["x"] == "wrong"
    assert result["executed"]["cells"][1]["outputs"][0]["text"] == "all checks passed\n"


def test_deadline_of_the_whole_notebook(bwrap, warm):
    cells = ["x = 42", X, *["import time\ntime.sleep(3)"] * 4, "y = 7", Y]
    limits = dataclasses.replace(LIMITS, notebook_s=6)
    started = time.monotonic()
    result, verdicts = grade(cells, bwrap, warm, limits)
    assert verdicts == {"x": "right", "y": "not reached"}
    assert "longer than 6 s in all" in result["events"][-1]
    assert time.monotonic() - started < 20


def test_manual_tasks_are_left_to_a_person(bwrap, warm):
    manual = Task("essay", "", manual=True)
    _, verdicts = grade(["x = 42", X, manual], bwrap, warm)
    assert verdicts == {"x": "right", "essay": "manual"}


def test_task_whose_test_cell_is_gone_is_judged_at_the_end(bwrap, warm):
    cells = ["x = 42", X]
    notebook = tiny_homework.notebook(cells[0])
    result = grade_notebook(
        notebook, tiny_homework.assignment(*cells), None, LIMITS, bwrap, warm=warm
    )
    assert result["tasks"][0]["verdict"] == "right"


def test_files_of_the_submission_are_there_and_nothing_of_the_grader(bwrap, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "log.csv").write_text("42")
    (tmp_path / "sub" / "more.txt").write_text("7")
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    # The environment may lie in the repository's folder, as .venv does: of that folder it is then
    # all there is to see.
    python = sandboxes.python_folders()
    hidden = [str(tmp_path), "/home", "/root/.ssh", "/course/grading", "/course/tests"]
    hidden += ["/course/notebooks/homework/instructor"]
    hidden += [str(path) for path in sandboxes.ROOT.iterdir() if str(path) not in python]
    passed_over = ["/proc", "/sys", "/usr", *python]
    look = f"""
import os, pathlib
x = int(pathlib.Path("log.csv").read_text())
y = int(pathlib.Path("sub/more.txt").read_text())
links = os.path.lexists("passwd")
seen = []
for folder, folders, names in os.walk("/"):
    if folder in {passed_over!r}:
        folders[:] = []
    seen += [os.path.join(folder, name) for name in folders + names]
hidden = [each for each in {hidden!r} if os.path.lexists(each)]
names = [each for each in seen if "instructor" in each or "judge" in each]
written = []
for folder, folders, names_ in os.walk("/"):
    if folder.startswith(("/proc", "/tmp", "/dev/shm", "/course/notebooks/homework")):
        folders[:] = []
        continue
    if len(folder.split("/")) > 4:
        folders[:] = []
    try:
        open(os.path.join(folder, "written"), "w").close()
        written.append(folder)
    except OSError:
        pass
variables = sorted(os.environ)
"""
    names = ("hidden", "names", "written", "links", "variables")
    test = "assert not hidden, hidden\nassert not names, names\nassert not written, written\n"
    test += "assert links is False\nassert 'SECRET_OF_TEACHER' not in variables"
    cells = [look, X, Y, Task("look", test, names)]
    os.environ["SECRET_OF_TEACHER"] = "1"
    try:
        for warm in (None, Warm(bwrap, LIMITS, MODULES)):
            limits = dataclasses.replace(LIMITS, cell_s=60)
            result, verdicts = grade(cells, bwrap, warm, limits, files=tmp_path)
            assert verdicts == FULL | {"look": "right"}, result
            if warm:
                warm.close()
    finally:
        del os.environ["SECRET_OF_TEACHER"]


@pytest.mark.parametrize("how", ["warm", "anew", "without bubblewrap"])
def test_files_with_the_names_of_libraries_do_not_keep_the_kernel_from_starting(
    how, request, tmp_path
):
    for name in ("traitlets", "zmq", "code", "IPython", "ipykernel", "tornado", "typing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken for a library')")
    (tmp_path / "helper.py").write_text("x = 42")
    sandbox = request.getfixturevalue("bwrap" if how != "without bubblewrap" else "plain")
    warm = request.getfixturevalue("warm") if how == "warm" else None
    _, verdicts = grade(["from helper import x", X], sandbox, warm, files=tmp_path)
    assert verdicts == {"x": "right"}


def test_a_judge_that_dies_while_it_waits_does_not_judge_the_next_task_wrongly():
    dies = "import os, threading\nthreading.Timer(0.2, os.kill, (os.getpid(), 9)).start()\n"
    tasks = [
        Task("dies", f"{dies}assert double(3) == 6", (), ("double",)),
        Task("raises", "raise SystemExit", (), ()),
        X,
        dataclasses.replace(X, grade_id="other"),
    ]
    state = types.SimpleNamespace(values={"x": "42"}, functions=["double"])

    def call(name, arguments, left):
        time.sleep(1)
        return {"result": "6"}

    with contextlib.closing(Judge()) as judge:
        verdicts = [judge.judge(task, state, call, 10, 1000)[0] for task in tasks]
        assert verdicts == ["error", "error", "right", "right"]
        state.values["x"] = "41"
        assert judge.judge(X, state, call, 10, 1000) == ("wrong", "x is 41, not 42")


def test_a_judge_that_the_system_ended_costs_nobody_a_point():
    state = types.SimpleNamespace(values={"x": "42"}, functions=[])
    with contextlib.closing(Judge()) as judge:
        judge._process.kill()
        judge._process.wait()
        assert judge.judge(X, state, None, 10, 1000) == ("right", "")


LEAVES_THINGS = """
import ctypes, mmap, os, pathlib, resource, signal, socket, subprocess, sys
for folder in ("/tmp", "/dev/shm", ".", "/tmp/home"):
    pathlib.Path(folder, "left-behind").write_text("answer: 42")
libc = ctypes.CDLL(None, use_errno=True)
segment = libc.shmget(4242, 4096, 0o1666)
tried = {}
def attempt(name, what):
    try:
        if (result := what()) is not None:
            tried[name] = str(result)
    except OSError:
        pass
attempt("outside", lambda: os.listdir("/slot") or None)
attempt("outer", lambda: os.path.isdir("/run/outer-proc") and os.listdir("/run/outer-proc") or None)
attempt("unmount", lambda: "done" if libc.umount2(b"/slot", 2) == 0 else None)
attempt("mount", lambda: "done" if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0 else None)
for fd in range(3, 64):
    try:
        link = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        continue
    if "slot" in link or "warm" in link:
        tried[link] = "open"
processes = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
for pid in processes:
    if pid != os.getpid():
        for act in (
            lambda: os.kill(pid, signal.SIGSTOP),
            lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
            lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (5, 5)),
        ):
            try:
                act()
            except OSError:
                pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        import time
        while True:
            time.sleep(1)
    os._exit(0)
x = 42
"""
LOOKS_FOR_THEM = """
import ctypes, os
left = [folder for folder in ("/tmp", "/dev/shm", ".", "/tmp/home")
        if os.path.exists(os.path.join(folder, "left-behind"))]
libc = ctypes.CDLL(None, use_errno=True)
if libc.shmget(4242, 4096, 0) >= 0:
    left.append("shared memory")
strangers = {int(each) for each in os.listdir("/proc") if each.isdigit()} - {1, os.getpid()}
left += sorted(strangers)
"""


def test_warm_interpreter_keeps_submissions_apart(bwrap):
    tried = Task("tried", "assert tried == {}, tried", ("tried",))
    left = Task("left", "assert left == [], left", ("left",))
    with Warm(bwrap, LIMITS, MODULES) as warm:
        _, verdicts = grade(["x = 42", X], bwrap, warm)
        assert verdicts == {"x": "right"}
        process = psutil.Process(warm.popen.pid).children()[0]
        before = state_of(process)
        result, verdicts = grade([LEAVES_THINGS, X, tried], bwrap, warm)
        assert verdicts == {"x": "right", "tried": "right"}, result["tasks"][1]["message"]
        deadline = time.monotonic() + 5
        while process.children() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.children(recursive=True) == []
        assert state_of(process) == before
        assert list((warm.folder / "slot").iterdir()) == []
        result, verdicts = grade([LOOKS_FOR_THEM, left], bwrap, warm)
        assert verdicts == {"left": "right"}, result["tasks"]
        assert result["warm"]
    assert not cleanup.is_alive(process)


def state_of(process):
    """What a stranger could have changed of the warm interpreter."""
    limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
    return process.pid, process.nice(), limits, process.cpu_affinity()


def test_two_submissions_at_a_time_do_not_see_each_other(bwrap):
    """Each in its own thread, with its own files."""
    import concurrent.futures

    def one(number):
        cells = [f"import time\ntime.sleep(1)\nx = {number}", X]
        return grade(cells, bwrap)[1]["x"]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, [42, 41])) == ["right", "wrong"]


def test_without_a_warm_interpreter_that_is_gone(bwrap):
    warm = Warm(bwrap, LIMITS, MODULES)
    warm.close()
    result, verdicts = grade(["x = 42", X], bwrap, warm)
    assert verdicts == {"x": "right"}
    assert not result["warm"]


@pytest.fixture
def short_folder():
    """A folder with a short name: the path of a socket has little room, tmp_path may be long."""
    folder = tempfile.mkdtemp(prefix="left-")
    yield pathlib.Path(folder)
    shutil.rmtree(folder)


def test_nothing_is_left_behind(bwrap, plain, short_folder, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(short_folder))
    before = set(psutil.pids())
    for sandbox in (bwrap, plain):
        leaves = "import subprocess\nsubprocess.Popen(['sleep', '987'])\nx = 42"
        _, verdicts = grade([leaves, X], sandbox)
        assert verdicts == {"x": "right"}
    for pid in set(psutil.pids()) - before:
        try:
            assert "987" not in psutil.Process(pid).cmdline()
        except psutil.Error:
            continue
    assert [path for path in short_folder.iterdir() if path.name.startswith("run-")] == []
