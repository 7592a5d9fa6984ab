"""Judge the exercises of lesson 13b, vectors that change a face."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short

_random = np.random.default_rng(13)
_CODES = _random.normal(size=(40, 3))
_HAIR = np.arange(40) % 4 < 1
_SMILES = np.where(_HAIR, np.arange(40) % 3 > 0, np.arange(40) % 5 < 1)


def _difference(codes, first):
    return codes[first].mean(axis=0) - codes[~first].mean(axis=0)


def _balanced(codes, smiles, long_hair):
    parts = [_difference(codes[hair], smiles[hair]) for hair in (long_hair, ~long_hair)]
    return (parts[0] + parts[1]) / 2


def _vector(answer: Any, size: int) -> str:
    """Return what is wrong with the form of a vector, or an empty text."""
    shape = np.shape(answer)
    return "" if shape == (size,) else f"the shape is {shape}; one vector, ({size},), was expected."


def smile_vector(function: Callable[..., Any]) -> bool | str | None:
    """Judge the difference of the mean codes."""
    answer = function(_CODES.copy(), _SMILES.copy())
    if answer is None:
        return None
    if wrong := _vector(answer, 3):
        return wrong
    smiling, serious = _CODES[_SMILES], _CODES[~_SMILES]
    right = _difference(_CODES, _SMILES)
    mistakes = [
        ("that takes smiles away: the smiling come first.", -right),
        ("that is the mean of the smiling alone; take off that of the others.", smiling.mean(0)),
        ("take off the mean of the others, not of all.", smiling.mean(0) - _CODES.mean(0)),
        ("means were asked for, not sums.", smiling.sum(0) - serious.sum(0)),
        ("one number for each place in the code: mean over the faces alone.", np.mean(right)),
        (
            "divide by the number of faces of each kind, not of all.",
            (smiling.sum(0) - serious.sum(0)) / len(_CODES),
        ),
        ("that is the difference of two faces; take the mean of many.", smiling[0] - serious[0]),
        (
            "0 and 1 pick the first two faces; a mask of True and False picks by kind.",
            _CODES[_SMILES.astype(int)].mean(0) - _CODES[1 - _SMILES.astype(int)].mean(0),
        ),
    ]
    return np.allclose(answer, right) or (
        named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    )


def balanced_vector(function: Callable[..., Any]) -> bool | str | None:
    """Judge the vector in which both lengths of hair count the same."""
    answer = function(_CODES.copy(), _SMILES.copy(), _HAIR.copy())
    if answer is None:
        return None
    if wrong := _vector(answer, 3):
        return wrong
    right = _balanced(_CODES, _SMILES, _HAIR)
    among = [_difference(_CODES[hair], _SMILES[hair]) for hair in (_HAIR, ~_HAIR)]
    share = _HAIR.mean()
    mistakes = [
        ("that is the raw vector; the hair is not looked at.", _difference(_CODES, _SMILES)),
        ("that takes smiles away: the smiling come first.", -right),
        ("that is the sum of the two; their mean was asked for.", 2 * right),
        ("that is the vector among long hair alone.", among[0]),
        ("that is the vector among short hair alone.", among[1]),
        (
            "both lengths of hair count the same, however many faces have them.",
            share * among[0] + (1 - share) * among[1],
        ),
        ("that is the vector of the hair.", _balanced(_CODES, _HAIR, _SMILES)),
        ("add the two; you have their difference.", (among[0] - among[1]) / 2),
        ("add the two; you have their difference.", among[0] - among[1]),
        (
            "here the hair changes together with the smile.",
            _CODES[_SMILES & _HAIR].mean(0) - _CODES[~_SMILES & ~_HAIR].mean(0),
        ),
        (
            "the whole hair vector was taken off; it is confounded, too.",
            _difference(_CODES, _SMILES) - _difference(_CODES, _HAIR),
        ),
    ]
    return np.allclose(answer, right) or (
        named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    )


def without(function: Callable[..., Any]) -> bool | str | None:
    """Judge the projection of a vector onto what is at right angles to a direction."""
    vector, direction = np.array([3.0, 1.0, -2.0]), np.array([0.0, 3.0, -4.0])
    answer = function(vector.copy(), direction.copy())
    if answer is None:
        return None
    if wrong := _vector(answer, 3):
        return wrong
    unit = direction / 5
    along = (vector @ unit) * unit
    mistakes = [
        ("that is the part along the direction; what is left was asked for.", along),
        (
            "the direction can have any length; it counts with its length here.",
            vector - (vector @ direction) * direction,
        ),
        (
            "the direction can have any length; divide by its square once more.",
            vector - (vector @ unit) * direction,
        ),
        (
            "the direction can have any length; divide by its square once more.",
            vector - (vector @ direction) * unit,
        ),
        ("the whole direction was taken off, not the part along it.", vector - direction),
        ("the whole direction was taken off, not the part along it.", vector - unit),
        ("the part along the direction was added; take it off.", vector + along),
        ("a number was taken off everywhere; the part is a vector.", vector - vector @ unit),
        ("a number was taken off everywhere; the part is a vector.", vector - vector @ direction),
        (
            "vector and direction have changed places.",
            direction - (direction @ vector) / (vector @ vector) * vector,
        ),
        (
            "divide by the length of the direction, not by that of the vector.",
            vector - (vector @ direction) / (vector @ vector) * direction,
        ),
        ("the result keeps its own length.", (vector - along) / np.linalg.norm(vector - along)),
    ]
    return np.allclose(answer, vector - along) or (
        named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    )


def how_much_hair(answer: Any) -> bool | str:
    """Judge the weight of the hair in the raw vector: one number."""
    right, among_smiling = 90 / 130 - 10 / 70, 90 / 130
    if np.isclose(answer, right, atol=0.006):
        return True
    if np.isclose(answer, 0.5, atol=1e-9):
        return (
            "that is the share of smiles among long hair minus among short; "
            "asked is the share of long hair among the smiling minus among the others."
        )
    if np.isclose(answer, among_smiling, atol=0.006):
        return "that is the share among the smiling; take off that among the others."
    if np.isclose(answer, -right, atol=0.006):
        return "the smiling come first, as in the vector."
    if np.isclose(answer, 80 / 200, atol=0.006):
        return "divide by the number that smile, or do not, not by that of all faces."
    return f"not {answer}. Count 200 faces."


def _halves(mask):
    return np.where(mask, 0.5 / mask.sum(), 0.5 / (~mask).sum())


def weights(function: Callable[..., Any]) -> bool | str | None:
    """Judge weights that make all four kinds of faces count the same."""
    answer = function(_SMILES.copy(), _HAIR.copy())
    if answer is None:
        return None
    if wrong := _vector(answer, 40):
        return wrong
    answer, kind = np.asarray(answer, float), 2 * _SMILES + _HAIR
    totals = np.bincount(kind, answer, minlength=4)
    right = 1 / (4 * np.bincount(kind)[kind])
    if np.allclose(answer, right):
        return True
    mistakes = [
        ("all weights together must add up to 1; each kind to a quarter.", 4 * right),
        ("all weights together must add up to 1.", 160 * right),
        ("all weights together must add up to 1.", 40 * right),
        ("hair is not looked at; there are four kinds.", _halves(_SMILES)),
        ("smiles are not looked at; there are four kinds.", _halves(_HAIR)),
        ("that favours the frequent kinds; the rare ones need larger weights.", 1 / right / 160),
        ("that is the same weight for each face, not for each kind.", np.full(40, 1 / 40)),
    ]
    if np.allclose(totals, 0.25):
        return "faces of a kind must have the same weight."
    if np.ptp(totals) < 1e-9 and not named_mistake(answer, mistakes):
        return f"each kind weighs the same, but {totals[0]:.3g}, and not a quarter."
    return named_mistake(answer, mistakes) or f"the four kinds weigh {totals.round(3).tolist()}."


def _length(vector):
    return np.sqrt(vector @ vector)


def along_the_arc(function: Callable[..., Any]) -> bool | str | None:
    """Judge interpolation along the arc between two codes."""
    a, b, t = np.array([1.0, 2.0, 0.0]), np.array([0.0, 2.0, 2.0]), 0.25
    answer = function(a.copy(), b.copy(), t)
    if answer is None:
        return None
    if wrong := _vector(answer, 3):
        return wrong
    if np.isnan(answer).any():
        return "it returns nan; a cosine above 1 has no angle. Divide by both lengths."
    product = a @ b

    def arc(angle, t=t, a=a, b=b):
        return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)

    cosine = product / (_length(a) * _length(b))
    angle = np.arccos(cosine)
    mistakes = [
        ("that is the straight line.", (1 - t) * a + t * b),
        ("at t = 0 one is at a, at t = 1 at b; here it is the other way.", arc(angle, 1 - t)),
        ("the cosine is not yet the angle: np.arccos.", arc(cosine)),
        ("divide by the sine of the whole angle.", arc(angle) * np.sin(angle)),
        ("the angle is measured in radians.", arc(np.degrees(angle))),
        ("the lengths go into the angle alone.", arc(angle, a=a / _length(a), b=b / _length(b))),
        (
            "both sines are divided, not the second alone.",
            np.sin((1 - t) * angle) * a + np.sin(t * angle) / np.sin(angle) * b,
        ),
    ]
    return np.allclose(answer, arc(angle)) or (
        named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    )


JUDGES = {
    "1": Judge(smile_vector, "Which codes belong to faces that smile?", is_function=True),
    "2": Judge(
        balanced_vector,
        "Which faces have the same hair, and differ in the smile?",
        is_function=True,
    ),
    "3": Judge(without, "What has the result to be at right angles to?", is_function=True),
    "4": Judge(
        how_much_hair,
        "Of 200 faces, how many smile, and how many of these have long hair?",
        numbers=1,
    ),
    "5": Judge(weights, "How many faces are of the same kind as this one?", is_function=True),
    "6": Judge(
        along_the_arc, "What is the cosine of the angle between two vectors?", is_function=True
    ),
}
