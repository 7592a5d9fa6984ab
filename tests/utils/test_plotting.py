"""Pictures: what is drawn is what was given, and a wrong shape is an error."""

import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
from conftest import ROOT

from utils import plotting
from utils.plotting import alternative_text, sliders


def drawn_images():
    """The images of the current figure, in order."""
    return [axis.images[0].get_array() for axis in plt.gcf().axes if axis.images]


@pytest.mark.parametrize("shape", [(5, 8, 6), (5, 8, 6, 3)])
def test_a_grid_draws_every_image_with_its_caption(shape):
    images = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    plotting.image_grid(images, np.arange(5), columns=3, title="five")
    for image, array in zip(images, drawn_images(), strict=True):
        assert np.array_equal(np.squeeze(image), array)
    assert [axis.get_title() for axis in plt.gcf().axes[:5]] == list("01234")
    assert plt.gcf().get_suptitle() == "five"
    if shape[1:] != (8, 6, 3):  # all on one scale
        assert len({axis.images[0].get_clim() for axis in plt.gcf().axes if axis.images}) == 1
    plotting.image_grid(np.full((1, 4, 4, 3), 128.0))  # large floats are not drawn white
    assert drawn_images()[0].max() == 128


def test_learning_curves_draw_training_and_validation():
    history = {"accuracy": [0.5, 0.8], "val_accuracy": [0.4, 0.7]}
    plotting.learning_curves({"net": history}, title="it learns")
    lines = {line.get_label(): list(line.get_ydata()) for line in plt.gca().lines}
    assert lines == {"net, training": [0.5, 0.8], "net, validation": [0.4, 0.7]}
    assert alternative_text.alternative_text(plt.gcf()) == (
        "it learns, horizontal axis: epoch, vertical axis: accuracy, "
        "legend: net, validation; net, training."
    )


def test_the_confusion_matrix_counts():
    counts = plotting.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0], ["a", "b", "c"])
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert {text.get_text() for text in plt.gca().texts} == {"1"}


def test_the_surest_mistakes_come_first(capsys):
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.0, 1.0]])
    images = np.zeros((4, 5, 5))
    wrong = plotting.misclassified(images, [1, 1, 1, 0], probabilities, ["no", "yes"])
    assert wrong.tolist() == [3, 0, 1]
    assert plt.gcf().axes[0].get_title() == "no → yes (100%)"
    assert not len(plotting.misclassified(images[:1], [0], probabilities[:1], ["no", "yes"]))
    assert "Nothing was misclassified" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (plotting.image_grid, [np.zeros((4, 4, 4, 2))], "got shape"),
        (plotting.image_grid, [np.zeros((2, 4, 4)), "abc"], "2 images and 3 captions"),
        (plotting.learning_curves, [{"net": {"loss": [1.0]}}, "acc"], "no 'acc'; it has loss"),
        (plotting.confusion_matrix, [[0, 1], np.eye(2), "ab"], "argmax"),
        (plotting.misclassified, [np.zeros((3, 4, 4)), [0, 1], np.eye(2), "ab"], "3 images, 2"),
    ],
)
def test_what_cannot_be_drawn(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_the_alternative_text_of_a_grid_names_some_captions_and_stays_short():
    plt.subplots()
    assert alternative_text.alternative_text(plt.gcf()) == "A figure without titles."
    plotting.image_grid(np.zeros((20, 4, 4)), [f"digit {i}" for i in range(20)], title="twenty")
    text = alternative_text.alternative_text(plt.gcf())
    assert text.startswith("twenty. 20 images. digit 0. digit 1.")
    assert text.endswith("and 14 more.")
    plt.figure().suptitle("word " * 500)
    assert len(alternative_text.alternative_text(plt.gcf())) <= 600


def test_a_kernel_stores_the_alternative_text_and_prints_nothing(monkeypatch):
    """As in a lesson: figures drawn in later cells, also in one that sets the style again."""
    monkeypatch.delenv("MPLBACKEND", raising=False)
    cells = [
        "import matplotlib.pyplot as plt\nfrom utils import plotting\nplotting.set_style()",
        "plt.plot([1, 2])\nplt.title('a line')\nplt.xlabel('time (s)')",
        "plotting.set_style()\nfigure, _ = plt.subplots()\nfigure.suptitle('shown')\nfigure",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    resources = {"metadata": {"path": str(ROOT)}}
    nbclient.NotebookClient(notebook, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "stream"]
    texts = [o.metadata["image/png"]["alt"] for o in outputs if "image/png" in o.get("data", {})]
    assert texts[0] == "a line, horizontal axis: time (s)."
    assert set(texts[1:]) == {"shown."}


def test_a_figure_with_sliders_that_nobody_can_move_is_drawn_as_it_starts(monkeypatch, capsys):
    monkeypatch.setattr(sliders, "is_live", lambda: False)
    drawn = []
    plotting.slider(lambda **values: drawn.append(values), start={"n": 3}, k=(7, 8), n=range(5))
    assert drawn == [{"k": 7, "n": 3}] and "n 0 … 4" in capsys.readouterr().out
    with pytest.raises(ValueError, match="not among the values"):
        plotting.slider(print, start={"n": 9}, n=range(5))


def test_a_long_range_is_typed_and_not_slid():
    ipywidgets = pytest.importorskip("ipywidgets")
    field = sliders._control(ipywidgets, "channel", range(1000), 56)
    assert (field.value, field.min, field.max) == (56, 0, 999)
    assert sliders._control(ipywidgets, "k", (3, 5), 5).options == (3, 5)
