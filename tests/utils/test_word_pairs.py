"""`utils.word_pairs` and `utils.small_world`: pairs, counts, and laws that can be counted."""

import numpy as np
import pytest

from utils import small_world, word_pairs


def test_tokens_are_words_in_lower_case():
    assert word_pairs.tokens("The prince’s son, 2 of Bolkónski's!") == [
        *("the", "prince's", "son", "of", "bolkónski's")
    ]


def test_numbers_go_by_frequency_and_rare_words_are_dropped():
    vocabulary, ids = word_pairs.number(["b", "a", "b", "c", "b", "a"], at_least=2)
    assert vocabulary == ["b", "a"]
    assert ids.tolist() == [0, 1, 0, 0, 1]


def test_pairs_of_a_sentence_and_their_counts():
    words, contexts = word_pairs.in_sentences(np.array([[0, 1, 2]]))
    assert sorted(zip(words.tolist(), contexts.tolist(), strict=True)) == [
        *((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
    ]
    counts = word_pairs.count(words, contexts, 4).toarray()
    assert counts.sum() == 6 and (counts == counts.T).all() and not counts[3].any()


def test_a_window_keeps_near_neighbours_and_fewer_far_ones():
    words, contexts = word_pairs.in_window(np.arange(30_000), 3)
    apart = np.bincount(np.abs(words - contexts))
    assert apart[1] == 2 * 29_999
    assert apart[2:] / (2 * 30_000) == pytest.approx([2 / 3, 1 / 3], abs=0.02)


def test_thinning_out_leaves_rare_words_alone():
    ids = np.r_[np.zeros(50_000, int), np.arange(1, 2_000)]
    thin = word_pairs.thin_out(ids)
    assert np.sum(thin > 0) == 1_999 and np.sum(thin == 0) < 0.05 * 50_000


def test_vectors_of_words_with_like_contexts_are_near():
    sentences = small_world.sentences(3_000, seed=1)
    vocabulary, ids = np.unique(sentences, return_inverse=True)
    pairs = word_pairs.in_sentences(ids.reshape(sentences.shape))
    vectors = word_pairs.ppmi_vectors(word_pairs.count(*pairs, len(vocabulary)), 16)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    index = {word: row for row, word in enumerate(vocabulary)}
    scores = word_pairs.analogy_scores(unit, index, small_world.analogies())
    assert scores["n"] == 448 and scores["b − a + c"] > 0.9 and scores["only c"] < 0.6
    assert word_pairs.analogy_scores(unit, index, [("a", "b", "c", "d")]) is None


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_the_planted_share_is_in_the_sentences(share):
    sentences = small_world.sentences(10_000, share)
    for job, expected in (("doctor", share), ("nurse", 1 - share), ("pilot", 0.5)):
        own = sentences[sentences[:, 0] == job]
        assert np.isin(own[:, 1], small_world.MALE).mean() == pytest.approx(expected, abs=0.06)
    queens = sentences[sentences[:, 0] == "queens"]
    assert np.isin(queens[:, 1], small_world.FEMALE).all()
    assert np.isin(queens[:, 2], small_world.MANY).all()
    assert (small_world.sentences(9, seed=3) == small_world.sentences(9, seed=3)).all()
