"""Judge the exercises of lesson 00, hello Colab."""

import inspect
import itertools
import math
from collections.abc import Callable

import numpy as np

from utils.exercises import Judge, short

Slopes = Callable[[float, float], tuple[float, float]]


def knobs_of_a_box(answer: float) -> bool | str:
    """Judge the number of knobs from 224 × 224 × 3 inputs to four outputs."""
    inputs = 224 * 224 * 3
    if answer == inputs * 4:
        return "these are the weights; each output also has a bias."
    if answer == inputs * 4 + 1:
        return "one bias for all outputs; each output has its own."
    if answer == inputs + 1:
        return "these are the knobs of one output."
    if answer == (224 * 224 + 1) * 4:
        return "the picture is in colour: three numbers for each pixel."
    if answer == 224 * 224 * 4:
        return "the picture is in colour, and each output also has a bias."
    if answer in (inputs, inputs + 4):
        return "each output has weights of its own, one for every input."
    return answer == (inputs + 1) * 4


def gradient_of_the_loss(answer: Slopes, tiny_turns: Slopes, n: int) -> bool | str | None:
    """Judge the formula for the two slopes of the mean squared error of a line.

    Args:
        answer: The student's function of both knobs.
        tiny_turns: The lesson's function of both knobs, which measures the slopes.
        n: The number of measurements.
    """
    places = [(0.0, 0.0), (30.0, 10.0), (-5.0, 8.0)]
    given = [answer(*place) for place in places]
    if any(slopes is None for slopes in given):
        return None
    if any(np.ndim(slopes) == 0 for slopes in given if not isinstance(slopes, tuple | list)):
        return "two slopes were expected, slope_w and slope_b; there is only one."
    if any(slope is None for slopes in given for slope in slopes):
        return None
    given = [[np.asarray(slope, dtype=float) for slope in slopes] for slopes in given]
    if any(len(slopes) != 2 for slopes in given):
        return f"two slopes were expected, slope_w and slope_b; there are {len(given[0])}."
    if any(slope.shape for slopes in given for slope in slopes):
        return "each slope is one number, the mean over all measurements."
    measured = np.array([tiny_turns(*place) for place in places])  # Shape: (places, 2)
    return _compare_slopes(np.array(given), measured, n)


def _compare_slopes(given: np.ndarray, measured: np.ndarray, n: int) -> bool | str:
    """Judge slopes of shape (places, 2): say what a wrong formula has forgotten."""
    faults = {
        "the sign is the wrong way round (the error is prediction minus measurement)": -1,
        "each slope is half of what it would be with the factor that the square gives": 0.5,
        "this is the sum over the measurements, not the mean": n,
    }
    for count in range(len(faults) + 1):
        for chosen in itertools.combinations(faults, count):
            factor = math.prod(faults[fault] for fault in chosen)
            if np.allclose(given, factor * measured, rtol=1e-3):
                return "; and ".join(chosen) + "." if chosen else True
            if np.allclose(given, factor * measured[:, [1, 1]], rtol=1e-3):
                both = "both formulas are the same; by how much does the error change with w?"
                return f"{both} Not by 1." + "".join(f" And {fault}." for fault in chosen)
    if np.allclose(given, measured[:, ::-1], rtol=1e-3):
        return "the two slopes have changed places."
    for column, name in enumerate("wb"):
        if not np.allclose(given[:, column], measured[:, column], rtol=1e-3):
            seen = f"{given[0, column]:.4g}; tiny turns find {measured[0, column]:.4g}"
            return f"at w = 0, b = 0 your slope for {name} is {seen}."
    return False


def one_change(answer: dict[str, float], train: Callable[..., float]) -> bool | str:
    """Judge whether exactly one thing about the network was changed.

    Args:
        answer: What was changed, by name.
        train: The lesson's function; its parameters say what can be changed, and what it was.
    """
    if not isinstance(answer, dict) or not answer:
        return "a dictionary with one entry was expected."
    usual = {name: p.default for name, p in inspect.signature(train).parameters.items()}
    if len(answer) > 1:
        return f"{len(answer)} things were changed; which of them moved the number?"
    ((name, value),) = answer.items()
    if name == "seed":
        return "another seed is the same network with other luck; change the network."
    if name not in usual:
        return f"there is no {name!r} to change."
    if isinstance(value, str):
        return f"{name} is a number, without quotation marks."
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{name} is one number; you have {short(value)}."
    if value == usual[name]:
        return f"{name} was {value} already."
    least = 0 if name == "layers" else 1
    if isinstance(usual[name], int) and (not isinstance(value, int) or value < least):
        return f"{name} is a whole number, {least} or more; you have {short(value)}."
    if not value > 0 and isinstance(usual[name], float):
        return f"{name} is a positive number; you have {short(value)}."
    return True


def first_rate_that_is_too_fast(answer: float, loss_after: Callable[[float], float]) -> bool | str:
    """Judge the smallest learning rate, in steps of 0.01, that ends above the start.

    Args:
        answer: The learning rate.
        loss_after: The lesson's function of a learning rate; it returns the loss at the end.
    """
    start = loss_after(0.0)
    if answer <= 0:
        return "a learning rate is positive."
    if abs(answer * 100 - round(answer * 100)) > 1e-6:
        return f"{answer} is not a multiple of 0.01."
    if loss_after(answer) <= start:
        return f"with {answer} the loss still ends below its start."
    first = next(rate / 100 for rate in range(1, 300) if loss_after(rate / 100) > start)
    return abs(answer - first) < 1e-9 or f"{answer} is too fast, but not the first that is."


def round_valley(answer: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> bool | str | None:
    """Judge a rescaling of the inputs that gives the loss of a line equal curvatures.

    Args:
        answer: The student's function of the inputs.
        x: The lesson's inputs, (samples,).
    """
    given = answer(x)
    if given is None:
        return None
    given = np.asarray(given, dtype=float)
    if given.shape != x.shape:
        return f"the shape is {given.shape}, expected {x.shape}."
    if given.std() < 1e-9:
        return "all masses have become the same number."
    if not np.isclose(abs(np.corrcoef(given, x)[0, 1]), 1):
        return "the masses are bent, not only moved and stretched."
    if abs(given.mean()) > 1e-6:
        return f"the mean of the masses is {given.mean():.3g}, so the knobs still trade."
    if np.isclose(given.std(ddof=1), 1):
        return "nearly: this divides by n - 1 (ddof=1), but the loss is a mean, divided by n."
    if not np.isclose(given.std(), 1, atol=1e-3):
        across, along = sorted((2 * given.var(), 2.0), reverse=True)
        return f"the valley lies straight; its curvatures are {across:.3g} and {along:.3g}."
    return True


def devices(answer: tuple[str, str, str]) -> bool | str:
    """Judge the device to try first for each of three tasks."""
    if isinstance(answer, str) or len(answer) != 3:
        return "three names were expected, as a tuple: one each for (a), (b) and (c)."
    first, second, third = (str(name).strip().upper() for name in answer)
    if second == "TPU":
        return "for (b) a TPU would do as well, but which would you try first?"
    return (first, second, third) == ("CPU", "GPU", "CPU")


JUDGES = {
    "1": Judge(
        knobs_of_a_box,
        "How many numbers are in the picture? Each output has a knob for each, and one more.",
        numbers=1,
    ),
    "2": Judge(
        gradient_of_the_loss,
        "The derivative of error² is 2 · error · (how the error changes with the knob).",
        is_function=True,
    ),
    "3": Judge(one_change, 'Change one thing, such as {"units": 16}.'),
    "4": Judge(
        first_rate_that_is_too_fast,
        "Call loss_after(0.61), loss_after(0.62), … and compare with loss(0, 0).",
        numbers=1,
    ),
    "5": Judge(
        round_valley,
        "What do the mean and the standard deviation of x have to be?",
        is_function=True,
    ),
    "6": Judge(devices, "Which of them are made of large matrix products?"),
}
