"""`utils.data.spoken_digits`: recordings, their sample, archives pinned by their content.

The registry of these tests lists an archive with tiny recordings, and a server on 127.0.0.1 plays
its official source.
"""

import contextlib
import hashlib
import io
import os
import shutil
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from faulty_server import Fault, FaultyServer, stay_on_this_machine
from scipy.io import wavfile

from utils import data
from utils.data import DataError, spoken_digits
from utils.data import __main__ as commands
from utils.data.fetching import archives, network, sources

REPOSITORY = Path(__file__).resolve().parents[2]
MIRROR = os.environ.get("COURSE_DATA_MIRROR", "")
TOP = "free-spoken-digit-dataset-26eb9aaf76e81b692f806f9140c2d2777410d7a1"
RANDOM = np.random.default_rng(0)


def wav_file(samples, sample_rate=spoken_digits.SAMPLE_RATE):
    """The bytes of a 16-bit WAV file."""
    stream = io.BytesIO()
    wavfile.write(stream, sample_rate, np.rint(32768 * samples).astype(np.int16))
    return stream.getvalue()


def tiny_recordings():
    """Name -> a WAV file: two speakers, every digit, numbers 0, 4, 5, 9, 10 and 49."""
    return {
        f"{digit}_{speaker}_{number}.wav": wav_file(RANDOM.uniform(-0.5, 0.5, 100 + digit))
        for digit in range(10)
        for speaker in ("theo", "george")
        for number in (0, 4, 5, 9, 10, 49)
    }


RECORDINGS = tiny_recordings()


def packed(recordings, *, top=TOP, level=6, others=("README.md",), backwards=False, kind=8):
    """A zip archive of recordings, packed in one of many ways."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression=kind, compresslevel=level) as archive:
        for name in others:
            archive.writestr(f"{top}/{name}", f"This is {name}.")
        names = sorted(recordings, reverse=backwards)
        for name in names:
            archive.writestr(f"{top}/recordings/{name}", recordings[name])
    return stream.getvalue()


OFFICIAL = packed(RECORDINGS)
REPACKED = packed(
    RECORDINGS,
    top="elsewhere",
    level=1,
    others=("README.md", "metadata.py", "utils/fsdd.py", ".gitignore"),
    backwards=True,
)


def with_one_byte_changed():
    name = "7_theo_10.wav"
    content = bytearray(RECORDINGS[name])
    content[60] ^= 1
    return packed({**RECORDINGS, name: bytes(content)})


def expected_digest(recordings):
    lines = [f"{hashlib.sha256(recordings[name]).hexdigest()}  {name}\n" for name in recordings]
    lines.sort(key=lambda line: line.split()[1])
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class World:
    """The tiny registry with its server, the cache folder and a mirror folder."""

    def __init__(self, server, folder, monkeypatch):
        self.server, self.folder, self.monkeypatch = server, folder, monkeypatch
        self.cached = folder / "cache" / spoken_digits.FSDD
        self.mirror = folder / "mirror"

    def write_registry(self, url=None):
        (self.folder / "registry.toml").write_text(
            '[spoken_digits]\ntitle = "tiny digits"\nlicence = "free"\ncitation = "none"\n'
            f'[spoken_digits.files."{spoken_digits.FSDD}"]\ncontent = "recordings/*.wav"\n'
            f'sha256 = "{expected_digest(RECORDINGS)}"\nsize = {len(OFFICIAL)}\n'
            f'urls = ["{url or self.server.address + "/official.zip"}"]\n',
            encoding="utf-8",
        )
        self.new_process()

    def new_process(self):
        for name in ("_verified", "_unreachable_hosts", "_said"):
            self.monkeypatch.setattr(sources, name, set())
        self.monkeypatch.setattr(network, "_probed", {})
        sources._registry.cache_clear()
        sources._writable_folder.cache_clear()

    def serve(self, content, faults=()):
        self.server.add("/official.zip", content, faults)

    def put(self, path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def use_mirror(self, content):
        self.put(self.mirror / spoken_digits.FSDD, content)
        self.monkeypatch.setenv("COURSE_DATA_MIRROR", str(self.mirror))


@pytest.fixture
def world(tmp_path, monkeypatch):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setattr(sources, "REGISTRY", tmp_path / "registry.toml")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    with FaultyServer() as server:
        world = World(server, tmp_path, monkeypatch)
        world.write_registry()
        yield world
    world.new_process()


def assert_tiny_digits(spoken):
    assert len(spoken) == len(RECORDINGS)
    for position in range(len(spoken)):
        name = f"{spoken.name(position)}.wav"
        expected = wavfile.read(io.BytesIO(RECORDINGS[name]))[1] / np.float32(32768)
        np.testing.assert_array_equal(spoken.recordings[position], expected)


# --- The real data ---------------------------------------------------------------------------


def test_layout_and_splits(world, capsys):
    world.serve(OFFICIAL)
    spoken = data.load("spoken_digits")
    assert isinstance(spoken, data.SpokenDigits)
    assert_tiny_digits(spoken)
    assert capsys.readouterr().out == f"{spoken.origin.text}.\n"
    assert spoken.origin.text.startswith("tiny digits, 120 recordings, from 127.0.0.1:")
    assert spoken.origin.kind == "official" and spoken.sample_rate == 8000
    assert all(each.dtype == np.float32 for each in spoken.recordings)
    assert spoken.digits.dtype == spoken.numbers.dtype == spoken.speaker_numbers.dtype == np.int32
    assert spoken.speaker_names == ("george", "theo")
    assert [spoken.speaker_names[i] for i in spoken.speaker_numbers] == list(spoken.speakers)
    assert [spoken.name(i) for i in (0, 1, 6, 119)] == [
        "0_george_0",
        "0_george_4",
        "0_theo_0",
        "9_theo_49",
    ]
    assert set(spoken.numbers[spoken.test]) == {0, 4}
    assert set(spoken.numbers[spoken.validation]) == {5, 9}
    assert set(spoken.numbers[spoken.train]) == {10, 49}
    every = np.concatenate([spoken.train, spoken.validation, spoken.test])
    assert sorted(every) == list(range(120))
    assert spoken.durations[0] == 100 / 8000 and len(repr(spoken)) < 220


def test_selection(world):
    world.serve(OFFICIAL)
    spoken = data.load_spoken_digits()
    sevens = spoken.of(digit=7, speaker="theo")
    assert [spoken.name(i) for i in sevens] == [f"7_theo_{n}" for n in (0, 4, 5, 9, 10, 49)]
    (position,) = spoken.of(digit=np.int32(7), speaker="theo", number=4, split="test")
    assert spoken.name(position) == "7_theo_4"
    assert len(spoken.of()) == 120 and len(spoken.of(split="train")) == 40
    assert len(spoken.of(number=4, split="train")) == 0
    assert spoken.checked_digit(3) == 3 and spoken.checked_speaker("theo") == "theo"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"digit": 10}, ["no digit 10", "0 to 9"]),
        ({"digit": -1}, ["no digit -1"]),
        ({"digit": 7.0}, ["no digit 7.0", "integers"]),
        ({"digit": True}, ["no digit True"]),
        ({"digit": "7"}, ["Did you mean the integer 7?"]),
        ({"digit": "Seven"}, ["Did you mean the integer 7?"]),
        ({"digit": "ten"}, ["no digit 'ten'"]),
        ({"speaker": "Theo"}, ["Did you mean 'theo'", "george"]),
        ({"speaker": "teo"}, ["Did you mean 'theo'"]),
        ({"speaker": "ada"}, ["no speaker 'ada'", "Known: george, theo"]),
        ({"speaker": 3}, ["no speaker 3"]),
        ({"number": 50}, ["no number 50", "0 to 49"]),
        ({"split": "training"}, ["Did you mean 'train'"]),
    ],
)
def test_what_does_not_exist_is_an_error(world, wish, words):
    world.serve(OFFICIAL)
    with pytest.raises(DataError) as error:
        data.load_spoken_digits().of(**wish)
    for word in words:
        assert word in str(error.value)


# --- An archive that is packed anew ----------------------------------------------------------


def test_digest_is_that_of_the_files(tmp_path):
    path = tmp_path / "a.zip"
    for content in (OFFICIAL, REPACKED, packed(RECORDINGS, kind=zipfile.ZIP_STORED, level=None)):
        path.write_bytes(content)
        found = archives.content_sha256_of(path, "recordings/*.wav", 10**6)
        assert found == expected_digest(RECORDINGS)
    assert OFFICIAL != REPACKED and len(OFFICIAL) != len(REPACKED)


@pytest.mark.parametrize("content", [OFFICIAL, REPACKED])
def test_any_packing_is_accepted_from_every_source(world, content):
    world.serve(content)
    assert data.load_spoken_digits().origin.kind == "official"
    assert world.cached.read_bytes() == content
    world.new_process()
    assert data.load_spoken_digits().origin.kind == "cache"
    assert len(world.server.seen) == 1
    world.cached.unlink()
    world.use_mirror(content)
    world.new_process()
    spoken = data.load_spoken_digits()
    assert spoken.origin.kind == "mirror"
    assert_tiny_digits(spoken)
    world.cached.unlink()
    shutil.rmtree(world.mirror)
    world.server.add(f"/lab/{spoken_digits.FSDD}", content)
    world.monkeypatch.setenv("COURSE_DATA_MIRROR", f"{world.server.address}/lab")
    assert data.load_spoken_digits().origin.kind == "mirror"


def missing_one():
    return packed({name: RECORDINGS[name] for name in list(RECORDINGS)[1:]})


def with_one_more():
    return packed({**RECORDINGS, "0_theo_50.wav": RECORDINGS["0_theo_49.wav"]})


def with_two_swapped():
    one, other = "1_theo_0.wav", "1_theo_4.wav"
    return packed({**RECORDINGS, one: RECORDINGS[other], other: RECORDINGS[one]})


def with_damaged_bytes():
    content = bytearray(OFFICIAL)
    content[len(content) // 2] ^= 255
    return bytes(content)


def encrypted():
    content = bytearray(OFFICIAL)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 4)
    return bytes(content)


WRONG = {
    "one byte of a recording changed": with_one_byte_changed,
    "a recording missing": missing_one,
    "a recording too many": with_one_more,
    "two recordings swapped": with_two_swapped,
    "damaged in the middle": with_damaged_bytes,
    "cut short": lambda: OFFICIAL[: len(OFFICIAL) * 2 // 3],
    "encrypted": encrypted,
    "empty": lambda: b"",
    "a web page": lambda: b"<!DOCTYPE html>" * 100,
    "an empty archive": lambda: packed({}),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=list(WRONG))
def test_wrong_archives_are_refused_from_every_source(world, make, capsys):
    wrong = make()
    world.serve(wrong)
    spoken = data.load_spoken_digits()
    assert spoken.origin.is_sample and "checksum wrong" in spoken.origin.text
    assert not world.cached.exists()
    world.use_mirror(wrong)
    assert data.load_spoken_digits().origin.is_sample
    assert "the wrong content" in capsys.readouterr().out
    # In the cache it is replaced.
    world.put(world.cached, wrong)
    world.put(world.mirror / spoken_digits.FSDD, REPACKED)
    world.new_process()
    assert data.load_spoken_digits().origin.kind == "mirror"
    assert "is damaged" in capsys.readouterr().out
    assert world.cached.read_bytes() == REPACKED


def test_a_bomb_is_not_unpacked(world, tmp_path, monkeypatch):
    bomb = packed({**RECORDINGS, "0_theo_50.wav": bytes(4 * len(OFFICIAL))}, level=9)
    assert len(bomb) < 2 * len(OFFICIAL)
    path = tmp_path / "bomb.zip"
    path.write_bytes(bomb)
    entry = sources.entry_of(spoken_digits.FSDD)

    def never(*arguments):
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "read", never)
    assert "unpacked, its" in entry.digest(path)
    path.write_bytes(bytes(2 * len(OFFICIAL) + 1))
    assert "are more than" in entry.digest(path)


def test_a_member_that_lies_about_its_size_is_refused(world, tmp_path):
    """Twice the content behind a header that announces the right length."""
    name = "7_theo_10.wav"
    content = bytearray(packed({**RECORDINGS, name: RECORDINGS[name] * 2}))
    right = len(RECORDINGS[name]).to_bytes(4, "little")
    double = (2 * len(RECORDINGS[name])).to_bytes(4, "little")
    path = tmp_path / "liar.zip"
    path.write_bytes(bytes(content).replace(double, right))
    entry = sources.entry_of(spoken_digits.FSDD)
    assert entry.digest(path).startswith("none (Bad CRC-32")


def test_random_damage_is_only_ever_refused(world, tmp_path):
    path = tmp_path / "damaged.zip"
    entry = sources.entry_of(spoken_digits.FSDD)
    random = np.random.default_rng(0)
    few = dict(list(RECORDINGS.items())[:3])
    whole = np.frombuffer(packed(few), np.uint8)
    for _ in range(300):
        content = whole.copy()
        content[random.integers(0, len(content), 4)] = random.integers(0, 256, 4)
        path.write_bytes(content[: random.integers(1, 2 * len(content))].tobytes())
        assert entry.digest(path) != entry.sha256
        with contextlib.suppress(DataError):
            spoken_digits.read_archive(path)


def test_leftovers_of_a_mac_are_ignored(world, tmp_path):
    stream = io.BytesIO(OFFICIAL)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(f"__MACOSX/{TOP}/recordings/._0_theo_0.wav", b"Mac OS X")
    path = tmp_path / "mac.zip"
    path.write_bytes(stream.getvalue())
    entry = sources.entry_of(spoken_digits.FSDD)
    assert entry.digest(path) == entry.sha256
    assert len(spoken_digits.read_archive(path)) == len(RECORDINGS)


def test_too_many_bytes_are_refused_before_and_while_they_arrive(world, capsys):
    world.serve(bytes(2 * len(OFFICIAL) + 1))
    assert data.load_spoken_digits().origin.text.endswith("(size wrong)")
    assert "are the most" in capsys.readouterr().out
    with endless_server() as address:
        world.write_registry(url=f"{address}/a.zip")
        assert data.load_spoken_digits().origin.text.endswith("(size wrong)")
    assert "sends more than" in capsys.readouterr().out
    assert not list(world.folder.rglob("*.zip.part"))


@contextlib.contextmanager
def endless_server():
    """A server that never says how much there is, and never stops."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(10_000):
                    self.wfile.write(bytes(65536))

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_broken_download_is_continued(world):
    world.serve(OFFICIAL, [Fault(stop_after=len(OFFICIAL) // 2)])
    assert data.load_spoken_digits().origin.kind == "official"
    assert [seen.range is None for seen in world.server.seen] == [True, False]


def test_a_part_of_another_packing_does_not_spoil_the_file(world):
    part = world.cached.with_name(world.cached.name + ".part")
    world.put(part, REPACKED[: len(REPACKED) // 2])
    world.serve(OFFICIAL)
    assert data.load_spoken_digits().origin.kind == "official"
    assert world.cached.read_bytes() == OFFICIAL


def test_a_complete_part_is_used(world):
    part = world.cached.with_name(world.cached.name + ".part")
    world.put(part, OFFICIAL)
    world.serve(OFFICIAL)
    assert data.load_spoken_digits().origin.kind == "official"


def test_commands(world, capsys):
    world.serve(REPACKED)
    for _ in range(2):
        assert commands.main(["mirror", str(world.mirror)]) == 0
    text = capsys.readouterr().out
    assert "Downloaded from" in text and "There already" in text
    assert commands.main(["fetch"]) == 0
    assert commands.main(["verify"]) == 0
    other = world.folder / "other"
    assert commands.main(["mirror", str(other), "spoken_digits"]) == 0
    assert "Copied from" in capsys.readouterr().out
    assert (other / spoken_digits.FSDD).read_bytes() == REPACKED
    world.cached.write_bytes(with_one_byte_changed())
    assert commands.main(["verify"]) == 1
    assert "DAMAGED" in capsys.readouterr().out


def test_an_unchanged_archive_is_checked_once(world, monkeypatch):
    world.serve(OFFICIAL)
    data.load_spoken_digits()
    data.load_spoken_digits()

    def never(*arguments):
        raise AssertionError("it was checked again")

    monkeypatch.setattr(archives, "content_sha256_of", never)
    data.load_spoken_digits()


# --- Reading the archive ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recordings", "word"),
    [
        ({}, "no recordings"),
        ({"0_theo_0.wav": b"hello"}, "not a WAV file"),
        ({"0_theo_0.wav": wav_file(np.zeros(9), 16000)}, "16000 Hz"),
    ],
)
def test_archives_of_another_kind(world, recordings, word):
    world.put(world.cached, packed(recordings))
    with pytest.raises(DataError, match=word):
        spoken_digits.read_archive(world.cached)


def test_archives_that_cannot_be_read(world):
    with pytest.raises(DataError, match="cannot be read"):
        spoken_digits.read_archive(world.cached)
    for content in (b"hello", OFFICIAL[:5000], with_damaged_bytes(), encrypted()):
        world.put(world.cached, content)
        with pytest.raises(DataError, match="is damaged"):
            spoken_digits.read_archive(world.cached)


def test_strange_names_are_an_error(world):
    with pytest.raises(DataError, match="expected a name such as 7_theo_3"):
        spoken_digits._spoken_digits({"seven": np.zeros(3)}, None, tests=1, validations=0)


# --- The sample ------------------------------------------------------------------------------


def test_sample(world, capsys):
    spoken = data.load_spoken_digits()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("SAMPLE, not tiny digits: digits spoken by a program (espeak-ng)")
    assert "150 recordings" in first and "HTTP 404" in first and "COURSE_DATA_MIRROR" in second
    assert spoken.origin.is_sample and spoken.origin.text.endswith("(HTTP 404)")
    assert spoken.speaker_names == ("ada", "bela", "cili") and spoken.sample_rate == 8000
    assert len(spoken) == 150 and 55 < spoken.durations.sum() < 70
    assert len(spoken.validation) == 0
    for digit in range(10):
        for speaker in spoken.speaker_names:
            assert len(spoken.of(digit=digit, speaker=speaker, split="train")) == 4
            (position,) = spoken.of(digit=digit, speaker=speaker, split="test")
            assert spoken.numbers[position] == 0
    for recording in spoken.recordings:
        assert recording.dtype == np.float32 and 0.85 < np.abs(recording).max() < 0.92
    assert len({recording.tobytes() for recording in spoken.recordings}) == 150


def test_codes_of_the_sample_go_both_ways():
    codes = np.arange(256, dtype=np.uint8)
    waveform = spoken_digits.decode_sample(codes)
    np.testing.assert_array_equal(spoken_digits.encode_sample(waveform), codes)
    assert waveform[0] == -1 and waveform[-1] == 1 and np.all(np.diff(waveform) > 0)


def test_a_damaged_sample_is_named(tmp_path, monkeypatch):
    path = tmp_path / "sample.npz"
    content = spoken_digits.SAMPLE_FILE.read_bytes()
    for wrong in (b"", b"hello", content[:1000], content[:2000] + b"!" + content[2001:]):
        path.write_bytes(wrong)
        with pytest.raises(DataError, match="part of the repository"):
            spoken_digits.read_sample(path)
    np.savez(path, codes=np.zeros(5, "uint8"), lengths=np.array([2, 2]), names=["a", "b"])
    with pytest.raises(DataError, match="do not add up"):
        spoken_digits.read_sample(path)
    with pytest.raises(DataError, match="cannot be read"):
        spoken_digits.read_sample(tmp_path / "nowhere.npz")


def test_the_sample_is_small_and_has_a_card():
    assert spoken_digits.SAMPLE_FILE.stat().st_size < 500_000
    text = (REPOSITORY / "data" / "README.md").read_text(encoding="utf-8")
    for word in ("espeak-ng 1.51", "en-us+f3", "en-gb-scotland+f2", "62 s", "CC BY-SA 4.0"):
        assert word in text, word


# --- With the real archive, where there is one -----------------------------------------------


@pytest.mark.skipif(
    not (MIRROR and (Path(MIRROR) / spoken_digits.FSDD).is_file()),
    reason="no mirror with the archive",
)
def test_the_real_archive(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_MIRROR", MIRROR)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    sources._writable_folder.cache_clear()
    before = time.process_time()
    spoken = data.load_spoken_digits()
    assert time.process_time() - before < 2
    assert spoken.origin.kind == "mirror" and len(spoken) == 3000
    assert [len(part) for part in (spoken.train, spoken.validation, spoken.test)] == [
        2400,
        300,
        300,
    ]
    assert spoken.speaker_names == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    assert len(spoken.of(digit=7, speaker="theo")) == 50
    assert 1300 < spoken.durations.sum() < 1330
    sources._writable_folder.cache_clear()
