"""The site shows no path of the machine that executed the lessons."""

import os
import pathlib
import sys
import tempfile

import bs4
import pytest
from conftest import ROOT

from tools.site import checks


def reported_paths(html, **variables):
    """Return the paths of a machine that the check finds in a page."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        text = bs4.BeautifulSoup(html, "html.parser").get_text()
        problems = checks.shown_paths(html, text, checks.paths_of_machines())
    return [problem.partition(": ")[2] for problem in problems]


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}",
        f"{os.path.expanduser('~')}/thesis",
        f"{tempfile.gettempdir()}/tmp1x/a.keras",
        f"{sys.prefix}/lib/python3.12/site-packages/keras/x.py:164",
        "/srv/lab/mirror",
        "/data/of/ours/x",
        "/home/ann/x.csv",
        "/Users/ann/x.csv",
        r"C:\Users\ann\x.csv",
    ],
)
def test_a_path_of_a_machine_is_reported(path):
    variables = {"COURSE_DATA_MIRROR": "/srv/lab/mirror", "COURSE_DATA_DIR": "/data/of/ours"}
    for html in (
        "<pre>Path('{}').</pre>",
        "<td>1</td><td>{}</td><td>2</td>",
        '<a href="file://{}">x</a>',
        "<!-- {} -->",
        '<img src="data:image/png;base64,iVBORw0KGgo="><p>{}</p>',
    ):
        (problem,) = reported_paths(html.format(path), **variables)
        assert problem.startswith(path[:100])
    assert reported_paths(f"<pre>lo<b>g: {path[:3]}</b><b>{path[3:]}</b></pre>", **variables)


CHECKOUT = "/srv/checkout"  # the real one may lie in the temporary folder, which is reported


@pytest.mark.parametrize(
    "html",
    [
        f"<a href='https://example.org{CHECKOUT}/x'>x</a>",
        f"<p>..{CHECKOUT}/x {CHECKOUT}2 {CHECKOUT}-old/x x{CHECKOUT}</p>",
        "<p>/usr/bin/env /path/to/course-data tmp/x data/cache /tmp</p>",
        "<p>/srv/labs/x https://example.org/srv/lab ../srv/lab</p>",
        f'<img src="data:image/png;base64,AA/tmp/x+/home/ann/+{CHECKOUT}/x==">',
        f'<script>f[0] = "data:image/png;base64,AA/tmp/x\\\n+/home/ann/+{CHECKOUT}/x\\\n"</script>',
        "<p>$\\tmp \\root x$ and a/home/of/words</p>",
    ],
)
def test_other_words_are_not_taken_for_paths_of_a_machine(html, monkeypatch):
    monkeypatch.setattr(checks, "ROOT", pathlib.Path(CHECKOUT))
    assert reported_paths(html, COURSE_DATA_DIR="/srv/lab", COURSE_DATA_MIRROR="http://lab/x") == []
    assert reported_paths(html, COURSE_DATA_DIR="~nosuchuser/x", COURSE_DATA_MIRROR="") == []
