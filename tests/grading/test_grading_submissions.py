"""Notebooks and zips in every state, read by a process that a stranger's file may end."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib

import nbformat
import psutil
import pytest
from tiny_submissions import (
    TRAITS,
    answer,
    packed,
    put,
    put_zip,
    read,
    released,
    said,
    solved,
    submission,
)

from grading.intake import content, notebooks, reader, zips
from grading.intake.submissions import Source, Submission
from grading.intake.traits import grade_ids

NEEDS_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="the grader runs on Unix")


@pytest.fixture
def ana(tmp_path):
    """The folder of the only student."""
    place = tmp_path / "ana"
    place.mkdir()
    return place


# ----------------------------------------------------------------------- notebooks

BROKEN = {
    "empty": (b"", "empty"),
    "not JSON": (b"hello", "not valid JSON"),
    "cut off": (solved()[:-20], "cut off"),
    "a web page": (b"<!DOCTYPE html><html><body>Colab</body>", "web page"),
    "a shortcut": (b'{"url": "https://x", "doc_id": "1", "email": "a@b"}', "shortcut to Google"),
    "nested too deep": (b'{"cells": ' + b"[" * 100_000, "cut off"),
    "a long number": (b'{"cells": ' + b"9" * 5000 + b"}", "cut off"),
    "not text": (b"\x80\x81\xfe" * 50, "not text"),
    "a zip": (b"PK\x03\x04" + b"x" * 50, "zip"),
    "a PDF": (b"%PDF-1.7 ...", "PDF"),
    "no cells": (b'{"cells": [], "nbformat": 4}', "no cells"),
    "of the future": (b'{"cells": [], "nbformat": 7}', "format 7"),
    "format 3, wrongly": (b'{"nbformat": 3, "worksheets": [{"cells": 5}]}', "no cells"),
    "too many cells": (b'{"cells": [' + b"1," * 2500 + b"1]}", "2,501 cells"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_a_notebook_is_unreadable_and_told(ana, name):
    data, words = BROKEN[name]
    put(ana / "hw1.ipynb", data)
    found = read(ana)
    assert found.status == "unreadable" and found.notebook is None and words in found.problem


def test_the_size_of_a_notebook_is_bounded(ana, monkeypatch):
    monkeypatch.setattr(notebooks, "MOST_CHARACTERS", 1000)
    with pytest.raises(notebooks.UnreadableError, match="1,000 characters"):
        notebooks.parse(solved("x" * 2000))
    monkeypatch.setattr(notebooks, "MOST_PICTURES", 1000)
    made = released()
    pictures = {name: {"image/png": "x" * 600} for name in ("a.png", "b.png")}
    made["cells"][0]["attachments"] = pictures
    clean, notes = notebooks.parse(json.dumps(made).encode())
    assert list(clean["cells"][0]["attachments"]) == ["a.png"] and "picture" in notes[0]
    monkeypatch.setattr(notebooks, "MOST_BYTES", 1000)
    put(ana / "hw1.ipynb", b" " * 2000)
    assert "are not read" in read(ana).problem


def test_a_notebook_of_format_3_is_brought_up_to_date_and_an_odd_number_is_not_repeated():
    cells = [{"cell_type": "heading", "level": 2, "source": ["Title"]}]
    mark = {"nbgrader": {"grade_id": "hw1-a"}}
    cells.append({"cell_type": "code", "input": ["y = 2"], "metadata": mark, "outputs": []})
    for value in (3, "x" * 5000, 10**400, None):
        old = {"nbformat": value, "metadata": {}, "worksheets": [{"cells": cells}]}
        clean, notes = notebooks.parse(json.dumps(old).encode())
        assert [cell["source"] for cell in clean["cells"]] == ["## Title", "y = 2"]
        assert grade_ids(clean) == {"hw1-a"} and "old format" in notes[0] and len(notes[0]) < 200


def test_a_damaged_cell_costs_a_notebook_of_format_3_no_other():
    code = {"cell_type": "code", "input": ["y = 2", "z = 3"]}  # without the ends of lines
    cells = [code, {**code, "outputs": [{"odd": 1}]}, "damaged", {"source": "of no type"}]
    cells.append({"cell_type": "heading", "level": "x", "source": "Title"})
    old = {"nbformat": 3, "metadata": None, "worksheets": [{"cells": cells}, {}, 5]}
    clean, notes = notebooks.parse(json.dumps(old).encode())
    assert [cell["source"] for cell in clean["cells"]] == ["y = 2\nz = 3"] * 2 + ["# Title"]
    assert "2 damaged" in notes[1]


def test_code_that_is_nested_too_deeply_is_read(ana):
    made = released()
    deep = "x = " + "lambda:" * 1500 + "0"
    made["cells"].append({"cell_type": "code", "metadata": {}, "source": deep})
    put(ana / "hw1.ipynb", json.dumps(made).encode())
    assert read(ana).status == "ok"


def test_damaged_cells_and_metadata_are_survived():
    made = released()
    made["cells"] = [
        *(5, {"cell_type": "alien", "source": ""}, {"cell_type": "markdown", "source": 7}),
        {"cell_type": "code"},
        {"cell_type": "code", "source": ["a", "b"], "metadata": [], "outputs": "many"},
        {"cell_type": "code", "source": "\ud800", "metadata": {"nbgrader": "x", "tags": 3}},
    ]
    clean, notes = notebooks.parse(json.dumps(made).encode())
    assert [cell["source"] for cell in clean["cells"]] == ["", "ab", "?"]
    assert notes == ["3 damaged cell(s) were left out."]
    for coding in ("utf-16", "utf-8-sig"):  # as Windows writes them
        text = solved("x = 5").decode().encode(coding)
        assert notebooks.parse(text)[0]["cells"][1]["source"] == "x = 5"
    nbformat.validate(nbformat.from_dict(clean))


def test_of_the_metadata_only_what_is_known_is_kept():
    made = released()
    deep = json.loads("[" * 900 + "]" * 900)
    mark = {"grade_id": "hw1-a", "points": 2, "x": deep, "checksum": deep, "locked": True}
    made["cells"][1]["metadata"] = {"nbgrader": mark, "homework": {"a": deep}, "tags": ["t", deep]}
    clean, _ = notebooks.parse(json.dumps(made).encode())
    kept = {"grade_id": "hw1-a", "points": 2, "locked": True}
    assert clean["cells"][1]["metadata"] == {"nbgrader": kept, "tags": ["t"]}
    for value in (float("nan"), float("inf"), 10**400, "x" * 5000, None, "\ud800"):
        made["cells"][1]["metadata"] = {"nbgrader": {"points": value}}
        clean, _ = notebooks.parse(json.dumps(made).encode())
        assert clean["cells"][1]["metadata"] == {"nbgrader": {}}, value


# ---------------------------------------------------------------------------- zips


@pytest.mark.parametrize(
    "name", ["../out.ipynb", "a/../../out.ipynb", "C:/x.ipynb", "c:\\x.ipynb", "..\\win.ipynb"]
)
def test_a_zip_cannot_leave_its_place(ana, name):
    put_zip(ana / "a.zip", [(name, solved())])
    assert read(ana).notebook is None and "points outside the zip" in said(read(ana))


NAMES = ["10:30 hw1.ipynb", "Task 1: hw1.ipynb", "/home/ana/hw1.ipynb", "//hw1.ipynb"]
NAMES += ["习" * 72 + ".ipynb", "a" * 250 + ".ipynb", "/".join(["d" * 100] * 12) + "/hw1.ipynb"]
NAMES += ["hw1\n.ipynb", "c:hw1.ipynb", "...ipynb", "a..b/hw1.ipynb"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_notebook_in_a_zip_is_read_whatever_it_is_called(ana, name):
    put_zip(ana / "all.zip", [(name, solved())])
    found = read(ana)
    assert answer(found) == "x = 42" and "outside" not in said(found)
    assert found.name.endswith(".ipynb") and len(found.name.encode()) < 1100
    assert all(len(part.encode()) <= 250 for part in found.name.split("/"))


def test_names_that_are_changed_are_told(ana):
    put_zip(ana / "all.zip", [("hw1.ipynb", solved()), ("/abs.csv", b"1"), ("a" * 300, b"2")])
    found = read(ana)
    assert found.files == {"abs.csv": b"1", "a" * 240: b"2"}
    assert "began with a slash" in said(found) and "too long" in said(found)


def test_folders_as_powershell_writes_them(ana):
    entries = [
        *((b"hw1\\", b""), (b"hw1\\hw1.ipynb", solved()), (b"hw1\\data\\", b"")),
        *((b"hw1\\data\\log.csv", b"1"), (b"hw1\\more", b"", 0x10), (b"hw1\\plain", b"")),
        *((b"hw1\\plain\\a.csv", b"2"), (b"hw1\\empty.csv", b"", 0x20)),
    ]
    put(ana / "hw1.zip", packed(entries))
    found = read(ana)
    assert answer(found) == "x = 42" and found.notes == []
    assert found.files == {"data/log.csv": b"1", "plain/a.csv": b"2", "empty.csv": b""}


@pytest.mark.parametrize(
    ("name", "page"),
    [("sűrű kép.csv", "cp852"), ("sűrű kép.csv", "cp1250"), ("数据.csv", "gbk")]
    + [("データ.csv", "cp932"), ("Übung.csv", "cp437"), ("kép.csv", "utf-8")],
)
def test_names_in_a_zip_in_any_code_page(ana, name, page):
    work = solved(f"open('data/{name}')")
    put(ana / "a.zip", packed([(b"hw1.ipynb", work), (name.encode(page), b"1")]))
    found = read(ana)
    assert found.files[name] == b"1"
    assert ("not marked as UTF-8" in said(found)) is (page != "utf-8")


def test_the_name_in_unicode_that_stands_beside_an_old_one(ana):
    raw, name = b"k?p.csv", "κéπ.csv"
    field = b"\1" + struct.pack("<L", zlib.crc32(raw)) + name.encode()
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    wrong = extra[:5] + b"0000" + extra[9:]  # it belongs to another name
    for field, shown in ((extra, name), (wrong, "k?p.csv")):
        put(ana / "a.zip", packed([(b"hw1.ipynb", solved()), (raw, b"1", 0, field)]))
        assert read(ana).files == {shown: b"1"} and read(ana).notes == []


def test_a_bomb_that_lies_about_its_size(ana, monkeypatch):
    monkeypatch.setattr(content, "MOST_BYTES", 5 * 2**20)
    put_zip(ana / "a.zip", [("zeros.ipynb", b"\0" * (20 * 2**20))])
    data = (ana / "a.zip").read_bytes()
    sizes = struct.pack("<L", 20 * 2**20), struct.pack("<L", 100)
    put(ana / "a.zip", data.replace(*sizes))
    assert read(ana).notebook is None and read(ana).problem


def test_a_long_table_of_contents_is_not_parsed(ana, monkeypatch):
    monkeypatch.setattr(zips, "MOST_CONTENTS", 2000)
    put_zip(ana / "all.zip", [(f"{number}.txt", b"") for number in range(100)])
    put(ana / "hw1.ipynb")
    found = read(ana)
    assert answer(found) == "x = 42" and "all.zip is not a readable zip" in said(found)


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_a_member_damaged_in_any_packing_costs_no_other(ana, packing):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        archive.writestr("hw1.ipynb", solved())
        archive.writestr("b.csv", b"2")
    data = bytearray(buffer.getvalue())
    data[60:90] = b"\xff" * 30
    put(ana / "a.zip", bytes(data))
    assert read(ana).notebook is None and "damaged" in said(read(ana))
    put(ana / "other.ipynb")
    assert read(ana).files == {"b.csv": b"2"} and "hw1.ipynb is" in said(read(ana))


@pytest.mark.parametrize("cut", [slice(0), slice(-30), slice(20, 200)])
def test_a_damaged_zip_holds_no_notebook(ana, cut):
    put(ana / "a.zip", packed([(b"hw1.ipynb", solved())])[cut])
    assert read(ana).status == "no notebook" and "not a readable zip" in said(read(ana))


@pytest.mark.parametrize(("flag", "method", "word"), [(1, 0, "encrypted"), (0, 99, "packed in a")])
def test_a_notebook_that_cannot_be_unpacked_is_unreadable(ana, flag, method, word):
    put(ana / "a.zip", packed([(b"hw1.ipynb", solved())], flag, method))
    assert read(ana).status == "unreadable" and word in read(ana).problem


# ------------------------------------------------------------- the process that reads


@pytest.fixture
def make_reader():
    readers = []

    def make(**more):
        readers.append(reader.Reader(TRAITS, [], **more))
        return readers[-1]

    yield make
    for child in readers:
        child.close()


@NEEDS_UNIX
def test_the_front_gets_text_and_bytes_from_one_process(ana, make_reader):
    put(ana / "hw1.ipynb", solved("x = 'é\u2028\U0001f600'"))
    put(ana / "log\udcff.bin" if os.name == "posix" else ana / "log.bin", bytes(range(256)) * 9000)
    child = make_reader()
    found, here = child.read(submission(ana)), read(ana)
    assert json.loads(found.notebook) == here.notebook and found.files == here.files
    assert (found.digest, found.when, found.name) == (here.digest, here.when, here.name)
    first = child.start()
    short = child.read(submission(ana), is_whole=False)
    assert short.notebook is None and short.digest == here.digest and child.start() is first
    wrong = child.read(Submission("a", "a", "a", (Source(ana / "hw1.ipynb", 5),)))
    assert wrong.status == "could not be graded" and "Error" in wrong.problem, "our own mistake"
    assert child.read(submission(ana)).problem is None and child.start() is first
    os.kill(first.pid, signal.SIGKILL)
    assert child.read(submission(ana)).problem is None and child.start() is not first


@NEEDS_UNIX
def test_a_relative_path_is_found_from_any_folder(ana, make_reader, monkeypatch):
    put(ana / "hw1.ipynb", solved())
    monkeypatch.chdir(ana.parent)
    found = make_reader().read(submission(ana.relative_to(ana.parent)))
    assert found.status == "ok" and found.name == "hw1.ipynb"


@NEEDS_UNIX
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is kept on Linux")
def test_a_notebook_that_fills_the_memory(ana, make_reader):
    bomb = solved()[:-1] + b', "more": [' + b"[[[]]]," * 500_000 + b"1]}"
    put_zip(ana / "hw1.zip", [("hw1.ipynb", bomb)])
    child = make_reader(memory_mb=100)
    found = child.read(submission(ana))
    assert found.status == "unreadable" and "memory" in found.problem
    assert any("memory" in reason for reason in found.review_reasons)
    put(ana / "hw1 (1).ipynb", solved("x = 7"), when=1_000_000)
    found = child.read(submission(ana))
    assert "x = 7" in found.notebook and any("memory" in r for r in found.review_reasons)


@NEEDS_UNIX
@pytest.mark.parametrize("is_busy", [False, True])
def test_what_takes_too_long_is_told(ana, make_reader, monkeypatch, is_busy):
    put(ana / "hw1.ipynb")
    child = make_reader(seconds=0.2)
    if is_busy:
        monkeypatch.setattr(reader, "processor_seconds", lambda pid: time.monotonic() * 10)
    os.kill(child.start().pid, signal.SIGSTOP)
    found = child.read(submission(ana))
    assert found.status == ("unreadable" if is_busy else "could not be graded")
    assert "0.2 s" in found.problem and found.review_reasons


@NEEDS_UNIX
def test_it_ends_with_the_front():
    script = (
        "import os; from grading.intake.reader import Reader\n"
        "from grading.intake.traits import Traits\n"
        "child = Reader(Traits('x', frozenset(), frozenset()), [])\n"
        "print(child.start().pid, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=reader.ROOT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if psutil.Process(int(done.stdout)).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.01)
    pytest.fail("it outlives the front")
