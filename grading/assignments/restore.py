"""A submitted notebook, put back into the shape of its assignment before it is executed.

Students delete, copy, move and edit cells that they should leave alone, and tools drop metadata:
Colab drops the ids of cells, others drop everything. What belongs to the assignment is recognised
by its `grade_id`, or, where that is gone, by what it says. Then:

- locked cells and test cells are as in the assignment, each once and in its place;
- the student's answers stay as they are, in the places where answers belong;
- the student's own cells stay, in their order, where they stood, and so does what was added to a
  locked cell, as when two cells are merged;
- a test cell never stands above the only cell that gives what it tests (see `order`).

Everything that was put right is reported in a plain sentence.
"""

import json

import nbformat

from grading.assignments.order import in_running_order
from grading.assignments.recognise import (
    PLAIN,
    find_plain,
    given_answers,
    grade_id_of,
    is_answer,
    name_of,
    readable,
    recognise,
    take_out_additions,
    words_of,
)

# A moved answer is rather left where it is (with the student's cells around it), and a moved
# test cell put back.
WEIGHT_OF_ANSWER, WEIGHT_OF_OTHERS, WEIGHT_OF_TEXT = 30, 20, 1
# Stands in for an answer cell that is gone. The stub would not do: the student may have answered
# in another cell, as after "merge cells", and `total = None` would take that answer back.
MISSING = "# This cell was missing."


def restore(submitted, assignment):
    """Puts a submitted notebook in order.

    Args:
        submitted: the notebook, as nbformat gives it or as a plain dictionary. It is not changed.
        assignment: an `assignment.Assignment`.

    Returns:
        (notebook, notes): a valid notebook without outputs, whose cells with a `grade_id` are
        those of the student's version, each once, in its order, unless that would test an answer
        before it is given; and sentences that say what was put right. A test cell has only the
        visible part.

    Raises:
        ValueError: this is no notebook at all.
    """
    from grading.assignments.assignment import release  # which imports this module

    wanted = list(release(assignment).cells)
    cells, notes = readable(submitted)
    known = {grade_id_of(cell): cell for cell in wanted if grade_id_of(cell)}
    notes += _other_homework(cells, known, assignment)
    keys = [grade_id_of(cell) if grade_id_of(cell) in known else None for cell in cells]
    sequence = [grade_id_of(cell) or f"{PLAIN} {number}" for number, cell in enumerate(wanted)]
    find_plain(cells, keys, dict(zip(sequence, wanted, strict=True)))
    had_marks = any(key in known for key in keys)
    found, guessed = recognise(cells, keys, known)
    notes += take_out_additions(cells, keys, known, assignment)
    notes += _settle_duplicates(cells, keys, known)
    staying = _staying(keys, sequence, known, guessed)
    _leave_guessed(keys, staying, known, guessed)
    notes += _report_recognised(found, keys, known, had_marks)
    notes += _report_moved(keys, staying, known)
    notes += _report_missing(keys, cells, known)
    placed = _place(cells, keys, staying, sequence)
    notes += _report_edited(placed, known, assignment)
    placed, moved = in_running_order(placed, known, assignment)
    notes += moved
    about = assignment.notebook.metadata
    kept = {name: about[name] for name in ("kernelspec", "language_info") if name in about}
    notebook = nbformat.v4.new_notebook(metadata=kept, cells=_finished(placed, known))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook, notes


def _other_homework(cells, known, assignment):
    """A note if the cells belong to another assignment."""
    ids = [grade_id_of(cell) for cell in cells if grade_id_of(cell)]
    foreign = sorted({grade_id.split("-")[0] for grade_id in ids if grade_id not in known})
    if ids and foreign and not any(grade_id in known for grade_id in ids):
        return [
            f"The notebook does not look like {assignment.name}: its cells belong to "
            f"{', '.join(foreign)}. Was the wrong file handed in?"
        ]
    return []


# --- Duplicates ------------------------------------------------------------------------------


def _settle_duplicates(cells, keys, known):
    """Leaves each grade_id once; changes `cells` and `keys`."""
    notes, dropped, followers = [], set(), {}
    for grade_id in known:
        places = [number for number, key in enumerate(keys) if key == grade_id]
        if len(places) < 2:
            continue
        about = f"{name_of(known, grade_id)} was there {len(places)} times"
        if not is_answer(known[grade_id]):
            dropped |= set(places[1:])
            notes.append(f"{about}; one was kept.")
            continue
        kept, empty = _kept_answers(cells, places, known[grade_id])
        dropped |= set(empty)
        tested = _next_test(keys, known, kept[0])
        followers[kept[0]] = [place for place in kept[1:] if place < tested]  # right after it
        below = [place for place in kept if place > tested]
        for place in below:
            keys[place] = None  # a cell of the student's own, where it stands
        notes.append(f"{about}. {_about_copies(len(kept), len(below))}")
    dropped |= {number for numbers in followers.values() for number in numbers}
    order = []
    for number in range(len(cells)):
        if number not in dropped:
            order.append((keys[number], cells[number]))
            order += [(None, cells[follower]) for follower in followers.get(number, ())]
    keys[:], cells[:] = [key for key, _ in order], [cell for _, cell in order]
    return notes


def _next_test(keys, known, place):
    """Where the first test cell below a place stands; a copy below that one came too late."""
    for number in range(place + 1, len(keys)):
        key = keys[number]
        if (
            key in known
            and not is_answer(known[key])
            and known[key]["metadata"]["nbgrader"]["grade"]
        ):
            return number
    return len(keys)


def _about_copies(kept, below):
    """What became of the copies of an answer, so many of which were kept."""
    if kept < 2:
        return "Copies without an answer of their own were left out."
    if below:
        return (
            "All were kept and run in their order; what stands below the test cell does not count "
            "for it."
        )
    return "All were kept and run in their order, so the last one counts."


def _kept_answers(cells, places, wanted):
    """Which of several cells with the same answer are kept, and which hold nothing new."""
    kept, empty, seen = [], [], set()
    for number in places:
        words = words_of(cells[number]["source"])
        if words in (words_of(wanted["source"]), "") or words in seen:
            empty.append(number)
        else:
            kept.append(number)
            seen.add(words)
    if not kept:  # none was answered
        kept, empty = places[:1], places[1:]
    return kept, empty


# --- Order -----------------------------------------------------------------------------------


def _staying(keys, sequence, known, guessed):
    """The cells that are in order already: the heaviest rising subsequence, as a set."""
    order = {key: number for number, key in enumerate(sequence)}
    best = {}  # place -> (weight of the best chain that ends here, place before)
    for here, key in enumerate(keys):
        if key is None:
            continue
        weight = WEIGHT_OF_TEXT
        if key in known and not (key in guessed and is_answer(known[key])):
            weight = WEIGHT_OF_ANSWER if is_answer(known[key]) else WEIGHT_OF_OTHERS
        before = [p for p in best if order[keys[p]] < order[key]]
        last = max(before, key=lambda p: best[p][0], default=None)
        best[here] = (weight + (best[last][0] if last is not None else 0), last)
    here = max(best, key=lambda p: best[p][0], default=None)
    staying = set()
    while here is not None:
        staying.add(here)
        here = best[here][1]
    return staying


def _leave_guessed(keys, staying, known, guessed):
    """Leaves an answer out of place, of which nothing but its text says what it is, where it is."""
    for number, key in enumerate(keys):
        if key in guessed and is_answer(known[key]) and number not in staying:
            keys[number] = None


def _place(cells, keys, staying, sequence):
    """All cells in their final order: pairs (grade_id or None, submitted cell or None)."""
    moved = {
        key: cell
        for number, (key, cell) in enumerate(zip(keys, cells, strict=True))
        if key is not None and number not in staying and not key.startswith(PLAIN)
    }
    placed, extras, begin = [], [], 0
    for number, (key, cell) in enumerate(zip(keys, cells, strict=True)):
        if number in staying:
            end = sequence.index(key)
            placed += _between(sequence[begin:end], moved, extras)
            placed.append((None if key.startswith(PLAIN) else key, cell))
            begin, extras = end + 1, []
        elif key not in moved:
            extras.append(cell)
    return placed + _between(sequence[begin:], moved, extras)


def _between(group, moved, extras):
    """What stands between two cells that stay: what was missing, the student's, what was moved."""
    group = [key for key in group if not key.startswith(PLAIN)]
    first = next((number for number, key in enumerate(group) if key in moved), len(group))
    return [
        *((key, None) for key in group[:first]),
        *((None, cell) for cell in extras),
        *((key, moved.get(key)) for key in group[first:]),
    ]


# --- Notes and the notebook ------------------------------------------------------------------


def _report_recognised(found, keys, known, had_marks):
    found = [grade_id for grade_id in found if grade_id in keys]
    if found and not had_marks:
        return [
            "The notebook came without the metadata that name its cells; "
            f"{len(found)} of {len(known)} were recognised by what they say."
        ]
    return [f"{name_of(known, each)} was recognised by what it says." for each in found]


def _report_moved(keys, staying, known):
    moved = [key for number, key in enumerate(keys) if key in known and number not in staying]
    return [f"{name_of(known, key)} was moved; it was put back." for key in moved]


def _report_missing(keys, cells, known):
    missing = [grade_id for grade_id in known if grade_id not in keys]
    if missing and len(missing) == len(known):
        return ["None of the assignment's cells was found; all were put in, without answers."]
    elsewhere = given_answers(cells, known)
    found = [grade_id for grade_id in missing if grade_id in elsewhere]
    notes = []
    if len(found) > 1:
        listed = ", ".join(found)
        notes.append(f"The cells for your answers {listed} were missing; other cells give them.")
        missing = [grade_id for grade_id in missing if grade_id not in found]
    for grade_id in missing:
        name = name_of(known, grade_id)
        after = (
            "another cell gives the answer."
            if grade_id in found
            else "it counts as not answered, unless another cell gives the answer."
            if is_answer(known[grade_id])
            else "it was put back."
        )
        notes.append(f"{name} was missing; {after}")
    return notes


def _report_edited(placed, known, assignment):
    # The instructor's own version, handed in, is not told that its tests are other ones.
    full = {grade_id_of(cell): cell["source"] for cell in assignment.notebook.cells}
    notes = []
    for key, cell in placed:
        if key is None or cell is None:
            continue
        name = name_of(known, key)
        if cell["cell_type"] != known[key]["cell_type"]:
            notes.append(f"{name} had become a {cell['cell_type']} cell; that was undone.")
        elif not is_answer(known[key]) and not (
            _same(cell["source"], known[key]["source"]) or _same(cell["source"], full[key])
        ):
            notes.append(f"{name} was edited; the original was put back.")
    return notes


def _same(one, other):
    """Equal up to spaces at the ends of lines, which editors remove."""
    one, other = ([line.rstrip() for line in text.rstrip().splitlines()] for text in (one, other))
    return one == other


def _finished(placed, known):
    cells, taken = [], {known[key].get("id") for key in known}
    for key, cell in placed:
        if key is None:
            cells.append(_own_cell(cell, taken))
            continue
        finished = json.loads(json.dumps(known[key]))
        if cell is not None and is_answer(known[key]):
            finished["source"] = cell["source"]
            if finished["cell_type"] == "markdown" and "attachments" in cell:
                finished["attachments"] = cell["attachments"]
        elif cell is None and is_answer(known[key]) and finished["cell_type"] == "code":
            finished["source"] = MISSING
        cells.append(nbformat.from_dict(finished))
    return cells


def _own_cell(cell, taken):
    """A cell of the student's own, without metadata that could claim to be the assignment's."""
    number = len(taken)
    while f"own-{number}" in taken:
        number += 1
    taken.add(f"own-{number}")
    tags = cell["metadata"].get("tags")
    metadata = {"tags": tags} if isinstance(tags, list) else {}
    own = {"id": f"own-{number}", "source": cell["source"], "metadata": metadata}
    own["cell_type"] = cell["cell_type"]
    if cell["cell_type"] == "code":
        own |= {"outputs": [], "execution_count": None}
    if "attachments" in cell:
        own["attachments"] = cell["attachments"]
    return nbformat.from_dict(own)
