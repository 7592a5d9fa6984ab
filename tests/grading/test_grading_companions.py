"""The files beside a notebook are there under the names that its code and the homework use."""

import unicodedata

import pytest
from tiny_submissions import RECORD, WITH_RECORD, put, put_all, put_zip, read, said, solved

from grading.assignments.assignment import load_assignment
from grading.assignments.release import release
from grading.intake.traits import Traits
from utils.homework import photo_record

OLD, NEW = 1_000_000, 9_000_000
OTHER = b'{"cells": [{"cell_type": "raw", "source": "1"}]}'


@pytest.fixture
def ana(tmp_path):
    """The folder of the only student."""
    place = tmp_path / "ana"
    place.mkdir()
    return place


@pytest.mark.parametrize(
    "name",
    ["hw1_record-1.json", "hw1_record-Copy1.json", "Copy of hw1_record.json", "HW1_Record.json"]
    + ["hw1_record", "hw1_record (1).json.txt", "results/hw1_record.json"],
)
def test_what_the_homework_asks_for_is_found(ana, name):
    put(ana / "hw1.ipynb")
    put(ana / name, b'{"real": 1}')
    found = read(ana, homework=WITH_RECORD)
    assert found.files[RECORD] == b'{"real": 1}' and found.review_reasons == []
    assert f"{name} was put beside the notebook as {RECORD}" in said(found)


@pytest.mark.parametrize(
    ("others", "counts", "reasons"),
    [
        ({}, b"0", 0),
        ({"hw1_record-1.json": NEW}, b"1", 0),
        ({"hw1_record-1.json": OLD}, b"1", 0),
        ({"hw1_record-1.json": OLD - 90, "Copy of hw1_record.json": OLD}, b"0", 1),
    ],
)
def test_the_newest_record_counts(ana, others, counts, reasons):
    put(ana / "hw1.ipynb")
    put(ana / RECORD, b"0", OLD)
    for number, (name, when) in enumerate(others.items(), 1):
        put(ana / name, str(number).encode(), when)
    found = read(ana, homework=WITH_RECORD)
    assert found.files[RECORD] == counts and len(found.review_reasons) == reasons
    assert others or found.notes == []


def test_a_record_that_is_missing_goes_to_a_person(ana):
    for name, data in (("hw1.ipynb", None), ("a.json", b"{}"), ("b.json", b"{}")):
        put(ana / name, data)
    found = read(ana, homework=WITH_RECORD)
    reason = "hw1_record.json was not among what was handed in: a.json, b.json."
    assert found.review_reasons == [reason] and reason in found.notes and found.problem is None


def test_platforms_keep_the_record_and_the_notebook_apart(ana):
    paths = [ana / name for name in ("hw1-1.ipynb", "hw1_record-1.json", RECORD)]
    for path, data in zip(paths, (None, b"{}", b"[]"), strict=True):
        put(path, data)
    found = read(*paths[:2], homework=WITH_RECORD, ranks=(4, 5))
    assert found.files[RECORD] == b"{}" and found.review_reasons == []
    found = read(*paths, homework=WITH_RECORD, ranks=(4, 5, 6))
    assert found.files[RECORD] == b"[]" and len(found.review_reasons) == 1, "one upload has several"


# What the code says, what lies beside the notebook, and under which names it is there.
COMPANIONS = [
    ("", ["logs/log.csv", ".ipynb_checkpoints/a.ipynb"], ["logs/log.csv"]),
    ("open('my log.csv')", ["my log-1.csv"], ["my log-1.csv", "my log.csv"]),
    ("open('data.csv')", ["data (1).csv", "data.csv"], ["data (1).csv", "data.csv"]),
    ("from helper import *", ["helper-1.py"], ["helper-1.py", "helper.py"]),
    ("open('v/v.csv')", ["v/v (1).csv"], ["v/v (1).csv", "v/v.csv"]),
    ("glob('i/*')", ["i/rose-1.png", "i/rose-2.png"], ["i/rose-1.png", "i/rose-2.png"]),
    ("open('d/a.csv')\nopen('d')", ["d (1)", "d/a.csv"], ["d (1)", "d/a.csv"]),
    ("%run helper.ipynb", ["helper.ipynb", "other.ipynb"], ["helper.ipynb"]),
    ("import import_ipynb, helper", ["helper.ipynb", "other.ipynb"], ["helper.ipynb"]),
]


@pytest.mark.parametrize(("code", "names", "seen"), COMPANIONS)
def test_files_are_there_under_the_names_that_the_code_uses(ana, code, names, seen):
    put(ana / "hw1.ipynb", solved(code))
    for name in names:
        is_notebook = name.endswith(".ipynb")
        put(ana / name, OTHER if is_notebook else name.encode())
    files = read(ana).files
    assert sorted(files) == sorted(seen)
    assert all(
        files[name] == name.encode() for name in names if name[-6:] != ".ipynb" and name in files
    )


def test_a_name_with_accents_is_found_in_either_form(ana):
    asked = unicodedata.normalize("NFD", "képek/kép.csv")
    put(ana / "hw1.ipynb", solved(f"open('{asked}')"))
    put(ana / unicodedata.normalize("NFC", asked), b"1")
    assert read(ana).files[asked] == b"1" and len(read(ana).files) == 2


def test_a_zip_that_the_code_opens_stays_one(ana):
    put(ana / "hw1.ipynb", solved("zipfile.ZipFile('data.zip')"))
    put_zip(ana / "data.zip", [("a.csv", b"1")])
    put_zip(ana / "more.zip", [("b.csv", b"1")])
    found = read(ana)
    assert sorted(found.files) == ["a.csv", "b.csv", "data.zip"] and found.review_reasons == []


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("open('../data/a.csv')", "../data/a.csv"),
        ("Path('..', 'data') / 'a.csv'", "../data/a.csv"),
        ("open('data/a.csv')", "data/a.csv"),
        ("f(...)\nprint('wait ...')", "data/a.csv"),
    ],
)
def test_files_beside_the_notebooks_folder_are_where_the_code_looks(ana, code, place):
    put_all(ana, [("nb/hw1.ipynb", solved(code)), ("nb/b.csv", b"2"), ("data/a.csv", b"1")], True)
    assert read(ana).files == {"b.csv": b"2", place: b"1"}


def test_homework_4_asks_for_its_record():
    assert Traits.of("hw4", release(load_assignment(4))).files == (photo_record.RECORD,)
