"""The filters of `utils.openimages.tables`, beside the csv module on the whole file."""

import csv
import gzip
import io
import random

import pytest
from faulty_server import Fault, FaultyServer, stay_on_this_machine

from utils.openimages import hosts, labels, tables

WORDS = ("/m/06m11", "/m/06m1", "/m/0ftb8", "/t/dd.1")


def in_blocks(content: bytes, size: int):
    return (content[start : start + size] for start in range(0, len(content), size))


def as_csv(rows, line_end: str, quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=quoting).writerows(rows)
    return text.getvalue().encode()


def parsed(lines) -> list[list[str]]:
    text = b"\n".join(lines).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("size", [1, 64, 10**6])
def test_lines_of_labels(line_end, quoting, size):
    source = random.Random(size)
    names = [*WORDS, "/m/06m111", "/m/x06m11", "/m/06m", "/t/ddx1"]
    rows = [
        [f"{source.getrandbits(64):016x}", "verification", source.choice(names), "1"]
        for _ in range(300)
    ]
    content = as_csv(rows, line_end, quoting)
    for end in (content, content.rstrip(b"\r\n")):
        kept = list(tables.lines_that_hold(WORDS)(in_blocks(end, size)))
        expected = [row for row in rows if any(word in row[2] for word in WORDS)]
        assert parsed(kept) == expected
    content = b"a,/m/06m11,/m/0ftb8\nb,/m/0ftb8\n\n/m/06m11\n"  # two of the words in a line
    kept = tables.lines_that_hold(WORDS)(in_blocks(content, size))
    assert list(kept) == [b"a,/m/06m11,/m/0ftb8", b"b,/m/0ftb8", b"/m/06m11"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 50, 10**6])
def test_lines_of_photos(line_end, size):
    source = random.Random(1)
    titles = ["plain", "with, comma", 'a "quoted" one', f"two{line_end}lines", "é ú 花", ""]
    rows = [[f"{source.getrandbits(64):016x}", source.choice(titles), "0.0"] for _ in range(200)]
    wanted = {row[0] for row in source.sample(rows, 40)}
    content = as_csv(rows, line_end)
    kept = parsed(tables.lines_that_begin_with(wanted)(in_blocks(content, size)))
    expected = [row for row in rows if row[0] in wanted]
    unix = [[row[0], row[1].replace("\r\n", "\n"), row[2]] for row in expected]
    assert [[row[0], row[1].replace("\r\n", "\n"), row[2]] for row in kept] == unix


def test_a_stray_quotation_mark_does_not_swallow_the_rest():
    rows = [
        b'%05d,a screen of 5",x' % i if i == 3 else b"%05d,%s,x" % (i, b"t" * 50)
        for i in range(2000)
    ]
    wanted = [f"{i:05}" for i in range(2000)]
    kept = list(tables.lines_that_begin_with(wanted)(in_blocks(b"\n".join(rows), 999)))
    assert len(kept) > 1500 and kept[-1] == rows[-1]


def test_the_seeded_order_depends_on_the_photo_and_the_seed_alone():
    """Written down, because it has to stay the same on every machine and in every version."""
    names = [f"{i:016x}" for i in range(10)]
    order = sorted(names, key=lambda name: labels.in_order(1, "candidate", name))
    assert [int(name, 16) for name in order] == [9, 8, 4, 3, 2, 7, 1, 0, 5, 6]
    fewer = sorted(names[::2], key=lambda name: labels.in_order(1, "candidate", name))
    assert fewer == [name for name in order if name in names[::2]]


def test_a_filtered_table_is_kept_and_a_damaged_one_made_again(monkeypatch, tmp_path):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "mirror"))
    path = tmp_path / "mirror" / "folder" / "table.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xef\xbb\xbfImageID,LabelName\r\na,/m/06m11\r\nb,/m/06m12\r\n")
    arguments = ("folder/table.csv", ("ImageID",), tables.lines_that_hold(["/m/06m11"]), "x", False)
    expected = [{"ImageID": "a", "LabelName": "/m/06m11"}]
    for _ in range(2):
        assert tables.read_table(*arguments) == expected
    (cached,) = (tmp_path / "cache").rglob("table--*.csv")
    assert cached.read_bytes() == b"ImageID,LabelName\na,/m/06m11\n"
    cached.write_bytes(b"")
    assert tables.read_table(*arguments) == expected
    path.write_bytes(b"ImageID,LabelName\nc,/m/06m11\n")  # a mirror's file can be replaced
    assert tables.read_table(*arguments)[0]["ImageID"] == "c"
    path.unlink()
    with pytest.raises(tables.NoSourceError, match="does not exist"):
        tables.read_table(*arguments)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_table_is_resumed_where_the_connection_broke(monkeypatch, ranges, compressed):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setattr(hosts, "BLOCK_BYTES", 1000)
    content = random.Random(0).randbytes(50_000)
    more = {"ignore_range": not ranges}
    body = gzip.compress(content) if compressed else content
    if compressed:  # a range would be one of the compressed bytes
        more |= {"headers": {"Content-Encoding": "gzip"}, "body": body}
    stops = [20_000, 40_000, 0, 49_000] if compressed or not ranges else [20_000, 20_000, 0, 5_000]
    faults = [Fault(stop_after=stop, **more) for stop in stops]
    progress = hosts.Progress()
    with FaultyServer(keep_alive=True) as server:
        server.add("/table.csv", content, [*faults, Fault(status=503), Fault(**more)])
        blocks = hosts.blocks(hosts.Source("mirror", server.address), "table.csv", progress)
        assert b"".join(blocks) == content and progress.read == 50_000
    starts = [int(seen.range[6:-1]) if seen.range else 0 for seen in server.seen]
    # What was in the middle of a block may have been lost, but never more.
    assert compressed or all(start >= 19_000 for start in starts[1:])
    assert not compressed or not any(starts)
