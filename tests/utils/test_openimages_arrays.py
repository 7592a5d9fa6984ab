"""The photos of `utils.openimages` as arrays and batches, and the sample that stands in."""

import os
from pathlib import Path

import numpy as np
import pytest
from faulty_server import stay_on_this_machine
from PIL import Image
from tiny_openimages import ROSE, TinyOpenImages, jpeg

from utils import openimages
from utils.common.errors import DataError
from utils.openimages import drawn
from utils.openimages.dataset import decode


@pytest.fixture(autouse=True)
def on_this_machine_only(monkeypatch, tmp_path):
    stay_on_this_machine(monkeypatch)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))


@pytest.fixture
def photos(monkeypatch, tmp_path):
    """16 photos for training, 4 for validation, 4 for the test; some are grey or CMYK."""
    world = TinyOpenImages()
    world.add_many(10)
    for name, mode in (("grey", "L"), ("cmyk", "CMYK")):
        world.add(name, [ROSE], content=jpeg(name, mode=mode))
    world.add_many(2, first=10)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(world.write(tmp_path / "mirror")))
    return openimages.download(("Sunflower", "Rose"), 12, progress=False, sample=False)


def test_load_follows_the_table(photos):
    x, y = photos.load("train", size=(40, 48))
    table = photos.table[photos.table["split"] == "train"]
    assert x.shape == (16, 40, 48, 3) and x.dtype == np.uint8
    assert y.dtype == np.int32 and y.tolist() == table["label"].tolist()
    for pixels, path in zip(x, table["path"], strict=True):
        expected = Image.open(photos.folder / path).convert("RGB")
        np.testing.assert_array_equal(pixels, np.asarray(expected))


def test_crop_and_squeeze(tmp_path):
    stripes = np.zeros((100, 300, 3), np.uint8)
    stripes[:, 100:200] = (0, 255, 0)
    Image.fromarray(stripes).save(tmp_path / "wide.jpg", quality=95)
    Image.fromarray(stripes.swapaxes(0, 1)).save(tmp_path / "tall.jpg", quality=95)
    inner = decode([tmp_path / "wide.jpg", tmp_path / "tall.jpg"], (50, 50))[:, 4:-4, 4:-4]
    assert inner[..., 1].min() > 230 and inner[..., 0].max() < 25  # only the middle is there
    squeezed = decode([tmp_path / "wide.jpg"], (50, 60), crop=None)[0]
    assert squeezed[25, 8, 1] < 25 and squeezed[25, 30, 1] > 230 and squeezed[25, 52, 1] < 25


def test_reduction_does_not_alias(tmp_path):
    checks = np.indices((640, 640)).sum(axis=0) % 2 * 255  # grey, seen from far away
    image = Image.fromarray(checks.astype(np.uint8)).convert("RGB")
    image.save(tmp_path / "checks.jpg", quality=95)
    x = decode([tmp_path / "checks.jpg"], (37, 37)).astype(float)
    assert abs(x.mean() - 127.5) < 6 and x.std() < 6


@pytest.mark.parametrize(
    ("mode", "colour", "rgb"),
    [("L", 200, (200, 200, 200)), ("CMYK", (0, 255, 255, 0), (230, 25, 25))],
)
def test_grey_and_cmyk_photos_become_rgb(tmp_path, mode, colour, rgb):
    (tmp_path / "a.jpg").write_bytes(jpeg("a", (64, 64), mode, colour))
    pixel = decode([tmp_path / "a.jpg"], (16, 16))[0, 8, 8].astype(int)
    assert np.abs(pixel - rgb).max() < 40


def test_wrong_arguments_of_load(photos):
    with pytest.raises(ValueError, match="Did you mean 'train'"):
        photos.load("trian")
    with pytest.raises(ValueError, match="height and width"):
        photos.load("test", size=160)
    with pytest.raises(ValueError, match="crop"):
        photos.load("test", crop="middle")
    (photos.folder / photos.table["path"][0]).unlink()
    with pytest.raises(DataError, match=r"Call openimages\.download again"):
        photos.load("train")


def test_batches_hold_every_photo_once_an_epoch(photos):
    x, y = photos.load("train", size=(8, 9))

    def epochs_of(seed):
        batches = photos.batches("train", size=(8, 9), batch_size=5, shuffle_seed=seed)
        for _ in range(2):
            parts = list(batches)
            assert len(parts) == len(batches) == 4
            yield [np.concatenate(part) for part in zip(*parts, strict=True)]
            batches.on_epoch_end()

    epochs = {seed: list(epochs_of(seed)) for seed in (None, 3, 4)}
    np.testing.assert_array_equal(epochs[None][1][0], x)
    np.testing.assert_array_equal(epochs[None][1][1], y)
    shuffled = [epoch[0] for seed in (3, 4) for epoch in epochs[seed]]
    assert len({epoch.tobytes() for epoch in shuffled}) == 4
    for epoch in shuffled:
        assert sorted(map(bytes, epoch)) == sorted(map(bytes, x))
    np.testing.assert_array_equal(shuffled[0], next(epochs_of(3))[0])


def test_keras_trains_on_the_batches_and_reads_the_folder(photos):
    pytest.importorskip("tensorflow")
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(photos.batches("train", (8, 8), 4, shuffle_seed=0), verbose=0)
    assert model.predict(photos.batches("test", (8, 8)), verbose=0).shape == (4, 2)
    dataset = keras.utils.image_dataset_from_directory(
        photos.folder / "train",
        class_names=photos.folder_names,
        image_size=(40, 48),
        shuffle=False,
        verbose=False,
    )
    x, y = next(iter(dataset))
    paths = [str(Path(path).relative_to(photos.folder)) for path in dataset.file_paths]
    table = photos.table.set_index("path")
    assert y.numpy().tolist() == [table["label"][path.replace(os.sep, "/")] for path in paths]
    assert x.shape == (16, 40, 48, 3)


def test_the_sample_stands_in_and_says_so(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    with pytest.raises(DataError, match="COURSE_OFFLINE is set"):
        openimages.download(sample=False)
    photos = openimages.download(("Cat", "Dog"), 60)
    printed = capsys.readouterr().out
    assert printed.startswith("SAMPLE, not Open Images") and "COURSE_OFFLINE" in printed
    assert "400 + 200 + 200 pictures" in printed and len(printed.splitlines()) == 2
    assert photos.origin.is_sample and photos.classes == ("Cat", "Dog")
    assert photos.table.groupby(["split", "label"]).size().tolist() == [
        100,
        100,
        200,
        200,
        100,
        100,
    ]
    assert set(photos.table["width"]) == {160} and photos.table["sha256"].is_unique
    assert set(photos.table["author"]) == {"drawn by the course's program"}
    assert photos.load("test", (64, 64))[0].shape == (200, 64, 64, 3)
    again = openimages.download()
    assert again.table.equals(photos.table)


def test_the_sample_is_the_same_every_time_and_nothing_but_the_animal_tells_the_classes():
    one, two = ([drawn.draw(np.random.default_rng(i), i % 2) for i in range(60)] for _ in range(2))
    assert (np.array(one) == np.array(two)).all()
    pictures = np.array(one, float)
    assert pictures.shape == (60, drawn.SIDE, drawn.SIDE, 3)
    cats, dogs = pictures[1::2].mean(axis=(1, 2)), pictures[0::2].mean(axis=(1, 2))
    spread = np.sqrt((cats.var(axis=0) + dogs.var(axis=0)) / 30)
    assert (np.abs(cats.mean(axis=0) - dogs.mean(axis=0)) < 3 * spread).all()


def test_near_twins_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    photos = openimages.download()
    first, second = (
        photos.folder / photos.table["path"][0],
        photos.folder / photos.table["path"][700],
    )
    with Image.open(first) as image:
        image.resize((120, 120)).point(lambda value: 0.8 * value).save(second)
    pairs = openimages.near_twins(photos, most_bits=3)
    found = pairs[(pairs["first"] == 0) & (pairs["second"] == 700)]
    assert len(found) == 1 and found["bits"].iloc[0] <= 3
    assert (found["first_split"].iloc[0], found["second_split"].iloc[0]) == ("train", "test")
    assert pairs["bits"].is_monotonic_increasing
