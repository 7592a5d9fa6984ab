"""Tests of what limits memory: control groups, where they can be made, and the watch."""

import contextlib
import dataclasses
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import psutil
import pytest
from test_grading_engine import grade
from tiny_homework import Task

from grading.limits import Limits
from grading.sandbox import bubblewrap as sandboxes
from grading.sandbox import memory_group, memory_use, monitor
from utils.processes import cleanup

MEGABYTE = 2**20
X = Task("x", "", ("x",))


@pytest.fixture
def group():
    """A group of 200 MB."""
    try:
        group = memory_group.make(200 * MEGABYTE)
    except memory_group.NoGroupError as error:
        pytest.skip(f"no memory cgroup here: {error}")
    with contextlib.closing(group):
        yield group


def python(group, code):
    """Starts Python code in a group."""
    command = [sys.executable, "-ISc", code]
    return memory_group.start(group, command, stdout=subprocess.PIPE, text=True)


WAITS = "import time; print('ready', flush=True); time.sleep(60)"
TAKES = {
    "its own": f"kept = bytearray(b'1') * {100 * MEGABYTE}",
    "a file without a name": "import os\nfd = os.memfd_create('x')\n"
    f"os.write(fd, bytes({100 * MEGABYTE}))",
    "System V": "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n"
    f"n = libc.shmget(0, {100 * MEGABYTE}, 0o1600)\np = libc.shmat(n, None, 0)\n"
    f"libc.shmctl(n, 0, None)\nctypes.memset(ctypes.c_void_p(p), 1, {100 * MEGABYTE})",
    "sockets": "import socket\npairs = []\nwhile len(pairs) < 400:\n"
    "    pairs.append(socket.socketpair())\n    pairs[-1][0].setblocking(False)\n"
    "    try:\n        while True:\n            pairs[-1][0].send(bytes(65536))\n"
    "    except BlockingIOError:\n        pass",
}


@pytest.mark.parametrize("how", TAKES)
def test_a_group_sees_memory_however_it_is_taken(how, group):
    process = python(group, f"{TAKES[how]}\n{WAITS}")
    assert process.stdout.readline() == "ready\n"
    used = group.usage() / MEGABYTE
    most = 170 if how != "sockets" else 220
    assert (60 if how == "sockets" else 100) < used < most
    group.kill()
    process.communicate()
    assert process.returncode == -9


def test_a_group_stops_what_takes_more(group):
    process = python(group, f"kept = bytearray(b'1') * {300 * MEGABYTE}\n{WAITS}")
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == -9 and group.kills() == 1


def test_pages_of_ordinary_files_do_not_count(group, tmp_path):
    writes = f"with open({str(tmp_path / 'large')!r}, 'wb') as file:\n"
    writes += f"    for _ in range(120):\n        file.write(bytes({MEGABYTE}))"
    process = python(group, f"{writes}\n{WAITS}")
    assert process.stdout.readline() == "ready\n"
    assert group.usage() < 60 * MEGABYTE
    group.kill()
    process.communicate()


def test_what_was_there_before_does_not_count(group):
    process = python(group, f"kept = bytearray(b'1') * {100 * MEGABYTE}\n{WAITS}")
    process.stdout.readline()
    group.mark_base()
    assert group.usage() < 5 * MEGABYTE
    group.set_limit(200 * MEGABYTE)
    limit = int((group.path / group.version.limit).read_text())
    assert limit > 290 * MEGABYTE
    group.kill()
    process.communicate()


def test_a_group_ends_all_that_hides_in_it_and_is_gone_afterwards(group):
    hides = "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    hides += "        import time\n        time.sleep(60)\n    os._exit(0)\nos.wait()"
    process = python(group, f"{hides}\nprint('ready', flush=True)\nos._exit(0)")
    assert process.stdout.readline() == "ready\n"
    process.wait(5)
    (hidden,) = map(psutil.Process, group.members())
    group.close()
    process.stdout.close()
    assert not group.path.exists()
    assert not cleanup.is_alive(hidden)


def test_a_group_that_a_killed_run_left_is_removed(group):
    left = group.path.parent / f"{memory_group.PREFIX}left-by-a-test"
    left.mkdir()
    with contextlib.closing(memory_group.make(50 * MEGABYTE)):
        assert not left.exists()
        assert group.path.exists()  # somebody's who is alive


def test_what_a_killed_grader_left_in_its_group_is_ended(group):
    code = f"""
import sys, time
sys.path.insert(0, {str(sandboxes.ROOT)!r})
from grading.sandbox import memory_group
group = memory_group.make({50 * MEGABYTE})
popen = memory_group.start(group, ["/bin/sleep", "60"], start_new_session=True, stdout=-3)
print(popen.pid, group.path, flush=True)
time.sleep(60)
"""
    grader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, path = grader.stdout.readline().split()
    left = psutil.Process(int(pid))
    memory_group.remove_left()
    assert cleanup.is_alive(left)  # its grader lives
    grader.kill()
    grader.wait(20)
    grader.stdout.close()
    assert cleanup.is_alive(left)
    memory_group.remove_left()
    assert not cleanup.is_alive(left) and not pathlib.Path(path).exists()
    assert group.path.exists()


def test_a_command_may_lose_the_right_to_enter(group):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    look = ["/bin/cat", "/proc/self/status"]
    process = memory_group.start(group, look, user=12345, group=12345, stdout=subprocess.PIPE)
    assert b"Uid:\t12345" in process.communicate()[0] and process.returncode == 0


def files(folder, **contents):
    """Files, whose names have dots for underscores and are given with their contents."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def described(tmp_path, own, *mounts):
    """What /proc/self would say: mounts are (root, place, kind, options)."""
    lines = [
        f"30 20 0:2{n} {root} {place} rw - {kind} {kind} rw,{options}\n"
        for n, (root, place, kind, options) in enumerate(mounts)
    ]
    return files(tmp_path / "proc", mountinfo="".join(lines), cgroup=own)


def test_groups_of_version_2_are_made_where_memory_is_passed_on(tmp_path):
    top = files(tmp_path / "sys", cgroup_controllers="cpu memory")
    for name, control in (("", "memory"), ("a", "cpu memory"), ("a/b", "cpu"), ("a/b/c", "")):
        folder = top / name
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(control)
    proc = described(tmp_path, "0::/a/b/c\n", ("/", top, "cgroup2", ""))
    assert memory_group.candidates(proc) == (memory_group.V2, [top / "a", top])
    # In a container only a part of the tree is mounted, and the own place may lie outside.
    proc = described(tmp_path, "0::/x/a/b\n", ("/x", top, "cgroup2", ""))
    assert memory_group.candidates(proc) == (memory_group.V2, [top / "a", top])
    proc = described(tmp_path, "0::/elsewhere\n", ("/", top, "cgroup2", ""))
    assert memory_group.candidates(proc) == (memory_group.V2, [top])


def test_groups_of_version_1_are_taken_where_version_2_has_no_memory(tmp_path):
    unified = files(tmp_path / "unified", cgroup_controllers="cpu")
    top = tmp_path / "memory"
    (top / "mine").mkdir(parents=True)
    mounts = (("/", top, "cgroup", "memory"), ("/", unified, "cgroup2", ""))
    proc = described(tmp_path, "4:memory:/mine\n0::/\n", *mounts)
    assert memory_group.candidates(proc) == (memory_group.V1, [top / "mine", top])


def test_without_groups_the_reason_is_told(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no cgroups for memory"):
        memory_group.candidates(described(tmp_path, "0::/\n", ("/", "/tmp", "tmpfs", "")))
    monkeypatch.setattr(memory_group, "_outcome", lambda: (None, None, "it is a Tuesday"))
    with pytest.raises(memory_group.NoGroupError, match="it is a Tuesday"):
        memory_group.make(10**9)
    assert "it is a Tuesday" in memory_group.describe()
    process = memory_group.start(None, ["/bin/cat"], stdout=subprocess.PIPE)
    assert process.communicate()[0] == b""


def test_fields_of_version_2(tmp_path):
    """Of the kernel's memory counts what it cannot give back."""
    group = memory_group.MemoryGroup.of(memory_group.V2, tmp_path, None)
    group.base = 100
    (tmp_path / "memory.stat").write_text(
        "anon 1000\nfile 50000\nkernel 400\nsock 30\nshmem 2000\nslab_reclaimable 300\n"
    )
    (tmp_path / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    assert group.usage() == 1000 + 2000 + 30 + 400 - 300 - 100
    assert group.kills() == 3


class Proc:
    """What /proc says about processes, instead of the system: by number, then by name.

    What is not there cannot be read, as with a process that has ended.
    """

    def __init__(self, **processes):
        self.texts = {
            f"/proc/{number[1:]}/{name}": text
            for number, process in processes.items()
            for name, text in process.items()
        }
        self.family = [types.SimpleNamespace(pid=int(number[1:])) for number in processes]

    def open(self, path, *args, **named):
        if path not in self.texts:
            raise FileNotFoundError(path)
        if self.texts[path] is None:
            raise PermissionError(path)
        return io.StringIO(self.texts[path])


def process(own, share=...):
    """What /proc says about a process with so many kilobytes; a share of ... cannot be read."""
    texts = {"status": f"Name:\tpython\nRssAnon:\t{own} kB\nRssShmem:\t0 kB\nVmPTE:\t0 kB\n"}
    if share is not ...:
        texts["smaps_rollup"] = f"55-7f [rollup]\nPss_Anon: {share} kB\nPss_Shmem: 0 kB\n"
    return texts


ENDED = {"status": "Name:\tpython\nState:\tZ (zombie)\n"}


@pytest.mark.parametrize(
    ("processes", "kilobytes"),
    [
        ({"p1": process(300_000, 100), "p2": process(200_000, 100)}, 500_000),  # few: no need
        ({"p1": process(600_000, 200_000), "p2": process(600_000, 150_000)}, 350_000),
        # One that has just ended changes nothing for the others.
        ({"p1": process(600_000, 200_000), "p2": process(600_000, 9), "p3": {}}, 200_009),
        ({"p1": process(600_000, 200_000), "p2": process(600_000, 9), "p3": ENDED}, 200_009),
        # One that lives and cannot be read counts as a whole, the others as before.
        ({"p1": process(600_000, 200_000), "p2": process(600_000)}, 800_000),
        ({"p1": process(600_000, 0), "p2": process(600_000, 5)}, 5),
    ],
)
def test_memory_of_processes_of_which_some_have_ended(processes, kilobytes, monkeypatch):
    proc = Proc(**processes)
    monkeypatch.setattr(memory_use, "open", proc.open, raising=False)
    assert memory_use.memory(proc.family) == kilobytes * 1024


def test_a_process_that_ends_while_it_is_counted_counts_nothing(monkeypatch):
    proc = Proc(p1=process(600_000, 200_000), p2=process(600_000))

    def open_and_end(path, *args, **named):
        opened = proc.open(path)
        if path == "/proc/2/status":
            del proc.texts[path]
        return opened

    monkeypatch.setattr(memory_use, "open", open_and_end, raising=False)
    assert memory_use.memory(proc.family) == 200_000 * 1024


def python_alone(code):
    """Python code that says that it is ready and waits, in no group; and its processes."""
    popen = python(None, f"import os\n{code}\n{WAITS}")
    assert popen.stdout.readline() == "ready\n"
    return popen, [psutil.Process(popen.pid), *psutil.Process(popen.pid).children()]


def end(popen, family):
    """Ends these processes."""
    for each in family[::-1]:
        each.kill()
    popen.communicate()


def test_what_processes_share_counts_once_also_while_one_ends():
    forks = f"kept = bytearray(b'1') * {200 * MEGABYTE}\nfor _ in range(6):\n"
    forks += "    if os.fork() == 0:\n        import time\n        time.sleep(60)"
    popen, family = python_alone(forks)
    try:
        assert 150 * MEGABYTE < memory_use.memory(family) < 300 * MEGABYTE
        family[-1].kill()  # nobody asks how it ended: it stays in the list
        assert 150 * MEGABYTE < memory_use.memory(family) < 300 * MEGABYTE
    finally:
        end(popen, family)


def test_a_file_in_memory_without_a_name_counts_once():
    writes = f"a = os.memfd_create('a')\nos.write(a, bytes({60 * MEGABYTE}))\nb = os.dup(a)\n"
    maps = f"import mmap\nm = mmap.mmap(a, {60 * MEGABYTE})\nm[:: 4096].count(b'1')"
    for code in (writes, f"{writes}{maps}"):
        popen, family = python_alone(code)
        try:
            assert memory_use.exceed(family, (), 60 * MEGABYTE)
            assert not memory_use.exceed(family, (), 90 * MEGABYTE)
        finally:
            end(popen, family)


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="there is no such folder")
def test_a_file_in_memory_counts_also_where_nothing_is_in_it():
    def used():
        return sum(memory_use.files_in_memory([psutil.Process()], ["/dev/shm"]).values())

    before = used()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for number in range(20_000):
            os.mknod(os.path.join(folder, str(number)))
        assert used() - before > 15 * MEGABYTE


def test_a_file_in_memory_that_is_mapped_counts_once(tmp_path):
    folder = pathlib.Path("/dev/shm")
    if not folder.is_dir() or psutil.disk_usage(folder).free < 200 * MEGABYTE:
        pytest.skip("no /dev/shm here")
    path = folder / f"{tmp_path.name}-{os.getpid()}"
    maps = f"import mmap\nf = open({str(path)!r}, 'wb+')\nf.truncate({60 * MEGABYTE})\n"
    maps += f"m = mmap.mmap(f.fileno(), {60 * MEGABYTE})\nm[:] = b'1' * len(m)"
    before = psutil.disk_usage(folder).used
    popen, family = python_alone(maps)
    try:
        assert memory_use.exceed(family, [str(folder)], before + 60 * MEGABYTE)
        assert not memory_use.exceed(family, [str(folder)], before + 90 * MEGABYTE)
    finally:
        end(popen, family)
        path.unlink()


@pytest.mark.parametrize("closes", [False, True], ids=["shared", "without a name"])
def test_shared_memory_that_is_put_aside_counts(closes, monkeypatch):
    size = 160 * MEGABYTE
    takes = f"import mmap\nm = mmap.mmap(-1, {size})\nm[:] = b'1' * {size}\nm.madvise(4)"
    if closes:
        takes = f"import mmap\na = os.memfd_create('a')\nos.write(a, b'1' * {size})\n"
        takes += f"m = mmap.mmap(a, {size})\nos.closerange(3, 20)"
    before = memory_use.shared()
    monkeypatch.setattr(memory_use, "shared", lambda: before + size)  # others come and go
    popen, family = python_alone(takes)
    try:
        assert memory_use.memory(family) < 60 * MEGABYTE
        assert memory_use.exceed(family, (), 120 * MEGABYTE, before)
        assert not memory_use.exceed(family, (), 250 * MEGABYTE, before)
    finally:
        end(popen, family)


def test_shared_memory_that_is_only_reserved_does_not_count(monkeypatch):
    before = memory_use.shared()
    monkeypatch.setattr(memory_use, "shared", lambda: before + 10 * MEGABYTE)
    popen, family = python_alone(f"import mmap\nm = mmap.mmap(-1, {10**9})")
    try:
        assert not memory_use.exceed(family, (), 120 * MEGABYTE, before)
    finally:
        end(popen, family)


def test_very_many_sockets_count_as_full():
    opens = "import resource, socket\nresource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))\n"
    popen, family = python_alone(opens + "kept = [socket.socketpair() for _ in range(450)]")
    try:
        assert memory_use.exceed(family, (), 100 * MEGABYTE)
    finally:
        end(popen, family)
    popen, family = python_alone(opens + "kept = [socket.socketpair() for _ in range(100)]")
    try:
        assert not memory_use.exceed(family, (), 50 * MEGABYTE)
    finally:
        end(popen, family)


def watched(popen, group, memory_mb):
    """A watch over one process in a group, that does not look by itself."""
    started = types.SimpleNamespace(
        group=group, family=lambda: [psutil.Process(popen.pid)], kill=popen.kill
    )
    looks = monitor.Watch(started, Limits(memory_mb=memory_mb))
    looks.stop()
    return looks


def test_the_watch_goes_by_the_group_where_there_is_one(group):
    popen = python(group, f"{TAKES['System V']}\n{WAITS}")
    popen.stdout.readline()
    assert watched(popen, group, 200).look() is None
    assert watched(popen, group, 70).look() == "memory"
    group.kill()
    popen.communicate()


def test_what_the_system_ended_for_lack_of_memory_needed_too_much_memory(group):
    forks = f"import os\nif os.fork() == 0:\n    kept = bytearray(b'1') * {300 * MEGABYTE}\n"
    popen = python(group, f"import time\ntime.sleep(0.3)\n{forks}os.wait()\n{WAITS}")
    looks = watched(popen, group, 1000)
    assert looks.look() is None
    popen.stdout.readline()
    assert looks.look() == "memory"
    group.kill()
    popen.communicate()


# --- In a sandbox ------------------------------------------------------------------------------

LIBC = "import ctypes, os, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"
GOES_ON_TAKING = {
    "its own, in many processes": "for _ in range(6):\n    if os.fork() == 0:\n"
    f"        kept = bytearray(b'1') * {200 * MEGABYTE}\n        time.sleep(9)",
    "files without names": "kept = []\nfor n in range(6):\n    fd = os.memfd_create(str(n))\n"
    f"    kept.append(fd)\n    os.write(fd, bytes({200 * MEGABYTE}))",
    "System V": "libc.shmat.restype = ctypes.c_void_p\nfor n in range(6):\n"
    f"    segment = libc.shmget(0, {200 * MEGABYTE}, 0o1600)\n"
    "    if segment < 0:\n        raise OSError(ctypes.get_errno(), 'shmget')\n"
    "    place = ctypes.c_void_p(libc.shmat(segment, None, 0))\n"
    f"    ctypes.memset(place, 1, {200 * MEGABYTE})\n    libc.shmdt(place)",
    "shared and put aside": "import mmap\n"
    f"kept = [mmap.mmap(-1, {200 * MEGABYTE}) for _ in range(6)]\n"
    f"for each in kept:\n    each[:] = bytes(b'1') * {200 * MEGABYTE}\n    each.madvise(4)",
    "System V semaphores": "for _ in range(500):\n"
    "    if libc.semget(0, 32000, 0o1600) < 0:\n"
    "        raise OSError(ctypes.get_errno(), 'semget')",
    "tables of pages": "libc.mmap.restype = ctypes.c_void_p\n"
    "size = ctypes.c_size_t(500 * 2**30)\n"
    "place = libc.mmap(None, size, 1, 0x4022, -1, ctypes.c_size_t(0))\n"
    "for at in range(place, place + size.value, 2**21):\n"
    "    ctypes.c_ubyte.from_address(at).value",
    "a file system of its own": "if libc.unshare(0x10020000):\n"
    "    raise OSError(ctypes.get_errno(), 'unshare')\nos.mkdir('/tmp/a')\n"
    "if libc.mount(b'none', b'/tmp/a', b'tmpfs', 0, None):\n"
    "    raise OSError(ctypes.get_errno(), 'mount')\nfor n in range(11):\n"
    f"    open(f'/tmp/a/{{n}}', 'wb').write(bytes({90 * MEGABYTE}))",
    "files that are deleted and open": "kept = []\nfor n in range(11):\n"
    f"    kept.append(open(f'/tmp/{{n}}', 'wb'))\n    kept[-1].write(bytes({90 * MEGABYTE}))\n"
    "    kept[-1].flush()\n    os.unlink(f'/tmp/{n}')",
    "few connections": "import socket\nkept, server = [], socket.create_server(('127.0.0.1', 0))\n"
    "for _ in range(110):\n    kept.append(socket.create_connection(server.getsockname()))\n"
    "    kept.append(server.accept()[0])\nfor _ in range(5):\n    for one in kept:\n"
    "        one.setblocking(False)\n        try:\n            one.recv(2**22)\n"
    "        except BlockingIOError:\n            pass\n        try:\n            while True:\n"
    "                one.send(bytes(2**20))\n        except BlockingIOError:\n            pass",
    "sockets": "import socket\nkept = []\nfor _ in range(20):\n"
    "    in_child = not os.fork()\n    while in_child:\n        try:\n"
    "            pair = socket.socketpair()\n"
    "        except OSError:\n            time.sleep(9)\n        for one in pair:\n"
    "            kept.append(one)\n            one.setblocking(False)\n            try:\n"
    "                while True:\n                    one.send(bytes(65536))\n"
    "            except BlockingIOError:\n                pass",
}


@pytest.fixture(scope="module")
def sandbox():
    """The sandbox with bubblewrap."""
    sandbox = sandboxes.choose(unsafe=True)
    if not sandbox.is_isolated:
        pytest.skip(f"bubblewrap does not work here: {sandbox.problem}")
    return sandbox


# Where that can be:
REFUSED = ("files without names", "System V", "System V semaphores", "a file system of its own")
MAPPED = (
    "its own, in many processes",
    "shared and put aside",
    "tables of pages",
    "sockets",
    "few connections",
)


@pytest.mark.parametrize(
    ("how", "by_group"),
    [*((how, True) for how in GOES_ON_TAKING), *((how, False) for how in MAPPED)],
)
def test_memory_is_limited_however_it_is_taken(how, by_group, sandbox, monkeypatch):
    """It is refused, or the submission is ended; the cells before and after keep their points."""
    if not by_group:
        monkeypatch.setattr(memory_group, "make", refuse)
    limits = Limits(cell_s=20, notebook_s=60, memory_mb=600, disk_mb=900)
    takes = f"{LIBC}{GOES_ON_TAKING[how]}\ntime.sleep(6)\nx = 42"
    y, z = (dataclasses.replace(X, grade_id=name, values=(name,)) for name in "yz")
    cells = ["y = 42", y, takes, X, "z = 42", z]
    result, verdicts = grade(cells, sandbox, limits=limits)
    assert verdicts["y"] == verdicts["z"] == "right"
    refused = ("error",) if how in REFUSED else ()
    assert verdicts["x"] in ("memory", *refused), result["events"]


def refuse(limit):
    """No group can be made."""
    raise memory_group.NoGroupError("not in this test")
