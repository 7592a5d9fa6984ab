"""Compare ways to get the labels of two classes out of a large label file: speed and memory.

    python -m benchmarks.label_filter                  # a file of 1 GB, about a minute
    python -m benchmarks.label_filter --gigabytes 0.1  # a quick look

The file looks like the label files of Open Images V7 (`ImageID,Source,LabelName,Confidence`;
that of the training part has 2.7 GB). Every way runs in a process of its own, has to find the
same rows, and ends with them in memory:

- ours: `utils.openimages.tables`, which streams blocks of 1 MB,
- `pandas.read_csv` of the whole file, then a comparison of the column; also in chunks,
- the csv module, line by line.

Peak memory: what the process needs beyond its imports.
"""

import csv
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
import pandas

from benchmarks import _harness as harness
from utils.openimages import tables

WANTED = ("/m/06m11", "/m/0ftb8")
CLASSES = 20_000
ROWS_AT_ONCE = 1_000_000


def ours(path):
    """Filter blocks of bytes before they become rows."""

    def blocks():
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                yield block

    lines = tables.lines_that_hold(WANTED)(blocks())
    rows = csv.reader(line.decode() for line in lines)
    return [(row[0], row[2], float(row[3])) for row in rows if row[2] in WANTED]


def with_pandas(path, chunksize=None):
    """Read the table, whole or in chunks, and compare a column."""
    parts = pandas.read_csv(path, chunksize=chunksize)
    rows = []
    for part in [parts] if chunksize is None else parts:
        part = part[part["LabelName"].isin(WANTED)]
        rows += part[["ImageID", "LabelName", "Confidence"]].itertuples(index=False, name=None)
    return rows


def with_pandas_in_chunks(path):
    """Read the table in chunks."""
    return with_pandas(path, chunksize=ROWS_AT_ONCE)


def with_csv_module(path):
    """Read the table line by line."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        return [(row[0], row[2], float(row[3])) for row in rows if row[2] in WANTED]


WAYS = {
    "ours": ours,
    "`pandas.read_csv`, in chunks": with_pandas_in_chunks,
    "`pandas.read_csv`, whole": with_pandas,
    "csv module": with_csv_module,
}


def measure(report, name, path):
    """Report the seconds and the memory of one way, and what it found."""
    baseline = harness.peak_memory()
    start = time.perf_counter()
    rows = WAYS[name](path)
    seconds = time.perf_counter() - start
    memory = harness.peak_memory() - baseline
    digest = zlib.crc32(repr(sorted(rows)).encode())
    report({"seconds": seconds, "memory": memory, "rows": (len(rows), digest)})


def write_labels(path, size):
    """Write a file of that many bytes, in which all classes have about as many rows."""
    random = np.random.default_rng(0)
    numbers = random.choice(10**6, CLASSES, replace=False)
    labels = np.array([*(f"/m/0{number:05x}" for number in numbers), *WANTED])
    sources = np.array(["verification", "crowdsource-verification"])
    confidences = np.array(["1", "0", "1.0", "0.0"])
    count = min(size // 50, 200_000)
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("ImageID,Source,LabelName,Confidence\n")
        while file.tell() < size:
            columns = (
                [f"{number:016x}" for number in random.integers(0, 2**63, count)],
                sources[(random.random(count) < 0.1).astype(int)],
                labels[random.integers(0, len(labels), count)],
                confidences[random.integers(0, 4, count)],
            )
            file.write("\n".join(map(",".join, zip(*columns, strict=True))) + "\n")


def rows(path):
    """Yield a row of the table for every way."""
    size = path.stat().st_size
    reference = None
    for name in WAYS:
        result = harness.in_a_process(measure, name, path)
        if result["ended"]:
            yield name, result["ended"], "", "", ""
            continue
        reference = reference or result
        assert result["rows"] == reference["rows"], f"{name} must find the same rows"
        seconds = result["seconds"]
        times = harness.ratio(seconds, reference["seconds"])
        speed = f"{size / 1e6 / seconds:,.0f}"
        yield name, f"{seconds:.2f}", speed, times, harness.megabytes(result["memory"])
    print(f"\n{reference['rows'][0]:,} rows; ratio: how many times as long as ours.")


def main():
    """Measure every way on one file."""
    options = harness.options(__doc__, gigabytes=1.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels.csv")
        write_labels(path, int(options.gigabytes * 1e9))
        with open(path, "rb") as file:  # every way finds the file in the system's cache
            while file.read(1 << 24):
                pass
        print(f"{harness.machine('pandas')}; {harness.megabytes(path.stat().st_size)}\n")
        harness.table(["way", "seconds", "MB/s", "ratio", "peak memory"], rows(path))


if __name__ == "__main__":
    main()
