"""Find photos that are nearly the same: another size, another brightness, a second later."""

import numpy as np
import pandas as pd

from utils.openimages.dataset import Photos
from utils.openimages.request import SPLITS


def near_twins(photos: Photos, most_bits: int = 6) -> pd.DataFrame:
    """Return the pairs of photos whose difference hashes differ in few of their 64 bits.

    The difference hash of a photo: shrink it to 8 rows of 9 grey pixels, and note for each pixel
    whether the one to its right is brighter.

    Args:
        photos: The set. The pairs may lie within a split or across two.
        most_bits: How many bits of a pair may differ.

    Returns:
        One row for each pair, the most similar first: `bits`, the rows `first` and `second` of
        `photos.table`, and the splits that these are in, `first_split` and `second_split`.
    """
    small = [photos.load(split, size=(8, 9), crop=None)[0] for split in SPLITS]
    rows = [photos.table.index[photos.table["split"] == split] for split in SPLITS]
    order = np.concatenate(rows)
    grey = np.concatenate(small).mean(axis=-1)  # (photos, 8, 9)
    signs = np.where(grey[:, :, 1:] > grey[:, :, :-1], 1, -1).reshape(len(grey), 64)
    bits = (64 - signs @ signs.T) // 2  # an equal bit adds 1 to the product, another one -1
    first, second = np.nonzero(np.triu(bits <= most_bits, k=1))
    pairs = pd.DataFrame(
        {"bits": bits[first, second], "first": order[first], "second": order[second]}
    )
    for side in ("first", "second"):
        pairs[f"{side}_split"] = photos.table["split"].to_numpy()[pairs[side]]
    return pairs.sort_values("bits", kind="stable", ignore_index=True)
