"""Execute one notebook in a kernel of its own, and describe the outcome."""

import asyncio
import math
import os
import pathlib
import re
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from tools.authoring import check
from tools.run import pages, report
from utils import claims, results
from utils.processes import cleanup

SECONDS_TO_START_KERNEL = 180
SECONDS_FOR_LAST_OUTPUT = 120


class ThisInterpreter(KernelSpecManager):
    """Knows a single kernel: IPython's, in the interpreter that runs this.

    A kernelspec named python3 on the search path may belong to another environment.
    """

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the only kernel, whatever name was asked for."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        command.append("--log-level=ERROR")  # it warns that the connection is not encrypted
        return KernelSpec(argv=command, display_name="Python 3", language="python")


class Client(NotebookClient):
    """A notebook client that uses this interpreter and keeps the exit status of a dead kernel."""

    connection_file: pathlib.Path
    exit_status: int | None = None

    def create_kernel_manager(self) -> AsyncKernelManager:
        """Return a manager whose kernel is this interpreter's."""
        self.km = AsyncKernelManager(
            kernel_spec_manager=ThisInterpreter(), connection_file=str(self.connection_file)
        )
        return self.km

    async def async_execute_cell(
        self, cell: nbformat.NotebookNode, cell_index: int, **options: Any
    ) -> nbformat.NotebookNode:
        """Execute one cell."""
        try:
            return await super().async_execute_cell(cell, cell_index, **options)
        except DeadKernelError:
            self.exit_status = await self.km.provisioner.poll()
            raise


class Execution:
    """One execution of one notebook, in a thread of the caller's.

    The kernel and all that it starts carry `marker` in their environment. Whoever ends them (at
    the deadline, or after Ctrl-C) first sets `is_late` or `is_stopped`, to say why.

    Args:
        source: The notebook; it is never changed.
        out: Folder for the executed notebook, its page and its log.
        scratch: Folder for the file that tells the kernel its ports.
        marker: The value of the environment variable `cleanup.MARKER`.
        minutes: The deadline, for messages about it.
    """

    def __init__(
        self,
        source: pathlib.Path,
        out: pathlib.Path,
        scratch: pathlib.Path,
        marker: str,
        minutes: float,
    ):
        self.source = source
        self.out = out
        self.scratch = scratch
        self.marker = marker
        self.minutes = minutes
        self.notebook = None
        self.started = None  # on the monotonic clock; None until a thread has taken it up
        self.code_cells = []  # indices of the cells to execute
        self.index = None  # of the cell being executed
        self.is_late = False
        self.is_stopped = False

    @property
    def name(self) -> str:
        """The notebook's name, without .ipynb."""
        return self.source.stem

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started

    @property
    def cell(self) -> int:
        """The number of the code cell being executed, from 1; 0 before the first."""
        return 0 if self.index is None else self.code_cells.index(self.index) + 1

    def run(self) -> dict:
        """Execute the notebook and write its pages; return its status, error, results and data."""
        self.started = time.monotonic()
        outcome = self._outcome()
        try:
            if self.is_stopped:
                pages.write_notebook(self.notebook, self.source, self.out)
            else:
                pages.write(self.notebook, self.source, self.out, outcome["error"])
        except Exception as error:  # the record says what happened even without a page
            outcome |= failure("writing its page", error) if not outcome["error"] else {}
        return outcome

    def _outcome(self) -> dict:
        try:
            for kind in pages.FOLDERS:
                pages.path_of(self.out, self.name, kind).unlink(missing_ok=True)
            self.notebook = read(self.source)
        except Exception as error:  # anything may be wrong with the file
            self.notebook = nbformat.v4.new_notebook()
            return failure("reading the notebook", error)
        self.code_cells = [
            index
            for index, cell in enumerate(self.notebook.cells)
            if cell.cell_type == "code" and cell.source.strip()
        ]
        error = self._execute()
        if self.is_stopped:
            return {"status": "interrupted", "error": None}
        status = "deadline" if self.is_late else "failed"
        outcome = {"status": status if error else "ok", "error": error}
        try:
            outcome |= recorded_results(self.notebook)
        except (AttributeError, KeyError, TypeError) as results_error:
            outcome |= failure("reading its headline results", results_error) if not error else {}
        return outcome

    def _execute(self) -> dict | None:
        """Execute the cells; return what went wrong, or None."""
        for is_last_try in (False, True):
            client = Client(
                self.notebook,
                timeout=None,
                startup_timeout=SECONDS_TO_START_KERNEL,
                # A cell is done when its last output has arrived. On a busy machine that can take
                # a while, and an output that is silently lost may be a result.
                iopub_timeout=SECONDS_FOR_LAST_OUTPUT,
                raise_on_iopub_timeout=True,
                on_cell_execute=self._on_cell_execute,
                resources={"metadata": {"path": str(self.source.parent)}},
            )
            client.connection_file = self.scratch / f"kernel-{self.marker}.json"
            try:
                with open(pages.path_of(self.out, self.name, "log"), "ab") as log:
                    options = {"env": self._variables(), "stdout": log, "stderr": log}
                    asyncio.run(client.async_execute(**options))
                return None
            except CellExecutionError as error:
                return self._describe(error.ename, error.evalue, error.traceback)
            except Exception as error:
                # Programs that start at the same moment may pick the same port, and then the
                # kernel dies before its first cell; a second start succeeds.
                is_final = is_last_try or self.index is not None or self.is_late or self.is_stopped
                if is_final:
                    return self._describe_without_traceback(error, client.exit_status)
        return None

    def _variables(self) -> dict[str, str]:
        # The last one silences a warning of the debugger, which nobody uses here.
        ours = {cleanup.MARKER: self.marker, "PYTHONUTF8": "1"}
        ours["COURSE_STRICT"] = os.environ.get("COURSE_STRICT", "1")  # a claim has to hold
        return os.environ | ours | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}

    def _on_cell_execute(self, cell, cell_index):
        self.index = cell_index

    def _describe(self, name: str, message: str, traceback: str = "") -> dict:
        error = {"place": "before the first cell", "name": name, "message": report.brief(message)}
        if self.index is not None:
            cell = self.notebook.cells[self.index]
            error["place"] = f"cell {self.cell} of {len(self.code_cells)}"
            lines = cell.source.splitlines()
            # IPython's first arrow points to the line of the cell; a syntax error has no arrow.
            arrow = re.search(r"^-+> *(\d+)", report.without_colours(traceback), re.MULTILINE)
            if arrow and 1 <= int(arrow[1]) <= len(lines):
                error["place"] += f", line {arrow[1]}"
                error["source"] = lines[int(arrow[1]) - 1].strip()
            error["anchor"] = f"cell-id={cell.id}"
        return error

    def _describe_without_traceback(self, error: Exception, exit_status: int | None) -> dict:
        """Describe what the kernel could not report itself, in the cell's outputs as well."""
        name, message = type(error).__name__, str(error)
        if self.is_late:
            name, message = "Deadline", f"not finished after {self.minutes:g} min, stopped"
        elif isinstance(error, DeadKernelError):
            message = f"the kernel died ({report.exit_in_words(exit_status)})"
        elif self.index is None:
            message = f"the kernel did not start: {error}"
        if self.index is not None:
            output = nbformat.v4.new_output(
                "error", ename=name, evalue=message, traceback=[f"{name}: {message}"]
            )
            self.notebook.cells[self.index].outputs.append(output)
        return self._describe(name, message)


def read(source: pathlib.Path) -> nbformat.NotebookNode:
    """Return the notebook in the newest format, without the outputs that it was saved with."""
    try:
        with warnings.catch_warnings():
            # Colab saves cells without ids; the upgrade below gives them some.
            warnings.simplefilter("ignore")
            text = source.read_text(encoding="utf-8-sig")
            notebook = nbformat.v4.upgrade(nbformat.reads(text, as_version=4))
        for cell in notebook.cells:
            cell.source = "".join(cell.source)
            if cell.cell_type == "code":
                cell.outputs = []
                cell.execution_count = None
    except Exception:
        check.read(source, source.parent)  # it describes better what is wrong
        raise
    return notebook


def contents(notebook: nbformat.NotebookNode, mime_type: str) -> Iterator[dict]:
    """Yield what the outputs of an executed notebook hold in one JSON MIME type, in order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(mime_type)
            if isinstance(content, dict):
                yield content


def recorded_results(notebook: nbformat.NotebookNode) -> dict[str, list[dict]]:
    """Return the headline results, data sources and claims that an executed notebook recorded."""
    rows, sources = {}, {}
    for content in contents(notebook, results.MIME_TYPE):
        for row in content.get("results", []):
            name, value = row["name"], row["value"]
            if isinstance(value, float) and not math.isfinite(value):
                value = str(value)  # JSON has no such numbers
            rows[name] = {"name": name, "value": value, "text": row.get("text", str(value))}
        for row in content.get("data", []):
            sources[row["text"]] = {"text": row["text"], "sample": bool(row.get("sample"))}
    made = list(contents(notebook, claims.MIME_TYPE))
    return {"results": list(rows.values()), "data": list(sources.values()), "claims": made}


def failure(place: str, error: Exception) -> dict:
    """Return the outcome of a notebook that failed outside its cells."""
    about = {"place": place, "name": type(error).__name__, "message": report.brief(str(error))}
    return {"status": "failed", "error": about}
