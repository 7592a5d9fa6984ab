"""What was handed in, read: folders, zips, several versions, and notebooks in every state.

Everything here comes from strangers, so it runs in a process of its own (`grading.intake.reader`).
Sizes are counted while reading, whatever a zip's table of contents says.
"""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Sequence

from grading.intake import companions, notebooks, versions
from grading.intake.display import listed
from grading.intake.file_names import NOTEBOOK
from grading.intake.inventory import Inventory, SubmittedFile
from grading.intake.submissions import Submission
from grading.intake.traits import Traits

MOST_FILES = 3000
MOST_BYTES = 300 * 2**20
MOST_NOTES, MOST_CHARACTERS = 40, 2000
MOST_SNIFFED = 200  # files that are not notebooks by name, but are looked into
FAILED = "could not be graded"
NOT_OPENED = "Of packed files, only zips are opened, and no zip in a zip."
PACKED = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")


@dataclasses.dataclass
class SubmissionContent:
    """What there is to grade of a submission.

    Attributes:
        notebook: The notebook that counts, clean and in format 4; None if there is none. What
            `grading.intake.reader` gives has its JSON text here.
        name: Its name as handed in.
        files: The other files, name to bytes; names relative to the notebook's folder.
        when: When it was handed in, in seconds since 1970, as far as is known.
        clock: Where that time comes from, in a few words.
        late: Whether the platform marked it as late.
        problem: Why there is nothing to grade, or None.
        status: One word or two for the table: "ok", "unreadable", "no notebook", "other homework",
            "could not be graded".
        notes: Sentences about what was noticed.
        review_reasons: Sentences that say why a person must look.
        digest: Changes when anything changes that was handed in and is used.
    """

    notebook: dict | str | None = None
    name: str = ""
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    when: float | None = None
    clock: str = ""
    late: bool = False
    problem: str | None = None
    status: str = "ok"
    notes: list[str] = dataclasses.field(default_factory=list)
    review_reasons: list[str] = dataclasses.field(default_factory=list)
    digest: str = ""


def read_submission(
    submission: Submission, homework: Traits, others: Sequence[Traits] = ()
) -> SubmissionContent:
    """Read a submission and decide which notebook counts.

    Args:
        submission: The submission.
        homework: The traits of the homework.
        others: Those of other homework, to tell what a wrong notebook is.

    Raises:
        MemoryError: Nothing else is raised for what a student could have done.
    """
    with contextlib.closing(Inventory()) as inventory:
        for number, source in enumerate(submission.sources):
            inventory.add(source, number)
        content = _Choice(inventory, homework, others).content()
    if inventory.trouble:
        content.notebook, content.files = None, {}
        content.status, content.problem = FAILED, inventory.trouble[0]
        inventory.notes += inventory.trouble[1:]
    content.notes = _first(content.notes + inventory.notes)
    content.review_reasons = _first(content.review_reasons + inventory.review_reasons)
    return content


def _first(sentences: list[str]) -> list[str]:
    """Return the sentences, each only once, and no more than anybody reads."""
    sentences = [sentence[:MOST_CHARACTERS] for sentence in dict.fromkeys(sentences)]
    rest = len(sentences) - MOST_NOTES
    return sentences[:MOST_NOTES] + ([f"And {rest:,} more remarks."] if rest > 0 else [])


class _Choice:
    """Decides which notebook counts."""

    def __init__(self, inventory: Inventory, homework: Traits, others: Sequence[Traits]):
        self.inventory, self.homework, self.others = inventory, homework, others
        self.budget = companions.Budget(MOST_BYTES, MOST_FILES)
        self.sniffing = companions.Budget(MOST_BYTES, MOST_SNIFFED)
        self.digest = hashlib.sha256()
        self.fitting: list[versions.Version] = []
        self.foreign: list[tuple[SubmittedFile, str | None]] = []  # with the other homework's name
        self.broken: list[tuple[SubmittedFile, str]] = []  # with what is wrong

    def content(self) -> SubmissionContent:
        """Look at all files and return what counts."""
        files = sorted(self.inventory.files, key=lambda f: (-f.rank, -(f.when or 0), f.name))
        named = [file for file in files if file.is_notebook]
        similar = [f for f in files if NOTEBOOK in f.name.lower() and not f.is_notebook]
        rest = [file for file in files if NOTEBOOK not in file.name.lower()]
        for file in named:
            self._examine(file)
        for file in similar:
            self._examine(file, is_sure=not named)
        for file in rest[:MOST_FILES]:
            self._examine(file, is_sure=False)
        content = self._chosen() if self.fitting else self._nothing()
        content.digest = self.digest.hexdigest()
        return content

    def _count(self, name: str, data: bytes = b"") -> None:
        self.digest.update(f"{name} ".encode() + hashlib.sha256(data).digest())

    def _examine(self, file: SubmittedFile, is_sure: bool = True) -> None:
        """Read a file that may be a notebook, or, if that is certain, should be one."""
        data = self._read(file) if is_sure else self._sniff(file)
        if data is None:
            return
        self._count(f"{file.source} {file.container} {file.name}", data)
        try:
            notebook, notes = notebooks.parse(data)
        except Exception as error:  # nothing that a stranger thinks of may stop the run
            problem = f"It cannot be read ({type(error).__name__})."
            if isinstance(error, notebooks.UnreadableError):
                problem = str(error)
            if isinstance(error, MemoryError):
                problem = f"To read {file.name} takes more memory than the grader gives."
                self.inventory.review_reasons += [problem] if is_sure else []
            self.broken += [(file, problem)] if is_sure else []
            return
        if self.homework.fits(notebook, self.others):
            if not file.is_notebook:
                _, dot, ending = file.name.rpartition("/")[2].rpartition(".")
                what = f"ends in .{ending}" if dot else f"does not end in {NOTEBOOK}"
                notes.append(f"{file.name} is a notebook, though its name {what}.")
            cells = json.dumps([(cell["cell_type"], cell["source"]) for cell in notebook["cells"]])
            digest = hashlib.sha256(cells.encode()).hexdigest()
            answers = self.homework.count_answers(notebook)
            self.fitting.append(versions.Version(file, answers, digest, tuple(notes)))
            return
        known = next((other.name for other in self.others if other.fits(notebook)), None)
        if is_sure or known:
            self.foreign.append((file, known))

    def _read(self, file: SubmittedFile) -> bytes | None:
        """Return the bytes of a file that should be a notebook; None if that is impossible."""
        try:
            notebooks.check_size(file.size)
        except notebooks.UnreadableError as error:
            self._count(f"{file.source} {file.name} {file.size}")
            self.broken.append((file, str(error)))
            return None
        if not self.budget.take(file.size):
            together = f"together there are more than {_limit()}"
            self.inventory.remark(f"{file.name} was not read: {together}.")
            return None
        data, problem = companions.read(self.inventory, file, notebooks.MOST_BYTES)
        if problem:
            self.broken.append((file, f"It is {problem}."))
        elif data is not None:
            self.budget.bytes -= max(0, len(data) - file.size)  # what gzip had made smaller
        return data

    def _sniff(self, file: SubmittedFile) -> bytes | None:
        """Return the bytes of a file that looks like a notebook, whatever it is called."""
        if not 0 < file.size <= notebooks.MOST_BYTES:
            return None
        try:
            with file.open() as stream:
                start = stream.read(1000).removeprefix(notebooks.BOM).lstrip()
        except Exception:  # damaged, or not to be read; it is told where the file is needed
            return None
        if not start.startswith((b"{", *notebooks.BOMS_UTF16)) or not self.sniffing.take(file.size):
            return None
        data, _ = companions.read(self.inventory, file, notebooks.MOST_BYTES)
        return data if data is not None and notebooks.looks_like_one(data) else None

    def _chosen(self) -> SubmissionContent:
        chosen, notes, review_reasons = versions.choose(self.fitting)
        file = chosen.file
        content = _about(file, notes=[*chosen.notes, *notes], review_reasons=review_reasons)
        content.notebook = notebooks.parse(file.read(notebooks.MOST_BYTES))[0]
        self._count(f"chosen {chosen.content}")
        for sentence, is_open in self._about_others(chosen):
            content.notes.append(sentence)
            if is_open or not chosen.answers:
                content.review_reasons.append(sentence)
        cells = content.notebook["cells"]
        # The other versions were read one by one and no longer take up space.
        budget = companions.Budget(MOST_BYTES, MOST_FILES)
        budget.take(min(file.size, MOST_BYTES))
        content.files, left_out = companions.collect(
            self.inventory,
            file,
            versions=[version.file for version in self.fitting],
            expected=self.homework.files,
            budget=budget,
            code="\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code"),
        )
        if left_out:
            names = listed(left_out)
            self.inventory.remark(
                f"Left out, because more than {_limit()} were handed in: {names}."
            )
        for name, data in sorted(content.files.items()):
            self._count(name, data)
        return content

    def _about_others(self, chosen: versions.Version) -> list[tuple[str, bool]]:
        """Return what else might have been the work, and whether it may well be."""
        sentences = []
        for file, problem in self.broken:
            sentence = f"{file.name} is not a readable notebook and was left aside: {problem}"
            sentences.append((sentence, file in versions.newest([chosen.file, file])))
        for file, _ in self.foreign:
            sentences.append((f"{file.name} is another notebook and was not graded.", False))
        for file in self.inventory.files:
            if file.name.lower().endswith(PACKED):
                is_newer = chosen.file not in versions.newest([chosen.file, file])
                if is_newer or not chosen.answers:
                    sentences.append((f"{file.name} was not opened. {NOT_OPENED}", is_newer))
        return sentences

    def _nothing(self) -> SubmissionContent:
        for file in self.inventory.files:
            self._count(f"{file.source} {file.name} {file.size}")
        if self.foreign:
            last = versions.newest([file for file, _ in self.foreign])[-1]
            known = next(name for file, name in self.foreign if file is last)
            what = f"It looks like {known}." if known else "It holds none of this homework's cells."
            problem = f"{last.name} is not a notebook of this homework. {what}"
            return _about(last, status="other homework", problem=problem)
        if self.broken:
            file, problem = self.broken[0]
            problem = f"{file.name} could not be read as a notebook: {problem}"
            return _about(file, status="unreadable", problem=problem)
        if files := self.inventory.files:
            names = listed(sorted({file.name for file in files}))
            problem = f"There is no notebook (.ipynb) among what was handed in: {names}."
            if any(file.name.lower().endswith(PACKED) for file in files):
                problem += f" {NOT_OPENED}"
        elif self.inventory.notes:
            problem = "Nothing of what was handed in could be read; the reasons follow."
        else:
            problem = "Nothing was handed in: there is no file (hidden ones do not count)."
        return SubmissionContent(status="no notebook", problem=problem)


def _limit() -> str:
    return f"{MOST_BYTES // 2**20} MB or {MOST_FILES:,} files"


def _about(file: SubmittedFile, **fields: object) -> SubmissionContent:
    """Return content with what is known about the file that counts."""
    return SubmissionContent(
        name=file.name, late=file.late, when=file.handed_in, clock=file.clock, **fields
    )
