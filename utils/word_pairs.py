"""From a text to pairs of words that stand near each other, and from pairs to counts.

    tokens = word_pairs.tokens("The old prince, the prince's son.")
    vocabulary, ids = word_pairs.number(tokens, at_least=20)
    words, contexts = word_pairs.in_window(ids, 4)
    counts = word_pairs.count(words, contexts, len(vocabulary))     # sparse

Lecture item L1.6.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np


def tokens(text: str) -> list[str]:
    """Return the words of a text in lower case; an apostrophe inside belongs to the word."""
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower().replace("’", "'"))


def number(words: Sequence[str], at_least: int = 1) -> tuple[list[str], np.ndarray]:
    """Give each word a number, by frequency, and drop those that occur too rarely.

    Returns:
        The vocabulary, the most frequent word first, and the text as numbers, (words,), int32.
    """
    counted = Counter(words).most_common()
    vocabulary = [word for word, times in counted if times >= at_least]
    index = {word: place for place, word in enumerate(vocabulary)}
    return vocabulary, np.array([index[word] for word in words if word in index], "int32")


def in_sentences(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair each word of a sentence with each other word of it.

    Args:
        ids: (sentences, length), integers.

    Returns:
        Words and contexts, (sentences · length · (length − 1),) each, int32.
    """
    here, there = np.nonzero(~np.eye(ids.shape[1], dtype=bool))
    return ids[:, here].ravel().astype("int32"), ids[:, there].ravel().astype("int32")


def in_window(ids: np.ndarray, window: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pair each word with its neighbours up to `window` places away, the near ones more often.

    A pair that is o places apart is kept with a probability of (window − o + 1) / window, as in
    word2vec (Mikolov et al. 2013).

    Args:
        ids: (words,), a text as integers.
        window: How far a neighbour may be.
        seed: Of the random numbers.

    Returns:
        Words and contexts, (pairs,) each; every pair occurs in both directions.
    """
    random = np.random.default_rng(seed)
    words, contexts = [], []
    for apart in range(1, window + 1):
        kept = random.random(len(ids) - apart) < (window - apart + 1) / window
        left, right = ids[:-apart][kept], ids[apart:][kept]
        words += [left, right]
        contexts += [right, left]
    return np.concatenate(words), np.concatenate(contexts)


def thin_out(ids: np.ndarray, threshold: float = 1e-3, seed: int = 0) -> np.ndarray:
    """Drop a part of the frequent words, as word2vec does: √(threshold / share) of them stay."""
    share = np.bincount(ids) / len(ids)
    stays = np.sqrt(threshold / np.maximum(share, 1e-12))
    return ids[np.random.default_rng(seed).random(len(ids)) < stays[ids]]


def count(words: np.ndarray, contexts: np.ndarray, size: int) -> Any:
    """Count the pairs: a sparse matrix of SciPy, (size, size), words in rows."""
    from scipy.sparse import coo_matrix

    return coo_matrix((np.ones(len(words)), (words, contexts)), (size, size)).tocsr()


def ppmi_vectors(counts: Any, dimensions: int, power: float = 0.75) -> np.ndarray:
    """Factorise the positive PMI of sparse counts (Levy, Goldberg and Dagan 2015).

    Args:
        counts: From `count`.
        dimensions: Numbers in a vector.
        power: The contexts' shares are raised to it, which makes rare contexts count less.

    Returns:
        U √S of the truncated singular value decomposition, (size, dimensions).
    """
    from scipy.sparse.linalg import svds

    pairs = counts.tocoo()
    of_words = np.asarray(counts.sum(axis=1)).ravel()
    of_contexts = np.asarray(counts.sum(axis=0)).ravel() ** power
    share = of_contexts / of_contexts.sum()
    pmi = np.log(pairs.data / (of_words[pairs.row] * share[pairs.col]))
    pairs.data = np.maximum(pmi, 0)
    u, s, _ = svds(pairs.tocsr(), dimensions, v0=np.ones(counts.shape[0]))
    return u * np.sqrt(s)


def analogy_scores(unit: np.ndarray, index: dict[str, int], questions: Sequence) -> dict | None:
    """Answer analogies in three ways.

    Args:
        unit: (words, dimensions), each row of length 1.
        index: The row of each word.
        questions: Tuples (a, b, c, d); those with an unknown word are left out.

    Returns:
        The share of right answers: "b − a + c", the nearest word but the three; "inputs allowed",
        the nearest of all; "only c", the nearest to c but the three; "c itself", how often the
        nearest of all is c; and "n", how many questions.
        None if there is none.
    """
    known = [[index[w] for w in q] for q in questions if all(w in index for w in q)]
    if not known:
        return None
    a, b, c, d = np.array(known).T
    similar = (unit[b] - unit[a] + unit[c]) @ unit.T
    to_c = unit[c] @ unit.T
    nearest = similar.argmax(axis=1)
    scores = {"inputs allowed": np.mean(nearest == d), "c itself": np.mean(nearest == c)}
    for which, name in ((similar, "b − a + c"), (to_c, "only c")):
        for given in (a, b, c):
            which[np.arange(len(d)), given] = -np.inf
        scores[name] = np.mean(which.argmax(axis=1) == d)
    order = ("b − a + c", "inputs allowed", "only c", "c itself")
    return {name: float(scores[name]) for name in order} | {"n": len(known)}
