"""`utils.openimages` against a real server on 127.0.0.1 that misbehaves.

After every fault there is the set that an undisturbed download gives, as long as the photos are
the same, and the summary has counted what went wrong.
"""

import contextlib
import hashlib
import threading
from pathlib import Path

import pytest
import tiny_openimages as tiny
from faulty_server import Fault, FaultyServer, stay_on_this_machine
from PIL import Image
from tiny_openimages import ROSE, TinyOpenImages

from utils import openimages
from utils.common.errors import DataError
from utils.data.fetching import responses
from utils.openimages import collect, hosts, tables
from utils.openimages import photo_pool as pool

QUIET = {"progress": False, "sample": False}
HTML = b"<!DOCTYPE html><html><body>Please log in to the hotel's network.</body></html>"
NO_PHOTO = Fault(body=HTML, headers={"Content-Type": "text/html"})
VAL_LABELS = "/" + tiny.LABELS.format("val")


@pytest.fixture(autouse=True)
def on_this_machine_only(monkeypatch, tmp_path):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setattr(hosts, "TIMEOUT", (2, 0.7))
    monkeypatch.setattr(collect, "CONNECTIONS", 8)
    monkeypatch.setattr(tables, "PUBLISHED", {})
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))


@pytest.fixture
def server(monkeypatch):
    """Copies both official hosts."""
    with FaultyServer(keep_alive=True) as running:
        monkeypatch.setattr(hosts, "GOOGLE", running.address)
        monkeypatch.setattr(hosts, "AMAZON", f"{running.address}/open-images-dataset")
        yield running


@pytest.fixture
def world(server):
    world = TinyOpenImages()
    world.add_many(20)
    for path, content in world.files().items():
        server.add(f"/{path}", content)
    return world


@pytest.fixture
def undisturbed(world, server, monkeypatch, tmp_path):
    """The set that is to come out, downloaded into another cache."""
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "undisturbed"))
    content = content_of(download())
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    server.seen.clear()
    server.connections = 0
    return content


def download(per_class=12, **options):
    return openimages.download(per_class=per_class, **(QUIET | options))


def content_of(photos) -> list[tuple]:
    """The set, byte for byte."""
    return [
        (row.path, row.label, hashlib.sha256((photos.folder / row.path).read_bytes()).hexdigest())
        for row in photos.table.itertuples()
    ]


def photo_path(entry: tuple) -> str:
    return f"/open-images-dataset/validation/{Path(entry[0]).name}"


def photo_paths(server: FaultyServer) -> list[str]:
    return [seen.path for seen in server.seen if seen.path.endswith(".jpg")]


def everything_is_whole(tmp_path: Path) -> bool:
    """No broken photo and no temporary file anywhere in the cache."""
    for path in (tmp_path / "cache").rglob("*.jpg*"):
        assert path.suffix == ".jpg" and not path.name.startswith("."), path
        with Image.open(path) as image:
            image.load()
    return True


def wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("photos"):
            thread.join(5)


CUT, STALL = Fault(stop_after=300), Fault(stop_after=300, hang=True)
FAULTS = {
    "Retry-After": ([Fault(status=429, headers={"Retry-After": "0"})] * 2, {"HTTP 429": 2}),
    "stall": ([STALL], {"no answer": 1}),
    "half, said to be whole": ([Fault(body=tiny.jpeg("x")[:400])], {"not a whole JPEG": 1}),
    "slow": ([Fault(pause=0.02)], {}),
    "everything": (
        [Fault(status=503), CUT, NO_PHOTO, Fault(stop_after=0, hang=True)],
        {"HTTP 503": 1, responses.BROKEN: 1, "not a whole JPEG": 1, "no answer": 1},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_set_comes_out_and_the_failures_are_counted(name, server, undisturbed, tmp_path):
    faults, counts = FAULTS[name]
    path = photo_path(undisturbed[5])
    server.faults[path] = list(faults)
    photos = download()
    assert content_of(photos) == undisturbed and everything_is_whole(tmp_path)
    summary = photos.summary
    assert summary.failed_attempts == counts
    assert (summary.downloaded, summary.missing, summary.broken) == (24, 0, 0)
    assert photo_paths(server).count(path) == len(faults) + bool(counts)
    assert all(f"{reason}: {count}" in str(summary) for reason, count in counts.items())


@pytest.mark.parametrize(
    ("fault", "kind", "tries"),
    [
        (Fault(status=404), "missing", 1),
        (NO_PHOTO, "broken", pool.ATTEMPTS_IF_BROKEN),
        (Fault(status=500), "undelivered", pool.ATTEMPTS),
    ],
)
def test_a_photo_that_cannot_be_had_is_replaced(server, undisturbed, fault, kind, tries, capsys):
    path = photo_path(undisturbed[0])
    server.faults[path] = [fault] * 99
    photos = download()
    assert getattr(photos.summary, kind) == 1 and len(photos) == 24
    assert Path(path).stem not in set(photos.table["image_id"])
    assert photo_paths(server).count(path) == tries
    assert ("1 photos were not delivered" in capsys.readouterr().out) == (kind == "undelivered")


def test_a_host_that_fails_for_good_is_an_error_or_the_sample(
    server, undisturbed, tmp_path, capsys
):
    for path in filter(lambda path: path.endswith(".jpg"), server.files):
        server.faults[path] = [Fault(status=503)] * 99
    for entry in undisturbed[:3]:
        server.faults[photo_path(entry)] = []
    with pytest.raises(DataError, match=r"HTTP 503.*the next call continues"):
        download()
    photos = download(sample=True)
    assert photos.origin.is_sample and "HTTP 503" in photos.origin.text
    assert "HTTP 503" in capsys.readouterr().out
    wait_for_threads()
    server.faults.clear()
    photos = download()
    assert content_of(photos) == undisturbed and photos.summary.already_there == 3
    assert everything_is_whole(tmp_path)


def test_an_interrupted_download_goes_on_where_it_stopped(
    server, undisturbed, monkeypatch, tmp_path
):
    get, calls = pool.Pool.get, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return get(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(pool.Pool, "get", interrupted)
        patch.setattr(collect, "CONNECTIONS", 3)
        with pytest.raises(KeyboardInterrupt):
            download()
        wait_for_threads()
    arrived = {path.name for path in (tmp_path / "cache").rglob("*.jpg")}
    assert everything_is_whole(tmp_path) and 5 <= len(arrived) < 24
    (tmp_path / "cache/openimages/photos/validation/.0123.jpg-x7").write_bytes(b"of a killed call")
    server.seen.clear()
    photos = download()
    assert content_of(photos) == undisturbed and everything_is_whole(tmp_path)
    assert photos.summary.already_there == len(arrived)
    assert not arrived & {Path(path).name for path in photo_paths(server)}
    assert not [seen for seen in server.seen if seen.path.endswith(".csv")]
    server.seen.clear()
    assert content_of(download()) == undisturbed and not server.seen


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (
            [Fault(stop_after=99, headers={"ETag": '"1"'}), Fault(headers={"ETag": '"2"'})],
            "changed while it was read",
        ),
        ([Fault(status=503)] * 99, "HTTP 503"),
    ],
)
def test_a_table_that_cannot_be_had_is_an_error_and_not_another_set(world, server, faults, words):
    server.faults[VAL_LABELS] = faults
    with pytest.raises(DataError, match=words):
        download(10)


NO_TABLES = {
    "page with CR": b"<html>\r<body>Please log in</body>\r</html>",
    "UTF-16": "LabelName,DisplayName\n".encode("utf-16"),
    "one long line": b"x" * 500_000,
    "nothing": b"",
    "a long field": b"ImageID,LabelName,Confidence\n" + b"x" * 200_000 + f",{ROSE},1\n".encode(),
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_bytes_that_are_not_a_table_lead_to_the_sample(world, server, name, capsys):
    which = VAL_LABELS if "field" in name else "/" + tiny.DESCRIPTIONS
    server.faults[which] = [Fault(body=NO_TABLES[name])] * 2
    assert "wrong content" in download(sample=True).origin.text
    assert f"{which} is not the table that was expected" in capsys.readouterr().out
    with pytest.raises(DataError, match="is not the table"):
        download()
    assert len(download()) == 24  # nothing of it was kept


@pytest.mark.parametrize("is_mirror", [False, True])
def test_the_published_checksum_counts_for_official_tables(
    world, server, monkeypatch, tmp_path, is_mirror
):
    monkeypatch.setitem(tables.PUBLISHED, VAL_LABELS[1:], "0" * 64)
    if is_mirror:  # it may have fewer lines
        monkeypatch.setenv("COURSE_DATA_MIRROR", server.address)
    expected = pytest.raises(DataError, match="not the file that was published")
    with contextlib.nullcontext() if is_mirror else expected:
        assert len(download()) == 24
    assert any((tmp_path / "cache").rglob("oidv7-val-*")) == is_mirror
    right = hashlib.sha256(server.files[VAL_LABELS]).hexdigest()
    monkeypatch.setitem(tables.PUBLISHED, VAL_LABELS[1:], right)
    assert len(download()) == 24


def test_a_web_mirror(server, monkeypatch, undisturbed):
    monkeypatch.setattr(hosts, "GOOGLE", "https://storage.googleapis.com")
    monkeypatch.setattr(hosts, "AMAZON", "https://open-images-dataset.s3.amazonaws.com")
    host = server.address.removeprefix("http://")
    monkeypatch.setenv("COURSE_DATA_MIRROR", f"http://teacher:secret@{host}/")
    photos = download()
    assert content_of(photos) == undisturbed
    assert photos.origin.kind == "mirror" and host in photos.origin.text
    assert "secret" not in photos.origin.text


@pytest.mark.parametrize(
    ("status", "words"), [(404, "not in the mirror"), (503, "mirror: HTTP 503")]
)
def test_the_password_of_a_mirror_that_fails_is_not_shown(
    world, server, monkeypatch, capsys, status, words
):
    for path in list(server.files):
        server.faults[path] = [Fault(status=status)] * 99
    host = server.address.removeprefix("http://")
    monkeypatch.setenv("COURSE_DATA_MIRROR", f"http://teacher:secret@{host}")
    text = download(sample=True).origin.text + capsys.readouterr().out
    assert "secret" not in text and "teacher" not in text and words in text


def test_what_a_mirror_lacks_is_looked_for_at_the_official_host(
    world, server, monkeypatch, tmp_path, undisturbed
):
    mirror = world.write(tmp_path / "mirror")
    (mirror / photo_path(undisturbed[0])[1:]).unlink()
    broken = mirror / photo_path(undisturbed[1])[1:]
    broken.write_bytes(broken.read_bytes()[:300])
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(mirror))
    photos = download()
    assert content_of(photos) == undisturbed and photos.origin.kind == "official"
    assert sorted(photo_paths(server)) == sorted(photo_path(entry) for entry in undisturbed[:2])


def test_offline_a_cached_set_and_a_folder_still_work(world, server, monkeypatch, tmp_path):
    first = content_of(download())
    server.seen.clear()
    server.connections = 0
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert content_of(download()) == first
    assert download(6).summary.already_there == 12  # made from what is in the cache
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", server.address)
    assert download(sample=True).origin.is_sample
    assert not server.seen and not server.connections
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.write(tmp_path / "mirror")))
    assert content_of(download()) == first


def test_a_proxy_is_used_or_blamed(world, server, monkeypatch):
    monkeypatch.setattr(hosts, "GOOGLE", "http://storage.invalid")
    monkeypatch.setattr(hosts, "AMAZON", "http://photos.invalid/open-images-dataset")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert download(sample=True).origin.text.endswith("(the proxy cannot be reached)")
    monkeypatch.setenv("http_proxy", server.address)
    assert len(download()) == 24
