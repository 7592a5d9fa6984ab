"""A class whose grades are known: every kind of student, and what each deserves.

The assignment is small and needs no TensorFlow, but is made like any homework: solutions, hidden
tests, locked cells, a written answer. `STUDENTS` is the table of what each student must get.
"""

import copy
import dataclasses
import io
import json
import os
import textwrap
import zipfile
from pathlib import Path
from typing import Any

MOST = 8.0
DUE = 1_795_211_900  # seconds since 1970

# ----------------------------------------------------------------- the assignment

LOCKED = {"grade": False, "solution": False, "locked": True}
ANSWER = {"grade": False, "solution": True, "locked": False}
RIGHT = {
    "total": "total = sum(NUMBERS)",
    "mean": "def mean_of(values):\n    return sum(values) / len(values) if values else 0.0",
    "table": "table = np.arange(12).reshape(3, 4)",
    "words": 'words = {"deep": 4, "net": 3}',
}
WRONG = {
    "total": "total = 5049",
    "mean": "def mean_of(values):\n    return 42",
    "table": "table = np.zeros((3, 4))",
    "words": 'words = {"deep": 5}',
}


def _cell(kind, source, grade_id=None, about=None):
    cell = {"cell_type": kind, "metadata": {}, "source": source}
    if grade_id:
        mark = {"schema_version": 3, "task": False, "grade_id": grade_id, "cell_type": kind}
        cell["metadata"]["nbgrader"] = {**mark, **about}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _question(text, grade_id, name):
    source = f"{name} = None\n### BEGIN SOLUTION\n{RIGHT[grade_id]}\n### END SOLUTION"
    return [_cell("markdown", text), _cell("code", source, grade_id, ANSWER)]


def _test(grade_id, points, title, name, *checks):
    checks = [f'assert {check}, "{advice}"' for check, advice in checks]
    lines = [f"if {name} is None:", '    print("Not answered yet.")']
    lines += ["### BEGIN HIDDEN TESTS", *checks, "### END HIDDEN TESTS"]
    about = {"grade": True, "solution": False, "locked": True, "points": points}
    cell = _cell("code", "\n".join(lines), grade_id, about)
    kind = "functions" if name == "mean_of" else "values"
    cell["metadata"]["homework"] = {"title": title, "seconds": 5, kind: [name]}
    return cell


CELLS = [
    _cell("markdown", "# Small numbers\n\nA homework that is only there to try the grader."),
    _cell("code", "import numpy as np\n\nNUMBERS = list(range(101))", "setup", LOCKED),
    *_question("Add up all numbers in `NUMBERS`, and store it in `total`.", "total", "total"),
    _test("test-total", 1, "Add up", "total", ("total == 5050", "the sum of 0 to 100 is 5050")),
    *_question("Write a function: the mean of a list, 0.0 for an empty one.", "mean", "mean_of"),
    _test(
        *("test-mean", 2, "The mean", "mean_of"),
        ("mean_of([1, 2, 6]) == 3", "the mean of 1, 2 and 6 is 3"),
        ("mean_of([7.5]) == 7.5", "the mean of one number is that number"),
    ),
    _test(
        *("test-empty", 2, "The mean of nothing", "mean_of"),
        ("mean_of([]) == 0.0", "an empty list has the mean 0.0 here"),
    ),
    *_question("Make a table of 0 to 11 with three rows and four columns.", "table", "table"),
    _test(
        *("test-table", 2, "A table", "table"),
        ("np.shape(table) == (3, 4)", "the table has three rows and four columns"),
        ("np.array_equal(table, np.arange(12).reshape(3, 4))", "it counts from 0 to 11"),
    ),
    *_question("Store in the dictionary `words` the lengths of the words.", "words", "words"),
    _test(
        *("test-words", 1, "Count letters", "words"),
        ("words == {'deep': 4, 'net': 3}", "deep has 4 letters, net has 3"),
    ),
    _cell(
        "markdown",
        "### BEGIN SOLUTION\nBecause a sum grows with the count.\n### END SOLUTION",
        "explain",
        {"grade": True, "solution": True, "locked": False, "points": 2},
    ),
]
TESTS = ("test-total", "test-mean", "test-empty", "test-table", "test-words")


def _notebook(cells):
    cells = [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(copy.deepcopy(cells))]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def write_assignment(folder):
    """Write the instructor's notebook; return its path."""
    path = Path(folder) / "small_numbers.ipynb"
    path.write_text(json.dumps(_notebook(CELLS)), encoding="utf-8")
    return path


# ------------------------------------------------------------------- the students


@dataclasses.dataclass(frozen=True)
class Student:
    """What a student hands in, and what it deserves."""

    kind: str  # of student, as in the list of what a grader must withstand
    points: float
    write: Any  # a function of the folder of submissions, the student's name and the places
    status: str = "graded"
    verdicts: dict = dataclasses.field(default_factory=dict)  # of some tasks
    says: str = ""  # is part of the notes
    isolated: bool = False  # whether it can be graded with isolation only
    quiet: bool = False  # whether there is nothing to note


def _grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def answered(released, answers=RIGHT, first="", last="", **more):
    """A student's notebook: the answers put in, with own cells first and last."""
    notebook = copy.deepcopy(released)
    answers = {**answers, **more}
    for cell in notebook["cells"]:
        if _grade_id(cell) in answers:
            cell["source"] = textwrap.dedent(answers[_grade_id(cell)]).strip()
    if first:
        notebook["cells"].insert(2, _cell("code", textwrap.dedent(first).strip()))
    if last:
        notebook["cells"].append(_cell("code", textwrap.dedent(last).strip()))
    return notebook


def code(kind, points, *, answers=RIGHT, verdicts=None, says="", isolated=False, quiet=False,
         **parts):  # fmt: skip
    """A student who hands in a notebook with this code in it."""

    def write(folder, name, places):
        filled = {key: _fill(text, places) for key, text in parts.items()}
        notebook = answered(places["released"], answers, **filled)
        put(folder / name / "small_numbers.ipynb", notebook)

    return Student(kind, points, write, "graded", verdicts or {}, says, isolated, quiet)


def _fill(text, places):
    for key in ("outside", "submissions", "repository", "port"):
        text = text.replace(f"<{key}>", str(places[key]))
    return text


def file(kind, points, name, content=None, when=-86_400, **more):
    """A student who hands in one file.

    Args:
        kind, points: As of `Student`.
        name: Of the file below the folder of submissions; `{}` is the student's name.
        content: A function of a notebook with right answers, which gives another or bytes, or
            None for the notebook itself.
        when: Seconds after the due time.
        more: As of `Student`.
    """

    def write(folder, student, places):
        notebook = answered(places["released"])
        notebook = content(notebook) if content else notebook
        place = os.fsencode(folder) + b"/" + os.fsencode(name.format(student))
        put(Path(os.fsdecode(place)), notebook, DUE + when)

    return Student(kind, points, write, **more)


def put(path, content, when=DUE - 86_400):
    """Write a notebook or bytes, with a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    os.utime(path, (when, when))


def zipped(*members):
    """Return a zip of names and data, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data if isinstance(data, bytes) else json.dumps(data))
    return buffer.getvalue()


def _move_and_edit(notebook):
    """The setup and a test edited, two tests at the top."""
    by_id = {_grade_id(cell): cell for cell in notebook["cells"]}
    by_id["setup"]["source"] = "import numpy as np\n\nNUMBERS = [1, 2]"
    by_id["test-total"]["source"] = "raise SystemExit"
    moved = [by_id["test-words"], by_id["test-total"]]
    rest = [cell for cell in notebook["cells"] if cell not in moved]
    return {**notebook, "cells": moved + rest}


def _forget(notebook):
    cells = [{**cell, "metadata": {}} for cell in notebook["cells"]]
    for cell in cells:
        del cell["id"]
    return {**notebook, "cells": cells}


def _forge_tests(notebook):
    wrong = answered(notebook, WRONG)
    for cell in wrong["cells"]:
        if _grade_id(cell) in TESTS:
            cell["source"] = "assert True\nprint('PASS')"
            cell["metadata"]["nbgrader"]["points"] = 1000
    return wrong


def _in_one_cell(notebook):
    """All answers in one cell of the student's own at the end; the cells for them deleted."""
    cells = [cell for cell in notebook["cells"] if _grade_id(cell) not in RIGHT]
    return {**notebook, "cells": [*cells, _cell("code", "\n\n".join(RIGHT.values()))]}


def _lost_attachment(notebook):
    notebook["cells"].insert(3, _cell("markdown", "![plot](attachment:lost.png)"))
    for cell in notebook["cells"]:
        if _grade_id(cell) == "explain":
            cell["source"] = "My drawing ![plot](attachment:lost.png) shows that a sum grows."
    return notebook


def _renamed_companion(folder, name, places):
    table = "table = np.loadtxt('twelve.txt', dtype=int).reshape(3, 4)"
    put(folder / name / "small_numbers-1.ipynb", answered(places["released"], table=table))
    put(folder / name / "twelve-1.txt", " ".join(map(str, range(12))).encode())


def _two(folder, name, places):
    put(folder / name / "small_numbers.ipynb", answered(places["released"]))
    put(folder / name / "scratch.ipynb", _notebook([_cell("code", "print('only for me')")]), DUE)


POOL = """
from multiprocessing import Pool
with Pool(16) as pool:
    squares = pool.map(abs, range(1000))
"""

PILE_UP = """
import threading, time
def send():
    for _ in range(1000):
        get_ipython().kernel.iopub_socket.send(bytes(200_000_000))
        time.sleep(0.2)
threading.Thread(target=send, daemon=True).start()
time.sleep(4)
"""
HANG = "while True:\n    pass"
HOLD_ON = """
import time
while True:
    try:
        time.sleep(0.01)
    except BaseException:
        pass
"""
DEAF = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(1)
"""
# What would harm the machine if the isolation failed does no more than it must.
FORKS = """
import os, time
for _ in range(1000):
    try:
        if os.fork() == 0:
            time.sleep(600)
    except OSError:
        time.sleep(0.1)
"""
DAEMON = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True,
                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""
THREADS = """
import threading, time
for _ in range(5):
    threading.Thread(target=lambda: time.sleep(600)).start()
"""
GROW = """
hoard = []
for _ in range(250):
    hoard.append(bytearray(20_000_000))
    hoard[-1][::4096] = bytes(len(hoard[-1][::4096]))
"""
FILL_DISK = """
with open("large.bin", "wb") as file:
    for _ in range(3000):
        file.write(bytes(2**20))
"""
SEARCH = """
import glob, os, sys
answer = None
places = ["<outside>", "<submissions>", "<repository>", "/tmp", "/home", os.path.expanduser("~")]
for place in places + ["/proc/1/root/tmp", "/proc/self/root/tmp", ".."]:
    for here, folders, names in os.walk(place):
        if here.count("/") > 9:
            folders.clear()
        for name in names:
            try:
                text = open(os.path.join(here, name), errors="replace").read(300_000)
            except OSError:
                continue
            if ("BEGIN HIDDEN" + " TESTS") in text and "== 5050" in text:
                answer = 5050
total = answer
"""
NEIGHBOUR = """
import json, os
total = None
for here, _, names in os.walk("<submissions>"):
    for name in names:
        if "sum(NUMBERS)" in open(os.path.join(here, name), errors="replace").read():
            total = 5050
"""
KEY = """
try:
    total = 5050 if open("<outside>/.ssh/id_ed25519").read() else None
except OSError:
    total = None
"""
DAMAGE = """
import os
for place in ("<outside>", "<submissions>"):
    for here, _, names in os.walk(place):
        for name in names:
            try:
                open(os.path.join(here, name), "ab").write(b"gotcha")
            except OSError:
                pass
    try:
        open(os.path.join(place, "gotcha.txt"), "w").write("gotcha")
    except OSError:
        pass
"""
NETWORK = """
import socket
total = None
for family, address in ((socket.AF_INET, ("127.0.0.1", <port>)), (socket.AF_INET, ("1.1.1.1", 53))):
    try:
        socket.create_connection(address, timeout=2).close()
        total = 5050
    except OSError:
        pass
"""
KILL_ALL = """
import os, signal
if sum(name.isdigit() for name in os.listdir("/proc")) < 20:
    os.kill(-1, signal.SIGKILL)
else:
    NUMBERS = []  # it sees processes that are not its own, which costs it the points
"""
TRANSFORM = """
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(NoAsserts())
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])
"""
AGREE = """
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __call__(self, *args): return Yes()
    def __array__(self, *args, **kwargs): return np.ones((3, 4))
    shape = (3, 4)
    def __iter__(self): return iter(["deep", "net"])
    def keys(self): return ["deep", "net"]
    def __getitem__(self, key): return Yes()
total = words = mean_of = table = Yes()
"""
AGREE_NUMBER = """
class Number(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
total = Number(1)
"""
SHAPES = """
class Table(np.ndarray):
    shape = property(lambda self: (3, 4))
    def __array_function__(self, *args, **kwargs): return True
    def __eq__(self, other): return np.ones((3, 4), bool)
table = np.zeros(3).view(Table)
"""
PATCH = """
import builtins, json, sys, unittest
np.array_equal = lambda *args: True
np.shape = lambda *args: (3, 4)
np.testing.assert_equal = lambda *args: None
builtins.AssertionError = type("Quiet", (BaseException,), {})
sys.settrace(lambda *args: None)
"""
PICKLE = """
class Bomb:
    def __reduce__(self):
        import os
        return os.system, ("echo gotcha > /tmp/gotcha-from-a-pickle; echo gotcha > <outside>/g",)
total = Bomb(); table = np.array([Bomb()], dtype=object); words = {"deep": Bomb()}
"""
PEEK = """
import sys
def mean_of(values):
    frame = sys._getframe()
    while frame is not None:
        frame.f_globals["AssertionError"] = frame.f_locals["total"] = 3
        frame = frame.f_back
    raise SystemExit(0)
"""
RESULTS = """
import glob, json, os
perfect = {"points": 8, "max_points": 8, "tasks": [], "events": [], "verdict": "right"}
for folder in (".", "..", "../..", "/tmp", os.path.dirname(os.getcwd())):
    for name in ("result.json", "results.json", "verdict.json", "page.html"):
        try:
            open(os.path.join(folder, name), "w").write(json.dumps(perfect))
        except OSError:
            pass
print(json.dumps(perfect)); print("PASS"); print("All tests passed. 8 of 8 points")
"""
END = "import os\nos._exit(0)"
HOSTILE = """
from IPython.display import HTML, Javascript, Markdown, display
display(HTML("<script>alert(1)</script><img src=x onerror=alert(2)><style>body{display:none}"
             "</style><p class='total full'>8 of 8 points</p><iframe src='//evil.example'>"))
display(Javascript("alert(3)"))
display(Markdown("[click](javascript:alert(4))"))
print("</pre></section><script>alert(5)</script>")
"""
FLOOD = """
line = "x" * 1000
while True:
    print(line)
"""

STUDENTS = {
    # right, partly right, wrong, empty
    "ada": code("right", 8, quiet=True),
    "cem": code("right", 8, total="total = np.sum(NUMBERS)", words="words = dict(deep=4, net=3)"),
    "eva": code("partly right", 7, total="total = 1", verdicts={"test-total": "wrong"}),
    "fay": code("partly right", 6, mean="def mean_of(v):\n    return sum(v) / len(v)"),
    "ian": code("wrong", 0, answers=WRONG, verdicts=dict.fromkeys(TESTS, "wrong")),
    "ida": code("empty", 0, answers={}, verdicts=dict.fromkeys(TESTS, "not answered")),
    # errors
    "jil": code("error", 6, table="table = = 3", verdicts={"test-table": "error"}),
    "jon": code("error", 8, first="1 / 0", says="cell 2 stopped with ZeroDivisionError"),
    "kai": code("recursion", 4, mean="def mean_of(v):\n    return mean_of(v)"),
    "lea": code("sys.exit", 8, first="import sys\nsys.exit()"),
    "lia": code("interrupt", 8, first="raise KeyboardInterrupt"),
    "liv": code("input", 8, first="name = input('Your name? ')", says="StdinNotImplementedError"),
    # the kernel dies
    "mae": code("kernel-killing", 6, table="import os\nos._exit(0)", says="ended the kernel"),
    "mia": code("kernel-killing", 8, first="import ctypes\nctypes.string_at(0)"),
    "moe": code("kernel-killing", 8, first=KILL_ALL, isolated=True),
    "ned": code("kernel-killing", 4, mean="def mean_of(v):\n    import os\n    os._exit(0)",
                verdicts={"test-mean": "died"}),
    # hanging
    "nia": code("hanging", 6, table=HANG, says="ran longer than 5 s",
                verdicts={"test-table": "timeout", "test-words": "right"}),
    "noa": code("hanging", 8, first="import time\ntime.sleep(3600)"),
    "ola": code("hanging", 4, mean="def mean_of(v):\n    while True:\n        pass",
                verdicts={"test-mean": "timeout"}),
    "pam": code("swallowing interrupts", 6, table=HOLD_ON, says="the kernel was lost"),
    "pia": code("swallowing interrupts", 6, table=DEAF),
    "pit": code("leaving threads", 8, first=THREADS),
    "rex": code("leaving processes", 8, first=DAEMON),
    # taking too much
    "ria": code("forking", 8, first=FORKS, isolated=True, says="processes"),
    "ron": code("memory-eating", 6, table=GROW, verdicts={"test-table": "memory"}),
    "roy": code("disk-filling", 8, first=FILL_DISK, says="File too large"),
    "sam": code("output-flooding", 8, first=FLOOD, says="cell 2 printed more than"),
    "sid": code("output-flooding", 8, last=PILE_UP),
    "sia": code("output-flooding", 8, first="print('x' * 300_000_000)"),
    # reading and calling
    "sue": code("file-reading", 7, total=SEARCH, isolated=True),
    "tea": code("file-reading", 7, total=NEIGHBOUR, isolated=True),
    "ted": code("file-reading", 7, total=KEY, isolated=True),
    "tim": code("file-writing", 8, first=DAMAGE, isolated=True),
    "tom": code("network-calling", 7, total=NETWORK, isolated=True),
    # forging
    "uma": code("forging", 0, answers=WRONG, first=TRANSFORM),
    "ute": code("forging", 0, answers=dict.fromkeys(RIGHT, ""), first=AGREE),
    "val": code("forging", 0, answers=WRONG, total=AGREE_NUMBER, table=SHAPES),
    "vic": code("forging", 0, answers=WRONG, first=PATCH, last=PATCH),
    "wes": code("forging", 0, answers=WRONG, total=PICKLE, table="pass", words="pass"),
    "wim": code("forging", 0, answers=WRONG, mean=PEEK),
    "xia": code("forging", 0, answers=WRONG, first=RESULTS, last=RESULTS + END),
    "yan": file("forging", 0, "{}/hw.ipynb", _forge_tests),
    "yin": code("hostile output", 8, last=HOSTILE),
    # the notebook's shape
    "art": file("moved, edited cells", 8, "{}/hw.ipynb", _move_and_edit, says="was edited"),
    "ben": file("without metadata", 8, "{}/hw.ipynb", _forget),
    "bev": file("all in one cell", 8, "{}/hw.ipynb", _in_one_cell),
    "cai": file("lost attachment", 8, "{}/hw.ipynb", _lost_attachment),
    "coy": code("many processes", 8, first=POOL, quiet=True),
    # names
    "dov": file("renamed", 8, "{}/small_numbers-1.ipynb", quiet=True),
    "ela": file("another ending", 8, "{}.ipynb.txt", says=".txt"),
    "flo": Student("renamed companion", 8, _renamed_companion),
    "Kovács": file("not UTF-8", 8, "Kov\udce1cs/hw.ipynb", quiet=True),  # as in cp1250
    "Kovécs": file("not UTF-8", 8, "Kov\udce9cs/hw.ipynb", quiet=True),
    "Zoë Ångström García": file("accents", 8, "{}_12345_assignsubmission_file_/Übungsblatt.ipynb"),
    "=HYPERLINK(1)": file("hostile name", 8, "{}/hw.ipynb"),
    # files
    "bea": file("corrupt file", 0, "{}.ipynb", lambda notebook: b'{"cells": [{"ce',
                status="unreadable", says="not valid JSON"),
    "cal": file("zip", 8, "{}.zip", lambda notebook: zipped(("my work/my hw.ipynb", notebook))),
    "cat": file("zip bomb", 8, "{}.zip", lambda notebook: zipped(
        ("hw.ipynb", notebook), ("zeros.bin", bytes(400 * 2**20))), says="more than 300 MB"),
    "dan": file("late", 8, "{}/hw.ipynb", when=93_900),
    "eli": Student("empty folder", 0, lambda folder, name, _: (folder / name).mkdir(),
                   "no notebook"),
    "ezra": file("wrong homework", 0, "{}.ipynb",
                 lambda _: _notebook([_cell("code", "1", "hw9-x", LOCKED)]),
                 status="other homework"),
    "finn": Student("two notebooks", 8, _two, says="scratch.ipynb is another notebook"),
}  # fmt: skip


def build(folder, released, port, repository):
    """Write the class.

    Args:
        folder: An empty folder; gets `submissions` and `outside`.
        released: The notebook that students get, a dictionary.
        port: Of a server on this machine that nobody may reach.
        repository: The repository's root.

    Returns:
        The folder of the submissions, and the folder outside of them.
    """
    submissions, outside = Path(folder) / "submissions", Path(folder) / "outside"
    submissions.mkdir()
    put(outside / ".ssh" / "id_ed25519", b"a private key that nobody may read")
    places = {"released": json.loads(json.dumps(released)), "repository": repository}
    places |= {"submissions": submissions, "outside": outside, "port": port}
    for name, student in STUDENTS.items():
        student.write(submissions, name, places)
    return submissions, outside
