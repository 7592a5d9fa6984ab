"""What a submission may use: time, memory, disk, output."""

import dataclasses

# All processes of a submission together, and its files, may take so much more than one process.
TOGETHER = 1.25


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of one submission; whatever exceeds one is stopped and costs its own points.

    Attributes:
        cell_s: Seconds for one cell.
        notebook_s: Seconds for the whole notebook, including judging and restarts.
        memory_mb: Memory of one process, and (with a quarter on top) of all together with their
            files, which lie in memory under bubblewrap.
        disk_mb: Size of the working folder, of the temporary folder, and of a single file.
        output_bytes: Output of one cell.
        total_output_bytes: Output of the whole notebook.
        value_bytes: Size of a task's values, and of one argument or result of a call.
        processes: Processes at a time.
        grace_s: Seconds that an interrupted cell has to end before the kernel is killed.
        start_s: Seconds that a kernel has to start.
        judge_memory_mb: Memory of the process that judges the values.
    """

    cell_s: float = 120
    notebook_s: float = 900
    memory_mb: int = 3000
    disk_mb: int = 500
    output_bytes: int = 4_000_000
    total_output_bytes: int = 30_000_000
    value_bytes: int = 20_000_000
    processes: int = 64
    grace_s: float = 3
    start_s: float = 120
    judge_memory_mb: int = 1000

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be more than 0, not {value!r}")
