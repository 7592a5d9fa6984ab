"""Lesson 12: its GPT is that of `utils`, as short as it says, and `write` refuses bad prompts."""

import keras
import numpy as np
import pytest

from tools.authoring import cells
from utils.models.gpt import build_gpt

LESSON = "12_transformer.ipynb"
LINES = 60  # that the lesson promises
VOCABULARY, CONTEXT, DEPTH, HEADS, WIDTH = 65, 16, 2, 4, 32
to_numpy = keras.ops.convert_to_numpy


@pytest.fixture(scope="module")
def lesson_gpt():
    names = {"keras": keras, "layers": keras.layers, "ops": keras.ops}
    return cells.definitions(
        LESSON, {"gpt"}, pre_norm=lambda x, norm, part: x + part(norm(x)), **names
    )["GPT"]


@pytest.fixture
def write():
    alphabet = ["a", "b", "c"]
    number_of = {character: number for number, character in enumerate(alphabet)}
    names = {"np": np, "context": 4, "classes": 3, "alphabet": alphabet, "number_of": number_of}
    return cells.definitions(LESSON, {"write"}, **names)["write"]


class AlwaysB:
    """Stands for a network: whatever it reads, the next character is b."""

    def predict_on_batch(self, tokens):
        assert tokens.shape == (1, 4)
        return np.tile([0.0, 1e6, 0.0], (1, 4, 1))


def weights_for_utils(net):
    """The weights of the lesson's network, layer by layer, as `build_gpt` keeps them."""
    norms, attentions, denses = [], [], []
    for block in net.blocks:
        norms += [block.norm_1, block.norm_2]
        denses += [block.wide, block.narrow]
        kernel, bias = (to_numpy(w) for w in block.attention.qkv.weights)
        shares = []
        for k, b in zip(np.split(kernel, 3, axis=1), np.split(bias, 3), strict=True):
            shares += [k.reshape(WIDTH, HEADS, -1), b.reshape(HEADS, -1)]
        kernel, bias = (to_numpy(w) for w in block.attention.out.weights)
        attentions.append([*shares, kernel.reshape(HEADS, -1, WIDTH), bias])
    return {
        "Embedding": [net.tokens.get_weights(), net.places.get_weights()],
        "LayerNormalization": [norm.get_weights() for norm in (*norms, net.norm)],
        "MultiHeadAttention": attentions,
        "Dense": [dense.get_weights() for dense in denses],
    }


def test_same_weights_same_logits_as_build_gpt(lesson_gpt):
    keras.utils.set_random_seed(0)
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (2, CONTEXT)).astype("int32")
    net = lesson_gpt(VOCABULARY, CONTEXT, depth=DEPTH, width=WIDTH, heads=HEADS)
    net(tokens)
    for weight in net.trainable_variables:  # biases and scales, too, must be seen
        weight.assign(weight + 0.2 * keras.random.normal(weight.shape))
    ours = build_gpt(VOCABULARY, CONTEXT, DEPTH, HEADS, WIDTH)
    weights = weights_for_utils(net)
    for layer in ours.layers:
        if layer.weights and (waiting := weights.get(type(layer).__name__)):
            layer.set_weights(waiting.pop(0))
    assert not any(weights.values())
    np.testing.assert_allclose(to_numpy(net(tokens)), to_numpy(ours(tokens)), atol=1e-4)
    assert net.count_params() == ours.count_params()


def test_gpt_is_as_short_as_the_lesson_says():
    lines = cells.source(LESSON, {"gpt"}).splitlines()
    assert 40 < len([line for line in lines if line.strip()]) <= LINES


def test_write_goes_on_from_the_prompt(write):
    assert write(AlwaysB(), "ac", length=6) == "acbbbbbb"


@pytest.mark.parametrize(
    ("prompt", "message"),
    [("", "empty"), ("abcab", "5 characters; the network reads 4"), ("a?", r"alphabet: \['\?'\]")],
)
def test_write_refuses_what_it_cannot_read(write, prompt, message):
    with pytest.raises(ValueError, match=message):
        write(AlwaysB(), prompt)
