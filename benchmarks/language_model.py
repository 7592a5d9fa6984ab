"""Writing with a transformer: with the cache, beside reading everything again for each piece.

    python -m benchmarks.language_model [--repeats 3]

The story model with lesson 12b's own functions, taken from its cells tagged "story-model", in plain
NumPy. Both ways in one run: one more piece after a text of that length, its read-in part being in
the cache already, or read again whole. The best of several rounds counts, in seconds of the
processor. First, a check makes sure that both give the same logits.
"""

import time

import numpy as np

from benchmarks import _harness as harness
from tools.authoring import cells
from utils import exercises
from utils.models import stories

LENGTHS = (64, 128, 256, 512)


def lesson():
    """Return what the tagged cells define."""
    names = {"np": np, "stories": stories, "exercises": exercises, "rotate": None}
    names |= {"net": stories.load()}
    return cells.definitions("12b_language_model.ipynb", {"story-model"}, **names)


def processor_seconds(function, repeats):
    """Return the fewest processor seconds of several calls, after one that does not count."""
    return harness.seconds(function, repeats, time.process_time)[1]


def rows(defined, repeats):
    """Yield a row of the table for every length."""
    forward, empty_cache = defined["forward"], defined["empty_cache"]
    text = defined["write"]([[stories.START]], max(LENGTHS) - 1, defined["greedily"])
    for length in LENGTHS:
        numbers, cache = text[:, :length], empty_cache(1)
        forward(numbers[:, :-1], cache)

        def cached(cache=cache, numbers=numbers):
            return forward(numbers[:, -1:], [dict(past) for past in cache])[:, -1]

        def whole(numbers=numbers):
            return forward(numbers, empty_cache(1))[:, -1]

        assert np.abs(cached() - whole()).max() < 1e-3, "both ways must give the same logits"
        fast, slow = processor_seconds(cached, 10 * repeats), processor_seconds(whole, repeats)
        yield length, f"{1000 * fast:.2f} ms", f"{1000 * slow:.1f} ms", harness.ratio(slow, fast)


def main():
    """Measure one piece by both ways, and how fast whole texts are written."""
    options = harness.options(__doc__, repeats=3)
    defined = lesson()
    print(f"{harness.machine('numpy')}\n")
    headings = ["pieces", "one more, with the cache", "one more, without", "ratio"]
    harness.table(headings, rows(defined, options.repeats))
    print()
    for texts in (1, 8, 64):
        starts = np.ones((texts, 1), int)
        seconds = processor_seconds(
            lambda starts=starts: defined["write"](starts, 256, defined["greedily"]),
            options.repeats,
        )
        print(f"{texts} texts of 256 pieces: {256 * texts / seconds:,.0f} pieces a second")


if __name__ == "__main__":
    main()
