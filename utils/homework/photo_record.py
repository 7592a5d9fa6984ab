"""What the transfer-learning homework writes for the grader: log, test set, record.

    log = TrainingLog()                          # model.fit(..., callbacks=[log.stage(1)])
    test_set = TestSet(photos, (side, side), log)
    accuracy = test_set.evaluate(predict)        # once, at the end
    this_run = make_record(...)
    hand_over(keep_record(this_run), this_run)   # hw4_record.json, to hand in

Lecture item L4.16.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from utils.common.files import write_atomically

if TYPE_CHECKING:
    import keras

    from utils.openimages import Photos

PARTS = ("train", "validation", "test")
RECORD = "hw4_record.json"
LOG = "hw4_training_log.csv"
LESSON = {"Cat", "Dog"}  # the lesson's categories: a student chooses others
MOST_ROWS = 300  # of a log are printed
MOST_FEATURES = 2000  # of a map are compared
THUMBNAIL = 16  # pixels; photos this small are for finding twins, not for judging a network

_handed_over = {"record": None, "this_run": None}


class TrainingLog:
    """The training log: one row an epoch, of both stages, in memory and in a new CSV file."""

    def __init__(self, path: str | Path = LOG):
        self.path = Path(path)
        self.rows = []
        self.path.unlink(missing_ok=True)

    def stage(self, number: int) -> keras.callbacks.Callback:
        """Return a callback for `model.fit` that adds a row for each epoch of this stage."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: self.add(number, logs or {})
        )

    def add(self, stage: int, logs: dict[str, float]) -> None:
        """Add a row, and write the file."""
        epoch = 1 + sum(row["stage"] == stage for row in self.rows)
        values = {name: round(float(value), 6) for name, value in logs.items()}
        self.rows.append({"stage": stage, "epoch": epoch, **values})
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, names)
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.path, table.getvalue().encode())  # training is often interrupted


class TestSet:
    """The test photos, in a drawer that counts how often it was opened, and when.

    Thumbnails, of at most 16 x 16 pixels, may be looked at: a search for twins needs them.

    Args:
        photos: What `openimages.download` returned.
        size: Height and width in pixels.
        log: Says how many epochs there were before.
    """

    __test__ = False  # the name must not make pytest collect it

    def __init__(self, photos: Photos, size: tuple[int, int], log: TrainingLog):
        self.labels = None
        self.predictions = None
        self.rows_before = []
        self.other_loads = 0
        self._size, self._log = size, log
        self._load = photos.load
        photos.load, photos.batches = self._counting(photos.load), self._counting(photos.batches)

    def _counting(self, read: Callable) -> Callable:
        """Return a function that does the same, and counts when it leads to the test photos."""

        def counted(split, size=(160, 160), *arguments, **options):
            result = read(split, size, *arguments, **options)
            self.other_loads += split == "test" and max(size) > THUMBNAIL
            return result

        return counted

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Return photos and labels, uncounted."""
        return self._load("test", size=self._size)

    def evaluate(self, predict: Callable) -> float:
        """Return the accuracy of `predict(x)`, from photos (n, height, width, 3) to n classes.

        Raises:
            ValueError: `predict` does not return one class for each photo.
        """
        x, labels = self.read()
        predictions = np.asarray(predict(x))
        if predictions.shape != labels.shape:
            raise ValueError(
                f"predict returned the shape {predictions.shape} for {len(labels)} photos; one "
                "class for each was expected: .argmax(axis=-1)"
            )
        self.rows_before.append(len(self._log.rows))
        self.predictions, self.labels = predictions, labels
        if len(self.rows_before) > 1:
            print(f"You have now opened the test set {len(self.rows_before)} times. Once is meant.")
        return float(np.mean(predictions == labels))


def weights_hash(*models: keras.Model) -> str:
    """Return a short text that changes when any weight of the models changes."""
    return _hash(*(weight for model in models for weight in model.get_weights()))


def source_of(function: Callable) -> str:
    """Return the source of a function that was defined in a cell; empty if there is none."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def max_distance(z: np.ndarray | None, x: np.ndarray | None, maps_of: Callable) -> float | None:
    """Return how far `z` is, at worst, from containing the maps of photos.

    Args:
        z: Maps, (n, …). Their order does not matter, and there may be more than photos.
        x: The photos; the first eight are looked at.
        maps_of: Makes maps of photos, as they should be.

    Returns:
        The largest difference between a map and the nearest one in `z`, as a fraction of the
        largest number in the maps; None if there is nothing to compare.
    """
    if z is None or x is None:
        return None
    try:
        right = np.asarray(maps_of(x[:8]), "float32")
        z = np.asarray(z, "float32")
    except Exception as error:  # of the student's; the check of that part tells more
        print(f"The maps of the first photos could not be made: {error}")
        return None
    if z.shape[1:] != right.shape[1:] or not len(z):
        return None
    z, right = z.reshape(len(z), -1), right.reshape(len(right), -1)
    step = max(1, right.shape[1] // MOST_FEATURES)
    z, right = z[:, ::step], right[:, ::step]
    far = max(float(np.abs(z - features).max(axis=1).min()) for features in right)
    return far / max(float(np.abs(right).max()), 1.0)


# --- The record ------------------------------------------------------------------------------


def make_record(
    photos: Photos,
    arrays: dict[str, tuple[np.ndarray, np.ndarray]],
    test_set: TestSet,
    log: TrainingLog,
    **more: object,
) -> dict:
    """Return everything that the rubric asks about a run, as plain values.

    Args:
        photos: What `openimages.download` returned.
        arrays: Part -> (x, y), the arrays that were trained and validated with.
        test_set: The test photos.
        log: The training log.
        **more: Further plain values.
    """
    table = photos.table
    columns = {name: list(map(str, table[name])) for name in ("image_id", "split", "class_name")}
    columns["sha256"] = [str(value)[:16] for value in table["sha256"]]
    return {
        "sample": bool(photos.origin.is_sample),
        # Not `origin.text`, which may name a folder of the student's.
        "origin": f"{len(table)} photos; source: {photos.origin.kind}",
        "classes": list(photos.classes),
        "photos": columns,
        "arrays": {
            part: {"labels": _integers(y), "hashes": [_hash(photo) for photo in x]}
            for part, (x, y) in {**arrays, "test": test_set.read()}.items()
        },
        "test": {
            "evaluations": len(test_set.rows_before),
            "rows_before": test_set.rows_before,
            "other_loads": test_set.other_loads,
            "predictions": _integers(test_set.predictions),
            "labels": _integers(test_set.labels),
        },
        "log": log.rows,
        **more,
    }


def _hash(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _integers(values: np.ndarray | None) -> list[int] | None:
    return None if values is None else np.asarray(values).astype(int).tolist()


def keep_record(record: dict, path: str | Path = RECORD) -> dict:
    """Write the record of this run, unless it would replace a better one.

    The grader has no internet, so there this run may use the sample. A record of a run on real
    photos that was handed in is then the one that counts.

    Returns:
        The record that counts.
    """
    path = Path(path)
    if record["sample"] and path.is_file():
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            earlier = None
        if isinstance(earlier, dict) and earlier.get("sample") is False:
            print(f"This run uses sample photos. {path} of your run on real photos counts.")
            return _with_todays_names(earlier)
    write_atomically(path, json.dumps(record).encode())
    print(f"Wrote {path}: hand it in with the notebook.")
    return record


def _with_todays_names(record: dict) -> dict:
    """Return a record whose training part is called "train"; it used to be "training"."""
    try:
        splits = ["train" if name == "training" else name for name in record["photos"]["split"]]
        arrays = {
            "train" if part == "training" else part: array
            for part, array in record["arrays"].items()
        }
        return record | {"photos": record["photos"] | {"split": splits}, "arrays": arrays}
    except (KeyError, TypeError, AttributeError):  # not whole; the test cells say so
        return record


def hand_over(record: dict | None, this_run: dict | None) -> None:
    """Keep the record that counts and that of this run for the test cells."""
    _handed_over.update(record=record, this_run=this_run)


def handed_over() -> tuple[dict | None, dict | None]:
    """Return the record that counts, and that of this run."""
    return _handed_over["record"], _handed_over["this_run"]


def show_record(record: dict) -> None:
    """Print the record that counts, for whoever reads the comments: photos, log, accuracy."""
    try:
        lines = list(_lines(record))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        lines = [f"The record that counts cannot be shown: {type(error).__name__}: {error}."]
    print("\n".join(lines))


def _lines(record: dict) -> Iterator[str]:
    sample = " THESE ARE SAMPLE PHOTOS, not two categories of your own." if record["sample"] else ""
    yield f"The record that counts.{sample}"
    yield f"{record['origin']}; categories: {', '.join(record['classes'])}"
    if set(record["classes"]) == LESSON:
        yield "Cats and dogs are the lesson's categories, not the student's own."
    for part in PARTS:
        labels = record["arrays"][part]["labels"]
        yield f"{part}: {labels.count(0)} + {labels.count(1)}"
    for row in record["log"][:MOST_ROWS]:
        values = [
            f"{name} {float(value):.4g}"
            for name, value in row.items()
            if name not in ("stage", "epoch")
        ]
        yield f"stage {row['stage']}, epoch {row['epoch']}: {', '.join(values)}"
    accuracy = record["test_accuracy"]
    yield "test accuracy: " + ("none" if accuracy is None else f"{accuracy:.1%}")
