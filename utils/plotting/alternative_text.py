"""Say what a figure shows, in words, for those who cannot see it."""

import importlib
import sys
from collections.abc import Callable

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MOST_PANELS = 6  # of the others only their number is given
MOST_CHARACTERS = 600


def alternative_text(figure: Figure) -> str:
    """Describe a figure by its titles, axes and legends."""
    drawn = [axis for axis in figure.axes if axis.has_data() or axis.texts]
    axes = [axis for axis in drawn if axis.get_visible() and not hasattr(axis, "_colorbar")]
    panels = [text for text in map(_describe_axis, axes) if text]
    parts = [_plain(figure.get_suptitle())]
    if len(axes) > 1:
        images = all(axis.images and not axis.lines for axis in axes)
        parts.append(f"{len(axes)} {'images' if images else 'panels'}")
    parts += panels[:MOST_PANELS]
    if len(panels) > MOST_PANELS:
        parts.append(f"and {len(panels) - MOST_PANELS} more")
    text = ". ".join(part.rstrip(".") for part in parts if part) or "A figure without titles"
    return text + "." if len(text) < MOST_CHARACTERS else text[: MOST_CHARACTERS - 1].rstrip() + "…"


def _describe_axis(axis: Axes) -> str:
    parts = [_plain(axis.get_title(loc=place)) for place in ("left", "center", "right")]
    if axis.axison:
        labels = [("horizontal", axis.get_xlabel()), ("vertical", axis.get_ylabel())]
        parts += [f"{name} axis: {_plain(label)}" for name, label in labels if label]
    if legend := axis.get_legend():
        parts.append("legend: " + "; ".join(_plain(text.get_text()) for text in legend.get_texts()))
    return ", ".join(filter(None, parts))


def _plain(text: str) -> str:
    return " ".join(text.replace("$", "").split())


def store_alternative_texts() -> None:
    """Let the notebook store every figure's alternative text beside it, as metadata "alt"."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if not hasattr(shell, "kernel"):  # a script, or a terminal, where nothing is stored
        return
    if "inline" in plt.get_backend():
        # Tells the shell how figures become pictures; otherwise the first figure does.
        importlib.import_module("matplotlib_inline.backend_inline")

    def describe_pictures(*_):
        for kind in ("image/png", "image/jpeg"):
            formatter = shell.display_formatter.formatters.get(kind)
            draw = formatter and formatter.type_printers.get(Figure)
            if draw and not hasattr(draw, "describes"):
                formatter.for_type(Figure, described(draw))

    describe_pictures()
    if not hasattr(shell, "describes_pictures"):  # again before each cell: %matplotlib undoes it
        shell.describes_pictures = True
        shell.events.register("pre_run_cell", describe_pictures)


def described(draw: Callable) -> Callable:
    """Return a function that draws a figure as `draw` does, and adds its alternative text."""

    def draw_and_describe(figure):
        drawn = draw(figure)
        if not drawn:
            return drawn
        data, metadata = drawn if isinstance(drawn, tuple) else (drawn, {})
        try:
            return data, {**metadata, "alt": alternative_text(figure)}
        except Exception:  # a picture without words is better than none
            return drawn

    draw_and_describe.describes = True
    return draw_and_describe
