"""Lesson 04 is made for photos of one's own: any number of them, from a dozen up."""

import json

import pytest
from conftest import ROOT
from executed_lessons import execute, headline_of
from tiny_openimages import TinyOpenImages

LESSON = ROOT / "notebooks" / "04_transfer_learning_open_images.ipynb"
PHOTOS = "per_class=600, split=(400, 100, 100)"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """A mirror with a hundred photos of each class, and nothing else."""
    tiny = TinyOpenImages()
    tiny.add_many(100)
    return tiny.write(tmp_path_factory.mktemp("mirror"))


@pytest.mark.notebooks
@pytest.mark.parametrize("per_class", [12, 40])
def test_a_few_photos(per_class, mirror, tmp_path, request):
    if per_class > 12 and not request.config.getoption("every_combination"):
        pytest.skip("with --every-combination only: a dozen is harder")
    notebook = json.loads(LESSON.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"]).replace(PHOTOS, f"per_class={per_class}")
        cell["source"] = source.replace('classes=("Cat", "Dog")', 'classes=("Rose", "Sunflower")')
    to_the_course = f"import os\n\nos.chdir({str(ROOT)!r})\n"
    setup = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    setup["source"] = to_the_course + setup["source"]
    copy = tmp_path / "lesson.ipynb"
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    # A rehearsal goes through the same lines in less time. Offline, the network is a small one.
    more = {"COURSE_OFFLINE": "1", "COURSE_REHEARSAL": "1"}
    executed = execute(
        copy, "tensorflow", tmp_path, tmp_path / "out", mirror=str(mirror), more=more
    )
    assert f"{per_class} Rose + {per_class} Sunflower" in headline_of(executed)["data"][0]["text"]
