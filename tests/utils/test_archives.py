"""Archives are unpacked whole and inside their folder, or not at all."""

import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from utils.data.fetching.archives import unpack
from utils.data.fetching.download import DownloadError


def make_tar(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, destination in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, destination
            archive.addfile(member)
    return path


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_unpack(make, tmp_path):
    archive = make(tmp_path / "archive", {"a.txt": b"a", "below/b.txt": b"b"})
    folder = unpack(archive, tmp_path / "deep" / "out")
    assert folder == tmp_path / "deep" / "out"
    assert (folder / "a.txt").read_bytes() == b"a"
    assert (folder / "below" / "b.txt").read_bytes() == b"b"
    archive.unlink()
    assert unpack(archive, folder) == folder  # unpacked earlier: left alone


@pytest.mark.parametrize(
    "evil", ["../evil.txt", "below/../../evil.txt", "/{tmp}/evil.txt", "..\\evil.txt", "C:\\evil"]
)
def test_zip_member_outside_is_refused(evil, tmp_path):
    evil = evil.replace("/{tmp}", str(tmp_path))
    archive = make_zip(tmp_path / "archive.zip", {"good.txt": b"good", evil: b"evil"})
    with pytest.raises(DownloadError, match="is refused"):
        unpack(archive, tmp_path / "deep" / "out")
    assert_nothing_unpacked(tmp_path)


@pytest.mark.parametrize("evil", ["../evil.txt", "below/../../evil.txt"])
def test_tar_member_outside_is_refused(evil, tmp_path):
    archive = make_tar(tmp_path / "archive.tgz", {"good.txt": b"good", evil: b"evil"})
    with pytest.raises(DownloadError, match="is refused"):
        unpack(archive, tmp_path / "deep" / "out")
    assert_nothing_unpacked(tmp_path)


@pytest.mark.parametrize("destination", ["/etc", "../.."])
def test_tar_link_outside_is_refused(destination, tmp_path):
    archive = make_tar(tmp_path / "archive.tgz", {"good.txt": b"good"}, {"link": destination})
    with pytest.raises(DownloadError, match="is refused"):
        unpack(archive, tmp_path / "deep" / "out")
    assert_nothing_unpacked(tmp_path)


def test_truncated_archive_leaves_nothing(tmp_path):
    content = random.Random(0).randbytes(200_000)  # it cannot be compressed
    archive = make_tar(tmp_path / "archive.tgz", {"a": content, "b": content})
    archive.write_bytes(archive.read_bytes()[:100_000])
    with pytest.raises(DownloadError, match=r"damaged .* fetch it again"):
        unpack(archive, tmp_path / "deep" / "out")
    assert_nothing_unpacked(tmp_path)


def test_other_files_are_no_archives(tmp_path):
    (tmp_path / "notes.txt").write_text("no archive", encoding="utf-8")
    with pytest.raises(DownloadError, match="neither a tar nor a zip"):
        unpack(tmp_path / "notes.txt", tmp_path / "out")
    with pytest.raises(DownloadError, match="does not exist"):
        unpack(tmp_path / "missing.zip", tmp_path / "out")


def assert_nothing_unpacked(tmp_path: Path) -> None:
    left = [path.name for path in tmp_path.rglob("*") if not path.name.endswith(".lock")]
    assert sorted(left) in (["archive.tgz", "deep"], ["archive.zip", "deep"])
