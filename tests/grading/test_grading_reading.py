"""What was handed in is read safely and fairly: nobody loses a point to a name, a limit, a disk."""

import dataclasses
import errno
import gzip
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
from tiny_submissions import (
    TEMPLATE,
    TRAITS,
    answer,
    packed,
    put,
    put_all,
    put_zip,
    read,
    said,
    solved,
)

from grading.intake import content, inventory
from grading.intake.submissions import find_submissions
from grading.intake.traits import Traits

NEEDS_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="the grader runs on Unix")
OLD, NEW = 1_000_000, 9_000_000


@pytest.fixture
def ana(tmp_path):
    """The folder of the only student."""
    place = tmp_path / "submissions" / "ana"
    place.mkdir(parents=True)
    return place


# ------------------------------------------------------------------------ versions


@pytest.mark.parametrize(
    ("template", "worked_on"),
    [("hw1.ipynb", "Copy of hw1.ipynb"), ("hw1 (3).ipynb", "hw1.ipynb")]
    + [("zzz.ipynb", "hw1-Copy1.ipynb"), ("hw1.ipynb", "answers.txt")],
)
@pytest.mark.parametrize(
    "untouched",
    [TEMPLATE, *map(solved, ("x = None", "", "# No idea.\nx = None", "  x  =  None\n"))],
)
def test_a_version_without_answers_never_stands_against_one_with_answers(
    ana, template, worked_on, untouched
):
    put(ana / template, untouched, NEW)
    put(ana / worked_on, solved(), OLD)
    for found in (read(ana), read(ana / worked_on, ana / template, ranks=(1, 2))):
        assert answer(found) == "x = 42" and found.name == worked_on
        assert found.review_reasons == [] and f"{template} contains no answers" in said(found)


# Names, answers and times of two versions; which counts (None: either, but always the same); how
# many sentences there are for a person.
VERSIONS = [
    (("hw1.ipynb", "x = 1", NEW), ("hw1 (1).ipynb", "x = 2", OLD), 0, 0),
    (("hw1 (1).ipynb", "x = 1", OLD), ("hw1 (2).ipynb", "x = 2", OLD + 5), 1, 0),
    (("hw1 (2).ipynb", "x = 1", OLD), ("hw1.ipynb", "x = 2", OLD + 5), 0, 0),
    (("hw1.ipynb", "x = 1", OLD), ("hw1_new.ipynb", "x = 2", OLD + 30), None, 1),
    (("hw1 (1).ipynb", "x = 1", OLD), ("draft (7).ipynb", "x = 2", OLD), None, 1),
    (("hw1.ipynb", "x = 1", OLD), ("hw1.json", "x = 2", NEW), 1, 0),
    (("hw1.ipynb", "x = 1", OLD), ("hw1", "x = 2", NEW), 1, 0),
    (("hw1.ipynb", "x = 1", OLD), ("hw1.ipynb.bak", "x = 2", OLD), 0, 1),
    (("hw1.ipynb", "x = 1", OLD), ("hw1 (1).ipynb.txt", "x = 2", OLD), 0, 1),
]


@pytest.mark.parametrize(("one", "other", "counts", "reasons"), VERSIONS)
def test_the_newest_of_two_versions_counts(ana, one, other, counts, reasons):
    for name, source, when in (one, other):
        put(ana / name, solved(source), when)
    found = read(ana)
    if counts is not None:
        assert answer(found) == (one, other)[counts][1]
    assert len(found.review_reasons) == reasons and read(ana).name == found.name
    assert ("same moment" in said(found)) == bool(reasons) != ("An earlier version" in said(found))


def test_the_number_of_a_platform_decides(ana):
    put(ana / "hw1.ipynb", solved("x = 1"), NEW)
    put(ana / "hw1-1.ipynb", solved("x = 2"), OLD)
    found = read(ana / "hw1.ipynb", ana / "hw1-1.ipynb", ranks=(20, 30))
    assert answer(found) == "x = 2" and len(found.review_reasons) == 1, "one upload has several"


@pytest.mark.parametrize(
    ("own", "reasons"), [("x = 2", 1), ("x, y = 1, 2", 1), ("print(x)\nx == 3", 0), ("y = (", 0)]
)
def test_an_earlier_version_with_more_answers_goes_to_a_person(ana, own, reasons):
    put(ana / "a.ipynb", solved("x = 1", own), OLD)
    put(ana / "b.ipynb", solved("x = 3"), NEW)
    found = read(ana)
    assert answer(found) == "x = 3" and len(found.review_reasons) == reasons


def test_the_same_work_twice_needs_nobody(ana):
    other = json.loads(solved())
    other["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    put(ana / "hw1.ipynb", solved(), OLD)
    put(ana / "Copy of hw1.ipynb", json.dumps(other).encode(), OLD)
    assert read(ana).review_reasons == [] and "says the same" in said(read(ana))


def test_times_inside_of_a_zip_are_those_of_another_clock(ana):
    inside = [(zipfile.ZipInfo("hw1.ipynb", (2026, 11, 3, 12, 0, 0)), solved("x = 3"))]
    put(ana / "hw1.ipynb", solved("x = 1"), NEW)
    put_zip(ana / "a.zip", inside, NEW)
    assert len(read(ana).review_reasons) == 1, "of one moment, whatever the zip says"
    put_zip(ana / "a.zip", inside, NEW + 7200)
    assert (read(ana).review_reasons, answer(read(ana))) == ([], "x = 3")
    assert read(ana).when == NEW + 7200, "it was handed in when the zip was"


def test_the_digest_changes_with_every_file(ana):
    put(ana / "hw1.ipynb")
    first = read(ana).digest
    put(ana / "hw1.ipynb", when=NEW)
    assert read(ana).digest == first, "the time alone changes nothing"
    put(ana / "log.csv", b"1")
    assert read(ana).digest != first


OTHERS = {"b.ipynb": b"{", "c.ipynb": b'{"cells": [{"cell_type": "raw", "source": "1"}]}'}


@pytest.mark.parametrize("name", ["hw1.7z", "hw1.tar.gz", *OTHERS])
def test_what_may_hold_the_answers_goes_to_a_person(ana, name):
    put(ana / name, OTHERS.get(name, b"Rar!"), OLD)
    put(ana / "a.ipynb", TEMPLATE, 5_000_000)
    assert name in read(ana).review_reasons[0]
    put(ana / "a.ipynb", solved(), 5_000_000)
    assert read(ana).review_reasons == []
    put(ana / name, OTHERS.get(name, b"Rar!"), NEW)
    assert (name in " ".join(read(ana).review_reasons)) is (name != "c.ipynb")


STAMP = b"2026-11-01 10:00:00 UTC"
MOODLE, INBOUND = "A_12_assignsubmission_file_", "a+hw1+2026-12-24 12:00:00 UTC"


@pytest.mark.parametrize(
    ("stamped", "name", "when", "clock"),
    [
        ("a/hw1", "a/hw1/hw1.ipynb", 1_793_527_200, "timestamp.txt beside it"),
        ("a", "a/hw1.ipynb", NEW, "the time of the file"),
        (f"{MOODLE}/h", f"{MOODLE}/h/a.ipynb", NEW, "the time of the file"),
        (INBOUND, f"{INBOUND}/a.ipynb", 1_798_113_600, "the folder's name"),
    ],
)
def test_only_a_platform_says_when_it_was_handed_in(ana, stamped, name, when, clock):
    folder = ana.parent / "class"
    put(folder / name, when=NEW)
    put(folder / stamped / "timestamp.txt", STAMP)
    ((student,), _) = find_submissions(folder)
    found = content.read_submission(student, TRAITS)
    assert (found.when, found.clock, found.problem) == (when, clock, None)


# ---------------------------------------------------------------------- by content


@pytest.mark.parametrize(
    "name", ["hw1.ipynb.txt", "hw1.json", "hw1", "hw1.ipynb.crdownload", "hw1.part", "hw1.zip"]
)
def test_a_notebook_is_one_whatever_its_name(ana, name):
    put(ana / name)
    put(ana / "data.json", b'{"cells": [1, 2]}')
    for found in (read(ana), read(ana / name)):
        assert answer(found) == "x = 42" and found.name == name
        assert name in said(found) and "is a notebook, though" in said(found)
    assert read(ana).files == {"data.json": b'{"cells": [1, 2]}'}
    put(ana / "hw1.ipynb", b"")
    assert answer(read(ana)) == "x = 42", "a broken one does not hide it"


@pytest.mark.parametrize("name", ["hw1.zip", "hw1.ipynb", "hw1.ipynb.zip", "hw1", "hw1.ipynb.part"])
def test_a_zip_is_one_whatever_its_name(ana, name):
    put_zip(ana / name, [("hw1/hw1.ipynb", solved()), ("hw1/log.csv", b"1"), ("__MACOSX/a", b"")])
    assert answer(read(ana)) == "x = 42" and read(ana).files == {"log.csv": b"1"}


def test_a_notebook_packed_with_gzip(ana):
    put(ana / "hw1.ipynb.gz", gzip.compress(solved()))
    assert answer(read(ana)) == "x = 42" and "gzip" in said(read(ana))


def test_the_notebook_of_another_homework(ana):
    put(ana / "hw2.txt")
    other = dataclasses.replace(TRAITS, name="Homework 2")
    found = read(ana, homework=Traits("x", frozenset({"x-a"}), frozenset()), others=[other])
    assert found.status == "other homework" and "Homework 2" in found.problem


@pytest.mark.parametrize(("texts", "status"), [(4, "ok"), (2, "other homework")])
def test_without_metadata_the_texts_tell(ana, texts, status):
    sentence = "This sentence of the homework is long enough to be recognised, number {}."
    cells = [{"cell_type": "markdown", "source": sentence.format(n)} for n in range(texts)]
    put(ana / "hw1.ipynb", json.dumps({"cells": cells, "nbformat": 4}).encode())
    homework = Traits("hw1", frozenset({"hw1-a"}), frozenset(map(sentence.format, range(5))))
    assert read(ana, homework=homework).status == status


def test_other_packed_files_stay_as_they_are(ana):
    put(ana / "hw1.ipynb")
    put_zip(ana / "values.npz", [("a.npy", b"1")])
    put_zip(ana / "report.docx", [("hw1.ipynb", solved("x = 0"))])
    assert (
        sorted(read(ana).files) == ["report.docx", "values.npz"] and answer(read(ana)) == "x = 42"
    )


def test_where_there_is_no_notebook(ana):
    assert read(ana).status == "no notebook" and "no file" in read(ana).problem
    put(ana / "answer.docx", b"x")
    assert read(ana).status == "no notebook" and "answer.docx" in read(ana).problem
    for name in ("hw1.rar", "hw1.7z", "inner.zip"):
        put_zip(ana / "hw1.zip", [(name, b"Rar!")])
        assert "only zips are opened" in read(ana).problem


# -------------------------------------------------------------------------- limits


@pytest.mark.parametrize("is_zip", [False, True])
def test_of_many_files_the_needed_ones_are_read(ana, monkeypatch, is_zip):
    monkeypatch.setattr(content, "MOST_FILES", 20)
    members = [(f"aaa/{number}.txt", b"x") for number in range(60)]
    members += [("zzz/hw1.ipynb", solved("np.load('model/my weights.npz')"))]
    members += [("zzz/data/values.csv", b"1,2"), ("model/my weights-1.npz", b"1" * 1000)]
    put_all(ana, members, is_zip)
    found = read(ana)
    assert found.problem is None and found.files["data/values.csv"] == b"1,2"
    assert "model/my weights-1.npz" in found.files
    assert len(found.files) == 19 and "20 files" in said(found)


@pytest.mark.parametrize("is_zip", [False, True])
def test_one_large_file_costs_no_other(ana, monkeypatch, is_zip):
    monkeypatch.setattr(content, "MOST_BYTES", 2**20)
    members = [("aaa.bin", b"\0" * 2**21), ("hw1.ipynb", solved()), ("zzz.csv", b"1" * 2**19)]
    put_all(ana, [*members, ("small.csv", b"2")], is_zip)
    found = read(ana)
    assert answer(found) == "x = 42" and sorted(found.files) == ["small.csv", "zzz.csv"]
    assert "more than 1 MB" in said(found) and "aaa.bin" in said(found)


def test_all_that_a_student_handed_in_has_one_budget(ana, monkeypatch):
    monkeypatch.setattr(content, "MOST_BYTES", 100_000)
    for number in range(6):
        put_zip(ana / f"{number}.zip", [("x.bin", b"\0" * 40_000)])
    put(ana / "hw1.ipynb")
    found = read(*sorted(ana.iterdir()))
    assert sum(map(len, found.files.values())) <= 100_000 and answer(found) == "x = 42"
    monkeypatch.setattr(content, "MOST_BYTES", 3 * len(solved()))
    for number in range(1, 6):
        put(ana / f"hw1 ({number}).ipynb", solved(f"x = 4{number}"))
    assert said(read(ana)).count("was not read: together there are more than") == 3


@pytest.mark.parametrize("is_zip", [False, True])
def test_installed_software_is_left_out_and_named(ana, is_zip):
    members = [("aenv/pyvenv.cfg", b""), ("aenv/bin/python3.txt", b"x")]
    members += [(f"aenv/lib/python3/site-packages/m{n}/a.py", b"x") for n in range(9)]
    members += [("conda/conda-meta/history", b""), ("conda/share/doc.txt", b"1")]
    members += [("web/node_modules/left/pad.js", b"x"), ("work/hw1.ipynb", solved())]
    put_all(ana, [*members, ("work/data.csv", b"1")], is_zip)
    found = read(ana)
    assert found.files == {"data.csv": b"1"} and answer(found) == "x = 42"
    assert len(found.notes) == 1 and "aenv, conda, web/node_modules" in found.notes[0]
    for name in () if is_zip else ("pyvenv.cfg", "hw1.ipynb"):  # who works inside of one
        put(ana / "aenv" / name)
    assert is_zip or answer(read(ana / "aenv")) == "x = 42"


def test_too_many_names_or_zips_go_to_a_person(ana, monkeypatch):
    monkeypatch.setattr(inventory, "MOST_NAMES", 10)
    monkeypatch.setattr(inventory, "MOST_ZIPS", 2)
    for number in range(20):
        put(ana / f"{number}.txt", b"")
    put(ana / "zzz" / "hw1.ipynb")
    assert answer(read(ana)) == "x = 42" and "more than 10 files" in read(ana).review_reasons[0]
    for number in range(4):
        put_zip(ana.parent / "b" / f"{number}.zip", [(f"{number}.csv", b"1")])
    put(ana.parent / "b" / "hw1.ipynb")
    found = read(ana.parent / "b")
    assert answer(found) == "x = 42" and "more than 2 zips" in found.review_reasons[0]
    assert {"0.csv", "1.csv"} <= set(found.files)


# --------------------------------------------------------------- the machine's faults


def assert_not_the_students_fault(found, words):
    assert found.status == "could not be graded" and words in found.problem
    assert found.notebook is None and "link" not in said(found)


@pytest.mark.parametrize("where", ["hw1", "hw1/data"])
def test_a_folder_that_may_not_be_listed(ana, monkeypatch, where):
    put(ana / "hw1" / "hw1.ipynb")
    put(ana / "hw1" / "data" / "a.csv", b"1")
    scandir = os.scandir

    def refusing(path):
        if Path(path) == ana / where:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert_not_the_students_fault(read(ana), f"the folder {where}")
    assert "chmod -R u+rwX" in read(ana).problem


@pytest.mark.parametrize("call", ["open", "lstat"])
@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.ENAMETOOLONG, errno.ENOENT]
)
def test_what_cannot_be_read(ana, monkeypatch, number, call):
    put_zip(ana / "hw1.zip", [("hw1.ipynb", solved())])

    def gone(path, *more, **options):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(inventory.os, call, gone)
    for path in (ana, ana / "hw1.zip"):
        assert_not_the_students_fault(read(path), os.strerror(number))


@NEEDS_UNIX
def test_links_and_pipes_are_not_followed(ana, tmp_path):
    secret = tmp_path / "secret.ipynb"
    put(secret)
    (ana / "hw1.ipynb").symlink_to(secret)
    (ana / "all").symlink_to(tmp_path)
    os.mkfifo(ana / "pipe.ipynb")
    (ana.parent / "ben.ipynb").symlink_to(secret)
    for path in (ana, ana.parent / "ben.ipynb"):
        found = read(path)
        assert found.status == "no notebook" and "link or a device" in said(found)


def test_a_link_in_a_zip(ana):
    put(ana / "a.zip", packed([(b"hw1.ipynb", b"/etc/passwd", 0o120777 << 16)]))
    assert read(ana).notebook is None and "is a link" in said(read(ana))
