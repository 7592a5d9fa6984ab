"""The translator of lesson 11b as it is trained, written and read."""

from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from utils import runtime
from utils.data.fetching.places import ROOT
from utils.translation import pieces

ENGLISH_LENGTH, HUNGARIAN_LENGTH = 12, 14  # pieces, with the end token
UNITS, WIDTH = 96, 96
WEIGHTS = ROOT / "data" / "weights" / "english_hungarian.npz"


def shifted(target: np.ndarray) -> np.ndarray:
    """Return what the decoder reads when it is to write `target`: moved by one, a start first."""
    start = np.full_like(target[:, :1], pieces.START)
    return np.concatenate([start, target[:, :-1]], axis=1)


def encode(
    pairs: Iterable[tuple[str, str]], english: pieces.Pieces, hungarian: pieces.Pieces
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs as numbers, (n, 12) and (n, 14) int32."""
    sources, targets = zip(*pairs, strict=True)
    return english.encode(sources, ENGLISH_LENGTH), hungarian.encode(targets, HUNGARIAN_LENGTH)


def build_translator(
    english_pieces: int, hungarian_pieces: int, dropout: float = 0.15
) -> keras.Model:
    """Build the encoder and decoder with attention of lesson 11, with dropout.

    Inputs: English pieces (batch, n) and the Hungarian ones so far (batch, m). Output: logits of
    the next one, (batch, m, hungarian_pieces).
    """
    layers = keras.layers
    wide = keras.initializers.RandomNormal(stddev=0.3)
    source = keras.Input((None,), dtype="int32", name="source")
    so_far = keras.Input((None,), dtype="int32", name="so_far")
    read = layers.Embedding(english_pieces, WIDTH, wide, mask_zero=True)(source)
    read = layers.Dropout(dropout)(read)
    gru = layers.GRU(UNITS, return_sequences=True, return_state=True)
    memory, forwards, backwards = layers.Bidirectional(gru, name="encoder")(read)
    final = layers.Concatenate(name="final")([forwards, backwards])
    embedding = layers.Embedding(hungarian_pieces, WIDTH, wide, name="written")
    written = layers.Dropout(dropout)(embedding(so_far))
    decoder = layers.GRU(2 * UNITS, return_sequences=True, name="decoder")
    states = decoder(written, initial_state=final)
    context = layers.MultiHeadAttention(1, UNITS, name="attention")(states, memory)
    both = layers.Dropout(dropout)(layers.Concatenate()([states, context]))
    narrow = layers.Dense(WIDTH, name="narrow")(both)
    logits = layers.Dense(hungarian_pieces, name="logits")(layers.Dropout(dropout)(narrow))
    return keras.Model([source, so_far], logits)


class Translator:
    """A translator at work, piece by piece: it keeps the decoder's state from step to step."""

    def __init__(self, model: keras.Model):
        part = model.get_layer
        source = model.inputs[0]
        memory = part("encoder").output[0]
        self._reader = keras.Model(source, [memory, part("final").output])
        piece = keras.Input((1,), dtype="int32")
        state = keras.Input((2 * UNITS,))
        memory = keras.Input((ENGLISH_LENGTH, 2 * UNITS))
        is_piece = keras.Input((1, ENGLISH_LENGTH), dtype="bool")
        states = part("decoder")(part("written")(piece), initial_state=state)
        attend = keras.layers.MultiHeadAttention(1, UNITS)
        context, shares = attend(
            states, memory, attention_mask=is_piece, return_attention_scores=True
        )
        attend.set_weights(part("attention").get_weights())
        both = keras.layers.Concatenate()([states, context])
        logits = part("logits")(part("narrow")(both))
        outputs = [keras.layers.Activation("log_softmax")(logits), states, shares]
        self._writer = keras.Model([piece, state, memory, is_piece], outputs)

    def read(self, source: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Read sentences (n, 12). Return their memory, and the first state (n, 192)."""
        memory, state = map(np.asarray, self._reader.predict_on_batch(source))
        return (memory, source[:, None] != pieces.PAD), state

    def write(
        self, piece: np.ndarray, state: np.ndarray, memory: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Make one step with the pieces (n,) written last.

        Returns:
            The logarithms of the next piece's probabilities (n, pieces), the new state (n, 192),
            and the shares of attention (n, 12).
        """
        given = [piece[:, None].astype("int32"), state, *memory]
        outputs = map(np.asarray, self._writer.predict_on_batch(given))
        log_probabilities, states, shares = outputs
        return log_probabilities[:, 0], states[:, 0], shares[:, 0, 0]


def write(path: Path, model: keras.Model, english: pieces.Pieces, hungarian: pieces.Pieces) -> None:
    """Write weights and vocabularies: matrices as int8 with a float32 scale for each column."""
    content = {"english": "\n".join(english.vocabulary)}
    content["hungarian"] = "\n".join(hungarian.vocabulary)
    for i, weight in enumerate(model.get_weights()):
        content[f"{i:02}"] = weight
        if weight.ndim > 1:
            scale = np.abs(weight.reshape(-1, weight.shape[-1])).max(axis=0) / 127 + 1e-12
            content[f"{i:02}"] = np.round(weight / scale).astype("int8")
            content[f"{i:02} scale"] = scale.astype("float32")
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **content)


def read(path: Path = WEIGHTS) -> tuple[keras.Model, pieces.Pieces, pieces.Pieces]:
    """Return the trained translator, its English and its Hungarian pieces; see `write`."""
    with np.load(path) as file:
        english, hungarian = (
            pieces.Pieces(str(file[name]).split("\n")) for name in ("english", "hungarian")
        )
        names = sorted(name for name in file.files if name.isdigit())
        scales = {name: file.get(f"{name} scale", 1) for name in names}
        weights = [file[name].astype("float32") * scales[name] for name in names]
    model = build_translator(len(english), len(hungarian))
    model.set_weights(weights)
    if keras.backend.backend() == "tensorflow":
        with runtime.quiet_start():  # at its first mask its native code may report a detour
            model.predict_on_batch([np.ones((1, 2), "int32"), np.ones((1, 2), "int32")])
    return model, english, hungarian
