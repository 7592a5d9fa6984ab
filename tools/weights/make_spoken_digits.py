"""Speak the digits with espeak-ng and write data/samples/spoken_digits.npz.

    apt-get install espeak-ng
    python -m tools.weights.make_spoken_digits [--to FILE]

Three voices say "zero" to "nine" five times each, at different pitches and speeds. The file stands
in for the Free Spoken Digit Dataset where there is no network; its names have the same form:
digit, speaker, number of the recording. The speech is a program's output, so it contains nobody's
voice.

The bundled file was made with espeak-ng 1.51 (Debian's). Run again, the same version gave 149 of
the 150 recordings to the last bit; 0_ada_0 came out slightly different, and we do not know why.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly

from utils.data import spoken_digits

VOICES = {"ada": "en-us+f3", "bela": "en-gb", "cili": "en-gb-scotland+f2"}
# Words a minute and pitch (0 to 99) of each recording; number 0 is held out for testing.
MANNERS = ((165, 50), (150, 42), (180, 58), (158, 55), (172, 45))
QUIET = 0.02  # of the loudest sample: anything quieter at the ends is cut off


def speak(word: str, voice: str, speed: int, pitch: int) -> np.ndarray:
    """Return a word at the course's sample rate: float64, loudest sample 0.9, ends trimmed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        manner = ["-v", voice, "-s", str(speed), "-p", str(pitch)]
        subprocess.run(["espeak-ng", *manner, "-w", path, word], check=True)
        rate, integers = wavfile.read(path)
    waveform = resample_poly(integers / 32768, spoken_digits.SAMPLE_RATE, rate)
    loud = np.flatnonzero(np.abs(waveform) > QUIET * np.abs(waveform).max())
    waveform = waveform[loud[0] : loud[-1] + 1]
    return 0.9 * waveform / np.abs(waveform).max()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=spoken_digits.SAMPLE_FILE, metavar="FILE")
    target = parser.parse_args(arguments).to
    if not shutil.which("espeak-ng"):
        sys.exit("This needs the program espeak-ng, which was not found.")
    codes, lengths, names = [], [], []
    for speaker, voice in VOICES.items():
        for digit, word in enumerate(spoken_digits.WORDS):
            for number, (speed, pitch) in enumerate(MANNERS):
                waveform = speak(word, voice, speed, pitch)
                codes.append(spoken_digits.encode_sample(waveform))
                lengths.append(len(waveform))
                names.append(f"{digit}_{speaker}_{number}")
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        target, codes=np.concatenate(codes), lengths=np.array(lengths, "int32"), names=names
    )
    seconds = sum(lengths) / spoken_digits.SAMPLE_RATE
    print(f"{len(names)} recordings, {seconds:.0f} s, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
