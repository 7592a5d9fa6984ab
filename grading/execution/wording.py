"""How cells and questions to a kernel end, as verdicts and in words for the student."""

# Of a cell that ended like this nothing is run again.
HARMFUL = ("timeout", "output", "memory", "processes", "connections", "died")
VERDICT_OF = {
    "error": "error",
    "timeout": "timeout",
    "output": "error",
    "memory": "memory",
    "processes": "died",
    "connections": "died",
    "died": "died",
}


def of_cell(outcome, limits):
    """What became of a cell, to follow "code cell 3": for a `kernel.Outcome` that is not "ok"."""
    if outcome.status == "error":
        return f"stopped with {one_line(outcome.name, 100)}: {one_line(outcome.message)}"
    if outcome.status == "timeout":
        return f"ran longer than {limits.cell_s:g} s and was stopped"
    words = of_stop(outcome.status, limits.cell_s, limits)
    return f"{words} and was stopped" if outcome.status == "output" else words


def of_stop(status, seconds, limits):
    """What something did that was stopped, after so many seconds if it took too long."""
    return {
        "timeout": f"took longer than {seconds:g} s",
        "output": f"printed more than {limits.output_bytes / 1e6:g} MB",
        "memory": f"needed more than {limits.memory_mb} MB of memory",
        "processes": f"started more than {limits.processes} processes",
        "connections": "opened a flood of connections to the grader",
        "died": "ended the kernel",
    }[status]


def one_line(text, most=300):
    """A message on one line, of bearable length."""
    text = " ".join(str(text).encode(errors="replace").decode().split())
    return text if len(text) <= most else text[: most - 1] + "…"
