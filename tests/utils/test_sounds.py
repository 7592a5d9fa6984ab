"""`utils.sounds`: WAV files that students meet, the player, spectra and pictures."""

import base64
import re
import struct

import matplotlib.pyplot as plt
import numpy as np
import pytest

from utils import sounds
from utils.common.errors import DataError

RATE = 8000
TIME = np.arange(RATE) / RATE
SINE = 0.5 * np.sin(2 * np.pi * 440 * TIME).astype(np.float32)
LOUD = np.clip(3 * SINE, -1, 1)


def chunk(kind, content):
    return struct.pack("<4sI", kind, len(content)) + content + bytes(len(content) % 2)


def wav_file(data, *, code=1, channels=1, rate=RATE, bits=16, before=b"", extra=b"", length=None):
    """A WAV file, written independently of the code under test."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", code, channels, rate, rate * frame, frame, bits) + extra
    content = b"WAVE" + chunk(b"fmt ", form) + before
    content += struct.pack("<4sI", b"data", len(data) if length is None else length) + data
    return b"RIFF" + struct.pack("<I", len(content)) + content


def pcm(samples, bits=16):
    """Little-endian integers of samples in [-1, 1)."""
    integers = np.rint(np.asarray(samples, float) * (2 ** (bits - 1) - 1)).astype(int)
    if bits == 8:
        return (integers + 128).astype(np.uint8).tobytes()
    return b"".join(int(i).to_bytes(bits // 8, "little", signed=True) for i in integers)


def stereo(left, right):
    return wav_file(pcm(np.stack([left, right], axis=1).ravel()), channels=2)


def extensible(code, valid_bits):
    """The end of the description of an extensible format."""
    guid = struct.pack("<H", code) + bytes.fromhex("00000000100080 0000aa00389b71")
    return struct.pack("<HHI", 22, valid_bits, 0) + guid


PIECES, FLOATS = pcm(SINE), SINE.astype("<f4").tobytes()
LIST = chunk(b"LIST", b"INFOISFT\x05\0\0\0abcde")
READABLE = {
    "8 bits": wav_file(pcm(SINE, 8), bits=8),
    "16 bits": wav_file(PIECES),
    "24 bits": wav_file(pcm(SINE, 24), bits=24),
    "32 bits": wav_file(pcm(SINE, 32), bits=32),
    "floats": wav_file(FLOATS, code=3, bits=32),
    "64-bit floats": wav_file(SINE.astype("<f8").tobytes(), code=3, bits=64),
    "extensible, 24 bits": wav_file(pcm(SINE, 24), code=0xFFFE, bits=24, extra=extensible(1, 24)),
    "extensible, floats": wav_file(FLOATS, code=0xFFFE, bits=32, extra=extensible(3, 32)),
    "other chunks": wav_file(PIECES, before=LIST + chunk(b"bext", b"x")) + chunk(b"id3 ", b"tag"),
    "bytes at the end": wav_file(PIECES) + b"TAGtitle",
    "piped by ffmpeg": wav_file(PIECES, length=0xFFFFFFFF),
    "piped, ends in half a sample": wav_file(PIECES + b"\1", length=0xFFFFFFFF),
    "a peak at the limit": wav_file(pcm(2 * SINE)),
}


@pytest.mark.parametrize("name", READABLE)
def test_what_programs_write_is_read(name, capsys, tmp_path):
    sound = sounds.read_wav(READABLE[name])
    assert sound.samples.dtype == np.float32 and sound.samples.shape == SINE.shape
    assert sound.sample_rate == RATE and sound.remarks == ()
    expected = 2 * SINE if name == "a peak at the limit" else SINE
    np.testing.assert_allclose(sound.samples, expected, atol=0.015 if name == "8 bits" else 1e-4)
    assert capsys.readouterr().out == ""
    (tmp_path / "a.wav").write_bytes(READABLE[name])
    np.testing.assert_array_equal(sounds.read_wav(tmp_path / "a.wav").samples, sound.samples)


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_integers_are_divided_by_their_largest_magnitude(bits):
    steps = [-(2 ** (bits - 1)), 0, 1, 2 ** (bits - 2)]
    data = b"".join(value.to_bytes(bits // 8, "little", signed=True) for value in steps)
    expected = np.float32([-1, 0, 2.0 ** (1 - bits), 0.5])
    samples = sounds.read_wav(wav_file(data, bits=bits)).samples
    np.testing.assert_array_equal(samples, expected, strict=True)


@pytest.mark.parametrize(
    ("content", "remark", "expected"),
    [
        (stereo(SINE, 0 * SINE), "2 channels", SINE / 2),
        (wav_file(pcm(LOUD)), "probably clipped", LOUD),
        (wav_file((3 * SINE).tobytes(), code=3, bits=32), "were clipped", LOUD),
        (wav_file(pcm(SINE / 100 + 0.3)), "very quiet, its loudest sample is 0.0050", None),
        (wav_file(PIECES, length=0), "did not finish", SINE),
        (wav_file(PIECES + b"\1", length=0), "did not finish", SINE),
        (wav_file(pcm(SINE[::2]), rate=4000), "from 4,000 Hz to 8,000 Hz", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_conversion_is_announced(content, remark, expected, capsys):
    sound = sounds.read_wav(content, sample_rate=RATE)
    assert len(sound.remarks) == 1 and remark in sound.remarks[0]
    assert capsys.readouterr().out == f"The recording: {sound.remarks[0]}.\n"
    if expected is not None:
        np.testing.assert_allclose(sound.samples, expected, atol=1e-4)


@pytest.mark.parametrize("rate", [44100, 11025])
def test_another_rate_is_converted_or_refused(rate):
    time = np.arange(rate) / rate
    overtone = (rate == 44100) * 0.3 * np.sin(2 * np.pi * 5000 * time)  # would fold to 3000 Hz
    content = wav_file(pcm(0.5 * np.sin(2 * np.pi * 440 * time) + overtone), rate=rate)
    sound = sounds.read_wav(content, sample_rate=RATE)
    assert sound.sample_rate == RATE and sound.samples.shape == (RATE,)
    middle = slice(200, -200)
    np.testing.assert_allclose(sound.samples[middle], SINE[middle], atol=5e-3)
    with pytest.raises(DataError, match=f"{rate:,} Hz, expected 8,000 Hz"):
        sounds.read_wav(content, sample_rate=RATE, resample=False)
    assert sounds.read_wav(content).sample_rate == rate
    square = np.sign(SINE).astype(np.float32)
    assert np.abs(sounds.resampled(square, RATE, rate)).max() <= 1  # no overshoot


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello, world", "not a WAV file.*68 65 6c 6c.*ffmpeg"),
        (b"ID3\x04" + bytes(99), "not a WAV file.*MP3"),
        (wav_file(b""), "no samples"),
        (wav_file(PIECES)[:-1000], "cut short.*16,000 bytes.*15,000 follow"),
        (wav_file(PIECES + b"\0"), "damaged"),
        (wav_file(bytes(2000)), "silent.*1,000.*microphone"),
        (stereo(SINE, -SINE), "silent.*channels cancel out"),
        (wav_file(bytes(2000), code=2, bits=4), "ADPCM.*ffmpeg"),
        (wav_file(bytes(2000), code=3, bits=16), "16-bit floating-point.*ffmpeg"),
        (wav_file(np.float32([0, np.nan]).tobytes(), code=3, bits=32), "damaged.*NaN"),
        (wav_file(np.float32([0, 20000]).tobytes(), code=3, bits=32), "20,000.*32768"),
    ],
)
def test_bad_files_are_named_with_what_to_do(tmp_path, content, message):
    path = tmp_path / "mine.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}.*{message}"):
        sounds.read_wav(path)
    with pytest.raises(DataError, match=f"^The recording.*{message}"):
        sounds.read_wav(content)


def test_cuts_and_random_damage_give_no_other_error():
    content = wav_file(pcm(SINE[:20]), before=chunk(b"LIST", b"abc"))
    for length in range(len(content)):
        with pytest.raises(DataError, match="The recording"):
            sounds.read_wav(content[:length])
    random = np.random.default_rng(0)
    content = np.frombuffer(wav_file(pcm(SINE[:40])), np.uint8)
    for _ in range(500):
        damaged = content.copy()
        damaged[random.integers(0, 44, 3)] = random.integers(0, 256, 3)
        try:
            sound = sounds.read_wav(damaged.tobytes())
        except DataError:
            continue
        assert np.isfinite(sound.samples).all() and np.abs(sound.samples).max() <= 1


def test_a_missing_file_names_the_others(tmp_path):
    (tmp_path / "seven.WAV").write_bytes(wav_file(PIECES))
    with pytest.raises(DataError, match=r"no file .*sevn\.wav.*: seven\.WAV"):
        sounds.read_wav(tmp_path / "sevn.wav")
    with pytest.raises(DataError, match="cannot be read"):
        sounds.read_wav(tmp_path)


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([0.0, np.nan], ValueError, "1 of the 2"),
        (np.zeros((2, 3)), ValueError, r"\(2, 3\)"),
        (np.zeros(5, np.int16), ValueError, "int16.*32768"),
        (np.zeros(0), ValueError, "empty"),
        (None, TypeError, "is None"),
    ],
    ids=str,
)
def test_what_is_not_a_sound_is_refused(samples, error, message):
    for function in (
        sounds.play,
        sounds.spectrogram,
        sounds.peak_frequency,
        sounds.plot_waveform,
        sounds.plot_spectrogram,
    ):
        with pytest.raises(error, match=message):
            function(samples, RATE)


def test_wrong_rates_and_sources_are_refused():
    for function in (sounds.play_all, sounds.plot_spectrograms):
        with pytest.raises(ValueError, match="at least one"):
            function({}, RATE)
    with pytest.raises(ValueError, match="sample rate"):
        sounds.spectrogram(SINE, 0)
    with pytest.raises(TypeError, match="sample rate"):
        sounds.read_wav(wav_file(PIECES), sample_rate=8000.5)
    with pytest.raises(TypeError, match="ndarray"):
        sounds.read_wav(SINE)


def test_players_leave_the_level_alone_and_have_captions():
    players = sounds.play_all({"quiet": SINE / 10, "a <b> & c": SINE, "loud": 4 * SINE}, RATE)
    shown = players._repr_html_()
    contents = re.findall('src="data:audio/wav;base64,([^"]*)"', shown)
    played = [sounds.read_wav(base64.b64decode(content)) for content in contents]
    assert {sound.sample_rate for sound in played} == {RATE}
    loudest = [sound.samples.max() for sound in played]
    assert loudest == pytest.approx([0.05, 0.5, 1], abs=1e-3)
    assert shown.count('aria-label="a &lt;b&gt; &amp; c · 1.00 s"') == 1
    assert re.search(r"quiet · 1.00 s; .* loud · 1.00 s · [\d,]+ samples clipped", repr(players))


def test_spectrogram_of_a_sine_that_rises():
    samples = np.concatenate([np.sin(2 * np.pi * f * TIME[:4000]) for f in (500, 1500)])
    times, frequencies, decibels = sounds.spectrogram(samples, RATE)
    assert decibels.shape == (len(frequencies), len(times)) and frequencies[-1] == RATE / 2
    assert times[0] == 0 and times[-1] == pytest.approx(1, abs=0.005)
    peaks = frequencies[decibels.argmax(axis=0)]
    np.testing.assert_allclose(peaks[(times > 0.05) & (times < 0.45)], 500, atol=32)
    np.testing.assert_allclose(peaks[(times > 0.55) & (times < 0.95)], 1500, atol=32)
    assert decibels.max() == pytest.approx(0, abs=0.2) and decibels.min() >= -90
    assert sounds.spectrogram(samples / 10, RATE)[2].max() == pytest.approx(-20, abs=0.2)
    assert np.isfinite(sounds.spectrogram(SINE[:3], RATE)[2]).all()  # shorter than a window


@pytest.mark.parametrize("frequency", [100, 333.3, 3500])
def test_peak_frequency_is_finer_than_a_bin(frequency):
    samples = 0.3 + 0.1 * np.sin(2 * np.pi * frequency * TIME[:3000])  # bins of 2.7 Hz
    assert sounds.peak_frequency(samples, RATE) == pytest.approx(frequency, abs=0.1)
    with pytest.raises(ValueError, match="silent"):
        sounds.peak_frequency(np.full(1000, 0.3), RATE)


def test_pictures_have_axes_with_units():
    sounds.plot_waveform(SINE[:50], RATE, title="A sine", start=1.0)
    axis = plt.gca()
    assert axis.get_xlabel() == "time (s)" and axis.lines[0].get_xdata()[0] == 1
    sounds.plot_sound(SINE, RATE, title="Both")
    waveform, picture, colorbar = plt.gcf().axes
    assert waveform.get_ylabel() == "amplitude" and picture.get_ylabel() == "frequency (Hz)"
    assert picture.get_xlim() == (0, 1) and picture.get_ylim() == (0, 4000)
    assert colorbar.get_ylabel() == "level (dB)" and plt.gcf().get_suptitle() == "Both"
    sounds.plot_spectrogram(np.tile(SINE, 60), RATE)  # a long sound gives a small picture
    assert plt.gcf().axes[0].images[0].get_array().shape[1] <= 1501


def test_many_spectrograms_share_one_scale():
    named = {f"sound {number}": SINE[: 2000 + 500 * number] for number in range(5)}
    sounds.plot_spectrograms(named, RATE, columns=3, title="Five")
    drawn = [axis for axis in plt.gcf().axes if axis.get_visible() and axis.images]
    assert len(drawn) == 5 and len({axis.images[0].get_clim() for axis in drawn}) == 1
    plt.gcf().canvas.draw()
