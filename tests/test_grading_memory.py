"""Tests of what limits memory: control groups, where they can be made, and the watch."""

import contextlib
import os
import subprocess
import sys

import psutil
import pytest

from grading import memory_group
from tools import processes

MEGABYTE = 2**20


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
    assert not processes.is_alive(hidden)


def test_a_group_that_a_killed_run_left_is_removed(group):
    left = group.path.parent / f"{memory_group.PREFIX}left-by-a-test"
    left.mkdir()
    with contextlib.closing(memory_group.make(50 * MEGABYTE)):
        assert not left.exists()
        assert group.path.exists()  # somebody's who is alive


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
    group = memory_group.MemoryGroup.__new__(memory_group.MemoryGroup)
    group.version, group.path, group.base = memory_group.V2, tmp_path, 100
    (tmp_path / "memory.stat").write_text(
        "anon 1000\nfile 50000\nkernel 400\nsock 30\nshmem 2000\nslab_reclaimable 300\n"
    )
    (tmp_path / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    assert group.usage() == 1000 + 2000 + 30 + 400 - 300 - 100
    assert group.kills() == 3
