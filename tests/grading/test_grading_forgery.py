"""Tests of submissions that forge answers: they gain nothing, and cost no other submission."""

import contextlib

import pytest
from test_grading_engine import LIMITS, MODULES, X
from tiny_homework import grade

from grading.sandbox.prefork import PreforkServer

HANDS_OVER = """
import sys, json
class Odd:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {'application/x-plain-value': json.dumps(ODD)}
sys.modules['course_hand_over'].state = lambda *a: Odd()
"""
FORGERIES = {
    "prints PASS": "print('PASS')\nprint('{\"verdict\": \"right\"}')",
    "patches checks": (
        "import builtins, json, numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
        "builtins.AssertionError = KeyError\njson.dumps = lambda *a, **k: '42'\nx = 41"
    ),
    "transforms every cell": (
        "ip = get_ipython()\nip.input_transformers_post.append(lambda lines: ['None'])\nx = 41"
    ),
    "equals everything": (
        "class Any:\n    def __eq__(self, other): return True\n    __hash__ = None\nx = Any()"
    ),
    "a number that lies": (
        "class Lying(int):\n    def __eq__(self, other): return True\n"
        "    def __index__(self): return 42\n    __int__ = __pos__ = __index__\n"
        "    def __add__(self, other): return 42\n    def __repr__(self): return '42'\n"
        "    __hash__ = int.__hash__\nx = Lying(41)"
    ),
    "a text that lies": (
        "class Lying(str):\n    def __eq__(self, other): return True\n"
        "    def __str__(self): return '42'\n    __hash__ = str.__hash__\nx = Lying('41')"
    ),
    "an array that lies": (
        "import numpy as np\nclass Lying(np.ndarray):\n"
        "    def __eq__(self, other): return True\n    def __bool__(self): return True\n"
        "x = np.zeros(3).view(Lying)"
    ),
    "pickles": (
        "import os\nclass Bomb:\n    def __reduce__(self): return os._exit, (0,)\n"
        "    def __array__(self, *a, **k): raise SystemExit\nx = Bomb()"
    ),
    "array of objects": "import numpy as np\nx = np.array([object()])",
    "hands over no answer": HANDS_OVER.replace("Odd()", "{'verdict': 'right', 'x': 42}"),
    "hands over brackets": HANDS_OVER.replace("ODD", "{'values': {'x': '[' * 50000}}"),
    "hands over an array bomb": HANDS_OVER.replace(
        "ODD", """{"values": {"x": '{"array": ["<f8", [1099511627776, 1099511627776], "AAA="]}'}}"""
    ),
    "hands over an object array": HANDS_OVER.replace(
        "ODD", """{"values": {"x": '{"array": ["|O", [1], "AAAAAAAAAAA="]}'}}"""
    ),
    "ends at exit": "import atexit, os\natexit.register(os._exit, 0)",
    "redefines the display": (
        "ip = get_ipython()\nip.user_expressions = lambda e: {'answer': {'status': 'ok', "
        "'data': {'application/x-plain-value': '42'}}}"
    ),
    "reads the frames": (
        "import sys\nfound = []\nframe = sys._getframe()\nwhile frame:\n"
        "    found += [v for v in frame.f_locals.values() if 'x is ' + '{x}' in str(v)[:9999]]\n"
        "    frame = frame.f_back\nx = 42 if found else 41"
    ),
}


@pytest.fixture(scope="module")
def server(bwrap):
    """A prefork server without the frameworks, which take long."""
    with contextlib.closing(PreforkServer(bwrap, LIMITS, MODULES)) as server:
        yield server


@pytest.mark.parametrize("name", FORGERIES)
def test_forging_gains_nothing_and_costs_no_other_submission(name, bwrap, server):
    _, verdicts = grade([FORGERIES[name], X], bwrap, server, LIMITS)
    assert verdicts["x"] in ("wrong", "error", "not answered")
    _, verdicts = grade(["x = 42", X], bwrap, server, LIMITS)
    assert verdicts["x"] == "right"
