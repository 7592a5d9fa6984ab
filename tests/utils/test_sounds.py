"""`utils.sounds`: WAV files of every kind, the player, spectra and pictures."""

import io
import struct
import wave

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.io.wavfile

from utils import sounds
from utils.data import DataError

RATE = 8000
TIME = np.arange(RATE) / RATE
SINE = 0.5 * np.sin(2 * np.pi * 440 * TIME).astype(np.float32)


def chunk(kind, content):
    return struct.pack("<4sI", kind, len(content)) + content + bytes(len(content) % 2)


def wav_file(
    data, *, code=1, channels=1, rate=RATE, bits=16, before=b"", extra=b"", length=None, frame=None
):
    """A WAV file, written independently of the code under test."""
    frame = channels * bits // 8 if frame is None else frame
    form = struct.pack("<HHIIHH", code, channels, rate, rate * frame, frame, bits) + extra
    content = b"WAVE" + chunk(b"fmt ", form) + before
    content += struct.pack("<4sI", b"data", len(data) if length is None else length) + data
    return b"RIFF" + struct.pack("<I", len(content)) + content


def pcm(samples, bits):
    """Little-endian integers of samples in [-1, 1)."""
    integers = np.rint(np.asarray(samples, float) * (2 ** (bits - 1) - 1)).astype(int)
    if bits == 8:
        return (integers + 128).astype(np.uint8).tobytes()
    return b"".join(int(i).to_bytes(bits // 8, "little", signed=True) for i in integers)


def widened(samples, bits, width, shift):
    """Integers of some bits in more bytes, shifted to the left."""
    integers = np.rint(np.asarray(samples, float) * (2 ** (bits - 1) - 1)).astype(int)
    return b"".join((int(i) << shift).to_bytes(width, "little", signed=True) for i in integers)


def extensible(code, valid_bits):
    """The end of the description of an extensible format."""
    guid = struct.pack("<H", code) + bytes.fromhex("00000000100080 0000aa00389b71")
    return struct.pack("<HHI", 22, valid_bits, 0) + guid


def check_error(source, *words, **options):
    with pytest.raises(DataError) as error:
        sounds.read_wav(source, **options)
    for word in words:
        assert word in str(error.value), (word, str(error.value))


# --- Reading what can be read ----------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_integers_of_every_width(bits, capsys):
    sound = sounds.read_wav(wav_file(pcm(SINE, bits), bits=bits))
    assert sound.samples.dtype == np.float32 and sound.samples.shape == SINE.shape
    assert sound.sample_rate == RATE and sound.duration == 1.0 and sound.remarks == ()
    np.testing.assert_allclose(sound.samples, SINE, atol=1.6 * 2.0 ** (1 - min(bits, 20)))
    assert capsys.readouterr().out == ""


def test_limits_of_integers():
    for bits in (16, 24, 32):
        data = b"".join(
            value.to_bytes(bits // 8, "little", signed=True)
            for value in (-(2 ** (bits - 1)), 0, 1, 2 ** (bits - 2))
        )
        channels, _, found = sounds.parse_wav(wav_file(data, bits=bits), "x")
        np.testing.assert_array_equal(
            channels[:, 0], np.float32([-1, 0, 2.0 ** (1 - bits), 0.5]), strict=True
        )
        assert found == bits


def test_floats_and_the_extensible_header():
    data = SINE.astype("<f4").tobytes()
    assert np.array_equal(sounds.read_wav(wav_file(data, code=3, bits=32)).samples, SINE)
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    extra = struct.pack("<HHI", 22, 16, 0) + guid
    content = wav_file(pcm(SINE, 16), code=0xFFFE, extra=extra)
    np.testing.assert_allclose(sounds.read_wav(content).samples, SINE, atol=1e-4)


def test_other_chunks_are_skipped():
    before = chunk(b"LIST", b"INFOISFT\x05\0\0\0abcde") + chunk(b"fact", b"\0\0\0\0")
    content = wav_file(pcm(SINE, 16), before=before) + chunk(b"id3 ", b"tag")
    assert len(sounds.read_wav(content).samples) == len(SINE)


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFF000])
def test_length_unknown_because_written_to_a_pipe(length):
    content = wav_file(pcm(SINE, 16), length=length)
    assert len(sounds.read_wav(content).samples) == len(SINE)


@pytest.mark.parametrize(("bits", "width"), [(24, 4), (16, 4), (16, 3), (20, 4), (20, 3), (12, 2)])
@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_in_more_bytes_than_they_need(bits, width, upper, channels):
    samples = SINE[:1000] * (1 if bits > 12 else 0.9)  # so that lower bits are used
    data = widened(np.repeat(samples, channels), bits, width, (8 * width - bits) * upper)
    content = wav_file(data, bits=bits, channels=channels, frame=channels * width)
    found, _, found_bits = sounds.parse_wav(content, "x")
    assert found_bits == bits and found.shape == (1000, channels)
    np.testing.assert_allclose(found, np.stack([samples] * channels, 1), atol=2.0 ** (2 - bits))


@pytest.mark.parametrize(("bits", "width", "valid"), [(32, 4, 24), (24, 3, 20), (16, 2, 12)])
def test_the_extensible_header_counts_fewer_bits(bits, width, valid):
    data = widened(SINE, valid, width, bits - valid)
    content = wav_file(data, code=0xFFFE, bits=bits, extra=extensible(1, valid))
    np.testing.assert_allclose(sounds.read_wav(content).samples, SINE, atol=2.0 ** (2 - valid))
    content = wav_file(data, code=0xFFFE, bits=valid, extra=extensible(1, valid), frame=width)
    np.testing.assert_allclose(sounds.read_wav(content).samples, SINE, atol=2.0 ** (2 - valid))


@pytest.mark.parametrize("options", [{"code": 3}, {"code": 0xFFFE, "extra": extensible(3, 64)}])
def test_64_bit_floats(options, capsys):
    data = SINE.astype("<f8")
    sound = sounds.read_wav(wav_file(data.tobytes(), bits=64, **options))
    assert np.array_equal(sound.samples, SINE) and sound.samples.dtype == np.float32
    sounds.read_wav(wav_file((3 * data).tobytes(), bits=64, **options))
    assert "were cut" in capsys.readouterr().out


def test_what_scipy_writes_is_read():
    for dtype in ("float64", "float32", "int32", "int16", "uint8"):
        values = SINE.astype("float64")
        if dtype == "uint8":
            values = np.rint(values * 127 + 128)
        elif dtype.startswith("int"):
            values = values * (np.iinfo(dtype).max)
        file = io.BytesIO()
        scipy.io.wavfile.write(file, RATE, values.astype(dtype))
        found = sounds.read_wav(file.getvalue()).samples
        np.testing.assert_allclose(found, SINE, atol=0.01 if dtype == "uint8" else 1e-4)


PIECES = pcm(SINE, 16)
LIST = chunk(b"LIST", b"INFOISFT\4\0\0\0abcd")


@pytest.mark.parametrize("between", [b"", LIST, chunk(b"abcd", b"xyz")])
def test_all_pieces_are_read(between, capsys):
    content = wav_file(PIECES[:5000]) + between + chunk(b"data", PIECES[5000:])
    assert np.array_equal(
        sounds.read_wav(content).samples, sounds.read_wav(wav_file(PIECES)).samples
    )
    assert "in 2 pieces" in capsys.readouterr().out
    check_error(content[:-2], "cut short")


def test_the_description_may_come_after_the_samples_but_not_twice():
    first = wav_file(PIECES)
    form, data = first[12:36], first[36:]
    content = first[:12] + data + form
    assert len(sounds.read_wav(content).samples) == len(SINE)
    assert len(sounds.read_wav(first[:12] + form + form + data).samples) == len(SINE)
    other = wav_file(PIECES, rate=16000)[12:36]
    check_error(first[:12] + form + data + other + data, "damaged", "twice")


@pytest.mark.parametrize("rest", [b"", LIST, b"\0\0", LIST[:-3]])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("odd", [b"LIST", b"abcd"])
def test_an_odd_chunk_may_lack_its_padding(rest, padded, odd, capsys):
    for text in (b"abc", bytes(range(101)), b"data" * 5 + b"!"):
        junk = chunk(odd, text)
        before = junk if padded else junk[:-1]
        sound = sounds.read_wav(wav_file(PIECES, before=before) + rest)
        assert len(sound.samples) == len(SINE)
        content = wav_file(PIECES)
        content = content[:12] + before + content[12:] + rest
        np.testing.assert_array_equal(sounds.read_wav(content).samples, sound.samples)
    eight = pcm(SINE[:999], 8)
    content = wav_file(eight, bits=8) + b"\0" * padded + rest
    assert len(sounds.read_wav(content).samples) == 999
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("riff", [0, 36, 36 + len(PIECES)])
@pytest.mark.parametrize("extra", [0, 1])
def test_a_file_that_the_recorder_did_not_finish(riff, extra, capsys):
    content = wav_file(PIECES + bytes(extra), length=0)
    content = content[:4] + struct.pack("<I", riff) + content[8:]
    sound = sounds.read_wav(content)
    np.testing.assert_array_equal(sound.samples, sounds.read_wav(wav_file(PIECES)).samples)
    text = capsys.readouterr().out
    assert "did not finish" in text and ("incomplete" in text) == bool(extra)
    check_error(wav_file(b"", length=0) + LIST, "no samples")


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_stream_that_ends_within_a_sample(channels, capsys):
    frames = 16000 // (2 * channels)
    whole = PIECES[: frames * 2 * channels]
    sound = sounds.read_wav(wav_file(whole + b"\1", channels=channels, length=0xFFFFFFFF))
    assert len(sound.samples) == frames and "incomplete" in capsys.readouterr().out
    expected = sounds.read_wav(wav_file(whole, channels=channels)).samples
    np.testing.assert_array_equal(sound.samples, expected)


@pytest.mark.parametrize("rest", [PIECES[:3000], wav_file(PIECES), b"TAGtitle" + bytes(120)])
def test_what_is_left_out_is_told(rest, capsys):
    sound = sounds.read_wav(wav_file(PIECES) + rest)
    assert len(sound.samples) == len(SINE)
    assert f"{len(rest):,} bytes at its end" in capsys.readouterr().out


def test_what_other_programs_write_is_read(tmp_path):
    path = tmp_path / "other.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((SINE * 32767).astype("<i2").tobytes())
    sound = sounds.read_wav(path)
    assert sound.sample_rate == 16000 and sound.duration == 0.5


def test_path_bytes_and_file_object_are_the_same(tmp_path):
    content = wav_file(pcm(SINE, 16))
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    expected = sounds.read_wav(path).samples
    for source in (
        str(path),
        content,
        bytearray(content),
        memoryview(content),
        io.BytesIO(content),
    ):
        np.testing.assert_array_equal(sounds.read_wav(source).samples, expected)


# --- Documented conversions ------------------------------------------------------------------


def test_stereo_becomes_the_mean_and_says_so(capsys):
    both = np.stack([SINE, np.zeros_like(SINE)], axis=1).ravel()
    sound = sounds.read_wav(wav_file(pcm(both, 16), channels=2))
    np.testing.assert_allclose(sound.samples, SINE / 2, atol=1e-4)
    assert capsys.readouterr().out == "The recording: 2 channels, of which the mean was taken.\n"
    opposite = np.stack([SINE, -SINE], axis=1).ravel()
    check_error(wav_file(pcm(opposite, 16), channels=2), "cancel out", "mono")
    shifted = (np.rint(opposite * 32767) + 8000).astype("<i2")  # what remains is not heard
    check_error(wav_file(shifted.tobytes(), channels=2), "cancel out", "mono")


@pytest.mark.parametrize("noise", [0.001, 0.02])
def test_channels_that_nearly_cancel_out_are_told(noise, capsys):
    hiss = noise * np.random.default_rng(0).uniform(-1, 1, (len(SINE), 1))
    both = (np.stack([SINE, -SINE], axis=1) + hiss).ravel()
    sound = sounds.read_wav(wav_file(pcm(both, 16), channels=2))
    assert np.abs(sound.samples).max() < 1.01 * noise
    text = capsys.readouterr().out
    assert "nearly cancel out; save one of them as mono" in text
    assert ("very quiet now" in text) == (noise < 0.01)
    for others in (np.zeros((len(SINE), 7)), 0.5 * np.random.default_rng(1).normal(size=(RATE, 1))):
        several = np.clip(np.column_stack([SINE, others]), -0.99, 0.99)
        sounds.read_wav(wav_file(pcm(several.ravel(), 16), channels=several.shape[1]))
        assert "cancel" not in capsys.readouterr().out


@pytest.mark.parametrize("rate", [44100, 16000, 11025, 48000])
def test_another_rate_is_converted_or_refused(rate, capsys):
    time = np.arange(rate) / rate
    high = 0.3 * np.sin(2 * np.pi * 5000 * time) if rate > 16000 else 0  # would fold to 3000 Hz
    content = wav_file(pcm(0.5 * np.sin(2 * np.pi * 440 * time) + high, 16), rate=rate)
    sound = sounds.read_wav(content, sample_rate=RATE)
    assert sound.sample_rate == RATE and sound.samples.shape == (RATE,)
    assert sound.samples.dtype == np.float32
    middle = slice(200, -200)
    np.testing.assert_allclose(sound.samples[middle], SINE[middle], atol=5e-3)
    assert capsys.readouterr().out.count(f"converted from {rate:,} Hz to 8,000 Hz") == 1
    check_error(content, f"{rate:,} Hz", "expected 8,000 Hz", sample_rate=RATE, resample=False)
    assert sounds.read_wav(content).sample_rate == rate


def test_the_right_rate_is_left_alone(capsys):
    sound = sounds.read_wav(wav_file(pcm(SINE, 16)), sample_rate=RATE, resample=False)
    assert len(sound.samples) == RATE and capsys.readouterr().out == ""


def test_clipped_recordings_are_told_with_a_number(capsys):
    loud = np.clip(3 * SINE, -1, 1)
    at_limit = int(np.count_nonzero(np.abs(loud) == 1))
    assert at_limit > 1000
    for bits in (8, 16, 24):
        sound = sounds.read_wav(wav_file(pcm(loud, bits), bits=bits))
        text = capsys.readouterr().out
        assert "probably clipped" in text and "less gain" in text and len(sound.remarks) == 1
        count = int(text.split("clipped, ")[1].split()[0].replace(",", ""))
        assert at_limit <= count <= (1.01 if bits > 8 else 1.2) * at_limit
    sounds.read_wav(wav_file(pcm(2 * SINE, 16)))  # as loud as can be, but not cut
    assert capsys.readouterr().out == ""


def test_floats_beyond_the_limit_are_cut(capsys):
    data = (3 * SINE).astype("<f4").tobytes()
    sound = sounds.read_wav(wav_file(data, code=3, bits=32))
    assert np.abs(sound.samples).max() == 1 and "were cut" in capsys.readouterr().out


def test_very_quiet_recordings_are_told(capsys):
    for offset in (0, 0.3):
        sounds.read_wav(wav_file(pcm(SINE / 100 + offset, 16)))
        text = capsys.readouterr().out
        assert "very quiet, its loudest sample is 0.0050" in text and "more gain" in text


def test_what_becomes_very_quiet_is_told(capsys):
    high = 0.5 * np.hanning(48000) * np.sin(2 * np.pi * 15000 * np.arange(48000) / 48000)
    sounds.read_wav(wav_file(pcm(high, 16), rate=48000))
    assert capsys.readouterr().out == ""
    sound = sounds.read_wav(wav_file(pcm(high, 16), rate=48000), sample_rate=RATE)
    assert np.abs(sound.samples).max() < sounds.QUIET
    assert "very quiet now" in capsys.readouterr().out
    dead = np.stack([SINE / 40, np.zeros_like(SINE)], axis=1).ravel()
    sounds.read_wav(wav_file(pcm(dead, 16), channels=2))
    assert "very quiet now, its loudest sample is 0.0063; in the file it is 0.0125" in (
        capsys.readouterr().out
    )


# --- What cannot be read ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty", "0 bytes"]),
        (b"hello, world", ["not a WAV file", "68 65 6c 6c", "ffmpeg"]),
        (b"ID3\x04" + bytes(99), ["an MP3 file", "ffmpeg"]),
        (b"\xff\xfb\x90\x44" + bytes(99), ["an MP3 file"]),
        (b"\0\0\0\x20ftypM4A " + bytes(99), ["M4A"]),
        (b"\x1aE\xdf\xa3" + bytes(99), ["browsers"]),
        (b"OggS" + bytes(99), ["an Ogg file"]),
        (b"<!DOCTYPE html>", ["a web page"]),
        (b"RIFF\x04\0\0\0AVI ", ["not a WAV file", "says 'AVI ', expected 'WAVE'"]),
        (b"RIFF\x04\0\0\0WEBPVP8 ", ["not a WAV file", "says 'WEBP', expected 'WAVE'"]),
        (b"RIFF\x04\0\0\0", ["cut short", "8 bytes"]),
        (b"RF64" + wav_file(PIECES)[4:], ["not a WAV file", "RF64"]),
        (b"RIFX" + wav_file(PIECES)[4:], ["not a WAV file", "big-endian"]),
        (b"RIFF\x04\0\0\0WAVE", ["cut short", "12 bytes"]),
        (wav_file(b""), ["no samples"]),
        (wav_file(pcm(SINE, 16))[:-1000], ["cut short", "16000", "15000"]),
        (wav_file(pcm(SINE, 16))[:30], ["cut short", "16 bytes, but only 10"]),
        (wav_file(pcm(SINE, 16) + b"\0"), ["cut short", "16001"]),
        (wav_file(bytes(2000)), ["silent", "1,000", "microphone"]),
        (wav_file(bytes([128]) * 1000, bits=8), ["silent"]),
        (wav_file(bytes(2000), code=2, bits=4), ["compressed", "ADPCM", "ffmpeg"]),
        (wav_file(bytes(2000), code=85, bits=0), ["compressed", "MP3"]),
        (wav_file(bytes(2000), code=7, bits=8), ["compressed", "μ-law"]),
        (wav_file(bytes(2000), code=4660), ["compressed", "format 4660"]),
        (wav_file(bytes(2000), bits=12), ["12-bit integers"]),
        (wav_file(bytes(2000), bits=4, frame=1), ["4-bit integers"]),
        (wav_file(bytes(2000), bits=64), ["64-bit integers"]),
        (wav_file(bytes(2000), code=3, bits=16), ["16-bit floats"]),
        (wav_file(bytes(2000), code=3, bits=24), ["24-bit floats"]),
        (wav_file(bytes(2000), code=3, bits=32, frame=8), ["32-bit floats, 8 bytes"]),
        (wav_file(bytes(2000), bits=8, frame=2), ["8-bit integers, 2 bytes"]),
        (wav_file(bytes(2000), bits=24, frame=8), ["24-bit integers, 8 bytes"]),
        (wav_file(bytes(2000), channels=2, frame=2), ["16-bit integers, 2 bytes", "2 channels"]),
        (wav_file(bytes(2000), channels=2, frame=5), ["16-bit integers, 5 bytes", "2 channels"]),
        (wav_file(PIECES, frame=4), ["damaged", "16-bit samples in 4 bytes each"]),
        (wav_file(pcm(SINE, 32), bits=24, frame=4), ["damaged", "24-bit samples in 4 bytes"]),
        (wav_file(np.array([0, np.inf]).tobytes(), code=3, bits=64), ["1 of its samples"]),
        (wav_file(np.array([0, 1e300]).tobytes(), code=3, bits=64), ["1e+300", "-1 to 1"]),
        (wav_file(bytes(2000), channels=0), ["0 channels"]),
        (wav_file(pcm(SINE, 16), rate=0), ["0 samples a second"]),
        (wav_file(pcm(SINE, 16), rate=2**32 - 1, channels=0), ["0 channels"]),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"data", b"\1\0\2\0"), ["its format is missing"]),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", b"\1\0\2\0") + chunk(b"data", b""), ["too short"]),
        (wav_file(np.float32([0, np.nan]).tobytes(), code=3, bits=32), ["no numbers"]),
        (wav_file(np.float32([0, 20000]).tobytes(), code=3, bits=32), ["20,000", "32768"]),
    ],
)
def test_bad_files_are_named_with_what_to_do(tmp_path, content, words):
    path = tmp_path / "mine.wav"
    path.write_bytes(content)
    check_error(path, str(path), *words)
    check_error(content, "The recording", *words)


def test_every_cut_of_a_file_gives_a_clear_error():
    content = wav_file(pcm(SINE[:20], 16), before=chunk(b"LIST", b"abc"))
    for length in range(len(content)):
        check_error(content[:length], "The recording")


def test_random_damage_never_gives_another_error():
    random = np.random.default_rng(0)
    content = np.frombuffer(wav_file(pcm(SINE[:40], 16)), np.uint8)
    for _ in range(500):
        damaged = content.copy()
        damaged[random.integers(0, 44, 3)] = random.integers(0, 256, 3)
        try:
            sound = sounds.read_wav(damaged.tobytes())
        except DataError:
            continue
        assert np.isfinite(sound.samples).all() and np.abs(sound.samples).max() <= 1


def test_missing_files_suggest_others(tmp_path):
    check_error(tmp_path / "nowhere" / "a.wav", "no file", "does not exist either")
    check_error(tmp_path / "a.wav", "no file", "no WAV files")
    (tmp_path / "seven.wav").write_bytes(wav_file(pcm(SINE, 16)))
    check_error(tmp_path / "sevn.wav", "Did you mean 'seven.wav'?")
    check_error(tmp_path / "hello.wav", "has seven.wav")
    check_error(tmp_path, "it is a folder")
    with open(tmp_path / "seven.wav", encoding="utf-8") as file:
        check_error(file, "open(path, 'rb')")
    check_error(12, "int")
    check_error(SINE, "ndarray")


def test_wrong_rates_are_refused():
    content = wav_file(pcm(SINE, 16))
    assert sounds.read_wav(content, sample_rate=np.array(8000)).sample_rate == 8000
    for rate in (0, -8000, 1e9, float("nan"), "8000", True, np.True_, [8000], 8000j):
        check_error(content, "sample rate", sample_rate=rate)
    check_error(content, "whole number", sample_rate=8000.5)


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sounds, "LARGEST_FILE", 1000)
    path = tmp_path / "long.wav"
    path.write_bytes(wav_file(pcm(SINE, 16)))
    check_error(path, "16.0 kB", "Cut out")


# --- Writing ---------------------------------------------------------------------------------


def test_what_is_written_can_be_read_by_others_and_by_us(tmp_path, capsys):
    path = sounds.write_wav(tmp_path / "new" / "a.wav", SINE, RATE)
    with wave.open(str(path), "rb") as file:
        assert file.getparams()[:4] == (1, 2, RATE, RATE)
    np.testing.assert_allclose(sounds.read_wav(path).samples, SINE, atol=2**-16 + 1e-9)
    assert [each.name for each in path.parent.iterdir()] == ["a.wav"]
    assert capsys.readouterr().out == ""


def test_16_bits_survive_unchanged():
    integers = np.arange(-32768, 32768, dtype="<i2")
    content = wav_file(integers.tobytes())
    samples = sounds.parse_wav(content, "x")[0][:, 0]
    assert sounds.wav_bytes(samples, RATE) == content


def test_too_loud_is_cut_and_said(capsys):
    content = sounds.wav_bytes(4 * SINE, RATE)
    text = capsys.readouterr().out
    assert "lie beyond -1 to 1" in text and "2.00" in text
    assert np.abs(sounds.parse_wav(content, "x")[0]).max() == 1
    sounds.wav_bytes(2 * SINE, RATE)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("samples", "word"),
    [
        ([0.0, np.nan], "1 of the 2"),
        ([0.0, np.inf], "NaN or inf"),
        (np.zeros((2, 3)), "(2, 3)"),
        (np.zeros(5, np.int16), "int16"),
        (np.zeros(5, np.uint8), "uint8"),
        (0.5, "shape"),
        (None, "is None"),
        ((0.5 for _ in range(5)), "list(...)"),
        ("sound", "of type str"),
        (sounds.Sound(SINE, RATE), "of type Sound"),
        (np.ma.array([0.0, 0.5], mask=[0, 1]), "1 masked"),
        ([[0.0], [0.5, 1.0]], "different shapes"),
        (np.array([0.0, 1e300]), "1 of the 2"),
        (np.zeros(5, complex), "complex128"),
        (np.zeros(5, bool), "bool"),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path, samples, word):
    for call in (
        lambda: sounds.write_wav(tmp_path / "a.wav", samples, RATE),
        lambda: sounds.play(samples, RATE),
        lambda: sounds.spectrogram(samples, RATE),
        lambda: sounds.spectrum(samples, RATE),
        lambda: sounds.plot_waveform(samples, RATE),
    ):
        with pytest.raises(DataError) as error:
            call()
        assert word in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written"):
        sounds.write_wav(tmp_path / "file" / "a.wav", SINE, RATE)


# --- Playing ---------------------------------------------------------------------------------


def test_the_player_leaves_the_loudness_alone(capsys):
    from IPython.display import Audio

    quiet, loud = sounds.play(SINE / 10, RATE, "quiet"), sounds.play(SINE, RATE, "a <b> & c")
    assert isinstance(quiet, Audio)
    assert sounds.read_wav(quiet.data).samples.max() == pytest.approx(0.05, abs=1e-3)
    shown = loud._repr_html_()
    assert "a &lt;b&gt; &amp; c · 1.00 s" in shown and "data:audio/wav;base64," in shown
    assert repr(quiet) == "Sound: quiet · 1.00 s"
    assert "clipped" in repr(sounds.play(3 * SINE, RATE)) and capsys.readouterr().out == ""
    with pytest.raises(DataError, match="no samples"):
        sounds.play(SINE[:0], RATE)


def test_several_players_side_by_side():
    players = sounds.play_all({"one": SINE, "two": SINE / 2}, RATE)
    assert repr(players) == "Sounds: one · 1.00 s; two · 1.00 s"
    shown = players._repr_html_()
    assert shown.count("<audio") == 2 and "one · 1.00 s" in shown and "two" in shown
    with pytest.raises(DataError, match="nothing to play"):
        sounds.play_all({}, RATE)


# --- Spectra ---------------------------------------------------------------------------------


def test_spectrogram_of_a_sine_that_rises():
    samples = np.concatenate([np.sin(2 * np.pi * f * TIME[:4000]) for f in (500, 1500)])
    times, frequencies, decibels = sounds.spectrogram(samples, RATE)
    assert decibels.shape == (len(frequencies), len(times)) and frequencies[-1] == RATE / 2
    assert times[0] == 0 and times[-1] == pytest.approx(1, abs=0.005)
    peaks = frequencies[decibels.argmax(axis=0)]
    np.testing.assert_allclose(peaks[(times > 0.05) & (times < 0.45)], 500, atol=32)
    np.testing.assert_allclose(peaks[(times > 0.55) & (times < 0.95)], 1500, atol=32)
    assert decibels.max() == pytest.approx(0, abs=0.2)  # full scale
    assert decibels.min() >= -90
    quieter = sounds.spectrogram(samples / 10, RATE)[2]
    assert quieter.max() == pytest.approx(-20, abs=0.2)


def test_spectrum_of_a_sine_and_of_little():
    frequencies, decibels = sounds.spectrum(2 * SINE, RATE)
    assert frequencies[decibels.argmax()] == pytest.approx(440, abs=8)
    assert decibels.max() == pytest.approx(0, abs=0.5)
    assert np.isfinite(sounds.spectrum(SINE[:3], RATE)[1]).all()
    assert sounds.spectrum(np.zeros(5000), RATE)[1].max() == -120
    for call in (sounds.spectrum, sounds.spectrogram):
        with pytest.raises(DataError, match="empty"):
            call(np.zeros(0), RATE)


@pytest.mark.parametrize("frequency", [100, 333.3, 440, 1234.5, 3500])
def test_peak_frequency_is_finer_than_a_bin(frequency):
    samples = 0.3 + 0.1 * np.sin(2 * np.pi * frequency * TIME[:3000])  # bins of 2.7 Hz
    assert sounds.peak_frequency(samples, RATE) == pytest.approx(frequency, abs=0.1)


def test_silence_has_no_peak():
    with pytest.raises(DataError, match="silent"):
        sounds.peak_frequency(np.zeros(1000), RATE)


# --- Pictures --------------------------------------------------------------------------------


def test_pictures_have_axes_with_units():
    sounds.plot_waveform(SINE[:50], RATE, title="A sine", label="sine")
    axis = plt.gca()
    assert axis.get_title(loc="left") + axis.get_title() == "A sine"
    assert axis.get_xlabel() == "time (s)" and axis.lines[0].get_marker() == "o"
    sounds.plot_spectrogram(SINE, RATE, title="One line", highest_frequency=2000)
    axis = plt.gcf().axes[0]
    assert axis.get_ylabel() == "frequency (Hz)" and axis.get_ylim() == (0, 2000)
    assert axis.images[0].get_clim() == (-80, 0)
    for samples in (SINE, SINE[:, np.newaxis], SINE[np.newaxis]):
        sounds.plot_spectrogram(samples, RATE)
        assert plt.gcf().axes[0].get_xlim() == (0, 1)
    sounds.plot_sound(SINE, RATE, title="Both")
    assert len(plt.gcf().axes) == 3 and plt.gcf().get_suptitle() == "Both"
    sounds.plot_spectra({"a": SINE, "b": SINE / 2}, RATE, title="Two")
    assert [text.get_text() for text in plt.gca().get_legend().get_texts()] == ["a", "b"]
    plt.gcf().canvas.draw()


def test_many_spectrograms_share_one_scale():
    named = {f"sound {number}": SINE[: 2000 + 500 * number] for number in range(5)}
    sounds.plot_spectrograms(named, RATE, columns=3, title="Five")
    drawn = [axis for axis in plt.gcf().axes if axis.get_visible() and axis.images]
    assert len(drawn) == 5 and len({axis.images[0].get_clim() for axis in drawn}) == 1
    plt.gcf().canvas.draw()
    for call in (sounds.plot_spectrograms, sounds.plot_spectra):
        with pytest.raises(DataError, match="nothing to draw"):
            call({}, RATE)


def test_a_long_sound_gives_a_small_picture():
    sounds.plot_spectrogram(np.tile(SINE, 60), RATE)
    assert plt.gcf().axes[0].images[0].get_array().shape[1] <= 1501


def test_resampling_checks_its_arguments():
    assert sounds.resampled(SINE, RATE, RATE) is SINE
    assert len(sounds.resampled(SINE[:0], RATE, 16000)) == 0
    with pytest.raises(DataError, match="sample rate"):
        sounds.resampled(SINE, RATE, 0)
    edge = np.sign(SINE).astype(np.float32)
    assert np.abs(sounds.resampled(edge, RATE, 16000)).max() <= 1
