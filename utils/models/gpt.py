"""GPT-2's architecture in plain Keras: token and position, blocks of attention and MLP, logits.

    from utils.models import gpt

    model = gpt.build_gpt(vocabulary=512, block=64, layers=4, heads=4, width=128)
    model(tokens)                       # (texts, timesteps, 512), the logits of the next token

A. Radford et al.: Language models are unsupervised multitask learners (2019). Lesson 12 builds it
step by step; with 50,257 tokens, 1024 positions, 12 layers, 12 heads and 768 numbers it has the
124,439,808 weights of the small GPT-2.
"""

from typing import Any

import keras
from keras import ops

SIGMA = 0.02  # of the normal distribution from which weights are drawn
EPSILON = 1e-5  # of the layer normalisation


class TiedLogits(keras.layers.Layer):
    """Logits by comparison with each token's embedding: no weights but those of the embedding."""

    def __init__(self, embedding: keras.layers.Embedding, **options: Any) -> None:
        super().__init__(**options)
        self.embedding = embedding

    def call(self, x: Any) -> Any:
        """Turn (…, width) into logits, (…, vocabulary)."""
        return ops.matmul(x, ops.transpose(self.embedding.embeddings))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return the shape of the logits."""
        return (*input_shape[:-1], self.embedding.input_dim)


def build_gpt(
    vocabulary: int, block: int, layers: int, heads: int, width: int, dropout: float = 0.0
) -> keras.Model:
    """Build a GPT-2 of that size, with fresh weights.

    Args:
        vocabulary: How many tokens there are.
        block: The most timesteps that it can read.
        layers: How many blocks of attention and MLP.
        heads: Heads of attention; they divide `width`.
        width: Numbers for each token and timestep.
        dropout: Rate after the embeddings, and in every block; GPT-2 had 0.1.

    Returns:
        A functional model from tokens (texts, timesteps), at most `block` timesteps, to logits
        (texts, timesteps, vocabulary). What comes later never changes what is earlier.

    Raises:
        ValueError: `heads` does not divide `width`.
    """
    if width % heads:
        raise ValueError(f"{heads} heads do not divide a width of {width}.")
    tokens = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(vocabulary, width, _normal(), name="token")
    positions = ops.cumsum(ops.ones_like(tokens), axis=1) - 1
    place = keras.layers.Embedding(block, width, _normal(), name="position")
    x = keras.layers.Dropout(dropout)(embedding(tokens) + place(positions))
    for _ in range(layers):
        x = x + _attention(_norm(x), layers, heads, width, dropout)
        x = x + _mlp(_norm(x), layers, width, dropout)
    return keras.Model(tokens, TiedLogits(embedding, name="logits")(_norm(x)), name="gpt")


def _attention(x: Any, layers: int, heads: int, width: int, dropout: float) -> Any:
    attention = keras.layers.MultiHeadAttention(
        heads, width // heads, dropout=dropout, kernel_initializer=_normal()
    )
    attended = attention(x, x, use_causal_mask=True)
    # Keras has one initialiser for all four projections: draw the last one anew, smaller.
    kernel = attention.output_dense.kernel
    kernel.assign(_normal(layers)(kernel.shape))
    return keras.layers.Dropout(dropout)(attended)


def _mlp(x: Any, layers: int, width: int, dropout: float) -> Any:
    wide = keras.layers.Dense(4 * width, activation=_gelu, kernel_initializer=_normal())(x)
    narrow = keras.layers.Dense(width, kernel_initializer=_normal(layers))(wide)
    return keras.layers.Dropout(dropout)(narrow)


def _norm(x: Any) -> Any:
    return keras.layers.LayerNormalization(epsilon=EPSILON)(x)


def _gelu(x: Any) -> Any:
    """GPT-2's GELU: the approximation by tanh."""
    return ops.gelu(x, approximate=True)


def _normal(layers: int = 0) -> keras.initializers.Initializer:
    """Return the initialiser; on the way back to the residual stream, σ shrinks with the depth."""
    return keras.initializers.RandomNormal(stddev=SIGMA / (2 * layers or 1) ** 0.5)
