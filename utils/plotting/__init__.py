"""Pictures that the lessons share: image grids, learning curves, confusion, activations.

Every function draws a new figure with matplotlib and leaves it open, so that a notebook shows it
at the end of the cell; `matplotlib.pyplot.gcf()` is the figure just drawn. Titles are arguments,
because a title should state what *this* run found. They are also read aloud: in a notebook every
figure carries its titles and labels as alternative text (see `alternative_text`).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike

from utils.plotting.alternative_text import store_alternative_texts
from utils.plotting.convolutions import draw_convolution as draw_convolution
from utils.plotting.convolutions import draw_numbers as draw_numbers
from utils.plotting.named_points import name_points as name_points
from utils.plotting.pictures import picture as picture
from utils.plotting.sliders import field as field
from utils.plotting.sliders import slider as slider
from utils.plotting.windows import draw_windows as draw_windows

# Okabe and Ito's palette (Color Universal Design, 2008), which colour-blind people can tell apart.
# Black, with which it starts, stays free for reference lines.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW = COLORS
GREY = "#767676"

_STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": plt.cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.figsize": (7.0, 3.6),
    "figure.titlesize": 12,
    "font.size": 10,
    "grid.alpha": 0.25,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 2.0,
}


def set_style() -> None:
    """Give all later figures the course's look: calm, large enough, safe for the colour-blind.

    In a notebook, all later figures are also stored with their alternative text.
    """
    store_alternative_texts()
    plt.rcParams.update(_STYLE)


def _as_images(images):
    """Return images as `imshow` draws them: (n, height, width) or (n, height, width, 3)."""
    images = np.asarray(images)
    if images.ndim == 2:
        images = images[np.newaxis]
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 3):
        return images
    raise ValueError(
        "Images are (n, height, width), (n, height, width, 1) or (n, height, width, 3); got shape "
        f"{images.shape}. For one colour image, write image[None]."
    )


def image_grid(
    images: ArrayLike,
    captions: Sequence[Any] | None = None,
    *,
    columns: int = 8,
    title: str | None = None,
    size: float = 1.2,
    cmap: str = "gray",
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw images in a grid.

    Args:
        images: (n, height, width[, 1]) or (n, height, width, 3), or one image with two axes;
            integers 0..255, or floats.
        captions: One short string per image, or None.
        columns: Images in a row.
        title: What the picture shows, above it.
        size: Width and height of one image, in inches.
        cmap: Colour map of images with one channel.
        limits: The values (lowest, highest) that the colour map spans; default: 0 to 255 for
            integers, the range over all images for floats.
    """
    images = _as_images(images)
    if captions is not None and len(captions) != len(images):
        raise ValueError(
            f"There are {len(images)} images and {len(captions)} captions; give one each."
        )
    if limits is None:
        is_integer = np.issubdtype(images.dtype, np.integer)
        limits = (0, 255) if is_integer else (images.min(initial=0), images.max(initial=1e-9))
    columns = max(1, min(columns, len(images)))
    rows = math.ceil(len(images) / columns)
    height = size * (1.0 + 0.22 * (captions is not None))
    figure, axes = plt.subplots(
        rows,
        columns,
        squeeze=False,
        figsize=(max(size * columns, 3.0), height * rows + 0.35 * (title is not None)),
    )
    for axis in axes.flat:
        axis.axis("off")
    captions = [""] * len(images) if captions is None else captions
    for axis, image, caption in zip(axes.flat, images, captions, strict=False):
        if image.ndim == 3 and image.dtype.kind == "f" and image.max() > 1:
            image = np.clip(image, 0, 255).astype("uint8")  # as floats they would be drawn white
        axis.imshow(image, cmap=cmap, vmin=limits[0], vmax=limits[1])
        axis.set_title(str(caption), fontsize=9, loc="center")
    if title:
        figure.suptitle(title)


def learning_curves(
    histories: Mapping[str, Any],
    metric: str = "accuracy",
    *,
    title: str | None = None,
    percent: bool | None = None,
    x_label: str = "epoch",
) -> None:
    """Draw one metric over training: solid for validation, dashed for training.

    Args:
        histories: Name of a run to its history: what `model.fit` returned, or a dictionary of
            lists. A list under "epoch" gives the positions; otherwise they are 1, 2, 3, …
        metric: Key in the history; "val_" + metric is the validation curve.
        title: What the curves show.
        percent: Whether the axis is in per cent; default: for accuracies.
        x_label: Unit of the horizontal axis.

    Raises:
        ValueError: A history does not have that metric.
    """
    _, axis = plt.subplots()
    for color, (name, history) in zip(itertools.cycle(COLORS), histories.items(), strict=False):
        history = getattr(history, "history", history)
        if metric not in history and f"val_{metric}" not in history:
            known = ", ".join(sorted(history))
            raise ValueError(f"The history of {name!r} has no {metric!r}; it has {known}.")
        for key, line, part in ((f"val_{metric}", "-", "validation"), (metric, "--", "training")):
            if key in history:
                x = history.get("epoch", range(1, len(history[key]) + 1))
                label = f"{name}, {part}"
                axis.plot(x, history[key], line, color=color, marker="o", ms=4, label=label)
    if "accuracy" in metric if percent is None else percent:
        axis.yaxis.set_major_formatter(plt.matplotlib.ticker.PercentFormatter(1.0))
    axis.xaxis.set_major_locator(plt.matplotlib.ticker.MaxNLocator(integer=True))
    axis.set(xlabel=x_label, ylabel=metric.replace("_", " "), title=title or "")
    axis.legend()


def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    class_names: Sequence[str],
    *,
    title: str | None = None,
    axis: plt.Axes | None = None,
    darkest: int | None = None,
) -> np.ndarray:
    """Draw how often each true class (rows) was taken for each class (columns).

    The diagonal, which holds nearly everything, is left uncoloured to make the mistakes visible.

    Args:
        y_true: (samples,) true classes, integers.
        y_pred: (samples,) predicted classes, integers.
        class_names: Name of class 0, 1, …
        title: What the picture shows.
        axis: Where to draw; default: a new figure.
        darkest: The number of mistakes that is drawn darkest, to compare several matrices;
            default: the largest in this one.

    Returns:
        The counts, (classes, classes): `[i, j]` samples of class i were taken for j.
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.shape != y_pred.shape or y_true.ndim != 1:
        raise ValueError(
            "y_true and y_pred hold one class per sample each, in the same order; got shapes "
            f"{y_true.shape} and {y_pred.shape}. Probabilities? Use .argmax(axis=-1) first."
        )
    classes = len(class_names)
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (y_true, y_pred), 1)
    if axis is None:
        side = max(3.6, 0.46 * classes + 1.0)
        _, axis = plt.subplots(figsize=(side, side))
    mistakes = np.where(np.eye(classes, dtype=bool), 0, counts)
    axis.imshow(mistakes, cmap="Oranges", vmin=0, vmax=1.3 * (darkest or max(mistakes.max(), 1)))
    for i, j in np.argwhere(counts):
        weight = "normal" if i == j else "bold"
        color = GREY if i == j else "black"
        axis.text(j, i, counts[i, j], ha="center", va="center", color=color, weight=weight, size=8)
    axis.set_xticks(range(classes), class_names, rotation=0 if classes <= 10 else 90)
    axis.set_yticks(range(classes), class_names)
    axis.grid(False)
    axis.set(xlabel="predicted", ylabel="true", title=title or "")
    return counts


def misclassified(
    images: ArrayLike,
    y_true: ArrayLike,
    probabilities: ArrayLike,
    class_names: Sequence[str],
    *,
    count: int = 16,
    columns: int = 8,
    title: str | None = None,
) -> np.ndarray:
    """Draw the mistakes that a classifier was most certain of, the most certain first.

    Args:
        images: (samples, height, width[, channels]).
        y_true: (samples,) true classes.
        probabilities: (samples, classes), as after a softmax.
        class_names: Name of class 0, 1, …
        count: How many to draw at most.
        columns: Images in a row.
        title: What the picture shows.

    Returns:
        The positions of all mistakes in `images`, the most certain first.
    """
    y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
    if not len(images) == len(y_true) == len(probabilities):
        raise ValueError(
            f"There are {len(images)} images, {len(y_true)} labels and {len(probabilities)} rows "
            "of probabilities; there must be one of each per sample."
        )
    y_pred = probabilities.argmax(axis=-1)
    confidence = probabilities.max(axis=-1)
    wrong = np.flatnonzero(y_pred != y_true)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    if not len(wrong):
        print("Nothing was misclassified.")
        return wrong
    captions = [
        f"{class_names[y_true[i]]} → {class_names[y_pred[i]]} ({confidence[i]:.0%})"
        for i in wrong[:count]
    ]
    shown = np.asarray(images)[wrong[:count]]
    image_grid(shown, captions, columns=columns, title=title, size=1.35)
    return wrong
