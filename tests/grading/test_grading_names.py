"""Who handed in what, from the names alone; what the command says; what lies in the results."""

import errno
import json
import os
import signal
import sys
import types

import grading_class
import pytest

from grading import __main__ as command
from grading import result_store, run
from grading.assignments.assignment import load_assignment
from grading.intake import shown
from grading.intake.file_names import attempt, family, plain_name
from grading.intake.loose import is_plain
from grading.intake.moments import read_stamp
from grading.intake.submissions import find_submissions, slug
from grading.limits import Limits

NEEDS_BYTES = pytest.mark.skipif(
    sys.platform in ("darwin", "win32"), reason="names are text in this file system"
)
NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "submissions"
    place.mkdir()
    return place


def put(folder, *names, text=NOTEBOOK):
    for name in names:
        path = folder / (os.fsdecode(name) if isinstance(name, bytes) else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def handed_in(folder):
    """Each student's name, and the names of the things that are taken for theirs."""
    return [
        (each.student, sorted(os.fsdecode(source.path.name) for source in each.sources))
        for each in find_submissions(folder)[0]
    ]


# ------------------------------------------------------------------ additions to names

ADDITIONS = {
    "hw2.ipynb": 0,
    "hw2 (1).ipynb": 1,
    "hw2(1).ipynb": 1,
    "hw2_(12).ipynb": 12,
    "hw2-1.ipynb": 1,
    "hw2 2.ipynb": 2,
    "hw2_v2.ipynb": 2,
    "hw2v2.ipynb": 2,
    "hw2 V3.ipynb": 3,
    "hw2-version 4.ipynb": 4,
    "hw2_final.ipynb": 0,
    "hw2 - final.ipynb": 0,
    "hw2final.ipynb": 0,
    "hw2_final2.ipynb": 2,
    "hw2_final_v2.ipynb": 2,
    "hw2.v2.ipynb": 2,
    "hw2-rev3.ipynb": 3,
    "hw2.final.ipynb": 0,
    "hw2_new.ipynb": 0,
    "hw2[1].ipynb": 1,
    "hw2 _1_.ipynb": 1,
    "hw2%20(1).ipynb": 1,
    "hw2 (Case Conflict).ipynb": 0,
    "hw2.sync-conflict-20261120-215823-ABCDEFG.ipynb": 0,
    "hw2-Copy1.ipynb": 0,
    "hw2-Copy12.ipynb": 0,
    "hw2 copy.ipynb": 0,
    "hw2 copy 2.ipynb": 0,
    "hw2 - Copy.ipynb": 0,
    "hw2 - Copy (2).ipynb": 0,
    "hw2 - Kopie.ipynb": 0,
    "hw2 – Másolat (3).ipynb": 0,
    "hw2 másolata.ipynb": 0,
    "hw2 (copy).ipynb": 0,
    "hw2 (3rd copy).ipynb": 0,
    "hw2 (Ana's conflicted copy 2026-11-20).ipynb": 0,
    "hw2 - копия.ipynb": 0,
    "hw2 - 副本.ipynb": 0,
    "Copy of hw2.ipynb": 0,
    "Copy_of_hw2.ipynb": 0,
    "Copy of Copy of hw2.ipynb": 0,
    "Kopie von hw2.ipynb": 0,
    "Copie de hw2.ipynb": 0,
    "Copia de hw2.ipynb": 0,
    "Másolat – hw2.ipynb": 0,
    "Másolat - hw2.ipynb": 0,
    "hw2 (1)-1.ipynb": 1.001,
    "Ma\u0301solat \u2013 hw2.ipynb": 0,
    "hw2 - Ko\u0301pia (2).ipynb": 0,
    "Copy of hw2 (1).ipynb": 1,
    "hw2-Copy1 (2).ipynb": 2,
}


@pytest.mark.parametrize("name", ADDITIONS)
def test_what_is_added_to_a_name_is_taken_off(name):
    assert (plain_name(name), attempt(name)) == ("hw2.ipynb", ADDITIONS[name])


def test_numbers_in_names_order_the_versions():
    later = ["hw1.ipynb", "hw1_v2.ipynb", "hw1_v2 (1).ipynb", "hw1_v2 (2).ipynb", "hw1_v10.ipynb"]
    assert sorted(reversed(later), key=attempt) == later


def test_only_numbers_say_an_order():
    ordered = ["hw1.ipynb", "hw1 (2).ipynb", "hw1_v3.ipynb", "hw1-4.ipynb"]
    assert len({family(name) for name in ordered}) == 1
    assert family("hw1_final.ipynb") == family("hw1 final2.ipynb") == family("hw1_final_v3.ipynb")
    assert family("hw1-Copy1.ipynb") == family("hw1-Copy1 (2).ipynb")
    unknown = ["hw1_v2.ipynb", "hw1_final.ipynb", "hw1-Copy1.ipynb", "hw1-Copy2.ipynb"]
    unknown += ["hw1 - Copy.ipynb", "Copy of hw1.ipynb", "hw1_v2.json", "a/hw1.ipynb"]
    assert len({family(name) for name in unknown}) == len(unknown)


@pytest.mark.parametrize(
    "name",
    [
        "(1)" * 20_000,
        "x" + " " * 60_000 + "y",
        "hw4_record.json",
        "copy.ipynb",
        "v2.ipynb",
        "(1).ipynb",
        "final.ipynb",
        "copyright.txt",
    ]
    + ["conversation.csv", "photocopy.csv", "Iva.ipynb", "2026-11_20.csv"]
    + ["", ".", "x", "finalists.csv", "Kopielski.ipynb", "a/hw2 (1)/notes.txt"],
    ids=lambda name: name[:20],
)
def test_other_names_stay_as_they_are(name):
    assert (plain_name(name), attempt(name)) == (name, 0)


def test_the_record_of_homework_under_any_name():
    names = ["hw4_record-1.json", "hw4_record (1).json", "hw4_record-Copy1.json"]
    names += ["hw4_record.json (1)", "hw4_record.json.1", "hw4_record (1)-2.json"]
    for name in names:
        assert plain_name(name) == "hw4_record.json"
    assert plain_name("data/hw4_record copy") == "data/hw4_record"


# ------------------------------------------------------------------------------- whose


def test_names_of_platforms(folder):
    names = {
        "ana/hw1.ipynb": ("ana", "ana"),
        "ben.ipynb": ("ben", "ben"),
        "Zoë Åström.ipynb": ("Zoë Åström", "Zoë Åström"),
        "García Ana_12345_assignsubmission_file_/hw 1.ipynb": ("García Ana", "12345"),
        "Li Wei_777_assignsubmission_file_hw1.ipynb": ("Li Wei", "777"),
        "doejane_4242_99001_hw1.ipynb": ("doejane", "4242"),
        "roejohn_LATE_4343_99002_hw1-1.ipynb": ("roejohn", "4343"),
        "de_la_cruz_4444_99003_hw1.ipynb": ("de_la_cruz", "4444"),
        "poejim_4545_text.html": ("poejim", "4545"),
        "anon_a3F9k_1001_hw1.ipynb": ("anon_a3F9k", "a3F9k"),
        "LATE_anon_b7Q2z_1003_hw1.ipynb": ("anon_b7Q2z", "b7Q2z"),
        "anon_c1_LATE_1004_hw1.ipynb": ("anon_c1", "c1"),
        "eva+hw1+2026-11-20 21:58:23.948203 UTC/hw1.ipynb": ("eva", "eva"),
    }
    put(folder, *names, "grades.csv", ".DS_Store", "__MACOSX/ben.ipynb", text="{}")
    found, said = find_submissions(folder)
    assert sorted((each.student, each.id) for each in found) == sorted(names.values())
    assert said == ["grades.csv is not a submission and was left aside."]
    late = {each.student for each in found if any(source.late for source in each.sources)}
    assert late == {"roejohn", "anon_b7Q2z", "anon_c1"}
    assert len({each.slug for each in found}) == len(found)
    (eva,) = (each for each in found if each.student == "eva")
    assert eva.sources[0].when == pytest.approx(1795211903.948203)


def test_both_files_of_an_anonymous_student_go_together(folder):
    put(folder, "anon_a3F9k_1001_hw4.ipynb", "anon_a3F9k_1002_hw4_record.json")
    put(folder, "LATE_anon_x_7_hw4.ipynb", "LATE_anon_x_8_hw4_record-1.json")
    found, said = find_submissions(folder)
    names = {each.id: sorted(source.name for source in each.sources) for each in found}
    assert names == {
        "a3F9k": ["hw4.ipynb", "hw4_record.json"],
        "x": ["hw4.ipynb", "hw4_record-1.json"],
    }
    assert said == []


@pytest.mark.parametrize(
    "other",
    ["ana (1).ipynb", "ana(2).zip", "ana_v2.ipynb", "ana V2.ipynb", "ana_final.ipynb"]
    + ["ana-Copy1.ipynb", "ana copy 2.ipynb", "ana - Copy.ipynb", "Copy of ana.ipynb"]
    + [
        "Másolat – ana.ipynb",
        "ana.ipynb.txt",
        "ana.ipynb.crdownload",
        "ana.ipynb (1).txt",
        "ana.ipynb.1",
        "ana.tar.gz",
    ]
    + ["ana.zip", "ana/hw1.ipynb", "ana (1)/hw1.ipynb", "ana"],
)
def test_versions_of_one_name_are_one_students(folder, other):
    put(folder, "ana.ipynb", "ben.ipynb")
    put(folder, other)
    found, said = find_submissions(folder)
    assert [(each.student, len(each.sources)) for each in found] == [("ana", 2), ("ben", 1)]
    assert said == []


@pytest.mark.parametrize(
    "names",
    [
        ("anna-1.ipynb", "anna-2.ipynb"),
        ("gustav1.ipynb", "gustav2.ipynb"),
        ("group 1/a.ipynb", "group 2/a.ipynb", "group/a.ipynb"),
        ("student (1).ipynb", "student (2).ipynb", "student (3).ipynb"),
        ("team (1)/a.ipynb", "team (2)/a.ipynb"),
        ("smith/a.ipynb", "smith-1/a.ipynb", "smith-2/a.ipynb"),
        ("j.smith", "j.doe"),
        ("Ana.ipynb", "ana.ipynb"),
        ("Ana New.ipynb", "Ana Last.ipynb"),
        ("olav1.ipynb", "olav2.ipynb", "ola.ipynb"),
        ("Ana v2/a.ipynb", "Ana v3/a.ipynb"),
        ("Marcel Copie.ipynb", "Marcel Kopie.ipynb"),
        ("hw2.ipynb", "hw2 (1).ipynb", "hw2 (2).ipynb"),
        ("homework_2-1.ipynb", "homework_2.ipynb"),
        ("lab2.ipynb", "lab2 (1).ipynb"),
        ("Ha\u0301zi feladat 2.ipynb", "Ha\u0301zi feladat 2 (1).ipynb"),
        ("作业2.ipynb", "作业2 (1).ipynb"),
        ("small numbers.ipynb", "Small numbers.ipynb", "small numbers (1).ipynb"),
        ("hw_2_1_ana.ipynb", "hw_2_2_ben.ipynb"),
        ("j.tar.ipynb", "j.ipynb"),
        ("lab_2_2026_ana.ipynb", "lab_2_2026_ben.ipynb"),
        tuple(f"notes ({number}).ipynb" for number in range(1, 30)) + ("notes.ipynb",),
    ],
)
def test_several_people_stay_several(folder, names):
    put(folder, *names)
    found, _ = find_submissions(folder, "small numbers")
    assert len(found) == len({each.student for each in found}) == len(names)
    assert len({each.slug.casefold() for each in found}) == len(names)


def test_what_only_looks_like_a_version_is_for_a_person_to_look_at(folder):
    put(folder, "anna.ipynb", "anna-1.ipynb", "ben.ipynb", "cem-1.ipynb")
    found, said = find_submissions(folder)
    assert [(each.student, len(each.sources)) for each in found] == [
        ("anna", 2), ("ben", 1), ("cem-1", 1)
    ]  # fmt: skip
    assert [each.look for each in found] == [tuple(said), (), ()]
    assert "anna-1" in said[0] and "folder of its own" in said[0]


def test_files_that_are_named_for_the_homework_are_nobodys(folder):
    put(folder, "hw2.ipynb", "hw2 (1).ipynb")
    found, said = find_submissions(folder)
    assert len(found) == 2 and all("whose" in each.look[0] for each in found) and len(said) == 1


def test_canvas_marks_a_copy_and_a_browser_another(folder):
    put(folder, "doe_1_20_hw1.ipynb", "doe_1_20_hw1 (1).ipynb", "doe_1_30_hw1-1.ipynb")
    (found,), _ = find_submissions(folder)
    assert sorted(source.rank for source in found.sources) == [20, 20, 30]


def test_what_was_unpacked_of_canvas_goes_with_the_rest(folder):
    put(folder, "doe_1_20_hw4/hw4.ipynb", "doe_1_21_hw4_record.json", "roe_2_22_hw4/hw4.ipynb")
    found, said = find_submissions(folder)
    assert [len(each.sources) for each in found] == [2, 1] and said == []


def test_one_name_in_two_unicode_forms_is_two_rows_for_a_person(folder):
    put(folder, "Jos\u00e9.ipynb", "Jose\u0301.ipynb", "Zoe\u0308.ipynb", "Zo\u00eb (1).ipynb")
    found, said = find_submissions(folder)
    assert [each.student for each in found] == ["José", "José", "Zoë", "Zoë"]
    assert len({each.id for each in found}) == len({each.slug for each in found}) == 4
    assert all(each.id == each.slug and each.look for each in found) and len(said) == 2
    assert "accents" in said[0] and r"'Jos\xe9'" in said[0] and r"'Jose\u0301'" in said[0]


def test_a_platforms_number_makes_one_of_two_unicode_forms(folder):
    put(folder, "Jos\u00e9_7_assignsubmission_file_a.ipynb")
    put(folder, "Jose\u0301_7_assignsubmission_file_b.ipynb")
    (found,), said = find_submissions(folder)
    assert (found.student, found.id, len(found.sources), said) == ("José", "7", 2, [])


@NEEDS_BYTES
def test_names_that_are_not_utf_8(folder):
    put(folder, b"Kov\xe1cs.ipynb", b"Kov\xe9cs.ipynb", b"Kov\xe1cs (1).ipynb")
    put(folder, "Иван".encode("cp1251") + b"/hw.ipynb", "Олег".encode("cp1251") + b"/hw.ipynb")
    found, said = find_submissions(folder)
    assert [(each.student, len(each.sources)) for each in found] == [
        ("Kovács", 2), ("Kovécs", 1), ("Иван", 1), ("Олег", 1)
    ]  # fmt: skip
    assert len({each.slug for each in found}) == 4
    assert len(said) == 1 and "UTF-8" in said[0]
    assert all(each.student in said[0] and not each.look for each in found)
    for each in found:
        (each.student + each.id + each.slug + each.sources[0].name).encode()


@NEEDS_BYTES
def test_each_name_in_a_sentence_is_decoded_by_itself(folder):
    put(folder, b"ana.ipynb", b"ana-1.ipynb", "hw2 é.ipynb", b"hw2 \xe9 (1).ipynb")
    put(folder, *(f"hw3 é{addition}.ipynb" for addition in ("", " (1)")), b"hw3 \xe9.ipynb")
    said = " ".join(find_submissions(folder)[1])
    assert "hw3 é, hw3 é (1)" in said and "\ufffd" not in said and "Ă" not in said
    said.encode()


@NEEDS_BYTES
def test_a_name_that_nobody_can_read_is_for_a_person(folder):
    put(folder, b"a\xff\x81.ipynb", b"a\xfe\x81.ipynb")
    found, _ = find_submissions(folder)
    assert len(found) == 2 and all("code page" in " ".join(each.look) for each in found)


@NEEDS_BYTES
def test_a_guessed_name_is_not_taken_for_the_one_that_is_known(folder):
    put(folder, b"Kov\xe1cs.ipynb", "Kovács.ipynb")
    found, _ = find_submissions(folder)
    assert [each.student for each in found] == ["Kovács"] * 2
    assert len({each.id for each in found}) == len({each.slug for each in found}) == 2


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Kov\xe1cs", "Kovács"),
        (b"Kov\xa0cs", "Kovács"),  # cp852
        ("Иван Петров".encode("cp1251"), "Иван Петров"),
        ("Иван".encode("cp866"), "Иван"),
        ("Zoë".encode(), "Zoë"),
        (b"a\xff\x81", "a\ufffd\ufffd"),
    ],
)
def test_a_code_page_is_guessed(raw, text):
    assert shown.nfc(raw.decode("utf-8", "surrogateescape")) == text


def test_nfc_survives_every_text():
    assert shown.nfc("a\ud800b\udce9") == "a?b?" and shown.nfc("\ud800") == "?"


def test_slugs_are_safe_and_differ():
    names = ["ana", "Ana", "Zoë", "李伟", "王芳", "../../etc/passwd", "CON", "a" * 300, ".x", ""]
    names += ["\x1b]0;x\x07ana", "\u202eana"]
    slugs = [slug(name) for name in names]
    for each in slugs:
        assert each.isascii() and "/" not in each and not each.startswith(".") and len(each) < 100
        assert each.isprintable()
    assert len(set(slugs[:10])) == 10


def test_nobody_can_take_anothers_slug(folder):
    put(folder, "ana/hw.ipynb", "ANA_.ipynb", "_ana/hw.ipynb")
    first = {each.slug for each in find_submissions(folder)[0]}
    put(folder, *(f"{each}/hw.ipynb" for each in first))
    slugs = [each.slug.casefold() for each in find_submissions(folder)[0]]
    assert len(set(slugs)) == len(slugs) == 6


# ------------------------------------------------------------------------- loose files


@pytest.mark.parametrize(
    "text",
    [
        NOTEBOOK,
        "\ufeff" + NOTEBOOK,
        '{"nbformat": 4, "metadata": {"widgets": "' + "x" * 50_000 + '"}, "cells": []}',
        '{"metadata": {"a": "' + "x" * 50_000 + '"}, "cells": [], "nbformat": 4}',
    ],
)
@pytest.mark.parametrize("ending", [".json", ".txt", ".py"])
def test_a_notebook_with_another_ending_is_a_submission(folder, ending, text):
    put(folder, f"ana{ending}", text=text)
    (found,), said = find_submissions(folder)
    assert (found.student, said) == ("ana", [])


def test_a_notebook_in_utf_16_is_a_submission(folder):
    (folder / "ana.txt").write_bytes(NOTEBOOK.encode("utf-16"))
    assert len(find_submissions(folder)[0]) == 1


def test_a_name_that_holds_ipynb_is_a_submission_whatever_is_in_it(folder):
    put(folder, "ana.ipynb.json", "ben.IPYNB.txt", text="")
    assert [name for name, _ in handed_in(folder)] == ["ana", "ben"]


def test_lists_are_left_aside(folder):
    put(folder, "ana.ipynb")
    put(folder, "grades.json", text='{"ana": 5}')
    put(folder, "list.csv", text="name,cells\n")
    put(folder, "empty.txt", text="")
    found, said = find_submissions(folder)
    assert len(found) == 1 and len(said) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="makes pipes")
def test_a_pipe_named_like_a_list_stops_nothing(folder):
    os.mkfifo(folder / "log.txt")
    (folder / "link.json").symlink_to(folder / "log.txt")
    assert find_submissions(folder)[0] == []


def test_a_list_that_cannot_be_read_is_told(folder, monkeypatch):
    put(folder, "list.txt")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("grading.intake.loose.is_plain", refuse)
    assert find_submissions(folder) == (
        [],
        ["list.txt was left aside: it cannot be read (Permission denied)."],
    )


@pytest.mark.skipif(sys.platform == "win32", reason="makes symbolic links")
def test_what_may_not_be_looked_at_is_no_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    assert is_plain(tmp_path) and is_plain(tmp_path / "file") and not is_plain(tmp_path / "link")
    with pytest.raises(OSError, match="ot a directory"):
        is_plain(tmp_path / "file" / "inside")


def test_no_folder(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        find_submissions(tmp_path / "nowhere")
    put(tmp_path, "all.zip", text="x")
    with pytest.raises(ValueError, match="Unpack"):
        find_submissions(tmp_path / "all.zip")
    put(tmp_path, "one.ipynb", "two.ipynb.txt")
    for name in ("one.ipynb", "two.ipynb.txt"):
        assert len(find_submissions(tmp_path / name)[0]) == 1


@pytest.mark.parametrize("number", [1, 5, 13, 116])
def test_a_folder_that_cannot_be_listed(folder, monkeypatch, number):
    def refuse(path):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ValueError, match="cannot be listed") as caught:
        find_submissions(folder)
    assert os.strerror(number) in str(caught.value)


# ----------------------------------------------------------------------------- moments


def test_stamps_of_platforms_and_iso_forms():
    for text in (
        "2026-11-20 21:58:23 UTC",
        "2026-11-20T21:58:23Z",
        "2026-11-20t21:58:23z",
        "2026-11-20T22:58:23+01:00",
        "2026-11-20T22:58:23+0100",
        "2026-11-20T22:58:23+01",
        "2026-11-20 22:58:23 +01",
        "2026-11-20 22:58:23 +0100",
        "20261120T215823Z",
        "2026-W47-5T21:58:23Z",
        "2026-11-20 13:58:23 America/Los_Angeles",
        "2026-11-20 21-58-23 GMT",
        "2026-11-20_21.58.23 UTC",
        " 2026-11-20 18:58:23 America/Argentina/Buenos_Aires\n",
    ):
        assert read_stamp(text) == 1795211903, text
    assert read_stamp("2026-11-20 21:58:23.948203 UTC") == pytest.approx(1795211903.948203)
    local = read_stamp("2026-11-20T23:59")
    assert local == read_stamp("2026-11-20 23:59:00") == read_stamp("2026-11-20_23-59")


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-99-20T23:59", "2026-11-20 21:58 Nowhere/City", "2026-11-20T23:59 GMT+2"]
    + ["2026-11-20T23:59 +2", "2026-11-20T23:59+2", "2026-11-20T23:59 at the latest"]
    + ["2026-11-20T23:59Z (Friday)", "2026-11-20", "20261120", "2026-11-20T25:00", "", "23:59"]
    + ["2026-11-20T23:59 America", "2026-11-20x23:59", "2026-11-20T"]
    + ["2026-11-20T23:59 UTC UTC", "x2026-11-20T23:59"],
)
def test_what_is_not_wholly_understood_is_no_moment(text):
    assert read_stamp(text) is None


def test_a_time_in_a_name_that_is_not_understood_is_told(folder):
    put(folder, "eva+hw1+2026-11-20 21:58:23 GMT+2/hw1.ipynb")
    put(folder, "fay+hw1+2026-11-20 21:58:23 UTC (1)/hw1.ipynb")
    (eva, fay), said = find_submissions(folder)
    assert eva.sources[0].when is None and len(said) == 1 and "not understood" in eva.look[0]
    assert fay.sources[0].when == 1795211903 and fay.look == ()


# ------------------------------------------------------------------------ what is known

TASK = {"grade_id": "t", "title": "T", "points": 1, "max_points": 2.0, "verdict": "right"}
TASK["message"] = ""
RESULT = {"tasks": [TASK], "events": ["e"], "notes": [], "seconds": 1.5, "page": "<p>"}


def written(tmp_path, record):
    store = result_store.Store(tmp_path)
    path = tmp_path / "records" / "ana.json"
    path.write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf-8")
    return store.read("ana")


def test_a_whole_record_is_read_back(tmp_path):
    store = result_store.Store(tmp_path)
    failed = {"problem": "could not be graded", "points": 0, "tasks": [], "events": [], "notes": []}
    for result in (RESULT, failed, {**RESULT, "more": {}}):
        store.write("ana", "key", result)
        record = store.read("ana")
        assert (record["key"], record["result"]) == ("key", result)


@pytest.mark.parametrize(
    "changed",
    [{"tasks": None}, {"tasks": {}}, {"tasks": [5]}, {"tasks": "many"}, {"seconds": "long"}]
    + [{"page": None}, {"notes": [5]}, {"events": "text"}, {"problem": 5}, {"seconds": True}]
    + [{"tasks": [{**TASK, name: value}]} for name, value in
       [("points", "1"), ("points", None), ("points", float("nan")), ("verdict", []),
        ("max_points", float("inf")), ("title", 5), ("message", None), ("grade_id", {})]]
    + [{"tasks": [{k: v for k, v in TASK.items() if k != name}]} for name in TASK],
    ids=str,
)  # fmt: skip
def test_a_record_of_the_wrong_kind_counts_as_missing(tmp_path, changed):
    whole = {"format": result_store.FORMAT, "key": "key", "result": RESULT}
    assert written(tmp_path, whole) is not None
    assert written(tmp_path, {**whole, "result": {**RESULT, **changed}}) is None


def test_a_damaged_record_counts_as_missing(tmp_path):
    whole = {"format": result_store.FORMAT, "key": "key", "result": RESULT}
    without_tasks = {key: value for key, value in RESULT.items() if key != "tasks"}
    for record in ({**whole, "key": 5}, {**whole, "format": 0}, {**whole, "result": without_tasks}):
        assert written(tmp_path, record) is None
    for text in ("", "{", "[]", "\0" * 20, "[" * 100_000):
        assert written(tmp_path, text) is None
    (tmp_path / "records" / "ana.json").write_bytes(b"\xff\xfe")
    assert result_store.Store(tmp_path).read("ana") is None
    (tmp_path / "records" / "ben.json").mkdir()
    assert result_store.Store(tmp_path).read("ben") is None


@pytest.mark.parametrize("damaged", [b"", b" \n", b"\0\0\0\0", b"\xff\xfe", None])
def test_the_mark_of_the_results_is_repaired(tmp_path, damaged):
    result_store.reserve(tmp_path, "hw1_x")
    mark = tmp_path / "records" / ".homework"

    def damage():
        mark.unlink() if damaged is None else mark.write_bytes(damaged)

    damage()
    result_store.reserve(tmp_path, "hw1_x")
    assert mark.read_text() == "hw1_x\n"
    result_store.Store(tmp_path).write("ana", "key", RESULT)
    damage()
    result_store.reserve(tmp_path, "hw1_x")
    damage()
    with pytest.raises(ValueError, match="results of hw1_x"):
        result_store.reserve(tmp_path, "hw2_y")


def test_the_reports_say_whose_results_these_are_too(tmp_path):
    result_store.reserve(tmp_path, "hw2_y")
    (tmp_path / "records" / ".homework").write_text("")
    (tmp_path / "summary.json").write_text('{"homework": "hw1_x"}')
    with pytest.raises(ValueError, match="results of hw1_x"):
        result_store.reserve(tmp_path, "hw2_y")


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def refuse(*args, **more):
        raise NotImplementedError

    monkeypatch.setattr(result_store.filelock.FileLock, "acquire", refuse)
    with pytest.raises(OSError, match="no locks"):
        result_store.Store(tmp_path).claim("ana")
    with pytest.raises(OSError, match="no locks"), result_store.locked(tmp_path):
        pass


# ------------------------------------------------------------------- what the command says

HOSTILE = "\x1b]0;pwned\x07\x1b[2Jana\x9b31m\u202egpj"


def is_harmless(text):
    return all(each.isprintable() or each == "\n" for each in text)


class Class:
    """Stands in for a run over a class: nothing is graded."""

    def __init__(self, found, *rest):
        self.found = found

    def read(self):
        pass

    def to_do(self, wanted, fresh, again):
        return []

    def write_reports(self, about):
        kinds = [("no notebook", ["no \x1b[1mnotebook"]), ("graded", ["look \u2066here"])]
        return [
            types.SimpleNamespace(student=each.student, status=status, look=look)
            for each, (status, look) in zip(self.found, kinds, strict=False)
        ]


@pytest.fixture
def grade(tmp_path, folder, capsys, monkeypatch):
    """Runs the command here, without isolation; returns the exit status and what it said."""
    assignment = grading_class.write_assignment(tmp_path)
    monkeypatch.setattr(run, "ClassRun", Class)
    monkeypatch.setattr(command, "_isolation", lambda options, limits: (False, ["No \x1bnetwork"]))
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)

    def run_it(*more, out=tmp_path / "out", inside=folder):
        words = [inside, "--homework", assignment, "--out", out, *more]
        try:
            status = command.main(list(map(str, words)))
        except SystemExit as end:
            status = end.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_it


def test_no_name_reaches_the_terminal_as_a_command_to_it(grade, folder):
    put(folder, f"{HOSTILE}.ipynb", f"{HOSTILE}x.csv", f"{HOSTILE}2/hw.ipynb")
    status, out, err = grade()
    assert (status, err) == (0, "") and is_harmless(out), out
    assert "no \ufffd[1mnotebook" in out and "look \ufffdhere" in out
    for words in (["--only", HOSTILE[:-1]], ["--due", HOSTILE], [HOSTILE], ["--jobs", HOSTILE]):
        status, out, err = grade(*words)
        assert status == 2 and err and is_harmless(out + err), words


def test_a_name_makes_no_line_of_its_own(grade, folder):
    put(folder, "list\nben: graded.csv", text="{}")
    said = "".join(grade()[1:])
    put(folder, "ana\nben: graded.ipynb")
    said += "".join(grade()[1:])
    assert not any(line.strip().startswith("ben: graded") for line in said.splitlines())


def test_what_a_person_should_look_at_comes_last(grade, folder):
    put(folder, "ana.ipynb", "ben.ipynb", "cem.ipynb")
    _, out, _ = grade()
    *_, heading, ana, ben, results = out.splitlines()
    assert "person" in heading and results.startswith("Results")
    assert "ana: no notebook" in ana and "ben: graded. look" in ben


@pytest.mark.parametrize("text", ["2026-11-20T23:59 GMT+2", "2026-11-20T23:59 sharp", "soon"])
def test_a_due_time_that_is_not_understood_is_a_wrong_command_line(grade, folder, text):
    put(folder, "ana.ipynb")
    status, _, err = grade("--due", text)
    assert status == 2 and text in err and "2026-11-20T23:59" in err


def test_a_folder_that_may_not_be_listed_is_a_wrong_command_line(grade, folder, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    status, _, err = grade()
    assert status == 2 and "Permission denied" in err


def test_results_that_cannot_be_made_are_a_wrong_command_line(grade, folder, tmp_path):
    put(folder, "ana.ipynb")
    (tmp_path / "file").touch()
    status, _, err = grade(out=tmp_path / "file" / "out")
    assert status == 2 and "--out" in err and "ot a directory" in err


@pytest.mark.parametrize("where", ["__init__", "read", "to_do", "write_reports"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_disk_ends_in_a_sentence(grade, folder, monkeypatch, where, number):
    put(folder, "ana.ipynb")

    def fail(*args, **more):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Class, where, fail)
    status, _, err = grade()
    assert status == 1 and os.strerror(number) in err and "Traceback" not in err
    assert "same command" in err


class InTurn:
    """Stands in for what grades."""

    def __init__(self):
        self.names = []

    def capacity(self):
        return 1

    def submit(self, name, job):
        self.names.append(name)

    def collect(self, seconds):
        return self.names.pop(), RESULT


def test_what_was_recorded_before_the_disk_was_full_is_kept(tmp_path, folder, monkeypatch):
    path = grading_class.write_assignment(tmp_path)
    put(folder, "ana.ipynb", "ben.ipynb", "cem.ipynb", text=path.read_text(encoding="utf-8"))
    assignment, found = load_assignment(path), find_submissions(folder)[0]

    def look():
        group = run.ClassRun(found, assignment, Limits(), True, tmp_path / "out")
        group.read()
        return group

    write = result_store.write_atomically
    room = iter([True] * 3)  # ana's record and page, ben's record

    def fill(path, data):
        if not next(room, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, data)

    monkeypatch.setattr(result_store, "write_atomically", fill)
    group = look()
    with pytest.raises(OSError, match="No space"):
        group.grade(group.to_do(), InTurn(), lambda slug: None, False)
    monkeypatch.setattr(result_store, "write_atomically", write)
    group = look()
    assert group.to_do() == ["cem"]
    group.grade(["cem"], InTurn(), lambda slug: None, False)
    assert [row.status for row in group.rows()] == ["graded"] * 3
