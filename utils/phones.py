"""Simulate the accelerometer of a phone in the pocket: many people, five activities.

    from utils import phones

    recordings = phones.recordings(people=26, seconds=28, seed=11)

At rest an accelerometer feels not 0 but 9.81 m/s² upwards, from the pocket that holds it against
gravity. With f steps a second and φ = 2πft, a walking body adds, in m/s²,

    upwards   v (B sin φ + H sin(2φ + α) + 0.35 H sin(3φ + β))     B bounce, H the heel's impact
    forwards  v P sin(φ + γ)                                        P push
    sideways  v S sin(φ/2 + δ)                                      S sway: left foot, right foot

where the vigour v, the tempo and the four angles belong to a person. The axes of the phone are then
turned as its pocket is. The strengths are plausible; nobody has measured them.
"""

from typing import NamedTuple

import numpy as np

from utils.common.arguments import as_integer

GRAVITY = 9.81  # m/s²
RATE = 50  # samples a second
ACTIVITIES = ("resting", "walking", "running", "stairs", "cycling")


class _Gait(NamedTuple):
    """What an activity is like: strengths in m/s², `steps` and how they vary in Hz."""

    steps: float
    varies: float
    bounce: float
    heel: float
    push: float
    sway: float
    shake: float


_GAITS = (
    _Gait(0, 0, 0, 0, 0, 0, 0.03),
    _Gait(1.9, 0.12, 2.4, 1.0, 0.9, 0.6, 0.25),
    _Gait(2.75, 0.15, 8.0, 3.0, 3.0, 1.5, 0.7),
    _Gait(1.6, 0.12, 1.9, 0.8, 0.9, 0.9, 0.3),
    _Gait(1.2, 0.15, 0.5, 0.2, 1.0, 0.7, 0.6),
)


class _Person(NamedTuple):
    tempo: float
    vigour: float
    pocket: np.ndarray
    angles: np.ndarray


def recordings(people: int, seconds: int, seed: int) -> np.ndarray:
    """Return what the phones of some people measure during five activities.

    Args:
        people: How many people; each has a pocket, a tempo and a manner of their own.
        seconds: Length of each recording.
        seed: Decides who they are. The first people are the same, however many there are.

    Returns:
        Acceleration in m/s², float32, of shape (people, activities, samples, 3), with
        `seconds * RATE` samples and the activities in the order of `ACTIVITIES`.

    Raises:
        TypeError: A number is not an integer.
        ValueError: There are no people or no seconds, or the seed is negative.
    """
    people = as_integer("people", people)
    samples = as_integer("seconds", seconds) * RATE
    random = np.random.default_rng(as_integer("seed", seed, minimum=0))
    everything = []
    for _ in range(people):
        person = _Person(
            tempo=random.normal(),
            vigour=np.exp(0.25 * random.normal()),
            pocket=_rotation(random.normal(size=(3, 3))),
            angles=random.uniform(0, 2 * np.pi, size=4),
        )
        everything.append([_record(gait, person, random, samples) for gait in _GAITS])
    return np.array(everything, dtype="float32")


def turn(x: np.ndarray, seed: int) -> np.ndarray:
    """Return windows (n, timesteps, 3) as other pockets would measure them, each turned at random.

    Args:
        x: The windows.
        seed: Decides the rotations.
    """
    pockets = _rotation(np.random.default_rng(seed).normal(size=(len(x), 3, 3)))
    return (x @ pockets.swapaxes(1, 2)).astype("float32")


def _record(gait, person, random, samples):
    """Return one recording, (samples, 3)."""
    wander = 1 + 0.0004 * np.cumsum(random.normal(size=samples))  # nobody is a metronome
    steps = gait.steps + gait.varies * person.tempo
    phase = 2 * np.pi * np.cumsum(steps * wander) / RATE
    alpha, beta, gamma, delta = person.angles
    up = gait.bounce * np.sin(phase) + gait.heel * np.sin(2 * phase + alpha)
    up += 0.35 * gait.heel * np.sin(3 * phase + beta)
    forwards, sideways = gait.push * np.sin(phase + gamma), gait.sway * np.sin(phase / 2 + delta)
    body = person.vigour * np.stack([forwards, sideways, up], axis=1)
    body += gait.shake * random.normal(size=(samples, 3)) + [0, 0, GRAVITY]
    # The phone shifts a little in its pocket from one recording to the next.
    turned = _rotation(person.pocket + 0.15 * random.normal(size=(3, 3)))
    return body @ turned.T + 0.05 * random.normal(size=(samples, 3))


def _rotation(matrix):
    """Return rotations made from matrices, (…, 3, 3); from random ones, random rotations."""
    q, r = np.linalg.qr(matrix)
    q = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., np.newaxis, :]
    mirrored = np.linalg.det(q) < 0  # left and right exchanged: no phone does that
    return np.where(mirrored[..., np.newaxis, np.newaxis], q * [-1, 1, 1], q)
