"""Grade submissions in a separate process, so that nothing that happens here stops the run.

    python -m grading.workers.worker

Reads the path of a job's folder from each line of standard input, grades, and answers with a line:
"judged" when result.json is there, "done" when page.html is there too. Ends when standard input
ends, whatever it is doing: nobody waits for the answer then.

A job's folder holds job.json, the instructor's notebook, the submitted one, and the other files
handed in. Only the grader reads it; the submission sees a copy that the sandbox makes.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import posixpath
import queue
import re
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from utils.common.files import write_atomically

if TYPE_CHECKING:
    from grading.assignments.assignment import Assignment

OWN_FOLDER = "GRADING_FOLDER"  # an environment variable: the folder of this process's own
JOB, RESULT, PAGE, FILES = "job.json", "result.json", "page.html", "files"
SUBMITTED = "submitted.json"
WORK, RUNNING = "work", "running"  # a folder, and in it a file that says what was begun last
# What is wrong with a name, and not with the disk.
NAME_ERRORS = {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}
NAME_ERRORS |= {errno.EILSEQ}
LEAVE_SECONDS = 5  # for what a job is still writing when the process leaves
MOST_UPWARDS = 20  # folders that a file may lie above its notebook
NOT_SHOWN = "The notebook could not be shown. The next run tries it again; the points stand."


def write_job(folder: Path, job: dict) -> None:
    """Write a job into an empty folder.

    Files are named as seen from the notebook's folder. Where a name leads above it, the notebook
    runs in a folder below the working folder: its "place" in job.json.

    Args:
        folder: The folder.
        job: "assignment_name" and "assignment_text" (the instructor's notebook), "notebook" (the
            text of the submitted one), "files" (name to bytes), "limits", "unsafe", "hidden" (paths
            that the submission must not see), "cold" (whether to start Python afresh).
    """
    folder = Path(folder)
    name = f"{job['assignment_name']}.ipynb"
    (folder / name).write_text(job["assignment_text"], encoding="utf-8")
    (folder / SUBMITTED).write_text(job["notebook"], encoding="utf-8")
    files = folder / FILES
    files.mkdir()
    upwards = max((posixpath.normpath(n).split("/").count("..") for n in job["files"]), default=0)
    left_out, place = [], "below/" * upwards if upwards <= MOST_UPWARDS else ""
    for name, data in job["files"].items():
        if problem := _put(files, posixpath.normpath(posixpath.join(place, name)), data):
            left_out.append(f"{name} could not be put beside the notebook: {problem}.")
    facts = {key: job[key] for key in ("assignment_name", "limits", "unsafe", "hidden", "cold")}
    text = json.dumps({**facts, "notes": left_out, "place": place})
    (folder / JOB).write_text(text, encoding="utf-8")


def _put(folder, name, data):
    """Write a file below a folder; return what is wrong with its name, or None."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return "the name leads to another place"
    try:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    except ValueError:
        return "no file can have this name"
    except OSError as error:  # a file and a folder of one name, or a name too long
        if error.errno not in NAME_ERRORS:
            raise
        return error.strerror
    return None


def read_result(folder: Path) -> dict | None:
    """Return the result in a job's folder, with its page; None if there is none.

    "page_lost" says that the notebook ran, and that its page is missing for a reason of the
    grader's, such as a full disk.
    """
    folder = Path(folder)
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    try:
        result["page"] = (folder / PAGE).read_text(encoding="utf-8")
    except (OSError, ValueError):
        result["page"] = ""
        if not result.get("problem"):
            result["page_lost"] = True
            result["events"].append(NOT_SHOWN)
    return result


def read_running(folder: Path) -> str | None:
    """Return what was begun last in the job in a folder: a cell, a task; None if unknown."""
    try:
        return (Path(folder) / WORK / RUNNING).read_text(encoding="utf-8")[:200]
    except (OSError, ValueError):
        return None


def failure(problem: str, suspect: bool = False, seconds: float = 0) -> dict:
    """Return the result of a submission that the grader could not grade.

    Args:
        problem: In words.
        suspect: Whether the submission itself may be what prevents its grading.
        seconds: How long it took.
    """
    result = {"problem": problem, "points": 0, "tasks": [], "events": [], "notes": []}
    result["seconds"] = seconds
    if suspect:
        result |= {"suspect": True, "look": [f"It {problem}. Look at what the notebook does."]}
    return result


class Grader:
    """Grade jobs one after the other, with one prefork server for all of them."""

    def __init__(self):
        self._server, self._server_for = None, None

    def grade(self, folder: Path) -> dict:
        """Grade the job in a folder; never raise.

        Returns:
            The engine's result, with "notes" about what was restored.
        """
        started = time.monotonic()
        try:
            return self._grade(Path(folder))
        except Exception as error:
            traceback.print_exc()
            reason = f"could not be graded: {type(error).__name__}: {error}"
            suspect = bool(getattr(error, "suspect", False))
            return failure(reason[:500], suspect, seconds=time.monotonic() - started)

    def _grade(self, folder):
        import nbformat

        from grading.assignments.assignment import load_assignment
        from grading.assignments.restore import restore
        from grading.execution.engine import grade_notebook
        from grading.execution.fitting import leave_out
        from grading.limits import Limits
        from grading.sandbox import bubblewrap

        job = json.loads((folder / JOB).read_text(encoding="utf-8"))
        assignment = load_assignment(folder / f"{job['assignment_name']}.ipynb")
        limits, sandbox = Limits(**job["limits"]), bubblewrap.choose(job["unsafe"], job["hidden"])
        submitted = json.loads((folder / SUBMITTED).read_text(encoding="utf-8"))
        notebook, notes = restore(nbformat.from_dict(submitted), assignment)
        work = folder / WORK
        work.mkdir()
        left_out = leave_out(folder / FILES, limits.disk_mb)
        modules = modules_of(assignment)
        is_cold = job["cold"] or chooses_backend(notebook)
        result = grade_notebook(
            notebook,
            assignment,
            limits,
            sandbox,
            server=None if is_cold else self._prefork_server(sandbox, limits, modules),
            files=folder / FILES,
            place=job["place"],
            progress=work / RUNNING,
        )
        result["notes"] = job["notes"] + left_out + notes
        return result

    def _prefork_server(self, sandbox, limits, modules):
        """Return the prefork server, started when needed; None where that is impossible."""
        from grading.sandbox.prefork import PreforkServer

        if not sandbox.is_isolated:
            return None
        if self._server is not None and self._server.popen.poll() is not None:  # it died
            self.close()
        wanted = (limits, modules, sandbox.hidden)
        if self._server_for != wanted:
            self.close()
            self._server_for = wanted
            self._server = PreforkServer(sandbox, limits, modules)
        if self._server is not None and self._server.can_fork is False:
            self._server.close()
            self._server = None
        return self._server

    def close(self) -> None:
        """End the prefork server."""
        server, self._server, self._server_for = self._server, None, None
        if server is not None:
            server.close()


def chooses_backend(notebook: dict) -> bool:
    """Return whether a notebook names Keras's backend; then Keras must not be imported before."""
    return any("KERAS_BACKEND" in cell["source"] for cell in notebook["cells"])


def modules_of(assignment: Assignment) -> tuple[str, ...]:
    """Return what is worth importing just once: what the assignment's own cells import."""
    from grading.sandbox.prefork import MODULES

    text = "\n".join(cell["source"] for cell in assignment.notebook["cells"])
    if re.search(r"\b(utils|keras|tensorflow)\b", text):
        return MODULES
    always = ("numpy", "ipykernel", "matplotlib_inline")
    names = {name: name.split(".")[0] for name in MODULES}
    return tuple(m for m, top in names.items() if top in always or re.search(rf"\b{top}\b", text))


def main() -> None:
    """Answer one job after the other."""
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    grader = Grader()
    for line in _lines_until_end():
        folder = Path(line)
        result = grader.grade(folder)
        executed = result.pop("executed", None)
        _write(folder / RESULT, json.dumps(result, default=_plain))
        print("judged", file=answers, flush=True)
        shutil.rmtree(folder / WORK, ignore_errors=True)  # its space may be needed
        if executed:
            write_page(folder, executed)
        print("done", file=answers, flush=True)


def write_page(folder: Path, executed: dict) -> None:
    """Write the page of an executed notebook; if that fails, there is none (`read_result`)."""
    try:
        from grading.rendering import notebook

        _write(folder / PAGE, notebook.render(executed))
    except Exception:
        traceback.print_exc()


def _lines_until_end() -> Iterator[str]:
    """Yield the lines of standard input; end the process with it, even in the middle of a job."""
    lines = queue.SimpleQueue()

    def read():
        for line in sys.stdin:
            lines.put(line.rstrip("\n"))
        _leave()

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()


def _leave():
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()
    if os.environ.get(OWN_FOLDER):
        _remove(Path(os.environ[OWN_FOLDER]))
    os._exit(0)


def _remove(folder):
    """Remove a folder in which a job, or a process that was just killed, may still be writing."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def _write(path, text):
    write_atomically(path, text.encode("utf-8", "replace"))


def _plain(value):
    """Return a NumPy number, or whatever else JSON does not know, as JSON does."""
    return value.item() if hasattr(value, "item") else str(value)


if __name__ == "__main__":
    main()
