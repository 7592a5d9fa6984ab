"""The files that a run leaves for each notebook: the executed notebook, its page, its log."""

import html
import pathlib
import re

import nbformat
from nbconvert.exporters import HTMLExporter

# Kind of file: its folder and its suffix.
FOLDERS = {"notebook": ("notebooks", ".ipynb"), "html": ("html", ".html"), "log": ("logs", ".log")}


def path_of(out: pathlib.Path, name: str, kind: str) -> pathlib.Path:
    """Return the path of a notebook's file of this kind in the output folder."""
    folder, suffix = FOLDERS[kind]
    return out / folder / (name + suffix)


def write_notebook(
    notebook: nbformat.NotebookNode, source: pathlib.Path, out: pathlib.Path
) -> None:
    """Write the executed notebook."""
    text = nbformat.writes(notebook) + "\n"
    path_of(out, source.stem, "notebook").write_text(text, encoding="utf-8")


def write(
    notebook: nbformat.NotebookNode,
    source: pathlib.Path,
    out: pathlib.Path,
    error: dict | None = None,
) -> None:
    """Write the executed notebook and its page; the page opens with the error, if any."""
    write_notebook(notebook, source, out)
    exporter = HTMLExporter(template_name="lab", embed_images=True)
    resources = {"metadata": {"name": source.stem, "path": str(source.parent)}}
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    page = with_descriptions(page, notebook)
    if error:
        page = re.sub(r"<body[^>]*>", lambda body: body[0] + _banner(error), page, count=1)
    path_of(out, source.stem, "html").write_text(page, encoding="utf-8")


def with_descriptions(page: str, notebook: nbformat.NotebookNode) -> str:
    """Return the page with the figures' alternative texts, which nbconvert leaves out."""
    texts = {
        "".join(output["data"]["image/png"].split()): output["metadata"]["image/png"]["alt"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "alt" in output.get("metadata", {}).get("image/png", {})
    }

    def described(tag):
        text = texts.get("".join(tag["data"].split()))
        return f'<img alt="{html.escape(text)}"{tag["rest"]}' if text else tag[0]

    picture = r'<img alt="[^"]*"(?P<rest>[^>]*?src="data:image/png;base64,(?P<data>[^"]*)")'
    return re.sub(picture, described, page)


def _banner(error: dict) -> str:
    """Return what the page of a failed notebook shows above everything else."""
    message = html.escape(f"{error['name']}: {error['message']}")
    place = html.escape(error["place"])
    if error.get("anchor"):
        place = f'<a href="#{html.escape(error["anchor"])}">{place}</a>'
    style = "margin:1em;padding:1em;border:2px solid #b00020;font-family:sans-serif"
    return f'<div role="alert" style="{style}"><b>FAILED</b>: {place}<br>{message}</div>'
