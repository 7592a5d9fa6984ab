"""Judge the exercises of lesson 00, hello Colab."""

from collections.abc import Callable

from utils.exercises import Judge


def first_rate_that_is_too_fast(answer: float, descend: Callable[[float], float]) -> bool:
    """Judge the smallest learning rate, in steps of 0.1, that ends above the start.

    Args:
        answer: The learning rate.
        descend: The lesson's function of a learning rate and steps; it returns the loss at the end.
    """
    start = descend(0.0)
    rates = (tenths / 10 for tenths in range(1, 30))
    return abs(answer - next(rate for rate in rates if descend(rate) > start)) < 1e-9


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
        (32 * 32 * 3 + 1) * 100 + (100 + 1) * 10,
        "Count the layers one after the other: (inputs + 1) · units.",
    ),
    "2": Judge(
        first_rate_that_is_too_fast,
        "Call descend(0.2), descend(0.3), … and look for the first that ends above the start.",
        numbers=1,
    ),
    "3": Judge(devices, "Which of them are made of large matrix products?"),
}
