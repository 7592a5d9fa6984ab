"""`utils.common.files`: small files are written whole, with the usual permissions."""

import os
import sys

import pytest

from utils.common.files import format_bytes, write_atomically


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
