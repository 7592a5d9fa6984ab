"""What a process gives up for good before a student's code runs in it.

Limits and namespaces restrict what a submission sees and how much it takes. Here it loses what
could get around them: a user who is also root outside the sandbox, all capabilities, and the system
calls that make memory nobody counts (memfd, System V shared memory), namespaces, or mounts. All of
this applies to the calling thread and to what it starts, so no other thread may be running yet.
"""

import ctypes
import errno
import os
import pathlib
import platform
import socket
import struct
import sys

NOBODY = 65534
DIE_WITH_PARENT, SET_DUMPABLE, SET_SECCOMP, DROP_BOUNDING, SET_NO_NEW_PRIVILEGES = 1, 4, 22, 24, 38
NEW_USER = 0x10000000

# Where the numbers come from: include/uapi/asm-generic/unistd.h and, for x86-64,
# arch/x86/entry/syscalls/syscall_64.tbl in the sources of Linux. AUDIT_ARCH is of linux/audit.h.
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SAME_EVERYWHERE = {"open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432}
SAME_EVERYWHERE |= {"fsconfig": 431, "fspick": 433, "mount_setattr": 442}
SAME_EVERYWHERE |= {"open_tree_attr": 467, "memfd_secret": 447, "io_uring_setup": 425}
CALLS = {
    "x86_64": {
        "clone": 56, "clone3": 435, "unshare": 272, "setns": 308, "mount": 165, "umount2": 166,
        "pivot_root": 155, "chroot": 161, "memfd_create": 319, "shmget": 29, "msgget": 68,
        "semget": 64, "bpf": 321, "userfaultfd": 323, "perf_event_open": 298, "add_key": 248,
        "keyctl": 250, "request_key": 249, "socket": 41,
    },
    "aarch64": {
        "clone": 220, "clone3": 435, "unshare": 97, "setns": 268, "mount": 40, "umount2": 39,
        "pivot_root": 41, "chroot": 51, "memfd_create": 279, "shmget": 194, "msgget": 186,
        "semget": 190, "bpf": 280, "userfaultfd": 282, "perf_event_open": 241, "add_key": 217,
        "keyctl": 219, "request_key": 218, "socket": 198,
    },
}  # fmt: skip
# These are answered with "there is no such call", so that a library takes its other way; the rest
# with "not permitted".
ABSENT = ("clone3", "memfd_create", "memfd_secret", "shmget", "msgget", "semget", "io_uring_setup")

# Kinds of sockets that stay: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. A network namespace does not
# hold back all of the others: by AF_VSOCK a virtual machine talks to its host, and to itself.
FAMILIES = (1, 2, 10, 16)

_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def become_nobody() -> None:
    """Give up root and its groups, if this process is root."""
    if hasattr(os, "setresuid") and 0 in os.getresuid():
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # Otherwise its own files in /proc would belong to root from here on.
        _libc.prctl(SET_DUMPABLE, 1, 0, 0, 0)


def new_namespaces(kinds: int) -> None:
    """Move this process into new namespaces, one of users among them; the user keeps its number.

    Args:
        kinds: The flags of `unshare`, such as NEW_USER.

    Raises:
        OSError: The system refuses it.
    """
    user, group = os.getuid(), os.getgid()
    check(_libc.unshare(kinds), "unshare")
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def shed_privileges() -> None:
    """Give up all capabilities, in this process and in everything that it starts."""
    for number in range(64):
        _libc.prctl(DROP_BOUNDING, number, 0, 0, 0)
    check(_libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def end_with_grader(run_folder: pathlib.Path) -> None:
    """Have this process killed when its parent ends; end it here if the grader is gone already.

    Args:
        run_folder: Where the grader listens on the socket sockets/1.
    """
    if sys.platform == "linux":
        _libc.prctl(DIE_WITH_PARENT, 9, 0, 0, 0)
    with socket.socket(socket.AF_UNIX) as knock:
        try:
            knock.connect(str(run_folder / "sockets" / "1"))
        except (ConnectionRefusedError, FileNotFoundError):
            os._exit(1)


def has_filter() -> bool:
    """Return whether there is a filter of system calls for this machine."""
    return sys.platform == "linux" and platform.machine() in CALLS and sys.maxsize > 2**32


def filter_calls() -> None:
    """Refuse the calls from here on, in this process and everything that it starts.

    Raises:
        OSError: The system does not take the filter.
    """
    if not has_filter():
        return
    program = filter_program(platform.machine())
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions, and where they are.
    about = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    check(_libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    check(_libc.prctl(SET_SECCOMP, 2, ctypes.create_string_buffer(about), 0, 0), "seccomp")


def filter_program(machine: str) -> bytes:
    """Return the filter as the kernel takes it: instructions of classic BPF, 8 bytes each.

    Args:
        machine: A key of CALLS.
    """
    load, equal, at_least, has_bits, leave = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
    calls = CALLS[machine] | SAME_EVERYWHERE
    lines = [
        # Offsets in struct seccomp_data: 0 the call, 4 the architecture, 16 the first argument.
        (load, 0, 0, 4),
        (equal, 1, 0, AUDIT_ARCH[machine]),
        (leave, 0, 0, refuse | errno.EPERM),  # 32-bit code has other numbers
        (load, 0, 0, 0),
        (at_least, 0, 1, 0x40000000),  # so does x32
        (leave, 0, 0, refuse | errno.ENOSYS),
    ]
    for name, number in calls.items():
        answer = refuse | (errno.ENOSYS if name in ABSENT else errno.EPERM)
        if name not in ("clone", "socket"):
            lines += [(equal, 0, 1, number), (leave, 0, 0, answer)]
    last = len(FAMILIES)
    lines += [(equal, 0, last + 3, calls["socket"]), (load, 0, 0, 16)]
    lines += [(equal, last - at, 0, family) for at, family in enumerate(FAMILIES)]
    lines += [(leave, 0, 0, refuse | errno.EAFNOSUPPORT), (leave, 0, 0, allow)]
    lines += [
        (equal, 0, 3, calls["clone"]),
        (load, 0, 0, 16),
        (has_bits, 0, 1, NEW_USER),
        (leave, 0, 0, refuse | errno.EPERM),
        (leave, 0, 0, allow),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def check(result: int, what: str) -> None:
    """Raise the system's error for a call that failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
