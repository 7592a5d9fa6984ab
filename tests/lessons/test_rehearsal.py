"""Profile full is rehearsed: lessons and homework run there, with hardly any training.

That is what everybody with a GPU gets. What a network has learnt after four steps means nothing,
so only this is tested here: every line runs, on TensorFlow, which Colab has beside a GPU, with the
real data if there are some. In `--every-combination` also on JAX, the backend of Colab's TPUs, and
lessons that run the same lines in every profile: those for which it decides numbers or nothing.
"""

import ast
import importlib.util
import re

import keras
import nbformat
import numpy as np
import pytest
from conftest import LESSONS, ROOT
from executed_lessons import MIRROR, execute, printed

from utils import runtime
from utils.environment import rehearsal

HOMEWORK = sorted((ROOT / "notebooks" / "homework" / "instructor").glob("*.ipynb"))
REHEARSAL = {"COURSE_REHEARSAL": "1"}
ASKS_FOR_PROFILE = re.compile(r"runtime\.(by_profile|steps|profile)\(.*")
ONLY_NUMBERS = re.compile(r"runtime\.(by_profile|steps)\(quick=[\d_.]+, full=[\d_.]+\)")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache of the rehearsals' own, empty at first."""
    return tmp_path_factory.mktemp("rehearsal")


def profile_decides_more_than_numbers(source):
    """Whether a notebook, as text, runs other lines, or with other things, in profile full."""
    return any(not ONLY_NUMBERS.match(asked[0]) for asked in ASKS_FOR_PROFILE.finditer(source))


def test_what_is_rehearsed():
    lines = "epochs = runtime.by_profile(quick=4, full=1_000)\n"
    assert not profile_decides_more_than_numbers(lines)
    assert profile_decides_more_than_numbers(lines + "n = runtime.steps(quick=4, full=len(x))")
    assert profile_decides_more_than_numbers(lines + 'if runtime.profile() == "full":')


@pytest.mark.notebooks
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.parametrize("notebook", [*LESSONS, *HOMEWORK], ids=lambda path: path.stem)
def test_profile_full(notebook, backend, cache, tmp_path, request, record_property):
    kind = "rehearsal"
    record_property("lesson", {"lesson": notebook.stem, "backend": backend, "kind": kind})
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    everything = request.config.getoption("every_combination")
    if backend == "jax" and not everything:
        pytest.skip("rehearsed on JAX with --every-combination only")
    source = notebook.read_text(encoding="utf-8")
    if not profile_decides_more_than_numbers(source) and not everything:
        pytest.skip("it runs the same lines in every profile; with --every-combination only")
    folder = cache / ("real" if MIRROR else "sample")
    executed = execute(notebook, backend, folder, tmp_path, mirror=MIRROR, more=REHEARSAL)
    assert "full, as a rehearsal" in printed(executed)
    assert printed(executed, "stderr") == ""


@pytest.fixture
def rehearsing(plain_environment):
    """As a notebook is in a rehearsal, after its setup cell."""
    plain_environment.setenv("COURSE_REHEARSAL", "1")
    plain_environment.setattr(keras.Model, "fit", keras.Model.fit)  # and back again afterwards
    rehearsal.begin()


X, Y = np.zeros((1000, 3), "float32"), np.zeros((1000, 1), "float32")


class Batches(keras.utils.PyDataset):
    """Five batches of four."""

    def __len__(self):
        return 5

    def __getitem__(self, number):
        return X[:4], Y[:4]


class Steps(keras.callbacks.Callback):
    """Count the steps of each epoch, those of training and those of validation."""

    def on_epoch_begin(self, epoch, logs=None):
        self.train, self.validation = 0, 0

    def on_train_batch_end(self, batch, logs=None):
        self.train += 1

    def on_test_batch_end(self, batch, logs=None):
        self.validation += 1


@pytest.mark.parametrize(
    ("data", "options", "epochs", "train", "validation"),
    [
        ((X, Y), {"epochs": 9}, 2, 2, 0),
        ((X[:8], Y[:8]), {"epochs": 3}, 2, 1, 0),
        ((X, Y), {"epochs": 9, "validation_split": 0.1}, 2, 2, None),
        ((X[:40], Y[:40]), {"validation_split": 0.5}, 1, 1, None),
        ((X, Y, 1000), {"epochs": 9, "initial_epoch": 5}, 2, 1, 0),
        ((X, Y), {"validation_data": (X, Y)}, 1, 2, 2),
        ((X, Y), {"validation_data": (X, Y), "validation_batch_size": 1000}, 1, 2, 1),
        ((Batches(),), {"epochs": 9, "validation_data": Batches()}, 2, 2, 2),
        (([X, X], Y), {"epochs": 1, "steps_per_epoch": 1}, 1, 1, 0),
    ],
)
def test_training_is_cut(rehearsing, data, options, epochs, train, validation):
    inputs = [keras.Input((3,)) for _ in range(2 if isinstance(data[0], list) else 1)]
    joined = keras.layers.Add()(inputs) if len(inputs) > 1 else inputs[0]
    model = keras.Model(inputs, keras.layers.Dense(1)(joined))
    model.compile("sgd", "mse")
    steps = Steps()
    history = model.fit(*data, verbose=0, callbacks=[steps], **options)
    assert len(history.epoch) == epochs
    assert steps.train == train
    assert validation in (None, steps.validation)
    assert np.isfinite(history.history["loss"]).all()


def test_loops_by_hand_are_cut_and_sizes_are_not(rehearsing):
    assert runtime.profile() == "full"
    assert runtime.steps(quick=100, full=1000) == rehearsal.MOST_STEPS
    assert runtime.steps(quick=1, full=2) == 2
    assert runtime.by_profile(quick=100, full=1000) == 1000


def test_without_a_rehearsal_steps_are_as_many_as_the_profile_says(plain_environment):
    plain_environment.setenv("COURSE_PROFILE", "full")
    plain_environment.setenv("COURSE_REHEARSAL", "0")
    assert runtime.steps(quick=100, full=1000) == 1000


@pytest.mark.parametrize(
    ("cell", "lines"),
    [
        ("a = 0.3\nassert a > 0.9, f'only {a:.0%}'\nassert a < 1", ["only 30%"]),
        ("if True:\n    assert 0.3 == 1", ["0.3 == 1"]),
        ("import numpy as np\nassert False, np.arange(3)", ["[0 1 2]"]),
        ("def hidden_test(x):\n    assert x, 'not yet'\n\nhidden_test(0)", ["not yet"]),
    ],
)
def test_conclusions_are_printed(cell, lines, capsys):
    run_cell(cell)
    printed_lines = capsys.readouterr().out.splitlines()
    assert printed_lines == [f"Not so in this rehearsal: {line}" for line in lines]


def test_an_error_inside_a_conclusion_is_an_error():
    with pytest.raises(IndexError):
        run_cell("history = [1, 2]\nassert history[12] < 1")


def run_cell(source):
    """Run a cell as a notebook in a rehearsal does."""
    tree = rehearsal.PrintConclusions().visit(ast.parse(source))
    exec(compile(tree, "cell", "exec"), {})


BROKEN = """import sys
sys.path.insert(0, {root!r})
from utils import runtime
runtime.prepare()
if runtime.profile() == "full":
    runtime.moved_elsewhere()"""


def test_a_line_that_only_full_reaches_and_that_does_not_run_is_found(cache, tmp_path):
    """As lesson 04's call of a function that had been moved: quick never came there."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(BROKEN.format(root=str(ROOT)))]
    )
    lesson = tmp_path / "lesson.ipynb"
    nbformat.write(notebook, lesson)
    backend = keras.backend.backend()
    execute(lesson, backend, cache, tmp_path / "quick")
    with pytest.raises(AssertionError, match="moved_elsewhere"):
        execute(lesson, backend, cache, tmp_path / "full", more=REHEARSAL)


def test_only_notebooks_ask_for_the_profile():
    """What a lesson calls does the same in every profile, so its own text says whether it asks."""
    files = [p for p in (ROOT / "utils").rglob("*.py") if p != ROOT / "utils" / "runtime.py"]
    asking = [p.name for p in files if ASKS_FOR_PROFILE.search(p.read_text(encoding="utf-8"))]
    assert len(files) > 50
    assert asking == []
