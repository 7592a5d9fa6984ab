"""Measure how much memory a class of hostile submissions can make the grader take.

    python -m benchmarks.grading_memory
    python -m benchmarks.grading_memory --only memfd --memory 1000

Each submission tries a different way: a zip that unpacks to brackets, endless metadata, messages
and values larger than allowed, nameless files in memory, shared memory, files in /tmp, sockets,
connections, processes. Each is graded in a run of its own beside one honest student, and
four numbers are sampled ten times a second: the memory (PSS) of the process that must not die, of
the process that reads, of the grading process with its judge, and by how much the machine's free
memory fell in all. The honest student must get all points every time.
"""

import argparse
import collections
import csv
import io
import json
import subprocess
import sys
import tempfile
import textwrap
import time
import zipfile
from pathlib import Path

import psutil

from benchmarks import _harness as harness
from grading.assignments.assignment import load_assignment

HOMEWORK = 2
SECONDS_BETWEEN_LOOKS = 0.1
FORGED = """
import json, time, zmq
from jupyter_client.session import Session
kernel = get_ipython().kernel
socket = zmq.Context().socket(zmq.DEALER)
socket.connect("ipc:///run/grading/sockets/1")
parent = kernel.get_parent("shell")
text = '{"status": "ok", "user_expressions": [' + "[[[[[[]]]]]]," * 5_800_000 + "0]}"
session = kernel.session
header = session.msg_header("execute_reply")
frames = [json.dumps(each, default=str).encode() for each in (header, parent["header"], {})]
frames.append(text.encode())
socket.send_multipart([b"<IDS|MSG>", session.sign(frames), *frames])
time.sleep(2)
"""
CODE = {
    "bytearray": "kept = [bytearray(b'1') * (100 * 2**20) for _ in range(100)]",
    "memfd": """
        import os, time
        for number in range(60):
            os.write(os.memfd_create(str(number)), bytes(100 * 2**20))
        time.sleep(5)
    """,
    "shared memory": """
        import ctypes, time
        libc = ctypes.CDLL(None)
        libc.shmat.restype = ctypes.c_void_p
        for number in range(60):
            segment = libc.shmget(0, 100 * 2**20, 0o1600)
            place = libc.shmat(segment, None, 0)
            ctypes.memset(place, 1, 100 * 2**20)
        time.sleep(5)
    """,
    "files in /tmp": """
        import time
        for number in range(60):
            open(f"/tmp/{number}", "wb").write(bytes(100 * 2**20))
        time.sleep(5)
    """,
    "a file system of its own": """
        import ctypes, os, time
        libc = ctypes.CDLL(None)
        libc.unshare(0x10020000)
        libc.mount(b"none", b"/dev/shm", b"tmpfs", 0, b"size=9g")
        open("/dev/shm/large", "wb").write(bytes(500 * 2**20))
        time.sleep(5)
    """,
    "sockets": """
        import os, socket, time
        for _ in range(40):
            if os.fork() == 0:
                kept = []
                for _ in range(450):
                    try:
                        kept.append(socket.socketpair())
                        kept[-1][0].setblocking(False)
                        while True:
                            kept[-1][0].send(bytes(60000))
                    except OSError:
                        pass
                time.sleep(5)
                os._exit(0)
        time.sleep(6)
    """,
    "processes": """
        import os, time
        for _ in range(50):
            if os.fork() == 0:
                kept = bytearray(b'1') * (80 * 2**20)
                time.sleep(5)
                os._exit(0)
        time.sleep(6)
    """,
    "connections": """
        import os, socket, time
        for _ in range(40):
            if os.fork() == 0:
                kept = []
                for _ in range(900):
                    one = socket.socket(socket.AF_UNIX)
                    try:
                        one.connect("/run/grading/sockets/1")
                        kept.append(one)
                    except OSError:
                        break
                time.sleep(5)
                os._exit(0)
        time.sleep(6)
    """,
    "a forged message": FORGED,
    "a value": "dilations = 'x' * 68_000_000",
    "output": "for _ in range(10_000):\n    print('x' * 1_000_000)",
}


def hostile(notebook):
    """Return what each attacker hands in, by name: files, made from the instructor's notebook."""
    text = json.dumps(notebook)
    ids = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
    place = ids.index("hw2-dilations-test")
    submissions = {"nothing": {"hw2.ipynb": text.encode()}}
    for name, code in CODE.items():
        cell = {"cell_type": "code", "metadata": {}, "source": textwrap.dedent(code), "outputs": []}
        cell |= {"execution_count": None, "id": "hostile"}
        cells = [*notebook["cells"][:place], cell, *notebook["cells"][place:]]
        submissions[name] = {"hw2.ipynb": json.dumps({**notebook, "cells": cells}).encode()}
    nested = text[:-1] + ', "more": [' + "[[[[[[]]]]]]," * 7_000_000 + "0]}"
    submissions["a zip of brackets"] = {"hw2.zip": zipped({"hw2.ipynb": nested})}
    zeros = {f"{number}.bin": bytes(25 * 2**20) for number in range(11)}
    submissions["twelve zips"] = {
        f"{number}.zip": zipped({"hw2.ipynb": text, **zeros}) for number in range(12)
    }
    deep = text[:-1] + ', "more": ' + "[" * 2_000_000 + "]" * 2_000_000 + "}"
    submissions["deep metadata"] = {"hw2.ipynb": deep.encode()}
    return submissions


def zipped(files):
    """Return a zip of these files, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def pss(process):
    """Return the bytes of a process, with its part of what it shares; 0 where it is gone."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


def sample(front, peaks):
    """Look once at the processes of a run; keep the largest numbers in `peaks`."""
    sizes = collections.Counter(front=pss(front))
    try:
        family = front.children(recursive=True)
        lines = {process: " ".join(process.cmdline()) for process in family}
    except psutil.Error:
        return  # something has just ended
    for process, line in lines.items():
        if "grading.intake.reader" in line or "reader.py" in line:
            sizes["reading"] += pss(process)
        elif "grading.workers.worker" in line or "judge_process" in line:
            sizes["grading"] += pss(process)
    for kind, size in sizes.items():
        peaks[kind] = max(peaks[kind], size)


def measure(files, honest, limits):
    """Grade an attacker and an honest student.

    Returns:
        The peaks of memory in bytes, by kind, and the rows of the table of grades, by student.
    """
    with tempfile.TemporaryDirectory(prefix="memory-", dir="/tmp") as folder:
        folder = Path(folder)
        for student, handed_in in (("attacker", files), ("honest", honest)):
            (folder / "class" / student).mkdir(parents=True)
            for name, content in handed_in.items():
                (folder / "class" / student / name).write_bytes(content)
        words = ["-m", "grading", folder / "class", "--homework", HOMEWORK, "--jobs", 1]
        command = [sys.executable, *map(str, words), "--out", str(folder / "out"), *limits]
        free = lowest = psutil.virtual_memory().available
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        grader = psutil.Popen(command, cwd=harness.ROOT, **quiet)
        peaks = collections.Counter()
        while grader.poll() is None:
            sample(grader, peaks)
            lowest = min(lowest, psutil.virtual_memory().available)
            time.sleep(SECONDS_BETWEEN_LOOKS)
        peaks["machine"] = free - lowest
        with open(folder / "out" / "grades.csv", encoding="utf-8-sig", newline="") as file:
            return peaks, {row["student"]: row for row in csv.DictReader(file)}


def rows(options):
    """Yield a row of the table for every attacker."""
    submissions = hostile(load_assignment(HOMEWORK).notebook)
    limits = ["--memory", options.memory, "--cell-seconds", "10", "--deadline", "90"]
    for name, files in submissions.items():
        if options.only and name not in options.only:
            continue
        peaks, grades = measure(files, submissions["nothing"], limits)
        kinds = ("front", "reading", "grading", "machine")
        sizes = [f"{peaks[kind] / 2**20:.0f}" for kind in kinds]
        students = [grades[student] for student in ("attacker", "honest")]
        yield (
            name,
            *sizes,
            *(f"{s['status']}, {s['points'] or '–'} of {s['max']}" for s in students),
        )


def main():
    """Grade every attacker in a run of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", action="append", help="one way; can be repeated")
    parser.add_argument("--memory", default="1000", help="MB for a process (default %(default)s)")
    options = parser.parse_args()
    print(f"{harness.machine()}; --memory {options.memory}; MB of PSS at most\n")
    headings = [
        "what is tried",
        "front",
        "reading",
        "grading, judge",
        "machine",
        "attacker",
        "honest",
    ]
    harness.table(headings, rows(options))


if __name__ == "__main__":
    main()
