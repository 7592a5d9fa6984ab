"""`utils.openimages` against a real server on 127.0.0.1 that misbehaves.

After every fault there is the set that an undisturbed download gives, as long as the photos are
the same, and the summary has counted what went wrong.
"""

import gzip
import hashlib
import random
import time
from pathlib import Path

import pytest
import tiny_openimages as tiny
from faulty_server import Fault, FaultyServer, stay_on_this_machine
from PIL import Image
from tiny_openimages import ROSE, SUNFLOWER, TinyOpenImages, image_id

from utils import openimages
from utils.common.errors import DataError
from utils.data.fetching import download as downloads
from utils.data.fetching import responses
from utils.openimages import collect, hosts
from utils.openimages import photo_pool as photos_module

QUIET = {"progress": False, "sample": False}
HTML = b"<!DOCTYPE html><html><body>Please log in to the hotel's network.</body></html>"
NO_PHOTO = Fault(body=HTML, headers={"Content-Type": "text/html"})
VAL_LABELS = "/" + tiny.LABELS.format("val")


@pytest.fixture(autouse=True)
def on_this_machine_only(monkeypatch, tmp_path):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setattr(hosts, "TIMEOUT", (2, 0.7))
    use_cache(monkeypatch, tmp_path / "cache")


def use_cache(monkeypatch, folder):
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))


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
    world.add_many(10, "test", first=20)
    serve(server, world)
    return world


def serve(server: FaultyServer, world: TinyOpenImages) -> None:
    for path, content in world.files().items():
        server.add(f"/{path}", content)


def download(per_class=12, connections=8, **options):
    options = QUIET | {"connections": connections} | options
    return openimages.download(per_class=per_class, **options)


def content_of(photos) -> list[tuple]:
    """The set, byte for byte."""
    return [
        (row.path, row.label, hashlib.sha256((photos.folder / row.path).read_bytes()).hexdigest())
        for row in photos.table.itertuples()
    ]


@pytest.fixture
def undisturbed(world, server, monkeypatch, tmp_path):
    """The set that is to come out, downloaded into another cache."""
    use_cache(monkeypatch, tmp_path / "undisturbed")
    content = content_of(download())
    use_cache(monkeypatch, tmp_path / "cache")
    server.seen.clear()
    return content


def photo_paths(server: FaultyServer) -> list[str]:
    return [seen.path for seen in server.seen if seen.path.endswith(".jpg")]


def everything_is_whole(tmp_path: Path) -> bool:
    """No broken photo and no temporary file anywhere in the cache."""
    for path in (tmp_path / "cache").rglob("*.jpg*"):
        assert path.suffix == ".jpg" and not path.name.startswith("."), path
        with Image.open(path) as image:
            image.load()
    return True


# --- Photos ----------------------------------------------------------------------------------

FAULTS = {
    "503": ([Fault(status=503)] * 2, {"HTTP 503": 2}),
    "429 with Retry-After": (
        [Fault(status=429, headers={"Retry-After": "0"})] * 2,
        {"HTTP 429": 2},
    ),
    "500": ([Fault(status=500)], {"HTTP 500": 1}),
    "cut": ([Fault(stop_after=300)] * 2, {downloads.BROKEN: 2}),
    "cut before anything": ([Fault(stop_after=0)], {downloads.BROKEN: 1}),
    "stall": ([Fault(stop_after=300, hang=True)], {"no answer": 1}),
    "stall at once": ([Fault(stop_after=0, hang=True)], {"no answer": 1}),
    "html": ([NO_PHOTO], {"not a whole JPEG": 1}),
    "half, said to be whole": ([Fault(body=tiny.jpeg("x")[:400])], {"not a whole JPEG": 1}),
    "slow": ([Fault(pause=0.02)], {}),
    "everything": (
        [Fault(status=503), Fault(stop_after=9), NO_PHOTO, Fault(stop_after=9, hang=True)],
        {"HTTP 503": 1, downloads.BROKEN: 1, "not a whole JPEG": 1, "no answer": 1},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_set_comes_out_and_the_failures_are_counted(
    name, world, server, undisturbed, tmp_path
):
    faults, counted = FAULTS[name]
    path = photo_path(undisturbed[5])
    server.faults[path] = list(faults)
    photos = download()
    assert content_of(photos) == undisturbed and everything_is_whole(tmp_path)
    summary = photos.summary
    assert summary.failed_attempts == counted and summary.retries == len(faults) * bool(counted)
    assert (summary.downloaded, summary.missing, summary.broken) == (24, 0, 0)
    assert photo_paths(server).count(path) == len(faults) + bool(counted)
    for reason, count in counted.items():
        assert f"{reason}: {count}" in str(summary)


def photo_path(entry: tuple) -> str:
    part = "validation"
    return f"/open-images-dataset/{part}/{Path(entry[0]).name}"


def test_a_storm_of_all_faults_changes_nothing(world, server, undisturbed, tmp_path):
    source = random.Random(4)
    kinds = [Fault(status=503), Fault(stop_after=200), Fault(status=500), NO_PHOTO]
    expected = 0
    for entry in undisturbed:
        faults = source.sample(kinds, k=source.randrange(4))
        server.faults[photo_path(entry)] = [*faults, Fault(pause=0.005)]
        expected += len(faults)
    photos = download(connections=7)
    assert content_of(photos) == undisturbed and everything_is_whole(tmp_path)
    assert photos.summary.retries == expected > 10


def test_the_order_of_arrival_does_not_matter(world, server, undisturbed):
    for position, entry in enumerate(sorted(undisturbed)):
        server.faults[photo_path(entry)] = [Fault(pause=0.002 * (position % 7))]
    assert content_of(download(connections=24)) == undisturbed


def test_what_is_missing_is_not_asked_for_twice_and_replaced(world, server, tmp_path):
    ids = [image_id(f"rose{i}") for i in range(4)]
    for key, status in zip(ids, (404, 403, 410, 404), strict=True):
        server.faults[f"/open-images-dataset/validation/{key}.jpg"] = [Fault(status=status)] * 9
    photos = download(16)
    asked = photo_paths(server)
    assert photos.summary.missing == 4 and photos.summary.retries == 0
    assert max(asked.count(path) for path in asked) == 1
    assert not set(ids) & set(photos.table["image_id"])
    server.seen.clear()
    assert download(17, seed=2).summary.missing == 4  # remembered
    assert not [path for path in photo_paths(server) if Path(path).stem in ids]


def test_missing_photos_of_a_failed_call_are_not_remembered(world, server):
    paths = [path for path in server.files if path.endswith(".jpg")]
    for path in paths:  # a proxy that forbids everything
        server.faults[path] = [Fault(status=403)]
    with pytest.raises(DataError, match="Not one photo"):
        download()
    server.faults.clear()
    assert download().summary.missing == 0


def test_a_photo_that_stays_broken_is_replaced(world, server, undisturbed, tmp_path):
    path = photo_path(undisturbed[0])
    server.faults[path] = [NO_PHOTO] * 20
    photos = download()
    assert photos.summary.broken == 1 and len(photos) == 24
    assert Path(path).stem not in set(photos.table["image_id"])
    assert everything_is_whole(tmp_path)
    assert photo_paths(server).count(path) == photos_module.ATTEMPTS_IF_BROKEN


def test_one_photo_that_never_comes_is_replaced_and_said(world, server, undisturbed, capsys):
    path = photo_path(undisturbed[0])
    server.faults[path] = [Fault(status=500)] * 99
    photos = download()
    assert photos.summary.undelivered == 1 and len(photos) == 24
    tried = photo_paths(server).count(path)
    assert tried == 2 * photos_module.ATTEMPTS == photos.summary.failed_attempts["HTTP 500"]
    assert "1 photos were not delivered" in capsys.readouterr().out


def test_a_second_chance_gives_the_undisturbed_set(world, server, undisturbed):
    path = photo_path(undisturbed[0])
    server.faults[path] = [Fault(status=500)] * (photos_module.ATTEMPTS + 1)
    photos = download()
    assert content_of(photos) == undisturbed and photos.summary.undelivered == 0


@pytest.fixture
def broken_host(world, server, undisturbed):
    """The host serves three photos, then nothing but errors."""
    for path in [path for path in server.files if path.endswith(".jpg")]:
        server.faults[path] = [Fault(status=503)] * 99
    good = [photo_path(entry) for entry in undisturbed[:3]]
    for path in good:
        server.faults[path] = []
    return good


def test_a_host_that_fails_for_good_is_an_error(broken_host, server, undisturbed, tmp_path):
    with pytest.raises(DataError) as error:
        download()
    assert "HTTP 503" in str(error.value) and "the next call continues" in str(error.value)
    assert everything_is_whole(tmp_path)
    server.faults.clear()
    photos = download()
    assert content_of(photos) == undisturbed and photos.summary.already_there == 3


def test_or_the_sample_stands_in(broken_host, capsys):
    photos = download(sample=True)
    assert photos.origin.is_sample and "HTTP 503" in photos.origin.text
    assert "HTTP 503" in capsys.readouterr().out


def test_retry_after_is_respected_by_all_threads(world, server, undisturbed):
    path = photo_path(undisturbed[0])
    server.faults[path] = [Fault(status=503, headers={"Retry-After": "1"})]
    started = time.monotonic()
    photos = download(connections=2)
    assert time.monotonic() - started >= 1
    assert content_of(photos) == undisturbed


def test_retry_after_is_capped(world, server, undisturbed, monkeypatch):
    monkeypatch.setattr(responses, "LONGEST_WAIT_SECONDS", 0.2)
    server.faults[photo_path(undisturbed[0])] = [
        Fault(status=503, headers={"Retry-After": "86400"})
    ]
    started = time.monotonic()
    assert content_of(download()) == undisturbed
    assert time.monotonic() - started < 5


def test_an_interrupted_download_goes_on_where_it_stopped(
    world, server, undisturbed, monkeypatch, tmp_path
):
    next_result = collect._next_result
    arrived = []

    def interrupted(results):
        arrived.append(next_result(results))
        if len(arrived) == 9:
            raise KeyboardInterrupt
        return arrived[-1]

    monkeypatch.setattr(collect, "_next_result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download(connections=3)
    monkeypatch.setattr(collect, "_next_result", next_result)
    wait_for_threads("photos")
    assert everything_is_whole(tmp_path)
    kept = {path.name for path in (tmp_path / "cache").rglob("*.jpg")}
    assert 9 <= len(kept) < 24
    server.seen.clear()
    photos = download()
    assert content_of(photos) == undisturbed and everything_is_whole(tmp_path)
    assert photos.summary.already_there == len(kept)
    assert not kept & {Path(path).name for path in photo_paths(server)}
    assert not [seen for seen in server.seen if seen.path.endswith(".csv")]


def wait_for_threads(prefix: str) -> None:
    import threading

    for thread in threading.enumerate():
        if thread.name.startswith(prefix):
            thread.join(5)


def test_what_a_killed_call_left_is_cleared_away(world, server, tmp_path):
    pool = tmp_path / "cache" / "openimages" / "photos" / "validation"
    pool.mkdir(parents=True)
    (pool / ".0123456789abcdef.jpg-x7").write_bytes(b"half a photo")
    download(3)
    assert everything_is_whole(tmp_path)


def test_a_finished_set_needs_no_request(world, server):
    first = download()
    server.seen.clear()
    assert content_of(download()) == content_of(first) and not server.seen


def test_more_photos_are_fetched_not_all_again(world, server):
    download(6)
    before = set(photo_paths(server))
    server.seen.clear()
    photos = download(12)
    assert not before & set(photo_paths(server))
    assert photos.summary.already_there == 12


def test_connections_are_kept(world, server):
    download(12, connections=4)
    # Four for the photos, one for each of the three tables, one to see whether there is a host.
    assert len(server.seen) > 24 and server.connections <= 4 + 3 + 1


def test_no_more_connections_than_allowed(world, server, undisturbed, monkeypatch):
    import threading

    lock, now, most = threading.Lock(), [0], [0]
    read_small = hosts.read_small

    def counted(*arguments):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        try:
            return read_small(*arguments)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(hosts, "read_small", counted)
    download(connections=5)
    assert 2 <= most[0] <= 5


# --- Tables ----------------------------------------------------------------------------------


def test_a_broken_connection_is_resumed_where_it_broke(world, server, monkeypatch):
    monkeypatch.setattr(hosts, "BLOCK_BYTES", 100)
    size = len(server.files[VAL_LABELS])
    server.faults[VAL_LABELS] = [
        Fault(stop_after=size // 2),
        Fault(stop_after=size // 4, hang=True),
        Fault(status=503),
    ]
    assert download().summary.listed == {"Rose": 20, "Sunflower": 20}
    requests = [seen for seen in server.seen if seen.path == VAL_LABELS]
    starts = [int(seen.range.split("=")[1][:-1]) if seen.range else 0 for seen in requests]
    assert starts[0] == 0 and starts[1] == size // 2
    # What was in the middle of a block may have been lost, but never more.
    assert size // 2 < starts[2] <= size // 2 + size // 4 and starts[3] == starts[2]


@pytest.mark.parametrize("ranges", [True, False])
def test_the_resumed_file_is_the_file(server, monkeypatch, ranges):
    monkeypatch.setattr(hosts, "BLOCK_BYTES", 100)
    content = random.Random(0).randbytes(5000)
    faults = [Fault(stop_after=stop, ignore_range=not ranges) for stop in (1999, 3450, 0, 4000)] + [
        Fault(ignore_range=not ranges)
    ]
    server.add("/openimages/file.bin", content, faults)
    progress = hosts.Progress()
    blocks = hosts.blocks(hosts.Source("official"), "openimages/file.bin", progress)
    assert b"".join(blocks) == content
    assert (progress.read, progress.total) == (5000, 5000)


def test_two_versions_of_a_table_are_never_joined(world, server):
    server.faults[VAL_LABELS] = [
        Fault(stop_after=500, headers={"ETag": '"one"'}),
        Fault(headers={"ETag": '"two"'}),
    ]
    with pytest.raises(DataError, match="changed while it was read"):
        download()


def test_a_table_that_cannot_be_had_is_an_error_and_not_another_set(world, server):
    server.faults[VAL_LABELS] = [Fault(status=503)] * 99
    with pytest.raises(DataError, match="HTTP 503"):
        download(10)


def test_a_login_page_is_no_table(world, server):
    server.faults["/" + tiny.DESCRIPTIONS] = [Fault(body=HTML)]
    with pytest.raises(DataError, match="no column 'LabelName'"):
        download()
    assert len(download()) == 24


NO_TABLES = {
    "page with CR": b"<html>\r<body>Please log in</body>\r</html>",
    "page": HTML,
    "gzip": gzip.compress(b"LabelName,DisplayName\n/m/06m11,Rose\n"),
    "UTF-16": "LabelName,DisplayName\n".encode("utf-16"),
    "binary": bytes(range(256)) * 40,
    "one long line": b"x" * 500_000,
    "nothing": b"",
}


@pytest.mark.parametrize("name", NO_TABLES)
@pytest.mark.parametrize("which", ["/" + tiny.DESCRIPTIONS, VAL_LABELS])
def test_bytes_that_are_no_table_lead_to_the_sample(world, server, name, which, capsys):
    server.faults[which] = [Fault(body=NO_TABLES[name])] * 2
    assert "wrong content" in download(sample=True).origin.text
    assert f"{which} is not the table that was expected" in capsys.readouterr().out
    with pytest.raises(DataError, match="is not the table"):
        download()
    assert len(download()) == 24  # nothing of it was kept


def test_a_line_that_is_no_csv_leads_to_the_sample(world, server, capsys):
    right = server.files[VAL_LABELS]
    server.faults[VAL_LABELS] = [
        Fault(body=right + b"x" * 200_000 + f",verification,{ROSE},1\n".encode())
    ]
    assert "wrong content" in download(sample=True).origin.text
    assert f"{VAL_LABELS} is no table" in capsys.readouterr().out
    assert len(download()) == 24


PACKED = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize("cut", [None, 60])
def test_tables_and_photos_compressed_for_the_way_only_are_unpacked(
    world, server, undisturbed, tmp_path, cut
):
    for path, content in server.files.items():
        body = gzip.compress(content)
        faults = [Fault(headers=PACKED, body=body)] * 9
        if cut:  # the rest is asked for as a range, which is one of the compressed bytes
            faults.insert(0, Fault(headers=PACKED, body=body, stop_after=len(body) - cut))
        server.faults[path] = faults
    assert content_of(download()) == undisturbed


def test_a_compressed_table_that_breaks_is_read_on_where_it_broke(server, monkeypatch):
    monkeypatch.setattr(hosts, "BLOCK_BYTES", 1000)
    content = random.Random(0).randbytes(100_000)
    packed = gzip.compress(content)
    cuts = [Fault(headers=PACKED, body=packed, stop_after=stop) for stop in (30_000, 60_000)]
    url = server.add("/table.csv", content, [*cuts, *[Fault(headers=PACKED, body=packed)] * 9])
    progress = hosts.Progress()
    assert b"".join(hosts._blocks_of_url(url, "table.csv", progress)) == content
    assert progress.read == len(content)


def test_the_published_checksum_counts_for_official_tables(world, server, monkeypatch, tmp_path):
    from utils.openimages import tables

    right = hashlib.sha256(server.files[VAL_LABELS]).hexdigest()
    monkeypatch.setitem(tables.PUBLISHED, VAL_LABELS[1:], "0" * 64)
    with pytest.raises(DataError, match="not the file that was published"):
        download()
    assert not list((tmp_path / "cache").rglob("oidv7-val-*"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", server.address)
    assert len(download()) == 24  # a mirror may have fewer lines
    monkeypatch.delenv("COURSE_DATA_MIRROR")
    monkeypatch.setitem(tables.PUBLISHED, VAL_LABELS[1:], right)
    use_cache(monkeypatch, tmp_path / "other")
    assert len(download()) == 24


@pytest.fixture(autouse=True)
def no_published_checksums(monkeypatch):
    from utils.openimages import tables

    monkeypatch.setattr(tables, "PUBLISHED", {})


def test_only_the_parts_that_are_needed_are_read(world, server):
    world.add_many(40, "train", first=100)
    serve(server, world)
    download(12)
    assert not [seen for seen in server.seen if "test" in seen.path or "train" in seen.path]
    download(25)
    assert not [seen for seen in server.seen if "train" in seen.path]
    download(35)
    assert [seen for seen in server.seen if "train" in seen.path]


def test_the_train_labels_are_not_read_further_than_needed(server, monkeypatch):
    from utils.openimages import labels

    monkeypatch.setattr(hosts, "BLOCK_BYTES", 1000)
    world = TinyOpenImages()
    for number in range(2000):
        world.add(f"rose{number}", [ROSE], "train", content=b"")
        world.add(f"sun{number}", [SUNFLOWER], "train", content=b"")
    serve(server, world)
    read = []
    rest_of_url = hosts._rest_of_url

    def counted(session, url, progress, version):
        for block in rest_of_url(session, url, progress, version):
            read.append(len(block) * ("imagelabels" in url))
            yield block

    monkeypatch.setattr(hosts, "_rest_of_url", counted)
    categories = [labels.Category("Rose", ROSE), labels.Category("Sunflower", SUNFLOWER)]
    found = labels.find_candidates("train", categories, 10, 1, [], progress=False)
    assert found.cut and all(256 <= len(ids) < 400 for ids in found.candidates)
    table = server.files["/" + tiny.LABELS.format("train")]
    assert 0 < sum(read) < len(table) / 4
    read.clear()
    again = labels.find_candidates("train", categories, 9, 1, [], progress=False)
    assert again.candidates == found.candidates and not read  # the same cached lines
    whole = labels.find_candidates("train", categories, None, 1, [], progress=False)
    assert not whole.cut and [len(ids) for ids in whole.candidates] == [2000, 2000]
    assert sum(read) == len(table)


# --- Sources ---------------------------------------------------------------------------------


def test_a_web_mirror(world, server, monkeypatch, undisturbed):
    monkeypatch.setattr(hosts, "GOOGLE", "https://storage.googleapis.com")
    monkeypatch.setattr(hosts, "AMAZON", "https://open-images-dataset.s3.amazonaws.com")
    host = server.address.removeprefix("http://")
    monkeypatch.setenv("COURSE_DATA_MIRROR", f"http://teacher:secret@{host}/")
    photos = download()
    assert content_of(photos) == undisturbed
    assert photos.origin.kind == "mirror" and host in photos.origin.text
    assert "secret" not in photos.origin.text


@pytest.mark.parametrize("status", [404, 503])
def test_password_of_a_web_mirror_that_fails_is_not_shown(
    world, server, monkeypatch, capsys, status
):
    for path in list(server.files):
        server.faults[path] = [Fault(status=status)] * 99
    host = server.address.removeprefix("http://")
    monkeypatch.setenv("COURSE_DATA_MIRROR", f"http://teacher:secret@{host}")
    told = download(sample=True).origin.text + capsys.readouterr().out
    assert "secret" not in told and "teacher" not in told
    assert ("not in the mirror" if status == 404 else "mirror: HTTP 503") in told


@pytest.mark.parametrize(
    ("proxy", "short"),
    [
        ("http://127.0.0.1:9", "(the proxy cannot be reached)"),
        ("http://zaphod:qj#xz@127.0.0.1:9", "(the proxy is not understood)"),
    ],
)
def test_a_proxy_at_fault_is_told(world, monkeypatch, capsys, proxy, short):
    monkeypatch.setenv("http_proxy", proxy)
    assert download(sample=True).origin.text.endswith(short)
    said = capsys.readouterr().out
    assert "in http_proxy" in said and "qj" not in said and "zaphod" not in said


def test_what_a_mirror_lacks_is_looked_for_at_the_official_host(
    world, server, monkeypatch, tmp_path, undisturbed
):
    mirror = world.write(tmp_path / "mirror")
    lacking = mirror / photo_path(undisturbed[0])[1:]
    broken = mirror / photo_path(undisturbed[1])[1:]
    lacking.unlink()
    broken.write_bytes(broken.read_bytes()[:300])
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(mirror))
    photos = download()
    assert content_of(photos) == undisturbed and photos.origin.kind == "official"
    assert sorted(photo_paths(server)) == sorted(photo_path(entry) for entry in undisturbed[:2])


def test_offline_nothing_is_asked(world, server, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_DATA_MIRROR", server.address)
    assert download(sample=True).origin.is_sample
    assert not server.seen and not server.connections


def test_offline_a_cached_set_and_a_folder_still_work(world, server, monkeypatch, tmp_path):
    first = content_of(download())
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert content_of(download()) == first
    smaller = download(6)  # made of what is in the cache
    assert smaller.summary.already_there == 12
    use_cache(monkeypatch, tmp_path / "other")
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.write(tmp_path / "mirror")))
    assert content_of(download()) == first


def test_without_a_network_the_sample_comes_quickly(monkeypatch):
    started = time.monotonic()
    photos = openimages.download(progress=False)
    assert photos.origin.is_sample and time.monotonic() - started < 10


def test_the_network_breaks_down_after_the_tables(world, server, monkeypatch):
    monkeypatch.setattr(hosts, "AMAZON", "http://127.0.0.1:9/open-images-dataset")
    photos = download(sample=True)
    assert photos.origin.is_sample and "cannot be reached" in photos.origin.text


def test_a_proxy_is_used(world, server, monkeypatch):
    monkeypatch.setattr(hosts, "GOOGLE", "http://storage.invalid")
    monkeypatch.setattr(hosts, "AMAZON", "http://photos.invalid/open-images-dataset")
    monkeypatch.setenv("http_proxy", server.address)
    assert len(download()) == 24
