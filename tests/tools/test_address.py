"""The course's address: in one place, followed everywhere, changed by one command."""

import json
import re
import shutil
import subprocess

import pytest
from conftest import ROOT

from tools.authoring import address, check


@pytest.fixture
def copy(tmp_path):
    """A copy of what carries the address."""
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("notebooks", "tools"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    return tmp_path


def addresses_in(root):
    """Every repository that a badge or a setup cell under that folder names."""
    found = set()
    for path in address.files_with_addresses(root):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/", text))
        found |= set(
            re.findall(r"github\.com/([\w.-]+/[\w.-]+)/blob/[\w.-]+/notebooks/\S+\.md", text)
        )
        found |= set(re.findall(r"mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/", text))
        found |= set(re.findall(r"src=https://github\.com/([\w.-]+/[\w.-]+)/", text))
        found |= set(re.findall(r"github\.com/([\w.-]+/[\w.-]+)/archive/", text))
    return found


def test_everything_points_to_the_address_in_pyproject():
    repository, _ = address.address()
    assert addresses_in(ROOT) == {repository}


def test_one_command_moves_everything(copy):
    changed = address.rewrite("ada/my.fork", "v2", root=copy)
    assert addresses_in(copy) == {"ada/my.fork"}
    assert 'repository = "ada/my.fork"' in (copy / "pyproject.toml").read_text(encoding="utf-8")
    assert len(changed) >= 2 + len(check.notebook_paths(copy))
    assert address.rewrite("ada/my.fork", "v2", root=copy) == []


def test_notebooks_are_what_the_rules_expect_after_a_move(copy):
    address.rewrite("ada/my.fork", "v2", root=copy)
    for path in check.notebook_paths(copy):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells]
        place = path.relative_to(copy).as_posix()
        assert address.badges(place, "ada/my.fork", "v2") in sources[0]
        assert address.setup_cell("ada/my.fork", "v2") in sources


def test_moving_there_and_back_changes_nothing(copy):
    before = {path: path.read_bytes() for path in address.files_with_addresses(copy)}
    address.rewrite("ada/my.fork", "v2", root=copy)
    address.rewrite(*address.address(), root=copy)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("repository", "ref", "words"),
    [
        ("my-fork", "main", "owner/name"),
        ("https://github.com/ada/fork", "main", "owner/name"),
        ("ada/fork", "feature/x", "slash"),
        ('ada/"fork', "main", "owner/name"),
    ],
)
def test_an_address_no_badge_can_carry_is_refused(copy, repository, ref, words):
    before = (copy / "pyproject.toml").read_bytes()
    with pytest.raises(ValueError, match=words):
        address.rewrite(repository, ref, root=copy)
    assert (copy / "pyproject.toml").read_bytes() == before


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_changed(copy):
    before = (copy / "pyproject.toml").read_bytes()
    (copy / "notebooks" / "99_odd.ipynb").write_bytes("{é".encode("latin-1"))
    with pytest.raises(ValueError, match=r"99_odd\.ipynb is not UTF-8"):
        address.rewrite("ada/my.fork", "v2", root=copy)
    assert (copy / "pyproject.toml").read_bytes() == before


def test_a_course_that_cannot_be_written_is_told(monkeypatch, capsys):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied", "pyproject.toml")

    monkeypatch.setattr(address, "_write_if_changed", refuse)
    assert address.main(["--repo", "ada/fork"]) == 2
    assert "Permission denied: 'pyproject.toml'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("remote", "found"),
    [
        ("https://github.com/ada/fork.git", "ada/fork"),
        ("git@github.com:ada/my.fork.git", "ada/my.fork"),
        ("https://github.com/ada/fork/", "ada/fork"),
        ("https://gitlab.com/ada/fork.git", ""),
        (None, ""),
    ],
)
def test_the_address_of_a_fork_is_that_of_its_git_remote(remote, found, tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    if remote:
        command = ["git", "-C", str(tmp_path), "remote", "add", "origin", remote]
        subprocess.run(command, check=True)
    assert address.address_of_remote(tmp_path) == found


def test_without_an_address_the_command_says_how(monkeypatch, capsys):
    monkeypatch.setattr(address, "address_of_remote", lambda: "")
    assert address.main([]) == 2
    assert "make badges REPO=owner/name" in capsys.readouterr().out
