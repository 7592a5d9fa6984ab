"""Five photos to try a network on: a cat, a cup of coffee, a man with a camera, a temple, a flower.

Three are bundled (data/photos; authors and licences in data/README.md), and two come with
scikit-learn. All are square, so that networks for pictures take them without distortion.
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "data" / "photos"
BUNDLED = ("cat", "coffee", "camera")
# Name -> its file in scikit-learn, and where the square lies: top, left, side.
SCIKIT_LEARN = {"temple": ("china.jpg", 20, 60, 400), "flower": ("flower.jpg", 27, 100, 400)}


def load_photos(side: int = 227) -> dict[str, np.ndarray]:
    """Load the five photos: name -> (side, side, 3) uint8, RGB. No network is needed."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    photos = {name: Image.open(FOLDER / f"{name}.jpg").convert("RGB") for name in BUNDLED}
    for name, (file, top, left, size) in SCIKIT_LEARN.items():
        square = load_sample_image(file)[top : top + size, left : left + size]
        photos[name] = Image.fromarray(square)
    small = {name: photo.resize((side, side), Image.LANCZOS) for name, photo in photos.items()}
    return {name: np.asarray(photo) for name, photo in small.items()}
