"""Which of several versions counts, and what is said about the others."""

import dataclasses
from collections.abc import Sequence

from grading.intake.inventory import SubmittedFile

SAME_MOMENT_SECONDS = 60  # unpacking writes all files of a class within moments of each other


@dataclasses.dataclass(frozen=True, eq=False)
class Version:
    """A notebook of this homework that was handed in.

    Attributes:
        file: The file.
        answers: How many of its cells differ from the notebook that students get.
        content: The same for two versions whose cells say the same.
        notes: Sentences about how it was read.
    """

    file: SubmittedFile
    answers: int
    content: str
    notes: tuple[str, ...] = ()


def newest(files: Sequence[SubmittedFile]) -> list[SubmittedFile]:
    """Return the files that may be the last one handed in.

    The platform's number of the upload decides; then the time, if it differs by more than a
    minute (files that were unpacked together differ by less); then, among copies of one file, the
    number in the name, as in `hw1 (2).ipynb`. The times inside zips come from a different clock
    from those on the disk, so they are compared only with each other.
    """
    top = max(file.rank for file in files)
    files = _last([file for file in files if file.rank == top], "handed_in")
    packed = [file for file in files if file.container]
    files = [file for file in files if not file.container] + _last(packed, "when")
    highest = {}
    for file in files:
        highest[file.family] = max(file.order, highest.get(file.family, file.order))
    return [file for file in files if file.order == highest[file.family]]


def _last(files: list[SubmittedFile], clock: str) -> list[SubmittedFile]:
    """Return the files with the latest time."""
    moments = [getattr(file, clock) or 0 for file in files]
    last = max(moments, default=0) - SAME_MOMENT_SECONDS
    return [file for file, moment in zip(files, moments, strict=True) if moment >= last]


def choose(versions: Sequence[Version]) -> tuple[Version, list[str], list[str]]:
    """Choose the version that counts.

    What a student worked on counts: a version without any answers never beats one with answers,
    whenever it was handed in. Of versions from the same moment, the one with the most answers
    counts, and a person has to look.

    Args:
        versions: The versions, at least one.

    Returns:
        The version, sentences about all others, and the sentences for a person.
    """
    worked_on = [version for version in versions if version.answers] or versions
    last = newest([version.file for version in worked_on])
    rivals = [version for version in worked_on if version.file in last]
    chosen = max(rivals, key=_preference)
    name, notes, review_reasons = chosen.file.name, [], []
    for version in versions:
        if version is chosen:
            continue
        other = version.file.name
        if version.content == chosen.content:
            notes.append(f"{other} says the same as {name} and was not graded.")
        elif version not in worked_on:
            notes.append(f"{other} contains no answers and was not graded.")
        elif version not in rivals and not 0 < version.file.rank < chosen.file.rank:
            notes.append(f"An earlier version, {other}, was not graded.")
            if version.answers > chosen.answers:
                review_reasons.append(
                    f"An earlier version, {other}, holds more answers than {name}."
                )
        else:
            both = f"{name} and {other}" if name != other else f"two files {name}"
            sentence = f"Two versions from the same moment: {both}; {name} was graded."
            if version not in rivals:  # a platform gives the files of one upload several numbers
                sentence = f"Two versions: {both}; {name} was graded, with the higher number."
            notes.append(sentence)
            review_reasons.append(sentence)
    return chosen, notes, review_reasons


def _preference(version: Version) -> tuple:
    file = version.file  # the notebook, not the copy of an editor
    return version.answers, file.is_notebook, file.order, file.when or 0, file.container, file.name
