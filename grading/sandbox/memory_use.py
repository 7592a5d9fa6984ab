"""How much memory processes take together, as /proc shows it: each page is counted once.

The monitor goes by this where no control group counts (`memory_group`). A process that has just
ended counts for nothing, and changes nothing in how the others are counted. Nameless files in
memory and System V shared memory are not looked for: a filter of system calls refuses them.
"""

import contextlib
import os
import time
from collections.abc import Iterable

import psutil

MEGABYTE = 2**20
MEMORY_TO_SHARE = 500 * MEGABYTE
# What a process has taken, in /proc/PID/status.
OWN = ("RssAnon", "RssShmem", "VmPTE")
SECONDS_FOR_MAPS = 2  # a submission can make reading them as long as it likes
# What waits in sockets belongs to no process. This many sockets are usual; each further one counts
# as full, at the default size of its buffer.
USUAL_SOCKETS = 256
SOCKET_BYTES = 208 * 1024
SHARED_TO_LOOK = 100 * MEGABYTE
FILE_BYTES = 1024  # what a file in memory takes beside what is in it


def memory(family: list[psutil.Process]) -> int:
    """Return the bytes that processes have taken for themselves; pages of files do not count.

    The tables of a process's pages do: memory that is reserved and only read takes nothing else.
    """
    own = [_kilobytes(process, "status", OWN) or 0 for process in family]
    if sum(own) * 1024 <= MEMORY_TO_SHARE:
        return sum(own) * 1024
    # What a process and its copies share was counted for each; this takes longer, and is exact.
    return min(sum(own), sum(map(_share, family))) * 1024


def exceed(
    family: list[psutil.Process], folders: Iterable[str], limit: float, shared_before: int
) -> bool:
    """Return whether processes, with their files in memory, take more memory than the limit.

    Args:
        family: The processes.
        folders: Where they can write, if that is memory.
        limit: The bytes.
        shared_before: `shared()` before the processes took anything.
    """
    files = files_in_memory(family, folders)
    total = memory(family) + sum(files.values()) + _in_sockets(family)
    total += _put_aside(family, shared() - shared_before - sum(files.values()))
    deadline = time.monotonic() + SECONDS_FOR_MAPS
    for process in family:
        if total <= limit:
            return False
        # A file that is also mapped was counted twice.
        total -= _mapped(process, files, deadline)
    return total > limit


def shared() -> int:
    """Return the bytes of shared memory and of files in memory, of the whole machine."""
    return (_kilobytes_in("/proc/meminfo", ("Shmem",)) or 0) * 1024


def files_in_memory(family: list[psutil.Process], folders: Iterable[str]) -> dict[int, int]:
    """Return the bytes of files in folders that are in memory, by device."""
    used = {}  # processes see the same file systems, or some of their own
    for process in family:
        for folder in folders:
            place = f"/proc/{process.pid}/root{folder}"
            with contextlib.suppress(OSError):
                system = os.statvfs(place)
                contents = (system.f_blocks - system.f_bfree) * system.f_frsize
                files = (system.f_files - system.f_ffree) * FILE_BYTES
                used[os.stat(place).st_dev] = contents + files
    return used


def _put_aside(family, grown):
    """Return the bytes of shared memory that processes have put aside and could get back.

    A process can put pages of shared memory aside (`madvise`); then they are counted only for the
    whole machine, which has `grown` by that much. What processes have mapped shows how much of it
    can be theirs.
    """
    if grown <= SHARED_TO_LOOK:
        return 0
    sizes = {}
    for process in family:
        for line in _lines(process, "maps"):
            if line.endswith(b" /dev/zero (deleted)\n"):
                addresses, _, offset, device, inode = line.split(None, 5)[:5]
                first, last = (int(part, 16) for part in addresses.split(b"-"))
                key = (device, inode)
                sizes[key] = max(sizes.get(key, 0), int(offset, 16) + last - first)
    at_hand = sum(_kilobytes(process, "smaps_rollup", ("Pss_Shmem",)) or 0 for process in family)
    return max(0, min(grown, sum(sizes.values())) - at_hand * 1024)


def _in_sockets(family):
    """Return the bytes that wait in sockets, as far as that can be seen."""
    sockets, waiting, networks = set(), 0, {_link("/proc/self/ns/net")}
    for process in family:
        folder = f"/proc/{process.pid}/fd"
        with contextlib.suppress(OSError):
            links = [_link(f"{folder}/{number}") for number in os.listdir(folder)]
            sockets.update(link for link in links if link and link.startswith("socket:"))
        if (network := _link(f"/proc/{process.pid}/ns/net")) in networks:
            continue
        networks.add(network)
        for name in ("net/tcp", "net/tcp6", "net/udp", "net/udp6"):
            # The fifth column: what waits to be sent, and what waits to be read.
            queues = [line.split()[4] for line in _lines(process, name)][1:]
            waiting += sum(int(part, 16) for queue in queues for part in queue.split(b":"))
    return waiting + max(0, len(sockets) - USUAL_SOCKETS) * SOCKET_BYTES


def _mapped(process, devices, deadline):
    """Return a process's share, in bytes, of what it has mapped of files on these devices."""
    kilobytes, is_wanted = 0, False
    for line in _lines(process, "smaps"):
        if line.startswith(b"Pss:"):
            kilobytes += int(line.split()[1]) if is_wanted else 0
        elif not line.split(b" ", 1)[0].endswith(b":"):  # addresses: a mapping begins
            device, inode = line.split(None, 5)[3:5]
            number = os.makedev(*(int(part, 16) for part in device.split(b":")))
            is_wanted = inode != b"0" and number in devices
            if time.monotonic() > deadline:
                break
    return kilobytes * 1024


def _share(process):
    """Return the kilobytes of a process, with its share of what it has with others."""
    share = _kilobytes(process, "smaps_rollup", ("Pss_Anon", "Pss_Shmem"))
    if share is None:  # it has ended, or it is not for this user to read
        return _kilobytes(process, "status", OWN) or 0
    return share + (_kilobytes(process, "status", ("VmPTE",)) or 0)


def _kilobytes(process, name, wanted):
    return _kilobytes_in(f"/proc/{process.pid}/{name}", wanted)


def _kilobytes_in(path, wanted):
    """Return the sum of some fields of a file; None where they cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
        return sum(int(fields[name].split()[0]) for name in wanted)
    except (OSError, KeyError, ValueError):
        return None


def _lines(process, name):
    """Yield the lines of a file below /proc, as far as they can be read."""
    with contextlib.suppress(OSError), open(f"/proc/{process.pid}/{name}", "rb") as lines:
        yield from (line for line in lines if line.endswith(b"\n"))


def _link(path):
    try:
        return os.readlink(path)
    except OSError:  # it has ended
        return None
