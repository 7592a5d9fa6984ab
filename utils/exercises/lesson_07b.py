"""Judge the exercises of lesson 07b, regularisation and both directions."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from utils.exercises import Judge, named_mistake, short


def stop_early(function: Callable[[list[float], int], Any]) -> bool | str | None:
    """Judge a function from validation losses and patience to the epochs (best, last)."""
    losses = [5.0, 4.0, 4.2, 3.5, 3.6, 3.8, 3.7, 3.9, 3.4, 3.3]
    answer = function(list(losses), 3)
    if answer is None:
        return None
    if np.shape(answer) != (2,):
        return f"it returns {short(answer)}; a pair was expected, (best epoch, last epoch)."
    sooner = function(list(losses), 2)
    if np.allclose(answer, (4, 6)) and np.shape(sooner) == (2,) and np.allclose(sooner, (4, 5)):
        return "the count starts anew after every new best one."
    mistakes = [
        ("epochs are counted from 1.", (3, 6)),
        ("the training is over after epoch 7: 5, 6 and 7 are no better than the best.", (10, 10)),
        ("the first number is right; the second is the last epoch that was trained.", (4, 4)),
        ("it waits one epoch too long.", (4, 8)),
        ("it stops one epoch too early.", (4, 6)),
        ("it stops at the first rise; it should be patient.", (2, 3)),
        ("that is (last, best); the best comes first.", (7, 4)),
    ]
    if not np.allclose(answer, (4, 7)):
        return named_mistake(answer, mistakes) or f"for {losses} and 3 it returns {short(answer)}."
    if np.shape(sooner) != (2,) or not np.allclose(sooner, (4, 6)):
        return f"with a patience of 2, it returns {short(sooner)}. Is `patience` used?"
    whole = function([3.0, 2.0, 1.0], 2)
    return (whole is not None and np.shape(whole) == (2,) and np.allclose(whole, (3, 3))) or (
        f"where the loss falls to the end, it returns {short(whole)}, not (3, 3)."
    )


def zoneout(function: Callable[..., Any]) -> bool | str | None:
    """Judge the formula of zoneout, a function of old, new and keep."""
    random = np.random.default_rng(0)
    old, new = random.normal(size=(2, 3, 4))
    keep = (random.uniform(size=(3, 4)) < 0.4).astype(float)
    answer = function(old.copy(), new.copy(), keep.copy())
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != old.shape:
        return f"the shape is {answer.shape}, expected {old.shape}."
    mistakes = [
        ("old and new are swapped: keep = 1 keeps the old state.", keep * new + (1 - keep) * old),
        ("nothing keeps the old state; that is dropout.", (1 - keep) * new),
        ("that is dropout the wrong way round: nothing keeps the old state.", keep * new),
        ("only the kept units have a state; the others need the new one.", keep * old),
        ("the new state must be weighed, too, with 1 - keep.", keep * old + new),
        ("mix the two for each unit; do not add both.", old + new),
        ("mix by keep, not half and half.", (old + new) / 2),
    ]
    if not np.allclose(answer, keep * old + (1 - keep) * new):
        return named_mistake(answer, mistakes) or f"it returns {short(answer)}."
    mean = np.asarray(function(old, new, 0.4))  # after training, keep is a rate
    return np.allclose(mean, 0.4 * old + 0.6 * new) or (
        "for 0 and 1 it is right; after training keep is a rate, such as 0.4, and mixes."
    )


def dictionary(function: Callable[[str, Any], Any]) -> bool | str | None:
    """Judge a function that restores a word by a dictionary, with itself for an unknown one."""
    forms = {"meg": Counter({"még": 5, "meg": 9}), "szep": Counter({"szép": 2})}
    answer = function("szep", forms)
    if answer is None:
        return None
    if not isinstance(answer, str):
        return f"it returns {short(answer)}; the word alone was expected."
    if answer != "szép":
        return f"for 'szep', which was always 'szép', it returns {answer!r}."
    answer = function("meg", forms)
    if answer != "meg":
        return f"for 'meg' it returns {answer!r}; 'meg' stood there 9 times, 'még' 5 times."
    try:
        answer = function("haz", forms)
    except (KeyError, AttributeError, IndexError, TypeError):
        return "an unknown word breaks it; return such a word as it is."
    if "haz" in forms:
        return "looking a word up must not add it to the dictionary."
    return (
        answer == "haz" or f"an unknown word stays as it is; for 'haz' it returns {short(answer)}."
    )


JUDGES = {
    "1": Judge(
        stop_early,
        "Remember the best epoch; stop when it is `patience` epochs ago.",
        is_function=True,
    ),
    "2": Judge(
        zoneout, "Where keep is 1, the old state; where it is 0, the new one.", is_function=True
    ),
    "3": Judge(dictionary, "forms.get(word), and most_common(1).", is_function=True),
}
