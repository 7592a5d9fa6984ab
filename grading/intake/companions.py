"""The files that go with a notebook: which are taken, and under which names it finds them."""

import dataclasses
import posixpath
import re
import unicodedata
from pathlib import PurePosixPath

from grading.intake import unzipping
from grading.intake.file_names import plain_name, split_ending
from grading.intake.versions import newest
from grading.intake.walking import NOTEBOOK, UNFINISHED, TooLargeError, listed

# What stands between names of files in code; a name may hold blanks, or stand without quotes.
_BETWEEN = re.compile(r"['\"/\\]+"), re.compile(r"[\s'\"/\\]+"), re.compile(r"\W+")
_MODULES = (".py", NOTEBOOK)
_UPWARDS = re.compile(r"(?<!\.)\.\.(?=[/\\'\"])")  # code that names the folder above
MOST_CODE = 2**20  # bytes of a module that are looked through for names


class Budget:
    """Counts files and bytes, so that no submission fills the memory."""

    def __init__(self, most_bytes, most_files):
        self.most_bytes, self.most_files = most_bytes, most_files
        self.bytes, self.files = most_bytes, most_files

    def take(self, size):
        """Whether a file of this size still fits; it is counted then."""
        if size > self.bytes or not self.files:
            return False
        self.bytes -= size
        self.files -= 1
        return True


def collect(found, chosen, used, expected, budget, code=""):
    """Reads the companions of a notebook.

    What the homework asks for comes first, then what the notebook's code names, then what lies in
    its folder, small files before large ones. A file that does not fit is named, and the others
    are read. Zips that were opened, and other notebooks, go with it only where its code names them.

    Args:
        found: The `walking.Found`; what is noticed is added to it.
        chosen: The notebook's `File`.
        used: The files that are versions of the notebook.
        expected: Names of the files that the homework asks for.
        budget: A `Budget`.
        code: The notebook's code.

    Returns:
        The files, name to bytes; names relative to the notebook's folder. What lies above or beside
        that folder is named from the top of what was handed in; or from the notebook's folder,
        with `../`, where the code names the folder above.
    """
    ids, words = set(map(id, used)), _words(code)
    is_upwards = bool(_UPWARDS.search(code))
    files = [file for file in found.files if id(file) not in ids]
    others = [file for file in files if file.name.lower().endswith(NOTEBOOK)] + found.zips
    files = [file for file in files if not file.name.lower().endswith(NOTEBOOK)]
    files += [file for file in others if _is_named(file.name, words)]
    files = _without_environments(found, files, chosen)
    named = {}
    for file in sorted(files, key=lambda each: _nearness(each, chosen)):
        named[_place(file.name, file, chosen, is_upwards)] = file
    wanted = {}
    for name in expected:
        if file := _expected(found, files, chosen, name):
            wanted[name] = file
    named |= wanted
    order = sorted(
        named,
        key=lambda name: (
            name not in wanted,
            not _is_named(name, words) and not _is_named(plain_name(name), words),
            _nearness(named[name], chosen)[:2] != (True, True),
            named[name].size,
            name,
        ),
    )
    data, left_out = {}, []
    for name in order:
        if not budget.take(named[name].size):
            left_out.append(name)
        elif (content := _read(found, named[name])) is not None:
            data[name] = content
    for name in data:
        if name.endswith(".py"):
            words |= _words(data[name][:MOST_CODE].decode("utf-8", "replace"))
    forms = () if unicodedata.is_normalized("NFC", code) else ("NFD",)
    for name, other in _other_names({name: named[name] for name in data}, named, chosen, forms):
        if _is_named(name, words) and budget.take(len(data[other])):
            data[name] = data[other]
    if left_out:
        found.remark(
            f"Left out, because more than {budget.most_bytes // 2**20} MB or "
            f"{budget.most_files:,} files were handed in: {listed(left_out)}."
        )
    return data


def read(found, file, most=None):
    """A file's bytes, or None; and what is wrong with it, or None if that is the machine's fault.

    What the machine could not do is added to a `walking.Found`.
    """
    try:
        return file.read(file.size if most is None else most), None
    except MemoryError:
        raise
    except TooLargeError:
        return None, "larger than it says"
    except OSError as error:
        if not unzipping.is_of_the_machine(error):
            return None, "damaged"
        found.failed(file.name, error)
        return None, None
    except Exception as error:  # each way of packing has errors of its own
        return None, unzipping.why(error)


def _read(found, file):
    """A file's bytes; None where it cannot be read, which is noted."""
    data, problem = read(found, file)
    if problem:
        label = f"{file.container}: {file.name}" if file.container else file.name
        found.notes.append(f"{label} is {problem} and could not be read.")
    return data


def _words(code):
    """What code may name files with, in the form in which files are listed, too."""
    codes = {code, unicodedata.normalize("NFC", code)}
    return {word for each in codes for between in _BETWEEN for word in between.split(each)}


def _is_named(name, words):
    """Whether a file's name is among the words of code; of a module also without its ending."""
    last = PurePosixPath(name).name
    stem, ending = split_ending(last)
    return last in words or (ending in _MODULES and stem in words)


def _without_environments(found, files, chosen):
    """The files without those of Python environments; says what was left out."""
    kept, left_out = [], set()
    for file in files:
        environment = found.environment_of(file, chosen)
        if environment is None:
            kept.append(file)
        else:
            left_out.add(environment)
    roots = tuple(f"{each}/" for each in left_out)
    left_out |= {each for each in found.packages if not each.startswith(roots)}
    if left_out:
        found.notes.append(
            f"Folders of installed software were left out: {listed(sorted(left_out))}."
        )
    return kept


def _nearness(file, chosen):
    """The last of several files of one name is the one nearest to the notebook, and the newest."""
    is_same = (file.source, file.container) == (chosen.source, chosen.container)
    folder = PurePosixPath(chosen.name).parent
    is_below = PurePosixPath(file.name).is_relative_to(folder)
    return is_same, is_below, file.source == chosen.source, file.rank, file.when or 0, file.name


def _place(name, file, chosen, is_upwards=False):
    """A file's name as seen from the notebook's folder."""
    path, folder = PurePosixPath(name), PurePosixPath(chosen.name).parent
    if file.source == chosen.source and path.is_relative_to(folder):
        path = path.relative_to(folder)
    elif is_upwards and (file.source, file.container) == (chosen.source, chosen.container):
        return posixpath.relpath(name, str(folder))
    return str(path)


def _expected(found, files, chosen, name):
    """The file that the homework asks for, whatever was added to its name; None if it is missing.

    Says what was found, and asks for a person where something is missing or open.
    """
    fitting = [file for file in files if _is_called(file.name, name)]
    if not fitting:
        others = listed(sorted(file.name for file in files)) or "the notebook alone"
        sentence = f"{name} was not among what was handed in: {others}."
        found.remark(sentence)
        return None
    last = newest(fitting)
    taken = max(
        last, key=lambda file: (PurePosixPath(file.name).name == name, *_nearness(file, chosen))
    )
    if _place(taken.name, taken, chosen) != name:
        found.notes.append(f"{taken.name} was put beside the notebook as {name}.")
    rivals = [file for file in fitting if file in last or 0 < file.rank < taken.rank]
    rivals = [file for file in rivals if file is not taken]
    content = _read(found, taken) if rivals else None
    for file in rivals:
        if _read(found, file) != content:
            found.remark(f"{taken.name} was taken as {name}; {file.name} may be as new.")
    return taken


def _is_called(name, wanted):
    """Whether a file has a name but for what platforms, browsers and people add."""
    last = PurePosixPath(name).name.casefold()
    for ending in (".txt", *UNFINISHED):
        last = last.removesuffix(ending)
    stem, dot, ending = wanted.casefold().rpartition(".")
    return plain_name(last) in (f"{stem}{dot}{ending}", stem, f"{stem}{dot}{ending}{dot}{ending}")


def _other_names(taken, named, chosen, forms=()):
    """Names that files may have had before, and under which no other file is there.

    Args:
        taken: The files that were read, by their names.
        named: All files, by their names.
        chosen: The notebook's `File`.
        forms: Unicode forms in which the names may have been, too: those of a Mac.

    Yields:
        Such a name, and the name of the file that gets it, too.
    """
    plain = {}
    for name, file in taken.items():
        for other in (plain_name(name), *(unicodedata.normalize(form, name) for form in forms)):
            plain.setdefault(other, []).append(dataclasses.replace(file, name=name))
        for alias in file.aliases:
            plain.setdefault(_place(alias, file, chosen), []).append(
                dataclasses.replace(file, name=name)
            )
    folders = {str(folder) for name in named for folder in PurePosixPath(name).parents}
    for name, same in plain.items():
        is_below_a_file = any(str(folder) in named for folder in PurePosixPath(name).parents)
        if name not in named and name not in folders and not is_below_a_file:
            yield name, max(newest(same), key=lambda file: (file.order, file.name)).name
