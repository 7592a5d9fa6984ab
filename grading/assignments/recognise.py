"""Match a submission's cells with the assignment's, by their ids or their texts."""

import collections
import difflib
import re

from grading.assignments.released import TEXT, ReleasedCells, SubmittedCell

# How much of the lines of an empty answer cell must be found in a cell without metadata for it to
# be taken for that answer, from 0 to 1.
ENOUGH_LIKENESS = 0.5


def words_of(source: str) -> str:
    """Return a source without differences in spaces and empty lines."""
    return re.sub(r"\s+", " ", source).strip()


def find_texts(cells: list[SubmittedCell], released: ReleasedCells) -> None:
    """Find the assignment's text cells, which only help to find places."""
    missing = collections.defaultdict(list)
    for key, cell in released.all.items():
        if key.startswith(TEXT):
            missing[words_of(cell["source"])].append(key)
    for submitted in cells:
        keys = missing.get(words_of(submitted.source))
        if keys and submitted.key is None:
            submitted.key = keys.pop(0)
            if submitted.is_code:  # a text that was turned into code would only fail
                submitted.cell["cell_type"] = released.all[submitted.key]["cell_type"]


def recognise(cells: list[SubmittedCell], released: ReleasedCells) -> list[str]:
    """Give cells that lost their metadata their grade_id back; return these grade_ids."""
    present = {submitted.key for submitted in cells}
    lost = [grade_id for grade_id in released.marked if grade_id not in present]
    free = [submitted for submitted in cells if submitted.key is None]
    recognised = []
    for grade_id in lost:  # first those that match to the letter
        words = words_of(released.marked[grade_id]["source"])
        same = (cell for cell in free if not cell.key and words_of(cell.source) == words)
        if submitted := next(same, None):
            submitted.key = grade_id
            recognised.append(grade_id)
    pairs = [
        (_likeness(free[number].cell, released.marked[grade_id]), -number, grade_id)
        for number in range(len(free))
        for grade_id in lost
        if not free[number].key
        and grade_id not in recognised
        # A cell that holds several answers belongs to none of them: in the place of one it would
        # come too late for the others. And the text of a locked cell will be replaced.
        and len(released.answers_in(free[number])) <= released.is_answer(grade_id)
    ]
    for likeness, number, grade_id in sorted(pairs, reverse=True):
        submitted = free[-number]
        if likeness >= ENOUGH_LIKENESS and not submitted.key and grade_id not in recognised:
            submitted.key, submitted.is_guess = grade_id, True
            recognised.append(grade_id)
    return recognised


def _likeness(cell: dict, wanted: dict) -> float:
    """Return how much of the wanted cell is found in a cell, from 0 to 1."""
    if cell["cell_type"] != wanted["cell_type"]:
        return 0.0
    lines = [line.strip() for line in wanted["source"].splitlines()]
    lines = [line for line in lines if line and not line.startswith("# Your code here")]
    present = {line.strip() for line in cell["source"].splitlines()}
    if not lines:
        return 0.0
    common = sum(line in present for line in lines) / len(lines)
    if common < ENOUGH_LIKENESS - 0.01:  # the rest takes time, and would not be enough
        return common
    # Among several with as many lines in common: the one that is most alike as a whole.
    whole = difflib.SequenceMatcher(None, cell["source"][:4000], wanted["source"][:4000])
    return common + 0.01 * whole.quick_ratio()


def separate_additions(
    cells: list[SubmittedCell], released: ReleasedCells
) -> tuple[list[SubmittedCell], list[str]]:
    """Turn what was added to locked cells into cells of the student's own.

    "Merge cells" gives two cells the metadata of the first, and some students write their answer
    into the test cell.

    Returns:
        The cells, and sentences about what was done.
    """
    texts = {words_of(cell["source"]) for cell in released.marked.values()}
    result, notes = [], []
    for submitted in cells:
        parts = _additions(submitted, released)
        before, after = (
            [SubmittedCell({**submitted.cell, "source": part, "metadata": {}})]
            if part and words_of(part) not in texts
            else []
            for part in parts
        )
        result += [*before, submitted, *after]
        if before or after:
            subject = released.subject([submitted.key])
            notes.append(f"{subject} written into; what was added runs as a cell of its own.")
    return result, notes


def _additions(submitted: SubmittedCell, released: ReleasedCells) -> tuple[str, str]:
    """Return what was added above and below the text of a locked cell."""
    key, source = submitted.key, submitted.source
    if not released.is_locked(key) or not submitted.is_code:
        return "", ""
    for wanted in (released.instructors[key], released.marked[key]["source"]):
        added = _around(source, wanted)
        if added is not None:
            return added
    if not released.answers_in(submitted):  # the text itself was changed, too
        return "", ""
    return (source, "") if released.is_test(key) else ("", source)


def _around(source: str, wanted: str) -> tuple[str, str] | None:
    """Return what stands above and below a text in a source; None if it is not there."""
    lines, inner = ([line.rstrip() for line in text.splitlines()] for text in (source, wanted))
    inner = "\n".join(inner).strip("\n").split("\n")
    for start in range(len(lines) - len(inner) + 1):
        end = start + len(inner)
        if lines[start:end] == inner:
            return "\n".join(lines[:start]).strip("\n"), "\n".join(lines[end:]).strip("\n")
    return None
