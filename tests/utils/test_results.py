"""Headline results: shown to the student, readable for the runner."""

import json
import types

import numpy as np
import pytest

from utils import results

REAL = types.SimpleNamespace(origin=types.SimpleNamespace(text="MNIST, cache", is_sample=False))
SAMPLE = types.SimpleNamespace(origin=types.SimpleNamespace(text="SAMPLE: toys", is_sample=True))


def test_a_table_for_people_and_numbers_for_programs():
    bundle = results.as_bundle([("accuracy", 0.9917, ".2%"), ("epochs", 4)], data=[REAL])
    assert "99.17%" in bundle["text/html"] and "accuracy" in bundle["text/plain"]
    assert bundle[results.MIME_TYPE] == {
        "results": [
            {"name": "accuracy", "value": 0.9917, "text": "99.17%"},
            {"name": "epochs", "value": 4, "text": "4"},
        ],
        "data": [{"text": "MNIST, cache", "sample": False}],
    }


def test_numbers_of_numpy_survive_json():
    bundle = results.as_bundle([("a", np.float32(0.5)), ("b", np.int64(3))], data=SAMPLE)
    stored = json.loads(json.dumps(bundle[results.MIME_TYPE]))
    assert [row["value"] for row in stored["results"]] == [0.5, 3]
    assert stored["data"] == [{"text": "SAMPLE: toys", "sample": True}]


def test_names_cannot_break_the_page():
    assert "<script>" not in results.as_bundle([("<script>", "<b>")])["text/html"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no results"),
        (["accuracy"], r"\(name, value\)"),
        ([("accuracy", float("nan"))], "not a result"),
        ([("accuracy", None)], "number or a text"),
        ([("accuracy", 0.5, "%2")], "does not fit"),
    ],
)
def test_malformed_rows_are_told(rows, words):
    with pytest.raises(ValueError, match=words):
        results.as_bundle(rows)
