"""A memory limit that the operating system enforces: a control group (cgroup) for one sandbox.

A memory cgroup counts memory as it is taken, and all of it: files in memory, socket buffers,
whatever nobody has mapped. It is available where this process may make groups below its own or
beside it: often as root, and on a desktop or a server with a delegated group. Elsewhere the
monitor has to make do with what /proc shows.

`start` puts a command into a group, which `close` removes with everything left in it.
"""

import contextlib
import dataclasses
import errno
import functools
import os
import pathlib
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from typing import Any

import psutil

from grading.limits import TOGETHER
from utils.processes import cleanup

PREFIX = "grading-"
SECONDS_TO_END = 5
# Standard input is the group's list of processes; a 0 means the one that writes.
ENTER = 'echo 0 >&0 || exit 1; exec "$@" </dev/null'


@dataclasses.dataclass(frozen=True)
class Version:
    """The names of files and fields in one of the two kinds of cgroups.

    Args:
        name: Of the kind.
        limit: The file of the limit.
        optional: Files of further limits, which a system may lack: None for the same limit.
        fields: Of memory.stat, those that count.
        counters: Files with what is not among the fields: the kernel's memory, connections.
        kills: The file with the number of processes ended.
    """

    name: str
    limit: str
    optional: dict[str, int | None]
    fields: tuple[str, ...]
    counters: tuple[str, ...]
    kills: str


V1 = Version(
    "v1",
    "memory.limit_in_bytes",
    # Connections are counted only if there is a limit for them.
    {"memory.memsw.limit_in_bytes": None, "memory.kmem.tcp.limit_in_bytes": None},
    ("total_rss", "total_shmem"),
    ("memory.kmem.usage_in_bytes", "memory.kmem.tcp.usage_in_bytes"),
    "memory.oom_control",
)
V2 = Version(
    "v2",
    "memory.max",
    {"memory.swap.max": 0},
    ("anon", "shmem", "sock", "kernel"),
    (),
    "memory.events",
)


class MemoryGroup:
    """A group; `make` makes one.

    Args:
        version: The names of its files.
        path: Its folder.
    """

    def __init__(self, version: Version, path: pathlib.Path):
        self.version = version
        self.path = path
        self.base = 0

    def set_limit(self, limit_bytes: int) -> None:
        """Set another limit, on top of the base.

        Raises:
            OSError: The system refuses it.
        """
        limit = limit_bytes + self.base
        # The limit with swap is never the smaller of the two, whichever way both move.
        with contextlib.suppress(OSError):
            self._write(self.version.limit, limit)
        for name, value in self.version.optional.items():
            with contextlib.suppress(OSError):
                self._write(name, limit if value is None else value)
        self._write(self.version.limit, limit)

    def _write(self, name, value):
        (self.path / name).write_text(str(value))

    def mark_base(self) -> None:
        """Stop counting what is in use now, both as usage and towards the next limit."""
        self.base = 0
        self.base = self.usage()

    def usage(self) -> int:
        """Return the bytes in use on top of the base; 0 if the group is gone."""
        fields = self._fields("memory.stat")
        used = sum(fields.get(name, 0) for name in self.version.fields)
        if "kernel" in fields:
            used -= fields.get("slab_reclaimable", 0)
        for name in self.version.counters:
            with contextlib.suppress(OSError, ValueError):
                used += int((self.path / name).read_text())
        return max(0, used - self.base)

    def kills(self) -> int:
        """Return how many of its processes the system has ended at the limit."""
        return self._fields(self.version.kills).get("oom_kill", 0)

    def _fields(self, name):
        try:
            lines = (self.path / name).read_text().splitlines()
            return {key: int(value) for key, value in (line.split() for line in lines)}
        except (OSError, ValueError):
            return {}

    def members(self) -> list[int]:
        """Return the numbers of its processes; a 0 is one that cannot be seen from here."""
        return list(map(int, _words(self.path / "cgroup.procs")))

    def close(self) -> None:
        """End its processes, whatever they did to hide, and remove it."""
        deadline = time.monotonic() + SECONDS_TO_END
        while time.monotonic() < deadline:
            for pid in filter(None, self.members()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            try:
                return self.path.rmdir()
            except OSError as error:
                if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
                    return None
            time.sleep(0.01)  # what has just ended may still be in it


def most_bytes(memory_mb: int) -> int:
    """Return what all processes of a submission may take before the system ends them.

    It is a little more than what the monitor allows, which says why it ended something.
    """
    return int(1.1 * TOGETHER * memory_mb * 2**20)


def make(limit_bytes: int) -> MemoryGroup | None:
    """Make a group with this limit; None where that is impossible."""
    version, parent, _ = _find_place()
    if version is None:
        return None
    with contextlib.suppress(OSError):
        return _make_in(version, parent, limit_bytes)
    return None


def _make_in(version, parent, limit_bytes):
    _remove_stale(version, parent)
    group = MemoryGroup(version, parent / f"{PREFIX}{os.getpid()}-{uuid.uuid4().hex[:12]}")
    group.path.mkdir()
    try:
        group.set_limit(limit_bytes)
    except OSError:
        group.close()
        raise
    return group


def start(group: MemoryGroup | None, command: Sequence[str], **options: Any) -> subprocess.Popen:
    """Start a command in a group (or none), with nothing on standard input."""
    if group is None:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    with open(group.path / "cgroup.procs", "wb") as members:
        return subprocess.Popen(["/bin/sh", "-c", ENTER, "sh", *command], stdin=members, **options)


def describe() -> str:
    """Return a sentence: what limits the memory of a submission's processes here."""
    version, _, reason = _find_place()
    if version is None:
        return (
            f"No cgroup for memory can be made here ({reason}): a monitor that looks four times a "
            "second limits what all processes of a submission take together."
        )
    return (
        f"Memory of all processes of a submission together is limited by a cgroup ({version.name})."
    )


def remove_left() -> None:
    """Remove the groups of graders that are gone, and end what they left in them."""
    version, parent, _ = _find_place()
    if version is not None:
        _remove_stale(version, parent)


def _remove_stale(version, parent):
    for path in parent.glob(f"{PREFIX}*-*"):
        group = MemoryGroup(version, path)
        is_of_another_container = 0 in group.members()
        if not (_is_alive(path.name.split("-")[1]) or is_of_another_container):
            group.close()


def _is_alive(number):
    with contextlib.suppress(psutil.Error, ValueError):
        return cleanup.is_alive(psutil.Process(int(number)))
    return False


@functools.cache
def _find_place():
    """Return the kind of cgroups and the folder to make one in; or why there is none."""
    try:
        version, folders = candidates()
    except (OSError, ValueError) as error:
        return None, None, f"{error}"
    reason = "the memory controller is given to no group that this user may use"
    for folder in folders:
        try:
            group = _make_in(version, folder, 64 * 2**20)
        except OSError as error:
            reason = f"{folder}: {error.strerror}"
            continue
        with contextlib.closing(group):
            nothing = ["/bin/sh", "-c", ":"]
            done = start(group, nothing, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            words = done.communicate()[1].decode(errors="replace").strip()
            if done.returncode == 0:
                return version, folder, None
            reason = f"{folder}: {words or 'no process can be put into a group'}"
    return None, None, reason


def candidates(
    proc: pathlib.Path = pathlib.Path("/proc/self"),
) -> tuple[Version, list[pathlib.Path]]:
    """Return the kind of cgroups, and folders in which to make a group, the nearest first.

    Args:
        proc: What the system says about this process.

    Raises:
        OSError: There is no such information.
        ValueError: There are no memory cgroups.
    """
    unified = memory = None
    for line in (proc / "mountinfo").read_text().splitlines():
        first, _, last = line.partition(" - ")
        root, place = first.split()[3:5]
        kind, _, options = last.split()[:3]
        if kind == "cgroup2":
            unified = (pathlib.Path(place), root)
        elif kind == "cgroup" and "memory" in options.split(","):
            memory = (pathlib.Path(place), root)
    own = dict(line.split(":", 2)[1:] for line in (proc / "cgroup").read_text().splitlines())
    if unified and "memory" in _words(unified[0] / "cgroup.controllers"):
        # A new group has the controller only where its parent passes it on.
        chain = _chain(*unified, own.get("", "/"))
        return V2, [path for path in chain if "memory" in _words(path / "cgroup.subtree_control")]
    if memory:
        names = [name for name in own if "memory" in name.split(",")]
        return V1, _chain(*memory, own[names[0]] if names else "/")
    raise ValueError("this system has no cgroups for memory")


def _chain(place, root, own):
    """Return the folders of the process's own group and those above it, as far as visible."""
    inside = pathlib.PurePosixPath(own)
    path = place / inside.relative_to(root) if inside.is_relative_to(root) else place
    if not path.is_dir():
        return [place]
    return [path, *(parent for parent in path.parents if parent.is_relative_to(place))]


def _words(path):
    with contextlib.suppress(OSError):
        return path.read_text().split()
    return []
