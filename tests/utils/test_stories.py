"""`utils.models.stories`: the bundled story model, and texts as its pieces."""

import functools
import os
import pathlib

import numpy as np
import pytest

from benchmarks import language_model
from tools.weights import get_stories
from utils.common.errors import DataError
from utils.models import stories

# As its author printed it, llama2.c, doc/stories260K.md.
DOCUMENTED = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n"
    "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do."
)
MIRROR = pathlib.Path(os.environ.get("COURSE_DATA_MIRROR", "/none"))


@pytest.fixture(scope="module")
def pieces():
    return stories.Pieces()


def test_weights_have_their_shapes():
    net = stories.load()
    assert net.embedding.shape == (512, 64) and net.key.shape == (5, 32, 64)
    assert sum(part.size for part in vars(net).values()) == 260_032
    assert all(part.dtype == np.float32 for part in vars(net).values())
    assert "260,032" in repr(net)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [1]),
        ("Once upon a time", [1, 403, 407, 261, 378]),
        ("7 apples", [1, 410, 491, 261, 339, 305, 419]),
        ("ő", [1, 410, 200, 148]),
        ("😀", [1, 410, 243, 162, 155, 131]),
    ],
)
def test_texts_have_the_numbers_of_llama2c(pieces, text, numbers):
    assert pieces.encode(text) == numbers
    assert pieces.decode(pieces.encode(text)) == text


@pytest.mark.parametrize(
    "text", ["  two  blanks ", "new\nline\n", "árvíztűrő", "<s> <0x0A> ▷", " "]
)
def test_every_text_comes_back(pieces, text):
    assert pieces.decode(pieces.encode(text)) == text


def test_words_are_cut_as_whole_texts_are(pieces):
    assert not any(b" " in piece[1:] for piece in pieces.pieces)  # so nothing joins across a blank


def test_a_text_ends_where_the_next_begins(pieces):
    story = pieces.encode("The end")
    assert pieces.decode([*story, stories.START, *story]) == "The end"
    assert pieces.decode([]) == pieces.decode([stories.START]) == ""


def test_half_a_character_is_shown_as_a_sign(pieces):
    assert pieces.decode(pieces.encode("ő")[:-1]) == "�"
    assert pieces.names(pieces.encode("a ő")) == ["▷", "␣a", "␣", "�", "�"]


@pytest.mark.parametrize("name", stories.SHA256)
def test_a_damaged_or_missing_file_is_named(tmp_path, monkeypatch, name):
    for other in stories.SHA256:
        (tmp_path / other).write_bytes((stories.FOLDER / other).read_bytes())
    monkeypatch.setattr(stories, "FOLDER", tmp_path)
    read = stories.load if name.startswith("stories") else stories.Pieces
    (tmp_path / name).write_bytes(b"other")
    with pytest.raises(DataError, match=f"{name} is damaged"):
        read()
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match="cannot be read"):
        read()


def test_they_can_be_got_again(tmp_path, monkeypatch):
    if not (MIRROR / "stories").is_dir():
        pytest.skip("the mirror has no stories")
    bundled = {name: (stories.FOLDER / name).read_bytes() for name in stories.SHA256}
    monkeypatch.setattr(stories, "FOLDER", tmp_path)
    get_stories.main([str(MIRROR)])
    assert {name: (tmp_path / name).read_bytes() for name in bundled} == bundled


def test_another_file_is_not_taken(tmp_path):
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "stories260K.bin").write_bytes(b"other")
    with pytest.raises(ValueError, match="not the expected file"):
        get_stories.main([str(tmp_path)])


lesson = functools.cache(language_model.lesson)


def test_greedily_it_tells_the_story_of_its_author(pieces):
    story = lesson()["write"]([pieces.encode("")], 130, lesson()["greedily"])
    assert DOCUMENTED.startswith(pieces.decode(story[0])[:200])
    assert len(pieces.decode(story[0])) > 200


@pytest.mark.parametrize("steps", [(1,) * 40, (10, 1, 9, 20), (40,)])
def test_with_the_cache_it_reads_as_without(steps):
    numbers = np.random.default_rng(0).integers(3, 512, (2, 40))
    whole = lesson()["forward"](numbers, lesson()["empty_cache"](2))
    cache, ends = lesson()["empty_cache"](2), np.cumsum(steps)
    starts = ends - steps
    parts = [lesson()["forward"](numbers[:, i:j], cache) for i, j in zip(starts, ends, strict=True)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-4)


def test_what_comes_later_changes_nothing_earlier():
    numbers = np.random.default_rng(1).integers(3, 512, (1, 30))
    other = numbers.copy()
    other[:, 20:] = 3
    before, after = (lesson()["forward"](x, lesson()["empty_cache"](1)) for x in (numbers, other))
    np.testing.assert_allclose(before[:, :20], after[:, :20], atol=1e-5)
    assert np.abs(before[:, 20:] - after[:, 20:]).max() > 0.1


def test_more_than_the_context_is_an_error():
    with pytest.raises(ValueError, match="513 pieces, and the model learned to read 512"):
        lesson()["forward"](np.ones((1, 513), int), lesson()["empty_cache"](1))
    cache = lesson()["empty_cache"](1)
    lesson()["forward"](np.ones((1, 512), int), cache)
    with pytest.raises(ValueError, match="513 pieces"):
        lesson()["forward"](np.ones((1, 1), int), cache)
