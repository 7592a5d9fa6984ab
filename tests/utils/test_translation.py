"""`utils.translation` and the sentences of lesson 11b."""

import numpy as np
import pytest

from utils import data
from utils.data import sentence_pairs
from utils.translation import pieces, translators


def test_pairs_are_short_and_the_english_sentence_decides_on_the_part():
    lines = ["Go.\tMenj.\tmore", "Go!\tIndulj!", "One two three four five six.\tEgy.", "A.\tB."]
    assert sentence_pairs.short_pairs(lines) == [("Go.", "Menj."), ("Go!", "Indulj!"), ("A.", "B.")]
    assert sentence_pairs.part_of("Go.") == sentence_pairs.part_of("go!")
    parts = [sentence_pairs.part_of(str(number)) for number in range(3000)]
    assert all(0.01 < parts.count(name) / 3000 < 0.03 for name in ("test", "validation"))


def test_the_bundled_slice_has_the_whole_test_and_shares_no_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("COURSE_DATA_MIRROR", raising=False)
    found = data.load_tatoeba()
    assert found.origin.is_sample and len(found.test) == 723 and len(found.validation) == 741
    training = {english for english, _ in found.train}
    assert not training & {english for english, _ in found.test + found.validation}


def test_pieces_join_to_what_was_cut():
    texts = ["A kutya alszik.", "A kutyám alszik, a kutyád nem."] * 5
    learned = pieces.Pieces(pieces.learn(texts, 40))
    assert len(learned) == 40 and "_kutya" in learned.vocabulary
    for text in texts:
        assert learned.decode(learned.encode([text], 40)[0]) == text.lower()
    assert learned.encode(["a kutya"], 2)[0].tolist()[-1] == pieces.END
    assert pieces.SPECIAL[pieces.UNKNOWN] in learned.cut("őzike")


def test_a_translator_is_read_as_written_and_writes_as_it_was_trained(tmp_path):
    vocabulary = [*pieces.SPECIAL, *"_abcdef"]
    model = translators.build_translator(11, 11)
    path = tmp_path / "weights.npz"
    translators.write(path, model, pieces.Pieces(vocabulary), pieces.Pieces(vocabulary))
    again, english, hungarian = translators.read(path)
    assert english.vocabulary == hungarian.vocabulary == vocabulary
    for old, new in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.abs(old - new).max() <= np.abs(old).max() / 200
    random = np.random.default_rng(0)
    source = random.integers(3, 11, (3, translators.ENGLISH_LENGTH))
    source[1:, 5:] = pieces.PAD
    target = random.integers(3, 11, (3, translators.HUNGARIAN_LENGTH))
    read = translators.shifted(target)
    logits = np.asarray(again([source, read]))
    expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    net = translators.Translator(again)
    memory, state = net.read(source)
    for step in range(translators.HUNGARIAN_LENGTH):
        log_p, state, shares = net.write(read[:, step], state, memory)
        assert log_p == pytest.approx(expected[:, step], abs=1e-4)
        assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert shares[1:, 5:].max() < 1e-6
