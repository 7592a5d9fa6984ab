"""What the cells of a submitted notebook are: by their `grade_id`, or by what they say."""

import difflib
import json
import re
import warnings

import nbformat

from grading.assignments.code_names import names_of

# How much of what an empty answer cell says must be found in a cell without metadata, so that
# the cell is taken for that answer: of its lines, from 0 to 1.
ENOUGH_ALIKE = 0.5
PLAIN = "plain"  # begins the names of the assignment's texts, which have no grade_id


def grade_id_of(cell):
    """The name of a cell in nbgrader's metadata, or None."""
    about = cell.get("metadata", {}).get("nbgrader")
    grade_id = about.get("grade_id") if isinstance(about, dict) else None
    return grade_id if isinstance(grade_id, str) else None


def is_answer(cell):
    """Whether a cell of the assignment is one that students write into."""
    return bool(cell["metadata"]["nbgrader"].get("solution"))


def name_of(known, grade_id):
    """What a cell is called in a note."""
    cell = known[grade_id]
    title = cell["metadata"].get("homework", {}).get("title")
    if is_answer(cell):
        kind = "The cell for your answer"
    else:
        kind = "The test cell" if cell["metadata"]["nbgrader"].get("grade") else "The locked cell"
    return f"{kind} {grade_id}" + (f" ({title})" if title else "")


# --- Reading ---------------------------------------------------------------------------------


def readable(submitted):
    """The cells as plain dictionaries with whole sources, whatever state the file is in."""
    if not isinstance(submitted, dict):
        raise ValueError("this is no notebook: it holds no cells")
    notes = []
    if "worksheets" in submitted or submitted.get("nbformat") in (1, 2, 3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            submitted = nbformat.convert(nbformat.from_dict(submitted), 4)
        notes.append("The notebook was in an old format and was converted.")
    cells = submitted.get("cells")
    if not isinstance(cells, list):
        raise ValueError("this is no notebook: it holds no list of cells")
    plain = [_plain(cell) for cell in cells]
    broken = plain.count(None)
    if broken:
        notes.append(f"{_count(broken, 'cell')} could not be read; left out.")
    return [cell for cell in plain if cell is not None], notes


def _plain(cell):
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    metadata = cell.get("metadata")
    metadata = json.loads(json.dumps(metadata)) if isinstance(metadata, dict) else {}
    plain = {"cell_type": cell["cell_type"], "source": source, "metadata": metadata}
    if plain["cell_type"] == "markdown" and isinstance(cell.get("attachments"), dict):
        plain["attachments"] = cell["attachments"]
    return plain


# --- Recognising cells without metadata ------------------------------------------------------


def find_plain(cells, keys, wanted):
    """Finds the assignment's texts, which only help to find places; changes `keys`."""
    missing = {}
    for key, cell in wanted.items():
        if key.startswith(PLAIN):
            missing.setdefault(words_of(cell["source"]), []).append(key)
    for number, cell in enumerate(cells):
        found = missing.get(words_of(cell["source"]))
        if found and keys[number] is None:
            keys[number] = found.pop(0)
            if cell["cell_type"] == "code":  # a text that was turned into code would only fail
                cell["cell_type"] = wanted[keys[number]]["cell_type"]


def recognise(cells, keys, known):
    """Gives cells that lost their metadata their grade_id back; changes `keys`.

    Returns:
        The grade_ids that were given back, and those of them that are only a guess: the cell is
        alike, not the same.
    """
    lost = [grade_id for grade_id in known if grade_id not in keys]
    found, guessed = [], set()
    free = [number for number in range(len(cells)) if keys[number] is None]
    for grade_id in list(lost):  # first those that are there to the letter
        words = words_of(known[grade_id]["source"])
        number = next((n for n in free if words_of(cells[n]["source"]) == words), None)
        if number is not None:
            keys[number] = grade_id
            free.remove(number)
            lost.remove(grade_id)
            found.append(grade_id)
    answers = _names_of_answers(known)
    pairs = [
        (_alike(cells[number], known[grade_id]), -number, grade_id)
        for number in free
        for grade_id in lost
        if _may_be(cells[number], known[grade_id], answers)
    ]
    for score, number, grade_id in sorted(pairs, reverse=True):
        if score >= ENOUGH_ALIKE and grade_id in lost and -number in free:
            keys[-number] = grade_id
            free.remove(-number)
            lost.remove(grade_id)
            found.append(grade_id)
            guessed.add(grade_id)
    return found, guessed


def _may_be(cell, wanted, answers):
    """Whether a cell can be taken for one of the assignment's.

    One that holds several answers belongs to none of them: at the place of one it would come too
    late for the others. And one that holds an answer is no locked cell, whose text is replaced.
    """
    if cell["cell_type"] != "code":
        return True
    held = answers_in(cell["source"], answers)
    return len(held) <= is_answer(wanted)


def answers_in(source, answers):
    """The answers that a code cell gives, as a set of grade_ids."""
    return {answers[name] for name in names_of(source).given if name in answers}


def given_answers(cells, known):
    """The answers that any of the code cells gives, as a set of grade_ids."""
    answers = _names_of_answers(known)
    code = (cell["source"] for cell in cells if cell["cell_type"] == "code")
    return set().union(*(answers_in(source, answers) for source in code))


def _names_of_answers(known):
    """Which answer each name belongs to; without names that several of the cells set."""
    found, seen = {}, set()
    for grade_id, cell in known.items():
        given = names_of(cell["source"]).given if cell["cell_type"] == "code" else frozenset()
        for name in given:
            if name in seen:
                found.pop(name, None)
            elif is_answer(cell):
                found[name] = grade_id
        seen |= given
    return found


# --- What was added to a locked cell ---------------------------------------------------------


def take_out_additions(cells, keys, known, assignment):
    """Makes cells of the student's own of what stands in locked cells beside their text.

    "Merge cells" gives two cells the metadata of the first, and some write their answer into the
    test cell. Changes `cells` and `keys`.
    """
    full = {grade_id_of(cell): cell["source"] for cell in assignment.notebook.cells}
    texts = {words_of(cell["source"]) for cell in known.values()}
    answers, order, notes = _names_of_answers(known), [], []
    for key, cell in zip(keys, cells, strict=True):
        added = "", ""
        if key in known and not is_answer(known[key]) and cell["cell_type"] == "code":
            for wanted in (full[key], known[key]["source"]):
                added = _around(cell["source"], wanted)
                if added is not None:
                    break
            if added is None:  # the text itself was changed, too
                held = bool(answers_in(cell["source"], answers))
                is_test = known[key]["metadata"]["nbgrader"]["grade"]
                both = (cell["source"], "") if is_test else ("", cell["source"])
                added = both if held else ("", "")
        before, after = ("" if words_of(text) in texts else text for text in added)
        order += [(None, {**cell, "source": before, "metadata": {}})] if before else []
        order.append((key, cell))
        order += [(None, {**cell, "source": after, "metadata": {}})] if after else []
        if before or after:
            notes.append(
                f"What had been added to {name_of(known, key)[0].lower()}"
                f"{name_of(known, key)[1:]} runs as a cell of its own."
            )
    keys[:], cells[:] = [key for key, _ in order], [cell for _, cell in order]
    return notes


def _around(source, wanted):
    """What stands above and below a text that a source holds; None if it does not hold it."""
    lines, inner = ([line.rstrip() for line in text.splitlines()] for text in (source, wanted))
    inner = "\n".join(inner).strip("\n").split("\n")
    for start in range(len(lines) - len(inner) + 1):
        if lines[start : start + len(inner)] == inner:
            above, below = lines[:start], lines[start + len(inner) :]
            return "\n".join(above).strip("\n"), "\n".join(below).strip("\n")
    return None


def words_of(source):
    """A source without differences in spaces and empty lines."""
    return re.sub(r"\s+", " ", source).strip()


def _alike(cell, wanted):
    """How much of the wanted cell is found in a cell, from 0 to 1."""
    if cell["cell_type"] != wanted["cell_type"]:
        return 0.0
    lines = [line.strip() for line in wanted["source"].splitlines()]
    lines = [line for line in lines if line and not line.startswith("# Your code here")]
    present = {line.strip() for line in cell["source"].splitlines()}
    if not lines:
        return 0.0
    common = sum(line in present for line in lines) / len(lines)
    if common < ENOUGH_ALIKE - 0.01:  # the rest takes long, and would not be enough
        return common
    # Among several with as many lines in common: the one that is alike as a whole.
    whole = difflib.SequenceMatcher(None, cell["source"][:4000], wanted["source"][:4000])
    return common + 0.01 * whole.quick_ratio()


def _count(number, what):
    return f"{number} {what}{'s' if number != 1 else ''}"
