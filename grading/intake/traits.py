"""By what the notebooks of a homework are recognised, and whether there are answers in them."""

import dataclasses
import re

ENOUGH_TEXTS = 3  # of a homework's own, in a notebook that lost all its metadata
MOST_LINE_CHARACTERS = 1000  # of a line are looked at


@dataclasses.dataclass(frozen=True)
class Traits:
    """By what the notebooks of one homework are recognised.

    Attributes:
        name: Of the homework.
        ids: The `grade_id`s of its cells.
        texts: What its cells say, those that say enough.
        answers: The `grade_id`s of the cells that students write into.
        released: What its cells say, all of them, without comments in code.
        names: What the tests ask for.
        files: Names of files that students have to hand in beside the notebook, from the key
            "files" in the "homework" metadata of any cell.
    """

    name: str
    ids: frozenset
    texts: frozenset
    answers: frozenset = frozenset()
    released: frozenset = frozenset()
    names: frozenset = frozenset()
    files: tuple = ()

    @classmethod
    def of(cls, name, notebook):
        """The traits of the notebook that students get."""
        asked = [cell["metadata"].get("homework", {}) for cell in notebook["cells"]]
        answers = [_mark(cell) for cell in notebook["cells"]]
        return cls(
            name,
            frozenset(grade_ids(notebook)),
            frozenset(_texts(notebook)),
            frozenset(mark["grade_id"] for mark in answers if mark.get("solution")),
            frozenset(map(_said, notebook["cells"])),
            frozenset(n for a in asked for n in (*a.get("values", ()), *a.get("functions", ()))),
            tuple(dict.fromkeys(file for a in asked for file in a.get("files", ()))),
        )

    def plain(self):
        """The traits as JSON knows them."""
        fields = dataclasses.asdict(self)
        return {name: v if isinstance(v, str) else list(v) for name, v in fields.items()}

    @classmethod
    def from_plain(cls, plain):
        """The traits that `plain` wrote."""
        sets = {name: frozenset(v) for name, v in plain.items() if isinstance(v, list)}
        return cls(**{**plain, **sets, "files": tuple(plain["files"])})

    def count_answers(self, notebook):
        """In how many cells a notebook says something that answers the homework.

        A cell for an answer counts if it says something else than the notebook that students get;
        so does another cell that gives a name which the tests ask for.
        """
        count = 0
        for cell in notebook["cells"]:
            said = _said(cell)
            if not said or said in self.released:
                continue
            if _mark(cell).get("grade_id") in self.answers:
                count += 1
            elif cell["cell_type"] == "code":
                count += _gives(cell["source"], self.names)
        return count

    def fits(self, notebook, others=()):
        """Whether a notebook belongs to this homework, whatever was done to it."""
        found = grade_ids(notebook)
        if found & self.ids:
            return True
        if any(found & other.ids for other in others):
            return False
        own = self.texts.difference(*(other.texts for other in others))
        return len(own & _texts(notebook)) >= ENOUGH_TEXTS


def _said(cell):
    """What a cell says, whatever its spaces; of code without the lines that are comments."""
    lines = cell["source"].splitlines()
    if cell["cell_type"] == "code":
        lines = [line for line in lines if not line.lstrip().startswith("#")]
    return " ".join(" ".join(lines).split())


def _gives(source, names):
    """Whether a line of code gives one of these names a value, as far as its looks tell."""
    for line in source.splitlines():
        left, is_assigned, right = line[:MOST_LINE_CHARACTERS].partition("=")
        words = re.findall(r"\w+|[#(]", left)
        is_definition = words[:1] in (["def"], ["class"])
        is_value = is_assigned and not right.startswith("=") and not {"#", "("} & set(words)
        given = words[1:2] if is_definition else words if is_value else ()
        if not names.isdisjoint(given):
            return True
    return False


def _mark(cell):
    """What nbgrader says about a cell."""
    mark = cell["metadata"].get("nbgrader")
    return mark if isinstance(mark, dict) else {}


def _texts(notebook):
    texts = {" ".join(cell["source"].split()) for cell in notebook["cells"]}
    return {text for text in texts if len(text) >= 40}


def grade_ids(notebook):
    """The `grade_id`s in a notebook, a set."""
    found = {_mark(cell).get("grade_id") for cell in notebook["cells"]}
    return {each for each in found if isinstance(each, str)}
