"""Tests in a sandbox: memory is limited however it is taken, by a group or by the monitor.

What would be seen by neither (memory files without names, System V, file systems of one's own) is
refused, as the tests of the isolation show.
"""

import pytest
from tiny_homework import X, Y, Z, grade

from grading.limits import Limits
from grading.sandbox import memory_group

MEGABYTE = 2**20
LIMITS = Limits(cell_s=20, notebook_s=60, memory_mb=600, disk_mb=900)
BOTH = ("group", "monitor")
# How memory is taken, and the limits that hold.
GOES_ON_TAKING = {
    "its own, in many processes": (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n"
        f"        kept = bytearray(b'1') * {200 * MEGABYTE}\n        time.sleep(9)",
        BOTH,
    ),
    "shared and put aside": (
        f"import mmap\nkept = [mmap.mmap(-1, {200 * MEGABYTE}) for _ in range(6)]\n"
        f"for area in kept:\n    area[:] = bytes(b'1') * {200 * MEGABYTE}\n    area.madvise(4)",
        BOTH,
    ),
    "tables of pages": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.mmap.restype = ctypes.c_void_p\n"
        "size = ctypes.c_size_t(500 * 2**30)\n"
        "place = libc.mmap(None, size, 1, 0x4022, -1, ctypes.c_size_t(0))\n"
        "for at in range(place, place + size.value, 2**21):\n"
        "    ctypes.c_ubyte.from_address(at).value",
        BOTH,
    ),
    "files": (
        "for place in ('.', '/tmp'):\n    for n in range(6):\n"
        f"        open(f'{{place}}/{{n}}', 'wb').write(bytes({80 * MEGABYTE}))",
        BOTH,
    ),
    "files that are deleted and open": (
        "import os\nkept = []\nfor n in range(11):\n    kept.append(open(f'/tmp/{n}', 'wb'))\n"
        f"    kept[-1].write(bytes({90 * MEGABYTE}))\n    kept[-1].flush()\n"
        "    os.unlink(f'/tmp/{n}')",
        ("group",),
    ),
    "sockets": (
        "import os, socket, time\nkept = []\nfor _ in range(20):\n"
        "    in_child = not os.fork()\n    while in_child:\n        try:\n"
        "            pair = socket.socketpair()\n"
        "        except OSError:\n            time.sleep(9)\n        for one in pair:\n"
        "            kept.append(one)\n            one.setblocking(False)\n            try:\n"
        "                while True:\n                    one.send(bytes(65536))\n"
        "            except BlockingIOError:\n                pass",
        BOTH,
    ),
}


@pytest.mark.parametrize(
    ("how", "by"), [(how, by) for how, (_, limits) in GOES_ON_TAKING.items() for by in limits]
)
def test_memory_is_limited_however_it_is_taken(how, by, bwrap, monkeypatch):
    """The submission is ended; the cells before and after keep their points."""
    if by == "monitor":
        monkeypatch.setattr(memory_group, "_find_place", lambda: (None, None, "not in this test"))
    takes = f"{GOES_ON_TAKING[how][0]}\nimport time\ntime.sleep(6)\nx = 42"
    result, verdicts = grade(["y = 7", Y, takes, X, "z = 7", Z], bwrap, limits=LIMITS)
    assert verdicts == {"x": "memory", "y": "right", "z": "right"}, result["events"]
    assert "needed more than 600 MB" in result["events"][0]
