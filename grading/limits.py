"""What a submission may use: time, memory, disk, output."""

import dataclasses

# How much more than one process a submission's processes and files together may take.
TOGETHER = 1.25


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of one submission; whatever exceeds one is stopped and costs only its points."""

    cell_s: float = 120  # seconds for one cell
    notebook_s: float = 900  # seconds for the whole notebook, with judging and restarts
    # Memory of one process; all together may have a quarter more, with their files, which lie in
    # memory under bubblewrap.
    memory_mb: int = 3000
    disk_mb: int = 500  # of the working folder, of the temporary folder, and of a single file
    output_bytes: int = 4_000_000  # of one cell
    total_output_bytes: int = 30_000_000  # of the whole notebook
    value_bytes: int = 20_000_000  # a task's values; also one argument or result of a call
    processes: int = 64  # at a time
    grace_s: float = 3  # seconds that an interrupted cell has to end before the kernel is killed
    start_s: float = 120  # seconds that a kernel has to start
    judge_memory_mb: int = 1000  # of the process that judges the values

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be more than 0, not {value!r}")
