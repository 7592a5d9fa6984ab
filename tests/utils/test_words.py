"""`utils.data.words`: the bundled vectors, tests and reviews, and the formats of the files."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from data_world import TinyFile, data_world

from utils import data
from utils.data import DataError, words

MIRROR = os.environ.get("COURSE_DATA_MIRROR", "")
GLOVE = gzip.compress("the 0.5 -1\nkirály 2 0.25\n".encode())
TRAIN = b'[{"Sent": "J\\u00f3  film.", "label": "positive"}, {"Sent": "Hm.", "label": "neutral"}]'
DEV = b'[{"Sent": "J\\u00f3 film.", "label": "positive"}, {"Sent": "Hm.", "label": "negative"}]'


@pytest.fixture
def world(tmp_path, monkeypatch):
    files = {
        words.GLOVE: TinyFile("word_vectors", GLOVE),
        words.ANALOGIES: TinyFile("word_tests", b": family\nboy girl King Queen\n: empty\n"),
        words.SIMILARITIES: TinyFile("word_tests", b"# Word 1\tWord 2\nTiger\tcat\t7.35\n"),
        words.REVIEWS[0]: TinyFile("reviews", TRAIN),
        words.REVIEWS[1]: TinyFile("reviews", DEV),
    }
    with data_world(tmp_path, monkeypatch, files) as world:
        yield world


def test_files_are_read(world):
    world.serve()
    glove = data.load("word_vectors")
    assert glove.words == ["the", "király"] and glove.index["király"] == 1
    assert glove.vectors.dtype == np.float32 and glove.vectors.tolist() == [[0.5, -1], [2, 0.25]]
    tests = data.load_word_tests()
    assert tests.analogies == {"family": [("boy", "girl", "king", "queen")], "empty": []}
    assert tests.similarities == [("tiger", "cat", 7.35)]
    assert not glove.origin.is_sample and not tests.origin.is_sample


def test_reviews_are_pooled_doubles_kept_once_and_contradictions_left_out(world):
    world.serve()
    reviews = data.load_reviews()
    assert reviews.texts == ["Jó film."]
    assert [reviews.names[label] for label in reviews.labels] == ["positive"]


def test_bundled_copies_stand_in(world):
    world.go_offline()
    glove, tests, reviews = data.load_word_vectors(), data.load_word_tests(), data.load_reviews()
    assert all(loaded.origin.is_sample for loaded in (glove, tests, reviews))
    assert glove.vectors.shape == (20_000, 50) and glove.words[0] == "the"
    assert sum(map(len, tests.analogies.values())) == 19_544 and len(tests.similarities) == 353
    assert len(reviews.texts) == 10_488 and np.bincount(reviews.labels).min() > 3_000
    if MIRROR:
        names, vectors = words.read_glove(Path(MIRROR) / words.GLOVE)
        assert names == glove.words
        assert np.abs(vectors - glove.vectors).max() < 0.07  # half a step


def test_a_file_that_is_not_of_vectors_is_an_error(tmp_path):
    path = tmp_path / "glove.gz"
    path.write_bytes(gzip.compress(b"the 0.5\nking queen\n"))
    with pytest.raises(DataError, match="not a file of word vectors"):
        words.read_glove(path)
