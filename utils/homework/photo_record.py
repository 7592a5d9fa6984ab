"""What the homework on transfer learning keeps for the grader: log, test set, record.

    log = TrainingLog()                          # model.fit(..., callbacks=[log.stage(1)])
    test_set = TestSet(photos, (side, side), log)
    accuracy = test_set.evaluate(predict)        # once, at the end
    this_run = make_record(...)
    hand_over(keep_record(this_run), this_run)   # hw4_record.json, to hand in

Lecture item L4.16.
"""

import csv
import hashlib
import inspect
import io
import json
import pathlib

import numpy as np

from utils.common.files import write_atomically

PARTS = ("training", "validation", "test")
RECORD = "hw4_record.json"
LOG = "hw4_training_log.csv"
LESSON = {"Rose", "Sunflower"}  # the lesson's categories: a student chooses others
MOST_ROWS = 300  # of a log are printed
MOST_FEATURES = 2000  # of a map are compared
THUMBNAIL = 16  # pixels; photos this small are for finding twins, not for judging a network

_handed_over = {"record": None, "this_run": None}


class TrainingLog:
    """The training log: one row an epoch, of both stages, in memory and in a CSV file.

    Args:
        path: the file. It is begun anew.
    """

    def __init__(self, path=LOG):
        self.path = pathlib.Path(path)
        self.rows = []
        self.path.unlink(missing_ok=True)

    def stage(self, number):
        """A callback for `model.fit` that writes a row for each epoch of this stage."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: self._add(number, logs or {})
        )

    def _add(self, number, logs):
        epoch = 1 + sum(row["stage"] == number for row in self.rows)
        values = {name: round(float(value), 6) for name, value in logs.items()}
        self.rows.append({"stage": number, "epoch": epoch, **values})
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, names)
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.path, table.getvalue().encode())  # training is often interrupted


class TestSet:
    """The test photos, in a drawer: it counts how often it was opened, and when.

    Thumbnails, of at most 16 x 16 pixels, may be looked at: a search for twins needs them.

    Args:
        photos: what `openimages.download` returned.
        size: height and width in pixels.
        log: the `TrainingLog`, which tells how many epochs there were before.
    """

    __test__ = False  # the name must not make pytest collect it

    def __init__(self, photos, size, log):
        self.labels = None
        self.predictions = None
        self.rows_before = []
        self.other_loads = 0
        self._size, self._log = size, log
        self._load = photos.load
        photos.load, photos.batches = self._counting(photos.load), self._counting(photos.batches)

    def _counting(self, read):
        """The same way to the photos, which counts when it leads to the test photos."""

        def counted(split, size=(160, 160), *arguments, **options):
            found = read(split, size, *arguments, **options)
            self.other_loads += split == "test" and max(size) > THUMBNAIL
            return found

        return counted

    def _read(self):
        return self._load("test", size=self._size)

    def evaluate(self, predict):
        """Accuracy of `predict(x)`, from photos (n, height, width, 3) to n classes.

        Raises:
            ValueError: `predict` does not return one class for each photo.
        """
        x, labels = self._read()
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


def fingerprint(*models):
    """A short text that changes when any weight of the models changes."""
    digest = hashlib.sha256()
    for model in models:
        for weight in model.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]


def source_of(function):
    """The source of a function that was defined in a cell; empty where it cannot be found."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def how_alike(z, x, maps_of):
    """Whether `z` holds the maps of photos: how far it is from them, at worst.

    Args:
        z: maps, (n, …). Their order does not matter, and there may be more than photos.
        x: the photos; the first eight are looked at.
        maps_of: makes maps of photos, as they should be.

    Returns:
        The largest difference between a map and the nearest one in `z`, as a part of the largest
        number in the maps; None where there is nothing to compare.
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
    far = max(float(np.abs(z - each).max(axis=1).min()) for each in right)
    return far / max(float(np.abs(right).max()), 1.0)


def make_record(photos, arrays, test_set, log, **more):
    """Everything about a run that the rubric asks for, as plain values.

    Args:
        photos: what `openimages.download` returned.
        arrays: part -> (x, y), the arrays that were trained and validated with.
        test_set: the `TestSet`.
        log: the `TrainingLog`.
        more: further plain values.
    """
    table = photos.table
    columns = {name: [str(value) for value in table[name]] for name in ("image_id", "split")}
    columns["class_name"] = [str(value) for value in table["class_name"]]
    columns["sha256"] = [str(value)[:16] for value in table["sha256"]]
    arrays = {**arrays, "test": test_set._read()}
    test = {"evaluations": len(test_set.rows_before), "rows_before": test_set.rows_before}
    test["other_loads"] = test_set.other_loads
    for name in ("predictions", "labels"):
        value = getattr(test_set, name)
        test[name] = None if value is None else np.asarray(value).astype(int).tolist()
    return {
        "sample": bool(photos.origin.is_sample),
        # Not `origin.text`, which may name a folder of the student's.
        "origin": f"{len(table)} photos; source: {photos.origin.kind}",
        "classes": list(photos.classes),
        "photos": columns,
        "arrays": {part: _about(x, y) for part, (x, y) in arrays.items()},
        "test": test,
        "log": log.rows,
        **more,
    }


def _about(x, y):
    """Labels and hashes of the photos in an array; two photos with the same hash are the same."""
    hashes = [hashlib.sha256(np.ascontiguousarray(photo).tobytes()).hexdigest()[:16] for photo in x]
    return {"labels": np.asarray(y).astype(int).tolist(), "hashes": hashes}


def keep_record(record, path=RECORD):
    """Writes the record of this run, whole or not at all, unless it would replace a better one.

    The grader has no internet, so there this run may stand on the sample. A record of a run on
    real photos that was handed in is then the one that counts.

    Returns:
        The record that counts.
    """
    path = pathlib.Path(path)
    if record["sample"] and path.is_file():
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            earlier = None
        if isinstance(earlier, dict) and earlier.get("sample") is False:
            print(f"This run stands on sample photos. {path} of your run on real photos counts.")
            return earlier
    write_atomically(path, json.dumps(record).encode())
    print(f"Wrote {path}: hand it in with the notebook.")
    return record


def hand_over(record, this_run):
    """Keeps the record that counts and that of this run for the test cells."""
    _handed_over.update(record=record, this_run=this_run)


def handed_over():
    """The record that counts, and that of this run."""
    return _handed_over["record"], _handed_over["this_run"]


def show_record(record):
    """Prints the record that counts, for whoever reads the comments: photos, log, accuracy."""
    try:
        lines = list(_told(record))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        lines = [f"The record that counts cannot be shown: {type(error).__name__}: {error}."]
    print("\n".join(lines))


def _told(record):
    """The record, line by line."""
    sample = " THESE ARE SAMPLE PHOTOS, not two categories of your own." if record["sample"] else ""
    yield f"The record that counts.{sample}"
    yield f"{record['origin']}; categories: {', '.join(record['classes'])}"
    if set(record["classes"]) == LESSON:
        yield "Roses and sunflowers are the lesson's categories, not the student's own."
    for part in PARTS:
        labels = record["arrays"][part]["labels"]
        yield f"{part}: {labels.count(0)} + {labels.count(1)}"
    for row in record["log"][:MOST_ROWS]:
        values = {name: value for name, value in row.items() if name not in ("stage", "epoch")}
        told = ", ".join(f"{name} {float(value):.4g}" for name, value in values.items())
        yield f"stage {row['stage']}, epoch {row['epoch']}: {told}"
    accuracy = record["test_accuracy"]
    yield "test accuracy: " + ("none" if accuracy is None else f"{accuracy:.1%}")
