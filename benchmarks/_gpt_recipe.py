"""A character transformer of nanoGPT's small shape in plain Keras, and a recipe for little time.

The shape is that of nanoGPT's example for a CPU: 4 blocks, 128 wide, 4 heads, windows of 64
characters in batches of 12, and layers without biases. What differs, and what for:

**A learned preference for distances.** Each head adds a number to the score of every distance, from
0 to 63 characters back. "The character just before" is then one number away, where attention with
learned places alone has to find it in products of vectors first.

**ReLU squared in place of GELU** (So 2021): cheaper, and found to learn faster there.

**The last matrix of each half block starts from zero**, and so does the one that makes the logits.
Every block then starts as the identity, which bears a large learning rate.

**Muon in place of AdamW** (Jordan 2024; Keras has it). It turns the momentum of every matrix into
nearly the closest orthogonal one, so that the update reaches all directions alike, and leaves
vectors, embeddings and the last layer to AdamW. A step takes a third longer, and fewer are needed.

**A learning rate four times as large**, which climbs briefly and then falls to zero in a straight
line. nanoGPT's falls along a cosine, to a tenth. Progress is measured by the clock of the
processor, so that the recipe fits any allowance of time.

**Twenty steps a call.** Between two steps Python hands over to the backend and back.
"""

import time

import keras
import numpy as np
from keras import layers, ops

WINDOW, WIDTH, HEADS, BLOCKS, BATCH_SIZE = 64, 128, 4, 4, 12
PEAK = 4e-3
CLIMB = 0.03  # share of the time
STEPS_A_CALL = 20


def normal(layer, units, **options):
    """Return a layer that starts with numbers of nanoGPT's size."""
    return layer(units, kernel_initializer=keras.initializers.RandomNormal(0.02), **options)


class CausalAttention(layers.Layer):
    """Heads that look back, each with a learned preference for distances."""

    def build(self, shape):
        """Make the two dense layers, the preferences and the mask for (batch, time, width)."""
        self.questions_keys_values = normal(layers.Dense, 3 * WIDTH, use_bias=False)
        self.questions_keys_values.build(shape)
        self.mix = layers.Dense(WIDTH, use_bias=False, kernel_initializer="zeros")
        self.mix.build(shape)
        self.near = self.add_weight(shape=(HEADS, WINDOW), initializer="zeros", name="near")
        back = np.arange(WINDOW)[:, np.newaxis] - np.arange(WINDOW)
        self.distance = np.maximum(back, 0)
        self.mask = np.where(back >= 0, 0, -1e9).astype("float32")

    def call(self, x):
        """Return what the heads found: (batch, time, width)."""
        parts = ops.reshape(self.questions_keys_values(x), (-1, WINDOW, 3 * HEADS, WIDTH // HEADS))
        q, k, v = ops.split(ops.transpose(parts, (0, 2, 1, 3)), 3, axis=1)  # (batch, heads, …)
        scores = ops.matmul(q * (WIDTH // HEADS) ** -0.5, ops.transpose(k, (0, 1, 3, 2)))
        scores = scores + ops.take(self.near, self.distance, axis=1) + self.mask
        found = ops.transpose(ops.matmul(ops.softmax(scores), v), (0, 2, 1, 3))
        return self.mix(ops.reshape(found, (-1, WINDOW, WIDTH)))


class Places(layers.Layer):
    """A learned vector for each place, added."""

    def build(self, shape):
        """Make the vectors."""
        start = keras.initializers.RandomNormal(0.02)
        self.places = self.add_weight(shape=shape[1:], initializer=start, name="place_embedding")

    def call(self, x):
        """Return the sum: (batch, time, width)."""
        return x + self.places


def relu_squared(x):
    """Return the square of what is positive, elsewhere zero."""
    return ops.square(ops.relu(x))


def network(classes):
    """Return the network, untrained: codes of shape (batch, 64) to logits (batch, 64, classes)."""
    codes = keras.Input((WINDOW,), dtype="int32")
    start = keras.initializers.RandomNormal(0.02)
    x = Places()(layers.Embedding(classes, WIDTH, embeddings_initializer=start)(codes))
    for _ in range(BLOCKS):
        x = x + CausalAttention()(layers.LayerNormalization(center=False)(x))
        hidden = layers.LayerNormalization(center=False)(x)
        hidden = normal(layers.Dense, 4 * WIDTH, activation=relu_squared, use_bias=False)(hidden)
        x = x + layers.Dense(WIDTH, use_bias=False, kernel_initializer="zeros")(hidden)
    x = layers.LayerNormalization(center=False)(x)
    logits = layers.Dense(classes, use_bias=False, kernel_initializer="zeros", name="logits")(x)
    return keras.Model(codes, logits)


class Allowance(keras.callbacks.Callback):
    """Sets the learning rate by the processor time that is used up, and stops when all of it is."""

    def __init__(self, seconds, begun):
        super().__init__()
        self.seconds, self.begun, self.steps = seconds, begun, 0

    def on_train_batch_end(self, batch, logs=None):
        """Look at the clock, once in so many steps."""
        self.steps = batch + 1
        progress = (time.process_time() - self.begun) / self.seconds
        rate = PEAK * max(min(progress / CLIMB, (1 - progress) / (1 - CLIMB)), 0.001)
        self.model.optimizer.learning_rate = rate
        self.model.stop_training = progress >= 1


def train(codes, classes, seconds, seed):
    """Train for so many seconds of the processor; compilation is counted.

    Returns:
        The model, and the number of steps.
    """
    begun = time.process_time()
    model = network(classes)
    decay = {"weight_decay": 0.1, "adam_weight_decay": 0.1}
    optimizer = keras.optimizers.Muon(
        PEAK / 100, exclude_layers=["logits"], adam_beta_2=0.99, global_clipnorm=1, **decay
    )
    optimizer.build(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, steps_per_execution=STEPS_A_CALL)
    most = int(seconds / 0.005)  # steps; no processor that we know takes less time for one
    starts = np.random.default_rng(seed).integers(len(codes) - WINDOW, size=most * BATCH_SIZE)
    windows = np.lib.stride_tricks.sliding_window_view(codes, WINDOW + 1)[starts]
    allowance = Allowance(seconds, begun)
    model.fit(
        windows[:, :-1],
        windows[:, 1:],
        batch_size=BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[allowance],
    )
    return model, allowance.steps
