"""What the tests share: the repository's root on the path, and an environment of their own."""

import contextlib
import functools
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from rich.console import Console

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import matrix  # noqa: E402

from tools.authoring import check  # noqa: E402
from tools.run.choose import default_jobs  # noqa: E402
from utils.openimages import sample  # noqa: E402

# The 800 drawn photos are the same every time; each process of the tests draws them once.
sample.make_rows = functools.cache(sample.make_rows)
# Figures are drawn into memory, whatever screen there is.
os.environ["MPLBACKEND"] = "agg"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if importlib.util.find_spec("tensorflow") is None:
    os.environ.setdefault("KERAS_BACKEND", "jax")  # as `runtime.prepare` does in a lesson

COURSE_VARIABLES = (
    "COURSE_DATA_DIR",
    "COURSE_DATA_MIRROR",
    "COURSE_OFFLINE",
    "COURSE_PROFILE",
    "COURSE_REHEARSAL",
    "KERAS_BACKEND",
)
# The grader's own kernels are for Unix; on Windows their modules cannot even be imported.
KERNELS = ("blame", "engine", "grader", "isolation")
KERNELS += ("memory", "memory_limits", "messages", "view")
collect_ignore = [f"grading/test_grading_{name}.py" for name in KERNELS if sys.platform == "win32"]
LESSONS = [path for path in check.notebook_paths() if path.parent.name == "notebooks"]


def notebook_environment(cache, mirror=""):
    """Return the variables of a grader: strict, and nothing else set for the course.

    cache: the folder of the data; without a mirror, a notebook there is offline.
    """
    unset = ("COURSE_", "KERAS_BACKEND", "MPLBACKEND")
    environment = {name: v for name, v in os.environ.items() if not name.startswith(unset)}
    environment |= {"COURSE_DATA_DIR": str(cache), "COURSE_STRICT": "1"}
    environment["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    return environment | ({"COURSE_DATA_MIRROR": mirror} if mirror else {"COURSE_OFFLINE": "1"})


def pytest_addoption(parser):
    parser.addoption(
        "--every-combination",
        action="store_true",
        help="execute every lesson on every backend with real data and with samples",
    )
    parser.addoption(
        "--environment-name",
        default="newest",
        help="what the table of lessons and environments calls the versions that are installed",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """With `-n auto`: as many tests at a time as `make run` runs notebooks."""
    return default_jobs(sys.maxsize)


def pytest_collection_modifyitems(items):
    """The lessons first: they take longest, and what is quick fills the gaps at the end."""
    items.sort(key=lambda item: item.get_closest_marker("notebooks") is None)


def pytest_terminal_summary(terminalreporter, config):
    """Print what became of the lessons, and save it for the table of `make test-all`."""
    runs = []
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            # A module that is skipped as a whole has a report without properties.
            lesson = dict(getattr(report, "user_properties", ())).get("lesson")
            if lesson and (report.when == "call" or outcome != "passed"):
                outcome = "failed" if outcome == "error" else outcome
                runs.append({**lesson, "outcome": outcome, "seconds": report.duration})
    if runs:
        name = config.getoption("environment_name")
        matrix.save(name, runs)
        terminalreporter.section("lessons")
        Console(width=100).print(matrix.table({name: runs}))


@pytest.fixture(scope="session", autouse=True)
def nothing_set(tmp_path_factory):
    """No variable of the course is set and its data are out of reach, whoever starts the tests.

    A test that needs the mirror has read its name while it was imported. The backend stays: Keras
    has chosen it by then.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COURSE_")]:
            patch.delenv(name)
        patch.setenv("COURSE_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(autouse=True)
def own_data(tmp_path_factory):
    """Every test has a data folder of its own, empty at first."""
    folder = tempfile.mkdtemp(dir=tmp_path_factory.getbasetemp())
    with pytest.MonkeyPatch.context() as patch:  # what a test patches is whole again at the end
        patch.setenv("COURSE_DATA_DIR", folder)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def plain_environment(monkeypatch, own_data):
    """Only the data folder is set, and the backend if Keras runs on it already."""
    if "keras" not in sys.modules:
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return monkeypatch


@pytest.fixture(scope="session")
def bwrap():
    """The grader's sandbox with bubblewrap."""
    from grading.sandbox import bubblewrap

    chosen = bubblewrap.choose(unsafe=True)
    if not chosen.is_isolated:
        pytest.skip(chosen.problem)
    return chosen


@pytest.fixture(scope="session")
def server(bwrap):
    """The grader's prefork server, without the frameworks, which take long."""
    from tiny_homework import LIMITS, MODULES

    from grading.sandbox.prefork import PreforkServer

    with contextlib.closing(PreforkServer(bwrap, LIMITS, MODULES)) as server:
        yield server


@pytest.fixture
def run_again():
    """A function: runs tests of a file (as of `pytest -k`) on another backend, if it is there."""

    def run(file, chosen, backend):
        import keras

        if backend == keras.backend.backend():
            pytest.skip("this is the backend of the tests above")
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
        environment = {**os.environ, "KERAS_BACKEND": backend}
        command = [sys.executable, "-m", "pytest", "-q", str(file), "-k", chosen]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:]

    return run


@pytest.fixture(autouse=True)
def close_figures():
    """Figures of one test do not pile up for the next."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
