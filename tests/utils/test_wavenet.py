"""`utils.models.wavenet`: the same logits and samples as the Keras model, on every backend."""

import dataclasses
import functools
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from exact_wavenet import exact_logits

from benchmarks.wavenet_generation import lesson
from tools.authoring import cells
from utils.models import wavenet
from utils.models.wavenet import kernel

pytest.importorskip("numba")

# The lesson's own rule for drawing a class: what `generate` promises in its docstring.
choose = lesson()["choose"]
# The lesson's generator in readable NumPy.
generate_with_queues = lesson()["generate_with_queues"]

SHAPES = {  # dilations, channels, skip channels, features, hop
    "plain": ([1, 2, 4, 8, 1, 2, 4, 8], 16, 32, 0, 80),
    "conditioned": ([1, 2, 4, 8], 8, 16, 5, 20),
    "odd widths": ([1, 3, 7], 5, 11, 3, 7),
    "long": ([64, 1, 128], 6, 30, 2, 10),
}


def test_both_lessons_define_the_same_net():
    names = {"keras": keras, "np": np, "wavenet": wavenet}
    first, second = (
        cells.definitions(notebook, {"wavenet"}, **names)
        for notebook in ("09_wavenet.ipynb", "09b_fast_wavenet.ipynb")
    )
    shared = [name for name, value in second.items() if callable(value)]
    assert {"mu_law_encode", "previous_of", "residual_block", "build_wavenet"} < set(shared)
    for name in shared:
        assert first[name].__code__.co_code == second[name].__code__.co_code, name
        assert first[name].__code__.co_consts[1:] == second[name].__code__.co_consts[1:], name


def strong_weights(model, seed=0):
    """Random weights, biases too, that make clear choices."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(random.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
    return model


def model_of(shape, seed=0):
    dilations, channels, skip, features, hop = SHAPES[shape]
    keras.utils.set_random_seed(0)
    return strong_weights(lesson(hop)["build_wavenet"](dilations, channels, skip, features), seed)


@functools.cache
def built(shape):
    """A model of a shape, and its weights."""
    model = model_of(shape)
    return model, wavenet.weights_of(model)


@pytest.fixture(scope="module")
def plain():
    """The weights of a model without a condition."""
    return built("plain")[1]


def of_model(model, previous, condition=None):
    """The Keras model's own logits, (time, classes)."""
    inputs = np.asarray(previous, "int32")[None]
    if condition is not None:
        inputs = [inputs, condition[None]]
    return model.predict_on_batch(inputs)[0]


def noise(w, steps, seed=0):
    """A sequence of classes, and a condition long enough for it (or None)."""
    random = np.random.default_rng(seed)
    previous = random.integers(0, w.classes, steps)
    if not w.features:
        return previous, None
    return previous, random.normal(size=(-(-steps // w.hop), w.features)).astype("float32")


def test_what_was_read():
    model = model_of("conditioned")
    w = wavenet.weights_of(model)
    assert (w.layers, w.channels, w.skip_channels, w.classes) == (4, 8, 16, 256)
    assert (w.features, w.hop, w.receptive_field) == (5, 20, 16)
    assert w.dilations.tolist() == [1, 2, 4, 8] and w.inner.dtype == np.float32
    before = w.embedding.copy()
    strong_weights(model, seed=1)  # as further training would
    assert np.array_equal(w.embedding, before)


def test_what_is_not_the_lessons_trained_model_is_refused():
    sequential = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="new")])
    with pytest.raises(ValueError, match=r"build_wavenet.*embedding.*new"):
        wavenet.weights_of(sequential)
    model = model_of("plain")
    with pytest.raises(TypeError, match="takes a Keras model, but got a list"):
        wavenet.weights_of(model.get_weights())
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(ValueError, match=r"holds NaN.*diverged"):
        wavenet.weights_of(model)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_logits_are_those_of_the_keras_model(shape):
    model, w = built(shape)
    steps = 420 - 420 % w.hop
    previous, condition = noise(w, steps)
    expected = of_model(model, previous, condition)
    logits = wavenet.logits(w, previous, condition)
    exact = exact_logits(w, previous, condition)
    assert logits.shape == exact.shape == (steps, 256)
    assert logits.dtype == np.float32 and exact.dtype == np.float64
    assert np.abs(expected).max() > 1, "the test needs logits of some size"
    assert np.abs(logits - expected).max() < 1e-4
    assert np.abs(exact - logits).max() < 1e-4
    # Far from right if one step, one layer or one frame were read in the wrong place:
    assert np.abs(logits[1:] - expected[:-1]).max() > 0.1
    for function in (wavenet.logits, exact_logits):  # a condition may be longer
        assert np.allclose(function(w, previous[:33], condition), logits[:33], atol=1e-4)


@pytest.mark.parametrize("shape", ["plain", "conditioned"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 5, "temperature": 1.3},
        {"how": "most probable"},
        {"how": "expected value", "top_k": 3},
    ],
    ids=str,
)
def test_generating_is_the_naive_way_made_fast(shape, options):
    model, w = built(shape)
    count = 60  # with a condition, three frames
    uniforms = np.random.default_rng(3).random(count)
    condition = noise(w, count)[1]
    generated = wavenet.generate(w, count, uniforms=uniforms, condition=condition, **options)
    assert generated.shape == (count,) and generated.dtype == np.int32
    # The same samples come out if each is drawn from the Keras model's logits after those before.
    scores = of_model(model, np.append(128, generated[:-1]), condition)
    drawn = [choose(s, u, **options) for s, u in zip(scores, uniforms, strict=True)]
    assert generated.tolist() == drawn
    if "how" not in options:
        assert len(set(drawn)) > 3


@pytest.mark.parametrize("shape", SHAPES)
def test_the_lessons_queues_give_the_same_samples(shape):
    w = built(shape)[1]
    steps = 600  # the longest queue, of 128 samples, goes round several times
    condition = noise(w, steps)[1]
    uniforms = np.random.default_rng(4).random(steps)
    generated = wavenet.generate(w, steps, uniforms=uniforms, condition=condition)
    assert generated.tolist() == generate_with_queues(w, uniforms, condition).tolist()
    assert len(set(generated.tolist())) > 10


def test_limits(plain):
    best = wavenet.generate(plain, 200, how="most probable")
    for options in ({"top_k": 1}, {"temperature": 1e-6}, {"temperature": 1e-300}):
        assert np.array_equal(wavenet.generate(plain, 200, seed=5, **options), best)
    free = wavenet.generate(plain, 200, seed=5)
    assert np.array_equal(wavenet.generate(plain, 200, seed=5, top_k=256), free)
    assert not np.array_equal(free, best)
    mean = wavenet.generate(plain, 50, how="expected value", temperature=1e9)
    assert set(mean.tolist()) == {128}  # all classes alike: 127.5, rounded up


@pytest.mark.parametrize("options", [{}, {"top_k": 3}], ids=str)
@pytest.mark.parametrize("u", [0.0, np.nextafter(1, 0)])
def test_the_ends_of_the_random_numbers(plain, options, u):
    """u = 0 draws the first class that is possible at all, u just below 1 the last one."""
    generated = wavenet.generate(plain, 30, uniforms=np.full(30, u), **options)
    scores = wavenet.logits(plain, np.append(128, generated[:-1]))
    for row, drawn in zip(scores, generated, strict=True):
        possible = np.flatnonzero(row >= np.sort(row)[-options.get("top_k", 256)])
        assert drawn == choose(row, u, **options) == possible[0 if u == 0 else -1]


def test_equal_logits(plain):
    flat = dataclasses.replace(plain, final=0 * plain.final, final_bias=np.zeros(256))
    assert set(wavenet.generate(flat, 5, how="most probable").tolist()) == {0}
    uniforms = np.array([0, 0.25, 0.5, 0.999])
    generated = wavenet.generate(flat, 4, uniforms=uniforms, top_k=7)  # all equal the seventh
    assert generated.tolist() == [0, 64, 128, 255]


def test_a_seed_stands_for_its_random_numbers_in_every_thread(plain):
    expected = wavenet.generate(plain, 2000, uniforms=np.random.default_rng(9).random(2000))
    with ThreadPoolExecutor(4) as pool:
        for generated in pool.map(lambda seed: wavenet.generate(plain, 2000, seed=seed), [9] * 4):
            assert np.array_equal(generated, expected)
    assert not np.array_equal(wavenet.generate(plain, 100), wavenet.generate(plain, 100))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count must be 1 or more"),
        ({"how": "greedy"}, "how must be one of 'sample', 'most probable'.*'greedy'"),
        ({"temperature": 0}, "temperature must be above 0.*most probable"),
        ({"top_k": 0}, "top_k must be 1 or more"),
        ({"uniforms": np.zeros(3)}, r"uniforms.*\(10,\), but has the shape \(3,\)"),
        ({"uniforms": np.zeros(10), "seed": 1}, "either uniforms or a seed"),
        ({"condition": np.zeros((1, 5))}, "without a condition"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(plain, options, message):
    with pytest.raises(ValueError, match=message):
        wavenet.generate(plain, **{"count": 10, **options})


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, r"has a condition.*\(frames, 5\)"),
        (np.full((3, 5), np.nan), "became NaN or infinite"),
        (np.zeros((2, 5)), "2 frames of 20 samples, enough for 40 samples.*41.*Give 3 frames"),
    ],
    ids=str,
)
def test_wrong_conditions_are_refused(condition, message):
    with pytest.raises(ValueError, match=message):
        wavenet.generate(built("conditioned")[1], 41, condition=condition)


def test_wrong_weights_and_sequences_are_refused(plain):
    with pytest.raises(TypeError, match=r"weights_of.*is a Functional"):
        wavenet.generate(built("plain")[0], 10)
    huge = dataclasses.replace(plain, final=plain.final * 1e38, hidden=plain.hidden * 1e30)
    with pytest.raises(ValueError, match="became NaN or infinite at sample"):
        wavenet.generate(huge, 10)
    for previous, message in (([0.5], "whole numbers"), ([0, 256], "from 0 to 256.*0 to 255")):
        with pytest.raises(ValueError, match=message):
            wavenet.logits(plain, previous)


def test_a_full_disk_is_no_hindrance(plain, monkeypatch):
    """Numba raises after compiling when it cannot write; the function is there all the same."""
    run, calls = kernel.run, []
    expected = wavenet.generate(plain, 20, seed=0)

    def fail_once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        return run(*arguments)

    monkeypatch.setattr(kernel, "run", fail_once)
    assert np.array_equal(wavenet.generate(plain, 20, seed=0), expected)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_on_the_other_backends(backend, run_again):
    run_again(__file__, "what_was_read or logits_are and (plain or conditioned)", backend)
