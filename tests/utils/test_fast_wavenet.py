"""The fast generator: the same logits and the same samples as the Keras model, on every backend."""

import dataclasses
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import ROOT

from benchmarks.wavenet_generation import lesson
from utils.models import wavenet

pytest.importorskip("numba")

# The lesson's own rule for drawing a class: what `generate` promises in its docstring.
choose = lesson()["choose"]
# The lesson's generator in readable NumPy.
generate_with_queues = lesson()["generate_with_queues"]

SHAPES = {  # dilations, channels, skip channels, features, hop
    "plain": ([1, 2, 4, 8, 1, 2, 4, 8], 16, 32, 0, 80),
    "conditioned": ([1, 2, 4, 8], 8, 16, 5, 20),
    "odd widths": ([1, 3, 7], 5, 11, 3, 7),
    "widths alike": ([2, 16, 1], 12, 12, 0, 80),
    "long": ([64, 1, 128], 6, 30, 2, 10),
}


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


@pytest.fixture(scope="module")
def plain():
    """A model without a condition, and its weights."""
    model = model_of("plain")
    return model, wavenet.weights_of(model)


@pytest.fixture(scope="module")
def conditioned():
    model = model_of("conditioned")
    return model, wavenet.weights_of(model)


def of_model(model, previous, condition=None):
    """The Keras model's own logits, (time, classes)."""
    inputs = np.asarray(previous, "int32")[None]
    if condition is not None:
        inputs = [inputs, condition[None]]
    if keras.backend.backend() == "jax":  # compiles each operation of a plain call on its own
        return model.predict_on_batch(inputs)[0]
    return keras.ops.convert_to_numpy(model(inputs, training=False))[0]


def noise(w, steps, seed=0):
    """A sequence of classes, and a condition long enough for it (or None)."""
    random = np.random.default_rng(seed)
    previous = random.integers(0, w.classes, steps)
    if not w.features:
        return previous, None
    return previous, random.normal(size=(-(-steps // w.hop), w.features)).astype("float32")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_logits_are_those_of_the_keras_model(shape):
    model = model_of(shape)
    w = wavenet.weights_of(model)
    steps = 420 if not w.features else 420 - 420 % w.hop
    previous, condition = noise(w, steps)
    expected = of_model(model, previous, condition)
    found = wavenet.logits(w, previous, condition)
    assert found.shape == (steps, 256) and found.dtype == np.float32
    assert np.abs(expected).max() > 1, "the test needs logits of some size"
    assert np.abs(found - expected).max() < 1e-4
    # Far from right if one step, one layer or one frame were read in the wrong place:
    assert np.abs(found[1:] - expected[:-1]).max() > 0.1


def test_what_was_read():
    model = model_of("conditioned")
    w = wavenet.weights_of(model, check=False)
    assert (w.layers, w.channels, w.skip_channels, w.classes) == (4, 8, 16, 256)
    assert (w.features, w.hop, w.receptive_field) == (5, 20, 16)
    assert w.dilations.tolist() == [1, 2, 4, 8] and w.inner.dtype == np.float32
    assert "4 layers, 8 channels" in repr(w)
    before = w.embedding.copy()
    strong_weights(model, seed=1)  # as further training would
    assert np.array_equal(w.embedding, before)
    with pytest.raises(ValueError, match="read-only"):
        w.inner[0] = 0


def test_a_condition_without_a_layer_before_it_and_convolutions_without_bias():
    layers, ops = keras.layers, keras.ops
    previous, condition = keras.Input((None,), dtype="int32"), keras.Input((None, 3))
    x, skips = layers.Embedding(256, 4)(previous), []
    for rate in (1, 2):
        both = layers.Conv1D(8, 2, dilation_rate=rate, padding="causal", use_bias=False)(x)
        both = layers.UpSampling1D(10)(layers.Dense(8)(condition)) + both
        filtered, gate = ops.split(both, 2, axis=-1)
        z = ops.sigmoid(gate) * ops.tanh(filtered)
        skips.append(layers.Conv1D(4, 1)(z))  # the skip first, of the same width
        x = layers.Conv1D(4, 1, use_bias=False)(z) + x
    y = layers.Activation("relu")(layers.Add()(skips))
    y = layers.Conv1D(9, 1, activation="relu")(y)
    model = strong_weights(keras.Model([condition, previous], layers.Conv1D(256, 1)(y)))
    w = wavenet.weights_of(model)
    classes, frames = noise(w, 100)
    expected = keras.ops.convert_to_numpy(model([frames[None], classes[None].astype("int32")]))[0]
    assert np.abs(wavenet.logits(w, classes, frames) - expected).max() < 1e-4


def test_condition_biases(conditioned):
    model, w = conditioned
    condition = noise(w, 60)[1]
    found = wavenet.condition_biases(w, condition)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    units = dense[0](condition)
    expected = [keras.ops.convert_to_numpy(layer(units)) for layer in dense[1:]]
    assert found.shape == (3, 4, 16)
    assert np.allclose(found, np.stack(expected, axis=1), atol=1e-5)
    assert np.array_equal(wavenet.condition_biases(model, condition), found)


@pytest.mark.parametrize("shape", ["plain", "conditioned"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.7},
        {"top_k": 5, "temperature": 1.3},
        {"how": "most probable"},
        {"how": "expected value"},
    ],
    ids=str,
)
def test_generating_is_the_naive_way_made_fast(shape, options, plain, conditioned):
    model, w = plain if shape == "plain" else conditioned
    count, past = 40, np.random.default_rng(2).integers(0, 256, 21)
    steps = len(past) - 1 + count  # with a condition, three frames
    uniforms = np.random.default_rng(3).random(count)
    condition = noise(w, steps)[1]
    found = wavenet.generate(
        w, count, uniforms=uniforms, condition=condition, start=past, **options
    )
    assert found.shape == (count,) and found.dtype == np.int32
    classes = np.zeros((1, steps + 1), "int32")
    classes[0, : len(past)] = past
    for t in range(len(past) - 1, steps):  # zeros in the future have no influence: one shape
        inputs = [classes[:, :-1], condition[None]] if w.features else classes[:, :-1]
        s = model.predict_on_batch(inputs)[0, t]
        classes[0, t + 1] = choose(s, uniforms[t + 1 - len(past)], **options)
    assert found.tolist() == classes[0, len(past) :].tolist()
    if "how" not in options:
        assert len(set(found.tolist())) > 3


@pytest.mark.parametrize("shape", SHAPES)
def test_the_lessons_queues_give_the_same_samples(shape):
    w = wavenet.weights_of(model_of(shape))
    steps = 600  # the longest queue, of 128 samples, goes round several times
    condition = noise(w, steps)[1]
    uniforms = np.random.default_rng(4).random(steps)
    found = wavenet.generate(w, steps, uniforms=uniforms, condition=condition)
    assert found.tolist() == generate_with_queues(w, uniforms, condition).tolist()
    assert len(set(found.tolist())) > 10


def test_the_samples_are_distributed_as_the_softmax_says(plain):
    w = plain[1]
    count = 40_000
    quiet = dataclasses.replace(w, final=np.zeros_like(w.final))  # the same logits at every step
    found = wavenet.generate(quiet, count, seed=0)
    p = np.exp(w.final_bias - w.final_bias.max())
    p /= p.sum()
    share = np.bincount(found, minlength=256) / count
    assert np.abs(share - p).max() < 5 * np.sqrt(p.max() / count)


def test_limits(plain):
    w = plain[1]
    best = wavenet.generate(w, 200, how="most probable")
    uniforms = np.random.default_rng(5).random(200)
    for options in ({"top_k": 1}, {"temperature": 1e-6}, {"temperature": 1e-300}):
        cold = wavenet.generate(w, 200, uniforms=uniforms, **options)
        assert np.array_equal(cold, best)
    free = wavenet.generate(w, 200, uniforms=uniforms)
    assert np.array_equal(wavenet.generate(w, 200, uniforms=uniforms, top_k=256), free)
    assert not np.array_equal(free, best)
    mean = wavenet.generate(w, 50, how="expected value", temperature=1e9)
    assert set(mean.tolist()) == {128}  # all classes alike: 127.5, rounded up


def test_the_ends_of_the_random_numbers(plain):
    """u = 0 draws the first class that is possible at all, u just below 1 the last one."""
    w = plain[1]
    last = np.full(30, np.nextafter(1, 0))
    for options in ({}, {"top_k": 3}, {"top_k": 250}):
        for uniforms in (np.zeros(30), last):
            found = wavenet.generate(w, 30, uniforms=uniforms, **options)
            s = wavenet.logits(w, np.append(128, found[:-1]))
            for row, u, drawn in zip(s, uniforms, found, strict=True):
                assert drawn == choose(row, u, **options)
                kept = np.flatnonzero(row >= np.sort(row)[-options.get("top_k", 256)])
                assert drawn == kept[0 if u == 0 else -1]


def test_a_temperature_of_any_kind_of_number(plain):
    w = plain[1]
    expected = wavenet.generate(w, 20, seed=0, temperature=2.0)
    for temperature in (2, np.float32(2), np.array(2.0)):
        found = wavenet.generate(w, 20, seed=0, temperature=temperature)
        assert np.array_equal(found, expected)


def test_silence_is_the_middle_class_of_any_number_of_classes(plain):
    w = plain[1]
    assert np.array_equal(
        wavenet.generate(w, 20, seed=0), wavenet.generate(w, 20, seed=0, start=128)
    )
    few = dataclasses.replace(
        w, embedding=w.embedding[:16], final=w.final[:, :16], final_bias=w.final_bias[:16]
    )
    by_start = {
        start: [wavenet.generate(few, 30, seed=seed, start=start) for seed in range(20)]
        for start in (None, 8, 0)
    }
    assert np.max(by_start[None]) < 16
    assert np.array_equal(by_start[None], by_start[8])
    assert not np.array_equal(by_start[None], by_start[0])


def test_equal_logits(plain):
    flat = dataclasses.replace(
        plain[1], final=np.zeros_like(plain[1].final), final_bias=np.zeros(256)
    )
    assert set(wavenet.generate(flat, 5, how="most probable").tolist()) == {0}
    uniforms = np.array([0, 0.25, 0.5, 0.999])
    found = wavenet.generate(flat, 4, uniforms=uniforms, top_k=7)  # all equal the seventh
    assert found.tolist() == [0, 64, 128, 255]


def test_a_seed_stands_for_its_random_numbers(plain):
    w = plain[1]
    uniforms = np.random.default_rng(9).random(100)
    assert np.array_equal(
        wavenet.generate(w, 100, seed=9), wavenet.generate(w, 100, uniforms=uniforms)
    )
    assert not np.array_equal(wavenet.generate(w, 100), wavenet.generate(w, 100))


def test_long_sequences_are_computed_in_pieces(conditioned, monkeypatch):
    w = conditioned[1]
    previous, condition = noise(w, 330)
    uniforms = np.random.default_rng(1).random(330)
    whole = wavenet.logits(w, previous, condition)
    drawn = wavenet.generate(w, 330, uniforms=uniforms, condition=condition)
    monkeypatch.setattr(wavenet, "STEPS_PER_CALL", 37)  # no multiple of the hop
    found = wavenet.logits(w, previous, condition)
    assert np.allclose(found, whole, atol=1e-5)  # the condition is multiplied in pieces, too
    again = wavenet.generate(w, 330, uniforms=uniforms, condition=condition)
    assert np.array_equal(again, drawn)


def test_another_hop_holds_each_frame_longer(conditioned):
    w = conditioned[1]
    previous, condition = noise(w, 80)
    twice = wavenet.logits(w, previous, np.repeat(condition, 2, axis=0), hop=10)
    assert np.allclose(twice, wavenet.logits(w, previous, condition), atol=1e-5)


def test_several_threads_at_once(plain):
    from concurrent.futures import ThreadPoolExecutor

    w = plain[1]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: wavenet.generate(w, 2000, seed=seed), [1, 2] * 4))
    for seed, each in zip([1, 2] * 4, found, strict=True):
        assert np.array_equal(each, wavenet.generate(w, 2000, seed=seed))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count must be 1 or more"),
        ({"count": 2.5}, "count must be an integer"),
        ({"how": "greedy"}, "how must be one of 'sample', 'most probable'.*'greedy'"),
        ({"temperature": 0}, "temperature must be above 0.*most probable"),
        ({"temperature": float("nan")}, "temperature must be above 0"),
        ({"temperature": float("inf")}, "temperature must be above 0"),
        ({"temperature": [1.0, 2.0]}, r"temperature must be one number, but is \[1.0, 2.0\]"),
        ({"temperature": "1"}, r"temperature must be one number, but is '1' \(str\)"),
        ({"temperature": True}, r"one number, but is True \(bool\)"),
        ({"temperature": None}, "one number, but is None"),
        ({"hop": 40}, "hop is 40, but this model was built without a condition"),
        ({"top_k": 0}, "top_k must be 1 or more"),
        ({"top_k": 257}, "only 256 classes"),
        ({"uniforms": np.zeros(3)}, r"uniforms.*\(10,\), but has the shape \(3,\)"),
        ({"uniforms": np.ones(10)}, "0 … 1 without 1"),
        ({"uniforms": np.full(10, np.nan)}, "0 … 1 without 1"),
        ({"uniforms": np.zeros(10), "seed": 1}, "either uniforms or a seed"),
        ({"start": 256}, "from 256 to 256.*0 to 255"),
        ({"start": 0.5}, "start must hold whole numbers"),
        ({"start": []}, "start must hold whole numbers"),
        ({"condition": np.zeros((1, 5))}, "without a condition"),
    ],
    ids=str,
)
def test_wrong_arguments_are_told(plain, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        wavenet.generate(plain[1], **{"count": 10, **options})


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, r"has a condition.*\(frames, 5\)"),
        (np.zeros((2, 4)), r"\(frames, 5\), but has \(2, 4\)"),
        (np.zeros((1, 2, 5)), r"condition\[0\]"),
        (np.zeros((0, 5)), r"has \(0, 5\)"),
        (np.full((2, 5), np.nan), "NaN"),
        (np.zeros((2, 5)), "2 frames of 20 samples, enough for 40 samples.*41.*Give 3 frames"),
    ],
    ids=str,
)
def test_wrong_conditions_are_told(conditioned, condition, message):
    with pytest.raises(ValueError, match=message):
        wavenet.generate(conditioned[1], 41, condition=condition)


def test_wrong_weights_are_told(plain):
    model, w = plain
    with pytest.raises(TypeError, match=r"weights_of.*is a Functional"):
        wavenet.generate(model, 10)
    with pytest.raises(TypeError, match="wants a Keras model, but got a list"):
        wavenet.weights_of(model.get_weights())
    with pytest.raises(ValueError, match=r"outer holds NaN.*diverged"):
        dataclasses.replace(w, outer=w.outer * np.nan)
    with pytest.raises(ValueError, match=r"inner has the shape \(7, 32, 32\).*\(8, 32, 32\)"):
        dataclasses.replace(w, inner=w.inner[1:])
    with pytest.raises(ValueError, match="dilations must be"):
        dataclasses.replace(w, dilations=[0] * 8)
    huge = dataclasses.replace(w, final=w.final * 1e38, hidden=w.hidden * 1e30)
    with pytest.raises(ValueError, match="became NaN or infinite at sample"):
        wavenet.generate(huge, 10)
    with pytest.raises(ValueError, match="previous must hold whole numbers"):
        wavenet.logits(w, np.zeros((1, 5), int))


def changed(change):
    """A small model of the lesson's form but for one thing."""
    layers, ops = keras.layers, keras.ops
    previous = keras.Input((None,), dtype="int32")
    x, skips = layers.Embedding(256, 4)(previous), []
    for rate in (1, 2):
        size = 3 if change == "kernel" else 2
        padding = "same" if change == "padding" else "causal"
        filters = 8 if change != "filters" else 6
        both = layers.Conv1D(filters, size, dilation_rate=rate, padding=padding)(x)
        if change == "normalised":
            both = layers.LayerNormalization()(both)
        filtered, gate = ops.split(both, 2, axis=-1)
        if change == "swapped":
            filtered, gate = gate, filtered
        z = ops.tanh(filtered) * ops.sigmoid(gate)
        if change != "no residual":
            x = x + layers.Conv1D(filters // 2 if change == "filters" else 4, 1)(z)[..., :1]
        skips.append(layers.Conv1D(4, 1)(z))
    y = layers.Add()(skips) if change == "no relu" else ops.relu(layers.Add()(skips))
    if change != "one at the end":
        y = layers.Conv1D(4, 1, activation="relu")(y)
    return strong_weights(keras.Model(previous, layers.Conv1D(256, 1)(y)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("kernel", "kernel size 3; only 1 and 2"),
        ("padding", 'padding="same".*the future'),
        ("filters", "must have 8 filters"),
        ("normalised", "LayerNormalization"),
        ("swapped", "other logits.*filter and gate"),
        ("no relu", "other logits"),
        ("no residual", "residual of each but the last"),
        ("one at the end", "1 1×1 convolutions instead of two"),
    ],
)
def test_models_of_another_form_are_told(change, message):
    with pytest.raises(ValueError, match=f"no WaveNet of the lesson's form.*{message}"):
        wavenet.weights_of(changed(change))


def test_models_of_another_kind_are_told():
    sequential = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    dense = keras.Input((4,))
    functional = keras.Model(dense, keras.layers.Dense(2)(dense))
    for model in (sequential, functional):
        with pytest.raises(ValueError, match="no WaveNet of the lesson's form"):
            wavenet.weights_of(model)


def fresh_python(code, tmp_path, **environment):
    """Runs code in a Python of its own that has not compiled anything yet."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **environment}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_without_numba_it_is_told(tmp_path):
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from utils.models import wavenet\n"
        "wavenet.generate(wavenet.random_weights([1, 2], 4, 4), 3)"
    )
    done = fresh_python(code, tmp_path)
    assert done.returncode == 1
    assert "ImportError: Fast generation is compiled with Numba" in done.stderr
    assert "pip install numba" in done.stderr


def test_without_a_place_for_the_cache(monkeypatch):
    """Neither beside the module nor in the user's home: compiled for this process only."""
    import numba

    from utils.models.wavenet import kernel

    def njit(*arguments, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function 'run': no locator available")
        return original(*arguments, **options)

    original = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    function = kernel.compiled(lambda x: x + 1)
    assert function(1) == 2


def test_a_full_disk_is_no_hindrance(plain, monkeypatch):
    """Numba raises after compiling when it cannot write; the function is there all the same."""
    w = plain[1]
    kernel = wavenet._kernel()
    expected = wavenet.generate(w, 20, seed=0)
    calls = []

    class Kernel:
        @staticmethod
        def run(*arguments):
            calls.append(1)
            if len(calls) == 1:
                raise OSError(28, "No space left on device")
            return kernel.run(*arguments)

    monkeypatch.setattr(wavenet, "_kernel", lambda: Kernel)
    assert np.array_equal(wavenet.generate(w, 20, seed=0), expected)


def test_importing_costs_nothing_and_one_compilation_serves_all(plain, conditioned):
    code = "import sys; from utils.models import wavenet; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "False" and not done.stderr
    # Another size, with and without a condition: the types are the same.
    wavenet.generate(wavenet.random_weights([1, 2, 4], 4, 9), 5)
    wavenet.generate(plain[1], 5, start=[1, 2], top_k=3, how="expected value")
    wavenet.logits(conditioned[1], *noise(conditioned[1], 20))
    assert len(wavenet._kernel().run.signatures) == 1


def test_the_exponential_is_exact_enough():
    x = np.linspace(-40, 40, 20_001, dtype=np.float32)
    kernel = wavenet._kernel()
    found = np.array([kernel.exponential(each) for each in x])
    error = np.abs(found / np.exp(x.astype("float64")) - 1)
    assert error.max() < 4e-6 and error[np.abs(x) < 1].max() < 3e-7


@pytest.mark.parametrize("shape", ["plain", "conditioned", "odd widths"])
def test_in_64_bits_the_same_formula(shape):
    model = model_of(shape)
    w = wavenet.weights_of(model)
    previous, condition = noise(w, 60 - 60 % w.hop if w.features else 60)
    exact = wavenet.exact_logits(w, previous, condition)
    assert exact.shape == (len(previous), 256) and exact.dtype == np.float64
    assert np.abs(exact - wavenet.logits(w, previous, condition)).max() < 1e-4
    assert np.abs(exact - of_model(model, previous, condition)).max() < 1e-4


def test_in_64_bits_a_condition_may_be_longer_than_the_sequence(conditioned):
    w = conditioned[1]
    previous, condition = noise(w, 60)
    part = wavenet.exact_logits(w, previous[:33], condition)
    assert np.allclose(part, wavenet.exact_logits(w, previous, condition)[:33])


def test_random_weights():
    w = wavenet.random_weights([1, 2, 4], 6, 10, classes=16, seed=1)
    assert (w.layers, w.channels, w.skip_channels, w.classes, w.features) == (3, 6, 10, 16, 0)
    again = wavenet.random_weights([1, 2, 4], 6, 10, classes=16, seed=1)
    assert np.array_equal(w.inner, again.inner)
    assert 0.1 < np.abs(wavenet.logits(w, np.arange(16))).max() < 20


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_on_the_other_backends(backend, run_again):
    run_again(__file__, "logits_are or what_was_read or generating and top_k", backend)
