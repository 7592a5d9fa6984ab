"""Recordings from WAV files, converted to one channel and the desired sample rate.

SciPy decodes the samples. Before that, the length in the header is compared with what follows,
because SciPy returns part of a file that is cut short, and cannot read one that was streamed or
that the recorder did not finish.
"""

import io
import os
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from utils.common.arguments import as_integer
from utils.common.errors import DataError
from utils.sounds.arguments import as_sample_rate
from utils.sounds.spectra import resampled

QUIET = 0.01  # a recording whose loudest sample is below this gets a remark
LARGEST_FLOAT = 100  # beyond this, floats are integers that were not divided
UNKNOWN_LENGTH = 0x7FFFF000  # from here on, a program that wrote to a pipe knew no length
CONVERT = (
    "Save it as WAV, 16-bit PCM, for instance with Audacity, or with "
    "ffmpeg -i YOUR_FILE -ac 1 -c:a pcm_s16le recording.wav"
)


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound with one channel."""

    samples: np.ndarray  # float32 in [-1, 1], shape (samples,)
    sample_rate: int  # in Hz
    remarks: tuple[str, ...]  # what was converted, and what may be wrong with the recording


def read_wav(
    source: str | os.PathLike | bytes | bytearray | memoryview,
    *,
    sample_rate: int | None = None,
    resample: bool = True,
) -> Sound:
    """Read a WAV file: PCM of 8 to 32 bits, floats of 32 or 64, any number of channels.

    Several channels are averaged into one. A rate other than the one asked for is converted
    (see `resampled`). A line is printed for each conversion, and also for a recording that is
    clipped or very quiet, or that the recorder did not finish.

    Args:
        source: A path, or the bytes of the file (as Colab's `files.upload()` gives them).
        sample_rate: The desired rate, in Hz; by default the file's own.
        resample: If False, a different rate in the file is an error.

    Raises:
        DataError: The file is missing, empty, cut short, silent, compressed or not a WAV file.
        ValueError: The desired sample rate is too low.
    """
    if sample_rate is not None:
        sample_rate = as_sample_rate(sample_rate)
    content, label = _content(source)
    channels, rate, remarks = _decoded(content, label)
    remarks += _remarks_on_clipping(channels)
    samples = np.clip(channels, -1, 1).mean(axis=1, dtype=np.float32)
    if channels.shape[1] > 1:
        remarks.append(f"{channels.shape[1]} channels, of which the mean was taken")
    if np.ptp(samples) == 0:
        raise DataError(
            f"{label} is silent: all its {len(samples):,} samples are the same"
            + (", because its channels cancel out. " if np.ptp(channels, axis=0).any() else ". ")
            + "Check the microphone and record again, with one channel."
        )
    if sample_rate is not None and rate != sample_rate:
        if not resample:
            raise DataError(
                f"{label} has {rate:,} Hz, expected {sample_rate:,} Hz. "
                "Convert it, or let read_wav do it with resample=True."
            )
        samples = resampled(samples, rate, sample_rate)
        remarks.append(f"converted from {rate:,} Hz to {sample_rate:,} Hz")
        rate = sample_rate
    loudest = np.abs(samples - samples.mean()).max()  # a constant offset is not heard
    if loudest < QUIET:
        remarks.append(
            f"very quiet, its loudest sample is {loudest:.4f} of what a file can hold; "
            "record again with more gain"
        )
    for remark in remarks:
        print(f"{label}: {remark}.")
    return Sound(samples, rate, tuple(remarks))


def _content(source) -> tuple[bytes, str]:
    """Return the bytes of a source and what messages call it."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        content, label = bytes(source), "The recording"
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        label = str(path)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            others = sorted(other.name for other in path.parent.glob("*.[wW][aA][vV]"))[:5]
            raise DataError(
                f"There is no file {label}. The WAV files in {path.parent.resolve()}: "
                f"{', '.join(others) or 'none'}."
            ) from None
        except OSError as problem:
            raise DataError(f"{label} cannot be read: {problem.strerror or problem}.") from problem
    else:
        raise TypeError(
            f"read_wav takes a path or the bytes of a file, but got {type(source).__name__}."
        )
    if not content:
        raise DataError(f"{label} is empty (0 bytes). Record or upload it again.")
    return content, label


def _decoded(content: bytes, label: str) -> tuple[np.ndarray, int, list[str]]:
    """Return float32 channels (samples, channels), the sample rate in Hz, and remarks."""
    content, remarks = _with_true_lengths(content, label)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that it skips
            rate, values = wavfile.read(io.BytesIO(content))
        as_integer("its sample rate", rate, minimum=1000)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError, struct.error) as problem:
        raise DataError(f"{label} is damaged or unusual: {problem}. {CONVERT}") from problem
    if not values.size:
        raise DataError(f"{label} holds no samples: it has a header and nothing after it.")
    channels = values.reshape(len(values), -1)
    if values.dtype == np.uint8:  # the only unsigned format: 128 is silence
        return (channels.astype(np.float32) - 128) / 128, rate, remarks
    if values.dtype.kind == "i":
        return (channels / -float(np.iinfo(values.dtype).min)).astype(np.float32), rate, remarks
    if not np.isfinite(values).all():
        raise DataError(f"{label} is damaged: some of its samples are NaN or infinite.")
    largest = float(np.abs(values).max())
    if largest > LARGEST_FLOAT:
        raise DataError(
            f"{label} has floats up to {largest:,.6g}, expected -1 to 1. "
            "Divide them (for 16-bit values by 32768) before you save them."
        )
    return channels.astype(np.float32), rate, remarks


def _with_true_lengths(content: bytes, label: str) -> tuple[bytes, list[str]]:
    """Return the file up to the end of its samples, with their true length in the header."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise DataError(
            f"{label} is not a WAV file: it starts with {content[:4].hex(' ')}, expected "
            "52 49 46 46 (RIFF). Phones and browsers record MP3, M4A or WebM, whatever the name. "
            + CONVERT
        )
    position, frame = 12, 1
    while position + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, position)
        start = position + 8
        if kind == b"data":
            break
        if kind == b"fmt ":  # its bytes for one sample of all channels
            frame = int.from_bytes(content[start + 12 : start + 14], "little") or 1
        position = start + size + size % 2
    else:
        raise DataError(
            f"{label} is cut short or damaged: it ends after {len(content):,} bytes, before its "
            "samples begin. Save or upload it again."
        )
    samples, remarks = content[start : start + size], []
    rest = content[start : len(content) - (len(content) - start) % frame]  # only whole samples
    if size >= UNKNOWN_LENGTH:
        samples = rest
    elif size == 0 and start < len(content):
        samples = rest
        remarks.append("the recorder did not finish the file; all that is in it was read")
    elif len(samples) < size:
        raise DataError(
            f"{label} is cut short: its header announces {size:,} bytes of samples, but only "
            f"{len(samples):,} follow. Save or upload it again."
        )
    chunks = content[8:position] + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks, remarks


def _remarks_on_clipping(channels: np.ndarray) -> list[str]:
    """Return remarks on a recording, (samples, channels), that was too loud."""
    size = np.abs(channels)
    beyond = np.count_nonzero(size > 1)
    if beyond:
        return [f"{beyond:,} of its samples lie beyond -1 to 1 and were clipped"]
    # 8-bit samples end at 127/128. One sample at the limit is a peak, three in a row are clipping.
    at_limit = size >= max(size.max(), 0.99)
    if not (at_limit[2:] & at_limit[1:-1] & at_limit[:-2]).any():
        return []
    return [
        f"probably clipped, {np.count_nonzero(at_limit):,} of its samples are at the limit of "
        "what the file can hold; record again with less gain"
    ]
