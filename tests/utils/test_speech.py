"""`utils.data.spoken_digits`: recordings, their sample, archives pinned by their content."""

import hashlib
import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_world import TinyFile, data_world, forget_everything
from faulty_server import Fault
from scipy.io import wavfile

from utils import data
from utils.data import DataError, spoken_digits
from utils.data import __main__ as commands
from utils.data.fetching import archives, download
from utils.data.fetching.registry import entry_of
from utils.data.spoken_digits import FSDD

MIRROR = os.environ.get("COURSE_DATA_MIRROR", "")
RANDOM = np.random.default_rng(0)


def wav_file(samples, sample_rate=8000):
    """Return the bytes of a 16-bit WAV file."""
    stream = io.BytesIO()
    wavfile.write(stream, sample_rate, np.rint(32768 * samples).astype(np.int16))
    return stream.getvalue()


# Two speakers, every digit, six recordings each.
RECORDINGS = {
    f"{digit}_{speaker}_{number}.wav": wav_file(RANDOM.uniform(-0.5, 0.5, 100 + digit))
    for digit in range(10)
    for speaker in ("theo", "george")
    for number in (0, 4, 5, 9, 10, 49)
}


def packed(recordings, *, top="fsdd-26eb9aa", level=6, others=("README.md",), backwards=False):
    """Return a zip archive of recordings, packed in one of many ways; level 0 only stores."""
    stream = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", compression=kind, compresslevel=level) as archive:
        for name in others:
            archive.writestr(f"{top}/{name}", f"This is {name}.")
        for name in sorted(recordings, reverse=backwards):
            archive.writestr(f"{top}/recordings/{name}", recordings[name])
    return stream.getvalue()


OFFICIAL = packed(RECORDINGS)
STORED = packed(RECORDINGS, level=0)
HIDDEN = ("metadata.py", "utils/fsdd.py", ".gitignore", "recordings/._0_theo_0.wav")  # by a Mac
REPACKED = packed(RECORDINGS, top="elsewhere", level=1, others=HIDDEN, backwards=True)
DIGEST = hashlib.sha256(
    "".join(
        f"{hashlib.sha256(RECORDINGS[name]).hexdigest()}  {name}\n" for name in sorted(RECORDINGS)
    ).encode()
).hexdigest()


@pytest.fixture
def world(tmp_path, monkeypatch):
    files = {FSDD: TinyFile("spoken_digits", OFFICIAL, pattern="recordings/*.wav", sha256=DIGEST)}
    with data_world(tmp_path, monkeypatch, files) as world:
        world.cached = world.cache / FSDD
        world.write_registry(f"{world.server.address}/first")
        yield world


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_layout_and_splits(world, capsys):
    world.serve()
    spoken = data.load("spoken_digits")
    assert isinstance(spoken, data.SpokenDigits) and len(spoken) == 120
    assert capsys.readouterr().out == f"{spoken.origin.text}.\n"
    assert spoken.origin.text.startswith("tiny spoken_digits, 120 recordings, from 127.0.0.1:")
    columns = zip(spoken.digits, spoken.speakers, spoken.numbers, strict=True)
    names = ["{}_{}_{}".format(*column) for column in columns]
    assert [names[i] for i in (0, 1, 6)] == ["0_george_0", "0_george_4", "0_theo_0"]
    for name, samples in zip(names, spoken.recordings, strict=True):
        _, integers = wavfile.read(io.BytesIO(RECORDINGS[f"{name}.wav"]))
        np.testing.assert_array_equal(samples, integers / np.float32(32768))
        assert samples.dtype == np.float32
    assert spoken.digits.dtype == spoken.numbers.dtype == np.int32
    assert spoken.speaker_names == ("george", "theo") and spoken.sample_rate == 8000
    assert spoken.durations[0] == 100 / 8000 and len(repr(spoken)) < 220
    assert set(spoken.numbers[spoken.test]) == {0, 4}
    assert set(spoken.numbers[spoken.validation]) == {5, 9}
    assert set(spoken.numbers[spoken.train]) == {10, 49}
    everything = np.concatenate([spoken.train, spoken.validation, spoken.test])
    assert sorted(everything) == list(range(120))


def test_selection(world):
    world.serve()
    spoken = data.load_spoken_digits()
    sevens = spoken.of(digit=7, speaker="theo")
    assert set(spoken.digits[sevens]) == {7} and set(spoken.speakers[sevens]) == {"theo"}
    assert list(spoken.numbers[sevens]) == [0, 4, 5, 9, 10, 49]
    (position,) = spoken.of(digit=np.int32(7), speaker="theo", number=4, split="test")
    assert position == sevens[1] and spoken.checked_digit(np.int32(3)) == 3
    assert len(spoken.of()) == 120 and len(spoken.of(split="train")) == 40
    assert len(spoken.of(number=4, split="train")) == 0
    for wish, words in (
        ({"digit": 10}, "no digit 10. Known: 0, 1, 2"),
        ({"digit": True}, "no digit True"),
        ({"speaker": "Theo"}, "Did you mean 'theo'"),
        ({"number": 50}, "no number 50. Known: 0, 4"),
        ({"split": "training"}, "Did you mean 'train'"),
    ):
        with pytest.raises(DataError, match=words):
            spoken.of(**wish)


@pytest.mark.parametrize("content", [OFFICIAL, REPACKED, STORED], ids=["official", "re", "stored"])
def test_any_packing_is_accepted_from_every_source(world, monkeypatch, content):
    world.server.add(f"/first/{FSDD}", content)
    assert data.load_spoken_digits().origin.kind == "official"
    assert world.cached.read_bytes() == content
    assert data.load_spoken_digits().origin.kind == "cache"
    with monkeypatch.context() as patch:  # an unchanged archive is not checked again
        patch.setattr(archives, "content_sha256_of", None)
        assert data.load_spoken_digits().origin.kind == "cache"
    world.cached.unlink()
    put(world.mirror / FSDD, content)
    world.server.add(f"/lab/{FSDD}", content)
    for place in (world.mirror, f"{world.server.address}/lab"):
        world.use_mirror(place)
        assert data.load_spoken_digits().origin.kind == "mirror"
        world.cached.unlink()


def changed(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def encrypted() -> bytes:
    content = bytearray(OFFICIAL)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 4)
    return bytes(content)


ONE, OTHER = "7_theo_10.wav", "7_theo_4.wav"
WRONG = {
    "one byte changed": packed({**RECORDINGS, ONE: changed(RECORDINGS[ONE], 60)}),
    "a recording missing": packed({name: RECORDINGS[name] for name in list(RECORDINGS)[1:]}),
    "a recording too many": packed({**RECORDINGS, "0_theo_50.wav": RECORDINGS[ONE]}),
    "two swapped": packed({**RECORDINGS, ONE: RECORDINGS[OTHER], OTHER: RECORDINGS[ONE]}),
    # Twice the content behind a header that announces the right length.
    "a member that lies": packed({**RECORDINGS, ONE: RECORDINGS[ONE] * 2}).replace(
        (2 * len(RECORDINGS[ONE])).to_bytes(4, "little"), len(RECORDINGS[ONE]).to_bytes(4, "little")
    ),
    "damaged in the middle": changed(OFFICIAL, len(OFFICIAL) // 2),
    "cut short": OFFICIAL[: len(OFFICIAL) * 2 // 3],
    "encrypted": encrypted(),
    "a web page": b"<!DOCTYPE html>" * 100,
    "an empty archive": packed({}),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_wrong_archives_are_refused_from_every_source(world, wrong, capsys):
    world.server.add(f"/first/{FSDD}", wrong)
    put(world.mirror / FSDD, wrong)
    world.use_mirror()
    spoken = data.load_spoken_digits()
    assert "(mirror: checksum wrong; checksum wrong)" in spoken.origin.text
    assert not world.cached.exists() and "the wrong content" in capsys.readouterr().out
    # In the cache it is replaced.
    put(world.cached, wrong)
    assert commands.main(["verify"]) == 1 and "DAMAGED" in capsys.readouterr().out
    put(world.mirror / FSDD, REPACKED)
    assert data.load_spoken_digits().origin.kind == "mirror"
    assert "is damaged" in capsys.readouterr().out and world.cached.read_bytes() == REPACKED
    assert commands.main(["verify"]) == 0


def test_a_bomb_is_not_unpacked(world, monkeypatch):
    bomb = packed({**RECORDINGS, "0_theo_50.wav": bytes(4 * len(OFFICIAL))}, level=9)
    assert len(bomb) < 2 * len(OFFICIAL)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    for content, words in ((bomb, "unpacked, its"), (bytes(2 * len(OFFICIAL) + 1), "are more")):
        put(world.cached, content)
        assert words in entry_of(FSDD).digest(world.cached)


@pytest.mark.parametrize(("no_length", "words"), [(False, "at most"), (True, "sends more than")])
def test_too_many_bytes_are_refused_before_or_while_they_arrive(world, capsys, no_length, words):
    content = bytes(2 * len(OFFICIAL) + 1)
    world.server.add(f"/first/{FSDD}", content, [Fault(no_length=no_length)])
    assert data.load_spoken_digits().origin.text.endswith("(size wrong)")
    assert words in capsys.readouterr().out
    assert not list(world.folder.rglob("*.zip.part"))


@pytest.mark.parametrize("left", [REPACKED[: len(REPACKED) // 2], OFFICIAL])
def test_a_part_of_another_packing_does_not_spoil_the_file(world, left):
    put(download.part_of(world.cached), left)
    world.serve()
    assert data.load_spoken_digits().origin.kind == "official"
    assert world.cached.read_bytes() == OFFICIAL


def test_sample(world, capsys):
    spoken = data.load_spoken_digits()
    assert "espeak-ng" in capsys.readouterr().out
    assert spoken.origin.is_sample and spoken.origin.text.endswith("(HTTP 404)")
    assert spoken.speaker_names == ("ada", "bela", "cili") and spoken.sample_rate == 8000
    assert len(spoken) == 150 and 55 < spoken.durations.sum() < 70
    assert len(spoken.validation) == 0
    for digit in range(10):
        for speaker in spoken.speaker_names:
            assert len(spoken.of(digit=digit, speaker=speaker, split="train")) == 4
            assert len(spoken.of(digit=digit, speaker=speaker, split="test", number=0)) == 1
    for samples in spoken.recordings:
        assert samples.dtype == np.float32 and 0.85 < np.abs(samples).max() < 0.92
    assert len({samples.tobytes() for samples in spoken.recordings}) == 150


def test_a_damaged_sample_is_named(tmp_path):
    path = tmp_path / "sample.npz"
    content = spoken_digits.SAMPLE_FILE.read_bytes()
    for wrong in (b"", b"hello", content[:1000], changed(content, 2000)):
        path.write_bytes(wrong)
        with pytest.raises(DataError, match="part of the repository"):
            spoken_digits.read_sample(path)


@pytest.mark.skipif(not (Path(MIRROR) / FSDD).is_file(), reason="no mirror with the archive")
def test_the_real_archive(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_MIRROR", MIRROR)
    forget_everything(monkeypatch)
    before = time.process_time()
    spoken = data.load_spoken_digits()
    assert time.process_time() - before < 2
    assert spoken.origin.kind == "mirror" and len(spoken) == 3000
    assert [len(spoken.of(split=name)) for name in spoken_digits.SPLITS] == [2400, 300, 300]
    assert spoken.speaker_names == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    assert len(spoken.of(digit=7, speaker="theo")) == 50
    assert 1300 < spoken.durations.sum() < 1330
