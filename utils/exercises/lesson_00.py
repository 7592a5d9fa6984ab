"""Judge the exercises of lesson 00, hello Colab."""

import inspect
from collections.abc import Callable

import numpy as np

from utils.exercises import Judge

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
    return answer == (inputs + 1) * 4


def gradient_of_the_loss(answer: Slopes, tiny_turns: Slopes) -> bool | str | None:
    """Judge the formula for the two slopes of the mean squared error of a line.

    Args:
        answer: The student's function of both knobs.
        tiny_turns: The lesson's function of both knobs, which measures the slopes.
    """
    if not callable(answer):
        return "a function was expected: gradient, without brackets."
    places = [(0.0, 0.0), (30.0, 10.0), (-5.0, 8.0)]
    given = [answer(*place) for place in places]
    if any(slopes is None or any(slope is None for slope in slopes) for slopes in given):
        return None
    given = np.asarray(given, dtype=float)
    if given.shape != (3, 2):
        return "each slope is one number, the mean over all measurements."
    measured = np.array([tiny_turns(*place) for place in places])  # Shape: (places, 2)
    if np.allclose(given, measured, rtol=1e-3):
        return True
    if np.allclose(given, -measured, rtol=1e-3):
        return "the sign is the wrong way round; the error is prediction minus measurement."
    if np.allclose(2 * given, measured, rtol=1e-3):
        return "each slope is half of what tiny turns find; the square gives a factor."
    if np.allclose(given, measured[:, ::-1], rtol=1e-3):
        return "the two slopes have changed places."
    ratios = given / measured
    if ratios.min() > 4 and np.allclose(ratios, ratios[0, 0], rtol=1e-3):
        return "this is the sum over the measurements, not the mean."
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
    if value == usual[name]:
        return f"{name} was {value} already."
    return True


def first_rate_that_is_too_fast(answer: float, loss_after: Callable[[float], float]) -> bool | str:
    """Judge the smallest learning rate, in steps of 0.01, that ends above the start.

    Args:
        answer: The learning rate.
        loss_after: The lesson's function of a learning rate; it returns the loss at the end.
    """
    start = loss_after(0.0)
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
    if not callable(answer):
        return "a function was expected: rescale, without brackets."
    given = answer(x)
    if given is None:
        return None
    given = np.asarray(given, dtype=float)
    if given.shape != x.shape:
        return f"the shape is {given.shape}, expected {x.shape}."
    if not np.isclose(abs(np.corrcoef(given, x)[0, 1]), 1):
        return "the masses are bent, not only moved and stretched."
    if abs(given.mean()) > 1e-6:
        return f"the mean of the masses is {given.mean():.3g}, so the knobs still trade."
    if not np.isclose(given.std(), 1, atol=1e-3):
        across, along = sorted((2 * given.var(), 2.0), reverse=True)
        return f"the valley lies straight; its curvatures are {across:.3g} and {along:.3g}."
    return True


def devices(answer: tuple[str, str, str]) -> bool | str:
    """Judge the device to try first for each of three tasks."""
    if isinstance(answer, str) or len(answer) != 3:
        return "three names were expected, for (a), (b) and (c)."
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
    ),
    "3": Judge(one_change, 'Change one thing, such as {"units": 16}.'),
    "4": Judge(
        first_rate_that_is_too_fast,
        "Call loss_after(0.61), loss_after(0.62), … and compare with loss(0, 0).",
        numbers=1,
    ),
    "5": Judge(round_valley, "What do the mean and the standard deviation of x have to be?"),
    "6": Judge(devices, "Which of them are made of large matrix products?"),
}
