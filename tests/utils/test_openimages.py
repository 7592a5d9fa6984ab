"""`utils.openimages` with a mirror that is a folder: which photos, which split, which folder."""

import hashlib
import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tiny_openimages as tiny
from faulty_server import stay_on_this_machine
from PIL import Image
from tiny_openimages import ROSE, SUNFLOWER, TULIP, TinyOpenImages, image_id, jpeg

from utils import openimages
from utils.common.errors import DataError
from utils.data.fetching import places
from utils.openimages import __main__ as commands
from utils.openimages import dataset_folder, request, sample
from utils.openimages.labels import Category
from utils.openimages.mirror import write_mirror
from utils.openimages.photo_pool import Pool

QUIET = {"progress": False, "sample": False}


@pytest.fixture(autouse=True)
def on_this_machine_only(monkeypatch, tmp_path):
    stay_on_this_machine(monkeypatch)
    use_cache(monkeypatch, tmp_path / "cache")


def use_cache(monkeypatch, folder):
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))


def use_mirror(monkeypatch, world: TinyOpenImages, folder):
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.write(folder)))


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Twenty good photos of each class in the validation part, ten more in the test part."""
    world = TinyOpenImages()
    world.add_many(20)
    world.add_many(10, "test", first=20)
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    return world


@pytest.mark.parametrize("start", ["repository", "repository/notebooks", ""])
def test_a_relative_mirror_is_one_folder_wherever_a_program_starts(
    world, monkeypatch, tmp_path, start
):
    (tmp_path / "repository" / "notebooks").mkdir(parents=True)
    monkeypatch.setattr(places, "ROOT", tmp_path / "repository")
    monkeypatch.setenv("COURSE_DATA_MIRROR", "../mirror")
    monkeypatch.setenv("COURSE_DATA_DIR", "mine")
    monkeypatch.chdir(tmp_path / start)
    photos = download()
    assert photos.origin.text.endswith("photos, from the mirror (a folder)")
    assert photos.folder.is_relative_to(tmp_path / "repository" / "mine")


@pytest.mark.parametrize("place", ["~nosuchuser/x", "x" * 300, "../mirrow"])
def test_a_mirror_that_cannot_be_is_no_crash(monkeypatch, place, capsys):
    monkeypatch.setenv("COURSE_DATA_MIRROR", place)
    assert "there is no such mirror; " in download(sample=True).origin.text
    assert f"COURSE_DATA_MIRROR is {place}" in capsys.readouterr().out


def test_a_home_that_is_not_known_is_an_error_in_words(world, tmp_path):
    with pytest.raises(ValueError, match="~nosuchuser/x: this machine does not know"):
        download(folder="~nosuchuser/x")
    with pytest.raises(DataError, match="~nosuchuser/x: this machine does not know"):
        write_mirror(download(), "~nosuchuser/x", progress=False)


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe\0\0", b"a,b\n1,2\n", b"path,bytes\nx,\n", b"a\rb,c\n"]
)
def test_a_set_whose_table_is_damaged_is_made_anew(world, damage):
    photos = download()
    right = (photos.folder / "photos.csv").read_bytes()
    (photos.folder / "photos.csv").write_bytes(damage)
    assert (download().folder / "photos.csv").read_bytes() == right


@pytest.fixture
def keras(monkeypatch):
    return pytest.importorskip("keras")


def download(per_class=12, **options):
    return openimages.download(per_class=per_class, **(QUIET | options))


def columns(photos) -> dict:
    return photos.table[["image_id", "class_name", "label", "split", "path", "sha256"]].to_dict()


# --- The set ---------------------------------------------------------------------------------


def test_split_is_balanced_and_no_photo_is_in_two_places(world):
    photos = download()
    counts = photos.table.groupby(["split", "class_name"]).size().to_dict()
    assert counts == {
        (split, name): count
        for split, count in (("training", 8), ("validation", 2), ("test", 2))
        for name in ("Rose", "Sunflower")
    }
    assert photos.table["image_id"].is_unique and photos.table["sha256"].is_unique
    assert len(photos) == 24 and photos.classes == ("Rose", "Sunflower")


def test_files_are_those_of_the_table(world):
    photos = download()
    found = {str(path.relative_to(photos.folder)) for path in photos.folder.rglob("*.jpg")}
    assert found == {str(Path(path)) for path in photos.table["path"]}
    for row in photos.table.itertuples():
        content = (photos.folder / row.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.sha256
        assert (len(content), row.width, row.height) == (row.bytes, 48, 40)
        assert row.path == f"{row.split}/{row.class_name}/{row.image_id}.jpg"


def test_labels_authors_and_licences_are_right(world):
    ids = {image_id(f"{name}{i}"): (name, i) for name in ("rose", "sun") for i in range(30)}
    for row in download().table.itertuples():
        name, number = ids[row.image_id]
        assert row.class_name == {"rose": "Rose", "sun": "Sunflower"}[name]
        assert row.label == {"rose": 0, "sun": 1}[name]
        assert row.label_id == {"rose": ROSE, "sun": SUNFLOWER}[name]
        assert row.author == f"Ann {name}{number}"
        assert row.title == f'The "{name}{number}", a photo'
        assert row.license == "https://creativecommons.org/licenses/by/2.0/"
        assert row.landing_url.endswith(f"/{name}{number}") and row.subset == "validation"
        assert np.isnan(row.rotation) if name == "sun" else row.rotation == 0


def test_same_seed_gives_the_same_set_in_another_cache(world, monkeypatch, tmp_path):
    first = download(connections=1)
    use_cache(monkeypatch, tmp_path / "other")
    second = download(connections=16)
    assert columns(first) == columns(second)
    assert list(first.table.columns) == list(second.table.columns)


def test_earlier_photos_in_the_cache_change_nothing(world, monkeypatch, tmp_path):
    direct = columns(download(15, seed=5))
    use_cache(monkeypatch, tmp_path / "other")
    small = download(6, seed=3)
    again = download(15, seed=5)
    assert columns(again) == direct
    overlap = set(small.table["image_id"]) & set(again.table["image_id"])
    assert again.summary.already_there >= len(overlap) > 0
    assert again.summary.already_there + again.summary.downloaded == 30


def test_another_seed_gives_other_photos_and_another_split(world):
    first, second = download(), download(seed=2)
    assert set(first.table["image_id"]) != set(second.table["image_id"])
    everything = [download(30, seed=seed) for seed in (1, 2)]  # all there are
    training = [
        set(each.table["image_id"][each.table["split"] == "training"]) for each in everything
    ]
    assert set(everything[0].table["image_id"]) == set(everything[1].table["image_id"])
    assert training[0] != training[1]


def test_the_order_of_the_rows_in_the_tables_does_not_matter(world, monkeypatch, tmp_path):
    first = columns(download())
    use_cache(monkeypatch, tmp_path / "other")
    monkeypatch.setattr(tiny, "sorted", lambda rows: sorted(rows, reverse=True), raising=False)
    world.line_end = "\r\n"
    use_mirror(monkeypatch, world, tmp_path / "reversed")
    assert columns(download()) == first


def test_classes_are_mixed_within_a_split(world):
    table = download(30).table
    labels = table["label"][table["split"] == "training"].tolist()
    assert labels != sorted(labels) and labels != sorted(labels, reverse=True)


def test_a_second_call_reads_only_the_finished_set(world, monkeypatch, tmp_path, capsys):
    first = download()
    other_spelling = openimages.download((" rose", "SUNFLOWER"), 12, **QUIET)
    assert other_spelling.classes == ("Rose", "Sunflower")
    assert other_spelling.folder == first.folder and other_spelling.origin.kind == "cache"
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "no such folder"))
    second = download()
    assert columns(second) == columns(first)
    assert second.origin.kind == "cache" and second.summary.already_there == 24
    assert "from the cache" in capsys.readouterr().out
    assert openimages.download((ROSE, SUNFLOWER), 12, **QUIET).folder == first.folder


def test_a_damaged_set_is_mended(world):
    first = download()
    table = columns(first)
    paths = [first.folder / path for path in first.table["path"]]
    paths[0].unlink()
    paths[1].unlink()
    paths[1].write_bytes(b"short")
    second = download()
    assert columns(second) == table
    for path, digest in zip(paths, second.table["sha256"], strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_a_damaged_photo_in_the_pool_is_fetched_again(world):
    photos = download(6)
    pool = photos.folder.parents[1] / "photos"
    victim = pool / "validation" / f"{photos.table['image_id'][0]}.jpg"
    content = victim.read_bytes()
    victim.unlink()  # not to change the set's link
    victim.write_bytes(content[:-200])
    again = download(12)
    assert again.summary.failed_attempts == {"damaged in the cache": 1}
    assert victim.read_bytes() == content


def test_origin_and_summary_tell_what_happened(world, capsys):
    photos = download()
    assert photos.origin.kind == "mirror" and not photos.origin.is_sample
    assert "12 Rose + 12 Sunflower photos" in photos.origin.text
    assert capsys.readouterr().out == f"{photos.origin.text}.\n"
    assert photos.summary.downloaded == 24 and photos.summary.listed["Rose"] == 20
    assert "24 photos" in str(photos.summary) and "24 photos" not in repr(photos.origin)
    assert repr(photos).startswith("Photos(Rose / Sunflower: 16 training, 4 validation, 4 test")


# --- Which photos are usable -----------------------------------------------------------------


def test_only_photos_that_show_one_class_are_used(monkeypatch, tmp_path):
    world = TinyOpenImages()
    world.add_many(6)
    bad = {
        "both": world.add("both", [ROSE, SUNFLOWER]),
        "absent": world.add("absent", [], absent=[ROSE]),
        "absent 0.0": world.add("absent0", [ROSE], confidence="0.0"),
        "absent 0": world.add("absent00", [ROSE], confidence="0"),
        "disputed": world.add("disputed", [ROSE], absent=[ROSE]),
        "no licence": world.add("unlisted", [ROSE], listed=False),
        "other": world.add("tulip", [TULIP]),
    }
    twice = world.add("twice", [ROSE, ROSE], absent=[SUNFLOWER])
    world.add("sun with a tulip", [SUNFLOWER, TULIP])
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    photos = download(7)
    ids = set(photos.table["image_id"])
    assert not ids & set(bad.values()) and twice in ids
    summary = photos.summary
    assert (summary.both_labels, summary.disputed, summary.without_licence) == (1, 1, 0)
    assert summary.listed == {"Rose": 8, "Sunflower": 7}


def test_photos_without_author_and_licence_come_last(monkeypatch, tmp_path):
    world = TinyOpenImages()
    world.add_many(6)
    unknown = world.add("unlisted", [ROSE], listed=False)
    world.add("sun", [SUNFLOWER])
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    for seed in range(3):
        assert unknown not in set(download(6, seed=seed).table["image_id"])
    photos = download(7)
    row = photos.table.set_index("image_id").loc[unknown]
    assert (row["author"], row["license"], row["class_name"]) == ("", "", "Rose")
    assert photos.summary.without_licence == 1
    assert "of 1 photos, author and licence are not known" in str(photos.summary)


def test_missing_broken_and_doubled_photos_are_replaced(monkeypatch, tmp_path):
    world = TinyOpenImages()
    world.add_many(12)
    good = jpeg("a rose twice")
    same_pixels = good[:2] + b"\xff\xfe\x00\x06note" + good[2:]  # with a comment in the file
    broken = {
        "cut": good[: len(good) // 2],
        "html": b"<html>not a photo</html>",
        "empty": b" ",
        "png": png(),
    }
    ids = {name: world.add(name, [ROSE], content=content) for name, content in broken.items()}
    missing = world.add("missing", [SUNFLOWER], content=b"")
    doubled = [
        world.add("first", [ROSE], content=good),
        world.add("second", [ROSE], content=same_pixels),
        world.add("third", [SUNFLOWER], content=good),
    ]
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    with pytest.raises(DataError) as error:
        download(14)
    assert "Rose 13, Sunflower 12" in str(error.value)
    photos = download(12)
    used = set(photos.table["image_id"])
    assert not used & {*ids.values(), missing} and len(used & set(doubled)) <= 1
    everything = (error.value, photos.summary)
    assert "1 missing, 4 broken, 2 duplicates" in str(everything[0])
    pool = photos.folder.parents[1] / "photos"
    stored = {path.stem for path in pool.rglob("*.jpg")}
    assert not stored & {*ids.values(), missing}
    for path in [*pool.rglob("*.jpg"), *photos.folder.rglob("*.jpg")]:
        Image.open(path).load()


def png() -> bytes:
    import io

    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


def test_too_few_photos_say_what_would_work(world, monkeypatch, tmp_path):
    world.add("more", [SUNFLOWER])
    use_mirror(monkeypatch, world, tmp_path / "mirror2")
    with pytest.raises(DataError) as error:
        download(31)
    text = str(error.value)
    assert "per_class=31" in text and "Listed: Rose 30, Sunflower 31" in text
    assert "openimages.download(('Rose', 'Sunflower'), per_class=30)" in text
    assert "train part" in text and not list((tmp_path / "cache").rglob("*.jpg"))
    assert len(download(30)) == 60


def test_too_few_is_an_error_even_where_a_sample_could_stand_in(world):
    with pytest.raises(DataError, match="too few photos"):
        openimages.download(per_class=400, progress=False)


def test_train_part_is_used_only_when_it_must_be(world, monkeypatch, tmp_path):
    assert set(download(12).table["subset"]) == {"validation"}
    assert set(download(25).table["subset"]) == {"validation", "test"}
    world.add_many(10, "train", first=100)
    use_mirror(monkeypatch, world, tmp_path / "mirror2")
    photos = download(35)
    assert set(photos.table["subset"]) == {"validation", "test", "train"}


def test_train_labels_are_read_on_when_a_part_of_them_was_not_enough(monkeypatch, tmp_path):
    from utils.openimages import labels

    monkeypatch.setattr(labels, "TRAIN_CANDIDATES", 1)
    world = TinyOpenImages()
    names = sorted((f"rose{i}" for i in range(40)), key=image_id)
    for place, name in enumerate(names):  # of the first ones, the host has none
        world.add(name, [ROSE], "train", listed=place >= 20)
    for i in range(40):
        world.add(f"sun{i}", [SUNFLOWER], "train")
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    photos = download(6)
    assert len(photos) == 12 and photos.table["image_id"].is_unique


def test_without_the_table_of_authors_the_columns_stay_empty(world, monkeypatch, tmp_path, capsys):
    mirror = tmp_path / "mirror"
    (mirror / tiny.PHOTOS.format("validation")).unlink()
    photos = download(12)
    assert set(photos.table["author"]) == {""} and photos.table["rotation"].isna().all()
    assert "authors and licences" in capsys.readouterr().out


def test_a_changed_table_in_the_mirror_is_read_again(world, monkeypatch, tmp_path):
    download(6)
    world.add_many(1, first=50)
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    assert download(7).summary.listed["Rose"] == 21


# --- Names of classes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("Roze", ["'Rose'"]),
        ("sun", ["'Sunflower'"]),
        ("Jaguar", ["2 classes", '"/m/0jag1" or "/m/0jag2"']),
        ("DOLL", ["2 classes", "/m/0doll1", "/m/0doll2"]),
        ("/m/nothing", ["no class '/m/nothing'", "10 classes"]),
        ("/m/06m11", ["2 times"]),
        ("rose", ["2 times"]),
    ],
)
def test_a_class_that_is_not_clear_is_asked_about(world, name, hints):
    with pytest.raises(ValueError) as error:
        openimages.download(("Rose", name), 6, **QUIET)
    for hint in hints:
        assert hint in str(error.value)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_strange_names_are_found_and_make_good_folders(monkeypatch, tmp_path, line_end):
    world = TinyOpenImages(line_end)
    wishes = ("screw, nut / bolt?", "Doll", "doll", "/m/0jag2", "Con", 'dog "rex"')
    labels = ("/m/0scr", "/m/0doll1", "/m/0doll2", "/m/0jag2", "/m/0con", "/t/dd1")
    for number in range(4):
        for label in labels:
            world.add(f"{label}{number}", [label])
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    photos = openimages.download(wishes, 3, **QUIET)
    assert photos.classes == ("Screw, nut / bolt?", "Doll", "doll", "Jaguar", "Con", 'Dog "Rex"')
    assert set(photos.table["label_id"]) == set(labels)
    names = photos.folder_names
    assert len({name.lower() for name in names}) == 6
    assert names[0] == "Screw, nut _ bolt_" and names[4] == "_Con" and names[5] == "Dog _Rex_"
    assert sorted(path.name for path in (photos.folder / "training").iterdir()) == sorted(names)


def test_two_classes_of_one_name_can_be_told_apart(monkeypatch, tmp_path):
    world = TinyOpenImages()
    for number in range(4):
        for label in ("/m/0jag1", "/m/0jag2", ROSE):
            world.add(f"{label}{number}", [label])
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    both = openimages.download(("/m/0jag1", "/m/0jag2"), 3, **QUIET)
    assert both.folder_names == ["Jaguar (m_0jag1)", "Jaguar (m_0jag2)"]
    one, other = (
        openimages.download((label, "Rose"), 3, **QUIET) for label in ("/m/0jag1", "/m/0jag2")
    )
    assert one.folder != other.folder
    assert not set(one.table["image_id"][one.table["label"] == 0]) & set(other.table["image_id"])


def test_set_names_and_folder_names_fit_windows():
    names = ["a" * 60, "b" * 60, "x:y", "..", "aux.jpg", "Café"]
    categories = tuple(Category(name, f"/m/{i}") for i, name in enumerate(names))
    recipe = request.Recipe(categories, (4, 1, 1), 1, None)
    assert len(recipe.set_name) < 80
    for name in (recipe.set_name, *recipe.folder_names):
        assert not set(name) & set('<>:"/\\|?*') and name.strip(" .") == name
        assert name.lower().partition(".")[0] not in ("aux", "con", "nul")


# --- Arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "hint"),
    [
        ({"classes": "Rose"}, ValueError, 'classes=("Rose", "Sunflower")'),
        ({"classes": "Rose, Tulip"}, ValueError, 'classes=("Rose", "Tulip")'),
        ({"classes": ["Rose"]}, ValueError, "two or more"),
        ({"classes": ["Rose", "Rose "]}, ValueError, "2 times"),
        ({"classes": ["Rose", 3]}, ValueError, "one is 3"),
        ({"per_class": 2}, ValueError, "per_class=3 or more"),
        ({"per_class": -5}, ValueError, "-5"),
        ({"per_class": 10.5}, TypeError, "per_class must be an integer"),
        ({"split": (10, 2, 2), "per_class": 12}, ValueError, "Say per_class=14"),
        ({"split": (10, 2, 2), "per_class": 12}, ValueError, "(8, 2, 2)"),
        ({"split": (10, 2)}, ValueError, "three numbers"),
        ({"split": (0.8, 0.1, 0.1)}, ValueError, "numbers of photos"),
        ({"split": (10, -1, 2)}, ValueError, "validation part of split"),
        ({"split": (0, 1, 2)}, ValueError, "training part of split"),
        ({"seed": -1}, ValueError, "seed"),
        ({"longest_side": 5}, ValueError, "longest_side"),
        ({"connections": 0}, ValueError, "connections"),
        ({"connections": 1000}, ValueError, "polite"),
    ],
)
def test_a_wrong_argument_is_explained(options, error, hint, tmp_path):
    with pytest.raises(error) as raised:
        openimages.download(**options)
    assert hint in str(raised.value)
    assert not list(tmp_path.rglob("*"))  # nothing was begun


def test_split_follows_from_per_class_and_the_other_way_round(world):
    assert request.check_split(None, None) == (400, 100, 100)
    assert request.check_split(60, None) == (40, 10, 10)
    assert request.check_split(3, None) == (1, 1, 1)
    photos = download(None, split=[5, 0, 2])
    assert photos.table["split"].value_counts().to_dict() == {"training": 10, "test": 4}
    assert photos.load("validation")[0].shape == (0, 160, 160, 3)
    assert "split5-0-2" in photos.folder.name


# --- Folders ---------------------------------------------------------------------------------


def test_a_folder_of_ones_own(world, tmp_path):
    folder = tmp_path / "my photos"
    folder.mkdir()
    (folder / ".DS_Store").touch()
    photos = download(folder=str(folder))
    assert photos.folder == folder and (folder / "photos.csv").is_file()
    assert download(folder=folder).origin.kind == "cache"


def test_files_of_others_are_never_touched(world, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years")
    with pytest.raises(ValueError, match="holds other files"):
        download(folder=folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    with pytest.raises(ValueError, match="is a file"):
        download(folder=folder / "thesis.txt")
    assert (folder / "thesis.txt").read_text() == "years"


def test_another_set_is_not_overwritten(world, tmp_path):
    first = download(folder=tmp_path / "set")
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="seed is 1 there and 2 here"):
        download(folder=tmp_path / "set", seed=2)
    assert {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()} == before


def test_an_unfinished_set_is_finished(world, monkeypatch):
    place = dataset_folder._place
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 9:
            raise KeyboardInterrupt
        place(*arguments)

    monkeypatch.setattr(dataset_folder, "_place", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download()
    monkeypatch.setattr(dataset_folder, "_place", place)
    photos = download()
    assert photos.summary.already_there == 24
    assert sorted(path.stem for path in photos.folder.rglob("*.jpg")) == sorted(
        photos.table["image_id"]
    )


def test_copies_where_there_are_no_links(world, monkeypatch):
    def no_links(*_):
        raise OSError("not here")

    monkeypatch.setattr(os, "link", no_links)
    photos = download()
    path = photos.folder / photos.table["path"][0]
    assert path.stat().st_nlink == 1
    assert hashlib.sha256(path.read_bytes()).hexdigest() == photos.table["sha256"][0]


def test_links_save_the_space(world):
    photos = download()
    assert (photos.folder / photos.table["path"][0]).stat().st_nlink == 2


def test_two_downloads_at_once_wait_for_each_other(world, monkeypatch):
    get = Pool.get

    def slow_get(*arguments):
        time.sleep(0.02)
        return get(*arguments)

    monkeypatch.setattr(Pool, "get", slow_get)
    found, problems = [], []

    def call():
        try:
            found.append(download())
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not problems
    assert sorted(photos.summary.downloaded for photos in found) == [0, 0, 24]
    assert columns(found[0]) == columns(found[1]) == columns(found[2])


def test_photos_can_be_stored_smaller(monkeypatch, tmp_path):
    world = TinyOpenImages()
    world.add_many(5)
    for number in range(4):
        world.add(f"large{number}", [ROSE], content=jpeg(f"large{number}", (300, 200)))
        world.add(
            f"large cmyk {number}", [SUNFLOWER], content=jpeg(f"c{number}", (200, 300), "CMYK")
        )
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    photos = download(9, longest_side=150)
    sizes = {(row.width, row.height) for row in photos.table.itertuples()}
    assert sizes == {(48, 40), (150, 100), (100, 150)}
    for row in photos.table.itertuples():
        with Image.open(photos.folder / row.path) as image:
            assert image.size == (row.width, row.height)
    assert download(9).table["width"].max() == 300


# --- Arrays ----------------------------------------------------------------------------------


def test_load_follows_the_table(world):
    photos = download()
    x, y = photos.load("training", size=(40, 48))
    table = photos.table[photos.table["split"] == "training"]
    assert x.shape == (16, 40, 48, 3) and x.dtype == np.uint8
    assert y.dtype == np.int32 and y.tolist() == table["label"].tolist()
    for pixels, path in zip(x, table["path"], strict=True):
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(photos.folder / path)))


def test_crop_and_squeeze(tmp_path):
    from utils.openimages.dataset import decode

    stripes = np.zeros((100, 300, 3), np.uint8)
    stripes[:, 100:200] = (0, 255, 0)
    Image.fromarray(stripes).save(tmp_path / "wide.jpg", quality=95)
    Image.fromarray(stripes.swapaxes(0, 1)).save(tmp_path / "tall.jpg", quality=95)
    x = decode([tmp_path / "wide.jpg", tmp_path / "tall.jpg"], (50, 50))
    inner = x[:, 4:-4, 4:-4]
    assert inner[..., 1].min() > 230 and inner[..., 0].max() < 25  # only the middle is there
    squeezed = decode([tmp_path / "wide.jpg"], (50, 60), crop=None)[0]
    assert squeezed[25, 8, 1] < 25 and squeezed[25, 30, 1] > 230 and squeezed[25, 52, 1] < 25


def test_reduction_does_not_alias(tmp_path):
    from utils.openimages.dataset import decode

    checks = np.indices((640, 640)).sum(axis=0) % 2 * 255  # grey, seen from far away
    Image.fromarray(checks.astype(np.uint8)).convert("RGB").save(
        tmp_path / "checks.jpg", quality=95
    )
    x = decode([tmp_path / "checks.jpg"], (37, 37)).astype(float)
    assert abs(x.mean() - 127.5) < 6 and x.std() < 6


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_photos_become_rgb(tmp_path, mode):
    from utils.openimages.dataset import decode

    colour = 200 if mode == "L" else (0, 255, 255, 0)  # CMYK: red
    (tmp_path / "a.jpg").write_bytes(jpeg("a", (64, 64), mode, colour))
    red, green, blue = decode([tmp_path / "a.jpg"], (16, 16))[0, 8, 8].astype(int)
    if mode == "L":
        assert red == green == blue and abs(red - 200) < 3
    else:
        assert red > 200 and green < 60 and blue < 60


def test_wrong_arguments_of_load(world):
    photos = download()
    with pytest.raises(ValueError, match="Did you mean 'training'"):
        photos.load("train")
    with pytest.raises(ValueError, match="height and width"):
        photos.load("test", size=160)
    with pytest.raises(ValueError, match="crop"):
        photos.load("test", crop="middle")
    (photos.folder / photos.table["path"][0]).unlink()
    with pytest.raises(DataError, match=r"Call openimages\.download again"):
        photos.load("training")


def test_batches_of_keras(world, keras):
    photos = download()
    x, y = photos.load("training", size=(24, 32))
    batches = photos.batches("training", size=(24, 32), batch_size=5)
    parts = [batches[i] for i in range(len(batches))]
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), x)
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), y)
    with pytest.raises(IndexError):
        batches[4]


def test_shuffled_batches_hold_every_photo_once_an_epoch(world, keras):
    photos = download()
    x, _ = photos.load("training", size=(8, 8))
    epochs = []
    for seed in (3, 3, 4):
        batches = photos.batches("training", size=(8, 8), batch_size=5, shuffle_seed=seed)
        for _ in range(2):
            whole = np.concatenate([batches[i][0] for i in range(len(batches))])
            epochs.append(whole.reshape(16, -1))
            batches.on_epoch_end()
    for epoch in epochs:
        assert sorted(map(bytes, epoch)) == sorted(map(bytes, x.reshape(16, -1)))
    np.testing.assert_array_equal(epochs[0], epochs[2])
    np.testing.assert_array_equal(epochs[1], epochs[3])
    assert (epochs[0] != epochs[1]).any() and (epochs[0] != epochs[4]).any()


def test_keras_trains_on_the_batches(world, keras):
    photos = download()
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(photos.batches("training", (8, 8), 4, shuffle_seed=0), verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert model.predict(photos.batches("test", (8, 8)), verbose=0).shape == (4, 2)


def test_keras_reads_the_folder(monkeypatch, tmp_path, keras):
    pytest.importorskip("tensorflow")
    world = TinyOpenImages()
    world.add_many(4)
    world.add("grey", [ROSE], content=jpeg("grey", mode="L"))
    world.add("cmyk", [ROSE], content=jpeg("cmyk", mode="CMYK"))
    world.add_many(2, first=10)
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    photos = openimages.download(("Sunflower", "Rose"), 6, **QUIET)
    dataset = keras.utils.image_dataset_from_directory(
        photos.folder / "training",
        class_names=photos.folder_names,
        image_size=(40, 48),
        shuffle=False,
        verbose=False,
    )
    x, y = next(iter(dataset))
    paths = [str(Path(path).relative_to(photos.folder)) for path in dataset.file_paths]
    table = photos.table.set_index("path")
    assert y.numpy().tolist() == [table["label"][path.replace(os.sep, "/")] for path in paths]
    assert x.shape == (8, 40, 48, 3)


# --- Sample ----------------------------------------------------------------------------------


def test_the_sample_stands_in_and_says_so(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    photos = openimages.download(("Cat", "Dog"), 60)
    said = capsys.readouterr().out
    assert said.startswith("SAMPLE, not Open Images") and "COURSE_OFFLINE" in said
    assert "320 + 80 + 80 photos" in said and len(said.splitlines()) == 2
    assert photos.origin.is_sample and photos.classes == ("Building", "Flower")
    counts = photos.table.groupby(["split", "label"]).size()
    assert counts.tolist() == [40, 40, 160, 160, 40, 40]
    assert photos.table["width"].min() >= 64 and photos.table["sha256"].is_unique
    assert set(photos.table["author"]) == {"danielbuechele", "vultilion"}
    assert photos.load("test", (64, 64))[0].shape == (80, 64, 64, 3)
    again = openimages.download()
    assert columns(again) == columns(photos) and again.table.columns.tolist() == list(
        dataset_folder.COLUMNS
    )


def test_the_sample_can_be_forbidden(monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    with pytest.raises(DataError, match="COURSE_OFFLINE is set"):
        openimages.download(sample=False)


def test_the_sample_leaves_the_folder_of_the_user_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert openimages.download(folder=tmp_path / "mine").origin.is_sample
    assert not (tmp_path / "mine").exists()


def test_splits_of_the_sample_share_no_pixel():
    photo = np.random.default_rng(0).integers(0, 256, (427, 640, 3), dtype=np.uint8)
    for label in (0, 1):
        masks = []
        for split in request.SPLITS:
            mask = np.zeros(photo.shape[:2], bool)
            places = sample.crop_places(photo, label, split)
            assert len(places) >= dict(zip(request.SPLITS, sample.RECIPE.split, strict=True))[split]
            for top, left, side in places:
                mask[top : top + side, left : left + side] = True
            masks.append(mask)
        assert np.sum(masks, axis=0).max() == 1
        assert all(mask.any() for mask in masks)


# --- A mirror for a lab ----------------------------------------------------------------------


def test_a_mirror_of_a_set_gives_the_same_set(world, monkeypatch, tmp_path, capsys):
    lab = tmp_path / "lab"
    arguments = ["Rose", "Sunflower", "--per-class", "25", "--mirror", str(lab), "--quiet"]
    assert commands.main(arguments) == 0
    assert f"COURSE_DATA_MIRROR={lab}" in capsys.readouterr().out
    first = columns(download(25))
    use_cache(monkeypatch, tmp_path / "student")
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(lab))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    photos = download(25)
    assert columns(photos) == first and photos.summary.listed == {"Rose": 25, "Sunflower": 25}
    assert (photos.summary.missing, photos.summary.without_licence) == (0, 0)
    assert set(photos.table["author"]) == {f"Ann {name}" for name in names_of(first)}
    assert len(download(20, seed=9)) == 40


def names_of(table: dict) -> list[str]:
    names = {image_id(f"{name}{i}"): f"{name}{i}" for name in ("rose", "sun") for i in range(30)}
    return [names[key] for key in table["image_id"].values()]


def test_sets_can_be_added_to_a_mirror(world, monkeypatch, tmp_path):
    for number in range(6):
        world.add(f"tulip{number}", [TULIP], absent=[ROSE])
    use_mirror(monkeypatch, world, tmp_path / "mirror")
    lab = tmp_path / "lab"
    for classes, per_class in ((("Rose", "Sunflower"), 12), (("Tulip", "Rose"), 6)) * 2:
        photos = openimages.download(classes, per_class, **QUIET)
        write_mirror(photos, lab, progress=False)
    for path in lab.rglob("*.csv"):
        lines = path.read_bytes().splitlines()
        assert len(lines) == len(set(lines)) > 0
    use_cache(monkeypatch, tmp_path / "student")
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(lab))
    assert len(download(12)) == 24
    assert len(openimages.download(("Tulip", "Sunflower"), 6, **QUIET)) == 12


# --- Command line ----------------------------------------------------------------------------


def test_command_line(world, tmp_path, capsys):
    folder = tmp_path / "set"
    arguments = ["Rose", "Sunflower", "--per-class", "6", "--folder", str(folder), "--quiet"]
    assert commands.main(arguments) == 0
    said = capsys.readouterr().out
    assert "12 photos" in said and str(folder) in said
    assert json.loads((folder / "photos.json").read_text())["recipe"]["split"] == [4, 1, 1]
    assert commands.main(["Roze", "Sunflower", "--quiet"]) == 2
    assert "'Rose'" in capsys.readouterr().err
    assert commands.main(["Rose", "Tulip", "--split", "4", "1", "1", "--quiet"]) == 2
    assert "Tulip 0" in capsys.readouterr().err
