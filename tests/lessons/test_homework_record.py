"""Homework 4's record: what the rubric notices, and what is written, kept and shown."""

import ast
import functools
import json
import operator
import re

import numpy as np
import pytest

from grading.assignments.assignment import HOMEWORK, load_assignment
from utils import homework as helpers
from utils.homework import photo_record


def good_record(sample=False):
    """A record as a diligent student's notebook would write it."""
    counts = {"train": 400, "validation": 100, "test": 100}
    photos = {"image_id": [], "sha256": [], "split": [], "class_name": []}
    arrays = {}
    for part, count in counts.items():
        labels = [0, 1] * count
        arrays[part] = {"labels": labels, "hashes": [f"{part}{i}" for i in range(2 * count)]}
        for i, label in enumerate(labels):
            photos["image_id"].append(f"{part}-{i}")
            photos["sha256"].append(f"sha-{part}-{i}")
            photos["split"].append(part)
            photos["class_name"].append(("Cat", "Dog")[label])
    log = [
        {"stage": stage, "epoch": epoch, "loss": 1 / (epoch + stage), "val_loss": 0.5}
        for stage, epochs in ((1, 5), (2, 3))
        for epoch in range(1, epochs + 1)
    ]
    labels = arrays["test"]["labels"]
    predictions = [1 - label if i < 20 else label for i, label in enumerate(labels)]
    test = {"evaluations": 1, "rows_before": [8], "other_loads": 0}
    return {
        "sample": sample,
        "side": 16,
        "origin": "Open Images",
        "classes": ["Cat", "Dog"],
        "photos": photos,
        "arrays": arrays,
        "test": test | {"predictions": predictions, "labels": labels},
        "log": log,
        "download_script": "openimages.download(classes=('Cat', 'Dog'))",
        "fingerprints": {
            "start": {"lower": "a", "upper": "b"},
            "after stage 1": {"lower": "a", "upper": "b", "head": "h"},
            "after stage 2": {"lower": "a", "upper": "c"},
        },
        "prepared_alike": {"z_train": 0.0, "z_validation": 1e-6},
        "epochs": [5, 3],
        "test_accuracy": 0.9,
    }


def failed(record, this_run=None, predict=None):
    """Which tasks of homework 4 a record fails, with their messages."""
    found = {}
    answers = (this_run or record)["test"]["predictions"]
    predict = predict or (lambda x: np.array(answers[: len(x)]))
    for task in load_assignment(4).tasks:
        if "record" not in task.values:
            continue
        try:
            names = {"np": np, "predict": predict, "record": json.loads(json.dumps(record))}
            exec(task.hidden, names | {"this_run": this_run or names["record"]})
        except AssertionError as error:
            found[task.grade_id.removeprefix("hw4-")] = str(error)
    return found


def change(record, changes):
    """Change values in a record: from the way to one of them to what it becomes."""
    for way, value in changes.items():
        *names, last = [int(name) if name in ("0", "-1") else name for name in way.split(".")]
        functools.reduce(operator.getitem, names, record)[last] = value


GOOD = good_record()
NONE_LISTED = {f"photos.{name}": [] for name in GOOD["photos"]}
NO_HASHES = {f"arrays.{part}.hashes": [] for part in GOOD["arrays"]}
ROSES = {"photos.class_name": ["Cat", "Rose"] * 600}
HALF = {
    f"arrays.{part}.{name}": values[: len(values) // 2]
    for part, columns in GOOD["arrays"].items()
    for name, values in columns.items()
}
HALF |= {f"test.{name}": HALF["arrays.test.labels"] for name in ("labels", "predictions")}
HALF |= {"test_accuracy": 1.0}


@pytest.mark.parametrize(
    ("changes", "tasks", "words"),
    [
        ({}, set(), ""),
        ({"arrays.validation.hashes.0": "train7"}, {"leakage-test"}, "1 photos are in the train"),
        ({"photos.image_id.-1": "train-0"}, {"leakage-test"}, "1199 different photos"),
        ({"photos.sha256.-1": "sha-train-0"}, {"leakage-test"}, "the same content"),
        ({"arrays.train.labels": [0] * 500 + [1] * 300}, {"counts-test"}, "500 + 300"),
        (HALF, {"counts-test"}, "400 + 400 are wanted"),
        (NO_HASHES, {"counts-test", "leakage-test"}, "photos"),
        ({"arrays.train.hashes": ["x"] * 800}, {"counts-test"}, "again and again; 1 differ"),
        (NONE_LISTED, {"counts-test", "leakage-test"}, "list"),
        (ROSES, {"counts-test"}, "['Cat', 'Rose']"),
        ({"prepared_alike.z_train": 0.8}, {"stage-1-test"}, "z_train does not hold"),
        ({"prepared_alike.z_validation": None}, {"stage-1-test"}, "z_validation does not hold"),
        ({"download_script": ""}, {"download-test"}, "not included"),
        ({"fingerprints.after stage 1.upper": "x"}, {"stage-1-test"}, "only the new head"),
        ({"fingerprints.after stage 2.lower": "x"}, {"stage-2-test"}, "stay frozen"),
        ({"fingerprints.after stage 2.upper": "b"}, {"stage-2-test"}, "should learn"),
        (
            {"log": [*GOOD["log"][:6], GOOD["log"][7]], "test.rows_before": [7]},
            {"log-2-test"},
            "3 epochs, and the log has 2 rows",
        ),
        (
            {"log": GOOD["log"][5:], "test.rows_before": [3]},
            {"log-1-test", "stage-1-test"},
            "log",
        ),
        ({"test.evaluations": 2, "test.rows_before": [5, 8]}, {"test-once"}, "2 times"),
        ({"test.other_loads": 1}, {"test-once"}, "2 times"),
        ({"test.rows_before": [5]}, {"test-once"}, "training after the test"),
        ({"test_accuracy": 0.98}, {"honest"}, "98.0%, but 90.0%"),
    ],
)
def test_the_rubric_of_homework_4(changes, tasks, words):
    record = good_record()
    change(record, changes)
    found = failed(record)
    assert set(found) == tasks, found
    assert all(words in message for message in found.values()), found


def test_a_good_record_does_not_save_code_that_freezes_nothing():
    this_run = good_record(sample=True)
    change(this_run, {"fingerprints.after stage 2.lower": "x"})
    assert set(failed(good_record(), this_run)) == {"stage-2-test"}


NEEDS_REAL_PHOTOS = {"download-test", "counts-test", "leakage-test", "test-once", "honest"}


def test_a_run_on_the_sample_does_not_count_for_real_photos():
    found = failed(good_record(sample=True))
    assert set(found) == NEEDS_REAL_PHOTOS
    assert all("real photos" in message for message in found.values()), found


def test_the_record_must_be_of_this_notebook():
    this_run = good_record(sample=True)
    assert failed(good_record(), this_run) == {}
    this_run["download_script"] += "  # more to say"
    assert failed(good_record(), this_run) == {}, "a comment is no other script"
    this_run["download_script"] = "openimages.download(classes=('Cat', 'Bird'))"
    assert set(failed(good_record(), this_run)) == {"download-test"}


def test_predict_is_asked_again():
    this_run = good_record(sample=True)
    said = np.array(this_run["test"]["predictions"])
    one_off = lambda x: np.where(np.arange(8) == 0, 1 - said[:8], said[:8])  # noqa: E731
    assert failed(good_record(), this_run, one_off) == {}
    for predict in (lambda x: 1 - said[:8], lambda x: said, lambda x: np.full(8, "a")):
        assert set(failed(good_record(), this_run, predict)) == {"honest"}


def test_maps_are_compared_in_any_order():
    random = np.random.default_rng(1)
    x = random.integers(0, 256, (12, 5, 5, 3)).astype("uint8")

    def maps_of(photos):
        return photos.astype("float32") / 127.5 - 1

    z = maps_of(x)
    assert photo_record.max_distance(z, x, maps_of) < 1e-6
    more = np.concatenate([z[::-1], z[:, :, ::-1]])[random.permutation(24)]
    assert photo_record.max_distance(more, x, maps_of) < 1e-6
    assert photo_record.max_distance(x / 255, x, maps_of) > 0.1
    assert photo_record.max_distance(x, x, maps_of) > 0.1
    for nothing in (None, z[:0], z[:, :2]):
        assert photo_record.max_distance(nothing, x, maps_of) is None
    assert photo_record.max_distance(z, x, lambda photos: photos.no_such_thing) is None


def test_the_test_photos_are_in_a_drawer(tmp_path, capsys):
    class Drawer:
        """Stands in for photos."""

        def load(self, split, size=(160, 160), crop="center"):
            return np.zeros((4, *size, 3), np.uint8), np.array([0, 1, 0, 1])

        def batches(self, split, size=(160, 160), batch_size=32, shuffle_seed=None, crop="center"):
            return [self.load(split, size, crop)]

    photos, log = Drawer(), photo_record.TrainingLog(tmp_path / "log.csv")
    test_set = photo_record.TestSet(photos, (32, 32), log)
    for part in ("train", "validation", "test"):  # as lesson 04 looks for twins
        assert photos.load(part, size=(8, 9), crop=None)[0].shape == (4, 8, 9, 3)
    photos.load("train")
    photos.batches("validation", (32, 32), batch_size=4)
    assert test_set.other_loads == 0
    assert test_set.evaluate(lambda x: np.zeros(4)) == 0.5 and test_set.rows_before == [0]
    with pytest.raises(ValueError, match="argmax"):
        test_set.evaluate(lambda x: np.zeros((4, 1)))
    assert test_set.rows_before == [0] and test_set.other_loads == 0
    photos.load("test", (32, 32))
    assert test_set.other_loads == 1
    photos.batches("test", (17, 8))
    assert test_set.other_loads > 1
    test_set.evaluate(lambda x: np.ones(4))
    assert "2 times" in capsys.readouterr().out


def test_the_record_that_counts_is_shown(capsys):
    photo_record.show_record(good_record() | {"classes": ["Bee", "Ant"]})
    printed = capsys.readouterr().out
    for words in ("Bee, Ant", "train: 400 + 400", "stage 2, epoch 3", "test accuracy: 90.0%"):
        assert words in printed
    assert "SAMPLE" not in printed and "lesson" not in printed
    photo_record.show_record(good_record(sample=True) | {"classes": ["Dog", "Cat"]})
    printed = capsys.readouterr().out
    assert "SAMPLE" in printed and "the lesson's" in printed
    photo_record.show_record({"sample": False})
    assert "cannot be shown: KeyError" in capsys.readouterr().out


def test_it_is_said_that_sample_photos_do_not_count(capsys):
    helpers.in_record(None, real_photos=True)
    helpers.in_record(good_record(sample=True), real_photos=True)
    helpers.in_record(good_record(sample=True))
    helpers.in_record(good_record(), real_photos=True)
    printed = capsys.readouterr().out.splitlines()
    assert ["not answered yet" in line for line in printed] == [True, False, False, False]
    assert ["sample photos" in line for line in printed] == [False, True, False, False]


def test_the_instructors_record_is_whole_and_given_to_nobody():
    path = HOMEWORK / "instructor" / photo_record.RECORD
    text = path.read_text(encoding="utf-8")
    record = json.loads(text)
    assert failed(record) == {}
    assert len(text) < 200_000
    assert not re.search(r"/(home|root|Users)/|[A-Z]:\\\\", text), "it names a folder of somebody's"
    assert not list(HOMEWORK.glob("*.json"))
    script = next(c for c in load_assignment(4).notebook.cells if c.id == "hw4-download").source
    written = ast.dump(ast.parse(record["download_script"]))
    assert ast.dump(ast.parse(script)) == written, "make the record again, see homework/README.md"


def test_a_record_of_real_photos_is_kept(tmp_path, capsys):
    path = tmp_path / "hw4_record.json"
    real, sample = good_record(), good_record(sample=True)
    assert photo_record.keep_record(sample, path) == sample
    assert photo_record.keep_record(real, path) == real
    assert photo_record.keep_record(sample, path) == real
    assert "real photos counts" in capsys.readouterr().out
    arrays = {part.replace("train", "training"): array for part, array in real["arrays"].items()}
    splits = [split.replace("train", "training") for split in real["photos"]["split"]]
    earlier = real | {"arrays": arrays, "photos": real["photos"] | {"split": splits}}
    path.write_text(json.dumps(earlier), encoding="utf-8")  # of the first edition
    assert photo_record.keep_record(sample, path) == real
    path.write_text("{", encoding="utf-8")
    assert photo_record.keep_record(sample, path) == sample


def test_what_was_written_survives_a_failure_to_write_again(tmp_path):
    resource = pytest.importorskip("resource")
    log = photo_record.TrainingLog(tmp_path / "log.csv")
    log.add(1, {"loss": 2.0})
    path = tmp_path / "hw4_record.json"
    record = good_record()
    photo_record.keep_record(record, path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert before["log.csv"] == b"stage,epoch,loss\r\n1,1,2.0\r\n"
    assert json.loads(before["hw4_record.json"]) == record
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))  # as on a full disk
    try:
        for write in (
            lambda: photo_record.keep_record(record | {"origin": "another run"}, path),
            lambda: log.add(1, {"loss": 1.0, "a measure with a long name": 1.0}),
        ):
            with pytest.raises(OSError):
                write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
