"""Judge the exercises of lesson 22, scaling out."""

from collections.abc import Callable

import numpy as np

from utils.exercises import Judge


def averaged(
    function: Callable[[list[np.ndarray], list[int]], np.ndarray | None],
    parts: list[np.ndarray],
    whole: np.ndarray,
    rounding: float,
) -> bool | str | None:
    """Judge a function that averages the gradients of devices by their numbers of samples.

    Args:
        function: The student's function of gradients, a vector for each device, and counts.
        parts: The lesson's gradients of the first 96 and the last 32 samples, vectors.
        whole: The gradient of all 128 samples, a vector.
        rounding: The largest relative difference that rounding explains.
    """
    answer = function(parts, [96, 32])
    if answer is None:
        return None
    answer = np.asarray(answer)
    if answer.shape != whole.shape:
        return f"the shape is {answer.shape}, expected {whole.shape}."
    off = np.linalg.norm(answer - whole) / np.linalg.norm(whole)
    if off < rounding:
        return True
    if np.allclose(answer, np.mean(parts, axis=0)):
        return "this is the plain mean, in which 32 samples count as much as 96."
    return "it is not the gradient of the batch."


def loaders(answer: tuple[float, int]) -> bool | str:
    """Judge (times as fast with one prefetching thread, threads that keep the device busy)."""
    times_as_fast, threads = answer
    if abs(times_as_fast - 80 / 20) < 0.04:
        return "with one thread, the device still waits for each batch."
    return abs(times_as_fast - 80 / 60) < 0.04 and threads == 3


JUDGES = {
    "1": Judge(
        (60_000 // (8 * 64), 8 * 0.1),
        "First the global batch. The learning rate grows by the same factor as the batch.",
    ),
    "2": Judge(
        averaged,
        "Each gradient counts by its share of all samples. np.average has a parameter for weights.",
        is_function=True,
    ),
    "3": Judge(
        0.1 / (2 * 25.6e6 * 4 / 25e9), "C/n goes to 0 and (n − 1)/n to 1. What is left of T?", 0.01
    ),
    "4": Judge(
        loaders,
        "Without prefetching a batch costs the sum, with it the larger of the two.",
        numbers=2,
    ),
}
