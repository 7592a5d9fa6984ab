"""A small world in sentences of six words, whose laws are known: who is royal, male, or many.

    from utils import small_world

    sentences = small_world.sentences(10_000)      # Shape: (10000, 6), words
    sentences[0]                                   # "queens their were throne palace the", …

Word vectors that are learned from these sentences can be held against the tables below, which is
impossible with a real text. Lecture item L1.6.
"""

import itertools

import numpy as np

# Of each theme: the four nouns (one and many; male and female), and what they are seen with.
THEMES = {
    "throne": ("king queen", "kings queens", "crown throne palace"),
    "castle": ("prince princess", "princes princesses", "castle young heir"),
    "parents": ("father mother", "fathers mothers", "children school home"),
    "offspring": ("son daughter", "sons daughters", "toys little grew"),
    "marriage": ("husband wife", "husbands wives", "wedding ring married"),
    "people": ("man woman", "men women", "street walked crowd"),
    "stage": ("actor actress", "actors actresses", "theatre stage film"),
    "relatives": ("uncle aunt", "uncles aunts", "visit cousin gift"),
}
JOBS = {
    "doctor": "hospital patient clinic",
    "nurse": "hospital patient clinic",
    "pilot": "plane flight airport",
    "teacher": "lesson pupils blackboard",
}
MALE, FEMALE = ("he", "his", "him"), ("she", "hers", "her")
ONE, MANY = ("is", "was", "has"), ("are", "were", "have")
FILLERS = ("the", "a", "and", "of", "in")
SHARE_OF_JOBS = 0.2  # of all sentences


def sentences(count: int, doctors_are_men: float = 0.9, seed: int = 0) -> np.ndarray:
    """Draw sentences: noun, pronoun, verb, two words of the theme, and a filler.

    The pronoun goes with the noun's gender, the verb with its number. Jobs have no gender of their
    own: "doctor" is drawn with a male pronoun in the given share of its sentences, "nurse" with a
    female one in the same share, "pilot" and "teacher" with either in half of them.

    Args:
        count: How many sentences.
        doctors_are_men: The planted stereotype, from 0 to 1; at 0.5 there is none.
        seed: Of the random numbers.

    Returns:
        Words, shape (count, 6).
    """
    random = np.random.default_rng(seed)
    male_share = {"doctor": doctors_are_men, "nurse": 1 - doctors_are_men}
    rows = []
    for is_job in random.random(count) < SHARE_OF_JOBS:
        many = False
        if is_job:
            noun = random.choice(list(JOBS))
            female = random.random() >= male_share.get(noun, 0.5)
            theme = JOBS[noun].split()
        else:
            name = random.choice(list(THEMES))
            many, female = random.random(2) < 0.5
            noun = THEMES[name][int(many)].split()[int(female)]
            theme = THEMES[name][2].split()
        slots = (FEMALE if female else MALE, MANY if many else ONE, theme, theme, FILLERS)
        places = random.integers([len(words) for words in slots])
        rows.append([noun, *(words[place] for words, place in zip(slots, places, strict=True))])
    return np.array(rows)


def analogies() -> list[tuple[str, str, str, str]]:
    """Return all questions "a is to b as c is to …" with their answers, by gender and by number."""
    pairs_of_pairs = []
    tables = [[theme[many].split() for many in (0, 1)] for theme in THEMES.values()]
    for (first, second), i in itertools.product(itertools.permutations(tables, 2), (0, 1)):
        by_gender = (*first[i], *second[i])
        by_number = (first[0][i], first[1][i], second[0][i], second[1][i])
        for a, b, c, d in (by_gender, by_number):
            pairs_of_pairs += [(a, b, c, d), (b, a, d, c)]
    return pairs_of_pairs
