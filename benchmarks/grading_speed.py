"""Compare this course's grader with `nbgrader autograde` on the same honest submissions.

    python -m benchmarks.grading_speed
    python -m benchmarks.grading_speed --students 10 --nbgrader /path/to/env/bin/python

Both grade the same notebooks of a homework that imports Keras, on the same machine, one after the
other, with this interpreter as the kernel's. Nothing is warmed up for either: each pays for its own
start. The submissions are honest: each student has left out some of the answers, a different
selection each. The points must come out the same.

nbgrader is not a part of the course. Without `--nbgrader` it is installed into a virtual
environment of its own in build/nbgrader (about 300 MB; not counted in the time).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from grading.assignments.assignment import load_assignment, release  # noqa: E402
from grading.limits import Limits  # noqa: E402
from grading.workers import pool  # noqa: E402

POINTS = """
import json, sys
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    found = {each.student.id: each.score for each in book.assignment_submissions("homework")}
json.dump(found, sys.stdout)
"""


def submissions(assignment, count):
    """Notebooks of students, a dictionary of name to notebook; the same every time."""
    chance = random.Random(1)
    solved, empty = assignment.notebook, release(assignment)
    answers = [
        number
        for number, cell in enumerate(solved.cells)
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    ]
    students = {}
    for number in range(count):
        notebook = json.loads(json.dumps(empty))
        share = chance.choice([0.5, 0.8, 1.0, 1.0])
        for position in answers:
            if chance.random() < share:
                source = solved.cells[position].source
                source = re.sub(r"\n *### (BEGIN|END) SOLUTION", "", source)
                notebook["cells"][position]["source"] = source
        students[f"student{number:02}"] = notebook
    return students


def by_this_grader(folder, students, assignment, jobs):
    """Seconds, and each student's points."""
    for name, notebook in students.items():
        path = folder / "submissions" / name / f"{assignment.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
    command = [sys.executable, "-m", "grading", str(folder / "submissions"), "--jobs", str(jobs)]
    command += ["--homework", str(assignment.path), "--out", str(folder / "results")]
    start = time.perf_counter()
    run(command, REPOSITORY)
    seconds = time.perf_counter() - start
    with open(folder / "results" / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return seconds, {row["student"]: float(row["points"]) for row in csv.DictReader(file)}


def by_nbgrader(folder, students, assignment, python):
    """Seconds, and each student's points."""
    # Its kernel is this interpreter, as it is for the other.
    kernel = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    kernel.write_text(json.dumps(spec), encoding="utf-8")
    source = folder / "source" / "homework" / "homework.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(json.dumps(assignment.notebook), encoding="utf-8")
    for name, notebook in students.items():
        path = folder / "submitted" / name / "homework" / "homework.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
    # It starts other commands of its environment by their bare names.
    path = os.pathsep.join([str(python.parent), os.environ.get("PATH", "")])
    more = {
        "PATH": path,
        "JUPYTER_PATH": str(folder / "jupyter"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    words = [str(python), "-m", "nbgrader"]
    run([*words, "generate_assignment", "homework", "--create", "--force"], folder, more)
    start = time.perf_counter()
    run(
        [*words, "autograde", "homework", "--create", "--ExecutePreprocessor.timeout=600"],
        folder,
        more,
    )
    seconds = time.perf_counter() - start
    points = subprocess.run(
        [str(python), "-c", POINTS],
        cwd=folder,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=True,
    )
    return seconds, json.loads(points.stdout)


def run(command, folder, more=None):
    """Runs a command; shows what it said if it fails."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(more or {})}, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def install():
    """nbgrader in an environment of its own; its Python."""
    folder = REPOSITORY / "build" / "nbgrader"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print("Installing nbgrader into build/nbgrader …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "nbgrader>=0.9"], check=True)
    return python


def version(python):
    code = "import importlib.metadata as m; print(m.version('nbgrader'))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main():
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
    # Inside of the repository, because the notebooks look for the course above their own folder.
    (REPOSITORY / "build").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="grading-speed-", dir=REPOSITORY / "build"))
    try:
        (folder / "ours").mkdir()
        (folder / "theirs").mkdir()
        ours, our_points = by_this_grader(folder / "ours", students, assignment, jobs)
        theirs, their_points = by_nbgrader(folder / "theirs", students, assignment, python)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    differing = {
        name: (our_points.get(name), their_points.get(name))
        for name in students
        if our_points.get(name) != their_points.get(name)
    }
    print(
        f"{len(students)} submissions of {assignment.name}, Python {platform.python_version()}, "
        f"{os.cpu_count()} CPU cores.\n"
    )
    print("| grader | seconds | submissions/min | ratio |")
    print("|---|--:|--:|--:|")
    name = f"`nbgrader autograde` {version(python)}"
    for label, seconds in ((name, theirs), (f"`python -m grading`, {jobs} at a time", ours)):
        rate = 60 * len(students) / seconds
        print(f"| {label} | {seconds:,.0f} | {rate:,.1f} | {theirs / seconds:.1f}× |")
    reached = sorted(our_points.values())
    print(
        f"\nPoints: {reached[0]:g} to {reached[-1]:g} of {assignment.automatic_points:g}; ", end=""
    )
    print("the same from both for every student." if not differing else f"DIFFERENT: {differing}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
