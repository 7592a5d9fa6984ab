"""The variables of the data layer, its cache, and what it says where a source is at fault."""

import os
from pathlib import Path

import pytest
from conftest import ROOT
from data_world import data_world
from faulty_server import Fault, stay_on_this_machine
from tiny_files import image_files

from grading.sandbox.view import data_folder
from utils import data, runtime
from utils.data import __main__ as commands
from utils.data import images
from utils.data.fetching import places

TRAIN_IMAGES, _, _, TEST_LABELS = images.MNIST_FILES.values()


@pytest.fixture
def world(tmp_path, monkeypatch):
    with data_world(tmp_path, monkeypatch, image_files()) as world:
        yield world


@pytest.fixture
def root(world):
    """A repository of our own, in which relative paths are meant."""
    root = world.folder / "repository"
    (root / "notebooks").mkdir(parents=True)
    world.setattr(places, "ROOT", root)
    return root


@pytest.mark.parametrize("start", ["repository", "repository/notebooks", ""])
@pytest.mark.parametrize("place", ["mirror", "../mirror"])
def test_a_relative_folder_is_one_folder_wherever_a_program_starts(world, root, start, place):
    world.monkeypatch.chdir(world.folder / start)
    world.fill(Path(os.path.normpath(root / place)))
    world.use_mirror(place)
    world.setenv("COURSE_DATA_DIR", "mine")
    assert data.load_mnist().origin.kind == "mirror"
    assert data.load_mnist().origin.kind == "cache"
    assert data.cache_folder() == root / "mine"
    assert data_folder("COURSE_DATA_DIR") == str(root / "mine")
    assert data_folder("COURSE_DATA_MIRROR") == os.path.normpath(root / place)
    assert [path.parent for path in world.folder.rglob("mine")] == [root]


def test_the_repository_of_the_course_is_meant(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA_DIR", "mine")
    assert places.named_folder("COURSE_DATA_DIR") == ROOT / "mine"
    monkeypatch.delenv("COURSE_DATA_DIR")
    assert places.preferred_cache() == ROOT / "data" / "cache"


@pytest.mark.parametrize("place", ["~nosuchuser/x", "x" * 300, "/dev/null/x"])
def test_a_mirror_that_cannot_be_is_no_crash(world, place, capsys):
    world.use_mirror(place)
    assert "there is no such mirror" in data.load_mnist().origin.text
    assert f"COURSE_DATA_MIRROR is {place}" in capsys.readouterr().out
    assert data_folder("COURSE_DATA_MIRROR") is None
    world.serve()
    assert data.load_mnist().origin.kind == "official"


@pytest.mark.parametrize("place", ["~nosuchuser/x", "x" * 300, "/dev/null/x"])
def test_a_cache_that_cannot_be_is_no_crash(world, root, place, capsys):
    world.setattr(places, "DEFAULT_CACHE", world.folder / "default")
    world.setenv("COURSE_DATA_DIR", place)
    assert data.load_mnist().origin.is_sample
    assert capsys.readouterr().out.count(place) == 1  # said once
    world.serve()
    assert data.load_mnist().origin.kind == "official"
    assert data_folder("COURSE_DATA_DIR") is None
    assert [path.name for path in root.rglob("*")] == ["notebooks"]


@pytest.mark.parametrize(
    ("place", "meant"),
    [
        ("  ", "none"),
        ("../lab", "{folder}/lab"),
        ("http://ann:secret@lab:8000/x", "http://lab:8000/x"),
        ("~nosuchuser", "COURSE_DATA_MIRROR is ~nosuchuser, and"),
    ],
)
def test_list_says_which_mirror_is_meant(world, root, capsys, place, meant):
    world.setenv("COURSE_DATA_MIRROR", place)
    assert commands.main(["list", "mnist"]) == 0
    assert commands.main(["mirror", "~nosuchuser/x", "mnist"]) == 2  # not a folder to make
    assert f"Mirror: {meant.format(folder=world.folder)}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/somewhere/of/ours", "cache, then mirror (a folder), then official"),
        ("https://ann:secret@lab.uni.hu", "cache, then mirror lab.uni.hu, then official"),
    ],
)
def test_what_a_lesson_says_of_the_mirror_can_be_published(monkeypatch, place, words):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setenv("COURSE_DATA_MIRROR", place)
    assert runtime._data_order().startswith(words)


def test_course_offline_skips_the_web_and_is_the_reason(world):
    world.serve()
    world.serve(under="/lab")
    world.use_mirror(f"{world.server.address}/lab")
    world.go_offline()
    assert data.load_mnist().origin.text.endswith("28x28 (COURSE_OFFLINE is set)")
    assert world.server.seen == []
    world.mirror.mkdir()
    world.use_mirror()
    assert data.load_mnist().origin.text.endswith("(not in the mirror; COURSE_OFFLINE is set)")


@pytest.mark.parametrize(
    ("hosts", "short"), [("a", "its source cannot be reached"), ("abc", "no network")]
)
def test_a_wrong_mirror_is_told_from_an_unreachable_source(world, capsys, hosts, short):
    world.write_registry(*(f"http://{host}.invalid" for host in hosts))
    world.fill(world.mirror)
    (world.mirror / TRAIN_IMAGES).write_bytes(bytes(len(world.files[TRAIN_IMAGES].content)))
    world.use_mirror()
    assert data.load_mnist().origin.text.endswith(f"(mirror: checksum wrong; {short})")
    printed = capsys.readouterr().out
    assert f"the mirror's {TRAIN_IMAGES} has the wrong content" in printed
    assert "a.invalid cannot be reached" in printed
    assert ".;" not in printed and str(world.mirror) not in printed


def test_a_web_mirror_at_fault_is_named_too(world):
    world.write_registry("http://a.invalid")
    world.server.add(f"/lab/{TRAIN_IMAGES}", bytes(len(world.files[TRAIN_IMAGES].content)))
    reason = "its source cannot be reached"
    world.use_mirror(f"{world.server.address}/lab")
    assert data.load_mnist().origin.text.endswith(f"(mirror: checksum wrong; {reason})")
    world.new_process()
    world.use_mirror("http://lab.invalid")
    assert data.load_mnist().origin.text.endswith(f"(mirror: {reason}; {reason})")


@pytest.mark.parametrize(
    "place",
    [
        "status 503",
        "http://zaphod:secret@lab.invalid",
        "http://zaphod:7#secret@lab",
        "ftp://zaphod:secret@lab/x",
    ],
)
def test_the_password_of_a_mirror_that_fails_is_not_shown(world, capsys, place):
    if place.startswith("status"):
        world.server.add(f"/lab/{TRAIN_IMAGES}", b"", [Fault(status=int(place[-3:]))] * 9)
        place = world.server.address.replace("//", "//zaphod:secret@") + "/lab"
    world.use_mirror(place)
    text = data.load_mnist().origin.text + capsys.readouterr().out
    assert "secret" not in text and "zaphod" not in text
    assert "mirror" in text.partition(" (")[2]


@pytest.mark.parametrize(
    ("proxy", "short"),
    [
        ("http://127.0.0.1:9", "(the proxy cannot be reached)"),
        ("http://zaphod:qj#xz@127.0.0.1:9", "(the proxy is not understood)"),
    ],
)
def test_a_proxy_at_fault_is_not_taken_for_no_network(world, capsys, proxy, short):
    world.write_registry("http://a.invalid", "http://b.invalid")
    world.setenv("http_proxy", proxy)
    world.use_mirror("http://lab.invalid")  # nor for a fault of the mirror
    for load in (data.load_mnist, data.load_cifar10):  # for the second as for the first
        assert load().origin.text.endswith(short)
        printed = capsys.readouterr().out
        assert "in http_proxy" in printed and "qj" not in printed and "zaphod" not in printed
