"""Tests in a sandbox: memory is limited however it is taken, by a group or by the monitor."""

import dataclasses

import pytest
from tiny_homework import Task, grade

from grading.limits import Limits
from grading.sandbox import memory_group

MEGABYTE = 2**20
X = Task("x", "", ("x",))
LIBC = "import ctypes, os, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"
# How memory is taken, and the limits that hold: a group, the monitor alone; or it is refused.
GOES_ON_TAKING = {
    "its own, in many processes": (
        "for _ in range(6):\n    if os.fork() == 0:\n"
        f"        kept = bytearray(b'1') * {200 * MEGABYTE}\n        time.sleep(9)",
        ("group", "monitor"),
    ),
    "files without names": (
        "kept = []\nfor n in range(6):\n    fd = os.memfd_create(str(n))\n"
        f"    kept.append(fd)\n    os.write(fd, bytes({200 * MEGABYTE}))",
        ("refused",),
    ),
    "System V": (
        f"if libc.shmget(0, {200 * MEGABYTE}, 0o1600) < 0:\n"
        "    raise OSError(ctypes.get_errno(), 'shmget')",
        ("refused",),
    ),
    "System V semaphores": (
        "if libc.semget(0, 32000, 0o1600) < 0:\n    raise OSError(ctypes.get_errno(), 'semget')",
        ("refused",),
    ),
    "a file system of its own": (
        "if libc.unshare(0x10020000):\n    raise OSError(ctypes.get_errno(), 'unshare')",
        ("refused",),
    ),
    "shared and put aside": (
        f"import mmap\nkept = [mmap.mmap(-1, {200 * MEGABYTE}) for _ in range(6)]\n"
        f"for area in kept:\n    area[:] = bytes(b'1') * {200 * MEGABYTE}\n    area.madvise(4)",
        ("group", "monitor"),
    ),
    "tables of pages": (
        "libc.mmap.restype = ctypes.c_void_p\nsize = ctypes.c_size_t(500 * 2**30)\n"
        "place = libc.mmap(None, size, 1, 0x4022, -1, ctypes.c_size_t(0))\n"
        "for at in range(place, place + size.value, 2**21):\n"
        "    ctypes.c_ubyte.from_address(at).value",
        ("group", "monitor"),
    ),
    "files": (
        "for place in ('.', '/tmp'):\n    for n in range(6):\n"
        f"        open(f'{{place}}/{{n}}', 'wb').write(bytes({80 * MEGABYTE}))",
        ("group", "monitor"),
    ),
    "files that are deleted and open": (
        "kept = []\nfor n in range(11):\n    kept.append(open(f'/tmp/{n}', 'wb'))\n"
        f"    kept[-1].write(bytes({90 * MEGABYTE}))\n    kept[-1].flush()\n"
        "    os.unlink(f'/tmp/{n}')",
        ("group",),
    ),
    "few connections": (
        "import socket\nkept, server = [], socket.create_server(('127.0.0.1', 0))\n"
        "for _ in range(110):\n    kept.append(socket.create_connection(server.getsockname()))\n"
        "    kept.append(server.accept()[0])\nfor _ in range(5):\n    for one in kept:\n"
        "        one.setblocking(False)\n        try:\n            one.recv(2**22)\n"
        "        except BlockingIOError:\n            pass\n        try:\n            while True:\n"
        "                one.send(bytes(2**20))\n        except BlockingIOError:\n            pass",
        ("group", "monitor"),
    ),
    "sockets": (
        "import socket\nkept = []\nfor _ in range(20):\n"
        "    in_child = not os.fork()\n    while in_child:\n        try:\n"
        "            pair = socket.socketpair()\n"
        "        except OSError:\n            time.sleep(9)\n        for one in pair:\n"
        "            kept.append(one)\n            one.setblocking(False)\n            try:\n"
        "                while True:\n                    one.send(bytes(65536))\n"
        "            except BlockingIOError:\n                pass",
        ("group", "monitor"),
    ),
}


@pytest.mark.parametrize(
    ("how", "by"), [(how, by) for how, (_, limits) in GOES_ON_TAKING.items() for by in limits]
)
def test_memory_is_limited_however_it_is_taken(how, by, bwrap, monkeypatch):
    """It is refused, or the submission is ended; the cells before and after keep their points."""
    if by == "monitor":
        monkeypatch.setattr(memory_group, "_find_place", lambda: (None, None, "not in this test"))
    limits = Limits(cell_s=20, notebook_s=60, memory_mb=600, disk_mb=900)
    takes = f"{LIBC}{GOES_ON_TAKING[how][0]}\ntime.sleep(6)\nx = 42"
    y, z = (dataclasses.replace(X, grade_id=name, values=(name,)) for name in "yz")
    result, verdicts = grade(["y = 42", y, takes, X, "z = 42", z], bwrap, limits=limits)
    assert verdicts["y"] == verdicts["z"] == "right"
    assert verdicts["x"] == ("error" if by == "refused" else "memory"), result["events"]
    assert by == "refused" or "needed more than 600 MB" in result["events"][0]
