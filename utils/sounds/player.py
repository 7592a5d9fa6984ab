"""Players for the notebook."""

import html
from collections.abc import Mapping

import numpy as np
from IPython.display import HTML, Audio
from numpy.typing import ArrayLike

from utils.sounds.arguments import as_named_sounds, as_sample_rate


class Players(HTML):
    """Players side by side; their captions where only text can be shown."""

    def __init__(self, audio_of: Mapping[str, Audio]):
        figures = (
            '<figure style="margin:0.3em 0">'
            f'<figcaption style="font-size:0.9em">{caption}</figcaption>'
            f'<audio controls="controls" aria-label="{caption}" src="{audio.src_attr()}"></audio>'
            "</figure>"
            for caption, audio in ((html.escape(c), audio) for c, audio in audio_of.items())
        )
        row = "display:flex;flex-wrap:wrap;gap:0.3em 1.2em"
        super().__init__(f'<div style="{row}">{"".join(figures)}</div>')
        self.captions = list(audio_of)

    def __repr__(self) -> str:
        return f"Sound: {'; '.join(self.captions)}"


def play(samples: ArrayLike, sample_rate: int, label: str = "") -> Players:
    """Return a player with a caption.

    As the last line of a cell it is shown; elsewhere, `display(play(…))` shows it. The level is
    left as it is, so that sounds can be compared. Values beyond -1 to 1 are cut, and the caption
    says so.

    Args:
        samples: (samples,) floats in [-1, 1].
        sample_rate: In Hz.
        label: What is heard.
    """
    return play_all({label: samples}, sample_rate)


def play_all(named: Mapping[str, np.ndarray], sample_rate: int) -> Players:
    """Return several players side by side.

    Args:
        named: Caption -> (samples,) floats in [-1, 1], as in `play`.
        sample_rate: In Hz.
    """
    rate = as_sample_rate(sample_rate)
    audio_of = {}
    for label, samples in as_named_sounds(named).items():
        parts = [label, f"{len(samples) / rate:.2f} s"]
        clipped = np.count_nonzero(np.abs(samples) > 1)
        if clipped:
            parts.append(f"{clipped:,} samples clipped")
        caption = " · ".join(filter(None, parts))
        audio_of[caption] = Audio(np.clip(samples, -1, 1), rate=rate, normalize=False)
    return Players(audio_of)
