"""Which lesson ran where: the table that `make test-all` ends with.

Each run of the tests leaves what became of its notebooks in build/matrix/NAME.json, where NAME is
what `--environment-name` said: newest, colab (Colab's frozen versions) or tpu (the same without
TensorFlow, as on Colab's TPU runtime). This puts them side by side:

    python -m tools.run.matrix
"""

import json
import sys

from tools.authoring import check

FOLDER = check.ROOT / "build" / "matrix"
MARKS = {"passed": "{seconds:.0f} s", "failed": "FAILED", "skipped": "-"}


def remember(name, runs):
    """Write the outcomes of one run of the tests; what it did not try keeps its last outcome.

    Args:
        name: The environment's name; it is the file's name too.
        runs: Dictionaries with lesson, backend, kind ("sample", "real"), outcome and seconds.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    now = {_combination(run): run for run in before} | {_combination(run): run for run in runs}
    path.write_text(json.dumps(list(now.values()), indent=1) + "\n", encoding="utf-8")


def _combination(run):
    return run["lesson"], run["backend"], run["kind"]


def remembered():
    """All outcomes on disk: a dictionary of environment to runs."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*.json"))
    }


def as_table(environments):
    """The outcomes as lines of text: a lesson a row; environment, backend and data a column.

    A combination that was never tried is empty, and one that was skipped has a dash.
    """
    columns, cells = [], {}
    for environment, runs in environments.items():
        for run in runs:
            column = (environment, run["backend"], run["kind"])
            if column not in columns and run["outcome"] != "skipped":
                columns.append(column)
            cells[run["lesson"], column] = MARKS[run["outcome"]].format(**run)
    lessons = sorted({lesson for lesson, _ in cells})
    heads = [["lesson", *(column[part] for column in columns)] for part in range(3)]
    heads[1][0] = heads[2][0] = ""
    rows = [[lesson, *(cells.get((lesson, c), "") for c in columns)] for lesson in lessons]
    widths = [max(map(len, column)) for column in zip(*heads, *rows, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in heads + rows
    ]


def missing(environments):
    """Sentences about lessons that an environment should have run, and did not at all."""
    lessons = {run["lesson"] for runs in environments.values() for run in runs}
    sentences = []
    for environment, runs in environments.items():
        ran = {run["lesson"] for run in runs if run["outcome"] != "skipped"}
        sentences += [f"{lesson} never ran in {environment}." for lesson in sorted(lessons - ran)]
    return sentences


def main():
    """Print the table; the exit status is 1 if anything in it failed or is missing."""
    environments = remembered()
    if not environments:
        sys.exit(f"{FOLDER} holds no outcomes yet: run `make test` or `make test-all` first.")
    print("\n".join(as_table(environments)))
    gaps = missing(environments)
    print("\n".join(gaps))
    runs = [run for environment in environments.values() for run in environment]
    if not any(run["outcome"] != "skipped" and run["kind"] == "real" for run in runs):
        print("Real data are left out: COURSE_DATA_MIRROR named no mirror of them.")
    return int(bool(gaps) or any(run["outcome"] == "failed" for run in runs))


if __name__ == "__main__":
    sys.exit(main())
