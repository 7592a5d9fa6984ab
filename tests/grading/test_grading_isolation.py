"""What a submission cannot reach: the machine's settings, root, the class, memory nobody counts."""

import contextlib
import csv
import os
import pathlib
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import grading_class
import psutil
import pytest
import tiny_homework
from conftest import ROOT
from tiny_homework import Task

from grading.assignments.assignment import load_assignment, release
from grading.execution.engine import grade_notebook
from grading.execution.kernel import Kernel
from grading.limits import Limits
from grading.sandbox import bubblewrap as sandboxes
from grading.sandbox import view
from grading.sandbox.inside import confine, readable
from grading.sandbox.prefork import Lease, Warm
from utils.processes import cleanup

LIMITS = Limits(cell_s=10, notebook_s=60, memory_mb=900, disk_mb=50, processes=20, grace_s=1)
MODULES = ("numpy", "psutil", "ipykernel.kernelapp", "ipykernel.ipkernel")
IS_LINUX = sys.platform == "linux"


@pytest.fixture(scope="module", params=["forked", "started anew"])
def interpreter(request, bwrap):
    """A warm interpreter to fork kernels from, or None to start each anew."""
    if request.param == "started anew":
        yield None
        return
    with Warm(bwrap, LIMITS, MODULES) as warm:
        yield warm


def found_by(code, name, sandbox, warm=None):
    """The value of a variable after a submission's code ran."""
    task = Task("found", f"assert False, {name}", (name,))
    cells = [code, task]
    assignment = tiny_homework.assignment(*cells)
    notebook = tiny_homework.notebook(*cells)
    result = grade_notebook(notebook, assignment, None, LIMITS, sandbox, warm=warm)
    assert result["tasks"][0]["verdict"] == "wrong", result
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
if libc.unshare(NEW_USER) == 0:
    got.append("unshare")
if libc.syscall(%(clone)d, NEW_USER | 17, 0, 0, 0, 0) >= 0:
    got.append("clone")
if libc.shmget(0, 1 << 20, MEMORY) >= 0:
    got.append("shmget")
if libc.semget(0, 1, MEMORY) >= 0:
    got.append("semget")
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
    got.append("mount")
try:
    os.memfd_create("mine")
    got.append("memfd")
except OSError:
    pass
if subprocess.run(["/usr/bin/unshare", "--user", "true"], capture_output=True).returncode == 0:
    got.append("unshare as a program")
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


def test_nothing_of_the_machine_is_writable_and_no_namespace_is_to_be_had(bwrap, interpreter):
    if not confine.has_filter():
        pytest.skip(f"there is no filter of system calls for {platform.machine()}")
    code = REACHES_OUT % {"clone": confine.CALLS[platform.machine()]["clone"]}
    assert found_by(code, "got", bwrap, interpreter) == "nothing"


def test_no_process_of_a_submission_is_root_outside_either(bwrap, interpreter):
    lease = Lease(interpreter) if interpreter else None
    with contextlib.closing(Kernel(bwrap, LIMITS, None, lease)) as kernel:
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
    if lease:
        lease.close()


def test_a_submission_may_talk_to_itself(bwrap, interpreter):
    code = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname(), 5):
        found = "connected"
"""
    assert found_by(code, "found", bwrap, interpreter) == "connected"


def test_no_submission_takes_the_terminals_from_the_next(bwrap, interpreter):
    """Lines such as `!ls` need one."""
    takes = """
import os
try:
    os.chmod("/dev/pts/ptmx", 0)
except OSError:
    pass
found = "done"
"""
    assert found_by(takes, "found", bwrap, interpreter) == "done"
    needs = "import os, pty\npty.openpty()\nfound = 'a terminal'"
    assert found_by(needs, "found", bwrap, interpreter) == "a terminal"


def test_a_submission_that_signals_its_group_is_known_to_have_ended(bwrap, interpreter):
    lease = Lease(interpreter) if interpreter else None
    with contextlib.closing(Kernel(bwrap, LIMITS, None, lease)) as kernel:
        assert kernel.run("import os\nos.kill(0, 9)", 10).status == "died"
    if lease:
        lease.close()


@pytest.mark.skipif(not IS_LINUX, reason="filters are Linux's")
def test_what_honest_programs_do_passes_the_filter():
    code = """
import confine, multiprocessing, os, subprocess, sys, tempfile, threading
confine.filter_calls()
threading.Thread(target=print, args=["thread"]).start()
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
print(subprocess.run(["echo", "program"], capture_output=True, text=True).stdout)
with tempfile.TemporaryFile() as file:
    file.write(b"x")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=view.INSIDE, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["thread", "[1,", "2]", "program"]


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


WITHOUT_UNIX = """
import importlib.abc, psutil, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "pwd", "resource"):
            raise ModuleNotFoundError(name, name=name)

for name in ("fcntl", "pwd", "resource"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
import grading.__main__ as command
import grading.sandbox.isolation, grading.run
sys.platform = "win32"
sys.exit(command.main(["class", "--homework", "2", "--out", "results"]))
"""


def test_on_windows_the_command_says_where_it_runs(tmp_path):
    """What only Unix has is asked for only where it is needed."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "ana.ipynb").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_UNIX],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "WSL 2" in done.stderr, done.stderr


# --- What belongs to the class ------------------------------------------------------------------


@pytest.fixture
def class_below_python():
    """A folder below Python's own, which every submission sees."""
    try:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="class-", dir=sys.prefix))
    except OSError as error:
        pytest.skip(f"nothing can be put beside Python here: {error}")
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_the_class_is_hidden_wherever_it_lies(bwrap, interpreter, class_below_python):
    submissions, results = class_below_python / "submissions", class_below_python / "results"
    assignment = class_below_python / "private.ipynb"
    (submissions / "ana").mkdir(parents=True)
    results.mkdir()
    (submissions / "ana" / "hw.ipynb").write_text("ana's")
    (results / "grades.csv").write_text("grades")
    assignment.write_text("the hidden tests")
    folder = repr(str(class_below_python))
    code = f"""
import os, pathlib
seen = [path.read_text() for path in pathlib.Path({folder}).rglob("*") if path.is_file()]
seen = " ".join(seen).strip() or "nothing"
"""
    hidden = sandboxes.choose(unsafe=True, hidden=[submissions, results, assignment])
    if interpreter is None:
        assert "ana's" in found_by(code, "seen", bwrap)  # as it is without
        assert found_by(code, "seen", hidden) == "nothing"
    else:
        with Warm(hidden, LIMITS, MODULES) as warm:
            assert found_by(code, "seen", hidden, warm) == "nothing"


def test_python_below_a_covered_checkout_is_still_shown(tmp_path, monkeypatch):
    """As where the course lies in /usr/local, with its environment in it."""
    python = tmp_path / "local" / "course" / "environments" / "one"
    python.mkdir(parents=True)
    shown = {str(tmp_path): str(tmp_path), str(python): str(python)}
    monkeypatch.setattr(view, "ROOT", tmp_path / "local" / "course")
    monkeypatch.setattr(view, "shown_places", lambda: shown)
    words = view.view()
    covers = words.index(str(tmp_path / "local" / "course"))
    assert words[covers - 1] == "--tmpfs"
    assert words.index(str(python)) > covers
    closed = view.closed()
    assert closed[closed.index(str(tmp_path / "local" / "course")) - 1] == "--remount-ro"


def test_a_link_to_the_class_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    shown = {"/opt/python": str(tmp_path)}
    covered = view.covered(shown, [tmp_path / "link"])
    assert covered["/opt/python/real"] == tmp_path / "real"
    assert not any("gone" in place for place in view.covered(shown, [tmp_path / "gone"]))


def test_the_class_beside_private_data_is_hidden(tmp_path, monkeypatch):
    """What root alone may list is shown by its contents, and the class can be among them."""
    for name in ("data", "submissions"):
        (tmp_path / name).mkdir()
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    words = view.view([tmp_path / "submissions"])
    assert str(tmp_path / "data") in words
    assert str(tmp_path / "submissions") not in words
    assert words[words.index("/run/course-cache/submissions") - 1] == "--tmpfs"


def test_an_environment_that_is_the_checkout_is_refused(monkeypatch):
    monkeypatch.setattr(sandboxes, "python_folders", lambda: [os.path.realpath(ROOT)])
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/bwrap")
    assert "a folder of its own" in sandboxes._bubblewrap.__wrapped__()[1]


def test_no_home_is_shown_whole(monkeypatch):
    """With sudo, HOME is root's, but Python may lie in the bin of somebody else's home."""
    import pwd

    somebody = next((entry for entry in pwd.getpwall() if entry.pw_uid), None)
    if somebody is None:
        pytest.skip("there is nobody but root")
    monkeypatch.setattr(sys, "executable", f"{somebody.pw_dir}/bin/python3")
    monkeypatch.setenv("HOME", "/root")
    assert somebody.pw_dir not in view.python_folders()


def test_what_may_not_be_read_is_found(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "private.csv").write_text("1,2")
    monkeypatch.setattr(sys, "path", [])
    assert readable.unreadable([tmp_path]) is None
    monkeypatch.setattr(os, "access", lambda path, need: "private" not in str(path))
    assert pathlib.Path(readable.unreadable([tmp_path])).name == "private.csv"


@pytest.mark.skipif(not IS_LINUX, reason="bubblewrap is Linux's")
@pytest.mark.parametrize(
    ("status", "said", "advice"),
    [(77, "/data/private.csv", "chmod -R go+rX"), (1, "Creating new namespace failed", "")],
)
def test_why_bubblewrap_does_not_work_is_told(status, said, advice, tmp_path, monkeypatch):
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    path, problem = sandboxes._bubblewrap.__wrapped__()
    assert path is None
    assert said in problem
    assert advice in problem
    assert "apt install" not in problem


def test_what_may_not_be_read_is_named_as_the_teacher_knows_it(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    tmp_path.chmod(0o755)
    assert view.outside("/course/data/samples") == str(ROOT / "data" / "samples")
    assert view.outside("/run/course-cache/a.npz") == str(tmp_path / "a.npz")
    assert view.outside("/run/grader-inside/confine.py") == str(view.INSIDE / "confine.py")
    assert view.outside("/nowhere") == "/nowhere"


@pytest.mark.skipif(not IS_LINUX, reason="bubblewrap is Linux's")
def test_only_who_has_no_bubblewrap_is_told_to_install_it(monkeypatch):
    monkeypatch.setattr(sandboxes, "python_folders", lambda: ["/tmp/environment"])
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/bwrap")
    assert "apt install" not in sandboxes._bubblewrap.__wrapped__()[1]
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "apt install bubblewrap" in sandboxes._bubblewrap.__wrapped__()[1]


def test_a_private_data_folder_is_shown_by_its_contents(tmp_path, monkeypatch):
    """Root's submissions are not root, and `mktemp -d` makes folders that only root may list."""
    (tmp_path / "digits.npz").write_text("data")
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    shown = view.opened("/run/data", str(tmp_path))
    assert shown == {"/run/data": None, "/run/data/digits.npz": str(tmp_path / "digits.npz")}
    tmp_path.chmod(0o755)
    assert view.opened("/run/data", str(tmp_path)) == {"/run/data": str(tmp_path)}


# --- The end of the grader ----------------------------------------------------------------------

STARTS_AND_DIES = """
import os, pathlib, sys, threading, time
from grading.sandbox import bubblewrap as sandboxes
from grading.limits import Limits
import zmq
limits = Limits()
sandbox = sandboxes.choose(unsafe=True) if sys.argv[1] == "isolated" else sandboxes.Sandbox(None)
folder = sandboxes.make_run_folder(sandbox.is_isolated, sys.argv[2])
(folder / "settings.json").write_text(sys.argv[4].replace("FOLDER", str(folder)))
context = zmq.Context()
sockets = [context.socket(zmq.DEALER) for _ in range(3)]
for number, socket in enumerate(sockets, 1):
    socket.bind(f"ipc://{folder}/sockets/{number}")
threading.Timer(float(sys.argv[3]), os.kill, (os.getpid(), 9)).start()
sandbox.start(folder, limits)
time.sleep(60)
"""


@pytest.mark.skipif(not IS_LINUX, reason="the system tells of a parent's end on Linux only")
@pytest.mark.parametrize("kind", ["isolated", "ordinary"])
def test_a_kernel_ends_with_its_grader_at_whatever_moment_that_is_killed(kind, bwrap):
    """Of a grader that is killed nobody cleans up; the kernel must notice, also while it starts."""
    import json

    settings = {"key": "", "memory_mb": 900, "disk_mb": 50, "threads": None, "environment": {}}
    settings |= {"own_folder": "/tmp/.kernel" if kind == "isolated" else "FOLDER/own"}
    with tempfile.TemporaryDirectory(prefix="end-") as folder:  # a short name, for sockets
        moments = [0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
        words = [sys.executable, "-c", STARTS_AND_DIES, kind, folder]
        graders = [
            subprocess.Popen([*words, str(moment), json.dumps(settings)], cwd=ROOT)
            for moment in moments
        ]
        assert [grader.wait(60) for grader in graders] == [-9] * len(moments)
        deadline = time.monotonic() + 10
        while (left := of_folder(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [process.cmdline() for process in left] == []


def of_folder(folder):
    """The living processes that were started for a run in a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            is_ours = any(folder in word for word in process.cmdline())
            name = process.environ().get(cleanup.MARKER, "")
            if is_ours or (name and os.path.exists(os.path.join(folder, name))):
                found.append(process)
    return [process for process in found if cleanup.is_alive(process)]


def test_a_warm_interpreter_ends_with_its_grader(bwrap):
    warm = Warm(bwrap, LIMITS, ())
    try:
        family, deadline = [], time.monotonic() + 10
        while not family and time.monotonic() < deadline:
            time.sleep(0.05)
            family = psutil.Process(warm.popen.pid).children(recursive=True)
        assert family
        warm.abandon()
        assert warm.popen.wait(10) is not None
        assert not cleanup.wait(family, 5)
    finally:
        warm.close()


# --- Whoever grades ------------------------------------------------------------------------------

STRANGER = 1234  # the number of a user who owns nothing


def as_stranger(command):
    """The command as another user, who cannot look into root's home, where Python may lie."""
    places = [*view.python_folders(), str(ROOT)]
    closed = set()
    for place in places:
        above = pathlib.Path(place).parents
        above = [path for path in above if path.stat().st_mode & 0o005 != 0o005]
        closed |= {str(above[-1])} if above else set()
    words = ["bwrap", "--dev-bind", "/", "/"]
    for path in closed:
        words += ["--perms", "0755", "--tmpfs", path]
    for place in sorted(places):
        for path in filter(pathlib.Path(place).is_relative_to, closed):
            for parent in reversed(pathlib.Path(place).parents):
                if parent.is_relative_to(path):
                    words += ["--perms", "0755", "--dir", str(parent)]
            words += ["--ro-bind", place, place]
    user = ["--reuid", str(STRANGER), "--regid", str(STRANGER), "--clear-groups"]
    return [*words, "--", "setpriv", *user, *command]


def test_the_same_grades_for_whoever_grades_and_however_python_starts(bwrap):
    """As root or as an ordinary user, forked from a warm interpreter or each started anew."""
    who = {"self": lambda command: command}
    if os.geteuid() == 0 and shutil.which("setpriv"):
        who["stranger"] = as_stranger
    with tempfile.TemporaryDirectory(prefix="same-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        path = grading_class.write_assignment(folder)
        everybody, _ = grading_class.build(folder, release(load_assignment(path)), 1, ROOT)
        for student in ("ada", "eva", "noa"):
            shutil.copytree(everybody / student, folder / "few" / student)
        (folder / "data").mkdir()
        variables = {"COURSE_DATA_DIR": str(folder / "data"), "TMPDIR": "/tmp"}
        runs = {}
        for user, wrapped in who.items():
            for mode in ("", "--cold"):
                out = folder / f"{user}{mode}"
                out.mkdir()
                if user == "stranger":
                    os.chown(out, STRANGER, STRANGER)
                command = [sys.executable, "-m", "grading", folder / "few", "--homework", path]
                command += ["--out", out, "--jobs", "1", "--cell-seconds", "3"]
                command += [mode] if mode else []
                runs[out] = subprocess.Popen(
                    wrapped([*map(str, command)]),
                    cwd=ROOT,
                    env={**os.environ, **variables, "HOME": str(out)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
        tables = []
        for out, process in runs.items():
            told, _ = process.communicate(timeout=300)
            assert process.returncode == 0, f"{out.name}: {told}"
            with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
                columns = ("student", "points", "status", "notes")
                tables.append([[row[each] for each in columns] for row in csv.DictReader(file)])
        assert len(tables[0]) == 3
        assert {float(row[1]) for row in tables[0]} >= {7.0, 8.0}
        assert all(table == tables[0] for table in tables)


def test_nobody_is_given_half_a_module(bwrap):
    """What cannot be imported whole beforehand is not imported at all: kernels start anew then."""
    run = ["import matplotlib.pyplot as plt\nplt.plot([1, 2])", "found = 'drawn'"]
    with Warm(bwrap, LIMITS, (*MODULES, "matplotlib.pyplot", "is_not_installed")) as warm:
        assert found_by("\n".join(run), "found", bwrap, warm) == "drawn"
        assert warm.popen.poll() is None
    with Warm(bwrap, LIMITS, (*MODULES, "json.is_not_there")) as warm:
        assert found_by("found = 'started anew'", "found", bwrap, warm) == "started anew"
        assert warm.popen.wait(10) is not None
