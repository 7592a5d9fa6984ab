"""Write the repository's address into badges and setup cells: make badges.

The address is in pyproject.toml, under [tool.course]. A teacher who forks the course changes it
with one command, and every badge and every setup cell follows.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETUP_CELL = ROOT / "tools" / "authoring" / "setup_cell.py"

# What GitHub allows in an owner's name, a repository's name, and (without a slash, which Colab's
# addresses cannot carry) a branch, tag or commit. A fresh copy of the course has an owner with two
# hyphens in a row, a name that GitHub gives to nobody.
OWNER_AND_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_IN_LINKS = re.compile(
    r"(?P<site>https://colab\.research\.google\.com/github/|https://github\.com/)"
    r"(?P<repository>[^/\s]+/[^/\s]+)/blob/(?P<ref>[^/\s]+)/(?P<path>[^)\s]+\.ipynb|notebooks/[^)\s]+\.md)"
)
_IN_BINDER = re.compile(
    r"https://mybinder\.org/v2/gh/(?P<repository>[^/\s]+/[^/\s]+)/(?P<ref>[^?\s]+)\?"
)
_IN_SETUP = re.compile(r"(?P<site>https://github\.com/)[^/\s]+/[^/\s]+/archive/[^/\s]+\.zip")


def address() -> tuple[str, str]:
    """Return the repository as "owner/name", and the branch, tag or commit of the badges."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    course = tomllib.loads(text)["tool"]["course"]
    return course["repository"], course["ref"]


def setup_cell(repository: str, ref: str) -> str:
    """Return the source of the setup cell for an address, without a newline at its end."""
    return with_address(SETUP_CELL.read_text(encoding="utf-8"), repository, ref).rstrip("\n")


def badges(path: str, repository: str, ref: str) -> str:
    """Return the line of badges (Colab, Kaggle, Binder) of the notebook at `path`."""
    blob = f"{repository}/blob/{ref}/{path}"
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{blob}) "
        "[![Open in Kaggle](https://kaggle.com/static/images/open-in-kaggle.svg)]"
        f"(https://kaggle.com/kernels/welcome?src=https://github.com/{blob}) "
        "[![Launch Binder](https://mybinder.org/badge_logo.svg)]"
        f"(https://mybinder.org/v2/gh/{repository}/{ref}?labpath={path})"
    )


def with_address(text: str, repository: str, ref: str) -> str:
    """Return a text with all its badges and setup cells at the given address."""
    text = _IN_LINKS.sub(rf"\g<site>{repository}/blob/{ref}/\g<path>", text)
    text = _IN_BINDER.sub(f"https://mybinder.org/v2/gh/{repository}/{ref}?", text)
    return _IN_SETUP.sub(rf"\g<site>{repository}/archive/{ref}.zip", text)


def files_with_addresses(root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Return the files that carry badges or the setup cell."""
    notebooks = sorted((root / "notebooks").rglob("*.ipynb"))
    checkpoints = ".ipynb_checkpoints"
    pages = [root / "README.md", root / "notebooks" / "README.md"]
    cells = [root / "tools" / "authoring" / "setup_cell.py"]
    return [path for path in [*pages, *cells, *notebooks] if checkpoints not in path.parts]


def rewrite(repository: str, ref: str, root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Write the address into pyproject.toml and everything that follows it.

    Returns:
        The files that changed.

    Raises:
        ValueError: No badge could carry this address, or a file is not UTF-8.
        OSError: A file cannot be read or written.
    """
    check_address(repository, ref)
    texts = {path: _text(path) for path in files_with_addresses(root) if path.is_file()}
    project = root / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    new = re.sub(r'(?m)^repository = "[^"]*"$', f'repository = "{repository}"', text)
    new = re.sub(r'(?m)^ref = "[^"]*"$', f'ref = "{ref}"', new)
    changed = _write_if_changed(project, text, new)
    for path, text in texts.items():
        new = with_address(text, repository, ref)
        changed += _write_if_changed(path, text, new)
    return changed


def check_address(repository: str, ref: str) -> None:
    """Raise ValueError for an address that no badge could carry."""
    if not OWNER_AND_NAME.fullmatch(repository):
        raise ValueError(
            f"REPO is {repository!r}, expected owner/name as in the address of your fork on "
            "GitHub. For example: make badges REPO=ada/deep-learning-in-practice"
        )
    if not REFERENCE.fullmatch(ref):
        raise ValueError(
            f"REF is {ref!r}, expected a branch, tag or commit without a slash (Colab cannot "
            "open notebooks from a branch with one). For example: REF=main"
        )


def _text(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}); nothing was changed") from None


def _write_if_changed(path, old, new):
    if old == new:
        return []
    path.write_text(new, encoding="utf-8", newline="\n")
    return [path]


def address_of_remote(root: pathlib.Path = ROOT) -> str:
    """Return owner/name of the git remote `origin` if that is on GitHub, else an empty text."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        url = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    match = re.search(r"github\.com[:/]([^/]+/[^/]+?)(?:\.git)?/?$", url)
    return match[1] if match else ""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: rewrite, and say what changed."""
    parser = argparse.ArgumentParser(prog="make badges", description=__doc__.splitlines()[0])
    parser.add_argument("--repo", default="", help="owner/name (default: that of the git remote)")
    parser.add_argument("--ref", default="", help="branch, tag or commit (default: unchanged)")
    options = parser.parse_args(arguments)
    repository, ref = address()
    wanted = options.repo or address_of_remote()
    if not wanted:
        print(
            f"The address is {repository}, ref {ref}. The git remote origin is not on GitHub, so "
            "to change the address: make badges REPO=owner/name"
        )
        return 2
    try:
        changed = rewrite(wanted, options.ref or ref)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for path in changed:
        print(f"changed  {path.relative_to(ROOT)}")
    print(f"{len(changed)} files changed; all point to {wanted}, ref {options.ref or ref}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
