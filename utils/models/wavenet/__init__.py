"""Generate with a trained WaveNet sample by sample, fast: several times real time on one CPU core.

A WaveNet that is trained on all samples of a recording at once has to run step by step when it
generates: each sample depends on those before it. Done naively, every step recomputes the whole
receptive field. Le Paine et al., "Fast Wavenet Generation Algorithm" (2016), keep what each
layer has read in a queue as long as the layer's dilation; a step then costs two small
matrix-vector products per layer, whatever the receptive field. The lesson writes these queues in
readable NumPy. This package computes the same thing, compiled.

    weights = weights_of(model)                       # from a Keras model, on any backend
    classes = generate(weights, 16_000, seed=1)       # (16000,) whole numbers

**Why Numba.** A step of a net with 30 layers takes about 250 small operations. A framework needs
a few microseconds to start each of them, and real time (16,000 samples per second) allows 62 µs
for all of them. So the loop over the layers has to run in machine code too. `jax.lax.scan`
compiles the whole loop, but XLA still treats every small product as an operation of its own (about
3,900 samples per second in a trial), and it exists on JAX only; `tf.while_loop` starts every
operation separately and is slower still. A C extension would be as fast, but needs a compiler on
every student's machine, or a build for each system. Numba turns a plain Python function with loops
into machine code for the processor it runs on, installs with pip everywhere, is part of Colab, and
its code can be read beside the NumPy version. The price: a few seconds for compiling, once per
machine.
"""

from utils.models.wavenet.generation import generate, logits
from utils.models.wavenet.weights import WaveNetWeights, condition_biases, weights_of

__all__ = [
    "WaveNetWeights",
    "condition_biases",
    "generate",
    "logits",
    "weights_of",
]
