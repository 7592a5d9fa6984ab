"""The set that stands in if Open Images is not available: crops of scikit-learn's two photos.

A building and a flower. Crops of one split overlap each other; two splits have no pixel of a
photo in common.
"""

import hashlib
import io
import itertools

import numpy as np
from PIL import Image

from utils.common.errors import DataError
from utils.data.fetching import places, sources
from utils.data.fetching.errors import DownloadError, Reason
from utils.openimages import dataset_folder
from utils.openimages.dataset import Photos
from utils.openimages.dataset_folder import Summary
from utils.openimages.labels import Category
from utils.openimages.request import SPLITS, Request

WHAT = "crops of scikit-learn's photos of a building and a flower"
REQUEST = Request(
    classes=("Building", "Flower"),
    split=(160, 40, 40),
    seed=0,
    categories=(Category("Building", "sample/building"), Category("Flower", "sample/flower")),
)
FOLDER = "sample-building-flower"
# What the photos show, and the middle of what is cut: rows and columns of (427, 640, 3).
REGIONS = ((slice(64, 352), slice(70, 358)), (slice(76, 364), slice(164, 452)))
# The regions are 3 x 3 blocks. All splits have blocks at the border of the subject.
BLOCK_SIDE = 96
BLOCKS = (
    ("train", "validation", "train"),
    ("test", "train", "test"),
    ("train", "validation", "train"),
)
CROP_SIDES = (64, 72, 80, 88, 96)
CROP_STEP = 8
LEAST_CONTRAST = 25  # standard deviation of a crop's brightness; less shows only background
QUALITY = 95
LICENCE = "https://creativecommons.org/licenses/by/2.0/"
ABOUT = (
    {
        "author": "danielbuechele",
        "author_url": "https://www.flickr.com/photos/danielbuechele/",
        "landing_url": "https://www.flickr.com/photos/danielbuechele/6061409035/",
        "title": "china.jpg of scikit-learn, a crop of",
    },
    {
        "author": "vultilion",
        "author_url": "https://www.flickr.com/photos/vultilion/",
        "landing_url": "https://www.flickr.com/photos/vultilion/6056698931/",
        "title": "flower.jpg of scikit-learn, a crop of",
    },
)


def load_sample(failures: list[Reason]) -> Photos:
    """Return the sample, and say in two lines what it is and why it is not the real thing.

    Raises:
        DataError: No folder can be written.
    """
    counts = " + ".join(str(2 * count) for count in REQUEST.split)
    origin = sources.announce_sample("Open Images", WHAT, f"{counts} photos", failures)
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
    """Cut the crops; return the rows of the table and the JPEGs, in a fixed, mixed order."""
    from sklearn.datasets import load_sample_images

    random = np.random.default_rng(0)
    rows = {split: [] for split in SPLITS}
    for label, photo in enumerate(load_sample_images().images):
        for split, count in zip(SPLITS, REQUEST.split, strict=True):
            places = crop_places(photo, label, split)
            for chosen in random.permutation(len(places))[:count]:
                rows[split].append(_row(photo, label, split, *places[chosen]))
    return [rows[split][i] for split in SPLITS for i in random.permutation(len(rows[split]))]


def crop_places(photo: np.ndarray, label: int, split: str) -> list[tuple[int, int, int]]:
    """Return the crops of a photo that lie in blocks of a split: top, left and side."""
    first_top, first_left = (part.start for part in REGIONS[label])
    places = []
    for row, column, side in itertools.product(range(3), range(3), CROP_SIDES):
        if BLOCKS[row][column] != split:
            continue
        steps = range(0, BLOCK_SIDE - side + 1, CROP_STEP)
        for down, right in itertools.product(steps, steps):
            top = first_top + row * BLOCK_SIDE + down
            left = first_left + column * BLOCK_SIDE + right
            crop = photo[top : top + side, left : left + side]
            if crop.mean(axis=2).std() >= LEAST_CONTRAST:
                places.append((top, left, side))
    return places


def _row(
    photo: np.ndarray, label: int, split: str, top: int, left: int, side: int
) -> tuple[dict, bytes]:
    file = io.BytesIO()
    Image.fromarray(photo[top : top + side, left : left + side]).save(
        file, "JPEG", quality=QUALITY, subsampling=0
    )
    content = file.getvalue()
    category = REQUEST.categories[label]
    name = f"{category.name.lower()}-{top:03}-{left:03}-{side:03}"
    about = ABOUT[label]
    return {
        **about,
        "title": f"{about['title']} {side}x{side} pixels",
        "license": LICENCE,
        "original_url": "",
        "rotation": 0.0,
        "image_id": name,
        "class_name": category.name,
        "label": label,
        "split": split,
        "path": f"{split}/{category.name}/{name}.jpg",
        "width": side,
        "height": side,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "label_id": category.label,
        "subset": "sample",
    }, content
