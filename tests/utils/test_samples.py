"""`utils.data.samples`: the small datasets that stand in; `test_data.py` has them in use."""

import numpy as np
import pytest

from utils.data import formats, samples


@pytest.fixture(scope="module")
def patches():
    return samples.cifar10_sample()


def test_patches_are_many_balanced_learnable_and_the_same_every_time(patches):
    from sklearn.neighbors import KNeighborsClassifier

    for kind, least in (("train", 400), ("test", 100)):
        images, labels = patches[f"x_{kind}"], patches[f"y_{kind}"]
        assert len(images) == len(labels) >= least
        assert images.shape[1:] == (32, 32, 3) and images.dtype == np.uint8
        assert labels.dtype == np.int32 and (labels == 0).sum() == (labels == 1).sum()
    for name, array in samples.cifar10_sample().items():
        np.testing.assert_array_equal(patches[name], array)
    x_train, x_test = (patches[name].reshape(-1, 3072) for name in ("x_train", "x_test"))
    model = KNeighborsClassifier(n_neighbors=5).fit(x_train, patches["y_train"])
    assert model.score(x_test, patches["y_test"]) > 0.8


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


def test_digits_look_like_mnist_and_can_be_learnt():
    digits = samples.mnist_sample()
    x_train, y_train, x_test, y_test = (
        digits[name] for name in ("x_train", "y_train", "x_test", "y_test")
    )
    assert x_train.max() == 255
    ratios = np.bincount(y_train, minlength=10) / np.bincount(y_test, minlength=10)
    assert ratios.min() > 3.5 and ratios.max() < 4.5  # stratified
    # As in MNIST: a black frame, and the mass in the middle.
    assert x_train[:, [0, -1], :].max() == 0
    rows = x_train.astype(float).sum(axis=2)
    centres = (rows * np.arange(28)).sum(axis=1) / rows.sum(axis=1)
    assert abs(centres - 13.5).max() < 1.5
    # A nearest-mean classifier is far better than chance, so images and labels belong together.
    means = np.stack([x_train[y_train == digit].mean(axis=0) for digit in range(10)])
    distances = ((x_test[:, None] - means[None]) ** 2).sum(axis=(2, 3))
    assert (distances.argmin(axis=1) == y_test).mean() > 0.8


def test_idx_files_go_to_the_first_folder_that_can_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    folders = [tmp_path / "file" / "below", tmp_path / "good", tmp_path / "unused"]
    array = np.arange(24).reshape(2, 3, 4)
    paths = samples.write_idx_files({"x.gz": array}, folders)
    assert paths == {"x.gz": tmp_path / "good" / "x.gz"}
    np.testing.assert_array_equal(formats.read_idx(paths["x.gz"]), array)
    assert not (tmp_path / "unused").exists()
