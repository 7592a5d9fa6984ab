"""The clean process in which hidden tests run: plain values in, a verdict out.

    python -I judge_process.py MEGABYTES

It reads one task per line from stdin and answers on stdout; a test that calls one of the student's
functions asks for it there too. Every task is judged in a forked process, so that none meets what
another left. The tests are the assignment's; of the student's, only values get here.
"""

import builtins
import contextlib
import json
import os
import pathlib
import resource
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

# At the end: a test may use the course's own helpers.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from grading.sandbox.inside import plain_values as plain

MOST_CHARACTERS = 3000
KINDS = {"str": "a text", "list": "a list", "dict": "a dictionary", "bool": "True or False"}
KINDS |= {"int": "a whole number", "float": "a number", "ndarray": "an array"}


class NotAnswered(BaseException):
    """A test met an answer that was not given. Not an `Exception`, which a test may catch."""


class Stopped(BaseException):
    """The student's function was stopped; the message is its status."""


class OfStudent(Exception):
    """The student's function raised, or returned what cannot be handed over."""


def main() -> None:
    """Judge one task after another, until stdin ends."""
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(null, stream)
    limit = int(sys.argv[1]) * 2**20  # of memory, for one task
    for line in iter(questions.readline, b""):
        pid = os.fork()
        if pid == 0:
            try:
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                with contextlib.suppress(ValueError, OSError):
                    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
                verdict, message = Judge(json.loads(line), questions, answers).judge()
                send(answers, {"verdict": verdict, "message": message[:MOST_CHARACTERS]})
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        send(answers, {"ended": os.waitstatus_to_exitcode(status)})


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Send one line of JSON."""
    stream.write(json.dumps(message).encode() + b"\n")
    stream.flush()


class Judge:
    """Judges one task.

    Args:
        task: A dictionary: `hidden` (the test), `values` (texts by name), `functions` (names),
            `value_bytes`.
        questions: The stream that answers to calls come from.
        answers: The stream that calls go to.
    """

    def __init__(self, task: dict[str, Any], questions: BinaryIO, answers: BinaryIO):
        self.task = task
        self.questions = questions
        self.answers = answers
        self.called = set()

    def judge(self) -> tuple[str, str]:
        """Return the verdict and a message for the student."""
        try:
            values = {name: plain.loads(text) for name, text in self.task["values"].items()}
        except plain.NotPlain as error:
            return "error", f"The answer cannot be read: {error}."
        not_given = [name for name, value in values.items() if value is None or value is ...]
        if not_given:
            return "not answered", f"{', '.join(not_given)}: no answer yet."
        names = {"np": plain.np, "__name__": "hidden_test"} | values
        names |= {name: self.function(name) for name in self.task["functions"]}
        try:
            exec(compile(self.task["hidden"], "<check>", "exec"), names)
        except NotAnswered as error:
            return "not answered", f"{error}"
        except Stopped as error:
            return "stopped", f"{error}"
        except OfStudent as error:
            return "error", f"{error}"
        except AssertionError as error:
            return "wrong", f"{error}" or "The answer is not right."
        except MemoryError:
            return "error", f"Checking needed too much memory. {_described(values)}"
        except BaseException as error:
            problem = f"{type(error).__name__}: {error}"
            return "error", f"This could not be checked ({problem}). {_described(values)}"
        return "right", ""

    def function(self, name: str) -> Callable[..., Any]:
        """Return a function that stands in for one of the student's."""

        def stand_in(*positional, **named):
            try:
                arguments = plain.dumps([list(positional), named], self.task["value_bytes"])
            except plain.NotPlain as error:
                raise TypeError(f"an argument for {name} cannot be handed over: {error}") from None
            send(self.answers, {"call": name, "arguments": arguments})
            return self.result(name, json.loads(self.questions.readline()))

        stand_in.__name__ = stand_in.__qualname__ = name
        return stand_in

    def result(self, name: str, answer: dict[str, str]) -> Any:
        """Return what a call returns, or raise what it raises."""
        is_first = name not in self.called
        self.called.add(name)
        if "stopped" in answer:
            raise Stopped(answer["stopped"])
        if "raised" in answer:
            if is_first and answer["raised"] == "NotImplementedError":
                raise NotAnswered(f"{name}: no answer yet.")
            raise _error_like(answer["raised"], f"Your function {name} raised {answer['message']}")
        if "problem" in answer:
            raise OfStudent(f"What {name} returns cannot be handed over: {answer['problem']}.")
        try:
            value = plain.loads(answer["result"])
        except plain.NotPlain as error:
            raise OfStudent(f"What {name} returns cannot be read: {error}.") from None
        if is_first and (value is None or value is ...):
            raise NotAnswered(f"{name}: no answer yet, it returns {value}.")
        return value


def _error_like(name, message):
    """Return an error that a test can also expect by its type."""
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return OfStudent(message)
    try:
        return type(name, (OfStudent, kind), {"__str__": lambda self: message})(message)
    except TypeError:  # Unicode errors and groups take more than a message
        return OfStudent(message)


def _described(values):
    """Return the types of the values, for a student whose value has the wrong one."""
    parts = []
    for name, value in values.items():
        kind = type(value).__name__
        shape = f" of shape {value.shape}" if kind == "ndarray" else ""
        parts.append(f"{name} is {KINDS.get(kind, kind)}{shape}")
    return f"{'; '.join(parts)}." if parts else ""


if __name__ == "__main__":
    main()
