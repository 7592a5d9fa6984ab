"""The lists of packages agree with each other."""

import ast
import importlib.metadata
import json
import re

import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.version import Version

from tools.authoring.rules import python_of


def requirements(name):
    """Package to version bounds, as in a requirements or constraints file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    lines = [line.split("#")[0].strip() for line in lines]
    parsed = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {package.name.lower().replace("_", "-"): package for package in parsed}


def test_conda_and_pip_ask_for_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [line["pip"] for line in environment["dependencies"] if isinstance(line, dict)]
    assert sorted(pip) == sorted(map(str, requirements("requirements.txt").values()))


def test_the_python_versions_agree():
    from utils import runtime

    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    script = (ROOT / "course.py").read_text(encoding="utf-8")
    lowest, beyond = runtime.PYTHON_VERSIONS
    assert f"python>={lowest[0]}.{lowest[1]},<{beyond[0]}.{beyond[1]}" in environment
    assert f"LOWEST, BEYOND = {lowest}, {beyond}" in script


@pytest.mark.parametrize("constraints", ["newest.txt", "colab.txt"])
def test_the_locks_pin_every_requirement_within_its_bounds(constraints):
    pins = {}
    for line in (ROOT / "constraints" / constraints).read_text(encoding="utf-8").splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line)
        if match:
            name = match[1].lower().replace("_", "-")
            pins.setdefault(name, []).append(Version(match[2]))
    wanted = {**requirements("requirements.txt"), **requirements("requirements-dev.txt")}
    for name, requirement in wanted.items():
        assert name in pins, f"{constraints} does not pin {name}; run make lock"
        for version in pins[name]:
            assert version in requirement.specifier, f"{constraints}: {name} {version}"


def test_the_colab_lock_holds_what_colab_has():
    frozen = requirements("constraints/colab.in")
    locked = requirements("constraints/colab.txt")
    for name, requirement in frozen.items():
        if name in locked:
            assert str(locked[name].specifier) == str(requirement.specifier)
    assert {"tensorflow", "keras", "jax", "numpy", "ipykernel"} <= set(locked)


# Optional in lesson 05; a part of TensorFlow, of Sphinx, and of distributed.
COME_WITH_OTHERS = {"torch", "ml-dtypes", "docutils", "dask"}


def imported_packages(folder):
    """Return the packages of others that the scripts or notebooks of a folder import."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("*.py")]
    for path in (ROOT / folder).rglob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources += [python_of("".join(c["source"])) for c in cells if c["cell_type"] == "code"]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module and not n.level]
    packages = importlib.metadata.packages_distributions()
    tops = {name.partition(".")[0] for name in names}
    found = {packages[top][0] for top in tops if top in packages} | (tops & {"torch"})
    return {name.lower().replace("_", "-") for name in found}


@pytest.mark.parametrize("folder", ["notebooks", "utils", "grading", "tools", "tests"])
def test_what_is_imported_is_declared(folder):
    declared = set(requirements("requirements.txt"))
    if folder in ("grading", "tools", "tests"):  # the cluster, the site, the tests
        declared |= set(requirements("requirements-dev.txt")) | set(
            requirements("requirements-site.txt")
        )
    assert imported_packages(folder) - declared - COME_WITH_OTHERS == set()
