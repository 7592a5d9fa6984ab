"""A submitted notebook, put back into the shape of its assignment before it is executed.

Students delete, copy, move and edit cells that they should leave alone, and tools drop metadata:
Colab drops the ids of cells, others drop everything. What belongs to the assignment is recognised
by its `grade_id`, or, if that is gone, by its text. Then:

- locked cells and test cells are as in the assignment, each once and in its place;
- the student's answers stay as they are, in the places where answers belong;
- the student's own cells stay, in their order, where they were, and so does what was added to a
  locked cell, as when two cells are merged;
- a test cell never comes before the only cell that gives what it tests (see `order`).
"""

import copy
import itertools

import nbformat

from grading.assignments.assignment import Assignment
from grading.assignments.order import in_running_order
from grading.assignments.recognise import find_texts, recognise, separate_additions, words_of
from grading.assignments.released import TEXT, ReleasedCells, SubmittedCell, grade_id_of

# It is better to leave a moved answer where it is, with the student's cells around it, and to put a
# moved test cell back, than the other way round.
WEIGHT_OF_ANSWER, WEIGHT_OF_LOCKED, WEIGHT_OF_TEXT = 30, 20, 1
# Stands in for an answer cell that is gone. The stub would not do: the student may have answered
# in another cell, as after "merge cells", and `total = None` would take that answer back.
MISSING = "# This cell was missing."


def restore(submitted: dict, assignment: Assignment) -> tuple[nbformat.NotebookNode, list[str]]:
    """Put a submitted notebook in order.

    Args:
        submitted: The notebook in format 4, as `grading.intake.notebooks.parse` gives it. It is
            not changed.
        assignment: The assignment.

    Returns:
        A valid notebook without outputs, whose cells with a `grade_id` are those of the students'
        version, each once, in its order, unless that would test an answer before it is given; and
        sentences about what was put right. Test cells have only their visible part.
    """
    released = ReleasedCells(assignment)
    cells = [SubmittedCell(copy.deepcopy(dict(cell))) for cell in submitted["cells"]]
    for cell in cells:
        grade_id = grade_id_of(cell.cell)
        cell.key = grade_id if grade_id in released.marked else None
    notes = _other_homework(cells, released)
    find_texts(cells, released)
    had_marks = any(cell.key in released.marked for cell in cells)
    recognised = recognise(cells, released)
    cells, additions = separate_additions(cells, released)
    cells, duplicates = _settle_duplicates(cells, released)
    in_place = _in_place(cells, released)
    for cell in cells:  # an answer that only its text makes one stays where it is
        if cell.is_guess and released.is_answer(cell.key) and cell not in in_place:
            cell.key = None
    recognised = [key for key in recognised if any(cell.key == key for cell in cells)]
    notes += additions + duplicates + _about_recognised(recognised, had_marks, released)
    moved = [cell.key for cell in cells if cell.key in released.marked and cell not in in_place]
    if moved:
        notes.append(f"{released.subject(moved)} moved and put back.")
    notes += _about_missing(cells, released)
    placed = _place(cells, in_place, released)
    notes += _about_edited(placed, released)
    placed, reordered = in_running_order(placed, released)
    about = assignment.notebook.metadata
    metadata = {name: about[name] for name in ("kernelspec", "language_info") if name in about}
    notebook = nbformat.v4.new_notebook(metadata=metadata, cells=_finished(placed, released))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook, notes + reordered


def _other_homework(cells: list[SubmittedCell], released: ReleasedCells) -> list[str]:
    """Return a note if the cells belong to another assignment."""
    foreign = {grade_id_of(cell.cell) for cell in cells} - {None}
    if not foreign or foreign & released.marked.keys():
        return []
    names = sorted({grade_id.split("-")[0] for grade_id in foreign})
    return [
        f"The notebook does not look like {released.name}: its cells belong to "
        f"{', '.join(names)}. Was the wrong file handed in?"
    ]


# --- Duplicates ------------------------------------------------------------------------------


def _settle_duplicates(
    cells: list[SubmittedCell], released: ReleasedCells
) -> tuple[list[SubmittedCell], list[str]]:
    """Leave each grade_id only once; return the cells, and sentences about what was done."""
    cells, notes = list(cells), []
    for grade_id in released.marked:
        copies = [cell for cell in cells if cell.key == grade_id]
        if len(copies) < 2:
            continue
        about = f"{released.subject([grade_id])} there {len(copies)} times"
        if released.is_locked(grade_id):
            cells = [cell for cell in cells if cell not in copies[1:]]
            notes.append(f"{about}; one was kept.")
            continue
        first, *others = _answered(copies, released.marked[grade_id]["source"])
        below = cells[cells.index(first) :]
        test = next((cell for cell in below if released.is_test(cell.key)), None)
        too_late = below[below.index(test) :] if test else []
        in_time = [cell for cell in others if cell not in too_late]
        stale = [cell for cell in copies if cell is not first and cell not in others]
        cells = [cell for cell in cells if cell not in stale and cell not in in_time]
        cells[cells.index(first) + 1 : cells.index(first) + 1] = in_time  # they run right after it
        for cell in others:
            cell.key = None  # of the student's own
        if not others:
            notes.append(f"{about}. Copies without an answer of their own were left out.")
        elif len(in_time) == len(others):
            notes.append(f"{about}. They run in their order, so the last one counts.")
        else:
            notes.append(
                f"{about}. They run in their order; what is below the test cell does not count "
                "for it."
            )
    return cells, notes


def _answered(copies: list[SubmittedCell], stub: str) -> list[SubmittedCell]:
    """Return the copies of an answer cell that say something new; the first if none does."""
    seen, answered = {words_of(stub), ""}, []
    for cell in copies:
        words = words_of(cell.source)
        if words not in seen:
            answered.append(cell)
            seen.add(words)
    return answered or copies[:1]


# --- Order -----------------------------------------------------------------------------------


def _in_place(cells: list[SubmittedCell], released: ReleasedCells) -> set[SubmittedCell]:
    """Return the cells that are in order already: the heaviest rising subsequence."""
    order = {key: number for number, key in enumerate(released.all)}
    best = {}  # cell -> (weight of the best chain that ends here, the cell before)
    for cell in cells:
        if cell.key is None:
            continue
        weight = WEIGHT_OF_TEXT
        if released.is_answer(cell.key) and not cell.is_guess:
            weight = WEIGHT_OF_ANSWER
        elif released.is_locked(cell.key):
            weight = WEIGHT_OF_LOCKED
        before = [other for other in best if order[other.key] < order[cell.key]]
        last = max(before, key=lambda other: best[other][0], default=None)
        best[cell] = (weight + (best[last][0] if last else 0), last)
    cell = max(best, key=lambda other: best[other][0], default=None)
    in_place = set()
    while cell:
        in_place.add(cell)
        cell = best[cell][1]
    return in_place


def _place(
    cells: list[SubmittedCell], in_place: set[SubmittedCell], released: ReleasedCells
) -> list[SubmittedCell]:
    """Return all cells in their final order, with a cell for each that is missing."""
    moved = {cell.key: cell for cell in cells if cell.key in released.marked}
    moved = {key: cell for key, cell in moved.items() if cell not in in_place}
    placed, own, waiting = [], [], list(released.all)
    for cell in cells:
        if cell in in_place:
            position = waiting.index(cell.key)
            placed += _between(waiting[:position], moved, own)
            waiting, own = waiting[position + 1 :], []
            placed.append(SubmittedCell(cell.cell) if cell.key.startswith(TEXT) else cell)
        elif cell.key not in moved:
            own.append(SubmittedCell(cell.cell))
    return placed + _between(waiting, moved, own)


def _between(
    keys: list[str], moved: dict[str, SubmittedCell], own: list[SubmittedCell]
) -> list[SubmittedCell]:
    """Return what comes between two cells: what was missing, the student's, what was moved."""
    keys = [key for key in keys if not key.startswith(TEXT)]
    cells = [moved.get(key, SubmittedCell(None, key)) for key in keys]
    first = next((number for number, key in enumerate(keys) if key in moved), len(keys))
    return [*cells[:first], *own, *cells[first:]]


# --- Notes and the notebook ------------------------------------------------------------------


def _about_recognised(keys: list[str], had_marks: bool, released: ReleasedCells) -> list[str]:
    if keys and not had_marks:
        return [
            "The notebook came without the metadata that name its cells; "
            f"{len(keys)} of {len(released.marked)} were recognised by their text."
        ]
    return [f"{released.subject(keys)} recognised by the text."] if keys else []


def _about_missing(cells: list[SubmittedCell], released: ReleasedCells) -> list[str]:
    present = {cell.key for cell in cells}
    missing = [key for key in released.marked if key not in present]
    if len(missing) == len(released.marked) > 0:
        return ["None of the assignment's cells was found; all were put in, without answers."]
    elsewhere = set().union(*map(released.answers_in, cells))
    groups = {
        "put back": [key for key in missing if released.is_locked(key)],
        "another cell gives the answer": [key for key in missing if key in elsewhere],
        "not answered, unless another cell gives the answer": [
            key for key in missing if released.is_answer(key) and key not in elsewhere
        ],
    }
    return [f"{released.subject(keys)} missing: {words}." for words, keys in groups.items() if keys]


def _about_edited(placed: list[SubmittedCell], released: ReleasedCells) -> list[str]:
    notes = []
    for submitted in placed:
        key, cell = submitted.key, submitted.cell
        if key is None or cell is None:
            continue
        # The instructor's own version, handed in, gets no note that its tests differ.
        originals = (released.marked[key]["source"], released.instructors[key])
        if cell["cell_type"] != released.marked[key]["cell_type"]:
            notes.append(f"{released.subject([key])} turned into {cell['cell_type']} and back.")
        elif released.is_locked(key) and _lines(cell["source"]) not in map(_lines, originals):
            notes.append(f"{released.subject([key])} edited; the original was put back.")
    return notes


def _lines(source: str) -> list[str]:
    """Return the lines without spaces at their ends, which editors remove."""
    return [line.rstrip() for line in source.rstrip().splitlines()]


def _finished(placed: list[SubmittedCell], released: ReleasedCells) -> list[nbformat.NotebookNode]:
    cells, ids = [], {cell.get("id") for cell in released.marked.values()}
    for submitted in placed:
        key, cell = submitted.key, submitted.cell
        if key is None:
            cells.append(_own_cell(cell, ids))
            continue
        finished = copy.deepcopy(released.marked[key])
        if released.is_answer(key) and cell is not None:
            finished["source"] = cell["source"]
            if finished["cell_type"] == "markdown" and "attachments" in cell:
                finished["attachments"] = cell["attachments"]
        elif released.is_answer(key) and finished["cell_type"] == "code":
            finished["source"] = MISSING
        cells.append(finished)
    return cells


def _own_cell(cell: dict, ids: set[str]) -> nbformat.NotebookNode:
    """Return a cell of the student's own, without metadata that claim to be the assignment's."""
    cell_id = next(f"own-{n}" for n in itertools.count(len(ids)) if f"own-{n}" not in ids)
    ids.add(cell_id)
    tags = (cell.get("metadata") or {}).get("tags")
    own = {"id": cell_id, "cell_type": cell["cell_type"], "source": cell["source"]}
    own["metadata"] = {"tags": tags} if isinstance(tags, list) else {}
    if cell["cell_type"] == "code":
        own |= {"outputs": [], "execution_count": None}
    elif "attachments" in cell:
        own["attachments"] = cell["attachments"]
    return nbformat.from_dict(own)
