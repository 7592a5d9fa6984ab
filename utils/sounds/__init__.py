"""Sound as numbers: WAV files in and out, a player for the notebook, and pictures of sound.

    from utils import sounds

    sound = sounds.read_wav("my_recording.wav", sample_rate=8000)
    sound.samples                                   # float32 in [-1, 1], shape (samples,)
    sounds.play(sound.samples, sound.sample_rate, "my voice")
    sounds.plot_sound(sound.samples, sound.sample_rate, title="…")

Everywhere a sound is one row of numbers from -1 to 1, shape (samples,), and a sample rate in Hz.

Lecture items L5.7 to L5.22.
"""

import base64
import difflib
import functools
import html
import math
import numbers
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.common.arguments import as_array
from utils.common.errors import DataError
from utils.common.files import format_bytes, write_atomically

SAMPLE_RATES = (1_000, 384_000)  # the lowest and the highest that a file may announce, in Hz
LARGEST_FILE = 200_000_000  # bytes
QUIET = 0.01  # a recording whose loudest sample is below this gets a remark
CANCELLED = 0.1  # so much is left, at most, of channels that take each other away
CLIPPED_RUN = 3  # so many samples in a row at the limit are no peak of a wave, but a cut

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_COMPRESSED = {
    2: "Microsoft ADPCM",
    6: "A-law",
    7: "μ-law",
    17: "IMA ADPCM",
    49: "GSM 6.10",
    80: "MPEG",
    85: "MP3",
    255: "AAC",
}
# The first bytes of what people rename to .wav, or what a browser or a phone records.
_OTHER_FORMATS = (
    (0, b"ID3", "an MP3 file"),
    (0, b"\xff\xfb", "an MP3 file"),
    (0, b"\xff\xf3", "an MP3 file"),
    (0, b"\xff\xf2", "an MP3 file"),
    (0, b"OggS", "an Ogg file"),
    (0, b"fLaC", "a FLAC file"),
    (0, b"FORM", "an AIFF file"),
    (0, b".snd", "an AU file"),
    (0, b"RIFX", "a WAV file with big-endian numbers"),
    (0, b"RF64", "a WAV file for more than 4 GB (RF64)"),
    (0, b"\x1aE\xdf\xa3", "a WebM or Matroska file, which browsers record"),
    (4, b"ftyp", "an MP4 or M4A file, which phones record"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"<", "a web page or another text"),
)
_UNKNOWN_LENGTHS = (0x7FFFF000, 0xFFFFFFFF)  # from here on: written to a pipe, length not known
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")  # the end of every format's GUID
# What may come before and after the samples (RFC 2361, EBU Tech 3285 and common recorders).
_CHUNKS = frozenset(
    [b"fmt ", b"data", b"fact", b"LIST", b"JUNK", b"junk", b"FLLR", b"PAD ", b"PEAK", b"bext"]
    + [b"iXML", b"cart", b"cue ", b"smpl", b"inst", b"acid", b"id3 ", b"ID3 ", b"afsp"]
)


@dataclass(frozen=True, eq=False, repr=False)
class Sound:
    """A sound with one channel.

    Attributes:
        samples: float32 in [-1, 1], shape (samples,).
        sample_rate: samples a second, in Hz.
        remarks: what was converted on reading, and what may be wrong with the recording.
    """

    samples: np.ndarray
    sample_rate: int
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Sound({len(self.samples):,} samples at {self.sample_rate:,} Hz: "
            f"{self.duration:.2f} s, loudest {np.abs(self.samples).max(initial=0):.3f})"
        )

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


# --- Reading ---------------------------------------------------------------------------------


def read_wav(source, *, sample_rate: int | None = None, resample: bool = True) -> Sound:
    """Read a WAV file: PCM of 8 to 32 bits, floats of 32 or 64, any number of channels.

    Several channels become one, their mean. Another sample rate than the one asked for is
    converted (`scipy.signal.resample_poly`, which filters out what the new rate cannot hold).
    A line is printed for each of these, and also for a recording that is clipped or very quiet,
    or whose header does not fit what follows.

    Args:
        source: a path, or the file's bytes (as Colab's `files.upload()` gives them).
        sample_rate: the rate that is wanted, in Hz; by default the file's own.
        resample: False makes another rate in the file an error.

    Raises:
        DataError: the file is missing, empty, cut short, silent, compressed or no WAV file.
    """
    if sample_rate is not None:
        sample_rate = _checked_rate(sample_rate)
    content, label = _content(source)
    channels, rate, _, remarks = _parsed(content, label)
    if not len(channels):
        raise DataError(f"{label} holds no samples: it has a header and nothing after it.")
    if np.all(channels == channels[0]):
        raise DataError(
            f"{label} is silent: all its {len(channels):,} samples are the same. "
            "Check the microphone and record again."
        )
    remarks += _remarks_on_clipping(channels)
    samples = np.clip(channels, -1, 1).mean(axis=1, dtype=np.float32)
    if channels.shape[1] > 1:
        remarks.append(f"{channels.shape[1]} channels, of which the mean was taken")
        if np.all(samples == samples[0]):
            raise DataError(f"{label}: its channels cancel out. Save one of them as mono.")
        if samples.std() < CANCELLED * np.sqrt(channels.var(axis=0).mean()):
            remarks.append("its channels nearly cancel out; save one of them as mono")
    if sample_rate is not None and rate != sample_rate:
        if not resample:
            raise DataError(
                f"{label} has {rate:,} Hz, expected {sample_rate:,} Hz. "
                "Convert it, or let read_wav do it with resample=True."
            )
        samples = resampled(samples, rate, sample_rate)
        remarks.append(f"converted from {rate:,} Hz to {sample_rate:,} Hz")
        rate = sample_rate
    remarks += _remarks_on_quiet(samples, channels)
    for remark in remarks:
        print(f"{label}: {remark}.")
    return Sound(samples, rate, tuple(remarks))


def _content(source) -> tuple[bytes, str]:
    """Return the bytes of a source and what messages call it."""
    if hasattr(source, "read"):
        try:
            source = source.read()
        except UnicodeDecodeError as problem:
            raise DataError("Open the recording as bytes: open(path, 'rb').") from problem
    if isinstance(source, (bytes, bytearray, memoryview)):
        content, label = bytes(source), "The recording"
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        label = str(path)
        try:
            if path.is_file() and path.stat().st_size > LARGEST_FILE:
                size = format_bytes(path.stat().st_size)
                raise DataError(f"{label} has {size}. Cut out the part that you want.")
            content = path.read_bytes()
        except FileNotFoundError:
            raise DataError(f"There is no file {label}.{_neighbours(path)}") from None
        except OSError as problem:
            reason = "it is a folder" if path.is_dir() else problem.strerror or problem
            raise DataError(f"{label} cannot be read: {reason}.") from problem
    else:
        raise DataError(
            f"read_wav takes a path or the bytes of a file, but got {type(source).__name__}."
        )
    if not content:
        raise DataError(f"{label} is empty (0 bytes). Record or upload it again.")
    return content, label


def _neighbours(path: Path) -> str:
    """Return what the path may have meant, or the WAV files that its folder has."""
    try:
        names = sorted(each.name for each in path.parent.iterdir() if each.is_file())
    except OSError:
        return f" The folder {path.parent} does not exist either."
    close = difflib.get_close_matches(path.name, names, n=2)
    if close:
        return f" Did you mean {' or '.join(map(repr, close))}?"
    recordings = [name for name in names if name.lower().endswith(".wav")][:5]
    has = ", ".join(recordings) if recordings else "no WAV files"
    return f" The folder {path.parent.resolve()} has {has}."


def parse_wav(content: bytes, label: str) -> tuple[np.ndarray, int, int]:
    """Return the channels, the sample rate and the bits a sample of a WAV file, unconverted.

    Args:
        content: the file's bytes.
        label: what messages call it.

    Returns:
        Channels of shape (samples, channels), float32 (integers divided by their largest
        magnitude, so in [-1, 1]); the rate in Hz; the bits.

    Raises:
        DataError: it is cut short, compressed or no WAV file.
    """
    return _parsed(content, label)[:3]


def _parsed(content: bytes, label: str) -> tuple[np.ndarray, int, int, list[str]]:
    """Return what `parse_wav` does, and remarks on what the header says that is not so."""
    if content[:4] == b"RIFF" and len(content) < 12:
        raise _ends_early(content, label)
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise DataError(f"{label} is not a WAV file: {_what_it_is(content)}. {_convert()}")
    form, data, endless, remarks = _form_and_data(content, label)
    code, channels, rate, bits, width = _format(form, label)
    frame = channels * width
    extra = len(data) % frame
    if extra and not endless:
        raise DataError(
            f"{label} is cut short or damaged: it has {len(data)} bytes of samples, and one "
            f"sample of {channels} channels takes {frame}. Save or upload it again."
        )
    if extra:
        data = data[:-extra]
        remarks.append("its last sample is incomplete and was left out")
    values = _as_floats(data, code, bits, width, label)
    return values.reshape(-1, channels), rate, bits, remarks


def _form_and_data(content: bytes, label: str) -> tuple[bytes, memoryview, bool, list[str]]:
    """Return the description of the format, and all samples as bytes.

    Then whether the header told no length, so that the samples go on to the end of the file,
    and remarks.
    """
    form, parts, endless, remarks = None, [], False, []
    position = 12
    while position + 8 <= len(content) and (not parts or _chunk_at(content, position)):
        kind, size = struct.unpack_from("<4sI", content, position)
        start = position + 8
        if kind == b"data":
            rest = len(content) - start
            if size == 0 and rest and not _chunk_at(content, start):
                size, endless = rest, True
                remarks.append("the recorder did not finish the file; all that is in it was read")
            elif size >= _UNKNOWN_LENGTHS[0]:
                size, endless = rest, True
            parts.append(memoryview(content)[start : start + size])
            _check_length(len(parts[-1]), size, label)
        elif kind == b"fmt ":
            if form is not None and form != content[start : start + size]:
                raise DataError(f"{label} is damaged: it describes its format twice, differently.")
            form = content[start : start + size]
            _check_length(len(form), size, label)
        position = start + size
        # Chunks begin at even positions, but not every program keeps to that.
        if size % 2 and _chunk_at(content, position) <= _chunk_at(content, position + 1):
            position += 1
    if form is None and parts:
        raise DataError(f"{label} is damaged: the description of its format is missing.")
    if not parts:
        raise _ends_early(content, label)
    if len(parts) > 1:
        remarks.append(f"its samples are in {len(parts)} pieces, which were joined")
    if content[position:].strip(b"\0"):
        remarks.append(
            f"{len(content) - position:,} bytes at its end are no part of it and were left out"
        )
    return form, memoryview(b"".join(parts)) if len(parts) > 1 else parts[0], endless, remarks


def _chunk_at(content: bytes, position: int) -> int:
    """Return 2 if a chunk of a kind that is known begins here, 1 if it may be another, or 0."""
    kind = content[position : position + 4]
    if kind in _CHUNKS:
        return 2
    if len(content) < position + 8 or kind == b"RIFF" or not all(32 <= c < 127 for c in kind):
        return 0
    return int(struct.unpack_from("<I", content, position + 4)[0] <= len(content) - position - 8)


def _ends_early(content: bytes, label: str) -> DataError:
    return DataError(
        f"{label} is cut short or damaged: it ends after {len(content)} bytes, before its "
        "samples begin. Save or upload it again."
    )


def _check_length(found: int, announced: int, label: str) -> None:
    if found < announced:
        raise DataError(
            f"{label} is cut short: its header announces {announced} bytes, but only {found} "
            "follow. Save or upload it again."
        )


def _format(form: bytes, label: str) -> tuple[int, int, int, int, int]:
    """Return code, channels, rate, bits and bytes a sample of a format that can be read."""
    if len(form) < 16:
        raise DataError(f"{label} is damaged: the description of its format is too short.")
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", form)
    if code == _EXTENSIBLE and len(form) >= 40 and form[26:40] == _SUBFORMAT:
        code = struct.unpack_from("<H", form, 24)[0]
    expected = "expected integers of 8 to 32 bits in up to 4 bytes, or floats of 32 or 64 bits"
    if code not in (_PCM, _FLOAT):
        compressed = _COMPRESSED.get(code, f"format {code}")
        raise DataError(f"{label} has compressed samples ({compressed}); {expected}. {_convert()}")
    if not channels:
        raise DataError(f"{label} is damaged: it announces 0 channels.")
    least = -(-bits // 8)
    width = block / channels if block else least
    if code == _PCM:  # 24 bits may lie in 4 bytes
        right = width == least == 1 if bits <= 8 else width in range(least, 5)
        right = right and bits >= 8
    else:
        right = width == least and bits in (32, 64)
    if not right:
        what = f"{bits}-bit {'integers' if code == _PCM else 'floats'}"
        if width != least:
            what += f", {block} bytes for one sample of {channels} channels"
        raise DataError(f"{label} has {what}; {expected}. {_convert()}")
    lowest, highest = SAMPLE_RATES
    if not lowest <= rate <= highest:
        raise DataError(
            f"{label} announces {rate:,} samples a second; expected {lowest:,} to {highest:,} Hz. "
            "Its header may be damaged; save it again."
        )
    return code, channels, rate, bits, int(width)


def _as_floats(data: memoryview, code: int, bits: int, width: int, label: str) -> np.ndarray:
    if code == _FLOAT:
        values = np.frombuffer(data, f"<f{width}")
        if not np.isfinite(values).all():
            count = np.count_nonzero(~np.isfinite(values))
            raise DataError(f"{label} is damaged: {count:,} of its samples are no numbers.")
        largest = float(np.abs(values).max(initial=0))
        if largest > 100:
            raise DataError(
                f"{label} has floats up to {largest:,.6g}, expected -1 to 1. "
                "Divide them (for 16-bit values by 32768) before you save them."
            )
        return values.astype(np.float32)
    if width == 1:  # the only unsigned one: 128 is silence
        return (np.frombuffer(data, "u1").astype(np.float32) - 128) / 128
    if width == 3:
        wide = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
        values = wide.view("<i4")[:, 0] >> 8
    else:
        values = np.frombuffer(data, f"<i{width}")
    limit, unused = 2 ** (8 * width - 1), 8 * width - bits
    # Samples fill the upper bits of their bytes, and below them are zeros. Some programs have it
    # the other way round.
    if unused and (values & (2**unused - 1)).any():
        narrow = 2 ** (bits - 1)
        if -narrow <= values.min() and values.max() < narrow:
            limit = narrow
        elif unused >= 8:
            raise DataError(
                f"{label} is damaged: it announces {bits}-bit samples in {width} bytes each, but "
                "they have more bits than that. Save it again."
            )
    return (values / limit).astype(np.float32)


def _what_it_is(content: bytes) -> str:
    for position, beginning, what in _OTHER_FORMATS:
        if content[position : position + len(beginning)] == beginning:
            return f"it is {what}"
    if content[:4] == b"RIFF":
        return f"its RIFF header says {content[8:12].decode('ascii', 'replace')!r}, expected 'WAVE'"
    return f"it starts with {content[:4].hex(' ')}, expected 52 49 46 46 (RIFF)"


def _convert() -> str:
    return (
        "Save it as WAV, 16-bit PCM, for instance with Audacity, or with "
        "ffmpeg -i YOUR_FILE -ac 1 -c:a pcm_s16le recording.wav"
    )


def _remarks_on_clipping(channels: np.ndarray) -> list[str]:
    """Say whether a recording, (samples, channels), was too loud."""
    remarks = []
    size = np.abs(channels)
    beyond = np.count_nonzero(size > 1)
    # 8-bit samples end at 127/128, 16-bit samples at 32767/32768.
    highest = size.max()
    at_limit = (size >= highest) & (highest > 0.99)
    run = at_limit[CLIPPED_RUN - 1 :].copy()
    for shift in range(1, CLIPPED_RUN):
        run &= at_limit[CLIPPED_RUN - 1 - shift : len(at_limit) - shift]
    if beyond:
        remarks.append(f"{beyond:,} of its samples lie beyond -1 to 1 and were cut to that")
    elif run.any():
        remarks.append(
            f"probably clipped, {np.count_nonzero(at_limit):,} of its samples are at the limit of "
            "what the file can hold; record again with less gain"
        )
    return remarks


def _remarks_on_quiet(samples: np.ndarray, channels: np.ndarray) -> list[str]:
    """Say whether the samples are very quiet, and whether the file's channels are so already."""
    # A constant offset is not heard.
    loudest, before = (np.abs(x - x.mean(axis=0)).max() for x in (samples, channels))
    if loudest >= QUIET:
        return []
    if before < QUIET:
        return [
            f"very quiet, its loudest sample is {loudest:.4f} of what the file can hold; "
            "record again with more gain"
        ]
    return [f"very quiet now, its loudest sample is {loudest:.4f}; in the file it is {before:.4f}"]


def resampled(samples, sample_rate: int, new_rate: int) -> np.ndarray:
    """Return a sound at another sample rate, float32, filtered so that nothing folds back.

    Args:
        samples: (samples,) values in [-1, 1].
        sample_rate: theirs, in Hz.
        new_rate: the one that is wanted, in Hz.
    """
    from scipy.signal import resample_poly

    samples = _checked(samples)
    sample_rate, new_rate = _checked_rate(sample_rate), _checked_rate(new_rate)
    if sample_rate == new_rate or not len(samples):
        return samples
    divisor = math.gcd(sample_rate, new_rate)
    result = resample_poly(samples.astype(np.float64), new_rate // divisor, sample_rate // divisor)
    return np.clip(result, -1, 1).astype(np.float32)  # the filter overshoots a little at edges


def _checked(samples) -> np.ndarray:
    """Return samples as a float32 array of shape (samples,). Raises DataError if they are none."""
    try:
        samples = as_array("What was given as samples", samples)
    except (TypeError, ValueError) as problem:
        raise DataError(str(problem)) from problem
    if samples.ndim == 2 and 1 in samples.shape:
        samples = samples.ravel()
    if samples.ndim != 1:
        raise DataError(
            f"A sound has the shape (samples,), but this has {samples.shape}. "
            "Several channels? Take their mean. Several sounds? Take one of them."
        )
    if samples.dtype.kind != "f":
        raise DataError(
            f"A sound is floats from -1 to 1, but these are {samples.dtype}. 16-bit integers? "
            "Divide them by 32768. Classes of a network? Decode them first."
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf
        samples = samples.astype(np.float32, copy=False)
    if not np.isfinite(samples).all():
        count = np.count_nonzero(~np.isfinite(samples))
        raise DataError(f"{count:,} of the {samples.size:,} samples are not numbers (NaN or inf).")
    return samples


def _checked_rate(sample_rate) -> int:
    lowest, highest = SAMPLE_RATES
    if isinstance(sample_rate, np.ndarray) and sample_rate.ndim == 0:
        sample_rate = sample_rate[()]  # as np.load gives it
    is_number = isinstance(sample_rate, numbers.Real) and not isinstance(sample_rate, bool)
    if not is_number or not lowest <= sample_rate <= highest:
        raise DataError(
            f"A sample rate is {lowest:,} to {highest:,} Hz, but this is {sample_rate!r}."
        )
    if sample_rate != int(sample_rate):
        raise DataError(f"A sample rate is a whole number of Hz, but this is {sample_rate!r}.")
    return int(sample_rate)


# --- Writing and playing ---------------------------------------------------------------------


def wav_bytes(samples, sample_rate: int) -> bytes:
    """Return a sound as the bytes of a WAV file: 16-bit PCM, one channel.

    Values beyond -1 to 1 are cut to that, and a line says so. What was read from a 16-bit file
    comes out unchanged.

    Args:
        samples: (samples,) floats in [-1, 1].
        sample_rate: in Hz.

    Raises:
        DataError: they are no sound: NaN, integers, or several channels.
    """
    samples = _checked(samples)
    clipped = _count_beyond(samples)
    if clipped:
        print(
            f"{clipped:,} of {len(samples):,} samples lie beyond -1 to 1 and were cut to that "
            f"(the loudest is {np.abs(samples).max():.2f})."
        )
    return _wav_bytes(samples, sample_rate)


def _count_beyond(samples: np.ndarray) -> int:
    return int(np.count_nonzero(np.abs(samples) > 1))


def _wav_bytes(samples: np.ndarray, sample_rate: int) -> bytes:
    rate = _checked_rate(sample_rate)
    integers = np.rint(np.clip(samples, -1, 1).astype(np.float64) * 32768)
    data = np.clip(integers, -32768, 32767).astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, rate, 2 * rate, 2, 16)
    chunks = form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def write_wav(path, samples, sample_rate: int) -> Path:
    """Write a sound as a WAV file (see `wav_bytes`), whole or not at all; return its path.

    Raises:
        DataError: the samples are no sound, or the file cannot be written.
    """
    path = Path(path)
    content = wav_bytes(samples, sample_rate)
    try:
        write_atomically(path, content)
    except OSError as problem:
        reason = problem.strerror or problem
        raise DataError(f"{path} cannot be written: {reason}.") from problem
    return path


def play(samples, sample_rate: int, label: str | None = None):
    """Return a player for the notebook, with a caption.

    The loudness is left as it is, so that several sounds can be compared. (IPython's own player
    makes every sound equally loud.) Values beyond -1 to 1 are cut; the caption tells.

    Args:
        samples: (samples,) floats in [-1, 1].
        sample_rate: in Hz.
        label: what is heard.

    Returns:
        An `IPython.display.Audio`, which is shown as the last line of a cell; inside a loop or
        before other lines, `display(play(…))` shows it.
    """
    content, caption = _playable(samples, sample_rate, label)
    return _player_class()(content, caption)


def play_all(named: Mapping[str, np.ndarray], sample_rate: int):
    """Return several players side by side: caption -> samples, as in `play`."""
    if not named:
        raise DataError("There is nothing to play: give at least one caption and its samples.")
    playable = [_playable(samples, sample_rate, label) for label, samples in named.items()]
    boxes = "".join(_player_html(content, caption) for content, caption in playable)
    shown = f'<div style="display:flex;flex-wrap:wrap;gap:0.3em 1.2em">{boxes}</div>'
    return _players_class()(shown, [caption for _, caption in playable])


def _playable(samples, sample_rate: int, label: str | None) -> tuple[bytes, str]:
    """Return a WAV file's bytes and the caption."""
    samples = _checked(samples)
    if not len(samples):
        raise DataError("There is nothing to play: the sound has no samples.")
    parts = [str(label)] if label else []
    parts.append(f"{len(samples) / _checked_rate(sample_rate):.2f} s")
    clipped = _count_beyond(samples)
    if clipped:
        parts.append(f"{clipped:,} samples clipped")
    return _wav_bytes(samples, sample_rate), " · ".join(parts)


def _player_html(content: bytes, caption: str) -> str:
    encoded = base64.b64encode(content).decode("ascii")
    caption = html.escape(caption)
    return (
        '<figure style="margin:0.3em 0">'
        f'<figcaption style="font-size:0.9em">{caption}</figcaption>'
        f'<audio controls="controls" aria-label="{caption}" src="data:audio/wav;base64,{encoded}">'
        "</audio></figure>"
    )


@functools.cache
def _player_class():
    from IPython.display import Audio

    class Player(Audio):
        """IPython's player with a caption."""

        def __init__(self, content: bytes, caption: str):
            super().__init__(data=content)  # bytes are played as they are
            self.caption = caption

        def _repr_html_(self) -> str:
            return _player_html(self.data, self.caption)

        def __repr__(self) -> str:
            return f"Sound: {self.caption}"

    return Player


@functools.cache
def _players_class():
    from IPython.display import HTML

    class Players(HTML):
        """Several players; in words where only text can be shown."""

        def __init__(self, shown: str, captions: list[str]):
            super().__init__(shown)
            self.captions = captions

        def __repr__(self) -> str:
            return f"Sounds: {'; '.join(self.captions)}"

    return Players


# --- Spectra ---------------------------------------------------------------------------------


def spectrogram(
    samples, sample_rate: int, *, window: float = 0.032, step: float = 0.004, floor: float = -90.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how much of every frequency a sound has at every time.

    The sound is cut into overlapping windows, each is faded in and out (Hann's window) and
    transformed (FFT). A sine wave of full scale comes out at 0 dB.

    Args:
        samples: (samples,) floats.
        sample_rate: in Hz.
        window: length of a window in seconds. Long windows tell frequencies apart, short ones
            times.
        step: from one window to the next, in seconds.
        floor: what is quieter counts as so many decibels.

    Returns:
        Times in s (frames,), frequencies in Hz (bins,), and decibels (bins, frames).
    """
    samples, rate = _checked(samples), _checked_rate(sample_rate)
    if not len(samples):
        raise DataError("An empty sound has no spectrogram.")
    length = max(4, round(window * rate))
    hop = max(1, round(step * rate))
    # Half a window of silence before and after, so that the first frame is about time 0.
    padded = np.pad(samples.astype(np.float64), (length // 2, length - length // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][
        : -(-len(samples) // hop)
    ]
    shape = _hann(length)
    amplitudes = np.abs(np.fft.rfft(frames * shape, axis=1)) * 2 / shape.sum()
    decibels = 20 * np.log10(np.maximum(amplitudes.T, 10 ** (floor / 20)))
    times = np.arange(len(frames)) * hop / rate
    return times, np.fft.rfftfreq(length, 1 / rate), decibels


def spectrum(
    samples, sample_rate: int, *, window: float = 0.064, floor: float = -120.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of every frequency a sound has altogether (Welch's method).

    The power in overlapping windows is averaged. A sine wave of full scale comes out at 0 dB.

    Args:
        samples: (samples,) floats.
        sample_rate: in Hz.
        window: length of a window in seconds; the frequencies are 1 / window apart.
        floor: what is quieter counts as so many decibels.

    Returns:
        Frequencies in Hz (bins,) and decibels (bins,).
    """
    samples, rate = _checked(samples), _checked_rate(sample_rate)
    if not len(samples):
        raise DataError("An empty sound has no spectrum.")
    length = max(4, round(window * rate))
    padded = np.pad(samples.astype(np.float64), (0, max(0, length - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[:: max(1, length // 2)]
    shape = _hann(length)
    power = (np.abs(np.fft.rfft(frames * shape, axis=1)) * 2 / shape.sum()) ** 2
    decibels = 10 * np.log10(np.maximum(power.mean(axis=0), 10 ** (floor / 10)))
    return np.fft.rfftfreq(length, 1 / rate), decibels


def peak_frequency(samples, sample_rate: int, *, lowest: float = 20.0) -> float:
    """Return the frequency in Hz of which a sound has most, finer than one bin of its FFT.

    Args:
        samples: (samples,) floats; all of them are one window.
        sample_rate: in Hz.
        lowest: what is below is not looked at, such as a constant offset.
    """
    samples, rate = _checked(samples), _checked_rate(sample_rate)
    if len(samples) < 16 or np.all(samples == samples[0]):
        raise DataError("A silent sound, or one of less than 16 samples, has no peak frequency.")
    amplitudes = np.abs(np.fft.rfft((samples - samples.mean()) * _hann(len(samples))))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    peak = int(np.argmax(np.where(frequencies >= lowest, amplitudes, 0)))
    if not 0 < peak < len(amplitudes) - 1:
        return float(frequencies[peak])
    # The logarithm of Hann's peak is nearly a parabola: take its top.
    left, middle, right = np.log(np.maximum(amplitudes[peak - 1 : peak + 2], 1e-30))
    curvature = left - 2 * middle + right
    offset = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return float((peak + offset) * rate / len(samples))


def _hann(length: int) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


# --- Pictures --------------------------------------------------------------------------------
# `plotting` is imported where it is used, because the data layer reads WAV files without it.


def plot_waveform(
    samples, sample_rate: int, *, title=None, axis=None, color=None, label=None, start: float = 0.0
):
    """Draw a sound over time.

    Args:
        samples: (samples,) floats.
        sample_rate: in Hz.
        title: what the picture shows.
        axis: where to draw; default: a new figure.
        color: of the line.
        label: of the line, for a legend.
        start: the time of the first sample, in seconds.
    """
    from utils import plotting

    samples, rate = _checked(samples), _checked_rate(sample_rate)
    if axis is None:
        _, axis = plotting.plt.subplots(figsize=(7.0, 2.2))
    times = start + np.arange(len(samples)) / rate
    few = len(samples) <= 100
    width = 1.4 if len(samples) < 1000 else 0.6
    marker = {"marker": "o", "ms": 3.5} if few else {}
    axis.plot(times, samples, color=color or plotting.BLUE, lw=width, label=label, **marker)
    axis.set(xlabel="time (s)", ylabel="amplitude", title=title or "")
    axis.margins(x=0.01)


def plot_spectrogram(
    samples,
    sample_rate: int,
    *,
    title=None,
    axis=None,
    quietest: float = -80.0,
    loudest: float = 0.0,
    window: float = 0.032,
    highest_frequency: float | None = None,
    colorbar: bool = True,
):
    """Draw a sound over time and frequency, loudness as brightness.

    Args:
        samples: (samples,) floats.
        sample_rate: in Hz.
        title: what the picture shows.
        axis: where to draw; default: a new figure.
        quietest: what is drawn darkest, in decibels; a sine wave of full scale is at 0.
        loudest: what is drawn brightest, in decibels.
        window: in seconds, as in `spectrogram`.
        highest_frequency: the top of the picture in Hz; default: half the sample rate.
        colorbar: whether a scale of the decibels is drawn.
    """
    from utils import plotting

    samples = _checked(samples)
    step = max(0.004, len(samples) / _checked_rate(sample_rate) / 1500)
    times, frequencies, decibels = spectrogram(samples, sample_rate, window=window, step=step)
    if axis is None:
        _, axis = plotting.plt.subplots(figsize=(7.0, 2.8))
    half_step, half_bin = step / 2, frequencies[1] / 2
    image = axis.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        vmin=quietest,
        vmax=loudest,
        extent=(
            times[0] - half_step,
            times[-1] + half_step,
            frequencies[0] - half_bin,
            frequencies[-1] + half_bin,
        ),
    )
    axis.set(
        xlim=(0, len(samples) / sample_rate),
        ylim=(0, highest_frequency or sample_rate / 2),
        xlabel="time (s)",
        ylabel="frequency (Hz)",
        title=title or "",
    )
    axis.grid(False)
    if colorbar:
        axis.figure.colorbar(image, ax=axis, label="dB", pad=0.01)


def plot_sound(samples, sample_rate: int, *, title=None, **options):
    """Draw the waveform of a sound above its spectrogram; options as in `plot_spectrogram`."""
    from utils import plotting

    figure, axes = plotting.plt.subplots(
        2, 1, sharex=True, figsize=(7.0, 4.2), height_ratios=(2, 3)
    )
    plot_waveform(samples, sample_rate, axis=axes[0])
    axes[0].set_xlabel("")
    plot_spectrogram(samples, sample_rate, axis=axes[1], **options)
    if title:
        figure.suptitle(title)


def plot_spectrograms(
    named: Mapping[str, np.ndarray], sample_rate: int, *, columns: int = 4, title=None, **options
):
    """Draw the spectrograms of several sounds on one scale: caption -> samples.

    Args:
        named: caption -> (samples,) floats.
        sample_rate: in Hz.
        columns: pictures in a row.
        title: what the pictures show.
        options: as in `plot_spectrogram`.
    """
    from utils import plotting

    if not named:
        raise DataError("There is nothing to draw: give at least one caption and its samples.")
    columns = max(1, min(columns, len(named)))
    rows = math.ceil(len(named) / columns)
    figure, axes = plotting.plt.subplots(
        rows,
        columns,
        squeeze=False,
        sharey=True,
        figsize=(max(2.4 * columns, 4.0), 2.1 * rows + 0.5),
    )
    for axis in axes.flat[len(named) :]:
        axis.set_visible(False)
    for axis, (caption, samples) in zip(axes.flat, named.items(), strict=False):
        plot_spectrogram(samples, sample_rate, axis=axis, colorbar=False, **options)
        axis.set_title(caption, fontsize=9)
    for axis in axes.flat:
        axis.label_outer()
    for axis in axes.flat[: len(named)]:
        axis.set_xlabel("time (s)" if axis in axes.flat[max(0, len(named) - columns) :] else "")
        axis.tick_params(labelbottom=True)
    drawn = axes.flat[0].images[0]
    figure.colorbar(drawn, ax=axes, label="dB", pad=0.01)
    if title:
        figure.suptitle(title)


def plot_spectra(named: Mapping[str, np.ndarray], sample_rate: int, *, title=None, axis=None):
    """Draw the spectra of several sounds into one picture (see `spectrum`).

    Args:
        named: name in the legend -> (samples,) floats.
        sample_rate: in Hz.
        title: what the picture shows.
        axis: where to draw; default: a new figure.
    """
    from utils import plotting

    if not named:
        raise DataError("There is nothing to draw: give at least one name and its samples.")
    if axis is None:
        _, axis = plotting.plt.subplots(figsize=(7.0, 3.2))
    for number, (name, samples) in enumerate(named.items()):
        color = plotting.COLORS[number % len(plotting.COLORS)]
        axis.plot(*spectrum(samples, sample_rate), color=color, lw=1.4, label=name)
    axis.set(xlabel="frequency (Hz)", ylabel="loudness (dB)", title=title or "")
    axis.margins(x=0)
    axis.legend()
