"""Check the exercises of a lesson: friendly, by number, and never in the way of a run.

    from utils import exercises

    exercises.check("02.2", sizes)

What is right, what is nearly right and what to think about next are in
`utils.exercises.lesson_02` and its neighbours, not on the page.
"""

import importlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

OPEN = "Not answered yet. Replace None (or ...) above, then run this cell again."
NO_FUNCTION = "a function was expected: its name, without brackets."
_UNQUOTED = "numbers were expected, without quotation marks."


class Judge(NamedTuple):
    """How one exercise is judged.

    Attributes:
        expected: The right value (a number, an array, a text, a tuple), or a function of the answer
            that returns True, or False, or a sentence that says what is wrong with it, or None for
            an answer that is still open, such as a function that returns nothing yet.
        hint: What to think about when the answer is wrong.
        tolerance: How far a number may be off, absolutely and relatively.
        numbers: How many numbers a function in `expected` needs; 0 for any other answer.
        is_function: Whether the answer has to be a function of the student's.
    """

    expected: Any
    hint: str
    tolerance: float = 1e-9
    numbers: int = 0
    is_function: bool = False


def check(number: str, answer: Any, *hint: str, **context: Any) -> bool | None:
    """Say whether the answer to an exercise is right, and if not, what to think about.

    Args:
        number: The exercise, such as "02.1" for the first one of lesson 02.
        answer: The student's answer, or several as a tuple; None or ... means still open.
        hint: Only in homework of the first edition, which calls `check(answer, expected, hint)`:
            such files are still handed in, with their check cells merged into answers.
        context: What the judge needs from the notebook, by name; the exercise's cell shows it.

    Returns:
        True if the answer is right, False if it is wrong, None if it is still open.

    Raises:
        ValueError: There is no such exercise.
    """
    if hint:
        return compare(number, answer, *hint, **context)
    judge = judge_of(number)
    expected = judge.expected
    if callable(expected):
        expected = lambda given: (  # noqa: E731
            (NO_FUNCTION if judge.is_function and not callable(given) else "")
            or _not_numbers(given, judge.numbers)
            or judge.expected(np.asarray(given).item() if judge.numbers == 1 else given, **context)
        )
    return compare(answer, expected, judge.hint, tolerance=judge.tolerance)


def is_right(number: str, answer: Any, **context: Any) -> bool:
    """Ask the judge of a function once more, and print nothing; what breaks is not right."""
    try:
        return judge_of(number).expected(answer, **context) is True
    except Exception:  # a wrong answer may break the judge in any way
        return False


def judge_of(number: str) -> Judge:
    """Return the judge of an exercise; ValueError if there is none."""
    lesson, _, place = number.partition(".")
    try:
        return importlib.import_module(f"utils.exercises.lesson_{lesson}").JUDGES[place]
    except (ModuleNotFoundError, KeyError):
        raise ValueError(
            f"There is no exercise {number!r}; 02.1 is the first of lesson 02."
        ) from None


def compare(
    answer: Any, expected: Any | Callable[[Any], Any], hint: str, *, tolerance: float = 1e-9
) -> bool | None:
    """Judge an answer by these arguments, and print the verdict; see `Judge` and `check`."""
    parts = answer if isinstance(answer, tuple | list) else (answer,)
    if any(part is None or part is ... for part in parts):
        print(OPEN)
        return None
    try:
        verdict = expected(answer) if callable(expected) else _equal(answer, expected, tolerance)
    except Exception as error:  # a wrong answer may break the judge in any way
        print(f"That could not be checked: {type(error).__name__}: {error}. {hint}")
        return False
    if verdict is None:
        print(OPEN)
        return None
    if isinstance(verdict, str):
        print(f"Not yet: {verdict} {hint}")
        return False
    print("Right!" if verdict else f"Not yet: you have {short(answer)}. {hint}")
    return bool(verdict)


def named_mistake(
    answer: ArrayLike,
    mistakes: Iterable[tuple[str, ArrayLike]],
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
) -> str:
    """Return the words for the first mistake whose values the answer has, or an empty text.

    Args:
        answer: What the student's function returned.
        mistakes: What is said of a mistake, and what it makes, of a shape that fits the answer's.
        rtol: How far a number may be off, relatively.
        atol: How far a number may be off, absolutely.
    """
    close = (words for words, made in mistakes if np.allclose(answer, made, rtol=rtol, atol=atol))
    return next(close, "")


def short(value: Any) -> str:
    """Return an answer, or what a student's function returned, on one line of 60 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:59] + "…"


def _equal(answer, expected, tolerance):
    if isinstance(expected, str):
        if not isinstance(answer, str):
            return f"you have {short(answer)}; a word in quotation marks was expected."
        return answer.strip().casefold() == expected.strip().casefold()
    answer, expected = np.asarray(answer), np.asarray(expected)
    if answer.dtype.kind == "U":
        return _UNQUOTED
    if answer.shape != expected.shape:
        return f"the shape is {answer.shape}, expected {expected.shape}."
    return bool(np.allclose(answer, expected, rtol=tolerance, atol=tolerance))


def _not_numbers(answer, count):
    """Return what keeps an answer from being `count` numbers, or an empty text."""
    if not count:
        return ""
    values = np.asarray(answer)
    if values.dtype.kind == "U":
        return _UNQUOTED
    if values.dtype.kind not in "iuf" or values.size != count or values.ndim > 1:
        wanted = "one number was" if count == 1 else f"{count} numbers were"
        return f"{wanted} expected; you have {short(answer)}."
    return ""
