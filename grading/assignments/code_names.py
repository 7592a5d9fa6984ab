"""Find which names the cells of a notebook give and need, without running them."""

import ast
import dataclasses
import functools
import re
import symtable
import textwrap
import warnings
from collections.abc import Iterable

MOST_CHARACTERS = 200_000  # of a cell; a longer one gives and needs nothing
NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
# Cell magics whose cell runs as it stands, so that its names stay.
_TRANSPARENT = ("%%time", "%%capture", "%%prun")
_REST = r"(?:.*\\\r?\n)*.*$"  # of a line, and of the lines that continue it
_MAGIC = re.compile(rf"(?m)^([ \t]*)(?:[!?]|%+[a-zA-Z_]){_REST}|^([ \t]*)\?*[\w.]+\?+[ \t]*$")
_ASSIGNED_MAGIC = re.compile(rf"(?m)^([ \t]*\w[\w, ]*=)[ \t]*[%!]{_REST}")
_TIMED = re.compile(r"(?m)^([ \t]*)%time[ \t]+(?=\S)")  # what it times stays, too
# After these, any name may be there.
_ANYTHING = re.compile(
    r"(?m)^[ \t]*from[ \t]+\S+[ \t]+import[ \t]+\*|^[ \t]*%run\b|\bexec\s*\(|\b__main__\.|"
    r"\b(globals|locals|vars)\(\)\s*(\[|\.update)"
)
_COMPREHENSIONS = ("listcomp", "setcomp", "dictcomp", "genexpr")


@dataclasses.dataclass(frozen=True)
class Names:
    """The names of a cell.

    Attributes:
        given: Names that exist after the cell has run.
        needed: Names that must exist when it runs.
        later: For a function or class that it gives: the names that must exist when that is
            called.
        is_open: Whether it may give names that its text does not reveal.
    """

    given: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    later: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    is_open: bool = False


@functools.lru_cache(maxsize=256)
def names_of(source: str) -> Names:
    """Return the names of a code cell; none for one that cannot be understood."""
    table = _symbols(python_of(source))
    if table is None:
        return Names()
    symbols = table.get_symbols()
    given = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    needed = {s.get_name() for s in symbols if s.is_referenced()}
    later, unnamed = {}, set()
    try:
        children = [(inner.get_name(), *_inside(inner)) for inner in table.get_children()]
    except RecursionError:
        return Names()
    for name, now, then, made in children:
        given |= made
        needed |= now
        if name in given:
            later.setdefault(name, set()).update(then)
        else:
            unnamed |= then  # of a lambda: whatever the cell gives may call it
    for name in given if unnamed else ():
        later.setdefault(name, set()).update(unnamed)
    return Names(frozenset(given), frozenset(needed - given), later, bool(_ANYTHING.search(source)))


def _inside(table: symtable.SymbolTable) -> tuple[set[str], set[str], set[str]]:
    """Return names needed at once, names needed when it is called, and global names it sets."""
    now, then, made = set(), set(), set()
    is_at_once = table.get_type() == "class" or table.get_name() in _COMPREHENSIONS
    for symbol in table.get_symbols():
        if symbol.is_global() and symbol.is_referenced():
            (now if is_at_once else then).add(symbol.get_name())
        if symbol.is_declared_global() and symbol.is_assigned():
            made.add(symbol.get_name())
    for inner in table.get_children():
        inner_now, inner_then, inner_made = _inside(inner)
        (now if is_at_once else then).update(inner_now)
        then |= inner_then
        made |= inner_made
    return now, then, made


@functools.lru_cache(maxsize=1)  # a table can take a hundred times the memory of its text
def _symbols(text: str) -> symtable.SymbolTable | None:
    """Return the symbols of Python code; None for anything else."""
    if len(text) > MOST_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return symtable.symtable(text, "cell", "exec")
    except NOT_PYTHON:
        return None


def python_of(source: str) -> str:
    """Return a cell's source without IPython's own syntax."""
    text = source.lstrip()
    if text.startswith("%%"):
        first, _, text = text.partition("\n")
        if not first.startswith(_TRANSPARENT):
            return ""
    if len(text) > MOST_CHARACTERS or _symbols(text):
        return text  # a line of Python may begin with %, too
    text = _ASSIGNED_MAGIC.sub(r"\1 None", _TIMED.sub(r"\1", text))
    return _MAGIC.sub(lambda match: f"{match[1] or match[2] or ''}pass", text)


@functools.lru_cache(maxsize=256)
def is_same_code(one: str, other: str) -> bool:
    """Return whether two sources are the same program: comments and spaces do not count."""
    if max(len(one), len(other)) > MOST_CHARACTERS:
        return one == other
    try:
        return _dumped(one) == _dumped(other)
    except NOT_PYTHON:
        return one.split() == other.split()


def _dumped(source: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.dump(ast.parse(python_of(source)))


def remove_names(source: str, names: Iterable[str]) -> str:
    """Return a stub that no longer sets some of its names.

    Args:
        source: Assignments and definitions, one below the other.
        names: Those to be left out.
    """
    statements = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name in names:
            continue
        if isinstance(statement, ast.Assign):
            statement.targets = [t for t in statement.targets if ast.unparse(t) not in names]
            if not statement.targets:
                continue
        statements.append(ast.unparse(statement))
    return "\n".join(statements)


def unless_given(source: str, names: Iterable[str]) -> str:
    """Return a stub that sets nothing if one of the names exists already."""
    listed = ", ".join(map(repr, sorted(names)))
    return f"if not {{{listed}}} & globals().keys():\n{textwrap.indent(source, '    ')}"
