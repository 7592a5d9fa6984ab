"""The Olivetti faces: the file as it is read, the course's labels, and what stands in."""

import numpy as np
import pytest
import scipy.io

from utils import data
from utils.data import faces


def test_photos_are_read_upright(tmp_path):
    photos = np.random.default_rng(0).integers(0, 256, (400, 64, 64)).astype("uint8")
    columns = photos.swapaxes(1, 2).reshape(400, -1).T  # a column a photo, down its columns
    scipy.io.savemat(tmp_path / "faces.mat", {"faces": columns})
    np.testing.assert_array_equal(faces.read_olivetti(tmp_path / "faces.mat"), photos)


def test_a_wrong_file_is_refused(tmp_path):
    scipy.io.savemat(tmp_path / "few.mat", {"faces": np.zeros((4096, 3), "uint8")})
    scipy.io.savemat(tmp_path / "other.mat", {"digits": np.zeros(3)})
    (tmp_path / "text.mat").write_text("not a MATLAB file")
    for name in ("few.mat", "other.mat", "text.mat", "missing.mat"):
        with pytest.raises(data.DataError):
            faces.read_olivetti(tmp_path / name)


def test_the_labels_name_every_photo_once():
    rows = faces.LABELS.read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split(",")[:2] for row in rows] == [[str(i // 10), str(i % 10)] for i in range(400)]
    glasses, smiles = faces.read_labels(faces.LABELS)
    assert glasses.shape == smiles.shape == (400,) and glasses.dtype == bool
    assert set(smiles) == {-1, 0, 1} and glasses.sum() == 119
    by_person = glasses.reshape(40, 10).sum(axis=1)
    assert (by_person == 10).sum() == 8 and ((by_person > 0) & (by_person < 10)).sum() == 7


def test_invented_people_stand_in(monkeypatch):
    monkeypatch.setattr(faces.sources, "find", lambda names, failures: None)
    olivetti = data.load_olivetti()
    assert olivetti.origin.is_sample and "drawn by a program" in olivetti.origin.text
    assert olivetti.images.shape == (400, 64, 64) and olivetti.images.dtype == np.uint8
    by_person = olivetti.glasses.reshape(40, 10).sum(axis=1)
    assert (by_person == 10).sum() >= 8 and ((by_person > 0) & (by_person < 10)).any()
    assert set(olivetti.smiles) == {-1, 0, 1} and len(repr(olivetti)) < 90
    np.testing.assert_array_equal(olivetti.images, data.load_olivetti().images)
