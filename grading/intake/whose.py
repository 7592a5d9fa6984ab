"""Whose a loose file is, where no platform says so and its name is all there is.

Two people must not become one, because one of them would get no grade. So names are put together
only where an addition is all that they differ in, and where that name itself is there, too.
"""

import re

from grading.intake.file_names import take_apart
from grading.intake.shown import nfc

# Nobody hands in so often; but a teacher's browser names what a whole class sent by mail so.
MOST_VERSIONS = 9
_NO_ONE = re.compile(
    r"(?:(?:hw|home[ _-]?work|assignment|solutions?|submission|notebook|untitled|exercises?|labs?|"
    r"task|project|quiz|exam|tarea|práctica|ejercicio|devoir|exercice|übung|aufgabe|hausaufgabe|"
    r"abgabe|házi(?:[ _-]?feladat)?|feladat|beadandó|compito|esercizio|zadanie|úkol|作业|задание)"
    r"[ _-]?\d*|(?:ex|hf|ps|tp|дз)[ _-]?\d+)(?:[ _-].*)?",
    re.IGNORECASE | re.DOTALL,
)
_IN_BRACKETS = re.compile(r"\(\d+\)$")


def is_no_one(name, homework=""):
    """Whether a name is that of a homework, not of a person."""
    return bool(_NO_ONE.fullmatch(nfc(name))) or name.casefold() == homework.casefold()


def owners(files, folders=(), homework=""):
    """Whose each of some names is.

    Args:
        files: Names of files, without their endings.
        folders: Names of folders.
        homework: The name of the notebook that students get, without its ending.

    Returns:
        A dictionary from each name to the name of its student, and a dictionary from such
        students' names to a sentence for a person, where the names leave a doubt.
    """
    names = {*files, *folders}
    certain = {name: take_apart(name, with_doubtful=False).base for name in names}
    plain = {name for name in names if certain[name] == name} | {*folders}
    found = {}
    for name in names:
        is_there = certain[name] in plain
        found[name] = certain[name] if is_there or name not in folders else name
    _part_numbered(found, certain, plain)
    doubts = _join_doubtful(found, plain, folders)
    doubts |= _part_crowds(found, homework)
    return found, doubts


def _part_numbered(found, certain, plain):
    """Keeps `group (1)` and `group (2)` apart where there is no `group`."""
    numbered = {}
    for name, base in certain.items():
        if base not in plain and _IN_BRACKETS.search(name):
            numbered.setdefault(base, []).append(name)
    for names in numbered.values():
        if len(names) > 1:
            found.update({name: name for name in names})


def _join_doubtful(found, plain, folders):
    """Takes `anna-1` for `anna`'s where both are there, and says so."""
    doubts = {}
    for name, owner in sorted(found.items()):
        base = take_apart(owner).base
        # `olav2` is a name of its own, whoever `ola` is.
        is_apart = owner.startswith(base) and not owner[len(base) :][:1].isalnum()
        if base != owner and base in plain and is_apart and not {name, owner} & {*folders}:
            found[name] = base
            doubts.setdefault(base, []).append(name)
    return {
        base: f"{_listed(names)} was taken for another version from {nfc(base)}. If these are "
        "several people, put each one's files into a folder of its own."
        for base, names in doubts.items()
    }


def _part_crowds(found, homework):
    """Takes apart again what is too much for one, or named for the homework, not for a person."""
    together, doubts = {}, {}
    for name, owner in sorted(found.items()):
        together.setdefault(owner, []).append(name)
    for owner, names in together.items():
        if len(names) > MOST_VERSIONS or (len(names) > 1 and is_no_one(owner, homework)):
            found.update({name: name for name in names})
            sentence = (
                f"{_listed(names)}: these names do not say whose the files are, so each counts as "
                "a student. Put what is from one student into one folder."
            )
            doubts.update(dict.fromkeys(names, sentence))
    return doubts


def _listed(names):
    return ", ".join(map(nfc, names[:5])) + (", …" if len(names) > 5 else "")
