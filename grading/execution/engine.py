"""Grades one notebook: runs its cells, judges each task where its test cell stands.

A cell that hangs, fails, takes too much or ends the kernel costs its own points only: the kernel is
started again, the cells before that did no harm are run again, and the rest is judged.
"""

import contextlib
import json
import pathlib
import re
import time

from grading.execution import bridge
from grading.execution.code_cells import code_cells, executed
from grading.execution.judge import Judge
from grading.execution.kernel import Kernel, Outcome, StartError
from grading.execution.wording import HARMFUL, VERDICT_OF, of_cell, of_stop
from grading.sandbox.prefork import Lease, NotWarmError
from grading.workers.worker import RUNNING


class EngineError(RuntimeError):
    """The grader cannot run a submission's kernels.

    Args:
        problem: in words.
        suspect: whether the submission itself is suspected, because a kernel for none works.
    """

    def __init__(self, problem, suspect=False):
        super().__init__(problem)
        self.suspect = suspect


def grade_notebook(notebook, assignment, folder, limits, sandbox, warm=None, files=None, place=""):
    """Runs a submission's notebook and judges its tasks.

    Args:
        notebook: with locked and test cells as in the release (`restore`).
        assignment: with the `tasks`.
        folder: where the file `work.RUNNING` says which cell is running, for whoever finds that
            this process has died; or None.
        limits: the `Limits`.
        sandbox: of `sandbox.choose`.
        warm: a `Warm` to fork kernels from; None starts each anew.
        files: the folder of the submission, whose files the notebook finds beside it.
        place: the folder among these files in which the notebook runs.

    Returns:
        A dictionary that can be written as JSON: points, max_points, seconds, tasks, events,
        executed, and `warm`, which says whether kernels were forked.

    Raises:
        EngineError: no kernel starts at all.
        OSError: the submission's files are too large, or cannot be read.
    """
    run = Run(notebook, assignment, limits, sandbox, warm, files, folder, place)
    with contextlib.closing(run):
        return run.grade()


class Run:
    """The grading of one notebook; the arguments are those of `grade_notebook`."""

    def __init__(self, notebook, assignment, limits, sandbox, warm, files, folder=None, place=""):
        self.assignment = assignment
        self.limits = limits
        self.sandbox = sandbox
        self.files, self.place = files, place
        self.folder = folder
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
        self.cells = code_cells(self.notebook, assignment.tasks)
        self.segment = []  # cells since the last test
        self.judge = Judge(limits.judge_memory_mb)
        if warm is not None:
            try:
                self.lease = Lease(warm)
            except NotWarmError:
                self.lease = None

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
                self.kernel = Kernel(self.sandbox, self.limits, self.files, self.lease, self.place)
                return
            except NotWarmError:
                self.lease.close()
                self.lease = None
            except StartError as error:
                problem = error
                if self.lease is not None:
                    self.lease.close()
                    self.lease = None
        raise self._error(f"No kernel can be started: {problem}")

    def _error(self, problem):
        """The error to raise where kernels do not start or do not stay: who is to blame for it."""
        try:
            with contextlib.closing(Kernel(self.sandbox, self.limits)) as kernel:
                is_suspect = kernel.run("1", self.limits.cell_s).status == "ok"
        except (StartError, OSError):
            is_suspect = False
        but = "; for an empty notebook one works" if is_suspect else ""
        return EngineError(f"{problem.rstrip('.')}{but}.", is_suspect)

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
                raise self._error("Kernels end by themselves.")
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
            outcome = self._run_in_kernel(cell)
            if outcome.culprit not in (None, cell):  # which will be left out the next time
                self.kernel.kill()
                self._note(outcome.culprit, outcome)
            elif outcome.status in HARMFUL:
                self._note(cell, outcome, " when it was run again")
            if not self.kernel.is_alive:
                return

    def _run_in_kernel(self, cell):
        self.last_run = cell
        self._tell(f"code cell {cell.number}")
        return self.kernel.run(cell.source, min(self.limits.cell_s, self._left()), cell)

    def _tell(self, what):
        """Leaves word of what is being done, for the case that this process does not survive it."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                pathlib.Path(self.folder, RUNNING).write_text(what, encoding="utf-8")

    # --- Cells -------------------------------------------------------------------------------

    def _run_cell(self, cell, position):
        while self._is_ready(position):
            left = self._left()
            outcome = self._run_in_kernel(cell)
            if outcome.culprit not in (None, cell):
                # An earlier cell left something behind that prints and prints: without that one.
                self.kernel.kill()
                self._note(outcome.culprit, outcome)
                continue
            if outcome.status == "timeout" and left < self.limits.cell_s:
                outcome.status = "deadline"
            if outcome.status == "output" and self._prints_on():
                self.kernel.kill()
            cell.status = outcome.status
            cell.outputs = self._within_total(outcome)
            self._note(cell, outcome)
            return

    def _prints_on(self):
        """Whether a cell that was stopped left something behind that floods the cells after it."""
        return self.kernel.is_alive and not bridge.is_quiet(self.kernel)

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
        cell.error = of_cell(outcome, self.limits)
        self.is_loss_noted = not self.kernel.is_alive
        rest = "; the kernel was lost with it" if self.is_loss_noted else ""
        self.events.append(f"code cell {cell.number} {cell.error}{when}{rest}")

    # --- Tasks -------------------------------------------------------------------------------

    def _judge(self, task, position):
        if task.manual:
            self.results[task.grade_id] = ("manual", "To be read by a person.")
            return
        if not self._is_ready(position):
            message = "Not reached: the notebook's time was over."
            self.results[task.grade_id] = ("not reached", message)
            return
        self._tell(f"task {task.grade_id}")
        told = len(self.events)
        self.results[task.grade_id] = self._verdict(task, position)
        if self.kernel.culprit is not None:
            # It was an earlier cell that printed, from a thread: once more, without that one.
            del self.events[told:]
            self.kernel.kill()
            self._note(self.kernel.culprit, Outcome("output"))
            self._judge(task, position)

    def _verdict(self, task, position):
        ends = time.monotonic() + min(task.seconds, self._left())
        state = bridge.collect(self.kernel, task, min(task.seconds, self._left()))
        if state.stopped:
            return self._stopped(task, state.stopped, "handing over the answer")
        if state.problems:
            return self._of_problems(task, state, position)
        verdict, message = self.judge.judge(
            task,
            state,
            lambda name, arguments, left: bridge.call(self.kernel, name, arguments, left),
            max(ends - time.monotonic(), 0.5),
            self.limits.value_bytes,
        )
        if verdict == "stopped":
            return self._stopped(task, message, "checking it")
        reason = None
        if verdict == "not answered":
            reason = self._reason([*task.values, *task.functions], position)
        return reason or (verdict, message)

    def _stopped(self, task, status, doing):
        words = of_stop(status, task.seconds, self.limits)
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
            "executed": executed(self.notebook, self.cells),
            "warm": self.lease is not None,
        }
