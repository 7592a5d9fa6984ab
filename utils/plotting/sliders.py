"""Let a reader turn the knobs of a figure where a kernel answers; show one figure elsewhere."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST_STOPS = 100  # a longer range becomes a field to type a number into


def slider(
    draw: Callable[..., Any], *, start: Mapping[str, Any] | None = None, **choices: Sequence[Any]
) -> None:
    """Draw a figure with sliders below it, or, on a page that nobody runs, the figure alone.

    Args:
        draw: Draws the figure; it takes one argument for each slider, by name.
        start: Values at the start, by name; of arguments that are not in it, the first ones.
        choices: For each argument, the values to choose from; for example `stride=(1, 2, 3)`. For
            a `range` too long for the mouse there is a field to type a number into.

    Raises:
        ValueError: A slider has fewer than two values, or its start is not one of them.
    """
    for name, values in choices.items():
        if len(values) < 2:
            raise ValueError(f"The slider {name} needs two values or more; it has {list(values)}.")
    start = {name: values[0] for name, values in choices.items()} | dict(start or {})
    for name, value in start.items():
        if value not in choices.get(name, ()):
            raise ValueError(f"The start {name}={value} is not among the values to choose from.")
    if not is_live():
        draw(**start)
        words = "; ".join(f"{name} {values[0]} … {values[-1]}" for name, values in choices.items())
        print(f"Run in Jupyter or Colab, this figure has sliders: {words}.")
        return
    import ipywidgets

    controls = {name: _control(ipywidgets, name, choices[name], start[name]) for name in choices}

    def redraw(**chosen):
        from matplotlib import pyplot as plt

        draw(**chosen)
        plt.show()

    ipywidgets.interact(redraw, **controls)


def field(draw: Callable[..., Any], **start: str) -> None:
    """Call `draw` with words that a reader can type, or, on a page that nobody runs, once.

    Args:
        draw: Prints or draws something; it takes one argument for each field, by name.
        start: The words at the start, by name.
    """
    if not is_live():
        draw(**start)
        print("Run in Jupyter or Colab, there is a field to type in here.")
        return
    import ipywidgets

    fields = {
        name: ipywidgets.Text(value=word, description=name, continuous_update=False)
        for name, word in start.items()
    }
    ipywidgets.interact(draw, **fields)


def _control(ipywidgets, name, values, value):
    if isinstance(values, range) and len(values) > MOST_STOPS:
        limits = {"min": values[0], "max": values[-1], "step": values.step}
        return ipywidgets.BoundedIntText(value=value, description=name, **limits)
    return ipywidgets.SelectionSlider(
        options=list(values), value=value, description=name, continuous_update=False
    )


def is_live() -> bool:
    """Return whether somebody is sitting at this notebook, so that a slider can be moved.

    Jupyter names the notebook of each session in the kernel's environment; what executes a notebook
    unattended (nbconvert, papermill) does not. Colab and an open Kaggle notebook are also live.
    """
    if "google.colab" in sys.modules or os.environ.get("KAGGLE_KERNEL_RUN_TYPE") == "Interactive":
        return True
    return bool(os.environ.get("JPY_SESSION_NAME") or os.environ.get("VSCODE_PID"))
