"""`utils.data.samples`: the small datasets that stand in; `test_data.py` has them in use."""

import numpy as np
import pytest

from utils.data import formats, samples


@pytest.fixture(scope="module")
def patches():
    return samples.cifar10_sample()


def test_patches_are_many_and_balanced(patches):
    for kind, least in (("train", 400), ("test", 100)):
        images, labels = patches[f"x_{kind}"], patches[f"y_{kind}"]
        assert len(images) == len(labels) >= least
        assert images.shape[1:] == (32, 32, 3) and images.dtype == np.uint8
        assert labels.dtype == np.int32
        assert (labels == 0).sum() == (labels == 1).sum()


def test_patches_come_out_the_same_every_time(patches):
    again = samples.cifar10_sample()
    for name, array in patches.items():
        np.testing.assert_array_equal(again[name], array)


def test_no_pixel_is_in_both_parts(monkeypatch):
    """In photos whose every pixel has its own colour, the parts have no colour in common."""
    from sklearn import datasets

    numbers = np.arange(427 * 640).reshape(427, 640)
    colours = np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=2).astype(np.uint8)
    photos = type("Photos", (), {"images": [colours, colours]})
    monkeypatch.setattr(datasets, "load_sample_images", lambda: photos)
    monkeypatch.setattr(samples, "PATCH_SIDES", (32,))  # patches that are not made smaller
    monkeypatch.setattr(samples, "LEAST_CONTRAST", 0)
    arrays = samples.cifar10_sample()
    for label in (0, 1):
        seen = []
        for kind in ("train", "test"):
            pixels = arrays[f"x_{kind}"][arrays[f"y_{kind}"] == label].reshape(-1, 3)
            assert len(pixels)
            seen.append(set(map(tuple, np.unique(pixels, axis=0))))
        assert not seen[0] & seen[1]


def test_patches_show_something(patches):
    brightness = patches["x_train"].mean(axis=3)
    assert brightness.std(axis=(1, 2)).min() > 15


def test_a_lesson_can_show_the_first_patches(patches):
    assert set(patches["y_train"][:13]) == {0, 1}
    assert patches["y_train"][12] == 1 and patches["x_train"][12].std() > 40


def test_patches_can_be_learnt(patches):
    """What the nearest training patch says about the test patches is nearly always right."""
    from sklearn.neighbors import KNeighborsClassifier

    x_train, x_test = (patches[name].reshape(-1, 3072) for name in ("x_train", "x_test"))
    model = KNeighborsClassifier(n_neighbors=5).fit(x_train, patches["y_train"])
    assert model.score(x_test, patches["y_test"]) > 0.8


def test_idx_files_go_to_the_first_folder_that_can_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    folders = [tmp_path / "file" / "below", tmp_path / "good", tmp_path / "unused"]
    array = np.arange(24).reshape(2, 3, 4)
    paths = samples.write_idx_files({"x.gz": array}, folders)
    assert paths == {"x.gz": tmp_path / "good" / "x.gz"}
    np.testing.assert_array_equal(formats.read_idx(paths["x.gz"]), array)
    assert not (tmp_path / "unused").exists()
