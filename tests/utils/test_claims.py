"""Claims: a student's run prints them and goes on, a strict run stops, a report finds them."""

import json
import math

import pytest

from utils import claims


@pytest.fixture(autouse=True)
def not_strict(monkeypatch):
    for name in ("COURSE_STRICT", "COURSE_REHEARSAL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("measured", "holds", "line"),
    [
        ({"holds": True}, True, "✓ a claim"),
        ({"holds": False}, False, "✗ a claim"),
        ({"seen": 0.3, "below": 0.5}, True, "✓ a claim: 0.3, expected below 0.5"),
        ({"seen": [0.3, 0.6, 0.2], "below": 0.5}, False, "✗ a claim: 0.2 to 0.6 (3 values)"),
        ({"seen": 0.5, "below": 0.5}, False, "✗"),
        ({"seen": 2, "above": 1, "below": 3}, True, "expected above 1 and below 3"),
        ({"seen": 0, "above": 1, "below": 3}, False, "✗"),
        ({"seen": math.nan, "below": 1}, False, "✗ a claim: nan"),
        ({"seen": 60_965_224, "above": 1e6}, True, "60,965,224, expected above 1,000,000"),
        ({"seen": 999.9, "above": 1}, True, "1,000, expected above 1"),
        ({"seen": 2.0**40, "above": 1}, True, "1.1e+12, expected above 1"),
    ],
)
def test_a_claim_says_what_was_measured_and_expected(measured, holds, line, capsys):
    assert claims.check("a claim", **measured) is holds
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("measured", "thin"),
    [
        ({"seen": 0.99, "below": 1}, True),
        ({"seen": 0.5, "below": 1}, False),
        ({"seen": [0.5, 0.98], "below": 1}, True),
        ({"seen": 8.4001, "above": 8.40, "below": 8.42}, True),
        ({"seen": 2, "below": 1}, False),  # it does not hold at all
        ({"holds": True}, False),
    ],
)
def test_a_thin_margin_is_known(measured, thin, monkeypatch):
    records = []
    monkeypatch.setattr(claims, "_show", records.append)
    claims.check("a claim", **measured)
    assert claims.is_thin(records[0]) is thin


@pytest.mark.parametrize("measured", [{}, {"seen": 1}, {"holds": True, "seen": 1, "below": 2}])
def test_a_claim_without_a_comparison_is_refused(measured):
    with pytest.raises(ValueError, match="needs `holds`, or `seen`"):
        claims.check("a claim", **measured)


def test_a_strict_run_stops_and_a_rehearsal_does_not(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_STRICT", "1")
    assert claims.check("a claim", True)
    with pytest.raises(claims.ClaimError, match="a claim: 2, expected below 1"):
        claims.check("a claim", seen=2, below=1)
    monkeypatch.setenv("COURSE_REHEARSAL", "1")
    assert claims.check("a claim", seen=2, below=1) is False


def test_what_is_not_finite_can_be_stored(monkeypatch):
    records = []
    monkeypatch.setattr(claims, "_show", records.append)
    assert claims.check("a claim", seen=[1, math.nan, math.inf], below=3) is False
    json.dumps(records, allow_nan=False)


def test_an_executed_notebook_carries_its_claims(monkeypatch):
    displayed = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: displayed.append(bundle))
    claims.check("a claim", seen=[1, 2], below=3)
    (bundle,) = displayed
    assert bundle["text/plain"].startswith("✓ a claim")
    record = bundle[claims.MIME_TYPE]
    assert record["holds"] and record["seen"] == [1, 2] and record["claim"] == "a claim"
    assert record["margin"] == pytest.approx(1 / 3)
