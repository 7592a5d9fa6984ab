"""Grades submissions in a process of its own, so that nothing that happens here stops the run.

    python -m grading.workers.worker

Reads the path of a job's folder from each line of standard input, grades, and answers with a line:
"judged" when result.json is there, "done" when page.html is there too. Ends when standard input
ends, whatever it is doing: then nobody waits for the answer any more.

A job's folder holds job.json, the instructor's notebook, the submitted one, and the other files
handed in. It is read by the grader only; what the submission sees is a copy that the sandbox makes.
"""

import contextlib
import dataclasses
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
from pathlib import Path, PurePosixPath

OWN_FOLDER = "GRADING_FOLDER"  # an environment variable: the folder of this process's own
JOB, RESULT, PAGE, FILES = "job.json", "result.json", "page.html", "files"
SUBMITTED = "submitted.json"
WORK, RUNNING = "work", "running"  # a folder, and in it a file that says what was begun last
# What is wrong with a name, and not with the disk.
NAME_ERRORS = {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}
NAME_ERRORS |= {errno.EILSEQ}
MOST_UPWARDS = 20  # folders that a file may lie above its notebook


def write_job(folder, job):
    """Writes a job into an empty folder.

    Args:
        folder: The folder.
        job: A dictionary: "assignment_name" and "assignment_text" (the instructor's notebook),
            "notebook" (the text of the submitted one), "files" (name to bytes), "limits", "unsafe",
            "hidden" (paths that the submission must not see), "cold" (no prefork server).

    Files are named as seen from the notebook's folder. Where a name leads above it, the notebook
    runs in a folder below the working folder: its "place" in job.json.
    """
    folder = Path(folder)
    name = f"{job['assignment_name']}.ipynb"
    (folder / name).write_text(job["assignment_text"], encoding="utf-8")
    (folder / SUBMITTED).write_text(job["notebook"], encoding="utf-8")
    files = folder / FILES
    files.mkdir()
    upwards = max(map(_upwards, job["files"]), default=0)
    left_out, place = [], "below/" * upwards if upwards <= MOST_UPWARDS else ""
    for name, data in job["files"].items():
        if problem := _put(files, posixpath.normpath(posixpath.join(place, name)), data):
            left_out.append(f"{name} could not be put beside the notebook: {problem}.")
    kept = {key: job[key] for key in ("assignment_name", "limits", "unsafe", "hidden", "cold")}
    text = json.dumps({**kept, "notes": left_out, "place": place})
    (folder / JOB).write_text(text, encoding="utf-8")


def _upwards(name):
    """How many folders a name leads above the one that it is seen from."""
    return posixpath.normpath(name).split("/").count("..")


def _put(folder, name, data):
    """Writes a file below a folder; why it could not be, or None.

    Raises:
        OSError: the machine is to blame, not the name.
    """
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


def read_result(folder):
    """The result in a job's folder, with its page; None if there is none.

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
            result["events"].append(
                "The notebook could not be shown. The next run tries it again; the points stand."
            )
    return result


def read_running(folder):
    """What was begun last for the job in a folder: a cell, a task; None if that is not known."""
    try:
        return (Path(folder) / WORK / RUNNING).read_text(encoding="utf-8")[:200]
    except (OSError, ValueError):
        return None


def failure(problem, suspect=False, **more):
    """The result of a submission that the grader could not grade.

    Args:
        problem: in words.
        suspect: whether the submission itself may be what keeps the grader from it.
        more: what else the result says.
    """
    result = {"problem": problem, "points": 0, "tasks": [], "events": [], "notes": [], **more}
    if suspect:
        result |= {"suspect": True, "look": [f"It {problem}. Look at what the notebook does."]}
    return result


class Grader:
    """Grades jobs one after the other, with one prefork server for all of them."""

    def __init__(self):
        self._server, self._server_for = None, None

    def grade(self, folder):
        """Grades the job in a folder.

        Args:
            folder: The job's folder.

        Returns:
            The engine's result, with "notes" about what was restored. Never raises.
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

        from grading.assignments.assignment import load_assignment, restore
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
        result["events"] = list(result["events"])
        return result

    def _prefork_server(self, sandbox, limits, modules):
        """The prefork server, started when needed; None where there can be none."""
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

    def close(self):
        """Ends the prefork server."""
        server, self._server, self._server_for = self._server, None, None
        if server is not None:
            server.close()


def chooses_backend(notebook):
    """Whether a notebook names Keras's backend itself, for which Keras must not be imported yet."""
    return any("KERAS_BACKEND" in cell["source"] for cell in notebook["cells"])


def modules_of(assignment):
    """What is worth importing once for all: what the assignment's own cells import."""
    from grading.sandbox.prefork import MODULES

    text = "\n".join(cell["source"] for cell in assignment.notebook["cells"])
    if re.search(r"\b(utils|keras|tensorflow)\b", text):
        return MODULES
    always = ("numpy", "ipykernel", "matplotlib_inline")
    names = {name: name.split(".")[0] for name in MODULES}
    return tuple(m for m, top in names.items() if top in always or re.search(rf"\b{top}\b", text))


def main():
    """Answers one job after the other."""
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
        shutil.rmtree(folder / WORK, ignore_errors=True)  # its place may be needed
        if executed:
            _write_page(folder, executed)
        print("done", file=answers, flush=True)


def _write_page(folder, executed):
    """Writes the page of a notebook that ran; if that fails, there is none (`read_result`)."""
    try:
        from grading.reports import safe_html

        _write(folder / PAGE, safe_html.render(executed))
    except Exception:
        traceback.print_exc()


def _lines_until_end():
    """The lines of standard input; at its end the process ends, in the middle of a job or not."""
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
        shutil.rmtree(os.environ[OWN_FOLDER], ignore_errors=True)
    os._exit(0)


def _write(path, text):
    """Writes a file in one step, because the other side may read it at any moment."""
    new = path.with_suffix(".new")
    try:
        new.write_text(text, encoding="utf-8", errors="replace")
        os.replace(new, path)
    except OSError:  # on a full disk, half a file would stand in the way of the next
        new.unlink(missing_ok=True)
        raise


def _plain(value):
    """NumPy's numbers and what else JSON does not know."""
    if hasattr(value, "item"):
        return value.item()
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else str(value)


if __name__ == "__main__":
    main()
