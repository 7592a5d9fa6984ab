"""The notebook on a page shows all that can be shown, and nothing of it can do harm."""

import copy
import signal
import time

import nbformat
import pytest
from page_checker import dangers

from grading.rendering import cells, notebook

v4 = nbformat.v4
MARK = {"nbgrader": {"grade_id": "why", "solution": True, "grade": True}}
PICTURE = "iVBORw0KGgo="
LONG_PICTURE = "iVBORw0KGgo" * 2_000 + "AA=="


def code(source="print(1)", *outputs):
    return v4.new_code_cell(source, outputs=list(outputs), execution_count=1)


def text(source, attachments=None, **more):
    cell = v4.new_markdown_cell(source, **more)
    return cell if attachments is None else {**cell, "attachments": attachments}


def answer(source, **more):
    """A written answer of the assignment's."""
    return text(source, metadata=MARK, **more)


def stream(words, **more):
    return v4.new_output("stream", text=words, **more)


def display(kind, data, **more):
    return v4.new_output("display_data", data={kind: data}, **more)


def failed(name, value, *lines):
    return v4.new_output("error", ename=name, evalue=value, traceback=list(lines))


def shown(*some_cells):
    page = notebook.render({"cells": some_cells})
    assert dangers(page) == []
    return page


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='x.swf'></object><embed src=x>",
    "<form action='//evil.example'><input name=a><button>Log in again</button></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href='//evil.example/'>",
    "<link rel=stylesheet href='//evil.example/x.css'>",
    "<style>table { display: none }</style>",
    "<div style='position:fixed;top:0' class='total full' id='points'>8 of 8</div>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' java\nscript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "</pre></div></div></section><script>alert(1)</script>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=1'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
    "<x" * 3000,
    "<div>" * 3000,
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[a](javascript:alert(1)) ![b](javascript:alert(1)) <javascript:alert(1)>",
    "[a]: javascript:alert(1)\n[a] `<script>` $<script>alert(1)</script>$ $$<img src=x onerror=1>$",
    "\x1b[31m<script>alert(1)</script>\x1b[0m \x00\x07",
]


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_nothing_of_a_student_can_do_harm(attack):
    no_picture = '"><script>alert(1)</script>'
    size = {"image/png": {"width": "1 onerror=alert(1)", "alt": attack}}
    outputs = [
        stream(attack),
        stream(attack, name="stderr"),
        failed(attack, attack, attack, "\x1b[31m" + attack),
        display("application/javascript", "alert(1)"),
        display("image/svg+xml", attack),
        display("image/png", no_picture),
        display("image/png", PICTURE, metadata=size),
        display("text/html", attack, metadata={"isolated": 1}),
        *[display(f"text/{kind}", attack) for kind in ("plain", "html", "markdown", "latex")],
    ]
    cell = code(attack, *outputs)
    cell.metadata = {"tags": ["x onclick=alert(1)"], "alt": attack}
    markdown = text(attack, {"a.png": {"image/png": no_picture}})
    page = {"cells": [markdown, v4.new_raw_cell(attack), cell], "metadata": {"title": attack}}
    assert dangers(notebook.render(page)) == []


def test_what_is_harmless_stays():
    page = shown(
        text("## A *title*\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[link](https://keras.io)"),
        code("def f():\n    return 1", stream("\x1b[31mred\x1b[0m a < b")),
        code("plot()", display("image/png", PICTURE)),
        text("![plot](attachment:a.png)", {"a.png": {"image/png": LONG_PICTURE}}),
    )
    pieces = ["<em>title</em>", "<td>2</td>", 'href="https://keras.io"', "noopener noreferrer"]
    pieces += ['class="k">def<', "ansi-red-fg", "a &lt; b", "[1]:"]
    pieces += [f"data:image/png;base64,{picture}" for picture in (PICTURE, LONG_PICTURE)]
    assert [piece for piece in pieces if piece not in page] == []


def test_an_odd_notebook_is_survived():
    shown(
        {"cell_type": "code", "source": ["a", "b"], "outputs": [{"output_type": "alien"}]},
        {"cell_type": "code", "source": "c", "outputs": [{"output_type": "display_data"}]},
        {"cell_type": "markdown", "source": "d"},
        {"cell_type": "unknown", "source": 5},
    )


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


SVG = {"image/svg+xml": ["<svg xmlns='http://www.w3.org/2000/svg'><circle r='3'/></svg>"]}
BAD_CELLS = {
    "an attachment that is lost": text("why ![plot](attachment:lost.png) because"),
    "an SVG as attachment": text("why ![plot](attachment:a.svg)", {"a.svg": SVG}),
    "attachments that are a number": text("why ![plot](attachment:a.png)", 5),
    "a deep attachment": text("why ![p](attachment:a)", {"a": deep(900)}),
    "nested quotes": text("why " + ">" * 10_000 + " because"),
    "nested lists": text("why\n" + "\n".join("  " * n + "- a" for n in range(900))),
    "nested brackets": text("why " + "[" * 10_000),
    "nested HTML": text("why <div>" + "<div>" * 1_500),
    "a table without end": text("why\n\n|" + "a|" * 3_000 + "\n|" + "-|" * 3_000),
    "a colour without number": code("why()", stream("\x1b[38m red")),
    "half a colour": code("why()", stream("\x1b[38;5m red \x1b[38;2;1m \x1b[48;5;999m")),
    "a traceback with a colour": code("why()", failed("E", "e", "\x1b[48m no")),
    "an SVG of lists": code("why()", display("image/svg+xml", ["<svg", ">" * 10_000])),
    "deep HTML": code("why()", display("text/html", "<b>" * 1_500)),
    "a surrogate": code("why('\ud800')", stream("\udfff")),
}


@pytest.mark.parametrize("bad", BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_bad_cell_hides_itself_only(bad):
    page = shown(
        code("before()"), bad, answer("My **answer** is."), code("after()", stream("done"))
    )
    for piece in ("before", "why", "<strong>answer</strong> is", "after", "done"):
        assert piece in page, piece
    page = shown(answer("Because of ![plot](attachment:lost.png) & <b>more</b>."))
    assert "Because of ![plot](attachment:lost.png) &amp; &lt;b&gt;more" in page, "as typed"


# ------------------------------------------------------------------------ written answers


def test_a_picture_pasted_into_an_answer_outlives_its_truncation(monkeypatch):
    monkeypatch.setattr(cells, "MOST_ANSWER_CHARACTERS", 1_000)
    source = f"It grows.\n\n![image.png](data:image/png;base64,{LONG_PICTURE})\n\nThen not."
    page = shown(answer(source))
    assert page.count(LONG_PICTURE) == 1 and f'src="data:image/png;base64,{LONG_PICTURE}"' in page
    assert page.count("It grows.") == page.count("Then not.") == 1


@pytest.mark.parametrize(
    "hides",
    ["<!-- {} -->", "<!-- {}", "<style>{}", "<script>{}</script>", "~~~~ {}\n~~~~~"]
    + ["[a]: http://example.org '{}'"],
)
def test_a_written_answer_cannot_be_hidden(hides):
    assert "the error grows again" in shown(answer(hides.format("Then the error grows again.")))


@pytest.mark.parametrize(
    "source",
    [
        "It grows. See [here](https://keras.io):\n\n- first\n- $x^2$\n\n`a < b`",
        "![image.png](attachment:image.png)\n\nIt grows.",
        "<details><summary>Why</summary>It grows.</details>",
        f"<img src='data:image/png;base64,{PICTURE}'/> It grows.",
    ],
)
def test_a_usual_answer_is_shown_once(source):
    page = shown(answer(source, attachments={"image.png": {"image/png": PICTURE}}))
    assert page.count("It grows.") == 1 and "As typed" not in page


# --------------------------------------------------------------------------------- limits


def test_drawing_has_a_limit_of_time_and_leaves_no_alarm_behind(monkeypatch):
    monkeypatch.setattr(notebook, "WHOLE_SECONDS", 0.1)
    monkeypatch.setattr(notebook, "CELL_SECONDS", 0.1)
    clean, before = notebook.clean, signal.getsignal(signal.SIGALRM)

    def slow(words, is_nbconvert=False):
        while "slow" in words:
            try:
                time.sleep(0.01)
            except Exception:
                continue
        return clean(words, is_nbconvert)

    notebook._exporter()  # takes longer the first time
    monkeypatch.setattr(notebook, "clean", slow)
    started = time.monotonic()
    page = shown(text("slow"), answer("quick"))
    assert time.monotonic() - started < 1
    assert page.index(notebook.NOT_DRAWN) < page.index("slow") < page.index("quick")
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_page_has_a_limit_of_size(monkeypatch):
    page = shown(code("1", stream("x" * 500_000)))
    assert len(page) < 60_000 and "460,000 characters left out" in page
    monkeypatch.setattr(notebook, "MOST_PAGE_CHARACTERS", 20_000)
    plot = code("plot()", display("image/png", LONG_PICTURE))
    page = shown(*[copy.deepcopy(plot) for _ in range(20)], answer("My answer."))
    assert len(page) < 30_000 and "My answer." in page and page.count("plot()") == 20


def test_a_written_answer_is_shown_below_any_number_of_cells(monkeypatch):
    monkeypatch.setattr(cells, "MOST_OWN_CELLS", 5)
    page = shown(*[code(f"x{n}") for n in range(9)], answer("My answer."))
    assert "My answer." in page and "x4" in page and "x5" not in page
    assert "the others are left out" in page
