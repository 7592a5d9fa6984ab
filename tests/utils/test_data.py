"""`utils.data` and its `fetching.sources`: registry, cache, mirrors, samples, commands.

The registry of these tests lists tiny files in the formats of the real ones, and a server on
127.0.0.1 plays the official sources.
"""

import dataclasses
import gzip
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from faulty_server import Fault, FaultyServer, stay_on_this_machine
from tiny_files import CIFAR_IMAGES, CIFAR_LABELS, MNIST, contents, idx

from grading.sandbox import bubblewrap
from utils import data, runtime
from utils.data import DataError
from utils.data import __main__ as commands
from utils.data.fetching import download as downloads
from utils.data.fetching import network, sources

REPOSITORY = Path(__file__).resolve().parents[2]
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = data.MNIST_FILES.values()


class World:
    """The tiny registry with its server, the cache folder and a mirror folder."""

    def __init__(self, server: FaultyServer, folder: Path, monkeypatch):
        self.server, self.folder, self.monkeypatch = server, folder, monkeypatch
        self.cache, self.mirror = folder / "cache", folder / "mirror"
        self.contents = contents()
        self.hosts = [f"{server.address}/first", f"{server.address}/second"]

    def write_registry(self) -> None:
        lines = []
        for dataset in ("mnist", "cifar10"):
            lines += [f"[{dataset}]", f'title = "tiny {dataset}"']
            lines += ['licence = "free"', 'citation = "none"']
            for name, content in self.contents.items():
                if not name.startswith(dataset):
                    continue
                hosts = [] if name == data.CIFAR10_SUBSET else self.hosts
                lines += [f'[{dataset}.files."{name}"]', f"size = {len(content)}"]
                lines += [f'sha256 = "{hashlib.sha256(content).hexdigest()}"']
                lines += [f"urls = {json.dumps([f'{host}/{name}' for host in hosts])}"]
        path = self.folder / "registry.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        sources._registry.cache_clear()

    def serve(self, *names: str, under: str = "/first") -> None:
        for name in names or self.contents:
            self.server.add(f"{under}/{name}", self.contents[name])

    def fill(self, folder: Path, *names: str) -> None:
        for name in names or self.contents:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(self.contents[name])

    def new_process(self) -> None:
        """Forget everything that a process remembers."""
        for name, empty in (("_verified", set()), ("_unreachable_hosts", set()), ("_said", set())):
            self.monkeypatch.setattr(sources, name, empty)
        self.monkeypatch.setattr(network, "_probed", {})
        sources._registry.cache_clear()
        sources._writable_folder.cache_clear()


@pytest.fixture
def world(tmp_path, monkeypatch):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setattr(sources, "REGISTRY", tmp_path / "registry.toml")
    # A cache that cannot be written must not lead to the real folders of who runs the tests.
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with FaultyServer() as server:
        world = World(server, tmp_path, monkeypatch)
        world.write_registry()
        world.new_process()
        monkeypatch.setenv("COURSE_DATA_DIR", str(world.cache))
        yield world
    world.new_process()


def assert_tiny_mnist(dataset: data.ImageDataset) -> None:
    for part, array in MNIST.items():
        np.testing.assert_array_equal(getattr(dataset, part), array)
    assert dataset.x_train.dtype == np.uint8 and dataset.y_train.dtype == np.int32
    assert list(dataset.files) == [Path(name).name for name in data.MNIST_FILES.values()]


# --- The real registry -----------------------------------------------------------------------


def test_registry_is_complete():
    registry = sources._registry(REPOSITORY / "data" / "registry.toml")
    assert set(registry) >= {*data.MNIST_FILES.values(), data.CIFAR10_WHOLE, data.CIFAR10_SUBSET}
    for name, entry in registry.items():
        assert re.fullmatch(r"[a-z0-9]+(/[\w.-]+)+", name) and ".." not in name
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert entry.size > 0 and entry.licence and entry.citation and entry.title
        assert all(url.startswith("https://") for url in entry.urls)
        assert entry.urls or name == data.CIFAR10_SUBSET
    # A dataset has a loader; weights are files that a lesson fetches by their name.
    datasets = {
        entry.dataset for name, entry in registry.items() if not name.startswith("weights/")
    }
    assert datasets == set(data.LOADERS)


def test_readme_has_every_environment_variable_and_dataset():
    text = (REPOSITORY / "data" / "README.md").read_text(encoding="utf-8")
    registry = sources._registry(REPOSITORY / "data" / "registry.toml")
    for word in ("COURSE_DATA_DIR", "COURSE_DATA_MIRROR", "COURSE_OFFLINE", *registry):
        assert word in text, word


def test_broken_registry_is_named(world):
    (world.folder / "registry.toml").write_text("[mnist\n", encoding="utf-8")
    sources._registry.cache_clear()
    with pytest.raises(DataError, match=r"registry\.toml cannot be read"):
        data.load_mnist()
    (world.folder / "registry.toml").write_text("[mnist]\n", encoding="utf-8")
    with pytest.raises(DataError, match="without 'files'"):
        data.load_mnist()


# --- Order of the sources --------------------------------------------------------------------


def test_official_then_cache(world, capsys):
    world.serve()
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset)
    assert dataset.origin.kind == "official" and not dataset.origin.is_sample
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert dataset.origin.text.startswith("tiny mnist, 20 + 10 images, from 127.0.0.1:")
    assert printed == f"{dataset.origin.text}.\n"
    requests_so_far = len(world.server.seen)
    world.new_process()
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset)
    assert dataset.origin.kind == "cache"
    assert dataset.origin.text == "tiny mnist, 20 + 10 images, from the cache"
    assert all(path.is_relative_to(world.cache) for path in dataset.files.values())
    assert len(world.server.seen) == requests_so_far
    assert capsys.readouterr().out.count("\n") == 1


def test_second_official_source(world):
    world.serve(under="/second")
    path, origin = data.fetch_with_origin(TEST_LABELS)
    assert path == world.cache / TEST_LABELS
    assert path.read_bytes() == world.contents[TEST_LABELS]
    assert origin.kind == "official"
    assert origin.text.startswith(f"tiny mnist, {Path(TEST_LABELS).name}, from 127.0.0.1:")
    assert [seen.path for seen in world.server.seen] == [
        f"/first/{TEST_LABELS}",
        f"/second/{TEST_LABELS}",
    ]


@pytest.mark.parametrize("offline", ["", "1"])
def test_folder_mirror_comes_before_the_official_sources(world, offline):
    world.serve()
    world.fill(world.mirror)
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.mirror))
    world.monkeypatch.setenv("COURSE_OFFLINE", offline)
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset)
    assert dataset.origin.kind == "mirror"
    assert dataset.origin.text == "tiny mnist, 20 + 10 images, from the mirror (a folder)"
    assert all(path.is_relative_to(world.cache) for path in dataset.files.values())
    assert world.server.seen == []
    shutil.rmtree(world.mirror)
    assert data.load_mnist().origin.kind == "cache"


@pytest.mark.parametrize("slash", ["", "/"])
def test_http_mirror(world, slash):
    world.serve(under="/lab/mirror")
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", f"{world.server.address}/lab/mirror{slash}")
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset)
    assert dataset.origin.kind == "mirror"
    assert {seen.path.split("/")[1] for seen in world.server.seen} == {"lab"}


def test_file_missing_in_http_mirror_is_asked_for_once(world, capsys):
    world.serve()
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", f"{world.server.address}/lab")
    assert data.fetch_with_origin(TEST_LABELS)[1].kind == "official"
    assert [seen.path.split("/")[1] for seen in world.server.seen] == ["lab", "first"]
    assert capsys.readouterr().out == ""
    with pytest.raises(DataError, match=f"/lab does not have {TEST_IMAGES}"):
        world.server.files.clear()
        data.fetch(TEST_IMAGES)


def test_wrong_file_in_mirror_is_not_used(world):
    world.serve()
    world.fill(world.mirror)
    (world.mirror / TEST_LABELS).write_bytes(b"wrong")
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.mirror))
    path, origin = data.fetch_with_origin(TEST_LABELS)
    assert origin.kind == "official"
    assert path.read_bytes() == world.contents[TEST_LABELS]


def test_mirror_on_a_full_disk_is_read_in_place(world):
    world.fill(world.mirror)
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.mirror))

    def full(*arguments):
        raise OSError(28, "No space left on device")

    world.monkeypatch.setattr(downloads.shutil, "copyfile", full)
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset)
    assert dataset.origin.kind == "mirror" and "in place" in dataset.origin.text
    assert not list(world.cache.rglob("*.gz*.part"))


@pytest.mark.parametrize(
    ("cached", "mirrored", "official", "expected", "samples"),
    [
        ("ws", "ws", "w", "cache", 20),
        ("s", "ws", "w", "cache", 3),
        ("", "ws", "w", "mirror", 20),
        ("", "s", "w", "mirror", 3),
        ("", "", "w", "official", 20),
        ("", "", "", "sample", 1834),
    ],
)
def test_order_of_cifar10(world, cached, mirrored, official, expected, samples, capsys):
    names = {"w": data.CIFAR10_WHOLE, "s": data.CIFAR10_SUBSET}
    for letter in cached:
        world.fill(world.cache, names[letter])
    world.mirror.mkdir()
    for letter in mirrored:
        world.fill(world.mirror, names[letter])
    for letter in official:
        world.serve(names[letter])
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.mirror))
    dataset = data.load_cifar10()
    assert dataset.origin.kind == expected
    assert len(dataset.x_train) == samples
    printed = capsys.readouterr().out
    assert ("tiny cifar10, a subset of 3 + 2 images, from the" in printed) == (samples == 3)
    if expected != "sample":
        np.testing.assert_array_equal(dataset.x_train, CIFAR_IMAGES[:samples])
        np.testing.assert_array_equal(dataset.y_train, CIFAR_LABELS[:samples])
        np.testing.assert_array_equal(dataset.x_test[:2], CIFAR_IMAGES[20:22])
        assert dataset.y_test.dtype == np.int32 and len(dataset.class_names) == 10


def test_load_by_name(world):
    world.serve()
    assert_tiny_mnist(data.load("mnist"))
    assert data.load("cifar10").x_test.shape == (4, 32, 32, 3)


def test_repr_is_short(world):
    world.serve()
    text = repr(data.load_mnist())
    assert "20 training and 10 test images" in text and "official" in text
    assert len(text) < 200


# --- Unknown names and missing files ---------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "name", "meant"),
    [
        (data.load, "mnits", "mnist"),
        (data.load, "MNIST", "mnist"),
        (data.load, "cifar-10", "cifar10"),
        (data.fetch, "mnist/train-images-idx3-ubyte", TRAIN_IMAGES),
        (data.fetch, "t10k-labels-idx1-ubyte.gz", TEST_LABELS),
    ],
)
def test_unknown_names_suggest_the_right_ones(world, call, name, meant):
    with pytest.raises(DataError) as error:
        call(name)
    text = str(error.value)
    assert repr(name) in text and f"Did you mean {meant!r}" in text and "Known:" in text


def test_missing_file_lists_every_source_and_what_to_do(world):
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.folder / "nowhere"))
    with pytest.raises(DataError) as error:
        data.fetch(TEST_LABELS)
    text = str(error.value)
    for word in ("nowhere", "/first/", "/second/", "HTTP 404", "What you can do", "kernel"):
        assert word in text, word
    assert not (world.cache / TEST_LABELS).exists()


def test_file_without_official_source(world):
    with pytest.raises(DataError, match="only a mirror can have it"):
        data.fetch(data.CIFAR10_SUBSET)


# --- Offline ---------------------------------------------------------------------------------


def test_course_offline_skips_http_mirror_and_official_sources(world):
    world.serve()
    world.serve(under="/lab")
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", f"{world.server.address}/lab")
    world.monkeypatch.setenv("COURSE_OFFLINE", "1")
    dataset = data.load_mnist()
    assert dataset.origin.is_sample
    assert dataset.origin.text == (
        "SAMPLE, not tiny mnist: scikit-learn's 8x8 digits scaled to 28x28 (COURSE_OFFLINE is set)"
    )
    assert world.server.seen == []
    world.fill(world.cache)
    assert_tiny_mnist(data.load_mnist())


def test_machine_without_network_is_noticed_quickly_and_once(world, capsys):
    asked = []

    def hang(host, *arguments, **options):
        asked.append(host)
        time.sleep(2)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    world.hosts = [f"https://{host}.invalid" for host in "abc"]
    world.write_registry()
    world.monkeypatch.setattr(socket, "getaddrinfo", hang)
    world.monkeypatch.setattr(network, "PROBE_SECONDS", 0.3)
    for name in data.MNIST_FILES.values():
        start = time.monotonic()
        with pytest.raises(DataError):
            data.fetch(name)
        assert time.monotonic() - start < 1.5
    start = time.monotonic()
    with pytest.raises(DataError, match="no network"):
        data.fetch(data.CIFAR10_WHOLE)
    assert time.monotonic() - start < 0.2
    origin = data.load_mnist().origin
    assert origin.text.endswith("(no network)") and ".invalid" not in origin.text
    # After two hosts there is no third try, and the two are not asked again.
    assert asked == ["a.invalid", "b.invalid"]


def test_reason_for_a_single_unreachable_source(world, capsys):
    world.hosts = ["http://a.invalid"]
    world.write_registry()
    assert data.load_cifar10().origin.text.endswith("(its source cannot be reached)")
    assert "a.invalid cannot be reached" in capsys.readouterr().out


def test_full_disk_is_not_taken_for_no_network(world):
    world.hosts = ["http://a.invalid", f"{world.server.address}/first"]
    world.write_registry()
    world.serve()
    usage = type("Usage", (), {"free": 10})
    world.monkeypatch.setattr(downloads.shutil, "disk_usage", lambda folder: usage)
    assert data.load_mnist().origin.text.endswith("(disk full)")


def test_password_of_a_mirror_is_not_shown(world):
    world.serve(under="/lab")
    address = world.server.address.replace("http://", "http://user:secret@")
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", f"{address}/lab")
    origin = data.load_mnist().origin
    assert origin.kind == "mirror" and "from the mirror 127.0.0.1:" in origin.text
    assert "secret" not in origin.text


@pytest.mark.parametrize("status", [None, 404, 503])
def test_password_of_a_mirror_that_fails_is_not_shown(world, capsys, status):
    address = world.server.address.replace("http://", "http://user:secret@")
    if status is None:
        address = "http://user:secret@lab.invalid"
    for name in data.MNIST_FILES.values():
        world.server.add(f"/lab/{name}", b"", [Fault(status=status)] * 9)
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", f"{address}/lab")
    told = data.load_mnist().origin.text + capsys.readouterr().out
    assert "secret" not in told and "user" not in told and "mirror" in told


@pytest.mark.parametrize(
    "place", ["ftp://user:secret@lab/x", "http:/user:secret@lab", "http://us:7#8@lab"]
)
def test_password_of_what_is_no_mirror_is_not_shown(world, capsys, place):
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", place)
    told = data.load_mnist().origin.text + capsys.readouterr().out
    assert "secret" not in told and "7#8" not in told and "us:7" not in told
    assert "mirror" in told.partition(" (")[2]


# --- Variables that name a folder ------------------------------------------------------------


@pytest.fixture
def root(world):
    """A repository of our own, in which relative paths are meant."""
    root = world.folder / "repository"
    (root / "notebooks").mkdir(parents=True)
    world.monkeypatch.setattr(sources, "ROOT", root)
    return root


@pytest.mark.parametrize("place", ["mirror", "../mirror", "./a/../mirror"])
@pytest.mark.parametrize("start", ["repository", "repository/notebooks", ""])
def test_a_relative_mirror_is_one_folder_wherever_a_program_starts(world, root, place, start):
    world.monkeypatch.chdir(world.folder / start)
    world.fill(Path(os.path.normpath(root / place)))
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", place)
    assert data.load_mnist().origin.kind == "mirror"
    assert bubblewrap.data_folder("COURSE_DATA_MIRROR") == os.path.normpath(root / place)


@pytest.mark.parametrize("start", ["repository", "repository/notebooks", ""])
def test_a_relative_cache_is_one_folder_wherever_a_program_starts(world, root, start):
    world.serve()
    world.monkeypatch.setenv("COURSE_DATA_DIR", "mine")
    world.monkeypatch.chdir(root)
    assert commands.main(["fetch", "mnist"]) == 0
    world.monkeypatch.chdir(world.folder / start)
    world.new_process()
    world.monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert data.load_mnist().origin.kind == "cache"
    assert sources.cache_folder() == root / "mine"
    assert bubblewrap.data_folder("COURSE_DATA_DIR") == str(root / "mine")
    assert [path.parent for path in world.folder.rglob("mine")] == [root]


def test_the_repository_of_the_course_is_meant(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA_DIR", "mine")
    assert sources.named_folder("COURSE_DATA_DIR") == REPOSITORY / "mine"


def test_a_mirror_that_is_not_there_is_told_with_its_whole_path(world, root, capsys):
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", "../mirrow")
    text = data.load_mnist().origin.text
    said = capsys.readouterr().out
    assert f"COURSE_DATA_MIRROR is ../mirrow, that is {world.folder / 'mirrow'}, which is" in said
    assert "(there is no such mirror; " in text and str(world.folder) not in text


@pytest.mark.parametrize("place", ["~nosuchuser/x", "~nosuchuser", "x" * 300, "/dev/null/x"])
def test_a_mirror_that_cannot_be_is_no_crash(world, place, capsys):
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", place)
    dataset = data.load_mnist()
    assert dataset.origin.is_sample and "there is no such mirror" in dataset.origin.text
    assert f"COURSE_DATA_MIRROR is {place}" in capsys.readouterr().out
    assert bubblewrap.data_folder("COURSE_DATA_MIRROR") is None
    world.serve()
    assert data.load_mnist().origin.kind == "official"


@pytest.mark.parametrize("place", ["~nosuchuser/x", "x" * 300, "/dev/null/x"])
def test_a_cache_that_cannot_be_is_no_crash(world, root, place, capsys):
    world.monkeypatch.setattr(sources, "DEFAULT_CACHE", world.folder / "default")
    world.monkeypatch.setenv("COURSE_DATA_DIR", place)
    assert data.load_mnist().origin.is_sample
    assert capsys.readouterr().out.count(place) == 1  # said once
    world.serve()
    assert data.load_mnist().origin.kind == "official"
    assert "damaged" not in capsys.readouterr().out
    assert bubblewrap.data_folder("COURSE_DATA_DIR") is None
    assert not [path for path in root.rglob("*") if path.name != "notebooks"]


def test_without_a_home_nothing_crashes(world, monkeypatch):
    def unknown(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    for name in ("COURSE_DATA_DIR", "COURSE_DATA_MIRROR"):
        monkeypatch.setenv(name, "~/x")
    assert data.load_mnist().origin.is_sample


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "cache, then official"),
        ("  ", "cache, then official"),
        ("/somewhere/of/ours", "cache, then mirror (a folder), then official"),
        ("~ann/data", "cache, then mirror (a folder), then official"),
        ("../data", "cache, then mirror (a folder), then official"),
        ("http://lab:8000/course", "cache, then mirror lab:8000, then official"),
        ("https://ann:secret@lab.uni.hu", "cache, then mirror lab.uni.hu, then official"),
    ],
)
def test_what_a_lesson_says_of_the_mirror_can_be_published(monkeypatch, place, words):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setenv("COURSE_DATA_MIRROR", place)
    assert runtime._data_order().startswith(words)


# --- The reason in a table of results --------------------------------------------------------


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("hosts", [["http://a.invalid"], ["http://a.invalid", "http://b.invalid"]])
def test_the_table_of_results_tells_that_the_mirror_is_at_fault(world, hosts, capsys):
    world.hosts = hosts
    world.write_registry()
    world.fill(world.mirror)
    flip(world.mirror / TRAIN_IMAGES)
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.mirror))
    text = data.load_mnist().origin.text
    network = "its source cannot be reached" if len(hosts) == 1 else "no network"
    assert text.endswith(f"(mirror: checksum wrong; {network})")
    said = capsys.readouterr().out
    assert f"the mirror's {TRAIN_IMAGES} has the wrong content" in said
    assert ".;" not in said and str(world.mirror) not in said


def test_a_web_mirror_at_fault_is_told_too(world, capsys):
    world.hosts = ["http://a.invalid"]
    world.write_registry()
    world.serve(under="/lab")
    url = f"/lab/{TRAIN_IMAGES}"
    world.server.files[url] = world.server.files[url][:-1] + b"!"
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", f"{world.server.address}/lab")
    assert data.load_mnist().origin.text.endswith(
        "(mirror: checksum wrong; its source cannot be reached)"
    )
    world.new_process()
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", "http://lab.invalid")
    assert "(mirror: its source cannot be reached; " in data.load_mnist().origin.text
    assert ".;" not in capsys.readouterr().out


def test_a_mirror_that_lacks_a_file_and_a_full_disk_are_not_its_fault(world):
    world.mirror.mkdir()
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.mirror))
    world.monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert data.load_mnist().origin.text.endswith("(not in the mirror; COURSE_OFFLINE is set)")
    text = sources.of_mirror(sources.Reason("COURSE_OFFLINE is set", "")).short
    assert text == "COURSE_OFFLINE is set"


@pytest.mark.parametrize(
    ("proxy", "short"),
    [
        ("http://127.0.0.1:9", "(the proxy cannot be reached)"),
        ("http://zaphod:qj#xz@127.0.0.1:9", "(the proxy is not understood)"),
    ],
)
def test_a_proxy_at_fault_is_told_and_not_taken_for_no_network(world, capsys, proxy, short):
    world.hosts = ["http://a.invalid", "http://b.invalid"]
    world.write_registry()
    for name in ("http_proxy", "https_proxy"):
        world.monkeypatch.setenv(name, proxy)
    for load in (data.load_mnist, data.load_cifar10):  # for the second as for the first
        assert load().origin.text.endswith(short)
        said = capsys.readouterr().out
        assert "in http_proxy" in said and "qj" not in said and "zaphod" not in said


def test_one_unreachable_host_is_not_yet_no_network(world):
    world.hosts = ["http://a.invalid", f"{world.server.address}/first"]
    world.write_registry()
    world.serve()
    assert data.load_mnist().origin.kind == "official"


def test_dead_mirror_does_not_count_as_no_network(world):
    world.hosts = ["http://a.invalid", f"{world.server.address}/first"]
    world.write_registry()
    world.serve()
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", "http://mirror.invalid")
    assert data.load_mnist().origin.kind == "official"


# --- Cache -----------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"damaged", None], ids=["empty", "short", "same size"])
def test_damaged_cached_file_is_replaced(world, damage, capsys):
    world.serve()
    world.fill(world.cache)
    right = world.contents[TRAIN_IMAGES]
    (world.cache / TRAIN_IMAGES).write_bytes(bytes(len(right)) if damage is None else damage)
    assert_tiny_mnist(data.load_mnist())
    assert (world.cache / TRAIN_IMAGES).read_bytes() == right
    assert "is damaged, so it is fetched again" in capsys.readouterr().out
    assert [seen.path for seen in world.server.seen] == [f"/first/{TRAIN_IMAGES}"]


def test_file_damaged_while_the_process_runs_is_noticed(world):
    world.serve()
    path = data.fetch(TRAIN_IMAGES)
    path.write_bytes(b"damaged")
    assert data.fetch(TRAIN_IMAGES).read_bytes() == world.contents[TRAIN_IMAGES]


def test_damaged_cached_file_does_not_stay_when_nothing_replaces_it(world):
    world.fill(world.cache)
    (world.cache / TRAIN_IMAGES).write_bytes(b"damaged")
    with pytest.raises(DataError, match="is damaged"):
        data.fetch(TRAIN_IMAGES)
    assert not (world.cache / TRAIN_IMAGES).exists()


def test_cached_file_is_read_once_to_check_it(world, monkeypatch):
    world.fill(world.cache)
    checked = []
    sha256_of = downloads.sha256_of
    monkeypatch.setattr(
        downloads, "sha256_of", lambda path: checked.append(path) or sha256_of(path)
    )
    for _ in range(3):
        data.fetch(TRAIN_IMAGES)
    assert checked == [world.cache / TRAIN_IMAGES]


def test_default_cache_lies_in_the_repository(monkeypatch):
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    assert sources._preferred_cache() == REPOSITORY / "data" / "cache"


def test_cache_below_a_file_falls_back_and_says_so_once(world, capsys):
    (world.folder / "file").write_bytes(b"")
    world.monkeypatch.setenv("COURSE_DATA_DIR", str(world.folder / "file" / "cache"))
    world.serve()
    assert_tiny_mnist(data.load_mnist())
    assert_tiny_mnist(data.load_mnist())
    assert data.cache_folder().is_relative_to(world.folder / "home")
    assert capsys.readouterr().out.count("cannot be written; using") == 1


def test_cache_falls_back_to_a_temporary_folder(world):
    (world.folder / "file").write_bytes(b"")
    for name in ("COURSE_DATA_DIR", "HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        world.monkeypatch.setenv(name, str(world.folder / "file" / "below"))
    folder = data.cache_folder()
    assert folder.parent == world.folder and "deep-learning-in-practice-" in folder.name


@pytest.fixture
def read_only_cache(world):
    """A full cache that this process really cannot write to, for root as well."""
    if os.name == "nt":
        pytest.skip("Windows has no permission bits for folders")
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    cache = folder / "cache"
    world.fill(cache)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    home.chmod(0o777)
    for name in ("HOME", "XDG_CACHE_HOME"):
        world.monkeypatch.setenv(name, str(home))
    world.monkeypatch.setattr(tempfile, "tempdir", None)
    world.monkeypatch.setenv("COURSE_DATA_DIR", str(cache))
    sources._registry(sources.REGISTRY)  # another user may not be allowed to read it
    effective_user = os.geteuid()
    if effective_user == 0:
        os.seteuid(65534)  # root would be let in everywhere
    try:
        assert not os.access(cache, os.W_OK, effective_ids=True)
        yield cache
    finally:
        os.seteuid(effective_user)
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir():
                path.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)
        shutil.rmtree(home)


def test_read_only_cache_is_used(world, read_only_cache, capsys):
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset)
    assert dataset.origin.kind == "cache"
    assert all(path.is_relative_to(read_only_cache) for path in dataset.files.values())
    assert world.server.seen == []
    assert "cannot be written" not in capsys.readouterr().out  # nothing had to be written


def test_damaged_file_in_read_only_cache_is_gone_past(world, read_only_cache):
    # What is damaged here is the expectation: the registry wants another content.
    world.contents[TEST_LABELS] = gzip.compress(idx(np.arange(9)), mtime=0)
    entry = sources.entry_of(TEST_LABELS)
    wanted = hashlib.sha256(world.contents[TEST_LABELS]).hexdigest()
    changed = dataclasses.replace(entry, sha256=wanted, size=len(world.contents[TEST_LABELS]))
    world.monkeypatch.setitem(sources.registry_files(), TEST_LABELS, changed)
    world.serve()
    path = data.fetch(TEST_LABELS)
    assert path.read_bytes() == world.contents[TEST_LABELS]
    assert not path.is_relative_to(read_only_cache)
    assert data.fetch_with_origin(TEST_LABELS)[1].kind == "cache"


# --- Samples ---------------------------------------------------------------------------------


def test_sample_of_mnist(world, capsys):
    dataset = data.load_mnist()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    what = "SAMPLE, not tiny mnist: scikit-learn's 8x8 digits scaled to 28x28"
    assert lines[0].startswith(f"{what}; 1,437 + 360 images. Reason: http://127.0.0.1:")
    assert dataset.origin.text == f"{what} (HTTP 404)"
    assert "HTTP 404" in lines[0] and "COURSE_DATA_MIRROR" in lines[1]
    assert dataset.origin.is_sample
    assert dataset.x_train.shape == (1437, 28, 28) and dataset.x_test.shape == (360, 28, 28)
    assert dataset.x_train.dtype == np.uint8 and dataset.x_train.max() == 255
    assert dataset.y_train.dtype == np.int32
    counts = np.bincount(dataset.y_train, minlength=10) / np.bincount(dataset.y_test, minlength=10)
    assert counts.min() > 3.5 and counts.max() < 4.5  # stratified
    # As in MNIST: a black frame, and the mass in the middle.
    assert dataset.x_train[:, [0, -1], :].max() == 0
    rows = dataset.x_train.astype(float).sum(axis=2)
    centres = (rows * np.arange(28)).sum(axis=1) / rows.sum(axis=1)
    assert abs(centres - 13.5).max() < 1.5


def test_sample_is_written_under_the_official_names(world):
    dataset = data.load_mnist()
    for part, name in data.MNIST_FILES.items():
        path = dataset.files[Path(name).name]
        assert path == world.cache / "sample-mnist" / Path(name).name
        np.testing.assert_array_equal(data.read_idx(path), getattr(dataset, part))
    path.write_bytes(b"damaged")
    before = dataset.files["train-images-idx3-ubyte.gz"].stat().st_mtime_ns
    again = data.load_mnist()
    np.testing.assert_array_equal(data.read_idx(path), again.y_test)
    assert dataset.files["train-images-idx3-ubyte.gz"].stat().st_mtime_ns == before
    assert len(list((world.cache / "sample-mnist").iterdir())) == 4  # no temporary files left


def test_sample_teaches_something(world):
    """A nearest-mean classifier is far better than chance, so images and labels belong together."""
    dataset = data.load_mnist()
    means = [dataset.x_train[dataset.y_train == digit].mean(axis=0) for digit in range(10)]
    distances = ((dataset.x_test[:, None] - np.stack(means)[None]) ** 2).sum(axis=(2, 3))
    assert (distances.argmin(axis=1) == dataset.y_test).mean() > 0.8


def test_sample_of_cifar10(world, capsys):
    dataset = data.load_cifar10()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[0].startswith("SAMPLE, not tiny cifar10: 32x32 patches of")
    assert dataset.origin.text.endswith("a building and a flower (HTTP 404)")
    assert dataset.x_train.shape[1:] == (32, 32, 3) and dataset.x_train.dtype == np.uint8
    assert len(dataset.x_train) >= 400 and len(dataset.x_test) >= 100
    assert dataset.y_train.dtype == np.int32
    assert dataset.class_names == ("building", "flower")
    for labels in (dataset.y_train[:13], dataset.y_test):
        assert set(labels) == {0, 1}
    training = {image.tobytes() for image in dataset.x_train}
    assert not any(image.tobytes() in training for image in dataset.x_test)


def test_sample_without_any_folder_to_write_to(world, capsys):
    (world.folder / "file").write_bytes(b"")
    nowhere = str(world.folder / "file" / "below")
    for name in ("COURSE_DATA_DIR", "HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        world.monkeypatch.setenv(name, nowhere)
    world.monkeypatch.setattr(tempfile, "tempdir", nowhere)
    world.serve()
    dataset = data.load_mnist()
    assert dataset.origin.is_sample and dataset.files == {}
    text = capsys.readouterr().out
    assert "Reason: No folder for data can be written" in text
    assert dataset.origin.text.endswith("(no folder can be written)")
    assert "The sample's files could not be written" in text


def test_full_disk_leads_to_the_sample_and_the_reason(world, capsys):
    world.serve()
    usage = type("Usage", (), {"free": 10})
    world.monkeypatch.setattr(downloads.shutil, "disk_usage", lambda folder: usage)
    dataset = data.load_mnist()
    assert dataset.origin.is_sample
    first, _ = capsys.readouterr().out.splitlines()
    assert "Reason: The disk is full" in first and str(world.cache) in first
    assert dataset.origin.text.endswith("(disk full)")
    assert not list(world.cache.rglob("*.part"))


def test_broken_source_leads_to_the_sample_and_the_reason(world, capsys):
    for host in ("/first", "/second"):
        wrong = bytes(len(world.contents[TRAIN_IMAGES]))
        world.server.add(f"{host}/{TRAIN_IMAGES}", wrong)
    dataset = data.load_mnist()
    assert dataset.origin.is_sample and dataset.origin.text.endswith("(checksum wrong)")
    text = capsys.readouterr().out
    assert "the content is not the expected one" in text
    assert not (world.cache / TRAIN_IMAGES).exists()


# --- Command line ----------------------------------------------------------------------------


def test_command_fetch_list_and_verify(world, capsys):
    world.serve()
    assert commands.main(["fetch"]) == 0
    text = capsys.readouterr().out
    assert text.count("Downloaded from") == 5 and f"{data.CIFAR10_SUBSET}: skipped" in text
    assert commands.main(["list"]) == 0
    assert len(re.findall(r"\bcached +2 official", capsys.readouterr().out)) == 5
    assert commands.main(["verify"]) == 0
    (world.cache / TEST_LABELS).write_bytes(b"damaged")
    assert commands.main(["verify"]) == 1
    assert re.search(rf"{re.escape(TEST_LABELS)} +DAMAGED", capsys.readouterr().out)


def test_command_list_tells_which_folders_are_meant(world, root, capsys):
    for wish, meant in (
        ("", "none"),
        ("../lab", str(world.folder / "lab")),
        ("http://ann:secret@lab:8000/x", "http://lab:8000/x"),
        ("~nosuchuser", "COURSE_DATA_MIRROR is ~nosuchuser, and"),
    ):
        world.monkeypatch.setenv("COURSE_DATA_MIRROR", wish)
        assert commands.main(["list", "mnist"]) == 0
        assert f"Mirror: {meant}" in capsys.readouterr().out
    assert commands.main(["mirror", "~nosuchuser/x", "mnist"]) == 2
    assert "~nosuchuser/x: this machine does not know" in capsys.readouterr().err


def test_command_fetch_by_name(world, capsys):
    world.serve()
    assert commands.main(["fetch", "mnist"]) == 0
    assert sorted(path.name for path in world.cache.rglob("*.gz")) == sorted(
        Path(name).name for name in data.MNIST_FILES.values()
    )
    assert commands.main(["fetch", data.CIFAR10_SUBSET]) == 1
    assert "FAILED" in capsys.readouterr().out
    assert commands.main(["fetch", "mnits"]) == 2
    assert "Did you mean 'mnist'" in capsys.readouterr().err


def test_command_mirror_makes_a_mirror_and_can_be_continued(world, capsys):
    world.serve(*data.MNIST_FILES.values())
    world.fill(world.cache, TEST_LABELS)
    broken = [Fault(status=404)]
    world.server.faults[f"/first/{TRAIN_LABELS}"] = broken
    assert commands.main(["mirror", str(world.mirror), "mnist"]) == 1
    text = capsys.readouterr().out
    assert f"{TRAIN_LABELS}: FAILED" in text and "Copied from" in text
    assert commands.main(["mirror", str(world.mirror), "mnist"]) == 0
    text = capsys.readouterr().out
    assert text.count("There already") == 3 and "Complete" in text
    for name in data.MNIST_FILES.values():
        assert (world.mirror / name).read_bytes() == world.contents[name]
    # And what it made works as a mirror.
    shutil.rmtree(world.cache)
    world.new_process()
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.mirror))
    world.monkeypatch.setenv("COURSE_OFFLINE", "1")
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset)
    assert dataset.origin.kind == "mirror"


def test_command_line_starts(tmp_path):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-m", "utils.data", "list"],
        cwd=REPOSITORY,
        env={**os.environ, "COURSE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert result.returncode == 0 and result.stderr == ""
    assert TRAIN_IMAGES in result.stdout and "9.9 MB" in result.stdout
