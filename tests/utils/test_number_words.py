"""Number words: known spellings, every number a spelling of its own, and places that fit."""

import pytest

from utils.translation import number_words

KNOWN = {
    "English": {21: "twenty one", 100: "one hundred", 16_012: "sixteen thousand twelve"},
    "German": {
        1: "eins",
        21: "einundzwanzig",
        101: "einhunderteins",
        201_001: "zweihunderteintausendeins",
        17_030: "siebzehntausenddreißig",
    },
    "French": {
        16: "seize",
        17: "dix sept",
        21: "vingt et un",
        71: "soixante et onze",
        77: "soixante dix sept",
        80: "quatre vingts",
        81: "quatre vingt un",
        91: "quatre vingt onze",
        99: "quatre vingt dix neuf",
        200: "deux cents",
        201: "deux cent un",
        1000: "mille",
        80_000: "quatre vingt mille",
        200_000: "deux cent mille",
    },
    "Hungarian": {
        2: "kettő",
        12: "tizenkettő",
        20: "húsz",
        21: "huszonegy",
        102: "százkettő",
        200: "kétszáz",
        1000: "ezer",
        2002: "kétezerkettő",
        42_042: "negyvenkétezernegyvenkettő",
    },
}


@pytest.mark.parametrize("language", number_words.LANGUAGES)
def test_known_numbers_are_spelled_as_in_a_grammar(language):
    for number, written in KNOWN[language].items():
        assert number_words.write(number, language) == written


@pytest.mark.parametrize("language", number_words.LANGUAGES)
def test_no_two_numbers_are_spelled_alike(language):
    numbers = [*range(1, 12_000), *range(12_000, 1_000_000, 997)]
    assert len({tuple(number_words.spell(n, language)) for n in numbers}) == len(numbers)


@pytest.mark.parametrize("language", number_words.LANGUAGES)
def test_the_words_speak_of_all_places_that_are_not_zero_and_of_no_other(language):
    for number in [*range(1, 3000), *range(3000, 1_000_000, 991)]:
        spoken = set().union(*number_words.places(number, language))
        digits = {place for place, digit in enumerate(reversed(str(number))) if digit != "0"}
        # Eleven is one word for two places; ten has no units, and no word says so.
        assert spoken - {number_words.THOUSAND} == digits
        assert (number_words.THOUSAND in spoken) == (number >= 1000)


def test_the_languages_say_the_same_places():
    for number in range(1, 1_000_000, 4999):
        spoken = [set().union(*number_words.places(number, x)) for x in number_words.LANGUAGES]
        assert all(places == spoken[0] for places in spoken)


def test_german_turns_tens_and_units_round():
    assert number_words.spell(21, "German") == ["ein", "und", "zwanzig"]
    assert number_words.places(21, "German") == [{0}, {0, 1}, {1}]


@pytest.mark.parametrize(
    ("number", "language", "words"),
    [(0, "German", "from 1 to"), (10**6, "French", "not 1000000"), (5, "Latin", "no 'Latin'")],
)
def test_what_cannot_be_spelled_is_said(number, language, words):
    with pytest.raises(ValueError, match=words):
        number_words.spell(number, language)
