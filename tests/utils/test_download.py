"""Downloads: after every fault there is the right file or a clear error.

A real server on 127.0.0.1 misbehaves; never is a wrong or partial file under the final name.
"""

import errno
import gzip
import hashlib
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from faulty_server import Fault, FaultyServer, stay_on_this_machine

from utils.data.fetching import disk, responses
from utils.data.fetching import download as downloads
from utils.data.fetching.errors import DownloadError
from utils.data.fetching.registry import RegistryFile

CONTENT = random.Random(0).randbytes(400_000)  # several chunks, so that there is a half-way
HALF = 200_000
ZEROS = bytes(len(CONTENT))
CUT, BUSY, NO_RANGE = Fault(stop_after=HALF), Fault(status=503), Fault(status=416)
WRONG_RANGE, WHOLE = Fault(content_range="nonsense"), Fault(ignore_range=True)
MOVED = Fault(status=302, headers={"Location": "/elsewhere"})
SHORT = Fault(stop_after=1000)
WHOLE_AND_SHORT = Fault(ignore_range=True, stop_after=1000)


class OfUnknownSize(RegistryFile):
    """A file whose size is not told beforehand, as for an archive that is packed afresh."""

    def digest(self, path):
        return disk.sha256_of(path)


def digest_of(content):
    return hashlib.sha256(content).hexdigest()


def entry_of(content, kind=RegistryFile):
    pattern = "*" if kind is OfUnknownSize else ""
    return kind("file.bin", "x", "x", (), digest_of(content), len(content), "x", "x", pattern)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setattr(downloads, "TIMEOUT", (1, 0.4))
    monkeypatch.setattr(downloads, "ATTEMPTS", 3)


@pytest.fixture
def server():
    with FaultyServer() as running:
        running.add("/elsewhere", CONTENT)
        yield running


@pytest.fixture
def target(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "file.bin"


@pytest.fixture
def part(target):
    return downloads.part_of(target)


def get(target, *urls, entry=None):
    """Download to `target` and check what lies there afterwards."""
    entry = entry or entry_of(CONTENT)
    try:
        url = downloads.download(entry, urls, target)
    except DownloadError:
        assert not target.exists()
        raise
    assert entry.matches(target) and not downloads.part_of(target).exists()
    return url


@pytest.mark.parametrize(
    ("faults", "requests"),
    [
        ([Fault(status=500), BUSY], 3),
        ([Fault(status=503, headers={"Retry-After": "soon"})], 2),
        ([MOVED], 1 + 1),
        ([Fault(stop_after=downloads.CHUNK_BYTES)] * 5, 6),  # more often than the attempts
    ],
)
def test_faults_that_pass(server, target, faults, requests):
    url = server.add("/file.bin", CONTENT, faults)
    assert get(target, url) == url
    assert len(server.seen) == requests


def test_a_right_file_is_left_alone_and_a_wrong_one_replaced(server, target):
    url = server.add("/file.bin", CONTENT)
    target.write_bytes(b"damaged")
    assert get(target, url) == url
    assert get(target, url) == target.resolve().as_uri()
    assert len(server.seen) == 1


def test_what_cannot_pass_goes_to_the_next_source(server, target):
    bad = [f"{server.address}/missing", "http://data.invalid/x", server.add("/wrong", ZEROS)]
    good = server.add("/good", CONTENT)
    assert get(target, *bad, good) == good
    assert [seen.path for seen in server.seen] == ["/missing", "/wrong", "/good"]


def test_attempts_are_limited_and_every_failure_is_listed_without_a_password(server, target):
    urls = [server.add("/file.bin", CONTENT, [BUSY] * 9), f"{server.address}/missing"]
    with pytest.raises(DownloadError) as error:
        get(target, *(url.replace("//", "//zaphod:secret@") for url in urls))
    assert len(server.seen) == 3 + 1
    text = str(error.value)
    assert f"{urls[0]}: HTTP 503" in text and f"{urls[1]}: HTTP 404" in text
    assert "zaphod" not in text and "secret" not in text


@pytest.mark.parametrize(("asked", "waited"), [("1", 1), ("86400", responses.LONGEST_WAIT_SECONDS)])
def test_retry_after_is_respected_but_capped(server, target, monkeypatch, capsys, asked, waited):
    waits = []
    monkeypatch.setattr(responses.time, "sleep", waits.append)
    fault = Fault(status=429, headers={"Retry-After": asked})
    get(target, server.add("/file.bin", CONTENT, [fault]))
    assert waits == [waited]
    assert ("HTTP 429" in capsys.readouterr().out) == (waited > 2)


@pytest.mark.parametrize("kind", [RegistryFile, OfUnknownSize])
@pytest.mark.parametrize("fault", [CUT, Fault(stop_after=HALF, hang=True)], ids=["cut", "stall"])
def test_a_broken_transfer_is_resumed(server, target, kind, fault):
    get(target, server.add("/file.bin", CONTENT, [fault]), entry=entry_of(CONTENT, kind))
    last = server.seen[-1]
    first_byte = int(last.range.removeprefix("bytes=").removesuffix("-"))
    # At most the chunk under way is lost, and only the rest is sent.
    assert HALF - downloads.CHUNK_BYTES <= first_byte <= HALF
    assert last.sent == len(CONTENT) - first_byte


@pytest.mark.parametrize(
    ("faults", "most"),
    [
        ([Fault(stop_after=0)], 3),
        # First further, then less far, again and again.
        ([Fault(stop_after=HALF, ignore_range=True), WHOLE_AND_SHORT], 3),
        ([SHORT, SHORT, NO_RANGE], 9),
        ([SHORT, SHORT, WRONG_RANGE], 9),
    ],
)
def test_endless_faults_end(server, target, faults, most):
    with pytest.raises(DownloadError, match="tried 3 times"):
        get(target, server.add("/file.bin", CONTENT, faults * 50))
    assert len(server.seen) <= most


@pytest.mark.parametrize(
    "second", [WHOLE, NO_RANGE, WRONG_RANGE, Fault(content_range="bytes 0-399999/400000")]
)
def test_a_range_that_is_not_honoured_restarts(server, target, second):
    get(target, server.add("/file.bin", CONTENT, [CUT, second]))
    assert server.seen[1].range and server.seen[-1].sent == len(CONTENT)


@pytest.mark.parametrize("first", [Fault(), NO_RANGE, WHOLE_AND_SHORT])
def test_a_line_that_breaks_after_it_had_to_begin_again(server, target, part, first):
    part.write_bytes(ZEROS[1:])  # stale, and further than most attempts
    faults = [first, *[Fault(stop_after=40_000)] * 9]
    get(target, server.add("/file.bin", CONTENT, faults))


@pytest.mark.parametrize("kind", [RegistryFile, OfUnknownSize])
@pytest.mark.parametrize(
    ("left", "sent"),
    [
        (CONTENT[:HALF], HALF),
        (CONTENT, 0),
        (ZEROS[:HALF], len(CONTENT)),
        (ZEROS + b"0", len(CONTENT)),
    ],
    ids=["half", "all", "wrong half", "too long"],
)
def test_a_part_of_an_earlier_call_is_used_if_right(server, target, part, kind, left, sent):
    part.write_bytes(left)
    get(target, server.add("/file.bin", CONTENT), entry=entry_of(CONTENT, kind))
    assert sum(seen.sent for seen in server.seen[-1:]) == sent


def test_the_part_is_kept_for_the_next_source_and_the_next_call(server, target):
    first = server.add("/first", CONTENT, [CUT, *[BUSY] * 9])
    with pytest.raises(DownloadError, match="the next call continues there"):
        get(target, first)
    get(target, f"{server.address}/missing", server.add("/second", CONTENT))
    assert server.seen[-1].sent <= len(CONTENT) - HALF + downloads.CHUNK_BYTES


@pytest.mark.parametrize(
    ("content", "headers", "words"),
    [
        (ZEROS, {}, f"its sha256 is {digest_of(ZEROS)}, expected {digest_of(CONTENT)}"),
        (b"<html>Please log in</html>", {}, "offers 26 bytes, expected 4000"),
        (CONTENT, {"Content-Encoding": "gzip"}, "cannot be decompressed"),
    ],
    ids=["bytes", "size", "compression"],
)
def test_wrong_content_is_refused_at_once(server, target, part, content, headers, words):
    url = server.add("/file.bin", content, [Fault(headers=headers)] * 9)
    with pytest.raises(DownloadError, match=words):
        get(target, url)
    assert len(server.seen) == 1 and disk.size_of(part) == 0


def test_a_stored_file_that_is_declared_as_compressed_is_kept_as_sent(server, target):
    content = gzip.compress(CONTENT)
    fault = Fault(headers={"Content-Encoding": "gzip"})
    get(target, server.add("/file.gz", content, [fault]), entry=entry_of(content))


@pytest.mark.parametrize(
    ("encoding", "second", "kind"),
    [
        ("gzip", "packed", RegistryFile),
        ("x-gzip", "packed and whole", OfUnknownSize),
        ("GZIP", "plain", RegistryFile),
    ],
)
def test_what_is_compressed_for_the_transfer_is_unpacked(server, target, encoding, second, kind):
    packed = gzip.compress(CONTENT)
    headers = {"Content-Encoding": encoding}
    cut = Fault(headers=headers, body=packed, stop_after=70_000)
    whole = Fault(headers=headers, body=packed, ignore_range=second == "packed and whole")
    faults = [cut, *([] if second == "plain" else [whole] * 3)]
    get(target, server.add("/file.bin", CONTENT, faults), entry=entry_of(CONTENT, kind))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_while_writing(server, target, part):
    part.symlink_to("/dev/full")
    with pytest.raises(DownloadError) as error:
        get(target, server.add("/file.bin", CONTENT), server.add("/other", CONTENT))
    text = str(error.value)
    assert "disk is full: 400.0 kB are needed" in text and str(target.parent) in text
    assert "is free" in text and "COURSE_DATA_DIR" in text
    assert not part.is_symlink() and error.value.__cause__.errno == errno.ENOSPC
    assert len(server.seen) == 1  # another source would not help


def test_a_full_disk_is_noticed_before_writing(server, target, part, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DownloadError, match=r"disk is full: 400\.0 kB are needed .* 1\.0 kB is"):
        get(target, server.add("/file.bin", CONTENT))
    assert not part.exists()


@pytest.mark.parametrize("pause", [0, 0.35])
def test_progress_is_one_line_if_it_takes_long(server, target, monkeypatch, capsys, pause):
    monkeypatch.setattr(downloads, "SECONDS_BETWEEN_UPDATES", 1)
    get(target, server.add("/file.bin", CONTENT, [Fault(pause=pause)]))
    printed = capsys.readouterr()
    assert printed.err == "" and "\n" not in printed.out and printed.out.count("\r") <= 4
    assert bool(re.search(r"file\.bin: +\d+%", printed.out)) == bool(pause)


CHILD = """
import sys
from pathlib import Path
from utils.data.fetching import download as downloads
from utils.data.fetching.registry import RegistryFile
url, target, sha256, size = sys.argv[1:]
entry = RegistryFile("file.bin", "x", "x", (), sha256, int(size), "x", "x")
print(downloads.download(entry, [url], Path(target)), flush=True)
"""


def start_child(url, target):
    arguments = [url, str(target), digest_of(CONTENT), str(len(CONTENT))]
    command = [sys.executable, "-c", CHILD, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wait_for(condition):
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_two_processes_download_once(server, target, part):
    url = server.add("/file.bin", CONTENT, [Fault(stop_after=HALF, hang=True)])
    first = start_child(url, target)
    wait_for(part.exists)
    second = start_child(url, target)
    assert second.stdout.readline().startswith("Another process is fetching file.bin")
    server.closing.set()  # lets the first one go on: its connection is cut, it resumes
    assert first.communicate(timeout=90)[0].endswith(f"{url}\n")  # after a bar, if slow
    assert second.communicate(timeout=90)[0] == f"{target.resolve().as_uri()}\n"
    assert target.read_bytes() == CONTENT
    assert len(server.seen) == 2  # the first half and the rest, all for the first process


def test_a_killed_process_leaves_a_part_that_is_resumed(server, target, part):
    url = server.add("/file.bin", CONTENT, [Fault(stop_after=HALF, hang=True)])
    child = start_child(url, target)
    wait_for(lambda: disk.size_of(part) >= downloads.CHUNK_BYTES)
    child.kill()
    child.communicate()
    arrived = disk.size_of(part)
    get(target, url)
    assert server.seen[-1].range == f"bytes={arrived}-"
