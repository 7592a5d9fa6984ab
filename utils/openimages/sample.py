"""The set that stands in if Open Images is not available: drawn cats and dogs.

Their colours say nothing, a small network learns little from so few, and one that knows ImageNet
tells them apart: the same story as with photos. They are drawn in a few seconds, from seeds, so
that they are the same everywhere (but for the last bits of a JPEG).
"""

import hashlib
import io

import numpy as np
from PIL import Image

from utils.common.errors import DataError
from utils.data.fetching import places, sources
from utils.data.fetching.errors import DownloadError, Reason
from utils.openimages import dataset_folder, drawn
from utils.openimages.dataset import Photos
from utils.openimages.dataset_folder import Summary
from utils.openimages.labels import Category
from utils.openimages.request import SPLITS, Request

WHAT = "drawn cats and dogs, made by a program"
REQUEST = Request(
    classes=("Cat", "Dog"),
    split=(200, 100, 100),
    seed=0,
    categories=(Category("Cat", "sample/cat"), Category("Dog", "sample/dog")),
)
FOLDER = "sample-drawn-cats-and-dogs"
QUALITY = 85


def load_sample(failures: list[Reason]) -> Photos:
    """Return the sample, and say in two lines what it is and why it is not the real thing.

    Raises:
        DataError: No folder can be written.
    """
    counts = " + ".join(str(2 * count) for count in REQUEST.split)
    origin = sources.announce_sample("Open Images", WHAT, f"{counts} pictures", failures)
    summary = Summary(photos=2 * REQUEST.per_class, already_there=2 * REQUEST.per_class)
    problems = []
    for cache in places.folders_to_write():
        folder = cache / "openimages" / "sets" / FOLDER
        try:
            if not dataset_folder.read_about(folder):
                dataset_folder.write_set(folder, REQUEST, make_rows(), summary)
            return Photos(folder, REQUEST.classes, REQUEST.folder_names, summary, origin)
        except (OSError, DownloadError) as problem:
            problems.append(str(problem))
    raise DataError(f"The sample could not be written: {'; '.join(problems)}")


def make_rows() -> list[tuple[dict, bytes]]:
    """Draw all pictures; return the rows of the table and the JPEGs, the classes mixed."""
    random = np.random.default_rng(0)
    rows = []
    for part, (split, count) in enumerate(zip(SPLITS, REQUEST.split, strict=True)):
        for label in random.permutation(np.repeat([0, 1], count)):
            rows.append(_row(split, int(label), number=len(rows), seed=(part, len(rows))))
    return rows


def _row(split: str, label: int, number: int, seed: tuple[int, int]) -> tuple[dict, bytes]:
    file = io.BytesIO()
    picture = drawn.draw(np.random.default_rng(seed), is_cat=label == 0)
    Image.fromarray(picture).save(file, "JPEG", quality=QUALITY)
    content = file.getvalue()
    category = REQUEST.categories[label]
    name = f"drawn-{category.name.lower()}-{number:03}"
    return {
        "author": "drawn by the course's program",
        "author_url": "",
        "landing_url": "",
        "title": f"{category.name}, number {number}, ",
        "license": "",
        "original_url": "",
        "rotation": 0.0,
        "image_id": name,
        "class_name": category.name,
        "label": label,
        "split": split,
        "path": f"{split}/{category.name}/{name}.jpg",
        "width": drawn.SIDE,
        "height": drawn.SIDE,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "label_id": category.label,
        "subset": "sample",
    }, content
