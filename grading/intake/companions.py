"""The files that go with a notebook: which ones, and under which names it finds them."""

import collections
import dataclasses
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from grading.intake import zips
from grading.intake.display import listed
from grading.intake.file_names import NOTEBOOK, plain_name, split_ending
from grading.intake.inventory import UNFINISHED, Inventory, SubmittedFile, TooLargeError
from grading.intake.versions import newest

# What stands between names of files in code; a name may hold blanks, or stand without quotes.
_BETWEEN = re.compile(r"['\"/\\]+"), re.compile(r"[\s'\"/\\]+"), re.compile(r"\W+")
_MODULES = (".py", NOTEBOOK)
_UPWARDS = re.compile(r"(?<!\.)\.\.(?=[/\\'\"])")  # code that names the folder above
MOST_CODE = 2**20  # bytes of a module that are searched for names


@dataclasses.dataclass
class Budget:
    """The bytes and files that may still be read, so that no submission fills the memory."""

    bytes: int
    files: int

    def take(self, size: int) -> bool:
        """Return whether a file of this size still fits; if so, count it."""
        if size > self.bytes or not self.files:
            return False
        self.bytes -= size
        self.files -= 1
        return True


def read(inventory: Inventory, file: SubmittedFile, most: int) -> tuple[bytes | None, str | None]:
    """Read a file of at most so many bytes.

    Returns:
        Its bytes, or None; and what is wrong with it, or None if the machine is at fault, which is
        added to the inventory.
    """
    try:
        return file.read(most), None
    except MemoryError:
        raise
    except TooLargeError:
        return None, "larger than it says"
    except Exception as error:  # each way of packing has errors of its own
        if isinstance(error, OSError) and zips.is_of_the_machine(error):
            inventory.add_trouble(file.name, error)
            return None, None
        return None, zips.why_unreadable(error)


def _read(inventory: Inventory, file: SubmittedFile) -> bytes | None:
    """Return a file's bytes; None if it cannot be read, which is noted."""
    data, problem = read(inventory, file, file.size)
    if problem:
        label = f"{file.container}: {file.name}" if file.container else file.name
        inventory.notes.append(f"{label} is {problem} and could not be read.")
    return data


def collect(
    inventory: Inventory,
    notebook: SubmittedFile,
    versions: Sequence[SubmittedFile],
    expected: Sequence[str],
    budget: Budget,
    code: str,
) -> tuple[dict[str, bytes], list[str]]:
    """Read the companions of a notebook.

    What the homework asks for comes first, then what the notebook's code names, then what is in its
    folder, small files before large ones. Zips that were opened, and other notebooks, go with it
    only where its code names them.

    Args:
        inventory: What was handed in; what is noticed is added to it.
        notebook: The notebook.
        versions: The files that are versions of the notebook.
        expected: Names of the files that the homework asks for.
        budget: How much may be read.
        code: The notebook's code.

    Returns:
        The files, name to bytes; names relative to the notebook's folder. What is above or beside
        that folder is named from the top of what was handed in; or from the notebook's folder, with
        `../`, where the code names the folder above. Also the names of files that did not fit.
    """
    words, is_upwards = _words(code), bool(_UPWARDS.search(code))
    optional = {*inventory.zips, *(file for file in inventory.files if file.is_notebook)}
    files = [
        file
        for file in inventory.files + inventory.zips
        if file not in versions and (file not in optional or _is_named(file.name, words))
    ]
    files = _without_environments(inventory, files, notebook)
    named = {
        _place(file.name, file, notebook, is_upwards): file
        for file in sorted(files, key=lambda file: _nearness(file, notebook))
    }
    asked = {name: _find_expected(inventory, files, notebook, name) for name in expected}
    asked = {name: file for name, file in asked.items() if file}
    named |= asked
    order = sorted(
        named,
        key=lambda name: (
            name not in asked,
            not _is_named(name, words) and not _is_named(plain_name(name), words),
            _nearness(named[name], notebook)[:2] != (True, True),
            named[name].size,
            name,
        ),
    )
    data, left_out = {}, []
    for name in order:
        if not budget.take(named[name].size):
            left_out.append(name)
        elif (content := _read(inventory, named[name])) is not None:
            data[name] = content
    for name in data:
        if name.endswith(".py"):
            words |= _words(data[name][:MOST_CODE].decode("utf-8", "replace"))
    forms = () if unicodedata.is_normalized("NFC", code) else ("NFD",)  # the code's, on a Mac
    taken = {name: named[name] for name in data}
    for other, name in _other_names(taken, named, notebook, forms):
        if _is_named(other, words) and budget.take(len(data[name])):
            data[other] = data[name]
    return data, left_out


def _words(code: str) -> set[str]:
    """Return the words by which code may name files, also in the form in which files are listed."""
    texts = {code, unicodedata.normalize("NFC", code)}
    return {word for text in texts for between in _BETWEEN for word in between.split(text)}


def _is_named(name: str, words: set[str]) -> bool:
    """Return whether a file's name is among words; a module's also without its ending."""
    last = PurePosixPath(name).name
    stem, ending = split_ending(last)
    return last in words or (ending in _MODULES and stem in words)


def _without_environments(
    inventory: Inventory, files: list[SubmittedFile], notebook: SubmittedFile
) -> list[SubmittedFile]:
    """Return the files without those of Python environments; note what was left out."""
    environments = [inventory.environment_of(file, notebook) for file in files]
    left_out = {folder for folder in environments if folder is not None}
    roots = tuple(f"{folder}/" for folder in left_out)
    left_out |= {folder for folder in inventory.packages if not folder.startswith(roots)}
    if left_out:
        inventory.notes.append(
            f"Folders of installed software were left out: {listed(sorted(left_out))}."
        )
    return [file for file, folder in zip(files, environments, strict=True) if folder is None]


def _nearness(file: SubmittedFile, notebook: SubmittedFile) -> tuple:
    """Return a sort key for files of one name: the last is nearest the notebook, and newest."""
    is_same = (file.source, file.container) == (notebook.source, notebook.container)
    is_below = PurePosixPath(file.name).is_relative_to(PurePosixPath(notebook.name).parent)
    is_beside = file.source == notebook.source
    return is_same, is_below, is_beside, file.rank, file.when or 0, file.name


def _place(
    name: str, file: SubmittedFile, notebook: SubmittedFile, is_upwards: bool = False
) -> str:
    """Return a file's name as seen from the notebook's folder."""
    path, folder = PurePosixPath(name), PurePosixPath(notebook.name).parent
    if file.source == notebook.source and path.is_relative_to(folder):
        return str(path.relative_to(folder))
    if is_upwards and (file.source, file.container) == (notebook.source, notebook.container):
        return posixpath.relpath(name, str(folder))
    return str(path)


def _find_expected(
    inventory: Inventory, files: list[SubmittedFile], notebook: SubmittedFile, name: str
) -> SubmittedFile | None:
    """Find a file that the homework asks for, whatever was added to its name; note any doubt."""
    fitting = [file for file in files if _is_called(file.name, name)]
    if not fitting:
        others = listed(sorted(file.name for file in files)) or "the notebook alone"
        inventory.remark(f"{name} was not among what was handed in: {others}.")
        return None
    last = newest(fitting)
    chosen = max(
        last, key=lambda file: (PurePosixPath(file.name).name == name, *_nearness(file, notebook))
    )
    if _place(chosen.name, chosen, notebook) != name:
        inventory.notes.append(f"{chosen.name} was put beside the notebook as {name}.")
    rivals = [file for file in fitting if file in last or 0 < file.rank < chosen.rank]
    rivals.remove(chosen)
    content = _read(inventory, chosen) if rivals else None
    for file in rivals:
        if _read(inventory, file) != content:
            inventory.remark(f"{chosen.name} was taken as {name}; {file.name} may be as new.")
    return chosen


def _is_called(name: str, wanted: str) -> bool:
    """Return whether a file has a name, except for what platforms, browsers and people add."""
    last = PurePosixPath(name).name.casefold()
    for ending in (".txt", *UNFINISHED):
        last = last.removesuffix(ending)
    wanted = wanted.casefold()
    stem, dot, ending = wanted.rpartition(".")
    return plain_name(last) in (wanted, stem, wanted + dot + ending)


def _other_names(
    taken: dict[str, SubmittedFile],
    named: dict[str, SubmittedFile],
    notebook: SubmittedFile,
    forms: Sequence[str],
) -> Iterator[tuple[str, str]]:
    """Find names that files may have had before, and under which no other file is there.

    Args:
        taken: The files that were read, by their names.
        named: All files, by their names.
        notebook: The notebook.
        forms: Unicode forms that the names may also have had.

    Yields:
        Such a name, and the name of the file that also gets it.
    """
    candidates = collections.defaultdict(list)
    for name, file in taken.items():
        others = [plain_name(name), *(unicodedata.normalize(form, name) for form in forms)]
        others += [_place(alias, file, notebook) for alias in file.aliases]
        for other in others:
            candidates[other].append(dataclasses.replace(file, name=name))
    folders = {str(folder) for name in named for folder in PurePosixPath(name).parents}
    for other, files in candidates.items():
        is_below_a_file = any(str(folder) in named for folder in PurePosixPath(other).parents)
        if other not in named and other not in folders and not is_below_a_file:
            yield other, max(newest(files), key=lambda file: (file.order, file.name)).name
