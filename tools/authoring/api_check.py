"""Check how a notebook uses the course's own modules, and what its `except` catches.

When a name in `utils` moves, a notebook that uses it fails only when that line runs. So every
attribute of the course's modules that a notebook uses is looked up, and every call of their
functions is compared with the signature, in the folded solutions too.
"""

import ast
import contextlib
import functools
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator

import utils
from tools.authoring.lessons import Lesson
from utils import runtime

_FENCE = re.compile(r"(?ms)^```python\n(.*?)^```")
_TOO_WIDE = ("Exception", "BaseException")


def rule_known_names(lesson: Lesson) -> Iterator[str]:
    """Use only names of the course's modules that exist, with arguments that they take."""
    trees = list(_trees(lesson))
    names = {}
    for _, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= _imported(node)
    for place, tree in trees:
        for name in sorted(_bound_outside_of_functions(tree) & set(names)):
            yield f"{place} uses {name}, a name of the course's modules, for something else"
        finder = _Uses(names)
        finder.visit(tree)
        yield from (f"{place} {text}" for text in dict.fromkeys(finder.problems))


def rule_narrow_excepts(lesson: Lesson) -> Iterator[str]:
    """Catch only named errors, so that no mistake of our own passes for an expected one."""
    for place, tree in _trees(lesson):
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            for kind in kinds:
                if kind is None or ast.unparse(kind) in _TOO_WIDE:
                    name = "nothing" if kind is None else ast.unparse(kind)
                    yield (
                        f"{place} has an except that names {name} and so hides mistakes of ours "
                        "as well; name the errors that are meant"
                    )


def _trees(lesson):
    """Yield place and syntax tree of each code cell, and of each Python text in the prose."""
    for number, cell in enumerate(lesson.notebook.cells):
        if cell.cell_type == "code":
            texts = [(f"cell {number}", cell.source)]
        else:
            texts = [(f"the code in cell {number}", text) for text in _FENCE.findall(cell.source)]
        for place, text in texts:
            # `rule_parses` says if a cell does not parse; a text may be a sketch.
            with contextlib.suppress(SyntaxError):
                yield place, ast.parse(text)


def _imported(node):
    """Return the names that an import of the course's modules makes, with their origins."""
    made = {}
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] == "utils" and not node.level:
                made[alias.asname or alias.name] = (node.module, alias.name)
        elif alias.name.split(".")[0] == "utils":
            name = alias.asname or "utils"
            made[name] = (alias.name if alias.asname else "utils", None)
    return made


class _Missing(Exception):
    """A name that the course's modules do not have."""


def _attribute(owner, name):
    """Return an attribute of a module or class; import a submodule of that name if need be.

    Raises:
        _Missing: There is none.
    """
    if hasattr(owner, name):
        return getattr(owner, name)
    inside = pkgutil.iter_modules(getattr(owner, "__path__", ()))
    if inspect.ismodule(owner) and name in {module.name for module in inside}:
        return _import(f"{owner.__name__}.{name}")
    raise _Missing(f"{_called(owner)} has no {name}")


def _called(thing):
    return getattr(thing, "__qualname__", None) or thing.__name__


@functools.cache
def _module(name):
    """Return a module of the course.

    Raises:
        _Missing: There is none of that name.
    """
    owner = utils
    for part in name.split(".")[1:]:
        owner = _attribute(owner, part)
    return owner


def _import(name):
    """Import a module, for Keras with a backend, whose chatter is held back."""
    if "keras" not in sys.modules:
        runtime.choose_backend()
    with runtime.quiet_start():
        return importlib.import_module(name)


class _Uses(ast.NodeVisitor):
    """Collects in `problems` the names that a tree uses and the course's modules lack."""

    def __init__(self, names):
        self.names = names
        self.hidden = set()  # names that a function around this place uses for something else
        self.problems = []

    def visit_ImportFrom(self, node):
        """Look up what is imported."""
        for origin in _imported(node).values():
            self._try(self._of_import, origin)

    def visit_Import(self, node):
        """Look up what is imported."""
        self.visit_ImportFrom(node)

    def visit_FunctionDef(self, node):
        """Look into a function, whose own variables may hide a module of the same name."""
        for decorator in getattr(node, "decorator_list", []):
            self.visit(decorator)
        outer, self.hidden = self.hidden, self.hidden | _variables_of(node)
        self.generic_visit(node)
        self.hidden = outer

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_Attribute(self, node):
        """Look up a.b.c from the left."""
        if self._try(self._value, node) is None:
            self.generic_visit(node)

    def visit_Call(self, node):
        """Compare the arguments of a call with the signature."""
        self._try(self._compare, node)
        self.generic_visit(node)

    def _try(self, look, node):
        try:
            return look(node)
        except _Missing as missing:
            self.problems.append(f"uses what does not exist: {missing}")
            return None

    def _of_import(self, origin):
        module, name = origin
        return _attribute(_module(module), name) if name else _module(module)

    def _value(self, node):
        """Return what an expression stands for if it is part of the course's modules, or None."""
        if isinstance(node, ast.Name):
            if node.id in self.names and node.id not in self.hidden:
                return self._of_import(self.names[node.id])
        elif isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            if inspect.ismodule(owner) or inspect.isclass(owner):
                return _attribute(owner, node.attr)
        return None

    def _compare(self, call):
        function, given = self._value(call.func), list(call.args)
        bind = "bind"
        if function is None and ast.unparse(call.func) in ("functools.partial", "partial"):
            if not given:
                return
            function, given, bind = self._value(given[0]), given[1:], "bind_partial"
        if not callable(function):
            return
        try:
            signature = inspect.signature(function)
        except ValueError:  # of a few built-in types
            return
        named = {each.arg: None for each in call.keywords if each.arg}
        if len(named) < len(call.keywords) or any(isinstance(a, ast.Starred) for a in given):
            # What `*` and `**` pass is not known here, so only the names can be compared.
            given, bind = [], "bind_partial"
        try:
            getattr(signature, bind)(*given, **named)
        except TypeError as error:
            raise _Missing(f"{ast.unparse(call.func)}(…): {error}") from None


def _bound_outside_of_functions(tree):
    """Return the names that a cell binds, outside functions and classes."""
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    names, waiting = set(), list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if not isinstance(node, inner):
            waiting += ast.iter_child_nodes(node)
    return names


def _variables_of(function):
    """Return the names of a function's arguments and of the variables it assigns."""
    arguments = function.args
    names = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    names |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a}
    stored = (n for n in ast.walk(function) if isinstance(n, ast.Name))
    return names | {n.id for n in stored if isinstance(n.ctx, ast.Store)}
