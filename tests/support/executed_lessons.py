"""Execute a notebook by the plain command that a grader types, and look at what came out."""

import importlib.util
import json
import os
import subprocess
import sys

from conftest import ROOT, notebook_environment

from utils import claims, results

MIRROR = os.environ.get("COURSE_DATA_MIRROR", "")
# Where the command is typed must not matter, so each backend types it elsewhere.
FOLDERS = {"tensorflow": ROOT, "jax": ROOT / "notebooks"}


def execute(notebook, backend, cache, out, *, mirror="", more=None):
    """Run jupyter nbconvert --execute, and return the executed notebook.

    Without a mirror, the notebook is offline; `more` are variables of its environment.
    """
    environment = notebook_environment(cache, mirror)
    # Where there is no TensorFlow, a lesson finds JAX by itself.
    if backend != "tensorflow" and importlib.util.find_spec("tensorflow"):
        environment["KERAS_BACKEND"] = backend
    environment |= more or {}
    folder = FOLDERS[backend]
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute"]
    command += [os.path.relpath(notebook, folder), "--output-dir", str(out)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((out / notebook.name).read_text(encoding="utf-8"))


def headline_of(executed):
    """The headline results of an executed lesson."""
    shown = [
        output["data"][results.MIME_TYPE]
        for cell in executed["cells"]
        for output in cell.get("outputs", [])
        if results.MIME_TYPE in output.get("data", {})
    ]
    assert len(shown) == 1, "a lesson shows its headline results once"
    return shown[0]


def claims_of(executed):
    """Return the claims of an executed lesson."""
    return [
        output["data"][claims.MIME_TYPE]
        for cell in executed["cells"]
        for output in cell.get("outputs", [])
        if claims.MIME_TYPE in output.get("data", {})
    ]


def printed(executed, stream="stdout"):
    """All that an executed notebook has printed, or written to "stderr"."""
    return "".join(
        "".join(output["text"])
        for cell in executed["cells"]
        for output in cell.get("outputs", [])
        if output.get("name") == stream
    )
