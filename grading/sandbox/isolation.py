"""What is isolated on this machine and what is not, in words for whoever grades."""

import os

from grading.limits import Limits
from grading.sandbox import memory_group
from grading.sandbox.bubblewrap import Sandbox
from grading.sandbox.inside.confine import has_filter


def report(sandbox: Sandbox, limits: Limits) -> list[str]:
    """Return what is isolated and what is not, in plain sentences."""
    judged = [
        "Results are judged in a separate process, which gets only plain values.",
        f"A cell may run {limits.cell_s:g} s, a notebook {limits.notebook_s:g} s; one process may "
        f"take {limits.memory_mb} MB of memory; a cell may print {limits.output_bytes / 1e6:g} MB.",
    ]
    if sandbox.is_isolated:
        unfiltered = " System calls are not filtered on this kind of machine."
        return [
            "Isolated by bubblewrap: each submission sees the system and Python, of the course "
            "only utils and data (none of it writable), and its own files.",
            "No network, no other processes, no capabilities, and nobody is root.",
            f"It can write {limits.disk_mb} MB to its working folder and as much to /tmp, both in "
            "memory; they are gone afterwards.",
            f"At most {limits.processes} processes; a submission with more is ended.",
            memory_group.describe(),
            *judged,
            "Not isolated: the processor, and the kernel of the operating system (a hole in it is "
            f"a hole here).{'' if has_filter() else unfiltered}",
        ]
    as_root = " YOU ARE ROOT, SO THAT MEANS THE WHOLE MACHINE." if os.geteuid() == 0 else ""
    return [
        f"NOT ISOLATED: {sandbox.problem}.",
        "Submissions run as ordinary programs of yours. They can read and change every file that "
        f"you can, the hidden tests and other submissions included.{as_root}",
        "They can use the network.",
        "They can start processes that outlive them; those that hide well are not found.",
        f"They can fill the disk: only the size of a single file is limited ({limits.disk_mb} MB).",
        "What still holds: each has its own working folder, and no secrets in its environment.",
        memory_group.describe(),
        *judged,
    ]
