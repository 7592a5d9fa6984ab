"""Small things that students hand in, for the tests of the grader."""

import io
import json
import os
import struct
import zipfile
import zlib

from grading.intake import content
from grading.intake.submissions import Source, Submission
from grading.intake.traits import Traits

RECORD = "hw1_record.json"


def released(files=()):
    """The notebook that students get: a text, a cell for the answer, a test."""
    mark = {"grade_id": "hw1-a", "solution": True}
    test = {"nbgrader": {"grade_id": "hw1-test"}, "homework": {"values": ["x"], "files": files}}
    stub = "# Write here.\nx = None\n# Your code here."
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Homework 1"},
        {"cell_type": "code", "metadata": {"nbgrader": mark}, "source": stub},
        {"cell_type": "code", "metadata": test, "source": "print(x)"},
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


TEMPLATE = json.dumps(released()).encode()
TRAITS = Traits.of("hw1", released())
WITH_RECORD = Traits.of("hw1", released((RECORD,)))


def solved(source="x = 42", own=None):
    """A notebook with an answer, and perhaps a cell of the student's own, as bytes."""
    made = released()
    if source is not None:
        made["cells"][1]["source"] = source
    if own is not None:
        made["cells"].append({"cell_type": "code", "metadata": {}, "source": own})
    return json.dumps(made).encode()


def put(path, data=None, when=None):
    """Write a file with a time; a solved notebook if nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(solved() if data is None else data)
    if when is not None:
        os.utime(path, (when, when))


def put_zip(path, members, when=None):
    """Write a zip of names and data."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    put(path, buffer.getvalue(), when)


def put_all(folder, members, is_zip):
    """Write files, pairs of name and data: as they are, or all in one zip."""
    if is_zip:
        put_zip(folder / "all.zip", members)
    for name, data in () if is_zip else members:
        put(folder / name, data)


def packed(entries, flag=0, method=0):
    """A zip as bytes, of (raw name, data[, attributes[, extra]]), however odd the names are."""
    body, table = b"", b""
    for entry in entries:
        name, data, attributes, extra = (*entry, *(0, b"")[len(entry) - 2 :])
        crc, offset = zlib.crc32(data), len(body)
        common = struct.pack("<HHHHLLLHH", flag, method, 0, 0x5C21, crc, len(data), len(data),
                             len(name), len(extra))  # fmt: skip
        body += b"PK\3\4" + struct.pack("<H", 20) + common + name + extra + data
        table += b"PK\1\2" + struct.pack("<HH", 20, 20) + common
        table += struct.pack("<HHHLL", 0, 0, 0, attributes, offset) + name + extra
    count = len(entries)
    end = struct.pack("<HHHHLLH", 0, 0, count, count, len(table), len(body), 0)
    return body + table + b"PK\5\6" + end


def submission(*paths, ranks=()):
    """A submission of files and folders, with a platform's numbers or without."""
    ranks = ranks or [0] * len(paths)
    sources = (Source(path, path.name, rank=rank) for path, rank in zip(paths, ranks, strict=True))
    return Submission("Ana", "ana", "ana", tuple(sources))


def read(*paths, homework=TRAITS, others=(), ranks=()):
    """What is read of some files and folders."""
    return content.read_submission(submission(*paths, ranks=ranks), homework, others)


def answer(found):
    """The source of the cell for the answer."""
    assert found.problem is None, found.problem
    return next(
        cell["source"]
        for cell in found.notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "hw1-a"
    )


def said(found):
    """All that is told about a submission, in one text."""
    return " ".join([found.problem or "", *found.notes])


class OneByOne:
    """Stands in for what grades: answers each job with the next of some results."""

    def __init__(self, *results):
        self.results, self.names = list(results), []

    def capacity(self):
        return 1

    def submit(self, name, job):
        self.names.append(name)

    def collect(self, seconds):
        return self.names.pop(), self.results.pop(0)
