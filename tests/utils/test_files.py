"""Files are written whole or not at all: small ones, and copies from a mirror."""

import errno
import hashlib
import os
import shutil
import sys

import pytest

from utils.common.files import format_bytes, write_atomically
from utils.data.fetching import download as downloads
from utils.data.fetching.errors import DownloadError
from utils.data.fetching.registry import RegistryFile

CONTENT = b"content of a data file"
ENTRY = RegistryFile(
    "file.bin", "x", "x", (), hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "x", "x"
)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as on Unix")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o027])
def test_usual_permissions_and_the_mask_is_left_alone(tmp_path, mask):
    asked = []
    before = os.umask(mask)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "umask", asked.append)  # another thread would get a wrong mask
            write_atomically(tmp_path / "folder" / "file.txt", b"text")
    finally:
        os.umask(before)
    (written,) = (tmp_path / "folder").iterdir()
    assert written.read_bytes() == b"text" and asked == []
    assert written.stat().st_mode & 0o777 == 0o666 & ~mask


def test_the_longest_name(tmp_path):
    write_atomically(tmp_path / ("x" * 255), b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["x" * 255]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file.txt").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "file.txt", b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_sizes_for_people():
    sizes = [format_bytes(count) for count in (999, 28881, 170498071, 2735816020)]
    assert sizes == ["999 bytes", "28.9 kB", "170.5 MB", "2.7 GB"]


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data" / "file.bin"


def test_a_copy_is_made_only_of_the_right_content(tmp_path, target):
    source = tmp_path / "source.bin"
    source.write_bytes(bytes(len(CONTENT)))
    with pytest.raises(DownloadError, match=r"the copy has the wrong content: .* expected"):
        downloads.install(ENTRY, source, target, "the copy")
    assert not target.exists() and not downloads.part_of(target).exists()
    source.write_bytes(CONTENT)
    downloads.install(ENTRY, source, target, "the copy")
    assert target.read_bytes() == CONTENT and not downloads.part_of(target).exists()


@pytest.mark.parametrize("number", [None, errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_copy_that_fails_says_which_side_failed(tmp_path, target, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    source = tmp_path / "source.bin"
    with pytest.raises(DownloadError, match="the copy cannot be read") as error:
        downloads.install(ENTRY, source, target, "the copy")
    assert error.value.short == "cannot be read" and "COURSE_DATA_DIR" not in str(error.value)
    source.write_bytes(CONTENT)
    if number is None:
        downloads.part_of(target).mkdir(parents=True)
    else:
        monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(DownloadError, match=r"could not be written.*COURSE_DATA_DIR"):
        downloads.install(ENTRY, source, target, "the copy")
    assert not target.exists()
