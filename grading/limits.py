"""What a submission may use: time, memory, disk, output."""

import dataclasses

# All processes of a submission together, and its files, may take so much more than one process.
TOGETHER = 1.25


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits for one submission; what goes beyond is stopped and costs its own points.

    Args:
        cell_s: seconds for one cell.
        notebook_s: seconds for the whole notebook, judging and restarts included.
        memory_mb: memory of one process, and (with a quarter on top) of all together with their
            files, which lie in memory where there is bubblewrap.
        disk_mb: size of the working folder, of the temporary folder, and of a single file.
        output_bytes: output of one cell.
        total_output_bytes: output of the whole notebook.
        value_bytes: size of what a task hands over, and of one argument or result of a call.
        processes: processes at a time.
        grace_s: seconds that a cell has to end after it was interrupted; then the kernel is killed.
        start_s: seconds that a kernel has to start.
        judge_memory_mb: memory of the process that judges, where the answers are handed over to.
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
