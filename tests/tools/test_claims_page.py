"""The page of claims: every claim of a run, with what was measured and a mark on thin margins."""

import bs4
import nbformat

from tools.run import claims_page, execution, report
from utils import claims


def claim(**changes):
    record = {"claim": "it learns", "holds": True, "seen": [0.3], "expected": "below 0.5"}
    return record | {"margin": 0.4} | changes


RECORD = {
    "name": "01_small",
    "status": "ok",
    "seconds": 65.2,
    "finished": "today",
    "run": "1",
    "error": None,
    "results": [],
    "data": [{"text": "MNIST, from the cache", "sample": False}],
    "files": {"html": "01_small.html"},
    "claims": [
        claim(),
        claim(claim="just so | <b>", margin=0.01),
        claim(claim="not so", holds=False, margin=-0.2, seen=[0.6, 0.7]),
        claim(claim="a fact", seen=None, expected="", margin=None),
    ],
}


def test_the_page_of_a_report_shows_every_claim_and_marks_thin_ones(tmp_path):
    report.write_report([RECORD, RECORD | {"name": "02", "claims": []}], tmp_path, "today", "1")
    page = bs4.BeautifulSoup((tmp_path / "claims.html").read_text("utf-8"), "html.parser")
    assert [heading.text for heading in page.find_all("h2")] == ["01_small"]
    rows = [[cell.text.strip() for cell in row.find_all("td")] for row in page.find_all("tr")[1:]]
    assert rows == [
        ["✓", "it learns", "0.3", "below 0.5", "40%"],
        ["✓", "just so | <b>", "0.3", "below 0.5", "1% thin"],
        ["✗", "not so", "0.6 to 0.7 (2 values)", "below 0.5", "-20%"],
        ["✓", "a fact", "", "", ""],
    ]
    assert "MNIST, from the cache. Executed today, in 65 seconds." in page.text
    assert "3 of 4 claims held, 1 of them" in " ".join(page.text.split())
    assert 'href="claims.html"' in (tmp_path / "index.html").read_text("utf-8")


def test_what_became_infinite_or_nan_is_shown():
    broken = claim(seen=["nan", 1.0, "inf"], holds=False, margin=None)  # as a kernel sends them
    assert claims_page.row(broken).measured.endswith("(3 values)")
    assert claims_page.row(broken | {"seen": ["nan"]}).measured == "nan"


def test_the_page_of_the_site_shows_them_as_a_table():
    lesson = {"title": "01 · Small", "link": "01_small.ipynb", "notes": ["MNIST."]}
    text = claims_page.as_markdown([lesson | {"claims": RECORD["claims"]}])
    assert "## [01 · Small](01_small.ipynb)\n\nMNIST.\n\n" in text
    assert "| ✓ | just so \\| <b> | 0.3 | below 0.5 | 1% (thin) |" in text


def test_the_claims_of_an_executed_notebook_are_found():
    output = nbformat.v4.new_output("display_data", data={claims.MIME_TYPE: claim()})
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert execution.recorded_results(notebook)["claims"] == [claim()]
