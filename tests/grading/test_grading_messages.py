"""Tests of what comes out of a kernel that forges messages: it costs its own points only."""

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
from test_grading_engine import grade
from tiny_homework import Task

from grading.execution import bridge, descriptors, messages, outputs
from grading.execution.judge import Judge
from grading.execution.kernel import Outcome
from grading.limits import Limits
from grading.sandbox import bubblewrap as sandboxes
from grading.sandbox.inside import plain_values

MEGABYTE = 2**20
LIMITS = Limits(cell_s=20, notebook_s=60, memory_mb=900, disk_mb=50, processes=60, grace_s=2)
X = Task("x", "assert x == 42, f'x is {x}, not 42'", ("x",))
Y = Task("y", "assert y == 7", ("y",))
Z = Task("z", "assert z == 7", ("z",))


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
    "a figure of numbers": {"data": {"plotly": {"y": [0.5] * 50_000}}},
    "unusual characters": {"text": "é😀" * 1000},
}


@pytest.mark.parametrize("content", HONEST.values(), ids=HONEST)
def test_an_honest_message_is_read(content):
    message = messages.Message(frames(content))
    assert (message.kind, message.request) == ("execute_reply", "a")
    assert message.content() == content


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


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED)
def test_a_message_that_holds_too_much_is_not_read(content):
    message = messages.Message(frames(content))
    with pytest.raises(ValueError):
        message.content()


@pytest.mark.parametrize(
    "made",
    [
        [],
        [b"<IDS|MSG>"],
        frames({})[:-1],
        frames({}, parent="[]"),
        frames({}, parent='{"msg_id": ["a"]}'),
        frames({}, parent='{"a": "%s"}' % ("a" * 70_000)),
        frames({}, kind=["stream"]),
    ],
)
def test_what_is_no_message(made):
    with pytest.raises(messages.UnreadableError):
        messages.Message(made)


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
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=sandboxes.ROOT
    )
    assert int(done.stdout) < 250, done.stderr


def test_a_message_of_very_many_frames_is_a_flood():
    with zmq.Context() as context:
        here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        here.bind("inproc://flood")
        there.connect("inproc://flood")
        there.send_multipart([b"a", b"b"])
        assert messages.receive(here) == [b"a", b"b"]
        there.send_multipart([b""] * 1000)
        with pytest.raises(messages.FloodError):
            messages.receive(here)
        here.close(linger=0)
        there.close(linger=0)


FORGES = """
import json, zmq
kernel = get_ipython().kernel
def send(number, content, frames=1, kind="execute_reply"):
    context = zmq.Context()
    socket = context.socket(zmq.DEALER if number == 1 else zmq.PUB)
    socket.connect(f"ipc:///run/grading/sockets/{number}")
    time.sleep(0.3)
    parent = json.dumps(kernel.get_parent("shell")["header"], default=str).encode()
    header = json.dumps({"msg_type": kind}).encode()
    socket.send_multipart([b"<IDS|MSG>", b"", header, parent, b"{}", *[content] * frames])
    time.sleep(1)
import time
"""


@pytest.mark.parametrize(
    ("sends", "right"),
    [
        ("send(1, b'{\"a\": [' + b'[],' * 5_000_000 + b'[]]}')", "xyz"),
        ("send(1, b'[' * 50_000)", "xyz"),
        ("send(2, b'[' * 50_000, kind='status')", "xyz"),
        # Too much output, which is stopped before there is an answer:
        ("send(2, b'{\"a\": [' + b'[],' * 5_000_000 + b'[]]}', kind='display_data')", "yz"),
        ("send(2, b'', 300_000)", "yz"),
    ],
)
def test_forged_messages_cost_only_their_own_points(sends, right, bwrap):
    cells = [FORGES, "y = 7", Y, f"{sends}\nx = 42", X, "z = 7", Z]
    result, verdicts = grade(cells, bwrap, limits=LIMITS)
    assert "".join(sorted(each for each in verdicts if verdicts[each] == "right")) == right, result


# --- Outputs -----------------------------------------------------------------------------------


def shown(*sent):
    """The texts that are kept of such messages."""
    kept = outputs.Outputs()
    for kind, content in sent:
        outputs.add_output(kept, kind, content)
    return [output["text"] for output in kept]


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        (["1\r", "2\r", "3"], "3"),
        (["1", "\r2", "\r3\n"], "3\n"),
        (["a\n1\r", "\nb\r", "\r"], "a\n1\nb\r"),
    ],
)
def test_what_follows_a_carriage_return_takes_the_place_of_the_line(printed, text):
    assert shown(*(("stream", {"name": "stdout", "text": each}) for each in printed)) == [text]


def test_what_is_to_be_cleared_can_wait_for_what_comes_instead():
    one, two = (("stream", {"name": "stdout", "text": each}) for each in "12")
    wait, now = (("clear_output", {"wait": each}) for each in (True, False))
    assert shown(one, wait) == ["1"]
    assert shown(one, wait, two, two) == ["22"]
    assert shown(one, now) == shown(one, wait, now) == []


# --- Connections -------------------------------------------------------------------------------

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


def test_a_flood_of_connections_costs_only_its_own_points(tmp_path):
    """In a process that may open few files, because the messaging library ends one without any."""
    code = f"""
import json, resource, sys
sys.path[:0] = [{str(sandboxes.ROOT)!r}, {str(sandboxes.ROOT / "tests" / "support")!r}]
import test_grading_messages as here
resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000))
here.descriptors.raise_limit = lambda processes: None
cells = ["y = 7", here.Y, here.FLOODS, "z = 7", here.Z]
result, verdicts = here.grade(cells, here.sandboxes.choose(), limits=here.LIMITS)
json.dump([verdicts, result["events"]], sys.stdout)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    verdicts, events = json.loads(done.stdout)
    assert verdicts == {"y": "right", "z": "right"}
    assert "code cell 3" in events[0] and "connections" in events[0]


@pytest.mark.parametrize(
    ("soft", "hard", "is_root", "left", "each"),
    [
        (1024, 4096, False, 4096, 256),
        (1024, 20_000, False, 20_000, 304),
        (1024, 20_000, True, 66_048, 1024),
        (1024, 500_000, False, 66_048, 1024),
        (100_000, 500_000, False, 100_000, 1024),
    ],
)
def test_there_are_more_descriptors_than_a_submission_can_use_up(
    soft, hard, is_root, left, each, monkeypatch
):
    limits = [soft, hard]

    def set_limit(_, pair):
        if pair[1] > limits[1] and not is_root:
            raise ValueError
        limits[:] = pair

    monkeypatch.setattr(descriptors.resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(descriptors.resource, "setrlimit", set_limit)
    descriptors.raise_limit(64)
    assert limits[0] == left and limits[1] >= min(hard, left)
    assert descriptors.for_submission(64) == each


# --- Values ------------------------------------------------------------------------------------


def kernel_that_answers(answer, value_bytes=100):
    """A kernel that answers every question alike."""
    outcome = Outcome("ok", answer=answer)
    limits = types.SimpleNamespace(value_bytes=value_bytes)
    return types.SimpleNamespace(limits=limits, ask=lambda *_: outcome)


@pytest.mark.parametrize("character", ['"', "\\", "é"])
def test_texts_that_get_longer_on_their_way_are_handed_over(character, bwrap):
    limits = dataclasses.replace(LIMITS, value_bytes=6 * MEGABYTE)
    most = 6_000_000 // (len(json.dumps(character)) - 2)
    task = Task("x", f"assert x == {character!r} * {most}", ("x",))
    result, verdicts = grade([f"x = {character!r} * {most}", task], bwrap, limits=limits)
    assert verdicts == {"x": "right"}, result["tasks"]


@pytest.mark.parametrize("kind", [bool, np.bool_])
def test_true_and_false_stay_what_they_are(kind):
    text = plain_values.dumps([kind(True), [kind(False)]], 1000)
    assert json.loads(text)[0] is True
    assert json.loads(text)[1][0] is False


def test_values_that_are_too_large_are_not_passed_on():
    task = Task("a", "", ("x", "y", "z"), ("f",))
    values = {"x": "1" * 60, "y": "2" * 60, "z": "3"}
    state = bridge.collect(kernel_that_answers({"values": values, "functions": ["f"]}), task, 1)
    assert set(state.values) == {"x"}  # all of them together count
    assert "too large" in state.problems["y"]
    for odd in ({"values": 3, "problems": [], "functions": 4}, {"problems": {"x": ["a"]}}, None):
        state = bridge.collect(kernel_that_answers(odd), task, 1)
        assert not state.values and set(state.problems) == {"x", "y", "z", "f"}


def test_a_result_that_is_too_large_is_not_passed_on():
    assert bridge.call(kernel_that_answers({"result": "1" * 100}), "f", "[]", 1)["result"]
    answer = bridge.call(kernel_that_answers({"result": "1" * 101}), "f", "[]", 1)
    assert "too large" in answer["problem"]
    answer = bridge.call(
        kernel_that_answers({"raised": "E" * 9999, "message": "m" * 9999}), "f", "", 1
    )
    assert len(answer["raised"]) + len(answer["message"]) < 3000


@pytest.mark.parametrize(
    "text",
    [
        '{"array": ["<U0", [1000000], ""]}',
        '{"array": ["|U0", [1000, 1000, 0], ""]}',
        '{"array": ["<U", [5], ""]}',
        '{"array": ["<f8", [0, 4611686018427387904], ""]}',
        '{"array": ["<f8", [2], "AAAAAAAAAAA="]}',
        '{"array": ["<f8", [-1], ""]}',
        '{"array": ["(4000000000,)f8", [0], ""]}',
    ],
)
def test_arrays_that_would_be_larger_than_their_text_are_refused(text):
    with pytest.raises(plain_values.NotPlain):
        plain_values.loads(text)


@pytest.mark.parametrize("value", [np.array([""]), np.zeros((0, 3)), np.array([], dtype=str)])
def test_empty_arrays_are_handed_over(value):
    got = plain_values.loads(plain_values.dumps(value, 1000))
    assert got.shape == value.shape and got.dtype == value.dtype


def test_judging_goes_on_while_very_many_files_are_open():
    descriptors.raise_limit(4)
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1200:
        pytest.skip("too few files may be open here")
    kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    judge = Judge()
    try:
        state = types.SimpleNamespace(values={"x": "42"}, functions=[])
        assert judge.judge(X, state, None, 10, 1000)[0] == "right"
    finally:
        judge.close()
        for number in kept:
            os.close(number)


def test_judging_takes_no_more_memory_than_it_may():
    task = Task("x", "kept = [bytearray(x) for _ in range(200)]", ("x",))
    state = types.SimpleNamespace(values={"x": f"{MEGABYTE}"}, functions=[])
    for megabytes, verdict in ((150, "error"), (1000, "right")):
        judge = Judge(megabytes)
        try:
            assert judge.judge(task, state, None, 10, 1000)[0] == verdict
        finally:
            judge.close()
