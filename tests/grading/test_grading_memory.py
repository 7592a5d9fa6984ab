"""Tests of what limits memory: control groups, where they can be made, and the monitor."""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import psutil
import pytest

from grading.limits import Limits
from grading.sandbox import memory_group, memory_use, monitor, view
from utils.processes import cleanup

MEGABYTE = 2**20


@pytest.fixture
def group():
    """A group of 200 MB."""
    group = memory_group.make(200 * MEGABYTE)
    if group is None:
        pytest.skip(memory_group.describe())
    with contextlib.closing(group):
        yield group


@contextlib.contextmanager
def python(code, group=None, ready=True):
    """Python code that says that it is ready and waits; its processes end with the block."""
    waits = "import time\nprint('ready', flush=True)\ntime.sleep(60)"
    command = [sys.executable, "-ISc", f"import os\n{code}\n{waits}"]
    popen = memory_group.start(group, command, stdout=subprocess.PIPE, text=True)
    with popen:
        assert not ready or popen.stdout.readline() == "ready\n"
        family = []
        with contextlib.suppress(psutil.Error):
            family = [psutil.Process(popen.pid), *psutil.Process(popen.pid).children()]
        try:
            yield popen, family
        finally:
            for process in family[::-1]:
                with contextlib.suppress(psutil.Error):
                    process.kill()


# --- Control groups -------------------------------------------------------------------------------

TAKES = {
    "its own": (f"kept = bytearray(b'1') * {100 * MEGABYTE}", 100, 170),
    "System V": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n"
        f"n = libc.shmget(0, {100 * MEGABYTE}, 0o1600)\np = libc.shmat(n, None, 0)\n"
        f"libc.shmctl(n, 0, None)\nctypes.memset(ctypes.c_void_p(p), 1, {100 * MEGABYTE})",
        *(100, 170),
    ),
    "pages of ordinary files": (
        "import tempfile\nwith tempfile.TemporaryFile(dir='/var/tmp') as file:\n"
        f"    for _ in range(120):\n        file.write(bytes({MEGABYTE}))",
        *(0, 60),
    ),
}


@pytest.mark.parametrize("how", TAKES)
def test_a_group_sees_memory_however_it_is_taken(how, group):
    code, least, most = TAKES[how]
    with python(code, group):
        assert least < group.usage() / MEGABYTE < most


def test_a_group_stops_what_takes_more(group):
    with python(f"kept = bytearray(b'1') * {300 * MEGABYTE}", group, ready=False) as (popen, _):
        assert popen.communicate(timeout=90)[0] == ""
        assert popen.returncode == -9 and group.kills() == 1


def test_what_was_there_before_does_not_count(group):
    with python(TAKES["its own"][0], group):
        group.mark_base()
        assert group.usage() < 5 * MEGABYTE
        group.set_limit(200 * MEGABYTE)
        assert int((group.path / group.version.limit).read_text()) > 290 * MEGABYTE


def test_a_group_ends_all_that_hides_in_it_and_is_gone_afterwards(group):
    hides = "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    hides += "        import time\n        time.sleep(60)\n    os._exit(0)\nos.wait()"
    with python(f"{hides}\nprint('ready', flush=True)\nos._exit(0)", group) as (popen, _):
        popen.wait(5)
        (hidden,) = map(psutil.Process, group.members())
        group.close()
    assert not group.path.exists()
    assert not cleanup.is_alive(hidden)


def test_what_a_killed_grader_left_in_its_group_is_ended(group):
    code = f"""
import sys, time
sys.path.insert(0, {str(view.ROOT)!r})
from grading.sandbox import memory_group
group = memory_group.make({50 * MEGABYTE})
popen = memory_group.start(group, ["/bin/sleep", "60"], start_new_session=True, stdout=-3)
print(popen.pid, group.path, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=-1, text=True) as grader:
        pid, path = grader.stdout.readline().split()
        left = psutil.Process(int(pid))
        memory_group.remove_left()
        assert cleanup.is_alive(left)  # its grader lives
        grader.kill()
    assert cleanup.is_alive(left)
    memory_group.remove_left()
    assert not cleanup.is_alive(left) and not pathlib.Path(path).exists()
    assert group.path.exists()


@pytest.mark.parametrize(
    ("own", "controllers", "root", "expected"),
    [
        # Of version 2, where memory is passed on; in a container a part of the tree is mounted.
        ("0::/a/b/c\n", "cpu memory", "/", ("v2", ["v2/a", "v2"])),
        ("0::/x/a/b\n", "cpu memory", "/x", ("v2", ["v2/a", "v2"])),
        ("0::/elsewhere\n", "cpu memory", "/", ("v2", ["v2"])),
        # Of version 1, where version 2 has no memory.
        ("4:memory:/mine\n0::/\n", "cpu", "/", ("v1", ["v1/mine", "v1"])),
    ],
)
def test_where_groups_can_be_made(own, controllers, root, expected, tmp_path):
    for folder, control in (("", "memory"), ("a", "cpu memory"), ("a/b", "cpu"), ("a/b/c", "")):
        (tmp_path / "v2" / folder).mkdir(parents=True)
        (tmp_path / "v2" / folder / "cgroup.subtree_control").write_text(control)
    (tmp_path / "v1" / "mine").mkdir(parents=True)
    (tmp_path / "v2" / "cgroup.controllers").write_text(controllers)
    mounts = f"30 20 0:20 / {tmp_path}/v1 rw - cgroup cgroup rw,memory\n"
    mounts += f"30 20 0:21 {root} {tmp_path}/v2 rw - cgroup2 cgroup2 rw\n"
    (tmp_path / "mountinfo").write_text(mounts)
    (tmp_path / "cgroup").write_text(own)
    version, folders = memory_group.candidates(tmp_path)
    assert (version.name, [path.relative_to(tmp_path).as_posix() for path in folders]) == expected


def test_without_groups_the_reason_is_given(tmp_path, monkeypatch):
    (tmp_path / "mountinfo").write_text(f"30 20 0:20 / {tmp_path} rw - tmpfs tmpfs rw\n")
    (tmp_path / "cgroup").write_text("0::/\n")
    with pytest.raises(ValueError, match="no cgroups for memory"):
        memory_group.candidates(tmp_path)
    monkeypatch.setattr(memory_group, "_find_place", lambda: (None, None, "it is a Tuesday"))
    assert memory_group.make(10**9) is None and "it is a Tuesday" in memory_group.describe()


def test_fields_of_version_2(tmp_path):
    """Of the kernel's memory, what it cannot give back counts."""
    group = memory_group.MemoryGroup(memory_group.V2, tmp_path)
    group.base = 100
    (tmp_path / "memory.stat").write_text(
        "anon 1000\nfile 50000\nkernel 400\nsock 30\nshmem 2000\nslab_reclaimable 300\n"
    )
    (tmp_path / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    assert group.usage() == 1000 + 2000 + 30 + 400 - 300 - 100
    assert group.kills() == 3


# --- Without a group: what /proc shows ------------------------------------------------------------


def process(own, share=...):
    """What /proc says about a process with so many kilobytes; a share of ... cannot be read."""
    texts = {"status": f"Name:\tpython\nRssAnon:\t{own} kB\nRssShmem:\t0 kB\nVmPTE:\t0 kB\n"}
    if share is not ...:
        texts["smaps_rollup"] = f"55-7f [rollup]\nPss_Anon: {share} kB\nPss_Shmem: 0 kB\n"
    return texts


ZOMBIE = {"status": "Name:\tpython\nState:\tZ (zombie)\n"}


@pytest.mark.parametrize(
    ("processes", "kilobytes"),
    [
        ([process(300_000, 100), process(200_000, 100)], 500_000),  # few: no need
        ([process(600_000, 200_000), process(600_000, 150_000)], 350_000),
        # One that has just ended changes nothing for the others.
        ([process(600_000, 200_000), process(600_000, 9), {}], 200_009),
        ([process(600_000, 200_000), process(600_000, 9), ZOMBIE], 200_009),
        # One that lives and cannot be read counts as a whole, the others as before.
        ([process(600_000, 200_000), process(600_000)], 800_000),
    ],
)
def test_memory_of_processes_of_which_some_have_ended(processes, kilobytes, monkeypatch):
    def read(path, *args, **named):
        _, _, pid, name = path.split("/")
        if name not in processes[int(pid)]:
            raise FileNotFoundError(path)
        return io.StringIO(processes[int(pid)][name])

    monkeypatch.setattr(memory_use, "open", read, raising=False)
    family = [types.SimpleNamespace(pid=pid) for pid in range(len(processes))]
    assert memory_use.memory(family) == kilobytes * 1024


def test_what_processes_share_counts_once_also_while_one_ends():
    forks = f"kept = bytearray(b'1') * {200 * MEGABYTE}\nfor _ in range(6):\n"
    forks += "    if os.fork() == 0:\n        import time\n        time.sleep(60)"
    with python(forks) as (_, family):
        assert 150 * MEGABYTE < memory_use.memory(family) < 300 * MEGABYTE
        family[-1].kill()  # nobody asks how it ended: it stays in the list
        assert 150 * MEGABYTE < memory_use.memory(family) < 300 * MEGABYTE


@pytest.fixture
def in_memory():
    """A folder that lies in memory."""
    if not os.path.isdir("/dev/shm") or psutil.disk_usage("/dev/shm").free < 200 * MEGABYTE:
        pytest.skip("no /dev/shm here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield folder


def test_a_file_in_memory_counts_also_where_nothing_is_in_it(in_memory):
    def used():
        return sum(memory_use.files_in_memory([psutil.Process()], ["/dev/shm"]).values())

    before = used()
    for number in range(20_000):
        os.mknod(os.path.join(in_memory, str(number)))
    assert used() - before > 15 * MEGABYTE


def test_the_monitor_goes_by_the_group_where_there_is_one(group):
    with python(TAKES["System V"][0], group) as (_, family):
        started = types.SimpleNamespace(group=group, family=lambda: family, kill=lambda: None)
        for memory_mb, reason in ((200, None), (70, "memory")):
            watching = monitor.Monitor(started, Limits(memory_mb=memory_mb))
            watching.stop()
            assert watching.look() == reason


def test_what_the_system_ended_for_lack_of_memory_needed_too_much_memory(group):
    started = types.SimpleNamespace(group=group, family=list, kill=lambda: None)
    watching = monitor.Monitor(started, Limits(memory_mb=1000))
    watching.stop()
    assert watching.look() is None
    forks = f"if os.fork() == 0:\n    kept = bytearray(b'1') * {300 * MEGABYTE}\nos.wait()"
    with python(forks, group):
        assert watching.look() == "memory"
