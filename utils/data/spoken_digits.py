"""Spoken digits: the Free Spoken Digit Dataset, and the synthetic sample that stands in for it.

from utils import data

spoken = data.load_spoken_digits()
spoken.recordings[0]                        # float32 in [-1, 1], shape (samples,)
spoken.digits[0], spoken.speakers[0]        # 0, "george"
spoken.of(digit=7, speaker="theo")          # the positions of theo's sevens
spoken.test                                 # the positions of the test recordings
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from utils.common.errors import DataError
from utils.data.fetching import archives, sources
from utils.data.fetching.places import SAMPLES
from utils.data.fetching.registry import entry_of, unknown
from utils.data.fetching.sources import Origin

SAMPLE_RATE = 8000  # Hz, of the dataset and of the sample
FSDD = "fsdd/free-spoken-digit-dataset-26eb9aaf76e81b692f806f9140c2d2777410d7a1.zip"
SAMPLE_FILE = SAMPLES / "spoken_digits.npz"
SPOKEN_SAMPLE = "digits spoken by a program (espeak-ng), not a person's voice"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False, repr=False)
class SpokenDigits:
    """Recordings of single spoken digits, ordered by digit, speaker and number.

    Attributes:
        recordings: One float32 array for each recording, values in [-1, 1], shape (samples,).
            The lengths differ, and nothing was normalised.
        digits: (recordings,) int32, 0 to 9.
        speakers: (recordings,) names, as strings.
        numbers: (recordings,) int32: which of this speaker's recordings of this digit it is.
        train: int64 positions of the training recordings, in ascending order.
        validation: Those of the validation recordings; the sample has none.
        test: Those of the test recordings.
        sample_rate: Samples per second, in Hz.
        origin: Where the data came from.
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
        """The speakers in alphabetical order, without repeats."""
        return tuple(str(name) for name in np.unique(self.speakers))

    @property
    def durations(self) -> np.ndarray:
        """The lengths in seconds, (recordings,)."""
        return np.array([len(samples) for samples in self.recordings]) / self.sample_rate

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
            speaker: One of `speaker_names`.
            number: Which of the speaker's recordings of the digit.
            split: `train`, `validation` or `test`.

        Raises:
            DataError: There is no such digit, speaker, number or split. Where each exists, but
                no recording has them all, the result is empty.
        """
        chosen = np.ones(len(self), dtype=bool)
        for kind, value, column in (
            ("digit", digit, self.digits),
            ("speaker", speaker, self.speakers),
            ("number", number, self.numbers),
        ):
            if value is not None:
                chosen &= column == _checked(kind, value, np.unique(column).tolist())
        if split is not None:
            positions = getattr(self, _checked("split", split, SPLITS))
            chosen &= np.isin(np.arange(len(self)), positions)
        return np.flatnonzero(chosen)

    def checked_digit(self, digit: int) -> int:
        """Return a digit as int. Raise DataError if no recording has it."""
        return int(_checked("digit", digit, np.unique(self.digits).tolist()))


def _checked(kind: str, value: int | str, known: Sequence[int | str]) -> int | str:
    if isinstance(value, (bool, float)) or value not in known:
        raise DataError(unknown(kind, value, known))
    return value


def load_spoken_digits() -> SpokenDigits:
    """Load the Free Spoken Digit Dataset: 3,000 recordings of six speakers, 8 kHz, 22 minutes.

    If no source has it, 150 recordings of three synthetic voices stand in; `origin.is_sample`
    says so.

    Of each speaker and digit, recordings 0 to 4 are for testing: that is the dataset's own rule.
    Of the rest, 5 to 9 are for validation and 10 to 49 for training. The sample has five
    recordings each: number 0 is for testing, 1 to 4 for training. It has no validation part.
    """
    failures = []
    found = sources.find([FSDD], failures)
    if found:
        recordings = read_archive(found.path)
        origin = found.announce(f"{len(recordings):,} recordings")
        return _spoken_digits(recordings, origin, tests=5, validations=5)
    recordings = read_sample(SAMPLE_FILE)
    counted = f"{len(recordings):,} recordings"
    title = entry_of(FSDD).title
    origin = sources.announce_sample(title, SPOKEN_SAMPLE, counted, failures)
    # All but number 0 were used to train the bundled weights, so nothing else is held out.
    return _spoken_digits(recordings, origin, tests=1, validations=0)


def _spoken_digits(
    recordings: dict[str, np.ndarray], origin: Origin, *, tests: int, validations: int
) -> SpokenDigits:
    """Put recordings (name, such as 7_theo_3 -> samples) in order and split them by numbers."""
    parts = (name.split("_") for name in recordings)
    keys = sorted((int(digit), speaker, int(number)) for digit, speaker, number in parts)
    digits, speakers, numbers = (np.array(column) for column in zip(*keys, strict=True))
    return SpokenDigits(
        recordings=tuple(recordings["{}_{}_{}".format(*key)] for key in keys),
        digits=digits.astype(np.int32),
        speakers=speakers,
        numbers=numbers.astype(np.int32),
        train=np.flatnonzero(numbers >= tests + validations),
        validation=np.flatnonzero((numbers >= tests) & (numbers < tests + validations)),
        test=np.flatnonzero(numbers < tests),
        sample_rate=SAMPLE_RATE,
        origin=origin,
    )


# --- The archive -----------------------------------------------------------------------------


def read_archive(path: Path) -> dict[str, np.ndarray]:
    """Read the recordings in the dataset's zip archive: name -> float32 samples in [-1, 1).

    Raises:
        DataError: The archive is damaged or has no recordings, or one of them does not have
            16 bits, one channel and 8 kHz.
    """
    recordings = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archives.matching_members(archive, entry_of(FSDD).content):
                name = archives.base_name(member)
                rate, samples = wavfile.read(io.BytesIO(archive.read(member)))
                if (rate, samples.dtype, samples.ndim) != (SAMPLE_RATE, np.int16, 1):
                    raise ValueError(
                        f"{name} has {rate} Hz and {samples.dtype} samples of shape "
                        f"{samples.shape}, expected {SAMPLE_RATE} Hz, 16 bits and one channel"
                    )
                recordings[name.removesuffix(".wav")] = samples.astype(np.float32) / 32768
    except (OSError, *archives.DAMAGED_ARCHIVE_ERRORS) as problem:
        raise DataError(
            f"{path} cannot be read ({problem}). Delete it and fetch it again."
        ) from problem
    if not recordings:
        raise DataError(f"{path} has no recordings in it.")
    return recordings


# --- The sample ------------------------------------------------------------------------------


def read_sample(path: Path) -> dict[str, np.ndarray]:
    """Read what `tools/weights/make_spoken_digits.py` wrote: name -> float32 samples."""
    try:
        with np.load(path, allow_pickle=False) as content:
            lengths, names = content["lengths"], content["names"]
            waveform = decode_sample(content["codes"])
        if len(waveform) != lengths.sum():
            raise ValueError("its lengths do not add up")
        parts = np.split(waveform, np.cumsum(lengths)[:-1])
        return dict(zip(map(str, names), parts, strict=True))
    except (OSError, KeyError, *archives.DAMAGED_ARCHIVE_ERRORS) as problem:
        raise DataError(
            f"The bundled sample {path} cannot be read ({problem}). "
            "It is part of the repository: get that file again."
        ) from problem


def encode_sample(waveform: np.ndarray) -> np.ndarray:
    """Return a waveform in [-1, 1] as 8-bit mu-law codes, as the sample's file holds them."""
    companded = np.sign(waveform) * np.log1p(255 * np.abs(waveform)) / np.log(256)
    return np.rint((companded + 1) / 2 * 255).astype("uint8")


def decode_sample(codes: np.ndarray) -> np.ndarray:
    """Return the float32 waveform of 8-bit mu-law codes."""
    companded = codes.astype(np.float64) / 255 * 2 - 1
    waveform = np.sign(companded) * np.expm1(np.abs(companded) * np.log(256)) / 255
    return waveform.astype(np.float32)
