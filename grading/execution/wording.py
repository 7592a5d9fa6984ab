"""How cells and questions to a kernel end: as verdicts, and in words for the student."""

from grading.execution.request import Outcome
from grading.limits import Limits

# By the status of what was stopped; of a cell that ended like this nothing is run again.
VERDICT_OF_STOPPED = {
    "timeout": "timeout",
    "output": "error",
    "memory": "memory",
    "processes": "died",
    "connections": "died",
    "died": "died",
}


def of_cell(outcome: Outcome, limits: Limits) -> str:
    """Return what became of a cell that did not end well, to follow "code cell 3"."""
    if outcome.status == "error":
        return f"stopped with {_one_line(outcome.name, 100)}: {_one_line(outcome.message, 300)}"
    if outcome.status == "timeout":
        return f"ran longer than {limits.cell_s:g} s and was stopped"
    words = of_stop(outcome.status, limits.cell_s, limits)
    return f"{words} and was stopped" if outcome.status == "output" else words


def of_stop(status: str, seconds: float, limits: Limits) -> str:
    """Return what something did that was stopped, after `seconds` if it took too long."""
    return {
        "timeout": f"took longer than {seconds:g} s",
        "output": f"printed more than {limits.output_bytes / 1e6:g} MB",
        "memory": f"needed more than {limits.memory_mb} MB of memory",
        "processes": f"started more than {limits.processes} processes",
        "connections": "opened a flood of connections to the grader",
        "died": "ended the kernel",
    }[status]


def _one_line(text, most):
    text = " ".join(str(text).encode(errors="replace").decode().split())
    return text if len(text) <= most else text[: most - 1] + "…"
