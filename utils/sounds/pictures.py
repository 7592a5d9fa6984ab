"""Pictures of sound: waveforms and spectrograms."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from utils import plotting
from utils.sounds.arguments import as_named_sounds, as_sample_rate, as_samples
from utils.sounds.spectra import spectrogram

MOST_FRAMES = 1500  # of one spectrogram: more than the pixels of a figure
LEVELS = (-80.0, 0.0)  # dB: the darkest and the brightest colour; a full-scale sine is at 0


def plot_waveform(
    samples: ArrayLike,
    sample_rate: int,
    *,
    title: str = "",
    axis: Axes | None = None,
    start: float = 0.0,
) -> None:
    """Draw a sound over time.

    Args:
        samples: (samples,) floats.
        sample_rate: In Hz.
        title: What the picture shows.
        axis: Where to draw; by default in a new figure.
        start: The time of the first sample, in seconds.
    """
    samples, rate = as_samples(samples), as_sample_rate(sample_rate)
    axis = axis or plotting.plt.subplots(figsize=(7.0, 2.2))[1]
    times = start + np.arange(len(samples)) / rate
    marker = {"marker": "o", "ms": 3.5} if len(samples) <= 100 else {}
    width = 1.4 if len(samples) < 1000 else 0.6
    axis.plot(times, samples, color=plotting.BLUE, lw=width, **marker)
    axis.set(xlabel="time (s)", ylabel="amplitude", title=title)
    axis.margins(x=0.01)


def plot_spectrogram(
    samples: ArrayLike, sample_rate: int, *, title: str = "", axis: Axes | None = None
) -> None:
    """Draw a sound over time and frequency, with its level as brightness.

    Args:
        samples: (samples,) floats.
        sample_rate: In Hz.
        title: What the picture shows.
        axis: Where to draw; by default in a new figure.
    """
    axis = axis or plotting.plt.subplots(figsize=(7.0, 2.8))[1]
    image = _draw_spectrogram(samples, sample_rate, axis)
    axis.set(xlabel="time (s)", ylabel="frequency (Hz)", title=title)
    axis.figure.colorbar(image, ax=axis, label="level (dB)", pad=0.01)


def plot_sound(samples: ArrayLike, sample_rate: int, *, title: str = "") -> None:
    """Draw the waveform of a sound above its spectrogram.

    Args:
        samples: (samples,) floats.
        sample_rate: In Hz.
        title: What the picture shows.
    """
    figure, (above, below) = plotting.plt.subplots(
        2, 1, sharex=True, figsize=(7.0, 4.2), height_ratios=(2, 3)
    )
    plot_waveform(samples, sample_rate, axis=above)
    above.set_xlabel("")
    plot_spectrogram(samples, sample_rate, axis=below)
    if title:
        figure.suptitle(title)


def plot_spectrograms(
    named: Mapping[str, np.ndarray], sample_rate: int, *, columns: int = 4, title: str = ""
) -> None:
    """Draw the spectrograms of several sounds on one scale of levels.

    Args:
        named: Caption -> (samples,) floats.
        sample_rate: In Hz.
        columns: Pictures in a row.
        title: What the pictures show.
    """
    named = as_named_sounds(named)
    columns = max(1, min(columns, len(named)))
    rows = math.ceil(len(named) / columns)
    size = max(2.4 * columns, 4.0), 2.1 * rows + 0.5
    figure, axes = plotting.plt.subplots(rows, columns, squeeze=False, sharey=True, figsize=size)
    for axis, (caption, samples) in zip(axes.flat, named.items(), strict=False):
        image = _draw_spectrogram(samples, sample_rate, axis)
        axis.set_title(caption, fontsize=9)
    for axis in axes.flat[len(named) :]:
        axis.set_visible(False)
    figure.supxlabel("time (s)", fontsize="medium")
    figure.supylabel("frequency (Hz)", fontsize="medium")
    figure.colorbar(image, ax=axes, label="level (dB)", pad=0.01)
    if title:
        figure.suptitle(title)


def _draw_spectrogram(samples: ArrayLike, sample_rate: int, axis: Axes) -> AxesImage:
    samples = as_samples(samples)
    seconds = len(samples) / as_sample_rate(sample_rate)
    step = max(0.004, seconds / MOST_FRAMES)
    times, frequencies, decibels = spectrogram(samples, sample_rate, step=step)
    half_step, half_bin = step / 2, frequencies[1] / 2
    image = axis.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        vmin=LEVELS[0],
        vmax=LEVELS[1],
        extent=(-half_step, times[-1] + half_step, -half_bin, frequencies[-1] + half_bin),
    )
    axis.set(xlim=(0, seconds), ylim=(0, sample_rate / 2))
    axis.grid(False)
    return image
