"""Where a lesson runs: packages, backend, device, profile, and what the banner says of them."""

import importlib.metadata
import os
import subprocess
import sys
import types

import pytest
from conftest import ROOT

from utils import runtime
from utils.environment import install


@pytest.fixture
def importable(plain_environment):
    """Return a function that sets which modules can be imported; Keras has not been yet."""

    def choose(*names):
        plain_environment.setattr(install, "importable", lambda name: name in names)

    plain_environment.delitem(sys.modules, "keras", raising=False)
    plain_environment.delenv("KERAS_BACKEND", raising=False)
    return choose


@pytest.mark.parametrize(
    ("modules", "variable", "backend"),
    [
        (("tensorflow", "jax"), "", "tensorflow"),
        (("jax",), "", "jax"),
        (("tensorflow", "jax"), "JAX", "jax"),
    ],
)
def test_tensorflow_first_unless_you_or_the_machine_say_otherwise(
    importable, monkeypatch, modules, variable, backend
):
    importable(*modules)
    monkeypatch.setenv("KERAS_BACKEND", variable)
    assert runtime.choose_backend() == os.environ["KERAS_BACKEND"] == backend


@pytest.mark.parametrize(
    ("modules", "variable", "loaded", "error", "message"),
    [
        (("tensorflow",), "tensorflwo", None, ValueError, "Did you mean tensorflow"),
        (("tensorflow",), "jax", None, RuntimeError, "pip install jax"),
        ((), "", None, RuntimeError, "Neither TensorFlow nor JAX"),
        (("tensorflow", "jax"), "", "jax", RuntimeError, "restart the kernel"),
    ],
)
def test_why_a_backend_cannot_be_chosen(
    importable, monkeypatch, modules, variable, loaded, error, message
):
    importable(*modules)
    monkeypatch.setenv("KERAS_BACKEND", variable)
    if loaded:
        keras = types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: loaded))
        monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(error, match=message):
        runtime.choose_backend()


@pytest.mark.parametrize(
    ("kind", "variable", "profile"),
    [("CPU", "", "quick"), ("GPU", "", "full"), ("GPU", " Quick ", "quick")],
)
def test_the_profile_follows_the_device_unless_it_is_chosen(
    plain_environment, kind, variable, profile
):
    plain_environment.setattr(runtime, "device", lambda: runtime.Device(kind, "x"))
    plain_environment.setenv("COURSE_PROFILE", variable)
    assert runtime.profile() == runtime.by_profile(quick="quick", full="full") == profile


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("COURSE_PROFILE", "quik", "'quik'.*quick or full.*Did you mean quick"),
        ("COURSE_REHEARSAL", "yes", "COURSE_REHEARSAL is 'yes'; write 1"),
    ],
)
def test_a_mistyped_variable_stops_the_first_cell(plain_environment, variable, value, message):
    plain_environment.setenv(variable, value)
    with pytest.raises(ValueError, match=message):
        runtime.prepare()


def test_colab_gets_only_what_is_missing_and_keeps_its_versions(plain_environment, capsys):
    calls = []

    def pip(command, **options):
        constraints = command[command.index("-c") + 1]
        with open(constraints, encoding="utf-8") as file:
            calls.append((command[command.index("-c") + 2 :], file.read().split()))
        return subprocess.CompletedProcess(command, 0, "", "")

    plain_environment.setattr(install, "required_packages", lambda: ["numpy>=1", "no-such>=2"])
    plain_environment.setattr(install, "host", lambda: "Colab")
    plain_environment.setattr(subprocess, "run", pip)
    install.install_missing()
    ((packages, pins),) = calls
    assert packages == ["no-such>=2"]
    for name in ("numpy", "ipykernel"):
        assert f"{name}=={importlib.metadata.version(name)}" in pins
    assert "no-such" in capsys.readouterr().out


def test_what_cannot_be_installed_is_named_with_what_to_do(plain_environment):
    plain_environment.setattr(install, "required_packages", lambda: ["numpy>=1", "no-such>=2"])
    plain_environment.setattr(install, "host", lambda: "local")
    with pytest.raises(ImportError, match=r"Missing here: no-such\.(.|\n)*-m pip install -r"):
        install.install_missing()
    plain_environment.setattr(install, "host", lambda: "Kaggle")
    failure = subprocess.CompletedProcess([], 1, "", "no network")
    plain_environment.setattr(subprocess, "run", lambda *args, **options: failure)
    with pytest.raises(ImportError, match=r"Internet on[\s\S]*no network"):
        install.install_missing()


def test_tensorflow_is_not_missing_where_jax_is(importable, monkeypatch):
    def not_installed(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", not_installed)
    monkeypatch.setattr(install, "required_packages", lambda: ["tensorflow>=2.18"])
    importable("jax")
    assert install.missing_packages() == []
    importable()
    assert install.missing_packages() == ["tensorflow>=2.18"]


@pytest.mark.parametrize(("backend", "name"), [("tensorflow", "TensorFlow"), ("jax", "JAX")])
def test_the_banner_says_it_all_and_the_start_is_quiet(backend, name, tmp_path):
    program = (
        "from utils import runtime\n"
        "runtime.prepare()\n"
        "import keras\n"
        "runtime.set_seed(3)\n"
        "first = float(keras.random.normal(()))\n"
        "runtime.set_seed(3)\n"
        "assert float(keras.random.normal(())) == first\n"
        "runtime.banner(quick_minutes=0.5, full_minutes=3, parts={'no_such': 'the rest'})\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    environment |= {"COURSE_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    lesson = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert (lesson.returncode, lesson.stderr) == (0, "")
    for words in (
        "Device   CPU",
        f"{name} {importlib.metadata.version(backend)}",
        f"Keras {importlib.metadata.version('keras')}",
        "Profile  quick",
        "about 30 seconds",
        "COURSE_OFFLINE is set",
        "Left out the rest (no_such is not installed)",
    ):
        assert words in lesson.stdout


def test_what_loading_writes_is_shown_only_when_it_fails(capfd):
    with pytest.raises(RuntimeError), runtime.quiet_start():
        os.write(2, b"the reason")
        raise RuntimeError
    assert "the reason" in capfd.readouterr().err
    with runtime.quiet_start():
        os.write(2, b"chatter")
    assert capfd.readouterr().err == ""
