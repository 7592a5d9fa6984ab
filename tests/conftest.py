"""What the tests share: the repository's root on the path, and an environment of their own."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import check, matrix  # noqa: E402
from tools.execute import default_jobs  # noqa: E402

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
    "KERAS_BACKEND",
)
LESSONS = [path for path in check.notebook_paths() if path.parent.name == "notebooks"]


def notebook_environment(cache, mirror=""):
    """The variables of somebody who executes a notebook and has set nothing for the course.

    cache: the folder of the data; without a mirror, a notebook there is offline.
    """
    unset = (*COURSE_VARIABLES, "MPLBACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"COURSE_DATA_DIR": str(cache), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
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
    """What became of the lessons, as a table, and remembered for `python -m tools.matrix`."""
    runs = []
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            # A module that is skipped as a whole has a report without properties.
            lesson = dict(getattr(report, "user_properties", ())).get("lesson")
            if lesson and (report.when == "call" or outcome != "passed"):
                kept = "failed" if outcome == "error" else outcome
                runs.append({**lesson, "outcome": kept, "seconds": report.duration})
    if runs:
        name = config.getoption("environment_name")
        matrix.remember(name, runs)
        terminalreporter.section("lessons")
        terminalreporter.write_line("\n".join(matrix.as_table({name: runs})))


@pytest.fixture
def plain_environment(monkeypatch):
    """No variable of the course set, whatever the tests were started with."""
    for name in COURSE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


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
