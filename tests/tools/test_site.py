"""The site: built from two small lessons, read as a file, and looked at in headless Chromium."""

import base64
import io
import json
import os
import re
import shutil
import subprocess

import bs4
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from conftest import ROOT
from IPython.display import Audio

from tools.authoring import address
from tools.site import __main__ as command
from tools.site import browser, build, checks, sources

needs_browser = pytest.mark.skipif(
    bool(browser.no_browser()), reason=f"no look in a browser: {browser.no_browser()}"
)
SETUP = "runtime = 'the setup cell'"


def opening(name, title):
    badges = address.badges(f"notebooks/{name}.ipynb", *address.address())
    return f"# {title}\n\n*What {title} promises.*\n\n{badges}\n\n**Time:** a minute."


def markdown(text):
    return nbformat.v4.new_markdown_cell(text)


def code(source, *outputs, tags=()):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs))
    cell.metadata["tags"] = list(tags)
    return cell


def shown(data, metadata=None):
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata or {})


def picture(alt=None, value=0.0):
    figure, axis = plt.subplots(figsize=(12, 2))
    axis.plot([0, value])
    file = io.BytesIO()
    figure.savefig(file, format="png")
    plt.close(figure)
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return shown({"image/png": base64.b64encode(file.getvalue()).decode()}, metadata)


def sound():
    audio = Audio(np.sin(np.arange(4000) / 3), rate=8000)
    return shown({"text/html": audio._repr_html_()})


TABLE = "<table class='dataframe'><tr>" + "<td>wide</td>" * 60 + "</tr></table>"


def first_lesson():
    return [
        markdown(opening("01_first", "01 · Firstling")),
        code(SETUP, tags=["setup"]),
        markdown(
            "## Formulas, and: so on?\n\nThe sum $\\sum_i x_i^2$ and\n\n"
            "$$\\begin{aligned} a &= \\frac{b}{c} \\\\ d &= \\lfloor e \\rfloor \\end{aligned}$$\n"
            "\n"
            "[on](02_second.ipynb#What-now?) [data](../data/table.csv) [folder](../utils) "
            f"[words](https://github.com/{'/blob/'.join(address.address())}"
            "/notebooks/GLOSSARY.md) `[code](stays.md)`\n\n"
            "<details><summary>Solution</summary>\n\nHidden $y = 2$.\n\n</details>"
        ),
        code("plot()", picture("A line that falls."), picture(value=1.0)),
        code("a = '" + "long " * 60 + "'", nbformat.v4.new_output("stream", text="w " * 300)),
        code("table", shown({"text/html": TABLE, "text/plain": "table"})),
        code("results", shown({"application/vnd.course.results+json": [], "text/plain": "r"})),
        markdown("## Listen"),
        code("play()", sound()),
    ]


def second_lesson():
    return [
        markdown(opening("02_second", "02 · Secondling")),
        markdown("## What now?\n\nBack to [01](01_first.ipynb)."),
        code("1 + 1", nbformat.v4.new_output("execute_result", data={"text/plain": "2"})),
    ]


def write_notebook(path, cells, with_outputs):
    notebook = nbformat.v4.new_notebook(cells=cells)
    if not with_outputs:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def write_course(root):
    """A course of two lessons and one homework, and the executed notebooks of both."""
    for name, cells in (("01_first", first_lesson), ("02_second", second_lesson)):
        write_notebook(root / "executed" / f"{name}.ipynb", cells(), True)
        write_notebook(root / "notebooks" / f"{name}.ipynb", cells(), False)
    home = [markdown(opening("homework/hw1_small", "Homework 1 · Small"))]
    write_notebook(root / "notebooks" / "homework" / "hw1_small.ipynb", home, False)
    texts = {
        "README.md": "# Course\n\nTwo lessons, no more.\n\n## Rest\n",
        "data/README.md": "# The data\n\nSee [the table](table.csv).\n",
        "notebooks/GLOSSARY.md": "# Glossary\n\n| a | b |\n|---|---|\n| layer | réteg |\n",
        "notebooks/README.md": "# Syllabus\n\n| lesson | finding | time |\n|---|---|---|\n"
        "| [01 · First](01_first.ipynb) | how it starts | a minute |\n\n"
        "## Every item of the lectures\n\n### L1\n\n[01 · Listen](01_first.ipynb#Listen)\n",
    }
    for place, text in texts.items():
        (root / place).parent.mkdir(exist_ok=True)
        (root / place).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A built site; not to be changed."""
    root = tmp_path_factory.mktemp("course")
    write_course(root)
    out = root / "site"
    assert build.site(out, root / "executed", root) == []
    return out


@pytest.fixture
def copy(site, tmp_path):
    """A copy of the site, to be broken."""
    return shutil.copytree(site, tmp_path / "copy")


def page(site, name):
    return bs4.BeautifulSoup((site / name).read_bytes(), "html.parser")


def test_pictures_say_what_they_show(site):
    alts = [image["alt"] for image in page(site, "01_first.html").select(".cell_output img")]
    assert alts[0] == "A line that falls."
    assert "Formulas, and: so on?" in alts[1]
    (player,) = page(site, "01_first.html").select("audio")
    assert player["aria-label"] == "Sound 1, section “Listen”"


def test_links_lead_to_pages_of_the_site_or_to_the_repository(site):
    links = {link.text: link["href"] for link in page(site, "01_first.html").select("article a")}
    repository, ref = address.address()
    assert links["on"] == "02_second.html#what-now"
    assert links["words"] == "glossary.html"
    assert links["data"] == f"https://github.com/{repository}/blob/{ref}/data/table.csv"
    assert links["folder"] == f"https://github.com/{repository}/tree/{ref}/utils"
    assert "[code](stays.md)" in page(site, "01_first.html").text


def test_a_lesson_has_its_buttons_and_no_badges(site):
    lesson = page(site, "01_first.html")
    links = {link.text: link["href"] for link in lesson.select(".buttons a")}
    assert list(links) == ["Open in Colab", "Download notebook", "Kaggle", "Binder"]
    assert links["Open in Colab"].startswith("https://colab.research.google.com/github/")
    assert not [image for image in lesson.select("img") if image["src"].startswith("http")]
    downloaded = json.loads((site / links["Download notebook"]).read_text(encoding="utf-8"))
    assert "".join(downloaded["cells"][1]["source"]) == SETUP
    assert SETUP.split("'")[1] in lesson.select_one("details").text  # folded


def test_the_front_page_shows_the_lessons_and_homework_has_a_page(site):
    front = page(site, "index.html")
    assert "Two lessons, no more." in front.text
    cards = [card.text for card in front.select(".card")]
    assert "how it starts" in cards[0] and "What 02 · Secondling promises." in cards[1]
    assert "download/hw1_small.ipynb" in (site / "homework.html").read_text(encoding="utf-8")


def test_nothing_is_wrong_with_this_course(tmp_path):
    """Its lessons' texts, that is: nothing is executed for it."""
    missing = build.site(tmp_path / "site", tmp_path / "nothing")
    assert missing == [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))]
    assert checks.check_files(tmp_path / "site")[1] == []
    if not browser.no_browser():
        counts, problems = browser.look_over(tmp_path / "site")
        assert problems == []
        assert counts["formulas"] > 300


def test_a_lesson_that_was_not_executed_says_so(tmp_path):
    write_course(tmp_path)
    (tmp_path / "executed" / "02_second.ipynb").unlink()
    folder = tmp_path / "pages"
    assert sources.write(folder, tmp_path / "executed", tmp_path) == ["02_second"]
    assert "Not executed yet" in (folder / "02_second.ipynb").read_text(encoding="utf-8")
    assert "Not executed yet" not in (folder / "01_first.ipynb").read_text(encoding="utf-8")


def test_a_link_to_a_section_that_is_not_there_stops_the_building(tmp_path, capfd):
    write_course(tmp_path)
    cells = [markdown(opening("02_second", "02")), markdown("[01](01_first.ipynb#Nowhere)")]
    write_notebook(tmp_path / "executed" / "02_second.ipynb", cells, True)
    with pytest.raises(subprocess.CalledProcessError):
        build.site(tmp_path / "site", tmp_path / "executed", tmp_path)
    assert "Nowhere" in capfd.readouterr().err


BREAKS = {
    '<a href="gone.html">x</a>': "gone.html does not exist",
    '<a href="/index.html">x</a>': "/index.html does not exist",
    '<img src="_static/favicon.svg">': "has no alternative text",
    '<script src="https://example.org/a.js"></script>': "fetches https://example.org/a.js",
    '<link rel="stylesheet" href="//example.org/a.css">': "fetches //example.org/a.css",
    '<audio src="_static/favicon.svg"></audio>': "a player has no name",
    f"<pre>log: {ROOT}/data/cache/log.csv</pre>": f"shows a path of a machine: {ROOT}/data/cache",
}


def test_what_is_wrong_with_a_file_is_reported(site, copy, capsys, monkeypatch):
    monkeypatch.setattr(browser, "find_programs", lambda: (None, None))
    assert command.main(["check", "--out", str(site)]) == 0
    assert "not viewed in a browser, because neither" in capsys.readouterr().out
    add(copy / "01_first.html", "".join(BREAKS))
    assert command.main(["check", "--out", str(copy)]) == 1
    printed = capsys.readouterr().out
    for words in BREAKS.values():
        assert re.search(f"01_first.html: .*{re.escape(words)}", printed), words


def add(path, html):
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("</article>", html + "</article>", 1), encoding="utf-8")


@needs_browser
def test_nothing_is_wrong_in_the_browser(site):
    assert checks.check_files(site)[1] == []
    counts, problems = browser.look_over(site)
    assert problems == []
    assert counts["formulas"] == 3 and counts["sounds"] == 1 and counts["pictures"] == 2


@needs_browser
def test_what_is_wrong_in_the_browser_is_reported(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "SECONDS_TO_SEARCH", 3)
    add(
        copy / "01_first.html",
        '<div class="math">\\[ \\frac{a}\\nonsense \\]</div><p style="width: 200vw">wide</p>'
        "<script>setTimeout(() => { throw new Error('a mistake') })</script>"
        '<img src="http://example.org/a.png" alt="x"><audio src="data:audio/wav,x"></audio>',
    )
    add(copy / "index.html", "<style>body { color: #777 !important; background: #888 }</style>")
    (copy / "searchindex.js").write_text("", encoding="utf-8")
    problems = "\n".join(browser.look_over(copy, tmp_path / "pictures")[1])
    for words in (
        "MathJax does not understand a formula",
        "a mistake",
        "asked for http://example.org/a.png",
        "the picture http://example.org/a.png cannot be shown",
        "sound 2 does not play",
        "on a phone",
        "does not find 01_first.html",
        "the contrast of light",
    ):
        assert words in problems, problems
    for form in ("desktop", "phone"):
        assert (tmp_path / "pictures" / f"01_first-{form}.png").is_file()
    assert (tmp_path / "pictures" / "index-dark.png").is_file()


def test_a_site_that_is_not_there_is_an_error(tmp_path, capsys):
    assert command.main(["check", "--out", str(tmp_path)]) == 2
    assert "make site builds it" in capsys.readouterr().err


@pytest.fixture
def course(tmp_path):
    """A course whose lessons are executed and passed."""
    write_course(tmp_path)
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "plumbing.py").touch()
    os.utime(tmp_path / "utils" / "plumbing.py", (0, 0))
    (tmp_path / "executed").rename(tmp_path / "notebooks-executed")
    executed = tmp_path / "build" / "notebooks"
    executed.parent.mkdir()
    (tmp_path / "notebooks-executed").rename(executed)
    for name in ("01_first", "02_second"):
        set_status(tmp_path, name, "ok")
    return tmp_path


def set_status(root, name, status):
    record = root / "build" / "records" / f"{name}.json"
    record.parent.mkdir(exist_ok=True)
    record.write_text(json.dumps({"status": status}), encoding="utf-8")


def test_only_what_is_out_of_date_is_executed_again(course):
    assert build.outdated(course) == []
    set_status(course, "01_first", "failed")
    assert build.outdated(course) == ["01_first"]
    set_status(course, "01_first", "ok")
    cells = [*second_lesson(), markdown("More.")]
    write_notebook(course / "notebooks" / "02_second.ipynb", cells, False)
    assert build.outdated(course) == ["02_second"]
    (course / "utils" / "plumbing.py").touch()
    assert build.outdated(course) == ["01_first", "02_second"]
    (course / "build" / "notebooks" / "01_first.ipynb").unlink()
    assert "01_first" in build.outdated(course)


@pytest.mark.parametrize(
    ("markdown_text", "expected"),
    [
        ("[a](02_x.ipynb#B-c)", "[a](02_x.ipynb#B-c)"),
        ("[a](#B)", "[a](#B)"),
        ("[a](https://keras.io)", "[a](https://keras.io)"),
        ("[a](../data/README.md#MNIST)", "[a](data.md#MNIST)"),
        ("[a](homework/hw1_x.ipynb)", "[a](homework.md)"),
        ("```\n[a](../x.py)\n```", "```\n[a](../x.py)\n```"),
        ("`[a](../x.py)`", "`[a](../x.py)`"),
        ("[`a`](../data/README.md)", "[`a`](data.md)"),
    ],
)
def test_links_are_put_right(markdown_text, expected):
    assert sources.with_links(markdown_text, "notebooks") == expected
