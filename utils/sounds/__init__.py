"""Sound as numbers: WAV files, a player for the notebook, and pictures of sound.

    from utils import sounds

    sound = sounds.read_wav("my_recording.wav", sample_rate=8000)
    sound.samples                                   # float32 in [-1, 1], shape (samples,)
    sounds.play(sound.samples, sound.sample_rate, "my voice")
    sounds.plot_sound(sound.samples, sound.sample_rate, title="…")

A sound is always one row of numbers from -1 to 1, shape (samples,), and a sample rate in Hz.

Lecture items L5.7 to L5.22.
"""

from utils.sounds.pictures import (
    plot_sound,
    plot_spectrogram,
    plot_spectrograms,
    plot_waveform,
)
from utils.sounds.player import play, play_all
from utils.sounds.spectra import peak_frequency, resampled, spectrogram
from utils.sounds.wav import Sound, read_wav

__all__ = [
    "Sound",
    "peak_frequency",
    "play",
    "play_all",
    "plot_sound",
    "plot_spectrogram",
    "plot_spectrograms",
    "plot_waveform",
    "read_wav",
    "resampled",
    "spectrogram",
]
