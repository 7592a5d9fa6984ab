"""Which of several versions counts, and what is said about the others."""

import dataclasses

from grading.intake.walking import NOTEBOOK, File

SAME_MOMENT_SECONDS = 60  # unpacking writes all files of a class within moments of each other


@dataclasses.dataclass(frozen=True)
class Version:
    """A notebook of this homework that was handed in.

    Attributes:
        file: The `File`.
        answers: In how many cells it says something else than the notebook that students get.
        content: The same for two versions whose cells say the same.
        notes: Sentences about how it was read.
    """

    file: File
    answers: int
    content: str
    notes: tuple = ()


def newest(files):
    """Those of some files that may be the last one handed in; several if nothing tells them apart.

    The platform's number of the upload decides; then the time, if it differs by more than a
    minute (files that were unpacked together differ by less); then, among copies of one file, the
    number in the name, as in `hw1 (2).ipynb`. The times inside of zips come from another clock
    than those on the disk, so they are compared with each other only.
    """
    top = max(file.rank for file in files)
    files = _last([file for file in files if file.rank == top], "handed_in")
    packed = [file for file in files if file.container]
    files = [file for file in files if not file.container] + _last(packed, "when")
    highest = {}
    for file in files:
        highest[file.family] = max(file.order, highest.get(file.family, file.order))
    return [file for file in files if file.order == highest[file.family]]


def _last(files, clock):
    """The files with the latest time."""
    moments = {id(file): getattr(file, clock) or 0 for file in files}
    last = max(moments.values(), default=0)
    return [file for file in files if moments[id(file)] >= last - SAME_MOMENT_SECONDS]


def choose(versions):
    """The version that counts.

    What a student worked on counts: a version without any answer never stands against one with
    answers, whenever it was handed in. Of versions of the same moment, the one with the most
    answers counts, and a person has to look.

    Args:
        versions: A list of `Version`, not empty.

    Returns:
        The `Version`, sentences about all others, and the sentences for a person.
    """
    worked_on = [each for each in versions if each.answers] or versions
    last = newest([each.file for each in worked_on])
    rivals = [each for each in worked_on if any(each.file is file for file in last)]
    chosen = max(rivals, key=_rule)
    name, notes, look = chosen.file.name, [], []
    for each in versions:
        other = each.file.name
        if each is chosen:
            continue
        if each.content == chosen.content:
            notes.append(f"{other} says the same as {name} and was not graded.")
        elif each not in worked_on:
            notes.append(f"{other} holds no answers and was not graded.")
        elif 0 < each.file.rank < chosen.file.rank:
            # A platform gives the files of one upload several numbers, too.
            sentence = f"Two versions: {name} and {other}; {name} was graded, which has the higher "
            sentence += "number of the platform."
            notes.append(sentence)
            look.append(sentence)
        elif each not in rivals:
            notes.append(f"An earlier version, {other}, was not graded.")
            if each.answers > chosen.answers:
                look.append(f"An earlier version, {other}, holds more answers than {name}.")
        else:
            both = f"{name} and {other}" if name != other else f"two files {name}"
            sentence = f"Two versions of the same moment: {both}; {name} was graded."
            notes.append(sentence)
            look.append(sentence)
    return chosen, notes, look


def _rule(version):
    file = version.file
    is_usual = file.name.lower().endswith(NOTEBOOK)  # not the copy of an editor
    return version.answers, is_usual, file.order, file.when or 0, file.container, file.name
