"""How much memory processes take together, as /proc shows it: each page is counted once.

This is what the watch goes by where no cgroup counts (`memory_group`). A process that has just
ended counts nothing, and changes nothing in how the others are counted.
"""

import contextlib
import os
import re
import time

MEGABYTE = 2**20
MEMORY_TO_SHARE = 500 * MEGABYTE
# What a process has taken, in /proc/PID/status.
OWN = ("RssAnon", "RssShmem", "VmPTE")
SECONDS_FOR_MAPS = 2  # a submission can make reading them as long as it likes
# What waits in sockets belongs to no process. So many sockets are usual; each more of them counts
# as full, which is the default size of its buffer.
USUAL_SOCKETS = 256
SOCKET_BYTES = 208 * 1024
# What the list of a process's mappings calls shared memory of no file.
NAMELESS = re.compile(rb" /(dev/zero|memfd:|SYSV)")
SHARED_TO_LOOK = 100 * MEGABYTE
# What a file in memory takes beside what is in it.
FILE_BYTES = 1024


def memory(family):
    """Bytes of memory that processes have taken for themselves; pages of files do not count.

    The tables of a process's pages do: of what is reserved and only read there is nothing else.
    """
    own = [_kilobytes(each, "status", OWN) or 0 for each in family]
    if sum(own) * 1024 <= MEMORY_TO_SHARE:
        return sum(own) * 1024
    # What a process and its copies share was counted for each; this takes longer, and is exact.
    shares = [_share(each) for each in family]
    return min(sum(own), sum(shares)) * 1024


def exceed(family, folders, limit, shared_before=None):
    """Whether processes take more than so many bytes of memory, with their files that lie there.

    Args:
        family: the processes.
        folders: where they can write, if that is memory.
        limit: the bytes.
        shared_before: `shared()` before the processes took anything; None counts only what they
            have at hand.
    """
    systems = files_in_memory(family, folders)
    nameless, sockets = open_files(family)
    files = sum(systems.values()) + sum(nameless.values())
    total = memory(family) + files
    if shared_before is not None:
        total += _put_aside(family, shared() - shared_before - files, nameless)
    total += max(0, len(sockets) - USUAL_SOCKETS) * SOCKET_BYTES + in_connections(family)
    deadline = time.monotonic() + SECONDS_FOR_MAPS
    for process in family:
        if total <= limit:
            return False
        # A file that is also mapped was counted twice.
        total -= _mapped(process, systems, nameless, deadline)
    return total > limit


def shared():
    """Bytes of shared memory and of files in memory, of all processes of this machine."""
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(each.split()[1]) for each in lines if each.startswith("Shmem:")) * 1024
    return 0


def _put_aside(family, grown, nameless):
    """Bytes of shared memory that processes could get back, though none has them at hand.

    A process can put pages of shared memory aside (`madvise`); then it is counted nowhere but for
    the whole machine. What processes have mapped tells how much of that can be theirs.

    Args:
        family: the processes.
        grown: by so much the machine's shared memory has grown.
        nameless: pairs of device and inode of files that were counted.
    """
    if grown <= SHARED_TO_LOOK:
        return 0
    sizes = {}
    for process in family:
        with (
            contextlib.suppress(OSError, ValueError),
            open(f"/proc/{process.pid}/maps", "rb") as maps,
        ):
            for line in maps:
                if b" (deleted)" not in line or not NAMELESS.search(line):
                    continue
                addresses, _, offset, device, inode = line.split(None, 5)[:5]
                first, last = (int(part, 16) for part in addresses.split(b"-"))
                key = (os.makedev(*(int(part, 16) for part in device.split(b":"))), int(inode))
                if key not in nameless:
                    sizes[key] = max(sizes.get(key, 0), int(offset, 16) + last - first)
    at_hand = sum(_kilobytes(each, "smaps_rollup", ("Pss_Shmem",)) or 0 for each in family) * 1024
    return max(0, min(grown, sum(sizes.values())) - at_hand)


def files_in_memory(family, folders):
    """Bytes of the files that processes have written to folders which lie in memory, by device."""
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


def open_files(family):
    """What processes hold open: bytes of files in memory without a name, and sockets."""
    nameless, sockets = {}, set()
    for process in family:
        folder = f"/proc/{process.pid}/fd"
        with contextlib.suppress(OSError):
            for number in os.listdir(folder):
                with contextlib.suppress(OSError):
                    path = f"{folder}/{number}"
                    link = os.readlink(path)
                    if link.startswith("socket:"):
                        sockets.add(link)
                    elif link.startswith("/memfd:"):
                        found = os.stat(path)
                        nameless[found.st_dev, found.st_ino] = found.st_blocks * 512
    return nameless, sockets


def in_connections(family):
    """Bytes that wait in TCP and UDP connections of processes with a network of their own."""
    waiting, networks = 0, {_network("self")}
    for process in family:
        if (network := _network(process.pid)) in networks:
            continue
        networks.add(network)
        for name in ("tcp", "tcp6", "udp", "udp6"):
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{process.pid}/net/{name}", encoding="ascii") as lines,
            ):
                # The fifth column: what waits to be sent, and what waits to be read.
                queues = [line.split()[4] for line in lines][1:]
                waiting += sum(int(each, 16) for queue in queues for each in queue.split(":"))
    return waiting


def _network(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:  # it has ended
        return None


def _mapped(process, systems, nameless, deadline):
    """The bytes that a process has mapped of certain files: its share of them.

    Args:
        process: the process.
        systems: devices whose files they are.
        nameless: pairs of device and inode.
        deadline: when to stop reading.
    """
    kilobytes, is_wanted = 0, False
    with (
        contextlib.suppress(OSError, ValueError),
        open(f"/proc/{process.pid}/smaps", "rb") as lines,
    ):
        for line in lines:
            if line.startswith(b"Pss:"):
                kilobytes += int(line.split()[1]) if is_wanted else 0
            elif not line.split(b" ", 1)[0].endswith(b":"):  # addresses: a mapping begins
                place, inode = line.split(None, 5)[3:5]
                device = os.makedev(*(int(part, 16) for part in place.split(b":")))
                is_wanted = inode != b"0" and (
                    device in systems or (device, int(inode)) in nameless
                )
                if time.monotonic() > deadline:
                    break
    return kilobytes * 1024


def _share(process):
    """What a process has for itself and its share of what it has with others, in kilobytes."""
    share = _kilobytes(process, "smaps_rollup", ("Pss_Anon", "Pss_Shmem"))
    if share is None:  # it has ended, or it is not for this user to read
        return _kilobytes(process, "status", OWN) or 0
    return share + (_kilobytes(process, "status", ("VmPTE",)) or 0)


def _kilobytes(process, name, wanted):
    """The sum of some fields of a file below /proc; None where they cannot be read."""
    try:
        with open(f"/proc/{process.pid}/{name}", encoding="utf-8", errors="replace") as lines:
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
        return sum(int(fields[each].split()[0]) for each in wanted)
    except (OSError, KeyError, ValueError):
        return None
