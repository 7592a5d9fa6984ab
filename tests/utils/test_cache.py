"""The cache of the data layer, also where it cannot be written, and files written whole."""

import dataclasses
import errno
import gzip
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from data_world import HOME_VARIABLES, data_world
from tiny_files import idx, image_files

from utils import data
from utils.common.files import format_bytes, write_atomically
from utils.data import DataError, images
from utils.data.fetching import disk, download, registry

TRAIN_IMAGES, _, _, TEST_LABELS = images.MNIST_FILES.values()


@pytest.fixture
def world(tmp_path, monkeypatch):
    with data_world(tmp_path, monkeypatch, image_files()) as world:
        yield world


@pytest.mark.parametrize("damage", [b"", None], ids=["empty", "same size"])
def test_a_damaged_file_in_the_cache_is_replaced(world, damage, capsys):
    world.serve()
    path = data.fetch(TRAIN_IMAGES)
    right = path.read_bytes()
    path.write_bytes(bytes(len(right)) if damage is None else damage)
    assert data.fetch(TRAIN_IMAGES).read_bytes() == right
    assert "is damaged, so it is fetched again" in capsys.readouterr().out
    path.write_bytes(b"damaged")
    world.server.files.clear()
    with pytest.raises(DataError, match="is damaged"):
        data.fetch(TRAIN_IMAGES)
    assert not path.exists()


def test_a_file_in_the_cache_is_read_once_to_check_it(world):
    world.fill(world.cache)
    checked = []
    sha256_of = disk.sha256_of
    world.setattr(disk, "sha256_of", lambda path: checked.append(path) or sha256_of(path))
    for _ in range(3):
        data.fetch(TRAIN_IMAGES)
    assert checked == [world.cache / TRAIN_IMAGES]


def test_a_cache_that_cannot_be_written_falls_back_and_says_so_once(world, capsys):
    world.nowhere_to_write("COURSE_DATA_DIR")
    world.serve()
    for kind in ("official", "cache"):
        assert data.load_mnist().origin.kind == kind
    assert data.cache_folder().is_relative_to(world.folder / "home")
    assert capsys.readouterr().out.count("cannot be written; using") == 1
    world.nowhere_to_write(*HOME_VARIABLES)  # the last resort is a temporary folder
    world.new_process()
    folder = data.cache_folder()
    assert folder.parent == world.folder and "deep-learning-in-practice-" in folder.name


@pytest.fixture
def read_only_cache(world):
    """A full cache that this process really cannot write to, for root as well."""
    if os.name == "nt":
        pytest.skip("Windows has no permission bits for folders")
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    cache, home = folder / "cache", folder / "home"
    world.fill(cache)
    home.mkdir()
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    home.chmod(0o777)
    for name in ("HOME", "XDG_CACHE_HOME"):
        world.setenv(name, str(home))
    world.setattr(tempfile, "tempdir", None)
    world.setenv("COURSE_DATA_DIR", str(cache))
    registry.registry_files()  # another user may not be allowed to read it
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


def test_a_read_only_cache_is_used(world, read_only_cache, capsys):
    dataset = data.load_mnist()
    assert dataset.origin.kind == "cache"
    assert all(path.is_relative_to(read_only_cache) for path in dataset.files.values())
    assert "cannot be written" not in capsys.readouterr().out  # nothing had to be written


def test_a_damaged_file_in_a_read_only_cache_is_gone_past(world, read_only_cache):
    # What is damaged here is the expectation: the registry wants another content.
    content = gzip.compress(idx(np.arange(9)), mtime=0)
    sha256 = hashlib.sha256(content).hexdigest()
    entry = registry.entry_of(TEST_LABELS)
    changed = dataclasses.replace(entry, sha256=sha256, size=len(content))
    world.monkeypatch.setitem(registry.registry_files(), TEST_LABELS, changed)
    world.server.add(f"/first/{TEST_LABELS}", content)
    path = data.fetch(TEST_LABELS)
    assert path.read_bytes() == content and not path.is_relative_to(read_only_cache)
    assert data.fetch_with_origin(TEST_LABELS)[1].kind == "cache"


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("missing", "the copy cannot be read"),
        ("wrong", "the copy has the wrong content: .* expected"),
        ("unwritable", "could not be written.*COURSE_DATA_DIR"),
        ("broken disk", "could not be written.*COURSE_DATA_DIR"),
    ],
)
def test_a_copy_is_right_or_says_which_side_failed(world, tmp_path, trouble, words):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    content = world.files[TEST_LABELS].content
    source, target = tmp_path / "source.gz", tmp_path / "copies" / "labels.gz"
    part = download.part_of(target)
    if trouble != "missing":
        source.write_bytes(bytes(len(content)) if trouble == "wrong" else content)
    if trouble == "unwritable":
        part.mkdir(parents=True)
    if trouble == "broken disk":
        world.setattr(shutil, "copyfile", fail)
    with pytest.raises(download.DownloadError, match=words):
        download.install(registry.entry_of(TEST_LABELS), source, target, "the copy")
    assert not target.exists() and not part.is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as on Unix")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_small_file_has_the_usual_permissions_and_is_whole_or_not_there(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "folder" / ("x" * 255), b"text")
    finally:
        os.umask(before)
    (written,) = (tmp_path / "folder").iterdir()
    assert written.read_bytes() == b"text"
    assert written.stat().st_mode & 0o777 == 0o666 & ~mask
    with pytest.raises(OSError):
        write_atomically(tmp_path / "folder", b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_sizes_for_people():
    sizes = [format_bytes(count) for count in (999, 28881, 170498071, 2735816020)]
    assert sizes == ["999 bytes", "28.9 kB", "170.5 MB", "2.7 GB"]
