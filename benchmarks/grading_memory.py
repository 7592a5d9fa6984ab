"""What a class of submissions that go for memory can make the grader take.

    python -m benchmarks.grading_memory
    python -m benchmarks.grading_memory --only memfd --memory 1000

Each submission tries another way: a zip that unpacks to brackets, metadata without end, messages
and values larger than allowed, files in memory without a name, shared memory, files in /tmp,
sockets, connections, processes. Each is graded in a run of its own beside one honest student, and
four numbers are sampled ten times a second: the memory (PSS) of the process that must not die, of
the process that reads, of the grading process with its judge, and by how much the machine's free
memory fell in all. The honest student must get all points every time.
"""

import argparse
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

from benchmarks.grading_speed import REPOSITORY
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
    """What each attacker hands in: by name, the files.

    Args:
        notebook: The instructor's, which an honest student would hand in.
    """
    text = json.dumps(notebook)
    ids = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
    place = ids.index("hw2-dilations-test")
    handed = {}
    for name, code in CODE.items():
        cell = {"cell_type": "code", "metadata": {}, "source": textwrap.dedent(code), "outputs": []}
        cell |= {"execution_count": None, "id": "hostile"}
        cells = [*notebook["cells"][:place], cell, *notebook["cells"][place:]]
        handed[name] = {"hw2.ipynb": json.dumps({**notebook, "cells": cells}).encode()}
    nested = text[:-1] + ', "more": [' + "[[[[[[]]]]]]," * 7_000_000 + "0]}"
    handed["a zip of brackets"] = {"hw2.zip": zipped({"hw2.ipynb": nested})}
    zeros = {f"{number}.bin": bytes(25 * 2**20) for number in range(11)}
    handed["twelve zips"] = {
        f"{number}.zip": zipped({"hw2.ipynb": text, **zeros}) for number in range(12)
    }
    deep = text[:-1] + ', "more": ' + "[" * 2_000_000 + "]" * 2_000_000 + "}"
    handed["deep metadata"] = {"hw2.ipynb": deep.encode()}
    return handed


def zipped(files):
    """A zip of these files, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def pss(process):
    """Bytes of memory of a process, with its part of what it shares; 0 where it is gone."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


def sample(front, peaks):
    """Looks once at the processes of a run; keeps the largest numbers."""
    try:
        family = front.children(recursive=True)
    except psutil.Error:
        return
    kinds = {"front": pss(front), "reading": 0, "grading": 0}
    for process in family:
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if "grading.intake.reader" in words or "reader.py" in words:
            kinds["reading"] += pss(process)
        elif "grading.workers.worker" in words or "judge_process" in words:
            kinds["grading"] += pss(process)
    for kind, value in kinds.items():
        peaks[kind] = max(peaks.get(kind, 0), value)


def measure(name, files, honest, limits):
    """Grades an attacker and an honest student; the peaks in bytes, and their rows."""
    with tempfile.TemporaryDirectory(prefix="memory-", dir="/tmp") as folder:
        folder = Path(folder)
        for file, data in {**{f"attacker/{n}": d for n, d in files.items()}, **honest}.items():
            (folder / "class" / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / "class" / file).write_bytes(data)
        words = [sys.executable, "-m", "grading", folder / "class", "--homework", HOMEWORK]
        words += ["--out", folder / "out", "--jobs", 1, *limits]
        free = lowest = psutil.virtual_memory().available
        started = time.monotonic()
        done = subprocess.Popen(
            list(map(str, words)),
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        front, peaks = psutil.Process(done.pid), {}
        while done.poll() is None:
            sample(front, peaks)
            lowest = min(lowest, psutil.virtual_memory().available)
            time.sleep(SECONDS_BETWEEN_LOOKS)
        peaks["machine"] = free - lowest
        with open(folder / "out" / "grades.csv", encoding="utf-8-sig", newline="") as file:
            rows = {row["student"]: row for row in csv.DictReader(file)}
    return peaks, rows, time.monotonic() - started, done.returncode


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", action="append", help="one way; can be repeated")
    parser.add_argument("--memory", default="1000", help="MB for a process (default %(default)s)")
    options = parser.parse_args()
    notebook = load_assignment(HOMEWORK).notebook
    ways = hostile(notebook)
    honest = {"honest/hw2.ipynb": json.dumps(notebook).encode()}
    limits = ["--memory", options.memory, "--cell-seconds", "10", "--deadline", "90"]
    print(f"--memory {options.memory}; MB of PSS at most\n")
    print("| what is tried | front | reading | grading and judge | machine | attacker | honest |")
    print("|---|--:|--:|--:|--:|---|---|")
    for name, files in {"nothing": honest_only(notebook), **ways}.items():
        if options.only and name not in options.only:
            continue
        peaks, rows, _, code = measure(name, files, honest, limits)
        cells = [f"{peaks.get(kind, 0) / 2**20:.0f}" for kind in ("front", "reading", "grading")]
        cells.append(f"{peaks['machine'] / 2**20:.0f}")
        for student in ("attacker", "honest"):
            row = rows.get(student, {})
            cells.append(f"{row.get('status')}, {row.get('points') or '–'} of {row.get('max')}")
        cells[-1] += "" if code == 0 else f" (exit status {code})"
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def honest_only(notebook):
    """For comparison: an attacker who does nothing."""
    return {"hw2.ipynb": json.dumps(notebook).encode()}


if __name__ == "__main__":
    main()
