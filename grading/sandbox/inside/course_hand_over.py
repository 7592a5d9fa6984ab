"""What the grader asks of a kernel: values by name, and calls of functions.

It is imported before any of the student's cells run. Nothing in this file is secret, and nothing
that it says is trusted: it only puts values into a form that can be read without trust.
"""

import json
from typing import Any

import plain_values


class Answer:
    """Shows itself as JSON text, so that it travels in a kernel's ordinary reply."""

    def __init__(self, **content: Any):
        self.text = json.dumps(content)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {plain_values.MIME: self.text}

    def __repr__(self):
        return "<answer>"


def state(values: list[str], functions: list[str], most_bytes: int) -> Answer:
    """Return the values as text, what is wrong with others, and which functions there are."""
    known, texts, problems, callables = _variables(), {}, {}, []
    left = most_bytes
    for name in values:
        if name not in known:
            problems[name] = "missing"
            continue
        text, problem = _as_text(known[name], left)
        if problem:
            problems[name] = f"not plain: {problem}"
        else:
            texts[name] = text
            left -= len(text)
    for name in functions:
        if known.get(name) is None or known[name] is ...:
            problems[name] = "missing"
        elif callable(known[name]):
            callables.append(name)
        else:
            problems[name] = f"not a function: it is of type {type(known[name]).__name__}"
    return Answer(values=texts, problems=problems, functions=callables)


def call(name: str, arguments: str, most_bytes: int) -> Answer:
    """Return the result of one call, as text, or the error that it raised."""
    positional, named = plain_values.loads(arguments)
    try:
        result = _variables()[name](*positional, **named)
    except Exception as error:
        return Answer(raised=_name_of(error), message=_text_of(error))
    text, problem = _as_text(result, most_bytes)
    return Answer(problem=problem) if problem else Answer(result=text)


def _variables():
    from IPython import get_ipython

    return get_ipython().user_ns


def _as_text(value, most_bytes):
    """Return a value's text and None, or None and the problem."""
    try:
        return plain_values.dumps(value, most_bytes), None
    except plain_values.NotPlain as error:
        return None, str(error)
    except Exception as error:  # of the student's class
        return None, f"reading it failed with {type(error).__name__}"


def _name_of(error):
    """Return the nearest of Python's own classes that an error belongs to."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")


def _text_of(error):
    try:
        return f"{type(error).__name__}: {error}"[:2000]
    except Exception:
        return type(error).__name__
