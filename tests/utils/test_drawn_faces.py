"""The drawn faces: exact labels, an exact mask, the same for a seed, and a ruler that reads."""

import numpy as np
import pytest

from utils import drawn_faces


def test_shapes_ranges_and_labels():
    faces = drawn_faces.draw(300, seed=0)
    assert faces.images.shape == faces.hair.shape == (300, 32, 32)
    assert faces.images.dtype == faces.hair.dtype == np.float32
    for values in (faces.images, faces.hair):
        assert values.min() >= 0 and values.max() <= 1
    mouth, length = faces.parameters["mouth"], faces.parameters["length"]
    assert (mouth[faces.smiles] >= 0.45).all() and (mouth[~faces.smiles] <= 0.05).all()
    assert (length[faces.long_hair] >= 0.7).all() and (length[~faces.long_hair] <= 0.2).all()
    assert set(faces.parameters) == set(drawn_faces.PARAMETERS) and len(repr(faces)) < 80


def test_a_seed_repeats_and_the_first_faces_do_not_depend_on_how_many():
    few, many, other = (drawn_faces.draw(n, seed=s) for n, s in ((5, 1), (600, 1), (5, 2)))
    np.testing.assert_array_equal(few.images, many.images[:5])
    np.testing.assert_array_equal(few.hair, many.hair[:5])
    assert not np.allclose(few.images, other.images)


def test_smiles_go_with_hair_as_asked():
    faces = drawn_faces.draw(3000, seed=3, size=8, smile_if_long=0.85, smile_if_short=0.15)
    assert abs(faces.long_hair.mean() - 0.5) < 0.04
    assert abs(faces.smiles[faces.long_hair].mean() - 0.85) < 0.04
    assert abs(faces.smiles[~faces.long_hair].mean() - 0.15) < 0.04


@pytest.mark.parametrize("size", [32, 48, 64])
def test_the_mask_is_what_was_painted_as_hair(size, monkeypatch):
    faces = drawn_faces.draw(20, seed=4, size=size, colour=True, ranges={"glasses": (1, 1)})
    assert faces.images.shape == (20, size, size, 3)
    tint = np.array([0.3, -0.05, 0.2])  # dye all hair: only the mask may change, and by its share
    dyed = np.array(drawn_faces._HAIR)
    dyed[:, :3] += tint.reshape(3, 1, 1)
    monkeypatch.setattr(drawn_faces, "_HAIR", dyed)
    images, hair = drawn_faces.paint(faces.parameters, size=size, colour=True)
    np.testing.assert_array_equal(hair, faces.hair)
    np.testing.assert_allclose(images - faces.images, hair[..., None] * tint, atol=1e-5)
    assert 0.1 < hair.mean() < 0.6 and ((hair > 0) & (hair < 1)).any()


def test_grey_is_the_brightness_of_the_colours():
    grey, colour = (drawn_faces.draw(4, seed=5, colour=c).images for c in (False, True))
    np.testing.assert_allclose(grey, colour @ [0.299, 0.587, 0.114], atol=1e-5)


def test_only_the_mouth_changes_with_the_mouth():
    faces = drawn_faces.draw(50, seed=6)
    other, hair = drawn_faces.paint(faces.parameters | {"mouth": np.full(50, 0.7)})
    np.testing.assert_array_equal(hair, faces.hair)
    rows = np.flatnonzero((other != faces.images).any(axis=(0, 2)))
    assert rows.min() >= 16 and rows.max() <= 28


@pytest.mark.parametrize("size", [32, 64])
def test_the_ruler_reads_what_was_drawn(size):
    wide = {"mouth": (-0.5, 1), "length": (0, 1)}
    faces = drawn_faces.draw(500, seed=7, size=size, ranges=wide)
    for name, read in zip(("mouth", "length"), drawn_faces.measure(faces.images), strict=True):
        assert np.sqrt(np.mean((read - faces.parameters[name]) ** 2)) < 0.07


def test_a_range_fixes_what_one_person_looks_like():
    fixed = {"width": (0.9, 0.9), "mouth": (-0.5, 1)}
    usual, person = drawn_faces.draw(40, seed=8), drawn_faces.draw(40, seed=8, ranges=fixed)
    assert np.ptp(person.parameters["width"]) == 0 < np.ptp(person.parameters["mouth"])
    for name in drawn_faces.PARAMETERS.keys() - fixed.keys():
        np.testing.assert_array_equal(person.parameters[name], usual.parameters[name])


@pytest.mark.parametrize(
    "wrong",
    [{"count": 0}, {"size": 4}, {"seed": -1}, {"smile_if_long": 1.2}, {"ranges": {"ears": (0, 1)}}],
)
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(ValueError):
        drawn_faces.draw(**{"count": 2, "seed": 0} | wrong)


def test_a_missing_parameter_is_named():
    parameters = drawn_faces.draw(2, seed=0, size=8).parameters
    del parameters["skin"]
    with pytest.raises(ValueError, match="Missing: skin"):
        drawn_faces.paint(parameters)
