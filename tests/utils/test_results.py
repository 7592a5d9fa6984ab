"""Headline results: shown to the student, readable for the runner."""

import json
import types

import numpy as np
import pytest

from utils import results


def dataset(text, is_sample):
    return types.SimpleNamespace(origin=types.SimpleNamespace(text=text, is_sample=is_sample))


def test_a_table_for_people_and_numbers_for_programs():
    rows = [("accuracy", np.float32(0.75), ".2%"), ("epochs", np.int64(4)), ("<script>", "<b>")]
    data = [dataset("MNIST, cache", False), dataset("SAMPLE: toys", True)]
    bundle = json.loads(json.dumps(results.as_bundle(rows, data)))
    assert "75.00%" in bundle["text/html"] and "SAMPLE: toys" in bundle["text/plain"]
    assert "<script>" not in bundle["text/html"]
    assert bundle[results.MIME_TYPE] == {
        "results": [
            {"name": "accuracy", "value": 0.75, "text": "75.00%"},
            {"name": "epochs", "value": 4, "text": "4"},
            {"name": "<script>", "value": "<b>", "text": "<b>"},
        ],
        "data": [
            {"text": "MNIST, cache", "sample": False},
            {"text": "SAMPLE: toys", "sample": True},
        ],
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no results"),
        ([("accuracy", float("nan"))], "not a result"),
        ([("accuracy", 0.5, "%2")], "does not fit"),
    ],
)
def test_malformed_rows(rows, message):
    with pytest.raises(ValueError, match=message):
        results.as_bundle(rows, data=dataset("toys", True))
