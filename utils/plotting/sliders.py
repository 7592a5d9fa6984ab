"""Let a reader turn the knobs of a figure where a kernel answers; show one figure elsewhere."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any


def slider(draw: Callable[..., Any], **choices: Sequence[Any]) -> None:
    """Draw a figure with sliders below it, or, on a page that nobody runs, the figure alone.

    Args:
        draw: Draws the figure; it takes one argument for each slider, by name.
        choices: For each argument, the values to choose from, the first one at the start; for
            example `stride=(1, 2, 3)`.

    Raises:
        ValueError: A slider has fewer than two values.
    """
    for name, values in choices.items():
        if len(values) < 2:
            raise ValueError(f"The slider {name} needs two values or more; it has {list(values)}.")
    start = {name: values[0] for name, values in choices.items()}
    if not is_live():
        draw(**start)
        words = "; ".join(f"{name} {values[0]} … {values[-1]}" for name, values in choices.items())
        print(f"Run in Jupyter or Colab, this figure has sliders: {words}.")
        return
    import ipywidgets

    controls = {
        name: ipywidgets.SelectionSlider(
            options=list(values), value=values[0], description=name, continuous_update=False
        )
        for name, values in choices.items()
    }

    def redraw(**chosen):
        from matplotlib import pyplot as plt

        draw(**chosen)
        plt.show()

    ipywidgets.interact(redraw, **controls)


def is_live() -> bool:
    """Return whether somebody is sitting at this notebook, so that a slider can be moved.

    Jupyter names the notebook of each session in the kernel's environment; what executes a notebook
    unattended (nbconvert, papermill) does not. Colab and an open Kaggle notebook are also live.
    """
    if "google.colab" in sys.modules or os.environ.get("KAGGLE_KERNEL_RUN_TYPE") == "Interactive":
        return True
    return bool(os.environ.get("JPY_SESSION_NAME") or os.environ.get("VSCODE_PID"))
