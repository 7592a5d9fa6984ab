"""Photos of a few classes from Google Open Images V7, downloaded and split in one call.

    from utils import openimages

    photos = openimages.download(classes=("Rose", "Sunflower"), per_class=600)
    photos.table                                    # one row per photo: class, author, licence …
    x, y = photos.load("train", size=(160, 160))    # (800, 160, 160, 3) and (800,)
    batches = photos.batches("train", size=(160, 160))        # a keras.utils.PyDataset
    keras.utils.image_dataset_from_directory(photos.folder / "train")   # works as well
    openimages.near_twins(photos)                   # pairs that are nearly the same

Only people's judgements count: a photo is taken if somebody has verified that it shows its class,
and nobody that it shows another of the classes. Missing, broken and duplicate photos are replaced
by others. The same seed gives the same photos in the same split on every machine, however often
the download was interrupted; `photos.summary` says what happened.

On the command line: `python -m utils.openimages --help`.
"""

from collections.abc import Iterable

from utils.common.errors import DataError
from utils.data.fetching.errors import DownloadError, Reason
from utils.openimages import build
from utils.openimages.dataset import Photos
from utils.openimages.dataset_folder import Summary
from utils.openimages.request import make_request
from utils.openimages.sample import load_sample
from utils.openimages.tables import NoSourceError
from utils.openimages.twins import near_twins

__all__ = ["DataError", "Photos", "Summary", "download", "near_twins"]


def download(
    classes: Iterable[str] = ("Rose", "Sunflower"),
    per_class: int | None = None,
    split: tuple[int, int, int] | None = None,
    seed: int = 1,
    longest_side: int | None = None,
    progress: bool = True,
    sample: bool = True,
) -> Photos:
    """Download photos of two or more classes, or take them from the cache.

    Args:
        classes: Display names, such as "Rose", or labels, such as "/m/06m11".
        per_class: Photos of each class; by default 600, or the sum of `split`.
        split: Photos of each class for training, validation and test. By default two thirds,
            one sixth and one sixth: (400, 100, 100).
        seed: Decides which of the possible photos are taken, and which split they are in.
        longest_side: Scale larger photos down to this many pixels before storing them. They
            have up to 1024, which is 300 to 500 kB a photo; 512 pixels take a fifth of that.
            By default they are stored byte for byte as they are.
        progress: Show a progress bar.
        sample: If no source can deliver the photos, use drawn cats and dogs
            instead and say so; see `origin.is_sample`. False raises an error instead.

    Returns:
        The set; see `Photos`.

    Raises:
        ValueError, TypeError: An argument is wrong, or a class is unknown.
        DataError: There are too few photos of a class, or (`sample=False`) no source has them.
    """
    request = make_request(classes, per_class, split, seed, longest_side)
    try:
        photos = build.find_set(request)
        if photos is None:
            photos = build.make_set(request, progress)
    except (NoSourceError, DownloadError) as problem:
        if not sample:
            raise DataError(str(problem)) from problem
        if isinstance(problem, NoSourceError):
            return load_sample(problem.failures)
        return load_sample([Reason(problem.short, str(problem).rstrip("."))])
    print(f"{photos.origin.text}.")
    return photos
