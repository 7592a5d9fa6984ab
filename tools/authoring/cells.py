"""Execute the tagged cells of a lesson, for scripts that measure or train exactly that."""

import json

from tools.authoring import check


def definitions(notebook: str, tags: set[str], **names: object) -> dict[str, object]:
    """Execute the cells of a notebook that carry one of the tags.

    Args:
        notebook: File name of the notebook, in notebooks/.
        tags: The tags, a set of strings.
        names: What the cells expect to exist already, such as imported modules.

    Returns:
        Everything that is defined afterwards: a dictionary of name to value.
    """
    exec(source(notebook, tags), names)
    return names


def source(notebook: str, tags: set[str]) -> str:
    """Return the code of the cells of a notebook in notebooks/ that carry one of the tags."""
    path = check.ROOT / "notebooks" / notebook
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tagged = [c for c in cells if tags & set(c["metadata"].get("tags", ()))]
    return "\n\n".join("".join(c["source"]) for c in tagged)
