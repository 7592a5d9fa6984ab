"""Faces drawn by a program, so that everything about them is known: labels, sizes, hair.

    from utils import drawn_faces

    faces = drawn_faces.draw(1000, seed=0)
    faces.images            # (1000, 32, 32) grey, 0..1
    faces.smiles            # (1000,) bool, exact
    faces.hair              # (1000, 32, 32) how much of each pixel is hair, 0..1, exact

A face is a handful of numbers (`PARAMETERS`), painted from the back to the front: hair, neck, head,
fringe, eyes, nose, mouth, glasses. The same numbers always make the same picture, so one can also
ask what a face *would* look like with another mouth: `paint(faces.parameters | {"mouth": …})`.

Hair is painted like a fourth colour, which is 1 in hair and 0 in everything else. What it holds at
the end is the exact mask, with the shares of pixels at edges.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from utils.common.arguments import as_integer

# What each number says, and the range from which it is drawn, if nothing else is asked for.
PARAMETERS = {
    "mouth": (-1.0, 1.0),  # corners down .. corners up
    "length": (0.0, 1.0),  # of the hair: above the ears .. on the shoulders
    "turn": (-1.0, 1.0),  # where the face looks: left .. right
    "nod": (-1.0, 1.0),  # and up .. down
    "width": (0.3, 0.6),  # of the head: 0 narrow .. 1 wide
    "jaw": (0.0, 0.2),  # 0 round .. 1 square
    "eyes": (0.4, 0.6),  # 0 close .. 1 wide apart
    "brows": (0.4, 0.6),  # 0 thin .. 1 thick
    "skin": (0.0, 1.0),  # dark .. light
    "shade": (0.0, 1.0),  # of the hair: black .. blond
    "glasses": (0.0, 0.0),  # 0 without, 1 with
}
SMILE, NO_SMILE = (0.45, 1.0), (-0.5, 0.05)
LONG, SHORT = (0.7, 1.0), (0.0, 0.2)

# Red, green, blue, hair: the fourth is 1 in hair. Shape of a colour: (4, 1, 1).
_BACKGROUND, _SHIRT, _WHITE, _DARK, _LIPS, *_ENDS = np.array(
    [
        [0.90, 0.93, 0.95, 0],
        [0.35, 0.53, 0.62, 0],
        [1.00, 1.00, 1.00, 0],
        [0.08, 0.08, 0.10, 0],
        [0.48, 0.05, 0.09, 0],
        [0.60, 0.42, 0.31, 0],
        [0.98, 0.84, 0.73, 0],
        [0.10, 0.08, 0.08, 1],
        [0.55, 0.38, 0.18, 1],
    ],
    "float32",
)[:, :, None, None]
_SKIN, _HAIR = np.array(_ENDS[:2]), np.array(_ENDS[2:])
_GREY = np.array([0.299, 0.587, 0.114], "float32")  # brightness of red, green, blue (BT.601)
_PAPER = float(_BACKGROUND[:3, 0, 0] @ _GREY)  # brightness of the background
_EDGE = 0.85  # of the picture; a head is about as high and as wide as 1 and 0.7 of it
_AT_ONCE = 250  # faces; more do not fit into the processor's cache


@dataclass(frozen=True, eq=False, repr=False)
class Faces:
    """Drawn faces, and all that is known about them.

    Attributes:
        images: (n, size, size) grey, or (n, size, size, 3) in RGB; float32, 0..1.
        hair: (n, size, size) float32: how much of each pixel is hair, 0..1.
        smiles: (n,) bool.
        long_hair: (n,) bool.
        parameters: For each name in `PARAMETERS` its values, (n,) float32.
    """

    images: np.ndarray
    hair: np.ndarray
    smiles: np.ndarray
    long_hair: np.ndarray
    parameters: dict[str, np.ndarray]

    def __repr__(self) -> str:
        return f"Faces({len(self.images):,} of shape {self.images.shape[1:]})"


def draw(
    count: int,
    seed: int,
    *,
    size: int = 32,
    colour: bool = False,
    smile_if_long: float = 0.5,
    smile_if_short: float = 0.5,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Faces:
    """Draw random faces: half of them with long hair, smiling as often as asked for.

    Args:
        count: How many.
        seed: Decides what they look like.
        size: Height and width in pixels.
        colour: RGB instead of grey.
        smile_if_long: The probability of a smile for a face with long hair.
        smile_if_short: The same for one with short hair. If the two differ, hair tells of smiles.
        ranges: Other ranges than those of `PARAMETERS`, or one value for all: `(0, 0)`. A range
            for "mouth" or "length" takes the place of smile or no smile, long or short; then a
            mouth above 0.25 counts as a smile, and a length above 0.45 as long.

    Returns:
        The faces; `images` are grey unless `colour`.

    Raises:
        TypeError: A number is not an integer.
        ValueError: A number is too small, a probability is none, or a parameter is unknown.
    """
    count, size = as_integer("count", count), as_integer("size", size, minimum=8)
    if not (0 <= smile_if_long <= 1 and 0 <= smile_if_short <= 1):
        raise ValueError("smile_if_long and smile_if_short are probabilities, from 0 to 1.")
    ranges = dict(ranges or {})
    _check_names(ranges)
    random = np.random.default_rng(as_integer("seed", seed, minimum=0))
    # One row of random numbers a face, so that the first faces are the same however many there are.
    shares = random.random((count, len(PARAMETERS) + 2))
    long_hair = shares[:, -1] < 0.5
    smiles = shares[:, -2] < np.where(long_hair, smile_if_long, smile_if_short)
    usual = PARAMETERS | {
        "mouth": np.where(smiles, *(np.reshape(r, (2, 1)) for r in (SMILE, NO_SMILE))),
        "length": np.where(long_hair, *(np.reshape(r, (2, 1)) for r in (LONG, SHORT))),
    }
    parameters = {}
    for share, name in zip(shares.T, PARAMETERS, strict=False):
        low, high = ranges.get(name, usual[name])
        parameters[name] = (low + (high - low) * share).astype("float32")
    smiles = parameters["mouth"] > np.mean([SMILE[0], NO_SMILE[1]])
    long_hair = parameters["length"] > np.mean([LONG[0], SHORT[1]])
    return Faces(*paint(parameters, size=size, colour=colour), smiles, long_hair, parameters)


def paint(
    parameters: Mapping[str, np.ndarray], *, size: int = 32, colour: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Paint the faces that these parameters describe.

    Args:
        parameters: Every name in `PARAMETERS` with (n,) values, or with one for all.
        size: Height and width in pixels.
        colour: RGB instead of grey.

    Returns:
        Images, (n, size, size) or (n, size, size, 3), 0..1, and hair, (n, size, size), 0..1;
        float32.

    Raises:
        ValueError: A parameter is missing or unknown.
    """
    _check_names(parameters)
    if missing := ", ".join(PARAMETERS.keys() - parameters.keys()):
        raise ValueError(f"Missing: {missing}.")
    values = np.broadcast_arrays(*(np.atleast_1d(parameters[name]) for name in PARAMETERS))
    columns = [np.reshape(value, (-1, 1, 1)).astype("float32") for value in values]
    count = len(columns[0])
    images = np.empty((count, size, size, 3) if colour else (count, size, size), "float32")
    hair = np.empty((count, size, size), "float32")
    for start in range(0, count, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        some = {name: column[part] for name, column in zip(PARAMETERS, columns, strict=True)}
        painted = _paint(some, size)
        rgb = painted[:, :3].transpose(0, 2, 3, 1)
        images[part], hair[part] = rgb if colour else rgb @ _GREY, painted[:, 3]
    return images, hair


def measure(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure mouth and hair in grey pictures of faces, drawn or made by a network.

    The mouth is what is dark in the lower face; a parabola is laid through it (least squares,
    weighted by the darkness), and its curvature is measured. Hair is looked for beside the face:
    how far down is it as dark as above the forehead?

    Args:
        images: (n, size, size) grey, 0..1.

    Returns:
        `mouth` and `length` as in `PARAMETERS`, (n,) each. For a drawn face of 32 pixels they are
        right to about 0.05 and 0.02, for one made by a small network to about 0.15 and 0.03.
    """
    images = np.asarray(images)
    size = images.shape[1]
    at = _positions(size)
    rows, columns = (at > 0.08) & (at < 0.52), abs(at) < 0.40
    face = images[:, rows][:, :, columns]
    skin = np.median(face, axis=(1, 2), keepdims=True)
    inside = _ellipse(at[columns], at[rows][:, None] - 0.04, 0.43, 0.62) < 0  # not the hair
    dark = np.clip(0.75 * skin - face, 0, None) * inside  # the nose is brighter than that
    x = np.broadcast_to(at[columns], dark.shape)
    terms = np.stack([np.ones_like(x), x, x * x])
    normal = np.einsum("inrc,jnrc,nrc->nij", terms, terms, dark) + 1e-6 * np.eye(3)
    right = np.einsum("inrc,nrc,r->ni", terms, dark, at[rows])
    curvature = np.linalg.solve(normal, right[..., None])[:, 2, 0]

    beside = images[:, :, (abs(at) > 0.54) & (abs(at) < 0.62)].mean(axis=2)
    forehead = images[:, (at > -0.65) & (at < -0.5)][:, :, abs(at) < 0.2].mean(axis=(1, 2))
    hair = (_PAPER - beside[:, (at > -0.05) & (at < 0.7)]) / (_PAPER - forehead)[:, None]
    return -curvature * 0.25**2 / 0.21, (hair.mean(axis=1) + 0.075) / 1.1


def _check_names(names):
    if unknown := ", ".join(set(names) - PARAMETERS.keys()):
        raise ValueError(f"Unknown: {unknown}. The parameters are {', '.join(PARAMETERS)}.")


# --- Painting: x to the right and y down, both from -EDGE to EDGE -------------------------------


def _positions(size):
    """Return the middles of the pixels in a row or a column."""
    return ((np.arange(size, dtype="float32") + 0.5) * (2 / size) - 1) * _EDGE


def _paint(p, size):
    """Paint faces from the back to the front. p: name -> (n, 1, 1). Returns (n, 4, size, size)."""
    at = _positions(size)
    painted = np.empty((len(p["mouth"]), 4, size, size), "float32")
    painted[:] = _BACKGROUND
    whole = _Canvas(at, at, painted)
    _paint_head(whole, p)
    _paint_eyes(whole.part((-0.6, 0.6), (-0.4, 0.22)), p)
    _paint_mouth(whole.part((-0.42, 0.42), (-0.08, 0.6)), p)
    return painted


def _paint_head(canvas, p):
    """Paint shoulders, the hair behind, neck, head, and the fringe, which ends in a bow."""
    x, y = canvas.x, canvas.y
    width, height = 0.47 + 0.08 * p["width"], 0.66
    skin, hair = _between(_SKIN, p["skin"]), _between(_HAIR, p["shade"])
    canvas.add(_ellipse(x, y - 1.12, 0.75, 0.42), _SHIRT)
    cap = _ellipse(x, y + 0.08, width + 0.15, 0.74)
    sides = np.maximum(abs(x) - (width + 0.15), -0.08 - y)
    ends = y + 0.15 * x**2 - (-0.08 + 0.85 * p["length"])
    canvas.add(np.maximum(np.minimum(cap, sides), ends), hair)
    canvas.add(np.maximum(abs(x) - 0.17, abs(y - 0.70) - 0.16), 0.88 * skin)
    canvas.add(_ellipse(x, y - 0.04, width, height, power=2 + 2.5 * p["jaw"]), skin)
    looks = x - 0.07 * p["turn"]
    canvas.add(np.maximum(cap, y + 0.36 - 0.03 * p["nod"] - 0.10 * (looks / width) ** 2), hair)


def _paint_eyes(canvas, p):
    """Paint eyes, brows and glasses. They move as the head turns and nods."""
    looks, y = canvas.x - 0.07 * p["turn"], canvas.y - 0.045 * p["nod"]
    apart, wears = 0.16 + 0.05 * p["eyes"], p["glasses"] > 0.5
    eye = abs(looks) - apart  # both eyes at once
    canvas.add(_ellipse(eye, y + 0.04, 0.105, 0.075), _WHITE)
    pupil = abs(abs(looks - 0.03 * p["turn"]) - apart)
    canvas.add(_ellipse(pupil, y + 0.04 - 0.015 * p["nod"], 0.05, 0.06), _DARK)
    bow = abs(y + 0.18 - 0.6 * eye**2) - 0.015 - 0.025 * p["brows"]
    canvas.add(np.maximum(bow, abs(eye) - 0.12), _DARK)
    if wears.any():
        rims = abs(_ellipse(eye, y + 0.04, 0.155, 0.14)) - 0.022
        bridge = np.maximum(abs(y + 0.05) - 0.02, abs(looks) - apart + 0.155)
        canvas.add(np.where(wears, np.minimum(rims, bridge), 1), _DARK)


def _paint_mouth(canvas, p):
    """Paint the nose, and the mouth: a parabola, whose corners are up in a smile."""
    looks, y = canvas.x - 0.07 * p["turn"], canvas.y - 0.045 * p["nod"]
    nose = np.maximum(abs(looks - 0.03 * p["turn"]) - 0.03, abs(y - 0.08) - 0.06)
    canvas.add(nose, 0.8 * _between(_SKIN, p["skin"]))
    half, depth = 0.25, 0.21 * p["mouth"]
    away = y - 0.31 - depth * (0.5 - (looks / half) ** 2)  # downwards; the slope makes it less
    mouth = abs(away) / np.sqrt(1 + (2 * depth * looks / half**2) ** 2) - 0.055
    canvas.add(np.maximum(mouth, abs(looks) - half), _LIPS)


class _Canvas:
    """A picture that is painted over, one shape after the other, or a part of it."""

    def __init__(self, x, y, painted):
        self.at, self.painted = (x, y), painted
        self.x, self.y = x[None, None, :], y[None, :, None]
        self.pixel = x[1] - x[0]

    def part(self, x_range, y_range):
        """Return the part with these x and y, which shares the picture's memory."""
        (left, right), (top, bottom) = (
            np.searchsorted(at, limits)
            for at, limits in zip(self.at, (x_range, y_range), strict=True)
        )
        columns, rows = slice(left, right), slice(top, bottom)
        return _Canvas(self.at[0][columns], self.at[1][rows], self.painted[:, :, rows, columns])

    def add(self, distance, color):
        """Paint a shape, given by the distance to its edge, negative inside: (n, rows, columns)."""
        share = np.clip(0.5 - distance / self.pixel, 0, 1)[:, None]
        self.painted += share * (color.astype("float32") - self.painted)


def _between(colors, share):
    """Return colours between two, (n, 4, 1, 1)."""
    return colors[0] + share[:, None] * (colors[1] - colors[0])


def _ellipse(x, y, half_width, half_height, power=2.0):
    """Return about the distance to the edge of an ellipse; with a power above 2, of a squarer one.

    It is the value of the implicit equation, divided by the length of its gradient.
    """
    u, v = abs(x / half_width), abs(y / half_height)
    if np.ndim(power) == 0:  # an ellipse
        k, slope = u * u + v * v, 2 * np.hypot(u / half_width, v / half_height)
    else:
        k = u**power + v**power
        slope = power * np.hypot(u ** (power - 1) / half_width, v ** (power - 1) / half_height)
    return (k - 1) / np.maximum(slope, 0.5)
