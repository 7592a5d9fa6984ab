"""Every answer gets the verdict that it deserves, and forging gains nothing.

What a submission may do to the grader is shown by the class (`grading_class`); here stand the
verdicts and messages, and what can only be seen from within.
"""

import contextlib
import dataclasses
import threading
import time
import types

import ipykernel
import psutil
import pytest
import zmq
from tiny_homework import LIMITS, MODULES, X, Y, grade, short_folder, task

from grading.execution.judge import Judge
from grading.execution.kernel import Kernel
from grading.sandbox import bubblewrap, monitor
from grading.sandbox.prefork import PreforkServer

# Code that gives `it`, the test of it, the verdict, and a part of the message.
IS_42 = "assert it == 42, f'it is {it}, not 42'"
DOUBLES = "for n in range(3, 6):\n    assert it(n) == 2 * n"
ANSWERS = {
    "right": ("it = 42", IS_42, "right", ""),
    "of NumPy": ("import numpy\nit = numpy.int64(42)", IS_42, "right", ""),
    "function": ("def it(n):\n    return n * 2", DOUBLES, "right", ""),
    "wrong": ("it = 41", IS_42, "wrong", "it is 41, not 42"),
    "NaN": ("it = float('nan')", IS_42, "wrong", "it is nan"),
    "text": ("it = '42'", IS_42, "wrong", ""),
    "missing": ("", IS_42, "not answered", ""),
    "dots": ("it = ...", IS_42, "not answered", ""),
    "None": ("it = None", IS_42, "not answered", ""),
    "dots in a function": ("def it(n):\n    ...", DOUBLES, "not answered", ""),
    "not implemented": (
        "def it(n):\n    raise NotImplementedError", DOUBLES, "not answered", "",
    ),
    "cell fails": ("it = 42 / 0", IS_42, "error", "ZeroDivisionError: division by zero"),
    "function fails": ("def it(n):\n    return n + 'a'", DOUBLES, "error", "TypeError"),
    "fails like a check": ("def it(n):\n    raise AssertionError('ok')", DOUBLES, "error", ""),
    "no function": ("it = 6", DOUBLES, "error", "not a function"),
    "no plain value": ("it = object()", IS_42, "error", "of type object"),
    "the check cannot take it": ("it = 'a'", "assert it + 1 == 2", "error", "it is a text"),
    "recursive": ("it = []\nit.append(it)", IS_42, "error", "nested too deeply"),
    "huge": ("import numpy\nit = numpy.zeros(10**7)", IS_42, "error", "large"),
    "hangs when called": (
        "import time\ndef it(n):\n    time.sleep(60)", DOUBLES, "timeout", "",
    ),
    "hangs while handing over": (
        "import time\nclass Slow:\n    def __array__(self, *a, **k):\n        time.sleep(60)\n"
        "it = Slow()", IS_42, "timeout", "",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def judged(bwrap, server):
    """What became of all answers, which are given in one notebook."""
    cells = []
    for number, (code, hidden, _, _) in enumerate(ANSWERS.values()):
        kind = "functions" if hidden is DOUBLES else "values"
        cells += [
            f"it = 0\ndel it\n{code}",
            task(f"t{number}", hidden, **{kind: ["it"]}, seconds=2),
        ]
    result, _ = grade(cells, bwrap, server)
    return dict(zip(ANSWERS, result["tasks"], strict=True))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_gets_its_verdict_and_a_message_that_helps(name, judged):
    _, _, verdict, message = ANSWERS[name]
    assert judged[name]["verdict"] == verdict and message in judged[name]["message"], judged[name]


HANDS_OVER = """
import sys, json
class Odd:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {'application/x-plain-value': json.dumps(ODD)}
sys.modules['course_hand_over'].state = lambda *a: Odd()
"""
FORGERIES = {
    "hands over no answer": HANDS_OVER.replace("Odd()", "{'verdict': 'right', 'x': 42}"),
    "hands over brackets": HANDS_OVER.replace("ODD", "{'values': {'x': '[' * 50000}}"),
    "hands over an array bomb": HANDS_OVER.replace(
        "ODD", """{"values": {"x": '{"array": ["<f8", [1099511627776, 1099511627776], "AAA="]}'}}"""
    ),
    "hands over an object array": HANDS_OVER.replace(
        "ODD", """{"values": {"x": '{"array": ["|O", [1], "AAAAAAAAAAA="]}'}}"""
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


@pytest.mark.parametrize("name", FORGERIES)
def test_forging_gains_nothing(name, bwrap, server):
    _, verdicts = grade([FORGERIES[name], X], bwrap, server)
    assert verdicts["x"] in ("wrong", "error", "not answered")


# Cells with tests, the verdicts, and a part of an event.
ENDINGS = {
    "everything as it should be": (["x = 42", X, "y = 7", Y], "right right", ""),
    "in the last cell": (
        ["x = 42\ny = 7", X, Y, "import os\nos._exit(0)"], "right right", "cell 4 ended the kernel",
    ),
    "before the last check": (
        ["x = 42\ny = 7", X, "import os\nos.kill(os.getpid(), 9)", Y], "right right", "cell 3",
    ),
    "with an interrupt": (
        ["x = 42", "import time\ntime.sleep(60)\ny = 7", X, Y], "right timeout", "longer than 3 s",
    ),
    "with a signal": (["x = 42", "import os\nos.kill(-1, 9)", "y = 7", X, Y], "right right", ""),
    "with a full disk": (
        ["x = 42\nfor n in range(99):\n    open(str(n), 'w').write('x' * 10**6)", X, "y = 7", Y],
        *("right right", "No space left"),
    ),
    "with too much memory": (["y = 7", "x = bytearray(2 * 10**9)", X, Y], "memory right", "memory"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("how", ["forked", "anew", "without bubblewrap"])
def test_a_cell_costs_no_points_but_its_own(name, how, request):
    if how == "without bubblewrap" and name.startswith("with "):
        pytest.skip("harms the machine")
    sandbox, server = bubblewrap.Sandbox(None, "asked for"), None
    if how != "without bubblewrap":
        sandbox = request.getfixturevalue("bwrap")
    if how == "forked":
        server = request.getfixturevalue("server")
    cells, expected, event = ENDINGS[name]
    result, verdicts = grade(cells, sandbox, server, dataclasses.replace(LIMITS, cell_s=3))
    assert [verdicts["x"], verdicts["y"]] == expected.split(), result["tasks"]
    assert result["points"] == expected.split().count("right")
    assert event in " ".join(result["events"]) and result["forked"] == (server is not None)


def test_what_came_before_too_much_output_is_kept(bwrap, server):
    cells = ["x = 42\nfor _ in range(100):\n    print('x' * 100_000)", X]
    result, verdicts = grade(cells, bwrap, server)
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
    essay = task("essay", is_manual=True)
    cells = ["x = 42", X, *["import time\ntime.sleep(2)"] * 4, "y = 7", Y, essay]
    started = time.monotonic()
    limits = dataclasses.replace(LIMITS, notebook_s=3)
    result, verdicts = grade(cells, bwrap, server, limits)
    assert verdicts == {"x": "right", "y": "not reached", "essay": "manual"}
    assert "longer than 3 s in all" in result["events"][-1] and time.monotonic() - started < 20


@pytest.mark.parametrize("is_forked", [True, False])
def test_files_with_the_names_of_libraries_are_not_taken_for_them(
    is_forked, bwrap, server, tmp_path
):
    for name in ("traitlets", "zmq", "code", "IPython", "ipykernel", "tornado", "typing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken for a library')")
    (tmp_path / "helper.py").write_text("x = 42")
    cells = ["from helper import x", X]
    _, verdicts = grade(cells, bwrap, server if is_forked else None, files=tmp_path)
    assert verdicts == {"x": "right"}


def test_without_a_prefork_server_that_is_gone(bwrap):
    server = PreforkServer(bwrap, LIMITS, MODULES)
    server.close()
    result, verdicts = grade(["x = 42", X], bwrap, server)
    assert verdicts == {"x": "right"} and not result["forked"]


def test_without_isolation_nothing_is_left_behind_either(monkeypatch):
    with short_folder() as folder:
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        leaves = "import subprocess\nsubprocess.Popen(['sleep', '987'])\nx = 42"
        _, verdicts = grade([leaves, X], bubblewrap.Sandbox(None, "asked for"))
        assert verdicts == {"x": "right"} and list(folder.glob("run-*")) == []
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
    watching = monitor.Monitor(started, LIMITS)
    try:
        assert watching.look() is None
        hoard = b"x" * (200 * 2**20)
        assert ended.wait(10) and watching.reason == "output"
        del hoard
    finally:
        watching.stop()


# --- The judge --------------------------------------------------------------------------------


def test_a_judge_that_dies_while_it_waits_does_not_judge_the_next_task_wrongly():
    dies = "import os, threading\nthreading.Timer(0.2, os.kill, (os.getpid(), 9)).start()\n"
    tasks = [task("dies", f"{dies}assert double(3) == 6", functions=["double"])]
    tasks += [task("raises", "raise SystemExit"), X]
    state = types.SimpleNamespace(values={"x": "42"}, functions=["double"])

    def call(name, arguments, left):
        time.sleep(0.5)
        return {"result": "6"}

    before = set(psutil.Process().children())
    with contextlib.closing(Judge()) as judge:
        verdicts = [judge.judge(asked, state, call, 10, 1000)[0] for asked in tasks]
        assert verdicts == ["error", "error", "right"]
        state.values["x"] = "41"
        assert judge.judge(X, state, call, 10, 1000) == ("wrong", "x is 41, not 42")
        for process in set(psutil.Process().children()) - before:
            process.kill()  # as the system does for lack of memory, which costs nobody a point
            process.wait(5)
        assert judge.judge(X, state, call, 10, 1000) == ("wrong", "x is 41, not 42")
