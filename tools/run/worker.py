"""Executes one notebook, in a process of its own; `tools.run.execute` starts it.

    python -m tools.run.worker NOTEBOOK OUT SECONDS

It reports to its parent in JSON lines on standard output: one at the start of every code cell, and
one with the record of the run at the end. When its standard input closes, its parent is gone; then
it ends its kernel and itself. A kernel whose worker was killed ends by itself within seconds:
IPython's kernel watches its parent process.
"""

import asyncio
import contextlib
import html
import json
import logging
import math
import os
import pathlib
import re
import sys
import threading
import warnings

import nbformat
import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor
from traitlets import default

from tools.authoring import check
from tools.run import report
from utils.results import MIME_TYPE

SECONDS_TO_START_KERNEL = 180
SECONDS_FOR_LAST_OUTPUT = 120
CONNECTION_FILE = f"kernel-of-worker-{os.getpid()}.json"


class ThisInterpreter(KernelSpecManager):
    """Whatever kernel is asked for: IPython's, in the interpreter that runs this.

    A kernelspec named python3 on the search path may belong to another environment.
    """

    def get_kernel_spec(self, kernel_name):
        """The one kernel there is; its name does not matter."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        command.append("--log-level=ERROR")  # it warns that the connection is not encrypted
        return KernelSpec(argv=command, display_name="Python 3", language="python")


class KernelManager(AsyncKernelManager):
    """A kernel manager that knows of no kernel but this interpreter's."""

    @default("kernel_spec_manager")
    def _kernel_spec_manager_default(self):
        return ThisInterpreter(parent=self)

    @default("connection_file")
    def _connection_file_default(self):
        # Without a name it is put among the temporary files, and stays there after a kill.
        folder = jupyter_runtime_dir()
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, CONNECTION_FILE)


class Processor(ExecutePreprocessor):
    """nbconvert's, which also keeps the exit status of a kernel that died."""

    exit_status = None

    def preprocess_cell(self, cell, resources, index):
        """Execute one cell."""
        try:
            return super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            with contextlib.suppress(AttributeError):  # the kernel is gone already
                self.exit_status = self.km.provisioner.process.poll()
            raise


class Execution:
    """One execution of one notebook.

    Args:
        source: the notebook.
        out: the folder for the executed notebook and its page.
        seconds: the deadline for the whole notebook.
        send: called with a dictionary at the start of every code cell.
    """

    def __init__(self, source, out, seconds, send):
        self.source = source
        self.out = out
        self.seconds = seconds
        self.send = send
        self.notebook = None
        self.to_execute = []  # indices of the code cells
        self.index = None  # of the cell under way
        self.is_late = False

    def run(self):
        """Executes the notebook, writes its pages, and returns the record of what happened."""
        try:
            self.notebook = read(self.source)
        except Exception as error:
            # The parent writes the page; there is nothing to show on it but this.
            return failed("reading the notebook", error)
        self.to_execute = [
            index
            for index, cell in enumerate(self.notebook.cells)
            if cell.cell_type == "code" and cell.source.strip()
        ]
        watch = threading.Timer(self.seconds, self._on_deadline)
        watch.daemon = True
        watch.start()
        error = self._execute()
        watch.cancel()
        record = {"status": "ok", "error": error, "results": [], "data": []}
        if error:
            record["status"] = "deadline" if self.is_late else "failed"
        try:
            record |= recorded(self.notebook)
        except (AttributeError, KeyError, TypeError) as results_error:
            record |= failed("reading its headline results", results_error) if not error else {}
        try:
            write_pages(self.notebook, self.source, self.out, record["error"])
        except Exception as page_error:
            record |= failed("writing its page", page_error) if not error else {}
        return record

    def _execute(self):
        """Runs the cells; returns None, or what went wrong."""
        processor = Processor(
            timeout=None,
            kernel_name="python3",
            kernel_manager_class=KernelManager,
            startup_timeout=SECONDS_TO_START_KERNEL,
            # A cell is over when its last output has arrived. On a busy machine that can take
            # a while, and an output that is lost silently may be a result.
            iopub_timeout=SECONDS_FOR_LAST_OUTPUT,
            raise_on_iopub_timeout=True,
            on_cell_execute=self._on_cell_execute,
            on_cell_executed=self._on_cell_executed,
        )
        resources = {"metadata": {"path": str(self.source.parent)}}
        try:
            try:
                processor.preprocess(self.notebook, resources)
            except RuntimeError:
                if self.index is not None or self.is_late:
                    raise
                # The kernel did not start. Kernels that start at the same moment may pick the
                # same port, and then the second one dies; a second start succeeds.
                processor.preprocess(self.notebook, resources)
        except CellExecutionError as error:
            return self._describe(error.ename, error.evalue, error.traceback)
        except Exception as error:
            return self._describe_without_traceback(error, processor.exit_status)
        return None

    def _on_cell_execute(self, cell, cell_index):
        self.index = cell_index
        self.send({"event": "cell", "cell": self._number(), "cells": len(self.to_execute)})

    def _on_cell_executed(self, cell, cell_index, execute_reply):
        # Should this process die, then what was executed so far is on the disk.
        write_notebook(self.notebook, self.source, self.out)

    def _on_deadline(self):
        self.is_late = True
        end_children()

    def _number(self):
        return self.to_execute.index(self.index) + 1

    def _describe(self, name, message, traceback=""):
        error = {"place": "before the first cell", "name": name, "message": brief(message)}
        if self.index is not None:
            cell = self.notebook.cells[self.index]
            error["place"] = f"cell {self._number()} of {len(self.to_execute)}"
            lines = cell.source.splitlines()
            # IPython's first arrow points to the line of the cell; a syntax error has no arrow.
            arrow = re.search(r"^-+> *(\d+)", report.without_colours(traceback), re.MULTILINE)
            if arrow and 1 <= int(arrow[1]) <= len(lines):
                error["place"] += f", line {arrow[1]}"
                error["source"] = lines[int(arrow[1]) - 1].strip()
            error["anchor"] = f"cell-id={cell.id}"
        return error

    def _describe_without_traceback(self, error, exit_status):
        """What went wrong where the kernel could not say so itself; the cell says it, too."""
        if self.is_late:
            name, message = "Deadline", f"not finished after {self.seconds / 60:g} min, stopped"
        elif isinstance(error, DeadKernelError):
            name = "DeadKernelError"
            message = f"the kernel died ({report.exit_in_words(exit_status)})"
        elif self.index is None:
            name, message = type(error).__name__, f"the kernel did not start: {error}"
        else:
            name, message = type(error).__name__, str(error)
        if self.index is not None:
            output = nbformat.v4.new_output(
                "error", ename=name, evalue=message, traceback=[f"{name}: {message}"]
            )
            self.notebook.cells[self.index].outputs.append(output)
        return self._describe(name, message)


def read(source):
    """The notebook in the newest format, without the outputs that it was saved with."""
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
        check.read(source, source.parent)  # it knows better words for what is wrong
        raise
    return notebook


def recorded(notebook):
    """Headline results and data sources that the executed notebook recorded."""
    results, data = {}, {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(MIME_TYPE)
            if not isinstance(content, dict):
                continue
            for row in content.get("results", []):
                value = row["value"]
                if isinstance(value, float) and not math.isfinite(value):
                    value = str(value)  # JSON has no such numbers
                results[row["name"]] = {
                    "name": row["name"],
                    "value": value,
                    "text": row.get("text", str(value)),
                }
            for row in content.get("data", []):
                data[row["text"]] = {"text": row["text"], "sample": bool(row.get("sample"))}
    return {"results": list(results.values()), "data": list(data.values())}


def write_notebook(notebook, source, out):
    """Writes the executed notebook in one step, so that no half of it is ever seen."""
    target = out / "notebooks" / source.name
    part = target.with_suffix(".part")
    part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    part.replace(target)


def write_pages(notebook, source, out, error=None):
    """Writes the executed notebook and its page; the page opens with the error, if any."""
    write_notebook(notebook, source, out)
    exporter = HTMLExporter(template_name="lab", embed_images=True)
    resources = {"metadata": {"name": source.stem, "path": str(source.parent)}}
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    page = with_descriptions(page, notebook)
    if error:
        page = re.sub(r"<body[^>]*>", lambda body: body[0] + banner(error), page, count=1)
    (out / "html" / f"{source.stem}.html").write_text(page, encoding="utf-8")


def with_descriptions(page, notebook):
    """The page with the alternative texts that the figures carry, which nbconvert leaves out."""
    texts = {
        "".join(output["data"]["image/png"].split()): output["metadata"]["image/png"]["alt"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "alt" in output.get("metadata", {}).get("image/png", {})
    }

    def described(tag):
        text = texts.get("".join(tag["data"].split()))
        return f'<img alt="{html.escape(text)}"{tag["rest"]}' if text else tag[0]

    picture = r'<img alt="[^"]*"(?P<rest>[^>]*?src="data:image/png;base64,(?P<data>[^"]*)")'
    return re.sub(picture, described, page)


def banner(error):
    """What a failed page shows above everything else."""
    words = html.escape(f"{error['name']}: {error['message']}")
    place = html.escape(error["place"])
    if error.get("anchor"):
        place = f'<a href="#{html.escape(error["anchor"])}">{place}</a>'
    style = "margin:1em;padding:1em;border:2px solid #b00020;font-family:sans-serif"
    return f'<div role="alert" style="{style}"><b>FAILED</b>: {place}<br>{words}</div>'


def write_page_of_error(source, out, error):
    """The pages of a notebook whose worker died: what it executed, or else only the error."""
    executed = out / "notebooks" / source.name
    try:
        notebook = nbformat.read(executed, as_version=4) if executed.exists() else read(source)
    except Exception:
        notebook = nbformat.v4.new_notebook()
    write_pages(notebook, source, out, error)


def failed(place, error):
    """The record of a notebook that failed outside its cells."""
    about = {"place": place, "name": type(error).__name__, "message": brief(str(error))}
    return {"status": "failed", "error": about}


def brief(message):
    """A message on one line, of bearable length."""
    return report.cut(report.one_line(message), 400)


def end_children():
    """Kills the kernel and all that it started."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.kill()


def end_with_parent():
    """Waits for the end of standard input, which the parent holds open as long as it lives."""
    while os.read(0, 1024):
        pass
    end_children()
    # A parent that was killed did not remove its folder for connections: the last worker does.
    folder = pathlib.Path(jupyter_runtime_dir())
    with contextlib.suppress(OSError):
        (folder / CONNECTION_FILE).unlink(missing_ok=True)
        folder.rmdir()
    os._exit(1)


def main(arguments):
    """Executes the notebook that the parent named."""
    source, out, seconds = arguments
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    # Whatever else is printed, here or by the kernel, must not mix with the lines above.
    os.dup2(2, 1)
    threading.Thread(target=end_with_parent, daemon=True).start()
    if sys.platform == "win32":  # ZeroMQ cannot wait on the default event loop there
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # the record says what went wrong

    def send(message):
        channel.write(json.dumps(message) + "\n")

    execution = Execution(pathlib.Path(source), pathlib.Path(out), float(seconds), send)
    send({"event": "end", "record": execution.run()})


if __name__ == "__main__":
    main(sys.argv[1:])
