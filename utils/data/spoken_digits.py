"""Spoken digits: the Free Spoken Digit Dataset, and the synthetic sample that stands in for it.

    from utils import data

    spoken = data.load_spoken_digits()
    spoken.recordings[0]                        # float32 in [-1, 1], shape (samples,)
    spoken.digits[0], spoken.speakers[0]        # 0, "george"
    spoken.of(digit=7, speaker="theo")          # the positions of theo's sevens
    spoken.test                                 # the positions of the test recordings

Lecture items L5.7 to L5.22.
"""

import io
import re
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.common.errors import DataError
from utils.data.fetching import archives, sources
from utils.data.fetching.sources import Origin

SAMPLE_RATE = 8000  # Hz, of the dataset and of the sample
FSDD = "fsdd/free-spoken-digit-dataset-26eb9aaf76e81b692f806f9140c2d2777410d7a1.zip"
SAMPLE_FILE = Path(__file__).resolve().parents[2] / "data" / "samples" / "spoken_digits.npz"
SPOKEN_SAMPLE = "digits spoken by a program (espeak-ng), nobody's voice"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = ("train", "validation", "test")

_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)")  # digit, speaker, number of the recording


@dataclass(frozen=True, eq=False, repr=False)
class SpokenDigits:
    """Recordings of single spoken digits, ordered by digit, speaker and number.

    Attributes:
        recordings: one float32 array for each recording, values in [-1, 1], shape (samples,).
            The lengths differ, and nothing was normalised.
        digits: (recordings,) int32, 0 to 9.
        speakers: (recordings,) names, as strings.
        numbers: (recordings,) int32: which of this speaker's recordings of this digit it is.
        train: int64 positions of the training recordings, in ascending order.
        validation: those of the validation recordings; none in the sample.
        test: those of the test recordings.
        sample_rate: samples a second, in Hz.
        origin: where the data came from.
    """

    recordings: tuple[np.ndarray, ...]
    digits: np.ndarray
    speakers: np.ndarray
    numbers: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    sample_rate: int
    origin: Origin

    def __len__(self) -> int:
        return len(self.recordings)

    def __repr__(self) -> str:
        return (
            f"SpokenDigits({len(self):,} recordings of {len(self.speaker_names)} speakers, "
            f"{self.durations.sum():,.0f} s at {self.sample_rate:,} Hz; {len(self.train):,} + "
            f"{len(self.validation):,} + {len(self.test):,} for training, validation, test; "
            f"from: {self.origin.kind})"
        )

    @property
    def speaker_names(self) -> tuple[str, ...]:
        """The speakers, each once, in alphabetical order."""
        return tuple(str(name) for name in np.unique(self.speakers))

    @property
    def speaker_numbers(self) -> np.ndarray:
        """(recordings,) int32: each recording's speaker as an index into `speaker_names`."""
        return np.unique(self.speakers, return_inverse=True)[1].astype(np.int32)

    @property
    def durations(self) -> np.ndarray:
        """(recordings,) seconds."""
        return np.array([len(each) for each in self.recordings]) / self.sample_rate

    def name(self, position: int) -> str:
        """Return the name of a recording, such as `7_theo_3`: digit, speaker, number."""
        return f"{self.digits[position]}_{self.speakers[position]}_{self.numbers[position]}"

    def of(
        self,
        *,
        digit: int | None = None,
        speaker: str | None = None,
        number: int | None = None,
        split: str | None = None,
    ) -> np.ndarray:
        """Return the positions of the recordings with these properties, in ascending order.

        Args:
            digit: 0 to 9.
            speaker: one of `speaker_names`.
            number: which of the speaker's recordings of the digit.
            split: `train`, `validation` or `test`.

        Raises:
            DataError: there is no such digit, speaker, number or split. Where each exists, but
                no recording has them all, the result is empty.
        """
        chosen = np.ones(len(self), dtype=bool)
        if digit is not None:
            chosen &= self.digits == self.checked_digit(digit)
        if speaker is not None:
            chosen &= self.speakers == self.checked_speaker(speaker)
        if number is not None:
            chosen &= self.numbers == _known_number("number", number, self.numbers)
        if split is not None:
            if split not in SPLITS:
                raise DataError(sources.unknown("split", split, SPLITS))
            chosen &= np.isin(np.arange(len(self)), getattr(self, split))
        return np.flatnonzero(chosen)

    def checked_digit(self, digit: int) -> int:
        """Return a digit as int. Raises DataError if no recording has it."""
        return _known_number("digit", digit, self.digits)

    def checked_speaker(self, speaker: str) -> str:
        """Return a speaker's name. Raises DataError for a name that no recording has."""
        if speaker not in self.speaker_names:
            raise DataError(sources.unknown("speaker", speaker, self.speaker_names))
        return str(speaker)


def _known_number(kind: str, value: int, known: np.ndarray) -> int:
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
    if is_integer and value in known:
        return int(value)
    numbers = np.unique(known)
    hint = ""
    if isinstance(value, str):
        word = value.strip().lower()
        meant = WORDS.index(word) if word in WORDS else int(word) if word.isdecimal() else None
        hint = f" Did you mean the integer {meant}?" if meant in known else ""
    raise DataError(
        f"There is no {kind} {value!r} among the recordings; "
        f"they have the integers {numbers[0]} to {numbers[-1]}.{hint}"
    )


def load_spoken_digits() -> SpokenDigits:
    """Load the Free Spoken Digit Dataset: 3,000 recordings of six speakers, 8 kHz, 22 minutes.

    Prints one line on where it came from. If no source has it, 150 recordings of three
    synthetic voices stand in; `origin.is_sample` tells, and so do two lines.

    Of each speaker and digit, recordings 0 to 4 are for testing: that is the dataset's own rule.
    Of the rest, 5 to 9 are for validation and 10 to 49 for training. The sample has five
    recordings each: number 0 is for testing, 1 to 4 for training. It has no validation part.
    """
    failures = []
    found = sources.find([FSDD], failures)
    if found is None:
        return load_sample(failures)
    recordings = read_archive(found.path)
    origin = found.origin(f"{len(recordings):,} recordings")
    print(f"{origin.text}.")
    return _spoken_digits(recordings, origin, tests=5, validations=5)


def load_sample(failures: list[sources.Reason]) -> SpokenDigits:
    """Load the bundled sample, and say that it stands in and why."""
    recordings = read_sample(SAMPLE_FILE)
    counted = f"{len(recordings):,} recordings"
    title = sources.entry_of(FSDD).title
    origin = sources.announce_sample(title, SPOKEN_SAMPLE, counted, failures)
    # All but number 0 were used to train the bundled weights, so nothing else is held out.
    return _spoken_digits(recordings, origin, tests=1, validations=0)


def _spoken_digits(
    recordings: dict[str, np.ndarray], origin: Origin, *, tests: int, validations: int
) -> SpokenDigits:
    """Put recordings (name -> samples) in order and split them by their numbers."""
    parsed = []
    for name in recordings:
        match = _NAME.fullmatch(name)
        if not match:
            raise DataError(f"A recording is named {name!r}, expected a name such as 7_theo_3.")
        parsed.append((int(match[1]), match[2], int(match[3]), name))
    parsed.sort()
    numbers = np.array([number for _, _, number, _ in parsed], dtype=np.int32)
    return SpokenDigits(
        recordings=tuple(recordings[name] for *_, name in parsed),
        digits=np.array([digit for digit, *_ in parsed], dtype=np.int32),
        speakers=np.array([speaker for _, speaker, *_ in parsed]),
        numbers=numbers,
        train=np.flatnonzero(numbers >= tests + validations),
        validation=np.flatnonzero((numbers >= tests) & (numbers < tests + validations)),
        test=np.flatnonzero(numbers < tests),
        sample_rate=SAMPLE_RATE,
        origin=origin,
    )


# --- The archive -----------------------------------------------------------------------------


def read_archive(path: Path) -> dict[str, np.ndarray]:
    """Read the recordings in the dataset's zip archive: name -> float32 samples.

    Raises:
        DataError: the archive is damaged or has no recordings, or one of them is not as
            announced: 16-bit, mono, 8 kHz.
    """
    recordings = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archives.members_like(archive, sources.entry_of(FSDD).content):
                name = member.filename.rpartition("/")[2]
                label = f"{path}: {name}"
                recordings[name.removesuffix(".wav")] = _samples_of(archive.read(member), label)
    except (*archives.DAMAGED_ARCHIVE_ERRORS, RuntimeError, ValueError) as problem:
        if isinstance(problem, DataError):
            raise
        raise DataError(
            f"{path} is damaged ({problem}). Delete it and fetch it again."
        ) from problem
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    if not recordings:
        raise DataError(f"{path} has no recordings in it.")
    return recordings


def _samples_of(content: bytes, label: str) -> np.ndarray:
    """Return the float32 samples of a WAV file as the dataset has them: 16-bit, mono, 8 kHz."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, bits = file.getnchannels(), 8 * file.getsampwidth()
            sample_rate, data = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as problem:
        raise DataError(f"{label} is not a WAV file ({problem or 'it ends early'}).") from problem
    if (channels, sample_rate, bits) != (1, SAMPLE_RATE, 16):
        raise DataError(
            f"{label} has {channels} channels, {sample_rate} Hz and {bits} bits, "
            f"expected 1 channel, {SAMPLE_RATE} Hz and 16 bits."
        )
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768


# --- The sample ------------------------------------------------------------------------------


def read_sample(path: Path) -> dict[str, np.ndarray]:
    """Read what `tools/weights/make_spoken_digits.py` wrote: name -> float32 samples."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as content:
            codes, lengths, names = (content[key] for key in ("codes", "lengths", "names"))
    except (OSError, KeyError, ValueError, *archives.DAMAGED_ARCHIVE_ERRORS) as problem:
        raise DataError(
            f"The bundled sample {path} cannot be read ({problem}). "
            "It is part of the repository: get that file again."
        ) from problem
    if len(codes) != lengths.sum() or len(lengths) != len(names):
        raise DataError(f"The bundled sample {path} is damaged: its lengths do not add up.")
    waveform = decode_sample(codes)
    parts = np.split(waveform, np.cumsum(lengths)[:-1])
    return dict(zip(map(str, names), parts, strict=True))


def encode_sample(waveform: np.ndarray) -> np.ndarray:
    """Return a waveform in [-1, 1] as 8-bit mu-law codes, as the sample's file holds them."""
    companded = np.sign(waveform) * np.log1p(255 * np.abs(waveform)) / np.log(256)
    return np.rint((companded + 1) / 2 * 255).astype("uint8")


def decode_sample(codes: np.ndarray) -> np.ndarray:
    """Return the float32 waveform of 8-bit mu-law codes."""
    companded = codes.astype(np.float64) / 255 * 2 - 1
    waveform = np.sign(companded) * np.expm1(np.abs(companded) * np.log(256)) / 255
    return waveform.astype(np.float32)
