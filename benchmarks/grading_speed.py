"""Compare this course's grader with `nbgrader autograde` on the same honest submissions.

    python -m benchmarks.grading_speed
    python -m benchmarks.grading_speed --students 10 --nbgrader /path/to/env/bin/python

Both grade the same notebooks of a homework that imports Keras, on the same machine, one after the
other, with this interpreter as the kernel's. Nothing is warmed up for either: each pays for its own
start. The submissions are honest: each student has left out a different selection of the answers.
The points must come out the same.

nbgrader is not part of the course. Without `--nbgrader` it is installed into a virtual
environment of its own in build/nbgrader (about 300 MB; not counted in the time).
"""

import argparse
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import _harness as harness
from grading.assignments.assignment import load_assignment
from grading.assignments.release import release
from grading.limits import Limits
from grading.workers import pool

POINTS = """
import json, sys
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    found = {each.student.id: each.score for each in book.assignment_submissions("homework")}
json.dump(found, sys.stdout)
"""


def submissions(assignment, count):
    """Return students' notebooks, a dictionary of name to notebook; the same every time."""
    chance = random.Random(1)
    students = {}
    for number in range(count):
        notebook = json.loads(json.dumps(release(assignment)))
        share = chance.choice([0.5, 0.8, 1.0, 1.0])
        for cell, solved in zip(notebook["cells"], assignment.notebook.cells, strict=True):
            is_answer = cell["metadata"].get("nbgrader", {}).get("solution")
            if cell["cell_type"] == "code" and is_answer and chance.random() < share:
                cell["source"] = re.sub(r"\n *### (BEGIN|END) SOLUTION", "", solved.source)
        students[f"student{number:02}"] = notebook
    return students


def write(notebook, path):
    """Write a notebook, and the folders above it."""
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def by_this_grader(folder, students, assignment, jobs):
    """Return the seconds of this grader, and each student's points."""
    for name, notebook in students.items():
        write(notebook, folder / "submissions" / name / f"{assignment.name}.ipynb")
    command = [sys.executable, "-m", "grading", folder / "submissions", "--jobs", jobs]
    command += ["--homework", assignment.path, "--out", folder / "results"]
    start = time.perf_counter()
    run(command, harness.ROOT)
    seconds = time.perf_counter() - start
    with open(folder / "results" / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return seconds, {row["student"]: float(row["points"]) for row in csv.DictReader(file)}


def by_nbgrader(folder, students, assignment, python):
    """Return the seconds of nbgrader, and each student's points."""
    # Its kernel is this interpreter, as it is for the other.
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    write(spec, folder / "jupyter" / "kernels" / "python3" / "kernel.json")
    write(assignment.notebook, folder / "source" / "homework" / "homework.ipynb")
    for name, notebook in students.items():
        write(notebook, folder / "submitted" / name / "homework" / "homework.ipynb")
    variables = {
        # It starts other commands of its environment by their bare names.
        "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", "")]),
        "JUPYTER_PATH": str(folder / "jupyter"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    nbgrader = [python, "-m", "nbgrader"]
    run([*nbgrader, "generate_assignment", "homework", "--create", "--force"], folder, variables)
    grade = ["autograde", "homework", "--create", "--ExecutePreprocessor.timeout=600"]
    start = time.perf_counter()
    run([*nbgrader, *grade], folder, variables)
    seconds = time.perf_counter() - start
    return seconds, json.loads(run([python, "-c", POINTS], folder, variables))


def run(command, folder, variables=None):
    """Run a command and return what it printed; show that if it fails."""
    command = list(map(str, command))
    environment = {**os.environ, **(variables or {})}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def install():
    """Install nbgrader into an environment of its own; return its Python."""
    folder = harness.ROOT / "build" / "nbgrader"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print("Installing nbgrader into build/nbgrader …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "nbgrader>=0.9"], check=True)
    return python


def main():
    """Grade the same submissions twice, and compare times and points."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--homework", default="2")
    parser.add_argument("--jobs", type=int, help="of this grader; default: what it chooses itself")
    parser.add_argument("--nbgrader", type=Path, help="Python of an environment that has it")
    options = parser.parse_args()
    assignment = load_assignment(options.homework)
    students = submissions(assignment, options.students)
    python = options.nbgrader.absolute() if options.nbgrader else install()
    jobs = options.jobs or pool.default_jobs(len(students), Limits().memory_mb)
    version = run([python, "-c", "import nbgrader; print(nbgrader.__version__)"], harness.ROOT)
    # Inside of the repository, because the notebooks look for the course above their own folder.
    (harness.ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="grading-", dir=harness.ROOT / "build") as folder:
        ours, our_points = by_this_grader(Path(folder, "ours"), students, assignment, jobs)
        theirs, their_points = by_nbgrader(Path(folder, "theirs"), students, assignment, python)
    rows = [
        (
            name,
            f"{seconds:,.0f}",
            f"{60 * len(students) / seconds:,.1f}",
            harness.ratio(theirs, seconds),
        )
        for name, seconds in (
            (f"`nbgrader autograde` {version.strip()}", theirs),
            (f"`python -m grading`, {jobs} at a time", ours),
        )
    ]
    print(f"{len(students)} submissions of {assignment.name}; {harness.machine()}\n")
    harness.table(["grader", "seconds", "submissions/min", "ratio"], rows)
    lowest, highest = min(our_points.values()), max(our_points.values())
    print(f"\nPoints: {lowest:g} to {highest:g} of {assignment.automatic_points:g}")
    if our_points != their_points:
        sys.exit(f"The points differ: ours are {our_points}, nbgrader's {their_points}.")


if __name__ == "__main__":
    main()
