"""Which lesson ran where: the table that `make test-all` ends with.

Each run of the tests leaves what became of its notebooks in build/matrix/NAME.json, where NAME is
what `--environment-name` said: newest, colab (Colab's frozen versions) or tpu (the same without
TensorFlow, as on Colab's TPU runtime). This script puts them side by side.
"""

import json
import pathlib
import sys

from rich import box
from rich.console import Console
from rich.table import Table

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "build" / "matrix"
MARKS = {"passed": "{seconds:.0f} s", "failed": "FAILED", "skipped": "-"}


def save(name: str, runs: list[dict]) -> None:
    """Write the outcomes of one run of the tests; what it did not try keeps its last outcome.

    Args:
        name: The environment's name; it is the file's name, too.
        runs: Dictionaries with lesson, backend, kind ("sample", "real"), outcome and seconds.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    latest = {(run["lesson"], run["backend"], run["kind"]): run for run in before + runs}
    path.write_text(json.dumps(list(latest.values()), indent=1) + "\n", encoding="utf-8")


def load() -> dict[str, list[dict]]:
    """Return all saved outcomes: the runs of each environment."""
    return {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))
    }


def table(environments: dict[str, list[dict]]) -> Table:
    """Return the outcomes as a table: a lesson a row; environment, backend and data a column.

    A combination that was never tried is empty, and one that was skipped has a dash.
    """
    columns, cells = [], {}
    for environment, runs in environments.items():
        for run in runs:
            column = f"{environment}\n{run['backend']}\n{run['kind']}"
            if column not in columns and run["outcome"] != "skipped":
                columns.append(column)
            cells[run["lesson"], column] = MARKS[run["outcome"]].format(**run)
    rows = Table("lesson", *columns, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for lesson in sorted({lesson for lesson, _ in cells}):
        rows.add_row(lesson, *(cells.get((lesson, column), "") for column in columns))
    return rows


def missing(environments: dict[str, list[dict]]) -> list[str]:
    """Return a sentence about each lesson that an environment should have run, and did not."""
    lessons = {run["lesson"] for runs in environments.values() for run in runs}
    sentences = []
    for environment, runs in environments.items():
        ran = {run["lesson"] for run in runs if run["outcome"] != "skipped"}
        sentences += [f"{lesson} never ran in {environment}." for lesson in sorted(lessons - ran)]
    return sentences


def main() -> int:
    """Print the table; the exit status is 1 if anything in it failed or is missing."""
    environments = load()
    Console(width=120).print(table(environments))
    gaps = missing(environments)
    print("\n".join(gaps))
    runs = [run for environment in environments.values() for run in environment]
    if not any(run["outcome"] != "skipped" and run["kind"] == "real" for run in runs):
        print("Real data are left out: COURSE_DATA_MIRROR named no mirror of them.")
    return int(bool(gaps) or not runs or any(run["outcome"] == "failed" for run in runs))


if __name__ == "__main__":
    sys.exit(main())
