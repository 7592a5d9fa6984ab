"""`utils.openimages` with a mirror that is a folder: which photos, which split, which folder."""

import hashlib
import os
import threading

import numpy as np
import pytest
import tiny_openimages as tiny
from faulty_server import stay_on_this_machine
from PIL import Image
from tiny_openimages import ROSE, SUNFLOWER, TULIP, TinyOpenImages, image_id, jpeg

from utils import openimages
from utils.common.errors import DataError
from utils.openimages import __main__ as commands
from utils.openimages import labels
from utils.openimages.dataset_folder import COLUMNS
from utils.openimages.mirror import write_mirror
from utils.openimages.photo_pool import Pool

QUIET = {"progress": False, "sample": False}


@pytest.fixture(autouse=True)
def on_this_machine_only(monkeypatch, tmp_path):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))


@pytest.fixture
def use(monkeypatch, tmp_path):
    """Makes a world the mirror."""
    return lambda world: monkeypatch.setenv(
        "COURSE_DATA_MIRROR", str(world.write(tmp_path / "mirror"))
    )


@pytest.fixture
def world(use):
    """Twenty good photos of each class in the validation part, ten more in the test part."""
    world = TinyOpenImages()
    world.add_many(20)
    world.add_many(10, "test", first=20)
    use(world)
    return world


def download(per_class=12, **options):
    return openimages.download(per_class=per_class, **(QUIET | options))


def columns(photos) -> dict:
    return photos.table[["image_id", "class_name", "label", "split", "path", "sha256"]].to_dict()


def test_the_table_the_files_and_the_summary_agree(world, capsys):
    photos = download()
    assert list(photos.table.columns) == list(COLUMNS)
    assert photos.table.groupby(["split", "label"]).size().tolist() == [2, 2, 8, 8, 2, 2]
    assert photos.table["image_id"].is_unique and photos.table["sha256"].is_unique
    ids = {image_id(f"{name}{i}"): (name, i) for name in ("rose", "sun") for i in range(30)}
    for row in photos.table.itertuples():
        name, number = ids[row.image_id]
        label = ("rose", "sun").index(name)
        class_name, label_id = (("Rose", ROSE), ("Sunflower", SUNFLOWER))[label]
        assert (row.label, row.class_name, row.label_id) == (label, class_name, label_id)
        assert row.path == f"{row.split}/{row.class_name}/{row.image_id}.jpg"
        assert row.author == f"Ann {name}{number}"
        assert row.title == f'The "{name}{number}", a photo'
        assert row.license.endswith("/by/2.0/") and row.landing_url.endswith(f"/{name}{number}")
        assert row.subset == "validation" and np.isnan(row.rotation) == (name == "sun")
        content = (photos.folder / row.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.sha256
        assert (len(content), row.width, row.height) == (row.bytes, 48, 40)
    assert len(list(photos.folder.rglob("*.jpg"))) == len(photos) == 24
    assert capsys.readouterr().out == f"{photos.origin.text}.\n"
    assert "12 Rose + 12 Sunflower photos, from the mirror" in photos.origin.text
    assert (photos.summary.downloaded, photos.summary.listed["Rose"]) == (24, 20)


def test_the_seed_alone_decides(world, use, monkeypatch, tmp_path):
    """Neither the order of the rows in the tables, nor what the cache holds."""
    first = columns(download(15))
    assert columns(download(15, seed=2)) != first
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "other"))
    small = download(6, seed=3)
    monkeypatch.setattr(tiny, "sorted", lambda rows: sorted(rows, reverse=True), raising=False)
    world.line_end = "\r\n"
    use(world)
    again = download(15)
    assert columns(again) == first
    overlap = set(small.table["image_id"]) & set(again.table["image_id"])
    assert again.summary.already_there >= len(overlap) > 0
    everything = [download(30, seed=seed).table for seed in (1, 2)]  # all photos there are
    train = [set(table["image_id"][table["split"] == "train"]) for table in everything]
    assert set(everything[0]["image_id"]) == set(everything[1]["image_id"])
    assert train[0] != train[1]
    labels = everything[0]["label"].tolist()
    assert labels != sorted(labels) and labels != sorted(labels, reverse=True)


def test_a_finished_set_needs_no_source(world, monkeypatch, tmp_path, capsys):
    first = download()
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "no such folder"))
    second = download()
    assert columns(second) == columns(first) and second.folder == first.folder
    assert second.origin.kind == "cache" and second.summary.already_there == 24
    assert "from the cache" in capsys.readouterr().out


def test_a_class_can_be_written_in_several_ways(world):
    first = download()
    for classes in ((" rose", "SUNFLOWER"), (ROSE, SUNFLOWER)):
        other = download(classes=classes)
        assert other.classes == ("Rose", "Sunflower") and columns(other) == columns(first)
        assert other.summary.already_there == 24


def test_a_damaged_table_and_damaged_photos_are_mended(world):
    first = download()
    table = first.folder / "photos.csv"
    right = table.read_bytes()
    for damage in (b"", b"\xff\xfe\0\0", b"a,b\n1,2\n", b"path,bytes\nx,\n"):
        table.write_bytes(damage)
        assert (download().folder / "photos.csv").read_bytes() == right
    paths = [first.folder / path for path in first.table["path"]]
    paths[0].unlink()
    paths[1].unlink()
    paths[1].write_bytes(b"short")
    key = first.table["image_id"][2]
    in_pool = first.folder.parents[1] / "photos" / "validation" / f"{key}.jpg"
    content = in_pool.read_bytes()
    in_pool.unlink()  # so as not to change the set's link
    in_pool.write_bytes(content[:-200])
    second = download()
    assert second.summary.failed_attempts == {"damaged in the cache": 1}
    assert in_pool.read_bytes() == content
    for path, digest in zip(paths, second.table["sha256"], strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("has_links", [True, False])
def test_photos_are_linked_or_copied_and_an_unfinished_set_is_finished(
    world, monkeypatch, has_links
):
    link, calls = os.link, []

    def interrupted(*paths):
        calls.append(paths)
        if len(calls) == 9:
            raise KeyboardInterrupt
        if not has_links:
            raise OSError("not here")
        link(*paths)

    monkeypatch.setattr(os, "link", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download()
    photos = download()
    assert photos.summary.already_there == 24
    paths = list(photos.folder.rglob("*.jpg"))
    assert sorted(path.stem for path in paths) == sorted(photos.table["image_id"])
    assert {path.stat().st_nlink for path in paths} == {2 if has_links else 1}


def test_two_downloads_at_once_wait_for_each_other(world, monkeypatch):
    get, both, results = Pool.get, threading.Barrier(2), []

    def slow(*arguments):
        if not both.broken:
            both.wait(5)
        return get(*arguments)

    def call():
        results.append(download())

    threads = [threading.Thread(target=call) for _ in range(2)]
    monkeypatch.setattr(Pool, "get", slow)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(photos.summary.downloaded for photos in results) == [0, 24]
    assert columns(results[0]) == columns(results[1])


def test_photos_can_be_stored_smaller(use):
    world = TinyOpenImages()
    world.add_many(2)
    world.add("large", [ROSE], content=jpeg("large", (300, 200)))
    world.add("cmyk", [SUNFLOWER], content=jpeg("cmyk", (200, 300), "CMYK"))
    use(world)
    photos = download(3, longest_side=150)
    for row in photos.table.itertuples():
        with Image.open(photos.folder / row.path) as image:
            assert image.size == (row.width, row.height)
    assert set(photos.table["width"]) == {48, 150, 100}
    assert download(3).table["width"].max() == 300


def test_only_photos_that_show_one_class_are_used_and_those_with_a_licence_first(use):
    world = TinyOpenImages()
    world.add_many(6)
    bad = {
        world.add("both", [ROSE, SUNFLOWER]),
        world.add("absent", [], absent=[ROSE]),
        world.add("absent 0.0", [ROSE], confidence="0.0"),
        world.add("absent 0", [ROSE], confidence="0"),
        world.add("disputed", [ROSE], absent=[ROSE]),
        world.add("other", [TULIP]),
    }
    unknown = world.add("unlisted", [ROSE], listed=False)
    world.add("twice", [ROSE, ROSE], absent=[SUNFLOWER])
    world.add("sun with a tulip", [SUNFLOWER, TULIP])
    world.add("sun", [SUNFLOWER])
    use(world)
    assert unknown not in set(download(7).table["image_id"])
    photos = download(8)
    assert not bad & set(photos.table["image_id"])
    row = photos.table.set_index("image_id").loc[unknown]
    assert (row["author"], row["license"], row["class_name"]) == ("", "", "Rose")
    summary = photos.summary
    assert (summary.both_labels, summary.disputed, summary.without_licence) == (1, 1, 1)
    assert summary.listed == {"Rose": 8, "Sunflower": 8}


def test_missing_broken_and_doubled_photos_are_replaced(use, tmp_path):
    world = TinyOpenImages()
    world.add_many(12)
    good = jpeg("a rose twice")
    same_pixels = good[:2] + b"\xff\xfe\x00\x06note" + good[2:]  # with a comment in the file
    contents = [good[: len(good) // 2], b"<html>not a photo</html>", b" ", b"\x89PNG\r\n\x1a\n"]
    ids = {world.add(f"broken {i}", [ROSE], content=part) for i, part in enumerate(contents)}
    ids.add(world.add("missing", [SUNFLOWER], content=b""))
    for name, label, content in (
        ("first", ROSE, good),
        ("second", ROSE, same_pixels),
        ("third", SUNFLOWER, good),
    ):
        world.add(name, [label], content=content)
    use(world)
    with pytest.raises(DataError) as error:
        download(14)
    assert "Rose 13, Sunflower 12" in str(error.value)
    assert "1 missing, 4 broken, 2 duplicates" in str(error.value)
    photos = download(12)
    assert len(photos) == 24 and not ids & {path.stem for path in tmp_path.glob("cache/**/*.jpg")}


def test_too_few_photos_say_what_would_work(world, use, tmp_path):
    world.add("more", [SUNFLOWER])
    use(world)
    with pytest.raises(DataError) as error:
        openimages.download(per_class=31, progress=False)  # even where a sample could stand in
    assert "Listed: Rose 30, Sunflower 31" in str(error.value)
    assert "openimages.download(('Rose', 'Sunflower'), per_class=30)" in str(error.value)
    assert "train part" in str(error.value) and not list(tmp_path.glob("cache/**/*.jpg"))


def test_the_parts_of_open_images_are_used_in_order(world, use, tmp_path, capsys):
    assert set(download(12).table["subset"]) == {"validation"}
    assert set(download(25).table["subset"]) == {"validation", "test"}
    world.add_many(10, "train", first=100)
    world.add("not at the host", [ROSE], "train", listed=False)
    use(world)
    photos = download(35)
    assert set(photos.table["subset"]) == {"validation", "test", "train"}
    assert photos.summary.listed["Rose"] == 40
    (tmp_path / "mirror" / tiny.PHOTOS.format("validation")).unlink()
    assert "" in set(download(11).table["author"])
    assert "authors and licences" in capsys.readouterr().out


@pytest.mark.parametrize("listed_from", [0, 20])
def test_train_labels_are_read_as_far_as_needed(listed_from, use, monkeypatch):
    """Their table has 2.7 GB; of frequent classes the beginning is enough, unless it is not."""
    monkeypatch.setattr(labels, "TRAIN_CANDIDATES", 1)
    world = TinyOpenImages()
    names = sorted((f"rose{i}" for i in range(40)), key=image_id)
    for place, name in enumerate(names):  # of the first ones, the host may have none
        world.add(name, [ROSE], "train", listed=place >= listed_from)
    for i in range(40):
        world.add(f"sun{i}", [SUNFLOWER], "train")
    use(world)
    photos = download(6)
    assert len(photos) == 12 and photos.table["image_id"].is_unique
    assert (photos.summary.listed["Rose"] < 20) == (listed_from == 0)


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("Roze", ["'Rose'"]),
        ("sun", ["'Sunflower'"]),
        ("Jaguar", ["2 classes", '"/m/0jag1" or "/m/0jag2"']),
        ("/m/nothing", ["no class '/m/nothing'", "9 classes"]),
        ("/m/06m11", ["2 times"]),
    ],
)
def test_a_class_that_is_not_clear_is_asked_about(world, name, hints):
    with pytest.raises(ValueError) as error:
        download(6, classes=("Rose", name))
    assert all(hint in str(error.value) for hint in hints)


def test_a_mirror_that_cannot_exist_leads_to_the_sample(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA_MIRROR", "../mirrow")
    assert "there is no such mirror; " in download(sample=True).origin.text
    assert "COURSE_DATA_MIRROR is ../mirrow" in capsys.readouterr().out


def test_a_mirror_of_a_set_gives_the_same_set(world, monkeypatch, tmp_path, capsys):
    lab = tmp_path / "lab"
    arguments = ["Rose", "Sunflower", "--per-class", "25", "--mirror", str(lab), "--quiet"]
    assert commands.main(arguments) == 0
    printed = capsys.readouterr().out
    first = download(25)
    assert f"COURSE_DATA_MIRROR={lab}" in printed and str(first.folder) in printed
    for name, hint in (("Roze", "'Rose'"), ("Tulip", "Tulip 0")):
        assert commands.main([name, "Sunflower", "--per-class", "6", "--quiet"]) == 2
        assert hint in capsys.readouterr().err
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "student"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(lab))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    photos = download(25)
    assert photos.table.equals(first.table)
    assert photos.summary.listed == {"Rose": 25, "Sunflower": 25}
    assert len(download(20, seed=9)) == 40


def test_sets_can_be_added_to_a_mirror(world, use, monkeypatch, tmp_path):
    for number in range(6):
        world.add(f"tulip{number}", [TULIP], absent=[ROSE])
    use(world)
    lab = tmp_path / "lab"
    for classes, per_class in ((("Rose", "Sunflower"), 12), (("Tulip", "Rose"), 6)) * 2:
        write_mirror(download(per_class, classes=classes), lab, progress=False)
    for path in lab.rglob("*.csv"):
        lines = path.read_bytes().splitlines()
        assert len(lines) == len(set(lines)) > 0
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "student"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(lab))
    assert len(download(12)) == 24 and len(download(6, classes=("Tulip", "Sunflower"))) == 12
