"""Where a lesson runs: backend, device, profile, and the words a student reads about them."""

import importlib.metadata
import os
import subprocess
import sys
import types

import pytest
from conftest import ROOT

from utils import runtime

LINES = ["numpy>=1", "no-such-thing>=2"]  # of requirements.txt: one is there, one is missing


@pytest.fixture
def installed(plain_environment):
    """Sets which modules can be imported, and that Keras has not been yet."""

    def choose(*names):
        plain_environment.setattr(runtime, "_importable", lambda name: name in names)

    plain_environment.delitem(sys.modules, "keras", raising=False)
    plain_environment.delenv("KERAS_BACKEND", raising=False)
    return choose


@pytest.mark.parametrize(
    ("there", "chosen"),
    [(("tensorflow", "jax"), "tensorflow"), (("tensorflow",), "tensorflow"), (("jax",), "jax")],
)
def test_tensorflow_first_jax_where_there_is_none(installed, there, chosen):
    installed(*there)
    assert runtime.choose_backend() == os.environ["KERAS_BACKEND"] == chosen


def test_your_own_choice_of_backend_stays(installed, monkeypatch):
    installed("tensorflow", "jax")
    monkeypatch.setenv("KERAS_BACKEND", "JAX")
    assert runtime.choose_backend() == os.environ["KERAS_BACKEND"] == "jax"


def test_a_mistyped_backend_is_told(installed, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflwo")
    with pytest.raises(ValueError, match="Did you mean tensorflow"):
        runtime.choose_backend()


def test_a_backend_that_is_not_installed_is_told(installed, monkeypatch):
    installed("tensorflow")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(RuntimeError, match="pip install jax"):
        runtime.choose_backend()


def test_no_backend_at_all_is_told(installed):
    installed()
    with pytest.raises(RuntimeError, match="Neither TensorFlow nor JAX"):
        runtime.choose_backend()


def test_keras_already_on_another_backend_is_told(installed, monkeypatch):
    installed("tensorflow", "jax")
    keras = types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: "jax"))
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(RuntimeError, match="restart the kernel"):
        runtime.choose_backend()


@pytest.mark.parametrize(("kind", "profile"), [("CPU", "quick"), ("GPU", "full"), ("TPU", "full")])
def test_the_profile_follows_the_device(plain_environment, kind, profile):
    plain_environment.setattr(runtime, "device", lambda: runtime.Device(kind, "x"))
    assert runtime.profile() == profile
    assert runtime.by_profile(quick="quick", full="full") == profile


def test_the_profile_can_be_chosen(plain_environment):
    plain_environment.setattr(runtime, "device", lambda: runtime.Device("GPU", "x"))
    plain_environment.setenv("COURSE_PROFILE", " Quick ")
    assert runtime.profile() == "quick"


def test_a_mistyped_profile_stops_the_first_cell(plain_environment):
    plain_environment.setenv("COURSE_PROFILE", "quik")
    with pytest.raises(ValueError, match=r"'quik'.*quick or full.*Did you mean quick"):
        runtime.prepare()


def test_missing_packages_at_home_say_what_to_type(plain_environment):
    plain_environment.setattr(
        runtime, "required_packages", lambda: ["numpy>=1", "no-such-thing>=2"]
    )
    plain_environment.setattr(runtime, "host", lambda: "local")
    with pytest.raises(ImportError, match=r"Missing here: no-such-thing.*\n.*-m pip install -r"):
        runtime.install_missing()


def test_colab_gets_only_what_is_missing_and_keeps_its_versions(plain_environment, capsys):
    calls = []

    def pip(command, **options):
        constraints = command[command.index("-c") + 1]
        with open(constraints, encoding="utf-8") as file:
            calls.append((command[command.index("-c") + 2 :], file.read().split()))
        return subprocess.CompletedProcess(command, 0, "", "")

    plain_environment.setattr(
        runtime, "required_packages", lambda: ["numpy>=1", "no-such-thing>=2"]
    )
    plain_environment.setattr(runtime, "host", lambda: "Colab")
    plain_environment.setattr(subprocess, "run", pip)
    runtime.install_missing()
    ((asked, pinned),) = calls
    assert asked == ["no-such-thing>=2"]
    assert f"numpy=={importlib.metadata.version('numpy')}" in pinned
    assert f"ipykernel=={importlib.metadata.version('ipykernel')}" in pinned
    assert "no-such-thing" in capsys.readouterr().out


def test_a_failed_installation_quotes_pip(plain_environment):
    plain_environment.setattr(runtime, "required_packages", lambda: ["no-such-thing>=2"])
    plain_environment.setattr(runtime, "host", lambda: "Kaggle")
    answer = subprocess.CompletedProcess([], 1, "", "no network")
    plain_environment.setattr(subprocess, "run", lambda *args, **options: answer)
    with pytest.raises(ImportError, match=r"Internet on[\s\S]*no network"):
        runtime.install_missing()


def test_tensorflow_is_not_missing_where_jax_is(plain_environment):
    plain_environment.setattr(runtime, "required_packages", lambda: ["tensorflow>=2.18"])
    plain_environment.setattr(runtime, "_importable", lambda name: name == "jax")
    assert runtime.missing_packages() == []
    plain_environment.setattr(runtime, "_importable", lambda name: False)
    assert runtime.missing_packages() == ["tensorflow>=2.18"]


def test_what_only_opens_notebooks_is_not_required_inside_them():
    names = {runtime._distribution(line) for line in runtime.required_packages()}
    assert {"keras", "numpy", "matplotlib"} <= names
    assert not names & {"jupyter", "nbconvert", "ipykernel"}


@pytest.mark.parametrize(
    ("service", "kind", "words"),
    [
        ("Colab", "CPU", "Runtime → Change runtime type → T4 GPU"),
        ("Kaggle", "CPU", "Settings → Accelerator"),
        ("Colab", "GPU", None),
        ("local", "CPU", None),
    ],
)
def test_on_a_hosted_cpu_the_way_to_a_gpu_is_told(monkeypatch, service, kind, words):
    monkeypatch.setattr(runtime, "host", lambda: service)
    monkeypatch.setattr(runtime, "device", lambda: runtime.Device(kind, "x"))
    advice = runtime.accelerator_advice()
    assert advice is None if words is None else words in advice


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_banner_says_it_all_and_the_start_is_quiet(backend, tmp_path):
    program = (
        "from utils import runtime\n"
        "runtime.prepare()\n"
        "import keras\n"
        "runtime.set_seed(3)\n"
        "first = float(keras.random.normal(()))\n"
        "runtime.set_seed(3)\n"
        "assert float(keras.random.normal(())) == first\n"
        "runtime.banner(quick_minutes=0.5, full_minutes=3)\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    environment |= {"COURSE_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    version = importlib.metadata.version(backend)
    for words in (
        "Device   CPU",
        {"tensorflow": "TensorFlow", "jax": "JAX"}[backend] + f" {version}",
        f"Keras {importlib.metadata.version('keras')}",
        "Profile  quick",
        "about 30 seconds",
        "COURSE_OFFLINE is set",
    ):
        assert words in done.stdout


def test_what_loading_says_is_shown_when_it_fails(capfd):
    with pytest.raises(RuntimeError), runtime.quiet_start():
        os.write(2, b"the reason")
        raise RuntimeError
    assert "the reason" in capfd.readouterr().err
    with runtime.quiet_start():
        os.write(2, b"chatter")
    assert capfd.readouterr().err == ""
