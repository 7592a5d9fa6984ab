"""The arguments of `openimages.download`, and the names that follow from them."""

import pytest

from utils import openimages
from utils.openimages.labels import Category
from utils.openimages.request import Request, make_split


def test_strange_names_make_good_folders():
    names = {
        "/m/0scr": ("Screw, nut / bolt?", "Screw, nut _ bolt_"),
        "/m/0doll1": ("Doll", "Doll (m_0doll1)"),
        "/m/0doll2": ("doll", "doll (m_0doll2)"),
        "/t/dd1": ('Dog "Rex"', "Dog _Rex_"),
        "/m/dots": ("..", "_"),
        "/m/café": ("Café", "Café"),
    }
    categories = tuple(Category(name, label) for label, (name, _) in names.items())
    request = Request(tuple(names), (4, 1, 1), 1, None, categories)
    assert request.folder_names == [folder for _, folder in names.values()]
    assert len(request.set_name) < 80 and request.set_name.isascii()
    assert "/" not in request.set_name


def test_each_request_has_a_folder_of_its_own():
    requests = [
        Request(("Doll", "Rose"), (4, 1, 1), 1),
        Request(("doll", "Rose"), (4, 1, 1), 1),
        Request(("Rose", "Doll"), (4, 1, 1), 1),
        Request(("Doll", "Rose"), (2, 2, 2), 1),
        Request(("Doll", "Rose"), (4, 1, 1), 2),
        Request(("Doll", "Rose"), (4, 1, 1), 1, 512),
    ]
    assert len({request.set_name for request in requests}) == len(requests)


@pytest.mark.parametrize(
    ("options", "error", "hint"),
    [
        ({"classes": "Rose"}, ValueError, 'classes=("Cat", "Dog")'),
        ({"classes": ["Rose"]}, ValueError, "Two or more"),
        ({"classes": ["Rose", "Rose "]}, ValueError, "2 times"),
        ({"per_class": 2}, ValueError, "per_class=3 or more"),
        ({"per_class": 10.5}, TypeError, "per_class must be an integer"),
        ({"split": (10, 2, 2), "per_class": 12}, ValueError, "Use per_class=14"),
        ({"split": (0.8, 0.1, 0.1)}, ValueError, "numbers of photos"),
        ({"split": (0, 1, 2)}, ValueError, "train part of split"),
        ({"seed": -1}, ValueError, "seed"),
        ({"longest_side": 5}, ValueError, "longest_side"),
    ],
)
def test_a_wrong_argument_is_explained(options, error, hint, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    with pytest.raises(error) as raised:
        openimages.download(**options)
    assert hint in str(raised.value)
    assert not list(tmp_path.rglob("*"))  # nothing was begun


def test_the_usual_split_is_four_to_one_to_one():
    splits = [make_split(per_class, None) for per_class in (None, 60, 3)]
    assert splits == [(400, 100, 100), (40, 10, 10), (1, 1, 1)]
    assert make_split(None, [5, 0, 2]) == make_split(7, (5, 0, 2)) == (5, 0, 2)
