"""The frequencies in a sound: spectrogram, peak frequency, and another sample rate."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import signal

from utils.sounds.arguments import as_sample_rate, as_samples


def spectrogram(
    samples: ArrayLike, sample_rate: int, *, window: float = 0.032, step: float = 0.004
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how much of every frequency a sound has at every time.

    The sound is cut into overlapping windows; each is faded in and out (Hann's window) and
    transformed (a short-time Fourier transform). A sine wave of full scale comes out at 0 dB.

    Args:
        samples: (samples,) floats.
        sample_rate: In Hz.
        window: In seconds. Long windows separate frequencies, short ones separate times.
        step: From one window to the next, in seconds.

    Returns:
        Times in s (frames,), frequencies in Hz (bins,), and decibels (bins, frames), at least -90.
    """
    samples, rate = as_samples(samples), as_sample_rate(sample_rate)
    length, hop = max(4, round(window * rate)), max(1, round(step * rate))
    hann = signal.windows.hann(length, sym=False)
    frames = math.ceil(len(samples) / hop)
    # scipy.signal.ShortTimeFFT computes the same, but transforms frame by frame: ten times slower.
    padded = np.zeros(max(len(samples), (frames - 1) * hop) + length)  # frame i is around i · hop
    padded[length // 2 :][: len(samples)] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][:frames]
    amplitudes = np.abs(np.fft.rfft(windows * (hann / hann.sum()), axis=1).T)
    amplitudes[1 : (length + 1) // 2] *= 2  # a sine is half at its frequency, half at minus that
    times = np.arange(frames) * hop / rate
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    return times, frequencies, 20 * np.log10(np.maximum(amplitudes, 10 ** (-90 / 20)))


def peak_frequency(samples: ArrayLike, sample_rate: int) -> float:
    """Return the strongest frequency above 20 Hz, finer than one bin of the FFT, in Hz.

    Args:
        samples: (samples,) floats, at least 16; all of them form one window.
        sample_rate: In Hz.
    """
    samples, rate = as_samples(samples), as_sample_rate(sample_rate)
    if len(samples) < 16 or np.ptp(samples) == 0:
        raise ValueError("A silent sound, or one of fewer than 16 samples, has no peak frequency.")
    window = signal.windows.hann(len(samples), sym=False)
    amplitudes = np.abs(np.fft.rfft((samples - samples.mean()) * window))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    peak = int(np.argmax(np.where(frequencies >= 20, amplitudes, 0)))
    if not 0 < peak < len(amplitudes) - 1:
        return float(frequencies[peak])
    # The logarithm of Hann's peak is nearly a parabola: take its top.
    left, middle, right = np.log(np.maximum(amplitudes[peak - 1 : peak + 2], 1e-30))
    curvature = left - 2 * middle + right
    offset = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return float((peak + offset) * rate / len(samples))


def resampled(samples: ArrayLike, sample_rate: int, new_rate: int) -> np.ndarray:
    """Return a sound at another sample rate, float32, filtered so that nothing folds back.

    Args:
        samples: (samples,) floats in [-1, 1].
        sample_rate: Their rate in Hz.
        new_rate: The desired rate, in Hz.
    """
    samples = as_samples(samples)
    old_rate, new_rate = as_sample_rate(sample_rate), as_sample_rate(new_rate)
    if old_rate == new_rate:
        return samples
    result = signal.resample_poly(samples.astype(np.float64), new_rate, old_rate)
    return np.clip(result, -1, 1).astype(np.float32)  # the filter overshoots a little at edges
