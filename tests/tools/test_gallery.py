"""The pictures of the lessons: the right figure, of one size, small, or a plain word why not."""

import base64
import io
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from tools.authoring import gallery


def png(value, size=(300, 100)):
    file = io.BytesIO()
    Image.fromarray(np.full((*size[::-1], 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """An executed lesson with three figures in two sections, all black, grey or white."""

    def output(value):
        return {"data": {"image/png": base64.b64encode(png(value)).decode()}}

    def code(*values):
        return {"cell_type": "code", "source": "", "outputs": [output(v) for v in values]}

    def text(source):
        return {"cell_type": "markdown", "source": source}

    cells = [text("# Title\n\n## One"), code(0), text("no heading"), code(128)]
    cells += [text("## Two"), code(255)]
    (tmp_path / "01_lesson.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    monkeypatch.setattr(gallery, "PICTURES", {"01_lesson": gallery.Picture("One", 2, "grey")})
    return tmp_path


def test_it_takes_the_figure_that_the_table_names(executed):
    with Image.open(io.BytesIO(gallery.picture("01_lesson", executed))) as image:
        assert image.size == gallery.SIZE and image.format == "WEBP"
        middle = image.convert("L").getpixel((image.width // 2, image.height // 2))
    assert abs(middle - 128) < 4


@pytest.mark.parametrize(
    ("name", "picture", "words"),
    [
        ("02_other", None, "add a line to PICTURES"),
        ("01_lesson", gallery.Picture("One", 3, ""), "has 2 figures in the section 'One', not 3"),
        ("01_lesson", gallery.Picture("Three", 1, ""), "has 0 figures"),
    ],
)
def test_a_picture_that_cannot_be_made_is_told(executed, name, picture, words):
    if picture:
        gallery.PICTURES[name] = picture
    with pytest.raises(gallery.NoPicture, match=words):
        gallery.picture(name, executed)
    gallery.PICTURES["03_gone"] = gallery.Picture("One", 1, "")
    with pytest.raises(gallery.NoPicture, match="is not executed"):
        gallery.picture("03_gone", executed)


def test_a_busy_picture_is_made_small():
    noise = np.random.default_rng(0).integers(0, 256, (600, 1200, 3), dtype=np.uint8)
    file = io.BytesIO()
    plt.imsave(file, noise, format="png")
    assert len(gallery.tile(file.getvalue())) <= gallery.MOST_BYTES


def test_the_command_names_what_is_missing(executed, capsys):
    assert gallery.main(["00", "--notebooks", str(executed)]) == 1
    assert "00_hello_colab has no picture" in capsys.readouterr().err
    assert gallery.main(["no-such-lesson"]) == 2
