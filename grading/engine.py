"""Grades one notebook: runs its cells, judges each task where its test cell stands.

A cell that hangs, fails, takes too much or ends the kernel costs its own points only: the kernel is
started again, the cells before that did no harm are run again, and the rest is judged.
"""

import contextlib
import dataclasses
import json
import re
import time

from grading import bridge
from grading.judge import Judge
from grading.kernel import Kernel, Outcome, StartError
from grading.warm import Lease, NotWarmError, Warm

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


class EngineError(RuntimeError):
    """The grader cannot run kernels here; no submission is to blame."""


def grade_notebook(notebook, assignment, folder, limits, sandbox, warm=None, files=None):
    """Runs a submission's notebook and judges its tasks.

    Args:
        notebook: with locked and test cells as in the release (`restore`).
        assignment: with the `tasks`.
        folder: not used; working folders are temporary.
        limits: the `Limits`.
        sandbox: of `sandbox.choose`.
        warm: a `Warm` to fork kernels from; None starts each anew.
        files: the folder of the submission, whose files the notebook finds beside it.

    Returns:
        A dictionary that can be written as JSON: points, max_points, seconds, tasks, events,
        executed, and `warm`, which says whether kernels were forked.

    Raises:
        EngineError: no kernel starts at all.
        OSError: the submission's files are too large, or cannot be read.
    """
    with contextlib.closing(Run(notebook, assignment, limits, sandbox, warm, files)) as run:
        return run.grade()


@dataclasses.dataclass
class Ran:
    """A code cell that ran."""

    index: int
    number: int  # among the code cells, from 1
    source: str
    task: object = None  # that it tests
    status: str = "not reached"
    error: str = ""  # for the student
    outputs: list = dataclasses.field(default_factory=list)


class Run:
    """The grading of one notebook; the arguments are those of `grade_notebook`."""

    def __init__(self, notebook, assignment, limits, sandbox, warm, files):
        self.assignment = assignment
        self.limits = limits
        self.sandbox = sandbox
        self.files = files
        self.notebook = json.loads(json.dumps(notebook))
        self.started = time.monotonic()
        self.deadline = self.started + limits.notebook_s
        self.kernel = None
        self.lease = None
        self.last_run = None  # the cell that ran last in this kernel
        self.is_loss_noted = False  # of this kernel
        self.unexplained = 0
        self.events = []
        self.results = {}  # grade_id -> (verdict, message)
        self.is_late = False
        self.output_bytes = 0
        self.cells = self._code_cells()
        self.segment = []  # cells since the last test
        self.judge = Judge(limits.judge_memory_mb)
        if warm is not None:
            try:
                self.lease = Lease(warm)
            except NotWarmError:
                self.lease = None

    def _code_cells(self):
        tasks = {task.grade_id: task for task in self.assignment.tasks}
        cells = []
        for index, cell in enumerate(self.notebook["cells"]):
            if cell["cell_type"] != "code":
                continue
            source = cell["source"]
            source = source if isinstance(source, str) else "".join(source)
            about = cell.get("metadata", {}).get("nbgrader") or {}
            is_test = about.get("grade") and not about.get("solution")
            task = tasks.get(about.get("grade_id")) if is_test else None
            cells.append(Ran(index, len(cells) + 1, source, task))
        return cells

    def close(self):
        """Ends everything that was started."""
        if self.kernel is not None:
            self.kernel.close()
        if self.lease is not None:
            self.lease.close()
        self.judge.close()

    def grade(self):
        """Runs and judges; returns the result."""
        self._start_kernel()
        # The first submission of a warm interpreter waits for its imports; nobody's time.
        self.deadline = time.monotonic() + self.limits.notebook_s
        for position, cell in enumerate(self.cells):
            if cell.source.strip():
                self._run_cell(cell, position)
            if cell.task is None:
                self.segment.append(cell)
            else:
                self._judge(cell.task, position)
                self.segment = []
        for task in self.assignment.tasks:  # whose test cell is not in the notebook
            if task.grade_id not in self.results:
                self._judge(task, len(self.cells))
        return self._result()

    # --- The kernel --------------------------------------------------------------------------

    def _start_kernel(self):
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None
        self.last_run, self.is_loss_noted = None, False
        for _ in range(2):
            try:
                self.kernel = Kernel(self.sandbox, self.limits, self.files, self.lease)
                return
            except NotWarmError:
                self.lease.close()
                self.lease = None
            except StartError as error:
                problem = error
                if self.lease is not None:
                    self.lease.close()
                    self.lease = None
        raise EngineError(f"No kernel can be started: {problem}")

    def _left(self):
        return self.deadline - time.monotonic()

    def _is_ready(self, position):
        """Whether there is a kernel, if need be started again, and time left."""
        while self._left() > 0:
            if self.kernel.is_alive and not self.kernel.watch.reason:
                return True
            if not self.is_loss_noted:
                self._note_loss()
            self._start_kernel()
            self._run_again(self.cells[:position])
        if not self.is_late:
            self.is_late = True
            self.events.append(
                f"the notebook took longer than {self.limits.notebook_s:g} s in all; what follows "
                "was not reached"
            )
        return False

    def _note_loss(self):
        """The kernel was lost after a cell had ended: by what that cell had left running."""
        if self.last_run is None:
            self.unexplained += 1
            if self.unexplained > 2:
                raise EngineError("Kernels end by themselves.")
            return
        self._note(self.last_run, Outcome(self.kernel.watch.reason or "died"))

    def _run_again(self, cells):
        """Brings a new kernel to where the old one was, without what did harm."""
        for cell in cells:
            if (
                cell.task is not None
                or cell.status not in ("ok", "error")
                or not cell.source.strip()
            ):
                continue
            if self._left() <= 0:
                return
            self.last_run = cell
            seconds = min(self.limits.cell_s, self._left())
            outcome = self.kernel.run(cell.source, seconds, cell)
            if outcome.status in HARMFUL:
                self._note(cell, outcome, " when it was run again")
            if not self.kernel.is_alive:
                return

    # --- Cells -------------------------------------------------------------------------------

    def _run_cell(self, cell, position):
        while self._is_ready(position):
            self.last_run = cell
            seconds = min(self.limits.cell_s, self._left())
            outcome = self.kernel.run(cell.source, seconds, cell)
            if outcome.culprit not in (None, cell):
                # An earlier cell left something behind that prints and prints: without that one.
                self.kernel.kill()
                self._note(outcome.culprit, outcome)
                continue
            if outcome.status == "timeout" and seconds < self.limits.cell_s:
                outcome.status = "deadline"
            if outcome.status == "output" and self._prints_on():
                self.kernel.kill()
            cell.status = outcome.status
            cell.outputs = self._within_total(outcome)
            self._note(cell, outcome)
            return

    def _prints_on(self):
        """Whether a cell that was stopped left something behind that floods the cells after it."""
        pause = "__import__('time').sleep(0.5)"
        return self.kernel.is_alive and self.kernel.ask(pause, 5).status != "ok"

    def _within_total(self, outcome):
        before = self.output_bytes
        self.output_bytes += min(outcome.output_bytes, self.limits.output_bytes)
        if self.output_bytes <= self.limits.total_output_bytes:
            return outcome.outputs
        if before <= self.limits.total_output_bytes:
            most = f"{self.limits.total_output_bytes / 1e6:g} MB"
            self.events.append(
                f"the notebook printed more than {most} in all; the rest is not shown"
            )
        return []

    def _note(self, cell, outcome, when=""):
        """Keeps in mind and reports how a cell ended, unless all is well."""
        if outcome.status in ("ok", "deadline"):
            return
        cell.status = outcome.status
        cell.error = self._in_words(outcome)
        self.is_loss_noted = not self.kernel.is_alive
        rest = "; the kernel was lost with it" if self.is_loss_noted else ""
        self.events.append(f"code cell {cell.number} {cell.error}{when}{rest}")

    def _in_words(self, outcome):
        limits = self.limits
        return {
            "error": f"stopped with {outcome.name}: {one_line(outcome.message)}",
            "timeout": f"ran longer than {limits.cell_s:g} s and was stopped",
            "output": f"printed more than {limits.output_bytes / 1e6:g} MB and was stopped",
            "memory": f"needed more than {limits.memory_mb} MB of memory",
            "processes": f"started more than {limits.processes} processes",
            "connections": "opened a flood of connections to the grader",
            "died": "ended the kernel",
        }[outcome.status]

    # --- Tasks -------------------------------------------------------------------------------

    def _judge(self, task, position):
        if task.manual:
            self.results[task.grade_id] = ("manual", "To be read by a person.")
            return
        if not self._is_ready(position):
            message = "Not reached: the notebook's time was over."
            self.results[task.grade_id] = ("not reached", message)
            return
        ends = time.monotonic() + min(task.seconds, self._left())
        state = bridge.collect(self.kernel, task, min(task.seconds, self._left()))
        if state.stopped:
            verdict, message = self._stopped(task, state.stopped, "handing over the answer")
        elif state.problems:
            verdict, message = self._of_problems(task, state, position)
        else:
            verdict, message = self.judge.judge(
                task,
                state,
                lambda name, arguments, left: bridge.call(self.kernel, name, arguments, left),
                max(ends - time.monotonic(), 0.5),
                self.limits.value_bytes,
            )
            if verdict == "stopped":
                verdict, message = self._stopped(task, message, "checking it")
            if verdict == "not answered":
                verdict, message = self._reason([*task.values, *task.functions], position) or (
                    verdict,
                    message,
                )
        self.results[task.grade_id] = (verdict, message)

    def _stopped(self, task, status, doing):
        words = {
            "timeout": f"took longer than {task.seconds:g} s and was stopped",
            "output": f"printed more than {self.limits.output_bytes / 1e6:g} MB",
            "memory": f"needed more than {self.limits.memory_mb} MB of memory",
            "processes": f"started more than {self.limits.processes} processes",
            "connections": "opened a flood of connections to the grader",
            "died": "ended the kernel",
        }[status]
        self.is_loss_noted = not self.kernel.is_alive
        self.events.append(f"task {task.grade_id}: {doing} {words}")
        return VERDICT_OF[status], f"{doing.capitalize()} {words}."

    def _of_problems(self, task, state, position):
        """The verdict where a name is missing or is not what it should be."""
        if state.missing:
            if reason := self._reason(state.missing, position):
                return reason
            names = ", ".join(state.missing)
            return "not answered", f"{names}: no answer yet, there is nothing of that name."
        name, problem = next(iter(state.problems.items()))
        return "error", f"{name} cannot be judged: {problem.removeprefix('not plain: ')}."

    def _reason(self, names, position):
        """Why an answer is not there, if a cell that was to give it came to grief."""
        pattern = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b") if names else None
        earlier = [cell for cell in self.cells[:position] if cell.error and cell.task is None]
        for cell in reversed(earlier):
            if cell in self.segment or (pattern and pattern.search(cell.source)):
                message = f"There is no answer, because code cell {cell.number} {cell.error}."
                return VERDICT_OF[cell.status], message
        return None

    # --- The result --------------------------------------------------------------------------

    def _result(self):
        tasks = []
        for task in self.assignment.tasks:
            verdict, message = self.results[task.grade_id]
            tasks.append(
                {
                    "grade_id": task.grade_id,
                    "title": task.title,
                    "points": task.points if verdict == "right" else 0,
                    "max_points": task.points,
                    "verdict": verdict,
                    "message": message.encode(errors="replace").decode(),
                }
            )
        return {
            "points": sum(task["points"] for task in tasks),
            "max_points": sum(task["max_points"] for task in tasks),
            "seconds": round(time.monotonic() - self.started, 1),
            "tasks": tasks,
            "events": self.events,
            "executed": self._executed(),
            "warm": self.lease is not None,
        }

    def _executed(self):
        for cell in self.cells:
            written = self.notebook["cells"][cell.index]
            ran = cell.status != "not reached" and cell.source.strip()
            written["execution_count"] = cell.number if ran else None
            written["outputs"] = cell.outputs
            for output in cell.outputs:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = cell.number
        return self.notebook


def one_line(text, most=300):
    """A message on one line, of bearable length."""
    text = " ".join(str(text).encode(errors="replace").decode().split())
    return text if len(text) <= most else text[: most - 1] + "…"
