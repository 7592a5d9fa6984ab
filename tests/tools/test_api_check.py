"""What lint says of a notebook's use of the course's modules, and of its `except`."""

import pathlib

import nbformat
import pytest

from tools.authoring import api_check, check

IMPORTS = "import functools\nfrom utils import batches, data, openimages, plotting, runtime\n"


def lesson(*sources, prose=""):
    """A notebook of those code cells after the imports, and of a text."""
    cells = [nbformat.v4.new_code_cell(source) for source in (IMPORTS, *sources)]
    cells.append(nbformat.v4.new_markdown_cell(prose))
    notebook = nbformat.v4.new_notebook(cells=cells)
    return check.Lesson(pathlib.Path("x.ipynb"), "notebooks/x.ipynb", notebook)


def names_told(*sources, **more):
    return list(api_check.rule_known_names(lesson(*sources, **more)))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "openimages.network_available('x')",
            "utils.openimages has no network_available",
        ),
        ("if False:\n    data.load_minst()", "utils.data has no load_minst"),
        ("steps = data.CIFAR10_CLASES[0].upper()", "utils.data has no CIFAR10_CLASES"),
        ("from utils import dowload", "utils has no dowload"),
        ("from utils.gradients import weight_gradient", "utils.gradients has no weight_gradient"),
        ("import utils.photos as p", "utils has no photos"),
        ("import utils\nutils.data.nothing", "utils.data has no nothing"),
        ("from utils import openimages\nopenimages.sample.no()", "sample has no no"),
        ("runtime.Device.is_fast", "Device has no is_fast"),
        ("runtime.by_profile(quick=1, full=2, ful=3)", "unexpected keyword argument 'ful'"),
        ("runtime.by_profile(quick=1)", "missing a required argument: 'full'"),
        ("plotting.set_style(1, 2, 3, 4)", "too many positional arguments"),
        ("runtime.by_profile(**{'quick': 1}, ful=2)", "unexpected keyword argument 'ful'"),
        ("f = functools.partial(runtime.by_profile, quik=3)", "argument 'quik'"),
        ("def f(x):\n    return data.load_minst()", "utils.data has no load_minst"),
        ("data = 3", "cell 1 uses data, a name of the course's modules, for something else"),
    ],
)
def test_what_does_not_exist_is_told(source, told):
    found = names_told(source)
    assert found and told in found[0], found


def test_folded_solutions_are_looked_through():
    (found,) = names_told(prose="text\n\n```python\ndata.load_minst()\n```\n")
    assert found.startswith("the code in cell 1 uses what does not exist")


@pytest.mark.parametrize(
    "source",
    [
        "data.load_mnist().x_train.shape\nruntime.by_profile(quick=1, full=2)",
        "runtime.by_profile(**choices)\nruntime.ROOT.joinpath('data')",
        "from utils.openimages import dataset, sample\ndataset.__name__, sample.__doc__",
        "def f(data):\n    return data.nothing",
        "f = lambda download: download.nothing",
        "functools.partial(runtime.by_profile, quick=3)",
        "fetched.data.nothing",
    ],
)
def test_what_exists_is_not_told(source):
    assert names_told(source) == []


@pytest.mark.parametrize(
    "kind", ["except:", "except Exception:", "except (OSError, BaseException) as e:"]
)
def test_an_except_that_hides_mistakes_is_told(kind):
    (found,) = api_check.rule_narrow_excepts(lesson(f"try:\n    f()\n{kind}\n    pass"))
    assert found.startswith("cell 1 has an except that names")


def test_an_except_that_says_what_it_means_is_not_told():
    source = "try:\n    f()\nexcept (OSError, ValueError):\n    pass"
    assert list(api_check.rule_narrow_excepts(lesson(source))) == []


def test_make_lint_has_both_rules():
    assert {api_check.rule_known_names, api_check.rule_narrow_excepts} <= set(check.RULES)
