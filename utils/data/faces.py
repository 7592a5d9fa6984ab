"""The Olivetti faces: forty people, ten grey photos of each, with labels for glasses and smiles.

from utils import data

faces = data.load_olivetti()
faces.images        # (400, 64, 64)
faces.people        # (400,) who it is
"""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.common.errors import DataError
from utils.data.fetching import sources
from utils.data.fetching.registry import entry_of
from utils.data.fetching.sources import Origin

OLIVETTI = "faces/olivettifaces.mat"
LABELS = Path(__file__).resolve().parents[2] / "data" / "olivetti_labels.csv"
PEOPLE, PHOTOS, SIDE = 40, 10, 64
UNCLEAR = -1


@dataclass(frozen=True, eq=False, repr=False)
class FacePhotos:
    """Photos of faces, ten of each person, one person after the other.

    Attributes:
        images: (400, 64, 64) uint8, grey.
        people: (400,) int32, 0..39.
        glasses: (400,) bool.
        smiles: (400,) int32: 1 a clear smile, 0 clearly none, -1 unclear.
        origin: Where they came from.
    """

    images: np.ndarray
    people: np.ndarray
    glasses: np.ndarray
    smiles: np.ndarray
    origin: Origin

    def __repr__(self) -> str:
        count, people = len(self.images), len(np.unique(self.people))
        return f"FacePhotos({count} of {people} people, 64x64, from: {self.origin.kind})"


def load_olivetti() -> FacePhotos:
    """Load the Olivetti faces (AT&T Laboratories Cambridge, 1992 to 1994) with the course's labels.

    If no source has them, drawn faces of forty invented people stand in; `origin.is_sample`.
    """
    failures = []
    found = sources.find([OLIVETTI], failures)
    people = np.repeat(np.arange(PEOPLE, dtype="int32"), PHOTOS)
    counted = f"{PEOPLE} people, {PHOTOS} photos each"
    if found:
        glasses, smiles = read_labels(LABELS)
        images = read_olivetti(found.path)
        return FacePhotos(images, people, glasses, smiles, found.announce(counted))
    images, glasses, smiles = drawn_people()
    what = "faces of invented people, drawn by a program"
    origin = sources.announce_sample(entry_of(OLIVETTI).title, what, counted, failures)
    return FacePhotos(images, people, glasses, smiles, origin)


def read_olivetti(path: str | os.PathLike) -> np.ndarray:
    """Read the MATLAB file: a column a photo, which runs down the columns of the photo.

    Returns:
        (400, 64, 64) uint8.

    Raises:
        DataError: The file cannot be read, or holds something else.
    """
    import scipy.io

    try:
        columns = scipy.io.loadmat(path)["faces"]
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        NotImplementedError,
        scipy.io.matlab.MatReadError,
    ) as problem:
        raise DataError(f"{path} is not the file of the Olivetti faces: {problem!r}.") from problem
    if columns.shape != (SIDE * SIDE, PEOPLE * PHOTOS) or columns.dtype != np.uint8:
        raise DataError(f"{path} holds {columns.dtype} of shape {columns.shape}, not 400 faces.")
    return np.ascontiguousarray(columns.T.reshape(-1, SIDE, SIDE).swapaxes(1, 2))


def read_labels(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the course's table: glasses, (400,) bool, and smiles, (400,) int32, -1 if unclear."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    glasses = np.array([row["glasses"] == "1" for row in rows])
    return glasses, np.array([int(row["smile"] or UNCLEAR) for row in rows], "int32")


def drawn_people() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the stand-in: forty people, of whom eight always wear glasses and seven sometimes.

    Who always wears glasses has darker and shorter hair and heavier brows, by design: glasses hang
    together with the person, as they do in the photos.

    Returns:
        Images, (400, 64, 64) uint8; glasses, (400,) bool; smiles, (400,) int32.
    """
    from utils import drawn_faces

    random = np.random.default_rng(1994)
    order = random.permutation(PEOPLE)
    always, sometimes = np.isin(np.arange(PEOPLE), order[:8]), np.isin(range(PEOPLE), order[8:15])
    wears = np.repeat(always, PHOTOS) | (
        np.repeat(sometimes, PHOTOS) & (random.random(PEOPLE * PHOTOS) < 0.5)
    )
    shares = {name: random.random(PEOPLE) for name in drawn_faces.PARAMETERS}
    shares["shade"] = np.where(always, 0.0, 0.4) + 0.6 * shares["shade"]
    shares["length"] = np.where(always, 0.1, 0.4) + 0.6 * shares["length"]
    shares["brows"] = np.where(always, 0.4, 0.1) + 0.6 * shares["brows"]
    parameters = {name: np.repeat(share, PHOTOS) for name, share in shares.items()}
    for name in ("mouth", "turn", "nod"):
        parameters[name] = random.uniform(-0.6, 1.0, PEOPLE * PHOTOS)
    parameters["glasses"] = wears.astype("float32")
    images, _ = drawn_faces.paint(parameters, size=SIDE)
    low, high = drawn_faces.NO_SMILE[1], drawn_faces.SMILE[0]
    mouth = parameters["mouth"]
    smiles = np.where(mouth >= high, 1, np.where(mouth <= low, 0, UNCLEAR)).astype("int32")
    return np.round(images * 255).astype("uint8"), wears, smiles
