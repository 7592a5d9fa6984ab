"""`utils.data.fetching.download` against a real server on 127.0.0.1 that misbehaves.

After every fault there is either the right file or a clear error, and never a wrong or partial
file under the final name.
"""

import errno
import gzip
import hashlib
import os
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faulty_server import Fault, FaultyServer, stay_on_this_machine

from utils.common.files import format_bytes
from utils.data.fetching import download as downloads
from utils.data.fetching import network
from utils.data.fetching.download import DownloadError, download, sha256_of

REPOSITORY = Path(__file__).resolve().parents[2]
CONTENT = random.Random(0).randbytes(400_000)  # several chunks, so that there is a half-way
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = 200_000
QUICK = {"timeout": (1, 0.4), "attempts": 3}


@pytest.fixture(autouse=True)
def on_this_machine_only(monkeypatch):
    stay_on_this_machine(monkeypatch)


@pytest.fixture
def server():
    with FaultyServer() as running:
        yield running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data" / "file.bin"


def assert_right(target: Path) -> None:
    assert target.read_bytes() == CONTENT
    assert not part_of(target).exists()


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- Sources ---------------------------------------------------------------------------------


def test_plain_download(server, target):
    url = server.add("/file.bin", CONTENT)
    assert download(url, target, SHA256, len(CONTENT)) == url
    assert_right(target)
    assert [seen.range for seen in server.seen] == [None]


def test_right_file_is_not_fetched_again(server, target):
    url = server.add("/file.bin", CONTENT)
    download(url, target, SHA256)
    assert download(url, target, SHA256) == target.resolve().as_uri()
    assert len(server.seen) == 1


def test_wrong_file_under_the_final_name_is_replaced(server, target):
    target.parent.mkdir()
    target.write_bytes(b"damaged")
    download(server.add("/file.bin", CONTENT), target, SHA256)
    assert_right(target)


def test_404_goes_to_the_next_source_without_a_retry(server, target):
    good = server.add("/good", CONTENT)
    assert download([server.address + "/missing", good], target, SHA256, **QUICK) == good
    assert_right(target)
    assert [seen.path for seen in server.seen] == ["/missing", "/good"]


def test_500_is_tried_again(server, target):
    url = server.add("/file.bin", CONTENT, [Fault(status=500), Fault(status=503)])
    download(url, target, SHA256, len(CONTENT), **QUICK)
    assert_right(target)
    assert len(server.seen) == 3


def test_attempts_are_limited_and_every_failure_is_listed(server, target):
    url = server.add("/file.bin", CONTENT, [Fault(status=503)] * 9)
    with pytest.raises(DownloadError) as error:
        download([url, server.address + "/missing"], target, SHA256, **QUICK)
    assert len(server.seen) == 3 + 1
    text = str(error.value)
    assert url in text and "HTTP 503" in text and "/missing: HTTP 404" in text
    assert [failure.status for failure in error.value.failures] == [503, 404]
    assert not target.exists()


def test_retry_after_is_respected(server, target):
    fault = Fault(status=429, headers={"Retry-After": "1"})
    url = server.add("/file.bin", CONTENT, [fault])
    start = time.monotonic()
    download(url, target, SHA256, **QUICK)
    assert time.monotonic() - start >= 1
    assert_right(target)


def test_retry_after_is_capped_and_announced(server, target, monkeypatch, capsys):
    waits = []
    monkeypatch.setattr(downloads.time, "sleep", waits.append)
    fault = Fault(status=429, headers={"Retry-After": "86400"})
    download(server.add("/file.bin", CONTENT, [fault]), target, SHA256, **QUICK)
    assert waits == [downloads.LONGEST_WAIT_SECONDS]
    assert "HTTP 429" in capsys.readouterr().out


def test_nonsense_in_retry_after_is_ignored(server, target):
    fault = Fault(status=503, headers={"Retry-After": "soon"})
    download(server.add("/file.bin", CONTENT, [fault]), target, SHA256, **QUICK)
    assert_right(target)


def test_redirect_is_followed(server, target):
    server.add("/elsewhere", CONTENT)
    url = server.add("/file.bin", b"", [Fault(status=302, headers={"Location": "/elsewhere"})])
    assert download(url, target, SHA256, len(CONTENT)) == url
    assert_right(target)


def test_resume_survives_a_redirect(server, target):
    server.add("/elsewhere", CONTENT, [Fault(stop_after=HALF)])
    moved = Fault(status=302, headers={"Location": "/elsewhere"})
    url = server.add("/file.bin", b"", [moved, moved])
    download(url, target, SHA256, len(CONTENT), **QUICK)
    assert_right(target)
    assert server.seen[-1].range is not None


# --- Broken transfers ------------------------------------------------------------------------


@pytest.mark.parametrize("hang", [False, True], ids=["cut", "stall"])
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_broken_transfer_is_resumed(server, target, hang, size):
    url = server.add("/file.bin", CONTENT, [Fault(stop_after=HALF, hang=hang)])
    start = time.monotonic()
    download(url, target, SHA256, size, **QUICK)
    assert time.monotonic() - start < 5
    assert_right(target)
    last = server.seen[-1]
    first_byte = int(last.range.removeprefix("bytes=").removesuffix("-"))
    # At most the chunk under way is lost, and only the rest is sent.
    assert HALF - downloads.CHUNK_BYTES <= first_byte <= HALF
    assert last.sent == len(CONTENT) - first_byte


def test_line_that_breaks_more_often_than_the_attempts_gets_there(server, target):
    faults = [Fault(stop_after=downloads.CHUNK_BYTES)] * 5
    download(server.add("/file.bin", CONTENT, faults), target, SHA256, timeout=(1, 1), attempts=2)
    assert_right(target)
    assert len(server.seen) == 6


def test_endless_cuts_without_progress_end(server, target):
    url = server.add("/file.bin", CONTENT, [Fault(stop_after=0)] * 99)
    with pytest.raises(DownloadError, match="3 times in a row"):
        download(url, target, SHA256, **QUICK)
    assert len(server.seen) == 3


def test_server_without_ranges_and_endless_cuts_end(server, target):
    # First further, then less far, again and again: that is no progress.
    stops = [HALF, downloads.CHUNK_BYTES] * 50
    faults = [Fault(stop_after=stop, ignore_range=True) for stop in stops]
    url = server.add("/file.bin", CONTENT, faults)
    with pytest.raises(DownloadError, match="connection broke"):
        download(url, target, SHA256, len(CONTENT), **QUICK)
    assert len(server.seen) <= 4
    assert not target.exists()


@pytest.mark.parametrize(
    "second",
    [
        Fault(ignore_range=True),
        Fault(status=416),
        Fault(content_range="bytes 0-399999/400000"),
        Fault(content_range="nonsense"),
    ],
    ids=["200", "416", "wrong range", "nonsense"],
)
def test_range_not_honoured_restarts(server, target, second):
    url = server.add("/file.bin", CONTENT, [Fault(stop_after=HALF), second])
    download(url, target, SHA256, len(CONTENT), **QUICK)
    assert_right(target)
    assert server.seen[1].range is not None
    assert server.seen[-1].sent == len(CONTENT)


@pytest.mark.parametrize(
    "first",
    [
        [],
        [Fault(status=416)],
        [Fault(content_range="nonsense")],
        [Fault(ignore_range=True, stop_after=1000)],
    ],
    ids=["checksum", "416", "wrong range", "200"],
)
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_line_that_breaks_gets_there_after_it_had_to_begin_anew(server, target, first, size):
    target.parent.mkdir()
    part_of(target).write_bytes(bytes(len(CONTENT) - 1))  # stale, and further than most attempts
    url = server.add("/file.bin", CONTENT, first)
    server.faults["/file.bin"] += [Fault()] * (not first) + [Fault(stop_after=40_000)] * 9
    download(url, target, SHA256, size, **QUICK)
    assert_right(target)


@pytest.mark.parametrize(
    "again", [Fault(status=416), Fault(content_range="nonsense"), Fault(ignore_range=True)]
)
def test_beginning_anew_again_and_again_ends(server, target, again):
    faults = [Fault(stop_after=1000), Fault(stop_after=1000), again] * 50
    if again.ignore_range:
        faults[2::3] = [Fault(ignore_range=True, stop_after=1000)] * 50
    url = server.add("/file.bin", CONTENT, faults)
    with pytest.raises(DownloadError, match="3 times in a row"):
        download(url, target, SHA256, len(CONTENT), **QUICK)
    assert len(server.seen) <= 4 * 3


def test_part_of_an_earlier_call_is_resumed(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT[:HALF])
    download(server.add("/file.bin", CONTENT), target, SHA256)
    assert_right(target)
    assert [(seen.range, seen.sent) for seen in server.seen] == [(f"bytes={HALF}-", HALF)]


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_complete_part_needs_no_body(server, target, size):
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT)
    download(server.add("/file.bin", CONTENT), target, SHA256, size)
    assert_right(target)
    assert sum(seen.sent for seen in server.seen) == 0


@pytest.mark.parametrize("length", [HALF, len(CONTENT), len(CONTENT) + 1])
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_wrong_part_is_thrown_away(server, target, length, size):
    target.parent.mkdir()
    part_of(target).write_bytes(bytes(length))
    download(server.add("/file.bin", CONTENT), target, SHA256, size, **QUICK)
    assert_right(target)
    assert server.seen[-1].range is None


def test_the_next_source_continues_the_part(server, target):
    first = server.add("/first", CONTENT, [Fault(stop_after=HALF)] + [Fault(status=500)] * 9)
    second = server.add("/second", CONTENT)
    assert download([first, second], target, SHA256, len(CONTENT), **QUICK) == second
    assert_right(target)
    assert server.seen[-1].path == "/second" and server.seen[-1].sent <= len(CONTENT) - HALF + 65536


def test_part_is_kept_when_all_sources_fail(server, target):
    faults = [Fault(stop_after=HALF)] + [Fault(status=500)] * 9
    url = server.add("/file.bin", CONTENT, faults)
    with pytest.raises(DownloadError, match="are kept; the next call continues there"):
        download(url, target, SHA256, len(CONTENT), **QUICK)
    assert not target.exists()
    server.faults["/file.bin"] = []
    download(url, target, SHA256, len(CONTENT), **QUICK)
    assert_right(target)
    assert server.seen[-1].range is not None


# --- Wrong content ---------------------------------------------------------------------------


def test_wrong_bytes_are_refused_and_both_hashes_named(server, target):
    wrong = bytes(len(CONTENT))
    url = server.add("/file.bin", wrong)
    with pytest.raises(DownloadError) as error:
        download(url, target, SHA256, len(CONTENT), **QUICK)
    assert SHA256 in str(error.value)
    assert hashlib.sha256(wrong).hexdigest() in str(error.value)
    assert not target.exists() and not part_of(target).exists()
    assert len(server.seen) == 1


def test_wrong_bytes_go_to_the_next_source(server, target):
    wrong = server.add("/wrong", bytes(len(CONTENT)))
    good = server.add("/good", CONTENT)
    assert download([wrong, good], target, SHA256, len(CONTENT)) == good
    assert_right(target)


def test_wrong_size_is_noticed_before_the_body(server, target):
    url = server.add("/file.bin", b"<html>Please log in to the wireless network</html>")
    with pytest.raises(DownloadError, match="offers 50 bytes where 400000 were expected"):
        download(url, target, SHA256, len(CONTENT))
    assert not target.exists() and not part_of(target).exists()


def test_file_declared_as_compressed_is_stored_as_sent(server, target):
    content = gzip.compress(CONTENT)
    faults = [Fault(headers={"Content-Encoding": "gzip"})] * 9
    url = server.add("/file.gz", content, faults)
    download(url, target, hashlib.sha256(content).hexdigest(), len(content), **QUICK)
    assert target.read_bytes() == content


PLAIN = b"0123456789" * 30_000
PACKED = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize("size", [None, len(PLAIN)])
@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_what_is_compressed_for_the_way_only_is_unpacked(server, target, size, encoding):
    fault = Fault(headers={"Content-Encoding": encoding}, body=gzip.compress(PLAIN))
    url = server.add("/file.bin", PLAIN, [fault] * 9)
    download(url, target, hashlib.sha256(PLAIN).hexdigest(), size, **QUICK)
    assert target.read_bytes() == PLAIN


@pytest.mark.parametrize("second", ["packed range", "packed whole", "plain range"])
@pytest.mark.parametrize("size", [None, len(PLAIN)])
def test_a_compressed_transfer_that_breaks_is_begun_anew_or_continued(server, target, size, second):
    packed = gzip.compress(random.Random(1).randbytes(100_000))
    plain = gzip.decompress(packed)
    faults = {
        "packed range": [Fault(headers=PACKED, body=packed)] * 3,
        "packed whole": [Fault(headers=PACKED, body=packed, ignore_range=True)] * 3,
        "plain range": [Fault()],
    }[second]
    cut = Fault(headers=PACKED, body=packed, stop_after=70_000)
    url = server.add("/file.bin", plain, [cut, *faults])
    download(url, target, hashlib.sha256(plain).hexdigest(), size and len(plain), **QUICK)
    assert target.read_bytes() == plain


def test_what_cannot_be_unpacked_says_so(server, target):
    for encoding, words in (("gzip", "cannot be decompressed"), ("zstd-x", r"compressed \(zstd-x")):
        fault = Fault(headers={"Content-Encoding": encoding})
        url = server.add("/file.bin", CONTENT, [fault] * 9)
        with pytest.raises(DownloadError, match=words) as error:
            download(url, target, SHA256, len(CONTENT), **QUICK)
        assert error.value.failures[0].short == "wrong content"
        assert len(server.seen) == 1
        server.seen.clear()


# --- This machine ----------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_while_writing(server, target):
    target.parent.mkdir()
    part_of(target).symlink_to("/dev/full")
    urls = [server.add("/file.bin", CONTENT), server.add("/other", CONTENT)]
    with pytest.raises(DownloadError) as error:
        download(urls, target, SHA256, len(CONTENT))
    text = str(error.value)
    assert "disk is full" in text and str(target.parent) in text
    assert "400.0 kB are needed" in text and "is free" in text and "COURSE_DATA_DIR" in text
    assert not target.exists() and not part_of(target).is_symlink()
    assert error.value.__cause__.errno == errno.ENOSPC  # it was the write that failed
    assert len(server.seen) == 1  # another source would not help


def test_full_disk_is_noticed_before_writing(server, target, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DownloadError, match=r"disk is full: 400\.0 kB are needed .* 1\.0 kB is"):
        download(server.add("/file.bin", CONTENT), target, SHA256, len(CONTENT))
    assert not target.exists() and not part_of(target).exists()


def test_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError, match=r"could not be written .* COURSE_DATA_DIR"):
        download(server.add("/x", CONTENT), tmp_path / "file" / "below" / "x", SHA256)


def test_progress_is_shown_only_when_it_takes_long(server, target, capsys):
    url = server.add("/file.bin", CONTENT)
    download(url, target, SHA256, len(CONTENT))
    assert capsys.readouterr().out == ""


def test_progress_of_a_long_download_is_one_line(server, target, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "SECONDS_BETWEEN_UPDATES", 1)
    url = server.add("/file.bin", CONTENT, [Fault(pause=0.35)])
    download(url, target, SHA256, len(CONTENT), label="the file")
    captured = capsys.readouterr()
    assert captured.err == ""
    assert re.search(r"the file: +\d+%", captured.out)
    assert "\n" not in captured.out and captured.out.count("\r") <= 4


CHILD = """
import sys
from utils.data.fetching import download as downloads, network
network.PROBE_SECONDS = 2
url, target, sha256 = sys.argv[1:]
print(downloads.download(url, target, sha256), flush=True)
"""


def start_child(url: str, target: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(target), SHA256],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_two_processes_download_once(server, target):
    url = server.add("/file.bin", CONTENT, [Fault(stop_after=HALF, hang=True)])
    first = start_child(url, target)
    wait_for(lambda: part_of(target).exists())
    second = start_child(url, target)
    line = second.stdout.readline()
    assert line == "Another process is fetching file.bin; waiting for it.\n"
    server.closing.set()  # lets the first one go on: its connection is cut, it resumes
    assert first.communicate(timeout=20)[0] == f"{url}\n"
    assert second.communicate(timeout=20)[0] == f"{target.resolve().as_uri()}\n"
    assert_right(target)
    assert len(server.seen) == 2  # the first half and the rest, all for the first process


def test_killed_process_leaves_a_part_that_is_resumed(server, target):
    url = server.add("/file.bin", CONTENT, [Fault(stop_after=HALF, hang=True)])
    child = start_child(url, target)
    wait_for(lambda: part_of(target).exists() and part_of(target).stat().st_size >= 65536)
    child.kill()
    child.communicate()
    assert not target.exists()
    arrived = part_of(target).stat().st_size
    assert download(url, target, SHA256, len(CONTENT), **QUICK) == url
    assert_right(target)
    seen = server.seen[-1]
    assert (seen.range, seen.sent) == (f"bytes={arrived}-", len(CONTENT) - arrived)


# --- Network ---------------------------------------------------------------------------------


def test_unknown_host_is_noticed_quickly_and_once(target, monkeypatch):
    asked = []

    def unknown(host, *arguments, **options):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    start = time.monotonic()
    for _ in range(2):
        with pytest.raises(DownloadError, match=r"data\.invalid cannot be reached"):
            download("http://data.invalid/file.bin", target, SHA256)
    assert not network.network_available("https://data.invalid:80/other")
    assert time.monotonic() - start < 0.5
    assert asked == ["data.invalid"]


def test_hanging_name_server_is_noticed_quickly_and_once(target, monkeypatch):
    asked = []

    def hang(host, *arguments, **options):
        asked.append(host)
        time.sleep(3)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    for _ in range(3):
        with pytest.raises(DownloadError, match="no answer within"):
            download("https://data.invalid/file.bin", target, SHA256)
    assert time.monotonic() - start < 1.5
    assert asked == ["data.invalid"]


def test_host_that_refuses_connections(target):
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 cannot be reached"):
        download(f"http://127.0.0.1:{closed_port()}/file.bin", target, SHA256)


def test_unreachable_host_does_not_stop_the_next_source(server, target):
    good = server.add("/good", CONTENT)
    assert download(["http://data.invalid/x", good], target, SHA256) == good
    assert_right(target)


def test_course_offline_forbids_even_loopback(server, target, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    url = server.add("/file.bin", CONTENT)
    assert not network.network_available(url)
    with pytest.raises(DownloadError, match="COURSE_OFFLINE is set"):
        download(url, target, SHA256)
    assert server.seen == []
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    assert network.network_available(url)


def test_proxy_is_probed_and_used(server, target, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    server.add("/file.bin", CONTENT)
    url = "http://data.invalid/file.bin"  # only the proxy could resolve it
    assert download(url, target, SHA256, len(CONTENT)) == url
    assert_right(target)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_dead_proxy_is_noticed_and_named(target, monkeypatch, variable):
    port = closed_port()
    monkeypatch.setenv(variable, f"127.0.0.1:{port}")
    words = rf"the proxy 127\.0\.0\.1:{port} in {variable} cannot be reached"
    with pytest.raises(DownloadError, match=words) as error:
        download("http://data.invalid/file.bin", target, SHA256)
    (failure,) = error.value.failures
    assert failure.unreachable and failure.short == "the proxy cannot be reached"


PASSWORDS = ["qj#xz", "71#98", "qj/xz", "71/98", "qj?xz", "71?98", "qj\\xz", "@#xz", "qj x#z"]


@pytest.mark.parametrize("scheme", ["http://", "https://", "socks5://", ""])
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_proxy_that_is_not_understood_is_named_and_not_quoted(
    target, monkeypatch, scheme, password
):
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}zaphod:{password}@127.0.0.1:3128")
    with pytest.raises(DownloadError) as error:
        download("https://data.invalid/file.bin", target, SHA256)
    said = str(error.value)
    assert "the proxy in HTTPS_PROXY is not understood" in said and "# as %23" in said
    assert "not an http" not in said and "zaphod" not in said
    assert not any(part in said for part in ("71", "98", "qj", "xz"))
    (failure,) = error.value.failures
    assert failure.short == "the proxy is not understood"


@pytest.mark.parametrize(
    "proxy", ["http://", "http://:3128", "http://127.0.0.1:99999", "http://a b"]
)
def test_a_proxy_that_is_no_address_is_named(target, monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(DownloadError, match="the proxy in https_proxy is not understood"):
        download("https://data.invalid/file.bin", target, SHA256)


@pytest.mark.parametrize("password", ["pa%23ss", "p@ss", "p%2Fs", "p:s"])
def test_a_proxy_with_a_password_works(server, target, monkeypatch, password):
    host = server.address.removeprefix("http://")
    monkeypatch.setenv("http_proxy", f" http://user:{password}@{host} ")
    server.add("/file.bin", CONTENT)
    download("http://data.invalid/file.bin", target, SHA256, len(CONTENT))
    assert_right(target)


@pytest.mark.parametrize("blank", [" ", "\t", "  "])
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"])
def test_a_blank_proxy_is_none(server, target, monkeypatch, variable, blank):
    monkeypatch.setenv(variable, blank)
    server.add("/elsewhere", CONTENT)
    moved = Fault(status=302, headers={"Location": "/elsewhere"})
    download(server.add("/file.bin", b"", [moved]), target, SHA256, len(CONTENT))
    assert_right(target)


def test_a_blank_proxy_switches_the_other_off(server, target, monkeypatch):
    """As an empty one does: the name in small letters counts."""
    monkeypatch.setenv("http_proxy", " ")
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{closed_port()}")
    download(server.add("/file.bin", CONTENT), target, SHA256, len(CONTENT))
    assert_right(target)


def test_nonsense_address_is_an_error_and_not_a_crash(target):
    with pytest.raises(DownloadError, match="not an http"):
        download("data.bin", target, SHA256)


@pytest.mark.parametrize("password", [*PASSWORDS, "p[s"])
def test_password_of_an_address_is_not_shown(target, password):
    with pytest.raises(DownloadError) as error:
        download(f"http://zaphod:{password}@127.0.0.1:1/file.bin", target, SHA256)
    said = str(error.value)
    assert "not an http" in said and "# as %23" in said
    assert "zaphod" not in said and password not in said


@pytest.mark.parametrize("status", [404, 503])
def test_password_of_an_address_that_fails_is_not_shown(server, target, status):
    url = server.add("/file.bin", CONTENT, [Fault(status=status)] * 9)
    with pytest.raises(DownloadError) as error:
        download(url.replace("//", "//zaphod:secret@"), target, SHA256, **QUICK)
    said = str(error.value)
    assert "zaphod" not in said and "secret" not in said and url in said


# --- Copies ----------------------------------------------------------------------------------


def test_install_copies_only_the_right_content(tmp_path, target):
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT[:-1])
    with pytest.raises(DownloadError, match=f"wrong content: .* expected {SHA256}"):
        downloads.install(source, target, SHA256)
    assert not target.exists() and not part_of(target).exists()
    source.write_bytes(CONTENT)
    downloads.install(source, target, SHA256)
    assert_right(target)
    assert sha256_of(target) == SHA256


def test_install_says_which_side_failed(tmp_path, target, monkeypatch):
    with pytest.raises(DownloadError, match=r"gone\.bin cannot be read \(No such file") as error:
        downloads.install(tmp_path / "gone.bin", target, SHA256)
    assert error.value.short == "cannot be read" and "COURSE_DATA_DIR" not in str(error.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DownloadError, match="the copy cannot be read") as error:
        downloads.install(tmp_path / "folder", target, SHA256, label="the copy")
    assert "COURSE_DATA_DIR" not in str(error.value) and str(tmp_path) not in str(error.value)
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
    part_of(target).mkdir()  # so that it cannot be written
    with pytest.raises(DownloadError, match=r"could not be written.*COURSE_DATA_DIR"):
        downloads.install(source, target, SHA256)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_install_from_a_bad_disk_does_not_blame_the_cache(tmp_path, target, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
    monkeypatch.setattr(downloads.shutil, "copyfile", fail)
    with pytest.raises(DownloadError, match="could not be written"):  # the source can be read
        downloads.install(source, target, SHA256)
    monkeypatch.setattr(downloads, "sha256_of", fail)
    with pytest.raises(DownloadError, match="cannot be read"):
        downloads.install(source, target, SHA256)
    assert not target.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as on Unix")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o027])
def test_small_files_get_the_usual_permissions_and_the_mask_is_left_alone(tmp_path, mask):
    asked = []
    before = os.umask(mask)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "umask", asked.append)  # another thread would get a wrong mask
            downloads.write_atomically(tmp_path / "folder" / "file.txt", b"text")
    finally:
        os.umask(before)
    written = tmp_path / "folder" / "file.txt"
    assert written.stat().st_mode & 0o777 == 0o666 & ~mask and asked == []
    assert [path.name for path in written.parent.iterdir()] == ["file.txt"]


def test_a_small_file_may_have_the_longest_name(tmp_path):
    downloads.write_atomically(tmp_path / ("x" * 255), b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["x" * 255]


def test_a_small_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file.txt").mkdir()
    with pytest.raises(OSError):
        downloads.write_atomically(tmp_path / "file.txt", b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_sizes_for_people():
    sizes = [format_bytes(count) for count in (999, 28881, 170498071, 2735816020)]
    assert sizes == ["999 bytes", "28.9 kB", "170.5 MB", "2.7 GB"]
