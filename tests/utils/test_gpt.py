"""GPT-2's architecture: its size, its blindness to the future, its first guess."""

import keras
import numpy as np
import pytest

from utils.models import gpt


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return gpt.build_gpt(vocabulary=65, block=16, layers=2, heads=4, width=32)


def test_small_gpt2_has_as_many_weights_as_openai_counts():
    model = gpt.build_gpt(50_257, 1024, 12, 12, 768)
    assert model.count_params() == 124_439_808


def test_what_comes_later_changes_nothing_earlier(model):
    tokens = np.random.default_rng(0).integers(0, 65, (2, 16)).astype("int32")
    other = tokens.copy()
    other[:, 9:] = (other[:, 9:] + 1) % 65
    before, after = (keras.ops.convert_to_numpy(model(x)) for x in (tokens, other))
    assert before.shape == (2, 16, 65)
    np.testing.assert_allclose(before[:, :9], after[:, :9], atol=1e-6)
    assert np.abs(before[:, 9:] - after[:, 9:]).max(axis=(0, 2)).min() > 1e-3


def test_fewer_timesteps_than_the_block(model):
    tokens = np.arange(10, dtype="int32")[None]
    whole, part = (keras.ops.convert_to_numpy(model(x)) for x in (tokens, tokens[:, :4]))
    np.testing.assert_allclose(whole[:, :4], part, atol=1e-5)


def test_first_guess_is_nearly_even(model):
    tokens = np.random.default_rng(1).integers(0, 65, (20, 16)).astype("int32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    found = float(loss(tokens[:, 1:], model(tokens[:, :-1])))
    assert found == pytest.approx(np.log(65), abs=0.1)


def test_way_back_to_the_stream_starts_smaller():
    sigma = {}
    for layers in (1, 8):
        model = gpt.build_gpt(65, 16, layers, 4, 64)
        attention = next(x for x in model.layers if isinstance(x, keras.layers.MultiHeadAttention))
        sigma[layers] = float(keras.ops.std(attention.output_dense.kernel))
    assert sigma[1] == pytest.approx(0.02 / 2**0.5, rel=0.1)
    assert sigma[8] == pytest.approx(0.02 / 16**0.5, rel=0.1)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="5 heads do not divide a width of 32"):
        gpt.build_gpt(65, 16, 1, 5, 32)
