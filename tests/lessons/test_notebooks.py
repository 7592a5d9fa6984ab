"""Every lesson runs to its end by the plain command a grader types, and shows its results.

Executed on both backends, from the repository's root and from notebooks/. Where a data mirror is
in the environment, TensorFlow has the real data and JAX the bundled samples, so that each backend
and each kind of data is met once; `--every-combination` leaves nothing out.
"""

import importlib.util
import json
import re

import pytest
from conftest import LESSONS
from executed_lessons import MIRROR, claims_of, execute, headline_of, printed

from utils import runtime

pytestmark = pytest.mark.notebooks


def needs_data(lesson):
    """Whether a lesson loads data that can be real or a sample; then its headline names them."""
    sources = [cell["source"] for cell in json.loads(lesson.read_text(encoding="utf-8"))["cells"]]
    return any(re.search(r"(?s)results\.headline\(.*\bdata=", "".join(s)) for s in sources)


RUNS = [
    pytest.param(lesson, backend, kind, id=f"{lesson.stem}-{backend}-{kind}")
    for lesson in LESSONS
    for backend in ("tensorflow", "jax")
    for kind in ("sample", "real")
    if kind == "sample" or needs_data(lesson)
]


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    """A cache for real data and one for samples, both empty at first."""
    return {kind: tmp_path_factory.mktemp(kind) for kind in ("real", "sample")}


@pytest.mark.parametrize(("lesson", "backend", "kind"), RUNS)
def test_lesson(lesson, backend, kind, caches, tmp_path, request, record_property):
    record_property("lesson", {"lesson": lesson.stem, "backend": backend, "kind": kind})
    if kind == "real" and not MIRROR:
        pytest.skip("COURSE_DATA_MIRROR names no mirror with the real data")
    everything = request.config.getoption("every_combination")
    usual = "real" if backend == "tensorflow" else "sample"
    if MIRROR and needs_data(lesson) and kind != usual and not everything:
        pytest.skip(f"{backend} with --every-combination only, where there is a mirror")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    mirror = MIRROR if kind == "real" else ""
    executed = execute(lesson, backend, caches[kind], tmp_path, mirror=mirror)
    headline = headline_of(executed)
    assert headline["results"] and claims_of(executed)
    for origin in headline["data"]:
        assert origin["sample"] == (kind == "sample"), origin["text"]
    assert f"Backend  {runtime.NAMES[backend]}" in printed(executed)
    assert printed(executed, "stderr") == "", "a student would take this for an error"
    setup = next(cell for cell in executed["cells"] if cell["cell_type"] == "code")
    assert setup["outputs"] == [], "the setup cell shows nothing"
