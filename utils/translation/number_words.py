"""Numbers in words, in four languages, and what each word speaks of.

    from utils.translation import number_words

    number_words.spell(21, "German")    # ["ein", "und", "zwanzig"]
    number_words.places(21, "German")   # [{0}, {0, 1}, {1}]: units, both, tens
    number_words.write(21, "German")    # "einundzwanzig"

Where a language writes words together they are given in parts. A word speaks of one or more places
of the number: 0 is the units, 1 the tens, … 5 the hundreds of thousands, and THOUSAND the word for
a thousand itself. Two words of two languages belong together if they share a place.
The English is that without "and"; the French that of France.
"""

from collections.abc import Callable

LANGUAGES = ("English", "German", "French", "Hungarian")
HIGHEST = 999_999
THOUSAND = 6

Part = tuple[str, set[int]]  # a word and the places that it speaks of

_WORDS = {
    "English": "one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
    "German": "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "French": "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze "
    "seize",
    "Hungarian": "egy kettő három négy öt hat hét nyolc kilenc",
}
_TENS = {
    "English": "ten twenty thirty forty fifty sixty seventy eighty ninety",
    "German": "zehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "French": "dix vingt trente quarante cinquante soixante",
    "Hungarian": "tíz húsz harminc negyven ötven hatvan hetven nyolcvan kilencven",
}
_SMALL = {language: ["", *words.split()] for language, words in _WORDS.items()}
_TENS = {language: ["", *words.split()] for language, words in _TENS.items()}


def spell(number: int, language: str) -> list[str]:
    """Return the words, or the parts of words, of a number from 1 to 999,999.

    Raises:
        ValueError: The number or the language is not among those.
    """
    return [word for word, _ in _parts(number, language)]


def places(number: int, language: str) -> list[set[int]]:
    """Return the places that each of the words of `spell` speaks of."""
    return [about for _, about in _parts(number, language)]


def write(number: int, language: str) -> str:
    """Return the number as it is written, but for hyphens."""
    return join(spell(number, language), language)


def join(words: list[str], language: str) -> str:
    """Return words as they are written, but for hyphens: German and Hungarian have no blanks."""
    return ("" if language in ("German", "Hungarian") else " ").join(words)


def _parts(number: int, language: str) -> list[Part]:
    if language not in LANGUAGES:
        raise ValueError(f"The languages are {', '.join(LANGUAGES)}; there is no {language!r}.")
    if not 1 <= number <= HIGHEST:
        raise ValueError(f"A number from 1 to {HIGHEST:,} was expected, not {number}.")
    thousands, rest = divmod(int(number), 1000)
    below = _BELOW_THOUSAND[language]
    parts = []
    if thousands:
        bare = thousands == 1 and language in ("French", "Hungarian")
        parts = [] if bare else below(thousands, 3, True)
        word = {"English": "thousand", "German": "tausend", "French": "mille", "Hungarian": "ezer"}
        parts.append((word[language], {THOUSAND, 3} if bare else {THOUSAND}))
    return parts + (below(rest, 0, False) if rest else [])


def _english(number: int, at: int, before_thousand: bool) -> list[Part]:
    parts = []
    hundreds, rest = divmod(number, 100)
    if hundreds:
        parts += [(_SMALL["English"][hundreds], {at + 2}), ("hundred", {at + 2})]
    if rest < 20:
        return parts + _small(rest, at, "English")
    return parts + [(_TENS["English"][rest // 10], {at + 1})] + _small(rest % 10, at, "English")


def _german(number: int, at: int, before_thousand: bool) -> list[Part]:
    parts = []
    hundreds, rest = divmod(number, 100)
    if hundreds:
        parts += [(_one(hundreds), {at + 2}), ("hundert", {at + 2})]
    if rest == 1 and before_thousand:
        return [*parts, ("ein", {at})]
    if rest < 20:
        return parts + _small(rest, at, "German")
    tens, units = divmod(rest, 10)
    if units:
        parts += [(_one(units), {at}), ("und", {at, at + 1})]
    return [*parts, (_TENS["German"][tens], {at + 1})]


def _one(digit: int) -> str:
    return "ein" if digit == 1 else _SMALL["German"][digit]


def _french(number: int, at: int, before_thousand: bool) -> list[Part]:
    small, parts = _SMALL["French"], []
    hundreds, rest = divmod(number, 100)
    if hundreds > 1:
        parts.append((small[hundreds], {at + 2}))
    if hundreds:
        plural = hundreds > 1 and not rest and not before_thousand
        parts.append(("cents" if plural else "cent", {at + 2}))
    tens, units = divmod(rest, 10)
    if rest < 17:
        return parts + _small(rest, at, "French")
    if tens == 1:
        return [*parts, ("dix", {at + 1}), (small[units], {at})]
    if tens in (7, 9):  # sixty and ten, four times twenty and ten
        tens, units = tens - 1, units + 10
    if tens == 8:
        plural = not units and not before_thousand
        parts += [("quatre", {at + 1}), ("vingts" if plural else "vingt", {at + 1})]
    else:
        parts.append((_TENS["French"][tens], {at + 1}))
    if units in (1, 11) and tens != 8:
        parts.append(("et", {at, at + 1}))
    if units > 16:
        return [*parts, ("dix", {at + 1}), (small[units - 10], {at})]
    return parts + _small(units, at, "French")


def _hungarian(number: int, at: int, before_thousand: bool) -> list[Part]:
    parts = []
    hundreds, rest = divmod(number, 100)
    if hundreds > 1:
        parts.append((_two(hundreds, True), {at + 2}))
    if hundreds:
        parts.append(("száz", {at + 2}))
    tens, units = divmod(rest, 10)
    if tens:
        joined = {1: "tizen", 2: "huszon"} if units else {}
        parts.append((joined.get(tens, _TENS["Hungarian"][tens]), {at + 1}))
    return [*parts, (_two(units, before_thousand), {at})] if units else parts


def _two(digit: int, before_another: bool) -> str:
    return "két" if digit == 2 and before_another else _SMALL["Hungarian"][digit]


def _small(number: int, at: int, language: str) -> list[Part]:
    """Return the one word of a number below 20 (or 17), which may speak of tens and units."""
    if not number:
        return []
    about = {at} if number < 10 else {at + 1} if number == 10 else {at, at + 1}
    return [(_SMALL[language][number], about)]


_BELOW_THOUSAND: dict[str, Callable[[int, int, bool], list[Part]]] = {
    "English": _english,
    "German": _german,
    "French": _french,
    "Hungarian": _hungarian,
}
