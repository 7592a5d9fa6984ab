"""The real plays that weights and samples are made from; a bundled stand-in does not do."""

import sys

import numpy as np

from utils import data


def real_text(name: str) -> str:
    """Return the whole text of a play; end the program if only its sample can be had."""
    play = data.load_text(name)
    if play.origin.is_sample:
        sys.exit("This needs the real text; see data/README.md.")
    return play.text


def shakespeare_in_numbers() -> tuple[list[str], np.ndarray]:
    """Return the alphabet, sorted, and the plays as places in it: (characters,), int32."""
    text = real_text("shakespeare")
    alphabet = sorted(set(text))
    number_of = {character: number for number, character in enumerate(alphabet)}
    return alphabet, np.array([number_of[character] for character in text], dtype="int32")
