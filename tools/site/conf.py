"""Sphinx's settings for the site; copied beside the pages that tools.site.sources writes."""

import importlib.util
import json
import pathlib
import shutil

from docutils import nodes
from sphinx.application import Sphinx

HERE = pathlib.Path(__file__).resolve().parent

project = html_title = "Deep learning in practice"
project_copyright = "the authors of the course"
language = "en"
extensions = ["myst_nb"]
exclude_patterns = ["_build", "_html", "extra", "jupyter_execute"]

nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the setup cell"
nb_code_prompt_hide = "Hide the setup cell"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_heading_slug_func = "tools.authoring.check.anchor"  # the anchors that Jupyter gives
suppress_warnings = ["myst.mathjax", "misc.highlighting_failure"]  # a cell may call programs: !

html_theme = "furo"
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#005a8f", "color-brand-content": "#005a8f"},
    "dark_css_variables": {"color-brand-primary": "#7cc4f0", "color-brand-content": "#7cc4f0"},
}
html_static_path = ["_static"]
html_extra_path = ["extra"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = None

# One file with all of MathJax: formulas become SVG drawings, so no fonts have to be fetched.
mathjax_path = "mathjax.js"
mathjax3_config = {
    "options": {"enableMenu": False, "enableExplorer": False, "enableAssistiveMml": True},
    "tex": {"packages": {"[-]": ["noundefined"]}},  # a command that is not there is an error
    "svg": {"fontCache": "global", "scale": 0.95},
}

_descriptions = json.loads((HERE / "descriptions.json").read_text(encoding="utf-8"))


def describe_pictures(app: Sphinx, doctree: nodes.document) -> None:
    """Give every picture of a notebook its alternative text; MyST-NB names files by sha256."""
    for image in doctree.findall(nodes.image):
        name = pathlib.PurePosixPath(image["uri"]).stem
        if name in _descriptions:
            image["alt"] = _descriptions[name]


def bring_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put MathJax, which comes as a Python package, beside the pages."""
    package = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
    if error is None:
        source = pathlib.Path(package) / "static" / "mathjax" / "tex-svg-full.js"
        shutil.copy(source, pathlib.Path(app.outdir) / "_static" / "mathjax.js")


def setup(app: Sphinx) -> None:
    """Connect the functions above; Sphinx calls this."""
    app.connect("doctree-read", describe_pictures)
    app.connect("build-finished", bring_mathjax)
