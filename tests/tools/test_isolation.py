"""The tests themselves: what the user has set or done before makes no difference to them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, notebook_environment

from grading import result_store
from utils import runtime
from utils.data.fetching import network, places, registry

ODD = {
    "COURSE_PROFILE": "full",
    "COURSE_REHEARSAL": "1",
    "COURSE_OFFLINE": "1",
    "COURSE_DATA_MIRROR": "/nowhere",
    "COURSE_OF_TOMORROW": "1",
}


@pytest.fixture(scope="module")
def environment_of_the_module():
    """What a fixture of a whole module sees, which is made before those of one test."""
    return dict(os.environ)


@pytest.mark.parametrize("number", [1, 2])
def test_only_an_empty_data_folder_is_set(number, environment_of_the_module):
    for environment in (os.environ, environment_of_the_module):
        assert [name for name in environment if name.startswith("COURSE_")] == ["COURSE_DATA_DIR"]
        assert not Path(environment["COURSE_DATA_DIR"]).is_relative_to(ROOT)
    folder = places.cache_folder()
    assert folder == Path(os.environ["COURSE_DATA_DIR"]).resolve() and list(folder.iterdir()) == []
    (folder / "left behind").touch()  # the second time, it is not there
    assert not network.offline_requested() and not runtime.rehearsing()


def test_what_the_user_has_set_makes_no_difference(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").touch()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    tests = subprocess.run(
        [*command, "-k", "data_folder or executed"],
        cwd=ROOT,
        env={**os.environ, **ODD, "COURSE_DATA_DIR": str(tmp_path / "mine")},
        capture_output=True,
        text=True,
    )
    assert tests.returncode == 0, tests.stdout[-3000:]
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["photo.jpg"]


def test_submissions_find_nothing_that_the_user_has_fetched(tmp_path, plain_environment):
    plain_environment.setattr(places, "DEFAULT_CACHE", tmp_path)
    name = next(iter(registry.registry_files()))
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).touch()
    assert result_store.data_files() == []


def test_a_notebook_is_executed_with_nothing_set_but_the_data(monkeypatch):
    for name, value in {**ODD, "KERAS_BACKEND": "jax", "MPLBACKEND": "agg"}.items():
        monkeypatch.setenv(name, value)
    environment = notebook_environment("here")
    names = ("COURSE_", "KERAS_BACKEND", "MPLBACKEND")
    variables = {name: value for name, value in environment.items() if name.startswith(names)}
    expected = {"COURSE_DATA_DIR": "here", "COURSE_OFFLINE": "1", "COURSE_STRICT": "1"}
    assert variables == expected


def test_a_plain_environment_can_start_a_lesson(plain_environment):
    """Whatever backend the tests run on: a lesson's setup cell must not contradict Keras."""
    keras = sys.modules.get("keras")
    assert os.environ.get("KERAS_BACKEND") in (None, keras and keras.backend.backend())
    assert not Path(os.environ["COURSE_DATA_DIR"]).is_relative_to(ROOT)
