"""The packages that a lesson needs: which are missing, and how to install them."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from utils.environment import ROOT

PYTHON_VERSIONS = ((3, 11), (3, 14))  # from, up to but not including

# A hosted service's packages are tuned to its drivers and its notebook server, so installing
# something that is missing must never change their versions.
_NEVER_MOVED = ("ipykernel", "ipython", "jax", "jaxlib", "keras", "numpy", "tensorflow", "torch")

# Needed to open or execute a notebook, not inside it.
_NOT_IN_KERNEL = ("jupyter", "nbconvert", "ipykernel", "psutil")
_NOT_IN_KERNEL += ("bleach", "jinja2", "jupyter_client", "markupsafe", "nbclient", "nbformat")
_NOT_IN_KERNEL += ("pyzmq", "rich", "traitlets")


def host() -> str:
    """Return the service that the notebook runs on: "Colab", "Kaggle", "Binder" or "local"."""
    if "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules:
        return "Colab"
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return "Kaggle"
    return "Binder" if "BINDER_SERVICE_HOST" in os.environ else "local"


def check_python() -> None:
    """Raise RuntimeError if the course does not run on this version of Python."""
    lowest, beyond = PYTHON_VERSIONS
    if not lowest <= sys.version_info[:2] < beyond:
        raise RuntimeError(
            f"This is Python {platform.python_version()}; the course runs on Python "
            f"{lowest[0]}.{lowest[1]} to {beyond[0]}.{beyond[1] - 1}. Choose another kernel "
            "(Kernel → Change kernel), or set the course up again: python course.py run."
        )


def required_packages() -> list[str]:
    """Return the lines of `requirements.txt` that a running notebook needs."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    lines = [line.split("#")[0].strip() for line in lines]
    return [line for line in lines if line and _name(line) not in _NOT_IN_KERNEL]


def missing_packages() -> list[str]:
    """Return the lines of `requirements.txt` for which nothing is installed.

    TensorFlow does not count as missing where JAX can take its place.
    """
    missing = [line for line in required_packages() if not _version(_name(line))]
    if importable("tensorflow") or importable("jax"):
        missing = [line for line in missing if _name(line) != "tensorflow"]
    return missing


def install_missing() -> None:
    """Install the missing packages on a hosted service, and change nothing that is there already.

    Raises:
        ImportError: Packages are missing on your own machine, where nothing is installed unasked,
            or the installation failed.
    """
    missing = missing_packages()
    if not missing:
        return
    names = ", ".join(_name(line) for line in missing)
    if host() == "local":
        raise ImportError(
            f"Missing here: {names}. The kernel's Python is {sys.executable}. Either choose the "
            "course's own kernel, or install into this one with\n"
            f'    "{sys.executable}" -m pip install -r "{ROOT / "requirements.txt"}"\n'
            "then restart the kernel and run this cell again."
        )
    print(f"Installing what {host()} does not have: {names} …")
    pins = [f"{name}=={_version(name)}" for name in _NEVER_MOVED if _version(name)]
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(pins), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "-q", "-c", str(constraints), *missing]
        pip = subprocess.run(command, capture_output=True, text=True)
    if pip.returncode != 0:
        hint = "Kaggle: Settings → Internet on. " if host() == "Kaggle" else ""
        raise ImportError(
            f"pip could not install {names}. {hint}It ended with:\n{pip.stderr[-800:].strip()}"
        )
    importlib.invalidate_caches()


def importable(module: str) -> bool:
    """Return whether a module is installed or already imported."""
    return module in sys.modules or importlib.util.find_spec(module) is not None


def _name(requirement: str) -> str:
    """Return the bare name in a line such as `numpy>=1.26`."""
    return re.match(r"[\w.-]+", requirement)[0]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
