"""GPT-2's bytes, words and merges, and the lesson's functions that join them to its numbers."""

import functools
import itertools
from collections import Counter

import pytest
from data_world import TinyFile, data_world

from tools.authoring import cells
from utils import byte_pairs, data, exercises
from utils.data import DataError, merges

# What the library `tokenizers` gives with OpenAI's own two files (version 0.23.3).
KNOWN = {
    "": [],
    "Hello world": [15496, 995],
    "  two spaces": [220, 734, 9029],
    "Once upon a time, there was a little girl named Lily.": [
        *(7454, 2402, 257, 640, 11, 612, 373, 257, 1310, 2576, 3706, 20037, 13)
    ],
    " árvíztűrő tükörfúrógép": [
        *(6184, 94, 81, 85, 8836, 89, 83, 129, 109, 81, 129, 239, 256, 9116, 74, 30570),
        *(69, 21356, 81, 10205, 70, 2634, 79),
    ],
    "😀": [47249, 222],
    "1234567 3.14": [10163, 2231, 3134, 513, 13, 1415],
    "I'll don't CAPITALS\n\n\nnew\tline  ": [
        *(40, 1183, 836, 470, 20176, 2043, 23333, 628, 198, 3605, 197, 1370, 220, 220)
    ],
    "the thermal theory": [1169, 18411, 4583],
}


@functools.cache
def lesson():
    """Return the functions of lesson 12b that encode and decode, with the merges there are."""
    found = data.load_merges()
    pieces = [*byte_pairs.ALPHABET, *("".join(pair) for pair in found.pairs)]
    names = {
        "byte_pairs": byte_pairs,
        "itertools": itertools,
        "exercises": exercises,
        "merge": None,  # so that the lesson's own is taken
        "Counter": Counter,
        "gpt2_pieces": pieces,
        "gpt2_number": {piece: number for number, piece in enumerate(pieces)},
        "gpt2_rank": {pair: place for place, pair in enumerate(found.pairs)},
    }
    defined = cells.definitions("12b_language_model.ipynb", {"gpt2-pieces"}, **names)
    return defined, found


@pytest.mark.parametrize("text", KNOWN)
def test_numbers_are_gpt2s(text):
    defined, found = lesson()
    known, numbers = KNOWN[text], defined["encode"](text)
    assert defined["decode"](numbers) == text
    if max(known, default=0) < 256 + len(found.pairs):
        assert numbers == known
    else:
        assert len(numbers) >= len(known)  # with the sample, in smaller pieces


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("I'll go", ["I", "'ll", " go"]),
        ("a  b\n\n c ", ["a", " ", " b", "\n\n", " c", " "]),
        ("x²=½ and 3", ["x", "²", "=", "½", " and", " 3"]),
        ("snake_case!?", ["snake", "_", "case", "!?"]),
        ("ősz 一二 😀", ["ősz", " 一二", " 😀"]),
        ("a \x1d's \x1f b", ["a", " \x1d'", "s", " \x1f", " b"]),
    ],
)
def test_words_are_those_of_gpt2(text, words):
    assert byte_pairs.words_of(text) == words and "".join(words) == text


def test_each_byte_has_a_character_of_its_own():
    assert len(set(byte_pairs.ALPHABET)) == 256 and byte_pairs.ALPHABET.isprintable()
    assert byte_pairs.ALPHABET[:3] == '!"#' and byte_pairs.ALPHABET[220] == "Ġ"
    assert byte_pairs.to_characters(" ő") == "ĠÅĳ"
    text = "".join(map(chr, range(0x250))) + "😀"
    assert byte_pairs.to_text([byte_pairs.to_characters(text)]) == text
    assert byte_pairs.to_text(["Å"]) == "�"


@pytest.fixture
def world(tmp_path, monkeypatch):
    files = {merges.MERGES: TinyFile("merges", "#version: 0.2\nĠ t\nĠt he\n".encode())}
    with data_world(tmp_path, monkeypatch, files) as world:
        yield world


def test_merges_are_read(world):
    world.serve()
    found = data.load("merges")
    assert found.pairs == [("Ġ", "t"), ("Ġt", "he")] and not found.origin.is_sample
    assert "2 pairs" in repr(found)


def test_the_first_merges_stand_in(world, capsys):
    world.go_offline()
    found = data.load_merges()
    assert len(found.pairs) == 18_000 and found.pairs[6] == ("Ġt", "he")
    assert found.origin.is_sample and "smaller pieces" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["a b\n", "#version: 0.2\na b c\n", ""])
def test_what_is_no_list_of_merges_is_said(text):
    with pytest.raises(DataError, match="no list of merges"):
        merges.read_merges(text)
