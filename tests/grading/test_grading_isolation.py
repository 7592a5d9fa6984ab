"""What a submission cannot reach: the machine's settings, root, other submissions, the grader."""

import contextlib
import dataclasses
import os
import pathlib
import platform
import struct

import psutil
import pytest
from conftest import ROOT
from tiny_homework import LIMITS, MODULES, X, grade, task

from grading.execution.kernel import Kernel
from grading.sandbox import view
from grading.sandbox.inside import confine
from grading.sandbox.prefork import Lease, PreforkServer
from utils.processes import cleanup

LIMITS = dataclasses.replace(LIMITS, cell_s=60)


@pytest.fixture(params=["forked", "started anew"])
def either(request):
    """A prefork server, or None to start each kernel anew."""
    return request.getfixturevalue("server") if request.param == "forked" else None


def value_after(code, name, sandbox, server=None, files=None):
    """The value of a variable, as text, after a submission's code ran."""
    shows = task("value", f"assert False, {name}", [name])
    result, _ = grade([code, shows], sandbox, server, LIMITS, files)
    assert result["tasks"][0]["verdict"] == "wrong", result
    assert result["forked"] == (server is not None)
    return result["tasks"][0]["message"]


# What an attacker would try first; every line that succeeds adds a word to `got`.
REACHES_OUT = """
import ctypes, os, pathlib, subprocess
got = []
for top in ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/sysrq-trigger"):
    places = [top, *(os.path.join(here, name) for here, _, names in os.walk(top) for name in names)]
    got += [place for place in places if os.path.exists(place) and os.access(place, os.W_OK)]
    for place in places:
        try:
            with open(place, "r+b"):
                got.append("opened " + place)
        except OSError:
            pass
libc = ctypes.CDLL(None, use_errno=True)
NEW_USER, MEMORY = 0x10000000, 0o1600
calls = {
    "unshare": lambda: libc.unshare(NEW_USER) == 0,
    "clone": lambda: libc.syscall(CLONE, NEW_USER | 17, 0, 0, 0, 0) >= 0,
    "shmget": lambda: libc.shmget(0, 1 << 20, MEMORY) >= 0,
    "semget": lambda: libc.semget(0, 1, MEMORY) >= 0,
    "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
    "umount": lambda: libc.umount2(b"/slot", 2) == 0,
    "memfd": lambda: libc.memfd_create(b"mine", 0) >= 0,
    "program": lambda: subprocess.call(["/usr/bin/unshare", "--user", "true"], stderr=-3) == 0,
}
got += [name for name, succeeds in calls.items() if succeeds()]
for kind in set(range(46)) - {1, 2, 10, 16}:
    if libc.socket(kind, 1, 0) >= 0 or libc.socket(kind, 2, 0) >= 0:
        got.append(f"socket {kind}")
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
if int(status["CapEff"], 16) or status["NoNewPrivs"].strip() != "1":
    got.append("privileges")
if 0 in os.getresuid() + os.getresgid() or 0 in os.getgroups():
    got.append("root")
for thread in pathlib.Path("/proc/self/task").iterdir():
    if "Seccomp:\\t2" not in (thread / "status").read_text():
        got.append("a thread without a filter")
got = " ".join(got) or "nothing"
"""


def test_nothing_of_the_machine_is_writable_and_no_namespace_is_to_be_had(bwrap, either):
    if not confine.has_filter():
        pytest.skip(f"there is no filter of system calls for {platform.machine()}")
    code = REACHES_OUT.replace("CLONE", str(confine.CALLS[platform.machine()]["clone"]))
    assert value_after(code, "got", bwrap, either) == "nothing"


LOOKS_AROUND = """
import os, pathlib
assert pathlib.Path("log.csv").read_text() + pathlib.Path("sub/more.txt").read_text() == "427"
seen = [path for path in HIDDEN if os.path.lexists(path)]
for folder, folders, names in os.walk("/"):
    if folder in PASSED_OVER:
        folders[:] = []
    seen += [name for name in folders + names if "instructor" in name or "judge" in name]
for folder, folders, _ in os.walk("/"):
    writable = folder.startswith(("/proc", "/tmp", "/dev/shm", "/course/notebooks/homework"))
    if writable or folder.count("/") > 3:
        folders[:] = []
    try:
        if not writable:
            open(os.path.join(folder, "written"), "w").close()
            seen.append("written to " + folder)
    except OSError:
        pass
seen += [name for name in os.environ if name == "SECRET_OF_TEACHER"]
seen = " ".join(map(str, seen)) or "nothing"
"""


def test_its_files_are_there_and_nothing_of_the_grader(bwrap, either, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_TEACHER", "1")
    (tmp_path / "sub").mkdir()
    (tmp_path / "log.csv").write_text("42")
    (tmp_path / "sub" / "more.txt").write_text("7")
    # The environment may lie in the repository's folder, as .venv does: of that folder it is then
    # all there is to see.
    python = view.python_folders()
    hidden = [str(tmp_path), "/home", "/root/.ssh", "/course/grading", "/course/tests"]
    hidden += ["/course/notebooks/homework/instructor"]
    hidden += [str(path) for path in ROOT.iterdir() if os.path.realpath(path) not in python]
    code = LOOKS_AROUND.replace("HIDDEN", repr([path for path in hidden if path not in python]))
    code = code.replace("PASSED_OVER", repr(["/proc", "/sys", "/usr", *python]))
    assert value_after(code, "seen", bwrap, either, tmp_path) == "nothing"


@contextlib.contextmanager
def kernel_of(sandbox, server):
    """A kernel, started as the server says."""
    with contextlib.ExitStack() as stack:
        lease = stack.enter_context(contextlib.closing(Lease(server))) if server else None
        yield stack.enter_context(contextlib.closing(Kernel(sandbox, LIMITS, None, lease)))


def test_no_process_of_a_submission_is_root_outside_either(bwrap, either):
    with kernel_of(bwrap, either) as kernel:
        code = "import subprocess\nprocess = subprocess.Popen(['sleep', '30'])"
        assert kernel.run(code, 10).status == "ok"
        users = {}
        for process in kernel.started.family():
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                if process.name() != "bwrap":
                    words = " ".join(process.cmdline())
                    users[words] = {*process.uids(), *process.gids()}
    assert any("sleep" in words for words in users), users
    assert all(0 not in numbers for numbers in users.values()), users


def test_a_submission_that_signals_its_group_is_known_to_have_ended(bwrap, server):
    with kernel_of(bwrap, server) as kernel:
        assert kernel.run("import os\nos.kill(0, 9)", 10).status == "died"


def test_a_submission_may_talk_to_itself_and_has_terminals_whoever_was_before(bwrap, server):
    takes = "import os\ntry:\n    os.chmod('/dev/pts/ptmx', 0)\nexcept OSError:\n    pass\nx = '1'"
    assert value_after(takes, "x", bwrap, server) == "1"
    needs = "import os, pty, socket\npty.openpty()\nx = 'a terminal'\n"  # as `!ls` does
    needs += "with socket.create_server(('127.0.0.1', 0)) as server:\n"
    needs += "    with socket.create_connection(server.getsockname(), 5):\n        x += ', a call'"
    assert value_after(needs, "x", bwrap, server) == "a terminal, a call"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_decides_by_call_and_architecture(machine):
    """Its instructions are run here, as the kernel would, also for the other kind of processor."""
    program = confine.filter_program(machine)
    lines = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    calls = confine.CALLS[machine]

    def answer(call, arch=confine.AUDIT_ARCH[machine], first=0):
        memory, at, value = {0: call, 4: arch, 16: first}, 0, None
        while True:
            code, if_true, if_false, operand = lines[at]
            if code == 0x06:
                return operand
            if code == 0x20:
                value = memory[operand]
                at += 1
                continue
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}
            at += 1 + (if_true if holds[code] else if_false)

    allowed = 0x7FFF0000
    by_argument = ("clone", "socket")
    assert all(answer(calls[name]) != allowed for name in calls if name not in by_argument)
    assert answer(calls["socket"], first=40) not in (allowed, answer(calls["clone3"]))
    assert all(answer(calls["socket"], first=kind) == allowed for kind in (1, 2, 10, 16))
    assert answer(calls["clone"], first=0x11) == allowed
    assert answer(calls["clone"], first=confine.NEW_USER | 0x11) != allowed
    assert answer(0) == answer(calls["clone3"] - 1) == allowed
    assert answer(0, arch=0x40000003) != allowed
    assert answer(0x40000000 + calls["memfd_create"]) != allowed


# --- One submission after another -----------------------------------------------------------------

LEAVES_THINGS = """
import os, pathlib, resource, signal, time
for folder in ("/tmp", "/dev/shm", ".", "/tmp/home"):
    pathlib.Path(folder, "left-behind").write_text("answer: 42")
seen = []
for place in ("/slot", "/run/outer-proc"):
    try:
        seen += os.listdir(place)
    except OSError:
        pass
for number in os.listdir("/proc/self/fd"):
    try:
        link = os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        continue
    seen += [link] if "slot" in link or "prefork" in link else []
for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
    for act in (
        lambda: os.kill(pid, signal.SIGSTOP),
        lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
        lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (5, 5)),
    ):
        try:
            if pid != os.getpid():
                act()
        except OSError:
            pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)
    os._exit(0)
seen = " ".join(seen) or "nothing"
"""
LOOKS_FOR_THEM = """
import os
left = [folder for folder in ("/tmp", "/dev/shm", ".", "/tmp/home")
        if os.path.exists(os.path.join(folder, "left-behind"))]
strangers = {name for name in os.listdir("/proc") if name.isdigit()} - {"1", str(os.getpid())}
left += sorted(strangers)
left = " ".join(left) or "nothing"
"""


def test_a_prefork_server_keeps_submissions_apart(bwrap):
    def state_of(process):
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
        return process.pid, process.nice(), limits, process.cpu_affinity()

    with contextlib.closing(PreforkServer(bwrap, LIMITS, MODULES)) as server:
        assert value_after("x = 'ready'", "x", bwrap, server) == "ready"
        process = psutil.Process(server.popen.pid).children()[0]
        before = state_of(process)
        assert value_after(LEAVES_THINGS, "seen", bwrap, server) == "nothing"
        assert cleanup.wait(process.children(recursive=True), 5) == []
        assert state_of(process) == before
        assert list(server.slot.iterdir()) == []
        assert value_after(LOOKS_FOR_THEM, "left", bwrap, server) == "nothing"
    assert not cleanup.is_alive(process)


def test_nobody_is_given_half_a_module(bwrap):
    """What cannot be imported whole beforehand is not imported: kernels start anew then."""
    draws = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nx = 'drawn'"
    modules = (*MODULES, "matplotlib.pyplot", "is_not_installed")
    with contextlib.closing(PreforkServer(bwrap, LIMITS, modules)) as server:
        assert value_after(draws, "x", bwrap, server) == "drawn"
    with contextlib.closing(PreforkServer(bwrap, LIMITS, ("json.is_not_there",))) as server:
        result, _ = grade(["x = 42", X], bwrap, server, LIMITS)
        assert result["points"] == 1 and not result["forked"]
        assert server.popen.wait(10) is not None
