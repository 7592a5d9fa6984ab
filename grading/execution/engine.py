"""Grade one notebook: run its cells, and judge each task at its test cell.

A cell that hangs, fails, takes too much or ends the kernel costs only its own points: the kernel is
started again, the earlier cells that did no harm run again, and the rest is judged.
"""

import contextlib
import json
import os
import pathlib
import re
import time
from typing import Any

from grading.execution import bridge, wording
from grading.execution.code_cells import ExecutedCell, code_cells, executed
from grading.execution.judge import Judge
from grading.execution.kernel import Kernel, StartError
from grading.execution.request import Outcome
from grading.execution.wording import VERDICT_OF_STOPPED
from grading.limits import Limits
from grading.sandbox.bubblewrap import Sandbox
from grading.sandbox.prefork import Lease, PreforkError, PreforkServer


class EngineError(RuntimeError):
    """The grader cannot run a submission's kernels.

    Args:
        problem: In words.
        suspect: Whether the submission itself is suspected, because an empty kernel works.
    """

    def __init__(self, problem: str, suspect: bool = False):
        super().__init__(problem)
        self.suspect = suspect


def grade_notebook(
    notebook: dict[str, Any],
    assignment: Any,
    limits: Limits,
    sandbox: Sandbox,
    *,
    server: PreforkServer | None = None,
    files: str | os.PathLike | None = None,
    place: str = "",
    progress: pathlib.Path | None = None,
) -> dict[str, Any]:
    """Run a submission's notebook and judge its tasks.

    Args:
        notebook: With locked and test cells as in the release (`restore`).
        assignment: With the `tasks`.
        limits: What the submission may use.
        sandbox: The sandbox, of `bubblewrap.choose`.
        server: Where kernels are forked; None starts each afresh.
        files: The folder of the submission, whose files the notebook finds beside it.
        place: The folder among these files in which the notebook runs.
        progress: A file that says which cell is running, in case this process dies.

    Returns:
        A dictionary that can be written as JSON: points, max_points, seconds, tasks, events,
        executed, and `forked`, which says whether kernels were forked.

    Raises:
        EngineError: No kernel starts at all.
        OSError: The submission's files cannot be read or copied.
    """
    run = Run(notebook, assignment, limits, sandbox, server, files, place, progress)
    with contextlib.closing(run):
        return run.grade()


class Run:
    """The grading of one notebook; the arguments are those of `grade_notebook`."""

    def __init__(self, notebook, assignment, limits, sandbox, server, files, place, progress):
        self.assignment = assignment
        self.limits = limits
        self.sandbox = sandbox
        self.files, self.place, self.progress = files, place, progress
        self.notebook = json.loads(json.dumps(notebook))
        self.started = time.monotonic()
        self.deadline = self.started + limits.notebook_s
        self.kernel = None
        self.last_run = None  # the cell that ran last in this kernel
        self.is_loss_noted = False  # of this kernel
        self.unexplained_losses = 0
        self.events = []
        self.results = {}  # grade_id -> (verdict, message)
        self.is_late = False
        self.output_bytes = 0
        self.cells = code_cells(self.notebook, assignment.tasks)
        self.segment = []  # cells since the last test
        self.judge = Judge(limits.judge_memory_mb)
        self.lease = None
        if server is not None:
            with contextlib.suppress(PreforkError):
                self.lease = Lease(server)

    def close(self) -> None:
        """End everything that was started."""
        if self.kernel is not None:
            self.kernel.close()
        self._give_up_lease()
        self.judge.close()

    def _give_up_lease(self):
        if self.lease is not None:
            self.lease.close()
            self.lease = None

    def grade(self) -> dict[str, Any]:
        """Run and judge; return the result."""
        self._start_kernel()
        # The first submission of a prefork server waits for its imports; nobody pays for that.
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
        for lease in (self.lease, None):
            try:
                self.kernel = Kernel(self.sandbox, self.limits, self.files, lease, self.place)
                return
            except (PreforkError, StartError) as error:
                problem = error
                self._give_up_lease()
        raise self._error(f"No kernel can be started: {problem}")

    def _error(self, problem):
        """Return the error for kernels that do not start or stay: it says who is to blame."""
        try:
            with contextlib.closing(Kernel(self.sandbox, self.limits)) as kernel:
                is_suspect = kernel.run("1", self.limits.cell_s).status == "ok"
        except (StartError, OSError):
            is_suspect = False
        but = "; for an empty notebook one works" if is_suspect else ""
        return EngineError(f"{problem.rstrip('.')}{but}.", is_suspect)

    def _seconds_left(self):
        return self.deadline - time.monotonic()

    def _is_ready(self, position):
        """Return whether there is time left and a kernel, started again if need be."""
        while self._seconds_left() > 0:
            if self.kernel.is_alive and not self.kernel.monitor.reason:
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
        """Note that something the last cell left running ended the kernel."""
        if self.last_run is not None:
            self._note(self.last_run, Outcome(self.kernel.monitor.reason or "died"))
            return
        self.unexplained_losses += 1
        if self.unexplained_losses > 2:
            raise self._error("Kernels end by themselves.")

    def _run_again(self, cells):
        """Bring a new kernel to where the old one was, leaving out what did harm."""
        for cell in cells:
            did_harm = cell.status not in ("ok", "error")
            if cell.task is not None or did_harm or not cell.source.strip():
                continue
            if self._seconds_left() <= 0:
                return
            outcome = self._run_in_kernel(cell)
            if outcome.culprit not in (None, cell):  # which will be left out the next time
                self.kernel.kill()
                self._note(outcome.culprit, outcome)
            elif outcome.status in VERDICT_OF_STOPPED:
                self._note(cell, outcome, " when it was run again")
            if not self.kernel.is_alive:
                return

    def _run_in_kernel(self, cell):
        self.last_run = cell
        self._write_progress(f"code cell {cell.number}")
        return self.kernel.run(cell.source, min(self.limits.cell_s, self._seconds_left()), cell)

    def _write_progress(self, text):
        if self.progress is not None:
            with contextlib.suppress(OSError):
                self.progress.write_text(text, encoding="utf-8")

    # --- Cells -------------------------------------------------------------------------------

    def _run_cell(self, cell, position):
        while self._is_ready(position):
            left = self._seconds_left()
            outcome = self._run_in_kernel(cell)
            if outcome.culprit not in (None, cell):
                # An earlier cell left something behind that keeps printing: try without that one.
                self.kernel.kill()
                self._note(outcome.culprit, outcome)
                continue
            if outcome.status == "timeout" and left < self.limits.cell_s:
                outcome.status = "deadline"
            floods = outcome.status == "output" and self.kernel.is_alive
            if floods and not bridge.is_quiet(self.kernel):  # what it left goes on printing
                self.kernel.kill()
            cell.status = outcome.status
            cell.outputs = self._within_total(outcome)
            self._note(cell, outcome)
            return

    def _within_total(self, outcome):
        most = self.limits.total_output_bytes
        before = self.output_bytes
        self.output_bytes += min(outcome.output_bytes, self.limits.output_bytes)
        if self.output_bytes <= most:
            return outcome.outputs
        if before <= most:
            self.events.append(
                f"the notebook printed more than {most / 1e6:g} MB in all; the rest is not shown"
            )
        return []

    def _note(self, cell: ExecutedCell, outcome: Outcome, when=""):
        """Remember and report how a cell ended, unless all is well."""
        if outcome.status in ("ok", "deadline"):
            return
        cell.status = outcome.status
        cell.error = wording.of_cell(outcome, self.limits)
        self.is_loss_noted = not self.kernel.is_alive
        rest = "; the kernel was lost with it" if self.is_loss_noted else ""
        self.events.append(f"code cell {cell.number} {cell.error}{when}{rest}")

    # --- Tasks -------------------------------------------------------------------------------

    def _judge(self, task, position):
        if task.manual:
            self.results[task.grade_id] = ("manual", "To be read by a person.")
            return
        while self._is_ready(position):
            self._write_progress(f"task {task.grade_id}")
            events_before = len(self.events)
            self.results[task.grade_id] = self._verdict(task, position)
            if self.kernel.culprit is None:
                return
            # It was an earlier cell that printed, from a thread: try again without that one.
            del self.events[events_before:]
            self.kernel.kill()
            self._note(self.kernel.culprit, Outcome("output"))
        message = "Not reached: the notebook's time was up."
        self.results[task.grade_id] = ("not reached", message)

    def _verdict(self, task, position):
        ends = time.monotonic() + min(task.seconds, self._seconds_left())
        state = bridge.collect(self.kernel, task, ends - time.monotonic())
        if state.stopped:
            return self._stopped(task, state.stopped, "handing over the answer")
        if state.missing:
            names = ", ".join(state.missing)
            message = f"{names}: no answer yet, there is nothing with that name."
            return self._reason(state.missing, position) or ("not answered", message)
        for name, problem in state.problems.items():
            return "error", f"{name} cannot be judged: {problem.removeprefix('not plain: ')}."
        verdict, message = self.judge.judge(
            task,
            state,
            lambda name, arguments, left: bridge.call(self.kernel, name, arguments, left),
            max(ends - time.monotonic(), 0.5),
            self.limits.value_bytes,
        )
        if verdict == "stopped":
            return self._stopped(task, message, "checking it")
        if verdict == "not answered":
            reason = self._reason([*task.values, *task.functions], position)
            return reason or (verdict, message)
        return verdict, message

    def _stopped(self, task, status, doing):
        words = wording.of_stop(status, task.seconds, self.limits)
        self.is_loss_noted = not self.kernel.is_alive
        self.events.append(f"task {task.grade_id}: {doing} {words}")
        return VERDICT_OF_STOPPED[status], f"{doing.capitalize()} {words}."

    def _reason(self, names, position):
        """Return why an answer is not there, if a cell that was to give it came to grief."""
        pattern = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")
        earlier = [cell for cell in self.cells[:position] if cell.error and cell.task is None]
        for cell in reversed(earlier):
            if cell in self.segment or pattern.search(cell.source):
                message = f"There is no answer, because code cell {cell.number} {cell.error}."
                return VERDICT_OF_STOPPED.get(cell.status, "error"), message
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
            "forked": self.lease is not None,
        }
