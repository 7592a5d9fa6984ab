"""What was handed in, read: folders, zips, several versions, and notebooks in every state.

Everything here comes from strangers, so it runs in a process of its own (`grading.intake.reader`).
Sizes are counted while reading, whatever a zip's table of contents says.
"""

import dataclasses
import hashlib
import json

from grading.intake import companions, notebooks, versions
from grading.intake.walking import NOTEBOOK, Found, listed

MOST_FILES = 3000
MOST_BYTES = 300 * 2**20
MOST_NOTES, MOST_CHARACTERS = 40, 2000  # of what is told
MOST_SNIFFED = 200  # files that are no notebooks by their names and are looked into
FAILED = "could not be graded"
NOT_OPENED = "Of packed files only a zip is opened, and no zip in a zip."
PACKED = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")


@dataclasses.dataclass
class Handed:
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
        notes: Plain sentences about what was noticed.
        look: Sentences that say why a person must look.
        digest: Changes when anything changes that was handed in and is used.
    """

    notebook: dict | str | None = None
    name: str = ""
    files: dict = dataclasses.field(default_factory=dict)
    when: float | None = None
    clock: str = ""
    late: bool = False
    problem: str | None = None
    status: str = "ok"
    notes: list = dataclasses.field(default_factory=list)
    look: list = dataclasses.field(default_factory=list)
    digest: str = ""


def read(submission, homework, others=()):
    """Reads a submission and decides which notebook counts.

    Args:
        submission: A `grading.intake.submissions.Submission`.
        homework: The `traits.Traits` of the homework.
        others: Those of other homework, to tell what a wrong notebook is.

    Returns:
        `Handed`. It never raises for what a student could have done, but for a MemoryError.
    """
    handed = Handed()
    with Found() as found:
        for number, source in enumerate(submission.sources):
            found.add(source, number)
        _Choice(found, homework, others).fill(handed)
    if found.trouble:
        handed.notebook, handed.files = None, {}
        handed.status, handed.problem = FAILED, found.trouble[0]
        found.notes += found.trouble[1:]
    handed.notes = _some(handed.notes + found.notes)
    handed.look = _some(handed.look + found.look)
    return handed


def _some(sentences):
    """The sentences, each once, and not more than anybody reads."""
    sentences = [each[:MOST_CHARACTERS] for each in dict.fromkeys(sentences)]
    rest = len(sentences) - MOST_NOTES
    return sentences[:MOST_NOTES] + ([f"And {rest:,} more remarks."] if rest > 0 else [])


class _Choice:
    """Decides which notebook counts.

    Args:
        found: The `walking.Found`.
        homework: The `Traits` of the homework.
        others: Those of other homework.
    """

    def __init__(self, found, homework, others):
        self.found, self.homework, self.others = found, homework, others
        self.budget = companions.Budget(MOST_BYTES, MOST_FILES)
        self.sniffing = companions.Budget(MOST_BYTES, MOST_SNIFFED)
        self.digest = hashlib.sha256()
        self.fitting = []  # `Version`s
        self.foreign = []  # pairs of a `File` and the name of the homework that it looks like
        self.broken = []  # pairs of a `File` and what is wrong with it
        self.kept = None  # a `File` that probably counts, and its notebook

    def fill(self, handed):
        """Writes into a `Handed` what was decided."""
        named, alike, rest = [], [], []
        for file in sorted(self.found.files, key=_newest_first):
            name = file.name.lower()
            group = named if name.endswith(NOTEBOOK) else alike if NOTEBOOK in name else rest
            group.append(file)
        for file in named:
            self._look_at(file)
        for file in alike:
            self._look_at(file, is_sure=not named)
        for file in rest[:MOST_FILES]:
            self._look_at(file, is_sure=False)
        if self.fitting:
            self._choose(handed)
        else:
            self._nothing_fits(handed)
        handed.digest = self.digest.hexdigest()

    def _look_at(self, file, is_sure=True):
        """Reads a file that may be a notebook; one that is none counts only if it should be one."""
        data = self._read(file) if is_sure else self._sniff(file)
        if data is None:
            return
        self._count(f"{file.source} {file.container} {file.name}", data)
        try:
            notebook, notes = notebooks.parse(data)
        except notebooks.Unreadable as error:
            if is_sure:
                self.broken.append((file, str(error)))
            return
        except MemoryError:
            if is_sure:
                sentence = f"To read {file.name} takes more memory than the grader gives."
                self.broken.append((file, sentence))
                self.found.look.append(sentence)
            return
        except Exception as error:  # whatever a stranger can think of must not stop the run
            if is_sure:
                self.broken.append((file, f"It cannot be read ({type(error).__name__})."))
            return
        if self.homework.fits(notebook, self.others):
            if not file.name.lower().endswith(NOTEBOOK):
                ending = file.name.rpartition("/")[2].rpartition(".")
                what = f"ends in .{ending[2]}" if ending[1] else f"does not end in {NOTEBOOK}"
                notes.append(f"{file.name} is a notebook, though its name {what}.")
            content = json.dumps([(c["cell_type"], c["source"]) for c in notebook["cells"]])
            content = hashlib.sha256(content.encode()).hexdigest()
            answers = self.homework.count_answers(notebook)
            if self.kept is None or (answers and not any(v.answers for v in self.fitting)):
                self.kept = file, notebook
            self.fitting.append(versions.Version(file, answers, content, tuple(notes)))
            return
        known = [other.name for other in self.others if other.fits(notebook, [])]
        if is_sure or known:
            self.foreign.append((file, known[0] if known else None))

    def _read(self, file):
        """The bytes of a file that should be a notebook; None where that cannot be."""
        try:
            notebooks.check_size(file.size)
        except notebooks.Unreadable as error:
            self._count(f"{file.source} {file.name} {file.size}", b"")
            self.broken.append((file, str(error)))
            return None
        if not self.budget.take(file.size):
            sentence = f"{file.name} was not read: together there are more than "
            sentence += f"{MOST_BYTES // 2**20} MB or {MOST_FILES:,} files."
            self.found.remark(sentence)
            return None
        data, problem = companions.read(self.found, file, notebooks.MOST_BYTES)
        if problem:
            self.broken.append((file, f"It is {problem}."))
        elif data is not None:
            self.budget.bytes -= max(0, len(data) - file.size)  # what gzip had made smaller
        return data

    def _sniff(self, file):
        """The bytes of a file that looks like a notebook, whatever it is called, or None."""
        if not 0 < file.size <= notebooks.MOST_BYTES or not _may_be_one(file):
            return None
        if not self.sniffing.take(file.size):
            return None
        data, _ = companions.read(self.found, file, notebooks.MOST_BYTES)
        return data if data is not None and notebooks.looks_like_one(data) else None

    def _count(self, name, data):
        self.digest.update(f"{name} ".encode() + hashlib.sha256(data).digest())

    def _choose(self, handed):
        chosen, notes, handed.look = versions.choose(self.fitting)
        file = chosen.file
        handed.notebook = self._notebook(file)
        _take(handed, file)
        self._count(f"chosen {chosen.content}", b"")
        handed.notes += [*chosen.notes, *notes]
        self._tell_of_others(chosen, handed)
        used = [each.file for each in self.fitting]
        # The other versions were read one by one and take no place any more.
        budget = companions.Budget(MOST_BYTES, MOST_FILES)
        budget.take(min(file.size, MOST_BYTES))
        code = "\n".join(c["source"] for c in handed.notebook["cells"] if c["cell_type"] == "code")
        expected = self.homework.files
        handed.files = companions.collect(self.found, file, used, expected, budget, code)
        for name, data in sorted(handed.files.items()):
            self._count(name, data)

    def _tell_of_others(self, chosen, handed):
        """Says what else might have been the work; a person looks where it may well be."""

        def tell(sentence, is_open):
            handed.notes.append(sentence)
            if is_open or not chosen.answers:
                handed.look.append(sentence)

        for other, problem in self.broken:
            last = versions.newest([chosen.file, other])
            sentence = f"{other.name} is not a readable notebook and was left aside: {problem}"
            tell(sentence, any(each is other for each in last))
        for other, _ in self.foreign:
            tell(f"{other.name} is another notebook and was not graded.", False)
        for other in self.found.files:
            if other.name.lower().endswith(PACKED):
                last = versions.newest([chosen.file, other])
                is_newer = not any(each is chosen.file for each in last)
                if is_newer or not chosen.answers:
                    tell(f"{other.name} was not opened. {NOT_OPENED}", is_newer)

    def _notebook(self, file):
        if self.kept[0] is file:
            return self.kept[1]
        return notebooks.parse(file.read(notebooks.MOST_BYTES))[0]

    def _nothing_fits(self, handed):
        if self.foreign:
            last = versions.newest([file for file, _ in self.foreign])[-1]
            known = next(name for file, name in self.foreign if file is last)
            handed.status = "other homework"
            _take(handed, last)
            what = f"It looks like {known}." if known else "It holds none of this homework's cells."
            handed.problem = f"{last.name} is not a notebook of this homework. {what}"
        elif self.broken:
            file, problem = self.broken[0]
            handed.status = "unreadable"
            _take(handed, file)
            handed.problem = f"{file.name} could not be read as a notebook: {problem}"
        else:
            handed.status = "no notebook"
            handed.problem = _what_there_is(self.found)
        for file in self.found.files:
            self._count(f"{file.source} {file.name} {file.size}", b"")


def _newest_first(file):
    return -file.rank, -(file.when or 0), file.name


def _may_be_one(file):
    """Whether a file begins like a notebook."""
    try:
        with file.open() as stream:
            start = stream.read(1000)
    except Exception:  # damaged, or not to be read; it is told where the file is needed
        return False
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith((b"{", b"\xff\xfe", b"\xfe\xff"))


def _what_there_is(found):
    if found.files:
        names = listed(sorted({file.name for file in found.files}))
        text = f"There is no notebook (.ipynb) among what was handed in: {names}."
        if any(file.name.lower().endswith(PACKED) for file in found.files):
            text += f" {NOT_OPENED}"
        return text
    if found.notes:
        return "Nothing of what was handed in could be read; the reasons follow."
    return "Nothing was handed in: there is no file (hidden ones do not count)."


def _take(handed, file):
    """Takes over what is known about the file that counts."""
    handed.name, handed.late = file.name, file.late
    handed.when, handed.clock = file.handed_in, file.clock
