"""The variables of the data layer, its cache, and what it says where a source is at fault."""

import os
import shutil
import socket
import time
from pathlib import Path

import pytest
from data_world import data_world
from faulty_server import Fault, stay_on_this_machine
from tiny_files import image_files

from grading.sandbox.view import data_folder
from utils import data, runtime
from utils.data import DataError, images
from utils.data import __main__ as commands
from utils.data.fetching import network, places

REPOSITORY = Path(__file__).resolve().parents[2]
TRAIN_IMAGES, _, _, TEST_LABELS = images.MNIST_FILES.values()


@pytest.fixture
def world(tmp_path, monkeypatch):
    with data_world(tmp_path, monkeypatch, image_files()) as world:
        yield world


# --- Variables that name a folder ------------------------------------------------------------


@pytest.fixture
def root(world):
    """A repository of our own, in which relative paths are meant."""
    root = world.folder / "repository"
    (root / "notebooks").mkdir(parents=True)
    world.setattr(places, "ROOT", root)
    return root


@pytest.mark.parametrize("place", ["mirror", "../mirror", "./a/../mirror"])
@pytest.mark.parametrize("start", ["repository", "repository/notebooks", ""])
def test_a_relative_mirror_is_one_folder_wherever_a_program_starts(world, root, place, start):
    world.monkeypatch.chdir(world.folder / start)
    world.fill(Path(os.path.normpath(root / place)))
    world.use_mirror(place)
    assert data.load_mnist().origin.kind == "mirror"
    assert data_folder("COURSE_DATA_MIRROR") == os.path.normpath(root / place)


@pytest.mark.parametrize("start", ["repository", "repository/notebooks", ""])
def test_a_relative_cache_is_one_folder_wherever_a_program_starts(world, root, start):
    world.serve()
    world.setenv("COURSE_DATA_DIR", "mine")
    world.monkeypatch.chdir(world.folder / start)
    assert commands.main(["fetch", "mnist"]) == 0
    assert data.load_mnist().origin.kind == "cache"
    assert data.cache_folder() == root / "mine"
    assert data_folder("COURSE_DATA_DIR") == str(root / "mine")
    assert [path.parent for path in world.folder.rglob("mine")] == [root]


def test_the_repository_of_the_course_is_meant(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA_DIR", "mine")
    assert places.named_folder("COURSE_DATA_DIR") == REPOSITORY / "mine"
    monkeypatch.delenv("COURSE_DATA_DIR")
    assert places.preferred_cache() == REPOSITORY / "data" / "cache"


@pytest.mark.parametrize("place", ["~nosuchuser/x", "~nosuchuser", "x" * 300, "/dev/null/x"])
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


def test_without_a_home_nothing_crashes(world):
    def unknown(self):
        raise RuntimeError("Could not determine home directory.")

    world.setattr(Path, "expanduser", unknown)
    for name in ("COURSE_DATA_DIR", "COURSE_DATA_MIRROR"):
        world.setenv(name, "~/x")
    assert data.load_mnist().origin.is_sample


@pytest.mark.parametrize(
    ("place", "meant"),
    [
        ("", "none"),
        ("../lab", "{folder}/lab"),
        ("http://ann:secret@lab:8000/x", "http://lab:8000/x"),
        ("~nosuchuser", "COURSE_DATA_MIRROR is ~nosuchuser, and"),
    ],
)
def test_list_says_which_mirror_is_meant(world, root, capsys, place, meant):
    world.setenv("COURSE_DATA_MIRROR", place)
    assert commands.main(["list", "mnist"]) == 0
    assert f"Mirror: {meant.format(folder=world.folder)}" in capsys.readouterr().out


def test_a_new_mirror_that_cannot_be_is_an_error(world, capsys):
    assert commands.main(["mirror", "~nosuchuser/x", "mnist"]) == 2
    assert "~nosuchuser/x: this machine does not know" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("  ", "cache, then official"),
        ("/somewhere/of/ours", "cache, then mirror (a folder), then official"),
        ("~ann/data", "cache, then mirror (a folder), then official"),
        ("http://lab:8000/course", "cache, then mirror lab:8000, then official"),
        ("https://ann:secret@lab.uni.hu", "cache, then mirror lab.uni.hu, then official"),
    ],
)
def test_what_a_lesson_says_of_the_mirror_can_be_published(monkeypatch, place, words):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setenv("COURSE_DATA_MIRROR", place)
    assert runtime._data_order().startswith(words)


# --- The reason in a table of results --------------------------------------------------------


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


def test_a_machine_without_network_is_noticed_quickly_and_once(world):
    asked = []

    def hang(host, *arguments, **options):
        asked.append(host)
        time.sleep(2)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    world.write_registry(*(f"https://{host}.invalid" for host in "abc"))
    world.setattr(socket, "getaddrinfo", hang)
    world.setattr(network, "PROBE_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(DataError, match="cannot be reached"):
        data.fetch(TRAIN_IMAGES)
    with pytest.raises(DataError, match="no network"):
        data.fetch(images.CIFAR10_WHOLE)
    assert time.monotonic() - start < 1.5
    assert data.load_mnist().origin.text.endswith("(no network)")
    # After two hosts there is no third try, and the two are not asked again.
    assert asked == ["a.invalid", "b.invalid"]


@pytest.mark.parametrize("mirror", ["", "http://mirror.invalid"])
def test_one_unreachable_host_is_not_yet_no_network(world, mirror):
    world.write_registry("http://a.invalid", f"{world.server.address}/first")
    world.setenv("COURSE_DATA_MIRROR", mirror)
    world.serve()
    assert data.load_mnist().origin.kind == "official"


@pytest.mark.parametrize(
    ("hosts", "short"), [("a", "its source cannot be reached"), ("ab", "no network")]
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
        "status 404",
        "status 503",
        "http://zaphod:secret@lab.invalid",
        "http://zaphod:7#secret@lab",
        "http:/zaphod:secret@lab",
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


def test_a_mirror_that_is_not_there_is_shown_with_its_whole_path(world, root, capsys):
    world.use_mirror("../mirrow")
    text = data.load_mnist().origin.text
    meant = f"COURSE_DATA_MIRROR is ../mirrow, that is {world.folder / 'mirrow'}, which is"
    assert meant in capsys.readouterr().out
    assert "(there is no such mirror; " in text and str(world.folder) not in text


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


def test_a_full_disk_is_the_reason_even_behind_an_unreachable_host(world, capsys):
    world.write_registry("http://a.invalid", f"{world.server.address}/first")
    world.serve()
    usage = type("Usage", (), {"free": 10})
    world.setattr(shutil, "disk_usage", lambda folder: usage)
    assert data.load_mnist().origin.text.endswith("(disk full)")
    printed = capsys.readouterr().out
    assert "The disk is full" in printed and str(world.cache) in printed
    assert not list(world.cache.rglob("*.part"))
