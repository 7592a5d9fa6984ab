"""`utils.models.squeezenet`: the bundled ImageNet classifier, decoded and built."""

import functools
import hashlib
import os
import pathlib

import numpy as np
import pytest
from keras import ops
from PIL import Image
from sklearn.datasets import load_sample_image

from tools.weights import get_squeezenet
from utils.common.errors import DataError
from utils.models import squeezenet

FIRES = [f"fire{number}" for number in range(2, 10)]
MIRROR = pathlib.Path(os.environ.get("COURSE_DATA_MIRROR", "/none"))


@functools.cache
def whole():
    return squeezenet.load()


def square(picture):
    """The middle of a picture, 227 × 227, with a batch axis."""
    rows, columns = picture.shape[:2]
    side = min(rows, columns)
    picture = picture[(rows - side) // 2 :][:side, (columns - side) // 2 :][:, :side]
    return np.array(Image.fromarray(picture).resize((227, 227), Image.BILINEAR))[None]


def best_names(rgb, count):
    probabilities = whole().predict(squeezenet.preprocess(rgb), verbose=0)[0]
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-4)
    return [squeezenet.class_names()[i] for i in probabilities.argsort()[::-1][:count]]


def test_it_is_squeezenet_1_0():
    net = whole()
    assert net.count_params() == 1_248_424
    names = [layer.name for layer in net.layers]
    parts = ("squeeze1x1", "expand1x1", "expand3x3")
    fire2 = [f"fire2_{part}" for part in parts] + ["fire2"]
    assert names[1:7] == ["conv1", "pool1", *fire2]
    assert [name for name in names if name in FIRES] == FIRES
    assert names[-3:] == ["conv10", "pool10", "softmax"]
    assert net.get_layer("fire9").output.shape[1:] == (13, 13, 512)
    assert net.output_shape == (None, 1000)


def test_without_top_it_ends_at_fire9_with_the_same_weights():
    net = squeezenet.load(top=False, input_shape=(64, 48, 3))
    assert net.layers[-1].name == "fire9" and net.output_shape[-1] == 512
    for mine, other in zip(net.weights, whole().weights, strict=False):
        np.testing.assert_array_equal(ops.convert_to_numpy(mine), ops.convert_to_numpy(other))


def test_it_names_a_photo():
    names = best_names(square(load_sample_image("china.jpg")), 6)
    assert {"bell cote", "monastery", "stupa"} <= set(names), names


@pytest.mark.parametrize(
    ("photo", "name"), [("parrot", "macaw"), ("hot_dog", "hotdog"), ("cat_720p", "tiger cat")]
)
def test_it_names_real_photos(photo, name):
    path = MIRROR / "art" / f"openimages_{photo}.jpg"
    if not path.is_file():
        pytest.skip("the mirror has no such photo")
    assert best_names(square(np.array(Image.open(path).convert("RGB"))), 1) == [name]


def test_there_are_1000_different_names():
    names = squeezenet.class_names()
    assert len(names) == len(set(names)) == 1000
    assert (names[0], names[281], names[999]) == ("tench", "tabby", "toilet tissue")


def test_preprocess_is_the_same_for_arrays_and_tensors():
    rgb = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), "uint8")
    before = rgb.copy()
    result = squeezenet.preprocess(rgb)
    assert result.dtype == np.float32 and (rgb == before).all()
    np.testing.assert_allclose(result[..., 0], rgb[..., 2] - 104.006, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(result[..., 2], rgb[..., 0] - 122.679, rtol=1e-5, atol=1e-4)
    tensor = squeezenet.preprocess(ops.convert_to_tensor(rgb))
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), result, rtol=1e-5, atol=1e-4)


def plain_decoding(content):
    """The same as `decode`, number by number: yield flat kernel and biases of each convolution."""
    whole_numbers = np.frombuffer(content[:104], "<u4")
    content = content[104:]
    for count, layer in zip(whole_numbers, squeezenet._kernel_shapes().values(), strict=True):
        count, filters = int(count), layer[0]
        numbers = np.frombuffer(content[: 4 * (256 + filters)], "<f4")
        content = content[4 * (256 + filters) :]
        codes, content = content[:count], content[count:]
        pairs, content = content[: (count + 1) // 2], content[(count + 1) // 2 :]
        kernel, place = [float(numbers[0])] * int(np.prod(layer)), -1
        for i, code in enumerate(codes):
            place += 1 + (pairs[i // 2] >> 4 if i % 2 else pairs[i // 2] & 15)
            kernel[place] = float(numbers[code])
        yield np.reshape(np.array(kernel, "float32"), layer), numbers[256:]
    assert not content


def test_the_decoding_agrees_with_a_plain_one():
    content = squeezenet.WEIGHTS.read_bytes()
    layers = squeezenet.decode(content)
    expected = list(plain_decoding(content))
    assert len(layers) == len(expected) == 26
    for (kernel, biases), (plain, plain_biases) in zip(layers.values(), expected, strict=True):
        np.testing.assert_array_equal(kernel, plain.transpose(2, 3, 1, 0))
        np.testing.assert_array_equal(biases, plain_biases)
    zeros = np.concatenate([(kernel == 0).ravel() for kernel, _ in layers.values()])
    assert 0.6 < zeros.mean() < 0.7  # two thirds were pruned


@pytest.mark.parametrize("change", ["short", "long", "other", "empty"])
def test_a_damaged_file_is_refused(change, tmp_path, monkeypatch):
    content = squeezenet.WEIGHTS.read_bytes()
    damaged = {
        "short": content[:-1],
        "long": content + b"\0",
        "other": content[:-1] + bytes([content[-1] ^ 1]),
        "empty": b"",
    }[change]
    file = tmp_path / "squeezenet.net"
    file.write_bytes(damaged)
    monkeypatch.setattr(squeezenet, "WEIGHTS", file)
    with pytest.raises(DataError, match=r"squeezenet\.net is damaged"):
        squeezenet.load()
    if change != "other":
        with pytest.raises(DataError, match=r"squeezenet\.net (has|is not)"):
            squeezenet.decode(damaged)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(squeezenet, "WEIGHTS", tmp_path / "squeezenet.net")
    with pytest.raises(DataError, match="cannot be read"):
        squeezenet.load()


def test_the_bundled_files_are_those_that_the_tool_makes(tmp_path, monkeypatch):
    if not (MIRROR / "weights" / "compressed_SqueezeNet.net").is_file():
        pytest.skip("the mirror has no SqueezeNet")
    for name in ("WEIGHTS", "CLASSES"):
        monkeypatch.setattr(squeezenet, name, tmp_path / name)
    get_squeezenet.main([str(MIRROR)])
    assert hashlib.sha256((tmp_path / "WEIGHTS").read_bytes()).hexdigest() == squeezenet.SHA256
    names = (tmp_path / "CLASSES").read_text().splitlines()
    assert tuple(names) == squeezenet.class_names()


def test_the_tool_refuses_another_file(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "compressed_SqueezeNet.net").write_bytes(b"other")
    with pytest.raises(ValueError, match="not the expected file"):
        get_squeezenet.main([str(tmp_path)])
