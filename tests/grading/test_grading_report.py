"""The table, a student's page, and the class at a glance."""

import csv
import io
import json
import re
import types

import pytest
from page_checker import dangers

from grading.assignments.assignment import Task
from grading.intake.content import SubmissionContent
from grading.intake.submissions import Submission
from grading.reports import pages, report, rows, summary, table
from grading.workers import worker

TASKS = (
    Task("t1", "Count <b>weights</b>", 2.0, "", ("a",)),
    Task("t2", "Train", 3.5, "", ("b",)),
    Task("t3", "Explain", 4.0, "", manual=True),
)
ASSIGNMENT = types.SimpleNamespace(
    name="hw1_x", title="Homework 1", tasks=TASKS, version="v1", notebook={"cells": []}
)
ABOUT = {"isolation": ["No network."], "aside": [], "due": None}
FAILED = worker.failure("could not be graded: it died")


def result(first="right", second="wrong", **more):
    """A result of the engine's with these verdicts."""
    tasks = [
        {
            "grade_id": task.grade_id,
            "title": task.title,
            "points": task.points if verdict == "right" else 0,
            "max_points": task.points,
            "verdict": verdict,
            "message": "" if verdict == "right" else f"the <i>{task.grade_id}</i> is off",
        }
        for task, verdict in zip(TASKS, (first, second, "manual"), strict=True)
    ]
    return {"tasks": tasks, "events": [], "notes": [], "seconds": 2.0, "page": "", **more}


def row(student="ana", outcome=None, due=None, **content):
    submission = Submission(student, student, re.sub(r"\W", "_", student), ())
    content = SubmissionContent(name="hw1.ipynb", **content)
    return rows.make_row(submission, content, outcome, ASSIGNMENT, due)


def page_of(*arguments, **content):
    text = pages.student_page(row(*arguments, **content), ASSIGNMENT.title)
    assert dangers(text, is_page=True) == []
    return text


# ------------------------------------------------------------------------- a student's page


def test_a_page_has_points_advice_and_the_notebook_in_a_frame():
    text = page_of("ana", result(page="<p>the notebook</p>", events=["cell 3 was stopped"]))
    assert "2 of 5.5 points" in text and "up to 4 for written answers" in text
    assert "Count &lt;b&gt;weights&lt;/b&gt;" in text and "the &lt;i&gt;t2&lt;/i&gt; is off" in text
    assert text.index("What to improve") < text.index("from-student", text.index("<main>"))
    assert text.index("from-student", text.index("<main>")) < text.index("<p>the notebook</p>")
    assert "cell 3 was stopped" in text
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert "unsafe" not in policy and "http" not in policy


WELL, CALM = "Every task is right", "does not mean that there is anything wrong"
LOOK = "A person will look at it"


@pytest.mark.parametrize(
    ("outcome", "said", "not_said"),
    [
        (result("right", "right"), ["written answers"], [WELL, CALM]),
        (result("right", "right") | {"tasks": result()["tasks"][:1]}, [WELL], [CALM]),
        (FAILED, [CALM, "it died"], [LOOK, "0 of"]),
        (worker.failure("died twice", suspect=True), [LOOK], [CALM, "Look at what"]),
    ],
)
def test_a_page_promises_nothing_untrue(outcome, said, not_said):
    text = page_of("ana", outcome)
    assert all(words in text for words in said)
    assert not any(words in text for words in not_said)


def test_lateness_is_shown_and_costs_nothing():
    assert row("ana", result(), due=1000.0, when=900.0).is_late is False
    day_later = {"due": 1000.0, "when": 1000.0 + 86_400 + 3_660, "clock": "the <file>"}
    late = row("ana", result(), **day_later)
    assert late.lateness == "1 d 1 h 1 min" and late.points == 2
    text = page_of("ana", result(), **day_later)
    assert "The points are not changed" in text and "the &lt;file&gt;)." in text
    assert row("ana", result(), late=True).lateness == "late, says the platform"
    assert "Handed in" not in page_of("ana", result())


# -------------------------------------------------------------------------------- the table


def cells_of(*some_rows, delimiter=","):
    data = table.table(some_rows, ASSIGNMENT)
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\r\n") == len(some_rows) + 1
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    return list(csv.reader(text, delimiter=delimiter))


def test_the_table():
    head, *lines = cells_of(
        row("ana", result("right", "right")),
        row("=cmd|'/C calc'!A0", result("wrong", "wrong"), notes=["+1", 'a;b,"c"\nd']),
        row("\tTab", None),
        row("ben", FAILED),
        row("cem", None, status="unreadable", problem="-x is empty"),
        row("dua", None, status="could not be graded", problem="Permission denied"),
    )
    ana, attack, tab, ben, cem, dua = (dict(zip(head, line, strict=True)) for line in lines)
    assert (ana["points"], ana["max"], ana["to be read"]) == ("5.5", "5.5", "4")
    assert (ana["t1 (of 2)"], ana["t2 (of 3.5)"], ana["t3 (of 4)"]) == ("2", "3.5", "")
    assert attack["student"].startswith("'=") and attack["notes"] == '\'+1; a;b,"c" d'
    assert tab["student"] == "' Tab" and (tab["points"], tab["status"]) == ("", "not graded yet")
    assert (ben["points"], ben["status"]) == ("", "could not be graded")
    assert (cem["points"], cem["status"]) == ("0", "unreadable") and cem["notes"].startswith("'-x")
    assert (dua["points"], dua["status"]) == ("", "could not be graded")
    numbers = table.table([row("ana", result("right", "right"))], ASSIGNMENT)
    assert b",5.5,5.5," in numbers, "numbers are not quoted"


FORMULAS = ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "\u200b=1"]
INNER_FORMULAS = ["ValueError: ;=1+cmd|' /C calc'!A0;", 'a;"=1+1"', 'a; "" @SUM(1)', "a,-1+1"]
INNER_FORMULAS += ["a\t+1", "a|＝1", "a;\u200b=1", "a;\n=1"]


@pytest.mark.parametrize("text", FORMULAS + INNER_FORMULAS)
def test_no_cell_is_a_formula_whatever_separates_cells(text):
    attack = row(text, result(events=[text]), notes=[text, "=1"])
    for delimiter in ",;|\t":
        for line in cells_of(attack, delimiter=delimiter):
            for cell in line:
                assert not re.match(r'[\s"\u200b]*[=+\-@＝]', cell), cell
    assert table.safe_cell("a" + text).startswith("a")


# ---------------------------------------------------------------------- the class at a glance


def test_the_class_at_a_glance(tmp_path):
    students = [
        row(f"s{number}", result("right", "right" if number < 3 else "timeout"))
        for number in range(9)
    ]
    students += [row("<script>alert(1)</script>", None, status="unreadable", problem="<empty>")]
    report.write(tmp_path, students, ASSIGNMENT, ABOUT)
    facts = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert facts["status"] == {"graded": 9, "unreadable": 1} and facts["median"] == 2
    train = {"grade_id": "t2", "title": "Train", "points": 3.5, "right": 3, "judged": 9}
    assert facts["tasks"][1] == {**train, "otherwise": {"timeout": 6}}
    assert sum(part["students"] for part in facts["distribution"]) == 9
    text = (tmp_path / "summary.html").read_text(encoding="utf-8")
    assert dangers(text, is_page=True) == [] and "33 %" in text and "No network." in text
    assert text.index("Train") < text.index("Count &lt;b"), "most failed first"
    for link in re.findall(r'href="([^"]+)"', text):
        assert (tmp_path / link).is_file(), link
    report.write(tmp_path, students[:2], ASSIGNMENT, ABOUT)
    assert len(list((tmp_path / "feedback").glob("*"))) == 2, "who is gone leaves no page"


def test_a_class_without_any_grade():
    students = [row("ana", None)]
    facts = summary.facts(students, ASSIGNMENT)
    assert facts["mean"] is None
    assert "not graded yet" in pages.class_page(facts, students, ABOUT)


def test_who_needs_a_look_is_listed_with_the_reasons():
    students = [
        row("ana", result()),
        row("ben", result(), review_reasons=["Two versions <of> the same moment."]),
        row("cem", None, status="no notebook", problem="There is no notebook."),
        row("dua", result(look=["It ended the kernel twice."])),
    ]
    facts = summary.facts(students, ASSIGNMENT)
    _, _, part = pages.class_page(facts, students, ABOUT).partition("For a person to look at")
    listed, _, _ = part.partition("Everybody")
    assert "ana" not in listed and "Two versions &lt;of&gt; the same moment." in listed
    assert "There is no notebook." in listed and "It ended the kernel twice." in listed
    listed = summary.for_programs(facts, students, ABOUT)["students"]
    assert [len(student["look"]) for student in listed] == [0, 1, 1, 1]
