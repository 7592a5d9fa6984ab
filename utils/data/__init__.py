"""The datasets of the course: one call each, and always a note on where the data came from.

    from utils import data

    mnist = data.load_mnist()
    mnist.x_train.shape     # (60000, 28, 28)
    mnist.origin.text       # "MNIST, 60,000 + 10,000 images, from the cache"

`utils.data.fetching` decides where files are looked for and kept. If no source has them, a small
sample stands in, so that a lesson runs even without a network. See `data/README.md`.

Teachers: `python -m utils.data --help`.
"""

from utils.common.errors import DataError
from utils.data.faces import FacePhotos, load_olivetti
from utils.data.fetching.network import network_available
from utils.data.fetching.places import cache_folder
from utils.data.fetching.registry import RegistryFile, registry_files, unknown
from utils.data.fetching.sources import Origin, fetch, fetch_with_origin
from utils.data.formats import read_idx
from utils.data.images import CIFAR10_CLASSES, ImageDataset, load_cifar10, load_mnist
from utils.data.merges import Merges, load_merges
from utils.data.photos import load_photos
from utils.data.sentence_pairs import SentencePairs, load_tatoeba
from utils.data.spoken_digits import SpokenDigits, load_spoken_digits
from utils.data.texts import Text, load_madach, load_shakespeare, load_text, load_war_and_peace
from utils.data.words import (
    Reviews,
    WordTests,
    WordVectors,
    load_reviews,
    load_word_tests,
    load_word_vectors,
)

__all__ = [
    "CIFAR10_CLASSES",
    "DataError",
    "FacePhotos",
    "ImageDataset",
    "Merges",
    "Origin",
    "RegistryFile",
    "Reviews",
    "SentencePairs",
    "SpokenDigits",
    "Text",
    "WordTests",
    "WordVectors",
    "cache_folder",
    "fetch",
    "fetch_with_origin",
    "load",
    "load_cifar10",
    "load_madach",
    "load_merges",
    "load_mnist",
    "load_olivetti",
    "load_photos",
    "load_reviews",
    "load_shakespeare",
    "load_spoken_digits",
    "load_tatoeba",
    "load_text",
    "load_war_and_peace",
    "load_word_tests",
    "load_word_vectors",
    "network_available",
    "read_idx",
    "registry_files",
]

Dataset = (
    ImageDataset
    | Text
    | SpokenDigits
    | WordVectors
    | WordTests
    | Reviews
    | SentencePairs
    | Merges
    | FacePhotos
)

LOADERS = {
    "mnist": load_mnist,
    "cifar10": load_cifar10,
    "shakespeare": load_shakespeare,
    "madach": load_madach,
    "war_and_peace": load_war_and_peace,
    "word_vectors": load_word_vectors,
    "word_tests": load_word_tests,
    "reviews": load_reviews,
    "spoken_digits": load_spoken_digits,
    "tatoeba": load_tatoeba,
    "merges": load_merges,
    "olivetti": load_olivetti,
}


def load(name: str) -> Dataset:
    """Load a dataset by name, such as `mnist` or `madach`. Raise DataError for an unknown name."""
    if name not in LOADERS:
        raise DataError(unknown("dataset", name, LOADERS))
    return LOADERS[name]()
