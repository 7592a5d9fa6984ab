"""Photos of a few classes from Google Open Images V7, downloaded and split in one call.

    from utils import openimages

    photos = openimages.download(classes=("Rose", "Sunflower"), per_class=600)
    photos.table                                    # one row a photo: class, author, licence …
    x, y = photos.load("training", size=(160, 160))           # (800, 160, 160, 3) and (800,)
    batches = photos.batches("training", size=(160, 160))     # a keras.utils.PyDataset
    keras.utils.image_dataset_from_directory(photos.folder / "training")   # works as well

Only people's judgements count: a photo is taken if somebody verified that it shows its class,
and nobody that it shows another of the classes. Photos that are missing, broken or doubled are
replaced by others. The same seed gives the same photos in the same split on every machine,
however often the download was interrupted; `photos.summary` tells what happened.

The parts: `sources` (mirror and official hosts), `tables` (large CSV files, reduced to the lines
that are wanted), `labels` (which photos are candidates), `photos` (fetch and check one photo),
`collect` (many at once), `recipes` (the arguments), `make` (a set from start to end), `sets` (its
folder), `dataset` (its photos as arrays), `sample` (the stand-in), `lab` (a mirror of a set).

On the command line: `python -m utils.openimages --help`.
"""

from collections.abc import Iterable
from pathlib import Path

from utils.common.errors import DataError
from utils.data.fetching.download import DownloadError
from utils.data.fetching.sources import Reason
from utils.openimages import build, request
from utils.openimages.dataset import Photos
from utils.openimages.dataset_folder import Summary
from utils.openimages.sample import load_sample
from utils.openimages.tables import NoSourceError

__all__ = ["DataError", "Photos", "Summary", "download"]


def download(
    classes: Iterable[str] = ("Rose", "Sunflower"),
    per_class: int | None = None,
    split: tuple[int, int, int] | None = None,
    seed: int = 1,
    folder: str | Path | None = None,
    longest_side: int | None = None,
    connections: int = 32,
    progress: bool = True,
    sample: bool = True,
) -> Photos:
    """Download photos of two or more classes, or take them from the cache.

    Args:
        classes: display names, such as "Rose", or labels, such as "/m/06m11".
        per_class: photos of each class; by default 600, or the sum of `split`.
        split: photos of each class for training, validation and test. By default two thirds,
            one sixth and one sixth: (400, 100, 100).
        seed: which of the possible photos, and which split.
        folder: where the set goes: a new or empty folder, or an earlier set of the same kind.
            By default it is a folder in the cache.
        longest_side: scale larger photos down to so many pixels before they are stored. They
            have up to 1024, which is 300 to 500 kB a photo; 512 pixels take a fifth of that.
            By default they are stored byte for byte as they are.
        connections: downloads at a time.
        progress: show a progress bar.
        sample: where no source can deliver the photos, crops of two photos of scikit-learn
            stand in; that is said, and `origin.is_sample` tells. False raises an error instead.

    Returns:
        The set; see `Photos`.

    Raises:
        ValueError, TypeError: an argument is wrong, a class is unknown, or the folder holds
            something else.
        DataError: there are too few photos of a class, or (`sample=False`) no source has them.
    """
    names = request.check_classes(classes)
    counts = request.check_split(per_class, split)
    request.check_numbers(seed, longest_side, connections)
    folder = request.check_folder(folder)
    wish = request.Wish(names, counts, seed, longest_side)
    failures: list[Reason] = []
    try:
        photos = build.find_set(wish, folder)
        if photos is None:
            recipe = build.resolve(wish, failures, progress)
            photos = build.make_set(wish, recipe, folder, connections, progress, failures)
    except (NoSourceError, DownloadError) as problem:
        if not sample:
            raise DataError(str(problem)) from problem
        if isinstance(problem, DownloadError):
            failures.append(Reason(problem.short, str(problem).rstrip(".")))
        return load_sample(failures)
    print(f"{photos.origin.text}.")
    return photos
