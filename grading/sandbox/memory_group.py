"""A limit of memory that the operating system keeps: a control group (cgroup) for one sandbox.

The watch looks four times a second, and sees what processes map. A memory cgroup counts as memory
is taken, and all of it: files in memory, buffers of sockets, whatever nobody has mapped. It can be
had where this process may make groups below its own one or beside it: often as root, and on a
desktop or a server with a delegated group. Elsewhere the watch has to do.

    group = memory_group.make(limit_bytes)     # NoGroupError says why there is none
    popen = memory_group.start(group, command, cwd="/", ...)  # as subprocess.Popen; or group None
    group.mark_base()          # what is in use by now does not count (an interpreter that is warm)
    group.set_limit(limit_bytes)
    group.usage()              # bytes on top of the base, without pages of ordinary files
    group.kills()              # how many processes the system has ended for lack of memory
    group.kill()               # all processes in it, whatever they did to hide
    group.close()              # ends them and removes the group
    remove_left()              # the groups of graders that were killed

`start` puts a process into the group before it becomes the command, with the rights of the caller:
`user=` and `group=` of Popen may take them away from the command.
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

with contextlib.suppress(ImportError):  # Windows does not have it, nor cgroups
    import fcntl

PREFIX = "grading-"
SECONDS_TO_END = 5
# Standard input is the group's list of processes; a 0 means the one that writes.
ENTER = 'echo 0 >&0 || exit 1; exec "$@" </dev/null'


class NoGroupError(RuntimeError):
    """No memory cgroup can be made here; the message says why, for a report."""


@dataclasses.dataclass(frozen=True)
class Version:
    """The names of files and fields in one of the two kinds of cgroups.

    Args:
        name: of the kind.
        limit: the file of the limit.
        swap: the file of a limit that includes swap or is for swap alone, and what goes there.
        memory: fields of memory.stat that count.
        kernel: the files with the kernel's own memory and that of connections, where those are no
            fields.
        connections: the file of a limit for connections, which are counted only if there is one.
        kills: the file with the number of processes ended.
    """

    name: str
    limit: str
    swap: tuple
    memory: tuple
    kernel: tuple
    connections: str | None
    kills: str


V1 = Version(
    "v1",
    "memory.limit_in_bytes",
    ("memory.memsw.limit_in_bytes", None),
    ("total_rss", "total_shmem"),
    ("memory.kmem.usage_in_bytes", "memory.kmem.tcp.usage_in_bytes"),
    "memory.kmem.tcp.limit_in_bytes",
    "memory.oom_control",
)
V2 = Version(
    "v2",
    "memory.max",
    ("memory.swap.max", 0),
    ("anon", "shmem", "sock", "kernel"),
    (),
    None,
    "memory.events",
)


def make(limit_bytes):
    """A new group with this limit.

    Raises:
        NoGroupError: there can be none.
    """
    version, parent = _place()
    for _ in range(5):
        # Another run may take the new group, which nobody holds yet, for one that was left.
        with contextlib.suppress(NoGroupError):
            return MemoryGroup(version, parent, limit_bytes)
    return MemoryGroup(version, parent, limit_bytes)


def start(group, command, /, **options):
    """Starts a command in a group, with nothing on standard input; without one where it is None."""
    if group is None:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    with open(group.path / "cgroup.procs", "wb") as members:
        command = ["/bin/sh", "-c", ENTER, "sh", *command]
        return subprocess.Popen(command, stdin=members, **options)


def describe():
    """One sentence: what limits the memory of a submission's processes here."""
    try:
        version, _ = _place()
    except NoGroupError as error:
        return (
            f"No cgroup for memory can be made here ({error}): a watch that looks four times a "
            "second limits what all processes of a submission take together."
        )
    return (
        f"Memory of all processes of a submission together is limited by a cgroup ({version.name})."
    )


class MemoryGroup:
    """A group, from its making to its removal; `make` makes one.

    Args:
        version: the names.
        parent: the folder that it is made in.
        limit_bytes: for all its processes together.

    Raises:
        NoGroupError: it cannot be made.
    """

    def __init__(self, version, parent, limit_bytes):
        self.version = version
        self.path = parent / f"{PREFIX}{uuid.uuid4().hex[:12]}"
        self.base = 0
        self._lock = None
        _remove_stale(version, parent)
        try:
            self.path.mkdir()
            # As long as this process lives, nobody takes the group for one that was left.
            self._lock = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.set_limit(limit_bytes)
        except OSError as error:
            self.close()
            raise NoGroupError(f"{parent}: {error.strerror}") from None

    @classmethod
    def of(cls, version, path, lock):
        """A group that is there already, with a descriptor of its folder that holds the lock."""
        group = cls.__new__(cls)
        group.version, group.path, group.base, group._lock = version, path, 0, lock
        return group

    def set_limit(self, limit_bytes):
        """Another limit, on top of the base.

        Raises:
            OSError: the system refuses it.
        """
        limit = int(limit_bytes) + self.base
        with_swap, value = self.version.swap
        # The limit with swap is never the smaller one of the two, whichever way both move.
        for _ in range(2):
            with contextlib.suppress(OSError):  # no swap is counted here
                self._write(with_swap, limit if value is None else value)
            with contextlib.suppress(OSError):
                self._write(self.version.limit, limit)
        self._write(self.version.limit, limit)
        if self.version.connections:
            with contextlib.suppress(OSError):
                self._write(self.version.connections, limit)

    def _write(self, name, value):
        (self.path / name).write_text(str(value))

    def mark_base(self):
        """What is in use now does not count any more, neither as usage nor for the limit set next.

        For a warm interpreter, before it forks what shares its memory.
        """
        self.base = 0
        self.base = self.usage()

    def usage(self):
        """Bytes in use on top of the base; 0 if the group is gone."""
        fields = self._fields("memory.stat")
        used = sum(fields.get(name, 0) for name in self.version.memory)
        used -= fields.get("slab_reclaimable", 0) if "kernel" in fields else 0
        for name in self.version.kernel:
            with contextlib.suppress(OSError, ValueError):
                used += int((self.path / name).read_text())
        return max(0, used - self.base)

    def kills(self):
        """How many of its processes the system has ended because the limit was reached."""
        return self._fields(self.version.kills).get("oom_kill", 0)

    def _fields(self, name):
        try:
            lines = (self.path / name).read_text().splitlines()
            return {key: int(value) for key, value in (line.split() for line in lines)}
        except (OSError, ValueError):
            return {}

    def members(self):
        """The numbers of its processes."""
        try:
            return [int(line) for line in (self.path / "cgroup.procs").read_text().split()]
        except OSError:
            return []

    def kill(self):
        """Ends all its processes, until there are none."""
        deadline = time.monotonic() + SECONDS_TO_END
        while (members := self.members()) and time.monotonic() < deadline:
            for pid in members:
                if pid:  # 0 is a process that cannot be seen from here
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def close(self):
        """Ends its processes and removes it."""
        self.kill()
        deadline = time.monotonic() + SECONDS_TO_END
        while not _is_removed(self.path) and time.monotonic() < deadline:
            time.sleep(0.01)  # what has just ended may still be in it
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _is_removed(path):
    try:
        path.rmdir()
    except OSError as error:
        return error.errno not in (errno.EBUSY, errno.ENOTEMPTY)
    return True


def remove_left():
    """Removes the groups of graders that are gone, and ends what they have left in them."""
    with contextlib.suppress(NoGroupError):
        version, parent = _place()
        _remove_stale(version, parent)


def _remove_stale(version, parent):
    for path in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # it is somebody's who lives
                os.close(lock)
                continue
            MemoryGroup.of(version, path, lock).close()


@functools.cache
def _outcome():
    """The kind of cgroups here and the folder to make one in; or the reason why there is none."""
    try:
        version, folders = candidates()
    except (OSError, ValueError) as error:
        return None, None, f"{error}"
    reason = "the memory controller is given to no group that this user may use"
    for folder in folders:
        try:
            group = MemoryGroup(version, folder, 64 * 2**20)
        except NoGroupError as error:
            reason = f"{error}"
            continue
        with contextlib.closing(group):
            nothing = ["/bin/sh", "-c", ":"]
            done = start(group, nothing, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            words = done.communicate()[1].decode(errors="replace").strip()
            if done.returncode == 0:
                return version, folder, None
            reason = f"{folder}: {words or 'no process can be put into a group'}"
    return None, None, reason


def _place():
    version, folder, reason = _outcome()
    if version is None:
        raise NoGroupError(reason)
    return version, folder


def candidates(proc=pathlib.Path("/proc/self")):
    """The kind of cgroups, and the folders in which a group could be made, the nearest first.

    Args:
        proc: what the system says about this process; for tests.

    Raises:
        OSError, ValueError: there are no memory cgroups.
    """
    unified, memory = None, None
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
        return V2, [each for each in chain if "memory" in _words(each / "cgroup.subtree_control")]
    if memory:
        names = [name for name in own if "memory" in name.split(",")]
        return V1, _chain(*memory, own[names[0]] if names else "/")
    raise ValueError("this system has no cgroups for memory")


def _chain(place, root, own):
    """The folder of the process's own group and those above it, as far as they can be seen."""
    inside = pathlib.PurePosixPath(own)
    inside = inside.relative_to(root) if inside.is_relative_to(root) else pathlib.PurePosixPath()
    path = place / str(inside).lstrip("/")
    if not path.is_dir():
        return [place]
    return [path, *(each for each in path.parents if each.is_relative_to(place))]


def _words(path):
    with contextlib.suppress(OSError):
        return path.read_text().split()
    return []
