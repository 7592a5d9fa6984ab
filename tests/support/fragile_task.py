"""What a cluster's workers run in a test: a module of its own, because each of them imports it."""

import os
import signal
from pathlib import Path


def fragile(job):
    """Stand in for grading: end the worker as often as the job says, then answer."""
    deaths = Path(job["folder"], job["name"])
    before = len(list(deaths.parent.glob(f"{job['name']}-*")))
    if before < job["deaths"]:
        Path(f"{deaths}-{before}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"points": 1, "tasks": []}
