"""Loss of a small character transformer at equal processor time: our recipe against nanoGPT's.

    python -m benchmarks.transformer_training [--nanogpt FOLDER] [--nanogpt-python PYTHON]

The peer is the example for a CPU in the README of Karpathy's nanoGPT (2,000 steps, about 1.88 nats
there). nanoGPT is not part of the course: clone it into FOLDER, run its
`data/shakespeare_char/prepare.py` and give a Python that has PyTorch. Its steps are counted in
seconds of the processor, without its start and evaluation. Ours, the network and recipe of
`benchmarks._gpt_recipe`, which explains what differs, then gets as many for compilation and
training. Without FOLDER it gets `--processor-seconds`, and nothing is compared in the same run.

Both learn from the first nine tenths of Shakespeare's plays; the loss is the mean over the last
tenth, in nats a character, in windows of 64 (nanoGPT's over 2,400 windows drawn by chance, ours
over all). Everything runs on one core: two threads that share a busy machine wait for each other,
and waiting counts as processor time.
"""

import os
import subprocess
import sys

import numpy as np
import psutil

from benchmarks import _harness as harness
from tools.weights import plays
from utils import runtime

PEER = ["config/train_shakespeare_char.py", "--device=cpu", "--compile=False", "--eval_iters=20"]
PEER += ["--log_interval=1", "--block_size=64", "--batch_size=12", "--n_layer=4", "--n_head=4"]
PEER += ["--n_embd=128", "--max_iters=2000", "--lr_decay_iters=2000", "--dropout=0.0"]
PEER += ["--eval_interval=2000", "--out_dir=out-benchmark"]  # evaluated at the end alone
SURE = ["--init_from=resume", "--eval_only=True", "--eval_iters=200"]


def on_one_core():
    """Keep this process, and those that it starts, on one core, with one thread."""
    os.environ["OMP_NUM_THREADS"] = "1"
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        process.cpu_affinity(process.cpu_affinity()[-1:])


def seconds_of_steps(process, lines, steps):
    """Return the processor seconds between two of nanoGPT's lines: step 0, and the last step.

    Args:
        process: Has `cpu_times`, as psutil's.
        lines: What nanoGPT prints; all of it is read.
        steps: How many steps it takes.
    """
    begun = ended = None
    for line in lines:
        times = process.cpu_times()
        if line.startswith("step 0:"):
            begun = times.user + times.system
        elif line.startswith(f"iter {steps - 1}:"):
            ended = times.user + times.system
    if begun is None or ended is None:
        raise RuntimeError("nanoGPT did not take its steps; run its command by hand to see why.")
    return ended - begun


def loss_of(line):
    """Return the validation loss in a line of nanoGPT's, "step 2000: train loss …, val loss …"."""
    return float(line.rpartition("val loss")[2])


def peer(folder, python):
    """Train nanoGPT's example; return its processor seconds and its validation loss."""
    command = [python, "-u", "train.py", *PEER]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as started:
        taken = seconds_of_steps(psutil.Process(started.pid), started.stdout, 2000)
    sure = subprocess.run(
        [*command, *SURE], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    loss = loss_of(next(line for line in sure if line.startswith("step 2000:")))
    print(f"  nanoGPT: {taken:.0f} processor seconds, {loss:.4f}", flush=True)
    return taken, loss


def ours(codes, classes, seconds, seed):
    """Train the recipe's network for so many processor seconds; return its steps and loss."""
    from benchmarks import _gpt_recipe as recipe  # imports Keras, which then counts the cores

    runtime.set_seed(seed)
    cut = int(0.9 * len(codes))
    model, steps = recipe.train(codes[:cut], classes, seconds, seed)
    held_out = np.lib.stride_tricks.sliding_window_view(codes[cut:], recipe.WINDOW + 1)
    held_out = held_out[:: recipe.WINDOW]
    loss = model.evaluate(held_out[:, :-1], held_out[:, 1:], verbose=0)
    print(f"  ours, seed {seed}: {steps} steps, {loss:.4f}", flush=True)
    return steps, loss


def rows(options, codes, classes):
    """Yield a row of the table for every training, nanoGPT's first."""
    seconds = options.processor_seconds
    trainings = []
    if options.nanogpt:
        seconds, loss = peer(options.nanogpt, options.nanogpt_python)
        trainings.append(("nanoGPT's example", 2000, loss))
    for seed in range(options.seeds):
        trainings.append((f"ours, seed {seed}", *ours(codes, classes, seconds, seed)))
    for name, steps, loss in trainings:
        yield name, f"{seconds:.0f}", steps, f"{1000 * seconds / steps:.0f}", f"{loss:.3f}"


def main():
    """Train all, one after the other."""
    options = harness.options(
        __doc__, processor_seconds=120.0, seeds=2, nanogpt="", nanogpt_python=sys.executable
    )
    on_one_core()
    alphabet, codes = plays.shakespeare_in_numbers()
    print(f"{harness.machine('keras')}\n")
    results = [*rows(options, codes, len(alphabet))]
    print()
    headings = ["", "processor seconds", "steps", "ms a step", "validation loss, nats"]
    harness.table(headings, results)


if __name__ == "__main__":
    main()
