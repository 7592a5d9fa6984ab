"""A class whose grades are known: every kind of student, and what each deserves.

The assignment is small and needs no TensorFlow, but is made like any homework: solutions, hidden
tests, locked cells, a written answer. `build` writes the assignment and the submissions; the same
every time. `STUDENTS` is the table of what each must get.
"""

import copy
import dataclasses
import io
import json
import os
import textwrap
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

MOST = 8.0
POINTS = {"test-total": 1, "test-mean": 2, "test-empty": 2, "test-table": 2, "test-words": 1}
DUE = 1_795_211_900  # seconds since 1970
PRIVATE = "a private key that nobody may read"


# ----------------------------------------------------------------- the assignment

LOCKED = {"grade": False, "solution": False, "locked": True}
ANSWER = {"grade": False, "solution": True, "locked": False}
RIGHT = {
    "total": "total = sum(NUMBERS)",
    "mean": "def mean_of(values):\n    return sum(values) / len(values) if values else 0.0",
    "table": "table = np.arange(12).reshape(3, 4)",
    "words": 'words = {"deep": 4, "net": 3}',
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


def _test(grade_id, title, name, *hidden):
    lines = [f"if {name} is None:", '    print("Not answered yet.")']
    lines += ["### BEGIN HIDDEN TESTS", *hidden, "### END HIDDEN TESTS"]
    about = {"grade": True, "solution": False, "locked": True, "points": POINTS[grade_id]}
    cell = _cell("code", "\n".join(lines), grade_id, about)
    kind = "functions" if name == "mean_of" else "values"
    asked = {"values": [], "functions": []} | {kind: [name]}
    cell["metadata"]["homework"] = {"title": title, "seconds": 5, **asked}
    return cell


CELLS = [
    _cell("markdown", "# Small numbers\n\nA homework that is only there to try the grader."),
    _cell("code", "import numpy as np\n\nNUMBERS = list(range(101))", "setup", LOCKED),
    *_question("Add up all numbers in `NUMBERS`, and store it in `total`.", "total", "total"),
    _test(
        "test-total",
        "Add up",
        "total",
        'assert total == 5050, f"the sum of 0 to 100 is not {total}"',
    ),
    *_question("Write a function: the mean of a list, 0.0 for an empty one.", "mean", "mean_of"),
    _test(
        "test-mean",
        "The mean",
        "mean_of",
        'assert mean_of([1, 2, 6]) == 3, "the mean of 1, 2 and 6 is 3"',
        'assert mean_of([7.5]) == 7.5, "the mean of one number is that number"',
    ),
    _test(
        "test-empty",
        "The mean of nothing",
        "mean_of",
        'assert mean_of([]) == 0.0, "an empty list has the mean 0.0 here"',
    ),
    *_question("Make a table of 0 to 11 with three rows and four columns.", "table", "table"),
    _test(
        "test-table",
        "A table",
        "table",
        'assert np.shape(table) == (3, 4), "the table has three rows and four columns"',
        'assert np.array_equal(table, np.arange(12).reshape(3, 4)), "it counts from 0 to 11"',
    ),
    *_question("Store in the dictionary `words` the lengths of the words.", "words", "words"),
    _test(
        "test-words",
        "Count letters",
        "words",
        'assert words == {"deep": 4, "net": 3}, "deep has 4 letters, net has 3"',
    ),
    _cell(
        "markdown",
        "### BEGIN SOLUTION\nBecause a sum grows with the count.\n### END SOLUTION",
        "explain",
        {"grade": True, "solution": True, "locked": False, "points": 2},
    ),
]


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

WRONG = {
    "total": "total = 5049",
    "mean": "def mean_of(values):\n    return 42",
    "table": "table = np.zeros((3, 4))",
    "words": 'words = {"deep": 5}',
}


@dataclasses.dataclass(frozen=True)
class Student:
    """What a student hands in, and what it deserves."""

    kind: str  # of student, as in the list of what a grader must withstand
    points: float
    write: Any  # a function of the folder of submissions, the student's name and the places
    status: str = "graded"
    verdicts: dict = dataclasses.field(default_factory=dict)  # of some tasks
    says: tuple = ()  # must be among the notes
    isolated: bool = False  # whether it can be graded with isolation only
    never: tuple | None = ()  # untrue of the notes; None if there is nothing to note at all


def _grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def answered(released, answers=None, first="", last="", **more):
    """A student's notebook: the answers put in, with own cells first and last."""
    notebook = copy.deepcopy(released)
    answers = {**RIGHT, **(answers or {})} if answers is not WRONG else WRONG
    answers = {**answers, **more}
    for cell in notebook["cells"]:
        if answers.get(_grade_id(cell)) is not None:
            cell["source"] = textwrap.dedent(answers[_grade_id(cell)]).strip()
    if first:
        notebook["cells"].insert(2, _cell("code", textwrap.dedent(first).strip()))
    if last:
        notebook["cells"].append(_cell("code", textwrap.dedent(last).strip()))
    return notebook


def code(kind, points, *, wrong=False, verdicts=None, isolated=False, never=(), **parts):
    """A student who hands in a notebook with this code in it."""

    def write(folder, name, places):
        filled = {key: _fill(text, places) for key, text in parts.items()}
        notebook = answered(places["released"], WRONG if wrong else None, **filled)
        put(folder / name / "small_numbers.ipynb", notebook)

    return Student(kind, points, write, "graded", verdicts or {}, (), isolated, never)


def _fill(text, places):
    for key in ("outside", "submissions", "repository", "port"):
        text = text.replace(f"<{key}>", str(places[key]))
    return text


def changed(kind, points, change, says=()):
    """A student who changed the shape of a notebook with right answers."""

    def write(folder, name, places):
        notebook = answered(places["released"])
        notebook = change(notebook) or notebook
        put(folder / name / "small_numbers.ipynb", notebook)

    return Student(kind, points, write, says=tuple(says))


def files(kind, points, write, status="graded", says=(), never=()):
    """A student whose files are special."""
    return Student(kind, points, write, status, says=tuple(says), never=tuple(never))


def put(path, content, when=DUE - 86_400):
    """Writes a notebook or bytes, with a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(data)
    os.utime(path, (when, when))


def zipped(members):
    """A zip, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, (2026, 11, 18, 12, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data if isinstance(data, bytes) else json.dumps(data))
    return buffer.getvalue()


def _cells_with(notebook, wanted):
    return [cell for cell in notebook["cells"] if _grade_id(cell) in wanted]


def _delete(notebook):
    for cell in _cells_with(notebook, {"setup", "test-total", "test-mean", "test-table"}):
        notebook["cells"].remove(cell)


def _duplicate(notebook):
    notebook["cells"] += copy.deepcopy(_cells_with(notebook, {"setup", "test-words"}))


def _move(notebook):
    moved = _cells_with(notebook, {"test-words", "test-total"})
    notebook["cells"] = moved + [cell for cell in notebook["cells"] if cell not in moved]


def _edit(notebook):
    for cell in _cells_with(notebook, {"setup"}):
        cell["source"] = "import numpy as np\n\nNUMBERS = [1, 2]"
    for cell in _cells_with(notebook, {"test-total"}):
        cell["source"] = "raise SystemExit"


def _forget(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)


def _forge_tests(notebook):
    wrong = answered(notebook, WRONG)
    for cell in _cells_with(wrong, set(POINTS)):
        cell["source"] = "assert True\nprint('PASS')"
        cell["metadata"]["nbgrader"]["points"] = 1000
    return wrong


def _format_3(folder, name, places):
    cells = []
    for cell in answered(places["released"])["cells"]:
        key = "input" if cell["cell_type"] == "code" else "source"
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"], key: cell["source"]}
        if cell["cell_type"] == "code":
            old |= {"outputs": [], "language": "python", "collapsed": False}
        cells.append(old)
    sheets = [{"cells": cells, "metadata": {}}]
    put(folder / f"{name}.ipynb", {"nbformat": 3, "metadata": {}, "worksheets": sheets})


def _repeated(folder, name, places):
    put(folder / f"{name}.ipynb", answered(places["released"], WRONG), DUE - 90_000)
    put(folder / f"{name} (1).ipynb", answered(places["released"]), DUE - 5_000)


def _late_zip(folder, name, places):
    # Finished in time, says the zip; uploaded two days late, says the disk.
    members = [("hw/hw.ipynb", answered(places["released"])), ("hw/timestamp.txt", EARLY)]
    put(folder / f"{name}.zip", zipped(members), DUE + 172_800)


def _forged_stamp(folder, name, places):
    put(folder / name / "hw.ipynb", answered(places["released"]), DUE + 90_000)
    put(folder / name / "timestamp.txt", EARLY)


def _two(folder, name, places):
    put(folder / name / "small_numbers.ipynb", answered(places["released"]))
    scratch = _notebook([_cell("code", "print('only for me')")])
    put(folder / name / "scratch.ipynb", scratch, DUE - 10)


def _bomb(folder, name, places):
    right = json.dumps(answered(places["released"])).encode()
    members = [("small_numbers.ipynb", right), ("zeros.bin", b"\0" * (400 * 2**20))]
    put(folder / f"{name}.zip", zipped(members))


# ------------------------------------------------------ honest, and awkward for a grader


def named(kind, name, says=(), never=()):
    """A student whose notebook came with another name, loose among the submissions or not."""

    def write(folder, student, places):
        put(folder / name.format(student), answered(places["released"]))

    return Student(kind, MOST, write, says=says, never=never)


def _in_one_cell(place):
    """All answers in one cell of the student's own, and the cells for them deleted."""

    def change(notebook):
        for cell in _cells_with(notebook, RIGHT):
            notebook["cells"].remove(cell)
        at = len(notebook["cells"]) if place == "end" else place
        notebook["cells"].insert(at, _cell("code", "\n\n".join(RIGHT.values())))

    return change


def _merged(notebook):
    """As "merge cells" does it: the first one's metadata, and what all of them say."""
    taken = _cells_with(notebook, {"setup", *RIGHT})
    taken[0]["source"] = "\n\n".join(cell["source"] for cell in taken)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in taken[1:]]


def _template_beside(folder, name, places):
    put(folder / name / "small_numbers.ipynb", places["released"])
    put(folder / name / "Copy of small_numbers.ipynb", answered(places["released"]))


def _behind_an_environment(folder, name, places):
    packages = folder / name / "aenv" / "lib" / "python3.11" / "site-packages" / "pip"
    packages.mkdir(parents=True)
    (folder / name / "aenv" / "pyvenv.cfg").write_text("home = /usr/bin", encoding="utf-8")
    for number in range(3200):
        (packages / f"module{number}.py").touch()
    put(folder / name / "work" / "small_numbers.ipynb", answered(places["released"]))


def _lost_attachment(notebook):
    text = "My drawing ![plot](attachment:lost.png) shows that a sum grows."
    for cell in _cells_with(notebook, {"explain"}):
        cell["source"] = text
    notebook["cells"].insert(3, _cell("markdown", "![plot](attachment:lost.png)"))


WITH_FILE = "table = np.loadtxt('{}', dtype=int).reshape(3, 4)"
TWELVE = " ".join(map(str, range(12))).encode()


def _of_powershell(folder, name, places):
    notebook = answered(places["released"], table=WITH_FILE.format("data/twelve.txt"))
    members = [("hw\\data\\", b""), ("hw\\data\\twelve.txt", TWELVE)]
    put(folder / f"{name}.zip", zipped([*members, ("hw\\small_numbers.ipynb", notebook)]))


def _long_name(folder, name, places):
    members = [("深度學習作業" * 12 + ".ipynb", answered(places["released"]))]
    put(folder / f"{name}.zip", zipped(members))


def _renamed_companion(folder, name, places):
    notebook = answered(places["released"], table=WITH_FILE.format("twelve.txt"))
    put(folder / name / "small_numbers-1.ipynb", notebook)
    put(folder / name / "twelve-1.txt", TWELVE)


def _stored_as(kind, name):
    """The student's folder has a name of another system, some bytes."""

    def write(folder, student, places):
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
        put(path / "small_numbers.ipynb", answered(places["released"]))

    return Student(kind, MOST, write, never=None)


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
EARLY = b"2026-11-01 10:00:00 UTC"
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
    # right, and right in other ways
    "ada": code("right", 8),
    "bob": code("right", 8, total="total = 0\nfor n in NUMBERS:\n    total += n"),
    "cem": code("right", 8, total="total = np.sum(NUMBERS)", words="words = dict(deep=4, net=3)"),
    "dua": code("right", 8, mean="import statistics\ndef mean_of(v):\n"
                "    return statistics.fmean(v) if len(v) else 0.0"),
    # partly right, wrong, empty
    "eva": code("partly right", 7, total="total = 1", verdicts={"test-total": "wrong"}),
    "fay": code("partly right", 6, mean="def mean_of(v):\n    return sum(v) / len(v)"),
    "gil": code("partly right", 6, table="table = np.arange(12)"),
    "hal": code("partly right", 3, table="table = None", words="words = None",
                mean="def mean_of(v):\n    return 0.0"),
    "ian": code("wrong", 0, wrong=True, verdicts=dict.fromkeys(POINTS, "wrong")),
    "ida": files("empty", 0, lambda f, n, p: put(f / n / "hw.ipynb", p["released"])),
    # errors
    "jan": code("error", 7, total="total = undefined_name"),
    "jil": code("error", 6, table="table = = 3"),
    "jon": code("error", 8, first="1 / 0"),
    "kai": code("recursion", 4, mean="def mean_of(v):\n    return mean_of(v)"),
    "kim": code("recursion", 8, first="def f():\n    f()\nf()"),
    "lea": code("sys.exit", 8, first="import sys\nsys.exit()"),
    "leo": code("sys.exit", 8, first="exit()"),
    "lia": code("interrupt", 8, first="raise KeyboardInterrupt"),
    "liv": code("input", 8, first="name = input('Your name? ')"),
    "lou": code("stderr", 8, total="import sys, warnings\ntotal = 5050\nsys.stderr.write('?')\n"
                "warnings.warn('careful')", first="import sys\nprint('!', file=sys.stderr)"),
    # the kernel dies
    "mae": code("kernel-killing", 6, table="import os\nos._exit(0)"),
    "max": code("kernel-killing", 7, words="import os\nos.kill(os.getpid(), 9)"),
    "mia": code("kernel-killing", 8, first="import ctypes\nctypes.string_at(0)"),
    "moe": code("kernel-killing", 8, first=KILL_ALL, isolated=True),
    "ned": code("kernel-killing", 4, mean="def mean_of(v):\n    import os\n    os._exit(0)"),
    # hanging
    "nia": code("hanging", 6, table=HANG, verdicts={"test-words": "right"}),
    "noa": code("hanging", 8, first="import time\ntime.sleep(3600)"),
    "ola": code("hanging", 4, mean="def mean_of(v):\n    while True:\n        pass"),
    "oli": code("hanging", 0, total=HANG, mean=HANG, table=HANG, words=HANG),
    "pam": code("swallowing interrupts", 6, table=HOLD_ON),
    "pia": code("swallowing interrupts", 6, table=DEAF),
    "pit": code("leaving threads", 8, first=THREADS),
    "rex": code("leaving processes", 8, first=DAEMON),
    # taking too much
    "ria": code("forking", 8, first=FORKS, isolated=True),
    "rob": code("memory-eating", 8, first="x = bytearray(10**12)"),
    "ron": code("memory-eating", 6, table=GROW),
    "roy": code("disk-filling", 8, first=FILL_DISK),
    "sam": code("output-flooding", 8, first=FLOOD),
    "sid": code("output-flooding", 8, last=PILE_UP),
    "sia": code("output-flooding", 8, first="print('x' * 300_000_000)"),
    # reading and calling
    "sue": code("file-reading", 7, total=SEARCH, isolated=True),
    "tea": code("file-reading", 7, total=NEIGHBOUR, isolated=True),
    "ted": code("file-reading", 7, total=KEY, isolated=True),
    "tim": code("file-writing", 8, first=DAMAGE, isolated=True),
    "tom": code("network-calling", 7, total=NETWORK, isolated=True),
    # forging
    "uma": code("forging", 0, wrong=True, first=TRANSFORM),
    "ute": code("forging", 0, wrong=True, first=AGREE, total="total = Yes()", words="words = Yes()",
                mean="mean_of = Yes()", table="table = Yes()"),
    "val": code("forging", 0, wrong=True, total=AGREE_NUMBER, table=SHAPES),
    "vic": code("forging", 0, wrong=True, first=PATCH, last=PATCH),
    "wes": code("forging", 0, wrong=True, total=PICKLE, table="pass", words="pass"),
    "wim": code("forging", 0, wrong=True, mean=PEEK),
    "xia": code("forging", 0, wrong=True, first=RESULTS, last=RESULTS + "import os\nos._exit(0)"),
    "yan": changed("forging", 0, _forge_tests),
    "yin": code("hostile output", 8, last=HOSTILE),
    # the notebook's shape
    "amy": changed("deleted cells", 8, _delete),
    "ann": changed("duplicated cells", 8, _duplicate),
    "ari": changed("moved cells", 8, _move),
    "art": changed("edited cells", 8, _edit),
    "ben": changed("without metadata", 8, _forget),
    "bao": changed("all in one cell", 8, _in_one_cell(2)),
    "bev": changed("all in one cell", 8, _in_one_cell("end")),
    "bir": changed("all in one cell", 8, _in_one_cell(0)),
    "bud": changed("merged cells", 8, _merged),
    "cai": changed("lost attachment", 8, _lost_attachment),
    "coy": code("many processes", 8, first=POOL, never=None),
    # names
    "dov": named("renamed", "{}/small_numbers-1.ipynb", never=None),
    "dre": named("renamed", "{}/small_numbers (1).ipynb", never=None),
    "edi": named("renamed", "{}/Copy of small_numbers.ipynb", never=None),
    "ela": named("another ending", "{}.ipynb.txt", [".txt"]),
    "ema": named("another ending", "{}/small_numbers.ipynb.txt", [".txt"]),
    "emi": files(
        "empty template beside it", 8, _template_beside, never=["earlier", "from the same moment"]),
    "era": files("behind an environment", 8, _behind_an_environment),
    "eve": files("zip of PowerShell", 8, _of_powershell, never=["could not"]),
    "fei": files("long name in a zip", 8, _long_name, never=["outside"]),
    "flo": files("renamed companion", 8, _renamed_companion),
    "Kovács": _stored_as("names not UTF-8", "Kovács".encode("cp1250")),
    "Kovécs": _stored_as("names not UTF-8", "Kovécs".encode("cp1250")),
    "Beáta": _stored_as("accents of a Mac", unicodedata.normalize("NFD", "Beáta").encode()),
    # files
    "bea": files("corrupt file", 0, lambda f, n, p: put(f / f"{n}.ipynb", b'{"cells": [{"ce'),
                 "unreadable", ["not valid JSON"]),
    "bee": files("corrupt file", 0, lambda f, n, p: put(f / f"{n}.ipynb", b""),
                 "unreadable", ["is empty"]),
    "bix": files("web page", 0, lambda f, n, p: put(f / f"{n}.ipynb", b"<!doctype html>"),
                 "unreadable", ["web page"]),
    "cal": files("zip", 8, lambda f, n, p: put(f / f"{n}.zip", zipped(
        [("my homework/small numbers.ipynb", answered(p["released"]))]))),
    "cat": files("zip", 8, _bomb, says=["more than 300 MB"]),
    "dan": files("late", 8, lambda f, n, p: put(
        f / n / "hw.ipynb", answered(p["released"]), DUE + 93_900)),
    "dax": files("late", 8, _late_zip),
    "deb": files("late", 8, _forged_stamp),
    "dee": files("repeated", 8, _repeated, says=["earlier version"]),
    "don": files("nbformat 3", 8, _format_3, says=["format 3"]),
    "Zoë Ångström García": files("accents", 8, lambda f, n, p: put(
        f / f"{n}_12345_assignsubmission_file_" / "mein Übungsblatt é.ipynb",
        answered(p["released"]))),
    "eli": files("empty folder", 0, lambda f, n, p: (f / n).mkdir(), "no notebook"),
    "ezra": files("wrong homework", 0, lambda f, n, p: put(
        f / f"{n}.ipynb", _notebook([_cell("code", "1", "hw9-x", LOCKED)])), "other homework"),
    "finn": files("two notebooks", 8, _two, says=["scratch.ipynb is another notebook"]),
    "=HYPERLINK(1)": files("hostile name", 8, lambda f, n, p: put(
        f / n / "hw.ipynb", answered(p["released"]))),
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
    put(outside / ".ssh" / "id_ed25519", PRIVATE.encode())
    places = {
        "released": json.loads(json.dumps(released)),
        "submissions": submissions,
        "outside": outside,
        "repository": repository,
        "port": port,
    }
    for name, student in STUDENTS.items():
        student.write(submissions, name, places)
    return submissions, outside
