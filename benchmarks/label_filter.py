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

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

WANTED = ("/m/06m11", "/m/0ftb8")
CLASSES = 20_000
ROWS_AT_ONCE = 1_000_000
OURS = "ours: tables.lines_that_hold"
PANDAS = "pandas.read_csv"
PANDAS_CHUNKS = "pandas.read_csv, in chunks"
CSV_MODULE = "csv module"


def ours(path):
    from utils.openimages import tables

    def blocks():
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                yield block

    lines = tables.lines_that_hold(WANTED)(blocks())
    rows = csv.reader(line.decode() for line in lines)
    return [(row[0], row[2], float(row[3])) for row in rows if row[2] in WANTED]


def with_pandas(path, chunksize=None):
    import pandas

    parts = pandas.read_csv(path, chunksize=chunksize)
    parts = [parts] if chunksize is None else parts
    found = []
    for part in parts:
        part = part[part["LabelName"].isin(WANTED)]
        found += part[["ImageID", "LabelName", "Confidence"]].itertuples(index=False, name=None)
    return found


def with_pandas_in_chunks(path):
    return with_pandas(path, chunksize=ROWS_AT_ONCE)


def with_csv_module(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        return [(row[0], row[2], float(row[3])) for row in rows if row[2] in WANTED]


WAYS = {
    OURS: ours,
    PANDAS_CHUNKS: with_pandas_in_chunks,
    PANDAS: with_pandas,
    CSV_MODULE: with_csv_module,
}


# ------------------------------------------------------------------- one measurement


def measure(name, path):
    """Run one way in this process and print what was found as JSON."""
    import pandas  # noqa: F401  (imports are not part of the measurement)

    from utils.openimages import tables  # noqa: F401

    baseline = peak_memory()
    start = time.perf_counter()
    found = WAYS[name](path)
    seconds = time.perf_counter() - start
    digest = hash(tuple(sorted(found)))
    result = {"seconds": seconds, "memory": peak_memory() - baseline, "rows": len(found)}
    print(json.dumps(result | {"digest": digest}))


def peak_memory():
    """The largest resident memory of this process so far, in bytes."""
    with contextlib.suppress(OSError):  # Linux; getrusage counts what the parent had as well
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# ------------------------------------------------------------------- all measurements


def write_labels(path, size):
    """Write a file of so many bytes, in which each class has about as many rows."""
    random = np.random.default_rng(0)
    numbers = random.choice(10**6, CLASSES, replace=False)
    labels = np.array([*(f"/m/0{number:05x}" for number in numbers), *WANTED])
    sources = np.array(["verification", "crowdsource-verification"])
    confidences = np.array(["1", "0", "1.0", "0.0"])
    rows = size // 50
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("ImageID,Source,LabelName,Confidence\n")
        while file.tell() < size:
            count = min(rows, 200_000)
            columns = (
                [f"{number:016x}" for number in random.integers(0, 2**63, count)],
                sources[(random.random(count) < 0.1).astype(int)],
                labels[random.integers(0, len(labels), count)],
                confidences[random.integers(0, 4, count)],
            )
            file.write("\n".join(map(",".join, zip(*columns, strict=True))) + "\n")


def run(name, path):
    command = [sys.executable, "-m", "benchmarks.label_filter", "--way", name, "--file", str(path)]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"ended by signal {-done.returncode}"]
        return {"failed": reason[0]}
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=1, help="size of the file")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        measure(options.way, options.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels.csv")
        write_labels(path, int(options.gigabytes * 1e9))
        size = path.stat().st_size
        with open(path, "rb") as file:  # every way finds the file in the system's cache
            while file.read(1 << 24):
                pass
        results = {}
        for name in WAYS:
            results[name] = run(name, path)
    reference = results[OURS]
    print(
        f"A label file of {size / 1e6:,.0f} MB, {reference['rows']:,} rows of two classes wanted. "
        f"Python {platform.python_version()}, pandas {version('pandas')}, "
        f"{os.cpu_count()} CPU cores.\n"
    )
    print("| way | seconds | MB/s | ratio | peak memory |")
    print("|---|--:|--:|--:|--:|")
    for name, found in results.items():
        if "failed" in found:
            print(f"| {name} | failed: {found['failed']} | | | |")
            continue
        assert (found["rows"], found["digest"]) == (reference["rows"], reference["digest"]), name
        seconds = found["seconds"]
        print(
            f"| {name} | {seconds:.2f} | {size / 1e6 / seconds:,.0f} "
            f"| {seconds / reference['seconds']:.1f}× | {found['memory'] / 1e6:,.0f} MB |"
        )
    print("\nRatio: how many times as long as ours.")


def version(name):
    from importlib import metadata

    return metadata.version(name)


if __name__ == "__main__":
    main()
