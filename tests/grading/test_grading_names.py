"""Who handed in what, from the names alone; and the times that platforms write down."""

import json
import os
import sys

import pytest

from grading.intake import loose_files
from grading.intake.display import nfc
from grading.intake.file_names import attempt, family, plain_name
from grading.intake.submissions import find_submissions, slug
from grading.intake.timestamps import read_stamp

NEEDS_LINKS = pytest.mark.skipif(sys.platform == "win32", reason="makes links and pipes")
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


def counts(submissions):
    """Each student's name, and the number of things that are taken for theirs."""
    return [(found.student, len(found.sources)) for found in submissions]


# ------------------------------------------------------------------ additions to names

# Between bars: names of hw2 with one addition or several, by the number that orders them.
ADDITIONS = {
    0: "hw2|hw2_final|hw2 - final|hw2final|hw2.final|hw2_new|hw2 (Case Conflict)|hw2-Copy1|"
    "hw2.sync-conflict-20261120-215823-ABCDEFG|hw2-Copy12|hw2 copy|hw2 copy 2|hw2 - Copy|"
    "hw2 - Copy (2)|hw2 - Kopie|hw2 – Másolat (3)|hw2 másolata|hw2 (copy)|hw2 (3rd copy)|"
    "hw2 (Ana's conflicted copy 2026-11-20)|hw2 - копия|hw2 - 副本|Copy of hw2|Copy_of_hw2|"
    "Copy of Copy of hw2|Kopie von hw2|Copie de hw2|Copia de hw2|Másolat – hw2|Másolat - hw2|"
    "Ma\u0301solat \u2013 hw2|hw2 - Ko\u0301pia (2)",
    1: "hw2 (1)|hw2(1)|hw2-1|hw2[1]|hw2 _1_|hw2%20(1)|Copy of hw2 (1)",
    1.001: "hw2 (1)-1",
    2: "hw2 2|hw2_v2|hw2v2|hw2_final2|hw2_final_v2|hw2.v2|hw2-Copy1 (2)",
    3: "hw2 V3|hw2-rev3",
    4: "hw2-version 4",
    12: "hw2_(12)",
}
ADDED = [(f"{name}.ipynb", n) for n, names in ADDITIONS.items() for name in names.split("|")]


@pytest.mark.parametrize(("name", "number"), ADDED)
def test_what_is_added_to_a_name_is_taken_off(name, number):
    assert (plain_name(name), attempt(name)) == ("hw2.ipynb", number)


def test_only_numbers_say_an_order():
    later = ["hw1.ipynb", "hw1_v2.ipynb", "hw1_v2 (1).ipynb", "hw1_v2 (2).ipynb", "hw1_v10.ipynb"]
    assert sorted(reversed(later), key=attempt) == later and len(set(map(family, later))) == 1
    assert family("hw1_final.ipynb") == family("hw1 final2.ipynb") == family("hw1_final_v3.ipynb")
    assert family("hw1-Copy1.ipynb") == family("hw1-Copy1 (2).ipynb")
    unknown = ["hw1_v2.ipynb", "hw1_final.ipynb", "hw1-Copy1.ipynb", "hw1-Copy2.ipynb"]
    unknown += ["hw1 - Copy.ipynb", "Copy of hw1.ipynb", "hw1_v2.json", "a/hw1.ipynb"]
    assert len(set(map(family, unknown))) == len(unknown)


@pytest.mark.parametrize(
    "name",
    ["(1)" * 20_000, "x" + " " * 60_000 + "y", "hw4_record.json", "copy.ipynb", "v2.ipynb"]
    + ["(1).ipynb", "final.ipynb", "copyright.txt", "conversation.csv", "photocopy.csv"]
    + ["Iva.ipynb", "2026-11_20.csv", "", ".", "x", "finalists.csv", "Kopielski.ipynb"]
    + ["a/hw2 (1)/notes.txt"],
    ids=lambda name: name[:20],
)
def test_other_names_stay_as_they_are(name):
    assert (plain_name(name), attempt(name)) == (name, 0)


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
    submissions, said = find_submissions(folder)
    assert sorted((found.student, found.id) for found in submissions) == sorted(names.values())
    assert said == ["grades.csv is not a submission and was left aside."]
    late = {s.student for s in submissions if any(source.late for source in s.sources)}
    assert late == {"roejohn", "anon_b7Q2z", "anon_c1"}
    (eva,) = (found for found in submissions if found.student == "eva")
    assert eva.sources[0].when == pytest.approx(1795211903.948203)


@pytest.mark.parametrize(
    ("names", "sources"),
    [
        (["anon_a3F9k_1_hw4.ipynb", "anon_a3F9k_2_record.json"], ["hw4.ipynb", "record.json"]),
        (["LATE_anon_x_7_hw4.ipynb", "LATE_anon_x_8_r-1.json"], ["hw4.ipynb", "r-1.json"]),
        (["d_1_20_a.ipynb", "d_1_20_a (1).ipynb"], ["a (1).ipynb", "a.ipynb"]),
        (["doe_1_20_hw4/hw4.ipynb", "doe_1_21_r.json"], ["hw4", "r.json"]),
        ([f"Jos{e}_7_assignsubmission_file_{e}" for e in ("\u00e9", "e\u0301")], ["é", "é"]),
    ],
)
def test_a_platforms_number_puts_files_together(folder, names, sources):
    put(folder, *names, "roe_2_22_hw4/hw4.ipynb")
    submissions, said = find_submissions(folder)
    assert said == [] and len(submissions) == 2
    assert sources in [sorted(source.name for source in found.sources) for found in submissions]


@pytest.mark.parametrize(
    "other",
    ["ana (1).ipynb", "ana(2).zip", "ana_v2.ipynb", "ana V2.ipynb", "ana_final.ipynb"]
    + ["ana-Copy1.ipynb", "ana copy 2.ipynb", "ana - Copy.ipynb", "Copy of ana.ipynb"]
    + ["Másolat – ana.ipynb", "ana.ipynb.txt", "ana.ipynb.crdownload", "ana.ipynb (1).txt"]
    + ["ana.ipynb.1", "ana.tar.gz", "ana.zip", "ana/hw1.ipynb", "ana (1)/hw1.ipynb", "ana"],
)
def test_versions_of_one_name_are_one_students(folder, other):
    put(folder, "ana.ipynb", "ben.ipynb", other)
    submissions, said = find_submissions(folder)
    assert (counts(submissions), said) == ([("ana", 2), ("ben", 1)], [])


SEVERAL = """
anna-1.ipynb|anna-2.ipynb
group 1/a.ipynb|group 2/a.ipynb|group/a.ipynb
student (1).ipynb|student (2).ipynb|student (3).ipynb
smith/a.ipynb|smith-1/a.ipynb|smith-2/a.ipynb
j.smith|j.doe
Ana.ipynb|ana.ipynb
Ana New.ipynb|Ana Last.ipynb
olav1.ipynb|olav2.ipynb|ola.ipynb
Marcel Copie.ipynb|Marcel Kopie.ipynb
homework_2-1.ipynb|homework_2.ipynb
hw2.ipynb|hw2 (1).ipynb|hw2 (2).ipynb
作业2.ipynb|作业2 (1).ipynb
small numbers.ipynb|Small numbers.ipynb|small numbers (1).ipynb
hw_2_1_ana.ipynb|hw_2_2_ben.ipynb
team_2_2026_ana.ipynb|team_2_2026_ben.ipynb
j.tar.ipynb|j.ipynb
ana/hw.ipynb|ANA_.ipynb|_ana/hw.ipynb
"""


@pytest.mark.parametrize("names", SEVERAL.strip().split("\n"))
def test_several_people_stay_several(folder, names):
    put(folder, *names.split("|"))
    submissions, _ = find_submissions(folder, "small numbers")
    count = len(names.split("|"))
    assert len(submissions) == len({found.student for found in submissions}) == count
    slugs = {found.slug.casefold() for found in submissions}
    assert len(slugs) == count
    # Nobody can take another's slug.
    put(folder, *(f"{name}/hw.ipynb" for name in slugs if not (folder / name).is_file()))
    submissions, _ = find_submissions(folder, "small numbers")
    assert len({found.slug.casefold() for found in submissions}) == len(submissions)


# Names of files; of how many students they are; what a person is told, for how many of these.
DOUBTS = [
    (["anna.ipynb", "anna-1.ipynb", "ben.ipynb", "cem-1.ipynb"], 3, "folder of its own", 1),
    (["hw2.ipynb", "hw2 (1).ipynb"], 2, "whose the files are", 2),
    (["Jos\u00e9.ipynb", "Jose\u0301.ipynb"], 2, r"'Jose\u0301', 'Jos\xe9'", 2),
    (["Zoe\u0308.ipynb", "Zo\u00eb (1).ipynb"], 2, "accents", 2),
    (["eva+h+2026-11-20 21:58 GMT+2/a", "f+h+2026-11-20 21:58 UTC (1)/a"], 2, "not understood", 1),
    ([b"a\xff\x81.ipynb", b"a\xfe\x81.ipynb"], 2, "code page", 2),
    ([b"Kov\xe1cs.ipynb", "Kovács.ipynb"], 2, "accents", 2),
    (["hw2 é.ipynb", b"hw2 \xe9 (1).ipynb"], 2, "hw2 é, hw2 é (1): ", 0),
]


@NEEDS_BYTES
@pytest.mark.parametrize(("names", "students", "words", "reasons"), DOUBTS)
def test_where_names_leave_a_doubt_a_person_is_told(folder, names, students, words, reasons):
    put(folder, *names)
    submissions, said = find_submissions(folder)
    for values in ([s.id for s in submissions], [s.slug for s in submissions]):
        assert len(set(values)) == len(submissions) == students
    told = [s for s in submissions if words in " ".join(s.review_reasons)]
    assert len(told) == reasons and (not reasons or words in " ".join(said))
    assert all(reason in said for s in submissions for reason in s.review_reasons)
    " ".join(said).encode()


@NEEDS_BYTES
def test_names_that_are_not_utf_8(folder):
    put(folder, b"Kov\xe1cs.ipynb", b"Kov\xe9cs.ipynb", b"Kov\xe1cs (1).ipynb")
    put(folder, "Иван".encode("cp1251") + b"/hw.ipynb", "Олег".encode("cp1251") + b"/hw.ipynb")
    submissions, said = find_submissions(folder)
    assert counts(submissions) == [("Kovács", 2), ("Kovécs", 1), ("Иван", 1), ("Олег", 1)]
    assert len(said) == 1 and "UTF-8" in said[0]
    for found in submissions:
        assert found.student in said[0] and not found.review_reasons
        (found.student + found.id + found.slug + found.sources[0].name).encode()


def test_a_code_page_is_guessed_and_every_text_survives():
    guesses = {b"Kov\xe1cs": "Kovács", b"Kov\xa0cs": "Kovács", b"a\xff\x81": "a\ufffd\ufffd"}
    guesses |= {"Иван Петров".encode("cp1251"): "Иван Петров", "Иван".encode("cp866"): "Иван"}
    for raw, text in guesses.items():
        assert nfc(raw.decode("utf-8", "surrogateescape")) == text
    assert nfc("a\ud800b\udce9") == "a?b?" and nfc("\ud800") == "?"


def test_slugs_are_safe_and_differ():
    names = ["ana", "Ana", "Zoë", "李伟", "王芳", "../../etc/passwd", "CON", "a" * 300, ".x", ""]
    slugs = [slug(name) for name in [*names, "\x1b]0;x\x07ana", "\u202eana"]]
    for name in slugs:
        assert name.isascii() and "/" not in name and not name.startswith(".") and len(name) < 100
        assert name.isprintable()
    assert len(set(slugs[: len(names)])) == len(names)


# ------------------------------------------------------------------------- loose files


LONG = f'{{"metadata": {{"a": "{"x" * 50_000}"}}, "cells": [], "nbformat": 4}}'
LOOSE = [("ana.json", NOTEBOOK), ("ana.txt", "\ufeff" + NOTEBOOK), ("ana.py", LONG)]
LOOSE += [("ana.ipynb.json", ""), ("ben.IPYNB.txt", "")]
LISTS = [("grades.json", '{"ana": 5}'), ("list.csv", "name,cells\n"), ("empty.txt", "")]


@pytest.mark.parametrize(("name", "text"), LOOSE + LISTS)
def test_a_loose_file_is_a_submission_if_it_holds_a_notebook(folder, name, text):
    for coding in ("utf-8", "utf-16"):
        (folder / name).write_bytes(text.encode(coding))
        submissions, said = find_submissions(folder)
        assert (len(submissions), len(said)) == ((1, 0) if (name, text) in LOOSE else (0, 1))


@NEEDS_LINKS
def test_a_pipe_named_like_a_list_stops_nothing(folder):
    os.mkfifo(folder / "log.txt")
    (folder / "link.json").symlink_to(folder / "log.txt")
    assert find_submissions(folder)[0] == []


def test_a_list_that_cannot_be_read_is_told(folder, monkeypatch):
    put(folder, "list.txt")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(loose_files, "is_plain", refuse)
    told = ["list.txt was left aside: it cannot be read (Permission denied)."]
    assert find_submissions(folder) == ([], told)


def test_no_folder(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        find_submissions(tmp_path / "nowhere")
    put(tmp_path, "all.zip", text="x")
    with pytest.raises(ValueError, match="Unpack"):
        find_submissions(tmp_path / "all.zip")
    put(tmp_path, "one.ipynb", "two.ipynb.txt")
    for name in ("one.ipynb", "two.ipynb.txt"):
        assert len(find_submissions(tmp_path / name)[0]) == 1


# -------------------------------------------------------------------------- timestamps


@pytest.mark.parametrize(
    "text",
    ["2026-11-20 21:58:23 UTC", "2026-11-20T21:58:23Z", "2026-11-20t21:58:23z"]
    + ["2026-11-20T22:58:23+01:00", "2026-11-20T22:58:23+0100", "2026-11-20T22:58:23+01"]
    + ["2026-11-20 22:58:23 +01", "2026-11-20 22:58:23 +0100", "20261120T215823Z"]
    + ["2026-W47-5T21:58:23Z", "2026-11-20 13:58:23 America/Los_Angeles"]
    + ["2026-11-20 21-58-23 GMT", "2026-11-20_21.58.23 UTC", "2026-11-20 21:58:23.9 UTC"]
    + [" 2026-11-20 18:58:23 America/Argentina/Buenos_Aires\n"],
)
def test_stamps_of_platforms_and_iso_forms(text):
    assert int(read_stamp(text)) == 1795211903


def test_without_a_zone_it_is_local_time():
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
