"""Who handed in what, from the names alone; what the command says; what lies in the results."""

import pytest

from grading.submissions import attempt, is_plain, plain_name

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
    "Copy of hw2 (1).ipynb": 1,
    "hw2-Copy1 (2).ipynb": 2,
}


@pytest.mark.parametrize("name", ADDITIONS)
def test_what_is_added_to_a_name_is_taken_off(name):
    assert (plain_name(name), attempt(name)) == ("hw2.ipynb", ADDITIONS[name])


def test_numbers_in_names_order_the_versions():
    later = ["hw1.ipynb", "hw1_v2.ipynb", "hw1_v2 (1).ipynb", "hw1_v2 (2).ipynb", "hw1_v10.ipynb"]
    assert sorted(reversed(later), key=attempt) == later


@pytest.mark.parametrize(
    "name",
    ["hw4_record.json", "copy.ipynb", "v2.ipynb", "(1).ipynb", "final.ipynb", "copyright.txt"]
    + ["conversation.csv", "photocopy.csv", "Iva.ipynb", "2026-11-20.csv".replace("-20", "_20")]
    + ["", ".", "x", "finalists.csv", "Kopielski.ipynb", "a/hw2 (1)/notes.txt"],
)
def test_other_names_stay_as_they_are(name):
    assert (plain_name(name), attempt(name)) == (name, 0)


def test_the_record_of_homework_under_any_name():
    for name in ["hw4_record-1.json", "hw4_record (1).json", "hw4_record-Copy1.json"]:
        assert plain_name(name) == "hw4_record.json"
    assert plain_name("data/hw4_record copy") == "data/hw4_record"


def test_what_may_not_be_looked_at_is_no_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    assert is_plain(tmp_path) and is_plain(tmp_path / "file") and not is_plain(tmp_path / "link")
    with pytest.raises(OSError, match="not a directory|Not a directory"):
        is_plain(tmp_path / "file" / "inside")
