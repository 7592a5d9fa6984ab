"""What was handed in is found, put together and read, in whatever form, and nothing stops it."""

import json
import os
import struct
import sys
import zipfile

import pytest
from tiny_submissions import notebook, put, put_zip

from grading.intake import notebooks, reading, traits
from grading.intake.submissions import find_submissions

NEEDS_LINKS = pytest.mark.skipif(sys.platform == "win32", reason="makes symbolic links")
TEXT = "This sentence of the homework is long enough to be recognised, number {}."


TRAITS = traits.Traits("hw1", frozenset({"hw1-a"}), frozenset(map(TEXT.format, range(5))))
OTHERS = [traits.Traits("Homework 2", frozenset({"hw2-a"}), frozenset())]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "submissions"
    place.mkdir()
    return place


def read_one(folder):
    (found,), _ = find_submissions(folder)
    return reading.read(found, TRAITS, OTHERS)


def said(handed):
    return " ".join([handed.problem or "", *handed.notes])


def test_names(folder):
    names = {
        "ana/hw1.ipynb": ("ana", "ana"),
        "ben.ipynb": ("ben", "ben"),
        "Zoë Åström.ipynb": ("Zoë Åström", "Zoë Åström"),
        "García Ana_12345_assignsubmission_file_/hw 1.ipynb": ("García Ana", "12345"),
        "Li Wei_777_assignsubmission_file_hw1.ipynb": ("Li Wei", "777"),
        "doejane_4242_99001_hw1.ipynb": ("doejane", "4242"),
        "roejohn_LATE_4343_99002_hw1-1.ipynb": ("roejohn", "4343"),
        "eva+hw1+2026-11-20 21:58:23.948203 UTC/hw1.ipynb": ("eva", "eva"),
    }
    for name in names:
        put(folder / name)
    put(folder / "grades.csv", b"a,b")
    put(folder / ".DS_Store", b"x")
    put(folder / "__MACOSX" / "ben.ipynb")
    found, aside = find_submissions(folder)
    assert sorted((each.student, each.id) for each in found) == sorted(names.values())
    assert aside == ["grades.csv is not a submission and was left aside."]
    for each in found:
        handed = reading.read(each, TRAITS, OTHERS)
        assert handed.problem is None, each
        assert handed.late == (each.student == "roejohn")
    assert len({each.slug for each in found}) == len(found)


def test_the_newest_version_counts(folder):
    put(folder / "ana" / "hw1.ipynb", notebook(source="first"), when=1_000_000)
    put(folder / "ana" / "hw1 (1).ipynb", notebook(source="third"), when=1_900_000)
    put(folder / "ana" / "hw1 (2).ipynb", notebook(source="second"), when=1_500_000)
    handed = read_one(folder)
    assert handed.notebook["cells"][-1]["source"] == "third" and handed.when == 1_900_000
    assert sum("An earlier version" in note for note in handed.notes) == 2


def test_unpacked_together_the_number_in_the_name_decides(folder):
    put(folder / "ana" / "hw1 (2).ipynb", notebook(source="last"), when=1_000_000)
    put(folder / "ana" / "hw1.ipynb", notebook(source="first"), when=1_000_005)
    assert read_one(folder).notebook["cells"][-1]["source"] == "last"


def test_the_number_that_canvas_gives_decides(folder):
    put(folder / "doe_1_20_hw1.ipynb", notebook(source="first"), when=9_000_000)
    put(folder / "doe_1_30_hw1-1.ipynb", notebook(source="last"), when=1_000_000)
    put(folder / "doe_1_31_log.csv", b"1,2")
    handed = read_one(folder)
    assert handed.notebook["cells"][-1]["source"] == "last" and handed.files == {"log.csv": b"1,2"}


def test_the_time_that_nbgrader_wrote_down(folder):
    put(folder / "ana" / "hw1" / "hw1.ipynb")
    put(folder / "ana" / "hw1" / "timestamp.txt", b"2026-11-20 21:58:23.948203 UTC")
    handed = read_one(folder)
    assert handed.when == 1795211903 and handed.clock == "timestamp.txt beside it"


def test_a_time_that_a_student_wrote_down_does_not_count(folder):
    early, late = b"2026-11-01 10:00:00 UTC", 1_800_000_000
    put(folder / "ana" / "hw1.ipynb", when=late)
    put(folder / "ana" / "timestamp.txt", early)  # nbgrader's lies one deeper
    moodle = folder / "Ben_12_assignsubmission_file_" / "hw1"
    put(moodle / "hw1.ipynb", when=late)
    put(moodle / "timestamp.txt", early)
    inbound = folder / "cem+hw1+2026-12-24 12:00:00 UTC"
    put(inbound / "hw1.ipynb", when=late)
    put(inbound / "timestamp.txt", early)
    put_zip(folder / "dua.zip", [("hw/hw1.ipynb", notebook()), ("hw/timestamp.txt", early)], late)
    put_zip(
        folder / "eva" / "all.zip", [("h/hw1.ipynb", notebook()), ("h/timestamp.txt", early)], late
    )
    found = {each.student: reading.read(each, TRAITS) for each in find_submissions(folder)[0]}
    times = {name: handed.when for name, handed in found.items()}
    assert times == dict.fromkeys(["ana", "Ben", "dua", "eva"], late) | {"cem": 1_798_113_600}
    assert {handed.problem for handed in found.values()} == {None}
    assert (
        found["cem"].clock == "the folder's name" and found["dua"].clock == "the time of the file"
    )


def test_a_zip_counts_from_when_it_was_handed_in_not_from_when_it_was_written(folder):
    old = zipfile.ZipInfo("hw1.ipynb", (2026, 11, 1, 12, 0, 0))
    new = zipfile.ZipInfo("hw1_last.ipynb", (2026, 11, 2, 12, 0, 0))
    members = [(new, notebook(source="new")), (old, notebook(source="old"))]
    put_zip(folder / "ana.zip", members, 1_800_000_000)
    handed = read_one(folder)
    assert handed.when == 1_800_000_000
    assert handed.notebook["cells"][-1]["source"] == "new", "the times inside rank the versions"


def test_files_beside_the_notebook_go_with_it(folder):
    put(folder / "ana" / "deep" / "hw1.ipynb")
    put(folder / "ana" / "deep" / "logs" / "log.csv", b"1")
    put(folder / "ana" / "readme.txt", b"2")
    put(folder / "ana" / "deep" / ".ipynb_checkpoints" / "hw1-checkpoint.ipynb")
    handed = read_one(folder)
    assert handed.files == {"logs/log.csv": b"1", "readme.txt": b"2"} and handed.notes == []


def test_two_different_notebooks(folder):
    put(folder / "ana" / "hw1.ipynb")
    put(folder / "ana" / "scratch.ipynb", notebook(None))
    put(folder / "ana" / "broken.ipynb", b"{")
    handed = read_one(folder)
    assert handed.name == "hw1.ipynb"
    assert "scratch.ipynb is another notebook" in said(handed)
    assert "broken.ipynb is not a readable notebook" in said(handed)


BROKEN = {
    "empty": (b"", "empty"),
    "blank": (b" \n", "empty"),
    "not JSON": (b"hello", "not valid JSON"),
    "cut off": (notebook()[:-20], "cut off"),
    "a web page": (b"<!DOCTYPE html><html><body>Colab</body>", "web page"),
    "a shortcut": (b'{"url": "https://x", "doc_id": "1", "email": "a@b"}', "shortcut to Google"),
    "JSON of another kind": (b'{"a": 1}', "no cells"),
    "a list": (b"[1, 2]", "not a notebook"),
    "nested too deep": (b'{"cells": ' + b"[" * 100_000, "cut off"),
    "a long number": (b'{"cells": ' + b"9" * 5000 + b"}", "cut off"),
    "not text": (b"\x80\x81\xfe" * 50, "not text"),
    "a zip": (b"PK\x03\x04" + b"x" * 50, "zip"),
    "a PDF": (b"%PDF-1.7 ...", "PDF"),
    "cells that are no list": (b'{"cells": 5, "nbformat": 4}', "not a list"),
    "no cells": (b'{"cells": [], "nbformat": 4}', "no cells"),
    "of the future": (b'{"cells": [], "nbformat": 7}', "format 7"),
    "format 3, wrongly": (b'{"nbformat": 3, "worksheets": [{"cells": 5}]}', "no cells"),
    "too many cells": (b'{"cells": [' + b"1," * 2500 + b"1]}", "2,501 cells"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_not_a_notebook(folder, name):
    data, words = BROKEN[name]
    put(folder / "ana.ipynb", data)
    handed = read_one(folder)
    assert handed.status == "unreadable" and handed.notebook is None
    assert words in handed.problem


def test_a_huge_file(folder, monkeypatch):
    monkeypatch.setattr(notebooks, "MOST_BYTES", 1000)
    put(folder / "ana.ipynb", b" " * 2000)
    assert "are not read" in read_one(folder).problem


def test_too_much(folder, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 100_000)
    put(folder / "ana" / "photos.bin", b"x" * 200_000)
    put(folder / "ana" / "hw1.ipynb")
    assert "more than 0 MB" in said(read_one(folder))


def test_damaged_cells_and_metadata_are_survived():
    raw = json.loads(notebook())
    raw["cells"] += [
        5,
        {"cell_type": "code"},
        {"cell_type": "alien", "source": ""},
        {"cell_type": "markdown", "source": 7},
        {"cell_type": "code", "source": ["a", "b"], "metadata": [], "outputs": "many"},
        {"cell_type": "code", "source": "\ud800", "metadata": {"nbgrader": "x", "tags": 3}},
    ]
    clean, notes = notebooks.parse(json.dumps(raw).encode())
    assert [cell["source"] for cell in clean["cells"]] == ["x = 1", "", "ab", "?"]
    assert notes == ["3 damaged cell(s) were left out."]
    import nbformat

    nbformat.validate(nbformat.from_dict(clean))


def test_format_3_is_converted():
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Title"]},
        {
            "cell_type": "code",
            "input": ["y = 2"],
            "metadata": {"nbgrader": {"grade_id": "hw1-a"}},
            "outputs": [],
        },
    ]
    raw = {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}
    clean, notes = notebooks.parse(json.dumps(raw).encode())
    assert [cell["source"] for cell in clean["cells"]] == ["## Title", "y = 2"]
    assert traits.grade_ids(clean) == {"hw1-a"} and "format 3" in notes[0]


def test_utf_16_and_a_byte_order_mark():
    for coding in ("utf-16", "utf-8-sig"):
        clean, _ = notebooks.parse(notebook(source="é = 1").decode().encode(coding))
        assert clean["cells"][0]["source"] == "é = 1"


def test_the_notebook_of_another_homework(folder):
    put(folder / "ana.ipynb", notebook("hw2-a"))
    handed = read_one(folder)
    assert handed.status == "other homework" and "Homework 2" in handed.problem


def test_without_metadata_the_texts_tell(folder):
    put(folder / "ana.ipynb", notebook(None, texts=map(TEXT.format, range(4))))
    assert read_one(folder).problem is None
    put(folder / "ana.ipynb", notebook(None, texts=map(TEXT.format, range(2))))
    assert read_one(folder).status == "other homework"


def test_an_empty_folder(folder):
    (folder / "ana").mkdir()
    handed = read_one(folder)
    assert handed.status == "no notebook" and "no file" in handed.problem
    put(folder / "ana" / "answer.docx", b"x")
    assert "answer.docx" in read_one(folder).problem


@NEEDS_LINKS
def test_links_and_pipes_are_not_followed(folder, tmp_path):
    secret = tmp_path / "secret.ipynb"
    put(secret, notebook(source="secret"))
    (folder / "ana").mkdir()
    (folder / "ana" / "hw1.ipynb").symlink_to(secret)
    (folder / "ana" / "all").symlink_to(tmp_path)
    os.mkfifo(folder / "ana" / "pipe.ipynb")
    (folder / "ben.ipynb").symlink_to(secret)
    for each in find_submissions(folder)[0]:
        handed = reading.read(each, TRAITS)
        assert handed.status == "no notebook" and "link or a device" in said(handed)


# --------------------------------------------------------------------------- zips


def test_a_zip(folder):
    members = [
        ("hw1 of Ana/hw1.ipynb", notebook()),
        ("hw1 of Ana/data/log.csv", b"1"),
        ("__MACOSX/hw1 of Ana/._hw1.ipynb", b"x"),
    ]
    put_zip(folder / "ana.zip", members)
    handed = read_one(folder)
    assert handed.name == "hw1 of Ana/hw1.ipynb" and handed.files == {"data/log.csv": b"1"}
    assert handed.notes == [] and handed.when is not None


def test_the_newer_of_two_zips(folder):
    put_zip(folder / "ana.zip", [("hw1.ipynb", notebook(source="old")), ("log.csv", b"old")])
    put_zip(folder / "ana (1).zip", [("hw1.ipynb", notebook(source="new")), ("log.csv", b"new")])
    handed = read_one(folder)
    assert handed.notebook["cells"][-1]["source"] == "new" and handed.files["log.csv"] == b"new"


def test_a_zip_cannot_leave_its_place(folder):
    names = ["../out.ipynb", "a/../../out.ipynb", "C:/x.ipynb", "c:\\x.ipynb", "..\\win.ipynb"]
    put_zip(folder / "ana.zip", [(name, notebook()) for name in names])
    handed = read_one(folder)
    assert handed.notebook is None
    assert said(handed).count("points outside of the zip") == len(names)
    assert sorted(path.name for path in folder.rglob("*")) == ["ana.zip"]


def test_a_link_in_a_zip(folder):
    link = zipfile.ZipInfo("hw1.ipynb")
    link.external_attr = 0o120777 << 16
    put_zip(folder / "ana.zip", [(link, "/etc/passwd")])
    handed = read_one(folder)
    assert handed.notebook is None and "is a link" in said(handed)


def test_a_bomb(folder, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 5 * 2**20)
    put_zip(folder / "ana.zip", [("hw1.ipynb", notebook()), ("zeros", b"\0" * (20 * 2**20))])
    assert (folder / "ana.zip").stat().st_size < 100_000
    handed = read_one(folder)
    assert "more than 5 MB" in said(handed) and "zeros" in said(handed)
    assert handed.notebook is not None and handed.files == {}


def test_a_bomb_that_lies_about_its_size(folder, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 5 * 2**20)
    put_zip(folder / "ana.zip", [("zeros.ipynb", b"\0" * (20 * 2**20))])
    data = (folder / "ana.zip").read_bytes()
    true_size = struct.pack("<L", 20 * 2**20)
    (folder / "ana.zip").write_bytes(data.replace(true_size, struct.pack("<L", 100)))
    handed = read_one(folder)
    assert handed.notebook is None and handed.problem


def test_many_small_files(folder, monkeypatch):
    monkeypatch.setattr(reading, "MOST_FILES", 50)
    members = [(f"{number}.txt", b"") for number in range(100)]
    put_zip(folder / "ana.zip", [*members, ("hw1.ipynb", notebook())])
    handed = read_one(folder)
    assert "50 files" in said(handed) and handed.notebook and len(handed.files) == 49


@pytest.mark.parametrize("name", ["Übung.ipynb", "Tâche é.ipynb"])
def test_accents_in_a_zip(folder, name):
    put_zip(folder / "ana.zip", [(name, notebook())])
    assert read_one(folder).name == name  # marked as UTF-8
    # As a Mac writes it: UTF-8 without the mark.
    data = (folder / "ana.zip").read_bytes()
    assert data.count(b"\x00\x08\x08\x00") == 2
    (folder / "ana.zip").write_bytes(data.replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00"))
    assert read_one(folder).name == name
    # As old Windows writes it (padded, so that the lengths in the zip stay right).
    plain = name.encode("cp437").ljust(len(name.encode()))
    (folder / "ana.zip").write_bytes(data.replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00"))
    data = (folder / "ana.zip").read_bytes().replace(name.encode(), plain)
    (folder / "ana.zip").write_bytes(data)
    assert name in said(read_one(folder))


def test_damaged_zips(folder):
    put_zip(folder / "ana.zip", [("hw1.ipynb", notebook())])
    data = (folder / "ana.zip").read_bytes()
    for broken in (b"", b"no zip", data[:-30], data[:45] + b"\xff" * 30 + data[75:]):
        (folder / "ana.zip").write_bytes(broken)
        handed = read_one(folder)
        assert handed.notebook is None and handed.status in ("no notebook", "unreadable")


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_a_member_damaged_in_any_packing(folder, packing):
    with zipfile.ZipFile(folder / "ana.zip", "w", packing) as archive:
        archive.writestr("hw1.ipynb", notebook())
    data = bytearray((folder / "ana.zip").read_bytes())
    data[60:90] = b"\xff" * 30
    (folder / "ana.zip").write_bytes(bytes(data))
    assert read_one(folder).notebook is None


def test_an_encrypted_zip(folder):
    put_zip(folder / "ana.zip", [("hw1.ipynb", notebook())])
    data = bytearray((folder / "ana.zip").read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (folder / "ana.zip").write_bytes(bytes(data))
    handed = read_one(folder)
    assert handed.notebook is None and "encrypted" in said(handed)


def test_the_digest_changes_with_every_file(folder):
    put(folder / "ana" / "hw1.ipynb")
    first = read_one(folder).digest
    put(folder / "ana" / "hw1.ipynb", when=5_000_000)
    assert read_one(folder).digest == first, "the time alone changes nothing"
    put(folder / "ana" / "log.csv", b"1")
    assert read_one(folder).digest != first
