"""What was handed in is read safely and fairly: nobody loses a point to a name, a limit, a disk."""

import errno
import gzip
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import time
import unicodedata
import zipfile
import zlib
from pathlib import Path

import psutil
import pytest
from tiny_submissions import put, put_all, put_zip

from grading.assignments.assignment import load_assignment, release
from grading.intake import notebooks, reader, reading, unzipping, walking
from grading.intake.submissions import Source, Submission
from grading.intake.traits import Traits
from utils.homework import photo_record

NEEDS_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="the grader runs on Unix")
STUB = "# Write here.\nx = None\n# Your code here."
RECORD = "hw1_record.json"


def released(files=()):
    """The notebook that students get: a text, a cell for the answer, a test."""
    mark = {"grade_id": "hw1-a", "solution": True}
    test = {"nbgrader": {"grade_id": "hw1-test"}, "homework": {"values": ["x"], "files": files}}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Homework 1"},
        {"cell_type": "code", "metadata": {"nbgrader": mark}, "source": STUB},
        {"cell_type": "code", "metadata": test, "source": "print(x)"},
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


TRAITS = Traits.of("hw1", released())
WITH_RECORD = Traits.of("hw1", released((RECORD,)))
TEMPLATE = json.dumps(released()).encode()


def solved(source="x = 42"):
    made = released()
    made["cells"][1]["source"] = source
    return json.dumps(made).encode()


@pytest.fixture
def ana(tmp_path):
    """The folder of the only student."""
    place = tmp_path / "ana"
    place.mkdir()
    return place


def read(*paths, homework=TRAITS, **more):
    sources = [Source(path, path.name, **more) for path in paths]
    return reading.read(Submission("Ana", "ana", "ana", tuple(sources)), homework)


def answer(handed):
    assert handed.problem is None, handed.problem
    return next(
        cell["source"]
        for cell in handed.notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "hw1-a"
    )


def said(handed):
    return " ".join([handed.problem or "", *handed.notes])


# ------------------------------------------------------------------------ versions


@pytest.mark.parametrize("template", ["hw1.ipynb", "hw1 (3).ipynb", "hw1-7.ipynb", "zzz.ipynb"])
@pytest.mark.parametrize("worked_on", ["hw1.ipynb", "Copy of hw1.ipynb", "hw1-Copy1.ipynb"])
def test_what_was_released_never_stands_against_answers(ana, template, worked_on):
    if template == worked_on:
        template = f"new/{template}"
    put(ana / template, TEMPLATE, when=9_000_000)
    put(ana / worked_on, solved(), when=1_000_000)
    handed = read(ana)
    assert answer(handed) == "x = 42" and handed.name == worked_on and handed.look == []
    assert f"{template} holds no answers" in said(handed)


def test_not_even_with_the_higher_number_of_a_platform(ana):
    put(ana / "one.ipynb", solved())
    put(ana / "two.ipynb", TEMPLATE)
    sources = (
        Source(ana / "one.ipynb", "hw1.ipynb", rank=1),
        Source(ana / "two.ipynb", "hw1-1.ipynb", rank=2),
    )
    handed = reading.read(Submission("Ana", "ana", "ana", sources), TRAITS)
    assert answer(handed) == "x = 42" and handed.look == []
    put(ana / "two.ipynb", solved("x = 43"))
    handed = reading.read(Submission("Ana", "ana", "ana", sources), TRAITS)
    assert answer(handed) == "x = 43" and len(handed.look) == 1, "one upload has several numbers"


@pytest.mark.parametrize(
    "untouched",
    ["x = None", "", "# I do not know.\nx = None", "   x  =  None\n\n\n"],
)
def test_a_stub_that_only_lost_its_comments_is_no_answer(ana, untouched):
    put(ana / "a.ipynb", solved(), when=1_000_000)
    put(ana / "b.ipynb", solved(untouched), when=9_000_000)
    assert answer(read(ana)) == "x = 42"


def test_an_earlier_version_with_more_answers_goes_to_a_person(ana):
    more = json.loads(solved("x = 1"))
    more["cells"].append({"cell_type": "code", "metadata": {}, "source": "x = 2"})
    put(ana / "a.ipynb", json.dumps(more).encode(), when=1_000_000)
    put(ana / "b.ipynb", solved("x = 3"), when=9_000_000)
    handed = read(ana)
    assert answer(handed) == "x = 3" and "more answers" in handed.look[0]


def test_an_answer_in_a_cell_of_ones_own_is_an_answer(ana):
    own = json.loads(TEMPLATE)
    own["cells"].append({"cell_type": "code", "metadata": {}, "source": "x, y = 1, 2"})
    put(ana / "hw1.ipynb", json.dumps(own).encode(), when=9_000_000)
    put(ana / "try.ipynb", TEMPLATE, when=9_100_000)
    assert read(ana).name == "hw1.ipynb"
    scratch = json.loads(TEMPLATE)
    scratch["cells"].append({"cell_type": "code", "metadata": {}, "source": "print(x)\nx == 3"})
    put(ana / "scratch.ipynb", json.dumps(scratch).encode(), when=9_200_000)
    assert read(ana).name == "hw1.ipynb"


def test_only_what_was_released_is_graded_as_it_is(ana):
    put(ana / "hw1.ipynb", TEMPLATE)
    handed = read(ana)
    assert handed.problem is None and handed.notes == []


def test_two_versions_of_the_same_moment_are_told(ana):
    put(ana / "hw1.ipynb", solved("x = 1"), when=5_000_000)
    put(ana / "hw1_new.ipynb", solved("x = 2"), when=5_000_030)
    handed = read(ana)
    assert "Two versions of the same moment" in said(handed) and len(handed.look) == 1
    assert "hw1.ipynb" in handed.look[0] and "hw1_new.ipynb" in handed.look[0]
    assert "earlier" not in said(handed)
    assert read(ana).name == handed.name, "the choice is the same each time"


def test_the_result_of_one_version_is_not_that_of_another(ana):
    put_zip(ana / "a.zip", [("hw1.ipynb", solved("x = 1"))], when=1_000_000)
    put_zip(ana / "b.zip", [("hw1.ipynb", solved("x = 2"))], when=9_000_000)
    sources = [Source(ana / "a.zip", "a.zip", when=1.0), Source(ana / "b.zip", "b.zip", when=900.0)]
    one = reading.read(Submission("a", "a", "a", tuple(sources)), TRAITS)
    sources[0] = Source(ana / "a.zip", "a.zip", when=5000.0)
    other = reading.read(Submission("a", "a", "a", tuple(sources)), TRAITS)
    assert answer(one) != answer(other) and one.digest != other.digest


def test_times_inside_of_a_zip_are_those_of_another_clock(ana):
    put(ana / "hw1.ipynb", solved("x = 1"), when=1_800_000_000)
    for late, count in ((7200, 0), (0, 1)):
        inside = zipfile.ZipInfo("hw1.ipynb", (2026, 11, 1, 12, 0, 0))
        put_zip(ana / "a.zip", [(inside, solved("x = 2"))], when=1_800_000_000 + late)
        handed = read(ana)
        assert len(handed.look) == count and ("earlier" in said(handed)) is not bool(count)
        assert late == 0 or answer(handed) == "x = 2"


@pytest.mark.parametrize("name", ["hw1.json", "hw1", "hw1.txt"])
def test_a_later_version_counts_whatever_its_ending(ana, name):
    put(ana / "hw1.ipynb", solved("x = 1"), when=1_000_000)
    put(ana / name, solved("x = 2"), when=9_000_000)
    handed = read(ana)
    assert answer(handed) == "x = 2" and "An earlier version, hw1.ipynb" in said(handed)


@pytest.mark.parametrize("name", ["hw1.ipynb.bak", "hw1.ipynb~", "hw1.json", "hw1 (1).ipynb.txt"])
def test_the_copy_that_an_editor_left_does_not_count(ana, name):
    put(ana / "hw1.ipynb", solved("x = 2"), when=5_000_000)
    put(ana / name, solved("x = 1"), when=5_000_000)
    handed = read(ana)
    assert answer(handed) == "x = 2" and "same moment" in handed.look[0]


def test_the_same_work_twice_needs_nobody(ana):
    other = json.loads(solved("x = 1"))
    other["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    put(ana / "hw1.ipynb", solved("x = 1"), when=5_000_000)
    put(ana / "Copy of hw1.ipynb", json.dumps(other).encode(), when=5_000_000)
    handed = read(ana)
    assert handed.look == [] and "says the same" in said(handed)


def test_numbers_order_only_copies_of_one_name(ana):
    put(ana / "hw1 (1).ipynb", solved("x = 1"), when=5_000_000)
    put(ana / "hw1 (2).ipynb", solved("x = 2"), when=5_000_000)
    handed = read(ana)
    assert answer(handed) == "x = 2" and handed.look == [] and "An earlier version" in said(handed)
    put(ana / "draft (7).ipynb", solved("x = 7"), when=5_000_000)
    assert len(read(ana).look) == 1


def test_a_newer_version_that_is_damaged_goes_to_a_person(ana):
    put(ana / "hw1.ipynb", solved(), when=1_000_000)
    put(ana / "hw1 (1).ipynb", solved()[:-30], when=9_000_000)
    handed = read(ana)
    assert answer(handed) == "x = 42" and "hw1 (1).ipynb" in handed.look[0]
    put(ana / "hw1 (1).ipynb", solved()[:-30], when=500_000)
    assert read(ana).look == []


@pytest.mark.parametrize("name", ["hw1.7z", "hw1.tar.gz", "hw1.zip", "b.ipynb", "c.ipynb"])
def test_what_may_hold_the_answers_goes_to_a_person(ana, name):
    content = {"b.ipynb": b"{", "c.ipynb": b'{"cells": [{"cell_type": "raw", "source": "1"}]}'}
    put(ana / name, content.get(name, b"Rar!"), when=1_000_000)
    put(ana / "a.ipynb", TEMPLATE, when=5_000_000)
    assert name in read(ana).look[0]
    put(ana / "a.ipynb", solved(), when=5_000_000)
    assert read(ana).look == [] or name == "hw1.zip"
    put(ana / name, content.get(name, b"Rar!"), when=9_000_000)
    assert (name in " ".join(read(ana).look)) is (name != "c.ipynb")


# ---------------------------------------------------------------------- by content


@pytest.mark.parametrize(
    "name", ["hw1.ipynb.txt", "hw1.json", "hw1", "hw1.ipynb.crdownload", "hw1.part", "hw1.zip"]
)
def test_a_notebook_is_one_whatever_its_name(ana, name):
    put(ana / name, solved())
    put(ana / "data.json", b'{"cells": [1, 2]}')
    for handed in (read(ana), read(ana / name)):
        assert answer(handed) == "x = 42" and handed.name == name
        assert name in said(handed) and "is a notebook, though" in said(handed)
    assert read(ana).files == {"data.json": b'{"cells": [1, 2]}'}


def test_a_solved_notebook_of_another_name_beats_the_template(ana):
    put(ana / "hw1.ipynb", TEMPLATE, when=9_000_000)
    put(ana / "answers.txt", solved(), when=1_000_000)
    assert answer(read(ana)) == "x = 42"


def test_data_that_is_looked_into_still_goes_with_the_notebook(ana, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 3000)
    put(ana / "answers.txt", solved(), when=5_000_000)
    put(ana / "data.json", b'{"cells": "' + b"1" * 2000 + b'"}')
    handed = read(ana)
    assert answer(handed) == "x = 42" and list(handed.files) == ["data.json"]
    assert handed.look == []


def test_a_broken_notebook_does_not_hide_a_whole_one_of_another_name(ana):
    put(ana / "hw1.ipynb", b"")
    put(ana / "hw1.ipynb.txt", solved())
    assert answer(read(ana)) == "x = 42"


@pytest.mark.parametrize("name", ["hw1.ipynb", "hw1.ipynb.zip", "hw1", "hw1.ipynb.part"])
def test_a_zip_is_one_whatever_its_name(ana, name):
    put_zip(ana / name, [("hw1.ipynb", solved()), ("log.csv", b"1")])
    handed = read(ana)
    assert answer(handed) == "x = 42" and handed.files == {"log.csv": b"1"}


def test_a_notebook_packed_with_gzip(ana):
    put(ana / "hw1.ipynb.gz", gzip.compress(solved()))
    handed = read(ana)
    assert answer(handed) == "x = 42" and "gzip" in said(handed)


def test_the_notebook_of_another_homework_by_any_name(ana):
    put(ana / "hw2.txt", solved())
    other = Traits("Homework 2", frozenset({"hw1-a"}), frozenset())
    handed = reading.read(
        Submission("a", "a", "a", (Source(ana, "ana"),)), Traits("x", {"x-a"}, set()), [other]
    )
    assert handed.status == "other homework" and "Homework 2" in handed.problem


@pytest.mark.parametrize("name", ["hw1.rar", "hw1.7z", "inner.zip"])
def test_what_is_not_opened_is_told(ana, name):
    put_zip(ana / "hw1.zip", [(name, b"Rar!")])
    assert "only a zip is opened" in read(ana).problem


def test_other_packed_files_stay_as_they_are(ana):
    put(ana / "hw1.ipynb", solved())
    put_zip(ana / "values.npz", [("a.npy", b"1")])
    put_zip(ana / "report.docx", [("hw1.ipynb", solved("x = 0"))])
    handed = read(ana)
    assert sorted(handed.files) == ["report.docx", "values.npz"] and answer(handed) == "x = 42"


# -------------------------------------------------------------------------- limits


def test_a_notebook_behind_thousands_of_files_is_found(ana, monkeypatch):
    monkeypatch.setattr(reading, "MOST_FILES", 20)
    for number in range(60):
        put(ana / "aaa" / f"{number}.txt", b"x")
    put(ana / "zzz" / "hw1.ipynb", solved())
    put(ana / "zzz" / "data" / "values.csv", b"1,2")
    handed = read(ana)
    assert answer(handed) == "x = 42" and handed.files["data/values.csv"] == b"1,2"
    assert len(handed.files) == 19 and "20 files" in said(handed)


@pytest.mark.parametrize("is_zip", [False, True])
def test_one_large_file_costs_no_other(ana, monkeypatch, is_zip):
    monkeypatch.setattr(reading, "MOST_BYTES", 100_000)
    members = [
        ("aaa.bin", os.urandom(200_000)),
        ("hw1.ipynb", solved()),
        ("zzz.csv", b"1" * 50_000),
        ("small.csv", b"2"),
    ]
    put_all(ana, members, is_zip)
    handed = read(ana)
    assert answer(handed) == "x = 42" and sorted(handed.files) == ["small.csv", "zzz.csv"]
    assert "aaa.bin" in said(handed)


def test_earlier_versions_leave_room_for_what_is_needed(ana, monkeypatch):
    size = len(solved("x = 10"))
    monkeypatch.setattr(reading, "MOST_BYTES", 4 * size)
    for number in range(4):
        put(ana / f"hw1 ({number + 1}).ipynb", solved(f"x = 1{number}"), when=5_000_000)
    put(ana / "data.csv", b"1" * 2 * size)
    handed = read(ana)
    assert answer(handed) == "x = 13" and "data.csv" in handed.files


def test_all_that_a_student_handed_in_has_one_budget(ana, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 100_000)
    for number in range(6):
        put_zip(ana / f"{number}.zip", [("x.bin", b"\0" * 40_000)])
    put(ana / "hw1.ipynb", solved())
    paths = sorted(ana.iterdir())
    handed = read(*paths)
    assert sum(map(len, handed.files.values())) <= 100_000 and answer(handed) == "x = 42"


@pytest.mark.parametrize("is_zip", [False, True])
def test_installed_software_is_left_out_and_named(ana, is_zip):
    members = [("aenv/pyvenv.cfg", b""), ("aenv/bin/python3.txt", b"x")]
    members += [(f"aenv/lib/python3/site-packages/m{n}/a.py", b"x") for n in range(9)]
    members += [("web/node_modules/left/pad.js", b"x"), ("work/hw1.ipynb", solved())]
    members += [("work/data.csv", b"1")]
    put_all(ana, members, is_zip)
    handed = read(ana)
    assert handed.files == {"data.csv": b"1"} and answer(handed) == "x = 42"
    assert len(handed.notes) == 1 and "aenv, web/node_modules" in handed.notes[0]


def test_who_works_inside_of_an_environment_loses_nothing(ana):
    put(ana / "pyvenv.cfg", b"")
    put(ana / "lib" / "site-packages" / "m.py", b"x")
    put(ana / "hw1.ipynb", solved())
    put(ana / "data.csv", b"1")
    handed = read(ana)
    assert answer(handed) == "x = 42" and handed.files["data.csv"] == b"1"


def test_too_many_names_go_to_a_person(ana, monkeypatch):
    monkeypatch.setattr(walking, "MOST_NAMES", 10)
    for number in range(20):
        put(ana / f"{number}.txt", b"")
    assert "more than 10 files" in read(ana).look[0]
    put(ana / "zzz" / "hw1.ipynb", solved("x = 1"))
    assert answer(read(ana)) == "x = 1" and len(read(ana).look) == 1
    (ana / "zzz" / "hw1.ipynb").unlink()
    put_zip(ana / "zz.zip", [*((f"{n}.txt", b"") for n in range(20)), ("hw1.ipynb", solved())])
    assert answer(read(ana)) == "x = 42"


def test_too_many_zips_go_to_a_person(ana, monkeypatch):
    monkeypatch.setattr(walking, "MOST_ZIPS", 2)
    for number in range(4):
        put_zip(ana / f"{number}.zip", [(f"{number}.csv", b"1")])
    put(ana / "hw1.ipynb", solved())
    handed = read(ana)
    assert answer(handed) == "x = 42" and "more than 2 zips" in handed.look[0]
    assert {"0.csv", "1.csv"} <= set(handed.files)


def test_a_long_table_of_contents_is_not_parsed(ana, monkeypatch):
    monkeypatch.setattr(unzipping, "MOST_CONTENTS", 2000)
    put_zip(ana / "all.zip", [(f"{number}.txt", b"") for number in range(100)])
    put(ana / "hw1.ipynb", solved())
    handed = read(ana)
    assert answer(handed) == "x = 42" and "all.zip is not a readable zip" in said(handed)


def test_the_text_of_a_notebook_is_bounded(monkeypatch):
    monkeypatch.setattr(notebooks, "MOST_CHARACTERS", 1000)
    with pytest.raises(notebooks.Unreadable, match="1,000 characters"):
        notebooks.parse(solved("x" * 2000))


@pytest.mark.parametrize("value", [[["x" * 5000]], "x" * 5000, 10**400, -3, None, True])
def test_no_number_of_a_format_can_be_made_long(value):
    old = {"nbformat": value, "worksheets": [{"cells": json.loads(solved())["cells"][:1]}]}
    for made in (old, {**json.loads(solved()), "nbformat": value}):
        _, notes = notebooks.parse(json.dumps(made).encode())
        assert len(" ".join(notes)) < 200


def test_pictures_in_a_notebook_are_bounded(monkeypatch):
    monkeypatch.setattr(notebooks, "MOST_PICTURES", 1000)
    made = json.loads(solved())
    made["cells"][0]["attachments"] = {
        "a.png": {"image/png": "x" * 600},
        "b.png": {"image/png": "x" * 600},
    }
    clean, notes = notebooks.parse(json.dumps(made).encode())
    assert list(clean["cells"][0]["attachments"]) == ["a.png"] and "picture" in notes[0]


def test_of_the_metadata_only_what_is_known_is_kept():
    made = json.loads(solved())
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


# ------------------------------------------------------------------ files beside it


@pytest.mark.parametrize(
    "name",
    [
        "hw1_record-1.json",
        "hw1_record (2).json",
        "hw1_record-Copy1.json",
        "hw1_record copy.json",
        "hw1_record - Copy.json",
        "Copy of hw1_record.json",
        "HW1_Record.json",
        "hw1_record.json.txt",
        "hw1_record (1).json.txt",
        "hw1_record",
        "results/hw1_record.json",
    ],
)
def test_what_the_homework_asks_for_is_found(ana, name):
    put(ana / "hw1.ipynb", solved())
    put(ana / name, b'{"real": 1}')
    handed = read(ana, homework=WITH_RECORD)
    assert handed.files[RECORD] == b'{"real": 1}' and handed.look == []
    assert f"{name} was put beside the notebook as {RECORD}" in said(handed)


def test_under_its_own_name_nothing_is_said(ana):
    put(ana / "hw1.ipynb", solved())
    put(ana / RECORD, b"{}")
    handed = read(ana, homework=WITH_RECORD)
    assert handed.notes == handed.look == [] and handed.files == {RECORD: b"{}"}


def test_the_newest_record_counts(ana):
    put(ana / "hw1.ipynb", solved())
    put(ana / RECORD, b"old", when=1_000_000)
    put(ana / "hw1_record-1.json", b"new", when=5_000_000)
    assert read(ana, homework=WITH_RECORD).files[RECORD] == b"new"
    put(ana / "hw1_record-1.json", b"new", when=1_000_000)
    assert read(ana, homework=WITH_RECORD).files[RECORD] == b"new", "the number says it"
    put(ana / "Copy of hw1_record.json", b"other", when=1_000_000)
    put(ana / "hw1_record-1.json", b"new", when=900_000)
    handed = read(ana, homework=WITH_RECORD)
    assert handed.files[RECORD] == b"old" and "may be as new" in handed.look[0]


def test_a_record_that_is_missing_goes_to_a_person(ana):
    put(ana / "hw1.ipynb", solved())
    put(ana / "a.json", b"{}")
    put(ana / "b.json", b"{}")
    handed = read(ana, homework=WITH_RECORD)
    assert handed.look == ["hw1_record.json was not among what was handed in: a.json, b.json."]
    assert handed.look[0] in handed.notes and handed.problem is None


def test_platforms_keep_the_record_and_the_notebook_apart(ana):
    put(ana / "one", solved())
    put(ana / "two", b"{}")
    sources = (
        Source(ana / "one", "hw1-1.ipynb", rank=4),
        Source(ana / "two", "hw1_record-1.json", rank=5),
    )
    handed = reading.read(Submission("Ana", "ana", "ana", sources), WITH_RECORD)
    assert handed.files[RECORD] == b"{}" and answer(handed) == "x = 42" and handed.look == []
    put(ana / "three", b"[]")
    sources += (Source(ana / "three", RECORD, rank=6),)
    handed = reading.read(Submission("Ana", "ana", "ana", sources), WITH_RECORD)
    assert handed.files[RECORD] == b"[]" and len(handed.look) == 1, "one upload has several numbers"


def test_homework_4_asks_for_its_record():
    traits = Traits.of("hw4", release(load_assignment(4)))
    assert traits.files == (photo_record.RECORD,)


def test_files_are_also_there_under_the_names_they_had(ana):
    put(ana / "hw1.ipynb", solved("open('my log.csv'); open('data.csv'); from helper import *"))
    put(ana / "my log-1.csv", b"1")
    put(ana / "data (1).csv", b"new")
    put(ana / "data.csv", b"kept")
    put(ana / "helper-1.py", b"VALUES = open('values/v.csv')")
    put(ana / "values" / "v (1).csv", b"2")
    files = read(ana).files
    assert files["my log.csv"] == files["my log-1.csv"] == b"1"
    assert files["data.csv"] == b"kept" and files["data (1).csv"] == b"new"
    assert "helper.py" in files and files["values/v.csv"] == b"2"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_a_name_with_accents_is_found_in_either_form(ana, form, stored):
    asked = unicodedata.normalize(form, "képek/kép.csv")
    put(ana / "hw1.ipynb", solved(f"open('{asked}')"))
    put(ana / unicodedata.normalize(stored, "képek/kép.csv"), b"1")
    files = read(ana).files
    assert files[asked] == b"1" and len(files) == (1 if form == "NFC" else 2)


def test_a_folder_holds_no_more_files_than_the_student_put_there(ana):
    put(ana / "hw1.ipynb", solved("import glob\nx = glob.glob('images/*.png')"))
    entries = [(b"hw1.ipynb", solved(), 0, b"")]
    names = [f"images/{name}" for name in ("rose-1.png", "rose-2.png", "k\xe9p.png")]
    for name in names:
        put(ana / name, b"1")
        entries.append((name.encode("cp852"), b"1", 0, b""))
    assert sorted(read(ana).files) == sorted(names)
    put(ana.parent / "a.zip", packed(entries))
    assert sorted(read(ana.parent / "a.zip").files) == sorted(names)


def test_no_file_takes_the_place_of_a_folder(ana):
    put(ana / "hw1.ipynb", solved("open('data/a.csv')\nopen('data')"))
    for name in ("data (1)", "data/a.csv"):
        put(ana / name, b"1")
    assert sorted(read(ana).files) == ["data (1)", "data/a.csv"]


@pytest.mark.parametrize("where", [".", "img"])
def test_what_the_code_names_is_not_crowded_out(ana, monkeypatch, where):
    monkeypatch.setattr(reading, "MOST_FILES", 20)
    put(ana / "hw1.ipynb", solved("np.load('model/my weights.npz')"))
    put(ana / "model" / "my weights-1.npz", b"1" * 1000)
    for number in range(60):
        put(ana / where / f"{number}.png", b"x")
    assert {"model/my weights-1.npz", "model/my weights.npz"} & set(read(ana).files)


@pytest.mark.parametrize("is_zip", [False, True])
def test_an_environment_of_conda_is_one(ana, is_zip):
    members = {"env/conda-meta/history": b"", "env/share/doc.txt": b"1", "hw1.ipynb": solved()}
    put_all(ana, members.items(), is_zip)
    handed = read(ana)
    assert handed.files == {} and "env" in handed.notes[0].split()[-1]


def test_a_zip_that_the_code_opens_stays_one(ana):
    put(ana / "hw1.ipynb", solved("zipfile.ZipFile('data.zip')"))
    put_zip(ana / "data.zip", [("a.csv", b"1")])
    put_zip(ana / "more.zip", [("b.csv", b"1")])
    handed = read(ana)
    assert sorted(handed.files) == ["a.csv", "b.csv", "data.zip"] and handed.look == []


@pytest.mark.parametrize("code", ["%run helper.ipynb", "import import_ipynb, helper"])
def test_a_notebook_that_the_code_runs_goes_with_it(ana, code):
    put(ana / "hw1.ipynb", solved(code))
    for name in ("helper.ipynb", "other.ipynb"):
        put(ana / name, b'{"cells": [{"cell_type": "code", "source": "y = 1"}], "nbformat": 4}')
    assert list(read(ana).files) == ["helper.ipynb"]


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("open('../data/a.csv')", ["../data/a.csv", "b.csv", "more/c.csv"]),
        ("Path('..', 'data') / 'a.csv'", ["../data/a.csv", "b.csv", "more/c.csv"]),
        ("open('data/a.csv')", ["b.csv", "data/a.csv", "more/c.csv"]),
        ("f(...)\nprint('wait ...')", ["b.csv", "data/a.csv", "more/c.csv"]),
    ],
)
@pytest.mark.parametrize("is_zip", [False, True])
def test_files_beside_the_notebooks_folder_are_where_the_code_looks(ana, code, seen, is_zip):
    members = {"nb/hw1.ipynb": solved(code), "nb/b.csv": b"2", "nb/more/c.csv": b"3"}
    members |= {"data/a.csv": b"1"}
    put_all(ana, members.items(), is_zip)
    assert sorted(read(ana).files) == seen


# --------------------------------------------------------------- the machine's faults


def denied(*args, **more):
    raise PermissionError(errno.EACCES, "Permission denied", "x")


def assert_not_the_students_fault(handed, words="Permission denied"):
    assert handed.status == "could not be graded" and words in handed.problem
    assert handed.notebook is None and "link" not in said(handed)


@pytest.mark.parametrize("where", ["hw1", "hw1/data"])
def test_a_folder_that_may_not_be_listed(ana, monkeypatch, where):
    put(ana / "hw1" / "hw1.ipynb", solved())
    put(ana / "hw1" / "data" / "a.csv", b"1")
    scandir = os.scandir

    def refusing(path):
        if Path(path) == ana / where:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    handed = read(ana)
    assert_not_the_students_fault(handed)
    assert f"the folder {where}" in handed.problem and "chmod -R u+rwX" in handed.problem


def test_files_that_may_not_be_read(ana, monkeypatch):
    put(ana / "hw1.ipynb", solved())
    monkeypatch.setattr(walking.os, "open", denied)
    assert_not_the_students_fault(read(ana))


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENAMETOOLONG, errno.ENOENT])
def test_a_drive_that_is_gone(ana, monkeypatch, number):
    put(ana / "hw1.ipynb", solved())

    def gone(path, *more):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(walking, "is_plain", gone)
    assert_not_the_students_fault(read(ana), os.strerror(number))
    assert_not_the_students_fault(read(ana / "hw1.ipynb"), "hw1.ipynb could not be read")


def test_a_zip_on_a_drive_that_is_gone(ana, monkeypatch):
    put_zip(ana / "hw1.zip", [("hw1.ipynb", solved())])

    def gone(self, size=-1):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(unzipping._Bounded, "_read", gone)
    assert_not_the_students_fault(read(ana), os.strerror(errno.EIO))


@NEEDS_UNIX
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="changes the user")
def test_permissions_as_another_user(ana):
    """What root may read is no test: the same is read by a process of another user."""
    put(ana / "hw1" / "hw1.ipynb", solved())
    (ana / "hw1").chmod(0o700)
    script = (
        "import os, sys; from pathlib import Path; from grading.intake import reading\n"
        "from grading.intake.submissions import Source, Submission\n"
        "from grading.intake.traits import Traits\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "source = Source(Path(sys.argv[1]), 'ana')\n"
        "handed = reading.read(Submission('a', 'a', 'a', (source,)), Traits('x', set(), set()))\n"
        "print(handed.status, '|', handed.problem)"
    )
    for place in [ana, *ana.parents]:
        if place != Path("/") and place.stat().st_uid == os.getuid():
            place.chmod(place.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
        if place.name.startswith("pytest-of"):
            break
    command = [sys.executable, "-c", script, str(ana)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=reader.ROOT)
    assert done.stdout.startswith("could not be graded | the folder hw1"), done


# ---------------------------------------------------------------------------- zips


def packed(entries, flag=0):
    """A zip from (raw name, data, attributes, extra) as bytes, however odd the names are."""
    body, table = b"", b""
    for name, data, attributes, extra in entries:
        crc, offset = zlib.crc32(data), len(body)
        common = struct.pack("<HHHHHLLLHH", 20, flag, 0, 0, 0x5C21, crc, len(data), len(data),
                             len(name), len(extra))  # fmt: skip
        body += b"PK\3\4" + common + name + extra + data
        table += b"PK\1\2" + struct.pack("<H", 20) + common
        table += struct.pack("<HHHLL", 0, 0, 0, attributes, offset) + name + extra
    count = len(entries)
    end = struct.pack("<HHHHLLH", 0, 0, count, count, len(table), len(body), 0)
    return body + table + b"PK\5\6" + end


def test_folders_as_powershell_writes_them(ana):
    entries = [
        (b"hw1\\", b"", 0, b""),
        (b"hw1\\hw1.ipynb", solved(), 0, b""),
        (b"hw1\\data\\", b"", 0, b""),
        (b"hw1\\data\\log.csv", b"1", 0, b""),
        (b"hw1\\more", b"", 0x10, b""),
        (b"hw1\\plain", b"", 0, b""),
        (b"hw1\\plain\\a.csv", b"2", 0, b""),
        (b"hw1\\empty.csv", b"", 0x20, b""),
    ]
    put(ana / "hw1.zip", packed(entries))
    handed = read(ana)
    assert answer(handed) == "x = 42" and handed.notes == []
    assert handed.files == {"data/log.csv": b"1", "plain/a.csv": b"2", "empty.csv": b""}


NAMES = ["10:30 hw1.ipynb", "Task 1: hw1.ipynb", "/hw1.ipynb", "/home/ana/hw1.ipynb", "//hw1.ipynb"]
NAMES += ["习" * 72 + ".ipynb", "a" * 250 + ".ipynb", "/".join(["d" * 100] * 12) + "/hw1.ipynb"]
NAMES += ["hw1\n.ipynb", "c:hw1.ipynb", "...ipynb", "a..b/hw1.ipynb"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_notebook_in_a_zip_is_read_whatever_it_is_called(ana, name):
    put_zip(ana / "all.zip", [(name, solved())])
    handed = read(ana)
    assert answer(handed) == "x = 42" and "outside" not in said(handed)
    assert handed.name.endswith(".ipynb") and len(handed.name.encode()) < 1100
    assert all(len(part.encode()) <= 250 for part in handed.name.split("/"))


def test_names_that_are_changed_are_told(ana):
    put_zip(ana / "all.zip", [("hw1.ipynb", solved()), ("/abs.csv", b"1"), ("a" * 300, b"2")])
    handed = read(ana)
    assert handed.files == {"abs.csv": b"1", "a" * 240: b"2"}
    assert "began with a slash" in said(handed) and "too long" in said(handed)


def test_names_in_old_code_pages(ana):
    work = solved("open('data/sűrű kép.csv')")
    entries = [(b"hw1.ipynb", work, 0, b""), ("sűrű kép.csv".encode("cp852"), b"1", 0, b"")]
    put(ana / "a.zip", packed(entries))
    handed = read(ana)
    assert handed.files["sűrű kép.csv"] == b"1" and "not marked as UTF-8" in said(handed)
    entries[1] = ("sűrű kép.csv".encode("cp1250"), b"1", 0, b"")
    put(ana / "a.zip", packed(entries))
    assert read(ana).files["sűrű kép.csv"] == b"1"
    entries[1] = ("kép.csv".encode(), b"1", 0, b"")
    put(ana / "a.zip", packed(entries))
    assert read(ana).files == {"kép.csv": b"1"} and read(ana).notes == []


@pytest.mark.parametrize(("name", "page"), [("数据.csv", "gbk"), ("データ.csv", "cp932")])
def test_names_in_code_pages_of_east_asia(ana, name, page):
    work = solved(f"open('{name}')")
    put(ana / "a.zip", packed([(b"hw1.ipynb", work, 0, b""), (name.encode(page), b"1", 0, b"")]))
    assert read(ana).files[name] == b"1"


def test_the_name_in_unicode_that_stands_beside_an_old_one(ana):
    raw, name = b"k?p.csv", "κéπ.csv"
    field = b"\1" + struct.pack("<L", zlib.crc32(raw)) + name.encode()
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    put(ana / "a.zip", packed([(b"hw1.ipynb", solved(), 0, b""), (raw, b"1", 0, extra)]))
    assert read(ana).files == {"κéπ.csv": b"1"} and read(ana).notes == []
    wrong = extra[:5] + b"0000" + extra[9:]  # it belongs to another name
    put(ana / "a.zip", packed([(b"hw1.ipynb", solved(), 0, b""), (raw, b"1", 0, wrong)]))
    assert read(ana).files == {"k?p.csv": b"1"}


def test_a_damaged_companion_is_told_and_nothing_else_is_lost(ana):
    put_zip(ana / "a.zip", [("hw1.ipynb", solved()), ("a.csv", os.urandom(500)), ("b.csv", b"2")])
    data = bytearray((ana / "a.zip").read_bytes())
    start = data.index(b"a.csv") + 50
    data[start : start + 20] = b"\xff" * 20
    put(ana / "a.zip", bytes(data))
    handed = read(ana)
    assert handed.files == {"b.csv": b"2"} and "a.csv is damaged" in said(handed)


@pytest.mark.parametrize(("flag", "method", "word"), [(1, 0, "encrypted"), (0, 99, "packed in a")])
def test_a_notebook_that_cannot_be_unpacked_is_unreadable(ana, flag, method, word):
    data = bytearray(packed([(b"hw1.ipynb", solved(), 0, b"")], flag))
    for mark, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        start = data.index(mark) + place
        data[start : start + 2] = struct.pack("<H", method)
    put(ana / "a.zip", bytes(data))
    handed = read(ana)
    assert handed.status == "unreadable" and word in handed.problem


# ------------------------------------------------------------- the process that reads


@pytest.fixture
def make_reader():
    readers = []

    def make(**more):
        readers.append(reader.Reader(TRAITS, [], **more))
        return readers[-1]

    yield make
    for each in readers:
        each.close()


def submission(*paths):
    return Submission("Ana", "ana", "ana", tuple(Source(path, path.name) for path in paths))


@NEEDS_UNIX
def test_the_front_gets_text_and_bytes(ana, make_reader):
    put(ana / "hw1.ipynb", solved("x = 'é\u2028\U0001f600'"))
    put(ana / "log\udcff.bin" if os.name == "posix" else ana / "log.bin", bytes(range(256)) * 9000)
    child = make_reader()
    handed, here = child.read(submission(ana)), read(ana)
    assert json.loads(handed.notebook) == here.notebook and handed.files == here.files
    assert (handed.digest, handed.when, handed.name) == (here.digest, here.when, here.name)
    first = child._process.pid
    short = child.read(submission(ana), is_whole=False)
    assert short.notebook is None and short.files == {} and short.digest == here.digest
    assert child._process.pid == first, "one process reads all"


@NEEDS_UNIX
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is kept on Linux")
@pytest.mark.parametrize("is_alone", [True, False])
def test_a_notebook_that_fills_the_memory(ana, make_reader, is_alone):
    bomb = solved()[:-1] + b', "more": [' + b"[[[]]]," * 500_000 + b"1]}"
    put_zip(ana / "hw1.zip", [("hw1.ipynb", bomb)])
    if not is_alone:
        put(ana / "hw1 (1).ipynb", solved("x = 7"), when=1_000_000)
    child = make_reader(memory_mb=100)
    handed = child.read(submission(ana))
    if is_alone:
        assert handed.status == "unreadable" and "memory" in handed.problem
    else:
        assert "x = 7" in handed.notebook
    assert any("memory" in reason for reason in handed.look)
    put(ana.parent / "ben" / "hw1.ipynb", solved("x = 8"))
    assert "x = 8" in child.read(submission(ana.parent / "ben")).notebook, "the next one is read"


@NEEDS_UNIX
def test_a_process_that_dies_is_started_again(ana, make_reader):
    put(ana / "hw1.ipynb", solved())
    child = make_reader()
    child.read(submission(ana))
    os.kill(child._process.pid, signal.SIGKILL)
    assert child.read(submission(ana)).problem is None


@NEEDS_UNIX
def test_what_takes_too_long_is_told(ana, make_reader, monkeypatch):
    put(ana / "hw1.ipynb", solved())
    child = make_reader(seconds=0.2)
    child._start()
    os.kill(child._process.pid, signal.SIGSTOP)
    handed = child.read(submission(ana))
    assert handed.status == "could not be graded" and "0.2 s" in handed.problem
    monkeypatch.setattr(reader, "_processor_seconds", lambda pid: time.monotonic() * 10)
    child._start()
    os.kill(child._process.pid, signal.SIGSTOP)
    handed = child.read(submission(ana))
    assert handed.status == "unreadable" and handed.look


@NEEDS_UNIX
def test_it_ends_with_the_front(ana):
    script = (
        "import os, sys; from grading.intake import reader\n"
        "from grading.intake.traits import Traits\n"
        "child = reader.Reader(Traits('x', set(), set()), []); child._start()\n"
        "print(child._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=reader.ROOT)
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.01)
    else:
        assert not psutil.pid_exists(pid)


@NEEDS_UNIX
def test_a_mistake_of_the_graders_ends_nothing(ana, make_reader):
    put(ana / "hw1.ipynb", solved())
    child = make_reader()
    handed = child.read(Submission("a", "a", "a", (Source(ana / "hw1.ipynb", 5),)))
    assert handed.status == "could not be graded" and "Error" in handed.problem
    assert child.read(submission(ana)).problem is None
