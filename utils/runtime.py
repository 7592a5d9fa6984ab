"""Where a lesson runs: backend, device, profile, seeds, and the banner that says so.

The setup cell of every notebook calls `prepare` before Keras is imported; the cell after it calls
`banner`. Both work on TensorFlow and, where there is no TensorFlow (Colab's TPU runtime), on JAX.
"""

import contextlib
import dataclasses
import difflib
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
PROFILES = ("quick", "full")
BACKENDS = ("tensorflow", "jax", "torch")
PYTHON_VERSIONS = ((3, 11), (3, 14))  # from, up to but not including

# What a hosted service ships is tuned to its drivers and its notebook server, so an
# installation of something missing must never move these.
_NEVER_MOVED = ("ipykernel", "ipython", "jax", "jaxlib", "keras", "numpy", "tensorflow", "torch")

# Needed to open or execute a notebook, not inside it: the kernel that runs this line has them
# or does without.
_NOT_IN_KERNEL = ("jupyter", "nbconvert", "ipykernel", "psutil")


@dataclasses.dataclass(frozen=True)
class Device:
    """What the backend computes on: `kind` is "CPU", "GPU" or "TPU"; `count` devices of it."""

    kind: str
    name: str
    count: int = 1

    @property
    def is_accelerator(self):
        """True on a GPU or a TPU."""
        return self.kind != "CPU"

    def __str__(self):
        times = f" ×{self.count}" if self.count > 1 else ""
        return f"{self.kind}{times} ({self.name})"


def host():
    """The service that the notebook runs on: "Colab", "Kaggle", "Binder" or "local"."""
    if "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules:
        return "Colab"
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return "Kaggle"
    if "BINDER_SERVICE_HOST" in os.environ:
        return "Binder"
    return "local"


def prepare():
    """Makes this kernel ready for a lesson: required packages, then the Keras backend.

    Call it before `import keras`. On a hosted service, packages that are missing are installed and
    nothing that is there is moved; at home a missing package is an error that says what to type.

    Raises:
        ImportError: packages are missing and this is not a hosted service.
        RuntimeError: the Python version is not supported, no backend is installed, or Keras was
            imported before with another backend.
        ValueError: `KERAS_BACKEND`, `COURSE_PROFILE` or `COURSE_REHEARSAL` holds something unknown.
    """
    _check_python()
    install_missing()
    choose_backend()
    _requested_profile()  # a mistyped profile should stop the first cell, not the tenth
    rehearsing()
    with quiet_start():
        device()
        if _importable("tensorflow"):
            # On JAX too: Keras looks at it in `fit`, to see whether it was given a tf.data dataset.
            importlib.import_module("tensorflow")
        if rehearsing():
            from utils.environment import rehearsal  # not at the top: nobody else needs it

            rehearsal.begin()


def _check_python():
    lowest, beyond = PYTHON_VERSIONS
    if not lowest <= sys.version_info[:2] < beyond:
        raise RuntimeError(
            f"This is Python {platform.python_version()}; the course runs on Python "
            f"{lowest[0]}.{lowest[1]} to {beyond[0]}.{beyond[1] - 1}. Choose another kernel "
            "(Kernel → Change kernel), or set the course up again: python course.py run."
        )


def required_packages():
    """Names of the distributions in `requirements.txt` that a running notebook imports."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    lines = [line.split("#")[0].strip() for line in lines]
    return [line for line in lines if line and _distribution(line) not in _NOT_IN_KERNEL]


def _distribution(requirement):
    """The bare name in a line such as `numpy>=1.26`."""
    for mark in "<>=!~;[ ":
        requirement = requirement.split(mark)[0]
    return requirement


def missing_packages():
    """The lines of `requirements.txt` for which nothing is installed.

    TensorFlow does not count as missing where JAX can take its place.
    """
    missing = []
    for requirement in required_packages():
        name = _distribution(requirement)
        if name == "tensorflow":
            absent = not (_importable("tensorflow") or _importable("jax"))
        else:
            absent = not _installed(name)
        if absent:
            missing.append(requirement)
    return missing


def _installed(distribution):
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _importable(module):
    if module in sys.modules:
        return True
    return importlib.util.find_spec(module) is not None


def install_missing():
    """Installs on a hosted service what `missing_packages` names, and only that.

    Raises:
        ImportError: something is missing on a machine of your own, where this does not install
            anything by itself, or the installation failed.
    """
    missing = missing_packages()
    if not missing:
        return
    names = ", ".join(_distribution(line) for line in missing)
    if host() == "local":
        raise ImportError(
            f"Missing here: {names}. The kernel's Python is {sys.executable}. Either choose the "
            "course's own kernel, or install into this one with\n"
            f'    "{sys.executable}" -m pip install -r "{ROOT / "requirements.txt"}"\n'
            "then restart the kernel and run this cell again."
        )
    print(f"Installing what {host()} does not have: {names} …")
    pins = [f"{name}=={_version(name)}" for name in _NEVER_MOVED if _installed(name)]
    with tempfile.TemporaryDirectory() as folder:
        constraints = pathlib.Path(folder, "constraints.txt")
        constraints.write_text("\n".join(pins), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "-q", "-c", str(constraints), *missing]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        hint = "Kaggle: Settings → Internet on. " if host() == "Kaggle" else ""
        raise ImportError(
            f"pip could not install {names}. {hint}Its last words:\n{done.stderr[-800:].strip()}"
        )
    importlib.invalidate_caches()


def _version(distribution):
    return importlib.metadata.version(distribution)


def choose_backend():
    """Sets `KERAS_BACKEND` (unless you did): TensorFlow, or JAX where there is no TensorFlow.

    Returns:
        The backend's name: "tensorflow", "jax" or "torch".
    """
    wanted = os.environ.get("KERAS_BACKEND", "").strip().lower()
    if wanted and wanted not in BACKENDS:
        raise ValueError(
            f"KERAS_BACKEND is {wanted!r}; Keras knows {', '.join(BACKENDS)}."
            f"{_did_you_mean(wanted, BACKENDS)} Correct or unset it and restart the kernel."
        )
    if wanted and not _importable(wanted):
        raise RuntimeError(
            f"KERAS_BACKEND asks for {wanted}, which is not installed in {sys.executable}. "
            f"Install it (pip install {wanted}), or unset KERAS_BACKEND; then restart the kernel."
        )
    if not wanted:
        found = [name for name in ("tensorflow", "jax") if _importable(name)]
        if not found:
            raise RuntimeError(
                "Neither TensorFlow nor JAX is installed, and Keras needs one of them. "
                f'Install one, for example: "{sys.executable}" -m pip install tensorflow'
            )
        wanted = found[0]
    if "keras" in sys.modules:
        active = sys.modules["keras"].backend.backend()
        if active != wanted:
            raise RuntimeError(
                f"Keras already runs on {active} in this kernel, and a backend cannot be "
                f"changed once Keras is imported. To use {wanted}, restart the kernel and run "
                "the setup cell first."
            )
    os.environ["KERAS_BACKEND"] = wanted
    # Silence the frameworks' start-up chatter, and let several notebooks share one GPU:
    # both take all of its memory otherwise. Whatever you set yourself stays.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    return wanted


@contextlib.contextmanager
def quiet_start():
    """Holds back what the frameworks' native code writes to stderr while they load.

    TensorFlow reports every missing GPU library there, before its own settings apply, and a
    student takes that for an error. Should loading fail, everything is shown after all.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no such stream here, so nothing to hold back
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            if failed:
                held.seek(0)
                print(held.read().decode(errors="replace"), file=sys.stderr)


def backend():
    """Name of the Keras backend in use: "tensorflow", "jax" or "torch"."""
    import keras

    return keras.backend.backend()


def device():
    """The device that the backend computes on, as a `Device`."""
    name = backend()
    if name == "tensorflow":
        return _tensorflow_device()
    if name == "jax":
        return _jax_device()
    import torch

    if torch.cuda.is_available():
        return Device("GPU", torch.cuda.get_device_name(0), torch.cuda.device_count())
    return _cpu()


def _tensorflow_device():
    import tensorflow as tf

    for kind in ("TPU", "GPU"):
        found = tf.config.list_physical_devices(kind)
        if found:
            details = tf.config.experimental.get_device_details(found[0])
            return Device(kind, details.get("device_name", kind), len(found))
    return _cpu()


def _jax_device():
    import jax

    found = jax.devices()
    kind = found[0].platform.upper()
    if kind == "CPU":
        return _cpu()
    kind = "GPU" if kind in ("CUDA", "ROCM") else kind
    return Device(kind, found[0].device_kind, len(found))


def _cpu():
    count = cores()
    return Device("CPU", f"{count} core{'s' if count != 1 else ''}")


def cores():
    """How many CPU cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _requested_profile():
    """What `COURSE_PROFILE` asks for, or None."""
    wanted = os.environ.get("COURSE_PROFILE", "").strip().lower()
    if wanted and wanted not in PROFILES:
        raise ValueError(
            f"COURSE_PROFILE is {wanted!r}; it can be quick or full."
            f"{_did_you_mean(wanted, PROFILES)} Correct or unset it and restart the kernel."
        )
    return wanted or None


def profile():
    """The profile of this run: "quick" or "full".

    `COURSE_PROFILE` decides; without it, full on a GPU or TPU and quick on a CPU. A rehearsal is
    one of profile full.
    """
    if rehearsing():
        return "full"
    return _requested_profile() or ("full" if device().is_accelerator else "quick")


def by_profile(*, quick, full):
    """One of two values, by profile: `epochs = by_profile(quick=4, full=20)`."""
    return quick if profile() == "quick" else full


def steps(*, quick, full):
    """How long a training loop written by hand runs: as `by_profile`, but few in a rehearsal.

    Example:
        `for step in range(runtime.steps(quick=300, full=2000)):`
    """
    return min(by_profile(quick=quick, full=full), 3 if rehearsing() else float("inf"))


def rehearsing():
    """Whether `COURSE_REHEARSAL` asks for profile full with hardly any training (see `rehearsal`).

    Raises:
        ValueError: it holds neither 1 nor 0.
    """
    wanted = os.environ.get("COURSE_REHEARSAL", "").strip()
    if wanted not in ("", "0", "1"):
        raise ValueError(
            f"COURSE_REHEARSAL is {wanted!r}; write 1 to rehearse profile full, or unset it, and "
            "restart the kernel."
        )
    return wanted == "1"


def set_seed(seed):
    """Seeds Python, NumPy and the backend. Results still differ a little between machines."""
    import keras

    keras.utils.set_random_seed(seed)


def banner(*, quick_minutes, full_minutes, parts=None):
    """Prints in one look what this lesson runs on and how long it will take.

    Args:
        quick_minutes: What the lesson takes in profile quick, on two CPU cores.
        full_minutes: What it took in profile full, on an NVIDIA H200 (benchmarks/RESULTS.md).
        parts: Of a lesson that needs more than the backend it runs on: a package's name, and what
            is left out without it. `{"jax": "several devices"}`
    """
    rows = [
        ("Device", str(device())),
        ("Backend", _versions()),
        ("Profile", _profile_reason()),
        ("Time", _expected_time(quick_minutes, full_minutes)),
        ("Data", _data_order()),
        *[("Left out", text) for text in _left_out(parts or {})],
    ]
    for name, text in rows:
        print(f"{name:<8} {text}")
    advice = accelerator_advice()
    if advice:
        print(f"{'Hint':<8} {advice}")


def _versions():
    parts = [f"{NAMES[backend()]} {_loaded_version(backend())}"]
    parts += [f"Keras {_loaded_version('keras')}", f"NumPy {_loaded_version('numpy')}"]
    parts.append(f"Python {platform.python_version()}")
    text = ", ".join(parts)
    if backend() == "torch":
        text += " (the course is tested on TensorFlow and JAX, not on PyTorch)"
    return text


def _left_out(parts):
    for module, part in parts.items():
        if importlib.util.find_spec(module) is None:
            yield f"{part} ({NAMES.get(module, module)} is not installed)"


def _loaded_version(module):
    return getattr(importlib.import_module(module), "__version__", "of unknown version")


def _profile_reason():
    name = profile()
    if rehearsing():
        return "full, as a rehearsal: hardly any training, so the results below mean nothing"
    if _requested_profile():
        return f"{name} (set by COURSE_PROFILE)"
    if name == "full":
        return "full (an accelerator was found; COURSE_PROFILE=quick for a short run)"
    return "quick (no accelerator was found; COURSE_PROFILE=full for the long run)"


def _expected_time(quick_minutes, full_minutes):
    if profile() == "quick":
        return f"about {_minutes(quick_minutes)} on two CPU cores"
    where = "longer on a smaller one" if device().is_accelerator else "many times that on a CPU"
    return f"{_minutes(full_minutes)} on an H200 GPU, {where}"


def _minutes(number):
    if number < 1:
        return f"{round(number * 60)} seconds"
    return "a minute" if number == 1 else f"{number:g} minutes"


def _data_order():
    from utils.data.fetching import (  # not at the top: they need packages that `prepare` looks for
        network,
        sources,
    )

    steps = ["cache"]
    offline = network.offline_requested()
    if mirror := sources.mirror_in_words():
        steps.append(mirror)
    if not offline:
        steps.append("official source")
    steps.append("bundled sample")
    text = ", then ".join(steps)
    return f"{text} (COURSE_OFFLINE is set: no network)" if offline else text


def accelerator_advice():
    """How to switch on a GPU where that is a matter of a menu, or None."""
    with contextlib.suppress(Exception):
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


def _did_you_mean(word, choices):
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else ""
