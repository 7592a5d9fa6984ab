"""Pictures that the lessons share: image grids, learning curves, confusion, weights, activations.

Every function draws a new figure with matplotlib and leaves it open, so that a notebook shows it
at the end of the cell; `matplotlib.pyplot.gcf()` is the figure just drawn. Titles are arguments,
because a title should state what *this* run found. They are also read aloud: in a notebook every
figure carries its titles and labels as alternative text (see `alternative_text`).
"""

import importlib
import math
import sys

import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's palette (Color Universal Design, 2008): told apart by colour-blind eyes too.
# Black, which it starts with, stays free for reference lines.
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


def set_style():
    """Gives all later figures the look of the course: calm, large enough, colour-blind-safe.

    In a notebook, all later figures are stored with their alternative text as well.
    """
    _store_alternative_texts()
    plt.rcParams.update(_STYLE)


def alternative_text(figure, *, panels=6, longest=600):
    """What a figure shows, in words, for those who cannot see it: its titles, axes and legends.

    Args:
        figure: A matplotlib figure.
        panels: So many panels are described; of the others only their number is given.
        longest: At most so many characters.
    """
    drawn = [axis for axis in figure.axes if axis.has_data() or axis.texts]
    axes = [axis for axis in drawn if axis.get_visible() and not hasattr(axis, "_colorbar")]
    described = [text for text in map(_axis_in_words, axes) if text]
    parts = [_plain(figure.get_suptitle())] if hasattr(figure, "get_suptitle") else []
    if len(axes) > 1:
        images = all(axis.images and not axis.lines for axis in axes)
        parts.append(f"{len(axes)} {'images' if images else 'panels'}")
    parts += described[:panels]
    if len(described) > panels:
        parts.append(f"and {len(described) - panels} more")
    text = ". ".join(part.rstrip(".") for part in parts if part) or "A figure without titles"
    return text + "." if len(text) < longest else text[: longest - 1].rstrip() + "…"


def _axis_in_words(axis):
    titles = [_plain(axis.get_title(loc=place)) for place in ("left", "center", "right")]
    parts = [title for title in titles if title]
    if axis.axison:
        labels = [("horizontal", axis.get_xlabel()), ("vertical", axis.get_ylabel())]
        parts += [f"{name} axis: {_plain(label)}" for name, label in labels if label]
    legend = axis.get_legend()
    entries = [_plain(text.get_text()) for text in legend.get_texts()] if legend else []
    if entries:
        parts.append("legend: " + "; ".join(entries))
    return ", ".join(parts)


def _plain(text):
    return " ".join(text.replace("$", "").split())


def _store_alternative_texts():
    """Lets the notebook store every figure's alternative text beside it, as metadata "alt"."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if not hasattr(shell, "kernel"):  # a script, or a terminal, where nothing is stored
        return
    if "inline" in plt.get_backend():
        # Tells the shell how figures become pictures; else this happens with the first figure.
        importlib.import_module("matplotlib_inline.backend_inline")
    _describe_pictures(shell.display_formatter)
    if not hasattr(shell, "describes_pictures"):  # again before each cell: %matplotlib undoes it
        shell.describes_pictures = lambda *_: _describe_pictures(shell.display_formatter)
        shell.events.register("pre_run_cell", shell.describes_pictures)


def _describe_pictures(display_formatter):
    """Wraps what turns figures into PNG and JPEG, unless that is done already."""
    for kind in ("image/png", "image/jpeg"):
        formatter = display_formatter.formatters.get(kind)
        draw = formatter and formatter.type_printers.get(plt.Figure)
        if draw and not hasattr(draw, "describes"):
            formatter.for_type(plt.Figure, _described(draw))


def _described(draw):
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


def as_images(images):
    """Brings images to what `imshow` draws: (n, height, width) or (n, height, width, 3).

    Args:
        images: (n, height, width), (n, height, width, 1) or (n, height, width, 3); one image
            without the first axis is taken as n = 1 where that is unambiguous (2 axes).

    Raises:
        ValueError: the shape is none of these.
    """
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


def image_grid(images, captions=None, *, columns=8, title=None, size=1.2, cmap="gray", limits=None):
    """Draws images in a grid.

    Args:
        images: Shapes as in `as_images`; integers 0..255, or floats.
        captions: One short text per image, or None.
        columns: Images in a row.
        title: What the picture shows, above it.
        size: Width and height of one image, in inches.
        cmap: Colour map of images with one channel.
        limits: The values (lowest, highest) that the colour map spans; default: 0 to 255 for
            integers, the range over all images for floats.
    """
    images = as_images(images)
    _check_captions(captions, len(images))
    columns = max(1, min(columns, len(images)))
    rows = math.ceil(len(images) / columns)
    height = size * (1.0 + 0.22 * (captions is not None))
    figure, axes = plt.subplots(
        rows,
        columns,
        squeeze=False,
        figsize=(max(size * columns, 3.0), height * rows + 0.35 * (title is not None)),
    )
    lowest, highest = limits or _limits(images)
    for number, axis in enumerate(axes.flat):
        axis.axis("off")
        if number < len(images):
            axis.imshow(_drawable(images[number]), cmap=cmap, vmin=lowest, vmax=highest)
            if captions is not None:
                axis.set_title(str(captions[number]), fontsize=9, loc="center")
    if title:
        figure.suptitle(title)


def _check_captions(captions, count):
    if captions is not None and len(captions) != count:
        raise ValueError(f"There are {count} images and {len(captions)} captions; give one each.")


def _limits(images):
    if np.issubdtype(images.dtype, np.integer):
        return 0, 255
    return float(np.min(images, initial=0)), float(np.max(images, initial=1e-9))


def _drawable(image):
    # Colour images given as floats on a 0..255 scale would be drawn white.
    if image.ndim == 3 and image.dtype.kind == "f" and image.max(initial=0) > 1:
        return np.clip(image, 0, 255).astype("uint8")
    return image


def learning_curves(histories, metric="accuracy", *, title=None, percent=None, x_label="epoch"):
    """Draws one metric over training: solid for validation, dashed for training.

    Args:
        histories: Name of a run to its history: what `model.fit` returned, or a dictionary of
            lists. A list under "epoch" gives the positions; else they are 1, 2, 3, …
        metric: Key in the history; "val_" + metric is the validation curve.
        title: What the curves show.
        percent: Writes the axis in per cent; default: for accuracies.
        x_label: Unit of the horizontal axis.

    Raises:
        ValueError: a history does not have that metric.
    """
    percent = "accuracy" in metric if percent is None else percent
    _, axis = plt.subplots()
    for color, (name, history) in zip(_cycle(), histories.items(), strict=False):
        history = getattr(history, "history", history)
        if metric not in history and f"val_{metric}" not in history:
            known = ", ".join(sorted(history))
            raise ValueError(f"The history of {name!r} has no {metric!r}; it has {known}.")
        for key, line, part in ((f"val_{metric}", "-", "validation"), (metric, "--", "training")):
            if key in history:
                x = history.get("epoch", range(1, len(history[key]) + 1))
                label = f"{name}, {part}"
                axis.plot(x, history[key], line, color=color, marker="o", ms=4, label=label)
    if percent:
        axis.yaxis.set_major_formatter(plt.matplotlib.ticker.PercentFormatter(1.0))
    axis.xaxis.set_major_locator(plt.matplotlib.ticker.MaxNLocator(integer=True))
    axis.set(xlabel=x_label, ylabel=metric.replace("_", " "), title=title or "")
    axis.legend()


def _cycle():
    while True:
        yield from COLORS


def confusion_matrix(y_true, y_pred, class_names, *, title=None, axis=None, darkest=None):
    """Draws how often each true class (rows) was taken for each class (columns).

    The diagonal, which holds nearly everything, is left uncoloured, so that the mistakes show.

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


def misclassified(images, y_true, probabilities, class_names, *, count=16, columns=8, title=None):
    """Draws the mistakes that a classifier was surest of, the surest first.

    Args:
        images: (samples, height, width[, channels]).
        y_true: (samples,) true classes.
        probabilities: (samples, classes), as after a softmax.
        class_names: Name of class 0, 1, …
        count: At most so many are drawn.
        columns: Images in a row.
        title: What the picture shows.

    Returns:
        The positions of all mistakes in `images`, the surest first.
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
    images = as_images(np.asarray(images)[wrong[:count]])
    image_grid(images, captions, columns=columns, title=title, size=1.35)
    return wrong


def weight_grid(kernels, *, columns=8, title=None, size=1.0):
    """Draws the filters of a convolution layer, or the columns of a dense layer as images.

    All share one scale, symmetric about zero: blue is negative, white zero, red positive.

    Args:
        kernels: (height, width, channels, filters) as Keras stores them, of which the first
            channel is drawn (three channels: their mean), or (n, height, width).
        columns: Filters in a row.
        title: What the picture shows.
        size: Width of one filter, in inches.
    """
    kernels = np.asarray(kernels)
    if kernels.ndim == 4:
        kernels = kernels.mean(axis=2) if kernels.shape[2] == 3 else kernels[:, :, 0]
        kernels = np.moveaxis(kernels, -1, 0)
    largest = float(np.abs(kernels).max())
    image_grid(
        kernels,
        columns=columns,
        title=title,
        size=size,
        cmap="RdBu_r",
        limits=(-largest, largest),
    )


def activation_grid(activations, *, columns=8, title=None, size=1.0):
    """Draws the activation maps of one layer for one input, all on one scale.

    Args:
        activations: (height, width, channels), or (1, height, width, channels).
        columns: Maps in a row.
        title: What the picture shows.
        size: Width of one map, in inches.
    """
    activations = np.asarray(activations)
    if activations.ndim == 4 and len(activations) == 1:
        activations = activations[0]
    if activations.ndim != 3:
        raise ValueError(
            "activation_grid draws one input's maps, (height, width, channels); got shape "
            f"{activations.shape}. Pick one input first: activations[0]."
        )
    maps = np.moveaxis(activations, -1, 0)
    image_grid(maps, columns=columns, title=title, size=size, cmap="viridis")
