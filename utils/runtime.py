"""Where a lesson runs: backend, device, profile, seeds, and the banner that says so.

The setup cell of every notebook calls `prepare` before Keras is imported; the cell after it calls
`banner`. Both work on TensorFlow and, where there is no TensorFlow (Colab's TPU runtime), on JAX.
"""

import contextlib
import difflib
import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from typing import TypeVar

from utils.environment import ROOT, install, rehearsal
from utils.environment.device import Device, backend, cores, device
from utils.environment.install import PYTHON_VERSIONS, host

__all__ = ["PYTHON_VERSIONS", "ROOT", "Device", "backend", "cores", "device", "host"]

NAMES = {"tensorflow": "TensorFlow", "jax": "JAX"}
PROFILES = ("quick", "full")

Value = TypeVar("Value")


def prepare() -> None:
    """Make this kernel ready for a lesson: required packages, then the Keras backend.

    Call it before `import keras`. On a hosted service, missing packages are installed and those
    that are there stay as they are; at home, a missing package is an error that says what to type.

    Raises:
        ImportError: Packages are missing and this is not a hosted service.
        RuntimeError: The Python version is not supported, no backend is installed, or Keras has
            already been imported with another backend.
        ValueError: `KERAS_BACKEND`, `COURSE_PROFILE` or `COURSE_REHEARSAL` has an unknown value.
    """
    install.check_python()
    install.install_missing()
    choose_backend()
    _requested_profile()  # a mistyped profile should stop the first cell, not the tenth
    rehearsing()
    with quiet_start():
        device()
        if install.importable("tensorflow"):
            # On JAX too: Keras looks at it in `fit`, to see whether it was given a tf.data dataset.
            importlib.import_module("tensorflow")
        if rehearsing():
            rehearsal.begin()


def choose_backend() -> str:
    """Set `KERAS_BACKEND` (unless you did): TensorFlow, or JAX where there is no TensorFlow.

    Returns:
        The backend's name: "tensorflow" or "jax".
    """
    chosen = _choice("KERAS_BACKEND", tuple(NAMES))
    if chosen and not install.importable(chosen):
        raise RuntimeError(
            f"KERAS_BACKEND asks for {chosen}, which is not installed in {sys.executable}. "
            f"Install it (pip install {chosen}), or unset KERAS_BACKEND; then restart the kernel."
        )
    chosen = chosen or next(filter(install.importable, NAMES), None)
    if not chosen:
        raise RuntimeError(
            "Neither TensorFlow nor JAX is installed, and Keras needs one of them. "
            f'Install one, for example: "{sys.executable}" -m pip install tensorflow'
        )
    if "keras" in sys.modules and backend() != chosen:
        raise RuntimeError(
            f"Keras already runs on {backend()} in this kernel, and a backend cannot be changed "
            f"once Keras is imported. To use {chosen}, restart the kernel and run the setup cell "
            "first."
        )
    os.environ["KERAS_BACKEND"] = chosen
    # Silence the frameworks' start-up chatter, and let several notebooks share one GPU:
    # both take all of its memory otherwise. Whatever you set yourself stays.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    return chosen


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back what the frameworks' native code writes to stderr while they load.

    TensorFlow reports every missing GPU library there, before its own settings apply, and a
    student would take that for an error. If loading fails, everything is shown after all.
    """
    sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # there is no such stream, so there is nothing to hold back
        yield
        return
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            if failed:
                chatter.seek(0)
                print(chatter.read().decode(errors="replace"), file=sys.stderr)


def profile() -> str:
    """Return the profile of this run: "quick" or "full".

    `COURSE_PROFILE` decides; without it, full on a GPU or TPU and quick on a CPU. A rehearsal is
    always one of profile full.
    """
    if rehearsing():
        return "full"
    return _requested_profile() or ("full" if device().is_accelerator else "quick")


def by_profile(*, quick: Value, full: Value) -> Value:
    """Return one of two values, by profile: `epochs = by_profile(quick=4, full=20)`."""
    return quick if profile() == "quick" else full


def steps(*, quick: int, full: int) -> int:
    """Return the length of a training loop written by hand: `by_profile`, but few in a rehearsal.

    Example:
        `for step in range(runtime.steps(quick=300, full=2000)):`
    """
    number = by_profile(quick=quick, full=full)
    return min(number, rehearsal.MOST_STEPS) if rehearsing() else number


def rehearsing() -> bool:
    """Return whether `COURSE_REHEARSAL` asks for profile full with hardly any training.

    Raises:
        ValueError: It is set to something other than 1 or 0.
    """
    requested = os.environ.get("COURSE_REHEARSAL", "").strip()
    if requested not in ("", "0", "1"):
        raise ValueError(
            f"COURSE_REHEARSAL is {requested!r}; write 1 to rehearse profile full, or unset it, "
            "and restart the kernel."
        )
    return requested == "1"


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and the backend. Results still differ a little between machines."""
    import keras

    keras.utils.set_random_seed(seed)


def banner(
    *,
    quick_minutes: float,
    full_minutes: float | None = None,
    parts: dict[str, str] | None = None,
) -> None:
    """Print what this lesson runs on and how long it will take.

    Args:
        quick_minutes: How long the lesson takes in profile quick, on two CPU cores.
        full_minutes: How long it took in profile full, on an NVIDIA H200 (benchmarks/RESULTS.md);
            None if it has not been run to its end there.
        parts: For a lesson that needs more than its own backend: a package's name, and what is
            left out without it, such as `{"jax": "several devices"}`.
    """
    versions = [f"{NAMES[backend()]} {_version(backend())}"]
    versions += [f"Keras {_version('keras')}", f"NumPy {_version('numpy')}"]
    rows = [
        ("Device", str(device())),
        ("Backend", ", ".join([*versions, f"Python {platform.python_version()}"])),
        ("Profile", _profile_reason()),
        ("Time", _expected_time(quick_minutes, full_minutes)),
        ("Data", _data_order()),
    ]
    for module, part in (parts or {}).items():
        if not install.importable(module):
            rows.append(("Left out", f"{part} ({NAMES.get(module, module)} is not installed)"))
    if advice := accelerator_advice():
        rows.append(("Hint", advice))
    for name, text in rows:
        print(f"{name:<8} {text}")


def accelerator_advice() -> str | None:
    """Return how to switch on a GPU where a menu does that, or None."""
    if device().is_accelerator:
        return None
    if host() == "Colab":
        return (
            "this runtime has no GPU. Runtime → Change runtime type → T4 GPU → Save, then run "
            "the notebook again from the top; it is free, and the profile becomes full."
        )
    if host() == "Kaggle":
        return "this session has no GPU. Settings → Accelerator → GPU T4, then run all again."
    return None


def _choice(variable: str, choices: tuple[str, ...]) -> str | None:
    """Return what an environment variable is set to, in lower case, or None."""
    requested = os.environ.get(variable, "").strip().lower()
    if requested and requested not in choices:
        near = difflib.get_close_matches(requested, choices, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"{variable} is {requested!r}; it can be {' or '.join(choices)}.{hint} Correct or "
            "unset it and restart the kernel."
        )
    return requested or None


def _requested_profile() -> str | None:
    return _choice("COURSE_PROFILE", PROFILES)


def _version(module: str) -> str:
    return getattr(importlib.import_module(module), "__version__", "of unknown version")


def _profile_reason() -> str:
    if rehearsing():
        return "full, as a rehearsal: hardly any training, so the results below mean nothing"
    if _requested_profile():
        return f"{profile()} (set by COURSE_PROFILE)"
    if profile() == "full":
        return "full (an accelerator was found; COURSE_PROFILE=quick for a short run)"
    return "quick (no accelerator was found; COURSE_PROFILE=full for the long run)"


def _expected_time(quick_minutes: float, full_minutes: float | None) -> str:
    if profile() == "quick":
        return f"about {_minutes(quick_minutes)} on two CPU cores"
    if full_minutes is None:
        return "has not been measured in profile full; COURSE_PROFILE=quick for the short run"
    where = "longer on a smaller one" if device().is_accelerator else "many times that on a CPU"
    return f"{_minutes(full_minutes)} on an H200 GPU, {where}"


def _minutes(number: float) -> str:
    if number < 1:
        return f"{round(number * 60)} seconds"
    return "a minute" if number == 1 else f"{number:g} minutes"


def _data_order() -> str:
    # Imported here, because they need packages that `prepare` looks for first.
    from utils.data.fetching import network, places

    offline = network.offline_requested()
    order = ["cache", places.mirror_in_words(), None if offline else "official source"]
    text = ", then ".join([*filter(None, order), "bundled sample"])
    return f"{text} (COURSE_OFFLINE is set: no network)" if offline else text
