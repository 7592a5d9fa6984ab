"""`utils.data`: where images come from, the samples that stand in for them, and the commands.

The registry of these tests lists tiny files in the formats of the real ones, and a server on
127.0.0.1 plays the official sources.
"""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from data_world import HOME_VARIABLES, data_world
from faulty_server import Fault
from tiny_files import CIFAR_IMAGES, CIFAR_LABELS, MNIST, image_files

from utils import data
from utils.data import DataError, images, words
from utils.data import __main__ as commands
from utils.data.fetching import registry

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = MNIST_NAMES = tuple(
    images.MNIST_FILES.values()
)


@pytest.fixture
def world(tmp_path, monkeypatch):
    with data_world(tmp_path, monkeypatch, image_files()) as world:
        yield world


def assert_tiny_mnist(dataset, kind):
    assert dataset.origin.kind == kind
    for part, array in MNIST.items():
        np.testing.assert_array_equal(getattr(dataset, part), array)
    assert dataset.x_train.dtype == np.uint8 and dataset.y_train.dtype == np.int32
    assert list(dataset.files) == [Path(name).name for name in MNIST_NAMES]


def test_the_registry_and_its_readme_are_complete():
    files = registry._read(ROOT / "data" / "registry.toml")
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert {*MNIST_NAMES, images.CIFAR10_WHOLE, images.CIFAR10_SUBSET} <= set(files)
    for name, entry in files.items():
        assert name in readme
        assert re.fullmatch(r"[a-z0-9]+(/[\w.-]+)+", name) and ".." not in name
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert entry.size > 0 and entry.licence and entry.citation and entry.title
        assert all(url.startswith("https://") for url in entry.urls)
        assert entry.urls or name in {images.CIFAR10_SUBSET, words.GLOVE}
    # A dataset has a loader; weights are files that a lesson fetches by their name.
    datasets = {entry.dataset for name, entry in files.items() if not name.startswith("weights/")}
    assert datasets == set(data.LOADERS)


def test_official_then_cache(world, capsys):
    world.serve()
    dataset = data.load("mnist")
    assert_tiny_mnist(dataset, "official")
    assert dataset.origin.text.startswith("tiny mnist, 20 + 10 images, from 127.0.0.1:")
    assert not dataset.origin.is_sample and len(repr(dataset)) < 200
    assert capsys.readouterr().out == f"{dataset.origin.text}.\n"
    requests = len(world.server.seen)
    world.new_process()
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset, "cache")
    assert dataset.origin.text == "tiny mnist, 20 + 10 images, from the cache"
    assert all(path.is_relative_to(world.cache) for path in dataset.files.values())
    assert len(world.server.seen) == requests


def test_official_sources_are_asked_in_their_order_after_a_web_mirror(world):
    world.serve(under="/second")
    world.use_mirror(f"{world.server.address}/lab")
    path, origin = data.fetch_with_origin(TEST_LABELS)
    assert path == world.cache / TEST_LABELS == data.fetch(TEST_LABELS)
    assert path.read_bytes() == world.files[TEST_LABELS].content
    assert origin.text.startswith(f"tiny mnist, {path.name}, from 127.0.0.1:")
    assert [seen.path.split("/")[1] for seen in world.server.seen] == ["lab", "first", "second"]
    world.server.files.clear()
    world.write_registry("http://a.invalid", f"{world.server.address}/first")
    world.serve()  # one host that cannot be reached is not yet no network
    assert data.fetch_with_origin(TEST_IMAGES)[1].kind == "official"
    world.fill(world.mirror)
    (world.mirror / TRAIN_LABELS).write_bytes(b"wrong")
    world.use_mirror()
    assert data.fetch_with_origin(TRAIN_LABELS)[1].kind == "official"


@pytest.mark.parametrize("offline", ["", "1"])
def test_a_folder_as_mirror_comes_before_the_official_sources(world, offline):
    world.serve()
    world.fill(world.mirror)
    world.use_mirror()
    world.setenv("COURSE_OFFLINE", offline)
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset, "mirror")
    assert dataset.origin.text == "tiny mnist, 20 + 10 images, from the mirror (a folder)"
    assert world.server.seen == []
    shutil.rmtree(world.mirror)
    assert_tiny_mnist(data.load_mnist(), "cache")


def test_a_web_mirror_shows_no_password(world):
    world.serve(under="/lab/mirror")
    address = world.server.address.replace("//", "//user:secret@")
    world.use_mirror(f"{address}/lab/mirror/")
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset, "mirror")
    assert "from the mirror 127.0.0.1:" in dataset.origin.text
    assert "secret" not in dataset.origin.text
    assert {seen.path.split("/")[1] for seen in world.server.seen} == {"lab"}


def test_a_mirror_is_read_in_place_on_a_full_disk(world):
    world.fill(world.mirror)
    world.use_mirror()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    world.setattr(shutil, "copyfile", full)
    dataset = data.load_mnist()
    assert_tiny_mnist(dataset, "mirror")
    assert "in place" in dataset.origin.text and not list(world.cache.rglob("*.gz*.part"))


@pytest.mark.parametrize(
    ("cached", "mirrored", "official", "kind", "samples"),
    [
        ("ws", "ws", "w", "cache", 20),
        ("s", "ws", "w", "cache", 3),
        ("", "ws", "w", "mirror", 20),
        ("", "s", "w", "mirror", 3),
        ("", "", "w", "official", 20),
        ("", "", "", "sample", 1834),
    ],
)
def test_order_of_cifar10(world, cached, mirrored, official, kind, samples, capsys):
    names = {"w": images.CIFAR10_WHOLE, "s": images.CIFAR10_SUBSET}
    world.mirror.mkdir()
    world.use_mirror()
    for letter in cached:
        world.fill(world.cache, names[letter])
    for letter in mirrored:
        world.fill(world.mirror, names[letter])
    for letter in official:
        world.serve(names[letter])
    dataset = data.load("cifar10")
    assert dataset.origin.kind == kind and len(dataset.x_train) == samples
    is_subset = "tiny cifar10, a subset of 3 + 2 images, from the" in capsys.readouterr().out
    assert is_subset == (samples == 3)
    assert dataset.y_test.dtype == np.int32
    if kind != "sample":
        np.testing.assert_array_equal(dataset.x_train, CIFAR_IMAGES[:samples])
        np.testing.assert_array_equal(dataset.y_train, CIFAR_LABELS[:samples])
        np.testing.assert_array_equal(dataset.x_test[:2], CIFAR_IMAGES[20:22])
        assert dataset.class_names == data.CIFAR10_CLASSES


@pytest.mark.parametrize(
    ("call", "name", "meant"),
    [
        (data.load, "mnits", "mnist"),
        (data.load, "cifar-10", "cifar10"),
        (data.fetch, "t10k-labels-idx1-ubyte.gz", TEST_LABELS),
    ],
)
def test_unknown_names_suggest_the_right_ones(world, call, name, meant):
    with pytest.raises(DataError) as error:
        call(name)
    text = str(error.value)
    assert repr(name) in text and f"Did you mean {meant!r}" in text and "Known:" in text


def test_a_missing_file_lists_every_source_and_what_to_do(world):
    world.use_mirror(world.folder / "nowhere")
    with pytest.raises(DataError) as error:
        data.fetch(TEST_LABELS)
    for word in ("nowhere", "/first/", "/second/", "HTTP 404", "What you can do", "kernel"):
        assert word in str(error.value), word
    with pytest.raises(DataError, match="only a mirror can have it"):
        data.fetch(images.CIFAR10_SUBSET)


def test_the_sample_of_mnist(world, capsys):
    dataset = data.load_mnist()
    first, second = capsys.readouterr().out.splitlines()
    what = "SAMPLE, not tiny mnist: scikit-learn's 8x8 digits scaled to 28x28"
    assert first.startswith(f"{what}; 1,437 + 360 images. Reason: http://127.0.0.1:")
    assert "HTTP 404" in first and "COURSE_DATA_MIRROR" in second
    assert dataset.origin.is_sample and dataset.origin.text == f"{what} (HTTP 404)"
    assert dataset.x_train.shape == (1437, 28, 28) and dataset.x_test.shape == (360, 28, 28)
    assert dataset.x_train.dtype == np.uint8 and dataset.y_train.dtype == np.int32
    # Its files have the official names; a damaged one is written again, and no other.
    for part, name in images.MNIST_FILES.items():
        path = dataset.files[Path(name).name]
        assert path == world.cache / "sample-mnist" / Path(name).name
        np.testing.assert_array_equal(data.read_idx(path), getattr(dataset, part))
    path.write_bytes(b"damaged")
    before = dataset.files["train-images-idx3-ubyte.gz"].stat().st_mtime_ns
    assert np.array_equal(data.load_mnist().y_test, data.read_idx(path))
    assert dataset.files["train-images-idx3-ubyte.gz"].stat().st_mtime_ns == before
    assert len(list(path.parent.iterdir())) == 4  # no temporary files left


def test_a_sample_without_any_folder_to_write_to(world, capsys):
    nowhere = world.nowhere_to_write("COURSE_DATA_DIR", *HOME_VARIABLES)
    world.setattr("tempfile.tempdir", str(nowhere))
    world.serve()
    dataset = data.load_mnist()
    assert dataset.origin.is_sample and dataset.files == {}
    printed = capsys.readouterr().out
    assert "Reason: No folder for data can be written" in printed
    assert "The sample's files could not be written" in printed
    assert dataset.origin.text.endswith("(no folder can be written)")


def test_fetch_list_and_verify(world, capsys):
    assert commands.main(["fetch", "mnits"]) == 2
    assert "Did you mean 'mnist'" in capsys.readouterr().err
    assert commands.main(["fetch", images.CIFAR10_SUBSET]) == 1
    assert "FAILED" in capsys.readouterr().out
    world.serve()
    assert commands.main(["fetch", "mnist"]) == 0
    assert capsys.readouterr().out.count("Downloaded from") == 4
    assert commands.main(["fetch"]) == 0
    text = capsys.readouterr().out
    assert text.count("Downloaded from") == 1 and f"{images.CIFAR10_SUBSET}: skipped" in text
    assert commands.main(["list"]) == 0
    assert len(re.findall(r"\bcached +2 official", capsys.readouterr().out)) == 5
    assert commands.main(["verify"]) == 0
    (world.cache / TEST_LABELS).write_bytes(b"damaged")
    assert commands.main(["verify"]) == 1
    assert re.search(rf"{re.escape(TEST_LABELS)} +DAMAGED", capsys.readouterr().out)


def test_a_mirror_that_cannot_be_there_is_named(world, capsys):
    assert commands.main(["mirror", "x" * 300, "mnist"]) == 2
    text = capsys.readouterr().err
    assert "too long" in text and "x" * 300 in text and "another folder" in text


def test_mirror_makes_a_mirror_and_can_be_continued(world, capsys):
    world.serve(*MNIST_NAMES)
    world.fill(world.cache, TEST_LABELS)
    world.server.faults[f"/first/{TRAIN_LABELS}"] = [Fault(status=404)]
    assert commands.main(["mirror", str(world.mirror), "mnist"]) == 1
    text = capsys.readouterr().out
    assert f"{TRAIN_LABELS}: FAILED" in text and "Read from the cache" in text
    assert commands.main(["mirror", str(world.mirror), "mnist"]) == 0
    text = capsys.readouterr().out
    assert text.count("There already") == 3 and f"COURSE_DATA_MIRROR={world.mirror}" in text
    # And what it made works as a mirror.
    shutil.rmtree(world.cache)
    world.new_process()
    world.use_mirror()
    world.go_offline()
    assert_tiny_mnist(data.load_mnist(), "mirror")
