"""A tiny Open Images for the tests: tables and JPEGs in the layout of the official hosts."""

import csv
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

ROSE, SUNFLOWER, TULIP = "/m/06m11", "/m/0ftb8", "/m/07xyz"
DESCRIPTIONS = "openimages/v7/oidv7-class-descriptions.csv"
LABELS = "openimages/v7/oidv7-{}-annotations-human-imagelabels.csv"
PHOTOS = "openimages/2018_04/{0}/{0}-images-with-rotation.csv"
TRAIN_PHOTOS = "openimages/2018_04/train/train-images-boxable-with-rotation.csv"
LABEL_HEADER = ("ImageID", "Source", "LabelName", "Confidence")
PHOTO_HEADER = (
    *("ImageID", "Subset", "OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL"),
    *("Author", "Title", "OriginalSize", "OriginalMD5", "Thumbnail300KURL", "Rotation"),
)
NAMES = (
    (ROSE, "Rose"),
    (SUNFLOWER, "Sunflower"),
    (TULIP, "Tulip"),
    ("/m/0jag1", "Jaguar"),
    ("/m/0jag2", "Jaguar"),
    ("/m/0scr", "Screw, nut / bolt?"),
    ("/m/0doll1", "Doll"),
    ("/m/0doll2", "doll"),
    ("/t/dd1", 'Dog "Rex"'),
)


def image_id(name: str) -> str:
    """Return an id like the real ones: 16 hexadecimal digits."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def jpeg(name: str, size: tuple[int, int] = (48, 40), mode: str = "RGB", colour=None) -> bytes:
    """Return a small JPEG; each name has its own."""
    channels = {"RGB": 3, "L": 1, "CMYK": 4}[mode]
    random = np.random.default_rng(list(name.encode()))
    coarse = random.integers(0, 256, (5, 6, channels), dtype=np.uint8)
    if colour is not None:
        coarse[:] = colour
    file = io.BytesIO()
    Image.frombytes(mode, (6, 5), coarse.tobytes()).resize(size).save(file, "JPEG", quality=85)
    return file.getvalue()


class TinyOpenImages:
    """Builds the files: path in a mirror -> content."""

    def __init__(self, line_end: str = "\n"):
        self.line_end = line_end
        self.labels: dict[str, list[tuple]] = {"validation": [], "test": [], "train": []}
        self.about: dict[str, list[tuple]] = {"validation": [], "test": [], "train": []}
        self.photos: dict[str, bytes] = {}
        self.names = list(NAMES)

    def add(
        self,
        name: str,
        labels: Iterable[str],
        part: str = "validation",
        content: bytes | None = None,
        absent: Iterable[str] = (),
        listed: bool = True,
        confidence: str = "1",
        rotation: str = "0.0",
    ) -> str:
        """Add a photo; return its id. `content=b""` leaves the JPEG out."""
        key = image_id(name)
        for label in labels:
            self.labels[part].append((key, "verification", label, confidence))
        for label in absent:
            self.labels[part].append((key, "crowdsource-verification", label, "0.0"))
        if listed:
            page = f"https://www.flickr.com/photos/somebody/{name}"
            licence = "https://creativecommons.org/licenses/by/2.0/"
            about = (key, part, f"https://farm.flickr.com/{name}.jpg", page, licence)
            about += ("https://www.flickr.com/people/x/", f"Ann {name}", f'The "{name}", a photo')
            self.about[part].append((*about, "1", "", "", rotation))
        if content != b"":
            path = f"open-images-dataset/{part}/{key}.jpg"
            self.photos[path] = jpeg(name) if content is None else content
        return key

    def add_many(self, count: int, part: str = "validation", first: int = 0) -> None:
        """Add so many good roses and sunflowers."""
        for number in range(first, first + count):
            self.add(f"rose{number}", [ROSE], part, confidence="1.0" if number % 2 else "1")
            self.add(f"sun{number}", [SUNFLOWER], part, absent=[TULIP], rotation="")

    def files(self) -> dict[str, bytes]:
        """Return all files. The train part is there only if it has photos."""
        files = self.photos | {DESCRIPTIONS: self._csv(("LabelName", "DisplayName"), self.names)}
        for part in ("validation", "test", "train"):
            if part == "train" and not self.labels[part]:
                continue
            labels = LABELS.format({"validation": "val"}.get(part, part))
            files[labels] = self._csv(LABEL_HEADER, sorted(self.labels[part]))
            path = TRAIN_PHOTOS if part == "train" else PHOTOS.format(part)
            files[path] = self._csv(PHOTO_HEADER, sorted(self.about[part]))
        return files

    def _csv(self, header: Iterable[str], rows: Iterable[tuple]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator=self.line_end)
        writer.writerow(header)
        writer.writerows(rows)
        return text.getvalue().encode()

    def write(self, folder: Path) -> Path:
        """Write a mirror; return its folder."""
        for path, content in self.files().items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return folder
