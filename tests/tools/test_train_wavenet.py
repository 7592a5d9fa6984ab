"""The script that trains lesson 09's speaker: a few steps of a small net, on the sample."""

import re

import numpy as np
import pytest

from tools.weights import train_wavenet


@pytest.fixture
def offline(plain_environment, tmp_path):
    """No real recordings anywhere; a net of two layers, and one step a round."""
    plain_environment.setenv("COURSE_OFFLINE", "1")
    plain_environment.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    plain_environment.setattr(train_wavenet, "DILATIONS", [1, 2])
    return plain_environment


def test_it_trains_and_saves_after_each_round(offline, tmp_path, capsys):
    file, saved = tmp_path / "weights.npz", []
    save = train_wavenet.save

    def save_and_remember(model, file):
        save(model, file)
        with np.load(file) as arrays:
            saved.append({name: arrays[name] for name in arrays})

    offline.setattr(train_wavenet, "save", save_and_remember)
    train_wavenet.main(["--share", "0.0001", "--out", str(file)])
    lesson = train_wavenet.cells.definitions(
        train_wavenet.NOTEBOOK, {"wavenet"}, keras=train_wavenet.keras, np=np
    )
    model = lesson["build_wavenet"]([1, 2], features=30)
    shapes = [tuple(weight.shape) for weight in model.weights]
    first, second = saved
    assert [weight.shape for weight in second.values()] == shapes
    assert list(second) == sorted(second) and {w.dtype.name for w in second.values()} == {"float16"}
    assert any((first[name] != second[name]).any() for name in first)
    printed = capsys.readouterr().out
    assert printed.count("bits, held out") == 2 and "float16: " in printed
    assert f"{file.stat().st_size:,} bytes, {model.count_params():,} weights" in printed


def test_the_bundled_weights_are_not_replaced_by_a_net_of_the_sample(offline):
    before = train_wavenet.TARGET.read_bytes()
    with pytest.raises(SystemExit, match="needs the real recordings"):
        train_wavenet.main(["--share", "0.0001"])
    assert train_wavenet.TARGET.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "nowhere/weights.npz"], "no folder .*nowhere for --out"),
        (["--out", "weights"], "ends in .npz"),
        (["--share", "0"], "--share must be above 0"),
        (["--share", "nan"], "--share must be above 0"),
    ],
    ids=str,
)
def test_what_cannot_be_saved_is_refused_before_training(options, message, capsys, tmp_path):
    options = [str(tmp_path / text) if "/" in text else text for text in options]
    with pytest.raises(SystemExit):
        train_wavenet.main(options)
    assert re.search(message, capsys.readouterr().err)
