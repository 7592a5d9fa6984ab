"""A page shows all that can be shown: what cannot be drawn hides itself only."""

import copy
import errno
import json
import time
import types
from pathlib import Path

import nbformat
import pytest
from page_checker import dangers

from grading import run
from grading.rendering import cells, notebook
from grading.reports import pages
from grading.workers import worker

v4 = nbformat.v4
MARK = {"nbgrader": {"grade_id": "why", "solution": True, "grade": True}}
PICTURE = "iVBORw0KGgo="


def code(source="print(1)", *outputs):
    return v4.new_code_cell(source, outputs=list(outputs), execution_count=1)


def text(source, attachments=None, **more):
    cell = v4.new_markdown_cell(source, **more)
    if attachments is not None:
        cell["attachments"] = attachments
    return cell


def answer(source, **more):
    """A written answer of the assignment's."""
    return text(source, metadata=MARK, **more)


def stream(words):
    return v4.new_output("stream", text=words)


def shown(*cells):
    page = notebook.render({"cells": cells})
    assert dangers(page) == []
    return page


def display(**data):
    return v4.new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


SVG = {"image/svg+xml": ["<svg xmlns='http://www.w3.org/2000/svg'><circle r='3'/></svg>"]}
BAD_CELLS = {
    "an attachment that is lost": text("why ![plot](attachment:lost.png) because"),
    "the attachment of another name": text("why ![plot](attachment:b.png)", {"a.png": {}}),
    "an SVG as attachment": text("why ![plot](attachment:a.svg)", {"a.svg": SVG}),
    "attachments that are none": text("why ![plot](attachment:a.png)", {"a.png": 5}),
    "an attachment of an odd kind": text("why ![p](attachment:a)", {"a": {"image/png": 7}}),
    "a deep attachment": {**text("why ![p](attachment:a)"), "attachments": {"a": deep(900)}},
    "nested quotes": text("why " + ">" * 10_000 + " because"),
    "nested lists": text("why\n" + "\n".join("  " * n + "- a" for n in range(900))),
    "nested brackets": text("why " + "[" * 10_000),
    "nested emphasis": text("why " + "*a **b " * 5_000),
    "nested HTML": text("why <div>" + "<div>" * 1_500),
    "a table without end": text("why\n\n|" + "a|" * 3_000 + "\n|" + "-|" * 3_000),
    "a colour without number": code("why()", stream("\x1b[38m red")),
    "half a colour": code("why()", stream("\x1b[38;5m red \x1b[38;2;1m \x1b[48;5;999m")),
    "a colour of words": code("why()", stream("\x1b[red;;m \x1b[999999999999999m \x1b[")),
    "a traceback with a colour": code(
        "why()", v4.new_output("error", ename="E", evalue="e", traceback=["\x1b[48m no"])
    ),
    "an SVG of lists": code("why()", display(**{"image_svg+xml": ["<svg", ">" * 10_000]})),
    "deep HTML": code("why()", display(text_html="<b>" * 1_500)),
    "deep markdown": code("why()", display(text_markdown=">" * 10_000)),
    "a surrogate": code("why('\ud800')", stream("\udfff")),
    "control characters": code("why('\x00\x08\x1b')", stream("\x00\x08")),
}


@pytest.mark.parametrize("bad", BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_bad_cell_hides_itself_only(bad):
    page = shown(
        code("before()"), bad, answer("My **answer** is here."), code("after()", stream("done"))
    )
    for piece in ("before", "why", "<strong>answer</strong> is here", "after", "done"):
        assert piece in page, piece


def test_a_picture_in_a_text_is_drawn():
    page = shown(text("![plot](attachment:a.png)", {"a.png": {"image/png": PICTURE}}))
    assert f"data:image/png;base64,{PICTURE}" in page


def test_a_picture_pasted_into_an_answer_is_drawn_and_the_words_around_it_are_read(monkeypatch):
    monkeypatch.setattr(cells, "MOST_ANSWER_CHARACTERS", 1_000)
    data = "iVBORw0KGgo" * 1_000 + "AA=="
    page = shown(answer(f"It grows.\n\n![image.png](data:image/png;base64,{data})\n\nThen not."))
    assert page.count(data) == 1 and f'src="data:image/png;base64,{data}"' in page
    assert page.count("It grows.") == page.count("Then not.") == 1


def test_what_cannot_be_drawn_is_shown_as_it_was_typed():
    page = shown(answer("Because of ![plot](attachment:lost.png) & <b>more</b>."))
    assert notebook.NOT_DRAWN in page
    assert "Because of ![plot](attachment:lost.png) &amp; &lt;b&gt;more" in page


def test_of_several_outputs_only_the_bad_one_is_left_out(monkeypatch):
    tried = notebook._drawn

    def fails_at_bad(some, seconds):
        return None if '"bad"' in json.dumps(some) else tried(some, seconds)

    monkeypatch.setattr(notebook, "_drawn", fails_at_bad)
    page = shown(code("plot()", stream("first"), stream("bad"), display(image_png=PICTURE)))
    for piece in ("plot", "first", notebook.OUTPUT_NOT_DRAWN, PICTURE):
        assert piece in page, piece


def test_drawing_has_a_limit_of_time(monkeypatch):
    monkeypatch.setattr(notebook, "WHOLE_SECONDS", 0.1)
    monkeypatch.setattr(notebook, "CELL_SECONDS", 0.1)
    clean = notebook.clean

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


def test_a_page_has_a_limit_of_size(monkeypatch):
    monkeypatch.setattr(notebook, "MOST_PAGE_CHARACTERS", 20_000)
    plot = code("plot()", display(image_png="iVBORw0KGgo" * 10_000 + "AA=="))
    page = shown(*[copy.deepcopy(plot) for _ in range(20)], answer("My answer."))
    assert len(page) < 30_000 and "My answer." in page and page.count("plot()") == 20


def test_a_written_answer_is_shown_below_any_number_of_cells(monkeypatch):
    monkeypatch.setattr(cells, "MOST_OWN_CELLS", 5)
    page = shown(*[code(f"x{n}") for n in range(9)], answer("My answer."))
    assert "My answer." in page and "x4" in page and "x5" not in page
    assert "the others are left out" in page


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- In the end the error grows again. -->",
        "<!-- In the end the error grows again.",
        "<style>In the end the error grows again.",
        "<script>In the end the error grows again.</script>",
        "[a]: http://example.org 'In the end the error grows again.'",
        "~~~~ In the end the error grows again.\n~~~~~",
    ],
)
def test_a_written_answer_cannot_be_hidden(hidden):
    assert "the error grows again" in shown(answer(hidden))


def test_a_usual_answer_is_shown_once():
    source = "The error *grows*, see [here](https://keras.io):\n\n- first\n- $x^2$\n\n`a < b`"
    page = shown(answer(source))
    assert page.count("grows") == 1 and "<em>grows</em>" in page


@pytest.mark.parametrize(
    "source",
    [
        "![image.png](attachment:image.png)\n\nIt grows.",
        "<details><summary>Why</summary>It grows.</details>",
        f"<img src='data:image/png;base64,{PICTURE}'/> It grows.",
    ],
)
def test_what_is_no_word_is_not_missed(source):
    page = shown(answer(source, attachments={"image.png": {"image/png": PICTURE}}))
    assert page.count("It grows.") == 1 and "As typed" not in page


def test_the_limit_of_time_leaves_no_alarm_behind():
    import signal

    before = signal.getsignal(signal.SIGALRM)
    shown(text("a"), text("![b](attachment:b)"))
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


# ---------------------------------------------------------------- a page that is lost


def test_a_page_that_is_lost_is_not_settled(tmp_path):
    (tmp_path / worker.RESULT).write_text('{"points": 1, "events": []}')
    found = worker.read_result(tmp_path)
    assert found["page_lost"] and found["page"] == "" and "tries it again" in found["events"][0]
    (tmp_path / worker.PAGE).write_text("<p>")
    assert "page_lost" not in worker.read_result(tmp_path)


def test_a_full_disk_costs_the_page_only_until_the_next_run(tmp_path, monkeypatch, capfd):
    (tmp_path / worker.RESULT).write_text('{"points": 1, "events": []}')
    write_text = Path.write_text

    def full(path, words, **more):
        write_text(path, words[:3], **more)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        worker.write_page(tmp_path, {"cells": [code()]})
    lost = worker.read_result(tmp_path)
    assert lost["points"] == 1 and not run.is_settled(lost)
    assert [path.name for path in tmp_path.iterdir()] == [worker.RESULT]
    worker.write_page(tmp_path, {"cells": [code()]})
    found = worker.read_result(tmp_path)
    assert run.is_settled(found) and "print" in found["page"]


def test_where_nothing_ran_no_page_is_lost(tmp_path):
    (tmp_path / worker.RESULT).write_text(json.dumps(worker.failure("could not be graded")))
    found = worker.read_result(tmp_path)
    assert found["events"] == [] and "page_lost" not in found


# -------------------------------------------------------------------- the page's words


def page_of(**more):
    about = {
        "student": "ana", "file": "hw.ipynb", "points": None, "most": 8, "tasks": [], "page": "",
        "status": "could not be graded", "handed_in": None, "is_late": False, "to_read": 0,
        "notes": ["It ended."], **more,
    }  # fmt: skip
    return pages.student_page(types.SimpleNamespace(**about), "Homework")


def test_who_wrote_no_answer_is_not_told_that_every_task_is_right():
    tasks = [{"title": "Add", "points": 1, "max_points": 1, "verdict": "right"}]
    more = {"status": "graded", "points": 1.0, "notes": []}
    assert "Every task is right" in page_of(tasks=tasks, **more)
    tasks.append({"title": "Explain", "points": 0, "max_points": 2, "verdict": "manual"})
    assert "Every task is right" not in page_of(tasks=tasks, to_read=2.0, **more)


def test_who_made_the_grader_fail_is_not_told_that_all_is_well():
    calm = "does not mean that there is anything wrong"
    assert calm in page_of(suspect=False, look=[])
    page = page_of(suspect=True, look=["It ended the grader twice."])
    assert calm not in page and "A person will look at it" in page
    assert "twice" not in page, "reasons for the teacher are not the student's"
