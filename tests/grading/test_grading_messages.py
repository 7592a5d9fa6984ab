"""Tests of what comes out of a kernel that forges messages: it costs its own points only."""

import contextlib
import dataclasses
import json
import os
import resource
import subprocess
import sys
import types

import numpy as np
import pytest
import zmq
from tiny_homework import LIMITS, X, Y, Z, grade, task

from grading.execution import bridge, messages, outputs
from grading.execution.judge import Judge
from grading.execution.request import Outcome
from grading.sandbox import descriptors, view
from grading.sandbox.inside import plain_values

MEGABYTE = 2**20
LIMITS = dataclasses.replace(LIMITS, cell_s=20, processes=60, value_bytes=20_000_000)


# --- Messages ----------------------------------------------------------------------------------


def frames(content, parent='{"msg_id": "a"}', kind="execute_reply"):
    """The frames of a message."""
    header = json.dumps({"msg_type": kind}).encode()
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return [b"name", b"<IDS|MSG>", b"signature", header, parent.encode(), b"{}", content]


HONEST = {
    "text": {"name": "stdout", "text": 'brackets [[{"a": [1, 2]}]] and "quotes" \\ '},
    "many brackets in a text": {"text": "[[1, 2], {}]" * 100_000},
    "quotes and backslashes in a text": {"text": '"\\",[' * 300_000},
    "values": {"data": {"a": json.dumps({"x": json.dumps({"dict": [["a", [1, 2]]] * 50_000})})}},
}
FORGED = {
    "lists": b'{"a": [%s[]]}' % (b"[]," * 300_000),
    "lists in lists": b'{"a": %s%s}' % (b"[" * 150_000, b"]" * 150_000),
    "dictionaries": b'{"a": [%s{}]}' % (b"{}," * 300_000),
    "texts": b'{"a": [%s""]}' % (b'"ab",' * 300_000),
    "escaped quotes between them": b'{"a": [%s""]}' % (b'"\\\\\\"", [],' * 200_000),
    "no dictionary": b"[]",
    "no JSON": b'{"a',
    "other encoding": '{"a": [[], []]}'.encode("utf-16"),
    "wide characters": ('{"a": "%s😀"}' % ("a" * 9 * MEGABYTE)).encode(),
    "numbers without end": b'{"a": %s}' % (b"1" * 10_000),
}
NO_MESSAGES = {
    "nothing": [],
    "the sign alone": [b"<IDS|MSG>"],
    "no content": frames({})[:-1],
    "a list for a header": frames({}, parent="[]"),
    "a list for a number": frames({}, parent='{"msg_id": ["a"]}'),
    "a large header": frames({}, parent='{"a": "%s"}' % ("a" * 70_000)),
    "a list for a kind": frames({}, kind=["stream"]),
}


@pytest.mark.parametrize("name", [*HONEST, *FORGED, *NO_MESSAGES])
def test_only_an_honest_message_is_read(name):
    if name in HONEST:
        message = messages.Message(frames(HONEST[name]))
        assert (message.kind, message.request) == ("execute_reply", "a")
        assert message.content() == HONEST[name]
    elif name in FORGED:
        with pytest.raises(ValueError):
            messages.Message(frames(FORGED[name])).content()
    else:
        with pytest.raises(messages.UnreadableError):
            messages.Message(NO_MESSAGES[name])


def test_reading_a_message_of_many_lists_takes_little_memory():
    code = """
import resource
from grading.execution import messages
frame = b'{"a": [' + b"[]," * (20 * 2**20) + b"[]]}"
header = b'{"msg_type": "a"}'
message = messages.Message([b"<IDS|MSG>", b"", header, b"{}", b"{}", frame])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    message.content()
except ValueError:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=view.ROOT
    )
    assert int(done.stdout) < 250, done.stderr


def test_a_message_of_very_many_frames_is_a_flood():
    with zmq.Context() as context, context.socket(zmq.PAIR) as here, context.socket(zmq.PAIR) as it:
        here.linger = it.linger = 0
        here.bind("inproc://flood")
        it.connect("inproc://flood")
        it.send_multipart([b"a", b"b"])
        assert messages.receive(here) == [b"a", b"b"]
        it.send_multipart([b""] * 1000)
        with pytest.raises(messages.FloodError):
            messages.receive(here)


FORGES = """
import json, time, zmq
kernel = get_ipython().kernel
def send(number, content, frames=1, kind="execute_reply"):
    socket = zmq.Context().socket(zmq.DEALER if number == 1 else zmq.PUB)
    socket.connect(f"ipc:///run/grading/sockets/{number}")
    time.sleep(0.3)
    parent = json.dumps(kernel.get_parent("shell")["header"], default=str).encode()
    header = json.dumps({"msg_type": kind}).encode()
    socket.send_multipart([b"<IDS|MSG>", b"", header, parent, b"{}", *[content] * frames])
    time.sleep(1)
"""


# What is sent, and whether the cell's own points are lost: too much output stops it.
SENDS = {
    "c": ("send(2, b'{\"a\": [' + b'[],' * 5_000_000 + b'[]]}', kind='display_data')", True),
    "d": ("send(2, b'', 300_000)", True),
    "a": ("send(1, b'{\"a\": [' + b'[],' * 5_000_000 + b'[]]}')", False),
    "b": ("send(1, b'[' * 50_000); send(2, b'[' * 50_000, kind='status')", False),
}


def test_forged_messages_cost_only_their_own_points(bwrap, server):
    cells = [FORGES, "y = 7", Y]
    for name, (code, _) in SENDS.items():
        cells += [f"{code}\n{name} = 42", task(name, f"assert {name} == 42", [name])]
    result, verdicts = grade([*cells, "z = 7", Z], bwrap, server, LIMITS)
    lost = {name for name, verdict in verdicts.items() if verdict != "right"}
    assert lost == {name for name, (_, is_stopped) in SENDS.items() if is_stopped}, result


FLOODS = """
import os, socket, time
for _ in range(20):
    if os.fork() == 0:
        kept = []
        try:
            while True:
                kept.append(socket.socket(socket.AF_UNIX))
                kept[-1].connect("/run/grading/sockets/1")
        except OSError:
            time.sleep(30)
        os._exit(0)
time.sleep(8)
"""


def test_a_flood_of_connections_costs_only_its_own_points(bwrap):
    """In a process that may open few files, because the messaging library ends one without any."""
    folders = [str(view.ROOT / name) for name in ("", "tests/support", "tests/grading")]
    code = f"""
import json, resource, sys
sys.path[:0] = {folders!r}
import test_grading_messages as here
from grading.sandbox import bubblewrap
resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000))
here.descriptors.raise_limit = lambda processes: None
cells = ["y = 7", here.Y, here.FLOODS, "z = 7", here.Z]
result, verdicts = here.grade(cells, bubblewrap.choose(), limits=here.LIMITS)
json.dump([verdicts, result["events"]], sys.stdout)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    verdicts, events = json.loads(done.stdout)
    assert verdicts == {"y": "right", "z": "right"}
    assert "code cell 3" in events[0] and "connections" in events[0]


# --- Outputs -----------------------------------------------------------------------------------


def stream(text):
    return "stream", {"name": "stdout", "text": text}


WAIT, NOW = (("clear_output", {"wait": wait}) for wait in (True, False))


@pytest.mark.parametrize(
    ("sent", "texts"),
    [
        # What follows a carriage return takes the place of the line.
        ([stream("1\r"), stream("2\r"), stream("3")], ["3"]),
        ([stream("a\n1\r"), stream("\nb\r"), stream("\r")], ["a\n1\nb\r"]),
        # What is to be cleared can wait for what comes instead.
        ([stream("1"), WAIT, stream("2"), stream("2")], ["22"]),
        ([stream("1"), WAIT, NOW], []),
    ],
)
def test_what_is_shown(sent, texts):
    shown = outputs.Outputs()
    for kind, content in sent:
        outputs.add_output(shown, kind, content)
    assert [output["text"] for output in shown] == texts


# --- Values ------------------------------------------------------------------------------------


def test_texts_that_get_longer_on_their_way_are_handed_over(bwrap, server):
    limits, cells = dataclasses.replace(LIMITS, value_bytes=6 * MEGABYTE), []
    for number, character in enumerate('"\\é'):
        text = f"{character!r} * {6_000_000 // (len(json.dumps(character)) - 2)}"
        cells += [f"x = {text}", task(f"t{number}", f"assert x == {text}", ["x"])]
    result, verdicts = grade(cells, bwrap, server, limits)
    assert set(verdicts.values()) == {"right"}, result["tasks"]


def kernel_that_answers(answer):
    """A kernel that answers every question alike; values of 100 bytes may pass."""
    limits = types.SimpleNamespace(value_bytes=100)
    return types.SimpleNamespace(limits=limits, ask=lambda *_: Outcome("ok", answer=answer))


def test_values_that_are_too_large_are_not_passed_on():
    asked = task("a", "", ("x", "y", "z"), ("f",))
    values = {"x": "1" * 60, "y": "2" * 60, "z": "3"}
    state = bridge.collect(kernel_that_answers({"values": values, "functions": ["f"]}), asked, 1)
    assert set(state.values) == {"x"}  # all of them together count
    assert "too large" in state.problems["y"]
    for odd in ({"values": 3, "problems": [], "functions": 4}, {"problems": {"x": ["a"]}}, None):
        state = bridge.collect(kernel_that_answers(odd), asked, 1)
        assert not state.values and set(state.problems) == {"x", "y", "z", "f"}


def test_a_result_that_is_too_large_is_not_passed_on():
    def call(**answer):
        return bridge.call(kernel_that_answers(answer), "f", "[]", 1)

    assert call(result="1" * 100)["result"]
    assert "too large" in call(result="1" * 101)["problem"]
    assert len("".join(call(raised="E" * 9999, message="m" * 9999).values())) < 3000


@pytest.mark.parametrize(
    "array",
    [
        '["<U0", [1000000], ""]',
        '["|U0", [1000, 1000, 0], ""]',
        '["<U", [5], ""]',
        '["<f8", [0, 4611686018427387904], ""]',
        '["<f8", [2], "AAAAAAAAAAA="]',
        '["<f8", [-1], ""]',
        '["(4000000000,)f8", [0], ""]',
    ],
)
def test_arrays_that_would_be_larger_than_their_text_are_refused(array):
    with pytest.raises(plain_values.NotPlain):
        plain_values.loads(f'{{"array": {array}}}')


VALUES = [(True, True), (np.bool_(True), True), (np.int8(3), 3)]
VALUES += [([False, None, 1.5, {"a": (..., "b")}], [False, None, 1.5, {"a": [..., "b"]}])]
ARRAYS = [np.array([""]), np.zeros((0, 3)), np.arange(6, dtype=">i4").reshape(2, 3).T]


@pytest.mark.parametrize(("value", "received"), [*VALUES, *((array, array) for array in ARRAYS)])
def test_plain_values_stay_what_they_are(value, received):
    result = plain_values.loads(plain_values.dumps(value, 1000))
    assert type(result) is type(received) and np.shape(result) == np.shape(received)
    assert result == received if np.ndim(received) == 0 else np.array_equal(result, received)


# --- The judge ---------------------------------------------------------------------------------


def test_judging_goes_on_while_very_many_files_are_open():
    descriptors.raise_limit(4)
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1200:
        pytest.skip("too few files may be open here")
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        judge = stack.enter_context(contextlib.closing(Judge()))
        state = types.SimpleNamespace(values={"x": "42"}, functions=[])
        assert judge.judge(X, state, None, 10, 1000)[0] == "right"


@pytest.mark.parametrize(("megabytes", "verdict"), [(150, "error"), (1000, "right")])
def test_judging_takes_no_more_memory_than_it_may(megabytes, verdict):
    fills = task("x", "kept = [bytearray(x) for _ in range(200)]", ["x"])
    state = types.SimpleNamespace(values={"x": f"{MEGABYTE}"}, functions=[])
    with contextlib.closing(Judge(megabytes)) as judge:
        assert judge.judge(fills, state, None, 10, 1000)[0] == verdict
